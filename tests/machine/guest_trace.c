// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The trace of a vCPU: exactly its exits, in order, none lost. Only swivl has it. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include "guest.h"

#define ROOM SWIVL_TRACE_ROOM

static struct guest g;
static struct swivl_trace_record records[ROOM];

static struct guest_cpu *setup(void)
{
	guest_new(&g, GUEST_SIZE, 0);
	if (guest_is_kvm(&g))
		SKIP("KVM has no trace");
	guest_mode(&g.cpu[0], MODE_LONG);
	request(g.cpu[0].fd, SWIVL_SET_TRACE, 1);
	return &g.cpu[0];
}

static int take(struct guest_cpu *c, u32 room)
{
	struct swivl_trace t = { .records = (u64)records, .room = room };

	return request(c->fd, SWIVL_GET_TRACE, &t);
}

static void start(struct guest_cpu *c, const u8 *code, const u8 *end)
{
	struct kvm_regs r = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = RFLAGS_ONE };

	guest_load(&g, GUEST_CODE, code, end);
	guest_set_regs(c, &r);
}

/* The host's own interrupts come at any time, and so do first touches of the test's memory. */
static bool of_the_guest(const struct swivl_trace_record *r)
{
	return r->kind != SWIVL_EXIT_INTERRUPT && r->kind != SWIVL_EXIT_NMI &&
	       r->kind != SWIVL_EXIT_NONE &&
	       !(r->kind == SWIVL_EXIT_NESTED_FAULT && r->what < GUEST_SIZE);
}

/* Each instruction that leaves stands at a multiple of 16; behind it, what prepares the next. */
#define SLOT(i) ".org mixed + 16 * " #i ", 0x90\n"
CODE64(mixed, "mov $0x16, %eax\n xor %ecx, %ecx\n"
	      SLOT(1) "cpuid\n mov $0x1a0, %ecx\n"
	      SLOT(2) "rdmsr\n"
	      SLOT(3) "wrmsr\n mov $0x12345678, %eax\n"
	      SLOT(4) "out %al, $0x80\n"
	      SLOT(5) "out %eax, $0x84\n"
	      SLOT(6) "in $0x71, %ax\n mov $1, %eax\n mov $0x77, %ebx\n"
	      SLOT(7) "vmcall\n mov $0xd0000010, %esi\n"
	      SLOT(8) "mov %ebx, (%rsi)\n"
	      SLOT(9) "mov (%rsi), %ebx\n"
	      SLOT(10) "hlt\n");

/* SDM vol. 3, appendix C */
enum { CPUID = 10, HLT = 12, VMCALL = 18, PORT = 30, RDMSR = 31, WRMSR = 32, EPT_VIOLATION = 48 };

TEST(exactly_its_exits)
{
	static const struct {
		u8 kind, reason, length;
		u16 flags;
		u64 what;
		s64 value; /* -1: any */
	} want[] = {
		{ SWIVL_EXIT_CPUID, CPUID, 2, 0, 0x16, 0 },
		{ SWIVL_EXIT_MSR_READ, RDMSR, 2, 0, 0x1a0, 0 },
		{ SWIVL_EXIT_MSR_WRITE, WRMSR, 2, 0, 0x1a0, -1 },
		{ SWIVL_EXIT_IO, PORT, 2, SWIVL_TRACE_WRITE | SWIVL_TRACE_RETURNED, 0x10080, 0x78 },
		{ SWIVL_EXIT_IO, PORT, 2, SWIVL_TRACE_WRITE | SWIVL_TRACE_RETURNED, 0x40084,
		  0x12345678 },
		{ SWIVL_EXIT_IO, PORT, 3, SWIVL_TRACE_READ | SWIVL_TRACE_RETURNED, 0x20071, 0 },
		{ SWIVL_EXIT_HYPERCALL, VMCALL, 3, 0, 1, 0x77 },
		{ SWIVL_EXIT_NESTED_FAULT, EPT_VIOLATION, 0,
		  SWIVL_TRACE_WRITE | SWIVL_TRACE_LINEAR | SWIVL_TRACE_RETURNED, 0xd0000010,
		  0xd0000010 },
		{ SWIVL_EXIT_NESTED_FAULT, EPT_VIOLATION, 0,
		  SWIVL_TRACE_READ | SWIVL_TRACE_LINEAR | SWIVL_TRACE_RETURNED, 0xd0000010,
		  0xd0000010 },
		{ SWIVL_EXIT_HLT, HLT, 1, SWIVL_TRACE_RETURNED, 0, 0 },
	};
	struct guest_cpu *c = setup();
	u32 next = 0, all = 0;
	u64 time = 0;

	if (!guest_intel)
		SKIP("written for VT-x");
	start(c, mixed, mixed_end);
	while (next < ARRAY_SIZE(want)) {
		int n;

		request(c->fd, KVM_RUN, 0);
		n = take(c, ROOM);
		for (int i = 0; i < n; i++) {
			const struct swivl_trace_record *r = &records[i];

			EQUAL(r->number, all++);
			CHECK(r->time >= time);
			time = r->time;
			/* What returns is the last there is. */
			EQUAL(r->flags & SWIVL_TRACE_RETURNED, i == n - 1);
			if (!of_the_guest(r))
				continue;
			if (r->kind != want[next].kind || r->reason != want[next].reason ||
			    r->length != want[next].length || r->flags != want[next].flags ||
			    r->what != want[next].what || r->rip != GUEST_CODE + 16 * (next + 1) ||
			    (want[next].value != -1 && r->value != (u64)want[next].value))
				FAIL("exit %u: kind %u, reason %llu, length %u, flags %#x, %#llx, "
				     "%#llx at %#llx", next, r->kind, r->reason, r->length, r->flags,
				     r->what, r->value, r->rip);
			next++;
		}
	}
	EQUAL(c->run->exit_reason, KVM_EXIT_HLT);
	EQUAL(take(c, ROOM), 0);
}

