// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* vCPUs in threads, and how to get them out of the guest. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
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

/* ---- Several vCPUs ---- */

/*
 * Guests that spin do it with interrupts on: Bochs 2.7 does not give the host its interrupts while
 * the guest's are off.
 */
#define SPIN_FLAGS (RFLAGS_ONE | RFLAGS_IF)

/* RAX rounds of one locked addition each. */
CODE64(count, "1: lock incq 0x9000\n incq (%rbx)\n dec %rax\n jnz 1b\n hlt\n");
#define ROUNDS 200000

static void *run_to_halt(void *arg)
{
	struct guest_cpu *c = arg;
	cpu_set_t set;

	/* One processor each where there are several. */
	CPU_ZERO(&set);
	CPU_SET(c->nr % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	if (try_request(c->fd, KVM_RUN, 0) < 0 || c->run->exit_reason != KVM_EXIT_HLT)
		return (void *)1;
	return NULL;
}

TEST(four_processors)
{
	pthread_t thread[4];
	void *bad;

	setup();
	LOAD(&g, count);
	for (int i = 0; i < 4; i++) {
		struct guest_cpu *c = i ? guest_cpu_new(&g) : &g.cpu[0];
		struct kvm_regs regs = { .rip = GUEST_CODE, .rax = ROUNDS,
					 .rbx = 0xa000 + 64 * i, .rflags = SPIN_FLAGS };

		guest_mode(c, MODE_LONG);
		guest_set_regs(c, &regs);
	}
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&thread[i], NULL, run_to_halt, &g.cpu[i]));
	for (int i = 0; i < 4; i++) {
		CHECK(!pthread_join(thread[i], &bad));
		CHECK(!bad);
		EQUAL(*(u64 *)(g.mem + 0xa000 + 64 * i), ROUNDS);
	}
	EQUAL(*(u64 *)(g.mem + 0x9000), 4 * ROUNDS);
}

/* One vCPU that goes from processor to processor. */
CODE64(endless_reports, "1: inc %eax\n out %eax, $0xe0\n jmp 1b\n");

TEST(one_processor_on_all)
{
	struct guest_cpu *c = setup();
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 2)
		SKIP("one processor");
	LOAD(&g, endless_reports);
	for (u32 i = 1; i < 100; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(i % n, &set);
		CHECK(!sched_setaffinity(0, sizeof(set), &set));
		EQUAL(guest_report(c), i);
	}
}

CODE64(spin, "1: incq 0x9000\n jmp 1b\n");

static volatile int spin_result, spin_errno;

static void *spin_thread(void *arg)
{
	struct guest_cpu *c = arg;

	spin_result = try_request(c->fd, KVM_RUN, 0);
	spin_errno = errno;
	return NULL;
}

static u64 spins(void)
{
	return __atomic_load_n((u64 *)(g.mem + 0x9000), __ATOMIC_RELAXED);
}

static pthread_t start_spinning(struct guest_cpu *c)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = SPIN_FLAGS };
	pthread_t thread;

	LOAD(&g, spin);
	guest_set_regs(c, &regs);
	__atomic_store_n((u64 *)(g.mem + 0x9000), 0, __ATOMIC_RELAXED);
	spin_result = 1;
	CHECK(!pthread_create(&thread, NULL, spin_thread, c));
	for (int i = 0; i < 2000 && spins() < 1000; i++)
		usleep(1000);
	CHECK(spins() >= 1000);
	return thread;
}

/* ---- Out of the guest ---- */

TEST(signal_ends_a_spinning_guest)
{
	struct guest_cpu *c = setup();
	pthread_t thread;

	guest_interrupted_by(SIGUSR1);
	thread = start_spinning(c);
	pthread_kill(thread, SIGUSR1);
	CHECK(!pthread_join(thread, NULL));
	EQUAL(spin_result, -1);
	EQUAL(spin_errno, EINTR);
	EQUAL(c->run->exit_reason, KVM_EXIT_INTR);
	/* And it goes on. */
	thread = start_spinning(c);
	pthread_kill(thread, SIGUSR1);
	CHECK(!pthread_join(thread, NULL));
}

/* ---- Who waits for a vCPU ---- */

static volatile bool waiters_done;
static int waiting, waited;

static void *get_regs(void *arg)
{
	struct guest_cpu *c = arg;
	struct kvm_regs regs;
	int ret;

	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	ret = try_request(c->fd, KVM_GET_REGS, (u64)&regs);
	if (!ret && regs.rip >= GUEST_CODE && regs.rip < GUEST_CODE + 16)
		__atomic_add_fetch(&waited, 1, __ATOMIC_SEQ_CST);
	return (void *)(long)(ret ? errno : 0);
}

