// SPDX-License-Identifier: GPL-2.0
/*
 * A GPIO chip for button_irq's tests, with wires from its outputs to its inputs
 *
 * Output N drives input N + wires, so whoever sets the output presses the button. By
 * default it is an I2C expander in all that a consumer can see: its functions sleep, its
 * interrupt controller has a bus lock, and its interrupts are nested in the thread that
 * serves the chip. With nested=0 it is a memory-mapped controller: levels can be read in
 * hard interrupt context, where its interrupts arrive. An edge that comes while an
 * interrupt is masked is forgotten by the first and latched by the second, like those.
 *
 * Setting an output of the nested chip returns when the interrupt has been handled.
 *
 * What goes wrong on real boards is switched on in the sysfs directory of the platform
 * device, which can be unbound to tear the chip away:
 *
 *	hold		latch edges until this is 0 again: one interrupt for all of them
 *	silent		change levels without an interrupt
 *	fail_get	reading an input fails with EIO
 *	fail_request	no line can be had: EBUSY, as of a pin that another function has
 *	other_function	the direction of an input cannot be read, as on a Raspberry Pi when
 *			another function has the pin, until an input is made one
 *	fail_irq	no interrupt can be requested: EBUSY
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/device.h>
#include <linux/gpio/driver.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdomain.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "../../button_irq_compat.h"

static int test_chip_drive(struct gpio_chip *gc, unsigned int offset, int value);

BUTTON_IRQ_GPIO_SET(test_chip_set, test_chip_drive);

#define DRIVER		"button-irq-test"
#define MAX_CHIPS	4
#define MAX_WIRES	32
#define MAX_LINES	(2 * MAX_WIRES)

static char *label[MAX_CHIPS] = { DRIVER };
static unsigned int chips;
module_param_array(label, charp, &chips, 0444);
MODULE_PARM_DESC(label, "labels of the chips, one chip each (default " DRIVER ")");

static bool nested[MAX_CHIPS] = { [0 ... MAX_CHIPS - 1] = true };
module_param_array(nested, bool, NULL, 0444);
MODULE_PARM_DESC(nested, "per chip: sleeps and nests its interrupts (default 1)");

static unsigned int wires = 4;
module_param(wires, uint, 0444);
MODULE_PARM_DESC(wires, "outputs of a chip, and as many inputs above them (default 4)");

static bool interrupts = true;
module_param(interrupts, bool, 0444);
MODULE_PARM_DESC(interrupts, "chips have interrupts (default 1)");

static bool deferred;
module_param(deferred, bool, 0444);
MODULE_PARM_DESC(deferred, "with interrupts=0: interrupts are not there yet, rather than never (default 0)");

static char *prefix;
module_param(prefix, charp, 0444);
MODULE_PARM_DESC(prefix, "lines but the first are named by this and their offset (default: no names)");

enum test_chip_fault {
	TEST_CHIP_HOLD,
	TEST_CHIP_SILENT,
	TEST_CHIP_FAIL_GET,
	TEST_CHIP_FAIL_REQUEST,
	TEST_CHIP_OTHER_FUNCTION,
	TEST_CHIP_FAIL_IRQ,
};

/**
 * struct test_chip - one chip
 * @gc: the chip as gpiolib knows it
 * @nested: sleeps and nests its interrupts
 * @level: of all lines
 * @latched: inputs that had an edge and wait for their interrupt
 * @enabled: inputs whose interrupt is not masked
 * @wanted: nested: what @enabled becomes when the bus lock is dropped
 * @faults: bits of enum test_chip_fault
 * @bus_lock: nested: the lock of the slow bus that there is not
 * @work: nested: the thread of the chip
 * @irq_work: not nested: the hard interrupt of the chip
 * @lock: protects @gone and the decision that hangs on it
 * @gone: the chip is being removed; nothing is to be queued any more
 */
struct test_chip {
	struct gpio_chip gc;
	bool nested;
	DECLARE_BITMAP(level, MAX_LINES);
	DECLARE_BITMAP(latched, MAX_LINES);
	DECLARE_BITMAP(enabled, MAX_LINES);
	DECLARE_BITMAP(wanted, MAX_LINES);
	unsigned long faults;
	struct mutex bus_lock;	/* the slow bus */
	struct work_struct work;
	struct irq_work irq_work;
	raw_spinlock_t lock;
	bool gone;
};

