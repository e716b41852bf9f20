// SPDX-License-Identifier: GPL-2.0-only
/*
 * Diagnoses common problems in the order in which they stop people, and suggests a fix for each.
 * It only looks, and changes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board.h"
#include "commands.h"
#include "device.h"
#include "util.h"

#define DRIVER_DIR	ROOT "/sys/bus/platform/drivers/button_irq"
#define TREE_DIR	ROOT "/sys/firmware/devicetree/base"
#define LOG_LINES	5	/* of the kernel log, at most, for one finding */

static unsigned int problems;

static void vfinding(const char *kind, const char *format, va_list args)
{
	printf("%-8s ", kind);
	vprintf(format, args);
	putchar('\n');
}

static void __attribute__((format(printf, 1, 2))) fine(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfinding("ok", format, args);
	va_end(args);
}

/* Reports a fact that is no problem. */
static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfinding("note", format, args);
	va_end(args);
}

static void __attribute__((format(printf, 2, 3))) problem(const char *cure, const char *format, ...)
{
	va_list args;

	problems++;
	va_start(args, format);
	vfinding("PROBLEM", format, args);
	va_end(args);
	printf("         -> %s\n", cure);
}

static bool exists(const char *format, const char *release)
{
	char path[300];

	snprintf(path, sizeof(path), format, release);
	return !access(path, F_OK);
}

static bool in_container(void)
{
	return exists(ROOT "/.dockerenv%s", "") || exists(ROOT "/run/.containerenv%s", "") ||
	       exists(ROOT "/run/systemd/container%s", "");
}

/* --- The kernel log --- */

static char *kernel_log;

/* Reads all records of the kernel log. */
static void read_kernel_log(void)
{
	int fd = open(ROOT "/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t used = 0, size = 1 << 20;
	char *more;
	ssize_t n;

	kernel_log = fd >= 0 ? malloc(size) : NULL;
	while (kernel_log) {
		/* The last records matter most, so read all of a log that log_buf_len= has made long. */
		if (used + 8192 > size) {
			more = realloc(kernel_log, size * 2);
			if (!more)
				break;
			kernel_log = more;
			size *= 2;
		}
		n = read(fd, kernel_log + used, 8191);
		/* EPIPE: this record was overwritten meanwhile; the next read goes on behind it. */
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			break;
		used += n;
	}
	if (kernel_log)
		kernel_log[used] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Texts in the driver's messages, and how to fix the cause. The first match counts. */
static const struct {
	const char *text;
	const char *cure;
} cures[] = {
	{ "another function",
	  "I2C, UART, SPI or another driver has the pin: switch that off (dtparam=i2c_arm=off in config.txt), take another pin, or claim=1 if it is meant" },
	{ "holds the button pressed", "pull=up with active_low=1, pull=down with active_low=0" },
	{ "in use", "take another pin, or end what has this one: gpioinfo names its user" },
	{ "no such GPIO line", "gpioinfo lists the lines that exist" },
	{ "is the label of", "name the chip by its device: line=gpiochip2:4" },
	{ "no interrupt", "this controller has no interrupt for the line: take another line or controller" },
	{ "cannot get interrupt", "the interrupt is taken or not possible on this line: take another line" },
	{ "cannot set", "the controller cannot set this pull: use a resistor, and pull=as-is" },
	{ "cannot read the line", "is the controller (an expander on I2C, perhaps) connected and powered?" },
	{ "debounce", "0 to 1000000 microseconds; mode eager or settle" },
	{ "label", "1 to 31 printable characters without /" },
	{ "error -12", "the machine is out of memory" },
};

/* Shows the last warnings and errors of the driver with @what in them. Returns how many. */
static unsigned int show_log(const char *what)
{
	const char *line, *end, *last[LOG_LINES];
	unsigned int n = 0, i, k;

	for (line = kernel_log; line && *line; line = *end ? end + 1 : end) {
		const char *text = strchr(line, ';');

		end = strchrnul(line, '\n');
		/* " KEY=VALUE" lines continue a record. Above 4 are notices, which are no faults. */
		if (*line == ' ' || !text || text > end || (atoi(line) & 7) > 4 ||
		    !(memmem(text, end - text, "button_irq", 10) || memmem(text, end - text, "button-irq", 10)) ||
		    !memmem(text, end - text, what, strlen(what)))
			continue;
		last[n++ % LOG_LINES] = text + 1;
	}
	for (i = n > LOG_LINES ? n - LOG_LINES : 0; i < n; i++) {
		const char *text = last[i % LOG_LINES];
		int length = strcspn(text, "\n");

		printf("         log: %.*s\n", length, text);
		for (k = 0; k < ARRAY_SIZE(cures); k++) {
			if (!memmem(text, length, cures[k].text, strlen(cures[k].text)))
				continue;
			printf("         -> %s\n", cures[k].cure);
			break;
		}
	}
	return n;
}

static void show_log_or_say(const char *what)
{
	if (!kernel_log)
		printf("         the kernel log says why: sudo button-irq doctor\n");
	else if (!show_log(what))
		printf("         the kernel log does not say why any more: try again, then dmesg | grep button\n");
}

/* --- The module --- */

/* Is there a module for this kernel, wherever it was installed and however it is compressed? */
static bool module_installed(const char *release)
{
	char path[300], line[4096], *colon, *name;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), ROOT "/lib/modules/%s/modules.dep", release);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		colon = strchr(line, ':');
		name = strstr(line, "/button_irq.ko");
		found = colon && name && name < colon;
	}
	fclose(f);
	return found;
}

