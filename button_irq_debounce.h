/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the edges of a bouncing contact to presses and releases
 *
 * A pure state machine: no clock, no timer, no lock, no allocation, nothing of the
 * kernel's, so that tests/unit can try every short input on the host. The driver's
 * thread is its only owner and the only one to call these functions.
 *
 * In go edges and samples. An edge is an interrupt that was delivered: a time, and the
 * level that the top half read or BUTTON_IRQ_LEVEL_UNKNOWN where it could not. A sample
 * is the line's level looked up later, with every edge that came before it already fed.
 * Out come events, and a deadline at which the next sample is due.
 *
 * One "window" serves both modes. Eager: a report opens it, and edges are held back
 * until it ends. Settle: an edge opens it, every further edge restarts it. Where the line
 * stands when the window ends decides: at the reported state, and what was held back
 * were bounces; elsewhere, and the held-back edge that took it there is reported, with
 * its own time.
 *
 * edges + inferred = presses + releases + bounces holds after every call: an edge that
 * is held back counts as a bounce until it turns out to be more.
 */
#ifndef BUTTON_IRQ_DEBOUNCE_H
#define BUTTON_IRQ_DEBOUNCE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <linux/types.h>
typedef __u64 u64;
typedef __u32 u32;
#endif

#include "button_irq.h"

/*
 * A sample that no edge explains counts when a second one, this much later and with no
 * edge in between, agrees: the line moves some time before its interrupt is queued.
 */
#define BUTTON_IRQ_CONFIRM_NS	1000000ULL

/* button_irq_debounce_deadline(): no sample is due. */
#define BUTTON_IRQ_NO_DEADLINE	(~0ULL)

/* The most events one call gives. */
#define BUTTON_IRQ_REPORTS	2

/* A logical level: what is "pressed" has been made up for active-low lines before. */
enum button_irq_level {
	BUTTON_IRQ_LEVEL_UNKNOWN = -1,
	BUTTON_IRQ_LEVEL_RELEASED = 0,
	BUTTON_IRQ_LEVEL_PRESSED = 1,
};

/**
 * struct button_irq_report - one event on its way out of the debouncer
 * @time: nanoseconds, on the clock of the edges
 * @held: nanoseconds a release was held, else 0
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
 * @level: where the last edge, or a sample that was believed, left the line
 * @by_edge: @level comes from an edge, so a second edge to it had a merged twin
 * @guessed: @level was not read but follows from edges alternating
 * @open: a window is open
 * @window_start: when it was opened or last restarted
 * @held_back: the window has an edge that would be reported if the line stays
 * @candidate: the time of that edge: settle, the first of the window; eager, the last
 * @doubt: a sample contradicted @level with no edge behind it
 * @doubt_time: when that was
 * @last_report: time of the last event; none goes back behind it
 * @pressed_at: when the button was pressed
 * @pressed_known: @pressed_at is known (not if pressed since before the driver bound)
 * @unreported: bounces since the last press or release
 * @edges: edges fed
 * @inferred: changes reported that only samples showed
 * @presses: presses reported
 * @releases: releases reported
 * @bounces: edges that were not reported
 * @missed: edges that are known not to have been recorded
 *
 * The counters are unsigned long so that other contexts can read them without tearing.
 */
struct button_irq_debounce {
	u64 window_ns;
	u32 mode;
	bool state;
	bool level;
	bool by_edge;
	bool guessed;
	bool open;
	bool held_back;
	bool doubt;
	bool pressed_known;
	u64 window_start;
	u64 candidate;
	u64 doubt_time;
	u64 last_report;
	u64 pressed_at;
	u32 unreported;
	unsigned long edges;
	unsigned long inferred;
	unsigned long presses;
	unsigned long releases;
	unsigned long bounces;
	unsigned long missed;
};

/**
 * button_irq_debounce_init() - start with a line whose level is known
 * @d: the debouncer
 * @pressed: the line's level
 *
 * A button that is pressed from the start is in state pressed without an event.
 */
