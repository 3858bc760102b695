// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* What is offered, what a guest sees, and the requests between. */
#include "model_test.h"
#include "core/x86/regs.h"

#define ALL 0xffffffffu
#define MAX 256

struct list {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 e[MAX + 1];
};

static struct list list;

static void get_supported(void)
{
	memset(&list, 0, sizeof(list));
	list.head.nent = MAX;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_SUPPORTED_CPUID, &list), 0);
}

static struct kvm_cpuid_entry2 *entry(u32 leaf, u32 subleaf)
{
	u32 i;

	for (i = 0; i < list.head.nent; i++)
		if (list.e[i].function == leaf && list.e[i].index == subleaf)
			return &list.e[i];
	return NULL;
}

static struct kvm_cpuid_entry2 *must(u32 leaf, u32 subleaf)
{
	struct kvm_cpuid_entry2 *e = entry(leaf, subleaf);

	assert_non_null(e);
	return e;
}

/* ---- what is offered ------------------------------------------------------------------------ */

static void hides_what_guests_must_not_have(void **state)
{
	get_supported();
	assert_int_equal(must(1, 0)->ecx & (1 << 5), 0); /* VMX */
	assert_int_equal(must(1, 0)->ecx & (1 << 3), 0); /* MONITOR */
	assert_int_equal(must(1, 0)->ecx & (1 << 6), 0); /* SMX */
	assert_int_equal(must(1, 0)->ecx & (1 << 15), 0); /* PDCM */
	assert_int_equal(must(1, 0)->ecx & (1 << 27), 0); /* OSXSAVE is the guest's own */
	assert_int_equal(must(1, 0)->edx & (1 << 21 | 1 << 22 | 1 << 28), 0); /* DS, ACPI, HTT */
	assert_int_equal(must(1, 0)->ebx >> 16, 0); /* APIC ID, processors */
	assert_int_equal(must(7, 0)->ecx & (1 << 3 | 1 << 16), 0); /* PKU, LA57 */
	assert_int_equal(must(7, 0)->ebx & (1 << 2 | 1 << 25 | 1 << 14), 0); /* SGX, PT, MPX */
	assert_int_equal(must(7, 0)->edx & (1u << 26 | 1u << 27 | 1u << 29 | 1u << 31), 0);
	assert_int_equal(must(0x80000001, 0)->ecx & (1 << 2), 0); /* SVM */
	assert_int_equal(must(0xa, 0)->eax, 0); /* performance counters */
	assert_int_equal(must(5, 0)->eax | must(5, 0)->ecx, 0);
	assert_int_equal(must(0xd, 0)->eax, 0xe7); /* no PKRU */
	assert_null(entry(0xd, 9));
	assert_int_equal(must(0xd, 1)->eax & 8, 0); /* XSAVES */
	assert_null(entry(0xe, 0));
	assert_null(entry(0x80000009, 0));
}

