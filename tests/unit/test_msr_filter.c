// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* KVM_X86_SET_MSR_FILTER: what the caller may say, and what the guest then may touch. */
#include "model_test.h"
#include "core/x86/regs.h"

#define READ KVM_MSR_FILTER_READ
#define WRITE KVM_MSR_FILTER_WRITE
#define MOST (KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8)

static int vm, handle;
static struct vcpu *vcpu;
static struct kvm_msr_filter f;

static int setup(void **state)
{
	model_reset();
	vm = new_vm();
	handle = new_vcpu(vm, 0);
	vcpu = model_vcpu(handle);
	memset(&f, 0, sizeof(f));
	return 0;
}

static long set(void)
{
	return model_call(vm, KVM_X86_SET_MSR_FILTER, &f);
}

static void range(unsigned int i, u32 flags, u32 base, u32 n, void *bits)
{
	f.ranges[i] = (struct kvm_msr_filter_range){ .flags = flags, .base = base, .nmsrs = n,
						     .bitmap = bits };
}

static bool permits(u32 msr, u32 way)
{
	const struct msr_filter *now = model_vcpu(handle)->vm->msr_filter;

	return !now || msr_filter_permits(now, msr, way);
}

static void what_is_refused(void **state)
{
	static u8 bits[KVM_MSR_FILTER_MAX_BITMAP_SIZE];

	assert_int_equal(model_ioctl(vm, KVM_X86_SET_MSR_FILTER, 0), -SWIVL_EFAULT);
	f.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	assert_int_equal(set(), -SWIVL_EINVAL); /* nothing is left */
	f.flags = 2;
	assert_int_equal(set(), -SWIVL_EINVAL);
	f.flags = 0;
	range(15, 4, 0, 1, bits);
	assert_int_equal(set(), -SWIVL_EINVAL);
	range(15, 0, 0, 1, bits);
	assert_int_equal(set(), -SWIVL_EINVAL);
	range(15, READ, 0, MOST + 1, bits);
	assert_int_equal(set(), -SWIVL_EINVAL);
	range(15, READ, 0, 0xffffffff, bits);
	assert_int_equal(set(), -SWIVL_EINVAL);
	range(15, READ, 0, MOST, NULL);
	assert_int_equal(set(), -SWIVL_EFAULT);
	range(15, READ, 0, MOST, (void *)~0xfull);
	assert_int_equal(set(), -SWIVL_EFAULT);
	assert_null(vcpu->vm->msr_filter);
	range(15, READ, 0, MOST, bits);
	assert_int_equal(set(), 0);
	/* What is refused changes nothing. */
	range(14, READ, 0, 8, NULL);
	assert_int_equal(set(), -SWIVL_EFAULT);
	assert_false(permits(MOST - 1, READ));
	/* A range of nothing says nothing, whatever else it says. */
	range(15, ~0u, 0, 0, NULL);
	range(14, 0, 0, 0, NULL);
	assert_int_equal(set(), 0);
	assert_null(vcpu->vm->msr_filter);
}

static void the_first_range_decides(void **state)
{
	u8 some[2] = { 0x05, 0x02 }, none[1] = { 0 };

	range(0, READ, 0x100, 10, some);
	range(3, READ | WRITE, 0x0fe, 8, none);
	assert_int_equal(set(), 0);
	assert_true(permits(0x100, READ));
	assert_false(permits(0x101, READ));
	assert_true(permits(0x102, READ));
	assert_true(permits(0x109, READ));
	assert_true(permits(0x10a, READ)); /* nobody names it */
	assert_false(permits(0x100, WRITE)); /* the second's */
	assert_false(permits(0x0fe, READ));
	assert_true(permits(0x0fd, READ));
	assert_true(permits(0x106, WRITE));
	f.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	assert_int_equal(set(), 0);
	assert_true(permits(0x100, READ));
	assert_false(permits(0x10a, READ));
	assert_false(permits(0x106, WRITE));
	assert_false(permits(0, READ));
	/* The x2APIC's are never the filter's. */
	assert_true(permits(0x800, READ));
	assert_true(permits(0x8ff, WRITE));
	assert_false(permits(0x7ff, READ));
	assert_false(permits(0x900, READ));
}

