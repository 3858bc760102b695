// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* The request table: who knows what, how arguments travel, and the vCPU's state through it. */
#include "model_test.h"
#include "core/x86/regs.h"

#define KERNEL 0xffff888000000000ull

static int vm, vcpu;

static int setup(void **state)
{
	model_reset();
	vm = new_vm();
	vcpu = new_vcpu(vm, 0);
	return 0;
}

static int setup_chips(void **state)
{
	model_reset();
	vm = new_vm();
	assert_int_equal(model_ioctl(vm, KVM_CREATE_IRQCHIP, 0), 0);
	vcpu = new_vcpu(vm, 0);
	return 0;
}

static long call(u32 number, void *arg)
{
	return model_call(vcpu, number, arg);
}

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
		{ 'V', KVM_ENABLE_CAP }, { 'V', SWIVL_GET_STATS }, { 'V', KVM_IRQ_LINE },
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

/* ---- registers ---------------------------------------------------------------------------------------- */

static void scramble(void *p, size_t n)
{
	while (n--)
		((u8 *)p)[n] = rand();
}

static struct vcpu_state at_entry;
static u64 rsp_at_entry;

static void look(struct vcpu *v, struct model_hw *hw)
{
	at_entry = hw->state;
	rsp_at_entry = hw->rsp;
}

static void general_registers(void **state)
{
	struct kvm_regs a, b;

	model_guest = look;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	scramble(&a, sizeof(a));
	assert_int_equal(call(KVM_SET_REGS, &a), 0);
	a.rflags |= 2;
	assert_int_equal(call(KVM_GET_REGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(model_vcpu(vcpu)->gpr[RBX], a.rbx);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.rip, a.rip);
	assert_int_equal(at_entry.rflags, a.rflags);
	assert_int_equal(rsp_at_entry, a.rsp);
	assert_int_equal(call(KVM_GET_REGS, &b), 0);
	assert_int_equal(b.rsp, a.rsp);
	assert_int_equal(b.r15, a.r15);
}

static void scramble_segment(struct kvm_segment *s)
{
	*s = (struct kvm_segment){ .base = rand(), .limit = rand(), .selector = rand(),
				   .type = rand() & 15, .present = 1, .dpl = rand() & 3,
				   .db = rand() & 1, .s = rand() & 1, .l = 0, .g = rand() & 1,
				   .avl = rand() & 1 };
}

static void good_sregs(struct kvm_sregs *s)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < 8; i++)
		scramble_segment(&s->cs + i);
	s->gdt.base = 0x1000;
	s->gdt.limit = 0x27;
	s->idt.base = 0x2000;
	s->idt.limit = 0xfff;
	s->cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_NE;
	s->cr2 = 0x3333;
	s->cr3 = 0x4000;
	s->cr4 = CR4_PAE;
	s->cr8 = 5;
	s->efer = EFER_LME | EFER_LMA;
	s->apic_base = 0xfee00900;
}

static void system_registers(void **state)
{
	struct kvm_sregs a, b;

	model_guest = look;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	good_sregs(&a);
	a.cs.l = 1;
	a.ldt.unusable = 1;
	a.ldt.present = 0;
	a.interrupt_bitmap[2] = 1ull << 3;
	assert_int_equal(call(KVM_SET_SREGS, &a), 0);
	assert_int_equal(call(KVM_GET_SREGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	/* CR8 comes from struct kvm_run at each entry. */
	model_vcpu(vcpu)->run->cr8 = 5;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.cr3, a.cr3);
	assert_int_equal(at_entry.seg[SEG_CS].base, a.cs.base);
	assert_int_equal(at_entry.idt.base, a.idt.base);
	assert_int_equal(at_entry.cr4, a.cr4);
	a.interrupt_bitmap[2] = 0;
	assert_int_equal(call(KVM_GET_SREGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* A segment that is not present is unusable, whichever way it is said. */
static void unusable_segments(void **state)
{
	struct kvm_sregs s;

	good_sregs(&s);
	s.fs.present = 0;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_GET_SREGS, &s), 0);
	assert_int_equal(s.fs.unusable, 1);
	good_sregs(&s);
	s.gs.unusable = 1;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_GET_SREGS, &s), 0);
	assert_int_equal(s.gs.present, 0);
}

