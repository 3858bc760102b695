// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The architecture's rules on control registers, and reset. */
#include "core/vm/vm.h"
#include "core/x86/fpu.h"
#include "core/x86/regs.h"

unsigned int vcpu_cpl(struct vcpu *vcpu)
{
	unsigned int cpl;

	vcpu_need(vcpu, STATE_MODE);
	cpl = vcpu->state.seg[SEG_SS].attr >> SEG_ATTR_DPL_SHIFT & 3;
	if (!cpl)
		return 0;
	/* In real mode it says nothing, whatever the caller has put there. */
	vcpu_need(vcpu, STATE_CR);
	return vcpu->state.cr0 & CR0_PE ? cpl : 0;
}

/* PAE paging keeps its four top entries in registers (SDM vol. 3, 4.4.1). */
static int load_pdptrs(struct vcpu *vcpu)
{
	u64 reserved = ~((1ull << vcpu->guest_phys_bits) - 1) | 0x1e6ull;
	u64 pdptr[4];
	unsigned int i;
	int err;

	vcpu_need(vcpu, STATE_CR3);
	err = vm_read_guest(vcpu->vm, vcpu->state.cr3 & 0xffffffe0ull, pdptr, sizeof(pdptr),
			    !vcpu->in_section);
	if (err == -SWIVL_EAGAIN)
		return err;
	if (err)
		return -SWIVL_EINVAL;
	for (i = 0; i < 4; i++) {
		if ((pdptr[i] & 1) && (pdptr[i] & reserved))
			return -SWIVL_EINVAL;
	}
	memcpy(vcpu->state.pdptr, pdptr, sizeof(pdptr));
	vcpu_overwrite(vcpu, STATE_PDPTR);
	return 0;
}

/* SDM vol. 3, 2.5 and 4.1.2: which changes raise #GP(0). */
static bool cr0_is_valid(struct vcpu *vcpu, u64 value)
{
	struct vcpu_state *s = &vcpu->state;

	if (value >> 32)
		return false;
	if ((value & CR0_PG) && !(value & CR0_PE))
		return false;
	if ((value & CR0_NW) && !(value & CR0_CD))
		return false;
	if ((value & CR0_PG) && !(s->cr0 & CR0_PG) && (s->efer & EFER_LME)) {
		vcpu_need(vcpu, STATE_MODE);
		if (!(s->cr4 & CR4_PAE) || (s->seg[SEG_CS].attr & SEG_ATTR_L))
			return false;
	}
	if (!(value & CR0_PG) && (s->cr0 & CR0_PG) && (s->efer & EFER_LMA)) {
		vcpu_need(vcpu, STATE_MODE);
		if (s->seg[SEG_CS].attr & SEG_ATTR_L)
			return false;
	}
	return (value & CR0_PG) || !(s->cr4 & CR4_PCIDE);
}

int vcpu_set_cr0(struct vcpu *vcpu, u64 value)
{
	struct vcpu_state *s = &vcpu->state;
	u64 old;
	int err;

	vcpu_need(vcpu, STATE_CR);
	old = s->cr0;
	value |= CR0_ET;
	if (value >> 32)
		return -SWIVL_EINVAL;
	value &= CR0_DEFINED;
	if (!cr0_is_valid(vcpu, value))
		return -SWIVL_EINVAL;
	if (is_pae_paging(value, s->cr4, s->efer) &&
	    ((value ^ old) & (CR0_PG | CR0_CD | CR0_NW))) {
		err = load_pdptrs(vcpu);
		if (err)
			return err;
	}
	if ((value ^ old) & CR0_PG) {
		/* SDM vol. 3, 9.8.5: LMA follows LME and PG. */
		if ((value & CR0_PG) && (s->efer & EFER_LME))
			s->efer |= EFER_LMA;
		else
			s->efer &= ~(u64)EFER_LMA;
	}
	s->cr0 = value;
	vcpu->dirty |= STATE_CR;
	return 0;
}

