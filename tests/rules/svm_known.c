// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "tests/rules/svm_known.h"

static u64 value(const void *s, u32 field)
{
	u64 v = 0;

	rules_svm_get(s, field, &v);
	return v;
}

static u64 limit(const void *s)
{
	return 1ull << (value(s, RULES_SVM_FACT(RULES_SVM_CPUID_80000008_EAX)) & 0xff);
}

static bool msrpm_is_last(const void *s)
{
	return (value(s, AT_MSRPM) & ~0xfffull) == limit(s) - 0x2000;
}

static bool cr3_outside_long_mode(const void *s)
{
	return value(s, AT_CR3) >= limit(s) &&
	       !(value(s, AT_EFER) & EFER_LME && value(s, AT_CR0) & CR0_PG);
}

static bool pks_alone(const void *s)
{
	return (value(s, AT_CR4) & ~0xf71fffull) == 1u << 24;
}

static bool lmsle(const void *s)
{
	return value(s, AT_EFER) & 1u << 13;
}

static bool reserved_vector(const void *s)
{
	u64 vector = value(s, AT_EVENT_INJ) & 0xff;

	return vector < 31 && vector != 2;
}

static bool pae_without_nested_paging(const void *s)
{
	return !(value(s, AT_NESTED) & NESTED_NP) && value(s, AT_CR0) & CR0_PG &&
	       value(s, AT_CR4) & CR4_PAE && !(value(s, AT_EFER) & EFER_LME);
}

static bool cs_is_no_segment(const void *s)
{
	return (value(s, AT_CS_ATTR) & 0x90) == 0x80;
}

static bool cs_long_and_big(const void *s)
{
	return (value(s, AT_CS_ATTR) & 0x600) == 0x600 &&
	       !(value(s, AT_EFER) & EFER_LME && value(s, AT_CR0) & CR0_PG);
}

static bool reserved_vector_or_31(const void *s)
{
	return (value(s, AT_EVENT_INJ) & 0xff) < 32 && (value(s, AT_EVENT_INJ) & 0xff) != 2;
}

static bool iopm_begins_inside(const void *s)
{
	return value(s, AT_IOPM) < limit(s);
}

static bool msrpm_begins_inside(const void *s)
{
	return value(s, AT_MSRPM) < limit(s);
}

/* Any of the lowest eight bits is taken for NP_ENABLE, by this check alone. */
static bool nested_by_other_bits(const void *s)
{
	return value(s, AT_NESTED) & 0xff && !(value(s, AT_NESTED) & NESTED_NP);
}

static bool nested_cr3_unused(const void *s)
{
	return nested_by_other_bits(s) && value(s, AT_NESTED_CR3) >= limit(s);
}

static bool pat_unused(const void *s)
{
	u64 pat = value(s, AT_G_PAT);

	for (; pat && (pat & 0xff) < 8 && (pat & 6) != 2; pat >>= 8)
		;
	return nested_by_other_bits(s) && pat;
}

const struct known svm_known[] = {
	{ IN_QEMU, "15.25.4", "N_CR3 is not looked at", 726, 0, NULL },
	{ IN_QEMU, "15.25.4", "G_PAT is not looked at", 727, 0, NULL },
	{ IN_QEMU, "15.20, table 8-1", "reserved exception vectors are injected", 719, 0,
	  reserved_vector },
	{ IN_QEMU, "15.20", "#OF and #BR are injected in 64-bit mode", 720, 0, NULL },
	{ IN_QEMU, "3.1.3", "CR4.PKS, which AMD does not have, with -cpu max", 705, 0, pks_alone },
	{ IN_QEMU, "3.1.3", "CR4.PCIDE without CPUID 1 ECX.PCID", 706, 1 << 3, NULL },
	{ IN_QEMU, "3.1.7", "EFER.NXE and FFXSR without their bits in CPUID 80000001h EDX", 710,
	  1 << 0 | 1 << 2, NULL },
	{ IN_QEMU, "15.11", "an MSR permissions map in the last 8 KiB is refused", 0, 0,
	  msrpm_is_last },
	{ IN_QEMU, "3.1.2",
	  "CR3 outside of long mode is checked as in long mode, where the host is in it", 0, 0,
	  cr3_outside_long_mode },
	{ IN_QEMU | IN_BOCHS, "3.1.7",
	  "EFER.LMSLE is refused where CPUID 80000008h EBX does not say it is gone", 0, 0, lmsle },
	{ IN_BOCHS, "15.5.1", "CR3 is not looked at", 704, 0, NULL },
	{ IN_BOCHS, "15.5.1", "CR0.PE is not asked for in long mode", 713, 0, NULL },
	{ IN_BOCHS, "15.5.1", "PDPTEs are checked as MOV to CR3 does, which is no check of VMRUN",
	  0, 0, pae_without_nested_paging },
	{ IN_BOCHS, "15.5.1", "a CS that is a system segment is refused, by its type", 0, 0,
	  cs_is_no_segment, true },
	{ IN_BOCHS, "15.5.1", "a CS with L and D is refused outside of long mode", 0, 0,
	  cs_long_and_big },
	{ IN_BOCHS, "15.20, table 8-1", "reserved exception vectors are injected", 719, 0,
	  reserved_vector_or_31 },
	{ IN_BOCHS, "15.20", "#OF and #BR are injected in 64-bit mode", 720, 0, NULL },
	{ IN_BOCHS, "15.5.1", "where the I/O permissions map ends is not looked at", 717, 0,
	  iopm_begins_inside },
	{ IN_BOCHS, "15.5.1", "where the MSR permissions map ends is not looked at", 716, 0,
	  msrpm_begins_inside },
	{ IN_BOCHS, "15.25.4", "N_CR3 is looked at where only other bits of its control are set", 0,
	  0, nested_cr3_unused },
	{ IN_BOCHS, "15.25.4", "and so is G_PAT", 0, 0, pat_unused },
};
const u32 svm_knowns = ARRAY_SIZE(svm_known);
