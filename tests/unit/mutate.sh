#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks that the tests detect a broken debouncer: changes a copy of it in one small way at a
# time and runs debounce_test, which must fail. A mutation that matches no line of the header any
# more counts as a failure, and so does one that does not compile.
#
# The mutation "repeated = d->level_from_edge" alone is left out because it changes nothing: wherever
# "repeated" is used, the edge's level is the reported state, which was also the level before the edge.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$top/build/unit/mutants
less=${1:-2}

# WHERE|WHAT: WHERE is the function button_irq_debounce_WHERE(), WHAT is a command of sed -E.
mutations=(
	'window_end|s/window_start \+ d->window_ns/window_start + d->window_ns + 1/'
	'window_end|s/window_start \+ d->window_ns/window_start + d->window_ns - 1/'
	'deadline|s/d->unconfirmed_time \+ BUTTON_IRQ_CONFIRM_NS/d->unconfirmed_time/'
	'deadline|s/if \(d->unconfirmed\)/if (d->unconfirmed \&\& !d->window_open)/'
	'deadline|s/if \(d->window_open\)/if (d->window_open \&\& d->held_back)/'
	'init|s/, \.level = pressed//'
	'init|s/\.level_from_edge = true,//'
	'init|s/\.state = pressed, //'
	'configure|s/d->mode = mode/d->mode = BUTTON_IRQ_MODE_EAGER/'
	'configure|s/d->window_ns = window_ns;/if (!d->window_open) d->window_ns = window_ns;/'
	'open|s/d->window_ns != 0/true/'
	'open|s/window_start = start/window_start = d->last_report/'
	'open|s/held_back = false/held_back = d->held_back/'
	'bounce|s/d->unreported\+\+/d->unreported = 1/'
	'bounce|s/count\(&d->bounces, 1\)/count(\&d->bounces, d->unreported ? 1 : 2)/'
	'report|s/if \(time < d->last_report\)/if (0)/'
	'report|s/d->last_report = time;//'
	'report|s/r->held = 0;/r->held = time - d->pressed_at;/'
	'report|s/d->unreported = 0;//'
	'report|s/d->pressed_at = time;//'
	'report|s/if \(d->pressed_known\)/if (d->presses)/;s/^.*&d->presses.*$//'
	'report|s/if \(d->pressed_known\)//'
	'report|s/d->pressed_known = true;//'
	'report|s/^.*&d->releases.*$//'
	'close|s/time >= button/time > button/'
	'close|s/while \(d->window_open/if (d->window_open/;s/continue;/return n;/'
	'close|s/if \(d->level == d->state\)/if (!d->held_back)/'
	'close|s/^.*&d->bounces.*$//'
	'close|s/d->unreported--;//'
	'close|s/report\(d, d->candidate_time/report(d, time/'
	'close|s/report\(d, d->candidate_time/report(d, d->window_start/'
	'close|s/if \(d->mode == BUTTON_IRQ_MODE_EAGER\)//'
	'close|s/== BUTTON_IRQ_MODE_EAGER/!= BUTTON_IRQ_MODE_EAGER/'
	'close|s/open\(d, button_irq_debounce_window_end\(d\)\)/open(d, time)/'
	'close|s/open\(d, button_irq_debounce_window_end\(d\)\)/open(d, d->candidate_time)/'
	'missed|s/if \(time < d->last_report\)/if (0)/'
	'missed|s/d->last_report = time;//'
	'missed|s/&d->missed, count/\&d->missed, 1/'
	'missed|s/d->level_from_edge = false;//'
	'missed|s/\.count = count/.count = 1/'
	'unseen|s/= false/= true/'
	'edge|s/button_irq_debounce_close\(d, time, r\)/0/'
	'edge|s/^.*&d->edges.*$//'
	'edge|s/d->unconfirmed = false;//'
	'edge|s/d->guessed = level/d->guessed |= level/;s/if \(d->guessed\)/if (level < 0)/'
	'edge|s/level = !d->level;/level = !d->state;/'
	'edge|s/repeated = d->level_from_edge \&\& /repeated = /'
	'edge|s/if \(d->window_ns \&\& d->mode/if (d->mode/'
	'edge|s/== BUTTON_IRQ_MODE_SETTLE/!= BUTTON_IRQ_MODE_SETTLE/'
	'edge|s/^\t\td->window_start = time;//'
	'edge|s/if \(!d->window_open\)/if (1)/'
	'edge|s/if \(!d->held_back\)//'
	'edge|s/d->candidate_time = time;/if (!d->held_back) d->candidate_time = time;/'
	'edge|s/else if \(d->level != d->state\)/else if (1)/'
	'edge|s/button_irq_debounce_open\(d, time\);$/;/'
	'edge|s/repeated \&\& d->window_ns/0/'
	'edge|s/if \(repeated\)$/if (1)/'
	'edge|s/if \(repeated\)$/if (0)/'
	'edge|s/else if \(repeated\)/else if (!d->window_ns)/'
	'edge|s/repeated \&\& d->window_ns/d->window_ns/'
	'edge|s/missed\(d, 1,/missed(d, 2,/'
	'edge|s/^\td->level_from_edge = true;//'
	'edge|s/^\td->level_from_edge = true;/d->level_from_edge |= !repeated;/'
	'edge|s/d->level_from_edge = true;/d->level_from_edge = !d->guessed;/'
	'sample|s/time < button_irq_debounce_window_end/time <= button_irq_debounce_window_end/'
	'sample|s/if \(d->window_open \&\& time < button_irq_debounce_window_end\(d\)\)/if (0)/'
	'sample|0,/d->unconfirmed = false;/s/d->unconfirmed = false;//'
	'sample|s/level = d->level;/level = d->state;/'
	'sample|s/if \(level == d->level \|\|/if (level == d->level || level == d->state ||/'
	'sample|s/ \&\& d->held_back//'
	'sample|s/ \&\& d->guessed//'
	'sample|s/\(d->window_open \&\& d->held_back/(d->held_back/'
	'sample|s/ \|\| \(d->window_open .*guessed\)\)/)/'
	'sample|s/^\t\t\td->level_from_edge = false;//'
	'sample|s/^\t\t\td->level = level;//'
	'sample|s/^\tif \(!d->unconfirmed\)/\tif (0)/'
	'sample|s/^\t\td->unconfirmed_time = time;//'
	'sample|s/if \(time < d->unconfirmed_time \+/if (time <= d->unconfirmed_time +/'
	'sample|s/if \(time < d->unconfirmed_time \+ BUTTON_IRQ_CONFIRM_NS\)/if (0)/'
	'sample|s/^\td->unconfirmed = false;//'
	'sample|s/^\td->window_open = false;//'
	'sample|s/^\td->level = level;//'
	'sample|s/^\td->level_from_edge = false;//'
	'sample|s/if \(d->level == d->state\)/if (0)/'
	'sample|s/^.*&d->inferred.*$//'
	'sample|s/report\(d, d->unconfirmed_time/report(d, time/'
	'sample|s/button_irq_debounce_open\(d, time\)/button_irq_debounce_open(d, d->unconfirmed_time)/'
	'sample|s/button_irq_debounce_open\(d, time\);//'
	'wake|s/= button_irq_debounce_close\(d, time, r\)/= 0/'
	'wake|s/if \(d->window_open\)/if (0)/'
	'wake|s/d->unconfirmed = false;//'
	'wake|s/d->level = !d->state;//'
	'wake|s/d->level_from_edge = false;//'
	'wake|s/^.*&d->inferred.*$//'
	'wake|s/button_irq_debounce_open\(d, time\);//'
)

