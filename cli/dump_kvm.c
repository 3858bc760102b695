// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What KVM writes into the kernel log after a failed entry (kvm_intel.dump_invalid_vmcs=1 and
 * kvm_amd.dump_invalid_vmcb=1), Linux 4.3 to 6.18, and Xen's VMCS, which looks much the same.
 */
#include <string.h>

#include "dump.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A line that has @mark has after @key a number. Encodings: SDM vol. 3, appendix B. */
static const struct vmcs_value {
	enum dump_part part;
	const char *mark, *key;
	unsigned int encoding;
} vmcs_values[] = {
#define ALONE(part, key, encoding) { part, key, key, encoding }
	{ DUMP_GUEST, "CR0: actual=", "actual=", 0x6800 },
	{ DUMP_GUEST, "CR0: actual=", "shadow=", 0x6004 },
	{ DUMP_GUEST, "CR0: actual=", "gh_mask=", 0x6000 },
	{ DUMP_GUEST, "CR4: actual=", "actual=", 0x6804 },
	{ DUMP_GUEST, "CR4: actual=", "shadow=", 0x6006 },
	{ DUMP_GUEST, "CR4: actual=", "gh_mask=", 0x6002 },
	ALONE(DUMP_GUEST, "CR3 =", 0x6802),
	ALONE(DUMP_GUEST, "PDPTR0 =", 0x280a),
	ALONE(DUMP_GUEST, "PDPTR1 =", 0x280c),
	ALONE(DUMP_GUEST, "PDPTR2 =", 0x280e),
	ALONE(DUMP_GUEST, "PDPTR3 =", 0x2810),
	ALONE(DUMP_GUEST, "PDPTE0 =", 0x280a),
	ALONE(DUMP_GUEST, "PDPTE1 =", 0x280c),
	ALONE(DUMP_GUEST, "PDPTE2 =", 0x280e),
	ALONE(DUMP_GUEST, "PDPTE3 =", 0x2810),
	ALONE(DUMP_GUEST, "RSP =", 0x681c),
	ALONE(DUMP_GUEST, "RIP =", 0x681e),
	ALONE(DUMP_GUEST, "RFLAGS=", 0x6820),
	ALONE(DUMP_GUEST, "DR7 =", 0x681a),
	{ DUMP_GUEST, "Sysenter", "RSP=", 0x6824 },
	{ DUMP_GUEST, "GDTR:", "limit=", 0x4810 },
	{ DUMP_GUEST, "GDTR:", "base=", 0x6816 },
	{ DUMP_GUEST, "IDTR:", "limit=", 0x4812 },
	{ DUMP_GUEST, "IDTR:", "base=", 0x6818 },
	ALONE(DUMP_GUEST, "EFER =", 0x2806),
	ALONE(DUMP_GUEST, "EFER=", 0x2806),
	ALONE(DUMP_GUEST, "EFER(VMCS) =", 0x2806),
	ALONE(DUMP_GUEST, "PAT =", 0x2804),
	ALONE(DUMP_GUEST, "PreemptionTimer =", 0x482e),
	ALONE(DUMP_GUEST, "SM Base =", 0x4828),
	ALONE(DUMP_GUEST, "DebugCtl =", 0x2802),
	ALONE(DUMP_GUEST, "DebugExceptions =", 0x6822),
	ALONE(DUMP_GUEST, "PerfGlobCtl =", 0x2808),
	ALONE(DUMP_GUEST, "BndCfgS =", 0x2812),
	ALONE(DUMP_GUEST, "Interruptibility =", 0x4824),
	ALONE(DUMP_GUEST, "ActivityState =", 0x4826),
	ALONE(DUMP_GUEST, "InterruptStatus =", 0x0810),
	ALONE(DUMP_GUEST, "S_CET =", 0x6828),
	ALONE(DUMP_GUEST, "SSP =", 0x682a),
	ALONE(DUMP_GUEST, "SSP TABLE =", 0x682c),
	ALONE(DUMP_HOST, "RIP =", 0x6c16),
	ALONE(DUMP_HOST, "RSP =", 0x6c14),
	{ DUMP_HOST, "CS=", "CS=", 0x0c02 },
	{ DUMP_HOST, "CS=", " SS=", 0x0c04 },
	{ DUMP_HOST, "CS=", " DS=", 0x0c06 },
	{ DUMP_HOST, "CS=", " ES=", 0x0c00 },
	{ DUMP_HOST, "CS=", " FS=", 0x0c08 },
	{ DUMP_HOST, "CS=", " GS=", 0x0c0a },
	{ DUMP_HOST, "CS=", " TR=", 0x0c0c },
	ALONE(DUMP_HOST, "FSBase=", 0x6c06),
	ALONE(DUMP_HOST, "GSBase=", 0x6c08),
	ALONE(DUMP_HOST, "TRBase=", 0x6c0a),
	ALONE(DUMP_HOST, "GDTBase=", 0x6c0c),
	ALONE(DUMP_HOST, "IDTBase=", 0x6c0e),
	ALONE(DUMP_HOST, "CR0=", 0x6c00),
	ALONE(DUMP_HOST, "CR3=", 0x6c02),
	ALONE(DUMP_HOST, "CR4=", 0x6c04),
	{ DUMP_HOST, "Sysenter", "RSP=", 0x6c10 },
	ALONE(DUMP_HOST, "EFER =", 0x2c02),
	ALONE(DUMP_HOST, "EFER=", 0x2c02),
	ALONE(DUMP_HOST, "PAT =", 0x2c00),
	ALONE(DUMP_HOST, "PerfGlobCtl =", 0x2c04),
	ALONE(DUMP_HOST, "S_CET =", 0x6c18),
	ALONE(DUMP_HOST, "SSP =", 0x6c1a),
	ALONE(DUMP_HOST, "SSP TABLE =", 0x6c1c),
	ALONE(DUMP_CONTROL, "PinBased=", 0x4000),
	ALONE(DUMP_CONTROL, "CPUBased=", 0x4002),
	ALONE(DUMP_CONTROL, "SecondaryExec=", 0x401e),
	ALONE(DUMP_CONTROL, "TertiaryExec=", 0x2034),
	ALONE(DUMP_CONTROL, "EntryControls=", 0x4012),
	ALONE(DUMP_CONTROL, "ExitControls=", 0x400c),
	ALONE(DUMP_CONTROL, "SecondaryExitControls=", 0x2044),
	ALONE(DUMP_CONTROL, "ExceptionBitmap=", 0x4004),
	ALONE(DUMP_CONTROL, "PFECmask=", 0x4006),
	ALONE(DUMP_CONTROL, "PFECmatch=", 0x4008),
	{ DUMP_CONTROL, "VMEntry:", "intr_info=", 0x4016 },
	{ DUMP_CONTROL, "VMEntry:", "errcode=", 0x4018 },
	{ DUMP_CONTROL, "VMEntry:", "ilen=", 0x401a },
	{ DUMP_CONTROL, "VMExit:", "intr_info=", 0x4404 },
	{ DUMP_CONTROL, "VMExit:", "errcode=", 0x4406 },
	{ DUMP_CONTROL, "VMExit:", "ilen=", 0x440c },
	ALONE(DUMP_CONTROL, "reason=", 0x4402),
	ALONE(DUMP_CONTROL, "qualification=", 0x6400),
	{ DUMP_CONTROL, "IDTVectoring:", "info=", 0x4408 },
	{ DUMP_CONTROL, "IDTVectoring:", "errcode=", 0x440a },
	ALONE(DUMP_CONTROL, "TSC Offset =", 0x2010),
	ALONE(DUMP_CONTROL, "TSC Multiplier =", 0x2032),
	ALONE(DUMP_CONTROL, "TPR Threshold =", 0x401c),
	ALONE(DUMP_CONTROL, "APIC-access addr =", 0x2014),
	ALONE(DUMP_CONTROL, "virt-APIC addr =", 0x2012),
	ALONE(DUMP_CONTROL, "PostedIntrVec =", 0x0002),
	ALONE(DUMP_CONTROL, "EPT pointer =", 0x201a),
	ALONE(DUMP_CONTROL, "EPTP index =", 0x0004),
	ALONE(DUMP_CONTROL, "PLE Gap=", 0x4020),
	{ DUMP_CONTROL, "PLE Gap=", "Window=", 0x4022 },
	ALONE(DUMP_CONTROL, "Virtual processor ID =", 0x0000),
	ALONE(DUMP_CONTROL, "VMfunc controls =", 0x2018),
	ALONE(DUMP_CONTROL, "VE info address =", 0x202a),
};

