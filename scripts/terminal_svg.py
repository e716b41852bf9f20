#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""terminal_svg.py TITLE < TEXT > SVG: draws a terminal session as a picture.

The words of a line give its colour: presses and releases are green, lost and missed events red. Each text has a fixed width
(textLength), so the columns line up in any font. A row of the characters for low and high (U+2581, U+2594) is drawn as a signal.
In a long demo, the rows between the eighth event and the summary are left out.
"""

import re
import sys
from html import escape

SIZE, CELL, LINE, MARGIN, BAR = 13, 7.8, 18, 16, 30
INK, DIM, COMMAND, WAVE = "#d6deeb", "#7d8ba1", "#79c0ff", "#f2cc60"
PRESS, RELEASE, LOST = "#7ee787", "#56b6a0", "#ff7b72"


def colour(text):
    """The colour of one column of a line"""
    event = re.match(r"\d+ \d+\.\d+ (\w+)", text)
    if event:
        return {"press": PRESS, "release": RELEASE}.get(event[1], LOST)
    if text.startswith("$ "):
        return COMMAND
    return DIM if text.startswith(("##", "─", "on the pin", "what the")) else INK


def spans(line):
    """(column, text) of each column of the demo, or the whole line"""
    left, bar, right = line.partition("│")
    if not bar:
        return [(0, line)]
    return [(0, left.rstrip()), (len(left), bar), (len(left) + 2, right.strip())]


def wave(x, y, levels):
    """A signal, one level for each cell"""
    heights = {"▁": y, "▔": y - 10}
    path = f"M{x:.1f} {heights[levels[0]]}"
    for level in levels:
        x += CELL
        path += f"V{heights[level]}H{x:.1f}"
    return f'<path d="{path}" fill="none" stroke="{WAVE}" stroke-width="1.5"/>'


def words(x, y, text):
    indent = len(text) - len(text.lstrip())
    text = text.lstrip()
    return (f'<text x="{x + indent * CELL:.1f}" y="{y}" fill="{colour(text)}" textLength="{len(text) * CELL:.1f}" '
            f'xml:space="preserve">{escape(text)}</text>')


def shorten(lines):
    """The lines without the middle of the demo's table"""
    eighth = next((i for i, line in enumerate(lines) if re.search("│ 8 ", line)), None)
    end = next((i for i, line in enumerate(lines) if line.startswith("presses made")), None)
    if eighth is None or end is None:
        return lines
    return [*lines[:eighth + 1], "       ⋮" + " " * (lines[eighth].index("│") - 8) + "│  ⋮", "", *lines[end:]]


def main():
    lines = shorten([line.rstrip() for line in sys.stdin.read().rstrip("\n").split("\n")])
    width = round(max(map(len, lines)) * CELL + 2 * MARGIN)
    height = round(len(lines) * LINE + BAR + MARGIN)
    out = ["<!-- SPDX-License-" "Identifier: GPL-2.0-only -->",
           "<!-- Made by scripts/terminal_svg.py of a real run -->",
           f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           f'font-family="ui-monospace,DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="{SIZE}" role="img">',
           f"<title>{escape(sys.argv[1])}</title>",
           f'<rect width="{width}" height="{height}" rx="8" fill="#0d1420"/>',
           *(f'<circle cx="{MARGIN + 18 * i}" cy="16" r="5" fill="{fill}"/>' for i, fill in enumerate(("#ff5f57", "#febc2e", "#28c840"))),
           f'<text x="{width / 2:.0f}" y="20" fill="{DIM}" text-anchor="middle">{escape(sys.argv[1])}</text>']
    for number, line in enumerate(lines):
        y = BAR + LINE * (number + 1) - 4
        for column, text in spans(line):
            signal = re.search(r"[▁▔]{3,}$", text)
            if signal:
                out.append(wave(MARGIN + (column + signal.start()) * CELL, y, signal[0]))
                text = text[:signal.start()].rstrip()
            if text.strip():
                out.append(words(MARGIN + column * CELL, y, text))
    print("\n".join([*out, "</svg>"]))


if __name__ == "__main__":
    main()
