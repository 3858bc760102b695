/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The I/O APIC of a PC (82093AA, version 0x11): 24 pins, each with an entry that says which
 * local APICs get which vector. Inputs are taken as "asserted", whatever polarity the guest set.
 *
 * The caller serializes all calls.
 */
#ifndef SWIVL_CORE_IRQ_IOAPIC_H
#define SWIVL_CORE_IRQ_IOAPIC_H

#include "core/types.h"

struct apic_msg;

#define IOAPIC_PINS 24
#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_SIZE 0x100u /* bytes that it decodes */

/* Redirection table entry */
#define IOAPIC_LOGICAL (1ull << 11)
#define IOAPIC_REMOTE_IRR (1ull << 14) /* level: accepted, EOI is awaited. Read-only */
#define IOAPIC_LEVEL (1ull << 15)
#define IOAPIC_MASKED (1ull << 16)
/* Delivery status, always idle, and the bits above are the guest's. */
#define IOAPIC_GUEST_BITS 0xff0000000001afffull

struct ioapic_ops {
	void *ctx;
	/* A message to the local APICs: 1 new, 0 merged, -1 nobody takes it. */
	int (*send)(void *ctx, const struct apic_msg *msg);
	/* A pin can take its next interrupt: EOI of the last one, or it was unmasked. */
	void (*ready)(void *ctx, unsigned pin);
};

struct ioapic {
	u64 base; /* guest physical address */
	u64 entry[IOAPIC_PINS];
	u32 lines; /* input levels */
	u32 sent; /* edge pins whose present high level was delivered */
	u32 watched; /* edge pins whose EOI the caller wants to hear of, too */
	u32 eoi_vectors[8]; /* vectors of pins for which an EOI means something */
	u32 id; /* 0 to 15 */
	u8 select; /* index register */
	struct ioapic_ops ops;
};

/* Power-up: all pins masked. */
void ioapic_init(struct ioapic *io, const struct ioapic_ops *ops);

/* As pic_set_line(): 1 new, 0 merged or lowered, -1 masked, not taken, no such pin. */
int ioapic_set_line(struct ioapic *io, unsigned pin, bool level);

/* A local APIC finished @vector. @level: as it was accepted; only that ends a level interrupt. */
void ioapic_eoi(struct ioapic *io, u8 vector, bool level);
static inline bool ioapic_wants_eoi(const struct ioapic *io, u8 vector)
{
	return io->eoi_vectors[vector / 32] >> (vector % 32) & 1;
}

/* Register window: offset 0 selects, 0x10 is data. Others read 0. */
u32 ioapic_read(struct ioapic *io, unsigned offset);
void ioapic_write(struct ioapic *io, unsigned offset, u32 val);

/* Pins whose EOI matters although they are edge triggered. */
void ioapic_watch(struct ioapic *io, u32 pins);
/* After the entries were set from outside: @lines are raised, as if from low. */
void ioapic_update(struct ioapic *io, u32 lines);

#endif
