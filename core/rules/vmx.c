// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Intel: the state, and all stages of the checks one after another (SDM vol. 3, 27.2 to 27.4). */
#include "core/rules/vmx.h"

static const struct field {
	u16 encoding;
	u8 bytes;
	const char *name;
} fields[] = {
#define BYTES_16 2
#define BYTES_32 4
#define BYTES_64 8
#define BYTES_N 8
#define FIELD(width, id, encoding, name) { encoding, BYTES_##width, name },
	VMCS_FIELDS(FIELD)
#undef FIELD
};

static const char *const facts[RULES_VMX_FACTS] = {
	[RULES_VMX_BASIC] = "IA32_VMX_BASIC",
	[RULES_VMX_MSR(IA32_VMX_PINBASED_CTLS)] = "IA32_VMX_PINBASED_CTLS",
	[RULES_VMX_MSR(IA32_VMX_PROCBASED_CTLS)] = "IA32_VMX_PROCBASED_CTLS",
	[RULES_VMX_MSR(IA32_VMX_EXIT_CTLS)] = "IA32_VMX_EXIT_CTLS",
	[RULES_VMX_MSR(IA32_VMX_ENTRY_CTLS)] = "IA32_VMX_ENTRY_CTLS",
	[RULES_VMX_MSR(IA32_VMX_MISC)] = "IA32_VMX_MISC",
	[RULES_VMX_MSR(IA32_VMX_CR0_FIXED0)] = "IA32_VMX_CR0_FIXED0",
	[RULES_VMX_MSR(IA32_VMX_CR0_FIXED1)] = "IA32_VMX_CR0_FIXED1",
	[RULES_VMX_MSR(IA32_VMX_CR4_FIXED0)] = "IA32_VMX_CR4_FIXED0",
	[RULES_VMX_MSR(IA32_VMX_CR4_FIXED1)] = "IA32_VMX_CR4_FIXED1",
	[RULES_VMX_MSR(0x48a)] = "IA32_VMX_VMCS_ENUM",
	[RULES_VMX_MSR(IA32_VMX_PROCBASED_CTLS2)] = "IA32_VMX_PROCBASED_CTLS2",
	[RULES_VMX_MSR(IA32_VMX_EPT_VPID_CAP)] = "IA32_VMX_EPT_VPID_CAP",
	[RULES_VMX_MSR(IA32_VMX_TRUE_PINBASED_CTLS)] = "IA32_VMX_TRUE_PINBASED_CTLS",
	[RULES_VMX_MSR(IA32_VMX_TRUE_PROCBASED_CTLS)] = "IA32_VMX_TRUE_PROCBASED_CTLS",
	[RULES_VMX_MSR(IA32_VMX_TRUE_EXIT_CTLS)] = "IA32_VMX_TRUE_EXIT_CTLS",
	[RULES_VMX_MSR(IA32_VMX_TRUE_ENTRY_CTLS)] = "IA32_VMX_TRUE_ENTRY_CTLS",
	[RULES_VMX_MSR(0x491)] = "IA32_VMX_VMFUNC",
	[RULES_VMX_MSR(0x492)] = "IA32_VMX_PROCBASED_CTLS3",
	[RULES_VMX_MSR(0x493)] = "IA32_VMX_EXIT_CTLS2",
	[RULES_PHYSICAL_BITS] = "physical-address width",
	[RULES_LINEAR_BITS] = "linear-address width",
	[RULES_EFER_BITS] = "bits of IA32_EFER that may be set",
	[RULES_DEBUGCTL_BITS] = "bits of IA32_DEBUGCTL that may be set",
	[RULES_PERF_GLOBAL_BITS] = "bits of IA32_PERF_GLOBAL_CTRL that may be set",
	[RULES_HAS_RTM] = "RTM",
	[RULES_HAS_BUS_LOCK] = "bus-lock detection",
	[RULES_HAS_SGX] = "SGX",
	[RULES_ROOT_EFER] = "IA32_EFER at the entry",
	[RULES_ROOT_CR4] = "CR4 at the entry",
	[RULES_IN_SMM] = "in system-management mode",
	[RULES_MOV_SS] = "blocked by MOV SS at the entry",
	[RULES_VMCS_ADDRESS] = "address of the current VMCS",
	[RULES_VMCS_LAUNCHED] = "launch state of the VMCS",
	[RULES_IS_RESUME] = "the instruction is VMRESUME",
	[RULES_LINKED_VMCS] = "first four bytes at the VMCS link pointer",
	[RULES_VIRTUAL_TPR] = "virtual TPR",
	[RULES_PDPTE_0] = "PDPTE0 in memory",
	[RULES_PDPTE_0 + 1] = "PDPTE1 in memory",
	[RULES_PDPTE_0 + 2] = "PDPTE2 in memory",
	[RULES_ENTRY_AREA] = "entries of the VM-entry MSR-load area",
	[RULES_VMCS_SHADOW] = "the current VMCS is a shadow VMCS",
	[RULES_PDPTE_3] = "PDPTE3 in memory",
};

