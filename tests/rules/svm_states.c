// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "tests/rules/svm_states.h"

#include "core/rules/svm.h"

/* The page tables of start.S, which map the first 4 GiB to themselves. */
extern u64 pml4[];

static u8 iopm[0x3000] __attribute__((__aligned__(4096)));
static u8 msrpm[0x2000] __attribute__((__aligned__(4096)));

static const struct base {
	u64 cr0, cr4, efer, rflags;
	u16 cs, data; /* attributes */
	u8 cpl;
	bool nested;
} bases[] = {
#define PAGED (CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define LONG (EFER_SVME | EFER_LME | EFER_LMA | EFER_SCE)
	{ PAGED, CR4_PAE, LONG, 2, 0xa9b, 0xc93, 0, false },
	{ PAGED, CR4_PAE | CR4_PGE | CR4_OSFXSR, LONG | EFER_NXE, 2, 0xa9b, 0xc93, 0, true },
	{ PAGED, CR4_PAE, LONG, 2, 0xcfb, 0xcf3, 3, true }, /* compatibility mode */
	{ PAGED, CR4_PAE, EFER_SVME, 2, 0xc9b, 0xc93, 0, true },
	{ PAGED, CR4_PSE, EFER_SVME, 2, 0xc9b, 0xc93, 0, false },
	{ CR0_PE | CR0_ET, 0, EFER_SVME, 2, 0xc9b, 0xc93, 0, true }, /* without paging */
	{ CR0_ET | CR0_CD | CR0_NW, 0, EFER_SVME, 2, 0x09b, 0x093, 0, true }, /* real mode, reset */
	{ PAGED, CR4_VME, EFER_SVME, RFLAGS_VM | RFLAGS_IF | 2, 0x0f3, 0x0f3, 3, true },
};
const char *const base_names[] = {
	"64-bit", "64-bit, nested paging", "compatibility", "PAE", "32-bit paging", "protected",
	"real",   "virtual-8086",
};
_Static_assert(ARRAY_SIZE(bases) == ARRAY_SIZE(base_names), "each base has a name");

static struct vmcb_segment segment(u16 selector, u16 attr)
{
	struct vmcb_segment s = { selector, attr, attr & 0x800 ? ~0u : 0xffff, 0 };

	return s;
}

static void build_base(struct vmcb *vmcb, const struct base *b)
{
	struct vmcb_control *c = &vmcb->control;
	struct vmcb_save *s = &vmcb->save;

	memset(vmcb, 0, sizeof(*vmcb));
	c->intercepts = INTERCEPT_NMI | INTERCEPT_INTR | INTERCEPT_HLT | INTERCEPT_SHUTDOWN;
	c->intercepts2 = INTERCEPT2_VMRUN | INTERCEPT2_VMMCALL;
	c->iopm_pa = (size_t)iopm;
	c->msrpm_pa = (size_t)msrpm;
	c->asid = 1;
	c->nested_paging = b->nested;
	c->nested_cr3 = (size_t)pml4;
	s->cs = segment(8, b->cs);
	s->ss = s->ds = s->es = s->fs = s->gs = segment(16, b->data);
	s->ldtr = segment(0, 0x082);
	s->tr = segment(0, 0x08b);
	s->cpl = b->cpl;
	s->efer = b->efer;
	s->cr0 = b->cr0;
	s->cr4 = b->cr4;
	s->cr3 = (size_t)pml4;
	s->dr6 = DR6_ONES;
	s->dr7 = DR7_ONE;
	s->rflags = b->rflags;
	s->rip = 0x1000;
	s->rsp = 0x1000;
	s->g_pat = PAT_RESET;
}

static u64 load(const struct vmcb *vmcb, const struct change *c)
{
	u64 value = 0;

	memcpy(&value, (const u8 *)vmcb + c->what, c->bytes);
	return value;
}

