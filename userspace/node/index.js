// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buttons of the kernel module button_irq for Node.js
 *
 * The command `button-irq watch --json` reads the device and recognises gestures; this file starts the command and passes
 * its events on. Reading the device with the fs module would block a thread of libuv's pool for each button: four of
 * them stop every file operation of the program.
 */
"use strict";

const { execFile, spawn } = require("node:child_process");
const { EventEmitter } = require("node:events");

const GESTURES = ["click", "double", "hold", "repeat"];
const EVENTS = ["press", "release", "lost", "missed", "state", "absent", ...GESTURES];
const DEFAULT_EVENTS = ["press", "release", "click", "double", "hold", "lost", "missed"];
/* Number of events that may wait for an iterator. Beyond it the command's output is left unread. */
const QUEUE_EVENTS = 64;
/* Length of the command's messages that is kept for an error */
const MESSAGE_CHARACTERS = 2048;
const WEEK_MS = 7 * 24 * 3600 * 1000;

class ButtonError extends Error {
	constructor(message, code, details) {
		super(message);
		this.name = "ButtonError";
		this.code = code;
		Object.assign(this, details);
	}
}

/* The end of the command as an error */
function failure(command, exitCode, signal, messages) {
	const said = messages.split("\n").filter((line) => line && !line.startsWith("Try '")).pop();
	let message = said?.replace(/^button-irq: /, "") ?? `${command}: exit code ${exitCode}`;

	if (signal)
		message = `${command}: ended by ${signal}`;
	return new ButtonError(message, exitCode === 3 ? "ENODEV" : "ERR_BUTTON_IRQ", { exitCode, signal });
}

function notStarted(command, error) {
	const message = error.code === "ENOENT" ?
		`${command}: command not found; install the package button-irq, or set the option "command"` :
		`${command}: ${error.message}`;

	return new ButtonError(message, error.code, { cause: error });
}

/*
 * One line of the command. A JavaScript number does not hold the nanoseconds of a date, so these become BigInt. They are
 * not enumerable, since JSON.stringify() refuses objects with a BigInt. No label can look like such a field: its quotes
 * are escaped.
 */
function parse(line) {
	const event = JSON.parse(line);

	for (const [, name, digits] of line.matchAll(/"(\w+_ns)":(\d+)/g))
		Object.defineProperty(event, name, { value: BigInt(digits), enumerable: false });
	if (event.realtime_ns !== undefined)
		event.date = new Date(Number(event.realtime_ns / 1000000n));
	return event;
}

function timeOption(name, ms) {
	if (ms === undefined)
		return [];
	if (typeof ms !== "number")
		throw new TypeError(`${name}: not a number of milliseconds`);
	if (!(ms >= 0.001 && ms <= WEEK_MS))
		throw new RangeError(`${name}: ${ms} is not between 0.001 and ${WEEK_MS} milliseconds`);
	return [`--${name.replace("Time", "-time")}=${Math.round(ms * 1000)}us`];
}

function checkEvents(events) {
	if (!Array.isArray(events))
		throw new TypeError("events: not an array");
	const wrong = events.find((name) => !EVENTS.includes(name));
	if (wrong !== undefined)
		throw new RangeError(`events: "${wrong}" is none of ${EVENTS.join(", ")}`);
	return new Set(events);
}

class Button extends EventEmitter {
	#command;
	#child;
	#signal;
	#abort = () => this.close();
	#wanted;
	#single;
	#state;
	/* Text behind the last end of line */
	#rest = "";
	#messages = "";
	/* Events that wait for an iterator, or for the first listener or iterator */
	#queue = [];
	/* Calls of next() that wait for an event */
	#waiting = [];
	#listened = false;
	#iterated = false;
	/* Why the command ended, for the next call of next() */
	#error;
	#closing = false;
	#ended = false;
	#closed;
	#resolveClosed;

