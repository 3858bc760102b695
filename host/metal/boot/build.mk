# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The boot record and the loader: build/host/metal/boot/mbr.bin and loader.bin, which `swivl disk`
# carries with the hypervisor's image, and swivl-multiboot, all of it as one file for GRUB.

METAL_BOOT := $(BUILD)/host/metal/boot
METAL_BOOT_CFLAGS := -m32 -march=i386 -std=gnu11 -Os -Wall -Wextra -Wno-missing-field-initializers \
	-ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables \
	-mgeneral-regs-only -fcf-protection=none --param=min-pagesize=0 -I. \
	-DSWIVL_VERSION='"$(shell cat VERSION)"'
METAL_LOADER_OBJS := $(addprefix $(METAL_BOOT)/,entry.o hook_page.o loader.o console.o disk.o memory.o hook.o)

# The hypervisor, where it is in the tree; else an image that only refuses.
METAL_IMAGE := $(if $(wildcard host/metal/build.mk),$(BUILD)/host/metal/swivl-metal.bin,$(METAL_BOOT)/none.bin)

.PHONY: metal-boot
metal-boot: $(METAL_BOOT)/mbr.bin $(METAL_BOOT)/loader.bin $(BUILD)/host/metal/swivl-multiboot

$(METAL_BOOT)/%.o: host/metal/boot/%.c host/metal/boot/build.mk
	@mkdir -p $(@D)
	$(CC) $(METAL_BOOT_CFLAGS) -MMD -MP -c -o $@ $<
$(METAL_BOOT)/%.o: host/metal/boot/%.S host/metal/boot/layout.h host/metal/boot/build.mk
	@mkdir -p $(@D)
	$(CC) -m32 -I. -c -o $@ $<
# hook.c is an object of that name already.
$(METAL_BOOT)/hook_page.o: host/metal/boot/hook.S
	@mkdir -p $(@D)
	$(CC) -m32 -c -o $@ $<

$(METAL_BOOT)/mbr.bin: $(METAL_BOOT)/mbr.o
	$(LD) -m elf_i386 --no-warn-rwx-segments -z noexecstack -Ttext 0x600 -e 0x600 --oformat binary -o $@ $<
$(METAL_BOOT)/loader.elf: $(METAL_LOADER_OBJS) host/metal/boot/loader.ld
	$(LD) -m elf_i386 --no-warn-rwx-segments -z noexecstack -T host/metal/boot/loader.ld -o $@ $(METAL_LOADER_OBJS)
$(METAL_BOOT)/loader.bin: $(METAL_BOOT)/loader.elf
	objcopy -O binary $< $@

# $(1): the file, $(2): the hypervisor's image
define metal_multiboot
$(1): $(2) $(METAL_BOOT)/loader.bin $(METAL_BOOT)/multiboot.o host/metal/boot/multiboot.S host/metal/boot/multiboot.ld
	@mkdir -p $$(@D)
	$(CC) -m32 -I. -DLOADER_IMAGE='"$(METAL_BOOT)/loader.bin"' -DHYPERVISOR_IMAGE='"$(2)"' \
		-c -o $$@.o host/metal/boot/multiboot.S
	$(LD) -m elf_i386 --no-warn-rwx-segments -z noexecstack -T host/metal/boot/multiboot.ld -o $$@.elf $$@.o $(METAL_BOOT)/multiboot.o
	objcopy -O binary $$@.elf $$@
endef
$(eval $(call metal_multiboot,$(BUILD)/host/metal/swivl-multiboot,$(METAL_IMAGE)))

$(METAL_BOOT)/none.bin: host/metal/boot/none.S
	@mkdir -p $(@D)
	$(CC) -c -o $(METAL_BOOT)/none.o $<
	$(LD) -Ttext 0xffffffff80000000 -e 0 --oformat binary -o $@ $(METAL_BOOT)/none.o

# What the command carries. $(1): the object, $(2): the hypervisor's image
define metal_disk_files
$(1): cli/disk_files.S $(METAL_BOOT)/mbr.bin $(METAL_BOOT)/loader.bin $(2)
	@mkdir -p $$(@D)
	$(CC) -c -DRECORD='"$(METAL_BOOT)/mbr.bin"' -DLOADER='"$(METAL_BOOT)/loader.bin"' \
		-DHYPERVISOR='"$(2)"' -o $$@ $$<
endef
$(eval $(call metal_disk_files,$(CLI_DISK_FILES),$(METAL_IMAGE)))

-include $(wildcard $(METAL_BOOT)/*.d)
