// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Requests as a 32-bit program makes them: through the 32-bit system calls, with pointers of which
 * only the lower half is written.
 * usage: compat DEVICE
 */
#include "tap.h"

#define SYSCALL32_IOCTL 54

/* Everything that is handed over has to be below 4 GiB. */
static void *low_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		       -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static long ioctl32(int fd, unsigned int number, unsigned long arg)
{
	int r;

	asm volatile("int $0x80"
		     : "=a"(r)
		     : "a"(SYSCALL32_IOCTL), "b"(fd), "c"(number), "d"((unsigned int)arg)
		     : "r8", "r9", "r10", "r11", "memory");
	if (r < 0) {
		errno = -r;
		return -1;
	}
	return r;
}

int main(int argc, char **argv)
{
	int dev = open_device(argc > 1 ? argv[1] : "/dev/swivl"), vm, vcpu;
	struct kvm_userspace_memory_region *region = low_pages(PAGE);
	struct kvm_dirty_log *log = low_pages(PAGE);
	struct kvm_regs *regs = low_pages(PAGE);
	unsigned long long *bitmap = low_pages(PAGE);
	struct {
		struct kvm_signal_mask head;
		unsigned char set[8];
	} __attribute__((packed)) *mask = low_pages(PAGE);

	expect(12, ioctl32(dev, KVM_GET_API_VERSION, 0), "KVM_GET_API_VERSION");
	vm = ioctl32(dev, KVM_CREATE_VM, 0);
	check(vm >= 0, "KVM_CREATE_VM");
	region->memory_size = 16 * PAGE;
	region->flags = KVM_MEM_LOG_DIRTY_PAGES;
	region->userspace_addr = (unsigned long)low_pages(16 * PAGE);
	expect(0, ioctl32(vm, KVM_SET_USER_MEMORY_REGION, (unsigned long)region), "memory");
	log->padding2 = 0xdeadbeef00000000 | (unsigned int)(unsigned long)bitmap;
	expect(0, ioctl32(vm, KVM_GET_DIRTY_LOG, (unsigned long)log), "KVM_GET_DIRTY_LOG");
	vcpu = ioctl32(vm, KVM_CREATE_VCPU, 0);
	check(vcpu >= 0, "KVM_CREATE_VCPU");
	expect(0, ioctl32(vcpu, KVM_GET_REGS, (unsigned long)regs), "KVM_GET_REGS");
	check(regs->rip == 0xfff0, "RIP is %#llx", regs->rip);
	expect(-EFAULT, ioctl32(vcpu, KVM_GET_REGS, 0), "KVM_GET_REGS to 0");
	mask->head.len = 8;
	expect(0, ioctl32(vcpu, KVM_SET_SIGNAL_MASK, (unsigned long)mask), "KVM_SET_SIGNAL_MASK");
	verdict("32-bit caller");
	return failed;
}
