# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian roots in which packages are built and installed, to be sourced behind scripts/lib.sh.

# build_packages ARCH: the build dependencies of debian/control, and lintian. bookworm itself does not have libgpiod 2.
build_packages()
{
	local arch=$1 list=build-essential,debhelper,dh-dkms,dh-python,device-tree-compiler,lowdown,pkgconf,lintian

	list+=,python3-all,python3-setuptools,pybuild-plugin-pyproject,libgpiod-dev:$arch/bookworm-backports,libmosquitto-dev:$arch
	[ "$arch" = "$HOSTARCH" ] || list+=,crossbuild-essential-$arch
	printf '%s' "$list"
}

# clean_packages SUITE: a kernel and its headers, as on a machine on which the packages are installed, and the programs that
# the tests use
clean_packages()
{
	local list=linux-image-$HOSTARCH,linux-headers-$HOSTARCH,systemd-sysv,udev,dbus,kmod,bash-completion

	list+=,mosquitto,mosquitto-clients
	case $1 in
	bookworm) list+=,gpiod/bookworm-backports ;;
	*) list+=,gpiod ;;
	esac
	printf '%s' "$list"
}

# Packages to keep in apt's cache, so that tests install without the network: the dependencies of this project's packages, and
# the headers of a kernel without GPIO, for which DKMS must not build.
depends="dkms python3 libgpiod3 linux-headers-cloud-$HOSTARCH"

# make_root NAME SUITE SOURCES OPTION...: makes the root $CACHE/roots/NAME, with the apt sources of the suite SOURCES and
# OPTIONs of mmdebstrap
make_root()
{
	local name=$1 suite=$2 sources=$3 root=$CACHE/roots/$1 recipe

	shift 3
	mkdir -p "$CACHE/roots"
	exec 9> "$root.lock"
	flock 9
	recipe="$suite $*"
	stamp_ok "$root.stamp" "$recipe" && return

	say "making the root $name (about 2 min)"
	remove_root "$root.new"
	if ! apt_sources "$sources" |
	     as_root mmdebstrap --mode=root --variant=apt --aptopt='APT::Install-Recommends "false"' --skip=cleanup/apt/lists \
		"$@" "$suite" "$root.new" - > "$root.log" 2>&1; then
		remove_root "$root.new"
		tail -n 30 "$root.log" >&2
		die "cannot make the root $name, see above"
	fi
	remove_root "$root"
	as_root mv "$root.new" "$root"
	printf '%s\n' "$recipe" > "$root.stamp"
}

# build_root ARCH: makes the root in which packages for ARCH are built; prints its directory
build_root()
{
	local packages

	packages=$(build_packages "$1")
	make_root "deb-$1" bookworm bookworm-backports --include="$packages" \
		--architectures="$(printf '%s\n' "$HOSTARCH" "$1" | uniq | paste -sd,)"
	printf '%s\n' "$CACHE/roots/deb-$1"
}

# clean_root SUITE: makes the root in which packages are installed; prints its directory
clean_root()
{
	local packages sources=$1

	[ "$1" != bookworm ] || sources=bookworm-backports
	packages=$(clean_packages "$1")
	make_root "clean-$1" "$1" "$sources" --include="$packages" --skip=cleanup/apt/cache \
		--customize-hook="chroot \"\$1\" sh -c 'apt-get clean && apt-get -q -y install --download-only $depends'"
	printf '%s\n' "$CACHE/roots/clean-$1"
}

# host_root SUITE: makes the root of a developer's machine right after installation; prints its directory
host_root()
{
	make_root "host-$1" "$1" "$1" --include=passwd,mount,sudo,make,git
	printf '%s\n' "$CACHE/roots/host-$1"
}