/* Comes back to the guest at once, as often as a signal takes it out. */
static void *run_again(void *arg)
{
	struct guest_cpu *c = arg;

	while (!waiters_done && try_request(c->fd, KVM_RUN, 0) < 0 && errno == EINTR)
		;
	return NULL;
}

TEST(requests_wait_for_a_running_vcpu)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = SPIN_FLAGS };
	pthread_t runner, waiter[4];
	void *err;

	if (guest_is_kvm(&g))
		SKIP("no signal ends a wait for KVM's vCPUs");
	guest_interrupted_by(SIGUSR1);
	LOAD(&g, spin);
	guest_set_regs(c, &regs);
	CHECK(!pthread_create(&runner, NULL, run_again, c));
	while (spins() < 1000)
		usleep(1000);
	for (int i = 0; i < 4; i++) {
		CHECK(!pthread_create(&waiter[i], NULL, get_regs, c));
		while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) <= i)
			usleep(1000);
		usleep(10000);
	}
	EQUAL(waited, 0);
	/* A signal ends the wait, of the first and of one behind him; the others keep their places. */
	for (int i = 0; i < 4; i += 2) {
		while (pthread_tryjoin_np(waiter[i], &err)) {
			pthread_kill(waiter[i], SIGUSR1);
			usleep(1000);
		}
		EQUAL((long)err, EINTR);
	}
	EQUAL(waited, 0);
	/* And come before him who had it. */
	for (int i = 0; i < 2000 && __atomic_load_n(&waited, __ATOMIC_SEQ_CST) < 2; i++) {
		pthread_kill(runner, SIGUSR1);
		usleep(1000);
	}
	EQUAL(waited, 2);
	for (int i = 1; i < 4; i += 2) {
		CHECK(!pthread_join(waiter[i], &err));
		EQUAL((long)err, 0);
	}
	waiters_done = true;
	while (pthread_tryjoin_np(runner, NULL)) {
		pthread_kill(runner, SIGUSR1);
		usleep(1000);
	}
}

TEST(immediate_exit)
{
	struct guest_cpu *c = setup();
	struct kvm_regs before, after;

	if (!guest_extension(&g, KVM_CAP_IMMEDIATE_EXIT))
		SKIP("no KVM_CAP_IMMEDIATE_EXIT");
	LOAD(&g, spin);
	guest_regs(c, &before);
	c->run->immediate_exit = 1;
	for (int i = 0; i < 10; i++) {
		EQUAL(try_request(c->fd, KVM_RUN, 0), -1);
		EQUAL(errno, EINTR);
	}
	guest_regs(c, &after);
	EQUAL(after.rip, before.rip);
	EQUAL(spins(), 0);
}

/* It completes what the last exit left open, without entering. */
CODE64(port_in, "mov $-1, %eax\n in $0xe0, %al\n nop\n hlt\n");

TEST(immediate_exit_completes)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs;

	if (!guest_extension(&g, KVM_CAP_IMMEDIATE_EXIT))
		SKIP("no KVM_CAP_IMMEDIATE_EXIT");
	LOAD(&g, port_in);
	guest_run_to(c, KVM_EXIT_IO);
	*(u8 *)guest_io_data(c) = 0x42;
	c->run->immediate_exit = 1;
	EQUAL(try_request(c->fd, KVM_RUN, 0), -1);
	EQUAL(errno, EINTR);
	guest_regs(c, &regs);
	EQUAL(regs.rax, 0xffffff42);
	EQUAL(regs.rip, GUEST_CODE + 7);
	c->run->immediate_exit = 0;
	guest_run_to(c, KVM_EXIT_HLT);
}

/* Set by a signal's handler, as clients do it. */
static struct kvm_run *handler_run;

static void set_immediate_exit(int signal)
{
	handler_run->immediate_exit = 1;
}

TEST(immediate_exit_by_a_handler)
{
	struct guest_cpu *c = setup();
	struct sigaction action = { .sa_handler = set_immediate_exit };
	pthread_t thread;

	handler_run = c->run;
	sigaction(SIGUSR1, &action, NULL);
	thread = start_spinning(c);
	pthread_kill(thread, SIGUSR1);
	CHECK(!pthread_join(thread, NULL));
	EQUAL(spin_result, -1);
	EQUAL(spin_errno, EINTR);
	EQUAL(c->run->immediate_exit, 1);
}

/* ---- KVM_SET_SIGNAL_MASK ---- */

