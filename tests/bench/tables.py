# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's tables, in Markdown, from what bench.py wrote to baseline.json."""

import json
from pathlib import Path

BASELINE = Path(__file__).resolve().parent / "baseline.json"
BOARDS = {"raspi4b": "Raspberry Pi 4B", "raspi5": "Raspberry Pi 5"}
BURST = 200
IDLE = "idle for 10 s"

# Contender and variant, its name in the tables, and what a program that uses it loses
RAW = [
    ("direct raw", "direct wake-up, the floor ¹",
     "times of all edges but the last between two reads, and every level; on PREEMPT_RT it is not allowed"),
    ("sysfs raw", "sysfs `edge` and `poll()` (RPi.GPIO)", "edges between two reads, without a sign; there is no time stamp"),
    ("interrupt-cnt raw", "counter subsystem, `interrupt-cnt` ²",
     "every falling edge, and levels; times beyond 64 unread events, though not the count"),
    ("button_irq binary, raw", "**button_irq**, binary", "nothing without a sign"),
    ("button_irq text, raw", "**button_irq**, text", "nothing without a sign"),
    ("cdev raw", "GPIO character device (libgpiod)", "edges before its thread runs, without a sign"),
    ("gpio-keys raw", "`gpio-keys` and evdev", "edges before its timer or work runs, without a sign"),
    ("lgpio raw", "lgpio's alert thread (gpiozero) ³", "the same as the character device"),
]
DEBOUNCED = [
    ("button_irq binary, eager 5 ms", "**button_irq**, eager, binary", "nothing; a lone glitch counts as a press"),
    ("button_irq text, eager 5 ms", "**button_irq**, eager, text", "the same"),
    ("button_irq binary, settle 5 ms", "**button_irq**, settle, binary", "presses shorter than 5 ms, counted as bounces"),
    ("gpio-keys 5 ms", "`gpio-keys` and evdev", "presses shorter than 5 ms, without a sign"),
    ("cdev 5 ms", "GPIO character device (libgpiod)", "presses shorter than 5 ms, without a sign"),
    ("lgpio 5 ms", "lgpio's alert thread (gpiozero) ³", "presses shorter than 5 ms, without a sign"),
]
READING = [(who, name) for who, name, _ in RAW if who.split()[0] in ("button_irq", "cdev", "gpio-keys")]
SIM = [("button_irq binary, raw", "**button_irq**, binary"), ("button_irq text, raw", "**button_irq**, text"),
       ("cdev raw", "GPIO character device"), ("gpio-keys raw", "`gpio-keys` and evdev")]
SIM_DEBOUNCED = [("button_irq binary, eager 5 ms", "**button_irq**, eager 5 ms"),
                 ("button_irq binary, settle 5 ms", "**button_irq**, settle 5 ms"),
                 ("cdev 5 ms", "GPIO character device, 5 ms"), ("gpio-keys 5 ms", "`gpio-keys` and evdev, 5 ms")]


def load():
    return json.loads(BASELINE.read_text(encoding="utf-8"))


def median(figures, who, figure):
    return f"{figures[who][figure]['median']:,}" if figure in figures.get(who, {}) else "–"


def table(head, rows):
    """A Markdown table. The first column is text, the others are numbers, except a column whose title begins with "loses"."""
    marks = ["---"] + ["---" if name.startswith("loses") else "--:" for name in head[1:]]
    return ["| " + " | ".join(head) + " |", "|" + "|".join(marks) + "|",
            *("| " + " | ".join(row) + " |" for row in rows)]


def hard_irq(figures, who, figure):
    """The cost of an edge in hard IRQ, less the cost of an edge without a listener, which is mostly the register write"""
    if f"hard IRQ, {figure}" not in figures.get(who, {}) or "hard IRQ, edge" not in figures.get("nobody", {}):
        return "–"
    return f"{figures[who][f'hard IRQ, {figure}']['median'] - figures['nobody']['hard IRQ, edge']['median']:,}"


def burst(figures, who):
    counts = figures.get(who, {}).get(f"burst of {BURST}")
    return f"{counts['delivered']} / {BURST - counts['delivered'] - counts['told']}" if counts else "–"


