#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# /init of the test machines: sets the machine up, runs the tests as the kernel's kselftest runner does, prints the
# kernel log and turns the machine off. What to run is in /run.conf, which run.py writes:
#
#	STIMULUS	wire, host, gpio-sim, none, or a kind of the tests' own chip: nested, nested-slow, differential, mmio,
#			thread, bus-lock
#	LINES		the board's lines under test
#	WIRE_PINS	the outputs that are wired to these lines
#	HOST_PINS	the pins of these lines, as the host names them
#	ENVIRONMENT	NAME=VALUE ... for the tests
#	HOST_TTY	the serial port for requests to the host, on a Raspberry Pi
#	TESTS		names of selftests
#	COMMAND		a shell command to run instead of them

export PATH=/opt/button_irq:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 TERM=linux

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ip link set lo up 2> /dev/null

# No kernel messages on the console, where they would cut KTAP lines in two: finish() prints the log.
dmesg -n 1
cd /opt/button_irq || exit

# shellcheck disable=SC1091 # written by run.py
. /run.conf

# For debug kernels (tests/debug). KCSAN looks for data races only once the kernel has booted. kmemleak reports objects that
# are some seconds old and to which nothing points any more. gcov has counted which lines of the driver ran.
debug_races()
{
	[ -e /sys/kernel/debug/kcsan ] || return
	echo on > /sys/kernel/debug/kcsan
}

debug_leaks()
{
	[ -e /sys/kernel/debug/kmemleak ] || return
	rmmod button_irq 2> /dev/null
	for _ in 1 2 3; do
		sleep 6
		echo scan > /sys/kernel/debug/kmemleak
	done
	cat /sys/kernel/debug/kmemleak
}

debug_coverage()
{
	find /sys/kernel/debug/gcov -name '*button_irq.gcda' -exec base64 {} + 2> /dev/null
}

finish()
{
	echo "----8<---- kernel log"
	dmesg -n 1
	dmesg
	debug_leaks
	echo "----8<---- end of kernel log"
	debug_coverage
	sync
	# A Raspberry Pi's CPU loops after it has turned the power off. With --exact that loop would keep QEMU from ending, so
	# the host first gives up QEMU's real-time priorities.
	[ -z "$HOST_TTY" ] || { echo "HOST off" >&3; read -r _ <&3; } 3<> "$HOST_TTY"
	busybox poweroff -f
}

# gpio-sim in the guest: one chip with eight lines, pulled up like a button's line.
setup_gpio_sim()
{
	local dir=/sys/kernel/config/gpio-sim/button_irq line dev chip

	modprobe gpio-sim || return
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	mkdir -p "$dir/bank0" && echo 8 > "$dir/bank0/num_lines" && echo button-sim > "$dir/bank0/label" || return
	for line in 0 1 2 3 4 5 6 7; do
		mkdir "$dir/bank0/line$line" && echo "SIM$line" > "$dir/bank0/line$line/name" || return
	done
	echo 1 > "$dir/live" || return
	dev=/sys/devices/platform/$(cat "$dir/dev_name") chip=$(cat "$dir/bank0/chip_name")
	for line in 0 1 2 3 4 5 6 7; do
		echo pull-up > "$dev/$chip/sim_gpio$line/pull"
	done
	export BUTTON_IRQ_LINES="button-sim:4 button-sim:5" BUTTON_IRQ_PINS="$dev/$chip/sim_gpio4 $dev/$chip/sim_gpio5"
}

# The host drives the board's lines at the tests' request (see run.py).
setup_host()
{
	export BUTTON_IRQ_LINES=$LINES BUTTON_IRQ_PINS=$HOST_PINS
}

# QEMU wires outputs of the board's controller to the lines under test; run.py says which.
setup_wire()
{
	export BUTTON_IRQ_LINES=$LINES BUTTON_IRQ_PINS=$WIRE_PINS
}

# The tests' own GPIO chip has wires between its lines; tests/modules/button_irq_test_chip.c explains its parameters.
setup_chip()
{
	insmod /opt/button_irq/modules/button_irq_test_chip.ko "$@" || return
	export BUTTON_IRQ_LINES="button-irq-test:4 button-irq-test:5" BUTTON_IRQ_PINS="button-irq-test:0 button-irq-test:1"
	BUTTON_IRQ_STIMULUS=wire
}

