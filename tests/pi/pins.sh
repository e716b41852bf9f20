#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests the emulated board without the driver: libgpiod's tools see edges from outside and through a jumper wire, the
# controller has the pulls that they request, and each edge is one interrupt. A wire joins GPIO27 and GPIO17.

# shellcheck source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/pi.sh"

chip=$(chip_of "$CHIP:17")

last_edge_is()
{
	local lines=()

	[ ! -e edges ] || mapfile -t lines < edges
	[ "${#lines[@]}" -gt 0 ] && [ "${lines[-1]}" = "$1" ]
}

# six_edges DOWN UP: presses GPIO17 three times by the commands DOWN and UP; waits for each edge before it makes the next
six_edges()
{
	local edge expected=() before old=() irqs

	stdbuf -oL gpiomon -c "$chip" -b pull-up -e both -F %e 17 > edges &
	wait_for 60 line_is_taken "$CHIP:17"
	# RP1 latches edges of a line that nobody has requested, and mainline's driver delivers such an edge after the request.
	# Make one press before counting, so that such an edge is not counted.
	"$1"
	wait_for 60 last_edge_is 2
	"$2"
	wait_for 60 last_edge_is 1
	mapfile -t old < edges
	before=$(interrupts 17)
	for edge in 2 1 2 1 2 1; do
		expected+=("$edge")
		if [ "$edge" = 2 ]; then "$1"; else "$2"; fi
		wait_for 60 at_least_lines $((${#old[@]} + ${#expected[@]})) edges
	done
	irqs=$(($(interrupts 17) - before))
	kill %1
	wait
	equal edges "${expected[*]}" "$(tail -n +$((${#old[@]} + 1)) edges | paste -sd' ')"
	equal interrupts 6 "$irqs"
}

outside_down() { contact 17 0; }
outside_up() { contact 17 1; }

# GPIO27, at the wire's other end, acts as the contact: closed as a low output, open as an input.
wire_down()
{
	gpioset -c "$chip" 27=0 &
	setter=$!
}

wire_up()
{
	kill "$setter"
	wait "$setter" || true
	# With persist_gpio_outputs, and on RP1, a released line stays an output: make it an input.
	gpioget -c "$chip" 27 > got
}

test_edges_from_outside()
{
	outside_up
	six_edges outside_down outside_up
}

test_edges_through_a_wire()
{
	contact 17 -1
	six_edges wire_down wire_up
}

test_pulls()
{
	local bias pull

	contact 22 -1
	for bias in pull-up pull-down disabled pull-up disabled pull-down; do
		pull=${bias#pull-}
		equal "level with $bias" "$([ "$bias" = pull-up ] && echo 1 || echo 0)" \
			"$(gpioget -c "$chip" --numeric -b "$bias" 22)"
		equal "the controller's pull" "${pull/disabled/off}" "$(host pull 22)"
	done
}

run_tests test_edges_from_outside test_edges_through_a_wire test_pulls
