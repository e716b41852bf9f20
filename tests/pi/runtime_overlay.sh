#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Applies the overlay to a running Raspberry Pi and removes it, as `dtoverlay` and `dtoverlay -r` do. The tests' module
# modules/button_irq_test_overlay.c does so, since Debian's kernels have no interface for it.

# shellcheck source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/pi.sh"

overlays=/opt/button_irq/overlays

cleanup()
{
	[ ! -e /sys/module/button_irq_test_overlay ] || rmmod button_irq_test_overlay
}

# apply NAME...: applies overlays that check.sh made
apply()
{
	local files

	[ -e /opt/button_irq/modules/button_irq_test_overlay.ko ] || skip "this kernel cannot apply overlays"
	files=$(printf ",$overlays/%s.dtbo" "$@")
	insmod /opt/button_irq/modules/button_irq_test_overlay.ko "file=${files#,}"
}

remove()
{
	rmmod button_irq_test_overlay
}

# is_gone NODE: neither the device model nor the device tree has the button any more
is_gone()
{
	[ ! -e "$platform/$1" ] || fail "$1 is still a device"
	[ ! -e "/proc/device-tree/$1" ] || fail "$1 is still in the device tree"
}

# When the overlay is removed, one reader has read everything and sleeps, and another has read nothing yet.
test_apply_press_remove()
{
	local node

	contact 17 -1
	is_gone "$default"
	apply default
	load_by_alias "$default"
	node=$(node_of "$default")
	equal node button_irq "$node"
	equal line "$CHIP:17" "$(counter line)"
	equal "pull of GPIO17" up "$(host pull 17)"
	read_in_a_script "$node" got
	exec 3< "$DEV"
	push 17 0 3 got
	remove
	is_gone "$default"
	no_nodes || fail "a node is left: $(echo /dev/button_irq*)"
	wait_for 10 jobs_ended
	check_stream 6 got
	cat <&3 > late 2> error && fail "no error at the end"
	exec 3<&-
	same_file got late
	grep -q 'No such device' error || fail "the error at the end is not ENODEV: $(cat error)"
	wait_for 10 readers 0
	line_is_free "$CHIP:17" || fail "GPIO17 is still taken: $(line_info "$CHIP:17")"
	unload
}

# The driver stays loaded while the overlay is applied and removed. Each button gets the same node.
test_again_and_again()
{
	local i

	contact 17 -1
	apply default
	load_by_alias "$default"
	remove
	for ((i = 0; i < 10; i++)); do
		rm -f got
		apply default
		wait_for 10 test -c "$DEV"
		equal "round $i: nodes" /dev/button_irq "$(echo /dev/button_irq*)"
		read_in_a_script button_irq got
		push 17 0 1 got
		remove
		wait_for 10 jobs_ended
		is_gone "$default"
		no_nodes || fail "round $i: a node is left"
		check_stream 2 got
	done
	wait_for 10 readers 0
	unload
}

# The overlay is applied twice, with different parameters. Both buttons work, and both are removed.
test_two_buttons()
{
	local node

	contact 17 -1
	apply default garden
	load_by_alias "$garden"
	node=$(node_of "$garden")
	equal label garden "$(counter label "$node")"
	equal line "$CHIP:$GARDEN_PIN" "$(counter line "$node")"
	equal "pulls" "up down" "$(host pull 17) $(host pull "$GARDEN_PIN")"
	read_in_a_script "$(node_of "$default")" got
	read_in_a_script "$node" garden
	push 17 0 2 got
	push "$GARDEN_PIN" 1 2 garden
	remove
	wait_for 10 jobs_ended
	is_gone "$default"
	is_gone "$garden"
	check_stream 4 got
	check_stream 4 garden
	wait_for 10 readers 0
	unload
}

# The overlay can be removed after the module is unloaded.
test_module_first()
{
	apply default
	load_by_alias "$default"
	unload
	[ -e "$platform/$default" ] || fail "the device went with the driver"
	remove
	is_gone "$default"
}

test_pull_by_parameter()
{
	apply bare
	load_by_alias "$bare"
	equal "gpio_pull=off" off "$(host pull "$BARE_PIN")"
	unload
	remove
}

run_tests test_apply_press_remove test_again_and_again test_two_buttons test_module_first test_pull_by_parameter
