// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "device.h"
#include "util.h"

enum form { PLAIN, COLOURED, JSON, FORMAT, QUIET };

/**
 * struct watch - what is asked for
 * @set: the buttons
 * @form: how events are printed
 * @format: with FORMAT
 * @clock_name: of the times
 * @localtime: print times as local date and time
 * @state: begin with the state, each time that a button is opened
 * @banner: begin with a line that names the buttons
 * @types: bit N: print events of type N; unknown types are bit 0
 * @count: exit after so many events, 0: never
 * @timeout_ns: exit when nothing happens for so long, or -1
 */
struct watch {
	struct buttons set;
	enum form form;
	const char *format;
	const char *clock_name;
	bool localtime;
	bool state;
	bool banner;
	unsigned int types;
	unsigned long count;
	long long timeout_ns;
};

/**
 * struct line - what is printed: an event, or the state
 * @b: the button
 * @event: the event; of a state, the number of the last event and the time of the last change
 * @name: name of the event, or "state"
 * @state: NULL, or "pressed" or "released"
 * @timed: the time is known
 * @time_seq: number of the event that the time is of
 */
struct line {
	struct button *b;
	const struct button_irq_event *event;
	const char *name;
	const char *state;
	bool timed;
	__u64 time_seq;
};

static bool is_change(const struct line *l)
{
	return !l->state && (l->event->type == BUTTON_IRQ_PRESS || l->event->type == BUTTON_IRQ_RELEASE);
}

static void print_seconds(__u64 ns)
{
	printf("%llu.%09llu", ns / NS_PER_S, ns % NS_PER_S);
}

static void print_time(const struct watch *w, __u64 ns)
{
	time_t seconds = ns / NS_PER_S;
	char text[40];
	struct tm tm;

	if (!w->localtime || !localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm)) {
		print_seconds(ns);
		return;
	}
	printf("%s.%09llu", text, ns % NS_PER_S);
}

/* Both clocks, so that a consumer can correct times from before the clock was set. */
static void print_json_clocks(const struct watch *w, const struct line *l)
{
	clockid_t other = w->set.clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	__u64 ns;

	if (w->set.clock != CLOCK_BOOTTIME)
		printf(",\"%s_ns\":%llu", w->clock_name, l->event->timestamp_ns);
	if (button_other_time(l->b, l->time_seq, other, &ns))
		printf(",\"%s_ns\":%llu", other == CLOCK_REALTIME ? "realtime" : "monotonic", ns);
}

static void print_json(const struct watch *w, const struct line *l)
{
	const struct button_irq_event *e = l->event;

	printf("{\"button\":");
	print_json_string(l->b->label);
	printf(",\"device\":");
	print_json_string(l->b->path);
	printf(",\"seq\":%llu,\"clock\":\"%s\"", e->seq, w->clock_name);
	if (l->timed) {
		printf(",\"time\":");
		print_seconds(e->timestamp_ns);
		printf(",\"time_ns\":%llu", e->timestamp_ns);
	}
	printf(",\"event\":\"%s\"", l->name);
	if (l->state)
		printf(",\"state\":\"%s\"", l->state);
	else if (is_change(l))
		printf(",\"bounces\":%u", e->count);
	else if (e->type == BUTTON_IRQ_LOST || e->type == BUTTON_IRQ_MISSED)
		printf(",\"count\":%u", e->count);
	else
		printf(",\"type\":%u", e->type);
	if (!l->state && e->type == BUTTON_IRQ_RELEASE) {
		printf(",\"held\":");
		print_seconds(e->held_ns);
		printf(",\"held_ns\":%llu", e->held_ns);
	}
	if (l->timed)
		print_json_clocks(w, l);
	puts("}");
}

/* The last field: how long it was held, how many events, which state */
static void print_detail(const struct line *l)
{
	if (l->state)
		printf(" %s", l->state);
	else if (l->event->type == BUTTON_IRQ_RELEASE)
		printf(" %llu.%09llu", l->event->held_ns / NS_PER_S, l->event->held_ns % NS_PER_S);
	else if (l->event->type == BUTTON_IRQ_LOST || l->event->type == BUTTON_IRQ_MISSED)
		printf(" %u", l->event->count);
	else if (l->event->type != BUTTON_IRQ_PRESS)
		printf(" %u", l->event->type);
}

/* The device's own line; where there are several buttons, behind the label. */
static void print_plain(const struct watch *w, const struct line *l)
{
	if (w->set.n > 1)
		printf("%s ", l->b->label);
	printf("%llu ", l->event->seq);
	print_time(w, l->event->timestamp_ns);
	printf(" %s", l->name);
	print_detail(l);
	putchar('\n');
}

