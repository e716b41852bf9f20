// SPDX-License-Identifier: GPL-2.0-only
/* button-irq: push buttons in scripts. The manual page is doc/man/button-irq.1.md. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "util.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR	"/usr/libexec/button-irq"
#endif

static int calibrate_main(int argc, char **argv);

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "watch", watch_main,
"Usage: button-irq watch [OPTION]... [BUTTON]...\n"
"Show events as they come.\n"
"\n"
"  -n, --count=N          exit after N events (also --num-events)\n"
"  -t, --timeout=TIME     exit when nothing happens for TIME (also --idle-timeout)\n"
"  -e, --events=LIST      only these, separated by commas: press, release, lost, missed,\n"
"                         click, double, hold, repeat; with --follow also absent\n"
"      --double-time=TIME the longest pause within a double click (400ms)\n"
"      --hold-time=TIME   the shortest hold (1s)\n"
"      --repeat-time=TIME time between repeats after the hold (250ms)\n"
"  -f, --follow           wait for a button that is absent, and for one that goes away\n"
"                         to come back\n"
"      --state            begin with the state now, and the number and time of the\n"
"                         last event\n"
"      --history          begin with the events that the driver still keeps\n"
"      --banner           begin with a line that says which buttons are watched\n"
"  -E, --clock=CLOCK      times on monotonic (default), boottime or realtime\n"
"                         (also --event-clock)\n"
"      --json             one JSON object a line\n"
"      --format=FORMAT    a line of your own: %b label, %d device, %e event, %s number,\n"
"                         %t time, %n time in nanoseconds, %h held, %c count, %%\n"
"      --localtime        local date and time instead of seconds\n"
"  -q, --quiet            print nothing; the exit code says whether it happened\n"
"      --color=WHEN       auto (default), always, never\n" },
	{ "wait", wait_main,
"Usage: button-irq wait [OPTION]... GESTURE\n"
"Wait for one press, release, click, double or hold[=TIME], and print it.\n"
"\n"
"  -b, --button=BUTTON    which button\n"
"  -t, --timeout=TIME     give up after TIME: exit code 1\n"
"      --double-time=TIME the longest pause within a double click (400ms)\n"
"      --hold-time=TIME   the shortest hold, if GESTURE does not say (1s)\n"
"  -q, --quiet            print nothing\n" },
	{ "run", run_main,
"Usage: button-irq run [OPTION]...\n"
"Run commands when a button is pressed, clicked, held. SIGHUP reloads the config file.\n"
"\n"
"  -c, --config=FILE      buttons and commands; default: /etc/button-irq.conf and\n"
"                         /etc/button-irq.conf.d/*.conf\n"
"      --check            only check the config file\n"
"Without a config file:\n"
"  -b, --button=BUTTON    which button\n"
"      --press=COMMAND    also --release=, --click=, --double=, --hold=, --repeat=\n"
"      --double-time=TIME the longest pause within a double click (400ms)\n"
"      --hold-time=TIME   the shortest hold (1s)\n"
"      --repeat-time=TIME time between repeats after the hold (250ms)\n"
"      --max-age=TIME     gestures older than this when read start nothing (2s)\n" },
	{ "state", state_main,
"Usage: button-irq state [BUTTON]...\n"
"Print \"pressed\" or \"released\".\n" },
	{ "is-pressed", is_pressed_main,
"Usage: button-irq is-pressed [BUTTON]\n"
"Exit code 0 if the button is pressed now, 1 if it is not.\n" },
	{ "status", status_main,
"Usage: button-irq status [OPTION]\n"
"Show all buttons with their settings and counters.\n"
"\n"
"      --json             one JSON array\n" },
	{ "calibrate", calibrate_main,
"Usage: button-irq calibrate [OPTION]... LINE|CHIP:OFFSET\n"
"Record raw edges of a line, recommend a debounce time.\n"
"\n"
"  -n, --presses=N        how many presses to record (10)\n"
"  -t, --timeout=TIME     give up when nothing happens for TIME (1m)\n"
"  -B, --bias=BIAS        pull-up (default), pull-down, disabled, as-is\n"
"  -l, --active-low       pressed is low (default)\n"
"      --active-high      pressed is high\n"
"      --svg=FILE         write a picture too\n" },
	{ "doctor", doctor_main,
"Usage: button-irq doctor\n"
"Diagnose common problems and suggest fixes. It changes nothing.\n" },
};

static const char help[] =
"Usage: button-irq COMMAND [OPTION]...\n"
"\n"
"  watch [BUTTON]...      show events as they come\n"
"  wait GESTURE           wait for press, release, click, double or hold[=TIME]\n"
"  run                    run commands when a button is pressed, clicked, held\n"
"  state [BUTTON]         print \"pressed\" or \"released\"\n"
"  is-pressed [BUTTON]    the same as an exit code\n"
"  status                 show all buttons and their counters\n"
"  calibrate LINE         record raw edges of a line, recommend a debounce time\n"
"  doctor                 diagnose common problems and suggest fixes\n"
"\n"
"A BUTTON is a label (bell), a node (button_irq1) or a path (/dev/button/bell); without\n"
"one it is the first button. A TIME is a number and us, ms (the default), s, m or h.\n"
"'button-irq COMMAND --help' lists a command's options.\n"
"\n"
"Exit codes: 0 it happened, 1 it did not (timeout, failure), 2 usage, 3 the button is gone.\n";

static int show_version(void)
{
	puts("button-irq " VERSION);
	return finish_output(EXIT_OK);
}

int common_option(int c)
{
	const struct command *command;

	if (c == OPT_VERSION)
		return show_version();
	if (c != OPT_HELP && c != 'h')
		return usage_hint();
	for (command = commands; strcmp(command->name, command_name); command++)
		;
	fputs(command->help, stdout);
	return finish_output(EXIT_OK);
}

/* Calibrating needs libgpiod 2, which not every system has: it is a program of its own. */
static int calibrate_main(int argc, char **argv)
{
	static const char program[] = LIBEXECDIR "/calibrate";
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return common_option(OPT_HELP);
		if (!strcmp(argv[i], "--version"))
			return common_option(OPT_VERSION);
	}
	execv(program, argv);
	if (errno != ENOENT)
		return complain("%s: %s", program, strerror(errno));
	return complain("calibrate is not installed: %s is missing. It needs libgpiod 2, which Debian 13 and Raspberry Pi OS 13 have as libgpiod-dev, and Debian 12 in its backports; with it, make -C userspace and install again",
			program);
}

int main(int argc, char **argv)
{
	size_t i;
	int fd;

	setlocale(LC_CTYPE, "");
	/* A device must not become standard error because that was closed. */
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
	block_output();
	if (argc < 2)
		return complain_usage("a command is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		fputs(help, stdout);
		return finish_output(EXIT_OK);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v"))
		return show_version();
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		command_name = commands[i].name;
		/* The prefix of getopt_long()'s messages */
		argv[1] = "button-irq";
		return commands[i].main(argc - 1, argv + 1);
	}
	return complain_usage("%s: no such command", argv[1]);
}
