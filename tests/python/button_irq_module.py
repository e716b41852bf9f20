#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests userspace/python/button_irq with real button presses."""

import asyncio
import errno
import gc
import itertools
import os
import pathlib
import select
import signal
import subprocess
import sys
import threading
import time
import unittest
import warnings

import lab
from button_irq import CLICK, DOUBLE, HOLD, LOST, PRESS, RELEASE, REPEAT, Button, buttons, find


class Listing(unittest.TestCase):
    """Listing the buttons"""

    def setUp(self):
        self.addCleanup(lab.unload)

    def test_no_buttons_without_the_module(self):
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

    def test_path_object_names_a_node(self):
        lab.load(f"line={lab.LINES[0]}")
        with Button(pathlib.Path("/dev/button_irq")) as button:
            self.assertEqual(button.path, "/dev/button_irq")

    def test_label_opens_the_link_where_the_node_is_missing(self):
        """As in a container that was started with --device /dev/button/bell"""
        lab.load(f"line={lab.LINES[0]}", "label=bell")
        os.makedirs("/dev/button", exist_ok=True)
        os.rename("/dev/button_irq", "/dev/button/bell")
        self.addCleanup(os.rename, "/dev/button/bell", "/dev/button_irq")
        with Button("bell") as button:
            self.assertEqual(button.path, "/dev/button/bell")

    def test_open_without_rights_is_permission_error(self):
        lab.load(f"line={lab.LINES[0]}")
        for change, nobody in ((os.setegid, 65534), (os.seteuid, 65534)):
            self.addCleanup(change, 0)
            change(nobody)
        with self.assertRaises(PermissionError):
            Button()


class Events(unittest.TestCase):
    """One button, which each test opens again"""

    def setUp(self):
        self.addCleanup(lab.unload)
        lab.load(f"line={','.join(lab.LINES)}", "ring_events=128")
        self.button = Button()
        self.addCleanup(self.button.close)

    def check(self, events, first=1):
        """Checks that numbers have no gap, presses and releases alternate, times do not go back, and held times are right."""
        for number, event in enumerate(events, first):
            self.assertEqual(event.seq, number)
            self.assertEqual(event.type, RELEASE if number % 2 == 0 else PRESS)
        for before, event in zip(events, events[1:]):
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

    def test_str_of_an_event_is_the_line_of_the_device(self):
        with open("/dev/button_irq", encoding="ascii") as text:
            lab.press(2)
            lines = [text.readline().rstrip("\n") for _ in range(4)]
        self.assertEqual([str(event) for event in self.button.history()], lines)

    def test_wait_for_press_and_release_skip_other_events_and_time_out(self):
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

    def test_is_pressed_follows_the_last_event(self):
        self.assertFalse(self.button.is_pressed)
        lab.stim("0")
        self.assertEqual(self.button.read().type, PRESS)
        self.assertTrue(self.button.is_pressed)

    def test_debounce_settings_are_those_of_the_driver(self):
        self.assertEqual((self.button.debounce_us, self.button.debounce_mode), (10000, "eager"))

    def test_history_keeps_the_position_and_rewind_moves_it(self):
        lab.press(3)
        self.assertEqual(self.button.read().seq, 1)
        self.check(self.button.history())
        self.assertEqual(len(self.button.history()), 6)
        self.assertEqual(self.button.read().seq, 2)
        self.button.rewind()
        self.assertEqual(self.button.read().seq, 1)

    def test_times_are_on_the_chosen_clock(self):
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

    def test_overtaken_reader_gets_one_lost_event(self):
        lab.press(80)
        lost, *rest = (self.button.read(timeout=0) for _ in range(129))
        self.assertEqual((lost.seq, lost.type, lost.count), (1, LOST, 32))
        self.check(rest, first=33)

    def test_select_reports_a_button_until_its_last_event_is_read(self):
        self.assertEqual(select.select([self.button], [], [], 0)[0], [])
        lab.press(1)
        for _ in range(2):
            self.assertEqual(select.select([self.button], [], [], 5)[0], [self.button])
            self.button.read(timeout=0)
        self.assertEqual(select.select([self.button], [], [], 0)[0], [])

    def test_queued_events_are_read_before_enodev(self):
        lab.press(1)
        lab.unbind()
        self.assertEqual(self.button.read().type, PRESS)
        self.assertEqual(self.button.read().type, RELEASE)
        for what in (self.button.read, lambda: self.button.is_pressed, lambda: asyncio.run(self.button.wait())):
            with self.assertRaises(OSError) as caught:
                what()
            self.assertEqual((caught.exception.errno, caught.exception.filename), (errno.ENODEV, "/dev/button_irq"))

    def test_closed_button_raises_value_error(self):
        with self.button:
            pass
        self.button.close()
        self.assertTrue(self.button.closed)
        for what in (self.button.read, self.button.fileno, self.button.rewind, lambda: self.button.is_pressed):
            with self.assertRaisesRegex(ValueError, "/dev/button_irq is closed"):
                what()

    def test_tasks_read_two_buttons_at_the_same_time(self):
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

    def test_cancelled_wait_loses_no_event(self):
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

    def test_second_waiting_task_is_refused(self):
        async def run():
            first = asyncio.create_task(self.button.wait())
            await asyncio.sleep(0)
            with self.assertRaisesRegex(RuntimeError, "another task waits for /dev/button_irq"):
                await self.button.wait()
            await asyncio.to_thread(lab.press, 1)
            self.assertEqual((await first).seq, 1)

        asyncio.run(run())


