/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Two modelled processors with VMX, as far as core/vmx can tell: registers, MSRs, VMCSs with the
 * errors of SDM vol. 3, chapter 31, and a guest that is a function. Whatever a real processor
 * would answer with a fault fails the test.
 */
#ifndef VMX_PROCESSOR_H
#define VMX_PROCESSOR_H

#include <stdlib.h>
#include "core/vmx/vmx.h"
#include "core/vm/events.h"

#define CPUS 2
#define REVISION 0x2bu

struct vmcs_model {
	u64 pa;
	bool used, launched;
	int cpu; /* that holds it, -1: none */
	u64 field[4][4][128]; /* by width, type, index */
};

struct cpu_model {
	u64 cr0, cr2, cr3, cr4, dr[8], xcr0;
	u16 ds, es, fs, gs, ldtr, tr;
	bool irqs_off;
	u64 msr_low[0x1000], msr_high[0x200];
	struct x86_table gdt, idt;
	bool root;
	u64 vmxon_pa;
	struct vmcs_model *current;
	unsigned int entries, launches, invepts, invvpids, ibpbs, int2s, int18s, verws;
};

static struct cpu_model cpus[CPUS];
static struct vmcs_model vmcses[8];
static int this_cpu;
static u64 gdt_table[16] = {
	[2] = 0x00af9b000000ffff, [3] = 0x00cf93000000ffff, /* code 0x10, data 0x18 */
	[5] = 0x00cff3000000ffff, /* the user's data, 0x2b */
	[8] = 0xff008b0000002087 | 0x123ull << 16, [9] = 0xffffff00, /* task 0x40 */
};
#define CPU (&cpus[this_cpu])
#include "processor.h"

/* ---- what tests set ------------------------------------------------------------------------------ */

/* Called with the guest's registers; it sets the exit's fields by guest_write(). */
static void (*guest)(u64 *gpr);
static u32 entry_error; /* VMfailValid with this number */
static u32 broken_field = ~0u; /* accesses to it fail */
static u32 cpuid_1_ecx = CPUID_1_ECX_VMX | CPUID_1_ECX_OSXSAVE | CPUID_1_ECX_XSAVE;
static u32 cpuid_7_edx;

static u64 *field_of(struct vmcs_model *v, u64 encoding)
{
	assert_false(encoding & ~0x6dffull);
	return &v->field[encoding >> 13 & 3][encoding >> 10 & 3][encoding >> 1 & 127];
}

static bool field_exists(u64 encoding)
{
#define IS(width, id, number, name) encoding == (number) ||
	return VMCS_FIELDS(IS) false;
#undef IS
}

#define guest_write(f, v) (*field_of(CPU->current, (f).encoding) = (v))
#define guest_read(f) (*field_of(CPU->current, (f).encoding))

/* ---- registers -------------------------------------------------------------------------------------- */

static u64 *msr_of(u32 msr)
{
	if (msr >= 0xc0000000 && msr < 0xc0000200)
		return &CPU->msr_high[msr - 0xc0000000];
	if (msr >= 0x1000)
		fail_msg("#GP: MSR %x", msr);
	return &CPU->msr_low[msr];
}

u64 x86_rdmsr(u32 msr)
{
	return *msr_of(msr);
}

void x86_wrmsr(u32 msr, u64 value)
{
	switch (msr) {
	case IA32_LSTAR:
	case IA32_CSTAR:
	case IA32_KERNEL_GS_BASE:
	case IA32_FS_BASE:
		if (!is_canonical(value))
			fail_msg("#GP: MSR %x = %llx", msr, value);
		break;
	case IA32_FMASK:
	case IA32_TSC_AUX:
		if (value >> 32)
			fail_msg("#GP: MSR %x = %llx", msr, value);
		break;
	case IA32_FEATURE_CONTROL:
		if (*msr_of(msr) & FEATURE_CONTROL_LOCKED)
			fail_msg("#GP: IA32_FEATURE_CONTROL is locked");
		break;
	case IA32_PRED_CMD:
		CPU->ibpbs++;
		break;
	}
	*msr_of(msr) = value;
}

struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf)
{
	switch (leaf) {
	case 0:
		return (struct x86_cpuid){ .eax = 7, .ebx = 0x756e6547 };
	case 1:
		return (struct x86_cpuid){ .ecx = cpuid_1_ecx, .edx = CPUID_1_EDX_DS };
	case 7:
		return (struct x86_cpuid){ .edx = cpuid_7_edx };
	case 0x80000000:
		return (struct x86_cpuid){ .eax = 0x80000008 };
	case 0x80000008:
		return (struct x86_cpuid){ .eax = 0x3027 };
	}
	return (struct x86_cpuid){ 0 };
}

