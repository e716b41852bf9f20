#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in the guest: tests each subcommand of button-irq with real presses, against its manual page.

# load_button's parameters are optional.
# shellcheck disable=SC2119 source-path=SCRIPTDIR/../selftests

set -euo pipefail
. "$(dirname "$0")/lib.sh"

click() { gesture 0:0 50:1 60:1; }
double() { gesture 0:0 50:1 150:0 200:1 210:1; }
hold() { gesture 0:0 "$1:1" "$(($1 + 10)):1"; }

# begun COMMAND...: starts button-irq in the background, with its output in "got" and "errors", and waits until it has opened
# the button
begun()
{
	button-irq "$@" > got 2> errors &
	COMMAND=$!
	wait_for 20 readers 1
}

# ends STATUS: waits for the command of begun, and checks that its exit code is STATUS
ends()
{
	local status=0

	wait_for 20 jobs_ended
	wait "$COMMAND" || status=$?
	equal "exit code (errors: $(cat errors))" "$1" "$status"
}

# refused STATUS TEXT COMMAND...: checks that COMMAND ends with exit code STATUS and prints an error with TEXT, of one line, or of
# two with the hint at --help
refused()
{
	local status=0 wanted=$1 text=$2

	shift 2
	button-irq "$@" > got 2> errors || status=$?
	equal "$*: exit code (errors: $(cat errors))" "$wanted" "$status"
	grep -qF -- "$text" errors || fail "$*: no '$text' in: $(cat errors)"
	[ ! -s got ] || fail "$*: prints $(cat got)"
}

test_watch_plain()
{
	load_button label=bell
	cat "$DEV" > wanted 2> /dev/null &
	wait_for 20 readers 1
	button-irq watch bell -n 6 > got 2> errors &
	COMMAND=$!
	wait_for 20 readers 2
	press 3
	wait_for 20 has_lines 6 wanted
	wait_for 20 has_lines 6 got
	same_file wanted got
	hang_up
	ends 0
}

test_watch_two_buttons()
{
	load "line=${LINES[0]},${LINES[1]}" label=bell,door
	button-irq watch bell door --count=4 > got 2> errors &
	COMMAND=$!
	wait_for 20 readers 2
	press 1
	wait_for 20 has_lines 2 got
	press 1 1
	ends 0
	equal "buttons and events" "bell press bell release door press door release" \
		"$(cut -d ' ' -f 1,4 got | paste -sd ' ')"
}

test_watch_json()
{
	load_button 'label=b"e'
	begun watch --json --clock=realtime -n 2
	press 1
	ends 0
	python3 -c '
import json, sys, time
press, release = map(json.loads, open("got"))
assert press["button"] == "b\"e", press
assert press["device"] == "/dev/button_irq", press
assert (press["seq"], press["event"], press["bounces"]) == (1, "press", 0), press
assert (release["seq"], release["event"]) == (2, "release"), release
assert press["clock"] == "realtime" and abs(press["time"] - time.time()) < 60, press
assert abs(release["time"] - press["time"] - release["held"]) < 1e-3, release
assert 0.029 < release["held"] < 0.2, release
held = release["monotonic_ns"] - press["monotonic_ns"]
assert held == release["held_ns"] and abs(release["realtime_ns"] - press["realtime_ns"] - held) < 1000000, release
assert abs(press["monotonic_ns"] - time.monotonic_ns()) < 60e9, press' || fail "$(cat got)"
}

test_watch_history()
{
	load_button
	press 2
	wait_for 20 counter_is releases 2
	button-irq watch --history -n 4 > got
	check_stream 4 got
}

test_watch_timeout()
{
	local status=0

	load_button
	button-irq watch -t 100ms > got || status=$?
	equal "without --count" 0 "$status"
	button-irq watch -t 100ms -n 1 > got || status=$?
	equal "with --count" 1 "$status"
	equal printed "" "$(cat got)"
}

test_watch_terminal()
{
	load_button
	begun watch --color=always -n 2
	press 1
	ends 0
	grep -q $'\e\\[1;32mpress' got || fail "no coloured press: $(cat -v got)"
	grep -q 'held 0\.0' got || fail "no held time: $(cat -v got)"
}

# A reader that slept while the ring overflowed gets the number of lost events, and the events after them.
test_watch_lost()
{
	load_button ring_events=16
	begun watch
	kill -STOP "$COMMAND"
	press 20
	wait_for 20 counter_is releases 20
	kill -CONT "$COMMAND"
	wait_for 20 at_least_lines 17 got
	equal "first line" "1 lost 24" "$(head -n 1 got | cut -d ' ' -f 1,3,4)"
	hang_up
	ends 3
}