#define BAD_SREGS(change) \
	do { \
		good_sregs(&s); \
		change; \
		assert_int_equal(call(KVM_SET_SREGS, &s), -SWIVL_EINVAL); \
	} while (0)

static void sregs_that_no_processor_has(void **state)
{
	struct kvm_sregs s, before, after;

	assert_int_equal(call(KVM_GET_SREGS, &before), 0);
	BAD_SREGS(s.cr0 |= 1ull << 32);
	BAD_SREGS(s.cr0 |= 1ull << 8);
	BAD_SREGS(s.cr0 &= ~CR0_PE);
	BAD_SREGS(s.cr0 |= CR0_NW);
	BAD_SREGS(s.cr4 |= CR4_VMXE);
	BAD_SREGS(s.cr4 |= 1ull << 63);
	BAD_SREGS(s.cr4 = 0);
	BAD_SREGS(s.cr8 = 16);
	BAD_SREGS(s.efer = EFER_LME);
	BAD_SREGS(s.efer = EFER_LMA);
	BAD_SREGS(s.efer |= EFER_SVME);
	BAD_SREGS(s.efer |= 1ull << 63);
	BAD_SREGS(s.cr3 = 1ull << 36);
	BAD_SREGS(s.apic_base |= 1);
	BAD_SREGS(s.apic_base |= 1ull << 50);
	BAD_SREGS((s.cr0 &= ~CR0_PG, s.efer = 0, s.cs.l = 1));
	BAD_SREGS((s.cr0 &= ~CR0_PG));
	/* Nothing changed by all that. */
	assert_int_equal(call(KVM_GET_SREGS, &after), 0);
	assert_memory_equal(&before, &after, sizeof(after));
}

static void sregs2_and_pae(void **state)
{
	u64 *pdpt = caller_memory(LARGE);
	struct kvm_sregs2 a = { 0 }, b;
	struct kvm_sregs s;

	assert_int_equal(set_slot(vm, 0, 0, 0, LARGE, pdpt), 0);
	good_sregs(&s);
	s.efer = 0;
	s.cr3 = 0x1020;
	pdpt[0x1020 / 8] = 0x5001;
	pdpt[0x1038 / 8] = 0x6001;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_GET_SREGS2, &a), 0);
	assert_int_equal(a.flags, KVM_SREGS2_FLAGS_PDPTRS_VALID);
	assert_int_equal(a.pdptrs[0], 0x5001);
	assert_int_equal(a.pdptrs[3], 0x6001);
	assert_int_equal(a.cr3, 0x1020);
	/* Given along, they are not read from memory. */
	a.pdptrs[1] = 0x7001;
	assert_int_equal(call(KVM_SET_SREGS2, &a), 0);
	assert_int_equal(call(KVM_GET_SREGS2, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	a.flags = 0;
	assert_int_equal(call(KVM_SET_SREGS2, &a), 0);
	assert_int_equal(call(KVM_GET_SREGS2, &b), 0);
	assert_int_equal(b.pdptrs[1], 0);
	a.flags = 2;
	assert_int_equal(call(KVM_SET_SREGS2, &a), -SWIVL_EINVAL);
	a.flags = 1;
	a.cr4 = 0;
	assert_int_equal(call(KVM_SET_SREGS2, &a), -SWIVL_EINVAL);
	munmap(pdpt, LARGE);
}

static void debug_registers(void **state)
{
	struct kvm_debugregs a = { .db = { 1, 2, 3, ~0ull }, .dr6 = 0xffff0ff1, .dr7 = 0x455 }, b;
	struct kvm_guest_debug g = { 0 };

	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), 0);
	assert_int_equal(call(KVM_GET_DEBUGREGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	a.flags = 1;
	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), -SWIVL_EINVAL);
	a.flags = 0;
	a.dr6 = 1ull << 32;
	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), -SWIVL_EINVAL);
	a.dr6 = 0;
	a.dr7 = 1ull << 32;
	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), -SWIVL_EINVAL);

	g.control = 1u << 31;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), -SWIVL_EINVAL);
	g.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	g.arch.debugreg[0] = 0x1234;
	g.arch.debugreg[7] = 0x2;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_vcpu(vcpu)->debug_dr[0], 0x1234);
	assert_int_equal(model_vcpu(vcpu)->debug_dr7, 0x402);
	/* The guest's own stay what they were. */
	assert_int_equal(call(KVM_GET_DEBUGREGS, &b), 0);
	assert_int_equal(b.dr7, 0x455);
	g.control = KVM_GUESTDBG_SINGLESTEP; /* without ENABLE: off */
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_vcpu(vcpu)->guest_debug, 0);
	g.control = KVM_GUESTDBG_INJECT_DB;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), -SWIVL_EBUSY);
}

