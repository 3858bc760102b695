/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The loaders of swivl run: what lands where, and that damaged images are refused by name. */
// uses: cli/load.c cli/load_detect.c cli/load_linux.c cli/load_multiboot.c cli/load_elf.c cli/load_flat.c cli/initrd.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <cmocka.h>

#include "cli/load.h"

#define RAM (64 * MIB)

static struct load l;
static uint8_t *image; /* a heap copy, so that reads past its end are seen */

static int setup(void **state)
{
	memset(&l, 0, sizeof(l));
	l.ram = calloc(1, RAM);
	l.ram_low = RAM;
	l.cmdline = "console=ttyS0";
	l.image.name = "IMAGE";
	l.initrd.name = "INITRD";
	image = NULL;
	return 0;
}

static int teardown(void **state)
{
	free(l.ram);
	free(image);
	return 0;
}

static void use(const void *bytes, size_t size)
{
	free(image);
	image = malloc(size ? size : 1);
	memcpy(image, bytes, size);
	l.image.data = image;
	l.image.size = size;
}

static void put(void *to, uint64_t value, size_t size)
{
	memcpy(to, &value, size);
}

static uint64_t get(const void *from, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, from, size);
	return v;
}

static void assert_refused(bool ok, const char *part)
{
	assert_false(ok);
	if (!strstr(l.error, part))
		fail_msg("\"%s\" is not in \"%s\"", part, l.error);
}

/* ---- bzImage ---- */

#define SETUP_SECTS 2
#define KERNEL_SIZE 4096
#define BZ_SIZE ((SETUP_SECTS + 1) * 512 + KERNEL_SIZE)

static uint8_t bz[BZ_SIZE];

static void make_bzimage(void)
{
	memset(bz, 0, sizeof(bz));
	bz[0x1f1] = SETUP_SECTS;
	put(bz + 0x1f4, KERNEL_SIZE / 16, 4);
	put(bz + 0x1fe, 0xaa55, 2);
	bz[0x200] = 0xeb;
	bz[0x201] = 0x6a;
	memcpy(bz + 0x202, "HdrS", 4);
	put(bz + 0x206, 0x020f, 2);
	put(bz + 0x22c, 0x7fffffff, 4);
	put(bz + 0x236, 1, 2);
	put(bz + 0x238, 255, 4);
	put(bz + 0x258, 16 * MIB, 8);
	put(bz + 0x260, 8 * MIB, 4);
	memset(bz + (SETUP_SECTS + 1) * 512, 0xcc, KERNEL_SIZE);
}

static void linux_is_laid_out_as_its_protocol_says(void **state)
{
	static uint8_t initrd[5000];
	const uint8_t *zp;

	make_bzimage();
	memset(initrd, 0x77, sizeof(initrd));
	use(bz, sizeof(bz));
	l.initrd.data = initrd;
	l.initrd.size = sizeof(initrd);
	assert_ptr_equal(load_detect(&l), load_linux);
	assert_true(load_linux(&l));

	assert_int_equal(l.boot.mode, BOOT_LONG);
	assert_int_equal(l.boot.rip, 16 * MIB + 0x200);
	assert_int_equal(l.ram[16 * MIB], 0xcc);
	assert_int_equal(l.ram[16 * MIB + KERNEL_SIZE], 0);
	zp = l.ram + l.boot.rsi;
	assert_memory_equal(zp + 0x202, "HdrS", 4);
	assert_int_equal(zp[0x210], 0xff);
	assert_string_equal((char *)l.ram + get(zp + 0x228, 4), "console=ttyS0");
	assert_int_equal(get(zp + 0x21c, 4), sizeof(initrd));
	assert_memory_equal(l.ram + get(zp + 0x218, 4), initrd, sizeof(initrd));
	assert_true(get(zp + 0x218, 4) >= 24 * MIB); /* above the kernel's unpacking room */
	assert_int_equal(get(zp + 0x70, 8), TABLES_START);
	assert_int_equal(zp[0x1e8], 3);
	assert_int_equal(get(zp + 0x2d0 + 40, 8), MIB);
	assert_int_equal(get(zp + 0x2d0 + 48, 8), RAM - MIB);
	assert_int_equal(get(zp + 0x2d0 + 56, 4), 1);
	/* selectors of the boot protocol; the identity map reaches 4 GiB */
	assert_int_equal(get(l.ram + l.boot.gdt + 0x10, 8), 0x00af9b000000ffff);
	assert_int_equal(get(l.ram + l.boot.gdt + 0x18, 8), 0x00cf93000000ffff);
	assert_int_equal(get(l.ram + l.boot.cr3, 8), (l.boot.cr3 + 4096) | 3);
	assert_int_equal(get(l.ram + l.boot.cr3 + 2 * 4096 + 2047 * 8, 8), 0xffe00083);
}

