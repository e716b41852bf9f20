#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An emulated Raspberry Pi without an overlay: buttons from module parameters only.

# shellcheck source-path=SCRIPTDIR

set -euo pipefail
# The machine has the jumper wire of pins.sh, which runs before. No test here drives the wire's other end, GPIO27.
export BUTTON_IRQ_STIMULUS=host BUTTON_IRQ_PINS=$BUTTON_IRQ_HOST_PINS
. "$(dirname "$0")/pi.sh"
gpioget -c "$(chip_of "$CHIP:27")" 27 > /dev/null	# an input

# pressed PARAMETER=VALUE...: loads the driver, presses the button on GPIO17 from outside and reads its events in a script
pressed()
{
	contact 17 -1
	load "$@"
	equal line "$CHIP:17" "$(counter line)"
	equal state released "$(counter state)"
	read_in_a_script button_irq got
	push 17 0 3 got
	has_lines 6 got || fail "wanted 6 events, got $(cat got)"
	check_stream 6 got
	equal "presses, releases, missed" "3 3 0" "$(counter presses) $(counter releases) $(counter missed)"
	unload
}

test_by_number() { pressed gpio=17; }
test_by_name()
{
	line_is_named || skip "this device tree names no line of the header"
	pressed line=GPIO17
}

line_is_named()
{
	[[ $(line_info "$CHIP:17") == *'"GPIO17"'* ]]
}

# Mainline's device tree of the Raspberry Pi 5 names no line.
test_name_that_is_not_there()
{
	! line_is_named || skip "the line has a name"
	kmsg_mark
	! insmod "$MODULE" line=GPIO17 2> error || fail "line=GPIO17 was accepted"
	grep -q 'No such device' error || fail "insmod: $(cat error)"
	kmsg_since button_irq > log
	grep -F 'gpio=17' log || fail "the log does not suggest gpio=17: $(cat log)"
}

test_by_chip_and_offset() { pressed "line=$CHIP:17"; }

test_level_not_read()
{
	pressed gpio=17 read_level=0
}

# Each value of pull= ends up in the pin controller's registers.
test_pull()
{
	local pull

	contact 17 -1
	for pull in down up off down off up; do
		load gpio=17 "pull=$pull"
		equal "pull=$pull" "$pull" "$(host pull 17)"
		unload
	done
	load gpio=17 pull=down
	unload
	load gpio=17 pull=as-is
	equal "pull=as-is after down" down "$(host pull 17)"
	unload
	load gpio=17
	equal "by default" "up 1" "$(host pull 17) $(host level 17)"
	unload
}

# pull=up changes the line's level before the driver first reads it, so the change makes no event.
test_pull_is_no_press()
{
	contact 17 -1
	load gpio=17 pull=down active_low=0
	unload
	load gpio=17 pull=up
	equal state released "$(counter state)"
	read_in_a_script button_irq got
	push 17 0 1 got
	equal "first event" "1 press" "$(head -n 1 got | cut -d ' ' -f 1,3)"
	equal "presses, releases" "1 1" "$(counter presses) $(counter releases)"
	unload
}

# A button between GPIO17 and 3.3 V, with a pull-down
test_active_high()
{
	contact 17 -1
	load gpio=17 pull=down active_low=0
	equal state released "$(counter state)"
	read_in_a_script button_irq got
	push 17 1 3 got
	has_lines 6 got || fail "wanted 6 events, got $(cat got)"
	check_stream 6 got
	unload
}

# RP1 latches edges of a line that nobody has requested, and mainline's driver does not clear the latch when it sets up the
# interrupt. The handler therefore runs at once, for an edge from before the request.
test_stale_interrupt_is_no_edge()
{
	local before

	contact 17 1
	gpioget -c "$(chip_of "$CHIP:17")" -b pull-up 17 > /dev/null	# enables the input, for good
	contact 17 0
	contact 17 -1
	before=$(interrupts 17)
	load gpio=17
	equal "state, edges, inferred, presses, releases, missed" "released 0 0 0 0 0" \
		"$(counter state) $(counter edges) $(counter inferred) $(counter presses) $(counter releases) $(counter missed)"
	[ "$before" != none ] || before=0
	[[ $CHIP != pinctrl-rp1 ]] || [ $(($(interrupts 17) - before)) -gt 0 ] || fail "no stale interrupt came: this tests nothing"
	read_in_a_script button_irq got
	push 17 0 2 got
	has_lines 4 got || fail "wanted 4 events, got $(cat got)"
	check_stream 4 got
	equal "first event" "1 press" "$(head -n 1 got | cut -d ' ' -f 1,3)"
	equal "presses, releases, inferred, missed" "2 2 0 0" \
		"$(counter presses) $(counter releases) $(counter inferred) $(counter missed)"
	unload
}

# The log warns of two faults of mainline's pinctrl-rp1: on PREEMPT_RT, and with GPIO28 and up. Only machines with the
# patched pinctrl-rp1 run this test: button_irq cannot tell the patched from the stock one, and on PREEMPT_RT the stock one
# crashes at the first edge.
test_log_warns_of_the_controllers_driver()
{
	local rt=0

	[[ $CHIP == pinctrl-rp1 && -n ${BUTTON_IRQ_PATCHED:-} ]] || skip "this is for the machines of patched.sh"
	! grep -q PREEMPT_RT /proc/version || rt=1
	kmsg_mark
	load gpio=17
	unload
	load "line=$CHIP:40"
	unload
	kmsg_since button_irq > log
	equal "warnings of PREEMPT_RT" "$((2 * rt))" "$(grep -c 'on PREEMPT_RT, the first edge may lock' log)"
	equal "warnings of GPIO28 and up" 1 "$(grep -c 'delivers no interrupt of GPIO28 to 53' log)"
}

# GPIO40 is in another bank than GPIO17, with an interrupt of its own.
test_two_banks()
{
	# Mainline's handler acknowledges GPIO0 and up in every bank (see doc/upstream). An edge of GPIO40 is therefore never
	# acknowledged, and its interrupt storms.
	[[ $CHIP != pinctrl-rp1 || -n ${BUTTON_IRQ_PATCHED:-} ]] || skip "mainline's pinctrl-rp1 delivers no interrupt of GPIO28 to 53"
	load "line=$CHIP:17,$CHIP:40" label=bell,far
	contact 17 -1
	contact 40 -1
	read_in_a_script button_irq got
	read_in_a_script button_irq1 far
	push 40 0 2 far
	push 17 0 2 got
	has_lines 4 got || fail "GPIO17: wanted 4 events, got $(cat got)"
	has_lines 4 far || fail "GPIO40: wanted 4 events, got $(cat far)"
	unload
}

run_tests \
	test_by_number test_by_name test_name_that_is_not_there test_by_chip_and_offset test_level_not_read test_pull \
	test_pull_is_no_press test_stale_interrupt_is_no_edge test_active_high \
	test_log_warns_of_the_controllers_driver test_two_banks
