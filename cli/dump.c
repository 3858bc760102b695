// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Reads a VMCS from text: swivl's own, or what KVM writes into the kernel log after a failed entry
 * (kvm_intel.dump_invalid_vmcs=1) as people paste it into reports.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"

/* Of KVM's text: a line that has @mark has after @key a number. Encodings: SDM vol. 3, appendix B. */
enum part { GUEST, HOST, CONTROL };
static const struct kvm_value {
	enum part part;
	const char *mark, *key;
	unsigned int encoding;
} kvm_values[] = {
	{ GUEST, "CR0: actual=", "actual=", 0x6800 },
	{ GUEST, "CR0: actual=", "shadow=", 0x6004 },
	{ GUEST, "CR0: actual=", "gh_mask=", 0x6000 },
	{ GUEST, "CR4: actual=", "actual=", 0x6804 },
	{ GUEST, "CR4: actual=", "shadow=", 0x6006 },
	{ GUEST, "CR4: actual=", "gh_mask=", 0x6002 },
	{ GUEST, "CR3 =", "CR3 =", 0x6802 },
	{ GUEST, "PDPTR0 =", "PDPTR0 =", 0x280a },
	{ GUEST, "PDPTR1 =", "PDPTR1 =", 0x280c },
	{ GUEST, "PDPTR2 =", "PDPTR2 =", 0x280e },
	{ GUEST, "PDPTR3 =", "PDPTR3 =", 0x2810 },
	{ GUEST, "RSP =", "RSP =", 0x681c },
	{ GUEST, "RIP =", "RIP =", 0x681e },
	{ GUEST, "RFLAGS=", "RFLAGS=", 0x6820 },
	{ GUEST, "DR7 =", "DR7 =", 0x681a },
	{ GUEST, "Sysenter", "RSP=", 0x6824 },
	{ GUEST, "GDTR:", "limit=", 0x4810 },
	{ GUEST, "GDTR:", "base=", 0x6816 },
	{ GUEST, "IDTR:", "limit=", 0x4812 },
	{ GUEST, "IDTR:", "base=", 0x6818 },
	{ GUEST, "EFER =", "EFER =", 0x2806 },
	{ GUEST, "EFER=", "EFER=", 0x2806 },
	{ GUEST, "PAT =", "PAT =", 0x2804 },
	{ GUEST, "DebugCtl =", "DebugCtl =", 0x2802 },
	{ GUEST, "DebugExceptions =", "DebugExceptions =", 0x6822 },
	{ GUEST, "PerfGlobCtl =", "PerfGlobCtl =", 0x2808 },
	{ GUEST, "BndCfgS =", "BndCfgS =", 0x2812 },
	{ GUEST, "Interruptibility =", "Interruptibility =", 0x4824 },
	{ GUEST, "ActivityState =", "ActivityState =", 0x4826 },
	{ GUEST, "InterruptStatus =", "InterruptStatus =", 0x0810 },
	{ HOST, "RIP =", "RIP =", 0x6c16 },
	{ HOST, "RSP =", "RSP =", 0x6c14 },
	{ HOST, "CS=", "CS=", 0x0c02 },
	{ HOST, "CS=", " SS=", 0x0c04 },
	{ HOST, "CS=", " DS=", 0x0c06 },
	{ HOST, "CS=", " ES=", 0x0c00 },
	{ HOST, "CS=", " FS=", 0x0c08 },
	{ HOST, "CS=", " GS=", 0x0c0a },
	{ HOST, "CS=", " TR=", 0x0c0c },
	{ HOST, "FSBase=", "FSBase=", 0x6c06 },
	{ HOST, "FSBase=", "GSBase=", 0x6c08 },
	{ HOST, "FSBase=", "TRBase=", 0x6c0a },
	{ HOST, "GDTBase=", "GDTBase=", 0x6c0c },
	{ HOST, "GDTBase=", "IDTBase=", 0x6c0e },
	{ HOST, "CR0=", "CR0=", 0x6c00 },
	{ HOST, "CR0=", "CR3=", 0x6c02 },
	{ HOST, "CR0=", "CR4=", 0x6c04 },
	{ HOST, "Sysenter", "RSP=", 0x6c10 },
	{ HOST, "EFER =", "EFER =", 0x2c02 },
	{ HOST, "EFER=", "EFER=", 0x2c02 },
	{ HOST, "PAT =", "PAT =", 0x2c00 },
	{ HOST, "PerfGlobCtl =", "PerfGlobCtl =", 0x2c04 },
	{ CONTROL, "PinBased=", "PinBased=", 0x4000 },
	{ CONTROL, "CPUBased=", "CPUBased=", 0x4002 },
	{ CONTROL, "SecondaryExec=", "SecondaryExec=", 0x401e },
	{ CONTROL, "TertiaryExec=", "TertiaryExec=", 0x2034 },
	{ CONTROL, "EntryControls=", "EntryControls=", 0x4012 },
	{ CONTROL, "ExitControls=", "ExitControls=", 0x400c },
	{ CONTROL, "ExceptionBitmap=", "ExceptionBitmap=", 0x4004 },
	{ CONTROL, "PFECmask=", "PFECmask=", 0x4006 },
	{ CONTROL, "PFECmatch=", "PFECmatch=", 0x4008 },
	{ CONTROL, "VMEntry:", "intr_info=", 0x4016 },
	{ CONTROL, "VMEntry:", "errcode=", 0x4018 },
	{ CONTROL, "VMEntry:", "ilen=", 0x401a },
	{ CONTROL, "VMExit:", "intr_info=", 0x4404 },
	{ CONTROL, "VMExit:", "errcode=", 0x4406 },
	{ CONTROL, "VMExit:", "ilen=", 0x440c },
	{ CONTROL, "reason=", "reason=", 0x4402 },
	{ CONTROL, "qualification=", "qualification=", 0x6400 },
	{ CONTROL, "IDTVectoring:", "info=", 0x4408 },
	{ CONTROL, "IDTVectoring:", "errcode=", 0x440a },
	{ CONTROL, "TSC Offset =", "TSC Offset =", 0x2010 },
	{ CONTROL, "TSC Multiplier =", "TSC Multiplier =", 0x2032 },
	{ CONTROL, "TPR Threshold =", "TPR Threshold =", 0x401c },
	{ CONTROL, "APIC-access addr =", "APIC-access addr =", 0x2014 },
	{ CONTROL, "virt-APIC addr =", "virt-APIC addr =", 0x2012 },
	{ CONTROL, "PostedIntrVec =", "PostedIntrVec =", 0x0002 },
	{ CONTROL, "EPT pointer =", "EPT pointer =", 0x201a },
	{ CONTROL, "PLE Gap=", "PLE Gap=", 0x4020 },
	{ CONTROL, "PLE Gap=", "Window=", 0x4022 },
	{ CONTROL, "Virtual processor ID =", "Virtual processor ID =", 0x0000 },
};

