// SPDX-License-Identifier: GPL-2.0-only
/* Gestures from the npm package button-irq */
"use strict";

const { button } = require("button-irq");

const bell = button("bell", { events: ["click", "double", "hold"], follow: true });

for (const name of ["click", "double", "hold"])
	bell.on(name, () => console.log(name));
for (const name of ["lost", "missed"])
	bell.on(name, ({ count }) => console.log(name, count));
