/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * button.h - what the tests do with buttons besides pressing them
 *
 * Functions return 0 or a negative errno unless they say otherwise.
 *
 * No test waits for time to pass in the hope that something has happened by then: it
 * waits for what it wants to see, for BUTTON_DEADLINE_MS at most.
 */
#ifndef BUTTON_H
#define BUTTON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#if __has_include("../../button_irq.h")
#include "../../button_irq.h"
#else
#include <linux/button_irq.h>
#endif

#define BUTTON_DEADLINE_MS	10000

/* Levels of a line, active low. */
#define PRESSED		0
#define RELEASED	1

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_USEC	1000ULL

/* Where a button is bound and unbound, and links to those that are bound. */
#define DRIVER		"/sys/bus/platform/drivers/button_irq/"

/* No line that read() gives is longer. */
#define BUTTON_LINE_MAX	128

/**
 * button_set_priority() - SCHED_FIFO with @priority for the calling thread; 0: as usual
 *
 * Returns 0 or a negative errno.
 */
int button_set_priority(int priority);

/** button_load_module() - load the module in the file @path; returns 0 or a negative errno */
int button_load_module(const char *path, const char *params);

/** button_module() - the driver's file: $BUTTON_IRQ_KO, or where it was built or installed */
const char *button_module(void);

/**
 * button_load() - load the driver
 * @params: module parameters
 *
 * A module that a test before has left behind is removed.
 */
int button_load(const char *params);

/** button_unload() - remove the driver; -EWOULDBLOCK while it is in use */
int button_unload(void);

/** button_module_refs() - the module's reference count, or a negative errno */
long button_module_refs(void);

/** button_setting() - a number from the environment, or @value if it is not set */
__u64 button_setting(const char *variable, __u64 value);

/** button_open() - open the device node of a button; returns the file or -errno */
int button_open(unsigned int button, int flags);

/** button_open_binary() - likewise, and ask for struct button_irq_event */
int button_open_binary(unsigned int button, int flags);

/** button_attr_path() - the path of an attribute in sysfs */
void button_attr_path(unsigned int button, const char *attr, char *buf, size_t size);

/** button_attr() - read an attribute, without its newline */
int button_attr(unsigned int button, const char *attr, char *buf, size_t size);

/** button_attr_is() - does it read like this? */
bool button_attr_is(unsigned int button, const char *attr, const char *text);

/** button_counter() - an attribute that is a number; negative: -errno */
long button_counter(unsigned int button, const char *attr);

/** button_write() - write a file of sysfs in one go */
int button_write(const char *path, const char *text);

/** button_set_attr() - write an attribute */
int button_set_attr(unsigned int button, const char *attr, const char *text);

/** button_wait_attr() - wait until an attribute reads @text; -ETIMEDOUT */
int button_wait_attr(unsigned int button, const char *attr, const char *text);

/** button_wait_counter() - wait until a counter is at least @value; -ETIMEDOUT */
int button_wait_counter(unsigned int button, const char *attr, long value);

/** button_identity() - edges + inferred = presses + releases + bounces? */
bool button_identity(unsigned int button);

/** button_wait_readable() - wait until poll() says so; -ETIMEDOUT */
int button_wait_readable(int fd);

/** button_next() - wait for the next event of a binary file, which blocks or not */
int button_next(int fd, struct button_irq_event *event);

/** button_next_line() - wait for the next line of a text file; up to its newline */
int button_next_line(int fd, char *line, size_t size);

/** button_empty() - is there nothing to read now? */
bool button_empty(int fd);

/** button_parse() - is this a line, newline and all, in exactly the documented form? */
bool button_parse(const char *line, struct button_irq_event *event);

/** button_format() - the line for an event */
void button_format(const struct button_irq_event *event, char *line, size_t size);

/** button_now() - a clock in nanoseconds */
__u64 button_now(clockid_t clock);

/** button_sleep_us() - let time pass on CLOCK_MONOTONIC */
void button_sleep_us(unsigned long us);

/**
 * struct button_chip - how to take the controller under test away and give it back
 * @off_path: the file to write to, or NULL where the controller cannot go
 * @off: the text to write to it
 * @on_path: likewise, to give the controller back
 * @on: the text to write to it
 */
struct button_chip {
	const char *off_path;
	const char *off;
	const char *on_path;
	const char *on;
};

/** button_find_chip() - fill in *@chip for the controller that the tests run on */
void button_find_chip(struct button_chip *chip);

/** button_pin() - keep the caller to CPU 0, where the interrupts of the tests arrive */
int button_pin(void);

/** button_unpin() - let it run anywhere again */
int button_unpin(void);

/**
 * button_wait_asleep() - wait until a thread sleeps
 * @tid: where the thread puts its number just before the call it is to sleep in
 */
int button_wait_asleep(const pid_t *tid);

/**
 * button_slab_objects() - what the kernel has allocated, in objects
 * @prefix: from caches whose names begin so: "kmalloc-" are the general ones, "kmalloc-cg-" those
 *	of them that are accounted to a memory cgroup
 *
 * -ENOENT: there are none, or /proc/slabinfo is not there.
 */
long button_slab_objects(const char *prefix);

#endif /* BUTTON_H */
