# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The emulated machine: packages, make test, make run and make shell.
#
#   make test      TESTS='smoke run_*' MACHINES='*haswell*:1': only these
#   make run       CPU=corei7_skylake_x CPUS=2: another machine than the usual
#   make shell     the same, with a prompt

HEADERS = $(lastword $(shell ls -dv /usr/src/linux-headers-*-cloud-amd64 2>/dev/null))

.PHONY: install-run install-test kernel hello test run shell

install-run:
	@lab/install run

install-test:
	@lab/install run test

# Debian's kernel, fetched and unpacked.
kernel: install-run
	@lab/kernel vmlinuz

# The module of the smoke test.
hello: $(BUILD)/lab/hello/hello.ko
$(BUILD)/lab/hello/hello.ko: tests/machine/hello/hello.c
	@mkdir -p $(@D)
	@cp $< $(@D)/hello.c && echo 'obj-m := hello.o' >$(@D)/Kbuild
	@$(MAKE) -s -C $(HEADERS) M=$(CURDIR)/$(@D) modules >$(@D)/log 2>&1 || { cat $(@D)/log; exit 1; }

# Packages come first, in a make of their own: what follows is looked for only when they are there.
test:
	@lab/install run test
	@$(MAKE) --no-print-directory test-here

.PHONY: test-here
test-here: hello guests module $(UNIT_BINS)
	@lab/test --unit $(UNIT_BINS)
