/*
 * RP1, the Raspberry Pi 5's I/O chip
 *
 * From "RP1 Peripherals" (Raspberry Pi Ltd): the address map (2.3) and the
 * interrupts (2.2 and 6.2). BAR 1 has the peripherals; the document's address
 * 0x40000000 is offset 0 there. Sizes and capabilities of the PCI device are
 * those that boards show.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/irq.h"
#include "hw/misc/rp1.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/registerfields.h"
#include "migration/vmstate.h"
#include "trace.h"

#define PCI_VENDOR_ID_RPI   0x1de4
#define PCI_DEVICE_ID_RP1   0x0001
#define RP1_REVISION_C0     0x02

#define CAP_EXPRESS         0x70
#define CAP_MSIX            0xb0
#define MSIX_BAR_SIZE       (16 * KiB)
#define MSIX_PBA            0x2000
#define PERIPHERALS_SIZE    (4 * MiB)
#define SRAM_SIZE           (64 * KiB)

/* Offsets in BAR 1, the peripherals */
#define IO_BANK_OFFSET      0xd0000
#define SYS_RIO_OFFSET      0xe0000
#define PADS_OFFSET         0xf0000
#define PCIE_CFG_OFFSET     0x108000
#define PCIE_CFG_SIZE       0x1000

/* A register for each interrupt, each with a set and a clear alias */
REG32(MSIX_CFG, 0x008)
    FIELD(MSIX_CFG, ENABLE, 0, 1)
    FIELD(MSIX_CFG, IACK, 2, 1)
    FIELD(MSIX_CFG, IACK_EN, 3, 1)
#define MSIX_CFG_WRITABLE   (R_MSIX_CFG_ENABLE_MASK | R_MSIX_CFG_IACK_EN_MASK)
#define ALIAS_SIZE          0x400
enum { ALIAS_NONE, ALIAS_XOR, ALIAS_SET, ALIAS_CLEAR };

/*
 * A message is sent when the input becomes high. With IACK_EN no further one
 * is sent until IACK is written, and then at once if the input is still high.
 */
static void rp1_update_irq(Rp1State *s, unsigned n)
{
    uint64_t bit = BIT_ULL(n);

    if (!(s->irq_level & bit)) {
        if (!FIELD_EX32(s->msix_cfg[n], MSIX_CFG, IACK_EN)) {
            s->irq_sent &= ~bit;
        }
    } else if (FIELD_EX32(s->msix_cfg[n], MSIX_CFG, ENABLE) &&
               !(s->irq_sent & bit)) {
        s->irq_sent |= bit;
        trace_rp1_msix(n);
        msix_notify(PCI_DEVICE(s), n);
    }
}

static void rp1_set_irq(void *opaque, int n, int level)
{
    Rp1State *s = opaque;

    s->irq_level = deposit64(s->irq_level, n, 1, level != 0);
    rp1_update_irq(s, n);
}

/* The interrupt whose register is at an offset below ALIAS_SIZE, or -1 */
static int rp1_irq_at(hwaddr offset)
{
    if (offset < A_MSIX_CFG || offset >= A_MSIX_CFG + 4 * RP1_VECTORS) {
        qemu_log_mask(LOG_UNIMP, TYPE_RP1 ": PCIE_CFG: 0x%" HWADDR_PRIx
                      " is not implemented\n", offset);
        return -1;
    }
    return (offset - A_MSIX_CFG) / 4;
}

static uint64_t rp1_pcie_cfg_read(void *opaque, hwaddr offset, unsigned size)
{
    Rp1State *s = opaque;
    int n;

    if (offset / ALIAS_SIZE != ALIAS_NONE) {
        return 0;
    }
    n = rp1_irq_at(offset);
    return n < 0 ? 0 : s->msix_cfg[n];
}

static void rp1_pcie_cfg_write(void *opaque, hwaddr offset, uint64_t value,
                               unsigned size)
{
    Rp1State *s = opaque;
    int n = rp1_irq_at(offset % ALIAS_SIZE);

    if (n < 0) {
        return;
    }
    switch (offset / ALIAS_SIZE) {
    case ALIAS_XOR:
        value ^= s->msix_cfg[n];
        break;
    case ALIAS_SET:
        value |= s->msix_cfg[n];
        break;
    case ALIAS_CLEAR:
        value = s->msix_cfg[n] & ~value;
        break;
    }
    s->msix_cfg[n] = value & MSIX_CFG_WRITABLE;
    /* IACK clears itself, so it reads as 0 */
    if (FIELD_EX32(value, MSIX_CFG, IACK)) {
        s->irq_sent &= ~BIT_ULL(n);
    }
    rp1_update_irq(s, n);
}

