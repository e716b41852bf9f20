// SPDX-License-Identifier: GPL-2.0-only
/* Runs the examples of userspace/node/README.md as they are printed there */
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const { COMMAND, FakeButton, PACKAGE, inDirectory, waitFor } = require("./fake.js");
const examples = fs.readFileSync(path.join(PACKAGE, "README.md"), "utf8").match(/(?<=^```js\n)[^]*?(?=^```$)/gm);

/* Starts an example and waits until it has opened its button. */
async function begun(t, text) {
	fs.mkdirSync("node_modules");
	fs.symlinkSync(PACKAGE, "node_modules/button-irq");
	fs.writeFileSync("example.js", text);
	const env = { ...process.env, PATH: `${path.dirname(COMMAND)}:${process.env.PATH}` };
	const child = spawn(process.execPath, ["example.js"], { env, stdio: ["ignore", "pipe", "inherit"] });
	const run = { output: "", ended: once(child, "close") };

	child.stdout.on("data", (data) => { run.output += data; });
	t.after(() => child.kill("SIGKILL"));
	/* Once the command has opened the faked button's log, it sees every later event. */
	await waitFor(() => fs.readdirSync("/proc").some((pid) => {
		try {
			return fs.readFileSync(`/proc/${pid}/comm`, "utf8") === "button-irq\n" &&
				fs.readlinkSync(`/proc/${pid}/cwd`) === process.cwd() &&
				fs.readdirSync(`/proc/${pid}/fd`).some((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith(".log"));
		} catch {
			return false;
		}
	}), "the button is open");
	return run;
}

test("there_are_three_examples", () => assert.equal(examples.length, 3));

test("a_loop_ends_with_a_hold", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const run = await begun(t, examples[0]);

	bell.click();
	await waitFor(() => /^somebody at the door, at \d/.test(run.output), "the click");
	bell.press();
	assert.deepEqual(await run.ended, [0, null]);
});

test("listeners_are_called_until_a_hold", async (t) => {
	inDirectory(t);
	let bell = new FakeButton();
	const run = await begun(t, examples[1]);

	bell.click();
	await waitFor(() => run.output === "click\n", "the click");
	bell.emit("lost", { count: 7 });
	await waitFor(() => run.output === "click\n7 events came too fast\n", "the gap");
	bell.gone();
	await waitFor(() => run.output.endsWith("no button: missing\n"), "absent");
	bell = new FakeButton();
	bell.press();
	assert.deepEqual(await run.ended, [0, null]);
	assert.match(run.output, /missing\nclosed\n$/);
});

test("a_signal_ends_the_loop_over_all_buttons", async (t) => {
	inDirectory(t);
	new FakeButton("bell");
	const door = new FakeButton("door", "button_irq1");
	const run = await begun(t, examples[2]);

	door.press();
	assert.deepEqual(await run.ended, [0, null]);
	assert.match(run.output, /^(door press\n)?time is over\n$/);
});
