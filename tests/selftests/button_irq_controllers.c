// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controllers that differ from the memory-mapped ones: behind a slow bus that is off while
 * suspended, with handlers outside hard IRQ context, that merge or lose edges, or with a
 * capacitor at the line.
 *
 * Each test loads the tests' own GPIO chip as the kind of controller it needs.
 *
 * BUTTON_IRQ_STEP_US is how far apart edges are that must not merge (default 150): a kernel with
 * sanitizers runs the chip's thread later.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "button_test.h"

#define CHIP_MODULE	"button_irq_test_chip"
#define CHIP_DEVICE	"/sys/bus/platform/devices/button-irq-test.0/"
#define CHIP_LINE	"4"	/* the input that output 0 drives */

/* Level 0 and 1 by turns, one edge every @step_us. */
static void alternate(struct stim_edge *edges, size_t n, unsigned long step_us)
{
	size_t i;

	for (i = 0; i < n; i++)
		edges[i] = (struct stim_edge){ .us = i * step_us, .level = nth_level(i + 1) };
}

static int chip_unload(void)
{
	return syscall(SYS_delete_module, CHIP_MODULE, O_NONBLOCK) ? -errno : 0;
}

/* The chip with @params, its first line released, and no driver. */
static void chip_setup(struct __test_metadata *_metadata, struct bench *bench, const char *params)
{
	const char *path = getenv("BUTTON_IRQ_TEST_CHIP_KO");

	/* A test that failed may have left both. */
	button_unload();
	chip_unload();
	ASSERT_EQ(0, button_load_module(path ? path : "../modules/" CHIP_MODULE ".ko", params)) {
		TH_LOG("BUTTON_IRQ_TEST_CHIP_KO=%s %s", path ? path : "", params);
	}
	setenv("BUTTON_IRQ_STIMULUS", "wire", 1);
	setenv("BUTTON_IRQ_LINES", "button-irq-test:4 button-irq-test:5", 1);
	setenv("BUTTON_IRQ_PINS", "button-irq-test:0 button-irq-test:1", 1);
	bench_setup(_metadata, bench);
}

static void chip_teardown(struct __test_metadata *_metadata, struct bench *bench)
{
	bench_teardown(_metadata, bench);
	EXPECT_EQ(0, chip_unload());
}

static void chip_switch(struct __test_metadata *_metadata, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), CHIP_DEVICE "%s", name);
	ASSERT_EQ(0, button_write(path, value)) {
		TH_LOG("%s", path);
	}
}

