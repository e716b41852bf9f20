#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# inside.sh USER: runs as root in the root that check.sh made, and runs commands of a newcomer as USER. Prints TAP.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/packages/tap.sh

user=$1
tree=$PWD
cache=${tree%/*}/.cache/button_irq
said=$(mktemp)

# types USER COMMAND: runs COMMAND in USER's login shell, in the tree; its output goes to $said
types()
{
	"${as[@]}" su - "$1" -c "cd $tree && $2" > "$said" 2>&1 < /dev/null
}
as=(env)

# refuses USER COMMAND TEXT: COMMAND has to fail with one line of this project's scripts, which matches TEXT, and must install
# nothing
refuses()
{
	local who=$1 command=$2 text=$3 before

	before=$(dpkg-query -W)
	! types "$who" "env XDG_CACHE_HOME=/tmp/none $command" || fail "$command succeeded"
	# make and sudo may print lines of their own.
	[ "$(grep -c '\.sh: ' "$said")" = 1 ] || fail "not one line: $(cat "$said")"
	grep -q "$text" "$said" || fail "the line does not say \"$text\": $(cat "$said")"
	[ "$(dpkg-query -W)" = "$before" ] || fail "something was installed"
	[ ! -e /tmp/none ] || fail "something was made in the cache"
}

test_other_distributions()
{
	local failed=0

	cp "$(readlink -f /etc/os-release)" /tmp/os-release
	rm /etc/os-release
	printf 'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\nVERSION_CODENAME=noble\n' > /etc/os-release
	(for command in 'make demo' 'make check' 'make check-unit' 'make check-packages'; do
		refuses "$user" "$command" 'this is Ubuntu 24.04.1 LTS.*Debian 12 and 13'
	done) || failed=1
	printf 'ID=fedora\nPRETTY_NAME="Fedora Linux 43"\n' > /etc/os-release
	mkdir /tmp/hidden
	# Such a machine has no dpkg and apt-get. dpkg-query stays: refuses() needs it.
	mv /usr/bin/dpkg /usr/bin/apt-get /tmp/hidden/
	(refuses "$user" 'make demo' 'this is Fedora Linux 43.*Debian 12 and 13') || failed=1
	mv /tmp/hidden/* /usr/bin/
	cp /tmp/os-release /etc/os-release
	[ "$failed" = 0 ]
}

test_no_mounts()
{
	refuses root 'setpriv --bounding-set=-sys_admin make demo' 'root may not mount here'
}

test_no_root()
{
	refuses stranger 'make demo' 'needs root to install packages'
	mv /usr/bin/sudo /usr/bin/sudo.hidden
	(refuses stranger 'make demo' 'needs root to install packages.*sudo') || {
		mv /usr/bin/sudo.hidden /usr/bin/sudo
		return 1
	}
	mv /usr/bin/sudo.hidden /usr/bin/sudo
}

# level COMMAND: runs a test level, whose last line has to say that nothing failed
level()
{
	types "$user" "$1" || fail "$1: $(tail -n 60 "$said")"
	tail -n 1 "$said" | grep -E '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$' > /dev/null || fail "$1: $(tail -n 60 "$said")"
}

test_demo()
{
	# The demo fails to bounce if it is delayed in the middle of a bounce: give it precedence over the other host.
	as=(nice -n -10)
	types "$user" 'make demo' || fail "make demo: $(tail -n 60 "$said")"
	grep -q '^## installing on this machine: .*mmdebstrap' "$said" ||
		fail "does not name what it installs: $(cat "$said")"
}

test_targets()
{
	types "$user" 'scripts/deps.sh dt packages python hosts' || fail "$(cat "$said")"
}

# Only files inside build roots belong to root, and no build leaves files in a root's /tmp.
test_nothing_of_root()
{
	local found

	[ "$user" != root ] || { echo "the user is root"; return 4; }
	found=$(find "$tree" "$cache" -path "$cache/roots/*/*" -prune -o ! -user "$user" ! -path "$cache/roots/*" -print)
	[ -z "$found" ] || fail "not the user's: $found"
	for root in "$cache"/roots/*/; do
		[ -z "$(ls -A "$root/tmp")" ] || fail "left in $root/tmp: $(ls -A "$root/tmp")"
	done
}

test_clean_cache()
{
	local dir=/tmp/clean/button_irq

	install -d -o "$user" /tmp/clean "$dir" "$dir/roots"
	mkdir -m 700 "$dir/roots/x"
	head -c 5M /dev/zero > "$dir/roots/x/file"
	types "$user" 'XDG_CACHE_HOME=/tmp/clean make clean-cache' || fail "$(cat "$said")"
	grep -q "removing $dir, 5.*M" "$said" || fail "does not say what it removes: $(cat "$said")"
	[ ! -e "$dir" ] || fail "$dir is still there"
}

echo 1..9
tap "other distributions are refused with one line" test_other_distributions
tap "a container that may not mount is refused with one line" test_no_mounts
tap "without root and sudo, make demo says what it needs" test_no_root
tap "make demo" test_demo
tap "make check-static" level 'make check-static'
tap "make check-unit" level 'make check-unit'
tap "packages of the other targets are found" test_targets
tap "nothing of root's in the tree and the cache" test_nothing_of_root
tap "make clean-cache says how much it removes" test_clean_cache
