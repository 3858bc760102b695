/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The virtual machine control block (APM vol. 2, appendix B), its bits, and the exit codes
 * (appendix C). Facts only.
 */
#ifndef SWIVL_CORE_SVM_VMCB_H
#define SWIVL_CORE_SVM_VMCB_H

#include "core/types.h"

struct vmcb_control {
	u16 read_cr, write_cr, read_dr, write_dr; /* a bit for each register */
	u32 exceptions; /* a bit for each vector */
	u32 intercepts, intercepts2, intercepts3; /* INTERCEPT_*, INTERCEPT2_* */
	u8 reserved_018[0x3c - 0x18];
	u16 pause_threshold, pause_count;
	u64 iopm_pa, msrpm_pa;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	u64 virtual_interrupt; /* V_* */
	u64 interrupt_state; /* STATE_SHADOW's one bit */
	u64 exit_code, exit_info[2];
	u64 exit_int_info; /* an event whose delivery was interrupted; as event_inj */
	u64 nested_paging; /* bit 0: on */
	u8 reserved_098[0xa8 - 0x98];
	u64 event_inj; /* EVENT_INJ_* */
	u64 nested_cr3;
	u64 lbr_control; /* bit 0: the guest's DEBUGCTL and branch records are its own */
	u32 clean; /* CLEAN_*: unchanged since the last VMRUN */
	u32 reserved_0c4;
	u64 next_rip;
	u8 fetched; /* bytes of the instruction at a nested page fault */
	u8 bytes[15];
	u8 reserved_0e0[0x400 - 0xe0];
};

struct vmcb_segment {
	u16 selector;
	u16 attr; /* descriptor bits 55:52 and 47:40 */
#define VMCB_ATTR_L (1u << 9)
	u32 limit;
	u64 base;
};

struct vmcb_save {
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_0a0[0xcb - 0xa0];
	u8 cpl;
	u32 reserved_0cc;
	u64 efer;
	u8 reserved_0d8[0x148 - 0xd8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;
	u8 reserved_1e0[0x1f8 - 0x1e0];
	u64 rax, star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved_248[0x268 - 0x248];
	u64 g_pat, debugctl;
	u64 branch_from, branch_to, exception_from, exception_to;
};

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
	u8 reserved_698[0x1000 - 0x698];
};

