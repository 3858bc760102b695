// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Hardware task switches: by jump, call, IRET, interrupt, and by exceptions through task gates. */
#include "guest.h"

#define GDT (GUEST_DATA + 0x0000)
#define IDT (GUEST_DATA + 0x1000)
#define TSS_A (GUEST_DATA + 0x2000) /* of the first task */
#define TSS_B (GUEST_DATA + 0x3000)
#define STACK_B (GUEST_DATA + 0x5000)
#define CODE_B (GUEST_DATA + 0x6000) /* of the second */
#define HANDLER (GUEST_DATA + 0x7000)
#define LDT_B (GUEST_DATA + 0x8000)

#define CODE 0x08
#define DATA 0x10
#define OWN 0x18 /* a test's */
#define LDT 0x20
#define A 0x30
#define B 0x38
#define GATE 0x40 /* to B */

struct tss {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
	u16 trap, map;
};

static struct guest g;
static struct guest_cpu *c;
static struct tss *a, *b;
static u64 *gdt;

/* QEMU makes them itself, whatever is intercepted: lab/README.md. */
static bool switches_exit(void)
{
	return guest_intel || guest_bochs_amd;
}

static u64 descriptor(u32 base, u32 limit, u32 access, u32 flags)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	       (u64)(limit >> 16 & 0xf) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static void gate(unsigned int vector, u16 selector, u32 at, u32 type)
{
	((u64 *)(g.mem + IDT))[vector] = (at & 0xffff) | (u64)selector << 16 | (u64)type << 40 |
					 (u64)(at >> 16) << 48;
}

static void task_gate(unsigned int vector)
{
	gate(vector, B, 0, 0xe5);
}

/* An exception, with its code: 100h more than the code, to tell it from other reports. */
CODE32(handler, "pop %eax\n add $0x100, %eax\n" REPORT "hlt\n");

/* A runs with these pages; B, whose code this is, is ready. */
static void setup_code(enum guest_mode mode, const u8 *code, const u8 *end)
{
	struct kvm_sregs s;

	guest_new(&g, 2 * GUEST_SIZE, 0);
	c = &g.cpu[0];
	guest_mode(c, mode);
	gdt = (u64 *)(g.mem + GDT);
	a = (struct tss *)(g.mem + TSS_A);
	b = (struct tss *)(g.mem + TSS_B);
	gdt[CODE / 8] = descriptor(0, 0xfffff, 0x9b, 0xc);
	gdt[DATA / 8] = descriptor(0, 0xfffff, 0x93, 0xc);
	gdt[LDT / 8] = descriptor(LDT_B, 63, 0x82, 0);
	gdt[A / 8] = descriptor(TSS_A, 103, 0x8b, 0);
	gdt[B / 8] = descriptor(TSS_B, 103, 0x89, 0);
	gdt[GATE / 8] = (u64)B << 16 | 0xe5ull << 40;
	for (unsigned int i = 0; i < 64; i++)
		gate(i, CODE, HANDLER, 0x8e);
	guest_load(&g, HANDLER, handler, handler_end);
	guest_load(&g, CODE_B, code, end);
	guest_sregs(c, &s);
	s.gdt.base = GDT;
	s.gdt.limit = 127;
	s.idt.base = IDT;
	s.idt.limit = 511;
	s.cs.selector = CODE;
	s.tr.selector = A;
	s.tr.base = TSS_A;
	guest_set_sregs(c, &s);
	*b = (struct tss){ .cr3 = s.cr3,
			   .eip = CODE_B,
			   .eflags = 2,
			   .eax = 0xb0,
			   .ebx = 0xb3,
			   .esp = STACK_B,
			   .esp0 = STACK_B,
			   .ss0 = DATA,
			   .es = DATA,
			   .cs = CODE,
			   .ss = DATA,
			   .ds = DATA,
			   .map = 104 };
	a->cr3 = s.cr3;
	a->esp0 = GUEST_STACK - 0x100;
	a->ss0 = DATA;
	a->map = 104;
}
#define SETUP(mode, code) setup_code(mode, code, code##_end)

static void runs_task(u16 selector, bool ts)
{
	struct kvm_sregs s;

	guest_sregs(c, &s);
	EQUAL(s.tr.selector, selector);
	EQUAL(s.tr.type, 11);
	EQUAL(s.tr.base, selector == A ? TSS_A : TSS_B);
	if (switches_exit()) /* otherwise nobody knows of it but the processor */
		EQUAL(!!(s.cr0 & CR0_TS), ts);
}

