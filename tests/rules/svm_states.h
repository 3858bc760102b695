/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Valid VMCBs, and changes to them. */
#ifndef SWIVL_TESTS_RULES_SVM_STATES_H
#define SWIVL_TESTS_RULES_SVM_STATES_H

#include "core/svm/vmcb.h"
#include "tests/rules/judge.h"

extern const char *const base_names[];
/* The base with the changes whose bits are set in @which. */
void build_state(struct vmcb *vmcb, const struct state *s, u32 which);
/* State @n of those that @seed stands for. */
void choose_state(struct state *s, u64 seed, u64 n, u32 physical_bits);
/* How many of them, from 0, change one bit each. */
u32 single_bits(void);

#endif
