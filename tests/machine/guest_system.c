// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* CPUID as the caller sets it, and MSRs: passed, emulated, refused. */
#include <errno.h>
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(void)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	return &g.cpu[0];
}

/* ---- CPUID ---- */

CODE64(cpuid, "cpuid\n");

static struct kvm_regs cpuid_in_guest(struct guest_cpu *c, u32 leaf, u32 subleaf)
{
	struct kvm_regs r = { .rax = 0xaaaaaaaa00000000 | leaf, .rcx = 0xcccccccc00000000 | subleaf,
			      .rbx = -1, .rdx = -1 };

	EQUAL(TRY(c, cpuid, &r), NO_EXCEPTION);
	return r;
}

static union {
	struct kvm_cpuid2 list;
	u8 room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
} own;

static void add_leaf(u32 leaf, u32 index, u32 flags, u32 a, u32 b, u32 c, u32 d)
{
	own.list.entries[own.list.nent++] = (struct kvm_cpuid_entry2){
		.function = leaf, .index = index, .flags = flags,
		.eax = a, .ebx = b, .ecx = c, .edx = d };
}

static void expect_leaf(struct guest_cpu *c, u32 leaf, u32 sub, u64 a, u64 b, u64 cx, u64 d)
{
	struct kvm_regs r = cpuid_in_guest(c, leaf, sub);

	if (r.rax != a || r.rbx != b || r.rcx != cx || r.rdx != d)
		FAIL("leaf %#x.%u is %#llx %#llx %#llx %#llx", leaf, sub, r.rax, r.rbx, r.rcx, r.rdx);
}

TEST(cpuid_as_set)
{
	struct guest_cpu *c = setup();
	struct kvm_cpuid2 *base = guest_supported_cpuid(&g);

	memcpy(&own, base, sizeof(own));
	own.list.nent = 0;
	for (u32 i = 0; i < base->nent; i++)
		if (base->entries[i].function < 0x40000000)
			own.list.entries[own.list.nent++] = base->entries[i];
	add_leaf(0x40000000, 0, 0, 0x40000001, 0x12345678, 0x9abcdef0, 0xfedcba98);
	add_leaf(0x40000001, 0, 0, 1, 2, 3, 4);
	add_leaf(0x80000000, 0, 0, 0x80000009, 0x11, 0x22, 0x33);
	add_leaf(0x80000001, 0, 0, 0, 0, 1, 0x20100800);
	add_leaf(0x80000009, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 10, 11, 12, 13);
	add_leaf(0x80000009, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 20, 21, 22, 23);
	request(c->fd, KVM_SET_CPUID2, &own);
	expect_leaf(c, 0x40000000, 0, 0x40000001, 0x12345678, 0x9abcdef0, 0xfedcba98);
	expect_leaf(c, 0x40000001, 5, 1, 2, 3, 4);
	expect_leaf(c, 0x80000009, 0, 10, 11, 12, 13);
	expect_leaf(c, 0x80000009, 1, 20, 21, 22, 23);
	/* An index that was not given, and a leaf inside the range that was not. */
	expect_leaf(c, 0x80000009, 2, 0, 0, 0, 0);
	expect_leaf(c, 0x80000005, 0, 0, 0, 0, 0);
}

/* Intel answers a leaf beyond the range as the highest basic one, AMD with zeros (SDM, CPUID). */
TEST(cpuid_out_of_range)
{
	struct guest_cpu *c = setup();

	own.list.nent = 0;
	if (guest_intel)
		add_leaf(0, 0, 0, 2, 0x756e6547, 0x6c65746e, 0x49656e69);
	else
		add_leaf(0, 0, 0, 2, 0x68747541, 0x444d4163, 0x69746e65);
	add_leaf(1, 0, 0, 0x306c3, 0, 0, 0x0789a161);
	add_leaf(2, 0, 0, 5, 6, 7, 8);
	add_leaf(0x80000000, 0, 0, 0x80000001, 0, 0, 0);
	add_leaf(0x80000001, 0, 0, 0, 0, 1, 0x20100800);
	request(c->fd, KVM_SET_CPUID2, &own);
	if (guest_intel)
		expect_leaf(c, 0x1234, 0, 5, 6, 7, 8);
	else
		expect_leaf(c, 0x1234, 0, 0, 0, 0, 0);
	expect_leaf(c, 2, 0, 5, 6, 7, 8);
}

