# SPDX-License-Identifier: GPL-2.0-only
"""Push buttons of the button_irq kernel module.

    from button_irq import Button

    with Button("bell") as bell:
        for event in bell:
            print(event.seq, event.time, event.type, event.held)

No press is lost silently: events are numbered without a gap, and a reader that was too slow gets one LOST event that
says how many events it did not get. The time of an event is the moment the contact closed or opened.

Errors of a device are an OSError with its errno: FileNotFoundError (ENOENT) if there is no such button,
PermissionError (EACCES) if you may not read it, ENODEV once a button was taken away. An argument with a wrong value is
a ValueError, one of a wrong type a TypeError, and a closed Button raises ValueError.

In the shell, "python3 -m button_irq" shows events as they come.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Iterator, NamedTuple, Optional, Union

from .gestures import CLICK, DOUBLE, HOLD, REPEAT, Gesture, Gestures, _seconds

# asyncio takes longer to import than all other modules here together. Only programs that use asyncio pay for that.
if TYPE_CHECKING:
    import asyncio

__version__ = "1.0"
__all__ = ["Button", "ButtonInfo", "CLICK", "DOUBLE", "Event", "Gesture", "Gestures", "HOLD", "LOST", "MISSED", "PRESS",
           "RELEASE", "REPEAT", "buttons", "find"]

PRESS, RELEASE, LOST, MISSED = "press", "release", "lost", "missed"

CLASS = "/sys/class/button_irq"
BY_LABEL = "/dev/button"                        # udev's links

# From button_irq.h
_TYPES = {1: PRESS, 2: RELEASE, 3: LOST, 4: MISSED}
_MODES = {0: "eager", 1: "settle"}
_EVENT = struct.Struct("=QQQII")                # seq timestamp_ns held_ns type count
_INFO = struct.Struct("=IIIII12x32s64s")        # abi_version state debounce_us debounce_mode ring_events label line
_ABI_VERSION = 1
_FORMAT_BINARY = 1
_IOC_MAGIC = 0x9C
_IOC_GET_INFO = 2 << 30 | _INFO.size << 16 | _IOC_MAGIC << 8 | 1
_IOC_SET_FORMAT = 1 << 30 | 4 << 16 | _IOC_MAGIC << 8 | 2
_IOC_SET_CLOCK = 1 << 30 | 4 << 16 | _IOC_MAGIC << 8 | 3
_IOC_REWIND = _IOC_MAGIC << 8 | 4

_CLOCKS = {"monotonic": time.CLOCK_MONOTONIC, "boottime": time.CLOCK_BOOTTIME, "realtime": time.CLOCK_REALTIME}


class Event(NamedTuple):
    """What happened.

    seq      number of the event, counted per button from 1 in steps of 1
    time_ns  when the line changed, in nanoseconds of the button's clock
    type     PRESS, RELEASE, LOST or MISSED, which are the strings "press", "release", "lost", "missed";
             "type5" for a type that this module does not know
    held_ns  RELEASE: nanoseconds since the press, 0 if the button was pressed since before the driver was there;
             0 for every other type
    count    PRESS, RELEASE: edges debounced away since the press or release before;
             LOST: this reader was too slow for so many events, seq to seq + count - 1;
             MISSED: so many edges (at least) could not be recorded by the driver
    """

    seq: int
    time_ns: int
    type: str
    held_ns: int
    count: int                                  # type: ignore[assignment]  # the tuple's method of that name is hidden

    @property
    def time(self) -> float:
        """When the line changed, in seconds; a float, so time_ns is the exact one."""
        return self.time_ns / 1e9

    @property
    def held(self) -> float:
        """RELEASE: how long the button was pressed, in seconds."""
        return self.held_ns / 1e9

    def __str__(self) -> str:
        """The line that the device gives as text: "18 5123.152433000 release 0.152309544"."""
        detail = {RELEASE: f" {_seconds(self.held_ns)}", PRESS: ""}.get(self.type, f" {self.count}")
        return f"{self.seq} {_seconds(self.time_ns)} {self.type}{detail}"


class ButtonInfo(NamedTuple):
    """A button that is there: the name of its device node, its label, and its GPIO line as CHIPLABEL:OFFSET."""

    node: str
    label: str
    line: str

    @property
    def path(self) -> str:
        """Its device node, "/dev/button_irq"; udev's link by label if only that is there, as in a container."""
        by_node, by_label = f"/dev/{self.node}", f"{BY_LABEL}/{self.label}"
        return by_label if os.path.exists(by_label) and not os.path.exists(by_node) else by_node


