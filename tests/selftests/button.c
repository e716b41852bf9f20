// SPDX-License-Identifier: GPL-2.0-only
/*
 * button.c - what the tests do with buttons besides pressing them
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "button.h"

#define MODULE	"button_irq"
#define CLASS	"/sys/class/button_irq"

static int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	err = errno;
	close(fd);
	if (n < 0)
		return -err;
	buf[n] = '\0';
	if (n && buf[n - 1] == '\n')
		buf[n - 1] = '\0';
	return 0;
}

int button_load_module(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

const char *button_module(void)
{
	static const char built[] = "../../" MODULE ".ko";
	static char installed[256];
	const char *path = getenv("BUTTON_IRQ_KO");
	FILE *modinfo;

	if (path)
		return path;
	if (!access(built, R_OK))
		return built;
	modinfo = popen("modinfo -F filename " MODULE " 2>&1", "r");
	if (modinfo) {
		if (fgets(installed, sizeof(installed), modinfo))
			installed[strcspn(installed, "\n")] = '\0';
		pclose(modinfo);
	}
	return installed;
}

int button_load(const char *params)
{
	const char *path = button_module();
	int ret;

	ret = button_unload();
	if (ret && ret != -ENOENT) {
		fprintf(stderr, "# a test before left " MODULE " in use\n");
		return ret;
	}
	if (access(path, R_OK)) {
		ret = -errno;
		fprintf(stderr, "# no module %s: %s (BUTTON_IRQ_KO says where it is)\n", path,
			strerror(errno));
		return ret;
	}
	return button_load_module(path, params);
}

int button_unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

long button_module_refs(void)
{
	char buf[32];
	int ret = read_file("/sys/module/" MODULE "/refcnt", buf, sizeof(buf));

	return ret ? ret : strtol(buf, NULL, 10);
}

static void node_name(unsigned int button, char *buf, size_t size)
{
	if (button)
		snprintf(buf, size, "button_irq%u", button);
	else
		snprintf(buf, size, "button_irq");
}

__u64 button_setting(const char *variable, __u64 value)
{
	const char *text = getenv(variable);

	return text && *text ? strtoull(text, NULL, 0) : value;
}

int button_open(unsigned int button, int flags)
{
	char name[32], path[64];
	int fd;

	node_name(button, name, sizeof(name));
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int button_open_binary(unsigned int button, int flags)
{
	__u32 format = BUTTON_IRQ_FORMAT_BINARY;
	int fd = button_open(button, flags);
	int ret;

	if (fd >= 0 && ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &format)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

void button_attr_path(unsigned int button, const char *attr, char *buf, size_t size)
{
	char name[32];

	node_name(button, name, sizeof(name));
	snprintf(buf, size, CLASS "/%s/%s", name, attr);
}

int button_attr(unsigned int button, const char *attr, char *buf, size_t size)
{
	char path[128];

	button_attr_path(button, attr, path, sizeof(path));
	return read_file(path, buf, size);
}

bool button_attr_is(unsigned int button, const char *attr, const char *text)
{
	char buf[128];

	return !button_attr(button, attr, buf, sizeof(buf)) && !strcmp(buf, text);
}

long button_counter(unsigned int button, const char *attr)
{
	char buf[128], *end;
	int ret = button_attr(button, attr, buf, sizeof(buf));
	long value;

	if (ret)
		return ret;
	value = strtol(buf, &end, 10);
	return *buf && !*end ? value : -EINVAL;
}

int button_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	if (n < 0)
		return -err;
	return n == (ssize_t)strlen(text) ? 0 : -EIO;
}

int button_set_attr(unsigned int button, const char *attr, const char *text)
{
	char path[128];

	button_attr_path(button, attr, path, sizeof(path));
	return button_write(path, text);
}

static bool expired(__u64 start)
{
	return button_now(CLOCK_MONOTONIC) - start > BUTTON_DEADLINE_MS * NSEC_PER_MSEC;
}

int button_wait_attr(unsigned int button, const char *attr, const char *text)
{
	__u64 start = button_now(CLOCK_MONOTONIC);

	while (!button_attr_is(button, attr, text)) {
		if (expired(start))
			return -ETIMEDOUT;
		button_sleep_us(1000);
	}
	return 0;
}

int button_wait_counter(unsigned int button, const char *attr, long value)
{
	__u64 start = button_now(CLOCK_MONOTONIC);
	long now;

	while ((now = button_counter(button, attr)) < value) {
		if (now < 0)
			return now;
		if (expired(start))
			return -ETIMEDOUT;
		button_sleep_us(1000);
	}
	return 0;
}

/* Counters are read one by one: those that changed meanwhile are of no one moment. */
bool button_identity(unsigned int button)
{
	static const char * const names[] = {
		"edges", "inferred", "presses", "releases", "bounces",
	};
	__u64 deadline = button_now(CLOCK_MONOTONIC) + BUTTON_DEADLINE_MS * NSEC_PER_MSEC;
	long now[5], before[5] = { -1 };
	size_t i;

	for (;;) {
		for (i = 0; i < 5; i++)
			now[i] = button_counter(button, names[i]);
		if (!memcmp(now, before, sizeof(now)) || button_now(CLOCK_MONOTONIC) > deadline)
			break;
		memcpy(before, now, sizeof(now));
	}
	if (now[0] >= 0 && now[0] + now[1] == now[2] + now[3] + now[4])
		return true;
	fprintf(stderr, "# edges %ld + inferred %ld != presses %ld + releases %ld + bounces %ld\n",
		now[0], now[1], now[2], now[3], now[4]);
	return false;
}

