#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the files that test machines need on top of the userland:
#
#	build.sh NAME		for the kernel NAME of the table "kernels" -> build/vm/NAME/overlay/: the driver and the
#				tests' modules in /opt/button_irq, the kernel's own modules that the tests use in /lib/modules;
#				and the selftests for its architecture
#	build.sh tests ARCH	the selftests -> build/vm/tests-ARCH/overlay/, and tests.list with their names, in order
#
# Modules are built with W=1 in the build root of the kernel's suite, the test programs in that of bookworm. Any warning is an
# error. Nothing is built if nothing has changed.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

# Modules of the kernel that tests load; not every kernel has all of them.
wanted=(configfs gpio-shared-proxy gpio-sim gpio_keys evdev bcm2835_wdt rp1_pci pinctrl-rp1)

# in_root ROOT LOG COMMAND...: runs COMMAND in a root; any warning is an error
in_root()
{
	local root=$1 log=$2

	shift 2
	if ! as_root chroot "$root" "$@" > "$log" 2>&1 || grep -n 'warning:' "$log"; then
		tail -n 50 "$log" >&2
		die "build for ${name:-$arch} failed or warned, see above and $log"
	fi
}

sources()
{
	git -C "$TOP" ls-files -z --cached --others --exclude-standard \
		Kbuild dkms.conf ':(glob)*.[ch]' tests/{selftests,modules,naive} tests/vm/sim_button.dts
}

