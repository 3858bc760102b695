// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "tests/rules/vmx_known.h"

#include "core/rules/vmx.h"

static u64 value(const void *state, u32 field)
{
	unsigned long long v = 0;

	rules_vmx_get(state, field, &v);
	return v;
}
#define S(id) value(s, AT_##id)

static bool secondary_has(const void *s, u32 bits)
{
	return S(PRIMARY_CONTROLS) & (u32)PRIMARY_SECONDARY && S(SECONDARY_CONTROLS) & bits;
}

static bool injects_kind(const void *s, u32 type)
{
	u32 info = (u32)S(ENTRY_INTERRUPTION_INFO);

	return info & INTR_INFO_VALID && INTR_INFO_TYPE(info) == type;
}

static bool event_without_trap_flag(const void *s)
{
	return injects_kind(s, INTR_OTHER_EVENT) &&
	       !(value(s, RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_PROCBASED_CTLS))) >> 32 &
		 PRIMARY_TRAP_FLAG);
}

static bool loads_no_cet(const void *s)
{
	return !(S(EXIT_CONTROLS) & EXITS_LOAD_CET);
}

static bool not_deactivating(const void *s)
{
	return !(S(ENTRY_CONTROLS) & ENTRY_NO_DUAL_MONITOR);
}

/* An exception with an error code into real mode, without "unrestricted guest". */
static bool takes_pe_for_set(const void *s)
{
	u32 info = (u32)S(ENTRY_INTERRUPTION_INFO), vector = info & 0xff;

	return injects_kind(s, INTR_HARDWARE_EXCEPTION) &&
	       !secondary_has(s, SECONDARY_UNRESTRICTED) && !(S(GUEST_CR0) & CR0_PE) &&
	       info & INTR_INFO_ERROR_CODE && vector < 21 && VECTORS_WITH_ERROR >> vector & 1;
}

/* IA32_VMX_BASIC[56]: any exception may come with an error code. */
static bool any_error_code(const void *s)
{
	return value(s, RULES_VMX_FACT(RULES_VMX_BASIC)) >> 56 & 1;
}

static bool takes_pe_for_set_without_code(const void *s)
{
	u32 info = (u32)S(ENTRY_INTERRUPTION_INFO), vector = info & 0xff;

	return !any_error_code(s) && injects_kind(s, INTR_HARDWARE_EXCEPTION) &&
	       !secondary_has(s, SECONDARY_UNRESTRICTED) && !(S(GUEST_CR0) & CR0_PE) &&
	       !(info & INTR_INFO_ERROR_CODE) && vector < 21 && VECTORS_WITH_ERROR >> vector & 1;
}

/* CS's RPL against its DPL: without "unrestricted guest" three rules together say the same. */
static bool code_rpl(const void *s)
{
	u64 rights = S(GUEST_CS_ACCESS_RIGHTS), rpl = S(GUEST_CS_SELECTOR) & 3;

	if (!secondary_has(s, SECONDARY_UNRESTRICTED) || S(GUEST_RFLAGS) & RFLAGS_VM ||
	    (AR_TYPE(rights) & 9) != 9)
		return false;
	return AR_TYPE(rights) & 4 ? rpl < AR_DPL(rights) : rpl != AR_DPL(rights);
}

static bool code_of_unrestricted_guest(const void *s)
{
	return secondary_has(s, SECONDARY_UNRESTRICTED) &&
	       (AR_TYPE(S(GUEST_CS_ACCESS_RIGHTS)) & 9) == 9;
}

