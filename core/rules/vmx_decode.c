// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Intel: what the values of the VMCS's fields and of the capability MSRs say (SDM vol. 3, 25, A). */
#include "core/rules/names.h"
#include "core/rules/vmx.h"

#define NAMES(name, ...) \
	static const struct rules_bit name##_list[] = { __VA_ARGS__ }; \
	static const struct rules_names name = { name##_list, ARRAY_SIZE(name##_list) }
#define BIT(id, bit, name) { bit, name },

NAMES(pin_bits, VMX_PIN_BITS(BIT));
NAMES(primary_bits, VMX_PRIMARY_BITS(BIT));
NAMES(secondary_bits, VMX_SECONDARY_BITS(BIT));
NAMES(tertiary_bits, VMX_TERTIARY_BITS(BIT));
NAMES(exit_bits, VMX_EXIT_BITS(BIT));
NAMES(entry_bits, VMX_ENTRY_BITS(BIT));
NAMES(exit2_bits, { 3, "prematurely busy shadow stack" });
NAMES(function_bits, { 0, "EPTP switching" });
NAMES(blocking_bits, { 0, "blocking by STI" }, { 1, "blocking by MOV SS" }, { 2, "blocking by SMI" },
      { 3, "blocking by NMI" }, { 4, "enclave interruption" });
NAMES(pending_bits, { 0, "B0" }, { 1, "B1" }, { 2, "B2" }, { 3, "B3" }, { 11, "bus lock" },
      { 12, "enabled breakpoint" }, { 14, "BS" }, { 16, "RTM" });
NAMES(dr7_bits, { 0, "L0" }, { 1, "G0" }, { 2, "L1" }, { 3, "G1" }, { 4, "L2" }, { 5, "G2" },
      { 6, "L3" }, { 7, "G3" }, { 8, "LE" }, { 9, "GE" }, { 10, "1" }, { 11, "RTM" }, { 13, "GD" });
NAMES(cet_bits, { 0, "SH_STK_EN" }, { 1, "WR_SHSTK_EN" }, { 2, "ENDBR_EN" }, { 3, "LEG_IW_EN" },
      { 4, "NO_TRACK_EN" }, { 5, "SUPPRESS_DIS" }, { 10, "SUPPRESS" }, { 11, "TRACKER" });
NAMES(activity_bits, { 6, "HLT" }, { 7, "shutdown" }, { 8, "wait-for-SIPI" });

/* Bits without a name that are 1 on all processors until now (A.2): told where one of them is 0. */
#define PIN_DEFAULT1 0x16ull
#define PRIMARY_DEFAULT1 0x4006172ull
#define EXIT_DEFAULT1 0x36dfbull
#define ENTRY_DEFAULT1 0x11fbull

/* Fields whose value is bits alone. */
static const struct bits {
	u16 field;
	u64 mask; /* the rest is said by put_rest() */
	const struct rules_names *names;
} all_bits[] = {
#define BITS(field, names) { AT_##field, ~0ull, &names }
	{ AT_PIN_CONTROLS, ~PIN_DEFAULT1, &pin_bits },
	{ AT_PRIMARY_CONTROLS, ~PRIMARY_DEFAULT1, &primary_bits },
	BITS(SECONDARY_CONTROLS, secondary_bits),
	BITS(TERTIARY_CONTROLS, tertiary_bits),
	{ AT_EXIT_CONTROLS, ~EXIT_DEFAULT1, &exit_bits },
	BITS(SECONDARY_EXIT_CONTROLS, exit2_bits),
	{ AT_ENTRY_CONTROLS, ~ENTRY_DEFAULT1, &entry_bits },
	BITS(VM_FUNCTION_CONTROLS, function_bits),
	BITS(EXCEPTION_BITMAP, rules_exceptions),
	BITS(CR0_MASK, rules_cr0),
	BITS(CR0_SHADOW, rules_cr0),
	BITS(GUEST_CR0, rules_cr0),
	BITS(HOST_CR0, rules_cr0),
	BITS(CR4_MASK, rules_cr4),
	BITS(CR4_SHADOW, rules_cr4),
	BITS(GUEST_CR4, rules_cr4),
	BITS(HOST_CR4, rules_cr4),
	BITS(GUEST_EFER, rules_efer),
	BITS(HOST_EFER, rules_efer),
	BITS(GUEST_DEBUGCTL, rules_debugctl),
	BITS(GUEST_INTERRUPTIBILITY, blocking_bits),
	BITS(GUEST_PENDING_DEBUG, pending_bits),
	{ AT_GUEST_RFLAGS, ~0x3000ull, &rules_rflags },
	{ AT_GUEST_DR7, ~0xffff0000ull, &dr7_bits },
	{ AT_GUEST_S_CET, 0xfff, &cet_bits },
	{ AT_HOST_S_CET, 0xfff, &cet_bits },
	{ RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_CR0_FIXED0)), ~0ull, &rules_cr0 },
	{ RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_CR0_FIXED1)), ~0ull, &rules_cr0 },
	{ RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_CR4_FIXED0)), ~0ull, &rules_cr4 },
	{ RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_CR4_FIXED1)), ~0ull, &rules_cr4 },
	{ RULES_VMX_FACT(RULES_VMX_MSR(0x491)), ~0ull, &function_bits },
	{ RULES_VMX_FACT(RULES_VMX_MSR(0x492)), ~0ull, &tertiary_bits },
	{ RULES_VMX_FACT(RULES_VMX_MSR(0x493)), ~0ull, &exit2_bits },
	{ RULES_VMX_FACT(RULES_EFER_BITS), ~0ull, &rules_efer },
	{ RULES_VMX_FACT(RULES_ROOT_EFER), ~0ull, &rules_efer },
	{ RULES_VMX_FACT(RULES_ROOT_CR4), ~0ull, &rules_cr4 },
	{ RULES_VMX_FACT(RULES_DEBUGCTL_BITS), ~0ull, &rules_debugctl },
};

