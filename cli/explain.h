/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* swivl explain: what it prints. */
#ifndef SWIVL_CLI_EXPLAIN_H
#define SWIVL_CLI_EXPLAIN_H

#include <stdbool.h>

#include "dump.h"

struct explain_options {
	bool json, fields, unjudged;
};

/* One dump; true if no rule is broken and the processor did not say otherwise. */
bool explain_dump(struct dump *d, const struct explain_options *o, bool first);

/* explain_numbers.c: false for a number that has no meaning. Vendor 0: both. */
bool explain_error(const char *text, bool json);
bool explain_exit(const char *text, unsigned int vendor, bool json);
void explain_rules(bool json);
void explain_facts(void);

#endif
