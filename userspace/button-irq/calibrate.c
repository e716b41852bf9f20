// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records the raw edges of a line through libgpiod, while the driver does not own it, and
 * recommends a debounce time. A program of its own, which `button-irq calibrate` starts: only
 * this needs libgpiod.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <gpiod.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "bursts.h"
#include "util.h"

#define MAX_EDGES	65536
#define DIAGRAM		60	/* characters, or steps, of a timing diagram, at most */
#define DIAGRAM_MIN	20
#define BARS		8	/* of the histogram */

/**
 * struct calibration - options, and the recorded edges
 * @line: the line's name on the command line: a line's name, or CHIP:OFFSET
 * @presses: how many to record
 * @timeout_ns: give up when nothing happens for so long
 * @bias: the pull
 * @active_high: pressed is high
 * @svg: file for a picture, or NULL
 * @chip_label: the line's controller
 * @mainline_rp1: see board.h
 * @offset: the line there
 * @request: the line, while it is ours
 * @edges: recorded, @n_edges
 * @bursts: found in them, @n_bursts
 * @lost: edges that the kernel had no room for
 * @last_seq: the kernel's number of the last edge
 * @utf8: the terminal shows UTF-8
 * @diagram: characters of a timing diagram
 */
struct calibration {
	const char *line;
	unsigned long presses;
	unsigned long long timeout_ns;
	enum gpiod_line_bias bias;
	bool active_high;
	const char *svg;
	char chip_label[64];
	bool mainline_rp1;
	unsigned int offset;
	struct gpiod_line_request *request;
	struct edge *edges;
	size_t n_edges;
	struct burst *bursts;
	size_t n_bursts;
	unsigned long lost;
	unsigned long last_seq;
	bool utf8;
	unsigned int diagram;
};

/* --- The line --- */

static int is_gpiochip(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "gpiochip", 8);
}

/* Does the line mean @offset of this chip, by name or as CHIP:OFFSET? */
static bool is_on_chip(const struct calibration *c, struct gpiod_chip *chip, unsigned int *offset)
{
	const char *colon = strrchr(c->line, ':');
	struct gpiod_chip_info *info;
	unsigned long number;
	bool found = false;
	size_t n;
	char *end;
	int named;

	named = gpiod_chip_get_line_offset_from_name(chip, c->line);
	if (named >= 0) {
		*offset = named;
		return true;
	}
	info = gpiod_chip_get_info(chip);
	if (!info)
		return false;
	if (colon && isdigit((unsigned char)colon[1])) {
		n = colon - c->line;
		number = strtoul(colon + 1, &end, 10);
		*offset = number;
		found = !*end && number < gpiod_chip_info_get_num_lines(info) &&
			((strlen(gpiod_chip_info_get_name(info)) == n &&
			  !strncmp(gpiod_chip_info_get_name(info), c->line, n)) ||
			 (strlen(gpiod_chip_info_get_label(info)) == n &&
			  !strncmp(gpiod_chip_info_get_label(info), c->line, n)));
	}
	gpiod_chip_info_free(info);
	return found;
}

/* GPIO17 or gpio17 on the header of a Pi whose device tree does not name its lines */
static bool is_header_line(const struct calibration *c, struct gpiod_chip *chip, unsigned int *offset)
{
	struct gpiod_chip_info *info;
	unsigned long number;
	bool found;
	char *end;

	if (strncasecmp(c->line, "gpio", 4) || !isdigit((unsigned char)c->line[4]))
		return false;
	number = strtoul(c->line + 4, &end, 10);
	info = gpiod_chip_get_info(chip);
	*offset = number;
	found = info && !*end && number < gpiod_chip_info_get_num_lines(info) &&
		is_header_chip(gpiod_chip_info_get_label(info));
	gpiod_chip_info_free(info);
	return found;
}

