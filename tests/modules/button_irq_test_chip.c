// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPIO chip for button_irq's tests, with wires from its outputs to its inputs
 *
 * Output N drives input N + wires, so a program that sets the output presses the button.
 * The parameter delivery= selects the kind of controller, for each chip:
 *
 *	nested		an I2C expander (default): the chip sleeps, its interrupt controller
 *			has a bus lock, and its interrupts are nested in the chip's thread
 *	hard		memory-mapped: interrupts arrive in hard IRQ context, where the level
 *			can be read
 *	thread		as hard, but the chip's thread delivers interrupts with local
 *			interrupts off, so the handler does not run in hard IRQ context
 *	softirq		likewise, but the chip's tasklet delivers, as a USB adapter's completion
 *	bus-lock	the chip sleeps and has a bus lock, as gpio-virtio and gpio-dln2, but
 *			delivers interrupts in hard IRQ context
 *
 * A nested chip forgets an edge that comes while the interrupt is masked; the others latch
 * the edge. Setting an output of a nested chip returns when the interrupt has been handled.
 *
 * With differential=1 the chip's thread reads the port and compares it with the read before,
 * as the drivers of PCF857x and PCA953x do, so a pulse between two reads is lost. Setting an
 * output then does not wait for the thread.
 *
 * A node of the device tree with compatible = "button-irq-test" is one more chip. It has the
 * parameters of the first chip, and the node's name as its label.
 *
 * Files in the platform device's sysfs directory switch on faults that happen on real boards.
 * Unbinding the device removes the chip, even while the chip is in use.
 *
 *	bus_us		microseconds that a transfer over the bus takes: reading a line or
 *			writing the interrupt mask of a sleeping chip, or reading the port with
 *			differential=1 (also a parameter)
 *	capacitor_us	microseconds until a line is charged: after a request or a change of
 *			the bias, the line is low for this long (also a parameter)
 *	resume_us	microseconds that the chip's resume takes; until then the chip is suspended
 *	late_us		microseconds from unmasking until an edge that was latched while masked
 *			is delivered, as over PCIe (not nested)
 *	asleep_pulse	offset of an input that changes and changes back while suspended; 0: none
 *	prepare_edge	offset of an input that changes after tasks were frozen for a suspend,
 *			before any device is suspended; 0: none
 *	suspend_edge	offset of an input that changes after the chip's consumers were
 *			suspended, before the chip is suspended; 0: none
 *	lock_us		writing N holds the lock of the chip's device for N microseconds
 *	hold		latch edges until this is 0 again: then each line has one interrupt for all
 *			its edges
 *	silent		change levels without an interrupt
 *	lose_edge	write the offset of an input: its next edge causes no interrupt;
 *			reads as the list of inputs whose next edge will cause no interrupt
 *	fail_get	reading an input fails with EIO
 *	fail_request	requesting a line fails with EBUSY, as for a pin that has another function
 *	misuses		how often the chip was used while suspended, or its bus with
 *			interrupts off; the first misuse is a warning in the log
 *	delivery	the kind of controller
 *	other_function	the direction of inputs cannot be read, as on a Raspberry Pi if the pin
 *			has another function; ends when a line is set to input
 *	fail_irq	requesting an interrupt fails with EBUSY
 */
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/gpio/driver.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdomain.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "button_irq_test_compat.h"

static int test_chip_drive(struct gpio_chip *gc, unsigned int offset, int value);

TEST_CHIP_GPIO_SET(test_chip_set, test_chip_drive);

#define DRIVER		"button-irq-test"
#define MAX_CHIPS	4
#define MAX_WIRES	32
#define MAX_LINES	(2 * MAX_WIRES)

static char *label[MAX_CHIPS] = { DRIVER };
static unsigned int chips;
module_param_array(label, charp, &chips, 0444);
MODULE_PARM_DESC(label, "labels of the chips, one chip each (default " DRIVER ")");

static char *delivery[MAX_CHIPS];
module_param_array(delivery, charp, NULL, 0444);
MODULE_PARM_DESC(delivery, "per chip: nested (default), hard, thread, softirq or bus-lock");

static bool nested[MAX_CHIPS] = { [0 ... MAX_CHIPS - 1] = true };
module_param_array(nested, bool, NULL, 0444);
MODULE_PARM_DESC(nested, "per chip: 0 is short for delivery=hard");

