/*
 * GPIO controller of the RP1, the Raspberry Pi 5's I/O chip
 *
 * Registers and behaviour are those of "RP1 Peripherals" (Raspberry Pi Ltd),
 * chapter 3. Where that document is silent or boards differ from it, this
 * model does the following:
 *
 *  - The xor, set and clear aliases read as 0. The document (2.4) promises
 *    the register's value; on a board they read as 0, according to rgsIoPads(7)
 *    of https://github.com/wahudson/rgpio. Linux's pinctrl-rp1 relies on that:
 *    it does read-modify-write on aliases, and with the register's value there
 *    it could never clear an output.
 *  - Edges are latched whether or not the pin's interrupt is enabled in CTRL.
 *    The document allows that. Raspberry Pi's own kernel resets the latch
 *    before it enables an interrupt, so it expects a stale edge.
 *  - Edges and levels are those of the enabled input buffer, before CTRL's
 *    INOVER. Enabling the input of a high pin is a rising edge.
 *
 * Not modelled: peripherals other than SYS_RIO, so a pin with any other
 * function is not driven; the filter, which delays nothing, so filtered events
 * are the same as unfiltered ones; what drive strength, slew rate, hysteresis
 * and the voltage of a bank do.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "hw/gpio/rp1_gpio.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "hw/registerfields.h"
#include "migration/vmstate.h"
#include "trace.h"

/* Each block has three banks, each bank its registers and three aliases */
#define BANK_SIZE           0x4000
#define ALIAS_SIZE          0x1000
enum { ALIAS_NONE, ALIAS_XOR, ALIAS_SET, ALIAS_CLEAR };

/* IO_BANK: a STATUS and a CTRL for each pin, then the bank's interrupts */
REG32(GPIO_STATUS, 0x000)
    FIELD(GPIO_STATUS, OUTFROMPERI, 8, 1)
    FIELD(GPIO_STATUS, OUTTOPAD, 9, 1)
    FIELD(GPIO_STATUS, OEFROMPERI, 12, 1)
    FIELD(GPIO_STATUS, OETOPAD, 13, 1)
    FIELD(GPIO_STATUS, INISDIRECT, 16, 1)
    FIELD(GPIO_STATUS, INFROMPAD, 17, 1)
    FIELD(GPIO_STATUS, INFILTERED, 18, 1)
    FIELD(GPIO_STATUS, INTOPERI, 19, 1)
    FIELD(GPIO_STATUS, EVENTS, 20, 4)
    FIELD(GPIO_STATUS, EVENTS_F, 24, 4)
    FIELD(GPIO_STATUS, IRQCOMBINED, 28, 1)
    FIELD(GPIO_STATUS, IRQTOPROC, 29, 1)
REG32(GPIO_CTRL, 0x004)
    FIELD(GPIO_CTRL, FUNCSEL, 0, 5)
    FIELD(GPIO_CTRL, OUTOVER, 12, 2)
    FIELD(GPIO_CTRL, OEOVER, 14, 2)
    FIELD(GPIO_CTRL, INOVER, 16, 2)
    FIELD(GPIO_CTRL, IRQMASK, 20, 8)
    FIELD(GPIO_CTRL, IRQRESET, 28, 1)
    FIELD(GPIO_CTRL, IRQOVER, 30, 2)
REG32(INTR, 0x100)
/* For each destination: enable, force, status */
REG32(INTE, 0x104)
REG32(INTF, 0x108)
REG32(INTS, 0x10c)
#define INT_DEST_SIZE       0xc
#define INT_DEST_PCIE       2

#define GPIO_CTRL_RESET     0x9f
#define GPIO_CTRL_WRITABLE  0xcff3ffff
#define FUNCSEL_SYS_RIO     5

/* EVENTS and EVENTS_F, and the two halves of IRQMASK */
#define EVENT_FALLING       BIT(0)
#define EVENT_RISING        BIT(1)
#define EVENT_LOW           BIT(2)
#define EVENT_HIGH          BIT(3)

REG32(RIO_OUT, 0x0)
REG32(RIO_OE, 0x4)
REG32(RIO_NOSYNC_IN, 0x8)
REG32(RIO_SYNC_IN, 0xc)

