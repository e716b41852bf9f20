#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh: checks without running the code, one TAP line each: SPDX lines, reuse, shellcheck, pipes into grep -q, spelling,
# pyflakes, links in documents, facts that are stated in several files, checkpatch --strict, kernel-doc, and that no other
# header uses the ioctls' magic. Then builds the driver with W=1 for 6.1: by gcc with sparse, which also checks the module's
# version, and by clang. (make check-vm and check-compat build with W=1 for the other kernels.) Any warning fails a check.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 0 ] || die "usage: run.sh"
cd "$TOP"

kernel=6.1-arm64
newest=7.2-arm64
docs=6.12-arm64		# the oldest kernel whose kernel-doc knows -Wall
checks=(spdx reuse shellcheck pipes spelling pyflakes links facts checkpatch kernel-doc magic sparse clang)

# files [PATTERN...]: the tree's files, or those that match the patterns
files()
{
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

check_spdx()
{
	local bare

	# The files left out have no place for a comment, or are the licence itself.
	bare=$(files ':!COPYING' ':!LICENSES' ':!*.md' ':!*.patch' ':!*.json' ':!*.png' ':!userspace/*/LICENSE' ':!tests/selftests/config' ':!tests/selftests/settings' \
		':!debian/changelog' ':!debian/source' |
	       xargs -d '\n' grep -L -m1 'SPDX-License-Identifier:[ ]') || true
	[ -z "$bare" ] || { echo "no SPDX line in:"; echo "$bare"; return 1; }
}

# Each licence has its SPDX name, and its text in LICENSES. debian/copyright names the copyright holders.
check_reuse()
{
	reuse lint
}

check_shellcheck()
{
	files | xargs -d '\n' awk 'FNR == 1 && (/^#!.*sh$/ || /^# shellcheck shell/ || FILENAME ~ /\.sh$/) { print FILENAME }' |
		xargs -d '\n' shellcheck
}

# grep -q ends at the first match. If the program that writes into the pipe has more to write, SIGPIPE then ends it, and under
# pipefail the pipeline fails although the text was found.
check_pipes()
{
	! files ':!tests/static/run.sh' | xargs -d '\n' grep -nIE '(^|[^|])[|] *grep (-[a-zA-Z]+ )*-[a-zA-Z]*q'
}

# Misspelt words, by the dictionaries of codespell and of the kernel; and small words that stand twice in a row.
check_spelling()
{
	local text status=0 kernels

	kernels=$(mktemp)
	sed -n '/^acknowledgement|/d; s/^\([^#]*\)||/\1->/p' "$CACHE/linux-source/scripts/spelling.txt" > "$kernels"
	text=$(files ':!COPYING' ':!LICENSES' ':!userspace/*/LICENSE' ':!*.png' ':!debian/copyright')
	xargs -d '\n' codespell -D - -D "$kernels" <<< "$text" || status=1
	! xargs -d '\n' grep -nP '(?<![\w$-])(an?|the|is|are|be|of|to|and|in|that|it|for|with|on|by|or|as|at|not|this) \1(?![\w-])' <<< "$text" || status=1
	rm "$kernels"
	return "$status"
}

check_pyflakes()
{
	files '*.py' | xargs -d '\n' pyflakes3
}

# Links between Markdown files
check_links()
{
	tests/docs/links.py
}

# Facts that are stated in several files
check_facts()
{
	tests/docs/facts.py
}

# Ignored types: LINUX_VERSION_CODE, since a driver outside the kernel's tree has to test for which kernel it is built;
# CONSTANT_COMPARISON, since both sides of such a test look like constants; UNDOCUMENTED_DT_STRING, since the cache does not
# have all bindings of the kernel (tests/dt checks this project's). Left out: sources for QEMU's tree, and userspace, which is
# compiled with -Wall -Wextra -Werror instead.
check_checkpatch()
{
	local out status=0 root

	# checkpatch leaves a file in its working directory, and needs some files of a kernel tree.
	root=$(mktemp -d)
	mkdir "$root/include"
	ln -s "$CACHE/linux-source/"{scripts,Documentation} "$root/"
	out=$(files '*.[ch]' '*.dts' '*.dtsi' ':!tests/pi/qemu' ':!userspace' ':!tests/userspace' | sed "s|^|$TOP/|" | (cd "$root" && xargs -d '\n' -n 1 \
		scripts/checkpatch.pl --strict --no-tree --root=. --terse --show-types \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON,UNDOCUMENTED_DT_STRING -f) | sed "s|^$TOP/||") || status=$?
	rm -rf "$root"
	# Any line but the totals of a clean file is a complaint.
	printf '%s' "$out" | grep -v '^total: 0 errors, 0 warnings, 0 checks, ' || return "$status"
	return 1
}

# Every kernel-doc comment is complete. The headers of the selftests are not written for kernel-doc.
check_kernel-doc()
{
	local program

	program=$(echo "$CACHE"/roots/bookworm-backports-arm64/usr/lib/linux-kbuild-6.12*/scripts/kernel-doc)
	files ':(glob)button_irq*.[ch]' tests/modules/'*.[ch]' tests/unit/'*.h' | xargs -d '\n' perl "$program" -none -Wall -Werror
}

# No UAPI header of the newest kernel has the ioctls' magic as the first argument of an _IO() macro, or as the value of a
# constant with such a name.
check_magic()
{
	local magic version

	magic=$(sed -nE 's/^#define BUTTON_IRQ_IOC_MAGIC[[:space:]]+0x([0-9A-Fa-f]{2})$/\1/p' button_irq.h)
	[ -n "$magic" ] || { echo "button_irq.h: no BUTTON_IRQ_IOC_MAGIC of the form 0xNN"; return 1; }
	version=$(cat "$CACHE/kernels/$newest/version")
	cd "$CACHE/roots/sid-arm64/usr/src/linux-headers-${version%-*}-common/include/uapi" || return
	# A search of this form finds the magic of /dev/gpiochip. Otherwise it would find nothing at all.
	grep -rqE '_IO[WR]*\(0xB4\b' linux/gpio.h || { echo "no ioctl found in linux/gpio.h below $PWD"; return 1; }
	! grep -rniE "(\b_IO[WR]*\(|define[[:space:]]+\w*(IOC|MAGIC|TYPE|BASE)\w*[[:space:]]+\(?)[[:space:]]*0x0*$magic\b" .
}

# build OPTION...: builds the driver and the tests' modules, in a copy inside 6.1's build root; sets $version to the module's
build()
{
	local root=$CACHE/roots/bookworm-arm64 copy part log status=0

	copy=$(as_root mktemp -d "$root/tmp/static.XXXXXX")
	as_root chmod 755 "$copy"
	files Kbuild dkms.conf ':(glob)*.[ch]' tests/modules tests/naive | tar -cf - -T - |
		as_root tar -C "$copy" -xf - --no-same-owner
	for part in . tests/modules tests/naive; do
		[ -e "$part/Kbuild" ] || continue
		log=$(as_root chroot "$root" make -C "/lib/modules/$(cat "$CACHE/kernels/$kernel/version")/build" \
			M="/tmp/${copy##*/}/$part" ARCH=arm64 W=1 "$@" modules 2>&1) || status=1
		if [ "$status" != 0 ] || grep -qE 'warning:|error:' <<< "$log"; then
			echo "$log"
			status=1
		fi
	done
	version=$(modinfo -F version "$copy/button_irq.ko") || true
	as_root rm -rf "$copy"
	return "$status"
}

# Also checks that the module has the version that dkms.conf states.
check_sparse()
{
	local version

	build CROSS_COMPILE=aarch64-linux-gnu- C=2 CF=-D__CHECK_ENDIAN__ || return
	[[ -n $version && $(cat dkms.conf) == *"PACKAGE_VERSION=\"$version\""* ]] || {
		echo "the module's version is '$version'; dkms.conf: $(grep PACKAGE_VERSION dkms.conf)"
		return 1
	}
}

check_clang()
{
	# The kernel was configured for gcc: set what differs with clang, and let clang ignore gcc's warning options.
	build LLVM=1 CC=clang CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y CONFIG_CC_HAS_AUTO_VAR_INIT_ZERO_ENABLER=y \
		KCFLAGS=-Wno-unknown-warning-option
}

scripts/deps.sh static
printf '%s\n' "$kernel" "$newest" "$docs" linux-source | xargs -P 2 -n 1 tests/vm/fetch.sh

echo "TAP version 13"
echo "1..${#checks[@]}"
# Two checks at a time, the builds first, as they take longest.
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for ((i = ${#checks[@]} - 1; i >= 0; i--)); do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
		wait -n || true
	done
	{ "check_${checks[i]}" > "$out/${checks[i]}" 2>&1 && touch "$out/${checks[i]}.ok"; } &
done
wait || true
for check in "${checks[@]}"; do
	if [ -e "$out/$check.ok" ]; then
		result 0 "$check"
	else
		sed 's/^/# /' "$out/$check"
		result 1 "$check"
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
