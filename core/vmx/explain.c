// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* After an entry that failed: the VMCS, for core/rules to say which rules of the manual it breaks. */
#include "core/vmx/vmx.h"

/* What this processor has no field for stays missing. Its error number is read by now. */
static void read_fields(struct rules_vmx_state *s)
{
	for (unsigned int i = 0; i < RULES_VMX_FIELDS; i++) {
		u64 value;

		if (*rules_vmx_name(i) &&
		    vmx_vmread(rules_vmx_encoding(i), &value) == VMX_SUCCEED)
			rules_vmx_set(s, rules_vmx_encoding(i), value);
	}
}

static void set_facts(struct rules_vmx_state *s)
{
	const struct vmx_caps *c = &vmx.caps;

	const struct {
		u32 msr;
		u64 value;
	} known[] = {
		{ IA32_VMX_BASIC, c->basic },
		{ IA32_VMX_PINBASED_CTLS, c->pin },
		{ IA32_VMX_TRUE_PINBASED_CTLS, c->pin },
		{ IA32_VMX_PROCBASED_CTLS, c->primary },
		{ IA32_VMX_TRUE_PROCBASED_CTLS, c->primary },
		{ IA32_VMX_PROCBASED_CTLS2, c->secondary },
		{ IA32_VMX_EXIT_CTLS, c->exit },
		{ IA32_VMX_TRUE_EXIT_CTLS, c->exit },
		{ IA32_VMX_ENTRY_CTLS, c->entry },
		{ IA32_VMX_TRUE_ENTRY_CTLS, c->entry },
		{ IA32_VMX_MISC, c->misc },
		{ IA32_VMX_CR0_FIXED0, c->cr0_fixed0 },
		{ IA32_VMX_CR0_FIXED1, c->cr0_fixed1 },
		{ IA32_VMX_CR4_FIXED0, c->cr4_fixed0 },
		{ IA32_VMX_CR4_FIXED1, c->cr4_fixed1 },
		{ IA32_VMX_EPT_VPID_CAP, c->ept_vpid },
	};
	u32 widths = x86_cpuid(0x80000008, 0).eax;

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
		rules_vmx_set_fact(s, RULES_VMX_MSR(known[i].msr), known[i].value);
	if (widths & 0xff) {
		rules_vmx_set_fact(s, RULES_PHYSICAL_BITS, widths & 0xff);
		rules_vmx_set_fact(s, RULES_LINEAR_BITS, widths >> 8 & 0xff);
	}
	rules_vmx_set_fact(s, RULES_ROOT_EFER, EFER_LMA | EFER_LME); /* the core is 64-bit code */
}

void vmx_judge(struct rules_failure *f, u64 reason)
{
	f->vendor = RULES_INTEL;
	f->reason = reason;
	read_fields(&f->vmx);
	set_facts(&f->vmx);
	rules_failure_judge(f);
}

void vmx_explain(struct vcpu *vcpu, u64 reason)
{
	struct rules_failure *f = vcpu_failure(vcpu);

	if (f)
		vmx_judge(f, reason);
}
