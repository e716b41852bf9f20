/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Home Assistant's device discovery: one retained message per host that describes all of its buttons
 *
 * https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
 */
#ifndef HOMEASSISTANT_H
#define HOMEASSISTANT_H

#include <stddef.h>
#include <stdio.h>

#include "settings.h"

/**
 * struct ha_button - one button in the message
 * @label: its label
 * @topic: its topics without their last level
 * @settings: its settings
 * @removed: Home Assistant forgets it
 */
struct ha_button {
	const char *label;
	const char *topic;
	const struct button_settings *settings;
	bool removed;
};

/* The topic of the message. To be freed. */
char *ha_topic(const struct settings *settings, const char *machine);

/* The topic of Home Assistant's birth message, sent when Home Assistant starts. To be freed. */
char *ha_birth_topic(const struct settings *settings);

/**
 * ha_payload() - the message
 * @settings: of the service
 * @machine: which machine this is
 * @availability: topic of the service's availability
 * @buttons: @n of them
 * @n: how many; 0: an empty message, with which Home Assistant forgets the device
 *
 * Return: to be freed; NULL: out of memory.
 */
char *ha_payload(const struct settings *settings, const char *machine, const char *availability,
		 const struct ha_button *buttons, size_t n);

#endif /* HOMEASSISTANT_H */
