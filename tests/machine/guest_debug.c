// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Debug registers of guests, and debugging a guest from outside. */
#include <errno.h>
#include <stddef.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(void)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	return &g.cpu[0];
}

CODE64(write_drs, "mov %rax, %db0\n mov %rbx, %db1\n mov %rcx, %db2\n mov %rdx, %db3\n"
		  "mov %rsi, %db6\n mov %rdi, %db7\n");
CODE64(read_drs, "mov %db0, %rax\n mov %db1, %rbx\n mov %db2, %rcx\n mov %db3, %rdx\n"
		 "mov %db6, %rsi\n mov %db7, %rdi\n");

TEST(registers_of_two_processors)
{
	struct guest_cpu *c = setup(), *second = guest_cpu_new(&g);
	struct kvm_regs r;

	guest_mode(second, MODE_LONG);
	r = (struct kvm_regs){ .rax = 0x1111, .rbx = 0x2222, .rcx = 0x3333, .rdx = 0x4444,
			       .rsi = 0xffff0ff0, .rdi = 0x400 };
	EQUAL(TRY(c, write_drs, &r), NO_EXCEPTION);
	r = (struct kvm_regs){ .rax = 0x5555, .rbx = 0x6666, .rcx = 0x7777, .rdx = 0x8888,
			       .rsi = 0xffff4ff1, .rdi = 0x400 };
	EQUAL(TRY(second, write_drs, &r), NO_EXCEPTION);
	EQUAL(TRY(c, read_drs, &r), NO_EXCEPTION);
	EQUAL(r.rax, 0x1111);
	EQUAL(r.rbx, 0x2222);
	EQUAL(r.rcx, 0x3333);
	EQUAL(r.rdx, 0x4444);
	EQUAL(r.rsi, 0xffff0ff0);
	EQUAL(r.rdi, 0x400);
	EQUAL(TRY(second, read_drs, &r), NO_EXCEPTION);
	EQUAL(r.rax, 0x5555);
	EQUAL(r.rdx, 0x8888);
	EQUAL(r.rsi, 0xffff4ff1);
}

TEST(registers_by_request)
{
	struct guest_cpu *c = setup();
	struct kvm_debugregs d;
	struct kvm_regs r = { 0 };

	if (!guest_extension(&g, KVM_CAP_DEBUGREGS))
		SKIP("no KVM_CAP_DEBUGREGS");
	request(c->fd, KVM_GET_DEBUGREGS, &d);
	EQUAL(d.dr6, 0xffff0ff0);
	EQUAL(d.dr7, 0x400);
	d.db[0] = 0x1234;
	d.db[3] = 0xffff800000001000;
	d.dr6 = 0xffff0ff2;
	request(c->fd, KVM_SET_DEBUGREGS, &d);
	EQUAL(TRY(c, read_drs, &r), NO_EXCEPTION);
	EQUAL(r.rax, 0x1234);
	EQUAL(r.rdx, 0xffff800000001000);
	EQUAL(r.rsi, 0xffff0ff2);
	r = (struct kvm_regs){ .rax = 0x77, .rsi = 0xffff0ff0, .rdi = 0x400 };
	EQUAL(TRY(c, write_drs, &r), NO_EXCEPTION);
	request(c->fd, KVM_GET_DEBUGREGS, &d);
	EQUAL(d.db[0], 0x77);
	EQUAL(d.dr6, 0xffff0ff0);
	d.dr7 = 1ull << 32;
	EQUAL(try_request(c->fd, KVM_SET_DEBUGREGS, (u64)&d), -1);
	EQUAL(errno, EINVAL);
	d.dr7 = 0x400;
	d.dr6 = 1ull << 32;
	EQUAL(try_request(c->fd, KVM_SET_DEBUGREGS, (u64)&d), -1);
	d.dr6 = 0xffff0ff0;
	d.flags = 1;
	EQUAL(try_request(c->fd, KVM_SET_DEBUGREGS, (u64)&d), -1);
}

/* Where the emulated AMD processor is at fault: why there are no hardware breakpoints. */
static const char *no_breakpoints(void)
{
	if (guest_intel)
		return NULL;
	if (!guest_has_cpuid(1, 0, 'c', 31))
		return "Bochs does not tell DR6 with AMD-V";
	return guest_is_kvm(&g) ? "QEMU arms nothing when VMRUN loads DR7" : NULL;
}

/* DR0 at the code's fourth byte: an instruction breakpoint is a fault, before it runs. */
CODE64(break_code, "mov $0x8020, %eax\n mov %rax, %db0\n mov $0x401, %eax\n mov %rax, %db7\n"
		   ".fill 0x20 - (. - break_code), 1, 0x90\n nop\n nop\n");
