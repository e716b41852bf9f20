// SPDX-License-Identifier: GPL-2.0-only
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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"

#define DEV_DIR			ROOT "/dev"

/* The most that the driver needs, beyond its debounce time, to make an event of an edge. */
#define DRIVER_LATENCY_NS	(5 * NS_PER_MS)

/* How often a button is tried that is absent for a reason whose end nothing reports. */
#define RETRY_NS		NS_PER_S

static int is_node(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strlen(entry->d_name) < NODE_SIZE;
}

void button_nodes_free(char **nodes, int n)
{
	int i;

	for (i = 0; i < n; i++)
		free(nodes[i]);
	free(nodes);
}

int button_nodes(char ***nodes)
{
	struct dirent **entries;
	int i, n, good = 0;

	*nodes = NULL;
	n = scandir(CLASS_DIR, &entries, is_node, versionsort);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	*nodes = calloc(n + 1, sizeof(**nodes));
	for (i = 0; i < n; i++) {
		if (*nodes && ((*nodes)[good] = strdup(entries[i]->d_name)))
			good++;
		free(entries[i]);
	}
	free(entries);
	return *nodes ? good : -ENOMEM;
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

bool button_find(const char *want, char *node)
{
	char label[LABEL_SIZE + 1];
	bool found = false;
	char **nodes;
	int i, n = button_nodes(&nodes);

	for (i = 0; i < n; i++) {
		/* A node's name wins over another button's label. */
		bool exact = !want || !strcmp(nodes[i], want);

		if (!exact && (found || button_attribute(nodes[i], "label", label, sizeof(label)) ||
			       strcmp(label, want)))
			continue;
		snprintf(node, NODE_SIZE, "%s", nodes[i]);
		found = true;
		if (exact)
			break;
	}
	if (n >= 0)
		button_nodes_free(nodes, n);
	return found;
}

void button_list(char *text, size_t size)
{
	char label[LABEL_SIZE + 1];
	size_t used = 0;
	char **nodes;
	int i, n = button_nodes(&nodes);

	if (n <= 0)
		snprintf(text, size, "%s", access(ROOT "/sys/module/button_irq", F_OK) ?
			 "the module button_irq is not loaded" : "there are no buttons");
	for (i = 0; i < n && used < size; i++) {
		if (button_attribute(nodes[i], "label", label, sizeof(label)))
			snprintf(label, sizeof(label), "%s", nodes[i]);
		used += snprintf(text + used, size - used, "%s%s", i ? ", " : "there are: ", label);
	}
	if (used >= size) {
		/* Cut before the last whole label that leaves room for the dots. */
		text[size - 4] = '\0';
		snprintf(strrchr(text, ' ') ?: text, 5, " ...");
	}
	if (n >= 0)
		button_nodes_free(nodes, n);
}

const char *button_name(const struct button *b)
{
	return *b->label ? b->label : b->want ?: "the first button";
}

/* The name in sysfs of an open device: by its number, whatever its file is called here. */
static void find_node_of(int fd, const char *path, char *node)
{
	char link[64], target[PATH_MAX], *name;
	struct stat st;
	ssize_t n = -1;

	if (!fstat(fd, &st) && S_ISCHR(st.st_mode)) {
		snprintf(link, sizeof(link), ROOT "/sys/dev/char/%u:%u", major(st.st_rdev), minor(st.st_rdev));
		n = readlink(link, target, sizeof(target) - 1);
	}
	if (n > 0) {
		target[n] = '\0';
		name = strrchr(target, '/');
		snprintf(node, NODE_SIZE, "%.*s", NODE_SIZE - 1, name ? name + 1 : target);
		return;
	}
	name = realpath(path, target) ? strrchr(target, '/') : NULL;
	if (name && !strncmp(name + 1, "button_irq", strlen("button_irq")))
		snprintf(node, NODE_SIZE, "%.*s", NODE_SIZE - 1, name + 1);
	else
		*node = '\0';
}

/* Opens the device on a clock, in binary. Returns the descriptor, or a negative errno. */
static int device_open(const char *path, clockid_t wanted_clock, bool rewind, struct button_irq_info *info)
{
	__u32 format = BUTTON_IRQ_FORMAT_BINARY, clock = wanted_clock;
	int ret, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, BUTTON_IRQ_IOC_GET_INFO, info) ||
	    ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &format) ||
	    ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock) ||
	    (rewind && ioctl(fd, BUTTON_IRQ_IOC_REWIND))) {
		ret = errno ? -errno : -ENOTTY;
		close(fd);
		return ret;
	}
	return fd;
}

