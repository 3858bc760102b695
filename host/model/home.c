// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* core/host.h with malloc and pthreads. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include <stddef.h>
#include "host/model/model.h"

long model_allocations, model_pins, model_unpinned_dirty;
long model_fail_alloc, model_fail_pin;
u64 model_arena, model_arena_size;
bool model_signal;
u64 model_time_ns;
u32 model_tsc_khz;
unsigned int model_kicks;
char model_log[256];

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct host_mutex), "mutex");
_Static_assert(sizeof(pthread_rwlock_t) <= sizeof(struct host_rwlock), "rwlock");

#define die(...) (fprintf(stderr, "model: " __VA_ARGS__), fputc('\n', stderr), abort())

/* ---- memory ---------------------------------------------------------------------------------- */

static bool countdown(long *n)
{
	return *n && !--*n;
}

void *host_alloc(size_t size)
{
	if (countdown(&model_fail_alloc))
		return NULL;
	__atomic_fetch_add(&model_allocations, 1, __ATOMIC_RELAXED);
	return calloc(1, size);
}

void host_free(void *p)
{
	if (p)
		__atomic_fetch_sub(&model_allocations, 1, __ATOMIC_RELAXED);
	free(p);
}

void *host_page_alloc(void)
{
	void *p;

	if (countdown(&model_fail_alloc))
		return NULL;
	p = aligned_alloc(SWIVL_PAGE_SIZE, SWIVL_PAGE_SIZE);
	__atomic_fetch_add(&model_allocations, 1, __ATOMIC_RELAXED);
	return memset(p, 0, SWIVL_PAGE_SIZE);
}

void host_page_free(void *page)
{
	host_free(page);
}

u64 host_page_pa(const void *page)
{
	return (u64)page;
}

void *host_page_va(u64 pa)
{
	return (void *)pa;
}

static bool in_arena(u64 address, u64 size)
{
	return !model_arena_size || (address >= model_arena && size <= model_arena_size &&
				     address - model_arena <= model_arena_size - size);
}

/* The caller is this process; the system call tells bad addresses without a signal. */
static int copy(void *local, u64 remote, size_t size, bool to_caller)
{
	struct iovec l = { .iov_base = local, .iov_len = size };
	struct iovec r = { .iov_base = (void *)remote, .iov_len = size };
	ssize_t done;

	if (!size)
		return 0;
	if (!in_arena(remote, size))
		return -SWIVL_EFAULT;
	if (to_caller)
		done = process_vm_writev(getpid(), &l, 1, &r, 1, 0);
	else
		done = process_vm_readv(getpid(), &l, 1, &r, 1, 0);
	return done == (ssize_t)size ? 0 : -SWIVL_EFAULT;
}

int host_copy_from_caller(void *dst, u64 uaddr, size_t size)
{
	return copy(dst, uaddr, size, false);
}

int host_copy_to_caller(u64 uaddr, const void *src, size_t size)
{
	return copy((void *)src, uaddr, size, true);
}

#define USER_END (1ull << 47)

bool host_user_range_ok(u64 uaddr, u64 size)
{
	return uaddr < USER_END && size <= USER_END - uaddr;
}

/* An owner is the number of its pages. */
void host_owner_init(struct host_owner *o)
{
	o->opaque[0] = 0;
}

void host_owner_free(struct host_owner *o)
{
	if (o->opaque[0])
		die("%llu pages are still pinned", o->opaque[0]);
}

int host_user_pin(struct host_owner *o, u64 uaddr, unsigned int n, bool write, u64 *pa)
{
	unsigned int i;
	char byte;

	if (uaddr & (SWIVL_PAGE_SIZE - 1))
		die("pin of %#llx", uaddr);
	if (countdown(&model_fail_pin))
		return -SWIVL_ENOMEM;
	for (i = 0; i < n; i++) {
		u64 page = uaddr + i * SWIVL_PAGE_SIZE;

		if (!host_user_range_ok(page, SWIVL_PAGE_SIZE) || copy(&byte, page, 1, false) ||
		    (write && copy(&byte, page, 1, true)))
			break;
		pa[i] = page;
	}
	__atomic_fetch_add(&model_pins, i, __ATOMIC_RELAXED);
	__atomic_fetch_add(&o->opaque[0], i, __ATOMIC_RELAXED);
	return i ? (int)i : -SWIVL_EFAULT;
}