test_watch_gone()
{
	load_button label=bell
	begun watch
	press 1
	wait_for 20 has_lines 2 got
	hang_up
	ends 3
	grep -q '^button-irq: bell: No such device$' errors || fail "$(cat errors)"
}

# The button goes and comes back with new numbers; no event is missing.
test_watch_follow()
{
	load_button label=bell
	begun watch -f bell
	press 1
	wait_for 20 has_lines 2 got
	unbind button_irq.0
	wait_for 20 readers 0
	bind button_irq.0
	press 1
	wait_for 20 has_lines 4 got
	equal "numbers and events" "1 press 2 release 1 press 2 release" "$(cut -d ' ' -f 1,3 got | paste -sd ' ')"
	kill "$COMMAND"
	ends 143
}

test_watch_follow_before_it_is_there()
{
	button-irq watch --follow -n 2 > got 2> errors &
	COMMAND=$!
	load_button
	wait_for 20 readers 1
	press 1
	ends 0
	has_lines 2 got || fail "$(cat got)"
}

# udev makes the link in /dev/button later than the node.
test_watch_follow_link()
{
	button-irq watch --follow -n 2 /dev/button/bell > got 2> errors &
	COMMAND=$!
	wait_for 20 grep -q 'waiting' errors
	load_button label=bell
	mkdir -p /dev/button
	ln -s ../button_irq /dev/button/.bell
	mv /dev/button/.bell /dev/button/bell
	wait_for 20 readers 1
	press 1
	ends 0
	rm -r /dev/button
}

test_watch_state()
{
	load_button
	stim 0 0
	wait_for 20 counter_is state pressed
	begun watch --state -n 1
	stim 0 1
	ends 0
	equal "state, then the event" "1 state pressed 2 release" \
		"$(cut -d ' ' -f 1,3,4 got | sed 's/release .*/release/' | paste -sd ' ')"
	equal "state" released "$(button-irq state)"
	! button-irq is-pressed || fail "is-pressed says yes"
	stim 0 0
	wait_for 20 counter_is state pressed
	button-irq is-pressed || fail "is-pressed says no"
	stim 0 1
}

# A container may have only the node /dev/button/LABEL.
test_container()
{
	load_button label=bell
	IFS=: read -r major minor < "$CLASS/button_irq/dev"
	cat > inside << END
	mount -t tmpfs none /dev
	mkdir /dev/button
	mknod /dev/null c 1 3
	mknod /dev/button/bell c $major $minor
	for name in bell /dev/button/bell button_irq; do
		button-irq watch -t 100ms "\$name"
		echo "\$name \$?"
	done
END
	unshare -m sh inside > got 2> errors
	equal "exit codes" "bell 0 /dev/button/bell 0 button_irq 3" "$(paste -sd ' ' got)"
	grep -q 'no /dev/button_irq here.*--device /dev/button_irq' errors || fail "$(cat errors)"
}

test_names()
{
	load "line=${LINES[0]},${LINES[1]}" label=bell,button_irq
	mkdir -p /dev/button
	ln -sfn ../button_irq1 /dev/button/door
	for name in button_irq /dev/button_irq bell; do
		button-irq watch "$name" -n 1 > got &
		wait_for 20 readers 1
		press 1
		wait_for 20 jobs_ended
		at_least_lines 1 got || fail "$name is not the first button"
	done
	button-irq watch /dev/button/door -n 1 > got &
	wait_for 20 readers 1
	press 1 1
	wait_for 20 jobs_ended
	at_least_lines 1 got || fail "the link is not the second button"
	rm -r /dev/button
}

test_errors()
{
	refused 3 "bell: no such button: the module button_irq is not loaded" watch bell
	refused 3 "no buttons: the module button_irq is not loaded" status
	load_button
	refused 3 "bell: no such button" watch bell
	refused 1 "/dev/null: not a button" watch /dev/null
	refused 3 "/dev/nothing: no such button" watch /dev/nothing
	refused 2 "--count=0" watch --count=0
	refused 2 "--timeout=never" watch --timeout=never
	refused 2 "--clock=sundial" watch --clock=sundial
	refused 2 "--color=red" watch --color=red
	refused 2 "wait tickle" wait tickle
	refused 2 "wait: one of" wait
	refused 2 "wait hold" wait hold=soon
	refused 2 "frobnicate: no such command" frobnicate
	refused 2 "a command is missing"
	refused 2 "run: the button has no command" run -b bell
	refused 1 "/nowhere: No such file" run -c /nowhere
	button-irq --help > got
	grep -q '^Usage: button-irq' got || fail "no help"
	button-irq --version | grep '^button-irq ' > /dev/null || fail "no version"
}

