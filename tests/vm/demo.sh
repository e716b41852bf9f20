#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [--interactive] [...]: what `make demo` runs. Gets what is missing, builds, and hands over to demo.py.
# BOARD=raspi3b or raspi4b in the environment: on an emulated Raspberry Pi, whose QEMU is built if it is not there.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

board=${BOARD:-}
case $board in
"")
	kernel=${KERNEL:-6.1-arm64}
	;;
raspi3b | raspi4b)
	kernel=${KERNEL:-6.12-arm64}
	set -- --board "$board" "$@"
	;;
*)
	die "no board $board: BOARD=raspi3b or BOARD=raspi4b"
	;;
esac

"$TOP/scripts/deps.sh" vm
[ -z "$board" ] || "$TOP/tests/pi/build-qemu.sh" > /dev/null
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/rootfs.sh" arm64
"$TOP/tests/vm/build.sh" "$kernel"
exec "$TOP/tests/vm/demo.py" "$kernel" "$@"
