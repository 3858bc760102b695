// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* MSRs: the caller's requests and the guest's accesses. */
#include "model_test.h"
#include "core/x86/regs.h"

#define REFUSED 1 /* KVM_MSR_EXIT_REASON_INVAL */
#define UNKNOWN 2

static int vm, handle;
static struct vcpu *vcpu;

static struct {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 e[256];
} cpuid;

static int setup(void **state)
{
	model_reset();
	vm = new_vm();
	handle = new_vcpu(vm, 0);
	vcpu = model_vcpu(handle);
	cpuid.head.nent = 256;
	model_call(MODEL_SYSTEM, KVM_GET_SUPPORTED_CPUID, &cpuid);
	return model_call(handle, KVM_SET_CPUID2, &cpuid);
}

struct one {
	struct kvm_msrs head;
	struct kvm_msr_entry e;
};

static long set(u32 msr, u64 value)
{
	struct one m = { { 1, 0 }, { msr, 0, value } };

	return model_call(handle, KVM_SET_MSRS, &m);
}

static long get(u32 msr, u64 *value)
{
	struct one m = { { 1, 0 }, { msr, 0, 0x5a5a } };
	long ret = model_call(handle, KVM_GET_MSRS, &m);

	*value = m.e.data;
	return ret;
}

static u64 value_of(u32 msr)
{
	u64 value;

	assert_int_equal(get(msr, &value), 1);
	return value;
}

static int guest_set(u32 msr, u64 value)
{
	return msr_write(vcpu, msr, value, true);
}

static u64 guest_value(u32 msr)
{
	u64 value;

	assert_int_equal(msr_read(vcpu, msr, &value, true), 0);
	return value;
}

/* ---- lists -------------------------------------------------------------------------------------- */

struct index_list {
	struct kvm_msr_list head;
	u32 index[300];
};

static void the_index_list(void **state)
{
	static struct index_list list;
	u32 n, i;

	list.head.nmsrs = 0;
	list.index[0] = 0x77;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSR_INDEX_LIST, &list), -SWIVL_E2BIG);
	n = list.head.nmsrs;
	assert_true(n > 30 && n < 100);
	assert_int_equal(list.index[0], 0x77);
	list.head.nmsrs = n - 1;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSR_INDEX_LIST, &list), -SWIVL_E2BIG);
	assert_int_equal(list.head.nmsrs, n);
	list.index[n] = 0x77;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSR_INDEX_LIST, &list), 0);
	assert_int_equal(list.index[n], 0x77);
	list.head.nmsrs = 0xffffffff;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSR_INDEX_LIST, &list), 0);
	assert_int_equal(list.head.nmsrs, n);
	/* Whatever is listed can be read, and what was read can be set. */
	for (i = 0; i < n; i++)
		assert_int_equal(set(list.index[i], value_of(list.index[i])), 1);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_GET_MSR_INDEX_LIST, 0), -SWIVL_EFAULT);
}

static void the_feature_list(void **state)
{
	static struct index_list list;
	struct one m = { { 1, 0 }, { 0, 0, 0 } };
	u32 i;

	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSR_FEATURE_INDEX_LIST, &list),
			 -SWIVL_E2BIG);
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSR_FEATURE_INDEX_LIST, &list), 0);
	for (i = 0; i < list.head.nmsrs; i++) {
		m.e.index = list.index[i];
		assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSRS, &m), 1);
	}
	m.e.index = IA32_EFER;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_MSRS, &m), 0);
}

static void requests_stop_at_the_first_refused(void **state)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[256];
	} m = { { 3, 0 }, { { IA32_STAR, 0, 1 }, { 0x12345678, 0, 2 }, { IA32_LSTAR, 0, 3 } } };

	assert_int_equal(model_call(handle, KVM_SET_MSRS, &m), 1);
	assert_int_equal(value_of(IA32_STAR), 1);
	assert_int_equal(value_of(IA32_LSTAR), 0);
	m.e[0].data = 0;
	assert_int_equal(model_call(handle, KVM_GET_MSRS, &m), 1);
	assert_int_equal(m.e[0].data, 1);
	assert_int_equal(m.e[2].data, 3);
	m.head.nmsrs = 256;
	assert_int_equal(model_call(handle, KVM_GET_MSRS, &m), -SWIVL_E2BIG);
	assert_int_equal(model_call(handle, KVM_SET_MSRS, &m), -SWIVL_E2BIG);
	m.head.nmsrs = 0xffffffff;
	assert_int_equal(model_call(handle, KVM_SET_MSRS, &m), -SWIVL_E2BIG);
	m.head.nmsrs = 0;
	assert_int_equal(model_call(handle, KVM_SET_MSRS, &m), 0);
	assert_int_equal(model_ioctl(handle, KVM_SET_MSRS, 0), -SWIVL_EFAULT);
}

