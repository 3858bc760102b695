// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* The request table: who knows what, how arguments travel; VMs and their chips. */
#include "request_test.h"

#define KERNEL 0xffff888000000000ull

/* ---- who knows what ------------------------------------------------------------------------------ */

static void unknown_requests(void **state)
{
	u32 nr, dir;

	for (dir = 0; dir < 4; dir++)
		for (nr = 0; nr < 256; nr++) {
			u32 request = dir << 30 | 0x77 << 16 | SWIVL_IOC_TYPE << 8 | nr;

			assert_int_equal(model_ioctl(MODEL_SYSTEM, request, 0), -SWIVL_EINVAL);
			assert_int_equal(model_ioctl(vm, request, 0), -SWIVL_ENOTTY);
			assert_int_equal(model_ioctl(vcpu, request, 0), -SWIVL_EINVAL);
		}
}

/* Each request is known by exactly the objects it is for. */
static void requests_of_another_object(void **state)
{
	assert_int_equal(model_ioctl(vm, KVM_GET_API_VERSION, 0), -SWIVL_ENOTTY);
	assert_int_equal(model_ioctl(vcpu, KVM_GET_API_VERSION, 0), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vm, KVM_RUN, 0), -SWIVL_ENOTTY);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_RUN, 0), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vcpu, KVM_CREATE_VCPU, 1), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_CREATE_VCPU, 1), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vm, KVM_CREATE_VM, 0), -SWIVL_ENOTTY);
	assert_int_equal(model_ioctl(vcpu, KVM_CHECK_EXTENSION, 0), -SWIVL_EINVAL);
	/* A size that lies is another request. */
	assert_int_equal(call(KVM_GET_REGS + (8 << 16), NULL), -SWIVL_EINVAL);
	assert_int_equal(call(KVM_GET_REGS - (8 << 16), NULL), -SWIVL_EINVAL);
}

static void the_device(void **state)
{
	struct swivl_version version;

	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_GET_API_VERSION, 0), 12);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_GET_API_VERSION, 1), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_GET_VCPU_MMAP_SIZE, 0), 2 * PAGE);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_GET_VCPU_MMAP_SIZE, 1), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, KVM_CREATE_VM, 1), -SWIVL_EINVAL);
	assert_int_equal(model_call(MODEL_SYSTEM, SWIVL_GET_VERSION, &version), 0);
	assert_int_equal(version.vendor, SWIVL_VENDOR_VMX);
	assert_null(swivl_vcpu_page(model_vcpu(vcpu), 2));
	assert_null(swivl_vcpu_page(model_vcpu(vcpu), 0xffffffff));
}

static void capabilities(void **state)
{
	static const u16 hard[] = { /* those without which kvmtool, QEMU or the selftests stop */
		KVM_CAP_IRQCHIP, KVM_CAP_HLT, KVM_CAP_USER_MEMORY, KVM_CAP_SET_TSS_ADDR,
		KVM_CAP_EXT_CPUID, KVM_CAP_MP_STATE, KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
		KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, KVM_CAP_IRQ_ROUTING, KVM_CAP_IRQ_INJECT_STATUS,
		KVM_CAP_PIT2, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_SET_IDENTITY_MAP_ADDR,
	};
	static const u16 not_served[] = {
		KVM_CAP_VAPIC, KVM_CAP_CLOCKSOURCE, 5,
		KVM_CAP_COALESCED_MMIO, KVM_CAP_SYNC_MMU, KVM_CAP_MCE, KVM_CAP_IRQFD,
		KVM_CAP_IOEVENTFD, KVM_CAP_XEN_HVM, KVM_CAP_HYPERV, KVM_CAP_ASYNC_PF,
		KVM_CAP_TSC_CONTROL, KVM_CAP_X86_SMM, KVM_CAP_MULTI_ADDRESS_SPACE,
		KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_NESTED_STATE, KVM_CAP_DIRTY_LOG_RING,
		KVM_CAP_BINARY_STATS_FD, 1000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
		assert_true(model_ioctl(MODEL_SYSTEM, KVM_CHECK_EXTENSION, hard[i]) > 0);
		assert_true(model_ioctl(vm, KVM_CHECK_EXTENSION, hard[i]) > 0);
	}
	for (i = 0; i < sizeof(not_served) / sizeof(not_served[0]); i++)
		assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, not_served[i]), 0);
	assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, ~0ull), 0);
	assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, 1ull << 32), 0);
	assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS), VM_MAX_SLOTS);
	assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS), VM_MAX_VCPUS);
	assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS), 1);
	assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2), 4096);
	assert_int_equal(model_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS), 7);
}

