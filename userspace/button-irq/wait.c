// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "device.h"
#include "gesture.h"
#include "util.h"

struct wait {
	enum gesture_type wanted;
	bool quiet;
	bool found;
};

static void take(void *data, const struct gesture *f)
{
	struct wait *w = data;

	if (w->found || f->type != w->wanted)
		return;
	w->found = true;
	if (w->quiet)
		return;
	printf("%llu %llu.%09llu %s", f->seq, f->time / NS_PER_S, f->time % NS_PER_S,
	       gesture_names[f->type]);
	if (f->held)
		printf(" %llu.%09llu", f->held / NS_PER_S, f->held % NS_PER_S);
	putchar('\n');
}

static int wait_for(struct buttons *set, struct gestures *g, struct wait *w, __u64 end)
{
	struct button *b = set->button;
	struct button_irq_event e;

	for (;;) {
		/* Taken before reading: the events read include all that happened up to this time. */
		__u64 now = clock_ns(CLOCK_MONOTONIC), due, wake = end;
		int n;

		while ((n = button_read(set, b, &e, 1)) > 0 && !w->found)
			gestures_event(g, &e, take, w);
		if (!w->found && !n)
			gestures_time(g, button_horizon(b, now), take, w);
		if (w->found)
			return finish_output(EXIT_OK);
		if (n < 0) {
			complain("%s: %s", button_name(b), strerror(-n));
			return EXIT_GONE;
		}
		if (now >= end)
			return EXIT_FAILED;
		due = gestures_deadline(g);
		if (due != GESTURE_NO_DEADLINE && button_horizon_due(b, due) < wake)
			wake = button_horizon_due(b, due);
		if (wake == GESTURE_NO_DEADLINE)
			buttons_wait(set, -1, -1);
		else if (wake > now)
			buttons_wait(set, -1, wake - now);
	}
}

/* "click", "hold", "hold=2s" */
static bool parse_gesture(char *text, enum gesture_type *type, __u64 *hold_ns)
{
	char *value = strchr(text, '=');
	unsigned long long ns;
	unsigned int i;

	if (value)
		*value++ = '\0';
	for (i = 0; i <= GESTURE_HOLD; i++)
		if (!strcmp(text, gesture_names[i]))
			break;
	if (i > GESTURE_HOLD || (value && (i != GESTURE_HOLD || !parse_period(value, &ns))))
		return false;
	*type = i;
	if (value)
		*hold_ns = ns;
	return true;
}

int wait_main(int argc, char **argv)
{
	enum { OPT_DOUBLE_TIME = 256, OPT_HOLD_TIME };
	static const struct option options[] = {
		{ "button", required_argument, NULL, 'b' },
		{ "timeout", required_argument, NULL, 't' },
		{ "double-time", required_argument, NULL, OPT_DOUBLE_TIME },
		{ "hold-time", required_argument, NULL, OPT_HOLD_TIME },
		{ "quiet", no_argument, NULL, 'q' },
		COMMON_OPTIONS
	};
	struct gestures g = { .hold_ns = GESTURE_HOLD_NS, .double_ns = GESTURE_DOUBLE_NS };
	struct buttons set = { .clock = CLOCK_MONOTONIC };
	__u64 end = GESTURE_NO_DEADLINE;
	char *button = NULL, *text;
	unsigned long long ns;
	struct wait w = { };
	int c, ret;

	while ((c = getopt_long(argc, argv, "b:t:qh", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			button = optarg;
			break;
		case 't':
			if (!parse_period(optarg, &ns))
				return complain_usage("--timeout=%s: not a time like 500ms or 2s, " PERIOD_LIMIT, optarg);
			end = clock_ns(CLOCK_MONOTONIC) + ns;
			break;
		case OPT_DOUBLE_TIME:
			if (!parse_period(optarg, &ns))
				return complain_usage("--double-time=%s: not a time like 400ms, " PERIOD_LIMIT, optarg);
			g.double_ns = ns;
			break;
		case OPT_HOLD_TIME:
			if (!parse_period(optarg, &ns))
				return complain_usage("--hold-time=%s: not a time like 1s, " PERIOD_LIMIT, optarg);
			g.hold_ns = ns;
			break;
		case 'q':
			w.quiet = true;
			break;
		default:
			return common_option(c);
		}
	}
	if (argc - optind != 1)
		return complain_usage("wait: one of press, release, click, double, hold[=TIME]");
	text = strdupa(argv[optind]);
	if (!parse_gesture(text, &w.wanted, &g.hold_ns))
		return complain_usage("wait %s: none of press, release, click, double, hold[=TIME]",
				      argv[optind]);
	ret = buttons_open(&set, &button, button ? 1 : 0, NULL);
	if (!ret)
		ret = wait_for(&set, &g, &w, end);
	buttons_close(&set);
	return ret;
}