static inline void button_irq_debounce_init(struct button_irq_debounce *d, bool pressed)
{
	*d = (struct button_irq_debounce){ .state = pressed, .level = pressed };
}

/**
 * button_irq_debounce_configure() - set time and mode
 * @d: the debouncer
 * @window_ns: debounce time in nanoseconds, 0 for none
 * @mode: BUTTON_IRQ_MODE_EAGER or BUTTON_IRQ_MODE_SETTLE
 *
 * Takes effect at once: an open window gets the new length, counted from where it
 * started. The caller feeds a sample next, which may find it over.
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
	if (d->doubt)
		return d->doubt_time + BUTTON_IRQ_CONFIRM_NS;
	if (d->open)
		return button_irq_debounce_window_end(d);
	return BUTTON_IRQ_NO_DEADLINE;
}

static inline void button_irq_debounce_open(struct button_irq_debounce *d, u64 start)
{
	d->open = d->window_ns != 0;
	d->window_start = start;
	d->held_back = false;
}

static inline void button_irq_debounce_bounce(struct button_irq_debounce *d)
{
	d->bounces++;
	d->unreported++;
}

/* The line changed at @time: the state follows, and an event is made of it. */
static inline void button_irq_debounce_report(struct button_irq_debounce *d, u64 time,
					      struct button_irq_report *r)
{
	if (time < d->last_report)
		time = d->last_report;
	d->last_report = time;
	d->state = !d->state;

	r->time = time;
	r->held = 0;
	r->count = d->unreported;
	d->unreported = 0;
	if (d->state) {
		r->type = BUTTON_IRQ_PRESS;
		d->presses++;
		d->pressed_at = time;
		d->pressed_known = true;
	} else {
		r->type = BUTTON_IRQ_RELEASE;
		d->releases++;
		if (d->pressed_known)
			r->held = time - d->pressed_at;
	}
}

/*
 * End every window that is over at @time, with the line at d->level. A report that comes
 * of it opens the next eager window where this one ended, not where a late timer saw it
 * end: lateness changes nothing.
 *
 * At most one report: after it the state is the level, and no later window can differ.
 */
static inline unsigned int button_irq_debounce_close(struct button_irq_debounce *d, u64 time,
						     struct button_irq_report *r)
{
	unsigned int n = 0;

	while (d->open && time >= button_irq_debounce_window_end(d)) {
		d->open = false;
		if (d->level == d->state)
			continue;

		/* One of the edges that were held back was no bounce. */
		d->bounces--;
		d->unreported--;
		button_irq_debounce_report(d, d->candidate, &r[n++]);
		if (d->mode == BUTTON_IRQ_MODE_EAGER)
			button_irq_debounce_open(d, button_irq_debounce_window_end(d));
	}
	return n;
}

/**
 * button_irq_debounce_missed() - edges could not be recorded
 * @d: the debouncer
 * @count: how many
 * @time: when that was noticed
 * @r: room for one event
 *
 * The caller feeds a sample once its edges are fed.
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
	d->missed += count;
	/* The gap is told; the next edge is not to tell it again. */
	d->by_edge = false;
	*r = (struct button_irq_report){
		.time = time, .type = BUTTON_IRQ_MISSED, .count = count,
	};
	return 1;
}

/**
 * button_irq_debounce_edge() - an edge was recorded
 * @d: the debouncer
 * @level: the level read with it, or BUTTON_IRQ_LEVEL_UNKNOWN: then the opposite of the
 *	last one
 * @time: nanoseconds; edges come in the order of their times
 * @r: room for BUTTON_IRQ_REPORTS events
 *
 * After edges of unknown level the caller feeds a sample of where they ended.
 *
 * Return: the number of events in @r.
 */
static inline unsigned int button_irq_debounce_edge(struct button_irq_debounce *d,
						    enum button_irq_level level, u64 time,
						    struct button_irq_report *r)
{
	/* A timer that has not run yet: the line stayed where the edge before left it. */
	unsigned int n = button_irq_debounce_close(d, time, r);
	bool repeated;

