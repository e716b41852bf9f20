#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Counts, by function, every instruction from an edge until a program has read its event.

budget.py KERNEL        writes doc/budget.md; needs the files that run.sh builds

QEMU records the address of each instruction while bench.c makes one edge and waits (its mode "trace"). Counted are the
instructions that "edge -> read" of the benchmark measures, and those of a whole press with bounces. The trace of an edge may
contain an unrelated timer, so each case is traced five times, and the trace with the median count is used.
"""

import argparse
import base64
import bisect
import collections
import gzip
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/vm"))

from run import CACHE, MACHINES, Machine  # noqa: E402 pylint: disable=wrong-import-position

HERE = TOP / "tests/bench"
BUILD = TOP / "build/bench"
CONTENDERS = ["button_irq", "cdev", "gpio-keys"]
TRACES = 5                              # of each case, as in bench.c
PRESS, READERS = "a whole press", ["normal", "FIFO"]      # the cases in the order of bench.c; last, if readers share the line:
FANS = [(reader, count) for reader in READERS for count in (1, 11)]
SHARED = ["button_irq", "gpio-keys"]
USER = 1 << 48                          # addresses of the kernel are above this one
ROWS = 12


class Tracer(Machine):
    """A machine whose instructions are recorded while the guest holds pin 0 of the back end "host" high"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.traces = []

    def change(self, op, line, level):
        def monitor(command):
            self.qmp.execute("human-monitor-command", **{"command-line": command})

        if level:
            self.traces.append(BUILD / f"trace-{len(self.traces)}")
            self.traces[-1].unlink(missing_ok=True)     # QEMU appends to an existing file
            monitor(f"logfile {self.traces[-1]}")
            monitor("singlestep on")
            monitor("log exec,nochain")
        else:
            monitor("log none")
            monitor("singlestep off")
        return 0


class Symbols:
    """The guest's kallsyms at the time when a contender was measured"""

    def __init__(self, console, contender):
        lines = [line for name in ("kernel", contender) for line in self.section(console, name)]
        self.table = sorted((int(line.split()[0], 16), line.split()[2], len(line.split()) > 3 and line.split()[3])
                            for line in lines)
        self.addresses = [entry[0] for entry in self.table]

    @staticmethod
    def section(console, name):
        text = console.partition(f"----8<---- symbols {name}\n")[2].partition("----8<---- end of symbols")[0]
        return gzip.decompress(base64.b64decode(text)).decode().splitlines()

    def name(self, address):
        """(function, its module, or "kernel" or "user")"""
        if address < USER:
            return "user", "user"
        _, name, module = self.table[bisect.bisect(self.addresses, address) - 1]
        return name, module.strip("[]") if module else "kernel"


def read_trace(path):
    for line in open(path, encoding="utf-8", errors="replace"):
        match = re.match(r"Trace \d+: \S+ \[\w+/(\w+)/", line)
        if match:
            yield int(match[1], 16)


def road(trace, symbols):
    """The function of each instruction from the timer that makes the edge until the reader returns to user space"""
    names = [symbols.name(address) for address in trace]
    start = next(i for i, (name, _) in enumerate(names) if name in ("finger_timer", "finger_move"))
    # The reader slept in read(). It continues in one of these functions.
    woken = next(i for i in range(start, len(names)) if re.search(r"button_irq_next|button_irq_read|evdev_read|"
                                                                  r"linereq_read|evdev_fetch", names[i][0]))
    end = next(i for i in range(woken, len(names)) if names[i][1] == "user")
    return names[start:end]


