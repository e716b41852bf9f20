/* SPDX-License-Identifier: GPL-2.0-only */
/* Buttons in, messages out */
#ifndef SERVICE_H
#define SERVICE_H

#include "settings.h"

/**
 * serve() - run until a signal ends the service
 * @settings: the config file
 * @state: the directory that remembers what was acknowledged, or NULL
 * @in_use: set to true if a thread still uses @settings
 *
 * Return: the exit code.
 */
int serve(const struct settings *settings, const char *state, bool *in_use);

#endif /* SERVICE_H */