/* A number of base 16, with or without 0x; blanks before it. */
static bool number(const char *s, unsigned long long *value)
{
	unsigned int digits = 0;

	s += strspn(s, " \t");
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	for (*value = 0; digits < 17; digits++, s++) {
		unsigned int d = *s >= '0' && *s <= '9' ? *s - '0' :
				 *s >= 'a' && *s <= 'f' ? *s - 'a' + 10 :
				 *s >= 'A' && *s <= 'F' ? *s - 'A' + 10 : 16;

		if (d == 16)
			break;
		*value = *value << 4 | d;
	}
	return digits && digits <= 16;
}

/* As a word: not the end of a longer one, "CR0=" in "xCR0=". */
static const char *find_word(const char *line, const char *word)
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

static unsigned int set(struct rules_vmx_state *s, const char *text, unsigned int encoding)
{
	unsigned long long value;

	return text && number(text, &value) && !rules_vmx_set(s, encoding, value);
}

static unsigned int kvm_segment(const char *line, struct rules_vmx_state *s)
{
	static const char *const names[] = { "ES:", "CS:", "SS:", "DS:", "FS:", "GS:", "LDTR:", "TR:" };
	static const struct {
		const char *key;
		unsigned int encoding;
	} parts[] = { { "sel=", 0x800 }, { "attr=", 0x4814 }, { "limit=", 0x4800 }, { "base=", 0x6806 } };
	unsigned int found = 0;

	for (unsigned int i = 0; i < 8; i++) {
		const char *at = find_word(line, names[i]);

		if (!at || !strstr(at, "sel="))
			continue;
		for (unsigned int k = 0; k < 4; k++) {
			const char *value = strstr(at, parts[k].key);

			if (value)
				found += set(s, value + strlen(parts[k].key), parts[k].encoding + 2 * i);
		}
	}
	return found;
}

