// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests the Node-RED node in the real runtime, with the real command on faked buttons
 *
 * BUTTON_IRQ_NODE_RED is a directory in which node-red and node-red-node-test-helper are installed. BUTTON_IRQ_PACKAGE is the
 * installed package button-irq; node-red-contrib-button-irq is installed next to it.
 */
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const { COMMAND, FakeButton, MS, PACKAGE, alive, inDirectory, waitFor } = require("./fake.js");
const modules = path.join(process.env.BUTTON_IRQ_NODE_RED, "node_modules");

/* The helper needs a package.json in the working directory or above, and node-red next to itself. */
process.chdir(process.env.BUTTON_IRQ_NODE_RED);
const helper = require(path.join(modules, "node-red-node-test-helper"));
const contrib = path.join(path.dirname(PACKAGE), "node-red-contrib-button-irq");
const buttonNode = require(path.join(contrib, "button-irq.js"));

/* Runs a flow until the test ends: the node under test, and a node that collects its messages. */
async function flow(t, config, { command = COMMAND, nodes } = {}) {
	helper.settings({ buttonIrqCommand: command });
	await new Promise((resolve) => helper.startServer(resolve));
	t.after(async () => {
		await helper.unload();
		await new Promise((resolve) => helper.stopServer(resolve));
	});
	await helper.load(buttonNode, nodes ?? [
		{ id: "button", type: "button-irq", wires: [["sink"]], ...config },
		{ id: "sink", type: "helper" },
	]);
	const button = helper.getNode(config.id ?? "button");
	const messages = [];

	helper.getNode("sink")?.on("input", (message) => messages.push(message));
	return { button, messages, status: () => button.status.lastCall?.args[0].text };
}

/* The process ids of the commands that this program has started */
const children = () => fs.readdirSync("/proc").filter((pid) => {
	try {
		return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`${COMMAND}\0watch`) &&
			fs.readlinkSync(`/proc/${pid}/cwd`) === process.cwd() && alive(pid);
	} catch {
		return false;
	}
});

test("each_chosen_event_is_a_message", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const { messages, status } = await flow(t, { button: "bell", events: ["press", "click"] });

	await waitFor(() => status() === "released", "released");
	bell.click();
	await waitFor(() => messages.length === 2, "two messages");
	assert.deepEqual(messages.map(({ payload, topic }) => [payload, topic]), [["press", "bell"], ["click", "bell"]]);
	const { event } = messages[1];

	assert.equal(event.held, 0.05);
	assert.equal(event.seq, 2);
	assert.ok(event.date instanceof Date);
	JSON.stringify(messages);
});

test("the_status_shows_the_state_and_where_the_button_is", async (t) => {
	inDirectory(t);
	const { status } = await flow(t, { button: "bell" });

	await waitFor(() => status() === "no such button", "missing");
	let bell = new FakeButton();
	await waitFor(() => status() === "released", "released");
	bell.press();
	await waitFor(() => status() === "pressed", "pressed");
	bell.gone();
	await waitFor(() => status() === "gone", "gone");
	bell = new FakeButton();
	await waitFor(() => status() === "released", "released");
	bell.gone();
});

test("a_button_without_permission_has_its_own_status_and_a_warning", async (t) => {
	if (process.getuid() !== 0)
		return t.skip("only root can become another user");
	inDirectory(t);
	const bell = new FakeButton();

	fs.chmodSync(bell.path, 0);
	fs.writeFileSync("as-nobody", `#!/bin/sh\nexec setpriv --reuid=65534 --clear-groups ${COMMAND} "$@"\n`, { mode: 0o755 });
	const { button, status } = await flow(t, { button: "bell" }, { command: path.resolve("as-nobody") });

	await waitFor(() => status() === "no permission", "no permission");
	assert.match(button.warn.lastCall.args[0], /^bell: no permission; "button-irq doctor" says why/);
	fs.chmodSync(bell.path, 0o644);
	await waitFor(() => status() === "released", "released");
});

test("a_missing_command_is_one_error_and_is_tried_again", async (t) => {
	inDirectory(t);
	new FakeButton();
	const { button, status } = await flow(t, { button: "bell" }, { command: path.resolve("later") });

	await waitFor(() => status() === "no command button-irq" && button.status.callCount > 1, "two tries");
	fs.symlinkSync(COMMAND, "later");
	await waitFor(() => status() === "released", "released");
	assert.equal(button.error.callCount, 1);
	assert.match(button.error.lastCall.args[0], /command not found; install/);
});

