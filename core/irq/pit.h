/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The 8254 timer of a PC: channel 0 makes ticks (IRQ 0), channel 1 nothing, channel 2 is gated
 * and read through port 0x61. Counters are not run but computed from the time of their load.
 *
 * Times are monotonic nanoseconds. The caller serializes all calls and calls pit_advance() at
 * p->deadline or later.
 *
 * Simplified: a count written in modes 1, 2, 3 and 5 takes effect at once, not with the next
 * trigger or period; counts are those of the clock of the write, not the one after.
 */
#ifndef SWIVL_CORE_IRQ_PIT_H
#define SWIVL_CORE_IRQ_PIT_H

#include "core/types.h"

#define PIT_HZ 1193182u
#define PIT_NEVER (~0ull)
/* Ticks come no closer than this on the host, whatever count the guest programs. */
#define PIT_MIN_PERIOD_NS 200000u
/* Ticks that are remembered for a guest that is too slow to take them. */
#define PIT_MAX_MISSED 4096u
#define PIT_NO_MODE 0xff /* power-on: not programmed */

/* Which byte of a count is next. As a channel's access mode: the first three. */
enum pit_access { PIT_LOW = 1, PIT_HIGH, PIT_BOTH, PIT_BOTH_HIGH };

struct pit_channel {
	u32 count; /* 1 to 65536; 0: none was written since the control word */
	u8 mode; /* 0 to 5, PIT_NO_MODE */
	bool bcd;
	bool gate;
	bool triggered; /* modes 1 and 5: the gate rose since the control word */
	u8 access; /* enum pit_access; 0 before the first control word */
	u8 read_next, write_next; /* enum pit_access */
	u8 write_low; /* low byte that waits for the high one */
	u8 count_latched; /* enum pit_access: what of it is still to be read; 0: not latched */
	u16 latched_count; /* as read: binary or BCD */
	bool status_latched;
	u8 status;
	u64 loaded_at; /* when the counter held the count */
	u64 stopped_at; /* when the gate fell */
};

struct pit_ops {
	void *ctx;
	/* IRQ 0 pulses. Returns 1: a new request, 0: merged with one that waits, -1: masked. */
	int (*tick)(void *ctx);
};

struct pit {
	struct pit_channel ch[3];
	u64 deadline; /* the next tick, PIT_NEVER if there is none */
	u64 ticks; /* of channel 0 since its load */
	u32 missed; /* ticks to be made up for */
	bool waiting; /* a tick was delivered and not yet acknowledged */
	bool reinject; /* make up for missed ticks: KVM_REINJECT_CONTROL */
	bool hpet_legacy; /* channel 0 is disconnected */
	bool speaker_on;
	struct pit_ops ops;
};

void pit_init(struct pit *p, const struct pit_ops *ops, u64 now);

/* Delivers the ticks that are due and sets the next deadline. */
void pit_advance(struct pit *p, u64 now);

/* The guest finished the last tick's interrupt or unmasked it: a missed one may follow. */
void pit_ready(struct pit *p);
void pit_set_reinject(struct pit *p, bool on);

/* Ports 0x40 to 0x43 and 0x61; other ports read 0xff. */
u8 pit_read(struct pit *p, u16 port, u64 now);
void pit_write(struct pit *p, u16 port, u8 val, u64 now);

/* After the channels were set from outside: they start anew with their counts. */
void pit_update(struct pit *p, u64 now);

#endif
