/*
 * Raspberry Pi GPIO pins: drivers, pulls and jumper wires
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "hw/gpio/raspi_gpio_nets.h"
#include "migration/vmstate.h"

static bool raspi_gpio_nets_resolve(const RaspiGpioNets *nets, unsigned pin)
{
    uint64_t outputs = nets->net[pin] & nets->output;
    uint64_t inputs = nets->net[pin] & nets->driven;

    /* Where drivers disagree, low wins, as with a button to ground */
    if (outputs | inputs) {
        return !(outputs & ~nets->latch) && !(inputs & ~nets->drive);
    }
    /* On an undriven wire each pin follows its own pull */
    if (extract64(nets->pull_up | nets->pull_down, pin, 1)) {
        return extract64(nets->pull_up, pin, 1);
    }
    return nets->net[pin] & nets->pull_up;
}

void raspi_gpio_nets_settle(RaspiGpioNets *nets)
{
    unsigned i;

    for (i = 0; i < nets->num_pins; i++) {
        nets->level = deposit64(nets->level, i, 1,
                                raspi_gpio_nets_resolve(nets, i));
    }
}

void raspi_gpio_nets_drive(RaspiGpioNets *nets, unsigned pin, int level)
{
    nets->driven = deposit64(nets->driven, pin, 1, level >= 0);
    nets->drive = deposit64(nets->drive, pin, 1, level > 0);
}

static void raspi_gpio_nets_join(RaspiGpioNets *nets, unsigned a, unsigned b)
{
    uint64_t net = nets->net[a] | nets->net[b];
    unsigned i;

    for (i = 0; i < nets->num_pins; i++) {
        if (extract64(net, i, 1)) {
            nets->net[i] = net;
        }
    }
}

bool raspi_gpio_nets_init(RaspiGpioNets *nets, unsigned num_pins,
                          Error **errp)
{
    g_auto(GStrv) ends = NULL;
    unsigned i;

    assert(num_pins <= RASPI_GPIO_NETS_MAX);
    nets->num_pins = num_pins;
    for (i = 0; i < num_pins; i++) {
        nets->net[i] = BIT_ULL(i);
    }
    if (!nets->wires) {
        return true;
    }

    ends = g_strsplit(nets->wires, ",", -1);
    for (i = 0; ends[i]; i++) {
        const char *end;
        unsigned a, b;

        if (qemu_strtoui(ends[i], &end, 10, &a) || *end != '-' ||
            qemu_strtoui(end + 1, NULL, 10, &b) ||
            a == b || a >= num_pins || b >= num_pins) {
            error_setg(errp, "wires: '%s' does not name two pins below %u, "
                       "such as 27-17", ends[i], num_pins);
            return false;
        }
        raspi_gpio_nets_join(nets, a, b);
    }
    return true;
}

void raspi_gpio_nets_add_properties(RaspiGpioNets *nets, Object *obj)
{
    object_property_add_uint64_ptr(obj, "level", &nets->level,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "pull-up", &nets->pull_up,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint64_ptr(obj, "pull-down", &nets->pull_down,
                                   OBJ_PROP_FLAG_READ);
}

/* num_pins and net follow from properties, which are equal on both sides */
const VMStateDescription vmstate_raspi_gpio_nets = {
    .name = "raspi-gpio-nets",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(output, RaspiGpioNets),
        VMSTATE_UINT64(latch, RaspiGpioNets),
        VMSTATE_UINT64(driven, RaspiGpioNets),
        VMSTATE_UINT64(drive, RaspiGpioNets),
        VMSTATE_UINT64(pull_up, RaspiGpioNets),
        VMSTATE_UINT64(pull_down, RaspiGpioNets),
        VMSTATE_UINT64(level, RaspiGpioNets),
        VMSTATE_END_OF_LIST()
    }
};
