#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [--check | --budget]: `make bench`, `make bench-check` and `make bench-budget` run this script. It fetches and builds
# what is missing, then starts bench.py or budget.py.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

kernel=7.2-arm64 arch=arm64

"$TOP/scripts/deps.sh" vm
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/fetch.sh" counter "$kernel"
"$TOP/tests/vm/rootfs.sh" "$arch"
"$TOP/tests/vm/build.sh" "$kernel"
"$TOP/tests/bench/build.sh" "$kernel"

if [ "${1-}" = --budget ]; then
	exec python3 "$TOP/tests/bench/budget.py" "$kernel"
fi
python3 "$TOP/tests/bench/bench.py" "$kernel" "$@"
