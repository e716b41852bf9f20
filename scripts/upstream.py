#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""upstream.py TREE DIRECTORY [AUTHOR]: the driver as a patch series for the kernel source TREE -> DIRECTORY/*.patch.

AUTHOR, as "Name <address>", is the author and maintainer of the series. doc/upstream/README.md lists what is left out of
the driver, and why. Texts that only a kernel tree has are in doc/upstream/series.

Rules make everything else from this project's files. Each rule has a name and must match: if it no longer does after a
change of the driver, this program fails and prints the rule's name.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SERIES = TOP / "doc/upstream/series"
NOBODY = "The button_irq developers <button-irq@project.example>"
DRIVER = "drivers/misc/button_irq"
SELFTESTS = "tools/testing/selftests/drivers/button_irq"
BINDING = "Documentation/devicetree/bindings/input/button-irq.yaml"
UAPI = "include/uapi/linux/button_irq.h"
PAGE = "Documentation/misc-devices/button_irq.rst"
ABI = "Documentation/ABI/testing/sysfs-class-button_irq"

# Selftests that need something that a kernel tree does not have: other drivers to compare with, a GPIO controller of this
# project, device-tree overlays of an emulated board, or a debug kernel of their own.
LEFT_OUT = {"button_irq_controllers", "button_irq_faults", "button_irq_fuzz", "button_irq_lifetime", "button_irq_pairs",
            "button_irq_fuzz.corpus", "button_irq_fuzz_long.corpus", "compare.sh", "devicetree.sh", "naive.sh", "looker"}

# Headers that are removed if nothing uses them, with the pattern of what they declare
HEADERS = {"linux/gpio/machine.h": r"gpiod_lookup", "linux/pinctrl/pinconf-generic.h": r"PIN_CONF", "linux/regmap.h": r"dev_get_regmap",
           "linux/math64.h": r"div_u64", "linux/log2.h": r"is_power_of_2", "linux/version.h": r"LINUX_VERSION", "linux/irqdesc.h": r"irq_to_desc"}


def read(name):
    return (TOP / name).read_text(encoding="utf-8")


class Rules:
    """A text, and edits of it, each of which must match"""

    def __init__(self, name, text):
        self.name, self.text = name, text

    def fail(self, rule):
        raise SystemExit(f"upstream.py: {self.name}: the rule \"{rule}\" no longer matches")

    def edit(self, rule, pattern, replacement="", count=1):
        """Replaces every match. @count: the least number of matches"""
        self.text, n = re.subn(pattern, replacement, self.text, flags=re.MULTILINE | re.DOTALL)
        if n < count:
            self.fail(rule)

    def function(self, name, replacement=""):
        """Replaces a function and the comment above it."""
        found = function_pattern(name).search(self.text)
        if not found:
            self.fail(f"function {name}()")
        self.text = self.text[:found.start()] + (replacement + "\n" if replacement else "") + self.text[found.end():]


COMMENT = r"(?:^/\*(?:(?!\*/).)*\*/\n)?"


def function_pattern(name):
    return re.compile(rf"{COMMENT}^[a-z][^\n;={{}}]*?(?:\n)?[^\n;={{}}]*?\b{name}\([^;{{}}]*?\)\n\{{\n.*?^\}}\n\n?", re.MULTILINE | re.DOTALL)


# --- Code for the newest kernel only ---------------------------------------------------------

def resolve(text):
    """Takes the newest kernel's branch of each #if on a version, or on a symbol that older kernels lack."""
    lines, stack = [], []
    for line in text.splitlines(keepends=True):
        version = re.match(r"#if LINUX_VERSION_CODE (<|>=) KERNEL_VERSION\(", line)
        # Not the guard of a header
        symbol = re.match(r"#(ifndef) (\w+)(?<!_H)$", line) or re.match(r"#(ifdef) (__KERNEL__)$", line)
        if version:
            stack.append(version[1] == ">=")
        elif symbol:
            stack.append(symbol[1] == "ifdef")
        elif re.match(r"#if", line):
            if False not in stack:
                lines.append(line)
            stack.append(None)
        elif re.match(r"#el", line) and stack[-1] is not None:
            stack[-1] = not stack[-1]
        elif re.match(r"#endif", line):
            if stack.pop() is None and False not in stack:
                lines.append(line)
        elif False not in stack:
            lines.append(line)
    return "".join(lines)