/* The package with the headers of a kernel release */
static void headers_package(const char *release, char *text, size_t size)
{
	static const struct {
		const char *pattern;
		const char *package;
	} packages[] = {
#define HEADERS(pattern, package) { pattern, package },
#include "kernel-headers.h"
	};
	const char *package, *name;
	size_t i = 0;

	/* The last pattern matches every release. */
	while (fnmatch(packages[i].pattern, release, 0))
		i++;
	package = packages[i].package;
	name = strstr(package, "RELEASE");
	if (name)
		snprintf(text, size, "%.*s%s", (int)(name - package), package, release);
	else
		snprintf(text, size, "%s", package);
}

static void read_release(char *release, size_t size)
{
	FILE *f = fopen(ROOT "/proc/sys/kernel/osrelease", "re");

	*release = '\0';
	if (f && fgets(release, size, f))
		release[strcspn(release, "\n")] = '\0';
	if (f)
		fclose(f);
}

/* Returns whether the module is loaded. */
static bool check_module(void)
{
	char release[128], cure[300], package[200];

	read_release(release, sizeof(release));
	if (exists(ROOT "/sys/module/button_irq%s", "")) {
		fine("the module button_irq is loaded into kernel %s", release);
		return true;
	}
	if (in_container()) {
		problem("load the module on the host, outside of this container", "the module button_irq is not loaded");
	} else if (module_installed(release)) {
		problem("sudo modprobe button_irq gpio=17, or dtoverlay=button-irq,gpio=17 in config.txt",
			"the module button_irq is installed but not loaded");
		show_log("=");
	} else if (!exists(ROOT "/lib/modules/%s", release)) {
		problem("sudo reboot", "kernel %s runs, but its modules are gone: it was replaced by an upgrade",
			release);
	} else if (!exists(ROOT "/lib/modules/%s/build", release)) {
		headers_package(release, package, sizeof(package));
		snprintf(cure, sizeof(cure), "sudo apt install %s button-irq-dkms", package);
		problem(cure, "no module button_irq for kernel %s, and no headers to build it with", release);
	} else {
		problem("sudo apt install --reinstall button-irq-dkms, or make && sudo make install in its source",
			"no module button_irq for kernel %s", release);
	}
	return false;
}

/* --- The controller --- */

static bool is_preempt_rt(void)
{
	/* /sys/kernel/realtime is only in kernels with the patches from before PREEMPT_RT was merged. */
	FILE *f = fopen(ROOT "/proc/version", "re");
	char line[512] = "";
	bool found = f && fgets(line, sizeof(line), f) && strstr(line, "PREEMPT_RT");

	if (f)
		fclose(f);
	return found;
}

static void check_controller(void)
{
	if (is_preempt_rt() && has_mainline_rp1())
		problem("boot a kernel without PREEMPT_RT, or Raspberry Pi's own; a patch is in doc/upstream of button-irq's source",
			"this kernel locks up at the first edge of a GPIO line: PREEMPT_RT with mainline's pinctrl-rp1");
}

/* --- Buttons in the device tree that the driver refused --- */

static unsigned int described;

