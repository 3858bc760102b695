// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* VM-instruction errors (SDM vol. 3, 31.4) and exit reasons (25.9.1, appendix C): names, and in words. */
#include "core/rules/judge.h"

struct number {
	u16 number;
	const char *name, *words;
};

static const struct number errors[] = {
	{ 0, "no error", "no VM-instruction error was noted in this VMCS" },
	{ 1, "VMCALL executed in VMX root operation",
	  "VMCALL leaves a guest; in the hypervisor itself it fails, but where the dual-monitor "
	  "treatment of SMIs is to be activated" },
	{ 2, "VMCLEAR with invalid physical address",
	  "the address is not that of a page, or beyond the physical-address width, or above 4 GiB "
	  "where bit 48 of IA32_VMX_BASIC forbids it" },
	{ 3, "VMCLEAR with VMXON pointer", "the region of VMXON is no VMCS" },
	{ 4, "VMLAUNCH with non-clear VMCS",
	  "it was launched already (use VMRESUME), or was never made clear: VMCLEAR before the first "
	  "VMLAUNCH and before another processor uses it" },
	{ 5, "VMRESUME with non-launched VMCS",
	  "the first entry after VMCLEAR is made by VMLAUNCH, on this processor" },
	{ 6, "VMRESUME after VMXOFF",
	  "VMXOFF and VMXON came between VMLAUNCH and VMRESUME: VMCLEAR it, load it and launch it anew" },
	{ 7, "VM entry with invalid control field(s)",
	  "a VM-execution, VM-exit or VM-entry control breaks a rule, very often the bits that the "
	  "capability MSRs 481h to 493h demand and allow" },
	{ 8, "VM entry with invalid host-state field(s)",
	  "what the processor shall load at the exit breaks a rule: the host's CR0 and CR4, its "
	  "selectors, bases, MSRs, or \"host address-space size\"" },
	{ 9, "VMPTRLD with invalid physical address",
	  "the address is not that of a page, or beyond the physical-address width, or above 4 GiB "
	  "where bit 48 of IA32_VMX_BASIC forbids it" },
	{ 10, "VMPTRLD with VMXON pointer", "the region of VMXON is no VMCS" },
	{ 11, "VMPTRLD with incorrect VMCS revision identifier",
	  "bits 30:0 of the region's first four bytes have to be those of IA32_VMX_BASIC, bit 31 clear "
	  "unless it is a shadow VMCS and the processor has those" },
	{ 12, "VMREAD/VMWRITE from/to unsupported VMCS component",
	  "this processor has no field of that encoding" },
	{ 13, "VMWRITE to read-only VMCS component",
	  "fields with exit information can be written only where bit 29 of IA32_VMX_MISC says so" },
	{ 15, "VMXON executed in VMX root operation", "VMX operation is on already" },
	{ 16, "VM entry with invalid executive-VMCS pointer",
	  "an entry that leaves SMM: the pointer is no address of a page, or beyond the width" },
	{ 17, "VM entry with non-launched executive VMCS",
	  "an entry that leaves SMM to a guest whose VMCS was not launched" },
	{ 18, "VM entry with executive-VMCS pointer not VMXON pointer",
	  "an entry that deactivates the dual-monitor treatment goes to VMX root operation" },
	{ 19, "VMCALL with non-clear VMCS",
	  "it was to activate the dual-monitor treatment: the current VMCS has to be clear" },
	{ 20, "VMCALL with invalid VM-exit control fields",
	  "it was to activate the dual-monitor treatment" },
	{ 22, "VMCALL with incorrect MSEG revision identifier",
	  "it was to activate the dual-monitor treatment: MSEG's header has to have the identifier of "
	  "IA32_VMX_MISC" },
	{ 23, "VMXOFF under dual-monitor treatment of SMIs and SMM",
	  "the SMM monitor has to deactivate it before" },
	{ 24, "VMCALL with invalid SMM-monitor features",
	  "it was to activate the dual-monitor treatment: MSEG's header has unknown features" },
	{ 25, "VM entry with invalid VM-execution control fields in executive VMCS",
	  "an entry that leaves SMM" },
	{ 26, "VM entry with events blocked by MOV SS",
	  "an instruction that loads SS stood right before VMLAUNCH or VMRESUME" },
	{ 28, "invalid operand to INVEPT/INVVPID",
	  "a type that the processor does not support, or a descriptor with reserved bits, VPID 0 or "
	  "an address that is not canonical" },
};

