#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Buttons come and go: unbound, rebound, unloaded, their GPIO chip torn away, with readers attached and edges arriving.

# load_button's parameters are optional.
# shellcheck disable=SC2119 source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# How often what is said to work again and again is done; the environment may ask for less.
rounds=${BUTTON_IRQ_ROUNDS:-100}
kinds=(read poll epoll sigio)

# One reader of each kind on $1, all of them asleep; what they say goes to out.KIND. $2: a FIFO that they wait for
# before they read.
start_readers()
{
	local before

	before=$(open_files)
	rm -f out.*
	reader all "$@" &
	wait_for 10 readers $((before + 4))
	wait_for 10 said_open
}

said_open()
{
	local kind line

	for kind in "${kinds[@]}"; do
		[ -s "out.$kind" ] || return
		read -r line < "out.$kind"
		[ "$line" = "# open" ] || fail "$kind: $line"
	done
}

# readers_ended WANTED: every reader got the events in the file WANTED, all of them, was told that the button went, and
# got ENODEV at last. poll and epoll may have been told of the end and of the last events at once.
readers_ended()
{
	local kind line wanted got said

	wait_for 10 jobs_ended
	mapfile -t wanted < "$1"
	for kind in "${kinds[@]}"; do
		got=() said=
		while IFS= read -r line; do
			case $line in
			"#"*) said+="$line; " ;;
			*) got+=("$line") ;;
			esac
		done < "out.$kind"
		equal "$kind: events" "${wanted[*]}" "${got[*]}"
		case $kind in
		read) [ "$said" = "# open; # end ENODEV; " ] ;;
		poll) [[ $said =~ ^"# open; "("# poll IN HUP ERR; ")?"# poll HUP ERR; # end ENODEV; "$ ]] ;;
		epoll) [[ $said =~ ^"# open; "("# epoll IN HUP ERR; "|"# epoll HUP ERR; ")"# end ENODEV; "$ ]] ;;
		sigio) [[ $said =~ ^"# open; "("# sigio HUP; # end ENODEV; "|"# end ENODEV; # sigio HUP; ")$ ]] ;;
		esac || fail "$kind said $said"
	done
}

no_interrupt()
{
	local lines

	mapfile lines < /proc/interrupts
	[[ ${lines[*]} != *button_irq* ]]
}

# Everybody is asleep, nothing is queued: everybody wakes and gets ENODEV.
test_sleepers_wake()
{
	load_button
	start_readers "$DEV"
	unbind button_irq.0
	readers_ended /dev/null
	wait_for 10 readers 0
	unload
}

# What was queued is still read, all of it, and then comes ENODEV. poll says IN, HUP and ERR as long as something is left.
test_queued_events_survive()
{
	load_button
	mkfifo go
	start_readers "$DEV" go
	cat "$DEV" > wanted 2> /dev/null &
	wait_for 10 readers 5
	press 5
	wait_for 10 has_lines 10 wanted
	unbind button_irq.0
	no_nodes || fail "$DEV is still there"
	: > go
	readers_ended wanted
	check_stream 10 wanted
	grep -qx '# poll IN HUP ERR' out.poll || fail "poll: $(cat out.poll)"
	unload
}

# With each round a press, after which everybody is asleep again.
unbind_and_bind()
{
	local line

	start_readers "$DEV"
	exec 3< "$DEV"
	press 1
	for _ in 1 2; do
		IFS= read -r -t 10 line <&3 || fail "no event"
		echo "$line"
	done > wanted
	exec 3<&-
	unbind button_irq.0
	no_nodes || fail "$DEV is still there"
	[ ! -e "$CLASS/button_irq" ] || fail "$CLASS/button_irq is still there"
	readers_ended wanted
	check_numbers 2 wanted
	no_interrupt || fail "the interrupt is still there"
	bind button_irq.0
	[ -c "$DEV" ] || fail "no $DEV after bind"
}

test_unbind_again_and_again()
{
	local before

	load_button
	before=$(grep -c button_irq /proc/vmallocinfo || true)
	leaks_nothing "$rounds" unbind_and_bind
	equal "pieces of vmalloc memory" "$before" "$(grep -c button_irq /proc/vmallocinfo || true)"
	wait_for 10 readers 0
	unload
	line_is_free "${LINES[0]}" || fail "the line is still taken"
}

# check_numbers N FILE: events 1 to N, press and release in turn
check_numbers()
{
	local number=0 seq time event detail

	while read -r seq time event detail; do
		number=$((number + 1))
		equal number "$number" "$seq"
		if [ $((number % 2)) = 1 ]; then
			equal "event $time" "press" "$event$detail"
		else
			equal "event $time" release "$event"
		fi
	done < "$2"
	equal events "$1" "$number"
}

