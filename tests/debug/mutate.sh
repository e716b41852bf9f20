#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutate.sh [N...]: do the debug kernels notice when the driver is broken? For each line of the file "mutants" (or for the
# Nth, ...), breaks a copy of the driver as the line says, and boots the kernel and the test that the line names. The
# kernel has to complain: a test that fails is not enough. An edit that matches no line of the driver is a failure, too.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

here=$TOP/tests/debug
build=$TOP/build/mutants
mapfile -t mutants < <(grep -v '^#' "$here/mutants")
[ $# -gt 0 ] || mapfile -t numbers < <(seq ${#mutants[@]})
[ $# = 0 ] || numbers=("$@")

# tests/vm/build.sh builds the sources of its own tree, so copy the whole tree.
copy_tree()
{
	rm -rf "$build"
	mkdir -p "$build"
	git -C "$TOP" ls-files -z --cached --others --exclude-standard |
		tar -C "$TOP" --null --ignore-failed-read -T - -cf - | tar -C "$build" -xf -
	git -C "$build" init -q
	git -C "$build" add -A
}

check()
{
	local kernel=$1 test=$2 function=$3 edit=$4 options=(--cpus 1) log=$build/log-$5 kind

	# Many edges, so that the race happens even if a busy host runs the two CPUs in turns
	[ "$kernel" != debug-b ] || options=(--cpus 2 --realtime --env BUTTON_IRQ_EDGES=200000)
	cp "$TOP/button_irq.c" "$build/"
	sed -i -E "/^[a-z].*\<$function\(/,/^}/ { $edit }" "$build/button_irq.c"
	if cmp -s "$TOP/button_irq.c" "$build/button_irq.c"; then
		result 1 "$function: $edit: no such line"
		return
	fi
	if ! "$build/tests/vm/build.sh" "$kernel" > "$log" 2>&1; then
		sed 's/^/# /' "$log"
		result 1 "$function: $edit: does not compile"
		return
	fi
	"$build/tests/vm/run.py" "$kernel" --stimulus wire "${options[@]}" --timeout 900 --tests "$test" > "$log" 2>&1 || true
	# The kernel's first complaint
	kind=$(grep -m1 -oE '(BUG|WARNING): .*|unreferenced object|Unable to handle.*|Oops: .*' "$log") || true
	result "$([ -n "$kind" ]; echo $?)" "$function: $edit: $kernel says ${kind:-nothing}"
}

"$TOP/scripts/deps.sh" vm
while read -r kernel; do
	"$TOP/tests/vm/fetch.sh" "$kernel" < /dev/null
done < <(printf '%s\n' "${mutants[@]%% *}" | sort -u)
copy_tree
"$TOP/tests/debug/rootfs.sh" arm64
"$build/tests/vm/build.sh" tests arm64
say "breaking the driver in ${#numbers[@]} ways (one to two minutes each)"
echo 'TAP version 13'
for number in "${numbers[@]}"; do
	read -r kernel test function edit <<< "${mutants[number - 1]}"
	check "$kernel" "$test" "$function" "$edit" "$number"
done
echo "1..$((passed + failed))"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
