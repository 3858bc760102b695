// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Processors: running something on each, CR4, the sections in which a vCPU is on one, and
 * getting it out of there.
 */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/perf_event.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <asm/fpu/api.h>
#include <asm/tlbflush.h>

#include "home.h"
#include "core/vm/vm.h"

DEFINE_PER_CPU(bool, home_cpu_on);

void host_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	on_each_cpu(fn, arg, 1);
}

int host_on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	if (cpu >= nr_cpu_ids)
		return -SWIVL_ENXIO;
	return smp_call_function_single(cpu, fn, arg, 1) ? -SWIVL_ENXIO : 0;
}

unsigned int host_cpu(void)
{
	return raw_smp_processor_id();
}

unsigned int host_cpu_limit(void)
{
	return nr_cpu_ids;
}

/*
 * Linux keeps a copy of CR4 for each CPU and writes CR4 from that copy: when a program with
 * another time-stamp or performance-counter permission is switched to, or when it flushes global
 * translations without INVPCID. cr4_update_irqsoff() changes both. Written behind its back,
 * CR4.VMXE would be clear in the copy, and the next such write, which any program can cause, is
 * a #GP in the kernel (SDM vol. 3, 24.8: VMXE cannot be cleared in VMX operation).
 *
 * Kernels from 6.19 on give cr4_update_irqsoff() to KVM alone. There we write with the
 * instruction, and only where the owner of the machine asked for it by name.
 */
#ifdef SWIVL_CR4_SHADOWED
static bool change_cr4(u64 set, u64 clear)
{
	cr4_update_irqsoff(set, clear);
	return true;
}
#else
static bool cr4_by_instruction;
module_param(cr4_by_instruction, bool, 0444);
MODULE_PARM_DESC(cr4_by_instruction,
		 "change CR4 without the kernel's knowledge: prctl(PR_SET_TSC) or perf's user-space "
		 "counters of any program then crash the machine");

static bool change_cr4(u64 set, u64 clear)
{
	unsigned long cr4;

	if (!cr4_by_instruction)
		return false;
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 = (cr4 & ~clear) | set;
	asm volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
	return true;
}
#endif

/*
 * Older processors cannot trace in VMX operation (SDM vol. 3, 33.5.1): there perf has to stop
 * before, or its next write to IA32_RTIT_CTL is a #GP.
 */
static void trace_in_vmx(bool on)
{
#ifdef SWIVL_PROCESSOR_TRACE
	intel_pt_handle_vmx(on);
#endif
}

bool host_cr4_change(u64 set, u64 clear)
{
	bool changed;

	if (set & X86_CR4_VMXE)
		trace_in_vmx(true);
	changed = change_cr4(set, clear);
	if (clear & X86_CR4_VMXE || !changed)
		trace_in_vmx(false);
	return changed;
}

/* Sections and short looks that this CPU is in; preemption is off while it is not 0. */
static DEFINE_PER_CPU(unsigned int, depth);

/*
 * Where the extension is off on this CPU - it is on its way offline, or the machine restarts -
 * the thread waits until it is on another CPU, or for ever.
 */
static void wait_cpu_on(void (*off)(void), void (*on)(void))
{
	while (unlikely(!__this_cpu_read(home_cpu_on))) {
		on();
		schedule_timeout_idle(1);
		off();
	}
}

static void preempt_off(void)
{
	preempt_disable();
}

static void preempt_on(void)
{
	preempt_enable();
}

/* kernel_fpu_begin() also turns preemption off (and on newer kernels softirqs). */
static void fpu_take(void)
{
	kernel_fpu_begin();
}

/* home[0] of a vCPU is the thread that runs it. A task_struct lives one grace period longer. */
void host_section_enter(struct vcpu *vcpu)
{
	kernel_fpu_begin();
	wait_cpu_on(fpu_take, kernel_fpu_end);
	__this_cpu_inc(depth);
	WRITE_ONCE(vcpu->home[0], (u64)current);
}

void host_section_leave(struct vcpu *vcpu)
{
	WRITE_ONCE(vcpu->home[0], 0);
	__this_cpu_dec(depth);
	kernel_fpu_end();
}

void host_preempt_off(void)
{
	preempt_disable();
	if (!__this_cpu_read(depth))
		wait_cpu_on(preempt_off, preempt_on);
	__this_cpu_inc(depth);
}

void host_preempt_on(void)
{
	__this_cpu_dec(depth);
	preempt_enable();
}

bool host_section_should_leave(void)
{
	/* need_resched() and signal_pending() in one look. */
	if (READ_ONCE(current_thread_info()->flags) &
	    (_TIF_NEED_RESCHED | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL))
		return true;
	/* Softirqs run at the end of an interrupt, unless the section holds them off. */
	if (softirq_count() && local_softirq_pending())
		return true;
	return unlikely(!__this_cpu_read(home_cpu_on));
}

bool host_signal_pending(void)
{
	return signal_pending(current);
}

void host_yield(void)
{
	if (need_resched())
		schedule();
}

static void switch_sections_off(void *unused)
{
	__this_cpu_write(home_cpu_on, false);
}

/*
 * The interrupt takes every CPU out of its guest; the flag then takes it out of the section.
 * Sections have preemption off, so each counts as an RCU reader.
 */
void home_close_sections(void)
{
	on_each_cpu(switch_sections_off, NULL, 1);
	synchronize_rcu();
}

void host_vcpu_kick(struct vcpu *vcpu)
{
	struct task_struct *task;

	rcu_read_lock();
	task = (struct task_struct *)READ_ONCE(vcpu->home[0]);
	if (task)
		kick_process(task);
	rcu_read_unlock();
}

/*
 * As in sigtimedwait(), real_blocked keeps a signal that is only unblocked for the moment from
 * being taken for a fatal one on the way in.
 */
void host_sigmask_begin(u64 mask, u64 *saved)
{
	sigset_t set = { .sig = { mask } };

	BUILD_BUG_ON(sizeof(sigset_t) != sizeof(u64));
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &set, &current->real_blocked);
	*saved = current->real_blocked.sig[0];
}

void host_sigmask_end(u64 saved)
{
	sigset_t set = { .sig = { saved } };

	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&current->real_blocked);
}
