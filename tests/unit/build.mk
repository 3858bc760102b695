# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Unit tests: pure parts on the host, with the address and undefined-behaviour sanitizers.
# tests/unit/test_X.c is one program. The sources it tests stand in its line "// uses: a.c b.c",
# libraries besides cmocka in "// libs: -lX", options in "// flags: -DX".
# Fuzz targets: tests/fuzz/fuzz_X.c, the same way, built by clang with libFuzzer.
# Tests of the core as a whole use $(MODEL), in fuzz targets $(FUZZ_MODEL): the core without its
# vendors, in the home of host/model. Tests of a vendor's part alone, on modelled processors, use
# $(VMX_SRCS) or $(SVM_SRCS), those of the machine as a guest $(MODEL) and $(MACHINE_SRCS).

comma := ,
UNIT_CFLAGS := -std=gnu11 -g -O1 -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -I. -Iinclude
UNIT_SRCS := $(wildcard tests/unit/test_*.c)
# UNIT_SCRIPTS: tests of the same kind that are no programs of one C file, from other parts.
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/unit/%) $(UNIT_SCRIPTS)
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BINS := $(FUZZ_SRCS:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_SECONDS ?= 10

MODEL_SRCS := $(wildcard core/vm/*.c core/rules/*.c core/x86/*.c core/irq/*.c core/emulate/*.c host/model/*.c)
MODEL := $(BUILD)/unit/model/model.a
FUZZ_MODEL := $(BUILD)/fuzz/model/model.a
VENDOR_NEEDS := $(wildcard core/rules/*.c) core/vm/failure.c core/vm/live.c core/vm/refusal.c core/x86/fpu.c
VMX_SRCS := $(wildcard core/vmx/*.c) $(VENDOR_NEEDS)
SVM_SRCS := $(wildcard core/svm/*.c) $(VENDOR_NEEDS) core/emulate/decode.c core/emulate/emulate.c
MACHINE_SRCS := $(wildcard core/machine/*.c)
FUZZ_CFLAGS = $(subst address$(comma)undefined,fuzzer-no-link$(comma)address$(comma)undefined,$(UNIT_CFLAGS))

$(BUILD)/unit/model/%.o: %.c tests/unit/build.mk
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -DSWIVL_MODEL -MMD -c -o $@ $<
$(BUILD)/fuzz/model/%.o: %.c tests/unit/build.mk
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -DSWIVL_MODEL -MMD -c -o $@ $<
$(MODEL): $(MODEL_SRCS:%.c=$(BUILD)/unit/model/%.o)
$(FUZZ_MODEL): $(MODEL_SRCS:%.c=$(BUILD)/fuzz/model/%.o)
$(MODEL) $(FUZZ_MODEL):
	@rm -f $@
	ar rcs $@ $^
-include $(MODEL_SRCS:%.c=$(BUILD)/unit/model/%.d) $(MODEL_SRCS:%.c=$(BUILD)/fuzz/model/%.d)

uses = $(shell sed -n 's|^// uses: ||p' $(1))
libs = $(shell sed -n 's|^// libs: ||p' $(1))
flags = $(shell sed -n 's|^// flags: ||p' $(1))

# A test may also #include a source, to reach its static functions: that one is no source to link.
define unit_rule
srcs_$(1) := tests/unit/$(1).c $(call uses,tests/unit/$(1).c)
$(BUILD)/unit/$(1): tests/unit/$(1).c $(call uses,tests/unit/$(1).c)
	@mkdir -p $$(@D)
	@$$(CC) $$(UNIT_CFLAGS) $(call flags,tests/unit/$(1).c) -MM -MT $$@ $$(filter %.c,$$(srcs_$(1))) >$$@.d
	$$(CC) $$(UNIT_CFLAGS) $(call flags,tests/unit/$(1).c) -o $$@ $$(srcs_$(1)) -lcmocka $(call libs,tests/unit/$(1).c)
endef
define fuzz_rule
$(BUILD)/fuzz/$(1): tests/fuzz/$(1).c $(call uses,tests/fuzz/$(1).c)
	@mkdir -p $$(@D)
	clang $$(subst address$$(comma)undefined,fuzzer$$(comma)address$$(comma)undefined,$$(UNIT_CFLAGS)) \
		$(call flags,tests/fuzz/$(1).c) -o $$@ $$(filter %.c %.a,$$^)
endef
$(foreach t,$(UNIT_SRCS:tests/unit/%.c=%),$(eval $(call unit_rule,$(t))))
$(foreach t,$(FUZZ_SRCS:tests/fuzz/%.c=%),$(eval $(call fuzz_rule,$(t))))
-include $(UNIT_BINS:=.d)

.PHONY: unit unit-programs fuzz
unit-programs: $(UNIT_BINS)
unit: $(UNIT_BINS)
	@fail=0; for t in $(UNIT_BINS); do CMOCKA_MESSAGE_OUTPUT=TAP $$t || fail=1; done; exit $$fail

fuzz: $(FUZZ_BINS)
	@for t in $(FUZZ_BINS); do mkdir -p $(BUILD)/corpus/$$(basename $$t); \
		$$t -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -print_final_stats=1 \
			$(BUILD)/corpus/$$(basename $$t) || exit 1; done
