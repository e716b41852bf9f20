// SPDX-License-Identifier: GPL-2.0-only
/*
 * contenders.c - the ways to read a button that the benchmark compares
 *
 * Each one is used as programs use it: button_irq with read(), the GPIO character device
 * through libgpiod, gpio-keys through evdev, lgpio with its thread and pipe, sysfs as RPi.GPIO
 * uses it, and interrupt-cnt through the counter subsystem's character device.
 */
#include <dirent.h>
#include <fcntl.h>
#include <gpiod.h>
#include <linux/counter.h>
#include <linux/input.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../button_irq.h"
#include "bench.h"

#define FURTHER_OFFSET	40	/* first of the character device's further lines */
#define INPUTS_MAX	32	/* evdev's static minor numbers */

const char *line_name;
char button_irq_node[32] = "button_irq";

/* Binds a platform device to its driver, or unbinds it, unless it is in that state already. */
static void bind_device(const char *driver, const char *device, bool on)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s", driver, device);
	if (on == !access(path, F_OK))
		return;
	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%sbind", driver, on ? "" : "un");
	write_file(path, device);
}

/*
 * button_irq
 */

static void write_setting(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/button_irq/%s/%s", button_irq_node, name);
	write_file(path, text);
}

static void button_irq_setup(const struct variant *v)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", v->debounce_us);
	write_setting("debounce_us", text);
	write_setting("debounce_mode", v->mode);
	/* No storm guard: the bursts are faster than any button. */
	write_setting("storm_rate", "0");
}

static void button_irq_open(const struct variant *v, struct reader *r)
{
	__u32 format = v->binary ? BUTTON_IRQ_FORMAT_BINARY : BUTTON_IRQ_FORMAT_TEXT;
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", button_irq_node);
	r->fd = open(path, O_RDONLY);
	if (r->fd < 0 || ioctl(r->fd, BUTTON_IRQ_IOC_SET_FORMAT, &format))
		die("%s", path);
}

static void close_fd(struct reader *r)
{
	close(r->fd);
}

/* @level: 1 pressed, 0 released, -1 unknown */
static void count_event(struct reader *r, __u64 time, int level)
{
	r->events++;
	r->time = time;
	r->disorder += level >= 0 && r->level == level;
	r->level = level;
}

static void button_irq_count(struct reader *r, const struct button_irq_event *e)
{
	if (e->type == BUTTON_IRQ_PRESS || e->type == BUTTON_IRQ_RELEASE)
		count_event(r, e->timestamp_ns, e->type == BUTTON_IRQ_PRESS);
	else
		r->told += e->count;
}

static void button_irq_parse(struct reader *r, const char *line)
{
	char word[16];
	__u64 s, ns, count;

	if (sscanf(line, "%*u %llu.%llu %15s %llu", &s, &ns, word, &count) < 3)
		die("cannot read %s", line);
	if (!strcmp(word, "press") || !strcmp(word, "release"))
		count_event(r, s * 1000000000 + ns, *word == 'p');
	else
		r->told += count;
}

static bool button_irq_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	struct button_irq_event event[BATCH_MAX];
	char line[128];
	ssize_t n, i;

	n = v->binary ? read(r->fd, event, batch * sizeof(*event)) :
			read(r->fd, line, sizeof(line) - 1);
	r->at = now();
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("/dev/button_irq");
	if (r->skim) {
		r->events += v->binary ? n / sizeof(*event) : 1;
	} else if (v->binary) {
		for (i = 0; i < n / (ssize_t)sizeof(*event); i++)
			button_irq_count(r, &event[i]);
	} else {
		line[n] = '\0';
		button_irq_parse(r, line);
	}
	return true;
}

/* guest.sh loads the module with all of these lines, so their devices exist. */
static void button_irq_further(bool on)
{
	char name[32];
	unsigned int i;

	for (i = 1; i <= FURTHER; i++) {
		snprintf(name, sizeof(name), "button_irq.%u", i);
		bind_device("button_irq", name, on);
	}
}

