#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# levels.sh COMMAND... [--beside COMMAND] COMMAND...: runs test levels one after another, even if one fails, and adds up
# their last lines ("N passed, N failed, N skipped"). A level that fails without a failed test, or ends without such a
# line, counts as one more failure. The level after --beside runs at the same time as the levels after it, and its output
# is shown after theirs: use this for a level that keeps one CPU busy.

set -uo pipefail

[ $# -gt 0 ] || { echo "usage: levels.sh COMMAND... [--beside COMMAND] COMMAND..." >&2; exit 2; }
cd "$(dirname "$0")/.." || exit
# Refuse an unsupported machine here, once, rather than in every level.
scripts/deps.sh || exit

log=build/log
mkdir -p "$log"
passed=0 failed=0 skipped=0 rows=() logs=()

# log_of COMMAND: the level's log, without its ending
log_of()
{
	local name=${1#make }

	printf '%s/%s\n' "$log" "${name//[ \/]/_}"
}

# run COMMAND: runs a level and writes its exit status and duration in seconds into a file
run()
{
	local started=$SECONDS status out

	out=$(log_of "$1")
	# shellcheck disable=SC2086 # a command is words
	MAKEFLAGS='' $1 2>&1 | tee "$out.log"
	status=${PIPESTATUS[0]}
	echo "$status $((SECONDS - started))" > "$out.status"
}

# count COMMAND: adds the level's result to the totals
count()
{
	local out line status seconds p f s

	out=$(log_of "$1")
	logs+=("$1")
	read -r status seconds < "$out.status"
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out.log" | tail -n 1)
	read -r p _ f _ s _ <<< "${line:-0 passed, 0 failed, 0 skipped}"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ -z "$line" ]; then
		failed=$((failed + 1))
		line="ended without a result (exit $status)"
	elif [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		failed=$((failed + 1))
		line="$line, but exit $status"
	fi
	rows+=("$(printf '%-24s %4d s  %s' "$1" "$seconds" "$line")")
}

title()
{
	printf '\n=== %s (log: %s.log)\n' "$1" "$(log_of "$1")"
}

beside=
while [ $# -gt 0 ]; do
	if [ "$1" = --beside ] && [ -z "$beside" ]; then
		beside=$2
		shift 2
		printf '\n=== %s runs beside the levels that follow\n' "$beside"
		run "$beside" > /dev/null &
		continue
	fi
	title "$1"
	run "$1"
	count "$1"
	shift
done
if [ -n "$beside" ]; then
	wait
	title "$beside"
	cat "$(log_of "$beside").log"
	count "$beside"
fi

# Repeat the failures at the end, where people look first.
printf '\n'
if [ "$failed" -gt 0 ]; then
	for command in "${logs[@]}"; do
		name=${command#make }
		grep -hE '^ *not ok |^# failed: ' "$(log_of "$command").log" | sed "s|^ *|$name: |"
	done
fi
printf '%s\n' "${rows[@]}"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
