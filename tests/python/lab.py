# SPDX-License-Identifier: GPL-2.0-only
"""Helpers of the tests in Python: the module, the buttons to press, and waiting.

The environment is that of tests/selftests/lib.sh: BUTTON_IRQ_KO, BUTTON_IRQ_LINES. tests/selftests/stim presses the buttons.
"""

import os
import subprocess
import tempfile
import time

import tap

LINES = os.environ["BUTTON_IRQ_LINES"].split()
STIM = os.path.abspath("stim")
PLATFORM = "/sys/bus/platform/drivers/button_irq"


def load(*parameters):
    """insmod button_irq.ko PARAMETERS"""
    subprocess.run(["insmod", os.environ["BUTTON_IRQ_KO"], *parameters], check=True)


def unload():
    """Unbinds all buttons, waits until no file is open, and unloads the module."""
    if os.path.exists("/sys/module/button_irq"):
        unbind()
        wait_for(_is_unused)
        subprocess.run(["rmmod", "button_irq"], check=True)
    idle()


def idle():
    """Releases all buttons."""
    for index in range(len(LINES)):
        stim("1", index=index)


def _is_unused():
    with open("/sys/module/button_irq/refcnt", encoding="ascii") as file:
        return file.read() == "0\n"


def unbind():
    """Unbinds all buttons."""
    for entry in os.listdir(PLATFORM):
        if entry.startswith("button_irq"):
            with open(f"{PLATFORM}/unbind", "w", encoding="ascii") as file:
                file.write(entry)


def bind():
    """Binds all buttons again that unbind() has unbound."""
    for entry in os.listdir("/sys/bus/platform/devices"):
        if entry.startswith("button_irq") and not os.path.exists(f"/sys/bus/platform/devices/{entry}/driver"):
            with open(f"{PLATFORM}/bind", "w", encoding="ascii") as file:
                file.write(entry)


def stim(*words, index=0):
    """tests/selftests/stim INDEX WORDS"""
    subprocess.run([STIM, str(index), *words], check=True)


class Output:
    """A file for the output of another process, which can be read meanwhile. Both processes share the file's offset: a seek
    would make the other one overwrite its output, so text() reads without moving the offset."""

    def __init__(self):
        self.file = tempfile.TemporaryFile()

    def text(self):
        """The output up to now."""
        return os.pread(self.file.fileno(), 1 << 20, 0).decode()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()


def presses(count, start_us=0):
    """The arguments of stim train for count presses, 30 ms long and apart, which is well clear of the debounce time."""
    train = []
    for _ in range(count):
        train += [f"{start_us}:0", f"{start_us + 30_000}:1"]
        start_us += 60_000
    return [*train, f"{start_us}:1"]


def press(count, index=0):
    """Presses a button count times."""
    stim("train", *presses(count), index=index)


def wait_for(condition, seconds=20):
    """Waits until condition() holds; AssertionError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.01)


def waits_for_a_button(pid):
    """Returns whether the process has a button open and all its threads sleep."""
    try:
        files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        return any(file.startswith("/dev/button_irq") for file in files) and all(
            _state(pid, thread) == "S" for thread in os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:           # a file or thread has gone meanwhile
        return False


def _state(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def main(*cases):
    """Runs the test cases."""
    idle()
    tap.main(*cases)
