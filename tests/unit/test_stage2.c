// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* Second-level page tables alone. */
#include "model_test.h"
#include "core/x86/mtrr.h"

#define PRESENT 0x1
#define WRITE 0x2

static struct stage2 s2;
static char *memory;

static int setup(void **state)
{
	model_reset();
	memory = caller_memory(16 * LARGE);
	s2.mtrrs = NULL;
	return stage2_init(&s2);
}

static int teardown(void **state)
{
	stage2_free(&s2);
	return model_teardown(state);
}

/* Pin as memory.c would, then map. */
/* Has a processor to forget what it cached? */
static bool unmap(u64 gpa, u64 size)
{
	u64 before = s2.generation;

	stage2_unmap(&s2, gpa, size);
	return s2.generation != before;
}

static bool write_protect(u64 gpa, u64 size)
{
	u64 before = s2.generation;

	stage2_write_protect(&s2, gpa, size);
	return s2.generation != before;
}

static int map(u64 gpa, u64 offset, unsigned int level, u32 flags)
{
	unsigned int n = level == 2 ? 512 : 1, i;
	static u64 pa[512];
	int err;

	assert_int_equal(host_user_pin(&s2.owner, (u64)memory + offset, n, flags != 0, pa), n);
	err = stage2_map(&s2, gpa, pa[0], level, flags);
	for (i = 0; err && i < n; i++)
		host_user_unpin(&s2.owner, pa[i], false);
	return err;
}

static u64 value;

static u64 leaf_at(u64 gpa, unsigned int want_level)
{
	unsigned int level = 0;
	u64 *leaf = stage2_find(&s2, gpa, &level, &value);

	if (!leaf)
		return 0;
	assert_int_equal(level, want_level);
	return *leaf;
}

static void maps_a_page(void **state)
{
	u64 leaf;

	assert_null(stage2_find(&s2, 0x5000, &(unsigned int){ 0 }, &value));
	assert_int_equal(map(0x5000, 0x3000, 1, STAGE2_MAP_WRITE | STAGE2_MAP_PINNED_WRITE), 0);
	leaf = leaf_at(0x5fff, 1);
	assert_int_equal(stage2_leaf_pa(leaf, 1, 0x5abc), (u64)memory + 0x3abc);
	assert_int_equal(leaf & 0xfff, 0x401 | WRITE | STAGE2_PINNED_WRITE);
	assert_int_equal(leaf_at(0x4fff, 1), 0);
	assert_int_equal(leaf_at(0x6000, 1), 0);
	assert_int_equal(s2.pages, 4);
	assert_int_equal(model_pins, 1);
}

static void maps_a_large_page(void **state)
{
	u64 leaf;

	assert_true(stage2_large_free(&s2, 3 * LARGE));
	assert_int_equal(map(3 * LARGE, LARGE, 2, STAGE2_MAP_PINNED_WRITE), 0);
	assert_false(stage2_large_free(&s2, 3 * LARGE));
	leaf = leaf_at(4 * LARGE - 1, 2);
	assert_int_equal(stage2_leaf_pa(leaf, 2, 3 * LARGE + 0x12345), (u64)memory + LARGE + 0x12345);
	assert_false(leaf & WRITE);
	assert_int_equal(s2.pages, 3);
	assert_int_equal(model_pins, 512);
	/* A 4 KiB page does not go into it. */
	assert_int_equal(map(3 * LARGE + PAGE, 0, 1, 0), -SWIVL_EEXIST);
	assert_true(unmap(3 * LARGE, LARGE));
	assert_int_equal(model_pins, 0);
	assert_int_equal(model_unpinned_dirty, 512);
}

static void nothing_is_mapped_twice(void **state)
{
	assert_int_equal(map(0x5000, 0, 1, 0), 0);
	assert_int_equal(map(0x5000, PAGE, 1, 0), -SWIVL_EEXIST);
	assert_int_equal(stage2_leaf_pa(leaf_at(0x5000, 1), 1, 0), (u64)memory);
	/* Nor a large page over a table. */
	assert_false(stage2_large_free(&s2, 0));
	assert_int_equal(map(0, 0, 2, 0), -SWIVL_EEXIST);
}

