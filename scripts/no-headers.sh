#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# no-headers.sh RELEASE: prints the name of the Debian package that has the headers of kernel RELEASE.
# no-headers.sh RELEASE DIRECTORY: the headers are missing in DIRECTORY. Prints how to install them, and fails.

release=$1 kdir=$2
list=$(dirname "$0")/../userspace/button-irq/kernel-headers.h

package()
{
	sed -n 's/^HEADERS("\(.*\)", "\(.*\)")$/\1 \2/p' "$list" | while read -r pattern name; do
		# shellcheck disable=SC2254 # $pattern is meant as a pattern
		case $release in
		$pattern)
			echo "$name" | sed "s/RELEASE/$release/"
			break
			;;
		esac
	done
}

# flavour RELEASE: prints what follows the numbers of a release: +rpt-rpi-v8, arm64, raspi
flavour()
{
	echo "$1" | sed 's/^[0-9.-]*//'
}

# Prints the last kernel of the same flavour whose headers are installed. After an upgrade, that is the new kernel, while the
# old one still runs.
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
		echo "If apt does not find that package, the archive has only a newer kernel."
		echo "Install and start that one, then try again:"
		echo
		echo "  sudo apt full-upgrade"
		echo "  sudo reboot"
	fi
} >&2
exit 1
