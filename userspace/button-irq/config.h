/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The config file of `run`: buttons, and a command for each gesture
 *
 *	# /etc/button-irq.conf
 *	[bell]			a label, a node or a path
 *	click = aplay ding.wav	run by sh -c
 *	hold = poweroff
 *	hold-time = 3s
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "gesture.h"

/* A gesture that is older than this when it is read starts no command. */
#define ACTION_MAX_AGE_NS	2000000000ULL

/* The longest command: more, the kernel does not pass to a program as one argument */
#define CONFIG_COMMAND		131071
#define CONFIG_COMMAND_TEXT	"131071"

/* The most buttons in all config files */
#define CONFIG_BUTTONS		1000
#define CONFIG_BUTTONS_TEXT	"1000"

/* The shortest repeat-time: each repeat starts a process. */
#define ACTION_REPEAT_MIN_NS	10000000ULL

/**
 * struct action - the commands of one button
 * @button: its name
 * @file: the file that its section is in
 * @line: number of the section's first line, 0 if it comes from options
 * @broken: the section has errors that were reported
 * @command: by gesture; NULL: nothing
 * @hold_ns: the shortest hold
 * @double_ns: the longest pause within a double click; 0 if there is no command for doubles
 * @repeat_ns: time between repeats; 0 if there is no command for repeats
 * @max_age_ns: gestures that are read later than this start no command
 */
struct action {
	char *button;
	char *file;
	unsigned int line;
	bool broken;
	char *command[GESTURE_TYPES];
	unsigned long long hold_ns;
	unsigned long long double_ns;
	unsigned long long repeat_ns;
	unsigned long long max_age_ns;
};

/**
 * struct config - the commands of all buttons
 * @action: one element for each section, @n of them
 */
struct config {
	struct action *action;
	size_t n;
};

/**
 * config_read() - add the sections of a file
 * @config: the sections of other files, or empty
 * @file: to read
 * @name: what to call it in messages
 * @errors: gets one line for each error, as NAME:LINE: TEXT
 *
 * Return: the number of errors.
 */
unsigned int config_read(struct config *config, FILE *file, const char *name, FILE *errors);

/* Checks that there is a section, and each has a command. Returns the number of errors. */
unsigned int config_finish(struct config *config, const char *name, FILE *errors);

/* Sets "press", "hold", "hold-time"... of an action. Returns NULL, or what is wrong. */
const char *action_set(struct action *action, const char *key, const char *value);

/* Sets what depends on which gestures have commands. Returns NULL, or what is wrong. */
const char *action_finish(struct action *action);

void config_free(struct config *config);

#endif /* CONFIG_H */
