// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device.h"
#include "util.h"

/* Files in sysfs, and what stands over their column. */
static const struct {
	const char *file;
	const char *title;
} columns[] = {
	{ "label", "LABEL" }, { "line", "LINE" }, { "state", "STATE" }, { "presses", "PRESSES" },
	{ "releases", "RELEASES" }, { "bounces", "BOUNCES" }, { "missed", "MISSED" }, { "storms", "STORMS" },
	{ "debounce_us", "DEBOUNCE_US" }, { "debounce_mode", "MODE" },
};

#define CELL	80

static void print_row(const char *node, char (*cells)[CELL], const int *widths)
{
	size_t k;

	printf("%-12s", node);
	for (k = 0; k < ARRAY_SIZE(columns) - 1; k++)
		printf("  %-*s", widths[k], cells[k]);
	printf("  %s\n", cells[k]);
}

int status_main(int argc, char **argv)
{
	char **nodes;
	int i, n;

	if (argc > 1)
		return complain_usage("status: %s: it takes nothing", argv[1]);
	n = button_nodes(&nodes);
	if (n < 0)
		return complain(CLASS_DIR ": %s", strerror(-n));
	if (!n)
		return complain("no buttons%s", access("/sys/module/button_irq", F_OK) ?
				": the module button_irq is not loaded" : "");

	char cells[n + 1][ARRAY_SIZE(columns)][CELL];
	int widths[ARRAY_SIZE(columns)] = { 0 };
	size_t k;

	for (k = 0; k < ARRAY_SIZE(columns); k++) {
		snprintf(cells[0][k], CELL, "%s", columns[k].title);
		for (i = 0; i < n; i++)
			/* It may go while we look. */
			if (button_attribute(nodes[i], columns[k].file, cells[i + 1][k], CELL))
				strcpy(cells[i + 1][k], "-");
		for (i = 0; i <= n; i++)
			if ((int)strlen(cells[i][k]) > widths[k])
				widths[k] = strlen(cells[i][k]);
	}
	print_row("NODE", cells[0], widths);
	for (i = 0; i < n; i++)
		print_row(nodes[i], cells[i + 1], widths);
	return EXIT_OK;
}
