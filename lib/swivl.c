/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* libswivl over a Linux device: the hypervisor and its virtual machines. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define API_VERSION 12
#define MAX_CPUID_ENTRIES 1024
#define MAX_MSR_LIST 4096

static _Thread_local char last_tried[256] = "/dev/swivl";

/* ---- the hypervisor ---- */

static int open_one(struct swivl_host *host, const char *path)
{
	int version;

	snprintf(last_tried, sizeof(last_tried), "%s", path);
	if (strlen(path) >= sizeof(host->path))
		return -ENAMETOOLONG;
	host->fd = open(path, O_RDWR | O_CLOEXEC);
	if (host->fd < 0)
		return -errno;
	version = request(host->fd, KVM_GET_API_VERSION, NULL);
	if (version == API_VERSION) {
		int size = request(host->fd, KVM_GET_VCPU_MMAP_SIZE, NULL);

		if (size >= (int)sizeof(struct kvm_run)) {
			strcpy(host->path, path);
			host->run_size = size;
			return 0;
		}
		version = size < 0 ? size : -EPROTO;
	}
	close(host->fd);
	return version < 0 ? version : -EPROTO;
}

int swivl_open(const char *path, struct swivl_host **out)
{
	static const char *const usual[] = { "/dev/swivl", "/dev/kvm" };
	struct swivl_host *host = calloc(1, sizeof(*host));
	int ret = -ENOENT;

	if (!host)
		return -ENOMEM;
	if (!path)
		path = getenv("SWIVL_DEVICE");
	if (path && *path) {
		ret = open_one(host, path);
	} else {
		/* A device that is there but refuses is the answer; only absence moves on. */
		for (unsigned int i = 0; i < 2 && ret == -ENOENT; i++)
			ret = open_one(host, usual[i]);
	}
	if (ret < 0) {
		free(host);
		return ret;
	}
	*out = host;
	return 0;
}

void swivl_close(struct swivl_host *host)
{
	if (!host)
		return;
	close(host->fd);
	free(host);
}

const char *swivl_path(const struct swivl_host *host)
{
	return host->path;
}

const char *swivl_open_failed(void)
{
	return last_tried;
}

int swivl_get_version(struct swivl_host *host, struct swivl_version *version)
{
	int ret = request(host->fd, SWIVL_GET_VERSION, version);

	return ret == -EINVAL ? -ENOTTY : ret; /* what KVM's device says of unknown requests */
}

int swivl_extension(struct swivl_host *host, unsigned int cap)
{
	return request(host->fd, KVM_CHECK_EXTENSION, (void *)(unsigned long)cap);
}

int swivl_supported_cpuid(struct swivl_host *host, struct kvm_cpuid2 **out)
{
	for (unsigned int n = 64; n <= MAX_CPUID_ENTRIES; n *= 2) {
		struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + n * sizeof(cpuid->entries[0]));
		int ret;

		if (!cpuid)
			return -ENOMEM;
		cpuid->nent = n;
		ret = request(host->fd, KVM_GET_SUPPORTED_CPUID, cpuid);
		if (ret >= 0 && cpuid->nent <= n) {
			*out = cpuid;
			return 0;
		}
		free(cpuid);
		if (ret != -E2BIG)
			return ret < 0 ? ret : -EPROTO;
	}
	return -E2BIG;
}

int swivl_msr_index_list(struct swivl_host *host, struct kvm_msr_list **out)
{
	struct kvm_msr_list head = { .nmsrs = 0 }, *list;
	int ret = request(host->fd, KVM_GET_MSR_INDEX_LIST, &head);

	if (ret < 0 && ret != -E2BIG)
		return ret;
	if (head.nmsrs > MAX_MSR_LIST)
		return -E2BIG;
	list = calloc(1, sizeof(*list) + head.nmsrs * sizeof(list->indices[0]));
	if (!list)
		return -ENOMEM;
	list->nmsrs = head.nmsrs;
	ret = head.nmsrs ? request(host->fd, KVM_GET_MSR_INDEX_LIST, list) : 0;
	if (ret < 0) {
		free(list);
		return ret;
	}
	*out = list;
	return 0;
}

int swivl_request(struct swivl_host *host, unsigned long nr, void *arg)
{
	return request(host->fd, nr, arg);
}

int swivl_fd(const struct swivl_host *host)
{
	return host->fd;
}

/* ---- a virtual machine ---- */

int swivl_vm_create(struct swivl_host *host, struct swivl_vm **out)
{
	struct swivl_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return -ENOMEM;
	vm->host = host;
	vm->fd = request(host->fd, KVM_CREATE_VM, NULL);
	if (vm->fd < 0) {
		int ret = vm->fd;

		free(vm);
		return ret;
	}
	*out = vm;
	return 0;
}

void swivl_vm_destroy(struct swivl_vm *vm)
{
	if (!vm)
		return;
	close(vm->fd);
	free(vm);
}

int swivl_vm_map(struct swivl_vm *vm, unsigned int slot, uint64_t gpa, void *memory,
		 uint64_t size, unsigned int flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	return request(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

int swivl_vm_unmap(struct swivl_vm *vm, unsigned int slot)
{
	struct kvm_userspace_memory_region region = { .slot = slot };

	return request(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

int swivl_vm_dirty_log(struct swivl_vm *vm, unsigned int slot, uint64_t *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return request(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

int swivl_vm_create_irqchip(struct swivl_vm *vm)
{
	return request(vm->fd, KVM_CREATE_IRQCHIP, NULL);
}

int swivl_vm_create_pit(struct swivl_vm *vm)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	return request(vm->fd, KVM_CREATE_PIT2, &config);
}

int swivl_vm_irq_line(struct swivl_vm *vm, unsigned int line, int level)
{
	struct kvm_irq_level irq = { .irq = line, .level = level };

	return request(vm->fd, KVM_IRQ_LINE, &irq);
}

int swivl_vm_set_tss_addr(struct swivl_vm *vm, uint32_t gpa)
{
	return request(vm->fd, KVM_SET_TSS_ADDR, (void *)(unsigned long)gpa);
}

int swivl_vm_set_identity_map_addr(struct swivl_vm *vm, uint64_t gpa)
{
	return request(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &gpa);
}

int swivl_vm_request(struct swivl_vm *vm, unsigned long nr, void *arg)
{
	return request(vm->fd, nr, arg);
}

int swivl_vm_fd(const struct swivl_vm *vm)
{
	return vm->fd;
}
