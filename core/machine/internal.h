/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef SWIVL_CORE_MACHINE_INTERNAL_H
#define SWIVL_CORE_MACHINE_INTERNAL_H

#include "core/machine/machine.h"
#include "core/vm/events.h"
#include "core/vm/vm.h"
#include "core/x86/cpu.h"
#include "core/x86/mtrr.h"
#include "core/x86/regs.h"

struct machine {
	struct machine_config config;
	struct vm *vm;
	struct mtrrs mtrrs; /* that the second level's memory types are from */
	struct host_mutex lock;
	bool amd; /* INIT and SIPI do not exit: they are made by us */
	u64 apic; /* physical address of the local APICs, where they are watched */
	u64 hidden; /* accesses to memory that is not there */
	u32 retyped; /* how often memory types changed */
	u32 napic;
	u32 apic_ids[VM_MAX_VCPUS]; /* by the vCPU's index */
	/* For a processor that waits or is to wait: written by the one that sends. */
	u32 init[VM_MAX_VCPUS]; /* INIT has arrived */
	u32 sipi[VM_MAX_VCPUS]; /* vector of SIPI + 1 */
};

static inline struct machine *machine_of(const struct vcpu *vcpu)
{
	return vcpu->vm->machine;
}

/* exits.c: handle vcpu->exit. */
void machine_exit(struct vcpu *vcpu);
/* What the guest was doing, to the log. */
void machine_report(struct vcpu *vcpu, const char *what);
/* msr.c */
void machine_msr_read(struct vcpu *vcpu);
void machine_msr_write(struct vcpu *vcpu);
/* apic.c: the guest sends an interrupt command. */
void machine_apic_command(struct vcpu *vcpu, u32 to, u32 command);
/* Its processor was sent INIT: wait for SIPI, and begin there. */
void machine_wait_sipi(struct vcpu *vcpu);
void machine_begin_sipi(struct vcpu *vcpu, u8 vector);

#endif
