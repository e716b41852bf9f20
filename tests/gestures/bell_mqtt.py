# SPDX-License-Identifier: GPL-2.0-only
"""bell_mqtt.py FILE < MESSAGES: prints the gestures of button-irq-mqtt's messages, each once. Repeated messages go to FILE."""

import json
import sys

seen = set()
with open(sys.argv[1], "w", encoding="utf-8") as again:
    for line in sys.stdin:
        message = json.loads(line)
        key = tuple(message.get(name) for name in ("boot", "binding", "seq", "gesture", "event"))
        if key in seen:
            print(line, end="", file=again, flush=True)
            continue
        seen.add(key)
        if message.get("event") in ("lost", "missed"):
            print(message["event"], message["count"], flush=True)
        elif message.get("gesture") in ("click", "double", "hold"):
            print(message["gesture"], flush=True)
