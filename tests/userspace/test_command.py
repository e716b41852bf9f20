#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""test_command.py DIRECTORY COMPLETION [TEST...]: tests the button-irq command on faked buttons

DIRECTORY has the programs of build_fake.sh, with sanitizers; COMPLETION is bash's completion file. Prints TAP. No test depends
on the speed of this machine: a test waits for the output that must come, and checks for unwanted output once a later one came.
"""

import contextlib
import fcntl
import itertools
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback
import xml.dom.minidom

DIRECTORY, COMPLETION = map(os.path.abspath, sys.argv[1:3])
COMMAND = os.path.join(DIRECTORY, "button-irq")
PRESS, RELEASE, LOST, MISSED = 1, 2, 3, 4
MS = 1_000_000
S = 1_000_000_000
REALTIME_NS = 1_700_000_000_123_456_789  # as in fake_device.c
DEADLINE = float(os.environ.get("DEADLINE", 300))


def now():
    return time.monotonic_ns()


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < end, f"after {DEADLINE} s still not: {what}"
        time.sleep(0.005)
    return result


def equal(got, wanted, what=""):
    assert got == wanted, f"{what}: wanted {wanted!r}, got {got!r}"


class Button:
    """A faked button, see fake_device.c"""

    counters = "presses releases edges inferred bounces missed storms".split()

    def __init__(self, node="button_irq", label="bell", debounce_us=1000, mode=0, path=None, sysfs=True, files=()):
        self.node, self.label, self.debounce_us, self.mode = node, label, debounce_us, mode
        self.path = path or f"root/dev/{node}"
        self.name = os.path.basename(self.path)
        self.dir = f"root/sys/class/button_irq/{node}" if sysfs else None
        self.seq = 0
        self.pressed = False
        self.pressed_at = None
        self.values = dict.fromkeys(self.counters, 0)
        self.values.update(files)
        os.makedirs("root/fake", exist_ok=True)
        os.makedirs("root/sys/module/button_irq", exist_ok=True)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(f"root/fake/{self.name}.log", "wb"):
            pass
        self.write_state()
        # Open the FIFO before it gets its name: a FIFO without a writer is a button that is gone.
        os.makedirs("root/dev", exist_ok=True)
        os.mkfifo("root/fifo")
        self.fd = os.open("root/fifo", os.O_RDWR | os.O_NONBLOCK)
        os.rename("root/fifo", self.path)
        # udev sets the mode after the node has appeared.
        os.chmod(self.path, 0o644)

    def write_file(self, name, data):
        with open(name + ".new", "wb") as file:
            file.write(data)
        os.rename(name + ".new", name)

    def write_state(self):
        label = self.label.encode("utf-8", "surrogateescape")
        self.write_file(f"root/fake/{self.name}.info", struct.pack(
            "5I12x32s64s", 1, self.pressed, self.debounce_us, self.mode, 1024, label, b"chip:4"))
        if not self.dir:
            return
        os.makedirs(self.dir, exist_ok=True)
        files = dict(self.values, label=self.label, line="chip:4", debounce_us=self.debounce_us,
                     debounce_mode=("eager", "settle")[self.mode], state=("released", "pressed")[self.pressed])
        for name, value in files.items():
            self.write_file(f"{self.dir}/{name}", str(value).encode("utf-8", "surrogateescape") + b"\n")

    def emit(self, kind, at=None, held=0, count=0, seq=None):
        at = now() if at is None else at
        self.seq = seq or self.seq + 1
        with open(f"root/fake/{self.name}.log", "ab") as log:
            log.write(struct.pack("3Q2I", self.seq, at, held, kind, count))
        with contextlib.suppress(BlockingIOError):
            os.write(self.fd, b"!")
        return at

    def count_edge(self, **more):
        for name, value in {"edges": 1, **more}.items():
            self.values[name] += value
            if self.dir:
                self.write_file(f"{self.dir}/{name}", b"%d\n" % self.values[name])
        if not more.get("bounces"):
            self.write_state()

    def press(self, at=None):
        self.pressed = True
        self.count_edge(presses=1)
        self.pressed_at = self.emit(PRESS, at)
        return self.pressed_at

    def release(self, at=None):
        at = now() if at is None else at
        self.pressed = False
        self.count_edge(releases=1)
        return self.emit(RELEASE, at, at - self.pressed_at if self.pressed_at else 0)

    def click(self, at=None, length=50 * MS):
        """A click that begins now, or at a time"""
        if at is not None:
            self.press(at)
            return self.release(at + length)
        self.press()
        return self.release()

    def gone(self):
        if self.dir:
            shutil.rmtree(self.dir)
        # A reader that has the log open can still read its events.
        os.unlink(f"root/fake/{self.name}.log")
        os.unlink(self.path)
        os.close(self.fd)

    def is_open(self, pid, times=1):
        """Returns whether the process has opened the button's log, and so will see every later event."""
        log, found = os.path.abspath(f"root/fake/{self.name}.log"), 0
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found += os.readlink(f"/proc/{pid}/fd/{fd}") == log
        return found >= times


running = []


def start(*args, **kwargs):
    kwargs.setdefault("stdout", open("out", "wb"))
    kwargs.setdefault("stderr", open("err", "wb"))
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen([COMMAND, *args], **kwargs)
    running.append(process)
    return process


def begun(button, *args, **kwargs):
    process = start(*args, **kwargs)
    wait_for(lambda: button.is_open(process.pid), f"{args} opens {button.node}")
    return process


def ends(process, code, what=""):
    try:
        process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{what} does not end") from None
    equal(process.returncode, code, f"exit code {what} (errors: {read('err')})")


def run(*args, code=0, **kwargs):
    """Runs the command to its end. Returns its output and its errors."""
    process = start(*args, **kwargs)
    ends(process, code, " ".join(args))
    return read("out"), read("err")


