// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Guest state between vcpu->state and the VMCB's save area, a group at a time. */
#include "core/svm/svm.h"

/* The VMCB has the attributes' eight low bits and four high bits next to each other. */
static u32 expand_attr(u16 attr)
{
	return (attr & 0xffu) | (attr & 0xf00u) << 4;
}

static u16 pack_attr(u32 attr)
{
	if (attr & SEG_ATTR_UNUSABLE)
		attr &= ~SEG_ATTR_P;
	return (attr & 0xff) | (attr >> 4 & 0xf00);
}

static struct vmcb_segment *segment_of(struct vmcb_save *save, unsigned int n)
{
	struct vmcb_segment *const segments[SEGS] = {
		[SEG_ES] = &save->es, [SEG_CS] = &save->cs,     [SEG_SS] = &save->ss,
		[SEG_DS] = &save->ds, [SEG_FS] = &save->fs,     [SEG_GS] = &save->gs,
		[SEG_LDTR] = &save->ldtr, [SEG_TR] = &save->tr,
	};

	return segments[n];
}

/* What processors leave out of the hidden parts that nobody looks at. */
static u32 fetched_attr(const struct vmcb_segment *from, unsigned int n)
{
	u32 attr = expand_attr(from->attr) & ~SEG_ATTR_G;

	if (from->limit > 0xfffff)
		attr |= SEG_ATTR_G;
	if (!(attr & SEG_ATTR_P))
		return attr | SEG_ATTR_UNUSABLE;
	if (n == SEG_TR)
		attr |= 2; /* busy */
	else if (n != SEG_LDTR)
		attr |= 1; /* accessed */
	return attr;
}

/* The privilege level has a field of its own; SS need not agree with it after SYSRET. */
static u32 with_cpl(u32 attr, u8 cpl)
{
	return (attr & ~(3u << SEG_ATTR_DPL_SHIFT)) | (u32)(cpl & 3) << SEG_ATTR_DPL_SHIFT;
}

static void fetch_segments(struct vcpu *vcpu, struct vmcb_save *save)
{
	for (unsigned int i = 0; i < SEGS; i++) {
		const struct vmcb_segment *from = segment_of(save, i);
		struct segment *to = &vcpu->state.seg[i];

		to->selector = from->selector;
		to->limit = from->limit;
		to->base = from->base;
		to->attr = fetched_attr(from, i);
	}
	vcpu->state.seg[SEG_SS].attr = with_cpl(vcpu->state.seg[SEG_SS].attr, save->cpl);
	to_svm(vcpu)->mode = svm_mode_of(save);
	vcpu->hardware_reads += 4 * SEGS + 1;
}

static void store_segments(struct vcpu *vcpu, struct vmcb_save *save)
{
	for (unsigned int i = 0; i < SEGS; i++) {
		const struct segment *from = &vcpu->state.seg[i];
		struct vmcb_segment *to = segment_of(save, i);

		to->selector = from->selector;
		to->limit = from->limit;
		to->base = from->base;
		to->attr = pack_attr(from->attr);
	}
	/* LTR leaves the type as it was in the descriptor, not busy; QEMU insists on that. */
	save->tr.attr &= ~2u;
	save->cpl = vcpu->state.seg[SEG_SS].attr >> SEG_ATTR_DPL_SHIFT & 3;
	to_svm(vcpu)->mode = 0; /* what the processor keeps of it need not be all that is there */
	vcpu->hardware_writes += 4 * SEGS + 1;
}

#define PTE_ACCESSED (1ull << 5)

/*
 * With nested paging the processor reads them when it needs them (APM vol. 2, 15.25.10). QEMU's
 * notes in them that it did.
 */
