// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings and counters in sysfs, and several buttons at once.
 */
#include <sys/stat.h>

#include "button_test.h"

static const char * const read_only[] = {
	"label", "line", "state", "presses", "releases", "edges", "inferred", "bounces", "glitches",
	"missed", "storms",
};

static const char * const writable[] = { "debounce_us", "debounce_mode", "storm_rate" };

static mode_t attr_mode(const char *attr)
{
	char path[128];
	struct stat st;

	button_attr_path(0, attr, path, sizeof(path));
	return stat(path, &st) ? 0 : st.st_mode & 07777;
}

TEST_F(button, attributes)
{
	size_t i;

	bind("label=bell");
	for (i = 0; i < ARRAY_SIZE(read_only); i++) {
		EXPECT_EQ(0444, attr_mode(read_only[i])) {
			TH_LOG("%s", read_only[i]);
		}
		EXPECT_GT(0, button_set_attr(0, read_only[i], "0"));
	}
	for (i = 0; i < ARRAY_SIZE(writable); i++) {
		EXPECT_EQ(0644, attr_mode(writable[i])) {
			TH_LOG("%s", writable[i]);
		}
	}
	EXPECT_TRUE(button_attr_is(0, "label", "bell"));
	EXPECT_TRUE(button_attr_is(0, "line", self->bench.stim.line));
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	EXPECT_TRUE(button_attr_is(0, "debounce_us", "10000"));
	EXPECT_TRUE(button_attr_is(0, "debounce_mode", "eager"));
	EXPECT_TRUE(button_attr_is(0, "storm_rate", "2000"));
	for (i = 3; i < ARRAY_SIZE(read_only); i++)
		EXPECT_TRUE(button_attr_is(0, read_only[i], "0"));
}

TEST_F(button, good_values)
{
	static const struct {
		const char *attr;
		const char *text;
		const char *reads;
	} good[] = {
		{ "debounce_us", "0", "0" },
		{ "debounce_us", "1\n", "1" },
		{ "debounce_us", "1000000", "1000000" },
		{ "debounce_us", "1000000\n", "1000000" },
		{ "debounce_us", "007\n", "7" },
		{ "debounce_mode", "settle", "settle" },
		{ "debounce_mode", "eager\n", "eager" },
		{ "debounce_mode", "settle\n", "settle" },
		{ "storm_rate", "0", "0" },
		{ "storm_rate", "1\n", "1" },
		{ "storm_rate", "1000000", "1000000" },
	};
	size_t i;

	bind("");
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, button_set_attr(0, good[i].attr, good[i].text));
		EXPECT_TRUE(button_attr_is(0, good[i].attr, good[i].reads)) {
			TH_LOG("%s: %s", good[i].attr, good[i].text);
		}
	}
}

TEST_F(button, bad_values)
{
	static const char * const numbers[] = {
		"-1", "-0", "1000001", "4294967296", "4294967295", "18446744073709551616",
		"99999999999999999999999", "abc", "\n", " ", " 5", "5 ", "5\n\n", "5x", "0x10",
		"1e3", "5.0", "5 6", "5\n6", "ten", "on",
	};
	static const char * const modes[] = {
		"Eager", "EAGER", "eage", "eagerx", "eager settle", " eager", "eager ",
		"eager\n\n", "\n", " ", "0", "1", "none",
	};
	size_t i;

	bind("debounce_us=777 debounce_mode=settle storm_rate=888");
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(-EINVAL, button_set_attr(0, "debounce_us", numbers[i])) {
			TH_LOG("debounce_us: '%s'", numbers[i]);
		}
		EXPECT_EQ(-EINVAL, button_set_attr(0, "storm_rate", numbers[i])) {
			TH_LOG("storm_rate: '%s'", numbers[i]);
		}
		EXPECT_TRUE(button_attr_is(0, "debounce_us", "777"));
		EXPECT_TRUE(button_attr_is(0, "storm_rate", "888"));
	}
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(-EINVAL, button_set_attr(0, "debounce_mode", modes[i])) {
			TH_LOG("debounce_mode: '%s'", modes[i]);
		}
		EXPECT_TRUE(button_attr_is(0, "debounce_mode", "settle"));
	}
	/* Nothing at all does not even reach the driver. */
	EXPECT_EQ(0, button_set_attr(0, "debounce_us", ""));
	EXPECT_TRUE(button_attr_is(0, "debounce_us", "777"));
}

