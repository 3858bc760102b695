/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Conventional memory while the loader works, for C and assembler. */
#ifndef SWIVL_METAL_LAYOUT_H
#define SWIVL_METAL_LAYOUT_H

#define RECORD_AT 0x600 /* our boot record, after it has made room */
#define BOOT_AT 0x7c00
/* A segment of its own, so that the BIOS' stack, wherever in the first 64 KiB, stays whole. */
#define LOADER_AT 0x10000
#define LOADER_ENTRY16 8 /* offsets in the loader */
#define LOADER_ENTRY32 16
#define LOADER_END 0x20000 /* the top of its stack */
#define BUFFER_AT 0x20000
#define BUFFER_SIZE 0x10000
#define TABLES_AT 0x30000 /* page tables: eight pages */
#define LONG_STACK_END 0x3c000 /* 16 KiB */
#define LAYOUT_END 0x40000

#define BOOT_CODE 440
#define RECORD_SIZE 24
#define RECORD_MAGIC 0x4c565753

/* Selectors. */
#define SEL_CODE32 0x08
#define SEL_DATA32 0x10
#define SEL_CODE16 0x18 /* base LOADER_AT */
#define SEL_DATA16 0x20
#define SEL_CODE64 0x28

#define HOOK_SIZE 4096

#endif