CODE64(osxsave, "mov %cr4, %rax\n or $0x40000, %rax\n mov %rax, %cr4\n mov $1, %eax\n cpuid\n"
		"mov %ecx, %esi\n mov %cr4, %rax\n and $~0x40000, %rax\n mov %rax, %cr4\n"
		"mov $1, %eax\n cpuid\n");

/* CPUID.1:ECX.OSXSAVE is CR4's bit, whatever the caller set. */
TEST(cpuid_osxsave_follows_cr4)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	if (!(guest_cpuid_entry(guest_supported_cpuid(&g), 1)->ecx & 1 << 26))
		SKIP("no XSAVE");
	EQUAL(TRY(c, osxsave, &r), NO_EXCEPTION);
	EQUAL(r.rsi >> 27 & 1, 1);
	EQUAL(r.rcx >> 27 & 1, 0);
}

TEST(cpuid_hides_vmx_and_svm)
{
	struct guest_cpu *c = setup();

	EQUAL(cpuid_in_guest(c, 1, 0).rcx >> 5 & 1, 0);
	EQUAL(cpuid_in_guest(c, 0x80000001, 0).rcx >> 2 & 1, 0);
}

TEST(cpuid_room)
{
	u32 all;

	setup();
	own.list.nent = 0;
	EQUAL(try_request(g.dev, KVM_GET_SUPPORTED_CPUID, (u64)&own), -1);
	EQUAL(errno, E2BIG);
	all = guest_supported_cpuid(&g)->nent;
	own.list.nent = all - 1;
	EQUAL(try_request(g.dev, KVM_GET_SUPPORTED_CPUID, (u64)&own), -1);
	EQUAL(errno, E2BIG);
	own.list.nent = all;
	request(g.dev, KVM_GET_SUPPORTED_CPUID, &own);
	EQUAL(own.list.nent, all);
	own.list.nent = 257;
	EQUAL(try_request(g.cpu[0].fd, KVM_SET_CPUID2, (u64)&own), -1);
	EQUAL(errno, E2BIG);
}

/* ---- MSRs from inside ---- */

CODE64(rdmsr, "rdmsr\n");
CODE64(wrmsr, "wrmsr\n");

static int read_msr(struct guest_cpu *c, u32 index, u64 *value)
{
	struct kvm_regs r = { .rcx = index, .rax = -1, .rdx = -1 };
	int vector;

	/* The upper half of RCX does not count; QEMU 7.2 looks into the permission map with it. */
	if (guest_intel)
		r.rcx |= 0xffffffff00000000;
	vector = TRY(c, rdmsr, &r);
	*value = r.rdx << 32 | (u32)r.rax;
	if (vector == NO_EXCEPTION && (r.rdx >> 32 || r.rax >> 32))
		FAIL("RDMSR of %#x left the upper halves set", index);
	return vector;
}

static int write_msr(struct guest_cpu *c, u32 index, u64 value)
{
	struct kvm_regs r = { .rcx = index, .rax = (u32)value, .rdx = value >> 32 };

	return TRY(c, wrmsr, &r);
}

/* What the guest writes is what it and the caller read, and the other way round. */
TEST(msr_both_ways)
{
	static const struct {
		u32 index;
		u64 values[2];
	} msrs[] = {
		{ IA32_SYSENTER_CS, { 0x1234, 8 } },
		{ IA32_SYSENTER_ESP, { 0x12345678, 0x7000 } },
		{ IA32_SYSENTER_EIP, { 0x87654321, 0x8000 } },
		{ IA32_STAR, { 0x0023001000000000, 0x1234567800000000 } },
		{ IA32_LSTAR, { 0xffff800011112222, 0x1000 } },
		{ IA32_CSTAR, { 0xffff800033334444, 0x2000 } },
		{ IA32_FMASK, { 0x700, 0x47700 } },
		{ IA32_FS_BASE, { 0xffff800055556666, 0x3000 } },
		{ IA32_GS_BASE, { 0xffff800077778888, 0x4000 } },
		{ IA32_KERNEL_GS_BASE, { 0xffff800099990000, 0x5000 } },
		{ IA32_PAT, { 0x0007040600070406, 0x0000000000000006 } },
		{ IA32_MTRR_DEF_TYPE, { 0xc06, 0x800 } },
		{ IA32_MTRR_FIX64K, { 0x0606060606060606, 0 } },
		{ IA32_MTRR_PHYSBASE0, { 0x80000006, 0 } },
		{ IA32_MTRR_PHYSBASE0 + 1, { 0xff80000800, 0 } },
	};
	struct guest_cpu *c = setup();

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		u32 index = msrs[i].index;
		u64 seen;

		if (write_msr(c, index, msrs[i].values[0]) != NO_EXCEPTION)
			FAIL("MSR %#x: WRMSR faults", index);
		seen = guest_msr(c, index);
		if (seen != msrs[i].values[0])
			FAIL("MSR %#x: the caller sees %#llx", index, seen);
		if (!guest_set_msr(c, index, msrs[i].values[1]))
			FAIL("MSR %#x: the caller cannot write it", index);
		if (read_msr(c, index, &seen) != NO_EXCEPTION || seen != msrs[i].values[1])
			FAIL("MSR %#x: the guest sees %#llx", index, seen);
	}
}

