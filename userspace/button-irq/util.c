// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "util.h"

/* Of a config file: bytes, errors that are reported, bytes of a wrong line that are shown */
#define SETTINGS_MAX	(1 << 20)
#define ERRORS_MAX	50
#define SHOWN_MAX	200

const char *program_name = "button-irq";
const char *command_name;

/*
 * A write that returns EAGAIN instead of sleeping. O_NONBLOCK on the inherited descriptor
 * would change standard error for every process that shares it. So a pipe or terminal is
 * opened once more; a socket (the journal's) has a flag for one call.
 */
static ssize_t try_write(const char *text, size_t n)
{
	static int own = -1;
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct stat st;

	if (fstat(STDERR_FILENO, &st))
		return -1;
	if (S_ISSOCK(st.st_mode))
		return send(STDERR_FILENO, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (S_ISREG(st.st_mode))
		return write(STDERR_FILENO, text, n);
	if (own < 0)
		own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own >= 0)
		return write(own, text, n);
	/* The terminal may belong to another user, as after su. POLLOUT promises room for PIPE_BUF bytes. */
	if (poll(&pfd, 1, 0) == 1 && pfd.revents & POLLOUT)
		return write(STDERR_FILENO, text, n);
	return -1;
}

/* A reader of standard error that goes away must not end this program with SIGPIPE. */
static ssize_t write_now(const char *text, size_t n)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	ssize_t ret = try_write(text, n);

	signal(SIGPIPE, old);
	return ret;
}

/* Replaces bytes that a terminal may interpret: C0 and C1 control characters, and bytes that are not UTF-8. */
static void disarm(char *text, size_t n)
{
	char *end = text + n;

	while (text < end) {
		size_t length = utf8_length(text);

		if (length > (size_t)(end - text))
			length = 0;
		if (!length || (unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
		else if (length == 2 && *text == '\xc2' && (unsigned char)text[1] < 0xa0)
			text[0] = text[1] = '?';
		text += length ?: 1;
	}
}

static void say_line(const char *line, size_t n)
{
	/* A pipe takes up to PIPE_BUF bytes as a whole, or nothing. */
	char text[PIPE_BUF + 1];
	static unsigned long dropped;
	char note[80];

	if (dropped) {
		int length = snprintf(note, sizeof(note), "%s: %lu message%s could not be written\n",
				      program_name, dropped, dropped > 1 ? "s" : "");

		if (write_now(note, length) == length)
			dropped = 0;
	}
	if (n > PIPE_BUF - 1)
		n = PIPE_BUF - 1;
	memcpy(text, line, n);
	text[n] = '\0';
	disarm(text, n);
	text[n++] = '\n';
	if (dropped || write_now(text, n) < 0)
		dropped++;
}

void say(const char *text, size_t n)
{
	const char *end = text + n;

	while (text < end) {
		const char *newline = memchr(text, '\n', end - text) ?: end;

		say_line(text, newline - text);
		text = newline + 1;
	}
}

static void vcomplain(const char *format, va_list args, const char *hint)
{
	char text[1024];
	size_t n = snprintf(text, sizeof(text), "%s: ", program_name), room = sizeof(text) - n - strlen(hint) - 1;
	int length;

	/* Keep the order of output and messages where both go to the same terminal or file. */
	fflush(stdout);
	length = vsnprintf(text + n, room, format, args);
	n += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
	text[n++] = '\n';
	memcpy(text + n, hint, strlen(hint));
	say(text, n + strlen(hint));
}

int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args, "");
	va_end(args);
	return EXIT_FAILED;
}

static const char *hint(void)
{
	static char text[80];

	snprintf(text, sizeof(text), "Try '%s %s%s--help'.\n", program_name, command_name ?: "",
		 command_name ? " " : "");
	return text;
}

int complain_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args, hint());
	va_end(args);
	return EXIT_USAGE;
}

int usage_hint(void)
{
	say(hint(), strlen(hint()));
	return EXIT_USAGE;
}

/* Write to a socket that has O_NONBLOCK as if it had not. */
static ssize_t write_waiting(void *cookie, const char *text, size_t size)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t n;

	(void)cookie;
	while ((n = write(STDOUT_FILENO, text, size)) < 0 && errno == EAGAIN)
		poll(&pfd, 1, -1);
	return n < 0 ? 0 : n;
}

