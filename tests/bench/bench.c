// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - what an edge costs until a program knows of it
 *
 *	bench button_irq|cdev|gpio-keys|naive|nobody INDEX [trace|bursts]
 *
 * INDEX is the line, as stimulus.h counts them. One contender a run, measured through the
 * interface that its users have: button_irq by read(), the GPIO character device through
 * libgpiod, gpio-keys through evdev. Each figure is one line of output: contender and
 * variant, figure, and the single values in the order they were measured, separated by
 * tabs. Times are nanoseconds on CLOCK_MONOTONIC, which bench.py makes count instructions.
 *
 * "nobody" waits for something else: a reference for what goes on in an idle machine.
 *
 * With "trace" some things only, during which budget.py has the host note every instruction: a
 * whole press with bounces and 5 ms of debouncing, a raw edge with a normal reader and with a
 * FIFO one, and, where readers can share the line, with one and with eleven. The host is told by
 * pin 0 of the back end "host". With "bursts", only bursts.
 *
 * Readers are processes of their own. Each edge is followed by a long pause in which they
 * get back to waiting; how long it is does not enter the figures.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <linux/input.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../button_irq.h"
#include "../stimulus.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NSEC_PER_MSEC	1000000ULL
#define PAUSE_NS	(20 * NSEC_PER_MSEC)	/* well beyond DEBOUNCE_US, and jiffies on top */
#define QUIET_NS	(500 * NSEC_PER_MSEC)
#define DEBOUNCE_US	5000
#define BOUNCE_NS	(100 * 1000ULL)
#define BOUNCES		10	/* even, so that the line ends up elsewhere */
#define EDGES		500
#define WARM_UP		20
#define BATCH_MAX	64
#define BACKLOGS	10
#define READERS_MAX	1000
#define FANS		22
#define OPENS		1000
#define FURTHER_READERS	10	/* whose instructions are noted */
#define FURTHER		10	/* buttons */
#define FURTHER_OFFSET	40	/* of their lines, see bench.dts */
#define IDLE_S		60
#define SETTLED_S	10	/* kfree_rcu() may take 5 */
#define INPUTS_MAX	32	/* evdev has no more minor numbers of its own */
#define MEMORY_LOOKS	6
#define LOOK_NS		(100 * NSEC_PER_MSEC)	/* how often a flag is looked at */
#define READER_PRIORITY	40	/* below the IRQ threads' 50 */
#define WRITER_PRIORITY	90	/* above it */

/**
 * struct reader - one open of a contender
 * @fd: what to poll
 * @request: cdev: the line
 * @buffer: cdev: room for events
 * @skim: only count events, for what they say is not looked at
 * @at: when the last read returned
 * @time: time stamp of the last event
 * @events: events that were read
 * @told: edges that the contender said it had lost
 * @disorder: events that say what the one before said
 * @seqno: cdev: number of the last event
 * @level: what the last event said: 1 pressed, 0 released, -1 none yet
 */
struct reader {
	int fd;
	struct gpiod_line_request *request;
	struct gpiod_edge_event_buffer *buffer;
	bool skim;
	__u64 at;
	__u64 time;
	unsigned long events;
	unsigned long told;
	unsigned long disorder;
	unsigned long seqno;
	int level;
};

struct variant;

/**
 * struct contender - one way to read a button
 * @name: on the command line and in the figures
 * @variants: settings it is measured with, up to one without a name
 * @capacity: events it keeps for a reader
 * @shared: several programs may read one line
 * @setup: prepares a variant
 * @open: opens a reader
 * @close: and closes it
 * @take: one read, for at most @batch events; false when there is none and @fd does not block
 * @further: binds ten further buttons, or lets go of them
 */
struct contender {
	const char *name;
	const struct variant *variants;
	unsigned int capacity;
	bool shared;
	void (*setup)(const struct variant *v);
	void (*open)(const struct variant *v, struct reader *r);
	void (*close)(struct reader *r);
	bool (*take)(const struct variant *v, struct reader *r, unsigned int batch);
	void (*further)(bool on);
};

