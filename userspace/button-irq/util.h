/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of all commands: messages, exit codes, periods, output */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

/* Where /dev, /sys and the other system directories are. The tests build with a directory of their own. */
#ifndef ROOT
#define ROOT		""
#endif

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NS_PER_US	1000ULL
#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL

enum {
	EXIT_OK,
	EXIT_FAILED,	/* or, for wait, not in time */
	EXIT_USAGE,
	EXIT_GONE,	/* the button is gone, or does not exist */
};

/* The program's name in messages, "button-irq" unless main() sets another one. */
extern const char *program_name;

/* The command that runs: "watch"; it is part of the hint at --help. NULL before a command is known. */
extern const char *command_name;

/**
 * say() - write to standard error without ever waiting
 * @text: whole lines
 * @n: bytes
 *
 * A pipe or terminal that nobody reads loses lines, always whole ones. The next line that
 * fits says how many were lost. Control characters, which a foreign name may have, become ?.
 */
void say(const char *text, size_t n);

/* Prints "PROGRAM: TEXT" on standard error, by way of say(). Returns EXIT_FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, with a hint at --help. Returns EXIT_USAGE. */
int complain_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The hint alone, after a message of getopt_long(). Returns EXIT_USAGE. */
int usage_hint(void);

/*
 * Makes writes to standard output wait for a slow reader, even if the pipe or terminal is
 * set to O_NONBLOCK for another process that shares it.
 */
void block_output(void);

/* Flushes standard output. Returns whether all of it has been written so far. */
bool flush_output(void);

/**
 * finish_output() - flush standard output
 * @code: exit code if that succeeds
 *
 * Return: @code, or EXIT_FAILED with a message if anything could not be written.
 */
int finish_output(int code);

/* Should output be coloured? Only on a terminal, and not with NO_COLOR or TERM=dumb. */
bool use_colour(void);

/* The terminal's width, or 0 if standard output is no terminal, or one that does not say. */
unsigned int terminal_width(void);

/* Columns that UTF-8 text takes on the terminal. */
int text_width(const char *text);

/* Bytes of the UTF-8 character that @text begins with, or 0 if it is none. */
size_t utf8_length(const char *text);

/* Writes a JSON string. Bytes that are not UTF-8 become U+FFFD. */
void write_json_string(FILE *file, const char *text);

/* The same on standard output. */
void print_json_string(const char *text);

unsigned long long clock_ns(clockid_t clock);

/* The longest period that parse_period() takes, in words */
#define PERIOD_LIMIT	"at most 7 days"

/**
 * parse_period() - a length of time as gpiomon takes it
 * @text: a decimal number and "us", "ms" (the default), "s", "m" or "h"
 * @ns: nanoseconds, above 0 and at most PERIOD_LIMIT
 *
 * Return: whether @text is a length of time.
 */
bool parse_period(const char *text, unsigned long long *ns);

/**
 * struct settings_reader - what to do with the lines of a config file
 * @section: takes the NAME of a line [NAME], and the number of that line
 * @setting: takes a KEY and the VALUE behind its first =
 * @wrong: NULL, or called after each error, with the caller's data
 * @data: the caller's own
 *
 * @section and @setting return NULL, or what is wrong.
 */
struct settings_reader {
	const char *(*section)(void *data, const char *name, unsigned int line);
	const char *(*setting)(void *data, const char *key, const char *value, unsigned int line);
	void (*wrong)(void *data);
	void *data;
};

/**
 * read_settings() - read a config file of [SECTION]s and KEY = VALUE lines
 * @reader: takes what is read
 * @file: to read
 * @name: what to call it in messages
 * @errors: gets one line for each error, as NAME:LINE: TEXT
 *
 * A line that begins with # or ; is a comment. A file of more than 1 MiB is an error. Of very
 * many errors only the first ones get a line, and the last line says how many more there are.
 *
 * Return: the number of errors.
 */
unsigned int read_settings(const struct settings_reader *reader, FILE *file, const char *name, FILE *errors);

/* A whole number from 1 to @max. */
bool parse_count(const char *text, unsigned long max, unsigned long *count);

#endif /* UTIL_H */
