/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * First instructions of exceptions: all registers to the stack, as struct frame in exceptions.c,
 * and to metal_exception(). Each vector has 16 bytes; vectors from 32 on never come, for
 * interrupts are off for good.
 */
	.text
	.balign 16
	.globl metal_vectors
metal_vectors:
	.set vector, 0
	.rept 32
	.balign 16
	/* Those with an error code (SDM vol. 3, table 6-1): DF TS NP SS GP PF AC CP */
	.if !(0x00227d00 >> vector & 1)
	push $0
	.endif
	push $vector
	jmp common
	.set vector, vector + 1
	.endr

	.balign 16
common:
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	push %rdi
	push %rsi
	push %rbp
	push %rbx
	push %rdx
	push %rcx
	push %rax
	cld
	mov %rsp, %rdi
	call metal_exception
	pop %rax
	pop %rcx
	pop %rdx
	pop %rbx
	pop %rbp
	pop %rsi
	pop %rdi
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	add $16, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
