/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debounce_check.h - feeds a debouncer and checks its invariants after every input
 *
 * Only run_compare() compares with the model. All other checks are invariants.
 */
#ifndef DEBOUNCE_CHECK_H
#define DEBOUNCE_CHECK_H

#include <stdio.h>
#include <string.h>

#include "debounce_model.h"

/* A debouncer with its history. To go back to an earlier input, restore d, n and outs. */
struct run {
	struct button_irq_debounce d;
	bool bound_pressed;
	bool loose;			/* times may step back a little */
	unsigned int n;
	unsigned int outs;
	struct input in[MODEL_MAX];
	struct output out[3 * MODEL_MAX];
};

/* More than a quiet line needs: end of window, contradiction, confirmation, end of window. */
#define QUIET_SAMPLES	6

static inline const char *level_name(enum button_irq_level level)
{
	return level == BUTTON_IRQ_LEVEL_UNKNOWN ? "unknown" :
	       level == BUTTON_IRQ_LEVEL_PRESSED ? "pressed" : "released";
}

static inline void print_report(const char *who, const struct button_irq_report *r)
{
	static const char * const name[] = { "?", "press", "release", "lost", "missed" };

	printf("#     %s %s time %llu held %llu count %u\n", who, name[r->type <= 4 ? r->type : 0],
	       r->time, r->held, r->count);
}

static inline bool same_report(const struct button_irq_report *a,
			       const struct button_irq_report *b)
{
	return a->type == b->type && a->time == b->time && a->held == b->held &&
	       a->count == b->count;
}

/* Returns the first input after which the events differ from the model's, or run->n if none do. */
static inline unsigned int run_differs(const struct run *run, const struct model *m)
{
	unsigned int o, at = run->n;

	for (o = 0; o < run->outs && o < m->outs; o++)
		if (run->out[o].at != m->out[o].at || !same_report(&run->out[o].r, &m->out[o].r))
			break;
	if (o < run->outs)
		at = run->out[o].at;
	if (o < m->outs && m->out[o].at < at)
		at = m->out[o].at;
	return at;
}

/*
 * Prints the history and its events as TAP comments. With a model, stops at the first input whose
 * events differ, and prints the model's events there.
 */
static inline void run_print(const struct run *run, const struct model *m)
{
	unsigned int n = m ? run_differs(run, m) + 1 : run->n;
	unsigned int i, o;

	if (n > run->n)
		n = run->n;
	printf("# bound %s\n", run->bound_pressed ? "pressed" : "released");
	for (i = 0; i < n; i++) {
		const struct input *in = &run->in[i];

		switch (in->op) {
		case EDGE:
			printf("# %llu edge %s\n", in->time, level_name(in->level));
			break;
		case SAMPLE:
			printf("# %llu sample %s\n", in->time, level_name(in->level));
			break;
		case MISSED:
			printf("# %llu missed %u\n", in->time, in->count);
			break;
		case UNSEEN:
			printf("# %llu unseen\n", in->time);
			break;
		case WAKE:
			printf("# %llu wake\n", in->time);
			break;
		case CONFIGURE:
			printf("# %llu configure %llu ns %s\n", in->time, in->window_ns,
			       in->mode == BUTTON_IRQ_MODE_EAGER ? "eager" : "settle");
			break;
		}
		for (o = 0; o < run->outs; o++)
			if (run->out[o].at == i)
				print_report("got ", &run->out[o].r);
		for (o = 0; m && i == n - 1 && o < m->outs; o++)
			if (m->out[o].at == i)
				print_report("want", &m->out[o].r);
	}
}

static inline void run_start(struct run *run, bool bound_pressed)
{
	button_irq_debounce_init(&run->d, bound_pressed);
	run->bound_pressed = bound_pressed;
	run->loose = false;
	run->n = 0;
	run->outs = 0;
}

static inline unsigned int call_debouncer(struct button_irq_debounce *d, const struct input *in,
					  struct button_irq_report *r)
{
	switch (in->op) {
	case EDGE:
		return button_irq_debounce_edge(d, in->level, in->time, r);
	case SAMPLE:
		return button_irq_debounce_sample(d, in->level, in->time, r);
	case MISSED:
		return button_irq_debounce_missed(d, in->count, in->time, r);
	case WAKE:
		return button_irq_debounce_wake(d, in->time, r);
	case UNSEEN:
		button_irq_debounce_unseen(d);
		return 0;
	case CONFIGURE:
		button_irq_debounce_configure(d, in->window_ns, in->mode);
		return 0;
	}
	return 0;
}

/* Checks that every edge became an event or is counted as a bounce. */
static inline const char *check_counters(const struct button_irq_debounce *d)
{
	if (d->edges + d->inferred != d->presses + d->releases + d->bounces)
		return "edges + inferred != presses + releases + bounces";
	if (d->bounces > d->edges)
		return "more bounces than edges";
	if (d->glitches > d->bounces)
		return "more glitches than bounces";
	if (d->unreported > d->bounces)
		return "more unreported bounces than bounces";
	return NULL;
}

/*
 * The line stays at @level from now on. If the driver samples it (at once, if @look) and then
 * whenever a sample is due, samples must end, with the state equal to @level.
 */