/* DR1 on 4 bytes at 0x9000, writes: a trap, after it ran. */
CODE64(break_data, "mov $0x9000, %eax\n mov %rax, %db1\n mov $0xd00404, %eax\n mov %rax, %db7\n"
		   "mov 0x9000, %eax\n .fill 0x20 - (. - break_data), 1, 0x90\n movb $1, 0x9002\n nop\n");

TEST(breakpoints_of_the_guest)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	if (no_breakpoints())
		SKIP("%s", no_breakpoints());
	EQUAL(TRY(c, break_code, &r), VECTOR_DB);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE + 0x20);
	EQUAL(TRY(c, read_drs, &r), NO_EXCEPTION);
	EQUAL(r.rsi & 0xf, 1);
	r = (struct kvm_regs){ .rsi = 0xffff0ff0, .rdi = 0x400 };
	EQUAL(TRY(c, write_drs, &r), NO_EXCEPTION);
	EQUAL(TRY(c, break_data, &r), VECTOR_DB);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE + 0x28);
	EQUAL(TRY(c, read_drs, &r), NO_EXCEPTION);
	EQUAL(r.rsi & 0xf, 2);
}

/* The general-detect bit: the next access to a debug register faults, and the bit is cleared. */
CODE64(general_detect, "mov $0x2400, %eax\n mov %rax, %db7\n mov %db0, %rbx\n");

TEST(general_detect_bit)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	if (!guest_intel && guest_is_kvm(&g))
		SKIP("QEMU does not survive it: VMRUN loads DR7 and arms nothing");
	EQUAL(TRY(c, general_detect, &r), VECTOR_DB);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE + 8);
	EQUAL(TRY(c, read_drs, &r), NO_EXCEPTION);
	EQUAL(r.rsi >> 13 & 1, 1);
	EQUAL(r.rdi >> 13 & 1, 0);
}

CODE64(dr4_plain, "mov %db4, %rax\n");
CODE64(dr4_extension, "mov %cr4, %rax\n or $8, %rax\n mov %rax, %cr4\n mov %db4, %rax\n");
CODE64(dr7_wide, "mov $0x100000400, %rax\n mov %rax, %db7\n");
CODE64(dr6_wide, "mov $0x1ffff0ff0, %rax\n mov %rax, %db6\n");

TEST(wrong_registers)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	EQUAL(TRY(c, dr4_plain, &r), NO_EXCEPTION);
	EQUAL(r.rax, 0xffff0ff0);
	EQUAL(TRY(c, dr4_extension, &r), VECTOR_UD);
	if (!guest_intel && guest_is_kvm(&g))
		return; /* KVM leaves these to the processor, QEMU does not check them */
	EQUAL(TRY(c, dr7_wide, &r), VECTOR_GP);
	EQUAL(TRY(c, dr6_wide, &r), VECTOR_GP);
}

/* ---- Debugging from outside ---- */

static void debug(struct guest_cpu *c, u32 control, u64 address, u64 dr7)
{
	struct kvm_guest_debug d = { .control = control };

	d.arch.debugreg[0] = address;
	d.arch.debugreg[7] = dr7;
	request(c->fd, KVM_SET_GUEST_DEBUG, &d);
}

CODE64(steps, "mov $1, %eax\n inc %eax\n cpuid\n jmp 1f\n nop\n 1: out %al, $0xe0\n inc %ebx\n"
	      "nop\n nop\n hlt\n");

/*
 * To the next KVM_EXIT_DEBUG. Bochs 2.7 keeps the step of an instruction that exits and tells it
 * once more: the same address again does not count.
 */
static void step(struct guest_cpu *c)
{
	u64 before = c->run->debug.arch.pc;
	int n = 0;

	do
		guest_run_to(c, KVM_EXIT_DEBUG);
	while (guest_intel && c->run->debug.arch.pc == before && n++ < 3);
}

/* One KVM_EXIT_DEBUG an instruction, whoever executes it; RFLAGS does not show the trap flag. */
TEST(single_step)
{
	static const u8 at[] = { 5, 7, 9, 12 };
	struct guest_cpu *c = setup();
	struct kvm_regs regs = { 0 };

	/* Bochs keeps a step that a page not mapped yet interrupts. */
	EQUAL(TRY(c, read_drs, &regs), NO_EXCEPTION);
	LOAD(&g, steps);
	regs.rip = GUEST_CODE;
	guest_set_regs(c, &regs);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		step(c);
		EQUAL(c->run->debug.arch.pc, GUEST_CODE + at[i]);
		EQUAL(c->run->debug.arch.exception, VECTOR_DB);
		EQUAL(c->run->debug.arch.dr6 >> 14 & 1, 1);
		guest_regs(c, &regs);
		EQUAL(regs.rip, GUEST_CODE + at[i]);
		EQUAL(regs.rflags & RFLAGS_TF, 0);
	}
	guest_run_to(c, KVM_EXIT_IO);
	step(c);
	EQUAL(c->run->debug.arch.pc, GUEST_CODE + 14);
	step(c);
	EQUAL(c->run->debug.arch.pc, GUEST_CODE + 16);
	debug(c, 0, 0, 0);
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(guest_events(&g)->count, 0);
}

