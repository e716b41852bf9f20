# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # what is set here is used by those who source it
#
# To be sourced after scripts/lib.sh: finds and checks the jumper wires on a board.

# Takes PI_CHIPS from the selftests.
eval "$(sed -n '/^PI_CHIPS=/p' "$TOP/tests/selftests/lib.sh")"

# Prints the label of the header's controller.
header()
{
	local label

	label=$(gpiodetect | sed -n 's/.*\[\(.*\)\].*/\1/p' | grep -xF "$(printf '%s\n' "${PI_CHIPS[@]}")" | head -n 1)
	[ -n "$label" ] ||
		die "found no GPIO controller of a Raspberry Pi: set OUT and IN to CHIPLABEL:OFFSET (gpiodetect lists the chips)"
	echo "$label"
}

# pin NUMBER|CHIPLABEL:OFFSET: prints the pin as CHIPLABEL:OFFSET
pin()
{
	case $1 in
	*:*) echo "$1" ;;
	*) echo "$(header):$1" ;;
	esac
}

chip_of()
{
	gpiodetect | awk -v label="[${1%:*}]" '{ name = $1; sub(/^[^ ]+ /, ""); sub(/ \([0-9]+ lines\)$/, "") }
		$0 == label { print name; exit }'
}

# wire_carries OUT IN LEVEL: drives OUT to LEVEL; true if IN follows
wire_carries()
{
	local driver level i

	gpioset -c "$(chip_of "$1")" "${1##*:}=$3" &
	driver=$!
	for ((i = 0; i < 50; i++)); do
		level=$(gpioget --numeric -c "$(chip_of "$2")" "${2##*:}") || break
		[ "$level" != "$3" ] || break
		sleep 0.02
	done
	kill "$driver" 2> /dev/null || true
	wait "$driver" 2> /dev/null || true
	[ "$level" = "$3" ]
}

check_wire()
{
	local level

	for level in 0 1 0 1; do
		wire_carries "$1" "$2" "$level" || die "$2 does not follow $1: connect these two pins with a wire, and nothing else"
	done
}

board()
{
	{ tr -d '\0' < /proc/device-tree/model || cat /sys/class/dmi/id/product_name || uname -m; } 2> /dev/null
}

# Sets pins and lines to the outputs and the inputs, after checking that wires connect them.
find_wires()
{
	"$TOP/scripts/deps.sh" hw
	pkg-config --exists 'libgpiod >= 2' ||
		die "libgpiod 2 is missing: sudo apt install libgpiod-dev gpiod (on Debian 12, from backports)"
	[ -w /dev/gpiochip0 ] || die "cannot write to /dev/gpiochip0: run this as root or as a member of the group gpio"
	pins=$(pin "${OUT:-27}") lines=$(pin "${IN:-17}")
	check_wire "$pins" "$lines"
	if [ -n "${IN2:-}" ]; then
		check_wire "$(pin "$OUT2")" "$(pin "$IN2")"
		pins+=" $(pin "$OUT2")" lines+=" $(pin "$IN2")"
	fi
	[ ! -e /sys/module/button_irq ] || die "button_irq is loaded; unload it first: sudo modprobe -r button_irq"
}
