#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_build.sh: checks that without libgpiod 2 everything except calibrate is built, and without lowdown everything except the
# manual pages. Prints TAP.

# shellcheck disable=SC2317 # the functions are called by check
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

number=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND...: runs the command as a test
check()
{
	number=$((number + 1))
	if "${@:2}"; then
		echo "ok $number $1"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok $number $1"
		failed=1
	fi
}

# builds VERSION: makes the command with a pkg-config that reports this version of libgpiod, or none. Does not compile calibrate.
builds()
{
	rm -rf "$work/pc" "$work/out"
	mkdir "$work/pc" "$work/out"
	[ "$1" = none ] || printf 'Name: libgpiod\nDescription: x\nVersion: %s\nLibs: -lgpiod\n' "$1" > "$work/pc/libgpiod.pc"
	env -u MAKEFLAGS PKG_CONFIG_LIBDIR="$work/pc" make -C "$TOP/userspace" O="$work/out" CFLAGS=-O0 PREFIX=/opt/x \
		DESTDIR="$work/out/installed" "${@:2}" > "$work/log" 2>&1
}

said()
{
	[ "$(grep -ci 'libgpiod' "$work/log")" = 1 ] && grep -q "note: .*calibrate.*(here: $1)" "$work/log"
}

runs_without()
{
	local out

	out=$("$work/out/button-irq.bin" calibrate GPIO17 2>&1) && return 1
	grep -q '/opt/x/libexec/button-irq/calibrate is missing. It needs libgpiod 2' <<< "$out" &&
		"$work/out/button-irq.bin" watch --help > /dev/null
}

would_compile_calibrate()
{
	grep -q 'button-irq-calibrate.bin.*calibrate.c' "$work/log"
}

says_that_pages_are_left_out()
{
	[ "$(grep -c 'note: the manual pages are left out: lowdown is missing' "$work/log")" = 1 ] &&
		[ -x "$work/out/installed/opt/x/bin/button-irq" ] && [ ! -e "$work/out/installed/opt/x/share/man" ]
}

# On 32-bit architectures, time_t must have 64 bits. With a time_t of 32 bits, the program would call localtime_r() and
# clock_gettime() by their plain names.
calls_have_64_bits()
{
	nm -D "$work/out/button-irq.bin" > "$work/log" && grep -q __localtime64_r "$work/log" && grep -q __clock_gettime64 "$work/log" &&
		! grep -qE ' (localtime_r|clock_gettime)\b' "$work/log"
}

failed=0
check without_libgpiod_the_command_is_built builds none install
check one_line_says_what_is_left_out said none
check calibrate_says_where_to_get_it runs_without
check with_libgpiod_1_the_command_is_built builds 1.6.3 install
check the_line_names_the_version_that_is_too_old said 1.6.3
check with_libgpiod_2_calibrate_is_built_too builds 2.1 -n all
check calibrate_is_a_program_of_its_own would_compile_calibrate
check without_lowdown_the_command_is_installed builds none install lowdown=
check one_line_says_that_pages_are_left_out says_that_pages_are_left_out
if echo 'int main(void) {}' | gcc -m32 -xc - -o "$work/program" 2> /dev/null; then
	check for_32_bits_the_command_is_built builds none CC="gcc -m32 -idirafter /usr/include/$(gcc -print-multiarch)"
	check times_of_32_bit_programs_do_not_end_in_2038 calls_have_64_bits
fi
exit "$failed"