def read(name="out"):
    with open(name, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def lines(name="out"):
    return read(name).splitlines() if os.path.exists(name) else []


def has_lines(n, name="out"):
    return wait_for(lambda: len(lines(name)) >= n and lines(name), f"{n} lines in {name}")


def write(name, text, mode=0o644):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(name, mode)


def asleep(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "S"


def fence(process, button, n):
    """Presses the button, whose command adds a line to "fence". Once that line is there, all earlier events were handled."""
    button.press()
    button.release()
    has_lines(n, "fence")
    assert process.poll() is None, f"ended: {read('err')}"


# On a busy machine a press may be read late.
FENCE = ("--press=echo press >> fence", "--max-age=1h")


# --- 1: holds of buttons that are gone, and holds in the past ---

def soon():
    """A time so far ahead that a test can remove a button and add it again before, at the present speed of this machine"""
    began = now()
    Button(node="button_irq99").gone()
    return now() + max(2 * S, 50 * (now() - began))


def test_hold_does_not_fire_when_the_button_is_gone():
    bell = Button()
    process = begun(bell, "run", "--hold=echo hold >> done", "--hold-time=300ms", *FENCE)
    due = bell.press(soon()) + 300 * MS
    bell.gone()
    assert now() < due, "this machine is too slow for the test"
    wait_for(lambda: not bell.is_open(process.pid), "the command closes it")
    wait_for(lambda: now() > due + 300 * MS, "the hold time is over")
    bell = Button()
    wait_for(lambda: bell.is_open(process.pid), "opened again")
    fence(process, bell, 2)
    equal(lines("done"), [], "holds")


def test_hold_does_not_span_a_rebind():
    bell = Button()
    process = begun(bell, "run", "--hold=echo hold >> done", "--hold-time=400ms", *FENCE)
    due = bell.press(soon()) + 400 * MS
    bell.gone()
    bell = Button()
    assert now() < due, "this machine is too slow for the test"
    wait_for(lambda: bell.is_open(process.pid), "opened again")
    wait_for(lambda: now() > due + 400 * MS, "the hold time is over")
    fence(process, bell, 2)
    equal(lines("done"), [], "holds")


def test_hold_of_a_minute_ago_is_not_run_once_the_button_can_be_opened():
    os.makedirs("root/dev")
    process = start("run", "-b", "bell", "--hold=echo hold >> done", "--click=echo click >> done", *FENCE)
    wait_for(lambda: asleep(process), "it waits")
    bell = Button(path="root/elsewhere/button_irq")
    bell.click(now() - 60 * S)
    bell.press(now() - 58 * S)
    bell.release(now() - 55 * S)
    os.rename("root/elsewhere/button_irq", "root/dev/button_irq")
    os.chmod("root/dev/button_irq", 0o644)
    wait_for(lambda: bell.is_open(process.pid), "opened")
    fence(process, bell, 1)
    # The fence itself is a click.
    wait_for(lambda: lines("done"), "its own click")
    equal((lines("done"), lines("fence")), (["click"], ["press"]), "commands")


def test_events_from_before_the_start_are_no_commands_even_if_recent():
    bell = Button(path="root/elsewhere/button_irq")
    bell.click()
    process = start("run", "-b", "bell", "--click=echo click >> done", *FENCE)
    wait_for(lambda: asleep(process), "it waits")
    os.rename("root/elsewhere/button_irq", "root/dev/button_irq")
    os.chmod("root/dev/button_irq", 0o644)
    wait_for(lambda: bell.is_open(process.pid), "opened")
    fence(process, bell, 1)
    wait_for(lambda: lines("done"), "its own click")
    equal((lines("done"), lines("fence")), (["click"], ["press"]), "commands")


def test_a_stopped_run_reports_old_commands_and_does_not_run_them():
    bell = Button()
    process = begun(bell, "run", "--click=echo $BUTTON_IRQ_SEQ >> done", "--max-age=100ms")
    process.send_signal(signal.SIGSTOP)
    then = bell.click()
    wait_for(lambda: now() > then + 300 * MS, "the click is old")
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: "click 2 is 0." in read("err") and "max-age 0.1 s" in read("err"), "a message")
    # On a busy machine a click may be too old, too, so click again and again.
    wait_for(lambda: bell.click() and lines("done"), "a new click is run")
    assert "2" not in lines("done"), lines("done")


def test_a_click_waiting_for_a_double_is_not_old():
    bell = Button()
    begun(bell, "run", "--click=echo click >> done", "--double=echo double >> done", "--double-time=800ms",
          "--max-age=400ms")
    bell.click()
    equal(has_lines(1, "done"), ["click"], "gestures")


# --- 2: completion ---

HOSTILE = ["$(touch ran)", "`touch ran`", "a;touch ran", "$HOME", "b ell", 'quo"te', "it's", "back\\slash", "star*",
           "~root", "${IFS}x", "-n", "{a,b}", "door"]


def complete(*words, path="root"):
    script = re.sub(r"/sys/class", f"{path}/sys/class", read(COMPLETION))
    result = subprocess.run(
        ["bash", "-c", script + """
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_button_irq
printf '%s\\n' "${COMPREPLY[@]}"
""", "-", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
        env=dict(os.environ, PATH=os.path.abspath("bin") + ":" + os.environ["PATH"]), timeout=DEADLINE)
    equal(result.stderr, b"", "errors of completion")
    return result.stdout.decode().splitlines()


def test_completion_expands_no_label():
    for i, label in enumerate(HOSTILE):
        write(f"root/sys/class/button_irq/button_irq{i or ''}/label", label + "\n")
    for words in (["watch", ""], ["wait", "-b", ""], ["state", ""], ["run", "--button", "=", ""], ["is-pressed", ""]):
        offered = complete("button-irq", *words)
        assert not os.path.exists("ran"), f"{words}: a label was run"
        # Completions go into the command line, where the shell must read each as the label.
        for label in HOSTILE:
            assert any(subprocess.run(["bash", "-c", f"printf %s {word}"], stdout=subprocess.PIPE, check=True,
                                      env={"HOME": "/x"}).stdout.decode() == label for word in offered), \
                f"{words}: {label} is not among {offered}"
        assert not os.path.exists("ran"), f"{words}: accepting a completion runs a label"
    equal(complete("button-irq", "watch", "do"), ["door"])
    equal(complete("button-irq", "watch", "b\\ e"), ["b\\ ell"])


def test_completion_expands_no_line_and_no_consumer():
    write("bin/gpioinfo", """#!/bin/sh
cat << 'END'
gpiochip0 - 2 lines:
\tline   0:\t"GPIO17"        \tinput consumer="$(touch ran)"
\tline   1:\t"$(touch ran)"  \tinput
\tline   2:\tunnamed         \tinput consumer="evil"
\tline   3:      "GPIO27" "`touch ran`" input active-high [used]
END
""", 0o755)
    offered = complete("button-irq", "calibrate", "")
    assert not os.path.exists("ran"), "the name of a line or consumer was run"
    equal(offered, ["\\$\\(touch\\ ran\\)", "GPIO17", "GPIO27"])
    equal(complete("button-irq", "calibrate", "GPIO1"), ["GPIO17"])


def test_completion_offers_commands_and_options():
    equal(complete("button-irq", "wa"), ["wait", "watch"])
    equal(complete("button-irq", "wait", "h"), ["hold", "hold="])
    equal(complete("button-irq", "watch", "--j"), ["--json"])
    equal(complete("button-irq", "watch", "--clock", "=", "r"), ["realtime"])
    equal(complete("button-irq", "calibrate", "--bias", "=", "pull"), ["pull-down", "pull-up"])
    # Every option that completion offers exists.
    for command in ("watch", "wait", "run", "status", "calibrate"):
        shown = run(command, "--help")[0]
        for option in complete("button-irq", command, "--"):
            assert option == "--help" or option in shown, f"{command} {option} is not in its help"


# --- 3: buttons that appear later ---

def test_follow_sees_a_link_that_udev_makes_later():
    os.makedirs("root/dev")
    process = start("watch", "--follow", "-n", "1", "root/dev/button/bell")
    wait_for(lambda: asleep(process), "it waits")
    bell = Button()
    wait_for(lambda: asleep(process), "it looked, and waits again")
    # As udev does: make a directory, then a link that is renamed to its place.
    os.makedirs("root/dev/button")
    time.sleep(0.1)
    wait_for(lambda: asleep(process), "it looked, and waits again")
    os.symlink("../button_irq", "root/dev/button/.#bell")
    os.rename("root/dev/button/.#bell", "root/dev/button/bell")
    wait_for(lambda: bell.is_open(process.pid), "opened")
    bell.press()
    ends(process, 0)


def test_follow_sees_a_path_whose_directories_come_later():
    os.makedirs("root/dev")
    path = os.path.abspath("some/where/else")
    process = start("watch", "--follow", "-n", "1", path)
    wait_for(lambda: asleep(process), "it waits")
    bell = Button()
    for directory in ("some", "some/where"):
        os.mkdir(directory)
        wait_for(lambda: asleep(process), "it sleeps")
    os.symlink(os.path.abspath("root/dev/button_irq"), path)
    wait_for(lambda: bell.is_open(process.pid), "opened")
    bell.press()
    ends(process, 0)


def test_follow_sees_a_label_that_comes_back():
    bell = Button()
    process = begun(bell, "watch", "--follow", "bell")
    bell.click()
    has_lines(2)
    bell.gone()
    wait_for(lambda: "gone" in read("err"), "the command notices")
    bell = Button(node="button_irq1")
    wait_for(lambda: bell.is_open(process.pid), "opened again")
    bell.click()
    equal([line.split()[::2] for line in has_lines(4)][2], ["1", "press"])
    equal(lines("err"), ["button-irq: bell: gone, waiting for it to come back",
                         "button-irq: bell: here, /dev/button_irq1"])


def test_follow_sees_a_button_that_was_back_before_its_end_was_noticed():
    bell = Button()
    process = begun(bell, "watch", "--follow", "-n", "1")
    process.send_signal(signal.SIGSTOP)
    bell.gone()
    bell = Button()
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: bell.is_open(process.pid), "opened again")
    bell.press()
    ends(process, 0)


# --- 4: names ---

def test_every_printable_character_can_be_in_a_label():
    labels = ["front-door", "a b", "x'y", 'q"', "$(id)", "back\\slash", "%s%n", "[c]", "=", "#1", "tür", "~", "a:b@c"]
    buttons = [Button(node=f"button_irq{i or ''}", label=label) for i, label in enumerate(labels)]
    for label, button in zip(labels, buttons):
        process = begun(button, "watch", "--json", "-n", "1", label)
        button.press()
        ends(process, 0, label)
        equal(json.loads(read())["button"], label)
        write("conf", f"[{label}]\npress = printf '%s\\n' \"$BUTTON_IRQ_NAME\" >> names; : > fence\n")
        process = begun(button, "run", "-c", "conf")
        button.press()
        wait_for(lambda: os.path.exists("fence"), f"the command of {label}")
        process.terminate()
        ends(process, 0)
        os.unlink("fence")
    equal(lines("names"), labels)


# --- 5: standard error that no process reads ---

def full_pipe():
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    return reader, writer


def test_run_goes_on_when_its_messages_are_not_read():
    reader, writer = full_pipe()
    bell = Button()
    process = begun(bell, "run", "--press=exit 7", "--release=echo release >> done", stderr=writer)
    for i in range(5):
        bell.click()
        has_lines(i + 1, "done")
    process.terminate()
    ends(process, 0)
    os.close(reader)
    os.close(writer)


def test_run_reports_later_how_many_messages_were_lost():
    reader, writer = full_pipe()
    bell = Button()
    process = begun(bell, "run", "--press=exit 7", "--release=echo release >> done", stderr=writer)
    # A message that does not fit into the pipe, and a later command, which shows that the message was dropped
    bell.emit(MISSED, count=3)
    bell.click()
    has_lines(1, "done")
    os.close(writer)
    bell.emit(MISSED, count=3)
    text = b""
    end = time.monotonic() + DEADLINE
    while b"message" not in text:
        assert time.monotonic() < end and select.select([reader], [], [], DEADLINE)[0], \
            f"no message; exit code {process.poll()}, read last: {text!r}"
        text = text[-200:] + os.read(reader, 4096)
        bell.emit(MISSED, count=3)
    assert re.search(rb"button-irq: \d+ messages? could not be written\n", text + os.read(reader, 4096)), text
    process.terminate()
    ends(process, 0)
    os.close(reader)


def test_run_survives_the_end_of_the_reader_of_its_messages():
    reader, writer = os.pipe()
    bell = Button()
    process = begun(bell, "run", "--press=exit 7", "--release=echo release >> done", stderr=writer)
    os.close(writer)
    os.close(reader)
    for i in range(3):
        bell.click()
        has_lines(i + 1, "done")
    process.terminate()
    ends(process, 0)


def test_run_goes_on_beside_a_stopped_journal():
    """Standard error is a socket, as systemd gives to a service."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            theirs.send(b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            theirs.send(b"x")
    theirs.setblocking(True)
    bell = Button()
    process = begun(bell, "run", "--press=exit 7", "--release=echo release >> done", stderr=theirs.fileno())
    for i in range(3):
        bell.click()
        has_lines(i + 1, "done")
    process.terminate()
    ends(process, 0)
    ours.close()
    theirs.close()


# --- 6: event types of the future ---

def test_unknown_event_types_are_shown_in_every_format():
    bell = Button()
    for options in ([], ["--color=always"], ["--json"], ["--format=%e %s"]):
        process = begun(bell, "watch", "-n", "2", *options)
        for kind in (5, 0xffffffff):
            bell.emit(kind, count=9)
        ends(process, 0, str(options))
        for line, kind in zip(lines(), (5, 0xffffffff)):
            assert "unknown" in line and (str(kind) in line or "--format" in options[0]), line
    process = begun(bell, "run", "--press=echo press >> done")
    bell.emit(5)
    bell.press()
    has_lines(1, "done")


def test_unknown_event_types_end_no_gesture():
    bell = Button()
    process = begun(bell, "wait", "click", "--hold-time=1h")
    bell.press()
    bell.emit(5)
    bell.release()
    ends(process, 0)


# --- 7: what it waits for ---

def test_follow_reports_what_it_waits_for():
    Button(label="bell")
    Button(node="button_irq1", label="door")
    for command in (["watch", "--follow", "bel"], ["run", "-b", "bel", "--press=true"]):
        process = start(*command)
        equal(has_lines(1, "err"), ["button-irq: bel: no such button, waiting; there are: bell, door"])
        bel = Button(node="button_irq2", label="bel")
        equal(has_lines(2, "err")[1], "button-irq: bel: here, /dev/button_irq2")
        bel.gone()
        process.kill()
        process.wait()


def test_follow_reports_a_lack_of_rights():
    if os.geteuid():
        return "not root, who could become another user"
    bell = Button()
    os.chmod(bell.path, 0)
    process = start("run", "--press=echo press >> /dev/null", user=65534, group=65534, extra_groups=[])
    equal(has_lines(1, "err"),
          ["button-irq: /dev/button_irq: Permission denied, waiting; button-irq doctor says why"])
    os.chmod(bell.path, 0o666)
    equal(has_lines(2, "err")[1], "button-irq: bell: here, /dev/button_irq")
    process.terminate()
    ends(process, 0)
    return None


def test_check_warns_of_buttons_that_are_absent():
    Button()
    write("conf", "[bell]\npress = true\n[bel]\npress = true\n[root/dev/none]\npress = true\n")
    equal(run("run", "--check", "-c", "conf"),
          ("", "button-irq: conf:3: warning: [bel]: no such button now; there are: bell\n"
               "button-irq: conf:5: warning: [root/dev/none]: no such button now; there are: bell\n"))


# --- 8: output that cannot be written ---

def test_write_errors_are_errors():
    bell = Button()
    for args in (["watch", "-n", "1"], ["wait", "press"], ["watch", "-n", "1", "--json"]):
        with open("/dev/full", "wb") as full:
            process = begun(bell, *args, stdout=full)
        bell.press()
        ends(process, 1, str(args))
        equal(read("err"), "button-irq: standard output: No space left on device\n", str(args))
    for args in (["status"], ["status", "--json"], ["state"], ["--help"], ["watch", "--help"], ["--version"], ["doctor"]):
        with open("/dev/full", "wb") as full:
            _, errors = run(*args, code=1, stdout=full)
        equal(errors, "button-irq: standard output: No space left on device\n", str(args))


# --- 9: the state at the beginning ---

def test_watch_state_begins_with_the_state_without_any_event():
    door = Button(label="door")
    door.pressed = True
    door.write_state()
    process = begun(door, "watch", "--state", "-n", "1")
    equal(has_lines(1), ["0 0.000000000 state pressed"])
    door.release()
    ends(process, 0)
    equal([line.split()[2] for line in lines()], ["state", "release"])


def test_watch_state_has_number_and_time_of_the_last_change():
    door = Button(label="door")
    door.press()
    at = door.release()
    door.emit(MISSED, count=1)
    process = begun(door, "watch", "--state", "--json", "-n", "1")
    state = json.loads(has_lines(1)[0])
    equal((state["event"], state["state"], state["seq"], state["time_ns"], state["realtime_ns"]),
          ("state", "released", 3, at, at + REALTIME_NS))
    door.press()
    ends(process, 0)
    equal(json.loads(lines()[1])["seq"], 4)


def test_watch_state_and_history_show_both():
    door = Button(label="door")
    door.click()
    process = begun(door, "watch", "--state", "--history", "-n", "3")
    door.press()
    ends(process, 0)
    equal([line.split()[::2] for line in lines()], [["2", "state"], ["1", "press"], ["2", "release"], ["3", "press"]])


def test_watch_state_shows_the_state_of_a_button_that_came_back():
    door = Button(label="door")
    process = begun(door, "watch", "--state", "--follow", "door")
    has_lines(1)
    door.gone()
    wait_for(lambda: "gone" in read("err"), "the command notices")
    door = Button(label="door")
    has_lines(2)
    door.press()
    equal([line.split()[2:] for line in has_lines(3)], [["state", "released"], ["state", "released"], ["press"]])
    process.kill()


def test_state_and_is_pressed_agree_with_the_device():
    door = Button(label="door")
    Button(node="button_irq1", label="bell")
    equal(run("state", "door")[0], "released\n")
    run("is-pressed", "door", code=1)
    door.press()
    equal(run("state")[0], "pressed\n")
    equal(run("is-pressed", "root/dev/button_irq")[0], "")
    equal(run("state", "door", "bell")[0], "door pressed\nbell released\n")
    run("is-pressed", "dor", code=3)
    run("state", "dor", code=3)
    run("is-pressed", "/dev/null", code=3)


def test_banner_is_first():
    bell = Button()
    process = begun(bell, "watch", "--banner", "-n", "1")
    equal(has_lines(1), ["watching bell"])
    bell.press()
    ends(process, 0)
    process = begun(bell, "watch", "--banner", "--json", "-n", "1")
    equal(json.loads(has_lines(1)[0]), {"event": "watching", "buttons": ["bell"]})
    bell.press()
    ends(process, 0)


# --- 10: help ---

def test_every_command_has_help_and_version():
    commands = re.findall(r"^  ([a-z-]+) ", run("--help")[0], re.M)
    assert len(commands) == 8, commands
    for command in commands:
        for option in ("--help", "-h"):
            out, errors = run(command, option)
            assert out.startswith(f"Usage: button-irq {command}"), out
            equal(errors, "")
        equal(run(command, "--version")[0], "button-irq test\n")
        if command == "calibrate":
            continue
        _, errors = run(command, "--nonsense", code=2)
        equal(errors, "button-irq: unrecognized option '--nonsense'\n"
                      f"Try 'button-irq {command} --help'.\n")


def test_status_without_buttons_is_3():
    equal(run("status", code=3), ("", "button-irq: no buttons: the module button_irq is not loaded\n"))
    os.makedirs("root/sys/module/button_irq")
    equal(run("status", code=3), ("", "button-irq: no buttons\n"))
    equal(run("status", "--json", code=3), ("[]\n", "button-irq: no buttons\n"))


def test_calibrate_without_libgpiod_names_what_is_missing():
    _, errors = run("calibrate", "GPIO17", code=1)
    assert "libgpiod 2" in errors and "backports" in errors, errors


# --- 11: doctor ---

def machine(release="6.12.47+rpt-rpi-v8", modules=True, headers=True, installed=False):
    write("root/proc/sys/kernel/osrelease", release + "\n")
    if modules:
        write(f"root/lib/modules/{release}/modules.dep",
              "extra/button_irq.ko.xz:\n" if installed else "kernel/x.ko: kernel/y.ko\n")
    if headers:
        os.makedirs(f"root/lib/modules/{release}/build")


def doctor(*texts, code=1):
    out, errors = run("doctor", code=code)
    equal(errors, "")
    for text in texts:
        assert text in out, f"no {text!r} in {out}"
    return out


def test_doctor_names_the_headers_of_this_kernel():
    for release, package in (
            ("6.12.47+rpt-rpi-v8", "linux-headers-rpi-v8"), ("6.12.47+rpt-rpi-2712", "linux-headers-rpi-2712"),
            ("6.12.47+rpt-rpi-v7", "linux-headers-rpi-v7"), ("6.12.47+rpt-rpi-v6", "linux-headers-rpi-v6"),
            ("6.1.21-v8+", "raspberrypi-kernel-headers"), ("6.8.0-1010-raspi", "linux-headers-raspi"),
            ("6.12.48+deb13-arm64", "linux-headers-6.12.48+deb13-arm64")):
        machine(release, headers=False)
        doctor(f"-> sudo apt install {package} ")


def test_doctor_suggests_a_reboot_after_an_upgrade():
    machine(modules=False, headers=False)
    doctor("-> sudo reboot")


def test_doctor_shows_why_the_module_was_refused():
    machine(installed=True)
    write("root/dev/kmsg",
          "4,100,1,-;x: gpio=17: not ours\n"
          "3,101,2,-;button_irq: gpio=17: the line is in use by lcd\n SUBSYSTEM=platform\n"
          "3,102,3,-;button_irq: gpio=2: the pin has another function; claim=1 takes it anyway\n"
          "6,103,4,-;button_irq: a notice=1\n")
    out = doctor("installed but not loaded", "gpio=17: the line is in use by lcd", "gpioinfo names its user",
                 "claim=1 if it is meant")
    assert "not ours" not in out and "notice" not in out, out


def node(name, compatible=b"button-irq\0", bound=False):
    path = f"root/sys/firmware/devicetree/base/{name}"
    os.makedirs(path)
    with open(f"{path}/compatible", "wb") as file:
        file.write(compatible)
    if bound:
        device = f"root/sys/bus/platform/drivers/button_irq/{os.path.basename(name)}"
        os.makedirs(device)
        os.symlink(os.path.abspath(path), f"{device}/of_node")


def test_doctor_finds_every_button_of_the_device_tree():
    machine()
    os.makedirs("root/sys/module/button_irq")
    node("other@4", b"gpio-leds\0")
    doctor("no overlay and no parameter gives it a button")
    node("button-irq@1b")
    write("root/dev/kmsg", "3,9,9,-;button-irq button-irq@1b: gpios: cannot get the line\n")
    out = doctor("button-irq@1b, but the driver did not take it", "log: button-irq button-irq@1b: gpios: cannot get")
    assert "no overlay" not in out, out


def test_doctor_names_the_one_refused_overlay_beside_a_good_one():
    machine()
    bell = Button()
    bell.click()
    node("button-irq@11", bound=True)
    node("soc/door", compatible=b"vendor,x\0button-irq\0")
    out = doctor("ok       1 button", "a button, door, but the driver did not take it")
    assert "button-irq@11" not in out, out


def rp1(i, name="pinctrl@400d0000"):
    """Makes gpiochipI a Raspberry Pi 5's controller: pinctrl@400d0000 in mainline's device tree, gpio@d0000 in Raspberry Pi's"""
    node(f"axi/{name}", b"raspberrypi,rp1-gpio\0")
    os.makedirs(f"root/sys/bus/gpio/devices/gpiochip{i}")
    os.symlink(os.path.abspath(f"root/sys/firmware/devicetree/base/axi/{name}"), f"root/sys/bus/gpio/devices/gpiochip{i}/of_node")


def test_doctor_warns_of_preempt_rt_on_mainlines_rp1():
    machine(installed=True)
    rp1(0)
    assert "PREEMPT_RT" not in doctor()
    write("root/proc/version", "Linux version 7.2.13 (x) #1 SMP PREEMPT_RT Debian\n")
    doctor("PROBLEM  this kernel locks up at the first edge", "-> boot a kernel without PREEMPT_RT")
    write("root/proc/version", "Linux version 7.2.13 (x) #1 SMP PREEMPT_DYNAMIC Debian\n")
    assert "PREEMPT_RT" not in doctor()


def test_doctor_does_not_blame_raspberry_pis_own_kernel():
    machine(installed=True)
    rp1(0, "gpio@d0000")
    write("root/proc/version", "Linux version 7.2.13 (x) #1 SMP PREEMPT_RT Debian\n")
    assert "PREEMPT_RT" not in doctor()


def test_doctor_finds_nothing_wrong_with_a_button_that_nobody_pressed():
    machine()
    Button()
    doctor("note     button_irq: not one edge yet", "0 problems found", code=0)


def test_doctor_notes_glitches():
    machine()
    bell = Button(files={"glitches": 3})
    bell.click()
    doctor("3 glitches", "debounce_mode=settle", code=0)


def test_doctor_notes_a_container():
    machine()
    bell = Button()
    bell.click()
    os.unlink(bell.path)
    write("root/run/.containerenv", "")
    doctor("this is a container", "--device /dev/button_irq")


def test_doctor_names_a_missing_group():
    if os.geteuid():
        return "not root, who could become another user"
    machine()
    bell = Button()
    bell.click()
    os.chmod(bell.path, 0o440)
    process = start("doctor", user=65534, group=65534, extra_groups=[])
    ends(process, 1)
    text = read()
    assert "may be read by root only" in text, text
    assert ("groupadd" in text) == (subprocess.run(["getent", "group", "gpio"], stdout=subprocess.DEVNULL,
                                                   check=False).returncode != 0), text
    return None


# --- 12: containers ---

def test_a_label_is_found_in_a_container():
    """A container has only the node /dev/button/LABEL, and the host's /sys."""
    bell = Button(path="root/dev/button/bell")
    for name in ("bell", "root/dev/button/bell"):
        process = begun(bell, "watch", "-n", "1", "--json", name)
        bell.press()
        ends(process, 0, name)
        equal(json.loads(read())["button"], "bell")


def test_a_label_is_found_without_sys():
    bell = Button(path="root/dev/button/bell", sysfs=False)
    process = begun(bell, "run", "-b", "bell", "--press=echo $BUTTON_IRQ_NAME >> done")
    bell.press()
    equal(has_lines(1, "done"), ["bell"])
    process.terminate()
    ends(process, 0)


def test_a_node_that_is_missing_in_a_container_is_named():
    bell = Button()
    os.unlink(bell.path)
    _, errors = run("watch", "bell", code=3)
    assert "no /dev/button_irq here" in errors and "--device /dev/button_irq" in errors, errors


# --- 13: as a service ---

def test_sighup_reloads_the_config():
    bell = Button()
    write("conf", "[bell]\npress = echo old >> done\n")
    process = begun(bell, "run", "-c", "conf")
    bell.press()
    has_lines(1, "done")
    write("conf", "[bell]\npress = echo new >> done\n[door]\npress = true\n")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reloaded: 2 buttons" in read("err"), "it reloads")
    bell.press()
    equal(has_lines(2, "done"), ["old", "new"])
    process.terminate()
    ends(process, 0)


def test_a_bad_config_is_reported_and_the_old_one_kept():
    bell = Button()
    write("conf", "[bell]\npress = echo old >> done\n")
    process = begun(bell, "run", "-c", "conf")
    write("conf", "[bell]\nprss = echo new >> done\n")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "not reloaded" in read("err"), "a message")
    assert "conf:2: prss = echo new >> done: none of press" in read("err"), read("err")
    bell.press()
    equal(has_lines(1, "done"), ["old"])
    os.unlink("conf")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "conf: No such file" in read("err"), "a message")
    bell.press()
    has_lines(2, "done")