/* How often the driver has used the chip as it must not; see the chip's head comment. */
static long chip_misuses(void)
{
	long n = -1;
	FILE *f = fopen(CHIP_DEVICE "misuses", "re");

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

#define use_chip(params)	chip_setup(_metadata, &self->bench, params)
#define set_chip(name, value)	chip_switch(_metadata, name, value)

/* A test loads its own chip, so that only the teardown is common. */
FIXTURE(controller)
{
	struct bench bench;
};

FIXTURE_SETUP(controller)
{
	self->bench.fd = -1;
}

FIXTURE_TEARDOWN(controller)
{
	chip_teardown(_metadata, &self->bench);
}

/* --- Handlers outside hard IRQ context ------------------------------------------------ */

FIXTURE(delivery)
{
	struct bench bench;
};

FIXTURE_VARIANT(delivery)
{
	const char *chip;
};

FIXTURE_VARIANT_ADD(delivery, hard) { .chip = "delivery=hard" };
FIXTURE_VARIANT_ADD(delivery, thread) { .chip = "delivery=thread" };
FIXTURE_VARIANT_ADD(delivery, softirq) { .chip = "delivery=softirq" };
FIXTURE_VARIANT_ADD(delivery, bus_lock) { .chip = "delivery=bus-lock" };
FIXTURE_VARIANT_ADD(delivery, nested) { .chip = "delivery=nested" };

FIXTURE_SETUP(delivery)
{
	chip_setup(_metadata, &self->bench, variant->chip);
}

FIXTURE_TEARDOWN(delivery)
{
	chip_teardown(_metadata, &self->bench);
}

#define STEP_US	button_setting("BUTTON_IRQ_STEP_US", 150)

/* 20 presses 300 us apart: an edge is an edge whatever context its handler runs in. */
TEST_F(delivery, counts_every_edge)
{
	struct stim_edge edges[40];
	struct button_irq_event e;
	__u64 i;

	bind("debounce_us=0");
	alternate(edges, 40, STEP_US);
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, 40));
	for (i = 0; i < 40; i++) {
		e = expect_event(i + 1, nth_type(i + 1));
		expect_between(edges[i].before, e.timestamp_ns,
			       i < 39 ? edges[i + 1].before : button_now(CLOCK_MONOTONIC));
	}
	EXPECT_EQ(40, button_counter(0, "edges"));
	EXPECT_EQ(20, button_counter(0, "presses"));
	EXPECT_EQ(20, button_counter(0, "releases"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

TEST_F(delivery, counts_every_bounce)
{
	struct stim_edge edges[40];
	struct button_irq_event e;

	/* Far longer than the train of 6 ms. */
	bind("debounce_us=200000");
	alternate(edges, 39, STEP_US);
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, 39));
	e = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(edges[0].before, e.timestamp_ns, edges[1].before);
	ASSERT_EQ(0, button_wait_counter(0, "edges", 39));
	EXPECT_EQ(38, button_counter(0, "bounces"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

/* --- Storms behind a slow bus --------------------------------------------------------- */

#define STORMS		20
/* Several times as many edges as so many storms take. */
#define MAX_EDGES	200000

/*
 * The line is masked and unmasked STORMS times while its edges go on. Each transfer over
 * the bus takes as long as on I2C, so the mask is written while edges are delivered.
 */
FIXTURE(storm)
{
	struct bench bench;
};

FIXTURE_VARIANT(storm)
{
	const char *chip;
	const char *button;
};

FIXTURE_VARIANT_ADD(storm, nested)
{
	.chip = "delivery=nested bus_us=400",
	.button = "",
};

FIXTURE_VARIANT_ADD(storm, nested_low_rate)
{
	.chip = "delivery=nested bus_us=400",
	.button = "storm_rate=100 debounce_us=0",
};

/* The chip's thread reads the port, too, and so cannot give as many edges as a button may. */
FIXTURE_VARIANT_ADD(storm, differential)
{
	.chip = "delivery=nested bus_us=400 differential=1",
	.button = "storm_rate=10 debounce_us=0",
};

/* disable_irq_nosync() would take a mutex, and sleep for the bus, in hard IRQ context. */
FIXTURE_VARIANT_ADD(storm, bus_lock)
{
	.chip = "delivery=bus-lock bus_us=400",
	.button = "storm_rate=100 debounce_us=0",
};

/* In the time of a sample, storm_rate lets edges through, which discard the sample. */
FIXTURE_VARIANT_ADD(storm, bus_lock_slow)
{
	.chip = "delivery=bus-lock bus_us=2000",
	.button = "debounce_us=0",
};

FIXTURE_VARIANT_ADD(storm, thread)
{
	.chip = "delivery=thread",
	.button = "storm_rate=100 debounce_us=0",
};

FIXTURE_VARIANT_ADD(storm, softirq)
{
	.chip = "delivery=softirq",
	.button = "storm_rate=100 debounce_us=0",
};

FIXTURE_VARIANT_ADD(storm, hard)
{
	.chip = "delivery=hard",
	.button = "storm_rate=100 debounce_us=0",
};

FIXTURE_SETUP(storm)
{
	chip_setup(_metadata, &self->bench, variant->chip);
}

FIXTURE_TEARDOWN(storm)
{
	chip_teardown(_metadata, &self->bench);
}

TEST_F_TIMEOUT(storm, masks_and_recovers, 300)
{
	long storms = 0, edges;
	__u64 i = 0;

	bind(variant->button);
	/* Looking costs as much as many edges. */
	while (storms < STORMS) {
		do {
			set_level(nth_level(++i));
			/* Where setting an output does not wait for the interrupt, let it come. */
			if (strstr(variant->chip, "differential"))
				button_sleep_us(300);
		} while (i % 64);
		storms = button_counter(0, "storms");
		ASSERT_LE(0, storms);
		ASSERT_GT(MAX_EDGES, i) {
			TH_LOG("%llu edges, %ld counted, %ld storms", i,
			       button_counter(0, "edges"), storms);
		}
	}
	press();
	/* The line may be masked, and then rests. */
	ASSERT_EQ(0, button_wait_attr(0, "state", "pressed"));
	button_sleep_us(100000);
	EXPECT_TRUE(button_attr_is(0, "state", "pressed"));
	EXPECT_LE(storms, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));

	/* It is a button again: one edge, one event. */
	button_sleep_us(1000000);
	edges = button_counter(0, "edges");
	release();
	ASSERT_EQ(0, button_wait_attr(0, "state", "released"));
	button_sleep_us(100000);
	EXPECT_EQ(edges + 1, button_counter(0, "edges"));
	EXPECT_TRUE(button_identity(0));
	EXPECT_EQ(0, chip_misuses());
}

/* --- Times on a slow bus -------------------------------------------------------------- */

/* Reading the line holds up the driver's own work. It does not make a later edge late. */
TEST_F(controller, slow_read_does_not_delay_the_time_of_an_edge)
{
	struct stim_edge edges[2] = {
		{ .us = 0, .level = PRESSED },
		/* 1 ms after the press the driver begins to read the line, for 200 ms. */
		{ .us = 50000, .level = RELEASED },
	};
	struct button_irq_event e;

	use_chip("delivery=nested");
	bind("debounce_us=0");
	set_chip("bus_us", "200000");
	ASSERT_EQ(0, stim_train(&self->bench.stim, edges, 2));
	e = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(edges[0].before, e.timestamp_ns, edges[0].after);
	e = expect_event(2, BUTTON_IRQ_RELEASE);
	/* The handler has waited for some 150 ms. */
	expect_between(edges[1].before, e.timestamp_ns, edges[1].before + 100 * NSEC_PER_MSEC);
	set_chip("bus_us", "0");
}

static void *press_line(void *data)
{
	stim_set(data, PRESSED);
	return NULL;
}

/* The clock is set and the button pressed, in that order, while the driver reads the line. */
TEST_F(controller, clock_set_during_a_slow_read_counts_for_the_next_edge)
{
	__u32 clock = CLOCK_REALTIME;
	struct button_irq_event e;
	struct timespec now;
	__u64 before, after;
	pthread_t thread;

	use_chip("delivery=nested");
	bind("debounce_us=0 storm_rate=0");
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock));
	ASSERT_EQ(0, button_unpin());
	button_sleep_us(50000);
	set_chip("bus_us", "300000");
	/* Makes the driver read the line. */
	ASSERT_EQ(0, button_set_attr(0, "storm_rate", "0"));
	button_sleep_us(50000);
	ASSERT_EQ(0, clock_gettime(CLOCK_REALTIME, &now));
	now.tv_sec += 1000;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	before = button_now(CLOCK_REALTIME);
	/* In a thread: setting an output of this chip returns when the edge has been handled. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, press_line, &self->bench.stim));
	button_sleep_us(100000);
	after = button_now(CLOCK_REALTIME);
	e = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(before, e.timestamp_ns, after);
	pthread_join(thread, NULL);
	set_chip("bus_us", "0");
	now.tv_sec -= 1000;
	EXPECT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
}

/* --- Edges that the controller merges or loses ---------------------------------------- */

static void merge_press(struct __test_metadata *_metadata, struct bench *bench,
			unsigned long held_us)
{
	chip_switch(_metadata, "hold", "1");
	bench_set(_metadata, bench, PRESSED);
	button_sleep_us(held_us);
	bench_set(_metadata, bench, RELEASED);
	chip_switch(_metadata, "hold", "0");
}

#define merge(held_us)	merge_press(_metadata, &self->bench, held_us)

FIXTURE(merged)
{
	struct bench bench;
};

FIXTURE_VARIANT(merged)
{
	const char *chip;
	const char *button;
	unsigned long window_us;
};

FIXTURE_VARIANT_ADD(merged, eager)
{
	.chip = "delivery=hard",
	.button = "",
	.window_us = 10000,
};

FIXTURE_VARIANT_ADD(merged, settle)
{
	.chip = "delivery=hard",
	.button = "debounce_mode=settle",
	.window_us = 10000,
};

FIXTURE_VARIANT_ADD(merged, eager_thread)
{
	.chip = "delivery=thread",
	.button = "",
	.window_us = 10000,
};

FIXTURE_SETUP(merged)
{
	chip_setup(_metadata, &self->bench, variant->chip);
}

FIXTURE_TEARDOWN(merged)
{
	chip_teardown(_metadata, &self->bench);
}

/* Interrupts are held off for a whole press: one interrupt, at the level of before. */
TEST_F(merged, press_is_a_glitch)
{
	int i;

	bind(variant->button);
	for (i = 1; i <= 5; i++) {
		merge(60000);
		ASSERT_EQ(0, button_wait_counter(0, "edges", i));
		button_sleep_us(3 * variant->window_us);
		EXPECT_EQ(i, button_counter(0, "glitches"));
		EXPECT_EQ(i, button_counter(0, "bounces"));
	}
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

/* Within a window a repeated level is a bounce: nothing is lost that would be reported. */
TEST_F(merged, bounce_is_no_glitch)
{
	bind("debounce_us=200000");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	set_chip("hold", "1");
	release();
	press();
	set_chip("hold", "0");
	ASSERT_EQ(0, button_wait_counter(0, "bounces", 1));
	button_sleep_us(500000);
	EXPECT_EQ(0, button_counter(0, "glitches"));
	EXPECT_EQ(1, button_counter(0, "bounces"));
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_TRUE(button_identity(0));
}

/* The edge of the release never comes: the next press repeats the level. */
TEST_F(merged, lost_release_is_a_glitch)
{
	bind(variant->button);
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	button_sleep_us(3 * variant->window_us);
	set_chip("lose_edge", CHIP_LINE);
	release();
	button_sleep_us(3 * variant->window_us);
	press();
	ASSERT_EQ(0, button_wait_counter(0, "edges", 2));
	button_sleep_us(3 * variant->window_us);
	release();
	expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(1, button_counter(0, "presses"));
	EXPECT_EQ(1, button_counter(0, "glitches"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
}

/* Without debouncing the driver reports a repeated level as one missed edge. */
TEST_F(controller, lost_release_is_missed_without_debouncing)
{
	struct button_irq_event e;

	use_chip("delivery=hard");
	bind("debounce_us=0");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	set_chip("lose_edge", CHIP_LINE);
	release();
	press();
	e = expect_event(2, BUTTON_IRQ_MISSED);
	EXPECT_EQ(1, e.count);
	release();
	expect_event(3, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(1, button_counter(0, "presses"));
	EXPECT_EQ(1, button_counter(0, "missed"));
	EXPECT_EQ(0, button_counter(0, "glitches"));
	EXPECT_TRUE(button_identity(0));
}

/* The level at binding counts: the very first interrupt can already be a merged one. */
TEST_F(controller, first_press_merged_is_missed_without_debouncing)
{
	struct button_irq_event e;

	use_chip("delivery=hard");
	bind("debounce_us=0");
	merge(1000);
	e = expect_event(1, BUTTON_IRQ_MISSED);
	EXPECT_EQ(1, e.count);
	EXPECT_EQ(1, button_counter(0, "missed"));
	press();
	expect_event(2, BUTTON_IRQ_PRESS);
	EXPECT_TRUE(button_identity(0));
}

/* Between two reads of the port a pulse leaves no trace. The driver is to invent none. */
TEST_F(controller, pulse_between_two_reads_vanishes)
{
	use_chip("delivery=nested differential=1");
	bind("debounce_us=0");
	/* The driver looks at the line when it has bound. */
	button_sleep_us(50000);
	merge(0);
	EXPECT_EQ(0, button_counter(0, "edges"));
	button_sleep_us(50000);
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	release();
	expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(2, button_counter(0, "edges"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_TRUE(button_identity(0));
}

/* --- A capacitor at the line ---------------------------------------------------------- */

/*
 * 100 nF at a pull of 50 kOhm: the line is low, which is pressed, for 5 ms after the
 * driver has requested it and set its bias.
 */
FIXTURE(capacitor)
{
	struct bench bench;
};

FIXTURE_VARIANT(capacitor)
{
	const char *chip;
	const char *button;
};

FIXTURE_VARIANT_ADD(capacitor, hard)
{
	.chip = "delivery=hard",
	.button = "",
};

FIXTURE_VARIANT_ADD(capacitor, hard_no_debounce)
{
	.chip = "delivery=hard",
	.button = "debounce_us=0",
};

FIXTURE_VARIANT_ADD(capacitor, hard_no_level)
{
	.chip = "delivery=hard",
	.button = "read_level=0",
};

FIXTURE_VARIANT_ADD(capacitor, hard_as_is)
{
	.chip = "delivery=hard",
	.button = "pull=as-is",
};

FIXTURE_VARIANT_ADD(capacitor, settle)
{
	.chip = "delivery=hard",
	.button = "debounce_mode=settle",
};

FIXTURE_VARIANT_ADD(capacitor, nested)
{
	.chip = "delivery=nested",
	.button = "",
};

FIXTURE_VARIANT_ADD(capacitor, nested_slow)
{
	.chip = "delivery=nested bus_us=400",
	.button = "debounce_us=0",
};

FIXTURE_SETUP(capacitor)
{
	chip_setup(_metadata, &self->bench, variant->chip);
}

FIXTURE_TEARDOWN(capacitor)
{
	chip_teardown(_metadata, &self->bench);
}

TEST_F(capacitor, invents_no_release)
{
	set_chip("capacitor_us", "5000");
	bind(variant->button);
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	/* A release would come some milliseconds later. */
	button_sleep_us(100000);
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	EXPECT_EQ(0, button_counter(0, "presses"));
	EXPECT_EQ(0, button_counter(0, "releases"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));

	press();
	expect_event(1, BUTTON_IRQ_PRESS);
}

/* A button that is held while the driver is loaded is pressed, and is not waited for. */
TEST_F(capacitor, held_button_is_pressed)
{
	struct button_irq_event e;

	set_chip("capacitor_us", "5000");
	press();
	bind(variant->button);
	EXPECT_TRUE(button_attr_is(0, "state", "pressed"));
	button_sleep_us(100000);
	EXPECT_TRUE(button_empty(self->bench.fd));
	release();
	e = expect_event(1, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(0, e.held_ns);
	EXPECT_EQ(0, button_counter(0, "presses"));
}

/**
 * struct toggler - a line that does not rest
 * @stim: the line
 * @gap_us: microseconds from edge to edge
 * @over: it is to rest
 */
struct toggler {
	struct stim *stim;
	unsigned long gap_us;
	bool over;
};

static void *toggle(void *data)
{
	struct toggler *t = data;
	__u64 i = 0;

	while (!__atomic_load_n(&t->over, __ATOMIC_ACQUIRE)) {
		if (stim_set(t->stim, nth_level(++i)))
			break;
		button_sleep_us(t->gap_us);
	}
	return NULL;
}

/* A line that never rests does not keep the driver from loading. */
TEST_F(controller, restless_line_is_not_waited_for_without_end)
{
	struct toggler t = { .stim = &self->bench.stim, .gap_us = 700 };
	pthread_t thread;

	use_chip("delivery=hard");
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle, &t));
	bind("");
	__atomic_store_n(&t.over, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	release();
	ASSERT_EQ(0, button_wait_attr(0, "state", "released"));
	EXPECT_TRUE(button_identity(0));
}

/* --- Latched while masked ------------------------------------------------------------- */

/*
 * While a storm has the line masked, genirq latches one edge and the controller the next one.
 * Both are delivered after unmasking, the controller's with a delay. Their times are not the
 * edges' times. If the driver took one for an edge, it would be the first edge of another storm.
 */
TEST_F(controller, edges_latched_while_masked_are_no_edges)
{
	__u64 i;

	use_chip("delivery=hard");
	/* A kernel with sanitizers is late by itself, and by more than 1 ms it would be an edge. */
	set_chip("late_us", STEP_US > 150 ? "0" : "300");
	/* The 1,026th edge is too many: a burst of 1,024, and one for the first second. */
	bind("debounce_us=0 storm_rate=1");
	for (i = 1; i <= 1028; i++)
		set_level(nth_level(i));
	ASSERT_EQ(0, button_wait_counter(0, "storms", 1));
	button_sleep_us(100000);
	EXPECT_EQ(1, button_counter(0, "storms"));
	EXPECT_EQ(1025, button_counter(0, "edges"));
	EXPECT_TRUE(button_attr_is(0, "state", "released"));
	EXPECT_TRUE(button_identity(0));
}

/* --- Suspended ------------------------------------------------------------------------ */

#define PM_TEST		"/sys/power/pm_test"
#define BUTTON_WAKEUP	"/sys/bus/platform/devices/button_irq.0/power/wakeup"
#define PM_TEST_DELAY	"/sys/module/suspend/parameters/pm_test_delay"
/* The chip takes longer to resume than the window lasts. */
#define RESUME_US		"500000"
#define SUSPENDED_WINDOW	"debounce_us=200000"

/*
 * Suspends and resumes all devices, with CPUs, timers and kernel threads at work: what the
 * driver has left running would use its controller, whose bus may be off.
 */
static int suspend_devices(void)
{
	int ret = button_write(PM_TEST_DELAY, "0");

	if (!ret)
		ret = button_write(PM_TEST, "devices");
	if (!ret)
		ret = button_write("/sys/power/state", "freeze");
	button_write(PM_TEST, "none");
	return ret;
}

FIXTURE(suspended)
{
	struct bench bench;
};

FIXTURE_VARIANT(suspended)
{
	const char *chip;
};

FIXTURE_VARIANT_ADD(suspended, nested) { .chip = "delivery=nested bus_us=400" };
FIXTURE_VARIANT_ADD(suspended, hard) { .chip = "delivery=hard" };

FIXTURE_SETUP(suspended)
{
	if (access(PM_TEST, W_OK))
		SKIP(return, "no " PM_TEST " in this kernel");
	chip_setup(_metadata, &self->bench, variant->chip);
	set_chip("resume_us", RESUME_US);
}

FIXTURE_TEARDOWN(suspended)
{
	chip_teardown(_metadata, &self->bench);
}

/* What the window holds back is reported after the resume, with the time of the edge. */
static void suspend_in_window(struct __test_metadata *_metadata, struct bench *bench,
			      const char *mode)
{
	bool eager = !strcmp(mode, "eager");
	struct button_irq_event e;
	__u64 before, after;

	bench_bind(_metadata, bench, SUSPENDED_WINDOW);
	ASSERT_EQ(0, button_set_attr(0, "debounce_mode", mode));
	if (eager) {
		bench_set(_metadata, bench, PRESSED);
		bench_expect(_metadata, bench->fd, 1, BUTTON_IRQ_PRESS);
		button_sleep_us(10000);
	}
	before = button_now(CLOCK_MONOTONIC);
	bench_set(_metadata, bench, eager ? RELEASED : PRESSED);
	after = button_now(CLOCK_MONOTONIC);
	button_sleep_us(10000);
	ASSERT_EQ(0, suspend_devices());
	e = bench_expect(_metadata, bench->fd, eager ? 2 : 1,
			 eager ? BUTTON_IRQ_RELEASE : BUTTON_IRQ_PRESS);
	/* A chip's thread may be a little later than the output that causes the edge. */
	expect_between(before, e.timestamp_ns, after + 5 * NSEC_PER_MSEC);
	EXPECT_TRUE(button_attr_is(0, "state", eager ? "released" : "pressed"));
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_EQ(0, button_counter(0, "missed"));
	EXPECT_TRUE(button_identity(0));
	EXPECT_EQ(0, chip_misuses());
}

TEST_F(suspended, in_an_eager_window_leaves_the_chip_alone)
{
	suspend_in_window(_metadata, &self->bench, "eager");
}

TEST_F(suspended, in_a_settle_window_leaves_the_chip_alone)
{
	suspend_in_window(_metadata, &self->bench, "settle");
}

/* A line that is masked is unmasked after the resume, however much later that is. */
TEST_F(suspended, in_a_storm_leaves_the_chip_alone)
{
	struct toggler t = { .stim = &self->bench.stim, .gap_us = 100 };
	pthread_t thread;

	bind("debounce_us=0 storm_rate=10");
	/* The thread causes storms without a pause until it is frozen. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle, &t));
	EXPECT_EQ(0, button_wait_counter(0, "storms", 1));
	EXPECT_EQ(0, suspend_devices());
	__atomic_store_n(&t.over, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	press();
	ASSERT_EQ(0, button_wait_attr(0, "state", "pressed"));
	button_sleep_us(200000);
	release();
	ASSERT_EQ(0, button_wait_attr(0, "state", "released"));
	EXPECT_TRUE(button_identity(0));
	EXPECT_EQ(0, chip_misuses());
}

/* Nothing happened meanwhile: nothing is reported. */
TEST_F(suspended, held_button_stays_pressed)
{
	struct button_irq_event e;

	bind("");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	button_sleep_us(50000);
	ASSERT_EQ(0, suspend_devices());
	button_sleep_us(100000);
	EXPECT_TRUE(button_empty(self->bench.fd));
	EXPECT_TRUE(button_attr_is(0, "state", "pressed"));
	release();
	e = expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_LT(NSEC_PER_SEC / 2, e.held_ns);	/* RESUME_US and more */
	EXPECT_EQ(0, button_counter(0, "inferred"));
	EXPECT_EQ(0, chip_misuses());
}

/*
 * One edge too many comes while the system prepares to suspend, so the line is masked. It must not
 * stay masked in the sleep, for then it could not end it: an edge after the button's own suspend
 * is delivered, and is the first edge of a second storm.
 */
TEST_F(controller, mask_of_a_storm_ends_when_the_system_suspends)
{
	__u64 i;

	if (access(PM_TEST, W_OK))
		SKIP(return, "no " PM_TEST " in this kernel");
	use_chip("delivery=hard");
	bind("debounce_us=0 storm_rate=1");
	for (i = 1; i <= 1025; i++)
		set_level(nth_level(i));
	ASSERT_EQ(0, button_wait_counter(0, "edges", 1025));
	ASSERT_EQ(0, button_counter(0, "storms"));
	set_chip("prepare_edge", CHIP_LINE);
	set_chip("suspend_edge", CHIP_LINE);
	ASSERT_EQ(0, suspend_devices());
	EXPECT_EQ(0, button_wait_counter(0, "storms", 2)) {
		TH_LOG("%ld storms, %ld edges", button_counter(0, "storms"),
		       button_counter(0, "edges"));
	}
	EXPECT_EQ(0, button_wait_attr(0, "state", "pressed"));
	EXPECT_TRUE(button_identity(0));
}

/*
 * An edge that came while an expander slept is delivered after the resume, when the line may be
 * idle again. The edge may have woken the system, so it was a press.
 */
TEST_F(controller, short_press_while_an_expander_slept_is_a_press)
{
	if (access(PM_TEST, W_OK))
		SKIP(return, "no " PM_TEST " in this kernel");
	use_chip("delivery=nested wake=1");
	bind("");
	ASSERT_EQ(0, button_write(BUTTON_WAKEUP, "enabled"));
	set_chip("asleep_pulse", CHIP_LINE);
	ASSERT_EQ(0, suspend_devices());
	expect_event(1, BUTTON_IRQ_PRESS);
	expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_TRUE(button_identity(0));
}

/* --- Loading while the controller's device is locked ----------------------------------- */

static void *lock_chip(void *unused)
{
	return button_write(CHIP_DEVICE "lock_us", "300000") ? NULL : unused;
}

/* Somebody may hold the lock for a moment: no reason to say that there is no such line. */
TEST_F(controller, load_waits_for_the_lock_of_the_chip)
{
	char params[128];
	pthread_t thread;
	void *locked;

	use_chip("delivery=nested");
	snprintf(params, sizeof(params), "line=%s", self->bench.stim.line);
	ASSERT_EQ(0, pthread_create(&thread, NULL, lock_chip, self));
	button_sleep_us(100000);
	EXPECT_EQ(0, button_load(params));
	pthread_join(thread, &locked);
	EXPECT_EQ(self, locked);
}

TEST_HARNESS_MAIN
