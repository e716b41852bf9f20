/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the edges of a bouncing contact to presses and releases
 *
 * A pure state machine without clock, timer, lock or allocation, so that tests/unit can
 * try every short input on the host. The driver calls it with thread.lock held.
 *
 * The inputs are edges, samples and wake-ups. An edge is an interrupt: its time, and the level
 * that the top half read (BUTTON_IRQ_LEVEL_UNKNOWN where it could not). A sample is the line's
 * level read later, after every earlier edge has been fed. A wake-up is the interrupt that woke
 * the system. The outputs are events, and a deadline at which the next sample is due.
 *
 * Both modes use one debounce window. Eager: a report opens the window, and edges are held
 * back until the window ends. Settle: an edge opens the window, and every further edge
 * restarts the window. When the window ends, the line's level decides. If the level is the
 * reported state, the held-back edges were bounces. Otherwise one of them is reported, with
 * its own time: in settle mode the first edge of the window, in eager mode the last.
 *
 * A repeated level (an edge whose level equals that of the edge before) means that the
 * controller merged two edges into one interrupt. Within a window the edge is a bounce like
 * any other. Outside a window it is a glitch: a pulse that began and ended before the
 * handler ran. Without debouncing a repeated level is reported as one missed edge.
 *
 * edges + inferred = presses + releases + bounces holds after every call: a held-back edge
 * counts as a bounce until it is reported.
 */
#ifndef BUTTON_IRQ_DEBOUNCE_H
#define BUTTON_IRQ_DEBOUNCE_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <linux/types.h>
typedef __u64 u64;
typedef __u32 u32;
#define WRITE_ONCE(x, value)	((x) = (value))
#endif

#include "button_irq.h"

/*
 * A sample that contradicts the last edge is believed only if a second sample agrees, this
 * much later and with no edge in between: the line moves before the top half queues the edge, so
 * the first sample may just have been early.
 */
#define BUTTON_IRQ_CONFIRM_NS	1000000ULL

/* button_irq_debounce_deadline(): no sample is due. */
#define BUTTON_IRQ_NO_DEADLINE	(~0ULL)

/* The maximum number of events that one call returns. */
#define BUTTON_IRQ_REPORTS	2

/* Logical level: gpiolib has already inverted active-low lines, so 1 means pressed. */
enum button_irq_level {
	BUTTON_IRQ_LEVEL_UNKNOWN = -1,
	BUTTON_IRQ_LEVEL_RELEASED = 0,
	BUTTON_IRQ_LEVEL_PRESSED = 1,
};

/**
 * struct button_irq_report - one event that the debouncer reports
 * @time: nanoseconds, on the clock of the edges
 * @held: of a release: nanoseconds since the press, 0 if not known; else 0
 * @type: BUTTON_IRQ_PRESS, BUTTON_IRQ_RELEASE or BUTTON_IRQ_MISSED
 * @count: as in struct button_irq_event
 */
struct button_irq_report {
	u64 time;
	u64 held;
	u32 type;
	u32 count;
};

/**
 * struct button_irq_debounce - the debouncer of one line
 * @window_ns: debounce time; 0 reports every edge that changes the level
 * @mode: BUTTON_IRQ_MODE_EAGER or BUTTON_IRQ_MODE_SETTLE
 * @state: the last reported state, true while pressed
 * @level: the line's level after the last edge, or after a sample that was believed
 * @level_from_edge: an edge set @level, so an edge to the same level repeats it
 * @guessed: @level was not read; it follows from edges alternating
 * @window_open: a window is open
 * @window_start: when the window was opened or last restarted
 * @held_back: the window has at least one held-back edge
 * @candidate_time: the time of the edge to report if @level differs from @state when the window
 *	ends: the first edge of the window in settle mode, the last in eager mode
 * @unconfirmed: a sample contradicted @level, and no edge has explained the change yet
 * @unconfirmed_time: when the contradicting sample was taken
 * @last_report: time of the last event; no later event has an earlier time
 * @pressed_at: when the button was pressed
 * @pressed_known: @pressed_at is valid (not if pressed since before the driver bound)
 * @unreported: bounces since the last press or release
 * @edges: edges fed
 * @inferred: reported changes that only a sample or a wake-up showed
 * @presses: presses reported
 * @releases: releases reported
 * @bounces: edges that were not reported, or not yet
 * @glitches: bounces that repeated a level outside a window
 * @missed: edges that could not be recorded
 *
 * Other contexts read @state and the counters with READ_ONCE(), so these are single words,
 * which button_irq_debounce_count() and button_irq_debounce_report() write with WRITE_ONCE().
 */
