# SPDX-License-Identifier: GPL-2.0-only
"""Shared by the tests of button-irq-mqtt: a real mosquitto on loopback, a subscriber, the service on faked buttons
(tests/userspace/test_command.py), and brokers that misbehave."""

import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

# test_command.py expects to run from its own directory.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "userspace"))
_directory = os.path.abspath(sys.argv[1])
sys.argv[1:2] = [_directory, os.devnull]

import test_command as base  # noqa: E402  pylint: disable=wrong-import-position

SERVICE = os.path.join(_directory, "button-irq-mqtt")
BOOT = "11111111-2222-3333-4444-555555555555"
MACHINE = "0123456789abcdef0123456789abcdef"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def spawn(args, out=os.devnull, **kwargs):
    with open(out, "ab") as file:
        process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, **kwargs)
    base.running.append(process)
    return process


class Broker:
    """A real mosquitto. Messages that it has accepted survive an orderly restart, but not SIGKILL."""

    def __init__(self, extra="", port=None, directory="broker"):
        self.port = port or free_port()
        self.directory = os.path.abspath(directory)
        os.makedirs(self.directory, exist_ok=True)
        with open(f"{self.directory}.conf", "w", encoding="utf-8") as file:
            file.write(f"user root\nlistener {self.port} 127.0.0.1\npersistence true\n"
                       f"persistence_location {self.directory}/\nlog_dest stderr\nlog_type all\nmax_queued_messages 100000\n"
                       f"{extra or 'allow_anonymous true'}\n")
        self.process = None
        self.start()

    def start(self):
        self.process = spawn(["mosquitto", "-c", f"{self.directory}.conf"], f"{self.directory}.log")
        base.wait_for(self.answers, "the broker answers")

    def answers(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(base.DEADLINE)


class Receiver:
    """A subscriber to all messages, in order. The broker keeps them while the subscriber is away."""

    def __init__(self, broker, *options, name="got", topic="#"):
        self.name = os.path.abspath(name)
        open(self.name, "wb").close()
        # stdbuf: mosquitto_sub must write each line at once.
        self.process = spawn(["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-i", name, "-c",
                              "-q", "1", "-V", "5", "-t", topic, "-F", "%r %t %p", *options], self.name)
        base.wait_for(lambda: f"Sending SUBACK to {name}" in base.read(f"{broker.directory}.log"), "subscribed")

    def messages(self, level=None):
        """(retained, topic, payload) of all messages, or of those whose topic ends with a level."""
        with open(self.name, encoding="utf-8") as file:
            text = file.read()
        found = [line.split(" ", 2) for line in text.splitlines() if re.match("[01] ", line)]
        return [(flag == "1", topic, payload) for flag, topic, payload in found
                if level is None or topic.endswith("/" + level)]

    def events(self, level="event", label=None):
        return [json.loads(payload) for _, topic, payload in self.messages(level)
                if label is None or json.loads(payload)["button"] == label]

    def last(self, topic):
        found = [payload for _, name, payload in self.messages() if name == topic]
        return found[-1] if found else None


def retained(broker, pattern="#", *options):
    """The broker's retained messages: {topic: payload}"""
    out = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", pattern, "-F", "%t %p",
                          "--retained-only", "-W", "1", *options], stdout=subprocess.PIPE, text=True, check=False).stdout
    return dict(line.split(" ", 1) for line in out.splitlines() if " " in line)


def publish(broker, topic, text, *options):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-t", topic, "-m", text,
                    *options], check=True, timeout=base.DEADLINE)


def prepare(boot=BOOT, machine=MACHINE):
    base.write("root/proc/sys/kernel/random/boot_id", boot + "\n")
    base.write("root/etc/machine-id", machine + "\n")
    os.makedirs("root/dev", exist_ok=True)
    os.makedirs("state", exist_ok=True)


def config(port, text="", name="conf", mode=0o644):
    base.write(name, f"broker = 127.0.0.1\nport = {port}\nhost = pi\n{text}", mode)
    return name


def serve(port, text="", name="conf", state="state", err="err", program=SERVICE, prefix=(), **kwargs):
    """Starts the service with a config file that ends with that text."""
    if not os.path.exists("root/proc"):
        prepare()
    config(port, text, name)
    # test_command.py quotes this file when a test fails.
    open("err", "ab").close()
    process = subprocess.Popen([*prefix, program, "-c", name, *(["--state", state] if state else [])],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(err, "ab"), **kwargs)
    base.running.append(process)
    return process


def stop(process, code=0):
    process.terminate()
    base.ends(process, code, "the service")


def kill(process):
    process.kill()
    process.wait()


def said(text, err="err"):
    return base.wait_for(lambda: text in base.read(err), f"it says {text!r}")


class Fake:
    """A broker that a test plays itself, with one connection at a time and as much of MQTT as needed"""

    def __init__(self, handle):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.handle = handle
        self.connections = 0
        self.trouble = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            try:
                self.handle(sock, self.connections)
            except (OSError, EOFError):
                pass
            finally:
                sock.close()

    @staticmethod
    def packet(sock):
        """The next packet: (type and flags, body)"""
        def take(n):
            data = b""
            while len(data) < n:
                more = sock.recv(n - len(data))
                if not more:
                    raise EOFError
                data += more
            return data

        kind, length, shift = take(1)[0], 0, 0
        while True:
            byte = take(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return kind, take(length)


def publish_id(body):
    """Topic and packet id of a PUBLISH with QoS 1"""
    length = struct.unpack(">H", body[:2])[0]
    return body[2:2 + length].decode(), body[2 + length:4 + length]


class Proxy:
    """A proxy between the service and a broker that cuts each connection after a number of bytes from the broker"""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cuts = 0
        self.cut_after = lambda: None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near = self.listener.accept()[0]
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            left = [self.cut_after()]
            for a, b, counts in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.forward, args=(a, b, left if counts else None), daemon=True).start()

    def forward(self, source, target, left):
        try:
            while data := source.recv(4096):
                # The broker's answers are cut, so the service cannot know which messages were accepted.
                if left and left[0] is not None and (left := [left[0] - len(data)])[0] < 0:
                    self.cuts += 1
                    break
                target.sendall(data)
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def rng():
    seed = int(os.environ.get("BUTTON_IRQ_SEED") or random.randrange(1 << 31))
    print(f"# BUTTON_IRQ_SEED={seed}", flush=True)
    return random.Random(seed)


def notify_socket(process_env=None):
    """A service manager's socket: (socket, environment)"""
    path = os.path.abspath("notify")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    sock.settimeout(base.DEADLINE)
    return sock, dict(process_env or os.environ, NOTIFY_SOCKET=path)


def wakeups(pid):
    """How often the process's threads went to sleep, plus 100 for each 10 ms of CPU time, to detect a loop that never sleeps"""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        total = 100 * sum(int(ticks) for ticks in stat.read().rsplit(")", 1)[1].split()[11:13])
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read(), re.M)[1])
    return total


def pause(seconds):
    """Waits, to give an event that must not happen the time to happen."""
    time.sleep(seconds)
