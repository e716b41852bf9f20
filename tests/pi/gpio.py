#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Shows that the GPIO inputs of an emulated Raspberry Pi work: boots a stock kernel with its own stock device tree on
the QEMU that build-qemu.sh makes, and lets libgpiod's tools in the guest see edges that come from outside and through
a jumper wire. The guest's side is gpio-guest.sh; it asks for what is to happen at the pins over the board's second
serial port."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/vm"))

# pylint: disable=wrong-import-position
from run import CACHE, Failure, KERNEL_TROUBLE, Ktap, Qmp, connect  # noqa: E402

DTBS = {
    "raspi3b": "broadcom/bcm2837-rpi-3-b.dtb",
    "raspi4b": "broadcom/bcm2711-rpi-4-b.dtb",
}
GPIO = "/machine/soc/peripherals/gpio"


def initrd(path):
    """Debian's userland with gpio-guest.sh as /init: the kernel unpacks one archive after the other."""
    with tempfile.TemporaryDirectory() as stage, open(path, "wb") as out:
        shutil.copy(TOP / "tests/pi/gpio-guest.sh", Path(stage) / "init")
        with open(CACHE / "rootfs/arm64.cpio", "rb") as rootfs:
            shutil.copyfileobj(rootfs, out, 1 << 20)
        out.flush()
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], input=b"init\n", cwd=stage, stdout=out,
                       check=True)


class Board:
    """One emulated Raspberry Pi."""

    def __init__(self, args, directory):
        kernel = CACHE / "kernels" / args.kernel
        initrd(directory / "initrd")
        command = [args.qemu, "-machine", args.board, "-accel", "tcg", "-nodefaults", "-display", "none",
                   "-global", "bcm2835-gpio-pins.wires=27-17",
                   "-qtest", f"unix:{directory}/qtest,server=on,wait=off", "-qtest-log", "/dev/null",
                   "-qmp", f"unix:{directory}/qmp,server=on,wait=off",
                   "-serial", f"file:{directory}/console",
                   "-serial", f"unix:{directory}/serial,server=on,wait=off",
                   "-kernel", kernel / "vmlinuz", "-dtb", kernel / "dtb" / DTBS[args.board],
                   "-initrd", directory / "initrd",
                   "-append", f"console=ttyAMA0,115200 quiet panic=-1 {args.append}"]
        if args.icount:
            command += ["-icount", "shift=0,sleep=off"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.serial = connect(directory / "serial")
        self.qmp = Qmp(directory / "qmp")
        self.qtest = connect(directory / "qtest")

    def set_pin(self, pin, level):
        self.qtest.sendall(f"set_irq_in {GPIO} pin {pin} {level}\n".encode())
        answer = self.qtest.recv(256)
        if not answer.endswith(b"OK\n"):
            raise Failure(f"QEMU: set_irq_in: {answer!r}")

    def pull(self, pin):
        masks = {name: self.qmp.execute("qom-get", path=f"{GPIO}/pins", property=f"pull-{name}")
                 for name in ("up", "down")}
        return next((name for name, mask in masks.items() if mask >> pin & 1), "none")

    def serve(self):
        """Does what the guest asks for until it is done."""
        for line in self.serial.makefile(encoding="utf-8", errors="replace"):
            answer = ""
            junk, asks, request = line.partition("HOST ")
            if junk or not asks:
                continue
            match request.split():
                case ["set", pin, level]:
                    self.set_pin(int(pin), int(level))
                case ["release", pin]:
                    self.set_pin(int(pin), -1)
                case ["pull", pin]:
                    answer = self.pull(int(pin))
                case ["end"]:
                    return
                case _:
                    raise Failure(f"the guest asks for {line!r}")
            self.serial.sendall(f"{answer}\n".encode())
        raise Failure("the machine stopped before the end")

    def close(self):
        self.process.kill()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":", 1)[0])
    parser.add_argument("board", choices=DTBS)
    parser.add_argument("--kernel", default="6.12-arm64", help="name in tests/vm/kernels (default: 6.12-arm64)")
    parser.add_argument("--qemu", help="default: the one of build-qemu.sh")
    parser.add_argument("--icount", action="store_true", help="let guest time count instructions")
    parser.add_argument("--append", default="", help="kernel parameters to add")
    parser.add_argument("--timeout", type=int, default=300, metavar="S", help="seconds to wait (default: 300)")
    args = parser.parse_args()
    if not args.qemu:
        args.qemu = subprocess.run([TOP / "tests/pi/build-qemu.sh"], check=True, stdout=subprocess.PIPE,
                                   encoding="utf-8").stdout.strip()

    ktap, complaints = Ktap(), []
    with tempfile.TemporaryDirectory(prefix="button_irq_pi.") as directory:
        board = Board(args, Path(directory))
        watchdog = threading.Timer(args.timeout, board.process.kill)
        watchdog.start()
        try:
            board.serve()
        except (Failure, ConnectionError) as failure:
            complaints.append(f"{failure} (or it took more than {args.timeout} s)")
        finally:
            watchdog.cancel()
            board.close()
        console = (Path(directory) / "console").read_text(encoding="utf-8", errors="replace")
    for line in console.splitlines():
        print(line)
        ktap.feed(line)
        if KERNEL_TROUBLE.search(line):
            complaints.append(line)
    ktap.end()
    failed = ktap.failed + complaints
    for text in failed:
        print(f"# failed: {text}")
    print(f"{len(ktap.passed)} passed, {len(failed)} failed, {len(ktap.skipped)} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
