// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Start and end of the module, and the CPUs' comings and goings: hotplug, suspend, restart.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>

#include "home.h"

static int hotplug_state;

static void say_refusal(const struct refusal_report *why)
{
	char line[400];

	swivl_refusal_line(why, line, sizeof(line));
	pr_err("%s\n", line);
}

static int refusal_errno(enum refusal why)
{
	switch (why) {
	case REFUSE_VMX_HELD:
	case REFUSE_SVM_HELD:
		return -EBUSY;
	case REFUSE_NO_VENDOR:
	case REFUSE_VMX_CPUID:
	case REFUSE_SVM_CPUID:
		return -ENODEV;
	case REFUSE_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EOPNOTSUPP;
	}
}

/* ---- one CPU, on it, interrupts off -------------------------------------------------------- */

static int this_cpu_up(void)
{
	struct refusal_report why = {};

	if (!swivl_cpu_up(&why)) {
		say_refusal(&why);
		return refusal_errno(why.why);
	}
	__this_cpu_write(home_cpu_on, true);
	return 0;
}

static void this_cpu_down(void *unused)
{
	__this_cpu_write(home_cpu_on, false);
	swivl_cpu_down();
}

static void mark_on(void *unused)
{
	__this_cpu_write(home_cpu_on, true);
}

static void mark_off(void *unused)
{
	__this_cpu_write(home_cpu_on, false);
}

/* A CPU that cannot run guests stays offline: a vCPU could be moved to it at any time. */
static int hotplug_up(unsigned int cpu)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = this_cpu_up();
	local_irq_restore(flags);
	return err;
}

static int hotplug_down(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	this_cpu_down(NULL);
	local_irq_restore(flags);
	return 0;
}

/* ---- suspend: the last CPU, the others went offline ----------------------------------------- */

/*
 * Where this CPU refuses, sections begin on it all the same: nobody would switch it on later, so
 * waiting would have no end. The core then stops the VM that comes there, by name.
 */
static void wake_up_cpu(void)
{
	if (!this_cpu_up())
		return;
	pr_err("swivl: after sleep CPU %u refuses; VMs that come to it are stopped\n",
	       smp_processor_id());
	__this_cpu_write(home_cpu_on, true);
}

#ifdef SWIVL_SYSCORE_DATA /* since 6.19, and in stable kernels */
static int sleep_begin(void *unused)
{
	this_cpu_down(NULL);
	return 0;
}

static void sleep_end(void *unused)
{
	wake_up_cpu();
}

static const struct syscore_ops sleep_ops = {
	.suspend = sleep_begin,
	.resume = sleep_end,
};
static struct syscore sleeper = { .ops = &sleep_ops };
#define sleeper_register() register_syscore(&sleeper)
#define sleeper_unregister() unregister_syscore(&sleeper)
#else
static int sleep_begin(void)
{
	this_cpu_down(NULL);
	return 0;
}

static void sleep_end(void)
{
	wake_up_cpu();
}

static struct syscore_ops sleeper = {
	.suspend = sleep_begin,
	.resume = sleep_end,
};
#define sleeper_register() register_syscore_ops(&sleeper)
#define sleeper_unregister() unregister_syscore_ops(&sleeper)
#endif

/* ---- restart, power-off, kexec --------------------------------------------------------------- */

/*
 * In VMX operation a processor ignores INIT (SDM vol. 3, 24.8), so the next system could not
 * start it. Programs still run at this point: their sections end first.
 */
static int restart_begin(struct notifier_block *nb, unsigned long event, void *unused)
{
	home_close_sections();
	on_each_cpu(this_cpu_down, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block restart_notifier = {
	.notifier_call = restart_begin,
};

/* ---- the module -------------------------------------------------------------------------------- */

/* No CPU comes or goes between the core's start and the hotplug callbacks. */
static int start(void)
{
	struct refusal_report why = {};
	int err;

	cpus_read_lock();
	if (!swivl_start(&why)) {
		cpus_read_unlock();
		say_refusal(&why);
		return refusal_errno(why.why);
	}
	on_each_cpu(mark_on, NULL, 1);
	err = __cpuhp_setup_state_cpuslocked(CPUHP_AP_ONLINE_DYN, "virt/swivl:online", false,
					     hotplug_up, hotplug_down, false);
	if (err < 0) {
		on_each_cpu(mark_off, NULL, 1);
		swivl_stop();
	}
	cpus_read_unlock();
	if (err < 0)
		return err;
	hotplug_state = err;
	sleeper_register();
	register_reboot_notifier(&restart_notifier);
	home_crash_start();
	return 0;
}

static void stop(void)
{
	home_crash_stop();
	unregister_reboot_notifier(&restart_notifier);
	sleeper_unregister();
	cpus_read_lock();
	__cpuhp_remove_state_cpuslocked(hotplug_state, false);
	on_each_cpu(mark_off, NULL, 1);
	swivl_stop();
	cpus_read_unlock();
}

/* What the kernel does about these after its own entries, it has to let modules do after exits. */
static void say_returns(void)
{
#if !defined(SWIVL_UNTRAIN) && defined(X86_BUG_SRSO)
	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL &&
	    (boot_cpu_has_bug(X86_BUG_RETBLEED) || boot_cpu_has_bug(X86_BUG_SRSO)))
		pr_warn("swivl: this kernel keeps what protects its returns (retbleed, SRSO) to itself: "
			"guests may steer what the host speculates after exits\n");
#endif
}

static int __init swivl_init(void)
{
	int err;

	err = start();
	if (err)
		return err;
	err = home_device_register();
	if (err)
		stop();
	else
		say_returns();
	return err;
}

static void __exit swivl_exit(void)
{
	home_device_unregister();
	stop();
}

module_init(swivl_init);
module_exit(swivl_exit);

MODULE_DESCRIPTION("swivl, a small hypervisor with KVM's interface");
MODULE_AUTHOR("The swivl authors");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(SWIVL_VERSION);
