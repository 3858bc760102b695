// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "tests/rules/judge.h"

#define MAX_RULES 224
#define MAX_TOLD 20
#define MAX_KNOWN 64

static u64 forgotten;
static u8 emulator = IN_QEMU;

static struct {
	u32 states, enters, refused, explained, unexplained;
	u32 known[MAX_KNOWN]; /* bits of verdict.used */
	u32 broken[MAX_RULES], alone[MAX_RULES], seen[MAX_RULES];
} count;

/* ---- one state ---- */

static bool is_known(const void *s, const struct rules_finding *f, u64 *used)
{
	for (u32 i = 0; i < *vendor.knowns; i++) {
		const struct known *k = &vendor.known[i];

		if (k->where & emulator && k->rule == f->rule->number &&
		    (!k->instances || k->instances >> f->instance & 1) &&
		    (!k->when || k->when(s))) {
			*used |= 1ull << i;
			return true;
		}
	}
	return false;
}

/* Answers are numbered in the order in which processors find them. */
static void refuse(u16 *answer, u16 with)
{
	if (*answer == RULES_ENTERS || with < *answer)
		*answer = with;
}

static void apply_known(struct verdict *v, const void *s)
{
	v->known = RULES_ENTERS;
	for (u32 i = 0; i < v->findings; i++) {
		if (is_known(s, &v->finding[i], &v->used))
			v->dropped |= 1ull << i;
		else
			refuse(&v->known, v->finding[i].rule->answer);
	}
	for (u32 i = 0; i < *vendor.knowns; i++) {
		const struct known *k = &vendor.known[i];

		if (!(k->where & emulator) || k->rule || !k->when(s))
			continue;
		v->used |= 1ull << i;
		if (!k->perhaps)
			refuse(&v->known, k->answer ? k->answer : vendor.refused);
	}
	v->perhaps = v->known;
	for (u32 i = 0; i < *vendor.knowns; i++)
		if (v->used >> i & 1 && vendor.known[i].perhaps)
			refuse(&v->perhaps,
			       vendor.known[i].answer ? vendor.known[i].answer : vendor.refused);
}

static void ask_rules(struct verdict *v)
{
	struct rules_result result;
	const void *s = vendor.judge(v, &result);
	u32 kept = 0;

	v->dropped = v->used = 0;
	v->open = false;
	v->rules = RULES_ENTERS;
	for (u32 i = 0; i < v->findings; i++) {
		const struct rules_finding *f = &v->finding[i];

		if (f->rule->number == forgotten)
			continue;
		if (f->verdict == RULES_BROKEN) {
			refuse(&v->rules, f->rule->answer);
			v->finding[kept++] = *f;
		} else if (v->rules == RULES_ENTERS || f->rule->answer < v->rules) {
			v->open = true;
		}
	}
	v->findings = kept;
	apply_known(v, s);
}

static void ask(struct verdict *v, const struct state *s, u32 which)
{
	vendor.build(s, which);
	ask_rules(v);
	v->actual = vendor.execute(&v->detail);
}

static bool disagree(const struct verdict *v)
{
	if (v->open)
		return true;
	if (v->actual != v->rules && v->actual != v->known && v->actual != v->perhaps)
		return true;
	return vendor.detail_fits && !vendor.detail_fits(v);
}

/* The fewest changes that still disagree: none of them can be left out alone. */
static u32 reduce(struct verdict *v, const struct state *s, u32 which)
{
	for (u32 again = 1; again;) {
		again = 0;
		for (u32 i = 0; i < s->changes; i++) {
			if (!(which >> i & 1))
				continue;
			ask(v, s, which & ~(1u << i));
			if (disagree(v)) {
				which &= ~(1u << i);
				again = 1;
			}
		}
	}
	ask(v, s, which);
	return which;
}

/* ---- what comes out ---- */

static void tell_state(const struct state *s, u32 which, u64 seed, u64 n)
{
	print("# seed %u state %u, from \"%s\"\n", (u32)seed, (u32)n, vendor.base_names[s->base]);
	for (u32 i = 0; i < s->changes; i++) {
		const char *name = vendor.what(s->change[i].what);

		if (which >> i & 1)
			print("#   change %u: %llx %s = %llx\n", i, (u64)s->change[i].what,
			      *name ? name : "(no field)", s->change[i].value);
	}
}

static const char *in_words(u16 answer)
{
	static char text[80];

	rules_answer_text(answer, text, sizeof(text));
	return text;
}

static void tell(const struct verdict *v)
{
	print("#   rules say %s, ", v->open ? "nothing" : in_words(v->rules));
	print("processor says %s, %llx\n", in_words(v->actual), v->detail);
	for (u32 i = 0; i < v->findings; i++)
		print("#   breaks %u %s[%u], section %s%s\n", (u32)v->finding[i].rule->number,
		      v->finding[i].rule->id, (u32)v->finding[i].instance,
		      v->finding[i].rule->section,
		      v->dropped >> i & 1 ? ", which the emulator does not know" : "");
	for (u32 i = 0; i < *vendor.knowns; i++)
		if (v->used >> i & 1 && !vendor.known[i].rule)
			print("#   known: %s\n", vendor.known[i].why);
}

