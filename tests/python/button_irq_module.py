#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""userspace/python/button_irq.py, with buttons that are pressed."""

import asyncio
import errno
import itertools
import os
import select
import time
import unittest

import lab
from button_irq import LOST, PRESS, RELEASE, Button, buttons, find


class Listing(unittest.TestCase):
    """Which buttons there are."""

    def setUp(self):
        self.addCleanup(lab.unload)

    def test_nothing_without_the_module(self):
        self.assertEqual(buttons(), [])
        with self.assertRaises(FileNotFoundError):
            Button()
        with self.assertRaisesRegex(FileNotFoundError, "there is: none: 'bell'"):
            Button("bell")

    def test_found_by_label_line_and_node(self):
        lab.load(f"line={','.join(lab.LINES)}", "label=bell,door")
        self.assertEqual([info.path for info in buttons()], ["/dev/button_irq", "/dev/button_irq1"])
        for name in ("door", lab.LINES[1], "button_irq1", "/dev/button_irq1"):
            with Button(name) as button:
                self.assertEqual((button.path, button.label, button.line), ("/dev/button_irq1", "door", lab.LINES[1]))
        self.assertEqual(find("bell"), ("button_irq", "bell", lab.LINES[0]))
        with self.assertRaisesRegex(FileNotFoundError, r"there is: button_irq \(bell, .*\), button_irq1 \(door"):
            find("window")

    def test_a_label_that_two_have(self):
        lab.load(f"line={','.join(lab.LINES)}", "label=bell")
        with self.assertRaisesRegex(ValueError, "2 buttons have the label bell: button_irq, button_irq1"):
            Button("bell")

    def test_not_for_everyone(self):
        lab.load(f"line={lab.LINES[0]}")
        for change, nobody in ((os.setegid, 65534), (os.seteuid, 65534)):
            self.addCleanup(change, 0)
            change(nobody)
        with self.assertRaises(PermissionError):
            Button()


