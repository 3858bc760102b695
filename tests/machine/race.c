// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Several threads at one VM: it runs while its memory changes, its dirty log is read, its lines
 * move and signals arrive; another thread makes and closes VMs. Nothing may hang, and the kernel
 * must have nothing to complain of.
 * usage: race DEVICE [SECONDS]
 */
#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#define VCPUS 2
#define DATA_GPA 0x100000

static int dev, vm, vcpu[VCPUS];
static struct kvm_run *run[VCPUS];
static size_t run_size;
static unsigned char *code, *data;
static volatile bool stop;
static unsigned long rounds[8];

static void nothing(int signal)
{
}

static void *runner(void *arg)
{
	long i = (long)arg;

	while (!stop) {
		long r = result(ioctl(vcpu[i], KVM_RUN, 0));

		if (r && r != -EINTR && r != -EAGAIN && r != -EFAULT) {
			check(false, "KVM_RUN: %s", say(r));
			break;
		}
		if (!r && run[i]->exit_reason != KVM_EXIT_MMIO && run[i]->exit_reason != KVM_EXIT_IO &&
		    run[i]->exit_reason != KVM_EXIT_INTR) {
			check(false, "exit %u", run[i]->exit_reason);
			break;
		}
		rounds[i]++;
	}
	return NULL;
}

static void *memory(void *arg)
{
	while (!stop) {
		unsigned int flags = rounds[2] & 1 ? KVM_MEM_LOG_DIRTY_PAGES : 0;

		check(!set_memory(vm, 1, DATA_GPA, 16 * PAGE, data, flags), "slot added");
		check(!set_memory(vm, 1, DATA_GPA, 0, data, 0), "slot removed");
		rounds[2]++;
	}
	return NULL;
}

static void *log_reader(void *arg)
{
	unsigned long bitmap[64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };

	while (!stop) {
		check(!ioctl(vm, KVM_GET_DIRTY_LOG, &log), "dirty log");
		rounds[3]++;
	}
	return NULL;
}

static void *asker(void *arg)
{
	struct kvm_irq_level line = { .irq = 5 };
	struct kvm_regs regs;
	struct kvm_mp_state mp;

	while (!stop) {
		line.level = rounds[4] & 1;
		check(!ioctl(vm, KVM_IRQ_LINE, &line), "line");
		/* These wait until the vCPU is out. */
		if (rounds[4] % 16 == 0)
			check(!ioctl(vcpu[0], KVM_GET_REGS, &regs), "registers");
		if (rounds[4] % 16 == 8)
			check(!ioctl(vcpu[1], KVM_GET_MP_STATE, &mp), "state");
		rounds[4]++;
	}
	return NULL;
}

static void *churner(void *arg)
{
	static const unsigned char hlt[] = { 0xf4 };

	while (!stop) {
		struct machine m = machine_make(dev, hlt, sizeof(hlt));

		m.run->immediate_exit = rounds[5] & 1;
		ioctl(m.vcpu, KVM_RUN, 0);
		machine_close(&m);
		rounds[5]++;
	}
	return NULL;
}

static void set_up(void)
{
	/* In real mode with a flat data segment: write all over the slot that comes and goes. */
	static const unsigned char guest[] = {
		0x66, 0xbf, 0x00, 0x00, 0x10, 0x00, /* mov edi, 0x100000 */
		0x67, 0x66, 0xff, 0x07, /* inc dword [edi] */
		0x66, 0xff, 0x06, 0x00, 0x20, /* inc dword [0x2000] */
		0xe6, 0x80, /* out 0x80, al */
		0x81, 0xc7, 0x00, 0x04, /* add di, 0x400 */
		0xeb, 0xef, /* jmp to the first inc */
	};
	long i;

	vm = ioctl(dev, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		die("VM");
	code = pages(16 * PAGE);
	data = pages(16 * PAGE);
	memcpy(code + 0x1000, guest, sizeof(guest));
	if (set_memory(vm, 0, 0, 16 * PAGE, code, KVM_MEM_LOG_DIRTY_PAGES))
		die("memory");
	run_size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	for (i = 0; i < VCPUS; i++) {
		struct kvm_regs regs = { .rip = 0x1000, .rsp = 0x8000, .rflags = 2 };
		struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
		struct kvm_sregs sregs;

		vcpu[i] = ioctl(vm, KVM_CREATE_VCPU, i);
		if (vcpu[i] < 0 || ioctl(vcpu[i], KVM_GET_SREGS, &sregs))
			die("vCPU");
		run[i] = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu[i], 0);
		sregs.cs.base = sregs.cs.selector = 0;
		sregs.ds.limit = 0xffffffff;
		sregs.ds.g = 1;
		if (ioctl(vcpu[i], KVM_SET_SREGS, &sregs) || ioctl(vcpu[i], KVM_SET_REGS, &regs) ||
		    ioctl(vcpu[i], KVM_SET_MP_STATE, &mp))
			die("registers");
	}
}

