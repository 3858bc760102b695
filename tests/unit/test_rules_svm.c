// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* AMD's rules: each is broken by a state that breaks nothing else, and not by one near it. */
// uses: core/rules/judge.c core/rules/svm.c core/rules/svm_rules.c core/rules/svm_decode.c core/rules/names.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include "core/rules/svm.h"

#define LONG_MODE (EFER_SVME | EFER_LME | EFER_LMA)
#define PAGED (CR0_PE | CR0_WP | CR0_PG)
#define EVENT(type, vector) (EVENT_INJ_VALID | (type) << 8 | (vector))

/* 64-bit mode with nested paging, on a processor with everything and 40 address bits. */
static struct rules_svm_state valid(void)
{
	struct rules_svm_state s = { 0 };
	struct vmcb vmcb = { 0 };

	vmcb.control.intercepts = INTERCEPT_NMI;
	vmcb.control.intercepts2 = INTERCEPT2_VMRUN;
	vmcb.control.asid = 1;
	vmcb.control.nested_paging = NESTED_NP;
	vmcb.control.nested_cr3 = 0x1000;
	vmcb.control.iopm_pa = 0x10000;
	vmcb.control.msrpm_pa = 0x20000;
	vmcb.save.efer = LONG_MODE;
	vmcb.save.cr0 = PAGED;
	vmcb.save.cr3 = 0x2000;
	vmcb.save.cr4 = CR4_PAE;
	vmcb.save.cs.attr = 0x29b;
	vmcb.save.rflags = 2;
	vmcb.save.dr6 = DR6_ONES;
	vmcb.save.dr7 = DR7_ONE;
	vmcb.save.g_pat = PAT_RESET;
	rules_svm_set_vmcb(&s, &vmcb);
	for (int i = 0; i < RULES_SVM_FACTS_USED; i++)
		rules_svm_set_fact(&s, i, 0xffffffff);
	rules_svm_set_fact(&s, RULES_SVM_CPUID_80000008_EAX, 0x3028);
	rules_svm_set_fact(&s, RULES_SVM_CPUID_80000008_EBX, ~(1u << 20));
	rules_svm_set_fact(&s, RULES_SVM_CPUID_8000001F_ECX, 15);
	rules_svm_set_fact(&s, RULES_SVM_HOST_CR0, PAGED);
	rules_svm_set_fact(&s, RULES_SVM_HOST_CPL, 0);
	rules_svm_set_fact(&s, RULES_SVM_VMCB_ADDRESS, 0x5000);
	return s;
}

#define FACT(fact) RULES_SVM_FACT(RULES_SVM_##fact)
/* Up to two fields and facts, by number, and -1 behind them. */
struct values {
	int field[3];
	u64 value[3];
};
#define ONE(a, x) { { AT_##a, -1 }, { x } }
#define TWO(a, x, b, y) { { AT_##a, AT_##b, -1 }, { x, y } }
#define GIVES(fact, x) { { FACT(fact), -1 }, { x } }
#define LACKS(a, x, fact, mask) { { AT_##a, FACT(fact), -1 }, { x, (u32)~(mask) } }