# A file that is still open keeps the old button's memory, not its name.
test_rebind_while_open()
{
	load_button
	exec 3< "$DEV"
	unbind button_irq.0
	bind button_irq.0
	[ -c "$DEV" ] || fail "the node did not come back: $(echo /dev/button_irq*)"
	equal nodes /dev/button_irq "$(echo /dev/button_irq*)"
	cat "$DEV" > got 3<&- &
	wait_for 10 readers 2
	press 1
	wait_for 10 has_lines 2 got
	check_stream 2 got
	! read -r _ <&3 || fail "the old file reads the new button"
	exec 3<&-
	wait_for 10 readers 1
	unload
}

# Each button has its own name again, whichever comes back first.
test_names_after_rebind()
{
	local order

	load "line=${LINES[0]},${LINES[1]}" label=left,right
	for order in "0 1 0 1" "0 1 1 0" "1 0 0 1" "1 0 1 0"; do
		read -r -a order <<< "$order"
		unbind "button_irq.${order[0]}"
		unbind "button_irq.${order[1]}"
		no_nodes || fail "nodes of unbound buttons"
		bind "button_irq.${order[2]}"
		bind "button_irq.${order[3]}"
		equal "order ${order[*]}: button 0" "left ${LINES[0]}" "$(counter label) $(counter line)"
		equal "order ${order[*]}: button 1" "right ${LINES[1]}" \
			"$(counter label button_irq1) $(counter line button_irq1)"
		[ -c /dev/button_irq ] || fail "no /dev/button_irq"
		[ -c /dev/button_irq1 ] || fail "no /dev/button_irq1"
	done
	# One alone keeps its place too.
	unbind button_irq.0
	unbind button_irq.1
	bind button_irq.1
	equal "only button 1" /dev/button_irq1 "$(echo /dev/button_irq*)"
	unload
}

# One button's end is nothing to the other.
test_neighbour_lives_on()
{
	load "line=${LINES[0]},${LINES[1]}"
	cat /dev/button_irq1 > got 2> /dev/null &
	wait_for 10 readers 1
	press 1 1
	wait_for 10 has_lines 2 got
	unbind button_irq.0
	press 1 1
	wait_for 10 has_lines 4 got
	check_stream 4 got
	unload
}

# Opening and reading all the time while the button comes and goes: only errors that say so.
test_open_races()
{
	local i pids=()

	load_button debounce_us=0
	for i in 1 2 3; do
		reader churn "$DEV" stop > "out.$i" 2>&1 &
		pids+=($!)
	done
	for ((i = 0; i < (rounds + 1) / 2; i++)); do
		unbind button_irq.0
		bind button_irq.0
		stim 0 0 1
	done
	touch stop
	for i in "${pids[@]}"; do
		wait "$i" || fail "a reader failed: $(cat out.*)"
	done
	for i in 1 2 3; do
		grep -Eq '^# opened [1-9]' "out.$i" || fail "never opened: $(cat "out.$i")"
	done
	readers 0 || fail "open files are counted that are closed"
	unload
}

test_rmmod_while_open()
{
	load_button
	exec 3< "$DEV"
	! rmmod button_irq 2> errors || fail "rmmod with an open file"
	grep -q 'in use' errors || fail "rmmod says: $(cat errors)"
	is_loaded || fail "the module is gone"
	press 1
	wait_for 10 counter_is releases 1
	read -r -t 10 line <&3
	[[ $line =~ ^1\ [0-9.]+\ press$ ]] || fail "got '$line'"
	exec 3<&-
	wait_for 10 readers 0
	rmmod button_irq
	nothing_of_ours
}

# The button is gone, the file is open: the module stays until it is closed.
test_rmmod_after_unbind()
{
	load_button
	exec 3< "$DEV"
	unbind button_irq.0
	! rmmod button_irq 2> /dev/null || fail "rmmod with an open file"
	exec 3<&-
	wait_for 10 readers 0
	rmmod button_irq
	nothing_of_ours
}

nothing_of_ours()
{
	no_nodes || fail "left behind: $(echo /dev/button_irq*)"
	[ ! -e "$CLASS" ] || fail "left behind: $CLASS"
	[ -z "$(compgen -G '/sys/bus/platform/devices/button_irq*')" ] || fail "a platform device is left behind"
	no_interrupt || fail "an interrupt is left behind"
	line_is_free "${LINES[0]}" || fail "the line is not free"
}