static bool differential[MAX_CHIPS];
module_param_array(differential, bool, NULL, 0444);
MODULE_PARM_DESC(differential, "per chip, nested or thread: compares reads of the port");

static unsigned int bus_us;
module_param(bus_us, uint, 0444);
MODULE_PARM_DESC(bus_us, "microseconds that a transfer of a sleeping chip takes (default 0)");

static unsigned int capacitor_us;
module_param(capacitor_us, uint, 0444);
MODULE_PARM_DESC(capacitor_us, "microseconds until a requested line is charged (default 0)");

static unsigned int wires = 4;
module_param(wires, uint, 0444);
MODULE_PARM_DESC(wires, "outputs of a chip, and as many inputs above them (default 4)");

static bool interrupts = true;
module_param(interrupts, bool, 0444);
MODULE_PARM_DESC(interrupts, "chips have interrupts (default 1)");

static bool deferred;
module_param(deferred, bool, 0444);
MODULE_PARM_DESC(deferred, "with interrupts=0: interrupts are not there yet, rather than never (default 0)");

static bool wake;
module_param(wake, bool, 0444);
MODULE_PARM_DESC(wake, "inputs can wake the system (default 0)");

static char *prefix;
module_param(prefix, charp, 0444);
MODULE_PARM_DESC(prefix, "lines but the first are named by this and their offset (default: no names)");

enum test_chip_delivery {
	TEST_CHIP_NESTED,
	TEST_CHIP_HARD,
	TEST_CHIP_THREAD,
	TEST_CHIP_SOFTIRQ,
	TEST_CHIP_BUS_LOCK,
};

static const char * const test_chip_deliveries[] = {
	[TEST_CHIP_NESTED] = "nested",
	[TEST_CHIP_HARD] = "hard",
	[TEST_CHIP_THREAD] = "thread",
	[TEST_CHIP_SOFTIRQ] = "softirq",
	[TEST_CHIP_BUS_LOCK] = "bus-lock",
};

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
 * @gc: gpiolib's part
 * @delivery: the kind of controller
 * @sleeps: the chip is behind a bus
 * @differential: the thread compares reads of the port
 * @level: levels of all lines
 * @last: differential: the level of each input when the thread last read it
 * @latched: inputs that had an edge and wait for their interrupt
 * @enabled: inputs whose interrupt is not masked
 * @wanted: sleeping: what @enabled becomes when the bus lock is dropped
 * @lose: inputs whose next edge causes no interrupt
 * @charging: inputs that are low until @charged_at
 * @charged_at: the time when the capacitors are charged
 * @faults: bits of enum test_chip_fault
 * @bus_us: duration of a transfer, microseconds
 * @capacitor_us: how long an input charges, microseconds
 * @resume_us: how long the chip's resume takes, microseconds
 * @late_us: delay of an edge that was latched while masked, microseconds
 * @asleep_pulse: the input that changes and changes back while the chip is suspended, or 0
 * @prepare_edge: the input that changes when the system prepares to suspend, or 0
 * @suspend_edge: the input that changes when the chip is suspended, or 0
 * @misuses: how often the chip was used while it must not be used
 * @bus: serializes transfers
 * @bus_lock: the lock of the interrupt controller
 * @work: nested, thread: the thread of the chip
 * @charge: charges the capacitors
 * @late: delivers edges that were latched while masked
 * @tasklet: softirq: the chip's tasklet
 * @irq_work: hard, bus-lock: the hard interrupt of the chip
 * @lock: protects @gone, @suspended and the decisions that depend on them
 * @gone: the chip is being removed; nothing is to be queued any more
 * @suspended: the chip's own suspend callback has run
 */
