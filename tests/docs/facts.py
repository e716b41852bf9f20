#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""facts.py: checks that a fact is the same in all places that state it. Prints each difference.

- The version is defined in dkms.conf; the packages for Debian and npm, the Python module and the change log state it.
- Default values and maxima are defined in button_irq.c; the descriptions of the module parameters, the manual page, the
  binding, the overlay and other documents state them.
- Attributes and parameters are defined in button_irq.c and button_irq_params.h; the manual page describes each, and no other,
  and tests list each attribute.
- Functions and tests that doc/how-it-works.md names exist. Each function with a barrier is in its table of barriers, by the
  label of the barrier in the driver.
- Files that doc/how-it-works.md and the documents for contributors name exist.
- Shell tests: each function test_...() of tests/selftests is used, most often in its script's list for run_tests.
- Ways to test of tests/vm/kernels and tests/debug/kernels have words for the tables of doc/tested.md in scripts/readme.py.
- Test levels are defined in the Makefile; its help and CONTRIBUTING.md describe each by its name.
"""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
problems = []


def read(name):
    return (TOP / name).read_text(encoding="utf-8")


def driver():
    """Returns the driver's source, including button_irq_params.h, which button_irq.c includes"""
    return read("button_irq.c") + read("button_irq_params.h")


def one(name, pattern):
    """Returns what a pattern matches in a file; all matches have to be the same"""
    found = set(re.findall(pattern, read(name), re.MULTILINE))
    if len(found) != 1:
        problems.append(f"{name}: {pattern!r} has {len(found)} different matches, not one")
        return None
    return found.pop()


def same(what, wanted, places):
    for name, pattern in places:
        value = one(name, pattern)
        if value is not None and value != wanted:
            problems.append(f"{name}: {what} is {value}, elsewhere {wanted}")


def versions():
    version = one("dkms.conf", r'^PACKAGE_VERSION="(.*)"$')
    same("the version", version, [("userspace/python/button_irq/__init__.py", r'^__version__ = "(.*)"$')])
    # npm requires three numbers.
    same("the version", f"{version}.0", [(f"userspace/{name}/package.json", r'^  "version": "(.*)",$') for name in ("node", "node-red")])
    # The newest entry comes first.
    for name, pattern in (("debian/changelog", r"^button-irq \((.*?)\)"), ("CHANGELOG.md", r"^## ([0-9]\S*)")):
        newest = re.search(pattern, read(name), re.MULTILINE)
        if not newest or newest[1] != version:
            problems.append(f"{name}: the newest version is {newest and newest[1]}, elsewhere {version}")


def default(name):
    """Returns the default value of a parameter in the manual page"""
    found = re.search(rf"^`{name}`\n: .*?\(default `?([^)`]*)`?\)", read("doc/man/button_irq.4.md"), re.MULTILINE | re.DOTALL)
    return found and found[1]


