// SPDX-License-Identifier: GPL-2.0
/*
 * Records the raw edges of a line through libgpiod, while the driver does not own it, and
 * recommends a debounce time
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bursts.h"
#include "commands.h"
#include "util.h"

#define MAX_EDGES	65536
#define DIAGRAM		60	/* characters, or steps, of a timing diagram */
#define BARS		8	/* of the histogram */

/**
 * struct calibration - what is asked for, and what was recorded
 * @line: as it was named: a line's name, or CHIP:OFFSET
 * @presses: how many to record
 * @timeout_ns: give up when nothing happens for so long
 * @bias: the pull
 * @active_high: pressed is high
 * @svg: file for a picture, or NULL
 * @chip_label: the line's controller
 * @offset: the line there
 * @request: the line, while it is ours
 * @edges: recorded, @n_edges
 * @bursts: found in them, @n_bursts
 */
struct calibration {
	const char *line;
	unsigned long presses;
	unsigned long long timeout_ns;
	enum gpiod_line_bias bias;
	bool active_high;
	const char *svg;
	char chip_label[64];
	unsigned int offset;
	struct gpiod_line_request *request;
	struct edge *edges;
	size_t n_edges;
	struct burst *bursts;
	size_t n_bursts;
};

/* --- The line --- */

static int is_gpiochip(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "gpiochip", 8);
}

/* Does the line mean @offset of this chip, by name or as CHIP:OFFSET? */
static bool is_on_chip(const struct calibration *c, struct gpiod_chip *chip, int *offset)
{
	const char *colon = strrchr(c->line, ':');
	struct gpiod_chip_info *info;
	bool found = false;
	size_t n;
	char *end;

	*offset = gpiod_chip_get_line_offset_from_name(chip, c->line);
	if (*offset >= 0)
		return true;
	info = gpiod_chip_get_info(chip);
	if (!info)
		return false;
	if (colon && isdigit((unsigned char)colon[1])) {
		n = colon - c->line;
		*offset = strtoul(colon + 1, &end, 10);
		found = !*end && (size_t)*offset < gpiod_chip_info_get_num_lines(info) &&
			((strlen(gpiod_chip_info_get_name(info)) == n &&
			  !strncmp(gpiod_chip_info_get_name(info), c->line, n)) ||
			 (strlen(gpiod_chip_info_get_label(info)) == n &&
			  !strncmp(gpiod_chip_info_get_label(info), c->line, n)));
	}
	gpiod_chip_info_free(info);
	return found;
}

static struct gpiod_chip *find_line(struct calibration *c)
{
	struct gpiod_chip *chip, *found = NULL;
	struct gpiod_chip_info *info;
	struct dirent **entries;
	char path[300];
	int i, offset, n = scandir("/dev", &entries, is_gpiochip, versionsort);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/dev/%s", entries[i]->d_name);
		free(entries[i]);
		if (found)
			continue;
		chip = gpiod_chip_open(path);
		if (!chip) {
			complain("%s: %s", path, strerror(errno));
			continue;
		}
		if (is_on_chip(c, chip, &offset)) {
			info = gpiod_chip_get_info(chip);
			if (info)
				snprintf(c->chip_label, sizeof(c->chip_label), "%s",
					 gpiod_chip_info_get_label(info));
			gpiod_chip_info_free(info);
			c->offset = offset;
			found = chip;
		} else {
			gpiod_chip_close(chip);
		}
	}
	if (n >= 0)
		free(entries);
	return found;
}

static int line_refused(const struct calibration *c, struct gpiod_chip *chip, int error)
{
	struct gpiod_line_info *info = gpiod_chip_get_line_info(chip, c->offset);
	const char *user = info ? gpiod_line_info_get_consumer(info) : NULL;

	if (error == EBUSY)
		complain("%s: in use%s%s%s", c->line, user ? " by " : "", user ?: "",
			 user && !strcmp(user, "button_irq") ? " (unload it: rmmod button_irq)" : "");
	else
		complain("%s: %s", c->line, strerror(error));
	gpiod_line_info_free(info);
	return EXIT_FAILED;
}

static int request_line(struct calibration *c)
{
	struct gpiod_line_settings *settings = gpiod_line_settings_new();
	struct gpiod_line_config *lines = gpiod_line_config_new();
	struct gpiod_request_config *config = gpiod_request_config_new();
	struct gpiod_chip *chip = find_line(c);
	int ret = EXIT_OK;

	if (!chip)
		return complain("%s: no such line (gpioinfo lists names and offsets)", c->line);
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

	for (i = 0; i < n && c->n_edges < MAX_EDGES; i++) {
		struct gpiod_edge_event *e = gpiod_edge_event_buffer_get_event(buffer, i);

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
	struct gpiod_edge_event_buffer *buffer = gpiod_edge_event_buffer_new(64);
	unsigned long seen = 0;
	int n, ready;

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
	}
	gpiod_edge_event_buffer_free(buffer);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (!c->n_edges)
		return complain("%s: no edge in %.0f s: is the button on this line, and does it connect to %s?",
				c->line, (double)c->timeout_ns / NS_PER_S,
				c->active_high ? "3.3 V" : "ground");
	if (seen < c->presses)
		complain("%s: only %lu of %lu presses in time", c->line, seen, c->presses);
	return EXIT_OK;
}

