#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boots a kernel of the table "kernels" in QEMU and runs the kselftests, or a shell command, in it.

The machine is QEMU's "virt" board, or a Raspberry Pi (--board, see tests/pi/raspi.py). Unless --realtime is given, its time
counts instructions (-icount) and idle time passes at once, so results do not depend on how busy the host is.

On virt the guest can ask this program to change an input pin of the board's GPIO controller. The guest writes a command to
a page of memory that both share (ivshmem), and then writes to the pvpanic device, which makes QEMU pause the machine. This
program sets the pin through QEMU's qtest socket and resumes the machine. To the guest that is a synchronous call that takes
no time.
"""

import argparse
import base64
import collections
import errno
import json
import mmap
import os
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/pi"))

import raspi  # noqa: E402 pylint: disable=wrong-import-position

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "button_irq"

MACHINES = {
    "arm64": {
        "qemu": ["qemu-system-aarch64", "-M", "virt,gic-version=2,dtb-randomness=off",
                 "-cpu", "cortex-a72,cntfrq=1000000000", "-smp", "2", "-m", "1G"],
        "console": "ttyAMA0",
        "chip": "9030000.pl061",
        "qom_type": "pl061",
        "gpio_node": "/pl061@9030000",
        "idle": [0, 1, 2, 5, 6],            # inputs that are high at boot; 3 is the power key
        "wires": {4: 5, 7: 6},              # output -> the input that it drives, as through a jumper wire
    },
    **raspi.BOARDS,
}
MACHINES["armhf"] = {
    **MACHINES["arm64"],
    # highmem=off: without LPAE a kernel sees 4 GB of addresses. One CPU: to patch its text, 32-bit ARM stops all other CPUs,
    # hundreds of times while it boots. With -icount the CPUs take turns, and each patch waits until the CPUs that spin have
    # used up their turns: a boot of 2 s takes minutes.
    "qemu": ["qemu-system-arm", "-M", "virt,gic-version=2,highmem=off,dtb-randomness=off",
             "-cpu", "cortex-a15,cntfrq=1000000000", "-smp", "1", "-m", "1G"],
}

KERNEL_TROUBLE = re.compile(
    r"\bBUG\b|WARNING:|KASAN|KCSAN|UBSAN|possible (circular|recursive) locking|inconsistent lock state|"
    r"sleeping function called|Call trace:|Oops|rcu.*stall|refcount_t|nobody cared|unreferenced object|"
    r"soft lockup|blocked for more than|scheduling while atomic|Kernel panic|Unable to handle")

# Reports in the kernel log that no driver could avoid, as (pattern of the first line, of the last line, of a line after the
# first one that the report must contain)
ANY = re.compile("")
NOT_OURS = [
    # Without memory the driver core cannot remove the symlinks of a device link from sysfs. They are then in the way when the
    # same link is made again. The driver core goes on without them (button_irq_faults).
    (re.compile(r"WARNING: .* devlink_remove_symlinks\+|"
                r"sysfs: cannot create duplicate filename '\S+/(consumer|supplier):\S+'"), re.compile(r"el0t_64_sync\+"), ANY),
    # A controller is removed while a program, here the stimulus, has requested a line of it through the character device:
    # gpiolib leaks the line's consumer name (button_irq_lifetime).
    (re.compile("unreferenced object"), re.compile(r"el0t_64_sync\+"), re.compile(r"linereq_create\+")),
    # The same when the driver has the line, and the controller was removed before the driver could be linked to it
    # (button_irq_pairs).
    (re.compile("unreferenced object"), re.compile(r"__driver_probe_device\+"), re.compile(r"desc_set_label\+")),
    # A program binds a device whose controller is not there: the driver core keeps the reason for deferring the probe, but
    # not the device on its list of deferred ones, and so never frees the reason (button_irq_pairs).
    (re.compile("unreferenced object"), re.compile("invoke_syscall"), re.compile(r"device_set_deferred_probe_reason\+")),
    # A process has reached the limit of its memory cgroup (button_irq_hostile).
    (re.compile(r"button_irq_host\w* invoked oom-killer"), re.compile(r"memory: usage"), ANY),
]

MAGIC = 0x42495251
CALL = struct.Struct("<IIIIIIi")            # magic seq ack op line level result
OP_SET, OP_SET_ASLEEP, OP_SET_MASK, OP_PULSE, OP_PULSE_ASLEEP = range(1, 6)


class Failure(Exception):
    """The run cannot continue; the text says why."""


class Qmp:
    """QEMU's control socket. A command waits for its answer; events that arrive meanwhile are kept for event()."""

    def __init__(self, path):
        self.sock = connect(path)
        self.buffer = b""
        self.events = collections.deque()
        self.line()
        self.execute("qmp_capabilities")

    def event(self, timeout=None):
        """Returns the next event (or late answer), b"" if QEMU has ended, None after timeout seconds without any."""
        if self.events:
            return self.events.popleft()
        if timeout is not None and b"\n" not in self.buffer and not select.select([self.sock], [], [], timeout)[0]:
            return None
        return self.line()

    def line(self):
        while b"\n" not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return b""
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def send(self, command):
        self.sock.sendall(command)

    def execute(self, command, **arguments):
        self.send(json.dumps({"execute": command, "arguments": arguments, "id": command}).encode())
        while True:
            line = self.line()
            if not line:
                raise Failure(f"QEMU ended before it answered {command}")
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(line)
            elif answer.get("id") == command:
                if "error" in answer:
                    raise Failure(f"QEMU: {command}: {answer['error']['desc']}")
                return answer["return"]

    def find(self, qom_type):
        """Returns the path of the board's own device of that type; there must be exactly one."""
        parent = "/machine/unattached"
        found = [f"{parent}/{node['name']}" for node in self.execute("qom-list", path=parent)
                 if node["type"] == f"child<{qom_type}>"]
        if len(found) != 1:
            raise Failure(f"{len(found)} devices of type {qom_type} in this machine")
        return found[0]


