/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Two modelled processors with SVM, as far as core/svm can tell: registers, MSRs, VMRUN with the
 * checks of APM vol. 2, 15.5.1 that tests need, and a guest that is a function. Whatever a real
 * processor would answer with a fault fails the test.
 */
#ifndef SVM_PROCESSOR_H
#define SVM_PROCESSOR_H

#include <stdlib.h>
#include "core/svm/svm.h"
#include "core/vm/events.h"

#define CPUS 2

#define MODEL_ASIDS 16
struct cpu_model {
	u64 cr4, dr[8], xcr0;
	u64 efer, vm_cr, save_pa, tsc_aux, pat;
	u64 fs_base, star; /* for all of their kind */
	u64 xss;
	bool irqs_off, gif_off;
	unsigned int entries, flushes, ibpbs, int18s, verws;
	u64 tlb[MODEL_ASIDS]; /* whose translations are cached, and of which time; 0: none */
	u64 cached_pa; /* the VMCB that is kept (15.15), as the last exit left it */
	struct vmcb cached;
};

static struct cpu_model cpus[CPUS];
static int this_cpu;
#define CPU (&cpus[this_cpu])
#include "processor.h"

/* ---- what tests set ------------------------------------------------------------------------ */

/* Called for each entry that is not refused; it sets the exit. */
static void (*guest)(struct vmcb *vmcb, u64 *gpr);
static u32 cpuid_x21_eax, cpuid_x1_ecx, cpuid_8a_ebx, cpuid_8a_edx;
static const u64 *nested_time; /* of the tables; what was cached before is stale */
static u8 code[64]; /* the guest's instructions, at 0x1000 */
#define CODE_AT 0x1000u
static u8 memory[64]; /* the guest's, at guest physical 0 */
static bool qemu; /* says that it is QEMU's */
static bool entry_refused; /* VMRUN answers VMEXIT_INVALID, and leaves what QEMU leaves */

/* ---- registers ------------------------------------------------------------------------------ */

static u64 *msr_of(u32 msr)
{
	static u64 sink;

	switch (msr) {
	case IA32_EFER:
		return &CPU->efer;
	case AMD_VM_CR:
		return &CPU->vm_cr;
	case AMD_VM_HSAVE_PA:
		return &CPU->save_pa;
	case IA32_TSC_AUX:
		return &CPU->tsc_aux;
	case IA32_XSS:
		return &CPU->xss;
	case IA32_PAT:
		return &CPU->pat;
	case IA32_FS_BASE:
	case IA32_GS_BASE:
	case IA32_KERNEL_GS_BASE:
		return &CPU->fs_base;
	case IA32_STAR:
	case IA32_LSTAR:
	case IA32_CSTAR:
	case IA32_FMASK:
	case IA32_SYSENTER_CS:
	case IA32_SYSENTER_ESP:
	case IA32_SYSENTER_EIP:
		return &CPU->star;
	case IA32_PRED_CMD:
		CPU->ibpbs++;
		return &sink;
	}
	fail_msg("#GP: MSR %x", msr);
	return &sink;
}

u64 x86_rdmsr(u32 msr) { return *msr_of(msr); }

void x86_wrmsr(u32 msr, u64 value)
{
	if (msr == IA32_EFER && (value & EFER_SVME) && (CPU->vm_cr & 0x10))
		fail_msg("#GP: EFER.SVME where VM_CR.SVMDIS is set (15.30.1)");
	*msr_of(msr) = value;
}

struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf)
{
	switch (leaf) {
	case 0:
		return (struct x86_cpuid){ .eax = 0xd, .ebx = 0x68747541 };
	case 1:
		return (struct x86_cpuid){
			.ecx = CPUID_1_ECX_OSXSAVE | (qemu ? CPUID_1_ECX_HYPERVISOR : 0),
		};
	case 0xd:
		return (struct x86_cpuid){ .eax = CPUID_D1_EAX_XSAVES };
	case 0x40000000:
		return (struct x86_cpuid){ .ebx = 0x54474354, .ecx = 0x43544743,
					   .edx = 0x47435447 };
	case 0x80000000:
		return (struct x86_cpuid){ .eax = 0x80000021 };
	case 0x8000001f:
		return (struct x86_cpuid){ .eax = 1, .ebx = 1 << 6 | 47 };
	case 0x80000021:
		return (struct x86_cpuid){ .eax = 1u << 5 | cpuid_x21_eax };
	case 0x80000001:
		return (struct x86_cpuid){ .ecx = cpuid_x1_ecx,
					   .edx = CPUID_X1_EDX_RDTSCP | 1u << 29 };
	case 0x80000008:
		return (struct x86_cpuid){ .eax = 0x3030, .ebx = 1u << 12 };
	case 0x8000000a:
		return (struct x86_cpuid){ .eax = 1, .ebx = cpuid_8a_ebx, .edx = cpuid_8a_edx };
	}
	return (struct x86_cpuid){ 0 };
}

/* ---- SVM -------------------------------------------------------------------------------------- */

/* 15.5.1, and 15.20 for events. */
static const char *vmrun_refuses(const struct vmcb *vmcb)
{
	const struct vmcb_control *c = &vmcb->control;
	const struct vmcb_save *s = &vmcb->save;
	bool paged_long = (s->efer & EFER_LME) && (s->cr0 & CR0_PG);
	u32 type = EVENT_INJ_TYPE(c->event_inj);
	u8 vector = (u8)c->event_inj;

#define REFUSE(condition) \
	do { \
		if (condition) \
			return #condition; \
	} while (0)
	REFUSE(!(s->efer & EFER_SVME));
	REFUSE(!(s->cr0 & CR0_CD) && (s->cr0 & CR0_NW));
	REFUSE(s->cr0 >> 32);
	REFUSE(s->cr4 >> 24);
	REFUSE(s->dr6 >> 32 || s->dr7 >> 32);
	REFUSE(s->efer >> 16);
	REFUSE(paged_long && (!(s->cr4 & CR4_PAE) || !(s->cr0 & CR0_PE)));
	REFUSE(paged_long && (s->cs.attr & 0x600) == 0x600);
	REFUSE(!(c->intercepts2 & INTERCEPT2_VMRUN));
	REFUSE(!c->asid || c->asid >= cpuid_8a_ebx);
	REFUSE((c->iopm_pa | c->msrpm_pa) & 0xfff);
	REFUSE(c->nested_paging && (c->nested_cr3 & 0xfff || !c->nested_cr3));
	for (unsigned int i = 0; c->nested_paging && i < 64; i += 8)
		REFUSE((s->g_pat >> i & 0xff) > 7 || (s->g_pat >> i & 0xfe) == 2);
	if (c->event_inj & EVENT_INJ_VALID) {
		REFUSE(type == 1 || type > 4 || c->event_inj & 0x7ffff000);
		REFUSE(type == INJ_EXCEPTION && (vector > 31 || vector == VECTOR_NMI));
	}
#undef REFUSE
	return NULL;
}

