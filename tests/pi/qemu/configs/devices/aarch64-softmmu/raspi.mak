# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Raspberry Pi boards and nothing else: half the compile time of the default set.
# CONFIG_RASPI does not select all that these boards use.
CONFIG_RASPI=y
CONFIG_ARM_GIC=y
CONFIG_OR_IRQ=y
CONFIG_UNIMP=y
