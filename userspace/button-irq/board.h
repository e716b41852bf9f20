/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between Raspberry Pi models. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>

/* The last GPIO of a Raspberry Pi's 40-pin header. It is also the last one with an interrupt on mainline's RP1. */
#define HEADER_LAST	27

/* Is @label that of the controller of a Raspberry Pi's header? There, an offset is the number of the GPIO. */
bool is_header_chip(const char *label);

/**
 * is_mainline_rp1() - is a GPIO controller the Raspberry Pi 5's, with mainline's driver?
 * @chip: its device, "gpiochip0"
 *
 * Raspberry Pi's own kernel has another driver for RP1, which needs Raspberry Pi's own device tree. Mainline's driver, up to Linux
 * 7.2 at least, has faults that stop the machine: on PREEMPT_RT with the first edge of any line, elsewhere with the first
 * edge of a line above HEADER_LAST.
 */
bool is_mainline_rp1(const char *chip);

/* Is there such a controller in this machine? */
bool has_mainline_rp1(void);

#endif /* BOARD_H */
