#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""make_gestures.py N SEED: makes N random gestures of a bouncing contact to GND. Writes their names to the file "wanted", the
arguments of `stim 0 train` to the file "trains", with PER_TRAIN gestures in each line, and the number of presses of each line to
the file "presses"."""

import random
import sys

PER_TRAIN = 20
# In milliseconds. A second press within 400 ms makes a double click; a press held for a second is a hold.
PRESS, BETWEEN, HOLD, AFTER = (40, 250), (80, 250), (1200, 1600), (700, 900)
BOUNCES, BOUNCE_US = 3, (50, 800)


def change(train, at, level):
    """Moves the contact, which bounces. All edges are within the debounce time of 10 ms."""
    train.append(f"{at}:{level}")
    for _ in range(random.randint(0, BOUNCES)):
        at += random.randint(*BOUNCE_US)
        train.append(f"{at}:{1 - level}")
        at += random.randint(*BOUNCE_US)
        train.append(f"{at}:{level}")


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    names, trains, presses, train, at, pressed = [], [], [], [], 0, 0
    for number in range(1, count + 1):
        name = random.choice(("click", "double", "hold"))
        names.append(name)
        held = [HOLD] if name == "hold" else [PRESS] * (2 if name == "double" else 1)
        for index, length in enumerate(held):
            at += 1000 * random.randint(*BETWEEN) if index else 0
            change(train, at, 0)
            at += 1000 * random.randint(*length)
            change(train, at, 1)
            pressed += 1
        at += 1000 * random.randint(*AFTER)
        if number % PER_TRAIN == 0 or number == count:
            trains.append(" ".join([*train, f"{at}:1"]))
            presses.append(pressed)
            train, at, pressed = [], 0, 0
    for file, lines in (("wanted", names), ("presses", presses), ("trains", trains)):
        with open(file, "w", encoding="ascii") as out:
            print(*lines, sep="\n", file=out)


if __name__ == "__main__":
    main()
