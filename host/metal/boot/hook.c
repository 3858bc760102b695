// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Memory as the BIOS tells it, and as the guest's INT 15h will: a page at the top of conventional
 * memory with a ready table and hook.S.
 */
#include "host/metal/boot/loader.h"

#define SMAP 0x534d4150
#define MIB 0x100000u
#define VECTOR_15 (*(volatile u32 *)(0x15 * 4))
#define CONVENTIONAL_KIB (*(volatile u16 *)0x413)

/* What hook.S begins with. */
struct hook_page {
	u16 entry_offset, table_offset;
	u32 old_vector;
	u32 count;
	u16 entry_size;
	u16 has_e801;
	u16 e801[4];
	u16 has_88, value_88;
};

extern const u8 hook_begin[], hook_end[];

static u32 hooked; /* the page's address, 0: none */

const char *bios_memory_map(struct memory_map *map)
{
	struct boot_memory *buffer = (struct boot_memory *)BUFFER_AT;
	u32 next = 0;

	map->count = 0;
	map->entry_size = 24;
	do {
		struct bios_registers r = { .eax = 0xe820, .ebx = next, .ecx = 24, .edx = SMAP,
					    .es = BUFFER_AT >> 4 };

		*buffer = (struct boot_memory){ .attributes = 1 };
		bios_call(0x15, &r);
		/* Some BIOSes set carry at the end instead of a continuation of 0. */
		if ((r.eflags & BIOS_CARRY) && map->count)
			break;
		if ((r.eflags & BIOS_CARRY) || r.eax != SMAP || (r.ecx & 0xff) < 20)
			return "the BIOS tells no memory map (INT 15h E820)";
		if (map->count == MEMORY_MAX)
			return "the memory map has too many entries";
		if ((r.ecx & 0xff) < 24) {
			map->entry_size = 20;
			buffer->attributes = 1;
		}
		map->entry[map->count++] = *buffer;
		next = r.ebx;
	} while (next);
	return NULL;
}

const char *hook_place(u64 *base)
{
	u32 top = CONVENTIONAL_KIB * 1024u;

	if (top > 0xa0000 || top < LAYOUT_END + HOOK_SIZE)
		return "too little conventional memory";
	*base = top - HOOK_SIZE;
	return NULL;
}

/* The sizes that E801 and 88h tell end where usable memory ends in the guest's map. */
static u32 at_most(u32 told, u64 base, u64 end, u32 shift, u32 limit)
{
	u64 units = end > base ? (end - base) >> shift : 0;

	if (units > limit)
		units = limit;
	return told < units ? told : units;
}

static void fill_sizes(struct hook_page *page, const struct memory_map *guest)
{
	u64 end1 = memory_end_of_run(guest, MIB), end16 = memory_end_of_run(guest, 16 * MIB);
	struct bios_registers r = { .eax = 0xe801 };

	bios_call(0x15, &r);
	if (!(r.eflags & BIOS_CARRY)) {
		page->has_e801 = 1;
		page->e801[0] = at_most(r.eax & 0xffff, MIB, end1, 10, 0x3c00);
		page->e801[1] = at_most(r.ebx & 0xffff, 16 * MIB, end16, 16, 0xffff);
		page->e801[2] = at_most(r.ecx & 0xffff, MIB, end1, 10, 0x3c00);
		page->e801[3] = at_most(r.edx & 0xffff, 16 * MIB, end16, 16, 0xffff);
	}
	r = (struct bios_registers){ .eax = 0x8800 };
	bios_call(0x15, &r);
	if (!(r.eflags & BIOS_CARRY)) {
		page->has_88 = 1;
		page->value_88 = at_most(r.eax & 0xffff, MIB, end1, 10, 0xffff);
	}
}

void hook_install(const struct memory_map *guest, u32 base)
{
	struct hook_page *page = (struct hook_page *)base;

	memset(page, 0, HOOK_SIZE);
	memcpy(page, hook_begin, hook_end - hook_begin);
	memcpy((u8 *)page + page->table_offset, guest->entry, guest->count * sizeof(guest->entry[0]));
	page->count = guest->count;
	page->entry_size = guest->entry_size;
	fill_sizes(page, guest);
	page->old_vector = VECTOR_15;
	VECTOR_15 = base << 12 | page->entry_offset; /* segment base / 16, above the offset */
	CONVENTIONAL_KIB -= HOOK_SIZE / 1024;
	hooked = base;
}

void hook_remove(void)
{
	if (!hooked)
		return;
	VECTOR_15 = ((struct hook_page *)hooked)->old_vector;
	CONVENTIONAL_KIB += HOOK_SIZE / 1024;
	hooked = 0;
}
