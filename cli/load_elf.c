/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ELF: the loading of segments, for every format that travels in ELF, and the plain 64-bit ELF.
 *
 * A plain ELF starts in long mode with interrupts off: the first 4 GiB mapped to themselves,
 * RSP at the top of a 64 KiB stack, RDI = bytes of memory below the device hole, RSI = address
 * of the command line (ends with a zero byte).
 */
#define _GNU_SOURCE
#include <elf.h>
#include <string.h>

#include "load.h"

#define STACK_SIZE (64 * KIB)
#define MAX_PHNUM 256

struct segment {
	uint32_t type;
	uint64_t offset, filesz, vaddr, paddr, memsz;
};

bool elf_is(const struct blob *b)
{
	return b->size >= SELFMAG && !memcmp(b->data, ELFMAG, SELFMAG);
}

static bool read_segment(const struct blob *b, bool is64, uint64_t off, struct segment *s)
{
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	if (is64) {
		if (!blob_read(b, off, &p64, sizeof(p64)))
			return false;
		*s = (struct segment){ p64.p_type,  p64.p_offset, p64.p_filesz,
				       p64.p_vaddr, p64.p_paddr,  p64.p_memsz };
	} else {
		if (!blob_read(b, off, &p32, sizeof(p32)))
			return false;
		*s = (struct segment){ p32.p_type,  p32.p_offset, p32.p_filesz,
				       p32.p_vaddr, p32.p_paddr,  p32.p_memsz };
	}
	return true;
}

static bool load_segment(struct load *l, const struct segment *s, struct elf_info *info)
{
	if (s->filesz > s->memsz)
		return load_fail(l, "%s: a segment is larger in the file than in memory",
				 l->image.name);
	if (s->offset > l->image.size || s->filesz > l->image.size - s->offset)
		return load_fail(l,
				 "%s: cut short: a segment ends at byte %llu, the file at %llu",
				 l->image.name, (unsigned long long)(s->offset + s->filesz),
				 (unsigned long long)l->image.size);
	if (!load_claim(l, s->paddr, s->memsz, "a segment"))
		return false;
	memcpy(l->ram + s->paddr, l->image.data + s->offset, s->filesz);
	memset(l->ram + s->paddr + s->filesz, 0, s->memsz - s->filesz);
	if (s->paddr < info->low)
		info->low = s->paddr;
	if (s->paddr + s->memsz > info->high)
		info->high = s->paddr + s->memsz;
	return true;
}

static bool load_segments(struct load *l, struct elf_info *info, uint64_t phoff,
			  unsigned int phnum, unsigned int phentsize)
{
	uint64_t entry = info->entry;
	bool any = false;

	if (phnum > MAX_PHNUM)
		return load_fail(l, "%s: %u program headers are too many", l->image.name, phnum);
	info->low = UINT64_MAX;
	for (unsigned int i = 0; i < phnum; i++) {
		struct segment s;

		if (phoff > l->image.size ||
		    !read_segment(&l->image, info->is64, phoff + (uint64_t)i * phentsize, &s))
			return load_fail(l, "%s: cut short: its program headers are missing",
					 l->image.name);
		if (s.type == PT_INTERP)
			return load_fail(l,
					 "%s: a program of an operating system, which must link it "
					 "with its libraries first",
					 l->image.name);
		if (s.type != PT_LOAD || !s.memsz)
			continue;
		if (!load_segment(l, &s, info))
			return false;
		any = true;
		/* The entry may be given as the virtual address it is linked for. */
		if (s.vaddr != s.paddr && entry >= s.vaddr && entry - s.vaddr < s.memsz)
			info->entry = entry - s.vaddr + s.paddr;
	}
	if (!any)
		return load_fail(l, "%s: an ELF file with nothing to load", l->image.name);
	return true;
}

bool elf_load(struct load *l, struct elf_info *info)
{
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	memset(info, 0, sizeof(*info));
	if (blob_read(&l->image, 0, &e32, sizeof(e32)) &&
	    e32.e_ident[EI_CLASS] == ELFCLASS32) {
		if (e32.e_machine != EM_386 || e32.e_phentsize < sizeof(Elf32_Phdr))
			return load_fail(l, "%s: an ELF file for another processor",
					 l->image.name);
		info->entry = e32.e_entry;
		return load_segments(l, info, e32.e_phoff, e32.e_phnum, e32.e_phentsize);
	}
	if (!blob_read(&l->image, 0, &e64, sizeof(e64)))
		return load_fail(l, "%s: cut short: not even an ELF header is there",
				 l->image.name);
	if (e64.e_ident[EI_CLASS] != ELFCLASS64 || e64.e_ident[EI_DATA] != ELFDATA2LSB ||
	    e64.e_machine != EM_X86_64 || e64.e_phentsize < sizeof(Elf64_Phdr))
		return load_fail(l, "%s: an ELF file for another processor", l->image.name);
	info->is64 = true;
	info->entry = e64.e_entry;
	return load_segments(l, info, e64.e_phoff, e64.e_phnum, e64.e_phentsize);
}

static uint64_t place_cmdline(struct load *l)
{
	uint64_t size = strlen(l->cmdline) + 1;
	uint64_t at = load_place(l, size, 16, FIRST_PAGE, RAM_LOW_MAX, false, "the command line");

	if (at)
		memcpy(l->ram + at, l->cmdline, size);
	return at;
}

bool load_elf64(struct load *l)
{
	struct elf_info info;
	uint64_t stack;

	l->format = "64-bit ELF, long mode";
	if (l->initrd.data)
		return load_fail(l, "%s: a plain ELF guest takes no --initrd", l->image.name);
	if (!load_claim_legacy(l) || !elf_load(l, &info))
		return false;
	if (!info.is64)
		return load_fail(l, "%s: a 32-bit ELF without a multiboot header", l->image.name);
	stack = load_place(l, STACK_SIZE, 4096, FIRST_PAGE, RAM_LOW_MAX, false, "the stack");
	l->boot.rsi = place_cmdline(l);
	if (!stack || !l->boot.rsi || !load_boot_tables(l, BOOT_LONG))
		return false;
	l->boot.rip = info.entry;
	l->boot.rsp = stack + STACK_SIZE - 8; /* as after a call: the ABI's alignment */
	l->boot.rdi = l->ram_low;
	return true;
}