/* ---- FPU ------------------------------------------------------------------------------------------------ */

static void fpu(void **state)
{
	struct kvm_fpu a, b;

	assert_int_equal(call(KVM_GET_FPU, &b), 0);
	assert_int_equal(b.fcw, 0x37f);
	assert_int_equal(b.mxcsr, 0x1f80);
	scramble(&a, sizeof(a));
	a.mxcsr = 0x1f80;
	a.pad1 = 0;
	a.pad2 = 0;
	assert_int_equal(call(KVM_SET_FPU, &a), 0);
	assert_int_equal(call(KVM_GET_FPU, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	a.mxcsr = 0x10000;
	assert_int_equal(call(KVM_SET_FPU, &a), -SWIVL_EINVAL);
}

#define XSTATE_BV(x) (*(u64 *)((u8 *)(x) + 512))

static void xsave(void **state)
{
	static struct kvm_xsave a, b;
	struct kvm_fpu f;
	unsigned int i;

	assert_int_equal(call(KVM_GET_XSAVE, &a), 0);
	assert_int_equal(XSTATE_BV(&a) & 3, 3);
	assert_int_equal(a.region[0] & 0xffff, 0x37f);
	assert_int_equal(a.region[6], 0x1f80);
	for (i = 8; i < 104; i++) /* ST and XMM */
		a.region[i] = i * 0x1010101;
	for (i = 144; i < 2688 / 4; i++)
		a.region[i] = i;
	XSTATE_BV(&a) = 0xe7;
	assert_int_equal(call(KVM_SET_XSAVE, &a), 0);
	assert_int_equal(call(KVM_GET_XSAVE2, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	/* What it says is initial reads as initial. */
	XSTATE_BV(&a) = 0;
	assert_int_equal(call(KVM_SET_XSAVE, &a), 0);
	assert_int_equal(call(KVM_GET_FPU, &f), 0);
	assert_int_equal(f.fcw, 0x37f);
	assert_int_equal(f.xmm[3][3], 0);
	/* What XRSTOR would fault on. */
	XSTATE_BV(&a) = 1 << 9;
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	XSTATE_BV(&a) = 1ull << 63;
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	XSTATE_BV(&a) = 3;
	a.region[130] = 1; /* XCOMP_BV */
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	a.region[130] = 0;
	a.region[143] = 1; /* the end of the header */
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	a.region[143] = 0;
	a.region[6] = 0xffffffff;
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	a.region[6] = 0x1f80;
	assert_int_equal(call(KVM_SET_XSAVE, &a), 0);
}

static void xcrs(void **state)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} cpuid = { .head.nent = 256 };
	struct kvm_xcrs x = { .nr_xcrs = 1 };

	x.xcrs[0].value = 7;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL); /* no CPUID yet */
	model_call(MODEL_SYSTEM, KVM_GET_SUPPORTED_CPUID, &cpuid);
	assert_int_equal(call(KVM_SET_CPUID2, &cpuid), 0);
	assert_int_equal(call(KVM_SET_XCRS, &x), 0);
	memset(&x, 0, sizeof(x));
	assert_int_equal(call(KVM_GET_XCRS, &x), 0);
	assert_int_equal(x.nr_xcrs, 1);
	assert_int_equal(x.xcrs[0].value, 7);
	x.xcrs[0].value = 6;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.xcrs[0].value = 0x207;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.xcrs[0].value = 0x27;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.nr_xcrs = 17;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.nr_xcrs = 1;
	x.flags = 1;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
}

/* ---- events ------------------------------------------------------------------------------------------------ */

static struct event injected;

static void see_injected(struct vcpu *v, struct model_hw *hw)
{
	injected = hw->injected;
}

static void interrupts_of_the_caller(void **state)
{
	struct kvm_interrupt i = { 0x20 };
	struct kvm_regs regs;

	model_guest = see_injected;
	assert_int_equal(call(KVM_INTERRUPT, &(struct kvm_interrupt){ 256 }), -SWIVL_EINVAL);
	assert_int_equal(call(KVM_INTERRUPT, &i), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NONE); /* IF is clear */
	call(KVM_GET_REGS, &regs);
	regs.rflags |= RFLAGS_IF;
	call(KVM_SET_REGS, &regs);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_INTERRUPT);
	assert_int_equal(injected.vector, 0x20);
	assert_int_equal(model_ioctl(vcpu, KVM_NMI, 0), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NMI);
}

