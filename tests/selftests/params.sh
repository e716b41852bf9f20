#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module's parameters: what each does, and that each failure is one log line that names the parameter and its
# value, an errno, and nothing left behind.

# load_button's parameters are optional.
# shellcheck disable=SC2119 source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The lines under test are on one chip, which stays: asked for once. Programs are slow to start in an emulator, and the
# functions below are called very often.
CHIP=$(chip_of "${LINES[0]}")

# Log lines of ours
our_log()
{
	kmsg_since '^(platform )?button_irq'
}

# log_says TEXT: does a line of ours? (A pipe to grep -q would fail now and then: it does not read to the end.)
log_says()
{
	[[ $(our_log) == *"$1"* ]]
}

nothing_left()
{
	local info

	is_unloaded || fail "the module is loaded"
	no_nodes || fail "left behind: $(echo /dev/button_irq*)"
	[ ! -e "$CLASS" ] || fail "left behind: $CLASS"
	! compgen -G '/sys/bus/platform/devices/button_irq*' > /dev/null || fail "a platform device is left behind"
	[ ! -e "$DRIVER" ] || fail "left behind: $DRIVER"
	info=$(gpioinfo -c "$CHIP" "${LINES[@]##*:}")
	[[ $info != *consumer=* && $info != *'[used'* && $info != *'used]'* ]] || fail "a line is still taken: $info"
}

# refused ERRNO PARAMETER VALUE LOAD-PARAMETER...: not loaded, for this reason
refused()
{
	local errno=$1 parameter=$2 value=$3 got log

	shift 3
	kmsg_mark
	got=$(loadmod "$MODULE" "$@")
	mapfile -t log < <(our_log)
	[ "$got" = "$errno" ] || fail "$*: $got, wanted $errno; the log says: ${log[*]}"
	[ "${#log[@]}" = 1 ] || fail "$*: not one log line but ${#log[@]}: ${log[*]}"
	[[ ${log[*]} == *"$parameter"* ]] || fail "$*: the log does not name $parameter: ${log[*]}"
	[[ ${log[*]} == *"$value"* ]] || fail "$*: the log does not name $value: ${log[*]}"
	nothing_left
	echo "$errno: ${log[*]}"
}

# bad PARAMETER VALUE...: each value is refused for a button that is all right otherwise
bad()
{
	local parameter=$1 value

	shift
	for value in "$@"; do
		refused EINVAL "$parameter" "$value" "line=${LINES[0]}" "$parameter=$value"
	done
}

# good PARAMETER VALUE...: each value is taken
good()
{
	local parameter=$1 value

	shift
	for value in "$@"; do
		load_button "$parameter=$value" || fail "$parameter=$value is refused"
		unload
	done
	nothing_left
}

test_nothing_asked_for()
{
	equal "insmod without a line" ok "$(loadmod "$MODULE")"
	[ -z "$(bound_devices)" ] || fail "there is a button: $(bound_devices)"
	unload
	nothing_left
}

test_log_of_success()
{
	local log irq

	kmsg_mark
	load_button label=bell debounce_us=4321 pull=as-is
	log=$(our_log)
	equal "log lines" 1 "$(wc -l <<< "$log")"
	# "CPU0 CPU1 ..." and then "IRQ: count count ... chip trigger name"
	irq=$(awk '$NF ~ /^button_irq|^bell$/ { sub(":", "", $1); print $1; exit }' /proc/interrupts)
	[ -n "$irq" ] || fail "no interrupt of ours in /proc/interrupts"
	for word in "${LINES[0]}" bell "$irq" 4321; do
		grep -Fq -- "$word" <<< "$log" || fail "the log does not say $word: $log"
	done
	kmsg_mark
	unload
	equal "log of unloading" "" "$(our_log)"
	nothing_left
}