static void memory_above_4_gib_is_in_the_map(void **state)
{
	const uint8_t *zp;

	make_bzimage();
	use(bz, sizeof(bz));
	l.ram_high = 5 * GIB;
	assert_true(load_linux(&l));
	zp = l.ram + l.boot.rsi;
	assert_int_equal(zp[0x1e8], 4);
	assert_int_equal(get(zp + 0x2d0 + 60, 8), 4 * GIB);
	assert_int_equal(get(zp + 0x2d0 + 68, 8), 5 * GIB);
}

static void linux_cut_short_is_refused_at_every_length(void **state)
{
	make_bzimage();
	for (size_t size = 0; size < BZ_SIZE; size++) {
		l.nclaims = 0;
		use(bz, size);
		assert_refused(load_linux(&l), size ? "IMAGE: " : "cut short");
	}
	l.nclaims = 0;
	use(bz, BZ_SIZE);
	assert_true(load_linux(&l));
}

static void initrd_stays_below_the_kernels_limit(void **state)
{
	static uint8_t initrd[4096];

	make_bzimage();
	put(bz + 0x22c, 32 * MIB - 1, 4);
	use(bz, sizeof(bz));
	l.initrd.data = initrd;
	l.initrd.size = sizeof(initrd);
	assert_true(load_linux(&l));
	assert_int_equal(get(l.ram + l.boot.rsi + 0x218, 4), 32 * MIB - 4096);
}

static void linux_refusals_say_what_is_wrong(void **state)
{
	static uint8_t initrd[41 * MIB];

	make_bzimage();
	put(bz + 0x236, 0, 2);
	use(bz, sizeof(bz));
	assert_refused(load_linux(&l), "no 64-bit entry");

	make_bzimage();
	put(bz + 0x260, 100 * MIB, 4);
	use(bz, sizeof(bz));
	l.nclaims = 0;
	assert_refused(load_linux(&l), "needs 117 MiB of guest memory");

	make_bzimage();
	put(bz + 0x258, UINT64_MAX - 4096, 8);
	use(bz, sizeof(bz));
	l.nclaims = 0;
	assert_refused(load_linux(&l), "--mem");

	make_bzimage();
	put(bz + 0x238, 5, 4);
	use(bz, sizeof(bz));
	l.nclaims = 0;
	assert_refused(load_linux(&l), "at most 5 bytes");

	make_bzimage();
	use(bz, sizeof(bz));
	l.nclaims = 0;
	l.initrd.data = initrd;
	l.initrd.size = sizeof(initrd);
	assert_refused(load_linux(&l), "INITRD: an initrd of 41984 KiB does not fit");
	l.nclaims = 0;
	l.initrd.size = 0;
	assert_refused(load_linux(&l), "INITRD: the initrd is empty");
}

/* ---- ELF ---- */

struct elf64 {
	Elf64_Ehdr h;
	Elf64_Phdr p[2];
	uint8_t code[64];
};

static struct elf64 make_elf64(uint64_t paddr)
{
	struct elf64 e = {
		.h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
		       .e_machine = EM_X86_64, .e_phnum = 2, .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phoff = offsetof(struct elf64, p), .e_entry = paddr + 8 },
		.p = { { .p_type = PT_NOTE },
		       { .p_type = PT_LOAD, .p_offset = offsetof(struct elf64, code),
			 .p_filesz = 64, .p_memsz = 4096, .p_vaddr = paddr, .p_paddr = paddr } },
	};

	memset(e.code, 0x90, sizeof(e.code));
	return e;
}