static void print_coloured(const struct watch *w, const struct line *l)
{
	static const char *const colours[] = {
		[BUTTON_IRQ_PRESS] = "1;32", [BUTTON_IRQ_RELEASE] = "36", [BUTTON_IRQ_LOST] = "1;31",
		[BUTTON_IRQ_MISSED] = "1;31",
	};
	const struct button_irq_event *e = l->event;
	const char *colour = NULL;

	if (!l->state && e->type < ARRAY_SIZE(colours))
		colour = colours[e->type];
	if (w->set.n > 1)
		printf("%s%*s ", l->b->label, text_width(l->b->label) < 12 ? 12 - text_width(l->b->label) : 0, "");
	printf("\033[2m%6llu\033[0m  ", e->seq);
	print_time(w, e->timestamp_ns);
	printf("  \033[%sm%-8s\033[0m", colour ?: "1", l->name);
	if (!l->state && e->type == BUTTON_IRQ_RELEASE)
		printf("held %llu.%03llu s  ", e->held_ns / NS_PER_S, e->held_ns % NS_PER_S / NS_PER_MS);
	else
		print_detail(l);
	if (is_change(l) && e->count)
		printf("\033[2m(%u bounces before)\033[0m", e->count);
	putchar('\n');
}

static void print_format(const struct watch *w, const struct line *l)
{
	const struct button_irq_event *e = l->event;
	const char *c;

	for (c = w->format; *c; c++) {
		if (*c != '%') {
			putchar(*c);
			continue;
		}
		switch (*++c) {
		case 'b': fputs(l->b->label, stdout); break;
		case 'd': fputs(l->b->path, stdout); break;
		case 'e': fputs(l->state ?: l->name, stdout); break;
		case 's': printf("%llu", e->seq); break;
		case 't': print_time(w, e->timestamp_ns); break;
		case 'n': printf("%llu", e->timestamp_ns); break;
		case 'h': print_seconds(e->held_ns); break;
		case 'c': printf("%u", e->count); break;
		case '%': putchar('%'); break;
		}
	}
	putchar('\n');
}

/* Returns the first conversion that print_format() does not know, or NULL. */
static const char *wrong_format(const char *format)
{
	while ((format = strchr(format, '%'))) {
		if (!format[1] || !strchr("bdestnhc%", format[1]))
			return format;
		format += 2;
	}
	return NULL;
}

static void print_line(const struct watch *w, const struct line *l)
{
	switch (w->form) {
	case PLAIN: print_plain(w, l); break;
	case COLOURED: print_coloured(w, l); break;
	case JSON: print_json(w, l); break;
	case FORMAT: print_format(w, l); break;
	case QUIET: break;
	}
}

static int print_state(const struct watch *w, struct button *b, bool rewind)
{
	struct button_irq_event e = { };
	struct button_state state;
	struct line l = { .b = b, .event = &e, .name = "state" };
	int ret = button_state(b, rewind, &state);

	if (ret)
		return ret;
	e.seq = state.seq;
	e.timestamp_ns = state.time;
	l.state = state.pressed ? "pressed" : "released";
	l.timed = state.change_seq;
	l.time_seq = state.change_seq;
	print_line(w, &l);
	return 0;
}

/* Returns whether the event is one of those that are wanted. */
static bool print_event(const struct watch *w, struct button *b, const struct button_irq_event *e)
{
	struct line l = { .b = b, .event = e, .name = event_name(e->type), .timed = true, .time_seq = e->seq };
	unsigned int bit = e->type <= BUTTON_IRQ_MISSED ? e->type : 0;

	if (!(w->types & 1U << bit))
		return false;
	print_line(w, &l);
	return true;
}

static void print_banner(const struct watch *w)
{
	size_t i;

	if (!w->banner)
		return;
	fputs(w->form == JSON ? "{\"event\":\"watching\",\"buttons\":[" : "watching", stdout);
	for (i = 0; i < w->set.n; i++) {
		const char *name = button_name(&w->set.button[i]);

		if (w->form == JSON) {
			fputs(i ? "," : "", stdout);
			print_json_string(name);
		} else {
			printf(" %s", name);
		}
	}
	puts(w->form == JSON ? "]}" : "");
}

/*
 * Prints what one button has, up to @max events, and begins with its state where that is
 * wanted and it was opened anew. Returns how many events were read, or a negative errno;
 * adds those that were printed to @printed.
 */
