/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Analysis of recorded edges for calibrate: bursts (a contact that closes or opens, with its
 * bounces), their lengths, and a debounce time that covers them
 */
#ifndef BURSTS_H
#define BURSTS_H

#include <stdbool.h>
#include <stddef.h>

/* Edges closer together than this belong to one movement of the contact: no finger is that fast. */
#define BURST_GAP_NS	25000000ULL

/*
 * A longer burst is no bouncing contact: mains hum on an open line, or a signal, never rests. This is also the
 * driver's longest debounce time.
 */
#define BURST_MAX_NS	1000000000ULL

#define DEBOUNCE_MAX_US	1000000

/**
 * struct edge - one edge of the line
 * @time: nanoseconds
 * @pressed: the level after it
 */
struct edge {
	unsigned long long time;
	bool pressed;
};

/**
 * struct burst - edges of one movement
 * @first: index of its first edge
 * @n: how many edges
 * @bounce_ns: from the first to the last of them; 0: it did not bounce
 */
struct burst {
	size_t first;
	size_t n;
	unsigned long long bounce_ns;
};

/* Divides @n edges into bursts; @bursts has room for @n. Returns how many. */
size_t bursts_find(const struct edge *edges, size_t n, struct burst *bursts);

/* Is the last burst longer than a contact can bounce? Its edges then are no movements. */
bool bursts_endless(const struct burst *bursts, size_t n);

/**
 * bursts_debounce_us() - a debounce time that covers the recorded bounces
 * @bursts: all of them
 * @n: how many
 *
 * Half as much again as the longest bounce, rounded up to half a millisecond, at least 1 ms
 * and at most DEBOUNCE_MAX_US: contacts age, and ten presses do not show the worst.
 *
 * Return: microseconds.
 */
unsigned int bursts_debounce_us(const struct burst *bursts, size_t n);

#endif /* BURSTS_H */
