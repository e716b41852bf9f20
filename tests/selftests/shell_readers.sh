#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What people read a button with in scripts: each gets whole lines, every event, in order, and ends when the button
# goes away.


# load_button's parameters are optional.
# shellcheck disable=SC2119 source-path=SCRIPTDIR

set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Each program is given the button as its standard input and copies it to its standard output, beside a cat whose
# bytes are the reference. One press comes alone first: a program that waits for more before it hands the line on
# would be of no use for a button. Then presses come as fast as a thumb can, and at last the button goes away.
copies_the_stream()
{
	local presses=${presses:-20}

	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	"$@" < "${input:-$DEV}" > got 2> errors &
	wait_for 20 readers 2
	press 1
	wait_for 20 has_lines 2 wanted
	wait_for 20 has_lines 2 got
	press "$presses"
	wait_for 20 has_lines $((2 * presses + 2)) wanted
	wait_for 20 has_lines $((2 * presses + 2)) got
	hang_up
	wait_for 20 jobs_ended
	check_stream $((2 * presses + 2)) wanted
	same_file wanted got
}

# The same, for a program that opens the button itself
opens_the_stream()
{
	local input=/dev/null

	copies_the_stream "$@"
}

# The loop of the README; $1 is the shell
# shellcheck disable=SC2016
loop='while read -r seq time event detail; do echo "$seq $time $event${detail:+ $detail}"; done'

test_bash_loop() { copies_the_stream bash -c "$loop"; }
test_dash_loop() { need_program dash; copies_the_stream dash -c "$loop"; }
test_busybox_ash_loop() { need_program busybox; copies_the_stream busybox ash -c "$loop"; }
test_bash_mapfile()
{
	# shellcheck disable=SC2016
	copies_the_stream bash -c 'while mapfile -n 1 line && [ "${#line[@]}" = 1 ]; do printf %s "${line[0]}"; done'
}
test_gawk() { need_program gawk; copies_the_stream gawk '{ print; fflush() }'; }
# Without -W interactive mawk waits for 4096 bytes, whatever it reads from.
test_mawk() { need_program mawk; copies_the_stream mawk -W interactive '{ print; fflush() }'; }
test_gawk_getline()
{
	need_program gawk
	opens_the_stream gawk -v dev="$DEV" 'BEGIN { while ((getline line < dev) > 0) { print line; fflush() } }'
}
test_grep() { copies_the_stream grep --line-buffered -E 'press|release'; }
test_sed() { copies_the_stream sed -u 's/x/y/'; }
test_cut() { copies_the_stream sh -c 'stdbuf -oL cut -d " " -f 1-'; }
test_perl() { need_program perl; copies_the_stream perl -ne 'BEGIN { $| = 1 } print'; }
test_python_stdin()
{
	need_program python3
	copies_the_stream python3 -c '
import sys
for line in sys.stdin:
    print(line, end="", flush=True)'
}
test_python_open()
{
	need_program python3
	opens_the_stream python3 -c '
with open("/dev/button_irq") as button:
    for line in button:
        print(line, end="", flush=True)'
}
test_python_asyncio()
{
	need_program python3
	copies_the_stream python3 -c '
import asyncio, sys

async def main():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        print(line.decode(), end="", flush=True)

asyncio.run(main())'
}
test_node_stream()
{
	need_program node
	opens_the_stream node -e '
const lines = require("readline").createInterface({ input: require("fs").createReadStream("/dev/button_irq") });
lines.on("line", (line) => console.log(line));'
}
test_node_stdin()
{
	need_program node
	copies_the_stream node -e '
require("readline").createInterface({ input: process.stdin }).on("line", (line) => console.log(line));'
}
test_dd_1() { copies_the_stream dd bs=1 status=none; }
test_dd_7() { copies_the_stream dd bs=7 status=none; }
test_dd_4096() { copies_the_stream dd bs=4096 status=none; }

# A shell's read takes one byte at a time because the device cannot seek; then what the loop's body does meanwhile
# cannot cost a line.
body_costs_nothing()
{
	local presses=8

	# shellcheck disable=SC2016
	copies_the_stream "$@" -c '
		while read -r seq time event detail; do
			date > /dev/null
			echo "$seq" | grep "[0-9]" > /dev/null || exit 1
			sleep 0.02
			set -- $(echo "$event" | tr a-z A-Z)
			[ "$1" = PRESS ] || [ "$1" = RELEASE ] || exit 1
			echo "$seq $time $event${detail:+ $detail}"
		done'
}

test_bash_loop_with_programs() { body_costs_nothing bash; }
test_dash_loop_with_programs() { need_program dash; body_costs_nothing dash; }
test_busybox_ash_loop_with_programs() { need_program busybox; body_costs_nothing busybox ash; }