static struct gpiod_chip *search_chips(struct calibration *c, unsigned int *refused,
				       bool (*is_it)(const struct calibration *c, struct gpiod_chip *chip,
						     unsigned int *offset))
{
	struct gpiod_chip *chip, *found = NULL;
	struct gpiod_chip_info *info;
	struct dirent **entries;
	char path[300];
	int i, n = scandir(ROOT "/dev", &entries, is_gpiochip, versionsort);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), ROOT "/dev/%s", entries[i]->d_name);
		free(entries[i]);
		chip = found ? NULL : gpiod_chip_open(path);
		if (!chip && !found && errno != ENODEV)
			(*refused)++;
		if (!chip)
			continue;
		if (!is_it(c, chip, &c->offset)) {
			gpiod_chip_close(chip);
			continue;
		}
		info = gpiod_chip_get_info(chip);
		if (info) {
			snprintf(c->chip_label, sizeof(c->chip_label), "%s", gpiod_chip_info_get_label(info));
			c->mainline_rp1 = is_mainline_rp1(gpiod_chip_info_get_name(info));
		}
		gpiod_chip_info_free(info);
		found = chip;
	}
	if (n >= 0)
		free(entries);
	return found;
}

static struct gpiod_chip *find_line(struct calibration *c)
{
	unsigned int refused = 0;
	struct gpiod_chip *chip = search_chips(c, &refused, is_on_chip);

	if (!chip) {
		refused = 0;
		chip = search_chips(c, &refused, is_header_line);
	}
	if (!chip && refused)
		complain("%s: %u controller%s cannot be opened (%s): be in the group gpio, or use sudo", c->line, refused,
			 refused > 1 ? "s" : "", strerror(EACCES));
	else if (!chip)
		complain("%s: no such line. On a Raspberry Pi's header: gpio17; else a name or CHIP:OFFSET from gpioinfo",
			 c->line);
	return chip;
}

static int line_refused(const struct calibration *c, struct gpiod_chip *chip, int error)
{
	struct gpiod_line_info *info = gpiod_chip_get_line_info(chip, c->offset);
	const char *user = info ? gpiod_line_info_get_consumer(info) : NULL;

	/* The consumer of the driver's lines is button_irq, or the button's label. */
	if (error == EBUSY)
		complain("%s: in use%s%s%s", c->line, user ? " by " : "", user ?: "",
			 !access(ROOT "/sys/module/button_irq", F_OK) ?
			 "; if that is a button: unbind it, or unload the driver (rmmod button_irq)" : "");
	else
		complain("%s: %s", c->line, strerror(error));
	gpiod_line_info_free(info);
	return EXIT_FAILED;
}

static int request_line(struct calibration *c)
{
	struct gpiod_chip *chip = find_line(c);
	struct gpiod_line_settings *settings;
	struct gpiod_request_config *config;
	struct gpiod_line_config *lines;
	int ret = EXIT_OK;

	if (!chip)
		return EXIT_FAILED;
	/* Requesting such a line would stop the machine. */
	if (c->mainline_rp1 && c->offset > HEADER_LAST) {
		gpiod_chip_close(chip);
		return complain("%s: mainline's pinctrl-rp1 delivers no interrupt of GPIO28 to 53. Take GPIO0 to 27, which are on the header",
				c->line);
	}
	settings = gpiod_line_settings_new();
	lines = gpiod_line_config_new();
	config = gpiod_request_config_new();
	if (!settings || !lines || !config)
		return complain("%s", strerror(ENOMEM));
	gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT);
	gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
	gpiod_line_settings_set_bias(settings, c->bias);
	gpiod_line_settings_set_active_low(settings, !c->active_high);
	gpiod_line_config_add_line_settings(lines, &c->offset, 1, settings);
	gpiod_request_config_set_consumer(config, "button-irq calibrate");
	/* The kernel's limit for one line */
	gpiod_request_config_set_event_buffer_size(config, 1024);
	c->request = gpiod_chip_request_lines(chip, config, lines);
	if (!c->request && errno != EBUSY) {
		/* A controller that cannot set a pull, with a resistor outside perhaps */
		gpiod_line_settings_set_bias(settings, GPIOD_LINE_BIAS_AS_IS);
		gpiod_line_config_add_line_settings(lines, &c->offset, 1, settings);
		c->request = gpiod_chip_request_lines(chip, config, lines);
		if (c->request)
			complain("%s: the controller cannot set a pull; it is left as it is", c->line);
		c->bias = GPIOD_LINE_BIAS_AS_IS;
	}
	if (!c->request)
		ret = line_refused(c, chip, errno);
	gpiod_request_config_free(config);
	gpiod_line_config_free(lines);
	gpiod_line_settings_free(settings);
	gpiod_chip_close(chip);
	return ret;
}

