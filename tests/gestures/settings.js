// SPDX-License-Identifier: GPL-2.0-only
/* Node-RED's settings: flows only, no editor */
"use strict";

module.exports = {
	uiHost: "127.0.0.1",
	httpAdminRoot: false,
	credentialSecret: false,
	flowFile: "flows.json",
	telemetry: { enabled: false },
};
