#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compiles the overlay and applies it to the Raspberry Pi device trees of every kernel in the table
# tests/vm/kernels.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

"$TOP/scripts/deps.sh" dt vm
"$TOP/tests/vm/fetch.sh" dt-schema
# The programs of dt-schema run with the Python of their own root, and with the libraries there.
root=$CACHE/roots/dt-schema
triplet=$(gnu_triplet "$HOSTARCH")
loader=("$root/lib/$triplet"/ld-linux-*.so.*)
mkdir -p "$TOP/build/dt/bin"
for program in dt-validate dt-doc-validate dt-extract-example; do
	printf '#!/bin/sh\nPYTHONHOME=%q exec %q --library-path %q %q %q "$@"\n' "$root/usr" "${loader[0]}" \
		"$root/lib/$triplet:$root/usr/lib/$triplet" "$root/usr/bin/python3" "$root/usr/bin/$program" \
		> "$TOP/build/dt/bin/$program"
	chmod +x "$TOP/build/dt/bin/$program"
done
PATH=$TOP/build/dt/bin:$PATH
trees=()
while read -r name _; do
	case $name in '' | '#'*) continue ;; esac
	"$TOP/tests/vm/fetch.sh" "$name" < /dev/null
	trees+=("$name=$CACHE/kernels/$name/dtb")
done < "$TOP/tests/vm/kernels"

say "applying the overlay to the device trees of ${#trees[@]} kernels (about 30 s)"
make --no-print-directory -s -C "$TOP/dts" O="$TOP/build/dt"
"$TOP/tests/dt/test_overlay.py" "$TOP/build/dt" "${trees[@]}"