static const struct variant button_irq_variants[] = {
	{ "text, eager 5 ms", DEBOUNCE_US, "eager", .binary = false },
	{ "binary, eager 5 ms", DEBOUNCE_US, "eager", .binary = true },
	{ "binary, settle 5 ms", DEBOUNCE_US, "settle", .binary = true },
	{ "text, raw", 0, "eager", .binary = false },
	{ "binary, raw", 0, "eager", .binary = true, .main = true },
	{ }
};

/*
 * The GPIO character device
 */

static void no_setup(const struct variant *v)
{
	(void)v;
}

static struct gpiod_chip *cdev_chip(const char *label)
{
	struct gpiod_chip *chip;
	struct dirent *entry;
	char path[300];
	bool found;
	DIR *dir;

	dir = opendir("/dev");
	while (dir && (entry = readdir(dir))) {
		struct gpiod_chip_info *info;

		if (strncmp(entry->d_name, "gpiochip", 8))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		chip = gpiod_chip_open(path);
		if (!chip)
			die("%s", path);
		info = gpiod_chip_get_info(chip);
		found = info && !strcmp(gpiod_chip_info_get_label(info), label);
		gpiod_chip_info_free(info);
		if (found) {
			closedir(dir);
			return chip;
		}
		gpiod_chip_close(chip);
	}
	die("no GPIO chip %s", label);
}

/* Requests @lines lines from @offset on, with room for @events; 0 means the kernel's default. */
static struct gpiod_line_request *cdev_request(struct gpiod_chip *chip, unsigned int offset,
					       unsigned int lines, unsigned int debounce_us,
					       size_t events)
{
	struct gpiod_request_config *request_config = gpiod_request_config_new();
	struct gpiod_line_settings *settings = gpiod_line_settings_new();
	struct gpiod_line_config *config = gpiod_line_config_new();
	struct gpiod_line_request *request;
	unsigned int i, offsets[1 + FURTHER];

	for (i = 0; i < lines; i++)
		offsets[i] = offset + i;
	gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
	gpiod_line_settings_set_debounce_period_us(settings, debounce_us);
	gpiod_line_settings_set_active_low(settings, true);
	if (gpiod_line_config_add_line_settings(config, offsets, lines, settings))
		die("libgpiod");
	if (events)
		gpiod_request_config_set_event_buffer_size(request_config, events);
	request = gpiod_chip_request_lines(chip, request_config, config);
	if (!request)
		die("requesting line %u", offset);
	gpiod_line_config_free(config);
	gpiod_line_settings_free(settings);
	gpiod_request_config_free(request_config);
	return request;
}

static struct gpiod_chip *cdev_split_line(unsigned int *offset)
{
	char label[64];
	char *colon;

	snprintf(label, sizeof(label), "%s", line_name);
	colon = strrchr(label, ':');
	*colon = '\0';
	*offset = atoi(colon + 1);
	return cdev_chip(label);
}

static void cdev_open(const struct variant *v, struct reader *r)
{
	unsigned int offset;
	struct gpiod_chip *chip = cdev_split_line(&offset);

	r->data = cdev_request(chip, offset, 1, v->debounce_us, 1024);
	r->fd = gpiod_line_request_get_fd(r->data);
	gpiod_chip_close(chip);
}

static void cdev_close(struct reader *r)
{
	gpiod_line_request_release(r->data);
}

static bool cdev_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	static struct gpiod_edge_event_buffer *buffer;
	int n, i;

	(void)v;
	if (!buffer)
		buffer = gpiod_edge_event_buffer_new(BATCH_MAX);
	n = gpiod_line_request_read_edge_events(r->data, buffer, batch);
	r->at = now();
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("reading edge events");
	if (r->skim)
		r->events += n;
	for (i = 0; i < n && !r->skim; i++) {
		struct gpiod_edge_event *e = gpiod_edge_event_buffer_get_event(buffer, i);
		unsigned long seqno = gpiod_edge_event_get_line_seqno(e);

		r->told += seqno - r->seqno - 1;
		r->seqno = seqno;
		count_event(r, gpiod_edge_event_get_timestamp_ns(e),
			    gpiod_edge_event_get_event_type(e) == GPIOD_EDGE_EVENT_RISING_EDGE);
	}
	return true;
}