static bool busy(u16 selector)
{
	return gdt[selector / 8] >> 41 & 1;
}

CODE32(jumps, "ljmp $0x38, $0\n add $1, %ebx\n mov %ebx, %eax\n" REPORT "ljmp $0x38, $0\n hlt\n");
CODE32(jumps_back,
       "mov %ebx, %eax\n" REPORT "clts\n 1: ljmp $0x30, $0\n mov $0xb9, %eax\n" REPORT "hlt\n");

TEST(jump_and_back)
{
	static const enum guest_mode modes[] = { MODE_PROTECTED, MODE_PAGED32, MODE_PAE };
	struct kvm_regs r = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = 3, .rbx = 0xa0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		SETUP(modes[i], jumps_back);
		LOAD(&g, jumps);
		guest_set_regs(c, &r);
		EQUAL(guest_report(c), 0xb3);
		runs_task(B, true);
		EQUAL(busy(A), false);
		EQUAL(busy(B), true);
		EQUAL(a->eip, GUEST_CODE + 7);
		EQUAL(a->eflags, 3);
		EQUAL(a->ebx, 0xa0);
		EQUAL(a->esp, GUEST_STACK);
		EQUAL(a->cs, CODE);
		EQUAL(b->link, 0);
		EQUAL(guest_report(c), 0xa1);
		runs_task(A, true);
		EQUAL(guest_report(c), 0xb9);
		guest_run_to(c, KVM_EXIT_HLT);
		guest_end(&g);
	}
}

CODE32(calls,
       "lcall $0x38, $0\n mov $0xa1, %eax\n" REPORT "lcall $0x40, $0\n mov $0xa2, %eax\n" REPORT
       "int $0x30\n mov $0xa3, %eax\n" REPORT "hlt\n");
CODE32(counts, "1: inc %ebx\n mov %ebx, %eax\n" REPORT "iret\n jmp 1b\n");

/* By its segment, by a gate, by an interrupt's gate. */
TEST(call_and_iret)
{
	struct kvm_regs r;

	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls);
	task_gate(0x30);
	for (u32 i = 1; i <= 3; i++) {
		if (i == 3 && guest_bochs_amd)
			return; /* what it tells of INT n: lab/README.md */
		EQUAL(guest_report(c), 0xb3 + i);
		EQUAL(busy(A) && busy(B), true);
		EQUAL(b->link & 0xffff, A);
		guest_regs(c, &r);
		EQUAL(r.rflags & 1 << 14, 1 << 14); /* NT */
		EQUAL(guest_report(c), 0xa0 + i);
		EQUAL(busy(B), false);
		EQUAL(b->eflags & 1 << 14, 0);
		runs_task(A, true);
	}
	guest_run_to(c, KVM_EXIT_HLT);
}

CODE32(nothing_there, "mov $0xfff8, %eax\n mov %eax, %ds\n hlt\n");
CODE32(tells_error, "pop %eax\n add $0x100, %eax\n" REPORT "hlt\n");

/* What i386 Linux has for a double fault, which is here one that has no stack. */
TEST(double_fault_by_a_task_gate)
{
	struct kvm_regs r = { .rip = GUEST_CODE, .rsp = 0xfffffff0, .rflags = 2 };
	struct kvm_sregs s;

	SETUP(MODE_PAGED32, tells_error);
	LOAD(&g, nothing_there);
	task_gate(VECTOR_DF);
	/* Nothing is mapped where it pushes; #PF has no gate. */
	*(u32 *)(g.mem + GUEST_PD32 + 4 * 1023) = 0;
	guest_set_regs(c, &r);
	EQUAL(guest_report(c), 0x100);
	runs_task(B, true);
	guest_sregs(c, &s);
	EQUAL(s.cr2, 0xffffffec);
	EQUAL(a->eip, GUEST_CODE + 5);
	EQUAL(a->esp, 0xfffffff0);
	EQUAL(b->link & 0xffff, A);
	guest_regs(c, &r);
	EQUAL(r.rsp, STACK_B);
}

CODE32(faults_twice, "ud2\n mov $0xa1, %eax\n" REPORT "mov $0xfff8, %eax\n mov %eax, %ds\n"
		     "mov $0xa2, %eax\n" REPORT "hlt\n");
