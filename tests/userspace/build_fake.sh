#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build_fake.sh FILE: the button-irq command with sanitizers, on buttons that test_command.py fakes (fake_device.c)

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 1 ] || die "usage: build_fake.sh FILE"
here=$TOP/tests/userspace
mapfile -t sources < <(make -s -C "$TOP/userspace" print-sources)
gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover \
	-DROOT='"root"' -DLIBEXECDIR='"root/libexec"' -DVERSION='"test"' \
	-Wl,--wrap=ioctl,--wrap=read,--wrap=close -o "$1" "$here/fake_device.c" "${sources[@]}" -lm
