// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/x86/cpu.h"
#include "core/x86/fpu.h"
#include "core/x86/regs.h"

#define FPU_MXCSR 24
#define FPU_MXCSR_MASK 28

static struct {
	u64 features;
	u32 mxcsr_mask;
	u32 size;
} fpu = { .mxcsr_mask = 0xffbf, .size = 576 };

static u32 area_size(u64 features)
{
	u32 size = FPU_HEADER + 64;

	for (u32 i = 2; i < 63; i++) {
		struct x86_cpuid c;

		if (!(features >> i & 1))
			continue;
		c = x86_cpuid(0xd, i); /* eax: size, ebx: offset */
		if (c.ebx + c.eax > size)
			size = c.ebx + c.eax;
	}
	return size;
}

void fpu_start(void)
{
	static u8 area[512] __attribute__((aligned(64)));

	fpu.features = 0;
	if (x86_cpuid(1, 0).ecx & CPUID_1_ECX_OSXSAVE)
		fpu.features = x86_xgetbv() & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
	/* The three AVX-512 bits go together or not at all (SDM vol. 1, 13.3). */
	if ((fpu.features & XCR0_AVX512) != XCR0_AVX512)
		fpu.features &= ~XCR0_AVX512;
	fpu.size = area_size(fpu.features);
	if (fpu.size > FPU_AREA_SIZE) {
		fpu.features &= XCR0_X87 | XCR0_SSE | XCR0_AVX;
		fpu.size = area_size(fpu.features);
	}
	x86_fxsave(area);
	memcpy(&fpu.mxcsr_mask, area + FPU_MXCSR_MASK, sizeof(u32));
	if (!fpu.mxcsr_mask)
		fpu.mxcsr_mask = 0xffbf; /* SDM vol. 1, 11.6.6 */
}

u64 fpu_features(void)
{
	return fpu.features;
}

u32 fpu_mxcsr_mask(void)
{
	return fpu.mxcsr_mask;
}

u32 fpu_area_size(void)
{
	return fpu.size;
}

void fpu_init(void *area)
{
	u8 *p = area;
	u16 fcw = FPU_FCW_RESET;
	u32 mxcsr = FPU_MXCSR_RESET;

	memset(p, 0, FPU_AREA_SIZE);
	memcpy(p, &fcw, sizeof(fcw));
	memcpy(p + FPU_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(p + FPU_MXCSR_MASK, &fpu.mxcsr_mask, sizeof(u32));
}

void fpu_load(void *area)
{
	u32 *mxcsr = (u32 *)((u8 *)area + FPU_MXCSR);
	u64 *header = (u64 *)((u8 *)area + FPU_HEADER);

	*mxcsr &= fpu.mxcsr_mask;
	if (!fpu.features) {
		x86_fxrstor(area);
		return;
	}
	header[0] &= fpu.features;
	header[1] = 0;
	header[2] = 0;
	x86_xrstor(area, fpu.features);
}

void fpu_save(void *area)
{
	u64 *header = (u64 *)((u8 *)area + FPU_HEADER);

	if (fpu.features) {
		x86_xsave(area, fpu.features);
	} else {
		x86_fxsave(area);
		header[0] = XCR0_X87 | XCR0_SSE;
	}
}
