/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A guest with two tasks: what the tests and the fuzzer of task switches have in common. */
#ifndef SWIVL_TESTS_TASK_TEST_H
#define SWIVL_TESTS_TASK_TEST_H

#include "core/vm/vm.h"
#include "core/x86/regs.h"

#define GDT 0x1000u
#define GDT_ENTRIES 24
#define LDT_AT 0x1800u
#define OLD_TSS 0x2000u
#define NEW_TSS 0x3000u
#define OLD_STACK 0x5000u
#define NEW_STACK 0x6000u
#define CODE 0x7000u
#define DIRECTORY 0x8000u
#define DIRECTORY2 0x9000u
#define PAGE_TABLE 0xa000u

/* Selectors. */
#define CODE0 0x08u
#define DATA0 0x10u
#define CODE3 0x1bu
#define DATA3 0x23u
#define OLD 0x30u
#define NEW 0x38u
#define LDT 0x40u
#define OWN 0x48u /* the test's */

enum { CALL, IRET, JUMP, GATE };

/* The 32-bit and the 16-bit TSS, as the manual draws them (SDM vol. 3, 8.2.1 and 8.6). */
struct tss {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
	u16 trap, map;
};
struct tss16 {
	u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags;
	u16 ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};
_Static_assert(sizeof(struct tss) == 104 && sizeof(struct tss16) == 44, "as the manual has them");

static inline u64 descriptor(u32 base, u32 limit, u32 attr)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xf0ff) << 40 |
	       (u64)(limit >> 16 & 15) << 48 | (u64)(base >> 24) << 56;
}

#define FLAT_CODE 0xc09b
#define FLAT_DATA 0xc093
#define DPL3 0x60
#define TSS_FREE 0x89
#define TSS_BUSY 0x8b

static inline const char *bad_segment(const struct segment *s, unsigned int n, unsigned int cpl,
				      bool vm86)
{
	unsigned int type = s->attr & 15, dpl = s->attr >> 5 & 3;

	if (s->attr & SEG_ATTR_UNUSABLE)
		return n == SEG_CS || n == SEG_TR ? "unusable" : NULL;
	if (vm86 && n <= SEG_GS)
		return s->attr == 0xf3 && s->limit == 0xffff && s->base == (u64)s->selector << 4
			       ? NULL
			       : "vm86";
	if (!(s->attr & SEG_ATTR_P) || s->attr & 0xf00 || s->base >> 32)
		return "attributes";
	if (!!(s->attr & SEG_ATTR_S) != (n <= SEG_GS))
		return "S";
	if (s->attr & SEG_ATTR_G ? (s->limit & 0xfff) != 0xfff : s->limit >> 20)
		return "granularity";
	if (n == SEG_TR)
		return (type == 3 || type == 11) && !(s->selector & 4) ? NULL : "type";
	if (n == SEG_LDTR)
		return type == 2 && !(s->selector & 4) ? NULL : "type";
	if (!(type & 1))
		return "accessed";
	if (n == SEG_CS)
		return !(type & 8) ? "type" : (type & 4 ? dpl <= cpl : dpl == cpl) ? NULL : "DPL";
	if (n == SEG_SS)
		return (type & 0xb) != 3 ? "type" : dpl == cpl ? NULL : "DPL";
	return (type & 8) && !(type & 2) ? "type" : NULL;
}

/* What an entry would be refused for (SDM vol. 3, 27.3.1), or NULL. */
static inline const char *refused(const struct vcpu_state *s)
{
	unsigned int cpl = s->seg[SEG_SS].attr >> 5 & 3;
	bool vm86 = s->rflags & RFLAGS_VM;
	const char *why;

	if (s->rip >> 32 || (s->rflags & ~RFLAGS_DEFINED) || !(s->rflags & RFLAGS_ONE))
		return "RIP or RFLAGS";
	if (vm86 && cpl != 3)
		return "CPL";
	if (s->shadow & (SHADOW_STI | SHADOW_MOV_SS))
		return "shadow";
	for (unsigned int n = 0; n < SEGS; n++) {
		why = bad_segment(&s->seg[n], n, cpl, vm86);
		if (why)
			return why;
	}
	return NULL;
}

#endif
