// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "../button-irq/util.h"
#include "topic.h"

/* isalnum() would depend on the locale. */
static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char *escape(const char *text, const char *plain, char mark)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = malloc(3 * strlen(text) + 1), *to = out;

	if (!out)
		return NULL;
	for (; *text; text++) {
		if (is_alnum(*text) || strchr(plain, *text)) {
			*to++ = *text;
			continue;
		}
		*to++ = mark;
		*to++ = digits[(unsigned char)*text >> 4];
		*to++ = digits[*text & 15];
	}
	*to = '\0';
	return out;
}

#define LEVEL_PLAIN	"-._~"

char *escape_level(const char *text)
{
	return escape(text, LEVEL_PLAIN, '%');
}

char *escape_identifier(const char *text)
{
	return escape(text, "-", '_');
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *unescape_level(const char *level)
{
	char *out = malloc(strlen(level) + 1), *to = out, *again;
	const char *c = level;
	bool good = out;

	while (good && *c) {
		if (*c != '%') {
			*to++ = *c++;
			continue;
		}
		good = digit(c[1]) >= 0 && digit(c[2]) >= 0;
		if (!good)
			break;
		*to++ = digit(c[1]) << 4 | digit(c[2]);
		c += 3;
	}
	if (good)
		*to = '\0';
	/* One text, one level: "%41" is not how "A" is written, and "%00" is in no text. */
	again = good ? escape_level(out) : NULL;
	good = again && !strcmp(again, level);
	free(again);
	if (good)
		return out;
	free(out);
	return NULL;
}

bool is_utf8(const char *text)
{
	size_t n;

	for (; *text; text += n) {
		n = utf8_length(text);
		if (!n)
			return false;
	}
	return true;
}
