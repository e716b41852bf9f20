#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Puts the last run's results into README.md: the tables there are made, not typed.

Each stands between <!-- NAME --> and <!-- /NAME -->. Run it after `make check` and `make check-pi`;
`make bench` runs it for its own table, and `make captures` for terminal sessions.

readme.py [NAME...]     the tables, or what is named
"""

import datetime
import json
import os
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/pi"))

import raspi  # noqa: E402 pylint: disable=wrong-import-position

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "button_irq"
RESULTS = TOP / "build/vm/results"
TABLE_RESULTS = RESULTS / "table"
FURTHER_RESULTS = [RESULTS / "slow", RESULTS / "long"]
DEBUG_RESULTS = [RESULTS / "debug", RESULTS / "debug-slow", RESULTS / "long"]
PI_RESULTS = TOP / "build/pi/results"
CAPTURES = TOP / "build/userspace/captures"

# What the ways to test of tests/vm/check.sh and tests/pi/check.sh are: the controller and what moves its lines.
WAYS = {
    "wire": ("PL061", "an output pin, by a wire"),
    "rt": ("PL061", "an output pin, by a wire"),
    "some": ("PL061", "an output pin, by a wire; some"),
    "smp": ("PL061", "an output pin, by a wire; two CPUs"),
    "shell": ("PL061", "an output pin, by a wire; the slow shell tests"),
    "compat": ("PL061", "an output pin, by a wire; 32-bit programs"),
    "host": ("PL061", "from outside the machine"),
    "devtree": ("PL061", "from outside; buttons of the device tree"),
    "asleep": ("PL061", "from outside, while the machine sleeps"),
    "storm-wire": ("PL061", "an output pin, by a wire; storms"),
    "storm-gpio-sim": ("gpio-sim", "the simulator; storms"),
    "nested": ("tests' chip, nested interrupts", "an output line, by a wire"),
    "nested-slow": ("tests' chip, nested interrupts, a bus of 400 us", "an output line, by a wire"),
    "thread": ("tests' chip, interrupts from a thread", "an output line, by a wire"),
    "bus-lock": ("tests' chip, hard interrupts, a bus of 400 us", "an output line, by a wire"),
    "controllers": ("tests' chip as each kind of controller", "an output line, by a wire"),
    "mmio": ("tests' chip, hard interrupts", "an output line, by a wire"),
    "gpio-sim": ("gpio-sim", "the simulator"),
    "flood-wire": ("PL061", "an output pin, by a wire; 10 million edges as fast as they come"),
    "flood-smp": ("PL061", "an output pin, by a wire; the same, two CPUs"),
    "flood-gpio-sim": ("gpio-sim", "the simulator; 10 million edges as fast as they come"),
    "soak-wire": ("PL061", "an output pin, by a wire; 100,000 presses, 8 readers"),
    "soak-nested": ("tests' chip, nested interrupts", "an output line, by a wire; 100,000 presses, 8 readers"),
    "soak-gpio-sim": ("gpio-sim", "the simulator; 100,000 presses, 8 readers"),
    "soak-host": ("PL061", "from outside; 100,000 presses, 8 readers"),
}
DEBUG_WAYS = {
    **{way: f"{what[0]}, {what[1]}" for way, what in WAYS.items()},
    "wire": "all programs but those for storms, PL061",
    "brief": "what takes least time, PL061",
    "hostile": "readers that mean no good, PL061",
    "faults": "each allocation and copy fails once, PL061",
    "fuzz": "calls at random, guided by what they reach, PL061",
    "fuzz-long": "10 million of those",
    "life-gpio-sim": "drivers, controllers and readers come and go, gpio-sim",
    "life-nested": "drivers, controllers and readers come and go, tests' chip, nested interrupts",
    "life-mmio": "drivers, controllers and readers come and go, tests' chip, hard interrupts",
    "races-wire": "what shares most, two CPUs at the same time, PL061",
    "races-gpio-sim": "a flood, two CPUs at the same time, gpio-sim",
    "races-nested": "a flood, two CPUs at the same time, tests' chip, nested interrupts",
    "shell": "the slow shell tests, PL061",
    "params": "module parameters, PL061",
}
PI_WAYS = {
    "wire": "an output pin, by a wire",
    "storm": "tests' chip, nested interrupts, an output line, by a wire; storms",
    "params": "from outside and by a wire, libgpiod without the driver; then module parameters",
    "overlay": "from outside; buttons of the overlay in config.txt",
    "runtime": "from outside; the overlay applied at run time",
    "devtree": "from outside; buttons of a device tree",
    "asleep": "from outside, while the machine sleeps",
}
PIS = {name: (f"emulated {board['model']}", board["chip"]) for name, board in raspi.BOARDS.items()}


def row_files():
    """One file for each machine that was booted."""
    for results in (TABLE_RESULTS, PI_RESULTS):
        if not any(results.glob("*.row")):
            raise SystemExit(f"readme.py: nothing in {results.relative_to(TOP)}: run `make check` and `make check-pi`")
    # Who has run make check-slow or check-long gets its rows too.
    return [path for results in (TABLE_RESULTS, *FURTHER_RESULTS, PI_RESULTS) for path in results.glob("*.row")
            if not path.name.startswith("debug-")]


def order(row):
    """QEMU's own board first, then oldest kernels first, then as the names sort."""
    return row[0] in PIS, [int(number) for number in re.findall(r"\d+", kernel_of(row))], row


