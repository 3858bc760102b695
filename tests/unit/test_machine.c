// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL) $(MACHINE_SRCS)
// flags: -DSWIVL_MODEL
/* The machine as a guest, exit by exit: what it is shown, what it may not, and what ends it. */
#include "machine_test.h"

#define CALL 0x6c76697773ull

/* ---- CPUID ----------------------------------------------------------------------------------- */

static struct x86_cpuid cpuid(u32 leaf, u32 subleaf, u64 cr4)
{
	guest()->state.cr4 = v->state.cr4 = cr4; /* these two bits are always good */
	at_exit(EXIT_CPUID, 2);
	v->gpr[RAX] = 0xdead00000000 | leaf;
	v->gpr[RCX] = subleaf;
	machine_exit(v);
	goes_on(2);
	assert_int_equal((v->gpr[RAX] | v->gpr[RBX] | v->gpr[RCX] | v->gpr[RDX]) >> 32, 0);
	return (struct x86_cpuid){ v->gpr[RAX], v->gpr[RBX], v->gpr[RCX], v->gpr[RDX] };
}

static void cpuid_hides_the_extensions(void **state)
{
	struct x86_cpuid real = x86_cpuid(1, 0), c = cpuid(1, 0, 0);

	assert_true(real.ecx & CPUID_1_ECX_VMX);
	assert_int_equal(real.ecx & ~c.ecx, CPUID_1_ECX_VMX | 1 << 6 | CPUID_1_ECX_OSXSAVE |
						    CPUID_1_ECX_DTES64);
	assert_int_equal(c.ecx & ~real.ecx, 0);
	assert_int_equal(c.eax, real.eax);
	assert_true(real.edx & CPUID_1_EDX_DS);
	assert_int_equal(c.edx, real.edx & ~CPUID_1_EDX_DS);
	c = cpuid(0x80000001, 0, 0);
	assert_int_equal(c.ecx ^ x86_cpuid(0x80000001, 0).ecx, CPUID_X1_ECX_SVM);
	model_cpuid_set(0x80000000, 0, (struct x86_cpuid){ 0x8000000a, 0, 0, 0 });
	model_cpuid_set(0x8000000a, 0, (struct x86_cpuid){ 1, 2, 3, 4 });
	c = cpuid(0x8000000a, 0, 0);
	assert_int_equal(c.eax | c.ebx | c.ecx | c.edx, 0);
}

static void cpuid_hides_the_trace(void **state)
{
	model_cpuid_set(0, 0, (struct x86_cpuid){ 0x14, 1, 2, 3 });
	model_cpuid_set(7, 0, (struct x86_cpuid){ 0, ~0u, 0, 4 });
	model_cpuid_set(0x14, 0, (struct x86_cpuid){ 1, 2, 3, 4 });
	assert_int_equal(cpuid(7, 0, 0).ebx, ~(1u << 25));
	assert_int_equal(cpuid(0x14, 0, 0).ecx, 0);
	/* Beyond the last leaf it is no trace's. */
	model_cpuid_set(0, 0, (struct x86_cpuid){ 0x13, 1, 2, 3 });
	assert_int_equal(cpuid(0x14, 0, 0).ecx, 3);
}

/* Bits that show CR4 show the guest's. */
static void cpuid_follows_cr4(void **state)
{
	assert_true(cpuid(1, 0, CR4_OSXSAVE).ecx & CPUID_1_ECX_OSXSAVE);
	assert_false(cpuid(1, 0, CR4_PKE).ecx & CPUID_1_ECX_OSXSAVE);
	assert_true(cpuid(7, 0, CR4_PKE).ecx & 1 << 4);
	assert_false(cpuid(7, 0, CR4_OSXSAVE).ecx & 1 << 4);
	assert_int_equal(cpuid(7, 1, 0).ecx, x86_cpuid(7, 1).ecx);
}

