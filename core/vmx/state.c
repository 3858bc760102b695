// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Guest state between vcpu->state and the VMCS, a group at a time. */
#include "core/vmx/vmx.h"

/* Bits that the guest may change without an exit: they mean the same with and without VMX. */
#define CR0_GUEST_OWNED (CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM)
#define CR4_GUEST_OWNED \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

/*
 * The machine's guest has all, but what VMX holds, what decides about EFER.LMA, and, so that CPUID has
 * nothing to look for, OSXSAVE and PKE. Bits that this processor lacks raise #GP as without VMX. That
 * PG without PE does, too, the processor sees to (26.3).
 */
#define CR0_MACHINE_OWNED (CR0_GUEST_OWNED | CR0_PE)
#define CR4_MACHINE_OWNED \
	(CR4_GUEST_OWNED | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PCIDE | CR4_FSGSBASE | CR4_SMEP | \
	 CR4_SMAP | CR4_UMIP | CR4_LA57 | CR4_CET | CR4_PKS)

void vmcs_setup_masks(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	v->cr0_owned = vcpu->vm->machine ? CR0_MACHINE_OWNED : CR0_GUEST_OWNED;
	v->cr4_owned = vcpu->vm->machine ? CR4_MACHINE_OWNED : CR4_GUEST_OWNED;
	vmcs_write_N(vcpu, CR0_MASK, ~v->cr0_owned);
	vmcs_write_N(vcpu, CR4_MASK, ~v->cr4_owned);
}

#define TSS_BUSY_64 0xbu

/* The fields of one segment register stand at the same distance in each of four rows. */
#define NTH(f, n) ((__typeof__(f)){ (f).encoding + 2 * (n) })

static bool long_mode(const struct vcpu *vcpu)
{
	return vcpu->state.efer & EFER_LMA;
}

static void fetch_segment(struct vcpu *vcpu, unsigned int n)
{
	struct segment *s = &vcpu->state.seg[n];

	s->selector = vmcs_read_16(vcpu, NTH(GUEST_ES_SELECTOR, n));
	s->limit = vmcs_read_32(vcpu, NTH(GUEST_ES_LIMIT, n));
	s->attr = vmcs_read_32(vcpu, NTH(GUEST_ES_ACCESS_RIGHTS, n));
	s->base = vmcs_read_N(vcpu, NTH(GUEST_ES_BASE, n));
}

/*
 * Entries want what loading the register would have left in the descriptor (27.3.1.2): accessed,
 * and a busy task, of 64 bits in long mode. Callers who fill registers themselves leave it out.
 */
static u32 entry_attr(const struct vcpu *vcpu, unsigned int n)
{
	u32 attr = vcpu->state.seg[n].attr & 0x1f0ff;

	if (!(attr & SEG_ATTR_P))
		attr |= SEG_ATTR_UNUSABLE;
	if (n == SEG_TR)
		attr = long_mode(vcpu) ? (attr & ~SEG_ATTR_TYPE) | TSS_BUSY_64 : attr | 2;
	else if (n != SEG_LDTR && !(attr & SEG_ATTR_UNUSABLE))
		attr |= 1;
	return attr;
}

static void store_segment(struct vcpu *vcpu, unsigned int n)
{
	const struct segment *s = &vcpu->state.seg[n];

	vmcs_write_16(vcpu, NTH(GUEST_ES_SELECTOR, n), s->selector);
	vmcs_write_32(vcpu, NTH(GUEST_ES_LIMIT, n), s->limit);
	vmcs_write_32(vcpu, NTH(GUEST_ES_ACCESS_RIGHTS, n), entry_attr(vcpu, n));
	vmcs_write_N(vcpu, NTH(GUEST_ES_BASE, n), s->base);
}

static void store_entry_controls(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	u32 entry = vmx_controls_of(vcpu)->entry | (long_mode(vcpu) ? ENTRY_LONG_MODE : 0), attr;

	if (entry == v->entry)
		return;
	v->entry = entry;
	vmcs_write_32(vcpu, ENTRY_CONTROLS, entry);
	if (!long_mode(vcpu))
		return;
	/* A guest that goes to long mode still has the task of before. */
	attr = vmcs_read_32(vcpu, GUEST_TR_ACCESS_RIGHTS);
	vmcs_write_32(vcpu, GUEST_TR_ACCESS_RIGHTS, (attr & ~SEG_ATTR_TYPE) | TSS_BUSY_64);
	vcpu->valid &= ~STATE_SEG;
}