REG32(VOLTAGE_SELECT, 0x0)
REG32(PAD, 0x4)
    FIELD(PAD, SLEWFAST, 0, 1)
    FIELD(PAD, SCHMITT, 1, 1)
    FIELD(PAD, PDE, 2, 1)
    FIELD(PAD, PUE, 3, 1)
    FIELD(PAD, DRIVE, 4, 2)
    FIELD(PAD, IE, 6, 1)
    FIELD(PAD, OD, 7, 1)
#define PAD_WRITABLE        0xff

/*
 * Out of reset: output disabled, input disabled, drive strength 4 mA, Schmitt
 * trigger on; pulled up on GPIO 0-8, down on all others
 */
#define PAD_RESET           (R_PAD_OD_MASK | 1 << R_PAD_DRIVE_SHIFT | \
                             R_PAD_SCHMITT_MASK)
#define PINS_PULLED_UP      9

static const struct {
    unsigned first, pins;
} banks[RP1_GPIO_BANKS] = { { 0, 28 }, { 28, 6 }, { 34, 20 } };

enum { OVER_NORMAL, OVER_INVERT, OVER_LOW, OVER_HIGH };

static bool rp1_gpio_override(unsigned over, bool value)
{
    switch (over) {
    case OVER_INVERT:
        return !value;
    case OVER_LOW:
        return false;
    case OVER_HIGH:
        return true;
    default:
        return value;
    }
}

static unsigned rp1_gpio_bank_of(unsigned pin)
{
    return pin < banks[1].first ? 0 : pin < banks[2].first ? 1 : 2;
}

/* A SYS_RIO register's bit for a pin whose function is SYS_RIO, else 0 */
static bool rp1_gpio_from_peri(const Rp1GpioState *s, unsigned pin,
                               const uint32_t *rio)
{
    unsigned bank = rp1_gpio_bank_of(pin);

    return FIELD_EX32(s->ctrl[pin], GPIO_CTRL, FUNCSEL) == FUNCSEL_SYS_RIO &&
        extract32(rio[bank], pin - banks[bank].first, 1);
}

static bool rp1_gpio_out_to_pad(const Rp1GpioState *s, unsigned pin)
{
    return rp1_gpio_override(FIELD_EX32(s->ctrl[pin], GPIO_CTRL, OUTOVER),
                             rp1_gpio_from_peri(s, pin, s->rio_out));
}

static bool rp1_gpio_oe_to_pad(const Rp1GpioState *s, unsigned pin)
{
    return rp1_gpio_override(FIELD_EX32(s->ctrl[pin], GPIO_CTRL, OEOVER),
                             rp1_gpio_from_peri(s, pin, s->rio_oe));
}

static bool rp1_gpio_in_to_peri(const Rp1GpioState *s, unsigned pin)
{
    return rp1_gpio_override(FIELD_EX32(s->ctrl[pin], GPIO_CTRL, INOVER),
                             extract64(s->in, pin, 1));
}

static unsigned rp1_gpio_events(const Rp1GpioState *s, unsigned pin)
{
    return (extract64(s->fell, pin, 1) ? EVENT_FALLING : 0) |
        (extract64(s->rose, pin, 1) ? EVENT_RISING : 0) |
        (extract64(s->in, pin, 1) ? EVENT_HIGH : EVENT_LOW);
}

static bool rp1_gpio_irq_combined(const Rp1GpioState *s, unsigned pin)
{
    unsigned events = rp1_gpio_events(s, pin);
    unsigned mask = FIELD_EX32(s->ctrl[pin], GPIO_CTRL, IRQMASK);

    return (events | events << R_GPIO_STATUS_EVENTS_LENGTH) & mask;
}

static bool rp1_gpio_irq_to_proc(const Rp1GpioState *s, unsigned pin)
{
    return rp1_gpio_override(FIELD_EX32(s->ctrl[pin], GPIO_CTRL, IRQOVER),
                             rp1_gpio_irq_combined(s, pin));
}

