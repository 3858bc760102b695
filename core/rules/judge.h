/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the rules of both vendors are made with. A list of rules is a macro of rows
 *
 *	R(number, answer, instances, "id", "section", expression, "text")
 *
 * RULES_DEFINE() makes of it a function for each rule and the table. The expression is what has to be
 * true; it asks for values by rules_value(j, field). Whatever it asked for is what the finding
 * names, and if anything of that is missing, the rule cannot be judged: C's && and || see to it
 * that nothing is asked for that does not matter.
 */
#ifndef SWIVL_CORE_RULES_JUDGE_H
#define SWIVL_CORE_RULES_JUDGE_H

#include "core/rules/rules.h"
#include "core/types.h"

struct rules_judge {
	const void *state;
	const u64 *value; /* the state's, by field; */
	const u8 *present; /* and which of them are there: a bit each */
	const u8 *quick; /* those whose reading needs no note: @present, or none */
	u8 verdict; /* on the rule that is judged now, where it said one: not RULES_HOLDS */
	u8 instance; /* RULES_BROKEN: which, of what the rule itself goes through */
	u16 missing; /* RULES_UNKNOWN: the first field that was not there */
	struct rules_finding *finding; /* for notes, where there are to be any */
	/* Findings: until the end the broken ones stand in front, the others from the end down. */
	struct rules_finding *room;
	unsigned int max, broken, unknown;
	struct rules_result *result;
};

/* For rules on what is no field: what is missing; and broken, whatever may be missing. */
void rules_missing(struct rules_judge *j, unsigned int field);
bool rules_broken(struct rules_judge *j, u8 instance);
/* What rules_value() does where it is not done at once. */
u64 rules_noted(struct rules_judge *j, unsigned int field);

/*
 * The value of a field; 0 where it is missing. Nearly all rules hold, and what a rule looked at
 * matters only where it does not: that one is judged again, with notes.
 */
static inline u64 rules_value(struct rules_judge *j, unsigned int field)
{
	return j->quick[field / 8] >> field % 8 & 1 ? j->value[field] : rules_noted(j, field);
}

/* The same, but where it is missing @otherwise will do. */
static inline u64 rules_value_or(struct rules_judge *j, unsigned int field, u64 otherwise)
{
	return j->present[field / 8] >> field % 8 & 1 ? rules_value(j, field) : otherwise;
}

/* One stage of the processor's checks. */
struct rules_table {
	const struct rules_rule *rules;
	unsigned int count;
	/* Judges by all of them. Returns how often. */
	unsigned int (*judge)(struct rules_judge *j, const struct rules_rule *rules);
};

/* What a rule said: nearly always that it holds. */
void rules_did_not_hold(struct rules_judge *j, const struct rules_rule *rule,
			unsigned int instance);
static inline void rules_said(struct rules_judge *j, const struct rules_rule *rule,
			      unsigned int instance, int holds)
{
	if (!holds || j->verdict != RULES_HOLDS)
		rules_did_not_hold(j, rule, instance);
}

/* Rules of one table after another; the findings as rules.h says. */
unsigned int rules_judge_all(struct rules_judge *j, const struct rules_table *tables,
			     unsigned int count, struct rules_finding *findings, unsigned int max,
			     struct rules_result *result);
/* The @n-th rule of all, or NULL. */
const struct rules_rule *rules_at(const struct rules_table *tables, unsigned int count,
				  unsigned int n);

/* Text of limited size. */
struct rules_text {
	char *at, *end; /* the last byte is for the zero */
};
void rules_put(struct rules_text *t, const char *text);
void rules_put_hex(struct rules_text *t, u64 value);
void rules_put_number(struct rules_text *t, unsigned int value);

/* 1: bits of @value above @width are a sign extension of the one below. */
static inline bool rules_canonical(u64 value, unsigned int width)
{
	return (u64)((s64)(value << (64 - width)) >> (64 - width)) == value;
}

/* A vendor's fields in words, for failure.c. */
struct rules_words {
	const char *manual;
	const char *(*name)(unsigned int field);
	void (*decode)(unsigned int field, unsigned long long value, char *text,
		       unsigned int size);
	/*
	 * Fields and facts that tell where the hypervisor lies, which is half of an attack on it:
	 * its linear addresses, and physical ones, which its direct map makes linear ones of.
	 */
	const u16 *secret;
	unsigned int secrets;
};
extern const struct rules_words vmx_words, svm_words;

#define RULES_FUNCTION(number_, answer_, instances_, id_, section_, expression, text_) \
	static int rule_##number_(struct rules_judge *j, unsigned int i) \
	{ \
		(void)j; \
		(void)i; \
		return (expression) ? 1 : 0; \
	}
#define RULES_ENTRY(number_, answer_, instances_, id_, section_, expression, text_) \
	{ .number = (number_), .vendor = RULES_VENDOR, .answer = (answer_), \
	  .instances = (instances_), .id = (id_), .text = (text_), .section = (section_), \
	  .holds = rule_##number_ },
/* One after another and not by a loop: that is a third of the whole, where most of them hold. */
#define RULES_JUDGE(number_, answer_, instances_, id_, section_, expression, text_) \
	for (unsigned int left = (instances_); left; left &= left - 1, judged++) { \
		unsigned int i = (unsigned int)__builtin_ctz(left); \
		rules_said(j, rule, i, rule_##number_(j, i)); \
	} \
	rule++;
/* RULES_VENDOR is defined before. */
#define RULES_DEFINE(name, list) \
	list(RULES_FUNCTION) \
	static const struct rules_rule name##_rules[] = { list(RULES_ENTRY) }; \
	static unsigned int name##_judge(struct rules_judge *j, const struct rules_rule *rule) \
	{ \
		unsigned int judged = 0; \
		list(RULES_JUDGE) \
		return judged; \
	} \
	const struct rules_table name = { name##_rules, ARRAY_SIZE(name##_rules), name##_judge };

#endif
