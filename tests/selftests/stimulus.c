// SPDX-License-Identifier: GPL-2.0-only
/*
 * stimulus.c - the back ends of stimulus.h
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_LIBGPIOD
#include <gpiod.h>
#endif

#include "stimulus.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define fail(err, fmt, ...) ({							\
	int _err = (err);							\
	fprintf(stderr, "# stimulus: " fmt ": %s\n", ##__VA_ARGS__, strerror(_err));	\
	-_err;									\
})

/* gpio-sim: the chip that is made where BUTTON_IRQ_LINES names none. */
#define SIM_LABEL	"button-irq-sim"
#define SIM_LINES	8
#define SIM_CONFIGFS	"/sys/kernel/config/gpio-sim/" SIM_LABEL

struct stim_backend {
	const char *name;
	int (*open)(struct stim *s, unsigned int index);
	void (*close)(struct stim *s);
	int (*set)(struct stim *s, int level);
	int (*direct)(struct stim *s);
	int (*pulse)(struct stim *s, int level);
	int (*set_asleep)(struct stim *s, int level);
	int (*pulse_asleep)(struct stim *s, int level);
};

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return fail(errno, "%s", path);
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	if (n < 0)
		return fail(err, "writing %s to %s", text, path);
	return 0;
}

/* The first line of a file, without its end. */
static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return fail(errno, "%s", path);
	n = read(fd, buf, size - 1);
	err = errno;
	close(fd);
	if (n < 0)
		return fail(err, "reading %s", path);
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* Word number @index of a variable of the environment. */
static int nth_word(const char *variable, unsigned int index, char *buf, size_t size)
{
	const char *p = getenv(variable);
	size_t len;

	if (!p)
		return fail(ENOENT, "%s is not set", variable);
	for (p += strspn(p, " "); *p; p += strspn(p, " ")) {
		len = strcspn(p, " ");
		if (!index--) {
			if (len >= size)
				return fail(ENAMETOOLONG, "%s", variable);
			memcpy(buf, p, len);
			buf[len] = '\0';
			return 0;
		}
		p += len;
	}
	return fail(ENOENT, "%s has too few words", variable);
}

static int lines_from_environment(struct stim *s, unsigned int index)
{
	int ret = nth_word("BUTTON_IRQ_LINES", index, s->line, sizeof(s->line));

	return ret ? ret : nth_word("BUTTON_IRQ_PINS", index, s->pin, sizeof(s->pin));
}

/*
 * gpio-sim
 */

static int sim_mkdir(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return fail(errno, "%s (is gpio-sim loaded?)", path);
	return 0;
}

/* Make the chip, unless a test before has; say where its lines are in sysfs. */
static int sim_make(char *dir, size_t size)
{
	char device[64], chip[64];
	bool made;
	int ret;

	made = !access(SIM_CONFIGFS "/live", F_OK);
	if (!made) {
		ret = sim_mkdir(SIM_CONFIGFS);
		if (!ret)
			ret = sim_mkdir(SIM_CONFIGFS "/bank0");
		if (!ret)
			ret = write_text(SIM_CONFIGFS "/bank0/label", SIM_LABEL);
		if (!ret)
			ret = write_text(SIM_CONFIGFS "/bank0/num_lines", "8");
		if (!ret)
			ret = write_text(SIM_CONFIGFS "/live", "1");
		if (ret)
			return ret;
	}
	ret = read_text(SIM_CONFIGFS "/dev_name", device, sizeof(device));
	if (!ret)
		ret = read_text(SIM_CONFIGFS "/bank0/chip_name", chip, sizeof(chip));
	if (ret)
		return ret;
	snprintf(dir, size, "/sys/devices/platform/%s/%s", device, chip);
	return 0;
}

static int sim_set(struct stim *s, int level)
{
	const char *pull = level ? "pull-up" : "pull-down";

	if (pwrite(s->fd, pull, strlen(pull), 0) < 0)
		return fail(errno, "%s/pull", s->pin);
	return 0;
}

