// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The guest's time stamp counter. */
#include <unistd.h>
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(void)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	return &g.cpu[0];
}

static u64 host_tsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

CODE64(rdtsc, "rdtsc\n shl $32, %rdx\n or %rdx, %rax\n");

static u64 guest_tsc(struct guest_cpu *c)
{
	struct kvm_regs r = { 0 };

	EQUAL(TRY(c, rdtsc, &r), NO_EXCEPTION);
	return r.rax;
}

/* It goes as the host's goes, from the value that it was set to. */
TEST(offset)
{
	static const u64 starts[] = { 0, 0x123456789abcdef, 0xffffffff00000000 };
	struct guest_cpu *c = setup();

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		u64 host[2], guest[2], off[2];

		CHECK(guest_set_msr(c, IA32_TIME_STAMP_COUNTER, starts[i]));
		for (int n = 0; n < 2; n++) {
			u64 before = host_tsc();

			guest[n] = guest_tsc(c);
			host[n] = host_tsc();
			off[n] = guest[n] - before;
			usleep(50000);
		}
		CHECK(guest[0] - starts[i] < 1ull << 32);
		CHECK(guest[1] > guest[0] || guest[0] - guest[1] > 1ull << 40);
		/* The same offset both times, within what one measurement takes. */
		if (off[1] - off[0] + (host[0] - (guest[0] - off[0])) > 1ull << 24)
			FAIL("offset %#llx, then %#llx", off[0], off[1]);
	}
}

TEST(read_by_msr)
{
	struct guest_cpu *c = setup();
	u64 a = guest_tsc(c), b = guest_msr(c, IA32_TIME_STAMP_COUNTER), d = guest_tsc(c);

	CHECK(b > a && d > b);
}

/* vCPUs made together show the same time. */
TEST(two_processors_agree)
{
	struct guest_cpu *c = setup(), *other = guest_cpu_new(&g);
	u64 a, b, d;

	guest_mode(other, MODE_LONG);
	guest_tsc(c);
	guest_tsc(other);
	a = guest_tsc(c);
	b = guest_tsc(other);
	d = guest_tsc(c);
	if (b < a || b > d)
		FAIL("%llu, the other %llu, then %llu", a, b, d);
}

CODE64(write_adjust, "mov $0x3b, %ecx\n rdmsr\n mov %eax, %esi\n add $0x40000000, %eax\n wrmsr\n");

/* IA32_TSC_ADJUST moves the counter by what is added to it (SDM vol. 3, 17.17.3). */
TEST(adjust)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };
	u64 before, after;

	if (!guest_has_cpuid(7, 0, 'b', 1))
		SKIP("no IA32_TSC_ADJUST");
	before = guest_tsc(c);
	EQUAL(TRY(c, write_adjust, &r), NO_EXCEPTION);
	after = guest_tsc(c);
	CHECK(after - before > 0x40000000 && after - before < 0x60000000);
	EQUAL(guest_msr(c, IA32_TSC_ADJUST), r.rsi + 0x40000000);
}

CODE64(rdtscp, "rdtscp\n");

TEST(tsc_aux)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	if (!(guest_cpuid_entry(guest_supported_cpuid(&g), 0x80000001)->edx >> 27 & 1))
		SKIP("no RDTSCP");
	CHECK(guest_set_msr(c, IA32_TSC_AUX, 0x12345));
	EQUAL(TRY(c, rdtscp, &r), NO_EXCEPTION);
	EQUAL(r.rcx, 0x12345);
}

CODE64(user_rdtsc, "rdtsc\n hlt\n");

/* CR4.TSD keeps it from ring 3. */
TEST(disabled_for_user)
{
	struct guest_cpu *c = setup();
	struct kvm_sregs s;

	guest_sregs(c, &s);
	s.cs.selector = SEL_USER64;
	s.ss.selector = SEL_USER_DATA;
	s.cs.dpl = s.ss.dpl = 3;
	s.cr4 |= CR4_TSD;
	guest_set_sregs(c, &s);
	LOAD(&g, user_rdtsc);
	guest_run_to(c, KVM_EXIT_IO);
	EQUAL(c->run->io.port, GUEST_PORT_FAULT);
	EQUAL(*(u8 *)guest_io_data(c), VECTOR_GP);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE);
}

TEST(frequency)
{
	struct guest_cpu *c = setup();
	u64 begin, passed;
	int khz;

	if (!guest_extension(&g, KVM_CAP_GET_TSC_KHZ))
		SKIP("no KVM_CAP_GET_TSC_KHZ");
	khz = request(c->fd, KVM_GET_TSC_KHZ, 0);
	begin = guest_tsc(c);
	usleep(200000);
	passed = (guest_tsc(c) - begin) / 200; /* a millisecond */
	if (passed < khz / 2u || passed > khz * 3u)
		FAIL("%d kHz, but %llu ticks in a millisecond", khz, passed);
}

/* The VM's clock, in nanoseconds. */
TEST(vm_clock)
{
	struct kvm_clock_data a, b;

	setup();
	if (!guest_extension(&g, KVM_CAP_ADJUST_CLOCK))
		SKIP("no KVM_CAP_ADJUST_CLOCK");
	request(g.vm, KVM_GET_CLOCK, &a);
	usleep(50000);
	request(g.vm, KVM_GET_CLOCK, &b);
	CHECK(b.clock - a.clock >= 40000000 && b.clock - a.clock < 10000000000);
	a = (struct kvm_clock_data){ .clock = 1000000000000000 };
	request(g.vm, KVM_SET_CLOCK, &a);
	request(g.vm, KVM_GET_CLOCK, &b);
	CHECK(b.clock >= a.clock && b.clock - a.clock < 10000000000);
}