def kernel_of(row):
    return row[1] if row[0] in PIS else row[0]


def run(row):
    """One machine, as a line of the table."""
    kernel = kernel_of(row)
    version = (CACHE / "kernels" / kernel / "version").read_text(encoding="utf-8").strip()
    suffix = kernel.rpartition("-")[2]
    arch = suffix if suffix in ("armhf", "armel") else "arm64"
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
    """The lines that match, in the newest kernel's run of the slow shell tests."""
    for path in sorted(TABLE_RESULTS.glob("*-shell.out"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)[:2]], reverse=True):
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


def debug():
    """What ran on the kernels that look for what tests cannot see, a row for each machine"""
    files = [path for results in DEBUG_RESULTS for path in sorted(results.glob("debug-*.row"))]
    if not files:
        raise SystemExit("readme.py: nothing of the debug kernels: run `make check-debug`, or `make check-debug-long`")
    lines = ["| kernel | what | passed | failed | skipped | seconds |", "|---|---|---|---|---|---|"]
    for path in files:
        kernel, way, seconds, _, *counts = path.read_text(encoding="utf-8").split()
        numbers = " | ".join(counts[::2])
        note = ", longer" if path.parent == DEBUG_RESULTS[1] and (DEBUG_RESULTS[0] / path.name).exists() else ""
        lines.append(f"| `{kernel}` | {DEBUG_WAYS[way]}{note} | {numbers} | {seconds} |")
    date = datetime.date.fromtimestamp(max(path.stat().st_mtime for path in files)).isoformat()
    said = [f"{date}; on 2 CPUs, with other machines at the same time. No report in any kernel's log, or a run fails."]
    for level, what, pattern in (("coverage", "gcov over all of `debug-a`: ", r"^# (button_irq\.c in .*)$"),
                                 ("mutants", "The driver, broken on purpose: ", r"^(\d+ passed, \d+ failed), ")):
        log = TOP / f"build/log/check-debug-{level}.log"
        found = re.findall(pattern, log.read_text(encoding="utf-8"), re.MULTILINE) if log.exists() else []
        said += [f"{what}{found[-1]}."] if found else []
    return "\n".join([*lines, "", "  \n".join(said)])


# The contenders, as columns of bench.py's tables
RAW = ("button_irq binary, raw", "button_irq text, raw", "cdev raw", "gpio-keys raw")
DEBOUNCED = ("button_irq binary, eager 5 ms", "button_irq text, eager 5 ms", "cdev 5 ms", "gpio-keys 5 ms")
HEAD = "button_irq, binary | button_irq, text | GPIO character device | gpio-keys + evdev |\n|---|---|---|---|---|\n"


def median(figures, who, figure):
    return f"{figures[who][figure]['median']:,}" if figure in figures.get(who, {}) else "–"


def further(figures, who, priority):
    if who.startswith("cdev"):
        return "impossible"
    if who not in figures:
        return "–"
    one, hundred = (figures[who][f"{n} readers, {priority}"]["median"] for n in (1, 100))
    return f"{(hundred - one) // 99:,}"


def burst(figures, who):
    if who not in figures:
        return "–"
    told = figures[who]["burst of 200"]
    return f"{told['delivered']} / {200 - told['delivered'] - told['told']}"


def idle(figures, who):
    return "{own switches:,} / {interrupts:,}".format_map(figures[who]["idle for 60 s"]) if who in figures else "–"