static const MemoryRegionOps rp1_pcie_cfg_ops = {
    .read = rp1_pcie_cfg_read,
    .write = rp1_pcie_cfg_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

/* Every peripheral that is not implemented reads as 0 */
static uint64_t rp1_peripherals_read(void *opaque, hwaddr offset,
                                     unsigned size)
{
    qemu_log_mask(LOG_UNIMP, TYPE_RP1 ": read of 0x%" HWADDR_PRIx
                  " is not implemented\n", offset);
    return 0;
}

static void rp1_peripherals_write(void *opaque, hwaddr offset, uint64_t value,
                                  unsigned size)
{
    qemu_log_mask(LOG_UNIMP, TYPE_RP1 ": write of 0x%" PRIx64 " to 0x%"
                  HWADDR_PRIx " is not implemented\n", value, offset);
}

static const MemoryRegionOps rp1_peripherals_ops = {
    .read = rp1_peripherals_read,
    .write = rp1_peripherals_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void rp1_reset(DeviceState *dev)
{
    Rp1State *s = RP1(dev);

    s->irq_sent = 0;
    memset(s->msix_cfg, 0, sizeof(s->msix_cfg));
    msix_reset(PCI_DEVICE(dev));
    device_cold_reset(DEVICE(&s->gpio));
}

static void rp1_realize(PCIDevice *pci, Error **errp)
{
    Rp1State *s = RP1(pci);
    unsigned i;

    if (!qdev_realize(DEVICE(&s->gpio), NULL, errp)) {
        return;
    }
    memory_region_init(&s->msix, OBJECT(s), TYPE_RP1 "-msix", MSIX_BAR_SIZE);
    if (msix_init(pci, RP1_VECTORS, &s->msix, 0, 0, &s->msix, 0, MSIX_PBA,
                  CAP_MSIX, errp)) {
        return;
    }
    for (i = 0; i < RP1_VECTORS; i++) {
        msix_vector_use(pci, i);
    }
    if (pcie_endpoint_cap_init(pci, CAP_EXPRESS) < 0) {
        error_setg(errp, "cannot add the PCI Express capability");
        goto no_msix;
    }
    if (!memory_region_init_ram(&s->sram, OBJECT(s), TYPE_RP1 "-sram",
                                SRAM_SIZE, errp)) {
        goto no_express;
    }

    memory_region_init_io(&s->peripherals, OBJECT(s), &rp1_peripherals_ops, s,
                          TYPE_RP1 "-peripherals", PERIPHERALS_SIZE);
    memory_region_init_io(&s->pcie_cfg, OBJECT(s), &rp1_pcie_cfg_ops, s,
                          TYPE_RP1 "-pcie-cfg", PCIE_CFG_SIZE);
    memory_region_add_subregion(&s->peripherals, PCIE_CFG_OFFSET,
                                &s->pcie_cfg);
    memory_region_add_subregion(&s->peripherals, IO_BANK_OFFSET,
                                &s->gpio.io_bank);
    memory_region_add_subregion(&s->peripherals, SYS_RIO_OFFSET,
                                &s->gpio.sys_rio);
    memory_region_add_subregion(&s->peripherals, PADS_OFFSET, &s->gpio.pads);

    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->msix);
    pci_register_bar(pci, 1, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->peripherals);
    pci_register_bar(pci, 2, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->sram);
    pci_config_set_interrupt_pin(pci->config, 1);

    for (i = 0; i < RP1_GPIO_BANKS; i++) {
        qdev_connect_gpio_out(DEVICE(&s->gpio), i,
                              qdev_get_gpio_in_named(DEVICE(s), "irq", i));
    }
    return;

no_express:
    pcie_cap_exit(pci);
no_msix:
    msix_uninit(pci, &s->msix, &s->msix);
}

static void rp1_exit(PCIDevice *pci)
{
    Rp1State *s = RP1(pci);

    pcie_cap_exit(pci);
    msix_uninit(pci, &s->msix, &s->msix);
}

static void rp1_init(Object *obj)
{
    Rp1State *s = RP1(obj);

    qdev_init_gpio_in_named(DEVICE(obj), rp1_set_irq, "irq", RP1_VECTORS);
    object_initialize_child(obj, "gpio", &s->gpio, TYPE_RP1_GPIO);
    qdev_pass_gpios(DEVICE(&s->gpio), DEVICE(obj), "pin");
    object_property_add_alias(obj, "wires", OBJECT(&s->gpio), "wires");
}

static const VMStateDescription vmstate_rp1 = {
    .name = TYPE_RP1,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, Rp1State),
        VMSTATE_MSIX(parent_obj, Rp1State),
        VMSTATE_UINT64(irq_level, Rp1State),
        VMSTATE_UINT64(irq_sent, Rp1State),
        VMSTATE_UINT32_ARRAY(msix_cfg, Rp1State, RP1_VECTORS),
        VMSTATE_END_OF_LIST()
    }
};

static void rp1_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    dc->desc = "RP1, the Raspberry Pi 5's I/O chip";
    dc->vmsd = &vmstate_rp1;
    /* Unplugging would remove pins in use and jumper wires */
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_legacy_reset(dc, rp1_reset);
    pc->realize = rp1_realize;
    pc->exit = rp1_exit;
    pc->vendor_id = PCI_VENDOR_ID_RPI;
    pc->device_id = PCI_DEVICE_ID_RP1;
    pc->revision = RP1_REVISION_C0;
    pc->class_id = PCI_CLASS_NETWORK_ETHERNET;
}

static const TypeInfo rp1_info = {
    .name          = TYPE_RP1,
    .parent        = TYPE_PCI_DEVICE,
    .instance_size = sizeof(Rp1State),
    .instance_init = rp1_init,
    .class_init    = rp1_class_init,
    .interfaces    = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void rp1_register_types(void)
{
    type_register_static(&rp1_info);
}

type_init(rp1_register_types)
