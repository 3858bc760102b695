/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * swivl between the boot record and the first partition of a disk. Nothing that is on the disk is
 * believed: what is written lies in sectors that held zeros, what is removed in sectors whose
 * contents the load table's checksums name.
 */
#ifndef SWIVL_CLI_DISK_H
#define SWIVL_CLI_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/metal/boot/load_table.h"
#include "host/metal/boot_info.h"

struct disk {
	const char *path;
	int fd;
	u64 sectors;
};

/* What is installed; each a whole file's bytes. */
struct disk_files {
	const u8 *record; /* BOOT_RECORD_CODE bytes */
	const u8 *loader, *hypervisor;
	size_t loader_size, hypervisor_size;
};

/* Those that the command carries. */
struct disk_files disk_files(void);

enum disk_state {
	DISK_NONE, /* nothing of swivl */
	DISK_INSTALLED,
	DISK_DAMAGED, /* our boot record, and something wrong behind it */
	DISK_LEFTOVER, /* another boot record, but our sectors */
};

struct disk_status {
	enum disk_state state;
	char why[160]; /* damaged: what */
	bool has_table; /* the table is valid; what follows is so, too */
	bool ok[LOAD_KINDS]; /* the element's checksum is right */
	bool same_record; /* the boot record's code is this command's */
	struct load_table table;
	struct boot_config config; /* if ok[LOAD_CONFIG] */
	u8 old_record[LOAD_SECTOR]; /* if ok[LOAD_OLD_RECORD] */
	u32 gap_end; /* the first partition, or where looking for room ends */
};

/* ---- disk_open.c: each false or NULL, or a reason in @why ---------------------------------- */

#define DISK_WHY 256

/* Where the kernel tells of block devices; tests have another. */
extern const char *disk_sysfs;

bool disk_open(struct disk *d, const char *path, bool write, bool force, char *why);
void disk_close(struct disk *d);
bool disk_get(const struct disk *d, u32 lba, u32 count, void *to, char *why);
bool disk_put(const struct disk *d, u32 lba, u32 count, const void *from, char *why);
bool disk_flush(const struct disk *d, char *why);

/* ---- disk_layout.c ------------------------------------------------------------------------ */

#define DISK_GAP_MAX 65536 /* sectors in which room is looked for */

/* The gap is [1, *end); false and a reason if there is none that may be used. */
bool disk_gap(const u8 *record, u64 sectors, u32 *end, char *why);
/* Is this a table of ours at @lba, with everything it names inside of the gap? */
bool disk_table_valid(const struct load_table *table, u32 lba, u32 gap_end);
/* The last @count sectors in a row of [1, @end) that hold only zeros; 0: none. @gap: from sector 0 on. */
u32 disk_find_room(const u8 *gap, u32 end, u32 count);
/* The load table for these files, with everything but config and old record's checksums filled. */
void disk_make_table(struct load_table *t, const struct disk_files *f, u32 lba);
void disk_seal_table(struct load_table *t);
u32 disk_sectors(const struct disk_files *f);
const char *disk_kind(u32 kind);

/* ---- disk_change.c ------------------------------------------------------------------------ */

bool disk_inspect(const struct disk *d, const struct disk_files *f, struct disk_status *s, char *why);
bool disk_install(const struct disk *d, const struct disk_files *f, const struct boot_config *config,
		  struct disk_status *s, char *why);
bool disk_remove(const struct disk *d, const struct disk_files *f, bool force, struct disk_status *s,
		 char *why);

#endif
