/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The machine that swivl run makes: memory, processors, devices, and how it ended. */
#ifndef SWIVL_CLI_MACHINE_H
#define SWIVL_CLI_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "swivl/swivl.h"
#include "load.h"
#include "serial.h"

#define MAX_CPUS 64
#define EXIT_REASONS 64
#define PORTS 65536

#define MAX_SETS 64

struct options {
	const char *device; /* NULL: the usual ones */
	const char *kernel, *initrd, *cmdline;
	uint64_t mem; /* bytes */
	unsigned int cpus;
	bool flat, has_entry, has_load;
	uint64_t flat_load;
	uint16_t entry_cs, entry_ip;
	bool trace, json, stats, no_irqchip;
	const char *trace_file; /* NULL: stderr */
	const char *dump_failure; /* NULL: nowhere */
	const char *set[MAX_SETS]; /* "register=value" */
	unsigned int sets;
};

struct machine;

struct cpu {
	struct machine *m;
	unsigned int id;
	struct swivl_vcpu *vcpu;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	atomic_ullong exits;
	atomic_bool asleep; /* halted for good, as of the last look */
};

enum end_kind {
	END_NONE,
	END_QUIET, /* power-off, reset, the user's wish: status says it all */
	END_CRASH, /* report the processor */
};

struct cmos {
	uint8_t index;
};

struct machine {
	const struct options *opt;
	struct swivl_host *host;
	struct swivl_vm *vm;
	bool irqchip;
	uint8_t *ram; /* low, then high, in one mapping */
	uint64_t ram_low, ram_high;
	struct cpu cpus[MAX_CPUS];
	unsigned int ncpus;

	pthread_mutex_t lock; /* devices, trace output, statistics, the end */
	struct serial serial;
	struct cmos cmos;
	uint16_t pm1_enable, pm1_control;

	/* statistics */
	uint64_t exits[EXIT_REASONS];
	uint64_t (*ports)[2]; /* [port][0 in, 1 out] */
	uint64_t mmio[2]; /* read, write */
	uint64_t interrupted; /* KVM_RUN that ended by a signal */

	/* the end; said once */
	enum end_kind end;
	int status;
	struct cpu *end_cpu;
	char end_text[300];
	char *failure; /* the hypervisor's text on an entry that failed */
	int wake_fd; /* eventfd: main looks again */
	atomic_bool stop, look; /* vCPU threads: leave; see whether you sleep for good */
	atomic_uint looked;
	atomic_bool input_waits; /* main has bytes that the serial port had no room for */
};

/* Creates the VM and its processors. 0 or a status; said on stderr. */
int machine_create(struct machine *m, const struct options *opt);
int machine_start(struct machine *m, const struct boot *boot);
void machine_kick(struct machine *m);
void machine_join(struct machine *m);
void machine_destroy(struct machine *m);

/* The first call counts: what happened, and the command's status. Any thread, lock held or not. */
void machine_end(struct machine *m, struct cpu *cpu, enum end_kind kind, int status,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void machine_wake(struct machine *m);

/* [gpa, gpa + size) in this process, or NULL if it is not all RAM. */
void *machine_ram(const struct machine *m, uint64_t gpa, uint64_t size);

/* cpu_setup.c: registers for the start; 0 or -errno. */
int cpu_set_boot_state(struct cpu *cpu, const struct boot *boot);
int cpu_set_cpuid(struct cpu *cpu);

/* devices.c. value: lowest byte first; called with the lock held. */
void devices_init(struct machine *m);
uint32_t port_in(struct cpu *cpu, uint16_t port, unsigned int size);
void port_out(struct cpu *cpu, uint16_t port, unsigned int size, uint32_t value);
const char *port_name(uint16_t port);

/* vcpu.c: the thread. */
void *cpu_thread(void *cpu);

/* trace.c: only with --trace, else nothing happens. 0 or a status. */
int trace_start(struct machine *m);
/* A vCPU's thread, out of the guest. */
void trace_take(struct cpu *cpu);
/* KVM_RUN returned 0: before the exit is handled, with the lock held. */
void trace_exit(struct cpu *cpu);
void trace_end(struct machine *m);

/* The text of an entry that failed, as JSON; else nothing. The lock is held. */
void trace_failure(struct cpu *cpu, const char *text);

/* set.c: --set. "cs.l=1": is it that? And what was given so, into the processor; 0 or -errno. */
bool set_is_valid(const char *text);
int cpu_set_registers(struct cpu *cpu, const struct options *opt);

/* failure.c: why an entry failed, to m->failure; then on stderr, and where --dump-failure says. */
void failure_take(struct cpu *cpu);
void failure_report(struct machine *m);
/* @text if it begins with a line of what people are told, then its length; else NULL. */
const char *failure_line(const char *text, size_t *size);

/* report.c, stats.c: on stderr. */
void report_cpu(struct cpu *cpu);
void stats_print(struct machine *m);

/* walk.c: a linear address through the guest's own page tables. */
bool guest_translate(const struct machine *m, const struct kvm_sregs *sregs, uint64_t linear,
		     uint64_t *gpa);
/* Reads up to size bytes of code at CS:RIP; returns how many could be read. */
unsigned int guest_code(const struct machine *m, const struct kvm_sregs *sregs,
			const struct kvm_regs *regs, uint8_t *to, unsigned int size);

/* disasm.c: the instruction's text, or "" where no disassembler was built in. */
void disassemble(const uint8_t *code, unsigned int size, uint64_t rip, unsigned int bits,
		 char *to, size_t room);
unsigned int code_bits(const struct kvm_sregs *sregs);

/* term.c */
void term_raw(void); /* if stdin is a terminal; restored at exit and on fatal signals */
void term_restore(void);
bool term_is_raw(void);

#endif
