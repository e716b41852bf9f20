/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The config file of button-irq-mqtt, see button-irq-mqtt.conf beside this file
 *
 *	broker = broker.lan
 *	[bell]
 *	device-class = doorbell
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * struct button_settings - the settings of one button
 * @button: its label; NULL: of every button that has no section
 * @publish: its events are sent
 * @name: what Home Assistant calls it; NULL: its label
 * @device_class: of Home Assistant's event entity, "button" or "doorbell"
 * @state_class: device class of Home Assistant's binary sensor, or NULL
 * @hold_ns: the shortest hold
 * @double_ns: the longest pause within a double click; 0: doubles are not looked for
 * @repeat_ns: time between repeats; 0: no repeats
 * @max_age_ns: gestures that are older than this are not sent; 0: all are
 */
struct button_settings {
	char *button;
	bool publish;
	char *name;
	char *device_class;
	char *state_class;
	unsigned long long hold_ns;
	unsigned long long double_ns;
	unsigned long long repeat_ns;
	unsigned long long max_age_ns;
};

/**
 * struct settings - the whole config file
 * @broker: host name or address
 * @port: TCP port
 * @user: user name, or NULL
 * @password: NULL, or read from a credential or from @password_file
 * @password_file: or NULL
 * @tls: speak TLS
 * @tls_ca: file with CA certificates, NULL: those of the system
 * @tls_cert: file with the client's certificate, or NULL
 * @tls_key: file with its key, or NULL
 * @old_protocol: speak MQTT 3.1.1
 * @keep_alive: seconds
 * @client_id: NULL: made from host name and machine id
 * @host: second level of all topics
 * @topic: first level
 * @discovery: send discovery messages of Home Assistant
 * @discovery_prefix: first level of their topics
 * @forget_ns: how long a button is absent until its messages are removed from the broker
 * @defaults: of buttons without a section; [*] in the file
 * @button: the sections, @n of them
 */
struct settings {
	char *broker;
	unsigned long port;
	char *user;
	char *password;
	char *password_file;
	bool tls;
	char *tls_ca;
	char *tls_cert;
	char *tls_key;
	bool old_protocol;
	unsigned long keep_alive;
	char *client_id;
	char *host;
	char *topic;
	bool discovery;
	char *discovery_prefix;
	unsigned long long forget_ns;
	struct button_settings defaults;
	struct button_settings *button;
	size_t n;
};

/**
 * settings_read() - read a config file, and the secrets that it names
 * @settings: filled in
 * @name: the file
 * @errors: gets one line for each error
 *
 * Return: EXIT_OK; EXIT_FAILED if there is no such file, EXIT_USAGE if it has errors.
 */
int settings_read(struct settings *settings, const char *name, FILE *errors);

/**
 * settings_text() - the same from a file that is open, without secrets and without checks of rights
 *
 * Return: the number of errors.
 */
unsigned int settings_text(struct settings *settings, FILE *file, const char *name, FILE *errors);

/* The settings of a button. */
const struct button_settings *settings_of(const struct settings *settings, const char *label);

void settings_free(struct settings *settings);

#endif /* SETTINGS_H */
