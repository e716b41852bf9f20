#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# no-headers.sh KERNEL-VERSION DIRECTORY: say which package has the headers to build for a kernel

kver=$1 kdir=$2

case $kver in
*-v8-16k* | *+rpt-rpi-2712) rpi=linux-headers-rpi-2712 ;;
*-v8+ | *+rpt-rpi-v8) rpi=linux-headers-rpi-v8 ;;
*-v7l+ | *+rpt-rpi-v7l) rpi=linux-headers-rpi-v7l ;;
*-v7+ | *+rpt-rpi-v7) rpi=linux-headers-rpi-v7 ;;
*+ | *+rpt-rpi-v6) rpi=linux-headers-rpi-v6 ;;
*) rpi=linux-headers-rpi-v8 ;;
esac

cat >&2 << TEXT
button_irq: no headers for kernel $kver ($kdir is missing). Install them:

  Raspberry Pi OS   sudo apt install $rpi
                    (up to Raspberry Pi OS 11: sudo apt install raspberrypi-kernel-headers)
  Debian, Ubuntu    sudo apt install linux-headers-$kver

If the package is not found, the running kernel is older than the package archive:
sudo apt full-upgrade, reboot, and try again.
TEXT
exit 1
