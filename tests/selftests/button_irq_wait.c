// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for a button: blocking reads, O_NONBLOCK, poll, select, epoll, SIGIO, signals,
 * and the sysfs attribute "state".
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "button_test.h"

/* A thread that waits for the button in its own way, while the test presses it. */
struct waiter {
	pthread_t thread;
	int fd;
	/* To read into; otherwise into @event. */
	void *page;
	/* Not 0: about to wait. */
	pid_t tid;
	/* What the wait gave: 1 for an event to read, or -errno. */
	int result;
	struct button_irq_event event;
};

static void about_to_wait(struct waiter *w)
{
	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
}

static void *wait_in_read(void *data)
{
	struct waiter *w = data;
	ssize_t n;

	about_to_wait(w);
	n = read(w->fd, w->page ?: &w->event, sizeof(w->event));
	w->result = n < 0 ? -errno : n == sizeof(w->event);
	return NULL;
}

static void *wait_in_rewind(void *data)
{
	struct waiter *w = data;

	about_to_wait(w);
	w->result = ioctl(w->fd, BUTTON_IRQ_IOC_REWIND) ? -errno : 1;
	return NULL;
}

static void *wait_in_poll(void *data)
{
	struct waiter *w = data;
	struct pollfd pfd = { .fd = w->fd, .events = POLLIN };
	int n;

	about_to_wait(w);
	n = poll(&pfd, 1, -1);
	w->result = n < 0 ? -errno : n == 1 && pfd.revents == POLLIN;
	return NULL;
}

static void *wait_in_select(void *data)
{
	struct waiter *w = data;
	fd_set fds;
	int n;

	FD_ZERO(&fds);
	FD_SET(w->fd, &fds);
	about_to_wait(w);
	n = select(w->fd + 1, &fds, NULL, NULL, NULL);
	w->result = n < 0 ? -errno : n == 1 && FD_ISSET(w->fd, &fds);
	return NULL;
}

static void *wait_in_epoll(void *data)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct waiter *w = data;
	int ep = epoll_create1(EPOLL_CLOEXEC), n;

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, w->fd, &event)) {
		w->result = -errno;
		return NULL;
	}
	about_to_wait(w);
	n = epoll_wait(ep, &event, 1, -1);
	w->result = n < 0 ? -errno : n == 1 && event.events == EPOLLIN;
	close(ep);
	return NULL;
}

FIXTURE(asleep)
{
	struct bench bench;
};

FIXTURE_VARIANT(asleep)
{
	void *(*wait)(void *data);
};

FIXTURE_VARIANT_ADD(asleep, in_read) { .wait = wait_in_read };
FIXTURE_VARIANT_ADD(asleep, in_poll) { .wait = wait_in_poll };
FIXTURE_VARIANT_ADD(asleep, in_select) { .wait = wait_in_select };
FIXTURE_VARIANT_ADD(asleep, in_epoll) { .wait = wait_in_epoll };

FIXTURE_SETUP(asleep)
{
	bench_setup(_metadata, &self->bench);
}

FIXTURE_TEARDOWN(asleep)
{
	bench_teardown(_metadata, &self->bench);
}

static void start_waiter(struct __test_metadata *_metadata, struct waiter *w, int fd,
			 void *(*wait)(void *data))
{
	*w = (struct waiter){ .fd = fd };
	ASSERT_EQ(0, pthread_create(&w->thread, NULL, wait, w));
}

static void finish_waiter(struct __test_metadata *_metadata, struct waiter *w)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += BUTTON_DEADLINE_MS / 1000;
	ASSERT_EQ(0, pthread_timedjoin_np(w->thread, NULL, &deadline));
}

TEST_F(asleep, until_pressed)
{
	struct waiter waiters[8];
	__u64 i;
	int k;

	bind("debounce_us=0");
	for (i = 1; i <= 6; i++) {
		/* All that sleep, not one of them. */
		for (k = 0; k < 8; k++) {
			int fd = button_open_binary(0, O_RDONLY);

			ASSERT_LE(0, fd);
			start_waiter(_metadata, &waiters[k], fd, variant->wait);
		}
		for (k = 0; k < 8; k++)
			ASSERT_EQ(0, button_wait_asleep(&waiters[k].tid));
		set_level(nth_level(i));
		for (k = 0; k < 8; k++) {
			finish_waiter(_metadata, &waiters[k]);
			EXPECT_EQ(1, waiters[k].result);
			/* Who waited in read() has it. */
			EXPECT_EQ(variant->wait == wait_in_read ? i : 0, waiters[k].event.seq);
			if (variant->wait != wait_in_read)
				expect_event_at(waiters[k].fd, i, nth_type(i));
			close(waiters[k].fd);
		}
	}
}

