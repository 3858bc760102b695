# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The emulated machine: packages, make test, make run and make shell.
#
#   make test-metal    the hypervisor that starts before the system; CASES='boot systems_amd*': only these
#   make test      TESTS='smoke run_*' MACHINES='*haswell*:1': only these
#   make run       an AMD machine; CPU=intel, CPU=corei7_skylake_x, CPUS=2: another; its guest has as many
#                  processors, or GUEST_CPUS=4; DEVICE=/dev/kvm: Linux' own hypervisor
#   make run-metal the same kernel from a disk, with swivl beneath; CPU=, CPUS=, SYSTEM=memtest86+
#   make shell     the same, with a prompt

HEADERS = $(lastword $(shell ls -dv /usr/src/linux-headers-*-cloud-amd64 2>/dev/null))

.PHONY: install-run install-test kernel test run shell

install-run:
	@lab/install $(RUN_LISTS)

install-test:
	@lab/install run amd intel metal test

# Debian's kernel, fetched and unpacked.
kernel: install-run
	@lab/kernel vmlinuz

# Modules of tests: tests/machine/NAME/NAME.c.
TEST_MODULES := hello storm
.PHONY: test-modules $(TEST_MODULES)
test-modules: $(TEST_MODULES)
$(foreach m,$(TEST_MODULES),$(eval $m: $(BUILD)/lab/$m/$m.ko)\
	$(eval $(BUILD)/lab/$m/$m.ko: tests/machine/$m/$m.c))
$(foreach m,$(TEST_MODULES),$(BUILD)/lab/$m/$m.ko):
	@mkdir -p $(@D)
	@cp $< $(@D)/ && echo 'obj-m := $(notdir $(@:.ko=.o))' >$(@D)/Kbuild
	@$(MAKE) -s -C $(HEADERS) M=$(CURDIR)/$(@D) modules >$(@D)/log 2>&1 || { cat $(@D)/log; exit 1; }

# Packages come first, in a make of their own: what follows is looked for only when they are there.
test: install-test
	@echo "Building"
	@$(MAKE) -s -j$$(nproc) --no-print-directory test-here

.PHONY: test-here
test-here: test-modules guests module cli unit-programs kvm-selftests metal-tests rules-tests
	@lab/test --unit tests/lab/test_lab $(UNIT_BINS) $(METAL_SHORT_TESTS) $(RULES_TESTS)

# All tests of the hypervisor on the bare machine. Each part adds its programs to METAL_LONG_TESTS,
# those of them that `make test` runs, too, to METAL_SHORT_TESTS, and what they need to metal-tests.
.PHONY: test-metal test-metal-here
test-metal: install-test
	@echo "Building"
	@$(MAKE) -s -j$$(nproc) --no-print-directory test-metal-here
test-metal-here: metal-tests
	@lab/test --no-machines --unit $(METAL_LONG_TESTS)

# The machine for make run and make shell, and what is in it.
DEVICE ?= /dev/swivl
GUEST_CPUS ?= $(or $(CPUS),1)
RUN_CPU = $(patsubst intel,corei7_haswell_4770,$(or $(CPU),amd))
# Counted time goes slowly where several virtual processors wait for each other.
MACHINE_FILES = --cpu $(RUN_CPU) $(if $(filter-out 1,$(GUEST_CPUS)),--real-time) --mem 768 --add $(BUILD)/cli/swivl:/lab/bin/swivl \
	--add "$$(lab/kernel vmlinuz):/boot/vmlinuz" --add "$$(lab/kernel initrd):/boot/initrd" \
	--text "/lab/guest-cmdline:$$(lab/kernel cmdline $(RUN_CPU))" --text /lab/device:$(DEVICE) \
	--text /lab/guest-cpus:$(GUEST_CPUS) --add lab/demo.sh:/lab/demo.sh \
	$(if $(filter /dev/kvm,$(DEVICE)),--carry kvm-intel --carry kvm-amd,--add $(BUILD)/host/linux/swivl.ko)
RUN_LISTS = run $(if $(filter amd%,$(RUN_CPU)),amd,intel)
DEMO_BUILDS = cli $(if $(filter /dev/kvm,$(DEVICE)),,module)

run:
	@lab/install $(RUN_LISTS)
	@echo "Building"
	@$(MAKE) -s -j$$(nproc) --no-print-directory run-here
shell:
	@lab/install $(RUN_LISTS)
	@echo "Building"
	@$(MAKE) -s -j$$(nproc) --no-print-directory shell-here

define SHELL_HINT
modprobe swivl           loads swivl's module (modprobe kvm-amd or kvm-intel: Linux' own)
swivl --help             check, run, selftest
swivl run --flat /guests/flat_hello    a small guest; ls /guests shows more
sh /lab/demo.sh          boots Debian's kernel as a guest, as make run does
endef
export SHELL_HINT

# Debian's kernel from a disk, with swivl beneath it.
.PHONY: run-metal run-metal-here
run-metal:
	@lab/install $(RUN_LISTS) metal
	@echo "Building"
	@$(MAKE) -s -j$$(nproc) --no-print-directory run-metal-here
run-metal-here: cli
	@lab/metal --cpu $(RUN_CPU) --cpus $(or $(CPUS),1) $(if $(SYSTEM),--system $(SYSTEM))

.PHONY: run-here shell-here
run-here: $(DEMO_BUILDS)
	@lab/run $(MACHINE_FILES) --timeout 1800 --script lab/demo.sh
# Counted time runs ahead while nobody types.
shell-here: $(DEMO_BUILDS) small-guests
	@lab/run $(MACHINE_FILES) --real-time --carry kvm-intel --carry kvm-amd --carry msr \
		$(foreach g,$(RUN_GUESTS),--add $(g):/guests/) --text "/etc/motd:$$SHELL_HINT" \
		--interactive
