# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# make bench: swivl and KVM side by side, in the emulated machines of both vendors.

BENCH_ARGS ?=

$(BUILD)/bench/measure: bench/measure.c $(BUILD)/machine/guest.o
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -MMD -MP -MF $@.d -o $@ $(filter %.c %.o,$^)
-include $(BUILD)/bench/measure.d

.PHONY: bench
bench: install-bench $(BUILD)/bench/measure cli module
	@bench/run $(BENCH_ARGS)

.PHONY: install-bench
install-bench:
	@lab/install run amd intel