/* A window that is open gets the new length. */
TEST_F(button, shorter_debounce_time_at_once)
{
	__u64 start, second = NSEC_PER_SEC;

	bind("debounce_us=1000000");
	start = button_now(CLOCK_MONOTONIC);
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	release();
	EXPECT_TRUE(button_empty(self->bench.fd));
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "1000"));
	expect_event(2, BUTTON_IRQ_RELEASE);
	/* Before the old window was over. */
	EXPECT_GT(start + second, button_now(CLOCK_MONOTONIC));

	/* And to nothing. */
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "1000000"));
	button_sleep_us(1100000);
	start = button_now(CLOCK_MONOTONIC);
	press();
	release();
	expect_event(3, BUTTON_IRQ_PRESS);
	EXPECT_TRUE(button_empty(self->bench.fd));
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "0"));
	expect_event(4, BUTTON_IRQ_RELEASE);
	EXPECT_GT(start + second, button_now(CLOCK_MONOTONIC));
	EXPECT_TRUE(button_identity(0));
}

TEST_F(button, longer_debounce_time_at_once)
{
	struct stim_edge edges[] = {
		{ .us = 60000, .level = RELEASED }, { .us = 120000, .level = PRESSED },
	};

	bind("debounce_us=50000");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "1000000"));
	/* Longer than the old window, within the new one. */
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, ARRAY_SIZE(edges)));
	ASSERT_EQ(0, button_wait_counter(0, "edges", 3));
	button_sleep_us(1100000);
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(2, button_counter(0, "bounces"));
	release();
	EXPECT_EQ(2, expect_event(2, BUTTON_IRQ_RELEASE).count);
}

TEST_F(button, mode_at_once)
{
	struct button_irq_event event;
	__u64 before;

	bind("debounce_us=50000");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	button_sleep_us(100000);

	ASSERT_EQ(0, button_set_attr(0, "debounce_mode", "settle"));
	before = button_now(CLOCK_MONOTONIC);
	release();
	event = expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_LE(event.timestamp_ns + 50000 * NSEC_PER_USEC, button_now(CLOCK_MONOTONIC));
	EXPECT_LE(before, event.timestamp_ns);

	ASSERT_EQ(0, button_set_attr(0, "debounce_mode", "eager"));
	press();
	ASSERT_EQ(0, button_wait_readable(self->bench.fd));
	event = expect_event(3, BUTTON_IRQ_PRESS);
	EXPECT_TRUE(button_identity(0));
}

/* Bounces of an open window stay bounces when the window is ended by a new setting. */
TEST_F(button, setting_does_not_make_presses_of_bounces_before_it)
{
	struct button_irq_event event;
	int i;

	bind("debounce_us=1000000 debounce_mode=settle storm_rate=0");
	for (i = 1; i <= 7; i++) {
		set_level(nth_level(i));
		button_sleep_us(2000);
	}
	button_sleep_us(20000);
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "0"));
	event = expect_event(1, BUTTON_IRQ_PRESS);
	EXPECT_EQ(6, event.count);
	button_sleep_us(20000);
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(1, button_counter(0, "presses"));
	EXPECT_EQ(0, button_counter(0, "releases"));
}

