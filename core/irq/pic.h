/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The pair of 8259A interrupt controllers of a PC: master on pins 0 to 7, slave on 8 to 15,
 * cascaded through the master's pin 2. 8086 mode only, always cascaded, trigger mode by the
 * ELCR registers of the PIIX (ICW1's LTIM and SNGL bits are ignored).
 *
 * The caller serializes all calls. Nothing here allocates, sleeps or reads a clock.
 */
#ifndef SWIVL_CORE_IRQ_PIC_H
#define SWIVL_CORE_IRQ_PIC_H

#include "core/types.h"

#define PIC_PINS 16
#define PIC_CASCADE 2

/* Where the guest's initialization sequence stands: the next write to the data port is this. */
enum pic_init { PIC_READY, PIC_ICW2, PIC_ICW3, PIC_ICW4 };

struct pic_chip {
	u8 lines; /* input levels; the cascade pin is always 0 here */
	u8 irr, imr, isr; /* requested, masked, in service */
	u8 first; /* the pin with the highest priority, 0 unless rotated */
	u8 base; /* vector of pin 0, a multiple of 8 */
	u8 init; /* enum pic_init */
	u8 elcr; /* 1: level triggered */
	bool read_isr; /* the command port reads ISR, else IRR */
	bool poll; /* the next read acknowledges */
	bool special_mask; /* masked pins in service do not block others */
	bool auto_eoi, rotate_auto_eoi;
	bool special_nested; /* the cascade pin may interrupt itself */
	bool icw4; /* ICW1 announced an ICW4 */
};

struct pic_ops {
	void *ctx;
	/* The INTR output changed. */
	void (*intr)(void *ctx, bool level);
	/* A pin can take its next interrupt: the last one saw its EOI, or the pin was unmasked. */
	void (*ready)(void *ctx, unsigned pin);
};

struct pic {
	struct pic_chip chip[2]; /* master, slave */
	bool out; /* INTR: the CPU should acknowledge */
	struct pic_ops ops;
};

void pic_init(struct pic *p, const struct pic_ops *ops);

/*
 * Sets the level of an input. Returns 1 if it made a request, 0 if it merged with one that was
 * waiting already (or the level was lowered), -1 if the pin is masked. The cascade pin and pins
 * above 15 return -1.
 */
int pic_set_line(struct pic *p, unsigned pin, bool level);

/*
 * The CPU's acknowledge cycle: the vector of the most urgent request, which is now in service.
 * Without one: the spurious vector, pin 7's of the chip that was asked.
 */
u8 pic_ack(struct pic *p);

/*
 * What a read of a port of 0x20, 0x21, 0xa0, 0xa1 shows, or -1 where it would acknowledge (poll).
 * Needs no lock: that is one byte, which only ever holds what a read at that time finds.
 */
static inline int pic_peek(const struct pic *p, u16 port)
{
	const struct pic_chip *c = &p->chip[port >> 7 & 1];

	if (__atomic_load_n(&c->poll, __ATOMIC_RELAXED))
		return -1;
	if (port & 1)
		return __atomic_load_n(&c->imr, __ATOMIC_RELAXED);
	return __atomic_load_n(__atomic_load_n(&c->read_isr, __ATOMIC_RELAXED) ? &c->isr : &c->irr,
			       __ATOMIC_RELAXED);
}

/* Ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1; other ports read 0xff. */
u8 pic_read(struct pic *p, u16 port);
void pic_write(struct pic *p, u16 port, u8 val);

/* After the chips' fields were set from outside: drives the outputs. */
void pic_update(struct pic *p);

/* The pins whose trigger mode a chip lets the guest choose (the timer, keyboard, cascade, clock
 * and coprocessor pins are wired to edge). */
static inline u8 pic_elcr_mask(unsigned chip)
{
	return chip ? 0xde : 0xf8;
}

#endif