static const struct {
	unsigned int rule, instance;
	struct values breaks, near;
} cases[] = {
	{ 741, 0, GIVES(HOST_EFER, 0xd00), GIVES(HOST_EFER, EFER_SVME) },
	{ 742, 0, GIVES(HOST_CPL, 3), GIVES(HOST_CPL, 0) },
	{ 743, 0, GIVES(VMCB_ADDRESS, 0x5800), GIVES(VMCB_ADDRESS, 0x6000) },
	{ 744, 0, GIVES(VMCB_ADDRESS, 1ull << 40), GIVES(VMCB_ADDRESS, (1ull << 40) - 4096) },
	{ 701, 0, ONE(EFER, LONG_MODE & ~EFER_SVME), ONE(EFER, EFER_SVME) },
	{ 702, 0, ONE(CR0, PAGED | CR0_NW), ONE(CR0, PAGED | CR0_NW | CR0_CD) },
	{ 703, 0, ONE(CR0, PAGED | 1ull << 32), ONE(CR0, PAGED | 1u << 30) },
	{ 704, 0, ONE(CR3, 1ull << 40), ONE(CR3, (1ull << 40) - 1) },
	{ 704, 0, ONE(CR3, 1ull << 63), TWO(CR3, 1ull << 63, EFER, EFER_SVME) },
	{ 705, 0, ONE(CR4, CR4_PAE | 1u << 13), ONE(CR4, CR4_PAE | 0x7ff) },
	{ 705, 0, ONE(CR4, CR4_PAE | 1ull << 32), ONE(CR4, CR4_PAE | 1u << 23) },
	{ 706, 0, LACKS(CR4, CR4_PAE | CR4_UMIP, CPUID_7_ECX, 1u << 2), ONE(CR4, CR4_PAE | CR4_UMIP) },
	{ 706, 1, LACKS(CR4, CR4_PAE | CR4_LA57, CPUID_7_ECX, 1u << 16),
	  ONE(CR4, CR4_PAE | CR4_LA57) },
	{ 706, 2, LACKS(CR4, CR4_PAE | CR4_FSGSBASE, CPUID_7_EBX, 1u),
	  ONE(CR4, CR4_PAE | CR4_FSGSBASE) },
	{ 706, 3, LACKS(CR4, CR4_PAE | CR4_PCIDE, CPUID_1_ECX, 1u << 17),
	  ONE(CR4, CR4_PAE | CR4_PCIDE) },
	{ 706, 4, LACKS(CR4, CR4_PAE | CR4_OSXSAVE, CPUID_1_ECX, 1u << 26),
	  ONE(CR4, CR4_PAE | CR4_OSXSAVE) },
	{ 706, 5, LACKS(CR4, CR4_PAE | CR4_SMEP, CPUID_7_EBX, 1u << 7), ONE(CR4, CR4_PAE | CR4_SMEP) },
	{ 706, 6, LACKS(CR4, CR4_PAE | CR4_SMAP, CPUID_7_EBX, 1u << 20), ONE(CR4, CR4_PAE | CR4_SMAP) },
	{ 706, 7, LACKS(CR4, CR4_PAE | CR4_PKE, CPUID_7_ECX, 1u << 3), ONE(CR4, CR4_PAE | CR4_PKE) },
	{ 706, 8, LACKS(CR4, CR4_PAE | 1u << 23, CPUID_7_ECX, 1u << 7), ONE(CR4, CR4_PAE | 1u << 23) },
	{ 707, 0, ONE(DR6, DR6_ONES | 1ull << 32), ONE(DR6, 0xffffffff) },
	{ 708, 0, ONE(DR7, DR7_ONE | 1ull << 63), ONE(DR7, 0xffffffff) },
	{ 709, 0, ONE(EFER, LONG_MODE | 1u << 1), ONE(EFER, LONG_MODE | EFER_SCE) },
	{ 709, 0, ONE(EFER, LONG_MODE | 1u << 16), ONE(EFER, LONG_MODE | 1u << 17) },
	{ 710, 0, LACKS(EFER, LONG_MODE | EFER_NXE, CPUID_80000001_EDX, 1u << 20),
	  ONE(EFER, LONG_MODE | EFER_NXE) },
	{ 710, 1, LACKS(EFER, LONG_MODE | 1u << 13, CPUID_80000008_EBX, 0),
	  ONE(EFER, LONG_MODE | 1u << 13) },
	{ 710, 2, LACKS(EFER, LONG_MODE | 1u << 14, CPUID_80000001_EDX, 1u << 25),
	  ONE(EFER, LONG_MODE | 1u << 14) },
	{ 710, 3, LACKS(EFER, LONG_MODE | 1u << 15, CPUID_80000001_ECX, 1u << 17),
	  ONE(EFER, LONG_MODE | 1u << 15) },
	{ 710, 4, LACKS(EFER, LONG_MODE | 1u << 17, CPUID_80000008_EBX, 1u << 20 | 1u << 8),
	  ONE(EFER, LONG_MODE | 1u << 17) },
	{ 710, 5, LACKS(EFER, LONG_MODE | 1u << 18, CPUID_80000008_EBX, 1u << 20 | 1u << 13),
	  ONE(EFER, LONG_MODE | 1u << 18) },
	{ 710, 6, LACKS(EFER, LONG_MODE | 1u << 20, CPUID_80000021_EAX, 1u << 7),
	  ONE(EFER, LONG_MODE | 1u << 20) },
	{ 710, 7, LACKS(EFER, LONG_MODE | 1u << 21, CPUID_80000021_EAX, 1u << 8),
	  ONE(EFER, LONG_MODE | 1u << 21) },
	{ 711, 0, LACKS(EFER, LONG_MODE, CPUID_80000001_EDX, 1u << 29),
	  LACKS(EFER, EFER_SVME, CPUID_80000001_EDX, 1u << 29) },
	{ 712, 0, ONE(CR4, 0), TWO(CR4, 0, CR0, CR0_PE) },
	{ 713, 0, ONE(CR0, CR0_PG), TWO(CR0, CR0_PG, EFER, EFER_SVME) },
	{ 714, 0, ONE(CS_ATTR, 0x69b), ONE(CS_ATTR, 0x49b) },
	{ 714, 0, ONE(CS_ATTR, 0xe9b), TWO(CS_ATTR, 0xe9b, EFER, EFER_SVME) },
	{ 715, 0, ONE(INTERCEPTS2, ~INTERCEPT2_VMRUN), ONE(INTERCEPTS2, ~0u) },
	{ 716, 0, ONE(MSRPM, (1ull << 40) - 0x1000), ONE(MSRPM, (1ull << 40) - 0x1001) },
	{ 716, 0, ONE(MSRPM, ~0ull), ONE(MSRPM, 0) },
	{ 717, 0, ONE(IOPM, (1ull << 40) - 0x2000), ONE(IOPM, (1ull << 40) - 0x2001) },
	{ 717, 0, ONE(IOPM, 1ull << 52), ONE(IOPM, 0xfff) },
	{ 718, 0, ONE(EVENT_INJ, EVENT(1, 14)), ONE(EVENT_INJ, EVENT(2, 14)) },
	{ 718, 0, ONE(EVENT_INJ, EVENT(5, 14)), ONE(EVENT_INJ, EVENT(5, 14) & ~EVENT_INJ_VALID) },
	{ 719, 0, ONE(EVENT_INJ, EVENT(3, 2)), ONE(EVENT_INJ, EVENT(3, 1)) },
	{ 719, 0, ONE(EVENT_INJ, EVENT(3, 32)), ONE(EVENT_INJ, EVENT(4, 32)) },
	{ 719, 0, ONE(EVENT_INJ, EVENT(3, 31)), ONE(EVENT_INJ, EVENT(3, 30)) },
	{ 719, 0, ONE(EVENT_INJ, EVENT(3, 9)), ONE(EVENT_INJ, EVENT(3, 8)) },
	{ 720, 0, ONE(EVENT_INJ, EVENT(3, 5)), TWO(EVENT_INJ, EVENT(3, 5), CS_ATTR, 0x49b) },
	{ 720, 0, ONE(EVENT_INJ, EVENT(3, 4)), ONE(EVENT_INJ, EVENT(3, 3)) },
	{ 721, 0, ONE(ASID, 0), ONE(ASID, 0xffffffff) },
	{ 722, 0, ONE(S_CET, 4), ONE(S_CET, 3) },
	{ 723, 0, TWO(CR4, CR4_PAE | 1u << 23, CR0, PAGED & ~CR0_WP), ONE(CR0, PAGED & ~CR0_WP) },
	{ 724, 0, TWO(CR4, CR4_PAE | 1u << 23, RFLAGS, RFLAGS_VM | 2), ONE(RFLAGS, RFLAGS_VM | 2) },
	{ 725, 0, { { FACT(HOST_CR0), -1 }, { CR0_PE } },
	  { { FACT(HOST_CR0), AT_NESTED, -1 }, { CR0_PE, 0 } } },
	{ 726, 0, ONE(NESTED_CR3, 1ull << 40), TWO(NESTED_CR3, 1ull << 40, NESTED, 0) },
	{ 726, 0, ONE(NESTED_CR3, 1ull << 63), ONE(NESTED_CR3, 0xfffffff000) },
	{ 727, 0, ONE(G_PAT, 2), TWO(G_PAT, 2, NESTED, 0) },
	{ 727, 0, ONE(G_PAT, 8ull << 56), ONE(G_PAT, 7ull << 56) },
	{ 727, 0, ONE(G_PAT, 3), ONE(G_PAT, 0x0706050401000007) },
	{ 728, 0, TWO(AVIC_BACKING, 1ull << 40, VIRTUAL_INTERRUPT, VIRTUAL_AVIC),
	  ONE(AVIC_BACKING, 1ull << 40) },
	{ 728, 1, TWO(AVIC_LOGICAL, 1ull << 40, VIRTUAL_INTERRUPT, VIRTUAL_AVIC),
	  TWO(AVIC_LOGICAL, 1ull << 39, VIRTUAL_INTERRUPT, VIRTUAL_AVIC) },
	{ 728, 2, TWO(AVIC_PHYSICAL, 1ull << 63, VIRTUAL_INTERRUPT, VIRTUAL_AVIC),
	  TWO(AVIC_PHYSICAL, 0xff, VIRTUAL_INTERRUPT, VIRTUAL_AVIC) },
	{ 729, 0, TWO(VIRTUAL_INTERRUPT, VIRTUAL_V_NMI_ENABLE, INTERCEPTS, 0), ONE(INTERCEPTS, 0) },
	{ 730, 0, ONE(NESTED, NESTED_SEV), ONE(NESTED, NESTED_SEV | NESTED_NP) },
	{ 731, 0, TWO(NESTED, NESTED_SEV | NESTED_NP, ASID, 16), TWO(NESTED, NESTED_NP, ASID, 16) },
	{ 732, 0, ONE(VIRTUAL_INTERRUPT, VIRTUAL_X2AVIC),
	  ONE(VIRTUAL_INTERRUPT, VIRTUAL_X2AVIC | VIRTUAL_AVIC) },
};

