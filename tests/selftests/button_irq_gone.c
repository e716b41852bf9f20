// SPDX-License-Identifier: GPL-2.0-only
/*
 * A button that is unbound from its driver while it is read.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "button_test.h"

static int driver_write(const char *file, int button)
{
	char path[128], device[32];

	snprintf(path, sizeof(path), DRIVER "%s", file);
	snprintf(device, sizeof(device), "button_irq.%d", button);
	return button_write(path, device);
}

static int unbind_button(int button)
{
	return driver_write("unbind", button);
}

static int rebind_button(int button)
{
	return driver_write("bind", button);
}

static int poll_now(int fd)
{
	struct pollfd pfd = {
		.fd = fd, .events = POLLIN | POLLRDNORM | POLLPRI | POLLOUT | POLLRDHUP,
	};
	int n = poll(&pfd, 1, 0);

	return n < 0 ? -errno : pfd.revents;
}

TEST_F(button, what_was_queued_is_read)
{
	char line[BUTTON_LINE_MAX];
	struct button_irq_event event;
	int text, nonblocking;
	__u64 i;

	bind("debounce_us=0");
	text = button_open(0, O_RDONLY);
	nonblocking = button_open_binary(0, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, text);
	ASSERT_LE(0, nonblocking);
	for (i = 1; i <= 4; i++)
		set_level(nth_level(i));
	ASSERT_EQ(0, button_wait_counter(0, "releases", 2));
	ASSERT_EQ(3, read(text, line, 3));
	ASSERT_EQ(0, unbind_button(0));

	/* Binary. */
	for (i = 1; i <= 4; i++) {
		EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP | POLLERR, poll_now(self->bench.fd));
		expect_event(i, nth_type(i));
		expect_event_at(nonblocking, i, nth_type(i));
	}
	EXPECT_EQ(POLLHUP | POLLERR, poll_now(self->bench.fd));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-1, read(self->bench.fd, &event, sizeof(event)));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(-1, read(nonblocking, &event, sizeof(event)));
		EXPECT_EQ(ENODEV, errno);
	}

	/* Text, the line begun before first. */
	for (i = 1; i <= 4; i++) {
		EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP | POLLERR, poll_now(text));
		ASSERT_EQ(0, button_next_line(text, line + (i == 1 ? 3 : 0), sizeof(line) - 3));
		ASSERT_TRUE(button_parse(line, &event));
		EXPECT_EQ(i, event.seq);
	}
	EXPECT_EQ(POLLHUP | POLLERR, poll_now(text));
	EXPECT_EQ(-1, read(text, line, 1));
	EXPECT_EQ(ENODEV, errno);

	/* The past can still be had. */
	ASSERT_EQ(0, ioctl(self->bench.fd, BUTTON_IRQ_IOC_REWIND));
	for (i = 1; i <= 4; i++)
		expect_event(i, nth_type(i));
	close(text);
	close(nonblocking);
}

TEST_F(button, ioctls)
{
	__u32 format = BUTTON_IRQ_FORMAT_TEXT, clock = CLOCK_REALTIME, bad = 9;
	struct button_irq_info info;
	int fd;

	bind("debounce_us=0");
	fd = self->bench.fd;
	ASSERT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_GET_INFO, &info));
	ASSERT_EQ(0, unbind_button(0));
	EXPECT_EQ(-1, ioctl(fd, BUTTON_IRQ_IOC_GET_INFO, &info));
	EXPECT_EQ(ENODEV, errno);
	/* These concern the open file, which is there. */
	EXPECT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &format));
	EXPECT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_SET_CLOCK, &clock));
	EXPECT_EQ(0, ioctl(fd, BUTTON_IRQ_IOC_REWIND));
	EXPECT_EQ(-1, ioctl(fd, BUTTON_IRQ_IOC_SET_FORMAT, &bad));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(fd, _IO(BUTTON_IRQ_IOC_MAGIC, 0x7f)));
	EXPECT_EQ(ENOTTY, errno);
}

/* Who sleeps is woken. */
struct sleeper {
	pthread_t thread;
	int fd;
	pid_t tid;
	int result;
};

static void *sleep_in_read(void *data)
{
	struct button_irq_event event;
	struct sleeper *s = data;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->result = read(s->fd, &event, sizeof(event)) < 0 ? errno : 0;
	return NULL;
}

static void *sleep_in_poll(void *data)
{
	struct sleeper *s = data;
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->result = poll(&pfd, 1, -1) == 1 ? pfd.revents : -1;
	return NULL;
}

static void *sleep_in_epoll(void *data)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct sleeper *s = data;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &event);
	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->result = epoll_wait(ep, &event, 1, -1) == 1 ? (int)event.events : -1;
	close(ep);
	return NULL;
}

