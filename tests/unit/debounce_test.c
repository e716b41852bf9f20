// SPDX-License-Identifier: GPL-2.0-only
/*
 * debounce_test.c - host tests of button_irq_debounce.h
 *
 * There are three kinds of tests: examples, one for each rule; enumerations of every short
 * history and long random histories, each checked against the invariants and the model; and
 * a simulated driver, whose line bounces and whose interrupts and samples come late.
 *
 * Usage: debounce_test [-x] [LESS]
 * LESS: make the enumerated histories shorter by this many inputs, for a quick run.
 * -x: stop at the first test that fails.
 */
#include <stdlib.h>

#include "debounce_check.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define P		BUTTON_IRQ_LEVEL_PRESSED
#define R		BUTTON_IRQ_LEVEL_RELEASED
#define U		BUTTON_IRQ_LEVEL_UNKNOWN
#define EAGER		BUTTON_IRQ_MODE_EAGER
#define SETTLE		BUTTON_IRQ_MODE_SETTLE

static struct run run;
static struct model model;
static bool failed;

/* Prints the first failure of a test. */
static void fail(const char *what, bool history)
{
	if (failed)
		return;
	failed = true;
	printf("# %s\n", what);
	if (history)
		run_print(&run, NULL);
}

/* --- Examples. All times are in microseconds, the debounce time is 10 ms unless stated. ----- */

/* The number of the run's events that the test has already checked. */
static unsigned int asked;
static u64 now_us;

static void feed(struct input in)
{
	const char *wrong;

	if (asked != run.outs)
		fail("an event that the test does not expect", true);
	now_us = in.time / 1000;
	wrong = run_feed(&run, in);
	if (!wrong)
		wrong = run_quiet(&run);
	if (wrong)
		fail(wrong, true);
}

static void edge(enum button_irq_level level, u64 us)
{
	feed((struct input){ .op = EDGE, .level = level, .time = us * 1000 });
}

static void sample(enum button_irq_level level, u64 us)
{
	feed((struct input){ .op = SAMPLE, .level = level, .time = us * 1000 });
}

static void gap(u32 count, u64 us)
{
	feed((struct input){ .op = MISSED, .count = count, .time = us * 1000 });
}

static void wake(u64 us)
{
	feed((struct input){ .op = WAKE, .time = us * 1000 });
}

static void unseen(u64 us)
{
	feed((struct input){ .op = UNSEEN, .time = us * 1000 });
}

static void configure(u32 mode, u64 window_us)
{
	feed((struct input){
		.op = CONFIGURE, .mode = mode, .window_ns = window_us * 1000,
		.time = now_us * 1000,
	});
}

/* Ends a run: the test must have checked every event, and the model must agree. */
static void finish(void)
{
	const char *wrong;

	if (asked != run.outs)
		fail("an event that the test does not expect", true);
	wrong = run.n && !run.loose ? run_compare(&run, &model) : NULL;
	if (wrong && !failed) {
		fail(wrong, false);
		run_print(&run, &model);
	}
	run.n = 0;
	run.outs = 0;
	asked = 0;
}

static void start_at(bool pressed, u32 mode, u64 window_us)
{
	finish();
	run_start(&run, pressed);
	now_us = 0;
	configure(mode, window_us);
}

static void start(u32 mode, u64 window_us)
{
	start_at(false, mode, window_us);
}

static void want(u32 type, u64 us, u64 held_us, u32 count)
{
	const struct button_irq_report *r = &run.out[asked].r;

	if (asked == run.outs) {
		fail("no event where the test expects one", true);
		return;
	}
	if (r->type != type || r->time != us * 1000 || r->held != held_us * 1000 ||
	    r->count != count) {
		struct button_irq_report w = {
			.type = type, .time = us * 1000, .held = held_us * 1000, .count = count,
		};

		fail("not the event that the test expects:", true);
		print_report("want", &w);
		print_report("got ", r);
	}
	asked++;
}

static void press(u64 us, u32 count)
{
	want(BUTTON_IRQ_PRESS, us, 0, count);
}

static void release(u64 us, u64 held_us, u32 count)
{
	want(BUTTON_IRQ_RELEASE, us, held_us, count);
}

static void missed(u64 us, u32 count)
{
	want(BUTTON_IRQ_MISSED, us, 0, count);
}

static void due_at(u64 us)
{
	if (button_irq_debounce_deadline(&run.d) != us * 1000)
		fail("the next sample is due at another time", true);
}

static void nothing_due(void)
{
	if (button_irq_debounce_deadline(&run.d) != BUTTON_IRQ_NO_DEADLINE)
		fail("a sample is due", true);
}

static void counters(unsigned long edges, unsigned long inferred, unsigned long bounces,
		     unsigned long missed)
{
	const struct button_irq_debounce *d = &run.d;

	if (d->edges != edges || d->inferred != inferred || d->bounces != bounces ||
	    d->missed != missed)
		fail("counters", true);
}

static void glitches(unsigned long n)
{
	if (run.d.glitches != n)
		fail("glitches", true);
}

static void eager_tells_the_first_edge_at_once(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	due_at(11000);
}

static void eager_ignores_edges_in_the_window(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 1200);
	edge(P, 1300);
	edge(R, 10000);
	edge(P, 10999);
	due_at(11000);
	sample(P, 11000);
	nothing_due();
	counters(5, 0, 4, 0);
}

static void eager_tells_where_the_line_ended(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 3000);
	edge(P, 4000);
	edge(R, 5000);
	sample(R, 11000);
	/* The last edge's time, not the timer's; two of the edges were bounces. */
	release(5000, 4000, 2);
	/* The report opened a window, which starts where the other one ended. */
	due_at(21000);
	sample(R, 21000);
	nothing_due();
}

