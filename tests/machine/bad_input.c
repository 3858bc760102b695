// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Requests with sizes, counts, addresses and descriptors that are wrong. Each gets the error that
 * KVM gives: the same program passes on /dev/kvm.
 * usage: bad_input DEVICE
 */
#include "tap.h"

#include <sys/wait.h>

static const unsigned char hlt[] = { 0xf4 };

/* The last byte before a page that is not there. */
static unsigned char *edge;

static void make_edge(void)
{
	unsigned char *p = pages(16 * PAGE);

	if (mprotect(p + 15 * PAGE, PAGE, PROT_NONE))
		die("mprotect");
	edge = p + 15 * PAGE;
}

/* A fixed-size request, and whether it reads or writes the argument. */
struct request {
	const char *name;
	unsigned int number;
	bool reads, writes;
};

#define READS(name) { #name, name, true, false }
#define WRITES(name) { #name, name, false, true }
#define BOTH(name) { #name, name, true, true }

static const struct request system_requests[] = {
	BOTH(KVM_GET_MSR_INDEX_LIST),
	BOTH(KVM_GET_MSR_FEATURE_INDEX_LIST),
	BOTH(KVM_GET_SUPPORTED_CPUID),
	BOTH(KVM_GET_MSRS),
};

static const struct request vm_requests[] = {
	READS(KVM_SET_USER_MEMORY_REGION),
	READS(KVM_GET_DIRTY_LOG),
	READS(KVM_SET_IDENTITY_MAP_ADDR),
	READS(KVM_IRQ_LINE),
	BOTH(KVM_IRQ_LINE_STATUS),
	BOTH(KVM_GET_IRQCHIP),
	READS(KVM_SET_IRQCHIP),
	READS(KVM_CREATE_PIT2),
	WRITES(KVM_GET_PIT2),
	READS(KVM_SET_PIT2),
	BOTH(KVM_SET_GSI_ROUTING),
	READS(KVM_SIGNAL_MSI),
	READS(KVM_SET_CLOCK),
	WRITES(KVM_GET_CLOCK),
	READS(KVM_X86_SET_MSR_FILTER),
	READS(KVM_ENABLE_CAP), /* the last: a vCPU's request, too */
};

static const struct request vcpu_requests[] = {
	WRITES(KVM_GET_REGS),
	READS(KVM_SET_REGS),
	WRITES(KVM_GET_SREGS),
	READS(KVM_SET_SREGS),
	BOTH(KVM_TRANSLATE),
	READS(KVM_INTERRUPT),
	BOTH(KVM_GET_MSRS),
	BOTH(KVM_SET_MSRS),
	BOTH(KVM_SET_CPUID2),
	WRITES(KVM_GET_FPU),
	READS(KVM_SET_FPU),
	WRITES(KVM_GET_LAPIC),
	READS(KVM_SET_LAPIC),
	WRITES(KVM_GET_MP_STATE),
	READS(KVM_SET_MP_STATE),
	READS(KVM_SET_GUEST_DEBUG),
	WRITES(KVM_GET_VCPU_EVENTS),
	READS(KVM_SET_VCPU_EVENTS),
	WRITES(KVM_GET_DEBUGREGS),
	READS(KVM_SET_DEBUGREGS),
	WRITES(KVM_GET_XSAVE),
	READS(KVM_SET_XSAVE),
	WRITES(KVM_GET_XCRS),
	READS(KVM_SET_XCRS),
};

static unsigned int size_of(unsigned int number)
{
	return number >> 16 & 0x3fff;
}