int button_wait_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret = poll(&pfd, 1, BUTTON_DEADLINE_MS);

	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

int button_next(int fd, struct button_irq_event *event)
{
	int ret = button_wait_readable(fd);
	ssize_t n;

	if (ret)
		return ret;
	n = read(fd, event, sizeof(*event));
	if (n < 0)
		return -errno;
	return n == sizeof(*event) ? 0 : -EIO;
}

int button_next_line(int fd, char *line, size_t size)
{
	size_t have = 0;
	ssize_t n;
	int ret;

	do {
		ret = button_wait_readable(fd);
		if (ret)
			return ret;
		if (have + 1 >= size)
			return -EMSGSIZE;
		/* Byte by byte: what follows the newline is not ours. */
		n = read(fd, line + have, 1);
		if (n != 1)
			return n < 0 ? -errno : -EIO;
		have++;
	} while (line[have - 1] != '\n');
	line[have] = '\0';
	return 0;
}

bool button_empty(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

void button_format(const struct button_irq_event *event, char *line, size_t size)
{
	int n = snprintf(line, size, "%llu %llu.%09llu ", event->seq,
			 event->timestamp_ns / NSEC_PER_SEC, event->timestamp_ns % NSEC_PER_SEC);

	line += n;
	size -= n;
	switch (event->type) {
	case BUTTON_IRQ_PRESS:
		snprintf(line, size, "press\n");
		break;
	case BUTTON_IRQ_RELEASE:
		snprintf(line, size, "release %llu.%09llu\n", event->held_ns / NSEC_PER_SEC,
			 event->held_ns % NSEC_PER_SEC);
		break;
	case BUTTON_IRQ_LOST:
		snprintf(line, size, "lost %u\n", event->count);
		break;
	case BUTTON_IRQ_MISSED:
		snprintf(line, size, "missed %u\n", event->count);
		break;
	default:
		snprintf(line, size, "type %u?\n", event->type);
	}
}

/* Reads generously; that the line is as it must be, button_format() has to say. */
bool button_parse(const char *line, struct button_irq_event *event)
{
	unsigned long long seq, s, ns, value = 0, value_ns = 0;
	char name[16], again[BUTTON_LINE_MAX];

	if (sscanf(line, "%llu %llu.%llu %15s %llu.%llu", &seq, &s, &ns, name, &value,
		   &value_ns) < 4)
		return false;
	*event = (struct button_irq_event){
		.seq = seq,
		.timestamp_ns = s * NSEC_PER_SEC + ns,
	};
	if (!strcmp(name, "press")) {
		event->type = BUTTON_IRQ_PRESS;
	} else if (!strcmp(name, "release")) {
		event->type = BUTTON_IRQ_RELEASE;
		event->held_ns = value * NSEC_PER_SEC + value_ns;
	} else if (!strcmp(name, "lost")) {
		event->type = BUTTON_IRQ_LOST;
		event->count = value;
	} else if (!strcmp(name, "missed")) {
		event->type = BUTTON_IRQ_MISSED;
		event->count = value;
	}
	button_format(event, again, sizeof(again));
	return !strcmp(line, again);
}

__u64 button_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

void button_sleep_us(unsigned long us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

void button_find_chip(struct button_chip *chip)
{
	static const char test_chip[] = "/sys/bus/platform/drivers/button-irq-test/";
	static const char test_device[] = "button-irq-test.0";
	const char *stimulus = getenv("BUTTON_IRQ_STIMULUS");
	static char off[64], on[64], device[128];

	if (stimulus && !strcmp(stimulus, "gpio-sim")) {
		chip->off_path = "/sys/kernel/config/gpio-sim/button_irq/live";
		chip->on_path = chip->off_path;
		chip->off = "0";
		chip->on = "1";
		return;
	}
	snprintf(device, sizeof(device), "%s%s", test_chip, test_device);
	if (access(device, F_OK))
		return;		/* the board's own stays */
	snprintf(off, sizeof(off), "%sunbind", test_chip);
	snprintf(on, sizeof(on), "%sbind", test_chip);
	chip->off_path = off;
	chip->on_path = on;
	chip->off = test_device;
	chip->on = test_device;
}

int button_pin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

int button_set_priority(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &param) ? -errno : 0;
}

int button_unpin(void)
{
	cpu_set_t cpus;

	memset(&cpus, 0xff, sizeof(cpus));
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

int button_wait_asleep(const pid_t *tid)
{
	__u64 start = button_now(CLOCK_MONOTONIC);
	char path[64], buf[512];
	const char *p;
	pid_t id;

	for (;;) {
		id = __atomic_load_n(tid, __ATOMIC_ACQUIRE);
		snprintf(path, sizeof(path), "/proc/%d/stat", id);
		if (id && !read_file(path, buf, sizeof(buf))) {
			p = strrchr(buf, ')');
			if (p && !strncmp(p, ") S", 3))
				return 0;
		}
		if (expired(start))
			return -ETIMEDOUT;
		button_sleep_us(1000);
	}
}

long button_slab_objects(const char *prefix)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[512], name[64];
	long active, sum = 0;
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %ld", name, &active) != 2 ||
		    strncmp(name, prefix, strlen(prefix)))
			continue;
		sum += active;
		found = true;
	}
	if (f)
		fclose(f);
	return found ? sum : -ENOENT;
}