/* --- Recording --- */

static void add_edges(struct calibration *c, struct gpiod_edge_event_buffer *buffer, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		struct gpiod_edge_event *e = gpiod_edge_event_buffer_get_event(buffer, i);
		unsigned long seq = gpiod_edge_event_get_line_seqno(e);

		c->lost += seq - c->last_seq - 1;
		c->last_seq = seq;
		if (c->n_edges == MAX_EDGES)
			break;
		c->edges[c->n_edges++] = (struct edge){
			.time = gpiod_edge_event_get_timestamp_ns(e),
			.pressed = gpiod_edge_event_get_event_type(e) == GPIOD_EDGE_EVENT_RISING_EDGE,
		};
	}
}

/* A press is complete when the contact has opened and is quiet. */
static unsigned long complete_presses(struct calibration *c)
{
	unsigned long n = 0;
	size_t i;

	c->n_bursts = bursts_find(c->edges, c->n_edges, c->bursts);
	for (i = 0; i < c->n_bursts; i++)
		n += !c->edges[c->bursts[i].first + c->bursts[i].n - 1].pressed;
	return n;
}

static void progress(const struct calibration *c, unsigned long seen)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%lu of %lu presses, %zu edges ", seen, c->presses, c->n_edges);
}

static int record(struct calibration *c)
{
	static struct gpiod_edge_event_buffer *buffer;
	unsigned long seen = 0;
	int n, ready;

	buffer = gpiod_edge_event_buffer_new(64);
	c->edges = calloc(MAX_EDGES, sizeof(*c->edges));
	c->bursts = calloc(MAX_EDGES, sizeof(*c->bursts));
	if (!buffer || !c->edges || !c->bursts)
		return complain("%s", strerror(ENOMEM));
	fprintf(stderr, "Press and release the button on %s, %lu times.\n", c->line, c->presses);
	for (;;) {
		bool quiet_ends = seen >= c->presses;

		ready = gpiod_line_request_wait_edge_events(c->request,
							    quiet_ends ? BURST_GAP_NS : c->timeout_ns);
		if (ready < 0)
			return complain("%s: %s", c->line, strerror(errno));
		if (!ready)
			break;
		n = gpiod_line_request_read_edge_events(c->request, buffer, 64);
		if (n < 0)
			return complain("%s: %s", c->line, strerror(errno));
		add_edges(c, buffer, n);
		seen = complete_presses(c);
		progress(c, seen);
		if (bursts_endless(c->bursts, c->n_bursts) || c->n_edges == MAX_EDGES)
			break;
	}
	gpiod_edge_event_buffer_free(buffer);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (!c->n_edges)
		return complain("%s: no edge in %.0f s: is the button on this line, and does it connect to %s?",
				c->line, (double)c->timeout_ns / NS_PER_S,
				c->active_high ? "3.3 V" : "ground");
	if (bursts_endless(c->bursts, c->n_bursts))
		return complain("%s: edges without a pause of %llu ms for over a second (%zu in all): the line floats, or carries a signal. Is this the button's pin, has it a pull, is the cable long?",
				c->line, BURST_GAP_NS / NS_PER_MS, c->n_edges);
	if (c->n_edges == MAX_EDGES)
		complain("%s: stopped at %d edges, as many as can be recorded", c->line, MAX_EDGES);
	if (c->lost)
		complain("%s: %lu edges came too fast to be recorded", c->line, c->lost);
	if (seen < c->presses)
		complain("%s: only %lu of %lu presses in time", c->line, seen, c->presses);
	return EXIT_OK;
}

/* --- Output --- */

/* The level in each of DIAGRAM steps of a burst; a step that has several levels is given as '|'. */
static void diagram(const struct calibration *c, const struct burst *b, unsigned long long step,
		    char *steps)
{
	const struct edge *e = &c->edges[b->first];
	bool pressed = !e->pressed;
	size_t i, k = 0;

	for (i = 0; i < c->diagram; i++) {
		/* A tenth of the diagram is before the first edge. */
		long long end = ((long long)i + 1 - c->diagram / 10) * (long long)step;
		unsigned int changes = 0;

		while (k < b->n && (long long)(e[k].time - e[0].time) < end) {
			pressed = e[k++].pressed;
			changes++;
		}
		steps[i] = changes > 1 ? '|' : pressed ? '_' : '-';
	}
}

