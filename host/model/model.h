/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The model: a home of the core in user space, with a modelled processor and a modelled vendor.
 * Unit tests and fuzzers drive the core through it, under sanitizers. Nothing here is privileged.
 *
 * Time stands still until model_advance(). A "physical address" is the address of the page in
 * this process, so pinned memory is simply read and written.
 */
#ifndef SWIVL_HOST_MODEL_H
#define SWIVL_HOST_MODEL_H

#include "core/swivl.h"
#include "core/vm/vm.h"
#include "core/x86/cpu.h"

/* Bring everything to its initial state and start the core; all VMs of before are closed. */
void model_reset(void);
/* Close what is open and stop the core; the counters below must be 0 then. */
void model_finish(void);

/* What the core holds. */
extern long model_allocations; /* host_alloc() and host_page_alloc() */
extern long model_pins; /* pages */
extern long model_unpinned_dirty; /* pages given back as written, so far */

/* The n-th allocation from now fails, once; 0: none does. Likewise the n-th pinning call. */
extern long model_fail_alloc;
extern long model_fail_pin;

/* If the size is not 0: all the memory that the caller has, for addresses that are arbitrary. */
extern u64 model_arena, model_arena_size;

extern bool model_signal; /* host_signal_pending() */
extern void (*model_interrupt)(void); /* called whenever interrupts are switched on */
extern u64 model_time_ns;
extern u32 model_tsc_khz;
void model_advance(u64 ns); /* and fire the timers that are due */
void model_must_hold(struct host_rwlock *l); /* by whomever; ends the program otherwise */
extern unsigned int model_kicks; /* calls of host_vcpu_kick() */
extern char model_log[256]; /* the last line logged */

/*
 * Handles as a program has them: numbers from 0. model_ioctl() returns what ioctl() would, or the
 * negative error. A handle that is closed or another kind's answers as its kind does.
 */
#define MODEL_SYSTEM (-1) /* the device */
long model_ioctl(int handle, u32 number, u64 arg);
#define model_call(handle, number, ptr) model_ioctl(handle, number, (u64)(unsigned long)(ptr))
void model_close(int handle);
struct vm *model_vm(int handle);
struct vcpu *model_vcpu(int handle);

/* The modelled processor's CPUID: model_cpuid_set() changes the answer to one question. */
void model_cpuid_set(u32 leaf, u32 subleaf, struct x86_cpuid answer);

/*
 * The guest: called for each entry, with what the hardware holds. It sets vcpu->exit. What it
 * may look at is @hw; vcpu->state is poisoned meanwhile where the contract does not promise it.
 */
struct model_hw {
	struct vcpu_state state;
	u64 rsp;
	struct event injected; /* by this entry */
};
extern void (*model_guest)(struct vcpu *vcpu, struct model_hw *hw);
extern unsigned long model_entries, model_loads; /* loads for a run */
extern u32 model_features; /* VENDOR_* */

#endif
