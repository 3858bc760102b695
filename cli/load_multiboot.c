/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Multiboot 1 (the Multiboot Specification 0.6.96): protected mode, paging off, EBX points at
 * the information structure. Section numbers below are that document's.
 */
#define _GNU_SOURCE
#include <string.h>

#include "load.h"

#define MB_MAGIC 0x1badb002u
#define MB_MAGIC_EAX 0x2badb002u
#define MB_SEARCH 8192 /* 3.1: the header lies within the first 8192 bytes, 4-byte aligned */

/* 3.1.2: bits 0 - 15 are demands, a loader that does not know one must refuse. */
#define MB_ALIGN_MODULES 0x1u
#define MB_MEMORY_INFO 0x2u
#define MB_VIDEO 0x4u
#define MB_DEMANDS 0xffffu
#define MB_ADDRESSES 0x10000u

struct mb_header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

/* 3.3 */
#define MBI_MEMORY 0x1u
#define MBI_CMDLINE 0x4u
#define MBI_MODULES 0x8u
#define MBI_MMAP 0x40u
#define MBI_LOADER_NAME 0x200u

struct mb_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr, drives_length, drives_addr;
	uint32_t config_table, boot_loader_name, apm_table, vbe[4];
};

struct mb_module {
	uint32_t start, end, string, reserved;
};

struct mb_mmap {
	uint32_t size; /* of the rest */
	uint64_t start, length;
	uint32_t type;
} __attribute__((packed));

static const char loader_name[] = "swivl";

int64_t multiboot_find(const struct blob *b)
{
	for (uint64_t off = 0; off + 12 <= b->size && off + 12 <= MB_SEARCH; off += 4) {
		uint32_t h[3];

		memcpy(h, b->data + off, sizeof(h));
		if (h[0] == MB_MAGIC && h[0] + h[1] + h[2] == 0)
			return off;
	}
	return -1;
}

/* 3.1.3: no ELF, the header itself says what goes where. */
static bool load_by_addresses(struct load *l, const struct mb_header *h, uint64_t header_off,
			      uint64_t *entry)
{
	uint64_t before = (uint64_t)h->header_addr - h->load_addr, file_off, size, memory;

	if (h->load_addr > h->header_addr || before > header_off)
		return load_fail(l, "%s: its multiboot header's addresses contradict each other",
				 l->image.name);
	file_off = header_off - before;
	size = h->load_end_addr ? (uint64_t)h->load_end_addr - h->load_addr :
				  l->image.size - file_off;
	if ((h->load_end_addr && h->load_end_addr < h->load_addr) ||
	    (h->bss_end_addr && h->bss_end_addr < h->load_addr + size))
		return load_fail(l, "%s: its multiboot header's addresses contradict each other",
				 l->image.name);
	if (size > l->image.size - file_off)
		return load_fail(l, "%s: cut short: its multiboot header asks for %llu bytes more",
				 l->image.name,
				 (unsigned long long)(size - (l->image.size - file_off)));
	memory = h->bss_end_addr ? (uint64_t)h->bss_end_addr - h->load_addr : size;
	if (!load_claim(l, h->load_addr, memory, "the image"))
		return false;
	memcpy(l->ram + h->load_addr, l->image.data + file_off, size);
	memset(l->ram + h->load_addr + size, 0, memory - size);
	*entry = h->entry_addr;
	return true;
}

