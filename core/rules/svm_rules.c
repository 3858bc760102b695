// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * AMD: what VMRUN answers with VMEXIT_INVALID (APM vol. 2, 15.5.1 "Canonicalization and Consistency
 * Checks", and what the sections on nested paging, event injection, AVIC, virtual NMIs and SEV add).
 */
#include "core/rules/svm.h"

#define RULES_VENDOR RULES_AMD

/* In the expression of a rule, where j is the judge: */
#define V(id) rules_value(j, AT_##id)
#define FACT(fact) rules_value(j, RULES_SVM_FACT(RULES_SVM_##fact))

static bool long_mode(struct rules_judge *j)
{
	return V(EFER) & EFER_LME && V(CR0) & CR0_PG;
}

/* The first address that the processor does not have (CPUID 80000008h EAX 7:0). */
static u64 address_limit(struct rules_judge *j)
{
	u64 bits = FACT(CPUID_80000008_EAX) & 0xff;

	return 1ull << (bits < 52 ? bits : 52);
}

/* A map of @size bytes; bits 11:0 of the address are ignored (15.10.1, 15.11). */
static bool map_fits(struct rules_judge *j, u64 base, u64 size)
{
	return (base & ~0xfffull) <= address_limit(j) - size;
}

/* A bit that may be set only where CPUID tells of what it switches on. */
struct feature {
	u8 bit;
	u8 fact;
	u8 cpuid_bit;
	u8 when; /* what that bit is where it is there */
};

static bool features_allow(struct rules_judge *j, u64 value, const struct feature *f)
{
	return !(value >> f->bit & 1) ||
	       (rules_value(j, RULES_SVM_FACT(f->fact)) >> f->cpuid_bit & 1) == f->when;
}

/* 3.1.3 */
static const struct feature cr4_features[] = {
	{ 11, RULES_SVM_CPUID_7_ECX, 2, 1 }, /* UMIP */
	{ 12, RULES_SVM_CPUID_7_ECX, 16, 1 }, /* LA57 */
	{ 16, RULES_SVM_CPUID_7_EBX, 0, 1 }, /* FSGSBASE */
	{ 17, RULES_SVM_CPUID_1_ECX, 17, 1 }, /* PCIDE */
	{ 18, RULES_SVM_CPUID_1_ECX, 26, 1 }, /* OSXSAVE */
	{ 20, RULES_SVM_CPUID_7_EBX, 7, 1 }, /* SMEP */
	{ 21, RULES_SVM_CPUID_7_EBX, 20, 1 }, /* SMAP */
	{ 22, RULES_SVM_CPUID_7_ECX, 3, 1 }, /* PKE */
	{ 23, RULES_SVM_CPUID_7_ECX, 7, 1 }, /* CET */
};
#define CR4_BITS 0xf71fffull /* 10:0 and those above */

/* 3.1.7 */
static const struct feature efer_features[] = {
	{ 11, RULES_SVM_CPUID_80000001_EDX, 20, 1 }, /* NXE */
	{ 13, RULES_SVM_CPUID_80000008_EBX, 20, 0 }, /* LMSLE */
	{ 14, RULES_SVM_CPUID_80000001_EDX, 25, 1 }, /* FFXSR */
	{ 15, RULES_SVM_CPUID_80000001_ECX, 17, 1 }, /* TCE */
	{ 17, RULES_SVM_CPUID_80000008_EBX, 8, 1 }, /* MCOMMIT */
	{ 18, RULES_SVM_CPUID_80000008_EBX, 13, 1 }, /* INTWB */
	{ 20, RULES_SVM_CPUID_80000021_EAX, 7, 1 }, /* UAIE */
	{ 21, RULES_SVM_CPUID_80000021_EAX, 8, 1 }, /* AIBRSE */
};
#define EFER_BITS (EFER_SCE | EFER_LME | EFER_LMA | EFER_SVME | 0x36e800ull)

