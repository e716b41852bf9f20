// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests the Node-RED node in the real editor and in a real browser, Debian's chromium, which chromedriver controls
 *
 * The environment variables are those of node_red.test.js. BUTTON_IRQ_SCREENSHOT is a directory for pictures of the editor:
 * dialog.png and editor.png.
 */
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const test = require("node:test");

const { COMMAND, FakeButton, MS, PACKAGE, inDirectory, waitFor } = require("./fake.js");
const red = path.join(process.env.BUTTON_IRQ_NODE_RED, "node_modules/node-red/red.js");
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";	/* the key of an element in the WebDriver standard */
const ESCAPE = "\ue00c";

function freePort() {
	return new Promise((resolve) => {
		const server = net.createServer().listen(0, "127.0.0.1", () => {
			const { port } = server.address();

			server.close(() => resolve(port));
		});
	});
}

/* Starts a program that ends with the test. Its output is shown if the test fails. */
function daemon(t, command, args, options) {
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, ...options });
	let output = "";

	for (const stream of [child.stdout, child.stderr])
		stream.on("data", (data) => { output += data; });
	t.after(() => {
		try {
			process.kill(-child.pid, "SIGKILL");
		} catch {
			/* The program has ended already. */
		}
	});
	return { child, output: () => output };
}

class Browser {
	constructor(base) {
		this.base = base;
	}

	async call(method, url, body) {
		const reply = await fetch(this.base + url, { method, body: body && JSON.stringify(body) });
		const { value } = await reply.json();

		if (!reply.ok)
			throw new Error(`${method} ${url}: ${value.error}: ${value.message}`);
		return value;
	}

	async begin(profile) {
		const args = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1200,760",
			`--user-data-dir=${profile}`];
		const { sessionId } = await this.call("POST", "/session",
			{ capabilities: { alwaysMatch: { "goog:chromeOptions": { args } } } });

		this.base += `/session/${sessionId}`;
	}

	run(script, ...args) {
		return this.call("POST", "/execute/sync", { script, args });
	}

	/* Waits until an element is visible. Returns its centre. */
	async at(selector) {
		return waitFor(() => this.run(`const element = [...document.querySelectorAll(arguments[0])]
			.find((one) => one.getBoundingClientRect().width);
			if (!element) return null;
			element.scrollIntoView({ block: "nearest" });
			const box = element.getBoundingClientRect();
			return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];`, selector), selector);
	}

	mouse(...actions) {
		return this.call("POST", "/actions", { actions: [{ type: "pointer", id: "mouse", actions }] });
	}

	async click(selector, times = 1) {
		const [x, y] = await this.at(selector);
		const press = [{ type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }];

		await this.mouse({ type: "pointerMove", x, y }, ...Array(times).fill(press).flat());
	}

	drag([fromX, fromY], [toX, toY]) {
		return this.mouse({ type: "pointerMove", x: fromX, y: fromY }, { type: "pointerDown", button: 0 },
			{ type: "pointerMove", x: fromX + 12, y: fromY + 6, duration: 50 },
			{ type: "pointerMove", x: toX - 5, y: toY - 5, duration: 250 },
			{ type: "pointerMove", x: toX, y: toY, duration: 50 }, { type: "pointerUp", button: 0 });
	}

	/* Waits until an element does not move and is not covered, for example by the loading screen. Returns its centre. */
	async settled(selector) {
		let before, now;

		await waitFor(async () => {
			before = now;
			now = await this.at(selector);
			return before && before[0] === now[0] && before[1] === now[1] &&
				this.run(`return Boolean(document.elementFromPoint(${now[0]}, ${now[1]})?.closest('${selector}'))`);
		}, `${selector} is settled`);
		return now;
	}

	async type(selector, text) {
		await this.at(selector);
		const element = await this.call("POST", "/element", { using: "css selector", value: selector });

		await this.call("POST", `/element/${element[ELEMENT]}/value`, { text });
	}

	async screenshot(file) {
		fs.writeFileSync(file, Buffer.from(await this.call("GET", "/screenshot"), "base64"));
	}
}

/* Starts Node-RED on a free port, with this project's packages installed as its palette manager installs them. */
async function startNodeRed(t) {
	const port = await freePort();

	fs.mkdirSync("user");
	fs.symlinkSync(path.dirname(PACKAGE), "user/node_modules");
	fs.writeFileSync("user/package.json", JSON.stringify({
		dependencies: { "button-irq": "*", "node-red-contrib-button-irq": "*" },
	}));
	fs.writeFileSync("user/settings.js", `module.exports = ${JSON.stringify({
		uiPort: port, uiHost: "127.0.0.1", flowFile: "flows.json", credentialSecret: false, buttonIrqCommand: COMMAND,
		telemetry: { enabled: false, updateNotification: false },
		editorTheme: { tours: false, palette: { catalogues: [] } },
	})};`);
	const nodeRed = daemon(t, process.execPath, [red, "--userDir", path.resolve("user")], { env: { ...process.env, HOME: process.cwd() } });

	await waitFor(() => /Started flows/.test(nodeRed.output()) || nodeRed.child.exitCode !== null, "Node-RED has started");
	assert.equal(nodeRed.child.exitCode, null, nodeRed.output());
	return { url: `http://127.0.0.1:${port}`, output: nodeRed.output };
}

