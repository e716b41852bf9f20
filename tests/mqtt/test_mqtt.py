#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""test_mqtt.py DIRECTORY [TEST...]: button-irq-mqtt on faked buttons, with a real mosquitto

DIRECTORY has the service with sanitizers, as check.sh builds it. Prints TAP. No test depends on the speed of this
machine: a test waits for the messages that must come, and checks for unwanted messages once a later message has come.
"""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

# Import lab.py first, because it sets sys.argv for test_command.py.
from lab import (BOOT, SERVICE, Broker, Fake, Proxy, Receiver, base, kill, notify_socket, pause, prepare, publish,
                 publish_id, retained, said, serve, stop, wakeups)
import homeassistant
from test_command import LOST, MISSED, MS, REALTIME_NS, S, Button, equal, now, read, wait_for, write

CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../userspace/mqtt/button-irq-mqtt.conf")
PLAIN = os.path.join(os.path.dirname(SERVICE), "../plain/button-irq-mqtt")
UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../userspace/systemd/button-irq-mqtt.service")


def begin(text="", broker=None, button=None):
    """Starts a broker, a receiver, a button and the service, and waits until the service is connected."""
    broker = broker or Broker()
    receiver = Receiver(broker)
    button = button or Button()
    service = serve(broker.port, text)
    said("connected to")
    wait_for(lambda: any(payload == "online" for _, _, payload in receiver.messages("availability")), "online")
    return broker, receiver, button, service


def has_events(receiver, n, level="event", label=None):
    """Waits for at least N messages, and returns them."""
    return wait_for(lambda: len(receiver.events(level, label)) >= n and receiver.events(level, label),
                    f"{n} messages on .../{level}")


def is_acknowledged(record):
    """Waits until the ledger's record of the bell begins with these numbers: the last sequence number, the gesture's time, ..."""
    wait_for(lambda: re.search(rf"^button bell \S+ \S+ {record} ", read("state/acknowledged"), re.M), "acknowledged")


def seqs(events):
    return [event["seq"] for event in events]


def fence(receiver, button, label=None):
    """Presses the button. When that event arrives, all earlier messages have arrived."""
    button.press()
    button.release()
    wait_for(lambda: button.seq in seqs(receiver.events("event", label)), f"event {button.seq}")


@contextlib.contextmanager
def unseen(service):
    """Stops the service during the block, so that it then reads all events of the block at once."""
    service.send_signal(signal.SIGSTOP)
    yield
    service.send_signal(signal.SIGCONT)


# --- Topics and payloads ---

def test_events_state_and_availability_of_a_button():
    broker, receiver, bell, service = begin()
    at = bell.press()
    until = bell.release()
    press, release = has_events(receiver, 2)
    with open("root/sys/class/button_irq/button_irq/label", encoding="ascii") as label:
        equal(press["button"], label.read().strip())
    equal((press["seq"], press["event"], release["seq"], release["event"]), (1, "press", 2, "release"))
    for event, ns in ((press, at), (release, until)):
        equal((event["clock"], event["monotonic_ns"], event["time_ns"], event["realtime_ns"]),
              ("realtime", ns, ns + REALTIME_NS, ns + REALTIME_NS))
        assert abs(event["time"] * S - event["time_ns"]) < 1000 and abs(event["monotonic"] * S - ns) < 1000, event
        equal((event["boot"], event["binding"]), (BOOT, f"{os.stat(bell.dir).st_ino:x}"))
    equal(release["held_ns"], until - at)
    wait_for(lambda: len(receiver.messages("state")) >= 3, "the states")
    equal([payload for _, _, payload in receiver.messages("state")], ["released", "pressed", "released"])
    equal(retained(broker), {"button/pi/machine": receiver.last("button/pi/machine"), "button/pi/availability": "online",
                             "button/pi/bell/availability": "online", "button/pi/bell/state": "released"})
    stop(service)
    wait_for(lambda: receiver.last("button/pi/availability") == "offline", "offline after a stop")


def test_the_last_will_says_offline():
    broker, receiver, _, service = begin()
    equal(retained(broker)["button/pi/availability"], "online")
    kill(service)
    wait_for(lambda: receiver.last("button/pi/availability") == "offline", "offline after kill -9")


def test_gestures_are_those_of_the_command():
    _, receiver, bell, service = begin("[*]\nhold-time = 300ms\ndouble-time = 200ms\nrepeat-time = 100ms\n")
    t = now() - 20 * S
    with unseen(service):
        for at, length in ((0, 50), (1000, 50), (1150, 50), (3000, 450), (5000, 10)):
            bell.click(t + at * MS, length * MS)
    wanted = [("click", "press_end", 2), ("double", "multi_press_end", 5), ("hold", "long_press_start", 7),
              ("repeat", "repeat", 7), ("hold_end", "long_press_end", 8), ("click", "press_end", 10)]
    gestures = has_events(receiver, len(wanted), "gesture")
    equal([(g["gesture"], g["event_type"], g["seq"]) for g in gestures], wanted)
    equal([g["monotonic_ns"] - t for g in gestures],
          [50 * MS, S + 150 * MS, 3 * S + 300 * MS, 3 * S + 400 * MS, 3 * S + 450 * MS, 5 * S + 10 * MS])
    for g in gestures:
        equal(g["realtime_ns"] - g["monotonic_ns"], REALTIME_NS, g)
    equal([g.get("held_ns") for g in gestures], [50 * MS, None, 300 * MS, 400 * MS, 450 * MS, 10 * MS])
    equal(gestures[1]["multi_press_count"], 2)


def test_a_hold_comes_while_the_button_is_pressed():
    _, receiver, bell, _ = begin("[*]\nhold-time = 200ms\n")
    bell.press()
    equal([g["gesture"] for g in has_events(receiver, 1, "gesture")], ["hold"])
    bell.release()
    equal([g["gesture"] for g in has_events(receiver, 2, "gesture")], ["hold", "hold_end"])


def test_old_gestures_are_not_sent_with_max_age_but_events_are():
    _, receiver, bell, service = begin("[bell]\nmax-age = 500ms\n")
    with unseen(service):
        bell.click(now() - 60 * S)
    bell.click()
    wait_for(lambda: receiver.events("gesture"), "the new click")
    equal((seqs(receiver.events()), seqs(receiver.events("gesture"))), ([1, 2, 3, 4], [4]))
    assert "max-age 0.5 s" in read("err"), read("err")


HOSTILE = ["a#b+c/d", "Türklingel", "-", "-x", "front door", "%41", "..", "$SYS", "\"\\", "machine", "x" * 31, "ü" * 15,
           "button_irq1", "~._-", "a\tb", "\udcff\udc80", "日本", "{{ 1 }}", "*"]


def test_labels_are_escaped_by_one_rule_that_can_be_undone():
    buttons = [Button(f"button_irq{i or ''}", label) for i, label in enumerate(HOSTILE)]
    _, receiver, _, _ = begin("discovery = homeassistant\n", button=buttons[0])
    for button in buttons:
        button.press()
    wait_for(lambda: len(receiver.messages("event")) == len(HOSTILE), "an event of each")
    found = {}
    for _, topic, payload in receiver.messages("event"):
        assert re.fullmatch(r"button/pi/[A-Za-z0-9._~%-]+/event", topic), topic
        level = topic.split("/")[2]
        label = urllib.parse.unquote_to_bytes(level).decode("utf-8", "surrogateescape")
        equal(urllib.parse.quote(label.encode("utf-8", "surrogateescape"), safe="~"), level)
        found[label] = json.loads(payload)["button"]
    equal(sorted(found), sorted(HOSTILE))
    for label, said_label in found.items():
        equal(said_label, re.sub("[\udc80-\udcff]", "\ufffd", label))
    topic = next(topic for _, topic, _ in receiver.messages("config"))
    homeassistant.check(topic, wait_for(lambda: receiver.last(topic), "discovery"), len(HOSTILE))


# --- Config file and secrets ---

def check(text, code=2, mode=0o644, env=None):
    """The output of --check for a config file with this text"""
    write("conf", text, mode)
    result = subprocess.run([SERVICE, "-c", "conf", "--check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=base.DEADLINE, check=False, env=env, errors="replace")
    equal(result.returncode, code, result.stdout)
    return result.stdout


def test_errors_say_file_and_line():
    wrong = {"nonsense": "neither [BUTTON] nor KEY = VALUE", "port = 0": "port", "port = 65536": "port", "tls = 1": "yes",
             "broker = a b": "host name", "topic = a/#": "#", "topic = a//b": "empty", "topic = $x": "begin with $",
             "keep-alive = 2s": "5s", "keep-alive = 1500ms": "whole", "discovery = yes": "homeassistant", "tls-ca = x": "absolute",
             "bell = 1": "none of broker", "user =": "nothing behind", "password = geheim": "credstore", "host = \xff": "UTF-8",
             "protocol = 4": "3.1.1", "device-class = button": "none of broker"}
    for line, words in wrong.items():
        out = check(f"# comment\n\n{line}\n".encode("latin-1").decode("utf-8", "surrogateescape"))
        assert out.startswith("conf:3: ") and words in out, (line, out)
    wrong = {"device-class = bell": "neither", "hold-time = long": "not a time", "repeat-time = 1ms": "50ms", "broker = x":
             "none of publish", "state-class = Door": "device class", "publish = maybe": "yes", "[bell]": "already",
             "[*]": "before all other", "[": "no ]", "[]": "no button"}
    for line, words in wrong.items():
        out = check(f"[bell]\n{line}\n")
        assert out.startswith("conf:2: ") and words in out, (line, out)
    assert "name" in check("[*]\nname = x\n")
    assert "tls = yes" in check("tls-ca = /etc/hostname\n")
    assert "go together" in check("tls = yes\ntls-cert = /etc/hostname\n")
    assert "UTF-16" in check("\ufeffbroker = x\n".encode("utf-16").decode("utf-8", "surrogateescape"))
    for line in ("port = 1", "tls = no", "keep-alive = 5s", "topic = a", "discovery = no", "user = a"):
        assert "conf:2: " in check(f"{line}\n{line}\n") and "already has a value" in check(f"{line}\n{line}\n"), line
    assert "already has a value" in check("[bell]\npublish = yes\npublish = no\n")
    equal(check("[*]\npublish = yes\nhold-time = 1s\n[bell]\npublish = no\nhold-time = 2s\n", 0), "")
    # Each of several errors is reported, and the service does not start.
    equal(len(check("x\ny\n").splitlines()), 2)
    os.makedirs("state")
    result = subprocess.run([SERVICE, "-c", "conf", "--state", "state"], stderr=subprocess.PIPE, text=True, check=False,
                            timeout=base.DEADLINE)
    equal(result.returncode, 2)
    result = subprocess.run([SERVICE, "-c", "absent", "--check"], stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1 and "absent: No such file" in result.stderr, result.stderr


def test_the_example_config_has_every_key_with_its_default():
    with open(CONFIG, encoding="utf-8") as file:
        text = file.read()
    equal(check(text, 0), "")
    keys = set(re.findall(r"^#([a-z-]+) =", text, re.M))
    known = re.findall(r"none of ([a-z, -]+);", check("x = 1\n") + check("[*]\nx = 1\n"))
    equal(keys, set(", ".join(known).split(", ")))
    # The settings are also valid without the comment signs, except for the example's files, which do not exist.
    values = re.sub(r"^#([a-z-]+ = .+|\[bell\])$", r"\1", text, flags=re.M)
    values = re.sub(r"^(password-file|tls-\w+) = .*\n", "", values, flags=re.M).replace("user = pi\n", "")
    equal(check(values, 0), "")


def test_a_config_file_that_others_can_write_is_refused():
    for mode in (0o664, 0o646, 0o666):
        assert re.match("conf: can be written by others", check("", mode=mode))
    if os.geteuid() == 0:
        write("conf", "")
        os.chown("conf", 4711, 0)
        assert "belongs to neither root nor" in subprocess.run(
            [SERVICE, "-c", "conf", "--check"], stderr=subprocess.PIPE, text=True, check=False).stderr


def test_secrets_with_wrong_rights_are_refused():
    path = os.path.abspath("secret")
    text = f"user = pi\npassword-file = {path}\n"
    for mode in (0o644, 0o640, 0o604, 0o620):
        write("secret", "geheim\n", mode)
        assert re.search(f"{path}: a secret that others can read or write, mode {mode:04o}", check(text)), oct(mode)
    write("secret", "geheim\n", 0o600)
    equal(check(text, 0), "")
    write("secret", "\n", 0o600)
    assert "no password" in check(text)
    os.unlink("secret")
    assert "No such file" in check(text)
    os.mkfifo("secret", 0o600)
    assert "not a regular file" in check(text)
    os.unlink("secret")
    write("secret", "geheim\n", 0o600)
    if os.geteuid() == 0:
        os.chown("secret", 4711, 0)
        assert "belongs to neither root nor" in check(text)
        os.chown("secret", 0, 0)
    assert "password-file without user" in check(f"password-file = {path}\n")
    for key in ("tls-key", ):
        write("key", "x", 0o644)
        assert "a secret that others can read" in check(f"tls = yes\ntls-cert = {path}\n{key} = {os.path.abspath('key')}\n")
    write("credentials/button-irq-mqtt.password", "geheim\n", 0o440)
    env = dict(os.environ, CREDENTIALS_DIRECTORY=os.path.abspath("credentials"))
    equal(check("user = pi\n", 0, env=env), "")
    assert "which one" in check(text, env=env)
    assert "no user" in check("", env=env)


def test_check_refuses_files_that_are_no_pem():
    certificates()
    here = os.getcwd()
    text = f"tls = yes\ntls-ca = {here}/ca.crt\ntls-cert = {here}/client.crt\ntls-key = {here}/client.key\n"
    equal(check(text, 0), "")
    write("garbage", "garbage\n", 0o600)
    write("empty", "", 0o600)
    for name in ("garbage", "empty"):
        for right in ("ca.crt", "client.crt", "client.key"):
            out = check(text.replace(f"{here}/{right}", f"{here}/{name}"))
            assert f"{here}/{name}: no {'private key' if 'key' in right else 'certificate'} in PEM format" in out, out
    # Certificate and key exchanged; an encrypted key, whose password nobody can type
    assert "no certificate" in check(text.replace("client.crt", "client.key"))
    assert "not a regular file" in check(text.replace(f"{here}/ca.crt", here))
    subprocess.run(["openssl", "pkey", "-in", "client.key", "-aes256", "-passout", "pass:geheim", "-out", "encrypted.key"],
                   check=True)
    os.chmod("encrypted.key", 0o600)
    assert "the private key is encrypted" in check(text.replace("client.key", "encrypted.key"))
    for name, source in (("ca", "ca.crt"), ("crt", "client.crt"), ("key", "garbage")):
        with open(source, encoding="ascii") as file:
            write(f"credentials/button-irq-mqtt.{name}", file.read(), 0o440)
    env = dict(os.environ, CREDENTIALS_DIRECTORY=os.path.abspath("credentials"))
    assert "button-irq-mqtt.key: no private key" in check("tls = yes\n", env=env)


def passwords():
    subprocess.run(["mosquitto_passwd", "-c", "-b", "passwords", "pi", "ge heim"], check=True, stderr=subprocess.DEVNULL)
    return f"allow_anonymous false\npassword_file {os.path.abspath('passwords')}"


def test_a_password_is_shown_to_nobody():
    broker = Broker(passwords())
    bell = Button()
    write("credentials/button-irq-mqtt.password", "ge heim\n", 0o400)
    service = serve(broker.port, "user = pi\n",
                    env=dict(os.environ, CREDENTIALS_DIRECTORY=os.path.abspath("credentials")))
    said("connected to")
    bell.press()
    is_acknowledged(r"1")
    for name in ("cmdline", "environ"):
        with open(f"/proc/{service.pid}/{name}", "rb") as file:
            assert b"ge heim" not in file.read(), name
    stop(service)
    assert "ge heim" not in read("err") + read("state/acknowledged")


def test_a_wrong_password_is_reported_once_and_tried_again():
    broker = Broker(passwords())
    path = os.path.abspath("secret")
    write("secret", "wrong\n", 0o600)
    service = serve(broker.port, f"user = pi\npassword-file = {path}\n")
    said("the broker says: Not authorized")
    wait_for(lambda: read(f"{broker.directory}.log").count("Connection Refused") >= 3 or
             read(f"{broker.directory}.log").count("not authorised") >= 3, "it tries again")
    equal(read("err").count("Not authorized"), 1, read("err"))
    stop(service)


def certificates():
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    for ca in ("ca", "otherca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.crt")
    for name in ("server", "client"):
        write("ext", "subjectAltName=DNS:localhost\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout",
                f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "ext", "-out", f"{name}.crt")
    os.chmod("client.key", 0o600)


def test_tls_with_client_certificate():
    certificates()
    here = os.getcwd()
    broker = Broker(f"allow_anonymous true\ncafile {here}/ca.crt\ncertfile {here}/server.crt\nkeyfile {here}/server.key\n"
                    "require_certificate true")
    bell = Button()
    prepare()
    tls = f"tls = yes\ntls-cert = {here}/client.crt\ntls-key = {here}/client.key\ntls-ca = {here}/"

    def serve_tls(text, host, err, command=(SERVICE,)):
        write("conf", f"broker = {host}\nport = {broker.port}\nhost = pi\n{text}\n")
        process = subprocess.Popen([*command, "-c", "conf", "--state", "state"], stderr=open(err, "wb"), stdin=subprocess.DEVNULL)
        base.running.append(process)
        return process

    service = serve_tls(tls + "ca.crt", "localhost", "err")
    said("connected to")
    bell.press()
    is_acknowledged(r"1")
    stop(service)
    # The unit's memory limit is enough for TLS.
    service = serve_tls(tls + "ca.crt", "localhost", "limited", (*data_limit(), PLAIN))
    said("connected to", "limited")
    stop(service)
    # A wrong CA; the right CA, but a wrong name; no client certificate
    for number, (text, host) in enumerate(((tls + "otherca.crt", "localhost"), (tls + "ca.crt", "127.0.0.1"),
                                           (f"tls = yes\ntls-ca = {here}/ca.crt", "localhost"))):
        service = serve_tls(text, host, f"err{number}")
        wait_for(lambda: "trying again" in read(f"err{number}"), f"{text}: refused")
        assert "connected to" not in read(f"err{number}"), read(f"err{number}")
        stop(service)
    assert "verif" in read("err0"), read("err0")


# --- Broker and network ---

def test_a_broker_that_is_down_at_the_start_gets_everything_later():
    broker = Broker()
    receiver = Receiver(broker)
    bell = Button()
    bell.click()
    prepare()
    write("state/acknowledged", "button-irq-mqtt 1\nend\n")
    broker.stop()
    sock, env = notify_socket()
    service = serve(broker.port, env=env)
    # The service is ready without a broker, so that it does not delay booting.
    assert b"READY=1" in sock.recv(4096)
    said("Connection refused; trying again")
    bell.click()
    bell.press()
    broker.start()
    wait_for(lambda: b"connected to" in sock.recv(4096), "status")
    bell.release()
    equal(seqs(has_events(receiver, 6)), [1, 2, 3, 4, 5, 6])
    wait_for(lambda: receiver.last("button/pi/bell/state") == "released", "state")
    equal(read("err").count("refused"), 1, read("err"))
    stop(service)


def test_a_restarted_broker_gets_every_event_once_or_twice():
    broker, receiver, bell, _ = begin()
    for number in range(6):
        for _ in range(5):
            bell.click()
        # Stop the broker while messages are on their way. Not with SIGKILL: a killed mosquitto forgets messages that it accepted.
        broker.stop()
        for _ in range(5):
            bell.click()
        broker.start()
        wait_for(lambda: bell.seq in seqs(receiver.events()), f"round {number}")
    got = seqs(receiver.events())
    equal(sorted(set(got)), list(range(1, bell.seq + 1)))
    equal(list(dict.fromkeys(got)), sorted(set(got)), "order")


def test_connections_that_are_cut_at_any_byte_lose_nothing():
    broker = Broker()
    receiver = Receiver(broker)
    proxy = Proxy(broker.port)
    bell = Button()
    # Bytes before each cut. Short ones in a row would only lengthen the pauses between attempts.
    lengths = iter((1, 60, 6, 100, 20, 140, 40, 200, 53, 260, 77, 330, 90, 400))
    proxy.cut_after = lambda: next(lengths, None)
    service = serve(proxy.port)
    wait_for(lambda: bell.is_open(service.pid), "opened")
    while proxy.cuts < 14:
        before = proxy.cuts
        bell.click()
        wait_for(lambda: proxy.cuts > before or bell.seq in seqs(receiver.events()), "cut or sent")
    proxy.cut_after = lambda: None
    bell.click()
    wait_for(lambda: bell.seq in seqs(receiver.events()), "the last one")
    got = seqs(receiver.events())
    equal(sorted(set(got)), list(range(1, bell.seq + 1)))
    equal(list(dict.fromkeys(got)), sorted(set(got)), "order")
    stop(service)
    print(f"# {proxy.cuts} cuts, {len(got)} messages for {bell.seq} events; {read('err').splitlines()[-1]}")


def test_what_waits_for_a_slow_broker_is_bounded():
    published = []

    def never_acknowledges(sock, _):
        Fake.packet(sock)
        sock.sendall(b"\x20\x03\x00\x00\x00")
        while True:
            kind, body = Fake.packet(sock)
            if kind >> 4 == 3:
                published.append(publish_id(body)[0])
            elif kind == 0x82:
                sock.sendall(b"\x90\x04" + body[:2] + b"\x00\x01")
            elif kind == 0xc0:
                sock.sendall(b"\xd0\x00")

    fake = Fake(never_acknowledges)
    bell = Button()
    service = serve(fake.port, "keep-alive = 5s\n")
    wait_for(lambda: "button/pi/bell/state" in published, "connected")

    def memory():
        with open(f"/proc/{service.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    for _ in range(200):
        bell.click()
    wait_for(lambda: len(published) >= 8, "the window is full")
    before = memory()
    for _ in range(2000):
        bell.click()
    # Longer than a keep-alive: the service must not take a slow broker for a dead one.
    pause(7)
    equal(len(published), 8, published)
    equal(fake.connections, 1)
    assert memory() < before + 2000, (before, memory())
    # While it waits for the broker, unread events do not wake it.
    before = wakeups(service.pid)
    pause(2)
    assert wakeups(service.pid) - before <= 102, f"{wakeups(service.pid) - before} wake-ups"
    stop(service)


def test_a_broker_that_does_not_answer_any_more_is_left():
    def dies_silently(sock, number):
        Fake.packet(sock)
        sock.sendall(b"\x20\x03\x00\x00\x00")
        while number == 1:
            # Stop reading, but keep the connection.
            if select.select([stop_event], [], [], 60)[0]:
                return
        alive.append(number)
        while True:
            Fake.packet(sock)

    alive = []
    stop_event, ending = socket.socketpair()
    fake = Fake(dies_silently)
    Button()
    service = serve(fake.port, "keep-alive = 5s\n")
    said("connected to")
    said("trying again")
    ending.send(b"x")
    wait_for(lambda: alive, "a new connection")
    stop(service)


class Played:
    """A broker that answers everything except what a test excludes; got has (connection, topic, payload) of each PUBLISH"""

    def __init__(self, acknowledges=lambda number, topic: True, properties=b"", after=lambda sock, number: None):
        self.got, self.pings, self.socks = [], 0, []
        self.acknowledges, self.properties, self.after = acknowledges, properties, after
        self.fake = Fake(self.play)
        self.port = self.fake.port

    def play(self, sock, number):
        # MQTT 5 has the length of the properties, here a single byte; MQTT 3.1.1 has no properties.
        count = int(Fake.packet(sock)[1][6] == 5)
        sock.sendall(bytes((0x20, 2 + count + len(self.properties), 0, 0, len(self.properties))[:4 + count]) + self.properties)
        self.socks.append(sock)
        self.after(sock, number)
        while True:
            kind, body = Fake.packet(sock)
            if kind >> 4 == 3:
                topic, ident = publish_id(body)
                self.got.append((number, topic, body[body.index(ident, 2 + len(topic.encode())) + 2 + count:].decode()))
                if self.acknowledges(number, topic):
                    sock.sendall(b"\x40\x02" + ident)
            elif kind == 0x82:
                sock.sendall(b"\x90\x04" + body[:2] + b"\x00\x01")
            elif kind == 0xc0:
                self.pings += 1
                sock.sendall(b"\xd0\x00")

    def end(self, number):
        self.socks[number - 1].shutdown(socket.SHUT_RDWR)

    def seqs(self, number, level):
        return [json.loads(payload)["seq"] for n, topic, payload in self.got if n == number and topic.endswith("/" + level)]


def test_a_broker_that_acknowledges_nothing_is_reported_and_left():
    # This broker answers pings, so the keep-alive does not end the connection.
    broker = Played(acknowledges=lambda number, topic: number > 1)
    bell = Button()
    service = serve(broker.port, "keep-alive = 5s\n")
    said("connected to")
    bell.click()
    said("no message acknowledged for 30 s; trying again")
    wait_for(lambda: broker.seqs(2, "event") == [1, 2], "sent again")
    is_acknowledged(r"2")
    stop(service)


def test_the_keep_alive_that_the_broker_asks_for_is_kept():
    # MQTT 5's Server Keep Alive of 2 s
    broker = Played(properties=b"\x13\x00\x02")
    Button()
    service = serve(broker.port, "keep-alive = 1h\n")
    said("connected to")
    wait_for(lambda: broker.pings >= 2, "two pings")
    equal(read("err").count("connected to"), 1, read("err"))
    stop(service)


def test_a_gesture_that_waits_for_the_broker_longer_than_max_age_is_not_sent():
    broker = Played(acknowledges=lambda number, topic: number > 1 or not topic.endswith(("/event", "/gesture")))
    bell = Button()
    service = serve(broker.port, "[bell]\nmax-age = 3s\ndouble-time = off\n")
    said("connected to")
    bell.click()
    wait_for(lambda: broker.seqs(1, "gesture") == [2], "the gesture comes in time, and is not acknowledged")
    pause(3.5)
    broker.end(1)
    said("too old")
    wait_for(lambda: broker.seqs(2, "event") == [1, 2], "the events are sent again")
    bell.click()
    wait_for(lambda: broker.seqs(2, "gesture"), "a gesture that is not old")
    equal((broker.seqs(2, "event"), broker.seqs(2, "gesture")), ([1, 2, 3, 4], [4]))
    stop(service)


def test_discovery_that_is_larger_than_the_broker_takes_does_not_keep_events_back():
    broker = Broker("allow_anonymous true\nmax_packet_size 1000")
    receiver = Receiver(broker)
    bell = Button()
    service = serve(broker.port, "discovery = homeassistant\n")
    said("no discovery until this service is restarted")
    bell.click()
    equal(seqs(has_events(receiver, 2)), [1, 2])
    equal(read("err").count("connected to"), 1, read("err"))
    stop(service)


def check_events_that_are_too_large(protocol):
    """The broker accepts presses, but no releases, which are larger. The service must not reconnect for ever because of that."""
    broker = Broker("allow_anonymous true\nmax_packet_size 100000")
    receiver = Receiver(broker)
    bell = Button()
    service = serve(broker.port, f"protocol = {protocol}\n[bell]\ndouble-time = off\n")
    said("connected to")
    bell.click()
    has_events(receiver, 1, "gesture")
    stop(service)
    press, release = ([len(topic) + len(payload) for _, topic, payload in receiver.messages("event")])
    assert release > press + 20, (press, release)
    broker.stop()
    # 20 bytes cover the header and more digits, but are fewer than a release has more than a press.
    broker = Broker(f"allow_anonymous true\nmax_packet_size {press + 20}", port=broker.port)
    service = serve(broker.port, f"protocol = {protocol}\n[bell]\ndouble-time = off\n", err="limited")
    for _ in range(3):
        bell.click()
    wait_for(lambda: bell.seq in seqs(receiver.events()), "the last event")
    is_acknowledged("8")
    # The broker may have accepted an event and ended the connection without acknowledging the event.
    equal(list(dict.fromkeys((e["seq"], e["event"], e.get("count"), e.get("reason")) for e in receiver.events()[2:])),
          [entry for seq in (3, 5, 7) for entry in ((seq, "press", None, None), (seq + 1, "lost", 1, "too-large"))])
    connections = read("limited").count("connected to")
    # With MQTT 5 the broker announces its limit. Otherwise it ends some connections, at the first event and the first gesture.
    assert connections == 1 if protocol == "5" else 4 <= connections <= 15, read("limited")
    for _ in range(20):
        bell.click()
    is_acknowledged("48")
    equal(read("limited").count("connected to"), connections, read("limited"))
    equal(read("limited").count("such events are sent as lost"), 1, read("limited"))
    equal(read("limited").count("such gestures are not sent"), 1, read("limited"))
    wait_for(lambda: receiver.last("button/pi/bell/state") == "released", "the state")
    # A broker without the limit gets everything again.
    broker.stop()
    broker = Broker(port=broker.port)
    bell.click()
    wait_for(lambda: bell.seq in seqs(receiver.events("gesture")), "a gesture")
    equal([e["event"] for e in receiver.events()][-2:], ["press", "release"])
    stop(service)


def test_an_event_that_is_too_large_is_sent_as_lost():
    check_events_that_are_too_large("5")


def test_an_event_at_which_a_broker_ends_its_connections_is_sent_as_lost():
    check_events_that_are_too_large("3.1.1")


def check_a_broker_that_ends_connections_at_events(protocol, goodbye, takes, wanted):
    """The broker ends a connection at an event for which takes(number of the connection, payload) is false."""
    def acknowledges(number, topic):
        if not topic.endswith("/event") or takes(number, broker.got[-1][2]):
            return True
        broker.socks[-1].sendall(goodbye)
        broker.socks[-1].shutdown(socket.SHUT_RDWR)
        return False

    broker = Played(acknowledges=acknowledges)
    bell = Button()
    service = serve(broker.port, f"protocol = {protocol}\n")
    said("connected to")
    bell.click()
    is_acknowledged("2")
    events = [json.loads(payload) for _, topic, payload in broker.got if topic.endswith("/event")]
    equal([(e["seq"], e["event"]) for e in events][-2:], wanted)
    stop(service)


def test_a_broker_that_ends_connections_for_another_reason_gets_the_event_at_last():
    check_a_broker_that_ends_connections_at_events("5", b"", lambda number, payload: number >= 10,
                                                   [(1, "press"), (2, "release")])


def test_a_broker_that_gives_the_size_as_reason_gets_the_event_as_lost():
    # DISCONNECT with the reason "packet too large"
    check_a_broker_that_ends_connections_at_events("5", b"\xe0\x01\x95", lambda number, payload: len(payload) < 200,
                                                   [(1, "lost"), (2, "lost")])


def test_an_mqtt_3_broker_that_refuses_messages_of_any_size_costs_one_event():
    check_a_broker_that_ends_connections_at_events("3.1.1", b"", lambda number, payload: number >= 10,
                                                   [(1, "lost"), (2, "release")])


def data_limit():
    """A prlimit command with the unit's memory limit"""
    with open(UNIT, encoding="utf-8") as unit:
        limit = re.search(r"^LimitDATA=(\d+)M$", unit.read(), re.M)
    return ["prlimit", f"--data={int(limit[1]) << 20}"]


