// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared by the Node tests: faked buttons for the real command (see tests/userspace/fake_device.c), and waitFor()
 *
 * BUTTON_IRQ_FAKE is the directory of that command, BUTTON_IRQ_PACKAGE that of the package under test.
 */
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const TOP = path.resolve(__dirname, "../..");
const COMMAND = path.join(process.env.BUTTON_IRQ_FAKE ?? path.join(TOP, "build/node/fake"), "button-irq");
const PACKAGE = process.env.BUTTON_IRQ_PACKAGE ?? path.join(TOP, "userspace/node");
const DEADLINE_MS = Number(process.env.DEADLINE ?? 60) * 1000;
const TYPES = { press: 1, release: 2, lost: 3, missed: 4 };
const REALTIME_NS = 1700000000123456789n;	/* as in fake_device.c */
const MS = 1000000n;

/* A faked button. Its files are in root/, below the working directory. */
class FakeButton {
	constructor(label = "bell", node = "button_irq") {
		Object.assign(this, { label, node, seq: 0, pressed: false, pressedAt: 0n });
		this.dir = `root/sys/class/button_irq/${node}`;
		this.path = `root/dev/${node}`;
		for (const dir of [this.dir, "root/dev", "root/fake", "root/sys/module/button_irq"])
			fs.mkdirSync(dir, { recursive: true });
		fs.writeFileSync(`root/fake/${node}.log`, "");
		this.writeState();
		/* Opened before the FIFO gets its name: a FIFO without a writer is a button that is gone. */
		execFileSync("mkfifo", ["root/fifo"]);
		this.fd = fs.openSync("root/fifo", fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
		fs.renameSync("root/fifo", this.path);
		fs.chmodSync(this.path, 0o644);
	}

	writeState() {
		const info = Buffer.alloc(128);
		const state = this.pressed ? "pressed" : "released";
		const files = { label: this.label, line: "chip:4", debounce_us: 1000, debounce_mode: "eager", state,
			presses: 0, releases: 0, edges: this.seq, inferred: 0, bounces: 0, missed: 0, storms: 0 };

		[1, Number(this.pressed), 1000, 0, 1024].forEach((value, i) => info.writeUInt32LE(value, 4 * i));
		info.write(this.label, 32, 31);
		info.write("chip:4", 64);
		replace(`root/fake/${this.node}.info`, info);
		for (const [name, value] of Object.entries(files))
			replace(`${this.dir}/${name}`, `${value}\n`);
	}

	emit(type, { at = process.hrtime.bigint(), held = 0n, count = 0 } = {}) {
		const event = Buffer.alloc(32);

		event.writeBigUInt64LE(BigInt(++this.seq), 0);
		event.writeBigUInt64LE(at, 8);
		event.writeBigUInt64LE(held, 16);
		event.writeUInt32LE(TYPES[type], 24);
		event.writeUInt32LE(count, 28);
		this.writeState();
		fs.appendFileSync(`root/fake/${this.node}.log`, event);
		try {
			fs.writeSync(this.fd, "!");
		} catch (error) {
			assert.equal(error.code, "EAGAIN");
		}
	}

	press(at = process.hrtime.bigint()) {
		this.pressed = true;
		this.pressedAt = at;
		this.emit("press", { at });
	}

	release(at = process.hrtime.bigint()) {
		this.pressed = false;
		this.emit("release", { at, held: at - this.pressedAt });
	}

	click(at = process.hrtime.bigint()) {
		this.press(at);
		this.release(at + 50n * MS);
	}

	gone() {
		fs.rmSync(this.dir, { recursive: true });
		fs.unlinkSync(`root/fake/${this.node}.log`);
		fs.unlinkSync(this.path);
		fs.closeSync(this.fd);
	}
}

function replace(file, data) {
	fs.writeFileSync(`${file}.new`, data);
	fs.renameSync(`${file}.new`, file);
}

/* Gives the test its own working directory, until it ends. */
function inDirectory(t) {
	const before = process.cwd();
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), "button_irq-"));

	fs.chmodSync(dir, 0o755);
	process.chdir(dir);
	/* The command watches this directory for new buttons. */
	fs.mkdirSync("root/dev", { recursive: true });
	t.after(() => {
		process.chdir(before);
		fs.rmSync(dir, { recursive: true, force: true });
	});
	return dir;
}

/* Makes a program from the text of a Node program, to replace the command. Returns its path. */
function standIn(text) {
	const file = path.resolve("stand-in");

	fs.writeFileSync(file, `#!${process.execPath}\n"use strict";\n${text}\n`, { mode: 0o755 });
	return file;
}

async function waitFor(condition, what) {
	const end = Date.now() + DEADLINE_MS;

	for (;;) {
		const result = await condition();

		if (result)
			return result;
		assert.ok(Date.now() < end, `after ${DEADLINE_MS} ms still not: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

function alive(pid) {
	try {
		/* A zombie has ended. */
		return !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
	} catch {
		return false;
	}
}

module.exports = { COMMAND, FakeButton, MS, PACKAGE, REALTIME_NS, TOP, alive, inDirectory, standIn, waitFor };
