#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's side of check.sh

# shellcheck source-path=SCRIPTDIR/../pi

# The first argument of in_group is the name of a cgroup, not a file.
# shellcheck disable=SC2094

set -euo pipefail
. "$(dirname "$0")/pi.sh"

button='button-irq@11'
# The programs that follow the button, each in its own cgroup, and their output files, with one line for each gesture
programs=(gpiozero loop run json nodejs nodered mqtt)
files=("${programs[@]}" slow)
# As in make_gestures.py
PER_TRAIN=20
CGROUP=/sys/fs/cgroup
DISK=/run/disk
NODE_RED=$DISK/node-red/node_modules/node-red/red.js
# Node-RED's user directory, which has this project's packages
USER_DIR=$HERE/user

# The packages' dependencies are in this userland, but not in dpkg's database, which is empty: hence --force-depends.
test_packages_installed()
{
	local package

	mkdir -p /var/lib/dpkg/{info,updates,parts,alternatives} /var/log
	touch /var/lib/dpkg/{status,available}
	dpkg --force-depends --install /opt/packages/*.deb
	for package in button-irq python3-button-irq button-irq-mqtt; do
		[[ $(dpkg --status "$package") == *"Status: install ok installed"* ]] || fail "$(dpkg --status "$package")"
	done
	button-irq --version
}

# The disk has programs that are too large for the initramfs. Debian's programs are copied into this userland, since they need
# their libraries in the usual directories.
test_disk_mounted()
{
	local module directory

	for module in ${BUTTON_IRQ_DISK_MODULES//,/ }; do
		insmod "/opt/disk/$module"
	done
	mkdir -p "$DISK"
	mount -o loop,ro /opt/disk/image "$DISK"
	for directory in lib usr; do
		cp -a --no-clobber "$DISK/root/$directory/." "/$directory/"
	done
	[ -e "$NODE_RED" ] || fail "no Node-RED on the disk"
	mount -t cgroup2 none "$CGROUP"
	# The broker listens on lo. This userland has no ip(8) other than busybox's.
	busybox ip link set lo up
	echo "127.0.0.1 localhost" > /etc/hosts
}

# in_group NAME COMMAND...: executes the command in the cgroup NAME, which accounts for all of its processes
in_group()
{
	mkdir -p "$CGROUP/$1"
	echo "$BASHPID" > "$CGROUP/$1/cgroup.procs"
	exec "${@:2}"
}

# progress TEXT: prints to the console at once. Other output of a test is shown only if the test fails.
progress()
{
	echo "  # ${1}" > /dev/console
}

cleanup()
{
	local group

	for group in "$CGROUP"/*/; do
		[ ! -e "$group/cgroup.kill" ] || echo 1 > "$group/cgroup.kill"
	done
}

# has_open GROUP: true if a process of the group has the button open. After a rebind the node is a new inode, so an old open
# file does not count.
has_open()
{
	local pid fd

	while read -r pid; do
		for fd in "/proc/$pid/fd/"*; do
			[[ ! $fd -ef $DEV ]] || return 0
		done
	done < "$CGROUP/$1/cgroup.procs"
	return 1
}

all_have_open()
{
	local name

	for name in "${programs[@]}"; do
		patiently 300 has_open "$name"
		progress "$name has the button open"
	done
}

# asleep PID N: true if the process has at least N threads, and all of them sleep
asleep()
{
	local stat threads=0

	for stat in "/proc/$1/task/"*/stat; do
		read -r -a stat < "$stat"
		[ "${stat[2]}" = S ] || return 1
		threads=$((threads + 1))
	done
	[ "$threads" -ge "$2" ]
}

# contains TEXT FILE
contains()
{
	local lines

	[ -e "$2" ] && mapfile lines < "$2" && [[ ${lines[*]} == *"$1"* ]]
}