static const char *const segments[] = { "ES: ", "CS: ", "SS: ", "DS: ", "FS: ", "GS: ", "LDTR: ", "TR: " };

static void set(struct dump *d, const char *text, unsigned int encoding)
{
	unsigned long long value;

	if (!text)
		return;
	if (dump_number(text, 16, &value))
		dump_set(d, encoding, value);
	else if (strspn(text + strspn(text, " "), "0123456789abcdefABCDEFx") > 16)
		dump_bad(d);
}

/* KVM: "CS:   sel=0x0010, attr=0x0a09b, limit=0xffffffff, base=0x0"; Xen: "CS: 0010 0a09b ffffffff 0". */
static void segment(struct dump *d, const char *line)
{
	static const char *const keys[] = { "sel=", "attr=", "limit=", "base=" };
	static const unsigned int encodings[] = { 0x800, 0x4814, 0x4800, 0x6806 };

	for (unsigned int i = 0; i < 8; i++) {
		const char *at = dump_find(line, segments[i]);
		bool named;

		if (!at)
			continue;
		at += strlen(segments[i]);
		named = strstr(at, keys[0]);
		for (unsigned int k = 0; k < 4; k++) {
			const char *value = at;

			if (named) {
				value = strstr(at, keys[k]);
				value = value ? value + strlen(keys[k]) : NULL;
			} else {
				at += strspn(at, " ");
				value = at;
				at += strcspn(at, " ");
			}
			set(d, value, encodings[k] + 2 * i);
		}
	}
}

