#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""coverage.py SOURCE LIST REPORT...: adds up the gcov counts of several runs, and compares the lines that never ran with LIST.

Each line of LIST is FUNCTION | TEXT | REASON: in that function, the source line that contains TEXT, or one of its branches,
does not run because of REASON. The check fails for a line or branch that did not run and is not listed, and for an entry
that matches no source line.
"""

import collections
import json
import sys
from pathlib import Path

Entry = collections.namedtuple("Entry", "function text reason")


class Coverage:
    """Counts of one source file."""

    def __init__(self, name):
        self.name = name
        self.lines = collections.Counter()
        self.branches = collections.Counter()       # (line, number of the branch)
        self.functions = {}

    def add(self, report):
        for file in report["files"]:
            if Path(file["file"]).name != self.name:
                continue
            for line in file["lines"]:
                number = line["line_number"]
                self.lines[number] += line["count"]
                self.functions.setdefault(number, line.get("function_name", ""))
                for index, branch in enumerate(line["branches"]):
                    self.branches[number, index] += branch["count"]

    def missing(self):
        """Lines that never ran, or that have a branch that was never taken: {line number: what is missing}"""
        found = {number: "line" for number, count in self.lines.items() if not count}
        ways = collections.defaultdict(list)
        for (number, _), count in self.branches.items():
            ways[number].append(count)
        for number, counts in ways.items():
            if 0 in counts and number not in found:
                found[number] = f"{counts.count(0)} of {len(counts)} branches"
        return found


def read_list(path):
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = [word.strip() for word in line.split(" | ")]
        if len(words) != 3 or not all(words):
            sys.exit(f"{path}:{number}: not FUNCTION | TEXT | REASON")
        entries.append(Entry(*words))
    return entries


def share(counts):
    return f"{sum(map(bool, counts))} of {len(counts)} ({100 * sum(map(bool, counts)) / len(counts):.1f} %)"


def main():
    source, listed, reports = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    coverage = Coverage(source.name)
    for report in reports:
        coverage.add(json.loads(Path(report).read_text(encoding="utf-8")))
    if not coverage.lines:
        sys.exit(f"coverage.py: no counts of {source.name}")
    text = source.read_text(encoding="utf-8").splitlines()
    entries = read_list(listed)
    used, failed, excused = set(), 0, 0
    for number, what in sorted(coverage.missing().items()):
        line, function = text[number - 1].strip(), coverage.functions[number]
        entry = next((e for e in entries if e.function == function and e.text in line), None)
        if entry:
            used.add(entry)
            excused += 1
        else:
            failed += 1
            print(f"not covered: {source.name}:{number}: {function} | {line} | ({what})")
    there = {(coverage.functions[number], text[number - 1].strip()) for number in coverage.lines}
    for entry in entries:
        if not any(function == entry.function and entry.text in line for function, line in there):
            failed += 1
            print(f"{listed.name}: there is no line: {entry.function} | {entry.text}")
        elif entry not in used:
            print(f"# {listed.name}: covered this time: {entry.function} | {entry.text}")
    print(f"# {source.name} in {len(reports)} machines: lines {share(coverage.lines.values())}, "
          f"branches {share(coverage.branches.values())}; {excused} lines are listed in {listed.name}")
    print(f"{sum(map(bool, coverage.lines.values())) + excused} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
