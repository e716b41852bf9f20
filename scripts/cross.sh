#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# cross.sh DIRECTORY [COMPILER]: DIRECTORY has a kernel's headers. If COMPILER (gcc) compiles for another architecture than that
# kernel's, prints what make needs on its command line to build a module. The usual case is 32-bit Raspberry Pi OS, which
# runs a 64-bit kernel on every Pi that supports one.

config=$1/include/config/auto.conf
has()
{
	grep -qs "^CONFIG_$1=y" "$config"
}

machine=$(${2:-gcc} -dumpmachine 2> /dev/null)
if has ARM64; then
	arch=arm64 triplet=aarch64-linux-gnu fits='aarch64-*'
elif has ARM; then
	arch=arm triplet=arm-linux-gnueabihf fits='arm*'
elif has X86_64; then
	arch=x86_64 triplet=x86_64-linux-gnu fits='x86_64-* | i?86-*'
elif has RISCV; then
	arch=riscv triplet=riscv64-linux-gnu fits='riscv64-*'
else
	exit 0
fi
eval "case \$machine in $fits) exit 0 ;; esac"
# If there is no compiler, make will report that.
[ -n "$machine" ] || exit 0

echo "ARCH=$arch CROSS_COMPILE=$triplet-"
if ! command -v "$triplet-gcc" > /dev/null; then
	echo "button_irq: the kernel is $arch, but ${2:-gcc} compiles for $machine. Install the kernel's compiler:" >&2
	echo "  sudo apt install gcc-$(echo $triplet | tr _ -)" >&2
	exit 1
fi