TEST_F(button, nonblocking)
{
	char c;
	int text;

	bind("debounce_us=0");
	text = button_open(0, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, text);
	EXPECT_EQ(-1, read(text, &c, 1));
	EXPECT_EQ(EAGAIN, errno);

	/* The flag may come later, and belongs to one open file. */
	ASSERT_EQ(0, fcntl(self->bench.fd, F_SETFL, O_NONBLOCK));
	for (__u64 i = 1; i <= 4; i++) {
		struct button_irq_event event;

		EXPECT_EQ(-1, read(self->bench.fd, &event, sizeof(event)));
		EXPECT_EQ(EAGAIN, errno);
		set_level(nth_level(i));
		ASSERT_EQ(0, button_wait_readable(self->bench.fd));
		ASSERT_EQ(sizeof(event), read(self->bench.fd, &event, sizeof(event)));
		EXPECT_EQ(i, event.seq);
	}
	EXPECT_EQ(1, read(text, &c, 1));
	EXPECT_EQ('1', c);
	close(text);
}

static int poll_now(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int n = poll(&pfd, 1, 0);

	return n < 0 ? -errno : pfd.revents;
}

TEST_F(button, poll_tells_the_level)
{
	short all = POLLIN | POLLRDNORM | POLLPRI | POLLOUT | POLLHUP | POLLERR;
	char c;
	int text;

	bind("debounce_us=0");
	text = button_open(0, O_RDONLY);
	ASSERT_LE(0, text);
	EXPECT_EQ(0, poll_now(text, all));
	press();
	ASSERT_EQ(0, button_wait_readable(text));
	/* Until all of it was read, however often it is asked. */
	EXPECT_EQ(POLLIN | POLLRDNORM, poll_now(text, all));
	EXPECT_EQ(POLLIN | POLLRDNORM, poll_now(text, all));
	do {
		EXPECT_EQ(POLLIN | POLLRDNORM, poll_now(text, all));
		ASSERT_EQ(1, read(text, &c, 1));
	} while (c != '\n');
	EXPECT_EQ(0, poll_now(text, all));

	/* Rewinding brings it back. */
	ASSERT_EQ(0, ioctl(text, BUTTON_IRQ_IOC_REWIND));
	EXPECT_EQ(POLLIN | POLLRDNORM, poll_now(text, all));
	close(text);
}

TEST_F(button, select)
{
	struct timeval none = { 0 };
	fd_set in, out, other;
	int fd;

	bind("debounce_us=0");
	fd = self->bench.fd;
	FD_ZERO(&in);
	FD_SET(fd, &in);
	EXPECT_EQ(0, select(fd + 1, &in, NULL, NULL, &none));
	press();
	ASSERT_EQ(0, button_wait_readable(fd));
	FD_ZERO(&in);
	FD_SET(fd, &in);
	out = in;
	other = in;
	EXPECT_EQ(1, select(fd + 1, &in, &out, &other, &none));
	EXPECT_TRUE(FD_ISSET(fd, &in));
	EXPECT_FALSE(FD_ISSET(fd, &out));
	EXPECT_FALSE(FD_ISSET(fd, &other));
	expect_event(1, BUTTON_IRQ_PRESS);
	FD_SET(fd, &in);
	EXPECT_EQ(0, select(fd + 1, &in, NULL, NULL, &none));
}

TEST_F(button, epoll_level_triggered)
{
	struct epoll_event event = { .events = EPOLLIN }, got;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	bind("debounce_us=0");
	ASSERT_LE(0, ep);
	event.data.u64 = 4711;
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->bench.fd, &event));
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	press();
	release();
	for (__u64 i = 1; i <= 2; i++) {
		ASSERT_EQ(1, epoll_wait(ep, &got, 1, BUTTON_DEADLINE_MS));
		EXPECT_EQ(EPOLLIN, got.events);
		EXPECT_EQ(4711, got.data.u64);
		ASSERT_EQ(1, epoll_wait(ep, &got, 1, 0));
		expect_event(i, nth_type(i));
	}
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	close(ep);
}

