/*
 * Raspberry Pi GPIO pins: levels, event detection, pulls and jumper wires
 *
 * Registers and behaviour are those of "BCM2835 ARM Peripherals", chapter 6,
 * and "BCM2711 ARM Peripherals", chapter 5.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/gpio/bcm2835_gpio_pins.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "hw/sysbus.h"
#include "migration/vmstate.h"
#include "trace.h"

#define GPLEV0      0x34
#define GPEDS0      0x40
#define GPEDS1      0x44
#define GPAFEN1     0x8C
#define GPPUD       0x94
#define GPPUDCLK0   0x98
#define GPPUDCLK1   0x9C

#define GPPUD_MASK  0x3
#define GPPUD_DOWN  0x1
#define GPPUD_UP    0x2

#define PUP_PDN_PINS_PER_REG    16
#define PUP_PDN_UP              0x1
#define PUP_PDN_DOWN            0x2

#define FSEL_OUT    1

/*
 * Pulls out of reset, from the alternative function tables: up on GPIO 0-8,
 * 34-36 and from 46 on; none on 28, 29, 44 and 45; down on all others.
 */
#define RESET_PULL_UP   (MAKE_64BIT_MASK(0, 9) | MAKE_64BIT_MASK(34, 3) | \
                         MAKE_64BIT_MASK(46, 12))
#define RESET_PULL_NONE (MAKE_64BIT_MASK(28, 2) | MAKE_64BIT_MASK(44, 2))

static uint64_t bcm2835_gpio_pins_all(BCM2835GpioPinsState *s)
{
    return MAKE_64BIT_MASK(0, s->num_pins);
}

static void bcm2835_gpio_pins_update_irqs(BCM2835GpioPinsState *s)
{
    qemu_set_irq(s->irq[0], (s->eds & MAKE_64BIT_MASK(0, 28)) != 0);
    qemu_set_irq(s->irq[1], (s->eds & MAKE_64BIT_MASK(28, 18)) != 0);
    qemu_set_irq(s->irq[2], (s->eds & MAKE_64BIT_MASK(46, 12)) != 0);
    qemu_set_irq(s->irq[3], s->eds != 0);
}

static void bcm2835_gpio_pins_update(BCM2835GpioPinsState *s)
{
    uint64_t old = s->nets.level;
    uint64_t level;

    raspi_gpio_nets_settle(&s->nets);
    level = s->nets.level;

    /*
     * Detection looks at the pin whatever its function is. The difference
     * between the synchronous and the asynchronous kind of edge is the
     * length of the shortest pulse, and no pulse has a length here.
     */
    s->eds |= ~old & level & (s->ren | s->aren);
    s->eds |= old & ~level & (s->fen | s->afen);
    s->eds |= level & s->hen;
    s->eds |= ~level & s->len;
    s->eds &= bcm2835_gpio_pins_all(s);

    trace_bcm2835_gpio_pins_update(level, s->eds);

    bcm2835_gpio_pins_update_irqs(s);
}

static void bcm2835_gpio_pins_set(void *opaque, int pin, int level)
{
    BCM2835GpioPinsState *s = opaque;

    trace_bcm2835_gpio_pins_set(pin, level);
    raspi_gpio_nets_drive(&s->nets, pin, level);
    bcm2835_gpio_pins_update(s);
}

void bcm2835_gpio_pins_set_outputs(BCM2835GpioPinsState *s,
                                   const uint8_t *fsel,
                                   uint32_t lev0, uint32_t lev1)
{
    unsigned i;

    for (i = 0; i < s->num_pins; i++) {
        s->nets.output = deposit64(s->nets.output, i, 1, fsel[i] == FSEL_OUT);
    }
    s->nets.latch = deposit64(lev0, 32, 32, lev1);
    bcm2835_gpio_pins_update(s);
}

