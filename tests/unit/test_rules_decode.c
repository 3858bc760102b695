// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/rules/judge.c core/rules/names.c core/rules/remedy.c core/rules/svm.c core/rules/svm_rules.c core/rules/vmx.c core/rules/vmx_controls.c core/rules/vmx_host.c core/rules/vmx_guest.c core/rules/vmx_segments.c core/rules/vmx_decode.c core/rules/vmx_numbers.c
/* Values of a VMCS in words, and what would satisfy a broken rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/rules_vmx_state.h"

static void decoded(unsigned int field, u64 value, const char *expected)
{
	char text[1500];

	rules_vmx_decode(field, value, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void values_in_words(void **state)
{
	char text[8];

	decoded(AT_PIN_CONTROLS, 0x3f, "external-interrupt exiting, NMI exiting, virtual NMIs");
	decoded(AT_PIN_CONTROLS, 0x112, "bit 8; 0, but 1 on all processors until now: bit 2");
	decoded(AT_PRIMARY_CONTROLS, 0x8401e172, "CR3-load exiting, CR3-store exiting, activate secondary controls");
	decoded(AT_SECONDARY_CONTROLS, 0x82, "enable EPT, unrestricted guest");
	decoded(AT_ENTRY_CONTROLS, 0x13ff, "load debug controls, IA-32e mode guest");
	decoded(AT_EXIT_CONTROLS, 0x236fff, "save debug controls, host address-space size, load IA32_EFER");
	decoded(AT_GUEST_CR0, 0x80000021, "PE, NE, PG");
	decoded(AT_HOST_CR4, 0x100002020, "PAE, VMXE, FRED");
	decoded(AT_GUEST_EFER, 0, "none");
	decoded(AT_GUEST_RFLAGS, 0x23202, "1, IF, VM, IOPL 3");
	decoded(AT_GUEST_DR7, 0xd0402, "G0, 1, R/W0 1 LEN0 3");
	decoded(AT_GUEST_INTERRUPTIBILITY, 0x29, "blocking by STI, blocking by NMI, bit 5");
	decoded(AT_GUEST_ACTIVITY, 3, "wait-for-SIPI");
	decoded(AT_GUEST_ACTIVITY, 4, "no such state");
	decoded(AT_GUEST_PENDING_DEBUG, 0x5001, "B0, enabled breakpoint, BS");
	decoded(AT_GUEST_CS_ACCESS_RIGHTS, 0xa09b, "type 11: code, readable, accessed; S, DPL 0, P, L, G");
	decoded(AT_GUEST_SS_ACCESS_RIGHTS, 0x1c074,
		"unusable, type 4: data, expand-down, not accessed; S, DPL 3, not present, D/B, G");
	decoded(AT_GUEST_TR_ACCESS_RIGHTS, 0x28b,
		"type 11: busy 32-bit or 64-bit TSS, DPL 0, P, reserved bits 0x200");
	decoded(AT_GUEST_LDTR_ACCESS_RIGHTS, 0x82, "type 2: LDT, DPL 0, P");
	decoded(AT_GUEST_CS_SELECTOR, 0x17, "entry 2 of the LDT, RPL 3");
	decoded(AT_HOST_TR_SELECTOR, 0, "null, RPL 0");
	decoded(AT_ENTRY_INTERRUPTION_INFO, 0x80000b0e, "hardware exception, vector 14 #PF, with an error code");
	decoded(AT_ENTRY_INTERRUPTION_INFO, 0x80000044, "external interrupt, vector 68");
	decoded(AT_ENTRY_INTERRUPTION_INFO, 0x202, "none; would be NMI, vector 2");
	decoded(AT_IDT_VECTORING_INFO, 0xc0000700, "other event, vector 0, bits 0x40000000");
	decoded(AT_EXIT_REASON, 0x80000021, "33: entry failure: invalid guest state; the entry failed");
	decoded(AT_VM_INSTRUCTION_ERROR, 7, "VM entry with invalid control field(s)");
	decoded(AT_EPT_POINTER, 0x12345e, "memory type 6 WB, levels 4, accessed and dirty flags, table at 0x123000");
	decoded(AT_VMCS_LINK_POINTER, ~0ull, "none");
	decoded(AT_VMCS_LINK_POINTER, 0x1000, "");
	decoded(AT_GUEST_GDTR_BASE, 0x1f000000000200, "canonical with 57 bits, not with 48");
	decoded(AT_GUEST_GDTR_BASE, 0x8000000000000000, "not canonical");
	decoded(AT_GUEST_GDTR_BASE, 0xffff800000000000, "");
	decoded(AT_GUEST_PAT, PAT_RESET | 2ull << 56,
		"PA0 WB, PA1 WT, PA2 UC-, PA3 UC, PA4 WB, PA5 WT, PA6 UC-, PA7 reserved");
	decoded(RULES_VMX_FACT(RULES_VMX_BASIC), 0xda040000000004,
		"revision 0x4, regions of 1024 bytes, memory type 6, TRUE MSRs");
	decoded(RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_PINBASED_CTLS)), 0x0000003f00000017,
		"demanded: external-interrupt exiting; besides allowed: NMI exiting, virtual NMIs");
	decoded(RULES_VMX_FACT(RULES_VMX_MSR(IA32_VMX_MISC)), 0x20040065,
		"timer rate 5, activity states besides active: HLT, CR3 targets 4");
	decoded(AT_VPID, 1, "");
	decoded(9999, 1, "");
	rules_vmx_decode(AT_GUEST_CR0, ~0ull, text, sizeof(text));
	assert_string_equal(text, "PE, MP,");
	rules_vmx_decode(AT_GUEST_CR0, ~0ull, NULL, 0);
}

static struct rules_vmx_state s, copy;
static struct rules_finding found[8];
static struct rules_remedy remedy[4];

/* Breaks one rule by @value in @field; some remedy is @wanted in it. */
static void cured(enum base base, unsigned int field, u64 value, u64 wanted)
{
	struct rules_result result;
	bool seen = false;
	unsigned int n;

	valid_state(&s, base);
	put(&s, field, value);
	assert_true(rules_vmx_judge(&s, found, 8, &result));
	assert_int_equal(found[0].verdict, RULES_BROKEN);
	copy = s;
	n = rules_vmx_remedies(&s, &found[0], remedy, 4);
	assert_memory_equal(&s, &copy, sizeof(s)); /* put back */
	assert_true(n);
	for (unsigned int i = 0; i < n; i++) {
		seen |= remedy[i].field == field && remedy[i].value == wanted;
		copy = s;
		put(&copy, remedy[i].field, remedy[i].value);
		rules_vmx_judge(&copy, found + 1, 0, &result);
		assert_int_equal(result.broken, remedy[i].still_broken);
		assert_int_equal(result.broken, 0);
	}
	if (!seen)
		fail_msg("%s = 0x%llx: 0x%llx is no remedy", rules_vmx_name(field), (unsigned long long)value,
			 (unsigned long long)wanted);
}

