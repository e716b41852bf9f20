#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh: everything that can be found without running the code, one TAP line each: licences, reuse, shellcheck,
# pipes into grep -q, spelling, pyflakes, links in documents, facts that stand in several files, checkpatch --strict, kernel-doc, that nobody
# else has the ioctls' magic, and on 6.1's headers a W=1 build by gcc with sparse, which also looks at the module's
# version, and one by clang. (The W=1 builds for the other kernels are part of make check-vm and check-compat.) Any
# warning fails its line.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 0 ] || die "usage: run.sh"
cd "$TOP"

kernel=6.1-arm64
newest=7.2-arm64
docs=6.12-arm64		# the oldest kernel whose kernel-doc knows -Wall
checks=(spdx reuse shellcheck pipes spelling pyflakes links facts checkpatch kernel-doc magic sparse clang)

# The tree's files, or those of them that match patterns.
files()
{
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

check_spdx()
{
	local bare

	# These have no place for a comment, or are the licence itself.
	bare=$(files ':!COPYING' ':!LICENSES' ':!*.md' ':!*.patch' ':!*.json' ':!*.png' ':!userspace/*/LICENSE' ':!tests/selftests/config' ':!tests/selftests/settings' \
		':!debian/changelog' ':!debian/source' |
	       xargs -d '\n' grep -L -m1 'SPDX-License-Identifier:[ ]') || true
	[ -z "$bare" ] || { echo "no SPDX line in:"; echo "$bare"; return 1; }
}

# Each licence by the name that SPDX has for it, with its text in LICENSES; copyright as debian/copyright says.
check_reuse()
{
	reuse lint
}

check_shellcheck()
{
	files | xargs -d '\n' awk 'FNR == 1 && (/^#!.*sh$/ || /^# shellcheck shell/ || FILENAME ~ /\.sh$/) { print FILENAME }' |
		xargs -d '\n' shellcheck
}

# grep -q ends at the first match. The program that writes into the pipe then dies of SIGPIPE if it has more to write, and
# under pipefail the pipeline has failed although the text was found.
check_pipes()
{
	! files ':!tests/static/run.sh' | xargs -d '\n' grep -nIE '(^|[^|])[|] *grep (-[a-zA-Z]+ )*-[a-zA-Z]*q'
}

# Misspelt words of two dictionaries, codespell's own and the kernel's; and words that stand there twice in a row.
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

# Links between Markdown files, and what stands in several files
check_links()
{
	tests/docs/links.py
}

check_facts()
{
	tests/docs/facts.py
}

# Ignored: LINUX_VERSION_CODE, since a driver outside the kernel's tree has to ask which kernel it is built for, and
# CONSTANT_COMPARISON, since both sides of that question look like constants; UNDOCUMENTED_DT_STRING, since not all of the
# kernel's bindings are here (tests/dt checks ours). Left out: what goes into QEMU's tree, and programs, for which the
# compiler's -Wall -Wextra -Werror stands in.
check_checkpatch()
{
	local out status=0 root

	# It leaves a file where it runs, and looks into a kernel's tree.
	root=$(mktemp -d)
	mkdir "$root/include"
	ln -s "$CACHE/linux-source/"{scripts,Documentation} "$root/"
	out=$(files '*.[ch]' '*.dts' '*.dtsi' ':!tests/pi/qemu' ':!userspace' ':!tests/userspace' | sed "s|^|$TOP/|" | (cd "$root" && xargs -d '\n' -n 1 \
		scripts/checkpatch.pl --strict --no-tree --root=. --terse --show-types \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON,UNDOCUMENTED_DT_STRING -f) | sed "s|^$TOP/||") || status=$?
	rm -rf "$root"
	# Nothing at all is said of files that are clean.
	printf '%s' "$out" | grep -v '^total: 0 errors, 0 warnings, 0 checks, ' || return "$status"
	return 1
}

# What is documented for kernel-doc is documented fully. Headers of the selftests are for people only.
check_kernel-doc()
{
	local program

	program=$(echo "$CACHE"/roots/bookworm-backports-arm64/usr/lib/linux-kbuild-6.12*/scripts/kernel-doc)
	files ':(glob)button_irq*.[ch]' tests/modules/'*.[ch]' tests/unit/'*.h' | xargs -d '\n' perl "$program" -none -Wall -Werror
}

# The ioctls' magic is not the first argument of an _IO() in the newest kernel's headers for programs, nor the value of
# anything there that is named like one.
check_magic()
{
	local magic version

	magic=$(sed -nE 's/^#define BUTTON_IRQ_IOC_MAGIC[[:space:]]+0x([0-9A-Fa-f]{2})$/\1/p' button_irq.h)
	[ -n "$magic" ] || { echo "button_irq.h: no BUTTON_IRQ_IOC_MAGIC of the form 0xNN"; return 1; }
	version=$(cat "$CACHE/kernels/$newest/version")
	cd "$CACHE/roots/sid-arm64/usr/src/linux-headers-${version%-*}-common/include/uapi" || return
	# Finds those that are known, or it would find nothing at all: /dev/gpiochip's
	grep -rqE '_IO[WR]*\(0xB4\b' linux/gpio.h || { echo "no headers here"; return 1; }
	! grep -rniE "(\b_IO[WR]*\(|define[[:space:]]+\w*(IOC|MAGIC|TYPE|BASE)\w*[[:space:]]+\(?)[[:space:]]*0x0*$magic\b" .
}

# build COMPILER-OPTION...: the driver and the tests' modules, in a copy inside 6.1's build root
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

# The module knows its version, from the place that holds it.
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
	# The kernel was configured for gcc: say what differs, and let clang pass over gcc's warning options.
	build LLVM=1 CC=clang CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y CONFIG_CC_HAS_AUTO_VAR_INIT_ZERO_ENABLER=y \
		KCFLAGS=-Wno-unknown-warning-option
}

scripts/deps.sh static
printf '%s\n' "$kernel" "$newest" "$docs" linux-source | xargs -P 2 -n 1 tests/vm/fetch.sh

echo "TAP version 13"
echo "1..${#checks[@]}"
# The builds first, as they take longest; and two checks at a time.
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
