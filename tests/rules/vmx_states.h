/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Valid VMCSs, and changes to them. */
#ifndef SWIVL_TESTS_RULES_VMX_STATES_H
#define SWIVL_TESTS_RULES_VMX_STATES_H

#include "core/rules/vmx.h"
#include "tests/rules/judge.h"

/* What the program has at fixed places. */
extern u64 pml4[]; /* start.S: the first 4 GiB to themselves */
extern u8 vmxon_region[4096], vmcs_region[4096];
void vmx_exit_stub(void); /* where exits go */

extern const char *const vmx_base_names[];
/* @facts: of this processor. @has: which fields it has. */
void vmx_states_start(const struct rules_vmx_state *facts, const bool *has);
/* The base with the changes whose bits are set in @which, and the facts that go with it. */
void vmx_build_state(struct rules_vmx_state *state, const struct state *s, u32 which);
/* State @n of those that @seed stands for. */
void vmx_choose_state(struct state *s, u64 seed, u64 n);
/* How many bits of fields there are, each of which is changed alone in its turn. */
u32 vmx_single_bits(void);
/* VMWRITE takes it. */
bool vmx_writable(u32 field);

#endif
