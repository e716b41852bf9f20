#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suspend to idle: a press wakes the system and is not lost; a line that may not or cannot wake it is looked at when
# it resumes.

# load_button's parameters are optional.
# shellcheck disable=SC2119 source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

device=/sys/bus/platform/devices

needs_suspend()
{
	grep -qw freeze /sys/power/state || skip "no suspend to idle in this kernel"
}

may_wake()
{
	[ -w "$device/$1/power/wakeup" ] || skip "this controller cannot wake the system"
	echo enabled > "$device/$1/power/wakeup"
}

suspend()
{
	echo freeze > /sys/power/state
}

alarm=/sys/class/rtc/rtc0/wakealarm

needs_clock()
{
	[ -w "$alarm" ] || skip "no clock that can wake the system"
}

# For 3 s, unless something else wakes the system
suspend_until_the_clock()
{
	echo 0 > "$alarm"
	echo +3 > "$alarm"
	suspend
}

# stim_asleep INDEX WHAT LEVEL: done once the machine sleeps
stim_asleep()
{
	local status=0

	stim "$@" || status=$?
	[ "$status" != "$KSFT_SKIP" ] || skip "nobody can press a button while this machine sleeps"
	[ "$status" = 0 ] || fail "stim $*: status $status"
}

monotonic_ns()
{
	awk '/^now at/ { print $3; exit }' /proc/timer_list
}

