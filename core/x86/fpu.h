/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The guest's x87, SSE, AVX and AVX-512 registers in an XSAVE area of one page, standard format
 * (SDM vol. 1, 13.4). Processors with EPT but without XSAVE exist: there the area's first 512
 * bytes travel by FXSAVE and the header says what it would say.
 */
#ifndef SWIVL_CORE_X86_FPU_H
#define SWIVL_CORE_X86_FPU_H

#include "core/types.h"

#define FPU_MXCSR_RESET 0x1f80u
#define FPU_FCW_RESET 0x37fu
#define FPU_AREA_SIZE 4096u

/* What an area begins with: the legacy region and the header (SDM vol. 1, 10.5.1 and 13.4). */
struct fpu_area {
	u16 fcw, fsw;
	u8 ftw, reserved0;
	u16 opcode;
	u64 ip, dp;
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16];
	u8 xmm[16][16];
	u8 unused[96];
	u64 xstate_bv, xcomp_bv;
	u64 reserved1[6];
};
_Static_assert(sizeof(struct fpu_area) == 576, "legacy region and header");

/* Once, before anything else here: what this processor and its system have. Task or atomic. */
void fpu_start(void);
/* What it found: the same for ever. */
extern struct fpu_facts {
	u64 features; /* XCR0 bits that a guest may have; 0 where there is no XSAVE */
	u64 system_xcr0; /* XCR0 as the system has it; 0 where there is no XSAVE */
	bool compacts; /* XSAVEC may be offered: software that sums up the parts has room for it */
	u32 mxcsr_mask; /* the bits of MXCSR that may be set */
	u32 size; /* bytes of the area in use, the header included */
} fpu;

/* State after reset. */
void fpu_init(struct fpu_area *a);
/*
 * Put the area into the registers and back. Interrupts may be on, XCR0 is the system's own.
 * A load first clears what would make the processor fault, so any content is safe.
 */
void fpu_load(struct fpu_area *a);
void fpu_save(struct fpu_area *a);

#endif
