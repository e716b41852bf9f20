#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In the guest, see check.sh.

# shellcheck source-path=SCRIPTDIR/../pi

set -euo pipefail
. "$(dirname "$0")/pi.sh"

button='button-irq@11'
said=(gpiozero loop run json nodejs)

# Their dependencies are in this userland, but not in dpkg's database, which is empty.
test_packages_installed()
{
	local package

	mkdir -p /var/lib/dpkg/{info,updates,parts,alternatives} /var/log
	touch /var/lib/dpkg/{status,available}
	dpkg --force-depends --install /opt/packages/*.deb
	for package in button-irq python3-button-irq; do
		[[ $(dpkg --status "$package") == *"Status: install ok installed"* ]] || fail "$(dpkg --status "$package")"
	done
	button-irq --version
}

# Each is a line a gesture; who reads a button as a file ends with it.
start_consumers()
{
	GPIOZERO_PIN_FACTORY=button_irq python3 "$HERE/bell_gpiozero.py" > gpiozero 2> gpiozero.err &
	gpiozero=$!
	bash "$HERE/bell_loop.sh" < "$DEV" > loop &
	{
		echo "[bell]"
		printf "%s = echo \"\$BUTTON_IRQ_EVENT\" >> $PWD/run\n" click double hold
	} > /etc/button-irq.conf
	: > run
	button-irq run 2> run.err &
	run=$!
	{ button-irq watch --json bell 2> json.err || true; } | python3 "$HERE/bell_json.py" > json &
	node "$HERE/bell_node.js" > nodejs 2> nodejs.err &
	# gpiozero's pin has it open a second time, to ask for its state.
	in_time 120 readers 6 || fail "not all read the button: $(cat ./*.err)"
	# gpiozero opens the button before its program has said what is to be done.
	wait_for 60 asleep "$gpiozero"
}

# All of its threads
asleep()
{
	local stat

	for stat in "/proc/$1/task/"*/stat; do
		read -r -a stat < "$stat"
		[ "${stat[2]}" = S ] || return 1
	done
}

drive()
{
	local train

	while read -r -a train; do
		stim 0 train "${train[@]}"
	done < trains
}

test_gestures()
{
	local name gpiozero run ok=yes

	load_by_alias "$button"
	equal label bell "$(counter label)"
	"$HERE/make_gestures.py" "$BUTTON_IRQ_GESTURES" "$BUTTON_IRQ_SEED"
	echo "$BUTTON_IRQ_GESTURES gestures, BUTTON_IRQ_SEED=$BUTTON_IRQ_SEED" >> "$WORK.say"
	start_consumers
	drive
	wait_for 60 counter_is releases "$(cat presses)"
	wait_for 60 has_lines "$BUTTON_IRQ_GESTURES" run
	wait_for 60 has_lines "$BUTTON_IRQ_GESTURES" gpiozero
	kill "$gpiozero" "$run"
	unbind "$button"
	wait_for 60 jobs_ended
	for name in "${said[@]}"; do
		if cmp -s wanted "$name"; then
			echo "$name: all $BUTTON_IRQ_GESTURES recognised" >> "$WORK.say"
		else
			echo "$name: $(diff wanted "$name" | head -n 10 | paste -sd ';')" >> "$WORK.say"
			ok=
		fi
	done
	[ "$ok" ] || fail "not all were recognised: $(cat ./*.err)"
}

run_tests test_packages_installed test_gestures
