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
	u64 apic; /* physical address of the local APICs, where they are watched */
	u64 hidden; /* accesses to memory that is not there */
	u32 retyped; /* how often memory types changed */
	unsigned int largest; /* level of the largest leaves of the second level */
	struct machine_cpu {
		u32 apic_id, ldr, dfr; /* by which it is addressed */
		u32 start; /* CPU_RUNS and others; also written by those that send INIT and SIPI */
	} cpus[VM_MAX_VCPUS]; /* by the vCPU's index */
};

/* machine_cpu.start. SIPI: that, and its vector. */
#define CPU_RUNS 0
#define CPU_INIT_SENT 1
#define CPU_WAITS 2
#define CPU_SIPI 0x100

static inline struct machine *machine_of(const struct vcpu *vcpu)
{
	return vcpu->vm->machine;
}

/* exits.c: what the guest's CPUID answers; only what vcpu->state always has is asked for. */
void machine_cpuid(struct vcpu *vcpu);
/* Handle vcpu->exit. */
void machine_exit(struct vcpu *vcpu);
/* What the guest was doing, to the log. */
void machine_report(struct vcpu *vcpu, const char *what);
/* memory.c */
int machine_memory_create(struct machine *m, unsigned int bits);
/* Map @gpa by a large leaf. False: to be done as for other guests. mem_lock held for reading. */
bool machine_map(struct machine *m, u64 gpa);
/* msr.c */
void machine_msr_read(struct vcpu *vcpu);
void machine_msr_write(struct vcpu *vcpu);
/* apic.c. At the start, and where it is switched on again: how this processor is addressed. */
void machine_apic_start(struct vcpu *vcpu);
/* The guest writes a register of its local APIC; in x2APIC mode its interrupt command: false: #GP. */
void machine_apic_write(struct vcpu *vcpu, u32 offset, u32 value);
bool machine_x2apic_command(struct vcpu *vcpu, u64 command);
/* INIT: this processor begins as after a reset, or waits for SIPI and begins there. */
void machine_take_init(struct vcpu *vcpu);
void machine_wait_sipi(struct vcpu *vcpu);

#endif
