// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Where swivl may be on a disk, and what its load table must look like. */
#include <stdio.h>
#include <string.h>

#include "disk.h"

struct partition {
	u8 status, chs_first[3], type, chs_last[3];
	u32 first, sectors;
};

#define PARTITIONS 4
#define TYPE_GPT 0xee /* a disk with a GUID partition table protects it so */

static bool refuse(char *why, const char *text)
{
	snprintf(why, DISK_WHY, "%s", text);
	return false;
}

bool disk_gap(const u8 *record, u64 sectors, u32 *end, char *why)
{
	struct partition p[PARTITIONS];
	u64 first = ~0ull;

	if (record[BOOT_RECORD_MAGIC] != 0x55 || record[BOOT_RECORD_MAGIC + 1] != 0xaa)
		return refuse(why, "no boot record: the first sector does not end with 55AA");
	memcpy(p, record + BOOT_RECORD_PARTITIONS, sizeof(p));
	for (int i = 0; i < PARTITIONS; i++) {
		if (p[i].type == TYPE_GPT)
			return refuse(why, "a disk with a GUID partition table (GPT): the gap is its");
		if (p[i].status & 0x7f)
			return refuse(why, "no partition table in the first sector (a file system "
					   "on the whole disk?)");
		if (p[i].type && p[i].first < first)
			first = p[i].first;
	}
	if (first == ~0ull)
		return refuse(why, "no partition: it is not known which sectors are free");
	if (first > sectors)
		return refuse(why, "the image is too small: its first partition begins behind its end");
	if (first > DISK_GAP_MAX)
		first = DISK_GAP_MAX;
	if (first < 2)
		return refuse(why, "no room: the first partition follows the boot record at once");
	*end = first;
	return true;
}

static u32 sectors_of(size_t bytes)
{
	return (bytes + LOAD_SECTOR - 1) / LOAD_SECTOR;
}

bool disk_table_valid(const struct load_table *table, u32 lba, u32 gap_end)
{
	struct load_table t = *table;
	u64 at = (u64)lba + 1;

	t.crc = 0;
	if (t.magic != LOAD_TABLE_MAGIC || t.version != LOAD_TABLE_VERSION || t.lba != lba ||
	    t.elements != LOAD_KINDS || table->crc != load_crc(0, &t, sizeof(t)))
		return false;
	for (u32 i = 0; i < LOAD_KINDS; i++) {
		const struct load_element *e = &t.element[i];

		if (e->kind != i || e->lba != at || !e->size || e->sectors != sectors_of(e->size))
			return false;
		at += e->sectors;
	}
	return t.element[LOAD_CONFIG].size == sizeof(struct boot_config) &&
	       t.element[LOAD_OLD_RECORD].size == LOAD_SECTOR && at == (u64)lba + t.sectors &&
	       lba && at <= gap_end;
}

static bool is_zero(const u8 *p, size_t n)
{
	for (; n; n--)
		if (*p++)
			return false;
	return true;
}

u32 disk_find_room(const u8 *gap, u32 end, u32 count)
{
	u32 run = 0;

	for (u32 lba = end - 1; lba > 0; lba--) {
		run = is_zero(gap + (size_t)lba * LOAD_SECTOR, LOAD_SECTOR) ? run + 1 : 0;
		if (run == count)
			return lba;
	}
	return 0;
}

u32 disk_sectors(const struct disk_files *f)
{
	return 3 + sectors_of(f->loader_size) + sectors_of(f->hypervisor_size);
}

void disk_make_table(struct load_table *t, const struct disk_files *f, u32 lba)
{
	const size_t size[LOAD_KINDS] = { sizeof(struct boot_config), LOAD_SECTOR, f->loader_size,
					  f->hypervisor_size };
	u32 at = lba + 1;

	*t = (struct load_table){
		.magic = LOAD_TABLE_MAGIC,
		.version = LOAD_TABLE_VERSION,
		.lba = lba,
		.sectors = disk_sectors(f),
		.made_by = "swivl " SWIVL_VERSION,
		.elements = LOAD_KINDS,
	};
	for (u32 i = 0; i < LOAD_KINDS; i++) {
		t->element[i] = (struct load_element){ .kind = i, .lba = at, .size = size[i],
						       .sectors = sectors_of(size[i]) };
		at += t->element[i].sectors;
	}
}

void disk_seal_table(struct load_table *t)
{
	t->crc = 0;
	t->crc = load_crc(0, t, sizeof(*t));
}

const char *disk_kind(u32 kind)
{
	static const char *const names[LOAD_KINDS] = {
		[LOAD_CONFIG] = "configuration",
		[LOAD_OLD_RECORD] = "old boot record",
		[LOAD_LOADER] = "loader",
		[LOAD_HYPERVISOR] = "hypervisor",
	};

	return names[kind];
}