static uint32_t rp1_gpio_status(const Rp1GpioState *s, unsigned pin)
{
    bool in = extract64(s->in, pin, 1);
    unsigned events = rp1_gpio_events(s, pin);
    uint32_t v = 0;

    v = FIELD_DP32(v, GPIO_STATUS, OUTFROMPERI,
                   rp1_gpio_from_peri(s, pin, s->rio_out));
    v = FIELD_DP32(v, GPIO_STATUS, OUTTOPAD, rp1_gpio_out_to_pad(s, pin));
    v = FIELD_DP32(v, GPIO_STATUS, OEFROMPERI,
                   rp1_gpio_from_peri(s, pin, s->rio_oe));
    v = FIELD_DP32(v, GPIO_STATUS, OETOPAD, rp1_gpio_oe_to_pad(s, pin));
    v = FIELD_DP32(v, GPIO_STATUS, INISDIRECT, in);
    v = FIELD_DP32(v, GPIO_STATUS, INFROMPAD, in);
    v = FIELD_DP32(v, GPIO_STATUS, INFILTERED, in);
    v = FIELD_DP32(v, GPIO_STATUS, INTOPERI, rp1_gpio_in_to_peri(s, pin));
    v = FIELD_DP32(v, GPIO_STATUS, EVENTS, events);
    v = FIELD_DP32(v, GPIO_STATUS, EVENTS_F, events);
    v = FIELD_DP32(v, GPIO_STATUS, IRQCOMBINED, rp1_gpio_irq_combined(s, pin));
    v = FIELD_DP32(v, GPIO_STATUS, IRQTOPROC, rp1_gpio_irq_to_proc(s, pin));
    return v;
}

static uint32_t rp1_gpio_intr(const Rp1GpioState *s, unsigned bank)
{
    uint32_t intr = 0;
    unsigned i;

    for (i = 0; i < banks[bank].pins; i++) {
        intr |= rp1_gpio_irq_to_proc(s, banks[bank].first + i) << i;
    }
    return intr;
}

static uint32_t rp1_gpio_ints(const Rp1GpioState *s, unsigned bank,
                              unsigned dest)
{
    return (rp1_gpio_intr(s, bank) & s->inte[bank][dest]) |
        s->intf[bank][dest];
}

static void rp1_gpio_update_irqs(Rp1GpioState *s)
{
    unsigned bank;

    for (bank = 0; bank < RP1_GPIO_BANKS; bank++) {
        qemu_set_irq(s->irq[bank], rp1_gpio_ints(s, bank, INT_DEST_PCIE) != 0);
    }
}

/* Derives the pins from the registers, and the input buffers from the pins */
static void rp1_gpio_settle(Rp1GpioState *s)
{
    uint64_t enabled = 0;
    unsigned i;

    for (i = 0; i < RP1_GPIO_PINS; i++) {
        uint32_t pad = s->pad[i];

        s->nets.output = deposit64(s->nets.output, i, 1,
                                   rp1_gpio_oe_to_pad(s, i) &&
                                   !FIELD_EX32(pad, PAD, OD));
        s->nets.latch = deposit64(s->nets.latch, i, 1,
                                  rp1_gpio_out_to_pad(s, i));
        s->nets.pull_up = deposit64(s->nets.pull_up, i, 1,
                                    FIELD_EX32(pad, PAD, PUE));
        s->nets.pull_down = deposit64(s->nets.pull_down, i, 1,
                                      FIELD_EX32(pad, PAD, PDE));
        enabled = deposit64(enabled, i, 1, FIELD_EX32(pad, PAD, IE));
    }
    raspi_gpio_nets_settle(&s->nets);
    s->in = s->nets.level & enabled;
}

static void rp1_gpio_update(Rp1GpioState *s)
{
    uint64_t old = s->in;

    rp1_gpio_settle(s);
    s->fell |= old & ~s->in;
    s->rose |= ~old & s->in;
    trace_rp1_gpio_update(s->nets.level, s->in);
    rp1_gpio_update_irqs(s);
}

static void rp1_gpio_set(void *opaque, int pin, int level)
{
    Rp1GpioState *s = opaque;

    trace_rp1_gpio_set(pin, level);
    raspi_gpio_nets_drive(&s->nets, pin, level);
    rp1_gpio_update(s);
}

