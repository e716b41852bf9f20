#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [SUITE...]: tests the packages in a clean root of bookworm and of trixie (or of those named). Installs the packages,
# and has DKMS build the module for the root's kernel. Boots that root in QEMU, with systemd, udevd, the module that DKMS made
# and a real MQTT broker (guest.sh). Then upgrades, removes and purges the packages.
#
# The kernel is of this machine's architecture. So headers, compiler and DKMS are those that a user has, nothing is
# cross-compiled, and the machine that boots is the one that was installed. Its GPIO controller is the tests' own chip.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$TOP/tests/packages/roots.sh"
. "$TOP/tests/packages/tap.sh"

suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(bookworm trixie)
for suite in "${suites[@]}"; do
	[[ $suite =~ ^(bookworm|trixie)$ ]] || die "usage: check.sh [bookworm] [trixie]"
done
[ "$HOSTARCH" = amd64 ] || die "this host is $HOSTARCH; the test needs an amd64 host, since it boots a machine of the host's kind"

names=(button-irq-dkms button-irq button-irq-calibrate button-irq-mqtt python3-button-irq)
results=$TOP/build/packages
mkdir -p "$results" "$TOP/build/log"

in_root()
{
	as_root chroot "$root" env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# install DIRECTORY: installs the packages of a build. Their dependencies are in apt's cache.
install()
{
	as_root rm -rf "$root/tmp/deb"
	as_root mkdir "$root/tmp/deb"
	as_root cp "$1"/*.deb "$1"/extra/button-irq-calibrate_*.deb "$root/tmp/deb/"
	in_root sh -c 'apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends install /tmp/deb/*.deb'
}

# our_files: every file with this project's name, except logs and files of apt and dpkg
our_files()
{
	as_root find "$root" -xdev \( -path "$root/proc" -o -path "$root/var/lib/dpkg" -o -path "$root/var/lib/apt" \
		-o -path "$root/var/cache" -o -path "$root/var/log" -o -path "$root/tmp" \) -prune \
		-o -iname '*button?irq*' -print
}

module_of_dkms()
{
	as_root find "$root/lib/modules/$kernel/updates/dkms" -name 'button_irq.ko*' 2> /dev/null
}

# dkms_has VERSION: DKMS has built and installed this version, and no other, for the root's kernel
dkms_has()
{
	local status

	status=$(in_root dkms status -m button-irq)
	[[ $status == *"$1, $kernel, "*installed* && $status != *$'\n'* ]] || fail "dkms status: $status"
	[ -n "$(module_of_dkms)" ] || fail "no module in updates/dkms"
	[ "$(ls -d "$root"/usr/src/button-irq-*)" = "$root/usr/src/button-irq-$1" ] || fail "$(ls -d "$root"/usr/src/button-irq-*)"
}

test_install()
{
	install "$1"
	dkms_has "$2"
	[[ $(in_root modinfo -k "$kernel" -F alias button_irq) == *button-irq* ]] || fail "depmod did not see the module"
}

test_files()
{
	local file

	[ "$(in_root button-irq --version)" = "button-irq $version" ] || fail "version: $(in_root button-irq --version)"
	for file in /usr/share/man/man1/button-irq.1.gz /usr/share/man/man4/button_irq.4.gz /usr/include/linux/button_irq.h \
		    /usr/share/bash-completion/completions/button-irq /usr/share/button-irq/overlays/button-irq.dtbo; do
		[ -s "$root$file" ] || fail "no $file"
	done
	in_root bash -c '. /usr/share/bash-completion/bash_completion
		. /usr/share/bash-completion/completions/button-irq && complete -p button-irq' > /dev/null
	grep -q '^gpio:' "$root/etc/group" || fail "no group gpio"
	# shellcheck disable=SC2016 # dpkg-query's
	[[ $(in_root dpkg-query -W -f '${Depends}' button-irq) != *libgpiod* ]] || fail "the command needs libgpiod"
	in_root button-irq calibrate --help > /dev/null
	in_root ldd /usr/libexec/button-irq/calibrate | grep 'libgpiod.so.3 => /' > /dev/null || fail "calibrate has no libgpiod 2"
}

test_python()
{
	in_root python3 -c 'import button_irq'
	in_root python3 -c 'from importlib.metadata import entry_points
factories = entry_points(group="gpiozero_pin_factories")
assert [entry.value for entry in factories if entry.name == "button_irq"] == ["button_irq_gpiozero:ButtonIRQFactory"], factories'
}

test_units()
{
	local said

	said=$(in_root systemd-analyze --man=no verify button-irq.service button-irq-mqtt.service 2>&1) || fail "$said"
	! grep button-irq <<< "$said" || fail "systemd-analyze complains"
}

# udevadm verify exists since systemd 254.
test_rules()
{
	in_root udevadm verify --help > /dev/null 2>&1 || { echo "udevadm cannot verify here"; return 4; }
	in_root udevadm verify /lib/udev/rules.d/60-button-irq.rules
}

# DKMS builds for every kernel whose headers are installed. The kernel for cloud machines has no GPIOLIB: DKMS must skip it.
test_other_kernel()
{
	in_root apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends install "linux-headers-cloud-$HOSTARCH"
	[ -z "$(in_root dpkg --audit)" ] || fail "$(in_root dpkg --audit)"
	dkms_has "$1"
}

# Two builds, in two directories, give the same bytes.
test_reproducible()
{
	local deb

	for deb in "$packages"/*.deb; do
		cmp "$deb" "$again/${deb##*/}"
	done
}

