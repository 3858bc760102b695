/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What Bochs 2.7 is known to do otherwise than SDM vol. 3 says. */
#ifndef SWIVL_TESTS_RULES_VMX_KNOWN_H
#define SWIVL_TESTS_RULES_VMX_KNOWN_H

#include "tests/rules/judge.h"

extern const struct known vmx_known[];
extern const u32 vmx_knowns;

#endif
