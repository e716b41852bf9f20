// SPDX-License-Identifier: GPL-2.0-only
/*
 * reader - read a button to its end, and say how it ended
 *
 *	reader read DEVICE [FIFO]	sleeps in read()
 *	reader poll DEVICE [FIFO]	sleeps in poll()
 *	reader epoll DEVICE [FIFO]	sleeps in epoll_wait(), edge-triggered
 *	reader sigio DEVICE [FIFO]	sleeps until SIGIO
 *	reader all DEVICE [FIFO]	one of each of the above, each with its output in the
 *					file "out.KIND"
 *	reader churn DEVICE FILE	opens, reads what is there and closes, again and
 *					again, until FILE exists
 *
 * The events are copied to standard output. With a FIFO nothing is read until somebody
 * has opened it for writing: the events wait in the driver.
 *
 * What else happens is said in lines that begin with "# ":
 *	# poll IN HUP ERR	what poll() gave, when it is not IN alone
 *	# sigio HUP		why SIGIO came, when it is not IN
 *	# end ENODEV		why it ended: what the last read() gave, or EOF
 *	# opened 17		churn: how many times
 *
 * Exit status 0, or 1 when something happened that must not.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* What EPOLL* and POLL* call the same bits. */
static_assert(EPOLLIN == POLLIN && EPOLLERR == POLLERR && EPOLLHUP == POLLHUP, "bits");

/* Where this thread says what happens. */
static __thread FILE *out;

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static int failed(const char *what)
{
	fprintf(out, "# %s: %s\n", what, strerrorname_np(errno));
	return 1;
}

static void say_bits(const char *who, int bits)
{
	const int known = POLLIN | POLLRDNORM | POLLHUP | POLLERR;

	fprintf(out, "# %s%s%s%s%s\n", who, bits & POLLIN ? " IN" : "",
		bits & POLLHUP ? " HUP" : "", bits & POLLERR ? " ERR" : "",
		bits & ~known ? " and more" : "");
}

/* One read. 1: there may be more; 0: nothing at present; -1: that was the end. */
static int take(int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0) {
		fwrite(buf, n, 1, out);
		fflush(out);
		return 1;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	fprintf(out, "# end %s\n", n ? strerrorname_np(errno) : "EOF");
	return -1;
}

static int drain(int fd)
{
	int ret;

	while ((ret = take(fd)) > 0)
		;
	return ret;
}

static int wait_poll(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int said = POLLIN;

	for (;;) {
		if (poll(&pfd, 1, -1) != 1)
			return failed("poll");
		/* One at a time, so that poll() is asked with something left. */
		pfd.revents &= ~POLLRDNORM;
		if (pfd.revents != said)
			say_bits("poll", pfd.revents);
		said = pfd.revents;
		if (take(fd) < 0)
			return 0;
	}
}

static int wait_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
		return failed("epoll_create1, epoll_ctl");
	for (;;) {
		if (epoll_wait(epfd, &event, 1, -1) != 1)
			return failed("epoll_wait");
		if (event.events & (EPOLLHUP | EPOLLERR))
			say_bits("epoll", event.events);
		if (drain(fd) < 0)
			return 0;
	}
}

/* Blocked since main(). */
static sigset_t sigio;

static int wait_sigio(int fd)
{
	siginfo_t info;

	for (;;) {
		if (sigwaitinfo(&sigio, &info) < 0)
			return failed("sigwaitinfo");
		if (info.si_signo != SIGRTMIN)
			fprintf(out, "# sigio overflowed\n");
		else if (info.si_code == POLL_HUP)
			fprintf(out, "# sigio HUP\n");
		else if (info.si_code != POLL_IN)
			fprintf(out, "# sigio code %d\n", info.si_code);
		if (drain(fd) < 0)
			break;
	}
	/* With events left to read the end is found before the signal. */
	while (info.si_code != POLL_HUP) {
		const struct timespec limit = { .tv_sec = 5 };

		if (sigtimedwait(&sigio, &info, &limit) < 0)
			return failed("sigtimedwait");
		if (info.si_code == POLL_HUP)
			fprintf(out, "# sigio HUP\n");
	}
	return 0;
}

static int churn(const char *device, const char *stop)
{
	unsigned long opened = 0;
	struct timespec nap = { };

	while (access(stop, F_OK)) {
		char buf[4096];
		int fd;

		/* Not in step with who takes the button away, and not all the time of a CPU. */
		nap.tv_nsec = (nap.tv_nsec + 77777) % 1000000;
		nanosleep(&nap, NULL);
		fd = open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0) {
			/* No node, or one whose button has just gone. */
			if (errno != ENOENT && errno != ENODEV && errno != ENXIO)
				return failed("open");
			continue;
		}
		opened++;
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		if (errno != EAGAIN && errno != ENODEV)
			return failed("read");
		close(fd);
	}
	fprintf(out, "# opened %lu\n", opened);
	return 0;
}

static int run(const char *mode, const char *device, const char *fifo)
{
	int fd, flags;

	flags = !strcmp(mode, "epoll") || !strcmp(mode, "sigio") ? O_NONBLOCK : 0;
	fd = open(device, O_RDONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return failed("open");
	if (!strcmp(mode, "sigio") &&
	    (fcntl(fd, F_SETSIG, SIGRTMIN) || fcntl(fd, F_SETOWN, getpid()) ||
	     fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC)))
		return failed("fcntl");
	fprintf(out, "# open\n");
	if (fifo && open(fifo, O_RDONLY | O_CLOEXEC) < 0)
		return failed(fifo);

	if (!strcmp(mode, "read"))
		return drain(fd) < 0 ? 0 : failed("read");
	if (!strcmp(mode, "poll"))
		return wait_poll(fd);
	if (!strcmp(mode, "epoll"))
		return wait_epoll(fd);
	if (!strcmp(mode, "sigio"))
		return wait_sigio(fd);
	fprintf(stderr, "reader: no such kind: %s\n", mode);
	return 2;
}

struct thread {
	pthread_t id;
	const char *kind;
	const char *device;
	const char *fifo;
};

static void *run_thread(void *data)
{
	struct thread *t = data;
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "out.%s", t->kind);
	out = fopen(name, "w");
	if (!out)
		return (void *)1L;
	setvbuf(out, NULL, _IOLBF, 0);
	ret = run(t->kind, t->device, t->fifo);
	fclose(out);
	return (void *)(long)ret;
}

static int run_all(const char *device, const char *fifo)
{
	struct thread threads[] = {
		{ .kind = "read" }, { .kind = "poll" }, { .kind = "epoll" }, { .kind = "sigio" },
	};
	enum { n = ARRAY_SIZE(threads) };
	int any_failed = 0;
	void *ret;
	size_t i;

	for (i = 0; i < n; i++) {
		threads[i].device = device;
		threads[i].fifo = fifo;
		if (pthread_create(&threads[i].id, NULL, run_thread, &threads[i]))
			return failed("pthread_create");
	}
	for (i = 0; i < n; i++) {
		pthread_join(threads[i].id, &ret);
		any_failed |= !!ret;
	}
	return any_failed;
}

int main(int argc, char **argv)
{
	const char *file = argc == 4 ? argv[3] : NULL;

	out = stdout;
	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: reader read|poll|epoll|sigio|all|churn DEVICE [FILE]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* An own signal: SIGIO does not queue and carries no reason. No thread is to die of it. */
	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	sigaddset(&sigio, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &sigio, NULL);

	if (!strcmp(argv[1], "churn"))
		return churn(argv[2], file);
	if (!strcmp(argv[1], "all"))
		return run_all(argv[2], file);
	return run(argv[1], argv[2], file);
}
