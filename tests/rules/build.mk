# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Programs on the bare machine in which the processor judges the rules of core/rules.

RULES_TEST := $(BUILD)/tests/rules
RULES_BARE := $(addprefix $(RULES_TEST)/,svm.bin vmx.bin speed.bin)

$(RULES_TEST)/svm.bin: $(addprefix tests/rules/,judge.c svm_judge.c svm_states.c svm_known.c)
$(RULES_TEST)/vmx.bin: $(addprefix tests/rules/,judge.c vmx_judge.c vmx_states.c vmx_known.c)
$(RULES_TEST)/speed.bin: tests/rules/speed.c tests/unit/rules_vmx_state.h
$(RULES_BARE): tests/rules/start.S tests/rules/bare.c tests/rules/bare.ld $(RULES_A) \
		tests/metal/bare.h $(wildcard tests/rules/*.h core/rules/*.h)
	@mkdir -p $(@D)
	$(CC) -I. -std=gnu11 -O2 -g -Wall -Wextra -Wno-missing-field-initializers -m64 \
		-ffreestanding -fno-builtin -fno-pic -fno-pie \
		-mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
		-fno-tree-loop-distribute-patterns -nostdlib -static -no-pie -Wl,--build-id=none \
		-Wl,--no-warn-rwx-segments -Wl,-z,noexecstack -T tests/rules/bare.ld -o $@.elf \
		$(filter %.S %.c,$^) $(RULES_A)
	objcopy -O binary $@.elf $@

# `make test` has a short run, which is the same each time; `make fuzz-rules` is another each time and
# says its seed: SEED= STATES= (on each machine) CPU= (amd, intel, or one: haswell, zambezi, ..., or
# QEMU's -cpu).
RULES_TESTS += $(addprefix $(RULES_TEST)/test_rules_,svm vmx speed)
SEED ?= $(shell date +%s)
STATES ?= 250000

.PHONY: rules-tests fuzz-rules
rules-tests: $(RULES_TESTS) $(RULES_BARE) $(RULES_TEST)/rom.bin
$(RULES_TEST)/rom.bin: tests/rules/rom.S
	@mkdir -p $(@D)
	$(CC) -c -o $@.o $<
	$(LD) -m elf_x86_64 -Ttext 0 -e 0 --oformat binary -o $@ $@.o
$(RULES_TEST)/test_rules_svm: RULES_COMMAND := judge.py --cpu amd
$(RULES_TEST)/test_rules_vmx: RULES_COMMAND := judge.py --cpu intel
$(RULES_TEST)/test_rules_speed: RULES_COMMAND := speed.py
$(addprefix $(RULES_TEST)/test_rules_,svm vmx speed): tests/rules/build.mk
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec python3 tests/rules/$(RULES_COMMAND)\n' >$@ && chmod +x $@
fuzz-rules: rules-tests
	@python3 tests/rules/judge.py --seed $(SEED) --states $(STATES) --timeout 86400 --progress \
		$(if $(CPU),--cpu '$(CPU)')

# Failures that people reported, as swivl explain sees them; and bad input.
UNIT_SCRIPTS += $(BUILD)/unit/test_rules_cases
$(BUILD)/unit/test_rules_cases: tests/rules/cases.py $(BUILD)/cli/swivl $(wildcard tests/rules/cases/*)
	@mkdir -p $(@D)
	install -m 755 $< $@
