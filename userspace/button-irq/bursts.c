// SPDX-License-Identifier: GPL-2.0-only
#include "bursts.h"

size_t bursts_find(const struct edge *edges, size_t n, struct burst *bursts)
{
	size_t i, count = 0;

	for (i = 0; i < n; i++) {
		if (!i || edges[i].time - edges[i - 1].time >= BURST_GAP_NS)
			bursts[count++] = (struct burst){ .first = i };
		bursts[count - 1].n++;
		bursts[count - 1].bounce_ns = edges[i].time - edges[bursts[count - 1].first].time;
	}
	return count;
}

bool bursts_endless(const struct burst *bursts, size_t n)
{
	return n && bursts[n - 1].bounce_ns > BURST_MAX_NS;
}

unsigned int bursts_debounce_us(const struct burst *bursts, size_t n)
{
	unsigned long long longest = 0, us;
	size_t i;

	for (i = 0; i < n; i++)
		if (bursts[i].bounce_ns > longest)
			longest = bursts[i].bounce_ns;
	us = (longest * 3 / 2 + 499999) / 500000 * 500;
	return us < 1000 ? 1000 : us > DEBOUNCE_MAX_US ? DEBOUNCE_MAX_US : us;
}
