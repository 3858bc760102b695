// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: cli/dump.c cli/dump_kvm.c core/rules/judge.c core/rules/dump.c core/rules/vmx.c core/rules/svm.c core/rules/svm_rules.c core/rules/vmx_controls.c core/rules/vmx_host.c core/rules/vmx_guest.c core/rules/vmx_segments.c
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

static struct dump d;
static struct rules_finding found[400];
static struct rules_result result;

/* The first dump of a text; *rest goes on behind it. */
static bool parse(const char *text, struct dump_text *rest)
{
	*rest = (struct dump_text){ text, text + strlen(text), 0 };
	return dump_next(rest, &d);
}

static u64 value_of(unsigned int encoding)
{
	unsigned long long value;

	if (!rules_vmx_get(&d.vmx, (unsigned int)rules_vmx_field(encoding), &value))
		fail_msg("%x is missing", encoding);
	return value;
}

static u64 vmcb_value(unsigned int offset)
{
	unsigned long long value;

	if (!rules_svm_get(&d.svm, (unsigned int)rules_svm_field(offset), &value))
		fail_msg("%x is missing", offset);
	return value;
}

static void kvm_is_read(void **state)
{
	static const char text[] = KVM_DUMP("[ 4711.123456] kvm_intel: ", "0x0008b");
	struct dump_text rest;

	assert_true(parse(text, &rest));
	assert_ptr_equal(rest.at, text + strlen(text));
	assert_int_equal(d.vendor, RULES_INTEL);
	assert_string_equal(d.from, "KVM");
	assert_null(d.problem);
	assert_int_equal(d.values, 103);
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
	rules_vmx_judge(&d.vmx, found, 400, &result);
	assert_int_equal(result.broken, 0);
	assert_false(dump_next(&rest, &d));
}

/* TR that is available and not busy, the classic. */
static void kvm_is_judged(void **state)
{
	static const char text[] = KVM_DUMP("", "0x00089");
	struct dump_text rest;

	assert_true(parse(text, &rest));
	rules_vmx_judge(&d.vmx, found, 400, &result);
	assert_int_equal(result.broken, 1);
	assert_int_equal(result.answer, RULES_EXIT(33));
	assert_string_equal(found[0].rule->id, "guest.tr-type");
}

static void two_in_one_log(void **state)
{
	static const char text[] = "noise\n" KVM_DUMP("", "0x00089") "more noise\n" KVM_DUMP("x: ", "0x1008b");
	struct dump_text rest;

	assert_true(parse(text, &rest));
	rules_vmx_judge(&d.vmx, found, 1, &result);
	assert_string_equal(found[0].rule->id, "guest.tr-type");
	assert_true(dump_next(&rest, &d));
	assert_int_equal(d.line, 49);
	rules_vmx_judge(&d.vmx, found, 1, &result);
	assert_string_equal(found[0].rule->id, "guest.tr-usable");
	assert_false(dump_next(&rest, &d));
}

static void own_is_read(void **state)
{
	struct dump_text rest;

	assert_true(parse("[1.0] swivl: swivl dump 1: VMCS\n"
			  "[1.0] swivl: vmcs 6800 = 80050033  guest CR0\n"
			  "[1.0] swivl: vmcs 2806 = 0x501\n"
			  "fact IA32_VMX_BASIC = da040000000004\n"
			  "fact physical-address width = 27\n"
			  "load 0xc0000080 0x0 = 0x500\n"
			  "vmcs 6801 = 1\nvmcs ffffffff = 1\nvmcs 6802\nvmcs = 1\nvmcs 6804 = z\n"
			  "vmcs 6806 = 11112222333344445\nfact none = 1\nfact  = 1\nvmcs 800 = 10000\n"
			  "load 1 2\nload 1 100000000 = 1\n"
			  "swivl dump ends: 14 values\n", &rest));
	assert_int_equal(d.values, 5);
	assert_int_equal(d.bad, 9);
	assert_int_equal(d.bad_line, 7);
	assert_null(d.problem);
	assert_int_equal(value_of(0x6800), 0x80050033);
	assert_int_equal(value_of(0x2806), 0x501);
	assert_int_equal(d.vmx.value[RULES_VMX_FACT(RULES_VMX_BASIC)], 0xda040000000004);
	assert_int_equal(d.vmx.value[RULES_VMX_FACT(RULES_PHYSICAL_BITS)], 0x27);
	assert_int_equal(d.vmx.entry_loads, 1);
	assert_int_equal(d.vmx.entry_load[0].index, 0xc0000080);
	assert_int_equal(d.vmx.entry_load[0].value, 0x500);
}