test_bad_gpio()
{
	refused EINVAL gpio abc gpio=abc
	refused EINVAL gpio -1 gpio=-1
	refused EINVAL gpio 17x gpio=17x
	refused EINVAL gpio 4294967313 gpio=4294967313
	refused EINVAL gpio 65535 gpio=65535
	refused EINVAL gpio "" gpio=
	refused EINVAL gpio= "" gpio=17,,27
}

# The first line under test is GPIO17 of a Raspberry Pi.
is_a_pi()
{
	is_pi_chip "${LINES[0]%:*}" && [ "${LINES[0]##*:}" = 17 ]
}

# No controller of a Raspberry Pi here: the log says what else could be meant.
test_gpio_without_a_pi()
{
	! is_a_pi || skip "this is a Raspberry Pi"
	refused ENODEV gpio 17 gpio=17
	kmsg_mark
	loadmod "$MODULE" gpio=17 > /dev/null
	our_log | grep line= > /dev/null || fail "the log does not suggest line=: $(our_log)"
}

test_bad_line()
{
	local chip=${LINES[0]%:*} long

	long=$(printf 'x%.0s' {1..200})
	refused EINVAL line "" line=
	refused EINVAL line= "" "line=${LINES[0]},,${LINES[1]}"
	refused ENODEV line NOSUCH line=NOSUCH
	refused ENODEV line nochip:5 line=nochip:5
	refused ENODEV line "$chip:" "line=$chip:"
	refused ENODEV line ":5" "line=:5"
	refused ENODEV line "$chip:x" "line=$chip:x"
	refused ENODEV line "$chip:5x" "line=$chip:5x"
	refused ENODEV line "$chip:-1" "line=$chip:-1"
	refused ENODEV line "$chip:9999" "line=$chip:9999"
	refused ENODEV line "$chip" "line=$chip"
	# What gpiolib takes for "look the name up", and offsets that are good ones once they are cut to 16 or 32 bits
	refused ENODEV line "$chip:65535" "line=$chip:65535"
	refused ENODEV line "$chip:$((65536 + ${LINES[0]##*:}))" "line=$chip:$((65536 + ${LINES[0]##*:}))"
	refused ENODEV line "$chip:$((4294967296 + ${LINES[0]##*:}))" "line=$chip:$((4294967296 + ${LINES[0]##*:}))"
	refused ENODEV line xxxx "line=$long"
	refused ENODEV line xxxx "line=$long:5"
	kmsg_mark
	loadmod "$MODULE" line=NOSUCH > /dev/null
	our_log | grep 'LABEL:OFFSET\|gpioinfo' > /dev/null || fail "the log does not suggest other spellings: $(our_log)"
}

test_bad_active_low() { bad active_low 2 x -1; }
test_bad_pull() { bad pull sideways UP 1; }
test_bad_debounce_us() { bad debounce_us -1 1000001 abc 10ms 1e3 4294967296 0x10; good debounce_us 0 1000000; }
test_bad_debounce_mode() { bad debounce_mode fast EAGER 7; good debounce_mode eager settle; }
test_bad_storm_rate() { bad storm_rate -1 abc 4294967296; good storm_rate 0 1; }
test_bad_ring_events() { bad ring_events 0 8 15 17 1000 131072 -16 abc; good ring_events 16 65536; }
test_bad_keycode() { bad keycode 768 -1 abc 0x1c; good keycode 0 28 767; }
test_bad_max_readers() { bad max_readers 0 65537 -1 abc; good max_readers 1 65536; }
test_bad_read_level() { bad read_level 2 x; good read_level 0 1; }

test_bad_label()
{
	local value

	bad label "$(printf 'x%.0s' {1..32})" a/b . ..
	# The log escapes these, so it cannot be searched for them: control characters, blanks at an end, 32 bytes, and what is
	# not UTF-8 (a lone start, a lone continuation, an overlong slash, a surrogate, 0xff), and noncharacters.
	for value in $'a\tb' $'a\nb' $'a\x7fb' ' bell' 'bell ' ' ' "$(printf 'ü%.0s' {1..16})" \
		     $'a\xc3' $'a\xbcb' $'a\xc0\xafb' $'\xed\xa0\x80' $'\xff' \
		     $'\xef\xbf\xbe' $'\xef\xb7\x90' $'\xf0\x9f\xbf\xbf'; do
		refused EINVAL label "" "line=${LINES[0]}" "label=\"$value\""
	done
}

