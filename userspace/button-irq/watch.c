// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "config.h"
#include "device.h"
#include "gesture.h"
#include "util.h"

enum form { PLAIN, COLOURED, JSON, FORMAT, QUIET };

/* Bits of struct watch's types: events, gestures, and that a button is absent */
#define GESTURE_BIT(type)	(1U << (8 + (type)))
#define GESTURE_BITS		(GESTURE_BIT(GESTURE_CLICK) | GESTURE_BIT(GESTURE_DOUBLE) | \
				 GESTURE_BIT(GESTURE_HOLD) | GESTURE_BIT(GESTURE_REPEAT))
#define EVENT_BITS		0xffU
#define ABSENT_BIT		(1U << 31)

/**
 * struct watch - what the options ask for
 * @set: the buttons
 * @form: how events are printed
 * @format: with FORMAT
 * @clock_name: of the times
 * @localtime: print times as local date and time
 * @state: begin with the state, each time that a button is opened
 * @banner: begin with a line that names the buttons
 * @types: bit N: print events of type N; unknown types are bit 0. See also GESTURE_BIT().
 * @times: of the gestures
 * @count: exit after so many lines, 0: never
 * @printed: so many of them were printed
 * @timeout_ns: exit when nothing happens for so long, or -1
 * @reader: descriptor that is readable once nobody reads standard output any more, or -1
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
	struct gestures times;
	unsigned long count;
	unsigned long printed;
	long long timeout_ns;
	int reader;
};

/**
 * struct progress - the reading of one button
 * @w: what the options ask for
 * @b: the button
 * @gestures: its recogniser
 * @event: the event that @gestures is being fed with, NULL while it is fed with time only
 * @session: value of the button's session when its last events were read
 * @shown: the button's state was printed since it was opened
 * @error: errno of the absence that was printed last; 0: none
 */
struct progress {
	struct watch *w;
	struct button *b;
	struct gestures gestures;
	const struct button_irq_event *event;
	unsigned int session;
	bool shown;
	int error;
};

/**
 * struct line - one line of output: an event, a gesture, a state or an absence
 * @b: the button
 * @event: the event; of a gesture, its number, time and held time; of a state, the number of the
 *	last event and the time of the last change
 * @name: name of the event or gesture, "state" or "absent"
 * @detail: of a state, "pressed" or "released"; of an absence, its reason; else NULL
 * @gesture: the line is a gesture
 * @timed: the time is known
 * @time_seq: number of the event from which the time is taken
 * @after_ns: nanoseconds from that event to the time of the line
 */
struct line {
	struct button *b;
	const struct button_irq_event *event;
	const char *name;
	const char *detail;
	bool gesture;
	bool timed;
	__u64 time_seq;
	__u64 after_ns;
};

static bool is_state(const struct line *l)
{
	return !strcmp(l->name, "state");
}

static bool is_change(const struct line *l)
{
	return !l->detail && !l->gesture &&
	       (l->event->type == BUTTON_IRQ_PRESS || l->event->type == BUTTON_IRQ_RELEASE);
}

/* Does the line have a held time? Releases and most gestures do. */
static bool has_held(const struct line *l)
{
	return !l->detail && (l->gesture ? l->event->held_ns != 0 : l->event->type == BUTTON_IRQ_RELEASE);
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
		printf(",\"%s_ns\":%llu", other == CLOCK_REALTIME ? "realtime" : "monotonic",
		       ns + l->after_ns);
}

static void print_json(const struct watch *w, const struct line *l)
{
	const struct button_irq_event *e = l->event;

	printf("{\"button\":");
	print_json_string(button_name(l->b));
	if (*l->b->path) {
		printf(",\"device\":");
		print_json_string(l->b->path);
	}
	printf(",\"seq\":%llu,\"clock\":\"%s\"", e->seq, w->clock_name);
	if (l->timed) {
		printf(",\"time\":");
		print_seconds(e->timestamp_ns);
		printf(",\"time_ns\":%llu", e->timestamp_ns);
	}
	printf(",\"event\":\"%s\"", l->name);
	if (l->detail)
		printf(",\"%s\":\"%s\"", is_state(l) ? "state" : "reason", l->detail);
	else if (is_change(l))
		printf(",\"bounces\":%u", e->count);
	else if (l->gesture)
		;
	else if (e->type == BUTTON_IRQ_LOST || e->type == BUTTON_IRQ_MISSED)
		printf(",\"count\":%u", e->count);
	else
		printf(",\"type\":%u", e->type);
	if (has_held(l)) {
		printf(",\"held\":");
		print_seconds(e->held_ns);
		printf(",\"held_ns\":%llu", e->held_ns);
	}
	if (l->timed)
		print_json_clocks(w, l);
	puts("}");
}