static char text[1 << 20];

/* What the library writes is what is read. */
static void own_is_written(void **state)
{
	static const struct rules_msr loads[] = { { 0x174, 0, 8 }, { 0xc0000080, 1, ~0ull } };
	struct rules_vmx_state written = { { 0 } };
	unsigned int n, count = 0, at = 0, used = 0;
	struct dump_text rest;

	for (unsigned int i = 0; i < RULES_VMX_FIELDS; i++)
		if (i % 3 && *rules_vmx_name(i))
			count += !rules_vmx_set(&written, rules_vmx_encoding(i), 0x123456789abcdef0ull * i);
	for (unsigned int i = 0; i < RULES_VMX_FACTS_USED; i += 2, count++)
		rules_vmx_set_fact(&written, i, i);
	written.entry_load = loads;
	written.entry_loads = 2;
	while ((n = rules_vmx_line(&written, &at, text + used, RULES_LINE))) {
		assert_int_equal(strlen(text + used), n);
		assert_true(n < RULES_LINE - 1);
		used += n;
		text[used++] = '\n';
	}
	text[used] = 0;
	assert_true(parse(text, &rest));
	assert_null(d.problem);
	assert_int_equal(d.values, count + 2);
	assert_memory_equal(d.vmx.value, written.value, sizeof(written.value));
	assert_memory_equal(d.vmx.present, written.present, sizeof(written.present));
	assert_int_equal(d.vmx.entry_loads, 2);
	assert_memory_equal(d.vmx.entry_load, loads, sizeof(loads));
	/* One line lost, the last one lost. */
	memmove(strstr(text, "fact "), strstr(strstr(text, "fact ") + 1, "fact "),
		strlen(strstr(strstr(text, "fact ") + 1, "fact ")) + 1);
	assert_true(parse(text, &rest));
	assert_non_null(d.problem);
	*strstr(text, "swivl dump ends") = 0;
	assert_true(parse(text, &rest));
	assert_non_null(d.problem);
	assert_true(parse("swivl dump 2: VMCS\nswivl dump ends: 0 values\n", &rest));
}

static void vmcb_is_written(void **state)
{
	struct rules_svm_state written = { { 0 } };
	unsigned int n, at = 0, used = 0;
	struct dump_text rest;

	for (unsigned int i = 0; rules_svm_offset(i) != ~0u; i++)
		rules_svm_set(&written, rules_svm_offset(i), 0x123456789abcdef0ull * (i + 1));
	for (unsigned int i = 0; i < RULES_SVM_FACTS_USED; i++)
		rules_svm_set_fact(&written, i, i);
	while ((n = rules_svm_line(&written, &at, text + used, RULES_LINE))) {
		used += n;
		text[used++] = '\n';
	}
	text[used] = 0;
	assert_true(parse(text, &rest));
	assert_null(d.problem);
	assert_int_equal(d.vendor, RULES_AMD);
	assert_memory_equal(&d.svm, &written, sizeof(written));
}

