/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Memory types by MTRRs: which register holds for an address, and how large a page may be. */
// uses: core/x86/mtrr.c
// flags: -DSWIVL_MODEL
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SWIVL_HAVE_TYPES
#include "core/x86/cpu.h"
#include "core/x86/mtrr.h"
#include "core/x86/regs.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define FIXED_ON (1u << 10)
#define ON (1u << 11)
#define VALID (1u << 11)
#define BITS 40
#define ADDRESS ((1ull << BITS) - 1)

static struct mtrrs m;
static u64 msrs[0x400];
static bool has_mtrrs;

u64 x86_rdmsr(u32 msr)
{
	assert_true(has_mtrrs);
	assert_true(msr < 0x400);
	return msrs[msr];
}

struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf)
{
	struct x86_cpuid c = { 0 };

	if (leaf == 0x80000000)
		c.eax = 0x80000008;
	if (leaf == 0x80000008)
		c.eax = 0x3000 | BITS;
	if (leaf == 1 && has_mtrrs)
		c.edx = CPUID_1_EDX_MTRR;
	return c;
}

/* Ten variable registers and the fixed ones, write-back where nothing says otherwise. */
static int setup(void **state)
{
	memset(&m, 0, sizeof(m));
	memset(msrs, 0, sizeof(msrs));
	has_mtrrs = true;
	m.cap = 0x100 | 10;
	m.def = ON | MEMORY_WB;
	m.address = ADDRESS;
	return 0;
}

static void variable(unsigned int i, u64 base, u64 size, enum memory_type type)
{
	m.variable[i][0] = base | type;
	m.variable[i][1] = (~(size - 1) & ADDRESS) | VALID;
}

static enum memory_type at(u64 pa)
{
	return mtrr_type(&m, pa, 4 * KIB);
}

static void disabled_all_is_uncached(void **state)
{
	m.def = MEMORY_WB;
	variable(0, 0, GIB, MEMORY_WB);
	assert_false(mtrr_enabled(&m));
	assert_int_equal(at(0), MEMORY_UC);
	assert_int_equal(mtrr_type(&m, 0, GIB), MEMORY_UC);
	assert_true(mtrr_uniform(&m, 0, GIB));
}

static void default_type(void **state)
{
	assert_int_equal(at(5 * GIB), MEMORY_WB);
	m.def = ON | MEMORY_WT;
	assert_int_equal(at(5 * GIB), MEMORY_WT);
	m.def = ON | 2; /* a reserved type */
	assert_int_equal(at(5 * GIB), MEMORY_UC);
	m.def = ON | 0x26;
	assert_int_equal(at(5 * GIB), MEMORY_UC);
}

/* Each of the 88 ranges in turn is the only one that is not write-back. */
static void fixed_ranges(void **state)
{
	m.def |= FIXED_ON;
	for (unsigned int n = 0; n < MTRR_FIXED * 8; n++) {
		u64 size = n < 8 ? 64 * KIB : n < 24 ? 16 * KIB : 4 * KIB;
		u64 base = n < 8 ? n * size :
			   n < 24 ? 0x80000 + (n - 8) * size : 0xc0000 + (n - 24) * size;

		memset(m.fixed, MEMORY_WB, sizeof(m.fixed));
		((u8 *)m.fixed)[n] = MEMORY_WP;
		assert_int_equal(at(base), MEMORY_WP);
		assert_int_equal(at(base + size - 4 * KIB), MEMORY_WP);
		if (base)
			assert_int_equal(at(base - 4 * KIB), MEMORY_WB);
		assert_int_equal(at(base + size), MEMORY_WB);
		assert_true(mtrr_uniform(&m, base, size));
		assert_false(mtrr_uniform(&m, base & ~(size * 2 - 1), size * 2));
	}
}

static void fixed_go_before_variable(void **state)
{
	m.def |= FIXED_ON;
	memset(m.fixed, MEMORY_WC, sizeof(m.fixed));
	variable(0, 0, GIB, MEMORY_WT);
	assert_int_equal(at(0xff000), MEMORY_WC);
	assert_int_equal(at(0x100000), MEMORY_WT);
	/* Not where they are switched off, or there are none. */
	m.def &= ~FIXED_ON;
	assert_int_equal(at(0xff000), MEMORY_WT);
	m.def |= FIXED_ON;
	m.cap &= ~0x100ull;
	assert_int_equal(at(0xff000), MEMORY_WT);
}

