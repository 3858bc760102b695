/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Where QEMU 7.2 is known to be wrong, each with the section of APM vol. 2 that says otherwise. A
 * disagreement counts as explained only where these alone make the difference.
 */
#ifndef SWIVL_TESTS_RULES_SVM_KNOWN_H
#define SWIVL_TESTS_RULES_SVM_KNOWN_H

#include "core/rules/svm.h"

struct known {
	const char *section, *why;
	/* The rule that the emulator does not know. 0: it refuses a state that breaks none. */
	u16 rule;
	u16 instances; /* of that rule; 0: all */
	/* NULL: always. */
	bool (*when)(const struct rules_svm_state *s);
};

extern const struct known svm_known[];
extern const u32 svm_knowns;

#endif
