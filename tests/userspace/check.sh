#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh: tests the button-irq command. First on the host, with sanitizers: the parts that need no device, and the whole
# command on faked buttons. Then on an emulated board, with real presses.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

kernel=6.12-arm64
guest=/opt/button_irq/selftests
log=$TOP/build/log/userspace.log
status=0

"$TOP/scripts/deps.sh" vm unit
mkdir -p "$TOP/build/log" "$TOP/build/userspace"

commands=$TOP/userspace/button-irq
gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover \
	-o "$TOP/build/userspace/gesture_test" "$TOP/tests/userspace/gesture_test.c" \
	"$commands"/{gesture,config,util,bursts}.c -lm
"$TOP/tests/userspace/build_fake.sh" "$TOP/build/userspace/fake"
say "testing the command on faked buttons, with sanitizers (about 1 min)"
{
	"$TOP/build/userspace/gesture_test" "$TOP/tests/gestures/vectors.txt" || status=$?
	"$TOP/tests/userspace/test_command.py" "$TOP/build/userspace/fake" "$TOP/userspace/completion/button-irq" ||
		status=$?
	"$TOP/tests/userspace/test_hostile.py" "$TOP/build/userspace/fake" "$TOP/userspace/completion/button-irq" ||
		status=$?
	"$TOP/tests/userspace/test_build.sh" || status=$?
	"$TOP/tests/userspace/fuzz.sh" 20000 || status=$?
} > "$log"
cat "$log"

kernel_line "$kernel"
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/fetch.sh" linux-source
"$TOP/tests/vm/rootfs.sh" "$arch"
"$TOP/tests/vm/build.sh" "$kernel"
"$TOP/tests/userspace/build.sh" "$arch"
mapfile -t files < <(cd "$TOP/build/userspace/$arch" && find usr -type f -printf "--file\n$PWD/%p:/%p\n")
# Documents whose examples command.sh runs
for document in README.md doc/recipes.md doc/man/button-irq.1.md doc/man/button_irq.4.md; do
	files+=(--file "$TOP/$document:$guest/${document##*/}")
done
say "booting an emulated board (about 2 min)"
# The host's load does not change the machine's time, but makes the run take longer: hence the long timeout.
"$TOP/tests/vm/run.py" "$kernel" --cpus 1 --stimulus wire --timeout 6000 --tests command.sh \
	"${files[@]}" --file "$TOP/tests/userspace/command.sh:$guest/command.sh" | tee "$log.vm" || status=$?

{ grep -E '^(not )?ok ' "$log" || true; tail -n 1 "$log.vm"; } | awk '
	/^ok /		{ passed++; next }
	/^not ok /	{ failed++; next }
	/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5; vm = 1 }
	END {
		if (!vm)
			failed++
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	}'
exit "$status"
