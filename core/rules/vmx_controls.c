// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Intel: the instruction itself (SDM vol. 3, 27.1) and the VM-execution, VM-exit and VM-entry
 * control fields (27.2.1).
 */
#include "core/rules/vmx.h"

#define INSTRUCTION_RULES(R) \
	R(101, RULES_VMFAIL_INVALID, 1, "entry.current", "27.1", \
	  FACT_OR(RULES_VMCS_ADDRESS, 0) != ALL_ONES, "there is a current VMCS") \
	R(105, RULES_VMFAIL_INVALID, 1, "entry.shadow", "27.1", !FACT_OR(RULES_VMCS_SHADOW, 0), \
	  "the current VMCS is not a shadow VMCS: bit 31 of its first four bytes is 0") \
	R(102, RULES_VM_ERROR(26), 1, "entry.mov-ss", "27.1", !FACT_OR(RULES_MOV_SS, 0), \
	  "events are not blocked by MOV SS when the instruction executes") \
	R(103, RULES_VM_ERROR(4), 1, "entry.launch-clear", "27.1", \
	  FACT_OR(RULES_IS_RESUME, 0) || !FACT_OR(RULES_VMCS_LAUNCHED, 0), \
	  "VMLAUNCH needs a VMCS whose launch state is clear") \
	R(104, RULES_VM_ERROR(5), 1, "entry.resume-launched", "27.1", \
	  !FACT_OR(RULES_IS_RESUME, 0) || FACT_OR(RULES_VMCS_LAUNCHED, 1), \
	  "VMRESUME needs a VMCS whose launch state is launched")

/* A capability MSR: what must be 1 in its low half, what may be 1 in its high half (A.3.1). */
static bool allowed(struct rules_judge *j, u64 value, u32 msr, u32 true_msr)
{
	u64 bits;

	if (true_msr && (MSR(IA32_VMX_BASIC) & BASIC_TRUE_CONTROLS))
		msr = true_msr;
	bits = MSR(msr);
	return !((u32)bits & ~value) && !(value & ~(bits >> 32));
}

/* Type, length of the walk and the bits that features own (25.6.11, A.10). */
static bool ept_pointer_type(struct rules_judge *j)
{
	u64 type = RANGE(V(EPT_POINTER), 0, 2), cap = MSR(IA32_VMX_EPT_VPID_CAP);

	return (type == 0 && (cap >> 8 & 1)) || (type == 6 && (cap >> 14 & 1));
}

static bool ept_pointer_levels(struct rules_judge *j)
{
	u64 length = RANGE(V(EPT_POINTER), 3, 5), cap = MSR(IA32_VMX_EPT_VPID_CAP);

	return (length == 3 && (cap >> 6 & 1)) || (length == 4 && (cap >> 7 & 1));
}

/* The address, the first byte and the last, of an MSR area. */
static bool area(struct rules_judge *j, u64 address, u64 count)
{
	return !count || (vmx_address(j, address, 15) && vmx_address(j, address + count * 16 - 1, 0));
}

/* Is there an error code to deliver with what is injected? */
static bool error_code_matches(struct rules_judge *j)
{
	bool delivers = V(ENTRY_INTERRUPTION_INFO) & INTR_INFO_ERROR_CODE;
	u32 vector = injected_vector(j);

	if (injected_type(j) != INTR_HARDWARE_EXCEPTION || !(V(GUEST_CR0) & CR0_PE))
		return !delivers;
	if (MSR(IA32_VMX_BASIC) >> 56 & 1)
		return true;
	return delivers == (vector < 21 && (VECTORS_WITH_ERROR >> vector & 1));
}

static bool type_exists(struct rules_judge *j)
{
	u32 type = injected_type(j);

	if (type == INTR_OTHER_EVENT) /* only where the monitor trap flag can be set */
		return MSR(IA32_VMX_PROCBASED_CTLS) >> 32 & PRIMARY_TRAP_FLAG;
	return type != 1;
}

static bool vector_matches(struct rules_judge *j)
{
	u32 type = injected_type(j), vector = injected_vector(j);

	return type == INTR_NMI ? vector == 2 :
	       type == INTR_HARDWARE_EXCEPTION ? vector < 32 :
	       type == INTR_OTHER_EVENT ? vector == 0 : true;
}

