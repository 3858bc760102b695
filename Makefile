# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Each part of the house brings its own build.mk; this file only gathers them.
# Everything that is built lands in build/.

BUILD := build
.DEFAULT_GOAL := all
.PHONY: all clean help

all:

define HELP
make run        Debian's kernel as a guest of swivl, in an emulated machine; GUEST_CPUS=4
make run-metal  Debian's kernel from a disk, swivl beneath it; CPU=intel, CPUS=2, SYSTEM=memtest86+
make shell      a prompt in that machine. Both: CPU=intel or CPU=corei7_skylake_x, CPUS=2
make test       all tests; TESTS='mmio io' MACHINES='*haswell*:1' a part of them
make test-metal    all tests of the hypervisor that starts before the system; CASES='boot *amd*ipxe'
make bench-metal   what the latter costs beneath Debian's kernel, counted
make unit       only those that need no emulated machine
make fuzz       the fuzzers; make bench: swivl and KVM side by side
make fuzz-rules the processor judges the rules of VM entries: CPU= SEED= STATES=
make            the command, the library, and the module for the emulated machine's kernel
make install    command, library, headers, manuals: DESTDIR= PREFIX=; make uninstall
make install-module    the module, for the running kernel; or make install-dkms
make clean      removes build/, where everything is built
endef
export HELP

help:
	@echo "$$HELP"

include $(sort $(wildcard */build.mk */*/build.mk */*/*/build.mk))

clean:
	rm -rf $(BUILD)
