#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""userspace/python/button_irq_gpiozero.py under gpiozero, which is told of it as users tell it; the pins that are no
button are gpiozero's own mock pins."""

import os
import threading
import time
import unittest
import warnings

import lab

CHIP, _, OFFSET = lab.LINES[0].rpartition(":")
PIN = int(OFFSET)
os.environ.update(GPIOZERO_PIN_FACTORY="button_irq", BUTTON_IRQ_PIN_FACTORY="mock", BUTTON_IRQ_CHIP=CHIP)

from gpiozero import LED, BadPinFactory, Button, Device, GPIOPinInUse, PinInvalidFunction  # noqa: E402
from button_irq_gpiozero import ButtonIRQFactory  # noqa: E402


class Pins(unittest.TestCase):
    """One button at PIN, where a test has not loaded the module otherwise."""

    parameters = ()

    def setUp(self):
        self.addCleanup(lab.unload)
        lab.load(f"line={lab.LINES[0]}", "ring_events=16", *self.parameters)
        self.seen = []

    def button(self, *arguments, pin=PIN, **options):
        """gpiozero's Button, whose events go to self.seen."""
        button = Button(pin, *arguments, **options)
        self.addCleanup(button.close)
        button.when_pressed = lambda: self.seen.append("pressed")
        button.when_released = lambda: self.seen.append("released")
        return button

    def saw(self, *wanted):
        """Waits for these events, all that there are."""
        lab.wait_for(lambda: len(self.seen) >= len(wanted))
        self.assertEqual(self.seen, list(wanted))


class Buttons(Pins):
    """Pins that are buttons."""

    def test_found_by_gpiozero(self):
        self.button()
        self.assertIsInstance(Device.pin_factory, ButtonIRQFactory)

    def test_pressed_and_released(self):
        button = self.button(bounce_time=0.2)
        lab.press(6)
        self.saw(*["pressed", "released"] * 6)
        self.assertFalse(button.is_pressed)
        lab.stim("0")
        self.saw(*["pressed", "released"] * 6, "pressed")
        self.assertTrue(button.is_pressed)
        self.assertEqual(button.pin.state, 0)

    def test_pressed_before(self):
        lab.stim("0")
        lab.wait_for(lambda: self.button_state() == "pressed")
        button = self.button()
        self.assertTrue(button.is_pressed)
        lab.stim("1")
        self.saw("released")

    def button_state(self):
        """As the driver says it."""
        with open("/sys/class/button_irq/button_irq/state", encoding="ascii") as file:
            return file.read().strip()

    def test_waiting(self):
        button = self.button()
        self.assertFalse(button.wait_for_press(timeout=0.1))
        presser = threading.Thread(target=lab.stim, args=("train", "0:1", "300000:0", "600000:1"))
        presser.start()
        self.assertTrue(button.wait_for_press(timeout=20))
        self.assertTrue(button.wait_for_release(timeout=20))
        presser.join()

    def test_held_once(self):
        button = self.button(hold_time=0.2)
        button.when_held = lambda: self.seen.append("held")
        lab.stim("train", "0:0", "100000:1", "500000:0", "1200000:1", "1300000:1")
        self.saw("pressed", "released", "pressed", "held", "released")

    def test_held_again_and_again(self):
        button = self.button(hold_time=0.2, hold_repeat=True)
        button.when_held = lambda: self.seen.append("held")
        lab.stim("train", "0:0", "700000:1", "1300000:1")
        self.saw("pressed", "held", "held", "held", "released")

    def test_time_of_the_contact(self):
        button = self.button()
        slow = threading.Event()
        button.when_pressed = lambda: slow.wait(20)
        before = time.monotonic()
        lab.stim("train", "0:0", "300000:0")
        after = time.monotonic()
        lab.wait_for(lambda: button.pressed_time)
        pressed = time.monotonic() - button.pressed_time
        slow.set()
        self.assertTrue(before < pressed < after - 0.2)

    def test_names_of_a_pin(self):
        for name in (f"GPIO{PIN}", f"BCM{PIN}", str(PIN)):
            button = self.button(pin=name)
            self.assertEqual(repr(button.pin), f"GPIO{PIN}")
            button.close()

    def test_names_that_need_the_board(self):
        if PIN != 5:
            self.skipTest("BOARD29 is GPIO5")
        self.assertEqual(type(self.button(pin="BOARD29").pin).__name__, "ButtonIRQPin")

    def test_one_device_at_a_time(self):
        button = self.button()
        with self.assertRaisesRegex(GPIOPinInUse, f"pin GPIO{PIN} is already in use"):
            Button(PIN)
        button.close()
        self.button()
        lab.press(1)
        self.saw("pressed", "released")

    def test_no_output(self):
        with self.assertRaisesRegex(PinInvalidFunction, "/dev/button_irq: an input, not output"):
            LED(PIN)

    def test_a_callback_that_fails(self):
        button = self.button()
        button.when_pressed = lambda: 1 / 0
        lab.press(3)
        self.saw("released", "released", "released")

    def test_too_slow(self):
        button = self.button()
        slow, begun = threading.Event(), threading.Event()

        def pressed():
            self.seen.append("pressed")
            begun.set()
            slow.wait(60)

        button.when_pressed = pressed
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lab.stim("0")
            self.assertTrue(begun.wait(20))
            # 25 events wait, 16 are kept; the first release is not among them.
            lab.stim("train", "50000:1", *lab.presses(12, start_us=100_000))
            slow.set()
            # The first press, its release all the same, and the 8 presses that were kept
            lab.wait_for(lambda: len(self.seen) >= 18)
        self.assertIn("too slow for 9 events", str([str(warning.message) for warning in caught]))
        self.assertEqual(self.seen, ["pressed", "released"] * 9)

    def test_taken_away_while_pressed(self):
        button = self.button()
        lab.stim("0")
        self.saw("pressed")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lab.unbind()
            self.saw("pressed", "released")
            self.assertIn("/dev/button_irq: the button is gone", [str(warning.message) for warning in caught])
        with self.assertRaises(OSError):
            button.pin.state


