# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Programs on the bare machine in which the processor judges the rules of core/rules.

RULES_TEST := $(BUILD)/tests/rules
SVM_JUDGE_SRCS := $(addprefix tests/rules/,start.S bare.c svm_judge.c svm_states.c svm_known.c) \
	$(addprefix core/rules/,judge.c svm.c svm_rules.c)

$(RULES_TEST)/svm.bin: $(SVM_JUDGE_SRCS) tests/rules/bare.ld $(wildcard tests/rules/*.h core/rules/*.h)
	@mkdir -p $(@D)
	$(CC) -I. -std=gnu11 -O2 -g -Wall -Wextra -Wno-missing-field-initializers -m64 \
		-ffreestanding -fno-builtin -fno-pic -fno-pie \
		-mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
		-fno-tree-loop-distribute-patterns -nostdlib -static -no-pie -Wl,--build-id=none \
		-Wl,--no-warn-rwx-segments -Wl,-z,noexecstack -T tests/rules/bare.ld -o $@.elf \
		$(SVM_JUDGE_SRCS)
	objcopy -O binary $@.elf $@

$(RULES_TEST)/speed.bin: tests/rules/start.S tests/rules/bare.c tests/rules/speed.c $(RULES_A) tests/rules/bare.ld \
		tests/unit/rules_vmx_state.h $(wildcard tests/rules/*.h core/rules/*.h)
	@mkdir -p $(@D)
	$(CC) -I. -std=gnu11 -O2 -g -Wall -Wextra -Wno-missing-field-initializers -m64 \
		-ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only \
		-fno-stack-protector -fcf-protection=none -fno-tree-loop-distribute-patterns -nostdlib \
		-static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
		-T tests/rules/bare.ld -o $@.elf $(filter %.S %.c %.a,$^)
	objcopy -O binary $@.elf $@

# `make test` has a short run, which is the same each time; `make fuzz-rules` is another each time and
# says its seed: SEED= STATES= (on each machine) CPU= (QEMU's -cpu, or zambezi: Bochs).
RULES_TESTS += $(RULES_TEST)/test_rules_svm $(RULES_TEST)/test_rules_speed
SEED ?= $(shell date +%s)
STATES ?= 250000

.PHONY: rules-tests fuzz-rules
rules-tests: $(RULES_TESTS) $(RULES_TEST)/svm.bin $(RULES_TEST)/rom.bin $(RULES_TEST)/speed.bin
$(RULES_TEST)/rom.bin: tests/rules/rom.S
	@mkdir -p $(@D)
	$(CC) -c -o $@.o $<
	$(LD) -m elf_x86_64 -Ttext 0 -e 0 --oformat binary -o $@ $@.o
$(RULES_TEST)/test_rules_svm:
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec python3 tests/rules/judge.py\n' >$@ && chmod +x $@
$(RULES_TEST)/test_rules_speed:
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec python3 tests/rules/speed.py\n' >$@ && chmod +x $@
fuzz-rules: rules-tests
	@python3 tests/rules/judge.py --seed $(SEED) --states $(STATES) --timeout 86400 \
		$(if $(filter-out amd,$(CPU)),--cpu '$(CPU)')

# Failures that people reported, as swivl explain sees them; and bad input.
UNIT_SCRIPTS += $(BUILD)/unit/test_rules_cases
$(BUILD)/unit/test_rules_cases: tests/rules/cases.py $(BUILD)/cli/swivl $(wildcard tests/rules/cases/*)
	@mkdir -p $(@D)
	install -m 755 $< $@