test_labels()
{
	local label

	# shellcheck disable=SC2016,SC1003
	for label in "$(printf 'x%.0s' {1..31})" 'left door' '...' '%s%n' 'a:b' "it's" '-' '$(reboot)' '*' '\' Tür 呼び鈴 \
		     "$(printf 'ü%.0s' {1..15})x"; do
		load_button "label=\"$label\""
		equal label "$label" "$(counter label)"
		unload
	done
	# Without a label it is called as its node is, or as the pin of a Raspberry Pi.
	load_button
	equal label "$(is_a_pi && echo gpio17 || echo button_irq)" "$(counter label)"
	unload
}

# all_labels: of all buttons, in the order of their nodes
all_labels()
{
	cat "$CLASS"/*/label | paste -sd ,
}

# The second button of a label gets a suffix, and the log says so.
test_equal_labels()
{
	local label

	kmsg_mark
	load "line=${LINES[0]},${LINES[1]}" label=bell
	equal labels bell,bell_2 "$(all_labels)"
	log_says bell_2 || fail "the log does not say bell_2: $(our_log)"
	unload

	# A suffixed label can be somebody's already.
	load "line=${LINES[0]},${LINES[1]}" label=bell_2,bell
	equal labels bell_2,bell "$(all_labels)"
	unload
	test_chip label=many nested=0 wires=8
	load line=many:8,many:9,many:10,many:11 label=bell,bell_2,bell,bell
	equal "different labels" 4 "$(cat "$CLASS"/*/label | sort -u | wc -l)"
	unload

	# What udev makes one link of: it puts an underscore for a run of blanks, and one for "?". It keeps "\x".
	load "line=${LINES[0]},${LINES[1]}" 'label="a  b,a b"'
	equal labels 'a  b,a b_2' "$(all_labels)"
	log_says 'link a_b_2,' || fail "the log does not say the link: $(our_log)"
	unload
	load "line=${LINES[0]},${LINES[1]}" 'label="a ?b,a__b"'
	equal labels 'a ?b,a__b_2' "$(all_labels)"
	unload
	load "line=${LINES[0]},${LINES[1]}" 'label="a\x41,a_x41"'
	equal labels 'a\x41,a_x41' "$(all_labels)"
	unload

	# The longest ones: the suffix fits, and cuts no character in two.
	for label in "$(printf 'x%.0s' {1..31})" "$(printf 'ü%.0s' {1..15})x" "$(printf '呼%.0s' {1..10})x"; do
		load "line=${LINES[0]},${LINES[1]}" "label=$label"
		equal "the first label" "$label" "$(counter label)"
		counter label button_irq1 > second
		[ "$(cat second)" != "$label" ] || fail "both are called $label"
		LC_ALL=C.UTF-8 grep -qax '.*_2' second || fail "the second is called $(cat second)"
		[ "$(wc -c < second)" -le 32 ] || fail "a label of $(($(wc -c < second) - 1)) bytes: $(cat second)"
		unload
	done
}

# gpioinfo says whose the line is.
test_consumer_is_the_label()
{
	local info

	load_button 'label="left door"'
	info=$(line_info "${LINES[0]}")
	[[ $info == *"left door"* ]] || fail "gpioinfo says: $info"
	unload
	load_button
	info=$(line_info "${LINES[0]}")
	[[ $info == *"$(is_a_pi && echo gpio17 || echo button_irq)"* ]] || fail "gpioinfo says: $info"
	unload
}