static void set_mask(struct guest_cpu *c, u64 blocked)
{
	union {
		struct kvm_signal_mask mask;
		u8 room[12];
	} m;

	m.mask.len = 8;
	memcpy(m.mask.sigset, &blocked, 8);
	request(c->fd, KVM_SET_SIGNAL_MASK, &m);
}

/*
 * The signal is blocked in the thread and let in by KVM_RUN alone: a signal that came before is
 * not lost, KVM_RUN returns at once and it still waits.
 */
TEST(signal_mask)
{
	struct guest_cpu *c = setup();
	sigset_t set, pending;
	union {
		struct kvm_signal_mask mask;
		u8 room[12];
	} wrong = { .mask = { .len = 4 } };

	guest_interrupted_by(SIGUSR1);
	guest_interrupted_by(SIGUSR2);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	LOAD(&g, spin);
	set_mask(c, 1ull << (SIGUSR2 - 1));
	kill(getpid(), SIGUSR1);
	EQUAL(try_request(c->fd, KVM_RUN, 0), -1);
	EQUAL(errno, EINTR);
	CHECK(!sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR1));
	EQUAL(try_request(c->fd, KVM_SET_SIGNAL_MASK, (u64)&wrong), -1);
	EQUAL(errno, EINVAL);
}

/* A signal that the mask blocks does not end KVM_RUN, though the thread lets it in. */
static volatile bool second_sent;

static void *two_signals(void *arg)
{
	pthread_t runner = *(pthread_t *)arg;

	while (!spins())
		usleep(1000);
	pthread_kill(runner, SIGUSR2);
	usleep(100000);
	second_sent = true;
	pthread_kill(runner, SIGUSR1);
	return NULL;
}

TEST(signal_mask_blocks)
{
	struct guest_cpu *c = setup();
	struct kvm_regs regs = { .rip = GUEST_CODE, .rflags = SPIN_FLAGS };
	pthread_t me = pthread_self(), thread;

	guest_interrupted_by(SIGUSR1);
	guest_interrupted_by(SIGUSR2);
	LOAD(&g, spin);
	guest_set_regs(c, &regs);
	set_mask(c, 1ull << (SIGUSR2 - 1));
	CHECK(!pthread_create(&thread, NULL, two_signals, &me));
	EQUAL(try_request(c->fd, KVM_RUN, 0), -1);
	EQUAL(errno, EINTR);
	CHECK(second_sent);
	CHECK(!pthread_join(thread, NULL));
	request(c->fd, KVM_SET_SIGNAL_MASK, 0);
}

/* ---- The end of processes ---- */

TEST(spinning_guest_killed)
{
	for (int i = 0; i < 10; i++) {
		int status, pipe_fd[2];
		char byte;
		pid_t pid;

		CHECK(!pipe(pipe_fd));
		pid = fork();
		if (!pid) {
			struct kvm_regs regs = { .rip = GUEST_CODE };
			struct guest_cpu *c = setup();

			LOAD(&g, endless_reports);
			guest_report(c);
			regs.rflags = SPIN_FLAGS;
			guest_set_regs(c, &regs);
			LOAD(&g, spin);
			if (write(pipe_fd[1], "x", 1) != 1)
				_exit(1);
			try_request(c->fd, KVM_RUN, 0);
			_exit(1);
		}
		CHECK(read(pipe_fd[0], &byte, 1) == 1);
		usleep(20000);
		kill(pid, SIGKILL);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
	}
}

/* The VM's descriptor closed first, and the device's: the vCPU goes on. */
TEST(vm_closed_before_vcpu)
{
	struct guest_cpu *c = setup();

	LOAD(&g, endless_reports);
	EQUAL(guest_report(c), 1);
	close(g.vm);
	close(g.dev);
	EQUAL(guest_report(c), 2);
	close(c->fd);
	/* The page shared with the vCPU is there as long as it is mapped. */
	EQUAL(c->run->exit_reason, KVM_EXIT_IO);
}

/* A child may not use its parent's VM. */
TEST(vm_of_another_process)
{
	struct guest_cpu *c = setup();
	int status;
	pid_t pid;

	LOAD(&g, endless_reports);
	EQUAL(guest_report(c), 1);
	pid = fork();
	if (!pid) {
		if (try_request(c->fd, KVM_RUN, 0) != -1 || errno != EIO)
			_exit(1);
		if (try_request(g.vm, KVM_CREATE_VCPU, 1) != -1 || errno != EIO)
			_exit(2);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	EQUAL(status, 0);
	EQUAL(guest_report(c), 2);
}
