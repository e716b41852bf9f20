/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buttons as the driver shows them: found by name, opened, read in binary
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "../../button_irq.h"

#define CLASS_DIR	"/sys/class/button_irq"
#define NODE_SIZE	32
#define LABEL_SIZE	sizeof(((struct button_irq_info *)0)->label)

/**
 * struct button - a button that somebody asked for; it may be absent
 * @want: what it was asked for by: a label, a node's name, a path; NULL is the first one
 * @node: "button_irq1"
 * @label: as in its info
 * @fd: the open device, or -1 while it is absent
 * @slack_ns: how much later than its time an event may come: while the driver debounces
 */
struct button {
	const char *want;
	char node[NODE_SIZE];
	char label[LABEL_SIZE];
	int fd;
	__u64 slack_ns;
};

/**
 * struct buttons - those that one command reads
 * @button: all of them, @n
 * @clock: CLOCK_MONOTONIC, CLOCK_BOOTTIME or CLOCK_REALTIME: what times are on
 * @history: begin with the events that the driver still keeps
 * @follow: wait for a button that is not there, or not any more
 * @watch: with @follow, the inotify descriptor that tells of new nodes
 */
struct buttons {
	struct button *button;
	size_t n;
	clockid_t clock;
	bool history;
	bool follow;
	int watch;
};

/**
 * button_nodes() - the nodes of all buttons there are, in the order of their numbers
 * @nodes: to be freed, as well as each of its elements
 *
 * Return: how many, or a negative errno.
 */
int button_nodes(char ***nodes);

/**
 * button_attribute() - one of a button's files in sysfs, without its newline
 * @node: its node
 * @name: the file
 * @text: room for @size bytes
 * @size: of @text
 *
 * Return: 0, or a negative errno.
 */
int button_attribute(const char *node, const char *name, char *text, size_t size);

/**
 * buttons_open() - open what was asked for
 * @set: clock, history and follow are set
 * @names: labels, nodes or paths; none is the first button
 * @n: how many
 *
 * Says what cannot be opened, and why.
 *
 * Return: 0, or the exit code to end with.
 */
int buttons_open(struct buttons *set, char *const *names, size_t n);

/**
 * buttons_wait() - until there may be something to read
 * @set: the buttons
 * @fd: another descriptor to look at, or -1
 * @timeout_ns: nanoseconds, or -1
 *
 * Return: false when the time is over.
 */
bool buttons_wait(struct buttons *set, int fd, long long timeout_ns);

/**
 * button_read() - what there is, without waiting
 * @set: the buttons
 * @b: one of them; where @set follows, it is opened if it has come back
 * @events: room for @max events
 * @max: how many
 *
 * Return: how many were read; -ENODEV when the button is gone and is not followed;
 * another negative errno.
 */
int button_read(struct buttons *set, struct button *b, struct button_irq_event *events, size_t max);

/* "press", "release", "lost" or "missed" */
const char *event_name(const struct button_irq_event *e);

#endif /* DEVICE_H */