/**
 * struct variant - a contender's settings
 * @name: for the figures
 * @debounce_us: 0: none
 * @mode: button_irq: debounce_mode
 * @binary: button_irq: the format
 * @main: the variant that backlogs, readers and bursts are measured with
 * @line: how many lines after INDEX
 */
struct variant {
	const char *name;
	unsigned int debounce_us;
	const char *mode;
	bool binary;
	bool main;
	unsigned int line;
};

/* What readers and the one who moves the line share. */
static struct {
	__u64 at[WARM_UP + EDGES];
	__u64 time[WARM_UP + EDGES];
	__u64 last;
	atomic_uint returned;
	atomic_uint ready;
} *shared;

static const struct contender *contender;
static struct stim stim;
static int level;	/* of the line: 1 idle */
static bool tracing;
static bool bursts_only;
static struct stim host;	/* is told when to note instructions */

#define die(fmt, ...) ({								\
	fprintf(stderr, "bench: " fmt ": %s\n", ##__VA_ARGS__, strerror(errno));	\
	exit(1);									\
})

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void sleep_ns(__u64 ns)
{
	const struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&ts, NULL);
}

static void set_priority(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &param))
		die("SCHED_FIFO");
}

/* The next edge. Returns when it was made. */
static __u64 edge(void)
{
	__u64 t = now();

	level = !level;
	if (stim_set(&stim, level))
		exit(1);
	return t;
}

/* The host notes instructions from here on, or no longer. */
static void trace(bool on)
{
	if (stim_set(&host, on))
		exit(1);
}

static void settle(void)
{
	if (!level)
		edge();
	sleep_ns(PAUSE_NS);
}

/*
 * Figures
 */

static void begin_figure(const struct variant *v, const char *format, ...)
{
	va_list args;

	printf("%s%s%s\t", contender->name, v && *v->name ? " " : "", v ? v->name : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

static void value(__u64 value)
{
	printf("\t%llu", value);
}

/* The console takes its time, and interrupts: not while something is being measured. */
static void end_figure(void)
{
	putchar('\n');
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s", path);
	close(fd);
}

/* Binds a platform device to its driver, or unbinds it, where that is not so yet. */
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

	snprintf(path, sizeof(path), "/sys/class/button_irq/button_irq/%s", name);
	write_file(path, text);
}

static void button_irq_setup(const struct variant *v)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", v->debounce_us);
	write_setting("debounce_us", text);
	write_setting("debounce_mode", v->mode);
	/* As many edges as we like. */
	write_setting("storm_rate", "0");
}

static void button_irq_open(const struct variant *v, struct reader *r)
{
	__u32 format = v->binary ? BUTTON_IRQ_FORMAT_BINARY : BUTTON_IRQ_FORMAT_TEXT;

	r->fd = open("/dev/button_irq", O_RDONLY);
	if (r->fd < 0 || ioctl(r->fd, BUTTON_IRQ_IOC_SET_FORMAT, &format))
		die("/dev/button_irq");
}

static void close_fd(struct reader *r)
{
	close(r->fd);
}

static void count_event(struct reader *r, __u64 time, bool pressed)
{
	r->events++;
	r->time = time;
	r->disorder += r->level == pressed;
	r->level = pressed;
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

/* The module has been loaded for all of them. */
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

/* @lines lines from @offset on. A buffer for @events, or the kernel's default with 0. */
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
	char label[sizeof(stim.line)];
	char *colon;

	snprintf(label, sizeof(label), "%s", stim.line);
	colon = strrchr(label, ':');
	*colon = '\0';
	*offset = atoi(colon + 1);
	return cdev_chip(label);
}

