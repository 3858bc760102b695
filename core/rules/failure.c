// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* An entry that failed: judged, without the hypervisor's secrets, and told in lines. */
#include "core/rules/judge.h"

static const struct rules_words *words_of(const struct rules_failure *f)
{
	return f->vendor == RULES_INTEL ? &vmx_words : &svm_words;
}

static void hide(struct rules_failure *f)
{
	const struct rules_words *w = words_of(f);
	bool intel = f->vendor == RULES_INTEL;

	for (unsigned int i = 0; i < w->secrets; i++) {
		unsigned int field = w->secret[i];

		if (intel)
			f->vmx.value[field] = 0;
		else
			f->svm.value[field] = 0;
		(intel ? f->vmx.present : f->svm.present)[field / 8] &= (u8)~(1u << field % 8);
	}
	if (intel)
		f->vmx.entry_load = NULL; /* theirs, and not for as long as this */
}

void rules_failure_judge(struct rules_failure *f)
{
	f->found_count = (u8)(f->vendor == RULES_INTEL ?
		rules_vmx_judge(&f->vmx, f->found, RULES_NAMED, &f->result) :
		rules_svm_judge(&f->svm, f->found, RULES_NAMED, &f->result));
	hide(f);
}

/* Broken ones stand before those that cannot be judged. */
static unsigned int named(const struct rules_failure *f)
{
	return f->result.broken < f->found_count ? f->result.broken : f->found_count;
}

void rules_failure_search(struct rules_failure *f)
{
	if (f->searched)
		return;
	f->searched = 1;
	for (unsigned int i = 0; i < named(f); i++)
		f->remedies[i] = (u8)(f->vendor == RULES_INTEL ?
			rules_vmx_remedies(&f->vmx, &f->found[i], f->remedy[i],
					   RULES_FAILURE_REMEDIES) :
			rules_svm_remedies(&f->svm, &f->found[i], f->remedy[i],
					   RULES_FAILURE_REMEDIES));
}

/* The processor's answer as the rules number it. */
static u16 answer(const struct rules_failure *f)
{
	return f->vendor == RULES_AMD	 ? RULES_VMEXIT_INVALID :
	       f->reason & 0x80000000ull ? (u16)RULES_EXIT(f->reason & 0xff) :
					   (u16)RULES_VM_ERROR(f->reason & 0xff);
}

static void put_count(struct rules_text *t, unsigned int n, const char *one, const char *more)
{
	rules_put_number(t, n);
	rules_put(t, n == 1 ? one : more);
}

static void put_summary(struct rules_text *t, const struct rules_failure *f)
{
	char text[64];

	rules_answer_text(answer(f), text, sizeof(text));
	rules_put(t, "the processor refused to enter: ");
	rules_put(t, text);
	rules_put(t, "; ");
	if (!f->result.broken)
		rules_put(t, "no rule of the manual is broken as far as is known");
	else
		put_count(t, f->result.broken, " rule of the manual is broken",
			  " rules of the manual are broken");
	if (f->result.unknown)
		rules_put(t, ", ");
	if (f->result.unknown)
		put_count(t, f->result.unknown, " cannot be judged", " cannot be judged");
	if (f->result.broken && f->result.answer != answer(f)) {
		rules_answer_text(f->result.answer, text, sizeof(text));
		rules_put(t, ", and the answer expected is ");
		rules_put(t, text);
	}
}

static void put_rule(struct rules_text *t, const struct rules_failure *f,
		     const struct rules_rule *rule)
{
	rules_put(t, "has to be so: ");
	rules_put(t, rule->text);
	rules_put(t, " (");
	rules_put(t, words_of(f)->manual);
	rules_put(t, rule->section);
	rules_put(t, "; rule ");
	rules_put_number(t, rule->number);
	rules_put(t, ", ");
	rules_put(t, rule->id);
	rules_put(t, ")");
}

static void put_value(struct rules_text *t, const struct rules_failure *f, unsigned int field,
		      u64 value)
{
	const struct rules_words *w = words_of(f);
	char *before;

	rules_put(t, w->name(field));
	rules_put(t, " = ");
	rules_put_hex(t, value);
	before = t->at;
	rules_put(t, " (");
	w->decode(field, value, t->at, (unsigned int)(t->end - t->at) + 1);
	if (!*t->at) { /* the number says all */
		t->at = before;
		*t->at = 0;
		return;
	}
	while (*t->at)
		t->at++;
	rules_put(t, ")");
}

static void put_field(struct rules_text *t, const struct rules_failure *f, unsigned int field)
{
	unsigned long long value;

	rules_put(t, "  ");
	if (f->vendor == RULES_INTEL ? rules_vmx_get(&f->vmx, field, &value) :
				       rules_svm_get(&f->svm, field, &value)) {
		put_value(t, f, field, value);
		return;
	}
	rules_put(t, words_of(f)->name(field));
	rules_put(t, ": the host's secret");
}

static void put_remedy(struct rules_text *t, const struct rules_failure *f, unsigned int i,
		       unsigned int n)
{
	const struct rules_remedy *r = &f->remedy[i][n];

	rules_put(t, n ? "  or: " : "  would satisfy it: ");
	put_value(t, f, r->field, r->value);
	if (r->still_broken >= f->result.broken)
		rules_put(t, ", but another rule would be broken then");
}

/* *at counts: the first line, each rule with what belongs to it, the rules that have no room. */
static void put_why(struct rules_text *t, const struct rules_failure *f, unsigned int n)
{
	unsigned int i = 0, shown = named(f);

	if (!n--) {
		put_summary(t, f);
		return;
	}
	for (; i < shown && n > (unsigned int)f->found[i].reads + f->remedies[i]; i++)
		n -= f->found[i].reads + f->remedies[i] + 1u;
	if (i < shown && !n) {
		put_rule(t, f, f->found[i].rule);
	} else if (i < shown && n <= f->found[i].reads) {
		put_field(t, f, f->found[i].read[n - 1]);
	} else if (i < shown) {
		put_remedy(t, f, i, n - 1 - f->found[i].reads);
	} else if (!n && f->result.broken > shown) {
		rules_put(t, "and ");
		put_count(t, f->result.broken - shown, " more rule is broken",
			  " more rules are broken");
	}
}

unsigned int rules_failure_why(const struct rules_failure *f, unsigned int *at, char *line,
			       unsigned int size)
{
	struct rules_text t = { line, size ? line + size - 1 : line };

	if (!size)
		return 0;
	*line = 0;
	put_why(&t, f, *at);
	*at += t.at != line;
	return (unsigned int)(t.at - line);
}

unsigned int rules_failure_state(const struct rules_failure *f, unsigned int *at, char *line,
				 unsigned int size)
{
	return f->vendor == RULES_INTEL ? rules_vmx_line(&f->vmx, at, line, size) :
					  rules_svm_line(&f->svm, at, line, size);
}
