# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# KVM's own tests, from Debian's linux-source-6.1, unmodified but for the path of the device.
# applicable.txt says which and why not the others; tests/machine/kvm_selftests.sh runs them.

KST_TAR := /usr/src/linux-source-6.1.tar.xz
KST := $(BUILD)/kvm-selftests
KST_SRC := $(KST)/linux-source-6.1/tools/testing/selftests/kvm
KST_TESTS := $(shell sed -n 's/^\([a-z][^[:space:]]*\)[[:space:]]*run.*/\1/p' tests/kvm-selftests/applicable.txt)
KST_LIB := assert elf guest_modes io kvm_util perf_test_util rbtree sparsebit test_util \
	x86_64/apic x86_64/perf_test_util x86_64/processor x86_64/svm x86_64/ucall x86_64/vmx
KST_CFLAGS = -w -O2 -std=gnu99 -U_FORTIFY_SOURCE -fno-stack-protector -fno-PIE -no-pie -static -pthread \
	-I$(KST)/linux-source-6.1/tools/include -I$(KST)/linux-source-6.1/tools/arch/x86/include \
	-I$(KST_SRC)/include -I$(KST_SRC)/include/x86_64 -I$(KST_SRC)/../rseq -I$(KST_SRC)/..

.PHONY: kvm-selftests
kvm-selftests: $(KST)/built

$(KST_SRC)/Makefile: $(KST_TAR)
	@mkdir -p $(KST)
	@tar -xJf $< -C $(KST) --wildcards 'linux-source-6.1/tools/testing/selftests/kvm/*' \
		'linux-source-6.1/tools/testing/selftests/*.h' 'linux-source-6.1/tools/testing/selftests/rseq/*' \
		'linux-source-6.1/tools/include/*' 'linux-source-6.1/tools/arch/x86/include/*' \
		'linux-source-6.1/tools/lib/rbtree.c'
	@sed -i 's|"/dev/kvm"|"/dev/swivl"|' $(KST_SRC)/include/kvm_util_base.h
	@touch $@

$(KST)/lib.a: $(KST_SRC)/Makefile
	@mkdir -p $(KST)/o/x86_64
	@cd $(KST) && for f in $(KST_LIB); do echo $$f; done | xargs -P $$(nproc) -I{} \
		$(CC) $(subst $(KST)/,,$(KST_CFLAGS)) -c -o o/{}.o $(subst $(KST)/,,$(KST_SRC))/lib/{}.c
	@cd $(KST) && $(CC) $(subst $(KST)/,,$(KST_CFLAGS)) -c -o o/x86_64/handlers.o \
		$(subst $(KST)/,,$(KST_SRC))/lib/x86_64/handlers.S
	@cd $(KST) && $(CC) $(subst $(KST)/,,$(KST_CFLAGS)) -ffreestanding -c -o o/string_override.o \
		$(subst $(KST)/,,$(KST_SRC))/lib/string_override.c
	@ar rcs $@ $(KST_LIB:%=$(KST)/o/%.o) $(KST)/o/x86_64/handlers.o

$(KST)/built: $(KST)/lib.a tests/kvm-selftests/applicable.txt
	@mkdir -p $(KST)/bin
	@cd $(KST) && for t in $(KST_TESTS); do echo $$t; done | xargs -P $$(nproc) -I{} sh -c \
		'$(CC) $(subst $(KST)/,,$(KST_CFLAGS)) -o bin/$$(basename {}) \
		$(subst $(KST)/,,$(KST_SRC))/{}.c lib.a o/string_override.o lib.a -ldl'
	@touch $@