# "Wait for a press" in one line: each ends by itself, with the line.
one_press()
{
	load_button
	"$@" < "$DEV" > got &
	wait_for 20 readers 1
	press 1
	wait_for 20 jobs_ended
	wait "$!"
	grep -Eqx '[0-9]+ [0-9]+\.[0-9]{9} press' got
	has_lines 1 got
}

test_one_press_head() { one_press head -n1; }
test_one_press_grep() { one_press grep -m1 press; }
test_one_press_sed() { one_press sed -u '/press/q'; }
test_one_press_awk() { need_program gawk; one_press gawk '/press/ { print; exit }'; }
test_one_press_read()
{
	# shellcheck disable=SC2016
	one_press bash -c 'read -r line; echo "$line"'
}
test_one_press_perl() { need_program perl; one_press perl -e 'print scalar <STDIN>'; }
test_one_press_python()
{
	need_program python3
	one_press python3 -c 'print(input())'
}

# One program after the other on one open file, with all events there already. A program that reads ahead and
# cannot seek back drops what it took; a read() gives it no more than one line, so there is nothing to drop.
one_after_the_other()
{
	local i

	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	exec 3< "$DEV"
	wait_for 20 readers 2
	press 3
	wait_for 20 has_lines 6 wanted
	for ((i = 0; i < 6; i++)); do
		timeout 20 "$@" <&3 >> got
	done
	same_file wanted got
}

test_two_heads() { one_after_the_other head -n1; }
test_two_busybox_heads() { need_program busybox; one_after_the_other busybox head -n1; }
test_two_seds() { one_after_the_other sed 1q; }
test_two_pythons() { need_program python3; one_after_the_other python3 -c 'print(input())'; }
test_two_dds() { one_after_the_other dd bs=4096 count=1 status=none; }
test_two_greps() { one_after_the_other grep -m1 -E 'press|release'; }

# A line cut anywhere goes on in the next read, also in another program's.
test_cut_lines()
{
	local i

	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	exec 3< "$DEV"
	wait_for 20 readers 2
	press 2
	wait_for 20 has_lines 4 wanted
	i=0
	until has_lines 4 got; do
		i=$((i % 7 + 1))
		timeout 20 dd bs="$i" count=1 status=none <&3 >> got
	done
	same_file wanted got
}

# Several programs with buffers of the usual size on one open file: each line goes to one of them, whole.
test_shared_whole_lines()
{
	local i

	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	exec 3< "$DEV"
	for i in 1 2 3 4; do
		cat <&3 > "got.$i" 2> /dev/null &
	done
	exec 3<&-
	wait_for 20 readers 2
	press 25
	wait_for 20 has_lines 50 wanted
	wait_for 20 all_there
	hang_up
	check_stream 50 wanted
	sort -n got.? > got
	same_file wanted got
}

all_there()
{
	[ "$(cat got.? | wc -c)" = "$(wc -c < wanted)" ]
}

# Byte by byte they tear each other's lines; but no byte is lost, and none is given twice.
test_shared_bytes()
{
	local i

	need_program perl
	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	exec 3< "$DEV"
	for i in 1 2 3 4; do
		# One after the other even where there is one CPU, on which dd would get a whole line at once.
		perl -e '
open my $file, ">", $ARGV[0];
while (sysread STDIN, my $byte, 1) {
	syswrite STDOUT, $byte;
	select undef, undef, undef, 0.0001;
}' "started.$i" <&3 > "got.$i" 2> /dev/null &
	done
	exec 3<&-
	wait_for 20 readers 2
	for i in 1 2 3 4; do
		wait_for 20 [ -e "started.$i" ]
	done
	press 25
	wait_for 20 has_lines 50 wanted
	wait_for 20 all_there
	hang_up
	if ! grep -qvxFf wanted got.?; then
		fail "no line was torn, so this tells nothing"
	fi
	od -A n -t x1 -v -w1 wanted | sort > bytes.wanted
	cat got.? | od -A n -t x1 -v -w1 | sort > bytes.got
	same_file bytes.wanted bytes.got
}

# Shells that take turns with flock share a button line by line.
test_shared_flock()
{
	local i

	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	exec 3< "$DEV"
	for i in 1 2 3; do
		# shellcheck disable=SC2016
		dash -c '
			exec 9> lock
			while flock 9 && read -r line; do
				flock -u 9
				echo "$line"
			done' <&3 > "got.$i" 2> /dev/null &
	done
	exec 3<&-
	wait_for 20 readers 2
	press 25
	wait_for 20 has_lines 50 wanted
	wait_for 20 all_there
	hang_up
	sort -n got.? > got
	check_stream 50 wanted
	same_file wanted got
}

