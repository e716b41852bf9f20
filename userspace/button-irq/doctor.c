// SPDX-License-Identifier: GPL-2.0
/*
 * What usually goes wrong, looked for in the order in which it stops people. Each finding says
 * what to do. It looks only and changes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "commands.h"
#include "device.h"
#include "util.h"

static unsigned int problems;

static void __attribute__((format(printf, 1, 2))) fine(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("ok       ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

/* A finding, and behind the last newline of the text what to do about it. */
static void __attribute__((format(printf, 2, 3))) problem(const char *cure, const char *format, ...)
{
	va_list args;

	problems++;
	va_start(args, format);
	fputs("PROBLEM  ", stdout);
	vprintf(format, args);
	printf("\n         -> %s\n", cure);
	va_end(args);
}

static bool exists(const char *format, const char *release)
{
	char path[300];

	snprintf(path, sizeof(path), format, release);
	return !access(path, F_OK);
}

/* Is there a module for this kernel, wherever it was installed and however it is compressed? */
static bool module_installed(const char *release)
{
	char path[300], line[4096];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, "/button_irq.ko") && strstr(line, "/button_irq.ko") < strchr(line, ':');
	fclose(f);
	return found;
}

/* Returns whether it makes sense to go on. */
static bool check_module(void)
{
	struct utsname uts;
	char cure[200];

	uname(&uts);
	if (exists("/sys/module/button_irq%s", "")) {
		fine("the module button_irq is loaded into kernel %s", uts.release);
		return true;
	}
	if (module_installed(uts.release)) {
		problem("sudo modprobe button_irq gpio=17, or dtoverlay=button-irq,gpio=17 in config.txt",
			"the module button_irq is installed but not loaded");
		return false;
	}
	if (!exists("/lib/modules/%s/build", uts.release)) {
		snprintf(cure, sizeof(cure),
			 "Raspberry Pi OS: sudo apt install linux-headers-rpi-v8; Debian, Ubuntu: sudo apt install linux-headers-%s",
			 uts.release);
		problem(cure, "no module button_irq for kernel %s, and no headers to build it with",
			uts.release);
		return false;
	}
	problem("sudo apt install --reinstall button-irq-dkms, or make && sudo make install in its source",
		"no module button_irq for kernel %s", uts.release);
	return false;
}

static bool check_buttons(char ***nodes, int *n)
{
	*n = button_nodes(nodes);
	if (*n > 0) {
		fine("%d button%s", *n, *n > 1 ? "s" : "");
		return true;
	}
	if (exists("/proc/device-tree/button-irq%s", "@11") || exists("/sys/firmware/devicetree/base/button-irq%s", ""))
		problem("dmesg | grep button", "the device tree has a button, but the driver did not take it");
	else
		problem("dtoverlay=button-irq,gpio=17 in config.txt and reboot, or sudo modprobe button_irq gpio=17",
			"the module is loaded, but no overlay and no parameter gives it a button");
	return false;
}

static unsigned long number(const char *node, const char *name)
{
	char text[32];

	return button_attribute(node, name, text, sizeof(text)) ? 0 : strtoul(text, NULL, 10);
}

static void check_permission(const char *node)
{
	char path[64];
	struct stat st;
	struct group *group;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", node);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		fine("%s: can be opened", path);
		return;
	}
	if (errno != EACCES) {
		problem("dmesg | grep button", "%s: %s", path, strerror(errno));
		return;
	}
	group = stat(path, &st) ? NULL : getgrgid(st.st_gid);
	if (group && st.st_gid && st.st_mode & S_IRGRP) {
		char cure[200];

		snprintf(cure, sizeof(cure), "sudo usermod -aG %s $USER, and log in again", group->gr_name);
		problem(cure, "%s: may be read by group %s, and you are not in it", path, group->gr_name);
	} else {
		problem("install the udev rule (package button-irq), then sudo udevadm trigger",
			"%s: may be read by root only", path);
	}
}

/* A line without a pull floats, and gives edges that nobody made. */
static void check_pull(const char *node)
{
	struct gpiod_line_info *info = NULL;
	struct gpiod_chip *chip;
	char line[80], path[300], *colon;
	struct dirent **entries;
	int i, n;

	if (button_attribute(node, "line", line, sizeof(line)))
		return;
	colon = strrchr(line, ':');
	if (!colon)
		return;
	*colon = '\0';
	n = scandir("/dev", &entries, NULL, NULL);
	for (i = 0; i < n; i++) {
		struct gpiod_chip_info *chip_info;

		snprintf(path, sizeof(path), "/dev/%s", entries[i]->d_name);
		chip = strncmp(entries[i]->d_name, "gpiochip", 8) ? NULL : gpiod_chip_open(path);
		free(entries[i]);
		if (!chip)
			continue;
		chip_info = gpiod_chip_get_info(chip);
		if (!info && chip_info && !strcmp(gpiod_chip_info_get_label(chip_info), line))
			info = gpiod_chip_get_line_info(chip, atoi(colon + 1));
		gpiod_chip_info_free(chip_info);
		gpiod_chip_close(chip);
	}
	if (n >= 0)
		free(entries);
	if (!info)
		return;
	if (gpiod_line_info_get_bias(info) == GPIOD_LINE_BIAS_DISABLED)
		problem("gpio_pull=up for the overlay, pull=up for the module, or a resistor of your own",
			"%s: the line has no pull", node);
	gpiod_line_info_free(info);
}

static void check_counters(const char *node)
{
	unsigned long edges = number(node, "edges"), storms = number(node, "storms");
	unsigned long missed = number(node, "missed"), presses = number(node, "presses");

	if (storms)
		problem("check pull, wiring and pin number: a line that floats or carries a signal does this",
			"%s: %lu storms: the line was masked so often, to save the CPU", node, storms);
	if (missed && !storms)
		problem("read line and wiring; with debounce_us=0, set a debounce time",
			"%s: %lu edges could not be recorded", node, missed);
	if (!edges)
		problem("press it; then: right pin? other contact to ground (or 3.3 V with active_low=0)?",
			"%s: not one edge yet", node);
	else if (!storms && !missed)
		fine("%s: %lu edges, %lu presses, nothing missed", node, edges, presses);
}

int doctor_main(int argc, char **argv)
{
	char **nodes;
	int i, n;

	if (argc > 1)
		return complain_usage("doctor: %s: it takes nothing", argv[1]);
	if (check_module() && check_buttons(&nodes, &n)) {
		for (i = 0; i < n; i++) {
			check_permission(nodes[i]);
			check_pull(nodes[i]);
			check_counters(nodes[i]);
		}
	}
	printf("%u problem%s found\n", problems, problems == 1 ? "" : "s");
	return problems ? EXIT_FAILED : EXIT_OK;
}
