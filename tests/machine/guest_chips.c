// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The interrupt chips in the kernel, from the guest's side and the caller's. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "guest.h"

static struct guest g;

/* Handlers of the guest: count at 0x9000, tell the chip. At 0xa000 for the APIC, 0xa100 the PIC. */
CODE64(ack_apic, "push %rax\n incq 0x9000\n mov $0xfee000b0, %eax\n movl $0, (%rax)\n pop %rax\n"
		 "iretq\n");
CODE64(ack_pic, "push %rax\n incq 0x9000\n mov $0x20, %al\n out %al, $0xa0\n out %al, $0x20\n"
		"pop %rax\n iretq\n");

static u64 counted(void)
{
	return __atomic_load_n((u64 *)(g.mem + 0x9000), __ATOMIC_RELAXED);
}

static void long_mode(struct guest_cpu *c)
{
	guest_mode(c, MODE_LONG);
	guest_load(&g, 0xa000, ack_apic, ack_apic_end);
	guest_load(&g, 0xa100, ack_pic, ack_pic_end);
	for (int v = 0x20; v < 0x30; v++)
		guest_gate(&g, v, 0xa100, 0);
	for (int v = 0x30; v < 0x100; v++)
		guest_gate(&g, v, 0xa000, 0);
}

static struct guest_cpu *setup(unsigned int flags)
{
	guest_new(&g, GUEST_SIZE, GUEST_IRQCHIP | flags);
	long_mode(&g.cpu[0]);
	return &g.cpu[0];
}

static void line(u32 gsi, u32 level)
{
	struct kvm_irq_level irq = { .irq = gsi, .level = level };

	request(g.vm, KVM_IRQ_LINE, &irq);
}

static void pulse(u32 gsi)
{
	line(gsi, 1);
	line(gsi, 0);
}

/* Both 8259s: vectors from 0x20 and 0x28, masks in BL and BH. */
#define PIC_INIT                                                                                   \
	"mov $0x11, %al\n out %al, $0x20\n out %al, $0xa0\n mov $0x20, %al\n out %al, $0x21\n"     \
	"mov $0x28, %al\n out %al, $0xa1\n mov $4, %al\n out %al, $0x21\n mov $2, %al\n"           \
	"out %al, $0xa1\n mov $1, %al\n out %al, $0x21\n out %al, $0xa1\n mov %bl, %al\n"          \
	"out %al, $0x21\n mov %bh, %al\n out %al, $0xa1\n"
/* The local APIC on, the 8259s, which get the same lines, silent. */
#define APIC_INIT "mov $0xff, %al\n out %al, $0x21\n out %al, $0xa1\n mov $0xfee000f0, %edi\n movl $0x1ff, (%rdi)\n mov $0xfee00000, %edi\n"
/* Halts until as many interrupts as R9 says have been counted. */
#define WAIT "1: sti\n hlt\n cli\n cmp %r9, 0x9000\n jb 1b\n"

/* ---- PIC and PIT ---- */

CODE64(pit, "mov $0xfffe, %ebx\n" PIC_INIT "mov $0x34, %al\n out %al, $0x43\n mov $0x89, %al\n"
	    "out %al, $0x40\n mov $0x2e, %al\n out %al, $0x40\n mov $5, %r9d\n" WAIT REPORT);

/* Five ticks of the 8254 at 100 Hz through the 8259. */
TEST(pit_ticks)
{
	struct guest_cpu *c = setup(GUEST_PIT);

	LOAD(&g, pit);
	guest_report(c);
	EQUAL(counted(), 5);
}

CODE64(pic_line, "mov $0xdadf, %ebx\n and $0xfffb, %ebx\n" PIC_INIT REPORT "mov $1, %r9d\n" WAIT
		 REPORT "mov $2, %r9d\n" WAIT REPORT);

/* Lines 5 and 10, the second behind the cascade. */
TEST(pic_lines)
{
	struct guest_cpu *c = setup(0);

	LOAD(&g, pic_line);
	guest_report(c);
	pulse(5);
	guest_report(c);
	EQUAL(counted(), 1);
	pulse(10);
	guest_report(c);
	EQUAL(counted(), 2);
}

