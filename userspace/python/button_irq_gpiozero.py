# SPDX-License-Identifier: GPL-2.0-only
"""button_irq as a pin factory for gpiozero (1.6 and 2.0): programs stay as they are.

    GPIOZERO_PIN_FACTORY=button_irq python3 program.py

A pin that has a button_irq device gets its events from there: debounced by the driver, none lost, at the time when the
contact moved, and those of several pins in the order of their times. Every other pin works as without this
factory. Environment variables:

    BUTTON_IRQ_PIN_FACTORY   which of gpiozero's factories has the other pins (lgpio, rpigpio, native, mock);
                             by default what gpiozero takes when GPIOZERO_PIN_FACTORY is not set
    BUTTON_IRQ_CHIP          the label of the GPIO chip that GPIO numbers count on, where it is not that of a Raspberry
                             Pi's header: 9030000.pl061

Debouncing and pull are the driver's (debounce_us, gpio_pull of its overlay): bounce_time has no effect on such a pin
and gives a warning, and a pull that means the other polarity raises PinFixedPull. Reading the line's polarity needs
access to /dev/gpiochip*, which the group gpio has, as to the button.
"""

from __future__ import annotations

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
    HoldMixin,
    Pin,
    PinFixedPull,
    PinInvalidBounce,
    PinInvalidEdges,
    PinInvalidFunction,
    PinInvalidPin,
    PinInvalidPull,
    PinWarning,
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


class _Stream:
    """The changes of one pin."""

    def __init__(self, pin):
        self.pin = pin
        self._button = pin.open()
        self._pressed = self._button.is_pressed
        self._overtaken = False

    @property
    def is_gone(self):
        """Was the button taken away?"""
        return self._button is None

    def fileno(self):
        """For poll()."""
        return self._button.fileno()

    def close(self):
        """Closes the button."""
        if self._button:
            self._button.close()

    def take(self):
        """All changes that are there now, each as time in nanoseconds and whether pressed."""
        changes = []
        try:
            if self.is_gone:
                return self._come_back()
            while True:
                event = self._button.read(timeout=0)
                if event is None:
                    return changes
                changes += self._from_event(event)
        except OSError as error:
            if not self.is_gone:
                warnings.warn(f"{self._button.path}: the button is gone" if error.errno == errno.ENODEV else str(error))
                self._button.close()
                self._button = None
                changes += self._move(time.monotonic_ns(), False)
            return changes

    def _come_back(self):
        """Opens the button again; OSError if it is still absent."""
        self._button = self.pin.open()
        warnings.warn(f"{self._button.path}: the button is back")
        self._overtaken = False
        return self._move(time.monotonic_ns(), self._button.is_pressed)

    def _from_event(self, event):
        if event.type == button_irq.LOST:
            warnings.warn(f"{self._button.path}: too slow for {event.count} events")
            self._overtaken = True
        if event.type not in (button_irq.PRESS, button_irq.RELEASE):
            return []
        changes, pressed = [], event.type == button_irq.PRESS
        if self._overtaken and pressed == self._pressed:
            # The change back is among the lost events, and gpiozero ignores a change to the state that the device has.
            changes += self._move(event.time_ns, not pressed)
        self._overtaken = False
        return changes + self._move(event.time_ns, pressed)

    def _move(self, time_ns, pressed):
        if pressed == self._pressed:
            return []
        self._pressed = pressed
        return [(time_ns, pressed)]