static void a_large_page_over_fixed_ranges(void **state)
{
	m.def |= FIXED_ON;
	memset(m.fixed, MEMORY_WB, sizeof(m.fixed));
	assert_true(mtrr_uniform(&m, 0, MIB));
	/* Beyond them other registers hold: never by chance. */
	assert_false(mtrr_uniform(&m, 0, 2 * MIB));
	assert_int_equal(mtrr_type(&m, 0, 2 * MIB), MEMORY_UC);
	assert_true(mtrr_uniform(&m, 2 * MIB, 2 * MIB));
}

static void variable_range(void **state)
{
	variable(3, 3 * GIB, GIB, MEMORY_UC);
	assert_int_equal(at(3 * GIB - 4 * KIB), MEMORY_WB);
	assert_int_equal(at(3 * GIB), MEMORY_UC);
	assert_int_equal(at(4 * GIB - 4 * KIB), MEMORY_UC);
	assert_int_equal(at(4 * GIB), MEMORY_WB);
	m.variable[3][1] &= ~(u64)VALID;
	assert_int_equal(at(3 * GIB), MEMORY_WB);
}

/* Only as many as the processor says, whatever is in the rest. */
static void count_of_variable_ranges(void **state)
{
	variable(10, 0, GIB, MEMORY_UC);
	assert_int_equal(at(2 * MIB), MEMORY_WB);
	m.cap = 0x1ff; /* more than there are places for */
	assert_int_equal(at(2 * MIB), MEMORY_UC);
	assert_false(mtrr_uniform(&m, 0, 2 * GIB));
}

/* SDM vol. 3, 12.11.4.1 */
static void overlapping(void **state)
{
	static const struct {
		enum memory_type a, b, both;
	} rules[] = {
		{ MEMORY_UC, MEMORY_WB, MEMORY_UC }, { MEMORY_WB, MEMORY_UC, MEMORY_UC },
		{ MEMORY_WT, MEMORY_WB, MEMORY_WT }, { MEMORY_WB, MEMORY_WT, MEMORY_WT },
		{ MEMORY_WB, MEMORY_WB, MEMORY_WB }, { MEMORY_WC, MEMORY_WC, MEMORY_WC },
		{ MEMORY_WC, MEMORY_UC, MEMORY_UC }, { MEMORY_WC, MEMORY_WB, MEMORY_UC /* undefined */ },
	};

	m.def = ON | MEMORY_WP;
	for (unsigned int i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		variable(0, 0, 2 * GIB, rules[i].a);
		variable(9, GIB, GIB, rules[i].b);
		assert_int_equal(at(GIB), rules[i].both);
		assert_int_equal(at(GIB - 4 * KIB), rules[i].a);
		assert_int_equal(at(2 * GIB), MEMORY_WP);
	}
}

/* A mask with a hole: many ranges at once (12.11.4). One with bits beyond an address, or none. */
static void odd_masks(void **state)
{
	m.variable[0][0] = 0 | MEMORY_UC;
	m.variable[0][1] = (4 * MIB) | VALID; /* every other 4 MiB */
	for (u64 pa = 0; pa < 64 * MIB; pa += 2 * MIB) {
		assert_int_equal(at(pa), pa & (4 * MIB) ? MEMORY_WB : MEMORY_UC);
		assert_true(mtrr_uniform(&m, pa, 2 * MIB));
	}
	assert_true(mtrr_uniform(&m, 8 * MIB, 4 * MIB));
	assert_false(mtrr_uniform(&m, 8 * MIB, 8 * MIB));
	m.variable[0][1] = VALID;
	assert_int_equal(at(77 * GIB), MEMORY_UC);
	m.variable[0][0] = 3; /* a reserved type */
	assert_int_equal(at(77 * GIB), MEMORY_UC);
	variable(0, GIB, GIB, MEMORY_WT);
	m.variable[0][1] |= 1ull << 52 | 0x7ff;
	assert_int_equal(at(GIB + 4 * KIB), MEMORY_WT);
}

/* The largest page: a hole of 4 KiB ends each that it is in, and no other. */
static void largest_uniform_page(void **state)
{
	const u64 hole = 5 * GIB + 6 * MIB + 12 * KIB;

	variable(0, hole, 4 * KIB, MEMORY_UC);
	for (u64 size = 8 * KIB; size <= 8 * GIB; size *= 2) {
		assert_false(mtrr_uniform(&m, hole & ~(size - 1), size));
		assert_int_equal(mtrr_type(&m, hole & ~(size - 1), size), MEMORY_UC);
		assert_true(mtrr_uniform(&m, (hole ^ size) & ~(size - 1), size));
		assert_int_equal(mtrr_type(&m, (hole ^ size) & ~(size - 1), size), MEMORY_WB);
	}
	assert_true(mtrr_uniform(&m, hole, 4 * KIB));
}