def numbers():
    """The descriptors of this process."""
    return sorted(int(name) for name in os.listdir("/proc/self/fd"))


def is_done(thread):
    """A condition for wait_for(): the thread has ended"""
    return lambda: not thread.is_alive()


class Lifetime(unittest.TestCase):
    """Buttons that are dropped without closing, closed while a thread waits, or used after a fork"""

    def setUp(self):
        self.addCleanup(lab.unload)
        lab.load(f"line={','.join(lab.LINES)}")

    def test_a_dropped_button_closes_itself_and_warns(self):
        before = numbers()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(3):
                Button()
            gc.collect()
        self.assertEqual([str(warning.message) for warning in caught if warning.category is ResourceWarning],
                         ["unclosed <Button /dev/button_irq>"] * 3)
        self.assertEqual(numbers(), before)

    def test_a_failed_open_leaves_nothing(self):
        before = numbers()
        with self.assertRaises(ValueError):
            Button(clock="sundial")
        with self.assertRaises(OSError):
            Button("/dev/null")
        self.assertEqual(numbers(), before)

    def test_waiting_leaves_no_descriptors(self):
        with Button() as button:
            before = numbers()
            for _ in range(3):
                self.assertIsNone(button.read(timeout=0.01))
            self.assertEqual(numbers(), before)

    def test_close_wakes_a_task_and_leaves_the_next_button_of_that_number_alone(self):
        async def run():
            button = Button()
            number = button.fileno()
            waiting = asyncio.create_task(button.wait())
            await asyncio.sleep(0)
            button.close()
            with Button("button_irq1") as other:
                self.assertEqual(other.fileno(), number)
                task = asyncio.create_task(other.wait())
                with self.assertRaisesRegex(ValueError, "/dev/button_irq is closed"):
                    await asyncio.wait_for(waiting, 5)
                waiting.cancel()
                await asyncio.to_thread(lab.press, 1, 1)
                self.assertEqual((await asyncio.wait_for(task, 5)).type, PRESS)

        asyncio.run(run())

    def test_a_task_that_is_cancelled_after_close_leaves_the_next_button_alone(self):
        async def run():
            button = Button()
            waiting = asyncio.create_task(button.wait())
            await asyncio.sleep(0)
            button.close()
            waiting.cancel()
            with Button("button_irq1") as other:
                task = asyncio.create_task(other.wait())
                await asyncio.sleep(0)
                self.assertTrue(waiting.done() or await asyncio.wait([waiting]))
                await asyncio.to_thread(lab.press, 1, 1)
                self.assertEqual((await asyncio.wait_for(task, 5)).type, PRESS)

        asyncio.run(run())

    def test_close_from_another_thread_wakes_a_task(self):
        async def run():
            button = Button()
            waiting = asyncio.create_task(button.wait())
            await asyncio.sleep(0)
            await asyncio.to_thread(button.close)
            with self.assertRaisesRegex(ValueError, "/dev/button_irq is closed"):
                await asyncio.wait_for(waiting, 5)
            self.assertTrue(button.closed)

        before = numbers()
        asyncio.run(run())
        self.assertEqual(numbers(), before)

    def test_close_from_another_thread_wakes_every_reader(self):
        button = Button()
        seen = []

        def read():
            try:
                button.read()
            except ValueError as error:
                seen.append(str(error))

        before = numbers()
        threads = [threading.Thread(target=read, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        lab.wait_for(lambda: len(numbers()) == len(before) + 4)         # each thread waits, with a pipe of its own
        button.close()
        for thread in threads:
            lab.wait_for(is_done(thread))
        self.assertEqual(seen, ["/dev/button_irq is closed"] * 2)

    def in_child(self, work):
        """Runs work() in a forked child, waits until the child has ended, and returns what it printed."""
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.write(writer, f"{work()}".encode())
            except BaseException as error:
                os.write(writer, repr(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with open(reader, encoding="utf-8") as pipe:
            text = pipe.read()
        os.waitpid(pid, 0)
        return text

    def test_a_child_takes_nothing_from_its_parent(self):
        with Button(clock="realtime") as button:
            lab.press(2)
            number = button.fileno()

            def child():
                missed = button.read(timeout=0)
                lab.press(1)
                return missed, button.fileno() == number, button.read().seq, button.read().time > 1e9

            self.assertEqual(self.in_child(child), "(None, True, 5, True)")
            self.assertEqual([event.seq for event in itertools.islice(button, 6)], [1, 2, 3, 4, 5, 6])

    def test_child_of_a_parent_whose_thread_waits_reads_its_own_events(self):
        with Button() as button:
            before = numbers()
            thread = threading.Thread(target=button.read, daemon=True)
            thread.start()
            lab.wait_for(lambda: len(numbers()) == len(before) + 2)
            self.assertEqual(self.in_child(lambda: button.read(timeout=0)), "None")
            lab.press(1)
            lab.wait_for(is_done(thread))

    def test_child_of_a_parent_whose_button_is_gone_gets_an_error(self):
        with Button() as button:
            lab.unbind()
            self.assertRegex(self.in_child(button.read), r"FileNotFoundError\(2, .*|OSError\(19, .*")
            with self.assertRaises(OSError) as caught:
                button.read()
            self.assertEqual(caught.exception.errno, errno.ENODEV)


class Gesturing(unittest.TestCase):
    """Gestures of real presses"""

    # A click, a double click, and a hold with two repeats
    TRAIN = ("0:0", "100000:1", "800000:0", "900000:1", "1000000:0", "1100000:1", "2000000:0", "2650000:1", "3000000:1")
    TIMES = {"hold": 0.3, "double": 0.3, "repeat": 0.15}
    WANTED = ["press", "release", CLICK, "press", "release", "press", DOUBLE, "release", "press", HOLD, REPEAT, REPEAT,
              "release"]

    def setUp(self):
        self.addCleanup(lab.unload)
        lab.load(f"line={lab.LINES[0]}")
        self.button = Button()
        self.addCleanup(self.button.close)

    def test_gestures_come_between_their_events(self):
        presser = threading.Thread(target=lab.stim, args=("train", *self.TRAIN))
        presser.start()
        found = list(itertools.islice(self.button.gestures(**self.TIMES), len(self.WANTED)))
        presser.join()
        self.assertEqual([gesture.type for gesture in found], self.WANTED)
        self.assertEqual([gesture.held for gesture in found if gesture.type in (HOLD, REPEAT)], [0.3, 0.45, 0.6])

    def test_late_reader_finds_the_same_gestures(self):
        lab.stim("train", *self.TRAIN)
        gestures = self.button.gestures(**self.TIMES)
        self.assertEqual([gesture.type for gesture in itertools.islice(gestures, len(self.WANTED))], self.WANTED)
        self.assertIsNone(gestures.read(timeout=0))

    def test_async_iteration_gives_the_same_gestures(self):
        async def run():
            presser = asyncio.create_task(asyncio.to_thread(lab.stim, "train", *self.TRAIN))
            found = []
            async for gesture in self.button.gestures(**self.TIMES):
                found.append(gesture.type)
                if len(found) == len(self.WANTED):
                    break
            await presser
            return found

        self.assertEqual(asyncio.run(run()), self.WANTED)

    def test_run_calls_back_and_ends_with_close(self):
        lab.stim("train", *self.TRAIN)
        found = []
        self.button.gestures(**self.TIMES).run(click=lambda gesture: found.append(gesture.type),
                                               double=lambda gesture: found.append(gesture.seq),
                                               hold=lambda gesture: self.button.close())
        self.assertEqual(found, [CLICK, 5])
        with self.assertRaisesRegex(TypeError, "no gesture is called tap"):
            self.button.gestures().run(tap=print)

    def test_rebind_ends_a_hold(self):
        lab.stim("0")
        gestures = self.button.gestures(hold=0.5)
        self.assertEqual(gestures.read().type, "press")
        lab.unbind()
        lab.bind()
        with self.assertRaises(OSError) as caught:
            gestures.read(timeout=5)
        self.assertEqual(caught.exception.errno, errno.ENODEV)


class Shell(unittest.TestCase):
    """python3 -m button_irq."""

    def setUp(self):
        self.addCleanup(lab.unload)
        lab.load(f"line={','.join(lab.LINES)}", "label=bell,door")

    def start(self, *arguments, stdout=subprocess.PIPE):
        """Starts the program, and returns once it waits for a button."""
        process = subprocess.Popen([sys.executable, "-m", "button_irq", *arguments], stdout=stdout,
                                   stderr=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        lab.wait_for(lambda: lab.waits_for_a_button(process.pid), 60)
        return process

    def test_one_button_prints_the_lines_of_the_device(self):
        process = self.start("bell")
        lab.press(1)
        with Button("bell") as button:
            wanted = [f"{event}\n" for event in button.history()]
        self.assertEqual([process.stdout.readline() for _ in range(2)], wanted)
        process.send_signal(signal.SIGINT)
        self.assertEqual((process.communicate(timeout=20), process.returncode), (("", ""), 130))

    def test_several_buttons_have_their_labels_in_front(self):
        process = self.start()
        lab.press(1)
        lab.press(1, index=1)
        self.assertEqual([process.stdout.readline().split()[::3] for _ in range(4)],
                         [["bell", "press"], ["bell", "release"], ["door", "press"], ["door", "release"]])

    def test_gestures_option_adds_gestures(self):
        process = self.start("--gestures", "door")
        lab.press(1, index=1)
        self.assertEqual([process.stdout.readline().split()[2] for _ in range(3)], ["press", "release", "click"])

    def test_failed_write_is_reported_and_exits_1(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            process = self.start("bell", stdout=full)
        lab.press(1)
        self.assertEqual(process.communicate(timeout=20)[1], "button_irq: [Errno 28] No space left on device\n")
        self.assertEqual(process.returncode, 1)

    def test_button_that_goes_is_reported_and_exits_1(self):
        process = self.start("bell")
        lab.unbind()
        self.assertEqual(process.communicate(timeout=20)[1],
                         "button_irq: [Errno 19] No such device: '/dev/button_irq'\n")
        self.assertEqual(process.returncode, 1)


if __name__ == "__main__":
    lab.main(Listing, Events, Lifetime, Gesturing, Shell)
