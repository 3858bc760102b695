/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * --trace: a line for each exit. swivl's module keeps records of all exits; a vCPU's thread takes
 * them whenever it is out of the guest, and a thread here while it is inside, so that the lines are
 * never late. A record that says it was returned by KVM_RUN waits for that, to be one line with
 * what KVM_RUN tells. Another device tells of exits to user space only.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SWIVL_HAVE_TYPES
#include "core/rules/rules.h"
#include "core/svm/vmcb.h"
#include "machine.h"
#include "cli.h"

#define LIVE_MS 20
#define BATCH 64

static FILE *out;
static bool json, records, own_thread;
static uint32_t vendor;
static uint64_t start_ns;
static pthread_t thread;

static struct {
	struct swivl_trace_record last; /* returned by KVM_RUN, but not yet printed */
	bool has_last;
	uint32_t next; /* number of the next record */
} cpus[MAX_CPUS];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- what an exit is about, in words ---- */

struct text {
	char s[256];
	size_t n;
};

static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	t->n += n;
	if (t->n >= sizeof(t->s))
		t->n = sizeof(t->s) - 1;
}

static void put_port(struct text *t, bool write, unsigned int size, uint16_t port)
{
	put(t, "%s %u byte%s port 0x%x (%s)", write ? "out" : "in", size, size == 1 ? "" : "s", port,
	    port_name(port));
}

static void put_written(struct text *t, unsigned int size, uint64_t value)
{
	put(t, " = 0x%llx", (unsigned long long)value);
	if (size == 1 && isprint((int)value))
		put(t, " '%c'", (char)value);
}

/* KVM_RUN's words for port and memory accesses, which know the data. */
static bool put_returned(struct text *t, struct cpu *cpu)
{
	const struct kvm_run *run = cpu->run;
	bool write = run->io.direction == KVM_EXIT_IO_OUT;
	uint64_t v = 0;

	if (run->exit_reason == KVM_EXIT_IO) {
		put_port(t, write, run->io.size, run->io.port);
		if (run->io.count != 1)
			put(t, " %u times", run->io.count);
		memcpy(&v, swivl_vcpu_io_data(cpu->vcpu), run->io.size & 7);
		if (write)
			put_written(t, run->io.size, v);
		return true;
	}
	if (run->exit_reason != KVM_EXIT_MMIO)
		return false;
	put(t, "%s %u bytes at 0x%llx", run->mmio.is_write ? "write" : "read", run->mmio.len,
	    (unsigned long long)run->mmio.phys_addr);
	memcpy(&v, run->mmio.data, run->mmio.len <= 8 ? run->mmio.len : 8);
	if (run->mmio.is_write)
		put_written(t, 0, v);
	return true;
}

static void put_register(struct text *t, const struct swivl_trace_record *r, const char *name)
{
	if (r->flags & SWIVL_TRACE_READ)
		put(t, "read %s%llu", name, r->what);
	else
		put(t, "%s%llu = 0x%llx", name, r->what, r->value);
}

static void put_fault(struct text *t, const struct swivl_trace_record *r)
{
	put(t, "%s%s%sat 0x%llx", r->flags & SWIVL_TRACE_READ ? "read " : "",
	    r->flags & SWIVL_TRACE_WRITE ? "write " : "",
	    r->flags & SWIVL_TRACE_EXECUTE ? "execute " : "", r->what);
	if (r->flags & SWIVL_TRACE_LINEAR)
		put(t, ", linear 0x%llx", r->value);
}

