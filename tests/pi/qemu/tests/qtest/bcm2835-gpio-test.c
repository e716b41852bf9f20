/*
 * QTest testcase for the Raspberry Pi GPIO controllers: inputs, event
 * detection, interrupts, pulls and jumper wires
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "raspi-gpio-utils.h"

#define GPFSEL0     0x00
#define GPSET0      0x1C
#define GPCLR0      0x28
#define GPLEV0      0x34
#define GPEDS0      0x40
#define GPREN0      0x4C
#define GPFEN0      0x58
#define GPHEN0      0x64
#define GPLEN0      0x70
#define GPAREN0     0x7C
#define GPAFEN0     0x88
#define GPPUD       0x94
#define GPPUDCLK0   0x98
#define GPIO_PUP_PDN_CNTRL_REG0 0xE4

#define FSEL_IN     0
#define FSEL_OUT    1
#define FSEL_ALT0   4

static const RaspiGpioPaths paths = {
    "/machine/soc/peripherals/gpio", "/machine/soc/peripherals/gpio/pins"
};

/* The interrupt controller's "pending" word that has the GPIO lines */
#define GPIO_IRQ_SHIFT      17
#define IC_PENDING_2        0xB208
#define IC_ENABLE_2         0xB214
#define GICD_ISPENDR4       0xFF841210

typedef enum { PULL_NONE, PULL_UP, PULL_DOWN } Pull;

typedef struct Board {
    const char *machine;
    uint64_t peri;
    unsigned pins;
    bool is_bcm2838;
} Board;

static const Board boards[] = {
    { "raspi0", 0x20000000, 54, false },
    { "raspi2b", 0x3F000000, 54, false },
    { "raspi3b", 0x3F000000, 54, false },
    { "raspi4b", 0xFE000000, 58, true },
};

static QTestState *start(const Board *board, const char *options)
{
    return qtest_initf("-machine %s %s", board->machine, options);
}

static uint64_t all_pins(const Board *board)
{
    return MAKE_64BIT_MASK(0, board->pins);
}

static uint64_t reset_pull_up(const Board *board)
{
    return (MAKE_64BIT_MASK(0, 9) | MAKE_64BIT_MASK(34, 3) |
            MAKE_64BIT_MASK(46, 12)) & all_pins(board);
}

static uint64_t reset_pull_down(const Board *board)
{
    return all_pins(board) & ~reset_pull_up(board) &
        ~(MAKE_64BIT_MASK(28, 2) | MAKE_64BIT_MASK(44, 2));
}

static uint32_t readreg(QTestState *qts, const Board *board, unsigned offset)
{
    return qtest_readl(qts, board->peri + 0x200000 + offset);
}

static void writereg(QTestState *qts, const Board *board, unsigned offset,
                     uint32_t value)
{
    qtest_writel(qts, board->peri + 0x200000 + offset, value);
}

/* Reads both words of a register that has one bit per pin */
static uint64_t readpins(QTestState *qts, const Board *board, unsigned offset)
{
    return deposit64(readreg(qts, board, offset), 32, 32,
                     readreg(qts, board, offset + 4));
}

static void writepins(QTestState *qts, const Board *board, unsigned offset,
                      uint64_t value)
{
    writereg(qts, board, offset, extract64(value, 0, 32));
    writereg(qts, board, offset + 4, extract64(value, 32, 32));
}

static void set_pin(QTestState *qts, unsigned pin, int level)
{
    raspi_gpio_set_pin(qts, &paths, pin, level);
}

static void set_function(QTestState *qts, const Board *board, unsigned pin,
                         unsigned function)
{
    unsigned offset = GPFSEL0 + pin / 10 * 4;
    uint32_t value = readreg(qts, board, offset);

    writereg(qts, board, offset, deposit32(value, pin % 10 * 3, 3, function));
}

