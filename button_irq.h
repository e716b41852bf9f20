/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Userspace interface of /dev/button_irq
 *
 * read() returns text, one event per line, unless BUTTON_IRQ_IOC_SET_FORMAT
 * selected struct button_irq_event. The lines are:
 *
 *	SEQ SECONDS.NANOSECONDS press
 *	SEQ SECONDS.NANOSECONDS release HELD_SECONDS.NANOSECONDS
 *	SEQ SECONDS.NANOSECONDS lost N
 *	SEQ SECONDS.NANOSECONDS missed N
 */
#ifndef _UAPI_LINUX_BUTTON_IRQ_H
#define _UAPI_LINUX_BUTTON_IRQ_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define BUTTON_IRQ_ABI_VERSION	1

/* struct button_irq_event.type */
#define BUTTON_IRQ_PRESS	1
#define BUTTON_IRQ_RELEASE	2
#define BUTTON_IRQ_LOST		3
#define BUTTON_IRQ_MISSED	4

/* BUTTON_IRQ_IOC_SET_FORMAT */
#define BUTTON_IRQ_FORMAT_TEXT		0
#define BUTTON_IRQ_FORMAT_BINARY	1

/* struct button_irq_info.state */
#define BUTTON_IRQ_STATE_RELEASED	0
#define BUTTON_IRQ_STATE_PRESSED	1

/* struct button_irq_info.debounce_mode */
#define BUTTON_IRQ_MODE_EAGER		0
#define BUTTON_IRQ_MODE_SETTLE		1

/**
 * struct button_irq_event - one event, as read() returns it in binary format
 * @seq: number of the event, counted per button from 1 in steps of 1
 * @timestamp_ns: when the line changed, in nanoseconds of this open file's clock
 *	(CLOCK_MONOTONIC unless BUTTON_IRQ_IOC_SET_CLOCK selected another)
 * @held_ns: %BUTTON_IRQ_RELEASE: nanoseconds since the press, or 0 if the button
 *	was already pressed when the driver bound; 0 for every other type
 * @type: %BUTTON_IRQ_PRESS, %BUTTON_IRQ_RELEASE, %BUTTON_IRQ_LOST or %BUTTON_IRQ_MISSED
 * @count: %BUTTON_IRQ_PRESS and %BUTTON_IRQ_RELEASE: edges suppressed as bounces since
 *	the previous press or release; %BUTTON_IRQ_LOST: events that were overwritten
 *	before this reader read them, numbered @seq to @seq + @count - 1;
 *	%BUTTON_IRQ_MISSED: edges that could not be recorded (a lower bound if the line
 *	was masked in a storm)
 *
 * 32 bytes without padding, the same for 32-bit and 64-bit programs.
 */
struct button_irq_event {
	__u64 seq;
	__u64 timestamp_ns;
	__u64 held_ns;
	__u32 type;
	__u32 count;
};

/**
 * struct button_irq_info - description of the button, from BUTTON_IRQ_IOC_GET_INFO
 * @abi_version: %BUTTON_IRQ_ABI_VERSION of the driver
 * @state: last reported state, %BUTTON_IRQ_STATE_RELEASED or %BUTTON_IRQ_STATE_PRESSED
 * @debounce_us: debounce time in microseconds, 0 to 1000000
 * @debounce_mode: %BUTTON_IRQ_MODE_EAGER or %BUTTON_IRQ_MODE_SETTLE
 * @ring_events: how many events the driver keeps for readers that lag behind
 * @reserved: zero
 * @label: the button's label, NUL-terminated, zero-filled
 * @line: the GPIO line, NUL-terminated, zero-filled
 */
struct button_irq_info {
	__u32 abi_version;
	__u32 state;
	__u32 debounce_us;
	__u32 debounce_mode;
	__u32 ring_events;
	__u32 reserved[3];
	char label[32];
	char line[64];
};

/*
 * Each ioctl affects only the open file it is called on. SET_FORMAT, SET_CLOCK
 * and REWIND discard the rest of a partly read text line. Errors: EINVAL: unknown
 * value. EFAULT: bad pointer. ENODEV (GET_INFO): the button was unbound. ENOTTY:
 * no such ioctl.
 */
#define BUTTON_IRQ_IOC_MAGIC	0x9C

/* Describe the button. */
#define BUTTON_IRQ_IOC_GET_INFO		_IOR(BUTTON_IRQ_IOC_MAGIC, 0x01, struct button_irq_info)
/* BUTTON_IRQ_FORMAT_TEXT (at open) or BUTTON_IRQ_FORMAT_BINARY. */
#define BUTTON_IRQ_IOC_SET_FORMAT	_IOW(BUTTON_IRQ_IOC_MAGIC, 0x02, __u32)
/* CLOCK_MONOTONIC (at open), CLOCK_BOOTTIME or CLOCK_REALTIME. */
#define BUTTON_IRQ_IOC_SET_CLOCK	_IOW(BUTTON_IRQ_IOC_MAGIC, 0x03, __u32)
/* Go back to the oldest event that the driver still keeps. */
#define BUTTON_IRQ_IOC_REWIND		_IO(BUTTON_IRQ_IOC_MAGIC, 0x04)

#endif /* _UAPI_LINUX_BUTTON_IRQ_H */
