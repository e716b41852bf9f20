#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""test_kills.py DIRECTORY [N]: the service is killed N times (1,000) at random moments, while a button is pressed

Each event and each gesture must arrive. A message may arrive twice only if the service was killed before it read the
broker's acknowledgement, so one kill repeats at most the messages in flight. Meanwhile the broker is restarted several
times, and the button is rebound once.

DIRECTORY has the service as check.sh builds it. BUTTON_IRQ_SEED repeats the run that printed this seed. Prints TAP.
"""

import collections
import contextlib
import os
import re
import struct
import sys
import time

from lab import Broker, Receiver, base, kill, prepare, rng, serve, stop
from test_command import MS, S, Button, equal, now, read, wait_for

KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
# As in client.h
WINDOW = 8


# A hundred times as fast as fingers, so that all times lie in the past
SETTINGS = "[*]\nhold-time = 10ms\ndouble-time = 4ms\n"
LENGTHS = {"click": [1], "double": [1, 1], "hold": [12]}
BETWEEN, AFTER = 1, 20


class Presses:
    """Clicks, double clicks and holds of a button"""

    def __init__(self, random, start):
        self.random = random
        self.button = Button()
        self.at = start
        self.events = []
        self.gestures = []

    def gesture(self):
        """Writes all events of a gesture at once: the press is in the past, so a reader that saw it alone would report a hold."""
        kind = self.random.choice(list(LENGTHS))
        button, records, t = self.button, b"", self.at
        for length in LENGTHS[kind]:
            end = t + length * MS
            records += struct.pack("3Q2I", button.seq + 1, t, 0, base.PRESS, 0)
            records += struct.pack("3Q2I", button.seq + 2, end, length * MS, base.RELEASE, 0)
            button.seq += 2
            self.events += [button.seq - 1, button.seq]
            t = end + BETWEEN * MS
        self.gestures += {"click": [("click", button.seq)], "double": [("double", button.seq - 1)],
                          "hold": [("hold", button.seq - 1), ("hold_end", button.seq)]}[kind]
        self.at = t + AFTER * MS
        with open(f"root/fake/{button.name}.log", "ab", buffering=0) as log:
            log.write(records)
        with contextlib.suppress(BlockingIOError):
            os.write(button.fd, b"!")


def longest_repeat(got):
    """The largest number of repeated events after one kill. A repetition begins where the numbers step back."""
    seen, longest, run, last = set(), 0, 0, None
    for one in got:
        if last and one <= last:
            run = 0
        run += one in seen
        seen.add(one)
        longest, last = max(longest, run), one
    return longest


def compare(what, wanted, got):
    """Checks that all wanted items came, in order; returns how many came again."""
    missing = [one for one in wanted if one not in set(got)]
    assert not missing, f"{what}: {len(missing)} are missing, the first {missing[:5]}"
    equal(list(dict.fromkeys(got)), wanted, f"{what}: order")
    return len(got) - len(wanted)


def test_killed_at_random():
    random = rng()
    broker = Broker()
    receiver = Receiver(broker)
    prepare()
    # An empty ledger, so that events from before the first start are sent, too.
    base.write("state/acknowledged", "button-irq-mqtt 1\nend\n")
    rounds, presses, restarts, most = [], Presses(random, now() - 120 * S), 0, 0
    start = time.monotonic()
    for number in range(KILLS):
        service = serve(broker.port, SETTINGS)
        for _ in range(random.randrange(4)):
            presses.gesture()
            time.sleep(random.random() * 0.005)
        # Kills at random: during the start, while connecting, while sending, or when everything was sent.
        time.sleep(random.random() * 0.05)
        kill(service)
        if number % 250 == 125:
            broker.stop()
            broker.start()
            restarts += 1
        if number == KILLS // 2:
            # Rebind the button once everything of the last binding has arrived.
            service = serve(broker.port, SETTINGS)
            finish(presses, receiver, rounds)
            stop(service)
            presses.button.gone()
            rounds.append(presses)
            presses = Presses(random, presses.at)
    service = serve(broker.port, SETTINGS)
    finish(presses, receiver, rounds)
    stop(service)
    os.truncate("err", 0)
    rounds.append(presses)
    elapsed = time.monotonic() - start
    events = [event for event in receiver.events() if event["event"] != "lost"]
    lost = [event for event in receiver.events() if event["event"] == "lost"]
    # The service did not run when the old binding ended, so it cannot know how many events were lost.
    equal({(event["reason"], event["count"]) for event in lost}, {("rebound", None)})
    bindings = list(dict.fromkeys(event["binding"] for event in events))
    equal(len(bindings), len(rounds))
    counts = collections.Counter()
    for binding, one in zip(bindings, rounds):
        counts["events"] += len(one.events)
        counts["gestures"] += len(one.gestures)
        counts["events again"] += compare("events", one.events, [e["seq"] for e in events if e["binding"] == binding])
        counts["gestures again"] += compare(
            "gestures", one.gestures, [(g["gesture"], g["seq"]) for g in receiver.events("gesture")
                                       if g["binding"] == binding])
    for seq, times in collections.Counter((e["binding"], e["seq"]) for e in events).items():
        most = max(most, times)
    print(f"# {KILLS} kills, {restarts} restarts of the broker, {elapsed:.0f} s: {counts['events']} events, {counts['gestures']} "
          f"gestures; came again: {counts['events again']} events, {counts['gestures again']} gestures, one at most {most} times")
    # Several kills in a row may hit the same events before they are acknowledged.
    longest = longest_repeat([(bindings.index(e["binding"]), e["seq"]) for e in events])
    assert longest <= WINDOW, f"{longest} events came again in one go"


def finish(presses, receiver, rounds):
    """Waits until all of a binding's events and gestures were acknowledged."""
    last = presses.button.seq
    wait_for(lambda: re.search(rf"^button bell \S+ \S+ {last} ", read("state/acknowledged"), re.M), "the last event")
    wanted = sum(len(one.gestures) for one in [*rounds, presses])
    wait_for(lambda: len({(g["binding"], g["seq"], g["gesture"]) for g in receiver.events("gesture")}) >= wanted,
             f"{wanted} gestures")
    time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(base.main(globals(), []))
