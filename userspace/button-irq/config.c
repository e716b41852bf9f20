// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
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
		return "not a time like 400ms or 2s";
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

static char *strip(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

static const char *begin_section(struct config *config, char *line, const char *file, unsigned int number)
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
		if (!strcmp(config->action[i].button ?: "", name))
			return "this button has a section already";
	action = reallocarray(config->action, config->n + 1, sizeof(*action));
	if (!action)
		return "out of memory";
	config->action = action;
	action[config->n] = (struct action){ .button = strdup(name), .file = strdup(file), .line = number };
	config->n++;
	return action[config->n - 1].button && action[config->n - 1].file ? NULL : "out of memory";
}

/* @first: sections before this one are another file's. */
static const char *read_setting(struct config *config, size_t first, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return "neither [BUTTON] nor KEY = VALUE";
	if (config->n == first)
		return "no [BUTTON] before it";
	*value++ = '\0';
	return action_set(&config->action[config->n - 1], strip(line), strip(value));
}

/* What editors on other systems put in front of a text. */
static const char *read_mark(char **text)
{
	if (!strncmp(*text, "\xef\xbb\xbf", 3))
		*text += 3;
	else if (!strncmp(*text, "\xff\xfe", 2) || !strncmp(*text, "\xfe\xff", 2))
		return "the file is in UTF-16: save it as UTF-8";
	return NULL;
}

unsigned int config_read(struct config *config, FILE *file, const char *name, FILE *errors)
{
	char *line = NULL, *text, *as_it_stands;
	size_t size = 0, first = config->n;
	unsigned int number = 0, bad = 0;
	ssize_t n;

	while ((n = getline(&line, &size, file)) >= 0) {
		const char *wrong = NULL;

		text = line;
		if (!number++) {
			wrong = read_mark(&text);
			if (wrong) {
				fprintf(errors, "%s:%u: %s\n", name, number, wrong);
				free(line);
				return bad + 1;
			}
		}
		if (strlen(line) != (size_t)n)
			wrong = "a NUL byte in the line";
		text = strip(text);
		as_it_stands = strdup(text);
		if (!wrong && *text == '[')
			wrong = begin_section(config, text, name, number);
		else if (!wrong && *text && *text != '#' && *text != ';')
			wrong = read_setting(config, first, text);
		if (wrong) {
			fprintf(errors, "%s:%u: %s: %s\n", name, number, as_it_stands ?: "", wrong);
			bad++;
			if (config->n > first)
				config->action[config->n - 1].broken = true;
		}
		free(as_it_stands);
	}
	free(line);
	if (ferror(file)) {
		fprintf(errors, "%s: cannot be read\n", name);
		bad++;
	}
	return bad;
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
