/*
 * QTest testcase for the RP1, the Raspberry Pi 5's I/O chip: GPIO registers
 * and their aliases, events, interrupts as MSI-X messages, pulls and wires
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "raspi-gpio-utils.h"

/*
 * Addresses on the virt board with highmem=off: the configuration space, the
 * places in the PCI window to which this test maps the BARs, and the RAM to
 * which messages are written.
 */
#define ECAM            0x3f000000
#define RP1_SLOT        5
#define CONFIG          (ECAM + (RP1_SLOT << 15))
#define BAR1            0x10000000
#define BAR2            0x10400000
#define BAR0            0x10410000
#define MESSAGES        0x40100000

#define CAP_MSIX        0xb0
#define VECTORS         61
#define PBA             0x2000

#define PINS            54
#define BANKS           3
#define IO_BANK         0xd0000
#define SYS_RIO         0xe0000
#define PADS            0xf0000
#define PCIE_CFG        0x108000

#define XOR             0x1000
#define SET             0x2000
#define CLEAR           0x3000

#define STATUS          0x0
#define CTRL            0x4
#define INTR            0x100
#define INTE(dest)      (0x104 + 12 * (dest))
#define INTF(dest)      (0x108 + 12 * (dest))
#define INTS(dest)      (0x10c + 12 * (dest))
#define TO_PCIE         2

#define RIO_OUT         0x0
#define RIO_OE          0x4
#define RIO_IN          0x8
#define RIO_SYNC_IN     0xc

#define CTRL_RESET      0x9f
#define FUNC_RIO        5
#define FALLING         BIT(20)
#define RISING          BIT(21)
#define LOW             BIT(22)
#define HIGH            BIT(23)
#define EVENTS          (FALLING | RISING | LOW | HIGH)
#define FILTERED        4   /* how much higher the filtered events' bits are */
#define IRQCOMBINED     BIT(28)
#define IRQTOPROC       BIT(29)
#define IRQRESET        BIT(28)

#define PAD_PDE         BIT(2)
#define PAD_PUE         BIT(3)
#define PAD_IE          BIT(6)
#define PAD_OD          BIT(7)

#define MSIX_CFG(n)     (PCIE_CFG + 8 + 4 * (n))
#define MSIX_SET        0x800
#define MSIX_CLEAR      0xc00
#define MSIX_ENABLE     BIT(0)
#define MSIX_IACK       BIT(2)
#define MSIX_IACK_EN    BIT(3)

static const RaspiGpioPaths paths = {
    "/machine/peripheral/rp1", "/machine/peripheral/rp1/gpio"
};

static const struct {
    unsigned first, pins;
} banks[BANKS] = { { 0, 28 }, { 28, 6 }, { 34, 20 } };

static unsigned bank_of(unsigned pin)
{
    return pin < 28 ? 0 : pin < 34 ? 1 : 2;
}

/* A pin's bit in its bank */
static uint32_t bit_of(unsigned pin)
{
    return BIT(pin - banks[bank_of(pin)].first);
}

/* Registers of a pin, as offsets in BAR 1 */
static unsigned io_of(unsigned pin)
{
    unsigned bank = bank_of(pin);

    return IO_BANK + 0x4000 * bank + 8 * (pin - banks[bank].first);
}

static unsigned rio_of(unsigned pin)
{
    return SYS_RIO + 0x4000 * bank_of(pin);
}

static unsigned pad_of(unsigned pin)
{
    unsigned bank = bank_of(pin);

    return PADS + 0x4000 * bank + 4 + 4 * (pin - banks[bank].first);
}

static unsigned int_of(unsigned pin)
{
    return IO_BANK + 0x4000 * bank_of(pin);
}

static uint32_t rd(QTestState *qts, unsigned offset)
{
    return qtest_readl(qts, BAR1 + offset);
}

static void wr(QTestState *qts, unsigned offset, uint32_t value)
{
    qtest_writel(qts, BAR1 + offset, value);
}

static void map(QTestState *qts)
{
    qtest_writel(qts, CONFIG + 0x10, BAR0);
    qtest_writel(qts, CONFIG + 0x14, BAR1);
    qtest_writel(qts, CONFIG + 0x18, BAR2);
    qtest_writew(qts, CONFIG + 0x04, 0x6);  /* memory space, bus master */
}

static QTestState *start(const char *options)
{
    return qtest_initf("-machine virt,highmem=off -device rp1,id=rp1,addr=%d%s",
                       RP1_SLOT, options);
}

static QTestState *start_mapped(const char *options)
{
    QTestState *qts = start(options);

    map(qts);
    return qts;
}

