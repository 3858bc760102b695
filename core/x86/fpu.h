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
#define FPU_HEADER 512 /* offset of XSTATE_BV */
#define FPU_AREA_SIZE 4096u

/* Once, before anything else here: what this processor and its system have. Task or atomic. */
void fpu_start(void);
/* XCR0 bits that a guest may have; 0 where there is no XSAVE. */
u64 fpu_features(void);
/* The bits of MXCSR that may be set. */
u32 fpu_mxcsr_mask(void);
/* Bytes of the area in use, the header included. */
u32 fpu_area_size(void);

/* State after reset. */
void fpu_init(void *area);
/*
 * Put the area into the registers and back. Interrupts may be on, XCR0 is the system's own.
 * A load first clears what would make the processor fault, so any content is safe.
 */
void fpu_load(void *area);
void fpu_save(void *area);

#endif
