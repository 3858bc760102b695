/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Second-level page tables: guest physical to physical, four levels, leaves of 4 KiB, 2 MiB and,
 * where the vendor has VENDOR_HUGE, 1 GiB. One builder and walker for both vendors; their entries differ only in struct stage2_format.
 *
 * Who may call what: leaves and tables are added under mem_lock held for reading, by any number
 * of vCPUs at once (entries change by compare-and-exchange). They are removed and lose rights
 * under mem_lock held for writing, when no vCPU is in the guest.
 */
#ifndef SWIVL_CORE_VM_STAGE2_H
#define SWIVL_CORE_VM_STAGE2_H

#include "core/host.h"

#define STAGE2_LEVELS 4
#define STAGE2_BITS 48 /* guest physical address width of four levels */
#define STAGE2_LARGE_SIZE (2ull << 20)
#define STAGE2_ADDR 0x000ffffffffff000ull

/*
 * Bit 11 is ignored by both formats (SDM vol. 3, table 29-7; APM vol. 2, 5.3.3). Here it says
 * that the page was pinned for writing: the write bit may be set without asking the home again.
 */
#define STAGE2_PINNED_WRITE (1ull << 11)

struct stage2 {
	u64 root_pa;
	u64 *root;
	struct host_owner owner; /* of the memory that is mapped */
	u64 pages; /* table pages in use, the root included */
	u64 generation; /* counts what was taken, and MSR filters; the vendor flushes by it */
	/*
	 * The vendor's: large leaves do not permit execution, and are split where the guest tries.
	 * On some processors a page whose size is changed under an instruction fetch stops the machine.
	 */
	bool no_large_exec;
	const struct mtrrs *mtrrs; /* NULL: all leaves are write-back; changes: stage2_retype() */
};

/* 0 or -SWIVL_ENOMEM. */
int stage2_init(struct stage2 *s2);
/* Unpins all that is mapped; the root goes too. */
void stage2_free(struct stage2 *s2);

/*
 * The leaf entry that translates @gpa, or NULL; its level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB) to @level, what it
 * holds to @value. Another vCPU may split it at any time: then it is no leaf any more, and only
 * @value still says where the page is.
 */
u64 *stage2_find(struct stage2 *s2, u64 gpa, unsigned int *level, u64 *value);
/* Could a 2 MiB leaf be put at @gpa, that is, is there neither leaf nor table yet? */
bool stage2_large_free(struct stage2 *s2, u64 gpa);

#define STAGE2_MAP_WRITE 1u /* writable at once */
#define STAGE2_MAP_PINNED_WRITE 2u /* pinned for writing */
/*
 * Add a leaf; @gpa and @pa are multiples of its size. It owns the pins of its pages from then
 * on. -SWIVL_EEXIST: something is there already. -SWIVL_ENOMEM.
 */
int stage2_map(struct stage2 *s2, u64 gpa, u64 pa, unsigned int level, u32 flags);
/*
 * Make leaves of the next lower level, which permit execution if they are of 4 KiB, of the large one that
 * was found. 0 or -SWIVL_ENOMEM.
 */
int stage2_split(struct stage2 *s2, u64 *leaf, unsigned int level, u64 value);
/* Set the write bit of a leaf that is STAGE2_PINNED_WRITE. */
void stage2_allow_write(u64 *leaf);
/* Physical address of @gpa by its leaf. */
u64 stage2_leaf_pa(u64 leaf, unsigned int level, u64 gpa);

/*
 * Remove and unpin the leaves of [gpa, gpa + size), and the tables that become empty. Ranges
 * never cut a large leaf.
 */
void stage2_unmap(struct stage2 *s2, u64 gpa, u64 size);
/* Take the right to write. */
void stage2_write_protect(struct stage2 *s2, u64 gpa, u64 size);

/*
 * What @mtrrs points to has changed: give all leaves their types, with smaller ones where a large
 * one has several. mem_lock for writing; vCPUs may be in the guest: each forgets what it cached as
 * soon as it sees the generation, and has the old types until then.
 */
void stage2_retype(struct stage2 *s2);

#endif