/* MSRs that say of controls which must be 1 and which may be (A.3 to A.5). */
static const struct {
	u32 msr;
	const struct rules_names *names;
	u64 default1;
} capabilities[] = {
	{ IA32_VMX_PINBASED_CTLS, &pin_bits, PIN_DEFAULT1 },
	{ IA32_VMX_TRUE_PINBASED_CTLS, &pin_bits, PIN_DEFAULT1 },
	{ IA32_VMX_PROCBASED_CTLS, &primary_bits, PRIMARY_DEFAULT1 },
	{ IA32_VMX_TRUE_PROCBASED_CTLS, &primary_bits, PRIMARY_DEFAULT1 },
	{ IA32_VMX_PROCBASED_CTLS2, &secondary_bits, 0 },
	{ IA32_VMX_EXIT_CTLS, &exit_bits, EXIT_DEFAULT1 },
	{ IA32_VMX_TRUE_EXIT_CTLS, &exit_bits, EXIT_DEFAULT1 },
	{ IA32_VMX_ENTRY_CTLS, &entry_bits, ENTRY_DEFAULT1 },
	{ IA32_VMX_TRUE_ENTRY_CTLS, &entry_bits, ENTRY_DEFAULT1 },
};

/* 25.4.1; types: 3.4.5.1 and 3.5 */
static void put_rights(struct rules_text *t, u64 rights)
{
	static const char *const system[16] = {
		"reserved", "available 16-bit TSS", "LDT", "busy 16-bit TSS", "16-bit call gate",
		"task gate", "16-bit interrupt gate", "16-bit trap gate", "reserved",
		"available 32-bit or 64-bit TSS", "reserved", "busy 32-bit or 64-bit TSS",
		"32-bit or 64-bit call gate", "reserved", "32-bit or 64-bit interrupt gate",
		"32-bit or 64-bit trap gate",
	};
	u64 type = AR_TYPE(rights);

	if (AR_UNUSABLE(rights))
		rules_put(t, "unusable, ");
	rules_put_part(t, "type ", type);
	rules_put(t, ": ");
	if (!AR_S(rights)) {
		rules_put(t, system[type]);
	} else if (type & 8) {
		rules_put(t, type & 2 ? "code, readable" : "code");
		rules_put(t, type & 4 ? ", conforming" : "");
	} else {
		rules_put(t, type & 2 ? "data, writable" : "data");
		rules_put(t, type & 4 ? ", expand-down" : "");
	}
	if (AR_S(rights))
		rules_put(t, type & 1 ? ", accessed; S" : ", not accessed; S");
	rules_put_part(t, ", DPL ", AR_DPL(rights));
	rules_put(t, AR_P(rights) ? ", P" : ", not present");
	rules_put(t, rights >> 12 & 1 ? ", AVL" : "");
	rules_put(t, AR_L(rights) ? ", L" : "");
	rules_put(t, AR_DB(rights) ? ", D/B" : "");
	rules_put(t, AR_G(rights) ? ", G" : "");
	if (rights & 0xfffe0f00) {
		rules_put(t, ", reserved bits ");
		rules_put_hex(t, rights & 0xfffe0f00);
	}
}

