// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* After an entry that failed: the VMCB, for core/rules to say which rules of the manual it breaks. */
#include "core/svm/svm.h"

static void set_facts(struct rules_svm_state *s)
{
	static const u32 leaves[] = { 1,	  7,	      0x80000001, 0x80000008,
				      0x8000000a, 0x8000001f, 0x80000021 };

	for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct x86_cpuid c = { 0, 0, 0, 0 }; /* a leaf that is not there has no features */

		if (x86_cpuid(leaves[i] & 0x80000000, 0).eax >= leaves[i])
			c = x86_cpuid(leaves[i], 0);
		rules_svm_set_cpuid(s, leaves[i], (u32[]){ c.eax, c.ebx, c.ecx, c.edx });
	}
	rules_svm_set_fact(s, RULES_SVM_HOST_CR0, x86_read_cr0());
	rules_svm_set_fact(s, RULES_SVM_U_CET, 0); /* guests have no CET, nor has the host in here */
}

void svm_judge(struct rules_failure *f, const struct vmcb *vmcb)
{
	f->vendor = RULES_AMD;
	f->reason = CODE_INVALID;
	rules_svm_set_vmcb(&f->svm, vmcb);
	set_facts(&f->svm);
	rules_failure_judge(f);
}

void svm_explain(struct vcpu *vcpu)
{
	struct rules_failure *f = vcpu_failure(vcpu);

	if (f)
		svm_judge(f, to_svm(vcpu)->vmcb);
}
