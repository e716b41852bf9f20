#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh [--long] [NAME...]: the selftests on every kernel of the table "kernels" (or those named), with each way to
# move a line that the kernel has; two machines at a time. Closes with a table and the counts. The tests that start very
# many programs, which is slow in an emulator, run on the table's first kernel alone.
#
#	--long	instead, 100,000 presses with 8 readers on each kind of controller, and those slow tests on every kernel

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

jobs=2 long='' names=()
for arg; do
	case $arg in
	--long) long=y ;;
	-*) die "usage: check.sh [--long] [NAME...]" ;;
	*) kernel_line "$arg"; names+=("$arg") ;;
	esac
done
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(awk '!/^#/ { print $1 }' "$TOP/tests/vm/kernels")

vm=$TOP/tests/vm
results=$TOP/build/vm/results
rm -rf "$results"
mkdir -p "$results" "$TOP/build/log"

slow_tests='lifecycle.sh params.sh shell_readers.sh'
# Tests that need the host: for buttons in the device tree, and to press one while the machine sleeps.
host_tests='suspend.sh devicetree.sh'

# tests NAME STIMULUS: what is run how; nothing when the kernel lacks what the stimulus needs. Everything runs on the
# board's controller with wires. What depends on the controller, the programs in C, runs on the others too; the tests'
# chip with hard interrupts adds only what a wire cannot do: edges that merge, levels that cannot be read.
tests()
{
	local list=$TOP/build/vm/$1/tests.list

	case $2$long in
	wirey) printf '%s\n' button_irq_soak; grep -xF "${slow_tests// /$'\n'}" "$list" ;;
	nestedy) echo button_irq_soak ;;
	hosty | devtreey | asleepy | mmioy) ;;
	wire)
		if [ "$1" = "$(awk '!/^#/ { print $1; exit }' "$vm/kernels")" ]; then
			grep -vxF "${host_tests// /$'\n'}" "$list"
		else
			grep -vxF -e "${host_tests// /$'\n'}" -e "${slow_tests// /$'\n'}" "$list"
		fi
		;;
	host | mmio) echo button_irq_events ;;
	devtree) grep -xF devicetree.sh "$list" || true ;;
	asleep) grep -xF suspend.sh "$list" || true ;;
	nested) grep -v '\.sh$' "$list" ;;
	gpio-sim*)
		if [ -z "$(find "$CACHE/kernels/$1/lib/modules" -name 'gpio-sim.ko*')" ]; then
			:
		elif [ -n "$long" ]; then
			echo button_irq_soak
		else
			grep -v '\.sh$' "$list"
		fi
		;;
	esac | paste -sd,
}

# One machine: everything it prints goes to a file, one line to the terminal.
run()
{
	local name=$1 stimulus=$2 tests=$3 started=$SECONDS status=0 line out=$results/$1-$2
	local options=(--stimulus "$stimulus" --tests "$tests" --timeout 1800)

	# With buttons in the device tree, the first button is none of those that the other tests make.
	[ "$stimulus" != devtree ] || options=(--stimulus host --overlay "$vm/button.dts" --tests "$tests")
	# A machine that sleeps with no timer set hangs QEMU where idle time passes at once.
	[ "$stimulus" != asleep ] || options=(--stimulus host --realtime --tests "$tests" --timeout 600)
	if [ -n "$long" ]; then
		options+=(--env BUTTON_IRQ_SOAK=100000 --timeout 5000)
	fi
	"$vm/run.py" "$name" "${options[@]}" > "$out.out" 2>&1 || status=$?
	line=$(tail -n 1 "$out.out" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') || line='0 passed, 1 failed, 0 skipped'
	if [ "$status" != 0 ]; then
		# What failed, with what was said just before it.
		sed -n '/^# failed: /,$p' "$out.out" >&2
	fi
	printf '%-12s %-9s %4d s  %s\n' "$name" "$stimulus" "$((SECONDS - started))" "$line" | tee "$out.row"
}

"$TOP/scripts/deps.sh" vm
printf '%s\n' "${names[@]}" linux-source | xargs -P "$jobs" -n 1 "$vm/fetch.sh"
for name in "${names[@]}"; do
	kernel_line "$name"
	"$vm/rootfs.sh" "$arch"
	"$vm/build.sh" "$name"
done

say "booting ${#names[@]} kernels, $jobs machines at a time (about $([ -n "$long" ] && echo 60 || echo 12) min)"
# The longest first.
for stimulus in wire gpio-sim nested host asleep mmio devtree; do
	for name in "${names[@]}"; do
		tests=$(tests "$name" "$stimulus")
		[ -n "$tests" ] || continue
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n || true
		done
		run "$name" "$stimulus" "$tests" &
	done
done
wait

say "skipped, each as often as it was:"
sed -n 's/^# skipped: //p' "$results"/*.out | sort | uniq -c >&2
echo
cat "$results"/*.row
cat "$results"/*.row | awk '
	{ passed += $(NF - 5); failed += $(NF - 3); skipped += $(NF - 1) }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || !passed }'
