/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels for the tests' GPIO chip, the newest change first. Those of the
 * driver are in button_irq_compat.h.
 */
#ifndef BUTTON_IRQ_TEST_COMPAT_H
#define BUTTON_IRQ_TEST_COMPAT_H

#include <linux/gpio/driver.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/version.h>

/* 6.17: a GPIO chip's set() returns an error code. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define TEST_CHIP_GPIO_SET(name, function) \
	static void name(struct gpio_chip *gc, unsigned int offset, int value) \
	{ \
		function(gc, offset, value); \
	} \
	static_assert(true)
#else
#define TEST_CHIP_GPIO_SET(name, function) \
	static int (*const name)(struct gpio_chip *, unsigned int, int) = function
#endif

/* 5.19: a GPIO chip's irq_chip is constant. Before, gpiolib put its own hooks into it. */
#ifdef GPIOCHIP_IRQ_RESOURCE_HELPERS
static inline int test_chip_set_irq_chip(struct device *dev, struct gpio_irq_chip *girq,
					 const struct irq_chip *chip)
{
	gpio_irq_chip_set_chip(girq, chip);
	return 0;
}
#else
#define IRQCHIP_IMMUTABLE 0
#define GPIOCHIP_IRQ_RESOURCE_HELPERS .irq_request_resources = NULL

static inline int test_chip_set_irq_chip(struct device *dev, struct gpio_irq_chip *girq,
					 const struct irq_chip *chip)
{
	girq->chip = devm_kmemdup(dev, chip, sizeof(*chip), GFP_KERNEL);
	return girq->chip ? 0 : -ENOMEM;
}
#endif

/* 5.17: pm_sleep_ptr() replaces an #ifdef around functions. */
#ifndef pm_sleep_ptr
#define pm_sleep_ptr(ptr) (IS_ENABLED(CONFIG_PM_SLEEP) ? (ptr) : NULL)
#endif

/* 5.11: IRQ_WORK_INIT_HARD() makes an irq_work that runs in hard interrupt context on RT, too. */
#ifndef IRQ_WORK_INIT_HARD
#define IRQ_WORK_INIT_HARD(function) \
	((struct irq_work){ .flags = ATOMIC_INIT(IRQ_WORK_HARD_IRQ), .func = (function) })
#endif

#endif /* BUTTON_IRQ_TEST_COMPAT_H */
