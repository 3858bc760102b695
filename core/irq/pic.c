// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* 8259A pair. The rules are those of Intel's 8259A data sheet (order 231468). */
#include "core/irq/pic.h"

#define ICW1_INIT 0x10
#define ICW1_IC4 0x01
#define ICW4_AEOI 0x02
#define ICW4_SFNM 0x10
#define OCW3 0x08
#define OCW3_POLL 0x04
#define NONE 8 /* less urgent than every pin */

/* Urgency of the most urgent of these pins: 0 is the highest, NONE if there is none. */
static int urgency(const struct pic_chip *c, u8 pins)
{
	u8 rotated = (u8)(pins >> c->first | pins << (8 - c->first));

	return rotated ? __builtin_ctz(rotated) : NONE;
}

static int pin_of(const struct pic_chip *c, int urgency)
{
	return (urgency + c->first) & 7;
}

/* Pins in service that block others, and that a non-specific EOI may finish. */
static u8 in_service(const struct pic_chip *c)
{
	return c->special_mask ? c->isr & ~c->imr : c->isr;
}

/* The pin that a chip would present to an acknowledge now, or -1. */
static int request(const struct pic_chip *c)
{
	int want = urgency(c, c->irr & ~c->imr);
	int busy = urgency(c, in_service(c));

	if (want == NONE)
		return -1;
	if (want < busy)
		return pin_of(c, want);
	/* Special fully nested: the slave is not locked out by its own earlier request. */
	if (want == busy && c->special_nested && pin_of(c, want) == PIC_CASCADE)
		return PIC_CASCADE;
	return -1;
}

void pic_update(struct pic *p)
{
	struct pic_chip *m = &p->chip[0];
	u8 irr = m->irr & ~(1 << PIC_CASCADE);
	bool out;

	/* The slave's output, followed as a level so that no request of it is lost or stale. */
	if (request(&p->chip[1]) >= 0)
		irr |= 1 << PIC_CASCADE;
	__atomic_store_n(&m->irr, irr, __ATOMIC_RELAXED); /* in one piece, for pic_peek() */
	out = request(m) >= 0;
	if (out == p->out)
		return;
	p->out = out;
	p->ops.intr(p->ops.ctx, out);
}

void pic_init(struct pic *p, const struct pic_ops *ops)
{
	memset(p, 0, sizeof(*p));
	p->ops = *ops;
}

int pic_set_line(struct pic *p, unsigned pin, bool level)
{
	struct pic_chip *c = &p->chip[pin >> 3 & 1];
	u8 bit = (u8)(1 << (pin & 7));
	bool waiting = c->irr & bit;
	bool was = c->lines & bit;

	if (pin >= PIC_PINS || pin == PIC_CASCADE)
		return -1;
	c->lines = (u8)((c->lines & ~bit) | (level ? bit : 0));
	if (c->elcr & bit)
		c->irr = (u8)((c->irr & ~bit) | (level ? bit : 0));
	else if (level && !was)
		c->irr |= bit;
	pic_update(p);
	if (c->imr & bit)
		return -1;
	return (c->irr & bit) && !waiting;
}

/* A request is acknowledged: it moves from IRR to ISR. */
static void accept(struct pic_chip *c, int pin)
{
	u8 bit = (u8)(1 << pin);

	if (!(c->elcr & bit))
		c->irr &= ~bit;
	if (!c->auto_eoi)
		c->isr |= bit;
	else if (c->rotate_auto_eoi)
		c->first = (pin + 1) & 7;
}

/* Reports pins of a chip as ready, when all state is settled: the report may raise a line. */
static void report_ready(struct pic *p, struct pic_chip *c, u8 pins)
{
	unsigned base = c == &p->chip[1] ? 8 : 0;

	for (; pins; pins &= pins - 1)
		p->ops.ready(p->ops.ctx, base + (unsigned)__builtin_ctz(pins));
}

u8 pic_ack(struct pic *p)
{
	struct pic_chip *c = &p->chip[0];
	int pin = request(c);

	if (pin == PIC_CASCADE) {
		accept(c, pin);
		c = &p->chip[1];
		pin = request(c);
	}
	if (pin < 0) {
		pic_update(p);
		return c->base + 7;
	}
	accept(c, pin);
	pic_update(p);
	if (c->auto_eoi)
		report_ready(p, c, (u8)(1 << pin));
	return (u8)(c->base + pin);
}

