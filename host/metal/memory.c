// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* core/host.h: memory. All that is given out lies in the range that the loader hid from the guest. */
#include "core/machine/machine.h"
#include "host/metal/metal.h"
#include "host/metal/pages.h"

extern u8 metal_link[], metal_end[];

static struct page_pool pool;
static struct host_spin lock;
/* From physical address to linear: at first where the loader has mapped our range. */
static u64 offset;

/* What describes the pages lies behind the image; pages up to its end are taken for good. */
void memory_start(void)
{
	u64 image = (u64)(metal_end - metal_link);
	u32 n = (u32)(metal.info.range_size / SWIVL_PAGE_SIZE);
	u64 end = image + n * sizeof(*pool.runs);

	host_spin_init(&lock);
	offset = (u64)metal_link - metal.info.range_base;
	pages_init(&pool, (u16 *)metal_end, n);
	pages_take(&pool, (u32)((end + SWIVL_PAGE_SIZE - 1) / SWIVL_PAGE_SIZE));
}

void memory_direct(void)
{
	u64 runs = host_page_pa(pool.runs), memory = host_page_pa(metal.memory);

	offset = DIRECT_MAP;
	pool.runs = host_page_va(runs);
	metal.memory = host_page_va(memory);
}

u32 memory_pages_free(void)
{
	return pool.n - pool.used;
}

u64 host_page_pa(const void *page)
{
	u64 va = (u64)page;

	return va >= (u64)metal_link ? va - (u64)metal_link + metal.info.range_base : va - offset;
}

void *host_page_va(u64 pa)
{
	return (void *)(pa + offset);
}

void *host_pages_alloc(unsigned int n)
{
	unsigned long flags = host_spin_lock(&lock);
	u32 first = pages_take(&pool, n);
	void *p;

	host_spin_unlock(&lock, flags);
	if (first == PAGES_NONE)
		return NULL;
	p = host_page_va(metal.info.range_base + first * SWIVL_PAGE_SIZE);
	return memset(p, 0, n * SWIVL_PAGE_SIZE);
}

void host_pages_free(void *pages, unsigned int n)
{
	unsigned long flags;
	u32 given;

	if (!pages)
		return;
	flags = host_spin_lock(&lock);
	given = pages_give(&pool,
			   (u32)((host_page_pa(pages) - metal.info.range_base) / SWIVL_PAGE_SIZE));
	host_spin_unlock(&lock, flags);
	if (!given || (n && given != n))
		metal_logf(BOOT_LOG_ERRORS, "memory: %u pages at %llx were not given out so", n,
			   (u64)pages);
}

/* The core asks for few things, once: whole pages waste little, and need no second allocator. */
void *host_alloc(size_t size)
{
	return host_pages_alloc((unsigned int)((size + SWIVL_PAGE_SIZE - 1) / SWIVL_PAGE_SIZE));
}

void host_free(void *p)
{
	host_pages_free(p, 0);
}

void *host_page_alloc(void)
{
	return host_pages_alloc(1);
}

void host_page_free(void *page)
{
	host_pages_free(page, 1);
}

/* ---- the caller's memory is the machine's: its address is the physical one ---------------------- */

void host_owner_init(struct host_owner *o)
{
}

void host_owner_free(struct host_owner *o)
{
}

/*
 * Nothing has to be kept in place. What the guest gets, the core may have to look at, be it a ROM
 * or a device.
 */
int host_user_pin(struct host_owner *o, u64 uaddr, unsigned int n, bool write, u64 *pa)
{
	u64 size = n * SWIVL_PAGE_SIZE;

	if (!host_user_range_ok(uaddr, size))
		return -SWIVL_EFAULT;
	if (!paging_map_direct(uaddr, size))
		return -SWIVL_ENOMEM;
	for (unsigned int i = 0; i < n; i++)
		pa[i] = uaddr + i * SWIVL_PAGE_SIZE;
	return (int)n;
}

bool machine_home_memory(u64 pa, u64 size)
{
	return host_user_range_ok(pa, size) && paging_map_direct(pa, size);
}

void host_user_unpin(struct host_owner *o, u64 pa, bool dirty)
{
}

bool host_user_range_ok(u64 uaddr, u64 size)
{
	const struct boot_info *i = &metal.info;
	u64 end = uaddr + size;

	if (end < uaddr || end > 1ull << DIRECT_BITS)
		return false;
	return end <= i->range_base || uaddr >= i->range_base + i->range_size;
}

/* There is no caller whose memory this could be. */
int host_copy_from_caller(void *dst, u64 uaddr, size_t size)
{
	return -SWIVL_EFAULT;
}

int host_copy_to_caller(u64 uaddr, const void *src, size_t size)
{
	return -SWIVL_EFAULT;
}

/* ---- what the compiler calls -------------------------------------------------------------------- */

void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	asm volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;

	asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	void *d = (u8 *)dst + n - 1;

	if ((u64)dst - (u64)src >= n)
		return memcpy(dst, src, n);
	src = (const u8 *)src + n - 1;
	asm volatile("std\n\trep movsb\n\tcld" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
