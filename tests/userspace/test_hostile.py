#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""test_hostile.py DIRECTORY COMPLETION [TEST...]: tests the button-irq command on faked buttons, with hostile files, names, pipes
and signals. The arguments are those of test_command.py."""

import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import test_command as command
from test_command import (
    FENCE, PI, S, Button, asleep, begun, complete, doctor, ends, equal, fence, full_pipe, has_lines, lab, lines, machine, now,
    presses, read, run, start, wait_for, write,
)


# --- Paths that are not config files ---

def test_a_reload_does_not_wait_for_a_pipe():
    bell = Button()
    write("conf", "[bell]\npress = echo press >> done\n")
    process = begun(bell, "run", "-c", "conf")
    os.unlink("conf")
    os.mkfifo("conf")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "not reloaded" in read("err"), "a refusal")
    bell.press()
    has_lines(1, "done")
    process.terminate()
    ends(process, 0)


def test_a_config_can_come_from_a_pipe_at_the_start():
    bell = Button()
    reader, writer = os.pipe()
    process = start("run", "-c", f"/dev/fd/{reader}", pass_fds=[reader])
    os.close(reader)
    time.sleep(0.1)
    os.write(writer, b"[bell]\npress = echo press >> done\n")
    os.close(writer)
    wait_for(lambda: bell.is_open(process.pid), "opened")
    bell.press()
    has_lines(1, "done")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "not reloaded" in read("err"), "it cannot be read twice")
    bell.press()
    has_lines(2, "done")


def test_a_directory_is_no_config():
    os.mkdir("conf")
    assert "conf: Is a directory" in run("run", "--check", "-c", "conf", code=1)[1], read("err")
    os.makedirs("root/etc/button-irq.conf.d/10.conf")
    assert "10.conf: Is a directory" in run("run", "--check", code=1)[1], read("err")


def limited(kind, limit):
    """A preexec_fn that sets a resource limit"""
    return lambda: resource.setrlimit(kind, (limit, limit))


def test_an_endless_file_is_no_config():
    for source in ("yes", "tr '\\0' x < /dev/zero", "cat /dev/zero", "yes '[a]'", "awk 'BEGIN { for (;;) print \"[\" ++i \"]\" }'"):
        feeder = subprocess.Popen(["sh", "-c", source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        _, errors = run("run", "--check", "-c", f"/dev/fd/{feeder.stdout.fileno()}", code=2, pass_fds=[feeder.stdout.fileno()],
                        preexec_fn=limited(resource.RLIMIT_FSIZE, 1 << 20))
        feeder.stdout.close()
        feeder.kill()
        feeder.wait()
        assert len(errors) < 100_000, f"{source}: {len(errors)} bytes of errors"
        assert len(errors.splitlines()) <= 60, f"{source}: {len(errors.splitlines())} errors"


def test_ten_thousand_wrong_lines_are_reported_in_brief_and_whole():
    write("conf", "".join(f"line {i} is wrong\n" for i in range(10_000)))
    # A pipe has room for less than 10,000 lines.
    reader, writer = os.pipe()
    process = start("run", "--check", "-c", "conf", stderr=writer)
    os.close(writer)
    ends(process, 2)
    with open(reader, encoding="utf-8") as pipe:
        text = pipe.read()
    assert text.endswith("\n") and "9950 more" in text, text[-300:]
    equal(len(text.splitlines()), 51)


def test_a_long_message_is_whole_or_lost():
    """The pipe has room for only a part of the message."""
    reader, writer = full_pipe()
    os.read(reader, 4096)
    write("conf", "".join(f"line {i} is wrong {'x' * 200}\n" for i in range(50)))
    process = start("run", "--check", "-c", "conf", stderr=writer)
    os.close(writer)
    ends(process, 2)
    with open(reader, "rb") as pipe:
        text = pipe.read().lstrip(b"x")
    assert not text or text.endswith(b"\n"), text[-100:]


def test_thousands_of_buttons_in_a_config():
    bell = Button()
    n = 1000
    write("conf", "".join(f"[none{i}]\npress = true\n[{os.path.abspath('none')}/{i}]\npress = true\n" for i in range(n // 2 - 1)) +
          "[bell]\npress = echo press >> done\n")
    process = begun(bell, "run", "-c", "conf")
    bell.press()
    has_lines(1, "done")
    process.terminate()
    ends(process, 0)
    write("conf", "".join(f"[none{i}]\npress = true\n" for i in range(1001)))
    assert "more than 1000 buttons" in run("run", "-c", "conf", code=2)[1], read("err")


def test_a_command_that_cannot_be_started_is_an_error_of_the_config():
    bell = Button()
    for length, code in ((131_072, 2), (131_071, 0)):
        write("conf", f"[bell]\npress = : >> done; : {'x' * (length - len(': >> done; : '))}\n")
        _, errors = run("run", "--check", "-c", "conf", code=code)
        assert ("131071" in errors) == (code == 2), errors[-300:]
    begun(bell, "run", "-c", "conf")
    bell.press()
    wait_for(lambda: os.path.exists("done"), "the longest command")


def test_an_unreadable_directory_of_configs_is_an_error():
    if os.geteuid():
        return "not root, who could become another user"
    Button()
    write("root/etc/button-irq.conf", "[bell]\npress = true\n")
    write("root/etc/button-irq.conf.d/10.conf", "[door]\npress = true\n")
    os.chmod("root/etc/button-irq.conf.d", 0o700)
    process = start("run", "--check", user=65534, group=65534, extra_groups=[])
    ends(process, 1)
    assert "button-irq.conf.d: Permission denied" in read("err"), read("err")
    os.chmod("root/etc/button-irq.conf.d", 0o755)
    os.chmod("root/etc", 0o600)
    process = start("run", "--check", user=65534, group=65534, extra_groups=[])
    ends(process, 1)
    assert "Permission denied" in read("err"), read("err")
    return None


def test_a_directory_of_configs_that_others_can_write_is_refused():
    if os.geteuid():
        return "not root"
    write("root/etc/button-irq.conf.d/10.conf", "[door]\npress = true\n")
    os.chmod("root/etc/button-irq.conf.d", 0o777)
    assert "can be written by others" in run("run", "--check", code=2)[1], read("err")
    return None


# --- Signals ---

def ignoring(*signals):
    """A preexec_fn that ignores signals, as nohup does"""
    def ignore():
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
    return ignore


def test_nohup_keeps_run_alive():
    bell = Button()
    process = begun(bell, "run", "--release=echo release >> done", *FENCE, preexec_fn=ignoring(signal.SIGHUP))
    process.send_signal(signal.SIGHUP)
    fence(process, bell, 1)
    process.terminate()
    ends(process, 0)


def test_nohup_keeps_no_reload_away():
    bell = Button()
    write("conf", "[bell]\npress = true\n")
    process = begun(bell, "run", "-c", "conf", preexec_fn=ignoring(signal.SIGHUP))
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reloaded: 1 button" in read("err"), "it reloads")


def test_failures_are_reported_where_sigchld_was_ignored():
    bell = Button()
    begun(bell, "run", "--press=exit 7", preexec_fn=ignoring(signal.SIGCHLD))
    bell.press()
    wait_for(lambda: "exit code 7" in read("err"), "the failure")


def test_a_storm_of_signals_loses_nothing():
    bell = Button()
    write("conf", "[bell]\nclick = echo click >> done\nmax-age = 1h\n")
    process = begun(bell, "run", "-c", "conf")
    for i in range(200):
        process.send_signal((signal.SIGHUP, signal.SIGCHLD, signal.SIGSTOP)[i % 3])
        process.send_signal(signal.SIGCONT)
        if i % 20 == 10:
            bell.click()
    wait_for(lambda: len(lines("done")) == 10, "ten clicks")
    process.terminate()
    ends(process, 0)


def test_repeats_that_are_too_old_are_reported_once():
    bell = Button()
    process = begun(bell, "run", "--repeat=true", "--repeat-time=10ms", "--hold-time=10ms", "--max-age=100ms", FENCE[0])
    process.send_signal(signal.SIGSTOP)
    at = bell.press()
    wait_for(lambda: now() > at + S, "many repeats are old")
    bell.release()
    process.send_signal(signal.SIGCONT)
    # On a busy machine a later press may be too old, too, so press again and again.
    wait_for(lambda: bell.click() and lines("fence"), "a new press is run")
    old = [line for line in lines("err") if "old" in line and "repeat 1 " in line]
    equal(len(old), 1, "messages")


def test_watch_survives_the_end_of_the_reader_of_its_messages():
    bell = Button()
    reader, writer = os.pipe()
    process = begun(bell, "watch", "--follow", stderr=writer)
    os.close(writer)
    os.close(reader)
    bell.gone()
    bell = Button()
    wait_for(lambda: process.poll() is not None or bell.is_open(process.pid), "opened again")
    equal(process.poll(), None, "it runs")
    bell.press()
    has_lines(1)
    process.terminate()


def output_that_does_not_block(reader, writer):
    """The other end of standard output is set to O_NONBLOCK by another process, as some runtimes do."""
    bell = Button()
    for _ in range(3000):
        bell.emit(1, 1)
    fcntl.fcntl(writer, fcntl.F_SETFL, fcntl.fcntl(writer, fcntl.F_GETFL) | os.O_NONBLOCK)
    process = start("watch", "--history", "-n", "3000", stdout=writer)
    os.close(writer)
    wait_for(lambda: process.poll() is not None or asleep(process), "it waits for the reader")
    with open(reader, encoding="utf-8") as pipe:
        seen = pipe.read().splitlines()
    ends(process, 0)
    equal([line.split()[0] for line in seen], [str(n) for n in range(1, 3001)])


def test_pipe_that_does_not_block_is_waited_for():
    output_that_does_not_block(*os.pipe())


def test_socket_that_does_not_block_is_waited_for():
    ours, theirs = socket.socketpair()
    # Less than 3,000 lines
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    output_that_does_not_block(ours.detach(), theirs.detach())


# --- Buttons that vanish ---

def vanished():
    """A button that is gone right after it was opened: its FIFO has no writer."""
    button = Button(path="root/elsewhere/button_irq")
    os.close(button.fd)
    os.rename("root/elsewhere/button_irq", "root/dev/button_irq")
    os.chmod("root/dev/button_irq", 0o644)


def test_follow_survives_a_button_that_goes_once_it_was_opened():
    for options in ([], ["--state"], ["--json", "--state", "--history"], ["--events=hold,absent"]):
        os.makedirs("root/dev", exist_ok=True)
        process = start("watch", "--follow", "bell", *options)
        wait_for(lambda p=process: asleep(p), "it waits")
        vanished()
        wait_for(lambda p=process: p.poll() is not None or "gone" in read("err"), "it sees the end")
        equal(process.poll(), None, f"{options} runs ({read('err')})")
        shutil.rmtree("root")
        process.kill()
        process.wait()


def test_a_vanished_button_is_3():
    vanished()
    for args in (["watch"], ["watch", "--state"], ["wait", "press"], ["watch", "--history", "--json", "-n", "1"]):
        run(*args, code=3)


def test_a_loop_of_links_is_an_error_and_waited_for():
    bell = Button()
    os.symlink("loop", "loop")
    assert "Too many levels" in run("watch", "./loop", code=1)[1], read("err")
    process = start("watch", "--follow", "-n", "1", "./loop")
    wait_for(lambda: "Too many levels of symbolic links, waiting" in read("err"), "a message")
    os.unlink("loop")
    os.symlink("root/dev/button_irq", "loop")
    wait_for(lambda: bell.is_open(process.pid), "opened")
    bell.press()
    ends(process, 0)


def test_an_empty_name_is_wrong_usage():
    Button()
    for args in (["watch", ""], ["wait", "-b", "", "press"], ["state", ""], ["is-pressed", ""], ["run", "-b", "", "--press=true"]):
        assert "empty" in run(*args, code=2)[1], (args, read("err"))


def test_absent_alone_without_follow_is_wrong_usage():
    bell = Button()
    assert "--follow" in run("watch", "--events=absent", code=2)[1], read("err")
    # The Node package always requests absent events, among others.
    process = start("watch", "-n", "1", "--events=press,absent")
    wait_for(lambda: bell.is_open(process.pid), "opened")
    bell.press()
    ends(process, 0)


def test_a_state_that_sysfs_does_not_show_is_the_devices():
    bell = Button()
    bell.press()
    for text in ("", "\n", "odd\n"):
        write(f"{bell.dir}/state", text)
        equal(run("state")[0], "pressed\n")
        run("is-pressed")


def test_a_long_list_of_buttons_ends_in_dots():
    for i in range(150):
        Button(node=f"button_irq{i or ''}", label=f"label{i}")
    _, errors = run("watch", "bell", code=3)
    assert "there are: label0, label1, " in errors and errors.endswith(", ...\n"), errors


# --- Numbers and times ---

def test_limits_are_named():
    Button()
    for args, text in ((["watch", "-n", "1000000001"], "1000000000"), (["watch", "-t", "8d"], "7 days"), (["watch", "-t", "169h"], "7 days"),
                       (["wait", "-t", "1000000000h", "press"], "7 days"), (["run", "--press=x", "--hold-time=200h"], "7 days"),
                       (["watch", "-t", "0"], "--timeout=0"), (["watch", "-t", "99999999999999999999999999999"], "7 days")):
        assert text in run(*args, code=2)[1], (args, read("err"))
    process = start("wait", "-t", "168h", "press")
    wait_for(lambda: asleep(process), "it waits")


def test_dates_after_2038_and_far_away():
    bell = Button()
    base = command.REALTIME_NS
    for date in (2**31 * S, 2**32 * S + 5, 2**63, 2**64 - 1):
        at = date - base
        bell.emit(1, at)
        run("watch", "--history", "--localtime", "--format=%t", "-n", str(bell.seq), env=dict(os.environ, TZ="UTC"))
        equal(lines()[-1], time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(date // S)) + f".{date % S:09}")


def test_times_that_go_back_or_overflow_crash_nothing():
    bell = Button()
    for at in (2**64 - 1, 0, 2**63, 5, 2**64 - 1):
        for kind in (1, 2, 4, 3, 1, 1, 2, 2):
            bell.emit(kind, at, held=2**64 - 1, count=2**32 - 1)
    for options in ([], ["--json"], ["--color=always"], ["--format=%b%d%e%s%t%n%h%c"], ["--events=click,double,hold"]):
        run("watch", "--history", "--timeout=100ms", *options)
    process = begun(bell, "run", "--click=true", "--double=true", "--hold=true", *FENCE)
    fence(process, bell, 1)


# --- Text for terminals and parsers ---

def test_no_foreign_text_reaches_the_terminal_as_a_control():
    """A line's user chooses the name of its consumer: gpiomon -C $'\\e]0;...'"""
    evil = "\x1b]0;owned\x07\x9b31m\x7f"
    lab([PI])
    write("root/busy", evil + "\n")
    _, errors = run("calibrate", "GPIO17", code=1)
    assert "in use by" in errors, errors
    assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in errors), repr(errors)
    write("conf", f"[bell]\nclick{evil} = true\n")
    _, errors = run("run", "--check", "-c", "conf", code=2)
    assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in errors), repr(errors)


