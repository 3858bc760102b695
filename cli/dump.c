// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Finds control structures in text, and reads swivl's own (docs/rules.md). What KVM and Xen write is
 * read by dump_kvm.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"

#define LINE_SIZE 1024

bool dump_number(const char *s, unsigned int base, unsigned long long *value)
{
	const char *first;

	s += strspn(s, " \t");
	if (base == 16 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	for (*value = 0, first = s;; s++) {
		unsigned int d = *s >= '0' && *s <= '9' ? *s - '0' :
				 *s >= 'a' && *s <= 'f' ? *s - 'a' + 10 :
				 *s >= 'A' && *s <= 'F' ? *s - 'A' + 10 : 16;

		if (d >= base)
			break;
		if (*value > (UINT64_MAX - d) / base)
			return false;
		*value = *value * base + d;
	}
	return s != first;
}

const char *dump_find(const char *line, const char *word)
{
	const char *at = line;

	while ((at = strstr(at, word))) {
		char before = at == line ? ' ' : at[-1];

		if (*word == ' ' || !((before >= 'A' && before <= 'Z') || (before >= 'a' && before <= 'z') ||
				      (before >= '0' && before <= '9') || before == '_'))
			return at;
		at++;
	}
	return NULL;
}

void dump_bad(struct dump *d)
{
	if (!d->bad++)
		d->bad_line = 0; /* dump_next() notes where it is */
}

void dump_set(struct dump *d, unsigned int number, unsigned long long value)
{
	bool intel = d->vendor == RULES_INTEL;
	int field = intel ? rules_vmx_field(number) : rules_svm_field(number);
	unsigned int bytes;

	if (field < 0) {
		dump_bad(d);
		return;
	}
	bytes = intel ? rules_vmx_bytes(field) : rules_svm_bytes(field);
	if (bytes < 8 && value >> 8 * bytes) {
		dump_bad(d);
		return;
	}
	if (intel)
		rules_vmx_set(&d->vmx, number, value);
	else
		rules_svm_set(&d->svm, number, value);
	d->values++;
}

/* ---- swivl's own ---- */

static bool set_fact(struct dump *d, const char *name, size_t length, unsigned long long value)
{
	for (unsigned int i = 0; i < RULES_VMX_FACTS_USED && d->vendor != RULES_AMD; i++) {
		const char *fact = rules_vmx_name(RULES_VMX_FACT(i));

		if (*fact && strlen(fact) == length && !memcmp(fact, name, length)) {
			rules_vmx_set_fact(&d->vmx, i, value);
			return true;
		}
	}
	for (unsigned int i = 0; i < RULES_SVM_FACTS_USED && d->vendor != RULES_INTEL; i++) {
		const char *fact = rules_svm_name(RULES_SVM_FACT(i));

		if (strlen(fact) == length && !memcmp(fact, name, length)) {
			rules_svm_set_fact(&d->svm, i, value);
			return true;
		}
	}
	return false;
}

/* "msr 480 = da040000000004": a capability MSR by its number. */
static bool set_msr(struct dump *d, const char *at, unsigned long long value)
{
	unsigned long long msr;

	if (!dump_number(at, 16, &msr) || msr < 0x480 || msr > 0x480 + RULES_VMX_LAST_MSR)
		return false;
	rules_vmx_set_fact(&d->vmx, RULES_VMX_MSR((unsigned int)msr), value);
	return true;
}

/* "cpuid 8000000a = 1 8000 0 2021": EAX, EBX, ECX, EDX of a leaf, of subleaf 0. */
static bool set_cpuid(struct dump *d, const char *at, const char *equals)
{
	unsigned long long leaf, value;
	unsigned int regs[4];

	if (!dump_number(at, 16, &leaf) || leaf > 0xffffffff)
		return false;
	at = equals + 2;
	for (unsigned int i = 0; i < 4; i++) {
		at += strspn(at, " \t");
		if (!dump_number(at, 16, &value) || value > 0xffffffff)
			return false;
		regs[i] = (unsigned int)value;
		at += strcspn(at, " \t");
	}
	rules_svm_set_cpuid(&d->svm, (unsigned int)leaf, regs);
	if (leaf == 0x80000008) {
		rules_vmx_set_fact(&d->vmx, RULES_PHYSICAL_BITS, regs[0] & 0xff);
		rules_vmx_set_fact(&d->vmx, RULES_LINEAR_BITS, regs[0] >> 8 & 0xff);
	}
	return true;
}

/* 1 for a fact that is known, 0 for a line that says none, -1 for one that is wrong. */
static int fact_line(struct dump *d, const char *line)
{
	const char *equals = strstr(line, " = "), *at;
	unsigned long long value;

	if (!equals)
		return 0;
	if ((at = dump_find(line, "cpuid ")) && at < equals)
		return set_cpuid(d, at + 6, equals) ? 1 : -1;
	if ((at = dump_find(line, "msr ")) && at < equals)
		return dump_number(equals + 3, 16, &value) && set_msr(d, at + 4, value) ? 1 : -1;
	if ((at = dump_find(line, "fact ")) && at < equals)
		return dump_number(equals + 3, 16, &value) &&
		       set_fact(d, at + 5, equals - at - 5, value) ? 1 : -1;
	return 0;
}

static void load_line(struct dump *d, const char *at, const char *equals)
{
	unsigned long long index, reserved, value;
	unsigned int n = d->vmx.entry_loads;
	const char *second = at + strcspn(at, " ");

	if (n == DUMP_MAX_LOADS || !dump_number(at, 16, &index) || index > 0xffffffff ||
	    !dump_number(second, 16, &reserved) || reserved > 0xffffffff ||
	    !dump_number(equals + 3, 16, &value)) {
		dump_bad(d);
		return;
	}
	d->loads[n] = (struct rules_msr){ (unsigned int)index, (unsigned int)reserved, value };
	d->vmx.entry_loads++;
	d->values++;
}

/* "vmcs 6800 = 0x80050033 guest CR0"; true behind the last line. */
static bool swivl_line(struct dump *d, const char *line)
{
	const char *word = d->vendor == RULES_INTEL ? "vmcs " : "vmcb ", *at = dump_find(line, word);
	const char *equals = strstr(line, " = "), *last = strstr(line, "swivl dump ends: ");
	unsigned long long number, value;
	int fact;

	if (last) {
		d->problem = dump_number(last + 17, 10, &number) && number == d->values + d->bad ?
				     NULL : "lines are missing in it";
		return true;
	}
	if (at && equals && at < equals) {
		if (!dump_number(at + 5, 16, &number) || number > 0xffff ||
		    !dump_number(equals + 3, 16, &value))
			dump_bad(d);
		else
			dump_set(d, (unsigned int)number, value);
		return false;
	}
	if (equals && d->vendor == RULES_INTEL && (at = dump_find(line, "load ")) && at < equals) {
		load_line(d, at + 5, equals);
		return false;
	}
	fact = fact_line(d, line);
	if (fact < 0)
		dump_bad(d);
	d->values += fact > 0;
	return false;
}

/* ---- Lines ---- */

/* The line at @at into @line, cut off, without zeros; returns where the next begins. */
static const char *take_line(const char *at, const char *end, char *line, size_t size)
{
	const char *stop = memchr(at, '\n', end - at);
	size_t n;

	if (!stop)
		stop = end;
	n = (size_t)(stop - at) < size - 1 ? (size_t)(stop - at) : size - 1;
	for (size_t i = 0; i < n; i++)
		line[i] = at[i] && at[i] != '\r' ? at[i] : ' ';
	line[n] = 0;
	return stop < end ? stop + 1 : end;
}

enum beginning { NOTHING, SWIVL, KVM_VMCS, KVM_VMCB };

static enum beginning begins(const char *line)
{
	return strstr(line, "swivl dump ") && strstr(line, ": VMC") ? SWIVL :
	       strstr(line, "*** Guest State ***") ? KVM_VMCS :
	       strstr(line, "VMCB Control Area:") ? KVM_VMCB : NOTHING;
}

static void start(struct dump *d, enum beginning kind, const char *line)
{
	const char *version = strstr(line, "swivl dump ");

	if (kind == KVM_VMCB || (kind == SWIVL && strstr(line, ": VMCB")))
		d->vendor = RULES_AMD;
	else
		d->vendor = RULES_INTEL;
	d->from = kind == SWIVL ? "swivl" : strstr(line, "(XEN)") ? "Xen" : "KVM";
	if (kind == SWIVL && strncmp(version, "swivl dump 1: ", 14))
		d->problem = "its version is not 1";
	else
		d->problem = kind == KVM_VMCB ? "it is cut off before the state-save area" :
			     kind == KVM_VMCS ? "it is cut off before the control fields" :
						"it is cut off: its last line is missing";
}

/* One line of what somebody else wrote, with what was wrapped. */
static void flush(struct dump *d, enum dump_part part, char *whole)
{
	if (d->vendor == RULES_INTEL)
		dump_kvm_line(d, part, whole);
	else
		dump_vmcb_line(d, whole);
	*whole = 0;
}

/* Parts of a wrapped line are quoted each: ">> ". */
static const char *unquoted(const char *line)
{
	return line + strspn(line, "> \t");
}

static void join(char *whole, const char *more)
{
	size_t n = strlen(whole);

	if (n + 2 < LINE_SIZE)
		snprintf(whole + n, LINE_SIZE - n, " %s", unquoted(more));
}

bool dump_next(struct dump_text *text, struct dump *d)
{
	enum beginning kind = NOTHING, other;
	enum dump_part part = DUMP_GUEST;
	char line[LINE_SIZE], whole[LINE_SIZE] = "";
	bool done = false;

	memset(d, 0, sizeof(*d));
	while (text->at < text->end && !done) {
		const char *after = take_line(text->at, text->end, line, sizeof(line));

		other = begins(line);
		if (other && kind)
			break;
		text->at = after;
		text->line++;
		if (other) {
			kind = other;
			d->line = text->line;
			start(d, kind, line);
		} else if (kind == SWIVL) {
			done = swivl_line(d, line);
		} else if (kind && dump_kvm_begins(d, line)) {
			flush(d, part, whole);
			if (strstr(line, "*** Host State ***"))
				part = DUMP_HOST;
			else if (strstr(line, "*** Control State ***"))
				part = DUMP_CONTROL;
			if (part == DUMP_CONTROL || strstr(line, "VMCB State Save Area"))
				d->problem = NULL;
			join(whole, line);
		} else if (kind && *whole) {
			join(whole, line);
		}
		if (d->bad && !d->bad_line)
			d->bad_line = text->line;
	}
	if (kind > SWIVL)
		flush(d, part, whole);
	d->vmx.entry_load = d->vmx.entry_loads ? d->loads : NULL;
	return kind != NOTHING;
}

unsigned int dump_facts(const char *text, size_t size, struct dump *d, unsigned int *bad)
{
	const char *end = text + size;
	unsigned int found = 0, number = 0;
	char line[LINE_SIZE];

	for (*bad = 0; text < end;) {
		int fact;

		text = take_line(text, end, line, sizeof(line));
		number++;
		fact = fact_line(d, line);
		found += fact > 0;
		if (fact < 0 && !*bad)
			*bad = number;
	}
	return found;
}
