# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# libswivl, shared and static.

LIB_VERSION := 0.1
LIB_SONAME := libswivl.so.0
LIB_SRCS := $(wildcard lib/*.c)
LIB_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wno-override-init -fPIC -Iinclude
LIB_OBJS := $(LIB_SRCS:lib/%.c=$(BUILD)/lib/%.o)
LIB_A := $(BUILD)/lib/libswivl.a
LIB_SO := $(BUILD)/lib/libswivl.so.$(LIB_VERSION)

.PHONY: lib
all: lib
lib: $(LIB_A) $(LIB_SO)

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIB_A): $(LIB_OBJS)
	rm -f $@
	$(AR) rcs $@ $^

$(LIB_SO): $(LIB_OBJS) lib/libswivl.map
	$(CC) -shared -Wl,-z,defs -Wl,-soname,$(LIB_SONAME) -Wl,--version-script=lib/libswivl.map $(LDFLAGS) \
		-o $@ $(LIB_OBJS)
	ln -sf $(@F) $(BUILD)/lib/$(LIB_SONAME)
	ln -sf $(LIB_SONAME) $(BUILD)/lib/libswivl.so

-include $(LIB_OBJS:.o=.d)