class _Watcher:
    """Reads all buttons of a factory in one thread, and hands their changes on in the order of their times.

    A thread for each pin would leave the order between pins to the scheduler: RotaryEncoder counts wrong then.
    """

    LOOK_FOR_GONE_MS = 250
    BATCH = 4096

    def __init__(self):
        self._changed = threading.Condition()   # guards all below
        self._streams = {}                      # pin: _Stream
        self._calling = None                    # the pin whose callback runs
        self._thread = None
        self._wake = None                       # the end to write of a pipe that ends poll()

    def add(self, pin):
        """Adds a pin; OSError if its button is absent."""
        stream = _Stream(pin)
        with self._changed:
            self._streams[pin] = stream
            if self._thread:
                os.write(self._wake, b"\0")
                return
            wake, self._wake = os.pipe()
            self._thread = threading.Thread(target=self._run, args=(wake,), name="button_irq", daemon=True)
            self._thread.start()

    def remove(self, pin):
        """Removes a pin. Afterwards its callback does not run, except a callback that called this itself."""
        with self._changed:
            stream = self._streams.pop(pin, None)
            if stream is None:
                return
            stream.close()
            os.write(self._wake, b"\0")
            while self._calling is pin and self._thread is not threading.current_thread():
                self._changed.wait()

    def _run(self, wake):
        while self._wait(wake):
            for time_ns, stream, pressed in self._take():
                with self._changed:
                    if self._streams.get(stream.pin) is not stream:         # an earlier callback has closed the pin
                        continue
                    self._calling = stream.pin
                try:
                    stream.pin.move(time_ns, pressed)
                except Exception:               # of the program's callback: later presses must still be handed on
                    traceback.print_exc()
                finally:
                    with self._changed:
                        self._calling = None
                        self._changed.notify_all()

    def _wait(self, wake):
        """Waits until there may be something to read. Returns False when no pin is left, and the thread ends."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        with self._changed:
            if not self._streams:
                os.close(wake)
                os.close(self._wake)
                self._thread = self._wake = None
                return False
            gone = any(stream.is_gone for stream in self._streams.values())
            for stream in self._streams.values():
                if not stream.is_gone:
                    poll.register(stream, select.POLLIN)
        if wake in dict(poll.poll(self.LOOK_FOR_GONE_MS if gone else None)):
            os.read(wake, 64)
        return True

    def _take(self):
        """All changes that can be read now, in the order of their times."""
        changes = []
        with self._changed:
            # Read until no pin has anything left: a pin that was read first may have got an earlier change since.
            while len(changes) < self.BATCH:
                some = [(time_ns, stream, pressed) for stream in self._streams.values()
                        for time_ns, pressed in stream.take()]
                if not some:
                    break
                changes += some
        return sorted(changes, key=lambda change: change[0])


class _Hold:
    """Makes a device's when_held follow the times of the events.

    gpiozero starts counting when the callback of the press has returned, and stops when the release is handed on. Where
    callbacks are slow, both are late: a press that is long over would count as held, and a long one would not.
    """

    def __init__(self, pin, device):
        self._pin = pin
        self._device = weakref.ref(device)
        self._lock = threading.Lock()
        self._press_ns = None
        self._fired = 0
        device._fire_held = self._fire

    def begin(self, time_ns):
        """A press is about to be handed on."""
        with self._lock:
            self._press_ns, self._fired = time_ns, 0

    def end(self, time_ns):
        """The release is about to be handed on: this is the last moment to call when_held."""
        device = self._device()
        if device is not None and not self._fired and self._press_ns is not None and \
           time_ns - self._press_ns >= device.hold_time * 1e9:
            if device._held_from is None:
                device._held_from = self._pin.factory.ticks()
            self._fire()

    def _fire(self):
        """Takes the place of the device's own _fire_held(), which the device's thread calls, too."""
        device = self._device()
        if device is None:
            return
        with self._lock:
            if self._fired and not device.hold_repeat:
                return
            if self._press_ns is not None:
                held_ns = self._pin.held_ns(self._press_ns)
                if held_ns is not None and held_ns < (self._fired + 1) * device.hold_time * 1e9:
                    if not self._fired:
                        device._held_from = None
                    return
            self._fired += 1
        type(device)._fire_held(device)


class ButtonIRQPin(Pin):
    """A pin that belongs to a button_irq device."""

    def __init__(self, factory, number):
        super().__init__()
        self._factory = factory
        self._number = number
        self._lock = threading.Lock()
        self._button = None
        self._active_low = None
        self._pull = None
        self._bounce = None
        self._edges = "both"
        self._when_changed = None
        self._hold = None
        self._get_state()                       # OSError if it cannot be read

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
        """Was the pin closed, and not used since?"""
        return self._button is None

    def __repr__(self):
        return f"GPIO{self._number}"

    def open(self):
        """Opens the button anew. OSError (ENODEV) if it is absent."""
        info = self._factory.button(self._number)
        if info is None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), repr(self))
        return button_irq.Button(info.path)

    def close(self):
        """Closes the button. The pin can be used again, like gpiozero's own pins."""
        self.when_changed = None
        self._pull = None
        with self._lock:
            if self._button:
                self._button.close()
            self._button = None

    def _read(self, what):
        """An attribute of the button, which is opened first if it is not open."""
        with self._lock:
            if self._button:
                try:
                    return getattr(self._button, what)
                except OSError:
                    self._button.close()
                    self._button = None
            button = self.open()
            try:
                self._active_low = _is_active_low(button.line)
                value = getattr(button, what)
            except BaseException:
                button.close()
                raise
            self._button = button
            return value

    def _get_info(self):
        return types.SimpleNamespace(name=repr(self))

    def _get_function(self):
        return "input"

    def _set_function(self, value):
        if value != "input":
            raise PinInvalidFunction(f"{self!r} is {self._read('path')}: an input, not {value}")

    def _get_state(self):
        return self._level(self._read("is_pressed"))

    def _level(self, pressed):
        return int(pressed != self._active_low)

    def _get_pull(self):
        self._read("line")
        return self._pull or ("up" if self._active_low else "down")

    def _set_pull(self, value):
        if value not in ("up", "down", "floating"):
            raise PinInvalidPull(f'invalid pull "{value}" for pin {self!r}')
        path = self._read("path")
        if value == ("down" if self._active_low else "up"):
            raise PinFixedPull(f"{self!r} is {path}, pressed when {'low' if self._active_low else 'high'}: "
                               f"use pull_up={self._active_low}, or change the driver's active_low")
        self._pull = value

    def _get_bounce(self):
        return self._bounce

    def _set_bounce(self, value):
        try:
            wrong = value is not None and not float(value) >= 0
        except (TypeError, ValueError):
            wrong = True
        if wrong:
            raise PinInvalidBounce(f"bounce of {self!r} must be None, or 0 or greater, not {value!r}")
        if value:
            warnings.warn(f"bounce_time={value} has no effect on {self!r}: the driver debounces {self._read('path')}, "
                          f"with debounce_us={self._read('debounce_us')}", PinWarning)
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
        before = self._when_changed
        if value is None:
            self._when_changed = self._hold = None
            if before is not None:
                self._factory.watcher.remove(self)
            return
        # A weak reference, as in gpiozero's own pins: a pin does not keep a device alive.
        method = isinstance(value, types.MethodType)
        self._when_changed = weakref.WeakMethod(value) if method else weakref.ref(value)
        self._hold = _Hold(self, value.__self__) if method and isinstance(value.__self__, HoldMixin) else None
        if before is None:
            try:
                self._factory.watcher.add(self)
            except BaseException:
                self._when_changed = self._hold = None
                raise

    def move(self, time_ns, pressed):
        """Hands a change on to the device."""
        call, hold, level = self.when_changed, self._hold, self._level(pressed)
        if call is None:                        # the device was dropped
            self.when_changed = None
            return
        if self._edges not in ("both", "rising" if level else "falling"):
            return
        if hold and pressed:
            hold.begin(time_ns)
        elif hold:
            hold.end(time_ns)
        call(time_ns / 1e9, level)

    def held_ns(self, press_ns):
        """How long the press at this time lasted; None if the button is still pressed."""
        try:
            with self._lock:
                events = self._button.history() if self._button else []
            for event, after in zip(events, events[1:] + [None]):
                if event.type == button_irq.PRESS and event.time_ns == press_ns:
                    return None if after is None else after.time_ns - press_ns
            return None if self._read("is_pressed") else 0
        except OSError:                         # the button is gone, so the press is over
            return 0