/* Sets a pull by the registers, which differ between the two SoC families */
static void set_pull(QTestState *qts, const Board *board, unsigned pin,
                     Pull pull)
{
    static const uint32_t pud[] = {
        [PULL_NONE] = 0, [PULL_DOWN] = 1, [PULL_UP] = 2,
    };
    static const uint32_t pup_pdn[] = {
        [PULL_NONE] = 0, [PULL_UP] = 1, [PULL_DOWN] = 2,
    };

    if (board->is_bcm2838) {
        unsigned offset = GPIO_PUP_PDN_CNTRL_REG0 + pin / 16 * 4;
        uint32_t value = readreg(qts, board, offset);

        value = deposit32(value, pin % 16 * 2, 2, pup_pdn[pull]);
        writereg(qts, board, offset, value);
        g_assert_cmphex(readreg(qts, board, offset), ==, value);
    } else {
        writereg(qts, board, GPPUD, pud[pull]);
        g_assert_cmphex(readreg(qts, board, GPPUD), ==, pud[pull]);
        writepins(qts, board, GPPUDCLK0, BIT_ULL(pin));
        g_assert_cmphex(readpins(qts, board, GPPUDCLK0), ==, BIT_ULL(pin));
        writereg(qts, board, GPPUD, 0);
        writepins(qts, board, GPPUDCLK0, 0);
    }
}

static uint64_t get_mask(QTestState *qts, const char *property)
{
    return raspi_gpio_get_mask(qts, &paths, property);
}

static void assert_level(QTestState *qts, const Board *board, unsigned pin,
                         int level)
{
    uint64_t levels = readpins(qts, board, GPLEV0);

    g_assert_cmpint(extract64(levels, pin, 1), ==, level);
    g_assert_cmphex(get_mask(qts, "level"), ==, levels);
}

/* The controller's four interrupts, as the interrupt controller sees them */
static unsigned pending_irqs(QTestState *qts, const Board *board)
{
    uint64_t addr = board->is_bcm2838 ? GICD_ISPENDR4
                                      : board->peri + IC_PENDING_2;

    return extract32(qtest_readl(qts, addr), GPIO_IRQ_SHIFT, 4);
}

static void assert_reset_state(QTestState *qts, const Board *board)
{
    static const unsigned regs[] = {
        GPEDS0, GPREN0, GPFEN0, GPHEN0, GPLEN0, GPAREN0, GPAFEN0,
    };

    for (int i = 0; i < ARRAY_SIZE(regs); i++) {
        g_assert_cmphex(readpins(qts, board, regs[i]), ==, 0);
    }
    if (!board->is_bcm2838) {
        g_assert_cmphex(readreg(qts, board, GPPUD), ==, 0);
        g_assert_cmphex(readpins(qts, board, GPPUDCLK0), ==, 0);
    }
    g_assert_cmphex(get_mask(qts, "pull-up"), ==, reset_pull_up(board));
    g_assert_cmphex(get_mask(qts, "pull-down"), ==, reset_pull_down(board));
    g_assert_cmphex(pending_irqs(qts, board), ==, 0);
}

static void test_levels(gconstpointer data)
{
    const Board *board = data;
    QTestState *qts = start(board, "");
    uint64_t idle = reset_pull_up(board);

    assert_reset_state(qts, board);
    g_assert_cmphex(readpins(qts, board, GPLEV0), ==, idle);

    for (unsigned pin = 0; pin < board->pins; pin++) {
        set_pin(qts, pin, 1);
        g_assert_cmphex(readpins(qts, board, GPLEV0), ==, idle | BIT_ULL(pin));
        set_pin(qts, pin, 0);
        g_assert_cmphex(readpins(qts, board, GPLEV0), ==, idle & ~BIT_ULL(pin));
        set_pin(qts, pin, LET_GO);
        g_assert_cmphex(readpins(qts, board, GPLEV0), ==, idle);
    }

    /* Read only */
    writepins(qts, board, GPLEV0, ~idle);
    g_assert_cmphex(readpins(qts, board, GPLEV0), ==, idle);

    /* With no event detect enabled there are no events */
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);
    qtest_quit(qts);
}

static void check_edge(QTestState *qts, const Board *board, unsigned reg,
                       bool rising, unsigned pin)
{
    uint64_t bit = BIT_ULL(pin);

    set_pin(qts, pin, !rising);
    writepins(qts, board, reg, bit);
    g_assert_cmphex(readpins(qts, board, reg), ==, bit);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);

    /* One edge sets the status */
    set_pin(qts, pin, rising);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);

    /* Writing 1 clears, writing 0 does not */
    writepins(qts, board, GPEDS0, ~bit);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);
    writepins(qts, board, GPEDS0, bit);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);

    /* Neither the same level again nor the other edge is an event */
    set_pin(qts, pin, rising);
    set_pin(qts, pin, !rising);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);

    /* The status stays set when the pin goes back and detection is disabled */
    set_pin(qts, pin, rising);
    set_pin(qts, pin, !rising);
    writepins(qts, board, reg, 0);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);
    writepins(qts, board, GPEDS0, bit);

    set_pin(qts, pin, rising);
    set_pin(qts, pin, LET_GO);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);
}

