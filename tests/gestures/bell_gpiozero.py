# SPDX-License-Identifier: GPL-2.0-only
"""Gestures with gpiozero, in a program that uses gpiozero only."""

from signal import pause
from threading import Timer

from gpiozero import Button

button = Button(17, hold_time=1)
clicks, timer, held = 0, None, False


def tell():
    global clicks
    print("click" if clicks == 1 else "double", flush=True)
    clicks = 0


def on_press():
    if timer:
        timer.cancel()


def on_hold():
    global held
    held = True
    print("hold", flush=True)


def on_release():
    global clicks, held, timer
    if held:
        held = False
        return
    clicks += 1
    timer = Timer(0.4, tell)
    timer.start()


button.when_pressed = on_press
button.when_held = on_hold
button.when_released = on_release
pause()
