// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Linear addresses (SDM vol. 3, 4.5). No page is both writable and executable; the image's code and
 * constants are not writable in the map of all memory either.
 */
#include "core/x86/cpu.h"
#include "core/x86/regs.h"
#include "host/metal/metal.h"

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_UNCACHED (3ull << 3) /* PWT and PCD: entry 3 of the PAT, which every reset makes UC */
#define PTE_ACCESSED (3ull << 5) /* and dirty: the processor need not write it */
#define PTE_LARGE (1ull << 7)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull
#define ENTRIES 512

extern u8 metal_link[], metal_text[], metal_data[], metal_end[];

u64 metal_cr3;
static struct host_spin lock;
static u64 no_execute;
static unsigned int largest; /* level of the largest page: 2, or 3 for 1 GiB */
static u64 next_device = DEVICE_MAP;

static u64 page_size(unsigned int level)
{
	return SWIVL_PAGE_SIZE << 9 * (level - 1);
}

/* The entry of @va at @level, or the large page in which it is; NULL: no memory for a table. */
static u64 *entry_of(u64 va, unsigned int level)
{
	u64 *table = host_page_va(metal_cr3);

	for (unsigned int l = 4;; l--) {
		u64 *entry = &table[va >> (12 + 9 * (l - 1)) & (ENTRIES - 1)];

		if (l == level || (*entry & PTE_LARGE))
			return entry;
		if (!(*entry & PTE_PRESENT)) {
			void *page = host_page_alloc();

			if (!page)
				return NULL;
			*entry = host_page_pa(page) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
		}
		table = host_page_va(*entry & PTE_ADDRESS);
	}
}

static u64 leaf(u64 pa, unsigned int level, u32 flags)
{
	u64 value = pa | PTE_PRESENT | PTE_ACCESSED;

	if (level > 1)
		value |= PTE_LARGE;
	if (flags & MAP_WRITE)
		value |= PTE_WRITE;
	if (!(flags & MAP_EXECUTE))
		value |= no_execute;
	if (flags & MAP_DEVICE)
		value |= PTE_UNCACHED;
	return value;
}

/* With the largest pages that fit, up to @level. What is mapped already stays as it is. */
static bool map(u64 va, u64 pa, u64 size, u32 flags, unsigned int level)
{
	while (size) {
		unsigned int l = level;
		u64 *entry;

		while (l > 1 && (((va | pa) & (page_size(l) - 1)) || size < page_size(l)))
			l--;
		entry = entry_of(va, l);
		if (!entry)
			return false;
		if (!(*entry & PTE_PRESENT))
			*entry = leaf(pa, l, flags);
		else if (l > 1 && !(*entry & PTE_LARGE) && !map(va, pa, page_size(l), flags, l - 1))
			return false;
		va += page_size(l);
		pa += page_size(l);
		size -= page_size(l);
	}
	return true;
}

bool paging_map(u64 va, u64 pa, u64 size, u32 flags)
{
	return map(va, pa, size, flags, 1);
}

void *paging_map_device(u64 pa, u64 size)
{
	u64 page = pa & ~(SWIVL_PAGE_SIZE - 1), va = next_device;

	size = ((pa + size + SWIVL_PAGE_SIZE - 1) & ~(SWIVL_PAGE_SIZE - 1)) - page;
	if (!paging_map(va, page, size, MAP_WRITE | MAP_DEVICE))
		return NULL;
	next_device += size;
	return (void *)(va + (pa - page));
}

static bool map_image(void)
{
	u64 base = metal.info.range_base, link = (u64)metal_link;
	u64 text = (u64)metal_text, data = (u64)metal_data, end = (u64)metal_end;
	u64 constant = data - link;

	return paging_map(link, base, text - link, 0) &&
	       paging_map(text, base + text - link, data - text, MAP_EXECUTE) &&
	       paging_map(data, base + data - link, end - data, MAP_WRITE) &&
	       map(DIRECT_MAP + base, base, constant, 0, 1) &&
	       map(DIRECT_MAP + base + constant, base + constant, metal.info.range_size - constant,
		   MAP_WRITE, 2);
}

