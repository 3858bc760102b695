/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Control structures that were written down as text. */
#ifndef SWIVL_CLI_DUMP_H
#define SWIVL_CLI_DUMP_H

#include <stddef.h>

#include "core/rules/rules.h"

enum dump_kind { DUMP_NONE, DUMP_SWIVL, DUMP_KVM };

/*
 * The next VMCS in the text from @at on: what it is, and *next behind it. Lines of a kernel log may
 * have anything before what they say. Lines that are understood set a field of @s, others are left.
 */
enum dump_kind dump_next(const char *at, const char *end, const char **next,
			 struct rules_vmx_state *s, unsigned int *fields);

#endif
