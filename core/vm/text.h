/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Text put together piece by piece in a buffer of fixed size; what does not fit is left out. */
#ifndef SWIVL_CORE_VM_TEXT_H
#define SWIVL_CORE_VM_TEXT_H

#include "core/types.h"

struct text {
	char *buf; /* always ends in 0, from text_start() on */
	size_t size, used; /* size: bytes at @buf, at least 1 */
};

static inline struct text text_start(char *buf, size_t size)
{
	buf[0] = 0;
	return (struct text){ buf, size, 0 };
}

static inline void text_put(struct text *t, const char *s)
{
	while (*s && t->used + 1 < t->size)
		t->buf[t->used++] = *s++;
	t->buf[t->used] = 0;
}

/* @base: 10, or 16 with 0x before it. */
static inline void text_number(struct text *t, u64 value, unsigned int base)
{
	char digits[21];
	int i = 20;

	digits[i] = 0;
	do {
		digits[--i] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (base == 16)
		text_put(t, "0x");
	text_put(t, digits + i);
}

#endif
