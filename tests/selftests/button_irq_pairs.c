// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes at once bind and unbind, load and remove, take the controller away and give it
 * back, suspend, set, and open: every pair of these, each process at its own pace.
 *
 *	button_irq_pairs
 *
 * The environment's BUTTON_IRQ_PAIR_ROUNDS says how often each process of a pair acts;
 * BUTTON_IRQ_PAIR names one pair ("bind+controller"), for a failure to be seen again.
 *
 * An act mostly fails, since the other process has just taken away what it needs. The kernel's
 * log is what fails a run (see tests/vm/run.py). Here each pair must come to its end, and
 * afterwards the driver must load, report a press, and let itself be removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "button.h"
#include "stimulus.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define DEVICE		"button_irq.0"
#define PM_TEST		"/sys/power/pm_test"
#define PM_TEST_DELAY	"/sys/module/suspend/parameters/pm_test_delay"
/* How long a pair may take; a process that sleeps in the kernel for ever takes longer. */
#define PAIR_DEADLINE_S	300

static char params[128], bad_params[160];
static struct button_chip chip;

static int load(const char *with)
{
	return button_load_module(getenv("BUTTON_IRQ_KO"), with);
}

/* --- What one process does; @half alternates ------------------------------------------ */

static void act_bind(int half)
{
	button_write(half ? DRIVER "bind" : DRIVER "unbind", DEVICE);
}

static void act_load(int half)
{
	if (half)
		load(params);
	else
		button_unload();
}

/* Fails after the first line has been taken. */
static void act_load_in_vain(int half)
{
	if (half)
		load(bad_params);
	else
		button_unload();
}

static void act_controller(int half)
{
	if (half)
		button_write(chip.on_path, chip.on);
	else
		button_write(chip.off_path, chip.off);
}

static void act_settings(int half)
{
	button_set_attr(0, "debounce_us", half ? "0" : "300");
	button_set_attr(0, "debounce_mode", half ? "settle" : "eager");
	button_set_attr(0, "storm_rate", half ? "0" : "50");
}

/* Suspends all devices and resumes them at once. */
static void act_suspend(int half)
{
	if (half)
		button_write("/sys/power/state", "freeze");
	else
		button_sleep_us(500);
}

static void act_open(int half)
{
	static int fd = -1;
	char buf[64];

	if (fd >= 0) {
		(void)!read(fd, buf, sizeof(buf));
		close(fd);
	}
	fd = half ? button_open(0, O_RDONLY | O_NONBLOCK) : -1;
}

static bool has_controller(void)
{
	return chip.off_path;
}

static bool has_suspend(void)
{
	return !access(PM_TEST, W_OK) && !access(PM_TEST_DELAY, W_OK);
}

static const struct act {
	const char *name;
	void (*act)(int half);
	bool (*can)(void);
} acts[] = {
	{ "bind", act_bind, NULL },
	{ "load", act_load, NULL },
	{ "failing-load", act_load_in_vain, NULL },
	{ "controller", act_controller, has_controller },
	{ "settings", act_settings, NULL },
	{ "suspend", act_suspend, has_suspend },
	{ "open", act_open, NULL },
};

/* --- Pairs ---------------------------------------------------------------------------- */

static void exit_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		_exit(1);
	button_unpin();
	/* Without a controller or a driver most calls fail, and stimulus.c says so each time. */
	(void)!freopen("/dev/null", "w", stderr);
}

/* Edges, as long as the controller is there. */
static void move_line(void)
{
	struct stim stim;
	int i;

	exit_with_parent();
	for (;;) {
		if (stim_open(&stim, 0)) {
			button_sleep_us(1000);
			continue;
		}
		for (i = 0; i < 40 && !stim_set(&stim, i % 2); i++)
			button_sleep_us(100);
		stim_close(&stim);
		button_sleep_us(500);
	}
}

