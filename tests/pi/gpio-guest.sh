#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# /init of the emulated Raspberry Pi for gpio.py: shows with nothing but a stock kernel and libgpiod's tools that the
# board's GPIO inputs and interrupts work. Prints KTAP on the console. What is to happen at the pins it asks of gpio.py
# over the other serial port: in the stock device trees the console's port belongs to the Bluetooth chip, so what is
# typed there arrives nowhere.

export PATH=/usr/bin:/bin:/usr/sbin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /tmp
dmesg -n 1
cd /tmp || exit
stty -F /dev/ttyS1 raw -echo
exec 3<> /dev/ttyS1
echo >&3		# ends what the kernel sent when it looked for the port

BUTTON=17
OTHER=27		# a wire goes from here to the button
PULLED=22
test=0

host()
{
	echo "HOST $*" >&3
	read -r -u 3 answer
}

# result NAME: as the command before it said
result()
{
	local ok=$?

	test=$((test + 1))
	[ $ok = 0 ] || echo -n "not "
	echo "ok $test $1"
}

# wait_until SECONDS COMMAND...
wait_until()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -le $end ] || return
		sleep 0.01
	done
}

lines_are()
{
	[ "$(wc -l < "$1")" -ge "$2" ]
}

line_used()
{
	gpioinfo -c "$chip" "$1" | grep -q consumer
}

# The sum over all CPUs of the one line in /proc/interrupts that matches.
interrupts()
{
	awk -v pattern="$1" '
		NR == 1 { cpus = NF; next }
		$0 ~ pattern { for (i = 2; i < 2 + cpus; i++) n += $i; found++ }
		END { if (found == 1) print n; else print "none" }' /proc/interrupts
}

# press NAME DOWN UP: three presses, each edge awaited before the next is made
press()
{
	local edge n=0 expected="" before irqs

	stdbuf -oL gpiomon -c "$chip" -b pull-up -e both -F "%e" $BUTTON > edges &
	monitor=$!
	wait_until 60 line_used $BUTTON
	before=$(interrupts "pinctrl-bcm2835 +$BUTTON ")
	for edge in 2 1 2 1 2 1; do
		n=$((n + 1))
		expected+="$edge "
		if [ $edge = 2 ]; then $2; else $3; fi
		wait_until 60 lines_are edges $n || break
	done
	irqs=$(($(interrupts "pinctrl-bcm2835 +$BUTTON ") - before))
	kill $monitor
	wait $monitor
	echo "# edges $(tr '\n' ' ' < edges), $irqs interrupts"
	[ "$(tr '\n' ' ' < edges)" = "$expected" ]
	result "$1: six edges, in order"
	[ "$irqs" = 6 ]
	result "$1: six interrupts"
}

host_down() { host set $BUTTON 0; }
host_up() { host set $BUTTON 1; }

# A low output at the wire's other end is a closed contact, an input an open one.
wire_down()
{
	gpioset -c "$chip" $OTHER=0 &
	setter=$!
}

wire_up()
{
	kill "$setter"
	wait "$setter"
}

# pull BIAS: has libgpiod set it; what the pin then reads, and what is in the controller
pull()
{
	level=$(gpioget -c "$chip" --numeric -b "$1" $PULLED)
	host pull $PULLED
	echo "# $1: reads $level, the controller says $answer"
}

echo "# $(tr -d '\0' < /proc/device-tree/model), $(uname -r), $(nproc) CPUs, up for $(cut -d' ' -f1 /proc/uptime) s"
echo 1..8

chip=$(gpiodetect | awk '/pinctrl-bcm/ { print $1 }')
gpiodetect | sed 's/^/# /'
gpioinfo -c "$chip" $BUTTON | grep -q "\"GPIO$BUTTON\".*input"
result "GPIO$BUTTON is there"

press "from outside" host_down host_up

# Nobody holds the pin from outside any more: the wire does.
host release $BUTTON
press "through the wire" wire_down wire_up

pull pull-up
[ "$level $answer" = "1 up" ]
result "pull-up"
pull pull-down
[ "$level $answer" = "0 down" ]
result "pull-down"
pull disabled
[ "$answer" = "none" ]
result "pull off"

host end
poweroff -f
