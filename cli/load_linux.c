/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Linux, by its 64-bit boot protocol (Documentation/x86/boot.rst of the kernel names the fields;
 * zero-page.rst the ones outside the setup header): bzImage, which brings a setup header, and
 * vmlinux, for which one is made up.
 */
#define _GNU_SOURCE
#include <string.h>

#include "load.h"

/* Offsets in the image and, the same, in the zero page ("boot_params"). */
#define ZP_ACPI_RSDP 0x070
#define ZP_E820_COUNT 0x1e8
#define ZP_E820 0x2d0
#define ZP_SIZE 4096

#define HDR_START 0x1f1
#define HDR_SETUP_SECTS 0x1f1
#define HDR_SYSSIZE 0x1f4
#define HDR_BOOT_FLAG 0x1fe
#define HDR_JUMP 0x200
#define HDR_MAGIC 0x202
#define HDR_VERSION 0x206
#define HDR_TYPE_OF_LOADER 0x210
#define HDR_LOADFLAGS 0x211
#define HDR_RAMDISK_IMAGE 0x218
#define HDR_RAMDISK_SIZE 0x21c
#define HDR_CMD_LINE_PTR 0x228
#define HDR_INITRD_ADDR_MAX 0x22c
#define HDR_XLOADFLAGS 0x236
#define HDR_CMDLINE_SIZE 0x238
#define HDR_PREF_ADDRESS 0x258
#define HDR_INIT_SIZE 0x260
#define HDR_MAX_END 0x290 /* where the zero page has other fields again */

#define MAGIC_HDRS 0x53726448 /* "HdrS" */
#define MAGIC_BOOT 0xaa55
#define VERSION_64BIT_ENTRY 0x020c
#define XLF_KERNEL_64 1
#define LOADED_HIGH 1
#define LOADER_UNDEFINED 0xff

#define ENTRY_64 0x200 /* from the start of the kernel proper */

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* Kernel and setup header are in place; zp is the zero page with that header. */
static bool place_initrd(struct load *l, uint8_t *zp)
{
	uint64_t max = (uint64_t)get32(zp + HDR_INITRD_ADDR_MAX) + 1, at;

	if (!l->initrd.data)
		return true;
	if (!l->initrd.size)
		return load_fail(l, "%s: the initrd is empty", l->initrd.name);
	if (!initrd_complete(&l->initrd))
		return load_fail(l, "%s: the initrd is cut short, or damaged; make it again",
				 l->initrd.name);
	at = load_place(l, l->initrd.size, 4096, LEGACY_END, max, true, "the initrd");
	if (!at)
		return load_fail(l,
				 "%s: an initrd of %llu KiB does not fit beside the kernel in %llu "
				 "MiB of guest memory; give more with --mem",
				 l->initrd.name, (unsigned long long)(l->initrd.size / KIB),
				 (unsigned long long)(l->ram_low / MIB));
	memcpy(l->ram + at, l->initrd.data, l->initrd.size);
	put32(zp + HDR_RAMDISK_IMAGE, at);
	put32(zp + HDR_RAMDISK_SIZE, l->initrd.size);
	return true;
}

static bool place_cmdline(struct load *l, uint8_t *zp)
{
	uint64_t size = strlen(l->cmdline), max = get32(zp + HDR_CMDLINE_SIZE), at;

	if (size > max)
		return load_fail(l, "%s: this kernel takes a command line of at most %llu bytes, "
				 "not %llu", l->image.name, (unsigned long long)max,
				 (unsigned long long)size);
	at = load_place(l, size + 1, 16, FIRST_PAGE, RAM_LOW_MAX, false, "the command line");
	if (!at)
		return false;
	memcpy(l->ram + at, l->cmdline, size + 1);
	put32(zp + HDR_CMD_LINE_PTR, at);
	return true;
}

static void write_e820(const struct load *l, uint8_t *zp)
{
	struct map_entry map[MEMORY_MAP_MAX];
	unsigned int n = load_memory_map(l, map, MEMORY_MAP_MAX);

	zp[ZP_E820_COUNT] = n;
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *entry = zp + ZP_E820 + i * 20;

		put64(entry, map[i].start);
		put64(entry + 8, map[i].size);
		put32(entry + 16, map[i].type);
	}
}

