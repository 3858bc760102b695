// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Intel's processor, or Bochs, judges the rules of VMLAUNCH. */
#include "tests/rules/vmx_known.h"
#include "tests/rules/vmx_states.h"

#include "core/vmx/insn.h"
#include "core/x86/cpu.h"

u8 vmxon_region[4096] __attribute__((__aligned__(4096)));
u8 vmcs_region[4096] __attribute__((__aligned__(4096)));
static struct rules_vmx_state facts; /* of this processor */
static struct rules_vmx_state state; /* that is put to it */
static bool has[VMX_FIELD_COUNT];
static u64 host_cr0, host_cr4, host_efer;
static u32 exit_count[65];

/* ---- the host is as it was ---- */

static struct {
	u16 low, selector, attributes, middle;
	u32 high, zero;
} idt[32];

/* RIP and RSP of what the program itself did wrong: there is no way back. */
__attribute__((__used__)) static void died(const u64 *stack, u64 cr2)
{
	print("# the host died: %llx %llx %llx, CR2 %llx\n", stack[0], stack[1], stack[2], cr2);
	end();
}

void fault(void);
asm(".globl fault\n"
    "fault:\n\t"
    "mov %rsp, %rdi\n\t"
    "mov %cr2, %rsi\n\t"
    "and $-16, %rsp\n\t"
    "call died\n");

static void catch_faults(void)
{
	u64 at = (size_t)fault;

	for (u32 i = 0; i < ARRAY_SIZE(idt); i++) {
		idt[i].low = (u16)at;
		idt[i].selector = 8;
		idt[i].attributes = 0x8e00;
		idt[i].middle = (u16)(at >> 16);
	}
}

static void restore_host(void)
{
	struct x86_table table = { sizeof(idt) - 1, (size_t)idt };

	asm volatile("mov %0, %%cr4\n\tmov %1, %%cr0" : : "r"(host_cr4), "r"(host_cr0) : "memory");
	asm volatile("mov %0, %%cr3" : : "r"(pml4) : "memory");
	x86_wrmsr(IA32_EFER, host_efer);
	x86_wrmsr(IA32_PAT, PAT_RESET);
	asm volatile("lidt %0" : : "m"(table));
}

/* ---- the processor ---- */

#define APIC(offset) (*(volatile u32 *)(size_t)(0xfee00000 + (offset)))

/* It waits, for interrupts are off here, and ends the guest before it begins. */
static void send_interrupt(void)
{
	APIC(0xb0) = 0; /* the one that an exit may have taken is over */
	APIC(0x310) = 0;
	APIC(0x300) = 0x44000 | 0x40; /* to itself */
}

static u64 vmread(u32 field)
{
	u64 v = 0;

	vmx_vmread(rules_vmx_encoding(field), &v);
	return v;
}
#define R(id) vmread(AT_##id)

/* What the VMCS holds. An exit writes its guest-state area and some controls. */
static struct {
	u16 field, encoding;
	u64 value;
} written[VMX_FIELD_COUNT];
static u32 fields;
static bool stale;

static void load_vmcs(void)
{
	if (stale) {
		vmx_vmclear((size_t)vmcs_region);
		vmx_vmptrld((size_t)vmcs_region);
	}
	for (u32 i = 0; i < fields; i++) {
		u64 value = state.value[written[i].field];

		if (stale || written[i].value != value)
			vmx_vmwrite(written[i].encoding, value);
		written[i].value = value;
	}
	stale = false;
}

/*
 * The exit comes out at vmx_exit_stub, with any RSP; what the host needs is in memory.
 * 0: it did; 1: CF; 2: ZF.
 */
u64 vmx_host_rsp;
__attribute__((__noinline__, __noclone__)) static u32 launch(void)
{
	u32 how;

	asm volatile("push %%rbp\n\tpush %%rbx\n\t"
		     "mov %%rsp, vmx_host_rsp(%%rip)\n\t"
		     "vmlaunch\n\t"
		     "mov $1, %%eax\n\t"
		     "jc 1f\n\t"
		     "mov $2, %%eax\n\t"
		     "jmp 1f\n\t"
		     ".globl vmx_exit_stub\n"
		     "vmx_exit_stub:\n\t"
		     "mov vmx_host_rsp(%%rip), %%rsp\n\t"
		     "xor %%eax, %%eax\n"
		     "1:\n\t"
		     "pop %%rbx\n\tpop %%rbp"
		     : "=a"(how)
		     :
		     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "cc", "memory");
	return how;
}

