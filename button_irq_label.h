/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Labels of buttons, and the names that udev makes of them
 *
 * A label is a file name under /dev/button, and a word in messages. The functions depend on
 * nothing else of the driver, and may be called in any context.
 */
#ifndef BUTTON_IRQ_LABEL_H
#define BUTTON_IRQ_LABEL_H

#include <linux/ctype.h>
#include <linux/kconfig.h>
#include <linux/nls.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "button_irq.h"

#define BUTTON_IRQ_LABEL		sizeof_field(struct button_irq_info, label)

#define BUTTON_IRQ_LABEL_RULE "not 1 to 31 bytes of UTF-8 without control characters, noncharacters, \"/\", blanks at either end, \".\" and \"..\""

/* Returns whether @label follows BUTTON_IRQ_LABEL_RULE. */
static __cold bool button_irq_label_valid(const char *label)
{
	size_t i, len = strlen(label);
	unicode_t c;
	int n;

	if (!len || len >= BUTTON_IRQ_LABEL || !strcmp(label, ".") || !strcmp(label, "..") ||
	    *label == ' ' || label[len - 1] == ' ')
		return false;
	for (i = 0; i < len; i += n) {
		c = (u8)label[i];
		/* The kernel's UTF-8 decoder is part of NLS. */
		n = c < 0x80 ? 1 :
		    IS_REACHABLE(CONFIG_NLS) ? utf8_to_utf32(&label[i], len - i, &c) : -1;
		/* U+0080 to U+009F are control characters, too. udev replaces noncharacters. */
		if (n < 0 || c < ' ' || (c >= 0x7f && c < 0xa0) || c == '/' ||
		    (c >= 0xfdd0 && c < 0xfdf0) || (c & 0xfffe) == 0xfffe)
			return false;
	}
	return true;
}

/*
 * The name of the link that udev makes in /dev/button: one underscore for a run of blanks, and
 * one for each other byte that udev does not allow in a link. udev keeps the escape "\x".
 */
static __cold void button_irq_link_name(char *link, const char *label)
{
	for (; *label; label++)
		if (*label != ' ' || label[1] != ' ')
			*link++ = isalnum(*label) || (u8)*label >= 0x80 ||
				  strchr("#+-.:=@_", *label) ||
				  (*label == '\\' && label[1] == 'x') ? *label : '_';
	*link = '\0';
}

#endif /* BUTTON_IRQ_LABEL_H */