/* One request for all lines takes the least memory. The event buffer has the default size. */
static void cdev_further(bool on)
{
	static struct gpiod_line_request *request;
	unsigned int offset;
	struct gpiod_chip *chip = cdev_split_line(&offset);

	if (request)
		gpiod_line_request_release(request);
	request = cdev_request(chip, FURTHER_OFFSET, on ? 1 + FURTHER : 1, 0, 0);
	gpiod_chip_close(chip);
}

static const struct variant cdev_variants[] = {
	{ "5 ms", .debounce_us = DEBOUNCE_US },
	{ "raw", .main = true },
	{ }
};

/*
 * gpio-keys and evdev: bench.dts names the input devices after the variants. Each has its own
 * line, because gpiolib treats a line that two nodes use as shared.
 */

static void evdev_open(const struct variant *v, struct reader *r)
{
	int clock = CLOCK_MONOTONIC, i;
	char path[32], name[64];

	/* Unbound devices leave gaps in the numbers. */
	for (i = 0;; i++) {
		if (i == INPUTS_MAX)
			die("no input device \"%s\"", v->name);
		snprintf(path, sizeof(path), "/dev/input/event%d", i);
		r->fd = open(path, O_RDONLY);
		if (r->fd < 0)
			continue;
		if (ioctl(r->fd, EVIOCGNAME(sizeof(name)), name) < 0)
			die("%s", path);
		if (!strcmp(name, v->name))
			break;
		close(r->fd);
	}
	if (ioctl(r->fd, EVIOCSCLOCKID, &clock))
		die("%s", path);
}

/* A press or a release is two records: the key and a SYN_REPORT. */
static bool evdev_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	struct input_event event[2 * BATCH_MAX];
	ssize_t n, i;

	(void)v;
	n = read(r->fd, event, 2 * batch * sizeof(*event));
	r->at = now();
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("reading input events");
	if (r->skim)
		r->events += n / sizeof(*event) / 2;
	for (i = 0; i < n / (ssize_t)sizeof(*event) && !r->skim; i++) {
		if (event[i].type == EV_KEY)
			count_event(r, event[i].input_event_sec * 1000000000ULL +
				    event[i].input_event_usec * 1000ULL, event[i].value);
		else if (event[i].type == EV_SYN && event[i].code == SYN_DROPPED)
			r->told++;
	}
	return true;
}

/* All keys are in one device, which takes less memory than a device for each key. */
static void evdev_further(bool on)
{
	bind_device("gpio-keys", on ? "keys-one" : "keys-eleven", false);
	bind_device("gpio-keys", on ? "keys-eleven" : "keys-one", true);
}

static const struct variant evdev_variants[] = {
	{ "5 ms", .debounce_us = DEBOUNCE_US, .line = 1 },
	{ "raw", .main = true },
	{ }
};

/*
 * The flag driver of tests/naive. Its readers cannot wait, so only hard IRQ, bursts and idle time
 * are measured.
 */

static void naive_open(const struct variant *v, struct reader *r)
{
	(void)v;
	r->fd = open("/dev/naive_button", O_RDONLY);
	if (r->fd < 0)
		die("/dev/naive_button");
}

bool naive_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	char flag;

	(void)v;
	(void)batch;
	if (pread(r->fd, &flag, 1, 0) != 1)
		die("/dev/naive_button");
	r->events += flag == '1';
	return flag == '1';
}

static const struct variant naive_variants[] = {
	{ "", .main = true },
	{ }
};

/*
 * Nobody: a process that waits for something else, as the reference
 */

static void nobody_open(const struct variant *v, struct reader *r)
{
	(void)v;
	r->fd = -1;
}

static void nobody_close(struct reader *r)
{
	(void)r;
}

static bool nobody_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	(void)v;
	(void)r;
	(void)batch;
	pause();
	return false;
}

