/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench.h - declarations that bench.c and contenders.c share
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
#define FURTHER		10	/* buttons added to measure what one more costs */

#define die(fmt, ...) ({								\
	fprintf(stderr, "bench: " fmt ": %s\n", ##__VA_ARGS__, strerror(errno));	\
	exit(1);									\
})

/**
 * struct bench_finger - what modules/bench_finger.c takes in write() and returns in read()
 * @at: written: the time of the edge, or 0 for at once; read: the time just before the edge
 * @level: written: the level to set plus twice the number of the line; read: the time just
 *	   after the edge
 */
struct bench_finger {
	__u64 at;
	__u64 level;
};

/**
 * struct bench_direct_event - what modules/bench_direct.c reports
 * @time: time of the last edge
 * @edges: number of edges since the read before
 */
struct bench_direct_event {
	__u64 time;
	__u64 edges;
};

/**
 * struct reader - one open of a contender
 * @fd: the file to poll
 * @poll: the poll events that mean that there is something to read
 * @nonblock: take() returns false instead of waiting
 * @skim: count events without parsing them
 * @at: time when the last read returned
 * @time: time stamp of the last event
 * @events: events that were read
 * @told: edges that the contender reported as lost
 * @disorder: events that repeat the level of the event before
 * @seqno: number of the last event, where the contender numbers them
 * @level: level in the last event: 1 pressed, 0 released, -1 no event yet or unknown
 * @data: private to the contender
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
 * @name: name in the figures
 * @debounce_us: debounce time, 0 for none
 * @mode: button_irq only: debounce_mode
 * @binary: button_irq only: binary format rather than text
 * @main: many readers, bursts and idle time are measured with this variant
 * @line: offset from the contender's first line
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
 * @name: name on the command line and in the figures
 * @variants: settings to measure; the entry after the last has no name
 * @capacity: events of a backlog that it keeps for a reader; 0: no backlog is measured
 * @waits: a reader can wait for an edge
 * @shared: several programs may read one line
 * @rising: it reports rising edges of the wire only
 * @setup: applies a variant's settings
 * @open: opens a reader
 * @close: closes a reader
 * @take: reads once, at most @batch events; returns false if there is none and the reader
 *	  does not block
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

extern const struct contender contenders[];	/* the entry after the last has no name */

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
