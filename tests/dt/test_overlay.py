#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Applies the overlay to Raspberry Pi device trees and looks at every node of the result.

	test_overlay.py DTBO-DIR [NAME=DIR ...]

DTBO-DIR is the directory of the overlays that dts/Makefile made. Each DIR is searched for
bcm*rpi*.dtb; results call it NAME. overrides.py applies the parameters, fdtoverlay the overlays.
README.md beside this file says what is expected of each parameter, and why.
"""

import copy
import multiprocessing
import pathlib
import re
import subprocess
import sys
import tempfile

import fdt
import overrides
from fdt import cells

HERE = pathlib.Path(__file__).resolve().parent
DTS = HERE.parent.parent / "dts"
CONTROLLERS = "brcm,bcm2835-gpio", "brcm,bcm2711-gpio", "raspberrypi,rp1-gpio"
SOCS = "bcm2835", "bcm2836", "bcm2837", "bcm2711", "bcm2712"
PARAMETERS = {"gpio", "gpio_pull", "active_low", "debounce_us", "debounce_mode", "label", "keycode", "wakeup"}

# Parameters of each instance that is loaded, separated by " + " -> how each button then differs from DEFAULT.
DEFAULT = {"pin": 17, "pull": 2, "flags": 1, "us": 10000, "mode": "eager", "label": "",
           "code": 0, "wake": False}
CASES = {
    "": [{}],
    "gpio=27": [{"pin": 27}],
    "gpio=0": [{"pin": 0}],
    "gpio=0x1b": [{"pin": 27}],
    "gpio=53": [{"pin": 53}],
    "gpio_pull=off": [{"pull": 0}],
    "gpio_pull=down": [{"pull": 1}],
    "gpio_pull=up": [{"pull": 2}],
    "gpio_pull=0": [{"pull": 0}],
    "active_low": [{"flags": 1}],
    "active_low=1": [{"flags": 1}],
    "active_low=0": [{"flags": 0}],
    "active_low=off": [{"flags": 0}],
    "debounce_us=0": [{"us": 0}],
    "debounce_us=2500": [{"us": 2500}],
    "debounce_us=1000000": [{"us": 1000000}],
    "debounce_mode=eager": [{"mode": "eager"}],
    "debounce_mode=settle": [{"mode": "settle"}],
    "label=bell": [{"label": "bell"}],
    "label=garden door": [{"label": "garden door"}],
    "keycode=116": [{"code": 116}],
    "keycode=0x74": [{"code": 116}],
    "wakeup": [{"wake": True}],
    "wakeup=on": [{"wake": True}],
    "wakeup=0": [{"wake": False}],
    "gpio=17,gpio_pull=up,active_low=1,debounce_us=10000,debounce_mode=eager,label=bell,wakeup":
        [{"label": "bell", "wake": True}],
    "wakeup,label=x,debounce_mode=settle,debounce_us=9,active_low=0,gpio_pull=down,gpio=27":
        [{"pin": 27, "pull": 1, "flags": 0, "us": 9, "mode": "settle", "label": "x", "wake": True}],
    " + gpio=27": [{}, {"pin": 27}],
    "gpio=27,label=a + gpio=22,label=b,gpio_pull=off + gpio=17,wakeup":
        [{"pin": 27, "label": "a"}, {"pin": 22, "label": "b", "pull": 0}, {"wake": True}],
}

# Parameter -> the node "thing" of overrides.dts afterwards: its name, and the properties that have
# changed (None: removed).
MODEL = {
    "": ("thing@1", {}),
    "byte=0xff": ("thing@1", {"bytes": b"\x11\xff\x33\x44"}),
    "half=0xabcd": ("thing@1", {"bytes": b"\x11\x22\xab\xcd"}),
    "cell=010": ("thing@1", {"cells": cells(0x11223344, 8)}),
    "double=0x1122334455667788": ("thing@1", {"cells": cells(0x11223344, 0x55667788)}),
    "more=7": ("thing@1", {"new": cells(0, 0, 7)}),
    "cell=up": ("thing@1", {"cells": cells(0x11223344, 2)}),
    "cell=down": ("thing@1", {"cells": cells(0x11223344, 1)}),
    "cell=off": ("thing@1", {"cells": cells(0x11223344, 0)}),
    "cell": ("thing@1", {"cells": cells(0x11223344, 1)}),
    "cell=": ("thing@1", {"cells": cells(0x11223344, 0)}),
    "on": ("thing@1", {"set": b""}),
    "on=no": ("thing@1", {}),
    "off": ("thing@1", {"flag": None}),
    "off=0": ("thing@1", {"flag": b""}),
    "unset=off": ("thing@1", {"flag": None}),
    "text=short": ("thing@1", {"text": b"short\0"}),
    "state=on": ("thing@1", {"status": b"okay\0"}),
    "state=1": ("thing@1", {"status": b"okay\0"}),
    "state=0": ("thing@1", {"status": b"disabled\0"}),
    "state=fail": ("thing@1", {"status": b"fail\0"}),
    "mac=b8:27:eb:01": ("thing@1", {"mac": b"\xb8\x27\xeb\x01"}),
    "reg=0x2f": ("thing@2f", {}),
    "called=other": ("other", {}),
    "both=3": ("thing@1", {"cells": cells(3, 0x55667788), "text": b"3\0", "set": b""}),
}
REFUSED = "nothing=1", "cell=sideways", "on=maybe", "mac=x"

# The binding has the driver's limits. Each of these changes to its first example violates one.
WRONG = {
    "no gpios": ("gpios = <&gpio 17 1>;", ""),
    "two lines": ("gpios = <&gpio 17 1>", "gpios = <&gpio 17 1>, <&gpio 18 1>"),
    "debounce-us above the limit": ('"bell"', '"bell"; debounce-us = <1000001>'),
    "debounce-us of two cells": ('"bell"', '"bell"; debounce-us = <1 2>'),
    "an unknown debounce-mode": ('"bell"', '"bell"; debounce-mode = "fast"'),
    "wakeup-source with a value": ('"bell"', '"bell"; wakeup-source = "yes"'),
    "a label that is no string": ('"bell"', "<1>"),
    "an empty label": ('"bell"', '""'),
    "a label of 32 characters": ('"bell"', f'"{"x" * 32}"'),
    "a label that begins with a blank": ('"bell"', '" bell"'),
    "linux,code above the limit": ('"bell"', '"bell"; linux,code = <768>'),
    "linux,input-type of an axis": ('"bell"', '"bell"; linux,input-type = <3>'),
    "a label that is a path": ('"bell"', '"a/b"'),
    "an unknown property": ('"bell"', '"bell"; debounce-ms = <10>'),
}

WORK = None     # a temporary directory
TREES = []      # the trees on which each case is loaded


class Tap:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, result, name):
        print(f"{result} {self.passed + self.failed + self.skipped} - {name}", flush=True)

    def point(self, name, complaints):
        """Prints a test's result: passed if there are no complaints."""
        self.passed += not complaints
        self.failed += bool(complaints)
        for complaint in complaints:
            print(f"# {complaint}")
        self.line("not ok" if complaints else "ok", name)

    def skip(self, name, why):
        self.skipped += 1
        self.line("ok", f"{name} # SKIP {why}")

    def close(self):
        print(f"1..{self.passed + self.failed + self.skipped}")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed or not self.passed else 0