static int button_open_path(struct buttons *set, struct button *b, const char *path, bool rewind)
{
	struct button_irq_info info;
	char node[PATH_SIZE];
	int fd = device_open(path, set->clock, rewind, &info);

	if (fd < 0)
		return fd;
	b->fd = fd;
	find_node_of(fd, path, b->node);
	snprintf(node, sizeof(node), DEV_DIR "/%s", b->node);
	if (*b->node && !access(node, F_OK))
		path = node + strlen(ROOT);
	snprintf(b->path, sizeof(b->path), "%s", path);
	memcpy(b->label, info.label, sizeof(b->label));
	b->label[sizeof(b->label) - 1] = '\0';
	b->slack_ns = info.debounce_us * NS_PER_US + DRIVER_LATENCY_NS;
	/* A debounce window may be open: the horizon begins once the line has been quiet. */
	b->edges_at = b->looked_at = clock_ns(CLOCK_MONOTONIC);
	b->horizon = 0;
	b->edges = 0;
	return 0;
}

static int button_try(struct buttons *set, struct button *b, bool rewind)
{
	char path[PATH_MAX], node[NODE_SIZE];
	int ret = -ENOENT;

	if (b->want && strchr(b->want, '/'))
		return button_open_path(set, b, b->want, rewind);
	if (button_find(b->want, node)) {
		snprintf(path, sizeof(path), DEV_DIR "/%s", node);
		ret = button_open_path(set, b, path, rewind);
	}
	/* A container may have the node under its label only, and no /sys. */
	if (ret == -ENOENT) {
		snprintf(path, sizeof(path), DEV_DIR "/button/%s", b->want ?: "");
		if (b->want)
			ret = button_open_path(set, b, path, rewind);
	}
	if (ret == -ENOENT) {
		snprintf(path, sizeof(path), DEV_DIR "/%s", b->want ?: "button_irq");
		if (!b->want || !strncmp(b->want, "button_irq", strlen("button_irq")))
			ret = button_open_path(set, b, path, rewind);
	}
	return ret;
}

/* Why a button cannot be opened. Returns the exit code that goes with it. */
static int explain(const struct button *b, int error, const char *waiting)
{
	const char *name = b->want ?: "/dev/button_irq";
	char there[512], node[NODE_SIZE];

	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		button_list(there, sizeof(there));
		if (!(b->want && strchr(b->want, '/')) && button_find(b->want, node))
			complain("%s: the driver has this button, but there is no /dev/%s here%s; in a container: --device /dev/%s",
				 name, node, waiting, node);
		else
			complain("%s: no such button%s%s%s", name, waiting, *waiting ? "; " : ": ", there);
		return EXIT_GONE;
	case -EACCES:
	case -EPERM:
		return complain("%s: %s%s; button-irq doctor says why", name, strerror(-error), waiting);
	case -ENOTTY:
	case -EINVAL:
		return complain("%s: not a button of button_irq%s", name, waiting);
	default:
		return complain("%s: %s%s", name, strerror(-error), waiting);
	}
}

/*
 * Watches the directories in which an absent button may appear: /dev, where udev also changes
 * rights, /dev/button, where udev makes the links after that, and the directory of a path.
 * Where that directory does not exist yet, the nearest one above it that does.
 */
static void watch_directories(const struct buttons *set, const struct button *b)
{
	const __u32 mask = IN_CREATE | IN_MOVED_TO | IN_ATTRIB;
	char path[PATH_MAX], *slash;

	inotify_add_watch(set->watch, DEV_DIR, mask);
	inotify_add_watch(set->watch, DEV_DIR "/button", mask);
	if (!b->want || !strchr(b->want, '/'))
		return;
	snprintf(path, sizeof(path), "%s%s", *b->want == '/' ? "" : "./", b->want);
	while ((slash = strrchr(path, '/'))) {
		slash[slash == path] = '\0';
		if (inotify_add_watch(set->watch, path, mask) >= 0 || slash == path)
			break;
	}
}

