# SPDX-License-Identifier: GPL-2.0-only
"""Plots of the benchmark's figures, as SVG."""

import math
from html import escape

import tables

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 100, 230, 40, 50
COLOURS = ["#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#999999", "#cc79a7", "#000000"]


class Axis:
    """Maps values to pixels; logarithmic, or percent."""

    def __init__(self, values, start, end, log):
        self.log, self.start, self.end = log, start, end
        if log:
            self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
            self.ticks = [10 ** power for power in range(self.low, self.high + 1)]
        else:
            self.low, self.high = 0, 100
            self.ticks = [0, 25, 50, 75, 100]

    def __call__(self, value):
        value = math.log10(value) if self.log else value
        return self.start + (value - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)


def text(x, y, words, anchor="start", size=12):
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">{escape(words)}</text>'


def line_chart(title, labels, series, log_y):
    """A chart with a logarithmic x axis; series: [(name, [(x, y), ...]), ...]."""
    points = [point for _, line in series for point in line]
    x_axis = Axis([x for x, _ in points], LEFT, WIDTH - RIGHT, True)
    y_axis = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP, log_y)
    out = [
        "<!-- SPDX-License-" "Identifier: GPL-2.0-only -->",
        "<!-- Made by tests/bench/plot.py -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 22, title, size=15),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, labels[0], "middle"),
        text(10, TOP - 6, labels[1]),
    ]
    for tick in x_axis.ticks:
        x = x_axis(tick)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        out.append(text(x, HEIGHT - BOTTOM + 18, f"{tick:,}", "middle"))
    for tick in y_axis.ticks:
        y = y_axis(tick)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(LEFT - 6, y + 4, f"{tick:,.0f}", "end"))
    for number, (name, line) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x_axis(x):.1f},{y_axis(y):.1f}" for x, y in line)
        y = TOP + 20 * number
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<path d="M{WIDTH - RIGHT + 12} {y}h20" stroke="{colour}" stroke-width="2"/>')
        out.append(text(WIDTH - RIGHT + 38, y + 4, name))
    return "\n".join([*out, "</svg>", ""])


def draw(result, directory):
    """latency.svg, readers.svg, scale.svg and bursts.svg"""
    pi, sim = result["places"]["raspi4b"], result["places"]["gpio-sim"]
    directory.mkdir(exist_ok=True)

    def save(name, *chart):
        (directory / name).write_text(line_chart(*chart), encoding="utf-8")

    names = ["button_irq binary, eager 5 ms", "button_irq binary, settle 5 ms", "button_irq binary, raw", "cdev raw", "cdev 5 ms",
             "gpio-keys raw", "gpio-keys 5 ms", "lgpio 5 ms"]
    save("latency.svg", "From the edge until read() returns, FIFO reader", ("instructions", "% of edges"),
         [(name, [(value, 5 * (i + 1)) for i, value in enumerate(pi[name]["read, FIFO"]["percentiles"])])
          for name in names if name in pi], False)
    save("readers.svg", "From the edge until all readers have it", ("readers", "instructions"),
         [(f"{name} ({priority})", tables.counts_of(sim[name], "readers", priority))
          for name in ("button_irq binary, raw", "gpio-keys raw") for priority in ("normal", "FIFO")], True)
    scale = result["scale"]["scale"]
    save("scale.svg", "Many buttons, many readers", ("buttons, or readers of one button", "instructions, or bytes"),
         [("edge to read(), by buttons", tables.counts_of(scale, "buttons", "read")),
          ("edge to last read(), by readers", tables.counts_of(sim["button_irq binary, raw"], "readers", "FIFO")),
          ("loading, by buttons", tables.counts_of(scale, "buttons", "loading")),
          ("memory (bytes), by buttons", tables.counts_of(scale, "buttons", "memory"))], True)
    save("bursts.svg", "Edges delivered of a burst that the IRQ thread cannot follow", ("edges", "%"),
         [(name, [(n, 100 * pi[name][f"burst of {n}"]["delivered"] / n)
                  for n in (2, 4, 10, 20, 50, 100, 200, 500, 1000)])
          for name in ("button_irq binary, raw", "cdev raw", "gpio-keys raw", "lgpio raw", "sysfs raw", "naive")
          if name in pi], False)
