# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# A boot record that does what no system does, run bare and beneath swivl.

METAL_BAD := $(BUILD)/tests/metal/bad
METAL_BAD_FLAGS := -std=gnu11 -I. -Os -Wall -Wextra -ffreestanding -fno-pic -fno-pie \
	-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	--param=min-pagesize=0
METAL_BAD_OBJS := $(patsubst %,$(METAL_BAD)/%.o,boot main control segments events hidden chance cpus resets)

$(METAL_BAD)/program32.bin: tests/metal/bad/prot32.c tests/metal/bad/layout.h tests/metal/bad/prot32.ld tests/metal/bare.h
	@mkdir -p $(@D)
	$(CC) -m32 -march=i386 $(METAL_BAD_FLAGS) -fno-toplevel-reorder -c -o $(METAL_BAD)/prot32.o $<
	$(LD) -m elf_i386 --no-warn-rwx-segments -z noexecstack -T tests/metal/bad/prot32.ld \
		-o $(METAL_BAD)/program32.elf $(METAL_BAD)/prot32.o
	objcopy -O binary $(METAL_BAD)/program32.elf $@
$(METAL_BAD)/boot.o: tests/metal/bad/boot.S tests/metal/bad/layout.h $(METAL_BAD)/program32.bin
	@mkdir -p $(@D)
	$(CC) -I. -DPROGRAM32='"$(METAL_BAD)/program32.bin"' -c -o $@ $<
$(METAL_BAD)/%.o: tests/metal/bad/%.c tests/metal/bad/bad.h tests/metal/bad/layout.h tests/metal/bare.h
	@mkdir -p $(@D)
	$(CC) -m64 $(METAL_BAD_FLAGS) -mno-red-zone -c -o $@ $<
$(METAL_BAD)/bad.bin: $(METAL_BAD_OBJS) tests/metal/bad/bad.ld
	$(LD) -m elf_x86_64 --no-warn-rwx-segments -z noexecstack -T tests/metal/bad/bad.ld \
		-o $(METAL_BAD)/bad.elf $(METAL_BAD_OBJS)
	objcopy -O binary $(METAL_BAD)/bad.elf $@

METAL_SHORT_TESTS += $(METAL_BAD)/test_bad_short
METAL_LONG_TESTS += $(METAL_BAD)/test_bad
metal-tests: $(METAL_BAD)/test_bad_short $(METAL_BAD)/test_bad $(METAL_BAD)/bad.bin
$(METAL_BAD)/test_bad_short $(METAL_BAD)/test_bad: tests/metal/bad/build.mk
	@mkdir -p $(@D)
	@printf '#!/bin/sh\n# timeout: $(if $(findstring short,$@),600,3600)\nexec python3 tests/metal/bad/bad.py %s\n' \
		"$(if $(findstring short,$@),--short)" >$@
	@chmod +x $@
