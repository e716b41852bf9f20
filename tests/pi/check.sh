#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [BOARD...]: tests the driver on every emulated Raspberry Pi of raspi.py (or those named): stock kernels with their
# own device trees on the QEMU of build-qemu.sh, two machines at a time. The ways to test; raspi.py says which kernels of a
# board are tested in which:
#
#	wire		the selftests, pressed through jumper wires: nearly all on the 3B and the 5, fewer on the others
#	storm		interrupt storms on a controller with nested interrupts, which must leave a busy task its CPU
#	params		the board without the driver, by libgpiod's tools; then buttons from module parameters
#	overlay		buttons of the overlay, applied as the firmware does; pressed from outside, as in params
#	runtime		the overlay applied to a running kernel and removed: possible with Debian's kernels from 7.x on
#	devtree		buttons of a device tree, valid and invalid ones
#	asleep		suspend to idle
#
# Prints a table of the machines and the counts at the end.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

pi=$TOP/tests/pi
results=$TOP/build/pi/results
jobs=${JOBS:-2}
guest=/opt/button_irq

# Selftests that are not part of "wire" on any board. suspend.sh and devicetree.sh are ways of their own. The others do not
# depend on the controller, word size or number of CPUs, and start very many programs, which takes minutes in an emulator:
# make check-vm runs them.
left_out='compare.sh devicetree.sh lifecycle.sh naive.sh shell_readers.sh suspend.sh'
brief_tests='button_irq_config,button_irq_events,button_irq_gone,button_irq_read,button_irq_wait'

# button BOARD NAME: the button's parameters, as they follow dtoverlay=button-irq in config.txt
button()
{
	case $2 in
	default) ;;
	garden) echo "gpio=$(pin "$1" garden),gpio_pull=down,active_low=0,label=garden,debounce_us=2500,debounce_mode=settle" ;;
	bare) echo "gpio=$(pin "$1" bare),gpio_pull=off,label=bare" ;;
	esac
}
buttons=(default garden bare)

# pin BOARD NAME: a button's pin. In mainline's trees of the older boards the pin controller's own node claims GPIO4 to 11.
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
for board in "${boards[@]}"; do
	[[ " ${known[*]} " == *" $board "* ]] || die "no board $board; usage: check.sh [${known[*]}]"
done
mapfile -t plan < <("$pi/raspi.py" plan "${boards[@]}")

# selftests BOARD: the selftests that "wire" runs
selftests()
{
	case $1 in
	raspi0 | raspi2b) echo "$brief_tests" ;;
	raspi4b) echo "$brief_tests,params.sh,tracepoints.sh" ;;
	*) grep -vxF "${left_out// /$'\n'}" "$TOP/build/vm/tests-$arch/tests.list" | paste -sd, ;;
	esac
}

# our_tests SCRIPT...: adds options that run tests of this directory
our_tests()
{
	local script

	options+=(--tests "$(printf '%s\n' "$@" | paste -sd,)" --file "$pi/pi.sh:$guest/selftests/pi.sh"
		  --env "BUTTON_IRQ_GARDEN_PIN=$(pin "$board" garden)" --env "BUTTON_IRQ_BARE_PIN=$(pin "$board" bare)")
	for script; do
		options+=(--file "$pi/$script:$guest/selftests/$script")
	done
}

# one BOARD KERNEL WAY: boots one machine
one()
{
	local board=$1 kernel=$2 options=() button

	kernel_line "$kernel"
	# 32-bit ARM stops all other CPUs to patch its text (see run.py).
	[ "$board" != raspi2b ] || options+=(--cpus 1)
	# These tests press from outside, which needs guest time to pass as host time does.
	[[ ! $3 =~ ^(params|overlay|runtime)$ ]] || options+=(--stimulus host --realtime)
	case $3 in
	wire)
		options+=(--timeout 1800)
		case $arch in
		arm64) options+=(--tests "$(selftests "$board")") ;;
		*) our_tests wrap.sh; options+=(--tests "$(selftests "$board"),wrap.sh") ;;
		esac
		;;
	storm)
		options+=(--stimulus nested --tests button_irq_storm --env BUTTON_IRQ_STORM_MS=60 --timeout 1800)
		;;
	params)
		our_tests pins.sh no_overlay.sh
		# pins.sh also needs a wire.
		options+=(--stimulus wire)
		;;
	overlay)
		our_tests boot_overlay.sh
		options+=(--overlay "$pi/function.dts")
		for button in "${buttons[@]}"; do
			options+=(--config "dtoverlay=$("$pi/raspi.py" overlay "$board"),$(button "$board" "$button")")
		done
		;;
	runtime)
		our_tests runtime_overlay.sh
		# Without this parameter the button's device waits forever for its pin node: the overlay adds that node after the
		# pin controller's driver was bound, and fw_devlink takes it for a device that is still to be probed. On the other
		# boards the node's ancestor /soc has no driver, so fw_devlink does not wait.
		[ "$board" != raspi5 ] || options+=(--append fw_devlink=permissive)
		for button in "${buttons[@]}"; do
			options+=(--file "$TOP/build/pi/$board/$button.dtbo:$guest/overlays/$button.dtbo")
		done
		;;
	devtree)
		options+=(--stimulus host --cpus 1 --overlay "$TOP/tests/vm/button.dts" --tests devicetree.sh)
		;;
	asleep)
		options+=(--stimulus host --realtime --tests suspend.sh)
		;;
	esac
	"$TOP/tests/vm/run.py" "$kernel" --board "$board" "${options[@]}"
}

# run BOARD KERNEL WAY: everything that the machine prints goes to a file, one line of result to the terminal
run()
{
	local started=$SECONDS status=0 line out=$results/$1-$2-$3

	one "$@" > "$out.out" 2>&1 || status=$?
	line=$(tail -n 1 "$out.out" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') ||
		line='0 passed, 1 failed, 0 skipped'
	if [ "$status" != 0 ]; then
		sed -n '/^# failed: /,$p' "$out.out" >&2
		# run.py failed, so the machine counts as a failure even if no test failed.
		[[ $line != *", 0 failed,"* ]] || line='0 passed, 1 failed, 0 skipped'
	fi
	printf '%-8s %-11s %-8s %4d s  %s\n' "$@" "$((SECONDS - started))" "$line" | tee "$out.row"
}

rm -rf "$results"
mkdir -p "$results" "$TOP/build/log"
"$TOP/scripts/deps.sh" vm
qemu=${BUTTON_IRQ_QEMU:-$("$pi/build-qemu.sh")}
mapfile -t names < <(printf '%s\n' "${plan[@]}" | cut -d ' ' -f 2 | sort -u)
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

say "booting ${boards[*]} on $qemu: ${#plan[@]} machines, $jobs at a time (about $((${#boards[@]} * 5 / 2)) min)"
for line in "${plan[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n || true
	done
	# shellcheck disable=SC2086 # words
	run $line &
done
wait

sum_up "$results"
