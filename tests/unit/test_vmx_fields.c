// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/vmx/fields.c core/rules/vmx_numbers.c
/* The table of VMCS fields against the encoding's own rules (SDM vol. 3, 25.11.2). */
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
#include "core/rules/rules.h"
#include "core/vmx/fields.h"

#define WIDTH_16 0u
#define WIDTH_64 1u
#define WIDTH_32 2u
#define WIDTH_N 3u

static const struct {
	u32 width, encoding;
	const char *id, *name;
} fields[] = {
#define ROW(width, id, number, name) { WIDTH_##width, number, #id, name },
	VMCS_FIELDS(ROW)
#undef ROW
};

static void width_is_the_encodings(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if ((fields[i].encoding >> 13 & 3) != fields[i].width)
			fail_msg("%s: %x is of another width", fields[i].id, fields[i].encoding);
		/* bit 0 is the high half of 64-bit fields, 12 and 31:15 are reserved */
		assert_int_equal(fields[i].encoding & 0xffff9001, 0);
	}
}

static void group_is_the_encodings(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 type = fields[i].encoding >> 10 & 3;

		if (!strncmp(fields[i].id, "GUEST_", 6) &&
		    strcmp(fields[i].id, "GUEST_PHYSICAL_ADDRESS") &&
		    strcmp(fields[i].id, "GUEST_LINEAR_ADDRESS"))
			assert_int_equal(type, 2);
		if (!strncmp(fields[i].id, "HOST_", 5))
			assert_int_equal(type, 3);
		if (!strncmp(fields[i].id, "EXIT_REASON", 11) ||
		    !strncmp(fields[i].id, "VM_INSTRUCTION", 14))
			assert_int_equal(type, 1);
	}
}

static void no_two_are_the_same(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		for (size_t j = i + 1; j < ARRAY_SIZE(fields); j++) {
			assert_int_not_equal(fields[i].encoding, fields[j].encoding);
			assert_string_not_equal(fields[i].name, fields[j].name);
		}
}

static void names_are_found(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		assert_string_equal(vmcs_field_name(fields[i].encoding), fields[i].name);
	assert_string_equal(vmcs_field_name(0x681e), "guest RIP");
	assert_string_equal(vmcs_field_name(0x482c), "unknown field");
	assert_string_equal(vmcs_field_name(0xffffffff), "unknown field");
}

static void errors_and_reasons_have_names(void **state)
{
	static const u32 holes[] = { 14, 21, 27 };

	assert_string_equal(rules_vmx_error_name(4), "VMLAUNCH with non-clear VMCS");
	assert_string_equal(rules_vmx_error_name(7), "VM entry with invalid control field(s)");
	assert_string_equal(rules_vmx_error_name(28), "invalid operand to INVEPT/INVVPID");
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++)
		assert_string_equal(rules_vmx_error_name(holes[i]), "unknown error");
	assert_string_equal(rules_vmx_error_name(29), "unknown error");
	assert_string_equal(rules_vmx_error_name(0xffffffff), "unknown error");
	assert_string_equal(rules_vmx_exit_name(0), "exception or NMI");
	assert_string_equal(rules_vmx_exit_name(18), "VMCALL");
	assert_string_equal(rules_vmx_exit_name(33), "entry failure: invalid guest state");
	assert_string_equal(rules_vmx_exit_name(48), "EPT violation");
	assert_string_equal(rules_vmx_exit_name(55), "XSETBV");
	assert_string_equal(rules_vmx_exit_name(64), "XRSTORS");
	assert_string_equal(rules_vmx_exit_name(35), "unknown exit reason");
	assert_string_equal(rules_vmx_exit_name(0xffff), "unknown exit reason");
}

/* An accessor of another width must not compile: ask the compiler. */
static int compile(const char *expression)
{
	char command[600];

	snprintf(command, sizeof(command),
		 "printf '#include \"core/vmx/vmx.h\"\\n"
		 "u64 f(struct vcpu *v);\\nu64 f(struct vcpu *v) { return %s; }\\n' | "
		 "${CC:-cc} -std=gnu11 -fsyntax-only -I. -Iinclude -x c - 2>/dev/null", expression);
	return system(command);
}

static void accessor_of_another_width_does_not_compile(void **state)
{
	assert_int_equal(compile("vmcs_read_N(v, GUEST_RIP)"), 0);
	assert_int_equal(compile("vmcs_read_32(v, EXIT_REASON)"), 0);
	assert_int_not_equal(compile("vmcs_read_32(v, GUEST_RIP)"), 0);
	assert_int_not_equal(compile("vmcs_read_N(v, EXIT_REASON)"), 0);
	assert_int_not_equal(compile("vmcs_read_16(v, EXIT_REASON)"), 0);
	assert_int_not_equal(compile("vmcs_read_64(v, GUEST_RIP)"), 0);
	assert_int_not_equal(compile("(vmcs_write_64(v, VPID, 1), 0)"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_is_the_encodings),
		cmocka_unit_test(group_is_the_encodings),
		cmocka_unit_test(no_two_are_the_same),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(errors_and_reasons_have_names),
		cmocka_unit_test(accessor_of_another_width_does_not_compile),
	};

	return cmocka_run_group_tests_name("vmx_fields", tests, NULL, NULL);
}