static void cdev_open(const struct variant *v, struct reader *r)
{
	unsigned int offset;
	struct gpiod_chip *chip = cdev_split_line(&offset);

	r->request = cdev_request(chip, offset, 1, v->debounce_us, 1024);
	r->buffer = gpiod_edge_event_buffer_new(BATCH_MAX);
	r->fd = gpiod_line_request_get_fd(r->request);
	gpiod_chip_close(chip);
}

static void cdev_close(struct reader *r)
{
	gpiod_edge_event_buffer_free(r->buffer);
	gpiod_line_request_release(r->request);
}

static bool cdev_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	int n, i;

	(void)v;
	n = gpiod_line_request_read_edge_events(r->request, r->buffer, batch);
	r->at = now();
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		die("reading edge events");
	if (r->skim)
		r->events += n;
	for (i = 0; i < n && !r->skim; i++) {
		struct gpiod_edge_event *e = gpiod_edge_event_buffer_get_event(r->buffer, i);
		unsigned long seqno = gpiod_edge_event_get_line_seqno(e);

		r->told += seqno - r->seqno - 1;
		r->seqno = seqno;
		count_event(r, gpiod_edge_event_get_timestamp_ns(e),
			    gpiod_edge_event_get_event_type(e) == GPIOD_EDGE_EVENT_RISING_EDGE);
	}
	return true;
}

/* One request for all lines, which takes least; with the buffer that it gets unless asked. */
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
 * gpio-keys and evdev: the input devices are called after the variants, see bench.dts
 */

