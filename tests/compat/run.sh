#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [NAME...]: compiles the driver and the tests' chip with W=1 for kernels that no suite of Debian has, and for
# configurations that no kernel of Debian has (or only for those named); one TAP line each.
#
# For such a kernel, the headers of an older or newer one are changed back or forth in the few places that matter to the
# driver: a directory with the changed headers comes first in the include path. The last TAP line says whether every branch
# of the compat headers was compiled.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
cd "$TOP"

# VERSION BASE: the function version_VERSION, with a dot as an underscore, changes BASE's headers to those of VERSION
versions=(
	5.11 6.1-arm64
	5.15 6.1-arm64
	5.16 6.1-arm64
	5.18 6.1-arm64
	6.2 6.1-arm64
	6.4 6.1-arm64
	6.5 6.1-arm64
	6.6 6.1-arm64
	6.7 6.12-arm64
	6.8 6.12-arm64
	6.9 6.12-arm64
	6.13 7.2-arm64
	6.16 7.2-arm64
	6.17 7.2-arm64
)
# NAME BASE: the function config_NAME changes BASE's configuration
configs=(
	no_pm_sleep 7.2-arm64
	no_pm_sleep_old 6.1-arm64
	no_of 7.2-arm64
	no_compat 7.2-arm64
	no_tracepoints 7.2-arm64
	no_input 7.2-arm64
	no_input_old 6.1-arm64
)
# Kernels for which tests/vm compiles too; here, to see which branches of the compat headers they compile
plain=(5.10-arm64 6.1-arm64 6.12-arm64 7.2-arm64)
compat=(button_irq_compat.h tests/modules/button_irq_test_compat.h)

# edit HEADER SED-SCRIPT: changes a copy of the base's header; fails if that changes nothing
edit()
{
	local header=$1 from

	for from in "$overlay/$header" "$common/include/$header" "$build/include/$header"; do
		[ ! -e "$from" ] || break
	done
	[ -e "$from" ] || die "$base has no $header"
	mkdir -p "$overlay/${header%/*}"
	# The copy is in another directory, so it cannot include headers by "name".
	[ "$from" = "$overlay/$header" ] || {
		sed -E "s|^(#include) \"(.*)\"|\1 <${header%/*}/\2>|" "$from" > "$overlay/$header"
		from=$overlay/$header
	}
	sed -E "$2" "$from" > "$work/edited"
	! cmp -s "$from" "$work/edited" || die "nothing in $base's $header to change by: $2"
	cp "$work/edited" "$overlay/$header"
}

# Since 6.17 a chip's set() returns an error.
before_6_17()
{
	edit linux/gpio/driver.h '/struct gpio_chip \{/,/^\};/s/\bint(\s+\(\*set\)\()/void\1/'
}

# Since 6.9 gpio_device_find() takes constant data.
before_6_9()
{
	edit linux/gpio/driver.h '/gpio_device_find\(const void \*data/,/;/s/const void \*/void */'
}

# Since 6.8 there is gpiochip_dup_line_label(), which copies the label under a lock.
before_6_8()
{
	edit linux/gpio/driver.h 's/^char \*gpiochip_dup_line_label\(/const char *gpiochip_is_requested(/'
	# The second edit is for a macro that the driver does not use.
	edit linux/gpio/driver.h 's/gpiochip_dup_line_label\(/gpiochip_is_requested(/'
}

# Since 6.5 generic_file_splice_read() is called copy_splice_read().
after_6_5()
{
	edit linux/fs.h 's/\bgeneric_file_splice_read\b/copy_splice_read/'
}

# Since 6.2 class.devnode takes a constant device.
after_6_2()
{
	edit linux/device/class.h 's/(\(\*devnode\)\()struct device/\1const struct device/'
}

# Since 5.19 a GPIO chip's irq_chip is constant.
before_5_19()
{
	edit linux/gpio/driver.h 's/\b(GPIOCHIP_IRQ_RESOURCE_HELPERS|gpio_irq_chip_set_chip)\b/later_\1/'
	edit linux/irq.h 's/\bIRQCHIP_IMMUTABLE\b/LATER_IRQCHIP_IMMUTABLE/'
}

# Since 5.17 there are pm_sleep_ptr() and SYSTEM_SLEEP_PM_OPS(), by which the older macros are defined.
before_5_17()
{
	edit linux/pm.h 's/^#define (pm_sleep_ptr|pm_ptr|DEFINE_SIMPLE_DEV_PM_OPS)\(/#define later_\1(/'
	edit linux/pm.h 's/(^|[^_[:alnum:]])((NOIRQ_)?SYSTEM_SLEEP_PM_OPS\()/\1later_\2/'
}

# Since 5.16 a chip has a firmware node of its own.
before_5_16()
{
	edit linux/gpio/driver.h '/^struct gpio_chip \{/,/^\};/s/(struct fwnode_handle\s*\*)fwnode;/\1later_fwnode;/'
}

version_5_11() { before_5_19; before_5_17; before_5_16; }
version_5_15() { version_5_11; }
version_5_16() { before_5_19; before_5_17; }
version_5_18() { before_5_19; }
version_6_2() { after_6_2; }
version_6_4() { after_6_2; }
version_6_5() { after_6_2; after_6_5; }
version_6_6() { after_6_2; after_6_5; }
version_6_7() { before_6_9; before_6_8; }
version_6_8() { before_6_9; }
version_6_9() { :; }
version_6_13() { before_6_17; }
version_6_16() { before_6_17; }
version_6_17() { :; }

