// SPDX-License-Identifier: GPL-2.0
/*
 * What the button-irq command decides without a device: gestures, the config file, periods,
 * bursts. On the host. TAP.
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

/*
 * A history is words: pN and rN press and release at N ms, tN is "nothing up to N ms is left
 * to be read", lN and mN a lost and a missed. Out come words such as "click@50".
 */
static void play(struct gestures *g, const char *history, char *out)
{
	__u64 pressed_at = 0, seq = 0;
	struct gesture f[GESTURES];
	const char *word;
	unsigned int i, n;

	*out = '\0';
	for (word = history; *word; word += strcspn(word, " "), word += strspn(word, " ")) {
		struct button_irq_event e = { .timestamp_ns = strtoull(word + 1, NULL, 10) * NS_PER_MS };

		e.seq = ++seq;
		switch (*word) {
		case 'p':
			e.type = BUTTON_IRQ_PRESS;
			pressed_at = e.timestamp_ns;
			break;
		case 'r':
			e.type = BUTTON_IRQ_RELEASE;
			e.held_ns = pressed_at ? e.timestamp_ns - pressed_at : 0;
			break;
		case 'l':
			e.type = BUTTON_IRQ_LOST;
			break;
		case 'm':
			e.type = BUTTON_IRQ_MISSED;
			break;
		}
		n = *word == 't' ? gestures_time(g, e.timestamp_ns, f) : gestures_event(g, &e, f);
		for (i = 0; i < n; i++)
			out += sprintf(out, "%s%s@%llu", *out || i || seq > 1 ? " " : "",
				       gesture_names[f[i].type], f[i].time / NS_PER_MS);
	}
}

/* Presses and releases are left out of what is compared: each event has its own. */
static void gestures(const char *what, __u64 double_ms, const char *history, const char *wanted)
{
	struct gestures g = { .hold_ns = 1000 * NS_PER_MS, .double_ns = double_ms * NS_PER_MS };
	char all[1024], got[1024] = "", *word, *rest = all;

	play(&g, history, all);
	while ((word = strsep(&rest, " "))) {
		if (!*word || !strncmp(word, "press@", 6) || !strncmp(word, "release@", 8))
			continue;
		if (*got)
			strcat(got, " ");
		strcat(got, word);
	}
	result(!strcmp(got, wanted), "%s: %s", what, history);
	if (strcmp(got, wanted))
		printf("# wanted '%s', got '%s'\n", wanted, got);
}

static void test_gestures(void)
{
	gestures("a click waits for a second press", 400, "p10 r60 t459", "");
	gestures("and is told when none came", 400, "p10 r60 t459 t460", "click@60");
	gestures("or at once where nobody wants doubles", 0, "p10 r60", "click@60");
	gestures("a double is told at the second press", 400, "p10 r60 p459", "double@459");
	gestures("it ends in no click", 400, "p10 r60 p200 r250 t2000", "double@200");
	gestures("too late for a double", 400, "p10 r60 p460 r500 t2000", "click@60 click@500");
	gestures("read late: the times decide", 400, "p10 r60 p1000 r1050 t9000", "click@60 click@1050");
	gestures("a third press begins anew", 400, "p10 r60 p200 r250 p300 r350 t2000", "double@200 click@350");
	gestures("a hold is told while pressed", 400, "p10 t1009 t1010", "hold@1010");
	gestures("a hold ends in no click", 400, "p10 t1010 r1500 t9000", "hold@1010");
	gestures("a hold is told once", 400, "p10 t1010 t2010 t3010", "hold@1010");
	gestures("read late: a hold all the same", 400, "p10 r1500 t9000", "hold@1010");
	gestures("read late: not yet a hold", 400, "p10 r1009 t9000", "click@1009");
	gestures("a double that is held is a double", 400, "p10 r60 p200 t9000 r9500", "double@200");
	gestures("pressed since before: no click", 400, "r60 t9000", "");
	gestures("lost: a press before it is no hold", 400, "p10 l5000 t9000", "");
	gestures("lost: a release after it is no click", 400, "p10 l400 r500 t9000", "");
	gestures("lost: a click before it stays one", 400, "p10 r60 l100 p150 r200 t9000", "click@60 click@200");
	gestures("missed: likewise", 400, "p10 r60 m100 t9000", "click@60");
}

/* The same history gives the same gestures, however late and in whatever pieces it is read. */
static void test_lateness(void)
{
	unsigned int round, bad = 0, i;

	srand(17);
	for (round = 0; round < 20000; round++) {
		char prompt[2048] = "", late[2048] = "", wanted[4096], got[4096], *from, *to;
		struct gestures a = { .hold_ns = 1000 * NS_PER_MS, .double_ns = 400 * NS_PER_MS }, b = a;
		unsigned int t = 1, next;

		for (i = 0; i < 12; i++) {
			next = t + 1 + rand() % 1500;
			/* On time: a look each millisecond in which something could be due. */
			sprintf(prompt + strlen(prompt), "%c%u t%u t%u ", i % 2 ? 'r' : 'p', t,
				t + 400 < next ? t + 400 : t, t + 1000 < next ? t + 1000 : t);
			sprintf(late + strlen(late), "%c%u ", i % 2 ? 'r' : 'p', t);
			if (rand() % 3 == 0)
				sprintf(late + strlen(late), "t%u ", t + rand() % (next - t));
			t = next;
		}
		strcat(prompt, "t99999");
		strcat(late, "t99999");
		play(&a, prompt, wanted);
		play(&b, late, got);
		/* Blanks aside: looks that gave nothing. */
		for (from = to = wanted; (*to = *from); from++)
			to += *to != ' ';
		for (from = to = got; (*to = *from); from++)
			to += *to != ' ';
		/* Sequence numbers of holds are those of the last event read: times are compared. */
		bad += strcmp(wanted, got) != 0;
		if (bad == 1 && strcmp(wanted, got))
			printf("# %s\n# wanted %s\n# got    %s\n", late, wanted, got);
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
	period("1h", 0);
	period("99999m", 0);
}

static void config(const char *what, const char *text, unsigned int wanted)
{
	struct config c = { };
	FILE *file = fmemopen((void *)text, strlen(text), "r"), *errors = fopen("/dev/null", "w");
	unsigned int bad = config_read(&c, file, "test", errors);

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

	result(!config_read(&c, file, "test", stdout) && c.n == 1 && !strcmp(c.action[0].button, "bell") &&
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
	config("no value", "[a]\nclick =\n", 1);
	config("no end of line", "[a]\nclick = x", 0);
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

int main(void)
{
	puts("TAP version 13");
	test_gestures();
	test_lateness();
	test_periods();
	test_configs();
	test_bursts();
	printf("1..%u\n", number);
	return failed != 0;
}
