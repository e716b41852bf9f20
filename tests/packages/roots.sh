# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian roots in which packages are built and installed, to be sourced behind scripts/lib.sh.

# What debian/control asks for, and what looks at the result. libgpiod's second version is not in bookworm itself.
build_packages()
{
	local arch=$1 list=build-essential,debhelper,dh-dkms,dh-python,device-tree-compiler,lowdown,pkgconf,lintian

	list+=,python3-all,python3-setuptools,pybuild-plugin-pyproject,libgpiod-dev:$arch/bookworm-backports,libmosquitto-dev:$arch
	[ "$arch" = "$HOSTARCH" ] || list+=,crossbuild-essential-$arch
	printf '%s' "$list"
}

# A machine with a kernel and its headers, as a packages' user has it; and what tests in it use.
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

# Apt's own copy of what our packages depend on: they are then installed with nothing asked of the network.
# Likewise the headers of a kernel that the module is not for: it has no GPIO.
depends="dkms python3 libgpiod3 linux-headers-cloud-$HOSTARCH"

# make_root NAME SUITE SOURCES OPTION...: the root $CACHE/roots/NAME, which has the apt sources of the suite SOURCES
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

# build_root ARCH: where packages for ARCH are built; prints its directory
build_root()
{
	local packages

	packages=$(build_packages "$1")
	make_root "deb-$1" bookworm bookworm-backports --include="$packages" \
		--architectures="$(printf '%s\n' "$HOSTARCH" "$1" | uniq | paste -sd,)"
	printf '%s\n' "$CACHE/roots/deb-$1"
}

# clean_root SUITE: where they are installed; prints its directory
clean_root()
{
	local packages sources=$1

	[ "$1" != bookworm ] || sources=bookworm-backports
	packages=$(clean_packages "$1")
	make_root "clean-$1" "$1" "$sources" --include="$packages" --skip=cleanup/apt/cache \
		--customize-hook="chroot \"\$1\" sh -c 'apt-get clean && apt-get -q -y install --download-only $depends'"
	printf '%s\n' "$CACHE/roots/clean-$1"
}

# host_root SUITE: a machine right after installation, for whoever develops on it; prints its directory
host_root()
{
	make_root "host-$1" "$1" "$1" --include=passwd,mount,sudo,make,git
	printf '%s\n' "$CACHE/roots/host-$1"
}