test_too_many_values()
{
	local parameter values

	while read -r parameter values; do
		refused EINVAL "$parameter" "${values##*,}" "line=${LINES[0]}" "$parameter=$values"
	done <<- EOF
		active_low 1,0
		pull up,off
		debounce_us 1000,2000
		debounce_mode eager,settle
		storm_rate 100,200
		keycode 28,57
		claim 1,0
		label left,right
	EOF
	refused EINVAL debounce_us 3 "line=${LINES[0]},${LINES[1]}" debounce_us=1,2,3
}

# The kernel itself counts the elements of a list, and says so in lines of its own.
test_too_many_lines()
{
	kmsg_mark
	equal "33 lines" EINVAL "$(loadmod "$MODULE" "line=$(printf 'x,%.0s' {1..32})x")"
	our_log | grep -F "\`line'" > /dev/null || fail "the log does not name line: $(our_log)"
	nothing_left
	# But not of both lists together.
	refused EINVAL line "over 32" "gpio=$(printf '17,%.0s' {1..31})17" "line=${LINES[0]}"
}

# One good button and one bad: neither stays.
test_second_one_bad()
{
	refused ENODEV line NOSUCH "line=${LINES[0]},NOSUCH"
	refused EINVAL debounce_us 1000001 "line=${LINES[0]},${LINES[1]}" debounce_us=5,1000001
	refused EBUSY line "${LINES[0]}" "line=${LINES[0]},${LINES[0]}"
}

test_line_taken()
{
	local monitor

	gpiomon --consumer "the neighbour" -c "$(chip_of "${LINES[0]}")" "${LINES[0]##*:}" &
	monitor=$!
	wait_for 10 line_is_taken "${LINES[0]}"
	kmsg_mark
	equal "taking a line from gpiomon" EBUSY "$(loadmod "$MODULE" "line=${LINES[0]}")"
	our_log > log
	has_lines 1 log || fail "not one log line: $(cat log)"
	for word in line "${LINES[0]}" "the neighbour"; do
		grep -Fq "$word" log || fail "the log does not say '$word': $(cat log)"
	done
	# Also as the second of two: the first is given back.
	equal "the other one too" EBUSY "$(loadmod "$MODULE" "line=${LINES[1]},${LINES[0]}")"
	line_is_free "${LINES[1]}" || fail "${LINES[1]} was not given back"
	kill "$monitor"
	wait_for 10 line_is_free "${LINES[0]}"
	load_button
	line_is_taken "${LINES[0]}" || fail "gpioinfo does not show that the line is taken"
	unload
	nothing_left
}

# A controller can refuse a line that nobody has.
test_line_refused_by_its_controller()
{
	test_chip label=busy nested=0
	echo 1 > /sys/bus/platform/devices/button-irq-test.0/fail_request
	refused EBUSY line busy:4 line=busy:4
	! our_log | grep 'in use by' > /dev/null || fail "the log names a user: $(our_log)"
	echo 0 > /sys/bus/platform/devices/button-irq-test.0/fail_request
	load line=busy:4
	unload
}

# I2C, a console: taking the pin would stop it. The log says how to take it all the same.
test_pin_of_another_function()
{
	local pin=line=muxed:4 word

	if [[ ${LINES[0]} == pinctrl-rp1:* ]]; then
		skip "an unused pin of RP1 has no direction either"
	elif is_a_pi; then
		pin=gpio=14	# the console's
	else
		test_chip label=muxed nested=0
		echo 1 > /sys/bus/platform/devices/button-irq-test.0/other_function
	fi
	refused EBUSY "$pin" "another function" "$pin"
	kmsg_mark
	loadmod "$MODULE" "$pin" > /dev/null
	log_says claim=1 || fail "the log does not name the cure: $(our_log)"
	# Refused means left alone.
	refused EBUSY "$pin" "another function" "$pin" claim=0
	! is_a_pi || return 0
	equal "the pin after a refusal" 1 "$(cat /sys/bus/platform/devices/button-irq-test.0/other_function)"
	load "$pin" claim=1
	equal line muxed:4 "$(counter line)"
	unload
	refused EINVAL claim 2 "$pin" claim=2
	refused EINVAL claim 1 "$pin" claim=0,1
}

