# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Small guests, one behaviour each. The name's first part is the format:
# flat_* raw real-mode code, mb_* multiboot 1 (32-bit ELF at 1 MiB), elf_* 64-bit ELF at 2 MiB.

GUESTS := $(BUILD)/guests
RUN_GUESTS := $(patsubst tests/guests/%.S,$(GUESTS)/%,$(wildcard tests/guests/*.S))

.PHONY: guests small-guests
small-guests: $(RUN_GUESTS)
guests: small-guests

$(GUESTS)/%.o32: tests/guests/%.S tests/guests/guest.h
	@mkdir -p $(@D)
	$(CC) -m32 -c -Itests/guests -o $@ $<
$(GUESTS)/%.o64: tests/guests/%.S tests/guests/guest.h
	@mkdir -p $(@D)
	$(CC) -m64 -c -Itests/guests -o $@ $<

$(GUESTS)/flat_%: $(GUESTS)/flat_%.o32
	$(LD) -m elf_i386 -Ttext 0 -e 0 --oformat binary -o $@ $<
$(GUESTS)/mb_%: $(GUESTS)/mb_%.o32
	$(LD) -m elf_i386 -Ttext 0x100000 -n -e start -z noexecstack --no-warn-rwx-segments -o $@ $<
$(GUESTS)/elf_%: $(GUESTS)/elf_%.o64
	$(LD) -m elf_x86_64 -Ttext 0x200000 -n -e start -z noexecstack --no-warn-rwx-segments -o $@ $<

# The examples of the documentation and the test of the library, static, for the emulated machine.
EXAMPLES := $(BUILD)/machine/example_c $(BUILD)/machine/example_cpp $(BUILD)/machine/library
guests: $(EXAMPLES)
$(BUILD)/machine/example_c: docs/examples/hello.c $(BUILD)/lib/libswivl.a
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -Wall -Wextra -Wpedantic -Iinclude -static -o $@ $^
$(BUILD)/machine/example_cpp: docs/examples/hello.cpp $(BUILD)/lib/libswivl.a include/swivl/swivl.hpp
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O2 -Wall -Wextra -Wpedantic -Iinclude -static -o $@ $(filter %.cpp %.a,$^)
$(BUILD)/machine/library: tests/machine/library.cpp $(BUILD)/lib/libswivl.a include/swivl/swivl.hpp
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O2 -Wall -Wextra -Iinclude -static -pthread -o $@ $(filter %.cpp %.a,$^)

# Not a program but a script: installs into a folder and builds the examples against that.
UNIT_SCRIPTS += $(BUILD)/unit/test_install
$(BUILD)/unit/test_install: tests/unit/install.sh
	@mkdir -p $(@D)
	install -m 755 $< $@
