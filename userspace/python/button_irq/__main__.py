# SPDX-License-Identifier: GPL-2.0-only
"""python3 -m button_irq: shows events as they come, like "button-irq watch"."""

from __future__ import annotations

import argparse
import os
import select
import sys

from . import Button, __version__, buttons


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m button_irq",
        description="Shows the events of buttons as they come, a line each: SEQ TIME EVENT DETAIL, behind the label if "
                    "there are several buttons.")
    parser.add_argument("button", nargs="*", metavar="BUTTON", help="label, node, line or path (default: all buttons)")
    parser.add_argument("--clock", choices=("monotonic", "boottime", "realtime"), default="monotonic",
                        help="what times are counted on (default: monotonic)")
    parser.add_argument("--gestures", action="store_true", help="show clicks, doubles and holds; for one BUTTON")
    parser.add_argument("--version", action="version", version=f"button_irq {__version__}")
    arguments = parser.parse_args()
    arguments.button = arguments.button or [info.path for info in buttons()]
    if not arguments.button:
        parser.exit(1, "button_irq: there is no button; is the module button_irq loaded?\n")
    if arguments.gestures and len(arguments.button) > 1:
        parser.error("--gestures is for one BUTTON")
    return arguments


def _show(arguments: argparse.Namespace) -> None:
    watched = [Button(name, clock=arguments.clock) for name in arguments.button]
    try:
        if arguments.gestures:
            for gesture in watched[0].gestures():
                print(gesture, flush=True)
        poll = select.poll()
        for button in watched:
            poll.register(button, select.POLLIN)
        by_number = {button.fileno(): button for button in watched}
        while True:
            for number, _ in poll.poll():
                button = by_number[number]
                event = button.read(timeout=0)
                if event:
                    print(f"{button.label} {event}" if len(watched) > 1 else event, flush=True)
    finally:
        for button in watched:
            button.close()


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    try:
        _show(arguments)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError) as error:
        # Python writes what is left when it exits; where that failed once, it would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 141
        print(f"button_irq: {error}", file=sys.stderr)
    return 1


sys.exit(main())
