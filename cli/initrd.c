/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Is an initrd all there? A kernel that gets half of one says so late and badly. Archives and
 * compressed parts follow each other, with zero bytes between; each is walked by the lengths it
 * states. What gzip, bzip2 and LZMA hold can only be known by unpacking, so they pass.
 *
 * cpio: "newc" of the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
 * zstd: RFC 8878, 3.1.1. LZ4: its legacy frame, as Linux takes it. xz: its file format, 2.1.2.
 */
#include <string.h>

#include "load.h"

#define CPIO_HEADER 110
#define CPIO_NAMESIZE 94 /* offsets of two of its numbers, 8 hexadecimal digits each */
#define CPIO_FILESIZE 54

static bool starts(const struct blob *b, uint64_t off, const void *bytes, uint64_t n)
{
	return off <= b->size && n <= b->size - off && !memcmp(b->data + off, bytes, n);
}

static bool hex8(const uint8_t *p, uint64_t *v)
{
	*v = 0;
	for (unsigned int i = 0; i < 8; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = p[i] ? strchr(digits, p[i] | 0x20) : NULL;

		if (!d)
			return false;
		*v = *v << 4 | (uint64_t)(d - digits);
	}
	return true;
}

static uint64_t align4(uint64_t v)
{
	return (v + 3) & ~3ull;
}

/* Each walker gets the offset where its part begins, and moves it past; false: it is cut short. */
static bool walk_cpio(const struct blob *b, uint64_t *at)
{
	static const char trailer[] = "TRAILER!!!";

	while (starts(b, *at, "07070", 5)) {
		uint8_t h[CPIO_HEADER];
		uint64_t name, data, start = *at;

		if (!blob_read(b, start, h, sizeof(h)) || !hex8(h + CPIO_NAMESIZE, &name) ||
		    !hex8(h + CPIO_FILESIZE, &data))
			return false;
		*at = align4(start + CPIO_HEADER + name) + data;
		if (*at > b->size)
			return false;
		if (starts(b, start + CPIO_HEADER, trailer, sizeof(trailer)))
			return true;
		*at = align4(*at);
	}
	return false; /* the last entry has not come */
}

static bool walk_zstd(const struct blob *b, uint64_t *at)
{
	static const uint8_t dictionary[] = { 0, 1, 2, 4 }, content[] = { 0, 2, 4, 8 };
	uint8_t descriptor, block[3];
	uint32_t header;

	if (!blob_read(b, *at + 4, &descriptor, 1))
		return false;
	*at += 5 + dictionary[descriptor & 3] + content[descriptor >> 6];
	if (!(descriptor & 0x20))
		*at += 1; /* window descriptor */
	else if (descriptor >> 6 == 0)
		*at += 1; /* single segment: the content's size has at least a byte */
	do {
		if (!blob_read(b, *at, block, 3))
			return false;
		header = block[0] | block[1] << 8 | (uint32_t)block[2] << 16;
		/* type 1 repeats one byte; the other types are as long as they say */
		*at += 3 + ((header >> 1 & 3) == 1 ? 1 : header >> 3);
	} while (!(header & 1));
	if (descriptor & 4)
		*at += 4; /* checksum */
	return *at <= b->size;
}

static bool walk_lz4(const struct blob *b, uint64_t *at)
{
	uint32_t size;

	*at += 4;
	/* Blocks without an end mark: it may only not end inside one. */
	while (blob_read(b, *at, &size, 4) && size) {
		*at += 4;
		if (size > b->size - *at)
			return false;
		*at += size;
	}
	return true;
}

static bool ends_as_xz(const struct blob *b)
{
	uint64_t end = b->size;

	while (end && !b->data[end - 1])
		end--;
	return end >= 12 && b->data[end - 2] == 'Y' && b->data[end - 1] == 'Z';
}

bool initrd_complete(const struct blob *b)
{
	uint64_t at = 0;

	for (;;) {
		bool whole;

		while (at < b->size && !b->data[at])
			at++;
		if (starts(b, at, "07070", 5))
			whole = walk_cpio(b, &at);
		else if (starts(b, at, "\x28\xb5\x2f\xfd", 4))
			whole = walk_zstd(b, &at);
		else if (starts(b, at, "\x02\x21\x4c\x18", 4))
			whole = walk_lz4(b, &at);
		else if (starts(b, at, "\xfd" "7zXZ", 6))
			return ends_as_xz(b);
		else
			return true;
		if (!whole)
			return false;
	}
}
