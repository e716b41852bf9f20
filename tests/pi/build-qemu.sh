#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds a QEMU whose Raspberry Pi boards have GPIO inputs, and which has the Raspberry Pi 5's RP1: Debian's source package
# with the files and patches in qemu/, for these boards and virt only. Prints the path of the program. A build is kept in
# the cache, under a hash of everything that went into it, if QEMU's own tests of these GPIO controllers pass.
#
#	build-qemu.sh		builds, unless the cache has the build
#	build-qemu.sh --qtest	likewise; then runs QEMU's tests of these controllers and prints their results, not the path

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

# Not bookworm-backports, which has QEMU 10.0 as well: some mirrors have only the binary packages of that suite.
SUITE=trixie
HERE=$TOP/tests/pi
APT=$CACHE/qemu-apt
STAMP=$CACHE/qemu-version
QTESTS=(bcm2835-gpio-test rp1-test)

apt_options=(-q -o "Dir::State::Lists=$APT/lists" -o "Dir::Cache=$APT/cache" -o "Dir::Etc::SourceList=$APT/sources.list"
	     -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root)

newest_version()
{
	mkdir -p "$APT/lists/partial" "$APT/cache/archives/partial"
	apt_sources $SUITE | sed 's/^deb /deb-src /' > "$APT/sources.list"
	apt-get "${apt_options[@]}" update > "$APT/log" 2>&1 || return
	apt-cache "${apt_options[@]}" showsrc --only-source qemu | sed -n 's/^Version: //p' | sort -V | tail -n1
}

# Prints the version to build. Looks up the newest version again after REFRESH_DAYS.
resolve_version()
{
	local version

	if [ -n "$(find "$STAMP" -mtime "-$REFRESH_DAYS" 2> /dev/null)" ]; then
		cat "$STAMP"
		return
	fi
	version=$(newest_version) || true
	if [ -n "$version" ]; then
		printf '%s\n' "$version" > "$STAMP"
	elif [ -f "$STAMP" ]; then
		say "cannot look up QEMU's newest version; using the one found on $(date -r "$STAMP" +%F)"
	else
		tail -n 20 "$APT/log" >&2
		die "no source of QEMU in $SUITE, see above"
	fi
	cat "$STAMP"
}

fetch_and_patch()
{
	local version=$1 work=$2 part

	[ -s "$APT/sources.list" ] || newest_version > /dev/null
	(cd "$work" && apt-get "${apt_options[@]}" source --download-only --only-source "qemu=$version")
	dpkg-source --extract "$work"/*.dsc "$work/source"
	for part in configs hw include tests; do
		cp -r "$HERE/qemu/$part" "$work/source/"
	done
	for part in "$HERE"/qemu/*.patch; do
		patch -d "$work/source" -p1 < "$part"
	done
}

# Copies ninja's output, and prints a line on stderr after each tenth of the files.
progress()
{
	awk '$1 ~ /^[0-9]+\/[0-9]+$/ {
		split($1, step, "/")
		if (step[1] >= next_line) {
			printf "##   %d of %d files\n", step[1], step[2] > "/dev/stderr"
			next_line += step[2] / 10
		}
	}
	{ print }'
}

compile()
{
	local work=$1

	mkdir "$work/build"
	cd "$work/build"
	../source/configure --python=/usr/bin/python3 --target-list=aarch64-softmmu --without-default-features \
		--without-default-devices --with-devices-aarch64=raspi --enable-tcg --enable-fdt=system --disable-docs \
		--disable-install-blobs --disable-debug-info --disable-werror
	NINJA_STATUS="%f/%t " nice -n 10 ninja -j "$(nproc)" qemu-system-aarch64 \
		"${QTESTS[@]/#/tests/qtest/}"
}

# meson_test BUILD-TREE: runs the tests as QEMU's developers do
meson_test()
{
	cd "$1"
	pyvenv/bin/meson test --no-rebuild --print-errorlogs "${QTESTS[@]/#/qtest-aarch64/}"
}

# qtest DIRECTORY: runs the tests without the build tree, and removes from their TAP the lines about each QEMU they start
qtest()
{
	local test

	for test in "${QTESTS[@]}"; do
		QTEST_QEMU_BINARY=$1/qemu-system-aarch64 "$1/$test" --tap -k 2>&1 || return
	done | grep -v '^# starting QEMU\|Default NIC'
}

# build VERSION DIRECTORY: builds into DIRECTORY. The caller holds the lock.
build()
{
	local version=$1 dir=$2 work=$2.build log=$2.log

	"$TOP/scripts/deps.sh" pi
	say "building QEMU $version for the Raspberry Pi boards (about 7 min on 2 cores)"
	rm -rf "$work"
	mkdir -p "$work/done"
	if ! { fetch_and_patch "$version" "$work" > "$log" 2>&1 &&
	       (compile "$work" 2>> "$log") | progress >> "$log"; }; then
		tail -n 30 "$log" >&2
		die "QEMU does not build, see above and $log"
	fi
	say "running QEMU's tests of the GPIO controllers (about 20 s)"
	if ! (meson_test "$work/build") > "$log" 2>&1; then
		tail -n 50 "$log" >&2
		die "QEMU's GPIO controllers do not work, see above and $log"
	fi
	mv "$work/build/qemu-system-aarch64" "${QTESTS[@]/#/$work/build/tests/qtest/}" "$work/done/"
	printf '%s\n' "$version" > "$work/done/version"
	mv "$work/done" "$dir"
	rm -rf "$work" "$log"
	# Builds of older versions and patches
	find "$CACHE" -maxdepth 1 -name 'qemu-????????????????' -mtime +30 -exec rm -rf {} +
}

case ${1:-} in
""|--qtest) ;;
*) die "usage: build-qemu.sh [--qtest]" ;;
esac

mkdir -p "$CACHE"
exec 8> "$STAMP.lock"
flock 8
version=$(resolve_version)
flock -u 8
hash=$({ echo "$version"; declare -f fetch_and_patch compile
	 cd "$HERE/qemu" && find . -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-16)
dir=$CACHE/qemu-$hash
if [ ! -x "$dir/qemu-system-aarch64" ]; then
	# One build at a time. A tree that finds its QEMU in the cache does not take this lock, and so need not wait for the
	# build of another tree.
	exec 9> "$CACHE/qemu.lock"
	flock 9
	[ -x "$dir/qemu-system-aarch64" ] || build "$version" "$dir" 8>&- 9>&-
fi

if [ "${1:-}" = --qtest ]; then
	qtest "$dir" | awk '
		{ print }
		/^ok .*# SKIP/ { skipped++; next }
		/^ok / { passed++ }
		/^not ok / { failed++ }
		/^1\.\./ { planned += substr($1, 4) }
		END {
			failed += planned - passed - failed - skipped
			printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
			exit failed != 0 || passed == 0
		}'
else
	echo "$dir/qemu-system-aarch64"
fi
