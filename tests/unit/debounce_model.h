/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debounce_model.h - a second implementation of button_irq_debounce.h, in another way
 *
 * The debouncer sees one input at a time and keeps its state in flags. The model gets the whole
 * history and has no such flags. It cuts the history into windows and treats all inputs of a
 * window together. Where the debouncer has to wait for a second sample, the model looks ahead.
 * Counters, clamped times, held times and counts are computed at the end, from the complete list
 * of changes.
 *
 * How the model follows each rule:
 *
 *  - Eager mode reports the first edge at once: in model_idle(), an edge to the other level is
 *    a change.
 *  - Edges within the window are ignored, and at its end a level that differs from the reported
 *    state is reported: model_window() steps over every input before the window's end and keeps
 *    only the level after the last edge. The first edge, wake-up or sample at or after the end
 *    is the first moment at which the debouncer can know that the window is over.
 *  - The event has the time of an edge, not of the timer: a change carries the time of an edge
 *    in the window.
 *  - A report opens a window: in eager mode, the new window starts where the old one ended.
 *  - Settle mode reports once the line was quiet for a debounce time: each edge moves the start
 *    of the window.
 *  - A contradicting sample counts only if a second one agrees: model_second_look() searches the
 *    rest of the history for that sample, up to an input that shows the level in another way.
 *  - An edge whose level equals that of the last edge means that two edges were merged: the
 *    model looks back through the history for the input that moved the line last.
 *  - Times never go backwards, the release of a button bound pressed is held 0, and counts are
 *    those since the event before: model_tell() computes these from the complete list.
 */
#ifndef DEBOUNCE_MODEL_H
#define DEBOUNCE_MODEL_H

#include <stddef.h>

#include "button_irq_debounce.h"

#define MODEL_MAX	400

enum input_op { EDGE, SAMPLE, MISSED, WAKE, UNSEEN, CONFIGURE };

/* One call into the debouncer. */
struct input {
	enum input_op op;
	enum button_irq_level level;	/* EDGE, SAMPLE */
	u64 time;
	u64 window_ns;			/* CONFIGURE */
	u32 mode;			/* CONFIGURE */
	u32 count;			/* MISSED */
};

struct output {
	unsigned int at;		/* the input that gave it */
	struct button_irq_report r;
};

/* Why the state changed: this edge, an edge that was held back, or only samples or a wake-up. */
enum model_reason { AT_ONCE, HELD_BACK, INFERRED };

struct model {
	/* the history */
	const struct input *in;
	unsigned int n;
	bool bound_pressed;
	/* settings in force at each input */
	u64 window[MODEL_MAX];
	u32 mode[MODEL_MAX];
	/* results for each input */
	bool not_edge[MODEL_MAX];	/* after it, the level is not that of an edge */
	bool gap[MODEL_MAX];		/* an edge that shows that another is missing */
	bool glitch[MODEL_MAX];		/* the same with debouncing, which counts it only */
	/* changes of the reported state, in order; they alternate */
	struct {
		unsigned int at;
		u64 time;
		enum model_reason reason;
	} change[2 * MODEL_MAX];
	unsigned int changes;
	bool state;
	/* the result */
	struct output out[3 * MODEL_MAX];
	unsigned int outs;
	unsigned long edges;
	unsigned long inferred;
	unsigned long missed;
	unsigned long glitches;
};

static inline void model_change(struct model *m, unsigned int at, u64 time,
				enum model_reason reason)
{
	m->change[m->changes].at = at;
	m->change[m->changes].time = time;
	m->change[m->changes].reason = reason;
	m->changes++;
	m->state = !m->state;
}

/* Returns the level after the edge @in: if unknown, the opposite of the level before. */
static inline bool model_resolve(const struct input *in, bool line)
{
	return in->level == BUTTON_IRQ_LEVEL_UNKNOWN ? !line : in->level;
}