/*
 * lgpio, gpiozero's default on a Raspberry Pi. Debian has no package of it, so this program
 * does what lgpio 0.2.2 does for an alert: a thread waits in ppoll() for at most 0.5 ms, reads
 * up to 128 events of the character device, debounces them in user space, and writes a
 * report of 16 bytes to a pipe, which the user's thread reads. The cost of Python is not included.
 */

#define LGPIO_POLL_NS	500000
#define LGPIO_EVENTS	128
#define LGPIO_STACK	65536

/**
 * struct lgpio_report - what a program that uses lgpio reads
 * @timestamp: time of the edge or, with debouncing, of the end of the debounce time
 * @chip: not used here
 * @gpio: not used here
 * @level: logical level, 1 pressed
 * @flags: not used here
 * @reserved: padding
 */
struct lgpio_report {
	__u64 timestamp;
	__u8 chip;
	__u8 gpio;
	__u8 level;
	__u8 flags;
	__u32 reserved;
};

/**
 * struct lgpio - one alert
 * @request: the line
 * @debounce_ns: debounce time, 0 for none
 * @pipe: carries the reports
 * @thread: the alert thread
 * @end: tells the alert thread to return
 * @edge_time: time of the last edge
 * @edge_level: level after the last edge
 * @reported: level of the last report
 */
struct lgpio {
	struct gpiod_line_request *request;
	__u64 debounce_ns;
	int pipe[2];
	pthread_t thread;
	atomic_bool end;
	__u64 edge_time;
	int edge_level;
	int reported;
};

static void lgpio_report(struct lgpio *l, __u64 time, int level)
{
	const struct lgpio_report report = { .timestamp = time, .level = level };

	l->reported = level;
	/* A full pipe loses the report, as it does in lgpio. */
	if (write(l->pipe[1], &report, sizeof(report)) < 0 && errno != EAGAIN)
		die("lgpio's pipe");
}

/* The line did not change between the last edge and @time: reports it if that was long enough. */
static void lgpio_stable(struct lgpio *l, __u64 time)
{
	if (!l->debounce_ns || l->edge_level == l->reported || time < l->edge_time + l->debounce_ns)
		return;
	lgpio_report(l, l->edge_time + l->debounce_ns, l->edge_level);
}

static void *lgpio_thread(void *data)
{
	struct gpiod_edge_event_buffer *events = gpiod_edge_event_buffer_new(LGPIO_EVENTS);
	const struct timespec timeout = { .tv_nsec = LGPIO_POLL_NS };
	struct lgpio *l = data;
	struct pollfd pfd = { .fd = gpiod_line_request_get_fd(l->request), .events = POLLIN };
	int n, i;

	while (!l->end) {
		n = ppoll(&pfd, 1, &timeout, NULL);
		if (n <= 0) {
			lgpio_stable(l, now());
			continue;
		}
		n = gpiod_line_request_read_edge_events(l->request, events, LGPIO_EVENTS);
		for (i = 0; i < n; i++) {
			struct gpiod_edge_event *e = gpiod_edge_event_buffer_get_event(events, i);
			__u64 time = gpiod_edge_event_get_timestamp_ns(e);

			lgpio_stable(l, time);
			l->edge_time = time;
			l->edge_level = gpiod_edge_event_get_event_type(e) ==
					GPIOD_EDGE_EVENT_RISING_EDGE;
			if (!l->debounce_ns)
				lgpio_report(l, time, l->edge_level);
		}
	}
	gpiod_edge_event_buffer_free(events);
	return NULL;
}

static void lgpio_open(const struct variant *v, struct reader *r)
{
	struct lgpio *l = calloc(1, sizeof(*l));
	unsigned int offset;
	struct gpiod_chip *chip = cdev_split_line(&offset);
	pthread_attr_t attr;

	l->debounce_ns = v->debounce_us * 1000ULL;
	l->edge_level = -1;
	l->reported = -1;
	l->request = cdev_request(chip, offset, 1, 0, 0);
	gpiod_chip_close(chip);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, LGPIO_STACK);
	if (pipe(l->pipe) || fcntl(l->pipe[1], F_SETFL, O_NONBLOCK) ||
	    pthread_create(&l->thread, &attr, lgpio_thread, l))
		die("lgpio");
	r->fd = l->pipe[0];
	r->data = l;
}

