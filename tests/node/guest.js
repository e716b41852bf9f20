// SPDX-License-Identifier: GPL-2.0-only
/* The programs of guest.sh: node guest.js NAME */
"use strict";

const { button } = require("button-irq");

const programs = {
	async loop() {
		for await (const { event } of button("bell"))
			console.log(event);
	},

	/* Ends at the second press. */
	async follow() {
		let presses = 0;

		for await (const { event } of button("bell", { follow: true, events: ["press", "state", "absent"] })) {
			console.log(event);
			if (event === "press" && ++presses === 2)
				break;
		}
	},

	/* Takes no event before SIGUSR1, then counts 2,000 events. Each must be delivered or be part of a "lost" event. */
	async slow() {
		const source = button("bell", { events: ["press", "release", "lost"] });
		let [given, lost, next] = [0, 0, 1];

		await new Promise((resolve) => {
			process.once("SIGUSR1", resolve);
			console.log("ready");
			/* Without a timer, Node would end the program here. */
			const timer = setInterval(() => {}, 1000);

			process.once("SIGUSR1", () => clearInterval(timer));
		});
		for await (const { event, seq, count } of source) {
			if (seq !== next)
				throw new Error(`${event} ${seq} follows ${next - 1}`);
			next += event === "lost" ? count : 1;
			if (event === "lost")
				lost += count;
			else
				given++;
			if (next === 2001)
				break;
		}
		console.log(`${given} ${lost}`);
	},

	async exit() {
		for await (const { state } of button("bell", { events: ["state"] })) {
			console.log(state);
			process.exit();
		}
	},
};

programs[process.argv[2]]().catch((error) => {
	console.log(error.code);
	console.error(error);
});