static void eager_window_ends_with_an_edge(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	sample(P, 11000);
	/* An edge at the end of the window is no longer in the window. */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 11000);
	release(11000, 10000, 0);
	due_at(21000);
}

static void settle_tells_after_the_quiet(void)
{
	start(SETTLE, 10000);
	edge(P, 1000);
	due_at(11000);
	edge(R, 1500);
	edge(P, 2000);
	due_at(12000);
	sample(P, 11999);
	sample(P, 12000);
	/* The event has the time of the burst's first edge. */
	press(1000, 2);
	nothing_due();
	edge(R, 50000);
	sample(R, 60000);
	release(50000, 49000, 0);
	counters(4, 0, 2, 0);
}

static void settle_is_immune_to_glitches(void)
{
	start(SETTLE, 10000);
	edge(P, 1000);
	edge(R, 1100);
	sample(R, 11100);
	nothing_due();
	counters(2, 0, 2, 0);
	/* The next event's count includes these bounces. */
	edge(P, 20000);
	sample(P, 30000);
	press(20000, 2);
}

static void settle_edge_at_the_end_is_another_burst(void)
{
	start(SETTLE, 10000);
	edge(P, 1000);
	edge(R, 11000);
	press(1000, 0);
	due_at(21000);
	sample(R, 21000);
	release(11000, 10000, 0);
}

static void zero_tells_every_change(void)
{
	start(EAGER, 0);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 1001);
	release(1001, 1, 0);
	edge(P, 1001);
	press(1001, 0);
	nothing_due();
	/* Without debouncing, the mode makes no difference. */
	start(SETTLE, 0);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 1001);
	release(1001, 1, 0);
	counters(2, 0, 0, 0);
}

static void repeated_level_at_zero_is_missed(void)
{
	start(EAGER, 0);
	edge(P, 1000);
	press(1000, 0);
	edge(P, 2000);
	missed(2000, 1);
	counters(2, 0, 1, 1);
	/* Every repeated edge is reported, not every other one. */
	edge(P, 3000);
	missed(3000, 1);
	edge(P, 4000);
	missed(4000, 1);
	edge(R, 5000);
	release(5000, 4000, 3);
	edge(R, 6000);
	missed(6000, 1);
}

static void repeated_level_debounced_is_a_bounce(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(P, 2000);
	sample(P, 11000);
	glitches(0);
	edge(P, 20000);
	nothing_due();
	counters(3, 0, 2, 0);
	glitches(1);
	edge(R, 30000);
	release(30000, 29000, 2);

	start(SETTLE, 10000);
	edge(P, 1000);
	sample(P, 11000);
	press(1000, 0);
	edge(P, 20000);
	sample(P, 30000);
	counters(2, 0, 1, 0);
}

static void first_edge_may_repeat_the_level_at_bind(void)
{
	start(EAGER, 0);
	edge(R, 1000);
	missed(1000, 1);
	counters(1, 0, 1, 1);
	edge(R, 2000);
	missed(2000, 1);
	start_at(true, SETTLE, 10000);
	edge(P, 1000);
	glitches(1);
}

static void an_edge_after_an_unseen_change_is_not_repeated(void)
{
	start(EAGER, 0);
	edge(P, 1000);
	press(1000, 0);
	unseen(2000);
	edge(P, 3000);
	counters(2, 0, 1, 0);
	edge(P, 4000);
	missed(4000, 1);
	start(EAGER, 10000);
	unseen(500);
	edge(R, 1000);
	glitches(0);
	edge(R, 2000);
	glitches(1);
}

static void contradicting_sample_needs_a_second(void)
{
	start(EAGER, 10000);
	sample(P, 1000);
	due_at(2000);
	sample(P, 1999);
	due_at(2000);
	sample(P, 2000);
	/* The event has the time of the first sample; the window starts at the second. */
	press(1000, 0);
	due_at(12000);
	counters(0, 1, 0, 0);
	sample(P, 12000);
	nothing_due();
}

static void an_edge_refutes_an_unconfirmed_sample(void)
{
	start(EAGER, 10000);
	sample(P, 1000);
	edge(P, 1020);
	press(1020, 0);
	due_at(11020);
	counters(1, 0, 0, 0);
	/* After an edge, two new samples are needed: those before the edge do not count. */
	start(EAGER, 0);
	sample(P, 1000);
	edge(R, 1020);
	missed(1020, 1);
	sample(P, 2500);
	due_at(3500);
	sample(P, 3500);
	press(2500, 1);
}

static void an_agreeing_sample_refutes_an_unconfirmed_one(void)
{
	start(EAGER, 10000);
	sample(P, 1000);
	sample(R, 1500);
	nothing_due();
	sample(P, 2000);
	due_at(3000);
	/* If the sample fails, the edges are believed. */
	sample(U, 2500);
	nothing_due();
}

static void a_resampled_level_makes_no_edge_repeated(void)
{
	start(EAGER, 0);
	sample(P, 1000);
	sample(P, 2000);
	press(1000, 0);
	/* The late interrupt of that press gives neither a second press nor a missed edge. */
	edge(P, 2001);
	counters(1, 1, 1, 0);
	edge(P, 3000);
	missed(3000, 1);
}

static void an_edge_after_a_gap_is_not_repeated(void)
{
	start(EAGER, 0);
	edge(P, 1000);
	press(1000, 0);
	gap(3, 1500);
	missed(1500, 3);
	edge(P, 2000);
	counters(2, 0, 1, 3);
	edge(P, 3000);
	missed(3000, 1);
}

