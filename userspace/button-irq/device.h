/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buttons as the driver shows them: found by name, opened, read in binary
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "../../button_irq.h"
#include "util.h"

#define CLASS_DIR	ROOT "/sys/class/button_irq"
#define NODE_SIZE	32
#define LABEL_SIZE	sizeof(((struct button_irq_info *)0)->label)
#define PATH_SIZE	256

/**
 * struct button - a button that somebody asked for; it may be absent
 * @want: the name it was asked for by: a label, a node's name, a path; NULL: the first one
 * @node: its name in sysfs, "button_irq1"; empty if sysfs does not know the device
 * @path: its device node, "/dev/button_irq1"
 * @label: as in its info; empty until it was opened once
 * @fd: the open device, or -1 while it is absent
 * @other_fd: the same device with times on another clock, see button_other_time(); or -1
 * @other: the event of @other_fd that was read last
 * @session: counts how often the button went away. Gestures end where this number changes.
 * @untried: the button went away, and no open was tried since
 * @error: errno of the absence that was reported last; 0: none
 * @slack_ns: how long after its time an event may come, while the line is quiet
 * @edges: the counter "edges" when it was last read
 * @edges_at: CLOCK_MONOTONIC when @edges was first seen
 * @looked_at: CLOCK_MONOTONIC when @edges was last read
 * @horizon: see button_horizon()
 */
struct button {
	const char *want;
	char node[NODE_SIZE];
	char path[PATH_SIZE];
	char label[LABEL_SIZE];
	int fd;
	int other_fd;
	struct button_irq_event other;
	unsigned int session;
	bool untried;
	int error;
	__u64 slack_ns;
	unsigned long edges;
	__u64 edges_at;
	__u64 looked_at;
	__u64 horizon;
};

/**
 * struct buttons - the buttons that one command reads
 * @button: all of them, @n
 * @clock: CLOCK_MONOTONIC, CLOCK_BOOTTIME or CLOCK_REALTIME: the clock of all times
 * @history: begin with the events that the driver still keeps
 * @follow: wait for a button that is absent, and for one that goes away to come back
 * @watch: with @follow, the inotify descriptor that reports new nodes
 * @paused: the caller reads no events now, so buttons_wait() does not wake it for any
 */
struct buttons {
	struct button *button;
	size_t n;
	clockid_t clock;
	bool history;
	bool follow;
	int watch;
	bool paused;
};

/**
 * struct button_state - the state of a button, and its last event
 * @pressed: the state
 * @seq: number of the last event of any type, 0 if there was none
 * @change_seq: number of the last press or release, 0 if the driver does not keep it any more
 * @time: time of that press or release, on the clock of the open file
 */
struct button_state {
	bool pressed;
	__u64 seq;
	__u64 change_seq;
	__u64 time;
};

/**
 * button_nodes() - the nodes of all buttons there are, in the order of their numbers
 * @nodes: to be freed with button_nodes_free()
 *
 * Return: how many, or a negative errno.
 */
int button_nodes(char ***nodes);

void button_nodes_free(char **nodes, int n);

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

/* Finds the node that a label or a node's name means, or the first one for NULL. */
bool button_find(const char *want, char *node);

/* "there are: bell, door", or why there are none; @text has room for @size bytes. */
void button_list(char *text, size_t size);

/**
 * buttons_open() - open buttons by their names
 * @set: clock, history and follow are set
 * @names: labels, nodes or paths, which must outlive @set; none is the first button
 * @n: how many
 * @old: NULL, or a set that is replaced by this one. Buttons of the same name are moved
 *	from it, still open, and the others closed.
 *
 * Reports what cannot be opened, and why.
 *
 * Return: 0, or the exit code to end with.
 */
int buttons_open(struct buttons *set, char *const *names, size_t n, struct buttons *old);

void buttons_close(struct buttons *set);

/**
 * buttons_wait() - sleep until there may be something to read
 * @set: the buttons
 * @fd: another descriptor to wait for, or -1
 * @timeout_ns: nanoseconds, or -1
 *
 * Return: false when the time is over.
 */
bool buttons_wait(struct buttons *set, int fd, long long timeout_ns);

/**
 * button_read() - read the events that are there, without waiting
 * @set: the buttons
 * @b: one of them; where @set follows, it is opened if it has come back
 * @events: room for @max events
 * @max: how many
 *
 * Return: how many were read; -ENODEV when the button is gone and is not followed;
 * another negative errno.
 */
int button_read(struct buttons *set, struct button *b, struct button_irq_event *events, size_t max);

/**
 * button_open() - open a button that is absent, where @set follows
 *
 * button_read() does so itself. Return: whether @b is open.
 */
bool button_open(struct buttons *set, struct button *b);

/**
 * button_horizon() - up to which time every event has been read
 * @b: the button, after button_read() has left nothing to read
 * @now: CLOCK_MONOTONIC from before that button_read()
 *
 * An edge becomes an event when its debounce window ends. In mode settle each further edge
 * restarts the window, so a release can be reported late by any time. While edges are
 * counted that may be in an open window, the horizon stays where it was.
 *
 * Return: nanoseconds of CLOCK_MONOTONIC.
 */
__u64 button_horizon(struct button *b, __u64 now);

/* When to ask for the horizon again so that it may have reached @time. */
__u64 button_horizon_due(const struct button *b, __u64 time);

/**
 * button_state() - the state, consistent with the events that are read next
 * @b: an open button, of which no event was read yet
 * @rewind: go back to the oldest kept event afterwards, else go on behind the last one
 * @state: filled in
 *
 * Return: 0, or a negative errno.
 */
int button_state(struct button *b, bool rewind, struct button_state *state);

/**
 * button_other_time() - the time of an event on another clock
 * @b: the button
 * @seq: number of the event; asking in the order of the events is quickest
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @ns: nanoseconds
 *
 * Only the driver has both times of one edge, and an open file has one clock. So this
 * function opens the device a second time.
 *
 * Return: whether the time is known.
 */
bool button_other_time(struct button *b, __u64 seq, clockid_t clock, __u64 *ns);

/* What to call the button in messages. */
const char *button_name(const struct button *b);

/* "press", "release", "lost", "missed", or "unknown" */
const char *event_name(__u32 type);

#endif /* DEVICE_H */
