#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build_fake.sh DIRECTORY [static]: compiles the button-irq command with faked buttons (fake_device.c) and calibrate with faked
# lines (fake_gpiod/), both with sanitizers -> DIRECTORY/button-irq, DIRECTORY/calibrate. With "static", the programs have no
# sanitizers, and run in any root.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[[ $# = 1 || "$#,${2:-}" = 2,static ]] || die "usage: build_fake.sh DIRECTORY [static]"
mode=("-fsanitize=address,undefined" -fno-sanitize-recover)
[ $# = 1 ] || mode=(-static)
here=$TOP/tests/userspace
mkdir -p "$1"

# compile OPTION-OR-FILE...: runs gcc with the common options
compile()
{
	gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE "${mode[@]}" \
		-DROOT='"root"' -DLIBEXECDIR='"root/libexec"' -DVERSION='"test"' "$@" -lm
}

mapfile -t sources < <(make -s -C "$TOP/userspace" print-sources)
compile -Wl,--wrap=ioctl,--wrap=read,--wrap=close -o "$1/button-irq" "$here/fake_device.c" "${sources[@]}"
mapfile -t sources < <(make -s -C "$TOP/userspace" print-calibrate-sources)
compile -I "$here/fake_gpiod" -o "$1/calibrate" "$here/fake_gpiod/fake_gpiod.c" "${sources[@]}"