static void set_pin(QTestState *qts, unsigned pin, int level)
{
    raspi_gpio_set_pin(qts, &paths, pin, level);
}

static uint64_t get_mask(QTestState *qts, const char *property)
{
    return raspi_gpio_get_mask(qts, &paths, property);
}

/* The levels that the guest reads, of all banks */
static uint64_t inputs(QTestState *qts)
{
    uint64_t in = 0;

    for (int i = 0; i < BANKS; i++) {
        uint32_t bank = rd(qts, SYS_RIO + 0x4000 * i + RIO_IN);

        g_assert_cmphex(rd(qts, SYS_RIO + 0x4000 * i + RIO_SYNC_IN), ==, bank);
        in |= (uint64_t)bank << banks[i].first;
    }
    return in;
}

static void enable_inputs(QTestState *qts)
{
    for (unsigned pin = 0; pin < PINS; pin++) {
        wr(qts, pad_of(pin) + SET, PAD_IE);
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
    }
}

static uint32_t events(QTestState *qts, unsigned pin)
{
    uint32_t status = rd(qts, io_of(pin) + STATUS);

    /* The filter delays nothing: both kinds of events are the same */
    g_assert_cmphex(status >> FILTERED & EVENTS, ==, status & EVENTS);
    return status & EVENTS;
}

static void assert_reset_state(QTestState *qts)
{
    for (unsigned pin = 0; pin < PINS; pin++) {
        g_assert_cmphex(rd(qts, io_of(pin) + CTRL), ==, CTRL_RESET);
        g_assert_cmphex(rd(qts, pad_of(pin)), ==,
                        pin < 9 ? 0x9a : 0x96);
        g_assert_cmphex(events(qts, pin), ==, LOW);
    }
    for (unsigned i = 0; i < BANKS; i++) {
        unsigned io = IO_BANK + 0x4000 * i, rio = SYS_RIO + 0x4000 * i;

        g_assert_cmphex(rd(qts, rio + RIO_OUT), ==, 0);
        g_assert_cmphex(rd(qts, rio + RIO_OE), ==, 0);
        g_assert_cmphex(rd(qts, PADS + 0x4000 * i), ==, 0);
        g_assert_cmphex(rd(qts, io + INTR), ==, 0);
        for (int dest = 0; dest < 3; dest++) {
            g_assert_cmphex(rd(qts, io + INTE(dest)), ==, 0);
            g_assert_cmphex(rd(qts, io + INTF(dest)), ==, 0);
            g_assert_cmphex(rd(qts, io + INTS(dest)), ==, 0);
        }
    }
    for (int n = 0; n < VECTORS; n++) {
        g_assert_cmphex(rd(qts, MSIX_CFG(n)), ==, 0);
    }
    g_assert_cmphex(get_mask(qts, "pull-up"), ==, MAKE_64BIT_MASK(0, 9));
    g_assert_cmphex(get_mask(qts, "pull-down"), ==,
                    MAKE_64BIT_MASK(9, PINS - 9));
}

/* What Linux's rp1_pci reads, and the sizes that a guest probes */
static void test_pci(void)
{
    static const uint32_t sizes[] = { 0x4000, 0x400000, 0x10000 };
    QTestState *qts = start("");

    g_assert_cmphex(qtest_readl(qts, CONFIG), ==, 0x00011de4);
    g_assert_cmphex(qtest_readl(qts, CONFIG + 0x08) >> 8, ==, 0x020000);
    for (int i = 0; i < 6; i++) {
        qtest_writel(qts, CONFIG + 0x10 + 4 * i, 0xffffffff);
        g_assert_cmphex(qtest_readl(qts, CONFIG + 0x10 + 4 * i), ==,
                        i < ARRAY_SIZE(sizes) ? -sizes[i] : 0);
    }
    g_assert_cmphex(qtest_readb(qts, CONFIG + CAP_MSIX), ==, 0x11);
    g_assert_cmpint(qtest_readw(qts, CONFIG + CAP_MSIX + 2) & 0x7ff, ==,
                    VECTORS - 1);
    g_assert_cmphex(qtest_readl(qts, CONFIG + CAP_MSIX + 4), ==, 0);
    g_assert_cmphex(qtest_readl(qts, CONFIG + CAP_MSIX + 8), ==, PBA);

    map(qts);
    assert_reset_state(qts);
    qtest_writel(qts, BAR2 + 0xfffc, 0x12345678);
    g_assert_cmphex(qtest_readl(qts, BAR2 + 0xfffc), ==, 0x12345678);

    /* Peripherals that are not implemented read as 0 */
    for (unsigned offset = 0; offset < 0x400000; offset += 0x1000) {
        if (offset >= IO_BANK && offset < PADS + 0xc000) {
            continue;
        }
        wr(qts, offset, 0xffffffff);
        g_assert_cmphex(rd(qts, offset), ==, 0);
    }
    qtest_quit(qts);
}

