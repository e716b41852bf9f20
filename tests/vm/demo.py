#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The demo: a board in QEMU, a button that bounces on one of its pins, and a shell script that reads /dev/button_irq.

Guest time passes as host time does. The demo presses the button from outside, through QEMU's qtest socket, and shows the
edges on the pin next to the lines that the script in the guest read.
"""

import argparse
import contextlib
import os
import random
import select
import sys
import termios
import threading
import time
import tty

from run import MACHINES, TOP, Failure, Machine, connect, raspi

# Longer than the default: a busy host may delay an edge in the middle of a bounce, and a late edge is no bounce.
DEBOUNCE_S = 0.030
# Pins of the board's controller, for button_irq and for the flag driver. A press moves both.
PINS, PI_PINS = (5, 6), (17, 27)
WIDTH = 46                  # width of the left column


class Screen:
    """Prints rows of two columns. The rows of the right column come from another thread."""

    def __init__(self, color):
        self.lock = threading.Lock()
        self.color = color

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.color and code else text

    def row(self, left="", right="", code=""):
        with self.lock:
            print(f"{left:<{WIDTH}}│ {self.paint(code, right)}".rstrip(), end="\r\n" if self.color else "\n", flush=True)


class Finger:
    """Presses the button as a finger does: the contact bounces for some milliseconds."""

    def __init__(self, machine, screen, seed):
        self.machine, self.screen = machine, screen
        self.random = random.Random(seed)
        self.presses = self.edges = self.torn = 0
        self.started = None
        self.button, self.flag = PI_PINS if machine.is_pi else PINS

    def set(self, level):
        self.machine.set_line(self.flag, level)
        # A Raspberry Pi pulls the pin up, so an open contact drives nothing.
        self.machine.set_line(self.button, -1 if level and self.machine.is_pi else level)

    def move(self, down, name):
        """Changes the line, with bounces. Level 0 is pressed: the button is between the pin and ground."""
        levels = [int(not down)]
        for _ in range(self.random.randint(0, 5)):
            levels += [int(down), int(not down)]
        began = time.monotonic()
        self.started = self.started or began
        for level in levels[:-1]:
            self.set(level)
            time.sleep(self.random.uniform(0.0001, 0.0004))
        self.set(levels[-1])
        took = time.monotonic() - began
        self.edges += len(levels)
        self.presses += down
        wave = "".join("▁▔"[level] for level in [int(down), *levels, levels[-1], levels[-1]])
        edges = "edges" if len(levels) > 1 else "edge "
        self.screen.row(f"{began - self.started:7.3f} s  {name:<8}{len(levels):2} {edges}  {wave}")
        if took > DEBOUNCE_S:
            # Edges further apart than the debounce time are no bounces: the driver has to report further presses.
            self.torn += 1
            self.screen.row(f"           (busy host: took {took * 1000:.0f} ms, no bounce)")

    def press(self, hold):
        self.move(True, "press")
        time.sleep(hold)
        self.move(False, "release")


class Guest(threading.Thread):
    """Reads the script's output from the console."""

    def __init__(self, machine, screen, log):
        super().__init__(daemon=True)
        self.screen = screen
        self.sock = connect(machine.dir / "serial")
        self.machine = machine
        self.log = open(log, "w", encoding="utf-8", buffering=1)
        self.ready, self.done = threading.Event(), threading.Event()
        self.news = threading.Condition()
        self.kernel, self.counters = "", {}
        self.presses = self.releases = self.lost = self.flags = 0
        self.expected = 1
        self.untold = 0

    def run(self):
        text = ""
        while data := self.sock.recv(4096):
            *lines, text = (text + data.decode(errors="replace")).split("\n")
            for line in lines:
                self.log.write(line + "\n")
                if line.startswith("@"):
                    with self.news:
                        self.heard(*line[1:].split())
                        self.news.notify()
        self.log.close()
        self.ready.set()
        self.done.set()

    def heard(self, what, *words):
        if what == "ready":
            self.kernel = words[0]
            self.ready.set()
        elif what == "event":
            seq, event = int(words[0]), words[2]
            self.untold += seq != self.expected
            self.expected = seq + (int(words[3]) if event == "lost" else 1)
            self.presses += event == "press"
            self.releases += event == "release"
            self.lost += int(words[3]) if event in ("lost", "missed") else 0
            self.screen.row("", " ".join(words), {"press": "1;32", "release": "32"}.get(event, "1;31"))
        elif what == "flag":
            self.flags += 1
        elif what == "counters":
            names = ("edges", "presses", "releases", "bounces", "inferred", "missed")
            self.counters = dict(zip(names, map(int, words)))
            self.done.set()

    def end(self, presses, torn):
        """Waits until the script has read a release for each press, then ends the script. Torn bounces make further events:
        after these, waits until the guest has printed nothing for 2 s."""
        with self.news:
            self.news.wait_for(lambda: self.releases >= presses, 30)
            while torn and self.news.wait(2):
                pass
        # A Raspberry Pi's script asks whether the demo is over; the other script waits for a line.
        self.machine.over = True
        if not self.machine.is_pi:
            self.sock.sendall(b"\n")
        return self.done.wait(30) and self.counters


