// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes chips and edges from files. root/dev/gpiochipN is a chip: its first line is the label, the second the number of GPIO
 * lines, and the rest "OFFSET NAME". root/edges has the edges of any line that is requested, "NANOSECONDS LEVEL SEQNO", where
 * LEVEL is the physical level, 0 or 1. A request is written to root/request as "CHIP OFFSET BIAS ACTIVE_LOW".
 * If root/busy exists, every line is in use, and the file has the name of the consumer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gpiod.h>

struct gpiod_chip {
	char path[300];
	char label[64];
	size_t lines;
};

struct gpiod_chip_info {
	char name[64];
	char label[64];
	size_t lines;
};

struct gpiod_line_info { char consumer[32]; };
struct gpiod_line_settings { int bias; bool active_low; };
struct gpiod_line_config { unsigned int offset; struct gpiod_line_settings settings; };
struct gpiod_request_config { int unused; };
struct gpiod_line_request { FILE *edges; bool active_low; };
struct gpiod_edge_event { uint64_t time; int type; unsigned long seq; };
struct gpiod_edge_event_buffer { struct gpiod_edge_event event[64]; };

static FILE *open_chip(const char *path, char *label, size_t *lines)
{
	FILE *f = fopen(path, "r");

	if (f && fscanf(f, "%63[^\n] %zu", label, lines) == 2)
		return f;
	if (!f)
		return NULL;
	fclose(f);
	errno = ENODEV;
	return NULL;
}

struct gpiod_chip *gpiod_chip_open(const char *path)
{
	struct gpiod_chip *chip = calloc(1, sizeof(*chip));
	FILE *f = open_chip(path, chip->label, &chip->lines);

	if (!f) {
		free(chip);
		return NULL;
	}
	fclose(f);
	snprintf(chip->path, sizeof(chip->path), "%s", path);
	return chip;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
	free(chip);
}

int gpiod_chip_get_line_offset_from_name(struct gpiod_chip *chip, const char *name)
{
	FILE *f = open_chip(chip->path, chip->label, &chip->lines);
	char text[64];
	int offset, found = -1;

	while (found < 0 && fscanf(f, "%d %63s", &offset, text) == 2)
		found = strcmp(text, name) ? -1 : offset;
	fclose(f);
	return found;
}

struct gpiod_chip_info *gpiod_chip_get_info(struct gpiod_chip *chip)
{
	struct gpiod_chip_info *info = calloc(1, sizeof(*info));

	snprintf(info->name, sizeof(info->name), "%.63s", strrchr(chip->path, '/') + 1);
	strcpy(info->label, chip->label);
	info->lines = chip->lines;
	return info;
}

void gpiod_chip_info_free(struct gpiod_chip_info *info)
{
	free(info);
}

const char *gpiod_chip_info_get_name(struct gpiod_chip_info *info)
{
	return info->name;
}

const char *gpiod_chip_info_get_label(struct gpiod_chip_info *info)
{
	return info->label;
}

size_t gpiod_chip_info_get_num_lines(struct gpiod_chip_info *info)
{
	return info->lines;
}

struct gpiod_line_info *gpiod_chip_get_line_info(struct gpiod_chip *chip, unsigned int offset)
{
	struct gpiod_line_info *info = calloc(1, sizeof(*info));
	FILE *f = fopen("root/busy", "r");

	(void)chip;
	(void)offset;
	if (f) {
		if (!fgets(info->consumer, sizeof(info->consumer), f))
			*info->consumer = '\0';
		info->consumer[strcspn(info->consumer, "\n")] = '\0';
		fclose(f);
	}
	return info;
}

const char *gpiod_line_info_get_consumer(struct gpiod_line_info *info)
{
	return *info->consumer ? info->consumer : NULL;
}

void gpiod_line_info_free(struct gpiod_line_info *info)
{
	free(info);
}

struct gpiod_line_settings *gpiod_line_settings_new(void)
{
	return calloc(1, sizeof(struct gpiod_line_settings));
}

void gpiod_line_settings_free(struct gpiod_line_settings *settings)
{
	free(settings);
}

int gpiod_line_settings_set_direction(struct gpiod_line_settings *settings, enum gpiod_line_direction direction)
{
	(void)settings;
	(void)direction;
	return 0;
}

int gpiod_line_settings_set_edge_detection(struct gpiod_line_settings *settings, enum gpiod_line_edge edge)
{
	(void)settings;
	(void)edge;
	return 0;
}