/* A read after the poll command acknowledges this chip alone: bit 7 says whether it had one. */
static u8 poll_read(struct pic *p, struct pic_chip *c)
{
	int pin = request(c);

	c->poll = false;
	if (pin < 0)
		return 0;
	accept(c, pin);
	pic_update(p);
	if (c->auto_eoi)
		report_ready(p, c, (u8)(1 << pin));
	return (u8)(0x80 | pin);
}

static void write_icw1(struct pic *p, struct pic_chip *c, u8 val)
{
	u8 was_busy = c->isr | c->imr;

	/* The edge detectors start anew: what is high must fall first. */
	c->irr &= c->elcr;
	c->imr = c->isr = c->first = 0;
	c->special_mask = c->read_isr = c->poll = c->rotate_auto_eoi = false;
	c->icw4 = val & ICW1_IC4;
	if (!c->icw4)
		c->auto_eoi = c->special_nested = false;
	c->init = PIC_ICW2;
	pic_update(p);
	report_ready(p, c, was_busy);
}

/* OCW2: end of interrupt and rotation. Bits 7 to 5: rotate, specific, EOI. */
static void write_ocw2(struct pic *p, struct pic_chip *c, u8 val)
{
	bool rotate = val & 0x80, specific = val & 0x40, eoi = val & 0x20;
	u8 done = 0;
	int pin;

	if (!eoi && !specific) {
		c->rotate_auto_eoi = rotate;
		return;
	}
	if (specific) {
		pin = val & 7;
	} else {
		pin = urgency(c, in_service(c));
		if (pin == NONE)
			return;
		pin = pin_of(c, pin);
	}
	if (eoi) {
		done = c->isr & (1 << pin);
		c->isr &= ~(1 << pin);
	}
	if (rotate)
		c->first = (pin + 1) & 7;
	pic_update(p);
	report_ready(p, c, done);
}

static void write_ocw3(struct pic *p, struct pic_chip *c, u8 val)
{
	c->poll = val & OCW3_POLL;
	if (val & 0x02)
		c->read_isr = val & 0x01;
	if (val & 0x40) {
		c->special_mask = val & 0x20;
		pic_update(p);
	}
}

static void write_command(struct pic *p, struct pic_chip *c, u8 val)
{
	if (val & ICW1_INIT)
		write_icw1(p, c, val);
	else if (val & OCW3)
		write_ocw3(p, c, val);
	else
		write_ocw2(p, c, val);
}

static void write_data(struct pic *p, struct pic_chip *c, u8 val)
{
	u8 unmasked;

	switch (c->init) {
	case PIC_READY:
		unmasked = c->imr & ~val;
		c->imr = val;
		pic_update(p);
		report_ready(p, c, unmasked);
		break;
	case PIC_ICW2:
		c->base = val & 0xf8;
		c->init = PIC_ICW3;
		break;
	case PIC_ICW3: /* the wiring of the cascade, which is fixed */
		c->init = c->icw4 ? PIC_ICW4 : PIC_READY;
		break;
	default:
		c->auto_eoi = val & ICW4_AEOI;
		c->special_nested = val & ICW4_SFNM;
		c->init = PIC_READY;
		break;
	}
}

static void write_elcr(struct pic *p, unsigned chip, u8 val)
{
	struct pic_chip *c = &p->chip[chip];

	c->elcr = val & pic_elcr_mask(chip);
	c->irr = (u8)((c->irr & ~c->elcr) | (c->lines & c->elcr));
	pic_update(p);
}

u8 pic_read(struct pic *p, u16 port)
{
	struct pic_chip *c = &p->chip[port >> 7 & 1];
	int val;

	switch (port) {
	case 0x20:
	case 0x21:
	case 0xa0:
	case 0xa1:
		val = pic_peek(p, port);
		return val < 0 ? poll_read(p, c) : val;
	case 0x4d0:
	case 0x4d1:
		return p->chip[port & 1].elcr;
	default:
		return 0xff;
	}
}

void pic_write(struct pic *p, u16 port, u8 val)
{
	struct pic_chip *c = &p->chip[port >> 7 & 1];

	switch (port) {
	case 0x20:
	case 0xa0:
		write_command(p, c, val);
		break;
	case 0x21:
	case 0xa1:
		write_data(p, c, val);
		break;
	case 0x4d0:
	case 0x4d1:
		write_elcr(p, port & 1, val);
		break;
	}
}
