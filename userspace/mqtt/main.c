// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../button-irq/util.h"
#include "service.h"
#include "settings.h"

#define CONFIG_FILE	"/etc/button-irq-mqtt.conf"

static const char help[] =
	"Usage: button-irq-mqtt [OPTION]...\n"
	"\n"
	"Sends the events, gestures and states of all buttons of button_irq to an MQTT broker.\n"
	"\n"
	"  -c, --config=FILE  the config file (" CONFIG_FILE ")\n"
	"      --state=DIR    where to remember what was acknowledged ($STATE_DIRECTORY)\n"
	"      --check        check the config file and the secrets that it names, and exit\n"
	"  -h, --help         show this text\n"
	"      --version      show the version\n"
	"\n"
	"It is run by button-irq-mqtt.service. Topics, config file and messages: man button-irq-mqtt.\n";

/* Reports all errors together, and returns the exit code. */
static int read_settings_file(struct settings *settings, const char *file)
{
	char *text = NULL;
	size_t size;
	FILE *errors = open_memstream(&text, &size);
	int ret;

	if (!errors)
		return complain("out of memory");
	ret = settings_read(settings, file, errors);
	if (!ret && (!settings->broker || !settings->host || !settings->topic || !settings->discovery_prefix))
		ret = complain("out of memory");
	fclose(errors);
	say(text, size);
	free(text);
	return ret;
}

int main(int argc, char **argv)
{
	enum { OPT_STATE = 256, OPT_CHECK, OPT_VERSION };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, OPT_STATE },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ }
	};
	const char *file = ROOT CONFIG_FILE, *state = getenv("STATE_DIRECTORY");
	static struct settings settings;
	bool check = false, in_use = false;
	int c, ret;

	program_name = "button-irq-mqtt";
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case OPT_STATE:
			state = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case 'h':
			fputs(help, stdout);
			return finish_output(EXIT_OK);
		case OPT_VERSION:
			puts("button-irq-mqtt " VERSION);
			return finish_output(EXIT_OK);
		default:
			return usage_hint();
		}
	}
	if (optind < argc)
		return complain_usage("%s: no such option", argv[optind]);
	ret = read_settings_file(&settings, file);
	if (!ret && !check)
		ret = serve(&settings, state, &in_use);
	/* What exit() cleans up is still used by the thread that connects. */
	if (in_use)
		_exit(ret);
	settings_free(&settings);
	return ret;
}