static void late_timer_changes_nothing(void)
{
	unsigned int late;

	/* The sample comes on time, late, after the next edge, or after all windows. */
	for (late = 0; late < 4; late++) {
		start(EAGER, 10000);
		edge(P, 1000);
		press(1000, 0);
		edge(R, 5000);
		if (late == 0)
			sample(R, 11000);
		else if (late == 1)
			sample(R, 11900);
		if (late < 2)
			release(5000, 4000, 0);
		edge(P, 12000);
		if (late >= 2)
			release(5000, 4000, 0);
		due_at(21000);
		if (late < 3)
			sample(P, 21000);
		else
			sample(P, 99000);
		press(12000, 0);
		if (late < 3)
			due_at(31000);
		else
			nothing_due();
		counters(3, 0, 0, 0);
	}
}

static void early_sample_says_nothing(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 5000);
	sample(R, 5001);
	sample(P, 10999);
	due_at(11000);
	sample(R, 11000);
	release(5000, 4000, 0);

	start(SETTLE, 10000);
	edge(P, 1000);
	sample(P, 10999);
	sample(R, 10999);
	sample(P, 11000);
	press(1000, 0);
}

static void held_is_from_press_to_release(void)
{
	start(EAGER, 10000);
	edge(P, 1000000);
	press(1000000, 0);
	sample(P, 1010000);
	edge(R, 3500000);
	release(3500000, 2500000, 0);
	sample(R, 3510000);
	edge(P, 4000000);
	press(4000000, 0);
	edge(R, 4000500);
	sample(R, 4010000);
	release(4000500, 500, 0);
}

static void first_release_held_zero_if_bound_pressed(void)
{
	start_at(true, EAGER, 10000);
	if (!run.d.state || run.d.presses)
		fail("not pressed without a press", true);
	sample(P, 500);
	edge(R, 1000);
	release(1000, 0, 0);
	edge(P, 20000);
	press(20000, 0);
	edge(R, 40000);
	release(40000, 20000, 0);
}

static void unknown_levels_alternate(void)
{
	start(EAGER, 0);
	edge(U, 1000);
	press(1000, 0);
	edge(U, 1100);
	release(1100, 100, 0);
	edge(U, 1200);
	press(1200, 0);
	sample(P, 1201);
	nothing_due();
	counters(3, 0, 0, 0);
}

static void unknown_levels_end_where_the_sample_says(void)
{
	/* An edge was merged: the assumed level is pressed, but the line is released. */
	start(EAGER, 10000);
	edge(U, 1000);
	press(1000, 0);
	edge(U, 1100);
	edge(U, 1200);
	sample(R, 11000);
	release(1200, 200, 1);

	/* The same with the levels exchanged. */
	start(EAGER, 10000);
	edge(U, 1000);
	press(1000, 0);
	edge(U, 1100);
	sample(P, 11000);
	nothing_due();
	counters(2, 0, 1, 0);

	/* That level is the sample's: no edge to it is repeated. */
	configure(EAGER, 0);
	edge(P, 12000);
	counters(3, 0, 2, 0);

	/* If the sample fails, the assumed level is kept. */
	start(EAGER, 10000);
	edge(U, 1000);
	press(1000, 0);
	edge(U, 1100);
	sample(U, 11000);
	release(1100, 100, 0);

	start(SETTLE, 10000);
	edge(U, 1000);
	edge(U, 1100);
	sample(P, 11100);
	press(1000, 1);
}

static void sample_overrules_a_known_level_only_twice(void)
{
	/*
	 * The line was released for a long time. A late sample finds the line pressed again
	 * before the interrupt of that edge was queued. Believing the sample would lose a press.
	 */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 9000);
	sample(P, 30000);
	due_at(31000);
	edge(P, 30010);
	release(9000, 8000, 0);
	/* The window that the release opened is over as well. */
	press(30010, 0);

	start(SETTLE, 10000);
	edge(P, 1000);
	sample(R, 30000);
	edge(R, 30010);
	press(1000, 0);
	sample(R, 40010);
	release(30010, 29010, 0);

	/* No such edge comes: it was merged, so the held-back edges were bounces. */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 9000);
	sample(P, 11000);
	sample(P, 12000);
	nothing_due();
	counters(2, 0, 1, 0);
	/* That level is the sample's: no edge to it is repeated. */
	configure(EAGER, 0);
	edge(P, 12500);
	counters(3, 0, 2, 0);

	/* The second sample agrees with the edge. */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 9000);
	sample(P, 11000);
	sample(R, 12000);
	release(9000, 8000, 0);
	due_at(21000);
}

static void unread_edge_explains_no_other_window(void)
{
	/* No edge was held back in this window, so no assumed level can be wrong. */
	start(EAGER, 10000);
	edge(U, 1000);
	press(1000, 0);
	sample(R, 11000);
	due_at(12000);
	sample(R, 12000);
	release(11000, 10000, 0);
	counters(1, 1, 0, 0);
}

static void a_shorter_window_ends_at_once(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 2000);
	configure(EAGER, 3000);
	due_at(4000);
	sample(R, 6000);
	release(2000, 1000, 0);
	due_at(7000);
}

static void a_longer_window_lasts_longer(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 2000);
	configure(EAGER, 100000);
	sample(R, 11000);
	due_at(101000);
	sample(R, 101000);
	release(2000, 1000, 0);
}

static void a_longer_window_drops_the_doubt(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	sample(R, 11000);
	due_at(12000);
	configure(EAGER, 100000);
	sample(R, 11500);
	due_at(101000);
	sample(R, 101000);
	due_at(102000);
	sample(R, 102000);
	release(101000, 100000, 0);
}