def newest():
    """(functions, words) of button_irq_compat.h: functions that the driver calls, and macros that expand to one word"""
    text = resolve(read("button_irq_compat.h"))
    words = dict(re.findall(r"^#define (BUTTON_IRQ_\w+) (\w+)$", text, re.MULTILINE))
    text = text.partition("#include <linux/version.h>\n")[2]
    # Comments that begin with a version describe kernels before that version.
    text = re.sub(r"^/\*(?: |\n \* )\d+\.\d+: (?:(?!\*/).)*\*/\n", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^#(define|endif).*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^static inline (.*?\()(.*?)(?=\)\n\{)", lambda m: f"static {m[1]}" + align(m[2], len(f"static {m[1]}")), text,
                  flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n", words


def align(parameters, column):
    """Parameters on several lines, aligned at @column, where the first one begins"""
    return re.sub(r"\n\s+", "\n" + "\t" * (column // 8) + " " * (column % 8), parameters)


def inline(text, words):
    for word, value in words.items():
        text = re.sub(rf"\b{word}\b", value, text)
    return text


def drop_unused(text, beside=""):
    """Removes static functions and function types to which neither @text nor @beside refers, until none is left."""
    definitions = (rf"{COMMENT}^static [^\n;={{}}]*?(?:\n)?[^\n;={{}}]*?\b(\w+)\([^;{{}}]*?\)\n\{{\n.*?^\}}\n\n?",
                   rf"{COMMENT}^typedef [^;]*\(\*(\w+)\)[^;]*;\n\n?")
    while True:
        before = text
        for pattern in definitions:
            for found in reversed(list(re.finditer(pattern, text, re.MULTILINE | re.DOTALL))):
                # Only the driver's own names: not pr_fmt(), and not functions that a macro defines.
                if found[1].lower().startswith("button_irq_") and len(re.findall(rf"\b{found[1]}\b", text + beside)) == 1:
                    text = text[:found.start()] + text[found.end():]
        if text == before:
            break
    for header, symbols in HEADERS.items():
        if not re.search(symbols, text + beside):
            text = text.replace(f"#include <{header}>\n", "")
    # Titles of sections that are empty now
    text = re.sub(r"^/\* --- [^\n]* -+ \*/\n+(?=/\* --- )", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text)


# --- The driver ------------------------------------------------------------------------------

PROBE = """\
static int button_irq_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct button_irq_config config;
	struct gpio_desc *gpiod;
	int ret;

	ret = button_irq_read_properties(dev, &config);
	if (ret)
		return ret;
	gpiod = devm_gpiod_get(dev, NULL, GPIOD_IN);
	if (IS_ERR(gpiod))
		return dev_err_probe(dev, PTR_ERR(gpiod), "cannot get the line\\n");
	return button_irq_create(dev, gpiod, &config);
}
"""


def driver(with_params):
    """The driver in a kernel tree: button_irq.c, and its chapter button_irq_params.h or None"""
    functions, words = newest()
    functions = inline(functions, words)
    r = Rules("button_irq.c", inline(read("button_irq.c"), words))
    r.edit("the interface's header is the kernel's", r'^#include "button_irq\.h"\n')
    r.edit("the interface's header is the kernel's", r"^(?=#include <linux/cdev\.h>)", "#include <linux/button_irq.h>\n")
    r.edit("no compatibility header", r'^#include "button_irq_compat\.h"\n')
    r.edit("the newest kernel's ways to gpiolib", r"^(?=/\* --- Settings -)", "/* --- gpiolib --- */\n\n" + functions.replace("\\", r"\\") + "\n")
    r.edit("no module version", r"^MODULE_VERSION\(.*?\);\n")
    r.edit("no reference to documents of the project", r" doc/how-it-works\.md has a table of what each pair forbids\.")
    r.edit("the newest kernel's allocations", r"\bkzalloc\(sizeof\(\*(\w+)\), (\w+)\)", r"kzalloc_obj(*\1, \2)")
    # The fault is in the controller's driver. A kernel tree would fix it there.
    r.edit("no warning of RP1", r"^\tbutton_irq_warn_of_rp1\(.*?\);\n")
    params = None
    if (TOP / "button_irq_params.h").exists():
        p = Rules("button_irq_params.h", inline(read("button_irq_params.h"), words))
        p.edit("the chapter does not speak of kernel trees", r"^ \* A driver in the kernel tree would [^*]*\n \*\n")
        p.edit("no warning of RP1", r"^ \*\tbutton_irq_warn_of_rp1\(\)[^\n]*\n")
        p.edit("no warning of RP1", r"^#include <linux/regmap\.h>\n")
        p.function("button_irq_warn_of_rp1")
        params = p.text
    if not with_params:
        without_params(r)
    params = params if with_params else None
    r.text = drop_unused(r.text, params or "")
    leftovers(r)
    return r.text, params


def without_params(r):
    """Buttons come from firmware only."""
    r.edit("no chapter of module parameters", r'^#include "button_irq_params\.h"\n\n?', count=0)
    r.edit("lists of module parameters", r"^BUTTON_IRQ_LIST\(\w+\);\nMODULE_PARM_DESC\(.*?\);\n", count=0)
    r.function("button_irq_probe", PROBE)
    r.edit("failures are logged by device", r'\bbutton_irq_error\((\w+|b->dev\.parent), ([\w-]+), "([^"]*)"\)', r'dev_err_probe(\1, \2, "\3\\n")', 8)
    r.edit("loading does not parse parameters", r"^\tret = button_irq_parse\w*\(\);\n\tif \(ret\)\n\t\treturn ret;\n")
    r.edit("loading adds no devices", r"^\tret = button_irq_add_params\(\);\n\tif \(ret\)\n\t\tgoto remove_params;\n")
    r.edit("there are no devices to remove", r"^\tbutton_irq_remove_params\(\);\n", count=2)
    if "goto remove_params;" in r.text:
        r.edit("label of the unwinding", r"\bremove_params\b", "unregister_driver")
    else:
        r.edit("label of the unwinding", r"^remove_params:\n")
    r.edit("probes may be asynchronous", r"^\t\t/\*(?:(?!\*/).)*?insmod(?:(?!\*/).)*?\*/\n\t\t\.probe_type = PROBE_FORCE_SYNCHRONOUS,\n")
    r.edit("comment of the settings", r"Settings of a button, from the device tree or from module parameters\.", "Settings of a button, from its properties.")
    r.edit("comment of button_irq_create()", r"Create a button, from module parameters or the device tree: ", "Create a button: ")
    r.edit("comment of button_irq_init()", r"create every button, of the device tree and of module parameters,\n \* masked and", "create every button,\n * masked and")


def leftovers(r):
    """Fails if the text still refers to something that only this project's tree has."""
    for word in (r"LINUX_VERSION_CODE", r"KERNEL_VERSION", r"\bdoc/", r"\btests/", r"_compat\.h", r"BUTTON_IRQ_VERSION"):
        found = re.search(word, r.text)
        if found:
            raise SystemExit(f"upstream.py: {r.name}: still has {found[0]}, which must not be in a kernel tree")


def kernels_interface(name, text, following):
    """Rules for a file. Its include of the interface's header becomes the kernel's, which goes before the header @following."""
    r = Rules(name, text)
    r.edit("the interface's header is the kernel's", r'^#include "button_irq\.h"\n\n?')
    r.edit("the interface's header is the kernel's", rf"^(?=#include <{re.escape(following)}>)", "#include <linux/button_irq.h>\n")
    return r


def debounce():
    r = kernels_interface("button_irq_debounce.h", resolve(read("button_irq_debounce.h")), "linux/compiler.h")
    r.edit("no reference to tests of the project", r"so that tests/unit can\n \* try", "so that tests can\n * try")
    leftovers(r)
    return re.sub(r"\n{3,}", "\n\n", r.text)


# --- Documents -------------------------------------------------------------------------------

def binding(author):
    r = Rules("button-irq.yaml", read("dts/button-irq.yaml"))
    r.edit("no note to ourselves", r"^# Mainline would ask.*?(?=^\$id)")
    r.edit("the schema's place", r"schemas/button-irq\.yaml#", "schemas/input/button-irq.yaml#")
    r.edit("the maintainer", r"^  - The button_irq project <.*?>$", f"  - {author}")
    return r.text


def rst(text):
    """The Markdown of our manual pages: paragraphs, definitions, fenced code, headings of the second level"""
    text = re.sub(r"<!--.*?-->\n*", "", text, flags=re.DOTALL)
    text = re.sub(r"^```\w*\n(.*?)^```$", lambda m: "::\n\n" + textwrap.indent(m[1], "    ").rstrip(), text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(`[^\n]*)\n: ((?:[^\n]+\n?)+)",
                  lambda m: f"{m[1]}\n" + textwrap.indent(textwrap.dedent("  " + m[2]), "    "), text, flags=re.MULTILINE)
    text = re.sub(r"^## (.*)$", lambda m: f"{m[1]}\n{'-' * len(m[1])}", text, flags=re.MULTILINE)
    text = re.sub(r"(?<!`)`([^`\n]+)`(?!`)", r"``\1``", text)
    text = re.sub(r" \*$", r" \\*", re.sub(r"(?<=_) \*|(?<=__u32) \*|(?<=info) \*(?=\n)", r" \\*", text), flags=re.MULTILINE)
    return text.strip("\n") + "\n"


def manual():
    """{title: text} of the manual page"""
    return dict(re.findall(r"^# ([A-Z /]+)\n\n(.*?)(?=^# |\Z)", read("doc/man/button_irq.4.md"), re.MULTILINE | re.DOTALL))


def page():
    sections = manual()
    # Udev rules belong to user space, not to a kernel tree.
    description = re.sub(r" The udev\nrule adds .*?(?=Their mode)", "\n", sections["DESCRIPTION"], flags=re.DOTALL)
    description = re.sub(r"With the parameter `keycode` or the device-tree property `linux,code`", "With the property `linux,code`", description)
    title = "Push buttons on GPIO lines"
    text = f".. SPDX-License-Identifier: GPL-2.0-only\n\n{'=' * len(title)}\n{title}\n{'=' * len(title)}\n\n" + rst(description)
    for name in ("TRACEPOINTS", "ERRORS"):
        text += f"\n{name.capitalize()}\n{'-' * len(name)}\n\n" + rst(sections[name])
    return text


def abi(author):
    entries = []
    names = {"`label`": "label", "`line`": "line"}
    for terms, text in re.findall(r"^(`[^\n]*)\n: (.*?)(?=\n\n|\Z)", manual()["FILES"], re.MULTILINE | re.DOTALL):
        text = " ".join(text.split())
        if text == "As the module parameters.":
            settings = {"debounce_us": "Debounce time in microseconds, 0 to 1000000. Writable by root, with effect at once.",
                        "debounce_mode": "\"eager\" or \"settle\". Writable by root, with effect at once.",
                        "storm_rate": "Edges per second beyond which the line is masked for 8 ms at a time, 0 to 1000000. 0: never. "
                                      "Writable by root, with effect at once."}
            entries += [([name], settings[name]) for name in re.findall(r"`(\w+)`", terms)]
        else:
            entries.append((re.findall(r"`(\w+)`", terms), text.replace("`", "")))
    assert len(entries) > 8 and names
    out = []
    for files, text in entries:
        what = "\n".join(f"What:\t\t/sys/class/button_irq/<node>/{name}" for name in files)
        description = textwrap.fill(text, 64, initial_indent="\t\t", subsequent_indent="\t\t").lstrip("\t")
        out.append(f"{what}\nDate:\t\tNovember 2026\nContact:\t{author}\nDescription:\t{description}\n")
    return "\n".join(out)


# --- Selftests -------------------------------------------------------------------------------

def selftests():
    """{name: text} of the selftests, with their Makefile"""
    directory = TOP / "tests/selftests"
    files = {}
    for path in sorted(directory.iterdir()):
        if path.name in LEFT_OUT or path.stem in LEFT_OUT or path.suffix in (".md", ".o"):
            continue
        # In a kernel tree the SPDX line is the first line, or the second after #!.
        files[path.name] = re.sub(r"\A(# shellcheck [^\n]*\n)(# SPDX[^\n]*\n)", r"\2\1", path.read_text(encoding="utf-8"))
    r = Rules("tests/selftests/Makefile", files["Makefile"])
    r.edit("the way to the Makefile", r"^# A kselftest directory\..*?\n(?=\nTEST_GEN)", "# Buttons on gpio-sim, or on two lines with a wire between them: see stimulus.h\n")
    for name in sorted(LEFT_OUT, key=len, reverse=True):
        r.text = re.sub(rf"(?: \$\(OUTPUT\)/| ){re.escape(name)}(?=[ :\n])", "", r.text)
    # kselftest's harness makes functions of the fixture of button_test.h, which some tests do not use.
    r.edit("warnings as in the kernel", r"-Wall -Wextra -Werror", "-Wall -Wno-unused-function")
    r.edit("warnings as in the kernel", r"^# kselftest_harness\.h is not clean at -Wextra\.\n")
    r.edit("no line for tests that are left out", r"^# Not for every machine[^\n]*\nTEST_GEN_FILES \+=\n")
    files["Makefile"] = r.text
    r = Rules("tests/selftests/button.h", files["button.h"])
    r.edit("the interface's header is the kernel's", r'^#if __has_include\("\.\./\.\./button_irq\.h"\)\n.*?^#else\n(.*?)^#endif\n', r"\1")
    files["button.h"] = r.text
    r = Rules("tests/selftests/button.c", files["button.c"])
    r.edit("no module beside the tests", r'^\tstatic const char built\[\] = .*?;\n')
    r.edit("no module beside the tests", r"^\tif \(!access\(built, R_OK\)\)\n\t\treturn built;\n")
    files["button.c"] = r.text
    return files


# --- The series ------------------------------------------------------------------------------

class Series:
    def __init__(self, tree, author):
        self.tree, self.author = tree, author
        self.name, self.address = re.fullmatch(r"(.*\S) <(\S+)>", author).groups()
        self.work = Path(tempfile.mkdtemp())
        self.files = []
        self.git("init", "-q", "-b", "series")

    def git(self, *arguments, **options):
        date = subprocess.run(["git", "-C", TOP, "log", "-1", "--format=%cI"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        for who in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{who}_NAME": self.name, f"GIT_{who}_EMAIL": self.address, f"GIT_{who}_DATE": date}
        # Ignore git's settings and hooks of the project in which this program runs.
        for variable in ("GIT_CONFIG_COUNT", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            environment.pop(variable, None)
        return subprocess.run(["git", "-C", self.work, *arguments], check=True, env=environment, **options)

    def write(self, name, text, executable=False):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if executable else 0o644)

    def take(self, *names):
        """Copies files of the kernel tree without a change."""
        for name in names:
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.tree / name, self.work / name)

    def insert(self, name, line, before, behind=""):
        """Inserts a line into a file: after @behind, before the first line for which @before is true, else at the end."""
        lines = (self.work / name).read_text(encoding="utf-8").splitlines(keepends=True)
        start = lines.index(behind) + 1 if behind else 0
        at = next((i for i, old in enumerate(lines) if i >= start and before(old)), len(lines))
        self.write(name, "".join(lines[:at] + [line] + lines[at:]))

    def commit(self, message, *files):
        """Commits, after adding the new @files to the entry in MAINTAINERS."""
        entry = f"BUTTON_IRQ PUSH BUTTON DRIVER\nM:\t{self.author}\nS:\tMaintained\n"
        listed = "".join(f"F:\t{name}\n" for name in sorted(self.files)) + "\n"
        self.files += files
        new = entry + "".join(f"F:\t{name}\n" for name in sorted(self.files)) + "\n"
        text = (self.work / "MAINTAINERS").read_text(encoding="utf-8")
        if entry + listed in text:
            self.write("MAINTAINERS", text.replace(entry + listed, new))
        else:
            self.insert("MAINTAINERS", new, lambda line: re.match(r"[0-9A-Z][^:]", line) is not None and line > entry,
                        behind="Maintainers List\n")
        subject, body = texts(message)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"{subject}\n\n{body}\n\nSigned-off-by: {self.author}\n")


def texts(name):
    """(subject, body) of a file in SERIES, with paragraphs filled to 72 columns"""
    text = "".join(line for line in (SERIES / name).read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith("#"))
    subject, _, body = text.strip().partition("\n")
    return subject, "\n\n".join(textwrap.fill(" ".join(paragraph.split()), 72, subsequent_indent="  " * paragraph.startswith("- "), break_on_hyphens=False)
                                for paragraph in body.strip().split("\n\n"))


def make(tree, out, author):
    s = Series(tree, author)
    s.take("MAINTAINERS", "drivers/misc/Kconfig", "drivers/misc/Makefile", "tools/testing/selftests/Makefile",
           "Documentation/misc-devices/index.rst", "Documentation/userspace-api/ioctl/ioctl-number.rst")
    s.git("add", "-A")
    s.git("commit", "-q", "-m", "base")

    s.write(BINDING, binding(author))
    s.commit("1-binding.txt", BINDING)

    code, _ = driver(False)
    s.write(f"{DRIVER}/button_irq.c", code)
    s.write(f"{DRIVER}/button_irq_debounce.h", debounce())
    for name, following in (("button_irq_label.h", "linux/ctype.h"), ("button_irq_trace.h", "linux/tracepoint.h")):
        s.write(f"{DRIVER}/{name}", kernels_interface(name, read(name), following).text)
    for name in ("Kconfig", "Makefile"):
        s.write(f"{DRIVER}/{name}", (SERIES / name).read_text(encoding="utf-8"))
    s.write(UAPI, read("button_irq.h"))
    s.insert("drivers/misc/Kconfig", 'source "drivers/misc/button_irq/Kconfig"\n', lambda line: line == "endmenu\n")
    s.insert("drivers/misc/Makefile", "obj-$(CONFIG_BUTTON_IRQ)\t+= button_irq/\n", lambda line: False)
    magic = re.search(r"^#define BUTTON_IRQ_IOC_MAGIC\s+0x(\w\w)$", read("button_irq.h"), re.MULTILINE)[1]
    s.insert("Documentation/userspace-api/ioctl/ioctl-number.rst", f"0x{magic}  01-0F  {UAPI}\n",
             lambda line: (m := re.match(r"0x(\w\w) ", line)) is not None and int(m[1], 16) > int(magic, 16))
    s.commit("2-driver.txt", DRIVER + "/", UAPI)

    s.write(ABI, abi(author))
    s.write(PAGE, page())
    s.insert("Documentation/misc-devices/index.rst", "   button_irq\n", lambda line: re.match(r"   [a-z]", line) is not None and line > "   button_irq")
    s.commit("3-documents.txt", ABI, PAGE)

    code, params = driver(True)
    s.write(f"{DRIVER}/button_irq.c", code)
    if params:
        s.write(f"{DRIVER}/button_irq_params.h", params)
    s.commit("4-parameters.txt")

    for name, text in selftests().items():
        s.write(f"{SELFTESTS}/{name}", text, text.startswith("#!"))
    s.insert("tools/testing/selftests/Makefile", "TARGETS += drivers/button_irq\n", lambda line: line > "TARGETS += drivers/button_irq\n")
    s.commit("5-selftests.txt", SELFTESTS + "/")

    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    s.git("format-patch", "-q", "--no-signature", "--cover-letter", "-o", out, "-5")
    cover = out / "0000-cover-letter.patch"
    subject, text = texts("0-cover.txt")
    cover.write_text(cover.read_text(encoding="utf-8").replace("*** SUBJECT HERE ***", subject).replace("*** BLURB HERE ***", text),
                     encoding="utf-8")
    shutil.rmtree(s.work)
    return sorted(out.glob("*.patch"))


def main():
    if not 3 <= len(sys.argv) <= 4:
        raise SystemExit("usage: upstream.py TREE DIRECTORY [\"NAME <ADDRESS>\"]")
    author = sys.argv[3] if len(sys.argv) > 3 and sys.argv[3] else NOBODY
    for patch in make(Path(sys.argv[1]), Path(sys.argv[2]).resolve(), author):
        print(patch)
    if author == NOBODY:
        print("The series is signed off by nobody. Before sending it, run make upstream AUTHOR=\"NAME <ADDRESS>\"", file=sys.stderr)


if __name__ == "__main__":
    main()