static void evdev_open(const struct variant *v, struct reader *r)
{
	int clock = CLOCK_MONOTONIC, i;
	char path[32], name[64];

	/* Numbers of devices that went are free. */
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

/* A press or a release is two records: the key, and a SYN_REPORT. */
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

/* Keys of one device, which takes least. */
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
 * The flag driver: nothing to wait for, so only bursts are measured
 */

static void naive_open(const struct variant *v, struct reader *r)
{
	(void)v;
	r->fd = open("/dev/naive_button", O_RDONLY);
	if (r->fd < 0)
		die("/dev/naive_button");
}

static bool naive_take(const struct variant *v, struct reader *r, unsigned int batch)
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
 * Nobody
 */

static void nobody_open(const struct variant *v, struct reader *r)
{
	(void)v;
	r->fd = -1;
}

static bool nobody_take(const struct variant *v, struct reader *r, unsigned int batch)
{
	(void)v;
	(void)r;
	(void)batch;
	pause();
	return false;
}

static const struct contender contenders[] = {
	{ "button_irq", button_irq_variants, 640, true, button_irq_setup, button_irq_open, close_fd,
	  button_irq_take, button_irq_further },
	{ "cdev", cdev_variants, 640, false, no_setup, cdev_open, cdev_close, cdev_take,
	  cdev_further },
	{ "gpio-keys", evdev_variants, 30, true, no_setup, evdev_open, close_fd, evdev_take,
	  evdev_further },
	{ "naive", naive_variants, 0, false, no_setup, naive_open, close_fd, naive_take, NULL },
	{ "nobody", naive_variants, 0, false, no_setup, nobody_open, close_fd, nobody_take,
	  NULL },
};

static struct reader open_reader(const struct variant *v)
{
	struct reader r = { .level = -1 };

	contender->open(v, &r);
	return r;
}

static void set_nonblock(struct reader *r)
{
	if (fcntl(r->fd, F_SETFL, O_NONBLOCK))
		die("O_NONBLOCK");
}

static void take_all(const struct variant *v, struct reader *r)
{
	while (contender->take(v, r, BATCH_MAX))
		;
}

/* Forks; true in the child. The parent goes on when the child has opened its reader. */
static bool in_child(void)
{
	unsigned int ready = atomic_load(&shared->ready);
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		return true;
	while (atomic_load(&shared->ready) == ready)
		sleep_ns(NSEC_PER_MSEC);
	return false;
}

static void wait_children(void)
{
	int status;

	while (wait(&status) > 0)
		if (status)
			exit(1);
}

/*
 * Latencies: edge -> read() or poll() returns, and how late the time stamp is
 */

static void latency_reader(const struct variant *v, bool polls, int priority)
{
	struct reader r = open_reader(v);
	struct pollfd pfd = { .fd = r.fd, .events = POLLIN };
	unsigned int i;

	set_priority(priority);
	atomic_fetch_add(&shared->ready, 1);
	for (i = 0; i < WARM_UP + EDGES; i++) {
		if (polls) {
			poll(&pfd, 1, -1);
			shared->at[i] = now();
		}
		do
			contender->take(v, &r, 1);
		while (r.events <= i);
		if (!polls)
			shared->at[i] = r.at;
		shared->time[i] = r.time;
	}
	exit(0);
}

static void measure_latency(const struct variant *v, bool polls, int priority)
{
	static __u64 t[WARM_UP + EDGES];
	unsigned int i;
	bool traced;

	if (in_child())
		latency_reader(v, polls, priority);
	for (i = 0; i < WARM_UP + EDGES; i++) {
		sleep_ns(PAUSE_NS);
		/* The last but one, as readers exit after the last. */
		traced = tracing && i == WARM_UP + EDGES - 2;
		if (traced)
			trace(true);
		t[i] = edge();
		if (traced) {
			sleep_ns(PAUSE_NS);
			trace(false);
		}
	}
	wait_children();

	begin_figure(v, "%s, %s", polls ? "poll" : "read", priority ? "FIFO" : "normal");
	for (i = WARM_UP; i < WARM_UP + EDGES; i++)
		value(shared->at[i] - t[i]);
	end_figure();
	if (polls || priority)
		return;
	begin_figure(v, "time stamp");
	for (i = WARM_UP; i < WARM_UP + EDGES; i++)
		value(shared->time[i] - t[i]);
	end_figure();
}

/*
 * A press and a release, each with BOUNCES bounces, and all that comes of them: the second of
 * three, as the reader is new at the first and exits at the last.
 */
static void trace_press(const struct variant *v)
{
	unsigned int i, k;

	if (in_child()) {
		struct reader r = open_reader(v);

		atomic_fetch_add(&shared->ready, 1);
		while (r.events < 6)
			contender->take(v, &r, 1);
		exit(0);
	}
	sleep_ns(PAUSE_NS);
	for (i = 0; i < 6; i++) {
		if (i == 2)
			trace(true);
		for (k = 0; k < 1 + BOUNCES; k++) {
			edge();
			sleep_ns(BOUNCE_NS);
		}
		sleep_ns(PAUSE_NS);
		if (i == 3)
			trace(false);
	}
	wait_children();
}

/*
 * What an edge costs until the one who made it goes on: hard IRQ and thread have run by
 * then on this CPU. With debouncing, of a bounce; measured within the debounce time.
 */
static void measure_edge(const struct variant *v)
{
	struct reader r = open_reader(v);
	__u64 cost[EDGES];
	unsigned int i, k;

	set_nonblock(&r);
	for (i = 0; i < EDGES;) {
		settle();
		take_all(v, &r);
		edge();
		for (k = 0; k < 20; k++, i++) {
			__u64 t;

			sleep_ns(BOUNCE_NS);
			t = edge();
			cost[i] = now() - t;
		}
	}
	settle();
	contender->close(&r);

	begin_figure(v, v->debounce_us ? "bounce" : "edge");
	for (i = 0; i < EDGES; i++)
		value(cost[i]);
	end_figure();
}

/* Reading what has piled up. Per event. */
static void measure_backlog(const struct variant *v, unsigned int batch)
{
	struct reader r = open_reader(v);
	unsigned int i, k;

	set_nonblock(&r);
	r.skim = true;
	begin_figure(v, "backlog, batches of %u", batch);
	for (i = 0; i < BACKLOGS; i++) {
		__u64 t;

		for (k = 0; k < contender->capacity; k++) {
			edge();
			sleep_ns(BOUNCE_NS);
		}
		r.events = 0;
		t = now();
		while (r.events < contender->capacity)
			contender->take(v, &r, batch);
		value((r.at - t) / contender->capacity);
	}
	end_figure();
	settle();
	contender->close(&r);
}

/*
 * Many readers: from the edge until the last of them has its event
 */

static void fan_reader(const struct variant *v, unsigned int n, int priority)
{
	struct reader r = open_reader(v);
	unsigned int i;

	set_priority(priority);
	atomic_fetch_add(&shared->ready, 1);
	for (i = 0; i < FANS; i++) {
		contender->take(v, &r, 1);
		if (atomic_fetch_add(&shared->returned, 1) + 1 == n * (i + 1))
			shared->last = r.at;
	}
	exit(0);
}

static void measure_fan(const struct variant *v, unsigned int n, int priority)
{
	__u64 took[FANS];
	unsigned int i;

	atomic_store(&shared->returned, 0);
	for (i = 0; i < n; i++)
		if (in_child())
			fan_reader(v, n, priority);
	for (i = 0; i < FANS; i++) {
		/* The readers exit after the last. */
		bool traced = tracing && i == FANS - 2;
		__u64 t;

		sleep_ns(PAUSE_NS);
		if (traced)
			trace(true);
		t = edge();
		while (atomic_load(&shared->returned) != n * (i + 1))
			sleep_ns(NSEC_PER_MSEC);
		took[i] = shared->last - t;
		if (traced) {
			sleep_ns(PAUSE_NS);
			trace(false);
		}
	}
	wait_children();
	settle();

	begin_figure(v, "%u readers, %s", n, priority ? "FIFO" : "normal");
	/* The readers are new at the first, and exit at the last. */
	for (i = 1; i < FANS - 1; i++)
		value(took[i]);
	end_figure();
}

/*
 * Bursts, from a writer that the IRQ threads do not get the CPU from. Three values:
 * delivered, told to be lost, not in order.
 */
static void measure_burst(const struct variant *v, unsigned int n)
{
	struct reader r = open_reader(v);
	unsigned int i;

	if (contender->take != naive_take)
		set_nonblock(&r);
	settle();
	take_all(v, &r);
	r.events = 0;
	r.told = 0;
	r.disorder = 0;
	set_priority(WRITER_PRIORITY);
	for (i = 0; i < n; i++)
		edge();
	set_priority(0);
	/*
	 * Until all are there or, of those that lose some, nothing comes any more: another CPU
	 * may still be at it.
	 */
	for (i = 0; i < QUIET_NS / PAUSE_NS && r.events < n; i++) {
		unsigned long events = r.events;

		sleep_ns(PAUSE_NS);
		take_all(v, &r);
		if (r.events != events)
			i = 0;
	}
	settle();
	contender->close(&r);

	begin_figure(v, "burst of %u", n);
	value(r.events);
	value(r.told);
	value(r.disorder);
	end_figure();
}

/*
 * Nobody presses, and a reader waits; for a flag it looks now and then. Three values: how often
 * the reader and the IRQ threads have had the CPU, and the whole machine's context switches and
 * interrupts, which a timer or a work item of a driver would add to.
 */

/* The number behind @name in a file of /proc */
static unsigned long proc_number(const char *path, const char *name)
{
	unsigned long number = 0;
	char line[4096];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			number = strtoul(line + strlen(name), NULL, 10);
	if (!file)
		die("%s", path);
	fclose(file);
	return number;
}

static unsigned long switches(const char *pid)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	return proc_number(path, "voluntary_ctxt_switches:") +
	       proc_number(path, "nonvoluntary_ctxt_switches:");
}

