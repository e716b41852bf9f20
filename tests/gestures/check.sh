#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh: programs of seven kinds follow one bouncing button through 1,000 gestures at the same time, on an emulated
# Raspberry Pi 3B with the overlay in config.txt and this project's packages installed: an unchanged gpiozero program, a bash
# loop, `button-irq run` with a config file, a consumer of `button-irq watch --json`, a program that uses the npm package
# button-irq, a Node-RED flow with this project's node, and two subscribers of button-irq-mqtt with a real mosquitto.
# Meanwhile the broker is restarted, one subscriber is stopped, and the button is unbound and bound again. Each program must
# recognize every gesture. Prints memory (PSS) and CPU time of each program; the board executes 1,000 million instructions
# a second.
#
# BUTTON_IRQ_GESTURES is the number of gestures; BUTTON_IRQ_SEED repeats the run that printed this seed.
#
# The kernel module comes from the tests' build, not from DKMS: check-packages tests DKMS.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$TOP/tests/node/packages.sh"

[ $# = 0 ] || die "usage: check.sh"
kernel=6.12-arm64
here=$TOP/tests/gestures
guest=/opt/button_irq/selftests
log=$TOP/build/log/gestures.log
npm=$TOP/build/gestures
gestures=${BUTTON_IRQ_GESTURES:-1000}

mkdir -p "$TOP/build/log"
"$TOP/scripts/deps.sh" vm python gestures
"$TOP/tests/pi/build-qemu.sh" > /dev/null
kernel_line "$kernel"
"$TOP/tests/vm/fetch.sh" "$kernel"
"$TOP/tests/vm/fetch.sh" linux-source
"$TOP/tests/vm/rootfs.sh" "$arch" python
"$TOP/tests/vm/build.sh" "$kernel"
image=$("$here/disk.sh" "$arch")
install_packages "$npm"

# The kernel's modules that are needed to mount the disk, in the order of loading
version=$(cat "$CACHE/kernels/$kernel/version")
modules=() names=()
while read -r module; do
	modules+=("$module")
	names+=("${module##*/}")
done < <(for module in loop squashfs; do
	modprobe -d "$CACHE/kernels/$kernel" -S "$version" --show-depends "$module"
done | sed -n 's/^insmod //p')

options=(--rootfs "$arch-python" --board raspi3b --timeout 3000 --tests gestures.sh
	 --config "dtoverlay=button-irq,gpio=17,label=bell"
	 --env "BUTTON_IRQ_GESTURES=$gestures" --env "BUTTON_IRQ_SEED=${BUTTON_IRQ_SEED:-$RANDOM}"
	 --env "BUTTON_IRQ_DISK_MODULES=$(IFS=,; echo "${names[*]}")"
	 --file "$TOP/tests/pi/pi.sh:$guest/pi.sh" --file "$image:/opt/disk/image")
for module in "${modules[@]}"; do
	options+=(--file "$module:/opt/disk/${module##*/}")
done
for file in gestures.sh make_gestures.py bell_gpiozero.py bell_json.py bell_loop.sh bell_mqtt.py; do
	options+=(--file "$here/$file:$guest/$file")
done
for file in bell_node.js settings.js flows.json; do
	options+=(--file "$here/$file:$guest/user/$file")
done
while read -r file; do
	options+=(--file "$npm/user/$file:$guest/user/$file")
done < <(cd "$npm/user" && find package.json node_modules -type f)
while read -r file; do
	[[ $file != *button-irq-dkms* && $file != *dbgsym* ]] || continue
	options+=(--file "$file:/opt/packages/${file##*/}")
done < <("$TOP/scripts/deb.sh" "$arch")

say "booting an emulated Raspberry Pi 3B: $gestures gestures (about $((gestures / 200 + 2)) min)"
"$TOP/tests/vm/run.py" "$kernel" "${options[@]}" | tee "$log"