test("lost_events_are_warned_of_even_if_they_are_no_messages", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const { button, messages, status } = await flow(t, { button: "bell", events: ["press"] });

	await waitFor(() => status() === "released", "released");
	bell.emit("lost", { count: 12 });
	bell.seq += 11;
	bell.press();
	await waitFor(() => messages.length === 1, "the press");
	assert.equal(button.warn.lastCall.args[0], "bell: 12 lost");
});

test("events_from_while_the_command_did_not_run_are_reported_as_lost", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const { button, messages, status } = await flow(t, { button: "bell", events: ["press", "lost"] });

	await waitFor(() => status() === "released", "released");
	bell.click();
	await waitFor(() => messages.length === 1, "a press");
	process.kill(children()[0], "SIGKILL");
	await waitFor(() => /SIGKILL/.test(status()), "the command has ended");
	bell.click();
	bell.press();
	await waitFor(() => messages.length === 2, "a message");
	assert.deepEqual([messages[1].payload, messages[1].topic, messages[1].event.seq, messages[1].event.count],
		["lost", "bell", 3, 3]);
	assert.equal(button.warn.lastCall.args[0], "bell: 3 lost");
	bell.release();
	bell.press();
	await waitFor(() => messages.length === 3, "the next press");
	assert.equal(messages[2].event.seq, 7);
	/* No event came while the command did not run, so none is lost. */
	process.kill(children()[0], "SIGKILL");
	await waitFor(() => /SIGKILL/.test(status()), "the command has ended");
	await waitFor(() => status() === "pressed", "the command runs again");
	bell.release();
	bell.press();
	await waitFor(() => messages.length === 4, "the next press");
	assert.deepEqual(messages.map(({ payload }) => payload), ["press", "lost", "press", "press"]);
});

test("a_wrong_setting_is_an_error", async (t) => {
	inDirectory(t);
	const { button, status } = await flow(t, { button: "bell", holdTime: "x" });

	assert.match(status(), /^holdTime: NaN/);
	assert.equal(button.error.callCount, 1);
});

test("a_redeployed_flow_leaves_no_command_behind", async (t) => {
	inDirectory(t);
	new FakeButton();
	const { status } = await flow(t, { button: "bell" });

	await waitFor(() => status() === "released", "released");
	assert.equal(children().length, 1);
	await helper.unload();
	assert.equal(children().length, 0);
});

test("the_editor_gets_the_existing_buttons", async (t) => {
	inDirectory(t);
	new FakeButton("<b>ell");
	await flow(t, { button: "" });
	const reply = await helper.request().get("/button-irq/buttons").expect(200);

	assert.deepEqual(reply.body, { buttons: [{ label: "<b>ell", line: "chip:4", state: "released" }] });
});

test("the_editor_gets_the_error_of_a_missing_command", async (t) => {
	inDirectory(t);
	await flow(t, { button: "" }, { command: "./nothing" });
	const reply = await helper.request().get("/button-irq/buttons").expect(200);

	assert.deepEqual(reply.body.buttons, []);
	assert.match(reply.body.error, /command not found/);
});

test("the_example_tells_gestures_apart", async (t) => {
	inDirectory(t);
	const bell = new FakeButton();
	const nodes = JSON.parse(fs.readFileSync(path.join(contrib, "examples/doorbell.json"), "utf8"));
	/* Replace the flow's other nodes by nodes that collect messages; keep the wires. */
	const sinks = nodes.filter((node) => node.type === "switch").map(({ id }) => ({ id, type: "helper" }));
	const { status } = await flow(t, { id: "b1b1000000000002" },
		{ nodes: [...nodes.filter((node) => node.type === "button-irq"), ...sinks] });
	const got = [];

	helper.getNode(sinks[0].id).on("input", ({ payload }) => got.push(payload));
	await waitFor(() => status() === "released", "released");
	const at = process.hrtime.bigint();

	bell.click(at);
	await waitFor(() => got.length === 1, "a click");
	bell.press();
	await waitFor(() => got.length === 2, "a hold");
	assert.deepEqual(got, ["click", "hold"]);
	assert.ok(process.hrtime.bigint() - at > 1000n * MS);
});
