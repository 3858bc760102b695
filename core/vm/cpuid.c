// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What CPUID tells a guest: what the caller set, out of what swivl offers. */
#include "core/vm/vm.h"

void vcpu_cpuid(struct vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	*eax = *ebx = *ecx = *edx = 0;
}

bool vcpu_has_cpuid(struct vcpu *vcpu, u32 leaf, u32 subleaf, unsigned int reg, unsigned int bit)
{
	return false;
}
