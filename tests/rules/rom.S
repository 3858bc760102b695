/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * An option ROM that starts the program of start.S where there is no multiboot: in Bochs, which has
 * put the program in its place. judge.py writes the command line in here.
 */
	.set ROM, 0xd0000
	.set PROGRAM, 0x100000

	.code16
	.globl _start
_start:
	.byte 0x55, 0xaa, 1 /* block of 512 bytes */
	cli
	cld
	in $0x92, %al /* A20 */
	or $2, %al
	out %al, $0x92
	lgdtl %cs:gdt - _start
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	ljmpl $8, $ROM + protected - _start

	.code32
protected:
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	/* What start.S reads of a multiboot loader's information. */
	mov $ROM + information - _start, %ebx
	jmp *PROGRAM + 28

	.balign 8
gdt:
	.word 23
	.long ROM + gdt - _start
	.word 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
information:
	.long 4, 0, 0, 0, ROM + 256
	.org 256 /* the command line */
	.org 512
