#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests userspace/python/button_irq_gpiozero.py in gpiozero, which finds the factory by the environment variable that users set.
Pins that are not buttons are gpiozero's mock pins."""

import os
import subprocess
import sys
import threading
import time
import unittest
import warnings

import lab

CHIP, _, OFFSET = lab.LINES[0].rpartition(":")
PIN = int(OFFSET)
os.environ.update(GPIOZERO_PIN_FACTORY="button_irq", BUTTON_IRQ_PIN_FACTORY="mock", BUTTON_IRQ_CHIP=CHIP)

from gpiozero import (  # noqa: E402
    LED,
    BadPinFactory,
    Button,
    Device,
    GPIOPinInUse,
    PinFixedPull,
    PinInvalidFunction,
    PinInvalidPin,
    PinWarning,
    RotaryEncoder,
)
from button_irq_gpiozero import ButtonIRQFactory  # noqa: E402


def close_pins():
    """Closes all pins, also those of a failed test, so that the module can be unloaded."""
    if Device.pin_factory:
        Device.pin_factory.close()


class Pins(unittest.TestCase):
    """One button at PIN, unless a test loads the module with other parameters"""

    parameters = ()

    def setUp(self):
        self.addCleanup(lab.unload)
        self.addCleanup(close_pins)
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
        """Waits for these events, and checks that no other event has come."""
        lab.wait_for(lambda: len(self.seen) >= len(wanted))
        self.assertEqual(self.seen, list(wanted))