static void put_selector(struct rules_text *t, u64 selector)
{
	if (!(selector & ~3ull)) {
		rules_put(t, "null");
	} else {
		rules_put_part(t, "entry ", selector >> 3);
		rules_put(t, selector & 4 ? " of the LDT" : " of the GDT");
	}
	rules_put_part(t, ", RPL ", selector & 3);
}

/* 25.8.3, 25.9.2 */
static void put_event(struct rules_text *t, u64 info)
{
	static const char *const types[8] = {
		"external interrupt", "reserved type 1", "NMI", "hardware exception",
		"software interrupt", "privileged software exception", "software exception",
		"other event",
	};
	u32 type = INTR_INFO_TYPE((u32)info), vector = info & 0xff;
	bool exception = type == INTR_HARDWARE_EXCEPTION || type == INTR_SOFTWARE_EXCEPTION ||
			 type == INTR_PRIVILEGED_SOFTWARE;

	rules_put(t, info & INTR_INFO_VALID ? "" : "none; would be ");
	rules_put(t, types[type]);
	rules_put_part(t, ", vector ", vector);
	for (u32 i = 0; exception && i < rules_exceptions.count; i++)
		if (rules_exceptions.bits[i].bit == vector) {
			rules_put(t, " ");
			rules_put(t, rules_exceptions.bits[i].name);
		}
	rules_put(t, info & INTR_INFO_ERROR_CODE ? ", with an error code" : "");
	if (info & 0x7ffff000) {
		rules_put(t, ", bits ");
		rules_put_hex(t, info & 0x7ffff000);
	}
}

/* 25.9.1 */
static void put_reason(struct rules_text *t, u64 reason)
{
	rules_put_part(t, "", reason & 0xffff);
	rules_put(t, ": ");
	rules_put(t, rules_vmx_exit_name((u32)reason));
	rules_put(t, reason >> 25 & 1 ? "; shadow stack prematurely busy" : "");
	rules_put(t, reason >> 26 & 1 ? "; bus lock" : "");
	rules_put(t, reason >> 27 & 1 ? "; in enclave mode" : "");
	rules_put(t, reason >> 28 & 1 ? "; MTF exit pending" : "");
	rules_put(t, reason >> 29 & 1 ? "; from VMX root operation" : "");
	rules_put(t, reason >> 31 & 1 ? "; the entry failed" : "");
}