#define REGISTER(name) u64 x86_read_##name(void) { return CPU->name; }
REGISTER(cr0)
REGISTER(cr2)
REGISTER(cr3)
#define SELECTOR(name) u16 x86_read_##name(void) { return CPU->name; }
SELECTOR(ds)
SELECTOR(es)
SELECTOR(fs)
SELECTOR(gs)
u16 x86_read_cs(void) { return 0x10; }
u16 x86_read_ss(void) { return 0x18; }
u16 x86_sldt(void) { return CPU->ldtr; }
u16 x86_str(void) { return CPU->tr; }
void x86_write_cr2(u64 value) { CPU->cr2 = value; }
struct x86_table x86_sgdt(void) { return CPU->gdt; }
struct x86_table x86_sidt(void) { return CPU->idt; }
void x86_lgdt(const struct x86_table *t) { CPU->gdt = *t; }
void x86_lidt(const struct x86_table *t) { CPU->idt = *t; }
void x86_lldt(u16 selector) { CPU->ldtr = selector; }
void x86_load_ds(u16 selector) { CPU->ds = selector; }
void x86_load_es(u16 selector) { CPU->es = selector; }
void x86_load_fs(u16 selector) { CPU->fs = selector; *msr_of(IA32_FS_BASE) = 0; }
void x86_load_gs_swapped(u16 selector) { CPU->gs = selector; *msr_of(IA32_KERNEL_GS_BASE) = 0; }
void x86_int2(void) { CPU->int2s++; }

/* Limit of the task in force, which exits cut. */
static u32 task_limit[CPUS];

void x86_ltr(u16 selector)
{
	u64 *d = (u64 *)(size_t)(CPU->gdt.base + selector);

	if ((*d >> 40 & 0x1f) != 9)
		fail_msg("#GP: LTR of a descriptor that is not an available task");
	*d |= 2ull << 40;
	CPU->tr = selector;
	task_limit[this_cpu] = *d & 0xffff;
}

u32 x86_lar(u16 selector)
{
	return selector & ~7 ? gdt_table[selector / 8] >> 32 & 0xf0ff00 : 0;
}

u32 x86_lsl(u16 selector)
{
	u64 d = gdt_table[selector / 8];
	u32 limit = (d & 0xffff) | (d >> 32 & 0xf0000);

	return d >> 55 & 1 ? limit << 12 | 0xfff : limit;
}

/* ---- VMX --------------------------------------------------------------------------------------------- */

static void need_root(const char *what)
{
	if (!CPU->root)
		fail_msg("#UD: %s outside of VMX operation", what);
}

static enum vmx_result fail_valid(u32 error)
{
	if (!CPU->current)
		return VMX_FAIL_INVALID;
	*field_of(CPU->current, VM_INSTRUCTION_ERROR.encoding) = error;
	return VMX_FAIL_VALID;
}

static u32 revision_at(u64 pa)
{
	return *(u32 *)(size_t)pa;
}

enum vmx_result vmx_vmxon(u64 pa)
{
	if (!(CPU->cr4 & CR4_VMXE) || !(*msr_of(IA32_FEATURE_CONTROL) & FEATURE_CONTROL_LOCKED))
		fail_msg("#UD or #GP: VMXON");
	if (CPU->root)
		return fail_valid(15);
	if (pa & 0xfff || revision_at(pa) != REVISION)
		return VMX_FAIL_INVALID;
	CPU->root = true;
	CPU->vmxon_pa = pa;
	CPU->current = NULL;
	return VMX_SUCCEED;
}

enum vmx_result vmx_vmxoff(void)
{
	need_root("VMXOFF");
	for (int i = 0; i < 8; i++)
		if (vmcses[i].used && vmcses[i].cpu == this_cpu)
			fail_msg("VMXOFF while a VMCS is still active here (24.11.1)");
	CPU->root = false;
	return VMX_SUCCEED;
}

static struct vmcs_model *vmcs_at(u64 pa)
{
	struct vmcs_model *free = NULL;

