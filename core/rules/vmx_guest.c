// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Intel: the guest-state area but for the segment registers: control and debug registers and MSRs
 * (SDM vol. 3, 27.3.1.1), descriptor tables (27.3.1.3), RIP, RFLAGS and SSP (27.3.1.4), state that
 * is in no register (27.3.1.5), PDPTEs (27.3.1.6); and the MSRs that the entry loads (27.4).
 */
#include "core/rules/vmx.h"

/* These three the entry does not change, or has no say about with an unrestricted guest. */
static u64 free_cr0(struct rules_judge *j)
{
	return CR0_NW | CR0_CD | (unrestricted(j) ? CR0_PE | CR0_PG : 0);
}

/* BTF is bit 1, LBR bit 0; 5:2 and 63:16 are reserved on all processors (18.4.1). */
#define DEBUGCTL_KNOWN 0xffc3ull
#define LBR_CTL_RESERVED 0xffffffffff80fff0ull

#define REGISTER_RULES(R) \
	R(401, EXIT_BAD_STATE, 1, "guest.cr0", "27.3.1.1", \
	  fixed_bits(V(GUEST_CR0), MSR(IA32_VMX_CR0_FIXED0), MSR(IA32_VMX_CR0_FIXED1), \
		     free_cr0(j)), \
	  "guest CR0 has the bits that VMX operation demands (PE and PG not with \"unrestricted " \
	  "guest\"), and no others than it allows") \
	R(402, EXIT_BAD_STATE, 1, "guest.cr0-pg", "27.3.1.1", \
	  !(V(GUEST_CR0) & CR0_PG) || (V(GUEST_CR0) & CR0_PE), "guest CR0.PG needs CR0.PE") \
	R(403, EXIT_BAD_STATE, 1, "guest.cr4", "27.3.1.1", \
	  fixed_bits(V(GUEST_CR4), MSR(IA32_VMX_CR4_FIXED0), MSR(IA32_VMX_CR4_FIXED1), 0), \
	  "guest CR4 has the bits that VMX operation demands (VMXE is one), and no others than it " \
	  "allows") \
	R(404, EXIT_BAD_STATE, 1, "guest.cet-wp", "27.3.1.1", \
	  !(V(GUEST_CR4) & CR4_CET) || (V(GUEST_CR0) & CR0_WP), \
	  "guest CR4.CET needs guest CR0.WP") \
	R(405, EXIT_BAD_STATE, 1, "guest.debugctl", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_DEBUG) || \
		  !(V(GUEST_DEBUGCTL) & ~FACT_OR(RULES_DEBUGCTL_BITS, DEBUGCTL_KNOWN)), \
	  "guest IA32_DEBUGCTL, where it is loaded, has no reserved bit set") \
	R(406, EXIT_BAD_STATE, 1, "guest.long-pg", "27.3.1.1", \
	  !long_guest(j) || (V(GUEST_CR0) & CR0_PG), "\"IA-32e mode guest\" needs guest CR0.PG") \
	R(407, EXIT_BAD_STATE, 1, "guest.long-pae", "27.3.1.1", \
	  !long_guest(j) || (V(GUEST_CR4) & CR4_PAE), "\"IA-32e mode guest\" needs guest CR4.PAE") \
	R(408, EXIT_BAD_STATE, 1, "guest.pcid", "27.3.1.1", \
	  long_guest(j) || !(V(GUEST_CR4) & CR4_PCIDE), \
	  "guest CR4.PCIDE needs \"IA-32e mode guest\"") \
	R(409, EXIT_BAD_STATE, 1, "guest.cr3", "27.3.1.1", in_width(j, V(GUEST_CR3)), \
	  "guest CR3 is within the physical-address width") \
	R(410, EXIT_BAD_STATE, 1, "guest.dr7", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_DEBUG) || !(V(GUEST_DR7) >> 32), \
	  "bits 63:32 of guest DR7, where it is loaded, are 0") \
	R(411, EXIT_BAD_STATE, 1, "guest.sysenter-esp", "27.3.1.1", \
	  canonical(j, V(GUEST_SYSENTER_ESP)), "guest IA32_SYSENTER_ESP is canonical") \
	R(412, EXIT_BAD_STATE, 1, "guest.sysenter-eip", "27.3.1.1", \
	  canonical(j, V(GUEST_SYSENTER_EIP)), "guest IA32_SYSENTER_EIP is canonical") \
	R(413, EXIT_BAD_STATE, 1, "guest.s-cet", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_CET) || s_cet(V(GUEST_S_CET)), \
	  "guest IA32_S_CET, where it is loaded, has no reserved bit set and not both of SUPPRESS " \
	  "and TRACKER") \
	R(414, EXIT_BAD_STATE, 1, "guest.ssp-table", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_CET) || canonical(j, V(GUEST_SSP_TABLE)), \
	  "guest IA32_INTERRUPT_SSP_TABLE_ADDR, where it is loaded, is canonical") \
	R(415, EXIT_BAD_STATE, 1, "guest.perf-global", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_PERF_GLOBAL) || \
		  !(V(GUEST_PERF_GLOBAL_CTRL) & ~FACT(RULES_PERF_GLOBAL_BITS)), \
	  "guest IA32_PERF_GLOBAL_CTRL, where it is loaded, has no reserved bit set") \
	R(416, EXIT_BAD_STATE, 1, "guest.pat", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_PAT) || pat_types(V(GUEST_PAT)), \
	  "each byte of guest IA32_PAT, where it is loaded, is 0, 1, 4, 5, 6 or 7") \
	R(417, EXIT_BAD_STATE, 1, "guest.efer-reserved", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_EFER) || !(V(GUEST_EFER) & ~FACT_OR(RULES_EFER_BITS, EFER_KNOWN)), \
	  "guest IA32_EFER, where it is loaded, has no reserved bit set") \
	R(418, EXIT_BAD_STATE, 1, "guest.efer-lma", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_EFER) || !(V(GUEST_EFER) & EFER_LMA) == !long_guest(j), \
	  "LMA of guest IA32_EFER, where it is loaded, is \"IA-32e mode guest\"") \
	R(419, EXIT_BAD_STATE, 1, "guest.efer-lme", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_EFER) || !(V(GUEST_CR0) & CR0_PG) || \
		  !(V(GUEST_EFER) & EFER_LMA) == !(V(GUEST_EFER) & EFER_LME), \
	  "LMA and LME of guest IA32_EFER, where it is loaded, are the same with CR0.PG") \
	R(420, EXIT_BAD_STATE, 1, "guest.bndcfgs", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_BNDCFGS) || \
		  (!RANGE(V(GUEST_BNDCFGS), 2, 11) && canonical(j, V(GUEST_BNDCFGS) & ~0xfffull)), \
	  "guest IA32_BNDCFGS, where it is loaded, has bits 11:2 clear and a canonical base") \
	R(421, EXIT_BAD_STATE, 1, "guest.lbr-ctl", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_LBR_CTL) || !(V(GUEST_LBR_CTL) & LBR_CTL_RESERVED), \
	  "guest IA32_LBR_CTL, where it is loaded, has no reserved bit set") \
	R(422, EXIT_BAD_STATE, 1, "guest.pkrs", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_PKRS) || !(V(GUEST_PKRS) >> 32), \
	  "bits 63:32 of guest IA32_PKRS, where it is loaded, are 0") \
	R(423, EXIT_BAD_STATE, 1, "guest.uinv", "27.3.1.1", \
	  !entry(j, ENTRY_LOAD_UINV) || V(GUEST_UINV) <= 255, \
	  "bits 15:8 of guest UINV, where it is loaded, are 0")