static void check_register(QTestState *qts, unsigned offset, uint32_t mask)
{
    uint32_t before = rd(qts, offset);

    wr(qts, offset, 0);
    g_assert_cmphex(rd(qts, offset), ==, 0);
    wr(qts, offset + SET, 0x55555555);
    g_assert_cmphex(rd(qts, offset), ==, 0x55555555 & mask);
    wr(qts, offset + XOR, 0xffffffff);
    g_assert_cmphex(rd(qts, offset), ==, 0xaaaaaaaa & mask);
    wr(qts, offset + CLEAR, 0x0000ffff);
    g_assert_cmphex(rd(qts, offset), ==, 0xaaaa0000 & mask);
    wr(qts, offset, 0xffffffff);
    g_assert_cmphex(rd(qts, offset), ==, mask);

    /* As on a board, an alias reads as 0 whatever the register's value */
    g_assert_cmphex(rd(qts, offset + XOR), ==, 0);
    g_assert_cmphex(rd(qts, offset + SET), ==, 0);
    g_assert_cmphex(rd(qts, offset + CLEAR), ==, 0);

    /* So read-modify-write of an alias touches no other bit */
    wr(qts, offset + CLEAR, rd(qts, offset + CLEAR) | (mask & -mask));
    g_assert_cmphex(rd(qts, offset), ==, mask & (mask - 1));
    wr(qts, offset, before);
}

static void test_registers(void)
{
    QTestState *qts = start_mapped("");

    for (unsigned pin = 0; pin < PINS; pin++) {
        check_register(qts, io_of(pin) + CTRL, 0xcff3ffff);
        check_register(qts, pad_of(pin), 0xff);
    }
    for (int i = 0; i < BANKS; i++) {
        uint32_t pins = MAKE_64BIT_MASK(0, banks[i].pins);

        check_register(qts, SYS_RIO + 0x4000 * i + RIO_OUT, pins);
        check_register(qts, SYS_RIO + 0x4000 * i + RIO_OE, pins);
        check_register(qts, PADS + 0x4000 * i, 1);
        for (int dest = 0; dest < 3; dest++) {
            check_register(qts, IO_BANK + 0x4000 * i + INTE(dest), pins);
            check_register(qts, IO_BANK + 0x4000 * i + INTF(dest), pins);
        }
    }
    /* Clear the edges of inputs that were enabled for a moment */
    for (unsigned pin = 0; pin < PINS; pin++) {
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
    }
    assert_reset_state(qts);

    /* Read-only registers */
    for (unsigned pin = 0; pin < PINS; pin++) {
        uint32_t status = rd(qts, io_of(pin) + STATUS);

        wr(qts, io_of(pin) + STATUS, ~status);
        g_assert_cmphex(rd(qts, io_of(pin) + STATUS), ==, status);
    }
    wr(qts, SYS_RIO + RIO_IN, 0xffffffff);
    wr(qts, SYS_RIO + RIO_SYNC_IN, 0xffffffff);
    wr(qts, IO_BANK + INTR, 0xffffffff);
    wr(qts, IO_BANK + INTS(TO_PCIE), 0xffffffff);
    assert_reset_state(qts);
    qtest_quit(qts);
}

static void test_levels(void)
{
    QTestState *qts = start_mapped("");
    uint64_t idle = MAKE_64BIT_MASK(0, 9);

    /* Out of reset every input buffer is off, and a pin reads 0 */
    g_assert_cmphex(get_mask(qts, "level"), ==, idle);
    g_assert_cmphex(inputs(qts), ==, 0);
    set_pin(qts, 17, 1);
    g_assert_cmphex(inputs(qts), ==, 0);
    g_assert_cmphex(get_mask(qts, "level"), ==, idle | BIT_ULL(17));
    set_pin(qts, 17, LET_GO);

    enable_inputs(qts);
    g_assert_cmphex(inputs(qts), ==, idle);
    for (unsigned pin = 0; pin < PINS; pin++) {
        set_pin(qts, pin, 1);
        g_assert_cmphex(inputs(qts), ==, idle | BIT_ULL(pin));
        set_pin(qts, pin, 0);
        g_assert_cmphex(inputs(qts), ==, idle & ~BIT_ULL(pin));
        set_pin(qts, pin, LET_GO);
        g_assert_cmphex(inputs(qts), ==, idle);
    }
    g_assert_cmphex(get_mask(qts, "level"), ==, idle);

    /* INOVER: invert, low, high */
    wr(qts, io_of(17) + CTRL, CTRL_RESET | 1 << 16);
    g_assert_cmphex(inputs(qts), ==, idle | BIT_ULL(17));
    wr(qts, io_of(5) + CTRL, CTRL_RESET | 2 << 16);
    g_assert_cmphex(inputs(qts), ==, (idle | BIT_ULL(17)) & ~BIT_ULL(5));
    wr(qts, io_of(33) + CTRL, CTRL_RESET | 3 << 16);
    g_assert_cmphex(inputs(qts), ==,
                    (idle | BIT_ULL(17) | BIT_ULL(33)) & ~BIT_ULL(5));
    qtest_quit(qts);
}

