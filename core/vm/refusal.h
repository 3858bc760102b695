/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Every reason for "no" is one entry of one table: what is wrong, what to do, and where the
 * manual says so. The module prints it when it refuses to load, the command when it checks.
 * Pure: no host, no processor; also compiled into the command.
 */
#ifndef SWIVL_CORE_VM_REFUSAL_H
#define SWIVL_CORE_VM_REFUSAL_H

#include "core/types.h"

enum refusal {
	REFUSE_NOTHING,
	REFUSE_NO_VENDOR, /* neither Intel VT-x nor AMD-V in CPUID */
	REFUSE_VMX_CPUID,
	REFUSE_VMX_LOCKED_OFF,
	REFUSE_VMX_UNLOCKED_FAIL,
	REFUSE_VMX_HELD,
	REFUSE_CR0_FIXED,
	REFUSE_CR4_FIXED,
	REFUSE_VMXON_FAILED,
	REFUSE_VMX_REVISION,
	REFUSE_VMX_MEMORY_TYPE,
	REFUSE_VMX_REGION_SIZE,
	REFUSE_NO_SECONDARY,
	REFUSE_NO_EPT,
	REFUSE_EPT_LEVELS,
	REFUSE_EPT_MEMORY_TYPE,
	REFUSE_NO_INVEPT,
	REFUSE_NO_UNRESTRICTED,
	REFUSE_PIN_CONTROL,
	REFUSE_PRIMARY_CONTROL,
	REFUSE_SECONDARY_CONTROL,
	REFUSE_ENTRY_CONTROL,
	REFUSE_EXIT_CONTROL,
	REFUSE_NO_MSR_BITMAP,
	REFUSE_SVM_CPUID,
	REFUSE_SVM_NOT_YET,
	REFUSE_SVM_DISABLED,
	REFUSE_SVM_LOCKED,
	REFUSE_SVM_HELD,
	REFUSE_NO_NESTED_PAGING,
	REFUSE_NO_ASID,
	REFUSE_MIXED_CPUS,
	REFUSE_NO_MEMORY,
	REFUSALS,
};

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

/* Never NULL, also for numbers that are none. */
const struct refusal_text *refusal_text(enum refusal why);

#endif
