// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Interrupts and NMIs given by the caller, without interrupt chips. */
#include <errno.h>
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(void)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	return &g.cpu[0];
}

static void interrupt(struct guest_cpu *c, u32 vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	request(c->fd, KVM_INTERRUPT, &irq);
}

/* The vectors delivered so far, and where each came. */
static void delivered(u64 n, u64 vector, u64 rip)
{
	struct guest_event *e = &guest_events(&g)->event[n];

	EQUAL(guest_events(&g)->count, n + 1);
	EQUAL(e->vector, vector);
	EQUAL(e->rip, rip);
}

CODE64(closed, "nop\n out %al, $0xe0\n sti\n nop\n nop\n nop\n hlt\n");

/* With interrupts off it waits; STI lets it in after the next instruction. */
TEST(waits_for_sti)
{
	struct guest_cpu *c = setup();

	if (guest_is_kvm(&g))
		SKIP("KVM delivers it all the same");
	LOAD(&g, closed);
	interrupt(c, 0x42);
	guest_report(c);
	EQUAL(guest_events(&g)->count, 0);
	EQUAL(c->run->if_flag, 0);
	EQUAL(c->run->ready_for_interrupt_injection, 0);
	guest_run_to(c, KVM_EXIT_HLT);
	delivered(0, 0x42, GUEST_CODE + 5);
	EQUAL(guest_events(&g)->event[0].rflags & RFLAGS_IF, RFLAGS_IF);
}

/* The caller asks to be told when one can be injected. */
TEST(window)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs;

	LOAD(&g, closed);
	c->run->request_interrupt_window = 1;
	guest_report(c);
	EQUAL(c->run->ready_for_interrupt_injection, 0);
	guest_run_to(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	EQUAL(c->run->ready_for_interrupt_injection, 1);
	EQUAL(c->run->if_flag, 1);
	guest_regs(c, &regs);
	EQUAL(regs.rip, GUEST_CODE + 5);
	interrupt(c, 0x43);
	c->run->request_interrupt_window = 0;
	guest_run_to(c, KVM_EXIT_HLT);
	delivered(0, 0x43, GUEST_CODE + 5);
}

TEST(window_while_open)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK,
				 .rflags = RFLAGS_ONE | RFLAGS_IF };

	LOAD(&g, closed);
	guest_set_regs(c, &regs);
	c->run->request_interrupt_window = 1;
	guest_run_to(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	guest_regs(c, &regs);
	EQUAL(regs.rip, GUEST_CODE);
	interrupt(c, 0x44);
	c->run->request_interrupt_window = 0;
	guest_report(c);
	delivered(0, 0x44, GUEST_CODE);
}

CODE64(stack_switch, "mov %ss, %eax\n sti\n nop\n mov %eax, %ss\n nop\n nop\n hlt\n");