static void interrupts_blocked_by_the_debugger(void **state)
{
	struct kvm_guest_debug g = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ };

	model_guest = see_injected;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_NMI, 0), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NONE);
	g.control = 0;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NMI);
}

static u64 rflags_at_entry;

static void guest_steps(struct vcpu *v, struct model_hw *hw)
{
	rflags_at_entry = hw->state.rflags;
	if (model_entries % 2) {
		v->exit = (struct exit){ .kind = EXIT_EXCEPTION };
		v->exit.exception.vector = 1;
		v->exit.exception.info = 1 << 14;
		hw->state.rip += 3;
	} else {
		v->exit = (struct exit){ .kind = EXIT_CPUID, .length = 2 };
	}
}

/* Steps over an instruction of the processor's and one of ours; TF is never the guest's. */
static void single_steps(void **state)
{
	struct kvm_guest_debug g = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_run *run = model_vcpu(vcpu)->run;
	struct kvm_regs regs;
	u64 rip = 0xfff0;
	int i;

	model_guest = guest_steps;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
		assert_int_equal(run->exit_reason, KVM_EXIT_DEBUG);
		assert_int_equal(run->debug.arch.exception, 1);
		assert_int_equal(run->debug.arch.dr6, 0xffff4ff0);
		assert_true(rflags_at_entry & RFLAGS_TF);
		rip += i % 2 ? 2 : 3;
		assert_int_equal(run->debug.arch.pc, 0xffff0000 + rip);
		assert_int_equal(call(KVM_GET_REGS, &regs), 0);
		assert_int_equal(regs.rflags & RFLAGS_TF, 0);
	}
	g.control = 0;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	model_guest = look;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.rflags & RFLAGS_TF, 0);
}

static void events_come_back(void **state)
{
	struct kvm_vcpu_events a, b;

	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &a), 0);
	assert_int_equal(a.flags, 5);
	a.exception.injected = 1;
	a.exception.nr = 14;
	a.exception.has_error_code = 1;
	a.exception.error_code = 6;
	a.interrupt.injected = 1;
	a.interrupt.nr = 0x31;
	a.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	a.nmi.masked = 1;
	a.nmi.pending = 1;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &a), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	model_guest = see_injected;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_EXCEPTION);
	assert_int_equal(injected.vector, 14);
	assert_int_equal(injected.error, 6);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_INTERRUPT);
	assert_int_equal(injected.vector, 0x31);
}

/* What is set replaces what was there, all of it. */
static void events_are_replaced(void **state)
{
	struct kvm_vcpu_events both = { .exception = { .injected = 1, .nr = 14 },
					.interrupt = { .injected = 1, .nr = 0x31 } };
	struct kvm_vcpu_events none = { .flags = 0 }, e;

	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &both), 0);
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &none), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.exception.injected, 0);
	assert_int_equal(e.interrupt.injected, 0);
}