# patiently SECONDS COMMAND...: as wait_for, but polls only twice a second, to leave the emulated CPU to Node-RED
patiently()
{
	local i

	for ((i = 0; i < 2 * $1; i++)); do
		! "${@:2}" || return 0
		read -r -t 0.5 <&"$NEVER" || true
	done
	fail "after $1 s still not: ${*:2}"
}

broker_answers()
{
	(exec 3<> /dev/tcp/127.0.0.1/1883) 2> /dev/null
}

start_broker()
{
	in_group broker mosquitto -c broker.conf 2>> broker.log &
	broker=$!
	patiently 60 broker_answers
}

# subscribe NAME: starts a subscriber to gestures, with a session that survives disconnects, and sets $subscriber
subscribe()
{
	in_group "subscriber-$1" stdbuf -oL mosquitto_sub -i "$1" -c -q 1 -V 5 -t 'button/+/+/gesture' -F %p \
		> >(exec python3 "$HERE/bell_mqtt.py" "$1.again" > "$1") 2> "$1.err" &
	subscriber=$!
	patiently 60 contains "$1 1 button/+/+/gesture" broker.log
}

start_mqtt()
{
	cat > broker.conf <<- EOF
		user root
		listener 1883 127.0.0.1
		allow_anonymous true
		persistence true
		persistence_location $PWD/
		max_queued_messages 100000
		log_dest stderr
		log_type error
		log_type warning
		log_type subscribe
	EOF
	: > broker.log
	start_broker
	subscribe slow
	slow=$subscriber
	subscribe mqtt
	echo "host = pi" > /etc/button-irq-mqtt.conf
	mkdir state
	in_group mqtt button-irq-mqtt --state=state 2> service.err &
	patiently 60 contains "connected to" service.err
}

# Restarts the loop when the button is back, as a service manager does
shell_loop()
{
	while [ ! -e over ]; do
		[ ! -c "$DEV" ] || bash "$HERE/bell_loop.sh" < "$DEV" || true
		read -r -t 0.05 <&"$NEVER" || true
	done
}

start_programs()
{
	export -f shell_loop
	export DEV HERE NEVER
	GPIOZERO_PIN_FACTORY=button_irq in_group gpiozero python3 "$HERE/bell_gpiozero.py" > gpiozero 2> gpiozero.err &
	gpiozero=$!
	in_group loop bash -c shell_loop > loop &
	{
		echo "[bell]"
		printf "%s = echo \"\$BUTTON_IRQ_EVENT\" >> $PWD/run\n" click double hold
	} > /etc/button-irq.conf
	: > run
	in_group run button-irq run 2> run.err &
	# shellcheck disable=SC2016 # the inner shell's
	in_group json bash -c 'button-irq watch --json --follow --events=press,release,lost,missed,absent bell | exec python3 "$1"' \
		- "$HERE/bell_json.py" > json 2> json.err &
	in_group nodejs node "$USER_DIR/bell_node.js" > nodejs 2> nodejs.err &
	: > nodered
	in_group nodered node "$NODE_RED" --userDir "$USER_DIR" --settings "$USER_DIR/settings.js" > nodered.err 2>&1 &
	start_mqtt
	progress "broker, service and subscribers are connected"
	all_have_open
	# gpiozero opens the button before the program has set its callbacks: wait until the program is idle.
	patiently 60 asleep "$gpiozero" 2
}

# disturb NUMBER: causes the failure that is due before the train of that number, if any
disturb()
{
	case $1 in
	"$stop_slow")
		kill -STOP "$slow"
		;;&
	"$stop_broker")
		kill "$broker"
		wait "$broker" || true
		broker=
		;;&
	"$rebind")
		# Programs that use timers instead of the events' times need time to finish the last gesture.
		wait_for 60 has_lines "$((PER_TRAIN * $1))" gpiozero
		all_counted
		presses=0
		unbind "$button"
		bind "$button"
		all_have_open
		;;
	esac
}

