/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Every reason for "no" is one entry of one table: what is wrong, what to do, and where the
 * manual says so. The module prints it when it refuses to load, the command when it checks.
 * Pure: no host, no processor; also compiled into the command.
 */
#ifndef SWIVL_CORE_VM_REFUSAL_H
#define SWIVL_CORE_VM_REFUSAL_H

#include "core/types.h"

#define FIRMWARE_TODO \
	"Switch on \"Intel Virtualization Technology\" (VT-x, VMX) in the firmware's setup, then " \
	"turn the power off and on"
#define SVM_FIRMWARE_TODO \
	"Switch on SVM (AMD-V, \"SVM Mode\") in the firmware's setup, then turn the power off and on"
#define OLD_CPU_TODO "This processor is too old for swivl; Intel's have it since 2010 (Westmere)"
#define NESTED_TODO \
	"If this is a virtual machine, its hypervisor has to offer it; else the processor is too old"

/* Each reason: identifier, stable name for programs, what is wrong, what to do, the manual. */
#define REFUSAL_LIST(R) \
	R(REFUSE_NOTHING, "none", \
	  "Nothing was refused", \
	  "", "") \
	R(REFUSE_NO_VENDOR, "no-vendor", \
	  "This processor has neither Intel VT-x nor AMD-V", \
	  "Use a processor with one of them; in a virtual machine, have its hypervisor offer " \
	  "nested virtualization", "SDM vol. 3, 24.6; APM vol. 2, 15.4") \
	R(REFUSE_VMX_CPUID, "vmx-cpuid", \
	  "CPUID announces no VMX", \
	  FIRMWARE_TODO \
	  "; in a virtual machine, have its hypervisor offer nested virtualization", \
	  "SDM vol. 3, 24.6") \
	R(REFUSE_VMX_LOCKED_OFF, "vmx-locked-off", \
	  "The firmware has switched VMX off and locked that", \
	  FIRMWARE_TODO, "SDM vol. 3, 24.7") \
	R(REFUSE_VMX_UNLOCKED_FAIL, "vmx-unlocked-fail", \
	  "IA32_FEATURE_CONTROL was not locked, but does not take the bit that allows VMX", \
	  FIRMWARE_TODO, "SDM vol. 3, 24.7") \
	R(REFUSE_VMX_HELD, "vmx-held", \
	  "Another hypervisor holds VMX on this CPU: CR4.VMXE is set", \
	  "Unload KVM (rmmod kvm_intel) or whichever it is. Linux 6.12 and later switch VMX on " \
	  "as soon as kvm_intel is loaded, and many systems load it at boot: blacklist it, or " \
	  "start with kvm.enable_virt_at_load=0", "SDM vol. 3, 24.7") \
	R(REFUSE_CR0_FIXED, "cr0-fixed", \
	  "The system's CR0 has bits that VMX does not allow", \
	  "This is a property of the operating system; report it", "SDM vol. 3, 24.8, A.7") \
	R(REFUSE_CR4_FIXED, "cr4-fixed", \
	  "The system's CR4 has bits that VMX does not allow", \
	  "This is a property of the operating system; report it", "SDM vol. 3, 24.8, A.8") \
	R(REFUSE_CR4_HELD, "cr4-held", \
	  "This kernel does not let modules change CR4 safely: cr4_update_irqsoff() is KVM's alone", \
	  "Use a kernel before 6.19, or load with cr4_by_instruction=1 on a machine whose programs " \
	  "you all trust", "SDM vol. 3, 24.7") \
	R(REFUSE_FRED, "fred", \
	  "The system takes its interrupts by FRED, to which swivl cannot hand over an NMI yet", \
	  "Start Linux with fred=off", "SDM vol. 3, the chapter on FRED") \
	R(REFUSE_VMXON_FAILED, "vmxon-failed", \
	  "VMXON failed", \
	  "Run swivl selftest where swivl loads; if this is a virtual machine, its " \
	  "hypervisor's nested virtualization may be broken", "SDM vol. 3, 31.3") \
	R(REFUSE_VMX_REVISION, "vmx-revision", \
	  "The processor did not take its own VMCS revision identifier", \
	  "Report it, with the processor's model", "SDM vol. 3, 25.2") \
	R(REFUSE_VMX_MEMORY_TYPE, "vmx-memory-type", \
	  "The processor wants its VMX regions in memory that is not write-back", \
	  "Report it, with the processor's model", "SDM vol. 3, A.1") \
	R(REFUSE_VMX_REGION_SIZE, "vmx-region-size", \
	  "The processor's VMX regions do not fit a page", \
	  "Report it, with the processor's model", "SDM vol. 3, A.1") \
	R(REFUSE_NO_SECONDARY, "no-secondary-controls", \
	  "The processor has no secondary VM-execution controls, so no EPT either", \
	  OLD_CPU_TODO, "SDM vol. 3, 25.6.2") \
	R(REFUSE_NO_EPT, "no-ept", \
	  "The processor has no extended page tables (EPT)", \
	  OLD_CPU_TODO, "SDM vol. 3, 29.3") \
	R(REFUSE_EPT_LEVELS, "ept-format", \
	  "The processor's EPT lacks tables of four levels or 2-MByte pages", \
	  NESTED_TODO, "SDM vol. 3, A.10") \
	R(REFUSE_EPT_MEMORY_TYPE, "ept-memory-type", \
	  "The processor does not walk EPT tables in write-back memory", \
	  NESTED_TODO, "SDM vol. 3, A.10") \
	R(REFUSE_NO_INVEPT, "no-invept", \
	  "The processor cannot flush EPT translations (INVEPT)", \
	  NESTED_TODO, "SDM vol. 3, A.10") \
	R(REFUSE_NO_UNRESTRICTED, "no-unrestricted-guest", \
	  "The processor has no unrestricted guests: none in real mode, none without paging", \
	  OLD_CPU_TODO, "SDM vol. 3, 25.6.2") \
	R(REFUSE_PIN_CONTROL, "pin-control", \
	  "A pin-based VM-execution control is not as swivl needs it", \
	  NESTED_TODO, "SDM vol. 3, 25.6.1, A.3.1") \
	R(REFUSE_PRIMARY_CONTROL, "primary-control", \
	  "A primary VM-execution control is not as swivl needs it", \
	  NESTED_TODO, "SDM vol. 3, 25.6.2, A.3.2") \
	R(REFUSE_SECONDARY_CONTROL, "secondary-control", \
	  "A secondary VM-execution control is not as swivl needs it", \
	  NESTED_TODO, "SDM vol. 3, 25.6.2, A.3.3") \
	R(REFUSE_ENTRY_CONTROL, "entry-control", \
	  "A VM-entry control is not as swivl needs it", \
	  NESTED_TODO, "SDM vol. 3, 25.8.1, A.5") \
	R(REFUSE_EXIT_CONTROL, "exit-control", \
	  "A VM-exit control is not as swivl needs it", \
	  NESTED_TODO, "SDM vol. 3, 25.7.1, A.4") \
	R(REFUSE_NO_MSR_BITMAP, "no-msr-bitmap", \
	  "The processor has no MSR bitmaps", \
	  NESTED_TODO, "SDM vol. 3, 25.6.9") \
	R(REFUSE_SVM_CPUID, "svm-cpuid", \
	  "CPUID announces no SVM", \
	  SVM_FIRMWARE_TODO \
	  "; in a virtual machine, have its hypervisor offer nested virtualization", \
	  "APM vol. 2, 15.4") \
	R(REFUSE_SVM_DISABLED, "svm-disabled", \
	  "The firmware has switched SVM off", \
	  SVM_FIRMWARE_TODO, "APM vol. 2, 15.30.1") \
	R(REFUSE_SVM_LOCKED, "svm-locked", \
	  "The firmware has switched SVM off and locked that", \
	  SVM_FIRMWARE_TODO, "APM vol. 2, 15.30.1, 15.31") \
	R(REFUSE_SVM_HELD, "svm-held", \
	  "Another hypervisor holds SVM on this CPU: EFER.SVME is set", \
	  "Unload KVM (rmmod kvm_amd) or whichever it is. Linux 6.12 and later switch SVM on as " \
	  "soon as kvm_amd is loaded, and many systems load it at boot: blacklist it, or start " \
	  "with kvm.enable_virt_at_load=0", "APM vol. 2, 15.4") \
	R(REFUSE_NO_NESTED_PAGING, "no-nested-paging", \
	  "The processor has no nested paging", \
	  NESTED_TODO, "APM vol. 2, 15.25") \
	R(REFUSE_NO_ASID, "no-asid", \
	  "The processor has no address space identifiers for guests", \
	  NESTED_TODO, "APM vol. 2, 15.16") \
	R(REFUSE_SME, "sme", \
	  "The system encrypts its memory (SME), and swivl hands addresses to the processor that do " \
	  "not say so", \
	  "Start Linux with mem_encrypt=off; encryption by the firmware alone (TSME) is no hindrance", \
	  "APM vol. 2, 7.10, 15.25") \
	R(REFUSE_MIXED_CPUS, "mixed-cpus", \
	  "This CPU is not like the others", \
	  "Take it offline and load swivl again; update the firmware, for all CPUs need the " \
	  "same microcode", "SDM vol. 3, A") \
	R(REFUSE_NO_MEMORY, "no-memory", \
	  "There is not enough memory", \
	  "Free some and try again", "")

#define REFUSAL_ID(id, ...) id,
enum refusal { REFUSAL_LIST(REFUSAL_ID) REFUSALS };
#undef REFUSAL_ID

struct refusal_text {
	const char *name; /* stable, for programs: "vmx-locked-off" */
	const char *what; /* one sentence */
	const char *todo; /* what to do about it */
	const char *manual; /* "SDM vol. 3, 24.7" */
};

/* What is known when something is refused. */
struct refusal_report {
	enum refusal why;
	u32 cpu;
	u64 wanted; /* the bits asked for, or the value expected */
	u64 found; /* what the processor has */
	const char *field; /* name of the control or register, may be NULL */
};

/* "No" in one line; who asks about a CPU has put its number there already. */
static inline bool refuse(struct refusal_report *why, enum refusal reason, const char *field,
			  u64 wanted, u64 found)
{
	why->why = reason;
	why->field = field;
	why->wanted = wanted;
	why->found = found;
	return false;
}

/* Never NULL, also for numbers that are none. */
const struct refusal_text *refusal_text(enum refusal why);

#endif
