// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading that fails half-way, while a program tries to open the button.
 *
 * The kernel frees a module whose init function fails, whatever its reference count says. A node
 * that was opened before init failed would therefore call into freed memory, so no node may
 * appear before loading is certain to succeed.
 */
#include <linux/netlink.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "button_test.h"

#define ROUNDS	5

/**
 * struct opener - a process that opens the first button again and again
 * @pid: the process
 * @opened: how often open() succeeded
 * @tried: how often open() was called
 */
struct opener {
	pid_t pid;
	unsigned long opened;
	unsigned long tried;
};

static void open_for_ever(struct opener *o)
{
	int fd;

	button_unpin();
	for (;;) {
		fd = button_open(0, O_RDONLY | O_NONBLOCK);
		__atomic_fetch_add(&o->tried, 1, __ATOMIC_RELEASE);
		if (fd >= 0) {
			__atomic_fetch_add(&o->opened, 1, __ATOMIC_RELEASE);
			close(fd);
		}
		/* Where CPUs take turns, a loop without a pause takes most of the time. */
		button_sleep_us(20);
	}
}

static struct opener *opener_start(void)
{
	struct opener *o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	pid_t pid;

	if (o == MAP_FAILED)
		return NULL;
	pid = fork();
	if (!pid)
		open_for_ever(o);
	/* The child shares *o: only the parent may write the child's number. */
	o->pid = pid;
	return o;
}

static void opener_stop(struct opener *o)
{
	kill(o->pid, SIGKILL);
	waitpid(o->pid, NULL, 0);
	munmap(o, sizeof(*o));
}

static int wait_for_more_than(const unsigned long *counter, unsigned long value)
{
	__u64 end = button_now(CLOCK_MONOTONIC) + BUTTON_DEADLINE_MS * NSEC_PER_MSEC;

	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) <= value) {
		if (button_now(CLOCK_MONOTONIC) > end)
			return -ETIMEDOUT;
		button_sleep_us(1000);
	}
	return 0;
}

/* The kernel announces every node here, in the order in which the nodes appear. */
static int uevents_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	/* In parentheses, bind is the function and not the macro of button_test.h. */
	if (fd >= 0 && (bind)(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* How many nodes of button_irq were announced since the last call. */
static int announced_nodes(int fd)
{
	char message[4096], *field;
	int count = 0;
	ssize_t n;

	while ((n = recv(fd, message, sizeof(message) - 1, 0)) > 0) {
		message[n] = '\0';
		if (strncmp(message, "add@", 4))
			continue;
		for (field = message; field < message + n; field += strlen(field) + 1)
			count += !strcmp(field, "SUBSYSTEM=button_irq");
	}
	return count;
}

/* How many nodes of button_irq were created in /dev since the last call. */
static int created_nodes(int fd)
{
	union {
		struct inotify_event first;
		char bytes[4096];
	} buffer;
	const struct inotify_event *event;
	int count = 0;
	ssize_t n, i;

	while ((n = read(fd, buffer.bytes, sizeof(buffer.bytes))) > 0)
		for (i = 0; i < n; i += sizeof(*event) + event->len) {
			event = (void *)&buffer.bytes[i];
			count += event->len && !strncmp(event->name, "button_irq", 10);
		}
	return count;
}

/* A good line, then a line that makes loading fail. */
FIXTURE(failing)
{
	struct bench bench;
	struct opener *opener;
	int uevents;
	int directory;		/* inotify of /dev */
};

FIXTURE_VARIANT(failing)
{
	const char *second;	/* NULL: the good line once more */
	int error;
};

FIXTURE_VARIANT_ADD(failing, line_missing) { .second = "NOSUCH", .error = -ENODEV };
FIXTURE_VARIANT_ADD(failing, line_taken) { .second = NULL, .error = -EBUSY };

FIXTURE_SETUP(failing)
{
	bench_setup(_metadata, &self->bench);
	self->uevents = uevents_open();
	ASSERT_LE(0, self->uevents);
	self->directory = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ASSERT_LE(0, inotify_add_watch(self->directory, "/dev", IN_CREATE));
	self->opener = opener_start();
	ASSERT_NE(NULL, self->opener);
	ASSERT_LT(0, self->opener->pid);
}

FIXTURE_TEARDOWN(failing)
{
	opener_stop(self->opener);
	close(self->uevents);
	close(self->directory);
	bench_teardown(_metadata, &self->bench);
}

TEST_F_TIMEOUT(failing, load_shows_no_node, 120)
{
	const char *line = self->bench.stim.line;
	char params[256];
	int i;

	snprintf(params, sizeof(params), "line=%s,%s", line, variant->second ?: line);
	ASSERT_EQ(0, wait_for_more_than(&self->opener->tried, 0));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(variant->error, button_load(params));
		EXPECT_EQ(0, announced_nodes(self->uevents));
		EXPECT_EQ(0, created_nodes(self->directory));
	}
	EXPECT_EQ(0, __atomic_load_n(&self->opener->opened, __ATOMIC_ACQUIRE));

	/* All three witnesses notice a node that does appear. */
	bench_bind(_metadata, &self->bench, "");
	EXPECT_EQ(1, announced_nodes(self->uevents));
	EXPECT_EQ(1, created_nodes(self->directory));
	EXPECT_EQ(0, wait_for_more_than(&self->opener->opened, 0));
}

TEST_HARNESS_MAIN
