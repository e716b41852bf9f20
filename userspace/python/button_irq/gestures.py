# SPDX-License-Identifier: GPL-2.0-only
"""Clicks, double clicks and holds, recognised by the times that the events carry.

A program that reads late finds the same gestures as one that is on time. tests/gestures/vectors.txt defines which
gestures follow from which events, for this module and for the button-irq command.
"""

from __future__ import annotations

import collections
import errno
import time
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

if TYPE_CHECKING:
    from . import Button, Event

CLICK, DOUBLE, HOLD, REPEAT = "click", "double", "hold", "repeat"
_PRESS, _RELEASE, _LOST, _MISSED = "press", "release", "lost", "missed"
_NAMES = (_PRESS, _RELEASE, CLICK, DOUBLE, HOLD, REPEAT)

# An event comes later than its time: by the debounce window, which can hide a release until it ends, and by the time
# that the kernel and this program need.
_LATENCY_NS = 2_000_000

_CLOCKS = {"monotonic": time.CLOCK_MONOTONIC, "boottime": time.CLOCK_BOOTTIME, "realtime": time.CLOCK_REALTIME}


class Gesture(NamedTuple):
    """What somebody did with a button.

    type     "press", "release", CLICK, DOUBLE, HOLD or REPEAT: the strings "click", "double", "hold", "repeat"
    seq      number of the event that it belongs to: the press for DOUBLE, HOLD and REPEAT, the release for CLICK
    time_ns  when: the time of that event; HOLD, REPEAT: when the button had been held for so long
    held_ns  how long the button had been pressed by then
    """

    type: str
    seq: int
    time_ns: int
    held_ns: int

    @property
    def time(self) -> float:
        """When the gesture happened, in seconds. This is a float: time_ns is exact."""
        return self.time_ns / 1e9

    @property
    def held(self) -> float:
        """How long the button had been pressed, in seconds."""
        return self.held_ns / 1e9

    def __str__(self) -> str:
        """The line that "button-irq wait" prints: "18 5123.152433000 click 0.152309544"."""
        return f"{self.seq} {_seconds(self.time_ns)} {self.type} {_seconds(self.held_ns)}"


def _seconds(nanoseconds: int) -> str:
    return "%d.%09d" % divmod(nanoseconds, 10**9)


class Recogniser:
    """The state machine. It has no clock: the caller promises up to which time all events were given."""

    def __init__(self, hold_ns: int, double_ns: int, repeat_ns: int) -> None:
        self._hold_ns = hold_ns
        self._double_ns = double_ns
        self._repeat_ns = repeat_ns
        self._press: Optional[Event] = None             # the press of a button that is still pressed
        self._held_ns: Optional[int] = None             # how long the press lasts at the next HOLD or REPEAT
        self._click: Optional[Gesture] = None           # a click that may become a double

    @property
    def deadline(self) -> Optional[int]:
        """When to call promise(), on the events' clock; None if no gesture can follow without another event."""
        if self._click:
            return self._click.time_ns + self._double_ns
        if self._press and self._held_ns:
            return self._press.time_ns + self._held_ns
        return None

    def promise(self, time_ns: int) -> list[Gesture]:
        """Takes the promise that every event up to and including this time has been given. Returns the gestures that follow."""
        out = []
        while self.deadline is not None and self.deadline <= time_ns:
            if self._click:
                out += self._give_click()
            elif self._press and self._held_ns:
                due, first = self._held_ns, self._held_ns == self._hold_ns
                out.append(Gesture(HOLD if first else REPEAT, self._press.seq, self._press.time_ns + due, due))
                self._held_ns = due + self._repeat_ns if self._repeat_ns else None
        return out

    def _give_click(self) -> list[Gesture]:
        click, self._click = self._click, None
        return [click] if click else []

    def event(self, event: Event) -> list[Gesture]:
        """Takes an event. Returns the gestures that follow."""
        if event.type == _LOST:
            return self.gone()
        out = self.promise(event.time_ns)
        if event.type == _PRESS:
            self._press, self._held_ns = event, self._hold_ns
            out.append(Gesture(_PRESS, event.seq, event.time_ns, 0))
            if self._click:
                self._click, self._held_ns = None, None
                out.append(Gesture(DOUBLE, event.seq, event.time_ns, 0))
        elif event.type == _RELEASE:
            release = Gesture(_RELEASE, event.seq, event.time_ns, event.held_ns)
            out.append(release)
            if self._press and self._held_ns == self._hold_ns:
                self._click = release._replace(type=CLICK)
                if not self._double_ns:
                    out += self._give_click()
            self._press = None
        elif event.type == _MISSED:
            out += self.gone()
        return out

    def gone(self) -> list[Gesture]:
        """Ends all gestures, as events are missing or the button is gone. Returns a click that was complete, if there is one."""
        self._press = None
        return self._give_click()


