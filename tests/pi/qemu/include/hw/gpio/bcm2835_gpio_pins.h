/*
 * Raspberry Pi GPIO pins: levels, event detection, pulls and jumper wires
 *
 * Shared by the GPIO controllers of the BCM2835 family and of the BCM2838
 * (BCM2711), which differ only in the number of pins and in how the guest
 * sets the pulls.
 *
 * QEMU interface:
 *  + named GPIO inputs "pin": drive a pin from outside. 0 drives the pin low,
 *    a positive level drives the pin high, a negative level stops driving
 *    the pin. A pin that nothing drives follows its pull.
 *  + sysbus IRQs 0 to 2: events on GPIO 0-27, 28-45 and 46 up
 *  + sysbus IRQ 3: events on any pin
 *  + QOM property "num-pins": how many pins the SoC has
 *  + QOM property "wires": pins that a jumper wire joins, such as "27-17" or
 *    "27-17,22-10". A wire carries the level of whatever drives one of its
 *    ends: an output, or one of the "pin" inputs. Where drivers disagree, low
 *    wins, as a button to ground does.
 *  + read-only QOM properties "level", "pull-up", "pull-down": one bit per
 *    pin
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef BCM2835_GPIO_PINS_H
#define BCM2835_GPIO_PINS_H

#include "hw/gpio/raspi_gpio_nets.h"
#include "hw/sysbus.h"
#include "qom/object.h"

#define TYPE_BCM2835_GPIO_PINS "bcm2835-gpio-pins"
OBJECT_DECLARE_SIMPLE_TYPE(BCM2835GpioPinsState, BCM2835_GPIO_PINS)

#define BCM2835_GPIO_PINS_MAX   58
#define BCM2835_GPIO_PINS_IRQS  4

struct BCM2835GpioPinsState {
    SysBusDevice parent_obj;

    qemu_irq irq[BCM2835_GPIO_PINS_IRQS];

    uint32_t num_pins;
    /* Levels, from the controller's outputs, the outside, wires and pulls */
    RaspiGpioNets nets;

    /* All of the following have one bit per pin */

    /* Event detect status and enables */
    uint64_t eds;
    uint64_t ren;
    uint64_t fen;
    uint64_t hen;
    uint64_t len;
    uint64_t aren;
    uint64_t afen;

    /* BCM2835 only: the registers that shift a pull into a pin */
    uint32_t pud;
    uint64_t pudclk;
};

/* Register access, from GPLEV0 (0x34) to GPPUDCLK1 (0x9c) */
uint32_t bcm2835_gpio_pins_read(BCM2835GpioPinsState *s, hwaddr offset);
void bcm2835_gpio_pins_write(BCM2835GpioPinsState *s, hwaddr offset,
                             uint32_t value);

/* To be called when pin functions or output latches may have changed */
void bcm2835_gpio_pins_set_outputs(BCM2835GpioPinsState *s,
                                   const uint8_t *fsel,
                                   uint32_t lev0, uint32_t lev1);

/* To be called when a GPIO_PUP_PDN_CNTRL_REG of the BCM2838 has changed */
void bcm2835_gpio_pins_set_pulls(BCM2835GpioPinsState *s,
                                 const uint32_t *pup_cntrl_reg);

#endif