static const struct number exits[] = {
	{ 0, "exception or NMI", "an exception that the exception bitmap selects, or an NMI" },
	{ 1, "external interrupt", "" },
	{ 2, "triple fault", "an exception while a double fault was delivered" },
	{ 3, "INIT signal", "" },
	{ 4, "start-up IPI", "a SIPI to a guest that waits for one" },
	{ 5, "I/O SMI", "" },
	{ 6, "other SMI", "" },
	{ 7, "interrupt window", "the guest takes interrupts now" },
	{ 8, "NMI window", "the guest takes NMIs now" },
	{ 9, "task switch", "" },
	{ 10, "CPUID", "" },
	{ 11, "GETSEC", "" },
	{ 12, "HLT", "" },
	{ 13, "INVD", "" },
	{ 14, "INVLPG", "" },
	{ 15, "RDPMC", "" },
	{ 16, "RDTSC", "" },
	{ 17, "RSM", "" },
	{ 18, "VMCALL", "" },
	{ 19, "VMCLEAR", "" },
	{ 20, "VMLAUNCH", "" },
	{ 21, "VMPTRLD", "" },
	{ 22, "VMPTRST", "" },
	{ 23, "VMREAD", "" },
	{ 24, "VMRESUME", "" },
	{ 25, "VMWRITE", "" },
	{ 26, "VMXOFF", "" },
	{ 27, "VMXON", "" },
	{ 28, "control-register access", "" },
	{ 29, "MOV DR", "" },
	{ 30, "I/O instruction", "" },
	{ 31, "RDMSR", "" },
	{ 32, "WRMSR", "" },
	{ 33, "entry failure: invalid guest state",
	  "the guest-state area breaks a rule; the exit qualification is 2 for the PDPTEs, 3 for an NMI "
	  "injected into blocking by STI, 4 for the VMCS link pointer, and 0 for all else" },
	{ 34, "entry failure: MSR loading",
	  "an entry of the VM-entry MSR-load area breaks a rule; the exit qualification is its place, "
	  "from 1" },
	{ 36, "MWAIT", "" },
	{ 37, "monitor trap flag", "" },
	{ 39, "MONITOR", "" },
	{ 40, "PAUSE", "" },
	{ 41, "entry failure: machine check", "a machine-check event during the entry" },
	{ 43, "TPR below threshold", "" },
	{ 44, "APIC access", "" },
	{ 45, "virtualized EOI", "" },
	{ 46, "access to GDTR or IDTR", "" },
	{ 47, "access to LDTR or TR", "" },
	{ 48, "EPT violation", "an access that the EPT entries do not permit, or that they do not map" },
	{ 49, "EPT misconfiguration", "an EPT entry has reserved bits, or a combination that is none" },
	{ 50, "INVEPT", "" },
	{ 51, "RDTSCP", "" },
	{ 52, "VMX-preemption timer expired", "" },
	{ 53, "INVVPID", "" },
	{ 54, "WBINVD or WBNOINVD", "" },
	{ 55, "XSETBV", "" },
	{ 56, "APIC write", "" },
	{ 57, "RDRAND", "" },
	{ 58, "INVPCID", "" },
	{ 59, "VMFUNC", "a VM function that is not enabled, or that failed" },
	{ 60, "ENCLS", "" },
	{ 61, "RDSEED", "" },
	{ 62, "page-modification log full", "" },
	{ 63, "XSAVES", "" },
	{ 64, "XRSTORS", "" },
	{ 65, "PCONFIG", "" },
	{ 66, "sub-page-permission event", "a miss or a misconfiguration in the SPP table" },
	{ 67, "UMWAIT", "" },
	{ 68, "TPAUSE", "" },
	{ 69, "LOADIWKEY", "" },
	{ 70, "ENCLV", "" },
	{ 72, "ENQCMD PASID translation failure", "" },
	{ 73, "ENQCMDS PASID translation failure", "" },
	{ 74, "bus lock", "" },
	{ 75, "instruction timeout", "no instruction boundary came within the set time" },
	{ 76, "SEAMCALL", "" },
	{ 77, "TDCALL", "" },
	{ 78, "RDMSRLIST", "" },
	{ 79, "WRMSRLIST", "" },
	{ 80, "URDMSR", "" },
	{ 81, "UWRMSR", "" },
};

static const struct number *find(const struct number *list, unsigned int count, unsigned int number)
{
	for (unsigned int i = 0; i < count; i++)
		if (list[i].number == number)
			return &list[i];
	return NULL;
}

const char *rules_vmx_error_name(unsigned int error)
{
	const struct number *n = find(errors, ARRAY_SIZE(errors), error);

	return n ? n->name : "unknown error";
}

const char *rules_vmx_error_words(unsigned int error)
{
	const struct number *n = find(errors, ARRAY_SIZE(errors), error);

	return n ? n->words : "";
}

const char *rules_vmx_exit_name(unsigned int reason)
{
	const struct number *n = find(exits, ARRAY_SIZE(exits), reason & 0xffff);

	return n ? n->name : "unknown exit reason";
}

const char *rules_vmx_exit_words(unsigned int reason)
{
	const struct number *n = find(exits, ARRAY_SIZE(exits), reason & 0xffff);

	return n ? n->words : "";
}