def idle(figures, who):
    """Wake-ups and CPU time of the reader's threads and the IRQ threads, interrupts beyond those of an idle machine"""
    counts, nobody = figures.get(who, {}).get(IDLE), figures.get("nobody", {}).get(IDLE)
    if not counts or not nobody:
        return "–"
    # The number of interrupts of an idle machine varies by some ten between periods of ten seconds, so it is rounded to hundreds.
    interrupts = max(0, counts["interrupts"] - nobody["interrupts"]) // 100 * 100
    return f"{counts['own switches']:,} / {interrupts:,} / {counts['own ns'] / 1e6:,.1f}"


def further(figures, who, priority):
    if f"100 readers, {priority}" not in figures.get(who, {}):
        return "–"
    one, hundred = (figures[who][f"{n} readers, {priority}"]["median"] for n in (1, 100))
    return f"{(hundred - one) // 99:,}"


def edges(figures):
    head = ["every edge, no debouncing", "edge → `read()`, FIFO reader", "edge → `read()`, normal reader",
            "edge → `poll()`, FIFO reader", "time stamp late by", "hard IRQ per edge", f"burst of {BURST} ⁴: delivered / lost silently",
            "10 s idle ⁵: wake-ups / interrupts / CPU ms", "loses"]
    rows = [(figures[who]["read, FIFO"]["median"],
             [name, *(median(figures, who, figure) for figure in ("read, FIFO", "read, normal", "poll, FIFO")),
              "no stamp" if who.startswith("sysfs") else median(figures, who, "time stamp"),
              hard_irq(figures, who, "edge"), burst(figures, who), idle(figures, who), loses])
            for who, name, loses in RAW if who in figures]
    # The fastest first
    return table(head, [row for _, row in sorted(rows, key=lambda row: row[0])])


def debounced(figures):
    head = ["5 ms of debouncing", "edge → `read()`, FIFO reader", "edge → `read()`, normal reader", "time stamp late by",
            "hard IRQ per bounce", "loses"]
    return table(head, [[name, median(figures, who, "read, FIFO"), median(figures, who, "read, normal"),
                         median(figures, who, "time stamp"), hard_irq(figures, who, "bounce"), loses]
                        for who, name, loses in DEBOUNCED if who in figures])


def reading(figures):
    head = ["many events, many readers", "backlog, per event: 1 a read", "16 a read", "64 a read", "each further reader, FIFO",
            "each further reader, normal", "memory per reader, bytes"]
    return table(head, [[name, *(median(figures, who, f"backlog, batches of {n}") for n in (1, 16, 64)),
                         further(figures, who, "FIFO"), further(figures, who, "normal"), median(figures, who, "memory per reader")]
                        for who, name in READING if who in figures])


def notes(figures):
    return ["¹ `tests/bench/modules/bench_direct.c`: the handler stores the time, counts, and wakes the reader.  ",
            "² From Debian's kernel source; Debian's kernels do not contain it. One event for each rising edge.  ",
            "³ The loop of lgpio 0.2.2, without Python, which adds its own time.  ",
            "⁴ From a writer of higher priority than the IRQ threads. `interrupt-cnt` reports 100 of the 200 edges at most, and its next event's "
            "count shows how many events did not fit; the flag driver of "
            f"`tests/naive` saw {figures['naive'][f'burst of {BURST}']['delivered']}.  ",
            "⁵ A reader waits, nobody presses: how often the reader's threads and the IRQ threads ran, interrupts beyond those of a "
            "machine in which nobody waits (in hundreds), and CPU time of those threads. The flag driver, looked at every 0.1 s: "
            f"{idle(figures, 'naive')}."]


def wired(figures, unit="Instructions"):
    """The tables for a place with a wire: an emulated or a real board"""
    return [f"{unit}, medians.", "", *edges(figures), "", *debounced(figures), "", *reading(figures), "", *notes(figures)]


def made(result, where):
    return f"{result['date']}, Debian {result['kernel']}, {where}; {result['runs']} runs that agree to the last instruction."


def board(result, name):
    if name not in result["places"]:
        return "Not measured."
    where = f"QEMU's {BOARDS[name]} with one CPU, GPIO17 by a wire from an output pin that a timer's interrupt moves while the CPU is idle"
    steps = " This board's clock counts in steps of 16 ns." if name == "raspi4b" else ""
    return "\n".join([*wired(result["places"][name]), "", made(result, where) + steps])


