/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the loaders share: places in guest memory, the tables a processor starts with. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

bool load_fail(struct load *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->error, sizeof(l->error), fmt, ap);
	va_end(ap);
	return false;
}

bool blob_read(const struct blob *b, uint64_t off, void *to, uint64_t size)
{
	if (off > b->size || size > b->size - off)
		return false;
	memcpy(to, b->data + off, size);
	return true;
}

bool load_claim(struct load *l, uint64_t start, uint64_t size, const char *what)
{
	if (start > l->ram_low || size > l->ram_low - start)
		return load_fail(l,
				 "%s: %s needs guest memory 0x%llx - 0x%llx, but there are only "
				 "%llu MiB below the device hole; give more with --mem",
				 l->image.name, what, (unsigned long long)start,
				 (unsigned long long)(start + size),
				 (unsigned long long)(l->ram_low / MIB));
	for (unsigned int i = 0; i < l->nclaims; i++) {
		const struct claim *c = &l->claims[i];

		if (start < c->end && c->start < start + size)
			return load_fail(l,
					 "%s: %s at 0x%llx - 0x%llx lies over memory already in use "
					 "(0x%llx - 0x%llx)",
					 l->image.name, what, (unsigned long long)start,
					 (unsigned long long)(start + size),
					 (unsigned long long)c->start, (unsigned long long)c->end);
	}
	if (!size)
		return true;
	if (l->nclaims == LOAD_MAX_CLAIMS)
		return load_fail(l, "%s: too many separate parts", l->image.name);
	l->claims[l->nclaims++] = (struct claim){ start, start + size };
	return true;
}

bool load_claim_legacy(struct load *l)
{
	uint64_t end = l->ram_low < LEGACY_END ? l->ram_low : LEGACY_END;

	/* The first page holds what real-mode code expects to own: vectors and BIOS data. */
	return load_claim(l, 0, FIRST_PAGE, "the first page") &&
	       (end <= LEGACY_START ||
		load_claim(l, LEGACY_START, end - LEGACY_START, "the legacy area"));
}

static const struct claim *overlapping(const struct load *l, uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < l->nclaims; i++)
		if (start < l->claims[i].end && l->claims[i].start < end)
			return &l->claims[i];
	return NULL;
}

uint64_t load_place(struct load *l, uint64_t size, uint64_t align, uint64_t min, uint64_t max,
		    bool top, const char *what)
{
	const struct claim *c;
	uint64_t at;

	if (max > l->ram_low)
		max = l->ram_low;
	if (size && size <= max && min <= max - size) {
		/* Each step jumps past one claim, and never back: at most nclaims steps. */
		at = top ? (max - size) & ~(align - 1) : (min + align - 1) & ~(align - 1);
		while (at >= min && at <= max - size) {
			c = overlapping(l, at, at + size);
			if (!c) {
				if (!load_claim(l, at, size, what))
					return 0;
				return at;
			}
			if (top) {
				if (c->start < size)
					break;
				at = (c->start - size) & ~(align - 1);
			} else {
				at = (c->end + align - 1) & ~(align - 1);
			}
		}
	}
	load_fail(l,
		  "%s: no room for %s (%llu KiB) in guest memory below 0x%llx; give more with --mem",
		  l->image.name, what, (unsigned long long)(size + KIB - 1) / KIB,
		  (unsigned long long)max);
	return 0;
}

/* SDM vol. 3, 3.4.5: flat segments, present, accessed, ring 0, 4 KiB units. */
#define DESC_CODE64 0x00af9b000000ffffull
#define DESC_CODE32 0x00cf9b000000ffffull
#define DESC_DATA 0x00cf93000000ffffull

#define PTE_PRESENT 1ull
#define PTE_WRITE 2ull
#define PTE_LARGE 0x80ull

/* SDM vol. 3, 4.5: a PML4 page, a PDPT page, and four page directories of 2 MiB pages. */
#define TABLE_PAGES 6

static void write_identity_map(uint8_t *to, uint64_t at)
{
	uint64_t *entry = (uint64_t *)to;

	memset(to, 0, 2 * 4096);
	entry[0] = (at + 4096) | PTE_PRESENT | PTE_WRITE;
	for (unsigned int i = 0; i < 4; i++)
		entry[512 + i] = (at + (2 + i) * 4096) | PTE_PRESENT | PTE_WRITE;
	for (uint64_t i = 0; i < 4 * 512; i++)
		entry[1024 + i] = (i * 2 * MIB) | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
}

bool load_boot_tables(struct load *l, enum boot_mode mode)
{
	uint64_t size = 4096 + (mode == BOOT_LONG ? TABLE_PAGES * 4096 : 0);
	uint64_t at = load_place(l, size, 4096, 4096, RAM_LOW_MAX, false, "the boot tables");
	uint64_t gdt[GDT_SIZE / 8] = { 0, 0, mode == BOOT_LONG ? DESC_CODE64 : DESC_CODE32,
				       DESC_DATA };

	if (!at)
		return false;
	memset(l->ram + at, 0, 4096);
	memcpy(l->ram + at, gdt, sizeof(gdt));
	l->boot.gdt = at;
	l->boot.mode = mode;
	if (mode == BOOT_LONG) {
		l->boot.cr3 = at + 4096;
		write_identity_map(l->ram + at + 4096, at + 4096);
	}
	return true;
}

unsigned int load_memory_map(const struct load *l, struct map_entry *map, unsigned int max)
{
	unsigned int n = 0;

	if (max < MEMORY_MAP_MAX)
		return 0;
	if (l->ram_low <= LEGACY_END) {
		map[n++] = (struct map_entry){
			0, l->ram_low < LEGACY_START ? l->ram_low : LEGACY_START, 1
		};
		return n;
	}
	map[n++] = (struct map_entry){ 0, LEGACY_START, 1 };
	map[n++] = (struct map_entry){ LEGACY_START, LEGACY_END - LEGACY_START, 2 };
	map[n++] = (struct map_entry){ LEGACY_END, l->ram_low - LEGACY_END, 1 };
	if (l->ram_high)
		map[n++] = (struct map_entry){ RAM_HIGH_START, l->ram_high, 1 };
	return n;
}
