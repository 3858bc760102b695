// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* AMD's processor judges the rules of VMRUN. */
#include "tests/rules/svm_known.h"
#include "tests/rules/svm_states.h"

#include "core/x86/cpu.h"

static struct vmcb vmcb __attribute__((__aligned__(4096)));
static u8 host_save[4096] __attribute__((__aligned__(4096)));
static struct rules_svm_state facts; /* of this processor */
static u32 physical_bits, other_exits;

/* Held back while GIF is 0; VMRUN sets GIF, and the NMI ends the guest before it begins. */
static void send_nmi(void)
{
	volatile u32 *apic = (volatile u32 *)0xfee00000;

	apic[0x310 / 4] = 0;
	apic[0x300 / 4] = 0x4400;
}

/* An NMI that reached a guest blocks others until an IRET. */
static void unblock_nmi(void)
{
	u64 scratch;

	asm volatile("mov %%rsp, %0\n\t"
		     "push $16\n\t"
		     "push %0\n\t"
		     "pushf\n\t"
		     "push $8\n\t"
		     "lea 1f(%%rip), %0\n\t"
		     "push %0\n\t"
		     "iretq\n"
		     "1:"
		     : "=&r"(scratch)
		     :
		     : "cc", "memory");
}

static u16 execute(u64 *detail)
{
	u64 rax = (size_t)&vmcb;

	send_nmi(); /* one that waits already is the same; Bochs' exit takes it away */
	vmcb.control.exit_code = 0x5eed;
	asm volatile("push %%rbp\n\tpush %%rbx\n\t"
		     "vmrun %%rax\n\t"
		     "pop %%rbx\n\tpop %%rbp"
		     : "+a"(rax)
		     :
		     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "cc", "memory");
	*detail = vmcb.control.exit_code;
	if ((u32)*detail == CODE_INVALID)
		return RULES_VMEXIT_INVALID;
	if ((u32)*detail != CODE_NMI) {
		other_exits++;
		unblock_nmi();
	}
	return RULES_ENTERS;
}

static bool start(void)
{
	static const u32 leaves[] = { 1,          7,          0x80000001, 0x80000008,
				      0x8000000a, 0x8000001f, 0x80000021 };

	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct x86_cpuid c = { 0, 0, 0, 0 };

		if (x86_cpuid(leaves[i] & 0x80000000, 0).eax >= leaves[i])
			c = x86_cpuid(leaves[i], 0);
		rules_svm_set_cpuid(&facts, leaves[i], (u32[]){ c.eax, c.ebx, c.ecx, c.edx });
	}
	rules_svm_set_fact(&facts, RULES_SVM_HOST_CR0, x86_read_cr0());
	rules_svm_set_fact(&facts, RULES_SVM_U_CET, 0);
	if (!(x86_cpuid(0x80000001, 0).ecx & CPUID_X1_ECX_SVM))
		return false;
	x86_wrmsr(IA32_EFER, x86_rdmsr(IA32_EFER) | EFER_SVME);
	x86_wrmsr(AMD_VM_HSAVE_PA, (size_t)host_save);
	*(volatile u32 *)0xfee000f0 = 0x1ff; /* the local APIC is on */
	asm volatile("clgi");
	physical_bits = x86_cpuid(0x80000008, 0).eax & 0xff;
	return true;
}

static void choose(struct state *s, u64 seed, u64 n)
{
	choose_state(s, seed, n, physical_bits);
}

static void build(const struct state *s, u32 which)
{
	build_state(&vmcb, s, which);
}

static const void *judge(struct verdict *v, struct rules_result *result)
{
	static struct rules_svm_state s;

	s = facts;
	rules_svm_set_vmcb(&s, &vmcb);
	v->findings = rules_svm_judge(&s, v->finding, MAX_FINDINGS, result);
	return &s;
}

static const char *what(u16 offset)
{
	int field = rules_svm_field(offset);

	return field < 0 ? "" : rules_svm_name((u32)field);
}

static void report(void)
{
	print("# ended otherwise than by the NMI: %u\n", other_exits);
}

const struct vendor vendor = {
	.missing = "no SVM",
	.base_names = base_names,
	.known = svm_known,
	.knowns = &svm_knowns,
	.refused = RULES_VMEXIT_INVALID,
	.start = start,
	.choose = choose,
	.build = build,
	.judge = judge,
	.execute = execute,
	.rule = rules_svm_rule,
	.what = what,
	.report = report,
};
