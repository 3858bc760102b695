/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The world switch: all general registers out, the guest's in, and back. */
#ifndef SWIVL_CORE_VMX_ENTER_H
#define SWIVL_CORE_VMX_ENTER_H

#include "core/vmx/fields.h"
#include "core/x86/gpr.h"

/* What it keeps from one entry to the next. */
struct vmx_switch {
	u64 host_rsp; /* as HOST_RSP holds it; 0: write it, and HOST_RIP, at the next entry */
	bool launched; /* VMRESUME instead of VMLAUNCH */
};

/* Is core/x86/rsb.S to be called after each exit? */
extern bool vmx_stuff_after_exit;

#ifdef SWIVL_MODEL

bool vmx_enter(u64 *gpr, struct vmx_switch *s);

#else

/*
 * Exits come out at label 3 with RSP as HOST_RSP says and CF and ZF clear; an entry that the
 * instruction refuses falls through to the same place with one of them set (SDM vol. 3, 31.2),
 * the registers still the guest's. HOST_RSP is where RSP stands with two words pushed. It is
 * written again only when a call comes from another depth or another stack.
 *
 * None of the guest's values stays in a register for the code after it to speculate on.
 *
 * Enter the guest of the current VMCS with the 16 registers at @gpr (RSP's place is not used),
 * come back with those that it left. Interrupts off. False: the instruction itself failed.
 */
static inline bool vmx_enter(u64 *gpr, struct vmx_switch *s)
{
	bool failed;

	asm volatile("push %%rbp\n\t"
		     "push %[gpr]\n\t"
		     "cmp %%rsp, %c[host_rsp](%[s])\n\t"
		     "je 1f\n\t"
		     "mov %%rsp, %c[host_rsp](%[s])\n\t"
		     "mov %[rsp_field], %%edx\n\t"
		     "vmwrite %%rsp, %%rdx\n\t"
		     "jbe 4f\n\t"
		     "lea 3f(%%rip), %%rcx\n\t"
		     "mov %[rip_field], %%edx\n\t"
		     "vmwrite %%rcx, %%rdx\n\t"
		     "jbe 4f\n"
		     "1:\n\t"
		     "cmpb $0, %c[launched](%[s])\n\t"
		     "mov %[gpr], %%rax\n\t"
		     X86_LOAD_GPRS("%%rax")
		     "mov 7*8(%%rax), %%rdi\n\t"
		     "mov (%%rax), %%rax\n\t"
		     "jne 2f\n\t"
		     "vmlaunch\n\t"
		     "jmp 3f\n"
		     "2:\n\t"
		     "vmresume\n"
		     "3:\n\t"
		     "push %%rax\n\t"
		     "mov 8(%%rsp), %%rax\n\t"
		     X86_STORE_GPRS
		     "pop (%%rax)\n"
		     "4:\n\t"
		     "setbe %%al\n\t"
		     X86_CLEAR_GPRS
		     "pop %[gpr]\n\t"
		     "pop %%rbp\n\t"
		     "cmpb $0, %[stuff]\n\t"
		     "je 5f\n\t"
		     "call x86_stuff_rsb\n"
		     "5:\n\t"
		     : "=a"(failed), [gpr] "+D"(gpr), [s] "+S"(s)
		     : [host_rsp] "i"(offsetof(struct vmx_switch, host_rsp)),
		       [launched] "i"(offsetof(struct vmx_switch, launched)),
		       [stuff] "m"(vmx_stuff_after_exit),
		       [rsp_field] "i"(HOST_RSP_ENCODING), [rip_field] "i"(HOST_RIP_ENCODING)
		     : X86_CLEARED_GPRS, "cc", "memory");
	return !failed;
}

#endif
#endif