/* An encoding is width, kind and index (25.11.2): bits 14:13, 11:10 and 9:1; below 64 until now. */
#define PLACE(encoding) \
	(((encoding) >> 13 & 3) << 8 | ((encoding) >> 10 & 3) << 6 | ((encoding) >> 1 & 63))

int rules_vmx_field(unsigned int encoding)
{
#define AT_PLACE(width, id, encoding, name) [PLACE(encoding)] = AT_##id + 1,
	static const u8 places[PLACE(~0u) + 1] = { VMCS_FIELDS(AT_PLACE) };
#undef AT_PLACE
	int field = places[PLACE(encoding)] - 1;

	return field >= 0 && fields[field].encoding == encoding ? field : -1;
}

unsigned int rules_vmx_encoding(unsigned int field)
{
	return field < ARRAY_SIZE(fields) ? fields[field].encoding : ~0u;
}

unsigned int rules_vmx_bytes(unsigned int field)
{
	return field < ARRAY_SIZE(fields) ? fields[field].bytes : 8;
}

const char *rules_vmx_name(unsigned int field)
{
	const char *name = NULL;

	if (field < ARRAY_SIZE(fields))
		name = fields[field].name;
	else if (field >= RULES_VMX_FIELDS && field < RULES_VMX_FACT(RULES_VMX_FACTS))
		name = facts[field - RULES_VMX_FIELDS];
	return name ? name : "";
}

static void set(struct rules_vmx_state *s, unsigned int field, u64 value)
{
	s->value[field] = value;
	s->present[field / 8] |= (u8)(1u << field % 8);
}

int rules_vmx_set(struct rules_vmx_state *s, unsigned int encoding, unsigned long long value)
{
	bool high = encoding & 1;
	int field = rules_vmx_field(encoding & ~1u);

	/* Only 64-bit fields have a high half (25.11.2). */
	if (field < 0 || (high && (encoding >> 13 & 3) != 1))
		return -1;
	if (high)
		value = value << 32 | (u32)s->value[field];
	else if (fields[field].bytes < 8)
		value &= (1ull << 8 * fields[field].bytes) - 1;
	set(s, (unsigned int)field, value);
	return 0;
}

void rules_vmx_set_fact(struct rules_vmx_state *s, enum rules_vmx_fact fact,
			unsigned long long value)
{
	if ((unsigned int)fact < RULES_VMX_FACTS)
		set(s, RULES_VMX_FACT((unsigned int)fact), value);
}

int rules_vmx_get(const struct rules_vmx_state *s, unsigned int field, unsigned long long *value)
{
	if (field >= ARRAY_SIZE(s->value) || !(s->present[field / 8] >> field % 8 & 1))
		return 0;
	*value = s->value[field];
	return 1;
}

/* In the processor's order. The controls and the host's area it may check in any. */
static const struct rules_table *const stages[] = {
	&vmx_instruction_rules, &vmx_control_rules, &vmx_host_rules, &vmx_guest_rules,
	&vmx_segment_rules, &vmx_other_rules, &vmx_load_rules,
};

static void gather(struct rules_table tables[ARRAY_SIZE(stages)])
{
	for (u32 i = 0; i < ARRAY_SIZE(stages); i++)
		tables[i] = *stages[i];
}

const struct rules_rule *rules_vmx_rule(unsigned int n)
{
	struct rules_table tables[ARRAY_SIZE(stages)];

	gather(tables);
	return rules_at(tables, ARRAY_SIZE(stages), n);
}

unsigned int rules_vmx_judge(const struct rules_vmx_state *s, struct rules_finding *findings,
			     unsigned int max, struct rules_result *result)
{
	struct rules_table tables[ARRAY_SIZE(stages)];
	struct rules_judge j = { .state = s, .value = s->value, .present = s->present };

	gather(tables);
	return rules_judge_all(&j, tables, ARRAY_SIZE(stages), findings, max, result);
}
