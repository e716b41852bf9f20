#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [--interactive] [...]: what `make demo` runs. Gets what is missing, builds, and hands over to demo.py.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

kernel=${KERNEL:-6.1-arm64}

"$TOP/scripts/deps.sh" vm
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/rootfs.sh" arm64
"$TOP/tests/vm/build.sh" "$kernel"
exec "$TOP/tests/vm/demo.py" "$kernel" "$@"