static void lgpio_close(struct reader *r)
{
	struct lgpio *l = r->data;

	l->end = true;
	pthread_join(l->thread, NULL);
	close(l->pipe[0]);
	close(l->pipe[1]);
	gpiod_line_request_release(l->request);
	free(l);
}

static bool lgpio_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	struct lgpio_report report;
	ssize_t n;

	(void)v;
	(void)batch;
	n = read(r->fd, &report, sizeof(report));
	r->at = now();
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n != sizeof(report))
		die("lgpio's pipe");
	/* The request is active low, so a rising edge is a press. */
	count_event(r, report.timestamp, report.level);
	return true;
}

static const struct variant lgpio_variants[] = {
	{ "5 ms", .debounce_us = DEBOUNCE_US },
	{ "raw", .main = true },
	{ }
};

/*
 * sysfs, as RPi.GPIO uses it: an exported line with edge "both", poll(), then a read of the value
 */

static char sysfs_line[300];

/* Returns the number of the first line of the chip with that label. */
static unsigned int sysfs_base(const char *label)
{
	char path[300], text[64] = "";
	unsigned int base = 0;
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir("/sys/class/gpio");

	while (dir && !found && (entry = readdir(dir))) {
		FILE *file;

		if (strncmp(entry->d_name, "gpiochip", 8))
			continue;
		snprintf(path, sizeof(path), "/sys/class/gpio/%s/label", entry->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%63s", text) == 1 && !strcmp(text, label)) {
			found = true;
			base = atoi(entry->d_name + 8);
		}
		if (file)
			fclose(file);
	}
	if (!found)
		die("no GPIO chip %s in /sys/class/gpio", label);
	closedir(dir);
	return base;
}

static void sysfs_setup(const struct variant *v)
{
	char label[64], text[16], path[sizeof(sysfs_line) + 16];
	char *colon;

	(void)v;
	snprintf(label, sizeof(label), "%s", line_name);
	colon = strrchr(label, ':');
	*colon = '\0';
	snprintf(text, sizeof(text), "%u", sysfs_base(label) + atoi(colon + 1));
	snprintf(sysfs_line, sizeof(sysfs_line), "/sys/class/gpio/gpio%s", text);
	if (access(sysfs_line, F_OK))
		write_file("/sys/class/gpio/export", text);
	snprintf(path, sizeof(path), "%s/edge", sysfs_line);
	write_file(path, "both");
}

static void sysfs_open(const struct variant *v, struct reader *r)
{
	char path[sizeof(sysfs_line) + 16], value[4];

	(void)v;
	snprintf(path, sizeof(path), "%s/value", sysfs_line);
	r->fd = open(path, O_RDONLY);
	/* poll() returns at once until the value has been read for the first time. */
	if (r->fd < 0 || pread(r->fd, value, sizeof(value), 0) < 1)
		die("%s", path);
	r->poll = POLLPRI;
}

static bool sysfs_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	struct pollfd pfd = { .fd = r->fd, .events = POLLPRI };
	char value[4];

	(void)v;
	(void)batch;
	if (poll(&pfd, 1, r->nonblock ? 0 : -1) < 1)
		return false;
	if (pread(r->fd, value, sizeof(value), 0) < 1)
		die("%s", sysfs_line);
	r->at = now();
	/* sysfs has no time stamp, so the reader takes its own. */
	count_event(r, r->at, *value == '0');
	return true;
}

static const struct variant raw_variants[] = {
	{ "raw", .main = true },
	{ }
};

/*
 * interrupt-cnt of the counter subsystem: a watch on the count gives an event for each rising
 * edge. The driver is in Debian's kernel source, but not in its kernels.
 */