class ButtonIRQFactory(Factory):
    """Pins of button_irq devices; all others come from another factory."""

    pin_class = ButtonIRQPin

    def __init__(self):
        super().__init__()
        self.watcher = _Watcher()
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
        """The pin called name: a GPIO number, or any of gpiozero's names for a pin. The same pin each time."""
        number = self._number(name)
        pin = self._pins.get(number)
        if pin and not pin.closed:
            return pin
        if self.button(number) is None:
            return self.others.pin(name)
        if pin is None:
            pin = self._pins[number] = self.pin_class(self, number)
        return pin

    def button(self, number):
        """The button at that GPIO number, as a ButtonInfo; None if there is none."""
        lines = [f"{chip}:{number}" for chip in self._chips]
        return next((info for info in button_irq.buttons() if info.line in lines), None)

    def _number(self, name):
        plain = re.fullmatch(r"(?:GPIO|BCM)?(\d+)", str(name), re.IGNORECASE)
        if plain:
            return int(plain[1])
        # The board defines the GPIO behind a physical pin, such as "BOARD11" or "J8:11".
        if not hasattr(self.others, "board_info"):      # gpiozero 1.6
            return self.others.pi_info.to_gpio(name)
        for _, info in self.others.board_info.find_pin(name):
            pin = re.fullmatch(r"GPIO(\d+)", info.name)
            if pin:
                return int(pin[1])
        raise PinInvalidPin(f"{name} is not a valid pin name")

    def reserve_pins(self, requester, *pins):
        """See Factory. This factory works without knowing the board."""
        with self._res_lock:
            for number in map(self._number, pins):
                for reserver in (reference() for reference in self._reservations[number]):
                    if reserver is not None and requester._conflicts_with(reserver):
                        raise GPIOPinInUse(f"pin GPIO{number} is already in use by {reserver!r}")
                self._reservations[number].append(weakref.ref(requester))

    def release_pins(self, reserver, *pins):
        """See Factory."""
        with self._res_lock:
            for number in map(self._number, pins):
                self._reservations[number] = [reference for reference in self._reservations[number]
                                              if reference() not in (reserver, None)]

    def release_all(self, reserver):
        """See Factory."""
        self.release_pins(reserver, *self._reservations)

    def ticks(self):
        """Seconds of CLOCK_MONOTONIC, like the times of our events."""
        return time.monotonic()

    def ticks_diff(self, later, earlier):
        """Seconds between two ticks."""
        return max(0, later - earlier)

    def spi(self, **arguments):
        """SPI devices come from the other factory."""
        return self.others.spi(**arguments)

    def _get_pi_info(self):
        return self.others.pi_info

    def _get_board_info(self):
        return self.others.board_info


def _load_factory(name):
    """The factory that gpiozero makes with GPIOZERO_PIN_FACTORY=name, or without that variable."""
    ours = os.environ.pop("GPIOZERO_PIN_FACTORY", None)
    if name:
        os.environ["GPIOZERO_PIN_FACTORY"] = name
    try:
        return Device._default_pin_factory()
    finally:
        os.environ.pop("GPIOZERO_PIN_FACTORY", None)
        if ours is not None:
            os.environ["GPIOZERO_PIN_FACTORY"] = ours