# waits_for GESTURE MAKE...: checks that wait GESTURE prints the gesture and exits with 0 after the command MAKE
waits_for()
{
	local wanted=$1

	shift
	begun wait "$wanted" --timeout=20s
	"$@"
	ends 0
	equal "$wanted: what it prints" "${wanted%=*}" "$(cut -d ' ' -f 3 got)"
	has_lines 1 got || fail "$wanted: prints $(cat got)"
}

test_wait()
{
	load_button
	waits_for press click
	waits_for release click
	waits_for click click
	waits_for double double
	waits_for hold hold 1200
	waits_for hold=300ms hold 400
	begun wait click -t 300ms
	ends 1
	equal "after no click" "" "$(cat got)"
	# Neither a hold nor a double is a click.
	begun wait click -t 3s --hold-time=200ms
	hold 300
	double
	ends 1
	begun wait press
	hang_up
	ends 3
}

# A hold is printed while the button is still pressed, not at its release.
test_wait_hold_in_time()
{
	load_button
	begun wait hold=300ms
	stim 0 0
	ends 0
	equal "still pressed" pressed "$(counter state)"
	stim 0 1
}

# A late reader decides by the times of the events: two clicks that were too far apart are not a double click.
test_wait_late()
{
	load_button
	begun wait double -t 2s
	kill -STOP "$COMMAND"
	gesture 0:0 50:1 600:0 650:1 660:1
	kill -CONT "$COMMAND"
	ends 1
	begun wait double -t 20s
	kill -STOP "$COMMAND"
	double
	sleep 5
	kill -CONT "$COMMAND"
	ends 0
}

# In settle mode an event comes a debounce time later than the time that it has.
test_wait_settle()
{
	load_button debounce_mode=settle debounce_us=200000
	begun wait hold=500ms -t 3s
	# The release is just before the hold time, but the command gets it 200 ms later.
	gesture 0:0 450:1 2000:1
	ends 1
}

# run_begun LINE...: starts button-irq run with these lines as its config file
run_begun()
{
	printf '%s\n' "$@" > conf
	begun run -c conf
}

run_ends()
{
	kill "$COMMAND"
	ends 0
}

test_run_gestures()
{
	load_button label=bell
	run_begun '# a comment' '[bell]' 'click = echo click >> done' 'double=echo double >> done' \
		'hold = echo hold >> done' 'hold-time = 300ms' 'press = echo down >> downs' 'release = echo up >> ups'
	click
	wait_for 20 has_lines 1 "done"
	double
	wait_for 20 has_lines 2 "done"
	hold 400
	wait_for 20 has_lines 3 "done"
	wait_for 20 has_lines 4 downs
	wait_for 20 has_lines 4 ups
	equal gestures "click double hold" "$(paste -sd ' ' "done")"
	run_ends
}

test_run_environment()
{
	load_button label=bell
	# shellcheck disable=SC2016
	begun run -b bell --click='echo "$BUTTON_IRQ_NAME $BUTTON_IRQ_DEVICE $BUTTON_IRQ_EVENT $BUTTON_IRQ_SEQ" > env
		echo "$BUTTON_IRQ_TIME $BUTTON_IRQ_HELD" > times; echo end > ended'
	click
	wait_for 20 has_lines 1 ended
	equal environment "bell /dev/button_irq click 2" "$(cat env)"
	grep -qE '^[0-9]+\.[0-9]{9} 0\.0[0-9]{8}$' times || fail "times: $(cat times)"
	run_ends
}

# A command that hangs, fails, is killed or does not exist delays no other command and loses no event.
test_run_bad_commands()
{
	local i

	load_button
	# shellcheck disable=SC2016
	run_begun '[button_irq]' \
		'press = echo $BUTTON_IRQ_SEQ >> presses; case $BUTTON_IRQ_SEQ in 1) exec sleep 1000 ;; 3) exit 7 ;; 5) kill -9 $$ ;; *) /no/such/program ;; esac' \
		'release = echo $BUTTON_IRQ_SEQ >> releases'
	press 20
	wait_for 30 has_lines 20 presses
	wait_for 30 has_lines 20 releases
	equal presses "$(seq 1 2 39)" "$(sort -n presses)"
	equal releases "$(seq 2 2 40)" "$(sort -n releases)"
	wait_for 20 grep -q 'failed: exit code 7' errors
	wait_for 20 grep -q 'ended by signal 9' errors
	wait_for 20 grep -q 'failed: exit code 127' errors
	run_ends
	pkill -x sleep || fail "the command that hangs did not outlive us"
}