RULES_DEFINE(vmx_guest_rules, REGISTER_RULES)

static bool code64(struct rules_judge *j)
{
	return long_guest(j) && AR_L(V(GUEST_CS_ACCESS_RIGHTS));
}

/* The bits that no linear address has are the same; not the rest of what canonical means. */
static bool rip_bits(struct rules_judge *j, u64 rip)
{
	unsigned int width = FACT_OR(RULES_LINEAR_BITS, 48) == 57 ? 57 : 48;

	return !(rip >> width) || rip >> width == ALL_ONES >> width;
}

static bool rflags_reserved(u64 rflags)
{
	return !(rflags & ~RFLAGS_DEFINED) && (rflags & RFLAGS_ONE);
}

static bool activity_exists(struct rules_judge *j)
{
	u64 activity = V(GUEST_ACTIVITY);

	return !activity ||
	       (activity <= ACTIVITY_WAIT_SIPI && (MSR(IA32_VMX_MISC) >> (5 + activity) & 1));
}

/* What may be injected while the guest does not execute instructions. */
static bool activity_event(struct rules_judge *j)
{
	u64 activity = V(GUEST_ACTIVITY);
	u32 type, vector;

	if (!activity || activity > ACTIVITY_WAIT_SIPI || !injects(j))
		return true;
	type = injected_type(j);
	vector = injected_vector(j);
	switch (activity) {
	case 1: /* HLT */
		return type == INTR_EXTERNAL || type == INTR_NMI ||
		       (type == INTR_HARDWARE_EXCEPTION &&
			(vector == VECTOR_DB || vector == VECTOR_MC)) ||
		       (type == INTR_OTHER_EVENT && !vector);
	case 2: /* shutdown */
		return type == INTR_NMI || (type == INTR_HARDWARE_EXCEPTION && vector == VECTOR_MC);
	default:
		return false;
	}
}

