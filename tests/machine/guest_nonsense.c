// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * States that no processor can be in, set by the caller. Whatever comes of them - a refused
 * request, a failed entry, a shutdown, a guest that runs on somehow -, the host stays up, and the
 * same processor runs a proper guest afterwards.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include "guest.h"

static struct guest g;
static u64 random_state;
static u8 *memory; /* the guest's, before it ran wild in it */

static u64 any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Mostly values near to proper ones: those get past the first check. */
static u64 any_value(u64 proper)
{
	switch (any() % 4) {
	case 0:
		return any();
	case 1:
		return proper ^ 1ull << any() % 64;
	case 2:
		return 1ull << any() % 64;
	}
	return proper;
}

static struct guest_cpu *setup(u64 seed)
{
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	guest_new(&g, GUEST_SIZE, 0);
	guest_interrupted_by(SIGALRM);
	guest_mode(&g.cpu[0], MODE_LONG);
	memory = guest_memory(GUEST_SIZE);
	memcpy(memory, g.mem, GUEST_SIZE);
	return &g.cpu[0];
}

/* Runs for a moment at most. True: the guest was entered, or at least it was tried. */
static bool run_a_moment(struct guest_cpu *c)
{
	struct itimerval moment = { .it_value.tv_usec = 3000, .it_interval.tv_usec = 3000 };
	struct itimerval off = { 0 };
	int ret;

	setitimer(ITIMER_REAL, &moment, NULL);
	ret = try_request(c->fd, KVM_RUN, 0);
	setitimer(ITIMER_REAL, &off, NULL);
	if (ret && errno != EINTR && errno != EINVAL && errno != EFAULT)
		FAIL("KVM_RUN: error %d", errno);
	return !ret;
}

CODE64(proper, "mov $0x1234, %eax\n cpuid\n mov $0x77, %ebx\n");

static void still_runs(struct guest_cpu *c)
{
	struct kvm_vcpu_events none = { 0 };
	struct kvm_debugregs debug = { .dr6 = DR6_ONES, .dr7 = DR7_ONE };
	struct kvm_regs r = { 0 };

	none.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	request(c->fd, KVM_SET_VCPU_EVENTS, &none);
	request(c->fd, KVM_SET_DEBUGREGS, &debug);
	guest_set_msr(c, IA32_PAT, PAT_RESET);
	memcpy(g.mem, memory, GUEST_SIZE);
	guest_mode(c, MODE_LONG);
	EQUAL(TRY(c, proper, &r), NO_EXCEPTION);
	EQUAL(r.rbx, 0x77);
}

static void nonsense_segment(struct kvm_segment *s)
{
	s->base = any_value(s->base);
	s->limit = any_value(s->limit);
	s->selector = any_value(s->selector);
	s->type = any();
	s->present = any_value(1);
	s->dpl = any();
	s->db = any();
	s->s = any_value(1);
	s->l = any();
	s->g = any();
	s->avl = any();
	s->unusable = any() % 4 == 0;
}

/* One segment at a time in each mode, so that the others are as they should be. */
TEST_LIMIT(segments, 60)
{
	struct guest_cpu *c = setup(1);
	unsigned int failed = 0;

	for (unsigned int round = 0; round < 200; round++) {
		struct kvm_sregs s;
		struct kvm_segment *all[] = { &s.cs, &s.ds, &s.es, &s.fs, &s.gs, &s.ss, &s.tr, &s.ldt };

		guest_mode(c, any() % 5);
		guest_sregs(c, &s);
		nonsense_segment(all[any() % 8]);
		if (!try_request(c->fd, KVM_SET_SREGS, (u64)&s) && run_a_moment(c))
			failed += c->run->exit_reason == KVM_EXIT_FAIL_ENTRY;
		if (round % 20 == 19)
			still_runs(c);
	}
	if (guest_intel && !failed)
		FAIL("no entry failed in 200 rounds: the states were not nonsense enough");
}

