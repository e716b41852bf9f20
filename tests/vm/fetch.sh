#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fetches what a test machine needs from Debian, into the cache:
#
#	fetch.sh NAME		the kernel called NAME in the table "kernels" -> kernels/NAME/, and a root with that
#				kernel's headers and compiler to build modules in -> roots/SUITE-ARCH/; a debug kernel
#				(tests/debug) is built from source
#	fetch.sh root ARCH	the root in which the programs for ARCH are compiled -> roots/bookworm-ARCH/
#	fetch.sh linux-source	the kernel's kselftest headers, checkpatch and memory model -> linux-source/
#	fetch.sh linux-tree	the newest kernel's source, as far as make upstream and make check-upstream need it -> linux-tree/
#	fetch.sh counter NAME	the counter subsystem of that kernel's source, which Debian does not build, for the benchmark
#				-> counter/NAME/
#	fetch.sh herd		herd7, which checks litmus tests, and its libraries -> roots/herd/
#	fetch.sh dt-schema	dt-validate and others, which check device trees, and their Python -> roots/dt-schema/
#
# Packages are the newest of their suite. Whatever is in the cache and not older than REFRESH_DAYS is kept. If a refresh fails
# (no network), the script says so and keeps what is in the cache.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

# root_packages SUITE ARCH: the packages of a build root, besides the dependencies of the kernel headers
root_packages()
{
	local suite=$1 arch=$2 list=make,kmod

	if [ "$suite" = bookworm ]; then
		# The test programs are compiled in this root too, and sparse and clang check the module.
		list+=,gcc-$(gnu_triplet "$arch" | tr _ -),libc6-dev:$arch,libgpiod-dev:$arch/bookworm-backports
		list+=,pkgconf,rsync,clang,lld,llvm,sparse
	fi
	[[ ! $arch =~ ^arm(hf|el)$ ]] || list+=,qemu-user	# see hook32
	printf '%s' "$list"
}

# flavours SUITE ARCH: every flavour that the tables of kernels have for this suite and architecture
flavours()
{
	awk -v suite="$1" -v arch="$2" '$2 == suite && $3 == arch { print $4 }' "$TOP"/tests/{vm,pi}/kernels | paste -sd' '
}

# hook ROOT SUITE ARCH FLAVOURS: mmdebstrap calls this as root, when the build root's base is installed. The header package
# depends on a compiler that runs on the kernel's architecture and so not here: install its other dependencies, and the same
# version of the cross compiler, then unpack the headers despite the missing dependency. The kernel packages are downloaded to
# /kernel, not installed; since 7.x the image package is empty, and three others have its former contents.
#
# For another architecture apt prints "Depends: <linux-kbuild-6.1:arm64>" and below it, indented, the package that provides it;
# for the root's own architecture, as on a Pi, it prints "Depends: linux-kbuild-6.1".
hook()
{
	local root=$1 suite=$2 arch=$3 flavours=$4 flavour version package needed=() headers=() kernel=() part

	for flavour in $flavours; do
		version=$(chroot "$root" apt-cache show "linux-headers-$flavour:$arch/$suite" |
			  sed -n 's/^Depends:.*linux-headers-\([^ ,]*\).*/\1/p' | head -n1)
		package=linux-headers-$version:$arch
		mapfile -t -O "${#needed[@]}" needed < <(
			chroot "$root" apt-cache depends --important "$package" |
			sed -En -e "s/^    (linux-(kbuild|headers)-.*)/\1/p" \
				-e "s/^  Depends: (linux-(kbuild|headers)-[^:]*)$/\1/p" \
				-e "s/.*Depends: <?(linux-compiler-)?(gcc-[0-9]+)(-for-host|-arm)?(:$arch)?>?$/\2/p" |
			if [ "$arch" = "$HOSTARCH" ]; then cat; else
				sed "s/^gcc-[0-9]*/&-$(gnu_triplet "$arch" | tr _ -)/"
			fi)
		headers+=("$package/$suite")
		for part in image binary modules base; do
			package=linux-$part-$version:$arch
			if chroot "$root" apt-cache show "$package" > /dev/null 2>&1; then
				kernel+=("$package")
			fi
		done
	done
	# Without it the root would look complete and every build in it fail.
	[[ " ${needed[*]}" == *" gcc-"* ]] || die "the headers in $suite name no compiler that we know how to find"
	chroot "$root" apt-get -q -y install "${needed[@]}"
	mkdir "$root/kernel" "$root/headers"
	chroot "$root" sh -c 'cd /headers && apt-get -q -o APT::Sandbox::User=root download "$@"' - "${headers[@]%/*}"
	chroot "$root" sh -c 'cd /kernel && apt-get -q -o APT::Sandbox::User=root download "$@"' - "${kernel[@]}"
	chroot "$root" sh -c 'dpkg --force-depends --unpack /headers/*.deb'
}