def test_a_reload_loses_no_event_and_no_gesture():
    bell = Button()
    text = "[bell]\nclick = echo click >> done\nhold-time = 1h\n"
    write("conf", text)
    process = begun(bell, "run", "-c", "conf")
    for i in range(10):
        bell.press()
        process.send_signal(signal.SIGHUP)
        wait_for(lambda i=i: read("err").count("reloaded") > i, "it reloads")
        bell.release()
        equal(len(has_lines(i + 1, "done")), i + 1, "clicks")


def notify_socket():
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind("notify")
    server.settimeout(DEADLINE)
    return server


def test_run_notifies_systemd_when_it_is_ready():
    server = notify_socket()
    bell = Button()
    write("conf", "[bell]\npress = echo \"${NOTIFY_SOCKET-none} ${WATCHDOG_USEC-none}\" >> done\n")
    process = start("run", "-c", "conf", env=dict(
        os.environ, NOTIFY_SOCKET=os.path.abspath("notify"), WATCHDOG_USEC="200000"))
    equal(server.recv(1000), b"READY=1")
    bell.press()
    equal(has_lines(1, "done"), ["none none"], "not for commands")
    for _ in range(3):
        equal(server.recv(1000), b"WATCHDOG=1")
    process.send_signal(signal.SIGHUP)
    seen = []
    while b"READY=1" not in seen:
        seen.append(server.recv(1000))
    assert any(re.match(rb"RELOADING=1\nMONOTONIC_USEC=\d+$", text) for text in seen), seen
    process.terminate()
    while server.recv(1000) != b"STOPPING=1":
        pass
    ends(process, 0)


