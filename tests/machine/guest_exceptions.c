// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Exceptions: delivered, nested, interrupted in their delivery; instructions a guest has not. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(void)
{
	guest_new(&g, 2 * GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	return &g.cpu[0];
}

/* ---- Each exception, with its error code ---- */

CODE64(divide, "xor %ecx, %ecx\n div %ecx\n");
CODE64(breakpoint, "int3\n");
CODE64(icebp, ".byte 0xf1\n");
CODE64(undefined, "ud2\n");
CODE64(soft_int, "int $0x55\n");
CODE64(not_present, "movq $0, 0x838\n movl $0x00001300, 0x83c\n mov $0x38, %eax\n"
		    "mov %eax, %fs\n");
CODE64(bad_selector, "mov $0x1238, %eax\n mov %eax, %fs\n");
CODE64(non_canonical, "mov $0x8000000000000000, %rax\n mov (%rax), %ebx\n");
CODE64(read_unmapped, "mov $0x100000000, %rax\n mov (%rax), %ebx\n");
CODE64(write_unmapped, "mov $0x100000000, %rax\n mov %ebx, (%rax)\n");
CODE64(jump_unmapped, "mov $0x100000000, %rax\n jmp *%rax\n");
CODE64(unmasked_sse, "movl $0x1d00, 0x9000\n ldmxcsr 0x9000\n xorps %xmm0, %xmm0\n"
		     "mov $1, %eax\n cvtsi2ss %eax, %xmm1\n divss %xmm0, %xmm1\n");
CODE64(long_instruction, ".rept 16\n .byte 0x66\n .endr\n nop\n");
CODE64(trap_flag, "pushf\n orl $0x100, (%rsp)\n popf\n nop\n nop\n");

struct expected {
	const u8 *code, *end;
	const char *name;
	u8 vector;
	u32 error;
	s32 rip; /* from GUEST_CODE; below 0: not there */
};
#define WANT(name, vector, error, rip) { name, name##_end, #name, vector, error, rip }
#define NAME(name) { name, name##_end, #name, 0, 0, 0 }

TEST(vectors_and_error_codes)
{
	static const struct expected list[] = {
		WANT(divide, VECTOR_DE, 0, 2),
		WANT(breakpoint, VECTOR_BP, 0, 1),
		WANT(icebp, VECTOR_DB, 0, 1),
		WANT(undefined, VECTOR_UD, 0, 0),
		WANT(not_present, VECTOR_NP, 0x38, 28),
		WANT(bad_selector, VECTOR_GP, 0x1238, 5),
		WANT(unmasked_sse, VECTOR_XM, 0, 31),
		WANT(non_canonical, VECTOR_GP, 0, 10),
		WANT(read_unmapped, VECTOR_PF, 0, 10),
		WANT(write_unmapped, VECTOR_PF, PF_WRITE, 10),
		WANT(jump_unmapped, VECTOR_PF, PF_FETCH, -1),
		WANT(long_instruction, VECTOR_GP, 0, 0),
	};
	struct guest_cpu *c = setup();

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		const struct expected *e = &list[i];
		struct guest_event *event = &guest_events(&g)->event[0];
		struct kvm_regs r = { 0 };
		int vector;

		/* QEMU has something of its own for ICEBP, and no unmasked exceptions of SSE. */
		if (!guest_intel && (e->code == icebp || e->code == unmasked_sse))
			continue;
		vector = guest_try(c, e->code, e->end, &r);

		if (vector != e->vector || event->error != e->error)
			FAIL("%s: vector %d, error %#llx", e->name, vector, event->error);
		if (e->rip >= 0 && event->rip != GUEST_CODE + (u64)e->rip)
			FAIL("%s: at %#llx", e->name, event->rip);
		if (e->vector == VECTOR_PF)
			EQUAL(event->cr2, 0x100000000);
	}
}

TEST(software_interrupt)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	EQUAL(TRY(c, soft_int, &r), NO_EXCEPTION);
	EQUAL(guest_events(&g)->count, 1);
	EQUAL(guest_events(&g)->event[0].vector, 0x55);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE + 2);
}

/* The trap flag: #DB after the instruction that follows POPF. */
TEST(single_step_of_the_guest)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	EQUAL(TRY(c, trap_flag, &r), VECTOR_DB);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE + 10);
}

