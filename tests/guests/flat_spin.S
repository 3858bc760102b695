/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Says that it runs, then never leaves by itself. Interrupts are on: entered with them off,
 * Bochs 2.7 holds back the host's interrupts, too.
 */
#include "guest.h"

	.code16
	sti
	mov $COM1, %dx
	mov $'s', %al
	out %al, %dx
1:	jmp 1b