test_run_two_buttons()
{
	load "line=${LINES[0]},${LINES[1]}" label=bell,door
	printf '%s\n' '[bell]' 'click = echo bell >> done' '[door]' 'click = echo door >> done' > conf
	button-irq run --config=conf > got 2> errors &
	COMMAND=$!
	wait_for 20 readers 2
	press 1
	wait_for 20 has_lines 1 "done"
	press 1 1
	wait_for 20 has_lines 2 "done"
	equal clicks "bell door" "$(paste -sd ' ' "done")"
	run_ends
}

# If the button is unbound within the hold time, its press does not become a hold: the release cannot be seen.
test_run_no_hold_of_a_button_that_is_gone()
{
	load_button label=power
	begun run -b power --hold='echo hold >> done' --hold-time=1s --press='echo press >> presses'
	stim 0 0
	wait_for 20 has_lines 1 presses
	unbind button_irq.0
	sleep 1.5
	stim 0 1
	bind button_irq.0
	wait_for 20 readers 1
	hold 1200
	wait_for 20 has_lines 1 "done"
	equal holds hold "$(cat "done")"
	run_ends
}

# Presses before the button could be opened start no command.
test_run_nothing_stale()
{
	load_button label=power
	chmod 600 "$DEV"
	: > "done"
	chmod 666 "done"
	chmod 755 .
	setpriv --reuid=65534 --regid=65534 --clear-groups button-irq run -b power --hold='echo hold >> done' \
		--click='echo click >> done' --hold-time=500ms --max-age=1s > got 2> errors &
	COMMAND=$!
	wait_for 20 grep -q 'Permission denied, waiting' errors
	hold 700
	click
	sleep 2
	chmod 644 "$DEV"
	wait_for 20 readers 1
	click
	wait_for 20 has_lines 1 "done"
	equal "commands" click "$(cat "done")"
	run_ends
}

# As a service: run starts before the button exists and survives an unbind.
test_run_follows()
{
	button-irq run -b bell --press='echo press >> presses' > got 2> errors &
	COMMAND=$!
	load_button label=bell
	wait_for 20 readers 1
	press 1
	wait_for 20 has_lines 1 presses
	unbind button_irq.0
	bind button_irq.0
	press 1
	wait_for 20 has_lines 2 presses
	run_ends
}

test_run_config_errors()
{
	printf '%s\n' 'click = true' '[bell' '[]' '[bell]' 'tickle = true' 'click' 'click =' 'hold-time = soon' \
		'click = true' 'click = false' '[bell]' > conf
	refused 2 "conf:1: click = true: no [BUTTON] before it" run --check -c conf
	equal "lines that are wrong" "1 2 3 5 6 7 8 10 11" "$(sed 's/^conf:\([0-9]*\):.*/\1/' errors | paste -sd ' ')"
	printf '[bell]\nhold-time = 1s\n' > conf
	refused 2 "conf:1: [bell] has no command" run --check -c conf
	: > conf
	refused 2 "conf: no [BUTTON] in it" run --check -c conf
	printf '[bell]\nclick = true\n' > conf
	button-irq run --check -c conf
}

test_status()
{
	local title='' zero=''

	load "line=${LINES[0]},${LINES[1]}" label=bell,door debounce_us=10000,2500 debounce_mode=eager,settle
	press 3
	wait_for 20 counter_is releases 3
	button-irq status > got
	# With a driver that counts glitches, there is one more column.
	if [ -e "$CLASS/button_irq/glitches" ]; then
		title=' GLITCHES' zero=' 0'
	fi
	equal "title" "NODE LABEL LINE STATE PRESSES RELEASES BOUNCES$title MISSED STORMS DEBOUNCE_US MODE" \
		"$(head -n 1 got | tr -s ' ')"
	equal "first" "button_irq bell ${LINES[0]} released 3 3 0$zero 0 0 10000 eager" "$(sed -n 2p got | tr -s ' ')"
	equal "second" "button_irq1 door ${LINES[1]} released 0 0 0$zero 0 0 2500 settle" "$(sed -n 3p got | tr -s ' ')"
}

