/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The processor judges the rules: states that differ from valid ones in one to four places are put
 * to both, and they have to agree. This is what the judges of both vendors share; see
 * tests/rules/judge.py for how to run them. Options on the command line:
 *
 *	seed=N states=N		which states, and how many
 *	from=N			the first of them
 *	which=BITS		of their changes only these
 *	bochs			it runs in Bochs, not in QEMU
 *	verbose			each state that is judged
 *	forget=N		as if there was no rule N: every disagreement must come out
 */
#ifndef SWIVL_TESTS_RULES_JUDGE_H
#define SWIVL_TESTS_RULES_JUDGE_H

#include "core/rules/rules.h"
#include "tests/rules/bare.h"

#define MAX_CHANGES 4
struct change {
	u16 what; /* the vendor's number of a field, or its place */
	u8 bytes;
	u64 value;
};

struct state {
	u32 base; /* a valid one */
	u32 changes;
	struct change change[MAX_CHANGES];
};

enum { IN_QEMU = 1, IN_BOCHS = 2 };

/*
 * Where QEMU 7.2 and Bochs 2.7 are known to be wrong, each with the manual's section that says
 * otherwise. A disagreement counts as explained only where these alone make the difference.
 */
struct known {
	u8 where;
	const char *section, *why;
	/* The rule that the emulator does not know. 0: it refuses a state that breaks none. */
	u16 rule;
	u16 instances; /* of that rule; 0: all */
	/* NULL: always. @state is the vendor's struct rules_*_state. */
	bool (*when)(const void *state);
	bool perhaps; /* it may refuse it or not */
	u16 answer; /* with rule 0: what it refuses it with, RULES_* */
};

#define MAX_FINDINGS 40
struct verdict {
	u16 rules; /* the answer that the rules expect, RULES_* */
	u16 known, perhaps; /* and with what is known of the emulator: either of the two */
	u16 actual;
	u64 detail; /* what the processor said besides the answer */
	struct rules_finding finding[MAX_FINDINGS];
	u32 findings;
	bool open; /* something that could not be judged might decide it */
	u64 dropped; /* bits: findings that the emulator is known not to know */
	u64 used; /* bits: what is known that applied */
};

struct vendor {
	const char *missing; /* what to say where start() finds no such processor */
	const char *const *base_names;
	const struct known *known;
	const u32 *knowns;
	u16 refused; /* the answer of a refusal that is known without one */
	bool names_reasons; /* print what judge.py compares with the emulator's log */
	bool (*start)(void);
	/* State @n of those that @seed stands for. */
	void (*choose)(struct state *s, u64 seed, u64 n);
	/* The base with the changes whose bits are set in @which, as the next two take it. */
	void (*build)(const struct state *s, u32 which);
	/* The rules on it; the struct rules_*_state that it was. */
	const void *(*judge)(struct verdict *v, struct rules_result *result);
	/* What the processor answers. */
	u16 (*execute)(u64 *detail);
	/* NULL, or: does the detail fit the answer? */
	bool (*detail_fits)(const struct verdict *v);
	const struct rules_rule *(*rule)(unsigned int n);
	const char *(*what)(u16 what); /* "" for what is no field */
	void (*special)(void); /* NULL, or: what is judged before all states, by judge_special() */
	void (*report)(void); /* NULL, or: what only this vendor counts */
};
extern const struct vendor vendor;

/* The state that vendor.judge() takes, with another instruction than vendor.execute()'s. */
void judge_special(const char *name, u16 (*execute)(u64 *detail));
/* What no rule is about: it has to be so. */
void judge_expects(const char *name, u16 expected, u16 actual);

/* A value of the kind at which checks change their mind. */
u64 interesting(struct random *r, u64 old, u32 bits, u32 physical_bits);

#endif
