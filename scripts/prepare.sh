#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare.sh: builds in advance what takes later levels of .ci/run longest, QEMU and the debug kernels, and keeps both in the
# cache. .ci/run starts this script in parallel with the first levels, which wait for the network while the cache is empty.
# If both are in the cache, this script does nothing. If a build fails here, the level that needs it tries again and reports
# the error.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

scripts/deps.sh vm
tests/pi/build-qemu.sh
for kernel in debug-a debug-b; do
	tests/debug/build.sh "$kernel"
done
