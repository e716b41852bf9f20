// SPDX-License-Identifier: GPL-2.0-only
/* The Node-RED node: events and gestures come from the package button-irq, which this file turns into messages and a status. */
"use strict";

const { button, buttons } = require("button-irq");

/* The command may be installed, or come back, while flows run. */
const RETRY_MS = 5000;

const STATUS = {
	pressed: { fill: "green", shape: "dot", text: "pressed" },
	released: { fill: "green", shape: "ring", text: "released" },
	missing: { fill: "red", shape: "ring", text: "no such button" },
	gone: { fill: "red", shape: "ring", text: "gone" },
	permission: { fill: "red", shape: "dot", text: "no permission" },
	error: { fill: "red", shape: "dot", text: "cannot be opened" },
};

module.exports = (RED) => {
	const command = () => RED.settings.buttonIrqCommand || "button-irq";

	function ButtonIrqNode(config) {
		RED.nodes.createNode(this, config);
		const wanted = config.events ?? ["press", "release"];
		const time = (text) => text === undefined || text === "" ? undefined : Number(text);
		let source;
		let timer;
		let known = false;
		/* Number of the last event of each button, by label, and the labels whose numbers a new command has to compare */
		const last = new Map();
		const unchecked = new Set();
		let said;

		/* One problem is one line in the log, however often it is met. */
		const complain = (log, text) => {
			if (text !== said)
				log.call(this, text);
			said = text;
		};

		const fail = (error) => {
			complain(this.error, error.message);
			for (const label of last.keys())
				unchecked.add(label);
			this.status({ ...STATUS.error, text: error.code === "ENOENT" ? "no command button-irq" : error.message });
			timer = setTimeout(start, RETRY_MS);
		};

		const lost = (event) => {
			this.warn(`${event.button}: ${event.count ?? "an unknown number"} lost`);
			if (wanted.includes("lost"))
				this.send({ topic: event.button, payload: "lost", event });
		};

		/* The state of a button carries the number of its last event: events that no command printed are lost. */
		const check = ({ state, ...event }) => {
			const before = last.get(event.button);

			last.set(event.button, event.seq);
			if (!unchecked.delete(event.button) || event.seq === before)
				return;
			/* A smaller number: the button was bound again meanwhile, and its events are counted from 1 again. */
			lost({ ...event, event: "lost", seq: event.seq > before ? before + 1 : 1,
				count: event.seq > before ? event.seq - before : null });
		};

		const start = () => {
			try {
				source = button(config.button || undefined, {
					command: command(), events: wanted, follow: true, holdTime: time(config.holdTime),
					doubleTime: time(config.doubleTime), repeatTime: time(config.repeatTime),
				});
			} catch (error) {
				/* A setting is wrong, so trying again is of no use. */
				this.error(error.message);
				this.status({ ...STATUS.error, text: error.message });
				return;
			}
			source.on("state", (event) => {
				known = true;
				said = undefined;
				this.status(STATUS[event.state]);
				check(event);
			});
			for (const name of ["press", "release", "lost", "missed"]) {
				source.on(name, ({ button: label, seq, count }) =>
					last.set(label, name === "lost" ? seq + count - 1 : seq));
			}
			source.on("press", () => this.status(STATUS.pressed));
			source.on("release", () => this.status(STATUS.released));
			source.on("absent", ({ button: label, reason }) => {
				this.status(reason === "missing" && known ? STATUS.gone : STATUS[reason] ?? STATUS.error);
				if (reason === "permission")
					complain(this.warn, `${label}: no permission; "button-irq doctor" says why`);
			});
			source.on("lost", (event) => lost({ ...event }));
			source.on("missed", ({ button: label, count }) => this.warn(`${label}: ${count} missed`));
			for (const name of wanted.filter((one) => one !== "lost"))
				source.on(name, (event) => this.send({ topic: event.button, payload: name, event: { ...event } }));
			source.on("error", fail);
		};

		this.on("close", (done) => {
			clearTimeout(timer);
			if (source)
				source.close().then(() => done());
			else
				done();
		});
		start();
	}

	RED.nodes.registerType("button-irq", ButtonIrqNode, {
		settings: { buttonIrqCommand: { value: "button-irq", exportable: false } },
	});

	/* For the editor: the buttons of the machine that runs the flows */
	RED.httpAdmin.get("/button-irq/buttons", RED.auth.needsPermission("button-irq.read"), (request, response) => {
		buttons({ command: command() }).then(
			(list) => response.json({ buttons: list.map(({ label, line, state }) => ({ label, line, state })) }),
			(error) => response.json({ buttons: [], error: error.message }));
	});
};