static unsigned long irq_thread_switches(void)
{
	char path[300], comm[16];
	struct dirent *entry;
	unsigned long sum = 0;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = *entry->d_name >= '0' && *entry->d_name <= '9' ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, "irq/", 4))
			sum += switches(entry->d_name);
		fclose(file);
	}
	if (!dir)
		die("/proc");
	closedir(dir);
	return sum;
}

struct idle {
	unsigned long own;
	unsigned long switches;
	unsigned long interrupts;
};

static struct idle count_idle(pid_t reader)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", reader);
	return (struct idle){
		.own = switches(pid) + irq_thread_switches(),
		.switches = proc_number("/proc/stat", "ctxt"),
		.interrupts = proc_number("/proc/stat", "intr"),
	};
}

static void measure_idle(const struct variant *v)
{
	unsigned int ready = atomic_load(&shared->ready);
	struct idle before, after;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		struct reader r = open_reader(v);

		atomic_fetch_add(&shared->ready, 1);
		for (;;) {
			contender->take(v, &r, 1);
			if (contender->take == naive_take)
				sleep_ns(LOOK_NS);
		}
	}
	while (atomic_load(&shared->ready) == ready)
		sleep_ns(NSEC_PER_MSEC);
	sleep_ns(PAUSE_NS);
	before = count_idle(pid);
	sleep_ns(IDLE_S * 1000 * NSEC_PER_MSEC);
	after = count_idle(pid);
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waiting for the reader");

	begin_figure(v, "idle for %u s", IDLE_S);
	value(after.own - before.own);
	value(after.switches - before.switches);
	value(after.interrupts - before.interrupts);
	end_figure();
}