def test_a_picture_is_xml_whatever_the_label():
    import xml.dom.minidom
    lab([("a\udcff\udc80\x7f\x01\ufffe]]>", 8, {})], presses(10))
    run("calibrate", "--svg=picture.svg", "gpiochip0:4")
    xml.dom.minidom.parse("picture.svg")


def test_the_modprobe_line_can_be_pasted():
    lab([("my chip $(touch ran)", 8, {})], presses(10))
    out, _ = run("calibrate", "gpiochip0:4")
    line, = [line.split(None, 1)[1] for line in out.splitlines() if line.startswith("  modprobe:")]
    os.makedirs("bin")
    write("bin/modprobe", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n", 0o755)
    args = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, env={"PATH": "bin:" + os.environ["PATH"]}, check=True).stdout
    assert not os.path.exists("ran"), "pasting it runs the label"
    # The kernel's parameter parser accepts blanks within double quotes.
    equal(args.decode().splitlines()[:2], ["button_irq", 'line="my chip $(touch ran):4"'])


def test_a_chip_that_may_not_be_read_is_reported_once():
    if os.geteuid():
        return "not root, who could become another user"
    lab([PI], presses(10))
    os.chmod("root/dev/gpiochip0", 0)
    process = start("calibrate", "GPIO17", user=65534, group=65534, extra_groups=[])
    ends(process, 1)
    equal(read("err").count("Permission denied"), 1, read("err"))
    return None