# read -t: a timeout takes nothing off the stream, however often it strikes.
test_read_timeout()
{
	local line status=0

	load_button
	exec 3< "$DEV"
	read -r -t 0.05 line <&3 || status=$?
	[ "$status" -gt 128 ] || fail "read -t without an event: status $status"
	! read -r -t 0 <&3 || fail "read -t 0 says there is something"
	press 1
	read -r -t 0 <&3 || fail "read -t 0 says there is nothing"
	read -r -t 20 line <&3
	[[ $line =~ ^[0-9]+\ [0-9.]+\ press$ ]] || fail "got '$line'"
	read -r -t 20 line <&3
	[[ $line =~ ^[0-9]+\ [0-9.]+\ release\ [0-9.]+$ ]] || fail "got '$line'"
}

# $@: a shell whose read knows -t. Timeouts strike between two events, which are further apart: one in the middle of a line,
# which a shell reads byte by byte, would cost what it has of that line, and that is the shell's doing.
timeouts_cost_nothing()
{
	local timeout=0.02 us=30000

	# A line takes up to 40 ms there.
	[ ! -e /sys/kernel/debug/kmemleak ] || timeout=0.2 us=300000
	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	# shellcheck disable=SC2016
	"$@" -c '
		timeouts=0
		while [ ! -e stop ]; do
			if read -r -t "$2" line; then
				echo "$line"
			else
				status=$?
				timeouts=$((timeouts + 1))
				echo "$timeouts" > timeouts
				[ "$status" -gt "$1" ] || exit 1
			fi
		done' reader "$least" "$timeout" < "$DEV" > got &
	wait_for 20 readers 2
	press 20 0 "$us"
	wait_for 20 has_lines 40 wanted
	wait_for 20 has_lines 40 got
	touch stop
	wait "$!"
	[ "$(cat timeouts)" -gt 20 ] || fail "only $(cat timeouts) timeouts: nothing was tested"
	check_stream 40 wanted
	same_file wanted got
}

# The status that tells a timeout from an error: over 128 in bash, just not 0 in busybox ash
test_bash_timeouts() { local least=128; timeouts_cost_nothing bash; }
test_busybox_ash_timeouts()
{
	local least=0

	need_program busybox
	timeouts_cost_nothing busybox ash
}

# As README.md shows it, until unbound. (bash leaves the beginning of a line in the variable when time runs out, but to put the
# pieces together is not enough: of 12,140 timeouts within lines from a pipe, 191 cost bash 5.2.15 the newline.)
test_bash_asks_first()
{
	load_button
	cat < "$DEV" > wanted 2> /dev/null &
	bash -c '
		while :; do
			if read -t 0; then
				read -r line || break
				echo "$line"
			else
				sleep 0.1
			fi
		done' < "$DEV" > got 2> /dev/null &
	wait_for 20 readers 2
	press 20
	wait_for 20 has_lines 40 wanted
	wait_for 20 has_lines 40 got
	hang_up
	check_stream 40 wanted
	same_file wanted got
}

# bash decides by this errno whether read may take more than a line; pread is refused for the same reason.
test_not_seekable()
{
	need_program python3
	load_button
	python3 - "$DEV" << 'PYTHON'
import errno, os, sys

fd = os.open(sys.argv[1], os.O_RDONLY)
for what, call in {
    "lseek set": lambda: os.lseek(fd, 0, os.SEEK_SET),
    "lseek cur": lambda: os.lseek(fd, 0, os.SEEK_CUR),
    "lseek end": lambda: os.lseek(fd, 0, os.SEEK_END),
    "pread": lambda: os.pread(fd, 1, 0),
}.items():
    try:
        call()
    except OSError as error:
        if error.errno == errno.ESPIPE:
            continue
        sys.exit(f"{what}: {error}")
    sys.exit(f"{what}: allowed")
PYTHON
}

# A second open file starts where it was opened, and neither notices the other.
test_late_opener()
{
	load_button
	cat < "$DEV" > early 2> /dev/null &
	wait_for 20 readers 1
	press 2
	wait_for 20 has_lines 4 early
	cat < "$DEV" > late 2> /dev/null &
	wait_for 20 readers 2
	press 2
	wait_for 20 has_lines 8 early
	wait_for 20 has_lines 4 late
	check_stream 8 early
	tail -n 4 early > wanted
	same_file wanted late
}

run_tests \
	test_bash_loop test_dash_loop test_busybox_ash_loop test_bash_mapfile \
	test_gawk test_mawk test_gawk_getline test_grep test_sed test_cut test_perl \
	test_python_stdin test_python_open test_python_asyncio test_node_stream test_node_stdin \
	test_dd_1 test_dd_7 test_dd_4096 \
	test_bash_loop_with_programs test_dash_loop_with_programs test_busybox_ash_loop_with_programs \
	test_one_press_head test_one_press_grep test_one_press_sed test_one_press_awk test_one_press_read \
	test_one_press_perl test_one_press_python \
	test_two_heads test_two_busybox_heads test_two_seds test_two_pythons test_two_dds test_two_greps \
	test_cut_lines test_shared_whole_lines test_shared_bytes test_shared_flock \
	test_read_timeout test_bash_timeouts test_bash_asks_first test_busybox_ash_timeouts \
	test_not_seekable test_late_opener