#define VMCB_AT(member, offset) \
	_Static_assert(offsetof(struct vmcb, member) == (offset), #member " is misplaced")
VMCB_AT(control.pause_threshold, 0x3c);
VMCB_AT(control.asid, 0x58);
VMCB_AT(control.exit_code, 0x70);
VMCB_AT(control.nested_paging, 0x90);
VMCB_AT(control.event_inj, 0xa8);
VMCB_AT(control.clean, 0xc0);
VMCB_AT(control.next_rip, 0xc8);
VMCB_AT(save, 0x400);
VMCB_AT(save.tr, 0x490);
VMCB_AT(save.cpl, 0x4cb);
VMCB_AT(save.efer, 0x4d0);
VMCB_AT(save.cr4, 0x548);
VMCB_AT(save.rip, 0x578);
VMCB_AT(save.rsp, 0x5d8);
VMCB_AT(save.rax, 0x5f8);
VMCB_AT(save.cr2, 0x640);
VMCB_AT(save.g_pat, 0x668);
VMCB_AT(save.exception_to, 0x690);
_Static_assert(sizeof(struct vmcb) == 0x1000, "a VMCB is a page");
#undef VMCB_AT

/* Offset 00Ch */
#define INTERCEPT_INTR (1u << 0)
#define INTERCEPT_NMI (1u << 1)
#define INTERCEPT_SMI (1u << 2)
#define INTERCEPT_INIT (1u << 3)
#define INTERCEPT_VINTR (1u << 4)
#define INTERCEPT_RDTSC (1u << 14)
#define INTERCEPT_RDPMC (1u << 15)
#define INTERCEPT_CPUID (1u << 18)
#define INTERCEPT_RSM (1u << 19)
#define INTERCEPT_IRET (1u << 20)
#define INTERCEPT_INTN (1u << 21)
#define INTERCEPT_INVD (1u << 22)
#define INTERCEPT_HLT (1u << 24)
#define INTERCEPT_INVLPGA (1u << 26)
#define INTERCEPT_IOIO (1u << 27)
#define INTERCEPT_MSR (1u << 28)
#define INTERCEPT_TASK_SWITCH (1u << 29)
#define INTERCEPT_FERR_FREEZE (1u << 30)
#define INTERCEPT_SHUTDOWN (1u << 31)

/* Offset 010h */
#define INTERCEPT2_VMRUN (1u << 0)
#define INTERCEPT2_VMMCALL (1u << 1)
#define INTERCEPT2_VMLOAD (1u << 2)
#define INTERCEPT2_VMSAVE (1u << 3)
#define INTERCEPT2_STGI (1u << 4)
#define INTERCEPT2_CLGI (1u << 5)
#define INTERCEPT2_SKINIT (1u << 6)
#define INTERCEPT2_ICEBP (1u << 8)
#define INTERCEPT2_WBINVD (1u << 9)
#define INTERCEPT2_MONITOR (1u << 10)
#define INTERCEPT2_MWAIT (1u << 11)
#define INTERCEPT2_XSETBV (1u << 13)
#define INTERCEPT2_RDPRU (1u << 14)

#define TLB_FLUSH_ALL 1 /* of all ASIDs */
#define TLB_FLUSH_GUEST 3 /* of this ASID; needs FlushByAsid */

#define V_IRQ (1ull << 8)
#define V_PRIORITY_HIGHEST (15ull << 16)
#define V_IGN_TPR (1ull << 20)
#define V_INTR_MASKING (1ull << 24)

/* 15.20 */
#define EVENT_INJ_VALID (1ull << 31)
#define EVENT_INJ_ERROR (1ull << 11)
#define EVENT_INJ_TYPE(info) ((u32)(info) >> 8 & 7)
enum svm_event_type { INJ_INTERRUPT = 0, INJ_NMI = 2, INJ_EXCEPTION = 3, INJ_SOFTWARE = 4 };

/* 15.15.3 */
#define CLEAN_INTERCEPTS (1u << 0) /* and TSC offset */
#define CLEAN_MAPS (1u << 1)
#define CLEAN_ASID (1u << 2)
#define CLEAN_INTERRUPT (1u << 3) /* V_* */
#define CLEAN_NESTED (1u << 4) /* nested CR3, PAT */
#define CLEAN_CR (1u << 5) /* CR0, CR3, CR4, EFER */
#define CLEAN_DR (1u << 6)
#define CLEAN_TABLES (1u << 7)
#define CLEAN_SEG (1u << 8) /* CS, DS, SS, ES, CPL */
#define CLEAN_CR2 (1u << 9)
#define CLEAN_LBR (1u << 10)
#define CLEAN_ALL 0x7ffu

/* EXITINFO1 of a nested page fault (15.25.6) */
#define NPF_WRITE (1ull << 1)
#define NPF_RESERVED (1ull << 3)
#define NPF_FETCH (1ull << 4)
#define NPF_FINAL (1ull << 32) /* of the access itself */

/* EXITINFO1 of an I/O instruction (15.10.2); EXITINFO2 is the address of the next one */
#define IOIO_IN (1u << 0)
#define IOIO_STRING (1u << 2)
#define IOIO_REP (1u << 3)
#define IOIO_SIZE(info) ((u32)(info) >> 4 & 7)

/* EXITINFO2 of a task switch (15.14.1) */
#define TASK_BY_IRET (1ull << 36)
#define TASK_BY_JUMP (1ull << 38)
#define TASK_HAS_ERROR (1ull << 44)
#define TASK_RF (1ull << 48) /* as the old TSS gets it */

/* EXITINFO1 of MOV CR, with decode assists (15.8.1) */
#define MOV_CR_DECODED (1ull << 63)

/* Exit codes that code names. */
enum svm_code {
	CODE_READ_CR0 = 0x00,
	CODE_READ_CR8 = 0x08,
	CODE_WRITE_CR0 = 0x10,
	CODE_WRITE_CR8 = 0x18,
	CODE_READ_DR0 = 0x20,
	CODE_WRITE_DR0 = 0x30,
	CODE_EXCEPTION = 0x40,
	CODE_INTR = 0x60,
	CODE_NMI = 0x61,
	CODE_SMI = 0x62,
	CODE_INIT = 0x63,
	CODE_VINTR = 0x64,
	CODE_RDTSC = 0x6e,
	CODE_RDPMC = 0x6f,
	CODE_CPUID = 0x72,
	CODE_RSM = 0x73,
	CODE_IRET = 0x74,
	CODE_SWINT = 0x75,
	CODE_INVD = 0x76,
	CODE_HLT = 0x78,
	CODE_INVLPG = 0x79,
	CODE_INVLPGA = 0x7a,
	CODE_IOIO = 0x7b,
	CODE_MSR = 0x7c,
	CODE_TASK_SWITCH = 0x7d,
	CODE_FERR_FREEZE = 0x7e,
	CODE_SHUTDOWN = 0x7f,
	CODE_VMRUN = 0x80,
	CODE_VMMCALL = 0x81,
	CODE_VMLOAD = 0x82,
	CODE_VMSAVE = 0x83,
	CODE_STGI = 0x84,
	CODE_CLGI = 0x85,
	CODE_SKINIT = 0x86,
	CODE_RDTSCP = 0x87,
	CODE_ICEBP = 0x88,
	CODE_WBINVD = 0x89,
	CODE_MONITOR = 0x8a,
	CODE_MWAIT = 0x8b,
	CODE_XSETBV = 0x8d,
	CODE_RDPRU = 0x8e,
	CODES,
	CODE_NESTED_FAULT = 0x400,
};
/* -1; QEMU's processor writes no more than 32 bits of it. */
#define CODE_INVALID 0xffffffffu

const char *svm_exit_name(u64 code);

#endif
