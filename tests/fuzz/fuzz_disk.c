/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
// uses: cli/disk_layout.c cli/disk_change.c cli/disk_open.c
// flags: -DSWIVL_VERSION='"0.0-fuzz"'
/*
 * swivl disk on hostile disks: an installed one with bytes changed as the input says, its checksums
 * put right again or not. Only sectors of the gap and the boot record's code may ever change, and
 * nothing where the command refuses.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/disk.h"

#define SECTORS 64
#define FIRST 40
#define SIZE (SECTORS * LOAD_SECTOR)

static u8 record_code[BOOT_RECORD_CODE], loader[700], hypervisor[2000];
static u8 installed[SIZE], before[SIZE], after[SIZE];
static struct disk disk;
static struct disk_files files = { record_code, loader, hypervisor, sizeof(loader), sizeof(hypervisor) };
static struct disk_status status;
static char why[DISK_WHY];
static u32 table_at;

#define REQUIRE(x)                                                                                      \
	do {                                                                                            \
		if (!(x))                                                                               \
			abort();                                                                        \
	} while (0)

static void set(const u8 *image)
{
	REQUIRE(pwrite(disk.fd, image, SIZE, 0) == SIZE);
}

static void setup(void)
{
	static const struct boot_config config = { .log_port = 0x3f8 };
	u32 first = FIRST, count = SECTORS - FIRST;

	memset(record_code, 0x90, sizeof(record_code));
	memset(loader, 1, sizeof(loader));
	memset(hypervisor, 2, sizeof(hypervisor));
	disk = (struct disk){ .path = "", .fd = memfd_create("disk", 0), .sectors = SECTORS };
	memset(installed, 7, BOOT_RECORD_MAGIC);
	memset(installed + BOOT_RECORD_PARTITIONS, 0, 64);
	installed[BOOT_RECORD_PARTITIONS + 4] = 0x83;
	memcpy(installed + BOOT_RECORD_PARTITIONS + 8, &first, 4);
	memcpy(installed + BOOT_RECORD_PARTITIONS + 12, &count, 4);
	installed[510] = 0x55;
	installed[511] = 0xaa;
	memset(installed + LOAD_SECTOR, 9, 4 * LOAD_SECTOR);
	memset(installed + FIRST * LOAD_SECTOR, 3, count * LOAD_SECTOR);
	set(installed);
	REQUIRE(disk_install(&disk, &files, &config, &status, why));
	table_at = status.table.lba;
	REQUIRE(pread(disk.fd, installed, SIZE, 0) == SIZE);
}

/* Checksums as somebody would make them who wants to be believed. */
static void believe(u8 *image)
{
	struct load_table t;

	memcpy(&t, image + table_at * LOAD_SECTOR, sizeof(t));
	for (int i = 0; i < LOAD_KINDS; i++) {
		u64 at = (u64)t.element[i].lba * LOAD_SECTOR;

		if (at < SIZE && t.element[i].size <= SIZE - at)
			t.element[i].crc = load_crc(0, image + at, t.element[i].size);
	}
	t.crc = 0;
	t.crc = load_crc(0, &t, sizeof(t));
	memcpy(image + table_at * LOAD_SECTOR, &t, sizeof(t));
}

/* Where the first partition begins, as nobody but the disk can tell. */
static u32 gap_of(const u8 *image)
{
	u32 first = SECTORS, at;

	for (int i = 0; i < 4; i++) {
		const u8 *p = image + BOOT_RECORD_PARTITIONS + i * 16;

		memcpy(&at, p + 8, 4);
		if (p[4] && at < first)
			first = at;
	}
	return first;
}

static void check(bool done)
{
	u32 gap = gap_of(before);

	REQUIRE(pread(disk.fd, after, SIZE, 0) == SIZE);
	REQUIRE(done || !memcmp(before, after, SIZE));
	REQUIRE(!memcmp(before + 440, after + 440, 72));
	REQUIRE(!memcmp(before + gap * LOAD_SECTOR, after + gap * LOAD_SECTOR, (SECTORS - gap) * LOAD_SECTOR));
	memcpy(before, after, SIZE);
}

/* One change, at places that mean something more often than not. */
static void change(u8 *image, const u8 *d)
{
	u32 value = d[3] & 0x80 ? (u32)d[3] << 24 | d[2] : d[3], at = (d[1] | (u32)d[2] << 8) % SIZE;

	switch (d[0] % 4) {
	case 0:
		image[at] = d[3];
		return;
	case 1: /* where a partition begins */
		at = BOOT_RECORD_PARTITIONS + d[1] % 4 * 16 + 8;
		break;
	case 2: /* a field of the load table */
		at = table_at * LOAD_SECTOR + d[1] % 40 * 4;
		break;
	case 3: /* a field of the boot record */
		at = BOOT_RECORD_CODE - sizeof(struct load_record) + d[1] % 6 * 4;
		break;
	}
	memcpy(image + at, &value, 4);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct boot_config config;
	static bool ready;
	u8 how;

	if (!ready)
		setup();
	ready = true;
	if (size < 1)
		return 0;
	how = data[0];
	memcpy(before, installed, SIZE);
	for (size_t i = 1; i + 4 <= size; i += 4)
		change(before, data + i);
	if (how & 1)
		believe(before);
	set(before);
	disk_inspect(&disk, &files, &status, why);
	check(false);
	check(disk_remove(&disk, &files, how & 2, &status, why));
	check(disk_install(&disk, &files, &config, &status, why));
	check(disk_remove(&disk, &files, how & 4, &status, why));
	return 0;
}
