// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Descriptors: who may use them, in which order they may be closed, what outlives what.
 * usage: lifetime DEVICE [FILE that is written back]
 */
#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const unsigned char out_hlt[] = { 0xe6, 0x80, 0xf4 };
static const unsigned char spin[] = { 0xff, 0x06, 0x00, 0x20, 0xeb, 0xfa };

static void closed_in_any_order(int dev)
{
	struct machine m = machine_make(dev, out_hlt, sizeof(out_hlt));

	close(m.vm);
	expect(0, ioctl(m.vcpu, KVM_RUN, 0), "a vCPU runs when its VM's descriptor is closed");
	check(m.run->exit_reason == KVM_EXIT_IO, "and leaves with its port access");
	close(m.vcpu);
	m.run->immediate_exit = 1;
	check(m.run->exit_reason == KVM_EXIT_IO, "its page outlives both descriptors");
	munmap(m.run, m.run_size);
	munmap(m.mem, m.mem_size);

	m = machine_make(dev, out_hlt, sizeof(out_hlt));
	munmap(m.run, m.run_size);
	close(m.vcpu);
	expect(-EEXIST, ioctl(m.vm, KVM_CREATE_VCPU, 0), "a closed vCPU's number stays taken");
	m.vcpu = ioctl(m.vm, KVM_CREATE_VCPU, 1);
	check(m.vcpu >= 0, "another one can still be made");
	close(m.vm);
	close(m.vcpu);
	munmap(m.mem, m.mem_size);
	expect(-EBADF, ioctl(m.vcpu, KVM_RUN, 0), "a closed descriptor");
}

static void memory_gone(int dev)
{
	struct machine m = machine_make(dev, out_hlt, sizeof(out_hlt));
	long r;

	munmap(m.mem, m.mem_size);
	r = result(ioctl(m.vcpu, KVM_RUN, 0));
	check(r == -EFAULT, "guest memory unmapped before its first use: %s", say(r));
	m.mem = pages(m.mem_size);
	machine_close(&m);
}

/* A file system wants to be asked before a page gets dirty: a guest may only read such memory. */
static void memory_of_a_file(int dev, const char *path)
{
	static const unsigned char read_write[] = { 0xa0, 0x00, 0x20, 0xe6, 0x80, 0xa2, 0x00, 0x20, 0xf4 };
	int fd = open(path, O_RDWR);
	struct machine m = machine_make(dev, read_write, sizeof(read_write));
	unsigned char *file;

	file = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		die("%s", path);
	file[0] = 0x5a;
	expect(0, set_memory(m.vm, 0, 0, 0, m.mem, 0), "no memory");
	expect(0, set_memory(m.vm, 0, 0, 0x2000, m.mem, 0), "memory");
	expect(0, set_memory(m.vm, 1, 0x2000, PAGE, file, 0), "a file");
	expect(0, ioctl(m.vcpu, KVM_RUN, 0), "the guest reads");
	check(m.run->exit_reason == KVM_EXIT_IO &&
		      *((unsigned char *)m.run + m.run->io.data_offset) == 0x5a,
	      "and gets what is there: exit %u", m.run->exit_reason);
	expect(-EFAULT, ioctl(m.vcpu, KVM_RUN, 0), "the guest writes");
	machine_close(&m);
	munmap(file, PAGE);
	close(fd);
}

static long pinned_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmPin: %ld", &kib);
	fclose(f);
	return kib;
}

static void set_memlock(const char *value)
{
	int fd = open("/sys/module/swivl/parameters/memlock", O_WRONLY);

	if (fd < 0 || write(fd, value, 1) != 1)
		die("memlock");
	close(fd);
}

/* Pinned memory is counted, and limited where the owner of the machine says so. */
static void pinned_memory(int dev)
{
	struct machine m = machine_make(dev, out_hlt, sizeof(out_hlt));
	const struct rlimit none = { 0, 0 };
	int status;

	expect(0, ioctl(m.vcpu, KVM_RUN, 0), "KVM_RUN");
	check(pinned_kib() >= 4 && pinned_kib() <= 64, "%ld KiB pinned", pinned_kib());
	machine_close(&m);
	check(!pinned_kib(), "%ld KiB pinned when the VM is gone", pinned_kib());

	set_memlock("1");
	if (!fork()) {
		setrlimit(RLIMIT_MEMLOCK, &none);
		if (setuid(65534))
			_exit(2);
		m = machine_make(dev, out_hlt, sizeof(out_hlt));
		_exit(result(ioctl(m.vcpu, KVM_RUN, 0)) != -ENOMEM || pinned_kib());
	}
	wait(&status);
	check(!status, "no more than RLIMIT_MEMLOCK: status %x", status);
	set_memlock("0");
}

