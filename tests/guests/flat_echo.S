/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Echoes what comes in on the serial port, by interrupts alone (IRQ 4, PIC vectors from 8 on, as
 * PCs start); 'q' ends with status (7 << 1) | 1 = 15. Everything sent is sent by the
 * transmitter-empty interrupt too: a queue of one byte.
 */
#include "guest.h"

#define PIC 0x20

	.code16
	cli
	xor %ax, %ax
	mov %ax, %es
	movw $handler, %es:(0x0c * 4)
	mov %cs, %es:(0x0c * 4 + 2)
	/* initialise: edge triggered, cascade, vectors 8 - 15; then only IRQ 4 may come */
	mov $0x11, %al
	out %al, $PIC
	mov $0x08, %al
	out %al, $(PIC + 1)
	mov $0x04, %al
	out %al, $(PIC + 1)
	mov $0x01, %al
	out %al, $(PIC + 1)
	mov $0xef, %al
	out %al, $(PIC + 1)
	mov $(COM1 + 4), %dx
	mov $0x0b, %al
	out %al, %dx
	mov $(COM1 + 2), %dx
	mov $0x01, %al
	out %al, %dx
	mov $(COM1 + 1), %dx
	mov $0x01, %al
	out %al, %dx
	mov $COM1, %dx
	mov $'>', %al
	out %al, %dx
	sti
1:	hlt
	jmp 1b

handler:
	mov $(COM1 + 2), %dx
	in %dx, %al
	test $1, %al
	jnz 9f
	and $0x0e, %al
	cmp $2, %al
	je 2f
	/* a byte came: keep it, wait for the transmitter */
	mov $COM1, %dx
	in %dx, %al
	cmp $'q', %al
	je 3f
	mov %al, %bl
	mov $(COM1 + 1), %dx
	mov $0x02, %al
	out %al, %dx
	jmp handler
	/* the transmitter is empty: send it, wait for the next byte */
2:	mov $COM1, %dx
	mov %bl, %al
	out %al, %dx
	mov $(COM1 + 1), %dx
	mov $0x01, %al
	out %al, %dx
	jmp handler
3:	mov $7, %al
	out %al, $DEBUG_EXIT
9:	mov $0x20, %al
	out %al, $PIC
	iret
