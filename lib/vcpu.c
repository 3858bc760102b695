/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* libswivl over a Linux device: virtual processors. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#define MAX_MSRS 256

struct swivl_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
	atomic_int tid; /* the thread that ran it last; one that has ended is harmless to signal */
};

static atomic_int kick_signo;

int swivl_vcpu_create(struct swivl_vm *vm, unsigned int id, struct swivl_vcpu **out)
{
	struct swivl_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int ret;

	if (!vcpu)
		return -ENOMEM;
	vcpu->run_size = vm->host->run_size;
	vcpu->fd = ret = request(vm->fd, KVM_CREATE_VCPU, (void *)(unsigned long)id);
	if (ret < 0)
		goto fail;
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		ret = -errno;
		close(vcpu->fd);
		goto fail;
	}
	*out = vcpu;
	return 0;
fail:
	free(vcpu);
	return ret;
}

void swivl_vcpu_destroy(struct swivl_vcpu *vcpu)
{
	if (!vcpu)
		return;
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	free(vcpu);
}

struct kvm_run *swivl_vcpu_state(struct swivl_vcpu *vcpu)
{
	return vcpu->run;
}

void *swivl_vcpu_io_data(struct swivl_vcpu *vcpu)
{
	return (char *)vcpu->run + vcpu->run->io.data_offset;
}

int swivl_vcpu_run(struct swivl_vcpu *vcpu)
{
	static _Thread_local int own_tid;

	if (!own_tid)
		own_tid = gettid();
	if (atomic_load_explicit(&vcpu->tid, memory_order_relaxed) != own_tid)
		atomic_store(&vcpu->tid, own_tid);
	return request(vcpu->fd, KVM_RUN, NULL);
}

static void on_kick(int signo)
{
	(void)signo;
}

int swivl_kick_signal(int signo)
{
	struct sigaction action = { .sa_handler = on_kick };

	if (!signo)
		signo = SIGRTMIN + 3;
	if (sigaction(signo, &action, NULL))
		return -errno;
	atomic_store(&kick_signo, signo);
	return 0;
}

void swivl_vcpu_kick(struct swivl_vcpu *vcpu)
{
	int signo = atomic_load(&kick_signo), tid;

	/* The order closes the gap: a thread on its way in sees the flag, one inside the signal. */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	tid = atomic_load(&vcpu->tid);
	if (signo && tid)
		tgkill(getpid(), tid, signo);
}

void swivl_vcpu_unkick(struct swivl_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

#define GETTER(name, type, nr)                                                                     \
	int swivl_vcpu_get_##name(struct swivl_vcpu *vcpu, struct type *state)                     \
	{                                                                                          \
		return request(vcpu->fd, nr, state);                                               \
	}
#define SETTER(name, type, nr)                                                                     \
	int swivl_vcpu_set_##name(struct swivl_vcpu *vcpu, const struct type *state)               \
	{                                                                                          \
		return request(vcpu->fd, nr, state);                                               \
	}

GETTER(regs, kvm_regs, KVM_GET_REGS)
SETTER(regs, kvm_regs, KVM_SET_REGS)
GETTER(sregs, kvm_sregs, KVM_GET_SREGS)
SETTER(sregs, kvm_sregs, KVM_SET_SREGS)
GETTER(fpu, kvm_fpu, KVM_GET_FPU)
SETTER(fpu, kvm_fpu, KVM_SET_FPU)
GETTER(mp_state, kvm_mp_state, KVM_GET_MP_STATE)
SETTER(mp_state, kvm_mp_state, KVM_SET_MP_STATE)
GETTER(events, kvm_vcpu_events, KVM_GET_VCPU_EVENTS)
SETTER(events, kvm_vcpu_events, KVM_SET_VCPU_EVENTS)
GETTER(debugregs, kvm_debugregs, KVM_GET_DEBUGREGS)
SETTER(debugregs, kvm_debugregs, KVM_SET_DEBUGREGS)
SETTER(guest_debug, kvm_guest_debug, KVM_SET_GUEST_DEBUG)
GETTER(lapic, kvm_lapic_state, KVM_GET_LAPIC)
SETTER(lapic, kvm_lapic_state, KVM_SET_LAPIC)
SETTER(cpuid, kvm_cpuid2, KVM_SET_CPUID2)

union msr_buffer {
	struct kvm_msrs head;
	char room[sizeof(struct kvm_msrs) + MAX_MSRS * sizeof(struct kvm_msr_entry)];
};

static int msrs(struct swivl_vcpu *vcpu, unsigned long nr, const struct kvm_msr_entry *entries,
		unsigned int count, union msr_buffer *buffer)
{
	if (count > MAX_MSRS)
		return -E2BIG;
	memset(&buffer->head, 0, sizeof(buffer->head));
	buffer->head.nmsrs = count;
	memcpy(buffer->head.entries, entries, count * sizeof(*entries));
	return request(vcpu->fd, nr, buffer);
}

int swivl_vcpu_get_msrs(struct swivl_vcpu *vcpu, struct kvm_msr_entry *entries,
			unsigned int count)
{
	union msr_buffer buffer;
	int done = msrs(vcpu, KVM_GET_MSRS, entries, count, &buffer);

	if (done > 0)
		memcpy(entries, buffer.head.entries, done * sizeof(*entries));
	return done;
}

int swivl_vcpu_set_msrs(struct swivl_vcpu *vcpu, const struct kvm_msr_entry *entries,
			unsigned int count)
{
	union msr_buffer buffer;

	return msrs(vcpu, KVM_SET_MSRS, entries, count, &buffer);
}

int swivl_vcpu_interrupt(struct swivl_vcpu *vcpu, unsigned int vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return request(vcpu->fd, KVM_INTERRUPT, &irq);
}

int swivl_vcpu_nmi(struct swivl_vcpu *vcpu)
{
	return request(vcpu->fd, KVM_NMI, NULL);
}

int swivl_vcpu_trace(struct swivl_vcpu *vcpu, int on)
{
	return request(vcpu->fd, SWIVL_SET_TRACE, (void *)(long)!!on);
}

int swivl_vcpu_take_trace(struct swivl_vcpu *vcpu, struct swivl_trace_record *records,
			  unsigned int room)
{
	struct swivl_trace trace = { .records = (uintptr_t)records, .room = room };

	return request(vcpu->fd, SWIVL_GET_TRACE, &trace);
}

int swivl_vcpu_entry_failure(struct swivl_vcpu *vcpu, char *text, size_t size)
{
	size_t room = size ? size - 1 : 0;
	struct swivl_entry_failure f = { .text = (uintptr_t)text };
	int n;

	f.room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
	n = request(vcpu->fd, SWIVL_GET_ENTRY_FAILURE, &f);
	if (size)
		text[n < 0 ? 0 : (size_t)n < room ? (size_t)n : room] = 0;
	return n;
}

int swivl_vcpu_request(struct swivl_vcpu *vcpu, unsigned long nr, void *arg)
{
	return request(vcpu->fd, nr, arg);
}

int swivl_vcpu_fd(const struct swivl_vcpu *vcpu)
{
	return vcpu->fd;
}
