#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare.sh: builds what later levels of .ci/run need for long and keep in the cache: QEMU and the debug kernels. .ci/run
# starts it beside the first levels, which wait for the network while the cache is empty. With a full cache there is nothing
# to do. A build that fails here is tried again, and reported, by the level that needs it.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

scripts/deps.sh vm
tests/pi/build-qemu.sh
for kernel in debug-a debug-b; do
	tests/debug/build.sh "$kernel"
done
