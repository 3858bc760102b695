/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The world switch: all general registers out, the guest's in, and back. */
#ifndef SWIVL_CORE_SVM_ENTER_H
#define SWIVL_CORE_SVM_ENTER_H

#include "core/x86/cpu.h"
#include "core/x86/gpr.h"

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
		     X86_LOAD_GPRS("%[gpr]")
		     "mov 7*8(%[gpr]), %%rdi\n\t"
		     "vmload %%rax\n\t"
		     "vmrun %%rax\n\t"
		     "vmsave %%rax\n\t"
		     "pop %%rax\n\t"
		     "vmload %%rax\n\t"
		     "pop %%rax\n\t"
		     X86_STORE_GPRS
		     "pop %%rbp\n\t"
		     X86_CLEAR_GPRS
		     "xor %%edi, %%edi\n\t"
		     "cmpb $0, %[stuff]\n\t"
		     "je 1f\n\t"
		     "call x86_stuff_rsb\n"
		     "1:\n\t"
		     : [gpr] "+D"(gpr), [vmcb] "+S"(vmcb_pa), "+a"(host_pa)
		     : [stuff] "m"(svm_stuff_after_exit)
		     : X86_CLEARED_GPRS, "cc", "memory");
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