int vcpu_set_cr3(struct vcpu *vcpu, u64 value)
{
	struct vcpu_state *s = &vcpu->state;
	u64 old;

	vcpu_need(vcpu, STATE_CR | STATE_CR3);
	if (s->efer & EFER_LMA) {
		if (s->cr4 & CR4_PCIDE)
			value &= ~(1ull << 63);
		if (value >> vcpu->guest_phys_bits)
			return -SWIVL_EINVAL;
	}
	old = s->cr3;
	s->cr3 = value;
	if (is_pae_paging(s->cr0, s->cr4, s->efer)) {
		int err = load_pdptrs(vcpu);

		if (err) {
			s->cr3 = old;
			return err;
		}
	}
	vcpu->dirty |= STATE_CR3;
	return 0;
}

/*
 * A CR4 bit that the guest may set only where its CPUID announces what it does. Not here is what
 * would reach the host, whatever CPUID the caller made: with PKE the guest could write PKRU.
 */
static const struct {
	u64 cr4;
	u32 leaf;
	u8 reg, bit;
} cr4_features[] = {
	{ CR4_OSXSAVE, 1, 2, 26 }, { CR4_PCIDE, 1, 2, 17 },	{ CR4_FSGSBASE, 7, 1, 0 },
	{ CR4_SMEP, 7, 1, 7 },	   { CR4_SMAP, 7, 1, 20 },	{ CR4_UMIP, 7, 2, 2 },
};

void vcpu_derive_cr4(struct vcpu *vcpu)
{
	u64 allowed = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE |
		      CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		u32 leaf = cr4_features[i].leaf;
		u8 reg = cr4_features[i].reg, bit = cr4_features[i].bit;

		/*
		 * Of what this processor has: whatever CPUID says, entries with more would fail.
		 * Without a CPUID yet, the caller may set what a CPUID could announce.
		 */
		if (cpuid_offers(leaf, 0, reg, bit) &&
		    (!vcpu->ncpuid || vcpu_has_cpuid(vcpu, leaf, 0, reg, bit)))
			allowed |= cr4_features[i].cr4;
	}
	vcpu->cr4_reserved = ~allowed;
}

int vcpu_set_cr4(struct vcpu *vcpu, u64 value)
{
	struct vcpu_state *s = &vcpu->state;
	u64 old;
	int err;

	vcpu_need(vcpu, STATE_CR | STATE_CR3);
	old = s->cr4;
	if (value & vcpu->cr4_reserved)
		return -SWIVL_EINVAL;
	/* SDM vol. 3, 4.1.2 and 4.10.1. */
	if ((s->efer & EFER_LMA) && !(value & CR4_PAE))
		return -SWIVL_EINVAL;
	if ((value & ~old & CR4_PCIDE) && (!(s->efer & EFER_LMA) || (s->cr3 & 0xfff)))
		return -SWIVL_EINVAL;
	if (is_pae_paging(s->cr0, value, s->efer) &&
	    ((value ^ old) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP))) {
		err = load_pdptrs(vcpu);
		if (err)
			return err;
	}
	s->cr4 = value;
	vcpu->dirty |= STATE_CR;
	if ((value ^ old) & CR4_PAE)
		vcpu->dirty |= vcpu->valid & STATE_PDPTR;
	return 0;
}

u64 vcpu_efer_reserved(struct vcpu *vcpu)
{
	u64 allowed = 0;

	if (vcpu->vm->machine)
		return ~vcpu->vm->machine_efer;
	if (vcpu_has_cpuid(vcpu, 0x80000001, 0, 3, 11))
		allowed |= EFER_SCE;
	if (vcpu_has_cpuid(vcpu, 0x80000001, 0, 3, 29))
		allowed |= EFER_LME | EFER_LMA;
	if (vcpu_has_cpuid(vcpu, 0x80000001, 0, 3, 20))
		allowed |= EFER_NXE;
	return ~allowed;
}

int vcpu_set_efer(struct vcpu *vcpu, u64 value)
{
	struct vcpu_state *s = &vcpu->state;

	vcpu_need(vcpu, STATE_CR);
	if (value & vcpu_efer_reserved(vcpu))
		return -SWIVL_EINVAL;
	if (((value ^ s->efer) & EFER_LME) && (s->cr0 & CR0_PG))
		return -SWIVL_EINVAL;
	s->efer = (value & ~(u64)EFER_LMA) | (s->efer & EFER_LMA);
	vcpu->dirty |= STATE_CR;
	return 0;
}

