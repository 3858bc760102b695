# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The hypervisor on the bare machine: build/host/metal/swivl-metal.elf with its symbols, and
# swivl-metal.bin, the flat image that a loader places (boot_info.h). core/ is compiled again for it;
# what of it only a home with callers needs falls out by itself.

METAL_DIR := $(BUILD)/host/metal
METAL_CC ?= $(CC)
METAL_FLAGS := -I. -Iinclude -m64 -mcmodel=kernel -mno-red-zone -fno-pic -fno-pie -ffreestanding \
	-fcf-protection=none -g -MMD -MP -DSWIVL_VERSION='"$(shell cat VERSION)"' \
	-DSWIVL_INTERRUPTS_OFF
METAL_CFLAGS := $(METAL_FLAGS) -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter \
	-Wno-override-init -Wno-missing-field-initializers -mgeneral-regs-only -fno-stack-protector -fbuiltin \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections -fno-strict-aliasing \
	-fno-tree-loop-distribute-patterns
METAL_LINK := $(METAL_CC) -nostdlib -static -no-pie -Wl,--gc-sections -Wl,-z,noexecstack \
	-Wl,-z,max-page-size=4096 -Wl,--build-id=none -Wl,--no-warn-rwx-segments
METAL_SRCS := $(shell find core host/metal -path host/metal/boot -prune -o \
	\( -name '*.c' -o -name '*.S' \) -print | sort)
METAL_OBJS := $(patsubst %,$(METAL_DIR)/obj/%.o,$(basename $(METAL_SRCS)))

.PHONY: metal
all: metal
metal: $(METAL_DIR)/swivl-metal.bin

$(METAL_DIR)/obj/%.o: %.c VERSION host/metal/build.mk
	@mkdir -p $(@D)
	$(METAL_CC) $(METAL_CFLAGS) -c -o $@ $<
$(METAL_DIR)/obj/%.o: %.S host/metal/build.mk
	@mkdir -p $(@D)
	$(METAL_CC) $(METAL_FLAGS) -c -o $@ $<
$(METAL_DIR)/swivl-metal.elf: host/metal/metal.ld $(METAL_OBJS)
	$(METAL_LINK) -o $@ -T $^
$(METAL_DIR)/swivl-metal.bin: $(METAL_DIR)/swivl-metal.elf
	objcopy -O binary $< $@
-include $(METAL_OBJS:.o=.d)