static void guest_in_a_shadow(struct vcpu *v, struct model_hw *hw)
{
	at_entry = hw->state;
	hw->state.shadow = SHADOW_NMI;
	hw->state.debugctl = 2;
}

/* Parts of a group: what is not set stays as the guest left it, what is set gets there. */
static void shadows_and_debug_state_in_hardware(void **state)
{
	struct kvm_vcpu_events e = { .flags = 0 };
	struct kvm_debugregs d = { .dr7 = 0x455 };

	model_guest = guest_in_a_shadow;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	e.nmi.masked = 1; /* and the interrupt shadow is not spoken of */
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.nmi.masked, 1);
	e.flags = 0;
	e.nmi.masked = 0;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(call(KVM_SET_DEBUGREGS, &d), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.shadow & SHADOW_NMI, 0);
	assert_int_equal(at_entry.dr7, 0x455);
	assert_int_equal(at_entry.debugctl, 2);
}

static void events_refused(void **state)
{
	struct kvm_vcpu_events e = { .flags = 1u << 31 };
	struct kvm_enable_cap c = { .cap = KVM_CAP_EXCEPTION_PAYLOAD, .args = { 1 } };

	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.flags = KVM_VCPUEVENT_VALID_SMM;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	e.smi.smm = 1;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e = (struct kvm_vcpu_events){ .exception = { .injected = 1, .nr = 32 } };
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.exception.nr = 2;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	e = (struct kvm_vcpu_events){ .flags = KVM_VCPUEVENT_VALID_PAYLOAD,
				      .exception = { .pending = 1, .nr = 14 },
				      .exception_has_payload = 1, .exception_payload = 0x777 };
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(model_vcpu(vcpu)->state.cr2, 0x777);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.exception.pending, 1);
	assert_int_equal(e.exception.injected, 0);
}

static void triple_fault_by_event(void **state)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT, .args = { 1 } };
	struct kvm_vcpu_events e = { .flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT,
				     .triple_fault.pending = 1 };

	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.triple_fault.pending, 1);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_vcpu(vcpu)->run->exit_reason, KVM_EXIT_SHUTDOWN);
}

static void mp_states(void **state)
{
	struct kvm_mp_state m = { 77 };

	assert_int_equal(call(KVM_GET_MP_STATE, &m), 0);
	assert_int_equal(m.mp_state, KVM_MP_STATE_RUNNABLE);
	assert_int_equal(call(KVM_SET_MP_STATE, &m), 0);
	for (m.mp_state = 1; m.mp_state < 20; m.mp_state++)
		assert_int_equal(call(KVM_SET_MP_STATE, &m), -SWIVL_EINVAL);
}

static void signal_masks(void **state)
{
	struct {
		u32 len;
		u8 set[12];
	} m = { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } };

	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), 0);
	assert_true(model_vcpu(vcpu)->has_sigmask);
	assert_int_equal(model_vcpu(vcpu)->sigmask, 0x0807060504030201);
	m.len = 7;
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), -SWIVL_EINVAL);
	m.len = 9;
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), -SWIVL_EINVAL);
	m.len = 0xffffffff;
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), -SWIVL_EINVAL);
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, NULL), 0);
	assert_false(model_vcpu(vcpu)->has_sigmask);
}

/* ---- running ------------------------------------------------------------------------------------------------- */

static void run_returns(void **state)
{
	struct kvm_run *run = swivl_vcpu_page(model_vcpu(vcpu), 0);

	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 1), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	run->immediate_exit = 1;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINTR);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	run->immediate_exit = 0;
	model_signal = true;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINTR);
	assert_int_equal(run->exit_reason, KVM_EXIT_INTR);
	assert_int_equal(model_entries, 1);
}

