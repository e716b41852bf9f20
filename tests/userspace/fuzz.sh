#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh RUNS: fuzzes the gesture engine and the config parser with RUNS inputs each. Inputs that fail go to build/userspace/.
# Prints TAP.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 1 ] || die "usage: fuzz.sh RUNS"
out=$TOP/build/userspace
commands=$TOP/userspace/button-irq
number=0
status=0

mkdir -p "$out"
printf '[\n]\n"press"\n"hold-time"\n"repeat"\n"repeat-time"\n"max-age"\n"double"\n"="\n"ms"\n"s"\n"\\xef\\xbb\\xbf"\n' |
	sed -n '/^"/p' > "$out/config.dict"
for name in gesture config; do
	clang -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o "$out/${name}_fuzz" "$TOP/tests/userspace/${name}_fuzz.c" "$commands"/{gesture,config,util}.c -lm
	options=(-runs="$1" -seed=1 -max_len=300 -artifact_prefix="$out/${name}_")
	[ "$name" != config ] || options+=(-dict="$out/config.dict")
	number=$((number + 1))
	if "$out/${name}_fuzz" "${options[@]}" > "$out/${name}_fuzz.log" 2>&1; then
		echo "ok $number $1 inputs to the $name fuzzer"
	else
		tail -n 30 "$out/${name}_fuzz.log" | sed 's/^/# /'
		echo "not ok $number $1 inputs to the $name fuzzer"
		status=1
	fi
done
exit "$status"
