// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* After an entry that failed: which rules of the manual does the VMCS break? */
#include "core/rules/rules.h"
#include "core/vmx/vmx.h"

#define MAX_NAMED 8

struct explanation {
	struct rules_vmx_state state;
	struct rules_finding found[MAX_NAMED];
	struct rules_result result;
};
_Static_assert(sizeof(struct explanation) <= SWIVL_PAGE_SIZE, "one page: not on this stack");

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

static void name_rule(const struct explanation *e, const struct rules_finding *f)
{
	host_log(HOST_LOG_ERROR, "entry failed: broken is \"%s\" (SDM vol. 3, %s; rule %u)",
		 f->rule->text, f->rule->section, f->rule->number);
	for (unsigned int i = 0; i < f->reads; i++) {
		unsigned long long value;

		if (rules_vmx_get(&e->state, f->read[i], &value))
			host_log(HOST_LOG_ERROR, "  %s = 0x%llx", rules_vmx_name(f->read[i]), value);
	}
}

void vmx_explain(struct vcpu *vcpu, u64 reason)
{
	struct explanation *e;
	unsigned int n;

	/* Once: whoever runs the guest can make it fail as often as they like. */
	if (to_vmx(vcpu)->explained || !(e = host_page_alloc()))
		return;
	to_vmx(vcpu)->explained = true;
	read_fields(&e->state);
	set_facts(&e->state);
	n = rules_vmx_judge(&e->state, e->found, MAX_NAMED, &e->result);
	host_log(HOST_LOG_ERROR, "entry failed with 0x%llx: it breaks %u rules of the manual, %u cannot be judged", reason,
		 e->result.broken, e->result.unknown);
	for (unsigned int i = 0; i < n && e->found[i].verdict == RULES_BROKEN; i++)
		name_rule(e, &e->found[i]);
	host_page_free(e);
}
