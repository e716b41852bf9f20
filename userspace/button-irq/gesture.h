/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From presses and releases to clicks, double clicks, holds and repeats
 *
 * A pure state machine on the times that events carry: it has no clock, so a program that
 * reads late finds the same gestures as one that reads on time. Its input is events and
 * promises ("every event up to this time has been given"). Its output is gestures, and the
 * time until which an event could still change the next one.
 *
 * tests/gestures/vectors.txt defines which gestures follow from which events.
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
	GESTURE_REPEAT,		/* each further repeat_ns after a hold */
	GESTURE_TYPES
};

extern const char *const gesture_names[GESTURE_TYPES];

#define GESTURE_NO_DEADLINE	(~0ULL)

/* Default times, as on desktops and phones */
#define GESTURE_DOUBLE_NS	400000000ULL
#define GESTURE_HOLD_NS		1000000000ULL
#define GESTURE_REPEAT_NS	250000000ULL

/**
 * struct gesture - a gesture that was recognised
 * @type: GESTURE_*
 * @seq: number of the event that the gesture belongs to: the press of a hold, the release of a click
 * @time: nanoseconds; of that event, but of a hold or repeat, when it had been held long enough
 * @held: nanoseconds the button was pressed: of the release (or click), or at a hold or repeat
 * @known: nanoseconds; from this time on no event can change it. Later than @time only at
 *	a click that waited for a second press.
 */
struct gesture {
	enum gesture_type type;
	__u64 seq;
	__u64 time;
	__u64 held;
	__u64 known;
};

/* Takes one gesture. @data is the caller's own. */
typedef void gesture_fn(void *data, const struct gesture *f);

/**
 * struct gestures - the state of one button; zeroed but for its settings at first
 * @hold_ns: the shortest hold
 * @double_ns: the longest pause within a double click; 0: doubles are not looked for, and
 *	clicks need not wait for a second press
 * @repeat_ns: time between repeats; 0: no repeats
 * @pressed: the button is pressed, since @pressed_at
 * @spent: this press is part of a double, or a hold was given out already: its release
 *	ends no click
 * @repeating: the next repeat is due at @repeat_at
 * @waiting: @click may still become a double
 * @pressed_at: when the button was pressed
 * @press_seq: number of that event
 * @repeat_at: when the next repeat is due
 * @click: the click that waits
 */
struct gestures {
	__u64 hold_ns;
	__u64 double_ns;
	__u64 repeat_ns;
	bool pressed;
	bool spent;
	bool repeating;
	bool waiting;
	__u64 pressed_at;
	__u64 press_seq;
	__u64 repeat_at;
	struct gesture click;
};

/* Feeds one event. Gives every gesture that follows to @take. Ignores events of unknown type. */
void gestures_event(struct gestures *g, const struct button_irq_event *e, gesture_fn *take, void *data);

/* Promises that every event with a time up to @time has been fed. */
void gestures_time(struct gestures *g, __u64 time, gesture_fn *take, void *data);

/*
 * The button is gone, or events were lost. A press whose release may not be seen is no
 * hold. A click that waits is complete, so it is given out.
 */
void gestures_end(struct gestures *g, gesture_fn *take, void *data);

/* When to call gestures_time(), on the events' clock; GESTURE_NO_DEADLINE while nothing is due. */
__u64 gestures_deadline(const struct gestures *g);

#endif /* GESTURE_H */