static int button_follow(struct buttons *set, struct button *b, bool rewind)
{
	int ret;

	/* Watch before trying to open: a change after the watch began wakes buttons_wait(). */
	b->untried = false;
	watch_directories(set, b);
	ret = button_try(set, b, rewind);
	if (!ret) {
		if (b->error)
			complain("%s: here, %s", button_name(b), b->path);
		b->error = 0;
	} else if (b->error != -ret) {
		explain(b, ret, ret == -ENOTTY ? "" : ", waiting");
		b->error = -ret;
	}
	return ret;
}

static bool take_over(struct button *b, struct buttons *old)
{
	const char *want = b->want;
	size_t i;

	for (i = 0; old && i < old->n; i++) {
		struct button *from = &old->button[i];

		if (!from->want != !want || (want && strcmp(from->want, want)))
			continue;
		*b = *from;
		b->want = want;
		from->fd = from->other_fd = -1;
		return true;
	}
	return false;
}

int buttons_open(struct buttons *set, char *const *names, size_t n, struct buttons *old)
{
	size_t i;
	int ret;

	set->watch = -1;
	for (i = 0; i < n; i++)
		if (!*(names[i] ?: "-"))
			return complain_usage("the name of a button is empty");
	set->button = calloc(n ?: 1, sizeof(*set->button));
	if (!set->button)
		return complain("%s", strerror(ENOMEM));
	set->n = n ?: 1;
	for (i = 0; i < set->n; i++)
		set->button[i] = (struct button){ .want = n ? names[i] : NULL, .fd = -1, .other_fd = -1 };
	if (set->follow) {
		set->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (set->watch < 0)
			return complain("inotify: cannot watch for buttons: %s", strerror(errno));
	}
	for (i = 0; i < set->n; i++) {
		struct button *b = &set->button[i];

		if (take_over(b, old))
			continue;
		if (set->follow) {
			/* A file that is no button will not become one. */
			if (button_follow(set, b, set->history) == -ENOTTY && !old)
				return EXIT_FAILED;
			continue;
		}
		ret = button_try(set, b, set->history);
		if (ret)
			return explain(b, ret, "");
	}
	if (old)
		buttons_close(old);
	return 0;
}

static void button_close(struct button *b)
{
	if (b->fd >= 0)
		close(b->fd);
	if (b->other_fd >= 0)
		close(b->other_fd);
	b->fd = b->other_fd = -1;
}

void buttons_close(struct buttons *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		button_close(&set->button[i]);
	if (set->watch >= 0)
		close(set->watch);
	free(set->button);
	*set = (struct buttons){ .watch = -1 };
}

bool buttons_wait(struct buttons *set, int fd, long long timeout_ns)
{
	struct pollfd pfd[set->n + 2];
	bool retry = false;
	struct timespec ts;
	char news[4096];
	size_t i;
	int n;

	for (i = 0; i < set->n; i++) {
		const struct button *b = &set->button[i];

		/* An unread event, or the end of the button, would wake a paused caller without end. */
		pfd[i] = (struct pollfd){ .fd = set->paused ? -1 : b->fd, .events = POLLIN };
		if (b->fd < 0 && b->error && b->error != ENOENT && b->error != EACCES)
			retry = true;
		/*
		 * The button may be back already. If the inotify event of its new node was read before
		 * the end of the old node was seen, nothing would wake poll().
		 */
		if (b->untried && set->follow && !set->paused)
			return true;
	}
	pfd[i] = (struct pollfd){ .fd = set->watch, .events = POLLIN };
	pfd[i + 1] = (struct pollfd){ .fd = fd, .events = POLLIN };
	if (timeout_ns >= 0 && (unsigned long long)timeout_ns <= RETRY_NS)
		retry = false;
	if (retry)
		timeout_ns = RETRY_NS;
	ts = (struct timespec){ .tv_sec = timeout_ns / NS_PER_S, .tv_nsec = timeout_ns % NS_PER_S };
	n = ppoll(pfd, set->n + 2, timeout_ns < 0 ? NULL : &ts, NULL);
	/* The contents of the inotify events do not matter: the caller tries every absent button. */
	if (n > 0 && pfd[i].revents)
		while (read(set->watch, news, sizeof(news)) > 0)
			;
	return n != 0 || retry;
}