static void offers_what_works(void **state)
{
	get_supported();
	assert_int_equal(must(0, 0)->eax, 0xd);
	assert_int_equal(must(0, 0)->ebx, 0x756e6547);
	assert_true(must(1, 0)->ecx & (1u << 31)); /* a hypervisor is there */
	assert_true(must(1, 0)->ecx & (1 << 21)); /* x2APIC */
	assert_true(must(1, 0)->ecx & (1 << 28)); /* AVX */
	assert_true(must(7, 0)->ebx & (1 << 16)); /* AVX-512 */
	assert_true(must(7, 0)->ebx & (1 << 10)); /* INVPCID */
	assert_true(must(0x80000001, 0)->edx & (1 << 27)); /* RDTSCP */
	assert_true(must(0x80000001, 0)->edx & (1 << 29)); /* long mode */
	assert_true(must(0x80000007, 0)->edx & (1 << 8));
	assert_int_equal(must(0x80000008, 0)->eax, 40 | 48 << 8);
	assert_int_equal(must(6, 0)->eax, 4);
	assert_int_equal(must(4, 2)->eax, 0x123);
	assert_int_equal(must(4, 0)->flags, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	assert_int_equal(must(1, 0)->flags, 0);
	assert_int_equal(must(0x40000000, 0)->eax, 0x40000001);
	assert_memory_equal(&must(0x40000000, 0)->ebx, "KVMKVMKVM\0\0\0", 12);
	assert_int_equal(must(0x40000001, 0)->eax, 0);
}

static void what_follows_from_less(void **state)
{
	model_features = 0;
	get_supported();
	assert_int_equal(must(7, 0)->ebx & (1 << 10), 0);
	assert_int_equal(must(7, 0)->ecx & (1 << 22), 0); /* RDPID */
	assert_int_equal(must(0x80000001, 0)->edx & (1 << 27), 0);

	model_cpuid_set(0, 0, (struct x86_cpuid){ 5, 1, 2, 3 });
	model_cpuid_set(0x80000000, 0, (struct x86_cpuid){ 0x80000004, 0, 0, 0 });
	get_supported();
	assert_int_equal(must(0, 0)->eax, 5);
	assert_null(entry(6, 0));
	assert_int_equal(must(0x80000000, 0)->eax, 0x80000004);
	assert_null(entry(0x80000008, 0));

	model_cpuid_set(0x80000000, 0, (struct x86_cpuid){ 0x80000008, 0, 0, 0 });
	model_cpuid_set(0x80000008, 0, (struct x86_cpuid){ 36, 0, 0, 0 });
	get_supported();
	assert_int_equal(must(0x80000008, 0)->eax, 36 | 48 << 8);
}

static void without_xsave(void **state)
{
	struct refusal_report why;

	swivl_stop();
	model_cpuid_set(1, 0, (struct x86_cpuid){ 0, 0, ALL & ~(1u << 27), ALL });
	assert_true(swivl_start(&why));
	get_supported();
	assert_int_equal(must(1, 0)->ecx & (1 << 26 | 1 << 28 | 1 << 12), 0);
	assert_int_equal(must(7, 0)->ebx & (1 << 5 | 1 << 16), 0);
	assert_int_equal(must(0xd, 0)->eax | must(0xd, 0)->ebx, 0);
	assert_null(entry(0xd, 2));
}

/* Emulators write more to a compacted area than software has room for: not offered there. */
static void without_xsavec(void **state)
{
	struct refusal_report why;

	get_supported();
	assert_int_equal(must(0xd, 1)->eax, 7);
	swivl_stop();
	model_cpuid_set(0xd, 1, (struct x86_cpuid){ 0xf, 2696, 0x100, 0 });
	assert_true(swivl_start(&why));
	get_supported();
	assert_int_equal(must(0xd, 1)->eax, 5);
}

static void no_room(void **state)
{
	u32 n, full;

	get_supported();
	full = list.head.nent;
	assert_true(full > 20 && full < 80);
	for (n = 0; n < full; n++) {
		list.head.nent = n;
		list.e[n].eax = 0x1234567;
		assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_SUPPORTED_CPUID, &list),
				 -SWIVL_E2BIG);
		assert_int_equal(list.e[n].eax, 0x1234567);
		assert_int_equal(list.head.nent, n);
	}
	list.head.nent = full;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_SUPPORTED_CPUID, &list), 0);
	list.head.nent = 0xffffffff;
	assert_int_equal(model_call(MODEL_SYSTEM, KVM_GET_SUPPORTED_CPUID, &list), 0);
	assert_int_equal(list.head.nent, full);
}

/* ---- a vCPU's --------------------------------------------------------------------------------- */

static int vm, handle;
static struct vcpu *vcpu;

static int setup(void **state)
{
	model_reset();
	vm = new_vm();
	handle = new_vcpu(vm, 0);
	vcpu = model_vcpu(handle);
	return 0;
}

static void ask(u32 leaf, u32 subleaf, u32 *r)
{
	vcpu->gpr[RAX] = leaf;
	vcpu->gpr[RCX] = subleaf;
	vcpu_cpuid(vcpu);
	r[0] = vcpu->gpr[RAX];
	r[1] = vcpu->gpr[RBX];
	r[2] = vcpu->gpr[RCX];
	r[3] = vcpu->gpr[RDX];
}