static void test_outputs(void)
{
    QTestState *qts = start_mapped("");

    enable_inputs(qts);
    for (unsigned pin = 0; pin < PINS; pin++) {
        uint64_t pull = pin < 9 ? BIT_ULL(pin) : 0;
        uint64_t others = MAKE_64BIT_MASK(0, 9) & ~BIT_ULL(pin);

        /* An output needs the function, output enable, and the pad's output */
        wr(qts, rio_of(pin) + RIO_OUT + SET, pull ? 0 : bit_of(pin));
        wr(qts, rio_of(pin) + RIO_OE + SET, bit_of(pin));
        g_assert_cmphex(inputs(qts), ==, others | pull);
        wr(qts, io_of(pin) + CTRL, FUNC_RIO);
        g_assert_cmphex(inputs(qts), ==, others | pull);
        g_assert_cmphex(rd(qts, io_of(pin)) & 0x3000, ==, 0x3000);
        wr(qts, pad_of(pin) + CLEAR, PAD_OD);
        g_assert_cmphex(inputs(qts), ==, others | (BIT_ULL(pin) & ~pull));

        wr(qts, rio_of(pin) + RIO_OUT + SET, bit_of(pin));
        g_assert_cmphex(inputs(qts), ==, others | BIT_ULL(pin));
        g_assert_cmphex(rd(qts, io_of(pin)) & 0x3300, ==, 0x3300);

        /* A button that shorts the output to ground wins */
        set_pin(qts, pin, 0);
        g_assert_cmphex(inputs(qts), ==, others);
        set_pin(qts, pin, LET_GO);

        /* OUTOVER: invert; OEOVER: disable; another function drives nothing */
        wr(qts, io_of(pin) + CTRL, FUNC_RIO | 1 << 12);
        g_assert_cmphex(inputs(qts), ==, others);
        g_assert_cmphex(rd(qts, io_of(pin)) & 0x3300, ==, 0x3100);
        wr(qts, io_of(pin) + CTRL, FUNC_RIO | 2 << 14);
        g_assert_cmphex(inputs(qts), ==, others | pull);
        g_assert_cmphex(rd(qts, io_of(pin)) & 0x3300, ==, 0x1300);
        wr(qts, io_of(pin) + CTRL, 0);
        g_assert_cmphex(inputs(qts), ==, others | pull);

        /* OUTOVER high and OEOVER enable need no function */
        wr(qts, io_of(pin) + CTRL, 0x1f | 3 << 12 | 3 << 14);
        g_assert_cmphex(inputs(qts), ==, others | BIT_ULL(pin));

        wr(qts, io_of(pin) + CTRL, CTRL_RESET);
        wr(qts, pad_of(pin) + SET, PAD_OD);
        wr(qts, rio_of(pin) + RIO_OE + CLEAR, bit_of(pin));
    }
    qtest_quit(qts);
}

static void test_pulls(void)
{
    QTestState *qts = start_mapped("");
    uint64_t up = MAKE_64BIT_MASK(0, 9);
    uint64_t down = MAKE_64BIT_MASK(9, PINS - 9);

    enable_inputs(qts);
    for (unsigned pin = 0; pin < PINS; pin++) {
        uint64_t bit = BIT_ULL(pin);

        wr(qts, pad_of(pin) + CLEAR, PAD_PUE | PAD_PDE);
        up &= ~bit;
        down &= ~bit;
        g_assert_cmphex(get_mask(qts, "pull-up"), ==, up);
        g_assert_cmphex(get_mask(qts, "pull-down"), ==, down);
        g_assert_cmphex(inputs(qts) & bit, ==, 0);

        /* A pull that changes the level makes an edge */
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
        wr(qts, pad_of(pin) + SET, PAD_PUE);
        g_assert_cmphex(get_mask(qts, "pull-up"), ==, up | bit);
        g_assert_cmphex(inputs(qts) & bit, ==, bit);
        g_assert_cmphex(events(qts, pin), ==, RISING | HIGH);

        wr(qts, pad_of(pin) + XOR, PAD_PUE | PAD_PDE);
        g_assert_cmphex(get_mask(qts, "pull-up"), ==, up);
        g_assert_cmphex(get_mask(qts, "pull-down"), ==, down | bit);
        g_assert_cmphex(inputs(qts) & bit, ==, 0);

        /* A level from outside overrides the pull */
        set_pin(qts, pin, 1);
        g_assert_cmphex(inputs(qts) & bit, ==, bit);
        set_pin(qts, pin, LET_GO);
        wr(qts, pad_of(pin) + CLEAR, PAD_PDE);
    }
    qtest_quit(qts);
}