static int set_filter(struct kvm_msr_filter *f)
{
	return try_request(g.vm, KVM_X86_SET_MSR_FILTER, (u64)f) ? errno : 0;
}

TEST(msr_filter_refused)
{
	struct kvm_msr_filter f = { .flags = KVM_MSR_FILTER_DEFAULT_DENY };
	u8 bits[8] = { 0 };

	setup();
	if (!guest_extension(&g, KVM_CAP_X86_MSR_FILTER))
		SKIP("no KVM_CAP_X86_MSR_FILTER");
	EQUAL(set_filter(&f), EINVAL);
	f.flags = 2;
	EQUAL(set_filter(&f), EINVAL);
	f = (struct kvm_msr_filter){ .ranges[3] = { 0, 1, 0, bits } };
	EQUAL(set_filter(&f), EINVAL);
	f.ranges[3].flags = 4;
	EQUAL(set_filter(&f), EINVAL);
	f.ranges[3].flags = KVM_MSR_FILTER_READ;
	f.ranges[3].nmsrs = KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8 + 1;
	EQUAL(set_filter(&f), EINVAL);
	f.ranges[3].nmsrs = 1;
	f.ranges[3].bitmap = NULL;
	EQUAL(set_filter(&f), EFAULT);
	f.ranges[3].nmsrs = 0;
	f.ranges[3].flags = ~0u;
	EQUAL(set_filter(&f), 0);
	f.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	EQUAL(set_filter(&f), EINVAL);
}

/* Also an MSR that guests otherwise reach without an exit, and a filter that comes and goes. */
TEST(msr_filter)
{
	struct guest_cpu *c = setup();
	u8 bits[8] = { 0 };
	struct kvm_msr_filter none = { 0 }, f = { .ranges = {
		{ KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, 1, IA32_KERNEL_GS_BASE, bits },
		{ KVM_MSR_FILTER_WRITE, 1, IA32_FS_BASE, bits },
	} };
	u64 seen;

	if (!guest_extension(&g, KVM_CAP_X86_MSR_FILTER))
		SKIP("no KVM_CAP_X86_MSR_FILTER");
	EQUAL(write_msr(c, IA32_KERNEL_GS_BASE, 0x1000), NO_EXCEPTION);
	EQUAL(set_filter(&f), 0);
	EQUAL(write_msr(c, IA32_KERNEL_GS_BASE, 0x2000), VECTOR_GP);
	EQUAL(read_msr(c, IA32_KERNEL_GS_BASE, &seen), VECTOR_GP);
	EQUAL(write_msr(c, IA32_FS_BASE, 0x3000), VECTOR_GP);
	EQUAL(read_msr(c, IA32_FS_BASE, &seen), NO_EXCEPTION);
	EQUAL(guest_msr(c, IA32_KERNEL_GS_BASE), 0x1000); /* the caller's view is not filtered */
	EQUAL(set_filter(&none), 0);
	EQUAL(write_msr(c, IA32_KERNEL_GS_BASE, 0x2000), NO_EXCEPTION);
	EQUAL(read_msr(c, IA32_KERNEL_GS_BASE, &seen), NO_EXCEPTION);
	EQUAL(seen, 0x2000);
}

