/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The registers are those of National Semiconductor's PC16550D data sheet, section 8. */
#include <string.h>

#include "serial.h"

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RX 0x01
#define IER_THRE 0x02
#define IER_LINE_STATUS 0x04
#define IIR_NONE 0x01
#define IIR_THRE 0x02
#define IIR_RX 0x04
#define IIR_LINE_STATUS 0x06
#define IIR_RX_TIMEOUT 0x0c
#define IIR_FIFOS 0xc0
#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02
#define LCR_DLAB 0x80
#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08 /* on a PC: connects the interrupt line */
#define MCR_LOOP 0x10
#define LSR_DATA 0x01
#define LSR_OVERRUN 0x02
#define LSR_EMPTY 0x60 /* holding register and transmitter */
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80

static unsigned int trigger_level(const struct serial *s)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

/* In the order of priority. */
static uint8_t interrupt_id(const struct serial *s)
{
	if (s->ier & IER_LINE_STATUS && s->overrun)
		return IIR_LINE_STATUS;
	/* Bytes below the trigger level would be announced after four character times. */
	if (s->ier & IER_RX && s->count)
		return s->count >= trigger_level(s) ? IIR_RX : IIR_RX_TIMEOUT;
	if (s->ier & IER_THRE && s->thr_pending)
		return IIR_THRE;
	return IIR_NONE;
}

static void update_irq(struct serial *s)
{
	bool line = interrupt_id(s) != IIR_NONE && s->mcr & MCR_OUT2 && !(s->mcr & MCR_LOOP);

	if (line == s->line)
		return;
	s->line = line;
	s->set_irq(s->opaque, line);
}

void serial_reset(struct serial *s)
{
	s->ier = s->lcr = s->mcr = s->scr = s->fcr = 0;
	s->divisor = 1;
	s->overrun = s->thr_pending = false;
	s->head = s->count = 0;
	update_irq(s);
}

unsigned int serial_room(const struct serial *s)
{
	return (s->fcr & FCR_ENABLE ? SERIAL_FIFO : 1) - s->count;
}

static void queue(struct serial *s, uint8_t byte)
{
	if (s->fcr & FCR_ENABLE ? s->count == SERIAL_FIFO : s->count) {
		s->overrun = true;
		return;
	}
	s->fifo[(s->head + s->count++) % SERIAL_FIFO] = byte;
}

void serial_receive(struct serial *s, uint8_t byte)
{
	if (s->mcr & MCR_LOOP) /* the line in is cut off */
		return;
	queue(s, byte);
	update_irq(s);
}

static uint8_t take(struct serial *s)
{
	uint8_t byte = s->fifo[s->head];

	if (!s->count)
		return 0;
	s->head = (s->head + 1) % SERIAL_FIFO;
	s->count--;
	return byte;
}

static uint8_t modem_status(const struct serial *s)
{
	uint8_t v = 0;

	if (!(s->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (s->mcr & MCR_RTS)
		v |= MSR_CTS;
	if (s->mcr & MCR_DTR)
		v |= MSR_DSR;
	if (s->mcr & MCR_OUT1)
		v |= MSR_RI;
	if (s->mcr & MCR_OUT2)
		v |= MSR_DCD;
	return v;
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t id = interrupt_id(s);

	if (id == IIR_THRE) /* reading it is the acknowledgement */
		s->thr_pending = false;
	return id | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct serial *s)
{
	uint8_t v = LSR_EMPTY | (s->count ? LSR_DATA : 0) | (s->overrun ? LSR_OVERRUN : 0);

	s->overrun = false;
	return v;
}

uint8_t serial_read(struct serial *s, unsigned int reg)
{
	bool dlab = s->lcr & LCR_DLAB;
	uint8_t v = 0;

	switch (reg & 7) {
	case REG_DATA:
		v = dlab ? s->divisor & 0xff : take(s);
		break;
	case REG_IER:
		v = dlab ? s->divisor >> 8 : s->ier;
		break;
	case REG_IIR_FCR:
		v = read_iir(s);
		break;
	case REG_LCR:
		v = s->lcr;
		break;
	case REG_MCR:
		v = s->mcr;
		break;
	case REG_LSR:
		v = read_lsr(s);
		break;
	case REG_MSR:
		v = modem_status(s);
		break;
	case REG_SCR:
		v = s->scr;
		break;
	}
	update_irq(s);
	return v;
}

static void send(struct serial *s, uint8_t byte)
{
	if (s->mcr & MCR_LOOP)
		queue(s, byte);
	else
		s->transmit(s->opaque, byte);
	s->thr_pending = true; /* and empty again at once */
}

static void write_fcr(struct serial *s, uint8_t value)
{
	/* 8.4: a change of the enable bit empties the FIFOs; other bits need it set. */
	if ((value ^ s->fcr) & FCR_ENABLE || value & FCR_CLEAR_RX)
		s->head = s->count = 0;
	s->fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
}

void serial_write(struct serial *s, unsigned int reg, uint8_t value)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg & 7) {
	case REG_DATA:
		if (dlab)
			s->divisor = (s->divisor & 0xff00) | value;
		else
			send(s, value);
		break;
	case REG_IER:
		if (dlab) {
			s->divisor = (s->divisor & 0xff) | value << 8;
			break;
		}
		/* Enabling the interrupt while the transmitter is empty raises it. */
		if (value & ~s->ier & IER_THRE)
			s->thr_pending = true;
		s->ier = value & 0x0f;
		break;
	case REG_IIR_FCR:
		write_fcr(s, value);
		break;
	case REG_LCR:
		s->lcr = value;
		break;
	case REG_MCR:
		s->mcr = value & 0x1f;
		break;
	case REG_SCR:
		s->scr = value;
		break;
	}
	update_irq(s);
}
