#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [--slow | --long | --debug | --debug-slow] [NAME...]: runs the selftests on every kernel of the table "kernels",
# or on the kernels named, in each way that the table's column TESTS lists; two machines at a time. The last lines are a
# table of the machines and the counts. The ways:
#
#	wire		all programs but those of shell, storm-*, hostile, asleep and devtree, on the board's controller with
#			wires from outputs to the lines under test
#	some, rt	the programs of "wire" that take least time; rt adds the tracepoints, which show what runs in hard IRQ
#	smp		the programs of "wire" and hostile readers, without the tests of settings, on two CPUs. Most other
#			ways have one CPU: with -icount two CPUs take turns, and a CPU that waits for the other uses up its
#			turn, which makes a machine up to five times as slow
#	shell		the slow programs: those that start very many processes, and comparisons with other drivers
#	compat		32-bit programs on a 64-bit kernel: tests that pass data to and from the kernel
#	gpio-sim, nested	the tests that depend on the controller, on gpio-sim and on the tests' chip with nested interrupts
#	nested-slow	like nested, but each transfer over the bus takes 400 us: without the flood and the key; with many
#			presses, and with drivers, controllers and readers that come and go
#	thread, bus-lock	events only, on the tests' chip: handlers that run in a thread, or in hard IRQ behind a bus lock
#	controllers	the test that loads the tests' chip as one kind of controller after another
#	storm-*		interrupt storms
#	mmio, host	events only. mmio: the tests' chip with hard interrupts, which can merge edges and fail to read a level,
#			as a wire cannot. host: the host moves the lines
#	asleep, devtree	suspend to idle; buttons in the device tree, on debug kernels with failing allocations too
#	params		only the module parameters of "shell"
#	brief, hostile	the programs that take least time on debug kernels; hostile readers
#	faults, life-*	each allocation fails once; drivers, controllers and readers come and go
#	fuzz		random system calls, guided by the code that they reach in the driver
#	pairs-*		every pair of {bind, load, fail to load, remove the controller, set, suspend, open}, from two processes at
#			the same time
#	races-*		on kernels that detect data races: a flood of edges on two CPUs that run at the same time; races-wire has
#			readers and more, too
#
#	--slow		only the ways in the column SLOW, which take too long for make check
#	--debug		only the debug kernels of tests/debug
#	--debug-slow	likewise, in the ways in the column SLOW of their table
#	--long		only 100,000 presses with 8 readers, on several kinds of controller; 10 million edges as fast as they
#			come; and 10 million random calls

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

jobs=2 what=table names=()
for arg; do
	case $arg in
	--slow | --long | --debug | --debug-slow) what=${arg#--} ;;
	-*) die "usage: check.sh [--slow | --long | --debug | --debug-slow] [NAME...]" ;;
	*) kernel_line "$arg"; names+=("$arg") ;;
	esac
done
table=$TOP/tests/vm/kernels
[[ $what != debug* ]] || table=$TOP/tests/debug/kernels
if [ ${#names[@]} = 0 ]; then
	mapfile -t names < <(awk '!/^#/ { print $1 }' "$table")
	# The newest kernel and one debug kernel are enough.
	[ "$what" != long ] || names=("${names[0]}" debug-a)
fi

vm=$TOP/tests/vm
results=$TOP/build/vm/results/$what
rm -rf "$results"
mkdir -p "$results" "$TOP/build/log"

slow_tests=(compare.sh lifecycle.sh naive.sh params.sh shell_readers.sh tracepoints.sh)
# Programs that "wire" leaves out: the slow ones; those that need the host, to press a button while the machine sleeps, or a
# button of the device tree; and storms
apart=("${slow_tests[@]}" suspend.sh devicetree.sh button_irq_storm)

# tests ARCH WAY: names of tests
tests()
{
	local list=$TOP/build/vm/tests-$1/tests.list

	case $2 in
	wire) grep -vxF "$(printf '%s\n' "${apart[@]}" button_irq_hostile)" "$list" ;;
	some) printf 'button_irq_%s\n' config events gone read wait ;;
	brief) printf 'button_irq_%s\n' events gone read wait ;;
	hostile) echo button_irq_hostile ;;
	rt) tests "$1" some; echo tracepoints.sh ;;
	smp) grep -vxF "$(printf '%s\n' "${apart[@]}" button_irq_config)" "$list" ;;
	gpio-sim | nested) printf 'button_irq_%s\n' events flood gone key read wait ;;
	shell) printf '%s\n' "${slow_tests[@]}" ;;
	compat) printf 'button_irq_%s\n' config gone iov read wait ;;
	storm-*) echo button_irq_storm ;;
	nested-slow) printf 'button_irq_%s\n' events gone lifetime read soak wait ;;
	controllers) echo button_irq_controllers ;;
	host | mmio | thread | bus-lock) echo button_irq_events ;;
	devtree) echo devicetree.sh; [[ $what != debug* ]] || tests "$1" faults ;;
	asleep) echo suspend.sh ;;
	soak-*) echo button_irq_soak ;;
	flood-*) echo button_irq_flood ;;
	params) echo params.sh ;;
	faults) echo button_irq_faults ;;
	races-wire) printf 'button_irq_%s\n' flood gone read readers wait ;;
	# The levels of these controllers cannot be read in hard IRQ: the thread samples the line instead. The host may stop one
	# CPU for over 1 ms, so that an edge comes after the second sample, which has then inferred the edge's change already.
	# Hence only tests that compare nothing but counts.
	races-*) echo button_irq_flood ;;
	fuzz | fuzz-long) echo button_irq_fuzz ;;
	life-*) echo button_irq_lifetime ;;
	pairs-*) echo button_irq_pairs ;;
	*) die "unknown way to test: $2 (in tests/vm/kernels or tests/debug/kernels)" ;;
	esac | paste -sd,
}