#define CR4_CET (1ull << 23)
#define S_CET_BITS 3ull /* SH_STK_EN, WR_SHSTK_EN */
#define U_CET_SH_STK_EN 1ull
#define SVM_FEATURE_AVIC (1ull << 13)
#define SVM_FEATURE_X2AVIC (1ull << 18)
#define SVM_FEATURE_V_NMI (1ull << 25)
#define SEV_FEATURE (1ull << 1)

#define SEGMENT_LONG (1u << 9)
#define SEGMENT_BIG (1u << 10)

#define EVENT_TYPES \
	(1u << INJ_INTERRUPT | 1u << INJ_NMI | 1u << INJ_EXCEPTION | 1u << INJ_SOFTWARE)
/* Table 8-1, without what it says is reserved; vector 2 is an NMI, no exception. */
#define EVENT_EXCEPTIONS 0x702f7dfbu

static bool is_exception(u64 event)
{
	return event & EVENT_INJ_VALID && EVENT_INJ_TYPE(event) == INJ_EXCEPTION;
}

/* 7.8.1: UC, WC, WT, WP, WB, UC-; all else of a byte is reserved. */
static bool pat_is_valid(u64 pat)
{
	for (; pat; pat >>= 8)
		if ((pat & 0xff) > 7 || !(0xf3 >> (pat & 7) & 1))
			return false;
	return true;
}

static bool has_cet(struct rules_judge *j)
{
	return FACT(CPUID_7_ECX) >> 7 & 1;
}

static bool has_svm(struct rules_judge *j, u64 feature)
{
	return FACT(CPUID_8000000A_EDX) & feature;
}

/* VMRUN's own exceptions, for who knows how it was executed. */
#define FACT_OR(fact, otherwise) rules_value_or(j, RULES_SVM_FACT(RULES_SVM_##fact), otherwise)
#define INSTRUCTION_RULES(R) \
	R(741, RULES_EXCEPTION(VECTOR_UD), 1, "svm.vmrun.svme", "15.4", \
	  FACT_OR(HOST_EFER, EFER_SVME) & EFER_SVME, "VMRUN needs EFER.SVME of whoever executes it") \
	R(742, RULES_EXCEPTION(VECTOR_GP), 1, "svm.vmrun.cpl", "15.5.1", !FACT_OR(HOST_CPL, 0), \
	  "VMRUN is executed at CPL 0") \
	R(743, RULES_EXCEPTION(VECTOR_GP), 1, "svm.vmrun.aligned", "15.5.1", \
	  !(FACT_OR(VMCB_ADDRESS, 0) & 0xfff), \
	  "RAX has the address of a page where VMRUN is executed: the VMCB's, aligned to 4 KiB") \
	R(744, RULES_EXCEPTION(VECTOR_GP), 1, "svm.vmrun.range", "15.5.1", \
	  !FACT_OR(VMCB_ADDRESS, 0) || FACT(VMCB_ADDRESS) < address_limit(j), \
	  "the address of the VMCB is below the processor's physical-address limit")

RULES_DEFINE(svm_instruction_rules, INSTRUCTION_RULES)

