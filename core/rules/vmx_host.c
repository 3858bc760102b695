// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Intel: the host-state area (SDM vol. 3, 27.2.2 and 27.2.3) and the address-space size (27.2.4). */
#include "core/rules/vmx.h"

#define E8 RULES_VM_ERROR(8)
#define LONG_HOST exits(j, EXITS_HOST_LONG_MODE)

/* ES CS SS DS FS GS TR stand in this order. */
#define HOST_SELECTORS 0x7f

#define HOST_RULES(R) \
	R(301, E8, 1, "host.cr0", "27.2.2", \
	  fixed_bits(V(HOST_CR0), MSR(IA32_VMX_CR0_FIXED0), MSR(IA32_VMX_CR0_FIXED1), 0), \
	  "host CR0 has the bits that VMX operation demands, and no others than it allows") \
	R(302, E8, 1, "host.cr4", "27.2.2", \
	  fixed_bits(V(HOST_CR4), MSR(IA32_VMX_CR4_FIXED0), MSR(IA32_VMX_CR4_FIXED1), 0), \
	  "host CR4 has the bits that VMX operation demands (VMXE is one), and no others than it " \
	  "allows") \
	R(303, E8, 1, "host.cet-wp", "27.2.2", \
	  !(V(HOST_CR4) & CR4_CET) || (V(HOST_CR0) & CR0_WP), \
	  "host CR4.CET needs host CR0.WP") \
	R(304, E8, 1, "host.cr3", "27.2.2", in_width(j, V(HOST_CR3)), \
	  "host CR3 is within the physical-address width") \
	R(305, E8, 1, "host.sysenter-esp", "27.2.2", canonical(j, V(HOST_SYSENTER_ESP)), \
	  "host IA32_SYSENTER_ESP is canonical") \
	R(306, E8, 1, "host.sysenter-eip", "27.2.2", canonical(j, V(HOST_SYSENTER_EIP)), \
	  "host IA32_SYSENTER_EIP is canonical") \
	R(307, E8, 1, "host.perf-global", "27.2.2", \
	  !exits(j, EXITS_LOAD_PERF_GLOBAL) || \
		  !(V(HOST_PERF_GLOBAL_CTRL) & ~FACT(RULES_PERF_GLOBAL_BITS)), \
	  "host IA32_PERF_GLOBAL_CTRL, where it is loaded, has no reserved bit set") \
	R(308, E8, 1, "host.pat", "27.2.2", !exits(j, EXITS_LOAD_PAT) || pat_types(V(HOST_PAT)), \
	  "each byte of host IA32_PAT, where it is loaded, is 0, 1, 4, 5, 6 or 7") \
	R(309, E8, 1, "host.efer-reserved", "27.2.2", \
	  !exits(j, EXITS_LOAD_EFER) || !(V(HOST_EFER) & ~FACT_OR(RULES_EFER_BITS, EFER_KNOWN)), \
	  "host IA32_EFER, where it is loaded, has no reserved bit set") \
	R(310, E8, 1, "host.efer-lma", "27.2.2", \
	  !exits(j, EXITS_LOAD_EFER) || !(V(HOST_EFER) & EFER_LMA) == !LONG_HOST, \
	  "LMA of host IA32_EFER, where it is loaded, is \"host address-space size\"") \
	R(311, E8, 1, "host.efer-lme", "27.2.2", \
	  !exits(j, EXITS_LOAD_EFER) || !(V(HOST_EFER) & EFER_LME) == !LONG_HOST, \
	  "LME of host IA32_EFER, where it is loaded, is \"host address-space size\"") \
	R(312, E8, 1, "host.s-cet", "27.2.2", \
	  !exits(j, EXITS_LOAD_CET) || s_cet(V(HOST_S_CET)), \
	  "host IA32_S_CET, where it is loaded, has no reserved bit set and not both of SUPPRESS " \
	  "and TRACKER") \
	R(313, E8, 1, "host.ssp-table", "27.2.2", \
	  !exits(j, EXITS_LOAD_CET) || canonical(j, V(HOST_SSP_TABLE)), \
	  "host IA32_INTERRUPT_SSP_TABLE_ADDR, where it is loaded, is canonical") \
	R(314, E8, 1, "host.ssp", "27.2.2", !exits(j, EXITS_LOAD_CET) || !(V(HOST_SSP) & 3), \
	  "bits 1:0 of host SSP, where it is loaded, are 0") \
	R(315, E8, 1, "host.pkrs", "27.2.2", !exits(j, EXITS_LOAD_PKRS) || !(V(HOST_PKRS) >> 32), \
	  "bits 63:32 of host IA32_PKRS, where it is loaded, are 0") \
	R(321, E8, HOST_SELECTORS, "host.selector", "27.2.3", \
	  !(rules_value(j, AT_HOST_ES_SELECTOR + i) & 7), \
	  "RPL and TI of the host's selectors are 0") \
	R(322, E8, 1, "host.cs", "27.2.3", V(HOST_CS_SELECTOR), "the host's CS selector is not 0") \
	R(323, E8, 1, "host.tr", "27.2.3", V(HOST_TR_SELECTOR), "the host's TR selector is not 0") \
	R(324, E8, 1, "host.ss", "27.2.3", LONG_HOST || V(HOST_SS_SELECTOR), \
	  "the host's SS selector is not 0 without \"host address-space size\"") \
	R(325, E8, 0x1f, "host.base", "27.2.3", \
	  canonical(j, rules_value(j, AT_HOST_FS_BASE + i)), \
	  "the host's FS, GS, TR, GDTR and IDTR bases are canonical") \
	R(331, E8, 1, "host.size-legacy", "27.2.4", \
	  (FACT_OR(RULES_ROOT_EFER, EFER_LMA) & EFER_LMA) || \
		  (!LONG_HOST && !entry(j, ENTRY_LONG_MODE)), \
	  "outside of IA-32e mode, \"host address-space size\" and \"IA-32e mode guest\" are 0") \
	R(332, E8, 1, "host.size-long", "27.2.4", \
	  !(FACT_OR(RULES_ROOT_EFER, 0) & EFER_LMA) || LONG_HOST, \
	  "in IA-32e mode, \"host address-space size\" is 1") \
	R(333, E8, 1, "host.size-guest", "27.2.4", LONG_HOST || !entry(j, ENTRY_LONG_MODE), \
	  "\"IA-32e mode guest\" needs \"host address-space size\"") \
	R(334, E8, 1, "host.size-pcid", "27.2.4", LONG_HOST || !(V(HOST_CR4) & CR4_PCIDE), \
	  "host CR4.PCIDE needs \"host address-space size\"") \
	R(335, E8, 1, "host.size-rip", "27.2.4", LONG_HOST || !(V(HOST_RIP) >> 32), \
	  "bits 63:32 of host RIP are 0 without \"host address-space size\"") \
	R(336, E8, 1, "host.size-pae", "27.2.4", !LONG_HOST || (V(HOST_CR4) & CR4_PAE), \
	  "\"host address-space size\" needs host CR4.PAE") \
	R(337, E8, 1, "host.rip", "27.2.4", !LONG_HOST || canonical(j, V(HOST_RIP)), \
	  "host RIP is canonical with \"host address-space size\"") \
	R(338, E8, 1, "host.size-cet", "27.2.4", \
	  !exits(j, EXITS_LOAD_CET) || \
		  (LONG_HOST ? canonical(j, V(HOST_S_CET)) && canonical(j, V(HOST_SSP)) : \
			       !(V(HOST_S_CET) >> 32) && !(V(HOST_SSP) >> 32)), \
	  "host IA32_S_CET and SSP, where they are loaded, are canonical with \"host address-space " \
	  "size\", and their bits 63:32 are 0 without it")

RULES_DEFINE(vmx_host_rules, HOST_RULES)
