// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that a driver can do for an edge: the lower bound of the benchmark
 *
 * The hard-IRQ handler stores the time, counts the edge and wakes the reader. There is no
 * thread, no queue, no level and no debouncing, so of all edges that arrive before the reader's
 * next read() only the number and the last time are kept. The handler wakes a wait queue, which
 * PREEMPT_RT forbids in hard IRQ: on such a kernel, genirq runs this handler in a thread.
 *
 * read() returns one struct bench_direct_event (see bench.h) for all edges since the last
 * read of this open file: the time of the last edge and the number of edges. It waits if
 * there are none.
 */
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "bench_line.h"

static DECLARE_WAIT_QUEUE_HEAD(waiting);
static struct gpio_desc *line;
static unsigned long edges;
static u64 last;

static irqreturn_t direct_irq(int irq, void *data)
{
	WRITE_ONCE(last, ktime_get_ns());
	/*
	 * Pairs with the acquire in direct_read(): a reader that observes the new count also
	 * observes the time of that edge, or of a later one.
	 */
	smp_store_release(&edges, edges + 1);
	wake_up_interruptible(&waiting);
	return IRQ_HANDLED;
}

static int direct_open(struct inode *inode, struct file *file)
{
	file->private_data = (void *)READ_ONCE(edges);
	return stream_open(inode, file);
}

static ssize_t direct_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	unsigned long seen = (unsigned long)file->private_data, now;
	u64 event[2];
	int ret;

	if (size < sizeof(event))
		return -EINVAL;
	if (READ_ONCE(edges) == seen && file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	ret = wait_event_interruptible(waiting, READ_ONCE(edges) != seen);
	if (ret)
		return ret;
	/* Pairs with the release in direct_irq(). */
	now = smp_load_acquire(&edges);
	event[0] = READ_ONCE(last);
	event[1] = now - seen;
	if (copy_to_user(buf, event, sizeof(event)))
		return -EFAULT;
	file->private_data = (void *)now;
	return sizeof(event);
}

static __poll_t direct_poll(struct file *file, poll_table *wait)
{
	poll_wait(file, &waiting, wait);
	return READ_ONCE(edges) != (unsigned long)file->private_data ? EPOLLIN : 0;
}

static const struct file_operations direct_fops = {
	.owner = THIS_MODULE,
	.open = direct_open,
	.read = direct_read,
	.poll = direct_poll,
};

static struct miscdevice direct_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.fops = &direct_fops,
};

static int __init direct_init(void)
{
	int ret = misc_register(&direct_device);

	if (ret)
		return ret;
	bench_lookup_add(KBUILD_MODNAME);
	line = gpiod_get(direct_device.this_device, NULL, GPIOD_IN);
	gpiod_remove_lookup_table(&bench_lookup);
	if (IS_ERR(line)) {
		ret = PTR_ERR(line);
		goto deregister;
	}
	ret = request_irq(gpiod_to_irq(line), direct_irq,
			  IRQF_TRIGGER_RISING | IRQF_TRIGGER_FALLING, KBUILD_MODNAME, NULL);
	if (!ret)
		return 0;
	gpiod_put(line);
deregister:
	misc_deregister(&direct_device);
	return ret;
}
module_init(direct_init);

static void __exit direct_exit(void)
{
	free_irq(gpiod_to_irq(line), NULL);
	gpiod_put(line);
	misc_deregister(&direct_device);
}
module_exit(direct_exit);

MODULE_DESCRIPTION("The least that a button driver can do, to be compared with button_irq");
MODULE_LICENSE("GPL");
