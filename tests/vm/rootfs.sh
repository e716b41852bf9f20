#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rootfs.sh ARCH [python]: makes the userland that the test machines boot, as a cpio archive for the kernel's initramfs:
# Debian bookworm with the shells and interpreters in which people read buttons. Runs no program of the foreign architecture.
# With "python", ARCH-python.cpio: also gpiozero with its dependencies, and the tools that install this project's packages.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[[ $# = 1 || "$#,${2:-}" = 2,python ]] || die "usage: rootfs.sh ARCH [python]"
arch=$1
name=$arch${2:+-$2}
out=$CACHE/rootfs/$name.cpio
packages=bash,dash,busybox-static,mawk,gawk,grep,sed,coreutils,diffutils,findutils,perl-base,python3,nodejs,kmod
packages+=,procps,util-linux,mount,gpiod/bookworm-backports
[ $# = 1 ] || packages+=,python3-gpiozero,python3-rpi.gpio,dpkg,tar,libc-bin,systemd-standalone-sysusers
recipe="bookworm $packages $(sha256sum < "$0")"

mkdir -p "$CACHE/rootfs"
exec 9> "$CACHE/rootfs/$name.lock"
flock 9
stamp_ok "$CACHE/rootfs/$name.stamp" "$recipe" && exit 0

say "making the $name userland for the test machines (about 30 s)"
root=$(mktemp -d "$CACHE/rootfs/$name.XXXXXX")
trap 'as_root rm -rf "$root"' EXIT
apt_sources bookworm-backports |
as_root mmdebstrap --quiet --mode=root --variant=extract --architectures="$arch" --include="$packages" \
	--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' bookworm "$root" -
cd "$root"
# No test reads these: without them there is less to unpack at each boot.
as_root rm -rf usr/share/{doc,man,locale,info,lintian,bug,perl,perl5,bash-completion,common-licenses} \
	usr/share/nodejs/@types usr/lib/*-linux-*/{gconv,perl,libperl.*,libdb-*,*.a} \
	var/{lib,cache,log}/* boot dev/*
# Make by hand what the packages' maintainer scripts would have made. Python's byte code, which takes minutes to compile in an
# emulator, is compiled by the host's python3; the guest ignores it if that is of another release.
[ $# = 1 ] || as_root /usr/bin/python3 -m compileall -q -s "$root" -p / usr/lib/python3* > /dev/null || true
as_root ln -s gawk usr/bin/awk
as_root mkdir -p proc sys dev tmp run root opt
printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/sh\n' | as_root tee etc/passwd > /dev/null
printf 'root:x:0:\nnogroup:x:65534:\n' | as_root tee etc/group > /dev/null

# As root, since an ordinary user cannot read /root.
as_root find . -mindepth 1 | LC_ALL=C sort | as_root cpio --quiet -o -H newc -R 0:0 > "$out.new"
mv "$out.new" "$out"
printf '%s\n' "$recipe" > "$CACHE/rootfs/$name.stamp"