	for (int i = 0; i < 8; i++) {
		if (vmcses[i].used && vmcses[i].pa == pa)
			return &vmcses[i];
		if (!vmcses[i].used)
			free = &vmcses[i];
	}
	assert_non_null(free);
	memset(free, 0, sizeof(*free));
	free->used = true;
	free->pa = pa;
	free->cpu = -1;
	return free;
}

enum vmx_result vmx_vmclear(u64 pa)
{
	struct vmcs_model *v;

	need_root("VMCLEAR");
	if (pa & 0xfff)
		return fail_valid(2);
	if (pa == CPU->vmxon_pa)
		return fail_valid(3);
	v = vmcs_at(pa);
	if (v->cpu >= 0 && v->cpu != this_cpu)
		fail_msg("VMCLEAR of a VMCS that another CPU holds");
	v->cpu = -1;
	v->launched = false;
	if (CPU->current == v)
		CPU->current = NULL;
	return VMX_SUCCEED;
}

enum vmx_result vmx_vmptrld(u64 pa)
{
	struct vmcs_model *v;

	need_root("VMPTRLD");
	if (pa & 0xfff)
		return fail_valid(9);
	if (pa == CPU->vmxon_pa)
		return fail_valid(10);
	if (revision_at(pa) != REVISION)
		return fail_valid(11);
	v = vmcs_at(pa);
	if (v->cpu >= 0 && v->cpu != this_cpu)
		fail_msg("VMPTRLD of a VMCS that another CPU holds");
	v->cpu = this_cpu;
	CPU->current = v;
	return VMX_SUCCEED;
}

u64 vmx_vmptrst(void)
{
	return CPU->current ? CPU->current->pa : ~0ull;
}

enum vmx_result vmx_vmread(u64 field, u64 *value)
{
	need_root("VMREAD");
	if (!CPU->current)
		return VMX_FAIL_INVALID;
	if (!field_exists(field) || field == broken_field)
		return fail_valid(12);
	*value = *field_of(CPU->current, field);
	return VMX_SUCCEED;
}

enum vmx_result vmx_vmwrite(u64 field, u64 value)
{
	u32 width = field >> 13 & 3;

	need_root("VMWRITE");
	if (!CPU->current)
		return VMX_FAIL_INVALID;
	if (!field_exists(field) || field == broken_field)
		return fail_valid(12);
	if ((field >> 10 & 3) == 1)
		return fail_valid(13);
	*field_of(CPU->current, field) = width == 0 ? (u16)value : width == 2 ? (u32)value : value;
	return VMX_SUCCEED;
}

enum vmx_result vmx_invept(u64 type, struct vmx_invept *what)
{
	need_root("INVEPT");
	if (type != INVEPT_SINGLE && type != INVEPT_ALL)
		return fail_valid(28);
	CPU->invepts++;
	return VMX_SUCCEED;
}

enum vmx_result vmx_invvpid(u64 type, struct vmx_invvpid *what)
{
	need_root("INVVPID");
	if (type == INVVPID_SINGLE && !what->vpid)
		return fail_valid(28);
	CPU->invvpids++;
	return VMX_SUCCEED;
}

/* What an exit does to the host (28.5). */
static void exit_to_host(void)
{
	CPU->ds = CPU->es = CPU->fs = CPU->gs = CPU->ldtr = 0;
	*msr_of(IA32_FS_BASE) = guest_read(HOST_FS_BASE);
	CPU->gdt = (struct x86_table){ 0xffff, guest_read(HOST_GDTR_BASE) };
	CPU->idt = (struct x86_table){ 0xffff, guest_read(HOST_IDTR_BASE) };
	task_limit[this_cpu] = 0x67;
	CPU->dr[7] = 0x400;
	*msr_of(IA32_DEBUGCTL) = 0;
	if (guest_read(HOST_CR3) != CPU->cr3 || guest_read(HOST_CR4) != CPU->cr4)
		fail_msg("HOST_CR3 or HOST_CR4 is not what the host has");
}

