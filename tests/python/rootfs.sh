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

# compile_python ROOT: byte code for what a test imports. An emulated machine would spend seconds on it at each boot. Byte code
# depends on the version of Python and not on the architecture, so the host's python3 compiles if it has that version; else that
# suite's python3 for the host's architecture does.
compile_python()
{
	local python directories link tools=/ target=$1

	python=$(basename "$(readlink "$1/usr/bin/python3")")
	if [ ! -x "/usr/bin/$python" ]; then
		tools=$1/tools target=/target
		# shellcheck disable=SC2086 # a list
		apt_sources $suite |
		as_root mmdebstrap --quiet --mode=root --variant=extract --architectures="$HOSTARCH" --include="$python" \
			--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' - "$tools" -
		# That package does not bring these links of a merged /usr.
		for link in lib lib64; do
			[ -e "$tools/$link" ] || [ ! -d "$tools/usr/$link" ] || as_root ln -s "usr/$link" "$tools/$link"
		done
		as_root mkdir "$tools/target"
		as_root mv "$1/usr" "$tools/target"
	fi
	mapfile -t directories < <(cd "$tools/$target" && printf "$target/%s\n" usr/lib/python3*)
	as_root chroot "$tools" "/usr/bin/$python" -m compileall -q -s "$target" -p / "${directories[@]}" > /dev/null || true
	[ "$tools" = / ] || as_root mv "$tools/target/usr" "$1"
	[ -n "$(find "$1/usr/lib" -name 'subprocess.*.pyc')" ] || die "$python did not compile its library"
	[ "$tools" = / ] || as_root rm -rf "$tools"
}

say "making the $name userland for the test machines (about 1 min)"
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
compile_python "$root"
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