void bcm2835_gpio_pins_set_pulls(BCM2835GpioPinsState *s,
                                 const uint32_t *pup_cntrl_reg)
{
    unsigned i;

    for (i = 0; i < s->num_pins; i++) {
        unsigned pull = extract32(pup_cntrl_reg[i / PUP_PDN_PINS_PER_REG],
                                  i % PUP_PDN_PINS_PER_REG * 2, 2);

        s->nets.pull_up = deposit64(s->nets.pull_up, i, 1, pull == PUP_PDN_UP);
        s->nets.pull_down = deposit64(s->nets.pull_down, i, 1,
                                      pull == PUP_PDN_DOWN);
    }
    bcm2835_gpio_pins_update(s);
}

/* A pin takes the pull in GPPUD when the pin's clock bit rises */
static void bcm2835_gpio_pins_clock_pulls(BCM2835GpioPinsState *s,
                                          uint64_t pudclk)
{
    uint64_t taken = pudclk & ~s->pudclk & bcm2835_gpio_pins_all(s);

    s->pudclk = pudclk;
    s->nets.pull_up &= ~taken;
    s->nets.pull_down &= ~taken;
    if (s->pud == GPPUD_UP) {
        s->nets.pull_up |= taken;
    } else if (s->pud == GPPUD_DOWN) {
        s->nets.pull_down |= taken;
    }
}

/*
 * From GPLEV to GPAFEN each register has a word for GPIO 0-31, one for the
 * others, and a reserved one.
 */
static uint64_t *bcm2835_gpio_pins_reg(BCM2835GpioPinsState *s, hwaddr offset,
                                       int *shift)
{
    uint64_t *const regs[] = {
        &s->nets.level, &s->eds, &s->ren, &s->fen,
        &s->hen, &s->len, &s->aren, &s->afen,
    };

    assert(offset >= GPLEV0 && offset <= GPAFEN1);
    *shift = (offset - GPLEV0) % 12 ? 32 : 0;
    return regs[(offset - GPLEV0) / 12];
}

uint32_t bcm2835_gpio_pins_read(BCM2835GpioPinsState *s, hwaddr offset)
{
    int shift;
    uint64_t *reg;

    switch (offset) {
    case GPPUD:
        return s->pud;
    case GPPUDCLK0:
        return extract64(s->pudclk, 0, 32);
    case GPPUDCLK1:
        return extract64(s->pudclk, 32, 32);
    default:
        reg = bcm2835_gpio_pins_reg(s, offset, &shift);
        return extract64(*reg, shift, 32);
    }
}

void bcm2835_gpio_pins_write(BCM2835GpioPinsState *s, hwaddr offset,
                             uint32_t value)
{
    int shift;
    uint64_t *reg;

    switch (offset) {
    case GPPUD:
        s->pud = value & GPPUD_MASK;
        break;
    case GPPUDCLK0:
        bcm2835_gpio_pins_clock_pulls(s, deposit64(s->pudclk, 0, 32, value));
        break;
    case GPPUDCLK1:
        bcm2835_gpio_pins_clock_pulls(s, deposit64(s->pudclk, 32, 32, value));
        break;
    case GPEDS0:
    case GPEDS1:
        reg = bcm2835_gpio_pins_reg(s, offset, &shift);
        *reg &= ~((uint64_t)value << shift);
        break;
    default:
        reg = bcm2835_gpio_pins_reg(s, offset, &shift);
        *reg = deposit64(*reg, shift, 32, value) & bcm2835_gpio_pins_all(s);
        break;
    }

    /* A level that still holds sets its status bit again at once */
    bcm2835_gpio_pins_update(s);
}

