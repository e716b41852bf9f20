/*
 * GPIO controller of the RP1, the Raspberry Pi 5's I/O chip
 *
 * Part of the device "rp1" (hw/misc/rp1.h). Three banks of 28, 6 and 20 pins,
 * which are numbered through: GPIO 0-27 are on the board's 40-pin header.
 *
 * QEMU interface:
 *  + named GPIO inputs "pin" (54): drive a pin from outside. 0 drives the pin
 *    low, a positive level drives the pin high, a negative level stops driving
 *    the pin. A pin that nothing drives follows its pull.
 *  + GPIO outputs 0 to 2: the interrupts of the banks, as the PCIe host sees
 *    them
 *  + QOM property "wires": pins that a jumper wire joins, such as "27-17" or
 *    "27-17,22-18". See raspi_gpio_nets.h.
 *  + read-only QOM properties "level", "pull-up", "pull-down": one bit per pin.
 *    "level" is the level at the pin, whether or not its input is enabled.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef RP1_GPIO_H
#define RP1_GPIO_H

#include "exec/memory.h"
#include "hw/gpio/raspi_gpio_nets.h"
#include "hw/qdev-core.h"
#include "qom/object.h"

#define TYPE_RP1_GPIO "rp1-gpio"
OBJECT_DECLARE_SIMPLE_TYPE(Rp1GpioState, RP1_GPIO)

#define RP1_GPIO_PINS       54
#define RP1_GPIO_BANKS      3
/* Interrupt destinations: processors 0 and 1 of the RP1, and the PCIe host */
#define RP1_GPIO_DESTS      3
#define RP1_GPIO_BLOCK_SIZE 0xc000

struct Rp1GpioState {
    DeviceState parent_obj;

    MemoryRegion io_bank;
    MemoryRegion sys_rio;
    MemoryRegion pads;
    qemu_irq irq[RP1_GPIO_BANKS];

    /* Derived from the registers below, and from what drives the pins */
    RaspiGpioNets nets;

    /* IO_BANK */
    uint32_t ctrl[RP1_GPIO_PINS];
    uint32_t inte[RP1_GPIO_BANKS][RP1_GPIO_DESTS];
    uint32_t intf[RP1_GPIO_BANKS][RP1_GPIO_DESTS];

    /* SYS_RIO */
    uint32_t rio_out[RP1_GPIO_BANKS];
    uint32_t rio_oe[RP1_GPIO_BANKS];

    /* PADS */
    uint32_t voltage[RP1_GPIO_BANKS];
    uint32_t pad[RP1_GPIO_PINS];

    /* All of the following have one bit per pin */

    /* The levels of the pads' input buffers; a disabled buffer is low */
    uint64_t in;

    /* Edges, latched until IRQRESET */
    uint64_t fell;
    uint64_t rose;
};

#endif
