// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of edges: order, numbers and times of events, debouncing, counters, and
 * what is told of edges that were lost below or before the driver.
 */
#include <dirent.h>

#include "button_test.h"

/*
 * Debounce time of the trains, far longer than they are: that a loaded machine is late
 * with an edge must not make a press of a bounce.
 */
#define WINDOW_US	200000
#define WINDOW		"debounce_us=200000"

/* Level 0 and 1 by turns, one edge every so many microseconds. */
static void alternate(struct stim_edge *edges, size_t n, unsigned long step_us)
{
	size_t i;

	for (i = 0; i < n; i++)
		edges[i] = (struct stim_edge){ .us = i * step_us, .level = i % 2 };
}

/* Whether the line is one of the test chip, and that chip is this kind of controller. */
static bool is_kind(const char *kind)
{
	char text[32] = "";
	FILE *f;

	f = fopen("/sys/bus/platform/devices/button-irq-test.0/delivery", "re");
	if (f) {
		if (fgets(text, sizeof(text), f))
			text[strcspn(text, "\n")] = '\0';
		fclose(f);
	}
	return !strcmp(text, kind);
}

/* Whether interrupts are nested in a thread of the controller, as on chips behind a bus. */
static bool is_nested(void)
{
	return is_kind("nested");
}

/* Whether the driver sees the level along with an edge: not on chips that sleep. */
static bool level_is_read(const struct stim *s)
{
	return strcmp(stim_name(s), "gpio-sim") && !is_nested() && !is_kind("bus-lock");
}

/* Switches of the test chip's platform device; false where the chip is another. */
static bool chip_switch(const struct stim *s, const char *name, const char *value)
{
	const char *chip = strrchr(s->pin, '/');
	char path[512];

	if (strcmp(stim_name(s), "wire") || !chip)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/gpio/devices%s/../%s", chip, name);
	return !button_write(path, value);
}

TEST_F(button, numbers_go_up_by_one_from_one)
{
	struct button_irq_event e;
	__u64 i, last = 0;

	bind("debounce_us=0 storm_rate=0");
	for (i = 0; i < 300; i++)
		set_level(nth_level(i + 1));
	for (i = 0; i < 300; i++) {
		e = expect_event(i + 1, nth_type(i + 1));
		EXPECT_EQ(0, e.count);
		EXPECT_LE(last, e.timestamp_ns);
		last = e.timestamp_ns;
	}
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(300, button_counter(0, "edges"));
	EXPECT_EQ(150, button_counter(0, "presses"));
	EXPECT_EQ(150, button_counter(0, "releases"));
	EXPECT_EQ(0, button_counter(0, "bounces"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_EQ(0, button_counter(0, "storms"));
}

TEST_F(button, time_is_that_of_the_edge)
{
	struct stim_edge edges[20];
	struct button_irq_event e;
	__u64 pressed = 0;
	size_t i;

	bind("debounce_us=0");
	alternate(edges, 20, 3000);
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, 20));
	for (i = 0; i < 20; i++) {
		e = expect_event(i + 1, nth_type(i + 1));
		expect_between(edges[i].before, e.timestamp_ns, edges[i].after);
		if (e.type == BUTTON_IRQ_PRESS) {
			EXPECT_EQ(0, e.held_ns);
			pressed = e.timestamp_ns;
		} else {
			EXPECT_EQ(e.timestamp_ns - pressed, e.held_ns);
		}
	}
}