/* Every request at addresses where there is nothing, or too little. */
static void bad_addresses(int fd, const struct request *r, size_t n)
{
	static const struct {
		const char *what;
		unsigned long address;
	} nowhere[] = {
		{ "at 0", 0 },
		{ "of the kernel", 0xffffffff81000000 },
		{ "in the direct map", 0xffff888000000000 },
		{ "not canonical", 0x8000000000000000 },
		{ "wrapping", -8ul },
		{ "across the end of user space", 0x7fffffffeffc },
	};
	unsigned char *readonly = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i, k;

	for (i = 0; i < n; i++, r++) {
		for (k = 0; k < ARRAY_SIZE(nowhere); k++)
			expect(-EFAULT, ioctl(fd, r->number, nowhere[k].address), "%s, argument %s",
			       r->name, nowhere[k].what);
		memset(edge - 15 * PAGE, 0, 15 * PAGE);
		expect(-EFAULT, ioctl(fd, r->number, edge - size_of(r->number) + 1),
		       "%s, argument one byte short", r->name);
		if (r->writes && !r->reads)
			expect(-EFAULT, ioctl(fd, r->number, readonly), "%s, argument read-only",
			       r->name);
	}
}

/* The right number with another size is another request, and there is none. */
static void bad_sizes(int fd, const struct request *r, size_t n, long want)
{
	size_t i;

	for (i = 0; i < n; i++, r++) {
		unsigned int bare = r->number & ~(0x3fffu << 16), size = size_of(r->number);

		expect(want, ioctl(fd, bare, 0), "%s with no size", r->name);
		expect(want, ioctl(fd, bare | (size - 1) << 16, 0), "%s, size one short", r->name);
		expect(want, ioctl(fd, bare | (size + 1) << 16, 0), "%s, size one long", r->name);
		expect(want, ioctl(fd, bare | 0x3fffu << 16, 0), "%s, largest size", r->name);
	}
}

/* Each kind of request to each other kind of descriptor. */
static void other_kind(int fd, const char *kind, const struct request *r, size_t n, long want)
{
	size_t i;

	for (i = 0; i < n; i++, r++)
		expect(want, ioctl(fd, r->number, 0), "%s to %s", r->name, kind);
}

static void descriptors(struct machine *m)
{
	int null = open("/dev/null", O_RDWR);

	other_kind(m->dev, "the device", vm_requests, ARRAY_SIZE(vm_requests), -EINVAL);
	other_kind(m->dev, "the device", vcpu_requests + 0, 6, -EINVAL);
	other_kind(m->vm, "a VM", vcpu_requests, ARRAY_SIZE(vcpu_requests), -ENOTTY);
	other_kind(m->vm, "a VM", system_requests, ARRAY_SIZE(system_requests), -ENOTTY);
	other_kind(m->vcpu, "a vCPU", vm_requests, ARRAY_SIZE(vm_requests) - 1, -EINVAL);
	other_kind(m->vcpu, "a vCPU", system_requests, 3, -EINVAL);
	other_kind(null, "/dev/null", vcpu_requests, 4, -ENOTTY);
	other_kind(-1, "no descriptor", vcpu_requests, 4, -EBADF);
	close(null);
	expect(-EINVAL, ioctl(m->dev, KVM_RUN, 0), "KVM_RUN to the device");
	expect(-ENOTTY, ioctl(m->vm, KVM_RUN, 0), "KVM_RUN to a VM");
	expect(-EINVAL, ioctl(m->vcpu, KVM_CREATE_VCPU, 3), "KVM_CREATE_VCPU to a vCPU");
	expect(-EINVAL, ioctl(m->vcpu, KVM_CREATE_VM, 0), "KVM_CREATE_VM to a vCPU");
	expect(-ENOTTY, ioctl(m->vm, KVM_CREATE_VM, 0), "KVM_CREATE_VM to a VM");
	expect(-EINVAL, ioctl(m->dev, 0, 0), "request 0 to the device");
	expect(-ENOTTY, ioctl(m->vm, 0, 0), "request 0 to a VM");
	expect(-EINVAL, ioctl(m->vcpu, 0, 0), "request 0 to a vCPU");
	expect(-EINVAL, ioctl(m->dev, 0xffffffff, -1l), "request -1 to the device");
	expect(-ENOTTY, ioctl(m->vm, 0xffffffff, -1l), "request -1 to a VM");
	expect(-EINVAL, ioctl(m->vcpu, 0xffffffff, -1l), "request -1 to a vCPU");
}

