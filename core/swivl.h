/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the core offers to its home: start and stop, CPUs that come and go, and requests.
 */
#ifndef SWIVL_CORE_SWIVL_H
#define SWIVL_CORE_SWIVL_H

#include "core/host.h"
#include "core/vm/refusal.h"

/* Pick a vendor, check every CPU, switch the extension on everywhere. Task. */
bool swivl_start(struct refusal_report *why);
/* No VM may exist any more. Puts every CPU back as it was. Task. */
void swivl_stop(void);

/* A CPU came online, resumed; goes offline, to sleep, to reboot. Runs on it, interrupts off. */
bool swivl_cpu_up(struct refusal_report *why);
void swivl_cpu_down(void);

/*
 * One request of a caller: @number as the KVM interface numbers it, @arg as the caller gave it.
 * @object is NULL for OBJECT_SYSTEM. Returns >= 0 or an error; a new handle for requests that
 * make objects. Task.
 */
long swivl_request(enum object_kind kind, void *object, u32 number, u64 arg);

/* A vCPU's shared pages: struct kvm_run first. NULL past the end. */
void *swivl_vcpu_page(struct vcpu *vcpu, unsigned int index);
unsigned int swivl_vcpu_pages(void);

/* The last handle on the object was closed. Task. */
void swivl_object_put(enum object_kind kind, void *object);

/* One line for a refusal: "swivl: <what> (<field> wants .., found ..). <todo> [manual]". */
void swivl_refusal_line(const struct refusal_report *why, char *buf, size_t size);

#endif
