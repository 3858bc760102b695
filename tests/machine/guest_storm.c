// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Guests while the host gets interrupts and NMIs without end (the module storm): at every point of
 * their entries, exits and deliveries. They see none of it, and lose nothing of their own.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(void)
{
	cpu_set_t set;

	if (access("/sys/module/storm", F_OK))
		SKIP("no storm");
	/* Where it strikes. */
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	return &g.cpu[0];
}

static void storm_was_there(struct guest_cpu *c)
{
	struct swivl_stats stats;

	if (guest_is_kvm(&g))
		return;
	request(c->fd, SWIVL_GET_STATS, &stats);
	if (!stats.exits[SWIVL_EXIT_INTERRUPT])
		FAIL("no interrupt of the host in %llu exits", (u64)stats.total_exits);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1 && !stats.exits[SWIVL_EXIT_NMI]) {
		if (!guest_intel) /* storm.sh has the reason; it counts the lost ones, too */
			SKIP("no NMI came while it ran: QEMU is too slow, or has lost one");
		FAIL("no NMI of the host in %llu exits", (u64)stats.total_exits);
	}
}

/* Every register has a sum of its own; with exits for CPUID in between, and without. */
#define ROUND "add $1, %r8\n lea 2(%r9), %r9\n add $3, %r10\n lea 4(%r11), %r11\n" \
	      "add $5, %r12\n lea 6(%r13), %r13\n add $7, %r14\n add $8, %rsi\n add $9, %rdi\n" \
	      "add $10, %rbp\n paddq %xmm1, %xmm0\n paddq %xmm0, %xmm2\n psubq %xmm0, %xmm2\n"
CODE64(sums, "mov $1, %eax\n movq %rax, %xmm1\n pxor %xmm0, %xmm0\n pxor %xmm2, %xmm2\n"
	     "1:\n" ROUND "dec %r15\n jnz 1b\n movq %xmm0, %rax\n movq %xmm2, %rbx\n");
CODE64(sums_and_exits, "mov $1, %eax\n movq %rax, %xmm1\n pxor %xmm0, %xmm0\n pxor %xmm2, %xmm2\n"
		       "1:\n" ROUND "xor %eax, %eax\n xor %ecx, %ecx\n cpuid\n dec %r15\n jnz 1b\n"
		       "movq %xmm0, %rax\n movq %xmm2, %rbx\n");

static void add_up(struct guest_cpu *c, const u8 *code, const u8 *end, u64 rounds)
{
	struct kvm_regs r = { .r15 = rounds, .rflags = RFLAGS_ONE | RFLAGS_IF };

	EQUAL(guest_try(c, code, end, &r), NO_EXCEPTION);
	EQUAL(guest_events(&g)->count, 0);
	EQUAL(r.rax, rounds);
	EQUAL(r.rbx, 0);
	EQUAL(r.r8, rounds);
	EQUAL(r.r9, 2 * rounds);
	EQUAL(r.r10, 3 * rounds);
	EQUAL(r.r11, 4 * rounds);
	EQUAL(r.r12, 5 * rounds);
	EQUAL(r.r13, 6 * rounds);
	EQUAL(r.r14, 7 * rounds);
	EQUAL(r.rsi, 8 * rounds);
	EQUAL(r.rdi, 9 * rounds);
	EQUAL(r.rbp, 10 * rounds);
	EQUAL(r.rsp, GUEST_STACK);
	EQUAL(r.rflags & RFLAGS_TF, 0);
}

TEST_LIMIT(guest_keeps_its_registers, 60)
{
	struct guest_cpu *c = setup();

	add_up(c, sums, sums_end, 4000000);
	add_up(c, sums_and_exits, sums_and_exits_end, 20000);
	storm_was_there(c);
}

CODE64(reports, "1: cli\n inc %eax\n out %eax, $0xe0\n nop\n sti\n nop\n nop\n nop\n jmp 1b\n");