static int watch_button(struct watch *w, struct button *b, bool *shown, size_t max, unsigned long *printed)
{
	struct button_irq_event events[64];
	unsigned int session = b->session;
	bool absent = b->fd < 0;
	int k, n;

	if (w->state && !*shown && button_open(&w->set, b)) {
		n = print_state(w, b, w->set.history || absent);
		if (n)
			return n;
		*shown = true;
	}
	n = button_read(&w->set, b, events, max < ARRAY_SIZE(events) ? max : ARRAY_SIZE(events));
	if (b->session != session)
		*shown = false;
	for (k = 0; k < n; k++)
		*printed += print_event(w, b, &events[k]);
	return n;
}

static int watch(struct watch *w)
{
	bool shown[w->set.n];
	unsigned long printed = 0;
	size_t i;

	memset(shown, 0, sizeof(shown));
	print_banner(w);
	for (;;) {
		bool any = false;

		for (i = 0; i < w->set.n; i++) {
			struct button *b = &w->set.button[i];
			/* No event is taken that is not printed. */
			int n = watch_button(w, b, &shown[i], w->count ? w->count - printed : 64, &printed);

			if (!flush_output())
				return EXIT_FAILED;
			if (n < 0) {
				complain("%s: %s", button_name(b), strerror(-n));
				return EXIT_GONE;
			}
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

static bool parse_events(const char *list, unsigned int *types)
{
	char *text = strdupa(list), *word;
	unsigned int type;

	*types = 0;
	while ((word = strsep(&text, ","))) {
		for (type = BUTTON_IRQ_PRESS; type <= BUTTON_IRQ_MISSED; type++)
			if (!strcmp(word, event_name(type)))
				break;
		if (type > BUTTON_IRQ_MISSED)
			return false;
		*types |= 1U << type;
	}
	return true;
}

int watch_main(int argc, char **argv)
{
	enum { OPT_HISTORY = 256, OPT_JSON, OPT_COLOR, OPT_STATE, OPT_BANNER, OPT_FORMAT, OPT_LOCALTIME };
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "num-events", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "idle-timeout", required_argument, NULL, 't' },
		{ "clock", required_argument, NULL, 'E' },
		{ "event-clock", required_argument, NULL, 'E' },
		{ "events", required_argument, NULL, 'e' },
		{ "history", no_argument, NULL, OPT_HISTORY },
		{ "follow", no_argument, NULL, 'f' },
		{ "state", no_argument, NULL, OPT_STATE },
		{ "banner", no_argument, NULL, OPT_BANNER },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "localtime", no_argument, NULL, OPT_LOCALTIME },
		{ "quiet", no_argument, NULL, 'q' },
		{ "color", required_argument, NULL, OPT_COLOR },
		COMMON_OPTIONS
	};
	struct watch w = { .timeout_ns = -1, .set.clock = CLOCK_MONOTONIC, .types = ~0U };
	bool coloured = use_colour(), json = false, quiet = false;
	unsigned long long ns;
	int c, ret;

	while ((c = getopt_long(argc, argv, "n:t:E:e:fqh", options, NULL)) != -1) {
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
		case 'e':
			if (!parse_events(optarg, &w.types))
				return complain_usage("--events=%s: not a list of press, release, lost, missed",
						      optarg);
			break;
		case OPT_HISTORY:
			w.set.history = true;
			break;
		case 'f':
			w.set.follow = true;
			break;
		case OPT_STATE:
			w.state = true;
			break;
		case OPT_BANNER:
			w.banner = true;
			break;
		case OPT_JSON:
			json = true;
			break;
		case OPT_FORMAT:
			if (wrong_format(optarg))
				return complain_usage("--format=%s: '%.2s' is none of %%b %%d %%e %%s %%t %%n %%h %%c %%%%",
						      optarg, wrong_format(optarg));
			w.format = optarg;
			break;
		case OPT_LOCALTIME:
			w.localtime = true;
			break;
		case 'q':
			quiet = true;
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
			return common_option(c);
		}
	}
	if (json + quiet + !!w.format > 1)
		return complain_usage("watch: only one of --json, --format and --quiet");
	if (w.localtime && (json || (w.clock_name && w.set.clock != CLOCK_REALTIME)))
		return complain_usage("--localtime: not with %s", json ? "--json" : "another clock than realtime");
	if (!w.clock_name)
		parse_clock(w.localtime ? "realtime" : "monotonic", &w);
	w.form = json ? JSON : quiet ? QUIET : w.format ? FORMAT : coloured ? COLOURED : PLAIN;
	ret = buttons_open(&w.set, argv + optind, argc - optind, NULL);
	if (!ret)
		ret = finish_output(watch(&w));
	buttons_close(&w.set);
	return ret;
}
