# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The rules as a static library that another hypervisor can link: freestanding, it needs nothing.

RULES_SRCS := $(wildcard core/rules/*.c)
RULES_OBJS := $(RULES_SRCS:core/rules/%.c=$(BUILD)/rules/%.o)
RULES_A := $(BUILD)/lib/libswivlrules.a

.PHONY: rules
all: rules
rules: $(RULES_A)

$(BUILD)/rules/%.o: core/rules/%.c core/rules/build.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -ffreestanding -fPIC -mno-red-zone -mgeneral-regs-only -I. \
		$(CFLAGS) -MMD -MP -c -o $@ $<

$(RULES_A): $(RULES_OBJS)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

-include $(RULES_OBJS:.o=.d)