CODE32(skips_two, "1: addl $2, 0x12020\n mov $0xb1, %eax\n" REPORT "iret\n"
		  "pop %eax\n addl $2, 0x12020\n" REPORT "iret\n hlt\n");

/* Without an error code and with one, by the same task; RF is where the fault found it. */
TEST(exceptions_by_task_gates)
{
	SETUP(MODE_PAE, skips_two);
	LOAD(&g, faults_twice);
	task_gate(VECTOR_UD);
	task_gate(VECTOR_GP);
	EQUAL(guest_report(c), 0xb1);
	EQUAL(a->eip, GUEST_CODE + 2);
	if (guest_intel) /* QEMU saves it as it was, Bochs tells AMD's guests nothing */
		EQUAL(a->eflags, RFLAGS_RF | 2);
	EQUAL(guest_report(c), 0xa1);
	EQUAL(guest_report(c), 0xfff8);
	EQUAL(guest_report(c), 0xa2);
	guest_run_to(c, KVM_EXIT_HLT);
}

CODE32(waits, "sti\n 1: mov $0xa1, %eax\n" REPORT "jmp 1b\n");

TEST(interrupt_by_a_task_gate)
{
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, waits);
	task_gate(0x31);
	for (u32 i = 1; i <= 2; i++) {
		EQUAL(guest_report(c), 0xa1);
		request(c->fd, KVM_INTERRUPT, (&(struct kvm_interrupt){ .irq = 0x31 }));
		EQUAL(guest_report(c), 0xb3 + i);
		runs_task(B, true);
	}
	EQUAL(guest_report(c), 0xa1);
}

/* One in service, another waits for the IRET. */
TEST(nmi_by_a_task_gate)
{
	if (!switches_exit())
		SKIP("QEMU makes the switch itself, and saves the trap flag that IRET is stepped "
		     "with");
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, waits);
	task_gate(VECTOR_NMI);
	EQUAL(guest_report(c), 0xa1);
	request(c->fd, KVM_NMI, 0);
	EQUAL(guest_report(c), 0xb4);
	request(c->fd, KVM_NMI, 0);
	guest_run_to(c, KVM_EXIT_IO);
	EQUAL(*(u32 *)((u8 *)c->run + c->run->io.data_offset), 0xb5);
	EQUAL(guest_report(c), 0xa1);
	EQUAL(guest_report(c), 0xa1);
}

CODE32(calls_one, "lcall $0x38, $0\n mov $0xa1, %eax\n" REPORT "hlt\n");

static void refused(u8 vector, u16 error, u16 task)
{
	/* As many handlers as vectors: the report is the same, so is it that vector? */
	for (unsigned int i = 0; i < 32; i++)
		if (i != vector)
			gate(i, CODE, HANDLER, 0x0e);
	EQUAL(guest_report(c), 0x100u + error);
	runs_task(task, task == B);
	guest_end(&g);
}

/* In which task it comes, and for what. */
TEST(what_is_wrong)
{
	if (!switches_exit())
		SKIP("QEMU makes the switch itself, and does not come to an end with some of "
		     "these");
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls_one);
	gdt[B / 8] = descriptor(TSS_B, 102, 0x89, 0);
	refused(VECTOR_TS, B, A);
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls_one);
	gdt[B / 8] = descriptor(TSS_B, 103, 0x8b, 0);
	refused(VECTOR_GP, B, A);
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls_one);
	b->cs = DATA;
	refused(VECTOR_TS, DATA, B);
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls_one);
	gdt[OWN / 8] = descriptor(0, 0xfffff, 0x13, 0xc);
	b->ds = OWN;
	refused(VECTOR_NP, OWN, B);
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls_one);
	b->ldt = DATA;
	refused(VECTOR_TS, DATA, B);
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls_one);
	gdt[OWN / 8] = descriptor(0, 0xfffff, 0x13, 0xc);
	b->ss = OWN;
	refused(VECTOR_SS, OWN, B);
}

/*
 * In the middle of a switch or of a single step an emulator does not stand it that a page is missing in the
 * second level: those that are needed are read before.
 */
CODE32(reads_first,
       "mov 0x10000, %eax\n mov 0x12000, %eax\n mov 0x13000, %eax\n mov 0x16000, %eax\n"
       "mov 0x18000, %eax\n mov 0x200000, %eax\n" REPORT
       "lcall $0x38, $0\n mov $0xa1, %eax\n" REPORT "hlt\n");