# --- 14: gestures by the times of events ---

def test_a_hold_waits_while_the_line_bounces_in_settle_mode():
    """A release before the hold time that the driver reports long after, because bounces restarted its debounce window"""
    bell = Button(debounce_us=500_000, mode=1)
    process = begun(bell, "run", "--hold=echo hold >> done", "--click=echo click >> done", "--hold-time=700ms",
                    "--max-age=1h")
    pressed = bell.press()
    # Bounces continue until long after the hold would be due. Each restarts the window.
    while now() < pressed + 2 * S:
        bell.count_edge(bounces=1)
        time.sleep(0.01)
    bell.release(pressed + 650 * MS)
    equal(has_lines(1, "done"), ["click"])
    process.terminate()
    ends(process, 0)


def test_a_hold_fires_while_pressed_on_a_quiet_line():
    bell = Button(debounce_us=50000, mode=1)
    process = begun(bell, "wait", "hold=300ms")
    bell.press()
    bell.count_edge(bounces=1)
    ends(process, 0)


def test_a_hold_fires_without_sys():
    bell = Button(path="root/dev/button/bell", sysfs=False)
    process = begun(bell, "wait", "-b", "bell", "hold=100ms")
    bell.press()
    ends(process, 0)


def test_missed_ends_no_hold_that_was_due_before():
    bell = Button()
    process = begun(bell, "run", "--hold=echo $BUTTON_IRQ_SEQ >> done", "--hold-time=200ms", "--max-age=1h")
    process.send_signal(signal.SIGSTOP)
    pressed = bell.press()
    wait_for(lambda: now() > pressed + 300 * MS, "the hold is due")
    bell.emit(MISSED, count=1)
    process.send_signal(signal.SIGCONT)
    equal(has_lines(1, "done"), ["1"])