/* ---- values -------------------------------------------------------------------------------------- */

/* Number, a value that must be kept, a value that must be refused (0: all are good). */
static void kept_and_refused(void **state)
{
	static const struct {
		u32 msr;
		u64 good, bad;
	} cases[] = {
		{ IA32_SYSENTER_CS, 0xfff8, 1ull << 32 },
		{ IA32_SYSENTER_ESP, 0xffff888000001000, 0x8000000000000000 },
		{ IA32_SYSENTER_EIP, 0x7fffffffffff, 0x800000000000 },
		{ IA32_STAR, 0x0023001000000000, 0 },
		{ IA32_LSTAR, 0xffff800000000000, 0xff00000000000000 },
		{ IA32_CSTAR, 0x1000, 0x1000000000000000 },
		{ IA32_FMASK, 0x47700, 1ull << 33 },
		{ IA32_KERNEL_GS_BASE, 0xffffffff80000000, 0xfff7000000000000 },
		{ IA32_FS_BASE, 0x7ffff0000000, 0xfff7000000000000 },
		{ IA32_GS_BASE, 0xffff888000000000, 0xfff7000000000000 },
		{ IA32_TSC_AUX, 0xffffffff, 1ull << 32 },
		{ IA32_PAT, 0x0706050401000100, 0x0706050402000100 },
		{ IA32_MISC_ENABLE, 0x850089 & 0x400c51889, 1ull << 63 },
		{ IA32_DEBUGCTL, 2, 1 },
		{ IA32_MCG_STATUS, 5, 8 },
		{ 0x200, 0x80000006, 0x80000002 },
		{ 0x20e, 0x6, 1ull << 41 },
		{ 0x201, 0xff80000800, 0xff80000001 },
		{ 0x20f, 0x800, 1ull << 40 },
		{ 0x250, 0x0606060606060606, 0x0606060606060602 },
		{ 0x259, 0x0001040506060606, 0x0700000000000000 },
		{ 0x26f, 0x0505050505050505, 0x0303030303030303 },
		{ 0x2ff, 0xc06, 0xc02 },
		{ IA32_EFER, EFER_SCE | EFER_NXE, EFER_SVME },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		u32 msr = cases[i].msr;

		assert_int_equal(set(msr, cases[i].good), 1);
		assert_int_equal(value_of(msr), cases[i].good);
		if (cases[i].bad)
			assert_int_equal(set(msr, cases[i].bad), 0);
		assert_int_equal(value_of(msr), cases[i].good);
		assert_int_equal(guest_set(msr, cases[i].good), 0);
		assert_int_equal(guest_value(msr), cases[i].good);
		if (cases[i].bad)
			assert_int_equal(guest_set(msr, cases[i].bad), REFUSED);
	}
	/* Neighbours in one range are not one MSR. */
	assert_int_equal(value_of(0x202), 0);
	assert_int_equal(value_of(0x258), 0);
	assert_int_equal(value_of(0x26e), 0);
}

static void what_does_not_exist(void **state)
{
	static const u32 none[] = { 0x2, 0x48, 0x49, 0x10a, 0x10b, 0x186, 0x1d8, 0x210, 0x249, 0x251,
				    0x267, 0x270, 0x300, 0x38f, 0x400, 0x480, 0x491, 0xda0, 0x802,
				    0x4b564cff, 0x4b564d06, 0xc0000104, 0xc0010114, 0xc0010117,
				    0xffffffff };
	unsigned int i;
	u64 value;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(msr_read(vcpu, none[i], &value, true), UNKNOWN);
		assert_int_equal(msr_write(vcpu, none[i], 0, true), UNKNOWN);
		assert_int_equal(get(none[i], &value), 0);
		assert_int_equal(set(none[i], 0), 0);
	}
}

