#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same presses, given to the flag driver of every interrupt course (naive/), to the GPIO character device and to
# button_irq: how many does a reader see that looks every 0.1 s, and one that is busy with other things meanwhile?
# doc/how-it-works.md shows the table.

# shellcheck disable=SC2119 source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

PRESSES=40
NAIVE=$(find_module naive_button "${BUTTON_IRQ_NAIVE_KO:-}")

cleanup()
{
	if [ -e /sys/module/naive_button ]; then
		rmmod naive_button
	fi
}

# A press every 60 ms, without bounces: those would only add to what a flag gets wrong.
press_away()
{
	press "$PRESSES"
	: > pressed
}

# Looks at the flag, as a main loop does, every 0.1 s until all presses are made.
look_at_flag()
{
	local flag=0 seen=0 last=''

	while [ -z "$last" ]; do
		[ ! -e pressed ] || last=y
		read -r flag < /dev/naive_button
		seen=$((seen + flag))
		read -r -t 0.1 <&"$NEVER" || true
	done
	echo "$seen"
}

flag_driver()
{
	[ -n "$NAIVE" ] || skip "no naive_button.ko here"
	insmod "$NAIVE" chip="${LINES[0]%:*}" offset="${LINES[0]##*:}" 2> error || {
		grep -q 'Invalid parameters' error && skip "a flag driver cannot have nested interrupts"
		fail "$(cat error)"
	}
	press_away &
	look_at_flag > flag.looking
	wait
	rm pressed
	press_away
	look_at_flag > flag.busy
	rmmod naive_button
}

# gpiomon is stopped to make it a reader that is busy.
character_device()
{
	local monitor

	gpiomon -c "$(chip_of "${LINES[0]}")" --edges falling "${LINES[0]##*:}" > looking &
	monitor=$!
	wait_for 10 line_is_taken "${LINES[0]}"
	press_away
	wait_for 10 has_lines "$PRESSES" looking
	kill -STOP $monitor
	press_away
	kill -CONT $monitor
	# It has read what there was when it has read the next press, too.
	wait_for 10 at_least_lines $((PRESSES + 1)) looking
	press 1
	wait_for 10 read_all $monitor
	kill $monitor
	wait $monitor || true
	echo "$PRESSES" > gpio.looking
	mapfile -t lines < looking
	echo $((${#lines[@]} - PRESSES - 1)) > gpio.busy
}

# $1 sleeps in its poll, with nothing left to read.
read_all()
{
	local state

	read -r _ _ state _ < "/proc/$1/stat"
	[ "$state" = S ]
}

count_presses()
{
	grep -c press "$1"
}

button()
{
	local all=$((2 * PRESSES))

	load_button
	cat "$DEV" > looking.button 2> /dev/null &
	wait_for 10 readers 1
	exec 3< "$DEV"
	press_away
	wait_for 10 has_lines $all looking.button
	count_presses looking.button > button.looking
	# This reader has been busy with other things until now.
	head -n 1 <&3 > busy.button
	while read -r -t 0.1 line <&3; do
		echo "$line"
	done >> busy.button
	count_presses busy.button > button.busy
	check_stream $all busy.button
	exec 3<&-
	unload
}

test_the_same_presses()
{
	need_program gpiomon
	flag_driver
	rm pressed
	character_device
	rm pressed
	button
	cat > "$WORK.say" <<-TABLE
	| $PRESSES presses, seen by a reader that | looks every 0.1 s | was busy meanwhile | losses are reported |
	|---|---|---|---|
	| flag driver (\`tests/naive\`) | $(cat flag.looking) | $(cat flag.busy) | no |
	| GPIO character device (\`gpiomon\`) | $(cat gpio.looking) | $(cat gpio.busy) | no (a program can see a gap in \`line_seqno\`) |
	| button_irq (\`cat\`, \`read\`) | $(cat button.looking) | $(cat button.busy) | nothing to report |
	TABLE
	equal "button_irq, looking" "$PRESSES" "$(cat button.looking)"
	equal "button_irq, busy" "$PRESSES" "$(cat button.busy)"
	[ "$(cat flag.looking)" -lt "$PRESSES" ] || fail "the flag driver saw every press"
	equal "flag driver, busy" 1 "$(cat flag.busy)"
	[ "$(cat gpio.busy)" -lt "$PRESSES" ] || fail "the GPIO character device kept every press"
}

run_tests test_the_same_presses
