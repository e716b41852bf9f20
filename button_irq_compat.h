/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernel versions that button_irq builds for
 *
 * The driver is written for the newest kernel. This file adds what older kernels lack or
 * name differently, newest change first. Each entry names the version with the change: the
 * entry can go once no older kernel is supported.
 */
#ifndef BUTTON_IRQ_COMPAT_H
#define BUTTON_IRQ_COMPAT_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/hrtimer.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/pm.h>
#include <linux/preempt.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>

/* 6.13: hrtimer_setup(); before, hrtimer_init() and an assignment of the function. */
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

/* 6.9: the callback that matches a chip takes const data. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define BUTTON_IRQ_MATCH_CONST
#else
#define BUTTON_IRQ_MATCH_CONST const
#endif

/*
 * 6.8: gpiochip_dup_line_label() returns a copy of the name of a line's user; before,
 * gpiochip_is_requested() returned the name itself.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline void button_irq_line_user(struct gpio_chip *gc, unsigned int offset, char *user,
					size_t size)
{
	strscpy(user, gpiochip_is_requested(gc, offset) ?: "", size);
}

static inline const char *button_irq_line_chip(struct gpio_desc *desc)
{
	return gpiod_to_chip(desc)->label;
}
#else
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
#endif

typedef int (*button_irq_match_fn)(struct gpio_chip *gc, BUTTON_IRQ_MATCH_CONST void *data);

/*
 * 6.7: gpio_device_find() returns a reference-counted struct gpio_device; before,
 * gpiochip_find() called the callback under a spinlock, and struct gpio_device was private
 * to gpiolib.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline bool button_irq_find_chip(void *data, button_irq_match_fn match)
{
	return gpiochip_find(data, match);
}

static inline unsigned int button_irq_line_offset(struct gpio_desc *desc)
{
	return desc_to_gpio(desc) - gpiod_to_chip(desc)->base;
}

/* An error pointer if the chip is gone, NULL if it has no parent. */
static inline struct device *button_irq_line_parent(struct gpio_desc *desc)
{
	struct gpio_chip *gc = gpiod_to_chip(desc);

	return gc ? gc->parent : ERR_PTR(-ENODEV);
}

/*
 * struct gpio_device contains the struct device of the chip's character device, near its start. Not
 * by dev_get_drvdata(), which finds no chip on Debian's 6.1.176.
 */
static inline int button_irq_is_gpio_device(struct device *dev, void *gpiodev)
{
	return (uintptr_t)dev - (uintptr_t)gpiodev < sizeof(*dev);
}

/* The chip's character device is a child of the chip's parent. */
static inline void button_irq_chip_name(struct gpio_chip *gc, char *name, size_t size)
{
	struct device *dev = gc->parent ? device_find_child(gc->parent, gc->gpiodev,
							    button_irq_is_gpio_device) : NULL;

	strscpy(name, dev ? dev_name(dev) : "", size);
	put_device(dev);
}
#else
static inline bool button_irq_find_chip(void *data, button_irq_match_fn match)
{
	struct gpio_device *gdev = gpio_device_find(data, match);

	if (gdev)
		gpio_device_put(gdev);
	return gdev;
}

static inline unsigned int button_irq_line_offset(struct gpio_desc *desc)
{
	return desc_to_gpio(desc) - gpio_device_get_base(gpiod_to_gpio_device(desc));
}

static inline struct device *button_irq_line_parent(struct gpio_desc *desc)
{
	return gpio_device_to_device(gpiod_to_gpio_device(desc))->parent;
}

static inline void button_irq_chip_name(struct gpio_chip *gc, char *name, size_t size)
{
	strscpy(name, dev_name(gpio_device_to_device(gc->gpiodev)), size);
}
#endif

/* 6.5: copy_splice_read(); before, generic_file_splice_read(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define copy_splice_read generic_file_splice_read
#endif

/* 6.2: class.devnode takes a const device. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define BUTTON_IRQ_DEVNODE_CONST
#else
#define BUTTON_IRQ_DEVNODE_CONST const
#endif

/* 5.17: pm_sleep_ptr(), and macros of callbacks that need no #ifdef around the functions. */
#ifndef pm_sleep_ptr
#define pm_sleep_ptr(ptr) (IS_ENABLED(CONFIG_PM_SLEEP) ? (ptr) : NULL)
#define SYSTEM_SLEEP_PM_OPS SET_SYSTEM_SLEEP_PM_OPS
#define NOIRQ_SYSTEM_SLEEP_PM_OPS SET_NOIRQ_SYSTEM_SLEEP_PM_OPS
#endif

/* 5.16: gc->fwnode, if the chip's firmware node differs from its parent's. */
static inline struct fwnode_handle *button_irq_chip_fwnode(struct gpio_chip *gc)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
	if (gc->fwnode)
		return gc->fwnode;
#endif
	return gc->parent ? dev_fwnode(gc->parent) : NULL;
}

/* 5.11: irq_check_status_bit(); before, modules could use irq_to_desc(). */
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
