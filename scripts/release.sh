#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# release.sh [--dist]: makes build/button-irq-VERSION.tar.gz of the last commit, and its checksum. Without --dist, checks
# first that nothing is uncommitted, that every file has the same version, and that the version has a date in CHANGELOG.md
# and no tag yet; then builds from the archive and tags the commit. Publishing the archive and the tag is left to you:
# CONTRIBUTING.md has the steps.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
name=button-irq-$version
archive=build/$name.tar.gz
[ -n "$version" ] || die "dkms.conf has no PACKAGE_VERSION"

make_archive()
{
	mkdir -p build
	git archive --prefix="$name/" HEAD | gzip -9n > "$archive.new"
	mv "$archive.new" "$archive"
	(cd build && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
	echo "$archive"
}

# Build the commands and manual pages from the archive as its user does: without git and without the cache.
build_from_archive()
{
	local work

	work=$(mktemp -d)
	tar -C "$work" -xf "$archive"
	make -s -C "$work/$name/userspace" DESTDIR="$work/installed" install install-system > "$work/log" 2>&1 ||
		{ cat "$work/log" >&2; rm -rf "$work"; die "the archive does not build"; }
	[ "$("$work/installed/usr/bin/button-irq" --version)" = "button-irq $version" ] || die "the command that the archive builds has a version other than $version"
	rm -rf "$work"
}

case ${1:-} in
--dist) make_archive; exit ;;
"") ;;
*) die "usage: release.sh [--dist]" ;;
esac

[ -z "$(git status --porcelain)" ] || die "there are uncommitted changes: $(git status --short | head -n 3 | paste -sd ' ')"
! git rev-parse -q --verify "refs/tags/v$version" > /dev/null || die "version $version is tagged already: put the next one into dkms.conf"
tests/docs/facts.py || die "the version or other facts differ, see above"
grep -qE "^## $version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$" CHANGELOG.md ||
	die "CHANGELOG.md has no line \"## $version (YEAR-MONTH-DAY)\""
make_archive
build_from_archive
git tag -a "v$version" -m "button_irq $version"
echo "tagged v$version. To publish: git push origin v$version, and the files $archive and $archive.sha256"