CODE64(with_int3, "nop\n int3\n nop\n hlt\n");

/* INT3 leaves to the debugger, at the instruction; without it, to the guest. */
TEST(software_breakpoint)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs;

	if (!guest_intel && guest_is_kvm(&g))
		SKIP("QEMU does not tell INT3 as an exception");
	LOAD(&g, with_int3);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	guest_run_to(c, KVM_EXIT_DEBUG);
	EQUAL(c->run->debug.arch.exception, VECTOR_BP);
	EQUAL(c->run->debug.arch.pc, GUEST_CODE + 1);
	guest_regs(c, &regs);
	EQUAL(regs.rip, GUEST_CODE + 1);
	EQUAL(guest_events(&g)->count, 0);
	debug(c, 0, 0, 0);
	guest_events(&g)->resume = 1;
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(guest_events(&g)->count, 1);
	EQUAL(guest_events(&g)->event[0].vector, VECTOR_BP);
}

CODE64(with_int, "nop\n int $0x55\n nop\n int3\n");

/* The other software interrupts go their way meanwhile. */
TEST(software_interrupt_beside_it)
{
	struct guest_cpu *c = setup();

	if (!guest_intel && guest_is_kvm(&g))
		SKIP("QEMU does not tell INT3 as an exception");
	LOAD(&g, with_int);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0, 0);
	guest_run_to(c, KVM_EXIT_DEBUG);
	EQUAL(c->run->debug.arch.pc, GUEST_CODE + 4);
	EQUAL(guest_events(&g)->count, 1);
	EQUAL(guest_events(&g)->event[0].vector, 0x55);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE + 3);
}

CODE64(store_later, "nop\n nop\n nop\n movb $1, 0x9001\n nop\n hlt\n");

/* The caller's breakpoints instead of the guest's, which keeps its registers. */
TEST(hardware_breakpoint)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { .rax = 0x7777, .rsi = 0xffff0ff0, .rdi = 0x400 };
	struct kvm_regs entry = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = 2 };

	EQUAL(TRY(c, write_drs, &r), NO_EXCEPTION);
	if (no_breakpoints())
		SKIP("%s", no_breakpoints());
	LOAD(&g, store_later);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, GUEST_CODE + 2, 0x401);
	guest_set_regs(c, &entry);
	guest_run_to(c, KVM_EXIT_DEBUG);
	EQUAL(c->run->debug.arch.exception, VECTOR_DB);
	EQUAL(c->run->debug.arch.pc, GUEST_CODE + 2);
	EQUAL(c->run->debug.arch.dr6 & 0xf, 1);
	debug(c, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, 0x9000, 0x000d0401);
	guest_run_to(c, KVM_EXIT_DEBUG);
	EQUAL(c->run->debug.arch.pc, GUEST_CODE + 3 + 8);
	debug(c, 0, 0, 0);
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(TRY(c, read_drs, &r), NO_EXCEPTION);
	EQUAL(r.rax, 0x7777);
	EQUAL(guest_events(&g)->count, 0);
}

/* ---- The host's own ---- */

static u8 watched[8];

/*
 * A thread that a debugger watches runs a guest that has breakpoints of its own: the watch must
 * work afterwards as before.
 */
TEST(watch_of_the_host)
{
	int status;
	pid_t pid;

	setup();
	if (no_breakpoints())
		SKIP("%s", no_breakpoints());
	guest_end(&g);
	pid = fork();
	if (!pid) {
		struct kvm_regs r = { .rax = 0x1111, .rsi = 0xffff0ff0, .rdi = 0x40f };
		struct guest_cpu *c;

		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(2);
		c = setup();
		raise(SIGSTOP);
		if (TRY(c, write_drs, &r) != NO_EXCEPTION)
			_exit(3);
		*(volatile u8 *)watched = 1;
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	/* DR0 on one byte, writes. */
	CHECK(!ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), watched));
	CHECK(!ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0x10001));
	CHECK(!ptrace(PTRACE_CONT, pid, 0, 0));
	CHECK(waitpid(pid, &status, 0) == pid);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		FAIL("the watched write went by, status %#x", status);
	EQUAL(ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[6]), 0) & 0xf, 1);
	ptrace(PTRACE_KILL, pid, 0, 0);
	waitpid(pid, &status, 0);
}
