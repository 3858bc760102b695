// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What would satisfy a broken rule: changes of one field, found by trying. The rule itself says
 * whether one is good, so no rule needs a second text that could contradict its first.
 */
#include "core/rules/judge.h"

struct search {
	struct rules_judge judge;
	u64 *value; /* judge.value, to write */
	unsigned int fields; /* what stands behind them is the processor's and cannot be changed */
	unsigned int (*bytes)(unsigned int field);
	unsigned int (*judge_all)(const void *state);
	int pointer; /* a field in which all ones are no address, or -1 */
	const struct rules_finding *broke;
	unsigned int broken; /* by the state as it is */
	struct rules_remedy *found;
	unsigned int count, max;
};

/* In need, a rule that cannot be judged will do, too. */
static bool holds(struct search *s, bool any)
{
	struct rules_judge *j = &s->judge;
	bool good;

	j->quick = j->present;
	j->verdict = RULES_HOLDS;
	good = s->broke->rule->holds(j, s->broke->instance);
	return (good && j->verdict == RULES_HOLDS) || (any && j->verdict == RULES_UNKNOWN);
}

/* True if @value in @field is a remedy; one that breaks other rules is taken only where asked for. */
static bool try_value(struct search *s, unsigned int field, u64 value, bool any)
{
	u64 before = s->value[field];
	bool good = false;

	value &= s->bytes(field) < 8 ? (1ull << 8 * s->bytes(field)) - 1 : ~0ull;
	for (unsigned int i = 0; i < s->count; i++)
		if (s->found[i].field == field && s->found[i].value == value)
			return false;
	if (s->count == s->max || value == before)
		return false;
	s->value[field] = value;
	if (holds(s, any)) {
		unsigned int after = s->judge_all(s->judge.state);

		good = any || after < s->broken;
		if (good)
			s->found[s->count++] = (struct rules_remedy){
				.field = (u16)field, .value = value, .still_broken = after,
			};
	}
	s->value[field] = before;
	return good;
}

/* Values that rules ask for: what the capability @a, or @a and @b, demand and allow; widths; signs. */
static unsigned int candidates(u64 v, u64 a, u64 b, u64 *out)
{
	const u64 list[] = {
		(v | (u32)a) & a >> 32, (v | a) & b, v | a, v & a, v & ~a, a,
		a < 64 ? v & ((1ull << a) - 1) : v, a << 4,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
		out[i] = list[i];
	return ARRAY_SIZE(list);
}

/* Values that fields of all kinds have: nothing, alignment, sign, modes, access rights, memory types. */
static unsigned int constants(u64 v, u64 *out)
{
	const u64 list[] = {
		v & ~0xfffull, v & ~15ull, v & ~7ull, (u64)((s64)(v << 16) >> 16), (u32)v, v & 0xffff,
		v & 0xff, v | 0xfff, 0, ~0ull, 0xffff, 0xf3, 2, 0x0007040600070406ull,
		v & ~0xf00ull, v & 0xfffff, v & 0x1f0ff, 0x93, 0x9b, 0x8b, v | 3, (v & ~15ull) | 11,
		v & ~0x60ull, v | 0x500, v & ~0x500ull,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
		out[i] = list[i];
	return ARRAY_SIZE(list);
}
#define MAX_CANDIDATES 32

static unsigned int bits_of(u64 value)
{
	unsigned int n = 0;

	for (; value; value &= value - 1)
		n++;
	return n;
}

/* Fewer rules that stay broken, or as many and fewer bits of the value @v changed. */
static bool better(const struct rules_remedy *a, const struct rules_remedy *b, u64 v)
{
	return a->still_broken != b->still_broken ? a->still_broken < b->still_broken :
						    bits_of(a->value ^ v) < bits_of(b->value ^ v);
}

/* All of a list; the best of this and of what was found from @first on stays. */
static void try_list(struct search *s, unsigned int field, const u64 *list, unsigned int n,
		     unsigned int first, bool any)
{
	for (unsigned int i = 0; i < n; i++)
		if (try_value(s, field, list[i], any) && s->count == first + 2) {
			s->count--;
			if (better(&s->found[first + 1], &s->found[first], s->value[field]))
				s->found[first] = s->found[first + 1];
		}
}

/* One bit, else the best of what capabilities, other fields and the constants say. */
static void try_field(struct search *s, unsigned int field, bool any)
{
	const struct rules_finding *f = s->broke;
	u64 v = s->value[field], list[MAX_CANDIDATES];
	unsigned int bits = 8 * s->bytes(field), first = s->count;

	if ((int)field == s->pointer)
		try_value(s, field, ~0ull, any);
	for (unsigned int bit = 0; bit < bits && s->count < first + 2; bit++)
		try_value(s, field, v ^ 1ull << bit, any);
	if (s->count > first || first + 1 >= s->max)
		return;
	try_list(s, field, list, constants(v, list), first, any);
	for (unsigned int i = 0; i < f->reads; i++)
		for (unsigned int k = 0; k < f->reads && f->read[i] != field; k++)
			try_list(s, field, list,
				 candidates(v, s->value[f->read[i]], s->value[f->read[k]], list), first,
				 any);
}

static unsigned int search(struct search *s, struct rules_remedy *found, unsigned int max)
{
	const struct rules_finding *f = s->broke;

	s->judge.value = s->value;
	s->found = found;
	s->max = max;
	if (f->verdict != RULES_BROKEN || !(f->rule->instances >> f->instance & 1))
		return 0;
	s->broken = s->judge_all(s->judge.state);
	for (int any = 0; any < 2 && !s->count; any++)
		for (unsigned int i = 0; i < f->reads; i++)
			if (f->read[i] < s->fields)
				try_field(s, f->read[i], any);
	return s->count;
}

static unsigned int judge_vmx(const void *state)
{
	struct rules_finding none;
	struct rules_result result;

	rules_vmx_judge(state, &none, 0, &result);
	return result.broken;
}

unsigned int rules_vmx_remedies(struct rules_vmx_state *s, const struct rules_finding *f,
				struct rules_remedy *found, unsigned int max)
{
	struct search one = {
		.judge = { .state = s, .present = s->present },
		.value = s->value, .fields = RULES_VMX_FIELDS, .bytes = rules_vmx_bytes,
		.judge_all = judge_vmx, .broke = f, .pointer = rules_vmx_field(0x2800), /* VMCS link pointer */
	};

	return search(&one, found, max);
}

static unsigned int judge_svm(const void *state)
{
	struct rules_finding none;
	struct rules_result result;

	rules_svm_judge(state, &none, 0, &result);
	return result.broken;
}

unsigned int rules_svm_remedies(struct rules_svm_state *s, const struct rules_finding *f,
				struct rules_remedy *found, unsigned int max)
{
	struct search one = {
		.judge = { .state = s, .present = s->present },
		.value = s->value, .fields = RULES_SVM_FIELDS, .bytes = rules_svm_bytes,
		.judge_all = judge_svm, .broke = f, .pointer = -1,
	};

	return search(&one, found, max);
}
