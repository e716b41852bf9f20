#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Buttons of the device tree. Runs where tests/vm/button.dts is applied, on QEMU's virt board and an emulated Raspberry Pi 5; elsewhere
# it is skipped.

# shellcheck source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

platform=/sys/bus/platform/devices
chip=${LINES[0]%:*}

# The module where modprobe finds it, and the node's own alias to load it by, as udev would
load_by_alias()
{
	local dir

	[ -e "$platform/doorbell" ] || skip "no button-irq node doorbell in this device tree"
	dir=/lib/modules/$(uname -r)
	mkdir -p "$dir/updates"
	cp "$MODULE" "$dir/updates/"
	depmod
	modprobe "$(cat "$platform/doorbell/modalias")" "$@"
	is_loaded || fail "modprobe of the alias $(cat "$platform/doorbell/modalias") loaded nothing"
}

# The class device of a node
node_of()
{
	basename "$(echo "$platform/$1/button_irq"/*)"
}

on_pin()
{
	local pin=$1

	shift
	BUTTON_IRQ_STIMULUS=host BUTTON_IRQ_LINES="$chip:$pin" BUTTON_IRQ_PINS="$pin" "$@"
}

test_doorbell()
{
	local node

	load_by_alias
	node=$(node_of doorbell)
	equal label "door bell" "$(counter label "$node")"
	equal line "$chip:2" "$(counter line "$node")"
	equal debounce_us 2500 "$(counter debounce_us "$node")"
	equal debounce_mode settle "$(counter debounce_mode "$node")"
	equal state released "$(counter state "$node")"
	# No Raspberry Pi's controller can wake the system.
	is_pi_chip "$chip" || equal wakeup enabled "$(cat "$platform/doorbell/power/wakeup")"
	cat "/dev/$node" > got 2> /dev/null &
	wait_for 10 readers 1
	on_pin 2 press 3
	wait_for 10 has_lines 6 got
	check_stream 6 got
	unload
}

# Nothing but gpios, and that active high
test_defaults()
{
	local node label

	load_by_alias
	node=$(node_of plain)
	label=$node
	! is_pi_chip "$chip" || label=gpio1
	equal label "$label" "$(counter label "$node")"
	equal line "$chip:1" "$(counter line "$node")"
	equal debounce_us 10000 "$(counter debounce_us "$node")"
	equal debounce_mode eager "$(counter debounce_mode "$node")"
	equal "state of an active-high line that is high" pressed "$(counter state "$node")"
	is_pi_chip "$chip" || equal wakeup disabled "$(cat "$platform/plain/power/wakeup")"
	cat "/dev/$node" > got 2> /dev/null &
	wait_for 10 readers 1
	on_pin 1 press 1
	wait_for 10 has_lines 2 got
	check_stream 2 got pressed
	unload
}

# Buttons of parameters and of the device tree at once
test_with_parameters()
{
	load_by_alias "line=${LINES[0]}" label=extra
	equal "buttons" "door bell,extra" \
		"$(cat "$CLASS"/*/label | grep -v '^button_irq\|^gpio[0-9]' | LC_ALL=C sort | paste -sd ,)"
	equal "the extra one's line" "${LINES[0]}" "$(counter line "$(node_of button_irq.0)")"
	unload
}

# Each bad node: one line of the log that names the node and what is wrong, and no button
test_bad_nodes()
{
	local node property

	kmsg_mark
	load_by_alias
	# The driver core has a line of its own to add in some kernels.
	kmsg_since "" | grep -v 'probe .*failed with error' > log
	while read -r node property; do
		[ -e "$platform/$node" ] || fail "no node $node in this device tree"
		[ ! -e "$platform/$node/driver" ] || fail "$node: it is bound"
		grep -F "$node" log > its || fail "$node: the log says nothing"
		has_lines 1 its || fail "$node: not one line: $(cat its)"
		grep -q -- "$property" its || fail "$node: the log does not name $property: $(cat its)"
	done <<- EOF
		bad-debounce debounce-us.*1000001
		bad-mode debounce-mode.*fast
		bad-label label
		empty-debounce debounce-us.*one number
		empty-mode debounce-mode.*one string
		empty-label label.*one string
		blank-label label.*characters
		no-line gpio
	EOF
	unload
}