/* Whole pages of a range of the BIOS, without what lies in our own. */
static bool map_memory(u64 from, u64 to)
{
	u64 ours = metal.info.range_base, end = ours + metal.info.range_size;

	from = (from + SWIVL_PAGE_SIZE - 1) & ~(SWIVL_PAGE_SIZE - 1);
	to &= ~(SWIVL_PAGE_SIZE - 1);
	if (to > 1ull << DIRECT_BITS)
		to = 1ull << DIRECT_BITS;
	if (from >= to)
		return true;
	if (from < end && to > ours)
		return (from >= ours || map_memory(from, ours)) && (to <= end || map_memory(end, to));
	return map(DIRECT_MAP + from, from, to - from, MAP_WRITE, largest);
}

#define FIRST_MIB 0x100000ull
/* ACPI tables; what the firmware keeps through sleep. */
#define MEMORY_ACPI 3
#define MEMORY_ACPI_NVS 4

static bool is_memory_type(u32 type)
{
	return type == BOOT_MEMORY_USABLE || type == MEMORY_ACPI || type == MEMORY_ACPI_NVS;
}

/* @reserved: also what the BIOS keeps for itself, be it memory or not. */
static bool in_bios_memory(u64 pa, u64 end, bool reserved)
{
	if (end <= FIRST_MIB)
		return true;
	for (u32 i = 0; i < metal.memory_count; i++) {
		const struct boot_memory *m = &metal.memory[i];

		if (!is_memory_type(m->type) && !(reserved && m->type == BOOT_MEMORY_RESERVED))
			continue;
		if (pa >= m->base && end - m->base <= m->size)
			return true;
	}
	return false;
}

/* Tables of the firmware are mostly in memory of a type of their own, SeaBIOS' in reserved one. */
const void *paging_firmware(void *arg, u64 pa, u32 size)
{
	if (!host_user_range_ok(pa, size) || !in_bios_memory(pa, pa + size, true))
		return NULL;
	return paging_map_direct(pa, size) ? host_page_va(pa) : NULL;
}

/* Is there anything of the BIOS' memory in it? */
static bool touches_memory(u64 pa, u64 end)
{
	if (pa < FIRST_MIB)
		return true;
	for (u32 i = 0; i < metal.memory_count; i++) {
		const struct boot_memory *m = &metal.memory[i];

		if (is_memory_type(m->type) && pa < m->base + m->size && m->base < end)
			return true;
	}
	return false;
}

/* All that is not memory is uncached for us, whatever it is: that goes with large pages, too. */
bool paging_map_direct(u64 pa, u64 size)
{
	u64 at = pa & ~(SWIVL_PAGE_SIZE - 1), end = pa + size;
	unsigned long flags;
	bool ok = true;

	if (in_bios_memory(pa, end, false))
		return true; /* from the start */
	flags = host_spin_lock(&lock);
	while (ok && at < end) {
		unsigned int l = largest;

		while (l > 1 && ((at & (page_size(l) - 1)) || end - at < page_size(l) ||
				 (touches_memory(at, at + page_size(l)) &&
				  !in_bios_memory(at, at + page_size(l), false))))
			l--;
		ok = in_bios_memory(at, at + page_size(l), false) ||
		     map(DIRECT_MAP + at, at, page_size(l), MAP_WRITE | MAP_DEVICE, l);
		at += page_size(l);
	}
	host_spin_unlock(&lock, flags);
	return ok;
}

bool paging_create(u64 *cr3)
{
	u32 features = x86_cpuid(0x80000001, 0).edx;
	void *root = host_page_alloc();

	if (!root)
		return false;
	host_spin_init(&lock);
	*cr3 = metal_cr3 = host_page_pa(root);
	no_execute = features & 1u << 20 ? PTE_NX : 0;
	largest = features & 1u << 26 ? 3 : 2;
	if (!map_image() || !map(DIRECT_MAP, 0, FIRST_MIB, MAP_WRITE, 1))
		return false;
	for (u32 i = 0; i < metal.memory_count; i++) {
		const struct boot_memory *m = &metal.memory[i];
		u64 base = m->base < FIRST_MIB ? FIRST_MIB : m->base;

		if (is_memory_type(m->type) && m->base + m->size > base &&
		    !map_memory(base, m->base + m->size))
			return false;
	}
	return true;
}