static bool all_or_none(u64 value, u64 bits)
{
	return !(value & bits) || (value & bits) == bits;
}

/* SDM vol. 1, 13.3. */
int vcpu_set_xcr0(struct vcpu *vcpu, u64 value)
{
	if (!(value & XCR0_X87) || (value & ~vcpu->cpuid_xcr0))
		return -SWIVL_EINVAL;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return -SWIVL_EINVAL;
	if ((value & XCR0_AVX512) &&
	    ((value & XCR0_AVX512) != XCR0_AVX512 || !(value & XCR0_AVX)))
		return -SWIVL_EINVAL;
	if (!all_or_none(value, XCR0_MPX) || !all_or_none(value, XCR0_AMX))
		return -SWIVL_EINVAL;
	vcpu->state.xcr0 = value;
	return 0;
}

static void reset_segments(struct vcpu_state *s)
{
	const u32 data = 0x3 | SEG_ATTR_S | SEG_ATTR_P;
	unsigned int i;

	for (i = 0; i < SEGS; i++)
		s->seg[i] = (struct segment){ .limit = 0xffff, .attr = data };
	s->seg[SEG_CS] = (struct segment){ .base = 0xffff0000, .limit = 0xffff,
					   .attr = 0xb | SEG_ATTR_S | SEG_ATTR_P, .selector = 0xf000 };
	s->seg[SEG_LDTR].attr = 0x2 | SEG_ATTR_P;
	s->seg[SEG_TR].attr = 0xb | SEG_ATTR_P;
}

void vcpu_reset(struct vcpu *vcpu, bool init)
{
	struct vcpu_state old = vcpu->state;
	struct vcpu_state *s = &vcpu->state;

	memset(vcpu->gpr, 0, sizeof(vcpu->gpr));
	vcpu->gpr[RDX] = 0x600;
	memset(s, 0, sizeof(*s));
	s->rip = 0xfff0;
	s->rflags = RFLAGS_ONE;
	s->cr0 = CR0_CD | CR0_NW | CR0_ET;
	reset_segments(s);
	s->gdt.limit = 0xffff;
	s->idt.limit = 0xffff;
	s->dr6 = DR6_ONES;
	s->dr7 = DR7_ONE;
	s->xcr0 = XCR0_X87;
	s->pat = PAT_RESET;
	s->apic_base = 0xfee00800 | (vcpu->id == vcpu->vm->boot_cpu_id ? 0x100 : 0);
	if (init) {
		/* INIT leaves the caches' mode, the FPU and most MSRs alone. */
		s->cr0 = CR0_ET | (old.cr0 & (CR0_CD | CR0_NW));
		s->xcr0 = old.xcr0;
		s->pat = old.pat;
		s->tsc_offset = old.tsc_offset;
		s->tsc_aux = old.tsc_aux;
		s->apic_base = old.apic_base;
		s->sysenter_cs = old.sysenter_cs;
		s->sysenter_esp = old.sysenter_esp;
		s->sysenter_eip = old.sysenter_eip;
		s->star = old.star;
		s->lstar = old.lstar;
		s->cstar = old.cstar;
		s->fmask = old.fmask;
		s->kernel_gs_base = old.kernel_gs_base;
	} else {
		fpu_init(vcpu->fpu);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		if (vcpu->vm->irqchip && vcpu->id != vcpu->vm->boot_cpu_id)
			vcpu->mp_state = KVM_MP_STATE_UNINITIALIZED;
	}
	vcpu->event.type = EVENT_NONE;
	vcpu->held.type = EVENT_NONE;
	vcpu->exception.type = EVENT_NONE;
	vcpu->nmi_pending = 0;
	vcpu->pending = PENDING_NONE;
	vcpu->triple_fault_pending = false;
	vcpu->check_events = 1;
	vcpu_overwrite(vcpu, STATE_ALL | STATE_INTERCEPTS);
}