/* Has a driver taken this node of the device tree? */
static bool is_bound(const char *node)
{
	char path[PATH_MAX], of_node[PATH_MAX], tree[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir(DRIVER_DIR);

	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), DRIVER_DIR "/%s/of_node", entry->d_name);
		found = realpath(path, of_node) && realpath(node, tree) && !strcmp(of_node, tree);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool property_is(const char *node, const char *name, const char *value)
{
	char path[PATH_MAX], text[256];
	FILE *f;
	size_t n;

	if (snprintf(path, sizeof(path), "%s/%s", node, name) >= (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return memmem(text, n, value, strlen(value) + 1);
}

static int look_at_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = strrchr(path, '/') + 1;

	(void)st;
	(void)ftw;
	if (type != FTW_D || !property_is(path, "compatible", "button-irq") ||
	    property_is(path, "status", "disabled"))
		return 0;
	described++;
	if (is_bound(path))
		return 0;
	problem("look at the overlay's parameters in config.txt",
		"the device tree describes a button, %s, but the driver did not take it", name);
	show_log_or_say(name);
	return 0;
}

static bool check_buttons(char ***nodes, int *n)
{
	*n = button_nodes(nodes);
	if (*n > 0)
		fine("%d button%s", *n, *n > 1 ? "s" : "");
	nftw(TREE_DIR, look_at_node, 16, FTW_PHYS);
	if (*n > 0)
		return true;
	if (!described) {
		problem("dtoverlay=button-irq,gpio=17 in config.txt and reboot, or sudo modprobe -r button_irq; sudo modprobe button_irq gpio=17",
			"the module is loaded, but no overlay and no parameter gives it a button");
		show_log("=");
	}
	return false;
}

/* --- One button --- */

static unsigned long number(const char *node, const char *name)
{
	char text[32];

	return button_attribute(node, name, text, sizeof(text)) ? 0 : strtoul(text, NULL, 10);
}

/* Does the user database have the user in the group? Then only this session lacks the group. */
static bool in_group_later(const char *group)
{
	const struct group *entry = getgrnam(group);
	const char *user = getenv("USER");
	size_t i;

	for (i = 0; entry && user && entry->gr_mem[i]; i++)
		if (!strcmp(entry->gr_mem[i], user))
			return true;
	return false;
}

static void check_access(const char *path)
{
	const struct group *group;
	char cure[200];
	struct stat st;

	group = stat(path, &st) ? NULL : getgrgid(st.st_gid);
	if (group && st.st_gid && st.st_mode & S_IRGRP) {
		snprintf(cure, sizeof(cure), in_group_later(group->gr_name) ? "log out and in again, or newgrp %s" :
			 "sudo usermod -aG %s $USER, and log in again", group->gr_name);
		problem(cure, "%s: may be read by group %s, and %s", path + strlen(ROOT), group->gr_name,
			in_group_later(group->gr_name) ? "this session began before you were in it" :
			"you are not in it");
	} else if (!getgrnam("gpio")) {
		problem("sudo groupadd --system gpio, sudo usermod -aG gpio $USER, then sudo udevadm control --reload && sudo udevadm trigger",
			"%s: may be read by root only, and there is no group gpio to give it to", path + strlen(ROOT));
	} else {
		problem("install the udev rule (package button-irq), then sudo udevadm control --reload && sudo udevadm trigger",
			"%s: may be read by root only", path + strlen(ROOT));
	}
}

static void check_permission(const char *node)
{
	char path[300], cure[400];
	int fd;

	snprintf(path, sizeof(path), ROOT "/dev/%s", node);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		fine("%s: can be opened", path + strlen(ROOT));
	} else if (errno == EACCES) {
		check_access(path);
	} else if (errno == ENOENT && in_container()) {
		snprintf(cure, sizeof(cure), "start the container with --device /dev/%s", node);
		problem(cure, "%s: not in this container", path + strlen(ROOT));
	} else if (errno == EPERM && in_container()) {
		snprintf(cure, sizeof(cure), "start the container with --device /dev/%s", node);
		problem(cure, "%s: this container may not use it", path + strlen(ROOT));
	} else if (errno == EBUSY) {
		problem("end programs that read it, or raise the parameter max_readers",
			"%s: as many readers as it may have", path + strlen(ROOT));
	} else {
		problem("is udev running? sudo udevadm trigger; dmesg | grep button", "%s: %s", path + strlen(ROOT),
			strerror(errno));
	}
}

/*
 * Gets the kernel's flags of a line, GPIO_V2_LINE_FLAG_*, and its controller, without libgpiod. Returns whether the line was
 * found.
 */
