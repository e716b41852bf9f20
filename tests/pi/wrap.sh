#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# On a 32-bit kernel a reader's cursor is the low word of an event's number, and wraps after 4,294,967,296 events.
# tests/vm/build.sh makes a driver whose first event has a number just below that.

# shellcheck disable=SC2119 source=../selftests/lib.sh source-path=SCRIPTDIR

set -euo pipefail
export BUTTON_IRQ_KO=/opt/button_irq/wrap/button_irq.ko
. "$(dirname "$0")/lib.sh"

FIRST=4294967287
RING=16
# Enough to pass the wrap, and to overwrite the whole ring
PRESSES=20
LAST=$((FIRST + 2 * PRESSES - 1))

numbers()
{
	cut -d ' ' -f 1 "$1" | paste -sd ' '
}

test_reader_follows_across_the_wrap()
{
	load_button ring_events=$RING
	cat "$DEV" > got 2> /dev/null &
	wait_for 10 readers 1
	press "$PRESSES"
	wait_for 20 has_lines $((2 * PRESSES)) got
	check_stream $((2 * PRESSES)) got
	equal "event numbers" "$(seq -s ' ' "$FIRST" "$LAST")" "$(numbers got)"
	unload
}

# The reader stops before the wrap; the events after the wrap overwrite what it has not read.
test_lost_across_the_wrap()
{
	local first

	load_button ring_events=$RING
	exec {first}< "$DEV"
	press "$PRESSES"
	wait_for 20 counter_is releases "$PRESSES"
	# Once the button is unbound, a read at the end fails, so cat returns.
	unbind button_irq.0
	cat <&"$first" > got 2> /dev/null || true
	equal "the gap" "$FIRST lost $((2 * PRESSES - RING))" "$(head -n 1 got | cut -d ' ' -f 1,3,4)"
	equal "event numbers" "$(seq -s ' ' $((LAST - RING + 1)) "$LAST")" "$(tail -n +2 got | cut -d ' ' -f 1 | paste -sd ' ')"
	exec {first}<&-
	unload
}

# A reader that has read every event is not readable until the next one, on either side of the wrap.
test_poll_on_both_sides_of_the_wrap()
{
	local fd i seq event

	load_button ring_events=$RING
	exec {fd}< "$DEV"
	for ((i = FIRST; i <= LAST; i += 2)); do
		! read -r -t 0 -u "$fd" || fail "readable before event $i"
		press 1
		wait_for 20 read -r -t 0 -u "$fd"
		read -r -t 10 -u "$fd" seq _ event _ || fail "no event $i"
		equal "event" "$i press" "$seq $event"
		read -r -t 10 -u "$fd" seq _ event _ || fail "no event $((i + 1))"
		equal "event" "$((i + 1)) release" "$seq $event"
	done
	exec {fd}<&-
	unload
}

# A rewound reader starts at the oldest event, which is before the wrap in the first round and after it in the second.
test_rewind_across_the_wrap()
{
	local presses

	load_button ring_events=$RING
	for presses in $((RING / 2)) $((PRESSES - RING / 2)); do
		press "$presses"
		# BUTTON_IRQ_IOC_REWIND
		perl -e 'open my $d, "<", shift or die; ioctl $d, 0x9c04, 0 or die "$!";
			 for (1 .. shift) { sysread $d, my $line, 100 or die; print $line }' "$DEV" $RING > got
		check_stream $RING got
	done
	equal "event numbers" "$(seq -s ' ' $((LAST - RING + 1)) "$LAST")" "$(numbers got)"
	unload
}

run_tests test_reader_follows_across_the_wrap test_lost_across_the_wrap test_poll_on_both_sides_of_the_wrap \
	test_rewind_across_the_wrap
