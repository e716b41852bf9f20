// SPDX-License-Identifier: GPL-2.0
/*
 * Commands for gestures. Nobody waits for a command: each runs in a session of its own beside
 * this program, which goes on reading. Its end is collected when SIGCHLD comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "config.h"
#include "device.h"
#include "gesture.h"
#include "util.h"

#define CONFIG_FILE	"/etc/button-irq.conf"

/**
 * struct runner - all that run works with
 * @config: what to do, one action for each of @set's buttons
 * @set: the buttons
 * @gestures: one for each of them
 * @signals: descriptor for SIGCHLD, SIGINT and SIGTERM
 * @old_mask: the signals that were blocked before, for the commands
 */
struct runner {
	struct config config;
	struct buttons set;
	struct gestures *gestures;
	int signals;
	sigset_t old_mask;
};

static void set_seconds(const char *name, __u64 ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu.%09llu", ns / NS_PER_S, ns % NS_PER_S);
	setenv(name, text, 1);
}

/* In the child. */
static void become(const struct runner *r, const struct button *b, const struct gesture *f,
		   const char *command)
{
	char text[64];
	int null;

	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
	/* So that a terminal's ^C ends us, and the commands only if they want to. */
	setsid();
	null = open("/dev/null", O_RDONLY);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	setenv("BUTTON_IRQ_NAME", b->label, 1);
	snprintf(text, sizeof(text), "/dev/%s", b->node);
	setenv("BUTTON_IRQ_DEVICE", text, 1);
	setenv("BUTTON_IRQ_EVENT", gesture_names[f->type], 1);
	snprintf(text, sizeof(text), "%llu", f->seq);
	setenv("BUTTON_IRQ_SEQ", text, 1);
	set_seconds("BUTTON_IRQ_TIME", f->time);
	set_seconds("BUTTON_IRQ_HELD", f->held);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static void start(const struct runner *r, size_t i, const struct gesture *f)
{
	const char *command = r->config.action[i].command[f->type];
	const struct button *b = &r->set.button[i];
	pid_t pid;

	if (!command)
		return;
	pid = fork();
	if (!pid)
		become(r, b, f, command);
	if (pid < 0)
		complain("%s: %s %llu: command not started: %s", b->label, gesture_names[f->type], f->seq,
			 strerror(errno));
}

static void start_all(const struct runner *r, size_t i, const struct gesture *f, unsigned int n)
{
	for (; n; n--, f++)
		start(r, i, f);
}

/* Returns whether we are to end. */
static bool take_signals(struct runner *r)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(r->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			return true;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (WIFSIGNALED(status))
			complain("command %d ended by signal %d", pid, WTERMSIG(status));
		else if (WEXITSTATUS(status))
			complain("command %d failed: exit code %d", pid, WEXITSTATUS(status));
	}
	return false;
}

static __u64 monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* All that one button has. Returns whether there was anything, or a negative errno. */
static int handle(struct runner *r, size_t i, __u64 *wake)
{
	struct button *b = &r->set.button[i];
	struct gestures *g = &r->gestures[i];
	/* Before reading, so that what we read includes all that came up to then. */
	__u64 now = monotonic(), due;
	struct button_irq_event events[64];
	struct gesture f[GESTURES];
	int k, n = button_read(&r->set, b, events, ARRAY_SIZE(events));

	if (n < 0) {
		complain("%s: %s", b->label, strerror(-n));
		return n;
	}
	for (k = 0; k < n; k++) {
		if (events[k].type == BUTTON_IRQ_LOST || events[k].type == BUTTON_IRQ_MISSED)
			complain("%s: %u %s", b->label, events[k].count, event_name(&events[k]));
		start_all(r, i, f, gestures_event(g, &events[k], f));
	}
	/* Where a read was full there may be more. */
	if (n < (int)ARRAY_SIZE(events) && now > b->slack_ns)
		start_all(r, i, f, gestures_time(g, now - b->slack_ns, f));
	due = gestures_deadline(g);
	if (due != GESTURE_NO_DEADLINE && due + b->slack_ns < *wake)
		*wake = due + b->slack_ns;
	return n > 0;
}

static int run(struct runner *r)
{
	size_t i;

	for (;;) {
		__u64 wake = GESTURE_NO_DEADLINE, now;
		bool any = false;

		for (i = 0; i < r->set.n; i++) {
			int ret = handle(r, i, &wake);

			if (ret < 0)
				return EXIT_GONE;
			any |= ret;
		}
		if (take_signals(r))
			return EXIT_OK;
		if (any)
			continue;
		now = monotonic();
		if (wake == GESTURE_NO_DEADLINE)
			buttons_wait(&r->set, r->signals, -1);
		else if (wake > now)
			buttons_wait(&r->set, r->signals, wake - now);
	}
}

static int prepare(struct runner *r)
{
	char **names = calloc(r->config.n, sizeof(*names));
	sigset_t mask;
	size_t i;
	int ret;

	r->gestures = calloc(r->config.n, sizeof(*r->gestures));
	if (!names || !r->gestures)
		return complain("%s", strerror(ENOMEM));
	for (i = 0; i < r->config.n; i++) {
		names[i] = r->config.action[i].button;
		r->gestures[i].hold_ns = r->config.action[i].hold_ns;
		r->gestures[i].double_ns = r->config.action[i].double_ns;
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &r->old_mask);
	r->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (r->signals < 0)
		return complain("signalfd: %s", strerror(errno));
	/* Services outlive buttons: they come back with their driver or overlay. */
	r->set.clock = CLOCK_MONOTONIC;
	r->set.follow = true;
	ret = buttons_open(&r->set, names, r->config.n);
	free(names);
	return ret;
}

static int read_config(struct config *config, const char *name)
{
	FILE *file = fopen(name, "re");
	unsigned int bad;

	if (!file)
		return complain("%s: %s", name, strerror(errno));
	bad = config_read(config, file, name, stderr);
	fclose(file);
	return bad ? EXIT_USAGE : EXIT_OK;
}

int run_main(int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_SET };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "button", required_argument, NULL, 'b' },
		{ "press", required_argument, NULL, OPT_SET },
		{ "release", required_argument, NULL, OPT_SET },
		{ "click", required_argument, NULL, OPT_SET },
		{ "double", required_argument, NULL, OPT_SET },
		{ "hold", required_argument, NULL, OPT_SET },
		{ "hold-time", required_argument, NULL, OPT_SET },
		{ "double-time", required_argument, NULL, OPT_SET },
		{ }
	};
	const char *file = CONFIG_FILE, *wrong;
	bool check = false, by_options = false;
	struct runner r = { };
	struct action action = { };
	int c, index, ret;

	while ((c = getopt_long(argc, argv, "c:b:", options, &index)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case 'b':
			action.button = optarg;
			by_options = true;
			break;
		case OPT_SET:
			wrong = action_set(&action, options[index].name, optarg);
			if (wrong)
				return complain_usage("--%s=%s: %s", options[index].name, optarg, wrong);
			by_options = true;
			break;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return complain_usage("run: %s: no such option", argv[optind]);
	if (by_options) {
		wrong = action_finish(&action);
		if (wrong)
			return complain_usage("run: the button %s", wrong);
		r.config = (struct config){ .action = &action, .n = 1 };
	} else {
		ret = read_config(&r.config, file);
		if (ret || check)
			return ret;
	}
	ret = prepare(&r);
	return ret ?: run(&r);
}
