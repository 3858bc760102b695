/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Ends with the byte that it reads from the serial port (polling). */
#include "guest.h"

	.code16
1:	mov $(COM1 + 5), %dx
	in %dx, %al
	test $1, %al
	jz 1b
	mov $COM1, %dx
	in %dx, %al
	out %al, $DEBUG_EXIT