def _attribute(node: str, name: str) -> str:
    with open(f"{CLASS}/{node}/{name}", encoding="utf-8") as attribute:
        return attribute.read().rstrip("\n")


def buttons() -> list[ButtonInfo]:
    """All buttons, in the order of their nodes; an empty list without the module."""
    found: list[ButtonInfo] = []
    try:
        nodes = os.listdir(CLASS)
    except FileNotFoundError:
        return found
    for node in sorted(nodes, key=lambda node: (len(node), node)):
        try:
            found.append(ButtonInfo(node, _attribute(node, "label"), _attribute(node, "line")))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):     # the button was taken away meanwhile
                raise
    return found


def find(name: str) -> ButtonInfo:
    """The button with that node name, label or line (CHIPLABEL:OFFSET).

    FileNotFoundError when there is none, ValueError when several have that label.
    """
    there = buttons()
    for field in ("node", "line", "label"):
        found = [info for info in there if getattr(info, field) == name]
        if len(found) > 1:
            raise ValueError(f"{len(found)} buttons have the {field} {name}: {', '.join(i.node for i in found)}")
        if found:
            return found[0]
    known = ", ".join(f"{info.node} ({info.label}, {info.line})" for info in there) or "none"
    raise FileNotFoundError(errno.ENOENT, f"no button of that label, line or node name; there is: {known}", name)


def _path(which: Union[str, os.PathLike[str]]) -> str:
    """The path to open for what Button() was given."""
    if isinstance(which, os.PathLike):
        path = os.fspath(which)
        if isinstance(path, str):
            return path
    elif isinstance(which, str):
        return which if "/" in which else find(which).path
    raise TypeError(f"Button({which!r}): a button is named by a label, a node, a line or a path, each a str: "
                    "Button('bell'), Button('pinctrl-bcm2711:17'); buttons() lists them")