# Two nodes with one line: one is a button, and the log has one line for the other. Since 6.19 gpiolib shares lines among
# device-tree nodes, so that there the interrupt is what the second node cannot have.
test_two_nodes_on_one_line()
{
	local node bound=() unbound=()

	modprobe -q gpio-shared-proxy || true
	kmsg_mark
	load_by_alias
	for node in twin-a twin-b; do
		[ -e "$platform/$node" ] || fail "no node $node in this device tree"
		if [ -e "$platform/$node/driver" ]; then bound+=("$node"); else unbound+=("$node"); fi
	done
	equal "twins that are bound" 1 "${#bound[@]}"
	kmsg_since "" | grep -v 'probe .*failed with error' > log
	grep -F "${unbound[0]}" log > its || fail "the log has nothing about ${unbound[0]}"
	has_lines 1 its || fail "not one line: $(cat its)"
	grep -qE 'gpios: the line is in use by button_irq|interrupt is in use' its || fail "the log does not give the reason: $(cat its)"
	! grep -i mismatch log || fail "genirq had to find out"
	unload
}

# A controller that cannot wake the system: that is said, and the button works.
test_cannot_wake()
{
	local node

	modprobe -q gpio-sim || skip "no gpio-sim in this kernel"
	kmsg_mark
	load_by_alias
	[ -e "$platform/sleepless" ] || fail "no node sleepless in this device tree"
	wait_for 10 test -e "$platform/sleepless/driver"
	kmsg_since sleepless | grep 'cannot wake' > /dev/null || fail "the log does not say so: $(kmsg_since sleepless)"
	node=$(node_of sleepless)
	equal label "sim bell" "$(counter label "$node")"
	unload
}

# bound N: N buttons, and no more
bound()
{
	local links

	mapfile -t links < <(compgen -G "$CLASS/*")
	[ "${#links[@]}" = "$1" ]
}

# More buttons than there are minor numbers: that is said of those that have none, and the others work.
test_no_minor_left()
{
	local module node before i without=0

	module=$(find_module button_irq_test_overlay)
	[ -n "$module" ] || skip "no button_irq_test_overlay.ko here"
	[ -e "$HERE/../crowd.dtbo" ] || skip "no overlay with very many buttons here"
	modprobe -q gpio-sim || skip "no gpio-sim in this kernel"
	load
	before=$(bound_devices | wc -l)
	kmsg_mark
	insmod "$module" "file=$(realpath "$HERE/../crowd.dtbo")" || skip "no overlays at run time in this kernel"
	wait_for 60 bound 256
	for ((i = 0; i < 257; i++)); do
		[ ! -e "$platform/crowd-$i/driver" ] || continue
		without=$((without + 1))
		kmsg_since "crowd-$i: .*no minor number is left" > its
		has_lines 1 its || fail "crowd-$i: the log does not say so once"
	done
	equal "crowd without a button" $((before + 1)) "$without"
	node=$(node_of crowd-100)
	cat "/dev/$node" > got 2> /dev/null &
	wait_for 10 readers 1
	# Nobody has pulled it up before.
	echo pull-up > "$(echo "$platform"/crowd-chip/gpiochip*/sim_gpio100/pull)"
	echo pull-down > "$(echo "$platform"/crowd-chip/gpiochip*/sim_gpio100/pull)"
	wait_for 10 has_lines 2 got
	check_stream 2 got pressed
	rmmod button_irq_test_overlay
	wait_for 10 bound "$before"
	unload
}

# The number of a button that is not bound now is the last that another button gets.
test_number_is_kept()
{
	local module node

	module=$(find_module button_irq_test_overlay)
	[ -n "$module" ] || skip "no button_irq_test_overlay.ko here"
	[ -e "$HERE/../sim_button.dtbo" ] || skip "no overlay with a button here"
	modprobe -q gpio-sim || skip "no gpio-sim in this kernel"
	load "line=${LINES[0]}" label=door
	node=$(node_of button_irq.0)
	unbind button_irq.0
	insmod "$module" "file=$(realpath "$HERE/../sim_button.dtbo")" || skip "no overlays at run time in this kernel"
	wait_for 60 test -e "$platform/sim-button/driver"
	[ "$(node_of sim-button)" != "$node" ] || fail "another button is $node now"
	bind button_irq.0
	equal "the node of door, bound again" "$node" "$(node_of button_irq.0)"
	rmmod button_irq_test_overlay
	wait_for 10 test ! -e "$platform/sim-button"
	unload
}

