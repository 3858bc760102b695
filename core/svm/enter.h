/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The world switch: all general registers out, the guest's in, and back. */
#ifndef SWIVL_CORE_SVM_ENTER_H
#define SWIVL_CORE_SVM_ENTER_H

#include "core/x86/cpu.h"

/* Is core/x86/rsb.S to be called after each exit? */
extern bool svm_stuff_after_exit;

#ifdef SWIVL_MODEL

void svm_enter(u64 *gpr, u64 vmcb_pa, u64 host_pa);
void svm_stgi(void);

#else

/*
 * Enter the guest of the VMCB at @vmcb_pa with the registers at @gpr, come back with those that it
 * left; RAX and RSP travel in the VMCB. @host_pa is a page for the host's hidden state, saved each
 * time: another thread of the process may have changed its LDT meanwhile.
 *
 * Interrupts are off, and nothing at all is taken from CLGI to svm_stgi() (APM vol. 2, 15.17).
 * RFLAGS.IF as VMRUN finds it decides whether the host's interrupts end the guest (15.21.1), so it is
 * set between them, and stays so.
 *
 * None of the guest's values stays in a register for the code after it to speculate on.
 */
static inline void svm_enter(u64 *gpr, u64 vmcb_pa, u64 host_pa)
{
	asm volatile("push %%rbp\n\t"
		     "push %[gpr]\n\t"
		     "push %%rax\n\t"
		     "clgi\n\t"
		     "sti\n\t"
		     "vmsave %%rax\n\t"
		     "mov %[vmcb], %%rax\n\t"
		     "mov 1*8(%[gpr]), %%rcx\n\t"
		     "mov 2*8(%[gpr]), %%rdx\n\t"
		     "mov 3*8(%[gpr]), %%rbx\n\t"
		     "mov 5*8(%[gpr]), %%rbp\n\t"
		     "mov 6*8(%[gpr]), %%rsi\n\t"
		     "mov 8*8(%[gpr]), %%r8\n\t"
		     "mov 9*8(%[gpr]), %%r9\n\t"
		     "mov 10*8(%[gpr]), %%r10\n\t"
		     "mov 11*8(%[gpr]), %%r11\n\t"
		     "mov 12*8(%[gpr]), %%r12\n\t"
		     "mov 13*8(%[gpr]), %%r13\n\t"
		     "mov 14*8(%[gpr]), %%r14\n\t"
		     "mov 15*8(%[gpr]), %%r15\n\t"
		     "mov 7*8(%[gpr]), %%rdi\n\t"
		     "vmload %%rax\n\t"
		     "vmrun %%rax\n\t"
		     "vmsave %%rax\n\t"
		     "pop %%rax\n\t"
		     "vmload %%rax\n\t"
		     "pop %%rax\n\t"
		     "mov %%rcx, 1*8(%%rax)\n\t"
		     "mov %%rdx, 2*8(%%rax)\n\t"
		     "mov %%rbx, 3*8(%%rax)\n\t"
		     "mov %%rbp, 5*8(%%rax)\n\t"
		     "mov %%rsi, 6*8(%%rax)\n\t"
		     "mov %%rdi, 7*8(%%rax)\n\t"
		     "mov %%r8, 8*8(%%rax)\n\t"
		     "mov %%r9, 9*8(%%rax)\n\t"
		     "mov %%r10, 10*8(%%rax)\n\t"
		     "mov %%r11, 11*8(%%rax)\n\t"
		     "mov %%r12, 12*8(%%rax)\n\t"
		     "mov %%r13, 13*8(%%rax)\n\t"
		     "mov %%r14, 14*8(%%rax)\n\t"
		     "mov %%r15, 15*8(%%rax)\n\t"
		     "pop %%rbp\n\t"
		     "xor %%ecx, %%ecx\n\t"
		     "xor %%edx, %%edx\n\t"
		     "xor %%ebx, %%ebx\n\t"
		     "xor %%esi, %%esi\n\t"
		     "xor %%edi, %%edi\n\t"
		     "xor %%r8d, %%r8d\n\t"
		     "xor %%r9d, %%r9d\n\t"
		     "xor %%r10d, %%r10d\n\t"
		     "xor %%r11d, %%r11d\n\t"
		     "xor %%r12d, %%r12d\n\t"
		     "xor %%r13d, %%r13d\n\t"
		     "xor %%r14d, %%r14d\n\t"
		     "xor %%r15d, %%r15d\n\t"
		     "cmpb $0, %[stuff]\n\t"
		     "je 1f\n\t"
		     "call x86_stuff_rsb\n"
		     "1:\n\t"
		     : [gpr] "+D"(gpr), [vmcb] "+S"(vmcb_pa), "+a"(host_pa)
		     : [stuff] "m"(svm_stuff_after_exit)
		     : "rcx", "rdx", "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		       "cc", "memory");
}

/* The end of what svm_enter() began: what waited is taken now. */
static inline void svm_stgi(void)
{
#ifdef SWIVL_INTERRUPTS_OFF
	x86_irq_off();
#endif
	asm volatile("stgi" : : : "memory");
}

#endif
#endif
