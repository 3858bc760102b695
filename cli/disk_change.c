// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What swivl disk finds on a disk, writes to it and takes off it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"

#define RECORD_FIELDS (BOOT_RECORD_CODE - sizeof(struct load_record))

static bool refuse(char *why, const char *text)
{
	snprintf(why, DISK_WHY, "%s", text);
	return false;
}

static struct load_record fields_of(const u8 *record)
{
	struct load_record r;

	memcpy(&r, record + RECORD_FIELDS, sizeof(r));
	return r;
}

/* ---- what is there ------------------------------------------------------------------------ */

static bool check_element(const struct disk *d, struct disk_status *s, u32 kind, char *why)
{
	const struct load_element *e = &s->table.element[kind];
	u8 *bytes = malloc((size_t)e->sectors * LOAD_SECTOR);
	bool read = bytes && disk_get(d, e->lba, e->sectors, bytes, why);

	if (!bytes)
		return refuse(why, "out of memory");
	if (read) {
		s->ok[kind] = load_crc(0, bytes, e->size) == e->crc;
		/* What is behind it, too, as it would be overwritten with zeros. */
		for (size_t i = e->size; i < (size_t)e->sectors * LOAD_SECTOR; i++)
			s->ok[kind] &= !bytes[i];
		if (kind == LOAD_CONFIG)
			memcpy(&s->config, bytes, sizeof(s->config));
		if (kind == LOAD_OLD_RECORD)
			memcpy(s->old_record, bytes, sizeof(s->old_record));
	}
	free(bytes);
	return read;
}

static bool check_elements(const struct disk *d, struct disk_status *s, char *why)
{
	for (u32 i = 0; i < LOAD_KINDS; i++) {
		if (!check_element(d, s, i, why))
			return false;
		if (!s->ok[i] && !s->why[0])
			snprintf(s->why, sizeof(s->why), "%s: wrong checksum", disk_kind(i));
	}
	return true;
}

/* A table of ours that no boot record leads to. */
static bool look_for_table(const u8 *gap, u32 end, struct disk_status *s)
{
	for (u32 lba = 1; lba < end; lba++) {
		struct load_table t;

		memcpy(&t, gap + (size_t)lba * LOAD_SECTOR, sizeof(t));
		if (t.magic != LOAD_TABLE_MAGIC || !disk_table_valid(&t, lba, end))
			continue;
		s->table = t;
		return true;
	}
	return false;
}

static void check_record(const u8 *gap, const struct disk_files *f, struct disk_status *s)
{
	struct load_record r = fields_of(gap);
	struct load_table t;

	s->state = DISK_DAMAGED;
	s->same_record = !memcmp(gap, f->record, RECORD_FIELDS);
	if (!r.table_lba || r.table_lba >= s->gap_end) {
		snprintf(s->why, sizeof(s->why), "the boot record's load table is not before the first "
						 "partition");
		return;
	}
	memcpy(&t, gap + (size_t)r.table_lba * LOAD_SECTOR, sizeof(t));
	if (!disk_table_valid(&t, r.table_lba, s->gap_end)) {
		snprintf(s->why, sizeof(s->why), "load table: wrong checksum, or not one");
		return;
	}
	s->table = t;
	s->has_table = true;
	if (r.old_lba != t.element[LOAD_OLD_RECORD].lba ||
	    r.loader_lba != t.element[LOAD_LOADER].lba ||
	    r.loader_sectors != t.element[LOAD_LOADER].sectors)
		snprintf(s->why, sizeof(s->why), "the boot record does not fit its load table");
}

/* The first sectors up to the first partition; the caller frees them. */
static u8 *read_gap(const struct disk *d, u32 *end, char *why)
{
	u8 record[LOAD_SECTOR], *gap;

	if (!disk_get(d, 0, 1, record, why) || !disk_gap(record, d->sectors, end, why))
		return NULL;
	gap = malloc((size_t)*end * LOAD_SECTOR);
	if (!gap) {
		refuse(why, "out of memory");
		return NULL;
	}
	if (disk_get(d, 0, *end, gap, why))
		return gap;
	free(gap);
	return NULL;
}

static bool inspect(const struct disk *d, const u8 *gap, const struct disk_files *f,
		    struct disk_status *s, char *why)
{
	if (fields_of(gap).magic == LOAD_RECORD_MAGIC) {
		check_record(gap, f, s);
	} else if (look_for_table(gap, s->gap_end, s)) {
		s->state = DISK_LEFTOVER;
		s->has_table = true;
	}
	if (s->has_table && !check_elements(d, s, why))
		return false;
	if (s->state == DISK_DAMAGED && !s->why[0])
		s->state = DISK_INSTALLED;
	return true;
}

bool disk_inspect(const struct disk *d, const struct disk_files *f, struct disk_status *s, char *why)
{
	u8 *gap;
	bool ok;

	memset(s, 0, sizeof(*s));
	gap = read_gap(d, &s->gap_end, why);
	ok = gap && inspect(d, gap, f, s, why);
	free(gap);
	return ok;
}

/* ---- install ------------------------------------------------------------------------------ */

static void place(u8 *area, struct load_table *t, u32 kind, const void *bytes)
{
	struct load_element *e = &t->element[kind];

	memcpy(area + (size_t)(e->lba - t->lba) * LOAD_SECTOR, bytes, e->size);
	e->crc = load_crc(0, bytes, e->size);
}

