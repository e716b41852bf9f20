// SPDX-License-Identifier: GPL-2.0-only
/*
 * looker - count presses as a program does that has other things to do between two looks
 *
 *	looker flag PATH US STOP		naive/naive_button.c: "1" is a press
 *	looker cdev CHIP:OFFSET US STOP [DEBOUNCE_US]
 *						the GPIO character device, /dev/CHIP
 *	looker button_irq PATH US STOP
 *
 * Looks every US microseconds until the file STOP exists, and then once more. Prints how
 * many presses it saw, and how many of its edges or events it was told to have lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static unsigned long presses, lost;
static unsigned int last_seqno;

static int look_flag(int fd)
{
	char c;

	if (pread(fd, &c, 1, 0) != 1)
		return -1;
	presses += c == '1';
	return 0;
}

static int look_cdev(int fd)
{
	struct gpio_v2_line_event e;

	while (read(fd, &e, sizeof(e)) == sizeof(e)) {
		presses += e.id == GPIO_V2_LINE_EVENT_RISING_EDGE;
		lost += e.line_seqno - last_seqno - 1;
		last_seqno = e.line_seqno;
	}
	return errno == EAGAIN ? 0 : -1;
}

static int look_button_irq(int fd)
{
	char line[128], event[16];
	unsigned long count;
	ssize_t n;

	/* A read gives one line. */
	while ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		if (sscanf(line, "%*u %*s %15s %lu", event, &count) < 1)
			return -1;
		presses += !strcmp(event, "press");
		if (!strcmp(event, "lost") || !strcmp(event, "missed"))
			lost += count;
	}
	return errno == EAGAIN ? 0 : -1;
}

static int open_cdev(char *name, const char *debounce)
{
	struct gpio_v2_line_request request = {
		.num_lines = 1,
		.consumer = "looker",
		.config.flags = GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW |
				GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING,
	};
	char *colon = strrchr(name, ':');
	char path[64];
	int fd;

	if (!colon)
		return -1;
	*colon = '\0';
	snprintf(path, sizeof(path), "/dev/%s", name);
	request.offsets[0] = atoi(colon + 1);
	if (debounce) {
		request.config.num_attrs = 1;
		request.config.attrs[0].mask = 1;
		request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
		request.config.attrs[0].attr.debounce_period_us = atoi(debounce);
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, GPIO_V2_GET_LINE_IOCTL, &request))
		return -1;
	close(fd);
	fcntl(request.fd, F_SETFL, O_NONBLOCK);
	return request.fd;
}

int main(int argc, char **argv)
{
	int (*look)(int fd) = NULL;
	struct timespec period;
	int fd, last = 0;
	long us;

	if (argc >= 5 && !strcmp(argv[1], "flag"))
		look = look_flag;
	else if (argc >= 5 && !strcmp(argv[1], "cdev"))
		look = look_cdev;
	else if (argc >= 5 && !strcmp(argv[1], "button_irq"))
		look = look_button_irq;
	if (!look) {
		fprintf(stderr, "usage: looker flag|cdev|button_irq WHAT US STOP [DEBOUNCE_US]\n");
		return 2;
	}
	us = atol(argv[3]);
	period.tv_sec = us / 1000000;
	period.tv_nsec = us % 1000000 * 1000;

	if (look == look_cdev)
		fd = open_cdev(argv[2], argc > 5 ? argv[5] : NULL);
	else
		fd = open(argv[2], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	/* Whoever waits for this file may begin to press. */
	puts("open");
	fflush(stdout);
	while (!last) {
		nanosleep(&period, NULL);
		last = !access(argv[4], F_OK);
		if (look(fd)) {
			perror(argv[2]);
			return 1;
		}
	}
	printf("%lu %lu\n", presses, lost);
	return 0;
}