static void test_events(void)
{
    QTestState *qts = start_mapped("");

    enable_inputs(qts);
    for (unsigned pin = 0; pin < PINS; pin++) {
        set_pin(qts, pin, 0);
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
        g_assert_cmphex(events(qts, pin), ==, LOW);

        /* Edges are latched though the pin's interrupt is masked */
        set_pin(qts, pin, 1);
        g_assert_cmphex(events(qts, pin), ==, RISING | HIGH);
        set_pin(qts, pin, 0);
        g_assert_cmphex(events(qts, pin), ==, RISING | FALLING | LOW);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, 0);

        /* IRQRESET, here through the set alias, clears both edges, reads 0 */
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
        g_assert_cmphex(rd(qts, io_of(pin) + CTRL), ==, CTRL_RESET);
        g_assert_cmphex(events(qts, pin), ==, LOW);
        set_pin(qts, pin, 1);
        wr(qts, io_of(pin) + CTRL, CTRL_RESET | IRQRESET);
        g_assert_cmphex(rd(qts, io_of(pin) + CTRL), ==, CTRL_RESET);
        g_assert_cmphex(events(qts, pin), ==, HIGH);

        /* The same level again is no edge */
        set_pin(qts, pin, 1);
        g_assert_cmphex(events(qts, pin), ==, HIGH);

        /* Writing IRQRESET to the clear alias resets nothing */
        set_pin(qts, pin, 0);
        wr(qts, io_of(pin) + CTRL + CLEAR, IRQRESET);
        g_assert_cmphex(events(qts, pin), ==, FALLING | LOW);

        /* A disabled input is low, so enabling it can make an edge */
        set_pin(qts, pin, 1);
        wr(qts, pad_of(pin) + CLEAR, PAD_IE);
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
        g_assert_cmphex(events(qts, pin), ==, LOW);
        wr(qts, pad_of(pin) + SET, PAD_IE);
        g_assert_cmphex(events(qts, pin), ==, RISING | HIGH);
        set_pin(qts, pin, LET_GO);
    }
    qtest_quit(qts);
}

static void check_mask(QTestState *qts, unsigned pin, uint32_t mask,
                       bool at_low, bool at_high)
{
    uint32_t combined;

    set_pin(qts, pin, 0);
    wr(qts, io_of(pin) + CTRL, CTRL_RESET | mask | IRQRESET);
    for (int level = 0; level <= 1; level++) {
        combined = (level ? at_high : at_low) ? IRQCOMBINED | IRQTOPROC : 0;
        g_assert_cmphex(rd(qts, io_of(pin)) & (IRQCOMBINED | IRQTOPROC), ==,
                        combined);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==,
                        combined ? bit_of(pin) : 0);
        set_pin(qts, pin, 1);
    }
}