/* --- What it shows --- */

/* The level in each of DIAGRAM steps of a burst; a step that has several levels is given as '|'. */
static void diagram(const struct calibration *c, const struct burst *b, unsigned long long step,
		    char *steps)
{
	const struct edge *e = &c->edges[b->first];
	bool pressed = !e->pressed;
	size_t i, k = 0;

	for (i = 0; i < DIAGRAM; i++) {
		/* A tenth of the diagram is before the first edge. */
		long long end = ((long long)i + 1 - DIAGRAM / 10) * (long long)step;
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
	return longest_bounce(c) / (DIAGRAM * 8 / 10) + 1000;
}

static void print_diagrams(const struct calibration *c)
{
	unsigned long long step = diagram_step(c);
	size_t i, k, shown = c->n_bursts < 12 ? c->n_bursts : 12;
	char steps[DIAGRAM];

	printf("\nThe line, %.1f ms across (\u2581 pressed, \u2594 released, \u2592 faster than this picture):\n\n",
	       (double)step * DIAGRAM / NS_PER_MS);
	for (i = 0; i < shown; i++) {
		const struct burst *b = &c->bursts[i];

		diagram(c, b, step, steps);
		printf("  %-8s %3zu edges %8.3f ms  ", c->edges[b->first].pressed ? "press" : "release",
		       b->n, (double)b->bounce_ns / NS_PER_MS);
		for (k = 0; k < DIAGRAM; k++)
			fputs(steps[k] == '_' ? "\u2581" : steps[k] == '-' ? "\u2594" : "\u2592", stdout);
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
		for (k = 0; k < (bars[i] * 40 + high - 1) / high; k++)
			fputs("\u2588", stdout);
		putchar('\n');
	}
}

/* Is the line GPIO @offset of a Raspberry Pi's header? */
static bool is_pi(const struct calibration *c)
{
	return !strcmp(c->chip_label, "pinctrl-bcm2835") || !strcmp(c->chip_label, "pinctrl-bcm2711") ||
	       !strcmp(c->chip_label, "pinctrl-rp1");
}

static void print_recommendation(const struct calibration *c)
{
	unsigned int us = bursts_debounce_us(c->bursts, c->n_bursts);
	const char *pull = c->bias == GPIOD_LINE_BIAS_PULL_DOWN ? "down" :
			   c->bias == GPIOD_LINE_BIAS_DISABLED ? "off" : "up";

	printf("\n%zu movements, %zu edges, the longest bounce %.3f ms: debounce_us=%u\n", c->n_bursts,
	       c->n_edges, (double)longest_bounce(c) / NS_PER_MS, us);
	if (is_pi(c))
		printf("\n  config.txt:  dtoverlay=button-irq,gpio=%u,gpio_pull=%s,active_low=%d,debounce_us=%u\n"
		       "  modprobe:    modprobe button_irq gpio=%u pull=%s active_low=%d debounce_us=%u\n",
		       c->offset, pull, !c->active_high, us, c->offset, pull, !c->active_high, us);
	else
		printf("\n  modprobe:    modprobe button_irq line=%s:%u pull=%s active_low=%d debounce_us=%u\n",
		       c->chip_label, c->offset, pull, !c->active_high, us);
}

static void svg_diagrams(FILE *f, const struct calibration *c, size_t shown)
{
	double scale = 600.0 / ((double)diagram_step(c) * DIAGRAM);
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
		"<text x=\"10\" y=\"24\">%s:%u, low line is pressed; %.1f ms across; recommended debounce_us=%u</text>\n",
		top + 30 + 22 * BARS, c->chip_label, c->offset, (double)diagram_step(c) * DIAGRAM / NS_PER_MS,
		bursts_debounce_us(c->bursts, c->n_bursts));
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

int calibrate_main(int argc, char **argv)
{
	enum { OPT_SVG = 256 };
	static const struct option options[] = {
		{ "presses", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "bias", required_argument, NULL, 'B' },
		{ "active-high", no_argument, NULL, 'l' },
		{ "svg", required_argument, NULL, OPT_SVG },
		{ }
	};
	struct calibration cal = {
		.presses = 10, .timeout_ns = 60 * NS_PER_S, .bias = GPIOD_LINE_BIAS_PULL_UP,
	};
	int c, ret;

	while ((c = getopt_long(argc, argv, "n:t:B:l", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			if (!parse_count(optarg, 1000, &cal.presses))
				return complain_usage("--presses=%s: not a number from 1 to 1000", optarg);
			break;
		case 't':
			if (!parse_period(optarg, &cal.timeout_ns))
				return complain_usage("--timeout=%s: not a time like 500ms or 2s", optarg);
			break;
		case 'B':
			if (!parse_bias(optarg, &cal.bias))
				return complain_usage("--bias=%s: none of pull-up, pull-down, disabled, as-is",
						      optarg);
			break;
		case 'l':
			cal.active_high = true;
			break;
		case OPT_SVG:
			cal.svg = optarg;
			break;
		default:
			return EXIT_USAGE;
		}
	}
	if (argc - optind != 1)
		return complain_usage("calibrate: one line: GPIO17, or gpiochip0:17");
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
	return cal.svg ? write_svg(&cal) : EXIT_OK;
}
