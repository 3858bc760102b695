/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The ACPI tables, walked as a kernel does. */
// uses: cli/acpi.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/acpi.h"

#define AT 0xe0000u

static uint8_t *tables;

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint8_t sum(const uint8_t *p, uint32_t size)
{
	uint8_t v = 0;

	while (size--)
		v += *p++;
	return v;
}

static const uint8_t *table(uint32_t address, const char *signature)
{
	const uint8_t *t = tables + (address - AT);

	assert_true(address >= AT && address < AT + ACPI_ROOM);
	assert_memory_equal(t, signature, 4);
	assert_true(get32(t + 4) <= ACPI_ROOM - (address - AT));
	if (strcmp(signature, "FACS"))
		assert_int_equal(sum(t, get32(t + 4)), 0);
	return t;
}

static unsigned int count(const uint8_t *madt, uint8_t type)
{
	unsigned int n = 0;

	for (uint32_t off = 44; off < get32(madt + 4); off += madt[off + 1]) {
		assert_true(madt[off + 1] >= 2);
		n += madt[off] == type;
	}
	return n;
}

static void tables_hang_together(void **state)
{
	static const unsigned int cpus[] = { 1, 2, ACPI_MAX_CPUS };

	for (unsigned int i = 0; i < 3; i++) {
		const uint8_t *rsdt, *fadt, *madt, *dsdt;

		tables = malloc(ACPI_ROOM);
		acpi_build(tables, AT, cpus[i]);
		assert_memory_equal(tables, "RSD PTR ", 8);
		assert_int_equal(sum(tables, 20), 0);
		rsdt = table(get32(tables + 16), "RSDT");
		assert_int_equal(get32(rsdt + 4), 36 + 2 * 4);
		fadt = table(get32(rsdt + 36), "FACP");
		madt = table(get32(rsdt + 40), "APIC");
		table(get32(fadt + 36), "FACS");
		assert_int_equal(get32(fadt + 36) % 64, 0);
		dsdt = table(get32(fadt + 40), "DSDT");
		assert_memory_equal(dsdt + 37, "_S5_", 4);
		assert_int_equal(get32(fadt + 64), ACPI_PM1_CONTROL);
		assert_int_equal(get32(fadt + 4), 244);
		assert_int_equal(count(madt, 0), cpus[i]);
		assert_int_equal(count(madt, 1), 1);
		free(tables);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tables_hang_together) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
