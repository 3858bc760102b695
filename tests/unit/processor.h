/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the modelled processors of both vendors have in common: registers that core/vm and core/x86
 * use, and the home. Included by vmx_processor.h and svm_processor.h, which have CPU, the one that
 * runs, with dr, xcr0, cr4 and counters, and CPUS of them.
 */
#ifndef SWIVL_TESTS_PROCESSOR_H
#define SWIVL_TESTS_PROCESSOR_H

/* ---- registers ------------------------------------------------------------------------------ */

u64 x86_read_cr4(void) { return CPU->cr4; }
u64 x86_read_dr(unsigned int n) { return CPU->dr[n]; }
u64 x86_xgetbv(void) { return CPU->xcr0; }
void x86_xsetbv(u64 value) { CPU->xcr0 = value; }
void x86_xsave(void *area, u64 mask) { assert_int_equal(CPU->xcr0 & mask, mask); }
void x86_xrstor(const void *area, u64 mask) { assert_int_equal(CPU->xcr0 & mask, mask); }
void x86_fxsave(void *area) { }
void x86_fxrstor(const void *area) { }
void x86_int18(void) { CPU->int18s++; }
void x86_verw(void) { CPU->verws++; }
void x86_irq_off(void) { CPU->irqs_off = true; }
void x86_irq_on(void) { CPU->irqs_off = false; }

void x86_write_dr(unsigned int n, u64 value)
{
	if (n < 4 && (CPU->dr[7] & DR7_ENABLED) && CPU->dr[n] != value)
		fail_msg("the host's breakpoints are on while DR%u changes", n);
	CPU->dr[n] = value;
}

/* ---- the home ------------------------------------------------------------------------------- */

static long allocations;
static long fail_alloc; /* the n-th from now, once */
static char log_line[256], log_first[256]; /* the latest line; that after log_lines was 0 */
static u32 log_lines;
static u64 time_ns;
static const char *died;

static void *taken(void *p)
{
	allocations += p != NULL;
	return p;
}

static void *pages(unsigned int n)
{
	if (fail_alloc && !--fail_alloc)
		return NULL;
	return taken(memset(aligned_alloc(4096, n * 4096), 0, n * 4096));
}

void *host_page_alloc(void) { return pages(1); }
void *host_pages_alloc(unsigned int n) { return pages(n); }
u64 host_page_pa(const void *p) { return (size_t)p; }

void *host_alloc(size_t size)
{
	return fail_alloc && !--fail_alloc ? NULL : taken(calloc(1, size));
}

void host_free(void *p)
{
	allocations -= p != NULL;
	free(p);
}

void host_page_free(void *p) { host_free(p); }
void host_pages_free(void *p, unsigned int n) { host_free(p); }
unsigned int host_cpu(void) { return this_cpu; }
unsigned int host_cpu_limit(void) { return CPUS; }
u32 host_tsc_khz(void) { return 2000000; }
u64 host_time_ns(void) { return time_ns; }

int host_copy_to_caller(u64 uaddr, const void *src, size_t size)
{
	memcpy((void *)(size_t)uaddr, src, size);
	return 0;
}

static bool online[CPUS] = { true, true };

int host_on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	int before = this_cpu;

	if (cpu >= CPUS || !online[cpu])
		return -SWIVL_ENXIO;
	this_cpu = cpu;
	CPU->irqs_off = true;
	fn(arg);
	CPU->irqs_off = false;
	this_cpu = before;
	return 0;
}

void host_preempt_off(void) { }
void host_preempt_on(void) { }
void host_spin_init(struct host_spin *s) { }
unsigned long host_spin_lock(struct host_spin *s) { return 0; }
void host_spin_unlock(struct host_spin *s, unsigned long flags) { }
void host_mutex_init(struct host_mutex *m) { }
void host_mutex_lock(struct host_mutex *m) { }
void host_mutex_unlock(struct host_mutex *m) { }

void host_log(enum host_log level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(log_line, sizeof(log_line), fmt, args);
	va_end(args);
	if (!log_lines++)
		memcpy(log_first, log_line, sizeof(log_first));
}

/* The loop of core/vm around the entries: here every exit ends it. */
static int leave(struct vcpu *vcpu) { assert_false(CPU->irqs_off); return HANDLED_LEAVE; }
int (*const exit_handlers[EXIT_KINDS])(struct vcpu *vcpu) = { [0 ... EXIT_KINDS - 1] = leave };
bool host_section_should_leave(void) { return false; }
int vcpu_trace_exit(struct vcpu *vcpu) { return HANDLED_LEAVE; }
int vcpu_prepare_events(struct vcpu *vcpu) { vcpu->check_events = 0; return HANDLED_RESUME; }

void vm_die(struct vm *vm, const char *why)
{
	vm->dead = true;
	died = why;
}

static void home_reset(void)
{
	fail_alloc = 0;
	died = NULL;
	log_line[0] = 0;
	online[0] = online[1] = true;
	this_cpu = 0;
}

#endif