static u16 execute(u64 *detail)
{
	u32 how, reason;

	send_interrupt();
	load_vmcs();
	how = launch();
	*detail = 0;
	if (how == 1)
		return RULES_VMFAIL_INVALID;
	if (how == 2)
		return (u16)RULES_VM_ERROR(R(VM_INSTRUCTION_ERROR));
	restore_host();
	stale = true;
	reason = (u32)R(EXIT_REASON);
	*detail = R(EXIT_QUALIFICATION);
	if (reason >> 31)
		return (u16)RULES_EXIT(reason & 0xff);
	exit_count[reason < 64 ? reason : 64]++;
	return RULES_ENTERS;
}

/* The exit qualification of a failed entry (27.8): which entry, or what of the guest's state. */
static bool detail_fits(const struct verdict *v)
{
	if (v->actual <= RULES_EXIT(0) || v->actual >= RULES_EXCEPTION(0))
		return true;
	for (u32 i = 0; i < v->findings; i++) {
		const struct rules_finding *f = &v->finding[i];
		u32 number = f->rule->number;

		if (f->rule->answer != v->actual || v->dropped >> i & 1)
			continue;
		if (v->actual == RULES_EXIT(REASON_MSR_LOADING)
			    ? v->detail == f->instance + 1u
			    : v->detail == (number == 561                    ? 2
					    : number >= 551 && number <= 553 ? 4
									     : 0))
			return true;
	}
	return v->used != 0;
}

static bool vmx_on(void)
{
	u64 control = x86_rdmsr(IA32_FEATURE_CONTROL);

	if (!(control & FEATURE_CONTROL_LOCKED))
		x86_wrmsr(IA32_FEATURE_CONTROL,
			  control | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
	host_cr0 = x86_read_cr0() | x86_rdmsr(IA32_VMX_CR0_FIXED0);
	host_cr4 = x86_read_cr4() | x86_rdmsr(IA32_VMX_CR4_FIXED0);
	host_efer = x86_rdmsr(IA32_EFER);
	restore_host();
	*(u32 *)vmxon_region = *(u32 *)vmcs_region = BASIC_REVISION(x86_rdmsr(IA32_VMX_BASIC));
	return vmx_vmxon((size_t)vmxon_region) == VMX_SUCCEED &&
	       vmx_vmclear((size_t)vmcs_region) == VMX_SUCCEED &&
	       vmx_vmptrld((size_t)vmcs_region) == VMX_SUCCEED;
}

static struct x86_cpuid leaf(u32 number)
{
	struct x86_cpuid none = { 0, 0, 0, 0 };

	return x86_cpuid(number & 0x80000000, 0).eax >= number ? x86_cpuid(number, 0) : none;
}

static void find_facts(void)
{
	struct x86_cpuid widths = leaf(0x80000008), seven = leaf(7), ten = leaf(10);
	u64 basic = x86_rdmsr(IA32_VMX_BASIC);
	u32 gp = ten.eax >> 8 & 0xff, fixed = ten.edx & 0x1f;
	u64 activates = x86_rdmsr(IA32_VMX_PROCBASED_CTLS) >> 32;

#define FACT_IS(fact, v) rules_vmx_set_fact(&facts, fact, v)
	for (u32 n = IA32_VMX_BASIC; n <= IA32_VMX_LAST; n++) {
		bool there = n < 0x48b || (n == 0x48b && activates & (u32)PRIMARY_SECONDARY) ||
			     (n == 0x48c && activates & (u32)PRIMARY_SECONDARY) ||
			     (n >= 0x48d && n <= 0x490 && basic & BASIC_TRUE_CONTROLS) ||
			     (n == 0x491 &&
			      x86_rdmsr(IA32_VMX_PROCBASED_CTLS2) >> 32 & SECONDARY_VMFUNC) ||
			     (n == 0x492 && activates & PRIMARY_TERTIARY);

		FACT_IS(RULES_VMX_MSR(n), there ? x86_rdmsr(n) : 0);
	}
	FACT_IS(RULES_PHYSICAL_BITS, widths.eax & 0xff);
	FACT_IS(RULES_LINEAR_BITS, widths.eax >> 8 & 0xff);
	FACT_IS(RULES_PERF_GLOBAL_BITS,
		ten.eax & 0xff ? ((1ull << gp) - 1) | ((1ull << fixed) - 1) << 32 : 0);
	FACT_IS(RULES_HAS_RTM, !!(seven.ebx & CPUID_7_EBX_RTM));
	FACT_IS(RULES_HAS_BUS_LOCK, seven.ecx >> 24 & 1);
	FACT_IS(RULES_HAS_SGX, seven.ebx >> 2 & 1);
	FACT_IS(RULES_ROOT_EFER, host_efer);
	FACT_IS(RULES_ROOT_CR4, host_cr4);
	FACT_IS(RULES_IN_SMM, 0);
	FACT_IS(RULES_MOV_SS, 0);
	FACT_IS(RULES_VMCS_ADDRESS, (size_t)vmcs_region);
	FACT_IS(RULES_VMCS_LAUNCHED, 0);
	FACT_IS(RULES_IS_RESUME, 0);
}

static bool start(void)
{
	catch_faults();
	if (!(x86_cpuid(1, 0).ecx & CPUID_1_ECX_VMX) || !vmx_on())
		return false;
	asm volatile("outb %b0, $0x21\n\toutb %b0, $0xa1" : : "a"(0xff));
	APIC(0xf0) = 0x1ff; /* on */
	find_facts();
	for (u32 i = 0; i < VMX_FIELD_COUNT; i++) {
		u64 v;

		/* A field that is not there is one that nothing asks for. */
		rules_vmx_set(&facts, rules_vmx_encoding(i), 0);
		has[i] = vmx_vmread(rules_vmx_encoding(i), &v) == VMX_SUCCEED;
	}
	vmx_states_start(&facts, has);
	for (u32 i = 0; i < VMX_FIELD_COUNT; i++)
		if (vmx_writable(i)) {
			written[fields].field = (u16)i;
			written[fields++].encoding = (u16)rules_vmx_encoding(i);
		}
	stale = true;
	return true;
}

static void choose(struct state *s, u64 seed, u64 n)
{
	vmx_choose_state(s, seed, n);
}

static void build(const struct state *s, u32 which)
{
	vmx_build_state(&state, s, which);
}

static const void *judge(struct verdict *v, struct rules_result *result)
{
	v->findings = rules_vmx_judge(&state, v->finding, MAX_FINDINGS, result);
	return &state;
}

static const char *what(u16 field)
{
	return rules_vmx_name(field);
}

/* ---- the instructions themselves ---- */

static u16 answer(enum vmx_result result)
{
	return result == VMX_SUCCEED        ? RULES_ENTERS
	       : result == VMX_FAIL_INVALID ? RULES_VMFAIL_INVALID
					    : (u16)RULES_VM_ERROR(R(VM_INSTRUCTION_ERROR));
}

static u16 vmresume(u64 *detail)
{
	bool cf, zf;

	*detail = 0;
	asm volatile("vmresume" : "=@ccc"(cf), "=@ccz"(zf) : : "memory");
	return answer(cf ? VMX_FAIL_INVALID : zf ? VMX_FAIL_VALID : VMX_SUCCEED);
}

static u16 vmlaunch(u64 *detail)
{
	u32 how = launch();

	*detail = 0;
	return answer(how == 1 ? VMX_FAIL_INVALID : how == 2 ? VMX_FAIL_VALID : VMX_SUCCEED);
}

static u16 vmlaunch_after_mov_ss(u64 *detail)
{
	bool cf, zf;

	*detail = 0;
	asm volatile("mov %%ss, %%eax\n\tmov %%eax, %%ss\n\tvmlaunch"
		     : "=@ccc"(cf), "=@ccz"(zf)
		     :
		     : "eax", "memory");
	return answer(cf ? VMX_FAIL_INVALID : zf ? VMX_FAIL_VALID : VMX_SUCCEED);
}

static bool shadows(void)
{
	return facts.value[RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_PROCBASED_CTLS2))] >> 32 &
	       SECONDARY_SHADOWING;
}

