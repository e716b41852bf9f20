# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the shell tests share, to be sourced. A test is a function; run_tests runs each in a subshell of
# its own under "set -e", in a directory of its own, and prints KTAP. A test that returns 4 is skipped.
#
# From the environment (see stimulus.h):
#	BUTTON_IRQ_STIMULUS	what moves the pins: gpio-sim, host or wire
#	BUTTON_IRQ_LINES	the lines under test, "CHIPLABEL:OFFSET CHIPLABEL:OFFSET ..."
#	BUTTON_IRQ_KO		the driver, BUTTON_IRQ_TEST_CHIP_KO and BUTTON_IRQ_NAIVE_KO the tests' modules;
#				where one is unset its file is looked for

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$HERE:$PATH
DRIVER=/sys/bus/platform/drivers/button_irq
CLASS=/sys/class/button_irq
DEV=/dev/button_irq
KSFT_SKIP=4

# A selftest tree has these helpers; elsewhere the few lines below do.
if [ -r "$HERE/../kselftest/ktap_helpers.sh" ]; then
	# shellcheck disable=SC1091
	. "$HERE/../kselftest/ktap_helpers.sh"
else
	KTAP_COUNT=0
	KTAP_FAILED=0
	KTAP_PASSED=0
	KTAP_SKIPPED=0

	ktap_print_header() { echo "TAP version 13"; }
	ktap_set_plan() { echo "1..$1"; }
	ktap_print_msg() { echo "#" "$@"; }
	ktap_test_pass() { KTAP_PASSED=$((KTAP_PASSED + 1)); echo "ok $((KTAP_COUNT += 1)) $*"; }
	ktap_test_fail() { KTAP_FAILED=$((KTAP_FAILED + 1)); echo "not ok $((KTAP_COUNT += 1)) $*"; }
	ktap_test_skip() { KTAP_SKIPPED=$((KTAP_SKIPPED + 1)); echo "ok $((KTAP_COUNT += 1)) $* # SKIP"; }
	ktap_finished()
	{
		echo "# Totals: pass:$KTAP_PASSED fail:$KTAP_FAILED xfail:0 xpass:0 skip:$KTAP_SKIPPED error:0"
		if [ "$KTAP_FAILED" -gt 0 ]; then
			exit 1
		elif [ "$KTAP_PASSED" = 0 ]; then
			exit "$KSFT_SKIP"
		fi
		exit 0
	}
fi

# The GPIO controllers of Raspberry Pis' headers, by their labels. GPIO17 of the header is line 17 there.
PI_CHIPS=(pinctrl-bcm2711 pinctrl-bcm2835 pinctrl-rp1)

# is_pi_chip LABEL
is_pi_chip()
{
	[[ " ${PI_CHIPS[*]} " == *" $1 "* ]]
}

# Ends the test: failed.
fail()
{
	echo "FAILED: $*"
	exit 1
}

# Ends the test: it cannot run here.
skip()
{
	echo "$*"
	exit "$KSFT_SKIP"
}

need_program()
{
	local program

	for program in "$@"; do
		command -v "$program" > /dev/null || skip "no $program here"
	done
}

# in_time SECONDS COMMAND...: until COMMAND succeeds; false when it has not by then.
in_time()
{
	local deadline now seconds=$1

	shift
	get_ms deadline
	deadline=$((deadline + seconds * 1000))
	until "$@"; do
		get_ms now
		[ "$now" -lt "$deadline" ] || return
		# Sleeps without starting a program: nothing ever comes out of this pipe.
		read -r -t 0.01 <&"$NEVER" || true
	done
}

# wait_for SECONDS COMMAND...: the same; the test fails when it has not by then.
wait_for()
{
	in_time "$@" || fail "after $1 s still not: ${*:2}"
}
exec {NEVER}<> <(:)

