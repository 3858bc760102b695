/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
// uses: cli/disk_layout.c cli/disk_change.c cli/disk_open.c
// flags: -DSWIVL_VERSION='"0.0-test"'
/* swivl disk on images in memory: what it writes, refuses, and puts back. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/disk.h"

#define SECTORS 300
#define FIRST 100 /* of the partition */
#define SIZE (SECTORS * LOAD_SECTOR)

static u8 record_code[BOOT_RECORD_CODE], loader[1300], hypervisor[5000];
static u8 before[SIZE], now[SIZE];
static const struct boot_config config = { .log_port = 0x2f8, .log_level = 2, .brand = "a brand" };
static struct disk_files files;
static struct disk_status status;
static char why[DISK_WHY], path[64];
static struct disk disk;

static void put_partition(int i, u8 status_byte, u8 type, u32 first)
{
	u8 *p = before + BOOT_RECORD_PARTITIONS + i * 16;
	u32 count = 50;

	p[0] = status_byte;
	p[4] = type;
	memcpy(p + 8, &first, 4);
	memcpy(p + 12, &count, 4);
}

/* @before becomes the image. */
static void write_image(void)
{
	assert_int_equal(pwrite(disk.fd, before, SIZE, 0), SIZE);
}

static const u8 *read_image(void)
{
	assert_int_equal(pread(disk.fd, now, SIZE, 0), SIZE);
	return now;
}

static void assert_unchanged(void)
{
	assert_memory_equal(read_image(), before, SIZE);
}

/* A boot record, a core image of 30 sectors behind it, a partition full of bytes. */
static int make_image(void **state)
{
	memset(before, 0, SIZE);
	for (int i = 0; i < BOOT_RECORD_CODE; i++)
		before[i] = i * 7 + 1;
	memcpy(before + 440, "SIGN", 4);
	put_partition(0, 0x80, 0x83, FIRST);
	before[510] = 0x55;
	before[511] = 0xaa;
	for (int i = LOAD_SECTOR; i < 31 * LOAD_SECTOR; i++)
		before[i] = i % 251 + 1;
	memset(before + FIRST * LOAD_SECTOR, 0xa5, SIZE - FIRST * LOAD_SECTOR);

	for (size_t i = 0; i < sizeof(record_code) - sizeof(struct load_record); i++)
		record_code[i] = i * 3 + 1;
	memset(loader, 0x11, sizeof(loader));
	memset(hypervisor, 0x22, sizeof(hypervisor));
	files = (struct disk_files){ record_code, loader, hypervisor, sizeof(loader), sizeof(hypervisor) };

	disk = (struct disk){ .path = path, .fd = memfd_create("disk", 0), .sectors = SECTORS };
	snprintf(path, sizeof(path), "/proc/self/fd/%d", disk.fd);
	write_image();
	why[0] = 0;
	return 0;
}

static int close_image(void **state)
{
	close(disk.fd);
	return 0;
}

static bool install(void)
{
	return disk_install(&disk, &files, &config, &status, why);
}

static bool remove_it(bool force)
{
	return disk_remove(&disk, &files, force, &status, why);
}

static bool inspect(void)
{
	return disk_inspect(&disk, &files, &status, why);
}

#define assert_refused(call, text)                                                                      \
	do {                                                                                            \
		assert_false(call);                                                                     \
		if (!strstr(why, text))                                                                 \
			fail_msg("\"%s\" instead of \"%s\"", why, text);                                 \
	} while (0)

static void flip(u32 at)
{
	u8 byte;

	assert_int_equal(pread(disk.fd, &byte, 1, at), 1);
	byte ^= 0x20;
	assert_int_equal(pwrite(disk.fd, &byte, 1, at), 1);
}

/* What is on the disk now counts as what was before. */
static void take(void)
{
	memcpy(before, read_image(), SIZE);
}

static struct load_table table_on_disk(void)
{
	struct load_table t;

	assert_true(inspect());
	memcpy(&t, read_image() + status.table.lba * LOAD_SECTOR, sizeof(t));
	return t;
}

/* ---- install ------------------------------------------------------------------------------ */

static void only_zeros_are_overwritten(void **state)
{
	assert_true(install());
	assert_int_equal(status.state, DISK_INSTALLED);
	assert_true(status.same_record);
	read_image();
	for (int s = 1; s < SECTORS; s++) {
		const u8 *was = before + s * LOAD_SECTOR;
		bool zero = true;

		for (int i = 0; i < LOAD_SECTOR; i++)
			zero &= !was[i];
		if (!zero)
			assert_memory_equal(was, now + s * LOAD_SECTOR, LOAD_SECTOR);
	}
	/* Disk signature, partition table, 55AA. */
	assert_memory_equal(before + 440, now + 440, 72);
	assert_memory_equal(record_code, now, BOOT_RECORD_CODE - sizeof(struct load_record));
}