/* For judge.py: the rules of which the emulator's log has to name one, and what it may add. */
static void name_reasons(const struct verdict *v, u64 n)
{
	print("@%u", (u32)n);
	for (u32 i = 0; i < v->findings; i++)
		if (!(v->dropped >> i & 1))
			print(" %u", (u32)v->finding[i].rule->number);
	for (u32 i = 0; i < *vendor.knowns; i++)
		if (v->used >> i & 1 && !vendor.known[i].rule)
			print(" k");
	print("\n");
}

static u8 index_of[1024]; /* by a rule's number */

static void number_rules(void)
{
	const struct rules_rule *rule;

	for (u32 n = 0; (rule = vendor.rule(n)); n++)
		index_of[rule->number] = (u8)n;
}

static void note_rules(const struct verdict *v)
{
	for (u32 i = 0; i < v->findings; i++) {
		u32 n = index_of[v->finding[i].rule->number];

		count.broken[n]++;
		count.alone[n] += v->findings == 1;
		count.seen[n] += v->findings == 1 && v->actual == v->rules && !v->used;
	}
}

static void note(const struct verdict *v)
{
	count.states++;
	count.enters += v->actual == RULES_ENTERS;
	count.refused += v->actual != RULES_ENTERS;
	note_rules(v);
	if (v->rules == v->actual)
		return;
	count.explained++;
	for (u32 i = 0; i < *vendor.knowns; i++)
		count.known[i] += v->used >> i & 1;
}

static void report(void)
{
	const struct rules_rule *rule;

	for (u32 n = 0; (rule = vendor.rule(n)); n++)
		print("# rule %u %s: broken by %u states, alone by %u, of which refused %u\n",
		      (u32)rule->number, rule->id, count.broken[n], count.alone[n], count.seen[n]);
	for (u32 i = 0; i < *vendor.knowns; i++)
		if (vendor.known[i].where & emulator)
			print("# known %s, section %s: %u states\n", vendor.known[i].why,
			      vendor.known[i].section, count.known[i]);
	if (vendor.report)
		vendor.report();
	print("judged %u states: %u entered, %u refused, %u explained, %u unexplained\n",
	      count.states, count.enters, count.refused, count.explained, count.unexplained);
}

void judge_special(const char *name, u16 (*execute)(u64 *detail))
{
	static struct verdict v;

	ask_rules(&v);
	v.actual = execute(&v.detail);
	if (!disagree(&v)) {
		note_rules(&v);
		return;
	}
	count.unexplained++;
	print("# %s\n", name);
	tell(&v);
}

void judge_expects(const char *name, u16 expected, u16 actual)
{
	if (actual == expected)
		return;
	count.unexplained++;
	print("# %s: expected is %s", name, in_words(expected));
	print(", the processor says %s\n", in_words(actual));
}

/* A value of the kind at which checks change their mind. */
u64 interesting(struct random *r, u64 old, u32 bits, u32 physical_bits)
{
	u32 bit = random_below(r, bits);

	switch (random_below(r, 10)) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return random_next(r);
	case 3:
		return 1ull << bit;
	case 4:
		return (1ull << bit) - 1;
	case 5: /* around the end of physical memory, to the page */
		return (1ull << physical_bits) + ((u64)random_below(r, 9) << 12) - 0x6000;
	case 6:
		return old + 1;
	case 7:
		return old ^ 1ull << bit ^ 1ull << random_below(r, bits);
	default:
		return old ^ 1ull << bit;
	}
}

int main(const char *cmdline)
{
	u64 seed = option(cmdline, "seed", 1), from = option(cmdline, "from", 0);
	u64 states = option(cmdline, "states", 20000), only = option(cmdline, "which", 15);
	bool verbose = has_word(cmdline, "verbose");
	static struct verdict v;

	if (has_word(cmdline, "bochs"))
		emulator = IN_BOCHS;
	forgotten = option(cmdline, "forget", 0);
	if (!vendor.start()) {
		print("# %s\n", vendor.missing);
		end();
	}
	number_rules();
	if (vendor.special)
		vendor.special();
	for (u64 n = from; n < from + states; n++) {
		struct state s;
		u32 which;

		vendor.choose(&s, seed, n);
		which = ((1u << s.changes) - 1) & (u32)only;
		if (verbose)
			tell_state(&s, which, seed, n);
		ask(&v, &s, which);
		if (vendor.names_reasons && v.actual != RULES_ENTERS)
			name_reasons(&v, n);
		if (verbose)
			tell(&v);
		if (!disagree(&v)) {
			note(&v);
			continue;
		}
		count.states++;
		if (count.unexplained++ >= MAX_TOLD)
			continue;
		which = reduce(&v, &s, which);
		tell_state(&s, which, seed, n);
		tell(&v);
	}
	report();
	end();
}