static void bcm2835_gpio_pins_reset(DeviceState *dev)
{
    BCM2835GpioPinsState *s = BCM2835_GPIO_PINS(dev);
    uint64_t all = bcm2835_gpio_pins_all(s);

    /* All pins become inputs; a reset does not change what drives them */
    s->nets.output = 0;
    s->nets.latch = 0;
    s->nets.pull_up = RESET_PULL_UP & all;
    s->nets.pull_down = ~(RESET_PULL_UP | RESET_PULL_NONE) & all;
    s->pud = 0;
    s->pudclk = 0;

    s->eds = 0;
    s->ren = 0;
    s->fen = 0;
    s->hen = 0;
    s->len = 0;
    s->aren = 0;
    s->afen = 0;

    raspi_gpio_nets_settle(&s->nets);
    bcm2835_gpio_pins_update_irqs(s);
}

static void bcm2835_gpio_pins_realize(DeviceState *dev, Error **errp)
{
    BCM2835GpioPinsState *s = BCM2835_GPIO_PINS(dev);

    if (s->num_pins == 0 || s->num_pins > BCM2835_GPIO_PINS_MAX) {
        error_setg(errp, "num-pins must be from 1 to %d",
                   BCM2835_GPIO_PINS_MAX);
        return;
    }
    if (!raspi_gpio_nets_init(&s->nets, s->num_pins, errp)) {
        return;
    }
    qdev_init_gpio_in_named(dev, bcm2835_gpio_pins_set, "pin", s->num_pins);
}

static void bcm2835_gpio_pins_init(Object *obj)
{
    BCM2835GpioPinsState *s = BCM2835_GPIO_PINS(obj);
    unsigned i;

    for (i = 0; i < BCM2835_GPIO_PINS_IRQS; i++) {
        sysbus_init_irq(SYS_BUS_DEVICE(obj), &s->irq[i]);
    }
    raspi_gpio_nets_add_properties(&s->nets, obj);
}

/*
 * The pins have a migration section of their own: the sections of the GPIO
 * controllers are unchanged, and streams without this section still load.
 */
static const VMStateDescription vmstate_bcm2835_gpio_pins = {
    .name = TYPE_BCM2835_GPIO_PINS,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_RASPI_GPIO_NETS(nets, BCM2835GpioPinsState),
        VMSTATE_UINT64(eds, BCM2835GpioPinsState),
        VMSTATE_UINT64(ren, BCM2835GpioPinsState),
        VMSTATE_UINT64(fen, BCM2835GpioPinsState),
        VMSTATE_UINT64(hen, BCM2835GpioPinsState),
        VMSTATE_UINT64(len, BCM2835GpioPinsState),
        VMSTATE_UINT64(aren, BCM2835GpioPinsState),
        VMSTATE_UINT64(afen, BCM2835GpioPinsState),
        VMSTATE_UINT32(pud, BCM2835GpioPinsState),
        VMSTATE_UINT64(pudclk, BCM2835GpioPinsState),
        VMSTATE_END_OF_LIST()
    }
};

static const Property bcm2835_gpio_pins_properties[] = {
    DEFINE_PROP_UINT32("num-pins", BCM2835GpioPinsState, num_pins, 54),
    DEFINE_PROP_RASPI_GPIO_WIRES(BCM2835GpioPinsState, nets),
};

static void bcm2835_gpio_pins_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "Raspberry Pi GPIO pins";
    dc->vmsd = &vmstate_bcm2835_gpio_pins;
    dc->realize = bcm2835_gpio_pins_realize;
    device_class_set_legacy_reset(dc, bcm2835_gpio_pins_reset);
    device_class_set_props(dc, bcm2835_gpio_pins_properties);
}

static const TypeInfo bcm2835_gpio_pins_info = {
    .name          = TYPE_BCM2835_GPIO_PINS,
    .parent        = TYPE_SYS_BUS_DEVICE,
    .instance_size = sizeof(BCM2835GpioPinsState),
    .instance_init = bcm2835_gpio_pins_init,
    .class_init    = bcm2835_gpio_pins_class_init,
};

static void bcm2835_gpio_pins_register_types(void)
{
    type_register_static(&bcm2835_gpio_pins_info);
}

type_init(bcm2835_gpio_pins_register_types)