static void remedies(void **state)
{
	cured(LONG_MODE, AT_GUEST_TR_ACCESS_RIGHTS, 0x89, 0x8b);
	cured(LONG_MODE, AT_GUEST_CS_ACCESS_RIGHTS, 0xe09b, 0xa09b);
	cured(LONG_MODE, AT_GUEST_CS_ACCESS_RIGHTS, 0xaf9b, 0xa09b);
	cured(LONG_MODE, AT_HOST_CR4, 0x20, 0x2020);
	cured(LONG_MODE, AT_GUEST_EFER, 0, 0x500);
	cured(LONG_MODE, AT_GUEST_ACTIVITY, 4, 0);
	cured(LONG_MODE, AT_VMCS_LINK_POINTER, 0x123, ALL_ONES);
	cured(LONG_MODE, AT_GUEST_FS_BASE, 0xffff700000000000, 0xfffff00000000000);
	cured(LONG_MODE, AT_VPID, 0, 1);
	cured(LONG_MODE, AT_PIN_CONTROLS, 0xf00, 0x16);
	cured(LONG_MODE, AT_GUEST_RFLAGS, 0, 2);
	cured(V86, AT_GUEST_DS_BASE, 7, 0x180);
	cured(PAE, AT_GUEST_RIP, 0x1234567800001000, 0x1000);
	valid_state(&s, LONG_MODE);
	found[0].verdict = RULES_HOLDS;
	assert_int_equal(rules_vmx_remedies(&s, &found[0], remedy, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_in_words),
		cmocka_unit_test(remedies),
	};

	return cmocka_run_group_tests_name("rules_decode", tests, NULL, NULL);
}