/*
 * Sample @j has a level that no edge explains. Returns the input that decides whether to believe
 * it. A sample of the same level, late enough, confirms it (*@confirmed). An edge, a wake-up or
 * a sample of another level refutes it. So does a sample within the window that started at
 * *@start, if there is one: a new, longer debounce time has opened that window again.
 */
static inline unsigned int model_second_look(const struct model *m, unsigned int j,
					     const u64 *start, bool *confirmed)
{
	unsigned int k;

	*confirmed = false;
	for (k = j + 1; k < m->n; k++) {
		const struct input *in = &m->in[k];

		if (in->op == MISSED || in->op == UNSEEN || in->op == CONFIGURE)
			continue;
		if (in->op != SAMPLE || in->level != m->in[j].level)
			break;
		if (start && in->time < *start + m->window[k])
			break;
		*confirmed = in->time >= m->in[j].time + BUTTON_IRQ_CONFIRM_NS;
		if (*confirmed)
			break;
	}
	return k;
}

/*
 * A window starts at @start, and @i is the first input to process. Processes this window and all
 * that follow without a break. Returns the first input after them.
 */
static inline unsigned int model_window(struct model *m, unsigned int i, u64 start)
{
	bool line = m->state;
	bool held = false;
	bool guess = false;
	bool confirmed;
	u64 candidate = 0;
	unsigned int k;

	for (; i < m->n; i++) {
		const struct input *in = &m->in[i];

		if (in->op == MISSED || in->op == UNSEEN || in->op == CONFIGURE)
			continue;

		if (in->time < start + m->window[i]) {
			/* In the window: only edges matter. */
			if (in->op != EDGE)
				continue;
			line = model_resolve(in, line);
			guess = in->level == BUTTON_IRQ_LEVEL_UNKNOWN;
			if (!held || m->mode[i] == BUTTON_IRQ_MODE_EAGER)
				candidate = in->time;
			held = true;
			if (m->mode[i] == BUTTON_IRQ_MODE_SETTLE)
				start = in->time;
			continue;
		}

		/* The window is over. Find the level of the line. */
		if (in->op == SAMPLE && in->level != BUTTON_IRQ_LEVEL_UNKNOWN &&
		    (bool)in->level != line) {
			if (held && guess) {
				/* The assumed level was wrong: edges were merged. */
				line = in->level;
				m->not_edge[i] = true;
			} else {
				/* The sample contradicts a level that an edge had read. */
				k = model_second_look(m, i, &start, &confirmed);
				if (!confirmed) {
					i = k - 1;
					continue;
				}
				m->not_edge[k] = true;
				if ((bool)in->level == m->state)
					return k + 1;
				model_change(m, k, in->time, INFERRED);
				return m->window[k] ? model_window(m, k + 1, m->in[k].time) : k + 1;
			}
		}
		if (line == m->state)
			return in->op == SAMPLE ? i + 1 : i;

		model_change(m, i, candidate, HELD_BACK);
		if (!m->window[i] || m->mode[i] == BUTTON_IRQ_MODE_SETTLE)
			return in->op == SAMPLE ? i + 1 : i;
		/* The next window starts here. This input may lie after its end, too. */
		start += m->window[i];
		held = false;
		i--;
	}
	return i;
}

/* Returns whether the level before edge @i was that of an edge. */
static inline bool model_after_edge(const struct model *m, unsigned int i)
{
	while (i-- > 0) {
		if (m->in[i].op == EDGE)
			return true;
		if (m->in[i].op == MISSED || m->not_edge[i])
			return false;
	}
	/* The level at binding counts as that of an edge. */
	return true;
}