/* What is said to be unchanged has to be what the processor kept. */
static void check_clean_bits(const struct vmcb *now)
{
	const struct vmcb *then = &CPU->cached;
	u32 clean = now->control.clean;

#define SAME(bit, from, to) \
	do { \
		size_t at = offsetof(struct vmcb, from), end = offsetof(struct vmcb, to); \
		if ((clean & (bit)) && memcmp((u8 *)now + at, (u8 *)then + at, end - at)) \
			fail_msg("changed though " #bit ": " #from " to " #to); \
	} while (0)
	SAME(CLEAN_INTERCEPTS, control.read_cr, control.iopm_pa);
	SAME(CLEAN_MAPS, control.iopm_pa, control.tsc_offset);
	SAME(CLEAN_INTERCEPTS, control.tsc_offset, control.asid);
	SAME(CLEAN_ASID, control.asid, control.tlb_control);
	SAME(CLEAN_INTERRUPT, control.virtual_interrupt, control.interrupt_state);
	SAME(CLEAN_NESTED, control.nested_paging, control.reserved_098);
	SAME(CLEAN_NESTED, control.nested_cr3, control.lbr_control);
	SAME(CLEAN_NESTED, save.g_pat, save.debugctl);
	SAME(CLEAN_LBR, control.lbr_control, control.clean);
	SAME(CLEAN_LBR, save.debugctl, reserved_698);
	SAME(CLEAN_CR, save.efer, save.reserved_0d8);
	SAME(CLEAN_CR, save.cr4, save.dr7);
	SAME(CLEAN_DR, save.dr7, save.rflags);
	SAME(CLEAN_SEG, save.es, save.fs);
	SAME(CLEAN_SEG, save.cpl, save.reserved_0cc);
	SAME(CLEAN_TABLES, save.gdtr, save.ldtr);
	SAME(CLEAN_TABLES, save.idtr, save.tr);
	SAME(CLEAN_CR2, save.cr2, save.reserved_248);
#undef SAME
}

/*
 * 15.16: translations stay under their number until a flush. Whoever enters under one finds only
 * its own there, and none from before the tables were changed.
 */
static void use_tlb(const struct vmcb_control *c, u64 vmcb_pa)
{
	u64 mine = vmcb_pa + (nested_time ? *nested_time : 0);

	CPU->flushes += c->tlb_control != 0;
	if (c->tlb_control == TLB_FLUSH_ALL)
		memset(CPU->tlb, 0, sizeof(CPU->tlb));
	else if (c->tlb_control == TLB_FLUSH_GUEST && (cpuid_8a_edx & SVM_FLUSH_BY_ASID))
		CPU->tlb[c->asid] = 0;
	else if (c->tlb_control)
		fail_msg("TLB_CONTROL %u", c->tlb_control);
	if (CPU->tlb[c->asid] && CPU->tlb[c->asid] != mine)
		fail_msg("stale translations under ASID %u", c->asid);
	CPU->tlb[c->asid] = mine;
}

static const char *refused_for; /* by the last VMRUN; NULL: not */

void svm_stgi(void)
{
	assert_true(CPU->gif_off);
	CPU->gif_off = false;
}

void svm_enter(u64 *gpr, u64 vmcb_pa, u64 host_pa)
{
	struct vmcb *vmcb = (struct vmcb *)(size_t)vmcb_pa;
	struct vmcb_control *c = &vmcb->control;

	if (!CPU->irqs_off)
		fail_msg("an entry with interrupts on");
	CPU->gif_off = true;
	CPU->irqs_off = false; /* RFLAGS.IF is set for the guest */
	if (!(CPU->efer & EFER_SVME))
		fail_msg("#UD: VMRUN with EFER.SVME clear");
	if ((vmcb_pa | host_pa | CPU->save_pa) & 0xfff || !CPU->save_pa || !host_pa)
		fail_msg("#GP: VMRUN with an address that is not page-aligned");
	if (CPU->cached_pa == vmcb_pa)
		check_clean_bits(vmcb);
	refused_for = entry_refused ? "the test" : vmrun_refuses(vmcb);
	if (refused_for) {
		memset(&vmcb->save, 0x55, sizeof(vmcb->save));
		c->exit_code = ~0ull;
		return;
	}
	CPU->entries++;
	use_tlb(c, vmcb_pa);
	c->exit_info[0] = c->exit_info[1] = c->exit_int_info = 0;
	guest(vmcb, gpr);
	c->event_inj &= ~EVENT_INJ_VALID;
	if (!qemu) /* whose VMRUN and exits load DR7 and do nothing with it */
		CPU->dr[7] = DR7_ONE;
	CPU->cached_pa = vmcb_pa;
	CPU->cached = *vmcb;
}

/* What the instruction alone would raise; only where it raises something. */
u32 svm_try_vmrun(u64 pa, u64 *idt)
{
	if (!(CPU->efer & EFER_SVME))
		return VECTOR_UD;
	return pa & 0xfff ? VECTOR_GP : 0;
}

u32 svm_try_clgi(u64 *idt) { return CPU->efer & EFER_SVME ? 0 : VECTOR_UD; }
void svm_vmsave(u64 pa) { }
u64 x86_read_cr0(void) { return CR0_PE | CR0_PG; }
static u64 cr3 = 0x1000;
u64 x86_read_cr3(void) { return cr3; }
u16 x86_read_cs(void) { return 0x10; }
u16 x86_read_ss(void) { return 0x18; }
u16 x86_read_ds(void) { return 0; }
u16 x86_read_es(void) { return 0; }
u16 x86_read_fs(void) { return 0; }
u16 x86_read_gs(void) { return 0; }
u16 x86_str(void) { return 0x40; }
u16 x86_sldt(void) { return 0; }
u32 x86_lar(u16 selector) { return selector ? 0x00a09b00 : 0; }
u32 x86_lsl(u16 selector) { return 0xffffffff; }
struct x86_table x86_sgdt(void) { return (struct x86_table){ 0x7f, 0x1000 }; }
struct x86_table x86_sidt(void) { return (struct x86_table){ 0xfff, 0x2000 }; }

/* ---- what core/svm uses of core/vm ----------------------------------------------------------- */

void vcpu_need_slow(struct vcpu *vcpu, u32 groups)
{
	svm_vendor.fetch(vcpu, groups & ~vcpu->valid);
	vcpu->valid |= groups | (groups & STATE_SEG ? STATE_MODE : 0);
}

int vcpu_peek(struct vcpu *vcpu, struct fetch *f, struct insn *insn, enum decode_mode mode,
	      u64 linear, struct page_fault *fault)
{
	if (linear < CODE_AT || linear >= CODE_AT + sizeof(code))
		return -SWIVL_EFAULT;
	return decode(insn, code + linear - CODE_AT, sizeof(code) - (linear - CODE_AT), mode) ?
		       -SWIVL_EOPNOTSUPP : SERVED;
}

int vcpu_translate(struct vcpu *vcpu, u64 linear, u8 access, u64 *gpa)
{
	*gpa = linear;
	return linear < sizeof(memory) - 32 ? SERVED : RAISED;
}

int vm_read_guest(struct vm *vm, u64 gpa, void *dst, size_t size, bool may_sleep)
{
	memcpy(dst, memory + gpa, size);
	return 0;
}

int vm_write_guest(struct vm *vm, u64 gpa, const void *src, size_t size, bool may_sleep)
{
	memcpy(memory + gpa, src, size);
	return 0;
}

static u8 raised;
void vcpu_raise(struct vcpu *vcpu, u8 vector) { raised = vector; }

void vcpu_instruction_done_slow(struct vcpu *vcpu, u64 rip)
{
	fail_msg("no test here steps or has a shadow when it is carried out by us");
}

static void processors_reset(void)
{
	memset(cpus, 0, sizeof(cpus));
	for (int i = 0; i < CPUS; i++) {
		cpus[i].xcr0 = 7;
		cpus[i].xss = 0x1800; /* CET */
		cpus[i].cr4 = CR4_MCE | CR4_PAE;
		cpus[i].efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
		cpus[i].tsc_aux = i;
		cpus[i].dr[7] = DR7_ONE;
		cpus[i].dr[6] = DR6_ONES;
	}
	cpuid_x21_eax = 0;
	cpuid_x1_ecx = CPUID_X1_ECX_SVM;
	cpuid_8a_ebx = 4;
	cpuid_8a_edx = SVM_NESTED_PAGING;
	nested_time = NULL;
	home_reset();
	entry_refused = qemu = false;
	raised = 0;
	memset(code, 0x90, sizeof(code));
}

#endif
