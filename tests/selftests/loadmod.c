// SPDX-License-Identifier: GPL-2.0-only
/*
 * loadmod - load a module and say the errno, which insmod only paraphrases
 *
 *	loadmod FILE [PARAMETER=VALUE]...
 *
 * Prints "ok" or the errno's name. Exit status: 0 whichever it was, 1 if FILE cannot be
 * opened, 2 for wrong usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = 1;
	char *params;
	int fd, i;

	if (argc < 2) {
		fprintf(stderr, "usage: loadmod FILE [PARAMETER=VALUE]...\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (i = 2; i < argc; i++)
		size += strlen(argv[i]) + 1;
	params = calloc(1, size);
	if (!params)
		return 1;
	for (i = 2; i < argc; i++) {
		strcat(params, argv[i]);
		strcat(params, " ");
	}
	if (!syscall(SYS_finit_module, fd, params, 0))
		puts("ok");
	else
		puts(strerrorname_np(errno) ?: strerror(errno));
	free(params);
	return 0;
}