#define STI (1u << 0)
#define MOV_SS (1u << 1)
#define SMI (1u << 2)
#define NMI (1u << 3)
#define ENCLAVE (1u << 4)
#define BLOCKED(bits) (V(GUEST_INTERRUPTIBILITY) & (bits))

#define PENDING_BS (1ull << 14)
#define PENDING_RTM (1ull << 16)
#define PENDING_ENABLED (1ull << 12)
#define PENDING_BUS_LOCK (1ull << 11)
static u64 pending_reserved(struct rules_judge *j)
{
	u64 known = 0xf | PENDING_ENABLED | PENDING_BS | PENDING_RTM;

	if ((V(GUEST_PENDING_DEBUG) & PENDING_BUS_LOCK) && FACT_OR(RULES_HAS_BUS_LOCK, 0))
		known |= PENDING_BUS_LOCK;
	return V(GUEST_PENDING_DEBUG) & ~known;
}

/* A single-step trap waits exactly where one is due: 27.3.1.5. */
static bool pending_step(struct rules_judge *j)
{
	bool due;

	if (!BLOCKED(STI | MOV_SS) && V(GUEST_ACTIVITY) != 1)
		return true;
	due = (V(GUEST_RFLAGS) & RFLAGS_TF) && !(V(GUEST_DEBUGCTL) & DEBUGCTL_BTF);
	return !(V(GUEST_PENDING_DEBUG) & PENDING_BS) == !due;
}

static bool pending_rtm(struct rules_judge *j)
{
	u64 pending = V(GUEST_PENDING_DEBUG);

	return !(pending & PENDING_RTM) ||
	       (!(pending & 0xfff) && (pending & PENDING_ENABLED) && FACT(RULES_HAS_RTM) &&
		!BLOCKED(MOV_SS));
}

#define LINKED (V(VMCS_LINK_POINTER) != ALL_ONES)

static bool linked_revision(struct rules_judge *j)
{
	u64 word;

	if (!LINKED)
		return true;
	word = FACT(RULES_LINKED_VMCS);
	return BASIC_REVISION(word) == BASIC_REVISION(MSR(IA32_VMX_BASIC)) &&
	       !(word >> 31 & 1) == !secondary(j, SECONDARY_SHADOWING);
}

/* PAE paging: those of the VMCS with EPT, else those in memory (27.3.1.6). */
static bool pdpte(struct rules_judge *j, unsigned int i)
{
	u64 entry;

	if (!(V(GUEST_CR0) & CR0_PG) || !(V(GUEST_CR4) & CR4_PAE) || long_guest(j))
		return true;
	entry = rules_value(j, secondary(j, SECONDARY_EPT) ? AT_GUEST_PDPTE_0 + i :
				       RULES_VMX_FACT(RULES_PDPTE_0 + i));
	return !(entry & 1) || (!(entry & 0x1e6) && in_width(j, entry));
}