def run(*command):
    """Runs a program. Returns its exit status, and the lines that it printed."""
    result = subprocess.run([str(word) for word in command], text=True, errors="replace",
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result.returncode, [line for line in result.stdout.splitlines() if line.strip()]


def properties(root):
    return {path: dict(node.props) for path, node in root.walk()}


def differences(wanted, got):
    """Yields each difference between two trees, which properties() returned."""
    for path in sorted(wanted.keys() | got.keys()):
        if path not in got:
            yield f"{path} is missing"
        elif path not in wanted:
            yield f"{path} should not be there"
        else:
            for prop in sorted(wanted[path].keys() | got[path].keys()):
                before, after = wanted[path].get(prop), got[path].get(prop)
                if before != after:
                    yield f"{path}:{prop}: wanted {show(before)}, got {show(after)}"


def show(value):
    return "none" if value is None else f"[{value.hex()}]"


def fdtoverlay(base, overlays):
    """Applies overlays to the file base. Returns the tree and no complaints, or None and the reason."""
    files = []
    for number, overlay in enumerate(overlays):
        files.append(WORK / f"{number}.dtbo")
        files[-1].write_bytes(fdt.write(overlay))
    status, lines = run("fdtoverlay", "-i", base, "-o", WORK / "merged.dtb", *files)
    if status:
        return None, lines
    return fdt.parse((WORK / "merged.dtb").read_bytes()), []


class Tree:
    """A base tree and the overlay that is to be applied to it."""

    def __init__(self, name, file, overlay, label):
        self.name = f"{name} + {overlay.name}"
        self.file = file
        self.overlay = fdt.parse(overlay.read_bytes())
        self.root = fdt.parse(file.read_bytes())
        self.label = label      # the label that the overlay needs on the header's controller
        self.has_label = label in self.root.children.get("__symbols__", fdt.Node()).props
        found = [path for path, node in self.root.walk()
                 if node.strings("compatible")[0] in CONTROLLERS]
        self.controller = found[0] if len(found) == 1 else None

    def add_label(self):
        """Adds the symbol, which a tree that was not compiled with -@ lacks."""
        symbols = self.root.children.setdefault("__symbols__", fdt.Node())
        symbols.props[self.label] = self.controller.encode() + b"\0"
        self.file = WORK / f"{re.sub('[^a-z0-9.+-]', '-', self.name)}.dtb"
        self.file.write_bytes(fdt.write(self.root))

    def load(self, case):
        """Loads the overlay once for each part of the case."""
        overlays = []
        for parameters in case.split(" + "):
            overlays.append(copy.deepcopy(self.overlay))
            overrides.apply(overlays[-1], parameters)
        return fdtoverlay(self.file, overlays)

    def check_label(self):
        """Checks that the overlay is refused without the label, and that the label is on the controller."""
        if not self.has_label:
            if self.load("")[0]:
                yield f"was taken without the label {self.label}"
            if not self.controller:
                return
            self.add_label()
        node = self.root.find(self.controller)
        if self.root.children["__symbols__"].strings(self.label) != [self.controller]:
            yield f"{self.label} is not on {self.controller}"
        if "phandle" not in node.props or "gpio-controller" not in node.props:
            yield f"{self.controller} is not a GPIO controller that one can refer to"
        if node.props["#gpio-cells"] != cells(2):
            yield f"{self.controller} takes other specifiers"

    def check(self, case, buttons):
        """Loads the case and compares the whole tree with the tables of README.md."""
        merged, complaints = self.load(case)
        if not merged:
            return complaints
        before, after = properties(self.root), properties(merged)

        # libfdt exports the overlay's own labels to the tree; the firmware does not.
        for label in "button_irq", "button_irq_pins":
            after["/__symbols__"].pop(label, None)

        wanted = dict(before)
        for button in buttons:
            wanted |= self.expected(DEFAULT | button, before, after)
        complaints = list(differences(wanted, after))
        handles = [props["phandle"] for props in after.values() if "phandle" in props]
        if len(handles) != len(set(handles)):
            complaints.append("a phandle is there twice")
        return complaints

    def expected(self, button, before, after):
        """Returns the two nodes of a button. Their phandles may have any value."""
        pins = f"{self.controller}/button-irq-pins@{button['pin']:x}"
        node = f"/button-irq@{button['pin']:x}"
        nodes = {
            pins: {
                "phandle": after.get(pins, {}).get("phandle", b""),
                "brcm,pins": cells(button["pin"]),
                "brcm,function": cells(0),
                "brcm,pull": cells(button["pull"]),
            },
            node: {
                "phandle": after.get(node, {}).get("phandle", b""),
                "compatible": b"button-irq\0",
                "pinctrl-names": b"default\0",
                "pinctrl-0": after.get(pins, {}).get("phandle", b""),
                "gpios": before[self.controller]["phandle"] + cells(button["pin"], button["flags"]),
                "debounce-us": cells(button["us"]),
                "debounce-mode": button["mode"].encode() + b"\0",
                "linux,code": cells(button["code"]),
            },
        }
        if button["label"]:
            nodes[node]["label"] = button["label"].encode() + b"\0"
        if button["wake"]:
            nodes[node]["wakeup-source"] = b""
        return nodes


def check_model(parameters, name, changed):
    """Checks the model itself; by fdtoverlay, which shows whether references survive a rename."""
    overlay = fdt.parse((WORK / "overrides.dtbo").read_bytes())
    thing = dict(overlay.find("/fragment@0/__overlay__/thing@1").props)
    overrides.apply(overlay, parameters)

    base = fdt.Node()
    base.children = {"outside": fdt.Node(), "__symbols__": fdt.Node()}
    base.children["outside"].props["phandle"] = cells(0x77)
    base.children["__symbols__"].props["outside"] = b"/outside\0"
    (WORK / "base.dtb").write_bytes(fdt.write(base))
    merged, complaints = fdtoverlay(WORK / "base.dtb", [overlay])
    if not merged:
        return complaints

    handle = merged.children.get(name, fdt.Node()).props.get("phandle", b"")
    thing |= {"phandle": handle, "self": handle, "outer": cells(0x77)} | changed
    wanted = properties(base)
    wanted["/__symbols__"]["thing"] = f"/{name}".encode() + b"\0"
    wanted[f"/{name}"] = {prop: value for prop, value in thing.items() if value is not None}
    wanted[f"/{name}/child"] = {"outer": cells(0x77, 5)}
    return list(differences(wanted, properties(merged)))


def model_tests(tap):
    _, complaints = run("dtc", "-q", "-@", "-o", WORK / "overrides.dtbo", HERE / "overrides.dts")
    tap.point("overrides.dts compiles", complaints)
    if complaints:
        return
    for parameters, (name, changed) in MODEL.items():
        tap.point(f"model: {parameters or 'no parameter'}", check_model(parameters, name, changed))
    for parameters in REFUSED:
        try:
            check_model(parameters, "thing@1", {})
            complaints = ["it was taken"]
        except overrides.Refused:
            complaints = []
        tap.point(f"model: {parameters} is refused", complaints)


def source_tests(tap, dtbos):
    source = DTS / "button-irq-overlay.dts"
    tap.point("the source has no includes",
              re.findall(r"^\s*[#/]include.*", source.read_text(), re.M))

    compiled = (dtbos / "button-irq.dtbo").read_bytes()
    status, complaints = run("dtc", "-@", "-o", WORK / "plain.dtbo", source)
    if not status and (WORK / "plain.dtbo").read_bytes() == compiled:
        complaints = []         # ignore the warnings of plain dtc, which dts/Makefile explains
    else:
        complaints.append("is not what dts/Makefile made")
    tap.point("plain dtc -@ compiles it to the same bytes", complaints)

    declared = fdt.parse(compiled).children["__overrides__"].props.keys()
    tap.point("it has the parameters of the design", sorted(PARAMETERS ^ declared))


def find_trees(tap, dtbos, dirs):
    seen = set()
    for name, directory in dirs:
        files = sorted(pathlib.Path(directory).rglob("bcm*rpi*.dtb"))
        new = [file for file in files if file.read_bytes() not in seen]
        seen |= {file.read_bytes() for file in files}
        tap.point(f"{name} has {len(files)} Raspberry Pi device trees, {len(new)} of them new",
                  [] if files else [f"none in {directory}"])
        for file in new:
            tree = f"{name}/{file.name}"
            yield Tree(tree, file, dtbos / "button-irq.dtbo", "gpio")
            if file.name.startswith("bcm2712"):
                yield Tree(tree, file, dtbos / "button-irq-rp1.dtbo", "rp1_gpio")


def work_apart():
    global WORK
    WORK = pathlib.Path(tempfile.mkdtemp(dir=WORK))


def check_case(case):
    return [f"{tree.name}: {complaint}" for tree in TREES for complaint in tree.check(case, CASES[case])]


def overlay_tests(tap, dtbos, dirs):
    trees = list(find_trees(tap, dtbos, dirs))
    for tree in trees:
        what = f"{tree.label} is {tree.controller}"
        if not tree.has_label:
            what += " (label added; refused without)"
        complaints = list(tree.check_label())
        if not tree.controller:
            # A Pi 5 in a kernel without RP1: the tree has no controller of the header.
            what = "refused, there is no RP1"
            if "bcm2712" not in tree.name or any("rp1" in path for path, _ in tree.root.walk()):
                complaints.append("not one controller was found")
        tap.point(f"{tree.name}: {what}", complaints)

    trees = [tree for tree in trees if tree.controller]
    for soc in SOCS:
        boards = {tree.root.strings("model")[0] for tree in trees
                  if f"brcm,{soc}" in tree.root.strings("compatible")}
        if boards:
            tap.point(f"boards with a {soc}: {len(boards)}", [])
        else:
            tap.skip(f"boards with a {soc}", "none in the device trees of these kernels")
    TREES.extend(trees)
    # Each CPU takes some of the cases. The children inherit the trees.
    with multiprocessing.get_context("fork").Pool(initializer=work_apart) as pool:
        for case, complaints in zip(CASES, pool.imap(check_case, CASES)):
            tap.point(f"load {case or 'without parameters'} ({len(trees)} trees)",
                      complaints if trees else ["no tree to load it on"])
    return trees


def dt_validate(*arguments):
    return run("dt-validate", "-s", DTS, *arguments)[1]


def schema_tests(tap, trees):
    binding = DTS / "button-irq.yaml"
    status, complaints = run("dt-doc-validate", "-u", DTS, binding)
    tap.point("dt-doc-validate: the binding is a valid schema",
              complaints + ([f"exit status {status}"] if status else []))

    example = "\n".join(run("dt-extract-example", binding)[1])
    (WORK / "example.dts").write_text(example)
    _, complaints = run("dtc", "-@", "-Wno-avoid_unnecessary_addr_size",
                        "-o", WORK / "example.dtb", WORK / "example.dts")
    tap.point("its examples compile", complaints)
    tap.point("dt-validate: its examples", dt_validate(WORK / "example.dtb"))
    for what, (old, new) in WRONG.items():
        (WORK / "wrong.dts").write_text(example.replace(old, new, 1))
        run("dtc", "-q", "-@", "-o", WORK / "wrong.dtb", WORK / "wrong.dts")
        found = old in example and any("button-irq.yaml" in line or "dt-core.yaml" in line
                                       for line in dt_validate(WORK / "wrong.dtb"))
        tap.point(f"dt-validate finds {what}", [] if found else ["not found"])

    # The nodes are the same on all trees with the same controller, so one tree of each is enough. Only
    # by the binding (-l): the core schemas want a reg in each node with an @.
    kinds = {tree.root.find(tree.controller).strings("compatible")[0]: tree for tree in trees}
    for kind, tree in kinds.items():
        files = []
        for number, case in enumerate(CASES):
            tree.load(case)
            files.append((WORK / "merged.dtb").rename(WORK / f"{number}.dtb"))
        tap.point(f"dt-validate: all that was loaded on {kind}",
                  dt_validate("-l", "button-irq", *files))
        tree.load("debounce_us=1000001,debounce_mode=fast")
        found = "\n".join(dt_validate("-l", "button-irq", WORK / "merged.dtb"))
        tap.point(f"dt-validate finds wrong values on {kind}",
                  [what for what in ("debounce-us", "debounce-mode") if what not in found])


def main():
    global WORK
    dtbos, dirs = pathlib.Path(sys.argv[1]), [arg.split("=", 1) for arg in sys.argv[2:]]
    tap = Tap()
    print("TAP version 13")
    with tempfile.TemporaryDirectory() as work:
        WORK = pathlib.Path(work)
        model_tests(tap)
        source_tests(tap, dtbos)
        schema_tests(tap, overlay_tests(tap, dtbos, dirs))
    return tap.close()


if __name__ == "__main__":
    sys.exit(main())