void block_output(void)
{
	static const cookie_io_functions_t waiting = { .write = write_waiting };
	int flags = fcntl(STDOUT_FILENO, F_GETFL), fd;

	if (flags < 0 || !(flags & O_NONBLOCK))
		return;
	/* A second open has flags of its own. A socket cannot be opened, and its flag is another's, too. */
	fd = open("/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_CLOEXEC | (flags & O_APPEND));
	if (fd < 0) {
		stdout = fopencookie(NULL, "w", waiting) ?: stdout;
		return;
	}
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

/* The first error of standard output. stdio itself keeps only that there was one. */
static int output_error;

bool flush_output(void)
{
	errno = 0;
	if (!output_error && (fflush(stdout) || ferror(stdout)))
		output_error = errno ?: EIO;
	return !output_error;
}

int finish_output(int code)
{
	if (flush_output())
		return code;
	return complain("standard output: %s", strerror(output_error));
}

bool use_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

unsigned int terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

int text_width(const char *text)
{
	wchar_t wide[256];
	size_t n = mbstowcs(wide, text, ARRAY_SIZE(wide));
	int width = n == (size_t)-1 || n == ARRAY_SIZE(wide) ? -1 : wcswidth(wide, n);

	return width < 0 ? (int)strlen(text) : width;
}

size_t utf8_length(const char *character)
{
	const unsigned char *text = (const unsigned char *)character;
	static const struct {
		unsigned char mask, lead;
		unsigned int least;
	} forms[] = { { 0x80, 0, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	unsigned int value;
	size_t n, i;

	for (n = 0; n < ARRAY_SIZE(forms); n++)
		if ((*text & forms[n].mask) == forms[n].lead)
			break;
	if (n == ARRAY_SIZE(forms))
		return 0;
	value = *text & ~forms[n].mask;
	for (i = 1; i <= n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	return value < forms[n].least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ? 0 : n + 1;
}

void write_json_string(FILE *file, const char *text)
{
	const char *c = text;

	putc('"', file);
	while (*c) {
		size_t n = utf8_length(c);

		if (!n)
			fputs("\\ufffd", file);
		else if ((unsigned char)*c < 0x20 || *c == 0x7f)
			fprintf(file, "\\u%04x", *c);
		else
			fprintf(file, "%s%.*s", *c == '"' || *c == '\\' ? "\\" : "", (int)n, c);
		c += n ?: 1;
	}
	putc('"', file);
}

void print_json_string(const char *text)
{
	write_json_string(stdout, text);
}

unsigned long long clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

bool parse_period(const char *text, unsigned long long *ns)
{
	static const struct {
		const char *suffix;
		double ns;
	} units[] = {
		{ "", NS_PER_MS }, { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", NS_PER_S },
		{ "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S },
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

static char *strip(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

static const char *read_section(const struct settings_reader *reader, char *line, unsigned int number)
{
	size_t n = strlen(line);
	char *name;

	if (line[n - 1] != ']')
		return "no ] at the end";
	line[n - 1] = '\0';
	name = strip(line + 1);
	return *name ? reader->section(reader->data, name, number) : "no button between [ and ]";
}

static const char *read_setting(const struct settings_reader *reader, char *line, unsigned int number)
{
	char *value = strchr(line, '=');

	if (!value)
		return "neither [BUTTON] nor KEY = VALUE";
	*value++ = '\0';
	return reader->setting(reader->data, strip(line), strip(value), number);
}

/* Skips a byte order mark, which editors on other systems write. */
static const char *read_mark(char **text)
{
	if (!strncmp(*text, "\xef\xbb\xbf", 3))
		*text += 3;
	else if (!strncmp(*text, "\xff\xfe", 2) || !strncmp(*text, "\xfe\xff", 2))
		return "the file is in UTF-16: save it as UTF-8";
	return NULL;
}

/* Reads the rest of a file. Returns NULL with errno set if that fails, and EFBIG if it is larger than SETTINGS_MAX. */
static char *read_all(FILE *file, size_t *n)
{
	char *text = malloc(SETTINGS_MAX + 2);

	if (!text)
		return NULL;
	errno = 0;
	*n = fread(text, 1, SETTINGS_MAX + 1, file);
	if (ferror(file) || *n > SETTINGS_MAX) {
		errno = ferror(file) ? errno ?: EIO : EFBIG;
		free(text);
		return NULL;
	}
	text[*n] = '\0';
	return text;
}

/* Returns NULL, or what is wrong with a line; @text loses the blanks around the line. */
static const char *read_line(const struct settings_reader *reader, char *text, unsigned int number)
{
	if (*text == '[')
		return read_section(reader, text, number);
	if (*text && *text != '#' && *text != ';')
		return read_setting(reader, text, number);
	return NULL;
}

unsigned int read_settings(const struct settings_reader *reader, FILE *file, const char *name, FILE *errors)
{
	char *all, *line, *next, *end, shown[SHOWN_MAX + 4];
	unsigned int number = 0, bad = 0;
	size_t n;

	all = read_all(file, &n);
	if (!all) {
		if (errno == EFBIG)
			fprintf(errors, "%s: larger than 1 MiB, so it is no config file\n", name);
		else
			fprintf(errors, "%s: %s\n", name, strerror(errno));
		return 1;
	}
	end = all + n;
	for (line = all; line < end; line = next) {
		const char *wrong = NULL;
		char *text = line;

		next = memchr(line, '\n', end - line) ?: end;
		*next++ = '\0';
		if (!number++) {
			wrong = read_mark(&text);
			if (wrong) {
				fprintf(errors, "%s:%u: %s\n", name, number, wrong);
				free(all);
				return bad + 1;
			}
		}
		if (line + strlen(line) != next - 1)
			wrong = "a NUL byte in the line";
		text = strip(text);
		snprintf(shown, sizeof(shown), "%.*s%s", SHOWN_MAX, text, strlen(text) > SHOWN_MAX ? "..." : "");
		if (!wrong)
			wrong = read_line(reader, text, number);
		if (!wrong)
			continue;
		if (bad++ < ERRORS_MAX)
			fprintf(errors, "%s:%u: %s: %s\n", name, number, shown, wrong);
		if (reader->wrong)
			reader->wrong(reader->data);
	}
	free(all);
	if (bad > ERRORS_MAX)
		fprintf(errors, "%s: %u more errors\n", name, bad - ERRORS_MAX);
	return bad;
}