/* 25.6.11 */
static void put_ept(struct rules_text *t, u64 pointer)
{
	rules_put_part(t, "memory type ", pointer & 7);
	rules_put(t, (pointer & 7) == 6 ? " WB" : (pointer & 7) == 0 ? " UC" : " (reserved)");
	rules_put_part(t, ", levels ", (pointer >> 3 & 7) + 1);
	rules_put(t, pointer >> 6 & 1 ? ", accessed and dirty flags" : "");
	rules_put(t, pointer >> 7 & 1 ? ", supervisor shadow stack" : "");
	rules_put(t, ", table at ");
	rules_put_hex(t, pointer & ~0xfffull);
}

/* A.1 */
static void put_basic(struct rules_text *t, u64 basic)
{
	rules_put(t, "revision ");
	rules_put_hex(t, BASIC_REVISION(basic));
	rules_put_part(t, ", regions of ", BASIC_REGION_SIZE(basic));
	rules_put(t, " bytes");
	rules_put_part(t, ", memory type ", BASIC_MEMORY_TYPE(basic));
	rules_put(t, basic >> 48 & 1 ? ", below 4 GiB" : "");
	rules_put(t, basic & BASIC_TRUE_CONTROLS ? ", TRUE MSRs" : ", no TRUE MSRs");
}

/* A.6 */
static void put_misc(struct rules_text *t, u64 misc)
{
	rules_put_part(t, "timer rate ", MISC_TIMER_SHIFT(misc));
	rules_put(t, ", activity states besides active: ");
	rules_put_names(t, misc & 0x1c0, &activity_bits);
	rules_put_part(t, ", CR3 targets ", misc >> 16 & 0x1ff);
	rules_put(t, misc >> 30 & 1 ? ", events of length 0" : "");
}

static bool put_special(struct rules_text *t, unsigned int field, u64 value)
{
	static const char *const activities[] = { "active", "HLT", "shutdown", "wait-for-SIPI" };

	if (field - AT_GUEST_ES_ACCESS_RIGHTS < 8)
		put_rights(t, value);
	else if (field - AT_GUEST_ES_SELECTOR < 8 || field - AT_HOST_ES_SELECTOR < 7)
		put_selector(t, value);
	else if (field == AT_GUEST_ACTIVITY)
		rules_put(t, value < ARRAY_SIZE(activities) ? activities[value] : "no such state");
	else if (field == AT_ENTRY_INTERRUPTION_INFO || field == AT_EXIT_INTERRUPTION_INFO ||
		 field == AT_IDT_VECTORING_INFO)
		put_event(t, value);
	else if (field == AT_EXIT_REASON)
		put_reason(t, value);
	else if (field == AT_VM_INSTRUCTION_ERROR)
		rules_put(t, rules_vmx_error_name((u32)value));
	else if (field == AT_EPT_POINTER)
		put_ept(t, value);
	else if (field == AT_GUEST_PAT || field == AT_HOST_PAT)
		rules_put_pat(t, value);
	else if (field == AT_VMCS_LINK_POINTER && value == ALL_ONES)
		rules_put(t, "none");
	else if (field == RULES_VMX_FACT(RULES_VMX_BASIC))
		put_basic(t, value);
	else if (field == RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_MISC)))
		put_misc(t, value);
	else
		return false;
	return true;
}

static void put_default1(struct rules_text *t, u64 value, u64 default1)
{
	static const struct rules_names no_names;

	if ((value & default1) == default1)
		return;
	rules_put(t, "; 0, but 1 on all processors until now: ");
	rules_put_names(t, default1 & ~value, &no_names);
}