static void fetch_pdptrs(struct vcpu *vcpu)
{
	struct vcpu_state *s = &vcpu->state;

	vcpu_need(vcpu, STATE_CR3);
	if (vm_read_guest(vcpu->vm, s->cr3 & 0xffffffe0, s->pdptr, sizeof(s->pdptr), false))
		memset(s->pdptr, 0, sizeof(s->pdptr));
	for (unsigned int i = 0; i < 4; i++)
		s->pdptr[i] &= ~PTE_ACCESSED;
}

static void fetch_rare(struct vcpu *vcpu, struct vmcb_save *save, u32 groups)
{
	struct vcpu_state *s = &vcpu->state;

	if (groups & STATE_SEG)
		fetch_segments(vcpu, save);
	if (groups & STATE_TABLES) {
		s->gdt = (struct table_reg){ save->gdtr.base, save->gdtr.limit };
		s->idt = (struct table_reg){ save->idtr.base, save->idtr.limit };
		vcpu->hardware_reads += 4;
	}
	if (groups & STATE_SYSENTER) {
		s->sysenter_cs = save->sysenter_cs;
		s->sysenter_esp = save->sysenter_esp;
		s->sysenter_eip = save->sysenter_eip;
		vcpu->hardware_reads += 3;
	}
	if (groups & STATE_SYSCALL) {
		s->star = save->star;
		s->lstar = save->lstar;
		s->cstar = save->cstar;
		s->fmask = save->sfmask;
		s->kernel_gs_base = save->kernel_gs_base;
		vcpu->hardware_reads += 5;
	}
	if (groups & STATE_PDPTR)
		fetch_pdptrs(vcpu);
	if (groups & STATE_PENDING_DEBUG)
		s->pending_debug = 0;
}

static inline void fetch_mode(struct vcpu_state *s, const struct vmcb_save *save)
{
	s->seg[SEG_CS].attr = fetched_attr(&save->cs, SEG_CS);
	s->seg[SEG_SS].attr = with_cpl(fetched_attr(&save->ss, SEG_SS), save->cpl);
}

void svm_fetch_mode_anew(struct vcpu *vcpu, u64 mode)
{
	to_svm(vcpu)->mode = mode;
	fetch_mode(&vcpu->state, &to_svm(vcpu)->vmcb->save);
}

void svm_fetch(struct vcpu *vcpu, u32 groups)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	struct vmcb_save *save = &vmcb->save;
	struct vcpu_state *s = &vcpu->state;

	/* CR0, CR4 and EFER do not change without an exit: they are always good. */
	if (groups & STATE_RIP)
		s->rip = save->rip;
	if (groups & STATE_RFLAGS)
		s->rflags = save->rflags;
	if (groups & STATE_RSP)
		vcpu->gpr[RSP] = save->rsp;
	if (groups & STATE_SHADOW)
		s->shadow = (vmcb->control.interrupt_state & 1 ? SHADOW_STI : 0) |
			    (to_svm(vcpu)->nmi_masked ? SHADOW_NMI : 0);
	if (groups & STATE_CR3)
		s->cr3 = save->cr3;
	if (groups & STATE_MODE)
		svm_fetch_mode_anew(vcpu, svm_mode_of(save));
	vcpu->hardware_reads += 2;
	if (groups & (STATE_SEG | STATE_TABLES | STATE_SYSENTER | STATE_PDPTR |
		      STATE_PENDING_DEBUG | STATE_SYSCALL))
		fetch_rare(vcpu, save, groups);
}

/* ---- to the hardware --------------------------------------------------------------------------- */

/* Bits whose change makes the processor forget translations (APM vol. 2, 5.5.2). */
#define FLUSH_CR0 (CR0_PG | CR0_WP | CR0_PE)
#define FLUSH_CR4 (CR4_PGE | CR4_PAE | CR4_PSE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)
#define FLUSH_EFER (EFER_LMA | EFER_LME | EFER_NXE)

/*
 * Where the processor has to have another value than the guest sees, the guest's reads exit: a
 * cache stays on, and machine checks are the host's, whatever the guest thinks of them.
 */
