// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "host/metal/acpi.h"

#define MAX_TABLE (1u << 20)

static u32 get32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static u64 get64(const u8 *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool sums_to_zero(const u8 *p, u32 size)
{
	u8 sum = 0;

	while (size--)
		sum += *p++;
	return !sum;
}

/* ---- the root pointer (5.2.5) ------------------------------------------------------------------ */

#define ROOT_SIZE 20u
#define ROOT_REVISION 15
#define ROOT_RSDT 16
#define ROOT_XSDT 24
#define ROOT_LONG_SIZE 36u

static u64 scan(const struct acpi_memory *m, u64 from, u64 to)
{
	for (u64 pa = from; pa < to; pa += 16) {
		const u8 *p = m->at(m->arg, pa, ROOT_SIZE);

		if (p && !memcmp(p, "RSD PTR ", 8) && sums_to_zero(p, ROOT_SIZE))
			return pa;
	}
	return 0;
}

u64 acpi_find_root(const struct acpi_memory *m, u64 ebda)
{
	u64 root = 0;

	if (ebda >= 0x400 && ebda < 0xa0000)
		root = scan(m, ebda & ~15ull, (ebda & ~15ull) + 1024);
	return root ? root : scan(m, 0xe0000, 0x100000);
}

/* ---- tables (5.2.6) ---------------------------------------------------------------------------- */

#define HEADER_SIZE 36u
#define HEADER_LENGTH 4

static struct acpi_table whole_table(const struct acpi_memory *m, u64 pa, const char *signature)
{
	struct acpi_table none = { NULL, 0 };
	const u8 *p = m->at(m->arg, pa, HEADER_SIZE);
	u32 size;

	if (!p || memcmp(p, signature, 4))
		return none;
	size = get32(p + HEADER_LENGTH);
	if (size < HEADER_SIZE || size > MAX_TABLE)
		return none;
	p = m->at(m->arg, pa, size);
	if (!p || !sums_to_zero(p, size))
		return none;
	return (struct acpi_table){ p, size };
}

/* The list of all tables: with addresses of 64 bits, or of 32. */
static struct acpi_table list_of_tables(const struct acpi_memory *m, u64 root, u32 *entry)
{
	struct acpi_table list = { NULL, 0 };
	const u8 *p = m->at(m->arg, root, ROOT_SIZE);

	if (!p)
		return list;
	if (p[ROOT_REVISION] >= 2) {
		const u8 *more = m->at(m->arg, root, ROOT_LONG_SIZE);

		if (more && sums_to_zero(more, ROOT_LONG_SIZE)) {
			*entry = 8;
			list = whole_table(m, get64(more + ROOT_XSDT), "XSDT");
		}
	}
	if (!list.bytes) {
		*entry = 4;
		list = whole_table(m, get32(p + ROOT_RSDT), "RSDT");
	}
	return list;
}

struct acpi_table acpi_find(const struct acpi_memory *m, u64 root, const char *signature)
{
	struct acpi_table table = { NULL, 0 };
	u32 entry = 0;
	struct acpi_table list = list_of_tables(m, root, &entry);

	if (!list.bytes)
		return table;
	for (u32 at = HEADER_SIZE; at + entry <= list.size && !table.bytes; at += entry) {
		const u8 *p = list.bytes + at;

		table = whole_table(m, entry == 8 ? get64(p) : get32(p), signature);
	}
	return table;
}

/* ---- MADT (5.2.12) ----------------------------------------------------------------------------- */

#define MADT_ENTRIES 44u
#define MADT_LOCAL_APIC 0 /* 8 bytes: type, length, processor, APIC ID, flags */
#define MADT_LOCAL_X2APIC 9 /* 16 bytes: type, length, 2 reserved, APIC ID, flags, processor */
#define MADT_ENABLED 1u

static u32 add_cpu(u32 *ids, u32 room, u32 n, u32 id)
{
	for (u32 i = 0; i < n && i < room; i++)
		if (ids[i] == id)
			return n;
	if (n < room)
		ids[n] = id;
	return n + 1;
}

u32 madt_cpus(struct acpi_table madt, u32 *ids, u32 room)
{
	u32 at = MADT_ENTRIES, n = 0;

	while (madt.bytes && at + 2 <= madt.size) {
		const u8 *p = madt.bytes + at;
		u8 type = p[0], size = p[1];

		/* Without a length nothing behind it can be found. */
		if (size < 2 || size > madt.size - at)
			break;
		if (type == MADT_LOCAL_APIC && size >= 8 && (get32(p + 4) & MADT_ENABLED) &&
		    p[3] != 0xff)
			n = add_cpu(ids, room, n, p[3]);
		else if (type == MADT_LOCAL_X2APIC && size >= 16 && (get32(p + 8) & MADT_ENABLED) &&
			 get32(p + 4) != 0xffffffff)
			n = add_cpu(ids, room, n, get32(p + 4));
		at += size;
	}
	return n;
}

/* ---- FADT (5.2.9) ------------------------------------------------------------------------------ */

#define FADT_TIMER 76
#define FADT_TIMER_LENGTH 91

u16 fadt_timer(struct acpi_table fadt)
{
	u32 port;

	if (!fadt.bytes || fadt.size <= FADT_TIMER_LENGTH || fadt.bytes[FADT_TIMER_LENGTH] != 4)
		return 0;
	port = get32(fadt.bytes + FADT_TIMER);
	return port <= 0xfffc ? (u16)port : 0;
}