/* The rest, once the kernel lies in memory and zp holds its setup header. */
static bool finish(struct load *l, uint8_t *zp, uint64_t entry)
{
	uint64_t at;

	zp[HDR_TYPE_OF_LOADER] = LOADER_UNDEFINED;
	if (!place_initrd(l, zp) || !place_cmdline(l, zp))
		return false;
	put64(zp + ZP_ACPI_RSDP, TABLES_START);
	write_e820(l, zp);
	at = load_place(l, ZP_SIZE, 4096, FIRST_PAGE, RAM_LOW_MAX, false, "the zero page");
	if (!at || !load_boot_tables(l, BOOT_LONG))
		return false;
	memcpy(l->ram + at, zp, ZP_SIZE);
	l->boot.rip = entry;
	l->boot.rsi = at;
	l->boot.rsp = 0;
	return true;
}

static bool check_header(struct load *l, const uint8_t *head)
{
	uint16_t version = get16(head + HDR_VERSION);

	if (get16(head + HDR_BOOT_FLAG) != MAGIC_BOOT || get32(head + HDR_MAGIC) != MAGIC_HDRS)
		return load_fail(l, "%s: no Linux kernel image (no boot header)", l->image.name);
	if (version < VERSION_64BIT_ENTRY || !(get16(head + HDR_XLOADFLAGS) & XLF_KERNEL_64))
		return load_fail(l,
				 "%s: this kernel has no 64-bit entry (boot protocol %u.%u); take an "
				 "x86-64 kernel of version 3.8 or later",
				 l->image.name, version >> 8, version & 0xff);
	return true;
}

bool load_linux(struct load *l)
{
	uint8_t zp[ZP_SIZE] = { 0 }, head[HDR_MAX_END] = { 0 };
	uint64_t setup, size, at, need;
	unsigned int header_end;

	l->format = "Linux bzImage, 64-bit entry";
	if (!blob_read(&l->image, 0, head, sizeof(head)))
		return load_fail(l, "%s: cut short: %llu bytes do not even hold the boot header",
				 l->image.name, (unsigned long long)l->image.size);
	if (!check_header(l, head) || !load_claim_legacy(l))
		return false;

	setup = (head[HDR_SETUP_SECTS] ? head[HDR_SETUP_SECTS] + 1 : 5) * 512;
	size = (uint64_t)get32(head + HDR_SYSSIZE) * 16;
	if (setup > l->image.size || size > l->image.size - setup)
		return load_fail(l,
				 "%s: cut short: its header says %llu bytes, the file has %llu; copy "
				 "it again",
				 l->image.name, (unsigned long long)(setup + size),
				 (unsigned long long)l->image.size);
	at = get64(head + HDR_PREF_ADDRESS);
	need = get32(head + HDR_INIT_SIZE);
	if (need < size)
		need = size;
	if (size < ENTRY_64 || at < LEGACY_END)
		return load_fail(l, "%s: its boot header makes no sense", l->image.name);
	if (at > l->ram_low || need > l->ram_low - at)
		return load_fail(l,
				 "%s: this kernel needs %llu MiB of guest memory to unpack itself, "
				 "there are %llu; give more with --mem",
				 l->image.name, (unsigned long long)((at + need) / MIB + 1),
				 (unsigned long long)(l->ram_low / MIB));
	if (!load_claim(l, at, need, "the kernel"))
		return false;
	memcpy(l->ram + at, l->image.data + setup, size);

	/* The header's length stands in the jump over it: offset byte, from its own end. */
	header_end = HDR_MAGIC + head[HDR_JUMP + 1];
	if (header_end > HDR_MAX_END)
		header_end = HDR_MAX_END;
	memcpy(zp + HDR_START, head + HDR_START, header_end - HDR_START);
	return finish(l, zp, at + ENTRY_64);
}

bool load_vmlinux(struct load *l)
{
	uint8_t zp[ZP_SIZE] = { 0 };
	struct elf_info info;

	l->format = "Linux vmlinux, 64-bit entry";
	if (!load_claim_legacy(l) || !elf_load(l, &info))
		return false;
	if (!info.is64)
		return load_fail(l, "%s: a 32-bit Linux kernel; take an x86-64 one", l->image.name);
	put16(zp + HDR_BOOT_FLAG, MAGIC_BOOT);
	put32(zp + HDR_MAGIC, MAGIC_HDRS);
	put16(zp + HDR_VERSION, VERSION_64BIT_ENTRY);
	put32(zp + HDR_INITRD_ADDR_MAX, 0x7fffffff);
	put32(zp + HDR_CMDLINE_SIZE, 2047);
	zp[HDR_LOADFLAGS] = LOADED_HIGH;
	return finish(l, zp, info.entry);
}