static struct rules_svm_state with(const struct values *v)
{
	struct rules_svm_state s = valid();

	for (int i = 0; i < 3 && v->field[i] >= 0; i++) {
		if (v->field[i] >= RULES_SVM_FIELDS)
			rules_svm_set_fact(&s, (enum rules_svm_fact)(v->field[i] - RULES_SVM_FIELDS),
					   v->value[i]);
		else
			rules_svm_set(&s, rules_svm_offset((unsigned int)v->field[i]), v->value[i]);
	}
	return s;
}

static void each_rule_alone(void **state)
{
	struct rules_finding f[4];
	struct rules_result r;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rules_svm_state s = with(&cases[i].breaks);

		print_message("case %u, rule %u\n", i, cases[i].rule);
		assert_int_equal(rules_svm_judge(&s, f, 4, &r), 1);
		assert_int_equal(r.broken, 1);
		assert_int_equal(r.unknown, 0);
		assert_int_equal(r.answer, f[0].rule->answer);
		assert_int_equal(r.answer == RULES_VMEXIT_INVALID, cases[i].rule < 741);
		assert_int_equal(f[0].verdict, RULES_BROKEN);
		assert_int_equal(f[0].rule->number, cases[i].rule);
		assert_int_equal(f[0].instance, cases[i].instance);
		assert_true(f[0].reads >= 1);
	}
}