void host_user_unpin(struct host_owner *o, u64 pa, bool dirty)
{
	__atomic_fetch_sub(&o->opaque[0], 1, __ATOMIC_RELAXED);
	if (__atomic_sub_fetch(&model_pins, 1, __ATOMIC_RELAXED) < 0)
		die("unpinned more than was pinned");
	if (dirty)
		__atomic_fetch_add(&model_unpinned_dirty, 1, __ATOMIC_RELAXED);
}

/* ---- processors: there is one ------------------------------------------------------------------ */

void host_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

int host_on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	if (cpu)
		return -SWIVL_ENXIO;
	fn(arg);
	return 0;
}

unsigned int host_cpu(void)
{
	return 0;
}

unsigned int host_cpu_limit(void)
{
	return 1;
}

bool host_cr4_change(u64 set, u64 clear)
{
	return true;
}

static __thread int section;

void host_section_enter(struct vcpu *vcpu)
{
	section++;
}

void host_section_leave(struct vcpu *vcpu)
{
	if (section-- <= 0)
		die("a section was left that was not entered");
}

void host_preempt_off(void)
{
}

void host_preempt_on(void)
{
}

bool host_section_should_leave(void)
{
	return model_signal;
}

bool host_signal_pending(void)
{
	return model_signal;
}

void host_yield(void)
{
}

