// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* AMD: what the values of a VMCB's fields say (APM vol. 2, appendices B and C). */
#include "core/rules/names.h"
#include "core/rules/svm.h"

#define NAMES(name, ...) \
	static const struct rules_bit name##_list[] = { __VA_ARGS__ }; \
	static const struct rules_names name = { name##_list, ARRAY_SIZE(name##_list) }

NAMES(cr_bits, { 0, "CR0" }, { 2, "CR2" }, { 3, "CR3" }, { 4, "CR4" }, { 8, "CR8" });
NAMES(dr_bits, { 0, "DR0" }, { 1, "DR1" }, { 2, "DR2" }, { 3, "DR3" }, { 4, "DR4" }, { 5, "DR5" },
      { 6, "DR6" }, { 7, "DR7" });
NAMES(intercept_bits, { 0, "INTR" }, { 1, "NMI" }, { 2, "SMI" }, { 3, "INIT" }, { 4, "VINTR" },
      { 5, "CR0 writes other than of TS and MP" }, { 6, "IDTR reads" }, { 7, "GDTR reads" },
      { 8, "LDTR reads" }, { 9, "TR reads" }, { 10, "IDTR writes" }, { 11, "GDTR writes" },
      { 12, "LDTR writes" }, { 13, "TR writes" }, { 14, "RDTSC" }, { 15, "RDPMC" }, { 16, "PUSHF" },
      { 17, "POPF" }, { 18, "CPUID" }, { 19, "RSM" }, { 20, "IRET" }, { 21, "INTn" },
      { 22, "INVD" }, { 23, "PAUSE" }, { 24, "HLT" }, { 25, "INVLPG" }, { 26, "INVLPGA" }, { 27, "IOIO_PROT" },
      { 28, "MSR_PROT" }, { 29, "task switches" }, { 30, "FERR_FREEZE" }, { 31, "shutdown" });
NAMES(intercept2_bits, { 0, "VMRUN" }, { 1, "VMMCALL" }, { 2, "VMLOAD" }, { 3, "VMSAVE" },
      { 4, "STGI" }, { 5, "CLGI" }, { 6, "SKINIT" }, { 7, "RDTSCP" }, { 8, "ICEBP" },
      { 9, "WBINVD" }, { 10, "MONITOR" }, { 11, "MWAIT" }, { 12, "armed MWAIT" }, { 13, "XSETBV" },
      { 14, "RDPRU" }, { 15, "EFER writes, after they are made" });
NAMES(intercept3_bits, { 0, "all INVLPGB" }, { 1, "illegal INVLPGB" }, { 2, "INVPCID" },
      { 3, "MCOMMIT" }, { 4, "TLBSYNC" }, { 5, "bus lock" }, { 6, "idle HLT" });
NAMES(interrupt_bits, { 8, "V_IRQ" }, { 9, "VGIF" }, { 11, "V_NMI" }, { 12, "V_NMI_MASK" },
      { 20, "V_IGN_TPR" }, { 24, "V_INTR_MASKING" }, { 25, "VGIF_ENABLE" },
      { 26, "V_NMI_ENABLE" }, { 30, "X2AVIC_ENABLE" }, { 31, "AVIC_ENABLE" });
NAMES(shadow_bits, { 0, "INTERRUPT_SHADOW" }, { 1, "GUEST_INTERRUPT_MASK" });
NAMES(nested_bits, { 0, "NP_ENABLE" }, { 1, "SEV" }, { 2, "SEV-ES" }, { 3, "GMET" },
      { 4, "SSS check" }, { 5, "virtual transparent encryption" }, { 6, "read-only guest tables" },
      { 7, "INVLPGB and TLBSYNC" });
NAMES(lbr_bits, { 0, "LBR virtualization" }, { 1, "VMSAVE and VMLOAD virtualization" });
NAMES(clean_bits, { 0, "I" }, { 1, "IOPM" }, { 2, "ASID" }, { 3, "TPR" }, { 4, "NP" }, { 5, "CRx" },
      { 6, "DRx" }, { 7, "DT" }, { 8, "SEG" }, { 9, "CR2" }, { 10, "LBR" }, { 11, "AVIC" },
      { 12, "CET" });
NAMES(attr_bits, { 4, "S" }, { 7, "P" }, { 8, "AVL" }, { 9, "L" }, { 10, "D/B" }, { 11, "G" });
NAMES(s_cet_bits, { 0, "SH_STK_EN" }, { 1, "WR_SHSTK_EN" });

static const struct bits {
	u8 field;
	u64 mask; /* the rest is said by put_parts() */
	const struct rules_names *names;
} all_bits[] = {
#define BITS(field, names, mask) { AT_##field, mask, &names },
	BITS(READ_CR, cr_bits, ~0ull) BITS(WRITE_CR, cr_bits, ~0ull) BITS(READ_DR, dr_bits, ~0ull)
	BITS(WRITE_DR, dr_bits, ~0ull) BITS(EXCEPTIONS, rules_exceptions, ~0ull)
	BITS(INTERCEPTS, intercept_bits, ~0ull) BITS(INTERCEPTS2, intercept2_bits, 0xffff)
	BITS(INTERCEPTS3, intercept3_bits, ~0ull)
	BITS(VIRTUAL_INTERRUPT, interrupt_bits, ~0xff000f00ffull)
	BITS(INTERRUPT_STATE, shadow_bits, ~0ull) BITS(NESTED, nested_bits, ~0ull)
	BITS(LBR_CONTROL, lbr_bits, ~0ull) BITS(CLEAN, clean_bits, ~0ull)
	BITS(ES_ATTR, attr_bits, ~0x6full) BITS(CS_ATTR, attr_bits, ~0x6full)
	BITS(SS_ATTR, attr_bits, ~0x6full) BITS(DS_ATTR, attr_bits, ~0x6full)
	BITS(FS_ATTR, attr_bits, ~0x6full) BITS(GS_ATTR, attr_bits, ~0x6full)
	BITS(LDTR_ATTR, attr_bits, ~0x6full) BITS(TR_ATTR, attr_bits, ~0x6full)
	BITS(EFER, rules_efer, ~0ull) BITS(CR0, rules_cr0, ~0ull) BITS(CR4, rules_cr4, ~0ull)
	BITS(RFLAGS, rules_rflags, ~0x3000ull) BITS(DEBUGCTL, rules_debugctl, ~0ull)
	BITS(S_CET, s_cet_bits, ~0ull)
};

/* 15.20, 15.7.2 */
static void put_event(struct rules_text *t, u64 event)
{
	static const char *const types[8] = {
		"interrupt ", "type 1 (reserved), vector ", "NMI, vector ", "exception ",
		"software interrupt ", "type 5 (reserved), vector ", "type 6 (reserved), vector ",
		"type 7 (reserved), vector ",
	};

	if (!(event & EVENT_INJ_VALID)) {
		rules_put(t, "none");
		return;
	}
	rules_put_part(t, types[EVENT_INJ_TYPE(event)], event & 0xff);
	if (event & EVENT_INJ_ERROR) {
		rules_put(t, " with error code ");
		rules_put_hex(t, event >> 32);
	}
}

/* 15.16.1 */
static const char *tlb_control(u64 value)
{
	switch (value) {
	case 0:
		return "no flush";
	case TLB_FLUSH_ALL:
		return "flush all of all ASIDs";
	case TLB_FLUSH_GUEST:
		return "flush all of this ASID";
	case 7:
		return "flush this ASID's entries that are not global";
	}
	return "reserved";
}

/* Parts of a field that are numbers, behind the names of its bits. */
static void put_parts(struct rules_text *t, unsigned int field, u64 value)
{
	switch (field) {
	case AT_VIRTUAL_INTERRUPT:
		rules_put_part(t, ", V_TPR ", value & 0xff);
		rules_put_part(t, ", V_INTR_PRIO ", value >> 16 & 15);
		rules_put_part(t, ", V_INTR_VECTOR ", value >> 32 & 0xff);
		break;
	case AT_INTERCEPTS2:
		for (u32 i = 16; i < 32; i++)
			if (value >> i & 1)
				rules_put_part(t, ", writes after they are made of CR", i - 16);
		break;
	case AT_RFLAGS:
		rules_put_part(t, ", IOPL ", value >> 12 & 3);
		break;
	case AT_ES_ATTR:
	case AT_CS_ATTR:
	case AT_SS_ATTR:
	case AT_DS_ATTR:
	case AT_FS_ATTR:
	case AT_GS_ATTR:
	case AT_LDTR_ATTR:
	case AT_TR_ATTR:
		rules_put_part(t, ", DPL ", value >> 5 & 3);
		rules_put_part(t, ", type ", value & 15);
		break;
	}
}

void rules_svm_decode(unsigned int field, unsigned long long value, char *text, unsigned int size)
{
	struct rules_text t = { text, size ? text + size - 1 : text };

	if (!size)
		return;
	*text = 0;
	switch (field) {
	case AT_EVENT_INJ:
	case AT_EXIT_INT_INFO:
		put_event(&t, value);
		return;
	case AT_G_PAT:
		rules_put_pat(&t, value);
		return;
	case AT_TLB_CONTROL:
		rules_put(&t, tlb_control(value));
		return;
	case AT_EXIT_CODE:
		rules_put(&t, rules_svm_exit_name(value));
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(all_bits); i++)
		if (all_bits[i].field == field) {
			rules_put_names(&t, value & all_bits[i].mask, all_bits[i].names);
			put_parts(&t, field, value);
		}
}

/* ---- Exit codes ---- */

#define TEN_CODES(prefix) \
	prefix "0", prefix "1", prefix "2", prefix "3", prefix "4", prefix "5", prefix "6", \
		prefix "7", prefix "8", prefix "9"
#define SIXTEEN_CODES(prefix) \
	TEN_CODES(prefix), prefix "10", prefix "11", prefix "12", prefix "13", prefix "14", \
		prefix "15"
static const char *const exit_names[] = {
	SIXTEEN_CODES("VMEXIT_CR_READ_"), SIXTEEN_CODES("VMEXIT_CR_WRITE_"),
	SIXTEEN_CODES("VMEXIT_DR_READ_"), SIXTEEN_CODES("VMEXIT_DR_WRITE_"),
	TEN_CODES("VMEXIT_EXCP_"), TEN_CODES("VMEXIT_EXCP_1"), TEN_CODES("VMEXIT_EXCP_2"),
	"VMEXIT_EXCP_30", "VMEXIT_EXCP_31",
	"VMEXIT_INTR", "VMEXIT_NMI", "VMEXIT_SMI", "VMEXIT_INIT", "VMEXIT_VINTR",
	"VMEXIT_CR0_SEL_WRITE", "VMEXIT_IDTR_READ", "VMEXIT_GDTR_READ", "VMEXIT_LDTR_READ",
	"VMEXIT_TR_READ", "VMEXIT_IDTR_WRITE", "VMEXIT_GDTR_WRITE", "VMEXIT_LDTR_WRITE",
	"VMEXIT_TR_WRITE", "VMEXIT_RDTSC", "VMEXIT_RDPMC", "VMEXIT_PUSHF", "VMEXIT_POPF",
	"VMEXIT_CPUID", "VMEXIT_RSM", "VMEXIT_IRET", "VMEXIT_SWINT", "VMEXIT_INVD", "VMEXIT_PAUSE",
	"VMEXIT_HLT", "VMEXIT_INVLPG", "VMEXIT_INVLPGA", "VMEXIT_IOIO", "VMEXIT_MSR",
	"VMEXIT_TASK_SWITCH", "VMEXIT_FERR_FREEZE", "VMEXIT_SHUTDOWN", "VMEXIT_VMRUN",
	"VMEXIT_VMMCALL", "VMEXIT_VMLOAD", "VMEXIT_VMSAVE", "VMEXIT_STGI", "VMEXIT_CLGI",
	"VMEXIT_SKINIT", "VMEXIT_RDTSCP", "VMEXIT_ICEBP", "VMEXIT_WBINVD", "VMEXIT_MONITOR",
	"VMEXIT_MWAIT", "VMEXIT_MWAIT_CONDITIONAL", "VMEXIT_XSETBV", "VMEXIT_RDPRU",
	"VMEXIT_EFER_WRITE_TRAP", SIXTEEN_CODES("VMEXIT_CR_WRITE_TRAP_"), "VMEXIT_INVLPGB",
	"VMEXIT_INVLPGB_ILLEGAL", "VMEXIT_INVPCID", "VMEXIT_MCOMMIT", "VMEXIT_TLBSYNC",
	"VMEXIT_BUSLOCK", "VMEXIT_IDLE_HLT",
};
static const char *const late_exit_names[] = {
	"VMEXIT_NPF", "VMEXIT_AVIC_INCOMPLETE_IPI", "VMEXIT_AVIC_NOACCEL", "VMEXIT_VMGEXIT",
};

const char *rules_svm_exit_name(unsigned long long code)
{
	if (code < ARRAY_SIZE(exit_names))
		return exit_names[code];
	if (code >= CODE_NESTED_FAULT && code < CODE_NESTED_FAULT + ARRAY_SIZE(late_exit_names))
		return late_exit_names[code - CODE_NESTED_FAULT];
	if (code == ~0ull || code == CODE_INVALID) /* some write no more than 32 bits of it */
		return "VMEXIT_INVALID";
	if (code == ~1ull)
		return "VMEXIT_BUSY";
	return "";
}

const char *rules_svm_exit_words(unsigned long long code)
{
	static const struct {
		u64 code;
		const char *words;
	} list[] = {
		{ CODE_INTR, "a physical interrupt" },
		{ CODE_NMI, "a physical NMI" },
		{ CODE_SMI, "a physical SMI; bit 0 of EXITINFO1: an external one" },
		{ CODE_VINTR, "a virtual interrupt is about to be taken" },
		{ CODE_SWINT, "INTn" },
		{ CODE_IOIO, "IN, OUT, INS or OUTS; EXITINFO1 has port, direction and size, EXITINFO2 the next RIP" },
		{ CODE_MSR, "RDMSR or WRMSR; bit 0 of EXITINFO1: WRMSR" },
		{ CODE_SHUTDOWN, "a fault while a double fault was delivered; the state in the VMCB is undefined" },
		{ CODE_NESTED_FAULT, "nested page fault: EXITINFO1 has the error code, EXITINFO2 the guest-physical address" },
		{ CODE_NESTED_FAULT + 1, "an IPI that AVIC could not deliver; EXITINFO1 and 2 have ICR and why" },
		{ CODE_NESTED_FAULT + 2, "an access to an APIC register that AVIC does not do" },
		{ CODE_NESTED_FAULT + 3, "VMGEXIT of a guest with SEV-ES" },
		{ CODE_INVALID, "VMRUN refused the VMCB: one of the rules of APM vol. 2 is broken; swivl explain FILE says which" },
		{ ~0ull, "VMRUN refused the VMCB: one of the rules of APM vol. 2 is broken; swivl explain FILE says which" },
		{ ~1ull, "the VMSA of the guest is in use" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i].code == code)
			return list[i].words;
	return code >= CODE_EXCEPTION && code < CODE_EXCEPTION + 32 ?
		       "an exception that is intercepted; EXITINFO1 has its error code, EXITINFO2 the address of #PF" : "";
}

/* The last of these only where a processor leaves there what is its host's: Bochs' does with nRIP. */
static const u16 secret[] = {
	AT_IOPM, AT_MSRPM, AT_NESTED_CR3, AT_AVIC_BACKING, AT_AVIC_LOGICAL, AT_AVIC_PHYSICAL, AT_VMSA,
	RULES_SVM_FACT(RULES_SVM_VMCB_ADDRESS),
	AT_NEXT_RIP, AT_BRANCH_FROM, AT_BRANCH_TO, AT_EXCEPTION_FROM, AT_EXCEPTION_TO,
};

const struct rules_words svm_words = {
	.manual = "APM vol. 2, ",
	.name = rules_svm_name,
	.decode = rules_svm_decode,
	.secret = secret,
	.secrets = ARRAY_SIZE(secret),
};
