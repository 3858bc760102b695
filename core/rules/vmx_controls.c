// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Intel: VM-execution, VM-exit and VM-entry control fields (SDM vol. 3, 27.2.1). */
#include "core/rules/vmx.h"

#define CONTROL_RULES(R) \
	R(111, RULES_VM_ERROR(7), 1, "control.cr3-targets", "27.2.1.1", V(CR3_TARGET_COUNT) <= 4, \
	  "the CR3-target count is at most 4")

RULES_DEFINE(vmx_control_rules, CONTROL_RULES)