test_calibrate()
{
	local pull=up

	load_button
	refused 1 "unload the driver (rmmod button_irq)" calibrate "${LINES[0]}"
	unload
	button-irq calibrate -n 5 --svg=picture.svg "${LINES[0]}" > got 2> errors &
	COMMAND=$!
	wait_for 20 line_is_taken "${LINES[0]}"
	press_bouncing 5
	ends 0
	grep -q '^10 movements, 40 edges, the longest bounce 2\.4[0-9]* ms: debounce_us=4000$' got ||
		fail "no such recommendation: $(cat got errors)"
	# A controller that cannot set a pull leaves the pull unchanged.
	! grep -q 'cannot set a pull' errors || pull=as-is
	grep -q "modprobe button_irq line=${LINES[0]} pull=$pull active_low=1 debounce_us=" got || fail "$(cat got)"
	[ "$(grep -c '^  press ' got)" = 5 ] || fail "not 5 presses: $(cat got)"
	python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' picture.svg
	line_is_free "${LINES[0]}" || fail "the line is still taken"
}

# calibrated OPTION...: records two presses on the first line
calibrated()
{
	button-irq calibrate -n 2 "$@" "${LINES[0]}" > got 2> errors &
	COMMAND=$!
	wait_for 20 line_is_taken "${LINES[0]}"
	press_bouncing 2
	ends 0
}

test_calibrate_options()
{
	calibrated -B as-is -l
	grep -q ' pull=as-is active_low=1 ' got || fail "$(cat got)"
	LC_ALL=C calibrated
	if LC_ALL=C grep -q '[^ -~]' got; then
		fail "not ASCII in LC_ALL=C: $(cat got)"
	fi
	# Two presses are four movements with either polarity.
	calibrated --active-high
	grep -q ' active_low=0 ' got || fail "$(cat got)"
}

# Edges 10 ms apart, as mains hum makes them
test_calibrate_ends_on_a_line_that_never_rests()
{
	local i train=()

	for ((i = 0; i < 400; i++)); do
		train+=("$((i * 10000)):$((i % 2))")
	done
	button-irq calibrate "${LINES[0]}" > got 2> errors &
	COMMAND=$!
	wait_for 20 line_is_taken "${LINES[0]}"
	stim 0 train "${train[@]}"
	ends 1
	grep -q "edges without a pause .*the line floats, or carries a signal" errors || fail "$(cat errors)"
	[ ! -s got ] || fail "recommends something: $(cat got)"
}

test_calibrate_errors()
{
	local status

	# The low 32 bits of this offset are the line's.
	refused 1 "no such line" calibrate "${LINES[0]%:*}:$((${LINES[0]##*:} + (1 << 32)))"
	refused 1 "NOSUCHLINE: no such line" calibrate NOSUCHLINE
	refused 1 "${LINES[0]%:*}:99: no such line" calibrate "${LINES[0]%:*}:99"
	refused 2 "--bias=sideways" calibrate --bias=sideways "${LINES[0]}"
	refused 2 "--presses=0" calibrate -n 0 "${LINES[0]}"
	refused 2 "calibrate: one line" calibrate
	status=0
	button-irq calibrate -t 2s "${LINES[0]}" > got 2> errors || status=$?
	equal "without an edge" 1 "$status"
	grep -q "no edge in 2 s: is the button on this line" errors || fail "$(cat errors)"
}

# doctor STATUS TEXT: checks the exit code of button-irq doctor, and that it prints TEXT
doctor()
{
	local status=0

	button-irq doctor > got || status=$?
	equal "exit code ($(cat got))" "$1" "$status"
	grep -qF -- "$2" got || fail "no '$2' in: $(cat got)"
}

test_doctor()
{
	doctor 1 "no module button_irq for kernel"
	load_button
	doctor 0 "not one edge yet"
	press 1
	wait_for 20 counter_is releases 1
	doctor 0 "button_irq: 2 edges, 1 presses, nothing missed"
	grep -q '^0 problems found$' got || fail "$(cat got)"
	chmod 0440 "$DEV"
	chgrp nogroup "$DEV"
	setpriv --reuid=65534 --regid=12345 --clear-groups button-irq doctor > got || true
	grep -q "may be read by group nogroup, and you are not in it" got || fail "$(cat got)"
	unbind button_irq.0
	doctor 1 "no overlay and no parameter gives it a button"
}