#define INVALID RULES_VMEXIT_INVALID
#define SVM_RULES(R) \
	R(701, INVALID, 1, "svm.efer.svme", "15.5.1", V(EFER) & EFER_SVME, \
	  "EFER.SVME is 1, in the guest's EFER too") \
	R(702, INVALID, 1, "svm.cr0.nw", "15.5.1", !(V(CR0) & CR0_NW) || V(CR0) & CR0_CD, \
	  "CR0.NW is 1 only together with CR0.CD") \
	R(703, INVALID, 1, "svm.cr0.upper", "15.5.1", !(V(CR0) >> 32), \
	  "bits 63:32 of CR0 are 0") \
	R(704, INVALID, 1, "svm.cr3.mbz", "15.5.1", \
	  !V(CR3) || !long_mode(j) || V(CR3) < address_limit(j), \
	  "in long mode CR3 has no bit beyond the physical addresses of the processor") \
	R(705, INVALID, 1, "svm.cr4.mbz", "15.5.1", !(V(CR4) & ~CR4_BITS), \
	  "bits of CR4 that mean nothing are 0") \
	R(706, INVALID, (1 << ARRAY_SIZE(cr4_features)) - 1, "svm.cr4.feature", "15.5.1", \
	  features_allow(j, V(CR4), &cr4_features[i]), \
	  "CR4 switches on what the processor has") \
	R(707, INVALID, 1, "svm.dr6.upper", "15.5.1", !(V(DR6) >> 32), "bits 63:32 of DR6 are 0") \
	R(708, INVALID, 1, "svm.dr7.upper", "15.5.1", !(V(DR7) >> 32), "bits 63:32 of DR7 are 0") \
	R(709, INVALID, 1, "svm.efer.mbz", "15.5.1", !(V(EFER) & ~EFER_BITS), \
	  "bits of EFER that mean nothing are 0") \
	R(710, INVALID, (1 << ARRAY_SIZE(efer_features)) - 1, "svm.efer.feature", "15.5.1", \
	  features_allow(j, V(EFER), &efer_features[i]), \
	  "EFER switches on what the processor has") \
	R(711, INVALID, 1, "svm.efer.long-mode", "15.5.1", \
	  !(V(EFER) & (EFER_LMA | EFER_LME)) || FACT(CPUID_80000001_EDX) >> 29 & 1, \
	  "EFER.LME and EFER.LMA are 0 on a processor without long mode") \
	R(712, INVALID, 1, "svm.long.pae", "15.5.1", !long_mode(j) || V(CR4) & CR4_PAE, \
	  "in long mode, EFER.LME and CR0.PG, CR4.PAE is 1") \
	R(713, INVALID, 1, "svm.long.pe", "15.5.1", !long_mode(j) || V(CR0) & CR0_PE, \
	  "in long mode, EFER.LME and CR0.PG, CR0.PE is 1") \
	R(714, INVALID, 1, "svm.long.cs", "15.5.1", \
	  !long_mode(j) || !(V(CR4) & CR4_PAE) || \
		  (V(CS_ATTR) & (SEGMENT_LONG | SEGMENT_BIG)) != (SEGMENT_LONG | SEGMENT_BIG), \
	  "in long mode CS does not have both its L and its D bit") \
	R(715, INVALID, 1, "svm.intercept.vmrun", "15.5.1", V(INTERCEPTS2) & INTERCEPT2_VMRUN, \
	  "VMRUN is intercepted") \
	R(716, INVALID, 1, "svm.msrpm.range", "15.5.1", map_fits(j, V(MSRPM), 0x2000), \
	  "the 8 KiB of the MSR permissions map lie below the processor's physical-address limit") \
	R(717, INVALID, 1, "svm.iopm.range", "15.5.1", map_fits(j, V(IOPM), 0x3000), \
	  "the 12 KiB of the I/O permissions map lie below the processor's physical-address limit") \
	R(718, INVALID, 1, "svm.event.type", "15.20", \
	  !(V(EVENT_INJ) & EVENT_INJ_VALID) || EVENT_TYPES >> EVENT_INJ_TYPE(V(EVENT_INJ)) & 1, \
	  "the type of an injected event is 0, 2, 3 or 4") \
	R(719, INVALID, 1, "svm.event.vector", "15.20", \
	  !is_exception(V(EVENT_INJ)) || \
		  ((V(EVENT_INJ) & 0xff) < 32 && EVENT_EXCEPTIONS >> (V(EVENT_INJ) & 31) & 1), \
	  "the vector of an injected exception is one of an exception") \
	R(720, INVALID, 1, "svm.event.mode", "15.20", \
	  !is_exception(V(EVENT_INJ)) || ((V(EVENT_INJ) & 0xff) != VECTOR_OF && \
					  (V(EVENT_INJ) & 0xff) != VECTOR_BR) || \
		  !long_mode(j) || !(V(CS_ATTR) & SEGMENT_LONG), \
	  "#OF and #BR are not injected in 64-bit mode, where nothing raises them") \
	R(721, INVALID, 1, "svm.asid", "15.5.1", V(ASID), \
	  "the guest's ASID is not 0, which is the host's") \
	R(722, INVALID, 1, "svm.cet.reserved", "15.5.1", \
	  !(V(S_CET) & ~S_CET_BITS) || !has_cet(j), "reserved bits of S_CET are 0") \
	R(723, INVALID, 1, "svm.cet.wp", "15.5.1", \
	  !(V(CR4) & CR4_CET) || V(CR0) & CR0_WP, "with CR4.CET, CR0.WP is 1") \
	R(724, INVALID, 1, "svm.cet.v86", "15.5.1", \
	  !(V(CR4) & CR4_CET) || !(V(RFLAGS) & RFLAGS_VM) || !(FACT(U_CET) & U_CET_SH_STK_EN), \
	  "with CR4.CET, there is no shadow stack for users in virtual-8086 mode") \
	R(725, INVALID, 1, "svm.nested.host-paging", "15.25.3", \
	  !(V(NESTED) & NESTED_NP) || FACT(HOST_CR0) & CR0_PG, \
	  "nested paging is on only where the host has paging on") \
	R(726, INVALID, 1, "svm.nested.cr3", "15.25.4", \
	  !(V(NESTED) & NESTED_NP) || V(NESTED_CR3) < address_limit(j), \
	  "N_CR3 has no bit beyond the physical addresses of the processor") \
	R(727, INVALID, 1, "svm.nested.pat", "15.25.4", \
	  !(V(NESTED) & NESTED_NP) || pat_is_valid(V(G_PAT)), \
	  "with nested paging each byte of G_PAT is a memory type: 0, 1, 4, 5, 6 or 7") \
	R(728, INVALID, 7, "svm.avic.address", "15.29.4", \
	  !(V(VIRTUAL_INTERRUPT) & VIRTUAL_AVIC) || !has_svm(j, SVM_FEATURE_AVIC) || \
		  rules_value(j, AT_AVIC_BACKING + i) < address_limit(j), \
	  "AVIC's pages have no address bit beyond the physical addresses of the processor") \
	R(729, INVALID, 1, "svm.nmi.intercept", "15.21.10", \
	  !(V(VIRTUAL_INTERRUPT) & VIRTUAL_V_NMI_ENABLE) || !has_svm(j, SVM_FEATURE_V_NMI) || \
		  V(INTERCEPTS) & INTERCEPT_NMI, \
	  "with virtual NMIs, physical ones are intercepted") \
	R(730, INVALID, 1, "svm.sev.nested", "15.34.3", \
	  !(V(NESTED) & NESTED_SEV) || V(NESTED) & NESTED_NP || \
		  !(FACT(CPUID_8000001F_EAX) & SEV_FEATURE), \
	  "with SEV, nested paging is on") \
	R(731, INVALID, 1, "svm.sev.asid", "15.34.3", \
	  !(V(NESTED) & NESTED_SEV) || !(FACT(CPUID_8000001F_EAX) & SEV_FEATURE) || \
		  V(ASID) <= FACT(CPUID_8000001F_ECX), \
	  "the ASID of a guest with SEV is one that CPUID 8000001Fh ECX has for it") \
	R(732, INVALID, 1, "svm.avic.x2apic", "15.29.4", \
	  !(V(VIRTUAL_INTERRUPT) & VIRTUAL_X2AVIC) || !has_svm(j, SVM_FEATURE_X2AVIC) || \
		  V(VIRTUAL_INTERRUPT) & VIRTUAL_AVIC, \
	  "x2AVIC is on only together with AVIC")

RULES_DEFINE(svm_rules, SVM_RULES)