/* Every request that takes a pointer, with pointers that lead nowhere. */
static void bad_pointers(void **state)
{
	static const struct {
		char object; /* Device, Vm, vCpu */
		u32 number;
	} requests[] = {
		{ 'D', KVM_GET_SUPPORTED_CPUID }, { 'D', KVM_GET_MSR_INDEX_LIST },
		{ 'D', KVM_GET_MSR_FEATURE_INDEX_LIST }, { 'D', KVM_GET_MSRS },
		{ 'D', SWIVL_GET_VERSION }, { 'V', KVM_SET_USER_MEMORY_REGION },
		{ 'V', KVM_GET_DIRTY_LOG }, { 'V', KVM_CLEAR_DIRTY_LOG },
		{ 'V', KVM_SET_IDENTITY_MAP_ADDR }, { 'V', KVM_GET_CLOCK }, { 'V', KVM_SET_CLOCK },
		{ 'V', KVM_ENABLE_CAP }, { 'V', KVM_X86_SET_MSR_FILTER }, { 'C', KVM_ENABLE_CAP },
		{ 'V', SWIVL_GET_STATS }, { 'V', KVM_IRQ_LINE },
		{ 'V', KVM_IRQ_LINE_STATUS }, { 'V', KVM_SIGNAL_MSI }, { 'V', KVM_GET_IRQCHIP },
		{ 'V', KVM_SET_IRQCHIP }, { 'V', KVM_CREATE_PIT2 }, { 'V', KVM_SET_PIT2 },
		{ 'V', KVM_REINJECT_CONTROL }, { 'V', KVM_SET_GSI_ROUTING }, { 'C', KVM_GET_REGS },
		{ 'C', KVM_SET_REGS }, { 'C', KVM_GET_SREGS }, { 'C', KVM_SET_SREGS },
		{ 'C', KVM_GET_SREGS2 }, { 'C', KVM_SET_SREGS2 }, { 'C', KVM_GET_FPU },
		{ 'C', KVM_SET_FPU }, { 'C', KVM_GET_XSAVE }, { 'C', KVM_GET_XSAVE2 },
		{ 'C', KVM_SET_XSAVE }, { 'C', KVM_GET_XCRS }, { 'C', KVM_SET_XCRS },
		{ 'C', KVM_GET_MSRS }, { 'C', KVM_SET_MSRS }, { 'C', KVM_SET_CPUID },
		{ 'C', KVM_SET_CPUID2 }, { 'C', KVM_GET_CPUID2 }, { 'C', KVM_GET_MP_STATE },
		{ 'C', KVM_SET_MP_STATE }, { 'C', KVM_GET_VCPU_EVENTS },
		{ 'C', KVM_SET_VCPU_EVENTS }, { 'C', KVM_GET_DEBUGREGS },
		{ 'C', KVM_SET_DEBUGREGS }, { 'C', KVM_SET_GUEST_DEBUG }, { 'C', KVM_INTERRUPT },
		{ 'C', KVM_TRANSLATE }, { 'C', SWIVL_GET_STATS }, { 'C', KVM_GET_LAPIC },
		{ 'C', KVM_SET_LAPIC }, { 'C', SWIVL_GET_TRACE },
	};
	static const u64 bad[] = { 8, KERNEL, ~0ull, ~0ull - 7, 1ull << 47, 0x8000000000000000 };
	unsigned int i, k;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		char o = requests[i].object;
		int handle = o == 'D' ? MODEL_SYSTEM : o == 'V' ? vm : vcpu;

		for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			if (model_ioctl(handle, requests[i].number, bad[k]) != -SWIVL_EFAULT)
				fail_msg("request %#x at %#llx", requests[i].number, bad[k]);
	}
}

/* A structure that ends where the memory ends is whole; one byte further it is not. */
static void structures_at_the_edge(void **state)
{
	char *page = caller_memory(2 * PAGE);
	struct kvm_regs *regs = (void *)(page + PAGE - sizeof(*regs));

	munmap(page + PAGE, PAGE);
	assert_int_equal(call(KVM_GET_REGS, regs), 0);
	assert_int_equal(call(KVM_SET_REGS, regs), 0);
	assert_int_equal(call(KVM_GET_REGS, (char *)regs + 1), -SWIVL_EFAULT);
	assert_int_equal(call(KVM_SET_REGS, (char *)regs + 1), -SWIVL_EFAULT);
	mprotect(page, PAGE, PROT_READ);
	assert_int_equal(call(KVM_GET_REGS, regs), -SWIVL_EFAULT);
	assert_int_equal(call(KVM_SET_REGS, regs), 0);
	munmap(page, PAGE);
}

