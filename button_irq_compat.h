/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels button_irq builds for
 *
 * The driver reads as if written for the newest kernel; what older ones lack or call
 * differently is here, newest change first. Each entry names the version that changed it
 * and so says when it can go.
 */
#ifndef BUTTON_IRQ_COMPAT_H
#define BUTTON_IRQ_COMPAT_H

#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/hrtimer.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/pm.h>
#include <linux/preempt.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/version.h>

/* 6.13: hrtimer_setup() takes the function; before, hrtimer_init() and an assignment. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void button_irq_hrtimer_setup(struct hrtimer *timer,
					    enum hrtimer_restart (*function)(struct hrtimer *),
					    clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}

#define hrtimer_setup button_irq_hrtimer_setup
#endif

/*
 * 6.7: chips are found as struct gpio_device, reference-counted, by a callback that may
 * sleep; before, by one under a spinlock. A line's user came with a copy of its name.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define BUTTON_IRQ_MATCH_CONST
typedef int (*button_irq_match_fn)(struct gpio_chip *gc, void *data);

static inline bool button_irq_find_chip(void *data, button_irq_match_fn match)
{
	return gpiochip_find(data, match);
}

static inline void button_irq_line_user(struct gpio_chip *gc, unsigned int offset, char *user,
					size_t size)
{
	strscpy(user, gpiochip_is_requested(gc, offset) ?: "", size);
}

static inline const char *button_irq_line_chip(struct gpio_desc *desc)
{
	return gpiod_to_chip(desc)->label;
}

static inline unsigned int button_irq_line_offset(struct gpio_desc *desc)
{
	return desc_to_gpio(desc) - gpiod_to_chip(desc)->base;
}

static inline struct device *button_irq_line_parent(struct gpio_desc *desc)
{
	return gpiod_to_chip(desc)->parent;
}
#else
#define BUTTON_IRQ_MATCH_CONST const
typedef int (*button_irq_match_fn)(struct gpio_chip *gc, const void *data);

static inline bool button_irq_find_chip(void *data, button_irq_match_fn match)
{
	struct gpio_device *gdev = gpio_device_find(data, match);

	if (gdev)
		gpio_device_put(gdev);
	return gdev;
}

static inline void button_irq_line_user(struct gpio_chip *gc, unsigned int offset, char *user,
					size_t size)
{
	char *label = gpiochip_dup_line_label(gc, offset);

	if (IS_ERR_OR_NULL(label)) {
		*user = '\0';
		return;
	}
	strscpy(user, label, size);
	kfree(label);
}

static inline const char *button_irq_line_chip(struct gpio_desc *desc)
{
	return gpio_device_get_label(gpiod_to_gpio_device(desc));
}

static inline unsigned int button_irq_line_offset(struct gpio_desc *desc)
{
	return desc_to_gpio(desc) - gpio_device_get_base(gpiod_to_gpio_device(desc));
}

static inline struct device *button_irq_line_parent(struct gpio_desc *desc)
{
	return gpio_device_to_device(gpiod_to_gpio_device(desc))->parent;
}
#endif

/* 6.2: class.devnode takes a const device. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define BUTTON_IRQ_DEVNODE_CONST
#else
#define BUTTON_IRQ_DEVNODE_CONST const
#endif

/* 5.17: pm_sleep_ptr() and DEFINE_SIMPLE_DEV_PM_OPS() need no #ifdef around functions. */
#ifndef pm_sleep_ptr
#define pm_sleep_ptr(ptr) (IS_ENABLED(CONFIG_PM_SLEEP) ? (ptr) : NULL)
#define DEFINE_SIMPLE_DEV_PM_OPS(name, suspend_fn, resume_fn) \
	const struct dev_pm_ops name = { .suspend = suspend_fn, .resume = resume_fn }
#endif

/* 5.16: a chip carries its own firmware node, where it differs from its parent's. */
static inline struct fwnode_handle *button_irq_chip_fwnode(struct gpio_chip *gc)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
	if (gc->fwnode)
		return gc->fwnode;
#endif
	return gc->parent ? dev_fwnode(gc->parent) : NULL;
}

/* 5.11: irq_check_status_bit(); before, modules could look into struct irq_desc. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
static inline bool irq_check_status_bit(unsigned int irq, unsigned int bitmask)
{
	return irq_to_desc(irq)->status_use_accessors & bitmask;
}
#endif

/* 5.11: in_irq() became in_hardirq(). */
#ifndef in_hardirq
#define in_hardirq() in_irq()
#endif

#endif /* BUTTON_IRQ_COMPAT_H */