CODE64(pic_masked, "mov $0xffff, %ebx\n" PIC_INIT REPORT "sti\n nop\n nop\n mov $0x0a, %al\n"
		   "out %al, $0x20\n in $0x20, %al\n movzbl %al, %eax\n" REPORT "mov $0xdf, %al\n"
		   "out %al, $0x21\n nop\n nop\n" REPORT);

/* Masked it waits in IRR, which the guest can read. */
TEST(pic_mask)
{
	struct guest_cpu *c = setup(0);

	LOAD(&g, pic_masked);
	guest_report(c);
	line(5, 1);
	EQUAL(guest_report(c), 0x20);
	EQUAL(counted(), 0);
	guest_report(c);
	EQUAL(counted(), 1);
	line(5, 0);
}

/* ---- I/O APIC ---- */

/* Redirection entry EBX, low half EAX, to APIC 0. */
#define IOAPIC_SET                                                                                 \
	"mov $0xfec00000, %esi\n mov %eax, %edx\n lea 0x11(%rbx, %rbx), %eax\n mov %eax, (%rsi)\n" \
	"movl $0, 0x10(%rsi)\n dec %eax\n mov %eax, (%rsi)\n mov %edx, 0x10(%rsi)\n"

CODE64(ioapic_edge, APIC_INIT "mov $10, %ebx\n mov $0x61, %eax\n" IOAPIC_SET REPORT
				"mov $1, %r9d\n" WAIT REPORT "mov $2, %r9d\n" WAIT REPORT);

TEST(ioapic_edges)
{
	struct guest_cpu *c = setup(0);

	LOAD(&g, ioapic_edge);
	guest_report(c);
	line(10, 1);
	guest_report(c);
	EQUAL(counted(), 1);
	/* No new edge while the line stays up. */
	line(10, 1);
	line(10, 0);
	line(10, 1);
	guest_report(c);
	EQUAL(counted(), 2);
}

CODE64(ioapic_level, APIC_INIT "mov $11, %ebx\n mov $0x8062, %eax\n" IOAPIC_SET REPORT
				 "mov $3, %r9d\n" WAIT "sti\n nop\n nop\n" REPORT
				 "1: hlt\n jmp 1b\n");
CODE64(tell_level, "push %rax\n push %rdx\n incq 0x9000\n mov 0x9000, %eax\n" REPORT
		   "mov $0xfee000b0, %eax\n movl $0, (%rax)\n pop %rdx\n pop %rax\n iretq\n");

/* A level that stays comes again after each end of interrupt. */
TEST(ioapic_levels)
{
	struct guest_cpu *c = setup(0);

	LOAD(&g, ioapic_level);
	guest_load(&g, 0xa200, tell_level, tell_level_end);
	guest_gate(&g, 0x62, 0xa200, 0);
	guest_report(c);
	line(11, 1);
	for (u32 i = 1; i <= 3; i++)
		EQUAL(guest_report(c), i);
	line(11, 0);
	guest_report(c);
	EQUAL(counted(), 3);
}

/* A line that nobody silences keeps the guest busy for ever; a signal still ends KVM_RUN. */
TEST(interrupt_storm)
{
	struct guest_cpu *c = setup(0);
	u64 before;

	guest_interrupted_by(SIGALRM);
	LOAD(&g, ioapic_level);
	guest_report(c);
	line(11, 1);
	alarm(1);
	while (!try_request(c->fd, KVM_RUN, 0))
		;
	EQUAL(errno, EINTR);
	before = counted();
	CHECK(before > 3);
	alarm(1);
	while (!try_request(c->fd, KVM_RUN, 0))
		;
	EQUAL(errno, EINTR);
	CHECK(counted() > before);
}

/* ---- Local APIC ---- */

CODE64(apic_registers, "mov $0xfee00000, %edi\n mov 0x30(%rdi), %eax\n" REPORT
		       "mov 0xf0(%rdi), %eax\n" REPORT "mov 0x20(%rdi), %eax\n" REPORT
		       "movl $0xf0, 0x80(%rdi)\n mov 0x80(%rdi), %eax\n" REPORT
		       "mov %cr8, %rax\n" REPORT "mov $3, %eax\n mov %rax, %cr8\n"
		       "mov 0x80(%rdi), %eax\n" REPORT "mov 0x320(%rdi), %eax\n" REPORT);

