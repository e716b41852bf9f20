# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Helpers of the tests on an emulated Raspberry Pi, to be sourced: lib.sh, and functions that press a button between a
# pin and ground (or 3.3 V) from outside. check.sh copies this file and the tests to the selftests in the guest.

# shellcheck source=../selftests/lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

platform=/sys/bus/platform/devices

# The pins of check.sh's three buttons, and their devices
# shellcheck disable=SC2034 # used by those who source this
{
	GARDEN_PIN=${BUTTON_IRQ_GARDEN_PIN:-5} BARE_PIN=${BUTTON_IRQ_BARE_PIN:-6}
	default=button-irq@11
	printf -v garden button-irq@%x "$GARDEN_PIN"
	printf -v bare button-irq@%x "$BARE_PIN"
}

# host REQUEST: sends the request to the host (see raspi.py), and prints the answer
host()
{
	local answer

	{
		flock 4
		echo "HOST $*" >&4
		read -r -t 20 -u 4 answer || fail "the host does not answer: $*"
	} 4<> "$BUTTON_IRQ_HOST_TTY"
	echo "$answer"
}

# contact PIN LEVEL: joins a pin to ground (0) or 3.3 V (1); -1 opens the contact, so that the pin follows its pull
contact()
{
	equal "contact $*" 0 "$(host set "$@")"
}

# push PIN LEVEL N FILE: presses a contact to LEVEL N times; waits for each edge's line in FILE before it makes the next edge
push()
{
	local i before=()

	[ ! -e "$4" ] || mapfile before < "$4"
	for ((i = ${#before[@]} + 1; i <= ${#before[@]} + 2 * $3; i += 2)); do
		contact "$1" "$2"
		wait_for 20 at_least_lines "$i" "$4"
		contact "$1" -1
		wait_for 20 at_least_lines $((i + 1)) "$4"
	done
}

# read_in_a_script NODE FILE: starts the README's loop in sh, with its output in FILE, and waits until it has opened the node
read_in_a_script()
{
	local before

	before=$(open_files)
	# shellcheck disable=SC2016
	sh -c 'while read -r seq time event detail; do echo $seq $time $event $detail; done < "$1"' - "/dev/$1" \
		> "$2" 2> "$2.err" &
	wait_for 20 readers $((before + 1))
}

# load_by_alias DEVICE: puts the module where modprobe finds it, and loads it by the device's modalias, as udev would
load_by_alias()
{
	local dir

	[ -e "$platform/$1" ] || fail "no device $1: $(ls $platform)"
	dir=/lib/modules/$(uname -r)
	if [ ! -e "$dir/updates/button_irq.ko" ]; then
		mkdir -p "$dir/updates"
		cp "$MODULE" "$dir/updates/"
		depmod
	fi
	modprobe "$(cat "$platform/$1/modalias")"
	is_loaded || fail "modprobe of $(cat "$platform/$1/modalias") loaded nothing"
}

# node_of DEVICE: the name of the /dev node that a platform device has
node_of()
{
	basename "$(echo "$platform/$1/button_irq"/*)"
}

# interrupts PIN: the pin's count in /proc/interrupts, summed over all CPUs; "none" if the pin has no interrupt
interrupts()
{
	# /proc/interrupts has the older controller's name, pinctrl-bcm2835, for the BCM2711 too.
	awk -v pattern="pinctrl-(bcm2835|rp1) +$1 " '
		NR == 1 { cpus = NF; next }
		$0 ~ pattern { for (i = 2; i < 2 + cpus; i++) n += $i; found++ }
		END { if (found == 1) print n; else print "none" }' /proc/interrupts
}

[ -n "${BUTTON_IRQ_HOST_TTY:-}" ] || bail_out "not an emulated Raspberry Pi: BUTTON_IRQ_HOST_TTY is not set"
# shellcheck disable=SC2034 # used by those who source this
CHIP=${LINES[0]%:*}