/*
 * An NMI at once and an interrupt behind STI, each one time. But QEMU's VMRUN leaves an external
 * interrupt that it injects pending in the emulator, too, which now and then delivers it again, at
 * any point and with interrupts off: KVM's guests have to live with that there as well.
 */
TEST_LIMIT(guest_gets_its_own_events_once, 60)
{
	struct guest_cpu *c = setup();
	struct guest_events *e = guest_events(&g);
	unsigned int again = 0;
	u64 seen = 0;

	LOAD(&g, reports);
	e->resume = 1;
	EQUAL(guest_report(c), 1);
	for (u32 i = 0; i < 2000; i++) {
		struct kvm_interrupt irq = { .irq = 0x40 + i % 64 };
		unsigned int nmis = 0, irqs = 0;

		request(c->fd, KVM_NMI, 0);
		request(c->fd, KVM_INTERRUPT, &irq);
		EQUAL(guest_report(c), i + 2);
		for (; seen < e->count; seen++) {
			const struct guest_event *event = &e->event[seen & (GUEST_EVENTS_MAX - 1)];

			if (event->vector == VECTOR_NMI)
				nmis++;
			else if (event->vector == irq.irq)
				irqs++;
			else if (i && event->vector == 0x40 + (i - 1) % 64)
				again++;
			else
				FAIL("round %u: vector %#llx at %#llx", i, event->vector, event->rip);
		}
		EQUAL(nmis, 1);
		CHECK(irqs);
		again += irqs - 1;
	}
	if (again > (guest_intel ? 0 : 40))
		FAIL("%u interrupts came again", again);
	storm_was_there(c);
}

/*
 * An NMI that waits for the IRET of the one before, which is stepped over on some processors while
 * the host's come in between.
 */
CODE64(nmi_handler, "push %rax\n mov $0x99, %eax\n out %eax, $0xe0\n incq 0x9000\n pop %rax\n iretq\n");

TEST_LIMIT(nmis_behind_nmis, 60)
{
	struct guest_cpu *c = setup();
	u64 n = 0;

	LOAD(&g, reports);
	guest_load(&g, 0xa000, nmi_handler, nmi_handler_end);
	guest_gate(&g, VECTOR_NMI, 0xa000, 0);
	for (u32 i = 1; i < 500; i++) {
		struct kvm_regs regs;

		EQUAL(guest_report(c), i);
		request(c->fd, KVM_NMI, 0);
		EQUAL(guest_report(c), 0x99);
		request(c->fd, KVM_NMI, 0);
		EQUAL(guest_report(c), 0x99);
		EQUAL(*(u64 *)(g.mem + 0x9000), ++n);
		n++;
		guest_regs(c, &regs);
		EQUAL(regs.rflags & RFLAGS_TF, 0);
	}
	storm_was_there(c);
}

/* Faults whose delivery is interrupted by second-level faults, with fresh memory each time. */
CODE64(touch, "1: mov %rbx, (%rdi)\n add $4096, %rdi\n ud2\n");

TEST_LIMIT(fresh_memory, 60)
{
	struct guest_cpu *c = setup();
	u8 *memory = guest_memory(0x800000);
	struct kvm_sregs s;

	for (u32 i = 0; i < 300; i++) {
		struct kvm_regs r = { .rdi = 0x2000000 + 8 * 4096, .rflags = RFLAGS_ONE | RFLAGS_IF };

		CHECK(!guest_slot(&g, 1, 0, 0x2000000, 0x800000, memory));
		memcpy(memory, g.mem + GUEST_IDT, 4096);
		guest_sregs(c, &s);
		s.idt.base = 0x2000000;
		guest_set_sregs(c, &s);
		EQUAL(TRY(c, touch, &r), VECTOR_UD);
		EQUAL(guest_events(&g)->count, 1);
		CHECK(!guest_slot(&g, 1, 0, 0x2000000, 0, memory));
	}
	storm_was_there(c);
}
