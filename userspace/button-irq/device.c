// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"
#include "util.h"

/* What the driver needs at most, beyond its debounce time, to make an event of an edge. */
#define DRIVER_LATENCY_NS	(2 * NS_PER_MS)

static int is_node(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strlen(entry->d_name) < NODE_SIZE;
}

int button_nodes(char ***nodes)
{
	struct dirent **entries;
	int i, n;

	*nodes = NULL;
	n = scandir(CLASS_DIR, &entries, is_node, versionsort);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	*nodes = calloc(n + 1, sizeof(**nodes));
	for (i = 0; i < n; i++) {
		if (*nodes)
			(*nodes)[i] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return *nodes ? n : -ENOMEM;
}

int button_attribute(const char *node, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", node, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

/* Which node is meant by a label or a node's name? The first one, when it is NULL. */
static bool find_node(const char *want, char *node)
{
	char label[LABEL_SIZE + 1];
	bool found = false;
	char **nodes;
	int i, n = button_nodes(&nodes);

	for (i = 0; i < n; i++) {
		/* A node's name wins over another button's label. */
		bool exact = !want || !strcmp(nodes[i], want);

		if (!found || exact) {
			if (exact || (!button_attribute(nodes[i], "label", label, sizeof(label)) &&
				      !strcmp(label, want))) {
				snprintf(node, NODE_SIZE, "%s", nodes[i]);
				found = true;
				if (exact)
					break;
			}
		}
	}
	for (i = 0; i < n; i++)
		free(nodes[i]);
	free(nodes);
	return found;
}

static int button_try(struct buttons *set, struct button *b, bool rewind)
{
	__u32 format = BUTTON_IRQ_FORMAT_BINARY, clock = set->clock;
	struct button_irq_info info;
	char path[PATH_MAX], *end;
	int fd, ret;

	if (b->want && strchr(b->want, '/')) {
		if (!realpath(b->want, path))
			return -errno;
		end = strrchr(path, '/');
		snprintf(b->node, sizeof(b->node), "%.*s", NODE_SIZE - 1, end + 1);
	} else {
		if (!find_node(b->want, b->node))
			return -ENOENT;
		snprintf(path, sizeof(path), "/dev/%s", b->node);
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, BUTTON_IRQ_IOC_GET_INFO, &info) ||
	    ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &format) ||
	    ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock) ||
	    (rewind && ioctl(fd, BUTTON_IRQ_IOC_REWIND))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	memcpy(b->label, info.label, sizeof(b->label));
	b->slack_ns = info.debounce_us * NS_PER_US + DRIVER_LATENCY_NS;
	b->fd = fd;
	return 0;
}

static int not_opened(const struct button *b, int error)
{
	const char *name = b->want ?: "/dev/button_irq";

	switch (error) {
	case -ENOENT:
	case -ENODEV:
		complain("%s: no such button%s", name, access("/sys/module/button_irq", F_OK) ?
			 ": the module button_irq is not loaded" : " (button-irq status lists them)");
		return EXIT_GONE;
	case -ENOTTY:
		return complain("%s: not a button of button_irq", name);
	default:
		return complain("%s: %s", name, strerror(-error));
	}
}

int buttons_open(struct buttons *set, char *const *names, size_t n)
{
	size_t i;
	int ret;

	set->n = n ?: 1;
	set->watch = -1;
	set->button = calloc(set->n, sizeof(*set->button));
	if (!set->button)
		return complain("%s", strerror(ENOMEM));
	if (set->follow) {
		/* Before we look for the first time, so that none slips through. */
		set->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (set->watch < 0 || inotify_add_watch(set->watch, "/dev", IN_CREATE | IN_ATTRIB) < 0)
			return complain("/dev: cannot watch for buttons: %s", strerror(errno));
	}
	for (i = 0; i < set->n; i++) {
		struct button *b = &set->button[i];

		b->fd = -1;
		b->want = n ? names[i] : NULL;
		ret = button_try(set, b, set->history);
		/* Followed, it may come later; or udev has not given it to us yet. */
		if (ret && !(set->follow && (ret == -ENOENT || ret == -EACCES || ret == -ENODEV)))
			return not_opened(b, ret);
	}
	return 0;
}

bool buttons_wait(struct buttons *set, int fd, long long timeout_ns)
{
	struct timespec ts = { .tv_sec = timeout_ns / NS_PER_S, .tv_nsec = timeout_ns % NS_PER_S };
	struct pollfd pfd[set->n + 2];
	char news[4096];
	size_t i;
	int n;

	for (i = 0; i < set->n; i++)
		pfd[i] = (struct pollfd){ .fd = set->button[i].fd, .events = POLLIN };
	pfd[i] = (struct pollfd){ .fd = set->watch, .events = POLLIN };
	pfd[i + 1] = (struct pollfd){ .fd = fd, .events = POLLIN };
	n = ppoll(pfd, set->n + 2, timeout_ns < 0 ? NULL : &ts, NULL);
	/* What is new in /dev does not matter: every button that is absent is tried. */
	if (n > 0 && pfd[i].revents)
		while (read(set->watch, news, sizeof(news)) > 0)
			;
	return n != 0;
}

int button_read(struct buttons *set, struct button *b, struct button_irq_event *events, size_t max)
{
	ssize_t n;

	/* All that a button has had since it came back is new to us. */
	if (b->fd < 0 && (!set->follow || button_try(set, b, true)))
		return 0;
	n = read(b->fd, events, max * sizeof(*events));
	if (n >= 0)
		return n / sizeof(*events);
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno != ENODEV)
		return -errno;
	close(b->fd);
	b->fd = -1;
	return set->follow ? 0 : -ENODEV;
}

const char *event_name(const struct button_irq_event *e)
{
	switch (e->type) {
	case BUTTON_IRQ_PRESS: return "press";
	case BUTTON_IRQ_RELEASE: return "release";
	case BUTTON_IRQ_LOST: return "lost";
	default: return "missed";
	}
}