static void elf_is_loaded_and_cleared(void **state)
{
	struct elf64 e = make_elf64(2 * MIB);

	memset(l.ram + 2 * MIB, 0xff, 8192);
	use(&e, sizeof(e));
	assert_ptr_equal(load_detect(&l), load_elf64);
	assert_true(load_elf64(&l));
	assert_int_equal(l.boot.rip, 2 * MIB + 8);
	assert_int_equal(l.ram[2 * MIB + 63], 0x90);
	assert_int_equal(l.ram[2 * MIB + 64], 0);
	assert_int_equal(l.ram[2 * MIB + 4095], 0);
	assert_int_equal(l.ram[2 * MIB + 4096], 0xff);
	assert_int_equal(l.boot.rdi, RAM);
	assert_string_equal((char *)l.ram + l.boot.rsi, "console=ttyS0");
	assert_int_equal(l.boot.rsp % 16, 8);
}

static void a_virtual_entry_becomes_physical(void **state)
{
	struct elf64 e = make_elf64(2 * MIB);

	e.p[1].p_vaddr = 0xffffffff80000000;
	e.h.e_entry = 0xffffffff80000010;
	use(&e, sizeof(e));
	assert_true(load_elf64(&l));
	assert_int_equal(l.boot.rip, 2 * MIB + 0x10);
}

static void elf_cut_short_is_refused_at_every_length(void **state)
{
	struct elf64 e = make_elf64(2 * MIB);

	for (size_t size = 0; size < sizeof(e); size++) {
		l.nclaims = 0;
		use(&e, size);
		assert_refused(load_elf64(&l), "IMAGE: cut short");
	}
}

static void elf_with_absurd_numbers_is_refused(void **state)
{
	struct elf64 e = make_elf64(2 * MIB);

	e.p[1].p_paddr = UINT64_MAX - 10;
	use(&e, sizeof(e));
	assert_refused(load_elf64(&l), "--mem");

	e = make_elf64(2 * MIB);
	e.p[1].p_memsz = UINT64_MAX;
	use(&e, sizeof(e));
	l.nclaims = 0;
	assert_refused(load_elf64(&l), "--mem");

	e = make_elf64(2 * MIB);
	e.p[1].p_filesz = 5000;
	use(&e, sizeof(e));
	l.nclaims = 0;
	assert_refused(load_elf64(&l), "larger in the file");

	e = make_elf64(2 * MIB);
	e.p[1].p_offset = UINT64_MAX - 3;
	use(&e, sizeof(e));
	l.nclaims = 0;
	assert_refused(load_elf64(&l), "cut short");

	e = make_elf64(0xb8000);
	use(&e, sizeof(e));
	l.nclaims = 0;
	assert_refused(load_elf64(&l), "already in use");

	e = make_elf64(2 * MIB);
	e.p[0] = e.p[1];
	use(&e, sizeof(e));
	l.nclaims = 0;
	assert_refused(load_elf64(&l), "already in use");

	e = make_elf64(2 * MIB);
	e.h.e_machine = EM_AARCH64;
	use(&e, sizeof(e));
	l.nclaims = 0;
	assert_refused(load_elf64(&l), "another processor");

	e = make_elf64(2 * MIB);
	e.p[1].p_type = PT_NULL;
	use(&e, sizeof(e));
	l.nclaims = 0;
	assert_refused(load_elf64(&l), "nothing to load");
}

static void elf_of_an_operating_system_is_no_kernel(void **state)
{
	struct elf64 e = make_elf64(2 * MIB);

	e.p[0].p_type = PT_INTERP;
	use(&e, sizeof(e));
	assert_refused(load_elf64(&l), "a program of an operating system");
}