struct test_chip {
	struct gpio_chip gc;
	enum test_chip_delivery delivery;
	bool sleeps;
	bool differential;
	DECLARE_BITMAP(level, MAX_LINES);
	DECLARE_BITMAP(last, MAX_LINES);
	DECLARE_BITMAP(latched, MAX_LINES);
	DECLARE_BITMAP(enabled, MAX_LINES);
	DECLARE_BITMAP(wanted, MAX_LINES);
	DECLARE_BITMAP(lose, MAX_LINES);
	DECLARE_BITMAP(charging, MAX_LINES);
	ktime_t charged_at;
	unsigned long faults;
	unsigned int bus_us;
	unsigned int capacitor_us;
	unsigned int resume_us;
	unsigned int late_us;
	unsigned int asleep_pulse;
	unsigned int prepare_edge;
	unsigned int suspend_edge;
	atomic_t misuses;
	struct mutex bus;	/* transfers */
	struct mutex bus_lock;	/* the interrupt controller */
	struct work_struct work;
	struct work_struct charge;
	struct work_struct late;
	struct tasklet_struct tasklet;
	struct irq_work irq_work;
	raw_spinlock_t lock;
	bool gone;
	bool suspended;
};

/* Counts a misuse. Called before the chip is used on behalf of a consumer. */
static void test_chip_check(struct test_chip *chip)
{
	const char *what;

	if (READ_ONCE(chip->suspended))
		what = "used while suspended";
	else if (chip->sleeps && irqs_disabled())
		what = "bus used with interrupts off";
	else
		return;
	WARN(atomic_inc_return(&chip->misuses) == 1, "%s: %s\n", chip->gc.label, what);
}

/* Waits for a transfer over the bus, except with interrupts off, which is a misuse anyway. */
static void test_chip_transfer(struct test_chip *chip)
{
	unsigned int us = READ_ONCE(chip->bus_us);

	if (!us || irqs_disabled())
		return;
	mutex_lock(&chip->bus);
	usleep_range(us, us + us / 8 + 1);
	mutex_unlock(&chip->bus);
}

/* Differential: an input whose level differs from the last read has had an edge. */
static void test_chip_compare(struct test_chip *chip)
{
	unsigned int line;
	bool value;

	test_chip_transfer(chip);
	for (line = wires; line < 2 * wires; line++) {
		value = test_bit(line, chip->level);
		if (value == test_bit(line, chip->last))
			continue;
		assign_bit(line, chip->last, value);
		set_bit(line, chip->latched);
	}
}

static void test_chip_deliver(struct test_chip *chip, unsigned int line)
{
	unsigned int irq = irq_find_mapping(chip->gc.irq.domain, line);
	unsigned long flags;

	switch (chip->delivery) {
	case TEST_CHIP_NESTED:
		handle_nested_irq(irq);
		break;
	case TEST_CHIP_THREAD:
	case TEST_CHIP_SOFTIRQ:
		local_irq_save(flags);
		generic_handle_irq(irq);
		local_irq_restore(flags);
		break;
	default:
		generic_handle_irq(irq);
	}
}

/* The chip's interrupt handler: serves every line that has a latched edge. */
static void test_chip_serve(struct test_chip *chip)
{
	unsigned int line;

	if (chip->differential)
		test_chip_compare(chip);
	for_each_set_bit(line, chip->latched, chip->gc.ngpio) {
		if (!test_bit(line, chip->enabled)) {
			if (chip->delivery == TEST_CHIP_NESTED)
				clear_bit(line, chip->latched);
			continue;
		}
		if (test_and_clear_bit(line, chip->latched))
			test_chip_deliver(chip, line);
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

static void test_chip_tasklet(struct tasklet_struct *tasklet)
{
	test_chip_serve(container_of(tasklet, struct test_chip, tasklet));
}

static bool test_chip_has_thread(const struct test_chip *chip)
{
	return chip->delivery == TEST_CHIP_NESTED || chip->delivery == TEST_CHIP_THREAD;
}

static void test_chip_raise(struct test_chip *chip)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->lock, flags);
	if (!chip->gone && !chip->suspended && !test_bit(TEST_CHIP_HOLD, &chip->faults)) {
		if (test_chip_has_thread(chip))
			schedule_work(&chip->work);
		else if (chip->delivery == TEST_CHIP_SOFTIRQ)
			tasklet_schedule(&chip->tasklet);
		else
			irq_work_queue(&chip->irq_work);
	}
	raw_spin_unlock_irqrestore(&chip->lock, flags);
}

static void test_chip_late(struct work_struct *work)
{
	struct test_chip *chip = container_of(work, struct test_chip, late);
	unsigned int us = READ_ONCE(chip->late_us);

	usleep_range(us, us + 20);
	test_chip_raise(chip);
}

