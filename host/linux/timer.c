// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Time and timers.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <asm/tsc.h>

#include "home.h"

struct home_timer {
	struct hrtimer hr;
	void (*fn)(void *arg);
	void *arg;
};

static_assert(sizeof(struct home_timer) <= sizeof(struct host_timer));

#define TIMER(t) ((struct home_timer *)(t)->opaque)

u64 host_time_ns(void)
{
	return ktime_get_ns();
}

u32 host_tsc_khz(void)
{
	return tsc_khz;
}

static enum hrtimer_restart expired(struct hrtimer *hr)
{
	struct home_timer *t = container_of(hr, struct home_timer, hr);

	t->fn(t->arg);
	return HRTIMER_NORESTART;
}

void host_timer_init(struct host_timer *timer, void (*fn)(void *arg), void *arg)
{
	struct home_timer *t = TIMER(timer);

	t->fn = fn;
	t->arg = arg;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&t->hr, expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
#else
	hrtimer_init(&t->hr, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	t->hr.function = expired;
#endif
}

void host_timer_set(struct host_timer *timer, u64 deadline_ns)
{
	ktime_t when = min_t(u64, deadline_ns, KTIME_MAX);

	hrtimer_start(&TIMER(timer)->hr, when, HRTIMER_MODE_ABS_HARD);
}

void host_timer_cancel(struct host_timer *timer)
{
	hrtimer_cancel(&TIMER(timer)->hr);
}

void host_timer_stop(struct host_timer *timer)
{
	hrtimer_try_to_cancel(&TIMER(timer)->hr);
}
