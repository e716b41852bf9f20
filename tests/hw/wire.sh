# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # what is set here is used by those who source it
#
# To be sourced after scripts/lib.sh: a board, and wires from one of its pins to another.

# PI_CHIPS, as the selftests have it
eval "$(sed -n '/^PI_CHIPS=/p' "$TOP/tests/selftests/lib.sh")"

# The controller of the header, by its label
header()
{
	local label

	label=$(gpiodetect | sed -n 's/.*\[\(.*\)\].*/\1/p' | grep -xF "$(printf '%s\n' "${PI_CHIPS[@]}")" | head -n 1)
	[ -n "$label" ] || die "no Raspberry Pi's controller here: say OUT=CHIPLABEL:OFFSET IN=CHIPLABEL:OFFSET (see gpiodetect)"
	echo "$label"
}

# pin NUMBER|CHIPLABEL:OFFSET: as the tests take it
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

# wire_carries OUT IN LEVEL: does the one follow the other?
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
		wire_carries "$1" "$2" "$level" || die "$2 does not follow $1: is the wire between them, and nothing else on these pins?"
	done
}

board()
{
	{ tr -d '\0' < /proc/device-tree/model || cat /sys/class/dmi/id/product_name || uname -m; } 2> /dev/null
}

# Sets pins, lines: the outputs and the inputs, once it is seen that wires are between them
find_wires()
{
	"$TOP/scripts/deps.sh" hw
	pkg-config --exists 'libgpiod >= 2' ||
		die "needs libgpiod 2: sudo apt install libgpiod-dev gpiod (Debian 12: from backports)"
	[ -w /dev/gpiochip0 ] || die "no access to /dev/gpiochip0: be in the group gpio, or root"
	pins=$(pin "${OUT:-27}") lines=$(pin "${IN:-17}")
	check_wire "$pins" "$lines"
	if [ -n "${IN2:-}" ]; then
		check_wire "$(pin "$OUT2")" "$(pin "$IN2")"
		pins+=" $(pin "$OUT2")" lines+=" $(pin "$IN2")"
	fi
	[ ! -e /sys/module/button_irq ] || die "button_irq is loaded: sudo modprobe -r button_irq"
}