static void vmlinux_is_known_by_its_banner(void **state)
{
	struct elf64 e = make_elf64(16 * MIB);
	const uint8_t *zp;

	memcpy(e.code, "Linux version 6.1", 17);
	use(&e, sizeof(e));
	assert_ptr_equal(load_detect(&l), load_vmlinux);
	assert_true(load_vmlinux(&l));
	assert_int_equal(l.boot.rip, 16 * MIB + 8);
	zp = l.ram + l.boot.rsi;
	assert_memory_equal(zp + 0x202, "HdrS", 4);
	assert_int_equal(get(zp + 0x1fe, 2), 0xaa55);
	assert_int_equal(zp[0x1e8], 3);
}

/* ---- multiboot ---- */

struct mb {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
	uint8_t code[64];
};

static struct mb make_mb(uint32_t flags)
{
	struct mb m = { .magic = 0x1badb002, .flags = flags, .checksum = -(0x1badb002 + flags),
			.header_addr = MIB, .load_addr = MIB, .entry_addr = MIB + 32 };

	memset(m.code, 0xf4, sizeof(m.code));
	return m;
}

static void multiboot_by_addresses(void **state)
{
	struct mb m = make_mb(0x10003);
	static uint8_t module[100] = { 1, 2, 3 };
	const uint8_t *info, *mod, *map;

	m.bss_end_addr = MIB + 8192;
	memset(l.ram + MIB, 0xff, 16384);
	use(&m, sizeof(m));
	l.initrd.data = module;
	l.initrd.size = sizeof(module);
	assert_ptr_equal(load_detect(&l), load_multiboot);
	assert_true(load_multiboot(&l));
	assert_int_equal(l.boot.mode, BOOT_PROTECTED);
	assert_int_equal(l.boot.rip, MIB + 32);
	assert_int_equal(l.boot.rax, 0x2badb002);
	assert_memory_equal(l.ram + MIB, &m, sizeof(m));
	assert_int_equal(l.ram[MIB + sizeof(m)], 0);
	info = l.ram + l.boot.rbx;
	assert_int_equal(get(info, 4), 0x1 | 0x4 | 0x8 | 0x40 | 0x200);
	assert_int_equal(get(info + 4, 4), 639);
	assert_int_equal(get(info + 8, 4), (RAM - MIB) / KIB);
	assert_string_equal((char *)l.ram + get(info + 16, 4), "console=ttyS0");
	assert_int_equal(get(info + 20, 4), 1);
	mod = l.ram + get(info + 24, 4);
	assert_int_equal(get(mod + 4, 4) - get(mod, 4), sizeof(module));
	assert_int_equal(get(mod, 4), MIB + 8192); /* the first page after the image */
	assert_memory_equal(l.ram + get(mod, 4), module, sizeof(module));
	assert_string_equal((char *)l.ram + get(mod + 8, 4), "INITRD");
	assert_int_equal(get(info + 44, 4), 3 * 24);
	map = l.ram + get(info + 48, 4);
	assert_int_equal(get(map, 4), 20);
	assert_int_equal(get(map + 12, 8), LEGACY_START);
	assert_int_equal(get(map + 20, 4), 1);
}

static void multiboot_refusals(void **state)
{
	struct mb m = make_mb(0x10004);

	use(&m, sizeof(m));
	assert_refused(load_multiboot(&l), "a video mode");

	m = make_mb(3);
	use(&m, sizeof(m));
	l.nclaims = 0;
	assert_refused(load_multiboot(&l), "no ELF and has no addresses");

	m = make_mb(0x10003);
	m.load_addr = MIB + 4;
	use(&m, sizeof(m));
	l.nclaims = 0;
	assert_refused(load_multiboot(&l), "contradict");

	m = make_mb(0x10003);
	m.load_addr = 4096; /* so the image would begin before the file does */
	use(&m, sizeof(m));
	l.nclaims = 0;
	assert_refused(load_multiboot(&l), "contradict");

	m = make_mb(0x10003);
	m.load_end_addr = MIB + 10000;
	use(&m, sizeof(m));
	l.nclaims = 0;
	assert_refused(load_multiboot(&l), "cut short");

	m = make_mb(0x10003);
	m.load_end_addr = MIB - 1;
	use(&m, sizeof(m));
	l.nclaims = 0;
	assert_refused(load_multiboot(&l), "contradict");

	m = make_mb(0x10003);
	m.bss_end_addr = 0xfffffff0;
	use(&m, sizeof(m));
	l.nclaims = 0;
	assert_refused(load_multiboot(&l), "--mem");

	m = make_mb(0x10003);
	m.checksum++;
	use(&m, sizeof(m));
	l.nclaims = 0;
	assert_refused(load_multiboot(&l), "no multiboot header");
}

