#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What `make upstream` runs: writes the driver as a patch series into build/upstream, for the kernel tree LINUX or, without
# LINUX, for Debian's newest kernel source. AUTHOR signs the series off.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ -z "${LINUX:-}" ]; then
	"$TOP/scripts/deps.sh" vm
	"$TOP/tests/vm/fetch.sh" linux-tree
	LINUX=$CACHE/linux-tree
fi
[ -f "$LINUX/drivers/misc/Kconfig" ] || die "LINUX=$LINUX is not a kernel source tree"
"$TOP/scripts/upstream.py" "$LINUX" "$TOP/build/upstream" "${AUTHOR:-}"
