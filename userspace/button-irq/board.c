// SPDX-License-Identifier: GPL-2.0-only
#include "board.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define GPIO_DIR	ROOT "/sys/bus/gpio/devices"

bool is_header_chip(const char *label)
{
	static const char *const labels[] = { "pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(labels); i++)
		if (!strcmp(label, labels[i]))
			return true;
	return false;
}

bool is_mainline_rp1(const char *chip)
{
	char path[PATH_MAX], node[PATH_MAX], compatible[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), GPIO_DIR "/%s/of_node", chip);
	/* Raspberry Pi's device tree calls the node gpio@d0000. */
	if (!realpath(path, node) || !strstr(node, "/pinctrl@"))
		return false;
	snprintf(path, sizeof(path), GPIO_DIR "/%s/of_node/compatible", chip);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fread(compatible, 1, sizeof(compatible) - 1, f))
		*compatible = '\0';
	fclose(f);
	return !strcmp(compatible, "raspberrypi,rp1-gpio");
}

bool has_mainline_rp1(void)
{
	struct dirent *entry;
	DIR *dir = opendir(GPIO_DIR);
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = is_mainline_rp1(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}
