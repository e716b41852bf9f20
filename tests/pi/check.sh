#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [BOARD...]: the driver on every emulated Raspberry Pi of raspi.py (or those named): stock kernels with their own
# device trees on the QEMU of build-qemu.sh, two machines at a time. For each board:
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
jobs=${JOBS:-2}
guest=/opt/button_irq

slow_tests='lifecycle.sh params.sh shell_readers.sh'
# These need the gate of tests/vm/run.py, to press a button while the machine sleeps, and QEMU's virt board.
host_tests='suspend.sh devicetree.sh'
# On boards that add no controller and no 64-bit kernel: what depends on the word size and on a single CPU
brief_tests='button_irq_config button_irq_events button_irq_gone button_irq_read button_irq_wait'

# button BOARD NAME: its parameters, as in config.txt behind dtoverlay=button-irq
button()
{
	case $2 in
	default) ;;
	garden) echo "gpio=$(pin "$1" garden),gpio_pull=down,active_low=0,label=garden,debounce_us=2500,debounce_mode=settle" ;;
	bare) echo "gpio=$(pin "$1" bare),gpio_pull=off,label=bare" ;;
	esac
}
buttons=(default garden bare)

# pin BOARD NAME: of a button. In mainline's trees of the oldest boards the controller keeps GPIO4 to 11 for itself.
pin()
{
	case $1,$2 in
	raspi[02]*,garden) echo 23 ;;
	raspi[02]*,bare) echo 24 ;;
	*,garden) echo 5 ;;
	*,bare) echo 6 ;;
	esac
}

read -ra known < <("$pi/raspi.py" boards)
boards=("$@")
[ ${#boards[@]} -gt 0 ] || boards=("${known[@]}")
declare -A kernel runtime_kernel overlay
for board in "${boards[@]}"; do
	[[ " ${known[*]} " == *" $board "* ]] || die "no board $board; usage: check.sh [${known[*]}]"
	kernel[$board]=$("$pi/raspi.py" kernel "$board")
	runtime_kernel[$board]=$("$pi/raspi.py" runtime_kernel "$board")
	overlay[$board]=$("$pi/raspi.py" overlay "$board")
done

# selftests BOARD
selftests()
{
	local without=${host_tests// /$'\n'}

	kernel_line "${kernel[$1]}"
	case $1 in
	raspi0 | raspi2b)
		echo "${brief_tests// /,}"
		return
		;;
	raspi3b) ;;
	# params.sh looks for the controller of the header.
	raspi5) without+=$'\n'lifecycle.sh$'\n'shell_readers.sh ;;
	*) without+=$'\n'${slow_tests// /$'\n'} ;;
	esac
	grep -vxF "$without" "$TOP/build/vm/tests-$arch/tests.list" | paste -sd,
}

# in_guest SCRIPT: options that run one of our own tests, pressed from outside; that takes the host's time
in_guest()
{
	options=(--stimulus host --realtime --timeout 300 --tests "$1"
		 --env "BUTTON_IRQ_GARDEN_PIN=$(pin "$board" garden)" --env "BUTTON_IRQ_BARE_PIN=$(pin "$board" bare)"
		 --file "$pi/pi.sh:$guest/selftests/pi.sh" --file "$pi/$1:$guest/selftests/$1")
}

# one BOARD WHAT: one machine
one()
{
	local board=$1 options button machine=("$TOP/tests/vm/run.py" "${kernel[$1]}" --board "$1")

	# 32-bit ARM stops all other CPUs to patch its text (see run.py).
	[ "$board" != raspi2b ] || machine+=(--cpus 1)
	case $2 in
	pins)
		in_guest pins.sh
		"${machine[@]}" "${options[@]}" --stimulus wire
		;;
	wire)
		"${machine[@]}" --tests "$(selftests "$board")" --timeout 1800
		;;
	overlay)
		in_guest boot_overlay.sh
		for button in "${buttons[@]}"; do
			options+=(--config "dtoverlay=${overlay[$board]},$(button "$board" "$button")")
		done
		"${machine[@]}" "${options[@]}"
		;;
	params)
		in_guest no_overlay.sh
		"${machine[@]}" "${options[@]}"
		;;
	runtime)
		in_guest runtime_overlay.sh
		# Without it the device waits forever for the pins' node, which came after its controller's driver: fw_devlink
		# takes that node for a device to come. On the other boards a node above it, /soc, has no driver, and fw_devlink
		# gives up.
		[ "$board" != raspi5 ] || options+=(--append fw_devlink=permissive)
		for button in "${buttons[@]}"; do
			options+=(--file "$TOP/build/pi/$board/$button.dtbo:$guest/overlays/$button.dtbo")
		done
		machine[1]=${runtime_kernel[$board]}
		"${machine[@]}" "${options[@]}"
		;;
	esac
}

# Everything a machine prints goes to a file, one line to the terminal.
run()
{
	local board=$1 what=$2 started=$SECONDS status=0 line out=$results/$1-$2 runs=${kernel[$1]}

	[ "$what" != runtime ] || runs=${runtime_kernel[$1]}
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
qemu=${BUTTON_IRQ_QEMU:-$("$pi/build-qemu.sh")}
mapfile -t names < <(printf '%s\n' "${kernel[@]}" "${runtime_kernel[@]}" | grep -vx none | sort -u)
printf '%s\n' "${names[@]}" linux-source | xargs -P 2 -n 1 "$TOP/tests/vm/fetch.sh"
for name in "${names[@]}"; do
	kernel_line "$name"
	"$TOP/tests/vm/rootfs.sh" "$arch"
	"$TOP/tests/vm/build.sh" "$name"
done
for board in "${boards[@]}"; do
	mkdir -p "$TOP/build/pi/$board"
	for button in "${buttons[@]}"; do
		"$pi/raspi.py" apply "$board" "$(button "$board" "$button")" "$TOP/build/pi/$board/$button.dtbo"
	done
done

say "booting ${boards[*]} on $qemu, $jobs machines at a time (about $((${#boards[@]} * 5 / 2)) min)"
# The longest first.
for what in wire overlay params runtime pins; do
	for board in "${boards[@]}"; do
		[ "$what-${runtime_kernel[$board]}" != runtime-none ] || continue
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n || true
		done
		run "$board" "$what" &
	done
done
wait

sum_up "$results"
