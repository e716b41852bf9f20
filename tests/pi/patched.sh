#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# patched.sh: tests mainline's pinctrl-rp1 with the patches of doc/upstream, built from Debian's source (164 MB), on raspi5.
# Patch 1 keeps the first edge from crashing the rt kernel; patch 2 makes GPIO40 deliver its interrupts. Not part of
# make check-pi, since the faults are the kernel's and not this driver's.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

pi=$TOP/tests/pi
out=$TOP/build/pi/patched
apt=$out/apt
guest=/opt/button_irq

# fetch_source VERSION: the files that pinctrl-rp1 is built from, of the source package of the same version as the kernel
fetch_source()
{
	local version=$1 package=linux-source-${1%.*} options

	options=(-q -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "Dir::Etc::SourceList=$apt/sources.list"
		 -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false)
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$out/source"
	apt_sources sid > "$apt/sources.list"
	apt-get "${options[@]}" update
	(cd "$out" && apt-get "${options[@]}" download "$package=$version-*")
	dpkg-deb --fsys-tarfile "$out/$package"_*.deb | tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$out/source" --strip-components=1 --wildcards '*/drivers/pinctrl/*.h' '*/drivers/pinctrl/pinctrl-rp1.c'
	rm "$out/$package"_*.deb
}

# build NAME: builds the patched module for a kernel of tests/vm/kernels -> NAME.ko
build()
{
	local root copy release

	kernel_line "$1"
	root=$CACHE/roots/$suite-$arch
	release=$(cat "$CACHE/kernels/$1/version")
	copy=$(as_root mktemp -d "$root/tmp/pinctrl-rp1.XXXXXX")
	as_root cp "$out"/source/drivers/pinctrl/* "$copy"
	echo 'obj-m := pinctrl-rp1.o' | as_root tee "$copy/Kbuild" > /dev/null
	as_root chroot "$root" make -C "/lib/modules/$release/build" M="/tmp/$(basename "$copy")" ARCH="$(kernel_arch "$arch")" \
		CROSS_COMPILE="$(gnu_triplet "$arch")-" modules
	cp "$copy/pinctrl-rp1.ko" "$out/$1.ko"
	as_root rm -rf "$copy"
}

# run NAME STIMULUS SCRIPT: runs a test with the patched module in place of the kernel's own
run()
{
	"$TOP/tests/vm/run.py" "$1" --board raspi5 --stimulus "$2" --realtime --timeout 300 --tests "$3" \
		--env BUTTON_IRQ_PATCHED=1 --file "$out/$1.ko:$guest/modules/pinctrl-rp1.ko" \
		--file "$pi/pi.sh:$guest/selftests/pi.sh" --file "$pi/$3:$guest/selftests/$3"
}

"$TOP/scripts/deps.sh" vm pi
for name in 7.2-arm64 7.2-rt; do
	"$TOP/tests/vm/fetch.sh" "$name"
	"$TOP/tests/vm/build.sh" "$name"
done
version=$(sed 's/+.*//' "$CACHE/kernels/7.2-arm64/version")
if ! stamp_ok "$out/stamp" "$version"; then
	say "fetching the source of Linux $version (164 MB)"
	rm -rf "$out"
	mkdir -p "$out"
	fetch_source "$version" > "$out/log" 2>&1 || { tail "$out/log" >&2; die "no source, see above and $out/log"; }
	printf '%s\n' "$version" > "$out/stamp"
fi
for part in "$TOP"/doc/upstream/*pinctrl-rp1*.patch; do
	# Already applied?
	patch -d "$out/source" -p1 -R --dry-run -f -s < "$part" > /dev/null 2>&1 || patch -d "$out/source" -p1 < "$part"
done
for name in 7.2-arm64 7.2-rt; do
	build "$name" > "$out/log" 2>&1 || { tail -n 30 "$out/log" >&2; die "pinctrl-rp1 does not build, see above and $out/log"; }
done
for name in 7.2-arm64 7.2-rt; do
	run "$name" wire pins.sh
	run "$name" host no_overlay.sh
done