/* Xen's "GDTR:            0000007f ffff88001f40c000": limit, base. */
static void table(struct dump *d, const char *line, const char *name, unsigned int limit)
{
	const char *at = dump_find(line, name);

	if (!at || strstr(at, "limit="))
		return;
	at += strlen(name);
	at += strspn(at, " ");
	set(d, at, limit);
	set(d, at + strcspn(at, " "), limit - 0x4810 + 0x6816);
}

/* "Sysenter RSP=... CS:RIP=0010:ffff..." */
static void sysenter(struct dump *d, enum dump_part part, const char *line)
{
	const char *at = strstr(line, "CS:RIP="), *colon;

	if (!at || part == DUMP_CONTROL)
		return;
	at += strlen("CS:RIP=");
	set(d, at, part == DUMP_GUEST ? 0x482a : 0x4c00);
	colon = strchr(at, ':');
	set(d, colon ? colon + 1 : NULL, part == DUMP_GUEST ? 0x6826 : 0x6c12);
}

/* "   0: msr=0x00000600 value=0x0000000000000000", of what the entry loads; others come in host state. */
static void autoload(struct dump *d, const char *line)
{
	const char *list = strstr(line, "guest autoload"), *at = list;
	unsigned long long msr, value;

	while (at && d->vmx.entry_loads < DUMP_MAX_LOADS && (at = strstr(at, "msr="))) {
		const char *second = strstr(at, "value=");

		if (!second || !dump_number(at + 4, 16, &msr) || msr > 0xffffffff ||
		    !dump_number(second + 6, 16, &value))
			break;
		d->loads[d->vmx.entry_loads++] = (struct rules_msr){ (unsigned int)msr, 0, value };
		at = second;
	}
	if (list)
		dump_set(d, 0x4014, d->vmx.entry_loads);
}

/* A line that is not in the VMCS but what KVM thinks that the guest has. */
static bool is_field(const struct vmcs_value *v, const char *at)
{
	return v->encoding != 0x2806 || !(strstr(at, "(effective)") || strstr(at, "(autoload)"));
}

