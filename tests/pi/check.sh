#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh [BOARD...]: the driver on an emulated Raspberry Pi 3B and 4B (or those named), which are stock kernels with
# their own device trees on the QEMU of build-qemu.sh; two machines at a time. For each board:
#
#	pins		does the board itself work? libgpiod's tools, without the driver
#	wire		the selftests, pressed through jumper wires; those that start very many programs on the 3B alone
#	overlay		buttons of the overlay, applied as the firmware does; pressed from outside, as in the next two
#	params		no overlay, buttons by module parameters
#	runtime		the overlay applied to a running kernel, and removed: Debian's can from 7.x on
#
# Closes with a table and the counts.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

pi=$TOP/tests/pi
results=$TOP/build/pi/results
kernel=6.12-arm64
overlay_kernel=7.2-arm64
jobs=${JOBS:-2}
guest=/opt/button_irq

slow_tests='lifecycle.sh params.sh shell_readers.sh'
# These need PCI, to press a button while the machine sleeps, and QEMU's virt board.
host_tests='suspend.sh devicetree.sh'

# As in config.txt, behind dtoverlay=button-irq
declare -A buttons=(
	[default]=""
	[garden]="gpio=5,gpio_pull=down,active_low=0,label=garden,debounce_us=2500,debounce_mode=settle"
	[bare]="gpio=6,gpio_pull=off,label=bare"
)

boards=("$@")
[ ${#boards[@]} -gt 0 ] || boards=(raspi3b raspi4b)
for board in "${boards[@]}"; do
	[[ $board =~ ^raspi[34]b$ ]] || die "usage: check.sh [raspi3b] [raspi4b]"
done

# selftests BOARD
selftests()
{
	local without=${host_tests// /$'\n'}

	[ "$1" = raspi3b ] || without+=$'\n'${slow_tests// /$'\n'}
	grep -vxF "$without" "$TOP/build/vm/tests-arm64/tests.list" | paste -sd,
}

# in_guest SCRIPT: options that run one of our own tests, pressed from outside; that takes the host's time
in_guest()
{
	options=(--stimulus host --realtime --timeout 300 --tests "$1"
		 --file "$pi/pi.sh:$guest/selftests/pi.sh" --file "$pi/$1:$guest/selftests/$1")
}

# one BOARD WHAT: one machine
one()
{
	local board=$1 options button

	case $2 in
	pins)
		"$pi/gpio.py" "$board" --kernel "$kernel"
		;;
	wire)
		"$TOP/tests/vm/run.py" "$kernel" --board "$board" --tests "$(selftests "$board")" --timeout 1800
		;;
	overlay)
		in_guest boot_overlay.sh
		for button in default garden bare; do
			options+=(--config "dtoverlay=button-irq,${buttons[$button]}")
		done
		"$TOP/tests/vm/run.py" "$kernel" --board "$board" "${options[@]}"
		;;
	params)
		in_guest no_overlay.sh
		"$TOP/tests/vm/run.py" "$kernel" --board "$board" "${options[@]}"
		;;
	runtime)
		in_guest runtime_overlay.sh
		for button in "${!buttons[@]}"; do
			options+=(--file "$TOP/build/pi/$button.dtbo:$guest/overlays/$button.dtbo")
		done
		"$TOP/tests/vm/run.py" "$overlay_kernel" --board "$board" "${options[@]}"
		;;
	esac
}

# Everything a machine prints goes to a file, one line to the terminal.
run()
{
	local board=$1 what=$2 started=$SECONDS status=0 line out=$results/$1-$2 runs=$kernel

	[ "$what" != runtime ] || runs=$overlay_kernel
	one "$board" "$what" > "$out.out" 2>&1 || status=$?
	line=$(tail -n 1 "$out.out" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') ||
		line='0 passed, 1 failed, 0 skipped'
	if [ "$status" != 0 ]; then
		sed -n '/^# failed: /,$p' "$out.out" >&2
		# It must not look better than it is.
		[[ $line != *", 0 failed,"* ]] || line='0 passed, 1 failed, 0 skipped'
	fi
	printf '%-8s %-11s %-8s %4d s  %s\n' "$board" "$runs" "$what" "$((SECONDS - started))" "$line" | tee "$out.row"
}

rm -rf "$results"
mkdir -p "$results" "$TOP/build/log"
"$TOP/scripts/deps.sh" vm
qemu=$("$pi/build-qemu.sh")
printf '%s\n' "$kernel" "$overlay_kernel" linux-source | xargs -P 2 -n 1 "$TOP/tests/vm/fetch.sh"
kernel_line "$kernel"
"$TOP/tests/vm/rootfs.sh" "$arch"
for name in "$kernel" "$overlay_kernel"; do
	"$TOP/tests/vm/build.sh" "$name"
done
for button in "${!buttons[@]}"; do
	"$pi/raspi.py" "${buttons[$button]}" "$TOP/build/pi/$button.dtbo"
done

say "booting ${boards[*]} on $qemu, $jobs machines at a time (about 6 min)"
# The longest first.
for what in wire overlay params runtime pins; do
	for board in "${boards[@]}"; do
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n || true
		done
		run "$board" "$what" &
	done
done
wait

sum_up "$results"