/* ---- Nested ---- */

/* #GP whose gate is not a gate: a double fault (SDM vol. 3, table 6-5). */
TEST(double_fault)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	memset(g.mem + GUEST_IDT + 16 * VECTOR_GP, 0, 16);
	EQUAL(TRY(c, non_canonical, &r), VECTOR_DF);
	EQUAL(guest_events(&g)->event[0].error, 0);
}

/* A page fault while #GP is delivered is a plain page fault. */
TEST(page_fault_in_delivery)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	/* #GP is to run on a stack that is not mapped. */
	*(u64 *)(g.mem + GUEST_TSS + 36) = 0x100001000;
	guest_gate(&g, VECTOR_GP, GUEST_STUBS + 16 * VECTOR_GP, 1);
	EQUAL(TRY(c, non_canonical, &r), VECTOR_PF);
	EQUAL(guest_events(&g)->event[0].cr2, 0x100000ff8);
	EQUAL(guest_events(&g)->event[0].error, PF_WRITE);
}

/* A page fault while a page fault is delivered is a double fault. */
TEST(page_fault_in_page_fault)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	*(u64 *)(g.mem + GUEST_TSS + 36) = 0x100001000;
	guest_gate(&g, VECTOR_PF, GUEST_STUBS + 16 * VECTOR_PF, 1);
	EQUAL(TRY(c, read_unmapped, &r), VECTOR_DF);
}

/* It ends the run; afterwards the processor can be set up again. */
TEST(triple_fault)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs;
	struct kvm_sregs s;

	LOAD(&g, undefined);
	guest_regs(c, &regs);
	guest_sregs(c, &s);
	s.idt.limit = 0;
	guest_set_sregs(c, &s);
	guest_run_to(c, KVM_EXIT_SHUTDOWN);
	s.idt.limit = 0xfff;
	guest_set_sregs(c, &s);
	guest_set_regs(c, &regs);
	guest_run_to(c, KVM_EXIT_IO);
	EQUAL(c->run->io.port, GUEST_PORT_FAULT);
	EQUAL(*(u8 *)guest_io_data(c), VECTOR_UD);
}

CODE16(real_triple, "lidt 0x9000\n int $3\n hlt\n");

TEST(triple_fault_in_real_mode)
{
	struct guest_cpu *c = setup();

	LOAD(&g, real_triple);
	guest_mode(c, MODE_REAL);
	guest_run_to(c, KVM_EXIT_SHUTDOWN);
}

/* ---- Delivery that hits memory the hypervisor has not mapped yet ---- */

/*
 * The IDT and the handler's stack lie in a slot that nobody has touched, so that the delivery
 * itself ends in an exit; the event must arrive all the same, once.
 */
#define FRESH 0x2000000

static struct guest_cpu *fresh_tables(bool fresh_stack)
{
	struct guest_cpu *c = setup();
	u8 *memory = guest_memory(0x400000);
	struct kvm_sregs s;

	CHECK(!guest_slot(&g, 1, 0, FRESH, 0x400000, memory));
	memcpy(memory, g.mem + GUEST_IDT, 4096);
	guest_sregs(c, &s);
	s.idt.base = FRESH;
	guest_set_sregs(c, &s);
	if (fresh_stack) {
		*(u64 *)(g.mem + GUEST_TSS + 36) = FRESH + 0x201000;
		for (int i = 0; i < 256; i++)
			((u64 *)memory)[2 * i] |= 1ull << 32;
	}
	return c;
}

static void delivered(struct guest_cpu *c, u8 vector, u64 error, u64 rip)
{
	struct guest_event *e = &guest_events(&g)->event[0];

	EQUAL(guest_events(&g)->count, 1);
	EQUAL(e->vector, vector);
	EQUAL(e->error, error);
	EQUAL(e->rip, rip);
}

