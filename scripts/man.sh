#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# man.sh NAME.SECTION.md VERSION: prints the manual page that lowdown makes of the Markdown file. LOWDOWN may name another lowdown.
#
# lowdown 1 (Debian 12) and 2 (Debian 13) format headings and definitions differently. The awk program turns both into the
# macros that people write by hand. It sets code in bold, because a terminal has one font, and keeps hyphens in code ASCII,
# so that options can be copied from the page.

set -eu

page=$(basename "$1" .md)
section=${page##*.}
case $section in
1) volume="User Commands" ;;
4) volume="Device Drivers" ;;
5) volume="File Formats" ;;
*) echo "man.sh: $1: no section 1, 4 or 5" >&2; exit 2 ;;
esac
# The date that dpkg-buildpackage takes from debian/changelog, else the date of the file
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(stat -c %Y "$1")}" +%F)

# A link to another document here becomes the name of its page.
sed 's/\[\([^]]*\)\]([^)]*\.md[^)]*)/**\1**/g' "$1" |
	"${LOWDOWN:-lowdown}" -s -Tman --parse-no-intraemph --parse-no-metadata --parse-no-autolink --out-no-smarty --nroff-nolinks \
		-Mtitle="$(echo "${page%.*}" | tr '[:lower:]' '[:upper:]')" -Msection="$section" \
		-Msource="button_irq $2" -Mvolume="$volume" -Mdate="$date" | awk '
	# Returns the text with code in bold. Code stands between \fC or \f(CR and \fR.
	function bold(text,    out, code) {
		gsub(/\\f\(CR|\\fC/, "\\fX", text)
		while (match(text, /\\fX[^\\]*(\\[^f][^\\]*)*\\f/)) {
			code = substr(text, RSTART + 3, RLENGTH - 3)
			gsub(/-/, "\\-", code)
			out = out substr(text, 1, RSTART - 1) "\\fB" code
			text = substr(text, RSTART + RLENGTH)
		}
		return out text
	}
	/^\.EX/, /^\.EE/ { gsub(/-/, "\\-") }
	{ line[NR] = bold($0) }
	END {
		for (i = 1; i <= NR; i++) {
			if (line[i] ~ /^\.S[HS]/) {
				print line[i] (line[i] ~ /^...$/ ? " " line[++i] : "")
				if (line[i + 1] == ".LP" && line[i + 3] !~ /^\.if n/)
					i++
			} else if (line[i] == ".LP" && line[i + 2] ~ /^\.if n/) {
				print ".TP 5\n" line[i + 1]
				i += 6
			} else {
				sub(/^\.TP 3$/, ".TP 5", line[i])
				if (line[i] ~ /^\.IP "\\\(/)	# an item of a list
					sub(/ 2$/, " 3", line[i])
				print line[i]
			}
		}
	}'