/*
 * Splits an offset into bank, alias and register. Returns false for reads of
 * an alias, which give 0.
 */
static bool rp1_gpio_decode(hwaddr *offset, unsigned *bank, unsigned *alias)
{
    *bank = *offset / BANK_SIZE;
    *alias = *offset % BANK_SIZE / ALIAS_SIZE;
    *offset %= ALIAS_SIZE;
    return *alias == ALIAS_NONE;
}

/* The new value of a register after a write to it or to one of its aliases */
static uint32_t rp1_gpio_merge(unsigned alias, uint32_t old, uint32_t value)
{
    switch (alias) {
    case ALIAS_XOR:
        return old ^ value;
    case ALIAS_SET:
        return old | value;
    case ALIAS_CLEAR:
        return old & ~value;
    default:
        return value;
    }
}

static void rp1_gpio_bad_offset(const char *block, unsigned bank,
                                hwaddr offset)
{
    qemu_log_mask(LOG_GUEST_ERROR, TYPE_RP1_GPIO ": %s%u: no register at 0x%"
                  HWADDR_PRIx "\n", block, bank, offset);
}

static uint64_t rp1_gpio_io_bank_read(void *opaque, hwaddr offset,
                                      unsigned size)
{
    Rp1GpioState *s = opaque;
    unsigned bank, alias, dest;

    if (!rp1_gpio_decode(&offset, &bank, &alias)) {
        return 0;
    }
    if (offset < banks[bank].pins * 8) {
        unsigned pin = banks[bank].first + offset / 8;

        return offset % 8 == A_GPIO_STATUS ? rp1_gpio_status(s, pin)
                                           : s->ctrl[pin];
    }
    if (offset == A_INTR) {
        return rp1_gpio_intr(s, bank);
    }
    if (offset < A_INTE || offset >= A_INTE + RP1_GPIO_DESTS * INT_DEST_SIZE) {
        rp1_gpio_bad_offset("IO_BANK", bank, offset);
        return 0;
    }
    dest = (offset - A_INTE) / INT_DEST_SIZE;
    switch (offset - dest * INT_DEST_SIZE) {
    case A_INTE:
        return s->inte[bank][dest];
    case A_INTF:
        return s->intf[bank][dest];
    default:
        return rp1_gpio_ints(s, bank, dest);
    }
}

static void rp1_gpio_write_ctrl(Rp1GpioState *s, unsigned pin, unsigned alias,
                                uint32_t value)
{
    value = rp1_gpio_merge(alias, s->ctrl[pin], value);
    s->ctrl[pin] = value & GPIO_CTRL_WRITABLE;
    /* IRQRESET clears itself, so it reads as 0 and need not be cleared */
    if (FIELD_EX32(value, GPIO_CTRL, IRQRESET)) {
        s->fell &= ~BIT_ULL(pin);
        s->rose &= ~BIT_ULL(pin);
    }
}

static void rp1_gpio_io_bank_write(void *opaque, hwaddr offset,
                                   uint64_t value, unsigned size)
{
    Rp1GpioState *s = opaque;
    unsigned bank, alias, dest;
    uint32_t *reg;

    rp1_gpio_decode(&offset, &bank, &alias);
    if (offset < banks[bank].pins * 8) {
        if (offset % 8 == A_GPIO_CTRL) {
            rp1_gpio_write_ctrl(s, banks[bank].first + offset / 8, alias,
                                value);
        }
    } else if (offset >= A_INTE &&
               offset < A_INTE + RP1_GPIO_DESTS * INT_DEST_SIZE) {
        dest = (offset - A_INTE) / INT_DEST_SIZE;
        switch (offset - dest * INT_DEST_SIZE) {
        case A_INTE:
            reg = &s->inte[bank][dest];
            break;
        case A_INTF:
            reg = &s->intf[bank][dest];
            break;
        default:
            return;     /* INTS, read-only */
        }
        *reg = extract32(rp1_gpio_merge(alias, *reg, value), 0,
                         banks[bank].pins);
    } else if (offset != A_INTR) {
        rp1_gpio_bad_offset("IO_BANK", bank, offset);
    }
    rp1_gpio_update(s);
}

