/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The Linux home: what its files share. The functions of core/host.h stand in files by subject:
 * memory.c, cpu.c, sync.c, timer.c, device.c; module.c and crash.c mind the whole.
 */
#ifndef SWIVL_HOST_LINUX_HOME_H
#define SWIVL_HOST_LINUX_HOME_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/version.h>

#define SWIVL_HAVE_TYPES
#include "core/host.h"
#include "core/swivl.h"

/*
 * Is the extension on, on this CPU? Written there with interrupts off; a section begins only
 * where it is set.
 */
DECLARE_PER_CPU(bool, home_cpu_on);

/* cpu.c: no section runs any more, and none will begin. Task. */
void home_close_sections(void);

/* crash.c: VMX operation ends when the kernel crashes. */
void home_crash_start(void);
void home_crash_stop(void);

/* device.c: the node /dev/NAME. 0 or a negative errno, said in the log. */
int home_device_register(void);
void home_device_unregister(void);

#endif
