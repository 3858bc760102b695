# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Operating systems beneath which swivl is: a program for each machine and system, so that several
# run at a time. The long list is what `make test-metal` runs.

METAL_SYSTEMS := $(BUILD)/tests/metal/systems
METAL_INTEL := corei5_arrandale_m520 corei7_haswell_4770 corei7_skylake_x
METAL_OS := linux linux-686 linux-686-pae memtest86+ ipxe

# machine=system; the colon before the count is a + here, for make. A disk at USB and a start by GRUB
# are before the system's own time: once each is enough.
METAL_CASES := $(foreach n,1 2 4,$(foreach s,$(METAL_OS),$(foreach c,amd amd/q35 $(METAL_INTEL),$c+$n=$s))) \
	$(foreach n,1 2 4,$(foreach c,amd amd/q35,$c+$n=work)) $(foreach c,$(METAL_INTEL:=+2) corei7_haswell_4770+1,$c=work) \
	amd+1=multiboot amd/q35+2=multiboot2 corei7_haswell_4770+2=multiboot2 amd/usb+2=linux
METAL_SHORT_CASES := amd+1=linux amd+2=ipxe amd/q35+2=memtest86+ corei7_haswell_4770+1=ipxe

metal_case = $(METAL_SYSTEMS)/test_systems_$(subst /,_,$(subst =,_,$1))
METAL_SHORT_TESTS += $(foreach c,$(METAL_SHORT_CASES),$(call metal_case,$c))
METAL_LONG_TESTS += $(foreach c,$(METAL_CASES),$(call metal_case,$c))
metal-tests: cli metal-boot $(foreach c,$(METAL_CASES),$(call metal_case,$c))

define metal_system
$(call metal_case,$1): tests/metal/systems/build.mk
	@mkdir -p $$(@D)
	@printf '#!/bin/sh\n# timeout: %s\nexec python3 tests/metal/systems/systems.py %s %s\n' \
		$(if $(filter amd%,$1),1200,3000) '$(subst +,:,$(firstword $(subst =, ,$1)))' '$(lastword $(subst =, ,$1))' >$$@ && chmod +x $$@
endef
$(foreach c,$(METAL_CASES),$(eval $(call metal_system,$c)))

# What it costs beneath Debian's kernel.
.PHONY: bench-metal bench-metal-here
bench-metal:
	@lab/install run amd intel metal
	@$(MAKE) -s --no-print-directory bench-metal-here
bench-metal-here: cli
	@mkdir -p $(BUILD)/tests/metal
	@python3 tests/metal/systems/speed.py $(CPU)