static void mapping(int dev)
{
	struct machine m = machine_make(dev, out_hlt, sizeof(out_hlt));
	char *p;

	check(m.run_size >= 2 * PAGE && m.run_size % PAGE == 0, "the mapping is %zu bytes", m.run_size);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m.vcpu, 0);
	check(p != MAP_FAILED, "its first page alone can be mapped");
	munmap(p, PAGE);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m.vcpu, 1000 * PAGE);
	/* Allowed or not, nothing is there. */
	if (p != MAP_FAILED) {
		int fds[2];

		if (pipe(fds))
			die("pipe");
		expect(-EFAULT, write(fds[1], p, 1), "nothing is behind its end");
		munmap(p, PAGE);
		close(fds[0]);
		close(fds[1]);
	} else {
		check(errno == EINVAL, "nothing is behind its end");
	}
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m.vm, 0);
	check(p == MAP_FAILED && errno == ENODEV, "a VM cannot be mapped");
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m.dev, 0);
	check(p == MAP_FAILED && errno == ENODEV, "the device cannot be mapped");
	machine_close(&m);
}

/* Guest memory is the memory of the process that made the VM. */
static void other_process(int dev)
{
	struct machine m = machine_make(dev, out_hlt, sizeof(out_hlt));
	struct kvm_regs regs;
	int status;
	pid_t pid = fork();

	if (!pid) {
		bool good = result(ioctl(m.vcpu, KVM_RUN, 0)) == -EIO &&
			    result(ioctl(m.vcpu, KVM_GET_REGS, &regs)) == -EIO &&
			    result(ioctl(m.vm, KVM_CREATE_VCPU, 1)) == -EIO &&
			    result(ioctl(m.vm, KVM_CHECK_EXTENSION, 0)) == -EIO;
		_exit(!good);
	}
	waitpid(pid, &status, 0);
	check(status == 0, "another process gets EIO");
	expect(0, ioctl(m.vcpu, KVM_RUN, 0), "and the VM goes on");
	machine_close(&m);
}

static void nothing(int signal)
{
}

static void *runner(void *arg)
{
	struct machine *m = arg;

	return (void *)result(ioctl(m->vcpu, KVM_RUN, 0));
}

static void *asker(void *arg)
{
	struct machine *m = arg;
	struct kvm_regs regs;

	return (void *)result(ioctl(m->vcpu, KVM_GET_REGS, &regs));
}

static void running_elsewhere(int dev)
{
	struct machine m = machine_make(dev, spin, sizeof(spin));
	volatile unsigned short *count = (void *)(m.mem + 0x2000);
	struct sigaction action = { .sa_handler = nothing };
	pthread_t run, ask;
	void *r;

	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&run, NULL, runner, &m);
	while (!*count)
		usleep(1000);
	pthread_create(&ask, NULL, asker, &m);
	usleep(50000);
	check(pthread_tryjoin_np(ask, &r) == EBUSY, "a request waits while the vCPU runs");
	pthread_kill(run, SIGUSR1);
	pthread_join(run, &r);
	check((long)r == -EINTR, "a signal ends KVM_RUN: %s", say((long)r));
	check(m.run->exit_reason == KVM_EXIT_INTR, "with KVM_EXIT_INTR");
	pthread_join(ask, &r);
	check((long)r == 0, "then the request is served: %s", say((long)r));
	m.run->immediate_exit = 1;
	expect(-EINTR, ioctl(m.vcpu, KVM_RUN, 0), "immediate_exit");
	machine_close(&m);
}

/* A signal that only KVM_RUN lets through: it ends the run and stays pending. */
static void signal_mask(int dev)
{
	struct machine m = machine_make(dev, spin, sizeof(spin));
	struct {
		struct kvm_signal_mask head;
		unsigned char set[8];
	} __attribute__((packed)) mask = { .head.len = 8 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	expect(0, ioctl(m.vcpu, KVM_SET_SIGNAL_MASK, &mask), "KVM_SET_SIGNAL_MASK");
	raise(SIGUSR2);
	expect(-EINTR, ioctl(m.vcpu, KVM_RUN, 0), "a pending signal that the mask lets through");
	sigpending(&set);
	check(sigismember(&set, SIGUSR2), "stays pending, its handler did not run");
	signal(SIGUSR2, SIG_IGN);
	sigprocmask(SIG_SETMASK, NULL, &set);
	check(sigismember(&set, SIGUSR2), "the caller's own mask is back");
	mask.head.len = 4;
	expect(-EINVAL, ioctl(m.vcpu, KVM_SET_SIGNAL_MASK, &mask), "a mask of 4 bytes");
	expect(0, ioctl(m.vcpu, KVM_SET_SIGNAL_MASK, 0), "no mask");
	machine_close(&m);
}

int main(int argc, char **argv)
{
	int dev = open_device(argc > 1 ? argv[1] : "/dev/swivl");

	closed_in_any_order(dev);
	verdict("closed in any order");
	memory_gone(dev);
	verdict("memory gone");
	if (argc > 2) {
		memory_of_a_file(dev, argv[2]);
		verdict("memory of a file");
		pinned_memory(dev);
		verdict("pinned memory");
	}
	mapping(dev);
	verdict("mapping");
	other_process(dev);
	verdict("another process");
	running_elsewhere(dev);
	verdict("running in another thread");
	signal_mask(dev);
	verdict("signal mask");
	return failed;
}
