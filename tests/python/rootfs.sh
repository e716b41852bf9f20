#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rootfs.sh ARCH SUITE: makes a userland for the test machines with that suite's python3, as tests/vm/rootfs.sh does with
# bookworm's: ARCH-python-SUITE.cpio. From bookworm on it has gpiozero, with bookworm's there is
# pytest, too. No program of the foreign architecture runs meanwhile.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 2 ] || die "usage: rootfs.sh ARCH SUITE"
arch=$1
suite=$2
name=$arch-python-$suite
out=$CACHE/rootfs/$name.cpio
suites=$suite
# libgpiod 2 is the stimulus's.
packages=bash,dash,busybox-static,gawk,grep,sed,coreutils,findutils,kmod,procps,util-linux,mount
case $suite in
bullseye)	# its python3 in bookworm, as it has no libgpiod 2
	suites="bookworm-backports bullseye"
	packages+=,python3.9,libgpiod3/bookworm-backports
	;;
bookworm)
	suites=bookworm-backports
	packages+=,python3-gpiozero,python3-pytest,python3-mock,python3-rpi.gpio,libgpiod3/bookworm-backports
	;;
*)
	packages+=,python3-gpiozero,libgpiod3
	;;
esac
recipe="$suites $packages $(sha256sum < "$0")"

mkdir -p "$CACHE/rootfs"
exec 9> "$CACHE/rootfs/$name.lock"
flock 9
stamp_ok "$CACHE/rootfs/$name.stamp" "$recipe" && exit 0

say "making the $name userland for the test machines (about 30 s)"
root=$(mktemp -d "$CACHE/rootfs/$name.XXXXXX")
trap 'as_root rm -rf "$root"' EXIT
# shellcheck disable=SC2086 # a list
apt_sources $suites |
as_root mmdebstrap --quiet --mode=root --variant=extract --architectures="$arch" --include="$packages" \
	--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' - "$root" -
cd "$root"
# Less to unpack at each boot, and nothing here is read by a test.
as_root rm -rf usr/share/{doc,man,locale,info,lintian,bug,perl,perl5,common-licenses,icons,fonts} \
	usr/lib/*-linux-*/{gconv,perl,libperl.*,perl-base,*.a} var/{lib,cache,log}/* boot dev/*
# What the packages' own scripts would have made.
[ -e usr/bin/awk ] || as_root ln -s gawk usr/bin/awk
[ -e usr/bin/python3 ] || as_root ln -s python3.9 usr/bin/python3
# Byte code, since an emulator takes minutes for it; by the host's python3, where that is the same.
[ ! -e "usr/bin/$(readlink /usr/bin/python3)" ] ||
	as_root /usr/bin/python3 -m compileall -q -s "$root" -p / usr/lib/python3* > /dev/null || true
# The machine's initramfs has a directory lib, with the kernel's modules, which would take the place of a link.
if [ -L lib ]; then
	as_root rm lib
	as_root mkdir lib
	(cd lib && as_root ln -s ../usr/lib/ld-linux-*.so.* .)
fi
as_root mkdir -p proc sys dev tmp run root opt
printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/sh\n' | as_root tee etc/passwd > /dev/null
printf 'root:x:0:\nnogroup:x:65534:\n' | as_root tee etc/group > /dev/null

as_root find . -mindepth 1 | LC_ALL=C sort | as_root cpio --quiet -o -H newc -R 0:0 > "$out.new"
mv "$out.new" "$out"
printf '%s\n' "$recipe" > "$CACHE/rootfs/$name.stamp"