static void near_it_holds(void **state)
{
	struct rules_finding f[4];
	struct rules_result r;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rules_svm_state s = with(&cases[i].near);

		print_message("case %u, rule %u\n", i, cases[i].rule);
		assert_int_equal(rules_svm_judge(&s, f, 4, &r), 0);
		assert_int_equal(r.answer, RULES_ENTERS);
	}
}

/* No rule without a case, no number twice. */
static void each_rule_has_a_case(void **state)
{
	const struct rules_rule *rule;

	for (unsigned int n = 0; (rule = rules_svm_rule(n)); n++) {
		for (unsigned int m = 0; m < n; m++)
			assert_int_not_equal(rules_svm_rule(m)->number, rule->number);
		assert_int_equal(rule->vendor, RULES_AMD);
		assert_true(strlen(rule->text) && strlen(rule->section));
		for (unsigned int instance = 0; rule->instances >> instance; instance++) {
			unsigned int i = 0;

			while (i < ARRAY_SIZE(cases) && (cases[i].rule != rule->number ||
							 cases[i].instance != instance))
				i++;
			if (i == ARRAY_SIZE(cases))
				fail_msg("rule %u, instance %u has no case", rule->number, instance);
		}
	}
	assert_null(rules_svm_rule(1000));
}

static void all_at_once(void **state)
{
	struct rules_svm_state s = valid();
	struct rules_finding f[2];
	struct rules_result r;

	for (int i = 0; i < SVM_FIELD_COUNT; i++)
		rules_svm_set(&s, rules_svm_offset((unsigned int)i), 0);
	assert_int_equal(rules_svm_judge(&s, f, 2, &r), 2);
	assert_int_equal(r.broken, 3); /* SVME, the intercept of VMRUN, the ASID */
	assert_int_equal(f[0].rule->number, 701);
	assert_int_equal(f[1].rule->number, 715);
}