TEST(exception_redelivered)
{
	struct kvm_regs r = { 0 };

	for (int stack = 0; stack < 2; stack++) {
		EQUAL(TRY(fresh_tables(stack), undefined, &r), VECTOR_UD);
		delivered(&g.cpu[0], VECTOR_UD, 0, GUEST_CODE);
		guest_end(&g);
		EQUAL(TRY(fresh_tables(stack), bad_selector, &r), VECTOR_GP);
		delivered(&g.cpu[0], VECTOR_GP, 0x1238, GUEST_CODE + 5);
		guest_end(&g);
		EQUAL(TRY(fresh_tables(stack), read_unmapped, &r), VECTOR_PF);
		delivered(&g.cpu[0], VECTOR_PF, 0, GUEST_CODE + 10);
		EQUAL(guest_events(&g)->event[0].cr2, 0x100000000);
		guest_end(&g);
	}
}

TEST(software_interrupt_redelivered)
{
	struct kvm_regs r = { 0 };

	if (guest_bochs_amd)
		SKIP("Bochs' EXITINTINFO tells of an INT n what came before it");
	for (int stack = 0; stack < 2; stack++) {
		EQUAL(TRY(fresh_tables(stack), soft_int, &r), NO_EXCEPTION);
		delivered(&g.cpu[0], 0x55, 0, GUEST_CODE + 2);
		guest_end(&g);
		EQUAL(TRY(fresh_tables(stack), breakpoint, &r), VECTOR_BP);
		delivered(&g.cpu[0], VECTOR_BP, 0, GUEST_CODE + 1);
		guest_end(&g);
	}
}

CODE64(sti_and_wait, "sti\n nop\n nop\n");
CODE64(only_wait, "nop\n nop\n");

TEST(interrupt_redelivered)
{
	struct kvm_interrupt irq = { .irq = 0x77 };
	struct kvm_regs r = { .rflags = RFLAGS_IF };

	for (int stack = 0; stack < 2; stack++) {
		struct guest_cpu *c = fresh_tables(stack);

		request(c->fd, KVM_INTERRUPT, &irq);
		EQUAL(TRY(c, sti_and_wait, &r), NO_EXCEPTION);
		delivered(c, 0x77, 0, GUEST_CODE);
		guest_end(&g);
	}
}

TEST(nmi_redelivered)
{
	struct kvm_regs r = { 0 };

	for (int stack = 0; stack < 2; stack++) {
		struct guest_cpu *c = fresh_tables(stack);

		request(c->fd, KVM_NMI, 0);
		EQUAL(TRY(c, only_wait, &r), NO_EXCEPTION);
		delivered(c, VECTOR_NMI, 0, GUEST_CODE);
		guest_end(&g);
	}
}

/*
 * Or that the caller has not provided yet: the run ends with what could not be delivered, and when
 * the memory is there the event arrives, once, as if nothing had been.
 */
enum missing { NO_SLOT, READ_ONLY, NO_ACCESS };

static struct {
	const char *name;
	const u8 *code, *end;
	u8 vector;
	u32 error;
	s32 rip;
	bool goes_on; /* vectors from 32 on return */
} const events[] = {
	{ "#UD", undefined, undefined_end, VECTOR_UD, 0, 0 },
	{ "#GP", bad_selector, bad_selector_end, VECTOR_GP, 0x1238, 5 },
	{ "#PF", read_unmapped, read_unmapped_end, VECTOR_PF, 0, 10 },
	{ "INT n", soft_int, soft_int_end, 0x55, 0, 2, true },
	{ "INT3", breakpoint, breakpoint_end, VECTOR_BP, 0, 1 },
	{ "interrupt", only_wait, only_wait_end, 0x77, 0, 0, true },
	{ "NMI", only_wait, only_wait_end, VECTOR_NMI, 0, 0, true },
};

static void begin_event(struct guest_cpu *c, size_t i)
{
	struct kvm_regs r = { .rip = GUEST_CODE, .rsp = GUEST_STACK,
			      .rflags = RFLAGS_ONE | RFLAGS_IF };
	struct kvm_interrupt irq = { .irq = 0x77 };

	guest_load(&g, GUEST_CODE, events[i].code, events[i].end);
	g.mem[GUEST_CODE + (events[i].end - events[i].code)] = 0xf4; /* HLT */
	guest_set_regs(c, &r);
	if (events[i].vector == 0x77)
		request(c->fd, KVM_INTERRUPT, &irq);
	else if (events[i].vector == VECTOR_NMI)
		request(c->fd, KVM_NMI, 0);
}