static bool line_flags(const char *label, unsigned int offset, __u64 *flags, struct gpiochip_info *found_chip)
{
	struct gpio_v2_line_info info = { .offset = offset };
	struct gpiochip_info chip = {};
	struct dirent *entry;
	DIR *dir = opendir(ROOT "/dev");
	bool found = false;
	char path[300];
	int fd;

	while (dir && !found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "gpiochip", 8))
			continue;
		snprintf(path, sizeof(path), ROOT "/dev/%s", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		found = !ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &chip) && !strcmp(chip.label, label) &&
			!ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, &info);
		close(fd);
	}
	if (dir)
		closedir(dir);
	*flags = info.flags;
	*found_chip = chip;
	return found;
}

/* A line without a pull floats and has spurious edges. A pull to the wrong side holds the button pressed. */
static void check_line(const char *node)
{
	struct gpiochip_info chip;
	char line[80], *colon;
	unsigned int offset;
	bool active_low;
	__u64 flags;

	if (button_attribute(node, "line", line, sizeof(line)))
		return;
	colon = strrchr(line, ':');
	if (!colon)
		return;
	*colon = '\0';
	offset = strtoul(colon + 1, NULL, 10);
	if (!line_flags(line, offset, &flags, &chip))
		return;
	if (offset > HEADER_LAST && is_mainline_rp1(chip.name))
		problem("take a pin of the header, GPIO0 to 27; a patch is in doc/upstream of button-irq's source",
			"%s: mainline's pinctrl-rp1 delivers no interrupt of GPIO28 to 53, and an edge there stops a CPU",
			node);
	active_low = flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW;
	if (flags & GPIO_V2_LINE_FLAG_BIAS_DISABLED)
		problem("gpio_pull=up for the overlay, pull=up for the module, or a resistor of your own",
			"%s: the line has no pull", node);
	if (flags & (active_low ? GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN : GPIO_V2_LINE_FLAG_BIAS_PULL_UP))
		problem(active_low ? "pull=up, or active_low=0 if the button connects to 3.3 V" :
			"pull=down, or active_low=1 if the button connects to ground",
			"%s: the pull holds the button pressed (active_low=%d, pull %s)", node, active_low,
			active_low ? "down" : "up");
}

static void check_counters(const char *node)
{
	unsigned long edges = number(node, "edges"), storms = number(node, "storms");
	unsigned long missed = number(node, "missed"), presses = number(node, "presses");
	unsigned long glitches = number(node, "glitches");
	char state[16] = "";

	button_attribute(node, "state", state, sizeof(state));
	if (storms)
		problem("check pull, wiring and pin number: a line that floats or carries a signal does this",
			"%s: %lu storms: the line was masked that often, to save the CPU", node, storms);
	if (missed && !storms)
		problem("check line and wiring; with debounce_us=0, set a debounce time",
			"%s: %lu edges could not be recorded", node, missed);
	if (glitches)
		note("%s: %lu glitches: pulses that were over before they could be read. Many of them are noise: shorter wires, a stronger pull, or debounce_mode=settle",
		     node, glitches);
	if (!edges && !strcmp(state, "pressed"))
		note("%s: pressed since the driver took it. If nobody presses it: active_low and pull do not match the wiring",
		     node);
	else if (!edges)
		note("%s: not one edge yet. If you have pressed it: right pin? other contact to ground (or to 3.3 V with active_low=0)?",
		     node);
	else if (!storms && !missed)
		fine("%s: %lu edges, %lu presses, nothing missed", node, edges, presses);
}

int doctor_main(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	char **nodes = NULL;
	int i, n = 0, c;

	c = getopt_long(argc, argv, "h", options, NULL);
	if (c != -1)
		return common_option(c);
	if (optind < argc)
		return complain_usage("doctor: %s: it takes nothing", argv[optind]);
	read_kernel_log();
	if (in_container())
		note("this is a container: it sees the devices that it was given");
	check_controller();
	if (check_module() && check_buttons(&nodes, &n)) {
		for (i = 0; i < n; i++) {
			check_permission(nodes[i]);
			check_line(nodes[i]);
			check_counters(nodes[i]);
		}
	}
	button_nodes_free(nodes, n > 0 ? n : 0);
	free(kernel_log);
	printf("%u problem%s found\n", problems, problems == 1 ? "" : "s");
	return finish_output(problems ? EXIT_FAILED : EXIT_OK);
}
