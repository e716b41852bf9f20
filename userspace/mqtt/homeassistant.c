// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "../button-irq/util.h"
#include "homeassistant.h"
#include "topic.h"

/* The triggers of one button: Home Assistant's name, and our gesture */
static const struct {
	const char *type;
	const char *gesture;
} triggers[] = {
	{ "button_short_press", "click" },
	{ "button_double_press", "double" },
	{ "button_long_press", "hold" },
	{ "button_long_release", "hold_end" },
};

char *ha_topic(const struct settings *settings, const char *machine)
{
	char *topic;

	return asprintf(&topic, "%s/device/button-irq-%s/config", settings->discovery_prefix, machine) < 0 ? NULL : topic;
}

char *ha_birth_topic(const struct settings *settings)
{
	char *topic;

	return asprintf(&topic, "%s/status", settings->discovery_prefix) < 0 ? NULL : topic;
}

static void member(FILE *f, const char *name, const char *value)
{
	fprintf(f, "\"%s\":", name);
	write_json_string(f, value);
}

static void key(FILE *f, const char *name, const char *value)
{
	fputc(',', f);
	member(f, name, value);
}

/* Writes a topic, whose parts are escaped, or UTF-8 from the config file. */
static void topic(FILE *f, const char *name, const char *base, const char *last)
{
	char *text;

	if (asprintf(&text, "%s/%s", base, last) < 0)
		return;
	member(f, name, text);
	free(text);
}

/* A button is available while the service is connected and the driver is bound to the button. */
static void availability(FILE *f, const char *service, const char *button)
{
	fputs(",\"availability\":[{\"topic\":", f);
	write_json_string(f, service);
	fputs("},{", f);
	topic(f, "topic", button, "availability");
	fputs("}],\"availability_mode\":\"all\"", f);
}

/* Begins a component. Its key differs from all others, whatever bytes are in the labels. */
static void component(FILE *f, bool *first, const char *id, const char *what, const char *platform)
{
	fprintf(f, "%s\"%s-%s\":{\"platform\":\"%s\"", *first ? "" : ",", id, what, platform);
	*first = false;
}

/*
 * A doorbell rings at each press, without waiting for a release or a second press. Home Assistant requires the event type
 * "ring" of every doorbell, and ignores the empty object.
 */
static void event_entity(FILE *f, const struct ha_button *b)
{
	if (!strcmp(b->settings->device_class, "doorbell")) {
		fputc(',', f);
		topic(f, "state_topic", b->topic, "event");
		fputs(",\"event_types\":[\"ring\"],\"value_template\":\"{% if value_json.event == 'press' %}"
		      "{{ {'event_type': 'ring', 'seq': value_json.seq, 'time': value_json.time} | tojson }}"
		      "{% else %}{}{% endif %}\"", f);
	} else {
		fputc(',', f);
		topic(f, "state_topic", b->topic, "gesture");
		fputs(",\"event_types\":[\"press_end\",\"multi_press_end\",\"long_press_start\",\"long_press_end\"", f);
		fputs(b->settings->repeat_ns ? ",\"repeat\"]" : "]", f);
	}
	key(f, "device_class", b->settings->device_class);
}

static void button(FILE *f, bool *first, const struct ha_button *b, const char *machine, const char *service)
{
	char *id = escape_identifier(b->label), *level = escape_level(b->label);
	/* JSON is UTF-8. The escaped label keeps two labels from looking the same. */
	const char *name = b->settings->name ?: is_utf8(b->label) ? b->label : level;
	size_t i;

	if (id && level) {
		component(f, first, id, "event", "event");
		if (!b->removed) {
			fprintf(f, ",\"unique_id\":\"button-irq-%s-%s-event\"", machine, id);
			key(f, "name", name);
			event_entity(f, b);
			fputs(",\"qos\":1", f);
			availability(f, service, b->topic);
		}
		fputc('}', f);
		component(f, first, id, "state", "binary_sensor");
		if (!b->removed) {
			fprintf(f, ",\"unique_id\":\"button-irq-%s-%s-state\"", machine, id);
			key(f, "name", name);
			fputc(',', f);
			topic(f, "state_topic", b->topic, "state");
			fputs(",\"payload_on\":\"pressed\",\"payload_off\":\"released\",\"qos\":1", f);
			if (b->settings->state_class)
				key(f, "device_class", b->settings->state_class);
			availability(f, service, b->topic);
		}
		fputc('}', f);
	}
	for (i = 0; id && level && i < ARRAY_SIZE(triggers); i++) {
		component(f, first, id, triggers[i].type, "device_automation");
		if (!b->removed) {
			fprintf(f, ",\"automation_type\":\"trigger\",\"type\":\"%s\"", triggers[i].type);
			key(f, "subtype", name);
			fputc(',', f);
			topic(f, "topic", b->topic, "gesture");
			fprintf(f, ",\"payload\":\"%s\",\"value_template\":\"{{ value_json.gesture }}\",\"qos\":1",
				triggers[i].gesture);
		}
		fputc('}', f);
	}
	free(id);
	free(level);
}

char *ha_payload(const struct settings *settings, const char *machine, const char *service,
		 const struct ha_button *buttons, size_t n)
{
	bool first = true;
	char *text = NULL;
	size_t size, i;
	FILE *f;

	if (!n)
		return strdup("");
	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	fprintf(f, "{\"device\":{\"identifiers\":[\"button-irq-%s\"]", machine);
	key(f, "name", settings->host);
	fputs(",\"manufacturer\":\"button_irq\",\"model\":\"Push buttons on GPIO lines\",\"sw_version\":\"" VERSION
	      "\"},\"origin\":{\"name\":\"button-irq-mqtt\",\"sw_version\":\"" VERSION
	      "\"},\"components\":{", f);
	for (i = 0; i < n; i++)
		button(f, &first, &buttons[i], machine, service);
	fputs("}}", f);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}
