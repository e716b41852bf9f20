// SPDX-License-Identifier: GPL-2.0-only
#include "gesture.h"

const char *const gesture_names[GESTURE_TYPES] = {
	[GESTURE_PRESS] = "press",
	[GESTURE_RELEASE] = "release",
	[GESTURE_CLICK] = "click",
	[GESTURE_DOUBLE] = "double",
	[GESTURE_HOLD] = "hold",
	[GESTURE_REPEAT] = "repeat",
};

__u64 gestures_deadline(const struct gestures *g)
{
	if (g->waiting)
		return g->click.known;
	if (g->repeating)
		return g->repeat_at;
	if (g->pressed && !g->spent)
		return g->pressed_at + g->hold_ns;
	return GESTURE_NO_DEADLINE;
}

void gestures_time(struct gestures *g, __u64 time, gesture_fn *take, void *data)
{
	__u64 due;

	while ((due = gestures_deadline(g)) <= time && due != GESTURE_NO_DEADLINE) {
		struct gesture f = {
			.type = g->repeating ? GESTURE_REPEAT : GESTURE_HOLD,
			.seq = g->press_seq, .time = due, .held = due - g->pressed_at, .known = due,
		};

		if (g->waiting) {
			g->waiting = false;
			f = g->click;
		} else {
			g->spent = true;
			g->repeating = g->repeat_ns != 0;
			g->repeat_at = due + g->repeat_ns;
		}
		take(data, &f);
	}
}

static void press(struct gestures *g, const struct button_irq_event *e, gesture_fn *take, void *data)
{
	struct gesture f = {
		.type = GESTURE_PRESS, .seq = e->seq, .time = e->timestamp_ns, .known = e->timestamp_ns,
	};

	take(data, &f);
	g->pressed = true;
	g->pressed_at = e->timestamp_ns;
	g->press_seq = e->seq;
	g->spent = g->waiting;
	g->repeating = false;
	if (!g->waiting)
		return;
	g->waiting = false;
	f.type = GESTURE_DOUBLE;
	take(data, &f);
}

static void release(struct gestures *g, const struct button_irq_event *e, gesture_fn *take, void *data)
{
	struct gesture f = {
		.type = GESTURE_RELEASE, .seq = e->seq, .time = e->timestamp_ns, .held = e->held_ns,
		.known = e->timestamp_ns,
	};
	bool click = g->pressed && !g->spent;

	take(data, &f);
	g->pressed = false;
	g->repeating = false;
	if (!click)
		return;
	f.type = GESTURE_CLICK;
	f.known += g->double_ns;
	g->click = f;
	g->waiting = g->double_ns != 0;
	if (!g->waiting)
		take(data, &f);
}

void gestures_end(struct gestures *g, gesture_fn *take, void *data)
{
	if (g->waiting)
		take(data, &g->click);
	g->waiting = false;
	g->pressed = false;
	g->repeating = false;
}

void gestures_event(struct gestures *g, const struct button_irq_event *e, gesture_fn *take, void *data)
{
	switch (e->type) {
	case BUTTON_IRQ_PRESS:
		/* No event came up to this one: a click is no double any more, or a hold is one. */
		gestures_time(g, e->timestamp_ns, take, data);
		press(g, e, take, data);
		break;
	case BUTTON_IRQ_RELEASE:
		gestures_time(g, e->timestamp_ns, take, data);
		release(g, e, take, data);
		break;
	case BUTTON_IRQ_MISSED:
		/*
		 * A reader that is on time gives out a hold before it sees this event, so a late
		 * reader must give it out too.
		 */
		gestures_time(g, e->timestamp_ns, take, data);
		gestures_end(g, take, data);
		break;
	case BUTTON_IRQ_LOST:
		gestures_end(g, take, data);
		break;
	}
}
