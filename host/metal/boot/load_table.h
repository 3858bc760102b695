/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What swivl has on a disk, in one run of sectors between the boot record and the first partition:
 *
 *	load table, configuration block, old boot record, loader, hypervisor
 *
 * each beginning at a sector. `swivl disk` writes it, the loader reads it; neither believes it.
 */
#ifndef SWIVL_METAL_LOAD_TABLE_H
#define SWIVL_METAL_LOAD_TABLE_H

#include "core/types.h"

#define LOAD_SECTOR 512

/* A boot record, sector 0: code, disk signature, partition table, signature. */
#define BOOT_RECORD_CODE 440 /* bytes of it that are code: what is behind stays as it is */
#define BOOT_RECORD_PARTITIONS 446
#define BOOT_RECORD_MAGIC 510 /* 55 AA */

#define LOAD_RECORD_MAGIC 0x4c565753 /* "SWVL" */

/* The end of our boot record's code, at BOOT_RECORD_CODE - sizeof(struct load_record). */
struct load_record {
	u32 magic;
	u32 table_lba;
	u32 old_lba; /* of the old boot record */
	u32 loader_lba;
	u32 loader_crc;
	u16 loader_sectors;
	u16 log_port; /* as in the configuration block, for what goes wrong before that is read */
};

#define LOAD_TABLE_MAGIC 0x656c626174767773ull /* "swvtable" */
#define LOAD_TABLE_VERSION 1

/* In the order in which they are on the disk; each once. */
enum load_kind {
	LOAD_CONFIG, /* struct boot_config */
	LOAD_OLD_RECORD, /* LOAD_SECTOR bytes */
	LOAD_LOADER,
	LOAD_HYPERVISOR, /* begins with struct metal_image */
	LOAD_KINDS
};

struct load_element {
	u32 kind;
	u32 lba;
	u32 sectors;
	u32 size; /* bytes; zeros follow up to the end of the last sector */
	u32 crc;
	u32 reserved;
};

struct load_table {
	u64 magic;
	u32 version;
	u32 crc; /* of the whole sector with 0 here */
	u32 lba; /* where this table is */
	u32 sectors; /* of everything, beginning with this one */
	char made_by[24]; /* "swivl 0.1": for people */
	u32 elements; /* LOAD_KINDS */
	u32 reserved;
	struct load_element element[LOAD_KINDS];
	u8 zero[LOAD_SECTOR - 56 - LOAD_KINDS * 24];
};

/* The loader's first bytes. */
#define LOADER_MAGIC 0x726564616f6c7773ull /* "swloader" */

_Static_assert(sizeof(struct load_record) == 24, "struct load_record");
_Static_assert(sizeof(struct load_table) == LOAD_SECTOR, "struct load_table");

/* CRC-32 as of Ethernet and ZIP; begin with 0. The image is most of what the loader has to do. */
static inline u32 load_crc(u32 crc, const void *data, size_t size)
{
	static u32 table[256];
	const u8 *p = data;

	for (u32 i = 0; i < 256; i++) {
		table[i] = i;
		for (u32 bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	crc = ~crc;
	for (; size; size--)
		crc = crc >> 8 ^ table[(u8)crc ^ *p++];
	return ~crc;
}

#endif
