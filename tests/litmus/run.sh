#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# `make check-litmus`: checks the driver's lock-free passages against the kernel's memory model, with herd7. The state in a
# litmus test's "exists" clause must be unreachable, and herd7 must flag no data race. With each edit of the file "broken"
# that state must be reachable, or herd7 must flag a data race. Prints TAP.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

here=$TOP/tests/litmus
build=$TOP/build/litmus
model=$CACHE/linux-source/tools/memory-model
root=$CACHE/roots/herd

# herd ARGUMENT...: runs herd7 of another Debian release with the libraries of that release
herd()
{
	local libraries loader

	libraries=$root/usr/lib/$(gnu_triplet "$HOSTARCH")
	loader=("$libraries"/ld-linux-*.so.*)
	"${loader[0]}" --library-path "$libraries" "$root/usr/bin/herd7" \
		-set-libdir "$root/usr/share/herdtools7/herd" -I "$model" -conf "$model/linux-kernel.cfg" "$@"
}

# verdict FILE: sets $verdict to "never", "sometimes", "always", "data-race" or "error"
verdict()
{
	herd "$1" > "$1.out" 2>&1 || true
	verdict=$(sed -n 's/^Flag //p; s/^Observation [^ ]* \([A-Z][a-z]*\) .*/\L\1/p' "$1.out" | head -n1)
	[ -n "$verdict" ] || verdict=error
	if [ "$verdict" = error ]; then
		sed 's/^/# /' "$1.out"
	fi
}

# barriers FUNCTION: prints the barriers of a function of button_irq.c in order, each with the last word of its first argument.
# Includes the stores to the flag "quiet", whose place among the barriers matters.
barriers()
{
	sed -n "/^[a-z].*\<$1(/,/^}/p" "$TOP/button_irq.c" | grep -v '^[[:space:]]*/\?\*' |
		grep -oE '(smp_[a-z_]+|xchg)\([^,)]*|WRITE_ONCE\(b->quiet' | sed -E 's/\(&?b->(.*(->|\.))?/(/; s/&.*(->|\.)//; s/$/)/' | paste -sd' '
}

# The litmus tests prove nothing about the driver unless it has the barriers that they model.
check_barriers()
{
	local function want

	while read -r function want; do
		[ "$(barriers "$function")" = "$want" ] && continue
		printf '# %s() has: %s\n' "$function" "$(barriers "$function")"
		result 1 "$function() has the barriers that the tests model"
		return
	done < <(grep -v '^#' "$here/modelled")
	result 0 "the driver has the barriers that the tests model"
}

check_test()
{
	cp "$here/$1.litmus" "$build/"
	verdict "$build/$1.litmus"
	[ "$verdict" = never ] || sed 's/^/# /' "$build/$1.litmus.out"
	result "$([ "$verdict" = never ]; echo $?)" "$1: never"
}

check_broken()
{
	local name edit number=0 file

	while read -r name edit; do
		number=$((number + 1))
		file=$build/$name-broken-$number.litmus
		sed "$edit" "$here/$name.litmus" > "$file"
		verdict=unchanged
		cmp -s "$here/$name.litmus" "$file" || verdict "$file"
		case $verdict in
		sometimes | always | data-race) result 0 "$name broken by $edit: $verdict" ;;
		*) result 1 "$name broken by $edit: $verdict" ;;
		esac
	done < <(grep -v '^#' "$here/broken")
}

"$TOP/scripts/deps.sh" vm
"$TOP/tests/vm/fetch.sh" linux-source
"$TOP/tests/vm/fetch.sh" herd
rm -rf "$build"
mkdir -p "$build"
echo 'TAP version 13'
check_barriers
for file in "$here"/*.litmus; do
	check_test "$(basename "$file" .litmus)"
done
check_broken
echo "1..$((passed + failed))"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