static void to_zero_in_mid_window(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 2000);
	configure(EAGER, 0);
	sample(R, 2500);
	release(2000, 1000, 0);
	nothing_due();

	start(SETTLE, 10000);
	edge(P, 1000);
	configure(SETTLE, 0);
	edge(R, 1500);
	press(1000, 0);
	release(1500, 500, 0);

	/* One call gives both: the held-back edge, and a missed edge for the repeated level. */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 2000);
	configure(EAGER, 0);
	edge(R, 2500);
	release(2000, 1000, 0);
	missed(2500, 1);
}

static void from_zero(void)
{
	start(EAGER, 0);
	edge(P, 1000);
	press(1000, 0);
	configure(EAGER, 10000);
	sample(P, 1001);
	nothing_due();
	edge(R, 1100);
	release(1100, 100, 0);
	edge(P, 1200);
	sample(R, 11100);
	due_at(12100);
}

static void mode_change_in_mid_window(void)
{
	/* An eager window ends like a settling one: it opens no further window. */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 2000);
	configure(SETTLE, 10000);
	edge(P, 3000);
	due_at(13000);
	edge(R, 4000);
	due_at(14000);
	sample(R, 14000);
	release(2000, 1000, 2);
	nothing_due();

	start(SETTLE, 10000);
	edge(P, 1000);
	configure(EAGER, 10000);
	edge(R, 2000);
	edge(P, 3000);
	due_at(11000);
	sample(P, 11000);
	press(3000, 2);
	due_at(21000);
}

static void wake_tells_the_change(void)
{
	start(EAGER, 10000);
	wake(5000);
	press(5000, 0);
	sample(P, 5010);
	due_at(15000);
	sample(P, 15000);
	nothing_due();
	counters(0, 1, 0, 0);
	/* A later edge to that level is not a repeated one: no edge was fed before it. */
	configure(EAGER, 0);
	edge(P, 20000);
	counters(1, 1, 1, 0);
}

static void wake_and_idle_again_tells_both(void)
{
	start(EAGER, 10000);
	wake(5000);
	press(5000, 0);
	sample(R, 5010);
	sample(R, 15000);
	sample(R, 16000);
	release(15000, 10000, 0);
	counters(0, 2, 0, 0);

	start(SETTLE, 10000);
	wake(5000);
	press(5000, 0);

	start(EAGER, 0);
	wake(5000);
	press(5000, 0);
	sample(R, 5010);
	due_at(6010);
	sample(R, 6010);
	release(5010, 10, 0);
}

static void wake_ends_the_window_and_the_doubt(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 2000);
	wake(500000);
	release(2000, 1000, 0);
	press(500000, 0);
	due_at(510000);

	start(EAGER, 0);
	sample(P, 1000);
	wake(1500);
	press(1500, 0);
	nothing_due();

	/* This also holds for an edge that ends one window and falls into the next. */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 5000);
	sample(P, 11000);
	due_at(12000);
	wake(11500);
	release(5000, 4000, 0);
	due_at(21000);
	sample(P, 21000);
	due_at(22000);
}

static void wake_in_a_window_leaves_it_to_its_end(void)
{
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	wake(2000);
	due_at(11000);
	sample(P, 11000);
	nothing_due();
}

static void gaps_are_told(void)
{
	start(EAGER, 10000);
	gap(7, 1000);
	missed(1000, 7);
	gap(2, 1000);
	missed(1000, 2);
	counters(0, 0, 0, 9);
	nothing_due();
	/* A gap within a window does not discard the held-back edges. */
	edge(P, 2000);
	press(2000, 0);
	edge(R, 3000);
	gap(1, 4000);
	missed(4000, 1);
	sample(R, 12000);
	/* No event is earlier than the one before. */
	release(4000, 2000, 0);
}

static void count_is_since_the_event_before(void)
{
	start(SETTLE, 10000);
	edge(P, 1000);
	edge(R, 1100);
	edge(P, 1200);
	edge(R, 1300);
	sample(R, 11300);
	edge(P, 20000);
	edge(P, 20100);
	sample(P, 30100);
	press(20000, 5);
	edge(R, 40000);
	sample(R, 50000);
	release(40000, 20000, 0);

	/* A missed event does not reset the count: it is neither a press nor a release. */
	start(EAGER, 10000);
	edge(P, 1000);
	press(1000, 0);
	edge(R, 1100);
	edge(P, 1200);
	gap(1, 1300);
	missed(1300, 1);
	sample(P, 11000);
	edge(R, 20000);
	release(20000, 19000, 2);
}

static void times_never_go_back(void)
{
	start(EAGER, 0);
	run.loose = true;
	edge(P, 1000);
	press(1000, 0);
	edge(R, 900);
	release(1000, 0, 0);
	gap(1, 800);
	missed(1000, 1);
	sample(P, 700);
	sample(P, 1700);
	press(1000, 0);
}

struct example {
	const char *name;
	void (*test)(void);
};

#define EXAMPLE(name)	{ #name, name }

