# SPDX-License-Identifier: GPL-2.0
#
# `make` builds the module for the running kernel, `make help` tells the rest.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
DESTDIR ?=
PREFIX ?= /usr

.PHONY: all modules install uninstall demo check check-static check-unit check-unit-mutants \
	check-vm check-dt check-pi check-python check-slow check-long clean help headers

all: modules

modules: headers
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

headers:
	@test -e $(KDIR)/Makefile || scripts/no-headers.sh $(KVER) $(KDIR)

install: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install
	install -D -m 644 button_irq.h $(DESTDIR)$(PREFIX)/include/linux/button_irq.h
	$(if $(DESTDIR),,depmod $(KVER))

uninstall:
	find $(DESTDIR)/lib/modules/$(KVER) -name 'button_irq.ko*' -delete
	rm -f $(DESTDIR)$(PREFIX)/include/linux/button_irq.h
	$(if $(DESTDIR),,depmod $(KVER))

demo:
	@BOARD=$(BOARD) tests/vm/demo.sh $(if $(INTERACTIVE),--interactive)

check:
	@scripts/levels.sh 'make check-static' 'make check-unit' 'make check-dt' 'make check-vm'

check-static:
	@tests/static/run.sh

check-unit:
	@tests/unit/run.sh

check-unit-mutants:
	@tests/unit/mutate.sh

check-vm:
	@tests/vm/check.sh

check-dt:
	@tests/dt/run.sh

check-pi:
	@tests/pi/check.sh

check-python:
	@tests/python/check.sh

check-slow:
	@tests/vm/check.sh --slow

check-long:
	@tests/vm/check.sh --long

clean:
	rm -rf build
	rm -f *.o *.ko *.mod *.mod.c .*.cmd modules.order Module.symvers

help:
	@sed -n 's/^#: \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

#: On a Raspberry Pi, or any machine with a GPIO controller:
#:
#:   make                build button_irq.ko for the running kernel (KVER=, KDIR= for another)
#:   sudo make install   install module and header; sudo make uninstall removes them
#:
#: On any Debian 12 machine, without hardware (as root, or with sudo; what is missing gets
#: installed, downloads are kept in $XDG_CACHE_HOME/button_irq or ~/.cache/button_irq):
#:
#:   make demo           boot an emulated board, press a bouncing button, watch a shell script
#:                       react; make demo INTERACTIVE=1: the space bar is the button;
#:                       make demo BOARD=raspi3b (or raspi4b): on an emulated Raspberry Pi
#:   make check          static, unit, dt and vm: all that a stranger can wait for
#:   make check-static   sparse, checkpatch, W=1, a clang build, shellcheck, codespell
#:   make check-unit     the debouncer on the host: every short input, fuzzing, coverage
#:   make check-unit-mutants  do those tests notice a broken debouncer? (1 min)
#:   make check-vm       the selftests on stock Debian kernels in QEMU
#:   make check-dt       the device tree overlay on every Raspberry Pi's tree, and the binding
#:   make check-pi       an emulated Raspberry Pi 3B and 4B: the selftests on their own pins, the
#:                       overlay at boot and at run time, pulls (builds a QEMU, 7 min, once)
#:   make check-python   the Python module and gpiozero's pin factory, with Debian's gpiozero
#:   make check-slow     the slow shell tests on every kernel (make check has them on 7.2 alone)
#:   make check-long     100,000 presses with 8 readers on each kind of controller
#:   make clean          remove what was built
#:
#: Each level ends with a line "N passed, N failed, N skipped"; logs are in build/log.