static void test_edges(gconstpointer data)
{
    static const struct {
        unsigned reg;
        bool rising;
    } edges[] = {
        { GPREN0, true }, { GPAREN0, true },
        { GPFEN0, false }, { GPAFEN0, false },
    };
    const Board *board = data;
    QTestState *qts = start(board, "");

    for (int i = 0; i < ARRAY_SIZE(edges); i++) {
        for (unsigned pin = 0; pin < board->pins; pin++) {
            check_edge(qts, board, edges[i].reg, edges[i].rising, pin);
        }
        /* Bits beyond the last pin are not implemented */
        writepins(qts, board, edges[i].reg, UINT64_MAX);
        g_assert_cmphex(readpins(qts, board, edges[i].reg), ==,
                        all_pins(board));
        writepins(qts, board, edges[i].reg, 0);
    }

    /* Both edges of one pin, among events on others */
    writepins(qts, board, GPREN0, BIT_ULL(17) | BIT_ULL(40));
    writepins(qts, board, GPFEN0, BIT_ULL(17));
    set_pin(qts, 40, 1);
    set_pin(qts, 17, 1);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==,
                    BIT_ULL(17) | BIT_ULL(40));
    writepins(qts, board, GPEDS0, BIT_ULL(17));
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, BIT_ULL(40));
    set_pin(qts, 17, 0);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==,
                    BIT_ULL(17) | BIT_ULL(40));

    qtest_quit(qts);
}

static void test_level_events(gconstpointer data)
{
    static const struct {
        unsigned reg;
        int level;
    } detects[] = { { GPHEN0, 1 }, { GPLEN0, 0 } };
    const Board *board = data;
    QTestState *qts = start(board, "");

    for (int i = 0; i < ARRAY_SIZE(detects); i++) {
        unsigned reg = detects[i].reg;
        int level = detects[i].level;

        for (unsigned pin = 0; pin < board->pins; pin++) {
            uint64_t bit = BIT_ULL(pin);

            set_pin(qts, pin, !level);
            writepins(qts, board, reg, bit);
            g_assert_cmphex(readpins(qts, board, reg), ==, bit);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);

            /* While the level holds the status cannot be cleared */
            set_pin(qts, pin, level);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);
            writepins(qts, board, GPEDS0, bit);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);

            /* After the level has gone, the status stays until it is cleared */
            set_pin(qts, pin, !level);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);
            writepins(qts, board, GPEDS0, bit);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);

            /* Enabling the detection of the present level sets the status */
            writepins(qts, board, reg, 0);
            set_pin(qts, pin, level);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);
            writepins(qts, board, reg, bit);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);

            writepins(qts, board, reg, 0);
            writepins(qts, board, GPEDS0, bit);
            set_pin(qts, pin, LET_GO);
            g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);
        }
    }
    qtest_quit(qts);
}

static void test_outputs(gconstpointer data)
{
    const Board *board = data;
    QTestState *qts = start(board, "");

    for (unsigned pin = 0; pin < board->pins; pin++) {
        uint64_t bit = BIT_ULL(pin);
        int pull = extract64(reset_pull_up(board), pin, 1);

        if (pin >= 48 && pin <= 53) {
            continue;       /* these pins belong to the SD card */
        }

        /* The output register of an input does not change the pin's level */
        writepins(qts, board, GPSET0, bit);
        assert_level(qts, board, pin, pull);
        set_function(qts, board, pin, FSEL_OUT);
        assert_level(qts, board, pin, 1);

        /* Both edges of an output are detected too */
        writepins(qts, board, GPFEN0, bit);
        writepins(qts, board, GPREN0, bit);
        writepins(qts, board, GPCLR0, bit);
        assert_level(qts, board, pin, 0);
        g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);
        writepins(qts, board, GPEDS0, bit);
        writepins(qts, board, GPSET0, bit);
        assert_level(qts, board, pin, 1);
        g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);
        writepins(qts, board, GPFEN0, 0);
        writepins(qts, board, GPREN0, 0);
        writepins(qts, board, GPEDS0, bit);

        /* A button that shorts the output to ground wins */
        set_pin(qts, pin, 0);
        assert_level(qts, board, pin, 0);
        set_pin(qts, pin, LET_GO);
        assert_level(qts, board, pin, 1);

        /* A pin with an alternate function, or an input, follows its pull */
        set_function(qts, board, pin, FSEL_ALT0);
        assert_level(qts, board, pin, pull);
        set_function(qts, board, pin, FSEL_IN);
        assert_level(qts, board, pin, pull);
    }
    qtest_quit(qts);
}

