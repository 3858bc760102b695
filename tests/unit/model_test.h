/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the tests on host/model have in common. */
#ifndef SWIVL_TESTS_MODEL_TEST_H
#define SWIVL_TESTS_MODEL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define SWIVL_HAVE_TYPES
#include "host/model/model.h"

#define PAGE 4096ull
#define LARGE (2ull << 20)

/* Around each test: nothing may stay behind. */
static inline int model_setup(void **state)
{
	model_reset();
	return 0;
}

static inline int model_teardown(void **state)
{
	model_finish();
	if (model_allocations || model_pins)
		print_error("left behind: %ld allocations, %ld pins\n", model_allocations,
			    model_pins);
	return model_allocations || model_pins ? -1 : 0;
}

#define model_test(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

/* Memory of "the caller", 2 MiB-aligned. */
static inline void *caller_memory(size_t size)
{
	char *p = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return (void *)(((u64)p + LARGE - 1) & ~(LARGE - 1));
}

static inline int new_vm(void)
{
	long vm = model_ioctl(MODEL_SYSTEM, KVM_CREATE_VM, 0);

	assert_true(vm >= 0);
	return vm;
}

static inline int new_vcpu(int vm, u32 id)
{
	long vcpu = model_ioctl(vm, KVM_CREATE_VCPU, id);

	assert_true(vcpu >= 0);
	return vcpu;
}

static inline long set_slot(int vm, u32 slot, u32 flags, u64 gpa, u64 size, const void *memory)
{
	struct kvm_userspace_memory_region r = { .slot = slot, .flags = flags,
						 .guest_phys_addr = gpa, .memory_size = size,
						 .userspace_addr = (u64)memory };

	return model_call(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

#endif
