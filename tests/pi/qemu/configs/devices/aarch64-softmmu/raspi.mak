# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Raspberry Pi boards, and the virt board with what run.py puts into it:
# half the compile time of the default set.
# CONFIG_RASPI does not select all that its boards use.
CONFIG_RASPI=y
CONFIG_ARM_GIC=y
CONFIG_OR_IRQ=y
CONFIG_UNIMP=y
CONFIG_ARM_VIRT=y
CONFIG_PCIE_PORT=y
CONFIG_RP1=y
CONFIG_IVSHMEM_DEVICE=y
CONFIG_PVPANIC_PCI=y