def test_a_packet_of_256_mb_takes_no_such_memory():
    def huge(sock, number):
        if number == 1:
            sock.sendall(b"\x30\xff\xff\xff\x7f\x00\x01x")

    broker = Played(after=huge)
    bell = Button()
    # The sanitizers need more memory than the limit.
    service = serve(broker.port, program=PLAIN, prefix=data_limit())
    said("trying again")
    wait_for(lambda: read("err").count("connected to") == 2, "a new connection")
    bell.click()
    wait_for(lambda: broker.seqs(2, "event") == [1, 2], "events")
    stop(service)


def test_a_broker_that_accepts_and_says_nothing_is_left():
    fake = Fake(lambda sock, number: sock.recv(1) and sock.recv(65536) and time.sleep(60 if number == 1 else 0))
    Button()
    start = time.monotonic()
    service = serve(fake.port)
    said("no answer; trying again")
    assert time.monotonic() - start > 15
    stop(service)


def test_a_broker_of_mqtt_3_is_spoken_to_in_mqtt_3():
    versions = []

    def old(sock, _):
        _, body = Fake.packet(sock)
        versions.append(body[6])
        if body[6] == 5:
            sock.sendall(b"\x20\x02\x00\x01")
            return
        sock.sendall(b"\x20\x02\x00\x00")
        while True:
            kind, body = Fake.packet(sock)
            if kind >> 4 == 3:
                sock.sendall(b"\x40\x02" + publish_id(body)[1])

    fake = Fake(old)
    bell = Button()
    service = serve(fake.port)
    said("MQTT 3.1.1")
    bell.press()
    is_acknowledged(r"1")
    equal(versions, [5, 4])
    stop(service)


