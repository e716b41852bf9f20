/* SPDX-License-Identifier: GPL-2.0 */
/* What all commands share: messages, exit codes, periods. */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NS_PER_US	1000ULL
#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL

enum {
	EXIT_OK,
	EXIT_FAILED,	/* or, for wait, not in time */
	EXIT_USAGE,
	EXIT_GONE,	/* the button is gone */
};

/* "button-irq: TEXT" on standard error. Returns EXIT_FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same and where to find help. Returns EXIT_USAGE. */
int complain_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * parse_period() - a length of time as gpiomon takes it
 * @text: a decimal number and "us", "ms" (the default), "s" or "m"
 * @ns: nanoseconds, above 0 and up to a week
 *
 * Return: whether it is one.
 */
bool parse_period(const char *text, unsigned long long *ns);

/* A whole number from 1 to @max. */
bool parse_count(const char *text, unsigned long max, unsigned long *count);

#endif /* UTIL_H */
