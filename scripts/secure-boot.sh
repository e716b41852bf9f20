#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# secure-boot.sh [ROOT]: if the kernel refuses modules that are not signed with a key it trusts, prints how to sign button_irq.
# ROOT, for tests, is the directory in which sys is.

sys=${1:-}/sys
[ "$(cat "$sys/module/module/parameters/sig_enforce" 2> /dev/null)" = Y ] ||
	grep -qsE '\[(integrity|confidentiality)\]' "$sys/kernel/security/lockdown" || exit 0

cat << TEXT
button_irq: This kernel loads only modules that are signed with a key it trusts, as usual with Secure Boot. For others,
modprobe prints "Key was rejected by service" or "Operation not permitted". DKMS (package button-irq-dkms) signs modules
with this machine's own key. Enrol that key once, then reboot and choose "Enroll MOK":

  Debian  sudo mokutil --import /var/lib/dkms/mok.pub
  Ubuntu  sudo mokutil --import /var/lib/shim-signed/mok/MOK.der

With that key you can also sign the module that make install has installed:

  sudo /lib/modules/\$(uname -r)/build/scripts/sign-file sha256 /var/lib/dkms/mok.key /var/lib/dkms/mok.pub \\
	\$(modinfo -n button_irq)
TEXT