/* Delivers edges that were latched while the line was masked. May be called in any context. */
static void test_chip_raise_latched(struct test_chip *chip)
{
	if (READ_ONCE(chip->late_us))
		schedule_work(&chip->late);
	else
		test_chip_raise(chip);
}

/* For a nested chip, waits until the interrupt has been handled. */
static void test_chip_wait(struct test_chip *chip)
{
	if (chip->delivery == TEST_CHIP_NESTED && !chip->differential)
		flush_work(&chip->work);
}

static void test_chip_set_input(struct test_chip *chip, unsigned int line, bool value)
{
	if (test_bit(line, chip->level) == value)
		return;
	assign_bit(line, chip->level, value);
	if (test_bit(TEST_CHIP_SILENT, &chip->faults))
		return;
	if (test_and_clear_bit(line, chip->lose)) {
		assign_bit(line, chip->last, value);
		return;
	}
	if (!chip->differential)
		set_bit(line, chip->latched);
	test_chip_raise(chip);
}

static void test_chip_charge(struct work_struct *work)
{
	struct test_chip *chip = container_of(work, struct test_chip, charge);
	unsigned int line;
	s64 us;

	while ((us = ktime_us_delta(READ_ONCE(chip->charged_at), ktime_get())) > 0)
		usleep_range(us, us + 50);
	for_each_set_bit(line, chip->charging, chip->gc.ngpio) {
		clear_bit(line, chip->charging);
		test_chip_set_input(chip, line, test_bit(line - wires, chip->level));
	}
}

/* Makes the line low without an edge, as if it had been low since before the request. */
static void test_chip_discharge(struct test_chip *chip, unsigned int line)
{
	unsigned int us = READ_ONCE(chip->capacitor_us);

	if (!us || line < wires)
		return;
	WRITE_ONCE(chip->charged_at, ktime_add_us(ktime_get(), us));
	clear_bit(line, chip->level);
	clear_bit(line, chip->last);
	set_bit(line, chip->charging);
	schedule_work(&chip->charge);
}

static void test_chip_stop(void *data)
{
	struct test_chip *chip = data;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->lock, flags);
	chip->gone = true;
	raw_spin_unlock_irqrestore(&chip->lock, flags);
	cancel_work_sync(&chip->charge);
	cancel_work_sync(&chip->late);
	cancel_work_sync(&chip->work);
	tasklet_kill(&chip->tasklet);
	irq_work_sync(&chip->irq_work);
}

static int test_chip_request(struct gpio_chip *gc, unsigned int offset)
{
	struct test_chip *chip = gpiochip_get_data(gc);

	if (test_bit(TEST_CHIP_FAIL_REQUEST, &chip->faults))
		return -EBUSY;
	test_chip_discharge(chip, offset);
	return 0;
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
	test_chip_check(chip);
	if (chip->sleeps)
		test_chip_transfer(chip);
	return test_bit(offset, chip->level);
}

static int test_chip_drive(struct gpio_chip *gc, unsigned int offset, int value)
{
	struct test_chip *chip = gpiochip_get_data(gc);
	unsigned int input = offset + wires;

	if (offset >= wires)
		return -EINVAL;
	assign_bit(offset, chip->level, value);
	if (test_bit(input, chip->charging))
		return 0;
	test_chip_set_input(chip, input, value);
	test_chip_wait(chip);
	return 0;
}