static void registers_through_the_run_page(void **state)
{
	struct kvm_run *run = model_vcpu(vcpu)->run;

	model_guest = look;
	run->kvm_valid_regs = 8;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
	run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	run->kvm_dirty_regs = 1ull << 63;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
	run->kvm_dirty_regs = 0;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->s.regs.regs.rip, 0xfff1); /* past HLT */
	assert_int_equal(run->s.regs.sregs.cs.base, 0xffff0000);
	run->s.regs.regs.rbx = 0xbeef;
	run->s.regs.regs.rip = 0x100;
	run->s.regs.sregs.cr3 = 0x9000;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->kvm_dirty_regs, 0);
	assert_int_equal(at_entry.rip, 0x100);
	assert_int_equal(at_entry.cr3, 0x9000);
	assert_int_equal(run->s.regs.regs.rbx, 0xbeef);
	run->s.regs.sregs.cr0 = 1ull << 40;
	run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
	run->s.regs.events.flags = 1u << 30;
	run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
}

static void reads_an_unknown_msr(struct vcpu *v, struct model_hw *hw)
{
	v->exit = (struct exit){ .kind = model_entries % 2 ? EXIT_MSR_READ : EXIT_HLT, .length = 2 };
	v->gpr[RCX] = 0x48;
	injected = hw->injected;
}

static void refused_msrs_to_the_caller(void **state)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
				    .args = { KVM_MSR_EXIT_REASON_UNKNOWN } };
	struct kvm_run *run = model_vcpu(vcpu)->run;

	model_guest = reads_an_unknown_msr;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	assert_int_equal(injected.type, EVENT_EXCEPTION);
	assert_int_equal(injected.vector, 13);
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_X86_RDMSR);
	assert_int_equal(run->msr.index, 0x48);
	assert_int_equal(run->msr.reason, KVM_MSR_EXIT_REASON_UNKNOWN);
	run->msr.data = 0x1122334455667788;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_vcpu(vcpu)->gpr[RAX], 0x55667788);
	assert_int_equal(model_vcpu(vcpu)->gpr[RDX], 0x11223344);
}

static void translation(void **state)
{
	struct kvm_translation t = { .linear_address = 0x1234 };
	u64 *memory = caller_memory(LARGE);
	struct kvm_sregs s;

	assert_int_equal(call(KVM_TRANSLATE, &t), 0);
	assert_int_equal(t.valid, 1);
	assert_int_equal(t.physical_address, 0x1234);
	set_slot(vm, 0, 0, 0, LARGE, memory);
	good_sregs(&s);
	s.cr3 = 0x1000;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_TRANSLATE, &t), 0);
	assert_int_equal(t.valid, 0);
	assert_int_equal(t.physical_address, ~0ull);
	memory[0x1000 / 8] = 0x2003;
	memory[0x2000 / 8] = 0x3003;
	memory[0x3000 / 8] = 0x4003;
	memory[0x4008 / 8] = 0x55003;
	assert_int_equal(call(KVM_TRANSLATE, &t), 0);
	assert_int_equal(t.valid, 1);
	assert_int_equal(t.physical_address, 0x55234);
	munmap(memory, LARGE);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, model_teardown)
#define CHIPS(name) cmocka_unit_test_setup_teardown(name, setup_chips, model_teardown)
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
		TEST(general_registers),
		TEST(system_registers),
		TEST(unusable_segments),
		TEST(sregs_that_no_processor_has),
		TEST(sregs2_and_pae),
		TEST(debug_registers),
		TEST(fpu),
		TEST(xsave),
		TEST(xcrs),
		TEST(interrupts_of_the_caller),
		TEST(interrupts_blocked_by_the_debugger),
		TEST(single_steps),
		TEST(events_come_back),
		TEST(events_are_replaced),
		TEST(shadows_and_debug_state_in_hardware),
		TEST(events_refused),
		TEST(triple_fault_by_event),
		TEST(mp_states),
		TEST(signal_masks),
		TEST(run_returns),
		TEST(registers_through_the_run_page),
		TEST(refused_msrs_to_the_caller),
		TEST(translation),
		TEST(chips_are_made_once_and_first),
		TEST(without_chips),
		CHIPS(chips),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