static void a_range_ends_with_the_numbers(void **state)
{
	u8 none[2] = { 0 };

	range(0, READ, 0xfffffffe, 16, none);
	assert_int_equal(set(), 0);
	assert_false(permits(0xfffffffe, READ));
	assert_false(permits(0xffffffff, READ));
	assert_true(permits(0, READ));
	assert_true(permits(5, READ));
}

static struct event injected;
static u8 next;

static void touches_lstar(struct vcpu *v, struct model_hw *hw)
{
	v->exit = (struct exit){ .kind = next, .length = 2 };
	v->gpr[RCX] = IA32_LSTAR;
	v->gpr[RAX] = 0x1000;
	v->gpr[RDX] = 0;
	injected = hw->injected;
	next = EXIT_HLT;
}

static void run(u8 kind)
{
	next = kind;
	assert_int_equal(model_ioctl(handle, KVM_RUN, 0), 0);
}

static u64 lstar(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { { 1, 0 }, { IA32_LSTAR, 0, 0 } };

	assert_int_equal(model_call(handle, KVM_GET_MSRS, &m), 1);
	return m.e.data;
}

/* For the guest alone, a #GP unless the caller wants to settle it; and gone with the next filter. */
static void what_the_guest_meets(void **state)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
				      .args = { KVM_MSR_EXIT_REASON_FILTER } };
	u64 generation = vcpu->vm->stage2.generation;
	u8 none[1] = { 0 };

	model_guest = touches_lstar;
	range(0, READ | WRITE, IA32_LSTAR, 1, none);
	assert_int_equal(set(), 0);
	assert_int_not_equal(vcpu->vm->stage2.generation, generation);
	run(EXIT_MSR_WRITE);
	assert_int_equal(vcpu->run->exit_reason, KVM_EXIT_HLT);
	assert_int_equal(injected.vector, VECTOR_GP);
	assert_int_equal(lstar(), 0);

	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &cap), 0);
	run(EXIT_MSR_WRITE);
	assert_int_equal(vcpu->run->exit_reason, KVM_EXIT_X86_WRMSR);
	assert_int_equal(vcpu->run->msr.reason, KVM_MSR_EXIT_REASON_FILTER);
	assert_int_equal(vcpu->run->msr.index, IA32_LSTAR);
	assert_int_equal(vcpu->run->msr.data, 0x1000);
	run(EXIT_MSR_READ);
	assert_int_equal(vcpu->run->exit_reason, KVM_EXIT_X86_RDMSR);
	assert_int_equal(vcpu->run->msr.reason, KVM_MSR_EXIT_REASON_FILTER);
	vcpu->run->msr.data = 0x77;
	run(EXIT_HLT);
	assert_int_equal(lstar(), 0);

	memset(&f, 0, sizeof(f));
	generation = vcpu->vm->stage2.generation;
	assert_int_equal(set(), 0);
	assert_int_not_equal(vcpu->vm->stage2.generation, generation);
	run(EXIT_MSR_WRITE);
	assert_int_equal(vcpu->run->exit_reason, KVM_EXIT_HLT);
	assert_int_equal(lstar(), 0x1000);
}

static void memory_is_counted(void **state)
{
	struct swivl_stats before, after;
	static u8 bits[1024];

	assert_int_equal(model_call(vm, SWIVL_GET_STATS, &before), 0);
	range(2, WRITE, 0, 8192, bits);
	assert_int_equal(set(), 0);
	assert_int_equal(model_call(vm, SWIVL_GET_STATS, &after), 0);
	assert_in_range(after.memory - before.memory, 1024, 2048);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, model_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_refused),
		TEST(the_first_range_decides),
		TEST(a_range_ends_with_the_numbers),
		TEST(what_the_guest_meets),
		TEST(memory_is_counted),
	};

	return cmocka_run_group_tests_name("msr_filter", tests, NULL, NULL);
}
