# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# What the tests of the hypervisor on the bare machine need: build/tests/metal/start.bin starts it
# without a disk, in QEMU by -kernel.

METAL_TEST := $(BUILD)/tests/metal

.PHONY: metal-tests
metal-tests: $(METAL_TEST)/start.bin $(METAL_TEST)/refused.bin cli

$(METAL_TEST)/guest.bin: tests/metal/guest.S tests/metal/guest.c tests/metal/guest.ld tests/metal/bare.h
	@mkdir -p $(@D)
	$(CC) -I. -std=gnu11 -O2 -Wall -Wextra -m32 -march=i686 -ffreestanding -fno-pic -fno-pie \
		-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -nostdlib -static -no-pie \
		-Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
		-T tests/metal/guest.ld -o $@.elf tests/metal/guest.S tests/metal/guest.c
	objcopy -O binary $@.elf $@
# A multiboot image of a hypervisor and a guest: $1, of $2 and $3.
define metal_start
$(METAL_TEST)/$1.elf: tests/metal/start.S tests/metal/start.c tests/metal/start.ld tests/metal/bare.h $2 \
		host/metal/boot_info.h $3
	@mkdir -p $$(@D)
	$(CC) -I. -std=gnu11 -O2 -Wall -Wextra -m64 -ffreestanding -fno-pic -fno-pie -mno-red-zone \
		-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -nostdlib -static -no-pie \
		-Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
		-DIMAGE='"$2"' -DGUEST='"$3"' -T tests/metal/start.ld -o $$@ tests/metal/start.S tests/metal/start.c
endef
$(eval $(call metal_start,start,$(METAL_DIR)/swivl-metal.bin,$(METAL_TEST)/guest.bin))
$(eval $(call metal_start,refused,$(METAL_TEST)/refused-metal.bin,$(METAL_TEST)/refused-guest.bin))
$(METAL_TEST)/refused-guest.bin: tests/metal/refused.S
	@mkdir -p $(@D)
	$(CC) -m32 -c -o $@.o $<
	objcopy -O binary -j .text $@.o $@
$(METAL_TEST)/refused.o: tests/metal/refused.c
	@mkdir -p $(@D)
	$(METAL_CC) $(METAL_CFLAGS) -c -o $@ $<
$(METAL_TEST)/refused-metal.elf: host/metal/metal.ld $(METAL_OBJS) $(METAL_TEST)/refused.o
	$(METAL_LINK) -Wl,--wrap=vcpu_raise -o $@ -T $^
$(METAL_TEST)/refused-metal.bin: $(METAL_TEST)/refused-metal.elf
	objcopy -O binary $< $@
$(METAL_TEST)/start.bin $(METAL_TEST)/refused.bin: %.bin: %.elf
	objcopy -O binary $< $@

METAL_SHORT_TESTS += $(METAL_TEST)/test_start_short
METAL_LONG_TESTS += $(METAL_TEST)/test_start
metal-tests: $(METAL_TEST)/test_start_short $(METAL_TEST)/test_start
$(METAL_TEST)/test_start $(METAL_TEST)/test_start_short: tests/metal/build.mk
	@mkdir -p $(@D)
	@printf '#!/bin/sh\n# timeout: $(if $(findstring short,$@),600,1800)\nexec python3 tests/metal/start.py$(if $(findstring short,$@), --short)\n' >$@ && chmod +x $@
