// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzes the config file's parser: a text gives either an error message or complete actions. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../userspace/button-irq/config.h"

static void require(bool claim, const char *what)
{
	if (claim)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config = { };
	char *said = NULL;
	size_t length, i, k;
	unsigned int bad, commands;
	FILE *file, *errors;

	if (!size)
		return 0;
	file = fmemopen((void *)data, size, "r");
	errors = open_memstream(&said, &length);
	bad = config_read(&config, file, "fuzz", errors);
	bad += config_finish(&config, "fuzz", errors);
	fclose(file);
	fclose(errors);
	require(!bad == !length, "errors without a message, or a message without errors");
	for (i = 0; !bad && i < config.n; i++) {
		const struct action *action = &config.action[i];

		for (commands = k = 0; k < GESTURE_TYPES; k++)
			commands += action->command[k] != NULL;
		require(commands && *action->button && action->line, "an action that does nothing");
		require(action->hold_ns && action->max_age_ns, "a time that is not set");
		require(!action->command[GESTURE_REPEAT] || action->repeat_ns >= ACTION_REPEAT_MIN_NS,
			"repeats without a pause");
	}
	config_free(&config);
	free(said);
	return 0;
}