static void no_memory(void **state)
{
	static const u32 numbers[] = { KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_LAPIC };
	static struct kvm_xsave x;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		model_fail_alloc = 1;
		assert_int_equal(call(numbers[i], &x), -SWIVL_ENOMEM);
	}
	for (i = 1; i < 20; i++) {
		long handle;

		model_fail_alloc = i;
		handle = model_ioctl(MODEL_SYSTEM, KVM_CREATE_VM, 0);
		if (handle >= 0)
			model_close(handle);
		else
			assert_int_equal(handle, -SWIVL_ENOMEM);
		model_fail_alloc = i;
		handle = model_ioctl(vm, KVM_CREATE_VCPU, i);
		if (handle < 0)
			assert_int_equal(handle, -SWIVL_ENOMEM);
	}
	model_fail_alloc = 0;
}

/* ---- VMs and vCPUs --------------------------------------------------------------------------------- */

static void vcpus_of_a_vm(void **state)
{
	unsigned int i;

	assert_int_equal(model_ioctl(vm, KVM_CREATE_VCPU, 0), -SWIVL_EEXIST);
	assert_int_equal(model_ioctl(vm, KVM_CREATE_VCPU, VM_MAX_VCPUS), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vm, KVM_CREATE_VCPU, 1ull << 32), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vm, KVM_CREATE_VCPU, ~0ull), -SWIVL_EINVAL);
	for (i = 1; i < VM_MAX_VCPUS; i++)
		assert_true(model_ioctl(vm, KVM_CREATE_VCPU, VM_MAX_VCPUS - i) >= 0);
	assert_int_equal(model_ioctl(vm, KVM_SET_BOOT_CPU_ID, 0), -SWIVL_EBUSY);
	assert_int_equal(model_call(vm, KVM_SET_IDENTITY_MAP_ADDR, &(u64){ 0xfffbc000 }),
			 -SWIVL_EINVAL);
	/* The VM goes first; its vCPUs still answer. */
	model_close(vm);
	assert_int_equal(call(KVM_GET_REGS, &(struct kvm_regs){ 0 }), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
}

static void what_comes_before_vcpus(void **state)
{
	int other = new_vm(), ap;

	assert_int_equal(model_ioctl(other, KVM_SET_TSS_ADDR, 0xfffbd000), 0);
	assert_int_equal(model_ioctl(other, KVM_SET_TSS_ADDR, 0xffffd000), 0);
	assert_int_equal(model_ioctl(other, KVM_SET_TSS_ADDR, 0xffffe000), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(other, KVM_SET_TSS_ADDR, 1ull << 32), -SWIVL_EINVAL);
	assert_int_equal(model_call(other, KVM_SET_IDENTITY_MAP_ADDR, &(u64){ 0xfffbc000 }), 0);
	assert_int_equal(model_ioctl(other, KVM_SET_BOOT_CPU_ID, 3), 0);
	ap = new_vcpu(other, 0);
	assert_int_equal(model_vcpu(ap)->state.apic_base & 0x100, 0);
	ap = new_vcpu(other, 3);
	assert_int_equal(model_vcpu(ap)->state.apic_base & 0x100, 0x100);
}

