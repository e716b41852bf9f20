# SPDX-License-Identifier: GPL-2.0-only
#
# `make` builds the module for the running kernel, `make help` tells the rest.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
DESTDIR ?=
PREFIX ?= /usr

# Prints make's options for a kernel of another architecture than the userland's. Who gives them is not asked.
cross = $(if $(ARCH)$(CROSS_COMPILE)$(LLVM),:,scripts/cross.sh $(KDIR) $(if $(filter command%,$(origin CC)),$(CC)))
kbuild = cross=$$($(cross)) && $(MAKE) -C $(KDIR) M=$(CURDIR) $$cross
# Modules of make install; DKMS has its own in updates/dkms, or in extra on some distributions.
installed = $(addprefix $(DESTDIR)/lib/modules/$(KVER)/,updates $(if $(wildcard /var/lib/dkms/button-irq),,extra))

.PHONY: all modules install uninstall demo check check-compat check-static check-unit check-unit-mutants \
	check-litmus check-vm check-dt check-pi check-slow check-userspace check-python check-packages \
	check-hosts check-hw check-gestures check-node captures check-debug check-debug-long check-debug-syzlang check-debug-vm \
	check-debug-slow check-debug-coverage check-debug-mutants check-long bench bench-budget bench-check bench-hw \
	deb clean clean-cache help headers

all: modules

modules: headers
	$(kbuild) modules

headers:
	@test -e $(KDIR)/Makefile || scripts/no-headers.sh $(KVER) $(KDIR)

install: modules
	$(kbuild) $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install
	install -D -m 644 button_irq.h $(DESTDIR)$(PREFIX)/include/linux/button_irq.h
	$(if $(DESTDIR),,depmod $(KVER))
	$(MAKE) -C userspace install-system install
	$(if $(DESTDIR),,@scripts/secure-boot.sh)

uninstall:
	rm -f $(addsuffix /button_irq.ko*,$(installed))
	rm -f $(DESTDIR)$(PREFIX)/include/linux/button_irq.h
	$(MAKE) -C userspace uninstall
	$(if $(DESTDIR),,depmod $(KVER))

demo:
	@BOARD=$(BOARD) tests/vm/demo.sh $(if $(INTERACTIVE),--interactive)

check:
	@scripts/levels.sh 'make check-static' 'make check-compat' 'make check-unit' 'make check-litmus' 'make check-dt' 'make check-vm'

check-static:
	@tests/static/run.sh

check-compat:
	@tests/compat/run.sh

check-unit:
	@tests/unit/run.sh

check-unit-mutants:
	@tests/unit/mutate.sh

check-litmus:
	@tests/litmus/run.sh

check-vm:
	@tests/vm/check.sh

check-dt:
	@tests/dt/run.sh

check-pi:
	@tests/pi/check.sh

check-userspace:
	@tests/userspace/check.sh

check-packages:
	@tests/packages/check.sh

check-hosts:
	@tests/hosts/check.sh

check-hw:
	@tests/hw/check.sh

bench-hw:
	@tests/hw/bench.sh

check-gestures:
	@tests/gestures/check.sh

captures:
	@tests/userspace/captures.sh

deb:
	@scripts/deb.sh $(ARCH)

check-python:
	@tests/python/check.sh

check-node:
	@tests/node/check.sh

check-slow:
	@tests/vm/check.sh --slow

check-long:
	@tests/vm/check.sh --long

bench:
	@tests/bench/run.sh

bench-budget:
	@tests/bench/run.sh --budget

bench-check:
	@tests/bench/run.sh --check

check-debug:
	@scripts/levels.sh 'make check-debug-syzlang' 'make check-debug-vm'

check-debug-long:
	@scripts/levels.sh 'make check-debug' 'make check-debug-slow' 'make check-debug-coverage' 'make check-debug-mutants'

check-debug-syzlang:
	@tests/debug/syzlang.py

check-debug-vm:
	@tests/vm/check.sh --debug

check-debug-slow:
	@tests/vm/check.sh --debug-slow

check-debug-coverage:
	@tests/debug/coverage.sh

check-debug-mutants:
	@tests/debug/mutate.sh

clean:
	rm -rf build
	rm -f *.o *.ko *.mod *.mod.c .*.cmd modules.order Module.symvers