/* What is missing is named, and only what would matter. */
static void missing_fields(void **state)
{
	struct rules_svm_state s = { 0 };
	struct rules_finding f[64];
	struct rules_result r;
	unsigned int n;

	n = rules_svm_judge(&s, f, 64, &r);
	assert_int_equal(r.broken, 0);
	assert_int_equal(n, r.unknown);
	assert_int_equal(r.unknown, r.judged - 4); /* how VMRUN was executed is taken for granted */
	assert_int_equal(r.answer, RULES_ENTERS);
	assert_int_equal(f[0].verdict, RULES_UNKNOWN);
	assert_int_equal(f[0].missing, AT_EFER);

	s = valid();
	for (int i = 0; i < RULES_SVM_FACTS_USED; i++)
		s.present[FACT(CPUID_1_ECX) / 8 + i / 8] &= ~(1u << i % 8);
	n = rules_svm_judge(&s, f, 64, &r);
	assert_int_equal(r.broken, 0);
	for (unsigned int i = 0; i < n; i++)
		assert_true(f[i].missing >= RULES_SVM_FIELDS);
	/* The width of addresses, long mode, paging of the host. */
	assert_int_equal(n, 6);
}

static void fields_by_offset(void **state)
{
	struct rules_svm_state s = { 0 };
	unsigned long long value;
	unsigned int end = 0;

	for (unsigned int i = 0; i < SVM_FIELD_COUNT; i++) {
		assert_true(rules_svm_offset(i) >= end);
		end = rules_svm_offset(i) + rules_svm_bytes(i);
		assert_int_equal(rules_svm_field(rules_svm_offset(i)), i);
		assert_true(strlen(rules_svm_name(i)));
	}
	assert_true(end <= sizeof(struct vmcb));
	for (unsigned int i = 0; i < RULES_SVM_FACTS_USED; i++)
		assert_true(strlen(rules_svm_name(RULES_SVM_FACT(i))));
	assert_string_equal(rules_svm_name(SVM_FIELD_COUNT), "");
	assert_string_equal(rules_svm_name(~0u), "");
	assert_int_equal(rules_svm_field(1), -1);
	assert_int_equal(rules_svm_set(&s, 1, 0), -1);
	assert_int_equal(rules_svm_set(&s, 0x5c, 0x1ff), 0);
	assert_int_equal(rules_svm_get(&s, AT_TLB_CONTROL, &value), 1);
	assert_int_equal(value, 0xff);
	assert_int_equal(rules_svm_get(&s, AT_ASID, &value), 0);
	assert_int_equal(rules_svm_get(&s, ~0u, &value), 0);
#define SAME(id, member) \
	assert_int_equal(rules_svm_offset(AT_##id), offsetof(struct vmcb, member)); \
	assert_int_equal(rules_svm_bytes(AT_##id), sizeof(((struct vmcb *)0)->member))
	SAME(READ_CR, control.read_cr);
	SAME(INTERCEPTS2, control.intercepts2);
	SAME(IOPM, control.iopm_pa);
	SAME(MSRPM, control.msrpm_pa);
	SAME(ASID, control.asid);
	SAME(VIRTUAL_INTERRUPT, control.virtual_interrupt);
	SAME(EXIT_CODE, control.exit_code);
	SAME(NESTED, control.nested_paging);
	SAME(EVENT_INJ, control.event_inj);
	SAME(NESTED_CR3, control.nested_cr3);
	SAME(CLEAN, control.clean);
	SAME(NEXT_RIP, control.next_rip);
	SAME(CS_ATTR, save.cs.attr);
	SAME(TR_BASE, save.tr.base);
	SAME(CPL, save.cpl);
	SAME(EFER, save.efer);
	SAME(CR4, save.cr4);
	SAME(CR3, save.cr3);
	SAME(CR0, save.cr0);
	SAME(DR7, save.dr7);
	SAME(DR6, save.dr6);
	SAME(RFLAGS, save.rflags);
	SAME(RSP, save.rsp);
	SAME(RAX, save.rax);
	SAME(G_PAT, save.g_pat);
	SAME(EXCEPTION_TO, save.exception_to);
}

static void cpuid_by_leaf(void **state)
{
	struct rules_svm_state s = { 0 };
	unsigned long long value;

	rules_svm_set_cpuid(&s, 0x80000008, (unsigned int[]){ 40, 2, 3, 4 });
	assert_int_equal(rules_svm_get(&s, FACT(CPUID_80000008_EAX), &value), 1);
	assert_int_equal(value, 40);
	assert_int_equal(rules_svm_get(&s, FACT(CPUID_80000008_EBX), &value), 1);
	assert_int_equal(value, 2);
	rules_svm_set_cpuid(&s, 0, (unsigned int[]){ 1, 2, 3, 4 });
	rules_svm_set_cpuid(&s, 0x12345, (unsigned int[]){ 1, 2, 3, 4 });
	assert_int_equal(rules_svm_get(&s, FACT(HOST_CR0), &value), 0);
	rules_svm_set_fact(&s, (enum rules_svm_fact)1000, 1);
}

static void decoded(unsigned int field, u64 value, const char *expected)
{
	char text[400];

	rules_svm_decode(field, value, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void values_in_words(void **state)
{
	char text[8];

	decoded(AT_CR0, PAGED, "PE, WP, PG");
	decoded(AT_CR4, CR4_PAE | 1ull << 15, "PAE, bit 15");
	decoded(AT_EFER, 0, "none");
	decoded(AT_EFER, LONG_MODE, "LME, LMA, SVME");
	decoded(AT_CS_ATTR, 0xafb, "S, P, L, G, DPL 3, type 11");
	decoded(AT_RFLAGS, 0x23202, "1, IF, VM, IOPL 3");
	decoded(AT_EVENT_INJ, EVENT(3, 14) | EVENT_INJ_ERROR | 2ull << 32,
		"exception 14 with error code 0x2");
	decoded(AT_EVENT_INJ, EVENT(5, 14), "type 5 (reserved), vector 14");
	decoded(AT_EVENT_INJ, 14, "none");
	decoded(AT_EXIT_INT_INFO, EVENT(0, 255), "interrupt 255");
	decoded(AT_G_PAT, PAT_RESET | 2ull << 56,
		"PA0 WB, PA1 WT, PA2 UC-, PA3 UC, PA4 WB, PA5 WT, PA6 UC-, PA7 reserved");
	decoded(AT_TLB_CONTROL, 3, "flush all of this ASID");
	decoded(AT_TLB_CONTROL, 2, "reserved");
	decoded(AT_INTERCEPTS, INTERCEPT_NMI | INTERCEPT_SHUTDOWN, "NMI, shutdown");
	decoded(AT_INTERCEPTS2, INTERCEPT2_VMRUN | 1u << 20,
		"VMRUN, writes after they are made of CR4");
	decoded(AT_VIRTUAL_INTERRUPT, V_IRQ | V_PRIORITY_HIGHEST | 0x21ull << 32 | 3,
		"V_IRQ, V_TPR 3, V_INTR_PRIO 15, V_INTR_VECTOR 33");
	decoded(AT_RIP, 0x1234, "");
	decoded(~0u, ~0ull, "");
	rules_svm_decode(AT_CR0, PAGED, text, sizeof(text));
	assert_string_equal(text, "PE, WP,");
	rules_svm_decode(AT_CR0, PAGED, text, 1);
	assert_string_equal(text, "");
	rules_svm_decode(AT_CR0, PAGED, NULL, 0);
	/* All bits of all fields find room, and end. */
	for (unsigned int i = 0; i < RULES_SVM_FACT(RULES_SVM_FACTS); i++) {
		char *large = test_malloc(1024);

		rules_svm_decode(i, ~0ull, large, 1024);
		assert_true(strlen(large) < 1023);
		test_free(large);
	}
}

static void exit_codes(void **state)
{
	assert_string_equal(rules_svm_exit_name(0), "VMEXIT_CR_READ_0");
	assert_string_equal(rules_svm_exit_name(CODE_WRITE_CR8), "VMEXIT_CR_WRITE_8");
	assert_string_equal(rules_svm_exit_name(CODE_EXCEPTION + 14), "VMEXIT_EXCP_14");
	assert_string_equal(rules_svm_exit_name(CODE_EXCEPTION + 31), "VMEXIT_EXCP_31");
	assert_string_equal(rules_svm_exit_name(CODE_INTR), "VMEXIT_INTR");
	assert_string_equal(rules_svm_exit_name(CODE_RDTSC), "VMEXIT_RDTSC");
	assert_string_equal(rules_svm_exit_name(CODE_CPUID), "VMEXIT_CPUID");
	assert_string_equal(rules_svm_exit_name(CODE_HLT), "VMEXIT_HLT");
	assert_string_equal(rules_svm_exit_name(CODE_SHUTDOWN), "VMEXIT_SHUTDOWN");
	assert_string_equal(rules_svm_exit_name(CODE_VMRUN), "VMEXIT_VMRUN");
	assert_string_equal(rules_svm_exit_name(CODE_XSETBV), "VMEXIT_XSETBV");
	assert_string_equal(rules_svm_exit_name(CODE_RDPRU), "VMEXIT_RDPRU");
	assert_string_equal(rules_svm_exit_name(0x8f), "VMEXIT_EFER_WRITE_TRAP");
	assert_string_equal(rules_svm_exit_name(0x9f), "VMEXIT_CR_WRITE_TRAP_15");
	assert_string_equal(rules_svm_exit_name(0xa2), "VMEXIT_INVPCID");
	assert_string_equal(rules_svm_exit_name(0xa6), "VMEXIT_IDLE_HLT");
	assert_string_equal(rules_svm_exit_name(0xa7), "");
	assert_string_equal(rules_svm_exit_name(0x3ff), "");
	assert_string_equal(rules_svm_exit_name(CODE_NESTED_FAULT), "VMEXIT_NPF");
	assert_string_equal(rules_svm_exit_name(0x403), "VMEXIT_VMGEXIT");
	assert_string_equal(rules_svm_exit_name(0x404), "");
	assert_string_equal(rules_svm_exit_name(~0ull), "VMEXIT_INVALID");
	assert_string_equal(rules_svm_exit_name(CODE_INVALID), "VMEXIT_INVALID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_alone),
		cmocka_unit_test(near_it_holds),
		cmocka_unit_test(each_rule_has_a_case),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(missing_fields),
		cmocka_unit_test(fields_by_offset),
		cmocka_unit_test(cpuid_by_leaf),
		cmocka_unit_test(values_in_words),
		cmocka_unit_test(exit_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