/* The chip's interrupt: serve every line that had an edge. */
static void test_chip_serve(struct test_chip *chip)
{
	unsigned int line, irq;

	for_each_set_bit(line, chip->latched, chip->gc.ngpio) {
		if (!test_bit(line, chip->enabled)) {
			if (chip->nested)
				clear_bit(line, chip->latched);
			continue;
		}
		if (!test_and_clear_bit(line, chip->latched))
			continue;
		irq = irq_find_mapping(chip->gc.irq.domain, line);
		if (chip->nested)
			handle_nested_irq(irq);
		else
			generic_handle_irq(irq);
	}
}

static void test_chip_work(struct work_struct *work)
{
	test_chip_serve(container_of(work, struct test_chip, work));
}

static void test_chip_irq_work(struct irq_work *work)
{
	test_chip_serve(container_of(work, struct test_chip, irq_work));
}

static void test_chip_raise(struct test_chip *chip)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->lock, flags);
	if (!chip->gone && !test_bit(TEST_CHIP_HOLD, &chip->faults)) {
		if (chip->nested)
			schedule_work(&chip->work);
		else
			irq_work_queue(&chip->irq_work);
	}
	raw_spin_unlock_irqrestore(&chip->lock, flags);
}

static void test_chip_stop(void *data)
{
	struct test_chip *chip = data;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->lock, flags);
	chip->gone = true;
	raw_spin_unlock_irqrestore(&chip->lock, flags);
	cancel_work_sync(&chip->work);
	irq_work_sync(&chip->irq_work);
}

static int test_chip_request(struct gpio_chip *gc, unsigned int offset)
{
	struct test_chip *chip = gpiochip_get_data(gc);

	return test_bit(TEST_CHIP_FAIL_REQUEST, &chip->faults) ? -EBUSY : 0;
}

static int test_chip_get_direction(struct gpio_chip *gc, unsigned int offset)
{
	struct test_chip *chip = gpiochip_get_data(gc);

	if (offset < wires)
		return GPIO_LINE_DIRECTION_OUT;
	return test_bit(TEST_CHIP_OTHER_FUNCTION, &chip->faults) ? -EINVAL : GPIO_LINE_DIRECTION_IN;
}

static int test_chip_direction_input(struct gpio_chip *gc, unsigned int offset)
{
	struct test_chip *chip = gpiochip_get_data(gc);

	if (offset < wires)
		return -EINVAL;
	clear_bit(TEST_CHIP_OTHER_FUNCTION, &chip->faults);
	return 0;
}

static int test_chip_to_irq(struct gpio_chip *gc, unsigned int offset)
{
	return -EPROBE_DEFER;
}

static int test_chip_get(struct gpio_chip *gc, unsigned int offset)
{
	struct test_chip *chip = gpiochip_get_data(gc);

	if (offset >= wires && test_bit(TEST_CHIP_FAIL_GET, &chip->faults))
		return -EIO;
	return test_bit(offset, chip->level);
}

static int test_chip_drive(struct gpio_chip *gc, unsigned int offset, int value)
{
	struct test_chip *chip = gpiochip_get_data(gc);
	unsigned int input = offset + wires;

	if (offset >= wires)
		return -EINVAL;
	assign_bit(offset, chip->level, value);
	if (test_bit(input, chip->level) == !!value)
		return 0;
	assign_bit(input, chip->level, value);
	if (test_bit(TEST_CHIP_SILENT, &chip->faults))
		return 0;
	set_bit(input, chip->latched);
	test_chip_raise(chip);
	if (chip->nested)
		flush_work(&chip->work);
	return 0;
}

/* Any bias can be set, and changes nothing: the wires drive the inputs. */
static int test_chip_set_config(struct gpio_chip *gc, unsigned int offset, unsigned long config)
{
	switch (pinconf_to_config_param(config)) {
	case PIN_CONFIG_BIAS_DISABLE:
	case PIN_CONFIG_BIAS_PULL_DOWN:
	case PIN_CONFIG_BIAS_PULL_UP:
		return 0;
	default:
		return -ENOTSUPP;
	}
}

static struct test_chip *irq_data_to_test_chip(struct irq_data *d)
{
	return gpiochip_get_data(irq_data_get_irq_chip_data(d));
}

static int test_chip_irq_set_type(struct irq_data *d, unsigned int type)
{
	if (test_bit(TEST_CHIP_FAIL_IRQ, &irq_data_to_test_chip(d)->faults))
		return -EBUSY;
	return type == IRQ_TYPE_EDGE_BOTH ? 0 : -EINVAL;
}

