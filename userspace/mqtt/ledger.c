// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../button-irq/util.h"
#include "ledger.h"
#include "topic.h"

#define FILE_NAME	"acknowledged"
#define NEW_NAME	FILE_NAME ".new"
#define FIRST_LINE	"button-irq-mqtt 1"
#define LAST_LINE	"end"
/* Buttons are few. A larger file is not ours. */
#define FILE_MAX	(1024 * 1024)

/*
 * One line for each button and each gap, and one for Home Assistant's discovery:
 *	discovery TOPIC
 *	button LABEL BOOT BINDING ACKED GESTURE_TIME GESTURE_TYPE FLAGS STOPPED PENDING
 *	gap LABEL REASON BOOT BINDING SEQ COUNT
 * LABEL and TOPIC are escaped as levels of topics are, so no blank is in them. The last line shows that nothing is cut off.
 */
#define WORDS_MAX	10

/* Bits of FLAGS */
#define FLAG_ENDED		1
#define FLAG_REMOVED		2
#define FLAG_UNPUBLISHED	4

static bool parse_u64(const char *word, __u64 *value)
{
	char *end;

	if (*word < '0' || *word > '9')
		return false;
	errno = 0;
	*value = strtoull(word, &end, 10);
	return !*end && !errno;
}

static bool copy_word(char *to, size_t size, const char *word)
{
	if (strlen(word) >= size)
		return false;
	strcpy(to, strcmp(word, "-") ? word : "");
	return true;
}

static bool copy_label(char *to, size_t size, const char *word)
{
	char *label = unescape_level(word);
	bool good = label && *label && strlen(label) < size;

	if (good)
		strcpy(to, label);
	free(label);
	return good;
}

static bool parse_button(struct record *r, char *const *word)
{
	__u64 type, flags, stopped;

	if (!copy_label(r->label, sizeof(r->label), word[1]) || !copy_word(r->boot, sizeof(r->boot), word[2]) ||
	    !copy_word(r->binding, sizeof(r->binding), word[3]) || !parse_u64(word[4], &r->acked) ||
	    !parse_u64(word[5], &r->gesture_time) || !parse_u64(word[6], &type) || type > 255 ||
	    !parse_u64(word[7], &flags) || !parse_u64(word[8], &stopped) || !parse_u64(word[9], &r->pending))
		return false;
	r->gesture_type = type;
	r->ended = flags & FLAG_ENDED;
	r->removed = flags & FLAG_REMOVED;
	r->unpublished = flags & FLAG_UNPUBLISHED;
	r->stopped = stopped;
	return true;
}

static bool parse_gap(struct record *records, size_t n, char *const *word)
{
	char label[sizeof(records->label)];
	size_t i;

	if (!copy_label(label, sizeof(label), word[1]))
		return false;
	for (i = 0; i < n; i++) {
		struct gap *g = &records[i].gap;

		if (!strcmp(records[i].label, label))
			return copy_word(g->reason, sizeof(g->reason), word[2]) &&
			       copy_word(g->boot, sizeof(g->boot), word[3]) &&
			       copy_word(g->binding, sizeof(g->binding), word[4]) &&
			       parse_u64(word[5], &g->seq) && parse_u64(word[6], &g->count);
	}
	return false;
}

static unsigned int split(char *line, char **word)
{
	unsigned int n = 0;

	while ((word[n] = strsep(&line, " "))) {
		if (!*word[n] || n == WORDS_MAX)
			return 0;
		n++;
	}
	return n;
}

/* Returns NULL, or what is wrong. */
static const char *parse_line(struct ledger *ledger, char *line, struct record **records, size_t *n)
{
	char *word[WORDS_MAX + 1];
	unsigned int words = split(line, word);
	struct record *more;

	if (words == 2 && !strcmp(word[0], "discovery") && !ledger->discovery) {
		ledger->discovery = unescape_level(word[1]);
		return ledger->discovery ? NULL : "a damaged line";
	}
	if (words == 7 && !strcmp(word[0], "gap"))
		return parse_gap(*records, *n, word) ? NULL : "a damaged line";
	if (words != WORDS_MAX || strcmp(word[0], "button"))
		return "a damaged line";
	more = reallocarray(*records, *n + 1, sizeof(*more));
	if (!more)
		return "out of memory";
	*records = more;
	more[*n] = (struct record){ };
	if (!parse_button(&more[*n], word))
		return "a damaged line";
	++*n;
	return NULL;
}

