#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# deps.sh TARGET...: installs the Debian packages that targets need on this machine and that are missing. When nothing is
# missing, nothing is asked of the network. A package written NAME/SUITE-backports comes from backports, which this
# script alone sees: the machine's own apt sources stay as they are.
#
# A machine on which the targets cannot run is refused before anything is installed. Without a TARGET, that check is all.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

suite=$(os_release VERSION_CODENAME)

packages()
{
	case $1 in
	vm)	# build roots, the guests' userland, QEMU
		echo mmdebstrap debian-archive-keyring cpio xz-utils kmod python3 git device-tree-compiler
		echo qemu-system-arm
		;;
	static)
		packages vm
		echo shellcheck codespell pyflakes3 perl reuse
		;;
	upstream)	# a kernel for four architectures, each by a compiler of this machine's suite
		packages static
		echo gcc libc6-dev make bison flex bc libelf-dev python3-docutils
		local triplet

		for triplet in aarch64-linux-gnu arm-linux-gnueabihf riscv64-linux-gnu x86-64-linux-gnu; do
			case $HOSTARCH-$triplet in
			amd64-x86-64-* | arm64-aarch64-*) ;;
			*) echo "gcc-$triplet" ;;
			esac
		done
		;;
	unit)	# the sanitizers and 32-bit programs want the version of the suite's clang and gcc
		local gcc=14 clang=19

		[ "$suite" != bookworm ] || gcc=12 clang=14
		echo gcc libc6-dev make clang llvm "libclang-rt-$clang-dev" python3
		# 32-bit programs; gcc-multilib does not go with the cross compilers
		[ "$HOSTARCH" != amd64 ] || echo libc6-dev-i386 "lib32gcc-$gcc-dev"
		;;
	mqtt)	# the service, and a broker
		echo gcc libc6-dev make pkgconf python3 libmosquitto-dev mosquitto mosquitto-clients openssl iproute2 systemd
		;;
	packages)	# build roots, and a machine of this architecture
		echo mmdebstrap debian-archive-keyring e2fsprogs git binutils
		case $HOSTARCH in
		amd64) echo qemu-system-x86 ;;
		*) echo qemu-system-arm ;;
		esac
		;;
	hosts)
		echo mmdebstrap debian-archive-keyring git
		;;
	hw)	# on the board itself, whose packages' suite may have no libgpiod 2
		echo mmdebstrap debian-archive-keyring xz-utils gcc libc6-dev make pkgconf rsync python3
		case $suite in
		bookworm) echo libgpiod-dev/bookworm-backports gpiod/bookworm-backports ;;
		*) echo libgpiod-dev gpiod ;;
		esac
		;;
	dt)
		echo device-tree-compiler python3
		;;
	docs)	# manual pages, web pages, and a browser to look at them
		echo lowdown mandoc chromium python3 git
		;;
	python)	# builds the Python package, installs it as its README says, checks its types
		echo python3-pip python3-setuptools python3-wheel python3-venv mypy
		;;
	node)	# npm and a browser for the editor; a Node of another source brings its own npm
		packages vm
		command -v npm > /dev/null || echo npm
		echo chromium chromium-driver fonts-dejavu-core
		;;
	gestures) # npm packages, and a disk for the emulated board
		packages pi
		packages packages
		command -v npm > /dev/null || echo npm
		echo squashfs-tools
		;;
	pi)	# QEMU from source; its build wants a newer meson than bookworm's
		packages vm
		echo gcc libc6-dev make dpkg-dev patch ninja-build python3-venv pkgconf
		echo libglib2.0-dev libfdt-dev zlib1g-dev
		case $suite in
		bookworm) echo meson/bookworm-backports ;;
		*) echo meson ;;
		esac
		;;
	*)
		die "no target $1"
		;;
	esac
}

# The module itself builds and runs on any distribution.
refuse()
{
	die "$1. The demo and the tests run on Debian 12 and 13, amd64 or arm64; make and sudo make install run anywhere"
}

check_machine()
{
	case $(os_release ID)-$suite in
	debian-bookworm | debian-trixie) ;;
	*) refuse "this is $(os_release PRETTY_NAME || uname -s)" ;;
	esac
	case $HOSTARCH in
	amd64 | arm64) ;;
	*) refuse "this is a Debian of architecture ${HOSTARCH:-unknown}" ;;
	esac
}

# Say why root is needed before sudo asks for a password. The Debian roots are made and entered with mounts, which a
# container may forbid even root. Once the roots exist, root and mounts are known to work, and this check is left out.
check_root()
{
	local dir why="to install packages and to make the Debian roots in which modules are built"

	if [ "$(id -u)" != 0 ]; then
		command -v sudo > /dev/null ||
			die "needs root $why: run it as root, or install sudo and add this user to the group sudo"
		sudo -n true 2> /dev/null || say "asking sudo for root, $why"
		sudo -v || die "needs root $why, and sudo does not let this user be root"
	fi
	dir=$(mktemp -d)
	as_root mount -t tmpfs none "$dir" 2> /dev/null || {
		rmdir "$dir"
		die "root may not mount here, and a Debian root cannot be made without. In a container, start it with --privileged"
	}
	as_root umount "$dir"
	rmdir "$dir"
}

# The board's tests run on a board's own distribution.
[ "$*" = hw ] || check_machine
[ $# -gt 0 ] || exit 0

mapfile -t wanted < <(for target; do packages "$target"; done | tr ' ' '\n' | sort -u)
mapfile -t missing < <(
	for package in "${wanted[@]}"; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "${package%/*}" 2> /dev/null) || true
		[ "$status" = installed ] || echo "$package"
	done)
if [ ${#missing[@]} -gt 0 ] || [ ! -d "$CACHE/roots" ]; then
	check_root
fi
[ ${#missing[@]} -gt 0 ] || exit 0

options=(-q -y --no-install-recommends -o DPkg::Lock::Timeout=600)
log=$CACHE/apt.log
mkdir -p "$CACHE"
# Another level may be at it.
exec 9> "$log.lock"
flock 9
# Lists of backports, which apt keeps as root's: not in the cache of an ordinary user.
lists=
trap '[ -z "$lists" ] || as_root rm -rf "$lists"' EXIT
failed()
{
	tail -n 20 "$log" >&2
	die "cannot install ${missing[*]}, see above and $log"
}
say "installing on this machine: ${missing[*]}"
case " ${missing[*]}" in
*-backports*)
	lists=$(as_root mktemp -d)
	as_root mkdir -p "$lists/lists/partial"
	{
		cat /etc/apt/sources.list 2> /dev/null || true
		apt_sources "$suite-backports"
	} | as_root tee "$lists/sources.list" > /dev/null
	as_root chmod 755 "$lists"
	options+=(-o "Dir::Etc::SourceList=$lists/sources.list" -o "Dir::State::Lists=$lists/lists" -o APT::Sandbox::User=root)
	;;
esac
as_root apt-get "${options[@]}" update > "$log" 2>&1 || failed
as_root apt-get "${options[@]}" --simulate install "${missing[@]}" > "$log.plan" 2>&1 || { cat "$log.plan" >> "$log"; failed; }
say "with what they depend on, $(grep -c '^Inst ' "$log.plan") packages (about 1 min):" \
	"$(sed -n 's/^Inst \([^ ]*\).*/\1/p' "$log.plan" | paste -sd' ')"
as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install "${missing[@]}" >> "$log" 2>&1 9>&- || failed