void host_vcpu_kick(struct vcpu *vcpu)
{
	model_kicks++;
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

/* Nobody else could wake us: a wait whose condition does not hold ends by a signal. */
void host_wait_sleep(struct host_wait *w, bool (*cond)(void *arg), void *arg)
{
	if (section)
		die("sleep in a section");
	if (!cond(arg))
		model_signal = true;
}

void host_wait_wake(struct host_wait *w)
{
}

/* ---- locks -------------------------------------------------------------------------------------- */

static void expect(int err, const char *what)
{
	if (err)
		die("%s: %s", what, strerror(err));
}

void host_mutex_init(struct host_mutex *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init((pthread_mutex_t *)m, &attr);
}

void host_mutex_lock(struct host_mutex *m)
{
	if (section)
		die("mutex in a section");
	expect(pthread_mutex_lock((pthread_mutex_t *)m), "mutex lock");
}

int host_mutex_lock_intr(struct host_mutex *m)
{
	host_mutex_lock(m);
	return 0;
}

void host_mutex_unlock(struct host_mutex *m)
{
	expect(pthread_mutex_unlock((pthread_mutex_t *)m), "mutex unlock");
}

void host_rwlock_init(struct host_rwlock *l)
{
	pthread_rwlock_init((pthread_rwlock_t *)l, NULL);
}

void host_read_lock(struct host_rwlock *l)
{
	expect(pthread_rwlock_rdlock((pthread_rwlock_t *)l), "read lock");
}

void host_read_unlock(struct host_rwlock *l)
{
	expect(pthread_rwlock_unlock((pthread_rwlock_t *)l), "read unlock");
}

void host_write_lock(struct host_rwlock *l)
{
	expect(pthread_rwlock_wrlock((pthread_rwlock_t *)l), "write lock");
}

void host_write_unlock(struct host_rwlock *l)
{
	expect(pthread_rwlock_unlock((pthread_rwlock_t *)l), "write unlock");
}

void model_must_hold(struct host_rwlock *l)
{
	if (!pthread_rwlock_trywrlock((pthread_rwlock_t *)l))
		die("a lock is not held");
}

void host_spin_init(struct host_spin *s)
{
	s->opaque[0] = 0;
}

unsigned long host_spin_lock(struct host_spin *s)
{
	if (__atomic_exchange_n(&s->opaque[0], 1, __ATOMIC_ACQUIRE))
		die("a spin lock is taken twice");
	return 0;
}

void host_spin_unlock(struct host_spin *s, unsigned long flags)
{
	if (!__atomic_exchange_n(&s->opaque[0], 0, __ATOMIC_RELEASE))
		die("a spin lock is released that is free");
}

/* ---- time ----------------------------------------------------------------------------------------- */

struct timer {
	void (*fn)(void *arg);
	void *arg;
	u64 deadline;
	struct timer *next;
	bool armed;
};
_Static_assert(sizeof(struct timer) <= sizeof(struct host_timer), "timer");
static struct timer *timers;

u64 host_time_ns(void)
{
	return model_time_ns;
}

u32 host_tsc_khz(void)
{
	return model_tsc_khz;
}

void host_timer_init(struct host_timer *t, void (*fn)(void *arg), void *arg)
{
	*(struct timer *)t = (struct timer){ .fn = fn, .arg = arg };
}

void host_timer_cancel(struct host_timer *t)
{
	struct timer **link;

	for (link = &timers; *link; link = &(*link)->next) {
		if (*link == (struct timer *)t) {
			*link = (*link)->next;
			break;
		}
	}
	((struct timer *)t)->armed = false;
}

void host_timer_stop(struct host_timer *t)
{
	host_timer_cancel(t);
}

void host_timer_set(struct host_timer *t, u64 deadline_ns)
{
	struct timer *timer = (struct timer *)t;

	host_timer_cancel(t);
	timer->deadline = deadline_ns;
	timer->armed = true;
	timer->next = timers;
	timers = timer;
}

static struct timer *next_due(u64 until)
{
	struct timer *t, *first = NULL;

	for (t = timers; t; t = t->next)
		if (t->deadline <= until && (!first || t->deadline < first->deadline))
			first = t;
	return first;
}

void model_advance(u64 ns)
{
	u64 until = model_time_ns + ns;
	struct timer *t;

	while ((t = next_due(until)) != NULL) {
		if (t->deadline > model_time_ns)
			model_time_ns = t->deadline;
		host_timer_cancel((struct host_timer *)t);
		t->fn(t->arg);
	}
	model_time_ns = until;
}

/* ---- handles and log -------------------------------------------------------------------------------- */

#define HANDLES 256
static struct {
	enum object_kind kind;
	void *object;
} handles[HANDLES];

int host_handle_create(enum object_kind kind, void *object)
{
	int i;

	for (i = 0; i < HANDLES && handles[i].object; i++)
		;
	if (i == HANDLES)
		return -24; /* EMFILE */
	handles[i].kind = kind;
	handles[i].object = object;
	return i;
}

void model_close(int handle)
{
	void *object = handles[handle].object;

	handles[handle].object = NULL;
	if (object)
		swivl_object_put(handles[handle].kind, object);
}

long model_ioctl(int handle, u32 number, u64 arg)
{
	if (handle == MODEL_SYSTEM)
		return swivl_request(OBJECT_SYSTEM, NULL, number, arg);
	if (handle < 0 || handle >= HANDLES || !handles[handle].object)
		return -SWIVL_EBADF;
	return swivl_request(handles[handle].kind, handles[handle].object, number, arg);
}

struct vm *model_vm(int handle)
{
	return handles[handle].object;
}

struct vcpu *model_vcpu(int handle)
{
	return handles[handle].object;
}

void host_log(enum host_log level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(model_log, sizeof(model_log), fmt, args);
	va_end(args);
}

static void close_all(void)
{
	int i;

	for (i = 0; i < HANDLES; i++)
		model_close(i);
}

void model_finish(void)
{
	close_all();
	if (vendor)
		swivl_stop();
}

void model_cpu_reset(void);

void model_reset(void)
{
	struct refusal_report why;

	model_finish();
	model_allocations = model_pins = model_unpinned_dirty = 0;
	model_fail_alloc = model_fail_pin = 0;
	model_signal = false;
	model_time_ns = 1000000000;
	model_kicks = 0;
	model_tsc_khz = 1000000;
	model_cpu_reset();
	if (!swivl_start(&why))
		die("the core does not start: %d", why.why);
}