static void test_interrupt_masks(void)
{
    QTestState *qts = start_mapped("");

    enable_inputs(qts);
    for (unsigned pin = 0; pin < PINS; pin++) {
        for (int shift = 0; shift <= FILTERED; shift += FILTERED) {
            check_mask(qts, pin, 0, false, false);
            check_mask(qts, pin, RISING << shift, false, true);
            check_mask(qts, pin, FALLING << shift, false, false);
            check_mask(qts, pin, LOW << shift, true, false);
            check_mask(qts, pin, HIGH << shift, false, true);
        }

        /* An edge stays latched; a level event ends with the level */
        wr(qts, io_of(pin) + CTRL, CTRL_RESET | FALLING | HIGH | IRQRESET);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, bit_of(pin));
        set_pin(qts, pin, 0);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, bit_of(pin));
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, 0);

        /* IRQOVER: invert, low, high */
        wr(qts, io_of(pin) + CTRL, CTRL_RESET | HIGH | 1u << 30);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, bit_of(pin));
        g_assert_cmphex(rd(qts, io_of(pin)) & (IRQCOMBINED | IRQTOPROC), ==,
                        IRQTOPROC);
        set_pin(qts, pin, 1);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, 0);
        wr(qts, io_of(pin) + CTRL, CTRL_RESET | HIGH | 2u << 30);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, 0);
        wr(qts, io_of(pin) + CTRL, CTRL_RESET | 3u << 30);
        g_assert_cmphex(rd(qts, int_of(pin) + INTR), ==, bit_of(pin));

        /* Each destination gets interrupts that are enabled or forced */
        for (int dest = 0; dest < 3; dest++) {
            g_assert_cmphex(rd(qts, int_of(pin) + INTS(dest)), ==, 0);
            wr(qts, int_of(pin) + INTE(dest), bit_of(pin));
            g_assert_cmphex(rd(qts, int_of(pin) + INTS(dest)), ==, bit_of(pin));
            wr(qts, int_of(pin) + INTE(dest), 0);
            wr(qts, int_of(pin) + INTF(dest), bit_of(pin));
            g_assert_cmphex(rd(qts, int_of(pin) + INTS(dest)), ==, bit_of(pin));
            wr(qts, int_of(pin) + INTF(dest), 0);
        }
        wr(qts, io_of(pin) + CTRL, CTRL_RESET);
        set_pin(qts, pin, LET_GO);
    }
    qtest_quit(qts);
}

static void enable_msix(QTestState *qts)
{
    for (int n = 0; n < VECTORS; n++) {
        qtest_writel(qts, BAR0 + 16 * n, MESSAGES + 4 * n);
        qtest_writel(qts, BAR0 + 16 * n + 4, 0);
        qtest_writel(qts, BAR0 + 16 * n + 8, 0x1000 + n);
        qtest_writel(qts, BAR0 + 16 * n + 12, 0);
    }
    qtest_writew(qts, CONFIG + CAP_MSIX + 2, 0x8000);
}

/* Whether the vector's message, and no other, was sent since the last call */
static bool message(QTestState *qts, int vector)
{
    bool sent = false;

    for (int n = 0; n < VECTORS; n++) {
        uint32_t data = qtest_readl(qts, MESSAGES + 4 * n);

        if (data) {
            g_assert_cmpint(n, ==, vector);
            g_assert_cmphex(data, ==, 0x1000 + n);
            qtest_writel(qts, MESSAGES + 4 * n, 0);
            sent = true;
        }
    }
    return sent;
}

/* Makes a pin's rising edge an interrupt to the PCIe host */
static void watch(QTestState *qts, unsigned pin)
{
    set_pin(qts, pin, 0);
    wr(qts, io_of(pin) + CTRL, CTRL_RESET | RISING | IRQRESET);
    wr(qts, int_of(pin) + INTE(TO_PCIE) + SET, bit_of(pin));
}

static void test_messages(void)
{
    QTestState *qts = start_mapped("");

    enable_inputs(qts);
    enable_msix(qts);
    for (unsigned pin = 0; pin < PINS; pin++) {
        unsigned n = bank_of(pin), cfg = MSIX_CFG(n);

        watch(qts, pin);

        /* No message before the vector is enabled, then one at once */
        set_pin(qts, pin, 1);
        g_assert_false(message(qts, n));
        wr(qts, cfg + MSIX_SET, MSIX_ENABLE);
        g_assert_true(message(qts, n));

        /* No further message while the interrupt stays asserted */
        set_pin(qts, pin, 0);
        set_pin(qts, pin, 1);
        g_assert_false(message(qts, n));

        /* Without IACK_EN, the next rise of the input sends a message */
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);
        g_assert_false(message(qts, n));
        set_pin(qts, pin, 0);
        set_pin(qts, pin, 1);
        g_assert_true(message(qts, n));
        wr(qts, io_of(pin) + CTRL + SET, IRQRESET);

        wr(qts, cfg + MSIX_CLEAR, MSIX_ENABLE);
        g_assert_cmphex(rd(qts, cfg), ==, 0);
        set_pin(qts, pin, 0);
        set_pin(qts, pin, 1);
        g_assert_false(message(qts, n));
        wr(qts, io_of(pin) + CTRL, CTRL_RESET | IRQRESET);
        set_pin(qts, pin, LET_GO);
    }
    qtest_quit(qts);
}

