/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Says that it runs, then never leaves by itself. */
#include "guest.h"

	.code16
	mov $COM1, %dx
	mov $'s', %al
	out %al, %dx
1:	jmp 1b