rm -rf "$build"
mkdir -p "$build"
cp "$top/button_irq.h" "$build/"

compile()
{
	gcc -std=gnu11 -O0 -w -I"$1" -o "$1/debounce_test" "$here/debounce_test.c"
}

# killed DIRECTORY LESS: true if debounce_test of that directory fails or hangs; prints the failed test
killed()
{
	local out

	if ! out=$(timeout 100 "$1/debounce_test" -x "$2"); then
		grep -m1 '^not ok' <<< "$out" || echo 'no end'
		return 0
	fi
	return 1
}

say()
{
	printf '%s\n' "$*"
}

passed=0
failed=0
say "## ${#mutations[@]} mutants of button_irq_debounce.h, about a minute" >&2
cp "$top/button_irq_debounce.h" "$build/"
compile "$build"
if by=$(killed "$build" "$less"); then
	say "not ok 1 the header as it is passes # $by"
	failed=1
else
	say "ok 1 the header as it is passes"
	passed=1
fi

number=1
for mutation in "${mutations[@]}"; do
	number=$((number + 1))
	where=${mutation%%|*}
	what=${mutation#*|}
	m=$build/$number
	mkdir "$m"
	cp "$top/button_irq.h" "$m/"
	# Split the header into the function, from its first line to its closing brace, and the rest.
	awk -v name="button_irq_debounce_$where(" -v m="$m" '
		index($0, "static inline") == 1 && index($0, name) { inside = 1 }
		{ print > (m "/" (done ? "behind" : inside ? "function" : "before")) }
		inside && /^}/ { inside = 0; done = 1 }
	' "$top/button_irq_debounce.h"
	sed -E "$what" "$m/function" > "$m/mutant"
	cat "$m/before" "$m/mutant" "$m/behind" > "$m/button_irq_debounce.h"

	if cmp -s "$m/function" "$m/mutant"; then
		say "not ok $number $where: $what # fits no line"
	elif ! compile "$m"; then
		say "not ok $number $where: $what # does not compile"
	elif by=$(killed "$m" "$less") || by=$(killed "$m" 0); then
		say "ok $number $where: $what # $by"
		passed=$((passed + 1))
		rm -r "$m"
		continue
	else
		say "not ok $number $where: $what # survived"
	fi
	failed=$((failed + 1))
done
say "1..$number"
say "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
