// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applies device tree overlays to the running kernel, and removes them again
 *
 * Raspberry Pi's kernels have a configfs interface for overlays, which `dtoverlay` uses. Debian's
 * kernels can apply overlays, too (CONFIG_OF_OVERLAY, from 7.x on), but have no such interface.
 * Loading this module applies the overlays in the given order; unloading the module removes them
 * in the reverse order:
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

	/* Security modules check the kind of file: none fits exactly, firmware comes closest. */
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
	/* An overlay that fails halfway may stay applied in part. It then has an id. */
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
