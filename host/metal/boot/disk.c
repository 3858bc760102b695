// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Sectors by the BIOS' extended read, INT 13h AH=42h. */
#include "host/metal/boot/loader.h"

#define SECTORS_AT_ONCE 64 /* some BIOSes stop at 127, none below this */

struct disk_packet {
	u8 size, zero;
	u16 sectors;
	u16 offset, segment;
	u64 lba;
} __attribute__((packed));

static bool read_some(u32 drive, u32 lba, u32 sectors)
{
	static struct disk_packet packet;
	struct bios_registers r = {
		.eax = 0x4200,
		.edx = drive,
		.esi = (u32)&packet & 0xffff,
		.ds = LOADER_AT >> 4,
	};

	packet = (struct disk_packet){
		.size = sizeof(packet),
		.sectors = sectors,
		.segment = BUFFER_AT >> 4,
		.lba = lba,
	};
	bios_call(0x13, &r);
	/* The packet then has the number of sectors that were read. */
	return !(r.eflags & BIOS_CARRY) && packet.sectors == sectors;
}

bool disk_read(u32 drive, u32 lba, u32 sectors, void *to)
{
	u8 *at = to;

	while (sectors) {
		u32 n = sectors < SECTORS_AT_ONCE ? sectors : SECTORS_AT_ONCE;

		if (!read_some(drive, lba, n) && !read_some(drive, lba, n))
			return false;
		memcpy(at, (void *)BUFFER_AT, n * LOAD_SECTOR);
		at += n * LOAD_SECTOR;
		lba += n;
		sectors -= n;
	}
	return true;
}