def connect(path, seconds=20):
    """Connects to a socket that QEMU is about to open."""
    sock = socket.socket(socket.AF_UNIX)
    end = time.monotonic() + seconds
    while True:
        try:
            sock.connect(str(path))
            return sock
        except OSError:
            if time.monotonic() > end:
                raise Failure(f"QEMU does not open {path}") from None
            time.sleep(0.01)


class Machine:
    """One QEMU. start() boots it, serve() drives its pins until it is off."""

    def __init__(self, name, log, *, files=None, conf=None, append="", realtime=False, overlay=None, dtb=None,
                 board=None, serial=None, userland=None, rootfs=None, config=(), wires=True,
                 cpus=None, exact=False):
        self.name = name
        line = kernel_line(name)
        arch = line["arch"]
        self.userland = userland or arch
        self.rootfs = rootfs or (f"{self.userland}-debug" if line["suite"] == "debug" else self.userland)
        self.board_name = board
        self.board = MACHINES[board or arch]
        self.is_pi = "dtb" in self.board
        self.log = log
        self.files = files or {}
        self.conf = conf or {}
        self.append = append
        self.realtime = realtime
        self.overlay = overlay
        self.dtb = dtb
        self.serial = serial or f"file:{log}"
        self.config = config                    # a Raspberry Pi's config.txt, line by line
        self.wires = wires
        self.cpus = cpus                        # default: the board's
        self.exact = exact
        self.dir = Path(tempfile.mkdtemp(prefix="button_irq_vm."))
        self.process = None
        self.shm = None                         # the page with the guest's commands, on boards with PCI
        self.over = False                       # the demo has ended: the answer to the guest's request "over"
        self.changes = 0
        self.pending = collections.deque()      # changes to make once the guest sleeps
        self.looks, self.last_look = 0, None

    def initrd(self):
        """Writes two archives into one file, both of which the kernel unpacks: the userland, then the files of this run."""
        stage = self.dir / "stage"
        for part in (self.name, f"tests-{self.userland}"):
            overlay = TOP / "build/vm" / part / "overlay"
            if overlay.is_dir():
                shutil.copytree(overlay, stage, symlinks=True, dirs_exist_ok=True)
        (stage / "opt/button_irq").mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / "tests/vm/init.sh", stage / "init")
        for target, source in self.files.items():
            path = stage / target.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
        with open(stage / "run.conf", "w", encoding="utf-8") as conf:
            for key, value in self.conf.items():
                quoted = str(value).replace("'", "'\\''")
                conf.write(f"{key}='{quoted}'\n")
        path = self.dir / "initrd"
        with open(path, "wb") as out:
            with open(CACHE / "rootfs" / f"{self.rootfs}.cpio", "rb") as rootfs:
                shutil.copyfileobj(rootfs, out, 1 << 20)
            out.flush()
            # Reproducible to the byte: unpacking another archive would take another number of instructions.
            subprocess.run("find . -mindepth 1 -exec touch -h -d @0 {} + && find . -mindepth 1 | LC_ALL=C sort | "
                           "cpio --quiet --reproducible -o -H newc -R 0:0", shell=True, cwd=stage, stdout=out, check=True)
        return path

    def device_tree(self, qemu):
        """Makes QEMU's own device tree with the overlay applied or, for a Raspberry Pi, that of the kernel's package."""
        if self.is_pi:
            return raspi.device_tree(self.board, CACHE / "kernels" / self.name, qemu, self.config, self.overlay, self.dir)
        plain, overlay, result = self.dir / "plain.dtb", self.dir / "overlay.dtbo", self.dir / "board.dtb"
        qemu = [f"{arg},dumpdtb={plain}" if before == "-M" else arg for before, arg in zip([""] + qemu, qemu)]
        subprocess.run(qemu, check=True, stdout=subprocess.DEVNULL)
        # QEMU's tree has no symbols; overlays may call the GPIO controller "gpio".
        subprocess.run(["fdtput", "-p", "-t", "s", plain, "/__symbols__", "gpio", self.board["gpio_node"]], check=True)
        subprocess.run(["dtc", "-@", "-q", "-O", "dtb", "-o", overlay, self.overlay], check=True)
        subprocess.run(["fdtoverlay", "-i", plain, "-o", result, overlay], check=True)
        return result

    def start(self):
        kernel = CACHE / "kernels" / self.name
        qemu = list(self.board["qemu"]) + ["-accel", "tcg,tb-size=256"]
        append = f"{self.board.get('append', '')} {self.append}"
        if self.cpus and "-smp" not in qemu:
            # The board's number of CPUs is fixed, but the kernel need not start all of them.
            qemu += ["-global", f"bcm283x-base.enabled-cpus={self.cpus}"]
            # maxcpus on 32-bit ARM, which warns if the device tree has more CPUs than nr_cpus.
            append += f" {'nr_cpus' if kernel_line(self.name)['arch'] == 'arm64' else 'maxcpus'}={self.cpus}"
        elif self.cpus:
            qemu[qemu.index("-smp") + 1] = str(self.cpus)
        if not self.realtime:
            qemu += ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"]
        elif self.board.get("timer_wants_equality"):
            # This timer fires only when its counter equals the deadline. If the host stopped QEMU after the guest had read
            # the counter and before it wrote the deadline, the deadline would have passed, and the timer would fire 71
            # minutes later. With -icount guest time stands still meanwhile; sleep=on lets idle time pass as on the host.
            qemu += ["-icount", "shift=3,sleep=on"]
        qemu += [
            "-nodefaults", "-display", "none", "-nic", "none", "-no-reboot", "-action", "panic=pause", "-S",
            "-qtest", f"unix:{self.dir}/qtest,server=on,wait=off", "-qtest-log", "/dev/null",
            "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off", "-serial", self.serial,
            "-kernel", str(kernel / "vmlinuz"), "-initrd", str(self.initrd()),
            "-append", f"console={self.board['console']} quiet panic=-1 oops=panic log_buf_len=8M nokaslr "
                       f"cryptomgr.notests "
                       f"{append}",
        ]
        if self.is_pi:
            qemu = raspi.command(self.board, qemu, self.dir, self.board["wires"] if self.wires else {})
        if not self.is_pi or self.board.get("virt"):
            qemu += self.gate()
        if self.overlay or self.is_pi:
            qemu += ["-dtb", str(self.device_tree(qemu))]
        elif self.dtb:
            qemu += ["-dtb", self.dtb]
        Path(self.log).write_bytes(b"")
        self.process = subprocess.Popen(qemu, stdin=subprocess.DEVNULL)
        self.qmp = Qmp(self.dir / "qmp")
        self.qtest = connect(self.dir / "qtest")
        if self.is_pi:
            self.path, self.input = self.board["pins"], "pin"
            self.tty = connect(self.dir / "tty")
            raspi.Pins(self, self.tty, Qmp(self.dir / "qmp-pins")).start()
        else:
            self.path, self.input = self.qmp.find(self.board["qom_type"]), "unnamed-gpio-in"
            self.connect_lines()
        if self.exact:
            self.take_turns()
        self.qmp.execute("cont")

    def take_turns(self):
        """Lets QEMU's main loop run only while the thread of the guest's CPU waits for it.

        When the guest's CPU halts, its thread says so a moment before it accounts for the instructions it has executed. A
        timer may wake the main loop in that moment. The main loop then advances time to the next timer from a clock that is
        behind, and so by too much: the guest wakes up some hundred nanoseconds late. With both threads on one CPU of the
        host, and a lower priority for the main loop, the main loop cannot run in that moment.
        """
        cpu = str(max(os.sched_getaffinity(0)))
        first = {str(thread["thread-id"]) for thread in self.qmp.execute("query-cpus-fast")}
        for thread in self.threads():
            if not (self.schedule("taskset", "-p", "-c", cpu, thread)
                    and self.schedule("chrt", "--fifo", "-p", "2" if thread in first else "1", thread)):
                raise Failure("--exact needs real-time priorities, which this host does not give")

    def end_turns(self):
        for thread in self.threads() if self.exact else ():
            self.schedule("chrt", "--other", "-p", "0", thread)

    def threads(self):
        return os.listdir(f"/proc/{self.process.pid}/task")

    @staticmethod
    def schedule(*command):
        command = [*(["sudo"] if os.geteuid() else []), *command]
        return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0

    def gate(self):
        """Returns QEMU's options for the shared page to which the guest writes its commands"""
        shm = self.dir / "shm"
        with open(shm, "wb") as page:
            page.truncate(4096)
        self.shm_file = open(shm, "r+b")
        self.shm = mmap.mmap(self.shm_file.fileno(), 4096)
        CALL.pack_into(self.shm, 0, MAGIC, 0, 0, 0, 0, 0, 0)
        return ["-object", f"memory-backend-file,id=shm,share=on,mem-path={shm},size=4096",
                "-device", "ivshmem-plain,memdev=shm", "-device", "pvpanic-pci"]

    def connect_lines(self):
        for line in self.board["idle"]:
            self.set_line(line, 1)
        for output, line in self.board["wires"].items():
            self.qmp.execute("qom-set", path=self.path, property=f"unnamed-gpio-out[{output}]",
                             value=f"{self.path}/unnamed-gpio-in[{line}]")

    def set_line(self, line, level):
        self.qtest.sendall(b"set_irq_in %s %s %d %d\n" % (self.path.encode(), self.input.encode(), line, level))
        answer = self.qtest.recv(256)
        if not answer.endswith(b"OK\n"):
            raise Failure(f"QEMU: set_irq_in: {answer!r}")

    def change(self, op, line, level):
        """Carries out one command of the guest; returns 0 or a negative errno."""
        if op in (OP_SET, OP_SET_ASLEEP):
            self.set_line(line, level)
        elif op in (OP_PULSE, OP_PULSE_ASLEEP):
            self.set_line(line, level)
            self.set_line(line, not level)
        elif op == OP_SET_MASK:
            for bit in range(32):
                if line >> bit & 1:
                    self.set_line(bit, level >> bit & 1)
        else:
            return -errno.EINVAL
        self.changes += 1
        return 0

    def call(self):
        """Carries out the command in the shared page while the guest is paused."""
        _, seq, ack, op, line, level, _ = CALL.unpack_from(self.shm)
        if seq == ack and self.is_pi:
            return                  # raspi.Pins has stopped the machine, and will resume it
        if seq == ack:
            raise Failure("the machine stopped without a command in the shared page")
        result = 0
        if op in (OP_SET_ASLEEP, OP_PULSE_ASLEEP):
            self.pending.append((op, line, level))
        else:
            result = self.change(op, line, level)
        struct.pack_into("<i", self.shm, 24, result)
        struct.pack_into("<I", self.shm, 8, seq)
        self.qmp.send(b'{"execute":"cont"}')

    def look(self):
        """Makes the next pending change once the guest sleeps: when all CPUs are at the same address and no register has
        changed for half a second. (A CPU that a busy host keeps from running is at another address than the others.)"""
        now = self.qmp.execute("human-monitor-command", **{"command-line": "info registers -a"})
        same = now == self.last_look and len(set(re.findall(r"\bPC=(\w+)", now))) == 1
        self.looks = self.looks + 1 if same else 0
        self.last_look = now
        if self.looks == 25:
            self.change(*self.pending.popleft())
            self.looks = 0

    def serve(self):
        """Answers the guest's calls until QEMU exits."""
        while True:
            event = self.qmp.event(0.02 if self.pending else None)
            if event is None:
                self.look()
            elif not event:
                return
            elif b'"STOP"' in event and self.shm:
                self.looks = 0
                self.call()
            elif b'"error"' in event:
                raise Failure(f"QEMU: {event.decode().strip()}")

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def kernel_line(name):
    for table in ("tests/vm/kernels", "tests/debug/kernels", "tests/pi/kernels"):
        for line in (TOP / table).read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words and words[0] == name:
                return dict(zip(("name", "suite", "arch", "flavour"), words))
    raise SystemExit(f"run.py: no kernel {name} in tests/vm/kernels, tests/debug/kernels or tests/pi/kernels")


