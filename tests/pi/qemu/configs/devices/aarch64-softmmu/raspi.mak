# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Raspberry Pi boards, and the virt board with the devices that
# tests/vm/run.py adds. The default set of devices takes twice the time.
# CONFIG_RASPI does not select all that its boards use, such as ARM_GIC.
CONFIG_RASPI=y
CONFIG_ARM_GIC=y
CONFIG_OR_IRQ=y
CONFIG_UNIMP=y
CONFIG_ARM_VIRT=y
CONFIG_PCIE_PORT=y
CONFIG_RP1=y
CONFIG_IVSHMEM_DEVICE=y
CONFIG_PVPANIC_PCI=y
