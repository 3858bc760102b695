// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/rules/judge.c core/rules/vmx.c core/rules/vmx_controls.c core/rules/vmx_host.c core/rules/vmx_guest.c core/rules/vmx_segments.c
/* Each of Intel's rules: a state that breaks it alone, and one near it that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/rules_vmx_state.h"

struct change {
	u16 field;
	u64 value;
};
#define F(id, v) { AT_##id + 1, v }
#define X(fact, v) { RULES_VMX_FACT(fact) + 1, v }
#define NO(fact) { (RULES_VMX_FACT(fact) + 1) | TAKEN_AWAY, 0 }
#define TAKEN_AWAY 0x8000
#define XM(msr, v) { RULES_VMX_FACT(RULES_VMX_MSR(msr)) + 1, v }

static const struct test_case {
	u16 number;
	enum base base;
	struct change both[5], bad[4], good[4];
} cases[] = {
#define C(number, base, ...) { number, base, __VA_ARGS__ },
#include "tests/unit/rules_vmx_cases.h"
#undef C
};

static void apply(struct rules_vmx_state *s, const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count && changes[i].field; i++) {
		unsigned int field = (changes[i].field & ~TAKEN_AWAY) - 1;

		put(s, field, changes[i].value);
		if (changes[i].field & TAKEN_AWAY)
			s->present[field / 8] &= ~(1u << field % 8);
	}
}

#define ROOM 400
static struct rules_finding found[ROOM];

/* 0: no rule is broken; the rule's number: that one alone; else -1, and they are printed. */
static int broken_alone(const struct rules_vmx_state *s)
{
	struct rules_result result;
	unsigned int n = rules_vmx_judge(s, found, ROOM, &result);
	int number = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (found[i].verdict != RULES_BROKEN)
			continue;
		number = !number || number == found[i].rule->number ? found[i].rule->number : -1;
	}
	if (number == -1)
		for (unsigned int i = 0; i < result.broken; i++)
			print_message("# breaks %d %s\n", found[i].rule->number, found[i].rule->id);
	return number;
}

static void valid_states_break_nothing(void **state)
{
	for (int base = LONG_MODE; base <= PAE; base++) {
		struct rules_result result;
		struct rules_vmx_state s;

		valid_state(&s, base);
		if (rules_vmx_judge(&s, found, ROOM, &result))
			fail_msg("base %d: %d %s", base, found[0].rule->number, found[0].rule->id);
		assert_int_equal(result.answer, RULES_ENTERS);
		assert_int_equal(result.broken + result.unknown, 0);
		assert_true(result.judged > 200);
	}
}

static void each_case_breaks_its_rule_alone(void **state)
{
	struct rules_vmx_state s;
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct test_case *c = &cases[i];
		int number;

		valid_state(&s, c->base);
		apply(&s, c->both, ARRAY_SIZE(c->both));
		apply(&s, c->bad, ARRAY_SIZE(c->bad));
		number = broken_alone(&s);
		if (number != c->number && ++bad)
			print_message("# case %zu of rule %d breaks %d\n", i, c->number, number);
		valid_state(&s, c->base);
		apply(&s, c->both, ARRAY_SIZE(c->both));
		apply(&s, c->good, ARRAY_SIZE(c->good));
		number = broken_alone(&s);
		if (number && ++bad)
			print_message("# near case %zu of rule %d: %d\n", i, c->number, number);
	}
	assert_int_equal(bad, 0);
}

static void every_rule_has_its_case(void **state)
{
	const struct rules_rule *r, *other;
	int without = 0;

	for (unsigned int n = 0; (r = rules_vmx_rule(n)); n++) {
		bool has = r->answer == RULES_EXIT(34); /* a test of its own, below */

		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			has |= cases[i].number == r->number;
		if (!has && ++without)
			print_message("# rule %d %s has no case\n", r->number, r->id);
		for (unsigned int m = 0; m < n; m++) {
			other = rules_vmx_rule(m);
			assert_int_not_equal(other->number, r->number);
			assert_string_not_equal(other->id, r->id);
		}
		assert_non_null(r->text);
		assert_non_null(r->section);
		assert_int_equal(r->vendor, RULES_INTEL);
	}
	assert_int_equal(without, 0);
}

/* Without a field, no rule says that it holds or is broken that would say otherwise with it. */
static void what_is_missing_is_named(void **state)
{
	struct rules_vmx_state s = { { 0 } };
	struct rules_result result;
	unsigned int n;

	n = rules_vmx_judge(&s, found, ROOM, &result);
	assert_int_equal(result.broken, 0);
	assert_true(result.unknown > 150);
	assert_int_equal(n, result.unknown);
	for (unsigned int i = 0; i < n; i++)
		assert_true(*rules_vmx_name(found[i].missing));
	valid_state(&s, LONG_MODE);
	s.present[AT_GUEST_CR4 / 8] &= ~(1u << AT_GUEST_CR4 % 8);
	n = rules_vmx_judge(&s, found, ROOM, &result);
	assert_true(n >= 4);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(found[i].verdict, RULES_UNKNOWN);
		assert_int_equal(found[i].missing, AT_GUEST_CR4);
	}
}

