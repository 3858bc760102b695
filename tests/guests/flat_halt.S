/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Halts with interrupts off: nothing can wake it. */
	.code16
	cli
	hlt