int gpiod_line_settings_set_bias(struct gpiod_line_settings *settings, enum gpiod_line_bias bias)
{
	settings->bias = bias;
	return 0;
}

void gpiod_line_settings_set_active_low(struct gpiod_line_settings *settings, bool active_low)
{
	settings->active_low = active_low;
}

struct gpiod_line_config *gpiod_line_config_new(void)
{
	return calloc(1, sizeof(struct gpiod_line_config));
}

void gpiod_line_config_free(struct gpiod_line_config *config)
{
	free(config);
}

int gpiod_line_config_add_line_settings(struct gpiod_line_config *config, const unsigned int *offsets, size_t n,
					struct gpiod_line_settings *settings)
{
	(void)n;
	config->offset = *offsets;
	config->settings = *settings;
	return 0;
}

struct gpiod_request_config *gpiod_request_config_new(void)
{
	return calloc(1, sizeof(struct gpiod_request_config));
}

void gpiod_request_config_free(struct gpiod_request_config *config)
{
	free(config);
}

void gpiod_request_config_set_consumer(struct gpiod_request_config *config, const char *consumer)
{
	(void)config;
	(void)consumer;
}

void gpiod_request_config_set_event_buffer_size(struct gpiod_request_config *config, size_t size)
{
	(void)config;
	(void)size;
}

struct gpiod_line_request *gpiod_chip_request_lines(struct gpiod_chip *chip, struct gpiod_request_config *request,
						    struct gpiod_line_config *lines)
{
	static const char *const biases[] = { "", "as-is", "unknown", "disabled", "pull-up", "pull-down" };
	struct gpiod_line_request *line;
	FILE *f;

	(void)request;
	if (!access("root/busy", F_OK)) {
		errno = EBUSY;
		return NULL;
	}
	if (!access("root/no-pull", F_OK) && lines->settings.bias != GPIOD_LINE_BIAS_AS_IS) {
		errno = ENOTSUP;
		return NULL;
	}
	f = fopen("root/request", "w");
	fprintf(f, "%s %u %s %d\n", strrchr(chip->path, '/') + 1, lines->offset, biases[lines->settings.bias],
		lines->settings.active_low);
	fclose(f);
	line = calloc(1, sizeof(*line));
	line->edges = fopen("root/edges", "r");
	line->active_low = lines->settings.active_low;
	return line;
}

void gpiod_line_request_release(struct gpiod_line_request *request)
{
	fclose(request->edges);
	free(request);
}

/* No time passes here: after the last edge, the timeout has expired. */
int gpiod_line_request_wait_edge_events(struct gpiod_line_request *request, int64_t timeout_ns)
{
	int c = fgetc(request->edges);

	(void)timeout_ns;
	ungetc(c, request->edges);
	return c != EOF;
}

int gpiod_line_request_read_edge_events(struct gpiod_line_request *request, struct gpiod_edge_event_buffer *buffer,
					size_t max)
{
	unsigned long long time;
	unsigned long seq;
	size_t n = 0;
	int level;

	while (n < max && fscanf(request->edges, "%llu %d %lu\n", &time, &level, &seq) == 3) {
		if (request->active_low)
			level = !level;
		buffer->event[n++] = (struct gpiod_edge_event){
			.time = time, .seq = seq,
			.type = level ? GPIOD_EDGE_EVENT_RISING_EDGE : GPIOD_EDGE_EVENT_FALLING_EDGE,
		};
	}
	return n;
}

struct gpiod_edge_event_buffer *gpiod_edge_event_buffer_new(size_t capacity)
{
	(void)capacity;
	return calloc(1, sizeof(struct gpiod_edge_event_buffer));
}

void gpiod_edge_event_buffer_free(struct gpiod_edge_event_buffer *buffer)
{
	free(buffer);
}

struct gpiod_edge_event *gpiod_edge_event_buffer_get_event(struct gpiod_edge_event_buffer *buffer, unsigned long index)
{
	return &buffer->event[index];
}

uint64_t gpiod_edge_event_get_timestamp_ns(struct gpiod_edge_event *event)
{
	return event->time;
}

enum gpiod_edge_event_type gpiod_edge_event_get_event_type(struct gpiod_edge_event *event)
{
	return event->type;
}

unsigned long gpiod_edge_event_get_line_seqno(struct gpiod_edge_event *event)
{
	return event->seq;
}