static void the_edge_of_the_address_space(void **state)
{
	u64 last = (1ull << STAGE2_BITS) - PAGE;

	assert_int_equal(map(last, 0, 1, 0), 0);
	assert_int_not_equal(leaf_at(last, 1), 0);
	assert_int_equal(map(1ull << STAGE2_BITS, 0, 1, 0), -SWIVL_EINVAL);
	assert_null(stage2_find(&s2, 1ull << STAGE2_BITS, &(unsigned int){ 0 }, &value));
	assert_null(stage2_find(&s2, ~0ull, &(unsigned int){ 0 }, &value));
	assert_true(unmap(last, PAGE));
	assert_int_equal(leaf_at(last, 1), 0);
}

static void unmapping_is_exact_and_frees_tables(void **state)
{
	u64 gpa, base = 0x40000000 - 4 * PAGE; /* over the border of a level-3 entry */

	for (gpa = base; gpa < base + 8 * PAGE; gpa += PAGE)
		assert_int_equal(map(gpa, gpa - base, 1, STAGE2_MAP_PINNED_WRITE), 0);
	assert_int_equal(s2.pages, 1 + 1 + 2 + 2);
	assert_false(unmap(0, base));
	assert_int_equal(s2.generation, 0);
	assert_true(unmap(base + PAGE, 6 * PAGE));
	assert_int_equal(s2.generation, 1);
	assert_int_equal(model_pins, 2);
	assert_int_not_equal(leaf_at(base, 1), 0);
	assert_int_equal(leaf_at(base + PAGE, 1), 0);
	assert_int_equal(leaf_at(base + 6 * PAGE, 1), 0);
	assert_int_not_equal(leaf_at(base + 7 * PAGE, 1), 0);
	assert_true(unmap(base, PAGE));
	assert_int_equal(s2.pages, 1 + 1 + 1 + 1);
	assert_true(unmap(0, 1ull << STAGE2_BITS));
	assert_int_equal(s2.pages, 1);
	assert_int_equal(model_pins, 0);
}

static void write_protection(void **state)
{
	u32 both = STAGE2_MAP_WRITE | STAGE2_MAP_PINNED_WRITE;
	unsigned int level;

	map(0x1000, 0x1000, 1, both);
	map(0x2000, 0x2000, 1, both);
	map(0x3000, 0x3000, 1, STAGE2_MAP_PINNED_WRITE);
	assert_true(write_protect(0x2000, PAGE));
	assert_true(leaf_at(0x1000, 1) & WRITE);
	assert_false(leaf_at(0x2000, 1) & WRITE);
	assert_true(leaf_at(0x2000, 1) & PRESENT);
	assert_false(write_protect(0x2000, 2 * PAGE));
	stage2_allow_write(stage2_find(&s2, 0x2000, &level, &value));
	assert_true(leaf_at(0x2000, 1) & WRITE);
	assert_int_equal(s2.pages, 4);
}

static void failed_allocations_leave_it_whole(void **state)
{
	long n;

	for (n = 1; n <= 3; n++) {
		model_fail_alloc = n;
		assert_int_equal(map(0x5000, 0, 1, 0), -SWIVL_ENOMEM);
		assert_int_equal(leaf_at(0x5000, 1), 0);
		stage2_unmap(&s2, 0, 1ull << STAGE2_BITS);
	}
	model_fail_alloc = 0;
	assert_int_equal(map(0x5000, 0, 1, 0), 0);
}

