/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The package with the headers of a kernel, by the kernel's release: the first pattern, as of
 * fnmatch(3), that matches `uname -r` decides. RELEASE stands for the release itself. Each entry
 * is one line, because scripts/no-headers.sh reads them as well.
 */
HEADERS("*+rpt-rpi-2712", "linux-headers-rpi-2712")
HEADERS("*+rpt-rpi-v8", "linux-headers-rpi-v8")
HEADERS("*+rpt-rpi-v8-rt", "linux-headers-rpi-v8-rt")
HEADERS("*+rpt-rpi-v7l", "linux-headers-rpi-v7l")
HEADERS("*+rpt-rpi-v7", "linux-headers-rpi-v7")
HEADERS("*+rpt-rpi-v6", "linux-headers-rpi-v6")
HEADERS("*+", "raspberrypi-kernel-headers")
HEADERS("*-raspi", "linux-headers-raspi")
HEADERS("*", "linux-headers-RELEASE")