/* Whatever the registers hold: a page that is called uniform has one type everywhere. */
static void uniform_is_never_wrong(void **state)
{
	srand(1);
	for (unsigned int round = 0; round < 20000; round++) {
		u64 size = 4 * KIB << rand() % 10, pa = ((u64)rand() << 12 & (8 * MIB - 1)) & ~(size - 1);

		m.def = ON | (round & 1 ? FIXED_ON : 0) | rand() % 8;
		for (unsigned int i = 0; i < MTRR_FIXED; i++)
			m.fixed[i] = 0x0101010101010101ull * (rand() % 8);
		for (unsigned int i = 0; i < 4; i++) {
			m.variable[i][0] = ((u64)rand() << 12 & (8 * MIB - 1)) | rand() % 8;
			m.variable[i][1] = (ADDRESS & ~(((u64)rand() << 12) & (8 * MIB - 1))) |
					   (rand() & VALID);
		}
		if (!mtrr_uniform(&m, pa, size))
			continue;
		for (u64 p = pa; p < pa + size; p += 4 * KIB)
			assert_int_equal(at(p), mtrr_type(&m, pa, size));
	}
}

static void same(void **state)
{
	struct mtrrs a = m, b = m;

	assert_true(mtrr_same(&a, &b));
	b.variable[4][0] = 0x12345000; /* not valid: says nothing */
	b.fixed[2] = 77; /* switched off */
	assert_true(mtrr_same(&a, &b));
	b.variable[4][1] = VALID;
	assert_false(mtrr_same(&a, &b));
	a.variable[4][1] = VALID;
	assert_false(mtrr_same(&a, &b));
	a.variable[4][0] = 0x12345000;
	assert_true(mtrr_same(&a, &b));
	a.def |= FIXED_ON;
	assert_false(mtrr_same(&a, &b));
	b.def |= FIXED_ON;
	assert_false(mtrr_same(&a, &b));
	b.fixed[2] = 0;
	assert_true(mtrr_same(&a, &b));
	b.def = ON | FIXED_ON | MEMORY_UC;
	assert_false(mtrr_same(&a, &b));
	b.def &= ~ON;
	assert_false(mtrr_same(&a, &b));
	a.def &= ~ON;
	assert_true(mtrr_same(&a, &b));
}

static void read_from_the_processor(void **state)
{
	static const u32 fixed[MTRR_FIXED] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
					       0x26b, 0x26c, 0x26d, 0x26e, 0x26f };

	msrs[0xfe] = 0x500 | 3;
	msrs[0x2ff] = ON | FIXED_ON | MEMORY_WT;
	for (unsigned int i = 0; i < MTRR_FIXED; i++)
		msrs[fixed[i]] = 0x100 + i;
	for (unsigned int i = 0; i < 10; i++)
		msrs[0x200 + i] = 0x200 + i;
	mtrr_read(&m);
	assert_int_equal(m.address, ADDRESS);
	assert_int_equal(m.def, msrs[0x2ff]);
	for (unsigned int i = 0; i < MTRR_FIXED; i++)
		assert_int_equal(m.fixed[i], 0x100 + i);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(m.variable[i][0], 0x200 + 2 * i);
		assert_int_equal(m.variable[i][1], 0x201 + 2 * i);
	}
	assert_int_equal(m.variable[3][0], 0); /* is not there */
	has_mtrrs = false;
	mtrr_read(&m);
	assert_int_equal(mtrr_type(&m, 0, GIB), MEMORY_WB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(disabled_all_is_uncached, setup),
		cmocka_unit_test_setup(default_type, setup),
		cmocka_unit_test_setup(fixed_ranges, setup),
		cmocka_unit_test_setup(fixed_go_before_variable, setup),
		cmocka_unit_test_setup(a_large_page_over_fixed_ranges, setup),
		cmocka_unit_test_setup(variable_range, setup),
		cmocka_unit_test_setup(count_of_variable_ranges, setup),
		cmocka_unit_test_setup(overlapping, setup),
		cmocka_unit_test_setup(odd_masks, setup),
		cmocka_unit_test_setup(largest_uniform_page, setup),
		cmocka_unit_test_setup(uniform_is_never_wrong, setup),
		cmocka_unit_test_setup(same, setup),
		cmocka_unit_test_setup(read_from_the_processor, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
