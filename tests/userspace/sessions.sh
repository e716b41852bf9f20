#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs on an emulated Raspberry Pi, in the directory of the selftests: the sessions with the button-irq command that
# doc/recipes.md shows. Each runs on a terminal; captures.sh reads the output, which is printed as base64.

# shellcheck source-path=SCRIPTDIR/../selftests

set -euo pipefail
cd /opt/button_irq/selftests
. ./lib.sh

cd "$(mktemp -d)"

# on_a_terminal COMMAND...: prints the command and its output as a terminal shows them
on_a_terminal()
{
	echo "\$ $*"
	python3 -c '
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@" < /dev/null
}

# capture NAME FILE: prints a file as base64, for captures.sh
capture()
{
	echo "==== capture $1"
	base64 < "$2"
}

on_a_terminal button-irq calibrate -n 5 --svg=bounces.svg GPIO17 > session &
wait_for 20 line_is_taken "${LINES[0]}"
press_bouncing 5
wait "$!"
capture calibrate session
capture calibrate.svg bounces.svg

insmod /opt/button_irq/button_irq.ko gpio=17,18 label=bell,door debounce_us=5000,2500 debounce_mode=eager,settle
on_a_terminal button-irq watch -n 8 bell > session &
wait_for 20 readers 1
press_bouncing 4
wait "$!"
capture watch session

on_a_terminal button-irq status > session
capture status session
echo "==== end of captures"
