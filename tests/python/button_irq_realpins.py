#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs gpiozero's own tests of real pins on an emulated Raspberry Pi with a wire between two pins: pins that are not buttons
work through button_irq's factory as they work without it, here with RPi.GPIO's. Another pin is a button at the same time."""

import os
import sys

import lab

PINS = [pin.rpartition(":")[2] for pin in (os.environ["BUTTON_IRQ_PINS"].split()[0], lab.LINES[0])]
os.environ.update(BUTTON_IRQ_PIN_FACTORY="rpigpio", GPIOZERO_TEST_PIN=PINS[0], GPIOZERO_TEST_INPUT_PIN=PINS[1])

import pkg_resources  # noqa: E402
import button_irq_issues  # noqa: E402
import button_irq_suite  # noqa: E402

NO_PULLS = "RPi.GPIO's pulls do not move a pin of the emulated Pi; without our factory, these two fail, too"
EXPECTED = {"test_pull[button_irq]": NO_PULLS, "test_input_with_pull[button_irq]": NO_PULLS}

# The tests try every pin factory that gpiozero's package provides: make them find button_irq's instead.
get_distribution, load_entry_point = pkg_resources.get_distribution, pkg_resources.load_entry_point
pkg_resources.get_distribution = lambda name: get_distribution("button_irq")
pkg_resources.load_entry_point = lambda package, *entry: load_entry_point("button_irq", *entry)

if __name__ == "__main__":
    button_irq_issues.as_on_a_pi()
    lab.load(f"line={lab.LINES[1]}")
    failed = button_irq_suite.run(EXPECTED, "test_real_pins.py")
    lab.unload()
    sys.exit(failed)
