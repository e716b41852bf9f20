// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "device.h"
#include "gesture.h"
#include "util.h"

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void print_gesture(const struct gesture *f)
{
	printf("%llu %llu.%09llu %s", f->seq, f->time / NS_PER_S, f->time % NS_PER_S,
	       gesture_names[f->type]);
	if (f->held)
		printf(" %llu.%09llu", f->held / NS_PER_S, f->held % NS_PER_S);
	putchar('\n');
}

/* Is the one that we wait for among them? */
static bool found(const struct gesture *f, unsigned int n, enum gesture_type wanted)
{
	for (; n; n--, f++) {
		if (f->type == wanted) {
			print_gesture(f);
			return true;
		}
	}
	return false;
}

static int wait_for(struct buttons *set, struct gestures *g, enum gesture_type wanted, __u64 end)
{
	struct button *b = set->button;
	struct button_irq_event e;
	struct gesture f[GESTURES];

	for (;;) {
		/* Before reading, so that what we read includes all that came up to then. */
		__u64 time = now(), due, wake;
		int n;

		while ((n = button_read(set, b, &e, 1)) > 0)
			if (found(f, gestures_event(g, &e, f), wanted))
				return EXIT_OK;
		if (n < 0) {
			complain("%s: %s", b->label, strerror(-n));
			return EXIT_GONE;
		}
		if (time > b->slack_ns && found(f, gestures_time(g, time - b->slack_ns, f), wanted))
			return EXIT_OK;
		if (time >= end)
			return EXIT_FAILED;
		due = gestures_deadline(g);
		wake = due == GESTURE_NO_DEADLINE || due + b->slack_ns > end ? end : due + b->slack_ns;
		if (wake == GESTURE_NO_DEADLINE)
			buttons_wait(set, -1, -1);
		else if (wake > time)
			buttons_wait(set, -1, wake - time);
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
	for (i = 0; i < GESTURE_TYPES; i++)
		if (!strcmp(text, gesture_names[i]))
			break;
	if (i == GESTURE_TYPES || (value && (i != GESTURE_HOLD || !parse_period(value, &ns))))
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
		{ }
	};
	struct gestures g = { .hold_ns = GESTURE_HOLD_NS, .double_ns = GESTURE_DOUBLE_NS };
	struct buttons set = { .clock = CLOCK_MONOTONIC };
	__u64 end = GESTURE_NO_DEADLINE;
	char *button = NULL, *text;
	enum gesture_type wanted;
	unsigned long long ns;
	int c, ret;

	while ((c = getopt_long(argc, argv, "b:t:", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			button = optarg;
			break;
		case 't':
			if (!parse_period(optarg, &ns))
				return complain_usage("--timeout=%s: not a time like 500ms or 2s", optarg);
			end = now() + ns;
			break;
		case OPT_DOUBLE_TIME:
			if (!parse_period(optarg, &ns))
				return complain_usage("--double-time=%s: not a time like 400ms", optarg);
			g.double_ns = ns;
			break;
		case OPT_HOLD_TIME:
			if (!parse_period(optarg, &ns))
				return complain_usage("--hold-time=%s: not a time like 1s", optarg);
			g.hold_ns = ns;
			break;
		default:
			return EXIT_USAGE;
		}
	}
	if (argc - optind != 1)
		return complain_usage("wait: one of press, release, click, double, hold[=TIME]");
	text = strdupa(argv[optind]);
	if (!parse_gesture(text, &wanted, &g.hold_ns))
		return complain_usage("wait %s: none of press, release, click, double, hold[=TIME]",
				      argv[optind]);
	ret = buttons_open(&set, &button, button ? 1 : 0);
	return ret ?: wait_for(&set, &g, wanted, end);
}