static void put_details(struct text *t, const struct swivl_trace_record *r)
{
	switch (r->kind) {
	case SWIVL_EXIT_IO:
		put_port(t, r->flags & SWIVL_TRACE_WRITE, r->what >> 16 & 7, r->what);
		if (r->flags & SWIVL_TRACE_STRING)
			put(t, " string");
		else if (r->flags & SWIVL_TRACE_WRITE)
			put_written(t, r->what >> 16 & 7, r->value);
		break;
	case SWIVL_EXIT_NESTED_FAULT:
	case SWIVL_EXIT_NESTED_MISCONFIG:
		put_fault(t, r);
		break;
	case SWIVL_EXIT_MSR_READ:
		put(t, "MSR 0x%llx", r->what);
		break;
	case SWIVL_EXIT_MSR_WRITE:
		put(t, "MSR 0x%llx = 0x%llx", r->what, r->value);
		break;
	case SWIVL_EXIT_CR:
		put_register(t, r, "CR");
		break;
	case SWIVL_EXIT_DR:
		put_register(t, r, "DR");
		break;
	case SWIVL_EXIT_XSETBV:
		put_register(t, r, "XCR");
		break;
	case SWIVL_EXIT_CPUID:
		put(t, "leaf 0x%llx.%llu", r->what, r->value);
		break;
	case SWIVL_EXIT_HYPERCALL:
		put(t, "0x%llx, 0x%llx", r->what, r->value);
		break;
	case SWIVL_EXIT_EXCEPTION:
		put(t, "vector %llu, error code 0x%llx", r->what, r->value);
		break;
	case SWIVL_EXIT_TASK_SWITCH:
		put(t, "selector 0x%llx", r->what);
		break;
	case SWIVL_EXIT_FAIL_ENTRY:
	case SWIVL_EXIT_UNKNOWN:
		put(t, "reason 0x%llx, qualification 0x%llx", r->reason, r->info[0]);
		break;
	}
}

/* The instruction, where the guest still stands: only for exits that have returned. */
static void put_instruction(struct text *t, struct cpu *cpu, struct kvm_regs *regs,
			    unsigned int length)
{
	struct kvm_sregs sregs;
	uint8_t code[15];
	unsigned int n;

	if (swivl_vcpu_get_sregs(cpu->vcpu, &sregs))
		return;
	n = guest_code(cpu->m, &sregs, regs, code, sizeof(code));
	disassemble(code, n, regs->rip, code_bits(&sregs), t->s, sizeof(t->s));
	t->n = strlen(t->s);
	if (t->n) /* there is a disassembler */
		return;
	for (unsigned int i = 0; i < n && i < (length ? length : 8); i++)
		put(t, "%s%02x", i ? " " : "", code[i]);
}

/* ---- lines ---- */

struct line {
	unsigned int cpu;
	uint64_t time, rip;
	const struct swivl_trace_record *r; /* NULL: there is none, as with KVM's device */
	const char *name; /* of the exit */
	const char *returned; /* what KVM_RUN returned with, or NULL */
	struct text what, code;
};

static void print_string(const char *key, const char *value)
{
	fputc(',', out);
	json_string(out, key, value, SIZE_MAX);
}

static void print_json(const struct line *l)
{
	const struct swivl_trace_record *r = l->r;

	fprintf(out, "{\"cpu\":%u,\"time\":%llu.%09llu,\"rip\":\"0x%llx\"", l->cpu,
		(unsigned long long)(l->time / 1000000000), (unsigned long long)(l->time % 1000000000),
		(unsigned long long)l->rip);
	print_string("name", l->name);
	print_string("details", l->what.s);
	if (r) {
		print_string("kind", swivl_kind_name(r->kind));
		fprintf(out,
			",\"number\":%u,\"reason\":%llu,\"length\":%u,\"flags\":%u,"
			"\"info\":[\"0x%llx\",\"0x%llx\"],\"what\":\"0x%llx\",\"value\":\"0x%llx\"",
			r->number, r->reason, r->length, r->flags, r->info[0], r->info[1], r->what,
			r->value);
	}
	if (l->returned)
		print_string("returned", l->returned);
	fputs("}\n", out);
}

static void print(const struct line *l)
{
	if (json) {
		print_json(l);
		return;
	}
	fprintf(out, "[cpu%u %llu.%06llu %016llx] %s%s%s%s%s%s%s%s\n", l->cpu,
		(unsigned long long)(l->time / 1000000000),
		(unsigned long long)(l->time % 1000000000 / 1000), (unsigned long long)l->rip,
		l->name, l->what.n ? ": " : "", l->what.s, l->returned && l->r ? " -> " : "",
		l->returned && l->r ? l->returned : "", l->code.n ? "  | " : "", l->code.s,
		term_is_raw() ? "\r" : "");
}

static const char *name_of(const struct swivl_trace_record *r)
{
	return vendor == SWIVL_VENDOR_VMX ? rules_vmx_exit_name(r->reason & 0xffff) :
					    svm_exit_name(r->reason);
}

static void print_record(struct cpu *cpu, const struct swivl_trace_record *r, bool returned)
{
	struct line l = { .cpu = cpu->id, .time = r->time - start_ns, .rip = r->rip, .r = r,
			  .name = name_of(r) };
	struct kvm_regs regs = { .rip = r->rip };

	if (!returned || !put_returned(&l.what, cpu))
		put_details(&l.what, r);
	if (returned) {
		l.returned = swivl_exit_name(cpu->run->exit_reason);
		put_instruction(&l.code, cpu, &regs, r->length);
	}
	print(&l);
}