/* Error 7 beats error 8 beats the exits. */
static void the_first_answer_counts(void **state)
{
	struct rules_vmx_state s;
	struct rules_result result;

	valid_state(&s, LONG_MODE);
	put(&s, AT_GUEST_RFLAGS, 0);
	assert_int_equal(rules_vmx_judge(&s, found, 1, &result), 1);
	assert_int_equal(result.answer, RULES_EXIT(33));
	put(&s, AT_HOST_CS_SELECTOR, 0);
	rules_vmx_judge(&s, found, 1, &result);
	assert_int_equal(result.answer, RULES_VM_ERROR(8));
	put(&s, AT_VPID, 0);
	rules_vmx_judge(&s, NULL, 0, &result);
	assert_int_equal(result.answer, RULES_VM_ERROR(7));
	assert_int_equal(result.broken, 3);
	rules_vmx_judge(&s, found, 1, &result);
	assert_int_equal(found[0].rule->number, 222);
	assert_int_equal(found[0].reads, 3);
	assert_int_equal(found[0].read[2], AT_VPID);
}

static void loads(void **state)
{
	static const struct {
		struct rules_msr msr;
		int number;
	} areas[] = {
		{ { IA32_FS_BASE, 0, 0 }, 601 }, { { IA32_KERNEL_GS_BASE, 0, 0 }, 0 },
		{ { 0x808, 0, 0 }, 601 }, { { 0x900, 0, 0 }, 0 }, { { 0x79, 0, 0 }, 601 },
		{ { 0x9b, 0, 0 }, 601 }, { { IA32_LSTAR, 1, 0 }, 602 },
		{ { IA32_LSTAR, 0, 1ull << 47 }, 603 }, { { IA32_LSTAR, 0, (1ull << 47) - 1 }, 0 },
		{ { IA32_PAT, 0, 2 }, 603 }, { { IA32_PAT, 0, 4 }, 0 },
		{ { IA32_EFER, 0, 0 }, 603 }, { { IA32_EFER, 0, 0x501 }, 0 },
	};
	struct rules_result result;
	struct rules_vmx_state s;

	for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
		struct rules_msr two[2] = { { IA32_STAR, 0, 0 }, areas[i].msr };

		valid_state(&s, LONG_MODE);
		put(&s, AT_ENTRY_MSR_LOAD_COUNT, 2);
		put(&s, AT_ENTRY_MSR_LOAD_ADDRESS, 0x7000);
		rules_vmx_judge(&s, found, ROOM, &result);
		assert_int_equal(result.unknown, 3);
		s.entry_load = two;
		s.entry_loads = 2;
		assert_int_equal(broken_alone(&s), areas[i].number);
		rules_vmx_judge(&s, found, ROOM, &result);
		assert_int_equal(result.unknown, 0);
		if (areas[i].number)
			assert_int_equal(found[0].instance, 1);
	}
}

static void fields_are_set_by_encoding(void **state)
{
	struct rules_vmx_state s = { { 0 } };
	unsigned long long value;

	assert_int_equal(rules_vmx_set(&s, 0x6800, 0x123456789), 0);
	assert_int_equal(rules_vmx_get(&s, AT_GUEST_CR0, &value), 1);
	assert_int_equal(value, 0x123456789);
	assert_int_equal(rules_vmx_set(&s, 0x0800, 0x12345), 0);
	rules_vmx_get(&s, AT_GUEST_ES_SELECTOR, &value);
	assert_int_equal(value, 0x2345);
	assert_int_equal(rules_vmx_set(&s, 0x2806, 0x501), 0);
	assert_int_equal(rules_vmx_set(&s, 0x2807, 0x7), 0);
	rules_vmx_get(&s, AT_GUEST_EFER, &value);
	assert_int_equal(value, 0x700000501);
	assert_int_equal(rules_vmx_set(&s, 0x6801, 0), -1);
	assert_int_equal(rules_vmx_set(&s, 0x482c, 0), -1);
	assert_int_equal(rules_vmx_set(&s, ~0u, 0), -1);
	assert_int_equal(rules_vmx_get(&s, ~0u, &value), 0);
	assert_int_equal(rules_vmx_get(&s, AT_GUEST_CR3, &value), 0);
	assert_string_equal(rules_vmx_name(AT_GUEST_CR0), "guest CR0");
	assert_string_equal(rules_vmx_name(RULES_VMX_FIELDS - 1), "");
	assert_string_equal(rules_vmx_name(~0u), "");
	for (unsigned int i = 0; i < RULES_VMX_FACTS_USED; i++)
		assert_true(*rules_vmx_name(RULES_VMX_FACT(i)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_states_break_nothing),
		cmocka_unit_test(each_case_breaks_its_rule_alone),
		cmocka_unit_test(every_rule_has_its_case),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(the_first_answer_counts),
		cmocka_unit_test(loads),
		cmocka_unit_test(fields_are_set_by_encoding),
	};

	return cmocka_run_group_tests_name("rules_vmx", tests, NULL, NULL);
}
