// SPDX-License-Identifier: GPL-2.0-only
/* Tests the npm package button-irq with the real command on faked buttons, and with programs that replace the command */
"use strict";

const assert = require("node:assert/strict");
const { execFileSync, spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const { COMMAND, FakeButton, MS, PACKAGE, REALTIME_NS, TOP, alive, inDirectory, standIn, waitFor } = require("./fake.js");
const { ButtonError, button: openButton, buttons } = require(PACKAGE);

const S = 1000n * MS;

/* All open buttons: a button that a failed test leaves open would keep this program from ending. */
const sources = new Set();

function button(...args) {
	const source = openButton(...args);

	sources.add(source);
	return source;
}

test.afterEach(async () => {
	for (const source of sources) {
		sources.delete(source);
		await source.close();
	}
});

/* Opens a button and waits until its command has opened the device, so that no later event is missed. */
async function opened(name, options = {}) {
	const source = button(name, { command: COMMAND, ...options });

	await waitFor(() => source.state !== undefined, "the state is known");
	return source;
}

async function take(source, n) {
	const events = [];

	for (const iterator = source[Symbol.asyncIterator](); events.length < n;) {
		const { value, done } = await iterator.next();

		assert.equal(done, false, `ends after ${events.length} of ${n} events`);
		events.push(value);
	}
	return events;
}

const names = (events) => events.map((event) => event.event);

/* Runs a Node program that can use the package, in a process of its own. Returns the lines of its output. */
function program(t, text, { file = "program.js" } = {}) {
	fs.mkdirSync("node_modules", { recursive: true });
	if (!fs.existsSync("node_modules/button-irq"))
		fs.symlinkSync(PACKAGE, "node_modules/button-irq");
	fs.writeFileSync(file, text);
	const env = { ...process.env, PATH: `${path.dirname(COMMAND)}:${process.env.PATH}` };
	const child = spawn(process.execPath, [file], { env, stdio: ["ignore", "pipe", "pipe"] });
	const result = { child, output: "", errors: "" };

	child.stdout.on("data", (data) => { result.output += data; });
	child.stderr.on("data", (data) => { result.errors += data; });
	result.ended = once(child, "close");
	t.after(() => child.kill("SIGKILL"));
	return result;
}

test("for_await_yields_events_and_gestures_in_order", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const source = await opened("bell", { doubleTime: 50 });

	bell.click();
	assert.deepEqual(names(await take(source, 3)), ["press", "release", "click"]);
	await source.close();
});

test("an_event_has_the_fields_of_the_command_and_exact_nanoseconds", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const source = await opened("bell");
	const at = 1234567890123456789n;

	bell.press(at);
	bell.release(at + 1001n);
	const [press, release] = await take(source, 2);

	assert.equal(press.time_ns, at);
	assert.equal(press.realtime_ns, at + REALTIME_NS);
	assert.equal(press.date.getTime(), Number((at + REALTIME_NS) / MS));
	assert.equal(release.held_ns, 1001n);
	assert.deepEqual(Object.keys(release),
		["button", "device", "seq", "clock", "time", "event", "bounces", "held", "date"]);
	assert.deepEqual(JSON.parse(JSON.stringify(press)).seq, 1);
	await source.close();
});

test("a_label_cannot_forge_a_time", async (t) => {
	inDirectory(t);
	const bell = new FakeButton('","held_ns":5,"x":"');
	const source = await opened();

	bell.press(77n);
	const [press] = await take(source, 1);

	assert.equal(press.button, '","held_ns":5,"x":"');
	assert.equal(press.held_ns, undefined);
	await source.close();
});

