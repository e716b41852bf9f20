# SPDX-License-Identifier: GPL-2.0
"""Push buttons of the button_irq kernel module.

    from button_irq import Button

    with Button("bell") as bell:
        for event in bell:
            print(event.seq, event.time, event.type, event.held)

No press is lost without being told so: events are numbered without a gap, and a reader that was too slow gets one LOST
event that says how many it did not get. Their time is the moment the contact closed or opened.

Whatever goes wrong with a device is an OSError with its errno: FileNotFoundError (ENOENT) for a button that is not
there, PermissionError (EACCES) for one that may not be read, ENODEV once a button was taken away. An argument that
makes no sense is a ValueError.
"""

import asyncio
import errno
import fcntl
import os
import select
import struct
import time
from typing import NamedTuple

__all__ = ["Button", "ButtonInfo", "Event", "LOST", "MISSED", "PRESS", "RELEASE", "buttons", "find"]

PRESS, RELEASE, LOST, MISSED = "press", "release", "lost", "missed"

CLASS = "/sys/class/button_irq"

# From button_irq.h
_TYPES = {1: PRESS, 2: RELEASE, 3: LOST, 4: MISSED}
_MODES = {0: "eager", 1: "settle"}
_EVENT = struct.Struct("=QQQII")                # seq timestamp_ns held_ns type count
_INFO = struct.Struct("=IIIII12x32s64s")        # abi_version state debounce_us debounce_mode ring_events label line
_ABI_VERSION = 1
_FORMAT_BINARY = 1
_IOC_GET_INFO = 2 << 30 | _INFO.size << 16 | 0xBA << 8 | 1
_IOC_SET_FORMAT = 1 << 30 | 4 << 16 | 0xBA << 8 | 2
_IOC_SET_CLOCK = 1 << 30 | 4 << 16 | 0xBA << 8 | 3
_IOC_REWIND = 0xBA << 8 | 4

_CLOCKS = {"monotonic": time.CLOCK_MONOTONIC, "boottime": time.CLOCK_BOOTTIME, "realtime": time.CLOCK_REALTIME}


class Event(NamedTuple):
    """What happened.

    seq      number of the event, counted per button from 1 in steps of 1
    time_ns  when the line changed, in nanoseconds of the button's clock
    type     PRESS, RELEASE, LOST or MISSED, which are the strings "press", "release", "lost", "missed"
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
    count: int

    @property
    def time(self):
        """When the line changed, in seconds; a float, so time_ns is the exact one."""
        return self.time_ns / 1e9

    @property
    def held(self):
        """RELEASE: how long the button was pressed, in seconds."""
        return self.held_ns / 1e9

    def __str__(self):
        """As the device says it in text: "18 5123.152433000 release 0.152309544"."""
        detail = {RELEASE: f" {_seconds(self.held_ns)}", PRESS: ""}.get(self.type, f" {self.count}")
        return f"{self.seq} {_seconds(self.time_ns)} {self.type}{detail}"


class ButtonInfo(NamedTuple):
    """A button that is there: the name of its device node, its label, and its GPIO line as CHIPLABEL:OFFSET."""

    node: str
    label: str
    line: str

    @property
    def path(self):
        """Its device node, "/dev/button_irq"."""
        return f"/dev/{self.node}"


def _seconds(nanoseconds):
    return "%d.%09d" % divmod(nanoseconds, 10**9)


def _attribute(node, name):
    with open(f"{CLASS}/{node}/{name}", encoding="utf-8") as attribute:
        return attribute.read().rstrip("\n")


def buttons():
    """All buttons, a list of ButtonInfo in the order of their nodes; empty without the module."""
    found = []
    try:
        nodes = os.listdir(CLASS)
    except FileNotFoundError:
        return found
    for node in sorted(nodes, key=lambda node: (len(node), node)):
        try:
            found.append(ButtonInfo(node, _attribute(node, "label"), _attribute(node, "line")))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):     # it went away meanwhile
                raise
    return found


def find(name):
    """The button with that node name, label or line (CHIPLABEL:OFFSET), as a ButtonInfo.

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


