/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the tests of core/vmx over modelled processors have in common. */
#ifndef SWIVL_TESTS_VMX_TEST_H
#define SWIVL_TESTS_VMX_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdbool.h>
#define SWIVL_HAVE_TYPES
#include <cmocka.h>
#include "vmx_processor.h"

static struct vm vm;
static struct vcpu *vcpu;
static u64 root_table[512] __attribute__((aligned(4096)));

/* ---- around the tests -------------------------------------------------------------------------- */

static inline bool enable_all(struct refusal_report *why)
{
	bool ok = true;

	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		ok = ok && vmx_vendor.cpu_enable(why);
	this_cpu = 0;
	return ok;
}

static inline void start(void)
{
	struct refusal_report why;

	processors_reset();
	assert_true(vmx_vendor.present());
	assert_true(vmx_vendor.supported(&why));
	assert_true(vmx_vendor.start(&why));
	assert_true(enable_all(&why));
}

static inline void stop(void)
{
	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		vmx_vendor.cpu_disable();
	this_cpu = 0;
	vmx_vendor.stop();
	assert_int_equal(allocations, 0);
}

static inline struct vcpu *new_vcpu(void)
{
	struct vcpu *v = calloc(1, sizeof(*v));
	struct vcpu_state *s = &v->state;
	static struct kvm_run run;

	v->vm = &vm;
	v->run = &run;
	v->cpu = -1;
	v->fpu = aligned_alloc(4096, 4096);
	memset(v->fpu, 0, 4096);
	s->cr0 = CR0_PE | CR0_PG | CR0_NE;
	s->cr4 = CR4_PAE;
	s->efer = EFER_LME | EFER_LMA;
	s->rflags = RFLAGS_ONE;
	s->xcr0 = 7;
	s->lstar = 0xffffffff81000000;
	v->valid = v->dirty = STATE_ALL | STATE_INTERCEPTS;
	assert_int_equal(vmx_vendor.vcpu_create(v), 0);
	return v;
}

static inline void free_vcpu(struct vcpu *v)
{
	vmx_vendor.vcpu_destroy(v);
	host_page_free(v->failure);
	free(v->fpu);
	free(v);
}

static inline int setup(void **state)
{
	start();
	memset(&vm, 0, sizeof(vm));
	vm.stage2.root = root_table;
	vm.stage2.root_pa = (size_t)root_table;
	assert_int_equal(vmx_vendor.vm_create(&vm), 0);
	vcpu = new_vcpu();
	return 0;
}

static inline int teardown(void **state)
{
	free_vcpu(vcpu);
	vmx_vendor.vm_destroy(&vm);
	stop();
	return 0;
}

/* One entry in a section of its own. */
static inline void run_once(struct vcpu *v)
{
	vmx_vendor.load(v, true);
	vmx_vendor.run(v);
	vmx_vendor.unload(v);
}

static u64 exit_reason, exit_qualification, exit_info, vectoring;

static inline void plain_guest(u64 *gpr)
{
	guest_write(EXIT_REASON, exit_reason);
	guest_write(EXIT_QUALIFICATION, exit_qualification);
	guest_write(EXIT_INTERRUPTION_INFO, exit_info);
	guest_write(IDT_VECTORING_INFO, vectoring);
	guest_write(EXIT_INSTRUCTION_LENGTH, 3);
}

static inline void exit_by(u64 reason, u64 qualification)
{
	guest = plain_guest;
	exit_reason = reason;
	exit_qualification = qualification;
	exit_info = vectoring = 0;
	run_once(vcpu);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
