#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh [TEST...]: userspace/python, installed as pip would, on stock Debian kernels with Debian's own gpiozero:
#
#	button_irq_module	button_irq.py
#	button_irq_pins		button_irq_gpiozero.py
#	button_irq_readme	the examples of README.md, as printed there, on an emulated Raspberry Pi 3B
#	button_irq_issues	what gpiozero gets wrong by default; there, too: RPi.GPIO, the pin factory
#				that Debian's gpiozero takes, runs on nothing else
#
# Closes with a table and the counts.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

kernel=6.12-arm64
here=$TOP/tests/python
results=$TOP/build/python/results
installed=$TOP/build/python/installed
guest=/opt/button_irq/selftests

tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(button_irq_module button_irq_pins button_irq_readme button_irq_issues)
for name in "${tests[@]}"; do
	[ -r "$here/$name.py" ] || die "no test $name"
done

# From a copy: building leaves files behind. By the python3 that the packages of deps.sh belong to.
install_package()
{
	rm -rf "$TOP/build/python"
	mkdir -p "$results" "$TOP/build/log"
	cp -r "$TOP/userspace/python" "$TOP/build/python/source"
	/usr/bin/python3 -m pip --disable-pip-version-check install --quiet --no-index --no-build-isolation --no-deps \
		--no-compile --root-user-action ignore --target "$installed" "$TOP/build/python/source"
}

# run TEST: one machine; everything it prints goes to a file, one line to the terminal.
run()
{
	local options=() file line started=$SECONDS status=0 out=$results/$1

	for file in "$here"/*.py; do
		options+=(--file "$file:$guest/${file##*/}")
	done
	while read -r file; do
		options+=(--file "$installed/$file:/usr/lib/python3/dist-packages/$file")
	done < <(cd "$installed" && find . -type f -printf '%P\n')
	options+=(--file "$TOP/userspace/python/README.md:$guest/python-README.md")
	# iomem=relaxed: RPi.GPIO looks for the pins in /dev/mem.
	case $1 in
	*_issues | *_readme) options+=(--board raspi3b --append iomem=relaxed) ;;
	esac
	"$TOP/tests/vm/run.py" "$kernel" --rootfs "$arch-python" "${options[@]}" --tests "$1.py" > "$out.out" 2>&1 || status=$?
	line=$(tail -n 1 "$out.out" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') ||
		line='0 passed, 1 failed, 0 skipped'
	[ "$status" = 0 ] || grep -B 30 '^ *not ok\|^# failed: ' "$out.out" >&2 || cat "$out.out" >&2
	grep -h 'their default' "$out.out" || true
	printf '%-18s %-11s %4d s  %s\n' "$1" "$kernel" "$((SECONDS - started))" "$line" | tee "$out.row"
}

"$TOP/scripts/deps.sh" vm python
"$TOP/tests/vm/fetch.sh" "$kernel"
kernel_line "$kernel"
"$TOP/tests/vm/rootfs.sh" "$arch" python
"$TOP/tests/vm/build.sh" tests "$arch"
"$TOP/tests/vm/build.sh" "$kernel"
install_package
say "booting ${#tests[@]} machines (about 3 min)"
for name in "${tests[@]}"; do
	run "$name"
done
echo
cat "$results"/*.row
cat "$results"/*.row | awk '
	{ passed += $(NF - 5); failed += $(NF - 3); skipped += $(NF - 1) }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || !passed }'