/* "Sysenter RSP=... CS:RIP=0010:ffff..." */
static unsigned int kvm_sysenter(const char *line, enum part part, struct rules_vmx_state *s)
{
	const char *at = strstr(line, "CS:RIP="), *colon;
	unsigned int found;

	if (!at || part == CONTROL)
		return 0;
	at += strlen("CS:RIP=");
	found = set(s, at, part == GUEST ? 0x482a : 0x4c00);
	colon = strchr(at, ':');
	if (colon)
		found += set(s, colon + 1, part == GUEST ? 0x6826 : 0x6c12);
	return found;
}

static unsigned int kvm_line(const char *line, enum part part, struct rules_vmx_state *s)
{
	unsigned int found = 0;

	for (size_t i = 0; i < sizeof(kvm_values) / sizeof(kvm_values[0]); i++) {
		const struct kvm_value *v = &kvm_values[i];
		const char *at;

		if (v->part != part || !(at = find_word(line, v->mark)) || !(at = find_word(at, v->key)))
			continue;
		found += set(s, at + strlen(v->key), v->encoding);
	}
	if (part == GUEST)
		found += kvm_segment(line, s);
	return found + kvm_sysenter(line, part, s);
}

/* "vmcs 6800 = 80050033" and "fact IA32_VMX_BASIC = da040000000004"; facts go by their names. */
static unsigned int swivl_line(const char *line, struct rules_vmx_state *s)
{
	const char *at = find_word(line, "vmcs "), *equals = strstr(line, " = ");
	unsigned long long encoding, value;

	if (!equals || !number(equals + 3, &value))
		return 0;
	if (at && at < equals)
		return number(at + 5, &encoding) && encoding < 0x10000 &&
		       !rules_vmx_set(s, (unsigned int)encoding, value);
	at = find_word(line, "fact ");
	if (!at || (at += 5) > equals)
		return 0;
	for (unsigned int i = 0; i < RULES_VMX_FACTS_USED; i++) {
		const char *name = rules_vmx_name(RULES_VMX_FACT(i));

		if (strlen(name) == (size_t)(equals - at) && !memcmp(name, at, equals - at)) {
			rules_vmx_set_fact(s, i, value);
			return 1;
		}
	}
	return 0;
}

/* The line at @at into @line, cut off, without zeros; returns where the next begins. */
static const char *take_line(const char *at, const char *end, char *line, size_t size)
{
	const char *stop = memchr(at, '\n', end - at);
	size_t n;

	if (!stop)
		stop = end;
	n = (size_t)(stop - at) < size - 1 ? (size_t)(stop - at) : size - 1;
	for (size_t i = 0; i < n; i++)
		line[i] = at[i] ? at[i] : ' ';
	line[n] = 0;
	return stop < end ? stop + 1 : end;
}

static enum dump_kind begins(const char *line)
{
	return strstr(line, "*** Guest State ***") ? DUMP_KVM :
	       strstr(line, "swivl dump 1: VMCS") ? DUMP_SWIVL : DUMP_NONE;
}

enum dump_kind dump_next(const char *at, const char *end, const char **next,
			 struct rules_vmx_state *s, unsigned int *fields)
{
	enum dump_kind kind = DUMP_NONE, other;
	enum part part = GUEST;
	const char *after;
	char line[512];

	memset(s, 0, sizeof(*s));
	*fields = 0;
	for (; at < end; at = after) {
		after = take_line(at, end, line, sizeof(line));
		other = begins(line);
		if (other && kind)
			break;
		if (other)
			kind = other;
		else if (kind == DUMP_SWIVL)
			*fields += swivl_line(line, s);
		else if (kind == DUMP_KVM && strstr(line, "*** Host State ***"))
			part = HOST;
		else if (kind == DUMP_KVM && strstr(line, "*** Control State ***"))
			part = CONTROL;
		else if (kind == DUMP_KVM)
			*fields += kvm_line(line, part, s);
	}
	*next = at;
	return kind;
}
