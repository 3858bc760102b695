/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Control structures that were written down as text. */
#ifndef SWIVL_CLI_DUMP_H
#define SWIVL_CLI_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "core/rules/rules.h"

#define DUMP_MAX_LOADS 512 /* what a VM-entry MSR-load area holds at most, by IA32_VMX_MISC (A.6) */

struct dump {
	enum rules_vendor vendor;
	const char *from; /* who wrote it */
	const char *problem; /* what is wrong with the whole of it, or NULL */
	unsigned int line; /* where it begins, from 1 */
	unsigned int values; /* that were read */
	unsigned int bad, bad_line; /* values that cannot be, and the first one's line */
	struct rules_vmx_state vmx; /* one of these by @vendor */
	struct rules_svm_state svm;
	struct rules_msr loads[DUMP_MAX_LOADS];
};

/* A text and how far it was read. */
struct dump_text {
	const char *at, *end;
	unsigned int line;
};

/*
 * The next one in the text: false, there is none. Lines of a kernel log may have anything before what
 * they say, may be quoted (">") and may be wrapped. Lines that are not understood do not matter.
 */
bool dump_next(struct dump_text *text, struct dump *d);

/*
 * Facts alone, in lines as docs/rules.md describes them, into @d besides what it has; returns how many.
 * *bad: the first line that begins like one and is none, or 0.
 */
unsigned int dump_facts(const char *text, size_t size, struct dump *d, unsigned int *bad);

/* ---- For the readers of the single formats ---- */

/* After blanks a number of base @base, which has to end there; base 16 with or without 0x. */
bool dump_number(const char *s, unsigned int base, unsigned long long *value);
/* As a word: not the end of a longer one, "CR0=" in "xCR0=". */
const char *dump_find(const char *line, const char *word);
/* A value for a field, by encoding or offset; one that does not fit counts as bad. */
void dump_set(struct dump *d, unsigned int number, unsigned long long value);
void dump_bad(struct dump *d);

/* dump_kvm.c */
enum dump_part { DUMP_GUEST, DUMP_HOST, DUMP_CONTROL };
void dump_kvm_line(struct dump *d, enum dump_part part, const char *line);
void dump_vmcb_line(struct dump *d, const char *line);
/* True where something of a dump begins in this line; else it continues the one before. */
bool dump_kvm_begins(const struct dump *d, const char *line);

#endif