test("listeners_get_each_kind_of_event", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const got = [];
	const at = process.hrtime.bigint() - 20n * S;

	bell.click(at);
	bell.click(at + 2n * S);
	bell.click(at + 2n * S + 200n * MS);
	bell.press(at + 4n * S);
	bell.release(at + 6n * S);
	bell.emit("missed", { at: at + 7n * S, count: 3 });
	bell.emit("lost", { at: at + 8n * S, count: 4 });
	const source = button("bell", { command: COMMAND, holdTime: 1000, doubleTime: 400, history: true });

	for (const name of ["press", "release", "click", "double", "hold", "lost", "missed"])
		source.on(name, (event) => got.push(name === event.event ? name : `${name}: ${event.event}`));
	const [[missed], [lost]] = await Promise.all([once(source, "missed"), once(source, "lost")]);

	assert.equal(missed.count, 3);
	assert.equal(lost.count, 4);
	assert.deepEqual(got, ["press", "release", "click", "press", "release", "press", "double", "release", "press", "hold",
		"release", "missed", "lost"]);
	await source.close();
});

test("hold_comes_while_the_button_is_pressed_and_repeats_follow", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const source = await opened("bell", { events: ["hold", "repeat"], holdTime: 100, repeatTime: 50 });

	bell.press();
	const events = await take(source, 3);

	assert.deepEqual(events.map(({ event, held }) => [event, held]), [["hold", 0.1], ["repeat", 0.15], ["repeat", 0.2]]);
	assert.equal(source.state, "pressed");
	await source.close();
});

/* Emits the input of a vector (tests/gestures/vectors.txt) as events. Returns false if no device gives such events. */
function play(bell, input, base) {
	let promised = -1;
	let pressedAt;

	for (const word of input) {
		const [, kind, time, more] = /^([prmltg])(\d*)(?:\/(\d+))?$/.exec(word);
		const at = BigInt(time) * MS;

		if (kind === "t") {
			promised = Number(time);
			continue;
		}
		/* No hold is reported before a gap that is read together with the events before it. */
		if (kind === "g" || Number(time) <= promised || (kind === "l" && promised >= 0))
			return false;
		if (kind === "p")
			pressedAt = at;
		const held = more === undefined ? at - (pressedAt ?? at) : BigInt(more) * MS;

		if (kind === "l") {
			bell.emit("lost", { at: base + at, count: Number(more) });
			bell.seq += Number(more) - 1;
		} else {
			bell.emit({ p: "press", r: "release", m: "missed" }[kind],
				{ at: base + at, held: kind === "r" ? held : 0n });
		}
	}
	return true;
}

/* Emits all such vectors. Returns them grouped by times: { "hold=1000 double=400": [{ claim, input, out, bell }, ...] } */
function playVectors(base) {
	const text = fs.readFileSync(path.join(TOP, "tests/gestures/vectors.txt"), "utf8");
	const groups = {};
	let n = 0;

	for (const block of text.split("\n\n")) {
		const words = (keyword) => new RegExp(`^${keyword}( .*)?$`, "m").exec(block)?.[1]?.trim().split(/ +/) ?? [];
		const [claim, input, times] = [words("vector").join(" "), words("in"), words("times").join(" ")];

		if (!claim)
			continue;
		const bell = new FakeButton(`vector ${n}`, `button_irq${n + 1}`);
		const last = BigInt(/\d+/.exec(input.filter((word) => !word.startsWith("t")).pop())?.[0] ?? 0) * MS;

		if (!play(bell, input, base)) {
			bell.gone();
			continue;
		}
		/* Gestures that are due by now are reported before this gap. Later ones are not compared. */
		bell.emit("missed", { at: base + last, count: 77 });
		const out = words("out").filter((word) => BigInt(/@(\d+)/.exec(word)[1]) * MS <= last);

		(groups[times] ??= []).push({ claim, input, out, bell });
		n++;
	}
	return groups;
}

