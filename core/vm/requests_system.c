// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Requests to the device: what swivl is and has, and new VMs. */
#include "core/irq/irqchip.h"
#include "core/swivl.h"
#include "core/vm/request.h"
#include "core/x86/fpu.h"

#ifndef SWIVL_VERSION_MAJOR
#define SWIVL_VERSION_MAJOR 0
#define SWIVL_VERSION_MINOR 1
#define SWIVL_VERSION_PATCH 0
#endif

long rq_get_version(struct request *rq)
{
	struct swivl_version *v = rq->data;

	v->major = SWIVL_VERSION_MAJOR;
	v->minor = SWIVL_VERSION_MINOR;
	v->patch = SWIVL_VERSION_PATCH;
	v->vendor = vendor->id;
	return 0;
}

long rq_create_vm(struct request *rq)
{
	struct vm *vm;
	int handle;

	if (rq->arg) /* the machine type: x86 has one */
		return -SWIVL_EINVAL;
	handle = vm_create(&vm);
	if (handle)
		return handle;
	vm->clock_offset = -(s64)host_time_ns();
	handle = host_handle_create(OBJECT_VM, vm);
	if (handle < 0)
		swivl_object_put(OBJECT_VM, vm);
	return handle;
}

unsigned int swivl_vcpu_pages(void)
{
	return VCPU_PAGES;
}

void *swivl_vcpu_page(struct vcpu *vcpu, unsigned int index)
{
	if (index == 0)
		return vcpu->run;
	return index == KVM_PIO_PAGE_OFFSET ? vcpu->pio : NULL;
}

/* Served always and with the same answer. Whatever is not in a list here is not served: 0. */
static const struct {
	u16 cap;
	u16 value;
} capabilities[] = {
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_MMU_SHADOW_CACHE_CONTROL, 1 },
	{ KVM_CAP_USER_MEMORY, 1 },
	{ KVM_CAP_SET_TSS_ADDR, 1 },
	{ KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_NR_MEMSLOTS, VM_MAX_SLOTS },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
	{ KVM_CAP_USER_NMI, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
	{ KVM_CAP_ADJUST_CLOCK, 1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA, 1 },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_INTR_SHADOW, 1 },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
	{ KVM_CAP_ENABLE_CAP, 1 },
	{ KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_GET_TSC_KHZ, 1 },
	{ KVM_CAP_MAX_VCPUS, VM_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, VM_MAX_VCPUS },
	{ KVM_CAP_SYNC_REGS, KVM_SYNC_X86_VALID_FIELDS },
	{ KVM_CAP_READONLY_MEM, 1 },
	{ KVM_CAP_ENABLE_CAP_VM, 1 },
	{ KVM_CAP_CHECK_EXTENSION_VM, 1 },
	{ KVM_CAP_VCPU_ATTRIBUTES, 1 },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_GET_MSR_FEATURES, 1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD, 1 },
	{ KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET },
	{ KVM_CAP_X86_USER_SPACE_MSR, 1 },
	{ KVM_CAP_X86_MSR_FILTER, 1 },
	{ KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1 },
	{ KVM_CAP_SREGS2, 1 },
	{ KVM_CAP_XSAVE2, sizeof(struct kvm_xsave) },
	{ KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1 },
	/* of the interrupt chips */
	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_PIT, 1 },
	{ KVM_CAP_PIT2, 1 },
	{ KVM_CAP_PIT_STATE2, 1 },
	{ KVM_CAP_REINJECT_CONTROL, 1 },
	{ KVM_CAP_IRQ_ROUTING, IRQCHIP_MAX_GSI },
	{ KVM_CAP_IRQ_INJECT_STATUS, 1 },
	{ KVM_CAP_SIGNAL_MSI, 1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER, 1 },
	{ KVM_CAP_IOAPIC_POLARITY_IGNORED, 1 },
};

long rq_check_extension(struct request *rq)
{
	unsigned int i;

	switch (rq->arg) {
	case KVM_CAP_NR_VCPUS:
		return host_cpu_limit() < VM_MAX_VCPUS ? host_cpu_limit() : VM_MAX_VCPUS;
	case KVM_CAP_XCRS:
		return fpu.features != 0;
	case KVM_CAP_SET_GUEST_DEBUG2:
		return GUEST_DEBUG_VALID;
	}
	for (i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (capabilities[i].cap == rq->arg)
			return capabilities[i].value;
	return 0;
}

long rq_selftest(struct request *rq)
{
	return vendor->selftest ? vendor->selftest(rq->data) : -SWIVL_EOPNOTSUPP;
}
