/* SPDX-License-Identifier: GPL-2.0-only */
/* Labels and host names as levels of topics, and as identifiers */
#ifndef TOPIC_H
#define TOPIC_H

#include <stdbool.h>

/**
 * escape_level() - text as one level of a topic
 * @text: a label or a host name, of any bytes
 *
 * Every byte but A-Z a-z 0-9 - . _ ~ becomes % and two hexadecimal digits, as in a URL (RFC 3986), so any program can
 * decode the level, and no two texts become the same one. An MQTT topic must not contain # + and NUL within a level, and
 * brokers refuse topics that are not UTF-8.
 *
 * Return: to be freed; NULL: out of memory.
 */
char *escape_level(const char *text);

/* Undoes escape_level(). Returns NULL where escape_level() does not write such text. */
char *unescape_level(const char *level);

/*
 * Text as an identifier of letters, digits, "-" and "_", which is all that Home Assistant allows in one: every byte but
 * A-Z a-z 0-9 - becomes _ and two hexadecimal digits. To be freed.
 */
char *escape_identifier(const char *text);

/* Is all of it UTF-8? */
bool is_utf8(const char *text);

#endif /* TOPIC_H */
