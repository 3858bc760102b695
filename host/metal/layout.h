/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the home's C and its assembler both have to know: addresses, selectors, sizes. */
#ifndef SWIVL_METAL_LAYOUT_H
#define SWIVL_METAL_LAYOUT_H

/*
 * Linear addresses. The image is at the top (metal.ld); all memory that may be looked at is at
 * DIRECT_MAP + its physical address; registers of devices are from DEVICE_MAP on. Each processor has
 * a slot with its stacks, and nothing before and behind each: what runs over one is a fault.
 */
#define DIRECT_MAP 0xffff800000000000
#define DIRECT_BITS 46
#define DEVICE_MAP 0xffffff0000000000
#define CPU_MAP 0xfffffe0000000000
#define CPU_SLOT_SHIFT 16

/* Pages of a slot. */
#define CPU_STACK 1
#define CPU_STACK_PAGES 4
#define CPU_STACK_NMI 6
#define CPU_STACK_DF 8
#define CPU_STACK_MC 10
#define CPU_DATA 12 /* struct metal_cpu */

#define METAL_CS 0x08
#define METAL_DS 0x10
#define METAL_TSS 0x18

#endif