static void cpuid_brand(void **state)
{
	char text[49] = { 0 };

	for (u32 i = 0; i < 3; i++) {
		struct x86_cpuid c = cpuid(0x80000002 + i, 0, 0);

		memcpy(text + i * 16, &c, 16);
	}
	assert_string_equal(text, "A brand of the owner");
	machine->config.brand[0] = 0;
	model_cpuid_set(0x80000003, 0, (struct x86_cpuid){ 5, 6, 7, 8 });
	assert_int_equal(cpuid(0x80000003, 0, 0).edx, 8);
}

static void cpuid_names_the_hypervisor(void **state)
{
	struct x86_cpuid c = cpuid(0x40000000, 0, 0);
	char name[13] = { 0 };

	memcpy(name, &c.ebx, 4);
	memcpy(name + 4, &c.ecx, 4);
	memcpy(name + 8, &c.edx, 4);
	assert_string_equal(name, "swivlmachine");
	assert_int_equal(c.eax, 0x40000000);
}

/* ---- XSETBV ---------------------------------------------------------------------------------- */

static void xsetbv(u32 index, u64 value, u32 ss)
{
	struct model_hw *hw = guest();

	hw->state.cr4 = CR4_OSXSAVE;
	hw->state.seg[SEG_SS].attr = ss;
	xcr0 = 77;
	at_exit(EXIT_XSETBV, 3);
	v->gpr[RCX] = index;
	v->gpr[RAX] = 0xffff00000000 | (u32)value;
	v->gpr[RDX] = 0xffff00000000 | value >> 32;
	machine_exit(v);
}

static void xsetbv_is_checked(void **state)
{
	static const u64 bad[] = { 0, 2, 4, 5, 1ull << 63 | 3, 1 | 1 << 3, 3 | 1 << 5, 0xe3,
				   3 | 1ull << 8, 3 | 1 << 4, 3 | 1 << 17 };

	v->cpuid_xcr0 |= XCR0_AMX;
	xsetbv(0, 7 | XCR0_AMX | XCR0_MPX, FLAT);
	goes_on(3);
	assert_int_equal(xcr0, 7 | XCR0_AMX | XCR0_MPX);
	xsetbv(0, 1, FLAT);
	goes_on(3);
	assert_int_equal(xcr0, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		xsetbv(0, bad[i], FLAT);
		raises(VECTOR_GP);
		assert_int_equal(xcr0, 77);
	}
	xsetbv(1, 7, FLAT);
	raises(VECTOR_GP);
	xsetbv(0, 7, FLAT | 3 << 5);
	raises(VECTOR_GP);
	assert_int_equal(xcr0, 77);
}

/* ---- MSRs ------------------------------------------------------------------------------------ */

static u64 rdmsr(u32 number)
{
	msr(EXIT_MSR_READ, number, 0);
	goes_on(2);
	assert_int_equal((v->gpr[RAX] | v->gpr[RDX]) >> 32, 0);
	return v->gpr[RAX] | v->gpr[RDX] << 32;
}

static void msrs_of_the_extensions(void **state)
{
	msrs[IA32_FEATURE_CONTROL] = 7 | 1 << 20;
	assert_int_equal(rdmsr(IA32_FEATURE_CONTROL), 1 | 1 << 20);
	assert_false(wrmsr(IA32_FEATURE_CONTROL, 5));
	for (u32 n = IA32_VMX_BASIC; n <= IA32_VMX_LAST; n++) {
		msr(EXIT_MSR_READ, n, 0);
		raises(VECTOR_GP);
		assert_false(wrmsr(n, 0));
	}
	assert_int_equal(rdmsr(AMD_VM_CR), 0x18); /* locked, and off */
	assert_false(wrmsr(AMD_VM_CR, 0));
	msr(EXIT_MSR_READ, AMD_VM_HSAVE_PA, 0);
	raises(VECTOR_GP);
	assert_false(wrmsr(AMD_VM_HSAVE_PA, HIDDEN));
	assert_false(wrmsr(0xdeadbeef, 1));
}