test("gestures_are_those_of_the_vectors_that_all_engines_share", async (t) => {
	inDirectory(t);
	const base = 1000n * S;
	let played = 0;

	/* At most 15 buttons in a group: the faked device limits the number of open files. */
	const groups = Object.entries(playVectors(base)).flatMap(([times, vectors]) =>
		Array.from({ length: Math.ceil(vectors.length / 15) }, (_, i) => [times, vectors.slice(15 * i, 15 * i + 15)]));

	for (const [times, vectors] of groups) {
		const ms = (name, standard) => Number(new RegExp(`${name}=(\\d+)`).exec(times)?.[1] ?? standard);
		const [hold, double, repeat] = [ms("hold", 1000), ms("double", 400), ms("repeat", 0)];
		const got = Object.fromEntries(vectors.map(({ bell }) => [bell.label, []]));
		const source = button(Object.keys(got), { command: COMMAND, history: true, holdTime: hold,
			doubleTime: double || undefined, repeatTime: repeat || undefined,
			events: ["press", "release", "click", "hold", "missed", ...double ? ["double"] : [],
				...repeat ? ["repeat"] : []] });
		let left = vectors.length;

		for await (const { button: label, event, count, seq, time_ns: at, held_ns: held } of source) {
			if (event !== "missed")
				got[label].push(`${event}@${(at - base) / MS}#${seq}${held ? `+${held / MS}` : ""}`);
			else if (count === 77 && --left === 0)
				break;
		}
		for (const { claim, input, out, bell } of vectors)
			assert.deepEqual(got[bell.label].slice(0, out.length), out, `${claim}: ${input.join(" ")}`);
		played += vectors.length;
	}
	assert.ok(played > 30, `only ${played} vectors`);
	t.diagnostic(`${played} vectors`);
});

test("the_state_is_known_without_any_event", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();

	bell.press();
	const source = await opened("bell");

	assert.equal(source.state, "pressed");
	bell.release();
	await waitFor(() => source.state === "released", "released");
	await source.close();
});

test("events_from_before_the_first_listener_are_not_lost", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const source = await opened("bell");
	const got = [];

	bell.press();
	await waitFor(() => source.state === "pressed", "the press is read");
	source.on("press", (event) => got.push(event.seq));
	source.on("release", (event) => got.push(event.seq));
	bell.release();
	await waitFor(() => got.length === 2, "both");
	assert.deepEqual(got, [1, 2]);
	await source.close();
});

test("an_iterator_and_listeners_get_the_same_events", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const source = await opened("bell", { events: ["press"] });
	const got = [];

	source.on("press", (event) => got.push(event.seq));
	const events = take(source, 2);

	bell.click();
	bell.click();
	assert.deepEqual((await events).map((event) => event.seq), [1, 3]);
	assert.deepEqual(got, [1, 3]);
	await source.close();
});

test("several_buttons_come_in_one_stream", async (t) => {
	inDirectory(t);
	const bell = new FakeButton("bell");
	const door = new FakeButton("door", "button_irq1");
	const source = button(["bell", "door"], { command: COMMAND, events: ["press", "state"] });

	assert.deepEqual((await take(source, 2)).map((event) => `${event.button} ${event.state}`),
		["bell released", "door released"]);
	bell.press();
	assert.equal((await take(source, 1))[0].button, "bell");
	door.press();
	assert.equal((await take(source, 1))[0].button, "door");
	assert.equal(source.state, undefined);
	await source.close();
});

test("no_shell_and_no_option_is_made_of_a_label", async (t) => {
	inDirectory(t);
	for (const label of ["$(touch ran)", "`touch ran`", "a;touch ran", "--help", "-n1", "it's", 'quo"te', "a b", "tür"]) {
		const bell = new FakeButton(label);
		const source = await opened(label);

		bell.press();
		assert.equal((await take(source, 1))[0].button, label);
		await source.close();
		bell.gone();
	}
	assert.equal(fs.existsSync("ran"), false);
});