static void as_far_back_as_possible(void **state)
{
	assert_true(install());
	/* table, configuration, old record, 3 sectors of loader, 10 of hypervisor */
	assert_int_equal(status.table.sectors, 16);
	assert_int_equal(status.table.lba, FIRST - 16);
	assert_string_equal(status.table.made_by, "swivl 0.0-test");
	assert_memory_equal(&status.config, &config, sizeof(config));
	assert_memory_equal(status.old_record, before, LOAD_SECTOR);
}

static void the_boot_record_leads_to_it(void **state)
{
	struct load_record r;

	assert_true(install());
	memcpy(&r, read_image() + BOOT_RECORD_CODE - sizeof(r), sizeof(r));
	assert_int_equal(r.magic, LOAD_RECORD_MAGIC);
	assert_int_equal(r.table_lba, FIRST - 16);
	assert_int_equal(r.old_lba, FIRST - 14);
	assert_int_equal(r.loader_lba, FIRST - 13);
	assert_int_equal(r.loader_sectors, 3);
	assert_int_equal(r.loader_crc, load_crc(0, now + r.loader_lba * LOAD_SECTOR, 3 * LOAD_SECTOR));
	assert_int_equal(r.log_port, config.log_port);
	assert_memory_equal(now + r.loader_lba * LOAD_SECTOR, loader, sizeof(loader));
}

static void behind_what_is_not_zero(void **state)
{
	/* One byte in the run at the end: the room is before it. */
	before[90 * LOAD_SECTOR + 511] = 1;
	write_image();
	assert_true(install());
	assert_int_equal(status.table.lba, 90 - 16);
}

static void a_room_that_just_fits(void **state)
{
	memset(before + LOAD_SECTOR, 1, (FIRST - 17) * LOAD_SECTOR);
	write_image();
	assert_true(install());
	assert_int_equal(status.table.lba, FIRST - 16);
}

static void no_room(void **state)
{
	for (int s = 5; s < FIRST; s += 15)
		before[s * LOAD_SECTOR + 100] = 1;
	write_image();
	assert_refused(install(), "no room: 16 sectors");
	assert_unchanged();
}

static void twice(void **state)
{
	assert_true(install());
	take();
	assert_refused(install(), "installed already");
	assert_unchanged();
}

static void the_first_of_several_partitions_counts(void **state)
{
	put_partition(1, 0, 0x0f, 60);
	put_partition(3, 0, 0x82, 80);
	write_image();
	assert_true(install());
	assert_int_equal(status.table.lba, 60 - 16);
}

