/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench_line.h - the GPIO lines of a benchmark module, from its parameters
 *
 * insmod MODULE chip=pinctrl-bcm2711 offset=27,22
 */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

#include <linux/gpio/consumer.h>
#include <linux/gpio/machine.h>
#include <linux/module.h>

static char *chip = "";
module_param(chip, charp, 0444);
MODULE_PARM_DESC(chip, "Label of the line's GPIO controller");

#define BENCH_LINES	2

static ushort offset[BENCH_LINES];
static unsigned int bench_lines;
module_param_array(offset, ushort, &bench_lines, 0444);
MODULE_PARM_DESC(offset, "Offsets of up to two lines on that controller");

static struct gpiod_lookup_table bench_lookup = {
	.table = {
		{ .idx = 0, .flags = GPIO_ACTIVE_HIGH },
		{ .idx = 1, .flags = GPIO_ACTIVE_HIGH },
		{ }
	},
};

/* Assigns the lines of the parameters to the device with that name, for gpiod_get(). */
static void bench_lookup_add(const char *device)
{
	unsigned int i;

	bench_lookup.dev_id = device;
	for (i = 0; i < BENCH_LINES; i++) {
		bench_lookup.table[i].key = i < bench_lines ? chip : NULL;
		bench_lookup.table[i].chip_hwnum = offset[i];
	}
	gpiod_add_lookup_table(&bench_lookup);
}

#endif /* BENCH_LINE_H */
