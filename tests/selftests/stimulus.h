/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stimulus.h - how the tests press a button
 *
 * One interface, three back ends, chosen by the environment variable
 * BUTTON_IRQ_STIMULUS:
 *
 *	gpio-sim	the bias of a gpio-sim line is its level (default)
 *	host		QEMU is asked to drive an input pin of the emulated board
 *	wire		an output line drives the input through a jumper wire
 *
 * BUTTON_IRQ_LINES names the lines a test may bind a button to, as the module
 * parameter line= takes them: "CHIPLABEL:OFFSET CHIPLABEL:OFFSET". BUTTON_IRQ_PINS
 * says, in the same order, what drives them: the sysfs directory of the simulated line
 * (gpio-sim), the number of the input pin (host) or CHIPLABEL:OFFSET of the output line
 * (wire). Neither is needed for gpio-sim: a chip is then made through configfs.
 *
 * Levels are those on the wire: 0 low, 1 high. Buttons of the tests are active low, so
 * 0 is pressed and 1 is idle.
 *
 * All functions return 0 or a negative errno, and say on stderr what went wrong, in a
 * line that begins with "# " and so is a comment in KTAP. -EOPNOTSUPP: this back end has
 * no such thing; nothing is printed.
 */
#ifndef STIMULUS_H
#define STIMULUS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct stim_backend;

/**
 * struct stim - a line and what drives it
 * @backend: how
 * @line: the line, for the module parameter line=
 * @pin: what drives it: one word of BUTTON_IRQ_PINS
 * @fd: gpio-sim: the "pull" attribute; host: the shared page, or the serial port;
 *	wire: the output line
 * @page: host: the page shared with QEMU, where there is one
 * @gate: host: writing here pauses the machine until the host has obeyed
 * @offset: wire: offset of the output line
 * @request: wire: the output line, once it is driven
 * @reg: wire: the register that is its level, once stim_direct() has mapped it
 */
struct stim {
	const struct stim_backend *backend;
	char line[64];
	char pin[256];
	int fd;
	__u32 *page;
	__u8 *gate;
	unsigned int offset;
	void *request;
	__u32 *reg;
};

/**
 * struct stim_edge - a level at a time
 * @us: microseconds since the start of the train
 * @level: 0 or 1
 * @before: filled in: CLOCK_MONOTONIC, in nanoseconds, just before the level was set
 * @after: filled in: and when stim_set() had returned
 */
struct stim_edge {
	unsigned long us;
	int level;
	__u64 before;
	__u64 after;
};

/**
 * stim_open() - get hold of what drives a line
 * @s: filled in
 * @index: which of the lines, from 0
 *
 * The level stays as it is. -ENOENT: there are not so many lines.
 */
int stim_open(struct stim *s, unsigned int index);

/** stim_close() - let go of it; the level stays where the hardware keeps it */
void stim_close(struct stim *s);

/** stim_name() - the name of the back end */
const char *stim_name(const struct stim *s);

/**
 * stim_set() - set the level of the line
 *
 * When this returns the line is at @level, and an interrupt that this causes is on its
 * way: not necessarily handled.
 */
int stim_set(struct stim *s, int level);

/**
 * stim_direct() - from now on, set levels past the kernel, in the controller's register
 *
 * That takes some ten instructions instead of one or two thousand. For a line that has been
 * set before. On a PL061, where the kernel has been booted with iomem=relaxed.
 */
int stim_direct(struct stim *s);

/**
 * stim_pulse() - set the line to @level and back, too fast for the controller
 *
 * It latches one interrupt for both edges. The line was at !@level before.
 */
int stim_pulse(struct stim *s, int level);

/**
 * stim_set_asleep() - set the level once the machine is suspended
 *
 * Returns at once. May be called several times before the machine is suspended: each
 * change waits until it sleeps, still or again, after the one before.
 */
int stim_set_asleep(struct stim *s, int level);

/** stim_pulse_asleep() - likewise, and set it back in the same moment */
int stim_pulse_asleep(struct stim *s, int level);

/**
 * stim_train() - a train of edges
 * @s: the line
 * @edges: levels and their times, which do not go down
 * @n: how many
 *
 * Sleeps in between on CLOCK_MONOTONIC, so an edge is never early. After one that is late by over
 * 1 ms the rest is that much later, too.
 */
int stim_train(struct stim *s, struct stim_edge *edges, size_t n);

#endif /* STIMULUS_H */