# hook32 ROOT ARCH: mmdebstrap calls this after hook, for a 32-bit architecture. Debian's modpost for amd64 takes the 32-bit
# kernel's device tables for those of a 64-bit kernel ("sizeof(struct of_device_id)=200 is not a modulo"). Use the modpost for
# the kernel's own architecture, which runs in QEMU's user mode.
hook32()
{
	local root=$1 arch=$2 modpost version

	for modpost in "$root"/usr/lib/linux-kbuild-*/scripts/mod/modpost.real-lsb-32; do
		version=${modpost#*/linux-kbuild-}
		version=${version%%/*}
		mkdir -p "$root/$arch"
		# shellcheck disable=SC2016 # the inner shell's
		chroot "$root" sh -c 'cd "/$1" && apt-get -q -o APT::Sandbox::User=root download "libc6:$1" "linux-kbuild-$2:$1" &&
			for deb in *.deb; do dpkg -x "$deb" .; done && rm -- *.deb' - "$arch" "$version"
		# Since trixie the loader's directory is a link into usr.
		[ -e "$root/$arch/lib" ] || ln -s usr/lib "$root/$arch/lib"
		printf '#!/bin/sh\nexec qemu-arm -L /%s /%s%s "$@"\n' "$arch" "$arch" "${modpost#"$root"}" > "$modpost"
	done
}

fetch_root()
{
	local suite=$1 arch=$2 root=$CACHE/roots/$1-$2 packages list recipe suites=$1 hooks=()

	mkdir -p "$CACHE/roots"
	exec 9> "$root.lock"
	flock 9
	packages=$(root_packages "$suite" "$arch")
	list=$(flavours "$suite" "$arch")
	recipe="$packages $list $(declare -f hook | sha256sum | cut -c1-16)"
	if [[ $arch =~ ^arm(hf|el)$ ]]; then
		recipe+=" $(declare -f hook32 | sha256sum | cut -c1-16)"
		hooks+=("--customize-hook='$(realpath "$0")' hook32 \"\$1\" '$arch'")
	fi
	stamp_ok "$root.stamp" "$recipe" && return

	say "making a build root from $suite for $arch (about 60 s)"
	# mmdebstrap needs the name of the suite that has the essential packages: trixie's installs none without it.
	# libgpiod's second version is not in bookworm itself.
	[ "$suite" != bookworm ] || suites=bookworm-backports
	remove_root "$root.new"
	if apt_sources "$suites" |
	   as_root mmdebstrap --mode=root --variant=apt --include="$packages" \
		--architectures="$(printf '%s\n' "$HOSTARCH" "$arch" | uniq | paste -sd,)" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		--customize-hook="'$(realpath "$0")' hook \"\$1\" '$suite' '$arch' '$list'" \
		"${hooks[@]}" "${suite%-backports}" "$root.new" - > "$root.log" 2>&1; then
		remove_root "$root"
		as_root mv "$root.new" "$root"
		printf '%s\n' "$recipe" > "$root.stamp"
		return
	fi
	remove_root "$root.new"
	tail -n 30 "$root.log" >&2
	if [ ! -f "$root.stamp" ] || [ "$(head -n1 "$root.stamp")" != "$recipe" ]; then
		die "no build root for $suite $arch, see above"
	fi
	say "$suite could not be refreshed; going on with what was fetched on $(date -r "$root.stamp" +%F)"
}

fetch_kernel()
{
	local name=$1 dir=$CACHE/kernels/$1 root=$CACHE/roots/$suite-$arch new version deb

	mkdir -p "$CACHE/kernels"
	fetch_root "$suite" "$arch"
	[ "$dir/stamp" -nt "$root.stamp" ] && return

	new=$dir.new
	rm -rf "$new"
	mkdir -p "$new/deb" "$new/lib/modules"
	# The root may have several flavours: match "-arm64" but not "-rt-arm64".
	version=$(cd "$root/lib/modules" && printf '%s\n' * | grep -Ex ".*[0-9]-$flavour") ||
		die "no headers of flavour $flavour in $root"
	for deb in "$root"/kernel/linux-*-"$version"_*.deb; do
		dpkg -x "$deb" "$new/deb"
	done
	# Up to 6.x the image is in /boot and the DTBs in /usr/lib/linux-image-*, since 7.x both are with the modules.
	mv "$(find "$new/deb" -name 'vmlinuz*' -type f)" "$new/vmlinuz"
	mv "$(find "$new/deb" -path "*/lib/modules/$version" -type d)" "$new/lib/modules/"
	mv "$(find "$new/lib/modules/$version/dtb" "$new/deb/usr/lib/linux-image-$version" -maxdepth 0 2>/dev/null |
	      head -n1)" "$new/dtb"
	depmod -b "$new" "$version"
	printf '%s\n' "$version" > "$new/version"
	rm -rf "$new/deb" "$dir"
	mv "$new" "$dir"
	touch "$dir/stamp"
	say "kernel $name is $version"
}

# Keeps only the files of the kernel's source that the tests use; the package is 150 MB.
fetch_linux_source()
{
	local dir=$CACHE/linux-source recipe new source=linux-source-6.12

	recipe="$source $(declare -f fetch_linux_source | sha256sum | cut -c1-16)"
	mkdir -p "$CACHE"
	exec 9> "$dir.lock"
	flock 9
	stamp_ok "$dir/stamp" "$recipe" && return

	say "fetching $source for checkpatch, the kselftest headers and the memory model (about 45 s)"
	new=$dir.new
	as_root rm -rf "$new"
	mkdir -p "$new"
	apt_sources bookworm-backports |
	as_root mmdebstrap --quiet --mode=root --variant=extract --include="$source/bookworm-backports" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		bookworm "$new/package" - > /dev/null
	tar -C "$new" -xJf "$new/package/usr/src/$source.tar.xz" --strip-components=1 --wildcards \
		"$source/scripts/"{checkpatch.pl,spelling.txt,const_structs.checkpatch,subarch.include} \
		"$source/Documentation/devicetree/bindings/vendor-prefixes.yaml" \
		"$source/tools/memory-model/"{linux-kernel.*,lock.cat} \
		"$source/tools/testing/selftests/"{lib.mk,'kselftest*',run_kselftest.sh}
	as_root rm -rf "$new/package" "$dir"
	printf '%s\n' "$recipe" > "$new/stamp"
	mv "$new" "$dir"
}

# Fetches sid's newest source (the package is 160 MB), and leaves out files that only other drivers and architectures need.
fetch_linux_tree()
{
	local dir=$CACHE/linux-tree recipe new package top

	recipe="sid $(declare -f fetch_linux_tree | sha256sum | cut -c1-16)"
	mkdir -p "$CACHE"
	exec 9> "$dir.lock"
	flock 9
	stamp_ok "$dir/stamp" "$recipe" && return

	say "fetching the newest kernel's source (about 2 min)"
	new=$dir.new
	as_root rm -rf "$new"
	mkdir -p "$new"
	if apt_sources sid |
	   as_root mmdebstrap --quiet --mode=root --variant=extract --include=linux-source \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		sid "$new/package" - > /dev/null; then
		package=("$new"/package/usr/src/linux-source-*.tar.xz)
		top=$(basename "${package[0]}" .tar.xz)
		tar -C "$new" -xJf "${package[0]}" --strip-components=1 \
			--exclude="$top/"{drivers,fs,net,samples,sound,tools/perf}'/*.[chS]' \
			--exclude="$top/arch/"{alpha,arc,csky,hexagon,loongarch,m68k,microblaze,mips,nios2,openrisc}'/*.[chS]' \
			--exclude="$top/arch/"{parisc,powerpc,s390,sh,sparc,um,xtensa}'/*.[chS]' --exclude="$top/arch/*/boot/dts/*/*" \
			--exclude="$top/tools/testing/"{'[a-rt-z]*','selftests/*/*'} \
			--exclude="$top/Documentation/devicetree/bindings/"{'[a-hj-uw-z]*','i[a-mo-z]*'} \
			--exclude="$top/Documentation/"{arch,admin-guide,translations,'networking/*','gpu/*'}
		as_root rm -rf "$new/package" "$dir"
		printf '%s\n' "$recipe" > "$new/stamp"
		mv "$new" "$dir"
		return
	fi
	as_root rm -rf "$new"
	[ -f "$dir/stamp" ] || die "no source of the newest kernel, see above"
	say "the source could not be refreshed; going on with what was fetched on $(date -r "$dir/stamp" +%F)"
}

# fetch_counter NAME: from the newest source of the kernel's version; the package is 160 MB
fetch_counter()
{
	local name=$1 version dir=$CACHE/counter/$1 new source

	version=$(cat "$CACHE/kernels/$name/version")
	source=linux-source-${version%%.*}.$(cut -d. -f2 <<< "$version")
	mkdir -p "$CACHE/counter"
	exec 9> "$dir.lock"
	flock 9
	[ "$(cat "$dir/stamp" 2> /dev/null)" != "$version" ] || return 0

	say "fetching $source for the counter subsystem (about 1 min)"
	new=$dir.new
	as_root rm -rf "$new"
	mkdir -p "$new"
	apt_sources "$suite" |
	as_root mmdebstrap --quiet --mode=root --variant=extract --include="$source" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		"$suite" "$new/package" - > /dev/null
	tar -C "$new" -xJf "$new/package/usr/src/$source.tar.xz" --strip-components=3 --wildcards \
		"$source/drivers/counter/counter-*" "$source/drivers/counter/interrupt-cnt.c"
	as_root rm -rf "$new/package" "$dir"
	printf '%s\n' "$version" > "$new/stamp"
	mv "$new" "$dir"
}

# fetch_programs NAME SUITE PACKAGE: programs of another release of Debian -> roots/NAME/. Packages are unpacked, not
# installed; the programs run with the libraries there.
fetch_programs()
{
	local name=$1 suite=$2 root=$CACHE/roots/$1 recipe="$2 $3"

	mkdir -p "$CACHE/roots"
	exec 9> "$root.lock"
	flock 9
	stamp_ok "$root.stamp" "$recipe" && return

	say "fetching $name (about 45 s)"
	remove_root "$root.new"
	if apt_sources "$suite" |
	   as_root mmdebstrap --quiet --mode=root --variant=extract --include="$3" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		"$suite" "$root.new" - > "$root.log" 2>&1; then
		remove_root "$root"
		as_root mv "$root.new" "$root"
		printf '%s\n' "$recipe" > "$root.stamp"
		return
	fi
	remove_root "$root.new"
	tail -n 30 "$root.log" >&2
	[ -f "$root.stamp" ] || die "no $name, see above"
	say "$name could not be refreshed; going on with what was fetched on $(date -r "$root.stamp" +%F)"
}

case $#,${1:-} in
1,linux-source)
	fetch_linux_source
	;;
1,linux-tree)
	fetch_linux_tree
	;;
1,herd)	# not in a Debian release yet
	fetch_programs herd sid herdtools7
	;;
1,dt-schema)	# not in every Debian release
	fetch_programs dt-schema bookworm dt-schema
	;;
2,counter)
	kernel_line "$2"
	fetch_counter "$2"
	;;
2,root)
	fetch_root bookworm "$2"
	;;
3,hook32)
	hook32 "$2" "$3"
	;;
5,hook)
	hook "$2" "$3" "$4" "$5"
	;;
1,*)
	kernel_line "$1"
	[ "$suite" != debug ] || exec "$TOP/tests/debug/build.sh" "$1"
	fetch_kernel "$1"
	;;
*)
	die "usage: fetch.sh NAME | root ARCH | counter NAME | linux-source | linux-tree | herd | dt-schema"
	;;
esac
