/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Says hello on the serial port from real mode and ends with status (42 << 1) | 1 = 85. */
#include "guest.h"

	.code16
	cld
	mov $message, %si
	mov $COM1, %dx
1:	lodsb
	test %al, %al
	jz 2f
	out %al, %dx
	jmp 1b
2:	mov $42, %al
	out %al, $DEBUG_EXIT
	cli
	hlt

message:
	.asciz "Hello from real mode\n"