def test_a_wrong_conversion_is_shown_whole():
    assert "'%é'" in run("watch", "--format=%é", code=2)[1], read("err")


def test_a_long_argument_leaves_the_message_whole():
    for args in (["watch", "--format=" + "x" * 5000 + "%x"], ["watch", "--events=" + "x" * 5000], ["x" * 5000], ["watch", "-t", "9" * 5000],
                 ["run", "--press=" + "x" * 100_000, "--press=y"], ["watch", "é" * 3000]):
        process = start(*args)
        process.wait(command.DEADLINE)
        errors = read("err")
        assert errors.endswith("\n") and len(errors) < 1200, (args[0], len(errors))
        assert "\udcc3" not in errors and "\udca9" not in errors, "half a character"


def test_every_command_works_in_the_c_locale_with_strange_bytes():
    for i, label in enumerate(("tür", "\udcff\udcfe", "日本" * 5, "\u202e", "x" * 31)):
        Button(node=f"button_irq{i or ''}", label=label).click()
    for locale in ("C", "C.UTF-8", "nonsense"):
        for args in (["status"], ["status", "--json"], ["state", "tür", "\udcff\udcfe"], ["watch", "--history", "-n", "1", "\udcff\udcfe"],
                     ["watch", "--history", "--color=always", "-n", "2", "tür", "日本" * 5], ["watch", "--history", "--json", "-n", "1", "\u202e"]):
            run(*args, env=dict(os.environ, LC_ALL=locale))
            if "--json" in args:
                json.loads(read())


