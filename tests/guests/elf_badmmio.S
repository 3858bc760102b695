/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Uses an instruction on memory that is not there which no decoder for devices knows. */
	.globl start
start:
	mov $0xd0000000, %eax
	fbld (%rax)
	cli
	hlt