/* Processes input @i while no window is open and the line is at the reported state. */
static inline unsigned int model_idle(struct model *m, unsigned int i)
{
	const struct input *in = &m->in[i];
	bool confirmed, repeated;
	unsigned int k;

	switch (in->op) {
	case EDGE:
		repeated = model_resolve(in, m->state) == m->state && model_after_edge(m, i);
		m->gap[i] = repeated && !m->window[i];
		m->glitch[i] = repeated && m->window[i];
		if (m->window[i] && m->mode[i] == BUTTON_IRQ_MODE_SETTLE)
			return model_window(m, i, in->time);
		if (model_resolve(in, m->state) == m->state)
			return i + 1;
		model_change(m, i, in->time, AT_ONCE);
		break;
	case WAKE:
		m->not_edge[i] = true;
		model_change(m, i, in->time, INFERRED);
		break;
	case SAMPLE:
		if (in->level == BUTTON_IRQ_LEVEL_UNKNOWN || (bool)in->level == m->state)
			return i + 1;
		k = model_second_look(m, i, NULL, &confirmed);
		if (!confirmed)
			return k;
		m->not_edge[k] = true;
		model_change(m, k, in->time, INFERRED);
		i = k;
		break;
	default:
		return i + 1;
	}
	return m->window[i] ? model_window(m, i + 1, m->in[i].time) : i + 1;
}

static inline void model_output(struct model *m, unsigned int at, u64 time, u32 type,
				unsigned long count)
{
	struct output *o = &m->out[m->outs];

	o->at = at;
	o->r.type = type;
	o->r.count = count;
	o->r.held = 0;
	o->r.time = m->outs && time < o[-1].r.time ? o[-1].r.time : time;
	m->outs++;
}

/* Makes events from the changes, from the gaps, and from missed edges among the inputs. */
static inline void model_tell(struct model *m)
{
	const struct output *press = NULL;
	bool state = m->bound_pressed;
	unsigned long told = 0;
	unsigned int i, c = 0;

	for (i = 0; i < m->n; i++) {
		bool gap = m->in[i].op == MISSED || m->gap[i];

		for (; c < m->changes && m->change[c].at == i; c++) {
			struct output *o = &m->out[m->outs];
			/* An edge that ends a window counts after that window's event. */
			bool own = m->change[c].reason == AT_ONCE;
			unsigned long bounces;

			/* c + 1 edges or inferred changes became events, the rest bounced. */
			m->inferred += m->change[c].reason == INFERRED;
			bounces = m->edges + own + m->inferred - (c + 1);

			state = !state;
			model_output(m, i, m->change[c].time,
				     state ? BUTTON_IRQ_PRESS : BUTTON_IRQ_RELEASE,
				     bounces - told);
			told = bounces;
			if (state)
				press = o;
			else if (press)
				o->r.held = o->r.time - press->r.time;
		}
		m->edges += m->in[i].op == EDGE;
		m->glitches += m->glitch[i];
		if (gap) {
			unsigned int count = m->gap[i] ? 1 : m->in[i].count;

			m->missed += count;
			model_output(m, i, m->in[i].time, BUTTON_IRQ_MISSED, count);
		}
	}
}

/* Runs the model on the @n inputs @in, starting with a debounce time of 0. */
static inline void model_run(struct model *m, const struct input *in, unsigned int n,
			     bool bound_pressed)
{
	u32 mode = BUTTON_IRQ_MODE_EAGER;
	u64 window = 0;
	unsigned int i;

	m->in = in;
	m->n = n;
	m->bound_pressed = bound_pressed;
	m->state = bound_pressed;
	m->changes = 0;
	m->outs = 0;
	m->edges = 0;
	m->inferred = 0;
	m->missed = 0;
	m->glitches = 0;
	for (i = 0; i < n; i++) {
		if (in[i].op == CONFIGURE) {
			window = in[i].window_ns;
			mode = in[i].mode;
		}
		m->window[i] = window;
		m->mode[i] = mode;
		m->not_edge[i] = in[i].op == UNSEEN;
		m->gap[i] = false;
		m->glitch[i] = false;
	}

	for (i = 0; i < n;)
		i = model_idle(m, i);
	model_tell(m);
}

#endif /* DEBOUNCE_MODEL_H */