TEST_F(button, sleepers_wake)
{
	static const struct {
		void *(*sleep)(void *data);
		int result;
	} kinds[] = {
		{ sleep_in_read, ENODEV },
		{ sleep_in_poll, POLLHUP | POLLERR },
		{ sleep_in_epoll, EPOLLHUP | EPOLLERR },
	};
	struct sleeper s[12];
	struct timespec deadline;
	size_t i;

	bind("debounce_us=0");
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = (struct sleeper){ .fd = button_open_binary(0, O_RDONLY) };
		ASSERT_LE(0, s[i].fd);
		ASSERT_EQ(0, pthread_create(&s[i].thread, NULL,
					    kinds[i % ARRAY_SIZE(kinds)].sleep, &s[i]));
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		ASSERT_EQ(0, button_wait_asleep(&s[i].tid));
	ASSERT_EQ(0, unbind_button(0));
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += BUTTON_DEADLINE_MS / 1000;
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		ASSERT_EQ(0, pthread_timedjoin_np(s[i].thread, NULL, &deadline));
		EXPECT_EQ(kinds[i % ARRAY_SIZE(kinds)].result, s[i].result);
		close(s[i].fd);
	}
}

TEST_F(button, sigio_hangup)
{
	struct timespec deadline = { .tv_sec = BUTTON_DEADLINE_MS / 1000 };
	int sig = SIGRTMIN + 2;
	siginfo_t info;
	sigset_t set;

	bind("debounce_us=0");
	sigemptyset(&set);
	sigaddset(&set, sig);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->bench.fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->bench.fd, F_SETSIG, sig));
	ASSERT_EQ(0, fcntl(self->bench.fd, F_SETFL, O_ASYNC));
	ASSERT_EQ(0, unbind_button(0));
	ASSERT_EQ(sig, sigtimedwait(&set, &info, &deadline));
	EXPECT_EQ(self->bench.fd, info.si_fd);
	EXPECT_EQ(POLL_HUP, info.si_code);
	EXPECT_EQ(POLLHUP | POLLERR, info.si_band);
}

/* The node goes, and whoever kept its number gets nothing by it. */
TEST_F(button, node_goes)
{
	static const char node[] = "/tmp/button_irq_gone.node";
	struct stat st;
	int fd;

	bind("debounce_us=0");
	ASSERT_EQ(0, fstat(self->bench.fd, &st));
	unlink(node);
	ASSERT_EQ(0, mknod(node, S_IFCHR | 0400, st.st_rdev));
	fd = open(node, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	close(fd);

	ASSERT_EQ(0, unbind_button(0));
	EXPECT_EQ(-ENOENT, button_open(0, O_RDONLY));
	fd = open(node, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-1, fd);
	EXPECT_TRUE(errno == ENODEV || errno == ENXIO);
	EXPECT_EQ(-ENOENT, button_counter(0, "presses"));
	EXPECT_EQ(0, unlink(node));

	/* Still in use. */
	EXPECT_EQ(-EWOULDBLOCK, button_unload());
}

TEST_F(button, bound_again)
{
	struct button_irq_event event;
	int again, i;

	bind("debounce_us=0 label=bell");
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	release();
	expect_event(2, BUTTON_IRQ_RELEASE);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, unbind_button(0));
		ASSERT_EQ(0, rebind_button(0));
		/* The same name, a new button. */
		again = button_open_binary(0, O_RDONLY);
		ASSERT_LE(0, again);
		EXPECT_TRUE(button_attr_is(0, "label", "bell"));
		EXPECT_TRUE(button_attr_is(0, "debounce_us", "0"));
		EXPECT_EQ(0, button_counter(0, "edges"));
		press();
		expect_event_at(again, 1, BUTTON_IRQ_PRESS);
		release();
		expect_event_at(again, 2, BUTTON_IRQ_RELEASE);
		/* The old one is as gone as before. */
		EXPECT_EQ(-1, read(self->bench.fd, &event, sizeof(event)));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(POLLHUP | POLLERR, poll_now(self->bench.fd));
		close(again);
	}
}