/* Its pages and its own descriptors are the new task's. */
CODE32(far_away, "mov %ds:0, %eax\n" REPORT "iret\n");

TEST(its_own_tables)
{
	struct kvm_sregs s;

	SETUP(MODE_PAGED32, far_away);
	LOAD(&g, reads_first);
	memcpy(g.mem + GUEST_FREE, g.mem + GUEST_PD32, 4096);
	b->cr3 = GUEST_FREE;
	/* 512 MiB are the second 4 MiB there. */
	*(u32 *)(g.mem + GUEST_FREE + 4 * 128) = GUEST_SIZE | 0x83;
	*(u32 *)(g.mem + GUEST_SIZE + 0x1000) = 0x1234;
	*(u64 *)(g.mem + LDT_B + 8) = descriptor(0x20001000, 0xff, 0x92, 0x4);
	b->ldt = LDT;
	b->ds = 0x0c;
	guest_report(c);
	EQUAL(guest_report(c), 0x1234);
	guest_sregs(c, &s);
	EQUAL(s.cr3, GUEST_FREE);
	EQUAL(s.ds.base, 0x20001000);
	EQUAL(s.ds.type, 3);
	EQUAL(s.ldt.base, LDT_B);
	EQUAL(guest_report(c), 0xa1);
	guest_sregs(c, &s);
	EQUAL(s.cr3, GUEST_PD32);
}

CODE32(debug_handler, "mov %dr6, %eax\n" REPORT "mov %dr7, %eax\n" REPORT "hlt\n");

TEST(debug_registers)
{
	struct kvm_debugregs d = { .dr6 = DR6_ONES, .dr7 = 0x400 | 0x3 | 0x100 };

	if (!switches_exit())
		SKIP("QEMU knows no T flag");
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, calls_one);
	gate(VECTOR_DB, CODE, HANDLER, 0x8e);
	guest_load(&g, HANDLER, debug_handler, debug_handler_end);
	d.db[0] = 0xfffff000;
	request(c->fd, KVM_SET_DEBUGREGS, &d);
	b->trap = 1;
	EQUAL(guest_report(c), DR6_ONES | 1 << 15);
	EQUAL(guest_report(c), 0x402);
	runs_task(B, true);
}

/* The caller steps into the other task and out of it. */
TEST(single_steps)
{
	struct kvm_guest_debug d = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	static const u32 at[] = { GUEST_CODE + 0x23, CODE_B, CODE_B + 1, CODE_B + 3, CODE_B + 7 };

	if (!guest_intel)
		SKIP("QEMU saves the trap flag with the task, Bochs' AMD traps late: "
		     "lab/README.md");
	SETUP(MODE_PROTECTED, counts);
	LOAD(&g, reads_first);
	guest_report(c);
	request(c->fd, KVM_SET_GUEST_DEBUG, &d);
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		guest_run_to(c, KVM_EXIT_DEBUG);
		EQUAL(c->run->debug.arch.pc, at[i]);
	}
	EQUAL(a->eflags, 2);
}

/* A task of 16 bits, from one of 32 and back. */
CODE16(sixteen, "mov %bx, %ax\n movzwl %ax, %eax\n" REPORT "iret\n");

TEST(sixteen_bits)
{
	static const u16 tss[22] = { 0, 0,    0,   0,    0,     0,      0, CODE_B & 0xffff,
				     2, 0,    0,   0,    0x1b3, 0x7000, 0, 0,
				     0, DATA, OWN, DATA, DATA,  0 };
	struct kvm_regs r;

	SETUP(MODE_PROTECTED, sixteen);
	LOAD(&g, calls_one);
	memset(b, 0, sizeof(*b));
	memcpy(b, tss, sizeof(tss));
	gdt[B / 8] = descriptor(TSS_B, 43, 0x81, 0);
	gdt[OWN / 8] = descriptor(CODE_B & ~0xffffu, 0xffff, 0x9b, 0);
	EQUAL(guest_report(c), 0x1b3);
	guest_regs(c, &r);
	EQUAL(r.rsp & 0xffff, 0x7000);
	EQUAL(guest_report(c), 0xa1);
	EQUAL(((u16 *)b)[0], A);
	EQUAL(((u16 *)b)[9], 0x1b3);
}
