#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [MACHINE...]: tests userspace/python on a stock Debian kernel, with the Python and gpiozero of several Debian suites,
# two machines at a time. Also installs the package by the commands in its README, and checks its types. The machines:
#
#	bookworm	the module; its gestures, with the vectors that also test the command; the pin factory with gpiozero 1.6;
#			gpiozero's own tests of inputs and mixins, run on the pin factory
#	pi		an emulated Raspberry Pi 3B: the examples of README.md, as printed there; the faults of gpiozero's default
#			pin factory (RPi.GPIO, which runs only on a Raspberry Pi); gpiozero's own tests of real pins
#	bullseye	the module with Python 3.9
#	trixie		module and pin factory with Python 3.13
#	sid		module and pin factory with sid's Python and gpiozero 2
#
# Ends with a table and the counts.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

kernel=6.12-arm64
here=$TOP/tests/python
build=$TOP/build/python
guest=/opt/button_irq/selftests

all=(bookworm pi bullseye trixie sid)
machines=("$@")
[ ${#machines[@]} -gt 0 ] || machines=("${all[@]}")
for name in "${machines[@]}"; do
	[[ " ${all[*]} " = *" $name "* ]] || die "no machine $name: choose from ${all[*]}"
done

# Installs from a copy, because a build leaves files in its source. Uses the python3 for which deps.sh installs packages.
install_package()
{
	rm -rf "$build"
	mkdir -p "$build/results" "$TOP/build/log"
	cp -r "$TOP/userspace/python" "$build/source"
	/usr/bin/python3 -m pip --disable-pip-version-check install --quiet --no-index --no-build-isolation --no-deps \
		--no-compile --root-user-action ignore --target "$build/installed" "$build/source"
}

# Runs the installation commands of README.md as printed there. The build uses packages of the system instead of the network.
install_by_readme()
{
	local home=$build/home

	mkdir -p "$home/userspace"
	cp -r "$TOP/userspace/python" "$home/userspace/"
	# shellcheck disable=SC2016 # Markdown's
	sed -n '/^```sh$/,/^```$/{//!p}' "$TOP/userspace/python/README.md" > "$home/commands"
	[ -s "$home/commands" ] || { echo "README.md names no commands"; return 1; }
	(cd "$home" && HOME=$home PATH=/usr/bin:/bin PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
		sh -e commands) &&
	"$home/button-irq/bin/python3" -m button_irq --version
}

# Checks the type hints, for the oldest supported Python.
check_types()
{
	(cd "$build/source" && /usr/bin/mypy --strict --python-version 3.9 --cache-dir /dev/null button_irq)
}

# on_host NAME FUNCTION: runs a test on this machine and prints its row
on_host()
{
	local started=$SECONDS failed=0

	"$2" > "$build/results/$1.out" 2>&1 || { failed=1; cat "$build/results/$1.out" >&2; }
	printf '%-18s %-11s %4d s  %d passed, %d failed, 0 skipped\n' "$1" host "$((SECONDS - started))" \
		"$((1 - failed))" "$failed" | tee "$build/results/$1.row"
}

# Fetches gpiozero's source: Debian's binary packages do not have its tests.
fetch_gpiozero_tests()
{
	local dir=$CACHE/gpiozero-tests/$1 apt=$CACHE/gpiozero-tests/apt recipe
	local options=(-q -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
		       -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)

	recipe="$1 $(declare -f fetch_gpiozero_tests | sha256sum)"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	exec 8> "$CACHE/gpiozero-tests/lock"
	flock 8
	stamp_ok "$dir.stamp" "$recipe" && return
	say "fetching gpiozero's own tests (about 10 s)"
	rm -rf "$dir" "$dir.new"
	mkdir -p "$dir.new"
	apt_sources "$1" | sed 's/^deb /deb-src /' > "$apt/sources.list"
	{ apt-get "${options[@]}" update && cd "$dir.new" &&
	  apt-get "${options[@]}" source --download-only --only-source --tar-only gpiozero; } > "$apt/log" 2>&1 ||
		{ cat "$apt/log" >&2; die "cannot fetch gpiozero's source"; }
	tar -x --strip-components=2 --wildcards '*/tests/*.py' -f ./*.orig.tar.*
	rm ./*.orig.tar.*
	mv "$dir.new" "$dir"
	printf '%s\n' "$recipe" > "$dir.stamp"
}

# run MACHINE OPTION...: runs the tests of a machine. Their output goes to a file, one row to the terminal.
run()
{
	local options=() file line tests started=$SECONDS status=0 rootfs=$arch-python-$1 out=$build/results/$1

	# In case a command below ends this function: a machine without a result has failed.
	printf '%-18s %-11s %4d s  0 passed, 1 failed, 0 skipped\n' "$1" "$kernel" 0 > "$out.row"
	for file in "$here"/*.py; do
		options+=(--file "$file:$guest/${file##*/}")
	done
	while read -r file; do
		options+=(--file "$build/installed/$file:/usr/lib/python3/dist-packages/$file")
	done < <(cd "$build/installed" && find . -type f -printf '%P\n')
	for file in button_irq.h tests/gestures/vectors.txt userspace/python/README.md; do
		options+=(--file "$TOP/$file:/opt/button_irq/tree/$file")
	done
	for file in "$CACHE"/gpiozero-tests/bookworm/*.py; do
		options+=(--file "$file:/opt/gpiozero-tests/${file##*/}")
	done
	options+=(--env BUTTON_IRQ_TOP=/opt/button_irq/tree --env GPIOZERO_TESTS=/opt/gpiozero-tests)
	case $1 in
	bookworm) tests=unit,module,pins,suite ;;
	# iomem=relaxed: RPi.GPIO accesses the pins through /dev/mem.
	pi) tests=readme,issues,realpins rootfs=$arch-python-bookworm options+=(--board raspi3b --append iomem=relaxed) ;;
	bullseye) tests=unit,module ;;
	*) tests=unit,module,pins ;;
	esac
	tests=button_irq_${tests//,/.py,button_irq_}.py
	# One CPU: with -icount CPUs take turns, and a CPU that waits for another wastes its turn. The host's load does not
	# change the machine's time, but makes the run take longer: hence the long timeout.
	"$TOP/tests/vm/run.py" "$kernel" --cpus 1 --timeout 6000 --rootfs "$rootfs" "${options[@]}" "${@:2}" --tests "$tests" \
		> "$out.out" 2>&1 || status=$?
	line=$(tail -n 1 "$out.out" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') ||
		line='0 passed, 1 failed, 0 skipped'
	[ "$status" = 0 ] || grep -B 30 '^ *not ok\|^# failed: ' "$out.out" >&2 || cat "$out.out" >&2
	grep -h 'their default' "$out.out" || true
	printf '%-18s %-11s %4d s  %s\n' "$1" "$kernel" "$((SECONDS - started))" "$line" | tee "$out.row"
}

# run_some OPTIONS MACHINE...: runs, one after another, those of the machines that were selected
run_some()
{
	local name

	for name in "${@:2}"; do
		# shellcheck disable=SC2086 # words
		[[ " ${machines[*]} " != *" $name "* ]] || run "$name" $1
	done
}

"$TOP/scripts/deps.sh" vm python
"$TOP/tests/vm/fetch.sh" "$kernel"
kernel_line "$kernel"
"$TOP/tests/vm/build.sh" tests "$arch"
"$TOP/tests/vm/build.sh" "$kernel"
for name in "${machines[@]}"; do
	"$here/rootfs.sh" "$arch" "${name/#pi/bookworm}"
done
(fetch_gpiozero_tests bookworm)
install_package
on_host install install_by_readme
on_host types check_types
say "booting ${#machines[@]} machines, two at a time (about 3 min)"
# Two sequences of about the same duration run in parallel. --userland gives the second one's log another name, so that the two
# do not share a log.
run_some "" bookworm trixie &
first=$!
run_some "--userland $arch" pi sid bullseye &
wait $!
wait $first
echo
cat "$build"/results/*.row
cat "$build"/results/*.row | awk '
	{ passed += $(NF - 5); failed += $(NF - 3); skipped += $(NF - 1) }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || !passed }'
