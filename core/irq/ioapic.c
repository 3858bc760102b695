// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* I/O APIC. The rules are those of Intel's 82093AA data sheet (order 290566). */
#include "core/irq/ioapic.h"
#include "core/irq/lapic.h"

#define REG_ID 0x00
#define REG_VERSION 0x01
#define REG_ARBITRATION 0x02
#define REG_ENTRIES 0x10
#define VERSION ((IOAPIC_PINS - 1) << 16 | 0x11)

static bool level_triggered(const struct ioapic *io, unsigned pin)
{
	return io->entry[pin] & IOAPIC_LEVEL;
}

/* Which EOIs are worth a search through the pins. */
static void collect_vectors(struct ioapic *io)
{
	unsigned pin;

	memset(io->eoi_vectors, 0, sizeof(io->eoi_vectors));
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		u8 vector = (u8)io->entry[pin];

		if (level_triggered(io, pin) || (io->watched >> pin & 1))
			io->eoi_vectors[vector / 32] |= 1u << (vector % 32);
	}
}

/* Sends the interrupt of a pin that asks for one. */
static int service(struct ioapic *io, unsigned pin)
{
	u64 e = io->entry[pin];
	struct apic_msg msg = {
		.dest = (u32)(e >> 56),
		.vector = (u8)e,
		.mode = e >> 8 & 7,
		.logical = e & IOAPIC_LOGICAL,
		.level = e & IOAPIC_LEVEL,
		.assert = true,
	};
	int r;

	if (e & IOAPIC_MASKED)
		return -1;
	if (e & IOAPIC_REMOTE_IRR)
		return 0;
	if (msg.dest == 0xff && !msg.logical)
		msg.dest = APIC_EVERYONE;
	r = io->ops.send(io->ops.ctx, &msg);
	if (msg.level && r >= 0)
		io->entry[pin] |= IOAPIC_REMOTE_IRR;
	else if (!msg.level)
		io->sent |= 1u << pin;
	return r;
}

int ioapic_set_line(struct ioapic *io, unsigned pin, bool level)
{
	u32 bit;

	if (pin >= IOAPIC_PINS)
		return -1;
	bit = 1u << pin;
	if (!level) {
		io->lines &= ~bit;
		io->sent &= ~bit;
		return 0;
	}
	if ((io->lines & bit) && !level_triggered(io, pin))
		return 0;
	io->lines |= bit;
	return service(io, pin);
}

void ioapic_eoi(struct ioapic *io, u8 vector, bool level)
{
	unsigned pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if ((u8)io->entry[pin] != vector)
			continue;
		if (level && level_triggered(io, pin)) {
			io->entry[pin] &= ~IOAPIC_REMOTE_IRR;
			if (io->lines >> pin & 1)
				service(io, pin);
		}
		io->ops.ready(io->ops.ctx, pin);
	}
}

static void write_entry(struct ioapic *io, unsigned pin, u64 e)
{
	u64 old = io->entry[pin];

	e &= IOAPIC_GUEST_BITS;
	/* Edge has no remote IRR: what guests use to end a level interrupt by hand. */
	if (e & IOAPIC_LEVEL) {
		e |= old & IOAPIC_REMOTE_IRR;
		io->sent &= ~(1u << pin);
	}
	io->entry[pin] = e;
	collect_vectors(io);
	/* A level that waits is sent now; an edge that came while masked is lost. */
	if ((e & IOAPIC_LEVEL) && (io->lines >> pin & 1))
		service(io, pin);
	if ((old & IOAPIC_MASKED) && !(e & IOAPIC_MASKED))
		io->ops.ready(io->ops.ctx, pin);
}

static u32 read_data(const struct ioapic *io)
{
	unsigned pin = (io->select - REG_ENTRIES) / 2u;

	switch (io->select) {
	case REG_ID:
	case REG_ARBITRATION:
		return io->id << 24;
	case REG_VERSION:
		return VERSION;
	}
	if (io->select < REG_ENTRIES || pin >= IOAPIC_PINS)
		return 0;
	return (u32)(io->entry[pin] >> (io->select & 1 ? 32 : 0));
}

static void write_data(struct ioapic *io, u32 val)
{
	unsigned pin = (io->select - REG_ENTRIES) / 2u;
	u64 old;

	if (io->select == REG_ID)
		io->id = val >> 24 & 15;
	if (io->select < REG_ENTRIES || pin >= IOAPIC_PINS)
		return;
	old = io->entry[pin];
	if (io->select & 1)
		write_entry(io, pin, (old & 0xffffffff) | (u64)val << 32);
	else
		write_entry(io, pin, (old & ~0xffffffffull) | val);
}

u32 ioapic_read(struct ioapic *io, unsigned offset)
{
	switch (offset) {
	case 0x00:
		return io->select;
	case 0x10:
		return read_data(io);
	default:
		return 0;
	}
}

void ioapic_write(struct ioapic *io, unsigned offset, u32 val)
{
	switch (offset) {
	case 0x00:
		io->select = (u8)val;
		break;
	case 0x10:
		write_data(io, val);
		break;
	}
}

void ioapic_watch(struct ioapic *io, u32 pins)
{
	io->watched = pins;
	collect_vectors(io);
}

void ioapic_update(struct ioapic *io, u32 lines)
{
	unsigned pin;

	collect_vectors(io);
	io->lines = io->sent = 0;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if (lines >> pin & 1)
			ioapic_set_line(io, pin, true);
	}
}

void ioapic_init(struct ioapic *io, const struct ioapic_ops *ops)
{
	unsigned pin;

	memset(io, 0, sizeof(*io));
	io->base = IOAPIC_BASE;
	io->ops = *ops;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		io->entry[pin] = IOAPIC_MASKED;
}