TEST(msr_refused)
{
	static const struct {
		u32 index;
		u64 value;
		const char *what;
	} bad[] = {
		{ 0x12345, 0, "unknown" },
		{ 0xc0001234, 0, "unknown" },
		{ 0x40001234, 0, "unknown" },
		{ IA32_LSTAR, 0x8000000000000000, "not canonical" },
		{ IA32_FS_BASE, 0x8000000000000000, "not canonical" },
		{ IA32_GS_BASE, 0x0000800000000000, "not canonical" },
		{ IA32_KERNEL_GS_BASE, 0xffff000000000000, "not canonical" },
		{ IA32_SYSENTER_EIP, 0x1234000000000000, "not canonical" },
		{ IA32_PAT, 0x0000000000000002, "type 2" },
		{ IA32_PAT, 0x0800000000000000, "type 8" },
		{ IA32_MTRR_DEF_TYPE, 0x2, "type 2" },
		{ IA32_MTRR_DEF_TYPE, 0x1006, "reserved bit" },
		{ IA32_MTRR_FIX64K, 0x0202020202020202, "type 2" },
		{ IA32_EFER, 0x2, "reserved bit" },
		{ IA32_EFER, EFER_LMA | EFER_SCE, "LME off under paging" },
		{ IA32_EFER, EFER_LME | EFER_LMA | EFER_SVME, "SVME" },
		{ IA32_EFER, 1ull << 40, "reserved bit" },
		{ IA32_APIC_BASE, 0xfee00000 | 1 << 9, "reserved bit" },
		{ IA32_MTRRCAP, 0, "read only" },
		{ IA32_VMX_BASIC, 0, "no VMX" },
	};
	struct guest_cpu *c = setup();
	u64 value;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		/*
		 * AMD has 32 bits of SYSENTER_EIP and does not look at the rest. The others are
		 * the guest's own there, and QEMU does not play that check of the processor.
		 */
		if (!guest_intel && !strcmp(bad[i].what, "not canonical"))
			continue;
		if (write_msr(c, bad[i].index, bad[i].value) != VECTOR_GP)
			FAIL("WRMSR %#x, %s: no #GP", bad[i].index, bad[i].what);
		EQUAL(guest_events(&g)->event[0].error, 0);
		EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE);
	}
	EQUAL(read_msr(c, 0x12345, &value), VECTOR_GP);
	EQUAL(read_msr(c, 0xc0001234, &value), VECTOR_GP);
	EQUAL(read_msr(c, 0x40001234, &value), VECTOR_GP);
	EQUAL(read_msr(c, IA32_VMX_BASIC, &value), VECTOR_GP);
	EQUAL(read_msr(c, IA32_EFER, &value), NO_EXCEPTION);
	EQUAL(value, EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE);
}

/* The guest must not reach the host's: what it writes to SVM's MSRs stays with it or faults. */
TEST(msr_of_svm)
{
	struct guest_cpu *c = setup();
	u64 value;

	write_msr(c, AMD_VM_CR, 0x10);
	write_msr(c, AMD_VM_HSAVE_PA, 0x1000);
	if (read_msr(c, AMD_VM_CR, &value) == NO_EXCEPTION)
		EQUAL(value & ~0x18ull, 0);
	/* The host still runs guests. */
	EQUAL(read_msr(c, IA32_EFER, &value), NO_EXCEPTION);
}

/* The time stamp counter is the guest's own: written, it goes on from there. */
TEST(msr_tsc)
{
	struct guest_cpu *c = setup();
	u64 first, second;

	EQUAL(write_msr(c, IA32_TIME_STAMP_COUNTER, 0x1000000000000), NO_EXCEPTION);
	EQUAL(read_msr(c, IA32_TIME_STAMP_COUNTER, &first), NO_EXCEPTION);
	EQUAL(read_msr(c, IA32_TIME_STAMP_COUNTER, &second), NO_EXCEPTION);
	if (first < 0x1000000000000 || first > 0x1000100000000)
		FAIL("%#llx, written was %#llx", first, 0x1000000000000ull);
	CHECK(second > first);
}

CODE64(swap, "swapgs\n");

/* FS and GS bases are one thing with two names: MSR and segment. */
TEST(msr_segment_bases)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };
	struct kvm_sregs s;

	EQUAL(write_msr(c, IA32_FS_BASE, 0xffff800012340000), NO_EXCEPTION);
	EQUAL(write_msr(c, IA32_GS_BASE, 0xffff800056780000), NO_EXCEPTION);
	EQUAL(write_msr(c, IA32_KERNEL_GS_BASE, 0x7654321), NO_EXCEPTION);
	guest_sregs(c, &s);
	EQUAL(s.fs.base, 0xffff800012340000);
	EQUAL(s.gs.base, 0xffff800056780000);
	EQUAL(TRY(c, swap, &r), NO_EXCEPTION);
	EQUAL(guest_msr(c, IA32_KERNEL_GS_BASE), 0xffff800056780000);
	guest_sregs(c, &s);
	EQUAL(s.gs.base, 0x7654321);
	s.fs.base = 0x1122000;
	guest_set_sregs(c, &s);
	EQUAL(guest_msr(c, IA32_FS_BASE), 0x1122000);
}

