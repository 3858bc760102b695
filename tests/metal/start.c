// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Puts the hypervisor in its place and calls it, and tells what it answers. Words on the command
 * line: no-apic and others below, each spoils one thing.
 */
#define BARE_MEMORY
#include "tests/metal/bare.h"

#include "host/metal/boot_info.h"

struct multiboot {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr;
};

struct multiboot_mmap {
	u32 size;
	u64 base, length;
	u32 type;
} __attribute__((packed));

extern u8 image[], image_end[], guest[], guest_end[];
extern u64 link_pdpt[], link_pd[];

#define GUEST_AT 0x7c00 /* guest.S */
#define MAX_MEMORY 64
static struct boot_memory memory[MAX_MEMORY];
static struct boot_info info;

static u32 copy_memory(const struct multiboot *mb)
{
	u64 at = mb->mmap_addr, end = at + mb->mmap_length;
	u32 n = 0;

	for (; at < end && n < MAX_MEMORY; n++) {
		const struct multiboot_mmap *m = (const void *)at;

		memory[n] = (struct boot_memory){ m->base, m->length, m->type, 1 };
		at += m->size + 4;
	}
	return n;
}

/* The top of the highest usable memory below 4 GiB: this program reaches no other. */
static u64 choose_range(u32 n, u64 size)
{
	u64 best = 0;

	for (u32 i = 0; i < n; i++) {
		u64 end = memory[i].base + memory[i].size;

		if (memory[i].type != BOOT_MEMORY_USABLE || end > 1ull << 32 || end < size)
			continue;
		end = (end - size) & ~0x1fffffull;
		if (end >= memory[i].base && end > best)
			best = end;
	}
	return best;
}

static bool word_given(const struct multiboot *mb, const char *word)
{
	const char *at = mb->flags & 4 ? (const char *)(u64)mb->cmdline : "";

	for (; *at; at++) {
		u32 i = 0;

		while (word[i] && at[i] == word[i])
			i++;
		if (!word[i])
			return true;
	}
	return false;
}

void start(const struct multiboot *mb)
{
	const struct metal_image *head = (const void *)image;
	u64 size = (head->range_size + 0x1fffff) & ~0x1fffffull, base;
	void (*enter)(struct boot_info *) = (void (*)(struct boot_info *))head->entry;
	u32 n = copy_memory(mb);

	if (word_given(mb, "small"))
		size = 0x200000;
	base = choose_range(n, size);
	memset((void *)base, 0, size);
	memcpy((void *)base, image, head->file_size);
	link_pdpt[head->link_address >> 30 & 511] = (u64)link_pd | 3;
	for (u64 i = 0; i < size >> 21; i++)
		link_pd[(head->link_address >> 21 & 511) + i] = (base + (i << 21)) | 0x83;
	info = (struct boot_info){
		.magic = BOOT_INFO_MAGIC,
		.version = BOOT_INFO_VERSION,
		.size = sizeof(info),
		.way = BOOT_FROM_MULTIBOOT1,
		.drive = 0x80,
		.range_base = base,
		.range_size = size,
		.image_size = head->memory_size,
		.bios_memory = (u64)memory,
		.guest_memory = (u64)memory,
		.bios_memory_count = n,
		.guest_memory_count = n,
		.config = { .log_port = 0x3f8, .log_level = BOOT_LOG_DEBUG },
		.start = { .edx = 0x80, .eflags = 2, .esp = 0x7000, .ip = GUEST_AT,
			   .idt_limit = 0x3ff, .cr0 = 0x10 },
	};
	asm volatile("rdtsc; shl $32, %%rdx; or %%rdx, %0" : "=a"(info.tsc) : : "rdx");
	if (word_given(mb, "nomap"))
		info.bios_memory_count = 0;
	memcpy((void *)GUEST_AT, guest, (size_t)(guest_end - guest));
	enter(&info);
	serial_text("start: it came back: ");
	serial_text(info.refusal);
	serial_text("\r\n");
	power_off();
}
