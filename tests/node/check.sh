#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh: tests the npm packages userspace/node and userspace/node-red, installed from the archives that `npm pack` makes.
# With Node from Debian 12 and from Debian 13: the package on faked buttons, and the Node-RED node in the real Node-RED. With
# one Node only: Node-RED's editor in a browser, the types, the packages' contents, and the package on an emulated board with
# the real driver.
#
# BUTTON_IRQ_SCREENSHOT is a directory for pictures of the editor, such as those in userspace/node-red/README.md.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/packages.sh"

[ $# = 0 ] || die "usage: check.sh"
kernel=6.12-arm64
here=$TOP/tests/node
build=$TOP/build/node
guest=/opt/button_irq/selftests
modules=$build/user/node_modules

# fetch_root SUITE: makes a root with that suite's Node, independently of this machine's Node
fetch_root()
{
	local root=$CACHE/roots/node-$1 recipe

	recipe="$1 nodejs $(declare -f fetch_root | sha256sum)"
	exec 7> "$root.lock"
	flock 7
	stamp_ok "$root.stamp" "$recipe" && return
	say "making a root with the Node of $1 (about 30 s)"
	as_root rm -rf "$root"
	apt_sources "$1" | as_root mmdebstrap --quiet --mode=root --variant=extract --architectures="$HOSTARCH" \
		--include=base-files,bash,dash,coreutils,util-linux,nodejs --aptopt='APT::Install-Recommends "false"' - "$root" - \
		> "$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; die "cannot make $root"; }
	# What the packages' own scripts would have made
	[ -e "$root/bin/sh" ] || as_root ln -s dash "$root/bin/sh"
	as_root mkdir -p "$root/dev" "$root/proc" "$root/tmp" "$root/opt"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' | as_root tee "$root/etc/passwd" > /dev/null
	printf '%s\n' "$recipe" > "$root.stamp"
}

# in_root SUITE TEST...: runs tests with that suite's Node. The source tree is /tmp/tree there.
in_root()
{
	local root=$CACHE/roots/node-$1 tests=("${@:2}")

	# A mount namespace, so that no mount is left behind
	# shellcheck disable=SC2016 # the inner shell's
	as_root unshare --mount --pid --fork --kill-child bash -euc '
	root=$1 top=$2 cache=$3
	shift 3
	mount -t tmpfs none "$root/tmp"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mkdir -p "$root/tmp/tree" "$root/tmp/node-red"
	mount --bind "$top" "$root/tmp/tree"
	mount --bind "$cache" "$root/tmp/node-red"
	exec chroot "$root" env -i PATH=/usr/bin:/bin HOME=/tmp BUTTON_IRQ_PACKAGE=/tmp/tree/build/node/user/node_modules/button-irq \
		BUTTON_IRQ_NODE_RED=/tmp/node-red node --test "${@/#//tmp/tree/tests/node/}"
	' - "$root" "$TOP" "$node_red" "${tests[@]}"
}

check_bookworm() { in_root bookworm button.test.js node_red.test.js readme.test.js; }
check_trixie() { in_root trixie button.test.js node_red.test.js readme.test.js; }

check_editor()
{
	BUTTON_IRQ_NODE_RED=$node_red BUTTON_IRQ_PACKAGE=$modules/button-irq node --test "$here/editor.test.js"
}

# counts FILE STATUS: prints the counts of node --test or, for another command, of one test. Cancelled tests count as failed. A
# STATUS other than 0 means at least one failure.
counts()
{
	awk -v status="$2" '
		/^(#|ℹ) (pass|fail|cancelled|skipped) [0-9]+$/ { n[$2] = $3; counted = 1 }
		END {
			failed = n["fail"] + n["cancelled"]
			if (status && !failed)
				failed = 1
			printf "%d passed, %d failed, %d skipped\n", counted ? n["pass"] : !failed, failed, n["skipped"]
		}' "$1"
}

# types.ts uses all types. Its deliberate errors must be errors for tsc, too.
check_types()
{
	cp "$here/types.ts" "$build/user/"
	"$node_red/node_modules/.bin/tsc" --noEmit --strict --target es2022 --module node16 --moduleResolution node16 \
		--typeRoots "$node_red/node_modules/@types" --types node "$build/user/types.ts"
}

check_contents()
{
	local name

	for name in button-irq node-red-contrib-button-irq; do
		tar -tzf "$build/pack/$name"-*.tgz | LC_ALL=C sort | sed "s|^package|$name|"
	done | diff <(grep -v '^#' "$here/contents") -
	# Each package has the licence of this project.
	cmp "$TOP/LICENSES/GPL-2.0-only.txt" "$modules/button-irq/LICENSE"
	cmp "$TOP/LICENSES/GPL-2.0-only.txt" "$modules/node-red-contrib-button-irq/LICENSE"
}

# run NAME FUNCTION: runs a test on this machine and prints its row
run()
{
	local started=$SECONDS status=0 line

	"$2" > "$build/results/$1.out" 2>&1 || status=1
	line=$(counts "$build/results/$1.out" "$status")
	[ "$status" = 0 ] || cat "$build/results/$1.out" >&2
	printf '%-18s %-11s %4d s  %s\n' "$1" host "$((SECONDS - started))" "$line" | tee "$build/results/$1.row"
}

# Runs the tests on the emulated board and prints their row.
run_board()
{
	local started=$SECONDS options=() file line out=$build/results/board

	# In case a command below ends this function: a machine without a result has failed.
	printf '%-18s %-11s %4d s  0 passed, 1 failed, 0 skipped\n' board "$kernel" 0 > "$out.row"
	while read -r file; do
		options+=(--file "$modules/$file:/opt/button_irq/node_modules/$file")
	done < <(cd "$modules" && find button-irq -type f)
	while read -r file; do
		options+=(--file "$TOP/build/userspace/$arch/$file:/$file")
	done < <(cd "$TOP/build/userspace/$arch" && find usr/bin -type f)
	for file in guest.sh guest.js; do
		options+=(--file "$here/$file:$guest/$file")
	done
	"$TOP/tests/vm/run.py" "$kernel" --cpus 1 --stimulus wire --timeout 900 --tests guest.sh "${options[@]}" \
		> "$out.out" 2>&1 || cat "$out.out" >&2
	line=$(tail -n 1 "$out.out" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') ||
		line='0 passed, 1 failed, 0 skipped'
	printf '%-18s %-11s %4d s  %s\n' board "$kernel" "$((SECONDS - started))" "$line" | tee "$out.row"
}

"$TOP/scripts/deps.sh" vm unit node
rm -rf "$build/results"
mkdir -p "$build/results" "$TOP/build/log"
kernel_line "$kernel"
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/rootfs.sh" "$arch"
"$TOP/tests/vm/build.sh" "$kernel"
"$TOP/tests/userspace/build.sh" "$arch"
(fetch_node_red)
(fetch_root bookworm)
(fetch_root trixie)
"$TOP/tests/userspace/build_fake.sh" "$build/fake" static 2> "$build/results/fake.log" || { cat "$build/results/fake.log" >&2; exit 1; }
install_packages "$build"

say "testing the packages on an emulated board, on faked buttons, and in Node-RED (about 2 min)"
run_board &
board=$!
run contents check_contents
run types check_types
run bookworm check_bookworm
run trixie check_trixie
run editor check_editor
wait "$board"
sum_up "$build/results"
