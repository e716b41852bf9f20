#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark's guest side: guest.sh [CONTENDER...]. Every contender has a line of its own of the gpio-sim chip in
# bench.dts; all of them are there, whichever are measured.

set -e
declare -A index=([button_irq]=0 [cdev]=1 [gpio-keys]=2 [naive]=4)

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
for contender; do
	./bench "$contender" "${index[$contender]}"
done