clean-cache:
	@scripts/clean-cache.sh

help:
	@sed -n 's/^#: \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

#: On a Raspberry Pi, or any machine with a GPIO controller:
#:
#:   make                build button_irq.ko for the running kernel (KVER=, KDIR= for another)
#:   sudo make install   install module, header, udev rule, systemd units and the button-irq command;
#:                       sudo make uninstall removes them
#:   make check-hw       the selftests on this board, through a wire from GPIO27 to GPIO17 (OUT=, IN=)
#:   make bench-hw       the benchmark on this board through that wire, in nanoseconds (30 min)
#:
#: On any Debian 12 or 13 machine, without hardware (as root, or with sudo; what is missing gets
#: installed, downloads are kept in $XDG_CACHE_HOME/button_irq or ~/.cache/button_irq):
#:
#:   make demo           boot an emulated board, press a bouncing button, watch a shell script
#:                       react; make demo INTERACTIVE=1: the space bar is the button;
#:                       make demo BOARD=raspi5 (or raspi0, raspi2b, raspi3b, raspi4b): on an emulated Raspberry Pi
#:   make check          static, compat, unit, litmus, dt and vm: all that a stranger can wait for
#:   make check-static   sparse, checkpatch, W=1, a clang build, shellcheck, codespell
#:   make check-compat   W=1 builds for kernels and configurations that no Debian suite has
#:   make check-unit     the debouncer on the host: every short input, fuzzing, coverage
#:   make check-unit-mutants  do those tests notice a broken debouncer? (1 min)
#:   make check-litmus   what the driver shares without a lock, against the kernel's memory model
#:   make check-vm       the selftests on stock Debian kernels in QEMU
#:   make check-dt       the device tree overlay on every Raspberry Pi's tree, and the binding
#:   make check-pi       emulated Raspberry Pis (Zero, 2B, 3B, 4B, 5): the selftests on their pins, the
#:                       overlay at boot and at run time, pulls (builds a QEMU, 7 min, once)
#:   make check-userspace  the button-irq command: on the host, and on an emulated board
#:   make check-packages  the Debian packages in clean roots of bookworm and trixie, which are then
#:                       booted; events to an MQTT broker that restarts (10 min)
#:   make check-hosts    the demo and other levels in a clean root of Debian 12, as an ordinary user with
#:                       sudo, and of Debian 13 (10 min, then 5)
#:   make check-python   the Python module and gpiozero's pin factory, with Debian's gpiozero
#:   make check-node     the npm packages with the Nodes of Debian 12 and 13, Node-RED's editor in a browser, and
#:                       Node on an emulated board (4 min)
#:   make check-gestures  packages on an emulated Pi 3B: gpiozero, a bash loop, button-irq run, Node and a
#:                       JSON consumer follow one button through 1,000 gestures
#:   make check-slow     more ways to test the older kernels, for which make check has no time
#:                       (25 min)
#:   make check-long     100,000 presses with 8 readers on each kind of controller, 10 million edges, and
#:                       10 million calls at random on a debug kernel (over an hour)
#:   make bench          button_irq beside its peers, in instructions: README's table, doc/*.svg and
#:                       tests/bench/baseline.json anew, if three runs agree exactly (9 min)
#:   make bench-budget   where the instructions of one edge go, function by function: doc/budget.md
#:                       (1 min)
#:   make bench-check    one run of our own; fails where a figure rose by over 5 % (2 min)
#:   make captures       the terminal sessions in README.md and doc/calibrate.svg anew (1 min)
#:   make deb            Debian packages for this architecture, or ARCH=arm64, armhf or armel, in build/deb/ARCH
#:   make check-debug    the selftests on kernels that look for misused memory, locks and data races;
#:                       allocations failing one by one; calls at random (9 min; builds two kernels
#:                       first, 8 min each, once)
#:   make check-debug-long  the rest on those kernels, what of the driver all that reaches, and
#:                       whether a broken driver is noticed (over an hour)
#:   make clean          remove what was built
#:   make clean-cache    remove the downloads, build roots and kernels; says how large they are
#:
#: Each level ends with a line "N passed, N failed, N skipped"; logs are in build/log.