def test_refused_events_are_reported_and_sent_when_they_are_allowed():
    write("acl", "topic readwrite #\ntopic deny button/pi/+/event\n")
    broker = Broker(f"allow_anonymous true\nacl_file {os.path.abspath('acl')}")
    bell = Button()
    service = serve(broker.port)
    said("connected to")
    bell.click()
    said("button/pi/bell/event is refused: Not authorized")
    write("acl", "topic readwrite #\n")
    receiver = Receiver(broker)
    broker.process.send_signal(signal.SIGHUP)
    equal(seqs(has_events(receiver, 2))[:2], [1, 2])
    stop(service)


def test_refused_discovery_does_not_keep_events_back():
    write("acl", "topic readwrite button/#\n")
    # If max_queued_messages is 0, mosquitto 2.0 also ends the connection of a client whose message it refuses.
    broker = Broker(f"allow_anonymous true\nacl_file {os.path.abspath('acl')}\nmax_queued_messages 0")
    receiver = Receiver(broker, topic="button/#")
    bell = Button()
    service = serve(broker.port, "discovery = homeassistant\n")
    said("/config is refused: Not authorized")
    bell.click()
    equal(seqs(has_events(receiver, 2)), [1, 2])
    stop(service)


def test_a_broker_with_a_full_disk_passes_events_on():
    os.makedirs("full")
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", "full"], check=False).returncode:
        return "cannot mount a tmpfs here"
    try:
        broker = Broker(directory="full/broker", extra="allow_anonymous true\nautosave_interval 1")
        with open("full/ballast", "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 512):
                    pass
            except OSError:
                pass
        receiver = Receiver(broker)
        bell = Button()
        service = serve(broker.port)
        said("connected to")
        for _ in range(50):
            bell.click()
        equal(seqs(has_events(receiver, 100)), list(range(1, 101)))
        stop(service)
    finally:
        base.cleanup()
        subprocess.run(["umount", "-l", "full"], check=True)
    return None


def test_a_network_that_is_gone_for_a_while_loses_nothing():
    name, net = f"mq{os.getpid()}", f"10.77.{os.getpid() % 256}"

    def ip(*args):
        return subprocess.run(["ip", *args], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

    if os.geteuid() or ip("netns", "add", name):
        return "cannot make a network namespace here"
    try:
        if ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name):
            return "cannot make a network device here"
        ip("addr", "add", f"{net}.1/30", "dev", name)
        ip("link", "set", name, "up")
        ip("-n", name, "addr", "add", f"{net}.2/30", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        broker = Broker(f"allow_anonymous true\nlistener 18830 {net}.1")
        receiver = Receiver(broker)
        bell = Button()
        prepare()
        write("conf", f"broker = {net}.1\nport = 18830\nhost = pi\nkeep-alive = 5s\n")
        service = subprocess.Popen(["ip", "netns", "exec", name, SERVICE, "-c", "conf", "--state", "state"],
                                   stdin=subprocess.DEVNULL, stderr=open("err", "wb"))
        base.running.append(service)
        said("connected to")
        bell.click()
        has_events(receiver, 2)
        # Cut the link: packets are lost in both directions, and neither end sees an error.
        ip("link", "set", name, "down")
        for _ in range(100):
            bell.click()
        said("trying again")
        for _ in range(100):
            bell.click()
        ip("link", "set", name, "up")
        wait_for(lambda: bell.seq in seqs(receiver.events()), "the last event")
        got = seqs(receiver.events())
        equal(list(dict.fromkeys(got)), list(range(1, bell.seq + 1)))
        print(f"# {len(got)} messages for {bell.seq} events")
        stop(service)
    finally:
        base.cleanup()
        ip("netns", "del", name)
    return None


# --- What is remembered ---

def test_a_restart_sends_nothing_again():
    broker, receiver, bell, service = begin("[*]\nhold-time = 300ms\n")
    t = now() - 5 * S
    with unseen(service):
        bell.click(t)
        bell.click(t + S, S)
    has_events(receiver, 4)
    equal([g["gesture"] for g in has_events(receiver, 3, "gesture")], ["click", "hold", "hold_end"])
    for number in range(3):
        is_acknowledged(r"4 \d+ 6")
        stop(service)
        service = serve(broker.port, "[*]\nhold-time = 300ms\n", err=f"err{number}")
        said("connected to", f"err{number}")
    with unseen(service):
        bell.click(now() - 2 * S)
    has_events(receiver, 6)
    has_events(receiver, 4, "gesture")
    equal(seqs(receiver.events()), [1, 2, 3, 4, 5, 6])
    equal([g["gesture"] for g in receiver.events("gesture")], ["click", "hold", "hold_end", "click"])
    stop(service)


def test_events_and_gestures_from_while_it_did_not_run_are_sent():
    broker, receiver, bell, service = begin()
    bell.press(now() - 30 * S)
    has_events(receiver, 1)
    has_events(receiver, 1, "gesture")
    is_acknowledged(r"1 \d+ 4")
    kill(service)
    # This release belongs to a press that was sent before the kill. A double click follows.
    bell.release(now() - 20 * S)
    t = now() - 10 * S
    bell.click(t)
    bell.click(t + 200 * MS)
    service = serve(broker.port)
    has_events(receiver, 6)
    equal([(g["gesture"], g["seq"]) for g in has_events(receiver, 3, "gesture")], [("hold", 1), ("hold_end", 2), ("double", 5)])
    equal(seqs(receiver.events()), [1, 2, 3, 4, 5, 6])
    # A restart sends one state, the last one.
    equal([payload for _, _, payload in receiver.messages("state")][-1], "released")
    stop(service)


def test_the_first_start_sends_no_old_events_and_reports_them_as_lost():
    bell = Button()
    for _ in range(3):
        bell.click(now() - 5 * S)
    broker, receiver, _, service = begin(button=bell)
    with unseen(service):
        bell.click(now() - 2 * S)
    has_events(receiver, 3)
    has_events(receiver, 1, "gesture")
    first = receiver.events()[0]
    equal((first["event"], first["seq"], first["count"], first["reason"]), ("lost", 1, 6, "first-start"))
    equal(seqs(receiver.events())[1:], [7, 8])
    equal(seqs(receiver.events("gesture")), [8])
    stop(service)
    # The gap is reported only once: not again after a restart.
    service = serve(broker.port)
    fence(receiver, bell)
    equal([event["event"] for event in receiver.events()].count("lost"), 1)
    stop(service)


def as_nobody(broker, text=""):
    """Starts the service without root's privileges."""
    os.chmod(".", 0o777)
    prepare()
    os.chmod("state", 0o777)
    return serve(broker.port, text, prefix=["setpriv", "--reuid=65534", "--clear-groups"])


def test_the_first_start_may_precede_the_permission():
    if os.geteuid():
        return "only root can become another user"
    broker = Broker()
    receiver = Receiver(broker)
    bell = Button()
    os.chmod(bell.path, 0)
    for _ in range(3):
        bell.click(now() - 5 * S)
    service = as_nobody(broker)
    said("connected to")
    pause(1)
    os.chmod(bell.path, 0o644)
    first = has_events(receiver, 1)[0]
    equal((first["event"], first["seq"], first["count"], first["reason"]), ("lost", 1, 6, "first-start"))
    # A button that is bound after the first start loses nothing.
    with unseen(service):
        door = Button("button_irq1", "door")
        door.click(now() - 2 * S)
    has_events(receiver, 1, "gesture", "door")
    equal(seqs(receiver.events("event", "door")), [1, 2])
    equal((seqs(receiver.events("event", "bell")), seqs(receiver.events("gesture", "bell"))), ([1], []))
    stop(service)
    return None


def test_a_button_without_permission_for_a_while_loses_and_repeats_nothing():
    if os.geteuid():
        return "only root can become another user"
    broker = Broker()
    receiver = Receiver(broker)
    bell = Button()
    service = as_nobody(broker)
    said("connected to")
    with unseen(service):
        bell.click(now() - 5 * S)
    has_events(receiver, 2)
    has_events(receiver, 1, "gesture")
    is_acknowledged(r"2 \d+ 2")
    stop(service)
    os.chmod(bell.path, 0)
    service = as_nobody(broker, "forget-after = 1s\n")
    said("absent for longer than forget-after")
    wait_for(lambda: "button/pi/bell/state" not in retained(broker), "removed")
    bell.click(now() - 2 * S)
    # The same with a restart in between
    stop(service)
    service = as_nobody(broker, "forget-after = 1s\n")
    wait_for(lambda: read("err").count("connected to") == 3, "connected")
    os.chmod(bell.path, 0o644)
    has_events(receiver, 2, "gesture")
    equal((seqs(receiver.events()), seqs(receiver.events("gesture"))), ([1, 2, 3, 4], [2, 4]))
    assert "button/pi/bell/state" in retained(broker)
    stop(service)
    return None


def test_events_of_the_time_with_publish_no_are_never_sent():
    broker, receiver, bell, service = begin("[door]\npublish = no\n")
    door = Button("button_irq1", "door")
    with unseen(service):
        bell.click(now() - 9 * S)
        door.click(now() - 9 * S)
    has_events(receiver, 2)
    has_events(receiver, 1, "gesture")
    is_acknowledged(r"2 \d+ 2")
    stop(service)
    service = serve(broker.port, "[*]\npublish = no\n")
    said("bell: publish = no: its messages are removed")
    wait_for(lambda: "button/pi/bell/state" not in retained(broker), "removed")
    with unseen(service):
        bell.click(now() - 5 * S)
        door.click(now() - 5 * S)
    stop(service)
    # The next start does not send them either.
    service = serve(broker.port, "[*]\npublish = no\n")
    wait_for(lambda: read("err").count("connected to") == 3, "connected")
    stop(service)
    service = serve(broker.port)
    wait_for(lambda: {"button/pi/bell/state", "button/pi/door/state"} <= set(retained(broker)), "published")
    with unseen(service):
        bell.click(now() - 2 * S)
        door.click(now() - 2 * S)
    has_events(receiver, 2, "gesture", "bell")
    has_events(receiver, 1, "gesture", "door")
    equal((seqs(receiver.events("event", "bell")), seqs(receiver.events("gesture", "bell"))), ([1, 2, 5, 6], [2, 6]))
    equal((seqs(receiver.events("event", "door")), seqs(receiver.events("gesture", "door"))), ([5, 6], [6]))
    equal([topic for _, topic, payload in receiver.messages() if payload == "offline" and "door" in topic], [])
    stop(service)


def test_other_gesture_times_give_no_second_gesture_of_a_press():
    broker = Broker()
    receiver = Receiver(broker)
    # Clicks (start, length) in ms, and the number of the gesture in the state file
    for number, (clicks, old, new, gesture, kind) in enumerate((
            (((0, 500),), "double-time = off", "double-time = off\nhold-time = 100ms", "click", 2),
            (((0, 50), (200, 50)), "double-time = 400ms", "double-time = 50ms", "double", 3),
            (((0, 50), (200, 500)), "double-time = 400ms", "double-time = 50ms\nhold-time = 100ms", "double", 3))):
        service = serve(broker.port, f"[*]\n{old}\n", err=f"err{number}")
        said("connected to", f"err{number}")
        bell = Button(f"button_irq{number}", f"bell{number}")
        with unseen(service):
            t = now() - 5 * S
            for start, length in clicks:
                bell.click(t + start * MS, length * MS)
        wait_for(lambda: os.path.exists("state/acknowledged") and
                 re.search(rf"^button bell{number} \S+ \S+ {bell.seq} \d+ {kind} ", read("state/acknowledged"), re.M), gesture)
        stop(service)
        service = serve(broker.port, f"[*]\n{new}\n", err=f"again{number}")
        said("connected to", f"again{number}")
        with unseen(service):
            bell.click(now() - 2 * S, 10 * MS)
        wait_for(lambda: bell.seq in seqs(receiver.events("gesture", f"bell{number}")), "the next click")
        equal([g["gesture"] for g in receiver.events("gesture", f"bell{number}")], [gesture, "click"])
        stop(service)


DAMAGE = {"empty": b"", "cut": None, "garbage": b"\x00\xff\xfe" * 100, "other": b"button-irq-mqtt 2\nend\n",
          "long": b"button-irq-mqtt 1\n" + b"x" * 2_000_000, "words": b"button-irq-mqtt 1\nbutton bell x\nend\n",
          "numbers": b"button-irq-mqtt 1\nbutton bell a b -1 0 0 0 0 0\nend\n",
          "label": b"button-irq-mqtt 1\nbutton %00 a b 1 0 0 0 0 0\nend\n",
          "behind": b"button-irq-mqtt 1\nend\nbutton bell a b 1 0 0 0 0 0\n"}


def test_a_damaged_state_file_is_no_state_file():
    broker, receiver, bell, service = begin()
    bell.click()
    has_events(receiver, 2)
    is_acknowledged(r"2")
    stop(service)
    for name, data in DAMAGE.items():
        with open("state/acknowledged", "rb") as file:
            data = file.read()[:-3] if data is None else data
        with open("state/acknowledged", "wb") as file:
            file.write(data)
        before = bell.seq
        bell.click()
        count = len(receiver.events())
        service = serve(broker.port, err=f"err-{name}")
        wait_for(lambda: len(receiver.events()) > count, "the gap")
        fence(receiver, bell)
        assert re.search("state/acknowledged: .*: what was sent before is not known", read(f"err-{name}")), name
        events = receiver.events()[count:]
        equal((events[0]["event"], events[0]["reason"], events[0]["count"]), ("lost", "first-start", before + 2), name)
        equal(seqs(events[1:]), [before + 3, before + 4], name)
        stop(service)
        assert not re.search("Sanitizer|runtime error", read(f"err-{name}")), read(f"err-{name}")


def test_a_state_file_of_another_boot_reports_what_was_pending():
    broker, receiver, bell, service = begin()
    bell.click()
    has_events(receiver, 2)
    is_acknowledged(r"2")
    broker.stop()
    bell.click()
    bell.press()
    stop(service)
    bell.gone()
    # After a reboot, the driver's numbers and its clock start again.
    prepare(boot="99999999-2222-3333-4444-555555555555")
    bell = Button()
    bell.click(5 * S)
    broker.start()
    service = serve(broker.port)
    events = has_events(receiver, 5)[2:]
    equal((events[0]["event"], events[0]["reason"], events[0]["seq"], events[0]["count"], events[0]["boot"]),
          ("lost", "reboot", 3, 3, BOOT))
    equal([(event["seq"], event["boot"][:4]) for event in events[1:]], [(1, "9999"), (2, "9999")])
    stop(service)


def test_a_power_cut_is_reported_as_a_gap_of_unknown_length():
    broker, receiver, bell, service = begin()
    bell.click()
    has_events(receiver, 2)
    is_acknowledged(r"2")
    kill(service)
    bell.gone()
    prepare(boot="99999999-2222-3333-4444-555555555555")
    bell = Button()
    bell.press()
    service = serve(broker.port)
    lost, press = has_events(receiver, 4)[2:]
    equal((lost["event"], lost["reason"], lost["seq"], lost["count"]), ("lost", "reboot", 3, None))
    equal((press["event"], press["seq"]), ("press", 1))
    stop(service)


def test_a_state_directory_that_cannot_be_written_does_not_stop_events():
    broker = Broker()
    receiver = Receiver(broker)
    bell = Button()
    service = serve(broker.port, state="/proc/self")
    said("/proc/self/acknowledged: ")
    fence(receiver, bell)
    fence(receiver, bell)
    equal(read("err").count("/proc/self/acknowledged"), 1, read("err"))
    stop(service)
    service = serve(broker.port, state="absent", err="err2")
    wait_for(lambda: "absent: No such file" in read("err2"), "said")
    fence(receiver, bell)
    stop(service)


def test_a_full_disk_is_reported_and_written_to_when_there_is_room():
    os.makedirs("full")
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", "full"], check=False).returncode:
        return "cannot mount a tmpfs here"
    try:
        broker = Broker()
        receiver = Receiver(broker)
        bell = Button()
        with open("full/ballast", "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 512):
                    pass
            except OSError:
                pass
        service = serve(broker.port, state="full")
        said("full/acknowledged: No space left on device")
        fence(receiver, bell)
        equal(read("err").count("No space left"), 1)
        os.unlink("full/ballast")
        fence(receiver, bell)
        said("full/acknowledged: written again")
        stop(service)
    finally:
        base.cleanup()
        subprocess.run(["umount", "-l", "full"], check=True)
    return None


# --- Gaps ---

def overrun(button, keep):
    """Removes all but the last events, as if the driver's ring had overwritten them."""
    path = f"root/fake/{button.name}.log"
    with open(path, "rb") as log:
        data = log.read()[-32 * keep:]
    with open(path, "wb") as log:
        log.write(data)


def test_events_that_the_ring_overwrote_are_reported_as_lost():
    broker, receiver, bell, service = begin()
    bell.click()
    has_events(receiver, 2)
    is_acknowledged(r"2")
    stop(service)
    for _ in range(50):
        bell.click()
    overrun(bell, 10)
    service = serve(broker.port)
    fence(receiver, bell)
    events = receiver.events()[2:]
    equal((events[0]["event"], events[0]["seq"], events[0]["count"], events[0]["reason"]), ("lost", 3, 90, "overrun"))
    equal(seqs(events[1:]), list(range(93, bell.seq + 1)))
    stop(service)


def test_lost_and_missed_events_are_reported():
    _, receiver, bell, service = begin()
    bell.press()
    bell.emit(LOST, seq=2, count=7)
    bell.seq = 8
    bell.emit(MISSED, count=3)
    bell.release()
    events = has_events(receiver, 4)
    equal([(e["event"], e["seq"], e.get("count")) for e in events],
          [("press", 1, None), ("lost", 2, 7), ("missed", 9, 3), ("release", 10, None)])
    is_acknowledged(r"10")
    said("bell: 7 lost")
    said("bell: 3 missed")
    stop(service)


# --- Buttons come and go ---

def test_an_unbound_button_is_offline_and_comes_back():
    broker, receiver, bell, service = begin()
    door = Button("button_irq1", "door")
    wait_for(lambda: receiver.last("button/pi/door/availability") == "online", "a new button")
    bell.click()
    door.press()
    has_events(receiver, 3)
    first = receiver.events("event", "bell")[0]["binding"]
    bell.gone()
    wait_for(lambda: receiver.last("button/pi/bell/availability") == "offline", "offline")
    equal(receiver.last("button/pi/door/availability"), "online")
    equal(receiver.last("button/pi/availability"), "online")
    bell = Button()
    bell.press()
    wait_for(lambda: len(receiver.events("event", "bell")) >= 3, "the new binding's event")
    equal([(e["seq"], e["event"], e["binding"] == first) for e in receiver.events("event", "bell")],
          [(1, "press", True), (2, "release", True), (1, "press", False)])
    wait_for(lambda: receiver.last("button/pi/bell/availability") == "online", "online")
    wait_for(lambda: receiver.last("button/pi/bell/state") == "pressed", "pressed")
    # A binding whose events were all acknowledged has lost none.
    assert "lost" not in read("err"), read("err")
    stop(service)


def test_a_button_that_is_rebound_while_the_broker_is_away_loses_nothing():
    broker, receiver, bell, service = begin()
    bell.click()
    has_events(receiver, 2)
    # Wait for the acknowledgement: otherwise the event would come twice after the broker's restart.
    is_acknowledged(r"2")
    broker.stop()
    said("trying again")
    bell.click()
    log = bell.name
    bell.gone()
    bell = Button()
    bell.click()
    assert log == bell.name
    broker.start()
    wait_for(lambda: len(receiver.events()) >= 6, "both bindings' events")
    equal(seqs(receiver.events()), [1, 2, 3, 4, 1, 2])
    equal(len({e["binding"] for e in receiver.events()}), 2)
    assert "lost" not in [e["event"] for e in receiver.events()]
    stop(service)


def test_a_binding_that_was_never_seen_is_reported_as_lost():
    broker, receiver, bell, service = begin()
    bell.click()
    has_events(receiver, 2)
    is_acknowledged(r"2")
    broker.stop()
    said("trying again")
    bell.gone()
    bell = Button()
    bell.click()
    bell.gone()
    bell = Button()
    bell.press()
    broker.start()
    events = has_events(receiver, 4)
    equal([(e["event"], e["seq"], e.get("count")) for e in events[2:]], [("lost", 1, None), ("press", 1, None)])
    stop(service)


def test_a_button_that_was_rebound_while_it_did_not_run_may_have_lost_events():
    broker, receiver, bell, service = begin()
    bell.click()
    has_events(receiver, 2)
    is_acknowledged(r"2")
    stop(service)
    bell.click()
    bell.gone()
    bell = Button()
    bell.press()
    service = serve(broker.port)
    events = has_events(receiver, 4)
    equal([(e["event"], e["seq"], e.get("reason"), e.get("count")) for e in events[2:]],
          [("lost", 3, "rebound", None), ("press", 1, None, None)])
    stop(service)


def test_a_service_without_buttons_waits_for_one():
    broker = Broker()
    receiver = Receiver(broker)
    service = serve(broker.port)
    said("connected to")
    bell = Button()
    bell.press()
    equal(seqs(has_events(receiver, 1)), [1])
    stop(service)


def test_an_absent_button_is_forgotten():
    broker, receiver, bell, service = begin("discovery = homeassistant\nforget-after = 1s\n")
    door = Button("button_irq1", "door")
    wait_for(lambda: "button/pi/door/state" in retained(broker), "door")
    bell.gone()
    wait_for(lambda: "button/pi/bell/state" not in retained(broker), "bell is forgotten")
    kept = retained(broker)
    equal(sorted(topic for topic in kept if "homeassistant" not in topic),
          ["button/pi/availability", "button/pi/door/availability", "button/pi/door/state", "button/pi/machine"])
    assert "bell" not in read("state/acknowledged")
    stop(service)
    # A button that is removed while the service does not run is forgotten, too.
    door.gone()
    service = serve(broker.port, "discovery = homeassistant\nforget-after = 1s\n")
    wait_for(lambda: sorted(retained(broker)) == ["button/pi/availability", "button/pi/machine"], "nothing is left")
    equal(read("state/acknowledged"), "button-irq-mqtt 1\nend\n")
    # A forgotten button that comes back is published again.
    door = Button("button_irq1", "door")
    door.press()
    wait_for(lambda: receiver.events("event", "door"), "it is back")
    stop(service)


def test_publish_no_sends_nothing_of_a_button():
    broker = Broker()
    receiver = Receiver(broker)
    bell, secret = Button(), Button("button_irq1", "secret")
    service = serve(broker.port, "[secret]\npublish = no\n")
    said("connected to")
    secret.press()
    fence(receiver, bell)
    equal([topic for _, topic, _ in receiver.messages() if "secret" in topic], [])
    # The service must read unpublished events as well. Otherwise poll() would wake it again and again.
    has_events(receiver, 1, "gesture")
    is_acknowledged(r"2 \d+ 2")
    before = wakeups(service.pid)
    pause(1)
    assert wakeups(service.pid) - before <= 102
    stop(service)
    # publish = no removes the retained messages of an earlier run.
    service = serve(broker.port)
    wait_for(lambda: "button/pi/secret/state" in retained(broker), "published")
    stop(service)
    service = serve(broker.port, "[secret]\npublish = no\n")
    wait_for(lambda: not [topic for topic in retained(broker) if "secret" in topic], "removed")
    stop(service)


# --- Home Assistant ---

def discovery(receiver):
    """All discovery messages so far"""
    return [(topic, payload) for _, topic, payload in receiver.messages("config")]


def test_discovery_is_as_home_assistant_documents_it():
    bell = Button(label="front door")
    door = Button("button_irq1", "contact")
    text = ("discovery = homeassistant\n[*]\nrepeat-time = 250ms\n[front door]\nname = Bell\ndevice-class = doorbell\n"
            "[contact]\nstate-class = door\n")
    broker, receiver, _, service = begin(text, button=bell)
    topic, payload = wait_for(lambda: discovery(receiver), "discovery")[-1]
    components = homeassistant.check(topic, payload, 2)
    kept = retained(broker)
    equal(kept[topic], payload, "retained")
    names = {(c["platform"], c.get("name") or c.get("subtype")) for c in components.values()}
    equal(names, {(platform, name) for platform in ("event", "binary_sensor", "device_automation")
                  for name in ("Bell", "contact")})
    events = {c["name"]: c for c in components.values() if c["platform"] == "event"}
    equal((events["Bell"]["device_class"], events["Bell"]["event_types"]), ("doorbell", ["ring"]))
    equal((events["contact"]["device_class"], "repeat" in events["contact"]["event_types"]), ("button", True))
    sensors = {c["name"]: c for c in components.values() if c["platform"] == "binary_sensor"}
    equal((sensors["contact"]["device_class"], sensors["Bell"].get("device_class")), ("door", None))
    # The messages match the discovery message.
    with unseen(service):
        bell.click(now() - 9 * S)
        door.click(now() - 9 * S, 2 * S)
    wait_for(lambda: len(receiver.events("gesture", "contact")) >= 6, "gestures")
    for gesture in receiver.events("gesture", "contact"):
        assert gesture["event_type"] in events["contact"]["event_types"], gesture
    for label in ("front door", "contact"):
        for gesture in receiver.events("gesture", label):
            homeassistant.triggered(components, f"button/pi/{urllib.parse.quote(label)}/gesture", gesture)
    equal(homeassistant.rings(events["Bell"], receiver.messages()), 1)
    stop(service)


def test_a_removed_button_is_removed_from_discovery_in_two_steps():
    _, receiver, bell, service = begin("discovery = homeassistant\nforget-after = 1s\n")
    door = Button("button_irq1", "door")
    wait_for(lambda: "door" in discovery(receiver)[-1][1], "door")
    before = len(discovery(receiver))
    bell.gone()
    wait_for(lambda: len(discovery(receiver)) >= before + 2, "two messages")
    first, second = [json.loads(payload)["components"] for _, payload in discovery(receiver)[before:before + 2]]
    gone = {id: c for id, c in first.items() if id.startswith("bell-")}
    equal(len(gone), 6)
    for id, c in gone.items():
        equal(set(c), {"platform"}, id)
    homeassistant.check(*discovery(receiver)[-1], 1)
    assert not [id for id in second if id.startswith("bell-")], second
    door.gone()
    wait_for(lambda: discovery(receiver)[-1][1] == "", "an empty message for the last one")
    stop(service)


def test_discovery_is_sent_again_on_home_assistants_birth():
    broker, receiver, _, service = begin("discovery = homeassistant\ndiscovery-prefix = ha/x\n")
    wait_for(lambda: len(discovery(receiver)) == 1, "discovery")
    publish(broker, "ha/x/status", "offline")
    publish(broker, "ha/x/status", "online")
    wait_for(lambda: len(discovery(receiver)) >= 2, "sent again")
    equal(discovery(receiver)[0], discovery(receiver)[1])
    assert discovery(receiver)[0][0].startswith("ha/x/device/"), discovery(receiver)
    # Unexpected messages on the two topics to which the service subscribes
    for text in ("", "x" * 100_000, "\xff{}%s%n"):
        publish(broker, "ha/x/status", text)
        publish(broker, "button/pi/machine", text, "-r")
    publish(broker, "ha/x/status", "online")
    wait_for(lambda: len(discovery(receiver)) >= 3, "sent again")
    stop(service)
    equal(len(discovery(receiver)), 3)


def test_discovery_that_is_switched_off_is_removed():
    broker, _, _, service = begin("discovery = homeassistant\n")
    wait_for(lambda: [topic for topic in retained(broker) if "homeassistant" in topic], "discovery")
    kill(service)
    service = serve(broker.port)
    wait_for(lambda: not [topic for topic in retained(broker) if "homeassistant" in topic], "no discovery")
    wait_for(lambda: "discovery" not in read("state/acknowledged"), "remembered")
    stop(service)


def test_a_prefix_with_a_blank_is_remembered():
    broker = Broker()
    Button()
    for number in range(2):
        service = serve(broker.port, "discovery = homeassistant\ndiscovery-prefix = my house\n", err=f"err{number}")
        said("connected to", f"err{number}")
        wait_for(lambda: "\ndiscovery my%20house%2Fdevice%2F" in read("state/acknowledged"), "remembered")
        stop(service)
    assert "damaged" not in read("err1"), read("err1")


# --- Other hosts ---

def test_two_machines_of_one_name_do_not_disconnect_each_other():
    broker, _, _, one = begin()
    prepare(machine="f" * 32)
    two = serve(broker.port, state="state2", err="err2")
    wait_for(lambda: "another machine uses" in read("err") + read("err2"), "said")
    publish(broker, "button/pi/machine", "x")
    pause(1)
    for err in ("err", "err2"):
        equal(read(err).count("connected to"), 1, read(err))
        assert read(err).count("another machine") <= 2, read(err)
    stop(one)
    stop(two)


# --- The service manager, and rest ---

def test_the_service_manager_is_notified():
    broker = Broker()
    Button()
    sock, env = notify_socket()
    service = serve(broker.port, env=dict(env, WATCHDOG_USEC="2000000"))
    texts = []
    wait_for(lambda: texts.append(sock.recv(4096).decode()) or texts.count("WATCHDOG=1") >= 2, "watchdog")
    assert texts[0] == "WATCHDOG=1" or "READY=1" in texts[0], texts
    assert any("STATUS=connected to" in text for text in texts), texts
    service.terminate()
    wait_for(lambda: texts.append(sock.recv(4096).decode()) or "STOPPING=1" in texts, "stopping")
    base.ends(service, 0)


def test_an_idle_service_sleeps():
    for text, connected in (("", True), ("", False)):
        broker = Broker(directory=f"broker{connected}") if connected else None
        bell = Button(f"button_irq{'' if connected else 9}", f"bell{connected}")
        bell.press()
        service = serve(broker.port if broker else 1, text, err=f"err{connected}")
        said("connected to" if connected else "refused", f"err{connected}")
        # Wait until this press has become a hold.
        pause(2.5)
        before = wakeups(service.pid)
        pause(4)
        woken = wakeups(service.pid) - before
        # Without a broker the service tries to connect again, by now at most every two seconds.
        assert woken <= (0 if connected else 312), f"{woken} wake-ups in 4 s, connected: {connected}"
        stop(service)


def test_keep_alive_keeps_the_connection():
    broker, _, _, service = begin("keep-alive = 5s\n")
    wait_for(lambda: read(f"{broker.directory}.log").count("Received PINGREQ from button-irq-pi") >= 2, "two of them")
    equal(read("err").count("connected to"), 1, read("err"))
    before = wakeups(service.pid)
    pause(6)
    assert wakeups(service.pid) - before <= 206, f"{wakeups(service.pid) - before} wake-ups"
    stop(service)


def test_a_stop_sends_what_is_on_its_way():
    broker, receiver, bell, service = begin()
    for _ in range(5):
        for _ in range(10):
            bell.click()
        stop(service)
        connections = read("err").count("connected to")
        service = serve(broker.port)
        wait_for(lambda: read("err").count("connected to") > connections, "connected")
    fence(receiver, bell)
    equal(list(dict.fromkeys(seqs(receiver.events()))), list(range(1, bell.seq + 1)))
    stop(service)


def test_the_unit_is_hardened():
    result = subprocess.run(["systemd-analyze", "--no-pager", "security", "--offline=true", "--threshold=20", UNIT],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    equal(result.returncode, 0, "\n".join(line for line in result.stdout.splitlines() if "✗" in line or "exposure" in line))
    print(f"# {result.stdout.strip().splitlines()[-1]}")


if __name__ == "__main__":
    sys.exit(base.main(globals(), sys.argv[3:]))
