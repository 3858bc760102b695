/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the lists of Intel's rules share. */
#ifndef SWIVL_CORE_RULES_VMX_H
#define SWIVL_CORE_RULES_VMX_H

#include "core/rules/judge.h"
#include "core/vmx/controls.h"
#include "core/vmx/fields.h"
#include "core/x86/regs.h"

/* Number of a field: its place in the one table. */
#define VMX_INDEX(width, id, encoding, name) AT_##id,
enum { VMCS_FIELDS(VMX_INDEX) VMX_FIELD_COUNT };
#undef VMX_INDEX
_Static_assert(VMX_FIELD_COUNT <= RULES_VMX_FIELDS, "room for all fields");
_Static_assert(RULES_VMX_FACTS_USED <= RULES_VMX_FACTS, "room for all facts");

/* In the expression of a rule, where j is the judge: */
#define V(id) rules_value(j, AT_##id)
#define FACT(fact) rules_value(j, RULES_VMX_FACT(fact))
#define MSR(msr) FACT(RULES_VMX_MSR(msr))

#define FACT_OR(fact, otherwise) rules_value_or(j, RULES_VMX_FACT(fact), otherwise)

#define RULES_VENDOR RULES_INTEL
extern const struct rules_table vmx_instruction_rules, vmx_control_rules, vmx_host_rules,
	vmx_guest_rules;

#endif
