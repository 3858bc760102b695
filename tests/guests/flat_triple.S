/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A triple fault: an undefined instruction with no interrupt table. */
	.code16
	lidt %cs:empty
	ud2
empty:	.word 0
	.long 0
