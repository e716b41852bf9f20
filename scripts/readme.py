#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Puts the last run's results into README.md: the tables there are made, not typed.

Each stands between <!-- NAME --> and <!-- /NAME -->. Run it after `make check`.
"""

import datetime
import os
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "button_irq"
RESULTS = TOP / "build/vm/results"

STIMULI = {
    "wire": ("QEMU virt, PL061", "from an output pin, by a wire"),
    "host": ("QEMU virt, PL061", "from outside the machine"),
    "devtree": ("QEMU virt, PL061", "from outside; buttons of the device tree"),
    "asleep": ("QEMU virt, PL061", "from outside, while the machine sleeps"),
    "nested": ("test chip, nested interrupts", "from an output line, by a wire"),
    "mmio": ("test chip, hard interrupts", "from an output line, by a wire"),
    "gpio-sim": ("gpio-sim", "by the simulator"),
}


def runs():
    """Kernel, controller and result, a row for each machine that was booted."""
    rows = ["| kernel | architecture | controller | the line is moved | passed | failed | skipped |",
            "|---|---|---|---|---|---|---|"]
    for path in sorted(RESULTS.glob("*.row"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)[:2]]):
        name, stimulus, counts = re.match(r"(\S+) +(\S+) +\d+ s +(.*)", path.read_text(encoding="utf-8")).groups()
        version = (CACHE / "kernels" / name / "version").read_text(encoding="utf-8").strip()
        controller, moved = STIMULI[stimulus]
        passed, failed, skipped = re.findall(r"\d+", counts)
        rows.append(f"| Debian {version} | {name.partition('-')[2]} | {controller} | {moved} | {passed} | {failed} | "
                    f"{skipped} |")
    newest = max(path.stat().st_mtime for path in RESULTS.glob("*.row"))
    date = datetime.date.fromtimestamp(newest).isoformat()
    return "\n".join([*rows, "", f"Machine by machine, {date}; all boards are emulated."])


def newest(pattern):
    """The lines that match, in the newest kernel's run on the board's controller."""
    for path in sorted(RESULTS.glob("*-wire.out"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)[:2]], reverse=True):
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