static void fixed_ones(void **state)
{
	assert_int_equal(guest_value(IA32_MTRRCAP), 0x508);
	assert_int_equal(guest_set(IA32_MTRRCAP, 0), REFUSED);
	assert_int_equal(set(IA32_MTRRCAP, 0x508), 1);
	assert_int_equal(guest_value(IA32_FEATURE_CONTROL), 1);
	assert_int_equal(guest_set(IA32_FEATURE_CONTROL, 5), REFUSED);
	assert_int_equal(set(IA32_FEATURE_CONTROL, 5), 0);
	assert_int_equal(guest_value(IA32_MCG_CAP), 0);
	/* Microcode: guests write, read back what the caller said. */
	assert_int_equal(guest_set(IA32_BIOS_SIGN_ID, 0), 0);
	assert_int_equal(guest_value(IA32_BIOS_SIGN_ID), 1ull << 32);
	assert_int_equal(set(IA32_BIOS_SIGN_ID, 7ull << 32), 1);
	assert_int_equal(guest_value(IA32_BIOS_SIGN_ID), 7ull << 32);
	assert_int_equal(guest_set(0x79, 0x1234), 0);
	/* KVM's clock: programs reset it, guests have none. */
	assert_int_equal(set(0x11, 0), 1);
	assert_int_equal(set(0x4b564d01, 0), 1);
	assert_int_equal(set(0x4b564d01, 1), 0);
	assert_int_equal(guest_set(0x12, 0), UNKNOWN);
}

/* A guest whose CPUID lacks the feature must not find its MSR; the caller may. */
static void features_hide_their_msrs(void **state)
{
	u32 i;
	u64 value;

	for (i = 0; i < cpuid.head.nent; i++) {
		if (cpuid.e[i].function == 1)
			cpuid.e[i].edx &= ~(1u << 12);
		if (cpuid.e[i].function == 7)
			cpuid.e[i].ebx &= ~2u;
		if (cpuid.e[i].function == 0x80000001)
			cpuid.e[i].edx &= ~(1u << 27);
	}
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &cpuid), 0);
	assert_int_equal(msr_read(vcpu, 0x2ff, &value, true), UNKNOWN);
	assert_int_equal(msr_read(vcpu, IA32_TSC_ADJUST, &value, true), UNKNOWN);
	assert_int_equal(msr_write(vcpu, IA32_TSC_AUX, 0, true), UNKNOWN);
	assert_int_equal(set(IA32_TSC_AUX, 5), 1);
	assert_int_equal(set(IA32_TSC_ADJUST, 5), 1);
}

static void efer(void **state)
{
	struct kvm_sregs s;

	assert_int_equal(guest_set(IA32_EFER, EFER_LME), 0);
	/* LMA is the processor's. */
	assert_int_equal(guest_set(IA32_EFER, EFER_LME | EFER_LMA), 0);
	assert_int_equal(guest_value(IA32_EFER), EFER_LME);
	assert_int_equal(set(IA32_EFER, EFER_SCE | EFER_LMA), 1);
	assert_int_equal(value_of(IA32_EFER), EFER_SCE);
	model_call(handle, KVM_GET_SREGS, &s);
	s.cr0 = CR0_PE | CR0_PG;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME | EFER_LMA;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), 0);
	assert_int_equal(guest_set(IA32_EFER, EFER_LMA), REFUSED);
	assert_int_equal(set(IA32_EFER, 0), 0);
	assert_int_equal(guest_set(IA32_EFER, EFER_LME | EFER_SCE), 0);
	assert_int_equal(guest_value(IA32_EFER), EFER_LME | EFER_LMA | EFER_SCE);
}

static void apic_base(void **state)
{
	assert_int_equal(value_of(IA32_APIC_BASE), 0xfee00900);
	assert_int_equal(guest_set(IA32_APIC_BASE, 0xfee00901), REFUSED);
	assert_int_equal(guest_set(IA32_APIC_BASE, 0xfee00400), REFUSED);
	assert_int_equal(guest_set(IA32_APIC_BASE, 1ull << 40), REFUSED);
	assert_int_equal(guest_set(IA32_APIC_BASE, 0xfee00d00), 0);
	assert_int_equal(guest_set(IA32_APIC_BASE, 0xfee00100), 0);
	assert_int_equal(value_of(IA32_APIC_BASE), 0xfee00100);
}

/* The modelled TSC: a tick a nanosecond. */
static void time_stamps(void **state)
{
	assert_int_equal(value_of(0x10), 0); /* a vCPU's begins at 0 */
	model_advance(5000000);
	assert_int_equal(value_of(0x10), 5000000);

	assert_int_equal(guest_set(0x10, 1000000000000), 0);
	assert_int_equal(guest_value(0x10), 1000000000000);
	assert_int_equal(guest_value(IA32_TSC_ADJUST), 1000000000000 - 5000000);
	assert_int_equal(guest_set(IA32_TSC_ADJUST, 0), 0);
	assert_int_equal(guest_value(0x10), 5000000);

	/* The caller moves one without the other. */
	assert_int_equal(set(IA32_TSC_ADJUST, 77), 1);
	assert_int_equal(value_of(0x10), 5000000);
	assert_int_equal(set(0x10, 1ull << 60), 1);
	assert_int_equal(value_of(0x10), 1ull << 60);
	assert_int_equal(value_of(IA32_TSC_ADJUST), 77);
}

