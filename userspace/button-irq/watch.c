// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device.h"
#include "util.h"

enum form { PLAIN, COLOURED, JSON };

struct watch {
	struct buttons set;
	enum form form;
	const char *clock_name;
	unsigned long count;	/* 0: no end */
	long long timeout_ns;	/* -1: none */
};

static void print_time(__u64 ns)
{
	printf("%llu.%09llu", ns / NS_PER_S, ns % NS_PER_S);
}

/* As JSON wants it: a label has no control characters. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void print_json(const struct watch *w, const struct button *b, const struct button_irq_event *e)
{
	printf("{\"button\":");
	print_string(b->label);
	printf(",\"device\":\"/dev/%s\",\"seq\":%llu,\"clock\":\"%s\",\"time\":", b->node, e->seq,
	       w->clock_name);
	print_time(e->timestamp_ns);
	printf(",\"event\":\"%s\"", event_name(e));
	if (e->type == BUTTON_IRQ_RELEASE) {
		printf(",\"held\":");
		print_time(e->held_ns);
	}
	printf(e->type == BUTTON_IRQ_PRESS || e->type == BUTTON_IRQ_RELEASE ?
	       ",\"bounces\":%u}\n" : ",\"count\":%u}\n", e->count);
}

/* The device's own line; where there are several buttons, behind the label. */
static void print_plain(const struct watch *w, const struct button *b, const struct button_irq_event *e)
{
	if (w->set.n > 1)
		printf("%s ", b->label);
	printf("%llu ", e->seq);
	print_time(e->timestamp_ns);
	printf(" %s", event_name(e));
	if (e->type == BUTTON_IRQ_RELEASE) {
		putchar(' ');
		print_time(e->held_ns);
	} else if (e->type != BUTTON_IRQ_PRESS) {
		printf(" %u", e->count);
	}
	putchar('\n');
}

static void print_coloured(const struct watch *w, const struct button *b, const struct button_irq_event *e)
{
	static const char *const colours[] = {
		[BUTTON_IRQ_PRESS] = "1;32", [BUTTON_IRQ_RELEASE] = "36", [BUTTON_IRQ_LOST] = "1;31",
		[BUTTON_IRQ_MISSED] = "1;31",
	};

	if (w->set.n > 1)
		printf("%-12s ", b->label);
	printf("\033[2m%6llu\033[0m  ", e->seq);
	print_time(e->timestamp_ns);
	printf("  \033[%sm%-8s\033[0m", colours[e->type], event_name(e));
	if (e->type == BUTTON_IRQ_RELEASE)
		printf("held %llu.%03llu s  ", e->held_ns / NS_PER_S, e->held_ns % NS_PER_S / NS_PER_MS);
	else if (e->type != BUTTON_IRQ_PRESS)
		printf("%u  ", e->count);
	if ((e->type == BUTTON_IRQ_PRESS || e->type == BUTTON_IRQ_RELEASE) && e->count)
		printf("\033[2m(%u bounces before)\033[0m", e->count);
	putchar('\n');
}

static void print_event(const struct watch *w, const struct button *b, const struct button_irq_event *e)
{
	switch (w->form) {
	case PLAIN: print_plain(w, b, e); break;
	case COLOURED: print_coloured(w, b, e); break;
	case JSON: print_json(w, b, e); break;
	}
}

static int watch(struct watch *w)
{
	struct button_irq_event events[64];
	unsigned long printed = 0;
	size_t i;

	for (;;) {
		bool any = false;

		for (i = 0; i < w->set.n; i++) {
			struct button *b = &w->set.button[i];
			size_t max = ARRAY_SIZE(events);
			int k, n;

			/* No event is taken that is not printed. */
			if (w->count && w->count - printed < max)
				max = w->count - printed;
			n = button_read(&w->set, b, events, max);
			for (k = 0; k < n; k++)
				print_event(w, b, &events[k]);
			if (fflush(stdout) || ferror(stdout))
				return EXIT_FAILED;
			if (n < 0) {
				complain("%s: %s", b->label, strerror(-n));
				return EXIT_GONE;
			}
			printed += n;
			any |= n;
			if (w->count && printed == w->count)
				return EXIT_OK;
		}
		if (!any && !buttons_wait(&w->set, -1, w->timeout_ns))
			return w->count ? EXIT_FAILED : EXIT_OK;
	}
}

static bool parse_clock(const char *name, struct watch *w)
{
	static const struct {
		const char *name;
		clockid_t clock;
	} clocks[] = {
		{ "monotonic", CLOCK_MONOTONIC }, { "boottime", CLOCK_BOOTTIME },
		{ "realtime", CLOCK_REALTIME },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (strcmp(name, clocks[i].name))
			continue;
		w->clock_name = clocks[i].name;
		w->set.clock = clocks[i].clock;
		return true;
	}
	return false;
}

int watch_main(int argc, char **argv)
{
	enum { OPT_HISTORY = 256, OPT_JSON, OPT_COLOR };
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "num-events", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "idle-timeout", required_argument, NULL, 't' },
		{ "clock", required_argument, NULL, 'E' },
		{ "event-clock", required_argument, NULL, 'E' },
		{ "history", no_argument, NULL, OPT_HISTORY },
		{ "follow", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ }
	};
	struct watch w = { .timeout_ns = -1, .clock_name = "monotonic", .set.clock = CLOCK_MONOTONIC };
	bool coloured = isatty(STDOUT_FILENO), json = false;
	unsigned long long ns;
	int c, ret;

	while ((c = getopt_long(argc, argv, "n:t:E:f", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			if (!parse_count(optarg, 1000000000, &w.count))
				return complain_usage("--count=%s: not a number from 1", optarg);
			break;
		case 't':
			if (!parse_period(optarg, &ns))
				return complain_usage("--timeout=%s: not a time like 500ms or 2s", optarg);
			w.timeout_ns = ns;
			break;
		case 'E':
			if (!parse_clock(optarg, &w))
				return complain_usage("--clock=%s: none of monotonic, boottime, realtime",
						      optarg);
			break;
		case OPT_HISTORY:
			w.set.history = true;
			break;
		case 'f':
			w.set.follow = true;
			break;
		case OPT_JSON:
			json = true;
			break;
		case OPT_COLOR:
			if (!strcmp(optarg, "always"))
				coloured = true;
			else if (!strcmp(optarg, "never"))
				coloured = false;
			else if (strcmp(optarg, "auto"))
				return complain_usage("--color=%s: none of auto, always, never", optarg);
			break;
		default:
			return EXIT_USAGE;
		}
	}
	w.form = json ? JSON : coloured ? COLOURED : PLAIN;
	ret = buttons_open(&w.set, argv + optind, argc - optind);
	return ret ?: watch(&w);
}