static void test_pulls(gconstpointer data)
{
    const Board *board = data;
    QTestState *qts = start(board, "");
    uint64_t up = reset_pull_up(board);
    uint64_t down = reset_pull_down(board);

    for (unsigned pin = 0; pin < board->pins; pin++) {
        uint64_t bit = BIT_ULL(pin);

        set_pull(qts, board, pin, PULL_DOWN);
        g_assert_cmphex(get_mask(qts, "pull-up"), ==, up & ~bit);
        g_assert_cmphex(get_mask(qts, "pull-down"), ==, down | bit);
        assert_level(qts, board, pin, 0);

        /* A pull that changes the level makes an edge */
        writepins(qts, board, GPREN0, bit);
        set_pull(qts, board, pin, PULL_UP);
        g_assert_cmphex(readpins(qts, board, GPEDS0), ==, bit);
        writepins(qts, board, GPREN0, 0);
        writepins(qts, board, GPEDS0, bit);
        g_assert_cmphex(get_mask(qts, "pull-up"), ==, up | bit);
        g_assert_cmphex(get_mask(qts, "pull-down"), ==, down & ~bit);
        assert_level(qts, board, pin, 1);

        /* A level from outside overrides the pull */
        set_pin(qts, pin, 0);
        assert_level(qts, board, pin, 0);
        set_pin(qts, pin, LET_GO);

        set_pull(qts, board, pin, PULL_NONE);
        up &= ~bit;
        down &= ~bit;
        g_assert_cmphex(get_mask(qts, "pull-up"), ==, up);
        g_assert_cmphex(get_mask(qts, "pull-down"), ==, down);
        assert_level(qts, board, pin, 0);
    }

    if (!board->is_bcm2838) {
        /* Pins take GPPUD when the clock rises, not before or after */
        writereg(qts, board, GPPUD, 2);
        g_assert_cmphex(get_mask(qts, "pull-up"), ==, 0);
        writepins(qts, board, GPPUDCLK0, BIT_ULL(17) | BIT_ULL(45));
        g_assert_cmphex(get_mask(qts, "pull-up"), ==,
                        BIT_ULL(17) | BIT_ULL(45));
        writereg(qts, board, GPPUD, 1);
        g_assert_cmphex(get_mask(qts, "pull-down"), ==, 0);
        writepins(qts, board, GPPUDCLK0, 0);
        g_assert_cmphex(get_mask(qts, "pull-up"), ==,
                        BIT_ULL(17) | BIT_ULL(45));
    }
    qtest_quit(qts);
}

static void test_irqs(gconstpointer data)
{
    static const struct {
        unsigned first, last;
    } banks[] = { { 0, 27 }, { 28, 45 }, { 46, 57 } };
    const Board *board = data;
    QTestState *qts = start(board, "");

    if (!board->is_bcm2838) {
        qtest_writel(qts, board->peri + IC_ENABLE_2, 0xf << GPIO_IRQ_SHIFT);
    }

    for (unsigned bank = 0; bank < ARRAY_SIZE(banks); bank++) {
        unsigned last = MIN(banks[bank].last, board->pins - 1);

        for (unsigned pin = banks[bank].first; pin <= last; pin++) {
            set_pin(qts, pin, 1);
            writepins(qts, board, GPFEN0, BIT_ULL(pin));
            g_assert_cmphex(pending_irqs(qts, board), ==, 0);
            set_pin(qts, pin, 0);
            g_assert_cmphex(pending_irqs(qts, board), ==, 1 << bank | 1 << 3);
            writepins(qts, board, GPEDS0, BIT_ULL(pin));
            g_assert_cmphex(pending_irqs(qts, board), ==, 0);
            set_pin(qts, pin, LET_GO);
        }
    }

    /* A line stays up until the last of its events is cleared */
    writepins(qts, board, GPREN0, all_pins(board));
    writepins(qts, board, GPFEN0, 0);
    writepins(qts, board, GPEDS0, all_pins(board));
    set_pin(qts, 10, 1);
    set_pin(qts, 27, 1);
    set_pin(qts, 28, 1);
    g_assert_cmphex(pending_irqs(qts, board), ==, 0xb);
    writepins(qts, board, GPEDS0, BIT_ULL(27));
    g_assert_cmphex(pending_irqs(qts, board), ==, 0xb);
    writepins(qts, board, GPEDS0, BIT_ULL(10));
    g_assert_cmphex(pending_irqs(qts, board), ==, 0xa);
    writepins(qts, board, GPEDS0, BIT_ULL(28));
    g_assert_cmphex(pending_irqs(qts, board), ==, 0);
    qtest_quit(qts);
}