#define COUNTER_DIR	"/sys/bus/counter/devices/counter0/count0/"

static void counter_open(const struct variant *v, struct reader *r)
{
	struct counter_watch watch = {
		.component = { .type = COUNTER_COMPONENT_COUNT, .scope = COUNTER_SCOPE_COUNT },
		.event = COUNTER_EVENT_CHANGE_OF_STATE,
	};

	(void)v;
	write_file(COUNTER_DIR "enable", "1");
	r->fd = open("/dev/counter0", O_RDWR);
	if (r->fd < 0 || ioctl(r->fd, COUNTER_ADD_WATCH_IOCTL, &watch) ||
	    ioctl(r->fd, COUNTER_ENABLE_EVENTS_IOCTL))
		die("/dev/counter0");
	r->seqno = proc_number(COUNTER_DIR "count", "");
}

static bool counter_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	struct counter_event event[BATCH_MAX];
	ssize_t n, i;

	(void)v;
	n = read(r->fd, event, batch * sizeof(*event));
	r->at = now();
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("/dev/counter0");
	for (i = 0; i < n / (ssize_t)sizeof(*event); i++) {
		r->told += event[i].value - r->seqno - 1;
		r->seqno = event[i].value;
		count_event(r, event[i].timestamp, -1);
	}
	return true;
}

/*
 * The lower bound: modules/bench_direct.c
 */

static void direct_open(const struct variant *v, struct reader *r)
{
	(void)v;
	r->fd = open("/dev/bench_direct", O_RDONLY);
	if (r->fd < 0)
		die("/dev/bench_direct");
}

static bool direct_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	struct bench_direct_event event;
	ssize_t n;

	(void)v;
	(void)batch;
	n = read(r->fd, &event, sizeof(event));
	r->at = now();
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n != sizeof(event))
		die("/dev/bench_direct");
	r->told += event.edges - 1;
	count_event(r, event.time, -1);
	return true;
}

/*
 * All contenders
 */

const struct contender contenders[] = {
	{
		.name = "button_irq",
		.variants = button_irq_variants,
		.capacity = 640,
		.waits = true,
		.shared = true,
		.setup = button_irq_setup,
		.open = button_irq_open,
		.close = close_fd,
		.take = button_irq_take,
		.further = button_irq_further,
	}, {
		.name = "cdev",
		.variants = cdev_variants,
		.capacity = 640,
		.waits = true,
		.setup = no_setup,
		.open = cdev_open,
		.close = cdev_close,
		.take = cdev_take,
		.further = cdev_further,
	}, {
		.name = "gpio-keys",
		.variants = evdev_variants,
		.capacity = 30,
		.waits = true,
		.shared = true,
		.setup = no_setup,
		.open = evdev_open,
		.close = close_fd,
		.take = evdev_take,
		.further = evdev_further,
	}, {
		.name = "lgpio",
		.variants = lgpio_variants,
		.waits = true,
		.setup = no_setup,
		.open = lgpio_open,
		.close = lgpio_close,
		.take = lgpio_take,
	}, {
		.name = "sysfs",
		.variants = raw_variants,
		.waits = true,
		.setup = sysfs_setup,
		.open = sysfs_open,
		.close = close_fd,
		.take = sysfs_take,
	}, {
		.name = "interrupt-cnt",
		.variants = raw_variants,
		.waits = true,
		.rising = true,
		.setup = no_setup,
		.open = counter_open,
		.close = close_fd,
		.take = counter_take,
	}, {
		.name = "direct",
		.variants = raw_variants,
		.waits = true,
		.setup = no_setup,
		.open = direct_open,
		.close = close_fd,
		.take = direct_take,
	}, {
		.name = "naive",
		.variants = naive_variants,
		.setup = no_setup,
		.open = naive_open,
		.close = close_fd,
		.take = naive_take,
	}, {
		.name = "nobody",
		.variants = naive_variants,
		.setup = no_setup,
		.open = nobody_open,
		.close = nobody_close,
		.take = nobody_take,
	},
	{ }
};
