/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The first contract: what a home (Linux, Windows, bare metal, the model) provides to the core.
 * Porting swivl to another system is writing the functions of this file.
 *
 * Context words used below:
 *   task     a thread that may sleep, serving the caller who made the request
 *   section  between host_section_enter() and host_section_leave(): no preemption, no sleep,
 *            interrupts still taken
 *   atomic   section, interrupts off, or a timer's callback
 */
#ifndef SWIVL_CORE_HOST_H
#define SWIVL_CORE_HOST_H

#include "core/types.h"

struct vcpu;

/* Storage for the home's own objects; a home asserts that its own fit. */
struct host_mutex {
	u64 opaque[8];
};
struct host_rwlock {
	u64 opaque[10];
};
struct host_spin {
	u64 opaque[4];
};
struct host_timer {
	u64 opaque[16];
};
struct host_owner {
	u64 opaque[1];
};
struct host_wait {
	u64 opaque[12];
};

/* ---- memory ---------------------------------------------------------------------------- */

/* Zeroed memory, charged to the caller; NULL where there is none. Task. */
void *host_alloc(size_t size);
void host_free(void *p);
/* One zeroed page, page-aligned; atomic callers may fail more often. */
void *host_page_alloc(void);
void host_page_free(void *page); /* NULL: nothing to do */
/* A few zeroed pages whose physical addresses follow each other. Task. */
void *host_pages_alloc(unsigned int n);
void host_pages_free(void *pages, unsigned int n); /* NULL: nothing to do */
/* Physical address of a page of host_page_alloc(), and the way back (also for pinned pages). */
u64 host_page_pa(const void *page);
void *host_page_va(u64 pa);

/* The caller as somebody whose memory is pinned: the home counts for each. Task. */
void host_owner_init(struct host_owner *o);
void host_owner_free(struct host_owner *o);
/*
 * Pin @n consecutive pages of the caller's memory from the page-aligned address @uaddr, so that
 * they stay where they are until unpinned. Physical addresses go to @pa. Returns the number
 * pinned (may be less than @n, at least 1) or -SWIVL_EFAULT, -SWIVL_ENOMEM. Task.
 */
int host_user_pin(struct host_owner *o, u64 uaddr, unsigned int n, bool write, u64 *pa);
void host_user_unpin(struct host_owner *o, u64 pa, bool dirty);
/* True where [@uaddr, @uaddr + @size) can be an address range of the caller at all. */
bool host_user_range_ok(u64 uaddr, u64 size);

/* The caller's memory; 0 or -SWIVL_EFAULT. Task. */
int host_copy_from_caller(void *dst, u64 uaddr, size_t size);
int host_copy_to_caller(u64 uaddr, const void *src, size_t size);

/* ---- processors ------------------------------------------------------------------------ */

/* Run @fn on every CPU that is online, interrupts off there; returns when all have. Task. */
void host_on_each_cpu(void (*fn)(void *arg), void *arg);
/* Run @fn on one CPU, interrupts off there; -SWIVL_ENXIO when that CPU is not online. */
int host_on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg);
/* Number of this CPU, below host_cpu_limit(). Atomic. */
unsigned int host_cpu(void);
unsigned int host_cpu_limit(void);
/*
 * Set and clear bits of CR4 on this CPU, interrupts off, so that the system's own idea of CR4
 * knows (a later write by the system must not clear CR4.VMXE under our feet). False: the system
 * lets nobody do that, and nothing was changed.
 */
bool host_cr4_change(u64 set, u64 clear);

/*
 * A section is the stretch in which a vCPU is on this CPU. Entering saves the caller's FPU state
 * and keeps the system from using the FPU; leaving gives it back.
 */
void host_section_enter(struct vcpu *vcpu);
void host_section_leave(struct vcpu *vcpu);
/* Only no preemption: for a short look at a vCPU's hardware state. Nests in a section. */
void host_preempt_off(void);
void host_preempt_on(void);
/* Is there a reason to leave the section: a signal, a reschedule, deferred interrupts? Atomic. */
bool host_section_should_leave(void);
/* A signal is pending for the thread: KVM_RUN has to return -SWIVL_EINTR. */
bool host_signal_pending(void);
/* Give the processor to whoever waits for it. Task. */
void host_yield(void);

/* ---- vCPU threads ---------------------------------------------------------------------- */

/* Where the vCPU is in a section, make that processor leave the guest. From any context. */
void host_vcpu_kick(struct vcpu *vcpu);

/* Signal mask of KVM_SET_SIGNAL_MASK, in force from _begin to _end. Task. */
void host_sigmask_begin(u64 mask, u64 *saved);
void host_sigmask_end(u64 saved);

void host_wait_init(struct host_wait *w);
/* Sleep until @cond(@arg) or a signal or host_wait_wake(). Task. */
void host_wait_sleep(struct host_wait *w, bool (*cond)(void *arg), void *arg);
void host_wait_wake(struct host_wait *w);

/* ---- locks ----------------------------------------------------------------------------- */

void host_mutex_init(struct host_mutex *m);
void host_mutex_lock(struct host_mutex *m);
/* As lock, but a signal ends the wait: -SWIVL_EINTR. */
int host_mutex_lock_intr(struct host_mutex *m);
void host_mutex_unlock(struct host_mutex *m);

void host_rwlock_init(struct host_rwlock *l);
void host_read_lock(struct host_rwlock *l);
void host_read_unlock(struct host_rwlock *l);
void host_write_lock(struct host_rwlock *l);
void host_write_unlock(struct host_rwlock *l);

/* Spin locks keep interrupts off; _lock returns what _unlock needs. Atomic. */
void host_spin_init(struct host_spin *s);
unsigned long host_spin_lock(struct host_spin *s);
void host_spin_unlock(struct host_spin *s, unsigned long flags);

/* ---- time ------------------------------------------------------------------------------ */

/* Monotonic nanoseconds; TSC frequency in kHz. Atomic. */
u64 host_time_ns(void);
u32 host_tsc_khz(void);

/* One-shot timers; @fn runs in atomic context with interrupts off, at @deadline_ns or later. */
void host_timer_init(struct host_timer *t, void (*fn)(void *arg), void *arg);
void host_timer_set(struct host_timer *t, u64 deadline_ns);
/* Afterwards the callback neither runs nor will run. Task, but for host_timer_stop(). */
void host_timer_cancel(struct host_timer *t);
/* As cancel, but a callback that runs at this moment is not waited for. Atomic. */
void host_timer_stop(struct host_timer *t);

/* ---- handles and log ------------------------------------------------------------------- */

enum object_kind { OBJECT_SYSTEM, OBJECT_VM, OBJECT_VCPU };

/*
 * Give the caller a handle on a new VM or vCPU. On success the handle owns one reference, which
 * the home gives back with swivl_object_put() when the last copy of it is closed. Returns the
 * handle (Linux: a file descriptor) or an error. Task.
 */
int host_handle_create(enum object_kind kind, void *object);

enum host_log { HOST_LOG_ERROR, HOST_LOG_INFO };
/* printf of %s %d %u %x %llx only. Rate-limited by the home. Atomic. */
void host_log(enum host_log level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
