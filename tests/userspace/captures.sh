#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# captures.sh: runs the terminal sessions of doc/recipes.md (sessions.sh) on an emulated Raspberry Pi 3B, and the demo, and
# writes their output into build/userspace/captures/, doc/*.svg and doc/recipes.md

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

kernel=6.12-arm64
guest=/opt/button_irq/selftests
out=$TOP/build/userspace/captures
log=$TOP/build/log/captures.log

mkdir -p "$TOP/build/log"
"$TOP/scripts/deps.sh" vm
"$TOP/tests/pi/build-qemu.sh" > /dev/null
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/fetch.sh" linux-source
"$TOP/tests/vm/rootfs.sh" arm64
"$TOP/tests/vm/build.sh" "$kernel"
"$TOP/tests/userspace/build.sh" arm64
mapfile -t files < <(cd "$TOP/build/userspace/arm64" && find usr -type f -printf "--file\n$PWD/%p:/%p\n")
# The guest's userland has only the locale C, but calibrate draws with UTF-8: take this machine's C.utf8, since locales do not
# depend on the architecture.
mapfile -t locale < <(find /usr/lib/locale/C.utf8 -type f -printf '--file\n%p:%p\n')
[ ${#locale[@]} -gt 0 ] || die "this machine has no locale C.utf8"
say "booting an emulated Raspberry Pi 3B (about 20 s)"
"$TOP/tests/vm/run.py" "$kernel" --board raspi3b "${files[@]}" "${locale[@]}" \
	--file "$TOP/tests/userspace/sessions.sh:$guest/sessions.sh" --shell "$guest/sessions.sh" > "$log" ||
	{ tail -n 40 "$log" >&2; die "the sessions failed, see above and $log"; }

rm -rf "$out"
mkdir -p "$out"
for name in calibrate calibrate.svg watch status; do
	sed -n "/^==== capture $name\$/,/^====/ { /^====/d; p }" "$log" | base64 -d > "$out/$name"
	[ -s "$out/$name" ] || die "no session $name in $log"
done
{
	echo "<!-- SPDX-License-""Identifier: GPL-2.0-only -->"
	echo "<!-- Made by tests/userspace/captures.sh -->"
	cat "$out/calibrate.svg"
} > "$TOP/doc/calibrate.svg"
"$TOP/scripts/readme.py" calibrate watch status

# The picture in README.md
say "running make demo (about 20 s)"
"$TOP/tests/vm/demo.sh" > "$out/demo"
{
	echo "\$ make demo"
	sed '/^## booting/d; /^$/{ 1d }; /^The same on an emulated/d' "$out/demo"
} | "$TOP/scripts/terminal_svg.py" "make demo" > "$out/demo.svg"
mv "$out/demo.svg" "$TOP/doc/"