static const char *parse(struct ledger *ledger, char *text, struct record **records, size_t *n)
{
	const char *wrong = NULL;
	bool complete = false;
	char *line;

	line = strsep(&text, "\n");
	if (strcmp(line, FIRST_LINE))
		return *line || text ? "not a file of this version" : "empty";
	while (!wrong && (line = strsep(&text, "\n")) && text) {
		if (complete)
			return "more behind its end";
		complete = !strcmp(line, LAST_LINE);
		if (!complete)
			wrong = parse_line(ledger, line, records, n);
	}
	return wrong ?: complete && line && !*line ? NULL : "cut off";
}

static const char *read_file(struct ledger *ledger, int fd, struct record **records, size_t *n)
{
	const char *wrong;
	struct stat st;
	char *text;
	ssize_t got;

	if (fstat(fd, &st))
		return strerror(errno);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return "not a file of this service";
	text = calloc(1, st.st_size + 1);
	if (!text)
		return strerror(errno);
	got = read(fd, text, st.st_size);
	if (got < 0)
		wrong = strerror(errno);
	else if (strlen(text) != (size_t)got)
		wrong = "a NUL byte in it";
	else
		wrong = parse(ledger, text, records, n);
	free(text);
	return wrong;
}

bool ledger_open(struct ledger *ledger, const char *directory, struct record **records, size_t *n)
{
	const char *wrong;
	int fd;

	*ledger = (struct ledger){ .directory = -1 };
	*records = NULL;
	*n = 0;
	if (!directory) {
		complain("no state directory ($STATE_DIRECTORY, --state): events are sent again, or not, after a restart");
		return false;
	}
	if (asprintf(&ledger->path, "%s/" FILE_NAME, directory) < 0)
		ledger->path = NULL;
	ledger->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ledger->directory < 0) {
		complain("%s: %s: events are sent again, or not, after a restart", directory, strerror(errno));
		return false;
	}
	fd = openat(ledger->directory, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		if (errno != ENOENT)
			complain("%s: %s", ledger->path, strerror(errno));
		return false;
	}
	wrong = read_file(ledger, fd, records, n);
	close(fd);
	if (!wrong)
		return true;
	complain("%s: %s: what was sent before is not known", ledger->path, wrong);
	free(*records);
	*records = NULL;
	*n = 0;
	free(ledger->discovery);
	ledger->discovery = NULL;
	return false;
}

static const char *or_dash(const char *word)
{
	return *word ? word : "-";
}

static void print_record(FILE *file, const struct record *r)
{
	unsigned int flags = (r->ended ? FLAG_ENDED : 0) | (r->removed ? FLAG_REMOVED : 0) |
			     (r->unpublished ? FLAG_UNPUBLISHED : 0);
	char *label = escape_level(r->label);

	if (!label)
		return;
	fprintf(file, "button %s %s %s %llu %llu %u %u %u %llu\n", label, or_dash(r->boot), or_dash(r->binding), r->acked,
		r->gesture_time, r->gesture_type, flags, r->stopped, r->pending);
	if (*r->gap.reason)
		fprintf(file, "gap %s %s %s %s %llu %llu\n", label, r->gap.reason, or_dash(r->gap.boot),
			or_dash(r->gap.binding), r->gap.seq, r->gap.count);
	free(label);
}

static int write_new(struct ledger *ledger, struct record *const *records, bool durable)
{
	int ret = 0, fd = openat(ledger->directory, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	char *topic;

	if (!file) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	fputs(FIRST_LINE "\n", file);
	topic = ledger->discovery ? escape_level(ledger->discovery) : NULL;
	if (topic)
		fprintf(file, "discovery %s\n", topic);
	free(topic);
	for (; *records; records++)
		print_record(file, *records);
	fputs(LAST_LINE "\n", file);
	if (fflush(file) || (durable && fsync(fd)))
		ret = -errno;
	if (fclose(file) && !ret)
		ret = -errno;
	return ret;
}

bool ledger_write(struct ledger *ledger, struct record *const *records, bool durable)
{
	int ret;

	if (ledger->directory < 0)
		return false;
	ret = write_new(ledger, records, durable);
	if (!ret && renameat(ledger->directory, NEW_NAME, ledger->directory, FILE_NAME))
		ret = -errno;
	if (ret && ledger->failed != -ret)
		complain("%s: %s: after a restart, events may be sent again", ledger->path, strerror(-ret));
	if (!ret && ledger->failed)
		complain("%s: written again", ledger->path);
	ledger->failed = -ret;
	return !ret;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger->directory >= 0)
		close(ledger->directory);
	free(ledger->path);
	free(ledger->discovery);
	*ledger = (struct ledger){ .directory = -1 };
}
