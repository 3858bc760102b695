/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * For the self-test, which asks the processor for #UD and #GP: handlers of an IDT of its own (APM
 * vol. 2, 8.9.3: the frame in 64-bit mode). The instruction that was tried is left for the one
 * behind it; any other fault - of an NMI's handler that came in between - goes to the system's own
 * handler as if nothing was. Checkers of stack frames have to leave this file out; SAFE_JUMP tells
 * those of indirect jumps that this one is no guest's to steer.
 */
#ifndef SAFE_JUMP
#define SAFE_JUMP
#endif
	/* struct svm_fault */
	.set AT, svm_fault
	.set AFTER, svm_fault + 8
	.set VECTOR, svm_fault + 32

	.text
	/* \error: bytes of error code on the stack, below the address of the instruction */
	.macro handler name, vector, error, systems
	.globl \name
\name:
	endbr64
	push %rax
	mov 8+\error(%rsp), %rax
	cmp AT(%rip), %rax
	jne 1f
	mov AFTER(%rip), %rax
	mov %rax, 8+\error(%rsp)
	movq $\vector, VECTOR(%rip)
	pop %rax
	add $\error, %rsp
	iretq
1:
	pop %rax
	SAFE_JUMP
	jmp *(svm_fault + \systems)(%rip)
	int3
	.endm

	handler svm_fault_ud, 6, 0, 16
	handler svm_fault_gp, 13, 8, 24
#ifdef __ELF__
	.section .note.GNU-stack, "", @progbits
#endif