static const struct example examples[] = {
	EXAMPLE(eager_tells_the_first_edge_at_once),
	EXAMPLE(eager_ignores_edges_in_the_window),
	EXAMPLE(eager_tells_where_the_line_ended),
	EXAMPLE(eager_window_ends_with_an_edge),
	EXAMPLE(settle_tells_after_the_quiet),
	EXAMPLE(settle_is_immune_to_glitches),
	EXAMPLE(settle_edge_at_the_end_is_another_burst),
	EXAMPLE(zero_tells_every_change),
	EXAMPLE(repeated_level_at_zero_is_missed),
	EXAMPLE(repeated_level_debounced_is_a_bounce),
	EXAMPLE(first_edge_may_repeat_the_level_at_bind),
	EXAMPLE(an_edge_after_an_unseen_change_is_not_repeated),
	EXAMPLE(contradicting_sample_needs_a_second),
	EXAMPLE(an_edge_refutes_an_unconfirmed_sample),
	EXAMPLE(an_agreeing_sample_refutes_an_unconfirmed_one),
	EXAMPLE(a_resampled_level_makes_no_edge_repeated),
	EXAMPLE(an_edge_after_a_gap_is_not_repeated),
	EXAMPLE(late_timer_changes_nothing),
	EXAMPLE(early_sample_says_nothing),
	EXAMPLE(held_is_from_press_to_release),
	EXAMPLE(first_release_held_zero_if_bound_pressed),
	EXAMPLE(unknown_levels_alternate),
	EXAMPLE(unknown_levels_end_where_the_sample_says),
	EXAMPLE(sample_overrules_a_known_level_only_twice),
	EXAMPLE(unread_edge_explains_no_other_window),
	EXAMPLE(a_shorter_window_ends_at_once),
	EXAMPLE(a_longer_window_lasts_longer),
	EXAMPLE(a_longer_window_drops_the_doubt),
	EXAMPLE(to_zero_in_mid_window),
	EXAMPLE(from_zero),
	EXAMPLE(mode_change_in_mid_window),
	EXAMPLE(wake_tells_the_change),
	EXAMPLE(wake_and_idle_again_tells_both),
	EXAMPLE(wake_ends_the_window_and_the_doubt),
	EXAMPLE(wake_in_a_window_leaves_it_to_its_end),
	EXAMPLE(gaps_are_told),
	EXAMPLE(count_is_since_the_event_before),
	EXAMPLE(times_never_go_back),
};

/* --- Enumeration of all short histories ---------------------------------------------------- */

/* The time of an input, relative to the input before, or to the deadline of a sample. */
enum when { AFTER, AT_DUE, BEFORE_DUE, AFTER_DUE };

struct symbol {
	enum input_op op;
	enum button_irq_level level;
	enum when when;
	unsigned int halves;		/* of a debounce time */
	unsigned int window_halves;
	u32 mode;
};

/* The inputs that histories are made of. */
static struct symbol symbols[64];
static unsigned int n_symbols;

static void add(enum input_op op, enum button_irq_level level, enum when when,
		unsigned int halves)
{
	symbols[n_symbols++] = (struct symbol){
		.op = op, .level = level, .when = when, .halves = halves,
	};
}

static void add_levels(enum input_op op, enum when when, unsigned int halves)
{
	add(op, P, when, halves);
	add(op, R, when, halves);
	add(op, U, when, halves);
}

static void add_settings(unsigned int halves, unsigned int window_halves, u32 mode)
{
	symbols[n_symbols++] = (struct symbol){
		.op = CONFIGURE, .halves = halves, .window_halves = window_halves, .mode = mode,
	};
}

/* Edges without any sample. */
static void edges_only(void)
{
	unsigned int halves;

	for (halves = 0; halves <= 3; halves++)
		add_levels(EDGE, AFTER, halves);
}

/* Edges, and samples of either level at any time. */
static void edges_and_samples(void)
{
	unsigned int halves;

	edges_only();
	for (halves = 0; halves <= 3; halves++)
		add_levels(SAMPLE, AFTER, halves);
}

/* The timer on time, slightly early, or late by up to two windows, and edges at the same time. */
static void timer(void)
{
	add_levels(EDGE, AFTER, 1);
	add_levels(EDGE, AT_DUE, 0);
	add_levels(SAMPLE, AT_DUE, 0);
	add(SAMPLE, P, BEFORE_DUE, 0);
	add(SAMPLE, P, AFTER_DUE, 3);
	add(SAMPLE, R, AFTER_DUE, 3);
}

/* Every input that may come between a contradicting sample and the second one. */
static void doubts(void)
{
	add_levels(EDGE, AFTER, 1);
	add_levels(SAMPLE, AT_DUE, 0);
	add(SAMPLE, R, BEFORE_DUE, 0);
	add(MISSED, U, AFTER, 0);
	add(UNSEEN, U, AFTER, 0);
	add(WAKE, U, AFTER, 1);
	add(WAKE, U, AT_DUE, 0);
	add_settings(0, 0, EAGER);
	add_settings(0, 1, SETTLE);
	add_settings(0, 7, EAGER);
}

static void everything(void)
{
	edges_and_samples();
	add(MISSED, U, AFTER, 0);
	add(UNSEEN, U, AFTER, 0);
	add(MISSED, U, AFTER, 1);
	add(WAKE, U, AFTER, 0);
	add(WAKE, U, AFTER, 1);
	add(WAKE, U, AFTER, 2);
	add_settings(0, 0, EAGER);
	add_settings(0, 1, EAGER);
	add_settings(1, 2, EAGER);
	add_settings(1, 6, EAGER);
	add_settings(1, 1, SETTLE);
	add_settings(0, 6, SETTLE);
}

struct enumeration {
	const char *name;
	void (*alphabet)(void);
	unsigned int depth;
	u64 window_ns;
};

/* BUTTON_IRQ_CONFIRM_NS is 1 ms: a whole window, or half of one. */
static const struct enumeration enumerations[] = {
	{ "edges only", edges_only, 5, 1000000 },
	{ "edges and samples, window 1 ms", edges_and_samples, 4, 1000000 },
	{ "edges and samples, window 2 ms", edges_and_samples, 4, 2000000 },
	{ "timer early, on time, late, coincident", timer, 6, 10000000 },
	{ "doubts and what comes between", doubts, 5, 10000000 },
	{ "everything, window 1 ms", everything, 4, 1000000 },
	{ "everything, window 2 ms", everything, 4, 2000000 },
};

