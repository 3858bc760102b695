/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The walker of the guest's own page tables: no paging, 32-bit, PAE and 4-level paging (SDM vol. 3
 * chapter 4). 5-level paging, protection keys and shadow stacks are not offered to guests.
 */
#ifndef SWIVL_CORE_X86_WALK_H
#define SWIVL_CORE_X86_WALK_H

#include "core/types.h"

/* What for. 0 asks for the translation alone: no rights are checked, no bits are set. */
enum access {
	ACCESS_READ = 1,
	ACCESS_WRITE = 2,
	ACCESS_EXEC = 4,
	ACCESS_USER = 8, /* CPL is 3 */
	ACCESS_IMPLICIT = 16, /* descriptor tables and the like: supervisor at any CPL */
};

/* Is this a linear address where 48 bits of 64 are translated? */
static inline bool is_canonical(u64 linear)
{
	return (u64)((s64)(linear << 16) >> 16) == linear;
}

struct page_fault {
	u64 address; /* for CR2 */
	u32 error; /* error code of the #PF, SDM vol. 3 4.7 */
};

struct walk_ctx {
	u64 cr0, cr3, cr4, efer, rflags;
	const u64 *pdpte; /* PAE: the four that the processor holds; NULL: those in memory */
	u8 phys_bits; /* the guest's MAXPHYADDR, 32..52 */

	void *arg; /* for the two below */
	/* The table entry at gpa, 4 or 8 bytes; 0 or an error that ends the walk. */
	int (*read)(void *arg, u64 gpa, void *entry, size_t size);
	/*
	 * Accessed and dirty bits: replace the entry at gpa if it still is old, atomically. 0: done,
	 * 1: it is another one by now, or an error that ends the walk. NULL: they are not set.
	 */
	int (*update)(void *arg, u64 gpa, u64 old, u64 new, size_t size);
};

/*
 * Where gva leads: 0 and *gpa; -SWIVL_EFAULT and *fault for a page fault; -SWIVL_EINVAL for an
 * address that is not canonical; -SWIVL_EOPNOTSUPP for 5-level paging; -SWIVL_EAGAIN when the
 * tables do not stop changing; else what a callback returned.
 */
int guest_walk(const struct walk_ctx *ctx, u64 gva, unsigned int access, u64 *gpa,
	       struct page_fault *fault);

#endif
