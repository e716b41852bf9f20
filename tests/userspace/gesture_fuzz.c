// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the gesture engine. A promise (gestures_time()) means that every event up to a time has
 * been fed. Any history must give gestures in the order of their times, and the same gestures
 * whether promises are made as early as possible, or only before gaps and at the end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../userspace/button-irq/gesture.h"

#define GESTURES_MAX	4096

struct list {
	struct gesture f[GESTURES_MAX];
	unsigned int n;
};

static void require(bool claim, const char *what)
{
	if (claim)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void take(void *data, const struct gesture *f)
{
	struct list *list = data;

	require(list->n < GESTURES_MAX, "too many gestures");
	require(f->type < GESTURE_TYPES, "a type that does not exist");
	require(f->known >= f->time, "known before its time");
	list->f[list->n++] = *f;
}

/* Times must not go back, except at a click, which may have waited for a second press. */
static void check_order(const struct list *list)
{
	unsigned int i;

	for (i = 1; i < list->n; i++)
		require(list->f[i].time >= list->f[i - 1].time || list->f[i].type == GESTURE_CLICK,
			"times go back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct list prompt, late;
	struct gestures a = { .hold_ns = 50, .double_ns = 20 }, b;
	__u64 time = 0, step, pressed_at = 0;
	size_t i;

	if (size < 3 || size > 300)
		return 0;
	a.hold_ns = 1 + data[0];
	a.double_ns = data[1];
	/* A shorter repeat time would give more gestures than fit into the list. */
	a.repeat_ns = data[2] ? 32 + data[2] : 0;
	b = a;
	prompt.n = late.n = 0;
	for (i = 3; i + 1 < size; i += 2) {
		struct button_irq_event e = { .seq = i, .count = 1, .type = data[i] % 8 };

		/* The prompt engine gets a promise for each moment up to the next event. */
		for (step = data[i + 1]; step; step--)
			gestures_time(&a, ++time, take, &prompt);
		/* The event comes one moment later, so no promise covers its time. */
		e.timestamp_ns = ++time;
		/* Without a promise before a gap, the late engine could miss a hold. */
		if (e.type == BUTTON_IRQ_LOST)
			gestures_time(&b, time - 1, take, &late);
		if (e.type == BUTTON_IRQ_PRESS)
			pressed_at = time;
		if (e.type == BUTTON_IRQ_RELEASE)
			e.held_ns = time - pressed_at;
		gestures_event(&a, &e, take, &prompt);
		gestures_time(&a, time, take, &prompt);
		gestures_event(&b, &e, take, &late);
	}
	gestures_time(&a, time + 1000, take, &prompt);
	gestures_time(&b, time + 1000, take, &late);
	check_order(&prompt);
	require(prompt.n == late.n, "read late, more or fewer gestures come out");
	for (i = 0; i < late.n; i++)
		require(prompt.f[i].type == late.f[i].type && prompt.f[i].seq == late.f[i].seq &&
			prompt.f[i].time == late.f[i].time && prompt.f[i].held == late.f[i].held &&
			prompt.f[i].known == late.f[i].known, "read late, other gestures come out");
	gestures_end(&a, take, &prompt);
	require(gestures_deadline(&a) == GESTURE_NO_DEADLINE, "something is due after the end");
	return 0;
}