# between FROM SECONDS TO: FROM and TO in nanoseconds
between()
{
	local ns=${2/./}

	if [ $((10#$ns)) -lt "$1" ] || [ $((10#$ns)) -gt "$3" ]; then
		fail "time $2 is not between $1 and $3 ns"
	fi
}

# take VARIABLES...: the next event
take()
{
	read -r -t 20 "$@" <&3 || fail "no event: $*"
}

# edge_ends_suspend DELIVERY MOMENT [held] [MODE]: an edge at the MOMENT prepare or suspend (see the test chip) ends the suspend that has
# begun. With "held" it is the release after a press, within the debounce time. MODE is the debounce mode.
edge_ends_suspend()
{
	local chip=/sys/bus/platform/devices/button-irq-test.0 seq time event detail wakeups=$device/button_irq.0/power/wakeup_count before

	needs_suspend
	needs_clock
	test_chip label=waking delivery="$1" wake=1
	load line=waking:4 debounce_us=1000000 debounce_mode="${4:-eager}"
	may_wake button_irq.0
	exec 3< "$DEV"
	if [ "${3:-}" = held ]; then
		on_wire waking:4 waking:0 stim 0 0
		take seq time event detail
		equal event "1 press" "$seq $event"
	fi
	before=$(cat "$wakeups")
	# As a power manager does: from here on, each wake-up event ends the suspend.
	cat /sys/power/wakeup_count > count
	cat count > /sys/power/wakeup_count
	echo 4 > "$chip/$2_edge"
	if suspend_until_the_clock 2> said; then
		fail "the system slept until the clock woke it"
	fi
	echo 0 > "$alarm"
	[[ $(< said) == *"Device or resource busy"* ]] || fail "$(< said)"
	[ "$(cat "$wakeups")" -gt "$before" ] || fail "something else ended the suspend"
	echo 0 > "$chip/$2_edge"
	take seq time event detail
	equal event "$([ "${3:-}" = held ] && echo 2 release || echo 1 press)" "$seq $event"
	exec 3<&-
	unload
}

test_suspend_ends_by_an_edge_while_tasks_freeze() { edge_ends_suspend hard prepare; }
test_suspend_ends_by_an_edge_within_a_window() { edge_ends_suspend hard prepare held; }
test_suspend_ends_by_an_edge_once_the_button_is_suspended() { edge_ends_suspend hard suspend; }
test_suspend_ends_by_an_edge_within_a_window_once_the_button_is_suspended() { edge_ends_suspend hard suspend held; }
test_suspend_ends_by_an_edge_that_has_not_settled() { edge_ends_suspend hard prepare first settle; }
test_suspend_ends_by_an_edge_of_an_expander() { edge_ends_suspend nested prepare; }
test_suspend_ends_by_an_edge_of_an_expander_within_a_window() { edge_ends_suspend nested prepare held; }
test_suspend_ends_by_an_edge_of_an_expander_once_the_button_is_suspended() { edge_ends_suspend nested suspend held; }

# pressed_before_and_in_a_sleep PARAMETER...: the button is pressed once it is suspended, while the system goes to sleep, and
# released and pressed again in the sleep. The controller delivers that as one interrupt, in hard IRQ, when it resumes.
pressed_before_and_in_a_sleep()
{
	local chip=/sys/bus/platform/devices/button-irq-test.0 seq time event detail

	needs_suspend
	needs_clock
	test_chip label=waking delivery=hard wake=1
	load line=waking:4 "$@"
	may_wake button_irq.0
	exec 3< "$DEV"
	echo 4 > "$chip/suspend_edge"
	echo 4 > "$chip/asleep_pulse"
	suspend_until_the_clock
	take seq time event detail
	equal event "1 press" "$seq $event"
	take seq time event detail
	equal event "2 release" "$seq $event"
	# The press has its own time, from before the sleep of 3 s.
	[ "${detail%%.*}" -ge 1 ] || fail "held for $detail s"
	take seq time event detail
	equal event "3 press" "$seq $event"
	equal "edges, missed" "1 0" "$(counter edges) $(counter missed)"
	exec 3<&-
	unload
}

test_pressed_before_and_in_a_sleep() { pressed_before_and_in_a_sleep; }
test_pressed_before_and_in_a_sleep_no_level() { pressed_before_and_in_a_sleep read_level=0; }

# A press wakes the system. It is not reported before it happened, and not more than once.
woken_by_a_press()
{
	local seq time event detail from woken_by irq

	needs_suspend
	load_button "$@"
	may_wake button_irq.0
	irq=$(awk '$NF == "button_irq" { sub(":", "", $1); print $1 }' /proc/interrupts)
	exec 3< "$DEV"
	from=$(monotonic_ns)
	stim_asleep 0 asleep 0
	suspend
	woken_by=$irq
	# With CONFIG_PM_SLEEP_DEBUG, as Debian's kernels have it
	[ ! -e /sys/power/pm_wakeup_irq ] || woken_by=$(cat /sys/power/pm_wakeup_irq)
	take seq time event detail
	equal event press "$event"
	equal number 1 "$seq"
	between "$from" "$time" "$(monotonic_ns)"
	equal "woken by IRQ" "$irq" "$woken_by"
	equal state pressed "$(counter state)"
	[ "$(cat "$device/button_irq.0/power/wakeup_active_count")" -gt 0 ] || fail "the wake-up is not counted"
	# Clear of the debounce time
	sleep 0.05
	stim 0 1
	take seq time event detail
	equal event release "$event"
	equal number 2 "$seq"
	# edges + inferred = presses + releases + bounces
	equal "sum of events" "$(($(counter edges) + $(counter inferred)))" \
		"$(($(counter presses) + $(counter releases) + $(counter bounces)))"
	exec 3<&-
	unload
}

test_woken_by_a_press_eager() { woken_by_a_press; }
test_woken_by_a_press_settle() { woken_by_a_press debounce_mode=settle; }
test_woken_by_a_press_no_debounce() { woken_by_a_press debounce_us=0; }
test_woken_by_a_press_no_level() { woken_by_a_press read_level=0; }

# Down and up again before the system has woken: both are reported.
short_press()
{
	local seq time event detail

	needs_suspend
	load_button "$@"
	may_wake button_irq.0
	exec 3< "$DEV"
	stim_asleep 0 pulse-asleep 0
	suspend
	take seq time event detail
	equal event "1 press" "$seq $event"
	take seq time event detail
	equal event "2 release" "$seq $event"
	equal state released "$(counter state)"
	equal "presses, releases" "1 1" "$(counter presses) $(counter releases)"
	# And the button goes on as if nothing had been.
	sleep 0.05
	press 1
	take seq time event detail
	equal event "3 press" "$seq $event"
	take seq time event detail
	equal event "4 release" "$seq $event"
	exec 3<&-
	unload
}

test_short_press_eager() { short_press; }
test_short_press_no_debounce() { short_press debounce_us=0; }

# Pressed before, released while the system sleeps
test_woken_by_a_release()
{
	local seq time event detail from

	needs_suspend
	load_button
	may_wake button_irq.0
	exec 3< "$DEV"
	from=$(monotonic_ns)
	stim 0 0
	take seq time event detail
	sleep 0.05
	stim_asleep 0 asleep 1
	suspend
	take seq time event detail
	equal event "2 release" "$seq $event"
	# Of a sleep without a cpuidle driver all time counts, and where idle time passes at once that is long.
	between 50000000 "$detail" $(($(monotonic_ns) - from))
	equal state released "$(counter state)"
	exec 3<&-
	unload
}

test_woken_again_and_again()
{
	local i seq time event detail

	needs_suspend
	load_button
	may_wake button_irq.0
	exec 3< "$DEV"
	for ((i = 0; i < 8; i++)); do
		stim_asleep 0 asleep 0
		suspend
		take seq time event detail
		equal event "$((2 * i + 1)) press" "$seq $event"
		sleep 0.03
		stim 0 1
		take seq time event detail
		equal event "$((2 * i + 2)) release" "$seq $event"
		sleep 0.03
	done
	equal presses 8 "$(counter presses)"
	exec 3<&-
	unload
}

# Button 0 may not wake the system and is pressed in its sleep; button 1 may, and does. At resume both are reported.
test_line_looked_at_on_resume()
{
	local seq time event detail from

	needs_suspend
	load "line=${LINES[0]},${LINES[1]}"
	may_wake button_irq.1
	exec 3< /dev/button_irq1
	cat "$DEV" > got 2> /dev/null &
	wait_for 10 readers 2
	from=$(monotonic_ns)
	stim_asleep 0 asleep 0
	stim_asleep 1 asleep 0
	suspend
	take seq time event detail
	equal "event of button 1" "1 press" "$seq $event"
	wait_for 10 has_lines 1 got
	read -r seq time event detail < got
	equal "event of button 0" "1 press" "$seq $event"
	between "$from" "$time" "$(monotonic_ns)"
	equal states "pressed pressed" "$(counter state) $(counter state button_irq1)"
	sleep 0.03
	stim 0 1
	wait_for 10 has_lines 2 got
	check_stream 2 got
	exec 3<&-
	unload
}

# Not woken by the button at all but by the clock: nothing is made up, and the button works on.
test_woken_by_the_clock()
{
	needs_suspend
	needs_clock
	load_button
	cat "$DEV" > got 2> /dev/null &
	wait_for 10 readers 1
	press 2
	suspend_until_the_clock
	press 2
	wait_for 10 has_lines 8 got
	check_stream 8 got
	equal inferred 0 "$(counter inferred)"
	unload
}

# Woken by the clock, where the button could have done it: neither the press that follows is taken for the one that woke the
# system, nor what the controller latches later, while a storm has the line masked, and delivers when it is unmasked. That
# would invent a press: in a storm, the level never settles.
test_pressed_after_another_woke_the_system()
{
	local i train=()

	needs_suspend
	needs_clock
	load_button
	may_wake button_irq.0
	cat "$DEV" > got 2> /dev/null &
	wait_for 10 readers 1
	suspend_until_the_clock
	press 2
	wait_for 10 has_lines 4 got
	check_stream 4 got
	equal inferred 0 "$(counter inferred)"
	echo settle > "$CLASS/button_irq/debounce_mode"
	echo 1000000 > "$CLASS/button_irq/debounce_us"
	echo 1 > "$CLASS/button_irq/storm_rate"
	for ((i = 0; i < 600; i++)); do
		train+=("$((i * 500)):$((i % 2))")
	done
	# A storm is more than 1024 of them; on a busy host, edges merge.
	for ((i = 0; i < 10 && $(counter storms) == 0; i++)); do
		stim 0 train "${train[@]}"
	done
	wait_for 10 counter_is state released
	[ "$(counter storms)" -gt 0 ] || fail "no storm of $((i * ${#train[@]})) edges"
	# A window that the storm left open has ended.
	sleep 1.1
	equal presses 2 "$(counter presses)"
	unload
}

# A controller that cannot wake the system, and a press of the button there after it has slept
test_controller_that_cannot_wake()
{
	needs_suspend
	needs_clock
	test_chip label=drowsy nested=0
	load line=drowsy:4
	[ ! -e "$device/button_irq.0/power/wakeup" ] || fail "it is said to wake the system"
	cat "$DEV" > got 2> /dev/null &
	wait_for 10 readers 1
	suspend_until_the_clock
	on_wire drowsy:4 drowsy:0 press 2
	wait_for 10 has_lines 4 got
	check_stream 4 got
	unload
}

# An expander's bus is off by the time the PM core arms wake-up interrupts: the button arms its own before.
test_expander_is_not_used_while_suspended()
{
	local chip=$device/button-irq-test.0 seq time event detail

	needs_suspend
	needs_clock
	test_chip label=waking delivery=nested wake=1
	load line=waking:4
	may_wake button_irq.0
	exec 3< "$DEV"
	echo 4 > "$chip/asleep_pulse"
	suspend_until_the_clock
	take seq time event detail
	equal event "1 press" "$seq $event"
	equal "uses of the suspended chip" 0 "$(cat "$chip/misuses")"
	exec 3<&-
	unload
}

# Held down all through a sleep.
test_held_through_a_sleep()
{
	needs_suspend
	needs_clock
	load_button
	cat "$DEV" > got 2> /dev/null &
	wait_for 10 readers 1
	stim 0 0
	wait_for 10 has_lines 1 got
	suspend_until_the_clock
	equal "state after a sleep with the button held" pressed "$(counter state)"
	has_lines 1 got || fail "events were made up: $(cat got)"
	stim 0 1
	wait_for 10 has_lines 2 got
	check_stream 2 got
	unload
}

run_tests \
	test_woken_by_a_press_eager test_woken_by_a_press_settle test_woken_by_a_press_no_debounce \
	test_woken_by_a_press_no_level test_short_press_eager test_short_press_no_debounce test_woken_by_a_release \
	test_woken_again_and_again test_line_looked_at_on_resume test_woken_by_the_clock \
	test_pressed_after_another_woke_the_system \
	test_suspend_ends_by_an_edge_while_tasks_freeze test_suspend_ends_by_an_edge_within_a_window \
	test_suspend_ends_by_an_edge_once_the_button_is_suspended \
	test_suspend_ends_by_an_edge_within_a_window_once_the_button_is_suspended \
	test_suspend_ends_by_an_edge_that_has_not_settled test_suspend_ends_by_an_edge_of_an_expander \
	test_suspend_ends_by_an_edge_of_an_expander_within_a_window \
	test_suspend_ends_by_an_edge_of_an_expander_once_the_button_is_suspended \
	test_pressed_before_and_in_a_sleep test_pressed_before_and_in_a_sleep_no_level \
	test_controller_that_cannot_wake test_expander_is_not_used_while_suspended test_held_through_a_sleep