#define OTHER_RULES(R) \
	R(501, EXIT_BAD_STATE, 1, "guest.gdtr-base", "27.3.1.3", \
	  canonical(j, V(GUEST_GDTR_BASE)), "guest GDTR's base is canonical") \
	R(502, EXIT_BAD_STATE, 1, "guest.idtr-base", "27.3.1.3", \
	  canonical(j, V(GUEST_IDTR_BASE)), "guest IDTR's base is canonical") \
	R(503, EXIT_BAD_STATE, 1, "guest.gdtr-limit", "27.3.1.3", !(V(GUEST_GDTR_LIMIT) >> 16), \
	  "bits 31:16 of guest GDTR's limit are 0") \
	R(504, EXIT_BAD_STATE, 1, "guest.idtr-limit", "27.3.1.3", !(V(GUEST_IDTR_LIMIT) >> 16), \
	  "bits 31:16 of guest IDTR's limit are 0") \
	R(511, EXIT_BAD_STATE, 1, "guest.rip-32", "27.3.1.4", code64(j) || !(V(GUEST_RIP) >> 32), \
	  "bits 63:32 of guest RIP are 0 outside of 64-bit code") \
	R(512, EXIT_BAD_STATE, 1, "guest.rip-64", "27.3.1.4", \
	  !code64(j) || rip_bits(j, V(GUEST_RIP)), \
	  "the bits of guest RIP above the linear-address width are all the same in 64-bit code") \
	R(513, EXIT_BAD_STATE, 1, "guest.rflags-reserved", "27.3.1.4", \
	  rflags_reserved(V(GUEST_RFLAGS)), \
	  "guest RFLAGS has bit 1 set and bits 63:22, 15, 5 and 3 clear") \
	R(514, EXIT_BAD_STATE, 1, "guest.rflags-vm", "27.3.1.4", \
	  !(V(GUEST_RFLAGS) & RFLAGS_VM) || (!long_guest(j) && (V(GUEST_CR0) & CR0_PE)), \
	  "guest RFLAGS.VM is 0 in IA-32e mode and in real mode") \
	R(515, EXIT_BAD_STATE, 1, "guest.rflags-if", "27.3.1.4", \
	  !injects_type(j, INTR_EXTERNAL) || (V(GUEST_RFLAGS) & RFLAGS_IF), \
	  "guest RFLAGS.IF is 1 where an external interrupt is injected") \
	R(516, EXIT_BAD_STATE, 1, "guest.ssp", "27.3.1.4", \
	  !entry(j, ENTRY_LOAD_CET) || \
		  (!(V(GUEST_SSP) & 3) && \
		   (code64(j) ? rip_bits(j, V(GUEST_SSP)) : !(V(GUEST_SSP) >> 32))), \
	  "guest SSP, where it is loaded, is aligned to 4 bytes, its bits 63:32 are 0 outside of " \
	  "64-bit code and those above the linear-address width are all the same in it") \
	R(521, EXIT_BAD_STATE, 1, "guest.activity", "27.3.1.5", activity_exists(j), \
	  "the activity state is 0 to 3 and one that IA32_VMX_MISC has") \
	R(522, EXIT_BAD_STATE, 1, "guest.activity-hlt", "27.3.1.5", \
	  V(GUEST_ACTIVITY) != 1 || !AR_DPL(V(GUEST_SS_ACCESS_RIGHTS)), \
	  "the activity state HLT needs an SS with DPL 0") \
	R(523, EXIT_BAD_STATE, 1, "guest.activity-blocked", "27.3.1.5", \
	  !V(GUEST_ACTIVITY) || !BLOCKED(STI | MOV_SS), \
	  "the activity state is active where there is blocking by STI or by MOV SS") \
	R(524, EXIT_BAD_STATE, 1, "guest.activity-event", "27.3.1.5", activity_event(j), \
	  "the event to inject is one that the activity state lets through") \
	R(525, EXIT_BAD_STATE, 1, "guest.activity-smm", "27.3.1.5", \
	  V(GUEST_ACTIVITY) != ACTIVITY_WAIT_SIPI || !entry(j, ENTRY_SMM), \
	  "the activity state is not wait-for-SIPI for an entry to SMM") \
	R(531, EXIT_BAD_STATE, 1, "guest.blocking-reserved", "27.3.1.5", \
	  !(V(GUEST_INTERRUPTIBILITY) >> 5), "bits 31:5 of the interruptibility state are 0") \
	R(532, EXIT_BAD_STATE, 1, "guest.blocking-both", "27.3.1.5", \
	  BLOCKED(STI | MOV_SS) != (STI | MOV_SS), \
	  "there is not blocking by STI and by MOV SS at once") \
	R(533, EXIT_BAD_STATE, 1, "guest.blocking-sti-if", "27.3.1.5", \
	  !BLOCKED(STI) || (V(GUEST_RFLAGS) & RFLAGS_IF), "blocking by STI needs RFLAGS.IF") \
	R(534, EXIT_BAD_STATE, 1, "guest.blocking-interrupt", "27.3.1.5", \
	  !injects_type(j, INTR_EXTERNAL) || !BLOCKED(STI | MOV_SS), \
	  "an external interrupt is not injected into blocking by STI or by MOV SS") \
	R(535, EXIT_BAD_STATE, 1, "guest.blocking-nmi-mov-ss", "27.3.1.5", \
	  !injects_type(j, INTR_NMI) || !BLOCKED(MOV_SS), \
	  "an NMI is not injected into blocking by MOV SS") \
	R(536, EXIT_BAD_STATE, 1, "guest.blocking-smi", "27.3.1.5", in_smm(j) || !BLOCKED(SMI), \
	  "there is blocking by SMI only in system-management mode") \
	R(537, EXIT_BAD_STATE, 1, "guest.blocking-smm", "27.3.1.5", \
	  !entry(j, ENTRY_SMM) || BLOCKED(SMI), "an entry to SMM needs blocking by SMI") \
	R(538, EXIT_BAD_STATE, 1, "guest.blocking-nmi", "27.3.1.5", \
	  !pin(j, PIN_VIRTUAL_NMIS) || !injects_type(j, INTR_NMI) || !BLOCKED(NMI), \
	  "with \"virtual NMIs\", an NMI is not injected into blocking by NMI") \
	R(539, EXIT_BAD_STATE, 1, "guest.blocking-enclave", "27.3.1.5", \
	  !BLOCKED(ENCLAVE) || (!BLOCKED(MOV_SS) && FACT(RULES_HAS_SGX)), \
	  "\"enclave interruption\" needs SGX and no blocking by MOV SS") \
	R(541, EXIT_BAD_STATE, 1, "guest.pending-reserved", "27.3.1.5", !pending_reserved(j), \
	  "bits 10:4, 13, 15 and 63:17 of the pending debug exceptions are 0, bit 11 too without " \
	  "bus-lock detection") \
	R(542, EXIT_BAD_STATE, 1, "guest.pending-step", "27.3.1.5", pending_step(j), \
	  "where there is blocking by STI or MOV SS, or the activity state is HLT, BS of the pending " \
	  "debug exceptions is 1 if and only if RFLAGS.TF is 1 and IA32_DEBUGCTL.BTF is 0") \
	R(543, EXIT_BAD_STATE, 1, "guest.pending-rtm", "27.3.1.5", pending_rtm(j), \
	  "RTM of the pending debug exceptions needs a processor with RTM, bits 11:0 clear, bit 12 " \
	  "set and no blocking by MOV SS") \
	R(551, EXIT_BAD_STATE, 1, "guest.link-address", "27.3.1.5", \
	  !LINKED || vmx_page(j, V(VMCS_LINK_POINTER)), \
	  "the VMCS link pointer is all ones, or the address of a page within the physical-address " \
	  "width") \
	R(552, EXIT_BAD_STATE, 1, "guest.link-revision", "27.3.1.5", linked_revision(j), \
	  "what the VMCS link pointer leads to has this processor's revision identifier, and bit 31 " \
	  "as \"VMCS shadowing\"") \
	R(553, EXIT_BAD_STATE, 1, "guest.link-current", "27.3.1.5", \
	  !LINKED || in_smm(j) || V(VMCS_LINK_POINTER) != FACT_OR(RULES_VMCS_ADDRESS, ALL_ONES), \
	  "the VMCS link pointer is not the current VMCS") \
	R(561, EXIT_BAD_STATE, 0xf, "guest.pdpte", "27.3.1.6", pdpte(j, i), \
	  "with PAE paging, a PDPTE that is present has bits 8:5, 2:1 and those above the " \
	  "physical-address width clear")