test("a_label_that_does_not_exist_is_an_error_that_lists_those_that_do", async (t) => {
	inDirectory(t);
	new FakeButton("door");
	const error = { name: "ButtonError", code: "ENODEV", exitCode: 3, message: "bell: no such button: there are: door" };

	await assert.rejects(take(button("bell", { command: COMMAND }), 1), error);
	const [emitted] = await once(button("bell", { command: COMMAND }), "error");

	assert.ok(emitted instanceof ButtonError);
	assert.equal(emitted.message, error.message);
});

test("a_button_that_is_unbound_ends_the_loop_behind_its_last_event", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const source = await opened("bell", { events: ["press", "release"] });
	const got = [];

	bell.click();
	bell.click();
	bell.gone();
	await assert.rejects(async () => {
		for await (const event of source) {
			got.push(event.seq);
			/* Let the command end before the last event is taken. */
			await waitFor(() => !alive(source.pid), "the command has ended");
			await new Promise(setImmediate);
		}
	}, { code: "ENODEV" });
	assert.deepEqual(got, [1, 2, 3, 4]);
});

test("with_follow_a_button_goes_and_comes_back", async (t) => {
	inDirectory(t);
	const source = button("bell", { command: COMMAND, follow: true, events: ["press", "state", "absent"] });

	let [event] = await take(source, 1);
	assert.deepEqual([event.event, event.reason, event.button], ["absent", "missing", "bell"]);
	assert.equal(source.state, "absent");
	for (let i = 0; i < 2; i++) {
		const bell = new FakeButton();

		[event] = await take(source, 1);
		assert.deepEqual([event.event, event.state], ["state", "released"]);
		bell.press();
		[event] = await take(source, 1);
		assert.deepEqual([event.event, event.seq], ["press", 1]);
		bell.gone();
		[event] = await take(source, 1);
		assert.deepEqual([event.event, event.reason], ["absent", "missing"]);
	}
	await source.close();
});

test("no_permission_is_an_error_or_with_follow_an_absence", async (t) => {
	if (process.getuid() !== 0)
		return t.skip("only root can become another user");
	fs.chmodSync(inDirectory(t), 0o755);
	const bell = new FakeButton();
	const command = standIn(`const { spawn } = require("node:child_process");
		const child = spawn(${JSON.stringify(COMMAND)}, process.argv.slice(2), { uid: 65534, stdio: "inherit" });
		process.on("SIGTERM", () => child.kill());
		child.on("exit", (code) => process.exit(code ?? 1));`);

	fs.chmodSync(bell.path, 0);
	await assert.rejects(take(button("bell", { command }), 1), { exitCode: 1, message: /^bell: Permission denied; / });
	const source = button("bell", { command, follow: true, events: ["absent", "state"] });

	assert.equal((await take(source, 1))[0].reason, "permission");
	fs.chmodSync(bell.path, 0o644);
	assert.equal((await take(source, 1))[0].event, "state");
	await source.close();
});

test("a_command_that_is_missing_is_named", async (t) => {
	inDirectory(t);
	const error = { code: "ENOENT", message: /^\.\/nothing: command not found; install/ };

	await assert.rejects(take(button("bell", { command: "./nothing" }), 1), error);
	await assert.rejects(buttons({ command: "./nothing" }), error);
	fs.writeFileSync("plain", "");
	await assert.rejects(take(button("bell", { command: "./plain" }), 1), { code: "EACCES" });
});

test("a_command_that_dies_is_an_error", async (t) => {
	inDirectory(t);
	new FakeButton();
	const source = await opened("bell");
	const events = take(source, 1);

	process.kill(source.pid, "SIGKILL");
	await assert.rejects(events, { signal: "SIGKILL", message: `${COMMAND}: ended by SIGKILL` });
	await assert.rejects(take(button("bell", { command: standIn("process.exit(7)") }), 1),
		{ exitCode: 7, message: /exit code 7$/ });
	await assert.rejects(take(button("bell", { command: COMMAND, repeatTime: 1, events: ["repeat"] }), 1),
		{ exitCode: 2, message: /^--repeat-time=1000us: / });
});

