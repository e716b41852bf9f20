// SPDX-License-Identifier: GPL-2.0-only
/*
 * A finger: moves an output line, which a wire joins to the button's line
 *
 * A program that moves the line itself runs on the CPU when the edge arrives, and competes
 * with the IRQ thread and with the reader. A finger finds the CPU idle. So this module moves
 * the line from a timer's interrupt while every program sleeps, and records the time of the
 * edge. What is left of the timer's own interrupt delays all contenders alike.
 *
 * write() of a struct bench_finger (see bench.h) sets @level at the time @at on
 * CLOCK_MONOTONIC, or at once, in the writer's context, when @at is 0. read() returns the
 * last edge: @at is the time just before the register write, @level the time just after it,
 * by when an interrupt that could preempt the writer has been handled.
 */
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/uaccess.h>

#include "../../../button_irq_compat.h"
#include "bench_line.h"

static struct gpio_desc *line;
static struct hrtimer timer;
static u64 before, after;
static int next_level;

static void finger_move(int level)
{
	before = ktime_get_ns();
	gpiod_set_raw_value(line, level);
	after = ktime_get_ns();
}

static enum hrtimer_restart finger_timer(struct hrtimer *unused)
{
	finger_move(next_level);
	return HRTIMER_NORESTART;
}

static ssize_t finger_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	u64 order[2];

	if (size != sizeof(order))
		return -EINVAL;
	if (copy_from_user(order, buf, sizeof(order)))
		return -EFAULT;
	hrtimer_cancel(&timer);
	if (order[0]) {
		next_level = !!order[1];
		hrtimer_start(&timer, ns_to_ktime(order[0]), HRTIMER_MODE_ABS_HARD);
	} else {
		finger_move(!!order[1]);
	}
	return size;
}

static ssize_t finger_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	u64 edge[2] = { before, after };

	if (size != sizeof(edge))
		return -EINVAL;
	return copy_to_user(buf, edge, sizeof(edge)) ? -EFAULT : size;
}

static const struct file_operations finger_fops = {
	.owner = THIS_MODULE,
	.open = stream_open,
	.read = finger_read,
	.write = finger_write,
};

static struct miscdevice finger_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.fops = &finger_fops,
};

static int __init finger_init(void)
{
	int ret = misc_register(&finger_device);

	if (ret)
		return ret;
	/* High is released: the tests' buttons are active low. */
	line = bench_line_get(finger_device.this_device, GPIOD_OUT_HIGH);
	if (IS_ERR(line)) {
		ret = PTR_ERR(line);
		goto deregister;
	}
	if (gpiod_cansleep(line)) {
		ret = -EINVAL;
		goto put;
	}
	hrtimer_setup(&timer, finger_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	return 0;

put:
	gpiod_put(line);
deregister:
	misc_deregister(&finger_device);
	return ret;
}
module_init(finger_init);

static void __exit finger_exit(void)
{
	misc_deregister(&finger_device);
	hrtimer_cancel(&timer);
	gpiod_put(line);
}
module_exit(finger_exit);

MODULE_DESCRIPTION("Moves a GPIO line while every program sleeps, as a finger would");
MODULE_LICENSE("GPL");