test_line_without_an_interrupt()
{
	test_chip label=mute nested=0 interrupts=0
	refused ENXIO line=mute:4: "" line=mute:4
}

# The controller's interrupts are not there yet: a number that no program knows must not come out.
test_line_whose_interrupt_is_deferred()
{
	test_chip label=later nested=0 interrupts=0 deferred=1
	refused ENODEV line=later:4: "" line=later:4
}

test_line_whose_interrupt_is_taken()
{
	test_chip label=taken nested=0
	echo 1 > /sys/bus/platform/devices/button-irq-test.0/fail_irq
	refused EBUSY line=taken:4: "" line=taken:4
	# Also as the second: the first is given back, and no node appears.
	refused EBUSY line=taken:5: "" "line=${LINES[0]},taken:5"
	echo 0 > /sys/bus/platform/devices/button-irq-test.0/fail_irq
	load line=taken:4
	unload
}

# Comma lists, and a single value that applies to all
test_lists()
{
	local both="line=${LINES[0]},${LINES[1]}"

	load "$both"
	equal nodes "button_irq button_irq1" "$(cd "$CLASS" && echo *)"
	equal "line 0" "${LINES[0]}" "$(counter line)"
	equal "line 1" "${LINES[1]}" "$(counter line button_irq1)"
	equal "default debounce" "10000 10000" "$(cat "$CLASS"/*/debounce_us | paste -sd ' ')"
	equal "default mode" "eager eager" "$(cat "$CLASS"/*/debounce_mode | paste -sd ' ')"
	equal "default storm rate" "2000 2000" "$(cat "$CLASS"/*/storm_rate | paste -sd ' ')"
	equal states "released released" "$(cat "$CLASS"/*/state | paste -sd ' ')"
	unload

	load "$both" debounce_us=5000 debounce_mode=settle storm_rate=300
	equal "one debounce for all" "5000 5000" "$(cat "$CLASS"/*/debounce_us | paste -sd ' ')"
	equal "one mode for all" "settle settle" "$(cat "$CLASS"/*/debounce_mode | paste -sd ' ')"
	equal "one storm rate for all" "300 300" "$(cat "$CLASS"/*/storm_rate | paste -sd ' ')"
	unload

	load "$both" debounce_us=5000,6000 debounce_mode=settle,eager storm_rate=1,2 label=left,right active_low=1,0
	equal "a debounce each" "5000 6000" "$(cat "$CLASS"/*/debounce_us | paste -sd ' ')"
	equal "a mode each" "settle eager" "$(cat "$CLASS"/*/debounce_mode | paste -sd ' ')"
	equal "a storm rate each" "1 2" "$(cat "$CLASS"/*/storm_rate | paste -sd ' ')"
	equal "a label each" "left right" "$(cat "$CLASS"/*/label | paste -sd ' ')"
	unload

	load "$both" debounce_us=,6000 label=,right debounce_mode=,settle
	equal "the first by default" "10000 6000" "$(cat "$CLASS"/*/debounce_us | paste -sd ' ')"
	equal "the first by default" "eager settle" "$(cat "$CLASS"/*/debounce_mode | paste -sd ' ')"
	equal "the first by default" "$(is_a_pi && echo gpio17 || echo button_irq) right" "$(cat "$CLASS"/*/label | paste -sd ' ')"
	unload

	# The order of the lines is that of the nodes.
	load "line=${LINES[1]},${LINES[0]}"
	equal "line 0" "${LINES[1]}" "$(counter line)"
	equal "line 1" "${LINES[0]}" "$(counter line button_irq1)"
	cat /dev/button_irq1 > got &
	wait_for 10 readers 1
	press 1 0
	wait_for 10 has_lines 2 got
	equal "presses of the other" 0 "$(counter presses)"
	unload
	nothing_left
}