/* MOV to SS holds interrupts off for one instruction too. */
TEST(mov_ss_shadow)
{
	struct guest_cpu *c = setup();

	LOAD(&g, stack_switch);
	c->run->request_interrupt_window = 1;
	guest_run_to(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	EQUAL(c->run->ready_for_interrupt_injection, 1);
	c->run->request_interrupt_window = 0;
	interrupt(c, 0x45);
	guest_run_to(c, KVM_EXIT_HLT);
	delivered(0, 0x45, GUEST_CODE + 4);
}

CODE64(sti_hlt, "sti\n hlt\n nop\n hlt\n");

/* An interrupt that comes while the guest is halted goes on behind HLT. */
TEST(after_hlt)
{
	struct guest_cpu *c = setup();

	LOAD(&g, sti_hlt);
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(c->run->if_flag, 1);
	EQUAL(c->run->ready_for_interrupt_injection, 1);
	interrupt(c, 0x46);
	guest_run_to(c, KVM_EXIT_HLT);
	delivered(0, 0x46, GUEST_CODE + 2);
}

TEST(wrong_vectors)
{
	struct guest_cpu *c = setup();
	struct kvm_interrupt irq = { .irq = 256 };

	EQUAL(try_request(c->fd, KVM_INTERRUPT, (u64)&irq), -1);
	EQUAL(errno, EINVAL);
	irq.irq = 0xffffffff;
	EQUAL(try_request(c->fd, KVM_INTERRUPT, (u64)&irq), -1);
	EQUAL(errno, EINVAL);
}

TEST(not_with_chips)
{
	struct kvm_interrupt irq = { .irq = 0x40 };

	guest_new(&g, GUEST_SIZE, GUEST_IRQCHIP);
	EQUAL(try_request(g.cpu[0].fd, KVM_INTERRUPT, (u64)&irq), -1);
	EQUAL(errno, ENXIO);
}

/* ---- NMI ---- */

CODE64(plain, "nop\n nop\n out %al, $0xe0\n nop\n hlt\n");

TEST(nmi)
{
	struct guest_cpu *c = setup();

	LOAD(&g, plain);
	request(c->fd, KVM_NMI, 0);
	guest_report(c);
	delivered(0, VECTOR_NMI, GUEST_CODE);
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(guest_events(&g)->count, 1);
}

/* The handler of the NMI leaves by a port before it returns: what comes then waits for IRET. */
CODE64(nmi_handler, "push %rax\n mov $0x99, %eax\n out %al, $0xe0\n incl 0x9000\n pop %rax\n"
		    "iretq\n");

TEST(nmi_blocked_until_iret)
{
	struct guest_cpu *c = setup();

	LOAD(&g, plain);
	guest_load(&g, 0xa000, nmi_handler, nmi_handler_end);
	guest_gate(&g, VECTOR_NMI, 0xa000, 0);
	request(c->fd, KVM_NMI, 0);
	EQUAL(guest_report(c) & 0xff, 0x99);
	/* Two more: one is remembered behind the one in service. */
	request(c->fd, KVM_NMI, 0);
	request(c->fd, KVM_NMI, 0);
	EQUAL(*(u32 *)(g.mem + 0x9000), 0);
	EQUAL(guest_report(c) & 0xff, 0x99);
	EQUAL(*(u32 *)(g.mem + 0x9000), 1);
	EQUAL(guest_report(c) & 0xff, 0);
	EQUAL(*(u32 *)(g.mem + 0x9000), 2);
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(*(u32 *)(g.mem + 0x9000), 2);
}

/* Both at once: the NMI goes first, the interrupt into its handler's successor. */
TEST(nmi_before_interrupt)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK,
				 .rflags = RFLAGS_ONE | RFLAGS_IF };

	LOAD(&g, plain);
	guest_set_regs(c, &regs);
	interrupt(c, 0x50);
	request(c->fd, KVM_NMI, 0);
	guest_report(c);
	EQUAL(guest_events(&g)->count, 2);
	CHECK(guest_events(&g)->event[0].vector + guest_events(&g)->event[1].vector ==
	      VECTOR_NMI + 0x50);
}

TEST(nmi_wakes_hlt)
{
	struct guest_cpu *c = setup();

	LOAD(&g, sti_hlt);
	guest_run_to(c, KVM_EXIT_HLT);
	request(c->fd, KVM_NMI, 0);
	guest_run_to(c, KVM_EXIT_HLT);
	delivered(0, VECTOR_NMI, GUEST_CODE + 2);
}

/* ---- What waits, seen and set from outside ---- */

TEST(vcpu_events)
{
	struct guest_cpu *c = setup();
	struct kvm_vcpu_events e;

	if (!guest_extension(&g, KVM_CAP_VCPU_EVENTS))
		SKIP("no KVM_CAP_VCPU_EVENTS");
	LOAD(&g, plain);
	request(c->fd, KVM_NMI, 0);
	request(c->fd, KVM_GET_VCPU_EVENTS, &e);
	EQUAL(e.nmi.pending, 1);
	EQUAL(e.nmi.injected, 0);
	EQUAL(e.nmi.masked, 0);
	/* Taken back. */
	e.nmi.pending = 0;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	request(c->fd, KVM_SET_VCPU_EVENTS, &e);
	guest_report(c);
	EQUAL(guest_events(&g)->count, 0);
	/* An exception given. */
	request(c->fd, KVM_GET_VCPU_EVENTS, &e);
	e.exception.injected = 1;
	e.exception.nr = VECTOR_GP;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0x1238;
	request(c->fd, KVM_SET_VCPU_EVENTS, &e);
	guest_run_to(c, KVM_EXIT_IO);
	EQUAL(c->run->io.port, GUEST_PORT_FAULT);
	EQUAL(guest_events(&g)->event[0].vector, VECTOR_GP);
	EQUAL(guest_events(&g)->event[0].error, 0x1238);
}

