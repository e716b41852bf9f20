#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the last run's results into README.md and doc/*.md: tables are generated, not typed.

Each table stands between <!-- NAME --> and <!-- /NAME -->.

readme.py           what `make tables` runs: renews every table whose levels have run, and prints for each table which results
                    it was made from, or why it was not renewed
readme.py NAME...   renews only these tables, and fails if results are missing. `make bench` and `make captures` run this.
"""

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "tests/pi"), str(TOP / "tests/bench")]

import raspi  # noqa: E402 pylint: disable=wrong-import-position
import tables as bench  # noqa: E402 pylint: disable=wrong-import-position

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "button_irq"
RESULTS = TOP / "build/vm/results"
TABLE_RESULTS = RESULTS / "table"
FURTHER_RESULTS = [RESULTS / "slow", RESULTS / "long"]
DEBUG_RESULTS = [RESULTS / "debug", RESULTS / "debug-slow", RESULTS / "long"]
PI_RESULTS = TOP / "build/pi/results"
CAPTURES = TOP / "build/userspace/captures"

# The ways to test that tests/vm/check.sh and tests/pi/check.sh know: the controller, and what moves its lines.
WAYS = {
    "wire": ("PL061", "an output pin, by a wire"),
    "rt": ("PL061", "an output pin, by a wire"),
    "some": ("PL061", "an output pin, by a wire; some"),
    "smp": ("PL061", "an output pin, by a wire; two CPUs"),
    "shell": ("PL061", "an output pin, by a wire; the slow shell tests"),
    "params": ("PL061", "an output pin, by a wire; module parameters"),
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
    "pairs-gpio-sim": ("gpio-sim", "the simulator; two processes that bind, load, suspend and others at the same time"),
    "pairs-nested": ("tests' chip, nested interrupts", "an output line, by a wire; two processes, as on gpio-sim"),
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
    "hostile": "hostile readers, PL061",
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


class Missing(Exception):
    """A level has left no results."""


def need(results, level):
    if not any(results.glob("*.row")):
        raise Missing(f"no results of `make {level}` in {results.relative_to(TOP)}")


def row_files():
    """The files of results, one for each machine that was booted, without debug kernels"""
    # Includes the rows of make check-slow and make check-long, if those levels have run.
    return [path for results in (TABLE_RESULTS, *FURTHER_RESULTS, PI_RESULTS) for path in results.glob("*.row")
            if not path.name.startswith("debug-")]


def order(row):
    """QEMU's own board first, then oldest kernels first, then as the names sort."""
    return row[0] in PIS, [int(number) for number in re.findall(r"\d+", kernel_of(row))], row


def kernel_of(row):
    return row[1] if row[0] in PIS else row[0]


def run(row):
    """The table's line for one machine"""
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


def boards():
    """The Raspberry Pis: how each is emulated, and the results of the last `make check-pi`"""
    need(PI_RESULTS, "check-pi")
    return subprocess.run([TOP / "tests/pi/raspi.py", "table"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()


def runs():
    """Kernel, board, architecture and result, a row for each machine that was booted."""
    lines = ["| kernel | board | architecture | controller | what moves the line | passed | failed | skipped |",
             "|---|---|---|---|---|---|---|---|"]
    need(TABLE_RESULTS, "check-vm")
    need(PI_RESULTS, "check-pi")
    files = row_files()
    lines += [run(row) for row in sorted((path.read_text(encoding="utf-8").split() for path in files), key=order)]
    date = datetime.date.fromtimestamp(max(path.stat().st_mtime for path in files)).isoformat()
    return "\n".join([*lines, "", f"Machine by machine, {date}; all boards are emulated."])


def newest(pattern):
    """The matching lines in the output of the slow shell tests on the newest kernel that has any"""
    for path in sorted(TABLE_RESULTS.glob("*-shell.out"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)[:2]], reverse=True):
        lines = re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
        if lines:
            return lines
    raise Missing(f"no results of `make check-vm`, which runs naive.sh and compare.sh, in {TABLE_RESULTS.relative_to(TOP)}")


def naive():
    """The table that tests/selftests/naive.sh printed"""
    return "\n".join(newest(r"^ *# (\|.*\|) *$"))


def compare():
    """The table that tests/selftests/compare.sh printed, as Markdown"""
    rows = ["| presses | made | flag driver | GPIO character device | the same, with its debouncing | button_irq |",
            "|---|---|---|---|---|---|"]
    rows += ["| " + " | ".join(row) + " |" for row in newest(r"^ *# (\S[^|#]*?)" + r" +(\d+)" * 5 + "$")]
    return "\n".join(rows)


def debug():
    """What ran on the debug kernels, a row for each machine"""
    files = [path for results in DEBUG_RESULTS for path in sorted(results.glob("debug-*.row"))]
    if not files:
        raise Missing(f"no results of `make check-debug` or `make check-debug-long` in {RESULTS.relative_to(TOP)}")
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


def session(name):
    """The final screen of a terminal session: without colours, each overwritten line in its last form"""
    text = (CAPTURES / name).read_bytes().decode("utf-8").replace("\r\n", "\n")
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.rstrip("\n").split("\n")]
    return "\n".join(["```", *lines, "```"])


def sources():
    """{table: the files of results that it is made of}"""
    return {"boards": list(PI_RESULTS.glob("*.row")), "runs": row_files(), "naive": list(TABLE_RESULTS.glob("*-shell.out")),
            "compare": list(TABLE_RESULTS.glob("*-shell.out")),
            "debug": [path for results in DEBUG_RESULTS for path in results.glob("debug-*.row")]}


def origin(mark):
    """When the results of a table were made, with a warning if they are more than 12 hours apart: those are not of one run."""
    times = sorted(path.stat().st_mtime for path in sources().get(mark, []))
    if not times:
        return "from tests/bench/baseline.json"
    first, last = (datetime.datetime.fromtimestamp(time) for time in (times[0], times[-1]))
    spread = "" if last - first < datetime.timedelta(hours=12) else ": NOT of one run, remove the old ones in build/*/results"
    return f"{len(times)} results from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}{spread}"


def main():
    tables = {"boards": boards, "runs": runs, "naive": naive, "compare": compare, "debug": debug,
              **{name: lambda table=table: table(bench.load()) for name, table in bench.MARKS.items()}}
    texts = {path: path.read_text(encoding="utf-8") for path in (TOP / "README.md", *sorted((TOP / "doc").glob("*.md")))}
    for mark in sys.argv[1:] or tables:
        try:
            made = tables[mark]() if mark in tables else session(mark)
        except Missing as missing:
            if sys.argv[1:]:
                raise SystemExit(f"readme.py: {mark}: {missing}") from None
            print(f"{mark}: stays as it is: {missing}")
            continue
        places = 0
        for path, text in texts.items():
            texts[path], found = re.subn(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)",
                                         lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text, flags=re.DOTALL)
            places += found
        if places != 1:
            raise SystemExit(f"readme.py: {places} places for {mark} in README.md and doc/*.md, not 1")
        if not sys.argv[1:]:
            print(f"{mark}: {origin(mark)}")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