test_active_low()
{
	load_button active_low=1
	equal "active low, high" released "$(counter state)"
	unload
	load_button active_low=0 pull=as-is
	equal "active high, high" pressed "$(counter state)"
	cat "$DEV" > got &
	wait_for 10 readers 1
	press 1
	wait_for 10 has_lines 2 got
	# The first release was held nobody knows how long.
	grep -Eq '^1 [0-9.]+ release 0\.000000000$' got || fail "got $(cat got)"
	grep -Eq '^2 [0-9.]+ press$' got || fail "got $(cat got)"
	unload
}

test_read_level()
{
	load_button read_level=0
	cat "$DEV" > got &
	wait_for 10 readers 1
	press 10
	wait_for 10 has_lines 20 got
	check_stream 20 got
	unload
}

# Fails with EBUSY
cannot_open()
{
	! (: < "$1") 2> error || fail "$1 can be opened"
	grep -q 'resource busy' error || fail "opening $1: $(cat error)"
}

# max_readers limits the open files of one button. A duplicated descriptor is the same open file.
test_max_readers()
{
	local fd last copy

	load "line=${LINES[0]},${LINES[1]}" max_readers=2
	exec {fd}< "$DEV"
	exec {last}< "$DEV"
	cannot_open "$DEV"
	exec {copy}<&"$last"
	: < /dev/button_irq1
	exec {last}<&-
	cannot_open "$DEV"
	exec {copy}<&-
	: < "$DEV"
	exec {last}< "$DEV"
	cannot_open "$DEV"
	exec {last}<&- {fd}<&-
	unload
}

test_max_readers_default()
{
	load_button
	equal default 4096 "$(cat /sys/module/button_irq/parameters/max_readers)"
	unload
}

gpio_on_this_pi()
{
	load "gpio=17,${LINES[1]##*:}"
	equal "gpio=17" "${LINES[0]}" "$(counter line)"
	equal "gpio=${LINES[1]##*:}" "${LINES[1]}" "$(counter line button_irq1)"
	cat "$DEV" > got &
	wait_for 10 readers 1
	press 2
	wait_for 10 has_lines 4 got
	check_stream 4 got
	unload
	wait
	refused ENODEV gpio 99 gpio=99
	refused ENODEV gpio 99 gpio=17,99
	refused EBUSY gpio 17 gpio=17,17
}

# gpio=17 is what a Raspberry Pi's header calls GPIO17, on the controller that has this label.
test_gpio_on_a_pi()
{
	local label

	if is_a_pi; then
		gpio_on_this_pi
		return
	fi
	for label in "${PI_CHIPS[@]}"; do
		test_chip "label=$label" nested=0 wires=16
		load gpio=17,27
		equal "gpio=17 on $label" "$label:17 gpio17" "$(counter line) $(counter label)"
		equal "gpio=27 on $label" "$label:27 gpio27" "$(counter line button_irq1) $(counter label button_irq1)"
		cat "$DEV" > got &
		wait_for 10 readers 1
		on_wire "$label:17" "$label:1" press 2
		wait_for 10 has_lines 4 got
		check_stream 4 got
		unload
		wait
		refused ENODEV gpio 32 gpio=32
		refused ENODEV gpio 99 gpio=17,99
		refused EBUSY gpio 17 gpio=17,17
		rmmod button_irq_test_chip
		TEST_CHIP_LOADED=
	done
}

# gpio= and line= together: gpio= comes first.
test_gpio_and_line()
{
	if is_a_pi; then
		load "line=${LINES[1]}" gpio=17 label=pi,other
		equal "the first" "${LINES[0]} pi" "$(counter line) $(counter label)"
		equal "the second" "${LINES[1]} other" "$(counter line button_irq1) $(counter label button_irq1)"
		unload
		return
	fi
	test_chip label=pinctrl-rp1 nested=0 wires=16
	load "line=${LINES[0]}" gpio=17 label=pi,other
	equal "the first" "pinctrl-rp1:17 pi" "$(counter line) $(counter label)"
	equal "the second" "${LINES[0]} other" "$(counter line button_irq1) $(counter label button_irq1)"
	unload
}

