/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the decoders of both vendors share: bits of registers by name. */
#ifndef SWIVL_CORE_RULES_NAMES_H
#define SWIVL_CORE_RULES_NAMES_H

#include "core/rules/judge.h"

struct rules_bit {
	u8 bit;
	const char *name;
};
struct rules_names {
	const struct rules_bit *bits;
	u32 count;
};
extern const struct rules_names rules_cr0, rules_cr4, rules_efer, rules_rflags, rules_exceptions,
	rules_debugctl;

/* The names of the bits that are set, the others as numbers, "none" for 0. */
void rules_put_names(struct rules_text *t, u64 value, const struct rules_names *names);
/* What stands before a number, and the number. */
void rules_put_part(struct rules_text *t, const char *name, u64 value);
/* The eight memory types of a page attribute table (SDM vol. 3, 12.12.2; APM vol. 2, 7.8.1). */
void rules_put_pat(struct rules_text *t, u64 pat);

#endif