static void kvm_vmcb_is_read(void **state)
{
	struct dump_text rest;

	assert_true(parse(KVM_VMCB("[47175.215862] SVM: "), &rest));
	assert_int_equal(d.vendor, RULES_AMD);
	assert_string_equal(d.from, "KVM");
	assert_null(d.problem);
	assert_int_equal(d.values, 97);
	assert_int_equal(vmcb_value(0x000), 0x10);
	assert_int_equal(vmcb_value(0x008), 0x60042);
	assert_int_equal(vmcb_value(0x00c), 0xbc4c8027);
	assert_int_equal(vmcb_value(0x010), 0x624f);
	assert_int_equal(vmcb_value(0x03e), 3000);
	assert_int_equal(vmcb_value(0x03c), 128);
	assert_int_equal(vmcb_value(0x058), 12);
	assert_int_equal(vmcb_value(0x060), 0x2103000200);
	assert_int_equal(vmcb_value(0x070), 0xffffffff);
	assert_int_equal(vmcb_value(0x088), 0x580000b0e);
	assert_int_equal(vmcb_value(0x090), 1);
	assert_int_equal(vmcb_value(0x0a8), 0x480000b0d);
	assert_int_equal(vmcb_value(0x412), 0x29b);
	assert_int_equal(vmcb_value(0x458), 0xffff888000000000);
	assert_int_equal(vmcb_value(0x464), 0x7f);
	assert_int_equal(vmcb_value(0x490), 0x40);
	assert_int_equal(vmcb_value(0x4cb), 3);
	assert_int_equal(vmcb_value(0x4d0), 0x1d01);
	assert_int_equal(vmcb_value(0x558), 0x80050033);
	assert_int_equal(vmcb_value(0x548), 0x6f0);
	assert_int_equal(vmcb_value(0x578), 0xffffffff81000000);
	assert_int_equal(vmcb_value(0x5f8), 7);
	assert_int_equal(vmcb_value(0x628), 0x10);
	assert_int_equal(vmcb_value(0x668), 0x0007040600070406);
}

/* Until Linux 5.9 the intercepts were one number, and a field had another name. */
static void old_vmcb_is_read(void **state)
{
	struct dump_text rest;

	assert_true(parse("VMCB Control Area:\n"
			  "intercepts:         0000624fbc4c8027\n"
			  "lbr_ctl:            1\n"
			  "VMCB State Save Area:\n"
			  "cpl:            3                efer:         0000000000001d01\n", &rest));
	assert_int_equal(d.bad, 0);
	assert_int_equal(vmcb_value(0x00c), 0xbc4c8027);
	assert_int_equal(vmcb_value(0x010), 0x624f);
	assert_int_equal(vmcb_value(0x0b8), 1);
	assert_int_equal(vmcb_value(0x4cb), 3);
	assert_int_equal(vmcb_value(0x4d0), 0x1d01);
}

/* As mail programs leave it: quoted, and broken where a line was long. */
static void wrapped_is_read(void **state)
{
	struct dump_text rest;

	assert_true(parse("> > (XEN) *** Guest State ***\n"
			  "> > (XEN) CR0: actual=0x0000000080050031,\n"
			  "> > shadow=0x0000000080050032, gh_mask=ffffffffffffffff\n"
			  "> > (XEN) RSP = 0xffff8c0f4dd71e98\n"
			  "> > (0xffff8c0f4dd71e98)  RIP = 0xffffd18a040bb75e (0xffffd18a040bb75e)\r\n"
			  "> > (XEN) RFLAGS=0x00000187 (0x00000187)  DR7 =\n"
			  "> > 0x0000000000000400\n"
			  "> > (XEN)        sel  attr  limit   base\n"
			  "> > (XEN)   CS: 0010 0209b 00000000 0000000000000001\n"
			  "> > (XEN) GDTR:            00000057 fffff80459c61fb0\n"
			  "> > (XEN) LDTR: 0000 1c000 ffffffff 0000000000000000\n"
			  "> > (XEN) EFER(VMCS) = 0x0000000000000d01  PAT =\n"
			  "> > 0x0007010600070106\n"
			  "> > (XEN) *** Host State ***\n"
			  "> > (XEN) CS=e008 SS=0000 DS=0000 ES=0000 FS=0000\n"
			  "> > GS=0000 TR=e040\n"
			  "> > (XEN) Sysenter RSP=ffff83083ff0ffa0\n"
			  "> > CS:RIP=e008:ffff82d080395440\n"
			  "> > (XEN) *** Control State ***\n"
			  "> > (XEN) PinBased=000000bf CPUBased=b62065fa\n"
			  "> > SecondaryExec=000017eb\n"
			  "> > (XEN) Virtual processor ID = 0x5a02 VMfunc\n"
			  "> > controls = 0000000000000000\n", &rest));
	assert_string_equal(d.from, "Xen");
	assert_int_equal(d.bad, 0);
	assert_int_equal(value_of(0x6004), 0x80050032);
	assert_int_equal(value_of(0x681e), 0xffffd18a040bb75e);
	assert_int_equal(value_of(0x681a), 0x400);
	assert_int_equal(value_of(0x0802), 0x10);
	assert_int_equal(value_of(0x4816), 0x209b);
	assert_int_equal(value_of(0x6808), 1);
	assert_int_equal(value_of(0x4810), 0x57);
	assert_int_equal(value_of(0x6816), 0xfffff80459c61fb0);
	assert_int_equal(value_of(0x4820), 0x1c000);
	assert_int_equal(value_of(0x2806), 0xd01);
	assert_int_equal(value_of(0x2804), 0x0007010600070106);
	assert_int_equal(value_of(0x0c0c), 0xe040);
	assert_int_equal(value_of(0x6c12), 0xffff82d080395440);
	assert_int_equal(value_of(0x401e), 0x17eb);
	assert_int_equal(value_of(0), 0x5a02);
}

