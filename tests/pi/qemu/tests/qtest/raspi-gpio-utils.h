/*
 * What the tests of the Raspberry Pi GPIO controllers share: pins and their
 * properties, bad wires, and migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_RASPI_GPIO_UTILS_H
#define TESTS_RASPI_GPIO_UTILS_H

#include "libqtest.h"

/* Where a board has its pins, as QOM paths */
typedef struct RaspiGpioPaths {
    /* The device with the inputs "pin" */
    const char *pins;
    /* The device with the properties "level", "pull-up" and "pull-down" */
    const char *levels;
} RaspiGpioPaths;

#define LET_GO  (-1)

/* Drives a pin from outside, to 0 or 1, or lets go of it */
void raspi_gpio_set_pin(QTestState *qts, const RaspiGpioPaths *paths,
                        unsigned pin, int level);

/* A property that has one bit a pin */
uint64_t raspi_gpio_get_mask(QTestState *qts, const RaspiGpioPaths *paths,
                             const char *property);

/*
 * Asserts that QEMU refuses every wrong value of the property "wires".
 * @format makes a value the argument that follows @option, on a @machine with
 * 54 pins.
 */
void raspi_gpio_assert_bad_wires(const char *machine, const char *option,
                                 const char *format) G_GNUC_PRINTF(3, 0);

/* Migrates @from to @to, which was started with "-incoming defer" */
void raspi_gpio_migrate(QTestState *from, QTestState *to);

#endif
