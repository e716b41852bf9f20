// SPDX-License-Identifier: GPL-2.0
#include "gesture.h"

const char *const gesture_names[GESTURE_TYPES] = {
	[GESTURE_PRESS] = "press",
	[GESTURE_RELEASE] = "release",
	[GESTURE_CLICK] = "click",
	[GESTURE_DOUBLE] = "double",
	[GESTURE_HOLD] = "hold",
};

__u64 gestures_deadline(const struct gestures *g)
{
	if (g->waiting)
		return g->click.time + g->double_ns;
	if (g->pressed && !g->spent)
		return g->pressed_at + g->hold_ns;
	return GESTURE_NO_DEADLINE;
}

unsigned int gestures_time(struct gestures *g, __u64 time, struct gesture *out)
{
	if (time < gestures_deadline(g))
		return 0;
	if (g->waiting) {
		g->waiting = false;
		*out = g->click;
	} else {
		g->spent = true;
		*out = (struct gesture){
			.type = GESTURE_HOLD, .seq = g->seq, .time = g->pressed_at + g->hold_ns,
			.held = g->hold_ns,
		};
	}
	return 1;
}

static unsigned int press(struct gestures *g, const struct button_irq_event *e, struct gesture *out)
{
	unsigned int n = 0;

	out[n++] = (struct gesture){
		.type = GESTURE_PRESS, .seq = e->seq, .time = e->timestamp_ns,
	};
	g->pressed = true;
	g->pressed_at = e->timestamp_ns;
	g->spent = g->waiting;
	if (g->waiting)
		out[n++] = (struct gesture){
			.type = GESTURE_DOUBLE, .seq = e->seq, .time = e->timestamp_ns,
		};
	g->waiting = false;
	return n;
}

static unsigned int release(struct gestures *g, const struct button_irq_event *e,
			    struct gesture *out)
{
	struct gesture click = {
		.type = GESTURE_CLICK, .seq = e->seq, .time = e->timestamp_ns, .held = e->held_ns,
	};
	unsigned int n = 0;

	out[n] = click;
	out[n++].type = GESTURE_RELEASE;
	if (!g->pressed || g->spent || !e->held_ns) {
		g->pressed = false;
		return n;
	}
	g->pressed = false;
	if (g->double_ns) {
		g->waiting = true;
		g->click = click;
	} else {
		out[n++] = click;
	}
	return n;
}

unsigned int gestures_event(struct gestures *g, const struct button_irq_event *e, struct gesture *out)
{
	unsigned int n = 0;

	g->seq = e->seq;
	switch (e->type) {
	case BUTTON_IRQ_PRESS:
	case BUTTON_IRQ_RELEASE:
		/* Up to now nothing else happened: a click is no double any more, or a hold is one. */
		n = gestures_time(g, e->timestamp_ns, out);
		if (e->type == BUTTON_IRQ_PRESS)
			return n + press(g, e, out + n);
		return n + release(g, e, out + n);
	default:
		/*
		 * Events are missing, so what was begun is not finished by what comes next. A
		 * click that was complete stays one.
		 */
		if (g->waiting)
			out[n++] = g->click;
		g->waiting = false;
		g->pressed = false;
		return n;
	}
}