/* Readable code that is not conforming. */
#define TYPE_11(segment, name)                                            \
	static bool name##_type_11(const void *s)                         \
	{                                                                 \
		return AR_TYPE(S(GUEST_##segment##_ACCESS_RIGHTS)) == 11; \
	}
TYPE_11(ES, es)
TYPE_11(DS, ds)
TYPE_11(FS, fs)
TYPE_11(GS, gs)

static bool nmi_behind_sti(const void *s)
{
	return injects_kind(s, INTR_NMI) && S(GUEST_INTERRUPTIBILITY) & 1;
}

static bool halted(const void *s)
{
	return S(GUEST_ACTIVITY) == 1;
}

static bool legacy_guest(const void *s)
{
	return !(S(ENTRY_CONTROLS) & ENTRY_LONG_MODE);
}

static bool null_stack_of_64_bit_code(const void *s)
{
	return !legacy_guest(s) && AR_L(S(GUEST_CS_ACCESS_RIGHTS)) && !(S(GUEST_SS_SELECTOR) >> 2);
}

/* Without the part that Intel's manual asks for as well. */
static bool s_cet_no_address(const void *s)
{
	u64 v = S(GUEST_S_CET);

	return S(ENTRY_CONTROLS) & ENTRY_LOAD_CET &&
	       (!rules_canonical(v, 48) || (legacy_guest(s) && v >> 32));
}

static bool ssp_no_address(const void *s)
{
	return S(ENTRY_CONTROLS) & ENTRY_LOAD_CET && !rules_canonical(S(GUEST_SSP), 48);
}

static bool ssp_of_compatibility_mode(const void *s)
{
	return !legacy_guest(s) && !(S(GUEST_SSP) & 3) && rules_canonical(S(GUEST_SSP), 48);
}

static bool vector_18_into_shutdown(const void *s)
{
	return S(GUEST_ACTIVITY) == 2 && (S(ENTRY_INTERRUPTION_INFO) & 0xff) == VECTOR_MC;
}

static bool pending_above_32(const void *s)
{
	return !((u32)S(GUEST_PENDING_DEBUG) & ~0x1500fu);
}

const struct known vmx_known[] = {
	{ IN_BOCHS, "27.1", "a shadow VMCS is entered as another", 105, 0, NULL },
	{ IN_BOCHS, "27.2.1.3", "a pending MTF exit is injected without the monitor trap flag", 272,
	  0, event_without_trap_flag },
	{ IN_BOCHS, "27.2.1.3", "and with any vector then", 273, 0, event_without_trap_flag },
	{ IN_BOCHS, "27.2.1.3", "\"entry to SMM\" is not looked at", 279, 0, not_deactivating },
	{ IN_BOCHS, "27.2.1.3", "with IA32_VMX_BASIC[56] any event may have an error code", 274, 0,
	  any_error_code },
	{ IN_BOCHS, "27.2.1.3",
	  "CR0.PE is taken to be 1 without \"unrestricted guest\": an error code is delivered", 274,
	  0, takes_pe_for_set },
	{ IN_BOCHS, "27.2.1.3",
	  "CR0.PE is taken to be 1 without \"unrestricted guest\": an error code has to be there",
	  0, 0, takes_pe_for_set_without_code, false, RULES_VM_ERROR(7) },
	{ IN_BOCHS, "27.2.2", "host CR4.CET needs CR0.WP only with \"load CET state\"", 303, 0,
	  loads_no_cet },
	{ IN_BOCHS, "27.2.2", "host IA32_PERF_GLOBAL_CTRL is not looked at", 307, 0, NULL },
	{ IN_BOCHS, "27.3.1.1", "guest IA32_PERF_GLOBAL_CTRL is not looked at", 415, 0, NULL },
	{ IN_BOCHS, "27.3.1.1", "IA32_DEBUGCTL is not looked at", 405, 0, NULL },
	{ IN_BOCHS, "27.3.1.1", "IA-32e mode does not need CR0.PG in an unrestricted guest", 406, 0,
	  NULL },
	{ IN_BOCHS, "27.3.1.2", "an unrestricted guest's CS may have another DPL than SS", 445, 0,
	  code_of_unrestricted_guest },
	{ IN_BOCHS, "27.3.1.2", "but has to have its RPL, or one below it if conforming", 0, 0,
	  code_rpl, false, EXIT_BAD_STATE },
#define RPL_UNSEEN "27.3.1.2", "code of type 11 in DS, ES, FS or GS may have a DPL below the RPL"
	{ IN_BOCHS, RPL_UNSEEN, 448, 1 << 0, es_type_11 },
	{ IN_BOCHS, RPL_UNSEEN, 448, 1 << 3, ds_type_11 },
	{ IN_BOCHS, RPL_UNSEEN, 448, 1 << 4, fs_type_11 },
	{ IN_BOCHS, RPL_UNSEEN, 448, 1 << 5, gs_type_11 },
#define SS_UNSEEN "27.3.1.2", "of a null SS nothing is looked at in 64-bit code"
	{ IN_BOCHS, SS_UNSEEN, 438, 1 << 2, null_stack_of_64_bit_code },
	{ IN_BOCHS, SS_UNSEEN, 442, 0, null_stack_of_64_bit_code },
	{ IN_BOCHS, SS_UNSEEN, 444, 1 << 2, null_stack_of_64_bit_code },
	{ IN_BOCHS, SS_UNSEEN, 449, 1 << 2, null_stack_of_64_bit_code },
	{ IN_BOCHS, SS_UNSEEN, 450, 1 << 2, null_stack_of_64_bit_code },
	{ IN_BOCHS, SS_UNSEEN, 452, 1 << 2, null_stack_of_64_bit_code },
	{ IN_BOCHS, SS_UNSEEN, 453, 1 << 2, null_stack_of_64_bit_code },
	{ IN_BOCHS, "27.3.1.4", "RFLAGS.VM may be set in real mode", 514, 0, legacy_guest },
	{ IN_BOCHS, "27.3.1.5",
	  "NMIs are not injected into blocking by STI, as a processor may have it", 0, 0,
	  nmi_behind_sti, false, EXIT_BAD_STATE },
	{ IN_BOCHS, "27.3.1.5", "NMIs are injected into blocking by NMI, virtual or not", 538, 0,
	  NULL },
	{ IN_BOCHS, "27.3.1.5", "what is injected into HLT is not looked at", 524, 0, halted },
	{ IN_BOCHS, "27.3.1.5", "vector 18 goes into the shutdown state as any type", 524, 0,
	  vector_18_into_shutdown },
	{ IN_BOCHS, "27.3.1.1", "guest IA32_S_CET has to be canonical, as an address of the mode",
	  0, 0, s_cet_no_address, false, EXIT_BAD_STATE },
	{ IN_BOCHS, "27.3.1.4", "guest SSP has to be canonical", 0, 0, ssp_no_address, false,
	  EXIT_BAD_STATE },
	{ IN_BOCHS, "27.3.1.4", "SSP may be above 4 GiB in compatibility mode", 516, 0,
	  ssp_of_compatibility_mode },
	{ IN_BOCHS, "27.3.1.4", "RIP need not be canonical", 512, 0, NULL },
	{ IN_BOCHS, "27.3.1.5", "of pending debug exceptions only 32 bits are looked at", 541, 0,
	  pending_above_32 },
	{ IN_BOCHS, "27.3.1.5", "whether a single-step trap is due is not looked at", 542, 0,
	  NULL },
};
const u32 vmx_knowns = ARRAY_SIZE(vmx_known);
