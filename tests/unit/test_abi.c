// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: tests/unit/abi_system.c
/* swivl's header against the system's <linux/kvm.h>: every number, size and offset. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "swivl/abi.h"
/* The system's header after ours: it must do no harm. */
#include <linux/kvm.h>
#ifndef SWIVL_ABI_OWN
#error "this must be swivl's header"
#endif
#include "abi_table.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const struct abi_fact ours[] = {
#include "abi_list.h"
};

static void same_as_system(void **state)
{
	unsigned int i, bad = 0;

	assert_int_equal(COUNT_OF(ours), abi_system_count);
	for (i = 0; i < abi_system_count; i++) {
		if (ours[i].a == abi_system[i].a && ours[i].b == abi_system[i].b)
			continue;
		print_error("%s: %#llx %#llx, the system says %#llx %#llx\n", ours[i].name,
			    ours[i].a, ours[i].b, abi_system[i].a, abi_system[i].b);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static int listed(const char *name)
{
	unsigned int i;

	for (i = 0; i < COUNT_OF(ours); i++)
		if (!strcmp(ours[i].name, name))
			return 1;
	return 0;
}

/* Nothing in the header stays uncompared: each constant and structure of the file is in the list. */
static void check_file(const char *path, unsigned int at_least)
{
	char line[256], name[128];
	unsigned int found = 0, missing = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char value[8];

		if (sscanf(line, "#define %127[A-Za-z0-9_] %7s", name, value) != 2 &&
		    !(sscanf(line, "struct %127[a-z0-9_] %7s", name, value) == 2 && *value == '{'))
			continue;
		found++;
		if (!listed(name)) {
			print_error("%s: %s is not compared\n", path, name);
			missing++;
		}
	}
	fclose(f);
	assert_int_equal(missing, 0);
	assert_true(found >= at_least);
}

static void nothing_forgotten(void **state)
{
	check_file("include/swivl/abi_state.h", 150);
	check_file("include/swivl/abi_requests.h", 180);
}

static void own_requests_are_free(void **state)
{
	unsigned int i;

	for (i = 0; i < COUNT_OF(ours); i++) {
		unsigned long long v = ours[i].a;

		if (!strncmp(ours[i].name, "KVM_", 4) && v <= 0xffffffff &&
		    ((v >> 8) & 0xff) == SWIVL_IOC_TYPE)
			assert_true((v & 0xff) < 0xf0);
	}
	assert_int_equal(SWIVL_GET_VERSION, 0x8010aef0);
	assert_int_equal(SWIVL_EXIT_KINDS <= SWIVL_EXIT_ROOM, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_system),
		cmocka_unit_test(nothing_forgotten),
		cmocka_unit_test(own_requests_are_free),
	};

	return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
