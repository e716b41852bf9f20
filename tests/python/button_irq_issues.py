#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Faults of gpiozero's own debouncing: runs one program with the same presses, first with gpiozero's default pin factory, then
with button_irq. Each test requires that the default fails as its users have reported."""

import glob
import os
import subprocess
import unittest

import lab

# Issues of gpiozero/gpiozero. All were reported with RPi.GPIO, and gpiozero 1.6.2 has them.
BOUNCE = 0.05                           # seconds
PROGRAM = f"""
from signal import pause
from gpiozero import Button, Device

button = Button({lab.LINES[0].rpartition(":")[2]}, bounce_time={BOUNCE}, hold_time=0.2, hold_repeat=True)
button.when_pressed = lambda: print("pressed", flush=True)
button.when_released = lambda: print("released", flush=True)
button.when_held = lambda: print("held, pressed:", button.is_pressed, flush=True)
print("ready", type(Device.pin_factory).__name__, flush=True)
pause()
"""


def as_on_a_pi():
    """Adds what RPi.GPIO needs and only Raspberry Pi's kernel has: the revision in /proc/cpuinfo, and the header's GPIO
    numbers in sysfs, which begin at 0 there and at 512 with Debian's kernel. (RPi.GPIO also needs /dev/gpiomem, or access to
    /dev/mem, which iomem=relaxed allows.) The numbers lead to this kernel's lines. The change lasts until the machine ends."""
    if os.path.exists("/run/cpuinfo"):
        return
    with open("/proc/cpuinfo", encoding="ascii") as file:
        cpuinfo = file.read()
    with open("/run/cpuinfo", "w", encoding="ascii") as file:
        file.write(cpuinfo + "Hardware\t: BCM2835\nRevision\t: a02082\n")
    subprocess.run(["mount", "--bind", "/run/cpuinfo", "/proc/cpuinfo"], check=True)
    os.mkdir("/run/sys")
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/run/sys"], check=True)
    os.mkdir("/run/gpio")
    for name in ("export", "unexport"):
        open(f"/run/gpio/{name}", "wb").close()
    subprocess.run(["mount", "--bind", "/run/gpio", "/sys/class/gpio"], check=True)


class Exported:
    """Exports the first line in sysfs, under its number on the header"""

    def __init__(self):
        label, _, offset = lab.LINES[0].rpartition(":")
        for chip in glob.glob("/run/sys/class/gpio/gpiochip*"):
            with open(f"{chip}/label", encoding="ascii") as file:
                if file.read().strip() == label:
                    with open(f"{chip}/base", encoding="ascii") as base:
                        self.number = int(base.read()) + int(offset)
        self.link = f"/run/gpio/gpio{offset}"

    def __enter__(self):
        self.write("export")
        os.symlink(os.path.realpath(f"/run/sys/class/gpio/gpio{self.number}"), self.link)

    def __exit__(self, *exception):
        os.unlink(self.link)
        self.write("unexport")

    def write(self, what):
        """Writes the number to export or unexport."""
        with open(f"/run/sys/class/gpio/{what}", "w", encoding="ascii") as file:
            file.write(str(self.number))


def run_program(train, enough):
    """Starts the program and makes the presses. Returns the lines printed until enough(lines) or a timeout, and the name of
    the pin factory."""
    with lab.Output() as output:
        def lines():
            return output.text().splitlines()

        with subprocess.Popen(["python3", "-c", PROGRAM], stdout=output.file) as program:
            try:
                lab.wait_for(lambda: any(line.startswith("ready") for line in lines()), 60)
                lab.stim("train", *train)
                try:
                    lab.wait_for(lambda: enough(lines()), 3)
                except AssertionError:
                    pass
            finally:
                program.terminate()
        ready, *rest = lines()
        return rest, ready.split()[1]


class Issues(unittest.TestCase):
    """gpiozero's issues, by number."""

    def compare(self, train, wanted):
        """Returns the program's output with the default pin factory, after checking its output with button_irq's."""
        with Exported():
            theirs, factory = run_program(train, lambda lines: False)
        self.assertEqual(factory, "RPiGPIOFactory")
        lab.load(f"line={lab.LINES[0]}", f"debounce_us={int(BOUNCE * 1e6)}")
        os.environ["GPIOZERO_PIN_FACTORY"] = "button_irq"
        try:
            ours, factory = run_program(train, lambda lines: len(lines) > len(wanted))
        finally:
            del os.environ["GPIOZERO_PIN_FACTORY"]
            lab.unload()
        self.assertEqual(factory, "ButtonIRQFactory")
        print(f"# issue {self.id().rpartition('_')[2]}: {factory}: {', '.join(ours)}")
        print(f"# their default: {', '.join(theirs)}")
        self.assertEqual(ours, wanted)
        return theirs

    def test_issue_550(self):
        """Software debounce missing input events: presses without releases."""
        train = [f"{us}:{level}" for start in range(0, 2_000_000, 400_000)
                 for us, level in ((start, 0), (start + 30_000, 1), (start + 33_000, 0), (start + 35_000, 1))]
        theirs = self.compare(train, ["pressed", "released"] * 5)
        self.assertEqual(theirs[0], "pressed")
        self.assertLess(theirs.count("released"), 5)
        print("# their default loses releases: yes")

    def test_issue_697(self):
        """when_held is called although the button was released."""
        theirs = self.compare(["0:0", "30000:1", "40000:1"], ["pressed", "released"])
        self.assertGreaterEqual(theirs.count("held, pressed: False"), 2)
        print("# their default holds a button that is released: yes")

    def test_issue_1039(self):
        """A press is dropped when the press before was shorter than the bounce time."""
        theirs = self.compare(["0:0", "30000:1", "1000000:0", "1100000:1"], ["pressed", "released"] * 2)
        self.assertEqual([line for line in theirs if not line.startswith("held")], ["pressed", "released"])
        print("# their default loses the second press: yes")


if __name__ == "__main__":
    as_on_a_pi()
    lab.main(Issues)