/* Prints the last field: the held time, the number of events, the state or the reason. */
static void print_detail(const struct line *l)
{
	if (l->detail)
		printf(" %s", l->detail);
	else if (has_held(l))
		printf(" %llu.%09llu", l->event->held_ns / NS_PER_S, l->event->held_ns % NS_PER_S);
	else if (l->event->type == BUTTON_IRQ_LOST || l->event->type == BUTTON_IRQ_MISSED)
		printf(" %u", l->event->count);
	else if (!l->gesture && l->event->type != BUTTON_IRQ_PRESS)
		printf(" %u", l->event->type);
}

/* Prints the line as the device gives it, with the label in front if there are several buttons. */
static void print_plain(const struct watch *w, const struct line *l)
{
	if (w->set.n > 1)
		printf("%s ", button_name(l->b));
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
	const char *colour = NULL, *name = button_name(l->b);

	if (!l->detail && !l->gesture && e->type < ARRAY_SIZE(colours))
		colour = colours[e->type];
	if (w->set.n > 1)
		printf("%s%*s ", name, text_width(name) < 12 ? 12 - text_width(name) : 0, "");
	printf("\033[2m%6llu\033[0m  ", e->seq);
	print_time(w, e->timestamp_ns);
	printf("  \033[%sm%-8s\033[0m", colour ?: "1", l->name);
	if (has_held(l))
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
		case 'b': fputs(button_name(l->b), stdout); break;
		case 'd': fputs(l->b->path, stdout); break;
		case 'e': fputs(is_state(l) ? l->detail : l->name, stdout); break;
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

/* Returns the first conversion that print_format() does not have, or NULL. */
static const char *wrong_format(const char *format)
{
	while ((format = strchr(format, '%'))) {
		if (!format[1] || !strchr("bdestnhc%", format[1]))
			return format;
		format += 2;
	}
	return NULL;
}

/* Names the conversion first: the format may be longer than a message. */
static int bad_format(const char *format)
{
	const char *wrong = wrong_format(format);

	return complain_usage("--format: '%.*s' is none of %%b %%d %%e %%s %%t %%n %%h %%c %%%%",
			      1 + (int)(utf8_length(wrong + 1) ?: 1), wrong);
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
	l.detail = state.pressed ? "pressed" : "released";
	l.timed = state.change_seq;
	l.time_seq = state.change_seq;
	print_line(w, &l);
	return 0;
}

/* Prints one of the lines that --count counts. */
static void print_counted(struct watch *w, const struct line *l)
{
	if (w->count && w->printed == w->count)
		return;
	print_line(w, l);
	w->printed++;
}

static void print_event(struct watch *w, struct button *b, const struct button_irq_event *e)
{
	struct line l = { .b = b, .event = e, .name = event_name(e->type), .timed = true, .time_seq = e->seq };

	if (w->types & 1U << (e->type <= BUTTON_IRQ_MISSED ? e->type : 0))
		print_counted(w, &l);
}

/* Called for each gesture; @data is a struct progress. Presses and releases are printed as events. */
static void take(void *data, const struct gesture *f)
{
	const struct progress *p = data;
	/* No event has the time of a hold or repeat: it is the time of the press plus the held time. */
	bool held = f->type == GESTURE_HOLD || f->type == GESTURE_REPEAT;
	struct button_irq_event e = { .seq = f->seq, .timestamp_ns = f->time, .held_ns = f->held };
	struct line l = {
		.b = p->b, .event = &e, .name = gesture_names[f->type], .gesture = true, .timed = true,
		.time_seq = f->seq, .after_ns = held ? f->held : 0,
	};

	if (f->type == GESTURE_PRESS || f->type == GESTURE_RELEASE)
		print_event(p->w, p->b, p->event);
	else if (p->w->types & GESTURE_BIT(f->type))
		print_counted(p->w, &l);
}

/* Prints an event, and the gestures that follow from it in the order of their times. */
static void print_with_gestures(struct progress *p, const struct button_irq_event *e)
{
	bool change = e->type == BUTTON_IRQ_PRESS || e->type == BUTTON_IRQ_RELEASE;

	p->event = e;
	if (p->w->types & GESTURE_BITS)
		gestures_event(&p->gestures, e, take, p);
	if (!change || !(p->w->types & GESTURE_BITS))
		print_event(p->w, p->b, e);
}

static const char *absence(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO: return "missing";
	case EACCES:
	case EPERM: return "permission";
	case ENOTTY:
	case EINVAL: return "not-a-button";
	default: return "error";
	}
}

