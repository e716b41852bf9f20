// SPDX-License-Identifier: GPL-2.0-only
/*
 * A finger: moves output lines, which wires connect to the buttons' lines
 *
 * A program that moves the line itself occupies the CPU when the edge arrives, and competes
 * with the IRQ thread and with the reader. A real finger usually finds the CPU idle. So this
 * module moves the line from a timer's interrupt while every program sleeps, and records the
 * time of the edge. The rest of the timer's interrupt delays all contenders alike.
 *
 * write() of a struct bench_finger (see bench.h) sets a line to bit 0 of @level; the other bits
 * are the number of the line. The edge happens at the time @at on CLOCK_MONOTONIC or, if @at is
 * 0, at once in the writer's context. read() returns the last edge: @at is the time just before
 * the register write, @level the time just after it. If the writer made the edge, a hard IRQ
 * that the edge raised has been handled by then.
 */
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/uaccess.h>

#include "../../../button_irq_compat.h"
#include "bench_line.h"

static struct gpio_desc *lines[BENCH_LINES];
static struct hrtimer timer;
static u64 before, after;
static u64 next_level;

static void finger_move(u64 level)
{
	struct gpio_desc *line = lines[level >> 1];

	before = ktime_get_ns();
	gpiod_set_raw_value(line, level & 1);
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
	if (order[1] >> 1 >= bench_lines)
		return -EINVAL;
	hrtimer_cancel(&timer);
	if (order[0]) {
		next_level = order[1];
		hrtimer_start(&timer, ns_to_ktime(order[0]), HRTIMER_MODE_ABS_HARD);
	} else {
		finger_move(order[1]);
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

static void finger_put_lines(void)
{
	unsigned int i;

	for (i = 0; i < bench_lines && !IS_ERR_OR_NULL(lines[i]); i++)
		gpiod_put(lines[i]);
}

static int __init finger_init(void)
{
	unsigned int i;
	int ret;

	hrtimer_setup(&timer, finger_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	ret = misc_register(&finger_device);
	if (ret)
		return ret;
	bench_lookup_add(KBUILD_MODNAME);
	for (i = 0; !ret && i < bench_lines; i++) {
		/* The tests' buttons are active low: high is released. */
		lines[i] = gpiod_get_index(finger_device.this_device, NULL, i, GPIOD_OUT_HIGH);
		if (IS_ERR(lines[i]))
			ret = PTR_ERR(lines[i]);
		else if (gpiod_cansleep(lines[i]))
			ret = -EINVAL;
	}
	gpiod_remove_lookup_table(&bench_lookup);
	if (ret) {
		finger_put_lines();
		misc_deregister(&finger_device);
	}
	return ret;
}
module_init(finger_init);

static void __exit finger_exit(void)
{
	misc_deregister(&finger_device);
	hrtimer_cancel(&timer);
	finger_put_lines();
}
module_exit(finger_exit);

MODULE_DESCRIPTION("Moves a GPIO line while every program sleeps, as a finger would");
MODULE_LICENSE("GPL");
