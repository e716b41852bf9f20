/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench.h - what the benchmark's contenders and its measurements share
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NSEC_PER_MSEC	1000000ULL
#define DEBOUNCE_US	5000
#define BATCH_MAX	64
#define FURTHER		10	/* buttons that measure what one more takes */

#define die(fmt, ...) ({								\
	fprintf(stderr, "bench: " fmt ": %s\n", ##__VA_ARGS__, strerror(errno));	\
	exit(1);									\
})

/**
 * struct bench_finger - an edge, for modules/bench_finger.c
 * @at: written: when, or 0 for at once; read: the time just before the edge
 * @level: written: the level to set, and twice the number of the line; read: the time when the
 *	   edge had been made
 */
struct bench_finger {
	__u64 at;
	__u64 level;
};

/**
 * struct bench_direct_event - what modules/bench_direct.c reports
 * @time: of the last edge
 * @edges: since the read before
 */
struct bench_direct_event {
	__u64 time;
	__u64 edges;
};

/**
 * struct reader - one open of a contender
 * @fd: what to poll
 * @poll: the poll events that say that there is something to read
 * @nonblock: take() returns false instead of waiting
 * @skim: only count events, do not look into them
 * @at: when the last read returned
 * @time: time stamp of the last event
 * @events: events that were read
 * @told: edges that the contender reported as lost
 * @disorder: events that repeat the level of the event before
 * @seqno: number of the last event, where the contender numbers them
 * @level: what the last event said: 1 pressed, 0 released, -1 none yet or unknown
 * @data: the contender's own
 */
struct reader {
	int fd;
	short poll;
	bool nonblock;
	bool skim;
	__u64 at;
	__u64 time;
	unsigned long events;
	unsigned long told;
	unsigned long disorder;
	unsigned long seqno;
	int level;
	void *data;
};

/**
 * struct variant - a contender's settings
 * @name: for the figures
 * @debounce_us: 0: none
 * @mode: button_irq: debounce_mode
 * @binary: button_irq: the format
 * @main: readers, bursts and idle time are measured with this variant
 * @line: how many lines after the contender's first
 */
struct variant {
	const char *name;
	unsigned int debounce_us;
	const char *mode;
	bool binary;
	bool main;
	unsigned int line;
};

/**
 * struct contender - one way to read a button
 * @name: on the command line and in the figures
 * @variants: settings it is measured with, up to one without a name
 * @capacity: events it keeps for a reader, where a backlog is measured
 * @waits: a reader can wait for an edge
 * @shared: several programs may read one line
 * @rising: it reports rising edges of the wire only
 * @setup: prepares a variant
 * @open: opens a reader
 * @close: closes it
 * @take: one read, for at most @batch events; false when there is none and the reader does
 *	  not block
 * @further: binds FURTHER more buttons, or unbinds them
 */
struct contender {
	const char *name;
	const struct variant *variants;
	unsigned int capacity;
	bool waits;
	bool shared;
	bool rising;
	void (*setup)(const struct variant *v);
	void (*open)(const struct variant *v, struct reader *r);
	void (*close)(struct reader *r);
	bool (*take)(const struct variant *v, struct reader *r, unsigned int batch);
	void (*further)(bool on);
};

extern const struct contender contenders[];	/* ends with one without a name */

/* The line under test, as CHIPLABEL:OFFSET. */
extern const char *line_name;

/* button_irq: the name of the node and of the directory in sysfs */
extern char button_irq_node[32];

__u64 now(void);
void sleep_ns(__u64 ns);
void write_file(const char *path, const char *text);
unsigned long proc_number(const char *path, const char *name);
bool naive_take(const struct variant *v, struct reader *r, unsigned int batch);

#endif /* BENCH_H */