/* Prints that the button is absent, each time that it goes away or that the reason changes. */
static void print_absence(struct progress *p)
{
	int error = p->b->fd < 0 ? p->b->error : 0;
	struct button_irq_event e = { };
	struct line l = { .b = p->b, .event = &e, .name = "absent", .detail = absence(error) };

	if (error && error != p->error && p->w->types & ABSENT_BIT)
		print_counted(p->w, &l);
	p->error = error;
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
 * Prints the events and gestures of one button, after its state if --state asks for that and
 * the button was opened anew. Moves @wake to when the next gesture may be due, if that is earlier. Returns
 * how many events were read, or a negative errno.
 */
static int watch_button(struct progress *p, __u64 *wake)
{
	struct button_irq_event events[64];
	struct watch *w = p->w;
	struct button *b = p->b;
	/* Read no more events than --count allows to be printed. */
	size_t left = w->count ? w->count - w->printed : ARRAY_SIZE(events);
	size_t max = left < ARRAY_SIZE(events) ? left : ARRAY_SIZE(events);
	/* Taken before reading: the events read include all that happened up to this time. */
	__u64 now = clock_ns(CLOCK_MONOTONIC), due;
	bool absent = b->fd < 0;
	int k, n;

	if (w->state && !p->shown && button_open(&w->set, b)) {
		n = print_state(w, b, w->set.history || absent);
		/* The button went away after it was opened. button_read() handles that, also with --follow. */
		if (n && n != -ENODEV)
			return n;
		p->shown = !n;
	}
	n = button_read(&w->set, b, events, max);
	/* The button went away: a press whose release cannot be seen is no hold. */
	if (b->session != p->session) {
		gestures_end(&p->gestures, take, p);
		p->session = b->session;
		p->shown = false;
	}
	for (k = 0; k < n; k++)
		print_with_gestures(p, &events[k]);
	print_absence(p);
	if (n < 0 || !(w->types & GESTURE_BITS))
		return n;
	/* A full read may have left events behind. */
	if (n < (int)max)
		gestures_time(&p->gestures, button_horizon(b, now), take, p);
	due = gestures_deadline(&p->gestures);
	if (due != GESTURE_NO_DEADLINE && button_horizon_due(b, due) < *wake)
		*wake = button_horizon_due(b, due);
	return n;
}

/*
 * A descriptor that is readable once standard output has no reader any more, or -1 where that
 * cannot be, as with a file. Polling standard output itself would also report its input, which
 * a terminal or a socket may have.
 */
static int watch_reader(void)
{
	struct epoll_event nothing = { };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, STDOUT_FILENO, &nothing)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool reader_gone(const struct watch *w)
{
	struct epoll_event e;

	return w->reader >= 0 && epoll_wait(w->reader, &e, 1, 0) == 1;
}

static int watch_all(struct watch *w, struct progress *progress)
{
	__u64 last = clock_ns(CLOCK_MONOTONIC);

	for (;;) {
		unsigned long printed = w->printed;
		__u64 wake = GESTURE_NO_DEADLINE, now;
		bool any = false;
		size_t i;

		for (i = 0; i < w->set.n; i++) {
			int n = watch_button(&progress[i], &wake);

			if (!flush_output())
				return EXIT_FAILED;
			if (n < 0) {
				complain("%s: %s", button_name(&w->set.button[i]), strerror(-n));
				return EXIT_GONE;
			}
			any |= n;
			if (w->count && w->printed == w->count)
				return EXIT_OK;
		}
		now = clock_ns(CLOCK_MONOTONIC);
		if (any || w->printed != printed) {
			last = now;
			continue;
		}
		if (w->timeout_ns >= 0) {
			__u64 end = last + w->timeout_ns;

			if (now >= end)
				return w->count ? EXIT_FAILED : EXIT_OK;
			wake = end < wake ? end : wake;
		}
		/* End as a write would end it now, instead of at the next event. */
		if (reader_gone(w)) {
			raise(SIGPIPE);
			return complain("standard output: %s", strerror(EPIPE));
		}
		if (wake == GESTURE_NO_DEADLINE)
			buttons_wait(&w->set, w->reader, -1);
		else if (wake > now)
			buttons_wait(&w->set, w->reader, wake - now);
	}
}

static int watch(struct watch *w)
{
	struct progress *progress = calloc(w->set.n, sizeof(*progress));
	size_t i;
	int ret;

	if (!progress)
		return complain("%s", strerror(ENOMEM));
	for (i = 0; i < w->set.n; i++)
		progress[i] = (struct progress){ .w = w, .b = &w->set.button[i], .gestures = w->times };
	w->reader = w->form == QUIET ? -1 : watch_reader();
	print_banner(w);
	ret = watch_all(w, progress);
	if (w->reader >= 0)
		close(w->reader);
	free(progress);
	return ret;
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

/* The bit of an event, a gesture or "absent"; 0: no such name */
static unsigned int type_bit(const char *name)
{
	unsigned int type;

	for (type = BUTTON_IRQ_PRESS; type <= BUTTON_IRQ_MISSED; type++)
		if (!strcmp(name, event_name(type)))
			return 1U << type;
	for (type = GESTURE_CLICK; type < GESTURE_TYPES; type++)
		if (!strcmp(name, gesture_names[type]))
			return GESTURE_BIT(type);
	return strcmp(name, "absent") ? 0 : ABSENT_BIT;
}

static bool parse_events(const char *list, unsigned int *types)
{
	char *text = strdupa(list), *word;

	*types = 0;
	while ((word = strsep(&text, ","))) {
		unsigned int bit = type_bit(word);

		if (!bit)
			return false;
		*types |= bit;
	}
	return true;
}

/* A click waits for a second press only if doubles are wanted, as in run. */
static void finish_times(struct watch *w)
{
	if (!(w->types & GESTURE_BIT(GESTURE_DOUBLE)))
		w->times.double_ns = 0;
	if (!(w->types & GESTURE_BIT(GESTURE_REPEAT)))
		w->times.repeat_ns = 0;
}

int watch_main(int argc, char **argv)
{
	enum { OPT_HISTORY = 256, OPT_JSON, OPT_COLOR, OPT_STATE, OPT_BANNER, OPT_FORMAT, OPT_LOCALTIME,
	       OPT_DOUBLE_TIME, OPT_HOLD_TIME, OPT_REPEAT_TIME };
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "num-events", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "idle-timeout", required_argument, NULL, 't' },
		{ "clock", required_argument, NULL, 'E' },
		{ "event-clock", required_argument, NULL, 'E' },
		{ "events", required_argument, NULL, 'e' },
		{ "double-time", required_argument, NULL, OPT_DOUBLE_TIME },
		{ "hold-time", required_argument, NULL, OPT_HOLD_TIME },
		{ "repeat-time", required_argument, NULL, OPT_REPEAT_TIME },
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
	struct watch w = {
		.timeout_ns = -1, .set.clock = CLOCK_MONOTONIC, .types = EVENT_BITS,
		.times = { .hold_ns = GESTURE_HOLD_NS, .double_ns = GESTURE_DOUBLE_NS, .repeat_ns = GESTURE_REPEAT_NS },
	};
	bool coloured = use_colour(), json = false, quiet = false;
	unsigned long long ns;
	int c, ret;

	while ((c = getopt_long(argc, argv, "n:t:E:e:fqh", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			if (!parse_count(optarg, 1000000000, &w.count))
				return complain_usage("--count=%s: not a number from 1 to 1000000000", optarg);
			break;
		case 't':
			if (!parse_period(optarg, &ns))
				return complain_usage("--timeout=%s: not a time like 500ms or 2s, " PERIOD_LIMIT, optarg);
			w.timeout_ns = ns;
			break;
		case 'E':
			if (!parse_clock(optarg, &w))
				return complain_usage("--clock=%s: none of monotonic, boottime, realtime",
						      optarg);
			break;
		case 'e':
			if (!parse_events(optarg, &w.types))
				return complain_usage("--events=%s: not a list of press, release, lost, missed, click, "
						      "double, hold, repeat, absent", optarg);
			break;
		case OPT_DOUBLE_TIME:
			if (!parse_period(optarg, &ns))
				return complain_usage("--double-time=%s: not a time like 400ms, " PERIOD_LIMIT, optarg);
			w.times.double_ns = ns;
			break;
		case OPT_HOLD_TIME:
			if (!parse_period(optarg, &ns))
				return complain_usage("--hold-time=%s: not a time like 1s, " PERIOD_LIMIT, optarg);
			w.times.hold_ns = ns;
			break;
		case OPT_REPEAT_TIME:
			if (!parse_period(optarg, &ns) || ns < ACTION_REPEAT_MIN_NS)
				return complain_usage("--repeat-time=%s: not a time from 10ms, " PERIOD_LIMIT, optarg);
			w.times.repeat_ns = ns;
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
				return bad_format(optarg);
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
	/* With other events "absent" does no harm: programs such as the Node package always ask for it. */
	if (w.types == ABSENT_BIT && !w.set.follow)
		return complain_usage("--events=absent: prints nothing without --follow");
	if (!w.clock_name)
		parse_clock(w.localtime ? "realtime" : "monotonic", &w);
	if (w.types & GESTURE_BITS && w.set.clock != CLOCK_MONOTONIC)
		return complain_usage("watch: gestures only with --clock=monotonic; --json has both times");
	finish_times(&w);
	w.form = json ? JSON : quiet ? QUIET : w.format ? FORMAT : coloured ? COLOURED : PLAIN;
	ret = buttons_open(&w.set, argv + optind, argc - optind, NULL);
	if (!ret)
		ret = finish_output(watch(&w));
	buttons_close(&w.set);
	return ret;
}
