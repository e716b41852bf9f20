# SPDX-License-Identifier: GPL-2.0
"""button_irq as a pin factory for gpiozero (1.6 and 2.0): programs stay as they are.

    GPIOZERO_PIN_FACTORY=button_irq python3 program.py

A pin that has a button_irq device gets its events from there: debounced by the driver, none lost, at the time when the
contact moved. Every other pin is as without us. In the environment:

    BUTTON_IRQ_PIN_FACTORY   which of gpiozero's factories has the other pins (lgpio, rpigpio, native, mock);
                             by default what gpiozero takes when GPIOZERO_PIN_FACTORY is not set
    BUTTON_IRQ_CHIP          the label of the GPIO chip that GPIO numbers count on, where it is not that of a Raspberry
                             Pi's header: 9030000.pl061

Of Button's parameters, bounce_time and pull_up's pull have no effect on such a pin: debouncing and pull are the
driver's (debounce_us, gpio_pull of its overlay). Reading the line's polarity needs access to /dev/gpiochip*, which the
group gpio has, as to the button.
"""

import errno
import fcntl
import glob
import os
import re
import select
import struct
import threading
import time
import traceback
import types
import warnings
import weakref

from gpiozero import (
    BadPinFactory,
    Device,
    Factory,
    GPIOPinInUse,
    Pin,
    PinInvalidBounce,
    PinInvalidEdges,
    PinInvalidFunction,
    PinInvalidPin,
    PinInvalidPull,
)

import button_irq

HEADER_CHIPS = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")

# From linux/gpio.h
_CHIP_INFO = struct.Struct("=32s32sI")                  # name label lines
_LINE_INFO = struct.Struct("=32s32sIIQ160x16x")         # name consumer offset num_attrs flags, attributes and padding
_GET_CHIP_INFO = 2 << 30 | _CHIP_INFO.size << 16 | 0xB4 << 8 | 1
_GET_LINE_INFO = 3 << 30 | _LINE_INFO.size << 16 | 0xB4 << 8 | 5
_ACTIVE_LOW = 1 << 1


def _is_active_low(line):
    """Is the button on this line (CHIPLABEL:OFFSET) pressed when the line is low?"""
    label, _, offset = line.rpartition(":")
    for path in glob.glob("/dev/gpiochip*"):
        with open(path, "rb", buffering=0) as chip:
            info = _CHIP_INFO.unpack(fcntl.ioctl(chip, _GET_CHIP_INFO, bytes(_CHIP_INFO.size)))
            if info[1].rstrip(b"\0").decode() == label:
                query = _LINE_INFO.pack(b"", b"", int(offset), 0, 0)
                return bool(_LINE_INFO.unpack(fcntl.ioctl(chip, _GET_LINE_INFO, query))[4] & _ACTIVE_LOW)
    raise FileNotFoundError(errno.ENOENT, f"no GPIO chip is called {label}", "/dev/gpiochip*")


class _Watcher(threading.Thread):
    """Reads a button and hands its changes on, until stop() or the button is gone."""

    def __init__(self, path, changed):
        super().__init__(name=f"button_irq {path}", daemon=True)
        self._button = button_irq.Button(path)
        self._changed = changed
        self._pressed = self._button.is_pressed
        self._stop_read, self._stop_write = os.pipe()
        self._overtaken = False

    def run(self):
        poll = select.poll()
        poll.register(self._button, select.POLLIN)
        poll.register(self._stop_read, select.POLLIN)
        try:
            while self._stop_read not in dict(poll.poll()):
                self._hand_on(self._button.read(timeout=0))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            warnings.warn(f"{error.filename}: the button is gone")
            self._move(time.monotonic(), False)
        finally:
            self._button.close()
            os.close(self._stop_read)

    def _hand_on(self, event):
        if event is None or event.type == button_irq.MISSED:
            return
        if event.type == button_irq.LOST:
            warnings.warn(f"{self._button.path}: too slow for {event.count} events")
            self._overtaken = True
            return
        pressed = event.type == button_irq.PRESS
        if self._overtaken and pressed == self._pressed:
            # The change back is among those that this reader did not get, and gpiozero drops one that is none.
            self._move(event.time, not pressed)
        self._overtaken = False
        self._move(event.time, pressed)

    def _move(self, ticks, pressed):
        if pressed != self._pressed:
            self._pressed = pressed
            try:
                self._changed(ticks, pressed)
            except Exception:               # the program's; the presses that follow are to reach it all the same
                traceback.print_exc()

    def stop(self):
        os.close(self._stop_write)      # poll() says so
        if self is not threading.current_thread():
            self.join()