/* Acts until both processes have acted @rounds times, so that they always overlap. */
static void be_one_of_two(const struct act *act, unsigned long *mine, const unsigned long *other,
			  unsigned long rounds)
{
	int half = 0;

	exit_with_parent();
	while (__atomic_load_n(mine, __ATOMIC_RELAXED) < rounds ||
	       __atomic_load_n(other, __ATOMIC_RELAXED) < rounds) {
		act->act(half);
		half = !half;
		__atomic_fetch_add(mine, 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

static bool ends_in_time(pid_t pid, __u64 end)
{
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (button_now(CLOCK_MONOTONIC) > end) {
			kill(pid, SIGKILL);
			return false;
		}
		button_sleep_us(5000);
	}
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool run_pair(const struct act *a, const struct act *b, unsigned long rounds)
{
	unsigned long *done = mmap(NULL, 2 * sizeof(*done), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	__u64 end = button_now(CLOCK_MONOTONIC) + PAIR_DEADLINE_S * NSEC_PER_SEC;
	pid_t mover, one, two;
	bool ok;

	if (done == MAP_FAILED)
		return false;
	button_unload();
	load(params);
	mover = fork();
	if (!mover)
		move_line();
	one = fork();
	if (!one)
		be_one_of_two(a, &done[0], &done[1], rounds);
	two = fork();
	if (!two)
		be_one_of_two(b, &done[1], &done[0], rounds);
	ok = ends_in_time(one, end);
	ok &= ends_in_time(two, end);
	if (!ok)
		printf("# %s: %lu rounds, %s: %lu rounds, not ended in %d s\n", a->name, done[0],
		       b->name, done[1], PAIR_DEADLINE_S);
	kill(mover, SIGKILL);
	waitpid(mover, NULL, 0);
	munmap(done, 2 * sizeof(*done));
	return ok;
}

/* From whatever state a pair has left. */
static bool works(void)
{
	struct button_irq_event event;
	struct stim stim;
	int fd, ret;
	bool ok;

	if (has_controller())
		button_write(chip.on_path, chip.on);
	ret = button_unload();
	if (ret && ret != -ENOENT) {
		printf("# the driver cannot be removed: %s\n", strerror(-ret));
		return false;
	}
	if (stim_open(&stim, 0))
		return false;
	stim_set(&stim, RELEASED);
	ret = load(params);
	fd = ret ? ret : button_open_binary(0, O_RDONLY);
	ok = fd >= 0 && !stim_set(&stim, PRESSED) && !button_next(fd, &event) &&
	     event.type == BUTTON_IRQ_PRESS;
	if (!ok)
		printf("# the button does not work: load %d, open %d\n", ret, fd);
	if (fd >= 0)
		close(fd);
	stim_set(&stim, RELEASED);
	stim_close(&stim);
	ret = button_unload();
	if (ret)
		printf("# the driver cannot be removed: %s\n", strerror(-ret));
	return ok && !ret;
}

static bool wanted(const struct act *a, const struct act *b)
{
	const char *only = getenv("BUTTON_IRQ_PAIR");
	char name[64];

	snprintf(name, sizeof(name), "%s+%s", a->name, b->name);
	return !only || !*only || !strcmp(only, name);
}

int main(void)
{
	unsigned long rounds = button_setting("BUTTON_IRQ_PAIR_ROUNDS", 200);
	unsigned int i, k, number = 0, failed = 0;
	struct stim stim;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(acts) * (ARRAY_SIZE(acts) + 1) / 2);
	if (stim_open(&stim, 0)) {
		printf("Bail out! no line to move\n");
		return 1;
	}
	stim_close(&stim);
	button_find_chip(&chip);
	if (has_suspend()) {
		button_write(PM_TEST, "devices");
		button_write(PM_TEST_DELAY, "0");
	}
	snprintf(params, sizeof(params), "line=%s debounce_us=300 ring_events=64", stim.line);
	snprintf(bad_params, sizeof(bad_params), "line=%s,NOSUCH", stim.line);

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		for (k = i; k < ARRAY_SIZE(acts); k++) {
			const struct act *a = &acts[i], *b = &acts[k];
			bool ok;

			number++;
			if ((a->can && !a->can()) || (b->can && !b->can()) || !wanted(a, b)) {
				printf("ok %u %s and %s # SKIP not here\n", number, a->name,
				       b->name);
				continue;
			}
			ok = run_pair(a, b, rounds) && works();
			printf("%sok %u %s and %s\n", ok ? "" : "not ", number, a->name, b->name);
			failed += !ok;
		}
	}
	if (has_suspend())
		button_write(PM_TEST, "none");
	return failed ? 1 : 0;
}
