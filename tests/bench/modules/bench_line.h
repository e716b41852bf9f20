/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench_line.h - the one GPIO line of a benchmark module, from its parameters
 *
 * insmod MODULE chip=pinctrl-bcm2711 offset=17
 */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

#include <linux/gpio/consumer.h>
#include <linux/gpio/machine.h>
#include <linux/module.h>

static char *chip = "";
module_param(chip, charp, 0444);
MODULE_PARM_DESC(chip, "Label of the line's GPIO controller");

static ushort offset;
module_param(offset, ushort, 0444);
MODULE_PARM_DESC(offset, "Offset of the line on that controller");

static struct gpiod_lookup_table bench_lookup = {
	.dev_id = KBUILD_MODNAME,
	.table = { { .flags = GPIO_ACTIVE_HIGH }, { } },
};

/* The device must be called KBUILD_MODNAME, because gpiolib finds the line by that name. */
static struct gpio_desc *bench_line_get(struct device *dev, enum gpiod_flags flags)
{
	struct gpio_desc *line;

	bench_lookup.table[0].key = chip;
	bench_lookup.table[0].chip_hwnum = offset;
	gpiod_add_lookup_table(&bench_lookup);
	line = gpiod_get(dev, NULL, flags);
	gpiod_remove_lookup_table(&bench_lookup);
	return line;
}

#endif /* BENCH_LINE_H */