/* The leaf counts up to what EDI says. */
CODE64(count, "xor %esi, %esi\n"
	      "1: mov %esi, %eax\n xor %ecx, %ecx\n cpuid\n"
	      "inc %esi\n cmp %edi, %esi\n jb 1b\n hlt\n");

static void start_count(struct guest_cpu *c, u32 rounds)
{
	struct kvm_regs r;

	start(c, count, count_end);
	guest_regs(c, &r);
	r.rdi = rounds;
	guest_set_regs(c, &r);
}

/* Checks that record n of all is the one that must follow; how many CPUIDs it has seen. */
static u32 check_count(const struct swivl_trace_record *r, u32 *all, u32 next)
{
	EQUAL(r->number, *all);
	++*all;
	if (r->kind != SWIVL_EXIT_CPUID)
		return next;
	EQUAL(r->what, next);
	return next + 1;
}

TEST(full_ring_loses_nothing)
{
	const u32 rounds = 5 * ROOM;
	struct guest_cpu *c = setup();
	u32 next = 0, all = 0, full = 0;
	bool ended = false;

	start_count(c, rounds);
	while (next < rounds) {
		int n;

		if (!ended && try_request(c->fd, KVM_RUN, 0) == 0)
			ended = true;
		else if (!ended && errno != EAGAIN)
			FAIL("KVM_RUN: %s", strerror(errno));
		full += !ended;
		/* Not all of them, so that the next come in two pieces. */
		n = take(c, full % 2 ? 100 : ROOM);
		CHECK(n > 0);
		for (int i = 0; i < n; i++)
			next = check_count(&records[i], &all, next);
	}
	CHECK(ended && full >= 5);
	EQUAL(c->run->exit_reason, KVM_EXIT_HLT);
}

/* A second thread takes them while the vCPU runs. */
static struct {
	struct guest_cpu *c;
	u32 next, all;
	bool end;
} reader;

static void *read_all(void *unused)
{
	bool end;
	int n;

	do {
		end = __atomic_load_n(&reader.end, __ATOMIC_ACQUIRE);
		n = take(reader.c, ROOM);
		for (int i = 0; i < n; i++)
			reader.next = check_count(&records[i], &reader.all, reader.next);
	} while (n || !end);
	return NULL;
}

TEST(read_while_it_runs)
{
	const u32 rounds = 20000;
	struct guest_cpu *c = setup();
	pthread_t thread;

	reader.c = c;
	start_count(c, rounds);
	CHECK(!pthread_create(&thread, NULL, read_all, NULL));
	while (try_request(c->fd, KVM_RUN, 0)) {
		EQUAL(errno, EAGAIN);
		sched_yield();
	}
	__atomic_store_n(&reader.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EQUAL(reader.next, rounds);
	EQUAL(c->run->exit_reason, KVM_EXIT_HLT);
}

TEST(nonsense_is_harmless)
{
	struct guest_cpu *c = setup();
	struct swivl_trace t = { .room = ~0u };
	static const u64 bad[] = { 0, 8, 0xffff888000000000, ~0ull, ~0ull - 63, 0x800000000000 };

	start_count(c, 100);
	request(c->fd, KVM_RUN, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		t.records = bad[i];
		EQUAL(try_request(c->fd, SWIVL_GET_TRACE, (u64)&t), -1);
		EQUAL(errno, EFAULT);
	}
	t.records = (u64)records;
	t.reserved = 1;
	EQUAL(try_request(c->fd, SWIVL_GET_TRACE, (u64)&t), -1);
	EQUAL(errno, EINVAL);
	EQUAL(try_request(c->fd, SWIVL_SET_TRACE, 2), -1);
	EQUAL(errno, EINVAL);
	t.reserved = 0;
	CHECK(request(c->fd, SWIVL_GET_TRACE, &t) >= 101);
	for (u32 i = 0, all = 0, next = 0; next < 100; i++)
		next = check_count(&records[i], &all, next);
}