# example FILE N: writes the Nth tested example of a Markdown file to "example": the fenced block that follows
# "<!-- prints: TEXT -->", for an example that ends, or "<!-- keeps printing: TEXT -->". Writes TEXT to "wanted"; sets ENDLESS.
example()
{
	rm -f example wanted endless
	awk -v number="$2" '
	/^<!-- (prints|keeps printing): .* -->$/ {
		count++
		wanted = $0
		endless = /keeps/
		sub(/^<!-- [^:]*: /, "", wanted)
		sub(/ -->$/, "", wanted)
		next
	}
	/^```/ && on { exit }
	/^```/ && wanted != "" {
		on = count == number
		if (on)
			print wanted > "wanted"
		if (on && endless)
			print > "endless"
		wanted = ""
		next
	}
	on' "$1" > example
	[ -s example ]
}

example_is_over()
{
	if [ -e endless ]; then
		grep -qF -- "$(cat wanted)" got || jobs_ended
	else
		jobs_ended
	fi
}

# The examples in the documents work as printed.
test_documented_examples()
{
	local page i presses n=0

	mkdir -p /dev/button
	load "line=${LINES[0]},${LINES[1]}" label=bell,door
	ln -sf "$DEV" /dev/button/bell
	ln -sf "${DEV}1" /dev/button/door
	for page in button-irq.1.md button_irq.4.md recipes.md; do
		for ((i = 1; ; i++)); do
			example "$HERE/$page" "$i" || break
			n=$((n + 1))
			setsid bash -e example > got 2> errors &
			COMMAND=$!
			# Press until the example has ended, but not so often that presses fill a pipe's buffer.
			for ((presses = 0; presses < 40; presses++)); do
				! example_is_over || break
				gesture 0:0 40:1 600:1
			done
			if [ -e endless ]; then
				grep -qF -- "$(cat wanted)" got || fail "$page, example $i ended: $(cat got errors)"
				kill -- "-$COMMAND"
				wait "$COMMAND" || true
			else
				ends 0
			fi
			grep -qF -- "$(cat wanted)" got || fail "$page, example $i prints: $(cat got errors)"
		done
	done
	rm -r /dev/button
	equal "examples" 14 "$n"
}

# The config files that the documents show are valid.
test_documented_config_files()
{
	local page n=0 file

	for page in README.md recipes.md button-irq.1.md; do
		rm -f config-*
		awk '/^```ini$/ { on = 1; n++; next } /^```/ { on = 0 } on { print > ("config-" n) }' "$HERE/$page"
		for file in config-*; do
			n=$((n + 1))
			button-irq run --check --config="$file" > got 2> errors || fail "$page: $(cat "$file" errors)"
		done
	done
	equal "config files" 5 "$n"
}

# Runs the first script of README.md, as printed there, in each shell.
test_readme_loop()
{
	local shell

	load_button
	awk '/^```/ { script = ""; next }
		{ script = script $0 "\n" }
		/^done < \/dev\/button_irq$/ { printf "%s", script; exit }' "$HERE/README.md" > loop
	[ -s loop ] || fail "README.md has no loop over /dev/button_irq"
	for shell in bash dash "busybox ash"; do
		# shellcheck disable=SC2086 # words
		$shell loop > got 2> /dev/null &
		wait_for 20 readers 1
		press 2
		wait_for 20 has_lines 4 got
		equal "$shell" "pressed held pressed held" "$(cut -d ' ' -f 1 got | paste -sd ' ')"
		grep -qE '^pressed at [0-9]+\.[0-9]{9}$' got || fail "$shell: $(cat got)"
		grep -qE '^held for 0\.[0-9]{9} s$' got || fail "$shell: $(cat got)"
		hang_up
		wait_for 20 jobs_ended
		unload
		load_button
	done
}

# completes WORDS...: prints bash's completions of the last word
completes()
{
	bash -c '
	. /usr/share/bash-completion/completions/button-irq
	compopt() { :; }
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_button_irq
	echo "${COMPREPLY[*]}"' - "$@"
}

test_completion()
{
	load_button label=bell
	equal "commands" "wait watch" "$(completes button-irq wa)"
	equal "buttons" "bell" "$(completes button-irq watch be)"
	equal "buttons of wait" "bell" "$(completes button-irq wait -b be)"
	equal "gestures" "hold hold=" "$(completes button-irq wait h)"
	equal "options" "--json" "$(completes button-irq watch --j)"
	equal "clocks" "realtime" "$(completes button-irq watch --clock = r)"
}

tests=$(declare -F | awk '$3 ~ /^test_/ && $3 !~ /^test_(cleanup|chip)$/ { print $3 }')
# shellcheck disable=SC2086
run_tests $tests
