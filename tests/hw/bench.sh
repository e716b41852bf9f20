#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh: runs the benchmark on a real board through a jumper wire and prints tables in nanoseconds. OUT, IN, OUT2 and IN2
# are as for check.sh. gpio-keys is measured only with a second wire, and with dtoverlay and dtc, which make its devices;
# interrupt-cnt only if the kernel has it.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$(dirname "$0")/wire.sh"

out=$TOP/build/bench
kver=$(uname -r)
contenders=(button_irq cdev lgpio sysfs direct)

unload()
{
	as_root rmmod button_irq naive_button gpio_keys bench_counter bench_direct bench_finger 2> /dev/null || true
	[ ! -e "$out/button-irq-bench.dtbo" ] || as_root dtoverlay -r button-irq-bench || true
}

# Adds the devices of gpio-keys, on the lines of the two wires.
add_keys()
{
	read -r first second <<< "$lines"
	sed "s/<&gpio 17 1>/<\&gpio ${first##*:} 1>/; s/<&gpio 25 1>/<\&gpio ${second##*:} 1>/" "$TOP/tests/bench/wire.dts" |
		dtc -@ -q -O dtb -o "$out/button-irq-bench.dtbo"
	as_root dtoverlay -d "$out" button-irq-bench
	contenders+=(gpio-keys)
}

[ $# = 0 ] || die "usage: bench.sh, with OUT and IN in the environment"
find_wires
mkdir -p "$out"
rm -f "$out"/*.dtbo
say "building for $kver"
make -s -C "$TOP" KVER="$kver" modules
for part in naive bench/modules; do
	make -s -C "/lib/modules/$kver/build" M="$TOP/tests/$part" modules
done
cc -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -DHAVE_LIBGPIOD -pthread -o "$out/bench" \
	"$TOP"/tests/{bench/bench,bench/contenders,selftests/stimulus}.c -lgpiod
cp "$TOP/tests/bench/guest.sh" "$TOP"/tests/bench/modules/*.ko "$out/"
trap unload EXIT
if [ -n "${IN2:-}" ] && command -v dtoverlay > /dev/null && command -v dtc > /dev/null; then
	add_keys
else
	say "not measuring gpio-keys, which needs a second wire (OUT2, IN2), dtoverlay and dtc"
fi
! modinfo interrupt-cnt > /dev/null 2>&1 || contenders+=(interrupt-cnt)
say "measuring ${contenders[*]} (about 30 min)"
as_root env BUTTON_IRQ_STIMULUS=wire "BUTTON_IRQ_LINES=$lines" "BUTTON_IRQ_PINS=$pins" "BUTTON_IRQ_KO=$TOP/button_irq.ko" \
	"BUTTON_IRQ_NAIVE_KO=$TOP/tests/naive/naive_button.ko" env -C "$out" bash guest.sh "${contenders[@]}" naive nobody > "$out/hw.txt"
python3 "$TOP/tests/bench/bench.py" "$kver on $(board)" --lines "$out/hw.txt"
