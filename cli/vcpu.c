/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A vCPU's thread: run, handle the exit, again. */
#include <errno.h>
#include <string.h>

#include "machine.h"
#include "cli.h"

static void handle_io(struct cpu *cpu)
{
	struct kvm_run *run = cpu->run;
	uint8_t *data = swivl_vcpu_io_data(cpu->vcpu);
	unsigned int size = run->io.size;

	for (uint32_t i = 0; i < run->io.count; i++, data += size) {
		uint32_t v = 0;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&v, data, size);
			port_out(cpu, run->io.port, size, v);
		} else {
			v = port_in(cpu, run->io.port, size);
			memcpy(data, &v, size);
		}
	}
	if (cpu->m->ports)
		cpu->m->ports[run->io.port][run->io.direction == KVM_EXIT_IO_OUT]++;
}

static void handle_mmio(struct cpu *cpu)
{
	/* No device has memory: reads find all ones, writes nobody. */
	if (!cpu->run->mmio.is_write)
		memset(cpu->run->mmio.data, 0xff, sizeof(cpu->run->mmio.data));
	cpu->m->mmio[cpu->run->mmio.is_write]++;
}

static void handle_internal_error(struct cpu *cpu)
{
	struct kvm_run *run = cpu->run;
	const char *what = "an unnamed one";

	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION)
		what = "an instruction that it cannot emulate";
	else if (run->internal.suberror == KVM_INTERNAL_ERROR_SIMUL_EX)
		what = "an exception during an exception's delivery";
	else if (run->internal.suberror == KVM_INTERNAL_ERROR_DELIVERY_EV)
		what = "an exit during an event's delivery";
	else if (run->internal.suberror == KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON)
		what = "an exit reason that it does not know";
	machine_end(cpu->m, cpu, END_CRASH, STATUS_CRASH,
		    "the hypervisor gave up: internal error %u, %s", run->internal.suberror, what);
}

static void handle_system_event(struct cpu *cpu)
{
	switch (cpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		machine_end(cpu->m, cpu, END_QUIET, STATUS_OK, "the guest powered off");
		break;
	case KVM_SYSTEM_EVENT_RESET:
		machine_end(cpu->m, cpu, END_QUIET, STATUS_OK, "the guest reset the machine");
		break;
	default:
		machine_end(cpu->m, cpu, END_CRASH, STATUS_CRASH, "system event %u",
			    cpu->run->system_event.type);
	}
}

static void handle_exit(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	struct kvm_run *run = cpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(cpu);
		break;
	case KVM_EXIT_MMIO:
		handle_mmio(cpu);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_HLT:
		/* Only without interrupt chips: then nothing can wake it. */
		machine_end(m, cpu, END_QUIET, STATUS_OK, "the guest halted");
		break;
	case KVM_EXIT_SHUTDOWN:
		machine_end(m, cpu, END_CRASH, STATUS_CRASH,
			    "the guest shut down: a triple fault (an exception, and no handler for "
			    "it could be started)");
		break;
	case KVM_EXIT_FAIL_ENTRY:
		failure_take(cpu);
		machine_end(m, cpu, END_CRASH, STATUS_CRASH,
			    "the processor refused to enter the guest: reason 0x%llx",
			    (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		handle_internal_error(cpu);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		handle_system_event(cpu);
		break;
	case KVM_EXIT_UNKNOWN:
		machine_end(m, cpu, END_CRASH, STATUS_CRASH,
			    "an exit that the hypervisor does not know: hardware reason 0x%llx",
			    (unsigned long long)run->hw.hardware_exit_reason);
		break;
	default:
		machine_end(m, cpu, END_CRASH, STATUS_CRASH, "an exit nobody asked for: %s (%u)",
			    swivl_exit_name(run->exit_reason), run->exit_reason);
	}
}

/* Halted with interrupts off, or never started: only another processor could wake it. */
static bool sleeps_for_good(struct cpu *cpu)
{
	struct kvm_mp_state mp;
	struct kvm_regs regs;

	if (swivl_vcpu_get_mp_state(cpu->vcpu, &mp) || swivl_vcpu_get_regs(cpu->vcpu, &regs))
		return false;
	if (mp.mp_state == KVM_MP_STATE_HALTED)
		return !(regs.rflags & 0x200);
	return mp.mp_state == KVM_MP_STATE_UNINITIALIZED ||
	       mp.mp_state == KVM_MP_STATE_INIT_RECEIVED;
}

static void interrupted(struct cpu *cpu)
{
	struct machine *m = cpu->m;

	swivl_vcpu_unkick(cpu->vcpu);
	atomic_store(&cpu->asleep, sleeps_for_good(cpu));
	if (atomic_load(&m->look) && atomic_fetch_add(&m->looked, 1) + 1 == m->ncpus)
		machine_wake(m);
}

void *cpu_thread(void *opaque)
{
	struct cpu *cpu = opaque;
	struct machine *m = cpu->m;

	while (!atomic_load(&m->stop)) {
		int ret = swivl_vcpu_run(cpu->vcpu);

		if (ret < 0)
			trace_take(cpu);
		if (ret == -EINTR) {
			pthread_mutex_lock(&m->lock);
			m->interrupted++;
			pthread_mutex_unlock(&m->lock);
			interrupted(cpu);
			continue;
		}
		if (ret == -EAGAIN)
			continue;
		if (ret < 0) {
			machine_end(m, cpu, END_CRASH, STATUS_CRASH, "KVM_RUN: %s", strerror(-ret));
			break;
		}
		atomic_fetch_add_explicit(&cpu->exits, 1, memory_order_relaxed);
		pthread_mutex_lock(&m->lock);
		if (!atomic_load(&m->stop)) {
			m->exits[cpu->run->exit_reason < EXIT_REASONS ? cpu->run->exit_reason : 0]++;
			trace_exit(cpu);
			handle_exit(cpu);
		}
		pthread_mutex_unlock(&m->lock);
	}
	return NULL;
}