/* The run that cannot deliver it, as often as the caller likes. */
static void cannot_deliver(struct guest_cpu *c, size_t i, enum missing missing)
{
	bool software = events[i].code == soft_int || events[i].code == breakpoint;

	for (unsigned int n = 0; n < 3; n++) {
		int ret = try_request(c->fd, KVM_RUN, 0);

		if (missing == NO_ACCESS) {
			if (ret != -1 || errno != EFAULT)
				FAIL("%s: %s", events[i].name, guest_exit_text(c));
			continue;
		}
		/* AMD-V executes INT again, so there it is an instruction that is not for MMIO. */
		if (ret || c->run->exit_reason != KVM_EXIT_INTERNAL_ERROR ||
		    c->run->internal.suberror != (software && !guest_intel ?
							  KVM_INTERNAL_ERROR_EMULATION :
							  KVM_INTERNAL_ERROR_DELIVERY_EV))
			FAIL("%s: %s", events[i].name, guest_exit_text(c));
		EQUAL(guest_events(&g)->count, 0);
	}
}

static void deliver_late(size_t i, bool stack, enum missing missing)
{
	u8 *memory = guest_memory(0x400000);
	struct guest_cpu *c = setup();
	struct kvm_sregs s;

	if (missing != NO_ACCESS && guest_is_kvm(&g))
		SKIP("KVM takes the instruction for MMIO");
	memcpy(memory, g.mem + GUEST_IDT, 4096);
	if (stack) {
		*(u64 *)(g.mem + GUEST_TSS + 36) = FRESH + 0x201000;
		for (int v = 0; v < 256; v++)
			((u64 *)(g.mem + GUEST_IDT))[2 * v] |= 1ull << 32;
	} else {
		guest_sregs(c, &s);
		s.idt.base = FRESH;
		guest_set_sregs(c, &s);
	}
	if (missing != NO_SLOT)
		CHECK(!guest_slot(&g, 1, missing == READ_ONLY ? KVM_MEM_READONLY : 0, FRESH, 0x400000,
				  memory));
	if (missing == NO_ACCESS)
		CHECK(!mprotect(memory, 0x400000, PROT_NONE));
	begin_event(c, i);
	cannot_deliver(c, i, missing);
	if (missing == NO_ACCESS)
		CHECK(!mprotect(memory, 0x400000, PROT_READ | PROT_WRITE));
	if (missing == READ_ONLY)
		CHECK(!guest_slot(&g, 1, 0, FRESH, 0, memory));
	if (missing != NO_ACCESS)
		CHECK(!guest_slot(&g, 1, 0, FRESH, 0x400000, memory));
	guest_run_to(c, events[i].goes_on ? KVM_EXIT_HLT : KVM_EXIT_IO);
	if (!events[i].goes_on)
		EQUAL(c->run->io.port, GUEST_PORT_FAULT);
	delivered(c, events[i].vector, events[i].error, GUEST_CODE + events[i].rip);
	guest_end(&g);
	munmap(memory, 0x400000);
}

static void deliver_all_late(bool stack, enum missing missing)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		deliver_late(i, stack, missing);
}

TEST(tables_in_memory_that_comes_later)
{
	deliver_all_late(false, NO_SLOT);
}

TEST(stack_in_memory_that_comes_later)
{
	deliver_all_late(true, NO_SLOT);
}

TEST(stack_in_a_read_only_slot)
{
	deliver_all_late(true, READ_ONLY);
}

TEST(tables_and_stack_that_the_caller_took_away)
{
	deliver_all_late(false, NO_ACCESS);
	deliver_all_late(true, NO_ACCESS);
}

/* Reading is all that a delivery does there. */
TEST(tables_in_a_read_only_slot)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		u8 *memory = guest_memory(0x1000);
		struct guest_cpu *c = setup();
		struct kvm_sregs s;

		memcpy(memory, g.mem + GUEST_IDT, 4096);
		CHECK(!guest_slot(&g, 1, KVM_MEM_READONLY, FRESH, 0x1000, memory));
		guest_sregs(c, &s);
		s.idt.base = FRESH;
		guest_set_sregs(c, &s);
		begin_event(c, i);
		guest_run_to(c, events[i].goes_on ? KVM_EXIT_HLT : KVM_EXIT_IO);
		delivered(c, events[i].vector, events[i].error, GUEST_CODE + events[i].rip);
		guest_end(&g);
	}
}

