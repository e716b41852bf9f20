#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measures button_irq and its peers side by side, in instructions.

bench.py KERNEL          on gpio-sim and on a Raspberry Pi three runs each, which must agree to the last instruction, and bursts on
                         two CPUs; then baseline.json and the plots in doc/
bench.py KERNEL --check  one short run on gpio-sim; fails when a figure of ours is more than 5 % over baseline.json, or a burst on
                         two CPUs is not delivered whole and in order
bench.py BOARD --lines F the table, in nanoseconds, of what bench.c printed on a board into the file F

The machines are QEMU's, with one CPU, on which one instruction takes one nanosecond (-icount shift=0). What is measured does not
depend on the host or on how busy it is, only on the kernel, the userland, the compiler and us. Only on two CPUs time is the host's.
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
sys.path[:0] = [str(TOP / "tests/vm"), str(TOP / "scripts")]

import plot  # noqa: E402 pylint: disable=wrong-import-position
import readme  # noqa: E402 pylint: disable=wrong-import-position
from run import CACHE  # noqa: E402 pylint: disable=wrong-import-position

HERE = TOP / "tests/bench"
BASELINE = HERE / "baseline.json"
CONTENDERS = ["button_irq", "cdev", "gpio-keys", "naive", "nobody"]
BOARD = "raspi4b"
RUNS = 3
TOLERANCE = 1.05


# Where it is measured: options of run.py
VIRT = ["--stimulus", "none", "--overlay", HERE / "bench.dts"]
GPIO_SIM = [*VIRT, "--cpus", "1"]
# Two CPUs that take turns would be as good as one: the writer is done before the other has its turn.
TWO_CPUS = [*VIRT, "--cpus", "2", "--realtime"]
PLACES = {
    "gpio-sim": GPIO_SIM,
    BOARD: ["--board", BOARD, "--stimulus", "wire", "--overlay", HERE / "wire.dts", "--cpus", "1"],
}


def run(kernel, options, arguments, name):
    """One boot; returns the lines that bench.c printed."""
    command = [TOP / "tests/vm/run.py", kernel, *options,
               "--file", f"{TOP}/build/bench/bench:/opt/button_irq/bench",
               "--file", f"{HERE}/guest.sh:/opt/button_irq/guest.sh", "--timeout", "1200",
               "--shell", f"bash guest.sh {' '.join(arguments)}"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if line.count("\t") >= 2]
    if result.returncode:
        rest = "\n".join(line for line in result.stdout.splitlines() if line not in lines)
        raise SystemExit(f"bench.py: the machine failed:\n{rest}")
    (TOP / f"build/bench/{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    return lines


def summary(figure, values):
    if figure.startswith("burst"):
        return dict(zip(("delivered", "told", "disorder"), values))
    if figure.startswith("idle"):
        return dict(zip(("own switches", "switches", "interrupts"), values))
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


def measure(kernel, where):
    """RUNS boots that have to agree"""
    lines = []
    for number in range(RUNS):
        print(f"## measuring on {where}, run {number + 1} of {RUNS} (about 1 min)", file=sys.stderr)
        again = run(kernel, [*PLACES[where], "--exact"], CONTENDERS, f"{where}-{number + 1}")
        if lines and again != lines:
            differ = [a.split("\t")[:2] for a, b in zip(lines, again) if a != b]
            raise SystemExit(f"bench.py: run {number + 1} differs from the one before in {len(differ)} of {len(lines)} "
                             f"figures: {differ}; see build/bench/{where}-*.txt")
        lines = again
    return read_figures(lines)


def bursts_on_two_cpus(kernel, contenders, runs):
    """CPUs that run at the same time never do the same thing twice, so what is told is the least and the most of all runs.
    Ours is to lose nothing in any of them."""
    seen = {}
    for number in range(runs):
        print(f"## bursts on two CPUs, run {number + 1} of {runs} (about 25 s)", file=sys.stderr)
        lines = run(kernel, TWO_CPUS, ["--bursts", *contenders], f"two-cpus-{number + 1}")
        for who, figures in read_figures(lines).items():
            for figure, counts in figures.items():
                edges = int(figure.split()[-1])
                lost = edges - counts["delivered"] - counts["told"]
                if who.startswith("button_irq") and (counts["delivered"] != edges or counts["disorder"]):
                    raise SystemExit(f"bench.py: two CPUs, {who}, {figure}: {counts}")
                counts = {"delivered": counts["delivered"], "lost untold": lost, "disorder": counts["disorder"]}
                seen.setdefault(who, {}).setdefault(figure, []).append(counts)
    return {who: {figure: {key: [min(counts[key] for counts in runs), max(counts[key] for counts in runs)]
                           for key in runs[0]} for figure, runs in figures.items()} for who, figures in seen.items()}


def about(kernel):
    return {
        "kernel": (CACHE / "kernels" / kernel / "version").read_text(encoding="utf-8").strip(),
        "date": datetime.date.today().isoformat(),
        "runs": RUNS,
        "module text": module_texts(kernel),
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
        # The rest of the machine does this and that; a driver that wakes up by itself does it more often.
        elif "interrupts" in was and (now["own switches"] > was["own switches"]
                                      or now["interrupts"] > 1.2 * was["interrupts"]):
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
    parser.add_argument("kernel", help="name in tests/vm/kernels; with --lines what the table is to say of kernel and board")
    parser.add_argument("--check", action="store_true", help="compare one run of ours with baseline.json")
    parser.add_argument("--lines", type=Path, metavar="FILE", help="what bench.c printed on a real board")
    args = parser.parse_args()
    if args.lines:
        figures = read_figures(args.lines.read_text(encoding="utf-8").splitlines())
        print(readme.bench_table([*readme.roads(figures), *readme.loads(figures)], "nanoseconds"))
        print("\n" + "\n".join([f"{datetime.date.today().isoformat()}, {args.kernel}, by a wire.  ", *readme.notes(figures)]))
        return
    if args.check:
        # That one agrees with others to the last instruction is not needed to see a rise of 5 %.
        print("## measuring (about 1 min)", file=sys.stderr)
        lines = run(args.kernel, GPIO_SIM, CONTENDERS[:1], "check")
        bursts_on_two_cpus(args.kernel, CONTENDERS[:1], 1)
        sys.exit(1 if check({**about(args.kernel), "figures": read_figures(lines)}) else 0)
    result = {**about(args.kernel), "figures": measure(args.kernel, "gpio-sim"),
              "two CPUs": bursts_on_two_cpus(args.kernel, CONTENDERS[:4], RUNS), BOARD: measure(args.kernel, BOARD)}
    # Lists of numbers on one line
    text = re.sub(r"\[[^\]{]*\]", lambda match: " ".join(match[0].split()), json.dumps(result, indent=1))
    BASELINE.write_text(text + "\n", encoding="utf-8")
    plot.draw(result, TOP / "doc")
    subprocess.run([TOP / "scripts/readme.py", "headline", "bench", "bench-pi", "bench-cpus"], check=True)


if __name__ == "__main__":
    main()