/* A guard that is taken away, and put back, while a button works. */
TEST_F(button, storm_rate_at_once)
{
	long i, missed;

	bind("debounce_us=0 storm_rate=0 ring_events=16384");
	for (i = 1; i <= 2000; i++) {
		set_level(nth_level(i));
		if (i % 500 == 0)
			ASSERT_EQ(0, button_wait_counter(0, "edges", i));
	}
	EXPECT_EQ(0, button_counter(0, "storms"));
	ASSERT_EQ(0, button_set_attr(0, "storm_rate", "50"));
	for (; i <= 4000; i++)
		set_level(nth_level(i));
	ASSERT_EQ(0, button_wait_counter(0, "storms", 1));
	ASSERT_EQ(0, button_wait_attr(0, "state", "released"));

	/* Masked for 8 ms at a time; without a guard, never again. */
	ASSERT_EQ(0, button_set_attr(0, "storm_rate", "0"));
	button_sleep_us(100000);
	missed = button_counter(0, "missed");
	EXPECT_LE(1, missed);
	for (i = 1; i <= 500; i++)
		set_level(nth_level(i));
	ASSERT_EQ(0, button_wait_attr(0, "state", "released"));
	button_sleep_us(20000);
	EXPECT_EQ(missed, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

/* udev makes one underscore of a run of blanks: both links would be /dev/button/a_b. */
TEST_F(button, labels_that_differ_in_the_number_of_blanks_have_two_links)
{
	char params[256], label[64];
	struct stim other;

	ASSERT_EQ(0, stim_open(&other, 1));
	snprintf(params, sizeof(params), "line=%s,%s label=\"a  b,a b\"", self->bench.stim.line,
		 other.line);
	ASSERT_EQ(0, button_load(params));
	EXPECT_EQ(0, button_attr(1, "label", label, sizeof(label)));
	EXPECT_STREQ("a b_2", label);
	stim_close(&other);
}

/* Settings that change while edges come: nothing is lost, nothing comes twice. */
TEST_F(button, settings_change_under_load)
{
	struct button_irq_event event, last = { .type = BUTTON_IRQ_RELEASE };
	unsigned int seed = 7, i;
	__u64 seq = 0;
	char text[16];
	long pairs = 0;

	bind("debounce_us=0 storm_rate=0 ring_events=4096");
	for (i = 1; i <= 1000; i++) {
		set_level(nth_level(i));
		if (i % 7 == 0) {
			snprintf(text, sizeof(text), "%d", rand_r(&seed) % 3000);
			ASSERT_EQ(0, button_set_attr(0, "debounce_us", text));
		}
		if (i % 11 == 0)
			ASSERT_EQ(0, button_set_attr(0, "debounce_mode",
						     rand_r(&seed) % 2 ? "eager" : "settle"));
		button_sleep_us(rand_r(&seed) % 1500);
		if (i % 100 == 0)
			ASSERT_TRUE(button_identity(0));
	}
	button_sleep_us(10000);
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	while (!button_empty(self->bench.fd)) {
		event = expect_event(++seq, last.type == BUTTON_IRQ_PRESS ?
				     BUTTON_IRQ_RELEASE : BUTTON_IRQ_PRESS);
		ASSERT_LE(last.timestamp_ns, event.timestamp_ns);
		last = event;
		pairs += event.type == BUTTON_IRQ_RELEASE;
	}
	EXPECT_EQ(BUTTON_IRQ_RELEASE, last.type);
	EXPECT_EQ(pairs, button_counter(0, "presses"));
	EXPECT_EQ(pairs, button_counter(0, "releases"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_EQ(1000, button_counter(0, "edges"));
	EXPECT_TRUE(button_identity(0));
}

/* Two lines, two buttons. */
FIXTURE(two)
{
	struct bench bench[2];
};

FIXTURE_SETUP(two)
{
	int k;

	for (k = 0; k < 2; k++) {
		self->bench[k].fd = -1;
		ASSERT_EQ(0, stim_open(&self->bench[k].stim, k));
		ASSERT_EQ(0, stim_set(&self->bench[k].stim, RELEASED));
	}
	ASSERT_EQ(0, button_pin());
}

FIXTURE_TEARDOWN(two)
{
	int k;

	for (k = 0; k < 2; k++)
		bench_close(&self->bench[k]);
	bench_unload(_metadata);
}

static void two_bind(struct __test_metadata *_metadata, struct bench *bench, const char *params)
{
	char text[512];
	int k;

	snprintf(text, sizeof(text), "line=%s,%s %s", bench[0].stim.line, bench[1].stim.line,
		 params);
	ASSERT_EQ(0, button_load(text));
	for (k = 0; k < 2; k++) {
		bench[k].fd = button_open_binary(k, O_RDONLY);
		ASSERT_LE(0, bench[k].fd);
	}
}

TEST_F(two, know_nothing_of_each_other)
{
	struct bench *b = self->bench;
	struct button_irq_info info;
	__u64 i;

	two_bind(_metadata, b, "debounce_us=0 label=left,right");
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ioctl(b[i].fd, BUTTON_IRQ_IOC_GET_INFO, &info));
		EXPECT_STREQ(i ? "right" : "left", info.label);
		EXPECT_STREQ(b[i].stim.line, info.line);
		EXPECT_TRUE(button_attr_is(i, "label", info.label));
		EXPECT_TRUE(button_attr_is(i, "line", info.line));
	}

	/* Each counts its own events. */
	for (i = 1; i <= 3; i++) {
		bench_set(_metadata, &b[0], nth_level(i));
		bench_expect(_metadata, b[0].fd, i, nth_type(i));
	}
	EXPECT_TRUE(button_empty(b[1].fd));
	for (i = 1; i <= 6; i++) {
		bench_set(_metadata, &b[1], nth_level(i));
		bench_expect(_metadata, b[1].fd, i, nth_type(i));
	}
	EXPECT_TRUE(button_empty(b[0].fd));
	EXPECT_EQ(2, button_counter(0, "presses"));
	EXPECT_EQ(1, button_counter(0, "releases"));
	EXPECT_EQ(3, button_counter(1, "presses"));
	EXPECT_EQ(3, button_counter(1, "releases"));
	EXPECT_TRUE(button_attr_is(0, "state", "pressed"));
	EXPECT_TRUE(button_attr_is(1, "state", "released"));
}

TEST_F(two, have_their_own_settings)
{
	struct bench *b = self->bench;
	struct stim_edge glitch[2] = {
		{ .us = 0, .level = PRESSED }, { .us = 100, .level = RELEASED },
	};

	two_bind(_metadata, b, "debounce_us=0,30000 debounce_mode=eager,settle storm_rate=0,77");
	EXPECT_TRUE(button_attr_is(0, "debounce_us", "0"));
	EXPECT_TRUE(button_attr_is(1, "debounce_us", "30000"));
	EXPECT_TRUE(button_attr_is(0, "debounce_mode", "eager"));
	EXPECT_TRUE(button_attr_is(1, "debounce_mode", "settle"));
	EXPECT_TRUE(button_attr_is(0, "storm_rate", "0"));
	EXPECT_TRUE(button_attr_is(1, "storm_rate", "77"));

	ASSERT_EQ(0, stim_train(&b[0].stim, glitch, 2));
	ASSERT_EQ(0, stim_train(&b[1].stim, glitch, 2));
	bench_expect(_metadata, b[0].fd, 1, BUTTON_IRQ_PRESS);
	bench_expect(_metadata, b[0].fd, 2, BUTTON_IRQ_RELEASE);
	button_sleep_us(60000);
	EXPECT_TRUE(button_empty(b[1].fd));
	EXPECT_EQ(2, button_counter(1, "bounces"));

	ASSERT_EQ(0, button_set_attr(1, "debounce_us", "0"));
	EXPECT_TRUE(button_attr_is(0, "debounce_us", "0"));
	ASSERT_EQ(0, button_set_attr(0, "debounce_us", "1"));
	EXPECT_TRUE(button_attr_is(1, "debounce_us", "0"));
}

TEST_F(two, pressed_at_the_same_time)
{
	struct bench *b = self->bench;
	struct button_irq_event event[2];
	__u64 i;

	two_bind(_metadata, b, "debounce_us=0 storm_rate=0");
	for (i = 1; i <= 500; i++) {
		bench_set(_metadata, &b[i % 2], nth_level(i));
		bench_set(_metadata, &b[!(i % 2)], nth_level(i));
	}
	for (i = 1; i <= 500; i++) {
		event[0] = bench_expect(_metadata, b[0].fd, i, nth_type(i));
		event[1] = bench_expect(_metadata, b[1].fd, i, nth_type(i));
		/* The clock is one. */
		EXPECT_LE(event[i % 2].timestamp_ns, event[!(i % 2)].timestamp_ns);
	}
	EXPECT_TRUE(button_empty(b[0].fd));
	EXPECT_TRUE(button_empty(b[1].fd));
}

/* A storm on one line does not keep the other from working. */
TEST_F(two, storm_on_one)
{
	struct bench *b = self->bench;
	__u64 i, n = 0;

	two_bind(_metadata, b, "debounce_us=0 storm_rate=100 ring_events=8192");
	for (i = 1; i <= 1600; i++) {
		bench_set(_metadata, &b[0], nth_level(i));
		if (i % 100 == 0) {
			n++;
			bench_set(_metadata, &b[1], nth_level(n));
			bench_expect(_metadata, b[1].fd, n, nth_type(n));
		}
	}
	ASSERT_EQ(0, button_wait_counter(0, "storms", 1));
	EXPECT_EQ(0, button_counter(1, "storms"));
	EXPECT_EQ(0, button_counter(1, "missed"));
	EXPECT_EQ(n, button_counter(1, "edges"));
}

TEST_HARNESS_MAIN
