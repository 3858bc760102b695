/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * For the self-test, which asks the processor for #UD and #GP: handlers of an IDT of its own. They
 * leave the vector in ECX and go on where RDX says (APM vol. 2, 8.9.3: the frame in 64-bit mode).
 * Checkers of stack frames have to leave this file out.
 */
	.text
	.globl svm_fault_ud, svm_fault_gp
svm_fault_ud:
	push $0 /* where #GP has its error code */
	mov $6, %ecx
	jmp 1f
svm_fault_gp:
	mov $13, %ecx
1:
	mov %rdx, 8(%rsp)
	add $8, %rsp
	iretq
#ifdef __ELF__
	.section .note.GNU-stack, "", @progbits
#endif
