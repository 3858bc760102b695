/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* AMD: the fields of a VMCB (APM vol. 2, appendix B), for rules, decoders and the judge. */
#ifndef SWIVL_CORE_RULES_SVM_H
#define SWIVL_CORE_RULES_SVM_H

#include "core/rules/judge.h"
#include "core/svm/vmcb.h"
#include "core/x86/regs.h"

/* F(id, offset, bytes, name) */
#define SVM_SEGMENT_FIELDS(F, id, offset, name) \
	F(id##_SELECTOR, offset, 2, name " selector") \
	F(id##_ATTR, offset + 2, 2, name " attributes") \
	F(id##_LIMIT, offset + 4, 4, name " limit") \
	F(id##_BASE, offset + 8, 8, name " base")
#define SVM_FIELDS(F) \
	F(READ_CR, 0x000, 2, "intercepted reads of CRs") \
	F(WRITE_CR, 0x002, 2, "intercepted writes of CRs") \
	F(READ_DR, 0x004, 2, "intercepted reads of DRs") \
	F(WRITE_DR, 0x006, 2, "intercepted writes of DRs") \
	F(EXCEPTIONS, 0x008, 4, "intercepted exceptions") \
	F(INTERCEPTS, 0x00c, 4, "intercepts at 00Ch") \
	F(INTERCEPTS2, 0x010, 4, "intercepts at 010h") \
	F(INTERCEPTS3, 0x014, 4, "intercepts at 014h") \
	F(PAUSE_THRESHOLD, 0x03c, 2, "PAUSE filter threshold") \
	F(PAUSE_COUNT, 0x03e, 2, "PAUSE filter count") \
	F(IOPM, 0x040, 8, "IOPM_BASE_PA") \
	F(MSRPM, 0x048, 8, "MSRPM_BASE_PA") \
	F(TSC_OFFSET, 0x050, 8, "TSC_OFFSET") \
	F(ASID, 0x058, 4, "guest ASID") \
	F(TLB_CONTROL, 0x05c, 1, "TLB_CONTROL") \
	F(VIRTUAL_INTERRUPT, 0x060, 8, "virtual interrupt control") \
	F(INTERRUPT_STATE, 0x068, 8, "interrupt shadow") \
	F(EXIT_CODE, 0x070, 8, "EXITCODE") \
	F(EXIT_INFO1, 0x078, 8, "EXITINFO1") \
	F(EXIT_INFO2, 0x080, 8, "EXITINFO2") \
	F(EXIT_INT_INFO, 0x088, 8, "EXITINTINFO") \
	F(NESTED, 0x090, 8, "nested paging and SEV control") \
	F(AVIC_BAR, 0x098, 8, "AVIC APIC_BAR") \
	F(GHCB, 0x0a0, 8, "GHCB address") \
	F(EVENT_INJ, 0x0a8, 8, "EVENTINJ") \
	F(NESTED_CR3, 0x0b0, 8, "N_CR3") \
	F(LBR_CONTROL, 0x0b8, 8, "LBR and VMSAVE virtualization") \
	F(CLEAN, 0x0c0, 4, "VMCB clean bits") \
	F(NEXT_RIP, 0x0c8, 8, "nRIP") \
	F(FETCHED, 0x0d0, 1, "number of bytes fetched") \
	F(AVIC_BACKING, 0x0e0, 8, "AVIC backing page") \
	F(AVIC_LOGICAL, 0x0f0, 8, "AVIC logical table") \
	F(AVIC_PHYSICAL, 0x0f8, 8, "AVIC physical table") \
	F(VMSA, 0x108, 8, "VMSA pointer") \
	SVM_SEGMENT_FIELDS(F, ES, 0x400, "ES") \
	SVM_SEGMENT_FIELDS(F, CS, 0x410, "CS") \
	SVM_SEGMENT_FIELDS(F, SS, 0x420, "SS") \
	SVM_SEGMENT_FIELDS(F, DS, 0x430, "DS") \
	SVM_SEGMENT_FIELDS(F, FS, 0x440, "FS") \
	SVM_SEGMENT_FIELDS(F, GS, 0x450, "GS") \
	SVM_SEGMENT_FIELDS(F, GDTR, 0x460, "GDTR") \
	SVM_SEGMENT_FIELDS(F, LDTR, 0x470, "LDTR") \
	SVM_SEGMENT_FIELDS(F, IDTR, 0x480, "IDTR") \
	SVM_SEGMENT_FIELDS(F, TR, 0x490, "TR") \
	F(CPL, 0x4cb, 1, "CPL") \
	F(EFER, 0x4d0, 8, "EFER") \
	F(CR4, 0x548, 8, "CR4") \
	F(CR3, 0x550, 8, "CR3") \
	F(CR0, 0x558, 8, "CR0") \
	F(DR7, 0x560, 8, "DR7") \
	F(DR6, 0x568, 8, "DR6") \
	F(RFLAGS, 0x570, 8, "RFLAGS") \
	F(RIP, 0x578, 8, "RIP") \
	F(RSP, 0x5d8, 8, "RSP") \
	F(S_CET, 0x5e0, 8, "S_CET") \
	F(SSP, 0x5e8, 8, "SSP") \
	F(ISST_ADDR, 0x5f0, 8, "ISST_ADDR") \
	F(RAX, 0x5f8, 8, "RAX") \
	F(STAR, 0x600, 8, "STAR") \
	F(LSTAR, 0x608, 8, "LSTAR") \
	F(CSTAR, 0x610, 8, "CSTAR") \
	F(SFMASK, 0x618, 8, "SFMASK") \
	F(KERNEL_GS_BASE, 0x620, 8, "KernelGsBase") \
	F(SYSENTER_CS, 0x628, 8, "SYSENTER_CS") \
	F(SYSENTER_ESP, 0x630, 8, "SYSENTER_ESP") \
	F(SYSENTER_EIP, 0x638, 8, "SYSENTER_EIP") \
	F(CR2, 0x640, 8, "CR2") \
	F(G_PAT, 0x668, 8, "G_PAT") \
	F(DEBUGCTL, 0x670, 8, "DBGCTL") \
	F(BRANCH_FROM, 0x678, 8, "BR_FROM") \
	F(BRANCH_TO, 0x680, 8, "BR_TO") \
	F(EXCEPTION_FROM, 0x688, 8, "LASTEXCPFROM") \
	F(EXCEPTION_TO, 0x690, 8, "LASTEXCPTO")

#define SVM_INDEX(id, offset, bytes, name) AT_##id,
enum { SVM_FIELDS(SVM_INDEX) SVM_FIELD_COUNT };
#undef SVM_INDEX
_Static_assert(SVM_FIELD_COUNT <= RULES_SVM_FIELDS, "room for all fields");
_Static_assert(RULES_SVM_FACTS_USED <= RULES_SVM_FACTS, "room for all facts");

#define NESTED_NP (1ull << 0)
#define NESTED_SEV (1ull << 1)
#define VIRTUAL_V_NMI_ENABLE (1ull << 26)
#define VIRTUAL_X2AVIC (1ull << 30)
#define VIRTUAL_AVIC (1ull << 31)

extern const struct rules_table svm_instruction_rules, svm_rules;

#endif
