#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [--check | --budget]: what `make bench`, `make bench-check` and `make bench-budget` run. Gets what is missing, builds,
# hands over to bench.py or budget.py.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

kernel=7.2-arm64 arch=arm64
root=$CACHE/roots/bookworm-$arch

"$TOP/scripts/deps.sh" vm
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/rootfs.sh" "$arch"
"$TOP/tests/vm/build.sh" "$kernel"

# In the root where the tests are compiled too, for its libgpiod.
copy=$(as_root mktemp -d "$root/tmp/bench.XXXXXX")
trap 'as_root rm -rf "$copy"' EXIT
as_root chmod 755 "$copy"
tar -C "$TOP" -cf - button_irq.h tests/stimulus.{c,h} tests/bench/bench.c | as_root tar -C "$copy" -xf - --no-same-owner
as_root chroot "$root" "$(gnu_triplet "$arch")-gcc" -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -DHAVE_LIBGPIOD \
	-o "${copy#"$root"}/bench" "${copy#"$root"}"/tests/{bench/bench,stimulus}.c -lgpiod
mkdir -p "$TOP/build/bench"
cp "$copy/bench" "$TOP/build/bench/"

if [ "${1-}" = --budget ]; then
	exec python3 "$TOP/tests/bench/budget.py" "$kernel"
fi
python3 "$TOP/tests/bench/bench.py" "$kernel" "$@"
