#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# userland32.sh: tests make, and the commands of DKMS, in a 32-bit userland on a 64-bit kernel, as 32-bit Raspberry Pi OS is on
# a Pi 3, 4 and 5: gcc compiles for armhf, the headers are those of an arm64 kernel. Then tests what make prints if headers are
# missing, and make install and uninstall. Prints TAP.
#
# The root is an overlay of bookworm's build roots for arm64 and armhf, in which gcc is the cross compiler for armhf.

set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$TOP/tests/packages/tap.sh"

if [ "${1:-}" != enter ]; then
	printf '%s\n' 6.1-arm64 6.1-armhf | xargs -n 1 "$TOP/tests/vm/fetch.sh"
	work=$CACHE/roots/test-userland32
	remove_root "$work"
	as_root mkdir -p "$work"/{root,changes,work}
	(cd "$TOP" && git ls-files -z --cached --others --exclude-standard) |
		as_root tar -C "$TOP" --null --ignore-failed-read -T - -cf "$work/tree.tar"
	as_root unshare --mount "$0" enter "$work" "$CACHE/roots" "$(cat "$CACHE/kernels/6.1-arm64/version")" < /dev/null
	remove_root "$work"
	exit
fi

work=$2 roots=$3 release=$4
root=$work/root
tree=/opt/button_irq
said=$work/said
mount -t overlay overlay -o "lowerdir=$roots/bookworm-armhf:$roots/bookworm-arm64,upperdir=$work/changes,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mkdir -p "$root$tree" "$root/shim"
tar -C "$root$tree" -xf "$work/tree.tar" --no-same-owner
for tool in "$root"/usr/bin/arm-linux-gnueabihf-*; do
	ln -sf "/usr/bin/${tool##*/}" "$root/shim/${tool##*/arm-linux-gnueabihf-}"
done
# shellcheck disable=SC2016 # the other script's
printf '#!/bin/sh\ncase $1 in -m) echo aarch64 ;; -r) cat /release ;; *) exec /usr/bin/uname "$@" ;; esac\n' > "$root/shim/uname"
chmod +x "$root/shim/uname"
echo "$release" > "$root/release"

# types COMMAND: runs COMMAND in the tree; its output goes to $said
types()
{
	chroot "$root" env -i PATH=/shim:/usr/sbin:/usr/bin:/sbin:/bin env -C "$tree" sh -c "$1" > "$said" 2>&1
}

is_arm64()
{
	readelf -h "$root$1/button_irq.ko" | grep 'Machine: *AArch64' > /dev/null || fail "not an arm64 module"
}

says()
{
	grep -qF "$1" "$said" || fail "does not say \"$1\": $(cat "$said")"
}

test_make()
{
	types 'gcc -dumpmachine'
	says arm-linux-gnueabihf
	types make || fail "$(cat "$said")"
	is_arm64 "$tree"
}

# Evaluates dkms.conf as dkms does, in a copy of the files that the package installs in /usr/src.
test_dkms()
{
	local files='button_irq.c button_irq*.h Kbuild Makefile scripts userspace/button-irq/kernel-headers.h'

	types "mkdir /opt/dkms && cp --parents -r $files /opt/dkms/"
	types "cd /opt/dkms && kernelver=$release kernel_source_dir=/lib/modules/$release/build && . $tree/dkms.conf &&
		eval \"\$(sed -n 's/^MAKE\[0\]=//p' $tree/dkms.conf | sed 's/^/make=/')\" &&
		eval \"\${make} KERNELRELEASE=$release\"" || fail "$(cat "$said")"
	is_arm64 /opt/dkms
}

test_no_compiler()
{
	mv "$root/usr/bin/aarch64-linux-gnu-gcc" "$root/hidden"
	! types 'make clean && make' || fail "make succeeded without the kernel's compiler"
	mv "$root/hidden" "$root/usr/bin/aarch64-linux-gnu-gcc"
	says 'sudo apt install gcc-aarch64-linux-gnu'
	! grep -q 'mbranch-protection' "$said" || fail "make went on: $(cat "$said")"
}

test_own_choice()
{
	types 'make clean && make ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-' || fail "$(cat "$said")"
	is_arm64 "$tree"
}

# Releases of kernels, and the package with the headers of each
test_headers()
{
	local kernel package

	while read -r kernel package; do
		echo "$kernel" > "$root/release"
		! types make || fail "built for $kernel"
		says "sudo apt install $package"
	done <<- END
		6.12.47+rpt-rpi-2712	linux-headers-rpi-2712
		6.12.47+rpt-rpi-v8	linux-headers-rpi-v8
		6.12.47+rpt-rpi-v7l	linux-headers-rpi-v7l
		6.12.47+rpt-rpi-v7	linux-headers-rpi-v7
		6.12.47+rpt-rpi-v6	linux-headers-rpi-v6
		6.1.21-v8+		raspberrypi-kernel-headers
		6.8.0-1010-raspi	linux-headers-raspi
		6.12.1-1-amd64		linux-headers-6.12.1-1-amd64
	END
	echo "$release" > "$root/release"
}

test_reboot()
{
	echo 6.1.0-1-arm64 > "$root/release"
	! types make || fail "built for a kernel without headers"
	echo "$release" > "$root/release"
	says "Headers of $release are installed"
	says 'sudo reboot'
}

test_uninstall()
{
	local modules=$root/lib/modules/$release

	mkdir -p "$modules/updates/dkms"
	echo > "$modules/updates/dkms/button_irq.ko"
	types 'make install' || fail "$(cat "$said")"
	[ -n "$(ls "$modules"/{updates,extra}/button_irq.ko* 2> /dev/null)" ] || fail "not installed: $(cat "$said")"
	types 'make uninstall' || fail "$(cat "$said")"
	[ -z "$(ls "$modules"/{updates,extra}/button_irq.ko* 2> /dev/null)" ] || fail "the module is still there"
	[ -e "$modules/updates/dkms/button_irq.ko" ] || fail "DKMS's module is gone"
}

test_secure_boot()
{
	types 'scripts/secure-boot.sh /nowhere'
	[ ! -s "$said" ] || fail "says something without Secure Boot"
	types 'mkdir -p /sb/sys/kernel/security && echo "none [integrity] confidentiality" > /sb/sys/kernel/security/lockdown &&
		scripts/secure-boot.sh /sb'
	says 'sudo mokutil --import /var/lib/dkms/mok.pub'
}

echo 1..8
tap "32-bit userland: make builds for the 64-bit kernel" test_make
tap "32-bit userland: DKMS builds for the 64-bit kernel" test_dkms
tap "32-bit userland: make names the compiler that is missing" test_no_compiler
tap "32-bit userland: ARCH and CROSS_COMPILE are taken as given" test_own_choice
tap "make names the package with each kernel's headers" test_headers
tap "make says reboot after an upgrade of the kernel" test_reboot
tap "make uninstall leaves DKMS's module" test_uninstall
tap "make install says what Secure Boot needs" test_secure_boot
