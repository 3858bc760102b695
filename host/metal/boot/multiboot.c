// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Started by a multiboot loader: reads its command line, then puts the loader in place.
 *
 *	disk=0x80 log-port=0x3f8 log-level=1 brand=the rest of the line
 */
#include "host/metal/boot/loader.h"

#define MB1_MAGIC 0x2badb002
#define MB1_HAS_CMDLINE 4
#define MB2_MAGIC 0x36d76289

enum mb2_tag { MB2_END, MB2_CMDLINE, MB2_EFI32 = 11, MB2_EFI64 };

struct mb1_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline;
};

struct mb2_tag_header {
	u32 type, size;
};

extern u8 loader_image[], loader_image_end[], hypervisor_image[], hypervisor_image_end[];
extern u8 memory_end[];

static struct loader_from_multiboot found;

static bool digit(char c, u32 base, u32 *value)
{
	u32 d = c >= '0' && c <= '9' ? c - (u32)'0' : (c | 0x20) >= 'a' ? (c | 0x20) - 'a' + 10u : 99;

	if (d >= base)
		return false;
	*value = *value * base + d;
	return true;
}

static u32 number(const char *s)
{
	u32 value = 0, base = 10;

	if (s[0] == '0' && (s[1] | 0x20) == 'x') {
		s += 2;
		base = 16;
	}
	while (digit(*s, base, &value))
		s++;
	return value;
}

/* What follows @name, which ends with '=', at @s; NULL if something else is there. */
static const char *value_of(const char *s, const char *name)
{
	for (; *name; s++, name++)
		if (*s != *name)
			return NULL;
	return s;
}

static void read_word(const char *s)
{
	const char *v;

	if ((v = value_of(s, "disk=")))
		found.drive = number(v) & 0xff;
	else if ((v = value_of(s, "log-port=")))
		found.config.log_port = number(v);
	else if ((v = value_of(s, "log-level=")))
		found.config.log_level = number(v);
	else if ((v = value_of(s, "brand=")))
		for (u32 i = 0; i < BOOT_BRAND_SIZE - 1; i++)
			found.config.brand[i] = *v ? *v++ : 0;
}

static void read_command_line(const char *s)
{
	while (*s) {
		while (*s == ' ')
			s++;
		read_word(s);
		if (value_of(s, "brand="))
			return;
		while (*s && *s != ' ')
			s++;
	}
}

static void read_tags(const u8 *at)
{
	const struct mb2_tag_header *tag;

	for (at += 8;; at += (tag->size + 7) & ~7u) {
		tag = (const void *)at;
		if (tag->type == MB2_END || tag->size < sizeof(*tag))
			break;
		if (tag->type == MB2_CMDLINE)
			read_command_line((const char *)(tag + 1));
		if (tag->type == MB2_EFI32 || tag->type == MB2_EFI64)
			found.has_bios = 0;
	}
}

static void copy(u8 *to, const u8 *from, const u8 *end)
{
	while (from < end)
		*to++ = *from++;
}

const struct loader_from_multiboot *multiboot_main(u32 magic, u32 at)
{
	static const char brand[] = "swivl " SWIVL_VERSION;
	const struct mb1_info *mb1 = (const void *)at;

	found.drive = 0x80;
	found.config.log_port = 0x3f8;
	found.config.log_level = BOOT_LOG_INFO;
	copy((u8 *)found.config.brand, (const u8 *)brand, (const u8 *)brand + sizeof(brand));
	found.image = (u32)hypervisor_image;
	found.image_size = hypervisor_image_end - hypervisor_image;
	found.end = (u32)memory_end;
	/* A BIOS has left its vectors. */
	found.has_bios = *(volatile u32 *)(0x13 * 4) && *(volatile u32 *)(0x10 * 4);
	if (magic == MB2_MAGIC) {
		found.way = BOOT_FROM_MULTIBOOT2;
		read_tags((const u8 *)at);
	} else {
		found.way = BOOT_FROM_MULTIBOOT1;
		if (magic == MB1_MAGIC && (mb1->flags & MB1_HAS_CMDLINE))
			read_command_line((const char *)mb1->cmdline);
	}
	copy((u8 *)LOADER_AT, loader_image, loader_image_end);
	return &found;
}
