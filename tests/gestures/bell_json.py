# SPDX-License-Identifier: GPL-2.0-only
"""Gestures from `button-irq watch --json --follow`, by the times of the events."""

import json
import sys

clicked = None          # when the last click ended, if it may still become a double click
second = False

for line in sys.stdin:
    event = json.loads(line)
    if event["event"] == "press":
        second = clicked is not None and event["time"] - clicked < 0.4
        if clicked is not None and not second:
            print("click", flush=True)
        clicked = None
    elif event["event"] == "release":
        if event["held"] >= 1:
            print("hold", flush=True)
        elif second:
            print("double", flush=True)
        else:
            clicked = event["time"]
    elif event["event"] == "absent":
        # The button is gone, so the click cannot become a double click.
        if clicked is not None:
            print("click", flush=True)
        clicked = None
    else:
        print(event["event"], event["count"], flush=True)
if clicked is not None:
    print("click", flush=True)
