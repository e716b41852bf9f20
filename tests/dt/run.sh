#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compiles the overlay and applies it to the Raspberry Pi device trees of every kernel in the table
# tests/vm/kernels.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

"$TOP/scripts/deps.sh" dt vm
trees=()
while read -r name _; do
	case $name in '' | '#'*) continue ;; esac
	"$TOP/tests/vm/fetch.sh" "$name" < /dev/null
	trees+=("$name=$CACHE/kernels/$name/dtb")
done < "$TOP/tests/vm/kernels"

say "applying the overlay to the device trees of ${#trees[@]} kernels (about 30 s)"
make --no-print-directory -s -C "$TOP/dts" O="$TOP/build/dt"
"$TOP/tests/dt/test_overlay.py" "$TOP/build/dt" "${trees[@]}"
