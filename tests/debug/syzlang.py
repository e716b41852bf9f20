#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares button_irq.txt, the description for syzkaller, with button_irq.h. Needs no syzkaller.

Every line has one of the forms that syzlang knows. Every ioctl of the header is described, with its direction. Structures have
the header's fields, in the same order and with the same sizes. Every name that is used is defined.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TYPES = {"__u64": "int64", "__u32": "int32", "char": "int8"}
# Names that syzlang or syzkaller's common descriptions define
KNOWN = {"fd", "open_flags"}
FORMS = {
    "include": r"include <[\w/.]+>",
    "resource": r"resource (\w+)\[(\w+)\]",
    "flags": r"(\w+) = (\"[^\"]*\"|\w+)(, (\"[^\"]*\"|\w+))*",
    "call": r"\w+\$(\w+)\((\w+ [\w\[\], \"/.$]+)\)( \w+)?",
    "struct": r"(\w+) \{",
    "field": r"\t(\w+)\t+(\w+(?:\[\w+, \d+\])?)",
    "end": r"\}",
}


def header_structs(text):
    """{name: [(field, type in syzlang)]}"""
    structs = {}
    for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL):
        structs[name] = [(field, f"array[{TYPES[kind]}, {size}]" if size else TYPES[kind])
                         for kind, field, size in re.findall(r"^\t(\w+) (\w+)(?:\[(\d+)\])?;", body, re.MULTILINE)]
    return structs


def parse(text):
    """Returns what the description defines: structures, calls by name, all other names; and complaints about unknown lines."""
    structs, calls, names, strange = {}, {}, set(KNOWN), []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        form, match = next(((form, match) for form, pattern in FORMS.items() if (match := re.fullmatch(pattern, line))),
                           (None, None))
        if not form or line.count("[") != line.count("]"):
            strange.append(f"line {number} has no form that syzlang knows: {line}")
        elif form in ("resource", "flags"):
            names.add(match[1])
        elif form == "call":
            calls[match[1]] = line
        elif form == "struct":
            structs[match[1]] = fields = []
        elif form == "field":
            fields.append(match.groups())
    return structs, calls, names | set(structs), strange


def main():
    header = (HERE / "../../button_irq.h").read_text(encoding="utf-8")
    structs, calls, names, wrong = parse((HERE / "button_irq.txt").read_text(encoding="utf-8"))
    there = header_structs(header)
    for name in there.keys() | structs.keys():
        if there.get(name) != structs.get(name):
            wrong.append(f"struct {name}: {structs.get(name)} instead of {there.get(name)}")
    ioctls = dict(re.findall(r"^#define (BUTTON_IRQ_IOC_\w+)\s+(_IO\w*)\(", header, re.MULTILINE))
    for name in ioctls.keys() | {call for call in calls if call.startswith("BUTTON_IRQ_IOC")}:
        direction = {"_IOR": "arg ptr[out,", "_IOW": "arg ptr[in,", "_IO": f"const[{name}])"}.get(ioctls.get(name), "?")
        line = calls.get(name, "")
        if f"cmd const[{name}]" not in line or direction not in line:
            wrong.append(f"{name}: {ioctls.get(name)} in the header, described as: {line or 'nothing'}")
    for line in calls.values():
        used = re.findall(r"\b(?:flags|array|string|stringnoz)\[(\w+)", line) + re.findall(r"(?<=[( ])fd (fd\w*)", line)
        used += re.findall(r"\) (\w+)$", line)
        wrong += [f"{name} is not defined: {line}" for name in used if name not in names]
    for text in wrong:
        print(f"not ok {text}")
    print(f"{len(calls) + len(structs) - len(wrong)} passed, {len(wrong)} failed, 0 skipped")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
