// SPDX-License-Identifier: GPL-2.0-only
/* Uses the types of the package button-irq. This file is compiled, but never run. */
import { Button, ButtonError, button, buttons } from "button-irq";

const bell: Button = button("bell", { events: ["press", "click"], holdTime: 500, follow: true, signal: AbortSignal.timeout(1) });

bell.on("press", (event) => { const n: number = event.bounces; console.log(n, event.date?.getTime()); });
bell.once("release", ({ held, held_ns }) => { const s: number = held; const ns: bigint = held_ns; console.log(s, ns); });
bell.on("lost", ({ count }) => console.log(count + 1));
bell.on("absent", ({ reason }) => console.log(reason === "permission"));
bell.on("error", (error) => console.log(error instanceof ButtonError, error.code));
bell.on("close", () => {});
if (bell.state === "pressed")
	bell.unref();

export async function main(): Promise<void> {
	for await (const event of button(["bell", "door"])) {
		switch (event.event) {
		case "release": console.log(event.held.toFixed(2)); break;
		case "missed": console.log(event.count); break;
		case "state": console.log(event.state === "released"); break;
		/* @ts-expect-error: a press was not held yet */
		case "press": console.log(event.held); break;
		}
	}
	for (const { label, state } of await buttons())
		console.log(label, state === "pressed");
	await button().close();
	button({ history: true });
	/* @ts-expect-error: no such event */
	button("bell", { events: ["kick"] });
	/* @ts-expect-error: a text is no time */
	button("bell", { holdTime: "1s" });
	/* @ts-expect-error: only button() makes one */
	new Button();
}