/*
 * All sectors, the table first; the boot record's code is made to lead to them. The loader's
 * checksum there is over whole sectors, which is all that a boot record has room to check.
 */
static u8 *make_area(const struct disk_files *f, const struct boot_config *config, u8 *record, u32 lba)
{
	struct load_table t;
	u8 *area;

	disk_make_table(&t, f, lba);
	area = calloc(t.sectors, LOAD_SECTOR);
	if (!area)
		return NULL;
	place(area, &t, LOAD_CONFIG, config);
	place(area, &t, LOAD_OLD_RECORD, record);
	place(area, &t, LOAD_LOADER, f->loader);
	place(area, &t, LOAD_HYPERVISOR, f->hypervisor);
	disk_seal_table(&t);
	memcpy(area, &t, sizeof(t));

	struct load_element *l = &t.element[LOAD_LOADER];
	struct load_record fields = {
		.magic = LOAD_RECORD_MAGIC,
		.table_lba = lba,
		.old_lba = t.element[LOAD_OLD_RECORD].lba,
		.loader_lba = l->lba,
		.loader_sectors = l->sectors,
		.loader_crc = load_crc(0, area + (size_t)(l->lba - lba) * LOAD_SECTOR,
				       (size_t)l->sectors * LOAD_SECTOR),
		.log_port = config->log_port,
	};

	memcpy(record, f->record, BOOT_RECORD_CODE);
	memcpy(record + RECORD_FIELDS, &fields, sizeof(fields));
	return area;
}

static bool zero_area(const struct disk *d, u32 lba, u32 sectors, char *why)
{
	static const u8 zeros[LOAD_SECTOR];

	for (u32 i = 0; i < sectors; i++)
		if (!disk_put(d, lba + i, 1, zeros, why))
			return false;
	return disk_flush(d, why);
}

/* The boot record last: until it is there the disk starts as before. */
static bool write_area(const struct disk *d, const u8 *area, u32 lba, u32 sectors, const u8 *record,
		       const u8 *old, char *why)
{
	char other[DISK_WHY];

	if (disk_put(d, lba, sectors, area, why) && disk_flush(d, why) &&
	    disk_put(d, 0, 1, record, why) && disk_flush(d, why))
		return true;
	disk_put(d, 0, 1, old, other);
	zero_area(d, lba, sectors, other);
	return false;
}

static bool install(const struct disk *d, const struct disk_files *f, const struct boot_config *config,
		    const u8 *gap, u32 end, char *why)
{
	u32 count = disk_sectors(f), lba = disk_find_room(gap, end, count);
	u8 record[LOAD_SECTOR], *area;
	bool ok;

	if (!lba) {
		snprintf(why, DISK_WHY, "no room: %u sectors in a row that hold only zeros are needed "
					"between boot record and first partition (sector %u)", count, end);
		return false;
	}
	memcpy(record, gap, sizeof(record));
	area = make_area(f, config, record, lba);
	if (!area)
		return refuse(why, "out of memory");
	ok = write_area(d, area, lba, count, record, gap, why);
	free(area);
	return ok;
}

bool disk_install(const struct disk *d, const struct disk_files *f, const struct boot_config *config,
		  struct disk_status *s, char *why)
{
	u8 *gap;
	bool ok = false;

	memset(s, 0, sizeof(*s));
	gap = read_gap(d, &s->gap_end, why);
	if (!gap || !inspect(d, gap, f, s, why))
		goto out;
	if (s->state == DISK_LEFTOVER)
		refuse(why, "sectors of an earlier installation are there: swivl disk remove first");
	else if (s->state != DISK_NONE)
		refuse(why, "swivl is installed already: swivl disk remove first");
	else
		ok = install(d, f, config, gap, s->gap_end, why);
out:
	free(gap);
	return ok && disk_inspect(d, f, s, why);
}

/* ---- remove ------------------------------------------------------------------------------- */

/* Only the code: disk signature and partition table are the disk's, whoever changed them. */
static bool put_old_record(const struct disk *d, const struct disk_status *s, char *why)
{
	u8 record[LOAD_SECTOR];

	if (!disk_get(d, 0, 1, record, why))
		return false;
	memcpy(record, s->old_record, BOOT_RECORD_CODE);
	return disk_put(d, 0, 1, record, why) && disk_flush(d, why);
}

bool disk_remove(const struct disk *d, const struct disk_files *f, bool force, struct disk_status *s,
		 char *why)
{
	if (!disk_inspect(d, f, s, why))
		return false;
	if (s->state == DISK_NONE)
		return refuse(why, "swivl is not installed there");
	if (!s->has_table) {
		snprintf(why, DISK_WHY, "%s", s->why);
		return false;
	}
	if (s->state != DISK_LEFTOVER && !s->ok[LOAD_OLD_RECORD])
		return refuse(why, "old boot record: wrong checksum; it cannot be put back");
	for (u32 i = 0; i < LOAD_KINDS; i++) {
		if (s->ok[i] || force)
			continue;
		snprintf(why, DISK_WHY, "%s: wrong checksum: somebody else may have written there. With "
					"--force its sectors are filled with zeros all the same", disk_kind(i));
		return false;
	}
	if (s->state != DISK_LEFTOVER && !put_old_record(d, s, why))
		return false;
	return zero_area(d, s->table.lba, s->table.sectors, why);
}