CODE64(push_flags, "pushf\n pop %rbx\n");
CODE64(pop_flags, "popf\n nop\n nop\n");
CODE64(int_n, "int $0x55\n");
CODE64(system_call, "syscall\n");
CODE64(load_stack, "mov $0x7000, %esp\n pushf\n pop %rbx\n");

/*
 * An NMI that waits for the end of an interrupt shadow: nothing of what brings it in then is to be
 * seen by the guest, least of all a trap flag that the guest has not set.
 */
TEST(nmi_behind_a_shadow)
{
	static const struct {
		const char *name;
		const u8 *code, *end;
		int vector;
	} list[] = {
		{ "pushf", push_flags, push_flags_end, NO_EXCEPTION },
		{ "popf", pop_flags, pop_flags_end, VECTOR_DB },
		{ "int", int_n, int_n_end, NO_EXCEPTION },
		{ "syscall", system_call, system_call_end, NO_EXCEPTION },
		{ "mov to esp", load_stack, load_stack_end, NO_EXCEPTION },
	};
	struct guest_cpu *c = setup();
	struct kvm_vcpu_events e;

	if (guest_is_kvm(&g))
		SKIP("KVM shows the guest a trap flag (AMD), or brings none (Intel, before SYSCALL)");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(list); i++) {
		const u8 *code = list[i / 2].code;
		struct guest_events *events = guest_events(&g);
		struct kvm_regs r = { .rflags = RFLAGS_ONE | RFLAGS_IF }; /* as STI leaves it */
		bool nmi = false;
		int vector;

		guest_mode(c, MODE_LONG);
		CHECK(guest_set_msr(c, IA32_STAR, (u64)SEL_CODE64 << 32));
		CHECK(guest_set_msr(c, IA32_LSTAR, GUEST_CODE + 2)); /* HLT behind it */
		CHECK(guest_set_msr(c, IA32_FMASK, RFLAGS_TF | RFLAGS_IF));
		request(c->fd, KVM_GET_VCPU_EVENTS, &e);
		e.flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING;
		e.interrupt.shadow = i & 1 ? KVM_X86_SHADOW_INT_MOV_SS : KVM_X86_SHADOW_INT_STI;
		e.nmi.pending = 1;
		e.nmi.masked = 0;
		request(c->fd, KVM_SET_VCPU_EVENTS, &e);
		/* What POPF finds is not what was pushed below the stack pointer by the NMI. */
		*(u64 *)(g.mem + GUEST_STACK) = RFLAGS_ONE | RFLAGS_TF;
		vector = guest_try(c, code, list[i / 2].end, &r);
		if (vector != NO_EXCEPTION)
			vector = *(u8 *)guest_io_data(c); /* the last one */
		if (vector != list[i / 2].vector)
			FAIL("%s: vector %d", list[i / 2].name, vector);
		for (u64 n = 0; n < events->count; n++) {
			nmi |= events->event[n].vector == VECTOR_NMI;
			if ((events->event[n].rflags & RFLAGS_TF) && code != pop_flags)
				FAIL("%s: vector %llu with TF", list[i / 2].name, events->event[n].vector);
		}
		if (!nmi)
			FAIL("%s: no NMI", list[i / 2].name);
		if (code == push_flags || code == load_stack)
			EQUAL(r.rbx & RFLAGS_TF, 0);
		if (code == system_call)
			EQUAL(r.r11 & RFLAGS_TF, 0);
		if (code != pop_flags)
			EQUAL(r.rflags & RFLAGS_TF, 0);
	}
}