TEST_LIMIT(control_registers, 60)
{
	struct guest_cpu *c = setup(2);

	for (unsigned int round = 0; round < 200; round++) {
		struct kvm_sregs s;
		u64 *all[] = { &s.cr0, &s.cr2, &s.cr3, &s.cr4, &s.cr8, &s.efer, &s.apic_base,
			       &s.gdt.base, &s.idt.base };
		u64 *one = all[any() % ARRAY_SIZE(all)];

		guest_mode(c, any() % 5);
		guest_sregs(c, &s);
		*one = any_value(*one);
		s.gdt.limit = any_value(s.gdt.limit);
		if (!try_request(c->fd, KVM_SET_SREGS, (u64)&s))
			run_a_moment(c);
		if (round % 20 == 19)
			still_runs(c);
	}
}

TEST_LIMIT(registers, 60)
{
	struct guest_cpu *c = setup(3);

	for (unsigned int round = 0; round < 200; round++) {
		struct kvm_debugregs debug = { .dr6 = any(), .dr7 = any() };
		struct kvm_regs r;

		guest_mode(c, any() % 5);
		guest_regs(c, &r);
		r.rip = any_value(r.rip);
		r.rsp = any_value(r.rsp);
		r.rflags = any_value(r.rflags);
		guest_set_regs(c, &r);
		for (unsigned int i = 0; i < 4; i++)
			debug.db[i] = any_value(r.rip);
		try_request(c->fd, KVM_SET_DEBUGREGS, (u64)&debug);
		run_a_moment(c);
		if (round % 20 == 19)
			still_runs(c);
	}
}

TEST_LIMIT(events, 60)
{
	struct guest_cpu *c = setup(4);

	for (unsigned int round = 0; round < 200; round++) {
		struct kvm_vcpu_events e = { 0 };

		guest_mode(c, any() % 5);
		e.exception.injected = any() % 2;
		e.exception.nr = any_value(13);
		e.exception.has_error_code = any() % 2;
		e.exception.error_code = any();
		e.interrupt.injected = any() % 2;
		e.interrupt.nr = any();
		e.interrupt.soft = any() % 4 == 0;
		e.interrupt.shadow = any();
		e.nmi.injected = any() % 2;
		e.nmi.pending = any() % 2;
		e.nmi.masked = any() % 2;
		e.flags = any_value(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW);
		if (!try_request(c->fd, KVM_SET_VCPU_EVENTS, (u64)&e))
			run_a_moment(c);
		if (round % 20 == 19)
			still_runs(c);
	}
}

/* Every MSR that there is, each with several values. */
TEST_LIMIT(msrs, 60)
{
	static struct {
		struct kvm_msr_list list;
		u32 index[256];
	} l;
	struct guest_cpu *c = setup(5);

	l.list.nmsrs = 256;
	request(g.dev, KVM_GET_MSR_INDEX_LIST, &l);
	for (u32 i = 0; i < l.list.nmsrs; i++) {
		u64 before;

		guest_mode(c, MODE_LONG);
		before = guest_msr(c, l.list.indices[i]);
		for (unsigned int n = 0; n < 4; n++)
			if (guest_set_msr(c, l.list.indices[i], any_value(before)))
				run_a_moment(c);
		guest_set_msr(c, l.list.indices[i], before);
	}
	still_runs(c);
}

/* A local descriptor table of a type that is none (SDM vol. 3, 27.3.1.2). */
TEST(failed_entry_tells_the_hardwares_reason)
{
	struct guest_cpu *c = setup(6);
	struct kvm_sregs s;

	if (!guest_intel)
		SKIP("the reason is VMX's");
	guest_mode(c, MODE_LONG);
	guest_sregs(c, &s);
	s.ldt = (struct kvm_segment){ .selector = 0x30, .type = 3, .present = 1, .limit = 0xf };
	guest_set_sregs(c, &s);
	EQUAL(guest_run(c), KVM_EXIT_FAIL_ENTRY);
	EQUAL(c->run->fail_entry.hardware_entry_failure_reason, 0x80000021);
	still_runs(c);
}
