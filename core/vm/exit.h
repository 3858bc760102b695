/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Why a guest was left, in words that know no vendor. A vendor's run() fills one struct exit;
 * core/vm/exits.c has one handler a kind.
 */
#ifndef SWIVL_CORE_VM_EXIT_H
#define SWIVL_CORE_VM_EXIT_H

#include "core/x86/walk.h"

enum exit_kind {
	EXIT_NONE, /* handled by the vendor: enter again */
	EXIT_INTERRUPT, /* the host has an interrupt to take */
	EXIT_NMI, /* the host took an NMI */
	EXIT_EXCEPTION,
	EXIT_TRIPLE_FAULT,
	EXIT_INIT,
	EXIT_CPUID,
	EXIT_HLT,
	EXIT_IO,
	EXIT_MSR_READ,
	EXIT_MSR_WRITE,
	EXIT_CR,
	EXIT_DR,
	EXIT_NESTED_FAULT, /* EPT violation, nested page fault */
	EXIT_NESTED_MISCONFIG, /* our own tables are wrong: never seen in a healthy hypervisor */
	EXIT_HYPERCALL,
	EXIT_XSETBV,
	EXIT_WBINVD,
	EXIT_INVD,
	EXIT_INVLPG,
	EXIT_PAUSE,
	EXIT_MONITOR,
	EXIT_MWAIT,
	EXIT_RDTSC,
	EXIT_RDPMC,
	EXIT_TASK_SWITCH,
	EXIT_DESCRIPTOR,
	EXIT_VIRTUALIZATION, /* VMX or SVM instruction in the guest: #UD */
	EXIT_IRQ_WINDOW,
	EXIT_NMI_WINDOW,
	EXIT_TPR,
	EXIT_FAIL_ENTRY,
	EXIT_UNKNOWN,
	EXIT_KINDS,
};

enum exit_cr_op { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW };

struct exit {
	u8 kind; /* enum exit_kind */
	u8 length; /* of the instruction in bytes; 0: the decoder has to find it */
	u64 hw_reason; /* as the processor gave it: VMX exit reason, SVM exit code */
	u64 hw_info[2]; /* exit qualification or EXITINFO1/2 */
	union {
		struct {
			u16 port;
			u8 size; /* 1, 2, 4 */
			bool in;
			bool string;
			bool rep;
		} io;
		struct {
			u64 gpa;
			u64 gva;
			bool gva_valid;
			bool own; /* of the access itself, not of a walk; without gva_valid */
			u8 access; /* enum access */
		} fault;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 info; /* #PF: address; #DB: the bits that DR6 gets */
		} exception;
		struct {
			u8 cr;
			u8 op; /* enum exit_cr_op */
			u8 gpr;
			u16 msw; /* LMSW's source */
		} cr;
		struct {
			u8 dr;
			u8 gpr;
			bool read;
		} dr;
		struct {
			u16 selector;
			u8 source; /* 0 CALL, 1 IRET, 2 JMP, 3 task gate */
			bool has_error;
			u32 error;
		} task;
		u64 fail_reason; /* for KVM_EXIT_FAIL_ENTRY */
	};
};

#endif