def gpio_sim(result):
    figures, text = result["places"]["gpio-sim"], result["module text"]
    head = ["on gpio-sim", "edge → `read()`, FIFO reader", "time stamp late by", "memory of a further button, bytes",
            "module text, bytes"]
    rows = []
    for who, name in SIM + SIM_DEBOUNCED:
        size = {"button_irq binary, raw": f"{text['button_irq']:,}", "cdev raw": "built in", "gpio-keys raw": f"{text['gpio-keys']:,}"}
        rows.append([name, median(figures, who, "read, FIFO"), median(figures, who, "time stamp"),
                     median(figures, who, "memory per button"), size.get(who, "")])
    return "\n".join([*table(head, rows), "", made(result, "lines of gpio-sim in QEMU's virt board with one CPU")])


def cpus(result):
    """The table of bursts while the IRQ thread can run on another CPU"""
    def cells(who):
        counts = result["two CPUs"][who]["burst of 1000"]
        return ["–".join(f"{n:,}" for n in dict.fromkeys(counts[key])) for key in ("delivered", "lost silently", "disorder")]

    rows = [[name, *cells(who)] for who, name in (("button_irq binary, raw", "button_irq"), ("cdev raw", "GPIO character device"),
                                                  ("gpio-keys raw", "`gpio-keys` and evdev"), ("naive", "flag driver"))]
    return "\n".join([*table(["1,000 edges, two CPUs", "delivered", "lost silently", "out of order"], rows), "",
                      f"The least and the most of {result['runs']} runs: two CPUs never interleave in the same way twice."])


def counts_of(figures, unit, last):
    """[(n, median)] of the figures "N UNIT, LAST" """
    found = [(int(figure.split()[0]), values["median"]) for figure, values in figures.items()
             if figure.endswith(f" {unit}, {last}")]
    return sorted(found)


def scale(result):
    figures = result["scale"]["scale"]
    loading, memory = dict(counts_of(figures, "buttons", "loading")), dict(counts_of(figures, "buttons", "memory"))
    road = dict(counts_of(figures, "buttons", "read"))
    rows = [[f"{n:,}", f"{loading[n] / 1e6:,.1f}", f"{memory[n] / 1024:,.0f}", f"{memory[n] / 1024 / n:,.1f}", f"{road[n]:,}"]
            for n in loading]
    crowd = next((figure, values) for figure, values in figures.items() if figure.startswith("events of"))
    sim = result["places"]["gpio-sim"]["button_irq binary, raw"]
    fans = {priority: dict(counts_of(sim, "readers", priority)) for priority in ("FIFO", "normal")}
    readers = [[f"{n:,}", f"{fans['FIFO'][n]:,}", f"{fans['normal'][n]:,}"] for n in fans["FIFO"]]
    return "\n".join([
        *table(["buttons", "loading, ms", "memory, KB", "memory per button, KB", "edge → `read()`, FIFO reader"], rows), "",
        *table(["readers of one button", "edge → last `read()`, FIFO readers", "normal readers"], readers), "",
        f"32 buttons with 10 readers each, 5 edges on each button: {crowd[1]['median']:,} of {int(crowd[0].split()[-1]):,} events were read. "
        "Loading and memory include the module itself. " + made(result, "gpio-sim; the buttons are nodes of the device tree")])


def headline(result):
    """The table for README.md: the cost of debouncing on a Raspberry Pi's controller, one column for each contender"""
    figures = result["places"]["raspi4b"]
    contenders = ("button_irq binary, eager 5 ms", "cdev 5 ms", "gpio-keys 5 ms", "lgpio 5 ms")
    rows = [[name, *(median(figures, who, figure) for who in contenders)]
            for name, figure in (("from the first edge until `read()` returns", "read, normal"), ("time stamp late by", "time stamp"))]
    return "\n".join([*table(["instructions, 5 ms of debouncing", "button_irq", "GPIO character device", "`gpio-keys` and evdev",
                              "lgpio (gpiozero)"], rows), "",
                      "Medians on an emulated Raspberry Pi 4B, where one instruction takes one nanosecond."])


MARKS = {
    "headline": headline,
    "bench-pi": lambda result: board(result, "raspi4b"),
    "bench-pi5": lambda result: board(result, "raspi5"),
    "bench": gpio_sim,
    "bench-cpus": cpus,
    "bench-scale": scale,
}
