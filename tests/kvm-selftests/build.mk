# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# KVM's own tests, from Debian's linux-source-6.1, unmodified but for the path of the device.
# applicable.txt says which and why not the others; tests/machine/kvm_selftests.sh runs them.
# `make kvm-selftests-long`, CPU=amd: those that take too long for `make test`.

KST_TAR := /usr/src/linux-source-6.1.tar.xz
KST := $(BUILD)/kvm-selftests
KST_SRC := $(KST)/linux-source-6.1/tools/testing/selftests/kvm
KST_LIST := tests/kvm-selftests/applicable.txt
KST_TESTS := $(sort $(shell sed -n 's/^\([a-z][^[:space:]]*\)[[:space:]]*\(run\|long\).*/\1/p' $(KST_LIST)))
# Two that do not compile as they are, against the package's own headers: one calls an assertion by
# the name that it got later, one forgets a header.
KST_FLAGS := dirty_log_test) echo -DTEST_ASSERT_EQ=ASSERT_EQ;; steal_time) echo -include linux/stddef.h;;
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

# Every program of the package stands in the list, and nothing else.
$(KST)/built: $(KST)/lib.a $(KST_LIST)
	@mkdir -p $(KST)/bin
	@cd $(KST_SRC) && ls *.c x86_64/*.c | sed 's/\.c$$//' | sort >$(abspath $(KST))/programs
	@sed -n 's/^\([a-z][^[:space:]]*\)[[:space:]]*\(run\|long\|out\).*/\1/p' $(KST_LIST) | sort -u | \
		diff $(KST)/programs - || { echo "$(KST_LIST) is not the package's list"; false; }
	@cd $(KST) && for t in $(KST_TESTS); do echo $$t; done | xargs -P $$(nproc) -I{} sh -c \
		'$(CC) $(subst $(KST)/,,$(KST_CFLAGS)) $$(case {} in $(KST_FLAGS) esac) \
		-o bin/$$(basename {}) $(subst $(KST)/,,$(KST_SRC))/{}.c lib.a o/string_override.o lib.a -ldl'
	@for w in run long emulator; do \
		sed -n "s/^\([a-z][^[:space:]]*\)[[:space:]][[:space:]]*$$w[[:space:]]*/\1 /p" $(KST_LIST) >$(KST)/bin/$$w.list; \
	done
	@touch $@

.PHONY: kvm-selftests-long
kvm-selftests-long: kvm-selftests module
	lab/run $(if $(CPU),--cpu $(CPU)) --cpus 2 --mem 2048 --timeout 14400 --add $(BUILD)/host/linux/swivl.ko \
		--add $(KST)/bin:/lab/kvm-selftests --add tests/machine/swivl.inc:/lab/swivl.inc \
		--add tests/machine/kvm_selftests.sh:/lab/run.sh -c 'cd /lab; LIST=long . ./run.sh'
