// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host tests of the parts of the button-irq command that need no device: gestures, the config
 * file, periods, bursts. Prints TAP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/button-irq/bursts.h"
#include "../../userspace/button-irq/config.h"
#include "../../userspace/button-irq/gesture.h"
#include "../../userspace/button-irq/util.h"

static unsigned int number, failed;

static void __attribute__((format(printf, 2, 3))) result(bool ok, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %u ", ok ? "" : "not ", ++number);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	failed += !ok;
}

/* Collects gestures in the notation of the vectors, NAME@TIME#SEQ+HELD, separated by blanks. */
struct collected {
	char text[65536];
	size_t used;
};

static void collect(void *data, const struct gesture *f)
{
	struct collected *c = data;

	c->used += snprintf(c->text + c->used, sizeof(c->text) - c->used, "%s%s@%llu#%llu", c->used ? " " : "",
			    gesture_names[f->type], f->time / NS_PER_MS, f->seq);
	if (f->held)
		c->used += snprintf(c->text + c->used, sizeof(c->text) - c->used, "+%llu", f->held / NS_PER_MS);
}

/* The state between the input words of a vector */
struct input {
	__u64 seq;
	__u64 pressed_at;
	bool pressed_known;
};

/* Feeds one input word of vectors.txt. Returns false if @word is not such a word. */
static bool feed(struct gestures *g, struct input *in, const char *word, struct collected *out)
{
	struct button_irq_event e = { .count = 1 };
	char *end = (char *)word + 1;

	e.timestamp_ns = strtoull(word + 1, &end, 10) * NS_PER_MS;
	switch (*word) {
	case 't':
		gestures_time(g, e.timestamp_ns, collect, out);
		return !*end;
	case 'g':
		gestures_end(g, collect, out);
		*in = (struct input){ };
		return !*end;
	case 'p':
		e.type = BUTTON_IRQ_PRESS;
		in->pressed_at = e.timestamp_ns;
		in->pressed_known = true;
		break;
	case 'r':
		e.type = BUTTON_IRQ_RELEASE;
		if (*end == '/')
			e.held_ns = strtoull(end + 1, &end, 10) * NS_PER_MS;
		else if (in->pressed_known)
			e.held_ns = e.timestamp_ns - in->pressed_at;
		break;
	case 'm':
		e.type = BUTTON_IRQ_MISSED;
		break;
	case 'l':
		e.type = BUTTON_IRQ_LOST;
		if (*end == '/')
			e.count = strtoul(end + 1, &end, 10);
		break;
	default:
		return false;
	}
	e.seq = in->seq + 1;
	in->seq += e.type == BUTTON_IRQ_LOST ? e.count : 1;
	gestures_event(g, &e, collect, out);
	return !*end;
}

/* Feeds the words of @text. Returns false if one of them is not an input word of vectors.txt. */
static bool play(struct gestures *g, const char *text, struct collected *out)
{
	char *copy = strdup(text), *rest = copy, *word;
	struct input in = { };
	bool good = true;

	out->used = 0;
	*out->text = '\0';
	while ((word = strsep(&rest, " \n")))
		if (*word)
			good &= feed(g, &in, word, out);
	free(copy);
	return good;
}

static struct gestures times(const char *text)
{
	struct gestures g = { .hold_ns = 1000 * NS_PER_MS, .double_ns = 400 * NS_PER_MS };
	const char *p;

	p = strstr(text, "hold=");
	if (p)
		g.hold_ns = strtoull(p + 5, NULL, 10) * NS_PER_MS;
	p = strstr(text, "double=");
	if (p)
		g.double_ns = strtoull(p + 7, NULL, 10) * NS_PER_MS;
	p = strstr(text, "repeat=");
	if (p)
		g.repeat_ns = strtoull(p + 7, NULL, 10) * NS_PER_MS;
	return g;
}

static void vector(const char *name, const char *set, const char *in, const char *wanted)
{
	static struct collected got;
	struct gestures g = times(set);
	bool good = play(&g, in, &got) && *name && !strcmp(got.text, wanted);

	result(good, "vector: %s", name);
	if (!good)
		printf("# in     %s\n# wanted %s\n# got    %s\n", in, wanted, got.text);
}

static void test_vectors(const char *path)
{
	char line[1024], name[1024] = "", set[1024] = "", in[1024] = "", out[1024] = "";
	FILE *file = fopen(path, "r");
	unsigned int n = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *rest = line + strcspn(line, " \n");

		rest += strspn(rest, " ");
		rest[strcspn(rest, "\n")] = '\0';
		if (!strncmp(line, "vector ", 7)) {
			strcpy(name, rest);
			*set = *in = *out = '\0';
		} else if (!strncmp(line, "times ", 6)) {
			strcpy(set, rest);
		} else if (!strncmp(line, "in ", 3)) {
			strcpy(in, rest);
		} else if (!strncmp(line, "out", 3)) {
			strcpy(out, rest);
			vector(name, set, in, out);
			n++;
		} else if (*line && *line != '#') {
			result(false, "%s: %s: none of vector, times, in, out", path, line);
		}
	}
	if (file)
		fclose(file);
	result(n > 40, "%s has vectors, %u", path, n);
}

