// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "util.h"

#define KEYS	"press, release, click, double, hold, repeat, hold-time, double-time, repeat-time, max-age"

static const char *set_period(unsigned long long *to, const char *value)
{
	unsigned long long ns;

	if (*to)
		return "already has a time";
	if (!parse_period(value, &ns))
		return "not a time like 400ms or 2s, " PERIOD_LIMIT;
	*to = ns;
	return NULL;
}

const char *action_set(struct action *action, const char *key, const char *value)
{
	const char *wrong;
	unsigned int i;

	if (!*value)
		return "nothing behind the =";
	if (!strcmp(key, "hold-time"))
		return set_period(&action->hold_ns, value);
	if (!strcmp(key, "double-time"))
		return set_period(&action->double_ns, value);
	if (!strcmp(key, "max-age"))
		return set_period(&action->max_age_ns, value);
	if (!strcmp(key, "repeat-time")) {
		wrong = set_period(&action->repeat_ns, value);
		return wrong ?: action->repeat_ns < ACTION_REPEAT_MIN_NS ? "shorter than 10ms" : NULL;
	}
	for (i = 0; i < GESTURE_TYPES; i++)
		if (!strcmp(key, gesture_names[i]))
			break;
	if (i == GESTURE_TYPES)
		return "none of " KEYS;
	if (action->command[i])
		return "already has a command";
	if (strlen(value) > CONFIG_COMMAND)
		return "longer than " CONFIG_COMMAND_TEXT " bytes";
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
	if (!action->max_age_ns)
		action->max_age_ns = ACTION_MAX_AGE_NS;
	/* A click waits for a second press only where that would mean something. */
	if (!action->command[GESTURE_DOUBLE])
		action->double_ns = 0;
	else if (!action->double_ns)
		action->double_ns = GESTURE_DOUBLE_NS;
	if (!action->command[GESTURE_REPEAT])
		action->repeat_ns = 0;
	else if (!action->repeat_ns)
		action->repeat_ns = GESTURE_REPEAT_NS;
	return NULL;
}

/* A file that is being read: sections before @first are another file's. */
struct reading {
	struct config *config;
	size_t first;
	const char *file;
};

static const char *begin_section(void *data, const char *name, unsigned int line)
{
	struct reading *r = data;
	struct config *config = r->config;
	struct action *action;
	size_t i;

	for (i = 0; i < config->n; i++)
		if (!strcmp(config->action[i].button ?: "", name))
			return "this button has a section already";
	if (config->n == CONFIG_BUTTONS)
		return "more than " CONFIG_BUTTONS_TEXT " buttons";
	action = reallocarray(config->action, config->n + 1, sizeof(*action));
	if (!action)
		return "out of memory";
	config->action = action;
	action[config->n] = (struct action){ .button = strdup(name), .file = strdup(r->file), .line = line };
	config->n++;
	return action[config->n - 1].button && action[config->n - 1].file ? NULL : "out of memory";
}

static const char *set(void *data, const char *key, const char *value, unsigned int line)
{
	struct reading *r = data;

	(void)line;
	if (r->config->n == r->first)
		return "no [BUTTON] before it";
	return action_set(&r->config->action[r->config->n - 1], key, value);
}

static void mark_broken(void *data)
{
	struct reading *r = data;

	if (r->config->n > r->first)
		r->config->action[r->config->n - 1].broken = true;
}

unsigned int config_read(struct config *config, FILE *file, const char *name, FILE *errors)
{
	struct reading r = { .config = config, .first = config->n, .file = name };
	const struct settings_reader reader = { begin_section, set, mark_broken, &r };

	return read_settings(&reader, file, name, errors);
}

unsigned int config_finish(struct config *config, const char *name, FILE *errors)
{
	unsigned int bad = 0;
	size_t i;

	if (!config->n) {
		fprintf(errors, "%s: no [BUTTON] in it\n", name);
		return 1;
	}
	for (i = 0; i < config->n; i++) {
		struct action *action = &config->action[i];
		const char *wrong = action_finish(action);

		if (!wrong || action->broken)
			continue;
		fprintf(errors, "%s:%u: [%s] %s\n", action->file, action->line, action->button, wrong);
		bad++;
	}
	return bad;
}

void config_free(struct config *config)
{
	unsigned int k;
	size_t i;

	for (i = 0; i < config->n; i++) {
		free(config->action[i].button);
		free(config->action[i].file);
		for (k = 0; k < GESTURE_TYPES; k++)
			free(config->action[i].command[k]);
	}
	free(config->action);
	*config = (struct config){ };
}
