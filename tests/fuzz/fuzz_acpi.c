/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * ACPI tables made of any bytes. Checksums are put right on the way, so that what is behind them
 * is reached.
 */
// uses: host/metal/acpi.c
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SWIVL_HAVE_TYPES
#include "host/metal/acpi.h"

struct input {
	u8 *bytes;
	size_t size;
};

/* Those of one input. */
#define COPIES 20000
static u8 *copies[COPIES];
static size_t ncopies;

/* The bytes stand at 0 and at E0000h; each look gets a copy of its own, to see looks beyond it. */
static const void *at(void *arg, u64 pa, u32 size)
{
	struct input *in = arg;
	u8 sum = 0, *copy;

	pa &= 0x1ffff;
	if (pa > in->size || size > in->size - pa || ncopies == COPIES)
		return NULL;
	copy = copies[ncopies++] = malloc(size);
	memcpy(copy, in->bytes + pa, size);
	for (u32 i = 0; i < size; i++)
		sum += copy[i];
	if (size > 9)
		copy[size == 20 ? 8 : 9] -= sum;
	return copy;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { (u8 *)data, size };
	struct acpi_memory m = { at, &in };
	u64 root = acpi_find_root(&m, 0x9fc00);
	u32 ids[8];

	madt_cpus(acpi_find(&m, root, "APIC"), ids, 8);
	fadt_timer(acpi_find(&m, root, "FACP"));
	if (size) {
		struct acpi_table t = { malloc(size), (u32)size };

		memcpy((void *)t.bytes, data, size);
		madt_cpus(t, ids, 8);
		fadt_timer(t);
		free((void *)t.bytes);
	}
	while (ncopies)
		free(copies[--ncopies]);
	return 0;
}