class Buttons(Pins):
    """Pins that are buttons."""

    def test_gpiozero_takes_the_factory_from_the_environment(self):
        self.button()
        self.assertIsInstance(Device.pin_factory, ButtonIRQFactory)

    def test_every_press_and_release_is_called_back(self):
        button = self.button(bounce_time=0.2)
        lab.press(6)
        self.saw(*["pressed", "released"] * 6)
        self.assertFalse(button.is_pressed)
        lab.stim("0")
        self.saw(*["pressed", "released"] * 6, "pressed")
        self.assertTrue(button.is_pressed)
        self.assertEqual(button.pin.state, 0)

    def test_button_pressed_before_the_program_is_pressed(self):
        lab.stim("0")
        lab.wait_for(lambda: self.button_state() == "pressed")
        button = self.button()
        self.assertTrue(button.is_pressed)
        lab.stim("1")
        self.saw("released")

    def button_state(self):
        """The state in sysfs."""
        with open("/sys/class/button_irq/button_irq/state", encoding="ascii") as file:
            return file.read().strip()

    def test_wait_for_press_and_release_return(self):
        button = self.button()
        self.assertFalse(button.wait_for_press(timeout=0.1))
        presser = threading.Thread(target=lab.stim, args=("train", "0:1", "300000:0", "600000:1"))
        presser.start()
        self.assertTrue(button.wait_for_press(timeout=20))
        self.assertTrue(button.wait_for_release(timeout=20))
        presser.join()

    def test_long_press_is_held_once(self):
        button = self.button(hold_time=0.2)
        button.when_held = lambda: self.seen.append("held")
        lab.stim("train", "0:0", "100000:1", "500000:0", "1200000:1", "1300000:1")
        self.saw("pressed", "released", "pressed", "held", "released")

    def test_hold_repeat_repeats_while_pressed(self):
        button = self.button(hold_time=0.2, hold_repeat=True)
        button.when_held = lambda: self.seen.append("held")
        lab.stim("train", "0:0", "700000:1", "1300000:1")
        self.saw("pressed", "held", "held", "held", "released")

    def test_pressed_time_is_the_time_of_the_contact(self):
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

    def test_all_names_of_a_pin_mean_the_same_pin(self):
        for name in (f"GPIO{PIN}", f"BCM{PIN}", str(PIN)):
            button = self.button(pin=name)
            self.assertEqual(repr(button.pin), f"GPIO{PIN}")
            button.close()

    def test_header_names_mean_the_same_pin(self):
        if PIN != 5:
            self.skipTest("BOARD29 is GPIO5")
        self.assertEqual(type(self.button(pin="BOARD29").pin).__name__, "ButtonIRQPin")

    def test_second_device_on_a_pin_is_refused(self):
        button = self.button()
        with self.assertRaisesRegex(GPIOPinInUse, f"pin GPIO{PIN} is already in use"):
            Button(PIN)
        button.close()
        self.button()
        lab.press(1)
        self.saw("pressed", "released")

    def test_output_on_a_button_is_refused(self):
        with self.assertRaisesRegex(PinInvalidFunction, "/dev/button_irq: an input, not output"):
            LED(PIN)

    def test_failing_callback_stops_no_later_event(self):
        button = self.button()
        button.when_pressed = lambda: 1 / 0
        lab.press(3)
        self.saw("released", "released", "released")

    def test_slow_callback_gets_a_warning_and_balanced_events(self):
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
            # 25 events are unread, and the ring keeps 16 of them: the first release is lost.
            lab.stim("train", "50000:1", *lab.presses(12, start_us=100_000))
            slow.set()
            # The first press, a release for it although that event was lost, and the 8 presses that the ring kept
            lab.wait_for(lambda: len(self.seen) >= 18)
        self.assertIn("too slow for 9 events", str([str(warning.message) for warning in caught]))
        self.assertEqual(self.seen, ["pressed", "released"] * 9)

    def test_button_taken_away_while_pressed_is_released(self):
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


    def test_button_that_comes_back_works_again(self):
        button = self.button()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for presses in (1, 2):
                lab.press(1)
                self.saw(*["pressed", "released"] * presses)
                lab.unbind()
                self.warned(caught, "/dev/button_irq: the button is gone", presses)
                lab.bind()
                self.warned(caught, "/dev/button_irq: the button is back", presses)
        lab.stim("0")
        self.saw(*["pressed", "released"] * 2, "pressed")
        self.assertTrue(button.is_pressed)

    def warned(self, caught, what, times):
        """Waits until the warning was given this many times."""
        lab.wait_for(lambda: [str(warning.message) for warning in caught].count(what) >= times)

    def test_button_that_comes_back_pressed_is_pressed(self):
        self.button()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lab.unbind()
            self.warned(caught, "/dev/button_irq: the button is gone", 1)
            lab.stim("0")
            lab.bind()
            self.saw("pressed")
            lab.stim("1")
            self.saw("pressed", "released")

    def test_state_of_an_unwatched_pin_survives_a_rebind(self):
        pin = Device.pin_factory.pin(PIN) if Device.pin_factory else self.button().pin
        self.assertEqual(pin.state, 1)
        lab.unbind()
        with self.assertRaises(OSError):
            pin.state
        lab.bind()
        self.assertEqual(pin.state, 1)

    def test_factory_gives_the_same_pin_after_close(self):
        button = self.button()
        pin = button.pin
        button.close()
        self.assertIs(Device.pin_factory.pin(PIN), pin)
        again = self.button()
        self.assertIs(again.pin, pin)
        lab.press(1)
        self.saw("pressed", "released")

    def test_unknown_pin_names_are_invalid_pins(self):
        self.button()
        for name in ("3V3", "GND", "J8:1", "BOARD1", "GPIO99", "J9:99", "bell"):
            with self.assertRaises(PinInvalidPin, msg=name):
                Device.pin_factory.pin(name)

    def test_pull_up_false_on_an_active_low_button_is_refused(self):
        with self.assertRaisesRegex(PinFixedPull, f"GPIO{PIN} is /dev/button_irq, pressed when low: use pull_up=True"):
            Button(PIN, pull_up=False)
        self.assertEqual(self.button(pull_up=True).pin.pull, "up")

    def test_bounce_time_has_no_effect_and_says_so(self):
        wanted = f"bounce_time=0.2 has no effect on GPIO{PIN}: the driver debounces /dev/button_irq.* debounce_us=10000"
        with self.assertWarnsRegex(PinWarning, wanted):
            self.button(bounce_time=0.2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.seen = []
            Device.pin_factory.pin(PIN).bounce = None

    def hold(self, slow):
        """A button whose callback for a press takes this long, with a hold time of 0.4 s"""
        button = self.button(hold_time=0.4)
        button.when_pressed = lambda: (self.seen.append("pressed"), time.sleep(slow))
        button.when_held = lambda: self.seen.append("held")
        return button

    def test_a_slow_callback_makes_no_false_hold(self):
        button = self.hold(slow=1)
        lab.stim("train", *(word for n in range(5) for word in (f"{n * 200_000}:0", f"{n * 200_000 + 100_000}:1")))
        lab.wait_for(lambda: len(self.seen) >= 10)
        self.assertFalse(button.is_held)
        button.close()                          # ends the thread that counts the time
        self.assertEqual(self.seen, ["pressed", "released"] * 5)

    def test_a_slow_callback_hides_no_hold(self):
        self.hold(slow=1)
        lab.stim("train", "0:0", "100000:1", "200000:0", "800000:1", "900000:0", "1000000:1")
        self.saw("pressed", "released", "pressed", "held", "released", "pressed", "released")


class Encoder(unittest.TestCase):
    """Two pins whose events must stay in order, such as those of an encoder"""

    CYCLES = 200

    def setUp(self):
        self.addCleanup(lab.unload)
        self.addCleanup(close_pins)
        lab.load(f"line={','.join(lab.LINES)}", "debounce_us=0")
        self.encoder = RotaryEncoder(PIN, int(lab.LINES[1].rpartition(":")[2]), max_steps=0)
        self.addCleanup(self.encoder.close)

    def turn(self, meanwhile):
        """Another process turns the encoder while this one is busy with meanwhile()."""
        with subprocess.Popen([sys.executable, "turn.py", str(self.CYCLES), "1000"]) as turning:
            while turning.poll() is None:
                meanwhile()
        self.assertEqual(turning.returncode, 0)
        lab.wait_for(lambda: self.encoder.steps >= self.CYCLES)
        self.assertEqual(self.encoder.steps, self.CYCLES)

    def test_counts_right_when_the_program_is_busy(self):
        self.turn(lambda: sum(range(1000)))

    def test_counts_right_with_a_slow_callback(self):
        self.encoder.when_rotated = lambda: time.sleep(0.002)
        self.turn(lambda: time.sleep(0.01))


class ActiveHigh(Pins):
    """A button that connects to 3.3 V: high is pressed"""

    parameters = ("active_low=0", "pull=as-is")

    def setUp(self):
        lab.stim("0")
        super().setUp()

    def test_active_high_button_works_with_pull_down(self):
        self.check(pull_up=False)

    def test_active_high_button_works_with_an_external_pull(self):
        self.check(pull_up=None, active_state=True)

    def test_pull_up_true_on_an_active_high_button_is_refused(self):
        with self.assertRaisesRegex(PinFixedPull, "/dev/button_irq, pressed when high: use pull_up=False"):
            Button(PIN, pull_up=True)
        self.assertEqual(self.button(pull_up=False).pin.pull, "down")

    def check(self, **options):
        """Two presses to high."""
        button = self.button(**options)
        self.assertFalse(button.is_pressed)
        lab.stim("train", "0:1", "50000:0", "100000:1", "150000:1")
        self.saw("pressed", "released", "pressed")
        self.assertTrue(button.is_pressed)
        self.assertEqual(button.pin.state, 1)


class OtherPins(Pins):
    """Pins that are not buttons"""

    def test_other_pins_come_from_the_other_factory(self):
        led = LED(20)
        self.addCleanup(led.close)
        led.on()
        pin = Device.pin_factory.others.pin(20)
        self.assertEqual((type(pin).__name__, pin.state), ("MockPin", 1))
        with self.assertRaises(GPIOPinInUse):
            LED(20)

    def test_missing_other_factory_breaks_no_button(self):
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
    lab.main(Buttons, Encoder, ActiveHigh, OtherPins)
