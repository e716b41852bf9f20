// SPDX-License-Identifier: GPL-2.0-only
/*
 * A button under running edges, whose driver, controller and readers come and go at random.
 *
 *	button_irq_lifetime [ROUNDS [SEED]]
 *
 * (or the environment's BUTTON_IRQ_ROUNDS and BUTTON_IRQ_SEED). One process moves the line, some
 * read it in every way there is, and this one, in each round, does something rude: unbind,
 * rmmod, tear the controller away, kill a reader. All decisions come from the seed, which is
 * printed; where time counts instructions the same seed is the same run.
 *
 * Readers check that numbers are in order; the rest is for lockdep, KASAN, KCSAN and kmemleak to
 * find. At the end the driver must let itself be removed, and work when it is loaded again.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "button.h"
#include "stimulus.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
/* Applies overlays while it is loaded; and the one of tests/vm/sim_button.dts */
#define OVERLAY_KO	"/opt/button_irq/modules/button_irq_test_overlay.ko"
#define OVERLAY		"/opt/button_irq/sim_button.dtbo"
#define OVERLAY_PULL	"/sys/devices/platform/sim-button-chip/gpiochip*/sim_gpio0/pull"
#define READERS		5
#define EXIT_DISORDER	3	/* of a reader: numbers are not in order */

struct random {
	__u64 state;
};

static struct random rng;
static char params[128];
static int mailbox[2];		/* readers pass open files to each other */
static struct button_chip chip;

/* xorshift64*. */
static __u32 next_random(void)
{
	rng.state ^= rng.state >> 12;
	rng.state ^= rng.state << 25;
	rng.state ^= rng.state >> 27;
	return rng.state * 0x2545f4914f6cdd1dULL >> 32;
}

static __u32 below(__u32 n)
{
	return next_random() % n;
}

/* In a child: a stream of its own. */
static void fork_random(__u32 n)
{
	rng.state = (rng.state ^ n * 0x9e3779b97f4a7c15ULL) | 1;
	next_random();
}

/* --- The line ------------------------------------------------------------------------- */

/* Edges in bursts, at speeds from a bouncing contact's to a finger's. */
static void move_line(void)
{
	struct stim stim;
	unsigned int i, n;
	unsigned long gap;
	int level = RELEASED;

	/* It would tell each time that the controller is not there. */
	(void)!freopen("/dev/null", "w", stderr);
	for (;;) {
		if (stim_open(&stim, 0)) {
			button_sleep_us(2000);	/* no controller now */
			continue;
		}
		n = 1 + below(200);
		gap = below(4) ? below(100) : 500 + below(5000);
		for (i = 0; i < n && !stim_set(&stim, level); i++) {
			level = !level;
			if (gap)
				button_sleep_us(gap);
		}
		stim_close(&stim);
	}
}

/* The same with the overlay's, while it is there. */
static void move_overlay_line(void)
{
	glob_t found;
	unsigned int i, n;

	(void)!system("modprobe gpio-sim");
	for (;;) {
		n = glob(OVERLAY_PULL, 0, NULL, &found) ? 0 : 1 + below(50);
		for (i = 0; i < n; i++) {
			if (button_write(found.gl_pathv[0], i % 2 ? "pull-up" : "pull-down"))
				break;
			button_sleep_us(below(500));
		}
		if (n)
			globfree(&found);
		button_sleep_us(2000);
	}
}

/* --- Readers -------------------------------------------------------------------------- */

static void send_file(int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(mailbox[0], &msg, MSG_DONTWAIT);
}

