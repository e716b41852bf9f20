/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands: each gets its own arguments, behind argv[0], and returns the exit code. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <getopt.h>

/* The options of every command; common_option() handles them. */
#define OPT_HELP	0x1000
#define OPT_VERSION	0x1001
#define COMMON_OPTIONS \
	{ "help", no_argument, NULL, OPT_HELP }, \
	{ "version", no_argument, NULL, OPT_VERSION }, \
	{ }

/* The default case of every getopt_long(): --help, --version, -h, or a wrong option. Returns the exit code. */
int common_option(int c);

int watch_main(int argc, char **argv);
int wait_main(int argc, char **argv);
int run_main(int argc, char **argv);
int state_main(int argc, char **argv);
int is_pressed_main(int argc, char **argv);
int status_main(int argc, char **argv);
int doctor_main(int argc, char **argv);

#endif /* COMMANDS_H */