static u64 sequences;

static struct input make_input(const struct enumeration *e, const struct symbol *s, u64 now)
{
	u64 due = button_irq_debounce_deadline(&run.d);
	u64 time = now;

	if (s->when == AFTER)
		time += s->halves * (e->window_ns / 2);
	else if (due != BUTTON_IRQ_NO_DEADLINE)
		time = due + s->halves * (e->window_ns / 2) - (s->when == BEFORE_DUE);
	return (struct input){
		.op = s->op, .level = s->level, .time = time < now ? now : time, .count = 1,
		.window_ns = s->window_halves * (e->window_ns / 2), .mode = s->mode,
	};
}

/* Tries all histories of @depth more inputs. The invariants are checked after each input. */
static void enumerate(const struct enumeration *e, unsigned int depth)
{
	struct button_irq_debounce d = run.d;
	u64 now = run.in[run.n - 1].time;
	unsigned int n = run.n, outs = run.outs, i;
	const char *wrong;

	if (!depth) {
		sequences++;
		wrong = run_compare(&run, &model);
		if (wrong && !failed) {
			fail(wrong, false);
			run_print(&run, &model);
		}
		return;
	}
	for (i = 0; i < n_symbols && !failed; i++) {
		wrong = run_feed(&run, make_input(e, &symbols[i], now));
		if (!wrong)
			wrong = run_quiet(&run);
		if (wrong)
			fail(wrong, true);
		else
			enumerate(e, depth - 1);
		run.d = d;
		run.n = n;
		run.outs = outs;
	}
}

static void start_run(bool bound_pressed, u32 mode, u64 window_ns)
{
	run_start(&run, bound_pressed);
	run_feed(&run, (struct input){
		.op = CONFIGURE, .mode = mode, .window_ns = window_ns, .time = 1000000000,
	});
}

static void run_enumeration(const struct enumeration *e, unsigned int less)
{
	unsigned int depth = e->depth > less ? e->depth - less : 1;
	unsigned int bound;

	n_symbols = 0;
	e->alphabet();

	/* Bound pressed mirrors bound released, except for the held time: use a smaller depth. */
	for (bound = 0; bound < 2; bound++, depth -= depth > 1) {
		start_run(bound, EAGER, e->window_ns);
		enumerate(e, depth);
		start_run(bound, SETTLE, e->window_ns);
		enumerate(e, depth);
		start_run(bound, EAGER, 0);
		enumerate(e, depth);
	}
}

/* --- Long random histories ----------------------------------------------------------------- */

static u64 seed;