static int receive_file(void)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(mailbox[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (!c)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* The second one is there only with the overlay. */
static unsigned int any_button(void)
{
	return !below(4);
}

/* A file that nobody else has: its numbers are in order. */
static void read_in_order(void)
{
	struct button_irq_event events[8];
	int fd = button_open_binary(any_button(), O_RDONLY);
	unsigned int rounds = 1 + below(50);
	__u64 next = 0;
	ssize_t n, i;

	while (fd >= 0 && rounds-- && (n = read(fd, events, sizeof(events))) > 0) {
		for (i = 0; i < n / (ssize_t)sizeof(*events); i++) {
			if (next && events[i].seq != next) {
				printf("# number %llu instead of %llu\n", events[i].seq, next);
				fflush(stdout);
				_exit(EXIT_DISORDER);
			}
			next = events[i].seq;
			next += events[i].type == BUTTON_IRQ_LOST ? events[i].count : 1;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void poke(int fd)
{
	static const unsigned long requests[] = {
		BUTTON_IRQ_IOC_GET_INFO, BUTTON_IRQ_IOC_SET_FORMAT, BUTTON_IRQ_IOC_SET_CLOCK,
		BUTTON_IRQ_IOC_REWIND,
	};
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	__u32 value[sizeof(struct button_irq_info) / 4] = { below(2) };
	char buf[200];
	pid_t pid;
	int ep, other;

	switch (below(9)) {
	case 0:
		poll(&pfd, 1, below(20));
		break;
	case 1:
		ioctl(fd, requests[below(ARRAY_SIZE(requests))], value);
		break;
	case 2:
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_SETFL, below(2) ? O_ASYNC | O_NONBLOCK : O_NONBLOCK);
		break;
	case 3:
		send_file(fd);
		break;
	case 4:
		/* Two processes, one file. */
		pid = fork();
		if (!pid) {
			poll(&pfd, 1, below(10));
			(void)!read(fd, buf, below(sizeof(buf)));
			_exit(0);
		}
		if (pid > 0 && below(2))
			kill(pid, SIGKILL);
		break;
	case 5:
		other = dup(fd);
		(void)!read(other, buf, below(sizeof(buf)));
		close(other);
		break;
	case 6:
		ep = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
		epoll_wait(ep, &event, 1, below(10));
		close(ep);
		break;
	default:
		(void)!read(fd, buf, below(sizeof(buf)));
	}
}

static void read_anyhow(void)
{
	int fd = below(3) ? button_open(any_button(), O_RDONLY | O_NONBLOCK) : receive_file();
	unsigned int rounds = below(30);

	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (rounds--)
		poke(fd);
	close(fd);
}

static void look_at_sysfs(void)
{
	static const char * const attrs[] = { "state", "edges", "label", "missed", "debounce_us" };
	unsigned int button = any_button();
	char text[64];

	if (below(2))
		button_attr(button, attrs[below(ARRAY_SIZE(attrs))], text, sizeof(text));
	else if (below(2))
		button_set_attr(button, "debounce_us", below(2) ? "0" : "300");
	else
		button_set_attr(button, "debounce_mode", below(2) ? "eager" : "settle");
}

static void be_a_reader(void)
{
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		switch (below(4)) {
		case 0:
			read_in_order();
			break;
		case 1:
			look_at_sysfs();
			break;
		default:
			read_anyhow();
		}
		button_sleep_us(below(300));
	}
}

static pid_t spawn(void (*be)(void), __u32 n)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 0);
	signal(SIGIO, SIG_IGN);
	fork_random(n);
	be();
	_exit(0);
}

/* --- What happens to them ------------------------------------------------------------- */

static int load(void)
{
	return button_load_module(getenv("BUTTON_IRQ_KO"), params);
}

static pid_t readers[READERS];
static bool disorder;

/* A reader that has ended before had a reason. */
static void end_reader(unsigned int reader)
{
	int status;

	kill(readers[reader], SIGKILL);
	if (waitpid(readers[reader], &status, 0) < 0 || !WIFSIGNALED(status))
		disorder = true;
}

static void start_reader(unsigned int reader)
{
	readers[reader] = spawn(be_a_reader, next_random());
}

/* Children of readers, that are no children of ours, end by themselves. */
static int unload_in_time(void)
{
	__u64 start = button_now(CLOCK_MONOTONIC);
	int ret;

	while ((ret = button_unload()) == -EWOULDBLOCK) {
		if (button_now(CLOCK_MONOTONIC) - start > BUTTON_DEADLINE_MS * NSEC_PER_MSEC)
			break;
		button_sleep_us(1000);
	}
	return ret;
}

/* Deeds return whether they were done. */
static bool do_unbind(void)
{
	if (button_write(DRIVER "unbind", "button_irq.0"))
		return false;
	button_sleep_us(below(3000));
	button_write(DRIVER "bind", "button_irq.0");
	return true;
}

/* Readers keep it from going; every other time there are none, but for what they left behind. */
static bool do_rmmod(void)
{
	static bool alone;
	unsigned int i;
	int fd, ret;

	alone = !alone;
	for (i = 0; alone && i < READERS; i++)
		end_reader(i);
	while (alone && (fd = receive_file()) >= 0)
		close(fd);
	ret = alone ? unload_in_time() : button_unload();
	for (i = 0; alone && i < READERS; i++)
		start_reader(i);
	button_sleep_us(below(1000));
	return !ret;
}

/* A button that lost its controller does not come back by itself. */
static bool do_chip(void)
{
	if (button_write(chip.off_path, chip.off))
		return false;
	button_sleep_us(below(3000));
	button_write(chip.on_path, chip.on);
	button_write(DRIVER "bind", "button_irq.0");
	return true;
}

/* The button and its controller come together, and go together. */
static bool do_overlay(void)
{
	__u64 end = button_now(CLOCK_MONOTONIC) + BUTTON_DEADLINE_MS * NSEC_PER_MSEC;
	bool bound = false;

	if (button_load_module(OVERLAY_KO, "file=" OVERLAY))
		return false;
	/* Later, where the button was looked at before its controller was there. */
	while (!bound && button_now(CLOCK_MONOTONIC) < end) {
		button_sleep_us(1000);
		bound = !access(DRIVER "sim-button", F_OK);
	}
	button_sleep_us(below(10000));
	return !syscall(SYS_delete_module, "button_irq_test_overlay", O_NONBLOCK) && bound;
}

static bool do_kill(void)
{
	unsigned int victim = below(READERS);

	end_reader(victim);
	start_reader(victim);
	return true;
}

static bool has_chip(void)
{
	return chip.off_path;
}

static bool has_overlay(void)
{
	return !access(OVERLAY_KO, F_OK);
}

static struct deed {
	const char *name;
	bool (*act)(void);
	bool (*can)(void);	/* where it depends on the machine */
	unsigned int done;
} deeds[] = {
	{ "unbind", do_unbind, NULL, 0 },
	{ "rmmod", do_rmmod, NULL, 0 },
	{ "the controller taken away", do_chip, has_chip, 0 },
	{ "the overlay comes and goes", do_overlay, has_overlay, 0 },
	{ "kill", do_kill, NULL, 0 },
};

/* Each in its turn, the turns in any order. */
static struct deed *next_deed(void)
{
	static unsigned int left;
	struct deed chosen;
	unsigned int i;

	if (!left)
		left = ARRAY_SIZE(deeds);
	i = below(left--);
	chosen = deeds[i];
	deeds[i] = deeds[left];
	deeds[left] = chosen;
	return &deeds[left];
}

/* Whether what can be done here has been; what a round was to be about and was not is no test. */
static bool all_done(void)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(deeds); i++) {
		bool can = !deeds[i].can || deeds[i].can();

		printf("# %s: %u%s\n", deeds[i].name, deeds[i].done, can ? "" : " (not here)");
		all &= !can || deeds[i].done;
	}
	return all;
}