static unsigned long long longest_bounce(const struct calibration *c)
{
	unsigned long long longest = 0;
	size_t i;

	for (i = 0; i < c->n_bursts; i++)
		if (c->bursts[i].bounce_ns > longest)
			longest = c->bursts[i].bounce_ns;
	return longest;
}

/* One scale for all, so that they can be compared; nine tenths of it hold the longest. */
static unsigned long long diagram_step(const struct calibration *c)
{
	return longest_bounce(c) / (c->diagram * 8 / 10) + 1000;
}

/* The character for a step of a diagram, or for '#', a step of a bar */
static const char *mark(const struct calibration *c, char step)
{
	switch (step) {
	case '_': return c->utf8 ? "\u2581" : "_";
	case '-': return c->utf8 ? "\u2594" : "-";
	case '#': return c->utf8 ? "\u2588" : "#";
	default: return c->utf8 ? "\u2592" : "|";
	}
}

static void print_diagrams(const struct calibration *c)
{
	unsigned long long step = diagram_step(c);
	size_t i, k, shown = c->n_bursts < 12 ? c->n_bursts : 12;
	char steps[DIAGRAM];

	printf("\nThe line, %.1f ms across (%s pressed, %s released, %s faster than this picture):\n\n",
	       (double)step * c->diagram / NS_PER_MS, mark(c, '_'), mark(c, '-'), mark(c, '|'));
	for (i = 0; i < shown; i++) {
		const struct burst *b = &c->bursts[i];

		diagram(c, b, step, steps);
		printf("  %-8s %3zu edges %8.3f ms  ", c->edges[b->first].pressed ? "press" : "release",
		       b->n, (double)b->bounce_ns / NS_PER_MS);
		for (k = 0; k < c->diagram; k++)
			fputs(mark(c, steps[k]), stdout);
		putchar('\n');
	}
	if (shown < c->n_bursts)
		printf("  ... and %zu more\n", c->n_bursts - shown);
}

/* How many bursts fall into each of BARS equal parts of the time up to the longest. */
static unsigned long long histogram(const struct calibration *c, unsigned int *bars)
{
	unsigned long long width = longest_bounce(c) / BARS + 1;
	size_t i;

	memset(bars, 0, BARS * sizeof(*bars));
	for (i = 0; i < c->n_bursts; i++)
		bars[c->bursts[i].bounce_ns / width]++;
	return width;
}

static unsigned int highest(const unsigned int *bars)
{
	unsigned int i, high = 1;

	for (i = 0; i < BARS; i++)
		if (bars[i] > high)
			high = bars[i];
	return high;
}

static void print_histogram(const struct calibration *c)
{
	unsigned int bars[BARS], i, k;
	unsigned long long width = histogram(c, bars);
	unsigned int high = highest(bars);

	printf("\nFor how long it bounced:\n\n");
	for (i = 0; i < BARS; i++) {
		printf("  %7.3f to %7.3f ms %4u ", (double)i * width / NS_PER_MS,
		       (double)(i + 1) * width / NS_PER_MS, bars[i]);
		for (k = 0; k < (bars[i] * c->diagram * 2 / 3 + high - 1) / high; k++)
			fputs(mark(c, '#'), stdout);
		putchar('\n');
	}
}

/* The line as modprobe takes it from a shell: a label with blanks in double quotes, which the kernel wants, within single ones. */
static void print_line_parameter(const struct calibration *c)
{
	const char *text;

	fputs("  modprobe:    modprobe button_irq ", stdout);
	if (!strpbrk(c->chip_label, " \t\"'\\$`;&|<>()*?[]#~!{}")) {
		printf("line=%s:%u", c->chip_label, c->offset);
		return;
	}
	fputs("'line=\"", stdout);
	for (text = c->chip_label; *text; text++)
		fputs(*text == '\'' ? "'\\''" : (char []){ *text, '\0' }, stdout);
	printf(":%u\"'", c->offset);
}

