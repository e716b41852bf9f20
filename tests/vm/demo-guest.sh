#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo's part in the guest: a shell script that reads a button's events, and beside it a loop that polls a flag. demo.py
# evaluates the lines that begin with "@".
#
#	demo-guest.sh LINE DEBOUNCE_US NAIVE_CHIP NAIVE_OFFSET [TTY]

line=$1 debounce_us=$2 chip=$3 offset=$4 tty=${5:-}
counters=/sys/class/button_irq/button_irq

insmod /opt/button_irq/button_irq.ko line="$line" label=bell debounce_us="$debounce_us" &&
	insmod /opt/button_irq/modules/naive_button.ko chip="$chip" offset="$offset" || exit

# The main loop as interrupt courses teach it: reads a flag ten times a second.
while read -r pressed < /dev/naive_button; do
	[ "$pressed" = 0 ] || echo "@flag"
	sleep 0.1
done &

exec 3< /dev/button_irq
while read -r seq time event detail; do
	echo "@event $seq $time $event $detail"
	# Stands for the script's work: the script is still busy when the button is pressed again.
	[ "$event" != press ] || sleep 0.2
done <&3 &

# is_over: asks the host, over the serial port of a Raspberry Pi, whether the demo has ended (see tests/pi/raspi.py)
is_over()
{
	local answer

	{
		echo "HOST over" >&4
		read -r -t 20 -u 4 answer
	} 4<> "$tty"
	[ "$answer" = 1 ]
}

echo "@ready $(uname -r)"
if [ -n "$tty" ]; then
	until is_over; do sleep 0.2; done
else
	# A line at the console ends the demo.
	read -r _ < /dev/console
fi
echo "@counters $(cd "$counters" && cat edges presses releases bounces inferred missed | paste -sd' ')"
# shellcheck disable=SC2046 # two numbers
kill $(jobs -p)