class Events(unittest.TestCase):
    """One button, opened anew by each test."""

    def setUp(self):
        self.addCleanup(lab.unload)
        lab.load(f"line={','.join(lab.LINES)}", "ring_events=128")
        self.button = Button()
        self.addCleanup(self.button.close)

    def check(self, events, first=1):
        """Numbered without a gap, press and release in turn, times that do not go back, and how long it was held."""
        for number, event in enumerate(events, first):
            self.assertEqual(event.seq, number)
            self.assertEqual(event.type, RELEASE if number % 2 == 0 else PRESS)
        for before, event in itertools.pairwise(events):
            self.assertGreaterEqual(event.time_ns, before.time_ns)
            if event.type == RELEASE:
                self.assertEqual(event.held_ns, event.time_ns - before.time_ns)

    def test_every_event_once_in_order(self):
        lab.press(20)
        events = list(itertools.islice(self.button, 40))
        self.check(events)
        self.assertIsNone(self.button.read(timeout=0))
        self.assertAlmostEqual(events[1].held, 0.03, delta=0.02)
        self.assertEqual(events[1].time, events[1].time_ns / 1e9)

    def test_bounces_are_counted(self):
        lab.stim("train", "0:0", "1000:1", "2000:0", "50000:1", "80000:1")
        press, release = itertools.islice(self.button, 2)
        self.assertEqual((press.count, release.count), (0, 2))

    def test_text_as_the_device_has_it(self):
        with open("/dev/button_irq", encoding="ascii") as text:
            lab.press(2)
            lines = [text.readline().rstrip("\n") for _ in range(4)]
        self.assertEqual([str(event) for event in self.button.history()], lines)

    def test_waiting_for_press_and_release(self):
        lab.press(1)
        self.assertEqual(self.button.wait_for_release(timeout=1).seq, 2)
        self.assertIsNone(self.button.wait_for_press(timeout=0))
        before = time.monotonic()
        self.assertIsNone(self.button.wait_for_press(timeout=0.25))
        self.assertGreaterEqual(time.monotonic() - before, 0.25)
        lab.press(1)
        self.assertEqual(self.button.wait_for_press().seq, 3)
        for timeout in (-1, float("nan")):
            with self.assertRaisesRegex(ValueError, "no time to wait"):
                self.button.read(timeout)

    def test_is_pressed(self):
        self.assertFalse(self.button.is_pressed)
        lab.stim("0")
        self.assertEqual(self.button.read().type, PRESS)
        self.assertTrue(self.button.is_pressed)

    def test_settings(self):
        self.assertEqual((self.button.debounce_us, self.button.debounce_mode), (10000, "eager"))

    def test_history_and_rewind(self):
        lab.press(3)
        self.assertEqual(self.button.read().seq, 1)
        self.check(self.button.history())
        self.assertEqual(len(self.button.history()), 6)
        self.assertEqual(self.button.read().seq, 2)
        self.button.rewind()
        self.assertEqual(self.button.read().seq, 1)

    def test_clocks(self):
        lab.press(1)
        now = time.clock_gettime(time.CLOCK_REALTIME)
        monotonic = self.button.read()
        self.button.clock = "realtime"
        self.button.rewind()
        realtime = self.button.read()
        self.assertAlmostEqual(realtime.time - monotonic.time, now - time.monotonic(), delta=0.5)
        with Button(clock=time.CLOCK_BOOTTIME) as other:
            self.assertEqual(other.clock, "boottime")
        with self.assertRaisesRegex(ValueError, "clock 'sundial' is none of monotonic, boottime, realtime"):
            Button(clock="sundial")

    def test_too_slow(self):
        lab.press(80)
        lost, *rest = (self.button.read(timeout=0) for _ in range(129))
        self.assertEqual((lost.seq, lost.type, lost.count), (1, LOST, 32))
        self.check(rest, first=33)

    def test_select_tells_of_every_event(self):
        self.assertEqual(select.select([self.button], [], [], 0)[0], [])
        lab.press(1)
        for _ in range(2):
            self.assertEqual(select.select([self.button], [], [], 5)[0], [self.button])
            self.button.read(timeout=0)
        self.assertEqual(select.select([self.button], [], [], 0)[0], [])

    def test_gone(self):
        lab.press(1)
        lab.unbind()
        self.assertEqual(self.button.read().type, PRESS)
        self.assertEqual(self.button.read().type, RELEASE)
        for what in (self.button.read, lambda: self.button.is_pressed, lambda: asyncio.run(self.button.wait())):
            with self.assertRaises(OSError) as caught:
                what()
            self.assertEqual((caught.exception.errno, caught.exception.filename), (errno.ENODEV, "/dev/button_irq"))

    def test_closed(self):
        with self.button:
            pass
        self.button.close()
        self.assertTrue(self.button.closed)
        for what in (self.button.read, self.button.fileno, self.button.rewind, lambda: self.button.is_pressed):
            with self.assertRaisesRegex(ValueError, "/dev/button_irq is closed"):
                what()

    def test_asyncio(self):
        async def collect(button, count):
            events = []
            async for event in button:
                events.append(event)
                if len(events) == count:
                    return events

        async def run():
            with Button("button_irq1") as other:
                one, two = asyncio.create_task(collect(self.button, 20)), asyncio.create_task(collect(other, 10))
                await asyncio.to_thread(lab.press, 10)
                await asyncio.to_thread(lab.press, 5, 1)
                self.check(await asyncio.wait_for(one, 20))
                self.check(await asyncio.wait_for(two, 20))

        asyncio.run(run())

    def test_asyncio_loses_nothing_when_cancelled(self):
        async def run():
            for _ in range(3):
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(self.button.wait(), 0.05)
            await asyncio.to_thread(lab.press, 2)
            self.assertEqual((await self.button.wait()).seq, 1)
            self.assertEqual((await self.button.wait(PRESS)).seq, 3)
            with self.assertRaisesRegex(ValueError, "no type of event: 'click'"):
                await self.button.wait("click")

        asyncio.run(run())

    def test_one_task_at_a_time(self):
        async def run():
            first = asyncio.create_task(self.button.wait())
            await asyncio.sleep(0)
            with self.assertRaisesRegex(RuntimeError, "another task waits for /dev/button_irq"):
                await self.button.wait()
            await asyncio.to_thread(lab.press, 1)
            self.assertEqual((await first).seq, 1)

        asyncio.run(run())


if __name__ == "__main__":
    lab.main(Listing, Events)