# --- 15: calibrate ---

def lab(chips, edges=()):
    """chips: (label, lines, {offset: name}); edges: (milliseconds, level of the line)"""
    for i, (label, lines_, names) in enumerate(chips):
        write(f"root/dev/gpiochip{i}", f"{label}\n{lines_}\n" + "".join(f"{o} {n}\n" for o, n in names.items()))
    seqs = itertools.count(1)
    write("root/edges", "".join(f"{int(ms * MS)} {level} {next(seqs)}\n" for ms, level in edges))
    os.makedirs("root/libexec", exist_ok=True)
    shutil.copy(os.path.join(DIRECTORY, "calibrate"), "root/libexec/calibrate")


def presses(n, bounce=2.0):
    """n presses of an active-low button; contacts close with one bounce each."""
    for i in range(n):
        t = 1000 + 300 * i
        yield from ((t, 0), (t + bounce / 2, 1), (t + bounce, 0), (t + 100, 1))


PI = ("pinctrl-bcm2711", 54, {17: "GPIO17"})


def test_calibrate_recommends_what_it_recorded():
    lab([PI], presses(10))
    out, _ = run("calibrate", "GPIO17")
    assert "20 movements, 40 edges, the longest bounce 2.000 ms: debounce_us=3000" in out, out
    assert "dtoverlay=button-irq,gpio=17,gpio_pull=up,active_low=1,debounce_us=3000\n" in out, out
    equal(read("root/request"), "gpiochip0 17 pull-up 1\n")


