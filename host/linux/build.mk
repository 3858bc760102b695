# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The Linux module. Kbuild wants its objects beside its sources; a tree of links in build/ keeps
# them out of ours.
#
#   make module           build/host/linux/swivl.ko, for the kernel whose headers are in KDIR
#   make install-module   the module for the running kernel, and the udev rule (DESTDIR=)
#   make install-dkms     the sources for DKMS, which builds for every kernel (DESTDIR=)

VERSION := $(shell cat VERSION)
# Debian's cloud kernel is the one in the emulated machine.
KDIR ?= $(lastword $(shell ls -dv /usr/src/linux-headers-*-cloud-amd64 2>/dev/null))
KRELEASE ?= $(shell uname -r)
MODULE_DIR := $(BUILD)/host/linux
MODULE_SOURCES = VERSION $(shell find core include host/linux -path core/machine -prune -o -name '*.[chS]' -print)

.PHONY: module install-module install-dkms

# $(1): directory in build/, $(2): kernel headers. A warning ends the build, objtool's too.
define build_module
	@test -e "$(2)/Makefile" || { echo "No kernel headers in '$(2)':" \
		"install linux-headers-cloud-amd64 or set KDIR"; exit 1; }
	@mkdir -p $(1) && find $(1) -type l -delete
	@for f in $(MODULE_SOURCES); do mkdir -p $$(dirname $(1)/$$f); \
		ln -s $(CURDIR)/$$f $(1)/$$f; done
	@ln -s $(CURDIR)/host/linux/Kbuild $(1)/Kbuild
	+@$(MAKE) --no-print-directory -C $(2) M=$(CURDIR)/$(1) modules >$(1)/log 2>&1; \
		status=$$?; grep -v '^Skipping BTF' $(1)/log; \
		if grep -qi 'warning:' $(1)/log; then status=1; fi; exit $$status
endef

module:
	$(call build_module,$(MODULE_DIR),$(KDIR))

install-module:
	$(call build_module,$(MODULE_DIR)-$(KRELEASE),/lib/modules/$(KRELEASE)/build)
	install -D -m 644 $(MODULE_DIR)-$(KRELEASE)/swivl.ko \
		$(DESTDIR)/lib/modules/$(KRELEASE)/updates/swivl.ko
	install -D -m 644 host/linux/60-swivl.rules $(DESTDIR)/lib/udev/rules.d/60-swivl.rules
	$(if $(DESTDIR),,depmod $(KRELEASE))

DKMS_TREE = $(DESTDIR)/usr/src/swivl-$(VERSION)
install-dkms:
	rm -rf $(DKMS_TREE)
	for f in $(MODULE_SOURCES); do install -D -m 644 $$f $(DKMS_TREE)/$$f; done
	install -m 644 host/linux/Kbuild $(DKMS_TREE)/Kbuild
	sed 's/@VERSION@/$(VERSION)/' host/linux/dkms.conf.in >$(DKMS_TREE)/dkms.conf
	install -D -m 644 host/linux/60-swivl.rules $(DESTDIR)/lib/udev/rules.d/60-swivl.rules
	@echo "Now: dkms install swivl/$(VERSION)"