def play(finger):
    """Makes four slow presses, then six quick ones, during which the script is still busy with earlier ones."""
    for hold, gap in [(0.15, 0.35)] * 4 + [(0.06, 0.06)] * 6:
        finger.press(hold)
        time.sleep(gap)


@contextlib.contextmanager
def keyboard():
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def interactive(finger, guest):
    """The space bar is the button. A terminal does not report when a key is released, so each stroke is a press of 0.1 s."""
    with keyboard():
        held = False
        while not guest.done.is_set():
            if not select.select([sys.stdin], [], [], 0.1)[0]:
                continue
            key = os.read(sys.stdin.fileno(), 1)
            if key == b" " and not held:
                finger.press(0.1)
            elif key == b"h":
                held = not held
                finger.move(held, "press" if held else "release")
            elif key in (b"q", b"\x03", b"\x04", b""):
                break
            time.sleep(DEBOUNCE_S)
        if held:
            finger.move(False, "release")


def serve(machine):
    try:
        machine.serve()
    except (Failure, OSError):
        pass        # QEMU has ended; the main thread reports that


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("kernel", help="name in tests/vm/kernels")
    parser.add_argument("--board", choices=raspi.BOARDS, help="an emulated Raspberry Pi (default: QEMU's virt board)")
    parser.add_argument("--interactive", action="store_true", help="press the button with the space bar")
    parser.add_argument("--seed", type=int, default=17, help="seed of the random bounces (default: 17)")
    args = parser.parse_args()

    if args.interactive and not sys.stdin.isatty():
        parser.error("--interactive needs a terminal")
    # Real-time priority keeps the edges of a bounce close together; without permission the demo runs at normal priority. QEMU
    # must not inherit the priority when it emulates a Raspberry Pi, which may have more CPUs than the host: an emulated CPU
    # that polls would keep another one from ever running.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR | (os.SCHED_RESET_ON_FORK if args.board else 0), os.sched_param(1))

    log = TOP / "build/log/demo.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    script = "/opt/button_irq/demo-guest.sh"
    board = MACHINES[args.board or "arm64"]
    chip, (button, flag) = board["chip"], PI_PINS if args.board else PINS
    tty = board.get("host_tty", "")
    machine = Machine(
        args.kernel, log, realtime=True, board=args.board, wires=False,
        files={script: TOP / "tests/vm/demo-guest.sh"},
        conf={"STIMULUS": "none", "TESTS": "", "HOST_TTY": tty,
              "COMMAND": f"bash {script} {chip}:{button} {int(DEBOUNCE_S * 1e6)} {chip} {flag} {tty}"})
    machine.serial = f"unix:{machine.dir}/serial,server=on,wait=off"
    screen = Screen(sys.stdout.isatty())
    if args.board:
        print(raspi.HEADER.format(**board))
    print(f"## booting an emulated {board.get('model', 'board')} with Debian's kernel, {args.kernel} (about 15 s)",
          flush=True)
    try:
        machine.start()
        guest = Guest(machine, screen, log)
        guest.start()
        threading.Thread(target=serve, args=(machine,), daemon=True).start()
        if not guest.ready.wait(180) or not guest.kernel:
            raise Failure(f"the guest is not ready after 3 minutes, see {log}")
        finger = Finger(machine, screen, args.seed)
        print(f"## Linux {guest.kernel}: button_irq.ko is loaded, a shell script reads /dev/button_irq")
        if args.interactive:
            print("## space: press the button   h: hold it, let it go   q: end")
        print()
        screen.row("on the pin (▁ pressed)", "what the script read: seq time event detail")
        screen.row("─" * (WIDTH - 1), "─" * 44)
        if args.interactive:
            interactive(finger, guest)
        else:
            play(finger)
        if not guest.end(finger.presses, finger.torn):
            raise Failure(f"the guest does not answer, see {log}")
    except Failure as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    finally:
        machine.close()

    wanted = guest.counters["presses"] if finger.torn else finger.presses
    good = guest.presses == guest.releases == wanted >= finger.presses and not guest.lost and not guest.untold
    print(f"""
presses made          {finger.presses:5}   ({finger.edges} edges on the pin, {guest.counters["edges"]} interrupts)
presses seen          {guest.presses:5}   by the script, from /dev/button_irq
bounces removed       {guest.counters["bounces"]:5}
lost                  {guest.lost + guest.untold:5}
seen by a flag        {guest.flags:5}   by a loop that looks at a flag every 0.1 s, on the same presses:
                              it takes bounces for presses, and quick presses for one""")
    if not args.board and not args.interactive:
        print("\nThe same on an emulated Raspberry Pi: make demo BOARD=raspi3b (builds a QEMU first, about 7 min, once)")
    if not good:
        print("demo: the script did not see what was pressed", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