def test_calibrate_l_is_active_low_as_for_gpiomon():
    for options, active_low, pull in ((["-l"], 1, "up"), (["--active-low"], 1, "up"),
                                      (["--active-high", "-B", "pull-down"], 0, "down")):
        lab([PI], presses(10))
        out, _ = run("calibrate", *options, "GPIO17")
        assert f"gpio_pull={pull},active_low={active_low}," in out, out


def test_calibrate_does_not_name_a_pull_that_it_did_not_set():
    lab([PI], presses(10))
    out, _ = run("calibrate", "-B", "as-is", "GPIO17")
    assert "pull=as-is" in out and "pull=up" not in out, out
    write("root/no-pull", "")
    out, errors = run("calibrate", "GPIO17")
    assert "cannot set a pull" in errors and "pull=as-is" in out and "pull=up" not in out, out


def test_calibrate_finds_header_lines_without_names():
    lab([("other", 8, {}), ("pinctrl-rp1", 54, {})], presses(10))
    run("calibrate", "GPIO17")
    equal(read("root/request"), "gpiochip1 17 pull-up 1\n")
    # A line with this name takes precedence, whatever its chip.
    lab([("pinctrl-rp1", 54, {}), ("expander", 8, {3: "GPIO17"})], presses(10))
    run("calibrate", "GPIO17")
    equal(read("root/request"), "gpiochip1 3 pull-up 1\n")
    for name in "GPIO54", "gpio54", "gpio", "gpio17x", "17":
        assert "On a Raspberry Pi's header: gpio17" in run("calibrate", name, code=1)[1], name


def test_calibrate_takes_the_drivers_spelling_on_every_model():
    for label in "pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1":
        for names in {}, {17: "GPIO17"}:
            lab([(label, 54, names)], presses(10))
            run("calibrate", "gpio17")
            equal(read("root/request"), "gpiochip0 17 pull-up 1\n")


def test_calibrate_names_the_overlay_that_the_device_tree_takes():
    lab([("pinctrl-rp1", 54, {})], presses(10))
    assert "dtoverlay=button-irq,gpio=17" in run("calibrate", "gpio17")[0]
    rp1(0)
    assert "dtoverlay=button-irq-rp1,gpio=17" in run("calibrate", "gpio17")[0]


def test_calibrate_keeps_away_from_lines_that_stop_the_machine():
    lab([("pinctrl-rp1", 54, {})], presses(10))
    run("calibrate", "gpio28")
    rp1(0)
    run("calibrate", "gpio27")
    os.unlink("root/request")
    assert "no interrupt of GPIO28 to 53" in run("calibrate", "gpio28", code=1)[1]
    assert not os.path.exists("root/request")


def test_calibrate_takes_no_offset_that_only_overflows_to_a_line():
    lab([PI], presses(10))
    for offset in (1 << 32) + 17, 54, 1 << 64, (1 << 64) + 17:
        for name in f"gpiochip0:{offset}", f"pinctrl-bcm2711:{offset}", f"GPIO{offset}":
            assert "no such line" in run("calibrate", name, code=1)[1], name
    run("calibrate", "gpiochip0:17")
    run("calibrate", "pinctrl-bcm2711:17")


def test_calibrate_ends_on_a_line_that_never_rests():
    lab([PI], ((10 * i, i % 2) for i in range(100000)))
    out, errors = run("calibrate", "GPIO17", code=1)
    equal(out, "")
    assert "the line floats, or carries a signal" in errors, errors


def test_calibrate_recommends_no_more_than_the_driver_takes():
    lab([PI], ((2000 * i + 20 * k, (i + k) % 2) for i in range(20) for k in range(49)))
    out, _ = run("calibrate", "-n", "5", "GPIO17")
    assert "debounce_us=1000000\n" in out and "the most that the driver takes" in out, out


def test_calibrate_reports_lost_edges():
    lab([PI], presses(10))
    text = lines("root/edges")
    write("root/edges", "".join(line + "\n" for i, line in enumerate(text) if i not in (5, 6)))
    assert "2 edges came too fast to be recorded" in run("calibrate", "GPIO17")[1]
    lab([PI], ((300 * i + 0.001 * k, k % 2) for i in range(100) for k in range(1001)))
    assert "stopped at 65536 edges" in run("calibrate", "-n", "1000", "GPIO17")[1]


def test_calibrate_is_ascii_in_the_c_locale():
    lab([PI], presses(10))
    assert not run("calibrate", "GPIO17")[0].isascii()
    out, _ = run("calibrate", "GPIO17", env=dict(os.environ, LC_ALL="C"))
    assert out.isascii(), out


def test_calibrate_fits_narrow_terminals():
    for columns in 70, 120:
        lab([PI], presses(10))
        process, leader = on_terminal("calibrate", "GPIO17", columns=columns)
        text = terminal_text(leader)
        ends(process, 0)
        pictures = [line for line in text.splitlines() if line.startswith(("  press ", "  release "))]
        assert pictures and max(map(len, pictures)) <= columns, text


def test_calibrate_writes_a_picture_whatever_the_label():
    lab([('a<b>&"c', 8, {})], presses(10))
    run("calibrate", "--svg=picture.svg", "gpiochip0:4")
    texts = [node.firstChild.data for node in xml.dom.minidom.parse("picture.svg").getElementsByTagName("text")]
    assert texts[0].startswith('a<b>&"c:4, '), texts[0]
    assert "/dev/full" in run("calibrate", "--svg=/dev/full", "gpiochip0:4", code=1)[1]


def test_calibrate_names_the_wrong_option():
    lab([PI])
    equal(run("calibrate", "--nonsense", code=2)[1],
          "button-irq: unrecognized option '--nonsense'\nTry 'button-irq calibrate --help'.\n")
    for args, text in ((["-B", "sideways"], "--bias=sideways"), (["-n", "0"], "--presses=0"), ([], "one line"),
                       (["-t", "soon"], "--timeout=soon")):
        assert text in run("calibrate", *args, code=2)[1]
    assert "no edge in 60 s" in run("calibrate", "GPIO17", code=1)[1]


# --- 16: the config ---

def test_config_errors_have_line_numbers_and_are_all_reported():
    write("conf", "[a]\nhold-time = 1s\n\n[b]\nhold-time = 1s\n")
    equal(run("run", "--check", "-c", "conf", code=2)[1], "conf:1: [a] has no command\nconf:4: [b] has no command\n")


def test_a_byte_order_mark_is_no_error():
    write("conf", "\ufeff[a]\npress = true\n")
    run("run", "--check", "-c", "conf")
    with open("conf", "wb") as file:
        file.write("[a]\npress = true\n".encode("utf-16"))
    equal(run("run", "--check", "-c", "conf", code=2)[1], "conf:1: the file is in UTF-16: save it as UTF-8\n")


def test_options_and_config_do_not_mix():
    write("conf", "[a]\npress = true\n")
    for args in (["-c", "conf", "--press=x"], ["--check", "--press=x"], ["-b", "a", "-c", "conf"]):
        _, errors = run("run", *args, code=2)
        assert "instead of a config file" in errors, errors


