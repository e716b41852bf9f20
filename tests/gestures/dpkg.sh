#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dpkg.sh ARCH: dpkg, and what it starts, for the userland of the test machines, which has none -> cache/dpkg-ARCH

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 1 ] || die "usage: dpkg.sh ARCH"
out=$CACHE/dpkg-$1
packages=dpkg,tar,libc-bin,systemd-standalone-sysusers
recipe="bookworm $packages"

exec 9> "$out.lock"
flock 9
stamp_ok "$out.stamp" "$recipe" && exit 0
say "getting dpkg for $1 (about 20 s)"
root=$(mktemp -d "$out.XXXXXX")
trap 'as_root rm -rf "$root"' EXIT
apt_sources bookworm |
	as_root mmdebstrap --quiet --mode=root --variant=extract --architectures="$1" --include="$packages" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' - "$root/all" -
rm -rf "$out"
mkdir -p "$out"
# Programs, and libraries that may be missing: where the userland has one, it is the same.
cd "$root/all"
as_root find usr/bin/dpkg usr/bin/dpkg-* usr/bin/update-alternatives usr/share/dpkg bin/tar bin/systemd-sysusers sbin/ldconfig -type f \
	-exec cp --parents -t "$out" {} +
as_root find usr/lib/*-linux-* lib/*-linux-* -regextype egrep \
	-regex '.*/lib(md|zstd|lzma|z|bz2|selinux|pcre2-8|acl)\.so\.[0-9]+' -exec cp -L --parents -t "$out" {} +
printf '%s\n' "$recipe" > "$out.stamp"