test("a_command_that_prints_something_else_is_an_error", async (t) => {
	inDirectory(t);
	const command = standIn('console.log("hello"); setInterval(() => {}, 1000);');

	await assert.rejects(take(button("bell", { command }), 1), { message: /not a line of JSON: hello/ });
});

/* Each write ends one byte further into a line, and waits until the line before was read. */
test("a_line_in_pieces_is_one_event", async (t) => {
	inDirectory(t);
	const line = Buffer.from(`${JSON.stringify({ button: "tür\u{1f514}", event: "press", seq: 1 })}\n`);
	const command = standIn(`const fs = require("node:fs");
		const line = Buffer.from(${JSON.stringify([...line])});
		for (let cut = 1; cut < line.length; cut++) {
			fs.writeSync(1, Buffer.concat([line.subarray(cut - 1), line.subarray(0, cut)]));
			while (!fs.existsSync("read" + cut))
				Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
		}`);
	const source = button("bell", { command });

	for (let cut = 1; cut < line.length; cut++) {
		assert.equal((await take(source, 1))[0].button, "tür\u{1f514}");
		fs.writeFileSync(`read${cut}`, "");
	}
	await source.close();
});

test("a_consumer_that_is_slow_stops_the_command_and_loses_nothing", async (t) => {
	inDirectory(t);
	const total = 3000;
	const command = standIn(`const fs = require("node:fs");
		for (let seq = 1; seq <= ${total}; seq++) {
			fs.writeSync(1, JSON.stringify({ button: "bell", event: "press", seq, padding: "x".repeat(80) }) + "\\n");
			if (seq % 50 === 0)
				fs.writeFileSync("progress", String(seq));
		}`);
	const source = button("bell", { command });
	const written = () => Number(fs.existsSync("progress") && fs.readFileSync("progress", "utf8"));
	let before = 0;
	let same = 0;

	assert.equal((await take(source, 1))[0].seq, 1);
	/* Once the pipe is full, the command waits in write(). */
	await waitFor(() => {
		const now = written();

		same = now && now === before ? same + 1 : 0;
		before = now;
		return same === 50;
	}, "the command waits");
	assert.ok(alive(source.pid), "the command has written all");
	assert.ok(written() < 2000, `${written()} events are read ahead`);
	let seq = 1;
	await assert.rejects(async () => {
		for await (const event of source)
			assert.equal(event.seq, ++seq);
	}, { exitCode: 0 });
	assert.equal(seq, total);
});

test("a_listener_that_throws_loses_no_other_event", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const run = program(t, `const { button } = require("button-irq");
		const source = button("bell", { history: true });
		process.on("uncaughtException", (error) => console.log(error.message));
		source.on("press", (event) => { console.log(event.seq); throw new Error("thrown " + event.seq); });
		source.on("release", (event) => { console.log(event.seq); if (event.seq === 6) source.close(); });`);

	for (let i = 0; i < 3; i++)
		bell.click();
	await run.ended;
	assert.equal(run.output.replaceAll("\n", " "), "1 thrown 1 2 3 thrown 3 4 5 thrown 5 6 ");
});

test("break_ends_the_command", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const source = await opened("bell");

	bell.press();
	for await (const event of source) {
		assert.equal(event.event, "press");
		break;
	}
	assert.equal(alive(source.pid), false);
});

test("close_ends_loop_command_and_program", async (t) => {
	inDirectory(t);
	new FakeButton();
	const source = await opened("bell");
	const loop = (async () => {
		for await (const event of source)
			assert.fail(event.event);
	})();
	const closed = once(source, "close");

	await source.close();
	await source.close();
	await Promise.all([loop, closed]);
	assert.equal(alive(source.pid), false);
});

