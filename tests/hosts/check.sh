#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [bookworm] [trixie]: tests this tree on a machine right after installation. There is a root for each Debian release
# on which the demo and the tests are to run, with none of this project's variables in the environment. In bookworm an ordinary
# user with sudo runs inside.sh, in trixie root does; both at the same time.
#
# Meanwhile userland32.sh tests make where the userland's architecture is not the kernel's.
#
# Each host has a cache of its own in $CACHE/hosts, until one of the scripts that fill it changes.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$TOP/tests/packages/roots.sh"

# host_cache SUITE: prints the directory of the host's own cache, and empties it if a script that fills it has changed
host_cache()
{
	local cache=$CACHE/hosts/$1 recipe

	recipe=$(cd "$TOP" && sha256sum scripts/{deps,lib}.sh tests/vm/{fetch,rootfs}.sh | sha256sum)
	if [ "$(cat "$cache.recipe" 2> /dev/null)" != "$recipe" ]; then
		remove_root "$cache"
		mkdir -p "$cache"
		printf '%s\n' "$recipe" > "$cache.recipe"
	fi
	printf '%s\n' "$cache"
}

# enter CLEAN-ROOT WORK CACHE USER HOME: runs as root in a mount namespace of its own, so that nothing stays mounted
enter()
{
	local clean=$1 work=$2 cache=$3 user=$4 home=$5 root=$2/root owner=$4

	mount -t overlay overlay -o "lowerdir=$clean,upperdir=$work/changes,workdir=$work/work" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	printf '127.0.0.1 localhost %s\n' "$(uname -n)" > "$root/etc/hosts"
	# How this machine reaches its mirror
	apt-config dump | grep '^Acquire::' > "$root/etc/apt/apt.conf.d/00host"
	[ "$user" = root ] || chroot "$root" useradd -m -s /bin/bash "$user"
	chroot "$root" useradd -m -s /bin/bash stranger
	echo "$user ALL=(ALL) NOPASSWD: ALL" > "$root/etc/sudoers.d/user"
	mkdir -p "$root$home/.cache/button_irq"
	mount --bind "$cache" "$root$home/.cache/button_irq"
	mv "$work/tree" "$root$home/button_irq"
	# Root often works in a tree that another user has cloned.
	[ "$user" != root ] || owner=stranger
	chroot "$root" chown -R "$owner:" "$home/button_irq"
	chroot "$root" chown "$user:" "$home/.cache" "$home/.cache/button_irq"
	# The user "stranger" has to be able to enter the tree.
	chmod 755 "$root$home"
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$home/button_irq/tests/hosts/inside.sh" "$user"
}

check_suite()
{
	local suite=$1 user=${users[$1]} clean cache work=$CACHE/roots/test-host-$1 home=/root

	[ "$user" = root ] || home=/home/$user
	clean=$(host_root "$suite")
	cache=$(host_cache "$suite")
	remove_root "$work"
	as_root mkdir -p "$work"/{root,changes,work,tree}
	# Like a clone, but without the history
	(cd "$TOP" && git ls-files -z --cached --others --exclude-standard) |
		tar -C "$TOP" --null --ignore-failed-read -T - -cf - | as_root tar -C "$work/tree" -xf - --no-same-owner
	as_root git -C "$work/tree" init -q
	as_root git -C "$work/tree" add -A
	as_root unshare --mount --pid --fork --kill-child "$0" enter "$clean" "$work" "$cache" "$user" "$home" |
		sed -uE "s/^((not )?ok) [0-9]+ /\1 - $suite, $user: /"
	remove_root "$work"
}

if [ "${1:-}" = enter ]; then
	shift
	enter "$@"
fi

suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(bookworm trixie)
declare -A users=([bookworm]=user [trixie]=root)
for suite in "${suites[@]}"; do
	[ -n "${users[$suite]:-}" ] || die "usage: check.sh [bookworm] [trixie]"
done
results=$TOP/build/hosts

"$TOP/scripts/deps.sh" hosts
rm -rf "$results"
mkdir -p "$results"
say "running the demo and other levels on ${suites[*]}, right after installation (about 10 min, 5 with filled caches)"
for suite in "${suites[@]}"; do
	check_suite "$suite" > "$results/$suite" &
done
"$TOP/tests/hosts/userland32.sh" > "$results/userland32"
wait
cat "$results"/*
awk '
	/^not ok / { failed++ }
	/^ok / { if (/# SKIP/) skipped++; else passed++ }
	/^1\.\./ { planned += substr($1, 4) }
	END {
		failed += planned - passed - failed - skipped
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed != 0 || passed == 0
	}' "$results"/*
