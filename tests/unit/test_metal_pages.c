/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The page allocator of the bare machine, against a plain picture of what is taken. */
// uses: host/metal/pages.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SWIVL_HAVE_TYPES
#include "host/metal/pages.h"

#define PAGES 300
static u16 runs[PAGES];
static struct page_pool pool;

static int setup(void **state)
{
	memset(runs, 0xee, sizeof(runs));
	pages_init(&pool, runs, PAGES);
	return 0;
}

static void takes_the_lowest(void **state)
{
	assert_int_equal(pages_take(&pool, 3), 0);
	assert_int_equal(pages_take(&pool, 1), 3);
	assert_int_equal(pages_give(&pool, 0), 3);
	assert_int_equal(pages_take(&pool, 4), 4);
	assert_int_equal(pages_take(&pool, 2), 0);
	assert_int_equal(pool.used, 7);
}

static void ends(void **state)
{
	assert_int_equal(pages_take(&pool, 0), PAGES_NONE);
	assert_int_equal(pages_take(&pool, PAGES + 1), PAGES_NONE);
	assert_int_equal(pages_take(&pool, ~0u), PAGES_NONE);
	assert_int_equal(pages_take(&pool, PAGES), 0);
	assert_int_equal(pages_take(&pool, 1), PAGES_NONE);
	assert_int_equal(pages_give(&pool, 0), PAGES);
	assert_int_equal(pool.used, 0);
}

static void what_was_not_given_out(void **state)
{
	u32 first = pages_take(&pool, 5);

	assert_int_equal(pages_give(&pool, first + 1), 0);
	assert_int_equal(pages_give(&pool, first + 5), 0);
	assert_int_equal(pages_give(&pool, PAGES), 0);
	assert_int_equal(pages_give(&pool, ~0u), 0);
	assert_int_equal(pages_give(&pool, first), 5);
	assert_int_equal(pages_give(&pool, first), 0);
	assert_int_equal(pool.used, 0);
}

static void at_random(void **state)
{
	u8 taken[PAGES] = { 0 }; /* number of the run */
	struct {
		u32 first, n;
	} run[64] = { { 0 } };

	srand(1);
	for (int step = 0; step < 20000; step++) {
		int i = 1 + rand() % 63;

		if (run[i].n) {
			assert_int_equal(pages_give(&pool, run[i].first), run[i].n);
			memset(taken + run[i].first, 0, run[i].n);
			run[i].n = 0;
			continue;
		}
		run[i].n = 1 + rand() % 20;
		run[i].first = pages_take(&pool, run[i].n);
		if (run[i].first == PAGES_NONE) {
			run[i].n = 0;
			continue;
		}
		for (u32 k = 0; k < run[i].n; k++) {
			assert_int_equal(taken[run[i].first + k], 0);
			taken[run[i].first + k] = (u8)i;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_the_lowest, setup),
		cmocka_unit_test_setup(ends, setup),
		cmocka_unit_test_setup(what_was_not_given_out, setup),
		cmocka_unit_test_setup(at_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