static void test_wires(gconstpointer data)
{
    const Board *board = data;
    /* A wire between two pins; a wire of three pins across the two banks */
    QTestState *qts = start(board, "-global bcm2835-gpio-pins.wires="
                            "27-17,5-40,40-6");

    /* Each end follows its own pull as long as nothing drives the wire */
    set_pull(qts, board, 17, PULL_UP);
    assert_level(qts, board, 17, 1);
    assert_level(qts, board, 27, 0);
    set_pull(qts, board, 27, PULL_NONE);
    assert_level(qts, board, 27, 1);
    set_pull(qts, board, 17, PULL_NONE);
    assert_level(qts, board, 17, 0);
    set_pull(qts, board, 17, PULL_UP);

    /* A button press: 27 becomes a low output, then an input again */
    writepins(qts, board, GPFEN0, BIT_ULL(17));
    writepins(qts, board, GPREN0, BIT_ULL(17));
    writepins(qts, board, GPCLR0, BIT_ULL(27));
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);
    set_function(qts, board, 27, FSEL_OUT);
    assert_level(qts, board, 17, 0);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, BIT_ULL(17));
    writepins(qts, board, GPEDS0, BIT_ULL(17));
    writepins(qts, board, GPSET0, BIT_ULL(27));
    assert_level(qts, board, 17, 1);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, BIT_ULL(17));
    writepins(qts, board, GPEDS0, BIT_ULL(17));
    writepins(qts, board, GPCLR0, BIT_ULL(27));
    writepins(qts, board, GPEDS0, BIT_ULL(17));
    set_function(qts, board, 27, FSEL_IN);
    assert_level(qts, board, 17, 1);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, BIT_ULL(17));

    /* The wire works in the other direction too */
    set_pull(qts, board, 27, PULL_UP);
    set_function(qts, board, 17, FSEL_OUT);
    assert_level(qts, board, 27, 0);
    writepins(qts, board, GPSET0, BIT_ULL(17));
    assert_level(qts, board, 27, 1);

    /* Two outputs that disagree, and a button to ground on either end */
    set_function(qts, board, 27, FSEL_OUT);
    assert_level(qts, board, 17, 0);
    writepins(qts, board, GPSET0, BIT_ULL(27));
    assert_level(qts, board, 17, 1);
    set_pin(qts, 27, 0);
    assert_level(qts, board, 17, 0);
    set_pin(qts, 27, LET_GO);
    assert_level(qts, board, 17, 1);

    /* All ends of the wire of three pins */
    writepins(qts, board, GPHEN0, BIT_ULL(5) | BIT_ULL(6) | BIT_ULL(40));
    set_pin(qts, 5, 0);
    writepins(qts, board, GPEDS0, all_pins(board));
    assert_level(qts, board, 6, 0);
    assert_level(qts, board, 40, 0);
    set_pin(qts, 5, 1);
    assert_level(qts, board, 6, 1);
    assert_level(qts, board, 40, 1);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==,
                    BIT_ULL(5) | BIT_ULL(6) | BIT_ULL(40));
    qtest_quit(qts);
}

static void test_bad_wires(void)
{
    raspi_gpio_assert_bad_wires("raspi3b", "-global",
                                "bcm2835-gpio-pins.wires=%s");
}

