# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The swivl command. build/cli/swivl is static and runs anywhere, an initramfs included;
# build/cli/dynamic/swivl is the one that gets installed: it uses the shared C library and, for
# --trace, the disassembler Zydis if its headers are there.

CLI_SRCS := $(wildcard cli/*.c)
CLI_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wno-override-init -pthread -Iinclude -I. \
	-DSWIVL_VERSION='"$(shell cat VERSION)"'
# What it shares with the module: the reasons of swivl check, the decision on capabilities, and the
# manual's names for --trace.
CLI_CORE := $(BUILD)/cli/core/refusal.o $(BUILD)/cli/core/vmx_caps.o \
	$(BUILD)/cli/core/svm_caps.o $(BUILD)/cli/core/names.o
# What swivl disk installs, inside of the command; host/metal/boot makes it.
CLI_DISK_FILES := $(BUILD)/cli/disk_files.o
CLI_OBJS := $(CLI_SRCS:cli/%.c=$(BUILD)/cli/static/%.o) $(CLI_CORE) $(CLI_DISK_FILES)
CLI_DYN_OBJS := $(CLI_SRCS:cli/%.c=$(BUILD)/cli/dynamic/%.o) $(CLI_CORE) $(CLI_DISK_FILES)
CLI_ZYDIS := $(if $(wildcard /usr/include/Zydis/Zydis.h),yes)
CLI_DYN_LIBS := $(if $(CLI_ZYDIS),-lZydis)

.PHONY: cli
all: cli
cli: $(BUILD)/cli/swivl $(BUILD)/cli/dynamic/swivl

$(BUILD)/cli/static/%.o: cli/%.c cli/build.mk
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/cli/dynamic/%.o: cli/%.c cli/build.mk
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) $(if $(CLI_ZYDIS),-DHAVE_ZYDIS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(CLI_CORE):
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/cli/core/refusal.o: core/vm/refusal.c
$(BUILD)/cli/core/vmx_caps.o: core/vmx/caps.c
$(BUILD)/cli/core/svm_caps.o: core/svm/caps.c
$(BUILD)/cli/core/names.o: core/svm/names.c

$(BUILD)/cli/swivl: $(CLI_OBJS) $(BUILD)/lib/libswivl.a $(BUILD)/lib/libswivlrules.a
	$(CC) -static -pthread $(LDFLAGS) -o $@ $^

$(BUILD)/cli/dynamic/swivl: $(CLI_DYN_OBJS) $(BUILD)/lib/libswivl.a $(BUILD)/lib/libswivlrules.a
	$(CC) -pthread $(LDFLAGS) -o $@ $^ $(CLI_DYN_LIBS)

-include $(CLI_CORE:.o=.d) $(CLI_OBJS:.o=.d) $(CLI_DYN_OBJS:.o=.d)