static void enable_cap(void **state)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_EXCEPTION_PAYLOAD, .args = { 1 } };

	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	c.flags = 1;
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	c.flags = 0;
	c.cap = KVM_CAP_X86_USER_SPACE_MSR;
	c.args[0] = 7;
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	c.args[0] = 8;
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	c.cap = KVM_CAP_MAX_VCPU_ID;
	c.args[0] = 2;
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL); /* too late */
	int other = new_vm();

	c.args[0] = VM_MAX_VCPUS + 1;
	assert_int_equal(model_call(other, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	c.args[0] = 2;
	assert_int_equal(model_call(other, KVM_ENABLE_CAP, &c), 0);
	assert_int_equal(model_call(other, KVM_ENABLE_CAP, &c), 0);
	c.args[0] = 3;
	assert_int_equal(model_call(other, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(other, KVM_CREATE_VCPU, 2), -SWIVL_EINVAL);
	assert_true(model_ioctl(other, KVM_CREATE_VCPU, 1) >= 0);
	c.cap = KVM_CAP_USER_MEMORY;
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	c.cap = 0xffffffff;
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	assert_int_equal(model_call(vcpu, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	c.cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID;
	assert_int_equal(model_call(vcpu, KVM_ENABLE_CAP, &c), 0);
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
	c.flags = 1;
	assert_int_equal(model_call(vcpu, KVM_ENABLE_CAP, &c), -SWIVL_EINVAL);
}

static void clocks(void **state)
{
	struct kvm_clock_data c = { .clock = 0 };

	assert_int_equal(model_call(vm, KVM_GET_CLOCK, &c), 0);
	assert_int_equal(c.clock, 0);
	model_advance(12345);
	model_call(vm, KVM_GET_CLOCK, &c);
	assert_int_equal(c.clock, 12345);
	c.clock = 1000000000000;
	assert_int_equal(model_call(vm, KVM_SET_CLOCK, &c), 0);
	model_advance(5);
	model_call(vm, KVM_GET_CLOCK, &c);
	assert_int_equal(c.clock, 1000000000005);
	c.flags = 1;
	assert_int_equal(model_call(vm, KVM_SET_CLOCK, &c), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vcpu, KVM_GET_TSC_KHZ, 0), 1000000);
	assert_int_equal(model_ioctl(vcpu, KVM_SET_TSC_KHZ, 1000100), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_SET_TSC_KHZ, 2000000), -SWIVL_EINVAL);
}

static void attributes(void **state)
{
	u64 offset = 0x123456789;
	struct kvm_device_attr a = { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
				     .addr = (u64)&offset };

	assert_int_equal(call(KVM_HAS_DEVICE_ATTR, &a), 0);
	assert_int_equal(call(KVM_SET_DEVICE_ATTR, &a), 0);
	assert_int_equal(model_vcpu(vcpu)->state.tsc_offset, offset);
	offset = 0;
	assert_int_equal(call(KVM_GET_DEVICE_ATTR, &a), 0);
	assert_int_equal(offset, 0x123456789);
	a.addr = KERNEL;
	assert_int_equal(call(KVM_GET_DEVICE_ATTR, &a), -SWIVL_EFAULT);
	assert_int_equal(call(KVM_SET_DEVICE_ATTR, &a), -SWIVL_EFAULT);
	a.attr = 1;
	assert_int_equal(call(KVM_HAS_DEVICE_ATTR, &a), -SWIVL_ENXIO);
	assert_int_equal(call(KVM_SET_DEVICE_ATTR, &a), -SWIVL_ENXIO);
	assert_int_equal(model_ioctl(vm, KVM_SET_NR_MMU_PAGES, 63), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vm, KVM_SET_NR_MMU_PAGES, 64), 0);
	assert_int_equal(model_ioctl(vm, KVM_GET_NR_MMU_PAGES, 0), 64);
}

static void statistics(void **state)
{
	struct swivl_stats s;
	int i, second = new_vcpu(vm, 1);

	for (i = 0; i < 3; i++)
		assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_ioctl(second, KVM_RUN, 0), 0);
	assert_int_equal(call(SWIVL_GET_STATS, &s), 0);
	assert_int_equal(s.exits[SWIVL_EXIT_HLT], 3);
	assert_int_equal(s.total_exits, 3);
	assert_int_equal(s.user_exits, 3);
	assert_int_equal(model_call(vm, SWIVL_GET_STATS, &s), 0);
	assert_int_equal(s.exits[SWIVL_EXIT_HLT], 4);
	assert_in_range(s.memory, 8 * PAGE, 32 * PAGE);
}

/* ---- interrupt chips --------------------------------------------------------------------------------------------- */

static void chips_are_made_once_and_first(void **state)
{
	int other = new_vm();
	struct kvm_pit_config pit = { 0 };

	assert_int_equal(model_ioctl(vm, KVM_CREATE_IRQCHIP, 0), -SWIVL_EINVAL);
	assert_int_equal(model_call(other, KVM_CREATE_PIT2, &pit), -SWIVL_ENOENT);
	assert_int_equal(model_ioctl(other, KVM_CREATE_IRQCHIP, 0), 0);
	assert_int_equal(model_ioctl(other, KVM_CREATE_IRQCHIP, 0), -SWIVL_EEXIST);
	pit.flags = 2;
	assert_int_equal(model_call(other, KVM_CREATE_PIT2, &pit), -SWIVL_EINVAL);
	pit.flags = KVM_PIT_SPEAKER_DUMMY;
	assert_int_equal(model_call(other, KVM_CREATE_PIT2, &pit), 0);
	assert_int_equal(model_call(other, KVM_CREATE_PIT2, &pit), -SWIVL_EEXIST);
	assert_int_equal(model_ioctl(other, KVM_CREATE_PIT, 0), -SWIVL_EEXIST);
}