# A capacitor at the line: for 5 ms after the driver has requested it and gpiolib has set its pull the line is low.
test_charging_line_is_no_release()
{
	local node

	[ -e "$platform/charging" ] || skip "no node charging in this device tree"
	test_chip delivery=hard capacitor_us=5000
	load_by_alias
	[ -e "$platform/charging/driver" ] || fail "charging is not bound"
	node=$(node_of charging)
	cat "/dev/$node" > got 2> /dev/null &
	wait_for 10 readers 1
	equal state released "$(counter state "$node")"
	# A release would come some milliseconds after the button was bound, before it could be read.
	sleep 0.1
	equal "presses and releases of a button that nobody has touched" "0 0" \
		"$(counter presses "$node") $(counter releases "$node")"
	on_wire charging-chip:4 charging-chip:0 press 1
	wait_for 10 has_lines 2 got
	check_stream 2 got
	unload
}

# The input devices of nodes on lines of gpio-sim: two of ours beside two of gpio-keys, and one of ours that repeats
declare -A pins=([key]=2 [switch]=3 [peer-key]=4 [peer-switch]=5 [repeating]=6) inputs=()

event_node()
{
	compgen -G "$platform/$1/input/input*/event*"
}

open_inputs()
{
	local name fd

	[ -e "$platform/peer-key" ] || skip "no gpio-keys node peer-key in this device tree"
	modprobe -q -a gpio-sim gpio_keys evdev || skip "no gpio-sim, gpio-keys or evdev in this kernel"
	for name in "${!pins[@]}"; do
		pull up "$name"
	done
	load_by_alias
	for name in "${!pins[@]}"; do
		wait_for 10 event_node "$name" > /dev/null
		exec {fd}< "/dev/input/$(basename "$(event_node "$name")")"
		inputs[$name]=$fd
		: > "$name"
	done
}

close_inputs()
{
	local fd

	for fd in "${inputs[@]}"; do
		exec {fd}<&-
	done
}

# pull up|down NODE...
pull()
{
	local name

	for name in "${@:2}"; do
		echo "pull-$1" > "$(echo "$platform"/gpio-sim/gpiochip*/"sim_gpio${pins[$name]}"/pull)"
	done
}

# reported NODE LINES EVENT: so many events have come, each "type code value", with this one among the last two
reported()
{
	dd bs=4096 count=1 iflag=nonblock <&"${inputs[$1]}" 2> /dev/null |
		od -An -v -w24 -t u2 | awk '{ print $9, $10, $11 }' >> "$1"
	at_least_lines "$2" "$1" && tail -n 2 "$1" | grep -x "$3" > /dev/null
}

# EV_KEY and EV_SW: the same events, each report ended by SYN_REPORT
test_same_events_as_gpio_keys()
{
	local i name

	open_inputs
	for ((i = 0; i < 6; i++)); do
		pull "$([ $((i % 2)) = 0 ] && echo down || echo up)" key switch peer-key peer-switch
		# gpio-keys reports when the line has been quiet.
		for name in key peer-key; do
			wait_for 10 reported "$name" $((2 * i + 2)) "1 256 $(((i + 1) % 2))"
		done
		for name in switch peer-switch; do
			wait_for 10 reported "$name" $((2 * i + 2)) "5 0 $(((i + 1) % 2))"
		done
	done
	same_file peer-key key
	same_file peer-switch switch
	has_lines 12 key || fail "the key's events: $(cat key)"
	close_inputs
	unload
}

# A key with autorepeat is repeated while it is held, and no longer.
test_autorepeat()
{
	open_inputs
	pull down repeating
	wait_for 10 reported repeating 6 "1 256 2"
	pull up repeating
	wait_for 10 reported repeating 8 "1 256 0"
	equal "the first event" "1 256 1" "$(head -n 1 repeating)"
	close_inputs
	unload
}

cleanup()
{
	[ ! -e /sys/module/button_irq_test_overlay ] || rmmod button_irq_test_overlay
}

run_tests test_doorbell test_defaults test_with_parameters test_bad_nodes test_two_nodes_on_one_line test_cannot_wake test_no_minor_left test_number_is_kept \
	test_charging_line_is_no_release test_same_events_as_gpio_keys test_autorepeat