setup_nested() { setup_chip delivery=nested; }
setup_nested_slow() { setup_chip delivery=nested bus_us=400; }
setup_differential() { setup_chip delivery=nested differential=1 bus_us=400; }
setup_mmio() { setup_chip delivery=hard; }
setup_thread() { setup_chip delivery=thread; }
setup_bus_lock() { setup_chip delivery=bus-lock bus_us=400; }

# The two PCI devices for requests to the host, ivshmem and pvpanic; and the RP1, whose drivers udev would load.
for dev in /sys/bus/pci/devices/*; do
	[ -e "$dev" ] || continue
	case $(cat "$dev/vendor" "$dev/device" | paste -sd:) in
	0x1af4:0x1110) export BUTTON_IRQ_HOST_SHM=$dev/resource2; echo 1 > "$dev/enable" ;;
	0x1b36:0x0011) export BUTTON_IRQ_HOST_CALL=$dev/resource0; echo 1 > "$dev/enable" ;;
	# tests/pi/patched.sh puts a patched driver there.
	0x1de4:0x0001) modprobe rp1_pci; insmod modules/pinctrl-rp1.ko 2> /dev/null || modprobe pinctrl-rp1 ;;
	esac
done

# Set the time if the board has no clock or the kernel does not read it: near the epoch, CLOCK_REALTIME would look like
# CLOCK_MONOTONIC.
[ "$(date +%Y)" -gt 1970 ] || date -s 2026-01-01 > /dev/null

# The port for requests to the host, on a Raspberry Pi. A process holds the port open, so that it keeps the settings made here.
# poweroff needs the watchdog's driver on these boards. The tests use two of the CPUs, as on virt: on each further CPU the
# kernel would allocate per-CPU memory, which tests would take for a leak.
if [ -n "$HOST_TTY" ]; then
	taskset -cp 0,1 $$ > /dev/null
	modprobe bcm2835_wdt
	stty -F "$HOST_TTY" raw -echo
	sleep infinity 9< "$HOST_TTY" &
	echo > "$HOST_TTY"	# ends the line of junk that the kernel sent when it probed the port
	export BUTTON_IRQ_HOST_TTY=$HOST_TTY
fi

# Runs tests as the kernel's kselftest runner does: exit code 4 is a skip; the file "settings" may set timeout=SECONDS, which is
# 45 by default.
run_tests()
{
	local number=0 name timeout=45 rc

	# shellcheck source=../selftests/settings
	[ -r selftests/settings ] && . selftests/settings
	# shellcheck disable=SC2086 # a list of names
	set -- $TESTS
	echo "TAP version 13"
	echo "1..$#"
	cd selftests || return
	for name; do
		number=$((number + 1))
		echo "# selftests: button_irq: $name"
		timeout --foreground --kill-after=10 "$timeout" stdbuf -oL "./$name" 2>&1 < /dev/null | sed -u 's/^/  /'
		rc=${PIPESTATUS[0]}
		case $rc in
		0) echo "ok $number selftests: button_irq: $name" ;;
		4) echo "ok $number selftests: button_irq: $name # SKIP" ;;
		124|137) echo "not ok $number selftests: button_irq: $name # TIMEOUT $timeout seconds" ;;
		*) echo "not ok $number selftests: button_irq: $name # exit=$rc" ;;
		esac
	done
}

debug_races
BUTTON_IRQ_STIMULUS=$STIMULUS
BUTTON_IRQ_KO=/opt/button_irq/button_irq.ko
BUTTON_IRQ_TEST_CHIP_KO=/opt/button_irq/modules/button_irq_test_chip.ko
BUTTON_IRQ_NAIVE_KO=/opt/button_irq/modules/naive_button.ko
BUTTON_IRQ_HOST_PINS=$HOST_PINS
export BUTTON_IRQ_HOST_PINS
export BUTTON_IRQ_STIMULUS BUTTON_IRQ_KO BUTTON_IRQ_TEST_CHIP_KO BUTTON_IRQ_NAIVE_KO
# shellcheck disable=SC2086,SC2163 # a list of settings
[ -z "$ENVIRONMENT" ] || export $ENVIRONMENT
if [ "$STIMULUS" != none ] && ! "setup_${STIMULUS//-/_}"; then
	echo "Bail out! no stimulus $STIMULUS"
elif [ -n "$COMMAND" ]; then
	setsid -c bash -c "$COMMAND" < /dev/console
	echo "----8<---- exit code $?"
else
	run_tests
fi
finish