static void multiboot_header_beyond_8_kib_is_none(void **state)
{
	static uint8_t file[16384];
	struct mb m = make_mb(0x10003);

	memcpy(file + 8192 - 12, &m, sizeof(m));
	use(file, sizeof(file));
	assert_int_equal(multiboot_find(&l.image), 8192 - 12);
	memset(file, 0, sizeof(file));
	memcpy(file + 8192 - 8, &m, sizeof(m));
	use(file, sizeof(file));
	assert_int_equal(multiboot_find(&l.image), -1);
}

/* ---- flat ---- */

static void flat_goes_where_it_is_told(void **state)
{
	use("\xf4\x90", 2);
	l.flat_load = 0x10000;
	assert_true(load_flat(&l));
	assert_int_equal(l.boot.mode, BOOT_REAL);
	assert_int_equal(l.boot.cs, 0x1000);
	assert_int_equal(l.boot.rip, 0);
	assert_int_equal(l.ram[0x10001], 0x90);

	l.nclaims = 0;
	l.flat_load = 0x7c00;
	l.flat_has_entry = true;
	l.flat_cs = 0;
	l.flat_ip = 0x7c00;
	assert_true(load_flat(&l));
	assert_int_equal(l.boot.cs, 0);
	assert_int_equal(l.boot.rip, 0x7c00);
}

static void flat_refusals(void **state)
{
	use("", 0);
	assert_refused(load_flat(&l), "empty");
	use("\xf4\x90", 2);
	l.flat_load = MIB - 1;
	assert_refused(load_flat(&l), "below 1 MiB");
	l.flat_load = UINT64_MAX;
	assert_refused(load_flat(&l), "below 1 MiB");
	l.flat_load = 0x10001;
	assert_refused(load_flat(&l), "multiple of 16");
}

/* ---- initrd ---- */

static size_t cpio_entry(char *to, const char *name, const char *data)
{
	size_t n = sprintf(to, "070701%088d%08zX%08d%s", 0, strlen(name) + 1, 0, name);
	char size[9];

	snprintf(size, sizeof(size), "%08x", (unsigned int)strlen(data));
	memcpy(to + 54, size, 8);
	n = (n + 1 + 3) & ~3ul;
	n += sprintf(to + n, "%s", data);
	return (n + 3) & ~3ul;
}

static bool complete(const void *bytes, size_t size)
{
	struct blob b = { "INITRD", NULL, size };
	uint8_t *copy = malloc(size ? size : 1);
	bool ok;

	memcpy(copy, bytes, size);
	b.data = copy;
	ok = initrd_complete(&b);
	free(copy);
	return ok;
}

/* All of it is complete; no beginning of it from least bytes on is. */
static void assert_only_whole(const void *bytes, size_t size, size_t least)
{
	assert_true(complete(bytes, size));
	for (size_t n = least; n < size; n++)
		if (complete(bytes, n))
			fail_msg("%zu of %zu bytes pass", n, size);
}

