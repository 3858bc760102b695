// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: cli/dump.c core/rules/judge.c core/rules/dump.c core/rules/vmx.c core/rules/svm.c core/rules/svm_rules.c core/rules/vmx_controls.c core/rules/vmx_host.c core/rules/vmx_guest.c core/rules/vmx_segments.c
/* swivl explain: a VMCS from text, swivl's and KVM's, whole and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include "cli/dump.h"
#include "core/types.h"
#include "tests/unit/kvm_dump.h"

static struct rules_vmx_state s;
static struct rules_finding found[400];
static struct rules_result result;

static enum dump_kind parse(const char *text, const char **rest, unsigned int *fields)
{
	return dump_next(text, text + strlen(text), rest, &s, fields);
}

static u64 value_of(unsigned int encoding)
{
	unsigned long long value;

	if (!rules_vmx_get(&s, (unsigned int)rules_vmx_field(encoding), &value))
		fail_msg("%x is missing", encoding);
	return value;
}

static void kvm_is_read(void **state)
{
	static const char text[] = KVM_DUMP("[ 4711.123456] kvm_intel: ", "0x0008b");
	const char *rest;
	unsigned int fields;

	assert_int_equal(parse(text, &rest, &fields), DUMP_KVM);
	assert_ptr_equal(rest, text + strlen(text));
	assert_int_equal(fields, 103);
	assert_int_equal(value_of(0x6800), 0x80050033);
	assert_int_equal(value_of(0x6000), 0xfffffffffffefff7);
	assert_int_equal(value_of(0x6804), 0x2060);
	assert_int_equal(value_of(0x6c04), 0x3726e0);
	assert_int_equal(value_of(0x681e), 0xffffffff81000000);
	assert_int_equal(value_of(0x6c16), 0xffffffffc0a01234);
	assert_int_equal(value_of(0x0802), 0x10);
	assert_int_equal(value_of(0x0c02), 0x10);
	assert_int_equal(value_of(0x0c0c), 0x40);
	assert_int_equal(value_of(0x4822), 0x8b);
	assert_int_equal(value_of(0x6810), 0xffff888000000000);
	assert_int_equal(value_of(0x4820), 0x10000);
	assert_int_equal(value_of(0x482a), 0x10);
	assert_int_equal(value_of(0x6826), 0xffffffff81a01000);
	assert_int_equal(value_of(0x2806), 0x500);
	assert_int_equal(value_of(0x2c02), 0xd01);
	assert_int_equal(value_of(0x401e), 0xa2);
	assert_int_equal(value_of(0x4402), 0x80000021);
	assert_int_equal(value_of(0x201a), 0x10345601e);
	rules_vmx_judge(&s, found, 400, &result);
	assert_int_equal(result.broken, 0);
	assert_int_equal(parse(rest, &rest, &fields), DUMP_NONE);
}

/* TR that is available and not busy, the classic. */
static void kvm_is_judged(void **state)
{
	static const char text[] = KVM_DUMP("", "0x00089");
	const char *rest;
	unsigned int fields;

	assert_int_equal(parse(text, &rest, &fields), DUMP_KVM);
	rules_vmx_judge(&s, found, 400, &result);
	assert_int_equal(result.broken, 1);
	assert_int_equal(result.answer, RULES_EXIT(33));
	assert_string_equal(found[0].rule->id, "guest.tr-type");
}

static void two_in_one_log(void **state)
{
	static const char text[] = "noise\n" KVM_DUMP("", "0x00089") "more noise\n" KVM_DUMP("x: ", "0x1008b");
	const char *rest;
	unsigned int fields;

	assert_int_equal(parse(text, &rest, &fields), DUMP_KVM);
	rules_vmx_judge(&s, found, 1, &result);
	assert_string_equal(found[0].rule->id, "guest.tr-type");
	assert_int_equal(parse(rest, &rest, &fields), DUMP_KVM);
	rules_vmx_judge(&s, found, 1, &result);
	assert_string_equal(found[0].rule->id, "guest.tr-usable");
	assert_int_equal(parse(rest, &rest, &fields), DUMP_NONE);
}