static void test_iack(void)
{
    QTestState *qts = start_mapped("");
    unsigned cfg = MSIX_CFG(0);

    enable_inputs(qts);
    enable_msix(qts);
    watch(qts, 17);
    wr(qts, cfg + MSIX_SET, MSIX_ENABLE | MSIX_IACK_EN);
    g_assert_cmphex(rd(qts, cfg), ==, MSIX_ENABLE | MSIX_IACK_EN);
    g_assert_cmphex(rd(qts, cfg + MSIX_SET), ==, 0);

    set_pin(qts, 17, 1);
    g_assert_true(message(qts, 0));

    /* The input falls and rises before IACK: one message, at IACK */
    wr(qts, io_of(17) + CTRL + SET, IRQRESET);
    set_pin(qts, 17, 0);
    set_pin(qts, 17, 1);
    g_assert_false(message(qts, 0));
    wr(qts, cfg + MSIX_SET, MSIX_IACK);
    g_assert_cmphex(rd(qts, cfg), ==, MSIX_ENABLE | MSIX_IACK_EN);
    g_assert_true(message(qts, 0));

    /* A message at IACK while the input is still high, none after */
    wr(qts, cfg + MSIX_SET, MSIX_IACK);
    g_assert_true(message(qts, 0));
    wr(qts, io_of(17) + CTRL + SET, IRQRESET);
    wr(qts, cfg + MSIX_SET, MSIX_IACK);
    g_assert_false(message(qts, 0));
    set_pin(qts, 17, 0);
    set_pin(qts, 17, 1);
    g_assert_true(message(qts, 0));
    wr(qts, io_of(17) + CTRL + SET, IRQRESET);
    wr(qts, cfg + MSIX_SET, MSIX_IACK);

    /* A masked vector is pending until it is unmasked */
    qtest_writel(qts, BAR0 + 12, 1);
    set_pin(qts, 17, 0);
    set_pin(qts, 17, 1);
    g_assert_false(message(qts, 0));
    g_assert_cmphex(qtest_readl(qts, BAR0 + PBA), ==, 1);
    qtest_writel(qts, BAR0 + 12, 0);
    g_assert_true(message(qts, 0));
    g_assert_cmphex(qtest_readl(qts, BAR0 + PBA), ==, 0);
    qtest_quit(qts);
}

static void test_wires(void)
{
    QTestState *qts = start_mapped(",wires=27-17,,5-40,,40-30");

    enable_inputs(qts);
    /* Each end follows its own pull as long as nothing drives the wire */
    wr(qts, pad_of(17) + XOR, PAD_PUE | PAD_PDE);
    g_assert_cmphex(inputs(qts) & (BIT(17) | BIT(27)), ==, BIT(17));
    wr(qts, pad_of(27) + CLEAR, PAD_PDE);
    g_assert_cmphex(inputs(qts) & (BIT(17) | BIT(27)), ==, BIT(17) | BIT(27));

    /* A button press: 27 becomes a low output, then an input again */
    wr(qts, io_of(17) + CTRL, CTRL_RESET | IRQRESET);
    wr(qts, io_of(27) + CTRL, FUNC_RIO);
    wr(qts, pad_of(27) + CLEAR, PAD_OD);
    wr(qts, SYS_RIO + RIO_OE + SET, BIT(27));
    g_assert_cmphex(events(qts, 17), ==, FALLING | LOW);
    wr(qts, SYS_RIO + RIO_OE + CLEAR, BIT(27));
    g_assert_cmphex(events(qts, 17), ==, FALLING | RISING | HIGH);

    /* Drivers that disagree: low wins */
    wr(qts, SYS_RIO + RIO_OUT + SET, BIT(27));
    wr(qts, SYS_RIO + RIO_OE + SET, BIT(27));
    g_assert_cmphex(inputs(qts) & (BIT(17) | BIT(27)), ==, BIT(17) | BIT(27));
    set_pin(qts, 17, 0);
    g_assert_cmphex(inputs(qts) & (BIT(17) | BIT(27)), ==, 0);

    /* A wire of three pins across the banks */
    set_pin(qts, 5, 0);
    g_assert_cmphex(inputs(qts) & (BIT(5) | BIT(30) | BIT_ULL(40)), ==, 0);
    set_pin(qts, 5, LET_GO);
    set_pin(qts, 40, 1);
    g_assert_cmphex(inputs(qts) & (BIT(5) | BIT(30) | BIT_ULL(40)), ==,
                    BIT(5) | BIT(30) | BIT_ULL(40));
    qtest_quit(qts);
}

static void test_bad_wires(void)
{
    raspi_gpio_assert_bad_wires("virt", "-device", "rp1,wires=%s");
}

