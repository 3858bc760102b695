/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Checks what a multiboot loader hands over, says hello and the command line, and ends with
 * status (n << 1) | 1: n = 0 all is well, else the number of the check that failed.
 */
#include "guest.h"

#define MAGIC 0x1badb002
#define FLAGS 3
#define INFO_MEMORY 1
#define INFO_CMDLINE 4
#define INFO_MMAP 0x40

	.code32
	.balign 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)

	.macro check number
	mov $\number, %edi
	jne end
	.endm

	.globl start
start:
	cmp $0x2badb002, %eax
	check 1
	mov %cr0, %eax
	and $0x80000001, %eax
	cmp $1, %eax
	check 2
	mov (%ebx), %eax
	and $(INFO_MEMORY | INFO_CMDLINE | INFO_MMAP), %eax
	cmp $(INFO_MEMORY | INFO_CMDLINE | INFO_MMAP), %eax
	check 3
	/* the first entry of the memory map: 20 bytes more, from 0, usable */
	mov 48(%ebx), %esi
	cmpl $20, (%esi)
	check 4
	cmpl $0, 4(%esi)
	check 5
	cmpl $1, 20(%esi)
	check 6
	/* segments work: a push, a far jump to the code segment that is in CS */
	mov $stack_top, %esp
	push %cs
	push $1f
	lret
1:	cmpl $0, bss_word
	check 7

	mov $hello, %esi
	call print
	mov 16(%ebx), %esi
	call print
	mov $newline, %esi
	call print
	xor %edi, %edi
end:
	mov %edi, %eax
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

hello:	.asciz "Hello from protected mode: "
newline: .asciz "\n"

	.bss
bss_word:
	.long 0
	.balign 16
	.skip 4096
stack_top:
