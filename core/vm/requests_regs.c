// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Registers of a vCPU: general, system, FPU. */
#include "core/vm/request.h"
#include "core/x86/fpu.h"
#include "core/x86/regs.h"

/* ---- general registers --------------------------------------------------------------------- */

long rq_get_regs(struct request *rq)
{
	struct vcpu *vcpu = rq->vcpu;
	struct kvm_regs *r = rq->data;
	const u64 *g = vcpu->gpr;

	vcpu_need(vcpu, STATE_RIP | STATE_RSP | STATE_RFLAGS);
	*r = (struct kvm_regs){
		.rax = g[RAX], .rbx = g[RBX], .rcx = g[RCX], .rdx = g[RDX],
		.rsi = g[RSI], .rdi = g[RDI], .rsp = g[RSP], .rbp = g[RBP],
		.r8 = g[R8], .r9 = g[R9], .r10 = g[R10], .r11 = g[R11],
		.r12 = g[R12], .r13 = g[R13], .r14 = g[R14], .r15 = g[R15],
		.rip = vcpu->state.rip, .rflags = vcpu->state.rflags,
	};
	return 0;
}

/* What was raised and not yet delivered belongs to the registers as they were: it goes. */
long rq_set_regs(struct request *rq)
{
	struct vcpu *vcpu = rq->vcpu;
	const struct kvm_regs *r = rq->data;
	const u64 g[16] = {
		[RAX] = r->rax, [RBX] = r->rbx, [RCX] = r->rcx, [RDX] = r->rdx,
		[RSI] = r->rsi, [RDI] = r->rdi, [RSP] = r->rsp, [RBP] = r->rbp,
		[R8] = r->r8, [R9] = r->r9, [R10] = r->r10, [R11] = r->r11,
		[R12] = r->r12, [R13] = r->r13, [R14] = r->r14, [R15] = r->r15,
	};

	memcpy(vcpu->gpr, g, sizeof(g));
	vcpu->state.rip = r->rip;
	vcpu->state.rflags = r->rflags | RFLAGS_ONE;
	vcpu_overwrite(vcpu, STATE_RIP | STATE_RSP | STATE_RFLAGS);
	vcpu->exception.type = EVENT_NONE;
	return 0;
}

/* ---- system registers ---------------------------------------------------------------------- */

static struct kvm_segment segment_get(const struct segment *s)
{
	u32 a = s->attr;
	bool unusable = a & SEG_ATTR_UNUSABLE;

	return (struct kvm_segment){
		.base = s->base, .limit = s->limit, .selector = s->selector,
		.type = a & SEG_ATTR_TYPE, .s = !!(a & SEG_ATTR_S), .dpl = a >> SEG_ATTR_DPL_SHIFT & 3,
		.present = !unusable && (a & SEG_ATTR_P), .avl = !!(a & SEG_ATTR_AVL),
		.l = !!(a & SEG_ATTR_L), .db = !!(a & SEG_ATTR_DB), .g = !!(a & SEG_ATTR_G),
		.unusable = unusable,
	};
}

/* A segment that is not present cannot be in a register: both words mean unusable. */
static struct segment segment_set(const struct kvm_segment *k)
{
	u32 attr = (k->type & SEG_ATTR_TYPE) | (k->dpl & 3u) << SEG_ATTR_DPL_SHIFT;

	if (k->s & 1)
		attr |= SEG_ATTR_S;
	if (k->present & 1)
		attr |= SEG_ATTR_P;
	if (k->avl & 1)
		attr |= SEG_ATTR_AVL;
	if (k->l & 1)
		attr |= SEG_ATTR_L;
	if (k->db & 1)
		attr |= SEG_ATTR_DB;
	if (k->g & 1)
		attr |= SEG_ATTR_G;
	if (k->unusable || !k->present)
		attr |= SEG_ATTR_UNUSABLE;
	return (struct segment){ .base = k->base, .limit = k->limit, .attr = attr,
				 .selector = k->selector };
}

/* struct kvm_sregs and struct kvm_sregs2 agree up to apic_base: one function serves both. */
_Static_assert(offsetof(struct kvm_sregs, apic_base) == offsetof(struct kvm_sregs2, apic_base),
	       "common part");

#define STATE_SREGS (STATE_CR | STATE_CR3 | STATE_SEG | STATE_TABLES)

static void sregs_get_common(struct vcpu *vcpu, struct kvm_sregs *k)
{
	const struct vcpu_state *s = &vcpu->state;

	vcpu_need(vcpu, STATE_SREGS);
	k->cs = segment_get(&s->seg[SEG_CS]);
	k->ds = segment_get(&s->seg[SEG_DS]);
	k->es = segment_get(&s->seg[SEG_ES]);
	k->fs = segment_get(&s->seg[SEG_FS]);
	k->gs = segment_get(&s->seg[SEG_GS]);
	k->ss = segment_get(&s->seg[SEG_SS]);
	k->tr = segment_get(&s->seg[SEG_TR]);
	k->ldt = segment_get(&s->seg[SEG_LDTR]);
	k->gdt.base = s->gdt.base;
	k->gdt.limit = s->gdt.limit;
	k->idt.base = s->idt.base;
	k->idt.limit = s->idt.limit;
	k->cr0 = s->cr0;
	k->cr2 = s->cr2;
	k->cr3 = s->cr3;
	k->cr4 = s->cr4;
	k->cr8 = vcpu->vm->irqchip ? vcpu_chips_cr8(vcpu) : s->cr8;
	k->efer = s->efer;
	k->apic_base = s->apic_base;
}

long rq_get_sregs(struct request *rq)
{
	const struct event *e = &rq->vcpu->event;
	struct kvm_sregs *k = rq->data;

	sregs_get_common(rq->vcpu, k);
	memset(k->interrupt_bitmap, 0, sizeof(k->interrupt_bitmap));
	if (e->type == EVENT_INTERRUPT)
		k->interrupt_bitmap[e->vector / 64] |= 1ull << (e->vector % 64);
	return 0;
}

/* Would a processor take these together? SDM vol. 3, 4.1.1 and 9.8.5. */
static bool sregs_are_valid(struct vcpu *vcpu, const struct kvm_sregs *k)
{
	const u64 efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;

	if ((k->cr0 & ~(u64)CR0_DEFINED) || (k->cr4 & vcpu->cr4_reserved) ||
	    (k->efer & ~(u64)efer) || k->cr8 > 15)
		return false;
	if ((k->cr0 & CR0_PG) && !(k->cr0 & CR0_PE))
		return false;
	if ((k->cr0 & CR0_NW) && !(k->cr0 & CR0_CD))
		return false;
	if ((k->cr0 & CR0_PG) && (k->efer & EFER_LME))
		return (k->cr4 & CR4_PAE) && (k->efer & EFER_LMA) &&
		       !(k->cr3 >> vcpu->guest_phys_bits);
	return !(k->efer & EFER_LMA) && !k->cs.l;
}

/* A CR8, or the local APIC's task priority, which is the same register. */
static void set_cr8(struct vcpu *vcpu, u64 cr8)
{
	vcpu->state.cr8 = cr8;
	if (vcpu->vm->irqchip)
		vcpu_chips_set_cr8(vcpu, cr8);
}

/* PAE paging keeps its top entries in registers: as if CR3 was written now, but no fault. */
static void reload_pdptrs(struct vcpu *vcpu)
{
	host_read_lock(&vcpu->vm->mem_lock);
	vcpu_set_cr3(vcpu, vcpu->state.cr3);
	host_read_unlock(&vcpu->vm->mem_lock);
}

static int sregs_set_common(struct vcpu *vcpu, const struct kvm_sregs *k)
{
	struct vcpu_state *s = &vcpu->state;

	if (!sregs_are_valid(vcpu, k) || msr_write(vcpu, IA32_APIC_BASE, k->apic_base, false))
		return -SWIVL_EINVAL;
	s->seg[SEG_CS] = segment_set(&k->cs);
	s->seg[SEG_DS] = segment_set(&k->ds);
	s->seg[SEG_ES] = segment_set(&k->es);
	s->seg[SEG_FS] = segment_set(&k->fs);
	s->seg[SEG_GS] = segment_set(&k->gs);
	s->seg[SEG_SS] = segment_set(&k->ss);
	s->seg[SEG_TR] = segment_set(&k->tr);
	s->seg[SEG_LDTR] = segment_set(&k->ldt);
	s->gdt = (struct table_reg){ .base = k->gdt.base, .limit = k->gdt.limit };
	s->idt = (struct table_reg){ .base = k->idt.base, .limit = k->idt.limit };
	s->cr0 = k->cr0 | CR0_ET;
	s->cr2 = k->cr2;
	s->cr3 = k->cr3;
	s->cr4 = k->cr4;
	s->efer = k->efer;
	set_cr8(vcpu, k->cr8);
	vcpu_overwrite(vcpu, STATE_SREGS);
	return 0;
}

/*
 * A caller that puts the boot processor back to its reset vector means it to run, even if it
 * was halted: programs older than KVM_SET_MP_STATE rely on it.
 */
static void unhalt_after_reset(struct vcpu *vcpu)
{
	const struct segment *cs = &vcpu->state.seg[SEG_CS];

	vcpu_need(vcpu, STATE_RIP);
	if (vcpu->id == vcpu->vm->boot_cpu_id && vcpu->state.rip == 0xfff0 &&
	    cs->selector == 0xf000 && cs->base == 0xffff0000 && !(vcpu->state.cr0 & CR0_PE))
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

long rq_set_sregs(struct request *rq)
{
	struct vcpu *vcpu = rq->vcpu;
	const struct kvm_sregs *k = rq->data;
	int err = sregs_set_common(vcpu, k);
	unsigned int i;

	if (err)
		return err;
	if (is_pae_paging(vcpu->state.cr0, vcpu->state.cr4, vcpu->state.efer))
		reload_pdptrs(vcpu);
	for (i = 0; i < ARRAY_SIZE(k->interrupt_bitmap); i++) {
		if (!k->interrupt_bitmap[i])
			continue;
		vcpu->event = (struct event){
			.type = EVENT_INTERRUPT,
			.vector = i * 64 + __builtin_ctzll(k->interrupt_bitmap[i])
		};
		break;
	}
	unhalt_after_reset(vcpu);
	return 0;
}

long rq_get_sregs2(struct request *rq)
{
	struct kvm_sregs2 *k = rq->data;
	struct vcpu *vcpu = rq->vcpu;

	sregs_get_common(vcpu, (struct kvm_sregs *)k);
	if (is_pae_paging(vcpu->state.cr0, vcpu->state.cr4, vcpu->state.efer)) {
		/* They may have to be read from the guest's memory. */
		host_read_lock(&vcpu->vm->mem_lock);
		vcpu_need(vcpu, STATE_PDPTR);
		host_read_unlock(&vcpu->vm->mem_lock);
		memcpy(k->pdptrs, vcpu->state.pdptr, sizeof(k->pdptrs));
		k->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return 0;
}

long rq_set_sregs2(struct request *rq)
{
	const struct kvm_sregs2 *k = rq->data;
	bool valid = k->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
	bool pae = is_pae_paging(k->cr0, k->cr4, k->efer);
	int err;

	if ((k->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID) || (valid && !pae))
		return -SWIVL_EINVAL;
	err = sregs_set_common(rq->vcpu, (const struct kvm_sregs *)k);
	if (err)
		return err;
	if (valid) {
		memcpy(rq->vcpu->state.pdptr, k->pdptrs, sizeof(k->pdptrs));
		vcpu_overwrite(rq->vcpu, STATE_PDPTR);
	} else if (pae) {
		reload_pdptrs(rq->vcpu);
	}
	unhalt_after_reset(rq->vcpu);
	return 0;
}

/* ---- registers through struct kvm_run ------------------------------------------------------ */

/* The page is the caller's too and may change under our eyes: each part is copied once. */
static int sync_in(struct vcpu *vcpu, u64 dirty)
{
	struct kvm_run *run = vcpu->run;
	union {
		struct kvm_regs regs;
		struct kvm_sregs sregs;
		struct kvm_vcpu_events events;
	} copy;
	struct request rq = { .vm = vcpu->vm, .vcpu = vcpu, .data = &copy };

	if (dirty & KVM_SYNC_X86_REGS) {
		copy.regs = run->s.regs.regs;
		rq_set_regs(&rq);
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		copy.sregs = run->s.regs.sregs;
		if (rq_set_sregs(&rq))
			return -SWIVL_EINVAL;
	}
	if (dirty & KVM_SYNC_X86_EVENTS) {
		copy.events = run->s.regs.events;
		if (rq_set_events(&rq))
			return -SWIVL_EINVAL;
	}
	vcpu->check_events = 1;
	run->kvm_dirty_regs = 0;
	return 0;
}

int vcpu_sync_regs_in_slow(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 dirty = __atomic_load_n(&run->kvm_dirty_regs, __ATOMIC_RELAXED);

	if ((dirty | run->kvm_valid_regs) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -SWIVL_EINVAL;
	return dirty ? sync_in(vcpu, dirty) : 0;
}

void vcpu_sync_regs_out_slow(struct vcpu *vcpu)
{
	struct request rq = { .vm = vcpu->vm, .vcpu = vcpu };
	struct kvm_run *run = vcpu->run;
	u64 valid = run->kvm_valid_regs;

	rq.data = &run->s.regs.regs;
	if (valid & KVM_SYNC_X86_REGS)
		rq_get_regs(&rq);
	rq.data = &run->s.regs.sregs;
	if (valid & KVM_SYNC_X86_SREGS)
		rq_get_sregs(&rq);
	rq.data = &run->s.regs.events;
	if (valid & KVM_SYNC_X86_EVENTS)
		rq_get_events(&rq);
}

/* ---- FPU ------------------------------------------------------------------------------------ */

/*
 * Registers in their initial state may be absent from the area: say them in full, since many
 * programs read the values and not XSTATE_BV.
 */
static void fpu_fill_in(struct fpu_area *a)
{
	if (!(a->xstate_bv & XCR0_X87)) {
		a->fcw = FPU_FCW_RESET;
		a->fsw = 0;
		a->ftw = 0;
		a->opcode = 0;
		a->ip = 0;
		a->dp = 0;
		memset(a->st, 0, sizeof(a->st));
	}
	if (!(a->xstate_bv & XCR0_SSE))
		memset(a->xmm, 0, sizeof(a->xmm));
	a->xstate_bv |= XCR0_X87 | XCR0_SSE;
}

long rq_get_fpu(struct request *rq)
{
	struct kvm_fpu *k = rq->data;
	struct fpu_area *a = rq->vcpu->fpu;

	fpu_fill_in(a);
	memcpy(k->fpr, a->st, sizeof(k->fpr));
	memcpy(k->xmm, a->xmm, sizeof(k->xmm));
	k->fcw = a->fcw;
	k->fsw = a->fsw;
	k->ftwx = a->ftw;
	k->last_opcode = a->opcode;
	k->last_ip = a->ip;
	k->last_dp = a->dp;
	k->mxcsr = a->mxcsr;
	return 0;
}

long rq_set_fpu(struct request *rq)
{
	const struct kvm_fpu *k = rq->data;
	struct fpu_area *a = rq->vcpu->fpu;

	if (k->mxcsr & ~fpu.mxcsr_mask)
		return -SWIVL_EINVAL;
	fpu_fill_in(a);
	memcpy(a->st, k->fpr, sizeof(k->fpr));
	memcpy(a->xmm, k->xmm, sizeof(k->xmm));
	a->fcw = k->fcw;
	a->fsw = k->fsw;
	a->ftw = k->ftwx;
	a->opcode = k->last_opcode;
	a->ip = k->last_ip;
	a->dp = k->last_dp;
	a->mxcsr = k->mxcsr;
	return 0;
}

long rq_get_xsave(struct request *rq)
{
	struct fpu_area *a = rq->vcpu->fpu;

	fpu_fill_in(a);
	a->mxcsr_mask = fpu.mxcsr_mask;
	memcpy(rq->data, a, fpu.size);
	return 0;
}

/* The rules by which XRSTOR would fault (SDM vol. 1, 13.8.1). */
long rq_set_xsave(struct request *rq)
{
	const struct fpu_area *a = rq->data;
	u64 features = fpu.features | XCR0_X87 | XCR0_SSE;
	unsigned int i;

	if ((a->xstate_bv & ~features) || a->xcomp_bv)
		return -SWIVL_EINVAL;
	for (i = 0; i < ARRAY_SIZE(a->reserved1); i++)
		if (a->reserved1[i])
			return -SWIVL_EINVAL;
	if ((a->xstate_bv & (XCR0_SSE | XCR0_AVX)) && (a->mxcsr & ~fpu.mxcsr_mask))
		return -SWIVL_EINVAL;
	memcpy(rq->vcpu->fpu, a, fpu.size);
	return 0;
}

long rq_get_xcrs(struct request *rq)
{
	struct kvm_xcrs *k = rq->data;

	if (fpu.features) {
		k->nr_xcrs = 1;
		k->xcrs[0].value = rq->vcpu->state.xcr0;
	}
	return 0;
}

long rq_set_xcrs(struct request *rq)
{
	const struct kvm_xcrs *k = rq->data;
	unsigned int i;

	if (!fpu.features || k->nr_xcrs > KVM_MAX_XCRS || k->flags)
		return -SWIVL_EINVAL;
	for (i = 0; i < k->nr_xcrs; i++)
		if (k->xcrs[i].xcr == 0)
			return vcpu_set_xcr0(rq->vcpu, k->xcrs[i].value);
	return 0;
}