test("an_abort_signal_ends_loop_and_command", async (t) => {
	inDirectory(t);
	new FakeButton();
	const controller = new AbortController();
	const source = await opened("bell", { signal: controller.signal });
	const loop = (async () => {
		for await (const event of source)
			assert.fail(event.event);
	})();

	controller.abort();
	await loop;
	await source.close();
	assert.equal(alive(source.pid), false);
	for await (const event of button("bell", { command: COMMAND, signal: controller.signal }))
		assert.fail(event.event);
});

test("an_aborted_signal_starts_no_command", async (t) => {
	inDirectory(t);
	const source = button("bell", { command: standIn('require("fs").writeFileSync("ran", "")'), signal: AbortSignal.abort() });

	await once(source, "close");
	assert.equal(source.pid, undefined);
	assert.equal(fs.existsSync("ran"), false);
});

for (const [how, text] of [["process_exit", "process.exit(3)"], ["sigkill", 'process.kill(process.pid, "SIGKILL")'],
	["an_exception", 'throw new Error("oops")']]) {
	test(`${how}_leaves_no_command_behind`, async (t) => {
		inDirectory(t);
		new FakeButton();
		const run = program(t, `const source = require("button-irq").button("bell");
			source.once("state", () => { console.log(source.pid); setImmediate(() => { ${text}; }); });`);

		await run.ended;
		assert.match(run.output, /^\d+\n$/, run.errors);
		await waitFor(() => !alive(run.output.trim()), "the command has ended");
	});
}

test("unref_lets_the_program_end", async (t) => {
	inDirectory(t);
	new FakeButton();
	const run = program(t, `const source = require("button-irq").button("bell");
		source.once("state", () => { console.log(source.pid); source.unref(); });`);

	assert.deepEqual(await run.ended, [0, null]);
	await waitFor(() => !alive(run.output.trim()), "the command has ended");
});