static void a_guest_sees_what_was_set(void **state)
{
	u32 r[4], i;

	ask(0, 0, r);
	assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
	get_supported();
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	for (i = 0; i < list.head.nent; i++) {
		ask(list.e[i].function, list.e[i].index, r);
		assert_int_equal(r[0], list.e[i].eax);
		if (list.e[i].function != 0xd)
			assert_int_equal(r[1], list.e[i].ebx);
		assert_int_equal(r[2], list.e[i].ecx);
		assert_int_equal(r[3], list.e[i].edx);
	}
	/* A leaf without sub-leaves does not look at ECX. */
	ask(1, 77, r);
	assert_int_equal(r[0], 0x306c3);
	ask(4, 77, r);
	assert_int_equal(r[0], 0);
}

static void beyond_the_last_leaf(void **state)
{
	u32 r[4], last[4];

	get_supported();
	must(0xd, 0)->edx = 0; /* and recognizable: */
	must(0xd, 0)->ecx = 0x777;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	ask(0xd, 0, last);
	ask(0x16, 0, r);
	assert_memory_equal(r, last, sizeof(r));
	ask(0x40000002, 0, r);
	assert_int_equal(r[2], 0x777);
	ask(0x80000009, 0, r);
	assert_int_equal(r[2], 0x777);
	/* Within the range a leaf without an entry is zeros. */
	must(3, 0)->function = 0x999;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	ask(3, 0, r);
	assert_int_equal(r[2], 0);
	/* AMD answers with zeros. */
	must(0, 0)->ebx = 0x68747541;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	ask(0x16, 0, r);
	assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
}

static void bits_that_follow_from_the_state(void **state)
{
	struct kvm_sregs s;
	u32 r[4];

	get_supported();
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	ask(1, 0, r);
	assert_int_equal(r[2] & (1 << 27), 0);
	assert_true(r[3] & (1 << 9));
	ask(0xd, 0, r);
	assert_int_equal(r[1], 576);
	assert_int_equal(model_call(handle, KVM_GET_SREGS, &s), 0);
	s.cr4 |= 1 << 18;
	s.apic_base &= ~(1ull << 11);
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), 0);
	assert_int_equal(vcpu_set_xcr0(vcpu, 7), 0);
	ask(1, 0, r);
	assert_true(r[2] & (1 << 27));
	assert_int_equal(r[3] & (1 << 9), 0);
	ask(0xd, 0, r);
	assert_int_equal(r[1], 576 + 256);
	assert_int_equal(vcpu_set_xcr0(vcpu, 0xe7), 0);
	ask(0xd, 0, r);
	assert_int_equal(r[1], 1664 + 1024);
	ask(0xd, 1, r);
	assert_int_equal(r[1], 576 + 256 + 64 + 512 + 1024); /* 500 rounded up */
}

static void get_gives_back_what_was_set(void **state)
{
	struct list other = { .head.nent = 0 };
	u32 n;

	get_supported();
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	n = list.head.nent;
	other.head.nent = n - 1;
	assert_int_equal(model_call(handle, KVM_GET_CPUID2, &other), -SWIVL_E2BIG);
	assert_int_equal(other.head.nent, n - 1);
	other.head.nent = n + 1;
	assert_int_equal(model_call(handle, KVM_GET_CPUID2, &other), 0);
	assert_int_equal(other.head.nent, n);
	assert_memory_equal(other.e, list.e, 40); /* leaf 0 */
	other.head.nent = ALL;
	assert_int_equal(model_call(handle, KVM_GET_CPUID2, &other), 0);
}

static void set_refuses(void **state)
{
	get_supported();
	list.head.nent = MAX + 1;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), -SWIVL_E2BIG);
	list.head.nent = ALL;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), -SWIVL_E2BIG);
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, 0), -SWIVL_EFAULT);
	assert_int_equal(vcpu->ncpuid, 0);
	get_supported();
	must(0x80000008, 0)->eax = 40 | 47 << 8;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), -SWIVL_EINVAL);
	must(0x80000008, 0)->eax = 40;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	model_fail_alloc = 2;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), -SWIVL_ENOMEM);
	assert_int_not_equal(vcpu->ncpuid, 0);
	list.head.nent = 0;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	assert_int_equal(vcpu->ncpuid, 0);
	/* Absurd widths do no harm. */
	get_supported();
	must(0x80000008, 0)->eax = 255;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	assert_true(vcpu->guest_phys_bits >= 32 && vcpu->guest_phys_bits <= 52);
}

