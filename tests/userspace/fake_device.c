// SPDX-License-Identifier: GPL-2.0-only
/*
 * A faked button, so that the command can be tested on any machine. The linker replaces
 * ioctl(), read() and close() by these functions (--wrap).
 *
 * A node is a FIFO. A byte in the FIFO wakes processes that poll it. root/fake/NODE.log has the
 * events as struct button_irq_event, and root/fake/NODE.info the struct button_irq_info. When no
 * process has the FIFO open for writing any more, the button is gone. test_command.py and
 * tests/node/fake.js write these files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../button_irq.h"

#define FDS		64
/* Offset of the fake's CLOCK_REALTIME from its CLOCK_MONOTONIC; not round, to show rounding. */
#define REALTIME_NS	1700000000123456789ULL

int __real_ioctl(int fd, unsigned long request, ...);
ssize_t __real_read(int fd, void *buffer, size_t n);
int __real_close(int fd);
int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __wrap_read(int fd, void *buffer, size_t n);
int __wrap_close(int fd);

/**
 * struct fake - an open button
 * @name: name of the node; empty: not open
 * @log: descriptor of the file of events
 * @cursor: offset of the next event in @log
 * @clock: clock of the times
 * @second: another descriptor of this process has the same button and takes the bytes of the FIFO
 */
static struct fake {
	char name[64];
	int log;
	off_t cursor;
	__u32 clock;
	bool second;
} fakes[FDS];

static int open_file(const char *name, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "root/fake/%s.%s", name, what);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int get_info(int fd, struct button_irq_info *info)
{
	char link[64], target[512], *name;
	struct fake *f = &fakes[fd];
	ssize_t n;
	int file, i;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		name = strrchr(target, '/') + 1;
		file = open_file(name, "info");
		if (file >= 0) {
			n = __real_read(file, info, sizeof(*info));
			__real_close(file);
			if (*f->name)
				return 0;
			for (i = 0; i < FDS; i++)
				f->second |= !strcmp(fakes[i].name, name);
			f->log = open_file(name, "log");
			f->cursor = lseek(f->log, 0, SEEK_END);
			snprintf(f->name, sizeof(f->name), "%s", name);
			return 0;
		}
	}
	if (errno != EMFILE)
		errno = ENOTTY;
	return -1;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd < 0 || fd >= FDS)
		return __real_ioctl(fd, request, arg);
	switch (request) {
	case BUTTON_IRQ_IOC_GET_INFO:
		return get_info(fd, arg);
	case BUTTON_IRQ_IOC_SET_FORMAT:
		return 0;
	case BUTTON_IRQ_IOC_SET_CLOCK:
		fakes[fd].clock = *(__u32 *)arg;
		return 0;
	case BUTTON_IRQ_IOC_REWIND:
		fakes[fd].cursor = 0;
		return 0;
	}
	return __real_ioctl(fd, request, arg);
}

ssize_t __wrap_read(int fd, void *buffer, size_t n)
{
	struct button_irq_event *e = buffer;
	bool gone = false;
	char bytes[256];
	struct fake *f;
	ssize_t got;
	size_t i;

	if (fd < 0 || fd >= FDS || !*fakes[fd].name)
		return __real_read(fd, buffer, n);
	f = &fakes[fd];
	while (!f->second && (got = __real_read(fd, bytes, sizeof(bytes))) >= 0 && !gone)
		gone = !got;
	got = pread(f->log, buffer, n / sizeof(*e) * sizeof(*e), f->cursor);
	if (got > 0) {
		f->cursor += got;
		for (i = 0; f->clock == CLOCK_REALTIME && i < got / sizeof(*e); i++)
			e[i].timestamp_ns += REALTIME_NS;
		return got;
	}
	errno = gone ? ENODEV : EAGAIN;
	return -1;
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd < FDS && *fakes[fd].name) {
		__real_close(fakes[fd].log);
		memset(&fakes[fd], 0, sizeof(fakes[fd]));
	}
	return __real_close(fd);
}
