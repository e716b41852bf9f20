#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh: checks the series of `make upstream` with the scripts that kernel maintainers use. Prints one TAP line for each
# check: the series applies to Debian's newest kernel; every patch passes checkpatch --strict; comments, documents and the
# binding are well-formed; the driver compiles without a warning on four architectures, built in and as a module, before and
# after the patch that adds module parameters; the module needs only exported symbols; the selftests compile in the tree.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 0 ] || die "usage: run.sh"
work=$TOP/build/upstream-tree
tree=$work/linux
series=$TOP/build/upstream
driver=drivers/misc/button_irq
selftests=tools/testing/selftests/drivers/button_irq
# The configurations differ: RISC-V and x86 without device tree, arm without input devices and tracepoints, only arm64 with
# suspend.
declare -A configs=(
	[arm64]="OF INPUT FTRACE ENABLE_DEFAULT_TRACERS SUSPEND"
	[arm]="OF MMU ARCH_MULTI_V7"
	[riscv]="COMPILE_TEST INPUT FTRACE ENABLE_DEFAULT_TRACERS NLS"
	[x86]="COMPILE_TEST INPUT NLS 64BIT FTRACE ENABLE_DEFAULT_TRACERS"
)
declare -A triplets=([arm64]=aarch64-linux-gnu [arm]=arm-linux-gnueabihf [riscv]=riscv64-linux-gnu [x86]=x86_64-linux-gnu)

# in_tree GIT-ARGUMENT...: runs git in the tree, with an identity, which git am needs
in_tree()
{
	git -c user.name=check-upstream -c user.email=check-upstream@project.example -C "$tree" "$@"
}

# Makes a copy of the kernel's source whose files are hard links into the cache. Git replaces files rather than writing into
# them, and builds are in other directories, so the cache does not change.
make_tree()
{
	local stamp=$CACHE/linux-tree/stamp

	if ! cmp -s "$stamp" "$work/stamp" || [ "$work/stamp" -ot "$stamp" ]; then
		rm -rf "$work"
		mkdir -p "$work"
		cp -al "$CACHE/linux-tree" "$tree" 2> /dev/null || { rm -rf "$tree"; cp -a "$CACHE/linux-tree" "$tree"; }
		git -C "$tree" init -q
		# Git needs only the files that a patch changes.
		(cd "$tree" && git add -f MAINTAINERS drivers/misc/{Kconfig,Makefile} tools/testing/selftests/Makefile \
			Documentation/misc-devices/index.rst Documentation/userspace-api/ioctl/ioctl-number.rst)
		in_tree commit -q -m base
		in_tree tag base
		cp "$stamp" "$work/stamp"
	fi
}

check_applies()
{
	in_tree am --abort 2> /dev/null || true
	in_tree checkout -q -f --detach base
	rm -rf "${tree:?}/$driver" "${tree:?}/$selftests"
	in_tree am -q "$series"/000[1-9]-*.patch
}

# Ignored: FILE_PATH_CHANGES, which asks whether MAINTAINERS needs a change, since an entry has the new files' directory; and
# for the selftests, long lines and repeated words, since shell scripts have both. make check-static checks line lengths in C.
# GIT_DIR does not exist, so that checkpatch skips spdxcheck.py: reuse checks licences.
check_checkpatch()
{
	local ignore=FILE_PATH_CHANGES

	[[ $1 != *selftests* ]] || ignore+=,LONG_LINE,LONG_LINE_STRING,LONG_LINE_COMMENT,REPEATED_WORD
	cd "$tree" && GIT_DIR=/nonexistent scripts/checkpatch.pl --strict --terse --show-types --ignore "$ignore" "$1"
}