TEST(apic_registers_at_reset)
{
	struct guest_cpu *c = setup(0);
	u32 version;

	LOAD(&g, apic_registers);
	version = guest_report(c);
	EQUAL(version & 0xff, 0x14);
	CHECK((version >> 16 & 0xff) >= 5);
	EQUAL(guest_report(c), 0xff); /* spurious vector, off */
	EQUAL(guest_report(c), 0); /* ID */
	EQUAL(guest_report(c), 0xf0); /* task priority, which CR8 is a part of */
	EQUAL(guest_report(c), 0xf);
	EQUAL(guest_report(c), 0x30);
	EQUAL(guest_report(c), 0x10000); /* timer, masked */
}

CODE64(apic_one_shot, APIC_INIT "movl $0xb, 0x3e0(%rdi)\n movl $0x71, 0x320(%rdi)\n"
				"movl $500000, 0x380(%rdi)\n mov $1, %r9d\n" WAIT
				"mov 0x390(%rdi), %eax\n" REPORT);

TEST(apic_timer_one_shot)
{
	struct guest_cpu *c = setup(0);

	LOAD(&g, apic_one_shot);
	EQUAL(guest_report(c), 0);
	EQUAL(counted(), 1);
}

CODE64(apic_periodic, APIC_INIT "movl $0xb, 0x3e0(%rdi)\n movl $0x20072, 0x320(%rdi)\n"
				"movl $2000000, 0x380(%rdi)\n mov $4, %r9d\n" WAIT
				"movl $0x10072, 0x320(%rdi)\n" REPORT);

TEST(apic_timer_periodic)
{
	struct guest_cpu *c = setup(0);

	LOAD(&g, apic_periodic);
	guest_report(c);
	EQUAL(counted(), 4);
}

CODE64(apic_deadline, APIC_INIT "movl $0x40073, 0x320(%rdi)\n mfence\n rdtsc\n add $200000, %eax\n"
				"adc $0, %edx\n mov $0x6e0, %ecx\n wrmsr\n mov $1, %r9d\n" WAIT
				"mov $0x6e0, %ecx\n rdmsr\n or %edx, %eax\n" REPORT);

TEST(apic_timer_deadline)
{
	struct guest_cpu *c = setup(0);
	struct kvm_cpuid2 *cpuid = guest_supported_cpuid(&g);

	if (!guest_extension(&g, KVM_CAP_TSC_DEADLINE_TIMER))
		SKIP("no KVM_CAP_TSC_DEADLINE_TIMER");
	/* Offered by its capability, not by the list of KVM_GET_SUPPORTED_CPUID. */
	guest_cpuid_entry(cpuid, 1)->ecx |= 1u << 24;
	request(c->fd, KVM_SET_CPUID2, cpuid);
	LOAD(&g, apic_deadline);
	EQUAL(guest_report(c), 0);
	EQUAL(counted(), 1);
}

CODE64(apic_self, APIC_INIT "movl $0, 0x310(%rdi)\n movl $0x44075, 0x300(%rdi)\n"
			    "mov $1, %r9d\n cmp %r9, 0x9000\n jae 2f\n" WAIT "2:" REPORT
			    "cli\n movl $0x44075, 0x300(%rdi)\n movl $0x44095, 0x300(%rdi)\n"
			    "mov 0x230(%rdi), %eax\n or 0x240(%rdi), %eax\n" REPORT
			    "mov $8, %eax\n mov %rax, %cr8\n sti\n nop\n nop\n cli\n" REPORT
			    "xor %eax, %eax\n mov %rax, %cr8\n sti\n nop\n nop\n cli\n" REPORT);

/* Interrupts to itself; the task priority holds the lower one back. */
TEST(apic_self_and_priority)
{
	struct guest_cpu *c = setup(0);

	if (!guest_intel && guest_is_kvm(&g))
		SKIP("QEMU does not survive a write to CR8 while a virtual interrupt waits");
	LOAD(&g, apic_self);
	guest_report(c);
	EQUAL(counted(), 1);
	EQUAL(guest_report(c), 1u << 0x15); /* IRR: both wait, bits 0x75 and 0x95 */
	guest_report(c);
	EQUAL(counted(), 2);
	guest_report(c);
	EQUAL(counted(), 3);
}

