// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The caller's memory as the guest's: slots, faults, dirty logging. */
#include "core/vm/vm.h"

int vm_memory_init(struct vm *vm)
{
	return stage2_init(&vm->stage2);
}

void vm_memory_free(struct vm *vm)
{
	stage2_free(&vm->stage2);
}

int vm_set_memory_region(struct vm *vm, const struct kvm_userspace_memory_region *region)
{
	return -SWIVL_EINVAL;
}

int vm_get_dirty_log(struct vm *vm, const struct kvm_dirty_log *log)
{
	return -SWIVL_ENOENT;
}

int vm_clear_dirty_log(struct vm *vm, const struct kvm_clear_dirty_log *log)
{
	return -SWIVL_ENOENT;
}

const struct memslot *vm_find_slot(struct vm *vm, u64 gpa)
{
	return NULL;
}

int vm_fault_in(struct vm *vm, u64 gpa, u8 access)
{
	return 1;
}

int vm_fault_fast(struct vm *vm, u64 gpa, u8 access)
{
	return -SWIVL_EAGAIN;
}

int vm_read_guest(struct vm *vm, u64 gpa, void *dst, size_t size, bool may_sleep)
{
	return -SWIVL_EFAULT;
}

int vm_write_guest(struct vm *vm, u64 gpa, const void *src, size_t size, bool may_sleep)
{
	return -SWIVL_EFAULT;
}