test_line_names()
{
	test_chip label=test-names nested=0 wires=16 prefix=DOOR
	load line=DOOR20
	equal "the line called DOOR20" test-names:20 "$(counter line)"
	cat "$DEV" > got &
	wait_for 10 readers 1
	on_wire test-names:20 test-names:4 press 1
	wait_for 10 has_lines 2 got
	unload
	wait
	refused ENODEV line DOOR32 line=DOOR32
	refused ENODEV line DOOR2 "line=DOOR20x"
	refused ENODEV line DOOR "line=DOOR"
}

# On a chip on which only some lines are named, with gaps before and between them.
test_names_with_gaps()
{
	sim_chip button_irq_params params-sim 8 5=BTN5 7=BTN7
	load line=BTN7,BTN5
	equal lines "params-sim:7 params-sim:5" "$(counter line) $(counter line button_irq1)"
	unload
	refused ENODEV line BTN6 line=BTN6
}

# first_of LABEL...: of these chips the one that gpiolib has first; so it lists them there
first_of()
{
	local labels=$*

	grep -oE "(${labels// /|})" /sys/kernel/debug/gpio | head -n 1
}

# Lines called "first:0", "first:1", ... on both of the chips "other" and "first": line=first:20 is the name, and of equal
# names the one on the chip that gpiolib has first.
test_name_wins()
{
	local labels

	for labels in other,first first,other; do
		test_chip "label=$labels" nested=0,0 wires=16 prefix=first:
		load line=first:20
		equal "the line called first:20" "$(first_of other first):20" "$(counter line)"
		unload
		load line=other:21
		equal "no line's name" other:21 "$(counter line)"
		unload
		rmmod button_irq_test_chip
		TEST_CHIP_LOADED=
	done
}

# chips_of LABEL: all of them, by their devices
chips_of()
{
	gpiodetect | awk -v label="[$1]" '$2 == label { print $1 }' | paste -sd ' '
}

# Two expanders of one kind have one label. Their devices tell them apart.
test_two_chips_of_one_label()
{
	local chips

	test_chip label=twin,twin nested=1,1
	read -r -a chips <<< "$(chips_of twin)"
	equal chips 2 "${#chips[@]}"
	refused EINVAL line=twin:4 "${chips[0]}:4" line=twin:4
	kmsg_mark
	loadmod "$MODULE" line=twin:4 > /dev/null
	log_says "${chips[1]}:4" || fail "the log does not list ${chips[1]}:4: $(our_log)"
	refused EINVAL line=twin:4 "" "line=${LINES[0]},twin:4"
	load "line=${chips[1]}:4,${chips[0]}:4" label=second,first
	[[ $(gpioinfo -c "${chips[1]}" 4) == *second* ]] || fail "${chips[1]}: $(gpioinfo -c "${chips[1]}" 4)"
	[[ $(gpioinfo -c "${chips[0]}" 4) == *first* ]] || fail "${chips[0]}: $(gpioinfo -c "${chips[0]}" 4)"
	unload
}

test_chip_by_its_device()
{
	local chip

	test_chip label=only nested=0
	chip=$(chips_of only)
	load "line=$chip:4"
	equal line only:4 "$(counter line)"
	cat "$DEV" > got &
	wait_for 10 readers 1
	on_wire only:4 only:0 press 1
	wait_for 10 has_lines 2 got
	unload
	wait
	refused ENODEV line "$chip:8" "line=$chip:8"
	refused ENODEV line "$chip:x" "line=$chip:x"
	refused ENODEV line gpiochip99:4 line=gpiochip99:4
	refused ENODEV line :4 line=:4
	refused EBUSY line only:4 "line=$chip:4,only:4"
}