/* vCPUs that are set to one value one after the other run together. */
static void time_stamps_of_two(void **state)
{
	int second;
	u64 a, b;

	model_advance(3000000);
	second = new_vcpu(vm, 1);
	a = vcpu->state.tsc_offset;
	b = model_vcpu(second)->state.tsc_offset;
	assert_int_equal(a, b);

	assert_int_equal(set(0x10, 1ull << 40), 1);
	model_advance(2000000);
	handle = second;
	assert_int_equal(set(0x10, 1ull << 40), 1);
	assert_int_equal(vcpu->state.tsc_offset, model_vcpu(second)->state.tsc_offset);
	/* Far apart in time they mean what they say. */
	model_advance(5000000000);
	assert_int_equal(set(0x10, 1ull << 40), 1);
	assert_int_equal(value_of(0x10), 1ull << 40);
	assert_int_not_equal(vcpu->state.tsc_offset, model_vcpu(second)->state.tsc_offset);
}

/* Values reach the hardware with the next entry, and come back from it. */
static u64 seen_lstar, seen_gs, seen_pat;

static void guest_changes(struct vcpu *v, struct model_hw *hw)
{
	seen_lstar = hw->state.lstar;
	seen_gs = hw->state.seg[SEG_GS].base;
	seen_pat = hw->state.pat;
	hw->state.sysenter_esp = 0x1234;
	hw->state.kernel_gs_base = 0x5678;
}

static void the_hardware_has_them(void **state)
{
	/* A first entry, after which nothing is stored but what changes. */
	assert_int_equal(model_ioctl(handle, KVM_RUN, 0), 0);
	assert_int_equal(set(IA32_LSTAR, 0x1111), 1);
	assert_int_equal(set(IA32_GS_BASE, 0x2222), 1);
	assert_int_equal(set(IA32_PAT, 6), 1);
	model_guest = guest_changes;
	assert_int_equal(model_ioctl(handle, KVM_RUN, 0), 0);
	assert_int_equal(seen_lstar, 0x1111);
	assert_int_equal(seen_gs, 0x2222);
	assert_int_equal(seen_pat, 6);
	assert_int_equal(value_of(IA32_SYSENTER_ESP), 0x1234);
	assert_int_equal(value_of(IA32_KERNEL_GS_BASE), 0x5678);
	assert_int_equal(value_of(IA32_LSTAR), 0x1111);
	/* Setting one of a group keeps the others as the guest left them. */
	assert_int_equal(model_ioctl(handle, KVM_RUN, 0), 0);
	assert_int_equal(set(IA32_SYSENTER_CS, 8), 1);
	assert_int_equal(value_of(IA32_SYSENTER_ESP), 0x1234);
}

/* Any number, any value: no crash, and nothing but the documented answers. */
static void random_accesses(void **state)
{
	unsigned int i;

	srand(7);
	for (i = 0; i < 200000; i++) {
		static const u32 bases[] = { 0, 0x170, 0x1a0, 0x200, 0x250, 0x2f0, 0x6e0, 0x800,
					     0x4b564d00, 0xc0000080, 0xc0000100, 0xc0010010 };
		u32 msr = bases[rand() % 12] + rand() % 32;
		u64 value = (u64)rand() << 33 ^ (u64)rand() << 11 ^ rand();
		int ret;

		if (rand() % 2)
			value = 1ull << (rand() % 64);
		ret = msr_write(vcpu, msr, value, rand() % 2);
		assert_in_range(ret, 0, 2);
		ret = msr_read(vcpu, msr, &value, rand() % 2);
		assert_in_range(ret, 0, 2);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, model_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_index_list),
		TEST(the_feature_list),
		TEST(requests_stop_at_the_first_refused),
		TEST(kept_and_refused),
		TEST(what_does_not_exist),
		TEST(fixed_ones),
		TEST(features_hide_their_msrs),
		TEST(efer),
		TEST(apic_base),
		TEST(time_stamps),
		TEST(time_stamps_of_two),
		TEST(the_hardware_has_them),
		TEST(random_accesses),
	};

	return cmocka_run_group_tests_name("msr", tests, NULL, NULL);
}
