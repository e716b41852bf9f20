// SPDX-License-Identifier: GPL-2.0-only
/*
 * A platform device for the counter subsystem's driver interrupt-cnt
 *
 * The device gets its line from a lookup table. A device-tree node would not do: other contenders'
 * nodes use the same line, and gpiolib treats a line that two nodes use as shared.
 */
#include <linux/platform_device.h>

#include "bench_line.h"

static struct platform_device *counter;

static int __init counter_init(void)
{
	bench_lookup_add("interrupt-cnt");
	counter = platform_device_register_simple("interrupt-cnt", PLATFORM_DEVID_NONE, NULL, 0);
	if (!IS_ERR(counter))
		return 0;
	gpiod_remove_lookup_table(&bench_lookup);
	return PTR_ERR(counter);
}
module_init(counter_init);

static void __exit counter_exit(void)
{
	platform_device_unregister(counter);
	gpiod_remove_lookup_table(&bench_lookup);
}
module_exit(counter_exit);

MODULE_DESCRIPTION("A line for interrupt-cnt");
MODULE_LICENSE("GPL");
