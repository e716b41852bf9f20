#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# levels.sh COMMAND...: run test levels one after another, whatever becomes of each, and add up their closing lines
# ("N passed, N failed, N skipped"). A level that fails or ends without such a line counts as one failure more, so
# that the sum cannot look better than its parts.

set -uo pipefail

[ $# -gt 0 ] || { echo "usage: levels.sh COMMAND..." >&2; exit 2; }
cd "$(dirname "$0")/.." || exit
# Each level would say the same on a machine on which none can run.
scripts/deps.sh || exit

log=build/log
mkdir -p "$log"
passed=0 failed=0 skipped=0 rows=()

for command; do
	name=${command#make }
	started=$SECONDS
	printf '\n=== %s (log: %s/%s.log)\n' "$command" "$log" "${name// /_}"
	# shellcheck disable=SC2086 # a command is words
	MAKEFLAGS='' $command 2>&1 | tee "$log/${name// /_}.log"
	status=${PIPESTATUS[0]}
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log/${name// /_}.log" | tail -n 1)
	read -r p _ f _ s _ <<< "${line:-0 passed, 0 failed, 0 skipped}"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ -z "$line" ]; then
		failed=$((failed + 1))
		line="ended without a result (exit $status)"
	elif [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		failed=$((failed + 1))
		line="$line, but exit $status"
	fi
	rows+=("$(printf '%-24s %4d s  %s' "$command" "$((SECONDS - started))" "$line")")
done

# Once more what failed, as the end of a long log is what people look at
printf '\n'
if [ "$failed" -gt 0 ]; then
	for command; do
		name=${command#make }
		grep -hE '^ *not ok |^# failed: ' "$log/${name// /_}.log" | sed "s|^ *|$name: |"
	done
fi
printf '%s\n' "${rows[@]}"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
