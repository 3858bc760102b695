/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * swivl's interface: KVM's requests of API version 12 for x86, and a few of our own.
 *
 * Numbers and layouts are those of Linux <linux/kvm.h>, so that a program written for one runs on
 * the other. This header needs no other: it serves Windows, freestanding code, a kernel and C++.
 *
 * Together with <linux/kvm.h>: include that one first and this header adds only what is swivl's
 * own. Included second, the system's header finds its guard taken and adds nothing; a program
 * that wants more of it than stands here (other processors, nested guests) includes it first.
 *
 * A request is made with ioctl(fd, REQUEST, argument) on Linux and DeviceIoControl on Windows. It
 * returns 0 or a result that is not negative; the errors are Linux' errno values. Those all share:
 * ENOTTY (a VM knows no such request; the device and a vCPU say EINVAL then, as KVM's do), EFAULT
 * (the argument is not readable or writable memory), EIO (asked by another process than the one
 * that made the VM), ENOMEM.
 *
 * Units: sizes are bytes, guest addresses are bytes from guest-physical 0, "gfn" is a guest address
 * divided by 4096. Reserved and padding members are zero unless a comment says otherwise.
 */
#ifndef SWIVL_ABI_H
#define SWIVL_ABI_H

typedef unsigned char swivl_u8;
typedef unsigned short swivl_u16;
typedef unsigned int swivl_u32;
typedef unsigned long long swivl_u64;
typedef int swivl_s32;
typedef long long swivl_s64;

/* Anonymous unions and open-ended arrays are older than some standards that a caller may ask for. */
#ifdef __GNUC__
#define SWIVL_EXT __extension__
#else
#define SWIVL_EXT
#endif

/*
 * A request's number: bits 30-31 direction (1: the caller's argument is read, 2: written),
 * 16-29 size of the argument, 8-15 the type 0xAE, 0-7 the request. The argument of requests
 * without direction is a plain number.
 */
#define SWIVL_IOC_TYPE 0xAEu
#define SWIVL_IOC_(dir, nr, size)                                                                  \
	(((dir) << 30) | ((unsigned int)(size) << 16) | (SWIVL_IOC_TYPE << 8) | (nr))
#define SWIVL_IO(nr) SWIVL_IOC_(0u, nr, 0)
#define SWIVL_IOW(nr, type) SWIVL_IOC_(1u, nr, sizeof(type))
#define SWIVL_IOR(nr, type) SWIVL_IOC_(2u, nr, sizeof(type))
#define SWIVL_IOWR(nr, type) SWIVL_IOC_(3u, nr, sizeof(type))

#ifndef __LINUX_KVM_H
#define __LINUX_KVM_H
#define _ASM_X86_KVM_H
/* The definitions below are this header's, not the system's. */
#define SWIVL_ABI_OWN 1

#include "abi_state.h"
#include "abi_requests.h"

#endif /* __LINUX_KVM_H */

/* ---- swivl's own requests: numbers 0xf0 and up, which KVM does not use ---- */

#define SWIVL_VENDOR_NONE 0
#define SWIVL_VENDOR_VMX 1
#define SWIVL_VENDOR_SVM 2

/* SWIVL_GET_VERSION, to the device; KVM's device answers EINVAL, which tells the two apart. */
struct swivl_version {
	swivl_u32 major, minor, patch;
	swivl_u32 vendor; /* SWIVL_VENDOR_* */
};

/* Kinds of exits from a guest, the same on both processors. New ones come at the end. */
enum swivl_exit_kind {
	SWIVL_EXIT_NONE, /* settled next to the processor, e.g. a host interrupt during delivery */
	SWIVL_EXIT_INTERRUPT, /* the host's */
	SWIVL_EXIT_NMI, /* the host's */
	SWIVL_EXIT_EXCEPTION,
	SWIVL_EXIT_TRIPLE_FAULT,
	SWIVL_EXIT_INIT,
	SWIVL_EXIT_CPUID,
	SWIVL_EXIT_HLT,
	SWIVL_EXIT_IO,
	SWIVL_EXIT_MSR_READ,
	SWIVL_EXIT_MSR_WRITE,
	SWIVL_EXIT_CR,
	SWIVL_EXIT_DR,
	SWIVL_EXIT_NESTED_FAULT, /* memory not mapped yet, logged, or MMIO */
	SWIVL_EXIT_NESTED_MISCONFIG,
	SWIVL_EXIT_HYPERCALL,
	SWIVL_EXIT_XSETBV,
	SWIVL_EXIT_WBINVD,
	SWIVL_EXIT_INVD,
	SWIVL_EXIT_INVLPG,
	SWIVL_EXIT_PAUSE,
	SWIVL_EXIT_MONITOR,
	SWIVL_EXIT_MWAIT,
	SWIVL_EXIT_RDTSC,
	SWIVL_EXIT_RDPMC,
	SWIVL_EXIT_TASK_SWITCH,
	SWIVL_EXIT_DESCRIPTOR,
	SWIVL_EXIT_VIRTUALIZATION, /* an instruction of VMX or SVM, which the guest has not */
	SWIVL_EXIT_IRQ_WINDOW,
	SWIVL_EXIT_NMI_WINDOW,
	SWIVL_EXIT_TPR,
	SWIVL_EXIT_FAIL_ENTRY,
	SWIVL_EXIT_UNKNOWN,
	SWIVL_EXIT_KINDS,
	SWIVL_EXIT_ROOM = 64
};

/* SWIVL_GET_STATS, to a vCPU, or to a VM for the sum over its vCPUs. Counts from creation on. */
struct swivl_stats {
	swivl_u64 total_exits; /* the sum of exits[] */
	swivl_u64 user_exits; /* returns of KVM_RUN */
	swivl_u64 hardware_reads; /* VMREAD; loads from the VMCB */
	swivl_u64 hardware_writes; /* VMWRITE; stores to the VMCB */
	swivl_u64 memory; /* bytes that the kernel holds for it now, control structures apart */
	swivl_u64 reserved[11];
	swivl_u64 exits[SWIVL_EXIT_ROOM]; /* by enum swivl_exit_kind */
};

#define SWIVL_GET_VERSION SWIVL_IOR(0xf0, struct swivl_version)
#define SWIVL_GET_STATS SWIVL_IOR(0xf1, struct swivl_stats)

/*
 * SWIVL_GET_ENTRY_FAILURE, to a vCPU: why the last KVM_EXIT_FAIL_ENTRY was, as text: which rules of the
 * manual the state broke, then the state itself, which swivl explain reads. Returns its length, of
 * which as much is written as there is room for. ENOENT: no entry failed.
 */
struct swivl_entry_failure {
	swivl_u64 text; /* address */
	swivl_u32 room; /* bytes */
	swivl_u32 reserved;
};
#define SWIVL_GET_ENTRY_FAILURE SWIVL_IOW(0xf2, struct swivl_entry_failure)

/*
 * SWIVL_SELFTEST, to the device: the road from nothing to the first exit, walked on one CPU. The
 * caller sets cpu. EBUSY while a virtual machine exists, ENXIO where that CPU is not online.
 */
#define SWIVL_SELFTEST_STEPS 56
#define SWIVL_SELFTEST_OK 1u /* the processor answered as the manual says it must */
#define SWIVL_SELFTEST_MUST_FAIL 2u /* a road that has to end in an error */
struct swivl_selftest_step {
	char name[64]; /* what was tried */
	char answer[120]; /* what the processor answered */
	swivl_u32 flags; /* SWIVL_SELFTEST_* */
	swivl_u32 error; /* VM-instruction error number, 0: none */
};
struct swivl_selftest {
	swivl_u32 cpu;
	swivl_u32 nsteps;
	swivl_u64 reserved;
	struct swivl_selftest_step steps[SWIVL_SELFTEST_STEPS];
};
#define SWIVL_SELFTEST SWIVL_IOWR(0xf3, struct swivl_selftest)

/*
 * SWIVL_SET_TRACE, to a vCPU: from now on (1), no longer (0), each exit leaves a record. They are
 * taken out by SWIVL_GET_TRACE, also while the vCPU runs, oldest first, each once. The vCPU keeps
 * SWIVL_TRACE_ROOM of them; when so many wait, KVM_RUN returns EAGAIN, and goes on only when some
 * have been taken. So none is lost.
 */
#define SWIVL_TRACE_ROOM 512
#define SWIVL_TRACE_RETURNED 1u /* KVM_RUN returned with this exit */
#define SWIVL_TRACE_READ 2u /* of memory, a port, a register */
#define SWIVL_TRACE_WRITE 4u
#define SWIVL_TRACE_EXECUTE 8u
#define SWIVL_TRACE_STRING 16u /* INS, OUTS: the data are in memory */
#define SWIVL_TRACE_LINEAR 32u /* value is the linear address */
struct swivl_trace_record {
	swivl_u64 time; /* nanoseconds of the host's monotonic clock, just after the exit */
	swivl_u64 rip;
	swivl_u64 reason; /* as the processor gave it: VMX exit reason, SVM exit code */
	swivl_u64 info[2]; /* the same: exit qualification; EXITINFO1 and 2. 0: not looked at */
	swivl_u64 what, value; /* by kind, 0 if none */
	swivl_u32 number; /* counts this vCPU's records from 0, and wraps */
	swivl_u8 kind; /* enum swivl_exit_kind */
	swivl_u8 length; /* of the instruction that caused it, in bytes; 0: none, or not known */
	swivl_u16 flags; /* SWIVL_TRACE_* */
};
struct swivl_trace {
	swivl_u64 records; /* address of the first */
	swivl_u32 room; /* how many there is room for */
	swivl_u32 reserved;
};
#define SWIVL_SET_TRACE SWIVL_IO(0xf4) /* argument: 1 or 0 */
#define SWIVL_GET_TRACE SWIVL_IOW(0xf5, struct swivl_trace) /* returns how many were taken */

#endif /* SWIVL_ABI_H */