/* Accepts any bias. The wires drive the inputs, so a bias only discharges the capacitor. */
static int test_chip_set_config(struct gpio_chip *gc, unsigned int offset, unsigned long config)
{
	switch (pinconf_to_config_param(config)) {
	case PIN_CONFIG_BIAS_DISABLE:
	case PIN_CONFIG_BIAS_PULL_DOWN:
	case PIN_CONFIG_BIAS_PULL_UP:
		test_chip_discharge(gpiochip_get_data(gc), offset);
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

	clear_bit(irqd_to_hwirq(d), chip->sleeps ? chip->wanted : chip->enabled);
	gpiochip_disable_irq(&chip->gc, irqd_to_hwirq(d));
}

static void test_chip_irq_unmask(struct irq_data *d)
{
	struct test_chip *chip = irq_data_to_test_chip(d);

	gpiochip_enable_irq(&chip->gc, irqd_to_hwirq(d));
	set_bit(irqd_to_hwirq(d), chip->sleeps ? chip->wanted : chip->enabled);
	if (!chip->sleeps && test_bit(irqd_to_hwirq(d), chip->latched))
		test_chip_raise_latched(chip);
}

static int test_chip_irq_set_wake(struct irq_data *d, unsigned int on)
{
	return wake ? 0 : -ENXIO;
}

/* Empty: test_chip_serve() has cleared the latch. */
static void test_chip_irq_ack(struct irq_data *d)
{
}

static void test_chip_irq_bus_lock(struct irq_data *d)
{
	struct test_chip *chip = irq_data_to_test_chip(d);

	test_chip_check(chip);
	if (!irqs_disabled())
		mutex_lock(&chip->bus_lock);
}

/*
 * As real drivers do, uses the new mask at once, and then writes the mask to the chip, whether it
 * has changed or not.
 */
static void test_chip_irq_bus_sync_unlock(struct irq_data *d)
{
	struct test_chip *chip = irq_data_to_test_chip(d);

	bitmap_copy(chip->enabled, chip->wanted, MAX_LINES);
	if (irqs_disabled())
		return;
	test_chip_transfer(chip);
	mutex_unlock(&chip->bus_lock);
	if (chip->delivery == TEST_CHIP_BUS_LOCK &&
	    bitmap_intersects(chip->latched, chip->enabled, MAX_LINES))
		test_chip_raise_latched(chip);
}

static const struct irq_chip test_chip_irq = {
	.name = DRIVER,
	.irq_ack = test_chip_irq_ack,
	.irq_mask = test_chip_irq_mask,
	.irq_unmask = test_chip_irq_unmask,
	.irq_set_type = test_chip_irq_set_type,
	.irq_set_wake = test_chip_irq_set_wake,
	.flags = IRQCHIP_IMMUTABLE,
	GPIOCHIP_IRQ_RESOURCE_HELPERS,
};

static const struct irq_chip test_chip_bus_irq = {
	.name = DRIVER "-bus",
	.irq_ack = test_chip_irq_ack,
	.irq_mask = test_chip_irq_mask,
	.irq_unmask = test_chip_irq_unmask,
	.irq_bus_lock = test_chip_irq_bus_lock,
	.irq_bus_sync_unlock = test_chip_irq_bus_sync_unlock,
	.irq_set_type = test_chip_irq_set_type,
	.irq_set_wake = test_chip_irq_set_wake,
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
	/* Serve the edges that were latched meanwhile. */
	test_chip_raise(chip);
	test_chip_wait(chip);
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

/* Finds the field of a number: the attribute holds the field's offset. */
static unsigned int *test_chip_number(struct device *dev, struct device_attribute *attr)
{
	struct dev_ext_attribute *ea = container_of(attr, struct dev_ext_attribute, attr);

	return dev_get_drvdata(dev) + (uintptr_t)ea->var;
}

static ssize_t test_chip_number_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(*test_chip_number(dev, attr)));
}

static ssize_t test_chip_number_store(struct device *dev, struct device_attribute *attr,
				      const char *buf, size_t count)
{
	unsigned int number;
	int ret = kstrtouint(buf, 10, &number);

	if (ret)
		return ret;
	WRITE_ONCE(*test_chip_number(dev, attr), number);
	return count;
}

#define TEST_CHIP_NUMBER(_name, _offset)						\
	static struct dev_ext_attribute test_chip_attr_##_name = {		\
		.attr = __ATTR(_name, 0644, test_chip_number_show, test_chip_number_store), \
		.var = (void *)(uintptr_t)(_offset),				\
	}

TEST_CHIP_NUMBER(bus_us, offsetof(struct test_chip, bus_us));
TEST_CHIP_NUMBER(capacitor_us, offsetof(struct test_chip, capacitor_us));
TEST_CHIP_NUMBER(resume_us, offsetof(struct test_chip, resume_us));
TEST_CHIP_NUMBER(late_us, offsetof(struct test_chip, late_us));
TEST_CHIP_NUMBER(asleep_pulse, offsetof(struct test_chip, asleep_pulse));
TEST_CHIP_NUMBER(prepare_edge, offsetof(struct test_chip, prepare_edge));
TEST_CHIP_NUMBER(suspend_edge, offsetof(struct test_chip, suspend_edge));