struct button_irq_debounce {
	u64 window_ns;
	u32 mode;
	bool state;
	bool level;
	bool level_from_edge;
	bool guessed;
	bool window_open;
	bool held_back;
	bool unconfirmed;
	bool pressed_known;
	u64 window_start;
	u64 candidate_time;
	u64 unconfirmed_time;
	u64 last_report;
	u64 pressed_at;
	u32 unreported;
	unsigned long edges;
	unsigned long inferred;
	unsigned long presses;
	unsigned long releases;
	unsigned long bounces;
	unsigned long glitches;
	unsigned long missed;
};

/**
 * button_irq_debounce_init() - start with a line whose level is known
 * @d: the debouncer
 * @pressed: the line's level
 *
 * A button that is pressed from the start is in state pressed without an event. @pressed counts
 * as the level of an edge: a first edge to the same level means that a pulse was merged.
 */
static inline void button_irq_debounce_init(struct button_irq_debounce *d, bool pressed)
{
	*d = (struct button_irq_debounce){
		.state = pressed, .level = pressed, .level_from_edge = true,
	};
}

/**
 * button_irq_debounce_configure() - set time and mode
 * @d: the debouncer
 * @window_ns: debounce time in nanoseconds, 0 for none
 * @mode: BUTTON_IRQ_MODE_EAGER or BUTTON_IRQ_MODE_SETTLE
 *
 * Takes effect at once: an open window gets the new length, counted from its start. The
 * caller feeds a sample next, because the window may be over now.
 */
static inline void button_irq_debounce_configure(struct button_irq_debounce *d,
						 u64 window_ns, u32 mode)
{
	d->window_ns = window_ns;
	d->mode = mode;
}

static inline u64 button_irq_debounce_window_end(const struct button_irq_debounce *d)
{
	return d->window_start + d->window_ns;
}

/**
 * button_irq_debounce_deadline() - when the next sample is due
 * @d: the debouncer
 *
 * Return: a time on the clock of the edges, or BUTTON_IRQ_NO_DEADLINE.
 */
static inline u64 button_irq_debounce_deadline(const struct button_irq_debounce *d)
{
	if (d->unconfirmed)
		return d->unconfirmed_time + BUTTON_IRQ_CONFIRM_NS;
	if (d->window_open)
		return button_irq_debounce_window_end(d);
	return BUTTON_IRQ_NO_DEADLINE;
}

static inline void button_irq_debounce_open(struct button_irq_debounce *d, u64 start)
{
	d->window_open = d->window_ns != 0;
	d->window_start = start;
	d->held_back = false;
}

/* Add to a counter that sysfs may read at the same time. */
static inline void button_irq_debounce_count(unsigned long *counter, int n)
{
	WRITE_ONCE(*counter, *counter + n);
}

static inline void button_irq_debounce_bounce(struct button_irq_debounce *d)
{
	button_irq_debounce_count(&d->bounces, 1);
	d->unreported++;
}

/* Change the state and make the event for a change of the line at @time. */
static void button_irq_debounce_report(struct button_irq_debounce *d, u64 time,
				       struct button_irq_report *r)
{
	if (time < d->last_report)
		time = d->last_report;
	d->last_report = time;
	WRITE_ONCE(d->state, !d->state);

