/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The loader: 32-bit protected mode without paging, the BIOS still there. It finds memory, reads
 * and checks what the load table names, and hands over to the hypervisor. A reason against that is
 * a text; the old boot record runs then.
 */
#ifndef SWIVL_METAL_LOADER_H
#define SWIVL_METAL_LOADER_H

#include "host/metal/boot/layout.h"
#include "host/metal/boot/load_table.h"
#include "host/metal/boot_info.h"

#define PAGE_2M 0x200000u
#define PAGE_4K 0x1000u
#define GIB 0x40000000u

/* ---- entry.S --------------------------------------------------------------------------- */

struct bios_registers {
	u32 eax, ebx, ecx, edx, esi, edi, ebp;
	u16 es, ds;
	u32 eflags; /* only out */
};

#define BIOS_CARRY 1u

/* What the boot record left on the BIOS' stack, and where that is. */
struct handed_over {
	u16 gs, fs, es, ds;
	u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
	u32 eflags;
};

struct descriptor_register {
	u16 limit;
	u32 base;
} __attribute__((packed));

struct long_call {
	u64 to, from, size; /* the image */
	u64 zero; /* bytes behind it */
	u64 entry;
	u64 in_place; /* the image is where it goes */
	u64 info;
};

extern struct descriptor_register handed_gdt, handed_idt;
extern u32 handed_cr0, handed_esp;
extern u16 handed_ss;

void bios_call(unsigned int vector, struct bios_registers *r);
_Bool cpu_has_cpuid(void);
void call_long(const struct long_call *call);
void start_guest(const struct boot_start *start) __attribute__((noreturn));

/* From the multiboot stub, in memory above 1 MiB. */
struct loader_from_multiboot {
	u32 way; /* enum boot_way */
	u32 drive;
	u32 image, image_size; /* the hypervisor */
	u32 end; /* of all that was loaded */
	u32 has_bios; /* 0: started by a firmware that is none */
	struct boot_config config;
};

/* ---- console.c ------------------------------------------------------------------------- */

void console_port(u16 port); /* 0: none; others are made ready */
void console_level(u8 level);
/* @fmt: %s, %u, %x (32 bits), %X (64 bits). To the serial port alone, or to the screen, too. */
void log_text(enum boot_log_level level, const char *fmt, ...);
void tell_person(const char *fmt, ...);
/* The same into @to, which always ends with a zero. */
void text_format(char *to, size_t size, const char *fmt, ...);

/* ---- disk.c ---------------------------------------------------------------------------- */

/* False: the BIOS says that it cannot. */
_Bool disk_read(u32 drive, u32 lba, u32 sectors, void *to);

/* ---- memory.c -------------------------------------------------------------------------- */

#define MEMORY_MAX 128 /* entries; as many as the hook's page has room for */

struct memory_map {
	u32 count;
	u32 entry_size; /* 20 or 24: what the BIOS gave */
	struct boot_memory entry[MEMORY_MAX];
};

/* False: no room for what becomes of the entries that [base, base + size) cuts. */
_Bool memory_reserve(struct memory_map *map, u64 base, u64 size);
/*
 * The highest place for @size bytes of usable memory in [from, to), a multiple of @align; 0 if
 * there is none.
 */
u64 memory_place(const struct memory_map *map, u64 size, u64 align, u64 from, u64 to);
/* The first address from @base on that is not usable. */
u64 memory_end_of_run(const struct memory_map *map, u64 base);
/* The end of the highest usable memory. */
u64 memory_top(const struct memory_map *map);

/* ---- hook.c ---------------------------------------------------------------------------- */

/* The BIOS' answer to E820; a reason if there is none that can be used. */
const char *bios_memory_map(struct memory_map *map);
/* Takes the page from conventional memory, and takes it back. */
const char *hook_place(u64 *base);
void hook_install(const struct memory_map *guest, u32 base);
void hook_remove(void);

#endif