class Button:
    """A button, open for reading: a stream of events from now on, for this reader alone.

    which    a path ("/dev/button_irq1", or a pathlib.Path), or what find() takes: a label ("bell"), a node name
             ("button_irq1") or a line ("pinctrl-bcm2711:17"). The first button by default.
    clock    what times are counted on: "monotonic" (the default; as time.monotonic_ns()), "boottime" (counts suspended
             time) or "realtime" (as time.time_ns()), or the time.CLOCK_ constant of one of these

    An iterator, synchronous and asynchronous, that never ends by itself: OSError (ENODEV) is raised once the button was
    taken away and all its events have been read. Use it in a with statement, or close() it: a task or a thread that
    waits meanwhile gets the ValueError of a closed Button. A Button that is dropped open closes itself, with a
    ResourceWarning. One task at a time may wait; open the button once more for another.

    After os.fork() the child has a stream of its own, of the events from the fork on; the parent's loses none to it.
    """

    _fd = -1
    _gone: Optional[OSError] = None             # why there is no descriptor, if not because of close()

    def __init__(self, which: Union[str, os.PathLike[str]] = "/dev/button_irq", *,
                 clock: Union[str, int] = "monotonic") -> None:
        # Held while the descriptor is used or closed, never while waiting: a number that close() has freed may belong
        # to another file at once.
        self._lock = threading.Lock()
        self._waiter: Optional[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = None
        self._wakers: list[tuple[int, int]] = []        # pipes of the threads that wait: the ends to read and to write
        self._clock = ""
        self._path = _path(which)
        self._fd = self._open()
        try:
            info = self._info()
            if info[0] != _ABI_VERSION:
                raise OSError(errno.EPROTONOSUPPORT, f"the driver has ABI version {info[0]}, we have {_ABI_VERSION}",
                              self._path)
            self._label, self._line = (text.split(b"\0", 1)[0].decode() for text in info[5:])
            self._ioctl(_IOC_SET_FORMAT, struct.pack("=I", _FORMAT_BINARY))
            self.clock = clock                  # type: ignore[assignment]
        except BaseException:
            self.close()
            raise
        _open_buttons.add(self)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _check(self) -> int:
        """The descriptor; to be called under the lock by whoever goes on to use it."""
        if self._gone:
            raise OSError(self._gone.errno, os.strerror(self._gone.errno or 0), self._path)
        if self._fd < 0:
            raise ValueError(f"{self._path} is closed")
        return self._fd

    def _ioctl(self, request: int, argument: Union[int, bytes] = 0) -> bytes:
        with self._lock:
            fd = self._check()
            try:
                return fcntl.ioctl(fd, request, argument)       # type: ignore[return-value]
            except OSError as error:
                raise OSError(error.errno, os.strerror(error.errno or 0), self._path) from None

    def _info(self) -> tuple[int, int, int, int, int, bytes, bytes]:
        return _INFO.unpack(self._ioctl(_IOC_GET_INFO, bytes(_INFO.size)))      # type: ignore[return-value]

    @property
    def path(self) -> str:
        """The device node it was opened by."""
        return self._path

    @property
    def label(self) -> str:
        """The button's label."""
        return self._label

    @property
    def line(self) -> str:
        """Its GPIO line, CHIPLABEL:OFFSET."""
        return self._line

    @property
    def is_pressed(self) -> bool:
        """Is it pressed? By the last event, which need not have been read yet. OSError (ENODEV) once it is gone."""
        return self._info()[1] == 1

    @property
    def debounce_us(self) -> int:
        """The debounce time, in microseconds."""
        return self._info()[2]

    @property
    def debounce_mode(self) -> str:
        """"eager" or "settle"."""
        mode = self._info()[3]
        return _MODES.get(mode, f"mode{mode}")

    @property
    def clock(self) -> str:
        """What times are counted on: "monotonic", "boottime" or "realtime". ValueError for anything else.

        May be set at any time; counts for events that are read from then on. A change of the wall clock does not
        change the time of an event that happened before.
        """
        return self._clock

    @clock.setter
    def clock(self, clock: Union[str, int]) -> None:
        for name, number in _CLOCKS.items():
            if clock in (name, number):
                self._ioctl(_IOC_SET_CLOCK, struct.pack("=I", number))
                self._clock = name
                return
        raise ValueError(f"clock {clock!r} is none of {', '.join(_CLOCKS)}")

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return self._fd < 0

    def fileno(self) -> int:
        """The file descriptor, readable when there is an event: for select, poll and event loops. ValueError if closed.

        It is non-blocking, and nothing is read ahead: it is readable as long as there is an event that read() has not
        given yet.
        """
        return self._check()

    def close(self) -> None:
        """Closes the button and wakes who waits for it, in this thread or in another. Closing twice does no harm."""
        with self._lock:
            if self._fd < 0:
                return
            fd, self._fd = self._fd, -1
            waiter, self._waiter = self._waiter, None
            for _, waker in self._wakers:
                os.write(waker, b"\0")
            if not waiter:
                os.close(fd)
                return
        loop, future = waiter

        def let_go() -> None:
            # The loop watches the number, which belongs to another file as soon as it is closed.
            loop.remove_reader(fd)
            os.close(fd)
            if not future.done():
                future.set_result(None)

        elsewhere = loop.is_running()
        if elsewhere:
            import asyncio

            try:
                elsewhere = asyncio.get_running_loop() is not loop
            except RuntimeError:                        # no loop runs in this thread
                pass
        try:
            if elsewhere:
                loop.call_soon_threadsafe(let_go)
            else:
                let_go()
        except RuntimeError:                            # the loop is closed: it watches nothing any more
            os.close(fd)

    def __del__(self) -> None:
        if self._fd >= 0:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)
            self.close()

    def _fork(self) -> None:
        """In the child of a fork: opens the button anew, under the same number."""
        self._lock = threading.Lock()                   # another thread of the parent's may have held it
        self._waiter = None
        for pipe in self._wakers:
            for end in pipe:
                os.close(end)
        self._wakers = []
        if self._fd < 0:
            return
        try:
            fd = self._open()
            os.dup2(fd, self._fd, inheritable=False)
            os.close(fd)
            self._ioctl(_IOC_SET_FORMAT, struct.pack("=I", _FORMAT_BINARY))
            self._ioctl(_IOC_SET_CLOCK, struct.pack("=I", _CLOCKS[self._clock]))
        except OSError as error:                        # raised when the child uses it
            os.close(self._fd)
            self._fd, self._gone = -1, error

    def __enter__(self) -> Button:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Button {self._path}{' closed' if self.closed else ''}>"

    def _take(self) -> Optional[Event]:
        """The next event if there is one, else None."""
        with self._lock:
            fd = self._check()
            try:
                return _event(os.read(fd, _EVENT.size))
            except BlockingIOError:
                return None
            except OSError as error:
                raise OSError(error.errno, os.strerror(error.errno or 0), self._path) from None

    def _deadline(self, timeout: Optional[float]) -> Optional[float]:
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout {timeout!r} is no time to wait")
        return None if timeout is None else time.monotonic() + timeout

    def wait_readable(self, timeout: Optional[float] = None) -> None:
        """Returns when there is something to read, or after so many seconds. ValueError if closed, also meanwhile."""
        # Rounded up, so that who looks at the clock afterwards does not find it one too early.
        milliseconds = None if timeout is None else int(min(timeout * 1000, 2**31 - 2)) + 1
        pipe = os.pipe()
        try:
            poll = select.poll()
            with self._lock:
                poll.register(self._check(), select.POLLIN)
                self._wakers.append(pipe)
            # Should another thread close the button from here on, and open another file under the same number, this
            # returns all the same: the pipe is readable.
            poll.register(pipe[0], select.POLLIN)
            poll.poll(milliseconds)
        finally:
            with self._lock:
                if pipe in self._wakers:
                    self._wakers.remove(pipe)
            for end in pipe:
                os.close(end)
        self._check()

    def _read_until(self, deadline: Optional[float]) -> Optional[Event]:
        while True:
            event = self._take()
            if event:
                return event
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            self.wait_readable(left)

    def read(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event. None if there is none within timeout seconds; 0 looks and does not wait, None waits for ever.

        OSError (ENODEV) once the button is gone.
        """
        return self._read_until(self._deadline(timeout))

    def _wait(self, wanted: str, timeout: Optional[float]) -> Optional[Event]:
        deadline = self._deadline(timeout)
        while True:
            event = self._read_until(deadline)
            if event is None or event.type == wanted:
                return event

    def wait_for_press(self, timeout: Optional[float] = None) -> Optional[Event]:
        """Waits for the next press and returns its event; None if there is none within timeout seconds.

        The next one in the stream: a press that came since this button was opened (or last read) counts, even if it
        was released again. Other events before it are dropped. OSError (ENODEV) once the button is gone.
        """
        return self._wait(PRESS, timeout)

    def wait_for_release(self, timeout: Optional[float] = None) -> Optional[Event]:
        """Waits for the next release, as wait_for_press(); its held says how long the button was pressed."""
        return self._wait(RELEASE, timeout)

    def __iter__(self) -> Button:
        return self

    def __next__(self) -> Event:
        event = self._read_until(None)
        assert event
        return event

    def rewind(self) -> None:
        """Goes back to the oldest event that the driver still keeps; see its parameter ring_events."""
        self._ioctl(_IOC_REWIND)

    def history(self) -> list[Event]:
        """The events that the driver still keeps, oldest first. The position of this reader does not change."""
        with Button(self._path, clock=self.clock) as other:
            other.rewind()
            return list(other._pending())

    def _pending(self) -> Iterator[Event]:
        """The events that are there now."""
        return iter(self._take, None)

    def gestures(self, *, hold: float = 1.0, double: float = 0.4, repeat: float = 0) -> Gestures:
        """Clicks, double clicks and holds: see Gestures."""
        return Gestures(self, hold=hold, double=double, repeat=repeat)

    async def readable(self) -> None:
        """Returns when there is something to read, in asyncio. ValueError if closed, also meanwhile."""
        import asyncio

        loop = asyncio.get_running_loop()
        if self._waiter:
            raise RuntimeError(f"another task waits for {self._path}; open it once more")
        with self._lock:
            fd = self._check()
            waiter = self._waiter = loop, loop.create_future()
        loop.add_reader(fd, lambda future: future.done() or future.set_result(None), waiter[1])
        try:
            await waiter[1]
        finally:
            # After close() the number may be that of another Button, whose reader stays.
            with self._lock:
                if self._waiter is waiter:
                    self._waiter = None
                    loop.remove_reader(fd)
        self._check()

    def __aiter__(self) -> Button:
        return self

    async def __anext__(self) -> Event:
        while True:
            event = self._take()
            if event:
                return event
            await self.readable()

    async def wait(self, *types: str) -> Event:
        """Waits for the next event, or the next of these types (PRESS, ...), and returns it.

        For asyncio; asyncio.wait_for() adds a timeout. No event is lost if it is cancelled. ValueError for an unknown
        type, OSError (ENODEV) once the button is gone.
        """
        for wanted in types:
            if wanted not in _TYPES.values():
                raise ValueError(f"no type of event: {wanted!r}")
        while True:
            event = await self.__anext__()
            if not types or event.type in types:
                return event


def _event(record: bytes) -> Event:
    seq, time_ns, held_ns, number, count = _EVENT.unpack(record)
    return Event(seq, time_ns, _TYPES.get(number, f"type{number}"), held_ns, count)


_open_buttons: weakref.WeakSet[Button] = weakref.WeakSet()


def _after_fork() -> None:
    for button in list(_open_buttons):
        button._fork()


os.register_at_fork(after_in_child=_after_fork)