	r->time = time;
	r->held = 0;
	r->count = d->unreported;
	d->unreported = 0;
	if (d->state) {
		r->type = BUTTON_IRQ_PRESS;
		button_irq_debounce_count(&d->presses, 1);
		d->pressed_at = time;
		d->pressed_known = true;
	} else {
		r->type = BUTTON_IRQ_RELEASE;
		button_irq_debounce_count(&d->releases, 1);
		if (d->pressed_known)
			r->held = time - d->pressed_at;
	}
}

/*
 * End every window that is over at @time, with the line at d->level. In eager mode a report
 * opens the next window at the end of this one rather than at @time, so that a late timer
 * changes nothing.
 *
 * Makes at most one report: afterwards d->state equals d->level, so a further window that is
 * over has nothing to report.
 */
static unsigned int button_irq_debounce_close(struct button_irq_debounce *d, u64 time,
					      struct button_irq_report *r)
{
	unsigned int n = 0;

	while (d->window_open && time >= button_irq_debounce_window_end(d)) {
		d->window_open = false;
		if (d->level == d->state)
			continue;

		/* The candidate was counted as a bounce while it was held back. */
		button_irq_debounce_count(&d->bounces, -1);
		d->unreported--;
		button_irq_debounce_report(d, d->candidate_time, &r[n++]);
		if (d->mode == BUTTON_IRQ_MODE_EAGER)
			button_irq_debounce_open(d, button_irq_debounce_window_end(d));
	}
	return n;
}

/**
 * button_irq_debounce_missed() - edges could not be recorded
 * @d: the debouncer
 * @count: how many edges
 * @time: when the loss was noticed
 * @r: room for one event
 *
 * The caller feeds a sample after the queued edges, because the lost edges leave the level open.
 *
 * Return: the number of events in @r, always 1.
 */
static inline unsigned int button_irq_debounce_missed(struct button_irq_debounce *d,
						      u32 count, u64 time,
						      struct button_irq_report *r)
{
	if (time < d->last_report)
		time = d->last_report;
	d->last_report = time;
	button_irq_debounce_count(&d->missed, count);
	/* The gap is reported here; a repeated level after the gap must not report it again. */
	d->level_from_edge = false;
	*r = (struct button_irq_report){
		.time = time, .type = BUTTON_IRQ_MISSED, .count = count,
	};
	return 1;
}

/**
 * button_irq_debounce_unseen() - the line may have moved without an edge
 * @d: the debouncer
 *
 * Called after the line was masked or the system slept. The next edge may then repeat the last
 * level although no edges were merged. The caller feeds a sample next.
 */
static inline void button_irq_debounce_unseen(struct button_irq_debounce *d)
{
	d->level_from_edge = false;
}

/**
 * button_irq_debounce_edge() - an edge was recorded
 * @d: the debouncer
 * @level: the level that the top half read; BUTTON_IRQ_LEVEL_UNKNOWN means the opposite
 *	of the last level
 * @time: nanoseconds; edges are fed in the order of their times
 * @r: room for BUTTON_IRQ_REPORTS events
 *
 * After edges of unknown level the caller feeds a sample.
 *
 * Return: the number of events in @r.
 */
static inline unsigned int button_irq_debounce_edge(struct button_irq_debounce *d,
						    enum button_irq_level level, u64 time,
						    struct button_irq_report *r)
{
	/* The window may be over before its timer ran: the line kept its level until this edge. */
	unsigned int n = d->window_open ? button_irq_debounce_close(d, time, r) : 0;
	bool repeated;

	button_irq_debounce_count(&d->edges, 1);
	d->unconfirmed = false;
	d->guessed = level == BUTTON_IRQ_LEVEL_UNKNOWN;
	if (d->guessed)
		level = !d->level;
	repeated = d->level_from_edge && d->level == level;
	d->level = level;