	constructor(names, options) {
		super();
		const { command = "button-irq", events = DEFAULT_EVENTS, follow = false, history = false, signal } = options;

		/* Checked before the command runs: after an exception nobody could close() it. */
		if (signal !== undefined && (typeof signal?.addEventListener !== "function" || typeof signal.aborted !== "boolean"))
			throw new TypeError("signal: not an AbortSignal");
		this.#command = command;
		this.#signal = signal;
		this.#wanted = checkEvents(events);
		this.#single = names.length <= 1;
		this.#closed = new Promise((resolve) => { this.#resolveClosed = resolve; });
		/* Presses, releases and gaps are always printed, to keep the state up to date. */
		const printed = ["press", "release", "lost", "missed", "absent",
			...GESTURES.filter((name) => this.#wanted.has(name))];
		const args = ["watch", "--json", "--state", `--events=${printed.join(",")}`,
			...timeOption("holdTime", options.holdTime), ...timeOption("doubleTime", options.doubleTime),
			...timeOption("repeatTime", options.repeatTime), ...follow ? ["--follow"] : [],
			...history ? ["--history"] : [], "--", ...names];

		this.on("newListener", (name) => this.#addListener(name));
		if (signal?.aborted) {
			this.#closing = true;
			process.nextTick(() => this.#end());
			return;
		}
		this.#start(args);
		signal?.addEventListener("abort", this.#abort, { once: true });
	}

	#start(args) {
		/* A session of its own keeps ^C from the command. The command ends when its output has no reader. */
		const child = spawn(this.#command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });

		child.on("error", (error) => {
			/* Also emitted when a running child could not be signalled. Such a child still runs. */
			if (child.pid === undefined)
				this.#end(notStarted(this.#command, error));
		});
		/* A spawn() that fails for lack of descriptors (EMFILE) leaves no streams, only the error above. */
		if (!child.stdout)
			return;
		this.#child = child;
		child.stdout.setEncoding("utf8");
		child.stdout.on("data", (text) => {
			this.#rest += text;
			this.#takeLines();
		});
		child.stderr.setEncoding("utf8");
		child.stderr.on("data", (text) => {
			this.#messages = (this.#messages + text).slice(-MESSAGE_CHARACTERS);
		});
		child.on("close", (exitCode, signal) => {
			if (child.pid !== undefined)
				this.#end(failure(this.#command, exitCode, signal, this.#messages));
		});
	}

	/* A listener that throws ends this loop. The events behind that one are taken later. */
	#takeLines() {
		let done = false;

		try {
			for (let end; !this.#closing && (end = this.#rest.indexOf("\n")) >= 0;) {
				const line = this.#rest.slice(0, end);

				this.#rest = this.#rest.slice(end + 1);
				this.#takeLine(line);
			}
			done = true;
		} finally {
			if (!done)
				setImmediate(() => this.#takeLines());
		}
	}

	#takeLine(line) {
		let event;

		try {
			event = parse(line);
		} catch {
			this.#fail(new ButtonError(`${this.#command}: not a line of JSON: ${line.slice(0, 100)}`,
				"ERR_BUTTON_IRQ"));
			return;
		}
		if (EVENTS.includes(event.event))
			this.#take(event);
	}

	#take(event) {
		if (this.#single) {
			const states = { press: "pressed", release: "released", state: event.state, absent: "absent" };

			this.#state = states[event.event] ?? this.#state;
		}
		if (!this.#listened || this.#iterated)
			this.#enqueue(event);
		if (this.#listened)
			this.emit(event.event, event);
	}

	#enqueue(event) {
		if (this.#iterated && !this.#wanted.has(event.event))
			return;
		const waiting = this.#waiting.shift();

		if (waiting) {
			waiting.resolve({ value: event, done: false });
			return;
		}
		this.#queue.push(event);
		/* Then the pipe fills, the command stops reading, and the driver counts the events that it overwrites. */
		if (this.#queue.length >= QUEUE_EVENTS)
			this.#child.stdout.pause();
	}

	#addListener(name) {
		if (GESTURES.includes(name) && !this.#wanted.has(name))
			throw new RangeError(`"${name}" is not in the option "events", so it is not recognised`);
		if (!EVENTS.includes(name) || this.#listened)
			return;
		/* Listeners that are added together see the same events. */
		process.nextTick(() => this.#beginListening());
	}

	#beginListening() {
		if (this.#listened)
			return;
		this.#listened = true;
		if (this.#iterated)
			return;
		this.#emitQueue();
	}

	#emitQueue() {
		let done = false;

		try {
			while (this.#queue.length && !this.#closing) {
				const event = this.#queue.shift();

				this.emit(event.event, event);
			}
			done = true;
		} finally {
			if (!done)
				setImmediate(() => this.#emitQueue());
		}
		this.#child?.stdout.resume();
	}

	#fail(error) {
		this.#error ??= error;
		this.#closing = true;
		this.#child.kill();
	}

	/*
	 * The command has ended. A loop gets the error behind the events that wait for the loop. Without a loop the error
	 * is emitted, and so ends a program that has no listener for "error", as with every EventEmitter.
	 */
	#end(error) {
		if (this.#ended)
			return;
		this.#ended = true;
		this.#signal?.removeEventListener("abort", this.#abort);
		if (this.#closing)
			error = this.#error;
		this.#error = error;
		const waiting = this.#waiting.splice(0);

		if (error && waiting.length) {
			this.#error = undefined;
			waiting.shift().reject(error);
		}
		for (const { resolve } of waiting)
			resolve({ value: undefined, done: true });
		this.#resolveClosed();
		try {
			if (error && (!this.#iterated || this.listenerCount("error")))
				this.emit("error", error);
		} finally {
			this.emit("close");
		}
	}

	/* "pressed", "released" or "absent"; undefined while the state is not known, and for several buttons. */
	get state() {
		return this.#state;
	}

	get pid() {
		return this.#child?.pid;
	}

	/* Ends the command and all loops. Resolves once the command has ended. */
	close() {
		if (!this.#closing && !this.#ended) {
			this.#closing = true;
			this.#child?.kill();
			/* Unread output would keep the child's "close" from coming. */
			this.#child?.stdout.resume();
		}
		this.#queue.length = 0;
		for (const { resolve } of this.#waiting.splice(0))
			resolve({ value: undefined, done: true });
		return this.#closed;
	}

	/* Lets the program end although the button is open. */
	unref() {
		for (const handle of [this.#child, this.#child?.stdout, this.#child?.stderr])
			handle?.unref();
		return this;
	}

	ref() {
		for (const handle of [this.#child, this.#child?.stdout, this.#child?.stderr])
			handle?.ref();
		return this;
	}

	#next() {
		const event = this.#queue.shift();

		if (event) {
			if (!this.#ended && this.#queue.length < QUEUE_EVENTS)
				this.#child.stdout.resume();
			return Promise.resolve({ value: event, done: false });
		}
		if (!this.#ended && !this.#closing)
			return new Promise((resolve, reject) => { this.#waiting.push({ resolve, reject }); });
		const error = this.#error;

		this.#error = undefined;
		return error ? Promise.reject(error) : Promise.resolve({ value: undefined, done: true });
	}

	/* All iterators of a button take from the same events. */
	[Symbol.asyncIterator]() {
		if (!this.#iterated) {
			this.#iterated = true;
			this.#queue = this.#queue.filter((event) => this.#wanted.has(event.event));
			if (!this.#ended && this.#queue.length < QUEUE_EVENTS)
				this.#child?.stdout.resume();
		}
		return {
			next: () => this.#next(),
			return: async (value) => {
				await this.close();
				return { value, done: true };
			},
			[Symbol.asyncIterator]() {
				return this;
			},
		};
	}
}

/* Opens a button: by its label, node or path; several by an array of these; without a name the first one. */
function button(name, options = {}) {
	if (name !== null && typeof name === "object" && !Array.isArray(name))
		[name, options] = [undefined, name];
	const names = name === undefined ? [] : [name].flat();

	if (!names.every((one) => typeof one === "string"))
		throw new TypeError("button: a name is a string");
	if (name !== undefined && !names.length)
		throw new TypeError("button: an empty array of names");
	return new Button(names, options);
}

/* Lists the existing buttons, with their settings and counters. */
function buttons({ command = "button-irq", signal } = {}) {
	return new Promise((resolve, reject) => {
		execFile(command, ["status", "--json"], { signal }, (error, output, messages) => {
			if (error && typeof error.code === "string") {
				reject(error.name === "AbortError" ? error : notStarted(command, error));
				return;
			}
			try {
				/* Without buttons the list is empty and the exit code is 3. */
				resolve(JSON.parse(output));
			} catch {
				reject(failure(command, error?.code, error?.signal, messages));
			}
		});
	});
}

module.exports = { Button, ButtonError, button, buttons };