void dump_kvm_line(struct dump *d, enum dump_part part, const char *line)
{
	for (size_t i = 0; i < COUNT(vmcs_values); i++) {
		const struct vmcs_value *v = &vmcs_values[i];
		const char *at;

		if (v->part != part || !(at = dump_find(line, v->mark)) || !(at = dump_find(at, v->key)))
			continue;
		if (is_field(v, at))
			set(d, at + strlen(v->key), v->encoding);
	}
	if (part == DUMP_GUEST) {
		segment(d, line);
		table(d, line, "GDTR: ", 0x4810);
		table(d, line, "IDTR: ", 0x4812);
		autoload(d, line);
	}
	sysenter(d, part, line);
}

/* ---- AMD ---- */

/* Names, and base of the number; offsets: APM vol. 2, appendix B. */
static const struct vmcb_value {
	const char *name;
	unsigned int offset, base;
} vmcb_values[] = {
	{ "cr_read:", 0x000, 16 },	 { "cr_write:", 0x002, 16 },
	{ "dr_read:", 0x004, 16 },	 { "dr_write:", 0x006, 16 },
	{ "exceptions:", 0x008, 16 },	 { "intercepts:", 0x00c, 16 },
	{ "pause filter count:", 0x03e, 10 },
	{ "pause filter threshold:", 0x03c, 10 },
	{ "iopm_base_pa:", 0x040, 16 },	 { "msrpm_base_pa:", 0x048, 16 },
	{ "tsc_offset:", 0x050, 16 },	 { "asid:", 0x058, 10 },
	{ "tlb_ctl:", 0x05c, 10 },	 { "int_ctl:", 0x060, 16 },
	{ "int_state:", 0x068, 16 },	 { "exit_code:", 0x070, 16 },
	{ "exit_info1:", 0x078, 16 },	 { "exit_info2:", 0x080, 16 },
	{ "exit_int_info:", 0x088, 16 }, { "nested_ctl:", 0x090, 10 },
	{ "misc_ctl:", 0x090, 10 },	 { "nested_cr3:", 0x0b0, 16 },
	{ "avic_vapic_bar:", 0x098, 16 }, { "ghcb:", 0x0a0, 16 },
	{ "event_inj:", 0x0a8, 16 },	 { "virt_ext:", 0x0b8, 10 },
	{ "misc_ctl2:", 0x0b8, 10 },	 { "lbr_ctl:", 0x0b8, 10 },	 { "next_rip:", 0x0c8, 16 },
	{ "avic_backing_page:", 0x0e0, 16 }, { "avic_logical_id:", 0x0f0, 16 },
	{ "avic_physical_id:", 0x0f8, 16 }, { "vmsa_pa:", 0x108, 16 },
	{ "cpl:", 0x4cb, 10 },		 { "efer:", 0x4d0, 16 },
	{ "cr0:", 0x558, 16 },		 { "cr2:", 0x640, 16 },
	{ "cr3:", 0x550, 16 },		 { "cr4:", 0x548, 16 },
	{ "dr6:", 0x568, 16 },		 { "dr7:", 0x560, 16 },
	{ "rip:", 0x578, 16 },		 { "rflags:", 0x570, 16 },
	{ "rsp:", 0x5d8, 16 },		 { "rax:", 0x5f8, 16 },
	{ "star:", 0x600, 16 },		 { "lstar:", 0x608, 16 },
	{ "cstar:", 0x610, 16 },	 { "sfmask:", 0x618, 16 },
	{ "kernel_gs_base:", 0x620, 16 }, { "sysenter_cs:", 0x628, 16 },
	{ "sysenter_esp:", 0x630, 16 },	 { "sysenter_eip:", 0x638, 16 },
	{ "gpat:", 0x668, 16 },		 { "dbgctl:", 0x670, 16 },
	{ "br_from:", 0x678, 16 },	 { "br_to:", 0x680, 16 },
	{ "excp_from:", 0x688, 16 },	 { "excp_to:", 0x690, 16 },
	{ "s_cet:", 0x5e0, 16 },	 { "ssp:", 0x5e8, 16 },
	{ "isst_addr:", 0x5f0, 16 },
};

