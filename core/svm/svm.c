// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * AMD-V. For now it only knows its processors and says what they lack; on all of them it is
 * this code itself.
 */
#include "core/vendor.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

static bool svm_present(void)
{
	u32 ebx = x86_cpuid(0, 0).ebx;

	return ebx == 0x68747541 || ebx == 0x6f677948; /* "Auth" enticAMD, "Hygo" nGenuine */
}

static bool svm_supported(struct refusal_report *why)
{
	u32 ecx = x86_cpuid(0x80000001, 0).ecx;

	return refuse(why, ecx & CPUID_X1_ECX_SVM ? REFUSE_SVM_NOT_YET : REFUSE_SVM_CPUID,
		      "CPUID.80000001h:ECX.SVM", CPUID_X1_ECX_SVM, ecx);
}

const struct vendor svm_vendor = {
	.name = "AMD-V",
	.present = svm_present,
	.supported = svm_supported,
};
