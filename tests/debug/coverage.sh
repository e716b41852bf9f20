#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh: adds up which lines and branches of button_irq.c ran on the machines of the last `tests/vm/check.sh --debug`
# and `--debug-slow`. A line or branch that never ran has to be in the file "uncovered", with the reason; see coverage.py.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

name=debug-a
kernel_line "$name"
root=$CACHE/roots/$suite-$arch
out=$TOP/build/coverage

rm -rf "$out"
mkdir -p "$out"
copy=$(as_root mktemp -d "$root/tmp/coverage.XXXXXX")
trap 'as_root rm -rf "$copy"' EXIT
number=0
for row in "$TOP"/build/vm/results/debug{,-slow}/"$name"-*.row; do
	counts=${row%.row}.gcda
	number=$((number + 1))
	[ -s "$counts" ] || die "no counts in $counts: its machine failed; run make check-debug-long"
	as_root cp "$counts" "$copy/button_irq.gcda"
	# gcov needs the .gcno file of the same compilation.
	as_root cp "${counts%.gcda}.gcno" "$copy/button_irq.gcno"
	# shellcheck disable=SC2016 # the inner shell's
	as_root chroot "$root" sh -c 'cd "$1" && aarch64-linux-gnu-gcov -b --json-format --stdout button_irq.gcda' - \
		"/tmp/${copy##*/}" > "$out/$number.json"
done
"$TOP/tests/debug/coverage.py" "$TOP/button_irq.c" "$TOP/tests/debug/uncovered" "$out"/*.json
