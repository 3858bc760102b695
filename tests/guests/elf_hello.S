/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Says hello and the command line from long mode; ends with status (n << 1) | 1: n = 0 all is
 * well, else the number of the check that failed.
 */
#include "guest.h"

	.macro check number
	mov $\number, %ebx
	jne end
	.endm

	.globl start
start:
	/* EFER.LMA, and a stack that works */
	mov $0xc0000080, %ecx
	rdmsr
	and $0x400, %eax
	cmp $0x400, %eax
	check 1
	push $0x77
	pop %rax
	cmp $0x77, %rax
	check 2
	/* more than one MiB of memory, and the last 8 bytes of it take a value */
	cmp $0x100000, %rdi
	seta %al
	cmp $1, %al
	check 3
	movq $0x5a5a, -8(%rdi)
	cmpq $0x5a5a, -8(%rdi)
	check 4

	push %rsi
	lea hello(%rip), %rsi
	call print
	pop %rsi
	call print
	lea newline(%rip), %rsi
	call print
	xor %ebx, %ebx
end:
	mov %ebx, %eax
	out %al, $DEBUG_EXIT
	cli
	hlt

print:
	mov $COM1, %dx
1:	lodsb
	test %al, %al
	jz 2f
	out %al, %dx
	jmp 1b
2:	ret

hello:	.asciz "Hello from long mode: "
newline: .asciz "\n"