static void without_chips(void **state)
{
	static struct kvm_irqchip chip;
	static struct kvm_lapic_state lapic;
	struct kvm_irq_level level = { .irq = 4, .level = 1 };
	struct kvm_irq_routing routing = { 0 };
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x31 };
	struct kvm_pit_state2 pit;

	assert_int_equal(model_call(vm, KVM_IRQ_LINE, &level), -SWIVL_ENXIO);
	assert_int_equal(model_call(vm, KVM_IRQ_LINE_STATUS, &level), -SWIVL_ENXIO);
	assert_int_equal(model_call(vm, KVM_GET_IRQCHIP, &chip), -SWIVL_ENXIO);
	assert_int_equal(model_call(vm, KVM_SET_IRQCHIP, &chip), -SWIVL_ENXIO);
	assert_int_equal(model_call(vm, KVM_GET_PIT2, &pit), -SWIVL_ENXIO);
	assert_int_equal(model_call(vm, KVM_SET_PIT2, &pit), -SWIVL_ENXIO);
	assert_int_equal(model_call(vm, KVM_SET_GSI_ROUTING, &routing), -SWIVL_EINVAL);
	assert_int_equal(model_call(vm, KVM_SIGNAL_MSI, &msi), -SWIVL_EINVAL);
	assert_int_equal(call(KVM_GET_LAPIC, &lapic), -SWIVL_EINVAL);
	assert_int_equal(call(KVM_SET_LAPIC, &lapic), -SWIVL_EINVAL);
}

static void chips(void **state)
{
	static struct kvm_irqchip chip;
	static struct kvm_lapic_state lapic;
	struct kvm_irq_level level = { .irq = 4, .level = 1 };
	struct kvm_mp_state m = { KVM_MP_STATE_HALTED };
	struct kvm_irq_routing routing = { 4097, 0 };

	assert_int_equal(call(KVM_INTERRUPT, &(struct kvm_interrupt){ 5 }), -SWIVL_ENXIO);
	assert_int_equal(model_call(vm, KVM_IRQ_LINE, &level), 0);
	assert_int_equal(level.irq, 4);
	assert_int_equal(model_call(vm, KVM_GET_IRQCHIP, &chip), 0);
	assert_int_equal(chip.chip.pic.irr, 1 << 4);
	chip.chip_id = KVM_NR_IRQCHIPS;
	assert_int_equal(model_call(vm, KVM_GET_IRQCHIP, &chip), -SWIVL_EINVAL);
	assert_int_equal(model_call(vm, KVM_SET_IRQCHIP, &chip), -SWIVL_EINVAL);
	chip.chip_id = KVM_IRQCHIP_IOAPIC;
	assert_int_equal(model_call(vm, KVM_GET_IRQCHIP, &chip), 0);
	assert_int_equal(chip.chip.ioapic.base_address, 0xfec00000);
	assert_int_equal(call(KVM_GET_LAPIC, &lapic), 0);
	assert_int_equal(call(KVM_SET_LAPIC, &lapic), 0);
	assert_int_equal(call(KVM_SET_MP_STATE, &m), 0);
	m.mp_state = KVM_MP_STATE_AP_RESET_HOLD;
	assert_int_equal(call(KVM_SET_MP_STATE, &m), -SWIVL_EINVAL);
	assert_int_equal(model_call(vm, KVM_SET_GSI_ROUTING, &routing), -SWIVL_EINVAL);
	routing.nr = 0;
	routing.flags = 1;
	assert_int_equal(model_call(vm, KVM_SET_GSI_ROUTING, &routing), -SWIVL_EINVAL);
	routing.flags = 0;
	assert_int_equal(model_call(vm, KVM_SET_GSI_ROUTING, &routing), 0);
	level.irq = 4;
	assert_int_equal(model_call(vm, KVM_IRQ_LINE_STATUS, &level), 0);
	assert_int_equal(level.status, -1); /* routed nowhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_requests),
		TEST(requests_of_another_object),
		TEST(the_device),
		TEST(capabilities),
		CHIPS(bad_pointers),
		TEST(structures_at_the_edge),
		CHIPS(no_memory),
		TEST(vcpus_of_a_vm),
		TEST(what_comes_before_vcpus),
		TEST(enable_cap),
		TEST(clocks),
		TEST(attributes),
		TEST(statistics),
		TEST(chips_are_made_once_and_first),
		TEST(without_chips),
		CHIPS(chips),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
