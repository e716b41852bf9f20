/*
 * RP1, the Raspberry Pi 5's I/O chip
 *
 * A PCI Express endpoint. Of its peripherals, the GPIO controller and the
 * interrupt registers of the PCIe block are modelled; the others read as 0.
 *
 * QEMU interface:
 *  + child "gpio": the GPIO controller, see hw/gpio/rp1_gpio.h
 *  + named GPIO inputs "pin", QOM property "wires": those of the GPIO
 *    controller
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef RP1_H
#define RP1_H

#include "hw/gpio/rp1_gpio.h"
#include "hw/pci/pci_device.h"
#include "qom/object.h"

#define TYPE_RP1 "rp1"
OBJECT_DECLARE_SIMPLE_TYPE(Rp1State, RP1)

#define RP1_VECTORS 61

struct Rp1State {
    PCIDevice parent_obj;

    MemoryRegion msix;
    MemoryRegion peripherals;
    MemoryRegion pcie_cfg;
    MemoryRegion sram;

    Rp1GpioState gpio;

    /* One bit per interrupt: its input is high; its message has been sent */
    uint64_t irq_level;
    uint64_t irq_sent;
    uint32_t msix_cfg[RP1_VECTORS];
};

#endif