# without OPTION...: removes options from the configuration
without()
{
	local option

	for option; do
		edit generated/autoconf.h "/^#define CONFIG_$option(_MODULE)? /d"
	done
}

config_no_pm_sleep() { without PM_SLEEP PM_SLEEP_SMP SUSPEND HIBERNATION HIBERNATE_CALLBACKS; }
config_no_pm_sleep_old() { config_no_pm_sleep; }
config_no_of() { without OF OF_GPIO OF_DYNAMIC OF_OVERLAY; }
config_no_compat() { without COMPAT; }
config_no_tracepoints() { without TRACEPOINTS EVENT_TRACING TRACING; }
config_no_input() { without INPUT INPUT_EVDEV; }
config_no_input_old() { config_no_input; }

# version_code VERSION: the value of KERNEL_VERSION()
version_code()
{
	local major minor

	IFS=. read -r major minor <<< "$1"
	echo $((major << 16 | minor << 8))
}

# mark_branches HEADER: adds a message after each directive that opens a branch, which the compiler prints if it compiles the
# branch
mark_branches()
{
	awk -v file="$1" '
	{ print }
	/\\$/ { next }
	/^#(if|ifdef|ifndef|else|elif)/ && !/_COMPAT_H$/ { print "#pragma message \"branch " file ":" FNR "\"" }' "$1"
}

all_branches()
{
	local header

	for header in "${compat[@]}"; do
		[ ! -e "$header" ] || mark_branches "$header" | sed -n 's/^#pragma message "\(.*\)"$/\1/p'
	done
}

# compile NAME BASE FUNCTION [VERSION]: compiles for BASE, changed by FUNCTION
compile()
{
	local name=$1 base=$2 function=$3 version=${4:-} root build common overlay work copy header objects log status=0
	local first=()

	kernel_line "$base"
	root=$CACHE/roots/$suite-$arch
	build=$root/usr/src/linux-headers-$(cat "$CACHE/kernels/$base/version")
	common=${build%-"$flavour"}-common
	copy=$(as_root mktemp -d "$root/tmp/compat.XXXXXX")
	as_root chmod 755 "$copy"
	work=$(mktemp -d)
	overlay=$work/include
	mkdir "$overlay"
	"$function"
	if [ -n "$version" ]; then
		mkdir -p "$overlay/linux"
		sed -E "s/^(#define LINUX_VERSION_CODE) .*/\1 $(version_code "$version")/" \
			"$build/include/generated/uapi/linux/version.h" > "$overlay/linux/version.h"
	fi
	git ls-files --cached --others --exclude-standard Kbuild dkms.conf ':(glob)*.[ch]' tests/modules |
		while read -r header; do
			[ ! -e "$header" ] || echo "$header"
		done | tar -cf - -T - | as_root tar -C "$copy" -xf - --no-same-owner
	for header in "${compat[@]}"; do
		[ ! -e "$header" ] || mark_branches "$header" | as_root tee "$copy/$header" > /dev/null
	done
	as_root cp -r "$overlay" "$copy/overlay"
	# kbuild puts only this variable before its own include directories.
	[ "$function" = : ] || first=("NOSTDINC_FLAGS=-nostdinc -I/tmp/${copy##*/}/overlay")
	for objects in ". button_irq.o" "tests/modules button_irq_test_chip.o"; do
		log=$(as_root chroot "$root" make -C "/lib/modules/${build##*linux-headers-}/build" W=1 ARCH=arm64 \
			CROSS_COMPILE=aarch64-linux-gnu- "${first[@]}" "M=/tmp/${copy##*/}/${objects% *}" "${objects#* }" 2>&1) ||
			status=1
		grep -oE 'branch [a-z_/]+\.h:[0-9]+' <<< "$log" >> "$out/$name.branches" || true
		if [ "$status" != 0 ] || grep -qE 'warning:|error:' <<< "$log"; then
			grep -v 'pragma message' <<< "$log"
			status=1
		fi
	done
	as_root rm -rf "$copy"
	rm -rf "$work"
	return "$status"
}

# Every branch was compiled for one of the kernels.
check_branches()
{
	all_branches | sort -u > "$out/wanted"
	sort -u "$out"/*.branches > "$out/got"
	comm -23 "$out/wanted" "$out/got" | grep . || return 0
	echo "no kernel compiles the branches above"
	return 1
}

"$TOP/scripts/deps.sh" vm
printf '%s\n' "${plain[@]}" | xargs -n 1 "$TOP/tests/vm/fetch.sh"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# one NAME COMMAND...: runs COMMAND and prints a TAP line, after the command's output if it failed
one()
{
	local name=$1 status=0

	shift
	"$@" > "$out/log" 2>&1 || status=1
	[ "$status" = 0 ] || sed 's/^/# /' "$out/log"
	result "$status" "$name"
}

wanted()
{
	[ ${#names[@]} = 0 ] || [[ " ${names[*]} " == *" $1 "* ]]
}

names=("$@")
echo "TAP version 13"
for ((i = 0; i < ${#versions[@]}; i += 2)); do
	v=${versions[i]}
	! wanted "$v" || one "$v" compile "$v" "${versions[i + 1]}" "version_${v/./_}" "$v"
done
for ((i = 0; i < ${#configs[@]}; i += 2)); do
	c=${configs[i]}
	! wanted "$c" || one "$c on ${configs[i + 1]}" compile "$c" "${configs[i + 1]}" "config_$c"
done
if [ ${#names[@]} = 0 ]; then
	for v in "${plain[@]}"; do
		one "$v as it is" compile "$v" "$v" :
	done
	one "every branch of the compat headers is compiled" check_branches
fi
echo "1..$((passed + failed))"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