static int sim_open(struct stim *s, unsigned int index)
{
	char dir[192], path[sizeof(s->pin) + sizeof("/pull")];
	int ret;

	if (getenv("BUTTON_IRQ_LINES")) {
		ret = lines_from_environment(s, index);
		if (ret)
			return ret;
	} else {
		if (index >= SIM_LINES)
			return fail(ENOENT, "%s has %d lines", SIM_LABEL, SIM_LINES);
		ret = sim_make(dir, sizeof(dir));
		if (ret)
			return ret;
		snprintf(s->line, sizeof(s->line), "%s:%u", SIM_LABEL, index);
		snprintf(s->pin, sizeof(s->pin), "%s/sim_gpio%u", dir, index);
	}
	snprintf(path, sizeof(path), "%s/pull", s->pin);
	s->fd = open(path, O_WRONLY | O_CLOEXEC);
	if (s->fd < 0)
		return fail(errno, "%s", path);
	return 0;
}

static void sim_close(struct stim *s)
{
	close(s->fd);
}

/*
 * host: a command goes into a page shared with the host (ivshmem), and a write to
 * QEMU's pvpanic device pauses the machine until the host has carried it out. So no time
 * passes for the guest, and the change is as synchronous as a write to a register.
 *
 * Boards without PCI ask at a serial port, $BUTTON_IRQ_HOST_TTY, and wait for the answer.
 * Then time does pass, and the guest's must be the host's.
 */

#define HOST_MAGIC	0x42495251

enum { HOST_MAGIC_WORD, HOST_SEQ, HOST_ACK, HOST_OP, HOST_LINE, HOST_LEVEL, HOST_RESULT };
enum {
	HOST_OP_SET = 1,
	HOST_OP_SET_ASLEEP = 2,
	HOST_OP_PULSE = 4,
	HOST_OP_PULSE_ASLEEP = 5,
};

/* How long the host may take before we say that nobody is there; guest time. */
#define HOST_DEADLINE_S	10

static bool pci_is(const char *dir, const char *file, const char *id)
{
	char path[PATH_MAX], buf[32];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return !read_text(path, buf, sizeof(buf)) && !strcmp(buf, id);
}

/* Map memory BAR @bar of the PCI device with this vendor and device number. */
static void *pci_map(const char *vendor, const char *device, int bar, size_t len, int *fd)
{
	static const char bus[] = "/sys/bus/pci/devices";
	char dir[PATH_MAX / 2], path[PATH_MAX], line[128];
	unsigned long long start = 0;
	bool found = false;
	struct dirent *de;
	FILE *f;
	DIR *d;
	int i;
	void *p;

	d = opendir(bus);
	while (d && !found && (de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(dir, sizeof(dir), "%s/%s", bus, de->d_name);
		found = pci_is(dir, "vendor", vendor) && pci_is(dir, "device", device);
	}
	if (d)
		closedir(d);
	if (!found) {
		fail(ENODEV, "no PCI device %s:%s; is this QEMU?", vendor, device);
		return NULL;
	}

	snprintf(path, sizeof(path), "%s/enable", dir);
	if (read_text(path, line, sizeof(line)))
		return NULL;
	if (!strcmp(line, "0") && write_text(path, "1"))
		return NULL;

	/* mmap() gives whole pages; the BAR may begin within one. */
	snprintf(path, sizeof(path), "%s/resource", dir);
	f = fopen(path, "re");
	for (i = 0; f && i <= bar && fgets(line, sizeof(line), f); i++)
		start = strtoull(line, NULL, 16);
	if (f)
		fclose(f);

	snprintf(path, sizeof(path), "%s/resource%d", dir, bar);
	*fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (*fd < 0) {
		fail(errno, "%s", path);
		return NULL;
	}
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (p == MAP_FAILED) {
		fail(errno, "mapping %s", path);
		close(*fd);
		return NULL;
	}
	return (char *)p + (start & (sysconf(_SC_PAGESIZE) - 1));
}

static __u32 host_read(const struct stim *s, int word)
{
	return __atomic_load_n(&s->page[word], __ATOMIC_ACQUIRE);
}

static void host_write(struct stim *s, int word, __u32 value)
{
	__atomic_store_n(&s->page[word], value, __ATOMIC_RELEASE);
}

static int host_tty_open(struct stim *s, const char *tty)
{
	s->fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return s->fd < 0 ? fail(errno, "%s", tty) : 0;
}

/* The host's answer is one line with a number. */
static int host_tty_answer(struct stim *s, int *result)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
	char answer[32], *end;
	size_t len = 0;

	do {
		if (len == sizeof(answer) - 1)
			return -EPROTO;
		if (poll(&pfd, 1, HOST_DEADLINE_S * 1000) <= 0)
			return -ETIMEDOUT;
		if (read(s->fd, &answer[len], 1) != 1)
			return -EIO;
	} while (answer[len++] != '\n');
	answer[len] = '\0';
	*result = strtol(answer, &end, 10);
	return *end == '\n' && end != answer ? 0 : -EPROTO;
}