	d->edges++;
	d->doubt = false;
	d->guessed = level == BUTTON_IRQ_LEVEL_UNKNOWN;
	if (d->guessed)
		level = !d->level;
	repeated = d->by_edge && d->level == level;
	d->level = level;

	if (d->window_ns && d->mode == BUTTON_IRQ_MODE_SETTLE) {
		if (!d->open)
			button_irq_debounce_open(d, time);
		d->window_start = time;
		if (!d->held_back)
			d->candidate = time;
		d->held_back = true;
		button_irq_debounce_bounce(d);
	} else if (d->open) {
		d->candidate = time;
		d->held_back = true;
		button_irq_debounce_bounce(d);
	} else if (d->level != d->state) {
		button_irq_debounce_report(d, time, &r[n++]);
		button_irq_debounce_open(d, time);
	} else {
		button_irq_debounce_bounce(d);
		if (repeated && !d->window_ns)
			n += button_irq_debounce_missed(d, 1, time, &r[n]);
	}
	/* After the gap that this edge told of, for it came behind that. */
	d->by_edge = true;
	return n;
}

/**
 * button_irq_debounce_sample() - the line was looked at
 * @d: the debouncer
 * @level: what was seen, or BUTTON_IRQ_LEVEL_UNKNOWN (the chip failed): the edges are
 *	believed then
 * @time: when, in nanoseconds; every edge that came before has been fed
 * @r: room for BUTTON_IRQ_REPORTS events
 *
 * May be called at any time; before a window is over it says nothing. To be called at
 * the deadline, late is fine.
 *
 * Return: the number of events in @r.
 */
static inline unsigned int button_irq_debounce_sample(struct button_irq_debounce *d,
						      enum button_irq_level level, u64 time,
						      struct button_irq_report *r)
{
	if (d->open && time < button_irq_debounce_window_end(d)) {
		/* Over when the doubt arose, but made longer since. */
		d->doubt = false;
		return 0;
	}
	if (level == BUTTON_IRQ_LEVEL_UNKNOWN)
		level = d->level;

	if (level == d->level || (d->open && d->held_back && d->guessed)) {
		/* An edge explains it. */
		if (d->level != level) {
			d->level = level;
			d->by_edge = false;
		}
		d->doubt = false;
		return button_irq_debounce_close(d, time, r);
	}

	/* Not where the edges left the line. Is one on its way? That is to decide then. */
	if (!d->doubt) {
		d->doubt = true;
		d->doubt_time = time;
		return 0;
	}
	if (time < d->doubt_time + BUTTON_IRQ_CONFIRM_NS)
		return 0;

	/* No: it was merged. What the window held back were bounces. */
	d->doubt = false;
	d->open = false;
	d->level = level;
	d->by_edge = false;
	if (d->level == d->state)
		return 0;

	d->inferred++;
	button_irq_debounce_report(d, d->doubt_time, &r[0]);
	button_irq_debounce_open(d, time);
	return 1;
}

/**
 * button_irq_debounce_wake() - the line woke the system
 * @d: the debouncer
 * @time: when the interrupt was replayed, in nanoseconds
 * @r: room for BUTTON_IRQ_REPORTS events
 *
 * The edge itself was swallowed by the wake-up, but there was one: the change is
 * reported, and if the line is back by now, a sample reports that too. The caller feeds
 * a sample next.
 *
 * Return: the number of events in @r.
 */
static inline unsigned int button_irq_debounce_wake(struct button_irq_debounce *d, u64 time,
						    struct button_irq_report *r)
{
	unsigned int n = button_irq_debounce_close(d, time, r);

	d->doubt = false;
	/* Within a window its end decides, as for any edge. */
	if (d->open)
		return n;

	d->level = !d->state;
	d->by_edge = false;
	d->inferred++;
	button_irq_debounce_report(d, time, &r[n++]);
	button_irq_debounce_open(d, time);
	return n;
}

#endif /* BUTTON_IRQ_DEBOUNCE_H */
