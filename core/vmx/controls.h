/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Bits of the VMX control fields (SDM vol. 3, 25.6 to 25.8) and of the capability MSRs
 * (appendix A), those that something here asks for. Facts only.
 */
#ifndef SWIVL_CORE_VMX_CONTROLS_H
#define SWIVL_CORE_VMX_CONTROLS_H

/* Each list: identifier, bit, the manual's name. */
#define VMX_PIN_BITS(B) \
	B(PIN_EXTERNAL_INTERRUPT, 0, "external-interrupt exiting") \
	B(PIN_NMI, 3, "NMI exiting") \
	B(PIN_VIRTUAL_NMIS, 5, "virtual NMIs") \
	B(PIN_PREEMPTION_TIMER, 6, "activate VMX-preemption timer") \
	B(PIN_POSTED_INTERRUPTS, 7, "process posted interrupts")

#define VMX_PRIMARY_BITS(B) \
	B(PRIMARY_INTERRUPT_WINDOW, 2, "interrupt-window exiting") \
	B(PRIMARY_TSC_OFFSETTING, 3, "use TSC offsetting") \
	B(PRIMARY_HLT, 7, "HLT exiting") \
	B(PRIMARY_INVLPG, 9, "INVLPG exiting") \
	B(PRIMARY_MWAIT, 10, "MWAIT exiting") \
	B(PRIMARY_RDPMC, 11, "RDPMC exiting") \
	B(PRIMARY_RDTSC, 12, "RDTSC exiting") \
	B(PRIMARY_CR3_LOAD, 15, "CR3-load exiting") \
	B(PRIMARY_CR3_STORE, 16, "CR3-store exiting") \
	B(PRIMARY_TERTIARY, 17, "activate tertiary controls") \
	B(PRIMARY_CR8_LOAD, 19, "CR8-load exiting") \
	B(PRIMARY_CR8_STORE, 20, "CR8-store exiting") \
	B(PRIMARY_TPR_SHADOW, 21, "use TPR shadow") \
	B(PRIMARY_NMI_WINDOW, 22, "NMI-window exiting") \
	B(PRIMARY_MOV_DR, 23, "MOV-DR exiting") \
	B(PRIMARY_UNCONDITIONAL_IO, 24, "unconditional I/O exiting") \
	B(PRIMARY_IO_BITMAPS, 25, "use I/O bitmaps") \
	B(PRIMARY_TRAP_FLAG, 27, "monitor trap flag") \
	B(PRIMARY_MSR_BITMAPS, 28, "use MSR bitmaps") \
	B(PRIMARY_MONITOR, 29, "MONITOR exiting") \
	B(PRIMARY_PAUSE, 30, "PAUSE exiting") \
	B(PRIMARY_SECONDARY, 31, "activate secondary controls")

#define VMX_SECONDARY_BITS(B) \
	B(SECONDARY_APIC_ACCESSES, 0, "virtualize APIC accesses") \
	B(SECONDARY_EPT, 1, "enable EPT") \
	B(SECONDARY_DESCRIPTOR_TABLE, 2, "descriptor-table exiting") \
	B(SECONDARY_RDTSCP, 3, "enable RDTSCP") \
	B(SECONDARY_X2APIC, 4, "virtualize x2APIC mode") \
	B(SECONDARY_VPID, 5, "enable VPID") \
	B(SECONDARY_WBINVD, 6, "WBINVD exiting") \
	B(SECONDARY_UNRESTRICTED, 7, "unrestricted guest") \
	B(SECONDARY_APIC_REGISTERS, 8, "APIC-register virtualization") \
	B(SECONDARY_INTERRUPT_DELIVERY, 9, "virtual-interrupt delivery") \
	B(SECONDARY_PAUSE_LOOP, 10, "PAUSE-loop exiting") \
	B(SECONDARY_RDRAND, 11, "RDRAND exiting") \
	B(SECONDARY_INVPCID, 12, "enable INVPCID") \
	B(SECONDARY_VMFUNC, 13, "enable VM functions") \
	B(SECONDARY_SHADOWING, 14, "VMCS shadowing") \
	B(SECONDARY_ENCLS, 15, "enable ENCLS exiting") \
	B(SECONDARY_RDSEED, 16, "RDSEED exiting") \
	B(SECONDARY_PML, 17, "enable PML") \
	B(SECONDARY_VE, 18, "EPT-violation #VE") \
	B(SECONDARY_PT_CONCEAL, 19, "conceal VMX from PT") \
	B(SECONDARY_XSAVES, 20, "enable XSAVES/XRSTORS") \
	B(SECONDARY_PASID, 21, "PASID translation") \
	B(SECONDARY_MODE_EXECUTE, 22, "mode-based execute control for EPT") \
	B(SECONDARY_SUB_PAGE, 23, "sub-page write permissions for EPT") \
	B(SECONDARY_PT_GUEST, 24, "Intel PT uses guest physical addresses") \
	B(SECONDARY_TSC_SCALING, 25, "use TSC scaling") \
	B(SECONDARY_USER_WAIT, 26, "enable user wait and pause") \
	B(SECONDARY_PCONFIG, 27, "enable PCONFIG") \
	B(SECONDARY_ENCLV, 28, "enable ENCLV exiting") \
	B(SECONDARY_BUS_LOCK, 30, "VMM bus-lock detection") \
	B(SECONDARY_INSTRUCTION_TIMEOUT, 31, "instruction timeout")