# Prints an overlay with more buttons than there are minor numbers, and their controller; see tests/selftests/devicetree.sh.
crowd()
{
	local i

	cat <<- EOF
		/dts-v1/;
		/plugin/;
		&{/} {
			crowd-chip {
				compatible = "gpio-simulator";
				crowd: bank0 {
					gpio-controller;
					#gpio-cells = <2>;
					ngpios = <257>;
				};
			};
	EOF
	for ((i = 0; i < 257; i++)); do
		echo "crowd-$i { compatible = \"button-irq\"; gpios = <&crowd $i 1>; };"
	done
	echo '};'
}

# copy_sources ROOT: copies the sources to $copy, which is called $dir inside the root
copy_sources()
{
	local root=$1

	copy=$(as_root mktemp -d "$root/tmp/button_irq.XXXXXX")
	as_root chmod 755 "$copy"
	sources | tar -C "$TOP" --null -T - -cf - | as_root tar -C "$copy" -xf - --no-same-owner
	dir=/tmp/$(basename "$copy")
}

# up_to_date FILE...: whether $out was made from the present sources and these files
up_to_date()
{
	hash=$( (cd "$TOP" && sources | LC_ALL=C sort -z | xargs -0 sha256sum "$self" "$@") | sha256sum | cut -d' ' -f1)
	[ "$(cat "$out/stamp" 2> /dev/null)" = "$hash" ]
}

# For tests/pi/wrap.sh, on 32-bit kernels: a driver whose first event has a number just below 2^32, where cursors wrap.
copy_wrap()
{
	as_root mkdir "$copy/wrap"
	as_root cp "$copy"/{Kbuild,dkms.conf} "$copy"/*.[ch] "$copy/wrap/"
	as_root sed -i 's/^\tb->out\.ring\.size = .*/&\n\tb->out.ring.head = U32_MAX - 9;/' "$copy/wrap/button_irq.c"
	! cmp -s "$copy/button_irq.c" "$copy/wrap/button_irq.c" || die "no line in button_irq.c sets b->out.ring.size: see copy_wrap"
}

build_modules()
{
	local root=$CACHE/roots/$suite-$arch config=$CACHE/kernels/$name/config part parts=(. tests/modules tests/naive) options=()

	copy_sources "$root"
	[ "$(kernel_arch "$arch")" != arm ] || { copy_wrap; parts=(wrap "${parts[@]}"); }
	# On debug kernels (see tests/debug): gcov counts which lines of the driver run, KCOV shows a fuzzer the path of a call.
	! grep -qs CONFIG_GCOV_KERNEL=y "$config" || options=(GCOV_PROFILE_button_irq.o=y)
	! grep -qs CONFIG_KCOV=y "$config" || options+=(KCOV_INSTRUMENT_button_irq.o=y)
	for part in "${parts[@]}"; do
		[ -e "$copy/$part/Kbuild" ] || continue
		# KCSAN watches only the driver: the naive driver races on purpose.
		[ "$part" = . ] || options+=(KCSAN_SANITIZE=n)
		in_root "$root" "$out/log-modules" make -C "/lib/modules/$version/build" M="$dir/$part" \
			ARCH="$(kernel_arch "$arch")" CROSS_COMPILE="$(gnu_triplet "$arch")-" W=1 "${options[@]}" modules
	done
	# As Debian's packages do: debugging information would only make loading slow.
	find "$copy" -name '*.ko' -printf "$dir/%P\n" |
		as_root xargs chroot "$root" "$(gnu_triplet "$arch")-strip" --strip-debug
	mkdir -p "$out/overlay/opt/button_irq/modules"
	cp "$copy/button_irq.ko" "$out/overlay/opt/button_irq/"
	[ ! -e "$copy/button_irq.gcno" ] || cp "$copy/button_irq.gcno" "$out/"
	[ ! -e "$copy/wrap" ] || install -D -m 644 -t "$out/overlay/opt/button_irq/wrap" "$copy/wrap/button_irq.ko"
	find "$copy/tests" -name '*.ko' -exec cp -t "$out/overlay/opt/button_irq/modules" {} +
	as_root rm -rf "$copy"
}

build_tests()
{
	local root=$CACHE/roots/bookworm-$arch options=()

	copy_sources "$root"
	as_root cp -r "$CACHE/linux-source" "$copy/linux"
	as_root mkdir "$copy/out"
	# For the ARM1176 of the first Raspberry Pis: ARMv5, armel's default, has no atomic 64-bit accesses.
	[ "$arch" != armel ] || options+=(USERCFLAGS=-march=armv6k)
	in_root "$root" "$out/log-tests" env PKG_CONFIG_LIBDIR="/usr/lib/$(gnu_triplet "$arch")/pkgconfig" \
		make -C "$dir/tests/selftests" KSFT="$dir/linux/tools/testing/selftests" \
		CROSS_COMPILE="$(gnu_triplet "$arch")-" PKG_CONFIG=pkg-config \
		OUTPUT="$dir/out" INSTALL_PATH="$dir/install" COLLECTION=button_irq "${options[@]}" install
	as_root chroot "$root" make -s -C "$dir/tests/selftests" KSFT="$dir/linux/tools/testing/selftests" \
		OUTPUT="$dir/out" COLLECTION=button_irq emit_tests | sed -n 's/^button_irq://p' > "$out/tests.list"
	mkdir -p "$out/overlay/opt/button_irq"
	cp -r "$copy/install" "$out/overlay/opt/button_irq/selftests"
	dtc -q -O dtb -o "$out/overlay/opt/button_irq/sim_button.dtbo" "$TOP/tests/vm/sim_button.dts"
	crowd | dtc -q -O dtb -o "$out/overlay/opt/button_irq/crowd.dtbo" -
	as_root rm -rf "$copy"
}

add_kernel_modules()
{
	local kernel=$CACHE/kernels/$name target=$out/overlay/lib/modules/$version module file

	mkdir -p "$target"
	for module in "${wanted[@]}"; do
		modprobe -d "$kernel" -S "$version" --show-depends "$module" 2> /dev/null || true
	done | sed -n 's/^insmod //p' | sort -u | while read -r file; do
		install -D -m 644 "$file" "$target/${file#*/modules/"$version"/}"
	done
	cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$target/"
	depmod -b "$out/overlay" "$version"
}

# Takes the lock of $out: several callers may build at the same time.
begin()
{
	mkdir -p "$TOP/build/vm"
	exec 9> "$out.lock"
	flock 9
}

self=$(realpath "$0")
case $#,${1:-} in
2,tests)
	arch=$2 name=''
	out=$TOP/build/vm/tests-$arch
	begin
	"$TOP/tests/vm/fetch.sh" root "$arch"
	"$TOP/tests/vm/fetch.sh" linux-source
	up_to_date "$CACHE/roots/bookworm-$arch.stamp" "$CACHE/linux-source/stamp" && exit
	say "compiling the tests for $arch (about 15 s)"
	rm -rf "$out"
	mkdir -p "$out"
	build_tests
	;;
1,*)
	name=$1
	kernel_line "$name"
	"$self" tests "$arch"
	version=$(cat "$CACHE/kernels/$name/version")
	out=$TOP/build/vm/$name
	begin
	up_to_date "$CACHE/kernels/$name/"{version,stamp} "$CACHE/roots/$suite-$arch.stamp" && exit
	say "building modules for $version (about 20 s)"
	rm -rf "$out"
	mkdir -p "$out"
	build_modules
	add_kernel_modules
	;;
*)
	die "usage: build.sh NAME | tests ARCH"
	;;
esac
printf '%s\n' "$hash" > "$out/stamp"
