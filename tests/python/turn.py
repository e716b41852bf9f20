#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""turn.py CYCLES US: turns a rotary encoder forward by CYCLES cycles of four steps, with US microseconds between steps. The
encoder's two contacts are the wires to the first two lines under test."""

import fcntl
import glob
import os
import struct
import sys
import time

# From linux/gpio.h
CHIP_INFO = struct.Struct("=32s32sI")
LINE_VALUES = struct.Struct("=QQ")                      # bits mask
LINE_ATTRIBUTE = struct.Struct("=IIQQ")                 # id padding values mask
LINE_REQUEST = struct.Struct("=64I32sQI20x240sII20xi")  # offsets consumer flags num_attrs attrs num_lines buffer fd
GET_CHIP_INFO = 2 << 30 | CHIP_INFO.size << 16 | 0xB4 << 8 | 0x01
GET_LINE = 3 << 30 | LINE_REQUEST.size << 16 | 0xB4 << 8 | 0x07
SET_VALUES = 3 << 30 | LINE_VALUES.size << 16 | 0xB4 << 8 | 0x0F
OUTPUT, OUTPUT_VALUES = 1 << 3, 2

# A leads B; the contacts close to ground.
STEPS = (0b10, 0b00, 0b01, 0b11)


def request(pins):
    """Requests pins (CHIPLABEL:OFFSET) of one chip as outputs, all high. Returns a descriptor."""
    label = pins[0].rpartition(":")[0]
    for path in glob.glob("/dev/gpiochip*"):
        with open(path, "rb", buffering=0) as chip:
            info = CHIP_INFO.unpack(fcntl.ioctl(chip, GET_CHIP_INFO, bytes(CHIP_INFO.size)))
            if info[1].rstrip(b"\0").decode() != label:
                continue
            offsets = [int(pin.rpartition(":")[2]) for pin in pins]
            high = LINE_ATTRIBUTE.pack(OUTPUT_VALUES, 0, 0b11, 0b11)
            asked = LINE_REQUEST.pack(*offsets, *[0] * (64 - len(offsets)), b"turn", OUTPUT, 1, high, len(pins), 0, -1)
            return LINE_REQUEST.unpack(fcntl.ioctl(chip, GET_LINE, asked))[-1]
    raise SystemExit(f"turn.py: no GPIO chip is called {label}")


def main(cycles, microseconds):
    """Turns the encoder. Returns when it is at rest again."""
    lines = request(os.environ["BUTTON_IRQ_PINS"].split()[:2])
    due = time.monotonic()
    for _ in range(cycles):
        for step in STEPS:
            due += microseconds / 1e6
            time.sleep(max(0, due - time.monotonic()))
            fcntl.ioctl(lines, SET_VALUES, LINE_VALUES.pack(step, 0b11))


main(int(sys.argv[1]), int(sys.argv[2]))
