// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Guests with several processors that do everything at once, while the caller changes their memory,
 * raises their interrupts, interrupts their threads and sends these from processor to processor.
 * What is looked for is standstill: a wake-up that got lost, a lock that is never free again, a
 * vCPU that nobody gets out of its guest. What the kernel's log says is for the script to judge.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "guest.h"

#define SECONDS 2 /* of the disturbances */
#define STILL_SECONDS 3 /* without any progress: it stands still */

/* A block for each vCPU, in R15; what the guest finds by address is in its code as numbers. */
struct block {
	volatile u64 rounds; /* 0x00 */
	volatile u64 received; /* 0x08: interrupts of vector 0x41 */
	u64 answered; /* 0x10 */
	volatile u64 ticks; /* 0x18: interrupts of the local APIC's timer */
	volatile u64 nmis; /* 0x20 */
	volatile u64 backwards; /* 0x28: the time-stamp counter was behind another vCPU's */
	u64 ready; /* 0x30 */
	u64 pad[9];
};
#define BLOCKS 0x10000
#define LAST_TSC 0x11000 /* of all vCPUs, under a lock in the next 8 bytes */
#define STACKS 0x20000
#define SLOT_GPA 0x800000ull /* in slot 1, which comes and goes */
#define SLOT_PAGES 64
#define APIC "0xfee00000"

/* Handlers are found by the instruction that each begins with: of 0x41, the timer, NMI, the rest. */
#define HANDLERS \
	"incq 8(%r15)\n movl $0, 0xb0(%r14)\n iretq\n" \
	"incq 0x18(%r15)\n movl $0, 0xb0(%r14)\n iretq\n" \
	"incq 0x20(%r15)\n iretq\n" \
	"movl $0, 0xb0(%r14)\n iretq\n"

/* Any of 16 things in an order that RDI, a linear congruential generator, chooses. */
CODE64(chaos,
	"mov $" APIC ", %r14d\n"
	"movl $0x1ff, 0xf0(%r14)\n"
	"movl $0xb, 0x3e0(%r14)\n movl $0x20043, 0x320(%r14)\n movl $2000000, 0x380(%r14)\n"
	"mov $6364136223846793005, %r13\n"
	"test %eax, %eax\n"
	"jz .Lready\n"
	/* The PICs' vectors are 0x50 and 0x58; interrupts end by themselves. */
	"mov $0x11, %al\n out %al, $0x20\n out %al, $0xa0\n"
	"mov $0x50, %al\n out %al, $0x21\n mov $0x58, %al\n out %al, $0xa1\n"
	"mov $4, %al\n out %al, $0x21\n mov $2, %al\n out %al, $0xa1\n"
	"mov $3, %al\n out %al, $0x21\n out %al, $0xa1\n"
	"xor %eax, %eax\n out %al, $0x21\n out %al, $0xa1\n"
	".Lready: sti\n"
	".Lnext: incq (%r15)\n"
	"	imul %r13, %rdi\n add $1442695041, %rdi\n"
	"	mov %rdi, %rsi\n shr $44, %rsi\n and $0x3f000, %esi\n add $0x800000, %esi\n"
	"	mov %rdi, %rax\n shr $33, %rax\n and $15, %eax\n"
	"	lea .Ltable(%rip), %rbx\n movslq (%rbx, %rax, 4), %rax\n add %rbx, %rax\n jmp *%rax\n"
	".Lwrite: incl (%rsi)\n jmp .Lnext\n"
	".Lread: mov (%rsi), %eax\n jmp .Lnext\n"
	".Lport: out %al, $0xe0\n jmp .Lnext\n"
	".Lstring: mov $0x12000, %esi\n mov $0xe0, %dx\n mov $9, %ecx\n rep outsb\n jmp .Lnext\n"
	".Lleaf: xor %eax, %eax\n cpuid\n jmp .Lnext\n"
	".Lall: movl $0xc4041, 0x300(%r14)\n jmp .Lnext\n"
	".Lself: movl $0x44041, 0x300(%r14)\n jmp .Lnext\n"
	".Lsleep: hlt\n jmp .Lnext\n"
	".Ldeaf: cli\n mov $200, %ecx\n 1: pause\n dec %ecx\n jnz 1b\n sti\n jmp .Lnext\n"
	".Lpit: in $0x40, %al\n in $0x40, %al\n jmp .Lnext\n"
	".Lleft: mov 0x390(%r14), %eax\n jmp .Lnext\n"
	".Ltime: cli\n"
	"1:	lock btsq $0, 0x11008\n jnc 2f\n pause\n jmp 1b\n"
	"2:	lfence\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n"
	"	cmp 0x11000, %rax\n jae 3f\n incq 0x28(%r15)\n"
	"3:	mov %rax, 0x11000\n movq $0, 0x11008\n sti\n jmp .Lnext\n"
	".Ltable: .long .Lwrite - .Ltable, .Lwrite - .Ltable, .Lread - .Ltable, .Lport - .Ltable\n"
	"	.long .Lstring - .Ltable, .Lleaf - .Ltable, .Lall - .Ltable, .Lself - .Ltable\n"
	"	.long .Lsleep - .Ltable, .Ldeaf - .Ltable, .Lpit - .Ltable, .Lleft - .Ltable\n"
	"	.long .Ltime - .Ltable, .Ltime - .Ltable, .Lread - .Ltable, .Lall - .Ltable\n"
	HANDLERS);

