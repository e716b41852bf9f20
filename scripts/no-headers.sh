#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# no-headers.sh RELEASE [DIRECTORY]: prints the package with the headers of a kernel; with the directory in which they are
# missing, says what to do about that, and fails.

release=$1 kdir=$2
list=$(dirname "$0")/../userspace/button-irq/kernel-headers.h

package()
{
	sed -n 's/^HEADERS("\(.*\)", "\(.*\)")$/\1 \2/p' "$list" | while read -r pattern name; do
		# shellcheck disable=SC2254 # a pattern it is
		case $release in
		$pattern)
			echo "$name" | sed "s/RELEASE/$release/"
			break
			;;
		esac
	done
}

# What is behind a release's numbers: +rpt-rpi-v8, arm64, raspi
flavour()
{
	echo "$1" | sed 's/^[0-9.-]*//'
}

# Another kernel of the same flavour whose headers are there: an upgrade installs both, and the old kernel runs on.
newer()
{
	for dir in "${kdir%/*/build}"/*/build; do
		other=${dir%/build}
		other=${other##*/}
		[ -e "$dir/Makefile" ] && [ "$(flavour "$other")" = "$(flavour "$release")" ] && echo "$other"
	done | tail -n 1
}

if [ -z "$kdir" ]; then
	package
	exit
fi
{
	echo "button_irq: no headers for kernel $release ($kdir is missing)."
	upgraded=
	[ "$release" != "$(uname -r)" ] || upgraded=$(newer)
	if [ -n "$upgraded" ]; then
		echo "Headers of $upgraded are installed, but kernel $release still runs. Start the new one:"
		echo
		echo "  sudo reboot"
	else
		echo "Install them:"
		echo
		echo "  sudo apt install $(package)"
		echo
		echo "If apt does not find that package, this kernel is older than the archive:"
		echo "sudo apt full-upgrade, sudo reboot, and try again."
	fi
} >&2
exit 1
