// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A crash: the kernel that takes over must not find the processors in VMX operation. Older
 * kernels see to that themselves wherever CR4.VMXE is set. Newer ones call whoever registered,
 * and there is one place: KVM's while it is loaded (its function goes by CR4.VMXE, so it serves
 * us as well), ours otherwise.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/notifier.h>
#include <asm/reboot.h>

#include "home.h"

#ifdef SWIVL_EMERGENCY_CALLBACK

static DEFINE_MUTEX(lock);
static bool registered;

/* On each CPU as it stops, interrupts off, maybe within an NMI. */
static void emergency(void)
{
	if (__this_cpu_read(home_cpu_on)) {
		__this_cpu_write(home_cpu_on, false);
		swivl_cpu_down();
	}
}

static void set_registered(bool wanted)
{
	mutex_lock(&lock);
	if (wanted && !registered)
		cpu_emergency_register_virt_callback(emergency);
	if (!wanted && registered)
		cpu_emergency_unregister_virt_callback(emergency);
	registered = wanted;
	mutex_unlock(&lock);
}

/* Before a module's init function, and after its exit function. */
static int module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct module *module = data;

	if (strcmp(module->name, "kvm_intel") && strcmp(module->name, "kvm_amd"))
		return NOTIFY_DONE;
	if (event == MODULE_STATE_COMING)
		set_registered(false);
	else if (event == MODULE_STATE_GOING)
		set_registered(true);
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_event,
};

static bool exists(const char *name)
{
	struct path path;

	if (kern_path(name, 0, &path))
		return false;
	path_put(&path);
	return true;
}

void home_crash_start(void)
{
	set_registered(!exists("/sys/module/kvm_intel") && !exists("/sys/module/kvm_amd"));
	register_module_notifier(&module_notifier);
}

void home_crash_stop(void)
{
	unregister_module_notifier(&module_notifier);
	set_registered(false);
}

#else

void home_crash_start(void)
{
}

void home_crash_stop(void)
{
}

#endif