static bool works(const struct stim *stim)
{
	struct button_irq_event event;
	struct stim s = *stim;
	int fd;

	if (stim_open(&s, 0) || stim_set(&s, RELEASED) || load())
		return false;
	fd = button_open_binary(0, O_RDONLY);
	if (fd < 0 || stim_set(&s, PRESSED) || button_next(fd, &event) ||
	    event.type != BUTTON_IRQ_PRESS)
		return false;
	close(fd);
	stim_set(&s, RELEASED);
	stim_close(&s);
	return !button_unload();
}

static int result(int number, bool ok, const char *text)
{
	printf("%sok %d %s\n", ok ? "" : "not ", number, text);
	return !ok;
}

int main(void)
{
	unsigned long rounds = button_setting("BUTTON_IRQ_ROUNDS", 300);
	__u64 seed = button_setting("BUTTON_IRQ_SEED", button_now(CLOCK_REALTIME));
	struct deed *deed;
	struct stim stim;
	unsigned int i;
	pid_t mover, overlay_mover;
	int failed, ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGIO, SIG_IGN);
	printf("TAP version 13\n1..4\n");
	printf("# BUTTON_IRQ_ROUNDS=%lu BUTTON_IRQ_SEED=%llu\n", rounds, seed);
	rng.state = seed | 1;
	if (stim_open(&stim, 0) || socketpair(AF_UNIX, SOCK_DGRAM, 0, mailbox)) {
		printf("Bail out! no line to move, or no socket: %s\n", strerror(errno));
		return 1;
	}
	stim_close(&stim);
	button_find_chip(&chip);
	snprintf(params, sizeof(params), "line=%s debounce_us=300 ring_events=64", stim.line);
	button_unload();
	ret = load();
	if (ret) {
		printf("Bail out! cannot load the driver: %s\n", strerror(-ret));
		return 1;
	}

	/* They are always busy, and would leave us a seventh of a CPU to load the driver with. */
	setpriority(PRIO_PROCESS, 0, -15);
	for (i = 0; i < READERS; i++)
		start_reader(i);
	mover = spawn(move_line, next_random());
	overlay_mover = spawn(move_overlay_line, next_random());
	while (rounds-- && !disorder) {
		deed = next_deed();
		deed->done += (!deed->can || deed->can()) && deed->act();
		load();		/* EEXIST when it is there */
		button_sleep_us(below(20000));
	}
	for (i = 0; i < READERS; i++)
		end_reader(i);
	kill(mover, SIGKILL);
	waitpid(mover, NULL, 0);
	kill(overlay_mover, SIGKILL);
	waitpid(overlay_mover, NULL, 0);
	/* Files in the mailbox are open. */
	close(mailbox[0]);
	close(mailbox[1]);
	failed = result(1, !disorder, "every reader sees its events in order");
	ret = unload_in_time();
	failed += result(2, !ret || ret == -ENOENT, "the driver can be removed once all is closed");
	failed += result(3, works(&stim), "and works when it is loaded again");
	failed += result(4, all_done(), "everything was done to it that can be done here");
	return failed ? 1 : 0;
}
