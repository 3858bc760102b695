/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Numbers and bits of the architecture, by the manual's names: control registers (SDM vol. 3,
 * 2.5), flags, debug registers (18.2), MSRs (vol. 4), exception vectors (vol. 3, 6.3) and the
 * CPUID bits that the core asks for. Facts only.
 */
#ifndef SWIVL_CORE_X86_REGS_H
#define SWIVL_CORE_X86_REGS_H

#include "core/types.h"

#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_AM (1ull << 18)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
#define CR0_DEFINED 0xe005003full /* all that may be set */

#define CR4_VME (1ull << 0)
#define CR4_PVI (1ull << 1)
#define CR4_TSD (1ull << 2)
#define CR4_DE (1ull << 3)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_MCE (1ull << 6)
#define CR4_PGE (1ull << 7)
#define CR4_PCE (1ull << 8)
#define CR4_OSFXSR (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP (1ull << 11)
#define CR4_LA57 (1ull << 12)
#define CR4_VMXE (1ull << 13)
#define CR4_SMXE (1ull << 14)
#define CR4_FSGSBASE (1ull << 16)
#define CR4_PCIDE (1ull << 17)
#define CR4_OSXSAVE (1ull << 18)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define CR4_PKE (1ull << 22)
#define CR4_CET (1ull << 23)
#define CR4_PKS (1ull << 24)
#define CR4_FRED (1ull << 32)

#define EFER_SCE (1ull << 0)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)
#define EFER_SVME (1ull << 12)

#define XCR0_X87 (1ull << 0)
#define XCR0_SSE (1ull << 1)
#define XCR0_AVX (1ull << 2)
#define XCR0_MPX (3ull << 3) /* BNDREGS, BNDCSR */
#define XCR0_OPMASK (1ull << 5)
#define XCR0_ZMM_HI256 (1ull << 6)
#define XCR0_HI16_ZMM (1ull << 7)
#define XCR0_AVX512 (XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM)
#define XCR0_PKRU (1ull << 9)
#define XCR0_AMX (3ull << 17) /* TILECFG, TILEDATA */

#define RFLAGS_CF (1ull << 0)
#define RFLAGS_ONE (1ull << 1) /* always set */
#define RFLAGS_PF (1ull << 2)
#define RFLAGS_AF (1ull << 4)
#define RFLAGS_ZF (1ull << 6)
#define RFLAGS_SF (1ull << 7)
#define RFLAGS_TF (1ull << 8)
#define RFLAGS_IF (1ull << 9)
#define RFLAGS_DF (1ull << 10)
#define RFLAGS_OF (1ull << 11)
#define RFLAGS_NT (1ull << 14)
#define RFLAGS_RF (1ull << 16)
#define RFLAGS_VM (1ull << 17)
#define RFLAGS_AC (1ull << 18)
#define RFLAGS_DEFINED 0x3f7fd7ull /* all that may be set; RFLAGS_ONE must be */

#define DR6_BD (1ull << 13)
#define DR6_BS (1ull << 14)
#define DR6_BT (1ull << 15)
#define DR6_WRITABLE 0xe00full
#define DR6_ONES 0xffff0ff0ull /* value after reset */
#define DR7_WRITABLE 0xffff23ffull
#define DR7_ENABLED 0xffull /* L0 G0 .. L3 G3 */
#define DR7_LOCAL 0x155ull /* L0 L1 L2 L3 LE: of one task */
#define DR7_GD (1ull << 13)
#define DR7_ONE (1ull << 10) /* always set; value after reset */

#define DEBUGCTL_LBR (1ull << 0)
#define DEBUGCTL_BTF (1ull << 1)

/* Exceptions. */
#define VECTOR_DE 0
#define VECTOR_DB 1
#define VECTOR_NMI 2
#define VECTOR_BP 3
#define VECTOR_OF 4
#define VECTOR_BR 5
#define VECTOR_UD 6
#define VECTOR_NM 7
#define VECTOR_DF 8
#define VECTOR_TS 10
#define VECTOR_NP 11
#define VECTOR_SS 12
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_MF 16
#define VECTOR_AC 17
#define VECTOR_MC 18
#define VECTOR_XM 19
#define VECTOR_VE 20
#define VECTOR_CP 21
/* Exceptions that push an error code (SDM vol. 3, table 6-1). */
#define VECTORS_WITH_ERROR \
	(1u << VECTOR_DF | 1u << VECTOR_TS | 1u << VECTOR_NP | 1u << VECTOR_SS | \
	 1u << VECTOR_GP | 1u << VECTOR_PF | 1u << VECTOR_AC | 1u << VECTOR_CP)

/* Error code of a page fault (SDM vol. 3, 4.7). */
#define PF_PRESENT (1u << 0)
#define PF_WRITE (1u << 1)
#define PF_USER (1u << 2)
#define PF_RESERVED (1u << 3)
#define PF_FETCH (1u << 4)