async function startBrowser(t) {
	const port = await freePort();
	const driver = daemon(t, "chromedriver", [`--port=${port}`], { env: { ...process.env, HOME: process.cwd() } });
	const browser = new Browser(`http://127.0.0.1:${port}`);

	await waitFor(() => browser.call("GET", "/status").then(({ ready }) => ready, () => false), "chromedriver is ready");
	await browser.begin(path.resolve("profile"));
	t.after(() => browser.call("DELETE", "").catch(() => {}));
	return { browser, output: driver.output };
}

test("a_node_is_dragged_in_configured_deployed_and_its_presses_are_seen", async (t) => {
	inDirectory(t);
	const bell = new FakeButton("bell");
	const door = new FakeButton("<b>door", "button_irq1");
	const [{ url, output }, { browser }] = await Promise.all([startNodeRed(t), startBrowser(t)]);

	t.after(() => t.diagnostic(output().split("\n").slice(-12).join("\n")));
	await browser.call("POST", "/url", { url });
	const ours = '.red-ui-palette-node[data-palette-type="button-irq"]';

	/* Node-RED ignores a node that is dropped before a flow is shown, and the panes move while the palette fills: wait. */
	await waitFor(() => browser.run("return Boolean(window.RED?.nodes?.getType?.('button-irq') && RED.workspaces.active())"),
		"the editor has loaded");
	const [x, y] = await browser.settled("#red-ui-workspace-chart");

	await browser.drag(await browser.settled(ours), [x - 200, y - 100]);
	await waitFor(() => browser.run("return RED.nodes.filterNodes({ type: 'button-irq' }).length"), "the node is there");
	await browser.drag(await browser.settled('.red-ui-palette-node[data-palette-type="debug"]'), [x + 60, y - 100]);
	await waitFor(() => browser.run("return RED.nodes.filterNodes({ type: 'debug' }).length"), "the debug node is there");
	await browser.drag(await browser.at(".red-ui-flow-port-output .red-ui-flow-port"),
		await browser.at(".red-ui-flow-port-input .red-ui-flow-port"));
	await waitFor(() => browser.run("return RED.nodes.filterLinks({}).length === 1"), "they are wired");

	/* The dialog offers the existing buttons. Their labels are text, not HTML. */
	await browser.click(".red-ui-flow-node-group", 2);
	await waitFor(() => browser.run("return document.querySelectorAll('#button-irq-buttons option').length === 2"), "buttons");
	assert.deepEqual(await browser.run("return [...document.querySelectorAll('#button-irq-buttons option')].map((o) => o.value)"),
		["bell", "<b>door"]);
	assert.equal(await browser.run("return document.querySelector('#button-irq-there').textContent"),
		"There are: bell (chip:4), <b>door (chip:4)");
	await browser.type("#node-input-button", "bell");
	for (const name of ["release", "click", "hold"])
		await browser.click(`#button-irq-event-${name}`);
	if (process.env.BUTTON_IRQ_SCREENSHOT)
		await browser.screenshot(path.join(process.env.BUTTON_IRQ_SCREENSHOT, "dialog.png"));
	await browser.click("#node-dialog-ok");
	await waitFor(() => browser.run("return RED.nodes.filterNodes({ type: 'button-irq' })[0].button === 'bell'"), "configured");
	assert.deepEqual(await browser.run("return RED.nodes.filterNodes({ type: 'button-irq' })[0].events"),
		["press", "click", "hold"]);
	await waitFor(() => browser.run("return !document.querySelector('#node-input-button')"), "the dialog is closed");

	await browser.click("#red-ui-header-button-deploy");
	await waitFor(() => browser.run("return [...document.querySelectorAll('.red-ui-flow-node-status-label')].some((e) => e.textContent === 'released')"),
		"the status is released");
	await browser.run("RED.sidebar.show('debug')");
	bell.press();
	await waitFor(() => browser.run("return [...document.querySelectorAll('.red-ui-flow-node-status-label')].some((e) => e.textContent === 'pressed')"),
		"the status is pressed");
	bell.release(bell.pressedAt + 50n * MS);
	/* The release has an explicit time, so that the press is a click however slow this machine is. */
	const shown = () => browser.run(`return [...document.querySelectorAll(".red-ui-debug-msg-payload")].map((e) => e.textContent)`);

	await waitFor(async () => (await shown()).length === 2, "two messages in the debug pane");
	const [first, second] = await shown();

	assert.match(first, /press/);
	assert.match(second, /click|hold/);
	assert.match(await browser.run(`return document.querySelector(".red-ui-debug-msg").textContent`), /bell/);
	if (process.env.BUTTON_IRQ_SCREENSHOT)
		await browser.screenshot(path.join(process.env.BUTTON_IRQ_SCREENSHOT, "editor.png"));
	bell.gone();
	await waitFor(() => browser.run("return [...document.querySelectorAll('.red-ui-flow-node-status-label')].some((e) => e.textContent === 'gone')"),
		"the status is gone");
	door.gone();
});