check_kernel-doc()
{
	cd "$tree" && scripts/kernel-doc -none -Wall -Werror "$driver"/*.[ch] include/uapi/linux/button_irq.h
}

# Checks that the page is valid reStructuredText, and that the kernel's own parser accepts the ABI file.
check_documents()
{
	rst2html --strict --no-raw "$tree/Documentation/misc-devices/button_irq.rst" > "$work/button_irq.html" || return
	grep -q 'RELEASE only' "$work/button_irq.html" || return
	(cd "$tree" && tools/docs/get_abi.py --dir Documentation/ABI validate) 2>&1 | tee "$work/abi" | grep button_irq && return 1
	# The ABI file has every attribute of the driver.
	[ "$(grep -c '^What:' "$tree/Documentation/ABI/testing/sysfs-class-button_irq")" = "$(grep -c '&dev_attr_.*\.attr' "$tree/$driver/button_irq.c")" ]
}

# dt_schema PROGRAM ARGUMENT...: runs a program of dt-schema with the Python of its root
dt_schema()
{
	local root=$CACHE/roots/dt-schema loader triplet

	triplet=$(gnu_triplet "$HOSTARCH")
	loader=("$root/lib/$triplet"/ld-linux-*.so.*)
	PYTHONHOME=$root/usr "${loader[0]}" --library-path "$root/lib/$triplet:$root/usr/lib/$triplet" "$root/usr/bin/python3" \
		"$root/usr/bin/$1" "${@:2}"
}

# Checks what make dt_binding_check does, with the dt-schema of the cache
check_binding()
{
	local schema=$work/schema/input/button-irq.yaml out

	rm -rf "$work/schema"
	install -D -m 644 "$tree/Documentation/devicetree/bindings/input/button-irq.yaml" "$schema"
	out=$(dt_schema dt-doc-validate -u "$work/schema" "$schema" 2>&1 || echo failed)
	[ -z "$out" ] || { echo "$out"; return 1; }
	dt_schema dt-extract-example "$schema" > "$work/example.dts"
	dtc -q -@ -o "$work/example.dtb" "$work/example.dts" || return
	out=$(dt_schema dt-validate -s "$work/schema" "$work/example.dtb" 2>&1 || echo failed)
	[ -z "$out" ] || { echo "$out"; return 1; }
}

# kernel ARCH MAKE-ARGUMENT...: runs make for the architecture, with its build directory
kernel()
{
	local arch=$1 triplet=${triplets[$1]}

	shift
	[ "$triplet" != "$(gnu_triplet "$HOSTARCH")" ] || triplet=
	make -s -j "$(nproc)" -C "$tree" O="$work/$arch" ARCH="$arch" CROSS_COMPILE="${triplet:+$triplet-}" "$@"
}

# configure ARCH y|m: makes a small configuration with the driver; fails and prints the symbols that cannot be set
configure()
{
	local symbol

	mkdir -p "$work/$1"
	for symbol in MODULES GPIOLIB WERROR ${configs[$1]}; do
		echo "CONFIG_$symbol=y"
	done > "$work/$1/fragment"
	echo "CONFIG_BUTTON_IRQ=$2" >> "$work/$1/fragment"
	kernel "$1" KCONFIG_ALLCONFIG="$work/$1/fragment" allnoconfig
	! grep -vxFf "$work/$1/.config" "$work/$1/fragment"
}

# compiles ARCH y|m: compiles the driver of the commit that is checked out, with W=1. Warnings from other files are ignored.
compiles()
{
	local log=$work/$1/log

	configure "$1" "$2" || { echo "$1: the configuration has no such symbols"; return 1; }
	rm -f "$work/$1/$driver/button_irq.o"
	kernel "$1" W=1 "$driver/" > "$log" 2>&1 || { tail -n 30 "$log"; return 1; }
	! grep -E "(button_irq.*|ERROR|error).*(warning|error)" "$log" && [ -s "$work/$1/$driver/button_irq.o" ]
}

# Compiles before and after the patch that adds module parameters: the driver must compile without that patch, too.
check_builds()
{
	local commit how

	for commit in driver series; do
		in_tree checkout -q "$commit"
		for how in y m; do
			compiles "$1" "$how" || { echo "$1, BUTTON_IRQ=$how, at $(in_tree log -1 --format=%s)"; return 1; }
		done
	done
}

# Checks that Debian's kernel exports every symbol that the module needs. The module was built for a smaller configuration.
check_symbols()
{
	local kernel symvers

	kernel=$(cat "$CACHE/kernels/7.2-arm64/version")
	symvers=$CACHE/roots/sid-arm64/lib/modules/$kernel/build/Module.symvers
	[ -s "$symvers" ] && [ -s "$work/arm64/$driver/button_irq.o" ] || return
	comm -23 <(aarch64-linux-gnu-nm -u "$work/arm64/$driver/button_irq.o" | awk '$2 != "__this_module" { print $2 }' | sort -u) \
		<(cut -f2 "$symvers" | sort -u) > "$work/missing"
	! grep . "$work/missing"
}

check_selftests()
{
	local arch

	case $HOSTARCH in amd64) arch=x86 ;; *) arch=arm64 ;; esac
	in_tree checkout -q series
	kernel "$arch" headers
	rm -rf "$work/$arch/kselftest"
	make -s -C "$tree/tools/testing/selftests" TARGETS=drivers/button_irq O="$work/$arch" \
		KHDR_INCLUDES="-isystem $work/$arch/usr/include" > "$work/$arch/log" 2>&1 || { tail -n 30 "$work/$arch/log"; return 1; }
	! grep 'warning:' "$work/$arch/log" && [ -x "$work/$arch/kselftest/drivers/button_irq/button_irq_events" ]
}

"$TOP/scripts/deps.sh" upstream
for what in linux-tree dt-schema 7.2-arm64; do
	"$TOP/tests/vm/fetch.sh" "$what"
done
make_tree
"$TOP/scripts/upstream.py" "$CACHE/linux-tree" "$series" > "$work/log" 2>&1 || { cat "$work/log" >&2; die "no series, see above"; }

# run NAME COMMAND...: runs the command as a test; prints its output if it fails
run()
{
	local name=$1 status=0

	shift
	"$@" > "$work/log" 2>&1 || status=1
	[ "$status" = 0 ] || sed 's/^/# /' "$work/log"
	result "$status" "$name"
}

patches=("$series"/000[1-9]-*.patch)
echo "TAP version 13"
echo "1..$((6 + ${#patches[@]} + ${#configs[@]}))"
run "the series applies" check_applies
in_tree tag -f series > /dev/null
in_tree tag -f driver series~2 > /dev/null
for patch in "${patches[@]}"; do
	run "checkpatch: $(sed -n 's/^Subject: \[PATCH [^]]*\] //p' "$patch")" check_checkpatch "$patch"
done
run "kernel-doc" check_kernel-doc
run "documents" check_documents
run "binding" check_binding
say "compiling on ${#configs[@]} architectures (about 2 min)"
for arch in arm64 arm riscv x86; do
	run "compiles on $arch" check_builds "$arch"
done
run "the module needs exported symbols only" check_symbols
run "the selftests compile" check_selftests
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
