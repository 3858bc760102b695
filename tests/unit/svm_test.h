/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the tests of core/svm over modelled processors have in common. */
#ifndef SWIVL_TESTS_SVM_TEST_H
#define SWIVL_TESTS_SVM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdbool.h>
#define SWIVL_HAVE_TYPES
#include <cmocka.h>
#include "svm_processor.h"

static struct vm vm;
static struct vcpu *vcpu;
static u64 root_table[512] __attribute__((aligned(4096)));

/* ---- around the tests -------------------------------------------------------------------------- */

static inline bool enable_all(struct refusal_report *why)
{
	bool ok = true;

	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		ok = ok && svm_vendor.cpu_enable(why);
	this_cpu = 0;
	return ok;
}

static inline void start(void)
{
	struct refusal_report why;

	assert_true(svm_vendor.present());
	assert_true(svm_vendor.supported(&why));
	assert_true(svm_vendor.start(&why));
	assert_true(enable_all(&why));
}

static inline void stop(void)
{
	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		svm_vendor.cpu_disable();
	this_cpu = 0;
	svm_vendor.stop();
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
	s->cr4 = CR4_PAE | CR4_MCE;
	s->efer = EFER_LME | EFER_LMA;
	s->seg[SEG_CS].attr = 0xa09b;
	s->seg[SEG_SS].attr = 0xc093;
	s->rflags = RFLAGS_ONE;
	s->rip = CODE_AT;
	s->xcr0 = 7;
	s->dr7 = DR7_ONE;
	v->cpuid_xcr0 = 7;
	v->valid = v->dirty = STATE_ALL | STATE_INTERCEPTS;
	assert_int_equal(svm_vendor.vcpu_create(v), 0);
	return v;
}

static inline void free_vcpu(struct vcpu *v)
{
	svm_vendor.vcpu_destroy(v);
	host_page_free(v->failure);
	free(v->fpu);
	free(v);
}

static inline int setup_rest(void)
{
	start();
	memset(&vm, 0, sizeof(vm));
	vm.stage2.root_pa = (size_t)root_table;
	nested_time = &vm.stage2.generation;
	svm_vendor.vm_create(&vm);
	vcpu = new_vcpu();
	return 0;
}

static inline int setup_with(u32 features)
{
	processors_reset();
	cpuid_8a_edx |= features;
	return setup_rest();
}

static inline int setup(void **state)
{
	return setup_with(0);
}

static inline int setup_all_features(void **state)
{
	return setup_with(SVM_NEXT_RIP | SVM_DECODE_ASSISTS | SVM_FLUSH_BY_ASID | SVM_CLEAN_BITS);
}

static inline int setup_qemu(void **state)
{
	processors_reset();
	qemu = true;
	return setup_rest();
}

static inline int teardown(void **state)
{
	assert_null(died);
	free_vcpu(vcpu);
	svm_vendor.vm_destroy(&vm);
	stop();
	return 0;
}

/* One entry in a section of its own. */
static inline void run_once(struct vcpu *v)
{
	svm_vendor.load(v, true);
	svm_vendor.run(v);
	svm_vendor.unload(v);
}

static u64 exit_code, exit_info[2], int_info, next_rip;
static struct vmcb seen; /* as VMRUN found it */

static inline void plain_guest(struct vmcb *vmcb, u64 *gpr)
{
	seen = *vmcb;
	vmcb->control.exit_code = exit_code;
	vmcb->control.exit_info[0] = exit_info[0];
	vmcb->control.exit_info[1] = exit_info[1];
	vmcb->control.exit_int_info = int_info;
	vmcb->control.next_rip = next_rip;
}

static inline const struct exit *exit_by(u64 number, u64 info0, u64 info1)
{
	guest = plain_guest;
	exit_code = number;
	exit_info[0] = info0;
	exit_info[1] = info1;
	int_info = 0;
	run_once(vcpu);
	return &vcpu->exit;
}

#define CODE_IS(...) memcpy(code, (u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }))

static inline struct vmcb *vmcb_of(struct vcpu *v)
{
	return to_svm(v)->vmcb;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define QEMU(name) cmocka_unit_test_setup_teardown(name, setup_qemu, teardown)
#define ALL_FEATURES(name) cmocka_unit_test_setup_teardown(name, setup_all_features, teardown)

#endif