/* The same history gives the same gestures, however late and in however many pieces it is read. */
static void test_lateness(void)
{
	static struct collected wanted, got;
	unsigned int round, bad = 0, i;

	srand(17);
	for (round = 0; round < 20000; round++) {
		char prompt[4096] = "", late[2048] = "";
		struct gestures a = {
			.hold_ns = 1000 * NS_PER_MS, .double_ns = rand() % 4 ? 400 * NS_PER_MS : 0,
			.repeat_ns = rand() % 2 ? 300 * NS_PER_MS : 0,
		}, b = a;
		unsigned int t = 1, next, now;

		for (i = 0; i < 12; i++) {
			char kind = rand() % 10 ? i % 2 ? 'r' : 'p' : 'm';

			next = t + 1 + rand() % 1500;
			sprintf(prompt + strlen(prompt), "%c%u ", kind, t);
			sprintf(late + strlen(late), "%c%u ", kind, t);
			/* A prompt reader: a promise every 100 ms, and at the last moment. */
			for (now = t + 100; now < next - 1; now += 100)
				sprintf(prompt + strlen(prompt), "t%u ", now);
			sprintf(prompt + strlen(prompt), "t%u ", next - 1);
			if (rand() % 3 == 0)
				sprintf(late + strlen(late), "t%u ", t + rand() % (next - t));
			t = next;
		}
		strcat(prompt, "t99999");
		strcat(late, "t99999");
		play(&a, prompt, &wanted);
		play(&b, late, &got);
		bad += strcmp(wanted.text, got.text) != 0;
		if (bad == 1 && strcmp(wanted.text, got.text))
			printf("# %s\n# wanted %s\n# got    %s\n", late, wanted.text, got.text);
	}
	result(!bad, "20000 random histories, read in time and late");
}

static void period(const char *text, unsigned long long wanted)
{
	unsigned long long ns = 0;
	bool ok = parse_period(text, &ns);

	result(wanted ? ok && ns == wanted : !ok, "period '%s'", text);
}

static void test_periods(void)
{
	period("1", NS_PER_MS);
	period("250us", 250000);
	period("400ms", 400 * NS_PER_MS);
	period("1.5s", 1500 * NS_PER_MS);
	period("2m", 120 * NS_PER_S);
	period("", 0);
	period("-1", 0);
	period("+1", 0);
	period(" 1", 0);
	period("1 s", 0);
	period("0", 0);
	period("0x10", 0);
	period("1e3", 0);
	period("inf", 0);
	period("nan", 0);
	period("1h", 3600 * NS_PER_S);
	period("169h", 0);
	period("1d", 0);
	period("99999m", 0);
}

static void config(const char *what, const char *text, unsigned int wanted)
{
	struct config c = { };
	FILE *file = fmemopen((void *)text, strlen(text), "r"), *errors = fopen("/dev/null", "w");
	unsigned int bad = config_read(&c, file, "test", errors);

	if (!bad || c.n)
		bad += config_finish(&c, "test", errors);
	fclose(file);
	fclose(errors);
	result(bad == wanted, "config: %s: %u errors, got %u", what, wanted, bad);
	config_free(&c);
}

static void test_configs(void)
{
	struct config c = { };
	const char *text = "; comment\n\n [ bell ] \n click = echo a = b # c \nhold=x\nhold-time=2s\n";
	FILE *file = fmemopen((void *)text, strlen(text), "r");

	result(!config_read(&c, file, "test", stdout) && !config_finish(&c, "test", stdout) && c.n == 1 && !strcmp(c.action[0].button, "bell") &&
	       !strcmp(c.action[0].command[GESTURE_CLICK], "echo a = b # c") &&
	       !strcmp(c.action[0].command[GESTURE_HOLD], "x") && c.action[0].hold_ns == 2 * NS_PER_S &&
	       !c.action[0].double_ns, "config: what it says is what is meant");
	fclose(file);
	config_free(&c);

	config("empty", "\n", 1);
	config("no section", "click = x\n", 1);
	config("no command", "[a]\nhold-time = 1s\n", 1);
	config("twice", "[a]\nclick = x\nclick = y\n[a]\n", 2);
	config("unknown key", "[a]\nkick = x\n", 1);
	config("no end of line", "[a]\nclick = x", 0);
	config("no command in two sections", "[a]\nhold-time=1s\n[b]\nhold-time=1s\n", 2);
	config("a section with an error is not called empty too", "[a]\nclick =\n", 1);
	config("UTF-8 with a byte order mark", "\xef\xbb\xbf[a]\nclick = x\n", 0);
	config("UTF-16", "\xff\xfe[\n[a]\nclick = x\n", 1);
	config("repeats", "[a]\nrepeat = x\nrepeat-time = 100ms\n", 0);
	config("repeats too quick", "[a]\nrepeat = x\nrepeat-time = 9ms\n", 1);
	config("maximum age", "[a]\nclick = x\nmax-age = 5s\n", 0);
	config("a time twice", "[a]\nclick = x\nmax-age = 5s\nmax-age = 6s\n", 1);
	config("two buttons", "[a]\nclick = x\n[b]\npress = y\n", 0);
}

static void test_bursts(void)
{
	const unsigned long long ms = NS_PER_MS;
	const struct edge edges[] = {
		{ 0, true }, { 1 * ms, false }, { 3 * ms, true },	/* a press that bounces */
		{ 100 * ms, false },					/* a release that does not */
		{ 200 * ms, true }, { 224 * ms, false },		/* just one, just two movements */
		{ 249 * ms, true },
	};
	struct burst b[7];
	size_t n = bursts_find(edges, 7, b);

	result(n == 4, "bursts: 4, got %zu", n);
	result(b[0].n == 3 && b[0].bounce_ns == 3 * ms && b[1].n == 1 && !b[1].bounce_ns, "bursts: their length");
	result(bursts_debounce_us(b, 2) == 4500, "bursts: half as much again");
	result(bursts_debounce_us(b + 1, 1) == 1000, "bursts: at least a millisecond");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: gesture_test VECTORS\n", stderr);
		return 2;
	}
	puts("TAP version 13");
	test_vectors(argv[1]);
	test_lateness();
	test_periods();
	test_configs();
	test_bursts();
	printf("1..%u\n", number);
	return failed != 0;
}
