/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Writes to its serial port without end. */
#include "guest.h"

	.code16
	mov $COM1, %dx
	mov $'A', %al
1:	out %al, %dx
	jmp 1b