static ssize_t lose_edge_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct test_chip *chip = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%*pbl\n", MAX_LINES, chip->lose);
}

static ssize_t lose_edge_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct test_chip *chip = dev_get_drvdata(dev);
	unsigned int line;
	int ret = kstrtouint(buf, 10, &line);

	if (ret)
		return ret;
	if (line < wires || line >= 2 * wires)
		return -EINVAL;
	set_bit(line, chip->lose);
	return count;
}
static DEVICE_ATTR_RW(lose_edge);

/* Attributes such as power/control hold this lock, too, but too briefly for a test to hit. */
static ssize_t lock_us_store(struct device *dev, struct device_attribute *attr, const char *buf,
			     size_t count)
{
	unsigned int us;
	int ret = kstrtouint(buf, 10, &us);

	if (ret)
		return ret;
	device_lock(dev);
	usleep_range(us, us + 100);
	device_unlock(dev);
	return count;
}
static DEVICE_ATTR_WO(lock_us);

static ssize_t misuses_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct test_chip *chip = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", atomic_read(&chip->misuses));
}
static DEVICE_ATTR_RO(misuses);

static ssize_t delivery_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct test_chip *chip = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", test_chip_deliveries[chip->delivery]);
}
static DEVICE_ATTR_RO(delivery);

static struct attribute *test_chip_attrs[] = {
	&test_chip_attr_hold.attr.attr,
	&test_chip_attr_silent.attr.attr,
	&test_chip_attr_fail_get.attr.attr,
	&test_chip_attr_fail_request.attr.attr,
	&test_chip_attr_other_function.attr.attr,
	&test_chip_attr_fail_irq.attr.attr,
	&test_chip_attr_bus_us.attr.attr,
	&test_chip_attr_capacitor_us.attr.attr,
	&test_chip_attr_resume_us.attr.attr,
	&test_chip_attr_late_us.attr.attr,
	&test_chip_attr_asleep_pulse.attr.attr,
	&test_chip_attr_prepare_edge.attr.attr,
	&test_chip_attr_suspend_edge.attr.attr,
	&dev_attr_lock_us.attr,
	&dev_attr_lose_edge.attr,
	&dev_attr_misuses.attr,
	&dev_attr_delivery.attr,
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

/* Returns the kind of controller that the parameters give chip @id; negative: no such kind. */
static int test_chip_delivery(unsigned int id)
{
	if (delivery[id])
		return match_string(test_chip_deliveries, ARRAY_SIZE(test_chip_deliveries),
				    delivery[id]);
	return nested[id] ? TEST_CHIP_NESTED : TEST_CHIP_HARD;
}

static int test_chip_add_irq(struct device *dev, struct test_chip *chip)
{
	struct gpio_irq_chip *girq = &chip->gc.irq;

	girq->threaded = chip->delivery == TEST_CHIP_NESTED;
	girq->handler = girq->threaded ? handle_simple_irq : handle_edge_irq;
	girq->default_type = IRQ_TYPE_NONE;
	return test_chip_set_irq_chip(dev, girq,
				       chip->sleeps ? &test_chip_bus_irq : &test_chip_irq);
}

static int test_chip_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	/* A chip of the device tree has no number: it uses the first chip's parameters. */
	unsigned int id = max(pdev->id, 0);
	struct test_chip *chip;
	struct gpio_chip *gc;
	int ret;

	chip = devm_kzalloc(dev, sizeof(*chip), GFP_KERNEL);
	if (!chip)
		return -ENOMEM;
	platform_set_drvdata(pdev, chip);
	chip->delivery = test_chip_delivery(id);
	chip->sleeps = chip->delivery == TEST_CHIP_NESTED || chip->delivery == TEST_CHIP_BUS_LOCK;
	chip->differential = differential[id];
	chip->bus_us = bus_us;
	chip->capacitor_us = capacitor_us;
	mutex_init(&chip->bus);
	mutex_init(&chip->bus_lock);
	raw_spin_lock_init(&chip->lock);
	INIT_WORK(&chip->work, test_chip_work);
	INIT_WORK(&chip->charge, test_chip_charge);
	INIT_WORK(&chip->late, test_chip_late);
	tasklet_setup(&chip->tasklet, test_chip_tasklet);
	chip->irq_work = IRQ_WORK_INIT_HARD(test_chip_irq_work);
	/* Until a program drives the wires, they are pulled up. */
	bitmap_set(chip->level, 0, 2 * wires);
	bitmap_set(chip->last, 0, 2 * wires);

