// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device.h"
#include "util.h"

/* Files in sysfs, and the titles of their columns. @optional: older drivers do not have the file. */
static const struct {
	const char *file;
	const char *title;
	bool optional;
} columns[] = {
	{ "label", "LABEL", false }, { "line", "LINE", false }, { "state", "STATE", false },
	{ "presses", "PRESSES", false }, { "releases", "RELEASES", false }, { "bounces", "BOUNCES", false },
	{ "glitches", "GLITCHES", true }, { "missed", "MISSED", false }, { "storms", "STORMS", false },
	{ "debounce_us", "DEBOUNCE_US", false }, { "debounce_mode", "MODE", false },
};

#define COLUMNS	ARRAY_SIZE(columns)
#define CELL	80

/**
 * struct table - the text of all buttons
 * @n: number of buttons
 * @node: their names
 * @cell: the text of each file; empty if the button has no such file
 * @width: of each column, 0 to leave it out
 */
struct table {
	int n;
	char **node;
	char (*cell)[COLUMNS][CELL];
	int width[COLUMNS];
};

static int fill(struct table *t)
{
	int i, width;
	size_t k;

	t->n = button_nodes(&t->node);
	if (t->n < 0)
		return complain(CLASS_DIR ": %s", strerror(-t->n));
	t->cell = calloc(t->n + 1, sizeof(*t->cell));
	if (!t->cell)
		return complain("out of memory");
	for (k = 0; k < COLUMNS; k++) {
		bool any = !columns[k].optional;

		for (i = 0; i < t->n; i++) {
			/* The button may go away meanwhile. */
			if (button_attribute(t->node[i], columns[k].file, t->cell[i][k], CELL))
				*t->cell[i][k] = '\0';
			any |= *t->cell[i][k] != '\0';
			width = text_width(t->cell[i][k]);
			if (width > t->width[k])
				t->width[k] = width;
		}
		if (any && t->width[k] < (int)strlen(columns[k].title))
			t->width[k] = strlen(columns[k].title);
	}
	return EXIT_OK;
}

static void print_cell(const char *text, int width, bool last)
{
	if (!*text)
		text = "-";
	printf("  %s", text);
	if (!last)
		printf("%*s", width - text_width(text), "");
}

static void print_table(const struct table *t)
{
	size_t k;
	int i;

	for (i = -1; i < t->n; i++) {
		printf("%-12s", i < 0 ? "NODE" : t->node[i]);
		for (k = 0; k < COLUMNS; k++)
			if (t->width[k])
				print_cell(i < 0 ? columns[k].title : t->cell[i][k], t->width[k], k == COLUMNS - 1);
		putchar('\n');
	}
}

/* For a terminal that is too narrow for the table */
static void print_lists(const struct table *t)
{
	size_t k;
	int i;

	for (i = 0; i < t->n; i++) {
		printf("%s%s\n", i ? "\n" : "", t->node[i]);
		for (k = 0; k < COLUMNS; k++)
			if (t->width[k])
				printf("  %-14s %s\n", columns[k].file, *t->cell[i][k] ? t->cell[i][k] : "-");
	}
}

static void print_json(const struct table *t)
{
	size_t k;
	int i;

	putchar('[');
	for (i = 0; i < t->n; i++) {
		printf("%s{\"node\":", i ? ",\n" : "");
		print_json_string(t->node[i]);
		for (k = 0; k < COLUMNS; k++) {
			const char *text = t->cell[i][k];

			if (!*text)
				continue;
			printf(",\"%s\":", columns[k].file);
			/* A label may look like a number. */
			if (k > 2 && isdigit((unsigned char)*text))
				fputs(text, stdout);
			else
				print_json_string(text);
		}
		putchar('}');
	}
	puts("]");
}

static int table_width(const struct table *t)
{
	int width = 12;
	size_t k;

	for (k = 0; k < COLUMNS; k++)
		width += t->width[k] ? 2 + t->width[k] : 0;
	return width;
}

int status_main(int argc, char **argv)
{
	enum { OPT_JSON = 256 };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		COMMON_OPTIONS
	};
	struct table t = { };
	bool json = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c != OPT_JSON)
			return common_option(c);
		json = true;
	}
	if (optind < argc)
		return complain_usage("status: %s: it takes no buttons", argv[optind]);
	ret = fill(&t);
	if (!ret && json)
		print_json(&t);
	else if (!ret && terminal_width() && (int)terminal_width() < table_width(&t))
		print_lists(&t);
	else if (!ret && t.n)
		print_table(&t);
	if (!ret && !t.n) {
		complain("no buttons%s", access(ROOT "/sys/module/button_irq", F_OK) ?
			 ": the module button_irq is not loaded" : "");
		ret = EXIT_GONE;
	}
	if (t.n >= 0)
		button_nodes_free(t.node, t.n);
	free(t.cell);
	return finish_output(ret);
}
