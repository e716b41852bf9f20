# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # what is set here is used by those who source it
#
# Shared shell helpers, to be sourced: where things are kept, how to become root, where this machine gets its packages
# from, and what a Debian architecture is called elsewhere.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/button_irq
# Empty where there is no dpkg: scripts/deps.sh refuses such a machine.
HOSTARCH=$(dpkg --print-architecture 2> /dev/null || true)
PATH=$PATH:/usr/sbin:/sbin
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# Root works in a tree that another user has cloned: git refuses that unless told that it is meant.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$TOP

# Fetched things older than this are fetched anew, so that "newest kernel of the suite" stays true.
# Until then a run asks the network nothing.
REFRESH_DAYS=${REFRESH_DAYS:-7}

say()
{
	printf '## %s\n' "$*" >&2
}

die()
{
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# This machine's distribution: os_release NAME prints a field of /etc/os-release.
os_release()
{
	# shellcheck disable=SC1091 # not ours
	(. /etc/os-release 2> /dev/null || true; printf '%s\n' "${!1:-}")
}

# Sources may name the suite ("bookworm") or its role ("stable"); other repositories may have a suite of the same name.
find_mirror()
{
	# $(...) are apt's fields, not the shell's.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME) $(ORIGIN)' 'Created-By: Packages' |
		awk -v suite="$(os_release VERSION_CODENAME)" '$NF == "Debian" && ($2 == suite || $3 == suite) { print $1; exit }'
}

# The machine's own mirror of the Debian archive, so that the tree names no host. apt knows the origin of a source only
# when the source's lists are present, and container images come without lists.
mirror()
{
	local uri

	uri=$(find_mirror)
	[ -n "$uri" ] || { as_root apt-get -q update > /dev/null 2>&1 && uri=$(find_mirror); }
	[ -n "$uri" ] || die "apt on this machine has no source of Debian $(os_release VERSION_CODENAME): see sources.list(5)"
	printf '%s\n' "$uri"
}

# One apt source line for each suite named. bookworm-backports brings bookworm along.
apt_sources()
{
	local suite uri

	uri=$(mirror)
	for suite in "$@"; do
		case $suite in
		*-backports) printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$uri" "${suite%-backports}" ;;
		esac
		printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$uri" "$suite"
	done
}

# Removes a root. mmdebstrap, when killed, leaves file systems mounted in it: those go first, and rm enters none.
remove_root()
{
	local mount

	awk -v root="$1/" 'index($2, root) == 1 { print $2 }' /proc/mounts | tac | while read -r mount; do
		as_root umount "$mount"
	done
	as_root rm -rf --one-file-system "$1"
}

# True when FILE is there, younger than REFRESH_DAYS, and says TEXT on its first line.
stamp_ok()
{
	[ -n "$(find "$1" -mtime "-$REFRESH_DAYS" 2>/dev/null)" ] && [ "$(head -n1 "$1")" = "$2" ]
}

# The line of tests/vm/kernels, tests/debug/kernels or tests/pi/kernels for a kernel's name: sets suite, arch, flavour,
# ways and slow_ways.
kernel_line()
{
	local name

	while read -r name suite arch flavour ways slow_ways; do
		[ "$name" = "$1" ] && return 0
	done < <(cat "$TOP"/tests/{vm,debug,pi}/kernels)
	die "no kernel $1 in tests/{vm,debug,pi}/kernels"
}

# The GNU triplet's first part and the kernel's ARCH for a Debian architecture.
gnu_triplet()
{
	case $1 in
	amd64) echo x86_64-linux-gnu ;;
	arm64) echo aarch64-linux-gnu ;;
	armhf) echo arm-linux-gnueabihf ;;
	armel) echo arm-linux-gnueabi ;;
	*) die "unknown architecture $1" ;;
	esac
}

kernel_arch()
{
	case $1 in
	armhf | armel) echo arm ;;
	*) echo "$1" ;;
	esac
}

# result STATUS NAME: a line of TAP, counted in $passed or $failed
passed=0
failed=0
result()
{
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		printf 'ok %d %s\n' $((passed + failed)) "$2"
	else
		failed=$((failed + 1))
		printf 'not ok %d %s\n' $((passed + failed)) "$2"
	fi
}

# sum_up DIRECTORY: prints the summary of a level that booted machines. Each machine has left its output in a .out file
# and its line of the table in a .row file. Returns false if a test failed, or if none passed.
sum_up()
{
	say "skipped tests, with how often each was skipped:"
	sed -n 's/^# skipped: //p' "$1"/*.out | sort | uniq -c >&2
	echo
	cat "$1"/*.row
	cat "$1"/*.row | awk '
		{ passed += $(NF - 5); failed += $(NF - 3); skipped += $(NF - 1) }
		END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || !passed }'
}