RULES_DEFINE(vmx_other_rules, OTHER_RULES)

/* What the entry never loads, whatever the value (27.4). Those of FS and GS are VMCS fields. */
static bool loadable(struct rules_judge *j, const struct rules_msr *m)
{
	return m->index != IA32_FS_BASE && m->index != IA32_GS_BASE && m->index >> 8 != 8 &&
	       (m->index != 0x9b || in_smm(j)) && m->index != 0x79;
}

static bool all_loads(struct rules_judge *j, bool (*good)(struct rules_judge *, const struct rules_msr *))
{
	const struct rules_vmx_state *s = j->state;
	u64 count = V(ENTRY_MSR_LOAD_COUNT);

	if (!count)
		return true;
	if (!s->entry_load || s->entry_loads < count) {
		V(ENTRY_MSR_LOAD_ADDRESS);
		rules_missing(j, RULES_VMX_FACT(RULES_ENTRY_AREA));
	}
	for (u64 n = 0; n < count && s->entry_load && n < s->entry_loads; n++)
		if (!good(j, &s->entry_load[n]))
			return rules_broken(j, n < 255 ? (u8)n : 255);
	return true;
}

static bool no_reserved(struct rules_judge *j, const struct rules_msr *m)
{
	(void)j;
	return !m->reserved;
}

