# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Tests of boot record, loader and swivl disk. `make test` has the short ones of them.

METAL_BOOT_TESTS := $(BUILD)/tests/metal/boot
METAL_STUB_OBJS := $(METAL_BOOT_TESTS)/stub.o $(METAL_BOOT_TESTS)/stub_pass.o

$(METAL_BOOT_TESTS)/stub.o: tests/metal/boot/stub.c host/metal/boot_info.h tests/metal/bare.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -Wall -Wextra -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone \
		-fno-stack-protector -fcf-protection=none -mgeneral-regs-only -I. -c -o $@ $<
$(METAL_BOOT_TESTS)/stub_pass.o: tests/metal/boot/stub_pass.S
	@mkdir -p $(@D)
	$(CC) -c -o $@ $<
$(METAL_BOOT_TESTS)/stub.bin: $(METAL_STUB_OBJS) tests/metal/boot/stub.ld
	$(LD) --no-warn-rwx-segments -T tests/metal/boot/stub.ld -o $@.elf $(METAL_STUB_OBJS)
	objcopy -O binary $@.elf $@
$(METAL_BOOT_TESTS)/handover.bin: tests/metal/boot/handover.S
	@mkdir -p $(@D)
	$(CC) -m32 -c -o $@.o $<
	$(LD) -m elf_i386 -Ttext 0x7c00 -e 0x7c00 --oformat binary -o $@ $@.o
$(METAL_BOOT_TESTS)/a20_off.bin: tests/metal/boot/a20_off.S
	@mkdir -p $(@D)
	$(CC) -m32 -c -o $@.o $<
	$(LD) -m elf_i386 -Ttext 0x600 -e 0x600 --oformat binary -o $@ $@.o
$(METAL_BOOT_TESTS)/locked_off.bin: tests/metal/boot/locked_off.S
	@mkdir -p $(@D)
	$(CC) -m32 -c -o $@.o $<
	$(LD) -m elf_i386 -Ttext 0x7c00 -e 0x7c00 --oformat binary -o $@ $@.o

# The command and the multiboot image with the stub in the hypervisor's place.
$(eval $(call metal_disk_files,$(METAL_BOOT_TESTS)/disk_files.o,$(METAL_BOOT_TESTS)/stub.bin))
$(eval $(call metal_multiboot,$(METAL_BOOT_TESTS)/stub-multiboot,$(METAL_BOOT_TESTS)/stub.bin))
$(METAL_BOOT_TESTS)/swivl: $(filter-out $(CLI_DISK_FILES),$(CLI_OBJS)) $(METAL_BOOT_TESTS)/disk_files.o $(BUILD)/lib/libswivl.a \
		$(BUILD)/lib/libswivlrules.a
	$(CC) -static -pthread $(LDFLAGS) -o $@ $^

.PHONY: metal-boot-tests metal-tests
metal-tests: metal-boot-tests
metal-boot-tests: $(METAL_BOOT_TESTS)/swivl $(METAL_BOOT_TESTS)/stub-multiboot $(METAL_BOOT_TESTS)/handover.bin $(METAL_BOOT_TESTS)/a20_off.bin \
		$(METAL_BOOT_TESTS)/locked_off.bin $(BUILD)/cli/swivl

METAL_SHORT_TESTS += $(METAL_BOOT_TESTS)/test_boot_short $(METAL_BOOT_TESTS)/test_refuse_short $(METAL_BOOT_TESTS)/test_disk_command
METAL_LONG_TESTS += $(METAL_BOOT_TESTS)/test_boot $(METAL_BOOT_TESTS)/test_refuse $(METAL_BOOT_TESTS)/test_disk_command
metal-boot-tests: $(METAL_SHORT_TESTS) $(METAL_LONG_TESTS)
# $(1): the program, $(2): what it runs
define metal_script
$(METAL_BOOT_TESTS)/$(1): tests/metal/boot/build.mk
	@mkdir -p $$(@D)
	@printf '#!/bin/sh\n# timeout: $(if $(findstring short,$(1)),600,1800)\nexec python3 tests/metal/boot/$(2)\n' >$$@ && chmod +x $$@
endef
$(eval $(call metal_script,test_boot_short,boot.py --short))
$(eval $(call metal_script,test_boot,boot.py))
$(eval $(call metal_script,test_disk_command,command.py))
$(eval $(call metal_script,test_refuse_short,refuse.py --short))
$(eval $(call metal_script,test_refuse,refuse.py))