/* In the middle of everything: edges, an open window, a masked line. */
TEST_F(button, unbound_at_work)
{
	static const char * const params[] = {
		/* First: an edge that the controller has latched comes to the next button. */
		"debounce_us=0 storm_rate=1", "debounce_us=0 storm_rate=0",
		"debounce_us=1000 storm_rate=0", "debounce_us=1000000 storm_rate=0",
		"debounce_us=3000 debounce_mode=settle storm_rate=0",
	};
	struct button_irq_event event, last;
	size_t k;
	long i;

	for (k = 0; k < ARRAY_SIZE(params); k++) {
		bind(params[k]);
		for (i = 1; i <= 1100; i++)
			set_level(nth_level(i));
		ASSERT_EQ(0, unbind_button(0));
		/* What was told before is whole and in order. */
		memset(&last, 0, sizeof(last));
		while (read(self->bench.fd, &event, sizeof(event)) == sizeof(event)) {
			EXPECT_EQ(last.seq + (last.type == BUTTON_IRQ_LOST ? last.count : 1),
				  event.seq);
			EXPECT_LE(last.timestamp_ns, event.timestamp_ns);
			last = event;
		}
		EXPECT_EQ(ENODEV, errno);
		/* Pins may move as they like. */
		for (i = 1; i <= 10; i++)
			set_level(nth_level(i));
		button_sleep_us(20000);
		EXPECT_EQ(POLLHUP | POLLERR, poll_now(self->bench.fd));
		/* The next one loads the driver anew. */
		close(self->bench.fd);
		self->bench.fd = -1;
	}
}

/* Unbinds while the IRQ thread has not run, where there is only one CPU for both. */
static int unbind_before_the_thread(struct __test_metadata *_metadata, struct bench *bench,
				    unsigned long edges)
{
	unsigned long i;
	int ret;

	ASSERT_EQ(0, button_set_priority(90));
	for (i = 1; i <= edges; i++)
		bench_set(_metadata, bench, nth_level(i));
	ret = unbind_button(0);
	ASSERT_EQ(0, button_set_priority(0));
	return ret;
}

static void expect_gone(struct __test_metadata *_metadata, int fd)
{
	struct button_irq_event event;

	EXPECT_EQ(-1, read(fd, &event, sizeof(event))) {
		TH_LOG("event %llu of type %u", event.seq, event.type);
	}
	EXPECT_EQ(ENODEV, errno);
}

FIXTURE(queued)
{
	struct bench bench;
};

FIXTURE_VARIANT(queued)
{
	unsigned long edges;
};

FIXTURE_VARIANT_ADD(queued, edges_1) { .edges = 1 };
FIXTURE_VARIANT_ADD(queued, edges_200) { .edges = 200 };
FIXTURE_VARIANT_ADD(queued, edges_500) { .edges = 500 };
FIXTURE_VARIANT_ADD(queued, edges_1000) { .edges = 1000 };

FIXTURE_SETUP(queued)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(queued)
{
	bench_teardown(_metadata, &self->bench);
}

/* What the top half has queued becomes events before the readers get ENODEV. */
TEST_F(queued, edges_are_delivered_by_unbinding)
{
	__u64 i;

	bind("debounce_us=0 storm_rate=0 ring_events=2048");
	ASSERT_EQ(0, unbind_before_the_thread(_metadata, &self->bench, variant->edges));
	for (i = 1; i <= variant->edges; i++)
		expect_event(i, nth_type(i));
	expect_gone(_metadata, self->bench.fd);
}

/* The line decides, as at the window's end: released after 500 edges, pressed after 501. */
TEST_F(button, unbinding_ends_an_eager_window)
{
	struct button_irq_event e;
	unsigned long edges;

	for (edges = 500; edges <= 501; edges++) {
		bind("debounce_us=1000000 storm_rate=0");
		ASSERT_EQ(0, unbind_before_the_thread(_metadata, &self->bench, edges));
		expect_event(1, BUTTON_IRQ_PRESS);
		if (edges % 2 == 0) {
			e = expect_event(2, BUTTON_IRQ_RELEASE);
			EXPECT_EQ(edges - 2, e.count);
		}
		expect_gone(_metadata, self->bench.fd);
		/* The next one loads the driver anew, with the line at rest. */
		close(self->bench.fd);
		self->bench.fd = -1;
		release();
	}
}

TEST_F(button, unbinding_ends_a_settle_window)
{
	struct button_irq_event e;
	__u64 before, after;

	bind("debounce_us=1000000 debounce_mode=settle");
	before = button_now(CLOCK_MONOTONIC);
	press();
	after = button_now(CLOCK_MONOTONIC);
	button_sleep_us(1000);
	ASSERT_EQ(0, unbind_button(0));
	e = expect_event(1, BUTTON_IRQ_PRESS);
	expect_between(before, e.timestamp_ns, after);
	expect_gone(_metadata, self->bench.fd);
}

TEST_F(button, unbinding_reports_no_glitch)
{
	bind("debounce_us=1000000 debounce_mode=settle");
	press();
	release();
	ASSERT_EQ(0, unbind_button(0));
	expect_gone(_metadata, self->bench.fd);
}

TEST_HARNESS_MAIN