def roads(figures):
    """Rows about an edge's road to a program"""
    rows = [("5 ms debounced, edge → read", DEBOUNCED, "read, normal"),
            ("the same, reader with SCHED_FIFO", DEBOUNCED, "read, FIFO"),
            ("5 ms debounced, time stamp late by", DEBOUNCED, "time stamp"),
            ("one bounce, until who made it goes on", DEBOUNCED, "bounce"),
            ("raw, edge → read", RAW, "read, normal"),
            ("the same, reader with SCHED_FIFO", RAW, "read, FIFO"),
            ("raw, edge → poll returns", RAW, "poll, normal"),
            ("raw, time stamp late by", RAW, "time stamp")]
    return [(name, *(median(figures, who, figure) for who in contenders)) for name, contenders, figure in rows]


def loads(figures):
    """And about many events, and many readers"""
    def row(name, function, *arguments):
        return (name, *(function(figures, who, *arguments) if "text" not in who else "" for who in RAW))

    return [*(row(f"reading a backlog, per event, {n} at a time", median, f"backlog, batches of {n}") for n in (1, 16, 64)),
            row("each further reader", further, "normal"),
            row("the same, SCHED_FIFO", further, "FIFO"),
            row("burst of 200 edges ¹: delivered / lost untold", burst),
            row("memory of a further reader, bytes", median, "memory per reader"),
            row("memory of a further button, bytes", median, "memory per button"),
            row("idle for 60 s ²: switches to the reader and IRQ threads / interrupts of the machine", idle)]


def notes(figures):
    """What the figures in loads() stand for"""
    return ["¹ From a writer of higher priority than the IRQ threads; the flag driver of `tests/naive` saw "
            f"{figures['naive']['burst of 200']['delivered']}.  ",
            f"² A reader waits, nobody presses; where nobody waits either: {idle(figures, 'nobody')}; with the flag driver, looked "
            f"at every 0.1 s: {idle(figures, 'naive')}."]


def bench_table(rows, unit="instructions"):
    return f"| {unit} (medians) | {HEAD}" + "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def bench_result():
    return json.loads((TOP / "tests/bench/baseline.json").read_text(encoding="utf-8"))


def bench():
    """What tests/bench/bench.py measured: a row for each figure that programs notice."""
    result = bench_result()
    figures, text = result["figures"], result["module text"]
    rows = [*roads(figures), *loads(figures),
            ("module text, bytes", f"{text['button_irq']:,}", "", "built in", f"{text['gpio-keys']:,}")]
    return "\n".join([
        bench_table(rows), "",
        f"{result['date']}, Debian {result['kernel']} in QEMU, lines of gpio-sim; "
        f"{result['runs']} runs that agree to the last instruction.  ", *notes(figures)])


def bench_pi():
    """The same on a board whose lines do not sleep"""
    result = bench_result()
    return "\n".join([bench_table(roads(result["raspi4b"])), "",
                      f"{result['date']}, the same kernel on QEMU's Raspberry Pi 4B, GPIO17 by a wire from an output pin; "
                      f"{result['runs']} runs that agree. Time is told in steps of 16 ns there."])


def bench_cpus():
    """Bursts while the IRQ thread has another CPU"""
    result = bench_result()

    def cells(who, figure):
        counts = result["two CPUs"][who][figure]
        return " | ".join("–".join(f"{n:,}" for n in dict.fromkeys(counts[key])) for key in ("delivered", "lost untold", "disorder"))

    lines = ["| 1,000 edges, two CPUs | delivered | lost untold | out of order |", "|---|---|---|---|"]
    lines += [f"| {name} | {cells(who, 'burst of 1000')} |"
              for who, name in (("button_irq binary, raw", "button_irq"), ("cdev raw", "GPIO character device"),
                                ("gpio-keys raw", "gpio-keys + evdev"), ("naive", "flag driver"))]
    return "\n".join([*lines, "", f"The least and the most of {result['runs']} runs, as CPUs that run at the same time never do the "
                      "same thing twice."])


def session(name):
    """What a terminal had shown at last: no colours, and of a line that was written over and over its last form."""
    text = (CAPTURES / name).read_bytes().decode("utf-8").replace("\r\n", "\n")
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.rstrip("\n").split("\n")]
    return "\n".join(["```", *lines, "```"])


def main():
    tables = {"runs": runs, "naive": naive, "compare": compare, "debug": debug, "bench": bench,
              "bench-pi": bench_pi, "bench-cpus": bench_cpus}
    readme = TOP / "README.md"
    text = readme.read_text(encoding="utf-8")
    for mark in sys.argv[1:] or tables:
        made = tables[mark]() if mark in tables else session(mark)
        text, found = re.subn(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)",
                              lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"readme.py: README.md has no place for {mark}")
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
