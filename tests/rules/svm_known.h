/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What emulators are known to do otherwise than APM vol. 2 says. */
#ifndef SWIVL_TESTS_RULES_SVM_KNOWN_H
#define SWIVL_TESTS_RULES_SVM_KNOWN_H

#include "core/rules/svm.h"
#include "tests/rules/judge.h"

extern const struct known svm_known[];
extern const u32 svm_knowns;

#endif