static void special_entries(void)
{
	struct state base = { 0 };
	u64 detail;

#define SPECIAL(fact, value) rules_vmx_set_fact(&state, fact, value)
	vmx_build_state(&state, &base, 0);
	stale = true;
	load_vmcs();
	SPECIAL(RULES_IS_RESUME, 1);
	judge_special("VMRESUME of a clear VMCS", vmresume);
	SPECIAL(RULES_IS_RESUME, 0);
	SPECIAL(RULES_MOV_SS, 1);
	judge_special("VMLAUNCH behind MOV SS", vmlaunch_after_mov_ss);
	SPECIAL(RULES_MOV_SS, 0);
	execute(&detail);
	SPECIAL(RULES_VMCS_LAUNCHED, 1);
	judge_special("VMLAUNCH of a launched VMCS", vmlaunch);
	vmx_vmclear((size_t)vmcs_region);
	SPECIAL(RULES_VMCS_ADDRESS, ~0ull);
	SPECIAL(RULES_VMCS_LAUNCHED, 0);
	judge_special("VMLAUNCH without a VMCS", vmlaunch);
	if (shadows()) {
		*(u32 *)vmcs_region |= 1u << 31;
		vmx_vmptrld((size_t)vmcs_region);
		SPECIAL(RULES_VMCS_ADDRESS, (size_t)vmcs_region);
		SPECIAL(RULES_VMCS_SHADOW, 1);
		judge_special("VMLAUNCH of a shadow VMCS", vmlaunch);
		vmx_vmclear((size_t)vmcs_region);
		*(u32 *)vmcs_region &= ~(1u << 31);
	}
	vmx_vmptrld((size_t)vmcs_region);
	stale = true;
}

