# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# What the tests of the hypervisor on the bare machine need: build/tests/metal/start.bin starts it
# without a disk, in QEMU by -kernel.

METAL_TEST := $(BUILD)/tests/metal

.PHONY: metal-tests
metal-tests: $(METAL_TEST)/start.bin

$(METAL_TEST)/guest.bin: tests/metal/guest.S tests/metal/guest.c tests/metal/guest.ld
	@mkdir -p $(@D)
	$(CC) -I. -std=gnu11 -O2 -Wall -Wextra -m32 -march=i686 -ffreestanding -fno-pic -fno-pie \
		-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -nostdlib -static -no-pie \
		-Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
		-T tests/metal/guest.ld -o $@.elf tests/metal/guest.S tests/metal/guest.c
	objcopy -O binary $@.elf $@
$(METAL_TEST)/start.elf: tests/metal/start.S tests/metal/start.c tests/metal/start.ld \
		$(METAL_DIR)/swivl-metal.bin host/metal/boot_info.h $(METAL_TEST)/guest.bin
	@mkdir -p $(@D)
	$(CC) -I. -std=gnu11 -O2 -Wall -Wextra -m64 -ffreestanding -fno-pic -fno-pie -mno-red-zone \
		-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -nostdlib -static -no-pie \
		-Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
		-DIMAGE='"$(METAL_DIR)/swivl-metal.bin"' -DGUEST='"$(METAL_TEST)/guest.bin"' -T tests/metal/start.ld -o $@ \
		tests/metal/start.S tests/metal/start.c
$(METAL_TEST)/start.bin: $(METAL_TEST)/start.elf
	objcopy -O binary $< $@

METAL_SHORT_TESTS += $(METAL_TEST)/test_start_short
METAL_LONG_TESTS += $(METAL_TEST)/test_start
metal-tests: $(METAL_TEST)/test_start_short $(METAL_TEST)/test_start
$(METAL_TEST)/test_start $(METAL_TEST)/test_start_short: tests/metal/build.mk
	@mkdir -p $(@D)
	@printf '#!/bin/sh\n# timeout: $(if $(findstring short,$@),600,1800)\nexec python3 tests/metal/start.py$(if $(findstring short,$@), --short)\n' >$@ && chmod +x $@