class ButtonIRQPin(Pin):
    """A pin that belongs to a button_irq device."""

    def __init__(self, factory, number, path):
        super().__init__()
        self._factory = factory
        self._number = number
        self._button = button_irq.Button(path)
        self._active_low = _is_active_low(self._button.line)
        self._pull = "floating"
        self._bounce = None
        self._edges = "both"
        self._when_changed = None
        self._watcher = None

    @property
    def factory(self):
        """The ButtonIRQFactory."""
        return self._factory

    @property
    def number(self):
        """The GPIO number."""
        return self._number

    @property
    def closed(self):
        """Was it closed?"""
        return self._button.closed

    def __repr__(self):
        return f"GPIO{self._number}"

    def close(self):
        """Lets go of the button."""
        self.when_changed = None
        self._button.close()

    def _get_info(self):
        return types.SimpleNamespace(name=repr(self))

    def _get_function(self):
        return "input"

    def _set_function(self, value):
        if value != "input":
            raise PinInvalidFunction(f"{self!r} is {self._button.path}: an input, not {value}")

    def _get_state(self):
        return self._level(self._button.is_pressed)

    def _level(self, pressed):
        return int(pressed != self._active_low)

    def _get_pull(self):
        return self._pull

    def _set_pull(self, value):
        if value not in ("up", "down", "floating"):
            raise PinInvalidPull(f'invalid pull "{value}" for pin {self!r}')
        self._pull = value

    def _get_bounce(self):
        return self._bounce

    def _set_bounce(self, value):
        if value is not None and value < 0:
            raise PinInvalidBounce("bounce must be 0 or greater")
        self._bounce = value

    def _get_edges(self):
        return self._edges

    def _set_edges(self, value):
        if value not in ("both", "rising", "falling"):
            raise PinInvalidEdges(f'invalid edge specification "{value}" for pin {self!r}')
        self._edges = value

    def _get_when_changed(self):
        return self._when_changed and self._when_changed()

    def _set_when_changed(self, value):
        # As gpiozero's own pins: a device that nobody holds any more is not kept alive by its pin.
        weak = weakref.WeakMethod if isinstance(value, types.MethodType) else weakref.ref
        self._when_changed = None if value is None else weak(value)
        if value is None and self._watcher:
            self._watcher.stop()
            self._watcher = None
        elif value is not None and not self._watcher:
            self._watcher = _Watcher(self._button.path, self._changed)
            self._watcher.start()

    def _changed(self, ticks, pressed):
        call = self.when_changed
        level = self._level(pressed)
        if call and self._edges in ("both", "rising" if level else "falling"):
            call(ticks, level)


class ButtonIRQFactory(Factory):
    """Pins of button_irq devices; all others come from another factory."""

    def __init__(self):
        super().__init__()
        self._pins = {}
        self._others = None
        chip = os.environ.get("BUTTON_IRQ_CHIP")
        self._chips = (chip,) if chip else HEADER_CHIPS

    @property
    def others(self):
        """The factory of the pins that are no button. BadPinFactory when there is none."""
        if self._others is None:
            name = os.environ.get("BUTTON_IRQ_PIN_FACTORY")
            others = _load_factory(name)
            # A device takes the time of its pin's changes from one factory and the time now from the other.
            if abs(others.ticks() - self.ticks()) > 10:
                others.close()
                raise BadPinFactory(f"BUTTON_IRQ_PIN_FACTORY={name}: its clock is not CLOCK_MONOTONIC")
            self._others = others
        return self._others

    def close(self):
        """Closes all pins."""
        for pin in self._pins.values():
            pin.close()
        self._pins.clear()
        if self._others:
            self._others.close()
            self._others = None

    def pin(self, name):
        """The pin called name: a GPIO number, or any of gpiozero's names for a pin."""
        number = self._number(name)
        pin = self._pins.get(number)
        if pin and not pin.closed:
            return pin
        button = self._button(number)
        if button is None:
            return self.others.pin(name)
        self._pins[number] = ButtonIRQPin(self, number, button.path)
        return self._pins[number]

    def _button(self, number):
        lines = [f"{chip}:{number}" for chip in self._chips]
        return next((info for info in button_irq.buttons() if info.line in lines), None)

    def _number(self, name):
        plain = re.fullmatch(r"(?:GPIO|BCM)?(\d+)", str(name))
        if plain:
            return int(plain[1])
        # "BOARD11", "J8:11": which that is depends on the board.
        if not hasattr(self.others, "board_info"):      # gpiozero 1.6
            return self.others.pi_info.to_gpio(name)
        for _, info in self.others.board_info.find_pin(name):
            return int(info.name.removeprefix("GPIO"))
        raise PinInvalidPin(f"{name} is not a valid pin name")

    def reserve_pins(self, requester, *pins):
        """As gpiozero's, without the need to know the board."""
        with self._res_lock:
            for number in map(self._number, pins):
                for reserver in (reference() for reference in self._reservations[number]):
                    if reserver is not None and requester._conflicts_with(reserver):
                        raise GPIOPinInUse(f"pin GPIO{number} is already in use by {reserver!r}")
                self._reservations[number].append(weakref.ref(requester))

    def release_pins(self, reserver, *pins):
        """As gpiozero's."""
        with self._res_lock:
            for number in map(self._number, pins):
                self._reservations[number] = [reference for reference in self._reservations[number]
                                              if reference() not in (reserver, None)]

    def release_all(self, reserver):
        """As gpiozero's."""
        self.release_pins(reserver, *self._reservations)

    def ticks(self):
        """Seconds of CLOCK_MONOTONIC, like the times of our events."""
        return time.monotonic()

    def ticks_diff(self, later, earlier):
        """Seconds between two ticks."""
        return max(0, later - earlier)

    def spi(self, **arguments):
        """SPI is for the other factory."""
        return self.others.spi(**arguments)

    def _get_pi_info(self):
        return self.others.pi_info

    def _get_board_info(self):
        return self.others.board_info


def _load_factory(name):
    """What gpiozero makes of GPIOZERO_PIN_FACTORY=name, or without it."""
    ours = os.environ.pop("GPIOZERO_PIN_FACTORY", None)
    if name:
        os.environ["GPIOZERO_PIN_FACTORY"] = name
    try:
        return Device._default_pin_factory()
    finally:
        os.environ.pop("GPIOZERO_PIN_FACTORY", None)
        if ours is not None:
            os.environ["GPIOZERO_PIN_FACTORY"] = ours