#define VMX_TERTIARY_BITS(B) \
	B(TERTIARY_LOADIWKEY, 0, "LOADIWKEY exiting") \
	B(TERTIARY_HLAT, 1, "enable HLAT") \
	B(TERTIARY_PAGING_WRITE, 2, "EPT paging-write control") \
	B(TERTIARY_GUEST_PAGING, 3, "guest-paging verification") \
	B(TERTIARY_IPI, 4, "IPI virtualization") \
	B(TERTIARY_SPEC_CTRL, 7, "virtualize IA32_SPEC_CTRL")

#define VMX_EXIT_BITS(B) \
	B(EXITS_SAVE_DEBUG, 2, "save debug controls") \
	B(EXITS_HOST_LONG_MODE, 9, "host address-space size") \
	B(EXITS_LOAD_PERF_GLOBAL, 12, "load IA32_PERF_GLOBAL_CTRL") \
	B(EXITS_ACK_INTERRUPT, 15, "acknowledge interrupt on exit") \
	B(EXITS_SAVE_PAT, 18, "save IA32_PAT") \
	B(EXITS_LOAD_PAT, 19, "load IA32_PAT") \
	B(EXITS_SAVE_EFER, 20, "save IA32_EFER") \
	B(EXITS_LOAD_EFER, 21, "load IA32_EFER") \
	B(EXITS_SAVE_TIMER, 22, "save VMX-preemption timer value") \
	B(EXITS_CLEAR_BNDCFGS, 23, "clear IA32_BNDCFGS") \
	B(EXITS_PT_CONCEAL, 24, "conceal VMX from PT") \
	B(EXITS_CLEAR_RTIT_CTL, 25, "clear IA32_RTIT_CTL") \
	B(EXITS_CLEAR_LBR_CTL, 26, "clear IA32_LBR_CTL") \
	B(EXITS_CLEAR_UINV, 27, "clear UINV") \
	B(EXITS_LOAD_CET, 28, "load CET state") \
	B(EXITS_LOAD_PKRS, 29, "load PKRS") \
	B(EXITS_SAVE_PERF_GLOBAL, 30, "save IA32_PERF_GLOBAL_CTRL") \
	B(EXITS_SECONDARY, 31, "activate secondary controls")

#define VMX_ENTRY_BITS(B) \
	B(ENTRY_LOAD_DEBUG, 2, "load debug controls") \
	B(ENTRY_LONG_MODE, 9, "IA-32e mode guest") \
	B(ENTRY_SMM, 10, "entry to SMM") \
	B(ENTRY_NO_DUAL_MONITOR, 11, "deactivate dual-monitor treatment") \
	B(ENTRY_LOAD_PERF_GLOBAL, 13, "load IA32_PERF_GLOBAL_CTRL") \
	B(ENTRY_LOAD_PAT, 14, "load IA32_PAT") \
	B(ENTRY_LOAD_EFER, 15, "load IA32_EFER") \
	B(ENTRY_LOAD_BNDCFGS, 16, "load IA32_BNDCFGS") \
	B(ENTRY_PT_CONCEAL, 17, "conceal VMX from PT") \
	B(ENTRY_LOAD_RTIT_CTL, 18, "load IA32_RTIT_CTL") \
	B(ENTRY_LOAD_UINV, 19, "load UINV") \
	B(ENTRY_LOAD_CET, 20, "load CET state") \
	B(ENTRY_LOAD_LBR_CTL, 21, "load guest IA32_LBR_CTL") \
	B(ENTRY_LOAD_PKRS, 22, "load PKRS")

#define VMX_DECLARE_BIT(id, bit, name) id = (int)(1u << (bit)),
enum vmx_pin { VMX_PIN_BITS(VMX_DECLARE_BIT) };
enum vmx_primary { VMX_PRIMARY_BITS(VMX_DECLARE_BIT) };
enum vmx_secondary { VMX_SECONDARY_BITS(VMX_DECLARE_BIT) };
enum vmx_tertiary { VMX_TERTIARY_BITS(VMX_DECLARE_BIT) };
enum vmx_exits { VMX_EXIT_BITS(VMX_DECLARE_BIT) };
enum vmx_entry { VMX_ENTRY_BITS(VMX_DECLARE_BIT) };
#undef VMX_DECLARE_BIT

