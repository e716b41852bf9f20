#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A Raspberry Pi whose config.txt has three buttons (see check.sh): the default one, one to 3.3 V with a label and other
# settings, one without a pull. GPIO0 to GPIO8 are pulled up out of reset, the others down, so each pull is a change.

# shellcheck source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/pi.sh"

default=button-irq@11
garden=button-irq@5
bare=button-irq@6

test_pulls_before_the_driver()
{
	equal "GPIO17" down "$(host pull 17)"
	equal "GPIO5" up "$(host pull 5)"
	equal "GPIO6" up "$(host pull 6)"
}

test_loaded_by_alias()
{
	local node

	load_by_alias "$default"
	node=$(node_of "$default")
	equal line "$CHIP:17" "$(counter line "$node")"
	equal debounce_us 10000 "$(counter debounce_us "$node")"
	equal debounce_mode eager "$(counter debounce_mode "$node")"
	equal label "$node" "$(counter label "$node")"
	node=$(node_of "$garden")
	equal line "$CHIP:5" "$(counter line "$node")"
	equal debounce_us 2500 "$(counter debounce_us "$node")"
	equal debounce_mode settle "$(counter debounce_mode "$node")"
	equal label garden "$(counter label "$node")"
	node=$(node_of "$bare")
	equal line "$CHIP:6" "$(counter line "$node")"
	equal label bare "$(counter label "$node")"
	unload
}

# In the registers of the pin controller, and in what the pins then are
test_pulls()
{
	load_by_alias "$default"
	contact 17 -1
	equal "GPIO17, the default" "up 1" "$(host pull 17) $(host level 17)"
	equal "GPIO5, gpio_pull=down" "down 0" "$(host pull 5) $(host level 5)"
	equal "GPIO6, gpio_pull=off" off "$(host pull 6)"
	equal "GPIO17's state" released "$(counter state "$(node_of "$default")")"
	equal "GPIO5's state" released "$(counter state "$(node_of "$garden")")"
	unload
}

test_pressed_from_outside()
{
	local before node

	load_by_alias "$default"
	contact 17 -1
	node=$(node_of "$default")
	before=$(interrupts 17)
	line_is_taken "$CHIP:17" || fail "gpioinfo does not show that GPIO17 is taken: $(line_info "$CHIP:17")"
	read_in_a_script "$node" got
	push 17 0 5 got
	has_lines 10 got || fail "wanted 10 events, got $(cat got)"
	check_stream 10 got
	# Here time passes as on the host. Where that is busy, a look at the line may come before the edge's interrupt, and
	# the next edge then merges with it.
	equal "interrupts of the pin" "$(counter edges "$node")" $(($(interrupts 17) - before))
	equal "presses, releases, missed" "5 5 0" \
		"$(counter presses "$node") $(counter releases "$node") $(counter missed "$node")"
	unload
}

test_active_high()
{
	local node

	load_by_alias "$garden"
	node=$(node_of "$garden")
	read_in_a_script "$node" got
	push 5 1 3 got
	has_lines 6 got || fail "wanted 6 events, got $(cat got)"
	check_stream 6 got
	unload
}

run_tests test_pulls_before_the_driver test_loaded_by_alias test_pulls test_pressed_from_outside test_active_high