test_hardened()
{
	local program=$root/usr/bin/button-irq

	readelf -h "$program" | grep 'Type: *DYN' > /dev/null || fail "not position independent"
	readelf -d "$program" | grep 'BIND_NOW' > /dev/null || fail "no BIND_NOW"
	readelf -lW "$program" | grep 'GNU_RELRO' > /dev/null || fail "no RELRO"
	readelf -sW "$program" | grep '__stack_chk_fail' > /dev/null || fail "no stack protector"
	readelf -sW "$program" | grep '_chk@GLIBC' > /dev/null || fail "not fortified"
}

test_remove()
{
	in_root apt-get -q -y -o Dpkg::Use-Pty=0 remove "${names[@]}"
	[ -z "$(module_of_dkms)" ] || fail "$(module_of_dkms) is still there"
	[ -z "$(in_root dkms status -m button-irq)" ] || fail "dkms still has it"
}

test_purge()
{
	in_root apt-get -q -y -o Dpkg::Use-Pty=0 purge "${names[@]}"
	[ -z "$(our_files)" ] || fail "left behind: $(our_files)"
}

# Builds the tests' GPIO chip for the kernel that will boot, and puts the files that guest.sh needs beside it
build_chip()
{
	as_root mkdir -p "$root/opt/test/tests"
	as_root cp "$TOP/button_irq_compat.h" "$root/opt/test/"
	as_root cp -r "$TOP/tests/modules" "$root/opt/test/tests/"
	in_root make -C "/lib/modules/$kernel/build" M=/opt/test/tests/modules modules
	as_root cp "$root/opt/test/tests/modules/button_irq_test_chip.ko" "$TOP"/tests/packages/{guest,tap}.sh "$root/opt/test/"
	as_root mkdir "$root/opt/test/now" "$root/opt/test/next"
	as_root cp "$packages"/button-irq{,-mqtt}_*.deb "$root/opt/test/now/"
	as_root cp "$upgrade"/button-irq{,-mqtt}_*.deb "$root/opt/test/next/"
}

# image FILE: makes an image of the root. A unit of the tests runs guest.sh after an otherwise unchanged boot of Debian.
image()
{
	as_root tee "$root/etc/systemd/system/guest.service" > /dev/null << UNIT
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'exec > /dev/ttyS1 2>&1; stty raw -echo < /dev/ttyS1; /opt/test/guest.sh; \\
	echo "---- journal"; journalctl -b --no-pager -u "button-irq*" -u mosquitto; echo "---- kernel log"; dmesg; echo "---- end"'
ExecStopPost=/bin/systemctl poweroff -ff
UNIT
	as_root mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	as_root ln -sf ../guest.service "$root/etc/systemd/system/multi-user.target.wants/"
	# An installer writes these.
	echo machine | as_root tee "$root/etc/hostname" > /dev/null
	printf '127.0.0.1 localhost machine\n' | as_root tee "$root/etc/hosts" > /dev/null
	as_root rm -f "$1"
	as_root mke2fs -q -t ext4 -O ^has_journal -d "$root" "$1" 4G
}

# Removes the files that build_chip and image added for guest.sh
take_guest_out()
{
	as_root rm -rf "$root/opt/test" "$root/etc/systemd/system/guest.service" \
		"$root/etc/systemd/system/multi-user.target.wants/guest.service"
}

