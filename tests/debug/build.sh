#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh NAME: builds the debug kernel NAME of the table "kernels" here -> kernels/NAME/ in the cache, laid out as
# tests/vm/fetch.sh lays out Debian's kernels, so that tests/vm/build.sh and run.py take it for one of them. Its source and
# compilers are in a root of their own, roots/debug-arm64/, with the build tree in /lib/modules/VERSION/build.
#
# A kernel is built anew when Debian's source, its configuration or this script has changed.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 1 ] || die "usage: build.sh NAME"
here=$(dirname "$(realpath "$0")")
name=$1
kernel_line "$name"
source=linux-source-6.12
root=$CACHE/roots/$suite-$arch
kernel=$CACHE/kernels/$name

fetch_root()
{
	local packages=make,kmod,gcc,libc6-dev,gcc-aarch64-linux-gnu,bison,flex,bc,perl,xz-utils
	local recipe="$source $packages"

	stamp_ok "$root.stamp" "$recipe" && return

	say "fetching $source and a compiler for debug kernels (about 2 min)"
	remove_root "$root.new"
	if apt_sources bookworm-backports |
	   as_root mmdebstrap --mode=root --variant=apt --include="$packages,$source/bookworm-backports" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		bookworm "$root.new" - > "$root.log" 2>&1 &&
	   as_root tar -C "$root.new/usr/src" -xJf "$root.new/usr/src/$source.tar.xz"; then
		as_root rm "$root.new/usr/src/$source.tar.xz"
		remove_root "$root"
		as_root mv "$root.new" "$root"
		printf '%s\n' "$recipe" > "$root.stamp"
		return
	fi
	remove_root "$root.new"
	tail -n 30 "$root.log" >&2
	[ -f "$root.stamp" ] || die "no source to build debug kernels from, see above"
	say "$source could not be refreshed; going on with what was fetched on $(date -r "$root.stamp" +%F)"
}

# KCSAN watches a few of all accesses, each for a moment. Where the whole kernel is under watch, hardly ever one of ours is.
instrumentation=()
in_tree()
{
	as_root nice chroot "$root" make -s -j "$(nproc)" -C "/usr/src/$source" O="$tree" ARCH=arm64 \
		CROSS_COMPILE=aarch64-linux-gnu- "${instrumentation[@]}" "$@"
}

# A symbol that a fragment sets and that did not come out so depends on something that we do not set.
check_config()
{
	local line symbol value missed=0

	while read -r line; do
		symbol=${line%%=*} value=${line#*=}
		case $value in
		n) ! grep -q "^$symbol=" "$root$tree/.config" || { say "$symbol is not off"; missed=1; } ;;
		*) grep -qxF "$line" "$root$tree/.config" || { say "no $line"; missed=1; } ;;
		esac
	done < <(grep -h ^CONFIG_ "${fragments[@]}")
	[ "$missed" = 0 ] || die "the kernel cannot be configured as $flavour.config asks"
}

build()
{
	as_root rm -rf "$root$tree"
	as_root mkdir -p "$root$tree"
	{
		cat "${fragments[@]}"
		echo "CONFIG_LOCALVERSION=\"-$name\""
	} | as_root tee "$root$tree/fragment" > /dev/null
	in_tree KCONFIG_ALLCONFIG="$tree/fragment" allnoconfig
	check_config
	in_tree Image modules
	# Modules are built against what is left.
	as_root find "$root$tree" -name '*.o' -not -path '*/scripts/*' -delete
}

lay_out()
{
	local version

	version=$(cat "$root$tree/include/config/kernel.release")
	rm -rf "$kernel.new"
	mkdir -p "$kernel.new"
	as_root mkdir -p "$root/lib/modules"
	as_root find "$root/lib/modules" -maxdepth 1 -name "*-$name" -exec rm -rf {} +
	in_tree INSTALL_MOD_PATH=/ modules_install
	as_root ln -sfn "$tree" "$root/lib/modules/$version/build"
	mkdir -p "$kernel.new/lib/modules"
	cp -r --no-dereference "$root/lib/modules/$version" "$kernel.new/lib/modules/"
	rm "$kernel.new/lib/modules/$version/build"
	cp "$root$tree/arch/arm64/boot/Image" "$kernel.new/vmlinuz"
	cp "$root$tree/.config" "$kernel.new/config"
	depmod -b "$kernel.new" "$version"
	printf '%s\n' "$version" > "$kernel.new/version"
	rm -rf "$kernel"
	mv "$kernel.new" "$kernel"
	say "kernel $name is $version"
}

mkdir -p "$CACHE/roots" "$CACHE/kernels"
exec 9> "$root.lock"
flock 9
fetch_root
fragments=("$here/common.config" "$here/$flavour.config")
recipe=$(cat "${fragments[@]}" "$0" "$root/var/lib/dpkg/info/$source.md5sums" | sha256sum | cut -c1-16)
[ "$(cat "$kernel/stamp" 2> /dev/null)" = "$recipe" ] && exit

! grep -qhx CONFIG_KCSAN=y "${fragments[@]}" || instrumentation=(KCSAN_SANITIZE=n)
tree=/build/$name
log=$CACHE/roots/$name.log
say "building kernel $name (about 8 min)"
exec 3>&2 > "$log" 2>&1
trap '[ $? = 0 ] || { tail -n 30 "$log"; echo "build.sh: no kernel $name, see above and $log"; } >&3' EXIT
build
lay_out
printf '%s\n' "$recipe" > "$kernel/stamp"