/*
 * Bytes in use by the kernel: objects of slabs, what is too large for a slab, and stacks of
 * threads. What CPUs keep at hand goes back first, or it would look used; so do names and inodes
 * that nobody uses any more, and what is freed a little later.
 */
static __u64 memory_in_use(void)
{
	const unsigned long page = sysconf(_SC_PAGESIZE);
	unsigned long objects, size, pages, slabs;
	char line[512], path[300];
	struct dirent *entry;
	__u64 sum = 0;
	FILE *file;
	DIR *dir;

	write_file("/proc/sys/vm/drop_caches", "2");
	sleep_ns(SETTLED_S * 1000 * NSEC_PER_MSEC);
	dir = opendir("/sys/kernel/slab");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", entry->d_name);
		if (*entry->d_name != '.')
			write_file(path, "1");
	}
	if (!dir)
		die("/sys/kernel/slab");
	closedir(dir);
	write_file("/proc/sys/vm/stat_refresh", "1");

	file = fopen("/proc/slabinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %lu %*u %lu %*u %lu : tunables %*u %*u %*u : %*s %*u %lu",
			   &objects, &size, &pages, &slabs) == 4)
			sum += (__u64)objects * size - (__u64)slabs * pages * page;
	if (!file)
		die("/proc/slabinfo");
	fclose(file);
	return sum + 1024 * (proc_number("/proc/meminfo", "Slab:") +
			     proc_number("/proc/meminfo", "KernelStack:"));
}

/* The least of some looks, as what the rest of the system does now and then only adds. */
static __u64 kernel_memory(void)
{
	__u64 least = memory_in_use();
	unsigned int i;

	for (i = 1; i < MEMORY_LOOKS; i++) {
		__u64 again = memory_in_use();

		if (again < least)
			least = again;
	}
	return least;
}

/* Of each further button */
static void measure_button(const struct variant *v)
{
	__u64 before;

	/* Once before, as what has been looked up by name stays in memory. */
	contender->further(true);
	contender->further(false);
	before = kernel_memory();
	contender->further(true);
	begin_figure(v, "memory per button");
	value((kernel_memory() - before) / FURTHER);
	end_figure();
}