static void msr_pat(void **state)
{
	assert_int_equal(rdmsr(IA32_PAT), PAT_RESET);
	assert_true(wrmsr(IA32_PAT, 0x0706050401000007));
	assert_int_equal(rdmsr(IA32_PAT), 0x0706050401000007);
	assert_false(wrmsr(IA32_PAT, 0x0706050401000002));
	assert_false(wrmsr(IA32_PAT, 0x0306050401000000));
	assert_false(wrmsr(IA32_PAT, 0x0806050401000000));
	assert_int_equal(rdmsr(IA32_PAT), 0x0706050401000007);
}

static void msr_efer(void **state)
{
	assert_true(wrmsr(IA32_EFER, EFER_NXE | EFER_SCE));
	assert_int_equal(rdmsr(IA32_EFER), EFER_NXE | EFER_SCE);
	assert_false(wrmsr(IA32_EFER, EFER_SVME));
	assert_false(wrmsr(IA32_EFER, 1ull << 40));
	assert_int_equal(rdmsr(IA32_EFER), EFER_NXE | EFER_SCE);
}

static void msr_mtrr_bad_values(void **state)
{
	assert_false(wrmsr(IA32_MTRR_DEF_TYPE, 1 << 11 | 2));
	assert_false(wrmsr(IA32_MTRR_DEF_TYPE, 1 << 12));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0, 7));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0, 1 << 8));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0, 1ull << 48));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0 + 1, 1));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0 + 1, 1ull << 48));
	assert_false(wrmsr(IA32_MTRR_FIX64K, 0x0606060606060206));
	/* There are eight. */
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 15, 0));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0 + 16, 0));
	assert_int_equal(machine->retyped, 0);
}

/* ---- hypercalls ------------------------------------------------------------------------------ */

static u64 call_at(u64 number, u64 rdx, u64 rbx, u64 rsi, u32 ss)
{
	guest()->state.seg[SEG_SS].attr = ss;
	at_exit(EXIT_HYPERCALL, 3);
	v->gpr[RAX] = CALL;
	v->gpr[RCX] = number;
	v->gpr[RDX] = rdx;
	v->gpr[RBX] = rbx;
	v->gpr[RSI] = rsi;
	machine_exit(v);
	return v->gpr[RAX];
}

static u64 call(u64 number, u64 rdx, u64 rbx, u64 rsi)
{
	u64 value = call_at(number, rdx, rbx, rsi, FLAT);

	goes_on(3);
	return value;
}

static void hypercall_version_and_counts(void **state)
{
	assert_int_equal(call(0, 0, 0, 0), 1);
	v->exits[EXIT_CPUID] = 12;
	assert_int_equal(call(1, EXIT_CPUID, 0, 0), 12);
	machine->hidden = 34;
	assert_int_equal(call(1, EXIT_KINDS, 0, 0), 34);
	assert_int_equal(call(1, ~0ull, 0, 0), 34);
}

static void hypercall_log_only_for_the_system(void **state)
{
	for (u32 cpl = 1; cpl <= 3; cpl++) {
		assert_int_equal(call_at(0, 0, 0, 0, FLAT | cpl << 5), 1);
		goes_on(3);
		call_at(2, 0, RAM + 0x100000, 64, FLAT | cpl << 5);
		raises(VECTOR_UD);
		assert_int_equal(v->gpr[RAX], CALL);
	}
	assert_int_equal(*(u64 *)(RAM + 0x100000), 0);
	call_at(3, 0, 0, 0, FLAT);
	raises(VECTOR_UD);
	guest();
	at_exit(EXIT_HYPERCALL, 3);
	v->gpr[RAX] = 0;
	machine_exit(v);
	raises(VECTOR_UD);
}

static void hypercall_copies_the_log(void **state)
{
	const u64 to = RAM + 0x100ffd; /* over the ends of pages */

	assert_int_equal(call(2, 0, to, 20000), 20000);
	assert_int_equal(v->gpr[RDX], 20000);
	assert_memory_equal((void *)to, ring, 20000);
	assert_int_equal(((u8 *)to)[20000], 0);
	assert_int_equal(((u8 *)to)[-1], 0);
	/* On from there, with more room than there is log. */
	assert_int_equal(call(2, 20000, to, ~0ull), sizeof(ring) - 20000);
	assert_memory_equal((void *)to, ring + 20000, sizeof(ring) - 20000);
	assert_int_equal(call(2, sizeof(ring), to, 100), 0);
	assert_int_equal(call(2, ~0ull, to, 100), 0);
	assert_int_equal(call(2, 0, to, 0), 0);
}

