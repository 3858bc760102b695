/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Text for the log, and the ring that keeps its last 64 KiB. Pure. */
#ifndef SWIVL_METAL_FORMAT_H
#define SWIVL_METAL_FORMAT_H

#include <stdarg.h>
#include "core/types.h"

/*
 * printf's %s %c %d %u %x with ll and a width, zeros before numbers where the width begins with
 * 0; anything else is put out as it stands. Always ends in 0; returns the length of what is there.
 */
size_t format_text(char *buf, size_t size, const char *fmt, va_list args);

#define LOG_RING_SIZE 65536u

struct log_ring {
	u64 written; /* bytes ever */
	char bytes[LOG_RING_SIZE];
};

void log_ring_put(struct log_ring *r, const char *text, size_t size);
/*
 * Copy what was written from *@at on, at most @size bytes, to @dst; *@at moves on. A place that
 * was overwritten meanwhile, or was never written, becomes the oldest that is still there.
 */
size_t log_ring_read(const struct log_ring *r, u64 *at, char *dst, size_t size);

#endif
