/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the bare machine reads out of firmware's ACPI tables, good and bad ones. */
// uses: host/metal/acpi.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SWIVL_HAVE_TYPES
#include "host/metal/acpi.h"

#define EBDA 0x9fc00u
#define ROOT 0xf5ad0u
#define TABLES 0x7fe0000ull
#define ROOM 0x10000u

/* Memory: the first MiB, and some for tables; each piece apart, so that the sanitizer sees its ends. */
static u8 low[0x100000], tables[ROOM];

static const void *at(void *arg, u64 pa, u32 size)
{
	if (pa + size <= sizeof(low))
		return low + pa;
	if (pa >= TABLES && pa + size <= TABLES + ROOM)
		return tables + (pa - TABLES);
	return NULL;
}

static const struct acpi_memory memory = { .at = at };

static void put32(u8 *p, u32 v)
{
	memcpy(p, &v, sizeof(v));
}

static void put64(u8 *p, u64 v)
{
	memcpy(p, &v, sizeof(v));
}

static void set_sum(u8 *p, u32 size, u32 where)
{
	u8 sum = 0;

	p[where] = 0;
	for (u32 i = 0; i < size; i++)
		sum += p[i];
	p[where] = -sum;
}

static u8 *table(u32 where, const char *signature, u32 size)
{
	u8 *p = tables + where;

	memset(p, 0, size);
	memcpy(p, signature, 4);
	put32(p + 4, size);
	set_sum(p, size, 9);
	return p;
}

#define RSDT 0x100
#define XSDT 0x200
#define FADT 0x400
#define MADT 0x1000

static u8 *madt;
static u32 madt_size;

static void root(u32 where, u8 revision)
{
	u8 *p = low + where;

	memset(p, 0, 36);
	memcpy(p, "RSD PTR ", 8);
	p[15] = revision;
	put32(p + 16, TABLES + RSDT);
	put32(p + 20, 36);
	put64(p + 24, TABLES + XSDT);
	set_sum(p, 20, 8);
	set_sum(p, 36, 32);
}

static void finish_madt(void)
{
	put32(madt + 4, madt_size);
	set_sum(madt, madt_size, 9);
}

static void add_local(u8 id, u32 flags)
{
	u8 *p = madt + madt_size;

	memcpy(p, (u8[]){ 0, 8, 1, id }, 4);
	put32(p + 4, flags);
	madt_size += 8;
	finish_madt();
}

static void add_x2(u32 id, u32 flags)
{
	u8 *p = madt + madt_size;

	memcpy(p, (u8[]){ 9, 16, 0, 0 }, 4);
	put32(p + 4, id);
	put32(p + 8, flags);
	madt_size += 16;
	finish_madt();
}

static int setup(void **state)
{
	u8 *p;

	memset(low, 0, sizeof(low));
	memset(tables, 0, sizeof(tables));
	root(ROOT, 2);
	p = table(RSDT, "RSDT", 36 + 8);
	put32(p + 36, TABLES + FADT);
	put32(p + 40, TABLES + MADT);
	set_sum(p, 44, 9);
	p = table(XSDT, "XSDT", 36 + 16);
	put64(p + 36, TABLES + FADT);
	put64(p + 44, TABLES + MADT);
	set_sum(p, 52, 9);
	p = table(FADT, "FACP", 116);
	put32(p + 76, 0xb008);
	p[91] = 4;
	set_sum(p, 116, 9);
	madt = table(MADT, "APIC", 44);
	madt_size = 44;
	finish_madt();
	return 0;
}

static struct acpi_table find(const char *signature)
{
	u64 r = acpi_find_root(&memory, EBDA);

	return acpi_find(&memory, r, signature);
}

static u32 ids[600];

static u32 cpus(void)
{
	return madt_cpus(find("APIC"), ids, 600);
}

static void root_pointer(void **state)
{
	assert_int_equal(acpi_find_root(&memory, EBDA), ROOT);
	low[ROOT + 9]++;
	assert_int_equal(acpi_find_root(&memory, EBDA), 0);
	root(EBDA + 0x30, 0);
	assert_int_equal(acpi_find_root(&memory, EBDA), EBDA + 0x30);
	assert_int_equal(acpi_find_root(&memory, 0), 0);
	assert_int_equal(acpi_find_root(&memory, 0xa0000), 0);
	root(EBDA + 0x400, 0); /* behind the KiB */
	low[EBDA + 0x30] = 0;
	assert_int_equal(acpi_find_root(&memory, EBDA), 0);
}