/*
 * Each waits, halted, for the other's interrupt and answers it. There is no timer: a wake-up that
 * gets lost is the end. EBX is the other's APIC ID in its place; EAX is 1 for who begins.
 */
CODE64(ping_pong,
	"mov $" APIC ", %r14d\n"
	"movl $0x1ff, 0xf0(%r14)\n"
	"movb $1, 0x30(%r15)\n"
	"test %eax, %eax\n"
	"jz .Lwait\n"
	/* The other's local APIC is on. */
	"1: pause\n cmpb $0, 0xb0(%r15)\n je 1b\n"
	".Lanswer: incq (%r15)\n"
	"	mov %ebx, 0x310(%r14)\n movl $0x4041, 0x300(%r14)\n"
	".Lwait: cli\n"
	"	mov 8(%r15), %rax\n cmp 0x10(%r15), %rax\n jne 1f\n"
	"	sti\n hlt\n jmp .Lwait\n"
	"1:	mov %rax, 0x10(%r15)\n sti\n jmp .Lanswer\n"
	HANDLERS);

static struct guest g;
static volatile bool ending;
static pthread_t runner[GUEST_CPUS];
static volatile int runner_tid[GUEST_CPUS];

static struct block *block(int nr)
{
	return (struct block *)(g.mem + BLOCKS) + nr;
}

static void fill_in(struct guest_cpu *c)
{
	struct kvm_run *run = c->run;

	if (run->exit_reason == KVM_EXIT_MMIO)
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
	else if (run->exit_reason != KVM_EXIT_IO)
		FAIL("vCPU %u ends with %s", c->nr, guest_exit_text(c));
}

static void *run_vcpu(void *arg)
{
	struct guest_cpu *c = arg;

	runner_tid[c->nr] = gettid();
	while (!ending) {
		if (!try_request(c->fd, KVM_RUN, 0)) {
			fill_in(c);
		} else if (errno == EINTR) {
			c->run->immediate_exit = 0;
		} else if (errno != EAGAIN) {
			FAIL("KVM_RUN of vCPU %u: %s", c->nr, strerror(errno));
		}
	}
	return NULL;
}

/* Where in the guest an instruction is that occurs only once in its code. */
static u64 find(const u8 *code, const u8 *end, const void *what, size_t size)
{
	const u8 *p = memmem(code, end - code, what, size);

	CHECK(p);
	return GUEST_CODE + (p - code);
}

