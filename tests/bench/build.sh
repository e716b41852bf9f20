#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh KERNEL: builds what the benchmark runs on that kernel of tests/vm/kernels -> build/bench/guest/: the program "bench",
# the modules of tests/bench/modules, and the counter subsystem with interrupt-cnt from the kernel's source, which Debian's
# kernels lack. Does nothing if no source has changed.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 1 ] || die "usage: build.sh KERNEL"
kernel_line "$1"
kernel=$1
counter=$CACHE/counter/$kernel
out=$TOP/build/bench/guest
log=$TOP/build/bench/log
version=$(cat "$CACHE/kernels/$kernel/version")
inputs=(button_irq.h button_irq_compat.h tests/selftests/stimulus.{c,h} tests/bench/{bench,contenders}.c tests/bench/bench.h tests/bench/modules)

# in_root ROOT COMMAND...: runs the command in the root, and shows its output if it fails
in_root()
{
	local root=$1

	shift
	if ! as_root chroot "$root" "$@" > "$log" 2>&1; then
		tail -n 50 "$log" >&2
		die "the benchmark does not build, see above and $log"
	fi
}

# copy_to ROOT: sets $copy, the copy's path on the host, and $dir, its path in the root
copy_to()
{
	copy=$(as_root mktemp -d "$1/tmp/bench.XXXXXX")
	dir=${copy#"$1"}
	as_root chmod 755 "$copy"
	tar -C "$TOP" -cf - "${inputs[@]}" | as_root tar -C "$copy" -xf - --no-same-owner
}

# Compiled in the root of bookworm, where the tests are compiled, too, because it has libgpiod.
build_program()
{
	local root=$CACHE/roots/bookworm-$arch

	copy_to "$root"
	in_root "$root" "$(gnu_triplet "$arch")-gcc" -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -DHAVE_LIBGPIOD -pthread \
		-o "$dir/bench" "$dir"/tests/{bench/bench,bench/contenders,selftests/stimulus}.c -lgpiod
	cp "$copy/bench" "$out/"
	as_root rm -rf "$copy"
}

build_modules()
{
	local root=$CACHE/roots/$suite-$arch part options

	copy_to "$root"
	as_root cp -r "$counter" "$copy/counter"
	printf '%s\n' 'obj-m := counter.o interrupt-cnt.o' 'counter-y := counter-core.o counter-sysfs.o counter-chrdev.o' |
		as_root tee "$copy/counter/Kbuild" > /dev/null
	for part in tests/bench/modules counter; do
		options=()
		# Warnings are errors in our own modules.
		[ "$part" = counter ] || options=(W=1 KCFLAGS=-Werror)
		in_root "$root" make -C "/lib/modules/$version/build" M="$dir/$part" ARCH="$(kernel_arch "$arch")" \
			CROSS_COMPILE="$(gnu_triplet "$arch")-" "${options[@]}" modules
	done
	find "$copy" -name '*.ko' -printf "$dir/%P\n" |
		as_root xargs chroot "$root" "$(gnu_triplet "$arch")-strip" --strip-debug
	find "$copy" -name '*.ko' -exec cp -t "$out" {} +
	as_root rm -rf "$copy"
}

hash=$({ printf '%s\n' "$version"
	 (cd "$TOP" && find "${inputs[@]}" tests/bench/build.sh -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
	 sha256sum "$counter"/*; } | sha256sum)
[ "$(cat "$out/stamp" 2> /dev/null)" != "$hash" ] || exit 0
say "building the benchmark for $version (about 20 s)"
rm -rf "$out"
mkdir -p "$out"
build_program
build_modules
printf '%s\n' "$hash" > "$out/stamp"
