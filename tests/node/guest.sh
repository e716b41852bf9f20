#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in the guest: tests the npm package button-irq with the real driver and the real command, and with Node from Debian 12.
# The programs are in guest.js.

# load_button's parameters are optional.
# shellcheck disable=SC2119 source-path=SCRIPTDIR/../selftests

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# begun PROGRAM: starts a program of guest.js in the background, with its output in "got", and waits until it has opened the
# button
begun()
{
	node "$HERE/guest.js" "$1" > got 2> errors &
	PROGRAM=$!
	wait_for 60 readers 1
}

test_events_and_gestures()
{
	load_button label=bell
	begun loop
	gesture 0:0 50:1 60:1
	wait_for 60 has_lines 3 got
	gesture 0:0 50:1 150:0 200:1 210:1
	wait_for 60 has_lines 8 got
	gesture 0:0 1500:1 1510:1
	wait_for 60 has_lines 11 got
	hang_up
	wait_for 60 jobs_ended
	equal "events (errors: $(cat errors))" \
		"press release click press release press double release press hold release ENODEV" "$(paste -sd ' ' got)"
}

test_a_bouncing_button_gives_one_event_for_each_press()
{
	load_button label=bell
	begun loop
	press_bouncing 20
	wait_for 60 counter_is releases 20
	hang_up
	wait_for 60 jobs_ended
	equal presses 20 "$(grep -cx press got)"
	equal releases 20 "$(grep -cx release got)"
}

test_a_button_that_is_bound_again_is_followed()
{
	load_button label=bell
	begun follow
	wait_for 60 has_lines 1 got
	press 1
	wait_for 60 has_lines 2 got
	unbind button_irq.0
	wait_for 60 has_lines 3 got
	bind button_irq.0
	wait_for 60 has_lines 4 got
	press 1
	wait_for 60 jobs_ended
	equal "events (errors: $(cat errors))" "state press absent state press" "$(paste -sd ' ' got)"
}

# The driver's ring keeps 16 events, and the pipe to the program some hundred.
test_a_program_that_is_too_slow_gets_the_number_of_lost_events()
{
	load_button label=bell ring_events=16
	begun slow
	wait_for 60 grep -q ready got
	press 1000
	wait_for 120 counter_is releases 1000
	kill -USR1 "$PROGRAM"
	wait_for 120 jobs_ended
	read -r given lost < <(tail -n 1 got)
	equal "events given and lost (errors: $(cat errors))" 2000 "$((given + lost))"
	[ "$lost" -gt 0 ] || fail "no event was lost: the test shows nothing"
	echo "$given events given, $lost reported as lost" >> "$WORK.say"
}

test_an_exit_closes_the_button()
{
	load_button label=bell
	timeout 120 node "$HERE/guest.js" exit > got 2> errors || fail "$(cat errors)"
	wait_for 60 readers 0
	equal state released "$(cat got)"
}

tests=$(declare -F | awk '$3 ~ /^test_/ && $3 !~ /^test_(cleanup|chip)$/ { print $3 }')
# shellcheck disable=SC2086
run_tests $tests