static void test_chip_irq_mask(struct irq_data *d)
{
	struct test_chip *chip = irq_data_to_test_chip(d);

	clear_bit(irqd_to_hwirq(d), chip->nested ? chip->wanted : chip->enabled);
	gpiochip_disable_irq(&chip->gc, irqd_to_hwirq(d));
}

static void test_chip_irq_unmask(struct irq_data *d)
{
	struct test_chip *chip = irq_data_to_test_chip(d);

	gpiochip_enable_irq(&chip->gc, irqd_to_hwirq(d));
	set_bit(irqd_to_hwirq(d), chip->nested ? chip->wanted : chip->enabled);
	if (!chip->nested && test_bit(irqd_to_hwirq(d), chip->latched))
		test_chip_raise(chip);
}

/* Nothing to do: test_chip_serve() has cleared the latch. */
static void test_chip_irq_ack(struct irq_data *d)
{
}

static void test_chip_irq_bus_lock(struct irq_data *d)
{
	mutex_lock(&irq_data_to_test_chip(d)->bus_lock);
}

static void test_chip_irq_bus_sync_unlock(struct irq_data *d)
{
	struct test_chip *chip = irq_data_to_test_chip(d);

	bitmap_copy(chip->enabled, chip->wanted, MAX_LINES);
	mutex_unlock(&chip->bus_lock);
}

static const struct irq_chip test_chip_irq = {
	.name = DRIVER,
	.irq_ack = test_chip_irq_ack,
	.irq_mask = test_chip_irq_mask,
	.irq_unmask = test_chip_irq_unmask,
	.irq_set_type = test_chip_irq_set_type,
	.flags = IRQCHIP_IMMUTABLE,
	GPIOCHIP_IRQ_RESOURCE_HELPERS,
};

static const struct irq_chip test_chip_nested_irq = {
	.name = DRIVER "-nested",
	.irq_mask = test_chip_irq_mask,
	.irq_unmask = test_chip_irq_unmask,
	.irq_bus_lock = test_chip_irq_bus_lock,
	.irq_bus_sync_unlock = test_chip_irq_bus_sync_unlock,
	.irq_set_type = test_chip_irq_set_type,
	.flags = IRQCHIP_IMMUTABLE,
	GPIOCHIP_IRQ_RESOURCE_HELPERS,
};

static ssize_t test_chip_fault_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dev_ext_attribute *ea = container_of(attr, struct dev_ext_attribute, attr);
	struct test_chip *chip = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", test_bit((uintptr_t)ea->var, &chip->faults));
}

static ssize_t test_chip_fault_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t count)
{
	struct dev_ext_attribute *ea = container_of(attr, struct dev_ext_attribute, attr);
	struct test_chip *chip = dev_get_drvdata(dev);
	bool value;
	int ret;

	ret = kstrtobool(buf, &value);
	if (ret)
		return ret;
	assign_bit((uintptr_t)ea->var, &chip->faults, value);
	/* What was latched meanwhile. */
	test_chip_raise(chip);
	if (chip->nested)
		flush_work(&chip->work);
	return count;
}

#define TEST_CHIP_FAULT(_name, _bit)						\
	static struct dev_ext_attribute test_chip_attr_##_name = {		\
		.attr = __ATTR(_name, 0644, test_chip_fault_show, test_chip_fault_store), \
		.var = (void *)(uintptr_t)(_bit),				\
	}

TEST_CHIP_FAULT(hold, TEST_CHIP_HOLD);
TEST_CHIP_FAULT(silent, TEST_CHIP_SILENT);
TEST_CHIP_FAULT(fail_get, TEST_CHIP_FAIL_GET);
TEST_CHIP_FAULT(fail_request, TEST_CHIP_FAIL_REQUEST);
TEST_CHIP_FAULT(other_function, TEST_CHIP_OTHER_FUNCTION);
TEST_CHIP_FAULT(fail_irq, TEST_CHIP_FAIL_IRQ);

static struct attribute *test_chip_attrs[] = {
	&test_chip_attr_hold.attr.attr,
	&test_chip_attr_silent.attr.attr,
	&test_chip_attr_fail_get.attr.attr,
	&test_chip_attr_fail_request.attr.attr,
	&test_chip_attr_other_function.attr.attr,
	&test_chip_attr_fail_irq.attr.attr,
	NULL
};
ATTRIBUTE_GROUPS(test_chip);

