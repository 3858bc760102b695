// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/vm/stage2.h"
#include "core/host.h"
#include "core/vendor.h"
#include "core/x86/mtrr.h"

#define ENTRIES 512

static unsigned int level_shift(unsigned int level)
{
	return SWIVL_PAGE_SHIFT + 9 * (level - 1);
}

static unsigned int level_index(u64 gpa, unsigned int level)
{
	return (gpa >> level_shift(level)) & (ENTRIES - 1);
}

static u64 entry_load(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static bool entry_present(u64 entry)
{
	return entry & vendor->stage2->present;
}

/* The highest level's entries never have the bit. */
static bool entry_is_leaf(u64 entry, unsigned int level)
{
	return level == 1 || (entry & vendor->stage2->large);
}

static u64 *entry_table(u64 entry)
{
	return host_page_va(entry & STAGE2_ADDR);
}

int stage2_init(struct stage2 *s2)
{
	s2->root = host_page_alloc();
	if (!s2->root)
		return -SWIVL_ENOMEM;
	s2->root_pa = host_page_pa(s2->root);
	host_owner_init(&s2->owner);
	s2->pages = 1;
	s2->generation = 0;
	return 0;
}

void stage2_free(struct stage2 *s2)
{
	if (!s2->root)
		return;
	stage2_unmap(s2, 0, 1ull << STAGE2_BITS);
	host_page_free(s2->root);
	host_owner_free(&s2->owner);
	s2->root = NULL;
	s2->pages = 0;
}

/* The lowest entry that exists on the way to @gpa, not below @stop; its level and what it holds. */
static u64 *walk(struct stage2 *s2, u64 gpa, unsigned int stop, unsigned int *level, u64 *found)
{
	u64 *table = s2->root;
	unsigned int l;

	for (l = STAGE2_LEVELS;; l--) {
		u64 *entry = &table[level_index(gpa, l)];
		u64 value = entry_load(entry);

		if (l == stop || !entry_present(value) || entry_is_leaf(value, l)) {
			*level = l;
			*found = value;
			return entry;
		}
		table = entry_table(value);
	}
}

u64 *stage2_find(struct stage2 *s2, u64 gpa, unsigned int *level, u64 *value)
{
	u64 *entry;

	if (gpa >> STAGE2_BITS)
		return NULL;
	entry = walk(s2, gpa, 1, level, value);
	return entry_present(*value) ? entry : NULL;
}

bool stage2_large_free(struct stage2 *s2, u64 gpa)
{
	unsigned int level;
	u64 value;

	walk(s2, gpa, 2, &level, &value);
	return !entry_present(value);
}

/* Put a new table into an entry that is empty, unless somebody else was faster. */
static int add_table(struct stage2 *s2, u64 *entry)
{
	u64 nothing = 0;
	void *page = host_page_alloc();

	if (!page)
		return -SWIVL_ENOMEM;
	if (__atomic_compare_exchange_n(entry, &nothing, host_page_pa(page) | vendor->stage2->table,
					false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		__atomic_fetch_add(&s2->pages, 1, __ATOMIC_RELAXED);
	else
		host_page_free(page);
	return 0;
}

/* What every leaf has, and its memory type. */
static u64 leaf_bits(const struct stage2 *s2, u64 pa, unsigned int level)
{
	const struct stage2_format *fmt = vendor->stage2;

	if (!s2->mtrrs || !fmt->type)
		return fmt->leaf;
	return (fmt->leaf & ~fmt->type) |
	       (u64)mtrr_type(s2->mtrrs, pa, 1ull << level_shift(level)) << fmt->type_shift;
}

int stage2_map(struct stage2 *s2, u64 gpa, u64 pa, unsigned int level, u32 flags)
{
	const struct stage2_format *fmt = vendor->stage2;
	u64 leaf = pa | leaf_bits(s2, pa, level), nothing = 0, value;
	unsigned int l;
	u64 *entry;

	if (gpa >> STAGE2_BITS)
		return -SWIVL_EINVAL;
	for (;;) {
		entry = walk(s2, gpa, level, &l, &value);
		if (l == level)
			break;
		if (entry_present(value))
			return -SWIVL_EEXIST; /* a larger leaf */
		if (add_table(s2, entry))
			return -SWIVL_ENOMEM;
	}
	if (level > 1)
		leaf = (leaf | fmt->large) & ~(s2->no_large_exec ? fmt->exec : 0);
	if (flags & STAGE2_MAP_WRITE)
		leaf |= fmt->write;
	if (flags & STAGE2_MAP_PINNED_WRITE)
		leaf |= STAGE2_PINNED_WRITE;
	if (!__atomic_compare_exchange_n(entry, &nothing, leaf, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return -SWIVL_EEXIST;
	return 0;
}

int stage2_split(struct stage2 *s2, u64 *leaf, unsigned int level, u64 value)
{
	const struct stage2_format *fmt = vendor->stage2;
	u64 *table = host_page_alloc(), small;

	if (!table)
		return -SWIVL_ENOMEM;
	small = stage2_leaf_pa(value, level, 0) | (fmt->leaf & ~fmt->type) | (value & fmt->type);
	small |= value & (fmt->write | STAGE2_PINNED_WRITE);
	if (level > 2)
		small = (small | fmt->large) & ~(s2->no_large_exec ? fmt->exec : 0);
	for (unsigned int i = 0; i < ENTRIES; i++)
		table[i] = small + ((u64)i << level_shift(level - 1));
	/* What a processor has cached of the large leaf leads to the same memory. */
	if (__atomic_compare_exchange_n(leaf, &value, host_page_pa(table) | fmt->table, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		__atomic_fetch_add(&s2->pages, 1, __ATOMIC_RELAXED);
	else
		host_page_free(table);
	return 0;
}

void stage2_allow_write(u64 *leaf)
{
	__atomic_fetch_or(leaf, vendor->stage2->write, __ATOMIC_ACQ_REL);
}

u64 stage2_leaf_pa(u64 leaf, unsigned int level, u64 gpa)
{
	u64 mask = (1ull << level_shift(level)) - 1;

	return (leaf & STAGE2_ADDR & ~mask) | (gpa & mask);
}

static void unpin_leaf(struct stage2 *s2, u64 leaf, unsigned int level)
{
	u64 pa = stage2_leaf_pa(leaf, level, 0);
	u64 end = pa + (1ull << level_shift(level));

	for (; pa < end; pa += SWIVL_PAGE_SIZE)
		host_user_unpin(&s2->owner, pa, leaf & STAGE2_PINNED_WRITE);
}

static bool table_empty(const u64 *table)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		if (table[i])
			return false;
	return true;
}

typedef bool (*leaf_fn)(struct stage2 *s2, u64 *entry, unsigned int level);

static bool leaf_remove(struct stage2 *s2, u64 *entry, unsigned int level)
{
	unpin_leaf(s2, *entry, level);
	*entry = 0;
	return true;
}

static bool leaf_protect(struct stage2 *s2, u64 *entry, unsigned int level)
{
	bool had = *entry & vendor->stage2->write;

	*entry &= ~vendor->stage2->write;
	return had;
}

/*
 * Call @fn for each leaf of [gpa, end) below @table, and give back tables that it emptied. No
 * vCPU is in the guest, so no processor walks the tables now; what it has cached is flushed
 * before the next entry, so a table's page can go at once. At most four levels deep.
 */
static bool for_leaves(struct stage2 *s2, u64 *table, unsigned int level, u64 gpa, u64 end,
		       leaf_fn fn)
{
	u64 size = 1ull << level_shift(level), next;
	bool any = false;

	for (; gpa < end; gpa = next) {
		u64 *entry = &table[level_index(gpa, level)];
		u64 *sub;

		next = (gpa | (size - 1)) + 1;
		if (!entry_present(*entry))
			continue;
		if (entry_is_leaf(*entry, level)) {
			any |= fn(s2, entry, level);
			continue;
		}
		sub = entry_table(*entry);
		any |= for_leaves(s2, sub, level - 1, gpa, next < end ? next : end, fn);
		host_yield(); /* there may be millions */
		if (fn == leaf_remove && table_empty(sub)) {
			*entry = 0;
			host_page_free(sub);
			s2->pages--;
		}
	}
	return any;
}

void stage2_unmap(struct stage2 *s2, u64 gpa, u64 size)
{
	s2->generation += for_leaves(s2, s2->root, STAGE2_LEVELS, gpa, gpa + size, leaf_remove);
}

void stage2_write_protect(struct stage2 *s2, u64 gpa, u64 size)
{
	s2->generation += for_leaves(s2, s2->root, STAGE2_LEVELS, gpa, gpa + size, leaf_protect);
}

static bool leaf_retype(struct stage2 *s2, u64 *entry, unsigned int level)
{
	u64 old = entry_load(entry), new, pa = stage2_leaf_pa(old, level, 0), *table;
	u64 size = 1ull << level_shift(level);

	/* Without memory for a table it is uncached as a whole. */
	if (!mtrr_uniform(s2->mtrrs, pa, size) && !stage2_split(s2, entry, level, old)) {
		table = entry_table(*entry);
		for (unsigned int i = 0; i < ENTRIES; i++)
			leaf_retype(s2, &table[i], level - 1);
		return true;
	}
	if (!vendor->stage2->type)
		return false;
	new = (old & ~vendor->stage2->type) | (leaf_bits(s2, pa, level) & vendor->stage2->type);
	__atomic_store_n(entry, new, __ATOMIC_RELEASE);
	return new != old;
}

void stage2_retype(struct stage2 *s2)
{
	s2->generation += for_leaves(s2, s2->root, STAGE2_LEVELS, 0, 1ull << STAGE2_BITS, leaf_retype);
}
