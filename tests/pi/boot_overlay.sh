#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A Raspberry Pi whose config.txt has three buttons (see check.sh): the default one, one to 3.3 V with a label and other
# settings, and one without a pull. After reset GPIO0 to GPIO8 are pulled up, the other pins of the header down.

# shellcheck source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/pi.sh"

test_pulls_before_the_driver()
{
	local pin

	equal "GPIO17" down "$(host pull 17)"
	for pin in "$GARDEN_PIN" "$BARE_PIN"; do
		equal "GPIO$pin" "$([ "$pin" -gt 8 ] && echo down || echo up)" "$(host pull "$pin")"
	done
}

test_loaded_by_alias()
{
	local node

	load_by_alias "$default"
	node=$(node_of "$default")
	equal line "$CHIP:17" "$(counter line "$node")"
	equal debounce_us 10000 "$(counter debounce_us "$node")"
	equal debounce_mode eager "$(counter debounce_mode "$node")"
	equal label gpio17 "$(counter label "$node")"
	node=$(node_of "$garden")
	equal line "$CHIP:$GARDEN_PIN" "$(counter line "$node")"
	equal debounce_us 2500 "$(counter debounce_us "$node")"
	equal debounce_mode settle "$(counter debounce_mode "$node")"
	equal label garden "$(counter label "$node")"
	node=$(node_of "$bare")
	equal line "$CHIP:$BARE_PIN" "$(counter line "$node")"
	equal label bare "$(counter label "$node")"
	unload
}

# Each pull is in the pin controller's registers, and gives the pin its level.
test_pulls()
{
	load_by_alias "$default"
	contact 17 -1
	equal "GPIO17, the default" "up 1" "$(host pull 17) $(host level 17)"
	equal "gpio_pull=down" "down 0" "$(host pull "$GARDEN_PIN") $(host level "$GARDEN_PIN")"
	equal "gpio_pull=off" off "$(host pull "$BARE_PIN")"
	equal "GPIO17's state" released "$(counter state "$(node_of "$default")")"
	equal "the state of garden" released "$(counter state "$(node_of "$garden")")"
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
	# Guest time passes as host time does. On a busy host the driver may sample the line before the edge's interrupt
	# arrives, and the next edge then merges with that interrupt.
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
	push "$GARDEN_PIN" 1 3 got
	has_lines 6 got || fail "wanted 6 events, got $(cat got)"
	check_stream 6 got
	unload
}

is_output()
{
	[[ $(line_info "$CHIP:$1") == *output* ]]
}

# leave_low PIN: makes the pin a low output and releases it, so that nobody has requested it
leave_low()
{
	local setter

	gpioset -c "$(chip_of "$CHIP:$1")" "$1=0" &
	setter=$!
	wait_for 20 is_output "$1"
	kill "$setter"
	wait "$setter" || true
}

# brcm,function = <0> means "input". Mainline's driver for RP1 then gives the pin to the GPIO controller but keeps the
# direction; only a request of the line makes the pin an input. GPIO17 has a pin node, and the driver requests its line;
# GPIO22 has only a pin node (function.dts). Both pins have a pull-up, so an input reads high.
test_function_alone_is_no_input()
{
	contact 17 -1
	contact 22 -1
	leave_low 17
	leave_low 22
	load_by_alias "$default"
	[ -e "$platform/function-only/driver" ] || fail "function-only is not bound"
	equal "pulls" "up up" "$(host pull 17) $(host pull 22)"
	equal "GPIO17, whose line the driver has requested" 1 "$(host level 17)"
	equal "GPIO22, which has only a pin node" "$([[ $CHIP == pinctrl-rp1 ]] && echo 0 || echo 1)" "$(host level 22)"
	read_in_a_script "$(node_of "$default")" got
	push 17 0 1 got
	check_stream 2 got
	unload
}

run_tests test_pulls_before_the_driver test_loaded_by_alias test_pulls test_pressed_from_outside test_active_high \
	test_function_alone_is_no_input
