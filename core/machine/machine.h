/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The second policy: this machine, passed through. One guest has all its processors, memory and
 * devices but what the hypervisor needs for itself; nothing is emulated that need not be. A home
 * that starts before any operating system calls what is below, once, on processors on which
 * swivl_start() has switched the extension on.
 *
 *   machine.c  life, and the loop
 *   memory.c   the second level
 *   exits.c    what the guest is stopped for
 *   msr.c      MSRs that it cannot have as they are
 */
#ifndef SWIVL_CORE_MACHINE_MACHINE_H
#define SWIVL_CORE_MACHINE_MACHINE_H

#include "core/types.h"

struct machine;
struct vcpu;

/* Real mode as a BIOS leaves it: the registers with which the boot processor begins. */
struct machine_start {
	u32 eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags;
	u16 cs, ip, ds, es, fs, gs, ss;
	u16 gdt_limit, idt_limit;
	u32 gdt_base, idt_base;
	u32 cr0;
};

#define MACHINE_BRAND_SIZE 48 /* CPUID leaves 80000002h to 80000004h */

struct machine_config {
	/* The hypervisor's own memory: the guest reads ones there, and writes nothing. */
	u64 hidden_base, hidden_size;
	u32 ncpus; /* that the machine will get */
	char brand[MACHINE_BRAND_SIZE]; /* all zeros: the processor's own */
	struct machine_start start;
};

/* 0 or an error. On one processor, before all others. */
int machine_create(const struct machine_config *config, struct machine **out);
/*
 * The processor that calls it becomes one of the machine's; @boot: the one that begins at
 * machine_start, all others wait for SIPI. Any number at once. 0 or an error.
 */
int machine_cpu_create(struct machine *m, u32 apic_id, bool boot, struct vcpu **out);
/* Nothing was run yet: gives all back. */
void machine_destroy(struct machine *m);
/* On the processor that has made it. */
void machine_run(struct vcpu *vcpu) __attribute__((noreturn));

/* ---- what its home provides besides core/host.h ------------------------------------------------ */

/* NMIs that arrived on this processor while the hypervisor ran, since the last call: the guest's. */
u32 machine_home_nmis(void);
/* Where they are counted, for a look before each entry. */
const u32 *machine_home_nmi_count(void);
/* Rest until there are such; they may be there already. */
void machine_home_wait(void);
/* Bytes of the log from *@at on, see log_ring_read(); for the guest. */
size_t machine_home_log(u64 *at, void *dst, size_t size);
/* A line for the log, before machine_home_reset() alone: however many there are. */
void machine_home_last_words(const char *line);
/* The machine starts again. */
void machine_home_reset(void) __attribute__((noreturn));
/* Registers of this processor's local APIC; NULL: it is in x2APIC mode, they are MSRs. */
volatile u32 *machine_home_apic(void);
/* Memory of the guest, from now on at host_page_va(). False: no memory for page tables. */
bool machine_home_memory(u64 pa, u64 size);
/* Send an interrupt command (SDM vol. 3, 11.6.1) to the local APIC with number @apic_id. */
void machine_home_ipi(u32 apic_id, u32 command);

#endif