# The driver has counted as many releases as were played since the button was bound.
all_counted()
{
	local name counters=

	in_time 60 counter_is releases "$presses" && return
	for name in edges presses releases bounces inferred glitches missed storms state; do
		counters+=" $name $(counter "$name")"
	done
	fail "$presses presses were played, and the driver counts$counters"
}

# Plays all gestures while the subscriber, the broker and the button fail.
drive()
{
	local number=0 train lines=() numbers=()

	mapfile -t lines < trains
	mapfile -t numbers < presses
	stop_slow=$((${#lines[@]} / 8)) stop_broker=$((${#lines[@]} / 4)) rebind=$((${#lines[@]} / 2)) presses=0
	for number in "${!lines[@]}"; do
		disturb "$number"
		read -r -a train <<< "${lines[number]}"
		# A contact does not wait for a CPU: played later than planned, the bounces of one press would be two presses.
		chrt --fifo 10 stim 0 train "${train[@]}"
		presses=$((presses + numbers[number]))
		[ "$broker" ] || start_broker
		progress "$((PER_TRAIN * (number + 1))) gestures"
	done
}

# cpu_ms NAME: prints the CPU time of all processes of a program
cpu_ms()
{
	local name value

	read -r name value < "$CGROUP/$1/cpu.stat"
	echo $((value / 1000))
}

# pss_kb NAME: prints the memory of a program (PSS: memory shared with other programs counts in part)
pss_kb()
{
	local pid sum=0 name value

	while read -r pid; do
		while read -r name value _; do
			[ "$name" != Pss: ] || sum=$((sum + value))
		done < "/proc/$pid/smaps_rollup" || true
	done < "$CGROUP/$1/cgroup.procs"
	echo "$sum"
}

compare()
{
	local name

	for name in "${files[@]}"; do
		if cmp -s wanted "$name"; then
			echo "$name: all $BUTTON_IRQ_GESTURES recognised" >> "$WORK.say"
		else
			echo "$name: $(diff wanted "$name" | head -n 10 | paste -sd ';')" >> "$WORK.say"
			ok=
		fi
	done
}

test_gestures()
{
	local name gpiozero broker subscriber slow presses stop_slow stop_broker rebind ok=yes
	local -A started total memory
	local all=("${programs[@]}" broker)

	load_by_alias "$button"
	equal label bell "$(counter label)"
	"$HERE/make_gestures.py" "$BUTTON_IRQ_GESTURES" "$BUTTON_IRQ_SEED"
	echo "$BUTTON_IRQ_GESTURES gestures, BUTTON_IRQ_SEED=$BUTTON_IRQ_SEED" >> "$WORK.say"
	start_programs
	for name in "${all[@]}"; do
		started[$name]=$(cpu_ms "$name")
	done
	drive
	all_counted
	for name in "${all[@]}"; do
		memory[$name]=$(pss_kb "$name")
	done
	: > over
	unbind "$button"
	kill -CONT "$slow"
	progress "waiting for the last gestures"
	for name in "${files[@]}"; do
		in_time 60 has_lines "$BUTTON_IRQ_GESTURES" "$name" || true
	done
	for name in "${all[@]}"; do
		total[$name]=$(cpu_ms "$name")
	done
	compare
	printf '%-10s %10s %12s %16s\n' program 'memory/MB' 'start/CPU s' 'gestures/CPU s' >> "$WORK.say"
	for name in "${all[@]}"; do
		awk -v name="$name" -v memory="${memory[$name]}" -v started="${started[$name]}" -v total="${total[$name]}" 'BEGIN {
			printf "%-10s %10.1f %12.2f %16.2f\n", name, memory / 1024, started / 1000, (total - started) / 1000 }' >> "$WORK.say"
	done
	[ "$ok" ] || fail "not all were recognised: $(cat ./*.err)"
}

run_tests test_packages_installed test_disk_mounted test_gestures
