#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test.sh TEST[,TEST...] [KERNEL] [OPTION...]: what `make test` runs. Fetches and builds what is missing, then runs these
# selftests on that kernel of the table "kernels" (default: 7.2-arm64). Options are those of run.py.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

tests=${1:-}
kernel=${2:-7.2-arm64}
shift $(($# < 2 ? $# : 2))
[ -n "$tests" ] || die "which test? For example: make test TEST=button_irq_events KERNEL=6.1-arm64 (kernels: tests/vm/kernels)"
kernel_line "$kernel"

"$TOP/scripts/deps.sh" vm
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/fetch.sh" linux-source
"$TOP/tests/vm/rootfs.sh" "$arch"
"$TOP/tests/vm/build.sh" "$kernel"
exec "$TOP/tests/vm/run.py" "$kernel" --tests "$tests" "$@"