/* Random operations against a plain array. */
static void agrees_with_an_array(void **state)
{
	static u8 model[4096]; /* 0: none, 1: read-only, 3: writable */
	unsigned int i, k;

	memset(model, 0, sizeof(model));
	srand(1);
	for (i = 0; i < 20000; i++) {
		u64 page = rand() % 4096, n = 1 + rand() % 64;
		u32 flags = rand() % 2 ? STAGE2_MAP_WRITE | STAGE2_MAP_PINNED_WRITE : 0;

		if (page + n > 4096)
			n = 4096 - page;
		switch (rand() % 4) {
		case 0:
			stage2_unmap(&s2, page * PAGE, n * PAGE);
			memset(model + page, 0, n);
			break;
		case 1:
			stage2_write_protect(&s2, page * PAGE, n * PAGE);
			for (k = 0; k < n; k++)
				model[page + k] &= 1;
			break;
		default:
			assert_int_equal(map(page * PAGE, page * PAGE, 1, flags),
					 model[page] ? -SWIVL_EEXIST : 0);
			if (!model[page])
				model[page] = flags ? 3 : 1;
		}
	}
	for (i = 0; i < 4096; i++) {
		u64 leaf = leaf_at(i * PAGE, 1);

		assert_int_equal(leaf & (PRESENT | WRITE), model[i]);
		if (leaf)
			assert_int_equal(stage2_leaf_pa(leaf, 1, 0), (u64)memory + i * PAGE);
	}
}

static unsigned int type_at(u64 gpa, unsigned int level)
{
	return leaf_at(gpa, level) >> 52 & 7;
}

/* Leaves that are there follow the MTRRs; the generation tells only where one has changed. */
static void retype(void **state)
{
	struct mtrrs m = { .cap = 4, .def = 1 << 11 | MEMORY_WB, .address = ~0ull >> 16 };
	u64 second = (u64)memory + LARGE, generation;

	s2.mtrrs = &m;
	for (u64 i = 0; i < 3; i++)
		assert_int_equal(map(i * LARGE, i * LARGE, 2, STAGE2_MAP_WRITE), 0);
	assert_int_equal(map(3 * LARGE + PAGE, 3 * LARGE + PAGE, 1, 0), 0);
	assert_int_equal(type_at(LARGE, 2), MEMORY_WB);
	generation = s2.generation;
	stage2_retype(&s2);
	assert_int_equal(s2.generation, generation);
	/* All of it, and then three pages of the second. */
	m.def = 1 << 11 | MEMORY_WT;
	stage2_retype(&s2);
	assert_int_not_equal(s2.generation, generation);
	assert_int_equal(type_at(0, 2), MEMORY_WT);
	assert_int_equal(type_at(3 * LARGE + PAGE, 1), MEMORY_WT);
	generation = s2.generation;
	m.variable[0][0] = (second + 8 * PAGE) | MEMORY_UC;
	m.variable[0][1] = (m.address & ~(2 * PAGE - 1)) | 1 << 11;
	m.variable[1][0] = (second + 10 * PAGE) | MEMORY_WC;
	m.variable[1][1] = (m.address & ~(PAGE - 1)) | 1 << 11;
	stage2_retype(&s2);
	assert_int_not_equal(s2.generation, generation);
	assert_int_equal(type_at(0, 2), MEMORY_WT);
	assert_int_equal(type_at(2 * LARGE, 2), MEMORY_WT);
	for (u64 i = 0; i < 512; i++) {
		u64 leaf = leaf_at(LARGE + i * PAGE, 1);

		assert_int_equal(leaf >> 52 & 7, i == 10	     ? MEMORY_WC :
						 i == 8 || i == 9 ? MEMORY_UC :
								    MEMORY_WT);
		assert_int_equal(stage2_leaf_pa(leaf, 1, 0), second + i * PAGE);
		assert_true(leaf & WRITE);
	}
	/* Where there is no memory for smaller ones, what is safe for all. */
	m.variable[0][0] = ((u64)memory + 2 * LARGE) | MEMORY_WC;
	model_fail_alloc = 1;
	stage2_retype(&s2);
	assert_int_equal(type_at(2 * LARGE, 2), MEMORY_UC);
	stage2_unmap(&s2, 0, 1ull << STAGE2_BITS);
	assert_int_equal(s2.pages, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(maps_a_page),
		TEST(maps_a_large_page),
		TEST(nothing_is_mapped_twice),
		TEST(the_edge_of_the_address_space),
		TEST(unmapping_is_exact_and_frees_tables),
		TEST(write_protection),
		TEST(failed_allocations_leave_it_whole),
		TEST(agrees_with_an_array),
		TEST(retype),
	};

	return cmocka_run_group_tests_name("stage2", tests, NULL, NULL);
}
