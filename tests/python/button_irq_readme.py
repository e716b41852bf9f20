#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs the examples of userspace/python/README.md as printed there, with a button at GPIO17."""

import os
import re
import subprocess
import unittest

import lab

with open(f"{os.environ['BUTTON_IRQ_TOP']}/userspace/python/README.md", encoding="utf-8") as readme:
    SECTIONS = re.split("^## ", readme.read(), flags=re.MULTILINE)[1:]
EXAMPLES = {section.partition("\n")[0]: code for section in SECTIONS
            for code in re.findall("^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)}


class Readme(unittest.TestCase):
    """Each example, by its heading."""

    def setUp(self):
        lab.load(f"line={lab.LINES[0]}", "label=bell")
        self.addCleanup(lab.unload)

    def run_example(self, heading, train, wanted):
        """Starts an example, makes the presses once it has opened the button, and compares its output with the wanted one."""
        with lab.Output() as output:
            environment = {**os.environ, "GPIOZERO_PIN_FACTORY": "button_irq", "PYTHONUNBUFFERED": "1"}
            with subprocess.Popen(["python3", "-c", EXAMPLES[heading]], stdout=output.file, env=environment) as example:
                try:
                    lab.wait_for(lambda: lab.waits_for_a_button(example.pid), 60)
                    lab.stim("train", *train)
                    lab.wait_for(lambda: len(output.text()) >= len(wanted))
                finally:
                    example.terminate()
            self.assertEqual(output.text(), wanted)

    def test_events_example_prints_as_documented(self):
        self.run_example("Events", ["0:0", "250000:1", "300000:1"], "press 1\nheld for 0.25 s\n")

    def test_waiting_example_prints_as_documented(self):
        self.run_example("Waiting", ["0:0", "250000:0"], "pressed, and is still\n")

    def test_asyncio_example_prints_as_documented(self):
        self.run_example("asyncio", lab.presses(2), "bell press\nbell release\n" * 2)

    def test_gestures_example_prints_as_documented(self):
        train = ["0:0", "100000:1", "800000:0", "900000:1", "1000000:0", "1100000:1", "2000000:0", "2800000:1"]
        self.run_example("Gestures", train, "click\ndouble\nhold\nrepeat\n")

    def test_callbacks_example_prints_as_documented(self):
        train = ["0:0", "100000:1", "900000:0", "1000000:1", "1100000:0", "1200000:1", "2000000:0", "2800000:1"]
        self.run_example("Callbacks", train, "click\ndouble click\n")

    def test_gpiozero_example_prints_as_documented(self):
        train = ["0:0", "100000:1", "1000000:0", "1800000:1", "1900000:1"]
        self.run_example("gpiozero", train, "pressed\nreleased\npressed\nheld\nreleased\n")

    def test_every_example_has_a_test(self):
        self.assertEqual(set(EXAMPLES), {"Events", "Waiting", "asyncio", "Gestures", "Callbacks", "gpiozero"})


if __name__ == "__main__":
    lab.main(Readme)
