#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tracepoints: every edge as the top half saw it, every event as readers get it.

# load_button's parameters are optional.
# shellcheck disable=SC2119 source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

tracing=/sys/kernel/tracing
[ -e "$tracing/trace" ] || mount -t tracefs tracefs "$tracing" || true

cleanup()
{
	if [ -e "$tracing/events/button_irq/enable" ]; then
		echo 0 > "$tracing/events/button_irq/enable"
	fi
}

start_trace()
{
	[ -d "$tracing/events" ] || skip "no trace events in this kernel"
	[ -d "$tracing/events/button_irq" ] || fail "no events/button_irq"
	: > "$tracing/trace"
	echo 1 > "$tracing/events/button_irq/enable"
	echo 1 > "$tracing/tracing_on"
}

# "FLAGS COMMAND FIELDS..." of each trace line of event $1
traced()
{
	sed -En "s/^ *(.*)-[0-9]+ +\[[0-9]+\] ([^ ]+) +[0-9.]+: $1: (.*)/\2 \1 \3/p" "$tracing/trace"
}

test_names()
{
	load_button
	start_trace
	equal "events" "button_irq_edge button_irq_event" \
		"$(cd "$tracing/events/button_irq" && echo */ | tr -d /)"
	unload
}

test_events()
{
	load_button
	start_trace
	cat "$DEV" > wanted 2> /dev/null &
	wait_for 10 readers 1
	press 3
	wait_for 10 has_lines 6 wanted
	hang_up
	# As the text has it: SEQ TIME press|release HELD
	traced button_irq_event | sed -E 's/^[^ ]+ .* minor=/minor=/' |
	awk '{
		for (i = 1; i <= NF; i++) { split($i, part, "="); field[part[1]] = part[2] }
		if (field["minor"] != 0 || field["count"] != 0)
			print "minor or count: " $0
		# Nanoseconds stay text: awk numbers are too short for some.
		text = field["seq"] " " seconds(field["time"]) " " field["type"]
		print text (field["type"] == "release" ? " " seconds(field["held"]) : "")
	}
	function seconds(ns) {
		while (length(ns) < 10)
			ns = "0" ns
		return substr(ns, 1, length(ns) - 9) "." substr(ns, length(ns) - 8)
	}' > got
	same_file wanted got
}

# Every edge that is counted is traced, with the time that the event of it has. $1: the levels that are expected.
edges()
{
	local levels=$1 nested=$2

	start_trace
	cat "$DEV" > events 2> /dev/null &
	wait_for 10 readers 1
	press 3
	wait_for 10 has_lines 6 events
	traced button_irq_edge > edges
	equal "edges traced" "$(counter edges)" "$(wc -l < edges)"
	equal levels "$levels" "$(sed 's/.*level=//' edges | paste -sd ' ')"
	cut -d ' ' -f 2 events | tr -d . | sed 's/^0*//' > wanted
	sed 's/.*time=\([0-9]*\) .*/\1/' edges > got
	same_file wanted got
	# Of the flags, h means hard IRQ and H hard IRQ within a softirq; RT kernels up to 6.1 have one more before it.
	if [ "$nested" = no ]; then
		! grep -Evq '^[^ ]*[hH]' edges || fail "not in hard IRQ: $(cat edges)"
		traced button_irq_event | cut -d ' ' -f 2 | sort -u > threads
		grep -Eqx 'irq/[0-9]+-button_?.*' threads || fail "events are made in: $(cat threads)"
	fi
	hang_up
}

test_edges()
{
	local known="pressed released pressed released pressed released"

	load_button
	case ${LINES[0]} in
	*pl061* | pinctrl-bcm* | pinctrl-rp1:*) edges "$known" no ;;
	*-sim:*) edges "unknown unknown unknown unknown unknown unknown" no ;;
	button-irq-test:*) edges "unknown unknown unknown unknown unknown unknown" yes ;;
	*) skip "it is not known whether this controller sleeps" ;;
	esac
}

test_edges_without_level()
{
	[[ ${LINES[0]} != button-irq-test:* ]] || skip "nested: no top half"
	load_button read_level=0
	edges "unknown unknown unknown unknown unknown unknown" no
}

test_second_button()
{
	load "line=${LINES[0]},${LINES[1]}"
	start_trace
	press 2 1
	wait_for 10 counter_is releases 2 button_irq1
	hang_up
	equal "minors of edges" "minor=1" "$(traced button_irq_edge | grep -o 'minor=[0-9]*' | sort -u)"
	equal "minors of events" "minor=1" "$(traced button_irq_event | grep -o 'minor=[0-9]*' | sort -u)"
}

# Off, nothing is recorded.
test_off()
{
	load_button
	start_trace
	echo 0 > "$tracing/events/button_irq/enable"
	press 2
	wait_for 10 counter_is releases 2
	equal "traced while off" "" "$(traced button_irq_edge)$(traced button_irq_event)"
	unload
}

run_tests test_names test_events test_edges test_edges_without_level test_second_button test_off
