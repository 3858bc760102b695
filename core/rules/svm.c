// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* AMD: the state; the checks of what it has are without an order of their own. */
#include "core/rules/svm.h"

static const struct field {
	u16 offset;
	u8 bytes;
	const char *name;
} fields[] = {
#define FIELD(id, offset, bytes, name) { offset, bytes, name },
	SVM_FIELDS(FIELD)
#undef FIELD
};

static const struct fact {
	u32 leaf;
	u8 which; /* EAX, EBX, ECX, EDX */
	const char *name;
} facts[RULES_SVM_FACTS_USED] = {
	[RULES_SVM_CPUID_1_ECX] = { 1, 2, "CPUID 1 ECX" },
	[RULES_SVM_CPUID_7_EBX] = { 7, 1, "CPUID 7 EBX" },
	[RULES_SVM_CPUID_7_ECX] = { 7, 2, "CPUID 7 ECX" },
	[RULES_SVM_CPUID_80000001_ECX] = { 0x80000001, 2, "CPUID 80000001h ECX" },
	[RULES_SVM_CPUID_80000001_EDX] = { 0x80000001, 3, "CPUID 80000001h EDX" },
	[RULES_SVM_CPUID_80000008_EAX] = { 0x80000008, 0, "CPUID 80000008h EAX" },
	[RULES_SVM_CPUID_80000008_EBX] = { 0x80000008, 1, "CPUID 80000008h EBX" },
	[RULES_SVM_CPUID_8000000A_EDX] = { 0x8000000a, 3, "CPUID 8000000Ah EDX" },
	[RULES_SVM_CPUID_8000001F_EAX] = { 0x8000001f, 0, "CPUID 8000001Fh EAX" },
	[RULES_SVM_CPUID_8000001F_ECX] = { 0x8000001f, 2, "CPUID 8000001Fh ECX" },
	[RULES_SVM_CPUID_80000021_EAX] = { 0x80000021, 0, "CPUID 80000021h EAX" },
	[RULES_SVM_HOST_CR0] = { 0, 0, "the host's CR0" },
	[RULES_SVM_U_CET] = { 0, 0, "U_CET" },
	[RULES_SVM_HOST_EFER] = { 0, 0, "the host's EFER" },
	[RULES_SVM_HOST_CPL] = { 0, 0, "the host's CPL" },
	[RULES_SVM_VMCB_ADDRESS] = { 0, 0, "address of the VMCB" },
};

int rules_svm_field(unsigned int offset)
{
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].offset == offset)
			return (int)i;
	return -1;
}

unsigned int rules_svm_offset(unsigned int field)
{
	return field < ARRAY_SIZE(fields) ? fields[field].offset : ~0u;
}

unsigned int rules_svm_bytes(unsigned int field)
{
	return field < ARRAY_SIZE(fields) ? fields[field].bytes : 8;
}

const char *rules_svm_name(unsigned int field)
{
	if (field < ARRAY_SIZE(fields))
		return fields[field].name;
	if (field >= RULES_SVM_FIELDS && field < RULES_SVM_FACT(RULES_SVM_FACTS_USED))
		return facts[field - RULES_SVM_FIELDS].name;
	return "";
}

static void set(struct rules_svm_state *s, unsigned int field, u64 value)
{
	s->value[field] = value;
	s->present[field / 8] |= (u8)(1u << field % 8);
}

int rules_svm_set(struct rules_svm_state *s, unsigned int offset, unsigned long long value)
{
	int field = rules_svm_field(offset);

	if (field < 0)
		return -1;
	if (fields[field].bytes < 8)
		value &= (1ull << 8 * fields[field].bytes) - 1;
	set(s, (unsigned int)field, value);
	return 0;
}

void rules_svm_set_vmcb(struct rules_svm_state *s, const void *vmcb)
{
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		const u8 *bytes = (const u8 *)vmcb + fields[i].offset;
		u64 value = 0;

		for (u32 n = fields[i].bytes; n; n--)
			value = value << 8 | bytes[n - 1];
		set(s, i, value);
	}
}

void rules_svm_set_fact(struct rules_svm_state *s, enum rules_svm_fact fact,
			unsigned long long value)
{
	if ((unsigned int)fact < RULES_SVM_FACTS_USED)
		set(s, RULES_SVM_FACT((unsigned int)fact), value);
}

void rules_svm_set_cpuid(struct rules_svm_state *s, unsigned int leaf, const unsigned int regs[4])
{
	for (u32 i = 0; i < RULES_SVM_FACTS_USED; i++)
		if (leaf && facts[i].leaf == leaf)
			set(s, RULES_SVM_FACT(i), regs[facts[i].which]);
}

int rules_svm_get(const struct rules_svm_state *s, unsigned int field, unsigned long long *value)
{
	if (field >= RULES_SVM_FACT(RULES_SVM_FACTS) || !(s->present[field / 8] >> field % 8 & 1))
		return 0;
	*value = s->value[field];
	return 1;
}

/* What the instruction itself raises, before it looks at the VMCB. */
static void gather(struct rules_table tables[2])
{
	tables[0] = svm_instruction_rules;
	tables[1] = svm_rules;
}

unsigned int rules_svm_judge(const struct rules_svm_state *s, struct rules_finding *findings,
			     unsigned int max, struct rules_result *result)
{
	struct rules_table tables[2];
	struct rules_judge j = { .state = s, .value = s->value, .present = s->present };

	gather(tables);
	return rules_judge_all(&j, tables, 2, findings, max, result);
}

const struct rules_rule *rules_svm_rule(unsigned int n)
{
	struct rules_table tables[2];

	gather(tables);
	return rules_at(tables, 2, n);
}