TEST_F(button, epoll_edge_triggered)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, got;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	bind("debounce_us=0");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->bench.fd, &event));
	press();
	ASSERT_EQ(1, epoll_wait(ep, &got, 1, BUTTON_DEADLINE_MS));
	EXPECT_EQ(EPOLLIN, got.events);
	/* Once, read or not. */
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	/* And again for each event that comes. */
	release();
	ASSERT_EQ(1, epoll_wait(ep, &got, 1, BUTTON_DEADLINE_MS));
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	expect_event(1, BUTTON_IRQ_PRESS);
	expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	close(ep);
}

/* The next of the signals in @set, or -errno. */
static int next_signal(const sigset_t *set, siginfo_t *info, unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NSEC_PER_MSEC };
	int sig = sigtimedwait(set, info, &ts);

	return sig < 0 ? -errno : sig;
}

static void async_on(struct __test_metadata *_metadata, int fd, int sig)
{
	ASSERT_EQ(0, fcntl(fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(fd, F_SETSIG, sig));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

TEST_F(button, sigio)
{
	siginfo_t info;
	sigset_t set;

	bind("debounce_us=0");
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));

	/* Nobody asked yet. */
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
	EXPECT_EQ(-EAGAIN, next_signal(&set, &info, 0));

	async_on(_metadata, self->bench.fd, 0);
	release();
	EXPECT_EQ(SIGIO, next_signal(&set, &info, BUTTON_DEADLINE_MS));
	expect_event(2, BUTTON_IRQ_RELEASE);
	EXPECT_EQ(-EAGAIN, next_signal(&set, &info, 0));

	/* Nor any more. */
	ASSERT_EQ(0, fcntl(self->bench.fd, F_SETFL, 0));
	press();
	expect_event(3, BUTTON_IRQ_PRESS);
	/* The signal is sent after the event can be read. */
	button_sleep_us(10000);
	EXPECT_EQ(-EAGAIN, next_signal(&set, &info, 0));
}

TEST_F(button, sigio_says_which_file_and_why)
{
	int sig = SIGRTMIN + 1, fd[2];
	siginfo_t info;
	sigset_t set;
	__u64 i;
	int k;

	bind("debounce_us=0");
	sigemptyset(&set);
	sigaddset(&set, sig);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	for (k = 0; k < 2; k++) {
		fd[k] = button_open_binary(0, O_RDONLY);
		ASSERT_LE(0, fd[k]);
		async_on(_metadata, fd[k], sig);
	}
	/* Real-time signals queue: one for each file and event. */
	for (i = 1; i <= 10; i++) {
		int seen[2] = { 0, 0 };

		set_level(nth_level(i));
		for (k = 0; k < 2; k++) {
			ASSERT_EQ(sig, next_signal(&set, &info, BUTTON_DEADLINE_MS));
			EXPECT_EQ(POLL_IN, info.si_code);
			EXPECT_EQ(POLLIN | POLLRDNORM, info.si_band);
			seen[0] += info.si_fd == fd[0];
			seen[1] += info.si_fd == fd[1];
		}
		EXPECT_EQ(1, seen[0]);
		EXPECT_EQ(1, seen[1]);
		expect_event_at(fd[0], i, nth_type(i));
		expect_event_at(fd[1], i, nth_type(i));
	}
	/* A closed file sends none. */
	close(fd[0]);
	set_level(nth_level(i));
	ASSERT_EQ(sig, next_signal(&set, &info, BUTTON_DEADLINE_MS));
	EXPECT_EQ(fd[1], info.si_fd);
	button_sleep_us(10000);
	EXPECT_EQ(-EAGAIN, next_signal(&set, &info, 0));
	close(fd[1]);
}

static int handled;

static void handler(int sig)
{
	(void)sig;
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void wait_handled(struct __test_metadata *_metadata, int times)
{
	__u64 start = button_now(CLOCK_MONOTONIC);

	while (__atomic_load_n(&handled, __ATOMIC_SEQ_CST) < times) {
		ASSERT_GT(BUTTON_DEADLINE_MS * NSEC_PER_MSEC,
			  button_now(CLOCK_MONOTONIC) - start);
		button_sleep_us(100);
	}
}

TEST_F(button, signals_restart_a_read)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct waiter w;
	int i;

	bind("debounce_us=0");
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	start_waiter(_metadata, &w, self->bench.fd, wait_in_read);
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, button_wait_asleep(&w.tid));
		ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
		wait_handled(_metadata, i);
	}
	ASSERT_EQ(0, button_wait_asleep(&w.tid));
	press();
	finish_waiter(_metadata, &w);
	EXPECT_EQ(1, w.result);
	EXPECT_EQ(1, w.event.seq);
}

