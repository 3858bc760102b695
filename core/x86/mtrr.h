/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Memory types by the memory type range registers (SDM vol. 3, 12.11; APM vol. 2, 7.7). Pure, but
 * for mtrr_read().
 */
#ifndef SWIVL_CORE_X86_MTRR_H
#define SWIVL_CORE_X86_MTRR_H

#include "core/types.h"

enum memory_type { MEMORY_UC = 0, MEMORY_WC = 1, MEMORY_WT = 4, MEMORY_WP = 5, MEMORY_WB = 6 };

#define MTRR_MAX_VARIABLE 32
#define MTRR_FIXED 11

struct mtrrs {
	u64 cap, def; /* IA32_MTRRCAP, IA32_MTRR_DEF_TYPE */
	u64 fixed[MTRR_FIXED]; /* 64K, 16K at 80000h and A0000h, 4K from C0000h on */
	u64 variable[MTRR_MAX_VARIABLE][2]; /* base and mask */
	u64 address; /* bits that a physical address may have */
};

/* This processor's. All is write-back on one without them. */
void mtrr_read(struct mtrrs *m);
/*
 * Type of the @size bytes at @pa, a power of two and aligned. Where more than one type is in there,
 * the one that is safe for all of it.
 */
enum memory_type mtrr_type(const struct mtrrs *m, u64 pa, u64 size);
/* Is the type the same everywhere in it? */
bool mtrr_uniform(const struct mtrrs *m, u64 pa, u64 size);

/* Is every page's type the same by both? False also where they come to it on other ways. */
bool mtrr_same(const struct mtrrs *a, const struct mtrrs *b);
/* Are they in force? All is uncached where they are not. */
bool mtrr_enabled(const struct mtrrs *m);

#endif