static void initrds_cut_short_are_known(void **state)
{
	/* a frame of two raw blocks, with a checksum; the same without, one repeated byte */
	static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x18, 0, 0, 1, 2, 3,
					0x09, 0,    0,	  7,	9, 9, 9, 9 };
	static const uint8_t zstd_rle[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x50, 0x83, 2, 0, 'x' };
	static const uint8_t lz4[] = { 0x02, 0x21, 0x4c, 0x18, 3, 0, 0, 0, 1, 2, 3 };
	static const char xz[] = "\xfd" "7zXZ\0and then something that ends in YZ";
	char buffer[1024] = "";
	size_t n = cpio_entry(buffer, "init", "#!/bin/sh\n");

	n += cpio_entry(buffer + n, "TRAILER!!!", "");
	assert_only_whole(buffer, n, 5);
	assert_true(complete(buffer, n + 100)); /* padding */
	memcpy(buffer + n + 4, zstd, sizeof(zstd));
	assert_only_whole(buffer, n + 4 + sizeof(zstd), n + 4 + 4);
	buffer[60] = '!'; /* no number */
	assert_false(complete(buffer, n));

	assert_only_whole(zstd, sizeof(zstd), 4);
	assert_only_whole(zstd_rle, sizeof(zstd_rle), 4);
	assert_only_whole(lz4, sizeof(lz4), 9);
	assert_only_whole(xz, sizeof(xz) - 1, 6);
	assert_true(complete("\x1f\x8b and what gzip says is not read", 30));
	assert_true(complete("", 0));
}

static void a_cut_initrd_is_refused(void **state)
{
	make_bzimage();
	use(bz, sizeof(bz));
	l.initrd.data = (const uint8_t *)"0707010000";
	l.initrd.size = 10;
	assert_refused(load_linux(&l), "INITRD: the initrd is cut short");
}

/* ---- shared ---- */

static void no_kernel_is_said_to_be_none(void **state)
{
	use("#!/bin/sh\necho this is not a kernel\n", 35);
	assert_null(load_detect(&l));
	assert_non_null(strstr(l.error, "IMAGE: no kernel that swivl knows"));
	use("", 0);
	assert_null(load_detect(&l));
	assert_non_null(strstr(l.error, "empty"));
	use("\x1f\x8b\x08\x00", 4);
	assert_null(load_detect(&l));
	assert_non_null(strstr(l.error, "packed with gzip"));
}

static void places_do_not_overlap(void **state)
{
	use("x", 1);
	assert_true(load_claim_legacy(&l));
	assert_int_equal(load_place(&l, 4096, 4096, 4096, RAM_LOW_MAX, false, "a"), 4096);
	assert_int_equal(load_place(&l, 1, 16, 4096, RAM_LOW_MAX, false, "b"), 8192);
	assert_int_equal(load_place(&l, 4096, 4096, 4096, RAM_LOW_MAX, false, "c"), 12288);
	/* what does not fit below the legacy hole goes above it */
	assert_int_equal(load_place(&l, MIB, 4096, 4096, RAM_LOW_MAX, false, "d"), MIB);
	assert_int_equal(load_place(&l, 4096, 4096, MIB, RAM_LOW_MAX, true, "e"), RAM - 4096);
	assert_int_equal(load_place(&l, 4096, 4096, MIB, RAM_LOW_MAX, true, "f"), RAM - 8192);
	assert_int_equal(load_place(&l, RAM, 4096, MIB, RAM_LOW_MAX, true, "g"), 0);
	assert_non_null(strstr(l.error, "no room for g"));
	assert_false(load_claim(&l, 12288 + 4095, 1, "h"));
	assert_false(load_claim(&l, RAM, 1, "i"));
	assert_false(load_claim(&l, UINT64_MAX, 2, "j"));
	assert_true(load_claim(&l, RAM, 0, "k"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(linux_is_laid_out_as_its_protocol_says),
		T(memory_above_4_gib_is_in_the_map),
		T(linux_cut_short_is_refused_at_every_length),
		T(initrd_stays_below_the_kernels_limit),
		T(linux_refusals_say_what_is_wrong),
		T(elf_is_loaded_and_cleared),
		T(a_virtual_entry_becomes_physical),
		T(elf_cut_short_is_refused_at_every_length),
		T(elf_with_absurd_numbers_is_refused),
		T(elf_of_an_operating_system_is_no_kernel),
		T(vmlinux_is_known_by_its_banner),
		T(multiboot_by_addresses),
		T(multiboot_refusals),
		T(multiboot_header_beyond_8_kib_is_none),
		T(flat_goes_where_it_is_told),
		T(flat_refusals),
		T(initrds_cut_short_are_known),
		T(a_cut_initrd_is_refused),
		T(no_kernel_is_said_to_be_none),
		T(places_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