# get_ms VARIABLE: milliseconds since boot
get_ms()
{
	local up

	read -r up _ < /proc/uptime
	printf -v "$1" %d $((10#${up/./} * 10))
}

# equal WHAT WANTED GOT
equal()
{
	[ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

# same_file WANTED GOT
same_file()
{
	cmp "$1" "$2" || {
		diff -u "$1" "$2" | head -n 40
		fail "$2 is not what $1 is"
	}
}

# has_lines N FILE: exactly N whole lines. Like all that is waited for, this starts no program: under emulation a
# program's start costs more than everything else.
has_lines()
{
	local lines=()

	[ ! -e "$2" ] || mapfile lines < "$2"
	[ "${#lines[@]}" = "$1" ] && { [ "$1" = 0 ] || [[ ${lines[-1]} == *$'\n' ]]; }
}

# at_least_lines N FILE
at_least_lines()
{
	local lines=()

	[ ! -e "$2" ] || mapfile lines < "$2"
	[ "${#lines[@]}" -ge "$1" ]
}

# All that this test has started in the background has ended.
jobs_ended()
{
	jobs > /dev/null	# takes note of those that ended
	jobs -pr > "$WORK.jobs"
	[ ! -s "$WORK.jobs" ]
}

# find_module NAME [FILE]: FILE if that is said, else where a build or an installation puts it
find_module()
{
	local file

	for file in "${2:-}" "$HERE/$1.ko" "$HERE"/{..,../..}/"$1.ko" "$HERE"/{,../}{modules,naive}/"$1.ko" \
		    "$(modinfo -F filename "$1" 2> /dev/null)"; do
		[ -n "$file" ] && [ -r "$file" ] && break
	done
	echo "$file"
}

is_loaded()
{
	[ -e /sys/module/button_irq ]
}

is_unloaded()
{
	! is_loaded
}

# load PARAMETER=VALUE...: as said, nothing added
load()
{
	insmod "$MODULE" "$@"
}

# load_button PARAMETER=VALUE...: on the first line under test
load_button()
{
	load "line=${LINES[0]}" "$@"
	[ -c "$DEV" ] || fail "$DEV did not appear"
}

# The platform devices that are bound, one a line
bound_devices()
{
	local device

	for device in "$DRIVER"/*; do
		[ ! -L "$device" ] || [ "$device" = "$DRIVER/module" ] || echo "${device##*/}"
	done
}

# The platform device behind a node
device_of()
{
	basename "$(readlink -f "$CLASS/${1:-button_irq}/device")"
}

unbind()
{
	echo "$1" > "$DRIVER/unbind"
}

bind()
{
	echo "$1" > "$DRIVER/bind"
}

# Takes the buttons away: every program that still reads one gets ENODEV and is expected to end.
hang_up()
{
	local device

	for device in $(bound_devices); do
		unbind "$device"
	done
	wait_for 10 readers 0
}

unload()
{
	hang_up
	rmmod button_irq
	no_nodes || fail "a node outlived the module: $(echo /dev/button_irq*)"
}

no_nodes()
{
	! compgen -G '/dev/button_irq*' > /dev/null
}

# The buttons' open files. The kernel holds the module twice for each: once for the device, once for its operations.
open_files()
{
	local references

	read -r references < /sys/module/button_irq/refcnt
	echo $((references / 2))
}

readers()
{
	local references

	read -r references < /sys/module/button_irq/refcnt
	[ "$references" = $(($1 * 2)) ]
}

# counter NAME [NODE]
counter()
{
	local value

	read -r value < "$CLASS/${2:-button_irq}/$1"
	echo "$value"
}

# counter_is NAME VALUE [NODE]
counter_is()
{
	local value

	read -r value < "$CLASS/${3:-button_irq}/$1"
	[ "$value" = "$2" ]
}

# press N [INDEX [US]]: N presses of the button on the INDEXth line, 30 ms (or US) long and apart, well clear of the
# debounce time; returns as long after the last release.
press()
{
	local i t=0 us=${3:-30000} train=()

	for ((i = 0; i < $1; i++)); do
		train+=("$t:0" "$((t + us)):1")
		t=$((t + 2 * us))
	done
	stim "${2:-0}" train "${train[@]}" "$t:1"
}

# press_bouncing N: N presses whose contact closes with about 2 ms of bounces and opens with about 1 ms, each a little longer
press_bouncing()
{
	local i t=100000 train=()

	for ((i = 0; i < $1; i++)); do
		train+=("$t:0" "$((t + 300 + 70 * i)):1" "$((t + 700 + 110 * i)):0" "$((t + 1500)):1" "$((t + 1900 + 130 * i)):0")
		train+=("$((t + 120000)):1" "$((t + 120200)):0" "$((t + 120600 + 90 * i)):1")
		t=$((t + 300000 + 20000 * i))
	done
	stim 0 train "${train[@]}" "$t:1"
}

# check_stream N FILE [STATE]: N events as text: numbered without a gap, press and release in turn (beginning with
# a press unless STATE is pressed), times that do not go back, releases that say how long the button was held.
check_stream()
{
	awk -v wanted="$1" -v state="${3:-released}" '
	function complain(what) { print "line " NR ": " what ": " $0; bad = 1 }
	function ns(time, part) { split(time, part, "."); return part[1] * 1000000000 + part[2] }
	!/^[0-9]+ [0-9]+\.[0-9]{9} (press|release [0-9]+\.[0-9]{9})$/ { complain("not an event"); next }
	NR > 1 && $1 != seq + 1 { complain("number does not follow " seq) }
	NR > 1 && ns($2) < time { complain("time goes back") }
	($3 == "press") != (state == "released") { complain("state was " state " before") }
	$3 == "release" && pressed && ns($4) != ns($2) - pressed { complain("held time") }
	{
		seq = $1; time = ns($2)
		state = $3 == "press" ? "pressed" : "released"
		if ($3 == "press")
			pressed = time
	}
	END {
		if (NR != wanted) { print NR " events, wanted " wanted; bad = 1 }
		exit bad
	}' "$2" || fail "$2 is not a whole stream of $1 events"
}

# The kernel log from here on: kmsg_mark, then kmsg_since.
kmsg_mark()
{
	[ -z "${KMSG:-}" ] || exec {KMSG}<&-
	exec {KMSG}< /dev/kmsg
	klog end <&"$KMSG" || fail "no kernel log"
	: > "$WORK.kmsg"
}

# kmsg_since [REGEX]: all lines, or those that match
kmsg_since()
{
	local line

	klog rest <&"$KMSG" >> "$WORK.kmsg" || fail "the kernel log was overwritten"
	while IFS= read -r line; do
		[[ ! $line =~ ${1:-} ]] || printf '%s\n' "$line"
	done < "$WORK.kmsg"
}

# What the kernel counts as in use: slab objects by cache, once caches are rid of their slack, and of the inodes of
# files that went
slab_objects()
{
	local cache

	echo 2 > /proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 > "$cache"
	done
	# vmalloc gives its areas back when it sees fit.
	awk 'NR > 2 && $1 != "vmap_area" { print $1, $2 }' /proc/slabinfo | sort
}

# The caches in the file "suspects" that have LIMIT objects more than in the file "before" remain in it; true when none
# does. To be waited for, a second each time: much is freed only after an RCU grace period.
acquitted()
{
	sleep 1
	slab_objects > now
	join before now | awk -v limit="$1" '
	NR == FNR { suspect[$1] = 1; next }
	suspect[$1] && $3 - $2 >= limit { print $1, $2, $3 }' suspects - > grown
	[ ! -s grown ]
}

# leaks_nothing N ROUND...: ROUND, done N times, leaves nothing behind: a leak is an object a round, or more. The
# kernel keeps freed objects at each CPU, dozens of a cache since 6.18, and counts them as in use; that can look like a leak once.
# So a cache that grew by N is looked at for another N rounds: a leak goes on, what is merely kept does not. A kernel that
# does not count (debug-b) has the rounds only.
leaks_nothing()
{
	local batch i rounds=$1

	shift
	# What grows once, with the first of everything
	for ((i = 0; i < 5; i++)); do
		"$@"
	done
	if [ ! -e /proc/slabinfo ]; then
		for ((i = 0; i < rounds; i++)); do
			"$@"
		done
		echo "no /proc/slabinfo in this kernel: objects are not counted"
		return
	fi
	slab_objects > before
	cp before suspects
	for batch in 1 2 3 4; do
		for ((i = 0; i < rounds; i++)); do
			"$@"
		done
		in_time 5 acquitted "$rounds" && return
		echo "$rounds rounds, cache before and after: $(paste -sd ';' grown)"
		mv grown suspects
		slab_objects > before
	done
	fail "$batch times $rounds rounds, and each time these grew: $(cut -d ' ' -f 1 suspects | paste -sd ' ')"
}

# The chip's character device, by the label in CHIPLABEL:OFFSET
chip_of()
{
	gpiodetect | awk -v label="[${1%:*}]" '$2 == label { print $1; exit }'
}

# line_info CHIPLABEL:OFFSET: what gpioinfo says of it, without its number
line_info()
{
	gpioinfo -c "$(chip_of "$1")" "${1##*:}"
}

line_is_free()
{
	local info

	info=$(line_info "$1")
	[[ $info != *consumer=* && $info != *'[used'* && $info != *'used]'* ]]
}

line_is_taken()
{
	! line_is_free "$1"
}

# test_chip PARAMETER=VALUE...: loads modules/button_irq_test_chip.c, a chip that every kernel can have; skips where it
# is what the tests are run on.
test_chip()
{
	local file

	file=$(find_module button_irq_test_chip "${BUTTON_IRQ_TEST_CHIP_KO:-}")
	[ -n "$file" ] || skip "no button_irq_test_chip.ko here"
	[ ! -e /sys/module/button_irq_test_chip ] || skip "the test chip is in use"
	insmod "$file" "$@"
	TEST_CHIP_LOADED=1
}

# on_wire INPUT OUTPUT COMMAND...: with the first line under test at INPUT, driven from OUTPUT
on_wire()
{
	local input=$1 output=$2

	shift 2
	BUTTON_IRQ_STIMULUS=wire BUTTON_IRQ_LINES=$input BUTTON_IRQ_PINS=$output "$@"
}

# sim_chip NAME LABEL LINES [OFFSET=LINENAME]...: a gpio-sim chip of our own; sets SIM to the sysfs directory of its lines.
# Skips where the kernel has no gpio-sim.
sim_chip()
{
	local dir=/sys/kernel/config/gpio-sim/$1 line

	modprobe -q gpio-sim || skip "no gpio-sim in this kernel"
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	mkdir -p "$dir/bank0"
	SIM_CHIPS+=("$dir")
	echo "$2" > "$dir/bank0/label"
	echo "$3" > "$dir/bank0/num_lines"
	for line in "${@:4}"; do
		mkdir "$dir/bank0/line${line%%=*}"
		echo "${line#*=}" > "$dir/bank0/line${line%%=*}/name"
	done
	echo 1 > "$dir/live"
	# shellcheck disable=SC2034
	SIM=/sys/devices/platform/$(cat "$dir/dev_name")/$(cat "$dir/bank0/chip_name")
}
SIM_CHIPS=()
export TEST_CHIP_LOADED=

# Leaves the machine as it was, whatever the test did.
test_cleanup()
{
	local i fd

	set +e
	if is_loaded; then
		# Files that a test which failed has left open
		for i in /proc/"$BASHPID"/fd/*; do
			fd=${i##*/}
			[[ $(readlink "$i") != /dev/button_irq* ]] || exec {fd}<&-
		done
	fi
	if declare -F cleanup > /dev/null; then
		cleanup
	fi
	if is_loaded; then
		for i in $(bound_devices); do
			unbind "$i"
		done
	fi
	# shellcheck disable=SC2046
	kill $(jobs -p) 2> /dev/null
	wait
	if is_loaded; then
		rmmod button_irq
	fi
	[ -z "$TEST_CHIP_LOADED" ] || rmmod button_irq_test_chip
	for i in "${SIM_CHIPS[@]}"; do
		[ ! -e "$i/live" ] || echo 0 > "$i/live"
		rmdir "$i"/bank0/line* 2> /dev/null
		rmdir "$i/bank0" "$i"
	done
	for i in "${!LINES[@]}"; do
		stim "$i" 1
	done
}

run_one()
{
	(
		set -euo pipefail
		trap test_cleanup EXIT
		cd "$WORK"
		"$1"
	) > "$WORK.log" 2>&1 < /dev/null
}

# gesture MS:LEVEL...: set the first line to each level at so many milliseconds; returns at the last
gesture()
{
	local step train=()

	for step; do
		train+=("$((${step%:*} * 1000)):${step#*:}")
	done
	stim 0 train "${train[@]}"
}

# run_tests FUNCTION...
run_tests()
{
	local name status

	ktap_print_header
	ktap_set_plan $#
	WORK=$(mktemp -d)
	for name in "$@"; do
		find "$WORK" -mindepth 1 -delete
		# In a condition "set -e" would not hold within the test.
		set +e
		run_one "$name"
		status=$?
		set -e
		name=${name#test_}
		# What a test wants said, whether it passed or not
		if [ -s "$WORK.say" ]; then
			sed 's/^/# /' "$WORK.say"
			rm "$WORK.say"
		fi
		case $status in
		0)
			ktap_test_pass "$name"
			;;
		"$KSFT_SKIP")
			ktap_test_skip "$name: $(tail -n 1 "$WORK.log")"
			;;
		*)
			sed 's/^/# /' "$WORK.log"
			ktap_test_fail "$name"
			;;
		esac
	done
	rm -rf "$WORK" "$WORK".*
	ktap_finished
}

bail_out()
{
	ktap_print_header
	echo "Bail out! $*"
	exit 1
}

[ "$(id -u)" = 0 ] || bail_out "these tests need root"
LINES=()
for index in 0 1; do
	LINES+=("$(stim "$index" line)") || bail_out "no line to press"
done
MODULE=$(find_module button_irq "${BUTTON_IRQ_KO:-}")
[ -n "$MODULE" ] || bail_out "button_irq.ko is not here; say where it is in BUTTON_IRQ_KO"
is_unloaded || bail_out "button_irq is loaded already"
for index in "${!LINES[@]}"; do
	stim "$index" 1
done