static void system_arguments(int dev)
{
	struct {
		struct kvm_msr_list head;
		unsigned int index[1000];
	} list = {};
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 512 * sizeof(cpuid->entries[0]));
	unsigned int n;

	expect(12, ioctl(dev, KVM_GET_API_VERSION, 0), "KVM_GET_API_VERSION");
	expect(-EINVAL, ioctl(dev, KVM_GET_API_VERSION, 1), "KVM_GET_API_VERSION, argument 1");
	expect(-EINVAL, ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 1), "KVM_GET_VCPU_MMAP_SIZE, argument 1");
	expect(-EINVAL, ioctl(dev, KVM_CREATE_VM, 1), "KVM_CREATE_VM, type 1");
	expect(-EINVAL, ioctl(dev, KVM_CREATE_VM, -1l), "KVM_CREATE_VM, type -1");
	expect(0, ioctl(dev, KVM_CHECK_EXTENSION, 9999), "KVM_CHECK_EXTENSION of 9999");
	expect(0, ioctl(dev, KVM_CHECK_EXTENSION, -1l), "KVM_CHECK_EXTENSION of -1");

	list.head.nmsrs = 0;
	expect(-E2BIG, ioctl(dev, KVM_GET_MSR_INDEX_LIST, &list), "KVM_GET_MSR_INDEX_LIST of 0");
	n = list.head.nmsrs;
	check(n > 0 && n < 1000, "and it tells how many there are");
	list.head.nmsrs = n - 1;
	expect(-E2BIG, ioctl(dev, KVM_GET_MSR_INDEX_LIST, &list), "of one too few");
	list.head.nmsrs = -1;
	expect(0, ioctl(dev, KVM_GET_MSR_INDEX_LIST, &list), "of 4294967295");
	check(list.head.nmsrs == n, "and it tells how many it gave");

	cpuid->nent = 0;
	expect(-E2BIG, ioctl(dev, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID of 0");
	cpuid->nent = 1;
	expect(-E2BIG, ioctl(dev, KVM_GET_SUPPORTED_CPUID, cpuid), "of 1");
	cpuid->nent = -1;
	expect(0, ioctl(dev, KVM_GET_SUPPORTED_CPUID, cpuid), "of 4294967295");
	check(cpuid->nent > 1 && cpuid->nent < 512, "and it tells how many it gave");
	free(cpuid);
}

static void memory_regions(struct machine *m)
{
	unsigned char *p = pages(16 * PAGE);
	struct kvm_dirty_log log = {};
	unsigned long bitmap[4];

#define REGION(want, what, slot, gpa, size, mem, flags)                                            \
	expect(want, set_memory(m->vm, slot, gpa, size, (void *)(mem), flags),                     \
	       "KVM_SET_USER_MEMORY_REGION, " what)

	REGION(-EINVAL, "guest address unaligned", 1, 0x100800, PAGE, p, 0);
	REGION(-EINVAL, "size unaligned", 1, 0x100000, PAGE + 1, p, 0);
	REGION(-EINVAL, "size below a page", 1, 0x100000, 8, p, 0);
	REGION(-EINVAL, "caller's address unaligned", 1, 0x100000, PAGE, p + 8, 0);
	REGION(-EINVAL, "memory of the kernel", 1, 0x100000, PAGE, 0xffffffff81000000, 0);
	REGION(-EINVAL, "memory not canonical", 1, 0x100000, PAGE, 0x8000000000000000, 0);
	REGION(-EINVAL, "memory that wraps", 1, 0x100000, 2 * PAGE, -PAGE, 0);
	REGION(-EINVAL, "guest address that wraps", 1, -PAGE, 2 * PAGE, p, 0);
	REGION(-EINVAL, "absurd size", 1, 0x100000, 1ul << 63, p, 0);
	REGION(-EINVAL, "size -PAGE", 1, 0x100000, -PAGE, p, 0);
	REGION(-EINVAL, "slot 32767", 32767, 0x100000, PAGE, p, 0);
	REGION(-EINVAL, "slot of an address space that is not there", 7 << 16, 0x100000, PAGE, p, 0);
	REGION(-EINVAL, "unknown flags", 1, 0x100000, PAGE, p, 0x80);
	REGION(-EINVAL, "removing what is not there", 1, 0x100000, 0, p, 0);
	REGION(-EEXIST, "overlapping another slot", 1, 0x8000, PAGE, p, 0);
	REGION(-EEXIST, "around another slot", 1, 0, 32 * PAGE, p, 0);
	REGION(0, "a good one", 1, 0x100000, 4 * PAGE, p, 0);
	REGION(-EINVAL, "another size of a slot", 1, 0x100000, 5 * PAGE, p, 0);
	REGION(-EINVAL, "other memory for a slot", 1, 0x100000, 4 * PAGE, p + PAGE, 0);
	REGION(-EINVAL, "read-only afterwards", 1, 0x100000, 4 * PAGE, p, KVM_MEM_READONLY);
	REGION(-EEXIST, "moved onto another", 1, 0x8000, 4 * PAGE, p, 0);
	REGION(0, "moved", 1, 0x200000, 4 * PAGE, p, 0);

	log.slot = 1;
	log.dirty_bitmap = bitmap;
	expect(-ENOENT, ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "dirty log of a slot without");
	log.slot = 2;
	expect(-ENOENT, ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "dirty log of no slot");
	log.slot = 40000;
	expect(-EINVAL, ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "dirty log of slot 40000");
	log.slot = 7 << 16;
	expect(-EINVAL, ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "dirty log of another address space");
	REGION(0, "with a log", 1, 0x200000, 4 * PAGE, p, KVM_MEM_LOG_DIRTY_PAGES);
	log.slot = 1;
	expect(0, ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "its dirty log");
	log.dirty_bitmap = (void *)0xffffffff81000000;
	expect(-EFAULT, ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "dirty log to the kernel");
	log.dirty_bitmap = edge;
	expect(-EFAULT, ioctl(m->vm, KVM_GET_DIRTY_LOG, &log), "dirty log to nowhere");
	REGION(0, "removed", 1, 0, 0, 0, 0);
	munmap(p, 16 * PAGE);
}

static void vm_arguments(int dev)
{
	int vm = ioctl(dev, KVM_CREATE_VM, 0), vcpu;
	struct kvm_irqchip chip = {};
	struct kvm_irq_level line = { .irq = 1, .level = 1 };
	struct kvm_pit_config pit = {};
	struct kvm_enable_cap cap = { .cap = 9999 };
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[1];
	} routing = { .head.nr = 1 };
	unsigned long long address = 1;

	expect(-EINVAL, ioctl(vm, KVM_CREATE_VCPU, -1l), "KVM_CREATE_VCPU, number -1");
	expect(-EINVAL, ioctl(vm, KVM_CREATE_VCPU, 100000), "KVM_CREATE_VCPU, number 100000");
	expect(-ENXIO, ioctl(vm, KVM_GET_IRQCHIP, &chip), "KVM_GET_IRQCHIP without chips");
	expect(-ENXIO, ioctl(vm, KVM_SET_IRQCHIP, &chip), "KVM_SET_IRQCHIP without chips");
	expect(-ENXIO, ioctl(vm, KVM_IRQ_LINE, &line), "KVM_IRQ_LINE without chips");
	expect(-EINVAL, ioctl(vm, KVM_ENABLE_CAP, &cap), "KVM_ENABLE_CAP of 9999");
	cap.cap = KVM_CAP_SPLIT_IRQCHIP;
	cap.flags = 1;
	expect(-EINVAL, ioctl(vm, KVM_ENABLE_CAP, &cap), "KVM_ENABLE_CAP with flags");
	expect(0, ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	expect(-EEXIST, ioctl(vm, KVM_CREATE_IRQCHIP, 0), "again");
	chip.chip_id = 3;
	expect(-EINVAL, ioctl(vm, KVM_GET_IRQCHIP, &chip), "KVM_GET_IRQCHIP of chip 3");
	chip.chip_id = -1;
	expect(-EINVAL, ioctl(vm, KVM_SET_IRQCHIP, &chip), "KVM_SET_IRQCHIP of chip -1");
	expect(0, ioctl(vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	expect(-EEXIST, ioctl(vm, KVM_CREATE_PIT2, &pit), "again");

	routing.head.flags = 1;
	expect(-EINVAL, ioctl(vm, KVM_SET_GSI_ROUTING, &routing), "KVM_SET_GSI_ROUTING with flags");
	routing.head.flags = 0;
	routing.head.nr = -1;
	expect(-EINVAL, ioctl(vm, KVM_SET_GSI_ROUTING, &routing), "of 4294967295 entries");
	routing.head.nr = 1;
	routing.entry[0].type = 77;
	expect(-EINVAL, ioctl(vm, KVM_SET_GSI_ROUTING, &routing), "of type 77");
	routing.entry[0].type = KVM_IRQ_ROUTING_IRQCHIP;
	routing.entry[0].u.irqchip.irqchip = 9;
	expect(-EINVAL, ioctl(vm, KVM_SET_GSI_ROUTING, &routing), "to chip 9");
	routing.entry[0].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	routing.entry[0].u.irqchip.pin = 24;
	expect(-EINVAL, ioctl(vm, KVM_SET_GSI_ROUTING, &routing), "to pin 24 of the I/O APIC");
	routing.entry[0].u.irqchip.pin = 0;
	routing.entry[0].gsi = 100000;
	expect(-EINVAL, ioctl(vm, KVM_SET_GSI_ROUTING, &routing), "from line 100000");

	expect(-EINVAL, ioctl(vm, KVM_SET_TSS_ADDR, 0xfffff000ul), "KVM_SET_TSS_ADDR past 4 GiB");
	expect(0, ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &address), "KVM_SET_IDENTITY_MAP_ADDR");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	expect(-EEXIST, ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU twice");
	expect(-EINVAL, ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &address),
	       "KVM_SET_IDENTITY_MAP_ADDR after a vCPU");
	expect(-EBUSY, ioctl(vm, KVM_SET_BOOT_CPU_ID, 0), "KVM_SET_BOOT_CPU_ID after a vCPU");
	close(vcpu);
	close(vm);

	vm = ioctl(dev, KVM_CREATE_VM, 0);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	expect(-EINVAL, ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP after a vCPU");
	close(vcpu);
	close(vm);
}

/* One value of the special registers changed to nonsense at a time. */
static void bad_sregs(struct machine *m)
{
	struct kvm_sregs good, s;

	if (ioctl(m->vcpu, KVM_GET_SREGS, &good))
		die("KVM_GET_SREGS");
#define SREGS(what, change)                                                                        \
	do {                                                                                       \
		s = good;                                                                          \
		change;                                                                            \
		expect(-EINVAL, ioctl(m->vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS, " what);        \
	} while (0)

	SREGS("reserved bits of CR4", s.cr4 = 1ull << 63);
	/* KVM's guests may be hypervisors themselves. */
	if (ioctl(m->dev, KVM_CHECK_EXTENSION, KVM_CAP_NESTED_STATE) <= 0)
		SREGS("CR4.VMXE", s.cr4 = 1 << 13);
	SREGS("paging in long mode without PAE",
	      (s.cr0 = 0x80000011, s.efer = 0x500, s.cr4 = 0));
	SREGS("LMA without paging", s.efer = 1 << 10);
	SREGS("64-bit code outside long mode", (s.cr0 = 0x80000011, s.cs.l = 1, s.efer = 1 << 10));
	expect(0, ioctl(m->vcpu, KVM_SET_SREGS, &good), "KVM_SET_SREGS as they were");
}

static void vcpu_arguments(struct machine *m)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = { .head.nmsrs = 2, .entry = { { .index = 0x174 }, { .index = 0xdead0000 } } };
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[1];
	} cpuid = { .head.nent = -1 };
	struct kvm_interrupt irq = { .irq = 256 };
	struct kvm_mp_state mp = { .mp_state = 99 };
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };
	struct kvm_debugregs debug = { .flags = 1 };
	struct kvm_vcpu_events events = { .flags = 0x80000000 };
	struct kvm_lapic_state *lapic = calloc(1, sizeof(*lapic));
	struct kvm_translation where = { .linear_address = 0x1000 };
	struct kvm_enable_cap cap = { .cap = 9999 };

	expect(1, ioctl(m->vcpu, KVM_GET_MSRS, &msrs), "KVM_GET_MSRS stops at an unknown one");
	expect(1, ioctl(m->vcpu, KVM_SET_MSRS, &msrs), "KVM_SET_MSRS stops at an unknown one");
	msrs.head.nmsrs = 0;
	expect(0, ioctl(m->vcpu, KVM_GET_MSRS, &msrs), "KVM_GET_MSRS of none");
	msrs.head.nmsrs = 257;
	expect(-E2BIG, ioctl(m->vcpu, KVM_GET_MSRS, &msrs), "KVM_GET_MSRS of 257");
	msrs.head.nmsrs = -1;
	expect(-E2BIG, ioctl(m->vcpu, KVM_GET_MSRS, &msrs), "KVM_GET_MSRS of 4294967295");
	expect(-E2BIG, ioctl(m->vcpu, KVM_SET_MSRS, &msrs), "KVM_SET_MSRS of 4294967295");
	expect(-E2BIG, ioctl(m->vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2 of 4294967295");
	cpuid.head.nent = 257;
	expect(-E2BIG, ioctl(m->vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2 of 257");
	expect(-EINVAL, ioctl(m->vcpu, KVM_INTERRUPT, &irq), "KVM_INTERRUPT 256");
	irq.irq = -1;
	expect(-EINVAL, ioctl(m->vcpu, KVM_INTERRUPT, &irq), "KVM_INTERRUPT 4294967295");
	irq.irq = 32;
	expect(0, ioctl(m->vcpu, KVM_INTERRUPT, &irq), "KVM_INTERRUPT 32");
	expect(0, ioctl(m->vcpu, KVM_INTERRUPT, &irq), "another before it was taken replaces it");
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_MP_STATE, &mp), "KVM_SET_MP_STATE 99");
	expect(-EINVAL, ioctl(m->vcpu, KVM_GET_LAPIC, lapic), "KVM_GET_LAPIC without chips");
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_LAPIC, lapic), "KVM_SET_LAPIC without chips");
	xcrs.xcrs[0].value = 0;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_XCRS, &xcrs), "KVM_SET_XCRS, XCR0 of 0");
	xcrs.xcrs[0].value = 1ull << 62;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_XCRS, &xcrs), "KVM_SET_XCRS, XCR0 bit 62");
	xcrs.nr_xcrs = 17;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_XCRS, &xcrs), "KVM_SET_XCRS of 17");
	xcrs.nr_xcrs = -1;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_XCRS, &xcrs), "KVM_SET_XCRS of 4294967295");
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_DEBUGREGS, &debug), "KVM_SET_DEBUGREGS with flags");
	debug.flags = 0;
	debug.dr7 = 1ull << 40;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_DEBUGREGS, &debug), "KVM_SET_DEBUGREGS, DR7 bit 40");
	debug.dr7 = 0;
	debug.dr6 = 1ull << 40;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_DEBUGREGS, &debug), "KVM_SET_DEBUGREGS, DR6 bit 40");
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_VCPU_EVENTS, &events), "KVM_SET_VCPU_EVENTS, flags");
	events.flags = 0;
	events.exception.injected = 1;
	events.exception.nr = 2;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_VCPU_EVENTS, &events), "KVM_SET_VCPU_EVENTS, #2");
	events.exception.nr = 32;
	expect(-EINVAL, ioctl(m->vcpu, KVM_SET_VCPU_EVENTS, &events), "KVM_SET_VCPU_EVENTS, #32");
	expect(0, ioctl(m->vcpu, KVM_TRANSLATE, &where), "KVM_TRANSLATE without paging");
	check(where.valid && where.physical_address == 0x1000, "is the address itself");
	expect(-EINVAL, ioctl(m->vcpu, KVM_ENABLE_CAP, &cap), "KVM_ENABLE_CAP of 9999");
	expect(-EINVAL, ioctl(m->vcpu, KVM_RUN, 1), "KVM_RUN, argument 1");
	expect(-EINVAL, ioctl(m->vcpu, KVM_RUN, -1l), "KVM_RUN, argument -1");
	free(lapic);
}

