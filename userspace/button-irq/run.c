// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands for gestures. Commands run asynchronously, each in its own session, so a slow
 * command never delays event processing. Their ends are collected when SIGCHLD comes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "config.h"
#include "device.h"
#include "gesture.h"
#include "notify.h"
#include "util.h"

#define CONFIG_FILE	"/etc/button-irq.conf"

/**
 * struct progress - the reading of one button
 * @gestures: its recogniser
 * @session: value of the button's session when its last events were read
 * @old_repeat: number of the press whose repeats were reported as too old
 */
struct progress {
	struct gestures gestures;
	unsigned int session;
	__u64 old_repeat;
};

/**
 * struct runner - the state of the program
 * @file: the config file, NULL for the default ones
 * @by_options: options instead of a config file say what to run, so nothing can be reloaded
 * @config: what to do, one action for each of @set's buttons
 * @set: the buttons
 * @progress: one for each of them
 * @start: CLOCK_MONOTONIC when this program began. Earlier events start no command.
 * @watchdog_ns: time between WATCHDOG=1 messages to the service manager, 0: none
 * @signals: descriptor for the signals that are blocked
 * @old_mask: the signals that were blocked before, for the commands
 */
struct runner {
	const char *file;
	bool by_options;
	struct config config;
	struct buttons set;
	struct progress *progress;
	__u64 start;
	unsigned long long watchdog_ns;
	int signals;
	sigset_t old_mask;
};

/* --- Commands --- */

static void set_seconds(const char *name, __u64 ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu.%09llu", ns / NS_PER_S, ns % NS_PER_S);
	setenv(name, text, 1);
}

/* Runs the command; called in the child process. */
static void become(const struct runner *r, const struct button *b, const struct gesture *f,
		   const char *command)
{
	char text[64];
	int null;

	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
	/* ^C on the terminal ends this program, but not the commands. */
	setsid();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	setenv("BUTTON_IRQ_NAME", b->label, 1);
	setenv("BUTTON_IRQ_DEVICE", b->path, 1);
	setenv("BUTTON_IRQ_EVENT", gesture_names[f->type], 1);
	snprintf(text, sizeof(text), "%llu", f->seq);
	setenv("BUTTON_IRQ_SEQ", text, 1);
	set_seconds("BUTTON_IRQ_TIME", f->time);
	set_seconds("BUTTON_IRQ_HELD", f->held);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/* A gesture of one button */
struct found {
	struct runner *r;
	size_t i;
};

static void start(void *data, const struct gesture *f)
{
	const struct found *found = data;
	const struct runner *r = found->r;
	const struct action *action = &r->config.action[found->i];
	const struct button *b = &r->set.button[found->i];
	const char *command = action->command[f->type];
	__u64 now = clock_ns(CLOCK_MONOTONIC), age = now > f->known ? now - f->known : 0;
	pid_t pid;

	if (!command)
		return;
	if (age > action->max_age_ns + b->slack_ns) {
		/* A long press may have thousands of repeats: report the first. */
		if (f->type == GESTURE_REPEAT && f->seq == r->progress[found->i].old_repeat)
			return;
		if (f->type == GESTURE_REPEAT)
			r->progress[found->i].old_repeat = f->seq;
		complain("%s: %s %llu is %.1f s old, its command is not run (max-age %.1f s)", button_name(b),
			 gesture_names[f->type], f->seq, (double)age / NS_PER_S,
			 (double)action->max_age_ns / NS_PER_S);
		return;
	}
	pid = fork();
	if (!pid)
		become(r, b, f, command);
	if (pid < 0)
		complain("%s: %s %llu: command not started: %s", button_name(b), gesture_names[f->type], f->seq,
			 strerror(errno));
}

static void collect(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (WIFSIGNALED(status))
			complain("command %d ended by signal %d", pid, WTERMSIG(status));
		else if (WEXITSTATUS(status))
			complain("command %d failed: exit code %d", pid, WEXITSTATUS(status));
	}
}

/* --- The config file --- */

