/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The page allocator: one number a page, so that a run of any length can be given back by its
 * address alone, and a second time cannot. Pure: knows no addresses, only page numbers.
 */
#ifndef SWIVL_METAL_PAGES_H
#define SWIVL_METAL_PAGES_H

#include "core/types.h"

struct page_pool {
	u16 *runs; /* @n of them: 0 free; length of the run that begins here; PAGES_INSIDE */
	u32 n, used;
};

#define PAGES_INSIDE 0xffffu
#define PAGES_MAX_RUN 0xfffeu
#define PAGES_NONE (~0u)

/* @runs is room for @n numbers; all pages are free. */
void pages_init(struct page_pool *p, u16 *runs, u32 n);
/* Number of the first of @count consecutive pages, or PAGES_NONE. */
u32 pages_take(struct page_pool *p, u32 count);
/* Give the run that begins at @first back; its length, or 0: none begins there. */
u32 pages_give(struct page_pool *p, u32 first);

#endif