static void store_cr(struct vcpu *vcpu, struct vmcb *vmcb)
{
	const struct vcpu_state *s = &vcpu->state;
	struct vmcb_control *c = &vmcb->control;
	struct svm_vcpu *v = to_svm(vcpu);
	u64 cr0 = s->cr0 & ~(CR0_CD | CR0_NW), cr4 = s->cr4 | (x86_read_cr4() & CR4_MCE);
	u64 efer = s->efer | EFER_SVME;
	u16 read_cr = 1u << 8;

	if (((vmcb->save.cr0 ^ cr0) & FLUSH_CR0) || ((vmcb->save.cr4 ^ cr4) & FLUSH_CR4) ||
	    ((vmcb->save.efer ^ efer) & FLUSH_EFER))
		v->before |= SVM_BEFORE_FLUSH;
	if (v->live.on && (vmcb->save.cr4 & ~cr4 & CR4_OSXSAVE))
		svm_sync_xcr0(vcpu); /* the last time that anybody looks */
	if (vcpu->vm->machine) {
		cr0 = s->cr0;
		cr4 = s->cr4;
		read_cr = 0;
	}
	vmcb->save.cr0 = cr0;
	vmcb->save.cr4 = cr4;
	vmcb->save.efer = efer;
	read_cr |= (cr0 != s->cr0 ? 1u << 0 : 0) | (cr4 != s->cr4 ? 1u << 4 : 0);
	if (c->read_cr != read_cr) {
		c->read_cr = read_cr;
		c->clean &= ~CLEAN_INTERCEPTS;
	}
	c->clean &= ~CLEAN_CR;
	vcpu->hardware_writes += 4;
}

/*
 * #DB and #AC always: a guest could have the processor deliver them without end. #UD for the other
 * vendor's hypercall.
 */
void svm_store_exceptions(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);
	u32 exceptions = vcpu->vm->machine ? 0 :
					     1u << VECTOR_DB | 1u << VECTOR_UD |
						     1u << VECTOR_AC | 1u << VECTOR_MC;

	v->vmcb->control.intercepts &= ~INTERCEPT_INTN;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP) {
		exceptions |= 1u << VECTOR_BP;
		if (svm.qemu)
			v->vmcb->control.intercepts |= INTERCEPT_INTN;
	}
	if (v->stepping)
		exceptions |= ~(1u << VECTOR_NMI | 1u << VECTOR_BP | 1u << VECTOR_OF);
	v->vmcb->control.exceptions = exceptions;
	v->vmcb->control.clean &= ~CLEAN_INTERCEPTS;
	vcpu->hardware_writes++;
}

/*
 * Without DR7.GD: each access to a debug register exits anyway. The guest's DEBUGCTL only where the
 * processor switches it.
 */
static void store_dr7(struct vcpu *vcpu, struct vmcb *vmcb)
{
	struct svm_vcpu *v = to_svm(vcpu);
	bool ours = vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP;

	vmcb->save.dr7 = (ours ? vcpu->debug_dr7 : vcpu->state.dr7) & ~(u64)DR7_GD;
	/* The machine's guest has both as they are: INIT alone writes them. */
	if (vcpu->vm->machine)
		vmcb->save.dr6 = vcpu->state.dr6;
	v->before &= ~SVM_BEFORE_DEBUG;
	if (vmcb->save.dr7 & DR7_ENABLED)
		v->before |= SVM_BEFORE_DEBUG;
	vmcb->control.clean &= ~CLEAN_DR;
	if (svm.caps.features & SVM_LBR) {
		vmcb->save.debugctl = vcpu->state.debugctl & (DEBUGCTL_LBR | DEBUGCTL_BTF);
		vmcb->control.lbr_control = vmcb->save.debugctl != 0;
		vmcb->control.clean &= ~CLEAN_LBR;
	}
	vcpu->hardware_writes += 3;
}

void svm_load_tsc_aux(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);

	if (!svm.has_tsc_aux)
		return;
	v->tsc_aux = (u32)vcpu->state.tsc_aux;
	x86_wrmsr(IA32_TSC_AUX, v->tsc_aux);
}

