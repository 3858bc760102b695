// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * usage: measure [--json] DEVICE [ITEM...]
 *
 * What a device with KVM's interface costs, in ticks of the time stamp counter. In the emulated
 * machines a tick is an instruction (Bochs; QEMU with -icount), so the figures are host
 * instructions and repeat.
 *
 * Exits are measured from inside the guest: the counter is read before and after the instruction
 * that leaves, and what the measuring itself and the guest's own instructions take is subtracted.
 * Each figure is the median over the rounds, next to the 99th percentile; a timer tick of the host
 * falls on a few rounds and shows in the latter alone. What a device does not serve is "n/a" with
 * the reason, never 0. Every item runs in a process of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/machine/guest.h"

#define ROUNDS 1000
#define RESULTS GUEST_FREE /* in guest memory: u32 ticks, one a round */
#define TOUCHED 0x800000 /* where the guest touches fresh pages */
#define TOUCH_SIZE (16ull << 20)
#define VMS 10 /* that are created, run and destroyed */
#define MEMORY_VMS 48

/* What an item found out; the processes share it. */
struct result {
	bool valid;
	double median, p99, mean;
	double hardware; /* VMREAD and VMWRITE, or VMCB accesses, an exit; below 0: not known */
	double exits; /* of a whole run; below 0: not counted */
	char reason[160];
};

struct item {
	const char *name;
	void (*run)(struct result *r);
	const char *unit;
};

const char *guest_device;
bool guest_intel;
static struct result *result;

static _Noreturn void leave(const char *format, va_list args)
{
	vsnprintf(result->reason, sizeof(result->reason), format, args);
	_exit(1);
}

void guest_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	leave(format, args);
}

void guest_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	leave(format, args);
}

