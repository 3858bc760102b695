/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The SVM instructions (APM vol. 3, chapter 4) besides those of the world switch, one function
 * each. With SWIVL_MODEL they belong to the modelled processor.
 */
#ifndef SWIVL_CORE_SVM_INSN_H
#define SWIVL_CORE_SVM_INSN_H

#include "core/types.h"

#ifdef SWIVL_MODEL

void svm_vmsave(u64 pa);
void svm_vmload(u64 pa);

#else

/* FS, GS, TR, LDTR with their hidden parts, KernelGSBase, STAR and its kind, SYSENTER's. */
static inline void svm_vmsave(u64 pa)
{
	asm volatile("vmsave %0" : : "a"(pa) : "memory");
}

static inline void svm_vmload(u64 pa)
{
	asm volatile("vmload %0" : : "a"(pa) : "memory");
}

#endif
#endif
