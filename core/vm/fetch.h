/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The instruction at RIP, for those that we carry out ourselves. A guest's driver makes the same
 * few accesses again and again, so the last instruction is kept with the walk that led to it: it
 * is good as long as every table entry on the way and its own bytes still read the same.
 */
#ifndef SWIVL_CORE_VM_FETCH_H
#define SWIVL_CORE_VM_FETCH_H

#include "core/emulate/decode.h"
#include "core/vm/vm.h"
#include "core/x86/regs.h"

/* What became of a piece of work; or an error. */
enum served {
	SERVED,
	RAISED, /* the guest gets an exception instead */
	TO_USER, /* vcpu->run asks the caller */
};

struct fetch {
	u8 bytes[INSN_MAX_LENGTH];
	u8 nbytes;
	bool decoded; /* the caller's insn is good, for a code segment of @mode */
	u8 mode; /* enum decode_mode */

	/* the walk; @code is NULL unless it can be checked again */
	const u8 *code; /* our address of the page */
	u64 page; /* its linear address */
	u64 cr0, cr3, cr4, efer, generation;
	u8 cpl, depth;
	struct fetch_entry {
		const u64 *where;
		u64 value;
	} entry[4];
};

/* From the code segment; STATE_CR, STATE_RFLAGS and STATE_MODE in memory. */
static inline enum decode_mode vcpu_decode_mode(const struct vcpu *vcpu)
{
	u32 attr = vcpu->state.seg[SEG_CS].attr;

	if (!(vcpu->state.cr0 & CR0_PE) || (vcpu->state.rflags & RFLAGS_VM))
		return DECODE_16;
	if ((vcpu->state.efer & EFER_LMA) && (attr & SEG_ATTR_L))
		return DECODE_64;
	return attr & SEG_ATTR_DB ? DECODE_32 : DECODE_16;
}

/* RIP as a linear address, with the mode of the code there. State as for the mode, and STATE_RIP. */
static inline u64 vcpu_linear_rip(struct vcpu *vcpu, enum decode_mode *mode)
{
	struct vcpu_state *s = &vcpu->state;

	*mode = vcpu_decode_mode(vcpu);
	if (*mode == DECODE_64)
		return s->rip;
	vcpu_need(vcpu, STATE_SEG);
	return (u32)(s->rip + s->seg[SEG_CS].base);
}

/* mem_lock held for reading. Guest physical address of @linear: SERVED, RAISED or an error. */
int vcpu_translate(struct vcpu *vcpu, u64 linear, u8 access, u64 *gpa);

/* Our address of the byte at @linear, if the walk that is kept leads there still; else NULL. */
const u8 *vcpu_code_at(struct vcpu *vcpu, const struct fetch *f, u64 linear);

/*
 * The instruction at @linear; *insn is the caller's to keep from one call to the next, as @f is.
 * SERVED: it is in *insn. RAISED: the guest gets a page fault. -SWIVL_EOPNOTSUPP: not an instruction
 * (f->bytes are there), -SWIVL_EAGAIN: again where one may sleep, -SWIVL_EFAULT: no memory there.
 * Registers as collected for vcpu_decode_mode(), and CR3.
 */
int vcpu_fetch(struct vcpu *vcpu, struct fetch *f, struct insn *insn, enum decode_mode mode,
	       u64 linear);
/*
 * The same where the processor has fetched it already: nothing is raised. An error instead; with
 * -SWIVL_EFAULT *fault says what would have been.
 */
int vcpu_peek(struct vcpu *vcpu, struct fetch *f, struct insn *insn, enum decode_mode mode,
	      u64 linear, struct page_fault *fault);

#endif
