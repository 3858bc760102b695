// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/vm/refusal.c
/* Every reason to refuse has a text of its own, and the line made of it fits where it is put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

#define SWIVL_HAVE_TYPES
#include "core/swivl.h"

static void every_reason_has_its_text(void **state)
{
	for (int i = 1; i < REFUSALS; i++) {
		const struct refusal_text *t = refusal_text(i);

		assert_string_not_equal(t->name, "unknown");
		assert_true(strlen(t->what) > 10);
		assert_true(strlen(t->todo) > 10);
		/* names are for programs: lower case, digits, dashes */
		assert_int_equal(strspn(t->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(t->name));
		for (int j = 1; j < i; j++) {
			assert_string_not_equal(t->name, refusal_text(j)->name);
			assert_string_not_equal(t->what, refusal_text(j)->what);
		}
		if (i != REFUSE_NO_MEMORY)
			assert_true(!strncmp(t->manual, "SDM vol. 3", 10) ||
				    !strncmp(t->manual, "APM vol. 2", 10));
	}
}

static void unknown_numbers_have_a_text_too(void **state)
{
	assert_string_equal(refusal_text(REFUSALS)->name, "unknown");
	assert_string_equal(refusal_text((enum refusal)-1)->name, "unknown");
	assert_string_equal(refusal_text((enum refusal)12345)->name, "unknown");
}

static void line_says_all(void **state)
{
	struct refusal_report why = { .why = REFUSE_VMX_LOCKED_OFF, .cpu = 11, .wanted = 5,
				      .found = 0xfedcba9876543210, .field = "IA32_FEATURE_CONTROL" };
	char line[600];

	swivl_refusal_line(&why, line, sizeof(line));
	assert_non_null(strstr(line, "swivl: The firmware has switched VMX off"));
	assert_non_null(strstr(line, "(vmx-locked-off, CPU 11, IA32_FEATURE_CONTROL: "
				     "wanted 0x5, found 0xfedcba9876543210). "));
	assert_non_null(strstr(line, "[SDM vol. 3, 24.7]"));
	why.field = NULL;
	why.cpu = 0;
	swivl_refusal_line(&why, line, sizeof(line));
	assert_non_null(strstr(line, "(vmx-locked-off, CPU 0). "));
}

static void line_of_every_reason_fits_in_512(void **state)
{
	struct refusal_report why = { .cpu = 0xffffffff, .wanted = ~0ull, .found = ~0ull,
				      .field = "secondary processor-based VM-execution controls" };
	char line[512];

	for (why.why = 0; why.why < REFUSALS; why.why++) {
		swivl_refusal_line(&why, line, sizeof(line));
		assert_true(strlen(line) + 1 < sizeof(line));
	}
}

static void short_buffers_are_not_overrun(void **state)
{
	struct refusal_report why = { .why = REFUSE_VMX_HELD, .field = "CR4.VMXE" };
	char whole[600], line[600];

	swivl_refusal_line(&why, whole, sizeof(whole));
	for (size_t size = 0; size < strlen(whole) + 2; size++) {
		memset(line, 'x', sizeof(line));
		swivl_refusal_line(&why, line, size);
		for (size_t i = size; i < sizeof(line); i++)
			assert_int_equal(line[i], 'x');
		if (!size)
			continue;
		assert_int_equal(strlen(line), size - 1 < strlen(whole) ? size - 1 : strlen(whole));
		assert_memory_equal(line, whole, strlen(line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_its_text),
		cmocka_unit_test(unknown_numbers_have_a_text_too),
		cmocka_unit_test(line_says_all),
		cmocka_unit_test(line_of_every_reason_fits_in_512),
		cmocka_unit_test(short_buffers_are_not_overrun),
	};

	return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