static void refused_disks(void **state)
{
	static const struct {
		u8 status, type;
		u32 first;
		const char *why;
	} cases[] = {
		{ 0, 0xee, 1, "GPT" },
		{ 0, 0, 0, "no partition: " },
		{ 0x41, 0x83, FIRST, "no partition table" },
		{ 0x80, 0x83, 1, "no room" },
		{ 0x80, 0x83, 0, "no room" },
		{ 0x80, 0x83, SECTORS + 1, "too small" },
		{ 0x80, 0x83, 0xffffffff, "too small" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_partition(0, cases[i].status, cases[i].type, cases[i].first);
		write_image();
		assert_refused(install(), cases[i].why);
		assert_unchanged();
	}
	/* A protective entry anywhere, and a hybrid table. */
	put_partition(0, 0x80, 0x83, FIRST);
	put_partition(2, 0, 0xee, 1);
	write_image();
	assert_refused(install(), "GPT");
	before[511] = 0;
	write_image();
	assert_refused(install(), "55AA");
	assert_unchanged();
}

/* Writes beyond some place fail: everything is as it was, wherever that place is. */
static void a_write_error_leaves_all_as_it_was(void **state)
{
	struct rlimit all, some;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	for (u32 s = FIRST - 16; s < FIRST; s++) {
		some = (struct rlimit){ (rlim_t)s * LOAD_SECTOR + 77, all.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
		assert_refused(install(), "cannot write");
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
		/* The part of a sector that was written is put back as far as it can be written. */
		assert_memory_equal(read_image(), before, s * LOAD_SECTOR);
	}
}

/* ---- remove ------------------------------------------------------------------------------- */

static void every_byte_comes_back(void **state)
{
	assert_true(install());
	assert_true(remove_it(false));
	assert_unchanged();
	assert_true(inspect());
	assert_int_equal(status.state, DISK_NONE);
	assert_refused(remove_it(false), "not installed");
}

static void a_new_partition_table_stays(void **state)
{
	assert_true(install());
	put_partition(2, 0, 0x83, 250);
	memcpy(before + 440, "new!", 4);
	assert_int_equal(pwrite(disk.fd, before + 440, 72, 440), 72);
	assert_true(remove_it(false));
	assert_unchanged();
}

static void a_partition_over_it_is_not_touched(void **state)
{
	assert_true(install());
	put_partition(0, 0x80, 0x83, FIRST - 5);
	assert_int_equal(pwrite(disk.fd, before + 440, 72, 440), 72);
	take();
	assert_refused(remove_it(true), "load table");
	assert_unchanged();
}

static void another_boot_record_stays(void **state)
{
	assert_true(install());
	memset(before, 0x90, BOOT_RECORD_CODE);
	assert_int_equal(pwrite(disk.fd, before, LOAD_SECTOR, 0), LOAD_SECTOR);
	assert_true(inspect());
	assert_int_equal(status.state, DISK_LEFTOVER);
	assert_refused(install(), "earlier installation");
	assert_true(remove_it(false));
	assert_unchanged();
}

static void damage_is_told(void **state)
{
	static const char *const names[] = { "configuration", "old boot record", "loader", "hypervisor" };

	assert_true(install());
	for (u32 i = 0; i < LOAD_KINDS; i++) {
		u32 at = status.table.element[i].lba * LOAD_SECTOR + 33;

		flip(at);
		assert_true(inspect());
		assert_int_equal(status.state, DISK_DAMAGED);
		assert_non_null(strstr(status.why, names[i]));
		assert_false(status.ok[i]);
		take();
		assert_refused(remove_it(false), names[i]);
		assert_unchanged();
		flip(at);
	}
	/* Bytes behind an element's end are somebody's, too. */
	flip(status.table.element[LOAD_CONFIG].lba * LOAD_SECTOR + 400);
	assert_true(inspect());
	assert_int_equal(status.state, DISK_DAMAGED);
	assert_refused(remove_it(false), "configuration");
	/* The old record is needed, whatever one wants. */
	flip(status.table.element[LOAD_CONFIG].lba * LOAD_SECTOR + 400);
	flip(status.table.element[LOAD_OLD_RECORD].lba * LOAD_SECTOR + 1);
	take();
	assert_refused(remove_it(true), "cannot be put back");
	assert_unchanged();
}

static void force_removes_what_was_changed(void **state)
{
	assert_true(install());
	flip(status.table.element[LOAD_HYPERVISOR].lba * LOAD_SECTOR + 1);
	assert_refused(remove_it(false), "--force");
	assert_true(remove_it(true));
	assert_unchanged();
}

static void a_damaged_table_is_not_followed(void **state)
{
	u32 table;

	assert_true(install());
	table = status.table.lba * LOAD_SECTOR;
	for (u32 at = 0; at < LOAD_SECTOR; at += 13) {
		flip(table + at);
		take();
		assert_refused(remove_it(true), "load table");
		assert_unchanged();
		flip(table + at);
	}
	assert_true(remove_it(false));
}

/* Tables with a right checksum that would have other sectors zeroed. */
static void hostile_tables(void **state)
{
	struct load_table good;

	assert_true(install());
	good = table_on_disk();
	for (int i = 0;; i++) {
		struct load_table t = good;
		struct load_element *e = t.element;

		switch (i) {
		case 0: e[3].sectors += 1; e[3].size += LOAD_SECTOR; t.sectors++; break; /* into the partition */
		case 1: e[0].lba = 0; break; /* the boot record */
		case 2: e[2].lba = 5; break;
		case 3: e[3].sectors = 0xfffffff0; t.sectors = 0xffffffff; break;
		case 4: e[3].size = 0xffffffff; e[3].sectors = 0x800000; t.sectors = 6 + 0x800000; break;
		case 5: t.elements = 5; break;
		case 6: t.elements = 0xffffffff; break;
		case 7: e[1].size = 0; e[1].sectors = 0; break;
		case 8: e[0].kind = 3; break;
		case 9: t.sectors = 200; break;
		case 10: t.lba = 1; break;
		case 11: t.version = 2; break;
		case 12: e[1].size = 300; break; /* a boot record is a sector */
		case 13: e[0].size = 512; break;
		case 14: e[3].size = 1; break;
		case 15: e[0].size = 0; break;
		default: return;
		}
		disk_seal_table(&t);
		assert_int_equal(pwrite(disk.fd, &t, sizeof(t), good.lba * LOAD_SECTOR), sizeof(t));
		take();
		assert_false(remove_it(true));
		assert_unchanged();
		assert_true(inspect());
		assert_int_equal(status.state, DISK_DAMAGED);
	}
}

/* The boot record names another place than the table's own. */
static void hostile_boot_record(void **state)
{
	static const u32 places[] = { 0, 1, 5, FIRST - 1, FIRST, SECTORS, 0xffffffff };
	u32 at = BOOT_RECORD_CODE - sizeof(struct load_record) + offsetof(struct load_record, table_lba);

	assert_true(install());
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(pwrite(disk.fd, &places[i], 4, at), 4);
		take();
		assert_refused(remove_it(true), "load table");
		assert_unchanged();
	}
}

/* ---- which files ------------------------------------------------------------------------------ */

static void not_a_disk(void **state)
{
	struct disk d;

	assert_refused(disk_open(&d, "/", false, false, why), "not a disk");
	assert_refused(disk_open(&d, "/dev/null", true, true, why), "not a disk");
	assert_refused(disk_open(&d, "/nonexistent/disk", false, false, why), "No such file");
	assert_int_equal(ftruncate(disk.fd, LOAD_SECTOR), 0);
	assert_refused(disk_open(&d, path, false, false, why), "too small");
}

static void opens_an_image(void **state)
{
	struct disk d;

	assert_true(disk_open(&d, path, true, false, why));
	assert_int_equal(d.sectors, SECTORS);
	disk_close(&d);
}

static void an_image_that_another_program_locks(void **state)
{
	char real[] = "/tmp/test-disk-XXXXXX";
	int fd = mkstemp(real);
	struct disk d;

	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_refused(disk_open(&d, real, true, false, why), "locked");
	assert_true(disk_open(&d, real, true, true, why));
	disk_close(&d);
	assert_true(disk_open(&d, real, false, false, why)); /* looking is harmless */
	disk_close(&d);
	close(fd);
	unlink(real);
}

static void an_image_under_a_loop_device(void **state)
{
	char real[] = "/tmp/test-disk-XXXXXX", dir[] = "/tmp/test-sysfs-XXXXXX", name[200];
	int fd = mkstemp(real);
	struct disk d;
	FILE *f;

	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_non_null(mkdtemp(dir));
	static const char *const parts[] = { "/block", "/block/loop3", "/block/loop3/loop" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(name, sizeof(name), "%s%s", dir, parts[i]);
		assert_int_equal(mkdir(name, 0700), 0);
	}
	snprintf(name, sizeof(name), "%s/block/loop3/loop/backing_file", dir);
	f = fopen(name, "w");
	fprintf(f, "%s\n", real);
	fclose(f);
	disk_sysfs = dir;
	assert_refused(disk_open(&d, real, true, false, why), "in use as /dev/loop3");
	assert_true(disk_open(&d, real, true, true, why));
	disk_close(&d);
	disk_sysfs = "/sys";
	unlink(name);
	for (size_t i = ARRAY_SIZE(parts); i--;) {
		snprintf(name, sizeof(name), "%s%s", dir, parts[i]);
		rmdir(name);
	}
	rmdir(dir);
	close(fd);
	unlink(real);
}

static void an_image_that_cannot_be_written(void **state)
{
	struct disk d = disk;

	d.fd = open(path, O_RDONLY);
	assert_refused(disk_install(&d, &files, &config, &status, why), "cannot write");
	close(d.fd);
	assert_unchanged();
}

static void an_image_that_got_shorter(void **state)
{
	assert_true(install());
	assert_int_equal(ftruncate(disk.fd, (FIRST - 3) * LOAD_SECTOR), 0);
	assert_refused(inspect(), "ends early");
	disk.sectors = FIRST - 3;
	assert_refused(inspect(), "too small");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_image, close_image)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_zeros_are_overwritten),
		TEST(as_far_back_as_possible),
		TEST(the_boot_record_leads_to_it),
		TEST(behind_what_is_not_zero),
		TEST(a_room_that_just_fits),
		TEST(no_room),
		TEST(twice),
		TEST(the_first_of_several_partitions_counts),
		TEST(refused_disks),
		TEST(a_write_error_leaves_all_as_it_was),
		TEST(every_byte_comes_back),
		TEST(a_new_partition_table_stays),
		TEST(a_partition_over_it_is_not_touched),
		TEST(another_boot_record_stays),
		TEST(damage_is_told),
		TEST(force_removes_what_was_changed),
		TEST(a_damaged_table_is_not_followed),
		TEST(hostile_tables),
		TEST(hostile_boot_record),
		TEST(not_a_disk),
		TEST(opens_an_image),
		TEST(an_image_that_another_program_locks),
		TEST(an_image_under_a_loop_device),
		TEST(an_image_that_cannot_be_written),
		TEST(an_image_that_got_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
