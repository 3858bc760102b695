# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Guest tests: static programs that run in the emulated machine, `PROGRAM DEVICE [TEST...]`.
# tests/machine/guest_X.c is one; guest.c and guest_main.c are under all of them.

GUEST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-field-initializers -fno-toplevel-reorder -static -pthread -I. -Iinclude
GUEST_SRCS := $(filter-out %/guest_main.c,$(wildcard tests/machine/guest_*.c))
GUEST_BINS := $(GUEST_SRCS:tests/machine/%.c=$(BUILD)/machine/%)

$(GUEST_BINS): $(BUILD)/machine/%: tests/machine/%.c $(BUILD)/machine/guest.o $(BUILD)/machine/main.o
	$(CC) $(GUEST_CFLAGS) -MMD -MP -MF $@.d -o $@ $(filter %.c %.o,$^)
$(BUILD)/machine/guest.o: tests/machine/guest.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/machine/main.o: tests/machine/guest_main.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<
-include $(GUEST_BINS:=.d) $(BUILD)/machine/guest.d $(BUILD)/machine/main.d


# Tests of the device itself: each a program of one file on tap.h, `PROGRAM DEVICE`.
DEVICE_SRCS := $(filter-out tests/machine/guest%,$(wildcard tests/machine/*.c))
DEVICE_BINS := $(DEVICE_SRCS:tests/machine/%.c=$(BUILD)/machine/%)
$(DEVICE_BINS): $(BUILD)/machine/%: tests/machine/%.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -MMD -MP -MF $@.d -o $@ $<
-include $(DEVICE_BINS:=.d)

.PHONY: guests
guests: $(GUEST_BINS) $(DEVICE_BINS)
