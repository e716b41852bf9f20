/*
 * Raspberry Pi GPIO pins: drivers, pulls and jumper wires
 *
 * The level of a pin depends on the GPIO controller's output, on what drives
 * the pin from outside the machine, on pulls, and on jumper wires that join
 * the pin with others. Every Raspberry Pi GPIO controller shares this code.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef RASPI_GPIO_NETS_H
#define RASPI_GPIO_NETS_H

#include "hw/qdev-properties.h"
#include "migration/vmstate.h"

#define RASPI_GPIO_NETS_MAX 64

/* All masks have one bit per pin */
typedef struct RaspiGpioNets {
    unsigned num_pins;
    /* Property: the jumper wires */
    char *wires;
    /* For each pin, the pins on the same wire, itself included */
    uint64_t net[RASPI_GPIO_NETS_MAX];

    /* The pins that the controller drives, and the levels it drives */
    uint64_t output;
    uint64_t latch;

    /* The pins that are driven from outside, and the levels there */
    uint64_t driven;
    uint64_t drive;

    uint64_t pull_up;
    uint64_t pull_down;

    /* The levels at the pins, derived from all of the above */
    uint64_t level;
} RaspiGpioNets;

/*
 * Defines the property "wires" of a device that has nets. The device gets the
 * read-only properties "level", "pull-up" and "pull-down" from
 * raspi_gpio_nets_add_properties().
 */
#define DEFINE_PROP_RASPI_GPIO_WIRES(_state, _nets) \
    DEFINE_PROP_STRING("wires", _state, _nets.wires)

#define VMSTATE_RASPI_GPIO_NETS(_nets, _state) \
    VMSTATE_STRUCT(_nets, _state, 1, vmstate_raspi_gpio_nets, RaspiGpioNets)

void raspi_gpio_nets_add_properties(RaspiGpioNets *nets, Object *obj);

extern const VMStateDescription vmstate_raspi_gpio_nets;

/*
 * Joins the pins that @nets->wires lists, such as "27-17,22-18"; NULL joins
 * none. Returns false and sets @errp if a pin does not exist.
 */
bool raspi_gpio_nets_init(RaspiGpioNets *nets, unsigned num_pins,
                          Error **errp);

/* Drives a pin from outside: low, high, or not at all if @level is negative */
void raspi_gpio_nets_drive(RaspiGpioNets *nets, unsigned pin, int level);

/* Computes @nets->level anew, after any of the other masks has changed */
void raspi_gpio_nets_settle(RaspiGpioNets *nets);

#endif