static void store_syscall(struct vcpu *vcpu, struct vmcb_save *save)
{
	const struct vcpu_state *s = &vcpu->state;

	save->star = s->star;
	save->lstar = s->lstar;
	save->cstar = s->cstar;
	save->sfmask = s->fmask;
	save->kernel_gs_base = s->kernel_gs_base;
	vcpu->hardware_writes += 5;
	if (to_svm(vcpu)->live.on && to_svm(vcpu)->tsc_aux != s->tsc_aux)
		svm_load_tsc_aux(vcpu);
}

static void store_rare(struct vcpu *vcpu, struct vmcb *vmcb, u32 groups)
{
	const struct vcpu_state *s = &vcpu->state;
	struct vmcb_save *save = &vmcb->save;

	if (groups & STATE_SEG) {
		store_segments(vcpu, save);
		vmcb->control.clean &= ~CLEAN_SEG;
	}
	if (groups & STATE_TABLES) {
		save->gdtr = (struct vmcb_segment){ .limit = s->gdt.limit, .base = s->gdt.base };
		save->idtr = (struct vmcb_segment){ .limit = s->idt.limit, .base = s->idt.base };
		vmcb->control.clean &= ~CLEAN_TABLES;
		vcpu->hardware_writes += 4;
	}
	if (groups & STATE_SYSENTER) {
		save->sysenter_cs = s->sysenter_cs;
		save->sysenter_esp = s->sysenter_esp;
		save->sysenter_eip = s->sysenter_eip;
		vcpu->hardware_writes += 3;
	}
	if (groups & STATE_SYSCALL)
		store_syscall(vcpu, save);
	if (groups & STATE_DR7)
		store_dr7(vcpu, vmcb);
	if (groups & STATE_PAT) {
		save->g_pat = s->pat;
		vmcb->control.clean &= ~CLEAN_NESTED;
		vcpu->hardware_writes++;
	}
	if (groups & STATE_TSC) {
		vmcb->control.tsc_offset = s->tsc_offset;
		vmcb->control.clean &= ~CLEAN_INTERCEPTS;
		vcpu->hardware_writes++;
	}
	if (groups & STATE_INTERCEPTS)
		svm_store_exceptions(vcpu);
}

void svm_store(struct vcpu *vcpu, u32 groups)
{
	struct svm_vcpu *v = to_svm(vcpu);
	struct vmcb_save *save = &v->vmcb->save;
	const struct vcpu_state *s = &vcpu->state;

	/* What no processor could hold is not checked by VMRUN; QEMU's hangs in it. */
	u64 width = s->efer & EFER_LMA ? ~0ull : 0xffffffff;

	if (groups & STATE_RIP)
		save->rip = s->rip & width;
	if (groups & STATE_RFLAGS)
		save->rflags = (s->rflags & RFLAGS_DEFINED) | RFLAGS_ONE;
	if (groups & STATE_RSP)
		save->rsp = vcpu->gpr[RSP] & width;
	if (groups & STATE_SHADOW) {
		v->vmcb->control.interrupt_state = (s->shadow & (SHADOW_STI | SHADOW_MOV_SS)) != 0;
		v->nmi_masked = s->shadow & SHADOW_NMI;
	}
	vcpu->hardware_writes += 2;
	if (groups & STATE_CR)
		store_cr(vcpu, v->vmcb);
	if (groups & STATE_CR3) {
		save->cr3 = s->cr3;
		v->vmcb->control.clean &= ~CLEAN_CR;
		v->before |= SVM_BEFORE_FLUSH;
		vcpu->hardware_writes++;
	}
	if (groups & ~(STATE_RIP | STATE_RFLAGS | STATE_SHADOW | STATE_RSP | STATE_CR | STATE_CR3))
		store_rare(vcpu, v->vmcb, groups);
}