static bool is_software(u32 type)
{
	return type >= INTR_SOFTWARE && type <= INTR_SOFTWARE_EXCEPTION;
}

/* Length 0 where bit 30 of IA32_VMX_MISC allows it (A.6). */
static bool length_allowed(struct rules_judge *j)
{
	u64 length = V(ENTRY_INSTRUCTION_LENGTH);

	return length ? length <= 15 : MSR(IA32_VMX_MISC) >> 30 & 1;
}

/* The two bytes of the VTPR's class against the threshold (30.1.2). */
static bool below_virtual_tpr(struct rules_judge *j)
{
	return RANGE(V(TPR_THRESHOLD), 0, 3) <= RANGE(FACT(RULES_VIRTUAL_TPR), 4, 7);
}

#define SHADOWS primary(j, PRIMARY_TPR_SHADOW)
#define DELIVERS secondary(j, SECONDARY_INTERRUPT_DELIVERY)
#define POSTS pin(j, PIN_POSTED_INTERRUPTS)
#define EPT secondary(j, SECONDARY_EPT)
#define E7 RULES_VM_ERROR(7)

#define CONTROL_RULES(R) \
	R(201, E7, 1, "control.pin", "27.2.1.1", \
	  allowed(j, V(PIN_CONTROLS), IA32_VMX_PINBASED_CTLS, IA32_VMX_TRUE_PINBASED_CTLS), \
	  "the pin-based controls have the bits that the processor demands, and no others than it " \
	  "allows") \
	R(202, E7, 1, "control.primary", "27.2.1.1", \
	  allowed(j, V(PRIMARY_CONTROLS), IA32_VMX_PROCBASED_CTLS, IA32_VMX_TRUE_PROCBASED_CTLS), \
	  "the primary processor-based controls have the bits that the processor demands, and no " \
	  "others than it allows") \
	R(203, E7, 1, "control.secondary", "27.2.1.1", \
	  !primary(j, PRIMARY_SECONDARY) || \
		  allowed(j, V(SECONDARY_CONTROLS), IA32_VMX_PROCBASED_CTLS2, 0), \
	  "the secondary processor-based controls, where activated, have no bits that the " \
	  "processor does not allow") \
	R(204, E7, 1, "control.tertiary", "27.2.1.1", \
	  !primary(j, PRIMARY_TERTIARY) || !(V(TERTIARY_CONTROLS) & ~MSR(0x492)), \
	  "the tertiary processor-based controls, where activated, have no bits that the processor " \
	  "does not allow") \
	R(205, E7, 1, "control.cr3-targets", "27.2.1.1", \
	  V(CR3_TARGET_COUNT) <= RANGE(FACT_OR(RULES_VMX_MSR(IA32_VMX_MISC), 4 << 16), 16, 24), \
	  "the CR3-target count is not above what IA32_VMX_MISC says, 4 until now") \
	R(206, E7, 1, "control.io-bitmap-a", "27.2.1.1", \
	  !primary(j, PRIMARY_IO_BITMAPS) || vmx_page(j, V(IO_BITMAP_A)), \
	  "with \"use I/O bitmaps\", the address of bitmap A is that of a page, within the " \
	  "physical-address width") \
	R(207, E7, 1, "control.io-bitmap-b", "27.2.1.1", \
	  !primary(j, PRIMARY_IO_BITMAPS) || vmx_page(j, V(IO_BITMAP_B)), \
	  "with \"use I/O bitmaps\", the address of bitmap B is that of a page, within the " \
	  "physical-address width") \
	R(208, E7, 1, "control.msr-bitmap", "27.2.1.1", \
	  !primary(j, PRIMARY_MSR_BITMAPS) || vmx_page(j, V(MSR_BITMAP)), \
	  "with \"use MSR bitmaps\", their address is that of a page, within the physical-address " \
	  "width") \
	R(209, E7, 1, "control.virtual-apic", "27.2.1.1", \
	  !SHADOWS || vmx_page(j, V(VIRTUAL_APIC_ADDRESS)), \
	  "with \"use TPR shadow\", the virtual-APIC address is that of a page, within the " \
	  "physical-address width") \
	R(210, E7, 1, "control.tpr-threshold", "27.2.1.1", \
	  !SHADOWS || DELIVERS || !(V(TPR_THRESHOLD) >> 4), \
	  "with \"use TPR shadow\" and without virtual-interrupt delivery, bits 31:4 of the TPR " \
	  "threshold are 0") \
	R(211, E7, 1, "control.tpr-class", "27.2.1.1", \
	  !SHADOWS || DELIVERS || secondary(j, SECONDARY_APIC_ACCESSES) || \
		  !RANGE(V(TPR_THRESHOLD), 0, 3) || below_virtual_tpr(j), \
	  "with \"use TPR shadow\" alone, the TPR threshold is not above bits 7:4 of the virtual " \
	  "TPR") \
	R(212, E7, 1, "control.virtual-nmis", "27.2.1.1", \
	  pin(j, PIN_NMI) || !pin(j, PIN_VIRTUAL_NMIS), \
	  "\"virtual NMIs\" needs \"NMI exiting\"") \
	R(213, E7, 1, "control.nmi-window", "27.2.1.1", \
	  pin(j, PIN_VIRTUAL_NMIS) || !primary(j, PRIMARY_NMI_WINDOW), \
	  "\"NMI-window exiting\" needs \"virtual NMIs\"") \
	R(214, E7, 1, "control.apic-access", "27.2.1.1", \
	  !secondary(j, SECONDARY_APIC_ACCESSES) || vmx_page(j, V(APIC_ACCESS_ADDRESS)), \
	  "with \"virtualize APIC accesses\", the APIC-access address is that of a page, within " \
	  "the physical-address width") \
	R(215, E7, 1, "control.apic-needs-shadow", "27.2.1.1", \
	  SHADOWS || !(secondary(j, SECONDARY_X2APIC | SECONDARY_APIC_REGISTERS | \
				    SECONDARY_INTERRUPT_DELIVERY) || \
		       tertiary(j, TERTIARY_IPI)), \
	  "\"virtualize x2APIC mode\", \"APIC-register virtualization\", \"virtual-interrupt " \
	  "delivery\" and \"IPI virtualization\" need \"use TPR shadow\"") \
	R(216, E7, 1, "control.x2apic", "27.2.1.1", \
	  !secondary(j, SECONDARY_X2APIC) || !secondary(j, SECONDARY_APIC_ACCESSES), \
	  "\"virtualize x2APIC mode\" and \"virtualize APIC accesses\" exclude each other") \
	R(217, E7, 1, "control.delivery", "27.2.1.1", \
	  !DELIVERS || pin(j, PIN_EXTERNAL_INTERRUPT), \
	  "\"virtual-interrupt delivery\" needs \"external-interrupt exiting\"") \
	R(218, E7, 1, "control.posted-delivery", "27.2.1.1", !POSTS || DELIVERS, \
	  "\"process posted interrupts\" needs \"virtual-interrupt delivery\"") \
	R(219, E7, 1, "control.posted-acknowledge", "27.2.1.1", \
	  !POSTS || exits(j, EXITS_ACK_INTERRUPT), \
	  "\"process posted interrupts\" needs \"acknowledge interrupt on exit\"") \
	R(220, E7, 1, "control.posted-vector", "27.2.1.1", \
	  !POSTS || V(POSTED_INTERRUPT_VECTOR) <= 255, \
	  "bits 15:8 of the posted-interrupt notification vector are 0 where it is used") \
	R(221, E7, 1, "control.posted-descriptor", "27.2.1.1", \
	  !POSTS || vmx_address(j, V(POSTED_INTERRUPT_DESCRIPTOR), 63), \
	  "the posted-interrupt descriptor is aligned to 64 bytes and within the physical-address " \
	  "width where it is used") \
	R(222, E7, 1, "control.vpid", "27.2.1.1", !secondary(j, SECONDARY_VPID) || V(VPID), \
	  "with \"enable VPID\", the VPID is not 0") \
	R(223, E7, 1, "control.ept-type", "27.2.1.1", !EPT || ept_pointer_type(j), \
	  "the memory type in bits 2:0 of the EPT pointer is one that the processor supports: 0, UC, or " \
	  "6, WB") \
	R(224, E7, 1, "control.ept-levels", "27.2.1.1", !EPT || ept_pointer_levels(j), \
	  "bits 5:3 of the EPT pointer are a length of the walk that the processor supports, less 1: " \
	  "3, or 4 for five levels") \
	R(225, E7, 1, "control.ept-accessed", "27.2.1.1", \
	  !EPT || !(V(EPT_POINTER) >> 6 & 1) || (MSR(IA32_VMX_EPT_VPID_CAP) >> 21 & 1), \
	  "bit 6 of the EPT pointer is set only where the processor has accessed and dirty flags " \
	  "for EPT") \
	R(226, E7, 1, "control.ept-shadow-stack", "27.2.1.1", \
	  !EPT || !(V(EPT_POINTER) >> 7 & 1) || (MSR(IA32_VMX_EPT_VPID_CAP) >> 23 & 1), \
	  "bit 7 of the EPT pointer is set only where the processor has supervisor shadow-stack " \
	  "control") \
	R(227, E7, 1, "control.ept-reserved", "27.2.1.1", \
	  !EPT || (!RANGE(V(EPT_POINTER), 8, 11) && in_width(j, V(EPT_POINTER))), \
	  "bits 11:8 of the EPT pointer and those above the physical-address width are 0") \
	R(228, E7, 1, "control.pml-ept", "27.2.1.1", !secondary(j, SECONDARY_PML) || EPT, \
	  "\"enable PML\" needs \"enable EPT\"") \
	R(229, E7, 1, "control.pml-address", "27.2.1.1", \
	  !secondary(j, SECONDARY_PML) || vmx_page(j, V(PML_ADDRESS)), \
	  "with \"enable PML\", the PML address is that of a page, within the physical-address width") \
	R(230, E7, 1, "control.unrestricted-ept", "27.2.1.1", \
	  !secondary(j, SECONDARY_UNRESTRICTED) || EPT, \
	  "\"unrestricted guest\" needs \"enable EPT\"") \
	R(231, E7, 1, "control.mode-execute-ept", "27.2.1.1", \
	  !secondary(j, SECONDARY_MODE_EXECUTE) || EPT, \
	  "\"mode-based execute control for EPT\" needs \"enable EPT\"") \
	R(232, E7, 1, "control.sub-page-ept", "27.2.1.1", !secondary(j, SECONDARY_SUB_PAGE) || EPT, \
	  "\"sub-page write permissions for EPT\" needs \"enable EPT\"") \
	R(233, E7, 1, "control.sub-page-table", "27.2.1.1", \
	  !secondary(j, SECONDARY_SUB_PAGE) || vmx_page(j, V(SPP_TABLE_POINTER)), \
	  "with sub-page write permissions, the table's pointer is that of a page, within the " \
	  "physical-address width") \
	R(234, E7, 1, "control.vm-functions", "27.2.1.1", \
	  !secondary(j, SECONDARY_VMFUNC) || !(V(VM_FUNCTION_CONTROLS) & ~MSR(0x491)), \
	  "with \"enable VM functions\", no bit of their controls is set that IA32_VMX_VMFUNC does " \
	  "not have") \
	R(235, E7, 1, "control.eptp-switching-ept", "27.2.1.1", \
	  !secondary(j, SECONDARY_VMFUNC) || !(V(VM_FUNCTION_CONTROLS) & 1) || EPT, \
	  "the VM function \"EPTP switching\" needs \"enable EPT\"") \
	R(236, E7, 1, "control.eptp-list", "27.2.1.1", \
	  !secondary(j, SECONDARY_VMFUNC) || !(V(VM_FUNCTION_CONTROLS) & 1) || \
		  vmx_page(j, V(EPTP_LIST_ADDRESS)), \
	  "with \"EPTP switching\", the EPTP-list address is that of a page, within the " \
	  "physical-address width") \
	R(237, E7, 1, "control.vmread-bitmap", "27.2.1.1", \
	  !secondary(j, SECONDARY_SHADOWING) || vmx_page(j, V(VMREAD_BITMAP)), \
	  "with \"VMCS shadowing\", the VMREAD-bitmap address is that of a page, within the " \
	  "physical-address width") \
	R(238, E7, 1, "control.vmwrite-bitmap", "27.2.1.1", \
	  !secondary(j, SECONDARY_SHADOWING) || vmx_page(j, V(VMWRITE_BITMAP)), \
	  "with \"VMCS shadowing\", the VMWRITE-bitmap address is that of a page, within the " \
	  "physical-address width") \
	R(239, E7, 1, "control.ve-information", "27.2.1.1", \
	  !secondary(j, SECONDARY_VE) || vmx_page(j, V(VE_INFORMATION_ADDRESS)), \
	  "with \"EPT-violation #VE\", its information address is that of a page, within the " \
	  "physical-address width") \
	R(240, E7, 1, "control.pt-ept", "27.2.1.1", !secondary(j, SECONDARY_PT_GUEST) || EPT, \
	  "\"Intel PT uses guest physical addresses\" needs \"enable EPT\"") \
	R(241, E7, 1, "control.pt-entry-exit", "27.2.1.1", \
	  !secondary(j, SECONDARY_PT_GUEST) || (entry(j, ENTRY_LOAD_RTIT_CTL) && \
						exits(j, EXITS_CLEAR_RTIT_CTL)), \
	  "\"Intel PT uses guest physical addresses\" needs \"load IA32_RTIT_CTL\" at the entry and " \
	  "\"clear IA32_RTIT_CTL\" at the exit") \
	R(242, E7, 1, "control.tertiary-ept", "27.2.1.1", \
	  !tertiary(j, TERTIARY_HLAT | TERTIARY_PAGING_WRITE | TERTIARY_GUEST_PAGING) || EPT, \
	  "\"enable HLAT\", \"EPT paging-write control\" and \"guest-paging verification\" need " \
	  "\"enable EPT\"") \
	R(243, E7, 1, "control.hlat-pointer", "27.2.1.1", \
	  !tertiary(j, TERTIARY_HLAT) || (!(V(HLAT_POINTER) & 0xfe7) && in_width(j, V(HLAT_POINTER))), \
	  "with \"enable HLAT\", bits 2:0 and 11:5 of its pointer and those above the " \
	  "physical-address width are 0") \
	R(244, E7, 1, "control.pid-table", "27.2.1.1", \
	  !tertiary(j, TERTIARY_IPI) || \
		  (vmx_address(j, V(PID_POINTER_TABLE), 7) && \
		   vmx_address(j, V(PID_POINTER_TABLE) + 8 * V(LAST_PID_INDEX) + 7, 0)), \
	  "with \"IPI virtualization\", the PID-pointer table is aligned to 8 bytes and within the " \
	  "physical-address width up to its last entry") \
	R(245, E7, 1, "control.low-pasid", "27.2.1.1", \
	  !secondary(j, SECONDARY_PASID) || vmx_page(j, V(LOW_PASID_DIRECTORY)), \
	  "with \"PASID translation\", the low PASID directory address is that of a page, within the " \
	  "physical-address width") \
	R(246, E7, 1, "control.high-pasid", "27.2.1.1", \
	  !secondary(j, SECONDARY_PASID) || vmx_page(j, V(HIGH_PASID_DIRECTORY)), \
	  "with \"PASID translation\", the high PASID directory address is that of a page, within " \
	  "the physical-address width") \
	R(247, E7, 1, "control.tsc-multiplier", "27.2.1.1", \
	  !secondary(j, SECONDARY_TSC_SCALING) || V(TSC_MULTIPLIER), \
	  "with \"use TSC scaling\", the TSC multiplier is not 0") \
	R(261, E7, 1, "control.exit", "27.2.1.2", \
	  allowed(j, V(EXIT_CONTROLS), IA32_VMX_EXIT_CTLS, IA32_VMX_TRUE_EXIT_CTLS), \
	  "the VM-exit controls have the bits that the processor demands, and no others than it " \
	  "allows") \
	R(262, E7, 1, "control.exit-secondary", "27.2.1.2", \
	  !exits(j, EXITS_SECONDARY) || !(V(SECONDARY_EXIT_CONTROLS) & ~MSR(0x493)), \
	  "the secondary VM-exit controls, where activated, have no bits that the processor does " \
	  "not allow") \
	R(263, E7, 1, "control.exit-timer", "27.2.1.2", \
	  pin(j, PIN_PREEMPTION_TIMER) || !exits(j, EXITS_SAVE_TIMER), \
	  "\"save VMX-preemption timer value\" needs \"activate VMX-preemption timer\"") \
	R(264, E7, 1, "control.exit-store", "27.2.1.2", \
	  area(j, V(EXIT_MSR_STORE_ADDRESS), V(EXIT_MSR_STORE_COUNT)), \
	  "the VM-exit MSR-store area, where its count is not 0, is aligned to 16 bytes and within " \
	  "the physical-address width up to its last byte") \
	R(265, E7, 1, "control.exit-load", "27.2.1.2", \
	  area(j, V(EXIT_MSR_LOAD_ADDRESS), V(EXIT_MSR_LOAD_COUNT)), \
	  "the VM-exit MSR-load area, where its count is not 0, is aligned to 16 bytes and within " \
	  "the physical-address width up to its last byte") \
	R(271, E7, 1, "control.entry", "27.2.1.3", \
	  allowed(j, V(ENTRY_CONTROLS), IA32_VMX_ENTRY_CTLS, IA32_VMX_TRUE_ENTRY_CTLS), \
	  "the VM-entry controls have the bits that the processor demands, and no others than it " \
	  "allows") \
	R(272, E7, 1, "control.event-type", "27.2.1.3", !injects(j) || type_exists(j), \
	  "the type of the event to inject is not 1, and 7 only where the processor has the monitor " \
	  "trap flag") \
	R(273, E7, 1, "control.event-vector", "27.2.1.3", !injects(j) || vector_matches(j), \
	  "the vector of the event to inject is 2 for an NMI, at most 31 for a hardware exception, " \
	  "0 for another event") \
	R(274, E7, 1, "control.event-error", "27.2.1.3", !injects(j) || error_code_matches(j), \
	  "the event to inject delivers an error code if and only if it is a hardware exception " \
	  "that has one, in protected mode") \
	R(275, E7, 1, "control.event-reserved", "27.2.1.3", \
	  !injects(j) || !RANGE(V(ENTRY_INTERRUPTION_INFO), 12, 30), \
	  "bits 30:12 of the VM-entry interruption-information field are 0 where bit 31 is set") \
	R(276, E7, 1, "control.event-error-code", "27.2.1.3", \
	  !injects(j) || !(V(ENTRY_INTERRUPTION_INFO) & INTR_INFO_ERROR_CODE) || \
		  !(V(ENTRY_EXCEPTION_ERROR_CODE) >> 16), \
	  "bits 31:16 of the error code to deliver are 0") \
	R(277, E7, 1, "control.event-length", "27.2.1.3", \
	  !injects(j) || !is_software(injected_type(j)) || length_allowed(j), \
	  "the instruction length of a software interrupt or exception to inject is 1 to 15, or 0 " \
	  "where IA32_VMX_MISC allows it") \
	R(278, E7, 1, "control.entry-load", "27.2.1.3", \
	  area(j, V(ENTRY_MSR_LOAD_ADDRESS), V(ENTRY_MSR_LOAD_COUNT)), \
	  "the VM-entry MSR-load area, where its count is not 0, is aligned to 16 bytes and within " \
	  "the physical-address width up to its last byte") \
	R(279, E7, 1, "control.entry-smm", "27.2.1.3", \
	  !entry(j, ENTRY_SMM | ENTRY_NO_DUAL_MONITOR) || in_smm(j), \
	  "\"entry to SMM\" and \"deactivate dual-monitor treatment\" are set only in " \
	  "system-management mode") \
	R(280, E7, 1, "control.entry-smm-both", "27.2.1.3", \
	  !entry(j, ENTRY_SMM) || !entry(j, ENTRY_NO_DUAL_MONITOR), \
	  "\"entry to SMM\" and \"deactivate dual-monitor treatment\" exclude each other")

RULES_DEFINE(vmx_instruction_rules, INSTRUCTION_RULES)
RULES_DEFINE(vmx_control_rules, CONTROL_RULES)
