// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an attack from outside found: each test failed on the driver that it was written against.
 */
#include <pthread.h>

#include "button_test.h"

#define CHIP		"/sys/devices/platform/button-irq-test.0/"
#define BUS_US		300000
#define STEP_S		1000

struct presser {
	struct stim *stim;
	pthread_t thread;
};

/* Setting an output of a nested chip returns when the interrupt has been handled. */
static void *press_line(void *data)
{
	struct presser *p = data;

	stim_set(p->stim, PRESSED);
	return NULL;
}

/*
 * The clock is set and the button pressed, in that order, while the driver reads the line over a
 * slow bus. The press has the time of the clock as it was set.
 */
TEST_F(button, clock_set_while_the_line_is_read_counts_for_the_next_edge)
{
	struct presser p = { .stim = &self->bench.stim };
	__u32 clock = CLOCK_REALTIME;
	struct button_irq_event event;
	struct timespec now;
	__u64 before, after;

	if (access(CHIP "bus_us", W_OK))
		SKIP(return, "needs the test chip");
	bind("debounce_us=0 storm_rate=0");
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock));
	button_sleep_us(50000);
	ASSERT_EQ(0, button_unpin());
	ASSERT_EQ(0, button_write(CHIP "bus_us", "300000"));
	/* Makes the driver read the line. */
	ASSERT_EQ(0, button_set_attr(0, "storm_rate", "0"));
	button_sleep_us(BUS_US / 6);
	ASSERT_EQ(0, clock_gettime(CLOCK_REALTIME, &now));
	now.tv_sec += STEP_S;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	before = button_now(CLOCK_REALTIME);
	ASSERT_EQ(0, pthread_create(&p.thread, NULL, press_line, &p));
	button_sleep_us(BUS_US / 3);
	after = button_now(CLOCK_REALTIME);
	event = expect_event(1, BUTTON_IRQ_PRESS);
	EXPECT_LE(before, event.timestamp_ns) {
		TH_LOG("%llu s before the press", (before - event.timestamp_ns) / NSEC_PER_SEC);
	}
	EXPECT_GE(after, event.timestamp_ns);
	pthread_join(p.thread, NULL);
	EXPECT_EQ(0, button_write(CHIP "bus_us", "0"));
	now.tv_sec -= STEP_S;
	clock_settime(CLOCK_REALTIME, &now);
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

TEST_HARNESS_MAIN