bool vmx_enter(u64 *gpr, struct vmx_switch *s)
{
	struct vmcs_model *v = CPU->current;

	need_root("an entry");
	assert_non_null(v);
	if (s->launched != v->launched) {
		fail_valid(s->launched ? 5 : 4);
		return false;
	}
	if (entry_error || guest_read(CR3_TARGET_COUNT) > 4 || guest_read(HOST_CS_SELECTOR) & 7) {
		fail_valid(entry_error ? entry_error : guest_read(CR3_TARGET_COUNT) > 4 ? 7 : 8);
		return false;
	}
	if (!(guest_read(GUEST_RFLAGS) & RFLAGS_ONE)) {
		guest_write(EXIT_REASON, EXIT_REASON_ENTRY_FAILED | REASON_BAD_GUEST_STATE);
		exit_to_host();
		return true;
	}
	guest_write(EXIT_REASON, 0);
	CPU->entries++;
	CPU->launches += !s->launched;
	guest(gpr);
	exit_to_host();
	if (!(guest_read(EXIT_REASON) >> 31)) {
		v->launched = true;
		guest_write(ENTRY_INTERRUPTION_INFO,
			    guest_read(ENTRY_INTERRUPTION_INFO) & ~(u64)INTR_INFO_VALID);
	}
	return true;
}

/* ---- the home -------------------------------------------------------------------------------------------- */

static bool cr4_held; /* the system lets nobody change it */

bool host_cr4_change(u64 set, u64 clear)
{
	if (cr4_held)
		return false;
	CPU->cr4 = (CPU->cr4 & ~clear) | set;
	if (!(CPU->cr4 & CR4_VMXE) && CPU->root)
		fail_msg("#GP: CR4.VMXE cleared in VMX operation");
	return true;
}

void vcpu_need_slow(struct vcpu *vcpu, u32 groups)
{
	assert_true(vcpu->loaded);
	vmx_vendor.fetch(vcpu, groups & ~vcpu->valid);
	vcpu->valid |= groups;
}

/* ---- the beginning of each test ------------------------------------------------------------------------------ */

static void processors_reset(void)
{
	static const struct {
		u32 msr;
		u64 value;
	} values[] = { /* as Bochs' Haswell has them; the timer as on real ones */
		{ IA32_FEATURE_CONTROL, 5 }, { IA32_VMX_BASIC, 0x00d810000000002b },
		{ IA32_VMX_MISC, 0x401e5 }, { IA32_VMX_CR0_FIXED0, 0x80000021 },
		{ IA32_VMX_CR0_FIXED1, 0xffffffff }, { IA32_VMX_CR4_FIXED0, 0x2000 },
		{ IA32_VMX_CR4_FIXED1, 0x1727ff }, { IA32_VMX_PROCBASED_CTLS2, 0x47fff00000000 },
		{ IA32_VMX_EPT_VPID_CAP, 0xf0106334141 },
		{ IA32_VMX_TRUE_PINBASED_CTLS, 0x7f00000016 },
		{ IA32_VMX_TRUE_PROCBASED_CTLS, 0xf7f9fffe04006172 },
		{ IA32_VMX_TRUE_EXIT_CTLS, 0x7fffff00036dfb },
		{ IA32_VMX_TRUE_ENTRY_CTLS, 0xffff000011fb },
		{ IA32_STAR, 0x23001000000000 }, { IA32_LSTAR, 0xffffffff81a00000 },
		{ IA32_CSTAR, 0xffffffff81a01000 }, { IA32_FMASK, 0x47700 },
		{ IA32_EFER, 0xd01 }, { IA32_PAT, 0x407050600070106 },
		{ IA32_FS_BASE, 0x7f1234567000 }, { IA32_GS_BASE, 0xffff88800fc00000 },
		{ IA32_KERNEL_GS_BASE, 0x7fabcdef0000 }, { IA32_SYSENTER_CS, 0x10 },
	};

	memset(cpus, 0, sizeof(cpus));
	memset(vmcses, 0, sizeof(vmcses));
	for (this_cpu = CPUS - 1; this_cpu >= 0; this_cpu--) {
		for (size_t i = 0; i < ARRAY_SIZE(values); i++)
			*msr_of(values[i].msr) = values[i].value;
		*msr_of(IA32_TSC_AUX) = this_cpu;
		*msr_of(IA32_GS_BASE) += this_cpu * 0x100000ull;
		CPU->cr0 = 0x80050033;
		CPU->cr3 = 0x1000;
		CPU->cr4 = 0x1706f0;
		CPU->dr[7] = 0x400;
		CPU->xcr0 = 7;
		CPU->tr = 0x40;
		CPU->gdt = (struct x86_table){ sizeof(gdt_table) - 1, (size_t)gdt_table };
		CPU->idt = (struct x86_table){ 0xfff, 0xfffffe0000000000 };
		task_limit[this_cpu] = 0x2087;
	}
	home_reset();
	entry_error = 0;
	broken_field = ~0u;
	cpuid_7_edx = 0;
}

#endif