# A line that changes each millisecond, as long as $1 is not there
keep_changing()
{
	local i train=()

	for ((i = 0; i < 1000; i++)); do
		train+=("$((i * 1000)):$((i % 2))")
	done
	while [ ! -e "$1" ]; do
		stim 0 train "${train[@]}"
	done
}

load_and_unload()
{
	load_button debounce_us=500
	exec 3< "$DEV"
	read -r -t 10 _ <&3 || fail "no event"
	exec 3<&-
	edges=$((edges + $(counter edges)))
	rmmod button_irq
	no_nodes || fail "left behind: $(echo /dev/button_irq*)"
}

test_load_with_edges()
{
	local changer edges=0 loads=$(((rounds + 4) / 5))

	keep_changing stop &
	changer=$!
	leaks_nothing "$loads" load_and_unload
	touch stop
	wait "$changer"
	[ "$edges" -gt "$loads" ] || fail "only $edges edges: nothing was tested"
	nothing_of_ours
}

test_unbind_with_edges()
{
	local i changer

	load_button debounce_us=500
	keep_changing stop &
	changer=$!
	for ((i = 0; i < (rounds + 1) / 2; i++)); do
		exec 3< "$DEV"
		read -r -t 10 _ <&3 || fail "round $i: no event"
		unbind button_irq.0
		exec 3<&-
		bind button_irq.0
	done
	touch stop
	wait "$changer"
	unload
	nothing_of_ours
}

# chip_torn_away LINE TAKE-AWAY BRING-BACK PRESS: the GPIO chip goes with readers attached; the latter are functions
chip_torn_away()
{
	local line=$1 take_away=$2 bring_back=$3 press=$4 round

	load "line=$line"
	for round in 1 2 3; do
		start_readers "$DEV"
		cat "$DEV" > wanted 2> /dev/null &
		wait_for 10 readers 5
		"$press"
		wait_for 10 has_lines 2 wanted
		"$take_away"
		readers_ended wanted
		check_stream 2 wanted
		no_nodes || fail "round $round: $DEV outlived its line"
		no_interrupt || fail "round $round: the interrupt outlived its chip"
		"$bring_back"
		[ -e "$DRIVER/button_irq.0" ] || bind button_irq.0
		[ -c "$DEV" ] || fail "round $round: the button cannot be bound to the new chip"
	done
	unload
}

sim_take_away() { echo 0 > /sys/kernel/config/gpio-sim/button_irq_lifecycle/live; }
sim_bring_back() { echo 1 > /sys/kernel/config/gpio-sim/button_irq_lifecycle/live; }
sim_press()
{
	echo pull-down > "$SIM/sim_gpio3/pull"
	sleep 0.03
	echo pull-up > "$SIM/sim_gpio3/pull"
}

test_sim_chip_torn_away()
{
	sim_chip button_irq_lifecycle lifecycle-sim 8
	chip_torn_away lifecycle-sim:3 sim_take_away sim_bring_back sim_press
}

test_chip_take_away() { echo button-irq-test.0 > /sys/bus/platform/drivers/button-irq-test/unbind; }
test_chip_bring_back() { echo button-irq-test.0 > /sys/bus/platform/drivers/button-irq-test/bind; }
test_chip_press() { on_wire button-irq-test:20 button-irq-test:4 press 1; }

test_nested_chip_torn_away()
{
	test_chip nested=1 wires=16
	chip_torn_away button-irq-test:20 test_chip_take_away test_chip_bring_back test_chip_press
}

test_mapped_chip_torn_away()
{
	test_chip nested=0 wires=16
	chip_torn_away button-irq-test:20 test_chip_take_away test_chip_bring_back test_chip_press
}

# kmemleak, where the kernel has it, has seen everything above.
test_kmemleak()
{
	local file=/sys/kernel/debug/kmemleak

	[ -w "$file" ] || skip "no kmemleak in this kernel"
	# It reports what two scans found unreferenced, objects younger than 5 s aside.
	sleep 6
	echo scan > "$file"
	echo scan > "$file"
	! grep -q . "$file" || fail "$(cat "$file")"
}

run_tests \
	test_sleepers_wake test_queued_events_survive test_unbind_again_and_again test_rebind_while_open \
	test_names_after_rebind test_neighbour_lives_on test_open_races test_rmmod_while_open test_rmmod_after_unbind \
	test_load_with_edges test_unbind_with_edges \
	test_sim_chip_torn_away test_nested_chip_torn_away test_mapped_chip_torn_away test_kmemleak
