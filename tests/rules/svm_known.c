// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "tests/rules/svm_known.h"

static u64 value(const struct rules_svm_state *s, u32 field)
{
	u64 v = 0;

	rules_svm_get(s, field, &v);
	return v;
}

static u64 limit(const struct rules_svm_state *s)
{
	return 1ull << (value(s, RULES_SVM_FACT(RULES_SVM_CPUID_80000008_EAX)) & 0xff);
}

static bool msrpm_is_last(const struct rules_svm_state *s)
{
	return (value(s, AT_MSRPM) & ~0xfffull) == limit(s) - 0x2000;
}

static bool cr3_outside_long_mode(const struct rules_svm_state *s)
{
	return value(s, AT_CR3) >= limit(s) &&
	       !(value(s, AT_EFER) & EFER_LME && value(s, AT_CR0) & CR0_PG);
}

static bool pks_alone(const struct rules_svm_state *s)
{
	return (value(s, AT_CR4) & ~0xf71fffull) == 1u << 24;
}

static bool lmsle(const struct rules_svm_state *s)
{
	return value(s, AT_EFER) & 1u << 13;
}

static bool reserved_vector(const struct rules_svm_state *s)
{
	u64 vector = value(s, AT_EVENT_INJ) & 0xff;

	return vector < 31 && vector != 2;
}

const struct known svm_known[] = {
	{ "15.25.4", "N_CR3 is not looked at", 526, 0, NULL },
	{ "15.25.4", "G_PAT is not looked at", 527, 0, NULL },
	{ "15.20, table 8-1", "reserved exception vectors are injected", 519, 0, reserved_vector },
	{ "15.20", "#OF and #BR are injected in 64-bit mode", 520, 0, NULL },
	{ "3.1.3", "CR4.PKS, which AMD does not have, with -cpu max", 505, 0, pks_alone },
	{ "3.1.3", "CR4.PCIDE without CPUID 1 ECX.PCID", 506, 1 << 3, NULL },
	{ "3.1.7", "EFER.NXE and FFXSR without their bits in CPUID 80000001h EDX", 510, 1 << 0 | 1 << 2,
	  NULL },
	{ "15.11", "an MSR permissions map in the last 8 KiB is refused", 0, 0, msrpm_is_last },
	{ "3.1.2", "CR3 outside of long mode is checked as in long mode, where the host is in it", 0, 0,
	  cr3_outside_long_mode },
	{ "3.1.7", "EFER.LMSLE is refused where CPUID 80000008h EBX does not say it is gone", 0, 0,
	  lmsle },
};
const u32 svm_knowns = ARRAY_SIZE(svm_known);
