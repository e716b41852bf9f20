// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line whose edges never stop: what else the machine does goes on, and when they do stop,
 * the button is where the line is.
 *
 * The victim works on CPU 0, which takes the interrupts, and makes the edges itself, at the
 * times they are due: in an emulator whose CPUs take turns, another CPU could make few
 * between two of its own. As making them costs time, its progress is compared with what it
 * gets done with the same edges when the driver is not there; on gpio-sim, which takes twice the
 * time over an edge of a line that has an interrupt, when nearly all of them find it masked.
 * The fastest wave through the kernel is an edge after each little piece of work; what rate that
 * was is printed. 1 MHz is faster: there, the edges are writes to the controller's register.
 *
 * BUTTON_IRQ_STORM_MS is how long each rate is measured; BUTTON_IRQ_STORM_PERCENT what progress is
 * left at least: 90 if not set, less on kernels that watch what the driver does, which takes time.
 */
#include <pthread.h>
#include <sched.h>

#include "button_test.h"

#define MEASURE_MS	200
#define PERCENT		90
#define WORK		50
#define TICK_US		1000
#define LATE_US		1000
#define TRIALS		32
#define EDGES_PER_LOOK	4
/* A masked line stays so for longer than this. */
#define MASKED_MS	5

/**
 * struct storm - edges without end, and who suffers from them
 * @stim: the line
 * @gap_ns: time from edge to edge
 * @noise: no, random times up to @gap_ns, and random levels
 * @seed: of those
 * @level: where the line was left
 * @edges: times the level was set
 * @progress: of the victim
 * @over: the ticks are to end
 * @ticks: wakeups by a timer on the victim's CPU
 * @late: of those, more than LATE_US late
 */
struct storm {
	struct stim *stim;
	unsigned long gap_ns;
	bool noise;
	unsigned int seed;
	int level;
	unsigned long edges;
	unsigned long progress;
	bool over;
	unsigned long ticks;
	unsigned long late;
};

static int make_edge(struct storm *s)
{
	s->level = s->noise ? rand_r(&s->seed) % 2 : !s->level;
	s->edges++;
	return stim_set(s->stim, s->level);
}

static __u64 pause_ns(struct storm *s)
{
	return s->noise ? 1 + rand_r(&s->seed) % s->gap_ns : s->gap_ns;
}

/* The victim, and the edges. */
static int work_for(struct storm *s, unsigned long ms)
{
	__u64 now = button_now(CLOCK_MONOTONIC), end = now + ms * NSEC_PER_MSEC, due = now;
	unsigned int i;
	int ret;

	while (now < end) {
		if (now >= due) {
			ret = make_edge(s);
			if (ret)
				return ret;
			/* Edges that were due meanwhile are left out. */
			due += pause_ns(s);
			if (due < now)
				due = now;
		}
		for (i = 0; i < WORK; i++)
			asm volatile("");
		s->progress++;
		now = button_now(CLOCK_MONOTONIC);
	}
	return 0;
}

/*
 * Until the line is masked, or a few edges longer: looking takes time, and to open a file so much
 * on a debug kernel that what is between two looks would be no storm.
 */
static int work_until_storm(struct storm *s)
{
	char path[128], before[32] = "", now[32] = "";
	int fd, i, ret = 0;

	button_attr_path(0, "storms", path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, before, sizeof(before) - 1, 0) < 0)
		ret = -errno;
	do {
		for (i = 0; !ret && i < EDGES_PER_LOOK; i++)
			ret = make_edge(s);
		if (!ret && pread(fd, now, sizeof(now) - 1, 0) < 0)
			ret = -errno;
	} while (!ret && !strcmp(before, now));
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Timer interrupts, and a thread that is woken by them before any other. */
static void *tick(void *data)
{
	struct sched_param param = { .sched_priority = 99 };
	struct storm *s = data;
	__u64 due = button_now(CLOCK_MONOTONIC);
	struct timespec ts;

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	while (!__atomic_load_n(&s->over, __ATOMIC_ACQUIRE)) {
		due += TICK_US * NSEC_PER_USEC;
		ts.tv_sec = due / NSEC_PER_SEC;
		ts.tv_nsec = due % NSEC_PER_SEC;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		s->ticks++;
		if (button_now(CLOCK_MONOTONIC) > due + LATE_US * NSEC_PER_USEC)
			s->late++;
	}
	return NULL;
}