static inline const char *check_quiet(struct button_irq_debounce d, u64 now, bool level, bool look)
{
	struct button_irq_report r[BUTTON_IRQ_REPORTS];
	unsigned int i, changes = 0, n;
	bool before = d.state;
	const char *wrong;
	u64 due;

	for (i = 0; i <= QUIET_SAMPLES; i++) {
		if (i || !look) {
			due = button_irq_debounce_deadline(&d);
			if (due == BUTTON_IRQ_NO_DEADLINE)
				break;
			now = due > now ? due : now;
		}
		n = button_irq_debounce_sample(&d, level, now, r);
		if (n > 1)
			return "a sample gave more than one event";
		changes += n;
		wrong = check_counters(&d);
		if (wrong)
			return wrong;
	}
	if (i > QUIET_SAMPLES)
		return "samples at the deadline do not end";
	if (d.state != level)
		return "after quiet and samples the state is not the line's level";
	if (changes > (before == level ? 2 : 3))
		return "a quiet line gave too many events";
	return NULL;
}

/*
 * At most one press or release per window. In eager mode, a whole window therefore fits between
 * the first and the third of three events in a row; in settle mode, between any two. This holds
 * only if the settings did not change and every edge was seen.
 */
static inline const char *check_spacing(const struct run *run)
{
	unsigned int apart = run->d.mode == BUTTON_IRQ_MODE_EAGER ? 2 : 1;
	unsigned int i, o = run->outs;

	if (run->d.inferred || run->d.missed || run->loose || o <= apart)
		return NULL;
	if (run->out[o - 1].r.time - run->out[o - 1 - apart].r.time >= run->d.window_ns)
		return NULL;
	for (i = 1; i < run->n; i++)
		if (run->in[i].op == CONFIGURE)
			return NULL;
	return "more than one event in a window";
}

/* Feeds @in, and records it and its events. Returns NULL, or a text about what is wrong. */
static inline const char *run_feed(struct run *run, struct input in)
{
	struct button_irq_report r[BUTTON_IRQ_REPORTS + 1];
	struct button_irq_debounce *d = &run->d;
	u64 due = button_irq_debounce_deadline(d);
	unsigned int changes = 0, at = run->n, i, n;
	bool state = d->state, doubt = d->unconfirmed;
	const char *wrong;

	/* Guard the element after the debouncer's array. */
	memset(&r[BUTTON_IRQ_REPORTS], 0x5a, sizeof(r[0]));

	run->in[run->n++] = in;
	n = call_debouncer(d, &in, r);
	if (n > BUTTON_IRQ_REPORTS)
		return "too many events";
	for (i = 0; i < sizeof(r[0]); i++)
		if (((unsigned char *)&r[BUTTON_IRQ_REPORTS])[i] != 0x5a)
			return "wrote past the end of the array of events";

	for (i = 0; i < n; i++) {
		struct output *o = &run->out[run->outs];

		o->at = at;
		o->r = r[i];
		if (run->outs && o->r.time < o[-1].r.time)
			return "time went backwards";
		if (o->r.held && o->r.type != BUTTON_IRQ_RELEASE)
			return "an event other than a release has a held time";
		run->outs++;
		if (o->r.type == BUTTON_IRQ_MISSED) {
			if (in.op != MISSED && (in.op != EDGE || d->window_ns))
				return "a missed event without a gap";
			continue;
		}
		if (o->r.type != (state ? BUTTON_IRQ_RELEASE : BUTTON_IRQ_PRESS))
			return "press and release do not alternate";
		state = !state;
		changes++;
		wrong = check_spacing(run);
		if (wrong)
			return wrong;
	}
	if (state != d->state)
		return "the state differs from the reported one";
	if (in.op == SAMPLE && changes > 1)
		return "a sample gave more than one event";
	if (in.op == CONFIGURE && n)
		return "settings gave an event";

	wrong = check_counters(d);
	if (wrong)
		return wrong;

	if (in.op == SAMPLE) {
		if (n && in.time < due && !doubt)
			return "an early sample gave an event";
		/* Otherwise a timer set to the deadline would expire again and again. */
		if (button_irq_debounce_deadline(d) <= in.time)
			return "a sample is due at once again";
	}
	return NULL;
}

/* Whichever level the line stays at from now on, the state must become that level. */
static inline const char *run_quiet(const struct run *run)
{
	const struct input *last = &run->in[run->n - 1];
	const char *wrong;

	wrong = check_quiet(run->d, last->time, false, true);
	if (!wrong)
		wrong = check_quiet(run->d, last->time, true, true);
	/* An edge with a known level needs no sample other than those that are due. */
	if (!wrong && last->op == EDGE && last->level != BUTTON_IRQ_LEVEL_UNKNOWN)
		wrong = check_quiet(run->d, last->time, last->level, false);
	return wrong;
}

/* Compares events and counters with the model's for the same history. */
static inline const char *run_compare(const struct run *run, struct model *m)
{
	const struct button_irq_debounce *d = &run->d;

	model_run(m, run->in, run->n, run->bound_pressed);
	if (m->outs != run->outs || run_differs(run, m) != run->n)
		return "the events differ from the model's";
	if (m->edges != d->edges || m->inferred != d->inferred || m->missed != d->missed ||
	    m->glitches != d->glitches ||
	    m->state != d->state)
		return "the counters or the state differ from the model's";
	return NULL;
}

#endif /* DEBOUNCE_CHECK_H */
