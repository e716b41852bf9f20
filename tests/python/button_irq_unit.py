#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests without a button: the gestures, with the vectors that also test the C command, and the constants of the driver's header.
These tests run on any machine that has the Python module. BUTTON_IRQ_TOP is the source tree."""

import inspect
import os
import pathlib
import re
import subprocess
import sys
import typing
import unittest

import tap
import button_irq
from button_irq.gestures import Recogniser

TOP = pathlib.Path(os.environ["BUTTON_IRQ_TOP"])
MS = 1_000_000


def vectors():
    """The blocks of tests/gestures/vectors.txt: claim, times, input and output."""
    text = (TOP / "tests/gestures/vectors.txt").read_text(encoding="utf-8")
    for block in re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip().split("\n\n"):
        lines = {line.partition(" ")[0]: line.partition(" ")[2] for line in block.splitlines()}
        yield lines["vector"], lines.get("times", "").split(), lines["in"].split(), lines["out"].split()


class Vector:
    """Feeds the words of a vector to a Recogniser."""

    def __init__(self, times):
        settings = {"hold": 1000, "double": 400, "repeat": 0, **{k: int(v) for k, v in (t.split("=") for t in times)}}
        self.recogniser = Recogniser(*(settings[name] * MS for name in ("hold", "double", "repeat")))
        self.seq = 1
        self.pressed = None

    def feed(self, word):
        """The gestures that follow from one word of the input."""
        what, (time, _, rest) = word[0], word[1:].partition("/")
        if what == "g":
            self.seq, self.pressed = 1, None
            return self.recogniser.gone()
        time = int(time)
        if what == "t":
            return self.recogniser.promise(time * MS)
        held = 0
        if what == "p":
            self.pressed = time
        elif what == "r":
            held = int(rest) if rest else time - self.pressed if self.pressed is not None else 0
        kind = {"p": "press", "r": "release", "m": "missed", "l": "lost"}[what]
        count = int(rest) if what == "l" else 1
        event = button_irq.Event(self.seq, time * MS, kind, held * MS, count if what in "lm" else 0)
        self.seq += count
        return self.recogniser.event(event)


def written(gesture):
    """A gesture in the notation of the vectors"""
    held = f"+{gesture.held_ns // MS}" if gesture.held_ns else ""
    return f"{gesture.type}@{gesture.time_ns // MS}#{gesture.seq}{held}"


class Unit(unittest.TestCase):
    """Tests that need no button"""

    def test_gestures_are_those_of_the_vectors(self):
        count = 0
        for claim, times, words, wanted in vectors():
            vector = Vector(times)
            self.assertEqual([written(g) for word in words for g in vector.feed(word)], wanted, claim)
            count += 1
        self.assertGreater(count, 40)
        print(f"# {count} vectors")

    def test_gestures_do_not_depend_on_how_often_time_is_promised(self):
        for claim, times, words, wanted in vectors():
            if claim.startswith("late") or claim.startswith("lost"):
                continue                        # in these, the promise changes the result
            vector, found, last = Vector(times), [], 0
            for word in words:
                if word[0] != "g":
                    until = int(re.match(r"\d+", word[1:])[0])
                    if word[0] != "t":
                        until -= 1
                    for time in range(last, until + 1, 10):
                        found += vector.feed(f"t{time}")
                    last = until
                found += vector.feed(word)
            if "g" not in words:
                self.assertEqual([written(g) for g in found], wanted, claim)

    def test_constants_are_those_of_the_header(self):
        header = (TOP / "button_irq.h").read_text(encoding="utf-8")
        number = {name: int(value, 0) for name, value in
                  re.findall(r"^#define\s+BUTTON_IRQ_(\w+)\s+(0x[0-9A-Fa-f]+|\d+|'.')$", header, re.MULTILINE)}
        self.assertEqual(button_irq._IOC_MAGIC, number["IOC_MAGIC"])
        self.assertEqual(button_irq._ABI_VERSION, number["ABI_VERSION"])
        self.assertEqual(button_irq._FORMAT_BINARY, number["FORMAT_BINARY"])
        for value, name in button_irq._TYPES.items():
            self.assertEqual(value, number[name.upper()])
        for value, name in button_irq._MODES.items():
            self.assertEqual(value, number[f"MODE_{name.upper()}"])

    def test_event_of_an_unknown_type_is_shown_with_its_number(self):
        event = button_irq._event(button_irq._EVENT.pack(7, 8, 0, 5, 9))
        self.assertEqual(str(event), "7 0.000000008 type5 9")

    def test_wrong_type_of_name_is_a_type_error(self):
        for wrong in (17, None, b"bell", 1.5):
            with self.assertRaisesRegex(TypeError, re.escape(f"Button({wrong!r}): a button is named by a label")):
                button_irq.Button(wrong)

    def test_path_object_is_taken_as_a_path(self):
        with self.assertRaisesRegex(FileNotFoundError, "/nowhere/bell"):
            button_irq.Button(pathlib.Path("/nowhere/bell"))

    def test_wrong_times_are_value_errors(self):
        for times in ({"hold": 0}, {"hold": -1}, {"hold": float("nan")}, {"double": -1}, {"repeat": float("inf")}):
            with self.assertRaisesRegex(ValueError, next(iter(times))):
                button_irq.Gestures(None, **times)

    def test_everything_public_has_type_hints(self):
        for name in button_irq.__all__:
            thing = getattr(button_irq, name)
            if isinstance(thing, str):
                continue
            functions = [thing] if inspect.isfunction(thing) else [
                getattr(member, "fget", member) for key, member in vars(thing).items()
                if not key.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))]
            for function in functions:
                hints = dict(typing.get_type_hints(function, {**vars(button_irq), "Event": button_irq.Event,
                                                              "Button": button_irq.Button}, vars(typing)))
                parameters = set(inspect.signature(function).parameters) - {"self"}
                self.assertEqual(set(hints), parameters | {"return"}, function)
        self.assertTrue(pathlib.Path(button_irq.__file__).with_name("py.typed").exists())

    def test_import_does_without_asyncio(self):
        subprocess.run([sys.executable, "-c", "import sys, button_irq; sys.exit('asyncio' in sys.modules)"], check=True)

    def test_version_and_help_are_printed_in_the_shell(self):
        version = f"button_irq {button_irq.__version__}\n"
        for option, wanted in (("--version", version), ("--help", "usage: python3 -m")):
            run = subprocess.run([sys.executable, "-m", "button_irq", option], stdout=subprocess.PIPE, encoding="utf-8",
                                 check=True)
            self.assertTrue(run.stdout.startswith(wanted), run.stdout)

    def test_missing_button_is_reported_in_the_shell(self):
        run = subprocess.run([sys.executable, "-m", "button_irq", "/nowhere/bell"], stderr=subprocess.PIPE,
                             encoding="utf-8", check=False)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stderr, "button_irq: [Errno 2] No such file or directory: '/nowhere/bell'\n")


if __name__ == "__main__":
    tap.main(Unit)