static uint64_t rp1_gpio_sys_rio_read(void *opaque, hwaddr offset,
                                      unsigned size)
{
    Rp1GpioState *s = opaque;
    unsigned bank, alias, i;
    uint32_t in = 0;

    if (!rp1_gpio_decode(&offset, &bank, &alias)) {
        return 0;
    }
    switch (offset) {
    case A_RIO_OUT:
        return s->rio_out[bank];
    case A_RIO_OE:
        return s->rio_oe[bank];
    case A_RIO_NOSYNC_IN:
    case A_RIO_SYNC_IN:
        for (i = 0; i < banks[bank].pins; i++) {
            in |= rp1_gpio_in_to_peri(s, banks[bank].first + i) << i;
        }
        return in;
    default:
        rp1_gpio_bad_offset("SYS_RIO", bank, offset);
        return 0;
    }
}

static void rp1_gpio_sys_rio_write(void *opaque, hwaddr offset,
                                   uint64_t value, unsigned size)
{
    Rp1GpioState *s = opaque;
    unsigned bank, alias;
    uint32_t *reg;

    rp1_gpio_decode(&offset, &bank, &alias);
    switch (offset) {
    case A_RIO_OUT:
        reg = &s->rio_out[bank];
        break;
    case A_RIO_OE:
        reg = &s->rio_oe[bank];
        break;
    case A_RIO_NOSYNC_IN:
    case A_RIO_SYNC_IN:
        return;     /* read-only */
    default:
        rp1_gpio_bad_offset("SYS_RIO", bank, offset);
        return;
    }
    *reg = extract32(rp1_gpio_merge(alias, *reg, value), 0, banks[bank].pins);
    rp1_gpio_update(s);
}

static uint32_t *rp1_gpio_pad(Rp1GpioState *s, unsigned bank, hwaddr offset,
                              uint32_t *writable)
{
    if (offset == A_VOLTAGE_SELECT) {
        *writable = 1;
        return &s->voltage[bank];
    }
    if (offset < A_PAD + banks[bank].pins * 4) {
        *writable = PAD_WRITABLE;
        return &s->pad[banks[bank].first + (offset - A_PAD) / 4];
    }
    rp1_gpio_bad_offset("PADS_BANK", bank, offset);
    return NULL;
}

static uint64_t rp1_gpio_pads_read(void *opaque, hwaddr offset, unsigned size)
{
    unsigned bank, alias;
    uint32_t *reg, writable;

    if (!rp1_gpio_decode(&offset, &bank, &alias)) {
        return 0;
    }
    reg = rp1_gpio_pad(opaque, bank, offset, &writable);
    return reg ? *reg : 0;
}

static void rp1_gpio_pads_write(void *opaque, hwaddr offset, uint64_t value,
                                unsigned size)
{
    Rp1GpioState *s = opaque;
    unsigned bank, alias;
    uint32_t *reg, writable;

    rp1_gpio_decode(&offset, &bank, &alias);
    reg = rp1_gpio_pad(s, bank, offset, &writable);
    if (reg) {
        *reg = rp1_gpio_merge(alias, *reg, value) & writable;
        rp1_gpio_update(s);
    }
}

#define RP1_GPIO_OPS(block)                             \
    static const MemoryRegionOps rp1_gpio_##block##_ops = { \
        .read = rp1_gpio_##block##_read,                \
        .write = rp1_gpio_##block##_write,              \
        .endianness = DEVICE_LITTLE_ENDIAN,             \
        .valid = {                                      \
            .min_access_size = 4,                       \
            .max_access_size = 4,                       \
        },                                              \
    }

RP1_GPIO_OPS(io_bank);
RP1_GPIO_OPS(sys_rio);
RP1_GPIO_OPS(pads);

