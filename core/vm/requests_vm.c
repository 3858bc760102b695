// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Requests to a VM, but for its memory and its interrupt chips. */
#include "core/irq/irqchip.h"
#include "core/swivl.h"
#include "core/vm/request.h"
#include "core/x86/regs.h"

long rq_create_vcpu(struct request *rq)
{
	struct vcpu *vcpu;
	int handle;

	if (rq->arg >= (rq->vm->max_vcpu_id ? rq->vm->max_vcpu_id : VM_MAX_VCPUS))
		return -SWIVL_EINVAL;
	handle = vcpu_create(rq->vm, rq->arg, &vcpu);
	if (handle)
		return handle;
	msr_write(vcpu, IA32_TIME_STAMP_COUNTER, 0, false);
	handle = host_handle_create(OBJECT_VCPU, vcpu);
	if (handle < 0)
		swivl_object_put(OBJECT_VCPU, vcpu);
	return handle;
}

/*
 * How many pages shadow page tables may take. There are none here, and the second level's are
 * bounded by the memory of the slots; the number is kept for who asks for it.
 */
long rq_set_nr_mmu_pages(struct request *rq)
{
	if ((u32)rq->arg < 64)
		return -SWIVL_EINVAL;
	rq->vm->nr_mmu_pages = (u32)rq->arg;
	return 0;
}

long rq_get_nr_mmu_pages(struct request *rq)
{
	return rq->vm->nr_mmu_pages;
}

/*
 * Three pages that VT-x needs for real mode without unrestricted guest. swivl runs only where
 * that is there, so their memory stays the caller's, as with KVM there.
 */
long rq_set_tss_addr(struct request *rq)
{
	if (rq->arg > 0xffffffffull - 3 * SWIVL_PAGE_SIZE + 1)
		return -SWIVL_EINVAL;
	return 0;
}

/* Where that would be, too: a page of VT-x' own. Said before the first vCPU is made. */
long rq_set_identity_map(struct request *rq)
{
	return rq->vm->nvcpus ? -SWIVL_EINVAL : 0;
}

long rq_set_boot_cpu(struct request *rq)
{
	if (rq->vm->nvcpus)
		return -SWIVL_EBUSY;
	rq->vm->boot_cpu_id = rq->arg;
	return 0;
}

/* ---- time --------------------------------------------------------------------------------- */

long rq_get_clock(struct request *rq)
{
	struct kvm_clock_data *c = rq->data;

	c->clock = host_time_ns() + rq->vm->clock_offset;
	return 0;
}

long rq_set_clock(struct request *rq)
{
	const struct kvm_clock_data *c = rq->data;

	if (c->flags)
		return -SWIVL_EINVAL;
	rq->vm->clock_offset = c->clock - host_time_ns();
	return 0;
}

long rq_get_tsc_khz(struct request *rq)
{
	return host_tsc_khz();
}

/* ---- capabilities to switch on ------------------------------------------------------------ */

static long enable_flag(struct vm *vm, u32 flag, bool on)
{
	vm->cap_flags = on ? vm->cap_flags | flag : vm->cap_flags & ~(u64)flag;
	return 0;
}

static long enable_manual_log(struct vm *vm, u64 options)
{
	u64 allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (options & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (options & ~allowed)
		return -SWIVL_EINVAL;
	enable_flag(vm, VM_CAP_MANUAL_DIRTY, options & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	return enable_flag(vm, VM_CAP_DIRTY_INITIALLY_SET, options & KVM_DIRTY_LOG_INITIALLY_SET);
}

/* A limit of the caller's own: once, and before there are vCPUs. */
static long enable_max_vcpu_id(struct vm *vm, u64 limit)
{
	if (vm->max_vcpu_id == limit)
		return 0;
	if (limit > VM_MAX_VCPUS || vm->max_vcpu_id || vm->nvcpus)
		return -SWIVL_EINVAL;
	vm->max_vcpu_id = limit;
	return 0;
}

/*
 * A vCPU's only one: KVM's paravirtual features that the guest's CPUID lacks are not there for the
 * guest. None is there at all, so that is how it is in any case.
 */
long rq_enable_cap(struct request *rq)
{
	const struct kvm_enable_cap *cap = rq->data;
	const u64 reasons = KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
			    KVM_MSR_EXIT_REASON_FILTER;

	if (cap->flags)
		return -SWIVL_EINVAL;
	if (rq->vcpu)
		return cap->cap == KVM_CAP_ENFORCE_PV_FEATURE_CPUID ? 0 : -SWIVL_EINVAL;
	switch (cap->cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return enable_manual_log(rq->vm, cap->args[0]);
	case KVM_CAP_EXCEPTION_PAYLOAD:
		return enable_flag(rq->vm, VM_CAP_EXCEPTION_PAYLOAD, cap->args[0]);
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		return enable_flag(rq->vm, VM_CAP_TRIPLE_FAULT, cap->args[0]);
	case KVM_CAP_MAX_VCPU_ID:
		return enable_max_vcpu_id(rq->vm, cap->args[0]);
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (cap->args[0] & ~reasons)
			return -SWIVL_EINVAL;
		rq->vm->user_msr_reasons = cap->args[0];
		return 0;
	default:
		return -SWIVL_EINVAL;
	}
}

/* ---- statistics ---------------------------------------------------------------------------- */

_Static_assert((int)SWIVL_EXIT_KINDS == (int)EXIT_KINDS, "one numbering of exits");

static void add_stats(struct swivl_stats *s, const struct vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < EXIT_KINDS; i++) {
		s->exits[i] += vcpu->exits[i];
		s->total_exits += vcpu->exits[i];
	}
	s->user_exits += vcpu->user_exits;
	s->hardware_reads += vcpu->hardware_reads;
	s->hardware_writes += vcpu->hardware_writes;
	s->memory += sizeof(*vcpu) + 3 * SWIVL_PAGE_SIZE + vcpu->ncpuid * sizeof(*vcpu->cpuid) +
		     vcpu_trace_size(vcpu) + (vcpu->failure ? SWIVL_PAGE_SIZE : 0) +
		     (vcpu->lapic ? sizeof(*vcpu->lapic) : 0);
}

/* A slot's log counts with the slot. vm->lock held. */
static u64 slots_memory(const struct vm *vm)
{
	u64 bytes = vm->slots_room * sizeof(*vm->slots);
	u32 i;

	for (i = 0; i < vm->nslots; i++)
		if (vm->slots[i].dirty)
			bytes += vm->slots[i].size / SWIVL_PAGE_SIZE / 8;
	return bytes;
}

long rq_get_stats(struct request *rq)
{
	struct swivl_stats *s = rq->data;
	struct vm *vm = rq->vm;
	u32 i, n = __atomic_load_n(&vm->nvcpus, __ATOMIC_ACQUIRE);

	if (rq->vcpu) {
		add_stats(s, rq->vcpu);
		return 0;
	}
	for (i = 0; i < n; i++)
		add_stats(s, vm->vcpus[i]);
	host_mutex_lock(&vm->lock);
	s->memory += sizeof(*vm) + slots_memory(vm) + vm->stage2.pages * SWIVL_PAGE_SIZE +
		     msr_filter_size(vm->msr_filter) + (vm->irqchip ? sizeof(*vm->irqchip) : 0);
	host_mutex_unlock(&vm->lock);
	return 0;
}