static bool load_image(struct load *l, uint64_t *entry)
{
	struct mb_header h = { 0 };
	struct elf_info info;
	int64_t off = multiboot_find(&l->image);

	if (off < 0)
		return load_fail(l, "%s: no multiboot header", l->image.name);
	blob_read(&l->image, off, &h, 12);
	if (h.flags & MB_DEMANDS & ~(MB_ALIGN_MODULES | MB_MEMORY_INFO))
		return load_fail(l,
				 "%s: its multiboot header demands what swivl does not offer (flags "
				 "0x%x%s)",
				 l->image.name, h.flags, h.flags & MB_VIDEO ? ", a video mode" : "");
	if (h.flags & MB_ADDRESSES) {
		if (!blob_read(&l->image, off, &h, sizeof(h)))
			return load_fail(l, "%s: cut short in its multiboot header",
					 l->image.name);
		return load_by_addresses(l, &h, off, entry);
	}
	if (!elf_is(&l->image))
		return load_fail(l, "%s: a multiboot image that is no ELF and has no addresses",
				 l->image.name);
	if (!elf_load(l, &info))
		return false;
	*entry = info.entry;
	return true;
}

static uint32_t place_copy(struct load *l, const void *data, uint64_t size, uint64_t align,
			   const char *what)
{
	uint64_t at = load_place(l, size, align, FIRST_PAGE, RAM_LOW_MAX, false, what);

	if (at)
		memcpy(l->ram + at, data, size);
	return at;
}

static bool place_module(struct load *l, struct mb_info *info)
{
	struct mb_module mod = { 0 };
	uint64_t at;

	if (!l->initrd.data)
		return true;
	if (!l->initrd.size)
		return load_fail(l, "%s: the module is empty", l->initrd.name);
	at = load_place(l, l->initrd.size, 4096, LEGACY_END, RAM_LOW_MAX, false, "the module");
	if (!at)
		return false;
	memcpy(l->ram + at, l->initrd.data, l->initrd.size);
	mod.start = at;
	mod.end = at + l->initrd.size;
	mod.string = place_copy(l, l->initrd.name, strlen(l->initrd.name) + 1, 1,
				"the module's name");
	info->mods_count = 1;
	info->mods_addr = place_copy(l, &mod, sizeof(mod), 4, "the module list");
	info->flags |= MBI_MODULES;
	return mod.string && info->mods_addr;
}

static bool place_mmap(struct load *l, struct mb_info *info)
{
	struct map_entry map[MEMORY_MAP_MAX];
	struct mb_mmap mb[MEMORY_MAP_MAX];
	unsigned int n = load_memory_map(l, map, MEMORY_MAP_MAX);

	for (unsigned int i = 0; i < n; i++)
		mb[i] = (struct mb_mmap){ sizeof(mb[i]) - sizeof(mb[i].size), map[i].start,
					  map[i].size, map[i].type };
	info->mmap_length = n * sizeof(mb[0]);
	info->mmap_addr = place_copy(l, mb, info->mmap_length, 4, "the memory map");
	info->mem_lower = map[0].size / KIB;
	info->mem_upper = l->ram_low > LEGACY_END ? (l->ram_low - LEGACY_END) / KIB : 0;
	info->flags |= MBI_MMAP | MBI_MEMORY;
	return info->mmap_addr;
}

bool load_multiboot(struct load *l)
{
	struct mb_info info = { .flags = MBI_CMDLINE | MBI_LOADER_NAME };
	uint64_t entry = 0, at;

	l->format = "multiboot image, protected mode";
	if (!load_claim_legacy(l) || !load_image(l, &entry))
		return false;
	if (entry > UINT32_MAX)
		return load_fail(l, "%s: its entry point is not a 32-bit address", l->image.name);
	if (!place_module(l, &info) || !place_mmap(l, &info))
		return false;
	info.cmdline = place_copy(l, l->cmdline, strlen(l->cmdline) + 1, 1, "the command line");
	info.boot_loader_name = place_copy(l, loader_name, sizeof(loader_name), 1, "a name");
	if (!info.cmdline || !info.boot_loader_name)
		return false;
	at = place_copy(l, &info, sizeof(info), 4, "the multiboot information");
	if (!at || !load_boot_tables(l, BOOT_PROTECTED))
		return false;
	l->boot.rip = entry;
	l->boot.rax = MB_MAGIC_EAX;
	l->boot.rbx = at;
	return true;
}
