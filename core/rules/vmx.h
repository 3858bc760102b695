/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the lists of Intel's rules share. */
#ifndef SWIVL_CORE_RULES_VMX_H
#define SWIVL_CORE_RULES_VMX_H

#include "core/rules/judge.h"
#include "core/vmx/controls.h"
#include "core/vmx/fields.h"
#include "core/x86/regs.h"

/* Number of a field: its place in the one table. */
#define VMX_INDEX(width, id, encoding, name) AT_##id,
enum { VMCS_FIELDS(VMX_INDEX) VMX_FIELD_COUNT };
#undef VMX_INDEX
_Static_assert(VMX_FIELD_COUNT <= RULES_VMX_FIELDS && VMX_FIELD_COUNT < 255,
	       "room for all fields, whose numbers fit a byte");
_Static_assert(RULES_VMX_FACTS_USED <= RULES_VMX_FACTS, "room for all facts");

/* In the expression of a rule, where j is the judge: */
#define V(id) rules_value(j, AT_##id)
#define FACT(fact) rules_value(j, RULES_VMX_FACT(fact))
#define MSR(msr) FACT(RULES_VMX_MSR(msr))

#define FACT_OR(fact, otherwise) rules_value_or(j, RULES_VMX_FACT(fact), otherwise)

#define RULES_VENDOR RULES_INTEL
extern const struct rules_table vmx_instruction_rules, vmx_control_rules, vmx_host_rules,
	vmx_guest_rules, vmx_segment_rules, vmx_other_rules, vmx_load_rules;

#define RANGE(value, low, high) ((value) >> (low) & ((2ull << ((high) - (low))) - 1))
#define ALL_ONES (~0ull)
#define EFER_KNOWN (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define EXIT_BAD_STATE RULES_EXIT(REASON_BAD_GUEST_STATE)

static inline bool pin(struct rules_judge *j, u32 bits)
{
	return V(PIN_CONTROLS) & bits;
}
static inline bool primary(struct rules_judge *j, u32 bits)
{
	return V(PRIMARY_CONTROLS) & bits;
}
/* These count only where the primary controls activate them (25.6.2). */
static inline bool secondary(struct rules_judge *j, u32 bits)
{
	return primary(j, PRIMARY_SECONDARY) && (V(SECONDARY_CONTROLS) & bits);
}
static inline bool tertiary(struct rules_judge *j, u32 bits)
{
	return primary(j, PRIMARY_TERTIARY) && (V(TERTIARY_CONTROLS) & bits);
}
static inline bool exits(struct rules_judge *j, u32 bits)
{
	return V(EXIT_CONTROLS) & bits;
}
static inline bool entry(struct rules_judge *j, u32 bits)
{
	return V(ENTRY_CONTROLS) & bits;
}
static inline bool in_smm(struct rules_judge *j)
{
	return FACT_OR(RULES_IN_SMM, 0);
}

/* The bits above the processor's physical-address width, 52 at most, are zero. */
static inline bool in_width(struct rules_judge *j, u64 address)
{
	return !(address >> 52) && !(address >> FACT(RULES_PHYSICAL_BITS) % 64);
}
/* Of what VMX itself reads: bit 48 of IA32_VMX_BASIC keeps it below 4 GiB (A.1). */
static inline bool vmx_address(struct rules_judge *j, u64 address, u64 below)
{
	return !(address & below) && in_width(j, address) &&
	       (!(address >> 32) || !(MSR(IA32_VMX_BASIC) >> 48 & 1));
}
static inline bool vmx_page(struct rules_judge *j, u64 address)
{
	return vmx_address(j, address, 0xfff);
}
static inline bool canonical(struct rules_judge *j, u64 address)
{
	u64 top = address >> 47;

	if (!top || top == ALL_ONES >> 47)
		return true; /* with either width, so that nobody has to say which it is */
	return FACT_OR(RULES_LINEAR_BITS, 48) == 57 && rules_canonical(address, 57);
}
/* Every byte of a page attribute table is one of the memory types (12.12.2). */
static inline bool pat_types(u64 pat)
{
	for (; pat; pat >>= 8)
		if ((pat & 0xf8) || (pat & 6) == 2)
			return false;
	return true;
}
/* IA32_S_CET: bits 9:6 are reserved; SUPPRESS and TRACKER exclude each other (27.2.2, 27.3.1.1). */
static inline bool s_cet(u64 value)
{
	return !RANGE(value, 6, 9) && RANGE(value, 10, 11) != 3;
}
/* CR0 or CR4 as VMX operation allows it (24.8), but for the bits @free. */
static inline bool fixed_bits(u64 value, u64 msr0, u64 msr1, u64 free)
{
	return !((msr0 & ~value) & ~free) && !((value & ~msr1) & ~free);
}

/* What is injected: 27.2.1.3. */
static inline bool injects(struct rules_judge *j)
{
	return V(ENTRY_INTERRUPTION_INFO) & INTR_INFO_VALID;
}
static inline u32 injected_type(struct rules_judge *j)
{
	return INTR_INFO_TYPE((u32)V(ENTRY_INTERRUPTION_INFO));
}
static inline bool injects_type(struct rules_judge *j, u32 type)
{
	return injects(j) && injected_type(j) == type;
}
static inline u32 injected_vector(struct rules_judge *j)
{
	return (u32)V(ENTRY_INTERRUPTION_INFO) & 0xff;
}
#define INTR_OTHER_EVENT 7u

static inline bool long_guest(struct rules_judge *j)
{
	return entry(j, ENTRY_LONG_MODE);
}
static inline bool unrestricted(struct rules_judge *j)
{
	return secondary(j, SECONDARY_UNRESTRICTED);
}

/* Access rights of a segment register (25.4.1). */
#define AR_TYPE(rights) ((rights) & 0xf)
#define AR_S(rights) ((rights) >> 4 & 1)
#define AR_DPL(rights) ((rights) >> 5 & 3)
#define AR_P(rights) ((rights) >> 7 & 1)
#define AR_L(rights) ((rights) >> 13 & 1)
#define AR_DB(rights) ((rights) >> 14 & 1)
#define AR_G(rights) ((rights) >> 15 & 1)
#define AR_UNUSABLE(rights) ((rights) >> 16 & 1)

#endif