static void put_capability(struct rules_text *t, unsigned int field, u64 value)
{
	for (u32 i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (field == RULES_VMX_FACT((u32)RULES_VMX_MSR(capabilities[i].msr))) {
			rules_put(t, "demanded: ");
			rules_put_names(t, (u32)value & ~capabilities[i].default1, capabilities[i].names);
			rules_put(t, "; besides allowed: ");
			rules_put_names(t, value >> 32 & ~value, capabilities[i].names);
			put_default1(t, value, capabilities[i].default1);
		}
}

/* What is no bits and hardly ever wrong is told only where it is. */
static void put_rest(struct rules_text *t, unsigned int field, u64 value)
{
	bool address = field - AT_GUEST_ES_BASE < 10 || field - AT_HOST_FS_BASE < 9 ||
		       field == AT_GUEST_RIP || field == AT_GUEST_SYSENTER_ESP ||
		       field == AT_GUEST_SYSENTER_EIP;

	if (address && !rules_canonical(value, 48))
		rules_put(t, rules_canonical(value, 57) ? "canonical with 57 bits, not with 48" :
							  "not canonical");
	if (field == AT_PIN_CONTROLS)
		put_default1(t, value, PIN_DEFAULT1);
	if (field == AT_PRIMARY_CONTROLS)
		put_default1(t, value, PRIMARY_DEFAULT1);
	if (field == AT_EXIT_CONTROLS)
		put_default1(t, value, EXIT_DEFAULT1);
	if (field == AT_ENTRY_CONTROLS)
		put_default1(t, value, ENTRY_DEFAULT1);
	if (field == AT_GUEST_RFLAGS)
		rules_put_part(t, ", IOPL ", value >> 12 & 3);
	if (field == AT_GUEST_DR7)
		for (u32 i = 0; i < 4; i++)
			if (value >> (16 + 4 * i) & 15) {
				rules_put_part(t, ", R/W", i);
				rules_put_part(t, " ", value >> (16 + 4 * i) & 3);
				rules_put_part(t, " LEN", i);
				rules_put_part(t, " ", value >> (18 + 4 * i) & 3);
			}
}

void rules_vmx_decode(unsigned int field, unsigned long long value, char *text, unsigned int size)
{
	struct rules_text t = { text, size ? text + size - 1 : text };

	if (!size)
		return;
	*text = 0;
	if (put_special(&t, field, value))
		return;
	for (u32 i = 0; i < ARRAY_SIZE(all_bits); i++)
		if (all_bits[i].field == field)
			rules_put_names(&t, value & all_bits[i].mask, all_bits[i].names);
	put_capability(&t, field, value);
	put_rest(&t, field, value);
}

static const u16 secret[] = {
	AT_HOST_CR3, AT_HOST_FS_BASE, AT_HOST_GS_BASE, AT_HOST_TR_BASE, AT_HOST_GDTR_BASE,
	AT_HOST_IDTR_BASE, AT_HOST_SYSENTER_ESP, AT_HOST_SYSENTER_EIP, AT_HOST_RSP, AT_HOST_RIP,
	AT_HOST_S_CET, AT_HOST_SSP, AT_HOST_SSP_TABLE, AT_IO_BITMAP_A, AT_IO_BITMAP_B,
	AT_MSR_BITMAP, AT_EXIT_MSR_STORE_ADDRESS, AT_EXIT_MSR_LOAD_ADDRESS,
	AT_ENTRY_MSR_LOAD_ADDRESS, AT_EXECUTIVE_VMCS_POINTER, AT_PML_ADDRESS,
	AT_VIRTUAL_APIC_ADDRESS, AT_APIC_ACCESS_ADDRESS, AT_POSTED_INTERRUPT_DESCRIPTOR,
	AT_EPT_POINTER, AT_EPTP_LIST_ADDRESS, AT_VMREAD_BITMAP, AT_VMWRITE_BITMAP,
	AT_VE_INFORMATION_ADDRESS, AT_SPP_TABLE_POINTER, AT_LOW_PASID_DIRECTORY,
	AT_HIGH_PASID_DIRECTORY, AT_SHARED_EPT_POINTER, AT_HLAT_POINTER, AT_PID_POINTER_TABLE,
	RULES_VMX_FACT(RULES_VMCS_ADDRESS),
};

const struct rules_words vmx_words = {
	.manual = "SDM vol. 3, ",
	.name = rules_vmx_name,
	.decode = rules_vmx_decode,
	.secret = secret,
	.secrets = ARRAY_SIZE(secret),
};
