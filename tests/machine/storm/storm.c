// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Interrupts of the host without end while the module is loaded: an interrupt from another
 * processor and an NMI in turn, the next as soon as the one before was taken and a little after,
 * so that they come at every point of a guest's entries and exits. On one processor a timer takes
 * the other's place; what it sends itself comes in the timer's handler or right behind it.
 *
 * When it is unloaded it tells how many were sent and how many were taken. An NMI from another
 * processor that does not come within two seconds is lost, and the next one is sent.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/nmi.h>

#define NAME "storm"

static unsigned int victim; /* CPU 0 takes them all */
static atomic_t nmis_sent, nmis_taken, nmis_lost, calls_sent, calls_taken, misplaced;
static struct task_struct *sender;
static struct hrtimer timer;

static int take_nmi(unsigned int type, struct pt_regs *regs)
{
	if (atomic_read(&nmis_taken) >= atomic_read(&nmis_sent))
		return NMI_DONE; /* somebody else's */
	if (smp_processor_id() != victim)
		atomic_inc(&misplaced);
	atomic_inc(&nmis_taken);
	return NMI_HANDLED;
}

static void take_call(void *unused)
{
	atomic_inc(&calls_taken);
}

static call_single_data_t call = CSD_INIT(take_call, NULL);

static void send_nmi(void)
{
	atomic_inc(&nmis_sent);
	apic->send_IPI(victim, NMI_VECTOR);
}

static bool all_taken(void)
{
	return atomic_read(&nmis_taken) + atomic_read(&nmis_lost) >= atomic_read(&nmis_sent) &&
	       atomic_read(&calls_taken) == atomic_read(&calls_sent);
}

static int send_for_ever(void *unused)
{
	unsigned long last = jiffies;
	unsigned int n = 0;

	while (!kthread_should_stop()) {
		if ((n & 1) && time_after(jiffies, last + 2 * HZ) && !all_taken())
			atomic_inc(&nmis_lost);
		if (all_taken()) {
			n++;
			last = jiffies;
			udelay(n % 23); /* not in step with what the guest does */
			if (n & 1) {
				send_nmi();
			} else {
				atomic_inc(&calls_sent);
				smp_call_function_single_async(victim, &call);
			}
		}
		cond_resched();
	}
	return 0;
}

static enum hrtimer_restart send_to_self(struct hrtimer *t)
{
	if (all_taken())
		send_nmi();
	hrtimer_forward_now(t, ns_to_ktime(50000 + atomic_read(&nmis_sent) % 64 * 997));
	return HRTIMER_RESTART;
}

static int __init storm_init(void)
{
	int err = register_nmi_handler(NMI_LOCAL, take_nmi, 0, NAME);

	if (err)
		return err;
	if (num_online_cpus() < 2) {
		hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
		timer.function = send_to_self;
		hrtimer_start(&timer, ns_to_ktime(50000), HRTIMER_MODE_REL_HARD);
		return 0;
	}
	sender = kthread_create(send_for_ever, NULL, NAME);
	if (IS_ERR(sender)) {
		unregister_nmi_handler(NMI_LOCAL, NAME);
		return PTR_ERR(sender);
	}
	kthread_bind(sender, 1);
	wake_up_process(sender);
	return 0;
}

static void __exit storm_exit(void)
{
	if (sender)
		kthread_stop(sender);
	else
		hrtimer_cancel(&timer);
	for (int i = 0; i < 100 && !all_taken(); i++)
		msleep(10);
	unregister_nmi_handler(NMI_LOCAL, NAME);
	pr_info("storm: NMIs %d of %d, interrupts %d of %d, %d lost, %d on another CPU\n",
		atomic_read(&nmis_taken), atomic_read(&nmis_sent), atomic_read(&calls_taken),
		atomic_read(&calls_sent),
		atomic_read(&nmis_sent) - atomic_read(&nmis_taken) +
			atomic_read(&calls_sent) - atomic_read(&calls_taken),
		atomic_read(&misplaced));
}

module_init(storm_init);
module_exit(storm_exit);
MODULE_DESCRIPTION("interrupts without end");
MODULE_LICENSE("Dual MIT/GPL");