bool button_open(struct buttons *set, struct button *b)
{
	/* All events since the button came back are unread: rewind to the first. */
	return b->fd >= 0 || (set->follow && !button_follow(set, b, true));
}

int button_read(struct buttons *set, struct button *b, struct button_irq_event *events, size_t max)
{
	ssize_t n;

	if (!button_open(set, b))
		return 0;
	n = read(b->fd, events, max * sizeof(*events));
	if (n >= 0)
		return n / sizeof(*events);
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno != ENODEV)
		return -errno;
	button_close(b);
	b->session++;
	b->untried = true;
	if (!set->follow)
		return -ENODEV;
	complain("%s: gone, waiting for it to come back", button_name(b));
	/* The absence was reported here; button_follow() reports the return. */
	b->error = ENOENT;
	return 0;
}

__u64 button_horizon(struct button *b, __u64 now)
{
	unsigned long edges = b->edges;
	char text[32];

	if (*b->node && !button_attribute(b->node, "edges", text, sizeof(text)))
		edges = strtoul(text, NULL, 10);
	if (edges != b->edges) {
		b->edges = edges;
		b->edges_at = now;
	}
	b->looked_at = now;
	/* No edge since @edges_at: any window open then is over, and its events were read. */
	if (b->fd >= 0 && b->edges_at + b->slack_ns <= now)
		b->horizon = now - b->slack_ns;
	return b->horizon;
}

__u64 button_horizon_due(const struct button *b, __u64 time)
{
	/* Look at @time first: if no edge came until then, no further wait is needed. */
	if (b->looked_at < time)
		return time;
	return (time > b->edges_at ? time : b->edges_at) + b->slack_ns;
}

int button_state(struct button *b, bool rewind, struct button_state *state)
{
	struct button_irq_event events[64];
	struct button_irq_info info;
	bool asked = false;
	ssize_t n, k;

	*state = (struct button_state){ };
	if (ioctl(b->fd, BUTTON_IRQ_IOC_REWIND))
		return -errno;
	for (;;) {
		n = read(b->fd, events, sizeof(events));
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n <= 0 && asked)
			break;
		if (n <= 0) {
			/* Events that come after this ioctl are read below, and override the state. */
			if (ioctl(b->fd, BUTTON_IRQ_IOC_GET_INFO, &info))
				return -errno;
			if (!state->change_seq)
				state->pressed = info.state == BUTTON_IRQ_STATE_PRESSED;
			asked = true;
		}
		for (k = 0; k < n / (ssize_t)sizeof(*events); k++) {
			const struct button_irq_event *e = &events[k];

			state->seq = e->type == BUTTON_IRQ_LOST ? e->seq + e->count - 1 : e->seq;
			if (e->type != BUTTON_IRQ_PRESS && e->type != BUTTON_IRQ_RELEASE)
				continue;
			state->pressed = e->type == BUTTON_IRQ_PRESS;
			state->change_seq = e->seq;
			state->time = e->timestamp_ns;
		}
	}
	return rewind && ioctl(b->fd, BUTTON_IRQ_IOC_REWIND) ? -errno : 0;
}

bool button_other_time(struct button *b, __u64 seq, clockid_t clock, __u64 *ns)
{
	struct button_irq_event *e = &b->other;
	struct button_irq_info info;
	char path[PATH_MAX];

	if (b->other_fd < 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd);
		b->other_fd = device_open(path, clock, true, &info);
		e->seq = 0;
	}
	if (b->other_fd >= 0 && e->seq > seq) {
		if (ioctl(b->other_fd, BUTTON_IRQ_IOC_REWIND))
			return false;
		e->seq = 0;
	}
	while (b->other_fd >= 0 && e->seq < seq)
		if (read(b->other_fd, e, sizeof(*e)) != sizeof(*e))
			return false;
	*ns = e->timestamp_ns;
	return b->other_fd >= 0 && e->seq == seq && e->type != BUTTON_IRQ_LOST;
}

const char *event_name(__u32 type)
{
	switch (type) {
	case BUTTON_IRQ_PRESS: return "press";
	case BUTTON_IRQ_RELEASE: return "release";
	case BUTTON_IRQ_LOST: return "lost";
	case BUTTON_IRQ_MISSED: return "missed";
	default: return "unknown";
	}
}
