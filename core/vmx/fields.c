// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/vmx/fields.h"

struct field_name {
	u32 encoding;
	const char *name;
};

const char *vmcs_field_name(u32 encoding)
{
#define NAME(width, id, number, text) { number, text },
	static const struct field_name names[] = { VMCS_FIELDS(NAME) };
#undef NAME

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].encoding == encoding)
			return names[i].name;
	return "unknown field";
}

const char *vmx_error_name(u32 error)
{
	static const char *const names[] = {
		[0] = "no error",
		[1] = "VMCALL executed in VMX root operation",
		[2] = "VMCLEAR with invalid physical address",
		[3] = "VMCLEAR with VMXON pointer",
		[4] = "VMLAUNCH with non-clear VMCS",
		[5] = "VMRESUME with non-launched VMCS",
		[6] = "VMRESUME after VMXOFF",
		[7] = "VM entry with invalid control field(s)",
		[8] = "VM entry with invalid host-state field(s)",
		[9] = "VMPTRLD with invalid physical address",
		[10] = "VMPTRLD with VMXON pointer",
		[11] = "VMPTRLD with incorrect VMCS revision identifier",
		[12] = "VMREAD/VMWRITE from/to unsupported VMCS component",
		[13] = "VMWRITE to read-only VMCS component",
		[15] = "VMXON executed in VMX root operation",
		[16] = "VM entry with invalid executive-VMCS pointer",
		[17] = "VM entry with non-launched executive VMCS",
		[18] = "VM entry with executive-VMCS pointer not VMXON pointer",
		[19] = "VMCALL with non-clear VMCS",
		[20] = "VMCALL with invalid VM-exit control fields",
		[22] = "VMCALL with incorrect MSEG revision identifier",
		[23] = "VMXOFF under dual-monitor treatment of SMIs and SMM",
		[24] = "VMCALL with invalid SMM-monitor features",
		[25] = "VM entry with invalid VM-execution control fields in executive VMCS",
		[26] = "VM entry with events blocked by MOV SS",
		[28] = "invalid operand to INVEPT/INVVPID",
	};

	if (error < ARRAY_SIZE(names) && names[error])
		return names[error];
	return "unknown error";
}

const char *vmx_exit_name(u32 reason)
{
	static const char *const names[] = {
		"exception or NMI", "external interrupt", "triple fault", "INIT signal",
		"start-up IPI", "I/O SMI", "other SMI", "interrupt window", "NMI window",
		"task switch", "CPUID", "GETSEC", "HLT", "INVD", "INVLPG", "RDPMC", "RDTSC",
		"RSM", "VMCALL", "VMCLEAR", "VMLAUNCH", "VMPTRLD", "VMPTRST", "VMREAD",
		"VMRESUME", "VMWRITE", "VMXOFF", "VMXON", "control-register access", "MOV DR",
		"I/O instruction", "RDMSR", "WRMSR", "entry failure: invalid guest state",
		"entry failure: MSR loading", NULL, "MWAIT", "monitor trap flag", NULL,
		"MONITOR", "PAUSE", "entry failure: machine check", NULL,
		"TPR below threshold", "APIC access", "virtualized EOI", "access to GDTR or IDTR",
		"access to LDTR or TR", "EPT violation", "EPT misconfiguration", "INVEPT",
		"RDTSCP", "VMX-preemption timer expired", "INVVPID", "WBINVD or WBNOINVD",
		"XSETBV", "APIC write", "RDRAND", "INVPCID", "VMFUNC", "ENCLS", "RDSEED",
		"page-modification log full", "XSAVES", "XRSTORS",
	};

	if (reason < ARRAY_SIZE(names) && names[reason])
		return names[reason];
	return "unknown exit reason";
}
