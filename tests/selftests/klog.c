// SPDX-License-Identifier: GPL-2.0-only
/*
 * klog - read the kernel log from a place on, which dmesg cannot; far quicker than all of it
 *
 *	klog end <&FD	moves the open file FD of /dev/kmsg to the end of the log
 *	klog rest <&FD	prints the texts that follow, a line each, and moves FD behind them
 *
 * Exit status: 0; 1 if the log cannot be read, or was overwritten meanwhile; 2 for wrong usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char record[8192], *text;
	ssize_t n;

	if (argc != 2 || (strcmp(argv[1], "end") && strcmp(argv[1], "rest"))) {
		fprintf(stderr, "usage: klog end|rest <&FD\n");
		return 2;
	}
	if (!strcmp(argv[1], "end") && lseek(STDIN_FILENO, 0, SEEK_END) < 0)
		goto fail;
	if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK))
		goto fail;
	/* A record is "prefix;text", then lines with a space in front that we do not want. */
	while ((n = read(STDIN_FILENO, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		text = strchr(record, ';');
		if (text)
			printf("%.*s\n", (int)strcspn(text + 1, "\n"), text + 1);
	}
	if (errno == EAGAIN)
		return 0;
fail:
	perror("klog: /dev/kmsg");
	return 1;
}
