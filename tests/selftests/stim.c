// SPDX-License-Identifier: GPL-2.0-only
/*
 * stim - press buttons from the shell; see stimulus.h
 *
 * Exit status: 0, 1 for an error, 2 for wrong usage, 4 (kselftest's "skip") for what the
 * back end cannot do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stimulus.h"

static const char usage[] =
	"usage: stim INDEX LEVEL...               set the line to each level in turn\n"
	"       stim INDEX train US:LEVEL...      so many microseconds after the start\n"
	"       stim INDEX pulse LEVEL            and back, too fast for the controller\n"
	"       stim INDEX asleep LEVEL           once the machine is suspended\n"
	"       stim INDEX pulse-asleep LEVEL     likewise, and back at once\n"
	"       stim INDEX line                   print the line, as line= takes it\n"
	"       stim INDEX pin                    print what drives it\n"
	"INDEX counts the lines of BUTTON_IRQ_LINES from 0. LEVEL is 0 or 1; pressed is 0.\n"
	"BUTTON_IRQ_STIMULUS is gpio-sim (default), host or wire.\n";

static int wrong(const char *what)
{
	fprintf(stderr, "stim: %s\n%s", what, usage);
	return 2;
}

static bool parse(const char *text, char until, unsigned long max, unsigned long *value,
		  const char **rest)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoul(text, &end, 10);
	if (errno || *end != until || *value > max)
		return false;
	if (rest)
		*rest = end + 1;
	return true;
}

static bool parse_level(const char *text, int *level)
{
	unsigned long value;

	if (!parse(text, '\0', 1, &value, NULL))
		return false;
	*level = value;
	return true;
}

static int train(struct stim *s, int n, char **words)
{
	struct stim_edge *edges = calloc(n, sizeof(*edges));
	const char *level;
	int i, ret;

	if (!edges)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (!parse(words[i], ':', ~0UL, &edges[i].us, &level) ||
		    !parse_level(level, &edges[i].level)) {
			free(edges);
			return -EINVAL;
		}
	}
	ret = stim_train(s, edges, n);
	free(edges);
	return ret;
}

static int run(struct stim *s, int argc, char **argv)
{
	int level, i, ret;

	if (!strcmp(argv[0], "train"))
		return train(s, argc - 1, argv + 1);
	if (argc == 1 && !strcmp(argv[0], "line"))
		return puts(s->line) < 0 ? -EIO : 0;
	if (argc == 1 && !strcmp(argv[0], "pin"))
		return puts(s->pin) < 0 ? -EIO : 0;
	if (argc == 2 && !strcmp(argv[0], "pulse"))
		return parse_level(argv[1], &level) ? stim_pulse(s, level) : -EINVAL;
	if (argc == 2 && !strcmp(argv[0], "asleep"))
		return parse_level(argv[1], &level) ? stim_set_asleep(s, level) : -EINVAL;
	if (argc == 2 && !strcmp(argv[0], "pulse-asleep"))
		return parse_level(argv[1], &level) ? stim_pulse_asleep(s, level) : -EINVAL;

	for (i = 0; i < argc; i++)
		if (!parse_level(argv[i], &level))
			return -EINVAL;
	for (i = 0; i < argc; i++) {
		parse_level(argv[i], &level);
		ret = stim_set(s, level);
		if (ret)
			return ret;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long index;
	struct stim s;
	int ret;

	if (argc < 3)
		return wrong("too few words");
	if (!parse(argv[1], '\0', 63, &index, NULL))
		return wrong("INDEX is a number");
	if (stim_open(&s, index))
		return 1;
	ret = run(&s, argc - 2, argv + 2);
	if (ret == -EOPNOTSUPP)
		fprintf(stderr, "stim: %s cannot do that\n", stim_name(&s));
	stim_close(&s);
	switch (ret) {
	case 0:
		return 0;
	case -EINVAL:
		return wrong("cannot make sense of that");
	case -EOPNOTSUPP:
		return 4;
	}
	return 1;
}