static double ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(thread, sizeof(set), &set))
		die("affinity");
}

static void *spinner(void *arg)
{
	struct machine *m = arg;

	while (ioctl(m->vcpu, KVM_RUN, 0) && errno == EINTR && !stop)
		;
	return NULL;
}

/*
 * Memory can only change while the vCPU is out of its guest. A guest that spins on another CPU is
 * fetched from there at once; the timer tick alone would take 2 ms on average.
 */
static void kicked_out(void)
{
	static const unsigned char spin[] = { 0xff, 0x06, 0x00, 0x20, 0xeb, 0xfa };
	struct machine m = machine_make(dev, spin, sizeof(spin));
	volatile unsigned short *count = (void *)(m.mem + 0x2000);
	pthread_t thread;
	double took;
	int i;

	stop = false;
	pthread_create(&thread, NULL, spinner, &m);
	pin(thread, 1);
	pin(pthread_self(), 0);
	while (!*count)
		usleep(1000);
	took = ms();
	for (i = 0; i < 50; i++) {
		unsigned short before = *count;

		set_memory(m.vm, 1, DATA_GPA, 16 * PAGE, data, 0);
		set_memory(m.vm, 1, DATA_GPA, 0, data, 0);
		while (*count == before)
			;
	}
	took = (ms() - took) / 100;
	printf("# %.3f ms to change memory under a spinning guest\n", took);
	check(took < 1, "%.3f ms", took);
	stop = true;
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	machine_close(&m);
}

int main(int argc, char **argv)
{
	void *(*const work[])(void *) = { runner, runner, memory, log_reader, asker, churner };
	struct sigaction action = { .sa_handler = nothing };
	int seconds = argc > 2 ? atoi(argv[2]) : 3;
	pthread_t thread[ARRAY_SIZE(work)];
	struct timespec begin, now;
	unsigned long i;

	dev = open_device(argc > 1 ? argv[1] : "/dev/swivl");
	sigaction(SIGUSR1, &action, NULL);
	set_up();
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_create(&thread[i], NULL, work[i], (void *)i);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		pthread_kill(thread[0], SIGUSR1);
		usleep(2000);
		pthread_kill(thread[1], SIGUSR1);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec < seconds);
	stop = true;
	for (i = 0; i < 2; i++)
		pthread_kill(thread[i], SIGUSR1);
	for (i = 0; i < ARRAY_SIZE(work); i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < ARRAY_SIZE(work); i++)
		check(rounds[i] > 0, "thread %lu did nothing", i);
	printf("# rounds: run %lu %lu, memory %lu, log %lu, requests %lu, VMs %lu\n", rounds[0],
	       rounds[1], rounds[2], rounds[3], rounds[4], rounds[5]);
	verdict("many-threads");
	if (sysconf(_SC_NPROCESSORS_ONLN) == 1) {
		puts("skip kicked-out - one CPU");
	} else if (!system("grep -q AuthenticAMD /proc/cpuinfo")) {
		puts("skip kicked-out - the time of QEMU's processors is that of the machine it runs on");
	} else {
		kicked_out();
		verdict("kicked-out");
	}
	return failed;
}
