// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Judging by a table of rules, and text without a C library. */
#include "core/rules/judge.h"

void rules_missing(struct rules_judge *j, unsigned int field)
{
	if (j->finding->verdict != RULES_UNKNOWN)
		j->finding->missing = (u16)field;
	j->finding->verdict = RULES_UNKNOWN;
}

bool rules_broken(struct rules_judge *j)
{
	j->finding->verdict = RULES_BROKEN;
	return false;
}

static void judge_one(struct rules_judge *j, const struct rules_rule *rule, unsigned int instance,
		      struct rules_finding *f)
{
	int holds;

	f->rule = rule;
	f->verdict = RULES_HOLDS;
	f->instance = (u8)instance;
	f->reads = 0;
	f->missing = 0;
	j->finding = f;
	holds = rule->holds(j, instance);
	if (!holds && f->verdict != RULES_UNKNOWN)
		f->verdict = RULES_BROKEN;
}

/* Findings of @verdict are written to @out; what is judged is counted. */
static unsigned int pass(struct rules_judge *j, const struct rules_table *table,
			 struct rules_finding *out, unsigned int max, enum rules_verdict verdict,
			 struct rules_result *result)
{
	struct rules_finding f;
	unsigned int written = 0;

	for (const struct rules_rule *r = table->rules; r < table->rules + table->count; r++)
		for (unsigned int i = 0; r->instances >> i; i++) {
			if (!(r->instances >> i & 1))
				continue;
			judge_one(j, r, i, &f);
			result->judged++;
			if (f.verdict == RULES_BROKEN && !result->broken++)
				result->answer = r->answer;
			if (f.verdict == RULES_UNKNOWN)
				result->unknown++;
			if (f.verdict == verdict && written < max)
				out[written++] = f;
		}
	return written;
}

unsigned int rules_judge_all(struct rules_judge *j, const struct rules_table *tables,
			     unsigned int count, struct rules_finding *findings, unsigned int max,
			     struct rules_result *result)
{
	struct rules_result again = { 0 };
	unsigned int written = 0;

	*result = again;
	for (unsigned int n = 0; n < count; n++)
		written += pass(j, &tables[n], findings + written, max - written, RULES_BROKEN,
				result);
	for (unsigned int n = 0; n < count && result->unknown && written < max; n++)
		written += pass(j, &tables[n], findings + written, max - written, RULES_UNKNOWN,
				&again);
	return written;
}

const struct rules_rule *rules_at(const struct rules_table *tables, unsigned int count,
				  unsigned int n)
{
	for (; count; count--, tables++) {
		if (n < tables->count)
			return &tables->rules[n];
		n -= tables->count;
	}
	return NULL;
}

/* ---- Text ---- */

void rules_put(struct rules_text *t, const char *text)
{
	if (t->at > t->end)
		return;
	while (*text && t->at < t->end)
		*t->at++ = *text++;
	*t->at = 0;
}

void rules_put_hex(struct rules_text *t, u64 value)
{
	char digits[19] = "0x";
	unsigned int n = 2;
	int shift = 60;

	while (shift && !(value >> shift & 15))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		digits[n++] = "0123456789abcdef"[value >> shift & 15];
	digits[n] = 0;
	rules_put(t, digits);
}

void rules_put_number(struct rules_text *t, unsigned int value)
{
	char digits[11];
	unsigned int n = sizeof(digits) - 1;

	digits[n] = 0;
	do
		digits[--n] = (char)('0' + value % 10);
	while (value /= 10);
	rules_put(t, digits + n);
}

void rules_put_bits(struct rules_text *t, u64 value, const struct rules_bit *bits,
		    unsigned int count)
{
	bool first = true;

	for (unsigned int bit = 0; bit < 64; bit++) {
		unsigned int n = 0;

		if (!(value >> bit & 1))
			continue;
		if (!first)
			rules_put(t, ", ");
		first = false;
		while (n < count && bits[n].bit != bit)
			n++;
		if (n < count) {
			rules_put(t, bits[n].name);
		} else {
			rules_put(t, "bit ");
			rules_put_number(t, bit);
		}
	}
	if (first)
		rules_put(t, "none");
}

void rules_answer_text(unsigned short answer, char *text, unsigned int size)
{
	struct rules_text t = { text, size ? text + size - 1 : text };

	if (!size)
		return;
	*text = 0;
	switch (answer & 0xff00) {
	case RULES_VM_ERROR(0):
		rules_put(&t, "VM-instruction error ");
		rules_put_number(&t, answer & 0xff);
		break;
	case RULES_EXIT(0):
		rules_put(&t, "exit reason ");
		rules_put_hex(&t, 0x80000000u | (answer & 0xff));
		break;
	case RULES_EXCEPTION(0):
		rules_put(&t, "exception ");
		rules_put_number(&t, answer & 0xff);
		break;
	default:
		rules_put(&t, answer == RULES_VMFAIL_INVALID ? "VMfailInvalid (CF is 1)" :
			      answer == RULES_VMEXIT_INVALID ? "VMEXIT_INVALID" : "it enters");
	}
}
