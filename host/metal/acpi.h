/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What firmware tells in its ACPI tables (ACPI 6.4, 5.2): which processors there are, and a timer.
 * Pure. Nothing in them is believed: every length is checked, every checksum counted, and memory is
 * seen only through who calls.
 */
#ifndef SWIVL_METAL_ACPI_H
#define SWIVL_METAL_ACPI_H

#include "core/types.h"

struct acpi_memory {
	/* @size bytes of physical memory at @pa; NULL where there is none. */
	const void *(*at)(void *arg, u64 pa, u32 size);
	void *arg;
};

struct acpi_table {
	const u8 *bytes; /* NULL: none */
	u32 size;
};

/* The root pointer: in the first KiB of the extended BIOS data area @ebda, or the BIOS' ROM. 0: none. */
u64 acpi_find_root(const struct acpi_memory *m, u64 ebda);
/* The first table of that name that is whole. */
struct acpi_table acpi_find(const struct acpi_memory *m, u64 root, const char *signature);

/*
 * MADT, "APIC": numbers of the local APICs of processors that can be used, each once, at most @room of
 * them to @ids. Returns how many there are, those for which there was no room included.
 */
u32 madt_cpus(struct acpi_table madt, u32 *ids, u32 room);

/* FADT, "FACP": port of the timer that counts at ACPI_TIMER_HZ, or 0. Only its low 24 bits count. */
#define ACPI_TIMER_HZ 3579545u
#define ACPI_TIMER_MASK 0xffffffu
u16 fadt_timer(struct acpi_table fadt);

#endif