TEST_F(button, signals_interrupt_a_read_that_wants_it)
{
	struct sigaction action = { .sa_handler = handler };
	struct waiter w;

	bind("debounce_us=0");
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	start_waiter(_metadata, &w, self->bench.fd, wait_in_read);
	ASSERT_EQ(0, button_wait_asleep(&w.tid));
	ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
	finish_waiter(_metadata, &w);
	EXPECT_EQ(-EINTR, w.result);
	/* Nothing was taken. */
	press();
	expect_event(1, BUTTON_IRQ_PRESS);
}

/* A page that whoever touches it waits for, until it is given; -1: there is no userfaultfd. */
static int slow_page(struct __test_metadata *_metadata, void **page, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	*page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, *page);
	range.range.start = (uintptr_t)*page;
	range.range.len = size;
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &range));
	return fd;
}

/* Two threads share a file; what one reads goes to memory that is long in coming. */
TEST_F(button, signals_interrupt_a_wait_for_another_reader)
{
	struct sigaction action = { .sa_handler = handler };
	struct uffdio_zeropage zero = { 0 };
	size_t size = sysconf(_SC_PAGESIZE);
	struct button_irq_event *event;
	struct waiter first, w;
	struct uffd_msg fault;
	void *page;
	int uffd;

	bind("debounce_us=0");
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	uffd = slow_page(_metadata, &page, size);
	if (uffd < 0)
		SKIP(return, "no userfaultfd in this kernel");
	press();
	ASSERT_EQ(0, button_wait_readable(self->bench.fd));
	first = (struct waiter){ .fd = self->bench.fd, .page = page };
	ASSERT_EQ(0, pthread_create(&first.thread, NULL, wait_in_read, &first));
	ASSERT_EQ(0, button_wait_readable(uffd));
	ASSERT_EQ(sizeof(fault), read(uffd, &fault, sizeof(fault)));
	/* There is one more, but it is not their turn. */
	release();

	start_waiter(_metadata, &w, self->bench.fd, wait_in_read);
	ASSERT_EQ(0, button_wait_asleep(&w.tid));
	ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
	finish_waiter(_metadata, &w);
	EXPECT_EQ(-EINTR, w.result);

	start_waiter(_metadata, &w, self->bench.fd, wait_in_rewind);
	ASSERT_EQ(0, button_wait_asleep(&w.tid));
	ASSERT_EQ(0, pthread_kill(w.thread, SIGUSR1));
	finish_waiter(_metadata, &w);
	EXPECT_EQ(-EINTR, w.result);

	/* Nothing was taken, and the first gets what is its. */
	zero.range.start = (uintptr_t)page;
	zero.range.len = size;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	finish_waiter(_metadata, &first);
	EXPECT_EQ(1, first.result);
	event = page;
	EXPECT_EQ(1, event->seq);
	expect_event(2, BUTTON_IRQ_RELEASE);
	close(uffd);
	munmap(page, size);
}

/* A loop that waits for "state" to change instead of for events. */
TEST_F(button, state_wakes_pollers)
{
	char path[128], buf[32];
	struct pollfd pfd;
	ssize_t n;
	__u64 i;

	bind("debounce_us=0");
	button_attr_path(0, "state", path, sizeof(path));
	pfd.fd = open(path, O_RDONLY | O_CLOEXEC);
	pfd.events = POLLPRI;
	ASSERT_LE(0, pfd.fd);
	n = read(pfd.fd, buf, sizeof(buf));
	ASSERT_EQ((ssize_t)strlen("released\n"), n);
	EXPECT_EQ(0, memcmp("released\n", buf, n));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	for (i = 1; i <= 6; i++) {
		const char *wanted = nth_level(i) == PRESSED ? "pressed\n" : "released\n";

		set_level(nth_level(i));
		ASSERT_EQ(1, poll(&pfd, 1, BUTTON_DEADLINE_MS));
		EXPECT_EQ(POLLPRI, pfd.revents & POLLPRI);
		n = pread(pfd.fd, buf, sizeof(buf), 0);
		ASSERT_EQ((ssize_t)strlen(wanted), n);
		EXPECT_EQ(0, memcmp(wanted, buf, n));
		EXPECT_EQ(0, poll(&pfd, 1, 0));
	}
	close(pfd.fd);
}

TEST_HARNESS_MAIN
