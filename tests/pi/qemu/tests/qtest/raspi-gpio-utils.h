/*
 * Helpers of the tests of the Raspberry Pi GPIO controllers: pins and their
 * properties, bad wires, and migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_RASPI_GPIO_UTILS_H
#define TESTS_RASPI_GPIO_UTILS_H

#include "libqtest.h"

/* QOM paths of a board's pins */
typedef struct RaspiGpioPaths {
    /* The device with the inputs "pin" */
    const char *pins;
    /* The device with the properties "level", "pull-up" and "pull-down" */
    const char *levels;
} RaspiGpioPaths;

#define LET_GO  (-1)

/* Drives a pin from outside to 0 or 1, or stops driving it */
void raspi_gpio_set_pin(QTestState *qts, const RaspiGpioPaths *paths,
                        unsigned pin, int level);

/* Reads a property that has one bit per pin */
uint64_t raspi_gpio_get_mask(QTestState *qts, const RaspiGpioPaths *paths,
                             const char *property);

/*
 * Asserts that QEMU refuses wrong values of the property "wires" on @machine,
 * which has 54 pins. @format makes the argument of @option from a value.
 */
void raspi_gpio_assert_bad_wires(const char *machine, const char *option,
                                 const char *format) G_GNUC_PRINTF(3, 0);

/* Migrates @from to @to, which was started with "-incoming defer" */
void raspi_gpio_migrate(QTestState *from, QTestState *to);

#endif
