// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "util.h"

static const char *set_period(unsigned long long *to, const char *value)
{
	return parse_period(value, to) ? NULL : "not a time like 400ms or 2s";
}

const char *action_set(struct action *action, const char *key, const char *value)
{
	unsigned int i;

	if (!*value)
		return "nothing behind the =";
	if (!strcmp(key, "hold-time"))
		return set_period(&action->hold_ns, value);
	if (!strcmp(key, "double-time"))
		return set_period(&action->double_ns, value);
	for (i = 0; i < GESTURE_TYPES; i++)
		if (!strcmp(key, gesture_names[i]))
			break;
	if (i == GESTURE_TYPES)
		return "none of press, release, click, double, hold, hold-time, double-time";
	if (action->command[i])
		return "already has a command";
	action->command[i] = strdup(value);
	return action->command[i] ? NULL : "out of memory";
}

const char *action_finish(struct action *action)
{
	unsigned int i;

	for (i = 0; i < GESTURE_TYPES; i++)
		if (action->command[i])
			break;
	if (i == GESTURE_TYPES)
		return "has no command";
	if (!action->hold_ns)
		action->hold_ns = GESTURE_HOLD_NS;
	/* A click waits for a second press only where that would mean something. */
	if (!action->command[GESTURE_DOUBLE])
		action->double_ns = 0;
	else if (!action->double_ns)
		action->double_ns = GESTURE_DOUBLE_NS;
	return NULL;
}

static char *strip(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

static const char *begin_section(struct config *config, char *line)
{
	size_t i, n = strlen(line);
	struct action *action;
	char *name;

	if (line[n - 1] != ']')
		return "no ] at the end";
	line[n - 1] = '\0';
	name = strip(line + 1);
	if (!*name)
		return "no button between [ and ]";
	for (i = 0; i < config->n; i++)
		if (!strcmp(config->action[i].button, name))
			return "this button has a section already";
	action = reallocarray(config->action, config->n + 1, sizeof(*action));
	if (!action)
		return "out of memory";
	config->action = action;
	action[config->n] = (struct action){ .button = strdup(name) };
	return action[config->n++].button ? NULL : "out of memory";
}

static const char *read_setting(struct config *config, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return "neither [BUTTON] nor KEY = VALUE";
	if (!config->n)
		return "no [BUTTON] before it";
	*value++ = '\0';
	return action_set(&config->action[config->n - 1], strip(line), strip(value));
}

unsigned int config_read(struct config *config, FILE *file, const char *name, FILE *errors)
{
	char *line = NULL, *text, *as_it_stands;
	unsigned int number = 0, bad = 0;
	size_t i, size = 0;

	while (getline(&line, &size, file) >= 0) {
		const char *wrong = NULL;

		number++;
		text = strip(line);
		as_it_stands = strdup(text);
		if (*text == '[')
			wrong = begin_section(config, text);
		else if (*text && *text != '#' && *text != ';')
			wrong = read_setting(config, text);
		if (wrong) {
			fprintf(errors, "%s:%u: %s: %s\n", name, number, as_it_stands ?: "", wrong);
			bad++;
		}
		free(as_it_stands);
	}
	free(line);
	if (ferror(file)) {
		fprintf(errors, "%s: cannot be read\n", name);
		return bad + 1;
	}
	if (!config->n && !bad) {
		fprintf(errors, "%s: no [BUTTON] in it\n", name);
		return 1;
	}
	for (i = 0; i < config->n; i++) {
		const char *wrong = action_finish(&config->action[i]);

		if (wrong && !bad) {
			fprintf(errors, "%s: [%s] %s\n", name, config->action[i].button, wrong);
			bad++;
		}
	}
	return bad;
}

void config_free(struct config *config)
{
	unsigned int k;
	size_t i;

	for (i = 0; i < config->n; i++) {
		free(config->action[i].button);
		for (k = 0; k < GESTURE_TYPES; k++)
			free(config->action[i].command[k]);
	}
	free(config->action);
}