CODE64(moves_on, "nop\n out %al, $0xe0\n mov $0x6000, %esp\n mov %esp, 0x9000\n"
		 "mov $0x100000, %eax\n mov %rax, %cr3\n nop\n out %al, $0xe0\n nop\n hlt\n");

/*
 * An exception that is none: some processors refuse the entry. The guest is where it was, and goes
 * on when the event is taken back.
 */
TEST(refused_event_changes_nothing)
{
	struct guest_cpu *c = setup();
	struct kvm_vcpu_events e, odd;
	struct kvm_regs regs;

	if (guest_is_kvm(&g) && !guest_intel)
		SKIP("KVM takes over what QEMU leaves in the VMCB");
	LOAD(&g, moves_on);
	guest_report(c);
	guest_report(c);
	request(c->fd, KVM_GET_VCPU_EVENTS, &e);
	odd = e;
	odd.exception.injected = 1;
	odd.exception.nr = 31;
	odd.exception.has_error_code = 0;
	request(c->fd, KVM_SET_VCPU_EVENTS, &odd);
	if (guest_run(c) != KVM_EXIT_FAIL_ENTRY)
		SKIP("this processor injects it");
	guest_regs(c, &regs);
	EQUAL(regs.rsp, 0x6000);
	EQUAL(regs.rip, GUEST_CODE + 26);
	EQUAL(regs.rax, 0x100000);
	request(c->fd, KVM_SET_VCPU_EVENTS, &e);
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(guest_events(&g)->count, 0);
}

TEST(nmi_masked_by_request)
{
	struct guest_cpu *c = setup();
	struct kvm_vcpu_events e;

	if (!guest_extension(&g, KVM_CAP_VCPU_EVENTS))
		SKIP("no KVM_CAP_VCPU_EVENTS");
	LOAD(&g, plain);
	request(c->fd, KVM_GET_VCPU_EVENTS, &e);
	e.nmi.masked = 1;
	request(c->fd, KVM_SET_VCPU_EVENTS, &e);
	request(c->fd, KVM_NMI, 0);
	guest_report(c);
	EQUAL(guest_events(&g)->count, 0);
	request(c->fd, KVM_GET_VCPU_EVENTS, &e);
	EQUAL(e.nmi.masked, 1);
	EQUAL(e.nmi.pending, 1);
	e.nmi.masked = 0;
	request(c->fd, KVM_SET_VCPU_EVENTS, &e);
	guest_run_to(c, KVM_EXIT_HLT);
	delivered(0, VECTOR_NMI, guest_events(&g)->event[0].rip);
}

/* ---- CR8 without chips: the caller's and the guest's share it by kvm_run ---- */

CODE64(cr8, "mov %cr8, %rbx\n mov $7, %eax\n mov %rax, %cr8\n out %al, $0xe0\n mov %cr8, %rcx\n"
	    "hlt\n");

TEST(task_priority)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs;
	int exits = 0;

	LOAD(&g, cr8);
	c->run->cr8 = 3;
	/* A lowered priority may leave with KVM_EXIT_SET_TPR; this one is raised. */
	while (guest_run(c) == KVM_EXIT_SET_TPR && exits < 3)
		exits++;
	EQUAL(c->run->exit_reason, KVM_EXIT_IO);
	EQUAL(c->run->cr8, 7);
	c->run->cr8 = 9;
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rbx, 3);
	EQUAL(regs.rcx, 9);
}

CODE64(lower_cr8, "xor %eax, %eax\n mov %rax, %cr8\n hlt\n");

TEST(task_priority_lowered)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs;

	LOAD(&g, lower_cr8);
	c->run->cr8 = 5;
	guest_run_to(c, KVM_EXIT_SET_TPR);
	EQUAL(c->run->cr8, 0);
	guest_regs(c, &regs);
	EQUAL(regs.rip, GUEST_CODE + 6);
	guest_run_to(c, KVM_EXIT_HLT);
}