static void store_cr(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	const struct vcpu_state *s = &vcpu->state;
	/* Unrestricted guests may do without paging and protection (24.8). */
	u64 cr0_must = vmx.caps.cr0_fixed0 & ~(CR0_PE | CR0_PG);
	u64 cr0, cr4;

	cr0 = ((s->cr0 & ~(CR0_CD | CR0_NW)) | cr0_must) & vmx.caps.cr0_fixed1;
	/* Machine checks are the host's, whatever the guest thinks of them. */
	cr4 = s->cr4 | vmx.caps.cr4_fixed0;
	if (!vcpu->vm->machine)
		cr4 |= x86_read_cr4() & CR4_MCE;
	cr4 &= vmx.caps.cr4_fixed1;
	vmcs_write_N(vcpu, GUEST_CR0, cr0);
	vmcs_write_N(vcpu, GUEST_CR4, cr4);
	vmcs_write_N(vcpu, CR0_SHADOW, s->cr0);
	vmcs_write_N(vcpu, CR4_SHADOW, s->cr4);
	vmcs_write_64(vcpu, GUEST_EFER, s->efer);
	store_entry_controls(vcpu);
	/* An instruction that changed these would have flushed translations (4.10.4.1). */
	v->before |= VMX_BEFORE_FLUSH;
}

/*
 * #DB and #AC always: a guest could have the processor deliver them without end. #UD for the other
 * vendor's hypercall.
 */
static void store_intercepts(struct vcpu *vcpu)
{
	u32 exceptions = 1u << VECTOR_DB | 1u << VECTOR_UD | 1u << VECTOR_AC |
			 1u << VECTOR_MC;

	if (vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP)
		exceptions |= 1u << VECTOR_BP;
	if (vcpu->vm->machine) {
		exceptions = 0;
		vmcs_write_32(vcpu, GUEST_ACTIVITY, 0); /* INIT ends HLT */
	}
	vmcs_write_32(vcpu, EXCEPTION_BITMAP, exceptions);
}

static void store_dr7(struct vcpu *vcpu)
{
	bool ours = vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP;
	u64 dr7 = ours ? vcpu->debug_dr7 : vcpu->state.dr7, debugctl = vcpu->state.debugctl;
	struct vmx_vcpu *v = to_vmx(vcpu);

	vmcs_write_N(vcpu, GUEST_DR7, dr7);
	/* No branch trace: it would be written to wherever the host's DS area is. */
	if (!vcpu->vm->machine)
		debugctl &= DEBUGCTL_LBR | DEBUGCTL_BTF;
	vmcs_write_64(vcpu, GUEST_DEBUGCTL, debugctl);
	v->before &= ~VMX_BEFORE_DEBUG;
	if ((dr7 & DR7_ENABLED) && !vcpu->vm->machine)
		v->before |= VMX_BEFORE_DEBUG;
}

static void fetch_pdptrs(struct vcpu *vcpu)
{
	for (unsigned int i = 0; i < 4; i++)
		vcpu->state.pdptr[i] = vmcs_read_64(vcpu, NTH(GUEST_PDPTE_0, i));
}

static void store_pdptrs(struct vcpu *vcpu)
{
	for (unsigned int i = 0; i < 4; i++)
		vmcs_write_64(vcpu, NTH(GUEST_PDPTE_0, i), vcpu->state.pdptr[i]);
}

COLD void fetch_rare(struct vcpu *vcpu, u32 groups)
{
	struct vcpu_state *s = &vcpu->state;

	if (groups & STATE_SEG)
		for (unsigned int i = 0; i < SEGS; i++)
			fetch_segment(vcpu, i);
	if (groups & STATE_TABLES) {
		s->gdt.base = vmcs_read_N(vcpu, GUEST_GDTR_BASE);
		s->gdt.limit = vmcs_read_32(vcpu, GUEST_GDTR_LIMIT);
		s->idt.base = vmcs_read_N(vcpu, GUEST_IDTR_BASE);
		s->idt.limit = vmcs_read_32(vcpu, GUEST_IDTR_LIMIT);
	}
	if (groups & STATE_SYSENTER) {
		s->sysenter_cs = vmcs_read_32(vcpu, GUEST_SYSENTER_CS);
		s->sysenter_esp = vmcs_read_N(vcpu, GUEST_SYSENTER_ESP);
		s->sysenter_eip = vmcs_read_N(vcpu, GUEST_SYSENTER_EIP);
	}
	if (groups & STATE_DR7) {
		s->dr7 = vmcs_read_N(vcpu, GUEST_DR7);
		s->debugctl = vmcs_read_64(vcpu, GUEST_DEBUGCTL);
	}
	if (groups & STATE_PDPTR)
		fetch_pdptrs(vcpu);
	if (groups & STATE_PENDING_DEBUG)
		s->pending_debug = vmcs_read_N(vcpu, GUEST_PENDING_DEBUG);
	if ((groups & STATE_SYSCALL) && to_vmx(vcpu)->live.on)
		s->kernel_gs_base = x86_rdmsr(IA32_KERNEL_GS_BASE);
}