class Button:
    """A button, open for reading: a stream of events from now on, for this reader alone.

    which    a path ("/dev/button_irq1"), or what find() takes: a node name ("button_irq1"), a label ("bell") or a line
             ("pinctrl-bcm2711:17"). The first button by default.
    clock    what times are counted on: "monotonic" (the default; as time.monotonic_ns()), "boottime" (counts suspended
             time) or "realtime" (as time.time_ns()), or the time.CLOCK_ constant of one of these

    An iterator, synchronous and asynchronous, that never ends by itself: OSError (ENODEV) is raised once the button was
    taken away and what it left has been read. Use it in a with statement, or close() it. One thread or task at a time
    may wait; open the button once more for another.
    """

    def __init__(self, which="/dev/button_irq", *, clock="monotonic"):
        self._fd = -1
        self._waiter = None
        self._path = which if "/" in which else find(which).path
        self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            info = self._info()
            if info[0] != _ABI_VERSION:
                raise OSError(errno.EPROTONOSUPPORT, f"the driver speaks version {info[0]}, we {_ABI_VERSION}",
                              self._path)
            self._label, self._line = (text.split(b"\0", 1)[0].decode() for text in info[5:])
            self._ioctl(_IOC_SET_FORMAT, struct.pack("=I", _FORMAT_BINARY))
            self.clock = clock
        except BaseException:
            self.close()
            raise

    def _ioctl(self, request, argument=0):
        if self.closed:
            raise ValueError(f"{self._path} is closed")
        try:
            return fcntl.ioctl(self._fd, request, argument)
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno), self._path) from None

    def _info(self):
        return _INFO.unpack(self._ioctl(_IOC_GET_INFO, bytes(_INFO.size)))

    @property
    def path(self):
        """The device node it was opened by."""
        return self._path

    @property
    def label(self):
        """What the button is called."""
        return self._label

    @property
    def line(self):
        """Its GPIO line, CHIPLABEL:OFFSET."""
        return self._line

    @property
    def is_pressed(self):
        """Is it pressed? By the last event there is, which need not have been read yet. OSError once it is gone."""
        return self._info()[1] == 1

    @property
    def debounce_us(self):
        """The debounce time, in microseconds."""
        return self._info()[2]

    @property
    def debounce_mode(self):
        """"eager" or "settle"."""
        return _MODES[self._info()[3]]

    @property
    def clock(self):
        """What times are counted on: "monotonic", "boottime" or "realtime". ValueError for anything else.

        May be set at any time; counts for events that are read from then on. A change of the wall clock does not
        change the time of an event that happened before.
        """
        return self._clock

    @clock.setter
    def clock(self, clock):
        for name, number in _CLOCKS.items():
            if clock in (name, number):
                self._ioctl(_IOC_SET_CLOCK, struct.pack("=I", number))
                self._clock = name
                return
        raise ValueError(f"clock {clock!r} is none of {', '.join(_CLOCKS)}")

    @property
    def closed(self):
        """Was it closed?"""
        return self._fd < 0

    def fileno(self):
        """The file descriptor, readable when there is an event: for select, poll and event loops. ValueError if closed.

        Nothing is read ahead, so it tells of every event that read() has not given yet. It is non-blocking.
        """
        if self.closed:
            raise ValueError(f"{self._path} is closed")
        return self._fd

    def close(self):
        """Closes it; once more does no harm."""
        if not self.closed:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __repr__(self):
        return f"<Button {self._path}{' closed' if self.closed else ''}>"

    def _take(self):
        """The next event if there is one, else None."""
        try:
            return _event(os.read(self.fileno(), _EVENT.size))
        except BlockingIOError:
            return None
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno), self._path) from None

    def _deadline(self, timeout):
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout {timeout!r} is no time to wait")
        return None if timeout is None else time.monotonic() + timeout

    def _read_until(self, deadline):
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        while True:
            event = self._take()
            if event:
                return event
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            # Rounded up, so that the last look is not one too early.
            poll.poll(None if left is None else min(int(left * 1000) + 1, 2**31 - 1))

    def read(self, timeout=None):
        """The next event. None if there is none within timeout seconds; 0 looks and does not wait, None waits for ever.

        OSError (ENODEV) once the button is gone.
        """
        return self._read_until(self._deadline(timeout))

    def _wait(self, wanted, timeout):
        deadline = self._deadline(timeout)
        while True:
            event = self._read_until(deadline)
            if event is None or event.type == wanted:
                return event

    def wait_for_press(self, timeout=None):
        """Waits for the next press and returns its event; None if there is none within timeout seconds.

        The next one in the stream: a press that came since this button was opened (or last read) counts, even if it
        was released again. Other events before it are dropped. OSError (ENODEV) once the button is gone.
        """
        return self._wait(PRESS, timeout)

    def wait_for_release(self, timeout=None):
        """The same for a release; its held tells how long the button was pressed."""
        return self._wait(RELEASE, timeout)

    def __iter__(self):
        return self

    def __next__(self):
        return self.read()

    def rewind(self):
        """Goes back to the oldest event that the driver still keeps; see its parameter ring_events."""
        self._ioctl(_IOC_REWIND)

    def history(self):
        """The events that the driver still keeps, oldest first, a list. Where this reader stands does not change."""
        with Button(self._path, clock=self.clock) as other:
            other.rewind()
            return list(iter(other._take, None))

    async def _readable(self):
        loop = asyncio.get_running_loop()
        if self._waiter:
            raise RuntimeError(f"another task waits for {self._path}; open it once more")
        fd = self.fileno()
        self._waiter = loop.create_future()
        loop.add_reader(fd, lambda waiter: waiter.done() or waiter.set_result(None), self._waiter)
        try:
            await self._waiter
        finally:
            loop.remove_reader(fd)
            self._waiter = None

    def __aiter__(self):
        return self

    async def __anext__(self):
        while True:
            event = self._take()
            if event:
                return event
            await self._readable()

    async def wait(self, *types):
        """Waits for the next event, or the next of these types (PRESS, ...), and returns it.

        For asyncio; asyncio.wait_for() adds a timeout. No event is lost if it is cancelled. ValueError for a type that
        there is not, OSError (ENODEV) once the button is gone.
        """
        for wanted in types:
            if wanted not in _TYPES.values():
                raise ValueError(f"no type of event: {wanted!r}")
        async for event in self:
            if not types or event.type in types:
                return event


def _event(record):
    seq, time_ns, held_ns, number, count = _EVENT.unpack(record)
    return Event(seq, time_ns, _TYPES[number], held_ns, count)
