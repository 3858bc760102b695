/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Where QEMU 7.2 and Bochs 2.7 are known to be wrong, each with the section of APM vol. 2 that says
 * otherwise. A disagreement counts as explained only where these alone make the difference.
 */
#ifndef SWIVL_TESTS_RULES_SVM_KNOWN_H
#define SWIVL_TESTS_RULES_SVM_KNOWN_H

#include "core/rules/svm.h"

enum { IN_QEMU = 1, IN_BOCHS = 2 };

struct known {
	u8 where;
	const char *section, *why;
	/* The rule that the emulator does not know. 0: it refuses a state that breaks none. */
	u16 rule;
	u16 instances; /* of that rule; 0: all */
	/* NULL: always. */
	bool (*when)(const struct rules_svm_state *s);
	bool perhaps; /* it may refuse it or not */
};

extern const struct known svm_known[];
extern const u32 svm_knowns;

#endif