def middle(candidates, size=len):
    """The candidate of median size"""
    return sorted(candidates, key=size)[len(candidates) // 2]


def part_of(name, module):
    """The part of the system that a function is counted for"""
    if module in ("user", "button_irq", "bench_finger", "gpio_keys", "evdev"):
        return module
    if re.search(r"sched|enqueue|dequeue|wake|ttwu|pick_|switch|update_curr|_entity|rq_|_rt|place|vruntime|prio|load_avg|"
                 r"pelt|util|cpuacct|cgroup|psi|resched|__sched|select_task|deadline|dl_|cfs|avg_|fair", name):
        return "scheduler"
    if re.search(r"irq|gic|handle_|el[01]_|el1h|entry|softirq|exception", name):
        return "interrupts, system calls"
    return "the rest of the kernel"


def further_reader(fans, contender, reader):
    one, eleven = fans[contender, reader, 1], fans[contender, reader, 11]
    return collections.Counter({part: round((eleven[part] - one[part]) / 10) for part in eleven})


def table(rows, head):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" + "--:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("kernel", help="name in tests/vm/kernels")
    args = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    console = BUILD / "budget.log"
    overlay = BUILD / "wire-pl061.dts"
    overlay.write_text((HERE / "wire.dts").read_text(encoding="utf-8").replace("&gpio 17", "&gpio 5").replace("&gpio 25", "&gpio 6"), encoding="utf-8")
    files = [*(BUILD / "guest").glob("*.ko"), BUILD / "guest/bench", HERE / "guest.sh"]
    chip, wires = MACHINES["arm64"]["chip"], MACHINES["arm64"]["wires"]
    machine = Tracer(args.kernel, console, overlay=overlay, cpus=1,
                     files={f"/opt/button_irq/{file.name}": file for file in files},
                     conf={"STIMULUS": "wire", "TESTS": "", "LINES": " ".join(f"{chip}:{pin}" for pin in wires.values()),
                           "WIRE_PINS": " ".join(f"{chip}:{pin}" for pin in wires), "HOST_PINS": "",
                           "COMMAND": f"bash guest.sh --trace {' '.join(CONTENDERS)}", "ENVIRONMENT": "", "HOST_TTY": ""})
    try:
        machine.start()
        machine.serve()
    finally:
        machine.close()
    text = console.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    all_symbols = {contender: Symbols(text, contender) for contender in CONTENDERS}
    traced = [(contender, what) for contender in CONTENDERS
              for what in [PRESS, *READERS, *(FANS if contender in SHARED else [])]]
    if len(machine.traces) != TRACES * len(traced):
        raise SystemExit(f"budget.py: {len(machine.traces)} traces, not {TRACES * len(traced)}; see {console}")

    roads, presses, fans = {}, {}, {}
    for number, (contender, what) in enumerate(traced):
        paths, symbols = machine.traces[TRACES * number:TRACES * (number + 1)], all_symbols[contender]
        if what == PRESS:
            presses[contender] = middle([collections.Counter(symbols.name(address)[1] for address in read_trace(path))
                                         for path in paths], collections.Counter.total)
        elif what in FANS:
            fans[contender, *what] = middle([collections.Counter(part_of(*symbols.name(address)) for address in read_trace(path))
                                             for path in paths], collections.Counter.total)
        else:
            roads[f"{contender}, {what}"] = middle([road(read_trace(path), symbols) for path in paths])
        for path in paths:
            path.unlink()
    version = (CACHE / "kernels" / args.kernel / "version").read_text(encoding="utf-8").strip()
    lines = ["# Where the instructions of one edge go", "",
             "One edge on a memory-mapped controller (the PL061 of QEMU's virt board), without debouncing, from the timer function that",
             f"moves the line in an idle machine until the reader's `read()` has returned; Linux {version}, one CPU. `make bench-budget`",
             f"makes this page: QEMU records every instruction of {TRACES} edges, and the edge with the median count is shown.", ""]
    parts = {key: collections.Counter(part_of(*name) for name in names) for key, names in roads.items()}
    order = sorted({part for counts in parts.values() for part in counts},
                   key=lambda part: -parts[next(iter(parts))][part])
    lines += table([[part, *(counts[part] for counts in parts.values())] for part in order] +
                   [["**all**", *(f"**{len(names)}**" for names in roads.values())]], ["instructions in", *parts])
    for key, counts in list(parts.items())[:2]:
        lines += ["", f"{key}: the driver's share is {100 * counts['button_irq'] / counts.total():.1f} %."]
    lines += ["", "A whole press, that is a press and a release with 10 bounces each, 0.1 ms apart, and 5 ms of debouncing: all that the",
              f"CPU executes from before the first edge until 20 ms after the last, including the edges themselves (median of {TRACES}):", ""]
    lines += table([["all", *(counts.total() for counts in presses.values())],
                    ["of them in button_irq", *(counts["button_irq"] for counts in presses.values())]],
                   ["instructions", *presses])
    further = {f"{contender}, {reader}": further_reader(fans, contender, reader) for contender in SHARED for reader in READERS}
    lines += ["", "What each further reader costs until it waits again: a tenth of the difference between eleven readers and one.", ""]
    lines += table([[part, *(counts[part] for counts in further.values())] for part in order] +
                   [["**all**", *(f"**{sum(counts.values())}**" for counts in further.values())]], ["instructions in", *further])
    for key in list(roads)[:2]:
        names = roads[key]
        lines += ["", f"The edge of {key} by function: the {ROWS} largest and all of the driver's.", ""]
        functions = collections.Counter(names)
        ours = [entry for entry in functions if entry[1] == "button_irq"]
        top = [entry for entry, _ in functions.most_common(ROWS)]
        lines += table([[f"`{name}`", functions[name, module]] for name, module in
                        sorted(set(top + ours), key=lambda entry: -functions[entry])], ["function", "instructions"])
    (TOP / "doc/budget.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
