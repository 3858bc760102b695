/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How a vendor's self-test tells its steps. */
#ifndef SWIVL_CORE_VM_SELFTEST_H
#define SWIVL_CORE_VM_SELFTEST_H

#include "core/rules/rules.h"
#include "core/vm/text.h"
#include "swivl/abi.h"

/* One more step; its answer is written to the text that is returned. */
static inline struct text selftest_step(struct swivl_selftest *t, const char *name, bool ok,
					u32 flags)
{
	static struct swivl_selftest_step overflow; /* never: the road is shorter than the table */
	struct swivl_selftest_step *s = &overflow;
	struct text text;

	if (t->nsteps < SWIVL_SELFTEST_STEPS)
		s = &t->steps[t->nsteps++];
	text = text_start(s->name, sizeof(s->name));
	text_put(&text, name);
	s->flags = flags | (ok ? SWIVL_SELFTEST_OK : 0);
	s->error = 0;
	return text_start(s->answer, sizeof(s->answer));
}

/* A state that was refused: by which rule of core/rules. */
static inline void selftest_rule(struct text *t, const struct rules_failure *f)
{
	if (!f->result.broken) {
		text_put(t, "; no rule is known to be broken");
		return;
	}
	text_put(t, "; rule ");
	text_number(t, f->found[0].rule->number, 10);
	text_put(t, ", ");
	text_put(t, f->found[0].rule->id);
}

/* A register or capability: what was found. */
static inline bool selftest_value(struct swivl_selftest *t, const char *name, bool ok, u64 found)
{
	struct text text = selftest_step(t, name, ok, 0);

	text_number(&text, found, 16);
	return ok;
}

#endif
