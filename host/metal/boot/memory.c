// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Memory maps: what is cut out of them and what has room where. BIOSes give entries unsorted, and
 * some that overlap: what any entry calls something else than usable is not usable.
 */
#include "host/metal/boot/loader.h"

/* Where an entry ends, which does not reach beyond the last address. */
static u64 end_of(const struct boot_memory *e)
{
	return e->size > ~0ull - e->base ? ~0ull : e->base + e->size;
}

static bool overlaps(const struct boot_memory *e, u64 base, u64 end)
{
	return e->base < end && base < end_of(e);
}

static bool append(struct memory_map *map, u64 base, u64 end, const struct boot_memory *as)
{
	if (base >= end)
		return true;
	if (map->count == MEMORY_MAX)
		return false;
	map->entry[map->count] = *as;
	map->entry[map->count].base = base;
	map->entry[map->count++].size = end - base;
	return true;
}

bool memory_reserve(struct memory_map *map, u64 base, u64 size)
{
	static struct memory_map old; /* too large for the stack */
	const struct boot_memory hidden = { .type = BOOT_MEMORY_RESERVED, .attributes = 1 };
	u64 end = base + size;
	bool ok = true;

	old = *map;
	map->count = 0;
	for (u32 i = 0; i < old.count; i++) {
		const struct boot_memory *e = &old.entry[i];
		u64 from = e->base > base ? e->base : base, to = end_of(e) < end ? end_of(e) : end;

		if (e->type != BOOT_MEMORY_USABLE || !overlaps(e, base, end)) {
			ok &= append(map, e->base, end_of(e), e);
			continue;
		}
		ok &= append(map, e->base, from, e) && append(map, from, to, &hidden) &&
		      append(map, to, end_of(e), e);
	}
	return ok;
}

u64 memory_place(const struct memory_map *map, u64 size, u64 align, u64 from, u64 to)
{
	u64 best = 0;

	for (u32 i = 0; i < map->count; i++) {
		const struct boot_memory *e = &map->entry[i];
		u64 low = e->base > from ? e->base : from;
		u64 high = end_of(e) < to ? end_of(e) : to;
		u32 j = 0;

		if (e->type != BOOT_MEMORY_USABLE)
			continue;
		/* Down from the entry's end, past whatever else is said about a part of it. */
		while (high >= low && high - low >= size) {
			u64 base = (high - size) & ~(align - 1);

			if (base < low)
				break;
			for (j = 0; j < map->count; j++)
				if (map->entry[j].type != BOOT_MEMORY_USABLE &&
				    overlaps(&map->entry[j], base, base + size))
					break;
			if (j == map->count) {
				best = base > best ? base : best;
				break;
			}
			high = map->entry[j].base;
		}
	}
	return best;
}

u64 memory_end_of_run(const struct memory_map *map, u64 base)
{
	u64 end = base;
	bool grown;

	do {
		grown = false;
		for (u32 i = 0; i < map->count; i++) {
			const struct boot_memory *e = &map->entry[i];

			if (e->type == BOOT_MEMORY_USABLE && e->base <= end && end_of(e) > end) {
				end = end_of(e);
				grown = true;
			}
		}
	} while (grown);
	for (u32 i = 0; i < map->count; i++) {
		const struct boot_memory *e = &map->entry[i];

		if (e->type != BOOT_MEMORY_USABLE && overlaps(e, base, end))
			end = e->base > base ? e->base : base;
	}
	return end;
}

u64 memory_top(const struct memory_map *map)
{
	u64 top = 0;

	for (u32 i = 0; i < map->count; i++)
		if (map->entry[i].type == BOOT_MEMORY_USABLE && end_of(&map->entry[i]) > top)
			top = end_of(&map->entry[i]);
	return top;
}
