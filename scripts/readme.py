#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Puts the last run's results into README.md: the tables there are made, not typed.

Each stands between <!-- NAME --> and <!-- /NAME -->. Run it after `make check`, `make check-slow` and `make check-pi`.
"""

import datetime
import os
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "button_irq"
RESULTS = TOP / "build/vm/results"
TABLE_RESULTS = RESULTS / "table"
RUNS = [TABLE_RESULTS, RESULTS / "slow", TOP / "build/pi/results"]

# What the ways to test of tests/vm/check.sh and tests/pi/check.sh are: the controller and what moves its lines.
WAYS = {
    "wire": ("PL061", "an output pin, by a wire"),
    "shell": ("PL061", "an output pin, by a wire; the slow shell tests"),
    "compat": ("PL061", "an output pin, by a wire; 32-bit programs"),
    "host": ("PL061", "from outside the machine"),
    "devtree": ("PL061", "from outside; buttons of the device tree"),
    "asleep": ("PL061", "from outside, while the machine sleeps"),
    "nested": ("tests' chip, nested interrupts", "an output line, by a wire"),
    "mmio": ("tests' chip, hard interrupts", "an output line, by a wire"),
    "gpio-sim": ("gpio-sim", "the simulator"),
}
PI_WAYS = {
    "pins": "from outside and by a wire; libgpiod without the driver",
    "wire": "an output pin, by a wire",
    "overlay": "from outside; buttons of the overlay in config.txt",
    "params": "from outside; no overlay, module parameters",
    "runtime": "from outside; the overlay applied at run time",
}
PIS = {
    "raspi3b": ("emulated Raspberry Pi 3B", "pinctrl-bcm2835"),
    "raspi4b": ("emulated Raspberry Pi 4B", "pinctrl-bcm2711"),
}


def row_files():
    """One file for each machine that was booted."""
    found = []
    for results in RUNS:
        if not any(results.glob("*.row")):
            raise SystemExit(f"readme.py: nothing in {results.relative_to(TOP)}: run make check, check-slow and check-pi")
        found += results.glob("*.row")
    return found


def order(row):
    """QEMU's own board first, then oldest kernels first, then as the names sort."""
    return row[0] in PIS, [int(number) for number in re.findall(r"\d+", kernel_of(row))], row


def kernel_of(row):
    return row[1] if row[0] in PIS else row[0]


def run(row):
    """One machine, as a line of the table."""
    kernel = kernel_of(row)
    version = (CACHE / "kernels" / kernel / "version").read_text(encoding="utf-8").strip()
    arch = "armhf" if kernel.endswith("armhf") else "arm64"
    if row[0] in PIS:
        (board, chip), moved = PIS[row[0]], PI_WAYS[row[2]]
    else:
        board, (chip, moved) = "QEMU virt", WAYS[row[1]]
    passed, failed, skipped = (word.strip(",") for word in (row[-6], row[-4], row[-2]))
    return f"| Debian {version} | {board} | {arch} | {chip} | {moved} | {passed} | {failed} | {skipped} |"


def runs():
    """Kernel, board, architecture and result, a row for each machine that was booted."""
    lines = ["| kernel | board | architecture | controller | what moves the line | passed | failed | skipped |",
             "|---|---|---|---|---|---|---|---|"]
    files = row_files()
    lines += [run(row) for row in sorted((path.read_text(encoding="utf-8").split() for path in files), key=order)]
    date = datetime.date.fromtimestamp(max(path.stat().st_mtime for path in files)).isoformat()
    return "\n".join([*lines, "", f"Machine by machine, {date}; all boards are emulated."])


def newest(pattern):
    """The lines that match, in the newest kernel's run on the board's controller."""
    for path in sorted(TABLE_RESULTS.glob("*-wire.out"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)[:2]], reverse=True):
        lines = re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
        if lines:
            return lines
    raise SystemExit("readme.py: tests/naive.sh or compare.sh has not run; run `make check-vm`")


def naive():
    """What tests/naive.sh prints."""
    return "\n".join(newest(r"^ *# (\|.*\|) *$"))


def compare():
    """What tests/compare.sh prints."""
    rows = ["| presses | made | flag driver | GPIO character device | the same, with its debouncing | button_irq |",
            "|---|---|---|---|---|---|"]
    rows += ["| " + " | ".join(row) + " |" for row in newest(r"^ *# (\S[^|#]*?)" + r" +(\d+)" * 5 + "$")]
    return "\n".join(rows)


def main():
    readme = TOP / "README.md"
    text = readme.read_text(encoding="utf-8")
    for make in (runs, naive, compare):
        mark = make.__name__
        text, found = re.subn(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)",
                              lambda match, made=make(): f"{match[1]}{made}\n{match[2]}", text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"readme.py: README.md has no place for {mark}")
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
