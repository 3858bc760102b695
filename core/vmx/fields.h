/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Every field of the VMCS (SDM vol. 3, appendix B): width, identifier, encoding, the manual's
 * name. Each identifier is a constant of a type that belongs to its width, so an accessor of
 * another width does not compile. N is the natural width, 64 bits here.
 */
#ifndef SWIVL_CORE_VMX_FIELDS_H
#define SWIVL_CORE_VMX_FIELDS_H

#include "core/types.h"

#define VMCS_SEGMENTS(F, W, what, base, name) \
	F(W, GUEST_ES_##what, (base) + 0x0, "guest ES " name) \
	F(W, GUEST_CS_##what, (base) + 0x2, "guest CS " name) \
	F(W, GUEST_SS_##what, (base) + 0x4, "guest SS " name) \
	F(W, GUEST_DS_##what, (base) + 0x6, "guest DS " name) \
	F(W, GUEST_FS_##what, (base) + 0x8, "guest FS " name) \
	F(W, GUEST_GS_##what, (base) + 0xa, "guest GS " name) \
	F(W, GUEST_LDTR_##what, (base) + 0xc, "guest LDTR " name) \
	F(W, GUEST_TR_##what, (base) + 0xe, "guest TR " name)

#define VMCS_FIELDS(F) \
	F(16, VPID, 0x0000, "virtual-processor identifier (VPID)") \
	F(16, POSTED_INTERRUPT_VECTOR, 0x0002, "posted-interrupt notification vector") \
	F(16, EPTP_INDEX, 0x0004, "EPTP index") \
	F(16, HLAT_PREFIX_SIZE, 0x0006, "HLAT prefix size") \
	F(16, LAST_PID_INDEX, 0x0008, "last PID-pointer index") \
	VMCS_SEGMENTS(F, 16, SELECTOR, 0x0800, "selector") \
	F(16, GUEST_INTERRUPT_STATUS, 0x0810, "guest interrupt status") \
	F(16, PML_INDEX, 0x0812, "PML index") \
	F(16, GUEST_UINV, 0x0814, "guest UINV") \
	F(16, HOST_ES_SELECTOR, 0x0c00, "host ES selector") \
	F(16, HOST_CS_SELECTOR, 0x0c02, "host CS selector") \
	F(16, HOST_SS_SELECTOR, 0x0c04, "host SS selector") \
	F(16, HOST_DS_SELECTOR, 0x0c06, "host DS selector") \
	F(16, HOST_FS_SELECTOR, 0x0c08, "host FS selector") \
	F(16, HOST_GS_SELECTOR, 0x0c0a, "host GS selector") \
	F(16, HOST_TR_SELECTOR, 0x0c0c, "host TR selector") \
	F(64, IO_BITMAP_A, 0x2000, "address of I/O bitmap A") \
	F(64, IO_BITMAP_B, 0x2002, "address of I/O bitmap B") \
	F(64, MSR_BITMAP, 0x2004, "address of MSR bitmaps") \
	F(64, EXIT_MSR_STORE_ADDRESS, 0x2006, "VM-exit MSR-store address") \
	F(64, EXIT_MSR_LOAD_ADDRESS, 0x2008, "VM-exit MSR-load address") \
	F(64, ENTRY_MSR_LOAD_ADDRESS, 0x200a, "VM-entry MSR-load address") \
	F(64, EXECUTIVE_VMCS_POINTER, 0x200c, "executive-VMCS pointer") \
	F(64, PML_ADDRESS, 0x200e, "PML address") \
	F(64, TSC_OFFSET, 0x2010, "TSC offset") \
	F(64, VIRTUAL_APIC_ADDRESS, 0x2012, "virtual-APIC address") \
	F(64, APIC_ACCESS_ADDRESS, 0x2014, "APIC-access address") \
	F(64, POSTED_INTERRUPT_DESCRIPTOR, 0x2016, "posted-interrupt descriptor address") \
	F(64, VM_FUNCTION_CONTROLS, 0x2018, "VM-function controls") \
	F(64, EPT_POINTER, 0x201a, "EPT pointer") \
	F(64, EOI_EXIT_BITMAP_0, 0x201c, "EOI-exit bitmap 0") \
	F(64, EOI_EXIT_BITMAP_1, 0x201e, "EOI-exit bitmap 1") \
	F(64, EOI_EXIT_BITMAP_2, 0x2020, "EOI-exit bitmap 2") \
	F(64, EOI_EXIT_BITMAP_3, 0x2022, "EOI-exit bitmap 3") \
	F(64, EPTP_LIST_ADDRESS, 0x2024, "EPTP-list address") \
	F(64, VMREAD_BITMAP, 0x2026, "VMREAD-bitmap address") \
	F(64, VMWRITE_BITMAP, 0x2028, "VMWRITE-bitmap address") \
	F(64, VE_INFORMATION_ADDRESS, 0x202a, "virtualization-exception information address") \
	F(64, XSS_EXITING_BITMAP, 0x202c, "XSS-exiting bitmap") \
	F(64, ENCLS_EXITING_BITMAP, 0x202e, "ENCLS-exiting bitmap") \
	F(64, SPP_TABLE_POINTER, 0x2030, "sub-page-permission-table pointer") \
	F(64, TSC_MULTIPLIER, 0x2032, "TSC multiplier") \
	F(64, TERTIARY_CONTROLS, 0x2034, "tertiary processor-based VM-execution controls") \
	F(64, ENCLV_EXITING_BITMAP, 0x2036, "ENCLV-exiting bitmap") \
	F(64, LOW_PASID_DIRECTORY, 0x2038, "low PASID directory address") \
	F(64, HIGH_PASID_DIRECTORY, 0x203a, "high PASID directory address") \
	F(64, SHARED_EPT_POINTER, 0x203c, "shared EPT pointer") \
	F(64, PCONFIG_EXITING_BITMAP, 0x203e, "PCONFIG-exiting bitmap") \
	F(64, HLAT_POINTER, 0x2040, "hypervisor-managed linear-address translation pointer") \
	F(64, PID_POINTER_TABLE, 0x2042, "PID-pointer table address") \
	F(64, SECONDARY_EXIT_CONTROLS, 0x2044, "secondary VM-exit controls") \
	F(64, SPEC_CTRL_MASK, 0x204a, "IA32_SPEC_CTRL mask") \
	F(64, SPEC_CTRL_SHADOW, 0x204c, "IA32_SPEC_CTRL shadow") \
	F(64, GUEST_PHYSICAL_ADDRESS, 0x2400, "guest-physical address") \
	F(64, VMCS_LINK_POINTER, 0x2800, "VMCS link pointer") \
	F(64, GUEST_DEBUGCTL, 0x2802, "guest IA32_DEBUGCTL") \
	F(64, GUEST_PAT, 0x2804, "guest IA32_PAT") \
	F(64, GUEST_EFER, 0x2806, "guest IA32_EFER") \
	F(64, GUEST_PERF_GLOBAL_CTRL, 0x2808, "guest IA32_PERF_GLOBAL_CTRL") \
	F(64, GUEST_PDPTE_0, 0x280a, "guest PDPTE0") \
	F(64, GUEST_PDPTE_1, 0x280c, "guest PDPTE1") \
	F(64, GUEST_PDPTE_2, 0x280e, "guest PDPTE2") \
	F(64, GUEST_PDPTE_3, 0x2810, "guest PDPTE3") \
	F(64, GUEST_BNDCFGS, 0x2812, "guest IA32_BNDCFGS") \
	F(64, GUEST_RTIT_CTL, 0x2814, "guest IA32_RTIT_CTL") \
	F(64, GUEST_LBR_CTL, 0x2816, "guest IA32_LBR_CTL") \
	F(64, GUEST_PKRS, 0x2818, "guest IA32_PKRS") \
	F(64, HOST_PAT, 0x2c00, "host IA32_PAT") \
	F(64, HOST_EFER, 0x2c02, "host IA32_EFER") \
	F(64, HOST_PERF_GLOBAL_CTRL, 0x2c04, "host IA32_PERF_GLOBAL_CTRL") \
	F(64, HOST_PKRS, 0x2c06, "host IA32_PKRS") \
	F(32, PIN_CONTROLS, 0x4000, "pin-based VM-execution controls") \
	F(32, PRIMARY_CONTROLS, 0x4002, "primary processor-based VM-execution controls") \
	F(32, EXCEPTION_BITMAP, 0x4004, "exception bitmap") \
	F(32, PAGE_FAULT_ERROR_MASK, 0x4006, "page-fault error-code mask") \
	F(32, PAGE_FAULT_ERROR_MATCH, 0x4008, "page-fault error-code match") \
	F(32, CR3_TARGET_COUNT, 0x400a, "CR3-target count") \
	F(32, EXIT_CONTROLS, 0x400c, "VM-exit controls") \
	F(32, EXIT_MSR_STORE_COUNT, 0x400e, "VM-exit MSR-store count") \
	F(32, EXIT_MSR_LOAD_COUNT, 0x4010, "VM-exit MSR-load count") \
	F(32, ENTRY_CONTROLS, 0x4012, "VM-entry controls") \
	F(32, ENTRY_MSR_LOAD_COUNT, 0x4014, "VM-entry MSR-load count") \
	F(32, ENTRY_INTERRUPTION_INFO, 0x4016, "VM-entry interruption-information field") \
	F(32, ENTRY_EXCEPTION_ERROR_CODE, 0x4018, "VM-entry exception error code") \
	F(32, ENTRY_INSTRUCTION_LENGTH, 0x401a, "VM-entry instruction length") \
	F(32, TPR_THRESHOLD, 0x401c, "TPR threshold") \
	F(32, SECONDARY_CONTROLS, 0x401e, "secondary processor-based VM-execution controls") \
	F(32, PLE_GAP, 0x4020, "PLE_Gap") \
	F(32, PLE_WINDOW, 0x4022, "PLE_Window") \
	F(32, VM_INSTRUCTION_ERROR, 0x4400, "VM-instruction error") \
	F(32, EXIT_REASON, 0x4402, "exit reason") \
	F(32, EXIT_INTERRUPTION_INFO, 0x4404, "VM-exit interruption information") \
	F(32, EXIT_INTERRUPTION_ERROR_CODE, 0x4406, "VM-exit interruption error code") \
	F(32, IDT_VECTORING_INFO, 0x4408, "IDT-vectoring information field") \
	F(32, IDT_VECTORING_ERROR_CODE, 0x440a, "IDT-vectoring error code") \
	F(32, EXIT_INSTRUCTION_LENGTH, 0x440c, "VM-exit instruction length") \
	F(32, EXIT_INSTRUCTION_INFO, 0x440e, "VM-exit instruction information") \
	VMCS_SEGMENTS(F, 32, LIMIT, 0x4800, "limit") \
	F(32, GUEST_GDTR_LIMIT, 0x4810, "guest GDTR limit") \
	F(32, GUEST_IDTR_LIMIT, 0x4812, "guest IDTR limit") \
	VMCS_SEGMENTS(F, 32, ACCESS_RIGHTS, 0x4814, "access rights") \
	F(32, GUEST_INTERRUPTIBILITY, 0x4824, "guest interruptibility state") \
	F(32, GUEST_ACTIVITY, 0x4826, "guest activity state") \
	F(32, GUEST_SMBASE, 0x4828, "guest SMBASE") \
	F(32, GUEST_SYSENTER_CS, 0x482a, "guest IA32_SYSENTER_CS") \
	F(32, PREEMPTION_TIMER, 0x482e, "VMX-preemption timer value") \
	F(32, HOST_SYSENTER_CS, 0x4c00, "host IA32_SYSENTER_CS") \
	F(N, CR0_MASK, 0x6000, "CR0 guest/host mask") \
	F(N, CR4_MASK, 0x6002, "CR4 guest/host mask") \
	F(N, CR0_SHADOW, 0x6004, "CR0 read shadow") \
	F(N, CR4_SHADOW, 0x6006, "CR4 read shadow") \
	F(N, CR3_TARGET_0, 0x6008, "CR3-target value 0") \
	F(N, CR3_TARGET_1, 0x600a, "CR3-target value 1") \
	F(N, CR3_TARGET_2, 0x600c, "CR3-target value 2") \
	F(N, CR3_TARGET_3, 0x600e, "CR3-target value 3") \
	F(N, EXIT_QUALIFICATION, 0x6400, "exit qualification") \
	F(N, IO_RCX, 0x6402, "I/O RCX") \
	F(N, IO_RSI, 0x6404, "I/O RSI") \
	F(N, IO_RDI, 0x6406, "I/O RDI") \
	F(N, IO_RIP, 0x6408, "I/O RIP") \
	F(N, GUEST_LINEAR_ADDRESS, 0x640a, "guest-linear address") \
	F(N, GUEST_CR0, 0x6800, "guest CR0") \
	F(N, GUEST_CR3, 0x6802, "guest CR3") \
	F(N, GUEST_CR4, 0x6804, "guest CR4") \
	VMCS_SEGMENTS(F, N, BASE, 0x6806, "base") \
	F(N, GUEST_GDTR_BASE, 0x6816, "guest GDTR base") \
	F(N, GUEST_IDTR_BASE, 0x6818, "guest IDTR base") \
	F(N, GUEST_DR7, 0x681a, "guest DR7") \
	F(N, GUEST_RSP, 0x681c, "guest RSP") \
	F(N, GUEST_RIP, 0x681e, "guest RIP") \
	F(N, GUEST_RFLAGS, 0x6820, "guest RFLAGS") \
	F(N, GUEST_PENDING_DEBUG, 0x6822, "guest pending debug exceptions") \
	F(N, GUEST_SYSENTER_ESP, 0x6824, "guest IA32_SYSENTER_ESP") \
	F(N, GUEST_SYSENTER_EIP, 0x6826, "guest IA32_SYSENTER_EIP") \
	F(N, GUEST_S_CET, 0x6828, "guest IA32_S_CET") \
	F(N, GUEST_SSP, 0x682a, "guest SSP") \
	F(N, GUEST_SSP_TABLE, 0x682c, "guest IA32_INTERRUPT_SSP_TABLE_ADDR") \
	F(N, HOST_CR0, 0x6c00, "host CR0") \
	F(N, HOST_CR3, 0x6c02, "host CR3") \
	F(N, HOST_CR4, 0x6c04, "host CR4") \
	F(N, HOST_FS_BASE, 0x6c06, "host FS base") \
	F(N, HOST_GS_BASE, 0x6c08, "host GS base") \
	F(N, HOST_TR_BASE, 0x6c0a, "host TR base") \
	F(N, HOST_GDTR_BASE, 0x6c0c, "host GDTR base") \
	F(N, HOST_IDTR_BASE, 0x6c0e, "host IDTR base") \
	F(N, HOST_SYSENTER_ESP, 0x6c10, "host IA32_SYSENTER_ESP") \
	F(N, HOST_SYSENTER_EIP, 0x6c12, "host IA32_SYSENTER_EIP") \
	F(N, HOST_RSP, HOST_RSP_ENCODING, "host RSP") \
	F(N, HOST_RIP, HOST_RIP_ENCODING, "host RIP") \
	F(N, HOST_S_CET, 0x6c18, "host IA32_S_CET") \
	F(N, HOST_SSP, 0x6c1a, "host SSP") \
	F(N, HOST_SSP_TABLE, 0x6c1c, "host IA32_INTERRUPT_SSP_TABLE_ADDR")

/* These two are written by assembly, which wants numbers. */
#define HOST_RSP_ENCODING 0x6c14
#define HOST_RIP_ENCODING 0x6c16

struct vmcs_field_16 {
	u32 encoding;
};
struct vmcs_field_32 {
	u32 encoding;
};
struct vmcs_field_64 {
	u32 encoding;
};
struct vmcs_field_N {
	u32 encoding;
};

#define VMCS_DECLARE_FIELD(width, id, number, name) \
	static const struct vmcs_field_##width id __attribute__((unused)) = { number };
VMCS_FIELDS(VMCS_DECLARE_FIELD)
#undef VMCS_DECLARE_FIELD

/* The manual's name of a field; "unknown field" where there is none. */
const char *vmcs_field_name(u32 encoding);

#endif