static void own_is_read(void **state)
{
	const char *rest;
	unsigned int fields;

	assert_int_equal(parse("[1.0] swivl: swivl dump 1: VMCS\n"
			       "[1.0] swivl: vmcs 6800 = 80050033  guest CR0\n"
			       "[1.0] swivl: vmcs 2806 = 0x501\n"
			       "fact IA32_VMX_BASIC = da040000000004\n"
			       "fact physical-address width = 27\n"
			       "vmcs 6801 = 1\nvmcs ffffffff = 1\nvmcs 6802\nvmcs = 1\nvmcs 6804 = z\n"
			       "vmcs 6806 = 11112222333344445\nfact none = 1\nfact  = 1\n",
			       &rest, &fields), DUMP_SWIVL);
	assert_int_equal(fields, 4);
	assert_int_equal(value_of(0x6800), 0x80050033);
	assert_int_equal(value_of(0x2806), 0x501);
	assert_int_equal(s.value[RULES_VMX_FACT(RULES_VMX_BASIC)], 0xda040000000004);
	assert_int_equal(s.value[RULES_VMX_FACT(RULES_PHYSICAL_BITS)], 0x27);
}

/* What the library writes is what is read. */
static void own_is_written(void **state)
{
	static char text[RULES_LINE * 300];
	struct rules_vmx_state written = { { 0 } };
	const char *rest;
	unsigned int fields, n, count = 0, at = 0, used = 0;

	for (unsigned int i = 0; i < RULES_VMX_FIELDS; i++)
		if (i % 3 && *rules_vmx_name(i))
			count += !rules_vmx_set(&written, rules_vmx_encoding(i), 0x123456789abcdef0ull * i);
	for (unsigned int i = 0; i < RULES_VMX_FACTS_USED; i += 2, count++)
		rules_vmx_set_fact(&written, i, i);
	while ((n = rules_vmx_line(&written, &at, text + used, RULES_LINE))) {
		assert_int_equal(strlen(text + used), n);
		assert_true(n < RULES_LINE - 1);
		used += n;
		text[used++] = '\n';
	}
	assert_int_equal(dump_next(text, text + used, &rest, &s, &fields), DUMP_SWIVL);
	assert_int_equal(fields, count);
	assert_memory_equal(&s, &written, sizeof(s));
}

/* Cut off anywhere, it is read as far as it goes; nothing is broken by what is not there. */
static void truncated(void **state)
{
	static const char text[] = KVM_DUMP("", "0x0008b");
	const char *rest;
	unsigned int fields;

	for (size_t n = 0; n < sizeof(text); n += 7) {
		char *copy = malloc(n + 1); /* so that the sanitizer sees what reads behind */

		memcpy(copy, text, n);
		dump_next(copy, copy + n, &rest, &s, &fields);
		assert_ptr_equal(rest, copy + n);
		free(copy);
	}
	assert_int_equal(parse("", &rest, &fields), DUMP_NONE);
	assert_int_equal(parse("no dump\nat all", &rest, &fields), DUMP_NONE);
}

static void noise(void **state)
{
	static char text[1 << 20];
	const char *rest;
	unsigned int fields, x = 1;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)((x = x * 1103515245 + 12345) >> 16);
	assert_int_equal(dump_next(text, text + sizeof(text), &rest, &s, &fields), DUMP_NONE);
	memset(text, '=', sizeof(text));
	memcpy(text, "*** Guest State ***\nCR3 =", 25);
	assert_int_equal(dump_next(text, text + sizeof(text), &rest, &s, &fields), DUMP_KVM);
	assert_int_equal(fields, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kvm_is_read),	cmocka_unit_test(kvm_is_judged),
		cmocka_unit_test(two_in_one_log), cmocka_unit_test(own_is_read),
		cmocka_unit_test(own_is_written),
		cmocka_unit_test(truncated),	cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
