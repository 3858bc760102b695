/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the files of host/metal share.
 *
 *   entry.S       from the loader, and back to it; a processor's first instructions
 *   main.c        the order in which everything comes up, and what makes it refuse
 *   paging.c      linear addresses
 *   memory.c      core/host.h: memory; the pages of our range
 *   cpus.c        processors: found, started, stopped, told to do something
 *   exceptions.c  GDT, IDT, TSS; the crash report. vectors.S: their first instructions
 *   log.c         COM1 and the ring
 *   time.c        the TSC and what it counts
 *   sync.c        core/host.h: locks, and all that makes no sense here
 *   pages.c format.c acpi.c  pure parts, tested in tests/unit
 */
#ifndef SWIVL_METAL_METAL_H
#define SWIVL_METAL_METAL_H

#include "core/host.h"
#include "core/swivl.h"
#include "host/metal/boot_info.h"
#include "host/metal/format.h"
#include "host/metal/layout.h"

/* ---- one processor ------------------------------------------------------------------------- */

/* SDM vol. 3, 7.7: the 64-bit TSS. */
struct metal_tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct metal_tss) == 104, "struct metal_tss");

struct metal_cpu {
	u32 index;
	u32 apic_id;
	u32 here; /* it runs and takes jobs */
	void (*job)(void *arg); /* to be done; NULL: none. Set by another processor */
	void *job_arg;
	u32 nmis; /* that came while the hypervisor itself ran: the guest's */
	bool crashed;
	struct vcpu *vcpu;
	u64 gdt[5];
	struct metal_tss tss;
};

#define CPU_PAGE(cpu, page) (CPU_MAP + ((u64)(cpu) << CPU_SLOT_SHIFT) + (page) * SWIVL_PAGE_SIZE)

static inline struct metal_cpu *metal_cpu(unsigned int cpu)
{
	return (struct metal_cpu *)CPU_PAGE(cpu, CPU_DATA);
}

/* ---- the whole ------------------------------------------------------------------------------ */

struct metal {
	struct boot_info info; /* our copy */
	struct boot_memory *memory; /* ours, too: of the BIOS */
	u32 memory_count;
	u32 ncpus; /* all of them run: host_cpu_limit() */
	u64 acpi_root; /* 0: none */
	u32 apic_id; /* the processor's that was started by the BIOS */
};
extern struct metal metal;

/* main.c. A reason for the loader to show; always false. */
bool metal_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* paging.c */
#define MAP_WRITE 1u
#define MAP_EXECUTE 2u
#define MAP_DEVICE 4u /* not cached */
/* Make the tables; @cr3 is where. */
bool paging_create(u64 *cr3);
/* 4 KiB pages from @va on to those from @pa on. All may fail for want of memory. */
bool paging_map(u64 va, u64 pa, u64 size, u32 flags);
/* A device's registers; NULL: no memory for tables. Stays. */
void *paging_map_device(u64 pa, u64 size);
/* Make sure that host_page_va() of these pages can be used: as what they are, memory or a device. */
bool paging_map_direct(u64 pa, u64 size);
/* For struct acpi_memory: what the BIOS announced, of whatever kind, and is not ours. */
const void *paging_firmware(void *arg, u64 pa, u32 size);
extern u64 metal_cr3;

/* memory.c */
void memory_start(void);
/* From here on our pages are used at DIRECT_MAP: the tables are in force. */
void memory_direct(void);
u32 memory_pages_free(void);

/* exceptions.c. On this processor: GDT, TSS, IDT, CR0, CR4 and EFER as the home has them. */
void exceptions_cpu_start(struct metal_cpu *cpu);

/* cpus.c */
/* The one that runs now is number 0. Its slot is there; then all others. */
bool cpus_slot(u32 index, u32 apic_id);
bool cpus_start(void);
/* All run @fn, which does not return: from then on they take no jobs. */
void cpus_run(void (*fn)(void *arg), void *arg);
/* All but this one wait for SIPI again. */
void cpus_stop(void);

/* time.c */
void time_start(void);
void time_delay_us(u32 us);
u64 time_us(void);

/* log.c */
void log_start(void);
extern struct log_ring metal_log;
void metal_logf(enum boot_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As that, without waiting for a lock that may never be given back. */
void log_crash(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* entry.S */
/* Run @fn on page tables @cr3 and stack @rsp; come back to those of before when it returns. */
void metal_switch(u64 cr3, u64 rsp, void (*fn)(void));
extern const u8 trampoline[], trampoline_end[];
/* Until *@nmis is not 0. An NMI between @metal_rest and @metal_rest_end goes on at the end. */
void metal_rest(const u32 *nmis);
extern const u8 metal_rest_end[];

static inline u8 metal_inb(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u32 metal_inl(u16 port)
{
	u32 value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void metal_outb(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void metal_pause(void)
{
	asm volatile("pause" : : : "memory");
}

static inline void __attribute__((noreturn)) metal_halt(void)
{
	for (;;)
		asm volatile("cli\n\thlt" : : : "memory");
}

#endif