static int host_tty_command(struct stim *s, __u32 op, int level)
{
	const char *word = op == HOST_OP_SET ? "set" : "pulse";
	int ret, result = 0;

	if (op != HOST_OP_SET && op != HOST_OP_PULSE)
		return -EOPNOTSUPP;
	/* One port for all processes. */
	if (flock(s->fd, LOCK_EX))
		return fail(errno, "locking the port to the host");
	if (dprintf(s->fd, "HOST %s %s %d\n", word, s->pin, level) < 0)
		ret = -errno;
	else
		ret = host_tty_answer(s, &result);
	flock(s->fd, LOCK_UN);
	if (!ret)
		ret = result;
	return ret ? fail(ret < 0 ? -ret : EIO, "the host, asked to set pin %s", s->pin) : 0;
}

static int host_open(struct stim *s, unsigned int index)
{
	int ret = lines_from_environment(s, index);
	const char *tty = getenv("BUTTON_IRQ_HOST_TTY");
	int gate_fd;

	if (ret)
		return ret;
	if (tty)
		return host_tty_open(s, tty);
	s->page = pci_map("0x1af4", "0x1110", 2, 4096, &s->fd);
	if (!s->page)
		return -ENODEV;
	if (host_read(s, HOST_MAGIC_WORD) != HOST_MAGIC) {
		close(s->fd);
		return fail(ENODEV, "the host does not listen");
	}
	s->gate = pci_map("0x1b36", "0x0011", 0, 1, &gate_fd);
	if (!s->gate) {
		close(s->fd);
		return -ENODEV;
	}
	close(gate_fd);
	return 0;
}

static void host_close(struct stim *s)
{
	unsigned long page = sysconf(_SC_PAGESIZE);

	if (s->page) {
		munmap((void *)((unsigned long)s->page & -page), 4096);
		munmap((void *)((unsigned long)s->gate & -page), 1);
	}
	close(s->fd);
}

static int host_command(struct stim *s, __u32 op, int level)
{
	struct timespec start, now;
	__s32 result = 0;
	__u32 seq;

	if (!s->page)
		return host_tty_command(s, op, level);
	/* One page for all processes. */
	if (flock(s->fd, LOCK_EX))
		return fail(errno, "locking the page shared with the host");
	seq = host_read(s, HOST_SEQ) + 1;
	host_write(s, HOST_OP, op);
	host_write(s, HOST_LINE, strtoul(s->pin, NULL, 0));
	host_write(s, HOST_LEVEL, level);
	host_write(s, HOST_SEQ, seq);
	__atomic_store_n(s->gate, 1, __ATOMIC_SEQ_CST);

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (host_read(s, HOST_ACK) != seq) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > start.tv_sec + HOST_DEADLINE_S) {
			result = -ETIMEDOUT;
			break;
		}
	}
	if (!result)
		result = (__s32)host_read(s, HOST_RESULT);
	flock(s->fd, LOCK_UN);
	if (result)
		return fail(result < 0 ? -result : EIO, "the host, asked to set pin %s", s->pin);
	return 0;
}

static int host_set(struct stim *s, int level)
{
	return host_command(s, HOST_OP_SET, level);
}

static int host_pulse(struct stim *s, int level)
{
	return host_command(s, HOST_OP_PULSE, level);
}

static int host_set_asleep(struct stim *s, int level)
{
	return host_command(s, HOST_OP_SET_ASLEEP, level);
}

static int host_pulse_asleep(struct stim *s, int level)
{
	return host_command(s, HOST_OP_PULSE_ASLEEP, level);
}

/*
 * wire
 */

#ifdef HAVE_LIBGPIOD
static bool wire_chip_is(const char *path, const char *label)
{
	struct gpiod_chip *chip = gpiod_chip_open(path);
	struct gpiod_chip_info *info;
	bool is = false;

	if (!chip)
		return false;
	info = gpiod_chip_get_info(chip);
	if (info) {
		is = !strcmp(gpiod_chip_info_get_label(info), label);
		gpiod_chip_info_free(info);
	}
	gpiod_chip_close(chip);
	return is;
}

