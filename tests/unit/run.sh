#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# `make check-unit`: tests the debouncer on the host, in about 20 seconds. Runs all examples
# and every short history; shorter histories with sanitizers and as 32-bit code; line coverage
# of the header; and a fixed number of runs of the fuzzer. Prints TAP.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/lib.sh"
build=$TOP/build/unit
runs=${BUTTON_IRQ_FUZZ_RUNS:-50000}

# build PROGRAM: builds the program; if that fails, counts a failed test and returns false
build()
{
	local log=$build/$1.log

	make -s -C "$here" "../../build/unit/$1" > "$log" 2>&1 && return
	sed 's/^/# /' "$log"
	result 1 "$1 compiles"
	return 1
}

# tap PROGRAM ARGUMENT...: builds and runs a program that prints TAP, and renumbers its tests as tests of this script
tap()
{
	local program=$1 status=0 line want=0 got=0 bad=0

	shift
	build "$program" || return 0
	(cd "$build" && "./$program" "$@") > "$build/$program.out" 2> "$build/$program.err" || status=$?
	while read -r line; do
		case $line in
		1..*)
			want=${line#1..} ;;
		'ok '*)
			got=$((got + 1))
			result 0 "$program: ${line#ok * }" ;;
		'not ok '*)
			got=$((got + 1))
			bad=1
			result 1 "$program: ${line#not ok * }" ;;
		'#'*)
			printf '%s\n' "$line" ;;
		esac
	done < "$build/$program.out"
	# The program died in the middle of a test, or its exit status contradicts its tests.
	if [ "$status" != "$bad" ] || [ "$got" != "$want" ] || [ "$got" = 0 ]; then
		sed 's/^/# /' "$build/$program.err"
		result 1 "$program: $got of $want tests, exit $status"
	fi
}

coverage()
{
	local out header lines status=0

	rm -f "$build"/*.gcda
	tap debounce_test_cov 2
	out=$(cd "$build" && gcov -b debounce_test_cov-debounce_test.gcda 2>&1) || true
	header=$(grep -A3 "^File .*/button_irq_debounce.h'" <<< "$out") || true
	lines=$(sed -n 's/^Lines executed:\([0-9.]*%\) of .*/\1/p' <<< "$header")
	printf '%s\n' "${header:-$out}" | sed 's/^/# /'
	[ "$lines" = 100.00% ] || status=1
	# Print the lines that no test runs.
	[ "$status" = 0 ] || grep '#####:' "$build/button_irq_debounce.h.gcov" | sed 's/^/# /'
	result "$status" "button_irq_debounce.h: line coverage is 100 %"
}

# seeds DIRECTORY: writes the fuzzer's seed inputs, bounce trains for each setting. They are the same in every run.
seeds()
{
	python3 - "$1" <<- 'EOF'
		import pathlib, random, sys
		rng = random.Random(1)
		for n in range(64):
		    steps = bytes(b for _ in range(rng.randrange(4, 100))
		                  for b in (rng.randrange(256), rng.randrange(256)))
		    pathlib.Path(sys.argv[1], str(n)).write_bytes(bytes([n]) + steps)
	EOF
}

# Runs in parallel with the other tests, which leave a CPU free. The output goes to a log.
fuzz()
{
	make -s -C "$here" ../../build/unit/debounce_fuzz
	rm -rf "$build/corpus" "$build/seeds"
	mkdir "$build/corpus" "$build/seeds"
	seeds "$build/seeds"
	"$build/debounce_fuzz" -seed=1 -runs="$runs" -max_len=200 -timeout=10 \
		-artifact_prefix="$build/" "$build/corpus" "$build/seeds"
}

fuzzed()
{
	local log=$build/debounce_fuzz.out status=0

	wait "$1" || status=$?
	grep -q "^Done $runs runs" "$log" || status=1
	[ "$status" = 0 ] || sed 's/^/# /' "$log"
	result "$status" "debounce_fuzz: $runs runs"
}

"$TOP/scripts/deps.sh" unit
say "testing the debouncer on the host: every short history, sanitizers, coverage, fuzzing (about 20 s)"
echo 'TAP version 13'
mkdir -p "$build"
fuzz > "$build/debounce_fuzz.out" 2>&1 &
fuzzing=$!
tap debounce_test
tap debounce_test_san 1
coverage
fuzzed "$fuzzing"
# Not every compiler makes 32-bit programs, and not every kernel runs them.
skipped=0
if echo 'int main(void) { return 0; }' | gcc -m32 -x c -o "$build/m32" - 2> /dev/null && "$build/m32" 2> /dev/null; then
	tap debounce_test_m32 1
else
	skipped=1
	echo "ok $((passed + failed + skipped)) debounce_test_m32 # SKIP no 32-bit programs on this machine"
fi
echo "1..$((passed + failed + skipped))"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