def test_root_runs_no_config_that_others_can_write():
    if os.geteuid():
        return "not root"
    bell = Button()
    write("conf", "[bell]\npress = true\n")
    for mode in (0o664, 0o646):
        os.chmod("conf", mode)
        for args in (["--check"], []):
            equal(run("run", "-c", "conf", *args, code=2)[1],
                  "conf: can be written by others, so root does not run its commands (chmod go-w)\n")
    os.chmod("conf", 0o644)
    os.chown("conf", 65534, 0)
    equal(run("run", "-c", "conf", code=2)[1],
          "conf: belongs to nobody, so root does not run its commands (chown root)\n")
    os.chown("conf", 0, 0)
    process = begun(bell, "run", "-c", "conf")
    process.terminate()
    ends(process, 0)
    return None


def test_commands_inherit_no_descriptor():
    bell = Button()
    process = begun(bell, "run", "--press=ls /proc/self/fd | paste -sd ' ' > fds.new; mv fds.new fds")
    bell.press()
    wait_for(lambda: os.path.exists("fds"), "the command runs")
    # 3 is the directory that ls reads.
    equal(lines("fds"), ["0 1 2 3"])
    process.terminate()
    ends(process, 0)


def test_a_device_never_becomes_a_standard_descriptor():
    bell = Button()
    process = begun(bell, "run", "--press=echo press >> done", stdin=None, stdout=None, stderr=None,
                    preexec_fn=lambda: os.closerange(0, 3))
    bell.press()
    has_lines(1, "done")
    for fd in range(3):
        equal(os.readlink(f"/proc/{process.pid}/fd/{fd}"), "/dev/null")
    process.terminate()
    ends(process, 0)


def test_conf_d_adds_buttons():
    bell, door = Button(), Button(node="button_irq1", label="door")
    write("root/etc/button-irq.conf.d/10-door.conf", "[door]\npress = echo door >> done\n")
    write("root/etc/button-irq.conf.d/ignored", "nonsense\n")
    process = begun(door, "run")
    door.press()
    has_lines(1, "done")
    write("root/etc/button-irq.conf", "[bell]\npress = echo bell >> done\n")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: bell.is_open(process.pid), "the other button")
    bell.press()
    equal(has_lines(2, "done"), ["door", "bell"])
    process.terminate()
    ends(process, 0)
    write("root/etc/button-irq.conf.d/20-bell.conf", "[bell]\npress = true\n")
    _, errors = run("run", "--check", code=2)
    assert "20-bell.conf:1: [bell]: this button has a section already" in errors, errors


def test_without_any_config_the_default_file_is_named():
    assert "/etc/button-irq.conf: No such file" in run("run", code=1)[1]


# --- 17: output ---

def on_terminal(*args, columns=200, env=None):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    process = start(*args, stdout=follower, env=dict(os.environ, TERM="xterm", **(env or {})))
    os.close(follower)
    return process, leader


def terminal_text(leader):
    text = b""
    with contextlib.suppress(OSError):
        while select.select([leader], [], [], DEADLINE)[0]:
            piece = os.read(leader, 4096)
            if not piece:
                break
            text += piece
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


def test_colours_honour_no_color_and_dumb_terminals():
    bell = Button()
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)):
        leader, follower = pty.openpty()
        process = begun(bell, "watch", "-n", "1", stdout=follower, env={**os.environ, "TERM": "xterm", **env})
        os.close(follower)
        bell.press()
        ends(process, 0)
        equal("\033[" in terminal_text(leader), coloured, str(env))


def test_status_fits_narrow_terminals():
    Button(label="tür")
    process, leader = on_terminal("status", columns=60)
    ends(process, 0)
    text = terminal_text(leader)
    assert max(map(len, text.splitlines())) <= 60, text
    assert "  label          tür\n" in text, text
    process, leader = on_terminal("status", columns=160)
    ends(process, 0)
    equal(len(terminal_text(leader).splitlines()), 2)


def test_status_shows_glitches_where_the_driver_counts_them():
    bell = Button()
    assert "GLITCHES" not in run("status")[0]
    bell.gone()
    bell = Button(files={"glitches": 7})
    head, row = run("status")[0].splitlines()
    equal(dict(zip(head.split(), row.split()))["GLITCHES"], "7")


def test_status_json_has_an_object_for_each_button():
    Button(label='b"17', files={"glitches": 7})
    Button(node="button_irq1", label="17")
    first, second = json.loads(run("status", "--json")[0])
    equal((first["node"], first["label"], first["glitches"], first["state"]), ("button_irq", 'b"17', 7, "released"))
    equal((second["label"], second["presses"], "glitches" in second), ("17", 0, False))


def test_json_has_whole_nanoseconds_of_both_clocks():
    bell = Button()
    at = 1_234_567_890_123_456_789
    process = begun(bell, "watch", "--json", "-n", "2")
    bell.press(at)
    bell.release(at + 1001)
    ends(process, 0)
    press, release = map(json.loads, lines())
    equal((press["time_ns"], press["monotonic_ns"], press["realtime_ns"]), (at, at, at + REALTIME_NS))
    equal((release["held_ns"], release["realtime_ns"]), (1001, at + 1001 + REALTIME_NS))
    run("watch", "--json", "-n", "1", "--clock=realtime", "--history")
    press = json.loads(read())
    equal((press["time_ns"], press["monotonic_ns"], press["realtime_ns"]),
          (at + REALTIME_NS, at, at + REALTIME_NS))


def test_json_is_valid_whatever_the_label():
    for i, label in enumerate(('q"\\', "tab\tx", "\x1b[31m", "\udcff\udcfe", "tür", "\x7f")):
        button = Button(node=f"button_irq{i or ''}", label=label)
        process = begun(button, "watch", "--json", "-n", "1", f"button_irq{i or ''}")
        button.press()
        ends(process, 0, label)
        equal(json.loads(read())["button"], label.replace("\udcff", "\ufffd").replace("\udcfe", "\ufffd"))


# --- 18: what gpiomon's users miss ---

def test_events_are_filtered():
    bell = Button()
    process = begun(bell, "watch", "--events=release,missed", "-n", "2")
    bell.click()
    bell.emit(MISSED, count=4)
    ends(process, 0)
    equal([line.split()[2] for line in lines()], ["release", "missed"])
    run("watch", "--events=press,tickle", code=2)


