#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# deb.sh [ARCH [VERSION]]: builds the Debian packages in a clean bookworm root, checks them with lintian and puts them into
# build/deb/ARCH. Packages of an earlier build are removed from there; when nothing has changed, nothing is built.
# build/deb/ARCH/extra has the packages that not every machine can or should install: debugging symbols, and
# button-irq-calibrate, for which Debian 12 needs backports. VERSION, for tests, replaces the version of debian/changelog;
# the packages then are in build/deb-test/ARCH-VERSION.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/packages/roots.sh"

[[ $# -le 2 && ${1:-$HOSTARCH} =~ ^(amd64|arm64|armhf|armel)$ ]] || die "usage: deb.sh [amd64 | arm64 | armhf | armel [VERSION]]"
arch=${1:-$HOSTARCH}
changelog=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$TOP/debian/changelog")
version=${2:-$changelog}
out=$TOP/build/deb/$arch
[ $# -lt 2 ] || out=$TOP/build/deb-test/$arch-$version

# Prints the files that the packages are built from. The tests are not among them: a package build does not run them.
sources()
{
	(cd "$TOP" && git ls-files -z --cached --others --exclude-standard -- \
		Kbuild Makefile README.md dkms.conf ':(glob)*.[ch]' debian dts scripts/{cross,man,no-headers,secure-boot}.sh userspace doc/man)
}

unpack()
{
	as_root mkdir "$1"
	sources | tar -C "$TOP" --null -T - -cf - | as_root tar -C "$1" -xf - --no-same-owner
	# A version for tests differs from the changelog's newest entry only in its number.
	[ "$version" = "$changelog" ] || as_root sed -i "1s/(.*)/($version)/" "$1/debian/changelog"
}

# debian/control names the maintainers without a mail address, since nobody reads one. The suppressed lintian tags report that.
build()
{
	local options=(--no-sign -b) tools=()

	if [ "$arch" != "$HOSTARCH" ]; then
		options+=("--host-arch=$arch" "--build-profiles=cross,nocheck")
		# The build root has this architecture's pkg-config only.
		tools=(PKG_CONFIG=pkg-config "PKG_CONFIG_LIBDIR=/usr/lib/$(gnu_triplet "$arch")/pkgconfig")
	fi
	as_root chroot "$root" env LC_ALL=C.UTF-8 DEB_BUILD_OPTIONS=nocheck "${tools[@]}" \
		env -C "$dir/button-irq-$version" dpkg-buildpackage "${options[@]}" &&
		as_root chroot "$root" env -C "$dir" lintian --allow-root --fail-on=error,warning \
			--suppress-tags=malformed-contact,bogus-mail-host-in-debian-changelog \
			"button-irq_${version}_$arch.changes"
}

"$TOP/scripts/deps.sh" packages
mkdir -p "$out"
exec 8> "$out.lock"
flock 8
root=$(build_root "$arch")
hash=$( (cd "$TOP" && sources | LC_ALL=C sort -z | xargs -0 sha256sum "$TOP/scripts/deb.sh" "$root.stamp") |
	sha256sum | cut -d' ' -f1)
if [ "$(cat "$out/stamp" 2> /dev/null)" != "$hash" ]; then
	say "building packages $version for $arch (about 1 min)"
	rm -rf "$out"
	mkdir -p "$out" "$TOP/build/log"
	copy=$(as_root mktemp -d "$root/tmp/deb.XXXXXX")
	dir=/tmp/${copy##*/}
	log=$TOP/build/log/deb-$arch-$version.log
	unpack "$copy/button-irq-$version"
	if ! build > "$log" 2>&1; then
		as_root rm -rf "$copy"
		tail -n 60 "$log" >&2
		die "packages for $arch: build failed or lintian complained, see above and $log"
	fi
	mkdir "$out/extra"
	# mktemp -d makes a directory that only root may enter.
	as_root chmod 755 "$copy"
	cp "$copy"/*.deb "$out/"
	mv "$out"/*-{dbgsym,calibrate}_*.deb "$out/extra/"
	as_root rm -rf "$copy"
	printf '%s\n' "$hash" > "$out/stamp"
fi
printf '%s\n' "$out"/*.deb
