/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `run` is to do: buttons, and a command for each gesture
 *
 *	# /etc/button-irq.conf
 *	[bell]			a label, a node or a path
 *	click = aplay ding.wav	handed to sh -c
 *	hold = poweroff
 *	hold-time = 3s
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>
#include <stdio.h>

#include "gesture.h"

/**
 * struct action - what to do for one button
 * @button: its name
 * @command: by gesture; NULL: nothing
 * @hold_ns: so long is a hold
 * @double_ns: so soon is a double click; 0 where nobody wants one
 */
struct action {
	char *button;
	char *command[GESTURE_TYPES];
	unsigned long long hold_ns;
	unsigned long long double_ns;
};

/**
 * struct config - what to do for all
 * @action: one element for each section, @n of them
 */
struct config {
	struct action *action;
	size_t n;
};

/**
 * config_read() - read a file
 * @config: empty
 * @file: to read
 * @name: what to call it in messages, which go to @errors
 * @errors: one line for each error, as NAME:LINE: TEXT
 *
 * Return: the number of errors.
 */
unsigned int config_read(struct config *config, FILE *file, const char *name, FILE *errors);

/* Sets "press", "hold", "hold-time"... of an action. Returns NULL, or what is wrong. */
const char *action_set(struct action *action, const char *key, const char *value);

/* Settles what depends on which gestures have commands. Returns NULL, or what is wrong. */
const char *action_finish(struct action *action);

void config_free(struct config *config);

#endif /* CONFIG_H */
