#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deps.sh TARGET...: installs the Debian packages that targets need on this machine and that are missing. When nothing is
# missing, nothing is asked of the network. A package written NAME/SUITE-backports comes from backports, which this
# script alone sees: the machine's own apt sources stay as they are.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

packages()
{
	case $1 in
	vm)	# build roots, the guests' userland, QEMU
		echo mmdebstrap debian-archive-keyring cpio xz-utils kmod python3 git device-tree-compiler
		echo qemu-system-arm
		;;
	static)
		packages vm
		echo shellcheck codespell pyflakes3 perl
		;;
	unit)
		echo gcc libc6-dev make clang llvm libclang-rt-14-dev python3
		# 32-bit programs; gcc-multilib does not go with the cross compilers
		[ "$HOSTARCH" != amd64 ] || echo libc6-dev-i386 lib32gcc-12-dev
		;;
	packages)	# build roots, and a machine of this architecture
		echo mmdebstrap debian-archive-keyring e2fsprogs
		case $HOSTARCH in
		amd64) echo qemu-system-x86 ;;
		*) echo qemu-system-arm ;;
		esac
		;;
	hw)	# on the board itself, whose packages' suite may have no libgpiod 2
		echo mmdebstrap debian-archive-keyring xz-utils gcc libc6-dev make pkgconf rsync
		case $(. /etc/os-release && echo "$VERSION_CODENAME") in
		bookworm) echo libgpiod-dev/bookworm-backports gpiod/bookworm-backports ;;
		*) echo libgpiod-dev gpiod ;;
		esac
		;;
	dt)
		echo device-tree-compiler dt-schema python3
		;;
	python)	# builds the Python package, installs it as its README says, checks its types
		echo python3-pip python3-setuptools python3-wheel python3-venv mypy
		;;
	pi)	# QEMU from source; its build wants a newer meson than bookworm's
		packages vm
		echo gcc libc6-dev make dpkg-dev patch ninja-build python3-venv pkgconf
		echo libglib2.0-dev libfdt-dev zlib1g-dev
		case $(. /etc/os-release && echo "$VERSION_CODENAME") in
		bookworm) echo meson/bookworm-backports ;;
		*) echo meson ;;
		esac
		;;
	*)
		die "no target $1"
		;;
	esac
}

[ $# -gt 0 ] || die "usage: deps.sh vm|static|unit|dt..."

mapfile -t wanted < <(for target; do packages "$target"; done | tr ' ' '\n' | sort -u)
mapfile -t missing < <(
	for package in "${wanted[@]}"; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "${package%/*}" 2> /dev/null) || true
		[ "$status" = installed ] || echo "$package"
	done)
[ ${#missing[@]} -gt 0 ] || exit 0

say "installing ${missing[*]} (about 1 min)"
options=(-q -y --no-install-recommends)
case " ${missing[*]}" in
*-backports*)
	mkdir -p "$CACHE/apt/lists/partial"
	{
		cat /etc/apt/sources.list 2> /dev/null || true
		# shellcheck disable=SC1091
		apt_sources "$(. /etc/os-release && echo "$VERSION_CODENAME")-backports"
	} > "$CACHE/apt/sources.list"
	options+=(-o "Dir::Etc::SourceList=$CACHE/apt/sources.list" -o "Dir::State::Lists=$CACHE/apt/lists"
		  -o APT::Sandbox::User=root)
	;;
esac
log=$CACHE/apt.log
mkdir -p "$CACHE"
if ! { as_root apt-get "${options[@]}" update &&
       as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install "${missing[@]}"; } > "$log" 2>&1; then
	tail -n 20 "$log" >&2
	die "cannot install ${missing[*]}, see above and $log"
fi
