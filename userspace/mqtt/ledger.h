/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the broker has acknowledged of each button, in a file that survives this process
 *
 * Sequence numbers mean something only together with the boot and the binding that they were counted in: the driver
 * counts anew from 1 each time that it is bound to a button.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define BOOT_SIZE	40
#define BINDING_SIZE	24
#define REASON_SIZE	16

/* struct gap.count of a gap of unknown length */
#define GAP_UNKNOWN	(~0ULL)

/**
 * struct gap - events that will not be sent
 * @reason: why, one word; empty: there is no gap
 * @boot: as in struct record: which events
 * @binding: likewise
 * @seq: number of the first one
 * @count: how many, or GAP_UNKNOWN
 */
struct gap {
	char reason[REASON_SIZE];
	char boot[BOOT_SIZE];
	char binding[BINDING_SIZE];
	__u64 seq;
	__u64 count;
};

/**
 * struct record - what is known of one button
 * @label: the button
 * @boot: boot id of the machine when it was bound; empty: it was never seen
 * @binding: which binding within that boot
 * @acked: number of the last event that the broker acknowledged
 * @gesture_time: time of the last gesture that was acknowledged
 * @gesture_type: and its type. Later gestures have a later time, or the same time and a greater type.
 * @ended: the binding has ended, and all of its events were acknowledged
 * @removed: the broker keeps no message of this button. The record stays as long as the binding may come back.
 * @unpublished: the binding was seen with `publish = no`: its events up to the next start are not sent
 * @stopped: the service has ended in order since
 * @pending: with @stopped, how many events were not acknowledged then
 * @gap: a gap whose message is not acknowledged yet
 */
struct record {
	char label[32];
	char boot[BOOT_SIZE];
	char binding[BINDING_SIZE];
	__u64 acked;
	__u64 gesture_time;
	unsigned int gesture_type;
	bool ended;
	bool removed;
	bool unpublished;
	bool stopped;
	__u64 pending;
	struct gap gap;
};

/**
 * struct ledger - the file
 * @directory: descriptor of the directory, or -1
 * @path: of the file, for messages
 * @failed: errno of the last attempt to write, as reported
 * @discovery: topic of the discovery message that the broker keeps, or NULL
 */
struct ledger {
	int directory;
	char *path;
	int failed;
	char *discovery;
};

/**
 * ledger_open() - read the file
 * @ledger: filled in
 * @directory: where it is, or NULL for a service that cannot remember anything
 * @records: to be freed
 * @n: how many
 *
 * A damaged file is reported, and then treated like a missing one.
 *
 * Return: whether there was a file, and a complete one.
 */
bool ledger_open(struct ledger *ledger, const char *directory, struct record **records, size_t *n);

/**
 * ledger_write() - replace the file
 * @ledger: the file
 * @records: NULL-terminated
 * @durable: wait until it is on the disk
 *
 * The file is the old or the new one whenever this process is killed. After a loss of power it may be damaged unless
 * @durable, which costs a disk operation. Acknowledged numbers are not worth one: they mean nothing in the next boot.
 * Reports an error once.
 *
 * Return: whether it was written.
 */
bool ledger_write(struct ledger *ledger, struct record *const *records, bool durable);

void ledger_close(struct ledger *ledger);

#endif /* LEDGER_H */