class Ktap:
    """Reads KTAP line by line. Counts only tests without subtests."""

    RESULT = re.compile(r"^( *)(not )?ok \d+ ?(.*)$")
    PLAN = re.compile(r"^( *)1\.\.(\d+)")

    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []
        self.levels = {}        # indentation -> [planned, seen, failed]

    def level(self, indent):
        return self.levels.setdefault(indent, [None, 0, 0])

    def feed(self, line):
        plan = self.PLAN.match(line)
        if plan:
            self.level(len(plan[1]))[0] = int(plan[2])
        if line.startswith("Bail out!"):
            self.failed.append(line)
        result = self.RESULT.match(line)
        if not result:
            return
        indent, bad, text = len(result[1]), bool(result[2]), re.sub(r"^- ", "", result[3])
        children = 0
        for deeper in [key for key in self.levels if key > indent]:
            planned, seen, failed = self.levels.pop(deeper)
            children += seen
            if planned != seen:
                self.failed.append(f"{text}: {planned} subtests planned, {seen} done")
            elif bad and not failed:
                self.failed.append(text)
        level = self.level(indent)
        level[1] += 1
        level[2] += bad
        if children:
            return
        if bad:
            self.failed.append(text)
        elif re.search(r"# *SKIP", text, re.IGNORECASE):
            self.skipped.append(text)
        else:
            self.passed.append(text)

    def end(self):
        for planned, seen, _ in self.levels.values():
            if planned != seen:
                self.failed.append(f"{planned} tests planned, {seen} done")
        if not self.levels:
            self.failed.append("no test ran")