static inline u64 ticks(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

/* A request with nothing of the C library around it. */
static inline long quick(int fd, unsigned long nr, unsigned long arg)
{
	long r;

	asm volatile("syscall"
		     : "=a"(r)
		     : "a"(16L /* ioctl */), "D"((long)fd), "S"(nr), "d"(arg)
		     : "rcx", "r11", "memory");
	return r;
}

static int compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

static void summary(struct result *r, u32 *values, unsigned int n, double overhead)
{
	double sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += values[i];
	r->mean = sum / n - overhead;
	qsort(values, n, sizeof(*values), compare);
	r->median = values[n / 2] - overhead;
	r->p99 = values[n * 99 / 100] - overhead;
	r->valid = true;
}

/* ---- Loops of the guest ---- */

/*
 * R14 rounds, the ticks of each stored at R15: before, SETUP; between the two readings of the
 * counter, BODY, which may use anything but R12 to R15 and R8. RSI is free for both.
 */
#define LOOP(name, setup, body)                                                                    \
	CODE64(name, "	xor %r13d, %r13d\n"                                                         \
		     "1:\n" setup "	rdtsc\n"                                                       \
		     "	shl $32, %rdx\n"                                                             \
		     "	or %rdx, %rax\n"                                                             \
		     "	mov %rax, %r8\n" body "	rdtsc\n"                                             \
		     "	shl $32, %rdx\n"                                                             \
		     "	or %rdx, %rax\n"                                                             \
		     "	sub %r8, %rax\n"                                                             \
		     "	mov %eax, (%r15, %r13, 4)\n"                                                 \
		     "	inc %r13d\n"                                                                 \
		     "	cmp %r14d, %r13d\n"                                                          \
		     "	jb 1b\n" REPORT)

LOOP(loop_empty, "", "");
LOOP(loop_cpuid, "", "xor %eax, %eax\n cpuid\n");
LOOP(loop_vmcall, "", "mov $1, %eax\n vmcall\n");
LOOP(loop_vmmcall, "", "mov $1, %eax\n vmmcall\n");
LOOP(loop_rdmsr, "mov $0x1a0, %ecx\n", "rdmsr\n");
LOOP(loop_wrmsr, "mov $0x1a0, %ecx\n rdmsr\n mov %eax, %esi\n",
     "mov %esi, %eax\n xor %edx, %edx\n wrmsr\n");
LOOP(loop_port_write, "", "out %al, $0x80\n");
LOOP(loop_port_read, "", "in $0x80, %al\n");
LOOP(loop_pic_write, "mov $0xff, %bl\n", "mov %ebx, %eax\n out %al, $0x21\n");
LOOP(loop_pic_read, "", "in $0x21, %al\n");
LOOP(loop_mmio_write, "mov $0xd0000000, %esi\n", "mov %eax, (%rsi)\n");
LOOP(loop_mmio_read, "mov $0xd0000000, %esi\n", "mov (%rsi), %eax\n");
LOOP(loop_apic_read, "mov $0xfee00390, %esi\n", "mov (%rsi), %eax\n");
LOOP(loop_apic_write, "mov $0xfee003e0, %esi\n mov $0xb, %ebx\n", "mov %ebx, (%rsi)\n");
LOOP(loop_apic_eoi, "mov $0xfee000b0, %esi\n xor %ebx, %ebx\n", "mov %ebx, (%rsi)\n");
LOOP(loop_hlt, "", "hlt\n");
LOOP(loop_touch, "mov %r13d, %esi\n shl $12, %esi\n add $0x800000, %esi\n", "movb $1, (%rsi)\n");
LOOP(loop_interrupt, "", "out %al, $0x80\n");
CODE64(isr, "iretq\n");

/* Hardware accesses and exits of a vCPU so far; false where the device does not count. */
static bool statistics(struct guest_cpu *c, u64 *accesses, u64 *exits)
{
	struct swivl_stats s;

	if (try_request(c->fd, SWIVL_GET_STATS, (u64)&s) < 0)
		return false;
	*accesses = s.hardware_reads + s.hardware_writes;
	*exits = s.total_exits;
	return true;
}

/* Whether the guest is done: the last exit is its report. */
static inline bool done(struct guest_cpu *c)
{
	return c->run->exit_reason == KVM_EXIT_IO && c->run->io.port == GUEST_PORT;
}

static void run_loop(struct guest_cpu *c, bool interrupt)
{
	struct kvm_interrupt irq = { .irq = 0x20 };

	for (;;) {
		long r = quick(c->fd, KVM_RUN, 0);

		if (r)
			FAIL("KVM_RUN: %s", strerror(-r));
		if (done(c))
			return;
		switch (c->run->exit_reason) {
		case KVM_EXIT_IO:
		case KVM_EXIT_MMIO:
		case KVM_EXIT_HLT:
			break;
		default:
			FAIL("%s", guest_exit_text(c));
		}
		if (interrupt && quick(c->fd, KVM_INTERRUPT, (u64)&irq))
			FAIL("KVM_INTERRUPT failed");
	}
}

struct loop {
	const u8 *code, *end;
	unsigned int own; /* the guest's own instructions between the readings */
	unsigned int flags; /* GUEST_IRQCHIP */
	bool interrupt; /* after each exit */
	bool cold; /* no rounds for warming up */
};

static void start(struct guest_cpu *c, const u8 *code, const u8 *end, unsigned int rounds)
{
	struct kvm_regs regs;

	guest_load(c->guest, GUEST_CODE, code, end);
	guest_regs(c, &regs);
	regs.rip = GUEST_CODE;
	regs.r14 = rounds;
	regs.r15 = RESULTS;
	regs.rsp = GUEST_STACK;
	regs.rflags = RFLAGS_ONE | RFLAGS_IF;
	guest_set_regs(c, &regs);
}

static void measure(struct guest *g, const struct loop *l, struct result *r)
{
	struct guest_cpu *c = &g->cpu[0];
	u32 *values = (u32 *)(g->mem + RESULTS);
	u64 accesses[2], exits[2];
	bool counted;
	double empty;

	guest_mode(c, MODE_LONG);
	guest_load(g, 0x7800, isr, isr_end);
	guest_gate(g, 0x20, 0x7800, 0);
	start(c, loop_empty, loop_empty_end, ROUNDS);
	run_loop(c, false);
	summary(r, values, ROUNDS, 0);
	empty = r->median;
	r->valid = false;
	if (!l->cold) {
		start(c, l->code, l->end, 20);
		run_loop(c, l->interrupt);
	}
	start(c, l->code, l->end, ROUNDS);
	counted = statistics(c, &accesses[0], &exits[0]);
	run_loop(c, l->interrupt);
	if (counted && statistics(c, &accesses[1], &exits[1]) && exits[1] > exits[0])
		r->hardware = (double)(accesses[1] - accesses[0]) / (exits[1] - exits[0]);
	summary(r, values, ROUNDS, empty + l->own);
}

static void loop(struct result *r, const struct loop *l)
{
	struct guest g;

	guest_new(&g, GUEST_SIZE, l->flags);
	measure(&g, l, r);
	guest_end(&g);
}

#define LOOP_ITEM(name, instructions, ...)                                                         \
	static void item_##name(struct result *r)                                                  \
	{                                                                                          \
		loop(r, &(struct loop){ .code = loop_##name,                                       \
					.end = loop_##name##_end,                                  \
					.own = instructions,                                       \
					__VA_ARGS__ });                                            \
	}

LOOP_ITEM(cpuid, 2)
LOOP_ITEM(rdmsr, 1)
LOOP_ITEM(wrmsr, 3)
LOOP_ITEM(port_write, 1)
LOOP_ITEM(port_read, 1)
LOOP_ITEM(pic_write, 2, .flags = GUEST_IRQCHIP)
LOOP_ITEM(pic_read, 1, .flags = GUEST_IRQCHIP)
LOOP_ITEM(mmio_write, 1)
LOOP_ITEM(mmio_read, 1)
LOOP_ITEM(apic_read, 1, .flags = GUEST_IRQCHIP)
LOOP_ITEM(apic_write, 1, .flags = GUEST_IRQCHIP)
LOOP_ITEM(apic_eoi, 1, .flags = GUEST_IRQCHIP)
LOOP_ITEM(hlt, 1)
LOOP_ITEM(interrupt, 2, .interrupt = true)

static void item_hypercall(struct result *r)
{
	if (guest_intel)
		loop(r, &(struct loop){ loop_vmcall, loop_vmcall_end, .own = 2 });
	else
		loop(r, &(struct loop){ loop_vmmcall, loop_vmmcall_end, .own = 2 });
}

static void touch(struct result *r, bool present)
{
	struct guest g;
	u8 *memory;

	guest_new(&g, GUEST_SIZE, 0);
	memory = guest_memory(TOUCH_SIZE);
	if (present)
		for (u64 i = 0; i < TOUCH_SIZE; i += 4096)
			memory[i] = 1;
	if (guest_slot(&g, 1, 0, TOUCHED, TOUCH_SIZE, memory) < 0)
		FAIL("memory slot: %s", strerror(errno));
	measure(&g, &(struct loop){ loop_touch, loop_touch_end, .own = 1, .cold = true }, r);
	guest_end(&g);
}

static void item_touch(struct result *r)
{
	touch(r, false);
}

static void item_touch_present(struct result *r)
{
	touch(r, true);
}

/* ---- Requests ---- */

static void measure_request(struct result *r, int fd, unsigned int nr, u64 arg, long want)
{
	static u32 values[ROUNDS], empty[ROUNDS];
	u64 begin;
	long got = 0;

	for (int i = 0; i < ROUNDS; i++) {
		begin = ticks();
		empty[i] = ticks() - begin;
	}
	summary(r, empty, ROUNDS, 0);
	r->valid = false;
	for (int i = 0; i < ROUNDS; i++) {
		begin = ticks();
		got = quick(fd, nr, arg);
		values[i] = ticks() - begin;
		if (got != want)
			FAIL("%s", strerror(got < 0 ? -got : EPROTO));
	}
	summary(r, values, ROUNDS, r->median);
}

static void item_empty_request(struct result *r)
{
	int fd = open(guest_device, O_RDWR);

	if (fd < 0)
		FAIL("%s: %s", guest_device, strerror(errno));
	measure_request(r, fd, KVM_GET_API_VERSION, 0, KVM_API_VERSION);
}

static void item_immediate_exit(struct result *r)
{
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	if (!guest_extension(&g, KVM_CAP_IMMEDIATE_EXIT))
		FAIL("no KVM_CAP_IMMEDIATE_EXIT");
	g.cpu[0].run->immediate_exit = 1;
	measure_request(r, g.cpu[0].fd, KVM_RUN, 0, -EINTR);
}

static void item_get_regs(struct result *r)
{
	struct kvm_regs regs;
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	measure_request(r, g.cpu[0].fd, KVM_GET_REGS, (u64)&regs, 0);
}

static void item_get_sregs(struct result *r)
{
	struct kvm_sregs sregs;
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	measure_request(r, g.cpu[0].fd, KVM_GET_SREGS, (u64)&sregs, 0);
}

/* ---- The life of a VM ---- */

CODE64(halt, "hlt\n");

enum stage { CREATE, FIRST_RUN, DESTROY };

/*
 * CREATE: VM, memory, vCPU, CPUID, registers. Closing the last descriptor returns when the VM is
 * gone; where the device waits for other work (KVM for grace periods of RCU), the wait counts.
 */
static void life(struct result *r, enum stage stage)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = RFLAGS_ONE };
	struct kvm_sregs sregs;
	struct kvm_cpuid2 *cpuid;
	u32 values[VMS];
	struct guest g;
	u64 time[4];

	guest_new(&g, GUEST_SIZE, 0);
	cpuid = guest_supported_cpuid(&g);
	guest_mode(&g.cpu[0], MODE_LONG);
	LOAD(&g, halt);
	guest_sregs(&g.cpu[0], &sregs);
	for (int i = 0; i < VMS; i++) {
		int vm, cpu;
		struct kvm_run *run;
		struct kvm_userspace_memory_region slot = { .memory_size = g.size,
							    .userspace_addr = (u64)g.mem };

		time[0] = ticks();
		vm = request(g.dev, KVM_CREATE_VM, 0);
		request(vm, KVM_SET_USER_MEMORY_REGION, &slot);
		cpu = request(vm, KVM_CREATE_VCPU, 0);
		run = mmap(NULL, g.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
		request(cpu, KVM_SET_CPUID2, cpuid);
		request(cpu, KVM_SET_SREGS, &sregs);
		request(cpu, KVM_SET_REGS, &regs);
		time[1] = ticks();
		request(cpu, KVM_RUN, 0);
		time[2] = ticks();
		EQUAL(run->exit_reason, KVM_EXIT_HLT);
		munmap(run, g.run_size);
		close(cpu);
		close(vm);
		time[3] = ticks();
		values[i] = time[stage + 1] - time[stage];
	}
	summary(r, values, VMS, 0);
}