CODE64(x2apic, "mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n mov $0x80f, %ecx\n"
	       "mov $0x1ff, %eax\n xor %edx, %edx\n wrmsr\n mov $0x802, %ecx\n rdmsr\n" REPORT
	       "mov $0x83f, %ecx\n mov $0x76, %eax\n xor %edx, %edx\n sti\n wrmsr\n nop\n nop\n"
	       "cli\n" REPORT);
CODE64(ack_x2apic, "push %rax\n push %rcx\n push %rdx\n incq 0x9000\n mov $0x80b, %ecx\n"
		   "xor %eax, %eax\n xor %edx, %edx\n wrmsr\n pop %rdx\n pop %rcx\n pop %rax\n"
		   "iretq\n");

TEST(x2apic_mode)
{
	struct guest_cpu *c = setup(0);

	if (!(guest_cpuid_entry(guest_supported_cpuid(&g), 1)->ecx >> 21 & 1))
		SKIP("no x2APIC in the supported CPUID");
	guest_load(&g, 0xa200, ack_x2apic, ack_x2apic_end);
	guest_gate(&g, 0x76, 0xa200, 0);
	LOAD(&g, x2apic);
	EQUAL(guest_report(c), 0);
	guest_report(c);
	EQUAL(counted(), 1);
}

/* ---- Two processors ---- */

static void *run_until_report(void *arg)
{
	struct guest_cpu *c = arg;

	for (;;) {
		if (try_request(c->fd, KVM_RUN, 0) < 0) {
			if (errno == EAGAIN)
				continue; /* not started yet */
			return (void *)-1;
		}
		if (c->run->exit_reason == KVM_EXIT_IO && c->run->io.port == GUEST_PORT)
			return (void *)(u64) * (u32 *)guest_io_data(c);
		if (c->run->exit_reason != KVM_EXIT_IO)
			return (void *)-2;
	}
}

/* INIT, then the start at 0x9f000, where real-mode code reports itself. */
CODE64(start_other, APIC_INIT "movl $0x1000000, 0x310(%rdi)\n movl $0x4500, 0x300(%rdi)\n"
			      "movl $0x461f, 0x300(%rdi)\n" REPORT);
CODE16(started, "mov %cs, %ax\n mov %ax, %ds\n movw $0x1234, 0x100\n movzwl %ax, %eax\n" REPORT);

TEST(startup_of_a_second_processor)
{
	struct guest_cpu *c = setup(0), *other = guest_cpu_new(&g);
	struct kvm_mp_state state;
	pthread_t thread;
	void *report;

	request(other->fd, KVM_GET_MP_STATE, &state);
	EQUAL(state.mp_state, KVM_MP_STATE_UNINITIALIZED);
	LOAD(&g, start_other);
	guest_load(&g, 0x1f000, started, started_end);
	CHECK(!pthread_create(&thread, NULL, run_until_report, other));
	guest_report(c);
	CHECK(!pthread_join(thread, &report));
	EQUAL(report, 0x1f00);
	EQUAL(*(u16 *)(g.mem + 0x1f100), 0x1234);
	request(other->fd, KVM_GET_MP_STATE, &state);
	EQUAL(state.mp_state, KVM_MP_STATE_RUNNABLE);
}

/* A fixed interrupt and an NMI to the other one, which halts. */
CODE64(send, APIC_INIT "movl $0x1000000, 0x310(%rdi)\n movl $0x4080, 0x300(%rdi)\n" REPORT
		       "movl $0x1000000, 0x310(%rdi)\n movl $0x4400, 0x300(%rdi)\n" REPORT);
CODE64(receive, APIC_INIT "mov $1, %r9d\n" WAIT "mov $0x80, %eax\n" REPORT
			  "1: hlt\n cmpq $2, 0x9000\n jb 1b\n mov $2, %eax\n" REPORT);

