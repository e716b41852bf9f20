#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The Raspberry Pi boards for tests/vm/run.py, in what differs from QEMU's virt board: they need the QEMU of build-qemu.sh,
device trees come from the kernel's package, overlays are applied as the firmware does, jumper wires are a property of the
pins, and the guest asks the host over a second serial port to change pins."""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "button_irq"
sys.path.insert(0, str(TOP / "tests/dt"))

import fdt  # noqa: E402 pylint: disable=wrong-import-position
import overrides  # noqa: E402 pylint: disable=wrong-import-position

# Ways to test a board, the longest first; check.sh explains them.
WAYS = ["wire", "storm", "params", "runtime", "overlay", "devtree", "asleep"]
EVERYWHERE = ["wire", "params", "overlay"]


def board(model, chip, dtb, **more):
    return {
        "model": model,
        # The kernels, and the ways in which check.sh tests each. The demo boots the first one. Debian's kernels can apply
        # overlays at run time from 7.x on.
        "kernels": {"6.12-arm64": EVERYWHERE, "7.2-arm64": ["runtime"]},
        "dtb": dtb,
        "console": "ttyAMA0,115200",
        # In the stock device trees the console's port belongs to the Bluetooth chip, so requests need another port.
        "host_tty": "/dev/ttyS1",
        # Released lines keep their level, as on the other boards; by default pinctrl-bcm2835 makes them inputs. No maxcpus=:
        # a CPU that is never started polls in a loop, and with -icount idle time would not pass at once.
        "append": "pinctrl_bcm2835.persist_gpio_outputs=y",
        "chip": chip,
        "wires": {27: 17, 22: 25},
        "overlay": "button-irq",
        "label": "gpio",        # label of the controller's node, for overlays
        "status": {},           # path of a node of the device tree -> its status, where it has to be changed
        "fidelity": "QEMU's board, whose GPIO controller got inputs; Debian's own device tree"
                    + (", with its second UART enabled" if "status" in more else ""),
        # In QEMU: the device with the inputs "pin", the one with the levels and pulls, and the type with the property "wires"
        "pins": "/machine/soc/peripherals/gpio",
        "levels": "/machine/soc/peripherals/gpio/pins",
        "wires_of": "bcm2835-gpio-pins",
        **more,
    }


def soc(machine, *arguments, **more):
    """A board for which QEMU has a machine."""
    return board(*arguments, qemu=["qemu-system-aarch64", "-M", machine], **more)


BOARDS = {
    # This tree disables the second port, which requests to the host need.
    "raspi0": soc("raspi0", "Raspberry Pi Zero", "pinctrl-bcm2835", "broadcom/bcm2835-rpi-zero.dtb",
                  kernels={"6.1-armel": [*EVERYWHERE, "storm"], "6.12-armel": EVERYWHERE},
                  status={"/soc/serial@7e215040": "okay"},
                  # A tmpfs may take half of the 448 MB, which is too little for the initramfs; ramfs has no limit. The
                  # device tree's 64 MB for DMA are too much as well: reduce them to 8 MB there, since with cma= on the
                  # command line 6.12 hangs before it has a console.
                  cma="800000", append="pinctrl_bcm2835.persist_gpio_outputs=y rootfstype=ramfs",
                  # The SoC's system timer fires only when the counter equals the deadline: a deadline that has passed
                  # fires after the counter has wrapped. The per-CPU timers of ARMv7 and later fire late instead.
                  timer_wants_equality=True),
    "raspi2b": soc("raspi2b", "Raspberry Pi 2B", "pinctrl-bcm2835", "broadcom/bcm2836-rpi-2-b.dtb",
                   kernels={"6.1-armhf": [*EVERYWHERE, "storm"], "7.2-armhf": ["runtime"]},
                   status={"/soc/serial@7e215040": "okay"}),
    "raspi3b": soc("raspi3b", "Raspberry Pi 3B", "pinctrl-bcm2835", "broadcom/bcm2837-rpi-3-b.dtb"),
    "raspi4b": soc("raspi4b", "Raspberry Pi 4B", "pinctrl-bcm2711", "broadcom/bcm2711-rpi-4-b.dtb"),
    # QEMU has no Raspberry Pi 5. This is the virt board with the Pi 5's I/O chip, which has the GPIO controller, behind a
    # PCI Express port as on the Pi. GICv2 delivers all MSIs to CPU 0, where the selftests expect a pin's interrupt.
    # Slot 1 is explicit, since QEMU gives that slot to the first device without an address.
    "raspi5": board("Raspberry Pi 5", "pinctrl-rp1", "broadcom/bcm2712-rpi-5-b.dtb",
                    kernels={"7.2-arm64": [*EVERYWHERE, "runtime", "devtree", "asleep"]},
                    qemu=["qemu-system-aarch64", "-M", "virt,gic-version=2,dtb-randomness=off",
                          "-cpu", "cortex-a72,cntfrq=1000000000", "-smp", "2", "-m", "1G",
                          "-device", "pcie-root-port,id=pcie2,bus=pcie.0,addr=1,chassis=1,hotplug=off",
                          "-device", "rp1,id=rp1,bus=pcie2"],
                    fidelity="QEMU's virt board with a model of the RP1; the RP1's nodes of Debian's bcm2712-rpi-5-b.dtb",
                    console="ttyAMA0", host_tty="/dev/ttyAMA1", append="",
                    overlay="button-irq-rp1", label="rp1_gpio",
                    pins="/machine/peripheral/rp1", levels="/machine/peripheral/rp1/gpio", wires_of="rp1-gpio",
                    virt=True),
}

# The demo prints this before it boots.
HEADER = """
    The header of a {model}
    {fidelity}

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
    """The path of the QEMU with these boards. build-qemu.sh builds it, unless it is in the cache: that takes minutes. To use
    another build, name it in the environment variable BUTTON_IRQ_QEMU."""
    if "BUTTON_IRQ_QEMU" in os.environ:
        return os.environ["BUTTON_IRQ_QEMU"]
    return subprocess.run([TOP / "tests/pi/build-qemu.sh"], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8").stdout.strip()


def command(board, arguments, directory, wires):
    """QEMU's command line for one of these boards, from the arguments that are the same for all."""
    arguments = [qemu(), *arguments[1:], "-serial", f"unix:{directory}/tty,server=on,wait=off",
                 "-qmp", f"unix:{directory}/qmp-pins,server=on,wait=off"]
    if wires:
        joined = ",".join(f"{output}-{line}" for output, line in wires.items())
        arguments += ["-global", f"{board['wires_of']}.wires={joined}"]
    return arguments


def overlay(name, parameters, target):
    """Compiles the overlay and applies the parameters, which are written as after dtoverlay=NAME in config.txt."""
    subprocess.run(["make", "-s", "-C", TOP / "dts", f"O={target.parent}"], check=True)
    tree = fdt.parse((target.parent / f"{name}.dtbo").read_bytes())
    overrides.apply(tree, parameters)
    # Firmware and dtoverlay do not export an overlay's labels to the base tree, unless the overlay has a node __exports__.
    # With exported labels the kernel would refuse the second button, which has the same labels.
    del tree.children["__symbols__"]
    target.write_bytes(fdt.write(tree))
    return target


def with_rp1(virt, pi):
    """The device tree of QEMU's virt board, virt, with the RP1 of a Raspberry Pi 5's tree, pi, at the root port."""
    (path,) = (path for path, node in pi.walk() if "pci1de4,1" in node.strings("compatible"))
    old, new = path.rpartition("/")[0], "/pcie@10000000/pci@1,0"
    port = pi.find(old)
    # The port is in slot 1 here. Linux maps the RP1's BAR 1, the largest one, at the start of virt's PCI window, which
    # begins at bus address 0x10000000 and not at 0: the RP1's "ranges" has to contain that address.
    port.props["reg"] = fdt.cells(1 << 11, 0, 0, 0, 0)
    rp1 = port.children[path.rpartition("/")[2]]
    ranges = rp1.props["ranges"]
    rp1.props["ranges"] = ranges[:20] + fdt.cells(0x10000000) + ranges[24:]
    virt.find("/pcie@10000000").children["pci@1,0"] = port
    # The crystal that the RP1's clocks refer to
    virt.children["clock-50000000"] = pi.children["clock-50000000"]
    # Overlays find the controller by its label.
    symbols = virt.children.setdefault("__symbols__", fdt.Node())
    for label, value in pi.children["__symbols__"].props.items():
        if value.startswith(old.encode() + b"/"):
            symbols.props[label] = new.encode() + value[len(old):]
    return virt


def virt_tree(qemu, base, directory):
    """The device tree of raspi5: QEMU's own tree for this command line, with the RP1 of the kernel's tree for the Pi 5."""
    plain, target = directory / "virt.dtb", directory / "virt-rp1.dtb"
    qemu = [f"{arg},dumpdtb={plain}" if before == "-M" else arg for before, arg in zip([""] + qemu, qemu)]
    subprocess.run(qemu, check=True, stdout=subprocess.DEVNULL)
    target.write_bytes(fdt.write(with_rp1(fdt.parse(plain.read_bytes()), fdt.parse(base.read_bytes()))))
    return target


def device_tree(board, kernel, qemu, config, source, directory):
    """The device tree that the firmware passes to the kernel: the board's tree from the directory kernel, with the overlay
    source and each overlay of config.txt applied."""
    base = kernel / "dtb" / board["dtb"]
    if not base.exists():
        base = kernel / "dtb" / base.name           # 32-bit kernels before 6.5 have no vendor directories
    if board.get("virt"):
        base = virt_tree(qemu, base, directory)
    if board["status"]:
        base = shutil.copy(base, directory / "status.dtb")
        for node, status in board["status"].items():
            subprocess.run(["fdtput", "-t", "s", base, node, "status", status], check=True)
        if "cma" in board:
            subprocess.run(["fdtput", "-t", "x", base, "/reserved-memory/linux,cma", "size", board["cma"]], check=True)
    overlays = []
    if source:
        overlays.append(directory / "0.dtbo")
        text = re.sub(r"<&gpio\b", f"<&{board['label']}", Path(source).read_text(encoding="utf-8"))
        subprocess.run(["dtc", "-@", "-q", "-O", "dtb", "-o", overlays[0], "-"], input=text, encoding="utf-8", check=True)
    for line in config:
        name, _, parameters = line.removeprefix("dtoverlay=").partition(",")
        if name not in ("button-irq", "button-irq-rp1"):
            raise SystemExit(f"run.py: no overlay {name}")
        overlays.append(overlay(name, parameters, directory / f"{len(overlays)}.dtbo"))
    if not overlays:
        return base
    result = directory / "board.dtb"
    subprocess.run(["fdtoverlay", "-i", base, "-o", result, *overlays], check=True)
    return result


class Pins(threading.Thread):
    """Carries out the guest's requests, lines that begin with HOST on its second serial port, and answers each with a line:

        set PIN LEVEL       drive the pin from outside; -1 stops driving it
        pulse PIN LEVEL     set the pin to LEVEL and back while the guest is stopped
        pull PIN            the pull in the controller's registers: up, down or off
        level PIN           the level at the pin
        over                1 if the demo has ended, else 0
        off                 the guest is about to turn off
    """

    def __init__(self, machine, tty, qmp):
        super().__init__(daemon=True)
        self.machine, self.tty, self.qmp = machine, tty, qmp

    def run(self):
        try:
            with self.tty.makefile(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    # The kernel sends a few bytes of junk when it probes the port.
                    _, asks, request = line.partition("HOST ")
                    if asks:
                        self.tty.sendall(f"{self.do(request.split())}\n".encode())
        except OSError:
            pass            # QEMU has gone

    def bit(self, name, pin):
        return self.qmp.execute("qom-get", path=self.machine.board["levels"], property=name) >> int(pin) & 1

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


TABLE_HEAD = """| board | GPIO controller | what it is | kernels | passed | failed | skipped |
|---|---|---|---|---|---|---|"""


def kernel_version(name):
    path = CACHE / "kernels" / name / "version"
    return path.read_text(encoding="utf-8").strip() if path.exists() else name


def table():
    """Prints the emulated boards, what each emulation consists of, and the results of check.sh's last run."""
    print(TABLE_HEAD)
    for name, board in BOARDS.items():
        rows = [path.read_text(encoding="utf-8") for path in (TOP / "build/pi/results").glob(f"{name}-*.row")]
        found = [re.search(r"(\d+) passed, (\d+) failed, (\d+) skipped", row) for row in rows]
        sums = [sum(int(counts[i]) for counts in found) for i in (1, 2, 3)] if found else ["–"] * 3
        kernels = ", ".join(kernel_version(kernel) for kernel in board["kernels"])
        print("|", " | ".join([board["model"], board["chip"], board["fidelity"], kernels, *map(str, sums)]), "|")


def main():
    match sys.argv[1:]:
        case ["table"]:
            table()
        case ["table", *cells] if len(cells) == TABLE_HEAD.partition("\n")[0].count("|") - 1:
            # The row of a real board, for tests/hw/check.sh
            print(TABLE_HEAD, "| " + " | ".join(cells) + " |", sep="\n")
        case ["boards"]:
            print(*BOARDS)
        case ["kernels" | "overlay" as what, name]:
            value = BOARDS[name][what]
            print(value if isinstance(value, str) else " ".join(value))
        case ["plan", *names]:
            # Within a way raspi5 comes first, since its tests take longest.
            for way in WAYS:
                for name in reversed(names):
                    for kernel, its in BOARDS[name]["kernels"].items():
                        if way in its:
                            print(name, kernel, way)
        case ["apply", name, parameters, target]:
            overlay(BOARDS[name]["overlay"], parameters, Path(target).resolve())
        case _:
            raise SystemExit("usage: raspi.py boards | kernels BOARD | overlay BOARD | table [CELL...] |\n"
                             "                plan BOARD...: prints what check.sh boots, as lines of BOARD KERNEL WAY |\n"
                             "                apply BOARD PARAMETERS FILE: writes the board's overlay, with PARAMETERS applied")


if __name__ == "__main__":
    main()