static void item_create(struct result *r)
{
	life(r, CREATE);
}

static void item_first_run(struct result *r)
{
	life(r, FIRST_RUN);
}

static void item_destroy(struct result *r)
{
	life(r, DESTROY);
}

static void tell_kernel(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		FAIL("%s: %s", path, strerror(errno));
	close(fd);
}

/* The sum of a figure wherever @path has it. */
static long sum_of(const char *path, const char *format)
{
	FILE *f = fopen(path, "r");
	long sum = 0, value;
	char line[120];

	if (!f)
		FAIL("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, format, &value) == 1)
			sum += value;
	fclose(f);
	return sum;
}

/*
 * Free memory in KiB, with nothing left to write back or to drop; with the free pages that a
 * processor keeps for itself, which MemFree leaves out.
 */
static long free_memory(void)
{
	sync();
	tell_kernel("/proc/sys/vm/drop_caches", "3");
	return sum_of("/proc/meminfo", "MemFree: %ld") + 4 * sum_of("/proc/zoneinfo", " count: %ld");
}

/* The mean over many VMs that share one piece of memory, each run once, all there at a time. */
static void item_memory(struct result *r)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = RFLAGS_ONE };
	struct kvm_sregs sregs;
	struct kvm_cpuid2 *cpuid;
	struct guest g;
	long before = 0;

	guest_new(&g, GUEST_SIZE, 0);
	memset(g.mem, 0, g.size);
	cpuid = guest_supported_cpuid(&g);
	guest_mode(&g.cpu[0], MODE_LONG);
	LOAD(&g, halt);
	guest_sregs(&g.cpu[0], &sregs);
	/* The first few fill the allocator's reserves. */
	for (int i = 0; i < MEMORY_VMS + 8; i++) {
		struct kvm_userspace_memory_region slot = { .memory_size = g.size,
							    .userspace_addr = (u64)g.mem };
		int vm, cpu;

		if (i == 8)
			before = free_memory();
		vm = request(g.dev, KVM_CREATE_VM, 0);
		request(vm, KVM_SET_USER_MEMORY_REGION, &slot);
		cpu = request(vm, KVM_CREATE_VCPU, 0);
		request(cpu, KVM_SET_CPUID2, cpuid);
		request(cpu, KVM_SET_SREGS, &sregs);
		request(cpu, KVM_SET_REGS, &regs);
		request(cpu, KVM_RUN, 0);
	}
	r->median = r->p99 = r->mean = (double)(before - free_memory()) / MEMORY_VMS;
	r->valid = true;
}

