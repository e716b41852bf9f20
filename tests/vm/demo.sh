#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh [--interactive] [OPTION...]: what `make demo` runs. Fetches and builds what is missing, then runs demo.py with these
# options. With BOARD=raspi5 (or another board of tests/pi/raspi.py) in the environment the demo runs on an emulated Raspberry
# Pi, whose QEMU is built first. KERNEL= selects a kernel of the table "kernels".

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

board=${BOARD:-}
case $board in
"")
	kernel=${KERNEL:-6.1-arm64}
	;;
*)
	boards=$("$TOP/tests/pi/raspi.py" boards)
	[[ " $boards " == *" $board "* ]] || die "no board $board; there are: $boards"
	read -r kernel _ < <("$TOP/tests/pi/raspi.py" kernels "$board")
	kernel=${KERNEL:-$kernel}
	set -- --board "$board" "$@"
	;;
esac

"$TOP/scripts/deps.sh" vm
[ -z "$board" ] || [ -n "${BUTTON_IRQ_QEMU:-}" ] || "$TOP/tests/pi/build-qemu.sh" > /dev/null
"$TOP/tests/vm/fetch.sh" "$kernel"
kernel_line "$kernel"
"$TOP/tests/vm/rootfs.sh" "$arch"
"$TOP/tests/vm/build.sh" "$kernel"
exec "$TOP/tests/vm/demo.py" "$kernel" "$@"