	if (d->window_ns && d->mode == BUTTON_IRQ_MODE_SETTLE) {
		if (!d->window_open) {
			if (repeated)
				button_irq_debounce_count(&d->glitches, 1);
			button_irq_debounce_open(d, time);
		}
		d->window_start = time;
		if (!d->held_back)
			d->candidate_time = time;
		d->held_back = true;
		button_irq_debounce_bounce(d);
	} else if (d->window_open) {
		d->candidate_time = time;
		d->held_back = true;
		button_irq_debounce_bounce(d);
	} else if (d->level != d->state) {
		button_irq_debounce_report(d, time, &r[n++]);
		button_irq_debounce_open(d, time);
	} else {
		button_irq_debounce_bounce(d);
		if (repeated && d->window_ns)
			button_irq_debounce_count(&d->glitches, 1);
		else if (repeated)
			n += button_irq_debounce_missed(d, 1, time, &r[n]);
	}
	/* Set after reporting a gap, which clears it: this edge is the first one after the gap. */
	d->level_from_edge = true;
	return n;
}

/**
 * button_irq_debounce_sample() - the line's level was read
 * @d: the debouncer
 * @level: the level, or BUTTON_IRQ_LEVEL_UNKNOWN if the chip failed, which counts as the
 *	level after the last edge
 * @time: when the level was read, in nanoseconds; every earlier edge has been fed
 * @r: room for BUTTON_IRQ_REPORTS events
 *
 * May be called at any time, and must be called at the deadline or later. A call before
 * the window is over gives no event.
 *
 * Return: the number of events in @r.
 */
static inline unsigned int button_irq_debounce_sample(struct button_irq_debounce *d,
						      enum button_irq_level level, u64 time,
						      struct button_irq_report *r)
{
	if (d->window_open && time < button_irq_debounce_window_end(d)) {
		/* The window was lengthened after an unconfirmed sample: forget that sample. */
		d->unconfirmed = false;
		return 0;
	}
	if (level == BUTTON_IRQ_LEVEL_UNKNOWN)
		level = d->level;

	if (level == d->level || (d->window_open && d->held_back && d->guessed)) {
		/* The last edge explains the level, or a held-back edge whose level was guessed. */
		if (d->level != level) {
			d->level = level;
			d->level_from_edge = false;
		}
		d->unconfirmed = false;
		return button_irq_debounce_close(d, time, r);
	}

	/*
	 * The sample contradicts the last edge. Its interrupt may still be in flight: wait for
	 * it before believing the sample.
	 */
	if (!d->unconfirmed) {
		d->unconfirmed = true;
		d->unconfirmed_time = time;
		return 0;
	}
	if (time < d->unconfirmed_time + BUTTON_IRQ_CONFIRM_NS)
		return 0;

	/* No edge followed: the controller merged it. The held-back edges stay bounces. */
	d->unconfirmed = false;
	d->window_open = false;
	d->level = level;
	d->level_from_edge = false;
	if (d->level == d->state)
		return 0;

	button_irq_debounce_count(&d->inferred, 1);
	button_irq_debounce_report(d, d->unconfirmed_time, &r[0]);
	button_irq_debounce_open(d, time);
	return 1;
}

/**
 * button_irq_debounce_wake() - the line woke the system
 * @d: the debouncer
 * @time: when the interrupt was delivered after the sleep, in nanoseconds
 * @r: room for BUTTON_IRQ_REPORTS events
 *
 * The wake-up consumed an edge, so the change is reported even if it cannot be sampled any more.
 * The caller feeds a sample next, which reports the change back if the line has returned.
 *
 * Return: the number of events in @r.
 */
static inline unsigned int button_irq_debounce_wake(struct button_irq_debounce *d, u64 time,
						    struct button_irq_report *r)
{
	unsigned int n = button_irq_debounce_close(d, time, r);

	d->unconfirmed = false;
	/* Within a window the level at its end decides. The time of the wake-up is not kept. */
	if (d->window_open)
		return n;

	d->level = !d->state;
	d->level_from_edge = false;
	button_irq_debounce_count(&d->inferred, 1);
	button_irq_debounce_report(d, time, &r[n++]);
	button_irq_debounce_open(d, time);
	return n;
}

#endif /* BUTTON_IRQ_DEBOUNCE_H */