/* MSRs, by the manual's names. */
#define IA32_TIME_STAMP_COUNTER 0x10
#define IA32_PLATFORM_ID 0x17
#define IA32_APIC_BASE 0x1b
#define IA32_FEATURE_CONTROL 0x3a
#define IA32_TSC_ADJUST 0x3b
#define IA32_SPEC_CTRL 0x48
#define IA32_PRED_CMD 0x49
#define IA32_BIOS_SIGN_ID 0x8b
#define INTEL_PLATFORM_INFO 0xce
#define IA32_MTRRCAP 0xfe
#define IA32_ARCH_CAPABILITIES 0x10a
#define IA32_FLUSH_CMD 0x10b
#define IA32_MISC_FEATURES 0x140
#define IA32_SYSENTER_CS 0x174
#define IA32_SYSENTER_ESP 0x175
#define IA32_SYSENTER_EIP 0x176
#define IA32_MCG_CAP 0x179
#define IA32_MCG_STATUS 0x17a
#define IA32_PERF_STATUS 0x198
#define IA32_PERF_CTL 0x199
#define IA32_MISC_ENABLE 0x1a0
#define IA32_DEBUGCTL 0x1d9
#define INTEL_POWER_CTL 0x1fc
#define IA32_MTRR_PHYSBASE0 0x200
#define IA32_MTRR_FIX64K 0x250
#define IA32_MTRR_FIX16K_80000 0x258
#define IA32_MTRR_FIX4K_C0000 0x268
#define IA32_PAT 0x277
#define IA32_MTRR_DEF_TYPE 0x2ff
#define IA32_PEBS_ENABLE 0x3f1
#define IA32_VMX_BASIC 0x480
#define IA32_VMX_PINBASED_CTLS 0x481
#define IA32_VMX_PROCBASED_CTLS 0x482
#define IA32_VMX_EXIT_CTLS 0x483
#define IA32_VMX_ENTRY_CTLS 0x484
#define IA32_VMX_MISC 0x485
#define IA32_VMX_CR0_FIXED0 0x486
#define IA32_VMX_CR0_FIXED1 0x487
#define IA32_VMX_CR4_FIXED0 0x488
#define IA32_VMX_CR4_FIXED1 0x489
#define IA32_VMX_PROCBASED_CTLS2 0x48b
#define IA32_VMX_EPT_VPID_CAP 0x48c
#define IA32_VMX_TRUE_PINBASED_CTLS 0x48d
#define IA32_VMX_TRUE_PROCBASED_CTLS 0x48e
#define IA32_VMX_TRUE_EXIT_CTLS 0x48f
#define IA32_VMX_TRUE_ENTRY_CTLS 0x490
#define IA32_VMX_LAST 0x493
#define IA32_RTIT_FIRST 0x560 /* processor trace: output, control, filters */
#define IA32_RTIT_LAST 0x587
#define IA32_DS_AREA 0x600
#define IA32_TSC_DEADLINE 0x6e0
#define IA32_X2APIC_ICR 0x830
#define IA32_XSS 0xda0
#define IA32_EFER 0xc0000080
#define IA32_STAR 0xc0000081
#define IA32_LSTAR 0xc0000082
#define IA32_CSTAR 0xc0000083
#define IA32_FMASK 0xc0000084
#define IA32_FS_BASE 0xc0000100
#define IA32_GS_BASE 0xc0000101
#define IA32_KERNEL_GS_BASE 0xc0000102
#define IA32_TSC_AUX 0xc0000103
#define AMD_VM_CR 0xc0010114
#define AMD_SVM_KEY 0xc0010118
#define AMD_VM_HSAVE_PA 0xc0010117

#define FEATURE_CONTROL_LOCKED (1ull << 0)
#define FEATURE_CONTROL_VMX (1ull << 2)

#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ENABLED (1ull << 11)

#define MISC_ENABLE_FAST_STRING (1ull << 0)
#define MISC_ENABLE_NO_PEBS (1ull << 12)

#define SPEC_CTRL_IBRS (1ull << 0)
#define PRED_CMD_IBPB (1ull << 0)
#define FLUSH_CMD_L1D (1ull << 0)

#define ARCH_CAP_RDCL_NO (1ull << 0)
#define ARCH_CAP_IBRS_ALL (1ull << 1)
#define ARCH_CAP_SKIP_L1DFL_VMENTRY (1ull << 3)
#define ARCH_CAP_MDS_NO (1ull << 5)
#define ARCH_CAP_PSCHANGE_MC_NO (1ull << 6)
#define ARCH_CAP_TAA_NO (1ull << 8)
#define ARCH_CAP_MMIO_NO (7ull << 13) /* SBDR_SSDP_NO, FBSDP_NO, PSDP_NO */
#define ARCH_CAP_FB_CLEAR (1ull << 17)
#define ARCH_CAP_PBRSB_NO (1ull << 24)
#define ARCH_CAP_RFDS_NO (1ull << 27)
#define ARCH_CAP_RFDS_CLEAR (1ull << 28)

/* PAT after reset (SDM vol. 3, table 11-12). */
#define PAT_RESET 0x0007040600070406ull

/* CPUID bits: leaf, register, bit. */
#define CPUID_1_ECX_VMX (1u << 5)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_OSXSAVE (1u << 27)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_1_EDX_MTRR (1u << 12)
#define CPUID_1_EDX_DS (1u << 21)
#define CPUID_1_ECX_DTES64 (1u << 2)
#define CPUID_D1_EAX_XSAVEC (1u << 1)
#define CPUID_D1_EAX_XSAVES (1u << 3)
#define CPUID_7_EBX_INVPCID (1u << 10)
#define CPUID_7_EBX_RTM (1u << 11)
#define CPUID_7_EBX_PT (1u << 25)
#define CPUID_7_EDX_MD_CLEAR (1u << 10)
#define CPUID_7_EDX_SPEC_CTRL (1u << 26) /* IBRS and IBPB */
#define CPUID_7_EDX_L1D_FLUSH (1u << 28)
#define CPUID_7_EDX_ARCH_CAP (1u << 29)
#define CPUID_X1_ECX_SVM (1u << 2) /* leaf 0x80000001 */
#define CPUID_X1_EDX_RDTSCP (1u << 27)

/* Paging with four top entries in registers; of a mode that is set, or about to be. */
static inline bool is_pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME);
}

#endif