/* IA32_VMX_BASIC (A.1) */
#define BASIC_REVISION(basic) ((u32)(basic) & 0x7fffffffu)
#define BASIC_REGION_SIZE(basic) ((u32)((basic) >> 32) & 0x1fffu)
#define BASIC_MEMORY_TYPE(basic) ((u32)((basic) >> 50) & 0xfu)
#define BASIC_TRUE_CONTROLS (1ull << 55)
#define MEMORY_TYPE_WB 6u

/* IA32_VMX_MISC (A.6) */
#define MISC_TIMER_SHIFT(misc) ((unsigned int)(misc) & 0x1fu) /* a tick is 1 << this of the TSC */
#define MISC_WRITE_READ_ONLY_FIELDS (1ull << 29)

/* IA32_VMX_EPT_VPID_CAP (A.10) */
#define EPT_CAP_4_LEVELS (1ull << 6)
#define EPT_CAP_WB (1ull << 14)
#define EPT_CAP_2M (1ull << 16)
#define EPT_CAP_1G (1ull << 17)
#define EPT_CAP_INVEPT (1ull << 20)
#define EPT_CAP_INVEPT_SINGLE (1ull << 25)
#define EPT_CAP_INVEPT_ALL (1ull << 26)
#define VPID_CAP_INVVPID (1ull << 32)
#define VPID_CAP_SINGLE (1ull << 41)
#define VPID_CAP_ALL (1ull << 42)

#define INVEPT_SINGLE 1
#define INVEPT_ALL 2
#define INVVPID_SINGLE 1
#define INVVPID_ALL 2

/* Interruption information: entry, exit and IDT-vectoring fields (25.8.3, 25.9.2). */
#define INTR_INFO_TYPE(info) ((info) >> 8 & 7u)
#define INTR_INFO_ERROR_CODE (1u << 11)
#define INTR_INFO_NMI_UNBLOCKED (1u << 12) /* exit field only: by IRET */
#define INTR_INFO_VALID (1u << 31)
enum vmx_intr_type {
	INTR_EXTERNAL = 0,
	INTR_NMI = 2,
	INTR_HARDWARE_EXCEPTION = 3,
	INTR_SOFTWARE = 4,
	INTR_PRIVILEGED_SOFTWARE = 5,
	INTR_SOFTWARE_EXCEPTION = 6,
};

#define ACTIVITY_WAIT_SIPI 3u /* GUEST_ACTIVITY (25.4.2) */

#define EXIT_REASON_ENTRY_FAILED (1u << 31)
/* Basic exit reasons that code names; the others stand in exit.c's table (appendix C). */
enum vmx_reason {
	REASON_EXCEPTION = 0,
	REASON_INTERRUPT = 1,
	REASON_TRIPLE_FAULT = 2,
	REASON_INIT = 3,
	REASON_IRQ_WINDOW = 7,
	REASON_NMI_WINDOW = 8,
	REASON_TASK_SWITCH = 9,
	REASON_CPUID = 10,
	REASON_GETSEC = 11,
	REASON_HLT = 12,
	REASON_INVD = 13,
	REASON_INVLPG = 14,
	REASON_RDPMC = 15,
	REASON_RDTSC = 16,
	REASON_VMCALL = 18,
	REASON_VMCLEAR = 19,
	REASON_VMLAUNCH = 20,
	REASON_VMPTRLD = 21,
	REASON_VMPTRST = 22,
	REASON_VMREAD = 23,
	REASON_VMRESUME = 24,
	REASON_VMWRITE = 25,
	REASON_VMXOFF = 26,
	REASON_VMXON = 27,
	REASON_CR = 28,
	REASON_DR = 29,
	REASON_IO = 30,
	REASON_RDMSR = 31,
	REASON_WRMSR = 32,
	REASON_BAD_GUEST_STATE = 33,
	REASON_MSR_LOADING = 34,
	REASON_MWAIT = 36,
	REASON_MONITOR = 39,
	REASON_PAUSE = 40,
	REASON_MACHINE_CHECK_ENTRY = 41,
	REASON_TPR = 43,
	REASON_GDTR_IDTR = 46,
	REASON_LDTR_TR = 47,
	REASON_EPT_VIOLATION = 48,
	REASON_EPT_MISCONFIG = 49,
	REASON_INVEPT = 50,
	REASON_RDTSCP = 51,
	REASON_PREEMPTION_TIMER = 52,
	REASON_INVVPID = 53,
	REASON_WBINVD = 54,
	REASON_XSETBV = 55,
	REASON_ENCLS = 60,
};

#endif
