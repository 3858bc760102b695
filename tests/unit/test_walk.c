/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The guest's page tables, read from outside: every paging mode, and hostile tables. */
// uses: cli/walk.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cli/machine.h"

static uint8_t ram[64 * 1024] __attribute__((aligned(4096)));
static struct machine m;
static struct kvm_sregs s;

void *machine_ram(const struct machine *machine, uint64_t gpa, uint64_t size)
{
	return gpa < sizeof(ram) && size <= sizeof(ram) - gpa ? ram + gpa : NULL;
}

static void entry(uint64_t table, unsigned int index, uint64_t value)
{
	memcpy(ram + table + index * 8, &value, 8);
}

static void entry32(uint64_t table, unsigned int index, uint32_t value)
{
	memcpy(ram + table + index * 4, &value, 4);
}

static int setup(void **state)
{
	memset(ram, 0, sizeof(ram));
	memset(&s, 0, sizeof(s));
	s.cr0 = 0x80000001;
	s.cr3 = 0x1000;
	return 0;
}

static void assert_maps(uint64_t linear, uint64_t expected)
{
	uint64_t gpa = ~0ull;

	assert_true(guest_translate(&m, &s, linear, &gpa));
	assert_int_equal(gpa, expected);
}

static void assert_nothing(uint64_t linear)
{
	uint64_t gpa;

	assert_false(guest_translate(&m, &s, linear, &gpa));
}

static void no_paging(void **state)
{
	s.cr0 = 1;
	assert_maps(0x12345678, 0x12345678);
	assert_maps(0x1ffffffffull, 0xffffffff);
}

static void two_levels(void **state)
{
	entry32(0x1000, 1, 0x2003);
	entry32(0x2000, 5, 0xabcde003);
	entry32(0x1000, 2, 0x00c02083); /* 4 MiB page, address bit 32 in bit 13 */
	assert_maps(0x00405123, 0xabcde123);
	assert_nothing(0x00406000);
	assert_nothing(0);
	assert_nothing(0x00812345); /* without PSE it is a table, and outside of memory */
	s.cr4 = 0x10;
	assert_maps(0x00812345, 0x100c12345);
}

static void pae(void **state)
{
	s.cr4 = 0x20;
	s.cr3 = 0x1020; /* 32-byte aligned */
	entry(0x1020, 3, 0x2001);
	entry(0x2000, 511, 0x3003);
	entry(0x3000, 511, 0x8000000123456003);
	entry(0x2000, 0, 0x40000083);
	assert_maps(0xfffffabc, 0x123456abc);
	assert_maps(0xc0012345, 0x40012345);
	assert_nothing(0);
}

static void long_mode(void **state)
{
	s.efer = 0x500;
	s.cr4 = 0x20;
	entry(0x1000, 511, 0x2003);
	entry(0x2000, 510, 0x3003);
	entry(0x3000, 8, 0x1000083);
	entry(0x2000, 511, 0x80000083);
	entry(0x3000, 9, 0x4003);
	entry(0x4000, 1, 0x7003);
	assert_maps(0xffffffff81012345, 0x1012345);
	assert_maps(0xffffffffc1234567, 0x81234567);
	assert_maps(0xffffffff81201abc, 0x7abc);
	assert_nothing(0xffffffff81200000);
	assert_nothing(0);
	entry(0x3000, 10, 0xfffffffff003); /* a table outside of memory */
	assert_nothing(0xffffffff81400000);
}

static void five_levels(void **state)
{
	s.efer = 0x500;
	s.cr4 = 0x1020;
	entry(0x1000, 1, 0x2003);
	entry(0x2000, 0, 0x3003);
	entry(0x3000, 0, 0xc0000083);
	assert_maps(0x1000000012345, 0xc0012345);
}

static void code_stops_where_memory_does(void **state)
{
	struct kvm_regs regs = { .rip = sizeof(ram) - 3 };
	uint8_t code[15];

	s.cr0 = 0;
	memcpy(ram + sizeof(ram) - 3, "\x0f\x0b\x90", 3);
	assert_int_equal(guest_code(&m, &s, &regs, code, sizeof(code)), 3);
	assert_memory_equal(code, "\x0f\x0b\x90", 3);
	s.cs.base = 0xf000;
	regs.rip = 0x10;
	assert_int_equal(guest_code(&m, &s, &regs, code, sizeof(code)), 15);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(no_paging), T(two_levels), T(pae), T(long_mode), T(five_levels),
		T(code_stops_where_memory_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
