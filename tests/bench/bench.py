#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measures button_irq and its peers side by side, in instructions.

bench.py KERNEL          measures everything in three runs, which must agree to the last instruction, and bursts on two CPUs; then
                         writes baseline.json, the plots in doc/ and the tables in doc/benchmarks.md
bench.py KERNEL --check  measures button_irq once at each place; fails if a figure is more than 5 % over baseline.json, or if
                         button_irq does not deliver a burst on two CPUs whole and in order
bench.py KERNEL --place NAME [--contenders NAMES]
                         measures once at one place and prints the figures
bench.py BOARD --lines F prints tables, in nanoseconds, of the figures that bench.c printed on a board into the file F

QEMU emulates the machines, with one CPU on which one instruction takes one nanosecond (-icount shift=0). So the figures do not
depend on the host or on its load, only on the kernel, the userland, the compiler and this project. The bursts on two CPUs are the
exception: there, the guest's clock is the host's.
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
sys.path[:0] = [str(TOP / "tests/vm")]

import plot  # noqa: E402 pylint: disable=wrong-import-position
import tables  # noqa: E402 pylint: disable=wrong-import-position
from run import CACHE  # noqa: E402 pylint: disable=wrong-import-position

HERE = TOP / "tests/bench"
BUILD = TOP / "build/bench"
OURS = ["button_irq", "nobody"]         # the cost of an edge in hard IRQ is the difference to "nobody"
SIM_CONTENDERS = ["button_irq", "cdev", "gpio-keys", "naive", "nobody"]
# interrupt-cnt is the last to use the line. It leaves IRQ_NOAUTOEN set, so the interrupt would stay disabled for the next user.
CONTENDERS = ["button_irq", "cdev", "gpio-keys", "lgpio", "sysfs", "direct", "naive", "nobody", "interrupt-cnt"]
RUNS = 3
TOLERANCE = 1.05
DEBOUNCE_NS = 5_000_000

# The places where bench.py measures: options of run.py, and the label of the header's controller in the device tree
VIRT = ["--stimulus", "none"]
PLACES = {
    "raspi4b": (["--board", "raspi4b", "--stimulus", "wire", "--cpus", "1"], "gpio"),
    "raspi5": (["--board", "raspi5", "--stimulus", "wire", "--cpus", "1"], "rp1_gpio"),
    "gpio-sim": ([*VIRT, "--cpus", "1"], None),
}
# --realtime, because with -icount two CPUs take turns: the writer would finish before the IRQ thread's CPU runs.
TWO_CPUS = [*VIRT, "--cpus", "2", "--realtime", "--overlay", HERE / "bench.dts"]
SCALE = [*VIRT, "--cpus", "1", "--overlay", BUILD / "scale.dts"]
SCALE_BUTTONS = 256


def scale_overlay():
    """A gpio-sim chip with a button on each of its lines"""
    buttons = "".join(f'\tscale-{i} {{ compatible = "button-irq"; gpios = <&sim {i} 1>; }};\n' for i in range(SCALE_BUTTONS))
    (BUILD / "scale.dts").write_text(
        '/dts-v1/;\n/plugin/;\n&{/} {\n\tgpio-sim {\n\t\tcompatible = "gpio-simulator";\n\t\tsim: bank0 {\n'
        f"\t\t\tgpio-controller;\n\t\t\t#gpio-cells = <2>;\n\t\t\tngpios = <{SCALE_BUTTONS}>;\n"
        f'\t\t\tgpio-sim,label = "bench";\n\t\t}};\n\t}};\n{buttons}}};\n', encoding="utf-8")


def place_options(place):
    """The options of run.py for a place; writes its overlay."""
    options, controller = PLACES[place]
    if not controller:
        return [*options, "--overlay", HERE / "bench.dts"]
    overlay = BUILD / f"wire-{place}.dts"
    text = (HERE / "wire.dts").read_text(encoding="utf-8")
    overlay.write_text(text.replace("&gpio ", f"&{controller} "), encoding="utf-8")
    return [*options, "--overlay", overlay]


