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
	u8 bytes[INSN_MAX_LENGTH + 1]; /* as two words, for comparing */
	u64 mask[2]; /* which of them are the instruction */
	u8 nbytes;
	bool decoded; /* the caller's insn is good, for a code segment of @mode */
	u8 mode; /* enum decode_mode */

	/* the walk, to be made again by comparing */
	u64 page; /* fetch_page() of it; 0: the walk cannot be checked again */
	const u8 *code; /* our address of it */
	u64 cr0, cr3, cr4, efer, generation;
	unsigned int cpl;
	u8 depth;
	struct fetch_entry {
		const u64 *where; /* its own value, where the walk has fewer */
		u64 value;
	} entry[4];
};

/* What decides how a linear address is translated. */
struct fetch_by {
	u64 cr0, cr3, cr4, efer;
	unsigned int cpl;
};

/* Linear address of the page, never 0. */
static inline u64 fetch_page(u64 linear)
{
	return (linear & ~(SWIVL_PAGE_SIZE - 1)) | 1;
}

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

/*
 * Would the walk to @linear be the one that is kept? The guest's tables are looked at only where they
 * are known to be mapped still.
 */
static inline bool fetch_leads(const struct vcpu *vcpu, const struct fetch *f, u64 linear,
			       const struct fetch_by *by)
{
	const struct fetch_entry *e = f->entry;
	u64 differ = (f->page ^ fetch_page(linear)) | (f->cr3 ^ by->cr3) |
		     (f->cr0 ^ by->cr0) | (f->cr4 ^ by->cr4) | (f->efer ^ by->efer) |
		     (f->generation ^ vcpu->vm->stage2.generation) | (f->cpl ^ by->cpl);

	if (differ)
		return false;
#pragma GCC unroll 4
	for (unsigned int i = 0; i < ARRAY_SIZE(f->entry); i++)
		differ |= __atomic_load_n(e[i].where, __ATOMIC_RELAXED) ^ e[i].value;
	return !differ;
}

/* The same; CR and MODE in memory, and CR3. */
static inline bool fetch_leads_there(const struct vcpu *vcpu, const struct fetch *f, u64 linear)
{
	const struct vcpu_state *s = &vcpu->state;
	const struct fetch_by by = {
		s->cr0, s->cr3, s->cr4, s->efer,
		s->cr0 & CR0_PE ? s->seg[SEG_SS].attr >> SEG_ATTR_DPL_SHIFT & 3 : 0,
	};

	return fetch_leads(vcpu, f, linear, &by);
}

/* And is it the same instruction that stands there? Those near the end of a page are looked at anew. */
static inline bool fetch_is_same(const struct vcpu *vcpu, const struct fetch *f, u64 linear,
				 enum decode_mode mode)
{
	u64 offset = linear & (SWIVL_PAGE_SIZE - 1), now[2], then[2];

	if (!f->decoded || f->mode != mode || offset > SWIVL_PAGE_SIZE - sizeof(now) ||
	    !fetch_leads_there(vcpu, f, linear))
		return false;
	memcpy(now, f->code + offset, sizeof(now));
	memcpy(then, f->bytes, sizeof(then));
	return !(((now[0] ^ then[0]) & f->mask[0]) | ((now[1] ^ then[1]) & f->mask[1]));
}

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
