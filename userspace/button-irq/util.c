// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static void vcomplain(const char *format, va_list args)
{
	fflush(stdout);
	fputs("button-irq: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
	return EXIT_FAILED;
}

int complain_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
	fputs("Try 'button-irq --help'.\n", stderr);
	return EXIT_USAGE;
}

bool parse_period(const char *text, unsigned long long *ns)
{
	static const struct {
		const char *suffix;
		double ns;
	} units[] = {
		{ "", NS_PER_MS }, { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", NS_PER_S },
		{ "m", 60 * NS_PER_S },
	};
	const double week = 7.0 * 24 * 3600 * NS_PER_S;
	double value;
	char *end;
	size_t i;

	/* strtod() would take blanks, signs, hexadecimal and infinity. */
	if (!isdigit((unsigned char)*text) || strpbrk(text, "xXeE"))
		return false;
	value = strtod(text, &end);
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		value *= units[i].ns;
		if (value < 1 || value > week)
			return false;
		*ns = llround(value);
		return true;
	}
	return false;
}

bool parse_count(const char *text, unsigned long max, unsigned long *count)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*count = strtoul(text, &end, 10);
	return !*end && !errno && *count >= 1 && *count <= max;
}