	gc = &chip->gc;
	gc->label = pdev->id < 0 ? dev_name(dev) : label[id];
	gc->parent = dev;
	gc->owner = THIS_MODULE;
	gc->base = -1;
	gc->ngpio = 2 * wires;
	gc->can_sleep = chip->sleeps;
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
	/* This action runs before the chip is removed: no interrupt may use the chip after that. */
	return devm_add_action_or_reset(dev, test_chip_stop, chip);
}

/* Does nothing unless @line is an input. */
static void test_chip_toggle(struct test_chip *chip, unsigned int line)
{
	if (line >= wires && line < 2 * wires)
		test_chip_set_input(chip, line, !test_bit(line, chip->level));
}

/*
 * Change an input, and wait until its interrupt has been handled. Not before 2 ms have passed since
 * a consumer may have unmasked the line: sooner, the driver would take it for one latched before.
 */
static void test_chip_edge(struct test_chip *chip, unsigned int line)
{
	if (!line)
		return;
	usleep_range(2000, 2100);
	test_chip_toggle(chip, line);
	flush_work(&chip->work);
	tasklet_kill(&chip->tasklet);
	irq_work_sync(&chip->irq_work);
}

static int test_chip_prepare(struct device *dev)
{
	struct test_chip *chip = dev_get_drvdata(dev);

	test_chip_edge(chip, READ_ONCE(chip->prepare_edge));
	return 0;
}

/* Device links make the consumers suspend before the chip does. */
static int test_chip_suspend(struct device *dev)
{
	struct test_chip *chip = dev_get_drvdata(dev);
	unsigned long flags;

	test_chip_edge(chip, READ_ONCE(chip->suspend_edge));
	raw_spin_lock_irqsave(&chip->lock, flags);
	WRITE_ONCE(chip->suspended, true);
	raw_spin_unlock_irqrestore(&chip->lock, flags);
	cancel_work_sync(&chip->work);
	tasklet_kill(&chip->tasklet);
	irq_work_sync(&chip->irq_work);
	return 0;
}

static int test_chip_resume(struct device *dev)
{
	struct test_chip *chip = dev_get_drvdata(dev);
	unsigned int us = READ_ONCE(chip->resume_us);
	unsigned long flags;

	if (us)
		usleep_range(us, us + us / 8 + 1);
	test_chip_toggle(chip, READ_ONCE(chip->asleep_pulse));
	test_chip_toggle(chip, READ_ONCE(chip->asleep_pulse));
	raw_spin_lock_irqsave(&chip->lock, flags);
	WRITE_ONCE(chip->suspended, false);
	raw_spin_unlock_irqrestore(&chip->lock, flags);
	/* Serve the edges that were latched meanwhile. */
	test_chip_raise(chip);
	return 0;
}

static const struct dev_pm_ops test_chip_pm_ops = {
	.prepare = pm_sleep_ptr(test_chip_prepare),
	.suspend = pm_sleep_ptr(test_chip_suspend),
	.resume = pm_sleep_ptr(test_chip_resume),
};

static const struct of_device_id test_chip_of_match[] = {
	{ .compatible = "button-irq-test" },
	{ }
};

static struct platform_driver test_chip_driver = {
	.driver = {
		.name = DRIVER,
		.of_match_table = test_chip_of_match,
		.dev_groups = test_chip_groups,
		.pm = pm_sleep_ptr(&test_chip_pm_ops),
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
	for (i = 0; i < MAX_CHIPS; i++) {
		int kind = test_chip_delivery(i);

		if (kind < 0 || (differential[i] && kind != TEST_CHIP_NESTED &&
				 kind != TEST_CHIP_THREAD))
			return -EINVAL;
	}
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
