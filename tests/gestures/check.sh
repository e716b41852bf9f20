#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh: on an emulated Raspberry Pi 3B, with the overlay in config.txt and our packages installed by dpkg, five kinds of
# programs follow one bouncing button through 1,000 gestures at the same time: an unchanged gpiozero program, a bash loop,
# `button-irq run` with a config file, a consumer of `button-irq watch --json`, and one of the npm package button-irq. Each
# has to recognise every one.
#
# BUTTON_IRQ_GESTURES is their number, BUTTON_IRQ_SEED the seed that a failed run has printed.
#
# (check-packages has DKMS build the module; here it is the one of the tests. Its packages are of this machine's
# architecture.)

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

[ $# = 0 ] || die "usage: check.sh"
kernel=6.12-arm64
here=$TOP/tests/gestures
guest=/opt/button_irq/selftests
log=$TOP/build/log/gestures.log
gestures=${BUTTON_IRQ_GESTURES:-1000}

mkdir -p "$TOP/build/log"
"$TOP/scripts/deps.sh" vm python
"$TOP/tests/pi/build-qemu.sh" > /dev/null
kernel_line "$kernel"
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/fetch.sh" linux-source
"$TOP/tests/vm/rootfs.sh" "$arch" python
"$TOP/tests/vm/build.sh" "$kernel"

options=(--rootfs "$arch-python" --board raspi3b --timeout 3000 --tests gestures.sh
	 --config "dtoverlay=button-irq,gpio=17,label=bell"
	 --env "BUTTON_IRQ_GESTURES=$gestures" --env "BUTTON_IRQ_SEED=${BUTTON_IRQ_SEED:-$RANDOM}"
	 --file "$TOP/tests/pi/pi.sh:$guest/pi.sh")
for file in gestures.sh make_gestures.py bell_gpiozero.py bell_json.py bell_loop.sh bell_node.js; do
	options+=(--file "$here/$file:$guest/$file")
done
for file in index.js package.json; do
	options+=(--file "$TOP/userspace/node/$file:$guest/node_modules/button-irq/$file")
done
while read -r file; do
	[[ $file != *button-irq-dkms* && $file != *dbgsym* ]] || continue
	options+=(--file "$file:/opt/packages/${file##*/}")
done < <("$TOP/scripts/deb.sh" "$arch")

say "booting an emulated Raspberry Pi 3B: $gestures gestures (about $((gestures / 200 + 1)) min)"
"$TOP/tests/vm/run.py" "$kernel" "${options[@]}" | tee "$log"