static void make_guest(const u8 *code, const u8 *end, int cpus)
{
	static const u8 received[] = { 0x49, 0xff, 0x47, 0x08 }, ticked[] = { 0x49, 0xff, 0x47, 0x18 },
			nmi[] = { 0x49, 0xff, 0x47, 0x20 };
	u64 at;

	guest_new(&g, GUEST_SIZE, GUEST_IRQCHIP | GUEST_PIT);
	guest_load(&g, GUEST_CODE, code, end);
	for (int i = 0; i < cpus; i++) {
		struct guest_cpu *c = i ? guest_cpu_new(&g) : &g.cpu[0];
		struct kvm_mp_state ready = { KVM_MP_STATE_RUNNABLE };
		struct kvm_regs regs = { .rip = GUEST_CODE, .rflags = RFLAGS_ONE,
					 .rax = i == 0, .rbx = (u64)!i << 24, .rdi = 7 * i + 1,
					 .r15 = BLOCKS + i * sizeof(struct block),
					 .rsp = STACKS + 0x1000 * (i + 1) };

		guest_mode(c, MODE_LONG);
		guest_set_regs(c, &regs);
		request(c->fd, KVM_SET_MP_STATE, &ready);
	}
	/* guest_mode() made others. */
	at = find(code, end, nmi, sizeof(nmi));
	for (int vector = 32; vector < 256; vector++)
		guest_gate(&g, vector, at + sizeof(nmi) + 2, 0); /* behind the NMI handler's IRETQ */
	guest_gate(&g, 2, at, 0);
	guest_gate(&g, 0x41, find(code, end, received, sizeof(received)), 0);
	guest_gate(&g, 0x43, find(code, end, ticked, sizeof(ticked)), 0);
}

static void start(void)
{
	ending = false;
	guest_interrupted_by(SIGUSR1);
	for (unsigned int i = 0; i < g.cpus; i++) {
		CHECK(!pthread_create(&runner[i], NULL, run_vcpu, &g.cpu[i]));
		while (!runner_tid[i])
			usleep(1000);
	}
}

/* Out of KVM_RUN, or not into it: the thread may be between its look at "ending" and KVM_RUN. */
static void interrupt_all(void)
{
	for (unsigned int i = 0; i < g.cpus; i++) {
		g.cpu[i].run->immediate_exit = 1;
		pthread_kill(runner[i], SIGUSR1);
	}
}

static void stop(void)
{
	ending = true;
	interrupt_all();
	for (unsigned int i = 0; i < g.cpus; i++) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += STILL_SECONDS;
		if (pthread_timedjoin_np(runner[i], NULL, &until))
			FAIL("vCPU %u does not come back", i);
	}
}

/* Every vCPU goes on, now and when nobody disturbs any more. */
static void check_progress(const char *when)
{
	u64 before[GUEST_CPUS];
	unsigned int i;
	int tries;

	for (i = 0; i < g.cpus; i++)
		before[i] = block(i)->rounds;
	for (i = 0; i < g.cpus; i++) {
		for (tries = 0; block(i)->rounds == before[i]; tries++) {
			if (tries > STILL_SECONDS * 100)
				FAIL("vCPU %u stands still %s, after %llu rounds", i, when, before[i]);
			usleep(10000);
		}
	}
}

/* ---- What disturbs ---- */

static void now_and_then(void)
{
	usleep(rand() % 3000);
}

static void *change_slots(void *arg)
{
	u8 *memory = guest_memory(SLOT_PAGES * 4096);
	u8 bits[SLOT_PAGES / 8];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };

	while (!ending) {
		guest_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_PAGES * 4096, memory);
		for (int i = rand() % 4; i > 0; i--) {
			now_and_then();
			request(g.vm, KVM_GET_DIRTY_LOG, &log);
		}
		guest_slot(&g, 1, 0, SLOT_GPA, SLOT_PAGES * 4096, memory);
		now_and_then();
		guest_slot(&g, 1, 0, SLOT_GPA + 0x8000, SLOT_PAGES * 4096, memory);
		now_and_then();
		guest_slot(&g, 1, 0, SLOT_GPA, 0, memory);
		now_and_then();
	}
	return NULL;
}

static void *raise_interrupts(void *arg)
{
	while (!ending) {
		struct kvm_irq_level line = { .irq = rand() % 24, .level = rand() & 1 };
		struct kvm_msi msi = { .address_lo = 0xfee00000 | (rand() % 5) << 12,
				       .data = 0x4041 };

		request(g.vm, KVM_IRQ_LINE, &line);
		if (rand() % 4 == 0)
			msi.data = 0x4400; /* NMI */
		try_request(g.vm, KVM_SIGNAL_MSI, (u64)&msi);
		now_and_then();
	}
	return NULL;
}