/* Anything in the shared page is the caller's to write; the run must survive it. */
static void shared_page(int dev)
{
	struct machine m = machine_make(dev, hlt, sizeof(hlt));
	long r;

	memset(m.run, 0xff, m.run_size);
	m.run->immediate_exit = 0;
	r = result(ioctl(m.vcpu, KVM_RUN, 0));
	check(r == -EINVAL, "KVM_RUN with a shared page of ones: %s", say(r));
	memset(m.run, 0, m.run_size);
	expect(0, ioctl(m.vcpu, KVM_RUN, 0), "KVM_RUN with a shared page of zeros");
	check(m.run->exit_reason == KVM_EXIT_HLT, "and the guest runs");
	machine_close(&m);
}

int main(int argc, char **argv)
{
	int dev = open_device(argc > 1 ? argv[1] : "/dev/swivl");
	struct machine m = machine_make(dev, hlt, sizeof(hlt));
	struct kvm_pit_config pit = {};
	int chips = ioctl(dev, KVM_CREATE_VM, 0);
	int vcpu;

	if (chips < 0 || ioctl(chips, KVM_CREATE_IRQCHIP, 0) || ioctl(chips, KVM_CREATE_PIT2, &pit))
		die("a VM with interrupt chips");
	make_edge();
	bad_addresses(dev, system_requests, ARRAY_SIZE(system_requests));
	verdict("addresses to the device");
	bad_addresses(chips, vm_requests, ARRAY_SIZE(vm_requests));
	verdict("addresses to a VM");
	vcpu = ioctl(chips, KVM_CREATE_VCPU, 0);
	bad_addresses(vcpu, vcpu_requests, ARRAY_SIZE(vcpu_requests));
	verdict("addresses to a vCPU");
	bad_sizes(dev, system_requests, ARRAY_SIZE(system_requests), -EINVAL);
	bad_sizes(chips, vm_requests, ARRAY_SIZE(vm_requests), -ENOTTY);
	bad_sizes(vcpu, vcpu_requests, ARRAY_SIZE(vcpu_requests), -EINVAL);
	verdict("sizes");
	descriptors(&m);
	verdict("descriptors of another kind");
	system_arguments(dev);
	verdict("arguments to the device");
	memory_regions(&m);
	verdict("memory regions");
	vm_arguments(dev);
	verdict("arguments to a VM");
	bad_sregs(&m);
	verdict("special registers");
	vcpu_arguments(&m);
	verdict("arguments to a vCPU");
	shared_page(dev);
	verdict("shared page");
	close(vcpu);
	close(chips);
	machine_close(&m);
	return failed;
}
