#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark's guest side: guest.sh [--trace] [CONTENDER...]. Every contender has a line of its own of the gpio-sim chip in
# bench.dts; all of them are there, whichever are measured.

set -e
declare -A index=([button_irq]=0 [cdev]=1 [gpio-keys]=2 [naive]=4)

# A kernel thread that looks at memory now and then, which is not what is measured
[ ! -e /sys/module/damon_stat/parameters/enabled ] || echo N > /sys/module/damon_stat/parameters/enabled

modprobe gpio-sim
modprobe gpio_keys
modprobe evdev
sim=$(echo /sys/devices/platform/gpio-sim/gpiochip*)
export BUTTON_IRQ_STIMULUS=gpio-sim BUTTON_IRQ_LINES='' BUTTON_IRQ_PINS=''
for line in 0 1 2 3 4; do
	echo pull-up > "$sim/sim_gpio$line/pull"
	BUTTON_IRQ_LINES+=" bench:$line" BUTTON_IRQ_PINS+=" $sim/sim_gpio$line"
done
insmod /opt/button_irq/button_irq.ko line=bench:0
insmod /opt/button_irq/modules/naive_button.ko chip=bench offset=4
trace=()
if [ "${1-}" = --trace ]; then
	trace=(trace)
	shift
fi
for contender; do
	./bench "$contender" "${index[$contender]}" "${trace[@]}"
done
# What the addresses in the host's notes are called
if [ ${#trace[@]} -gt 0 ]; then
	echo '----8<---- symbols'
	grep -i ' [tw] ' /proc/kallsyms | busybox gzip | base64
	echo '----8<---- end of symbols'
fi
