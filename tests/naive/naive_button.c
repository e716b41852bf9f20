// SPDX-License-Identifier: GPL-2.0-only
/*
 * How not to do it: the button driver of every interrupt course
 *
 * The handler sets a flag; the reader reads the flag and clears it. This works on the desk, but
 * loses presses silently. Two presses before a read count as one. A press between reading the
 * flag and clearing it is lost. A bouncing contact sets the flag again after it was cleared, so
 * one press counts as two. The reader learns neither the time of a press nor its end.
 *
 * insmod naive_button.ko chip=9030000.pl061 offset=5; cat /dev/naive_button
 */
#include <linux/fs.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/machine.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static char *chip = "";
module_param(chip, charp, 0444);
MODULE_PARM_DESC(chip, "Label of the line's GPIO controller");

static ushort offset;
module_param(offset, ushort, 0444);
MODULE_PARM_DESC(offset, "Offset of the line on that controller");

static bool pressed;	/* shared with the handler without any synchronization */

static irqreturn_t naive_irq(int irq, void *data)
{
	pressed = true;
	return IRQ_HANDLED;
}

static ssize_t naive_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	static bool answer;

	if (*pos == 0) {
		answer = pressed;
		pressed = false;
	}
	return simple_read_from_buffer(buf, size, pos, answer ? "1\n" : "0\n", 2);
}

static const struct file_operations naive_fops = {
	.owner = THIS_MODULE,
	.read = naive_read,
};

static struct miscdevice naive_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "naive_button",
	.fops = &naive_fops,
};

static struct gpiod_lookup_table naive_line = {
	.dev_id = "naive_button",
	.table = { { .flags = GPIO_ACTIVE_LOW }, { } },
};

static struct gpio_desc *gpiod;

static int __init naive_init(void)
{
	int ret = misc_register(&naive_device);

	if (ret)
		return ret;
	naive_line.table[0].key = chip;
	naive_line.table[0].chip_hwnum = offset;
	gpiod_add_lookup_table(&naive_line);
	gpiod = gpiod_get(naive_device.this_device, NULL, GPIOD_IN);
	if (IS_ERR(gpiod)) {
		ret = PTR_ERR(gpiod);
		goto out;
	}
	ret = request_irq(gpiod_to_irq(gpiod), naive_irq, IRQF_TRIGGER_FALLING, "naive_button",
			  NULL);
	if (!ret)
		return 0;
	gpiod_put(gpiod);
out:
	gpiod_remove_lookup_table(&naive_line);
	misc_deregister(&naive_device);
	return ret;
}
module_init(naive_init);

static void __exit naive_exit(void)
{
	free_irq(gpiod_to_irq(gpiod), NULL);
	gpiod_put(gpiod);
	gpiod_remove_lookup_table(&naive_line);
	misc_deregister(&naive_device);
}
module_exit(naive_exit);

MODULE_DESCRIPTION("The flag driver of every interrupt course, to be compared with button_irq");
MODULE_LICENSE("GPL");
