#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# clean-cache.sh: prints the size of the cache of downloads, build roots and kernels, and removes the cache.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ $# = 0 ] || die "usage: clean-cache.sh"
if [ ! -d "$CACHE" ]; then
	say "no cache at $CACHE"
	exit
fi
say "removing $CACHE, $(as_root du -sh "$CACHE" | cut -f1)"
remove_root "$CACHE"