static void print_recommendation(const struct calibration *c)
{
	unsigned int us = bursts_debounce_us(c->bursts, c->n_bursts);
	const char *pull = c->bias == GPIOD_LINE_BIAS_PULL_DOWN ? "down" :
			   c->bias == GPIOD_LINE_BIAS_DISABLED ? "off" :
			   c->bias == GPIOD_LINE_BIAS_AS_IS ? "as-is" : "up";

	printf("\n%zu movements, %zu edges, the longest bounce %.3f ms: debounce_us=%u\n", c->n_bursts,
	       c->n_edges, (double)longest_bounce(c) / NS_PER_MS, us);
	if (us == DEBOUNCE_MAX_US)
		printf("(That is the most that the driver takes. Is this a button?)\n");
	putchar('\n');
	/* The overlay always sets a pull, so it has no line for one that was left as it is. */
	if (is_header_chip(c->chip_label) && c->bias != GPIOD_LINE_BIAS_AS_IS)
		printf("  config.txt:  dtoverlay=%s,gpio=%u,gpio_pull=%s,active_low=%d,debounce_us=%u\n",
		       c->mainline_rp1 ? "button-irq-rp1" : "button-irq", c->offset, pull, !c->active_high, us);
	if (is_header_chip(c->chip_label))
		printf("  modprobe:    modprobe button_irq gpio=%u", c->offset);
	else
		print_line_parameter(c);
	printf(" pull=%s active_low=%d debounce_us=%u\n", pull, !c->active_high, us);
}

/* Writes a chip's label, which can be any text. */
static void svg_text(FILE *f, const char *text)
{
	size_t n;

	for (; *text; text += n ?: 1) {
		n = utf8_length(text);
		switch (*text) {
		case '&': fputs("&amp;", f); break;
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		default:
			/* XML has no control characters and no U+FFFE, U+FFFF. */
			if (!n || (unsigned char)*text < 0x20 || !strncmp(text, "\xef\xbf\xbe", 3) ||
			    !strncmp(text, "\xef\xbf\xbf", 3))
				fputc('?', f);
			else
				fwrite(text, 1, n, f);
		}
	}
}

static void svg_diagrams(FILE *f, const struct calibration *c, size_t shown)
{
	double scale = 600.0 / ((double)diagram_step(c) * c->diagram);
	size_t i, k;

	for (i = 0; i < shown; i++) {
		const struct burst *b = &c->bursts[i];
		const struct edge *e = &c->edges[b->first];
		double y = 60 + 26.0 * i;

		fprintf(f, "<text x=\"10\" y=\"%.0f\">%s, %zu edges, %.3f ms</text>\n", y + 14,
			e->pressed ? "press" : "release", b->n, (double)b->bounce_ns / NS_PER_MS);
		fprintf(f, "<path class=\"line\" d=\"M230 %.0f", y + (e->pressed ? 0 : 18));
		for (k = 0; k < b->n; k++)
			fprintf(f, "H%.2fV%.0f", 290 + scale * (double)(e[k].time - e[0].time),
				y + (e[k].pressed ? 18 : 0));
		fputs("H830\"/>\n", f);
	}
}

static void svg_histogram(FILE *f, const struct calibration *c, double top)
{
	unsigned int bars[BARS], i;
	unsigned long long width = histogram(c, bars);
	unsigned int high = highest(bars);

	fprintf(f, "<text x=\"10\" y=\"%.0f\">for how long it bounced</text>\n", top);
	for (i = 0; i < BARS; i++) {
		double y = top + 12 + 22 * i, w = 520.0 * bars[i] / high;

		fprintf(f, "<text x=\"10\" y=\"%.0f\">%.3f to %.3f ms</text>\n", y + 14,
			(double)i * width / NS_PER_MS, (double)(i + 1) * width / NS_PER_MS);
		fprintf(f, "<rect x=\"230\" y=\"%.0f\" width=\"%.1f\" height=\"18\"/>\n", y, w);
		fprintf(f, "<text x=\"%.1f\" y=\"%.0f\">%u</text>\n", 236 + w, y + 14, bars[i]);
	}
}