CODE64(do_syscall, "syscall\n hlt\n hlt\n");
CODE64(in_syscall, "hlt\n");

/* SYSCALL uses the guest's STAR, LSTAR and FMASK. */
TEST(msr_syscall)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { .rflags = RFLAGS_ONE | RFLAGS_AC | RFLAGS_DF };

	guest_load(&g, 0x9000, in_syscall, in_syscall_end);
	CHECK(guest_set_msr(c, IA32_STAR, (u64)SEL_CODE64 << 32));
	CHECK(guest_set_msr(c, IA32_LSTAR, 0x9000));
	CHECK(guest_set_msr(c, IA32_FMASK, RFLAGS_DF));
	EQUAL(TRY(c, do_syscall, &r), NO_EXCEPTION);
	EQUAL(r.rip, 0x9001);
	EQUAL(r.rcx, GUEST_CODE + 2);
	EQUAL(r.r11 & (RFLAGS_AC | RFLAGS_DF), RFLAGS_AC | RFLAGS_DF);
	EQUAL(r.rflags & (RFLAGS_AC | RFLAGS_DF), RFLAGS_AC);
}

/* ---- MSRs from outside ---- */

static struct kvm_msr_list *msr_list(unsigned int request_nr)
{
	static union {
		struct kvm_msr_list list;
		u32 room[1025];
	} l;

	l.list.nmsrs = 0;
	EQUAL(try_request(g.dev, request_nr, (u64)&l), -1);
	EQUAL(errno, E2BIG);
	CHECK(l.list.nmsrs > 0 && l.list.nmsrs <= 1024);
	request(g.dev, request_nr, &l);
	return &l.list;
}

/*
 * Every MSR of the list can be read, and what was read be written, on a fresh vCPU. Not KVM's own
 * from 0x4b564d00 on, some of which want interrupt chips, and VMX', which want its CPUID bit.
 */
TEST(msr_index_list)
{
	struct guest_cpu *c = setup();
	struct kvm_msr_list *l = msr_list(KVM_GET_MSR_INDEX_LIST);

	for (u32 i = 0; i < l->nmsrs; i++) {
		u64 value;

		if (l->indices[i] >> 8 == 0x4b564d || l->indices[i] - IA32_VMX_BASIC < 0x20)
			continue;
		value = guest_msr(c, l->indices[i]);
		if (!guest_set_msr(c, l->indices[i], value))
			FAIL("MSR %#x: %#llx was read and cannot be written", l->indices[i], value);
	}
}

/* Requests with several MSRs stop at the first that is refused and tell how many were done. */
TEST(msr_requests_count)
{
	struct guest_cpu *c = setup();
	static union {
		struct kvm_msrs list;
		u8 room[sizeof(struct kvm_msrs) + 300 * sizeof(struct kvm_msr_entry)];
	} m;

	m.list.nmsrs = 3;
	m.list.entries[0].index = IA32_LSTAR;
	m.list.entries[0].data = 0x1111;
	m.list.entries[1].index = 0x12345;
	m.list.entries[1].data = 5;
	m.list.entries[2].index = IA32_CSTAR;
	m.list.entries[2].data = 0x2222;
	EQUAL(request(c->fd, KVM_SET_MSRS, &m), 1);
	EQUAL(guest_msr(c, IA32_LSTAR), 0x1111);
	EQUAL(guest_msr(c, IA32_CSTAR), 0);
	EQUAL(request(c->fd, KVM_GET_MSRS, &m), 1);
	m.list.nmsrs = 0;
	EQUAL(request(c->fd, KVM_GET_MSRS, &m), 0);
	m.list.nmsrs = 257;
	EQUAL(try_request(c->fd, KVM_GET_MSRS, (u64)&m), -1);
	EQUAL(errno, E2BIG);
}

/* The paravirtual MSRs that clients clear at reset even without offering them. */
TEST(msr_clock_cleared)
{
	struct guest_cpu *c = setup();

	CHECK(guest_set_msr(c, 0x11, 0));
	CHECK(guest_set_msr(c, 0x12, 0));
}