/* Cut off anywhere, it is read as far as it goes; nothing is broken by what is not there. */
static void truncated(void **state)
{
	static const char *const whole[] = { KVM_DUMP("", "0x0008b"), KVM_VMCB("") };
	struct dump_text rest;

	for (unsigned int i = 0; i < 2; i++)
		for (size_t n = 0; n < strlen(whole[i]); n += 7) {
			char *copy = malloc(n + 1); /* so that the sanitizer sees what reads behind */

			memcpy(copy, whole[i], n);
			rest = (struct dump_text){ copy, copy + n, 0 };
			if (dump_next(&rest, &d))
				rules_vmx_judge(&d.vmx, found, 400, &result);
			assert_ptr_equal(rest.at, copy + n);
			free(copy);
		}
	assert_true(parse("*** Guest State ***\nCR3 = 0x1000\n*** Host State ***\n", &rest));
	assert_non_null(d.problem);
	assert_true(parse("VMCB Control Area:\nasid: 1\n", &rest));
	assert_non_null(d.problem);
	assert_false(parse("", &rest));
	assert_false(parse("no dump\nat all", &rest));
}

static void facts_are_read(void **state)
{
	static const char good[] = "# notes\nmsr 480 = da040000000004\n\nmsr 0x48c = 0xf0106734141\n"
				   "cpuid 80000008 = 3027 0 0 0\nfact RTM = 1\n";
	static const char wrong[] = "msr 480 = 1\nmsr 500 = 1\n";
	unsigned int bad;

	memset(&d, 0, sizeof(d));
	assert_int_equal(dump_facts(good, strlen(good), &d, &bad), 4);
	assert_int_equal(bad, 0);
	assert_int_equal(d.vmx.value[RULES_VMX_FACT(RULES_VMX_BASIC)], 0xda040000000004);
	assert_int_equal(d.vmx.value[RULES_VMX_FACT(RULES_PHYSICAL_BITS)], 0x27);
	assert_int_equal(d.vmx.value[RULES_VMX_FACT(RULES_LINEAR_BITS)], 0x30);
	assert_int_equal(d.vmx.value[RULES_VMX_FACT(RULES_HAS_RTM)], 1);
	assert_int_equal(d.svm.value[RULES_SVM_FACT(RULES_SVM_CPUID_80000008_EAX)], 0x3027);
	assert_int_equal(dump_facts(wrong, strlen(wrong), &d, &bad), 1);
	assert_int_equal(bad, 2);
	assert_int_equal(dump_facts("", 0, &d, &bad), 0);
}

static void noise(void **state)
{
	struct dump_text rest = { text, text + sizeof(text), 0 };
	unsigned int x = 1;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)((x = x * 1103515245 + 12345) >> 16);
	assert_false(dump_next(&rest, &d));
	memset(text, '=', sizeof(text));
	memcpy(text, "*** Guest State ***\nCR3 =", 25);
	rest = (struct dump_text){ text, text + sizeof(text), 0 };
	assert_true(dump_next(&rest, &d));
	assert_int_equal(d.values, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kvm_is_read),	cmocka_unit_test(kvm_is_judged),
		cmocka_unit_test(two_in_one_log), cmocka_unit_test(own_is_read),
		cmocka_unit_test(own_is_written),
		cmocka_unit_test(vmcb_is_written), cmocka_unit_test(kvm_vmcb_is_read),
		cmocka_unit_test(old_vmcb_is_read),
		cmocka_unit_test(wrapped_is_read), cmocka_unit_test(facts_are_read),
		cmocka_unit_test(truncated),	cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