static void hypercall_with_a_hostile_address(void **state)
{
	static const u64 bad[] = { HIDDEN, HIDDEN + HIDDEN_SIZE - 1, HIDDEN + 0x777,
				   RAM + RAM_SIZE, RAM - PAGE, 1ull << 46, 1ull << 47, 1ull << 52,
				   ~0ull, ~0ull - 4095, 1ull << 63 };

	memset((void *)HIDDEN, 0x5a, HIDDEN_SIZE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(call(2, 0, bad[i], 8), 0);
	/* Over the edge: nothing behind it; what could be copied before it may be. */
	assert_in_range(call(2, 0, HIDDEN - 100, 4096), 0, 100);
	assert_in_range(call(2, 0, RAM + RAM_SIZE - 300, 4096), 0, 300);
	for (u64 i = 0; i < HIDDEN_SIZE; i++)
		assert_int_equal(((u8 *)HIDDEN)[i], 0x5a);
}

/* ---- task switches --------------------------------------------------------------------------- */

#define GDT (RAM + 0x2000)
#define OLD_TSS (RAM + 0x3000)
#define NEW_TSS (RAM + 0x4000)

/* From one task with the other's segment at @tss to that one. */
static void task_switch(u64 tss)
{
	struct model_hw *hw = guest();
	u32 image[26] = { [8] = (u32)CODE + 0x100, [9] = 2, [14] = 0x1234, [19] = 8, [20] = 0x10 };
	u64 gdt[5] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067,
		       0x0000890000000067 };

	gdt[3] |= (OLD_TSS & 0xffffff) << 16 | OLD_TSS >> 24 << 56;
	gdt[4] |= (tss & 0xffffff) << 16 | tss >> 24 << 56;
	put(GDT, gdt, sizeof(gdt));
	put(NEW_TSS, image, sizeof(image));
	hw->state.gdt = (struct table_reg){ GDT, sizeof(gdt) - 1 };
	hw->state.seg[SEG_TR] = (struct segment){ .selector = 0x18, .base = OLD_TSS, .limit = 103,
						  .attr = 0x8b };
	hw->state.seg[SEG_LDTR].attr = SEG_ATTR_UNUSABLE;
	hw->state.dr7 = DR7_ONE | 3;
	at_exit(EXIT_TASK_SWITCH, 7)->task.selector = 0x20;
	machine_exit(v);
}

static void tasks_are_switched(void **state)
{
	task_switch(NEW_TSS);
	assert_int_equal(v->exception.type, EVENT_NONE);
	assert_int_equal(v->state.rip, CODE + 0x100);
	assert_int_equal(v->gpr[RSP], 0x1234);
	assert_int_equal(v->state.seg[SEG_TR].selector, 0x20);
	assert_int_equal(v->state.dr7, DR7_ONE | 2);
	assert_int_equal(((u32 *)OLD_TSS)[8], CODE + 7);
}

/* What of it is hidden is ones, and stays what it is. */
static void hidden_tasks_are_none(void **state)
{
	u8 before[128];

	memcpy(before, (void *)HIDDEN, sizeof(before));
	task_switch(HIDDEN);
	raises(VECTOR_TS);
	assert_int_equal(v->state.seg[SEG_TR].selector, 0x20);
	assert_memory_equal(before, (void *)HIDDEN, sizeof(before));
}

static void guest_does_nothing(struct vcpu *vcpu, struct model_hw *hw)
{
	fail();
}