class Gestures:
    """The gestures of a button: an iterator of Gesture, synchronous and asynchronous.

        for gesture in bell.gestures(hold=0.5):
            print(gesture.type, gesture.held)

    button  the Button to read. Nothing else may read the events of this Button: open the button once more for another reader.
    hold    a press that lasts for so many seconds is a HOLD, and no click. A HOLD is known while the button is still pressed.
    double  a second press within so many seconds after a click's release is a DOUBLE, and the two are no clicks. A
            click is known only after that time; 0: no doubles, and every click is known at its release.
    repeat  after the HOLD a REPEAT every so many seconds while the button is pressed; 0: none

    Presses and releases are gestures, too. HOLD, REPEAT and CLICK are known a debounce time and 2 ms later than due,
    since a release may still be on its way. LOST and MISSED events end the gestures that have begun, and so does OSError
    (ENODEV).
    """

    def __init__(self, button: Button, *, hold: float = 1.0, double: float = 0.4, repeat: float = 0) -> None:
        if not 0 < hold < float("inf"):
            raise ValueError(f"hold={hold!r} is no time that a press can last")
        for name, seconds in (("double", double), ("repeat", repeat)):
            if not 0 <= seconds < float("inf"):
                raise ValueError(f"{name}={seconds!r} is no time in seconds")
        self._button = button
        self._recogniser = Recogniser(*(round(seconds * 1e9) for seconds in (hold, double, repeat)))
        self._found: collections.deque[Gesture] = collections.deque()

    def _look(self) -> Optional[float]:
        """Reads until a gesture is found, or no event is left. Returns the seconds until a gesture may follow without an event."""
        while not self._found:
            # Taken before reading: the events read include all that happened up to this time.
            now = time.clock_gettime_ns(_CLOCKS[self._button.clock])
            late = self._button.debounce_us * 1000 + _LATENCY_NS if self._recogniser.deadline is not None else 0
            try:
                event = self._button.read(timeout=0)
            except OSError as error:
                self._found += self._recogniser.gone()
                if error.errno == errno.ENODEV and self._found:
                    break                               # raised by the next read
                raise
            if event:
                self._found += self._recogniser.event(event)
                continue
            self._found += self._recogniser.promise(now - late)
            if not self._found:
                deadline = self._recogniser.deadline
                return None if deadline is None else max(0.0, (deadline + late - now) / 1e9)
        return 0.0

    def read(self, timeout: Optional[float] = None) -> Optional[Gesture]:
        """The next gesture, as Button.read(): None if there is none within timeout seconds; None waits for ever."""
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout {timeout!r} is no time to wait")
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            due = self._look()
            if self._found:
                return self._found.popleft()
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return None
            self._button.wait_readable(min((t for t in (left, due) if t is not None), default=None))

    def __iter__(self) -> Gestures:
        return self

    def __next__(self) -> Gesture:
        gesture = self.read()
        assert gesture
        return gesture

    def __aiter__(self) -> Gestures:
        return self

    async def __anext__(self) -> Gesture:
        import asyncio

        while True:
            due = self._look()
            if self._found:
                return self._found.popleft()
            try:
                await asyncio.wait_for(self._button.readable(), due)
            except asyncio.TimeoutError:
                pass

    def run(self, **calls: Callable[[Gesture], object]) -> None:
        """Calls click=, double=, hold=, repeat=, press=, release= with each such gesture. Returns once the button is
        closed, which one of them may do.

            bell.gestures().run(click=lambda gesture: lamp.toggle(), hold=lambda gesture: bell.close())

        TypeError for any other name.
        """
        for name in calls:
            if name not in _NAMES:
                raise TypeError(f"no gesture is called {name}; there are {', '.join(_NAMES)}")
        while not self._button.closed:
            try:
                gesture = self.read()
            except ValueError:
                if self._button.closed:                 # by another thread
                    return
                raise
            if gesture and gesture.type in calls:
                calls[gesture.type](gesture)