# run NAME WAY: boots one machine. Everything that it prints goes to a file, one line of result to the terminal.
run()
{
	local name=$1 way=$2 started=$SECONDS status=0 line out=$results/$1-$2 options=(--timeout 1800) userland cpus=1

	# In case a command below ends this function: a machine without a result has failed.
	printf '%-11s %-9s %4d s  0 passed, 1 failed, 0 skipped\n' "$name" "$way" 0 > "$out.row"
	kernel_line "$name"
	userland=$arch
	case $way in
	# More edges than the 100,000 unconfirmed interrupts after which genirq disables a line.
	smp) cpus=2 options+=(--stimulus wire --env BUTTON_IRQ_EDGES=250000) ;;
	compat) userland=armhf options+=(--stimulus wire --userland armhf) ;;
	# Rounds of lifecycle.sh: the slow level has time for more.
	shell)
		declare -A rounds=([table]=25 [slow]=100 [debug-slow]=5)
		options+=(--stimulus wire --env "BUTTON_IRQ_ROUNDS=${rounds[$what]}")
		;;
	some | rt | params | brief | hostile | faults) options+=(--stimulus wire) ;;
	controllers) options+=(--stimulus wire --env "BUTTON_IRQ_STEP_US=$([ "$flavour" != a ] || echo 1500)") ;;
	nested-slow) options+=(--stimulus nested-slow --env BUTTON_IRQ_ROUNDS=25) ;;
	# See tests/debug/README.md.
	fuzz)
		declare -A calls=([debug]=10000 [debug-slow]=100000)
		options+=(--stimulus wire --env "BUTTON_IRQ_FUZZ=${calls[$what]}")
		;;
	# Without slab poisoning, leak detection and debug objects, which take nine tenths of the time
	fuzz-long)
		options+=(--stimulus wire --env BUTTON_IRQ_FUZZ=10000000 --env BUTTON_IRQ_FUZZ_KEEP=1
			  --append "slab_debug=- kmemleak=off no_debug_objects")
		;;
	races-*) options+=(--stimulus "${way#races-}") ;;
	# iomem=relaxed lets a test write to the controller's registers. Debug kernels' sanitizers take CPU time, so less progress
	# is required there.
	storm-*)
		declare -A percent=([a]=30 [b]=80)
		options+=(--stimulus "${way#storm-}" --append iomem=relaxed
			  --env "BUTTON_IRQ_STORM_PERCENT=${percent[$flavour]:-}")
		;;
	# A round takes up to 10 s on debug-a, 0.2 s on debug-b. tests/debug/README.md explains how to set rounds and seed.
	life-*) options+=(--stimulus "${way#life-}" --env "BUTTON_IRQ_ROUNDS=$([ "$what-$flavour" = debug-a ] && echo 10 || echo 50)") ;;
	# The two processes of a pair run at the same time.
	pairs-*)
		declare -A rounds=([table]=40 [slow]=200 [debug]=20 [debug-slow]=50)
		cpus=2 options+=(--stimulus "${way#pairs-}" --realtime --env "BUTTON_IRQ_PAIR_ROUNDS=${rounds[$what]}")
		;;
	# Other tests expect that the first button is the one they create, so they cannot run beside buttons in the device tree.
	devtree) options+=(--stimulus host --overlay "$vm/button.dts") ;;
	# --realtime: where idle time passes at once, a machine that sleeps without a timer hangs QEMU.
	asleep) cpus=2 options+=(--stimulus host --realtime) ;;
	# With two CPUs the writer has a CPU for itself, so the driver's thread falls behind.
	flood-smp) cpus=2 options=(--stimulus wire --env BUTTON_IRQ_EDGES=10000000 --timeout 10000) ;;
	flood-*) options=(--stimulus "${way#flood-}" --env BUTTON_IRQ_EDGES=10000000 --timeout 10000) ;;
	soak-*) cpus=2 options=(--stimulus "${way#soak-}" --env BUTTON_IRQ_SOAK=100000 --timeout 5000) ;;
	*) options+=(--stimulus "$way") ;;
	esac
	case $suite-$flavour in
	debug-a)
		cp "$TOP/build/vm/$name/button_irq.gcno" "$out.gcno"
		declare -A patience=([shell]=6000 [fuzz-long]=14000)
		options+=(--coverage "$out.gcda" --timeout "${patience[$way]:-2400}")
		;;
	# A race between CPUs needs CPUs that run at the same time. One CPU shows races between a task and an interrupt, with
	# delays (in us) that are short enough for the tests' deadlines.
	debug-b)
		options+=(--timeout 2400)
		case $way in
		races-* | life-*) cpus=2 options+=(--realtime) ;;
		*) options+=(--append "kcsan.udelay_task=5 kcsan.udelay_interrupt=2") ;;
		esac
		;;
	esac
	"$vm/run.py" "$name" "${options[@]}" --cpus "$cpus" --tests "$(tests "$userland" "$way")" > "$out.out" 2>&1 || status=$?
	line=$(tail -n 1 "$out.out" | grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped') || line='0 passed, 1 failed, 0 skipped'
	if [ "$status" != 0 ]; then
		# Print each failed test with the lines before it.
		grep -B 15 '^ *not ok' "$out.out" | head -n 100 >&2 || true
		sed -n '/^# failed: /,$p' "$out.out" >&2
	fi
	printf '%-11s %-9s %4d s  %s\n' "$name" "$way" "$((SECONDS - started))" "$line" | tee "$out.row"
}

