#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The benchmark's guest side: guest.sh [--trace | --bursts | --scale] [CONTENDER...]. On gpio-sim every contender has its
# own line of the chip in bench.dts. With wires (BUTTON_IRQ_STIMULUS=wire) the contenders take turns on the first of
# BUTTON_IRQ_LINES, and bench_finger.ko moves the other ends, BUTTON_IRQ_PINS; gpio-keys also uses the second line.

set -e

# DAMON's kernel thread scans memory now and then, which would count in the figures.
[ ! -e /sys/module/damon_stat/parameters/enabled ] || echo N > /sys/module/damon_stat/parameters/enabled

only=()
if [[ ${1-} = --* ]]; then
	only=("${1#--}")
	shift
fi

# symbols NAME PATTERN: prints the matching kernel symbols, in which budget.py looks up the recorded addresses. A contender's
# modules are loaded only during its turn.
symbols()
{
	echo "----8<---- symbols $1"
	grep -i ' [tw] ' /proc/kallsyms | grep "$2" | busybox gzip | base64
	echo '----8<---- end of symbols'
}

# module NAME PARAMETERS: loads NAME.ko of this directory if there is one, else the kernel's own module
module()
{
	if [ -e "$1.ko" ]; then
		insmod "$1.ko" "${@:2}"
	else
		modprobe "$@"
	fi
}

# wired on|off CONTENDER: binds the contender to the line, or unbinds it
wired()
{
	local line=${BUTTON_IRQ_LINES%% *}

	case "$1 $2" in
	'on button_irq') insmod "$BUTTON_IRQ_KO" line="$line" ;;
	'on naive') insmod "$BUTTON_IRQ_NAIVE_KO" chip="${line%:*}" offset="${line##*:}" ;;
	'on direct') module bench_direct chip="${line%:*}" offset="${line##*:}" ;;
	'on gpio-keys') modprobe -a evdev gpio_keys ;;
	'on interrupt-cnt')
		[ ! -e counter.ko ] || module counter
		module interrupt-cnt
		module bench_counter chip="${line%:*}" offset="${line##*:}"
		;;
	'off button_irq') rmmod button_irq ;;
	'off naive') rmmod naive_button ;;
	'off direct') rmmod bench_direct ;;
	'off gpio-keys') modprobe -r gpio_keys ;;
	'off interrupt-cnt') rmmod bench_counter interrupt_cnt counter ;;
	'off sysfs')
		for line in /sys/class/gpio/gpio[0-9]*; do
			echo "${line##*gpio}" > /sys/class/gpio/unexport
		done
		;;
	esac
}

if [ "$BUTTON_IRQ_STIMULUS" = wire ]; then
	read -ra pins <<< "$BUTTON_IRQ_PINS"
	module bench_finger chip="${pins[0]%:*}" offset="$(IFS=,; echo "${pins[*]##*:}")"
	for contender; do
		wired on "$contender"
		./bench "$contender" 0 "${only[@]}"
		[ "${only[*]}" != trace ] || symbols "$contender" '\['
		wired off "$contender"
	done
else
	declare -A index=([button_irq]=0 [cdev]=1 [gpio-keys]=2 [naive]=4 [nobody]=0)
	export BUTTON_IRQ_STIMULUS=gpio-sim BUTTON_IRQ_LINES='' BUTTON_IRQ_PINS=''
	modprobe gpio-sim
	sim=$(echo /sys/devices/platform/gpio-sim/gpiochip*)
	for line in {0..31}; do
		echo pull-up > "$sim/sim_gpio$line/pull"
		BUTTON_IRQ_LINES+=" bench:$line" BUTTON_IRQ_PINS+=" $sim/sim_gpio$line"
	done
	if [ "${only[*]}" != scale ]; then
		modprobe -a gpio_keys evdev
		insmod "$BUTTON_IRQ_KO" line="$(echo bench:{0,{8..17}} | tr ' ' ,)"
		insmod "$BUTTON_IRQ_NAIVE_KO" chip=bench offset=4
	fi
	for contender; do
		./bench "$contender" "${index[$contender]}" "${only[@]}"
	done
fi
[ "${only[*]}" != trace ] || symbols kernel '^[^[]*$'