TEST(interrupts_between_processors)
{
	struct guest_cpu *c = setup(0), *other = guest_cpu_new(&g);
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs = { .rip = 0xb000, .rsp = 0x7800, .rflags = 2 };
	pthread_t thread;
	void *report;

	long_mode(other);
	request(other->fd, KVM_SET_MP_STATE, &runnable);
	guest_gate(&g, VECTOR_NMI, 0xa000, 0);
	guest_set_regs(other, &regs);
	LOAD(&g, send);
	guest_load(&g, 0xb000, receive, receive_end);
	CHECK(!pthread_create(&thread, NULL, run_until_report, other));
	usleep(100000);
	guest_report(c);
	CHECK(!pthread_join(thread, &report));
	EQUAL(report, 0x80);
	EQUAL(counted(), 1);
	CHECK(!pthread_create(&thread, NULL, run_until_report, other));
	usleep(100000);
	guest_report(c);
	CHECK(!pthread_join(thread, &report));
	EQUAL(report, 2);
	EQUAL(counted(), 2);
}

/* ---- Halted in the kernel ---- */

CODE64(halt_forever, APIC_INIT REPORT "1: sti\n hlt\n jmp 1b\n");

TEST(halted_until_a_signal)
{
	struct guest_cpu *c = setup(0);
	struct kvm_mp_state state;

	guest_interrupted_by(SIGALRM);
	LOAD(&g, halt_forever);
	guest_report(c);
	alarm(1);
	EQUAL(try_request(c->fd, KVM_RUN, 0), -1);
	EQUAL(errno, EINTR);
	request(c->fd, KVM_GET_MP_STATE, &state);
	EQUAL(state.mp_state, KVM_MP_STATE_HALTED);
}

CODE64(wait_once, APIC_INIT REPORT "mov $1, %r9d\n" WAIT REPORT);

static void *later(void *arg)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x90 };

	usleep(200000);
	EQUAL(request(g.vm, KVM_SIGNAL_MSI, &msi), 1);
	return NULL;
}

TEST(halted_until_an_msi)
{
	struct guest_cpu *c = setup(0);
	pthread_t thread;

	LOAD(&g, wait_once);
	guest_report(c);
	CHECK(!pthread_create(&thread, NULL, later, NULL));
	guest_report(c);
	EQUAL(counted(), 1);
	CHECK(!pthread_join(thread, NULL));
}

/* ---- Routing ---- */

TEST(msi_to_nobody)
{
	struct guest_cpu *c = setup(0);
	struct kvm_msi msi = { .address_lo = 0xfee07000, .data = 0x90 };

	LOAD(&g, halt_forever);
	guest_report(c);
	CHECK(try_request(g.vm, KVM_SIGNAL_MSI, (u64)&msi) <= 0);
	msi.address_lo = 0xfee00000;
	EQUAL(request(g.vm, KVM_SIGNAL_MSI, &msi), 1);
}

CODE64(wait_two, APIC_INIT REPORT "mov $1, %r9d\n" WAIT REPORT "mov $2, %r9d\n" WAIT REPORT);

TEST(routing)
{
	struct guest_cpu *c = setup(0);
	static union {
		struct kvm_irq_routing table;
		u8 room[sizeof(struct kvm_irq_routing) + 2 * sizeof(struct kvm_irq_routing_entry)];
	} r;

	LOAD(&g, wait_two);
	guest_report(c);
	r.table.nr = 1;
	r.table.entries[0] = (struct kvm_irq_routing_entry){ .gsi = 5,
							     .type = KVM_IRQ_ROUTING_MSI };
	r.table.entries[0].u.msi.address_lo = 0xfee00000;
	r.table.entries[0].u.msi.data = 0x93;
	request(g.vm, KVM_SET_GSI_ROUTING, &r);
	line(5, 1);
	guest_report(c);
	EQUAL(counted(), 1);
	r.table.entries[0].type = 77;
	EQUAL(try_request(g.vm, KVM_SET_GSI_ROUTING, (u64)&r), -1);
	EQUAL(errno, EINVAL);
	/* The old table stayed. */
	line(5, 0);
	line(5, 1);
	guest_report(c);
	EQUAL(counted(), 2);
}

TEST(irqfd)
{
	struct guest_cpu *c = setup(0);
	struct kvm_irqfd irqfd = { .gsi = 10 };
	u64 one = 1;

	if (!guest_extension(&g, KVM_CAP_IRQFD))
		SKIP("no KVM_CAP_IRQFD");
	LOAD(&g, ioapic_edge);
	guest_report(c);
	irqfd.fd = eventfd(0, 0);
	request(g.vm, KVM_IRQFD, &irqfd);
	CHECK(write(irqfd.fd, &one, 8) == 8);
	guest_report(c);
	EQUAL(counted(), 1);
	CHECK(write(irqfd.fd, &one, 8) == 8);
	guest_report(c);
	EQUAL(counted(), 2);
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	request(g.vm, KVM_IRQFD, &irqfd);
}

