/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A 16550A serial port, as a plain model: the caller carries accesses in and gets bytes and the
 * interrupt line out. Transmission takes no time. Not locked.
 */
#ifndef SWIVL_CLI_SERIAL_H
#define SWIVL_CLI_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#define SERIAL_FIFO 16

struct serial {
	/* set by the owner before serial_reset() */
	void (*transmit)(void *opaque, uint8_t byte);
	void (*set_irq)(void *opaque, bool level); /* called on changes only */
	void *opaque;

	uint8_t ier, lcr, mcr, scr, fcr;
	uint16_t divisor;
	bool overrun, thr_pending, line;
	uint8_t fifo[SERIAL_FIFO];
	unsigned int head, count;
};

void serial_reset(struct serial *s);
uint8_t serial_read(struct serial *s, unsigned int reg); /* reg: 0 - 7 */
void serial_write(struct serial *s, unsigned int reg, uint8_t value);

/* How many bytes serial_receive() takes now without an overrun. */
unsigned int serial_room(const struct serial *s);
void serial_receive(struct serial *s, uint8_t byte);

#endif