/* Changes every kind of state that a reset and a migration concern */
static void disturb(QTestState *qts, const Board *board)
{
    writepins(qts, board, GPREN0, BIT_ULL(4) | BIT_ULL(33));
    writepins(qts, board, GPFEN0, BIT_ULL(5) | BIT_ULL(34));
    writepins(qts, board, GPHEN0, BIT_ULL(6) | BIT_ULL(35));
    writepins(qts, board, GPLEN0, BIT_ULL(7) | BIT_ULL(36));
    writepins(qts, board, GPAREN0, BIT_ULL(8) | BIT_ULL(37));
    writepins(qts, board, GPAFEN0, BIT_ULL(9) | BIT_ULL(38));
    set_pull(qts, board, 17, PULL_UP);
    set_pull(qts, board, 46, PULL_DOWN);
    if (!board->is_bcm2838) {
        writereg(qts, board, GPPUD, 2);
        writepins(qts, board, GPPUDCLK0, BIT_ULL(20) | BIT_ULL(47));
    }
    set_function(qts, board, 22, FSEL_OUT);
    writepins(qts, board, GPSET0, BIT_ULL(22));
    set_pin(qts, 33, 0);
    set_pin(qts, 33, 1);
    set_pin(qts, 5, 1);
    set_pin(qts, 5, 0);
}

static void test_reset(gconstpointer data)
{
    const Board *board = data;
    QTestState *qts = start(board, "");

    disturb(qts, board);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, BIT_ULL(33) | BIT_ULL(5) |
                    BIT_ULL(6) | BIT_ULL(35));
    qtest_system_reset(qts);
    assert_reset_state(qts, board);

    /* A reset does not change the outside: 33 is still driven high, 5 low */
    g_assert_cmphex(readpins(qts, board, GPLEV0), ==,
                    (reset_pull_up(board) | BIT_ULL(33)) & ~BIT_ULL(5));
    set_pin(qts, 33, LET_GO);
    set_pin(qts, 5, LET_GO);
    g_assert_cmphex(readpins(qts, board, GPLEV0), ==, reset_pull_up(board));
    set_pin(qts, 4, 0);
    set_pin(qts, 4, 1);
    g_assert_cmphex(readpins(qts, board, GPEDS0), ==, 0);

    /* The reset has cleared the output register */
    set_function(qts, board, 22, FSEL_OUT);
    assert_level(qts, board, 22, 0);
    qtest_quit(qts);
}

static void test_migration(gconstpointer data)
{
    static const unsigned regs[] = {
        GPLEV0, GPEDS0, GPREN0, GPFEN0, GPHEN0, GPLEN0, GPAREN0, GPAFEN0,
    };
    const Board *board = data;
    QTestState *from = start(board, "");
    QTestState *to = start(board, "-incoming defer");

    disturb(from, board);
    raspi_gpio_migrate(from, to);

    for (int i = 0; i < ARRAY_SIZE(regs); i++) {
        g_assert_cmphex(readpins(to, board, regs[i]), ==,
                        readpins(from, board, regs[i]));
    }
    g_assert_cmphex(get_mask(to, "pull-up"), ==, get_mask(from, "pull-up"));
    g_assert_cmphex(get_mask(to, "pull-down"), ==, get_mask(from, "pull-down"));
    g_assert_cmphex(pending_irqs(to, board), ==, pending_irqs(from, board));
    if (!board->is_bcm2838) {
        g_assert_cmphex(readreg(to, board, GPPUD), ==, 2);
        g_assert_cmphex(readpins(to, board, GPPUDCLK0), ==,
                        BIT_ULL(20) | BIT_ULL(47));
    }

    /* The target goes on: events, an output, and what drives a pin */
    writepins(to, board, GPEDS0, BIT_ULL(5));
    g_assert_cmphex(readpins(to, board, GPEDS0), ==,
                    BIT_ULL(33) | BIT_ULL(6) | BIT_ULL(35));
    assert_level(to, board, 22, 1);
    writepins(to, board, GPCLR0, BIT_ULL(22));
    assert_level(to, board, 22, 0);
    assert_level(to, board, 5, 0);
    set_pin(to, 5, LET_GO);
    assert_level(to, board, 5, 1);

    qtest_quit(from);
    qtest_quit(to);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        GTestDataFunc func;
    } tests[] = {
        { "levels", test_levels },
        { "edges", test_edges },
        { "level-events", test_level_events },
        { "outputs", test_outputs },
        { "pulls", test_pulls },
        { "irqs", test_irqs },
        { "wires", test_wires },
        { "reset", test_reset },
        { "migration", test_migration },
    };

    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < ARRAY_SIZE(boards); i++) {
        for (int j = 0; j < ARRAY_SIZE(tests); j++) {
            g_autofree char *path = g_strdup_printf(
                "/bcm2835-gpio/%s/%s", boards[i].machine, tests[j].name);

            qtest_add_data_func(path, &boards[i], tests[j].func);
        }
    }
    qtest_add_func("/bcm2835-gpio/bad-wires", test_bad_wires);

    return g_test_run();
}