/* Tables where no memory is: nobody can deliver that. */
TEST(delivery_into_nothing)
{
	struct guest_cpu *c = setup();
	struct kvm_sregs s;

	LOAD(&g, undefined);
	guest_sregs(c, &s);
	s.idt.base = GUEST_MMIO;
	guest_set_sregs(c, &s);
	guest_interrupted_by(SIGALRM);
	alarm(2);
	if (try_request(c->fd, KVM_RUN, 0) < 0)
		SKIP("it runs for ever; a signal ends it");
	if (c->run->exit_reason != KVM_EXIT_INTERNAL_ERROR &&
	    c->run->exit_reason != KVM_EXIT_SHUTDOWN)
		FAIL("%s", guest_exit_text(c));
}

/* ---- Instructions of VMX and SVM, which the guest has not ---- */

CODE64(i_vmxon, "vmxon 0x9000\n");
CODE64(i_vmxoff, "vmxoff\n");
CODE64(i_vmlaunch, "vmlaunch\n");
CODE64(i_vmresume, "vmresume\n");
CODE64(i_vmptrld, "vmptrld 0x9000\n");
CODE64(i_vmptrst, "vmptrst 0x9000\n");
CODE64(i_vmclear, "vmclear 0x9000\n");
CODE64(i_vmread, "vmread %rax, %rbx\n");
CODE64(i_vmwrite, "vmwrite %rax, %rbx\n");
CODE64(i_invept, "invept 0x9000, %rax\n");
CODE64(i_invvpid, "invvpid 0x9000, %rax\n");
CODE64(i_vmfunc, "vmfunc\n");
CODE64(i_getsec, "xor %eax, %eax\n .byte 0x0f, 0x37\n");
CODE64(i_vmrun, "mov $0x9000, %eax\n vmrun\n");
CODE64(i_vmload, "mov $0x9000, %eax\n vmload\n");
CODE64(i_vmsave, "mov $0x9000, %eax\n vmsave\n");
CODE64(i_stgi, "stgi\n");
CODE64(i_clgi, "clgi\n");
CODE64(i_skinit, "xor %eax, %eax\n skinit\n");
CODE64(i_invlpga, "invlpga\n");

TEST(virtualization_instructions)
{
	static const struct expected list[] = {
		NAME(i_vmxon), NAME(i_vmxoff), NAME(i_vmlaunch), NAME(i_vmresume), NAME(i_vmptrld),
		NAME(i_vmptrst), NAME(i_vmclear), NAME(i_vmread), NAME(i_vmwrite), NAME(i_invept),
		NAME(i_invvpid), NAME(i_vmfunc), NAME(i_getsec), NAME(i_vmrun), NAME(i_vmload),
		NAME(i_vmsave), NAME(i_stgi), NAME(i_clgi), NAME(i_skinit), NAME(i_invlpga),
	};
	struct guest_cpu *c = setup();

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct kvm_regs r = { 0 };
		int vector = guest_try(c, list[i].code, list[i].end, &r);

		if (vector != VECTOR_UD)
			FAIL("%s: vector %d instead of #UD", list[i].name, vector);
	}
}

/* ---- Hypercalls ---- */

CODE64(vmcall, "vmcall\n");
CODE64(vmmcall, "vmmcall\n");

/* A number that nobody serves: -1000 comes back, and the guest goes on; with either instruction. */
TEST(hypercall_unknown)
{
	static const struct expected list[] = { NAME(vmcall), NAME(vmmcall) };
	struct guest_cpu *c = setup();

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct kvm_regs r = { .rax = 0x7fff0000, .rbx = 1 };

		EQUAL(guest_try(c, list[i].code, list[i].end, &r), NO_EXCEPTION);
		EQUAL(r.rax, -1000);
		EQUAL(r.rbx, 1);
		EQUAL(r.rip, GUEST_CODE + 4);
	}
}

