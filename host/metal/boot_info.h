/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the loader (host/metal/boot) and the hypervisor on the bare machine tell each other.
 *
 * The hypervisor is a flat image that begins with struct metal_image. The loader puts it into one
 * contiguous range of physical memory, whole pages that begin at a multiple of 2 MiB, fills what is
 * behind the image's bytes in the file with zeros, and calls metal_image.entry as
 *
 *	void metal_main(struct boot_info *info);
 *
 * in long mode, on a stack of 16 KiB in conventional memory, with interrupts off and no IDT. The
 * page tables, also in conventional memory, map
 *   - the first 4 GiB to themselves, all that struct boot_info points to among it, and
 *   - the whole range at metal_image.link_address, writable and executable, and what is behind it up
 *     to the next 2 MiB.
 * The loader has touched neither interrupt controllers, timers nor any vector but that of INT 15h.
 * What it has in conventional memory is for the hypervisor to copy, and belongs to the guest as
 * soon as that runs.
 *
 * Where all is well metal_main() never returns: this processor goes on at info->start as the guest.
 * Where the hypervisor cannot run it writes the reason to info->refusal and returns, with CR0, CR3,
 * CR4, EFER, RSP and the registers that a function preserves as it found them. The loader then
 * takes back its INT 15h, shows the reason on the screen and runs the old boot record.
 */
#ifndef SWIVL_METAL_BOOT_INFO_H
#define SWIVL_METAL_BOOT_INFO_H

#include "core/types.h"

#define METAL_IMAGE_MAGIC 0x6567616d69767773ull /* "swvimage" */
#define METAL_IMAGE_VERSION 1

/* The first bytes of the image. */
struct metal_image {
	u64 magic;
	u32 version;
	u32 size; /* of this structure */
	u64 link_address; /* of the image's first byte; a multiple of 1 GiB */
	u64 entry; /* metal_main()'s address */
	u32 file_size; /* bytes of the image that are not just zeros at its end */
	u32 memory_size; /* bytes with those zeros, .bss */
	u32 range_size; /* bytes of memory that the hypervisor wants, the image's among them */
	u32 range_per_gib; /* and for each begun GiB of addresses up to the end of memory */
};

enum boot_memory_type {
	BOOT_MEMORY_USABLE = 1, /* every other type is not */
	BOOT_MEMORY_RESERVED = 2,
};

/* An address range as INT 15h E820 tells it. */
struct boot_memory {
	u64 base;
	u64 size;
	u32 type;
	u32 attributes; /* 1 where the BIOS gave none (20-byte entries) */
};

/* What the processor had when the BIOS started the boot record, and starts the guest with. */
struct boot_start {
	u32 eax, ebx, ecx, edx; /* DL is the drive */
	u32 esi, edi, ebp, esp; /* ES:DI: the plug and play structure, where there is one */
	u32 eflags;
	u16 cs, ip; /* 0:7C00, where the old boot record is */
	u16 ds, es, fs, gs, ss;
	u16 gdt_limit, idt_limit;
	u16 reserved;
	u32 gdt_base, idt_base;
	u32 cr0, cr3, cr4;
	u32 reserved2;
};

enum boot_way {
	BOOT_FROM_DISK,
	BOOT_FROM_MULTIBOOT1,
	BOOT_FROM_MULTIBOOT2,
};

enum boot_log_level {
	BOOT_LOG_ERRORS,
	BOOT_LOG_INFO, /* the default */
	BOOT_LOG_DEBUG,
};

#define BOOT_BRAND_SIZE 48

/* The configuration block, as it is on the disk. */
struct boot_config {
	u16 log_port; /* a 16550's, 0: none */
	u8 log_level; /* enum boot_log_level */
	u8 reserved[13];
	char brand[BOOT_BRAND_SIZE]; /* CPUID 80000002h to 80000004h; all zeros: the processor's own */
};

#define BOOT_INFO_MAGIC 0x6f666e69746f6f62ull /* "bootinfo" */
#define BOOT_INFO_VERSION 1

/* Addresses are physical. */
struct boot_info {
	u64 magic;
	u32 version;
	u32 size; /* of this structure */

	u32 way; /* enum boot_way */
	u32 drive; /* the BIOS' number of the disk that the guest starts from */
	u64 tsc; /* when the loader began */

	/* Where the hypervisor is: nothing of it is usable memory in guest_memory. */
	u64 range_base;
	u64 range_size;
	u64 image_size; /* metal_image.memory_size */

	/* The page of conventional memory with the guest's INT 15h, which the guest may read. */
	u64 hook_base;
	u64 hook_size;

	u64 bios_memory; /* struct boot_memory[], as the BIOS gave it */
	u64 guest_memory; /* struct boot_memory[], as the guest will be told it */
	u32 bios_memory_count;
	u32 guest_memory_count;

	struct boot_config config;
	struct boot_start start;

	char refusal[384]; /* ends with a zero */
};

_Static_assert(sizeof(struct metal_image) == 48, "struct metal_image");
_Static_assert(sizeof(struct boot_memory) == 24, "struct boot_memory");
_Static_assert(sizeof(struct boot_start) == 80, "struct boot_start");
_Static_assert(sizeof(struct boot_config) == 64, "struct boot_config");
_Static_assert(sizeof(struct boot_info) == 624, "struct boot_info");

#endif
