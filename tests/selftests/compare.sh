#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Presses as real contacts make them, given to the flag driver of every interrupt course (naive/), to the GPIO character
# device without and with its debouncing, and to button_irq. naive.sh has clean presses and readers that are too slow;
# here are bounces, and presses shorter than the debounce time. The counts are printed side by side.

# shellcheck source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

NAIVE=$(find_module naive_button "${BUTTON_IRQ_NAIVE_KO:-}")

cleanup()
{
	[ ! -e /sys/module/naive_button ] || rmmod naive_button
}

# 10 presses each; these print the edges. A press with bounces is what a cheap contact does in its first 2 ms.
presses=10

bouncing()
{
	local i t

	for ((i = 0; i < presses; i++)); do
		t=$((i * 100000))
		echo "$t:0 $((t + 300)):1 $((t + 500)):0 $((t + 1100)):1 $((t + 1400)):0 $((t + 1900)):1 $((t + 2000)):0"
		echo "$((t + 50000)):1 $((t + 50400)):0 $((t + 50600)):1"
	done
}

# Shorter than the debounce time: a light touch, or a reed contact that something passes
short()
{
	local i

	for ((i = 0; i < presses; i++)); do
		echo "$((i * 60000)):0 $((i * 60000 + 4000)):1"
	done
}

# counts TRAIN KIND WHAT US [DEBOUNCE_US]: has somebody look every US microseconds while TRAIN is played; sets seen, told
counts()
{
	local train

	read -r -d '' -a train < <("$1") || true
	shift
	rm -f stop seen
	looker "$1" "$2" "$3" stop "${@:4}" > seen &
	wait_for 10 has_lines 1 seen
	stim 0 train "${train[@]}"
	# The last release is 30 ms old, and so are debounce timers.
	sleep 0.03
	touch stop
	wait "$!"
	read -r seen told < <(tail -n 1 seen)
}

# all_four NAME TRAIN US: sets flag, cdev, debounced, ours; ours_told is what button_irq says was lost
all_four()
{
	local line chip=${LINES[0]%:*} offset=${LINES[0]##*:}

	[ -n "$NAIVE" ] || skip "no naive_button.ko here"
	line=$(chip_of "${LINES[0]}"):$offset
	[ "$chip" != button-irq-test ] || skip "this controller cannot watch one edge alone"
	insmod "$NAIVE" "chip=$chip" "offset=$offset"
	counts "$2" flag /dev/naive_button "$3"
	flag=$seen
	rmmod naive_button
	counts "$2" cdev "$line" "$3"
	cdev=$seen
	counts "$2" cdev "$line" "$3" 10000
	debounced=$seen
	load_button debounce_us=10000
	counts "$2" button_irq "$DEV" "$3"
	ours=$seen ours_told=$told
	unload
	printf '%-42s %4d %5d %5d %5d %5d\n' "$1" "$presses" "$flag" "$cdev" "$debounced" "$ours" > "$WORK.say"
	equal "presses that button_irq gave" "$presses" "$ours"
	equal "losses that button_irq told" 0 "$ours_told"
}

# Each bounce sets the flag again.
test_bouncing()
{
	all_four "bouncing, looked at every ms" bouncing 1000
	[ "$flag" -gt "$presses" ] || fail "the flag driver made nothing up: $flag"
	[ "$cdev" -gt "$presses" ] || fail "the character device gives bounces, but $cdev"
	equal debounced "$presses" "$debounced"
}

test_bouncing_busy()
{
	all_four "bouncing, looked at every 250 ms" bouncing 250000
	[ "$flag" -lt "$presses" ] || fail "the flag driver saw all: $flag"
}

# A debouncer that waits for quiet swallows them.
test_short()
{
	all_four "4 ms short, looked at every ms" short 1000
	equal debounced 0 "$debounced"
}

ktap_print_msg "$(printf '%-42s %4s %5s %5s %5s %5s' "presses" made flag cdev "+debo" ours)"
run_tests test_bouncing test_bouncing_busy test_short
