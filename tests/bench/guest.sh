#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The benchmark's guest side: guest.sh [--trace | --bursts] [CONTENDER...]. Every contender has a line of its own of the
# gpio-sim chip in bench.dts; all of them are there, whichever are measured. With wires (BUTTON_IRQ_STIMULUS=wire) they
# take turns on the first of BUTTON_IRQ_LINES instead; gpio-keys has the second one, too.

set -e

# A kernel thread that looks at memory now and then, which is not what is measured
[ ! -e /sys/module/damon_stat/parameters/enabled ] || echo N > /sys/module/damon_stat/parameters/enabled

only=()
if [[ ${1-} = --* ]]; then
	only=("${1#--}")
	shift
fi

# wired on|off CONTENDER: takes the line for it, or gives it back
wired()
{
	local line=${BUTTON_IRQ_LINES%% *}

	case "$1 $2" in
	'on button_irq') insmod "$BUTTON_IRQ_KO" line="$line" ;;
	'on naive') insmod "$BUTTON_IRQ_NAIVE_KO" chip="${line%:*}" offset="${line##*:}" ;;
	'on gpio-keys') modprobe -a evdev gpio_keys ;;
	'off button_irq') rmmod button_irq ;;
	'off naive') rmmod naive_button ;;
	'off gpio-keys') modprobe -r gpio_keys ;;
	esac
}

if [ "$BUTTON_IRQ_STIMULUS" = wire ]; then
	for contender; do
		wired on "$contender"
		./bench "$contender" 0 "${only[@]}"
		wired off "$contender"
	done
	exit
fi

declare -A index=([button_irq]=0 [cdev]=1 [gpio-keys]=2 [naive]=4 [nobody]=0)
modprobe -a gpio-sim gpio_keys evdev
sim=$(echo /sys/devices/platform/gpio-sim/gpiochip*)
export BUTTON_IRQ_STIMULUS=gpio-sim BUTTON_IRQ_LINES='' BUTTON_IRQ_PINS=''
for line in 0 1 2 3 4; do
	echo pull-up > "$sim/sim_gpio$line/pull"
	BUTTON_IRQ_LINES+=" bench:$line" BUTTON_IRQ_PINS+=" $sim/sim_gpio$line"
done
insmod "$BUTTON_IRQ_KO" line="$(echo bench:{0,{8..17}} | tr ' ' ,)"
insmod "$BUTTON_IRQ_NAIVE_KO" chip=bench offset=4
for contender; do
	./bench "$contender" "${index[$contender]}" "${only[@]}"
done
# What the addresses in the host's notes are called
if [ "${only[*]}" = trace ]; then
	echo '----8<---- symbols'
	grep -i ' [tw] ' /proc/kallsyms | busybox gzip | base64
	echo '----8<---- end of symbols'
fi
