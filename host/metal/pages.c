// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "host/metal/pages.h"

void pages_init(struct page_pool *p, u16 *runs, u32 n)
{
	memset(runs, 0, n * sizeof(*runs));
	*p = (struct page_pool){ .runs = runs, .n = n };
}

static bool is_free(const struct page_pool *p, u32 first, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (p->runs[first + i])
			return false;
	return true;
}

/* The lowest that fits: allocations are few, nearly all at the start, and seldom given back. */
u32 pages_take(struct page_pool *p, u32 count)
{
	if (!count || count > PAGES_MAX_RUN || count > p->n - p->used)
		return PAGES_NONE;
	for (u32 first = 0; first <= p->n - count;) {
		if (p->runs[first] && p->runs[first] != PAGES_INSIDE) {
			first += p->runs[first];
			continue;
		}
		if (!is_free(p, first, count)) {
			first++;
			continue;
		}
		p->runs[first] = (u16)count;
		for (u32 i = 1; i < count; i++)
			p->runs[first + i] = PAGES_INSIDE;
		p->used += count;
		return first;
	}
	return PAGES_NONE;
}

u32 pages_give(struct page_pool *p, u32 first)
{
	u32 count;

	if (first >= p->n || !p->runs[first] || p->runs[first] == PAGES_INSIDE)
		return 0;
	count = p->runs[first];
	for (u32 i = 0; i < count; i++)
		p->runs[first + i] = 0;
	p->used -= count;
	return count;
}