static void *interrupt_threads(void *arg)
{
	while (!ending) {
		int nr = rand() % g.cpus;

		if (rand() & 1)
			g.cpu[nr].run->immediate_exit = 1;
		pthread_kill(runner[nr], SIGUSR1);
		now_and_then();
	}
	return NULL;
}

static void *move_threads(void *arg)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	while (!ending) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(rand() % n, &set);
		/* That processor may be offline: then nothing happens. */
		sched_setaffinity(runner_tid[rand() % g.cpus], sizeof(set), &set);
		now_and_then();
	}
	return NULL;
}

/* Requests wait until KVM_RUN is interrupted. */
static void *ask(void *arg)
{
	struct kvm_regs regs;
	struct kvm_vcpu_events events;
	static struct kvm_lapic_state lapic;

	while (!ending) {
		struct guest_cpu *c = &g.cpu[rand() % g.cpus];

		try_request(c->fd, KVM_GET_REGS, (u64)&regs);
		try_request(c->fd, KVM_GET_VCPU_EVENTS, (u64)&events);
		try_request(c->fd, KVM_GET_LAPIC, (u64)&lapic);
		if (rand() % 8 == 0)
			try_request(c->fd, KVM_NMI, 0);
		now_and_then();
	}
	return NULL;
}

static void *make_vms(void *arg)
{
	while (!ending) {
		int vm = request(g.dev, KVM_CREATE_VM, 0), vcpu;

		request(vm, KVM_CREATE_IRQCHIP, 0);
		vcpu = request(vm, KVM_CREATE_VCPU, 0);
		close(vm);
		now_and_then();
		close(vcpu);
	}
	return NULL;
}

static void disturb(void *(*const by[])(void *), int n)
{
	pthread_t thread[8];

	for (int i = 0; i < n; i++)
		CHECK(!pthread_create(&thread[i], NULL, by[i], NULL));
	for (int i = 0; i < SECONDS; i++) {
		sleep(1);
		check_progress("while it is disturbed");
	}
	/* The vCPUs' threads end, too: requests that wait for a vCPU are served. */
	ending = true;
	interrupt_all();
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	stop();
}

/* ---- Tests ---- */

static void judge(bool ticks)
{
	unsigned int i;

	for (i = 0; i < g.cpus; i++) {
		printf("# vCPU %u: %llu rounds, %llu interrupts, %llu ticks, %llu NMIs\n", i,
		       block(i)->rounds, block(i)->received, block(i)->ticks, block(i)->nmis);
		CHECK(block(i)->received);
		CHECK(!ticks || block(i)->ticks);
		EQUAL(block(i)->backwards, 0);
	}
}

TEST_LIMIT(everything_at_once, 40)
{
	static void *(*const by[])(void *) = { change_slots, raise_interrupts, interrupt_threads,
					       move_threads, ask, make_vms };

	make_guest(chaos, chaos_end, 4);
	start();
	disturb(by, ARRAY_SIZE(by));
	start();
	check_progress("when all is quiet again");
	stop();
	judge(true);
}

TEST_LIMIT(wake_ups_are_not_lost, 40)
{
	static void *(*const by[])(void *) = { interrupt_threads, move_threads, ask };

	make_guest(ping_pong, ping_pong_end, 2);
	start();
	disturb(by, ARRAY_SIZE(by));
	start();
	check_progress("when all is quiet again");
	check_progress("in the end");
	stop();
	judge(false);
	CHECK(block(0)->rounds - block(1)->rounds <= 1);
}

/* Four of them in processes of their own, killed at any time. */
TEST_LIMIT(killed_at_any_time, 40)
{
	pid_t pid[4];
	int status;

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 4; i++) {
			pid[i] = fork();
			if (!pid[i]) {
				make_guest(chaos, chaos_end, 3);
				srand(round * 4 + i);
				start();
				raise_interrupts(NULL);
				_exit(1);
			}
		}
		usleep(100000 + 100000 * round);
		for (int i = 0; i < 4; i++) {
			kill(pid[i], SIGKILL);
			CHECK(waitpid(pid[i], &status, 0) == pid[i]);
			CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
	}
}
