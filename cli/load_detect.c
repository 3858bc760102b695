/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Which format an image has. Raw code has no mark, so it is never guessed. */
#define _GNU_SOURCE
#include <string.h>

#include "load.h"

static bool has_bytes(const struct blob *b, uint64_t off, const void *bytes, size_t n)
{
	return off + n <= b->size && !memcmp(b->data + off, bytes, n);
}

static const char *packed_with(const struct blob *b)
{
	if (has_bytes(b, 0, "\x1f\x8b", 2))
		return "gzip";
	if (has_bytes(b, 0, "\xfd" "7zXZ", 5))
		return "xz";
	if (has_bytes(b, 0, "\x28\xb5\x2f\xfd", 4))
		return "zstd";
	return NULL;
}

loader_fn load_detect(struct load *l)
{
	const struct blob *b = &l->image;

	if (!b->size) {
		load_fail(l, "%s: the file is empty", b->name);
		return NULL;
	}
	if (has_bytes(b, 0x1fe, "\x55\xaa", 2) && has_bytes(b, 0x202, "HdrS", 4))
		return load_linux;
	if (multiboot_find(b) >= 0)
		return load_multiboot;
	if (elf_is(b)) {
		/* Every Linux kernel carries its banner; a build without notes does too. */
		if (memmem(b->data, b->size, "Linux version ", 14))
			return load_vmlinux;
		return load_elf64;
	}
	if (packed_with(b))
		load_fail(l, "%s: packed with %s; unpack it first", b->name, packed_with(b));
	else
		load_fail(l,
			  "%s: no kernel that swivl knows: no Linux boot header, no ELF, no "
			  "multiboot header (raw real-mode code is run with --flat)",
			  b->name);
	return NULL;
}
