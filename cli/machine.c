/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The virtual machine around its processors: memory, creation, start, end. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "cli.h"

/* Below the I/O and local APICs' neighbours, where no RAM is: for the hypervisor's own use. */
#define IDENTITY_MAP_ADDR 0xfffbc000ull
#define TSS_ADDR 0xfffbd000u

#define KICK_SIGNAL (SIGRTMIN + 3)
#define LEAVE_TRIES 50 /* of a tenth of a second */

void machine_wake(struct machine *m)
{
	uint64_t one = 1;

	if (write(m->wake_fd, &one, sizeof(one)) < 0)
		return; /* its counter is full, so main is awake already */
}

void machine_end(struct machine *m, struct cpu *cpu, enum end_kind kind, int status,
		 const char *fmt, ...)
{
	va_list ap;

	if (atomic_exchange(&m->stop, true))
		return;
	va_start(ap, fmt);
	vsnprintf(m->end_text, sizeof(m->end_text), fmt, ap);
	va_end(ap);
	m->end = kind;
	m->status = status;
	m->end_cpu = cpu;
	machine_wake(m);
}

void *machine_ram(const struct machine *m, uint64_t gpa, uint64_t size)
{
	if (gpa < m->ram_low)
		return size <= m->ram_low - gpa ? m->ram + gpa : NULL;
	if (gpa >= RAM_HIGH_START && gpa - RAM_HIGH_START < m->ram_high)
		return size <= m->ram_high - (gpa - RAM_HIGH_START) ?
			       m->ram + m->ram_low + (gpa - RAM_HIGH_START) :
			       NULL;
	return NULL;
}

static int cannot(const char *what, int error)
{
	say("%s: %s", what, strerror(-error));
	return STATUS_CANNOT;
}

static int create_memory(struct machine *m)
{
	int ret;

	m->ram_low = m->opt->mem < RAM_LOW_MAX ? m->opt->mem : RAM_LOW_MAX;
	m->ram_high = m->opt->mem - m->ram_low;
	m->ram = mmap(NULL, m->opt->mem, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->ram == MAP_FAILED) {
		m->ram = NULL;
		say("no room for %llu MiB of guest memory: %s; give less with --mem",
		    (unsigned long long)(m->opt->mem / MIB), strerror(errno));
		return STATUS_CANNOT;
	}
	ret = swivl_vm_map(m->vm, 0, 0, m->ram, m->ram_low, 0);
	if (!ret && m->ram_high)
		ret = swivl_vm_map(m->vm, 1, RAM_HIGH_START, m->ram + m->ram_low, m->ram_high, 0);
	return ret ? cannot("giving the guest its memory", ret) : 0;
}

static int create_irqchip(struct machine *m)
{
	int ret;

	if (m->opt->no_irqchip || swivl_extension(m->host, KVM_CAP_IRQCHIP) <= 0)
		return 0;
	ret = swivl_vm_create_irqchip(m->vm);
	if (ret)
		return cannot("creating the interrupt chips", ret);
	m->irqchip = true;
	if (swivl_extension(m->host, KVM_CAP_PIT2) <= 0)
		return 0;
	ret = swivl_vm_create_pit(m->vm);
	return ret ? cannot("creating the timer", ret) : 0;
}

static int create_cpu(struct machine *m, unsigned int id)
{
	struct cpu *cpu = &m->cpus[id];
	int ret;

	cpu->m = m;
	cpu->id = id;
	ret = swivl_vcpu_create(m->vm, id, &cpu->vcpu);
	if (ret)
		return cannot("creating a virtual processor", ret);
	cpu->run = swivl_vcpu_state(cpu->vcpu);
	ret = cpu_set_cpuid(cpu);
	return ret ? cannot("setting up CPUID", ret) : 0;
}

static int create_cpus(struct machine *m)
{
	int max = swivl_extension(m->host, KVM_CAP_MAX_VCPUS), status = 0;

	if (max <= 0)
		max = swivl_extension(m->host, KVM_CAP_NR_VCPUS);
	if (max > 0 && m->opt->cpus > (unsigned int)max) {
		say("--cpus %u: %s takes at most %d", m->opt->cpus, swivl_path(m->host), max);
		return STATUS_CANNOT;
	}
	m->ncpus = m->opt->cpus;
	for (unsigned int i = 0; i < m->ncpus && !status; i++)
		status = create_cpu(m, i);
	return status;
}

