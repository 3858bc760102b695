# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# What the tests of the hypervisor on the bare machine need: build/tests/metal/start.bin starts it
# without a disk, in QEMU by -kernel.

METAL_TEST := $(BUILD)/tests/metal

.PHONY: metal-tests
metal-tests: $(METAL_TEST)/start.bin

$(METAL_TEST)/start.elf: tests/metal/start.S tests/metal/start.c tests/metal/start.ld \
		$(METAL_DIR)/swivl-metal.bin host/metal/boot_info.h
	@mkdir -p $(@D)
	$(CC) -I. -std=gnu11 -O2 -Wall -Wextra -m64 -ffreestanding -fno-pic -fno-pie -mno-red-zone \
		-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -nostdlib -static -no-pie \
		-Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
		-DIMAGE='"$(METAL_DIR)/swivl-metal.bin"' -T tests/metal/start.ld -o $@ \
		tests/metal/start.S tests/metal/start.c
$(METAL_TEST)/start.bin: $(METAL_TEST)/start.elf
	objcopy -O binary $< $@