/* splitmix64, which gives the same numbers on every machine */
static u64 random_u64(void)
{
	u64 z = seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static u64 below(u64 n)
{
	return random_u64() % n;
}

static enum button_irq_level random_level(void)
{
	return (int)below(3) - 1;
}

/* A time at or near the deadline or the end of a window, or any other time. */
static u64 random_time(u64 now)
{
	u64 due = button_irq_debounce_deadline(&run.d);
	u64 window = run.d.window_ns;

	switch (below(6)) {
	case 0:
		return now;
	case 1:
		return now + below(window / 2 + 2);
	case 2:
		return now + below(window * 2 + 2);
	case 3:
		return now + below(2 * BUTTON_IRQ_CONFIRM_NS);
	default:
		if (due == BUTTON_IRQ_NO_DEADLINE || due <= now)
			return now + window;
		return due - 1 + below(3);
	}
}

static void long_histories(unsigned int less)
{
	static const enum input_op ops[] = {
		EDGE, EDGE, EDGE, EDGE, EDGE, EDGE, SAMPLE, SAMPLE, SAMPLE, SAMPLE, SAMPLE,
		SAMPLE, MISSED, WAKE, UNSEEN, CONFIGURE,
	};
	static const u64 windows[] = { 0, 100000, 1000000, 1500000, 10000000, 1000000000 };
	unsigned int i, j, length, variety;
	const char *wrong = NULL;

	seed = 1;
	for (i = 0; i < (less ? 2000 : 20000) && !failed; i++) {
		start_run(below(2), below(2), windows[below(ARRAY_SIZE(windows))]);
		length = 1 + below(MODEL_MAX - 2);
		variety = 4 + below(ARRAY_SIZE(ops) - 3);
		for (j = 0; j < length && !wrong; j++) {
			struct input in = {
				.op = ops[below(variety)], .level = random_level(),
				.time = random_time(run.in[run.n - 1].time),
				.window_ns = windows[below(ARRAY_SIZE(windows))],
				.mode = below(2), .count = 1 + below(5),
			};

			wrong = run_feed(&run, in);
			if (!wrong)
				wrong = run_quiet(&run);
		}
		if (wrong)
			fail(wrong, true);
		wrong = run_compare(&run, &model);
		if (wrong && !failed) {
			fail(wrong, false);
			run_print(&run, &model);
		}
		sequences++;
	}
}

/* --- The same edges, samples on time or late: the same events ------------------------------ */

#define LATE_EDGES	6

/* Feeds edges of known level, and samples of the true level, each @late after its deadline. */
static const char *play(struct run *to, const struct input *edges, u32 mode, u64 window_ns,
			u64 late)
{
	bool line = false;
	const char *wrong;
	unsigned int i;

	start_run(false, mode, window_ns);
	for (i = 0; i <= LATE_EDGES; i++) {
		u64 next = i < LATE_EDGES ? edges[i].time : BUTTON_IRQ_NO_DEADLINE - 1;
		u64 due;

		while ((due = button_irq_debounce_deadline(&run.d)) <= next - late) {
			wrong = run_feed(&run, (struct input){
				.op = SAMPLE, .level = line, .time = due + late,
			});
			if (wrong)
				return wrong;
		}
		if (i == LATE_EDGES)
			break;
		wrong = run_feed(&run, edges[i]);
		if (wrong)
			return wrong;
		line = edges[i].level;
	}
	*to = run;
	return NULL;
}

static bool same_events(const struct run *a, const struct run *b)
{
	unsigned int i;

	if (a->outs != b->outs)
		return false;
	for (i = 0; i < a->outs; i++)
		if (!same_report(&a->out[i].r, &b->out[i].r))
			return false;
	return true;
}

static void lateness_changes_nothing(unsigned int less)
{
	const u64 window = 10000000, late[] = { 1, window / 4, window, 9 * window };
	static struct run on_time, delayed;
	struct input edges[LATE_EDGES];
	unsigned int code, i, l, c, step = less ? 7 : 1;
	const char *wrong;
	u32 mode;

	/* Each edge has one of two levels and of four distances. */
	for (code = 0; code < 1u << (3 * LATE_EDGES) && !failed; code += step) {
		u64 time = 1000000000;

		for (i = 0, c = code; i < LATE_EDGES; i++, c >>= 3) {
			time += (c >> 1 & 3) * (window / 2);
			edges[i] = (struct input){ .op = EDGE, .level = c & 1, .time = time };
		}
		for (mode = EAGER; mode <= SETTLE; mode++) {
			wrong = play(&on_time, edges, mode, window, 0);
			for (l = 0; l < ARRAY_SIZE(late) && !wrong; l++) {
				wrong = play(&delayed, edges, mode, window, late[l]);
				if (!wrong && !same_events(&on_time, &delayed)) {
					fail("late samples gave other events; on time:", false);
					run_print(&on_time, NULL);
					printf("# late:\n");
					run_print(&delayed, NULL);
				}
			}
			if (wrong)
				fail(wrong, true);
			sequences++;
		}
	}
}

/* --- A line, its interrupts, and a driver -------------------------------------------------- */

/*
 * The line moves at given times. A move sets the controller's status bit; while the bit is set,
 * further moves are merged. The interrupt comes some time later, clears the bit, and reads the
 * clock and, if the chip can, slightly later the level. The thread runs some time after an edge
 * was queued or a sample came due: it feeds the edges and, if a sample is due or an edge had no
 * level, samples the line. So the line may have moved before a sample is taken while the
 * interrupt of that move is still pending.
 */
#define MOVES		64

struct world {
	u64 move[MOVES];
	unsigned int moves;
	/* upper limits of the random delays of each interrupt and of each run of the thread */
	u64 max_latency;
	u64 max_lateness;
	bool can_read;
	u32 mode;
	u64 window;
};

/* Times of the delivered interrupts. */
static u64 delivered[MOVES];
static unsigned int deliveries;

static bool line_at(const struct world *w, u64 time)
{
	unsigned int i;

	for (i = 0; i < w->moves && w->move[i] <= time; i++)
		;
	return i & 1;
}

static const char *drive(const struct world *w)
{
	const u64 never = BUTTON_IRQ_NO_DEADLINE;
	u64 irq = never, thread = never, timer = never, timer_for = never, busy = 0;
	unsigned int next = 0, fed = 0, steps = 0, i;
	struct input queue[MOVES];
	const char *wrong;

	start_run(false, w->mode, w->window);
	deliveries = 0;
	for (;;) {
		u64 move = next < w->moves ? w->move[next] : never;
		u64 now = move;
		bool look = false;

		if (irq < now)
			now = irq;
		if (thread < now)
			now = thread;
		if (timer < now)
			now = timer;
		if (now == never)
			break;
		if (++steps > 20 * MOVES)
			return "the driver does not come to rest";

		if (now == move) {
			if (irq == never)
				irq = now + 1 + below(w->max_latency);
			/* The handler does not interrupt itself. */
			if (irq < busy)
				irq = busy;
			next++;
			continue;
		}
		if (now == irq) {
			enum button_irq_level level = U;

			busy = now + below(2) * below(w->max_latency);
			if (w->can_read)
				level = line_at(w, busy);
			queue[deliveries] = (struct input){
				.op = EDGE, .level = level, .time = now,
			};
			delivered[deliveries++] = now;
			irq = never;
			if (thread == never)
				thread = busy + below(w->max_latency + w->max_lateness);
			continue;
		}
		if (now == timer) {
			timer = never;
			if (thread == never)
				thread = now + below(1 + w->max_lateness);
			continue;
		}

		thread = never;
		for (; fed < deliveries; fed++) {
			look |= queue[fed].level == U;
			wrong = run_feed(&run, queue[fed]);
			if (wrong)
				return wrong;
		}
		look |= now >= button_irq_debounce_deadline(&run.d);
		look |= !below(4);
		if (look) {
			wrong = run_feed(&run, (struct input){
				.op = SAMPLE, .level = line_at(w, now), .time = now,
			});
			if (wrong)
				return wrong;
		}
		if (button_irq_debounce_deadline(&run.d) != timer_for || timer == never)
			timer = button_irq_debounce_deadline(&run.d);
		timer_for = button_irq_debounce_deadline(&run.d);
	}

	for (i = 0; i < run.outs; i++)
		if (run.out[i].r.type == BUTTON_IRQ_MISSED && w->window)
			return "a gap was told of a debounced line";
	if (run.d.state != line_at(w, never))
		return "the state is not where the line ended";
	return NULL;
}

/* The number of presses and releases with times in [@from, @to]. */
static unsigned int events_in(u64 from, u64 to)
{
	unsigned int i, n = 0;

	for (i = 0; i < run.outs; i++)
		n += run.out[i].r.type != BUTTON_IRQ_MISSED && run.out[i].r.time >= from &&
		     run.out[i].r.time <= to;
	return n;
}

/*
 * Consider a burst of moves that changes the level, with the line at rest before and after it for
 * longer than the debounce time. The burst must give exactly one press or release, with the time
 * of one of its interrupts. If the top half reads levels, the thread's lateness must not matter.
 * If it cannot, levels come from the thread's samples only, so the rest must be longer by the
 * lateness.
 */
static const char *bursts_are_told(const struct world *w, const unsigned int *burst,
				   unsigned int bursts)
{
	u64 slack = w->window + BUTTON_IRQ_CONFIRM_NS + 4 * w->max_latency +
		    (w->can_read ? 0 : 4 * w->max_lateness);
	unsigned int b, i;

	for (b = 0; b < bursts; b++) {
		unsigned int first = burst[b], end = burst[b + 1];
		u64 from = w->move[first], to = w->move[end - 1] + w->max_latency;
		bool ours = false;

		if ((end - first) % 2 == 0)
			continue;
		/* With such a latency, the last edges of the burst may come after the window. */
		if (end - first > 1 && w->max_latency > w->window / 5)
			continue;
		if (first && from - w->move[first - 1] < slack)
			continue;
		if (end < w->moves && w->move[end] - w->move[end - 1] < slack)
			continue;
		if (events_in(from, to) != 1)
			return "a press or release is lost or too many";
		for (i = 0; i < run.outs; i++) {
			unsigned int k;

			if (run.out[i].r.time < from || run.out[i].r.time > to)
				continue;
			for (k = 0; k < deliveries; k++)
				ours |= delivered[k] == run.out[i].r.time;
		}
		if (w->window && !ours)
			return "an event has the time of no interrupt";
	}
	return NULL;
}

static void simulated_driver(unsigned int less)
{
	static const u64 windows[] = { 10000000, 10000000, 1000000, 100000, 0 };
	unsigned int i, n = less ? 20000 : 200000;

	seed = 2;
	for (i = 0; i < n && !failed; i++) {
		struct world w = {
			.mode = below(2),
			.window = windows[below(ARRAY_SIZE(windows))],
			.can_read = below(3),
			/* Below BUTTON_IRQ_CONFIRM_NS, which exists to cover this latency. */
			.max_latency = below(2) ? 20000 : 1 + below(BUTTON_IRQ_CONFIRM_NS / 4),
		};
		unsigned int burst[MOVES + 1], bursts = 0;
		const char *wrong;
		u64 time = 1000000000;

		w.max_lateness = below(3) ? 1 + below(3 * w.window + 1000000) : 1;
		while (w.moves < MOVES / 2) {
			unsigned int moves = 1 + below(8);

			burst[bursts++] = w.moves;
			/* A burst is shorter than the window, or it is a single edge. */
			if (!w.window)
				moves = 1;
			while (moves--) {
				w.move[w.moves++] = time;
				time += 1 + below(w.window / 10 + 1);
			}
			switch (below(3)) {
			case 0:
				time += below(w.window + 1000000);
				break;
			case 1:
				time += w.window + below(3 * w.window + 3000000);
				break;
			default:
				time += 20 * w.window + 20000000;
				break;
			}
		}
		burst[bursts] = w.moves;

		wrong = drive(&w);
		if (!wrong)
			wrong = bursts_are_told(&w, burst, bursts);
		/* If no interrupt is later than the confirmation, no change is inferred. */
		if (!wrong && w.can_read && run.d.inferred)
			wrong = "a sample was believed although every edge had a known level";
		if (!wrong)
			wrong = run_compare(&run, &model);
		if (wrong && !failed) {
			unsigned int k;

			fail(wrong, false);
			printf("# window %llu %s, %s, latency %llu, lateness %llu\n", w.window,
			       w.mode == EAGER ? "eager" : "settle",
			       w.can_read ? "levels read" : "levels unknown", w.max_latency,
			       w.max_lateness);
			for (k = 0; k < w.moves; k++)
				printf("# line %llu %s\n", w.move[k],
				       k & 1 ? "released" : "pressed");
			run_print(&run, NULL);
		}
		sequences++;
	}
}

/* --- TAP ----------------------------------------------------------------------------------- */

static unsigned int tests, failures;

static bool stop_at_first;

static void result(const char *name, u64 count)
{
	printf("%sok %u %s", failed ? "not " : "", ++tests, name);
	if (count)
		printf(" (%llu histories)", count);
	printf("\n");
	fflush(stdout);
	if (failed && stop_at_first)
		exit(1);
	failures += failed;
	failed = false;
	sequences = 0;
}

int main(int argc, char **argv)
{
	unsigned int less, i;

	stop_at_first = argc > 1 && !strcmp(argv[1], "-x");
	argv += stop_at_first;
	argc -= stop_at_first;
	less = argc > 1 ? atoi(argv[1]) : 0;

	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(examples) + ARRAY_SIZE(enumerations) + 3);
	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		run.n = 0;
		run.outs = 0;
		asked = 0;
		examples[i].test();
		finish();
		result(examples[i].name, 0);
	}
	for (i = 0; i < ARRAY_SIZE(enumerations); i++) {
		run_enumeration(&enumerations[i], less);
		result(enumerations[i].name, sequences);
	}
	lateness_changes_nothing(less);
	result("late samples change nothing", sequences);
	long_histories(less);
	result("long random histories", sequences);
	simulated_driver(less);
	result("simulated driver", sequences);
	return failures != 0;
}