/* Three faults, of which the last was ours to raise. */
static void triple_fault_of_a_task_gate_resets(void **state)
{
	model_guest = guest_does_nothing;
	task_switch(HIDDEN);
	v->exception.type = EVENT_NONE;
	guest();
	v->event = (struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_DF,
				   .has_error = true };
	at_exit(EXIT_TASK_SWITCH, 0)->task.source = 3;
	machine_exit(v); /* the null selector */
	if (!setjmp(reset)) {
		machine_run(v);
		fail();
	}
	assert_non_null(strstr(model_log, "gdt"));
	model_guest = NULL;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void triple_fault_is_logged_and_resets(void **state)
{
	guest();
	at_exit(EXIT_TRIPLE_FAULT, 0);
	if (!setjmp(reset)) {
		machine_exit(v);
		fail();
	}
	assert_non_null(strstr(model_log, "gdt"));
}

static void refused_entry_is_explained_and_resets(void **state)
{
	struct rules_failure *f;

	guest();
	at_exit(EXIT_FAIL_ENTRY, 0);
	f = vcpu_failure(v);
	f->vendor = RULES_AMD;
	f->reason = 0xffffffff;
	rules_svm_set(&f->svm, 0x58, 0); /* the guest's ASID */
	rules_failure_judge(f);
	if (!setjmp(reset)) {
		machine_exit(v);
		fail();
	}
	assert_non_null(strstr(log_before, "guest ASID"));
	assert_memory_equal(last_words,
			    "swivl dump 1: VMCB\nvmcb 58 = 0x0 guest ASID\nswivl dump ends", 59);
	assert_non_null(strstr(model_log, "gdt"));
}

/* ---- interrupt commands that start processors ------------------------------------------------ */

#define COMMAND 0x300
#define LOGICAL_INIT 0x4d00

static bool init_reaches(u32 to, u32 command, u32 ldr, u32 dfr)
{
	bool reached;

	machine_apic_write(v, 0xd0, ldr);
	machine_apic_write(v, 0xe0, dfr);
	machine_apic_write(v, 0x310, to << 24);
	machine_apic_write(v, COMMAND, command);
	reached = machine->cpus[v->index].start == CPU_INIT_SENT;
	machine->cpus[v->index].start = CPU_RUNS;
	return reached;
}

static void init_by_number(void **state)
{
	msrs[IA32_APIC_BASE] = 0xfee00000 | APIC_BASE_ENABLED;
	assert_true(init_reaches(0, 0x4500, 0, ~0u));
	assert_false(init_reaches(1, 0x4500, 0, ~0u));
	assert_true(init_reaches(0xff, 0x4500, 0, ~0u));
	/* Logically all are those that have a number. */
	assert_false(init_reaches(0xff, LOGICAL_INIT, 0, ~0u));
	assert_true(init_reaches(0xff, LOGICAL_INIT, 0x10000000, ~0u));
	assert_false(init_reaches(0x2, LOGICAL_INIT, 0x1000000, ~0u));
	assert_true(init_reaches(0x3, LOGICAL_INIT, 0x1000000, ~0u));
	assert_true(init_reaches(0x23, LOGICAL_INIT, 0x21000000, 0x0fffffff));
	assert_false(init_reaches(0x33, LOGICAL_INIT, 0x21000000, 0x0fffffff));
	/* The level's end is nothing; a local APIC that is off sends nothing. */
	assert_false(init_reaches(0, 0x8500, 0, ~0u));
	msrs[IA32_APIC_BASE] = 0xfee00000;
	assert_false(init_reaches(0, 0x4500, 0, ~0u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpuid_hides_the_extensions),
		TEST(cpuid_hides_the_trace),
		TEST(cpuid_follows_cr4),
		TEST(cpuid_brand),
		TEST(cpuid_names_the_hypervisor),
		TEST(xsetbv_is_checked),
		TEST(msrs_of_the_extensions),
		TEST(msr_pat),
		TEST(msr_efer),
		TEST(msr_mtrr_bad_values),
		TEST(hypercall_version_and_counts),
		TEST(hypercall_log_only_for_the_system),
		TEST(hypercall_copies_the_log),
		TEST(hypercall_with_a_hostile_address),
		TEST(tasks_are_switched),
		TEST(hidden_tasks_are_none),
		TEST(triple_fault_of_a_task_gate_resets),
		TEST(triple_fault_is_logged_and_resets),
		TEST(refused_entry_is_explained_and_resets),
		TEST(init_by_number),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