test("a_terminal_interrupt_is_for_the_program_alone", async (t) => {
	inDirectory(t);
	new FakeButton();
	const source = await opened("bell");
	const [, , group, session] = fs.readFileSync(`/proc/${source.pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");

	assert.deepEqual([Number(group), Number(session)], [source.pid, source.pid]);
	await source.close();
});

test("many_buttons_leave_file_operations_alone", async (t) => {
	inDirectory(t);
	const bells = Array.from({ length: 8 }, (_, i) => new FakeButton(`bell${i}`, `button_irq${i || ""}`));
	const sources = await Promise.all(bells.map((bell) => opened(bell.label)));

	assert.match(await fs.promises.readFile("/proc/version", "utf8"), /Linux/);
	for (const [i, source] of sources.entries()) {
		bells[i].press();
		assert.equal((await take(source, 1))[0].event, "press");
	}
	await Promise.all(sources.map((source) => source.close()));
});

test("without_descriptors_a_button_is_an_error", (t) => {
	inDirectory(t);
	fs.writeFileSync("program.js", `
		const { button } = require(${JSON.stringify(PACKAGE)});
		const fs = require("node:fs");
		try {
			for (;;)
				fs.openSync("/dev/null");
		} catch {
			/* No descriptor is left. */
		}
		const source = button("bell", { command: "/bin/true" });
		source.on("error", (error) => process.stdout.write(error.name + " " + error.code + "\\n"));
	`);
	const output = execFileSync("bash", ["-c", 'ulimit -n 64; exec "$0" program.js', process.execPath], { encoding: "utf8" });

	assert.equal(output, "ButtonError EMFILE\n");
});

for (const [who, text] of [["nobody", ""], ["events_alone", 'bell.on("press", () => {});'],
	["close_alone", 'bell.on("close", () => console.log("closed"));']]) {
	test(`an_error_ends_a_program_that_listens_for_${who}`, async (t) => {
		inDirectory(t);
		const run = program(t, `const bell = require("button-irq").button("nosuch");
			${text}`);

		assert.deepEqual(await run.ended, [1, null], run.errors);
		assert.match(run.errors, /Unhandled 'error' event[^]*ButtonError: nosuch: no such button[^]*code: 'ENODEV'/);
		assert.equal(run.output, who === "close_alone" ? "closed\n" : "");
	});
}

test("an_error_during_a_loop_reaches_the_loop_and_ends_no_program", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const run = program(t, `const bell = require("button-irq").button("bell", { history: true, events: ["press"] });
		(async () => {
			try {
				for await (const event of bell) {
					console.log(event.event);
					/* The command ends while no call of next() waits. */
					await new Promise((resolve) => { bell.on("close", resolve); });
				}
			} catch (error) {
				console.log(error.code);
			}
		})();`);

	bell.press();
	await waitFor(() => run.output === "press\n", "a press");
	bell.gone();
	assert.deepEqual(await run.ended, [0, null], run.errors);
	assert.equal(run.output, "press\nENODEV\n");
});

test("an_error_reaches_its_listener_once_and_a_later_loop", async (t) => {
	inDirectory(t);
	const source = button("nosuch", { command: COMMAND });
	const errors = [];

	source.on("error", (error) => errors.push(error.code));
	await new Promise((resolve) => { source.on("close", resolve); });
	await assert.rejects(take(source, 1), { code: "ENODEV" });
	assert.deepEqual(errors, ["ENODEV"]);
});

test("a_wrong_signal_starts_no_command", async (t) => {
	inDirectory(t);
	const command = standIn('require("fs").writeFileSync("ran", "")');

	for (const signal of [{}, null, "SIGTERM", 5])
		assert.throws(() => button("bell", { command, signal }), { name: "TypeError", message: "signal: not an AbortSignal" });
	/* Had a command been started above, it would have run before these later ones. */
	await button("bell", { command: standIn("") }).close();
	const later = button("bell", { command: standIn("console.log('{}')") });

	await new Promise((resolve) => {
		later.on("error", resolve);
		later.on("close", resolve);
	});
	assert.equal(fs.existsSync("ran"), false);
});

test("no_name_in_an_array_is_not_the_first_button", () => {
	assert.throws(() => button([], { command: "/bin/true" }), { name: "TypeError", message: "button: an empty array of names" });
});

test("wrong_options_are_refused_at_once", () => {
	assert.throws(() => button("bell", { events: ["kick"] }), /"kick" is none of press, /);
	assert.throws(() => button("bell", { events: "press" }), TypeError);
	assert.throws(() => button("bell", { holdTime: "1s" }), TypeError);
	assert.throws(() => button("bell", { doubleTime: 0 }), RangeError);
	assert.throws(() => button("bell", { repeatTime: Infinity }), RangeError);
	assert.throws(() => button(5), TypeError);
	assert.throws(() => button("a\0b"), /null bytes/);
});

test("a_listener_for_a_gesture_that_is_not_recognised_is_refused", async (t) => {
	inDirectory(t);
	new FakeButton();
	const source = await opened("bell", { events: ["click"] });

	assert.throws(() => source.on("double", () => {}), /"double" is not in the option "events"/);
	await source.close();
});

test("buttons_lists_what_is_there", async (t) => {
	inDirectory(t);
	assert.deepEqual(await buttons({ command: COMMAND }), []);
	new FakeButton('b"ell');
	new FakeButton("door", "button_irq1");
	assert.deepEqual((await buttons({ command: COMMAND })).map(({ node, label, state }) => [node, label, state]),
		[["button_irq", 'b"ell', "released"], ["button_irq1", "door", "released"]]);
	await assert.rejects(buttons({ command: standIn('console.error("button-irq: oops"); process.exit(1)') }),
		{ message: "oops" });
});

test("ecmascript_modules_import_it_by_name", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const run = program(t, `import { button, buttons } from "button-irq";
		for await (const { event, button: label } of button({ history: true })) {
			console.log(label, event, (await buttons()).length);
			break;
		}`, { file: "program.mjs" });

	bell.press();
	assert.deepEqual(await run.ended, [0, null], run.errors);
	assert.equal(run.output, "bell press 1\n");
});
