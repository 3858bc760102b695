// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Exit codes (APM vol. 2, appendix C) in words. */
#include "core/svm/svm.h"

static const char *const names[CODES] = {
	[CODE_READ_CR0 ... CODE_WRITE_CR0 - 1] = "read of a control register",
	[CODE_WRITE_CR0 ... CODE_READ_DR0 - 1] = "write of a control register",
	[CODE_READ_DR0 ... CODE_WRITE_DR0 - 1] = "read of a debug register",
	[CODE_WRITE_DR0 ... CODE_EXCEPTION - 1] = "write of a debug register",
	[CODE_EXCEPTION ... CODE_EXCEPTION + 31] = "exception",
	[CODE_INTR] = "physical interrupt",
	[CODE_NMI] = "physical NMI",
	[CODE_SMI] = "physical SMI",
	[CODE_INIT] = "physical INIT",
	[CODE_VINTR] = "virtual interrupt",
	[CODE_RDTSC] = "RDTSC",
	[CODE_RDPMC] = "RDPMC",
	[CODE_CPUID] = "CPUID",
	[CODE_RSM] = "RSM",
	[CODE_IRET] = "IRET",
	[CODE_INVD] = "INVD",
	[CODE_HLT] = "HLT",
	[CODE_INVLPG] = "INVLPG",
	[CODE_INVLPGA] = "INVLPGA",
	[CODE_IOIO] = "I/O instruction",
	[CODE_MSR] = "RDMSR or WRMSR",
	[CODE_TASK_SWITCH] = "task switch",
	[CODE_FERR_FREEZE] = "FERR freeze",
	[CODE_SHUTDOWN] = "shutdown",
	[CODE_VMRUN] = "VMRUN",
	[CODE_VMMCALL] = "VMMCALL",
	[CODE_VMLOAD] = "VMLOAD",
	[CODE_VMSAVE] = "VMSAVE",
	[CODE_STGI] = "STGI",
	[CODE_CLGI] = "CLGI",
	[CODE_SKINIT] = "SKINIT",
	[CODE_RDTSCP] = "RDTSCP",
	[CODE_ICEBP] = "INT1",
	[CODE_WBINVD] = "WBINVD or WBNOINVD",
	[CODE_MONITOR] = "MONITOR",
	[CODE_MWAIT] = "MWAIT",
	[CODE_XSETBV] = "XSETBV",
	[CODE_RDPRU] = "RDPRU",
};

const char *svm_exit_name(u64 code)
{
	if (code == CODE_NESTED_FAULT)
		return "nested page fault";
	if (code == CODE_INVALID)
		return "invalid guest state";
	return code < CODES && names[code] ? names[code] : "unknown exit code";
}
