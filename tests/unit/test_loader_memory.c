/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
// uses: host/metal/boot/memory.c
/* The loader's memory maps: what is cut out, and what has room where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/metal/boot/loader.h"

#define MIB 0x100000ull
#define FOUR_GIB 0x100000000ull
#define ALL (1ull << 52)

static struct memory_map map;

static void add(u64 base, u64 end, u32 type)
{
	map.entry[map.count++] = (struct boot_memory){ base, end - base, type, 1 };
}

static int start(void **state)
{
	map.count = 0;
	return 0;
}

static void assert_entry(u32 i, u64 base, u64 end, u32 type)
{
	assert_true(i < map.count);
	assert_int_equal(map.entry[i].base, base);
	assert_int_equal(map.entry[i].base + map.entry[i].size, end);
	assert_int_equal(map.entry[i].type, type);
}

static void a_hole_in_one_entry(void **state)
{
	add(0, MIB, 1);
	add(16 * MIB, 64 * MIB, 1);
	assert_true(memory_reserve(&map, 32 * MIB, 4 * MIB));
	assert_int_equal(map.count, 4);
	assert_entry(0, 0, MIB, 1);
	assert_entry(1, 16 * MIB, 32 * MIB, 1);
	assert_entry(2, 32 * MIB, 36 * MIB, 2);
	assert_entry(3, 36 * MIB, 64 * MIB, 1);
}

static void at_an_end_and_over_several(void **state)
{
	add(0, 2 * MIB, 1);
	add(2 * MIB, 3 * MIB, 4);
	add(3 * MIB, 8 * MIB, 1);
	assert_true(memory_reserve(&map, MIB, 4 * MIB));
	assert_int_equal(map.count, 5);
	assert_entry(0, 0, MIB, 1);
	assert_entry(1, MIB, 2 * MIB, 2);
	assert_entry(2, 2 * MIB, 3 * MIB, 4);
	assert_entry(3, 3 * MIB, 5 * MIB, 2);
	assert_entry(4, 5 * MIB, 8 * MIB, 1);
}

static void what_is_not_usable_stays(void **state)
{
	add(0, 8 * MIB, 2);
	assert_true(memory_reserve(&map, MIB, MIB));
	assert_int_equal(map.count, 1);
	assert_entry(0, 0, 8 * MIB, 2);
}

static void no_room_for_the_pieces(void **state)
{
	for (int i = 0; i < MEMORY_MAX; i++)
		add(i * 2 * MIB, (i * 2 + 1) * MIB, 1);
	assert_false(memory_reserve(&map, 4 * MIB + 0x1000, 0x1000));
	assert_int_equal(map.count, MEMORY_MAX);
}

static void an_entry_to_the_last_address(void **state)
{
	map.entry[map.count++] = (struct boot_memory){ 2 * MIB, ~0ull, 1, 1 };
	assert_true(memory_reserve(&map, 4 * MIB, 2 * MIB));
	assert_int_equal(map.count, 3);
	assert_entry(2, 6 * MIB, ~0ull, 1);
	assert_int_equal(memory_top(&map), ~0ull);
}

static void the_highest_place(void **state)
{
	add(MIB, 3072 * MIB, 1);
	add(FOUR_GIB, FOUR_GIB + 100 * MIB + 4096, 1);
	add(0, MIB, 1);
	assert_int_equal(memory_place(&map, 6 * MIB, 2 * MIB, MIB, ALL), FOUR_GIB + 94 * MIB);
	/* Not beyond what is asked for; aligned. */
	assert_int_equal(memory_place(&map, 6 * MIB, 2 * MIB, MIB, FOUR_GIB), 3066 * MIB);
	assert_int_equal(memory_place(&map, 5 * MIB, 2 * MIB, MIB, FOUR_GIB), 3066 * MIB);
	assert_int_equal(memory_place(&map, 5 * MIB, 2 * MIB, MIB, 33 * MIB), 28 * MIB);
}

static void unsorted_and_overlapped(void **state)
{
	add(60 * MIB, 70 * MIB, 2);
	add(MIB, 64 * MIB, 1);
	add(40 * MIB + 100, 40 * MIB + 200, 3);
	assert_int_equal(memory_place(&map, 8 * MIB, 2 * MIB, MIB, ALL), 52 * MIB);
	assert_int_equal(memory_place(&map, 30 * MIB, 2 * MIB, MIB, ALL), 10 * MIB);
	assert_int_equal(memory_end_of_run(&map, MIB), 40 * MIB + 100);
	assert_int_equal(memory_end_of_run(&map, 41 * MIB), 60 * MIB);
	assert_int_equal(memory_end_of_run(&map, 65 * MIB), 65 * MIB);
}

static void no_place(void **state)
{
	assert_int_equal(memory_place(&map, 2 * MIB, 2 * MIB, MIB, ALL), 0);
	add(MIB, 5 * MIB, 1);
	/* 4 MiB, but aligned there are only 2. */
	assert_int_equal(memory_place(&map, 4 * MIB, 2 * MIB, MIB, ALL), 0);
	assert_int_equal(memory_place(&map, 2 * MIB, 2 * MIB, MIB, ALL), 2 * MIB);
	add(0, 16 * MIB, 2);
	assert_int_equal(memory_place(&map, 2 * MIB, 2 * MIB, MIB, ALL), 0);
	assert_int_equal(memory_place(&map, 2 * MIB, 2 * MIB, ALL, MIB), 0);
}

static void a_run_over_several_entries(void **state)
{
	add(15 * MIB, 32 * MIB, 1);
	add(MIB, 15 * MIB, 1);
	assert_int_equal(memory_end_of_run(&map, MIB), 32 * MIB);
	assert_int_equal(memory_top(&map), 32 * MIB);
}

/* Whatever the map: no overlap of what is found with what is not usable, and the sum is right. */
static void random_maps(void **state)
{
	srand(1);
	for (int round = 0; round < 20000; round++) {
		u64 base, size = (rand() % 8 + 1) * 2 * MIB, usable = 0;
		struct memory_map cut;

		map.count = 0;
		for (int i = rand() % 6; i >= 0; i--) {
			u64 at = rand() % 64 * MIB + rand() % 3 * 4096;

			add(at, at + (rand() % 40 + 1) * MIB, rand() % 3 + 1);
		}
		base = memory_place(&map, size, 2 * MIB, MIB, 100 * MIB);
		if (!base)
			continue;
		assert_true(base % (2 * MIB) == 0 && base >= MIB && base + size <= 100 * MIB);
		for (u32 i = 0; i < map.count; i++) {
			const struct boot_memory *e = &map.entry[i];

			usable |= e->type == 1 && e->base <= base && e->base + e->size >= base + size;
			assert_false(e->type != 1 && e->base < base + size && base < e->base + e->size);
		}
		assert_true(usable);
		cut = map;
		assert_true(memory_reserve(&cut, base, size));
		for (u32 i = 0; i < cut.count; i++)
			assert_false(cut.entry[i].type == 1 && cut.entry[i].base < base + size &&
				     base < cut.entry[i].base + cut.entry[i].size);
		assert_true(memory_end_of_run(&cut, MIB) <= base || memory_end_of_run(&cut, MIB) == MIB);
	}
}

#define TEST(f) cmocka_unit_test_setup(f, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hole_in_one_entry),
		TEST(at_an_end_and_over_several),
		TEST(what_is_not_usable_stays),
		TEST(no_room_for_the_pieces),
		TEST(an_entry_to_the_last_address),
		TEST(the_highest_place),
		TEST(unsorted_and_overlapped),
		TEST(no_place),
		TEST(a_run_over_several_entries),
		TEST(random_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
