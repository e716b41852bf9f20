#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh ARCH: compiles the button-irq command for an architecture, in the root in which the selftests are compiled, and
# installs it into build/userspace/ARCH/

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 1 ] || die "usage: build.sh ARCH"
arch=$1
root=$CACHE/roots/bookworm-$arch
out=$TOP/build/userspace/$arch
triplet=$(gnu_triplet "$arch")

"$TOP/tests/vm/fetch.sh" root "$arch"
say "compiling button-irq for $arch (about 5 s)"
copy=$(as_root mktemp -d "$root/tmp/button_irq.XXXXXX")
trap 'as_root rm -rf "$copy"' EXIT
as_root chmod 755 "$copy"
git -C "$TOP" ls-files -z --cached --others --exclude-standard userspace button_irq.h |
	tar -C "$TOP" --null -T - -cf - | as_root tar -C "$copy" -xf - --no-same-owner
rm -rf "$out"
mkdir -p "$out"
if ! as_root chroot "$root" env PKG_CONFIG_LIBDIR="/usr/lib/$triplet/pkgconfig" \
	make -C "/tmp/$(basename "$copy")/userspace" CROSS_COMPILE="$triplet-" PKG_CONFIG=pkg-config \
	DESTDIR="/tmp/$(basename "$copy")/install" install > "$out/log" 2>&1; then
	tail -n 30 "$out/log" >&2
	die "button-irq for $arch does not build, see above and $out/log"
fi
cp -r "$copy/install/." "$out/"
