/* SPDX-License-Identifier: GPL-2.0 */
/* The commands: each gets its own arguments, argv[0] being its name, and returns the exit code. */
#ifndef COMMANDS_H
#define COMMANDS_H

int watch_main(int argc, char **argv);
int wait_main(int argc, char **argv);
int run_main(int argc, char **argv);
int status_main(int argc, char **argv);
int calibrate_main(int argc, char **argv);
int doctor_main(int argc, char **argv);

#endif /* COMMANDS_H */
