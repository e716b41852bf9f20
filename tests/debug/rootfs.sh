#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rootfs.sh ARCH: the test machines' userland without its largest interpreters, for kernels on which unpacking a megabyte
# takes as long as ten do elsewhere. Shell tests that want those interpreters skip.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 1 ] || die "usage: rootfs.sh ARCH"
whole=$CACHE/rootfs/$1.cpio
out=$CACHE/rootfs/$1-debug.cpio

"$TOP/tests/vm/rootfs.sh" "$1"
exec 9> "$CACHE/rootfs/$1-debug.lock"
flock 9
[ "$out" -nt "$whole" ] && [ "$out" -nt "$0" ] && exit

root=$(mktemp -d "$CACHE/rootfs/$1-debug.XXXXXX")
trap 'as_root rm -rf "$root"' EXIT
cd "$root"
as_root cpio --quiet -idm < "$whole"
as_root rm -rf usr/share/nodejs usr/bin/node* usr/lib/*/lib{node,icu,sqlite3}* usr/lib/python3* usr/bin/python3*
as_root find . -mindepth 1 | LC_ALL=C sort | as_root cpio --quiet -o -H newc -R 0:0 > "$out.new"
mv "$out.new" "$out"
