/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * button_test.h - the fixture of all kselftest programs
 *
 * A line at rest, and after bind() a button on it whose events are read in binary.
 */
#ifndef BUTTON_TEST_H
#define BUTTON_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "button.h"
#include "stimulus.h"

/**
 * struct bench - what each test has
 * @stim: presses the button
 * @fd: the button's events in binary, or -1 before bind()
 */
struct bench {
	struct stim stim;
	int fd;
};

static inline void bench_setup(struct __test_metadata *_metadata, struct bench *bench)
{
	bench->fd = -1;
	ASSERT_EQ(0, stim_open(&bench->stim, 0));
	ASSERT_EQ(0, stim_set(&bench->stim, RELEASED));
	/* Interrupts and the test on one CPU: when stim_set() is back, they have been. */
	ASSERT_EQ(0, button_pin());
}

/*
 * A line that a storm has masked is first let go: where the controller has latched an
 * edge meanwhile, the interrupt would come to the next test's button.
 */
static inline void bench_unload(struct __test_metadata *_metadata)
{
	button_sleep_us(50000);
	EXPECT_EQ(0, button_unload());
}

static inline void bench_close(struct bench *bench)
{
	if (bench->fd >= 0)
		close(bench->fd);
	bench->fd = -1;
	stim_set(&bench->stim, RELEASED);
	stim_close(&bench->stim);
}

static inline void bench_teardown(struct __test_metadata *_metadata, struct bench *bench)
{
	bench_close(bench);
	bench_unload(_metadata);
}

static inline void bench_bind(struct __test_metadata *_metadata, struct bench *bench,
			      const char *params)
{
	char text[256];

	snprintf(text, sizeof(text), "line=%s %s", bench->stim.line, params);
	ASSERT_EQ(0, button_load(text));
	bench->fd = button_open_binary(0, O_RDONLY);
	ASSERT_LE(0, bench->fd);
}

static inline struct button_irq_event bench_expect(struct __test_metadata *_metadata, int fd,
						   __u64 seq, __u32 type)
{
	struct button_irq_event event;

	ASSERT_EQ(0, button_next(fd, &event)) {
		TH_LOG("no event %llu", seq);
	}
	EXPECT_EQ(seq, event.seq);
	EXPECT_EQ(type, event.type) {
		TH_LOG("in event %llu", seq);
	}
	return event;
}

static inline void bench_expect_between(struct __test_metadata *_metadata, __u64 before, __u64 time,
					__u64 after)
{
	EXPECT_LE(before, time);
	EXPECT_GE(after, time);
}

static inline void bench_set(struct __test_metadata *_metadata, struct bench *bench, int level)
{
	ASSERT_EQ(0, stim_set(&bench->stim, level));
}

/* For use in TEST_F(), where _metadata and self are. */
#define bind(params)		bench_bind(_metadata, &self->bench, params)
#define press()			bench_set(_metadata, &self->bench, PRESSED)
#define release()		bench_set(_metadata, &self->bench, RELEASED)
#define set_level(level)	bench_set(_metadata, &self->bench, level)
/* The next event, which has to be number @seq and a @type. */
#define expect_event(seq, type)	bench_expect(_metadata, self->bench.fd, seq, type)
#define expect_event_at(fd, seq, type)	bench_expect(_metadata, fd, seq, type)
#define expect_between(before, time, after)	\
	bench_expect_between(_metadata, before, time, after)

/* Event number @n of a button that is pressed and released by turns. */
static inline __u32 nth_type(__u64 n)
{
	return n % 2 ? BUTTON_IRQ_PRESS : BUTTON_IRQ_RELEASE;
}

static inline int nth_level(__u64 n)
{
	return n % 2 ? PRESSED : RELEASED;
}

/* Press and release by turns until there were @n events, and read them from the binary file. */
static inline void bench_play(struct __test_metadata *_metadata, struct bench *bench,
			      struct button_irq_event *events, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		bench_set(_metadata, bench, nth_level(i + 1));
		events[i] = bench_expect(_metadata, bench->fd, i + 1, nth_type(i + 1));
	}
}

#define play_and_read(events, n)	bench_play(_metadata, &self->bench, events, n)

FIXTURE(button)
{
	struct bench bench;
};

FIXTURE_SETUP(button)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(button)
{
	bench_teardown(_metadata, &self->bench);
}

#endif /* BUTTON_TEST_H */