static void run_storm(struct __test_metadata *_metadata, struct storm *s, unsigned long ms)
{
	pthread_t ticks;

	s->level = RELEASED;
	ASSERT_EQ(0, pthread_create(&ticks, NULL, tick, s));
	EXPECT_EQ(0, work_for(s, ms));
	__atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(ticks, NULL));
}

static unsigned long measure_ms(void)
{
	return button_setting("BUTTON_IRQ_STORM_MS", MEASURE_MS);
}

/* By the driver, or by genirq about it; the kernel has other things to say meanwhile. */
static bool logged_about_irqs(int log)
{
	char line[1024];
	ssize_t n;

	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		if (strcasestr(line, "irq"))
			return true;
	}
	return false;
}

FIXTURE(wave)
{
	struct bench bench;
};

FIXTURE_VARIANT(wave)
{
	unsigned long gap_ns;
	bool noise;
	bool storms;
	bool direct;
};

FIXTURE_VARIANT_ADD(wave, hz_1)
{
	.gap_ns = 500000000,
};

FIXTURE_VARIANT_ADD(wave, hz_900)
{
	.gap_ns = 555556,
};

FIXTURE_VARIANT_ADD(wave, khz_10)
{
	.gap_ns = 50000,
	.storms = true,
};

FIXTURE_VARIANT_ADD(wave, mhz_1)
{
	.gap_ns = 500,
	.storms = true,
	.direct = true,
};

FIXTURE_VARIANT_ADD(wave, fastest)
{
	.gap_ns = 0,
	.storms = true,
};

FIXTURE_VARIANT_ADD(wave, noise)
{
	.gap_ns = 40000,
	.noise = true,
	.storms = true,
};

FIXTURE_SETUP(wave)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(wave)
{
	bench_teardown(_metadata, &self->bench);
}

/* With the default settings. */
TEST_F_TIMEOUT(wave, leaves_the_rest_alone, 600)
{
	struct storm quiet = {
		.stim = &self->bench.stim, .gap_ns = variant->gap_ns,
		.noise = variant->noise, .seed = 1,
	};
	struct storm storm = quiet;
	unsigned long percent = button_setting("BUTTON_IRQ_STORM_PERCENT", PERCENT);
	int log, ret = variant->direct ? stim_direct(&self->bench.stim) : 0;

	if (ret == -EOPNOTSUPP) {
		/* For the fixture to remove. */
		bind("");
		SKIP(return, "needs a controller whose register can be written");
	}
	ASSERT_EQ(0, ret);
	if (strcmp(stim_name(&self->bench.stim), "gpio-sim")) {
		run_storm(_metadata, &quiet, measure_ms());
		set_level(RELEASED);
	} else {
		bind("storm_rate=1");
		ASSERT_EQ(0, work_until_storm(&quiet));
		quiet.edges = 0;
		run_storm(_metadata, &quiet, measure_ms());
		EXPECT_GE(1 + measure_ms() / MASKED_MS, button_counter(0, "storms"));
		bench_close(&self->bench);
		bench_unload(_metadata);
		ASSERT_EQ(0, stim_open(&self->bench.stim, 0));
		set_level(RELEASED);
	}
	bind("");
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, log);
	ASSERT_LE(0, lseek(log, 0, SEEK_END));

	run_storm(_metadata, &storm, measure_ms());
	TH_LOG("%lu edges in %lu ms, %ld counted, %ld storms", storm.edges, measure_ms(),
	       button_counter(0, "edges"), button_counter(0, "storms"));
	TH_LOG("progress %lu of %lu: %lu %%", storm.progress, quiet.progress,
	       storm.progress * 100 / quiet.progress);
	TH_LOG("late ticks: %lu of %lu, before %lu of %lu", storm.late, storm.ticks, quiet.late,
	       quiet.ticks);
	/* The same edges, and as many as they should be, or the comparison means nothing. */
	if (variant->direct)
		EXPECT_LE(measure_ms() * NSEC_PER_MSEC / variant->gap_ns * 9 / 10, quiet.edges);
	EXPECT_LE(quiet.edges * (percent - 10) / 100, storm.edges);
	EXPECT_LE(quiet.progress * percent / 100, storm.progress);
	EXPECT_LE(quiet.ticks * percent / 100, storm.ticks - storm.late);
	EXPECT_EQ(variant->storms, button_counter(0, "storms") > 0);
	EXPECT_GE(1 + measure_ms() / MASKED_MS, button_counter(0, "storms"));
	EXPECT_FALSE(logged_about_irqs(log));
	EXPECT_TRUE(button_identity(0));
	close(log);
}

