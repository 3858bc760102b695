/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Raw code in real mode. It is loaded at --load (default 0x10000) and starts there: CS, DS, ES
 * and SS are the paragraph of that address and IP is 0, unless --entry SEGMENT:OFFSET says
 * otherwise (then the segment is that of all four). The stack starts at offset 0xfffe of the
 * segment.
 */
#include <string.h>

#include "load.h"

bool load_flat(struct load *l)
{
	uint64_t at = l->flat_load;

	l->format = "flat binary, real mode";
	if (!l->image.size)
		return load_fail(l, "%s: the file is empty", l->image.name);
	if (at >= MIB || l->image.size > MIB - at)
		return load_fail(l,
				 "%s: %llu bytes at 0x%llx do not fit below 1 MiB, where real mode "
				 "ends",
				 l->image.name, (unsigned long long)l->image.size,
				 (unsigned long long)at);
	if (!l->flat_has_entry && at & 15)
		return load_fail(l,
				 "%s: --load 0x%llx is not a multiple of 16, so no segment starts "
				 "there; say where to start with --entry SEGMENT:OFFSET",
				 l->image.name, (unsigned long long)at);
	if (!load_claim(l, at, l->image.size, "the binary"))
		return false;
	memcpy(l->ram + at, l->image.data, l->image.size);
	l->boot.mode = BOOT_REAL;
	l->boot.cs = l->flat_has_entry ? l->flat_cs : at >> 4;
	l->boot.rip = l->flat_has_entry ? l->flat_ip : 0;
	l->boot.rsp = 0xfffe;
	return true;
}