/* As cron and sudo do: what root runs, only root may write. Returns whether that holds for a file, or a directory of files. */
static bool trusted(const struct stat *st, const char *name, FILE *errors)
{
	const struct passwd *owner;

	if (geteuid())
		return true;
	if (st->st_uid) {
		owner = getpwuid(st->st_uid);
		fprintf(errors, "%s: belongs to %s, so root does not run its commands (chown root)\n", name,
			owner ? owner->pw_name : "another user");
	} else if (st->st_mode & 022) {
		fprintf(errors, "%s: can be written by others, so root does not run its commands (chmod go-w)\n", name);
	} else {
		return true;
	}
	return false;
}

/*
 * Opens a file that has to be a regular one unless @any: a reload must not wait for the writer of
 * a pipe. Returns NULL with errno set if there is none.
 */
static FILE *open_file(const char *name, bool any, struct stat *st)
{
	FILE *file;
	int fd = open(name, O_RDONLY | O_CLOEXEC | (any ? 0 : O_NONBLOCK)), error = 0;

	if (fd < 0)
		return NULL;
	if (fstat(fd, st))
		error = errno;
	else if (S_ISDIR(st->st_mode))
		error = EISDIR;
	else if (!any && !S_ISREG(st->st_mode))
		error = ESPIPE;
	file = error ? NULL : fdopen(fd, "r");
	if (!file) {
		error = error ?: errno;
		close(fd);
		errno = error;
	}
	return file;
}

/* Returns EXIT_OK, EXIT_FAILED if there is no such file, or EXIT_USAGE if it has errors. */
static int read_file(struct config *config, const char *name, bool any, FILE *errors)
{
	struct stat st;
	FILE *file = open_file(name, any, &st);
	int ret = EXIT_OK;

	if (!file) {
		fprintf(errors, "%s: %s\n", name, errno == ESPIPE ? "not a regular file" : strerror(errno));
		return EXIT_FAILED;
	}
	if (!trusted(&st, name, errors) || config_read(config, file, name, errors))
		ret = EXIT_USAGE;
	fclose(file);
	return ret;
}