/* SDM vol. 3, chapter 31, with a current VMCS. Not VMCALL: Bochs 2.7 does not have it here. */
static void special_instructions(void)
{
	static u8 other[4096] __attribute__((__aligned__(4096)));
	u64 above = 1ull << (leaf(0x80000008).eax & 0xff), v = 0;
	struct vmx_invept ept = { 0, 0 };
	struct vmx_invvpid vpid = { 0, 0 };
	u64 features = x86_rdmsr(IA32_VMX_MISC);
	u32 revision = BASIC_REVISION(x86_rdmsr(IA32_VMX_BASIC));

#define EXPECT(error, name, result) judge_expects(name, RULES_VM_ERROR(error), answer(result))
	EXPECT(2, "VMCLEAR of no page", vmx_vmclear((size_t)vmcs_region + 8));
	EXPECT(2, "VMCLEAR above the width", vmx_vmclear(above));
	EXPECT(3, "VMCLEAR of the VMXON region", vmx_vmclear((size_t)vmxon_region));
	EXPECT(9, "VMPTRLD of no page", vmx_vmptrld((size_t)vmcs_region + 8));
	EXPECT(9, "VMPTRLD above the width", vmx_vmptrld(above));
	EXPECT(10, "VMPTRLD of the VMXON region", vmx_vmptrld((size_t)vmxon_region));
	EXPECT(11, "VMPTRLD with another revision", vmx_vmptrld((size_t)other));
	*(u32 *)other = revision | 1u << 31;
	if (!shadows())
		EXPECT(11, "VMPTRLD of a shadow", vmx_vmptrld((size_t)other));
	EXPECT(12, "VMREAD of no field", vmx_vmread(0x7ffe, &v));
	EXPECT(12, "VMREAD above 32 bits", vmx_vmread(1ull << 32 | 0x4400, &v));
	EXPECT(12, "VMWRITE of no field", vmx_vmwrite(0x7ffe, 0));
	if (!(features & MISC_WRITE_READ_ONLY_FIELDS))
		EXPECT(13, "VMWRITE of a read-only field", vmx_vmwrite(0x4402, 0));
	EXPECT(15, "VMXON in VMX operation", vmx_vmxon((size_t)vmxon_region));
	EXPECT(28, "INVEPT of type 0", vmx_invept(0, &ept));
	EXPECT(28, "INVVPID of type 4", vmx_invvpid(4, &vpid));
}

static void special_vmxon(void)
{
	vmx_vmxoff();
#define INVALID(name, pa) judge_expects(name, RULES_VMFAIL_INVALID, answer(vmx_vmxon(pa)))
	INVALID("VMXON of no page", (size_t)vmxon_region + 8);
	*(u32 *)vmxon_region ^= 1;
	INVALID("VMXON with another revision", (size_t)vmxon_region);
	*(u32 *)vmxon_region ^= 1u << 31 | 1;
	INVALID("VMXON with bit 31 of the revision", (size_t)vmxon_region);
	*(u32 *)vmxon_region ^= 1u << 31;
	judge_expects("VMXON", RULES_ENTERS, answer(vmx_vmxon((size_t)vmxon_region)));
	judge_expects("VMCLEAR of no page without a VMCS", RULES_VMFAIL_INVALID,
		      answer(vmx_vmclear((size_t)vmxon_region + 8)));
	vmx_vmptrld((size_t)vmcs_region);
}

static void special(void)
{
	special_entries();
	special_instructions();
	special_vmxon();
}

static void report(void)
{
	print("# %u bits of fields;", vmx_single_bits());
	for (u32 i = 0; i < ARRAY_SIZE(exit_count); i++)
		if (exit_count[i])
			print(" exit reason %u: %u", i, exit_count[i]);
	print("\n");
}

const struct vendor vendor = {
	.missing = "no VMX",
	.base_names = vmx_base_names,
	.known = vmx_known,
	.knowns = &vmx_knowns,
	.refused = RULES_EXIT(REASON_BAD_GUEST_STATE),
	.names_reasons = true,
	.start = start,
	.choose = choose,
	.build = build,
	.judge = judge,
	.execute = execute,
	.detail_fits = detail_fits,
	.rule = rules_vmx_rule,
	.what = what,
	.special = special,
	.report = report,
};