def run(kernel, options, arguments, name):
    """One boot; returns the lines that bench.c printed."""
    files = [*(BUILD / "guest").glob("*.ko"), BUILD / "guest/bench", HERE / "guest.sh"]
    command = [TOP / "tests/vm/run.py", kernel, *options, "--timeout", "1800",
               *(word for file in files for word in ("--file", f"{file}:/opt/button_irq/{file.name}")),
               "--shell", f"bash guest.sh {' '.join(arguments)}"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if line.count("\t") >= 2]
    (BUILD / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    if result.returncode:
        rest = "\n".join(line for line in result.stdout.splitlines() if line not in lines)
        raise SystemExit(f"bench.py: the machine failed:\n{rest}")
    return lines


def summary(figure, values):
    if figure.startswith("burst"):
        return dict(zip(("delivered", "told", "disorder"), values))
    if figure.startswith("idle"):
        return dict(zip(("own switches", "own ns", "switches", "interrupts"), values))
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


def agreeing(kernel, options, arguments, where):
    """The figures of RUNS boots, which must agree to the last instruction"""
    lines = []
    for number in range(RUNS):
        print(f"## measuring on {where}, run {number + 1} of {RUNS} (about 2 min)", file=sys.stderr)
        again = run(kernel, [*options, "--exact"], arguments, f"{where}-{number + 1}")
        if lines and again != lines:
            differ = [a.split("\t")[:2] for a, b in zip(lines, again) if a != b]
            raise SystemExit(f"bench.py: run {number + 1} differs from the one before in {len(differ)} of {len(lines)} "
                             f"figures: {differ}; see build/bench/{where}-*.txt")
        lines = again
    return read_figures(lines)


def measure(kernel, where):
    return agreeing(kernel, place_options(where), CONTENDERS if PLACES[where][1] else SIM_CONTENDERS, where)


def measure_scale(kernel):
    return agreeing(kernel, SCALE, ["--scale", "button_irq"], "scale")


def bursts_on_two_cpus(kernel, contenders, runs):
    """Two CPUs never interleave in the same way twice, so this returns the minimum and maximum of all runs. button_irq must
    deliver every edge, in order, in every run."""
    seen = {}
    for number in range(runs):
        print(f"## bursts on two CPUs, run {number + 1} of {runs} (about 25 s)", file=sys.stderr)
        lines = run(kernel, TWO_CPUS, ["--bursts", *contenders], f"two-cpus-{number + 1}")
        for who, figures in read_figures(lines).items():
            for figure, counts in figures.items():
                edges = int(figure.split()[-1])
                lost = edges - counts["delivered"] - counts["told"]
                if who.startswith("button_irq") and (counts["delivered"] != edges or counts["disorder"]):
                    raise SystemExit(f"bench.py: two CPUs, {who}, {figure}: not delivered whole and in order: {counts}")
                counts = {"delivered": counts["delivered"], "lost silently": lost, "disorder": counts["disorder"]}
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


def rose(what, was, now):
    """Returns whether one of button_irq's figures has become worse."""
    if "delivered" in was:
        return now != was
    if "interrupts" in was:
        # Other parts of the machine cause some interrupts, too. A driver that runs a timer while idle would cause many more.
        return now["own switches"] > was["own switches"] or now["interrupts"] > 1.2 * was["interrupts"]
    # The memory of few buttons depends on how full the slabs were before. The memory of more buttons is checked strictly.
    tolerance = 1.15 if "memory per button" in what or what.endswith((" 1 buttons, memory", " 4 buttons, memory")) else TOLERANCE
    # Settle mode waits for the debounce time. A tolerance of 5 % of that would hide a rise of everything else.
    fixed = DEBOUNCE_NS if was["median"] > DEBOUNCE_NS and "settle" in what else 0
    return now["median"] - fixed > (was["median"] - fixed) * tolerance


def of_ours(result):
    """(description, figure) for each of button_irq's figures in a result"""
    yield "module text", {"median": result["module text"]["button_irq"]}
    for place, figures in {**result["places"], "scale": result["scale"]}.items():
        for who, values in figures.items():
            if who.startswith(("button_irq", "scale")):
                yield from ((f"{place}: {who}, {figure}", value) for figure, value in values.items())


def check(result):
    """Compares button_irq's figures with those in baseline.json and prints a summary."""
    baseline = tables.load()
    if baseline["kernel"] != result["kernel"]:
        print(f"# the baseline was measured on {baseline['kernel']}, this is {result['kernel']}")
    passed, failed, measured = 0, 0, dict(of_ours(result))
    for what, was in of_ours(baseline):
        now = measured.get(what)
        if now is None:
            print(f"not ok {what}: was not measured")
        elif rose(what, was, now):
            short = [value.get("median", value) for value in (was, now)]
            print(f"not ok {what}: {short[0]} -> {short[1]}")
        else:
            passed += 1
            continue
        failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed


def run_check(kernel):
    # Without --exact, runs differ by a few instructions, which the tolerance of 5 % covers.
    places = {}
    for place in tables.load()["places"]:
        print(f"## measuring on {place} (about 1 min)", file=sys.stderr)
        places[place] = read_figures(run(kernel, place_options(place), OURS, f"check-{place}"))
    print("## measuring many buttons (about 1 min)", file=sys.stderr)
    scale = read_figures(run(kernel, SCALE, ["--scale", "button_irq"], "check-scale"))
    bursts_on_two_cpus(kernel, OURS[:1], 1)
    return check({**about(kernel), "places": places, "scale": scale})


def write(result):
    # Put each list of numbers on one line.
    text = re.sub(r"\[[^\]{]*\]", lambda match: " ".join(match[0].split()), json.dumps(result, indent=1))
    tables.BASELINE.write_text(text + "\n", encoding="utf-8")
    plot.draw(result, TOP / "doc")
    made = "\n\n".join(f"<!-- {mark} -->\n{table(result)}\n<!-- /{mark} -->" for mark, table in tables.MARKS.items())
    (BUILD / "tables.md").write_text(made + "\n", encoding="utf-8")
    subprocess.run([TOP / "scripts/readme.py", *tables.MARKS], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("kernel", help="name in tests/vm/kernels; with --lines the kernel and board that the tables name")
    parser.add_argument("--check", action="store_true", help="measure button_irq once and compare it with baseline.json")
    parser.add_argument("--lines", type=Path, metavar="FILE", help="file with the output of bench.c on a real board")
    parser.add_argument("--place", choices=[*PLACES, "scale"], help="measure only this place, once")
    parser.add_argument("--contenders", help="with --place: measure only these contenders, separated by commas")
    args = parser.parse_args()
    if args.lines:
        figures = read_figures(args.lines.read_text(encoding="utf-8").splitlines())
        print("\n".join([*tables.wired(figures, "Nanoseconds"), "", f"{datetime.date.today().isoformat()}, {args.kernel}, by a wire."]))
        return
    BUILD.mkdir(parents=True, exist_ok=True)
    scale_overlay()
    if args.check:
        sys.exit(1 if run_check(args.kernel) else 0)
    if args.place == "scale":
        print("\n".join(run(args.kernel, [*SCALE, "--exact"], ["--scale", "button_irq"], "once-scale")))
        return
    if args.place:
        contenders = args.contenders.split(",") if args.contenders else CONTENDERS
        lines = run(args.kernel, [*place_options(args.place), "--exact"], contenders, f"once-{args.place}")
        for who, figures in read_figures(lines).items():
            print("\n".join(f"{who}, {figure}: {values.get('median', values)}" for figure, values in figures.items()))
        return
    write({**about(args.kernel), "places": {place: measure(args.kernel, place) for place in PLACES},
           "scale": measure_scale(args.kernel), "two CPUs": bursts_on_two_cpus(args.kernel, SIM_CONTENDERS[:4], RUNS)})


if __name__ == "__main__":
    main()
