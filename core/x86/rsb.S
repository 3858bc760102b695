/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Fill the return stack buffer with returns to a trap. A guest may have left addresses of its
 * choice there, and the next return that finds no other prediction would speculate to one.
 * Called right after an exit, changes no register but flags. The calls here are answered by no
 * return; a home whose tools check stack frames tells them by INTRA_FUNCTION_CALL, by RETURN how it
 * returns, and by UNTRAIN what it does before the first return against guests that have taught
 * the processor where returns go (retbleed, SRSO); no register but flags changes there either.
 */
#ifndef RETURN
#define INTRA_FUNCTION_CALL
#define RETURN ret
#endif
#ifndef UNTRAIN
#define UNTRAIN
#define UNTRAIN_CODE
#endif
	.text
	.globl x86_stuff_rsb
#ifdef __ELF__
	.type x86_stuff_rsb, @function
#endif
x86_stuff_rsb:
	.rept 32
	INTRA_FUNCTION_CALL
	call 1f
	int3
1:
	.endr
	add $(32 * 8), %rsp
	lfence
	UNTRAIN
	RETURN
	int3
#ifdef __ELF__
	.size x86_stuff_rsb, . - x86_stuff_rsb
	UNTRAIN_CODE
	.section .note.GNU-stack, "", @progbits
#endif