/* May the files of a directory be read? Returns EXIT_OK, also if there is none. */
static int check_directory(const char *name, FILE *errors)
{
	DIR *dir = opendir(name);
	struct stat st;
	int ret = EXIT_OK;

	if (!dir && errno == ENOENT)
		return EXIT_OK;
	if (!dir || fstat(dirfd(dir), &st)) {
		fprintf(errors, "%s: %s\n", name, strerror(errno));
		ret = EXIT_FAILED;
	} else if (!trusted(&st, name, errors)) {
		ret = EXIT_USAGE;
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* Reads /etc/button-irq.conf and /etc/button-irq.conf.d/, of which one may be missing. */
static int read_default(struct config *config, FILE *errors)
{
	int ret = check_directory(ROOT CONFIG_FILE ".d", errors);
	glob_t files;
	size_t i;

	if (ret)
		return ret;
	if (glob(ROOT CONFIG_FILE ".d/*.conf", 0, NULL, &files))
		return read_file(config, ROOT CONFIG_FILE, false, errors);
	if (!access(ROOT CONFIG_FILE, F_OK) || errno != ENOENT)
		ret = read_file(config, ROOT CONFIG_FILE, false, errors);
	for (i = 0; i < files.gl_pathc; i++) {
		int one = read_file(config, files.gl_pathv[i], false, errors);

		ret = one > ret ? one : ret;
	}
	globfree(&files);
	return ret;
}

/* Reports all errors. @again: the file was read before, so a pipe would be empty now. */
static int read_config(struct config *config, const char *file, bool again)
{
	char *text = NULL;
	size_t size;
	FILE *errors = open_memstream(&text, &size);
	int ret;

	if (!errors)
		return complain("%s", strerror(ENOMEM));
	ret = file ? read_file(config, file, !again, errors) : read_default(config, errors);
	if ((!ret || config->n) && config_finish(config, file ?: CONFIG_FILE, errors))
		ret = EXIT_USAGE;
	fclose(errors);
	say(text, size);
	free(text);
	return ret;
}

/* Warns of names that no button has now. They are no error, because buttons may come later. */
static void warn_absent(const struct config *config)
{
	char there[512], node[NODE_SIZE];
	size_t i;

	button_list(there, sizeof(there));
	for (i = 0; i < config->n; i++) {
		const char *name = config->action[i].button;

		if (strchr(name, '/') ? access(name, F_OK) != 0 : !button_find(name, node))
			complain("%s:%u: warning: [%s]: no such button now; %s", config->action[i].file,
				 config->action[i].line, name, there);
	}
}

/* --- The loop --- */

/*
 * Opens the buttons that the config names. Buttons that @old has, too, stay open and keep the
 * state of their gestures.
 */
static int set_up(struct runner *r, const struct runner *old)
{
	char **names = calloc(r->config.n + 1, sizeof(*names));
	struct buttons none = { .watch = -1 }, was = old ? old->set : none;
	size_t i, k;
	int ret;

	r->progress = calloc(r->config.n + 1, sizeof(*r->progress));
	if (!names || !r->progress) {
		free(names);
		return complain("%s", strerror(ENOMEM));
	}
	for (i = 0; i < r->config.n; i++) {
		const struct action *action = &r->config.action[i];

		names[i] = action->button;
		for (k = 0; old && action->button && k < old->config.n; k++)
			if (!strcmp(old->config.action[k].button, action->button))
				r->progress[i] = old->progress[k];
		r->progress[i].gestures.hold_ns = action->hold_ns;
		r->progress[i].gestures.double_ns = action->double_ns;
		r->progress[i].gestures.repeat_ns = action->repeat_ns;
	}
	r->set = (struct buttons){ .clock = CLOCK_MONOTONIC, .follow = true, .watch = -1 };
	ret = buttons_open(&r->set, names, r->config.n, old ? &was : NULL);
	free(names);
	return ret;
}

static void reload(struct runner *r)
{
	struct runner new = *r;
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu", clock_ns(CLOCK_MONOTONIC) / NS_PER_US);
	notify(state);
	new.config = (struct config){ };
	if (read_config(&new.config, r->file, true) || set_up(&new, r)) {
		complain("not reloaded, the old configuration is kept");
		config_free(&new.config);
	} else {
		config_free(&r->config);
		free(r->progress);
		*r = new;
		complain("reloaded: %zu button%s", r->config.n, r->config.n == 1 ? "" : "s");
	}
	notify("READY=1");
}

/* Handles pending signals. Returns whether one of them ends this program. */
static bool take_signals(struct runner *r)
{
	struct signalfd_siginfo info;
	bool again = false;

	while (read(r->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP && !r->by_options)
			again = true;
		else if (info.ssi_signo != SIGCHLD)
			return true;
	}
	collect();
	if (again)
		reload(r);
	return false;
}

/* Reads one button and starts its commands. Returns whether events were read, or a negative errno. */
static int handle(struct runner *r, size_t i, __u64 *wake)
{
	struct found found = { .r = r, .i = i };
	struct button *b = &r->set.button[i];
	struct progress *p = &r->progress[i];
	struct gestures *g = &p->gestures;
	/* Taken before reading: the events read include all that happened up to this time. */
	__u64 now = clock_ns(CLOCK_MONOTONIC), due;
	struct button_irq_event events[64];
	int k, n = button_read(&r->set, b, events, ARRAY_SIZE(events));

	if (n < 0) {
		complain("%s: %s", button_name(b), strerror(-n));
		return n;
	}
	/* The button went away: a press whose release cannot be seen is no hold. */
	if (b->session != p->session)
		gestures_end(g, start, &found);
	p->session = b->session;
	for (k = 0; k < n; k++) {
		const struct button_irq_event *e = &events[k];

		if (e->type == BUTTON_IRQ_LOST || e->type == BUTTON_IRQ_MISSED)
			complain("%s: %u %s", button_name(b), e->count, event_name(e->type));
		if (e->timestamp_ns >= r->start)
			gestures_event(g, e, start, &found);
	}
	/* A full read may have left events behind. */
	if (n < (int)ARRAY_SIZE(events))
		gestures_time(g, button_horizon(b, now), start, &found);
	due = gestures_deadline(g);
	if (due != GESTURE_NO_DEADLINE && button_horizon_due(b, due) < *wake)
		*wake = button_horizon_due(b, due);
	return n > 0;
}

static int run(struct runner *r)
{
	__u64 alive = 0;
	size_t i;

	for (;;) {
		__u64 wake = GESTURE_NO_DEADLINE, now = clock_ns(CLOCK_MONOTONIC);
		bool any = false;

		if (r->watchdog_ns && now >= alive) {
			notify("WATCHDOG=1");
			alive = now + r->watchdog_ns;
		}
		if (r->watchdog_ns)
			wake = alive;
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
		now = clock_ns(CLOCK_MONOTONIC);
		if (wake == GESTURE_NO_DEADLINE)
			buttons_wait(&r->set, r->signals, -1);
		else if (wake > now)
			buttons_wait(&r->set, r->signals, wake - now);
	}
}

static int prepare(struct runner *r)
{
	static const int signals[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM };
	struct sigaction hangup;
	sigset_t mask;
	size_t i;

	r->start = clock_ns(CLOCK_MONOTONIC);
	r->watchdog_ns = notify_begin();
	sigemptyset(&mask);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&mask, signals[i]);
	/* Without a config file SIGHUP ends this program, unless nohup has the signal ignored. */
	if (r->by_options && !sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler == SIG_IGN)
		sigdelset(&mask, SIGHUP);
	/* A parent that ignores SIGCHLD passes that on, and the kernel then drops the exit codes of commands. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &mask, &r->old_mask);
	/* The reader of standard error may go away. */
	signal(SIGPIPE, SIG_IGN);
	r->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (r->signals < 0)
		return complain("signalfd: %s", strerror(errno));
	return set_up(r, NULL);
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
		{ "repeat", required_argument, NULL, OPT_SET },
		{ "hold-time", required_argument, NULL, OPT_SET },
		{ "double-time", required_argument, NULL, OPT_SET },
		{ "repeat-time", required_argument, NULL, OPT_SET },
		{ "max-age", required_argument, NULL, OPT_SET },
		COMMON_OPTIONS
	};
	const char *wrong, *option = NULL;
	static struct action action;
	struct runner r = { };
	bool check = false;
	int c, index, ret;

	while ((c = getopt_long(argc, argv, "c:b:h", options, &index)) != -1) {
		switch (c) {
		case 'c':
			r.file = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case 'b':
			free(action.button);
			action.button = strdup(optarg);
			option = "button";
			break;
		case OPT_SET:
			wrong = action_set(&action, options[index].name, optarg);
			if (wrong)
				return complain_usage("--%s=%s: %s", options[index].name, optarg, wrong);
			option = options[index].name;
			break;
		default:
			return common_option(c);
		}
	}
	if (optind < argc)
		return complain_usage("run: %s: no such option", argv[optind]);
	if (option && (r.file || check))
		return complain_usage("run: --%s is instead of a config file, so it does not go with --%s", option,
				      r.file ? "config" : "check");
	if (option) {
		wrong = action_finish(&action);
		if (wrong)
			return complain_usage("run: the button %s", wrong);
		r.config.action = malloc(sizeof(action));
		if (!r.config.action)
			return complain("%s", strerror(ENOMEM));
		*r.config.action = action;
		r.config.n = 1;
		r.by_options = true;
	} else {
		ret = read_config(&r.config, r.file, false);
		if (!ret && check)
			warn_absent(&r.config);
		if (ret || check) {
			config_free(&r.config);
			return ret;
		}
	}
	ret = prepare(&r);
	if (!ret) {
		notify("READY=1");
		ret = run(&r);
		notify("STOPPING=1");
	}
	buttons_close(&r.set);
	free(r.progress);
	config_free(&r.config);
	return ret;
}