# --- The kernel log, completion ---

def test_doctor_reads_the_end_of_a_long_kernel_log():
    machine(installed=True)
    filler = "".join(f"6,{i},{i},-;other: {'x' * 900}\n" for i in range(3000))
    write("root/dev/kmsg", filler + "3,9999,1,-;button_irq: gpio=17: the line is in use by lcd\n")
    doctor("gpio=17: the line is in use by lcd")


def test_completion_is_silent_when_a_button_goes():
    write("root/sys/class/button_irq/button_irq/label", "bell\n")
    # test -r succeeds, but reading fails, as if the button went in between.
    os.makedirs("root/sys/class/button_irq/button_irq1/label")
    assert "bell" in complete("button-irq", "watch", "")


# --- Descriptors ---

def test_full_and_closed_outputs_never_hang():
    bell = Button()
    bell.click()
    reader, writer = full_pipe()
    os.close(reader)
    for args in (["status"], ["state"], ["watch", "--history", "-n", "2"], ["--help"], ["doctor"], ["watch", "--banner"]):
        process = start(*args, stdout=writer)
        process.wait(command.DEADLINE)
        equal(process.returncode, -signal.SIGPIPE, str(args))
    os.close(writer)
    for args in (["status"], ["state"], ["watch", "--history", "-n", "2"], ["--help"], ["watch", "--banner", "-n", "1", "--history"]):
        process = start(*args, stdout=None, preexec_fn=lambda: os.close(1))
        process.wait(command.DEADLINE)
        assert process.returncode in (0, 1), (args, process.returncode)


def test_too_few_descriptors_are_reported():
    for i in range(40):
        Button(node=f"button_irq{i or ''}", label=f"b{i}")
    few = limited(resource.RLIMIT_NOFILE, 20)
    _, errors = run("watch", *[f"b{i}" for i in range(40)], code=1, preexec_fn=few)
    assert "Too many open files" in errors, errors
    write("conf", "".join(f"[b{i}]\npress = true\n" for i in range(40)))
    process = start("run", "-c", "conf", preexec_fn=few)
    wait_for(lambda: "Too many open files" in read("err"), "a message")
    process.send_signal(signal.SIGHUP)
    process.terminate()
    ends(process, 0)


if __name__ == "__main__":
    sys.exit(command.main(globals(), sys.argv[3:]))
