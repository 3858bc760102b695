// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Locks and waiting: the kernel's own, in the storage that core/host.h reserves.
 */
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "home.h"

/*
 * A semaphore, for it is held by a vCPU that sleeps while a page comes in. A reader may take the
 * kernel's from under a writer that was just woken, and a vCPU that was asked out comes back at
 * once: it would win for two ticks (RWSEM_WAIT_TIMEOUT). So readers wait where a writer stands.
 */
struct home_rwlock {
	struct rw_semaphore sem;
	struct mutex gate; /* held from the wish to write to its end */
};

static_assert(sizeof(struct mutex) <= sizeof(struct host_mutex));
static_assert(sizeof(struct home_rwlock) <= sizeof(struct host_rwlock));
static_assert(sizeof(raw_spinlock_t) <= sizeof(struct host_spin));
static_assert(sizeof(struct rcuwait) <= sizeof(struct host_wait));

#define MUTEX(m) ((struct mutex *)(m)->opaque)
#define RWLOCK(l) ((struct home_rwlock *)(l)->opaque)
#define SPIN(s) ((raw_spinlock_t *)(s)->opaque)
#define WAIT(w) ((struct rcuwait *)(w)->opaque)

void host_mutex_init(struct host_mutex *m)
{
	mutex_init(MUTEX(m));
}

void host_mutex_lock(struct host_mutex *m)
{
	mutex_lock(MUTEX(m));
}

int host_mutex_lock_intr(struct host_mutex *m)
{
	return mutex_lock_interruptible(MUTEX(m)) ? -SWIVL_EINTR : 0;
}

void host_mutex_unlock(struct host_mutex *m)
{
	mutex_unlock(MUTEX(m));
}

void host_rwlock_init(struct host_rwlock *l)
{
	init_rwsem(&RWLOCK(l)->sem);
	mutex_init(&RWLOCK(l)->gate);
}

void host_read_lock(struct host_rwlock *l)
{
	if (unlikely(mutex_is_locked(&RWLOCK(l)->gate))) {
		mutex_lock(&RWLOCK(l)->gate);
		mutex_unlock(&RWLOCK(l)->gate);
	}
	down_read(&RWLOCK(l)->sem);
}

void host_read_unlock(struct host_rwlock *l)
{
	up_read(&RWLOCK(l)->sem);
}

void host_write_lock(struct host_rwlock *l)
{
	mutex_lock(&RWLOCK(l)->gate);
	down_write(&RWLOCK(l)->sem);
}

void host_write_unlock(struct host_rwlock *l)
{
	up_write(&RWLOCK(l)->sem);
	mutex_unlock(&RWLOCK(l)->gate);
}

void host_spin_init(struct host_spin *s)
{
	raw_spin_lock_init(SPIN(s));
}

unsigned long host_spin_lock(struct host_spin *s)
{
	unsigned long flags;

	raw_spin_lock_irqsave(SPIN(s), flags);
	return flags;
}

void host_spin_unlock(struct host_spin *s, unsigned long flags)
{
	raw_spin_unlock_irqrestore(SPIN(s), flags);
}

void host_wait_init(struct host_wait *w)
{
	rcuwait_init(WAIT(w));
}

/*
 * One round: the waker may have a reason that @cond does not know. There is one sleeper, the thread
 * that runs the vCPU; and wakers are timers with interrupts off, which a wait queue's lock would
 * not allow on a real-time kernel.
 */
void host_wait_sleep(struct host_wait *w, bool (*cond)(void *arg), void *arg)
{
	prepare_to_rcuwait(WAIT(w));
	set_current_state(TASK_INTERRUPTIBLE);
	if (!cond(arg) && !signal_pending(current))
		schedule();
	finish_rcuwait(WAIT(w));
}

void host_wait_wake(struct host_wait *w)
{
	/* It pairs with set_current_state(): what the waker wrote before is seen by @cond. */
	rcuwait_wake_up(WAIT(w));
}