static void rp1_gpio_reset(DeviceState *dev)
{
    Rp1GpioState *s = RP1_GPIO(dev);
    unsigned i;

    for (i = 0; i < RP1_GPIO_PINS; i++) {
        s->ctrl[i] = GPIO_CTRL_RESET;
        s->pad[i] = PAD_RESET | (i < PINS_PULLED_UP ? R_PAD_PUE_MASK
                                                    : R_PAD_PDE_MASK);
    }
    memset(s->inte, 0, sizeof(s->inte));
    memset(s->intf, 0, sizeof(s->intf));
    memset(s->rio_out, 0, sizeof(s->rio_out));
    memset(s->rio_oe, 0, sizeof(s->rio_oe));
    memset(s->voltage, 0, sizeof(s->voltage));

    /* A reset does not change what drives the pins, and makes no edge */
    rp1_gpio_settle(s);
    s->fell = 0;
    s->rose = 0;
    rp1_gpio_update_irqs(s);
}

static void rp1_gpio_realize(DeviceState *dev, Error **errp)
{
    Rp1GpioState *s = RP1_GPIO(dev);

    raspi_gpio_nets_init(&s->nets, RP1_GPIO_PINS, errp);
}

static void rp1_gpio_init(Object *obj)
{
    Rp1GpioState *s = RP1_GPIO(obj);

    memory_region_init_io(&s->io_bank, obj, &rp1_gpio_io_bank_ops, s,
                          TYPE_RP1_GPIO "-io-bank", RP1_GPIO_BLOCK_SIZE);
    memory_region_init_io(&s->sys_rio, obj, &rp1_gpio_sys_rio_ops, s,
                          TYPE_RP1_GPIO "-sys-rio", RP1_GPIO_BLOCK_SIZE);
    memory_region_init_io(&s->pads, obj, &rp1_gpio_pads_ops, s,
                          TYPE_RP1_GPIO "-pads", RP1_GPIO_BLOCK_SIZE);
    qdev_init_gpio_in_named(DEVICE(obj), rp1_gpio_set, "pin", RP1_GPIO_PINS);
    qdev_init_gpio_out(DEVICE(obj), s->irq, RP1_GPIO_BANKS);

    raspi_gpio_nets_add_properties(&s->nets, obj);
}

static const VMStateDescription vmstate_rp1_gpio = {
    .name = TYPE_RP1_GPIO,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_RASPI_GPIO_NETS(nets, Rp1GpioState),
        VMSTATE_UINT32_ARRAY(ctrl, Rp1GpioState, RP1_GPIO_PINS),
        VMSTATE_UINT32_2DARRAY(inte, Rp1GpioState, RP1_GPIO_BANKS,
                               RP1_GPIO_DESTS),
        VMSTATE_UINT32_2DARRAY(intf, Rp1GpioState, RP1_GPIO_BANKS,
                               RP1_GPIO_DESTS),
        VMSTATE_UINT32_ARRAY(rio_out, Rp1GpioState, RP1_GPIO_BANKS),
        VMSTATE_UINT32_ARRAY(rio_oe, Rp1GpioState, RP1_GPIO_BANKS),
        VMSTATE_UINT32_ARRAY(voltage, Rp1GpioState, RP1_GPIO_BANKS),
        VMSTATE_UINT32_ARRAY(pad, Rp1GpioState, RP1_GPIO_PINS),
        VMSTATE_UINT64(in, Rp1GpioState),
        VMSTATE_UINT64(fell, Rp1GpioState),
        VMSTATE_UINT64(rose, Rp1GpioState),
        VMSTATE_END_OF_LIST()
    }
};

static const Property rp1_gpio_properties[] = {
    DEFINE_PROP_RASPI_GPIO_WIRES(Rp1GpioState, nets),
};

static void rp1_gpio_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "RP1 GPIO controller";
    dc->vmsd = &vmstate_rp1_gpio;
    dc->realize = rp1_gpio_realize;
    /* Part of the RP1 */
    dc->user_creatable = false;
    device_class_set_legacy_reset(dc, rp1_gpio_reset);
    device_class_set_props(dc, rp1_gpio_properties);
}

static const TypeInfo rp1_gpio_info = {
    .name          = TYPE_RP1_GPIO,
    .parent        = TYPE_DEVICE,
    .instance_size = sizeof(Rp1GpioState),
    .instance_init = rp1_gpio_init,
    .class_init    = rp1_gpio_class_init,
};

static void rp1_gpio_register_types(void)
{
    type_register_static(&rp1_gpio_info);
}

type_init(rp1_gpio_register_types)
