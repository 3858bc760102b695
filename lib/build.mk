# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# libswivl, shared and static; and what `make install` puts where.

LIB_VERSION := $(shell cat VERSION)
LIB_SONAME := libswivl.so.0
LIB_SRCS := $(wildcard lib/*.c)
LIB_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wno-override-init -fPIC -Iinclude
LIB_OBJS := $(LIB_SRCS:lib/%.c=$(BUILD)/lib/%.o)
LIB_A := $(BUILD)/lib/libswivl.a
LIB_SO := $(BUILD)/lib/libswivl.so.$(LIB_VERSION)

.PHONY: lib
all: lib
lib: $(LIB_A) $(LIB_SO)

$(BUILD)/lib/%.o: lib/%.c lib/build.mk
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

# DESTDIR: a root to install into. Used when the package is built, unknown to what is installed.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
TO := $(DESTDIR)$(PREFIX)
TO_LIB := $(DESTDIR)$(LIBDIR)

.PHONY: install uninstall
install: lib cli rules metal-boot
	install -d $(TO)/bin $(TO_LIB)/pkgconfig $(TO)/include/swivl $(TO)/share/man/man1 \
		$(TO)/share/man/man4 $(TO)/lib/swivl
	install -m 644 $(BUILD)/host/metal/swivl-multiboot $(TO)/lib/swivl/
	install -m 755 $(BUILD)/cli/dynamic/swivl $(TO)/bin/swivl
	install -m 644 include/swivl/*.h include/swivl/*.hpp core/rules/rules.h $(TO)/include/swivl/
	install -m 644 $(LIB_A) $(RULES_A) $(TO_LIB)/
	install -m 755 $(LIB_SO) $(TO_LIB)/
	ln -sf $(notdir $(LIB_SO)) $(TO_LIB)/$(LIB_SONAME)
	ln -sf $(LIB_SONAME) $(TO_LIB)/libswivl.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(LIB_VERSION)|' lib/swivl.pc.in \
		>$(TO_LIB)/pkgconfig/swivl.pc
	install -m 644 docs/man/swivl.1 $(TO)/share/man/man1/
	install -m 644 docs/man/swivl.4 $(TO)/share/man/man4/
	$(if $(DESTDIR),,ldconfig)

uninstall:
	rm -f $(TO)/bin/swivl $(TO_LIB)/libswivl.* $(TO_LIB)/libswivlrules.a $(TO_LIB)/pkgconfig/swivl.pc \
		$(TO)/share/man/man1/swivl.1 $(TO)/share/man/man4/swivl.4
	rm -rf $(TO)/include/swivl $(TO)/lib/swivl