static int test_chip_names(struct device *dev, struct gpio_chip *gc)
{
	const char **names;
	unsigned int i;

	names = devm_kcalloc(dev, gc->ngpio, sizeof(*names), GFP_KERNEL);
	if (!names)
		return -ENOMEM;
	for (i = 1; i < gc->ngpio; i++) {
		names[i] = devm_kasprintf(dev, GFP_KERNEL, "%s%u", prefix, i);
		if (!names[i])
			return -ENOMEM;
	}
	gc->names = names;
	return 0;
}

static int test_chip_add_irq(struct device *dev, struct test_chip *chip)
{
	struct gpio_irq_chip *girq = &chip->gc.irq;

	girq->handler = chip->nested ? handle_simple_irq : handle_edge_irq;
	girq->default_type = IRQ_TYPE_NONE;
	girq->threaded = chip->nested;
	return button_irq_set_irq_chip(dev, girq,
				       chip->nested ? &test_chip_nested_irq : &test_chip_irq);
}

static int test_chip_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct test_chip *chip;
	struct gpio_chip *gc;
	int ret;

	chip = devm_kzalloc(dev, sizeof(*chip), GFP_KERNEL);
	if (!chip)
		return -ENOMEM;
	platform_set_drvdata(pdev, chip);
	chip->nested = nested[pdev->id];
	mutex_init(&chip->bus_lock);
	raw_spin_lock_init(&chip->lock);
	INIT_WORK(&chip->work, test_chip_work);
	chip->irq_work = IRQ_WORK_INIT_HARD(test_chip_irq_work);
	/* Nobody drives the wires yet: they are pulled up. */
	bitmap_set(chip->level, 0, 2 * wires);

	gc = &chip->gc;
	gc->label = label[pdev->id];
	gc->parent = dev;
	gc->owner = THIS_MODULE;
	gc->base = -1;
	gc->ngpio = 2 * wires;
	gc->can_sleep = chip->nested;
	gc->request = test_chip_request;
	gc->get_direction = test_chip_get_direction;
	gc->direction_input = test_chip_direction_input;
	gc->direction_output = test_chip_drive;
	gc->get = test_chip_get;
	gc->set = test_chip_set;
	gc->set_config = test_chip_set_config;
	if (prefix) {
		ret = test_chip_names(dev, gc);
		if (ret)
			return ret;
	}

	if (!interrupts && deferred)
		gc->to_irq = test_chip_to_irq;
	if (interrupts) {
		ret = test_chip_add_irq(dev, chip);
		if (ret)
			return ret;
	}
	ret = devm_gpiochip_add_data(dev, gc, chip);
	if (ret)
		return ret;
	/* Released first: no interrupt may look for its line in a chip that is gone. */
	return devm_add_action_or_reset(dev, test_chip_stop, chip);
}

static struct platform_driver test_chip_driver = {
	.driver = {
		.name = DRIVER,
		.dev_groups = test_chip_groups,
	},
	.probe = test_chip_probe,
};

static struct platform_device *test_chip_devices[MAX_CHIPS];

static void test_chip_unregister(void)
{
	unsigned int i;

	for (i = 0; i < MAX_CHIPS; i++)
		if (!IS_ERR_OR_NULL(test_chip_devices[i]))
			platform_device_unregister(test_chip_devices[i]);
	platform_driver_unregister(&test_chip_driver);
}

static int __init test_chip_init(void)
{
	unsigned int i;
	int ret;

	if (!wires || wires > MAX_WIRES)
		return -EINVAL;
	ret = platform_driver_register(&test_chip_driver);
	if (ret)
		return ret;
	for (i = 0; i < max(chips, 1u); i++) {
		test_chip_devices[i] = platform_device_register_simple(DRIVER, i, NULL, 0);
		if (IS_ERR(test_chip_devices[i])) {
			ret = PTR_ERR(test_chip_devices[i]);
			test_chip_unregister();
			return ret;
		}
	}
	return 0;
}
module_init(test_chip_init);

static void __exit test_chip_exit(void)
{
	test_chip_unregister();
}
module_exit(test_chip_exit);

MODULE_DESCRIPTION("GPIO chip with loopback wires for the tests of button_irq");
MODULE_LICENSE("GPL");