/* WRMSR would fault on these values (vol. 4); of the MSRs that hypervisors load, the known ones. */
static bool value_fits(struct rules_judge *j, const struct rules_msr *m)
{
	switch (m->index) {
	case IA32_EFER: /* LME does not change while the guest pages, which it does by now */
		return !(m->value & ~FACT_OR(RULES_EFER_BITS, EFER_KNOWN)) &&
		       (!(V(GUEST_CR0) & CR0_PG) || !(m->value & EFER_LME) == !long_guest(j));
	case IA32_PAT:
		return pat_types(m->value);
	case IA32_SYSENTER_ESP:
	case IA32_SYSENTER_EIP:
	case IA32_LSTAR:
	case IA32_CSTAR:
	case IA32_KERNEL_GS_BASE:
		return canonical(j, m->value);
	case IA32_FMASK:
		return !(m->value >> 32);
	}
	return true;
}

#define EXIT_LOAD RULES_EXIT(34)
#define LOAD_RULES(R) \
	R(601, EXIT_LOAD, 1, "load.msr", "27.4", all_loads(j, loadable), \
	  "the VM-entry MSR-load area has no IA32_FS_BASE, IA32_GS_BASE, MSR 800h to 8FFh, " \
	  "IA32_BIOS_UPDT_TRIG, and IA32_SMM_MONITOR_CTL only in SMM") \
	R(602, EXIT_LOAD, 1, "load.reserved", "27.4", all_loads(j, no_reserved), \
	  "bits 63:32 of each entry of the VM-entry MSR-load area are 0") \
	R(603, EXIT_LOAD, 1, "load.value", "27.4", all_loads(j, value_fits), \
	  "each value in the VM-entry MSR-load area is one that WRMSR would take (known here: " \
	  "IA32_EFER, IA32_PAT, those that hold an address, IA32_FMASK)")

RULES_DEFINE(vmx_load_rules, LOAD_RULES)