CODE64(lock_vmcall, ".byte 0xf0\n vmcall\n");
CODE64(lock_vmmcall, ".byte 0xf0\n vmmcall\n");
CODE64(vmcall_in_memory, ".byte 0x0f, 0x01, 0x01\n");
CODE64(ud1, ".byte 0x0f, 0xb9, 0xc1\n");

/* What only looks like one is as undefined as ever. */
TEST(hypercall_lookalikes)
{
	static const struct expected list[] = {
		NAME(lock_vmcall), NAME(lock_vmmcall), NAME(undefined), NAME(ud1),
	};
	struct guest_cpu *c = setup();
	struct kvm_regs sgdt = { .rax = 0x7fff0000, .rcx = 0x9000 };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct kvm_regs r = { .rax = 0x7fff0000 };
		int vector;

		if (list[i].code == lock_vmmcall && !guest_intel)
			continue; /* QEMU's processor takes it */
		vector = guest_try(c, list[i].code, list[i].end, &r);
		if (vector != VECTOR_UD)
			FAIL("%s: vector %d instead of #UD", list[i].name, vector);
		EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE);
		EQUAL(guest_events(&g)->event[0].rax, 0x7fff0000);
	}
	/* With a memory operand it is SGDT. */
	EQUAL(TRY(c, vmcall_in_memory, &sgdt), NO_EXCEPTION);
	EQUAL(sgdt.rax, 0x7fff0000);
}

/* The kernel alone may call: -1, and then the HLT behind it faults. */
TEST(hypercall_of_a_user)
{
	static const struct expected list[] = { NAME(vmcall), NAME(vmmcall) };
	struct guest_cpu *c = setup();
	struct kvm_sregs s;

	guest_sregs(c, &s);
	s.cs.selector = SEL_USER64;
	s.ss.selector = SEL_USER_DATA;
	s.cs.dpl = s.ss.dpl = 3;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct kvm_regs r = { .rax = 0x7fff0000 };

		if (guest_is_kvm(&g) && (list[i].code == vmcall) != guest_intel)
			continue; /* KVM has #GP for some of the others' */
		guest_set_sregs(c, &s);
		EQUAL(guest_try(c, list[i].code, list[i].end, &r), VECTOR_GP);
		EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE + 3);
		EQUAL(guest_events(&g)->event[0].rax, -1);
	}
}

CODE16(vmcall_16, "vmcall\n");
CODE16(vmmcall_16, "vmmcall\n");

TEST(hypercall_in_real_mode)
{
	static const struct expected list[] = { NAME(vmcall_16), NAME(vmmcall_16) };
	struct guest_cpu *c = setup();

	guest_mode(c, MODE_REAL);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct kvm_regs r = { .rax = 0x7fff0000 };

		if (guest_is_kvm(&g) && (list[i].code == vmcall_16) != guest_intel)
			continue; /* KVM_RUN never comes back */
		EQUAL(guest_try(c, list[i].code, list[i].end, &r), NO_EXCEPTION);
		EQUAL(r.rax, 0xfffffc18);
		EQUAL(r.rip, GUEST_CODE + 4);
	}
}

/* At the end of a page, with none behind it. */
TEST(hypercall_at_page_end)
{
	static const struct expected list[] = {
		WANT(vmcall, VECTOR_PF, PF_FETCH, 0), WANT(vmmcall, VECTOR_PF, PF_FETCH, 0),
		WANT(undefined, VECTOR_UD, 0, 0),
	};
	struct guest_cpu *c = setup();
	const struct guest_event *event = &guest_events(&g)->event[0];
	u64 end = GUEST_DATA + 0x1000;

	guest_small_pages(&g);
	*guest_pte(&g, end) = 0;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		const struct expected *e = &list[i];
		u64 start = end - (u64)(e->end - e->code);
		struct kvm_regs r = { .rip = start, .rsp = GUEST_STACK, .rflags = 2 };

		guest_load(&g, start, e->code, e->end);
		guest_events(&g)->count = 0;
		guest_set_regs(c, &r);
		guest_run_to(c, KVM_EXIT_IO);
		EQUAL(event->vector, e->vector);
		EQUAL(event->rip, e->vector == VECTOR_UD ? start : end);
		EQUAL(event->rax, e->vector == VECTOR_UD ? 0 : -1000);
	}
}
