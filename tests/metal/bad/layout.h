/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Where the program has what in the first megabyte. */
#ifndef TESTS_METAL_BAD_LAYOUT_H
#define TESTS_METAL_BAD_LAYOUT_H

#define MAP_AT 0x1000 /* of E820: 24 bytes each */
#define REAL_STACK 0x7000
#define BOOT_AT 0x7c00
#define REST_AT 0x7e00
#define PROGRAM32_AT 0x20000
#define VECTORS_AT 0x30000 /* free pages for SIPI */
#define VECTORS_END 0x60000
#define AP_STACK_AT 0x60000 /* one page each */
#define STACK_END 0x70000
#define TABLES_AT 0x70000 /* page tables: 12 pages */
#define SCRATCH_AT 0x80000

/* The first 2 MiB again, for CPL 3. */
#define USER_ALIAS 0x8000000000

#define SEL_CODE64 0x08
#define SEL_DATA 0x10
#define SEL_CODE32 0x18
#define SEL_CODE16 0x20
#define SEL_DATA16 0x28
#define SEL_USER_DATA 0x33
#define SEL_USER_CODE 0x3b
#define SEL_TSS 0x40 /* 16 bytes */
#define SEL_FREE 0x50 /* 8 descriptors for the probes */
#define GDT_SIZE (SEL_FREE + 64)

#endif