/* s->pin is CHIPLABEL:OFFSET, split at the last colon as the driver does it. */
static int wire_open(struct stim *s, unsigned int index)
{
	char label[sizeof(s->pin)], path[64];
	char *colon, *end;
	int i, ret;

	ret = lines_from_environment(s, index);
	if (ret)
		return ret;
	snprintf(label, sizeof(label), "%s", s->pin);
	colon = strrchr(label, ':');
	if (!colon || !colon[1])
		return fail(EINVAL, "%s is not CHIPLABEL:OFFSET", s->pin);
	*colon = '\0';
	s->offset = strtoul(colon + 1, &end, 10);
	if (*end)
		return fail(EINVAL, "%s is not CHIPLABEL:OFFSET", s->pin);

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/gpiochip%d", i);
		if (!access(path, F_OK) && wire_chip_is(path, label)) {
			snprintf(s->pin, sizeof(s->pin), "%s", path);
			return 0;
		}
	}
	return fail(ENODEV, "no GPIO chip has the label %s", label);
}

/*
 * The line is requested when it is first driven, with that level: a request at open
 * would have to guess one, and the button would see an edge that nobody made.
 */
static int wire_request(struct stim *s, enum gpiod_line_value value)
{
	struct gpiod_line_settings *settings = gpiod_line_settings_new();
	struct gpiod_request_config *request = gpiod_request_config_new();
	struct gpiod_line_config *lines = gpiod_line_config_new();
	struct gpiod_chip *chip = gpiod_chip_open(s->pin);
	int ret = 0;

	if (!settings || !request || !lines || !chip) {
		ret = fail(errno, "%s", s->pin);
		goto out;
	}
	gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_OUTPUT);
	gpiod_line_settings_set_output_value(settings, value);
	gpiod_request_config_set_consumer(request, "button_irq stimulus");
	if (!gpiod_line_config_add_line_settings(lines, &s->offset, 1, settings))
		s->request = gpiod_chip_request_lines(chip, request, lines);
	if (!s->request)
		ret = fail(errno, "line %u of %s", s->offset, s->pin);
out:
	gpiod_chip_close(chip);
	gpiod_line_config_free(lines);
	gpiod_request_config_free(request);
	gpiod_line_settings_free(settings);
	return ret;
}

static void wire_close(struct stim *s)
{
	unsigned long page = sysconf(_SC_PAGESIZE);

	if (s->reg)
		munmap((void *)((unsigned long)s->reg & -page), page);
	if (s->request)
		gpiod_line_request_release(s->request);
}

static int wire_set(struct stim *s, int level)
{
	enum gpiod_line_value value = level ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;

	if (s->reg) {
		__atomic_store_n(s->reg, level ? 1U << s->offset : 0, __ATOMIC_RELAXED);
		return 0;
	}
	if (!s->request)
		return wire_request(s, value);
	if (gpiod_line_request_set_value(s->request, s->offset, value))
		return fail(errno, "line %u of %s", s->offset, s->pin);
	return 0;
}
#else
static int wire_open(struct stim *s, unsigned int index)
{
	(void)s;
	(void)index;
	return fail(ENOPKG, "wire: built without libgpiod 2 (pkg-config did not find it)");
}

static void wire_close(struct stim *s)
{
	(void)s;
}

static int wire_set(struct stim *s, int level)
{
	(void)s;
	(void)level;
	return -ENOPKG;
}
#endif

/*
 * PL061 (ARM DDI 0190B, 3.3.1): the data register is there 256 times, and bits 9 to 2 of the
 * address say which lines a write is for; so other lines, and who sets them, are left alone.
 */