void build_state(struct vmcb *vmcb, const struct state *s, u32 which)
{
	build_base(vmcb, &bases[s->base]);
	for (u32 i = 0; i < s->changes; i++)
		if (which >> i & 1)
			memcpy((u8 *)vmcb + s->change[i].what, &s->change[i].value,
			       s->change[i].bytes);
	/*
	 * An event must not find a handler: what a guest does here is to end. Otherwise the pending
	 * NMI that is intercepted ends it before its first instruction.
	 */
	if (vmcb->control.event_inj & EVENT_INJ_VALID ||
	    !(vmcb->control.intercepts & INTERCEPT_NMI)) {
		vmcb->save.idtr.limit = 0;
		/* Bochs dies of a guest's triple fault: the first fault ends it. */
		vmcb->control.exceptions |= 1u << VECTOR_GP | 1u << VECTOR_DF | 1u << VECTOR_NP |
					    1u << VECTOR_SS | 1u << VECTOR_PF;
	}
	/*
	 * QEMU 7.2 leaves such a guest with the host's CR0 not loaded, if its checks come that far,
	 * and the host dies (15.6: #VMEXIT loads CR0). Without paging CR4.PAE is nothing to any rule.
	 */
	if (vmcb->save.efer & EFER_LME && !(vmcb->save.cr0 & CR0_PG))
		vmcb->save.cr4 |= CR4_PAE;
}

/* EVENTINJ is worth an idea of its own: at random, one in two is not valid. */
static u64 event(struct random *r)
{
	u64 value = EVENT_INJ_VALID | (u64)random_below(r, 8) << 8;

	value |= random_below(r, 2) ? random_below(r, 34) : random_below(r, 256);
	if (random_below(r, 4))
		value = (value & ~0x700ull) | INJ_EXCEPTION << 8;
	return random_below(r, 2) ? value : value | EVENT_INJ_ERROR | random_next(r) << 32;
}

static const u16 hot[] = { 0x558, 0x548, 0x4d0, 0x550, 0x412, 0x0a8, 0x0b0, 0x668,
			   0x048, 0x040, 0x058, 0x010, 0x00c, 0x560, 0x568, 0x090 };

u32 single_bits(void)
{
	u32 bits = 0;

	for (u32 i = 0; i < SVM_FIELD_COUNT; i++)
		bits += 8 * rules_svm_bytes(i);
	return bits;
}

static void single_bit(struct state *s, u32 bit)
{
	struct vmcb vmcb;
	u32 i = 0;

	for (; bit >= 8 * rules_svm_bytes(i); i++)
		bit -= 8 * rules_svm_bytes(i);
	s->changes = 1;
	s->change[0].what = (u16)rules_svm_offset(i);
	s->change[0].bytes = (u8)rules_svm_bytes(i);
	build_base(&vmcb, &bases[s->base]);
	s->change[0].value = load(&vmcb, &s->change[0]) ^ 1ull << bit;
}

void choose_state(struct state *s, u64 seed, u64 n, u32 physical_bits)
{
	struct random r = { seed * 0x9e3779b97f4a7c15ull ^ n << 20 };
	struct vmcb vmcb;

	s->base = random_below(&r, ARRAY_SIZE(bases));
	if (n < single_bits()) {
		single_bit(s, (u32)n);
		return;
	}
	build_base(&vmcb, &bases[s->base]);
	s->changes = 1 + random_below(&r, MAX_CHANGES);
	for (u32 i = 0; i < s->changes; i++) {
		struct change *c = &s->change[i];
		u32 kind = random_below(&r, 20);
		int field;

		if (kind == 0) { /* what no field lies in, too */
			c->what = (u16)(random_below(&r, 512) * 8);
			c->bytes = 8;
		} else {
			field = kind < 12 ? rules_svm_field(hot[random_below(&r, ARRAY_SIZE(hot))])
					  : (int)random_below(&r, SVM_FIELD_COUNT);
			c->what = (u16)rules_svm_offset((u32)field);
			c->bytes = (u8)rules_svm_bytes((u32)field);
		}
		c->value = c->what == 0x0a8 && random_below(&r, 3)
				   ? event(&r)
				   : interesting(&r, load(&vmcb, c), 8u * c->bytes, physical_bits);
		if (c->bytes < 8)
			c->value &= (1ull << 8 * c->bytes) - 1;
	}
}
