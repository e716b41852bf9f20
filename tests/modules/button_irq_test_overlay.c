// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applies device tree overlays to the running kernel, and takes them away again
 *
 * What `dtoverlay` asks of Raspberry Pi's kernels, which have a configfs interface for it; Debian's
 * kernels can do it too (CONFIG_OF_OVERLAY, from 7.x on) but let nobody ask. The overlays are
 * applied in the order given when this module is loaded, and removed in the reverse order with it:
 *
 *	insmod button_irq_test_overlay.ko file=/tmp/bell.dtbo,/tmp/door.dtbo
 */
#include <linux/kernel_read_file.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#define MAX_OVERLAYS	8

static char *file[MAX_OVERLAYS];
static unsigned int files;
module_param_array(file, charp, &files, 0444);
MODULE_PARM_DESC(file, "Overlays, compiled and with their parameters applied");

static int ids[MAX_OVERLAYS];

static int test_overlay_apply(const char *path, int *id)
{
	void *fdt = NULL;
	ssize_t size;
	int ret;

	/* Security modules want to know what it is: of the kinds there are this comes closest. */
	size = kernel_read_file_from_path(path, 0, &fdt, SZ_64K, NULL, READING_FIRMWARE);
	if (size < 0) {
		pr_err("%s: %s cannot be read: %zd\n", KBUILD_MODNAME, path, size);
		return size;
	}
	ret = of_overlay_fdt_apply(fdt, size, id, NULL);
	vfree(fdt);
	if (!ret)
		return 0;
	pr_err("%s: %s is not applied: %d\n", KBUILD_MODNAME, path, ret);
	/* Of one that fails half way the first half may be left, and has an id. */
	if (*id)
		of_overlay_remove(id);
	return ret;
}

static void test_overlay_remove(unsigned int count)
{
	int ret;

	while (count--) {
		ret = of_overlay_remove(&ids[count]);
		if (ret)
			pr_err("%s: %s is not removed: %d\n", KBUILD_MODNAME, file[count], ret);
	}
}

static int __init test_overlay_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < files; i++) {
		ret = test_overlay_apply(file[i], &ids[i]);
		if (ret) {
			test_overlay_remove(i);
			return ret;
		}
	}
	return 0;
}
module_init(test_overlay_init);

static void __exit test_overlay_exit(void)
{
	test_overlay_remove(files);
}
module_exit(test_overlay_exit);

MODULE_DESCRIPTION("Applies device tree overlays for the tests of button_irq");
MODULE_LICENSE("GPL");