CODE64(knock, "mov $0xd0000000, %esi\n mov $7, %eax\n mov %eax, (%rsi)\n mov $0x5678, %edx\n"
	      "out %ax, %dx\n mov %eax, 4(%rsi)\n" REPORT);

TEST(ioeventfd)
{
	struct guest_cpu *c = setup(0);
	struct kvm_ioeventfd e = { .addr = GUEST_MMIO, .len = 4, .datamatch = 7,
				   .flags = KVM_IOEVENTFD_FLAG_DATAMATCH };
	u64 count;

	if (!guest_extension(&g, KVM_CAP_IOEVENTFD))
		SKIP("no KVM_CAP_IOEVENTFD");
	LOAD(&g, knock);
	e.fd = eventfd(0, EFD_NONBLOCK);
	request(g.vm, KVM_IOEVENTFD, &e);
	e = (struct kvm_ioeventfd){ .addr = 0x5678, .len = 2, .fd = e.fd,
				    .flags = KVM_IOEVENTFD_FLAG_PIO };
	request(g.vm, KVM_IOEVENTFD, &e);
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, GUEST_MMIO + 4);
	CHECK(read(e.fd, &count, 8) == 8);
	EQUAL(count, 2);
	guest_report(c);
}

/* ---- State ---- */

TEST(state_of_the_chips)
{
	struct guest_cpu *c = setup(GUEST_PIT);
	static struct kvm_lapic_state apic;
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_pit_state2 pit2;

	LOAD(&g, ioapic_edge);
	guest_report(c);
	request(g.vm, KVM_GET_IRQCHIP, &chip);
	EQUAL(chip.chip.ioapic.redirtbl[10].bits, 0x61);
	EQUAL(chip.chip.ioapic.base_address, 0xfec00000);
	chip.chip.ioapic.redirtbl[10].fields.vector = 0x64;
	request(g.vm, KVM_SET_IRQCHIP, &chip);
	request(g.vm, KVM_GET_IRQCHIP, &chip);
	EQUAL(chip.chip.ioapic.redirtbl[10].bits, 0x64);
	request(c->fd, KVM_GET_LAPIC, &apic);
	EQUAL(*(u32 *)(apic.regs + 0xf0), 0x1ff);
	*(u32 *)(apic.regs + 0x320) = 0x10077;
	request(c->fd, KVM_SET_LAPIC, &apic);
	request(c->fd, KVM_GET_LAPIC, &apic);
	EQUAL(*(u32 *)(apic.regs + 0x320), 0x10077);
	chip.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	request(g.vm, KVM_GET_IRQCHIP, &chip);
	chip.chip_id = 3;
	EQUAL(try_request(g.vm, KVM_GET_IRQCHIP, (u64)&chip), -1);
	EQUAL(errno, EINVAL);
	request(g.vm, KVM_GET_PIT2, &pit2);
	request(g.vm, KVM_SET_PIT2, &pit2);
	pulse(10);
	guest_report(c);
	EQUAL(counted(), 1);
}

TEST(wrong_order)
{
	struct kvm_pit_config config = { 0 };
	struct kvm_irq_level irq = { .irq = 1, .level = 1 };

	guest_new(&g, GUEST_SIZE, 0);
	/* There is a vCPU already. */
	EQUAL(try_request(g.vm, KVM_CREATE_IRQCHIP, 0), -1);
	EQUAL(errno, EINVAL);
	EQUAL(try_request(g.vm, KVM_IRQ_LINE, (u64)&irq), -1);
	EQUAL(errno, ENXIO);
	guest_end(&g);
	guest_new(&g, GUEST_SIZE, GUEST_IRQCHIP | GUEST_PIT);
	EQUAL(try_request(g.vm, KVM_CREATE_IRQCHIP, 0), -1);
	EQUAL(errno, EEXIST);
	EQUAL(try_request(g.vm, KVM_CREATE_PIT2, (u64)&config), -1);
	EQUAL(errno, EEXIST);
}
