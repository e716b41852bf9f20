#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo's guest side: a shell script that reacts to a button, and beside it a loop that looks at a flag. What demo.py
# is to show stands behind "@".
#
#	demo-guest.sh LINE DEBOUNCE_US NAIVE_CHIP NAIVE_OFFSET [TTY]

line=$1 debounce_us=$2 chip=$3 offset=$4 tty=${5:-}
counters=/sys/class/button_irq/button_irq

insmod /opt/button_irq/button_irq.ko line="$line" label=bell debounce_us="$debounce_us" &&
	insmod /opt/button_irq/modules/naive_button.ko chip="$chip" offset="$offset" || exit

# The main loop of the interrupt course: ten looks a second at a flag.
while read -r pressed < /dev/naive_button; do
	[ "$pressed" = 0 ] || echo "@flag"
	sleep 0.1
done &

exec 3< /dev/button_irq
while read -r seq time event detail; do
	echo "@event $seq $time $event $detail"
	# A script does something; here, it is busy when the button is pressed again.
	[ "$event" != press ] || sleep 0.2
done <&3 &

# is_over: asks at the serial port of a board whose console takes no input (see tests/pi/raspi.py)
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