/* KVM writes these apart: the upper halves of fields that came before. */
static const struct vmcb_half {
	const char *name;
	unsigned int offset;
} vmcb_halves[] = {
	{ "int_vector:", 0x060 },
	{ "exit_int_info_err:", 0x088 },
	{ "event_inj_err:", 0x0a8 },
};

static const char *const vmcb_segments[] = {
	"es:", "cs:", "ss:", "ds:", "fs:", "gs:", "gdtr:", "ldtr:", "idtr:", "tr:",
};

/* "cs:   s: 0010 a: 029b l: ffffffff b: 0000000000000000" */
static void vmcb_segment(struct dump *d, const char *line)
{
	static const char *const keys[] = { " s:", " a:", " l:", " b:" };
	static const unsigned int offsets[] = { 0, 2, 4, 8 };

	for (unsigned int i = 0; i < COUNT(vmcb_segments); i++) {
		const char *at = dump_find(line, vmcb_segments[i]);

		for (unsigned int k = 0; at && k < 4; k++) {
			const char *value = strstr(at, keys[k]);

			set(d, value ? value + 3 : NULL, 0x400 + 16 * i + offsets[k]);
		}
	}
}

/* Two words, "bc4c8027 0000624f"; until Linux 5.9 one number, "0000624fbc4c8027". */
static void intercepts(struct dump *d, const char *at, unsigned long long value)
{
	size_t digits;

	at += strspn(at, " ");
	digits = strspn(at, "0123456789abcdefABCDEF");
	dump_set(d, 0x00c, digits > 8 ? value & 0xffffffff : value);
	if (digits > 8)
		dump_set(d, 0x010, value >> 32);
	else
		set(d, at + digits, 0x010);
}

void dump_vmcb_line(struct dump *d, const char *line)
{
	unsigned long long value, low;
	const char *at;

	for (size_t i = 0; i < COUNT(vmcb_values); i++) {
		const struct vmcb_value *v = &vmcb_values[i];

		at = dump_find(line, v->name);
		if (!at || !dump_number(at += strlen(v->name), v->base, &value))
			continue;
		/* The registers of an encrypted guest follow with some of the same names. */
		if (rules_svm_get(&d->svm, (unsigned int)rules_svm_field(v->offset), &low))
			continue;
		if (v->offset == 0x00c) {
			intercepts(d, at, value);
			continue;
		}
		dump_set(d, v->offset, value);
	}
	for (size_t i = 0; i < COUNT(vmcb_halves); i++) {
		const struct vmcb_half *h = &vmcb_halves[i];

		at = dump_find(line, h->name);
		if (at && dump_number(at + strlen(h->name), 16, &value) && !(value >> 32) &&
		    rules_svm_get(&d->svm, (unsigned int)rules_svm_field(h->offset), &low))
			rules_svm_set(&d->svm, h->offset, value << 32 | (low & 0xffffffff));
	}
	vmcb_segment(d, line);
}

bool dump_kvm_begins(const struct dump *d, const char *line)
{
	if (d->vendor == RULES_AMD) {
		for (size_t i = 0; i < COUNT(vmcb_values); i++)
			if (dump_find(line, vmcb_values[i].name))
				return true;
		for (size_t i = 0; i < COUNT(vmcb_halves); i++)
			if (dump_find(line, vmcb_halves[i].name))
				return true;
		for (size_t i = 0; i < COUNT(vmcb_segments); i++)
			if (dump_find(line, vmcb_segments[i]))
				return true;
		return strstr(line, "State Save Area");
	}
	for (size_t i = 0; i < COUNT(vmcs_values); i++)
		if (dump_find(line, vmcs_values[i].mark))
			return true;
	for (size_t i = 0; i < COUNT(segments); i++)
		if (dump_find(line, segments[i]))
			return true;
	return strstr(line, "***") || dump_find(line, "MSR ");
}