def defaults():
    constants = dict(re.findall(r"^#define BUTTON_IRQ_(DEBOUNCE_US|STORM_RATE)\s+(\d+)", driver(), re.MULTILINE))
    variables = dict(re.findall(r"^static (?:unsigned int|bool) button_irq_(ring_events|max_readers|read_level) = (\w+);", driver(),
                                re.MULTILINE))
    values = {"debounce_us": constants.get("DEBOUNCE_US"), "storm_rate": constants.get("STORM_RATE"),
              "ring_events": variables.get("ring_events"), "max_readers": variables.get("max_readers"),
              "read_level": {"true": "1", "false": "0"}.get(variables.get("read_level"))}
    for name, value in values.items():
        if value is None or default(name) != value:
            problems.append(f"doc/man/button_irq.4.md: {name} has the default {default(name)}, in button_irq.c {value}")
        # MODULE_PARM_DESC texts, which modinfo shows
        shown = re.search(rf'(?:DESC|LIST)\({name},.*?\(default (\d+)', driver(), re.DOTALL)
        if shown and shown[1] != value:
            problems.append(f"button_irq.c: the description of {name} has the default {shown[1]}, the code {value}")
    time, rate, ring = values["debounce_us"], values["storm_rate"], values["ring_events"]
    milliseconds = str(int(time or 0) // 1000)
    same("the default of debounce_us", time, [("dts/button-irq.yaml", r"debounce-us:(?:\n .*|\n)*?\n +default: (\d+)"),
                                              ("dts/button-irq-overlay.dts", r"debounce-us = <(\d+)>"),
                                              ("dts/README.md", r"^\| `debounce_us` \| [^|]* \| (\d+) \|")])
    same("the default of debounce_us", milliseconds, [("doc/recipes.md", r"default\s+debounce\s+time\s+of\s+(\d+)\s+ms")])
    same("the default of storm_rate", rate, [("doc/recipes.md", r"Above\s+(\d+)\s+edges\s+a\s+second\s+raise\s+`storm_rate`")])
    same("the default of ring_events", ring, [("doc/man/button-irq.1.md", r"\((\d+) unless the\s+module\s+parameter\s+`ring_events`"),
                                              ("README.md", r"\| (\d+) events \|")])


def maxima():
    limits = dict(re.findall(r"^#define BUTTON_IRQ_(DEBOUNCE_US|STORM_RATE)_MAX\s+(\d+)", driver(), re.MULTILINE))
    same("the maximum of debounce_us", limits.get("DEBOUNCE_US"), [
        ("doc/man/button_irq.4.md", r"^`debounce_us`\n: .*?0 to (\d+)"),
        ("button_irq_params.h", r"DESC\(debounce_us,.*?0 to (\d+)"),
        ("button_irq.h", r"@debounce_us: .*?0 to (\d+)"),
        ("dts/button-irq.yaml", r"debounce-us:(?:\n .*|\n)*?\n +maximum: (\d+)"),
        ("dts/README.md", r"^\| `debounce_us` \| 0 to (\d+) \|"),
        ("scripts/upstream.py", r'"debounce_us": ".*?0 to (\d+)'),
        ("userspace/button-irq/doctor.c", r'"debounce", "0 to (\d+)')])
    same("the maximum of storm_rate", limits.get("STORM_RATE"), [
        ("doc/man/button_irq.4.md", r"^`storm_rate`\n: .*?0 to (\d+)"),
        ("button_irq_params.h", r"DESC\(storm_rate,\s.*?0 to (\d+)"),
        ("scripts/upstream.py", r'"storm_rate": ".*?0 to (\d+)')])


def interface():
    source, page = driver(), read("doc/man/button_irq.4.md")
    attributes = re.findall(r"^\t&dev_attr_(\w+)\.attr,$", source, re.MULTILINE)
    parameters = [name for macro in (r"^BUTTON_IRQ_LIST\((\w+)", r"^module_param_named\((\w+),") for name in re.findall(macro, source, re.MULTILINE)]
    if len(attributes) < 10 or len(parameters) < 10:
        problems.append("button_irq.c: this test does not find the attributes or the parameters")
    sections = {"FILES": attributes, "MODULE PARAMETERS": parameters}
    for title, names in sections.items():
        section = page.partition(f"\n# {title}\n")[2].partition("\n# ")[0]
        terms = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^(`.*)\n: ", section, re.MULTILINE))))
        problems.extend(f"doc/man/button_irq.4.md, {title}: {name} is not described" for name in names if name not in terms)
        problems.extend(f"doc/man/button_irq.4.md, {title}: there is no {name}" for name in sorted(terms - set(names)))
    for test, lists in (("button_irq_config.c", "read_only|writable"), ("button_irq_fuzz.c", "attrs")):
        text = read(f"tests/selftests/{test}")
        listed = re.findall(r'"(\w+)"', " ".join(re.findall(rf" (?:{lists})\[\] = {{(.*?)}};", text, re.DOTALL)))
        problems.extend(f"tests/selftests/{test}, {lists.replace('|', ' or ')}: {name} is missing" for name in attributes if name not in listed)


def functions(source):
    """Returns (name, body) of each function of a kernel source file"""
    return re.findall(r"^[a-z][^\n;={}]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL)


def names():
    source = driver()
    # Leave out the section about other drivers, which names files of the kernel.
    chapter = re.sub(r"\n## What the others do\n.*?(?=\n## )", "", read("doc/how-it-works.md"), flags=re.DOTALL)
    bodies = dict(functions(source))
    if len(bodies) < 50:
        problems.append(f"button_irq.c: this test finds {len(bodies)} functions")
    for name in sorted(set(re.findall(r"`(button_irq_\w+|\w+_show)\(\)", chapter)) - set(bodies)):
        problems.append(f"doc/how-it-works.md: button_irq.c has no {name}()")
    table = chapter.partition("\n## All barriers\n")[2].partition("\n## ")[0]
    for name, text in bodies.items():
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        if re.search(r"\b(smp_\w+|(cmp)?xchg|(read|write)_seqcount_\w+)\(", code) and f"`{name}()`" not in table:
            problems.append(f"doc/how-it-works.md, All barriers: {name}() has a barrier and is missing")
    in_table = {(label, name) for label, where in re.findall(r"^\| ([A-Z]\d) \| (.*?) \| [A-Z]\d ", table, re.MULTILINE)
                for name in re.findall(r"`(\w+)\(\)`", where) if name in bodies}
    in_driver = {(label, name) for name, text in bodies.items() for label in re.findall(r"\* ([A-Z]\d), ", text)}
    for label, name in sorted(in_table ^ in_driver):
        problems.append(f"doc/how-it-works.md, All barriers: {label} in {name}() stands in "
                        f"{'the table' if (label, name) in in_table else 'button_irq.c'} only")
    tests = "".join(path.read_text(encoding="utf-8") for path in sorted((TOP / "tests").rglob("*")) if path.suffix in (".c", ".sh"))
    for name in sorted(set(re.findall(r"`([a-z]+(?:_[a-z]+){2,})`", chapter))):
        if not re.search(rf"\b(test_)?{name}\b", tests + source):
            problems.append(f"doc/how-it-works.md: there is no {name}")
    texts = {name: read(name) for name in ("CONTRIBUTING.md", "tests/README.md", "doc/benchmarks.md", "doc/tested.md")}
    for document, text in {**texts, "doc/how-it-works.md": chapter}.items():
        # Leave out generated parts.
        text = re.sub(r"<!-- (\S+) -->\n.*?<!-- /\1 -->", "", text, flags=re.DOTALL)
        for name in sorted(set(re.findall(r"`([\w/-]+\.(?:[ch]|sh|py|litmus|yaml|svg))[` ]", text))):
            if not any((TOP / where / name).exists() for where in ("", "tests", "doc")) and not list((TOP / "tests").glob(f"*/{name}")):
                problems.append(f"{document}: there is no {name}")


def shell_tests():
    for path in sorted((TOP / "tests/selftests").glob("*.sh")):
        text = path.read_text(encoding="utf-8")
        # lib.sh has helpers for the scripts.
        if path.name != "lib.sh":
            problems.extend(f"tests/selftests/{path.name}: {name} is not in the list for run_tests"
                            for name in re.findall(r"^(test_\w+)\(\)", text, re.MULTILINE) if len(re.findall(rf"\b{name}\b", text)) == 1)


def levels():
    makefile = read("Makefile")
    targets = set(re.findall(r"^(check(?:-[a-z-]+)?|bench(?:-[a-z]+)?):", makefile, re.MULTILINE))
    described = set(re.findall(r"^#: +(?:sudo )?make (check(?:-[a-z-]+)?|bench(?:-[a-z]+)?)\b", makefile, re.MULTILINE))
    contributing = set(re.findall(r"^\| `(check(?:-[a-z-]+)?|bench(?:-[a-z]+)?)`", read("CONTRIBUTING.md"), re.MULTILINE))
    # Not described: the parts of check-debug and check-debug-long
    parts = {"check-debug-syzlang", "check-debug-vm", "check-debug-slow", "check-debug-coverage", "check-debug-mutants"}
    for where, names in (("Makefile's help", described), ("CONTRIBUTING.md's table", contributing)):
        problems.extend(f"{where}: {name} is missing" for name in sorted(targets - parts - names))
        problems.extend(f"{where}: {name} is no target" for name in sorted(names - targets))


def ways():
    """Each way to test in the tables of kernels has its words for doc/tested.md."""
    for table, dictionaries in (("vm", ["WAYS"]), ("debug", ["WAYS", "DEBUG_WAYS"])):
        described = {way for name in dictionaries for body in re.findall(rf"^{name} = \{{\n(.*?)^\}}", read("scripts/readme.py"), re.MULTILINE | re.DOTALL)
                     for way in re.findall(r'^    "([\w-]+)":', body, re.MULTILINE)}
        for line in read(f"tests/{table}/kernels").splitlines():
            used = set() if line.startswith("#") else {way for column in line.split()[4:] for way in column.split(",")}
            problems.extend(f"scripts/readme.py: {way} of tests/{table}/kernels is missing" for way in sorted(used - described))


def main():
    for check in (versions, defaults, maxima, interface, names, shell_tests, levels, ways):
        check()
    print("\n".join(problems) or "no differences")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
