/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the tests of requests have in common: a VM with one vCPU, with or without chips. */
#ifndef SWIVL_TESTS_REQUEST_TEST_H
#define SWIVL_TESTS_REQUEST_TEST_H

#include "model_test.h"
#include "core/x86/regs.h"

/* Of the test that runs. */
static int vm, vcpu;

static inline int setup(void **state)
{
	model_reset();
	vm = new_vm();
	vcpu = new_vcpu(vm, 0);
	return 0;
}

static inline int setup_chips(void **state)
{
	model_reset();
	vm = new_vm();
	assert_int_equal(model_ioctl(vm, KVM_CREATE_IRQCHIP, 0), 0);
	vcpu = new_vcpu(vm, 0);
	return 0;
}

static inline long call(u32 number, void *arg)
{
	return model_call(vcpu, number, arg);
}

/* A guest that only looks at what an entry brought. */
static struct vcpu_state at_entry;
static u64 rsp_at_entry;

static inline void look(struct vcpu *v, struct model_hw *hw)
{
	at_entry = hw->state;
	rsp_at_entry = hw->rsp;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, model_teardown)
#define CHIPS(name) cmocka_unit_test_setup_teardown(name, setup_chips, model_teardown)

#endif