def test_format_and_localtime_print_all_fields():
    bell = Button()
    process = begun(bell, "watch", "--format=%b|%d|%e|%s|%t|%n|%h|%c|%%", "-n", "2")
    at = bell.press()
    bell.release(at + 1_500_000_000)
    ends(process, 0)
    seconds = f"{at // S}.{at % S:09}"
    equal(lines()[0], f"bell|/dev/button_irq|press|1|{seconds}|{at}|0.000000000|0|%")
    equal(lines()[1].split("|")[6], "1.500000000")
    run("watch", "--format=%x", code=2)
    run("watch", "--format=%", code=2)
    process = begun(bell, "watch", "--localtime", "--format=%t", "-n", "1", env=dict(os.environ, TZ="UTC"))
    at = bell.press(5_000_000_000)
    ends(process, 0)
    whole = at + REALTIME_NS
    equal(read(), time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole // S)) + f".{whole % S:09}\n")
    run("watch", "--localtime", "--clock=boottime", code=2)
    run("watch", "--json", "--quiet", code=2)


def test_quiet_prints_nothing():
    bell = Button()
    process = begun(bell, "watch", "--quiet", "-n", "1")
    bell.press()
    ends(process, 0)
    process = begun(bell, "wait", "--quiet", "press")
    bell.press()
    ends(process, 0)
    equal(read(), "")


def test_repeat_runs_while_held():
    bell = Button()
    process = begun(bell, "run", "--repeat=echo $BUTTON_IRQ_EVENT $BUTTON_IRQ_HELD >> done", "--hold-time=100ms",
                    "--repeat-time=50ms")
    bell.press()
    has_lines(3, "done")
    bell.release()
    process.terminate()
    ends(process, 0)
    equal(sorted(set(lines("done")))[:3],
          ["repeat 0.150000000", "repeat 0.200000000", "repeat 0.250000000"])
    run("run", "--repeat=true", "--repeat-time=1ms", code=2)


# --- 19: gestures, absence and the reader's end, for programs that read JSON ---

GESTURES = "--events=press,release,click,double,hold,repeat,lost,missed"


def test_watch_prints_gestures_between_the_events():
    bell = Button()
    at = now() - 10 * S
    bell.click(at)
    bell.click(at + 1 * S)
    bell.click(at + 1 * S + 200 * MS)
    bell.press(at + 3 * S)
    bell.release(at + 4 * S + 100 * MS)
    bell.emit(MISSED, at + 5 * S, count=2)
    run("watch", "--history", GESTURES, "--repeat-time=1h", "-n", "12")
    equal([line.split()[2] for line in lines()],
          "press release click press release press double release press hold release missed".split())
    fields = [line.split() for line in lines()]
    equal(fields[2], ["2", f"{(at + 50 * MS) // S}.{(at + 50 * MS) % S:09}", "click", "0.050000000"], "click")
    equal(fields[9], ["7", f"{(at + 4 * S) // S}.{(at + 4 * S) % S:09}", "hold", "1.000000000"], "hold")


def test_watch_gesture_json_has_both_clocks():
    bell = Button()
    at = now() - 10 * S
    bell.click(at)
    bell.press(at + S)
    run("watch", "--json", "--history", "--events=click,hold", "-n", "2", "--hold-time=200ms")
    click, hold = map(json.loads, lines())
    equal((click["event"], click["seq"], click["monotonic_ns"], click["realtime_ns"], click["held_ns"]),
          ("click", 2, at + 50 * MS, at + 50 * MS + REALTIME_NS, 50 * MS))
    equal((hold["event"], hold["seq"], hold["monotonic_ns"], hold["realtime_ns"], hold["held_ns"]),
          ("hold", 3, at + S + 200 * MS, at + S + 200 * MS + REALTIME_NS, 200 * MS))
    assert "bounces" not in click and "count" not in hold and "type" not in hold, (click, hold)


def test_watch_hold_is_printed_while_pressed():
    bell = Button()
    process = begun(bell, "watch", "--events=hold,repeat", "--hold-time=100ms", "--repeat-time=50ms", "-n", "3")
    bell.press()
    ends(process, 0)
    equal([line.split()[2:] for line in lines()],
          [["hold", "0.100000000"], ["repeat", "0.150000000"], ["repeat", "0.200000000"]])


def test_watch_click_waits_only_if_doubles_are_wanted():
    bell = Button()
    process = begun(bell, "watch", "--events=click", "--double-time=1h", "-n", "1")
    bell.click()
    ends(process, 0)
    process = begun(bell, "watch", "--events=click,double", "--double-time=1h", "-n", "1")
    bell.click()
    bell.click()
    ends(process, 0)
    equal([line.split()[2] for line in lines()], ["double"])


def test_watch_prints_no_more_than_count_lines():
    bell = Button()
    process = begun(bell, "watch", "--events=release,click", "-n", "1")
    bell.click()
    ends(process, 0)
    equal([line.split()[2] for line in lines()], ["release"])


def test_watch_gestures_do_not_span_a_rebind():
    bell = Button()
    process = begun(bell, "watch", "-f", "--events=click,hold,absent", "--hold-time=1h", "-n", "2")
    bell.press()
    bell.gone()
    has_lines(1)
    bell = Button()
    wait_for(lambda: bell.is_open(process.pid), "opened again")
    bell.release()
    bell.click()
    ends(process, 0)
    equal([line.split()[::2] for line in lines()], [["0", "absent"], ["3", "click"]])


def test_watch_gestures_have_no_other_clock():
    for clock in ("--clock=realtime", "--localtime"):
        _, errors = run("watch", clock, "--events=press,click", code=2)
        assert "monotonic" in errors, errors
    for option in ("--double-time=0", "--hold-time=x", "--repeat-time=9ms"):
        _, errors = run("watch", option, code=2)
        assert option in errors, errors


def test_watch_reports_why_a_button_is_absent():
    os.makedirs("root/dev")
    process = start("watch", "-f", "--json", "--state", "--events=press,absent", "bell", user=65534)
    equal(json.loads(has_lines(1)[0]), {"button": "bell", "seq": 0, "clock": "monotonic", "event": "absent",
                                        "reason": "missing"})
    bell = Button(path="root/elsewhere/button_irq")
    os.chmod("root/elsewhere/button_irq", 0)
    os.rename("root/elsewhere/button_irq", "root/dev/button_irq")
    bell.path = "root/dev/button_irq"
    equal(json.loads(has_lines(2)[1])["reason"], "permission")
    os.chmod("root/dev/button_irq", 0o644)
    wait_for(lambda: bell.is_open(process.pid), "opened")
    bell.gone()
    wait_for(lambda: json.loads(lines()[-1]).get("reason") == "missing", "gone")
    equal(json.loads(lines()[-1])["device"], "/dev/button_irq")
    equal(json.loads(lines()[-2])["event"], "state")


def test_watch_prints_no_absence_unless_asked():
    bell = Button()
    process = begun(bell, "watch", "-f", "-n", "1")
    bell.gone()
    bell = Button()
    wait_for(lambda: bell.is_open(process.pid), "opened again")
    bell.press()
    ends(process, 0)
    equal([line.split()[2] for line in lines()], ["press"])


def test_watch_ends_with_the_reader_of_its_output():
    bell = Button()
    for make in (os.pipe, lambda: [end.detach() for end in socket.socketpair()]):
        ours, theirs = make()
        process = begun(bell, "watch", "--follow", stdout=theirs)
        os.close(theirs)
        wait_for(lambda p=process: asleep(p), "it waits")
        os.close(ours)
        ends(process, -signal.SIGPIPE)


def test_watch_does_not_take_input_for_the_end_of_its_reader():
    bell = Button()
    ours, theirs = socket.socketpair()
    process = begun(bell, "watch", "-n", "1", stdout=theirs)
    ours.send(b"hello\n")
    bell.press()
    ends(process, 0)
    assert b"press" in ours.recv(100), "no press"


def test_watch_timeout_is_not_put_off_by_other_files():
    Button()
    process = start("watch", "--follow", "--timeout=300ms")
    n = itertools.count()
    wait_for(lambda: write(f"root/dev/other{next(n)}", "") or process.poll() is not None, "the time is over")
    equal(process.returncode, 0)


def cleanup():
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
    running.clear()


def main(space, wanted):
    """Runs the functions test_... of a module's namespace, or only the wanted ones."""
    tests = [(name[5:], test) for name, test in space.items() if name.startswith("test_")]
    tests = [(name, test) for name, test in tests if not wanted or name in wanted]
    top = os.getcwd()
    failed = 0
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ["PYTHONWARNINGS"] = "ignore"
    print("TAP version 13")
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        directory = tempfile.mkdtemp()
        os.chmod(directory, 0o777)
        os.chdir(directory)
        trouble = skipped = None
        try:
            skipped = test()
            text = read("err") if os.path.exists("err") else ""
            if re.search("Sanitizer|runtime error", text):
                trouble = text
        except Exception:  # pylint: disable=broad-except
            trouble = traceback.format_exc() + (read("err") if os.path.exists("err") else "")
        finally:
            cleanup()
            os.chdir(top)
            # Ignore errors: commands that still run may write into the directory.
            shutil.rmtree(directory, ignore_errors=True)
        if trouble:
            failed += 1
            print("".join(f"# {line}\n" for line in trouble.splitlines()), end="")
        print(f"{'not ' if trouble else ''}ok {number} {name}{f' # SKIP {skipped}' if skipped else ''}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(globals(), sys.argv[3:]))
