/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * For the programs that run in the emulated machine: verdicts, and the shortest way to a VM. They take the device as their argument, so that the same test runs on KVM.
 */
#ifndef SWIVL_TESTS_MACHINE_TAP_H
#define SWIVL_TESTS_MACHINE_TAP_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "swivl/abi.h"
#ifndef ENDS_BY_SIGNAL
#include "ends.h"
#endif

#define PAGE 4096ul
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int wrong, failed;

/* One of the observations that make a verdict. Only those that are wrong are printed. */
__attribute__((format(printf, 2, 3), unused)) static void check(bool good, const char *fmt, ...)
{
	va_list args;

	if (good)
		return;
	wrong++;
	printf("# wrong: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* The verdict on all that was checked since the last one. */
__attribute__((unused)) static void verdict(const char *name)
{
	if (wrong)
		printf("not ok %s - %d wrong\n", name, wrong);
	else
		printf("ok %s\n", name);
	fflush(stdout);
	failed += wrong != 0;
	wrong = 0;
}

__attribute__((noreturn, format(printf, 1, 2), unused)) static void die(const char *fmt, ...)
{
	va_list args;

	printf("not ok set-up - ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(": %s\n", strerror(errno));
	exit(2);
}

/* A result as one number: what ioctl() returned, or -errno. */
#define result(call) ({ long r_ = (call); r_ < 0 ? -(long)errno : r_; })

__attribute__((unused)) static const char *say(long r)
{
	static char text[4][32];
	static int turn;
	char *t = text[turn++ % 4];

	if (r < 0)
		return strerrorname_np(-r);
	snprintf(t, sizeof(text[0]), "%ld", r);
	return t;
}

/* A call that should give @want: a value, or -errno. */
#define expect(want, call, ...)                                                                    \
	do {                                                                                       \
		long want_ = (want), got_ = result(call);                                          \
		char name_[200];                                                                   \
		snprintf(name_, sizeof(name_), __VA_ARGS__);                                       \
		check(got_ == want_, "%s: %s, not %s", name_, say(got_), say(want_));              \
	} while (0)

struct machine {
	int dev, vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	unsigned char *mem;
	size_t mem_size;
};

static inline int open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("%s", path);
	return fd;
}

static inline unsigned char *pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static inline int set_memory(int vm, unsigned int slot, unsigned long long gpa, size_t size,
			     void *mem, unsigned int flags)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (unsigned long)mem,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r);
}

/* A VM with one vCPU, 64 KiB of memory at 0 and @code at 0x1000, ready to run it in real mode. */
static inline struct machine machine_make(int dev, const void *code, size_t size)
{
	struct machine m = { .dev = dev, .mem_size = 0x10000 };
	/* Interrupts on: entered with them off, Bochs 2.7 holds back the host's interrupts, too. */
	struct kvm_regs regs = { .rip = 0x1000, .rsp = 0x8000, .rflags = 0x202 };
	struct kvm_sregs sregs;

	m.vm = ioctl(dev, KVM_CREATE_VM, 0);
	if (m.vm < 0)
		die("KVM_CREATE_VM");
	m.mem = pages(m.mem_size);
	memcpy(m.mem + 0x1000, code, size);
	if (set_memory(m.vm, 0, 0, m.mem_size, m.mem, 0))
		die("KVM_SET_USER_MEMORY_REGION");
	m.vcpu = ioctl(m.vm, KVM_CREATE_VCPU, 0);
	if (m.vcpu < 0)
		die("KVM_CREATE_VCPU");
	m.run_size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	m.run = mmap(NULL, m.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m.vcpu, 0);
	if (m.run == MAP_FAILED)
		die("mmap of the vCPU");
	if (ioctl(m.vcpu, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(m.vcpu, KVM_SET_SREGS, &sregs) || ioctl(m.vcpu, KVM_SET_REGS, &regs))
		die("setting registers");
	return m;
}

static inline void machine_close(struct machine *m)
{
	munmap(m->run, m->run_size);
	close(m->vcpu);
	close(m->vm);
	munmap(m->mem, m->mem_size);
}

#endif
