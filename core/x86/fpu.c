// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/x86/cpu.h"
#include "core/x86/fpu.h"
#include "core/x86/regs.h"

struct fpu_facts fpu = { .mxcsr_mask = 0xffbf, .size = sizeof(struct fpu_area) };

static u32 area_size(u64 features)
{
	u32 size = sizeof(struct fpu_area);

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

/* Does the processor tell the size that follows from the parts (SDM vol. 1, 13.4.3)? */
static bool compacted_size_right(void)
{
	struct x86_cpuid c = x86_cpuid(0xd, 1); /* ebx: size for XCR0 and IA32_XSS as they are */
	u64 features = x86_xgetbv();
	u32 size = sizeof(struct fpu_area), told = c.ebx;

	if (c.eax & CPUID_D1_EAX_XSAVES)
		features |= x86_rdmsr(IA32_XSS);
	for (u32 i = 2; i < 63; i++) {
		if (!(features >> i & 1))
			continue;
		c = x86_cpuid(0xd, i);
		size = (c.ecx & 2 ? (size + 63) & ~63u : size) + c.eax;
	}
	return size == told;
}

void fpu_start(void)
{
	static struct fpu_area area __attribute__((aligned(64)));

	fpu.system_xcr0 = x86_cpuid(1, 0).ecx & CPUID_1_ECX_OSXSAVE ? x86_xgetbv() : 0;
	fpu.features = fpu.system_xcr0 & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
	fpu.compacts = fpu.system_xcr0 && compacted_size_right();
	/* The three AVX-512 bits go together or not at all (SDM vol. 1, 13.3). */
	if ((fpu.features & XCR0_AVX512) != XCR0_AVX512)
		fpu.features &= ~XCR0_AVX512;
	fpu.size = area_size(fpu.features);
	if (fpu.size > FPU_AREA_SIZE) {
		fpu.features &= XCR0_X87 | XCR0_SSE | XCR0_AVX;
		fpu.size = area_size(fpu.features);
	}
	x86_fxsave(&area);
	fpu.mxcsr_mask = area.mxcsr_mask ? area.mxcsr_mask : 0xffbf; /* SDM vol. 1, 11.6.6 */
}

/* SDM vol. 3, table 10-1: FCW 37Fh, MXCSR 1F80h, all else initial. */
void fpu_init(struct fpu_area *a)
{
	memset(a, 0, FPU_AREA_SIZE);
	a->fcw = FPU_FCW_RESET;
	a->mxcsr = FPU_MXCSR_RESET;
	a->xstate_bv = XCR0_X87 | XCR0_SSE;
}

void fpu_load(struct fpu_area *a)
{
	a->mxcsr &= fpu.mxcsr_mask;
	if (!fpu.features) {
		x86_fxrstor(a);
		return;
	}
	a->xstate_bv &= fpu.features;
	a->xcomp_bv = 0;
	a->reserved1[0] = 0;
	x86_xrstor(a, fpu.features);
}

void fpu_save(struct fpu_area *a)
{
	if (fpu.features) {
		x86_xsave(a, fpu.features);
	} else {
		x86_fxsave(a);
		a->xstate_bv = XCR0_X87 | XCR0_SSE;
	}
}