static void processors(void **state)
{
	assert_int_equal(cpus(), 0);
	add_local(0, 1);
	add_local(1, 0); /* not there */
	add_local(2, 1);
	add_local(0xff, 1); /* everybody */
	add_x2(300, 1);
	add_x2(2, 1); /* again */
	add_x2(0xffffffff, 1);
	add_x2(301, 0);
	assert_int_equal(cpus(), 3);
	assert_int_equal(ids[0], 0);
	assert_int_equal(ids[1], 2);
	assert_int_equal(ids[2], 300);
}

static void more_than_room(void **state)
{
	u32 few[2] = { 7, 7 };

	for (u32 i = 0; i < 500; i++)
		add_x2(i, 1);
	assert_int_equal(cpus(), 500);
	assert_int_equal(madt_cpus(find("APIC"), few, 1), 500);
	assert_int_equal(few[0], 0);
	assert_int_equal(few[1], 7);
	assert_int_equal(madt_cpus(find("APIC"), NULL, 0), 500);
}

static void old_and_broken_lists(void **state)
{
	add_local(4, 1);
	tables[XSDT + 50]++; /* its sum is wrong: the other list */
	assert_int_equal(cpus(), 1);
	put64(low + ROOT + 24, 0xfee00000);
	set_sum(low + ROOT, 36, 32);
	assert_int_equal(cpus(), 1);
	tables[RSDT + 40] += 4;
	assert_int_equal(cpus(), 0);
	setup(NULL);
	add_local(4, 1);
	low[ROOT + 15] = 0; /* a root of ACPI 1.0 ends after 20 bytes */
	set_sum(low + ROOT, 20, 8);
	memset(tables + XSDT, 0, 52);
	assert_int_equal(cpus(), 1);
}

static void broken_tables(void **state)
{
	static const u32 sizes[] = { 0, 35, 37, 43, 45, 0x100001, 0xffffffff, ROOM - MADT + 1 };

	add_local(4, 1);
	for (u32 i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		put32(madt + 4, sizes[i]);
		if (sizes[i] && sizes[i] < 0x1000)
			set_sum(madt, sizes[i], 9);
		assert_int_equal(cpus(), 0);
	}
	finish_madt();
	assert_int_equal(cpus(), 1);
	madt[9]++;
	assert_int_equal(cpus(), 0);
}

static void broken_entries(void **state)
{
	add_local(4, 1);
	madt[45] = 0; /* no length */
	finish_madt();
	assert_int_equal(cpus(), 0);
	madt[45] = 1;
	finish_madt();
	assert_int_equal(cpus(), 0);
	madt[45] = 7; /* too short for what it says it is */
	finish_madt();
	assert_int_equal(cpus(), 0);
	madt[45] = 9; /* beyond the end */
	finish_madt();
	assert_int_equal(cpus(), 0);
	madt[45] = 8;
	madt_size--;
	finish_madt();
	assert_int_equal(cpus(), 0);
}

static void timer(void **state)
{
	u8 *p = tables + FADT;

	assert_int_equal(fadt_timer(find("FACP")), 0xb008);
	put32(p + 76, 0x1b008);
	set_sum(p, 116, 9);
	assert_int_equal(fadt_timer(find("FACP")), 0);
	p = table(FADT, "FACP", 91);
	put32(p + 76, 0xb008);
	p[91] = 4;
	set_sum(p, 91, 9);
	assert_int_equal(fadt_timer(find("FACP")), 0);
	assert_int_equal(fadt_timer(find("HPET")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(root_pointer, setup),
		cmocka_unit_test_setup(processors, setup),
		cmocka_unit_test_setup(more_than_room, setup),
		cmocka_unit_test_setup(old_and_broken_lists, setup),
		cmocka_unit_test_setup(broken_tables, setup),
		cmocka_unit_test_setup(broken_entries, setup),
		cmocka_unit_test_setup(timer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