class Follower(threading.Thread):
    """Prints the console, up to the kernel log, while the machine runs."""

    def __init__(self, log):
        super().__init__(daemon=True)
        self.log, self.done = log, threading.Event()

    def run(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            kernel_log, rest, began = False, "", time.monotonic()
            while True:
                last = self.done.is_set()
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    kernel_log = kernel_log or line.startswith("----8<---- kernel log")
                    if not kernel_log and not line.startswith("----8<----"):
                        print(line.rstrip("\r"), flush=True)
                    if re.match(r"(not )?ok \d+ selftests: ", line):
                        print(f"# {time.monotonic() - began:.0f} s", flush=True)
                        began = time.monotonic()
                if last:
                    return
                self.done.wait(0.2)


def kernel_trouble(lines):
    """Returns the indices of the lines that report a fault, except those that belong to a report in NOT_OURS"""
    number, found = 0, []
    while number < len(lines):
        for head, end, inside in NOT_OURS:
            if not head.search(lines[number]):
                continue
            last = next((last for last in range(number, min(number + 100, len(lines))) if end.search(lines[last])), number)
            between = lines[number + 1:last + 1]
            if any(map(inside.search, between)) and not any(map(head.search, between)):
                number = last
                break
        else:
            if KERNEL_TROUBLE.search(lines[number]):
                found.append(number)
        number += 1
    return found


def judge(text, shell):
    """Judges the run by its console. Returns (KTAP counts, complaints, exit code of the shell command)."""
    ktap, code = Ktap(), None
    tests, _, rest = text.partition("----8<---- kernel log")
    kernel_log, ended, _ = rest.partition("----8<---- end of kernel log")
    for line in tests.splitlines():
        if not shell:
            ktap.feed(line)
        exit_code = re.match(r"----8<---- exit code (\d+)", line)
        if exit_code:
            code = int(exit_code[1])
    if not shell:
        ktap.end()
    complaints = []
    if not ended:
        complaints.append("the machine stopped before the end; the console's last lines:\n" +
                          "\n".join(text.splitlines()[-30:]))
    lines = (kernel_log if ended else text).splitlines()
    trouble = kernel_trouble(lines)
    if trouble:
        complaints.append("the kernel log has warnings:\n" + "\n".join(lines[max(0, trouble[0] - 5):trouble[0] + 40]))
    return ktap, complaints, code


def save_coverage(log, path):
    """Saves the guest's gcov counts, which the console prints after the kernel log."""
    _, _, data = log.read_text(encoding="utf-8", errors="replace").partition("----8<---- end of kernel log\n")
    try:
        Path(path).write_bytes(base64.b64decode(data, validate=False))
    except ValueError:
        Path(path).write_bytes(b"")             # the machine stopped before it had printed all counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("kernel", help="name in tests/vm/kernels, tests/debug/kernels or tests/pi/kernels")
    parser.add_argument("--stimulus", default="wire",
                        choices=("wire", "host", "gpio-sim", "nested", "nested-slow", "differential", "mmio", "thread",
                                 "bus-lock", "none"),
                        help="what moves the lines: wire (default), output lines of the board's controller; host, this "
                             "program; gpio-sim; nested and those after it, wires on the tests' own GPIO chip, which "
                             "tests/vm/init.sh loads as that kind of controller; none, nothing")
    parser.add_argument("--tests", help="names of tests, separated by commas (default: all)")
    parser.add_argument("--shell", metavar="COMMAND", help="run this in the guest instead of the tests")
    parser.add_argument("--file", action="append", default=[], metavar="SOURCE:TARGET", help="copy a file into the guest")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="set this for the tests")
    parser.add_argument("--realtime", action="store_true", help="let guest time pass as host time does")
    parser.add_argument("--userland", metavar="ARCH", help="programs of this architecture (default: the kernel's)")
    parser.add_argument("--rootfs", metavar="NAME",
                        help="boot this userland, which rootfs.sh made (default: the standard one of that architecture)")
    parser.add_argument("--append", default="", help="kernel parameters to add")
    parser.add_argument("--overlay", metavar="DTS", help="apply this overlay to the board's device tree")
    parser.add_argument("--dtb", metavar="FILE", help="boot with this device tree")
    parser.add_argument("--cpus", type=int, metavar="N", help="number of CPUs (default: the board's)")
    parser.add_argument("--exact", action="store_true",
                        help="make each run the same to the last instruction; needs --cpus 1 and real-time priorities")
    parser.add_argument("--board", choices=MACHINES, help="default: the virt board of the kernel's architecture")
    parser.add_argument("--config", action="append", default=[], metavar="LINE",
                        help="a line of a Raspberry Pi's config.txt: dtoverlay=button-irq,gpio=17 (button-irq-rp1 on raspi5)")
    parser.add_argument("--coverage", metavar="FILE", help="write the gcov counts of the driver to this file (debug-a)")
    parser.add_argument("--timeout", type=int, default=600, metavar="S", help="seconds to wait (default: 600)")
    args = parser.parse_args()

    arch = kernel_line(args.kernel)["arch"]
    board = MACHINES[args.board or arch]
    tests = args.tests.split(",") if args.tests else []
    listed = TOP / "build/vm" / f"tests-{args.userland or arch}" / "tests.list"
    if not tests and not args.shell:
        tests = listed.read_text(encoding="utf-8").split()
    where = "-".join(filter(None, (args.kernel, args.board, args.userland)))
    log = TOP / "build/log" / f"vm-{where}-{args.stimulus}{'-realtime' if args.realtime else ''}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    console = log.with_suffix(f".{os.getpid()}")        # another run may have the same name
    # Raises SystemExit, so that the finally clause below ends QEMU.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))

    machine = Machine(
        args.kernel, console, append=args.append, realtime=args.realtime, overlay=args.overlay, dtb=args.dtb,
        userland=args.userland, rootfs=args.rootfs, board=args.board, config=args.config, wires=args.stimulus == "wire",
        cpus=args.cpus, exact=args.exact,
        files={target: source for source, _, target in (entry.partition(":") for entry in args.file)},
        conf={"STIMULUS": args.stimulus, "TESTS": " ".join(tests), "COMMAND": args.shell or "",
              "ENVIRONMENT": " ".join(args.env), "HOST_TTY": board.get("host_tty", ""),
              "LINES": " ".join(f"{board['chip']}:{pin}" for pin in board["wires"].values()),
              "WIRE_PINS": " ".join(f"{board['chip']}:{pin}" for pin in board["wires"]),
              "HOST_PINS": " ".join(map(str, board["wires"].values()))})
    watchdog = None
    follower = Follower(console)
    began, late = time.monotonic(), threading.Event()

    def too_late():
        late.set()
        machine.process.kill()

    complaints = []
    try:
        machine.start()
        follower.start()
        watchdog = threading.Timer(args.timeout, too_late)
        watchdog.start()
        machine.serve()
        if machine.process.wait() < 0 and not late.is_set():
            complaints.append(f"QEMU was ended by signal {-machine.process.returncode}")
    except Failure as failure:
        complaints.append(str(failure))
    finally:
        if watchdog:
            watchdog.cancel()
        machine.close()
        if follower.is_alive():
            follower.done.set()
            follower.join()
    if late.is_set():
        complaints.append(f"not finished after {args.timeout} s")

    # Judge this machine by its own console: another machine of the same name may replace the log at any time.
    text = console.read_text(encoding="utf-8", errors="replace")
    if args.coverage:
        save_coverage(console, args.coverage)
    console.replace(log)
    ktap, more, code = judge(text, bool(args.shell))
    complaints += more
    for name in ktap.skipped:
        print(f"# skipped: {name}")
    for name in ktap.failed:
        print(f"# failed: {name}")
    for complaint in complaints:
        print("# failed: " + complaint.replace("\n", "\n#   "))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"# {where} {args.stimulus}: {time.monotonic() - began:.0f} s, "
          f"of them {usage.ru_utime + usage.ru_stime:.0f} s on a CPU, {machine.changes} pin changes by the host, "
          f"log in {log.relative_to(TOP)}")
    if args.shell:
        sys.exit(1 if complaints or code is None else code)
    failed = len(ktap.failed) + len(complaints)
    print(f"{len(ktap.passed)} passed, {failed} failed, {len(ktap.skipped)} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