/* ---- A whole boot ---- */

#define KERNEL "/boot/vmlinuz"

/* swivl's command on this device, what it prints to a file. */
static pid_t start_boot(int output)
{
	static char cmdline[4096];
	int fd = open("/lab/guest-cmdline", O_RDONLY);
	pid_t pid;

	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) <= 0 || access(KERNEL, R_OK))
		FAIL("the kernel is not there");
	close(fd);
	cmdline[strcspn(cmdline, "\n")] = 0;
	pid = fork();
	if (pid)
		return pid;
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(output, 1);
	dup2(output, 2);
	execlp("swivl", "swivl", "run", "--stats", "--device", guest_device, "--kernel", KERNEL,
	       "--initrd", "/boot/initrd", "--cmdline", cmdline, NULL);
	_exit(127);
}

static double exits_printed(FILE *f)
{
	char line[256], name[32];
	double n;

	rewind(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %lf %31s", &n, name) == 2 && !strcmp(name, "exits") &&
		    line[strcspn(line, "s") + 1] == '\n')
			return n;
	return -1;
}

/*
 * The command's processor time in ticks, with the kernel's part and the guest's own instructions,
 * which nothing here tells apart. Time in which all sleep is no work and does not count.
 */
static void item_boot(struct result *r)
{
	struct timespec begin_time, end_time;
	struct rusage usage;
	FILE *output = tmpfile();
	u64 begin = ticks();
	double rate;
	int status;
	pid_t pid;

	if (!output)
		FAIL("no temporary file: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &begin_time);
	pid = start_boot(fileno(output));
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		FAIL("%s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &end_time);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		FAIL("swivl run ended with %#x", status);
	rate = (ticks() - begin) / ((end_time.tv_sec - begin_time.tv_sec) * 1e6 +
				    (end_time.tv_nsec - begin_time.tv_nsec) / 1e3);
	r->median = r->p99 = r->mean =
		rate * ((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
			usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	r->exits = exits_printed(output);
	r->valid = true;
}

/* ---- The list ---- */

#define TICKS "instructions"
static const struct item items[] = {
	{ "cpuid", item_cpuid, TICKS },
	{ "hypercall", item_hypercall, TICKS },
	{ "rdmsr", item_rdmsr, TICKS },
	{ "wrmsr", item_wrmsr, TICKS },
	{ "pic_write", item_pic_write, TICKS },
	{ "pic_read", item_pic_read, TICKS },
	{ "apic_read", item_apic_read, TICKS },
	{ "apic_write", item_apic_write, TICKS },
	{ "apic_eoi", item_apic_eoi, TICKS },
	{ "touch", item_touch, TICKS },
	{ "touch_present", item_touch_present, TICKS },
	{ "port_write", item_port_write, TICKS },
	{ "port_read", item_port_read, TICKS },
	{ "mmio_write", item_mmio_write, TICKS },
	{ "mmio_read", item_mmio_read, TICKS },
	{ "hlt", item_hlt, TICKS },
	{ "interrupt", item_interrupt, TICKS },
	{ "empty_request", item_empty_request, TICKS },
	{ "immediate_exit", item_immediate_exit, TICKS },
	{ "get_regs", item_get_regs, TICKS },
	{ "get_sregs", item_get_sregs, TICKS },
	{ "create", item_create, TICKS },
	{ "first_run", item_first_run, TICKS },
	{ "destroy", item_destroy, TICKS },
	{ "memory", item_memory, "KiB" },
	{ "boot", item_boot, TICKS },
};

static void run_item(const struct item *item)
{
	int status;
	pid_t pid;

	*result = (struct result){ .hardware = -1, .exits = -1 };
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(120);
		item->run(result);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		snprintf(result->reason, sizeof(result->reason), "%s", strerror(errno));
	} else if (WIFSIGNALED(status)) {
		snprintf(result->reason, sizeof(result->reason), "ended by signal %d",
			 WTERMSIG(status));
		result->valid = false;
	} else if (WEXITSTATUS(status)) {
		result->valid = false;
	}
}

static void print_item(const struct item *item, bool json, bool first)
{
	const struct result *r = result;

	if (json) {
		printf("%s\n\"%s\": ", first ? "" : ",", item->name);
		if (!r->valid)
			printf("{\"reason\": \"%s\"}", r->reason);
		else
			printf("{\"median\": %.0f, \"p99\": %.0f, \"mean\": %.0f", r->median, r->p99,
			       r->mean);
		if (r->valid && r->hardware >= 0)
			printf(", \"hardware\": %.1f", r->hardware);
		if (r->valid && r->exits >= 0)
			printf(", \"exits\": %.0f", r->exits);
		if (r->valid)
			printf("}");
		return;
	}
	if (!r->valid)
		printf("%-16s %12s  %s\n", item->name, "n/a", r->reason);
	else if (r->hardware >= 0)
		printf("%-16s %12.0f %12.0f %12.0f %8.1f  %s\n", item->name, r->median, r->p99,
		       r->mean, r->hardware, item->unit);
	else
		printf("%-16s %12.0f %12.0f %12.0f %8s  %s\n", item->name, r->median, r->p99,
		       r->mean, "", item->unit);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "--json"), first = true;
	u32 a = 0, b, c, d;

	argv += 1 + json;
	if (!*argv) {
		fprintf(stderr, "usage: measure [--json] DEVICE [ITEM...]\n");
		return 2;
	}
	guest_device = *argv++;
	asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	guest_intel = b == 0x756e6547; /* "Genu" */
	result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		return 1;
	if (json)
		printf("{");
	else
		printf("%-16s %12s %12s %12s %8s\n", guest_device, "median", "99th", "mean",
		       "hardware");
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		if (!wanted(items[i].name, argv))
			continue;
		run_item(&items[i]);
		print_item(&items[i], json, first);
		first = false;
	}
	if (json)
		printf("\n}\n");
	return 0;
}
