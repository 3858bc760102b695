/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Loaders: each puts one format of guest into guest memory and says how the first processor
 * starts. They work on memory alone, so unit tests and fuzzing run them as they are; every byte
 * of an image or initrd is taken for hostile.
 */
#ifndef SWIVL_CLI_LOAD_H
#define SWIVL_CLI_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* Guest-physical layout. RAM above RAM_LOW_MAX moves to 4 GiB: the gap holds the APICs. */
#define RAM_LOW_MAX (3 * GIB)
#define RAM_HIGH_START (4 * GIB)
#define FIRST_PAGE 4096ull
#define LEGACY_START 0x9fc00ull /* from here to 1 MiB nothing is loaded: EBDA, VGA, firmware */
#define LEGACY_END 0x100000ull
#define TABLES_START 0xe0000ull /* ACPI tables, where kernels look for them */

struct blob {
	const char *name; /* for messages */
	const uint8_t *data;
	uint64_t size; /* bytes */
};

enum boot_mode { BOOT_REAL, BOOT_PROTECTED, BOOT_LONG };

/* How the first processor starts. */
struct boot {
	enum boot_mode mode;
	uint64_t rip, rsp;
	uint64_t rax, rbx, rsi, rdi;
	uint16_t cs; /* real mode: segment of code, and of data */
	uint64_t gdt; /* protected and long mode: guest-physical address of a GDT */
	uint64_t cr3; /* long mode: page tables that map the first 4 GiB to themselves */
};

/* GDT that boot_gdt() writes; the Linux boot protocol asks for these selectors. */
#define GDT_CODE 0x10
#define GDT_DATA 0x18
#define GDT_SIZE 32

#define LOAD_MAX_CLAIMS 128

struct claim {
	uint64_t start, end; /* [start, end) */
};

struct load {
	/* set by the caller */
	struct blob image;
	struct blob initrd; /* data NULL: none */
	const char *cmdline; /* never NULL */
	uint8_t *ram; /* guest-physical address 0 */
	uint64_t ram_low; /* bytes from 0 on, at most RAM_LOW_MAX */
	uint64_t ram_high; /* bytes from RAM_HIGH_START on; loaders put nothing there */
	uint64_t flat_load; /* flat: guest-physical address */
	bool flat_has_entry;
	uint16_t flat_cs, flat_ip; /* flat: entry, if flat_has_entry */

	/* results */
	struct boot boot;
	const char *format; /* for messages */
	char error[400];

	struct claim claims[LOAD_MAX_CLAIMS];
	unsigned int nclaims;
};

/* Each returns true, or false with load->error saying what is wrong and what to do. */
bool load_linux(struct load *l); /* bzImage, 64-bit entry */
bool load_vmlinux(struct load *l); /* the kernel's own ELF, 64-bit entry */
bool load_multiboot(struct load *l); /* multiboot 1 */
bool load_elf64(struct load *l); /* any other 64-bit ELF, in long mode */
bool load_flat(struct load *l); /* raw code in real mode */

/* Which of them the image's bytes ask for, all but flat; NULL and an error if none does. */
typedef bool (*loader_fn)(struct load *l);
loader_fn load_detect(struct load *l);

/* ---- for the loaders ---- */

bool load_fail(struct load *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Copies [off, off + size) of a blob; false if it is not all there. */
bool blob_read(const struct blob *b, uint64_t off, void *to, uint64_t size);

/* Takes [start, start + size) for what; fails when outside low RAM or already taken. */
bool load_claim(struct load *l, uint64_t start, uint64_t size, const char *what);

/* Keeps the first page and the legacy hole free. */
bool load_claim_legacy(struct load *l);

/*
 * Finds and takes size free bytes within [min, max), align a power of two: the lowest place, or
 * the highest if top. 0 (and an error) when there is none.
 */
uint64_t load_place(struct load *l, uint64_t size, uint64_t align, uint64_t min, uint64_t max,
		    bool top, const char *what);

/* Protected and long mode: a GDT, and page tables, in a free place below 1 MiB or above. */
bool load_boot_tables(struct load *l, enum boot_mode mode);

/* The memory map: fills at most max entries of {start, size, type}; 1 RAM, 2 reserved. */
struct map_entry {
	uint64_t start, size;
	uint32_t type;
};
unsigned int load_memory_map(const struct load *l, struct map_entry *map, unsigned int max);
#define MEMORY_MAP_MAX 4

/* ELF of both classes. */
struct elf_info {
	bool is64, x86_64;
	uint64_t entry; /* physical */
	uint64_t low, high; /* physical range of all segments */
};
/* Loads the segments to their physical addresses. */
bool elf_load(struct load *l, struct elf_info *info);
bool elf_is(const struct blob *b);

/* False: an initrd that ends before it should, as far as its format tells (initrd.c). */
bool initrd_complete(const struct blob *b);

/* Offset of the multiboot header in the image, or -1. */
int64_t multiboot_find(const struct blob *b);

#endif
