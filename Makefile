# SPDX-License-Identifier: GPL-2.0-only
#
# `make` builds the module for the running kernel. `make help` lists all targets.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
DESTDIR ?=
PREFIX ?= /usr

# Prints make's options for a kernel whose architecture differs from the userland's, unless the user has given such options.
cross = $(if $(ARCH)$(CROSS_COMPILE)$(LLVM),:,scripts/cross.sh $(KDIR) $(if $(filter command%,$(origin CC)),$(CC)))
kbuild = cross=$$($(cross)) && $(MAKE) -C $(KDIR) M=$(CURDIR) $$cross
# Directories into which make install may have put the module. DKMS puts its own into updates/dkms, or into extra on some
# distributions: leave extra alone if DKMS has the module.
installed = $(addprefix $(DESTDIR)/lib/modules/$(KVER)/,updates $(if $(wildcard /var/lib/dkms/button-irq),,extra))

.PHONY: all modules install uninstall demo test tables upstream check check-compat check-upstream check-static check-docs check-unit check-unit-mutants \
	check-litmus check-vm check-dt check-pi check-slow check-userspace check-mqtt check-python check-packages \
	check-hosts check-hw check-gestures check-node html captures dist release check-debug check-debug-long check-debug-syzlang check-debug-vm \
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

# Runs one program of the selftests on one kernel: make test TEST=button_irq_events KERNEL=7.2-arm64
test:
	@tests/vm/test.sh '$(TEST)' '$(KERNEL)'

# Renews every generated table of the documents from the results of the levels that have run.
tables:
	@scripts/readme.py

# Makes patches for the kernel tree LINUX from the driver, signed off by AUTHOR="NAME <ADDRESS>".
upstream:
	@scripts/upstream.sh

check-upstream:
	@tests/upstream/run.sh

check-static:
	@tests/static/run.sh

check-docs:
	@tests/docs/check.sh

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

check-mqtt:
	@tests/mqtt/check.sh

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

html:
	@scripts/website.py build/html

dist:
	@scripts/release.sh --dist

release:
	@scripts/release.sh

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

#: For the owner of a Raspberry Pi, or of any board with GPIO lines, on that board:
#:
#:   make                      button_irq.ko for the running kernel (KVER=, KDIR= for another)
#:   sudo make install         the module, the button-irq command, manual pages, udev rule, systemd units and header;
#:                             sudo make uninstall removes them
#:   sudo make -C dts install  the overlay for dtoverlay= in config.txt
#:   make deb                  Debian packages in build/deb/ARCH, on Debian 12 or 13; ARCH=arm64, armhf or armel: for another machine
#:   make html                 this project's documents as web pages in build/html
#:   make check-hw             the selftests on this board, through a wire from GPIO27 to GPIO17 (OUT=, IN=)
#:   make bench-hw             the benchmark on this board through that wire, in nanoseconds (30 min)
#:
#: To see the driver work without hardware, on any Debian 12 or 13 machine, as root or with sudo. Missing packages are
#: installed; downloads are kept in $XDG_CACHE_HOME/button_irq or ~/.cache/button_irq:
#:
#:   make demo                 an emulated board, a bouncing button, a shell script that reacts (1 min; 3 at first);
#:                             INTERACTIVE=1: the space bar is the button; BOARD=raspi0, raspi2b, raspi3b, raspi4b or raspi5: an
#:                             emulated Raspberry Pi
#:
#: Test levels, for contributors, on such a machine (CONTRIBUTING.md lists what each level proves). Each level ends with a line
#: "N passed, N failed, N skipped"; logs are in build/log.
#:
#:   make check                the next six levels: before every commit (8 min; 17 at first)
#:   make check-static         style, licences, spelling; links and facts in documents; sparse; a clang build (1 min)
#:   make check-compat         builds for kernels and configurations that no Debian suite has (1 min)
#:   make check-unit           the debouncer on the host: every short input, fuzzing, coverage (30 s)
#:   make check-litmus         the lock-free passages against the kernel's memory model (30 s)
#:   make check-dt             the overlay on every Raspberry Pi's device tree, and the binding (30 s)
#:   make check-vm             the selftests on stock Debian kernels in QEMU (6 min)
#:   make test TEST=button_irq_events KERNEL=7.2-arm64
#:                             one program of the selftests on one kernel of tests/vm/kernels
#:   make check-upstream       the driver as a patch series, applied to the newest kernel and built there (3 min; 2 more at first)
#:   make check-docs           manual pages, and web pages in a browser (1 min)
#:   make check-userspace      the button-irq command, on the host and on an emulated board; the documents' examples (3 min)
#:   make check-mqtt           the MQTT service: brokers that fail, the service killed 1,000 times, Home Assistant's discovery (2 min)
#:   make check-node           the npm packages, with Debian's Nodes, Node-RED's editor in a browser, an emulated board (4 min)
#:   make check-python         the Python module and the pin factory, with Debian's gpiozero (5 min)
#:   make check-gestures       gpiozero, bash, button-irq run, JSON, Node, Node-RED and MQTT follow one button (7 min)
#:   make check-packages       the Debian packages in clean roots of Debian 12 and 13, which are then booted (10 min)
#:   make check-pi             the selftests on emulated Raspberry Pis, overlays and pulls (15 min; the first run builds QEMU, 7 min)
#:   make check-hosts          the demo and other levels on a freshly installed machine (15 min)
#:   make check-debug          the selftests on kernels that detect memory errors, lock misuse and data races (9 min; the first run
#:                             builds two kernels, 8 min each)
#:   make check-debug-long     longer tests on those kernels, coverage, and mutations of the driver, which the tests must detect
#:                             (over an hour)
#:   make check-unit-mutants   mutations of the debouncer, each of which check-unit must detect (1 min)
#:   make check-slow           more ways to test the older kernels (25 min)
#:   make check-long           100,000 presses, 10 million edges, 10 million random calls (over an hour)
#:   make bench                button_irq and its peers, in instructions: the tables and plots of doc/benchmarks.md (15 min)
#:   make bench-check          one run; fails where a figure rose by over 5 % (6 min)
#:   make bench-budget         where the instructions of one edge go: doc/budget.md (2 min)
#:
#: Documents, patches and cleaning up:
#:
#:   make tables               the tables of doc/tested.md and others, from the results of the levels that have run
#:   make captures             the terminal sessions and pictures in the documents (2 min)
#:   make upstream             the driver as a patch series for a kernel tree, in build/upstream (LINUX=TREE, AUTHOR="NAME <ADDRESS>")
#:   make clean                remove what was built
#:   make clean-cache          remove downloads, build roots and kernels; prints their size
#:
#: For a release (CONTRIBUTING.md has the steps):
#:
#:   make dist                 build/button-irq-VERSION.tar.gz of the last commit
#:   make release              check the version and the tree, make that archive, build from it, and tag the commit
