#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs gpiozero's own tests of its inputs and mixins on button_irq's pin factory and the real driver. GPIOZERO_TESTS is the
directory of these tests.

The tests take pins with drive_high() and drive_low() from a MockFactory. Here such a pin is a button of the driver, driven
through a wire. A test that needs another kind of pin is listed below with the reason, and must fail.
"""

import os
import sys

import lab

os.environ.setdefault("BUTTON_IRQ_PIN_FACTORY", "mock")
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

import pytest  # noqa: E402
from button_irq_gpiozero import ButtonIRQFactory, ButtonIRQPin  # noqa: E402

EXPECTED = {
    "test_input_light_sensor": "asks for a mock pin that is a capacitor: an output at times, which a button is not",
    "test_input_distance_sensor": "asks for a mock pin that triggers an echo on another mock pin",
    "test_source_delay": "has an output at the pin, which is a button here",
}

# Maps gpiozero's pins to lines under test. Only the encoder's two pins are used together.
LINES = {2: 0, 4: 0, 20: 0, 21: 1}
PULLED_UP = (2,)                                # by a resistor, as on a Raspberry Pi


class LabPin(ButtonIRQPin):
    """A pin that can be driven."""

    def __init__(self, factory, number):
        self.index = LINES[number]
        self.given = None                       # the level that gpiozero's device has been given
        super().__init__(factory, number)

    def _set_pull(self, value):
        # The pull implies how the button is wired. It also sets the level of a pin that nothing drives.
        if self.number not in PULLED_UP and value in ("up", "down"):
            self.factory.wire(self.index, value == "up")
        super()._set_pull(value)
        if value != "floating":
            self.drive(value == "up")

    def _set_when_changed(self, value):
        self.given = None if value is None else self.state
        super()._set_when_changed(value)

    def move(self, time_ns, pressed):
        """See the base class."""
        super().move(time_ns, pressed)
        self.given = self._level(pressed)

    def drive(self, level):
        """Sets the level and waits until it has reached the driver and the device. With a mock pin, that needs no waiting."""
        lab.stim(str(int(level)), index=self.index)
        lab.wait_for(lambda: self.state == level)
        lab.wait_for(lambda: self.given in (None, level))

    def drive_high(self):
        """See MockPin."""
        self.drive(1)

    def drive_low(self):
        """See MockPin."""
        self.drive(0)


class LabFactory(ButtonIRQFactory):
    """Replaces gpiozero's MockFactory"""

    pin_class = LabPin

    def __init__(self):
        super().__init__()
        self.active_low = [True, True]
        self.load()

    def load(self):
        """Loads the driver while no button is pressed."""
        for index, active_low in enumerate(self.active_low):
            lab.stim(str(int(active_low)), index=index)
        lab.load(f"line={','.join(lab.LINES)}", f"active_low={','.join(str(int(low)) for low in self.active_low)}",
                 "pull=as-is", "debounce_us=0")

    def wire(self, index, active_low):
        """Reloads the driver with that line's button between the line and ground, or 3.3 V."""
        if self.active_low[index] != active_low:
            self.active_low[index] = active_low
            for pin in self._pins.values():
                pin.close()
            lab.unload()
            self.load()

    def button(self, number):
        """See the base class; the table LINES has the line of a number."""
        return super().button(lab.LINES[LINES[number]].rpartition(":")[2]) if number in LINES else None

    def reset(self):
        """See MockFactory."""
        self.close()
        lab.unload()


class Plugin:
    """Changes to pytest: button_irq's factory instead of gpiozero's, expected failures, output in TAP"""

    def __init__(self, expected):
        self.expected = expected
        self.count = 0

    def pytest_collection_modifyitems(self, items):
        """Before the tests run."""
        sys.modules["conftest"].MockFactory = LabFactory
        for item in items:
            if item.name in self.expected:
                item.add_marker(pytest.mark.xfail(reason=self.expected[item.name], strict=True))
        unknown = set(self.expected) - {item.name for item in items}
        assert not unknown, f"expected to fail, but not there: {unknown}"
        print(f"TAP version 13\n1..{len(items)}", flush=True)

    def pytest_runtest_logreport(self, report):
        """After each phase of a test."""
        if report.when != "call" and report.passed or report.when == "teardown" and report.skipped:
            return
        self.count += 1
        if report.failed:
            print(*(f"# {line}" for line in str(report.longrepr).splitlines()), sep="\n")
        expected = getattr(report, "wasxfail", "")
        comment = f" # expected to fail: {expected}" if expected else " # SKIP" if report.skipped else ""
        print(f"{'not ok' if report.failed else 'ok'} {self.count} {report.nodeid.partition('::test_')[2]}{comment}",
              flush=True)


def run(expected, *files):
    """Runs gpiozero's tests in these files. The exit code."""
    os.chdir(os.environ["GPIOZERO_TESTS"])
    options = ["-s", "--assert=plain", "-p", "no:terminal", "-p", "no:cacheprovider"]
    return pytest.main([*options, *files], plugins=[Plugin(expected)])


if __name__ == "__main__":
    os.environ["BUTTON_IRQ_CHIP"] = lab.LINES[0].rpartition(":")[0]
    lab.idle()
    sys.exit(run(EXPECTED, "test_inputs.py", "test_mixins.py"))
