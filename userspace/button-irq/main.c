// SPDX-License-Identifier: GPL-2.0
/* button-irq: what a Pi owner types. The man page is userspace/man/button-irq.1. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "util.h"

static const char help[] =
"Usage: button-irq COMMAND [OPTIONS] ...\n"
"\n"
"  watch [BUTTON...]      show events as they come\n"
"  wait GESTURE           wait for press, release, click, double or hold[=TIME]\n"
"  run                    run commands when a button is pressed, clicked, held\n"
"  status                 show all buttons and their counters\n"
"  calibrate LINE         record raw edges of a line, recommend a debounce time\n"
"  doctor                 look for what usually goes wrong\n"
"\n"
"A BUTTON is a label (bell), a node (button_irq1) or a path (/dev/button/bell); without\n"
"one it is the first button. A TIME is a number and us, ms (the default), s or m.\n"
"\n"
"watch:\n"
"  -n, --count=N          exit after N events (also --num-events)\n"
"  -t, --timeout=TIME     exit when nothing happens for so long (also --idle-timeout)\n"
"  -E, --clock=CLOCK      times on monotonic (default), boottime or realtime\n"
"                         (also --event-clock)\n"
"      --history          begin with the events that the driver still keeps\n"
"  -f, --follow           wait for a button that is not there (any more)\n"
"      --json             one JSON object a line\n"
"      --color=WHEN       auto (default), always, never\n"
"wait:\n"
"  -b, --button=BUTTON    which button\n"
"  -t, --timeout=TIME     give up after so long: exit code 1\n"
"      --double-time=TIME how soon after a click the next one makes a double (400ms)\n"
"      --hold-time=TIME   how long a hold is, if GESTURE does not say (1s)\n"
"run:\n"
"  -c, --config=FILE      buttons and commands (default: /etc/button-irq.conf)\n"
"      --check            only say whether the config file is right\n"
"  -b, --button=BUTTON    instead of a config file: which button, and on its\n"
"      --press=COMMAND    press, --release=, --click=, --double=, --hold=\n"
"      --double-time=TIME, --hold-time=TIME   as for wait\n"
"calibrate: LINE is a line's name (GPIO17) or CHIP:OFFSET (gpiochip0:17)\n"
"  -n, --presses=N        how many presses to record (10)\n"
"  -t, --timeout=TIME     give up when nothing happens for so long (1m)\n"
"  -B, --bias=BIAS        pull-up (default), pull-down, disabled, as-is\n"
"  -l, --active-high      pressed is high\n"
"      --svg=FILE         write a picture too\n"
"\n"
"Exit codes: 0 it happened, 1 it did not (timeout, failure), 2 usage, 3 the button is gone.\n";

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*main)(int argc, char **argv);
	} commands[] = {
		{ "watch", watch_main }, { "wait", wait_main }, { "run", run_main },
		{ "status", status_main }, { "calibrate", calibrate_main }, { "doctor", doctor_main },
	};
	size_t i;

	if (argc < 2)
		return complain_usage("a command is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v")) {
		puts("button-irq " VERSION);
		return EXIT_OK;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	return complain_usage("%s: no such command", argv[1]);
}
