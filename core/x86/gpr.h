/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Of both world switches, as text for inline assembly: general registers in the manuals' order. */
#ifndef SWIVL_CORE_X86_GPR_H
#define SWIVL_CORE_X86_GPR_H

/* All from the array at the register @from, but RAX, RSP, and RDI, which may be @from. */
#define X86_LOAD_GPRS(from) \
	"mov 1*8(" from "), %%rcx\n\t" \
	"mov 2*8(" from "), %%rdx\n\t" \
	"mov 3*8(" from "), %%rbx\n\t" \
	"mov 5*8(" from "), %%rbp\n\t" \
	"mov 6*8(" from "), %%rsi\n\t" \
	"mov 8*8(" from "), %%r8\n\t" \
	"mov 9*8(" from "), %%r9\n\t" \
	"mov 10*8(" from "), %%r10\n\t" \
	"mov 11*8(" from "), %%r11\n\t" \
	"mov 12*8(" from "), %%r12\n\t" \
	"mov 13*8(" from "), %%r13\n\t" \
	"mov 14*8(" from "), %%r14\n\t" \
	"mov 15*8(" from "), %%r15\n\t"

/* All to the array at RAX, but RAX itself and RSP. */
#define X86_STORE_GPRS \
	"mov %%rcx, 1*8(%%rax)\n\t" \
	"mov %%rdx, 2*8(%%rax)\n\t" \
	"mov %%rbx, 3*8(%%rax)\n\t" \
	"mov %%rbp, 5*8(%%rax)\n\t" \
	"mov %%rsi, 6*8(%%rax)\n\t" \
	"mov %%rdi, 7*8(%%rax)\n\t" \
	"mov %%r8, 8*8(%%rax)\n\t" \
	"mov %%r9, 9*8(%%rax)\n\t" \
	"mov %%r10, 10*8(%%rax)\n\t" \
	"mov %%r11, 11*8(%%rax)\n\t" \
	"mov %%r12, 12*8(%%rax)\n\t" \
	"mov %%r13, 13*8(%%rax)\n\t" \
	"mov %%r14, 14*8(%%rax)\n\t" \
	"mov %%r15, 15*8(%%rax)\n\t"

/*
 * So that none of the guest's values stays for the code behind to speculate on: all but RAX, RSP, RBP
 * and RDI, which get values of the host's.
 */
#define X86_CLEAR_GPRS \
	"xor %%ecx, %%ecx\n\t" \
	"xor %%edx, %%edx\n\t" \
	"xor %%ebx, %%ebx\n\t" \
	"xor %%esi, %%esi\n\t" \
	"xor %%r8d, %%r8d\n\t" \
	"xor %%r9d, %%r9d\n\t" \
	"xor %%r10d, %%r10d\n\t" \
	"xor %%r11d, %%r11d\n\t" \
	"xor %%r12d, %%r12d\n\t" \
	"xor %%r13d, %%r13d\n\t" \
	"xor %%r14d, %%r14d\n\t" \
	"xor %%r15d, %%r15d\n\t"
#define X86_CLEARED_GPRS "rcx", "rdx", "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"

#endif