/* How soon the button has to be where the line is when the noise ends: 10 ms + 2 * debounce_us. */
FIXTURE(noise)
{
	struct bench bench;
};

FIXTURE_VARIANT(noise)
{
	const char *params;
	unsigned long debounce_us;
	bool direct;
};

FIXTURE_VARIANT_ADD(noise, off)
{
	.params = "debounce_us=0",
};

FIXTURE_VARIANT_ADD(noise, eager)
{
	.params = "",
	.debounce_us = 10000,
};

FIXTURE_VARIANT_ADD(noise, eager_short)
{
	.params = "debounce_us=1000",
	.debounce_us = 1000,
};

FIXTURE_VARIANT_ADD(noise, settle)
{
	.params = "debounce_mode=settle",
	.debounce_us = 10000,
};

FIXTURE_VARIANT_ADD(noise, eager_mhz_1)
{
	.params = "",
	.debounce_us = 10000,
	.direct = true,
};

FIXTURE_SETUP(noise)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(noise)
{
	bench_teardown(_metadata, &self->bench);
}

TEST_F_TIMEOUT(noise, ends_where_the_line_is, 600)
{
	struct storm s = {
		.stim = &self->bench.stim, .gap_ns = variant->direct ? 500 : 40000,
		.noise = true, .seed = 1,
	};
	unsigned long limit_us = 10000 + 2 * variant->debounce_us;
	const char *state;
	int ret, i, more, wrong = 0, late = 0;
	__u64 ended, took;

	bind(variant->params);
	ret = variant->direct ? stim_direct(&self->bench.stim) : 0;
	if (ret == -EOPNOTSUPP)
		SKIP(return, "needs a controller whose register can be written");
	ASSERT_EQ(0, ret);
	for (i = 0; i < TRIALS; i++) {
		ASSERT_EQ(0, work_until_storm(&s));
		/* The line has just been masked; or that was more edges or a while ago. */
		for (more = i % 4; more; more--)
			ASSERT_EQ(0, make_edge(&s));
		ASSERT_EQ(0, work_for(&s, i / 4 * 3 / 2));
		ended = button_now(CLOCK_MONOTONIC);
		state = s.level == PRESSED ? "pressed" : "released";
		wrong += !button_attr_is(0, "state", state);
		/* On a debug kernel, to look once may have taken longer. */
		took = (button_now(CLOCK_MONOTONIC) - ended) / NSEC_PER_USEC;
		if (took < limit_us)
			button_sleep_us(limit_us - took);
		while (!button_attr_is(0, "state", state)) {
			took = (button_now(CLOCK_MONOTONIC) - ended) / NSEC_PER_USEC;
			TH_LOG("noise %d: not %s after %llu us", i, state, took);
			ASSERT_GT(NSEC_PER_SEC / NSEC_PER_USEC, took);
			late++;
			button_sleep_us(200);
		}
		/* And stays there. */
		button_sleep_us(2000 + variant->debounce_us);
		EXPECT_TRUE(button_attr_is(0, "state", state));
	}
	TH_LOG("%d times, %d of them with something to be set right", TRIALS, wrong);
	EXPECT_LT(0, wrong);
	EXPECT_EQ(0, late);
	EXPECT_LE(TRIALS, button_counter(0, "storms"));
	EXPECT_TRUE(button_identity(0));
}

TEST_HARNESS_MAIN