static int wire_direct(struct stim *s)
{
	char path[sizeof(s->pin) + 64], text[64];
	long page = sysconf(_SC_PAGESIZE);
	char *regs;
	int fd, ret;

	snprintf(path, sizeof(path), "/sys/bus/gpio/devices%s/../id", strrchr(s->pin, '/'));
	if (access(path, F_OK) || read_text(path, text, sizeof(text)) || strcmp(text, "00041061") ||
	    access("/dev/mem", F_OK))
		return -EOPNOTSUPP;
	snprintf(path, sizeof(path), "/sys/bus/gpio/devices%s/../resource", strrchr(s->pin, '/'));
	ret = read_text(path, text, sizeof(text));
	if (ret)
		return ret;
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "/dev/mem");
	regs = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, strtoull(text, NULL, 16));
	close(fd);
	if (regs == MAP_FAILED)
		return fail(errno, "mapping the registers of %s (iomem=relaxed?)", s->pin);
	s->reg = (__u32 *)(regs + (4UL << s->offset));
	return 0;
}

/*
 * Only the chip of modules/button_irq_test_chip.c can be told to hold its interrupts
 * back; its platform device has an attribute for that.
 */
static int wire_pulse(struct stim *s, int level)
{
	const char *chip = strrchr(s->pin, '/');
	char hold[sizeof(s->pin) + 64];
	int ret, ret2;

	snprintf(hold, sizeof(hold), "/sys/bus/gpio/devices%s/../hold", chip);
	if (access(hold, W_OK))
		return -EOPNOTSUPP;
	ret = write_text(hold, "1");
	if (ret)
		return ret;
	ret = wire_set(s, level);
	if (!ret)
		ret = wire_set(s, !level);
	ret2 = write_text(hold, "0");
	return ret ? ret : ret2;
}

static const struct stim_backend backends[] = {
	{
		.name = "gpio-sim",
		.open = sim_open,
		.close = sim_close,
		.set = sim_set,
	}, {
		.name = "host",
		.open = host_open,
		.close = host_close,
		.set = host_set,
		.pulse = host_pulse,
		.set_asleep = host_set_asleep,
		.pulse_asleep = host_pulse_asleep,
	}, {
		.name = "wire",
		.open = wire_open,
		.close = wire_close,
		.set = wire_set,
		.direct = wire_direct,
		.pulse = wire_pulse,
	},
};

int stim_open(struct stim *s, unsigned int index)
{
	const char *name = getenv("BUTTON_IRQ_STIMULUS");
	size_t i;
	int ret;

	if (!name || !*name)
		name = backends[0].name;
	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		if (strcmp(name, backends[i].name))
			continue;
		*s = (struct stim){ .fd = -1 };
		ret = backends[i].open(s, index);
		if (!ret)
			s->backend = &backends[i];
		return ret;
	}
	return fail(EINVAL, "BUTTON_IRQ_STIMULUS=%s", name);
}

void stim_close(struct stim *s)
{
	if (s->backend)
		s->backend->close(s);
	s->backend = NULL;
}

const char *stim_name(const struct stim *s)
{
	return s->backend->name;
}

int stim_set(struct stim *s, int level)
{
	return s->backend->set(s, level);
}

int stim_direct(struct stim *s)
{
	return s->backend->direct ? s->backend->direct(s) : -EOPNOTSUPP;
}

int stim_pulse(struct stim *s, int level)
{
	return s->backend->pulse ? s->backend->pulse(s, level) : -EOPNOTSUPP;
}

int stim_set_asleep(struct stim *s, int level)
{
	return s->backend->set_asleep ? s->backend->set_asleep(s, level) : -EOPNOTSUPP;
}

int stim_pulse_asleep(struct stim *s, int level)
{
	return s->backend->pulse_asleep ? s->backend->pulse_asleep(s, level) : -EOPNOTSUPP;
}

static __u64 stim_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A timer is late by some 0.1 ms, with the scheduler's help: more, and the machine stood still. */
#define LATE_NS	1000000

int stim_train(struct stim *s, struct stim_edge *edges, size_t n)
{
	__u64 start = stim_now();
	struct timespec at;
	__u64 ns;
	size_t i;
	int ret;

	for (i = 0; i < n; i++) {
		ns = start + edges[i].us * 1000ULL;
		at.tv_sec = ns / 1000000000;
		at.tv_nsec = ns % 1000000000;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			;
		edges[i].before = stim_now();
		/* The rest comes later, or a press and its release would fall together. */
		if (edges[i].before - ns > LATE_NS)
			start += edges[i].before - ns;
		ret = stim_set(s, edges[i].level);
		edges[i].after = stim_now();
		if (ret)
			return ret;
	}
	return 0;
}
