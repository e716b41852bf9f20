#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Measures button_irq and its peers side by side, in instructions.

bench.py KERNEL          three runs, which must agree to the last instruction; then baseline.json and the plots in doc/
bench.py KERNEL --check  one short run; fails when a figure of ours is more than 5 % over baseline.json

The machine is QEMU's virt board with one CPU, on which one instruction takes one nanosecond (-icount shift=0). What is
measured does not depend on the host or on how busy it is, only on the kernel, the userland, the compiler and us.
"""

import argparse
import datetime
import json
import lzma
import re
import statistics
import struct
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/vm"))

import plot  # noqa: E402 pylint: disable=wrong-import-position
from run import CACHE  # noqa: E402 pylint: disable=wrong-import-position

HERE = TOP / "tests/bench"
BASELINE = HERE / "baseline.json"
CONTENDERS = ["button_irq", "cdev", "gpio-keys", "naive"]
RUNS = 3
TOLERANCE = 1.05


def run(kernel, contenders, exact):
    """One boot; returns the lines that bench.c printed."""
    command = [TOP / "tests/vm/run.py", kernel, "--stimulus", "none", "--cpus", "1", *(["--exact"] if exact else []),
               "--overlay", HERE / "bench.dts",
               "--file", f"{TOP}/build/bench/bench:/opt/button_irq/bench",
               "--file", f"{HERE}/guest.sh:/opt/button_irq/guest.sh", "--timeout", "1200",
               "--shell", f"bash guest.sh {' '.join(contenders)}"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if line.count("\t") >= 2]
    if result.returncode:
        rest = "\n".join(line for line in result.stdout.splitlines() if line not in lines)
        raise SystemExit(f"bench.py: the machine failed:\n{rest}")
    return lines


def summary(figure, values):
    if figure.startswith("burst"):
        return dict(zip(("delivered", "told", "disorder"), values))
    percentiles = statistics.quantiles(values, n=20, method="inclusive") if len(values) > 1 else values
    return {"median": round(statistics.median(values)), "min": min(values), "max": max(values),
            "percentiles": [round(value) for value in percentiles]}


def text_size(path):
    """The code that stays in memory: a module's .text"""
    data = path.read_bytes()
    if path.suffix == ".xz":
        data = lzma.decompress(data)
    table, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    sections = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    for name, _, _, _, _, length in sections:
        start = sections[names][4] + name
        if data[start:data.index(b"\0", start)] == b".text":
            return length
    raise SystemExit(f"bench.py: {path} has no .text")


def module_texts(kernel):
    overlay = TOP / "build/vm" / kernel / "overlay"
    sizes = {"button_irq": text_size(overlay / "opt/button_irq/button_irq.ko")}
    sizes["gpio-keys"] = sum(text_size(next(overlay.rglob(f"{name}.ko*"))) for name in ("gpio_keys", "evdev"))
    return sizes


def read_figures(lines):
    figures = {}
    for line in lines:
        who, figure, *values = line.split("\t")
        figures.setdefault(who, {})[figure] = summary(figure, [int(value) for value in values])
    return figures


def measure(kernel, contenders, runs):
    lines = []
    for number in range(runs):
        print(f"## measuring, run {number + 1} of {runs} (about 1 min)", file=sys.stderr)
        # That one agrees with others to the last instruction is not needed to see a rise of 5 %.
        again = run(kernel, contenders, exact=runs > 1)
        (TOP / f"build/bench/run-{number + 1}.txt").write_text("\n".join(again), encoding="utf-8")
        if lines and again != lines:
            differ = [a.split("\t")[:2] for a, b in zip(lines, again) if a != b]
            raise SystemExit(f"bench.py: run {number + 1} differs from the one before in {len(differ)} of {len(lines)} "
                             f"figures: {differ}; see build/bench/run-*.txt")
        lines = again
    return {
        "kernel": (CACHE / "kernels" / kernel / "version").read_text(encoding="utf-8").strip(),
        "date": datetime.date.today().isoformat(),
        "runs": runs,
        "module text": module_texts(kernel),
        "figures": read_figures(lines),
    }


def check(result):
    """Our own figures against the committed ones."""
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    if baseline["kernel"] != result["kernel"]:
        print(f"# the baseline was measured on {baseline['kernel']}, this is {result['kernel']}")
    passed, complaints = 0, []

    def compare(what, was, now):
        nonlocal passed
        if now is None:
            complaints.append(f"{what}: was not measured")
        elif "delivered" in was and now != was:
            complaints.append(f"{what}: {was} -> {now}")
        elif "median" in was and now["median"] > was["median"] * TOLERANCE:
            complaints.append(f"{what}: {was['median']} -> {now['median']}")
        else:
            passed += 1

    compare("module text", {"median": baseline["module text"]["button_irq"]},
            {"median": result["module text"]["button_irq"]})
    for who, figures in baseline["figures"].items():
        for figure, was in figures.items() if who.startswith("button_irq") else ():
            compare(f"{who}, {figure}", was, result["figures"].get(who, {}).get(figure))
    for complaint in complaints:
        print(f"not ok {complaint}")
    failed = len(complaints)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("kernel", help="name in tests/vm/kernels")
    parser.add_argument("--check", action="store_true", help="compare one run of ours with baseline.json")
    args = parser.parse_args()
    if args.check:
        sys.exit(1 if check(measure(args.kernel, CONTENDERS[:1], 1)) else 0)
    result = measure(args.kernel, CONTENDERS, RUNS)
    # Lists of numbers on one line
    text = re.sub(r"\[[^\]{]*\]", lambda match: " ".join(match[0].split()), json.dumps(result, indent=1))
    BASELINE.write_text(text + "\n", encoding="utf-8")
    plot.draw(result, TOP / "doc")
    subprocess.run([TOP / "scripts/readme.py", "bench"], check=True)


if __name__ == "__main__":
    main()
