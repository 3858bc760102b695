// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What this processor's SVM can do, and whether that is enough. */
#include "core/svm/svm.h"

struct svm_caps svm_read_caps(void)
{
	struct svm_caps caps = { 0 };
	struct x86_cpuid c;

	if (x86_cpuid(0x80000000, 0).eax < 0x8000000a)
		return caps;
	c = x86_cpuid(0x8000000a, 0);
	caps.asids = c.ebx;
	caps.features = c.edx & (SVM_NESTED_PAGING | SVM_LBR | SVM_LOCK | SVM_NEXT_RIP |
				 SVM_CLEAN_BITS | SVM_FLUSH_BY_ASID | SVM_DECODE_ASSISTS);
	return caps;
}

bool svm_check_caps(const struct svm_caps *caps, struct refusal_report *why)
{
	if (!(caps->features & SVM_NESTED_PAGING))
		return refuse(why, REFUSE_NO_NESTED_PAGING, "CPUID.8000000Ah:EDX.NP",
			      SVM_NESTED_PAGING, caps->features);
	/* ASID 0 is the host's. */
	if (caps->asids < 2)
		return refuse(why, REFUSE_NO_ASID, "CPUID.8000000Ah:EBX.NASID", 2, caps->asids);
	return true;
}

bool svm_check_vm_cr(u64 vm_cr, struct refusal_report *why)
{
	if (!(vm_cr & VM_CR_SVMDIS))
		return true;
	return refuse(why, vm_cr & VM_CR_LOCKED ? REFUSE_SVM_LOCKED : REFUSE_SVM_DISABLED, "VM_CR",
		      0, vm_cr);
}