TEST_F(button, pressed_when_bound)
{
	struct button_irq_event e;

	press();
	/* gpio-sim's lines are moved by their pull, which the driver would set. */
	bind("debounce_us=0 pull=as-is");
	EXPECT_TRUE(button_attr_is(0, "state", "pressed"));
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(0, button_counter(0, "presses"));

	release();
	e = expect_event(1, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(0, e.held_ns);

	/* From then on it is known since when. */
	press();
	e = expect_event(2, BUTTON_IRQ_PRESS);
	release();
	e = expect_event(3, BUTTON_IRQ_RELEASE);
	EXPECT_LT(0, e.held_ns);
	EXPECT_TRUE(button_identity(0));
}

TEST_F(button, active_high)
{
	set_level(0);
	bind("debounce_us=0 active_low=0 pull=as-is");
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	set_level(1);
	expect_event(1, BUTTON_IRQ_PRESS);
	set_level(0);
	expect_event(2, BUTTON_IRQ_RELEASE);
}

/*
 * Contacts as they were seen on oscilloscopes: the levels that follow the first edge, at
 * microseconds after it. Each is played for the press and, inverted, for the release.
 */
FIXTURE(bounce)
{
	struct bench bench;
};

FIXTURE_VARIANT(bounce)
{
	size_t n;
	struct stim_edge edges[24];
};

FIXTURE_VARIANT_ADD(bounce, clean) {
	.n = 1,
	.edges = { { 0, 0 } },
};

FIXTURE_VARIANT_ADD(bounce, once) {
	.n = 3,
	.edges = { { 0, 0 }, { 130, 1 }, { 310, 0 } },
};

/* A tact switch: short contacts that get longer. */
FIXTURE_VARIANT_ADD(bounce, tact_switch) {
	.n = 13,
	.edges = {
		{ 0, 0 }, { 18, 1 }, { 44, 0 }, { 60, 1 }, { 112, 0 }, { 131, 1 }, { 243, 0 },
		{ 262, 1 }, { 480, 0 }, { 501, 1 }, { 933, 0 }, { 960, 1 }, { 1702, 0 },
	},
};

/* A worn relay: it rebounds after milliseconds, and dithers there again. */
FIXTURE_VARIANT_ADD(bounce, relay) {
	.n = 11,
	.edges = {
		{ 0, 0 }, { 90, 1 }, { 140, 0 }, { 3900, 1 }, { 3960, 0 }, { 4010, 1 },
		{ 4300, 0 }, { 9100, 1 }, { 9150, 0 }, { 9160, 1 }, { 9200, 0 },
	},
};

/* A toggle switch that chatters without a pause between edges. */
FIXTURE_VARIANT_ADD(bounce, chatter) {
	.n = 21,
	.edges = {
		{ 0, 0 }, { 0, 1 }, { 0, 0 }, { 0, 1 }, { 0, 0 }, { 0, 1 }, { 0, 0 }, { 0, 1 },
		{ 0, 0 }, { 0, 1 }, { 0, 0 }, { 2500, 1 }, { 2500, 0 }, { 2500, 1 }, { 2500, 0 },
		{ 2500, 1 }, { 2500, 0 }, { 2500, 1 }, { 2500, 0 }, { 5000, 1 }, { 5000, 0 },
	},
};

FIXTURE_SETUP(bounce)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(bounce)
{
	bench_teardown(_metadata, &self->bench);
}

/* Play a train so that it ends at @end; note when. */
static void bounce_play(struct __test_metadata *_metadata, struct bench *bench,
			const struct stim_edge *train, size_t n, struct stim_edge *played, int end)
{
	size_t i;

	for (i = 0; i < n; i++) {
		played[i] = train[i];
		played[i].level ^= end;
	}
	ASSERT_EQ(0, stim_train(&bench->stim, played, n));
}

#define play(played, end)	\
	bounce_play(_metadata, &self->bench, variant->edges, variant->n, played, end)

/* The window of the train is over, whatever the driver did about it. */
static void past_window(void)
{
	button_sleep_us(2 * WINDOW_US);
}

TEST_F(bounce, eager)
{
	struct stim_edge press[24], release[24];
	struct button_irq_event e;
	__u64 pressed, bounces = variant->n - 1;
	int i;

	bind(WINDOW);
	for (i = 0; i < 3; i++) {
		play(press, PRESSED);
		/* At once: the debounce time is not over. */
		e = expect_event(2 * i + 1, BUTTON_IRQ_PRESS);
		expect_between(press[0].before, e.timestamp_ns, press[0].after);
		EXPECT_EQ(i ? bounces : 0, e.count);
		EXPECT_EQ(0, e.held_ns);
		EXPECT_TRUE(button_attr_is(0, "state", "pressed"));
		pressed = e.timestamp_ns;
		past_window();
		EXPECT_TRUE(button_empty(self->bench.fd));

		play(release, RELEASED);
		e = expect_event(2 * i + 2, BUTTON_IRQ_RELEASE);
		expect_between(release[0].before, e.timestamp_ns, release[0].after);
		EXPECT_EQ(bounces, e.count);
		EXPECT_EQ(e.timestamp_ns - pressed, e.held_ns);
		past_window();
		EXPECT_TRUE(button_empty(self->bench.fd));
	}
	EXPECT_EQ(6 * variant->n, button_counter(0, "edges"));
	EXPECT_EQ(6 * bounces, button_counter(0, "bounces"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

TEST_F(bounce, settle)
{
	struct stim_edge press[24], release[24];
	struct button_irq_event e;
	__u64 pressed, seen, bounces = variant->n - 1;
	int i;

	bind(WINDOW " debounce_mode=settle");
	for (i = 0; i < 3; i++) {
		play(press, PRESSED);
		e = expect_event(2 * i + 1, BUTTON_IRQ_PRESS);
		seen = button_now(CLOCK_MONOTONIC);
		/* The time of the first edge, although it was told when the line was quiet. */
		expect_between(press[0].before, e.timestamp_ns, press[0].after);
		EXPECT_LE(press[variant->n - 1].before + WINDOW_US * NSEC_PER_USEC, seen);
		EXPECT_EQ(bounces, e.count);
		EXPECT_TRUE(button_attr_is(0, "state", "pressed"));
		pressed = e.timestamp_ns;

		play(release, RELEASED);
		e = expect_event(2 * i + 2, BUTTON_IRQ_RELEASE);
		expect_between(release[0].before, e.timestamp_ns, release[0].after);
		EXPECT_EQ(bounces, e.count);
		EXPECT_EQ(e.timestamp_ns - pressed, e.held_ns);
	}
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(6 * variant->n, button_counter(0, "edges"));
	EXPECT_EQ(6 * bounces, button_counter(0, "bounces"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_TRUE(button_identity(0));
}

TEST_F(bounce, off)
{
	struct stim_edge press[24];
	struct button_irq_event e;
	size_t i;

	bind("debounce_us=0 storm_rate=0");
	play(press, PRESSED);
	for (i = 0; i < variant->n; i++) {
		e = expect_event(i + 1, nth_type(i + 1));
		expect_between(press[i].before, e.timestamp_ns, press[i].after);
		EXPECT_EQ(0, e.count);
	}
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(variant->n, button_counter(0, "edges"));
	EXPECT_TRUE(button_identity(0));
}

/* Shorter than the window: reported all the same, with the times it had. */
TEST_F(button, eager_reports_a_short_press)
{
	struct stim_edge edges[2];
	struct button_irq_event e;

	bind(WINDOW);
	alternate(edges, 2, 2000);
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, 2));
	e = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(edges[0].before, e.timestamp_ns, edges[0].after);
	e = expect_event(2, BUTTON_IRQ_RELEASE);
	expect_between(edges[1].before, e.timestamp_ns, edges[1].after);
	EXPECT_EQ(0, e.count);
	EXPECT_LE(edges[1].before - edges[0].after, e.held_ns);
	EXPECT_EQ(2, button_counter(0, "edges"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_TRUE(button_identity(0));
}

/* The report at the end of a window opens another. */
TEST_F(button, eager_window_after_a_late_report)
{
	struct button_irq_event e;

	bind(WINDOW);
	press();
	release();
	e = expect_event(1, BUTTON_IRQ_PRESS);
	e = expect_event(2, BUTTON_IRQ_RELEASE);
	/* In the second window, which ends pressed. */
	press();
	release();
	press();
	e = expect_event(3, BUTTON_IRQ_PRESS);
	EXPECT_EQ(2, e.count);
	EXPECT_EQ(5, button_counter(0, "edges"));
	EXPECT_TRUE(button_identity(0));
}

/* The IRQ thread, or -1: a nested interrupt has none. */
static pid_t find_thread(void)
{
	char path[300], name[20];
	struct dirent *entry;
	pid_t pid = -1;
	DIR *dir = opendir("/proc");

	while (dir && pid < 0 && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && !strncmp(name, "irq/", 4) &&
		    strstr(name, "-button_i"))
			pid = atoi(entry->d_name);
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return pid;
}

/* How often it has gone to sleep */
static long thread_sleeps(pid_t pid)
{
	char path[64], line[100];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	if (f)
		fclose(f);
	return n;
}

/* Bounces wait for the end of the window, but no more of them than the queue has room for. */
TEST_F(button, bounces_seldom_wake_the_thread)
{
	pid_t thread;
	long before;
	int i;

	bind("debounce_us=1000000 storm_rate=0");
	thread = find_thread();
	if (thread < 0)
		SKIP(return, "%s has no thread", stim_name(&self->bench.stim));
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	before = thread_sleeps(thread);
	for (i = 0; i < 1500; i++) {
		release();
		press();
		/* On another CPU the thread might not keep up with us. */
		if (i % 32 == 31)
			button_sleep_us(1000);
	}
	ASSERT_EQ(0, button_wait_counter(0, "edges", 3001));
	EXPECT_EQ(0, button_counter(0, "missed"));
	/* It takes up to 64 at a time. */
	EXPECT_GE(before + 100, thread_sleeps(thread));
	EXPECT_TRUE(button_identity(0));
}

TEST_F(button, settle_ignores_a_glitch)
{
	struct stim_edge edges[2];
	struct button_irq_event e;

	bind(WINDOW " debounce_mode=settle");
	alternate(edges, 2, 2000);
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, 2));
	past_window();
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_TRUE(button_attr_is(0, "state", "released"));

	/* The next press tells of it. */
	press();
	e = expect_event(1, BUTTON_IRQ_PRESS);
	EXPECT_EQ(2, e.count);
	EXPECT_EQ(2, button_counter(0, "bounces"));
	EXPECT_TRUE(button_identity(0));
}

TEST_F(button, state_ends_where_the_line_does)
{
	static const char * const modes[] = { "eager", "settle" };
	struct button_irq_event e, last;
	unsigned int seed = 1, mode, i, k, n;
	int level = RELEASED, ret;
	__u64 seq = 0;

	bind("debounce_us=2000 storm_rate=0");
	last.type = BUTTON_IRQ_RELEASE;
	last.timestamp_ns = 0;
	for (i = 0; i < 200; i++) {
		mode = i / 50 % 2;
		ASSERT_EQ(0, button_set_attr(0, "debounce_mode", modes[mode]));
		n = 1 + rand_r(&seed) % 9;
		for (k = 0; k < n; k++) {
			level = !level;
			set_level(level);
			button_sleep_us(rand_r(&seed) % 900);
		}
		ASSERT_EQ(0, button_wait_attr(0, "state",
					      level == PRESSED ? "pressed" : "released"));
		/* Two windows later nothing can change any more. */
		button_sleep_us(5000);
		ASSERT_TRUE(button_attr_is(0, "state", level == PRESSED ? "pressed" : "released"));
		ASSERT_TRUE(button_identity(0));
	}
	while (!button_empty(self->bench.fd)) {
		ret = button_next(self->bench.fd, &e);
		ASSERT_EQ(0, ret);
		ASSERT_EQ(++seq, e.seq);
		ASSERT_EQ(last.type == BUTTON_IRQ_PRESS ? BUTTON_IRQ_RELEASE : BUTTON_IRQ_PRESS,
			  e.type);
		ASSERT_LE(last.timestamp_ns, e.timestamp_ns);
		EXPECT_EQ(e.type == BUTTON_IRQ_RELEASE ? e.timestamp_ns - last.timestamp_ns : 0,
			  e.held_ns);
		last = e;
	}
	EXPECT_EQ(level == PRESSED ? BUTTON_IRQ_PRESS : BUTTON_IRQ_RELEASE, last.type);
	/*
	 * Not that nothing was inferred: the thread of a chip that sleeps may be so late that
	 * two looks at the line see the change before its interrupt comes.
	 */
	EXPECT_EQ(0, button_counter(0, "missed"));
}

/* Where the button is then cannot be known: there is none, and none is half there. */
TEST_F(button, level_unreadable_when_bound)
{
	char params[128];

	bind("");
	if (!chip_switch(&self->bench.stim, "fail_get", "1"))
		SKIP(return, "%s cannot fail to read a line", stim_name(&self->bench.stim));
	close(self->bench.fd);
	bench_unload(_metadata);
	snprintf(params, sizeof(params), "line=%s", self->bench.stim.line);
	EXPECT_EQ(-EIO, button_load(params));
	EXPECT_EQ(-1, access("/dev/button_irq", F_OK));
	ASSERT_TRUE(chip_switch(&self->bench.stim, "fail_get", "0"));
	bind("debounce_us=0");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
}

/*
 * Two edges that the controller merged into one interrupt, at the old level. Where the
 * level is read with the interrupt, that shows; elsewhere the interrupt is taken for one
 * edge, and a look at the line finds the other.
 */
TEST_F(button, merged_edges)
{
	struct button_irq_event e;
	int ret;

	bind("debounce_us=0");
	press();
	e = expect_event(1, BUTTON_IRQ_PRESS);
	release();
	e = expect_event(2, BUTTON_IRQ_RELEASE);

	ret = stim_pulse(&self->bench.stim, PRESSED);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "%s cannot merge edges", stim_name(&self->bench.stim));
	ASSERT_EQ(0, ret);
	if (level_is_read(&self->bench.stim)) {
		e = expect_event(3, BUTTON_IRQ_MISSED);
		EXPECT_EQ(1, e.count);
		EXPECT_EQ(0, e.held_ns);
		EXPECT_EQ(1, button_counter(0, "missed"));
		EXPECT_EQ(1, button_counter(0, "bounces"));
		EXPECT_EQ(0, button_counter(0, "inferred"));
	} else {
		e = expect_event(3, BUTTON_IRQ_PRESS);
		e = expect_event(4, BUTTON_IRQ_RELEASE);
		EXPECT_EQ(0, button_counter(0, "missed"));
		EXPECT_EQ(1, button_counter(0, "inferred"));
	}
	EXPECT_TRUE(button_identity(0));

	/* Told once: what follows is ordinary. */
	press();
	ASSERT_EQ(0, button_next(self->bench.fd, &e));
	EXPECT_EQ(BUTTON_IRQ_PRESS, e.type);
	release();
	ASSERT_EQ(0, button_next(self->bench.fd, &e));
	EXPECT_EQ(BUTTON_IRQ_RELEASE, e.type);
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(level_is_read(&self->bench.stim), button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

/* With a debounce time they are a glitch like any other. */
TEST_F(button, merged_edges_debounced)
{
	struct button_irq_event e;
	int ret;

	bind(WINDOW " debounce_mode=settle");
	ret = stim_pulse(&self->bench.stim, PRESSED);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "%s cannot merge edges", stim_name(&self->bench.stim));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, button_wait_counter(0, "edges", 1));
	past_window();
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(1, button_counter(0, "bounces"));
	press();
	e = expect_event(1, BUTTON_IRQ_PRESS);
	EXPECT_EQ(1, e.count);
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

/* Edges that the queue between top half and thread takes */
#define QUEUE_FIT	1024

/* More than that, from somebody whom the IRQ thread has to wait for */
static void overflow_queue(struct __test_metadata *_metadata, struct bench *bench, int edges)
{
	int i;

	ASSERT_EQ(0, button_set_priority(90));
	for (i = 1; i <= edges; i++)
		bench_set(_metadata, bench, nth_level(i));
}

/* What did not fit is told in its place, and where the line ended up is known all the same. */
TEST_F(button, queue_full)
{
	/* An odd number: it ends pressed, by an edge that did not fit. */
	const long edges = 1501, fit = QUEUE_FIT;
	long counted, told = 0, presses = 0, releases = 0;
	struct button_irq_event e;
	__u64 seq = 0;
	int ret;

	bind("debounce_us=0 storm_rate=0 ring_events=4096");
	if (is_nested() || sysconf(_SC_NPROCESSORS_ONLN) > 1)
		SKIP(return, "nobody holds up the IRQ thread alone here");
	overflow_queue(_metadata, &self->bench, edges);
	ASSERT_EQ(0, button_set_priority(0));
	ASSERT_EQ(0, button_wait_counter(0, "missed", 1));
	ASSERT_EQ(0, button_wait_attr(0, "state", "pressed"));

	counted = button_counter(0, "edges");
	EXPECT_EQ(fit, counted);
	while (!button_empty(self->bench.fd)) {
		ret = button_next(self->bench.fd, &e);
		ASSERT_EQ(0, ret);
		ASSERT_EQ(++seq, e.seq);
		presses += e.type == BUTTON_IRQ_PRESS;
		releases += e.type == BUTTON_IRQ_RELEASE;
		if (e.type == BUTTON_IRQ_MISSED) {
			/* Not before the edges that did fit. */
			EXPECT_LE(fit, seq);
			told += e.count;
		}
	}
	EXPECT_EQ(BUTTON_IRQ_PRESS, e.type);
	EXPECT_EQ(edges - counted, told);
	EXPECT_EQ(told, button_counter(0, "missed"));
	EXPECT_EQ(presses, button_counter(0, "presses"));
	EXPECT_EQ(releases, button_counter(0, "releases"));
	EXPECT_TRUE(button_identity(0));
}

/* Once there is room again, the next edge tells what did not fit before it. */
TEST_F(button, queue_full_and_one_more)
{
	const long edges = 1500, fit = QUEUE_FIT;
	struct button_irq_event e = { 0 };
	__u64 seq = 0, missed = 0;
	unsigned long us;

	bind("debounce_us=0 storm_rate=0 ring_events=4096");
	if (is_nested() || sysconf(_SC_NPROCESSORS_ONLN) > 1)
		SKIP(return, "nobody holds up the IRQ thread alone here");
	overflow_queue(_metadata, &self->bench, edges);
	/* The thread begins, for which a slow kernel needs longer, and is held up again. */
	for (us = 20; !button_counter(0, "edges"); us *= 2)
		button_sleep_us(us);
	ASSERT_GT(fit, button_counter(0, "edges"));
	press();
	ASSERT_EQ(0, button_set_priority(0));
	ASSERT_EQ(0, button_wait_counter(0, "edges", fit + 1));
	ASSERT_EQ(0, button_wait_attr(0, "state", "pressed"));

	while (!button_empty(self->bench.fd)) {
		ASSERT_EQ(0, button_next(self->bench.fd, &e));
		ASSERT_EQ(++seq, e.seq);
		if (e.type != BUTTON_IRQ_MISSED)
			continue;
		EXPECT_EQ(0, missed);
		EXPECT_EQ(edges - fit, e.count);
		missed = seq;
	}
	/* After all that did fit, and before the one more. */
	EXPECT_EQ(fit + 1, missed);
	EXPECT_EQ(fit + 2, seq);
	EXPECT_EQ(BUTTON_IRQ_PRESS, e.type);
	EXPECT_TRUE(button_identity(0));
}

/* A line whose edges never stop is masked; that is counted and told, and nothing hangs. */
TEST_F(button, storm)
{
	long told = 0, presses = 0, releases = 0, storms, ret, edges = 3000, i;
	struct button_irq_event e;
	bool pressed = false;
	__u64 seq = 0;

	bind("debounce_us=0 storm_rate=100 ring_events=8192");
	/* An odd number: it ends pressed. */
	for (i = 0; i <= edges; i++)
		set_level(nth_level(i + 1));
	ASSERT_EQ(0, button_wait_attr(0, "state", "pressed"));
	/* The line is masked for 8 ms at a time; then it is looked at. */
	button_sleep_us(50000);
	EXPECT_TRUE(button_attr_is(0, "state", "pressed"));

	storms = button_counter(0, "storms");
	EXPECT_LE(1, storms);
	/* What the bucket lets pass, and not much more. */
	EXPECT_LE(1024, button_counter(0, "edges"));
	EXPECT_GT(edges, button_counter(0, "edges"));
	while (!button_empty(self->bench.fd)) {
		ret = button_next(self->bench.fd, &e);
		ASSERT_EQ(0, ret);
		ASSERT_EQ(++seq, e.seq);
		if (e.type == BUTTON_IRQ_MISSED) {
			told += e.count;
			EXPECT_LE(1, e.count);
		} else {
			/* Never two presses in a row, whatever was missed. */
			ASSERT_EQ(pressed ? BUTTON_IRQ_RELEASE : BUTTON_IRQ_PRESS, e.type);
			pressed = !pressed;
			presses += pressed;
			releases += !pressed;
		}
	}
	EXPECT_TRUE(pressed);
	EXPECT_LE(storms, told);
	EXPECT_EQ(told, button_counter(0, "missed"));
	EXPECT_EQ(presses, button_counter(0, "presses"));
	EXPECT_EQ(releases, button_counter(0, "releases"));
	EXPECT_TRUE(button_identity(0));

	/* Afterwards it is a button again. */
	button_sleep_us(100000);
	release();
	ASSERT_EQ(0, button_next(self->bench.fd, &e));
	EXPECT_EQ(BUTTON_IRQ_RELEASE, e.type);
	EXPECT_EQ(seq + 1, e.seq);
	EXPECT_TRUE(button_identity(0));
}

/* With the line going back to where it was before the storm. */
TEST_F(button, storm_that_ends_released)
{
	struct button_irq_event e;
	bool pressed = false;
	long i;

	bind("debounce_us=0 storm_rate=100 ring_events=8192");
	for (i = 0; i < 2000; i++)
		set_level(nth_level(i + 1));
	ASSERT_EQ(0, button_wait_counter(0, "storms", 1));
	button_sleep_us(50000);
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	while (!button_empty(self->bench.fd)) {
		ASSERT_EQ(0, button_next(self->bench.fd, &e));
		if (e.type != BUTTON_IRQ_MISSED)
			pressed = e.type == BUTTON_IRQ_PRESS;
	}
	EXPECT_FALSE(pressed);
	EXPECT_TRUE(button_identity(0));
}

/*
 * Unbound while the line was masked: an interrupt that the kernel still has pending for
 * it is no press of the next button. One that the controller itself has latched comes,
 * and is an edge that changes nothing. (Where the host moves the line, each change can cost
 * the guest a tick: half a minute in all.)
 */
TEST_F_TIMEOUT(button, bound_again_in_a_storm, 300)
{
	int round;
	long i;

	for (round = 0; round < 5; round++) {
		bind("debounce_us=0 storm_rate=1");
		EXPECT_TRUE(button_attr_is(0, "state", "released"));
		/* A second later nothing has happened. */
		button_sleep_us(1000000);
		EXPECT_TRUE(button_empty(self->bench.fd));
		EXPECT_GE(level_is_read(&self->bench.stim), button_counter(0, "edges"));
		EXPECT_EQ(0, button_counter(0, "presses"));
		for (i = 1; i <= 1600; i++)
			set_level(nth_level(i));
		ASSERT_EQ(0, button_wait_counter(0, "storms", 1));
		/* In the middle of it, wherever the line is masked by now. */
		for (i = 1; i <= 20 + 2 * round; i++)
			set_level(nth_level(i));
		/* The next one loads the driver anew. */
		close(self->bench.fd);
		self->bench.fd = -1;
	}
	bind("debounce_us=0");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	release();
	expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_TRUE(button_identity(0));
}

TEST_F(button, no_storm_guard)
{
	__u64 i;

	bind("debounce_us=0 storm_rate=0 ring_events=4096");
	for (i = 1; i <= 3000; i++) {
		set_level(nth_level(i));
		/* The queue behind the top half holds 1024: let the thread catch up. */
		if (i % 500 == 0)
			ASSERT_EQ(0, button_wait_counter(0, "edges", i));
	}
	for (i = 1; i <= 3000; i++)
		expect_event(i, nth_type(i));
	EXPECT_EQ(0, button_counter(0, "storms"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_EQ(3000, button_counter(0, "edges"));
}

/* No button is a storm, not even at a low limit: a burst passes at any speed. */
TEST_F(button, burst_is_no_storm)
{
	__u64 i;

	bind("debounce_us=0 storm_rate=10");
	for (i = 1; i <= 1000; i++)
		set_level(nth_level(i));
	for (i = 1; i <= 1000; i++)
		expect_event(i, nth_type(i));
	EXPECT_EQ(0, button_counter(0, "storms"));
	EXPECT_EQ(0, button_counter(0, "missed"));
}

/* The line went back within the window, and no interrupt told. */
TEST_F(button, change_without_an_edge)
{
	struct button_irq_event e;
	__u64 pressed;

	bind(WINDOW);
	press();
	e = expect_event(1, BUTTON_IRQ_PRESS);
	pressed = e.timestamp_ns;
	if (!chip_switch(&self->bench.stim, "silent", "1"))
		SKIP(return, "%s cannot change a line in silence", stim_name(&self->bench.stim));
	release();
	ASSERT_TRUE(chip_switch(&self->bench.stim, "silent", "0"));
	e = expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_LT(pressed, e.timestamp_ns);
	EXPECT_EQ(1, button_counter(0, "inferred"));
	EXPECT_EQ(1, button_counter(0, "edges"));
	EXPECT_TRUE(button_identity(0));

	/* The level was seen, not told by an edge: the next edge to it is no repetition. */
	past_window();
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "0"));
	press();
	e = expect_event(3, BUTTON_IRQ_PRESS);
	EXPECT_EQ(0, button_counter(0, "missed"));
}

/* A chip that cannot be read: the edges are believed. */
TEST_F(button, level_unreadable)
{
	__u64 i;

	bind("debounce_us=1000");
	if (!chip_switch(&self->bench.stim, "fail_get", "1"))
		SKIP(return, "%s cannot fail to read a line", stim_name(&self->bench.stim));
	for (i = 0; i < 20; i++) {
		set_level(nth_level(i + 1));
		expect_event(i + 1, nth_type(i + 1));
		button_sleep_us(5000);
	}
	EXPECT_TRUE(button_empty(self->bench.fd));
	ASSERT_TRUE(chip_switch(&self->bench.stim, "fail_get", "0"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_TRUE(button_identity(0));
}

/*
 * A chip that cannot be read when an edge has to be checked, as an expander on a busy bus: the line
 * is sampled again, so a merged edge does not leave the button in the wrong state for good.
 */
TEST_F(button, level_readable_again)
{
	bind("debounce_us=0");
	if (!chip_switch(&self->bench.stim, "fail_get", "0"))
		SKIP(return, "%s cannot fail to read a line", stim_name(&self->bench.stim));
	/* A press and its release become one interrupt, which the driver takes for the press. */
	ASSERT_TRUE(chip_switch(&self->bench.stim, "hold", "1"));
	press();
	release();
	ASSERT_TRUE(chip_switch(&self->bench.stim, "fail_get", "1"));
	ASSERT_TRUE(chip_switch(&self->bench.stim, "hold", "0"));
	expect_event(1, BUTTON_IRQ_PRESS);
	/* The sample that would show the release fails. */
	button_sleep_us(20000);
	EXPECT_TRUE(button_empty(self->bench.fd));
	ASSERT_TRUE(chip_switch(&self->bench.stim, "fail_get", "0"));
	expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(1, button_counter(0, "edges"));
	EXPECT_EQ(1, button_counter(0, "inferred"));
	EXPECT_TRUE(button_identity(0));
}

TEST_HARNESS_MAIN