class ActiveHigh(Pins):
    """A button to 3.3 V: pressed is high."""

    parameters = ("active_low=0", "pull=as-is")

    def setUp(self):
        lab.stim("0")
        super().setUp()

    def test_pull_down(self):
        self.check(pull_up=False)

    def test_external_pull(self):
        self.check(pull_up=None, active_state=True)

    def check(self, **options):
        """Two presses to high."""
        button = self.button(**options)
        self.assertFalse(button.is_pressed)
        lab.stim("train", "0:1", "50000:0", "100000:1", "150000:1")
        self.saw("pressed", "released", "pressed")
        self.assertTrue(button.is_pressed)
        self.assertEqual(button.pin.state, 1)


class OtherPins(Pins):
    """Pins that are none."""

    def test_from_the_other_factory(self):
        led = LED(20)
        self.addCleanup(led.close)
        led.on()
        pin = Device.pin_factory.others.pin(20)
        self.assertEqual((type(pin).__name__, pin.state), ("MockPin", 1))
        with self.assertRaises(GPIOPinInUse):
            LED(20)

    def test_without_another_factory(self):
        factory = ButtonIRQFactory()
        self.addCleanup(factory.close)
        factory_name = os.environ.pop("BUTTON_IRQ_PIN_FACTORY")
        self.addCleanup(os.environ.__setitem__, "BUTTON_IRQ_PIN_FACTORY", factory_name)
        button = self.button(pin_factory=factory)
        with warnings.catch_warnings(), self.assertRaisesRegex(BadPinFactory, "Unable to load any default pin factory"):
            warnings.simplefilter("ignore")
            LED(20, pin_factory=factory)
        self.assertEqual(os.environ["GPIOZERO_PIN_FACTORY"], "button_irq")
        self.assertFalse(button.is_pressed)


if __name__ == "__main__":
    lab.main(Buttons, ActiveHigh, OtherPins)
