#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh: runs the selftests on a real board. A jumper wire from one pin to another replaces the button. Prints a row for
# the table of tested boards, and a report to send. Environment variables:
#
#	OUT, IN		ends of the wire: GPIO numbers of a Raspberry Pi's header (default 27, 17), or CHIPLABEL:OFFSET
#	OUT2, IN2	ends of a second wire: also run the tests of two buttons, and those that are shell scripts
#	KSFT		the directory tools/testing/selftests of a kernel's source, if you have one (default: download it)
#
# Nothing else may use these pins: OUT is driven high and low, and IN gets a pull-up.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/wire.sh"

out=$TOP/build/hw
kver=$(uname -r)

build()
{
	local dir

	make -s -C "$TOP" KVER="$kver" modules
	for dir in modules naive; do
		make -s -C "/lib/modules/$kver/build" M="$TOP/tests/$dir" modules
	done
	mkdir -p "$out/obj"
	make -s -C "$TOP/tests/selftests" KSFT="$KSFT" OUTPUT="$out/obj" INSTALL_PATH="$out/install" COLLECTION=button_irq install
}

# run NAME: runs one program as root, with the environment variables that the tests use
run()
{
	local options=()

	# Tests of two buttons need two wires.
	[[ -n ${IN2:-} || $1 == *.sh ]] || options=(-F two)
	as_root env BUTTON_IRQ_STIMULUS=wire "BUTTON_IRQ_LINES=$lines" "BUTTON_IRQ_PINS=$pins" \
		"BUTTON_IRQ_KO=$TOP/button_irq.ko" "BUTTON_IRQ_NAIVE_KO=$TOP/tests/naive/naive_button.ko" \
		"BUTTON_IRQ_TEST_CHIP_KO=$TOP/tests/modules/button_irq_test_chip.ko" \
		timeout --foreground 1800 env -C "$out/install" "./$1" "${options[@]}" < /dev/null 2>&1
}

# totals NAME STATUS: prints the row of a program from its line "# Totals: pass:1 fail:2 ... skip:3 ...". A program without that
# line has failed.
totals()
{
	awk -v name="$1" -v status="$2" '
		/^# Totals: / { split($3, p, ":"); split($4, f, ":"); split($7, s, ":"); split($8, e, ":"); seen = 1 }
		END {
			failed = f[2] + e[2]
			if (!seen || (!failed && status != 0 && status != 4))
				failed++
			printf "%-24s %d passed, %d failed, %d skipped\n", name, p[2], failed, s[2]
		}' "$out/$1.log"
}

[ $# = 0 ] || die "usage: check.sh, with OUT and IN in the environment"
find_wires
programs=(button_irq_config button_irq_events button_irq_gone button_irq_read button_irq_readers button_irq_soak button_irq_wait)
[ -z "${IN2:-}" ] || programs+=(compare.sh lifecycle.sh naive.sh params.sh shell_readers.sh tracepoints.sh)
if [ -z "${KSFT:-}" ]; then
	"$TOP/tests/vm/fetch.sh" linux-source
	KSFT=$CACHE/linux-source/tools/testing/selftests
fi
rm -rf "$out"
mkdir -p "$out"
say "building for $kver"
build
for name in "${programs[@]}"; do
	status=0
	run "$name" > "$out/$name.log" || status=$?
	grep -B 15 '^ *not ok' "$out/$name.log" >&2 || true
	totals "$name" "$status" | tee -a "$out/rows"
done

read -r passed failed skipped < <(awk '{ passed += $2; failed += $4; skipped += $6 } END { print passed, failed, skipped }' "$out/rows")
{
	# The table of emulated boards has the same columns.
	"$TOP/tests/pi/raspi.py" table "$(board)" "${lines%%:*}" "the board itself, with a wire ${pins// /, } to ${lines// /, }" \
		"$kver ($(uname -m))" "$passed" "$failed" "$skipped"
	echo
	echo "button_irq $(git -C "$TOP" describe --always --dirty 2> /dev/null || echo unknown)"
	echo
	sed 's/^/    /' "$out/rows"
} > "$out/summary"
echo
echo "---- Please open an issue with the lines below. If a test failed, attach build/hw/*.log and the output of dmesg."
cat "$out/summary"
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