/* Changes every kind of state that a reset and a migration concern */
static void disturb(QTestState *qts)
{
    enable_msix(qts);
    wr(qts, MSIX_CFG(0), MSIX_ENABLE | MSIX_IACK_EN);
    wr(qts, MSIX_CFG(60), MSIX_IACK_EN);
    wr(qts, pad_of(17), PAD_IE | PAD_PUE);
    wr(qts, PADS, 1);
    watch(qts, 17);
    set_pin(qts, 17, 1);
    wr(qts, pad_of(22), PAD_IE);
    wr(qts, io_of(22) + CTRL, FUNC_RIO);
    wr(qts, SYS_RIO + RIO_OUT, BIT(22));
    wr(qts, SYS_RIO + RIO_OE, BIT(22));
    wr(qts, pad_of(40), PAD_IE);
    set_pin(qts, 40, 1);
    set_pin(qts, 40, 0);
    wr(qts, IO_BANK + 0x8000 + INTE(0), BIT(6));
    wr(qts, IO_BANK + 0x4000 + INTF(1), BIT(2));
}

static void test_reset(void)
{
    QTestState *qts = start_mapped("");

    disturb(qts);
    g_assert_true(message(qts, 0));
    qtest_system_reset(qts);
    map(qts);
    assert_reset_state(qts);

    /* A reset does not change the outside: 17 is still driven high, 40 low */
    g_assert_cmphex(get_mask(qts, "level"), ==,
                    MAKE_64BIT_MASK(0, 9) | BIT_ULL(17));
    set_pin(qts, 17, LET_GO);
    g_assert_cmphex(get_mask(qts, "level"), ==, MAKE_64BIT_MASK(0, 9));

    /* MSI-X is disabled, so an interrupt sends no message */
    watch(qts, 17);
    wr(qts, pad_of(17) + SET, PAD_IE);
    wr(qts, MSIX_CFG(0), MSIX_ENABLE);
    set_pin(qts, 17, 1);
    g_assert_cmphex(rd(qts, IO_BANK + INTS(TO_PCIE)), ==, BIT(17));
    g_assert_false(message(qts, 0));
    qtest_quit(qts);
}

static void test_migration(void)
{
    QTestState *from = start_mapped("");
    QTestState *to = start(" -incoming defer");

    disturb(from);
    g_assert_true(message(from, 0));
    raspi_gpio_migrate(from, to);

    for (unsigned pin = 0; pin < PINS; pin++) {
        g_assert_cmphex(rd(to, io_of(pin)), ==, rd(from, io_of(pin)));
        g_assert_cmphex(rd(to, io_of(pin) + CTRL), ==,
                        rd(from, io_of(pin) + CTRL));
        g_assert_cmphex(rd(to, pad_of(pin)), ==, rd(from, pad_of(pin)));
    }
    g_assert_cmphex(inputs(to), ==, inputs(from));
    g_assert_cmphex(rd(to, SYS_RIO + RIO_OE), ==, BIT(22));
    g_assert_cmphex(rd(to, PADS), ==, 1);
    g_assert_cmphex(rd(to, IO_BANK + 0x8000 + INTE(0)), ==, BIT(6));
    g_assert_cmphex(rd(to, IO_BANK + 0x4000 + INTS(1)), ==, BIT(2));
    g_assert_cmphex(rd(to, MSIX_CFG(60)), ==, MSIX_IACK_EN);

    /* The target goes on: a message was sent and is not acknowledged yet */
    g_assert_false(message(to, 0));
    wr(to, io_of(17) + CTRL + SET, IRQRESET);
    set_pin(to, 17, 0);
    set_pin(to, 17, 1);
    g_assert_false(message(to, 0));
    wr(to, MSIX_CFG(0) + MSIX_SET, MSIX_IACK);
    g_assert_true(message(to, 0));
    wr(to, SYS_RIO + RIO_OUT + CLEAR, BIT(22));
    g_assert_cmphex(inputs(to), ==, inputs(from) & ~BIT_ULL(22));
    set_pin(to, 17, LET_GO);
    g_assert_cmphex(inputs(to) & BIT(17), ==, BIT(17));

    qtest_quit(from);
    qtest_quit(to);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/rp1/pci", test_pci);
    qtest_add_func("/rp1/registers", test_registers);
    qtest_add_func("/rp1/levels", test_levels);
    qtest_add_func("/rp1/outputs", test_outputs);
    qtest_add_func("/rp1/pulls", test_pulls);
    qtest_add_func("/rp1/events", test_events);
    qtest_add_func("/rp1/interrupt-masks", test_interrupt_masks);
    qtest_add_func("/rp1/messages", test_messages);
    qtest_add_func("/rp1/iack", test_iack);
    qtest_add_func("/rp1/wires", test_wires);
    qtest_add_func("/rp1/bad-wires", test_bad_wires);
    qtest_add_func("/rp1/reset", test_reset);
    qtest_add_func("/rp1/migration", test_migration);

    return g_test_run();
}