test_colon_in_the_label()
{
	test_chip label=a:b nested=0 wires=16
	load line=a:b:20
	equal "split at the last colon" a:b:20 "$(counter line)"
	unload
	refused ENODEV line a:b:32 line=a:b:32
}

# gpio-sim's pull is the level of a line that nothing drives.
# pull_gives WANTED LOAD-PARAMETER...: the bias and the state of a button whose line was pulled the other way before
pull_gives()
{
	local wanted=$1 before=pull-up

	[[ $wanted == pull-down* ]] || before="pull-down"
	echo "$before" > "$SIM/sim_gpio2/pull"
	shift
	load line=params-sim:2 "$@"
	equal "$*" "$wanted" "$(cat "$SIM/sim_gpio2/pull") $(counter state)"
	unload
}

test_pull()
{
	sim_chip button_irq_params params-sim 8
	pull_gives "pull-down pressed" pull=down
	pull_gives "pull-up released" pull=up
	# By default towards released
	pull_gives "pull-up released"
	pull_gives "pull-up released" active_low=1
	pull_gives "pull-down released" active_low=0
	pull_gives "pull-up pressed" active_low=0 pull=up
	echo pull-down > "$SIM/sim_gpio2/pull"
	load line=params-sim:2 pull=as-is
	equal "as it is" "pull-down pressed" "$(cat "$SIM/sim_gpio2/pull") $(counter state)"
	unload
}

# A pull towards pressed is a mistake, most often: the log says so.
test_pull_towards_pressed()
{
	local parameters

	test_chip label=pulled nested=0
	while read -r -a parameters; do
		kmsg_mark
		load line=pulled:4 "${parameters[@]}"
		log_says 'holds the button pressed' || fail "${parameters[*]}: the log says $(our_log)"
		unload
	done <<- EOF
		active_low=0 pull=up
		active_low=1 pull=down
		pull=down
	EOF
	while read -r -a parameters; do
		kmsg_mark
		load line=pulled:4 "${parameters[@]}"
		! log_says 'holds the button pressed' || fail "${parameters[*]}: the log says $(our_log)"
		unload
	done <<- EOF
		active_low=0
		active_low=0 pull=down
		active_low=0 pull=as-is
		active_low=1 pull=off
		pull=up
	EOF
}

# PL061 has no pulls: that is said, and the button works.
test_pull_that_cannot_be_set()
{
	local pull

	[[ ${LINES[0]} == *pl061* ]] || skip "this controller can set a pull, or we do not know"
	for pull in up down off; do
		kmsg_mark
		load_button "pull=$pull"
		our_log | grep "pull.*$pull\|$pull.*pull" > /dev/null || fail "pull=$pull: the log says nothing: $(our_log)"
		unload
	done
	kmsg_mark
	load_button pull=as-is
	! our_log | grep pull > /dev/null || fail "pull=as-is is complained of: $(our_log)"
	cat "$DEV" > got &
	wait_for 10 readers 1
	press 1
	wait_for 10 has_lines 2 got
	unload
}

run_tests \
	test_nothing_asked_for test_log_of_success test_bad_gpio test_gpio_without_a_pi test_bad_line \
	test_bad_active_low test_bad_pull test_bad_debounce_us test_bad_debounce_mode test_bad_storm_rate \
	test_bad_ring_events test_bad_keycode test_bad_max_readers test_bad_read_level test_bad_label test_labels test_equal_labels \
	test_consumer_is_the_label test_too_many_values test_too_many_lines test_second_one_bad test_line_taken \
	test_line_refused_by_its_controller test_pin_of_another_function test_line_without_an_interrupt \
	test_line_whose_interrupt_is_deferred test_line_whose_interrupt_is_taken test_lists test_active_low \
	test_read_level test_max_readers test_max_readers_default test_gpio_on_a_pi test_gpio_and_line test_line_names \
	test_names_with_gaps test_name_wins test_two_chips_of_one_label test_chip_by_its_device test_colon_in_the_label \
	test_pull test_pull_towards_pressed test_pull_that_cannot_be_set
