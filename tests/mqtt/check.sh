#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [TEST...]: tests button-irq-mqtt on faked buttons, with a real mosquitto on loopback and with sanitizers: topics,
# secrets, TLS, the ledger, Home Assistant's discovery, and brokers that are down, slow, full, silent or old, or accept small
# messages only. Also kills the service a thousand times. Prints TAP. make check-packages tests the installed service with the
# real driver.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

here=$TOP/tests/mqtt
out=$TOP/build/mqtt
log=$TOP/build/log/mqtt.log
workers=4
status=0

"$TOP/scripts/deps.sh" mqtt
mkdir -p "$out" "$TOP/build/log"

# compile DIRECTORY OPTION...: compiles the service with faked buttons
compile()
{
	local sources

	mkdir -p "$out/$1"
	mapfile -t sources < <(make -s -C "$TOP/userspace" print-mqtt-sources)
	gcc -std=gnu11 -g -Wall -Wextra -Werror -D_GNU_SOURCE "${@:2}" -DROOT='"root"' -DVERSION='"test"' \
		-Wl,--wrap=ioctl,--wrap=read,--wrap=close -o "$out/$1/button-irq-mqtt" \
		"$TOP/tests/userspace/fake_device.c" "${sources[@]}" -lmosquitto -lm -pthread
}

# A rebound button has a new inode in sysfs. File systems on disks reuse inode numbers, but tmpfs does not: use it for the faked
# buttons.
work=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work

compile sanitized -O1 -fsanitize=address,undefined -fno-sanitize-recover
# The options of the packages' build, which enable more warnings
compile plain -O2 -D_FORTIFY_SOURCE=2
if [ $# -gt 0 ]; then
	"$here/test_mqtt.py" "$out/sanitized" "$@"
	exit
fi

# The tests mostly wait, so several of them and the kills run in parallel.
mapfile -t tests < <(sed -n 's/^def test_\([a-z0-9_]*\)().*/\1/p' "$here/test_mqtt.py")
say "testing button-irq-mqtt on faked buttons, with a real broker (about 2 min)"
rm -f "$log".*
"$here/test_kills.py" "$out/plain" > "$log.kills" &
jobs=($!)
for ((i = 0; i < workers; i++)); do
	part=()
	for ((k = i; k < ${#tests[@]}; k += workers)); do
		part+=("${tests[k]}")
	done
	"$here/test_mqtt.py" "$out/sanitized" "${part[@]}" > "$log.$i" 2>&1 &
	jobs+=($!)
done
for job in "${jobs[@]}"; do
	wait "$job" || status=1
done
cat "$log".[0-9] "$log.kills" > "$log"
sed -n '/^TAP\|^1\.\./!p' "$log" | awk '
	/^Timed out$/ { next }
	/^(not )?ok / {
		number++
		sub(/ok [0-9]+/, "ok " number)
		if (/^not/)
			failed++
		else if (/# SKIP/)
			skipped++
		else
			passed++
	}
	{ print }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
exit "$status"