int machine_create(struct machine *m, const struct options *opt)
{
	int ret, status;

	memset(m, 0, sizeof(*m));
	m->opt = opt;
	pthread_mutex_init(&m->lock, NULL);
	m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->wake_fd < 0)
		return cannot("eventfd", -errno);
	if (opt->stats)
		m->ports = calloc(PORTS, sizeof(*m->ports));
	ret = swivl_open(opt->device, &m->host);
	if (ret) {
		say_cannot_open(ret);
		return STATUS_CANNOT;
	}
	ret = swivl_vm_create(m->host, &m->vm);
	if (ret)
		return cannot("creating a virtual machine", ret);
	/* An optional request, but the first must come before the interrupt chips. */
	if (swivl_extension(m->host, KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0)
		swivl_vm_set_identity_map_addr(m->vm, IDENTITY_MAP_ADDR);
	if (swivl_extension(m->host, KVM_CAP_SET_TSS_ADDR) > 0)
		swivl_vm_set_tss_addr(m->vm, TSS_ADDR);
	status = create_memory(m);
	if (!status)
		status = create_irqchip(m);
	if (!status)
		status = create_cpus(m);
	if (!status)
		devices_init(m);
	return status;
}

int machine_start(struct machine *m, const struct boot *boot)
{
	int ret = swivl_kick_signal(KICK_SIGNAL);

	if (!ret)
		ret = cpu_set_boot_state(&m->cpus[0], boot);
	if (!ret)
		ret = cpu_set_registers(&m->cpus[0], m->opt);
	if (ret)
		return cannot("setting up the first processor", ret);
	for (unsigned int i = 0; i < m->ncpus; i++) {
		struct kvm_mp_state waiting = { .mp_state = KVM_MP_STATE_UNINITIALIZED };

		/* Without interrupt chips nothing could start the others: they never run. */
		if (i && !m->irqchip)
			continue;
		if (i)
			swivl_vcpu_set_mp_state(m->cpus[i].vcpu, &waiting);
		ret = pthread_create(&m->cpus[i].thread, NULL, cpu_thread, &m->cpus[i]);
		if (ret)
			return cannot("starting a thread", -ret);
		m->cpus[i].started = true;
	}
	return 0;
}

void machine_kick(struct machine *m)
{
	for (unsigned int i = 0; i < m->ncpus; i++)
		if (m->cpus[i].started)
			swivl_vcpu_kick(m->cpus[i].vcpu);
}

/*
 * Not once but until it has gone: the signal may come just before the thread blocks in writing
 * what the guest says, because nobody reads it.
 */
static bool leave(struct cpu *cpu, unsigned int *tries)
{
	while ((*tries)--) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		swivl_vcpu_kick(cpu->vcpu);
		pthread_kill(cpu->thread, KICK_SIGNAL);
		if (!pthread_timedjoin_np(cpu->thread, NULL, &until))
			return true;
	}
	return false;
}

void machine_join(struct machine *m)
{
	unsigned int tries = LEAVE_TRIES;

	machine_kick(m);
	for (unsigned int i = 0; i < m->ncpus; i++) {
		if (!m->cpus[i].started)
			continue;
		if (!leave(&m->cpus[i], &tries)) {
			term_restore();
			say("processor %u does not come back from the guest: that is an error in "
			    "the hypervisor; leaving it",
			    i);
			_exit(STATUS_CRASH);
		}
		m->cpus[i].started = false;
	}
}

void machine_destroy(struct machine *m)
{
	for (unsigned int i = 0; i < m->ncpus; i++)
		swivl_vcpu_destroy(m->cpus[i].vcpu);
	swivl_vm_destroy(m->vm);
	swivl_close(m->host);
	if (m->ram)
		munmap(m->ram, m->opt->mem);
	free(m->ports);
	free(m->failure);
	if (m->wake_fd >= 0)
		close(m->wake_fd);
	pthread_mutex_destroy(&m->lock);
}
