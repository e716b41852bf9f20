#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# disk.sh ARCH: makes a read-only disk for the emulated board with the programs that are too large for its initramfs:
# Node-RED from the npm registry in node-red/node_modules, and in root/ a broker and its clients from Debian, with what
# they depend on. Prints the name of the squashfs image. Nothing of this project is in it.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/../node/packages.sh"

[ $# = 1 ] || die "usage: disk.sh ARCH"
arch=$1
dir=$CACHE/gestures
image=$dir/$arch.squashfs

(fetch_node_red)
mkdir -p "$dir"
exec 9> "$dir/lock"
flock 9
recipe="$(head -n 1 "$node_red/stamp") $(stat -c %Y "$node_red/stamp") $(sha256sum < "$0")"
if ! stamp_ok "$dir/$arch.stamp" "$recipe"; then
	say "making the disk of the emulated board (about 30 s)"
	root=$(mktemp -d "$dir/$arch.XXXXXX")
	trap 'as_root rm -rf "$root"' EXIT
	apt_sources bookworm |
	as_root mmdebstrap --quiet --mode=root --variant=extract --architectures="$arch" --include=mosquitto,mosquitto-clients \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' bookworm "$root/root" -
	as_root rm -rf "$root"/root/usr/share/{doc,man,locale,info,lintian,bug} "$root"/root/{var,boot,dev,proc,sys,run,tmp}
	mkdir "$root/node-red"
	# Without what only tests/node needs
	tar -C "$node_red" -cf - --exclude=node_modules/{typescript,@types,node-red-node-test-helper,sinon} node_modules |
		tar -C "$root/node-red" -xf -
	as_root mksquashfs "$root" "$image.new" -quiet -no-progress -noappend -all-root -comp zstd > "$dir/$arch.log" 2>&1 ||
		{ cat "$dir/$arch.log" >&2; die "cannot make $image"; }
	as_root mv "$image.new" "$image"
	printf '%s\n' "$recipe" > "$dir/$arch.stamp"
fi
echo "$image"
