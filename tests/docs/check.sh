#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh: checks the documents: links and facts (as make check-static does), the manual pages with mandoc, and the web pages:
# their links, and each page in Chromium, on a narrow screen and with dark colours. Prints TAP.

# shellcheck disable=SC2317 # the functions are called by check
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND...: prints a TAP line, after the command's output if it failed
check()
{
	local status=0

	"${@:2}" > "$work/log" 2>&1 || status=1
	[ "$status" = 0 ] || sed 's/^/# /' "$work/log"
	result "$status" "$1"
}

# manual_page FILE: mandoc finds no fault, and the page has the section NAME. Long input lines are ignored: the conversion to
# macros makes the source's lines a little longer.
manual_page()
{
	local page

	page=$work/$(basename "$1" .md)
	"$TOP/scripts/man.sh" "$1" test > "$page"
	! mandoc -T lint "$page" | grep -v 'STYLE: input text line longer than 80 bytes' || return
	grep -q '^\.SH NAME$' "$page"
}

makes_pages()
{
	"$TOP/scripts/website.py" "$TOP/build/html"
}

"$TOP/scripts/deps.sh" docs
echo 'TAP version 13'
check "links of the Markdown files" "$TOP/tests/docs/links.py"
check "facts that stand in several files" "$TOP/tests/docs/facts.py"
for page in "$TOP"/doc/man/*.md; do
	check "manual page $(basename "$page" .md)" manual_page "$page"
done
check "web pages are made" makes_pages
check "links of the web pages" "$TOP/tests/docs/links.py" "$TOP/build/html"
"$TOP/tests/docs/browser.py" "$TOP/build/html" > "$work/browser" || echo "# the browser test failed"
while read -r line; do
	case $line in
	"ok "*) result 0 "${line#ok * }" ;;
	"not ok "*) result 1 "${line#not ok * }" ;;
	"# "* | "Bail out!"*) echo "$line" ;;
	esac
done < "$work/browser"
grep -q '^ok ' "$work/browser" || result 1 "pages in a browser"
echo "1..$((passed + failed))"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