static void after_it_has_run(void **state)
{
	get_supported();
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	assert_int_equal(model_ioctl(handle, KVM_RUN, 0), 0);
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	must(7, 0)->ebx--;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), -SWIVL_EINVAL);
	must(7, 0)->ebx++;
	must(1, 0)->ecx ^= 1u << 27; /* OSXSAVE is not the caller's */
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	list.head.nent--;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), -SWIVL_EINVAL);
}

static void the_older_request(void **state)
{
	struct {
		struct kvm_cpuid head;
		struct kvm_cpuid_entry e[2];
	} old = { { 2, 0 }, { { 0, 7, 1, 2, 3, 0 }, { 7, 4, 5, 6, 8, 0 } } };
	u32 r[4];

	assert_int_equal(model_call(handle, KVM_SET_CPUID, &old), 0);
	ask(7, 3, r);
	assert_int_equal(r[0], 4);
	assert_int_equal(r[3], 8);
	assert_true(vcpu_has_cpuid(vcpu, 7, 0, 1, 0));
	assert_false(vcpu_has_cpuid(vcpu, 7, 0, 1, 1));
	assert_false(vcpu_has_cpuid(vcpu, 8, 0, 1, 0));
	old.head.nent = MAX + 1;
	assert_int_equal(model_call(handle, KVM_SET_CPUID, &old), -SWIVL_E2BIG);
}

/* CR4 bits that a CPUID could announce may be set before there is one, and only those. */
static void cr4_before_cpuid(void **state)
{
	struct kvm_sregs s;
	u64 bit;

	assert_int_equal(model_call(handle, KVM_GET_SREGS, &s), 0);
	for (bit = 0; bit < 64; bit++) {
		bool ok = bit <= 10 || bit == 11 || (bit >= 16 && bit <= 18) || bit == 20 || bit == 21;

		s.cr4 = 1ull << bit;
		assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), ok ? 0 : -SWIVL_EINVAL);
	}
	get_supported();
	must(7, 0)->ebx &= ~(1u << 20); /* SMAP */
	must(7, 0)->ecx |= 1 << 3 | 1 << 16; /* PKU, LA57: not offered, so not to be had */
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	s.cr4 = 1 << 22;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), -SWIVL_EINVAL);
	s.cr4 = 1 << 12;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), -SWIVL_EINVAL);
	s.cr4 = 1 << 21;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), -SWIVL_EINVAL);
	s.cr4 = 1 << 20;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), 0);
}

/* A CPUID that announces more than the processor has: CR4 is the processor's all the same. */
static void cr4_of_a_cpuid_that_lies(void **state)
{
	struct x86_cpuid seven = x86_cpuid(7, 0);
	struct kvm_sregs s;

	seven.ebx &= ~(1u << 7); /* SMEP */
	seven.ecx &= ~(1u << 2); /* UMIP */
	model_cpuid_set(7, 0, seven);
	get_supported();
	assert_false(must(7, 0)->ebx & 1u << 7);
	must(7, 0)->ebx |= 1u << 7;
	must(7, 0)->ecx |= 1u << 2;
	assert_int_equal(model_call(handle, KVM_SET_CPUID2, &list), 0);
	assert_int_equal(model_call(handle, KVM_GET_SREGS, &s), 0);
	s.cr4 = CR4_SMAP;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), 0);
	s.cr4 = CR4_SMEP;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), -SWIVL_EINVAL);
	s.cr4 = CR4_UMIP;
	assert_int_equal(model_call(handle, KVM_SET_SREGS, &s), -SWIVL_EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, model_teardown)
	const struct CMUnitTest tests[] = {
		model_test(hides_what_guests_must_not_have),
		model_test(offers_what_works),
		model_test(what_follows_from_less),
		model_test(without_xsave),
		model_test(without_xsavec),
		model_test(no_room),
		TEST(a_guest_sees_what_was_set),
		TEST(beyond_the_last_leaf),
		TEST(bits_that_follow_from_the_state),
		TEST(get_gives_back_what_was_set),
		TEST(set_refuses),
		TEST(after_it_has_run),
		TEST(the_older_request),
		TEST(cr4_before_cpuid),
		TEST(cr4_of_a_cpuid_that_lies),
	};

	return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
