/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of a service of Type=notify to systemd, see sd_notify(3) */
#ifndef NOTIFY_H
#define NOTIFY_H

/*
 * Reads NOTIFY_SOCKET and WATCHDOG_USEC, and takes them out of the environment: they are not
 * for the programs that are started. Returns how often to call notify("WATCHDOG=1"), in
 * nanoseconds, or 0 if that is not wanted.
 */
unsigned long long notify_begin(void);

/* Sends a state such as "READY=1". Does nothing where no one listens. */
void notify(const char *state);

#endif /* NOTIFY_H */
