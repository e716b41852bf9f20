// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"
#include "util.h"

static struct sockaddr_un address;
static socklen_t address_length;

unsigned long long notify_begin(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long watchdog_ns = 0;

	if (path && (*path == '/' || *path == '@') && strlen(path) < sizeof(address.sun_path)) {
		address.sun_family = AF_UNIX;
		strcpy(address.sun_path, path);
		address_length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
		/* An abstract socket */
		if (*path == '@')
			address.sun_path[0] = '\0';
	}
	/* Twice as often as must be */
	if (address_length && usec && (!pid || strtol(pid, NULL, 10) == getpid()))
		watchdog_ns = strtoull(usec, NULL, 10) * NS_PER_US / 2;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return watchdog_ns;
}

void notify(const char *state)
{
	int fd;

	if (!address_length)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, address_length);
	close(fd);
}