/* The lock is held. */
static void take(struct cpu *cpu)
{
	struct swivl_trace_record r[BATCH];
	int n;

	do {
		n = swivl_vcpu_take_trace(cpu->vcpu, r, BATCH);
		for (int i = 0; i < n; i++) {
			if (r[i].number != cpus[cpu->id].next)
				say("trace: %u exits of processor %u are missing",
				    r[i].number - cpus[cpu->id].next, cpu->id);
			cpus[cpu->id].next = r[i].number + 1;
			if (r[i].flags & SWIVL_TRACE_RETURNED) {
				cpus[cpu->id].last = r[i];
				cpus[cpu->id].has_last = true;
			} else {
				print_record(cpu, &r[i], false);
			}
		}
	} while (n == BATCH);
	if (n < 0 && n != -EINTR)
		machine_end(cpu->m, NULL, END_QUIET, STATUS_CANNOT, "reading the trace: %s",
			    strerror(-n));
}

void trace_take(struct cpu *cpu)
{
	if (!records)
		return;
	pthread_mutex_lock(&cpu->m->lock);
	take(cpu);
	pthread_mutex_unlock(&cpu->m->lock);
}

void trace_exit(struct cpu *cpu)
{
	struct line l = { .cpu = cpu->id, .name = swivl_exit_name(cpu->run->exit_reason) };
	struct kvm_regs regs = { 0 };

	if (!out)
		return;
	if (records)
		take(cpu);
	if (cpus[cpu->id].has_last) {
		cpus[cpu->id].has_last = false;
		print_record(cpu, &cpus[cpu->id].last, true);
		return;
	}
	/* No exit of the processor's made this one. */
	swivl_vcpu_get_regs(cpu->vcpu, &regs);
	l.time = now_ns() - start_ns;
	l.rip = regs.rip;
	l.returned = l.name;
	put_returned(&l.what, cpu);
	put_instruction(&l.code, cpu, &regs, 0);
	print(&l);
}

void trace_failure(struct cpu *cpu, const char *text)
{
	const char *between = "";
	size_t n;

	if (!out || !json)
		return;
	fprintf(out, "{\"cpu\":%u,\"entry_failed\":[", cpu->id);
	for (; failure_line(text, &n); text += n + (text[n] == '\n')) {
		fputs(between, out);
		json_text(out, text, n);
		between = ",";
	}
	fputs("]}\n", out);
}

/* ---- start and end ---- */

static void *live(void *opaque)
{
	const struct timespec pause = { .tv_nsec = LIVE_MS * 1000000 };
	struct machine *m = opaque;

	while (!atomic_load(&m->stop)) {
		nanosleep(&pause, NULL);
		for (unsigned int i = 0; i < m->ncpus; i++)
			trace_take(&m->cpus[i]);
		fflush(out);
	}
	return NULL;
}

int trace_start(struct machine *m)
{
	struct swivl_version version;

	if (!m->opt->trace)
		return 0;
	json = m->opt->json;
	out = m->opt->trace_file ? fopen(m->opt->trace_file, "we") : stderr;
	if (!out) {
		say("%s: %s", m->opt->trace_file, strerror(errno));
		return STATUS_CANNOT;
	}
	start_ns = now_ns();
	records = !swivl_get_version(m->host, &version);
	if (records)
		vendor = version.vendor;
	for (unsigned int i = 0; i < m->ncpus && records; i++)
		records = !swivl_vcpu_trace(m->cpus[i].vcpu, 1);
	if (!records)
		say("%s tells only of exits to user space: the trace has no others",
		    swivl_path(m->host));
	own_thread = !pthread_create(&thread, NULL, live, m);
	return 0;
}

void trace_end(struct machine *m)
{
	if (!out)
		return;
	if (own_thread)
		pthread_join(thread, NULL);
	for (unsigned int i = 0; i < m->ncpus; i++) {
		trace_take(&m->cpus[i]);
		if (cpus[i].has_last)
			print_record(&m->cpus[i], &cpus[i].last, true);
	}
	if (out != stderr && (ferror(out) | fclose(out)))
		say("%s: the trace could not be written whole", m->opt->trace_file);
	out = NULL;
}