void vmx_fetch(struct vcpu *vcpu, u32 groups)
{
	struct vcpu_state *s = &vcpu->state;
	u64 a = 0, b = 0;

	/* VMX may be off here: then VMREAD is #UD. */
	if (to_vmx(vcpu)->before & VMX_BEFORE_FAILED)
		return;
	if (groups & STATE_MODE) {
		if (!vmcs_get(vcpu, GUEST_CS_ACCESS_RIGHTS.encoding, &a) ||
		    !vmcs_get(vcpu, GUEST_SS_ACCESS_RIGHTS.encoding, &b))
			return;
		s->seg[SEG_CS].attr = (u32)a;
		s->seg[SEG_SS].attr = (u32)b;
		if (groups == STATE_MODE) /* whose handler asked only for the CPL */
			return;
	}
	if ((groups & STATE_RIP) && !vmcs_get(vcpu, GUEST_RIP.encoding, &s->rip))
		return;
	if ((groups & STATE_RFLAGS) && !vmcs_get(vcpu, GUEST_RFLAGS.encoding, &s->rflags))
		return;
	if (groups & STATE_SHADOW) {
		if (!vmcs_get(vcpu, GUEST_INTERRUPTIBILITY.encoding, &a))
			return;
		s->shadow = (u32)a;
	}
	if ((groups & STATE_RSP) && !vmcs_get(vcpu, GUEST_RSP.encoding, &vcpu->gpr[RSP]))
		return;
	if (groups & STATE_CR) {
		if (!vmcs_get(vcpu, GUEST_CR0.encoding, &a) ||
		    !vmcs_get(vcpu, GUEST_CR4.encoding, &b))
			return;
		s->cr0 ^= (s->cr0 ^ a) & to_vmx(vcpu)->cr0_owned;
		s->cr4 ^= (s->cr4 ^ b) & to_vmx(vcpu)->cr4_owned;
	}
	if ((groups & STATE_CR3) && !vmcs_get(vcpu, GUEST_CR3.encoding, &s->cr3))
		return;
	if (groups & (STATE_SEG | STATE_TABLES | STATE_SYSENTER | STATE_PDPTR | STATE_DR7 |
		      STATE_PENDING_DEBUG | STATE_SYSCALL))
		fetch_rare(vcpu, groups);
}

static void store_rare(struct vcpu *vcpu, u32 groups)
{
	const struct vcpu_state *s = &vcpu->state;

	if (groups & STATE_SEG)
		for (unsigned int i = 0; i < SEGS; i++)
			store_segment(vcpu, i);
	if (groups & STATE_TABLES) {
		vmcs_write_N(vcpu, GUEST_GDTR_BASE, s->gdt.base);
		vmcs_write_32(vcpu, GUEST_GDTR_LIMIT, s->gdt.limit);
		vmcs_write_N(vcpu, GUEST_IDTR_BASE, s->idt.base);
		vmcs_write_32(vcpu, GUEST_IDTR_LIMIT, s->idt.limit);
	}
	if (groups & STATE_SYSENTER) {
		vmcs_write_32(vcpu, GUEST_SYSENTER_CS, s->sysenter_cs);
		vmcs_write_N(vcpu, GUEST_SYSENTER_ESP, s->sysenter_esp);
		vmcs_write_N(vcpu, GUEST_SYSENTER_EIP, s->sysenter_eip);
	}
	if (groups & STATE_DR7)
		store_dr7(vcpu);
	if (groups & STATE_PDPTR)
		store_pdptrs(vcpu);
	if (groups & STATE_PENDING_DEBUG)
		vmcs_write_N(vcpu, GUEST_PENDING_DEBUG, s->pending_debug);
	if ((groups & STATE_SYSCALL) && to_vmx(vcpu)->live.on)
		vmx_load_msrs(vcpu);
	if (groups & STATE_PAT)
		vmcs_write_64(vcpu, GUEST_PAT, s->pat);
	if (groups & STATE_TSC)
		vmcs_write_64(vcpu, TSC_OFFSET, s->tsc_offset);
	if (groups & STATE_INTERCEPTS)
		store_intercepts(vcpu);
}

void vmx_store(struct vcpu *vcpu, u32 groups)
{
	const struct vcpu_state *s = &vcpu->state;

	if (groups & STATE_RIP)
		vmcs_write_N(vcpu, GUEST_RIP, s->rip);
	if (groups & STATE_RFLAGS)
		vmcs_write_N(vcpu, GUEST_RFLAGS, s->rflags);
	if (groups & STATE_SHADOW)
		vmcs_write_32(vcpu, GUEST_INTERRUPTIBILITY, s->shadow);
	if (groups & STATE_RSP)
		vmcs_write_N(vcpu, GUEST_RSP, vcpu->gpr[RSP]);
	/* Segments first: a change to long mode looks at the task. */
	if (groups & ~(STATE_RIP | STATE_RFLAGS | STATE_SHADOW | STATE_RSP | STATE_CR | STATE_CR3))
		store_rare(vcpu, groups);
	if (groups & STATE_CR)
		store_cr(vcpu);
	if (groups & STATE_CR3) {
		vmcs_write_N(vcpu, GUEST_CR3, s->cr3);
		to_vmx(vcpu)->before |= VMX_BEFORE_FLUSH;
	}
}