/* Of each further open file. */
static void measure_memory(const struct variant *v)
{
	static struct reader r[OPENS];
	const struct rlimit limit = { 2 * OPENS + 100, 2 * OPENS + 100 };
	unsigned int i;
	__u64 before;

	/* So that the table of files has room already. */
	if (setrlimit(RLIMIT_NOFILE, &limit) || dup2(STDIN_FILENO, 2 * OPENS) < 0)
		die("%u files", 2 * OPENS);
	before = kernel_memory();
	for (i = 0; i < OPENS; i++)
		r[i] = open_reader(v);
	begin_figure(v, "memory per reader");
	value((kernel_memory() - before) / OPENS);
	end_figure();
	for (i = 0; i < OPENS; i++)
		contender->close(&r[i]);
	close(2 * OPENS);
}

static void measure_bursts(const struct variant *v)
{
	static const unsigned int bursts[] = { 2, 4, 10, 20, 50, 100, 200, 500, 1000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bursts); i++)
		measure_burst(v, bursts[i]);
}

static void measure_main(const struct variant *v)
{
	static const unsigned int batches[] = { 1, 16, BATCH_MAX };
	static const unsigned int readers[] = { 1, 10, 100, READERS_MAX };
	unsigned int i, readers_max = READERS_MAX;

	measure_idle(v);
	if (contender->take == nobody_take)
		return;
	measure_bursts(v);
	if (!contender->capacity)
		return;
	/* Elsewhere there are not so many lines, nor is there so much time. */
	if (!strcmp(stim_name(&stim), "gpio-sim"))
		measure_button(v);
	else
		readers_max = 100;
	for (i = 0; i < ARRAY_SIZE(batches); i++)
		measure_backlog(v, batches[i]);
	if (!contender->shared)
		return;
	measure_memory(v);
	for (i = 0; i < ARRAY_SIZE(readers) && readers[i] <= readers_max; i++) {
		measure_fan(v, readers[i], 0);
		measure_fan(v, readers[i], READER_PRIORITY);
	}
}

static void measure(const struct variant *v, unsigned int index)
{
	unsigned int i;

	if (stim_open(&stim, index + v->line))
		exit(1);
	level = 0;
	contender->setup(v);
	settle();
	if (tracing) {
		if (v->main) {
			measure_latency(v, false, 0);
			measure_latency(v, false, READER_PRIORITY);
			for (i = 0; contender->shared && i < 4; i++)
				measure_fan(v, i % 2 ? 1 + FURTHER_READERS : 1,
					    i / 2 ? READER_PRIORITY : 0);
		} else if (!v->mode || (v->binary && !strcmp(v->mode, "eager"))) {
			trace_press(v);
		}
		stim_close(&stim);
		return;
	}
	if (bursts_only) {
		if (v->main)
			measure_bursts(v);
		stim_close(&stim);
		return;
	}
	if (contender->capacity) {
		measure_latency(v, false, 0);
		measure_latency(v, false, READER_PRIORITY);
		measure_latency(v, true, 0);
		measure_latency(v, true, READER_PRIORITY);
		measure_edge(v);
	}
	if (v->main)
		measure_main(v);
	stim_close(&stim);
}

int main(int argc, char **argv)
{
	const struct variant *v;
	unsigned int i;

	tracing = argc == 4 && !strcmp(argv[3], "trace");
	bursts_only = argc == 4 && !strcmp(argv[3], "bursts");
	for (i = 0; (argc == 3 || tracing || bursts_only) && i < ARRAY_SIZE(contenders); i++)
		if (!strcmp(argv[1], contenders[i].name))
			contender = &contenders[i];
	if (!contender) {
		fprintf(stderr, "usage: bench CONTENDER INDEX [trace|bursts]\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (shared == MAP_FAILED || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("memory");
	if (tracing) {
		setenv("BUTTON_IRQ_STIMULUS", "host", 1);
		if (stim_open(&host, 0))
			return 1;
		setenv("BUTTON_IRQ_STIMULUS", "gpio-sim", 1);
	}
	for (v = contender->variants; v->name; v++)
		measure(v, atoi(argv[2]));
	return 0;
}