static int write_svg(const struct calibration *c)
{
	size_t shown = c->n_bursts < 20 ? c->n_bursts : 20;
	double top = 90 + 26.0 * shown;
	FILE *f = fopen(c->svg, "we");

	if (!f)
		return complain("%s: %s", c->svg, strerror(errno));
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"850\" height=\"%.0f\">\n"
		"<style>text{font:13px sans-serif;fill:#222}.line{fill:none;stroke:#b3123a;stroke-width:1.3}"
		"rect{fill:#3a6ea5}.paper{fill:#fff}</style>\n"
		"<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n"
		"<text x=\"10\" y=\"24\">", top + 30 + 22 * BARS);
	svg_text(f, c->chip_label);
	fprintf(f, ":%u, low line is pressed; %.1f ms across; recommended debounce_us=%u</text>\n", c->offset,
		(double)diagram_step(c) * c->diagram / NS_PER_MS, bursts_debounce_us(c->bursts, c->n_bursts));
	svg_diagrams(f, c, shown);
	svg_histogram(f, c, top);
	fputs("</svg>\n", f);
	if (fclose(f))
		return complain("%s: %s", c->svg, strerror(errno));
	return EXIT_OK;
}

static bool parse_bias(const char *name, enum gpiod_line_bias *bias)
{
	static const struct {
		const char *name;
		enum gpiod_line_bias bias;
	} biases[] = {
		{ "pull-up", GPIOD_LINE_BIAS_PULL_UP }, { "pull-down", GPIOD_LINE_BIAS_PULL_DOWN },
		{ "disabled", GPIOD_LINE_BIAS_DISABLED }, { "as-is", GPIOD_LINE_BIAS_AS_IS },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(biases); i++) {
		if (strcmp(name, biases[i].name))
			continue;
		*bias = biases[i].bias;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	enum { OPT_SVG = 256, OPT_ACTIVE_HIGH };
	static const struct option options[] = {
		{ "presses", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "bias", required_argument, NULL, 'B' },
		{ "active-low", no_argument, NULL, 'l' },
		{ "active-high", no_argument, NULL, OPT_ACTIVE_HIGH },
		{ "svg", required_argument, NULL, OPT_SVG },
		{ }
	};
	static struct calibration cal = {
		.presses = 10, .timeout_ns = 60 * NS_PER_S, .bias = GPIOD_LINE_BIAS_PULL_UP, .diagram = DIAGRAM,
	};
	unsigned int width;
	int c, ret;

	setlocale(LC_CTYPE, "");
	block_output();
	cal.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	/* 38 characters stand before each diagram. */
	width = terminal_width();
	if (width && width < 38 + DIAGRAM)
		cal.diagram = width < 38 + DIAGRAM_MIN ? DIAGRAM_MIN : width - 38;
	command_name = "calibrate";
	argv[0] = "button-irq";
	while ((c = getopt_long(argc, argv, "n:t:B:l", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			if (!parse_count(optarg, 1000, &cal.presses))
				return complain_usage("--presses=%s: not a number from 1 to 1000", optarg);
			break;
		case 't':
			if (!parse_period(optarg, &cal.timeout_ns))
				return complain_usage("--timeout=%s: not a time like 500ms or 2s, " PERIOD_LIMIT, optarg);
			break;
		case 'B':
			if (!parse_bias(optarg, &cal.bias))
				return complain_usage("--bias=%s: none of pull-up, pull-down, disabled, as-is",
						      optarg);
			break;
		case 'l':
			cal.active_high = false;
			break;
		case OPT_ACTIVE_HIGH:
			cal.active_high = true;
			break;
		case OPT_SVG:
			cal.svg = optarg;
			break;
		default:
			return usage_hint();
		}
	}
	if (argc - optind != 1)
		return complain_usage("calibrate: one line: gpio17, or gpiochip0:17");
	cal.line = argv[optind];
	ret = request_line(&cal);
	if (ret)
		return ret;
	ret = record(&cal);
	gpiod_line_request_release(cal.request);
	if (ret)
		return ret;
	printf("%s:%u", cal.chip_label, cal.offset);
	print_diagrams(&cal);
	print_histogram(&cal);
	print_recommendation(&cal);
	ret = finish_output(EXIT_OK);
	return cal.svg && !ret ? write_svg(&cal) : ret;
}
