// SPDX-License-Identifier: GPL-2.0-only
/* The state of buttons, now: for scripts that read a switch rather than wait for it */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "commands.h"
#include "device.h"
#include "util.h"

/* By sysfs, which everybody may read, or else by the device. Returns 0, or the exit code to end with. */
static int get_state(char *want, bool *pressed)
{
	struct buttons set = { .clock = CLOCK_MONOTONIC };
	char node[NODE_SIZE], text[16];
	struct button_irq_info info;
	int ret;

	if (want && !*want)
		return complain_usage("the name of a button is empty");
	if (!(want && strchr(want, '/')) && button_find(want, node) &&
	    !button_attribute(node, "state", text, sizeof(text)) &&
	    (!strcmp(text, "pressed") || !strcmp(text, "released"))) {
		*pressed = !strcmp(text, "pressed");
		return 0;
	}
	ret = buttons_open(&set, &want, want ? 1 : 0, NULL);
	if (!ret && ioctl(set.button->fd, BUTTON_IRQ_IOC_GET_INFO, &info)) {
		complain("%s: %m", button_name(set.button));
		ret = EXIT_GONE;
	}
	if (!ret)
		*pressed = info.state == BUTTON_IRQ_STATE_PRESSED;
	buttons_close(&set);
	return ret;
}

static int no_options(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };

	return getopt_long(argc, argv, "h", options, NULL);
}

int state_main(int argc, char **argv)
{
	int i, ret, c = no_options(argc, argv);
	bool pressed;

	if (c != -1)
		return common_option(c);
	for (i = optind; i < argc || i == optind; i++) {
		ret = get_state(argv[i], &pressed);
		if (ret)
			return ret;
		if (argc - optind > 1)
			printf("%s ", argv[i]);
		puts(pressed ? "pressed" : "released");
	}
	return finish_output(EXIT_OK);
}

int is_pressed_main(int argc, char **argv)
{
	int ret, c = no_options(argc, argv);
	bool pressed;

	if (c != -1)
		return common_option(c);
	if (argc - optind > 1)
		return complain_usage("is-pressed: one button");
	ret = get_state(argv[optind], &pressed);
	/* 1 is an answer here. */
	if (ret)
		return ret == EXIT_FAILED ? EXIT_GONE : ret;
	return pressed ? EXIT_OK : EXIT_FAILED;
}
