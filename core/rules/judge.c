// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Judging by a table of rules, and text without a C library. */
#include "core/rules/judge.h"

void rules_missing(struct rules_judge *j, unsigned int field)
{
	if (j->verdict != RULES_UNKNOWN)
		j->missing = (u16)field;
	j->verdict = RULES_UNKNOWN;
}

bool rules_broken(struct rules_judge *j, u8 instance)
{
	j->instance = instance;
	j->verdict = RULES_BROKEN;
	return false;
}

u64 rules_noted(struct rules_judge *j, unsigned int field)
{
	struct rules_finding *f = j->finding;
	unsigned int i = 0;

	if (!f) { /* it is judged again, where there is room for what is missing */
		j->verdict = RULES_UNKNOWN;
		return 0;
	}
	if (!(j->present[field / 8] >> field % 8 & 1)) {
		rules_missing(j, field);
		return 0;
	}
	while (i < f->reads && f->read[i] != field)
		i++;
	if (i == f->reads && i < RULES_MAX_READ)
		f->read[f->reads++] = (u16)field;
	return j->value[field];
}

#define MOST_FIELDS 512
static const u8 none[MOST_FIELDS / 8];
_Static_assert(RULES_VMX_FACT(RULES_VMX_FACTS) <= MOST_FIELDS &&
		       RULES_SVM_FACT(RULES_SVM_FACTS) <= MOST_FIELDS,
	       "room for all fields");

static bool is_full(const struct rules_judge *j)
{
	return j->broken + j->unknown >= j->max;
}

/* For one that is broken, one that cannot be judged has to go: the last one. */
static struct rules_finding *find_room(struct rules_judge *j, u8 verdict)
{
	if (verdict == RULES_UNKNOWN)
		return &j->room[j->max - ++j->unknown];
	j->unknown -= is_full(j);
	return &j->room[j->broken++];
}

/* Once more, with notes. */
static __attribute__((__noinline__)) void note(struct rules_judge *j, const struct rules_rule *rule,
					       unsigned int instance)
{
	u8 verdict = j->verdict == RULES_UNKNOWN ? RULES_UNKNOWN : RULES_BROKEN;
	struct rules_finding *f = find_room(j, verdict);

	f->rule = rule;
	f->verdict = verdict;
	f->instance = rule->instances > 1 ? (u8)instance : j->instance;
	f->reads = 0;
	j->finding = f;
	j->quick = none;
	j->verdict = RULES_HOLDS;
	rule->holds(j, instance);
	j->quick = j->present;
	j->finding = NULL;
	f->missing = verdict == RULES_UNKNOWN ? j->missing : 0;
	j->verdict = RULES_HOLDS;
	j->instance = 0;
}

/* A state that breaks everything comes here often: what there is no room for is only counted. */
void rules_did_not_hold(struct rules_judge *j, const struct rules_rule *rule, unsigned int instance)
{
	bool unknown = j->verdict == RULES_UNKNOWN;

	if (unknown)
		j->result->unknown++;
	else if (!j->result->broken++)
		j->result->answer = rule->answer;
	if (!is_full(j) || (j->unknown && !unknown)) {
		note(j, rule, instance);
		return;
	}
	j->verdict = RULES_HOLDS;
	j->instance = 0;
}

/* Those from the end down go behind the others, the right way round. */
static unsigned int put_together(struct rules_judge *j)
{
	struct rules_finding *low = j->room + j->max - j->unknown, *high = j->room + j->max;

	for (; low < high; low++) {
		struct rules_finding f = *low;

		*low = *--high;
		*high = f;
	}
	low = j->room + j->max - j->unknown;
	for (unsigned int i = 0; i < j->unknown; i++)
		j->room[j->broken + i] = low[i];
	return j->broken + j->unknown;
}

unsigned int rules_judge_all(struct rules_judge *j, const struct rules_table *tables,
			     unsigned int count, struct rules_finding *findings, unsigned int max,
			     struct rules_result *result)
{
	*result = (struct rules_result){ 0 };
	j->result = result;
	j->room = findings;
	j->max = max;
	j->verdict = RULES_HOLDS;
	j->quick = j->present;
	for (unsigned int n = 0; n < count; n++)
		result->judged += tables[n].judge(j, tables[n].rules);
	return put_together(j);
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