# Prints what to run, the longest first: lines of WAY NAME
plan()
{
	local name way

	for way in fuzz-long soak-wire soak-nested soak-gpio-sim soak-host flood-wire flood-gpio-sim flood-smp shell nested-slow controllers \
		faults fuzz params brief some thread bus-lock \
		hostile asleep smp rt wire races-wire races-gpio-sim races-nested storm-wire storm-gpio-sim gpio-sim nested compat \
		pairs-gpio-sim pairs-nested life-gpio-sim life-nested life-mmio host devtree mmio; do
		for name in "${names[@]}"; do
			kernel_line "$name"
			case $what,$way in
			table,* | debug,*) [[ ,$ways, != *,$way,* ]] || echo "$way $name" ;;
			slow,* | debug-slow,*) [[ ,$slow_ways, != *,$way,* ]] || echo "$way $name" ;;
			long,fuzz-long) [[ $name != debug-a ]] || echo "$way $name" ;;
			long,soak-* | long,flood-*) [[ $name == debug-* ]] || echo "$way $name" ;;
			esac
		done
	done
}

"$TOP/scripts/deps.sh" vm
printf '%s\n' "${names[@]}" linux-source | xargs -P "$jobs" -n 1 "$vm/fetch.sh"
mapfile -t planned < <(plan)
userlands=$(for name in "${names[@]}"; do
	kernel_line "$name"
	echo "$arch"
	[[ ,$ways, != *,compat,* ]] || echo armhf
done | sort -u)
# shellcheck disable=SC2086 # words
{
	printf '%s\n' $userlands | xargs -n 1 "$vm/rootfs.sh"
	[[ " ${names[*]} " != *" debug-"* ]] || printf '%s\n' $userlands | xargs -n 1 "$TOP/tests/debug/rootfs.sh"
	printf '%s\n' $userlands | xargs -P "$jobs" -n 1 "$vm/build.sh" tests
}
printf '%s\n' "${names[@]}" | xargs -P "$jobs" -n 1 "$vm/build.sh"

declare -A minutes=([table]=8 [slow]=25 [long]=90 [debug]=10 [debug-slow]=60)
say "booting ${#planned[@]} machines, $jobs at a time (about ${minutes[$what]} min)"
asleep=
for line in "${planned[@]}"; do
	# The machine that suspends is idle most of the time: it does not count as one of the $jobs machines.
	while [ "$(jobs -rp | grep -cvxF "$asleep")" -ge "$jobs" ]; do
		wait -n || true
	done
	read -r way name <<< "$line"
	run "$name" "$way" &
	[ "$way" != asleep ] || asleep=$!
done
wait

sum_up "$results"
