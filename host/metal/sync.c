// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * core/host.h: locks, which all spin, for nobody could be woken here; and what a home with one
 * guest that is the machine has not: threads, signals, timers, handles.
 */
#include "host/metal/metal.h"

static void spin_lock(u64 *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(word, __ATOMIC_RELAXED))
			metal_pause();
}

static void spin_unlock(u64 *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

void host_mutex_init(struct host_mutex *m)
{
	m->opaque[0] = 0;
}

void host_mutex_lock(struct host_mutex *m)
{
	spin_lock(&m->opaque[0]);
}

int host_mutex_lock_intr(struct host_mutex *m)
{
	spin_lock(&m->opaque[0]);
	return 0;
}

void host_mutex_unlock(struct host_mutex *m)
{
	spin_unlock(&m->opaque[0]);
}

/* Readers are counted; a writer first keeps new ones out. */
#define WRITER (1ull << 63)

void host_rwlock_init(struct host_rwlock *l)
{
	l->opaque[0] = 0;
}

void host_read_lock(struct host_rwlock *l)
{
	while (__atomic_fetch_add(&l->opaque[0], 1, __ATOMIC_ACQUIRE) & WRITER) {
		__atomic_fetch_sub(&l->opaque[0], 1, __ATOMIC_RELAXED);
		while (__atomic_load_n(&l->opaque[0], __ATOMIC_RELAXED) & WRITER)
			metal_pause();
	}
}

void host_read_unlock(struct host_rwlock *l)
{
	__atomic_fetch_sub(&l->opaque[0], 1, __ATOMIC_RELEASE);
}

void host_write_lock(struct host_rwlock *l)
{
	while (__atomic_fetch_or(&l->opaque[0], WRITER, __ATOMIC_ACQUIRE) & WRITER)
		metal_pause();
	while (__atomic_load_n(&l->opaque[0], __ATOMIC_ACQUIRE) != WRITER)
		metal_pause();
}

void host_write_unlock(struct host_rwlock *l)
{
	__atomic_fetch_and(&l->opaque[0], ~WRITER, __ATOMIC_RELEASE);
}

/* Interrupts are off anyway. */
void host_spin_init(struct host_spin *s)
{
	s->opaque[0] = 0;
}

unsigned long host_spin_lock(struct host_spin *s)
{
	spin_lock(&s->opaque[0]);
	return 0;
}

void host_spin_unlock(struct host_spin *s, unsigned long flags)
{
	spin_unlock(&s->opaque[0]);
}

/* ---- a processor is its guest's alone ----------------------------------------------------------- */

void host_section_enter(struct vcpu *vcpu)
{
}

void host_section_leave(struct vcpu *vcpu)
{
}

void host_preempt_off(void)
{
}

void host_preempt_on(void)
{
}

bool host_section_should_leave(void)
{
	return false;
}

bool host_signal_pending(void)
{
	return false;
}

void host_yield(void)
{
	metal_pause();
}

void host_vcpu_thread(struct vcpu *vcpu, bool running)
{
}

void host_vcpu_kick(struct vcpu *vcpu)
{
}

void host_sigmask_begin(u64 mask, u64 *saved)
{
	*saved = 0;
}

void host_sigmask_end(u64 saved)
{
}

void host_wait_init(struct host_wait *w)
{
}

void host_wait_sleep(struct host_wait *w, bool (*cond)(void *arg), void *arg)
{
	while (!cond(arg))
		metal_pause();
}

void host_wait_wake(struct host_wait *w)
{
}

/* ---- no timers, no handles: the machine's guest has its own ------------------------------------- */

void host_timer_init(struct host_timer *t, void (*fn)(void *arg), void *arg)
{
}

void host_timer_set(struct host_timer *t, u64 deadline_ns)
{
	metal_logf(BOOT_LOG_ERRORS, "a timer was asked for, and there is none");
}

void host_timer_cancel(struct host_timer *t)
{
}

void host_timer_stop(struct host_timer *t)
{
}

int host_handle_create(enum object_kind kind, void *object)
{
	return -SWIVL_EOPNOTSUPP;
}