# boot SUITE: prints what guest.sh prints
boot()
{
	local log=$TOP/build/log/packages-$1 image=$CACHE/packages-$1.img

	image "$image"
	as_root cp "$root/boot/vmlinuz-$kernel" "$root/boot/initrd.img-$kernel" "$results/"
	# QEMU runs as root. Create its logs first, so that they belong to the user.
	rm -f "$log".{console,log}
	touch "$log".{console,log}
	as_root timeout 1500 qemu-system-x86_64 -M pc -cpu qemu64 -accel tcg -smp 1 -m 1024 -nodefaults -display none -no-reboot \
		-kernel "$results/vmlinuz-$kernel" -initrd "$results/initrd.img-$kernel" \
		-append "root=/dev/vda rw console=ttyS0 panic=-1 oops=panic net.ifnames=0" \
		-drive "file=$image,format=raw,if=virtio,cache=unsafe" -object rng-random,filename=/dev/urandom,id=rng \
		-device virtio-rng-pci,rng=rng -serial "file:$log.console" -serial "file:$log.log" ||
		echo "QEMU ended with $?" >> "$log.log"
	as_root rm -f "$image" "$results"/{vmlinuz,initrd.img}-"$kernel"
	sed '/^---- journal/,$d' "$log.log"
}

# test_end SUITE: the machine ran to its end, every planned test has a result, and the kernel log has no warning
test_end()
{
	local log=$TOP/build/log/packages-$1.log

	grep -q '^---- end' "$log" || fail "the machine stopped before its end: $(tail -n 5 "${log%.log}.console")"
	[ "$(sed -n 's/^1\.\.//p' "$log")" = "$(grep -cE '^(not )?ok ' "$log")" ] || fail "not every test ran"
	! sed '1,/^---- kernel log/d' "$log" | grep -E 'BUG:|WARNING:|Oops|KASAN|Call Trace' || fail "see $log"
}

check_suite()
{
	local suite=$1 clean kernel dir=$CACHE/roots/test-$1
	local root=$dir/root

	clean=$(clean_root "$suite")
	say "$suite: installing, booting, upgrading, removing, purging (about 6 min)"
	remove_root "$dir"
	as_root mkdir -p "$dir"/{root,changes,work}
	as_root mount -t overlay overlay -o "lowerdir=$clean,upperdir=$dir/changes,workdir=$dir/work" "$root"
	kernel=$(basename "$root"/lib/modules/*)
	as_root mount -t proc proc "$root/proc"
	tap "$suite: install, DKMS builds for $kernel" test_install "$packages" "$version"
	tap "$suite: what the command's package has" test_files
	tap "$suite: the command is hardened" test_hardened
	tap "$suite: Python finds the module, and gpiozero the pin factory" test_python
	tap "$suite: systemd takes the units" test_units
	tap "$suite: udev takes the rules" test_rules
	tap "$suite: the tests' GPIO chip builds" build_chip
	as_root umount "$root/proc"
	boot "$suite" | sed -E "/^1\.\./d; s/^((not )?ok) [0-9]+ /\1 - $suite, booted: /"
	tap "$suite: the machine ran to its end, its kernel log is clean" test_end "$suite"
	take_guest_out
	as_root mount -t proc proc "$root/proc"
	tap "$suite: upgrade, DKMS builds anew" test_install "$upgrade" "$next"
	tap "$suite: apt installs the headers of a kernel without GPIO" test_other_kernel "$next"
	tap "$suite: remove" test_remove
	tap "$suite: purge leaves nothing" test_purge
	remove_root "$dir"
}

"$TOP/scripts/deps.sh" packages
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$TOP/debian/changelog")
next=$version+next
"$TOP/scripts/deb.sh" "$HOSTARCH" > /dev/null
"$TOP/scripts/deb.sh" "$HOSTARCH" "$next" > /dev/null
"$TOP/scripts/deb.sh" "$HOSTARCH" "$version" > /dev/null
packages=$TOP/build/deb/$HOSTARCH
upgrade=$TOP/build/deb-test/$HOSTARCH-$next
again=$TOP/build/deb-test/$HOSTARCH-$version

{
	echo "ok - packages build, lintian is silent"
	tap "packages are reproducible" test_reproducible
} | tee "$results/tap"
for suite in "${suites[@]}"; do
	check_suite "$suite"
done | tee -a "$results/tap"
awk '
	/^not ok / { failed++ }
	/^ok / { if (/# SKIP/) skipped++; else passed++ }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }' "$results/tap"
