/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From presses and releases to clicks, double clicks and long presses
 *
 * A pure state machine on the times that events carry: it has no clock, so a program that
 * comes late reads the same gestures as one that is on time. In go events, and "it is now
 * this late and no earlier event is left to be read"; out come gestures, and the time
 * until which an event could still change what comes next.
 */
#ifndef GESTURE_H
#define GESTURE_H

#include <stdbool.h>

#include "../../button_irq.h"

enum gesture_type {
	GESTURE_PRESS,
	GESTURE_RELEASE,
	GESTURE_CLICK,		/* released before hold_ns, and no second press within double_ns */
	GESTURE_DOUBLE,		/* pressed again within double_ns of the release of a click */
	GESTURE_HOLD,		/* pressed for hold_ns */
	GESTURE_TYPES
};

extern const char *const gesture_names[GESTURE_TYPES];

/* The most that one call gives: a click that was waiting, and a press or a release with what it means. */
#define GESTURES	3

#define GESTURE_NO_DEADLINE	(~0ULL)

/* Unless somebody says otherwise: as desktops and phones have them. */
#define GESTURE_DOUBLE_NS	400000000ULL
#define GESTURE_HOLD_NS		1000000000ULL

/**
 * struct gesture - one of them
 * @type: which
 * @seq: number of the event that it ends with
 * @time: nanoseconds; of that event, but a hold's is when it had been held long enough
 * @held: nanoseconds the button was pressed: of the release (or click), or at a hold
 */
struct gesture {
	enum gesture_type type;
	__u64 seq;
	__u64 time;
	__u64 held;
};

/**
 * struct gestures - what one button is in the middle of
 * @hold_ns: so long is a hold
 * @double_ns: so soon after a click is a double; 0: nobody wants doubles, so clicks need
 *	not wait for a second press
 * @pressed: the button is down
 * @spent: this press is part of a double or a hold already, so it ends in no click
 * @pressed_at: when it went down
 * @waiting: a click that may become a double
 * @click: that click
 * @seq: number of the last event
 */
struct gestures {
	__u64 hold_ns;
	__u64 double_ns;
	bool pressed;
	bool spent;
	bool waiting;
	__u64 pressed_at;
	struct gesture click;
	__u64 seq;
};

/* Feeds an event. Returns how many gestures are in @out, which has room for GESTURES. */
unsigned int gestures_event(struct gestures *g, const struct button_irq_event *e, struct gesture *out);

/* No event up to @time is left to be read. Returns as above. */
unsigned int gestures_time(struct gestures *g, __u64 time, struct gesture *out);

/* When to call gestures_time(), on the events' clock; GESTURE_NO_DEADLINE while nothing waits. */
__u64 gestures_deadline(const struct gestures *g);

#endif /* GESTURE_H */
