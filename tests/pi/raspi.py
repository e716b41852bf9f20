#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is special about the Raspberry Pi boards, for tests/vm/run.py: QEMU is our own (build-qemu.sh), the device tree
comes from the kernel's package, overlays are applied as the firmware does, wires are a property of the pins, and the
guest asks for what is to happen at the pins over the second serial port, since these boards have no PCI."""

import subprocess
import sys
import threading
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/dt"))

import fdt  # noqa: E402 pylint: disable=wrong-import-position
import overrides  # noqa: E402 pylint: disable=wrong-import-position

GPIO = "/machine/soc/peripherals/gpio"


def board(machine, model, chip, dtb):
    return {
        "model": model,
        "qemu": ["qemu-system-aarch64", "-M", machine],
        "dtb": dtb,
        "console": "ttyAMA0,115200",
        # In the stock device trees the console's port belongs to the Bluetooth chip: what is typed there is lost.
        "host_tty": "/dev/ttyS1",
        # A line that nobody holds any more is to stay as it was set, as on the other boards; it would become an input.
        # All four CPUs run: those that nobody starts wait in a loop, and idle time would not pass at once.
        "append": "pinctrl_bcm2835.persist_gpio_outputs=y",
        "chip": chip,
        "wires": {27: 17, 22: 18},
    }


BOARDS = {
    "raspi3b": board("raspi3b", "Raspberry Pi 3B", "pinctrl-bcm2835", "broadcom/bcm2837-rpi-3-b.dtb"),
    "raspi4b": board("raspi4b", "Raspberry Pi 4B", "pinctrl-bcm2711", "broadcom/bcm2711-rpi-4-b.dtb"),
}

# What the demo shows.
HEADER = """
                        {model}: its 40-pin header
                     ┌─────┐
            3V3    1 │ ○ ○ │ 2   5V
          GPIO2    3 │ ○ ○ │ 4   5V
          GPIO3    5 │ ○ ○ │ 6   GND
          GPIO4    7 │ ○ ○ │ 8   GPIO14
    ┌────── GND    9 │ ● ○ │ 10  GPIO15
    ╱ the button     │     │
    └──┬─ GPIO17  11 │ ● ○ │ 12  GPIO18     GPIO17: /dev/button_irq; pulled up within the SoC, low when pressed
       └─ GPIO27  13 │ ● ○ │ 14  GND        GPIO27: the same contact, for a driver that only sets a flag
          GPIO22  15 │ ○ ○ │ 16  GPIO23
              ⋮      │ ⋮ ⋮ │     ⋮
            GND   39 │ ○ ○ │ 40  GPIO21
                     └─────┘
"""


def qemu():
    """Our QEMU; it is built if it is not there, which takes minutes and is said."""
    return subprocess.run([TOP / "tests/pi/build-qemu.sh"], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8").stdout.strip()


def command(arguments, directory, wires):
    """QEMU's command line for one of these boards, from what is the same for all."""
    arguments = [qemu(), *arguments[1:], "-serial", f"unix:{directory}/tty,server=on,wait=off",
                 "-qmp", f"unix:{directory}/qmp-pins,server=on,wait=off"]
    if wires:
        joined = ",".join(f"{output}-{line}" for output, line in wires.items())
        arguments += ["-global", f"bcm2835-gpio-pins.wires={joined}"]
    return arguments


def overlay(parameters, target):
    """Compiles the overlay and applies parameters to it, as they stand behind dtoverlay=button-irq in config.txt."""
    subprocess.run(["make", "-s", "-C", TOP / "dts", f"O={target.parent}"], check=True)
    tree = fdt.parse((target.parent / "button-irq.dtbo").read_bytes())
    overrides.apply(tree, parameters)
    # Firmware and dtoverlay keep an overlay's labels to themselves, unless it has a node __exports__. A kernel that got
    # them would refuse the second button, whose labels are the same.
    del tree.children["__symbols__"]
    target.write_bytes(fdt.write(tree))
    return target


def device_tree(base, config, source, directory):
    """What the firmware hands to the kernel: the tree, and on it each overlay that config.txt names; and one in source."""
    overlays = []
    if source:
        overlays.append(directory / "0.dtbo")
        subprocess.run(["dtc", "-@", "-q", "-O", "dtb", "-o", overlays[0], source], check=True)
    for line in config:
        name, _, parameters = line.removeprefix("dtoverlay=").partition(",")
        if name != "button-irq":
            raise SystemExit(f"run.py: no overlay {name}")
        overlays.append(overlay(parameters, directory / f"{len(overlays)}.dtbo"))
    if not overlays:
        return base
    result = directory / "board.dtb"
    subprocess.run(["fdtoverlay", "-i", base, "-o", result, *overlays], check=True)
    return result


class Pins(threading.Thread):
    """Does what the guest asks for over its second serial port, a line each, and answers with a line:

        set PIN LEVEL       drive it from outside; -1 lets go of it
        pulse PIN LEVEL     and back, before the guest sees any of it
        pull PIN            what is in the controller's registers: up, down, off
        level PIN           as it is at the pin
        over                has the demo ended? 1 or 0
        off                 the machine is about to turn off
    """

    def __init__(self, machine, tty, qmp):
        super().__init__(daemon=True)
        self.machine, self.tty, self.qmp = machine, tty, qmp

    def run(self):
        try:
            with self.tty.makefile(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    # The kernel sends some junk here when it looks for the port.
                    _, asks, request = line.partition("HOST ")
                    if asks:
                        self.tty.sendall(f"{self.do(request.split())}\n".encode())
        except OSError:
            pass            # QEMU has gone

    def bit(self, name, pin):
        return self.qmp.execute("qom-get", path=f"{GPIO}/pins", property=name) >> int(pin) & 1

    def do(self, request):
        match request:
            case ["set", pin, level]:
                self.machine.set_line(int(pin), int(level))
                self.machine.changes += 1
                return "0"
            case ["pulse", pin, level]:
                self.qmp.execute("stop")
                self.machine.set_line(int(pin), int(level))
                self.machine.set_line(int(pin), int(not int(level)))
                self.qmp.execute("cont")
                self.machine.changes += 1
                return "0"
            case ["pull", pin]:
                return "up" if self.bit("pull-up", pin) else "down" if self.bit("pull-down", pin) else "off"
            case ["level", pin]:
                return str(self.bit("level", pin))
            case ["off"]:
                self.machine.end_turns()
                return "0"
            case ["over"]:
                return str(int(self.machine.over))
        return "-22"


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: raspi.py PARAMETERS FILE: the overlay with its parameters applied")
    overlay(sys.argv[1], Path(sys.argv[2]).resolve())


if __name__ == "__main__":
    main()
