#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bell_loop.sh < /dev/button_irq: prints gestures, which a shell loop recognizes by the times of the events

# to_ms SECONDS: sets ms to that time in milliseconds
to_ms() { ms=${1/./}; ms=$((10#${ms:0:-6})); }

clicked='' second=
while read -r _ time event detail; do
	case $event in
	press)
		to_ms "$time"
		second=
		if [ "$clicked" ] && ((ms - clicked < 400)); then
			second=yes
		elif [ "$clicked" ]; then
			echo click
		fi
		clicked=
		;;
	release)
		to_ms "$detail"
		if ((ms >= 1000)); then
			echo hold
		elif [ "$second" ]; then
			echo double
		else
			to_ms "$time"
			clicked=$ms
		fi
		;;
	*)
		echo "$event $detail"
		;;
	esac
done 2> /dev/null
[ -z "$clicked" ] || echo click
