// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Guests that reach for the host: the instructions of both vendors' extensions in every mode, the
 * MSRs behind them, XCR0. Whatever the guest is answered, the host's own registers stay as they
 * were; they are read from the host itself, on every processor.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(void)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	return &g.cpu[0];
}

static void on_processor(long n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
}

/* ---- The host's registers ---- */

static const u32 watched[] = {
	IA32_APIC_BASE, IA32_FEATURE_CONTROL, IA32_MTRRCAP, IA32_SYSENTER_CS, IA32_SYSENTER_ESP,
	IA32_SYSENTER_EIP, IA32_MISC_ENABLE, IA32_DEBUGCTL, IA32_MTRR_PHYSBASE0, IA32_PAT,
	IA32_MTRR_DEF_TYPE, IA32_XSS, IA32_EFER, IA32_STAR, IA32_LSTAR, IA32_CSTAR, IA32_FMASK,
	IA32_GS_BASE, IA32_TSC_AUX, 0xc0010010, 0xc0010015, 0xc0010111, 0xc0010112, 0xc0010113,
	AMD_VM_CR, AMD_VM_HSAVE_PA,
};
#define HOST_CPUS 8
struct host_state {
	u64 msr[HOST_CPUS][ARRAY_SIZE(watched)], there[HOST_CPUS], xcr0[HOST_CPUS];
};

static u64 xcr0(void)
{
	u32 low = 0, high = 0;

	if (guest_has_cpuid(1, 0, 'c', 27))
		asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (u64)high << 32 | low;
}

static void look_at_host(struct host_state *s)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	memset(s, 0, sizeof(*s));
	for (long cpu = 0; cpu < n && cpu < HOST_CPUS; cpu++) {
		char path[40];
		int fd;

		snprintf(path, sizeof(path), "/dev/cpu/%ld/msr", cpu);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			SKIP("%s is not there", path);
		for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
			if (pread(fd, &s->msr[cpu][i], 8, watched[i]) == 8)
				s->there[cpu] |= 1ull << i;
		close(fd);
		on_processor(cpu);
		s->xcr0[cpu] = xcr0();
	}
	on_processor(0);
}

static void host_is_the_same(const struct host_state *before)
{
	struct host_state now;

	look_at_host(&now);
	for (unsigned int cpu = 0; cpu < HOST_CPUS; cpu++) {
		EQUAL(now.xcr0[cpu], before->xcr0[cpu]);
		EQUAL(now.there[cpu], before->there[cpu]);
		for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
			if (now.msr[cpu][i] != before->msr[cpu][i])
				FAIL("CPU %u, MSR %#x: %#llx, was %#llx", cpu, watched[i],
				     now.msr[cpu][i], before->msr[cpu][i]);
	}
}

/* ---- Instructions ---- */

/* mov $VECTOR, %al; out %al, $GUEST_PORT_FAULT; hlt: the same bytes in every mode. */
#define STUBS 0x600
#define IDT32 GUEST_DATA

static void build_stubs(void)
{
	for (unsigned int v = 0; v < 32; v++) {
		u8 stub[8] = { 0xb0, v, 0xe6, GUEST_PORT_FAULT, 0xf4 };
		u32 at = STUBS + 8 * v;

		memcpy(g.mem + at, stub, sizeof(stub));
		((u32 *)g.mem)[v] = at; /* real mode: segment 0 */
		((u64 *)(g.mem + IDT32))[v] = at | SEL_CODE32 << 16 | 0x8eull << 40;
		guest_gate(&g, v, at, 0);
	}
}

static void enter_mode(struct guest_cpu *c, enum guest_mode mode, bool user)
{
	struct kvm_sregs s;

	guest_mode(c, mode);
	build_stubs();
	guest_sregs(c, &s);
	if (mode != MODE_REAL && mode != MODE_LONG) {
		s.idt.base = IDT32;
		s.idt.limit = 0xff;
		/* ESP0 and SS0 of a 32-bit task state segment. */
		*(u32 *)(g.mem + GUEST_TSS + 4) = GUEST_STACK - 0x400;
		*(u32 *)(g.mem + GUEST_TSS + 8) = SEL_DATA;
	}
	if (user) {
		s.cs.selector |= 3;
		s.ss.selector |= 3;
		s.cs.dpl = s.ss.dpl = 3;
	}
	guest_set_sregs(c, &s);
}

struct instruction {
	const char *name;
	bool amd, intel; /* whose it is */
	u8 bytes[6];
};

static const struct instruction instructions[] = {
	{ "vmrun", true, false, { 0x0f, 0x01, 0xd8 } },
	{ "vmload", true, false, { 0x0f, 0x01, 0xda } },
	{ "vmsave", true, false, { 0x0f, 0x01, 0xdb } },
	{ "stgi", true, false, { 0x0f, 0x01, 0xdc } },
	{ "clgi", true, false, { 0x0f, 0x01, 0xdd } },
	{ "skinit", true, false, { 0x0f, 0x01, 0xde } },
	{ "invlpga", true, false, { 0x0f, 0x01, 0xdf } },
	{ "vmlaunch", false, true, { 0x0f, 0x01, 0xc2 } },
	{ "vmresume", false, true, { 0x0f, 0x01, 0xc3 } },
	{ "vmxoff", false, true, { 0x0f, 0x01, 0xc4 } },
	{ "vmfunc", false, true, { 0x0f, 0x01, 0xd4 } },
	{ "getsec", false, true, { 0x0f, 0x37 } },
	/* ModRM 00h is (BX+SI) or (EAX): memory in every mode. */
	{ "vmread", false, true, { 0x0f, 0x78, 0x00 } },
	{ "vmwrite", false, true, { 0x0f, 0x79, 0x00 } },
	{ "vmptrld", false, true, { 0x0f, 0xc7, 0x30 } },
	{ "vmptrst", false, true, { 0x0f, 0xc7, 0x38 } },
	{ "vmclear", false, true, { 0x66, 0x0f, 0xc7, 0x30 } },
	{ "vmxon", false, true, { 0xf3, 0x0f, 0xc7, 0x30 } },
	{ "invept", false, true, { 0x66, 0x0f, 0x38, 0x80, 0x00 } },
	{ "invvpid", false, true, { 0x66, 0x0f, 0x38, 0x81, 0x00 } },
};

/* The vector that it raised; NO_EXCEPTION where HLT was next. */
static int execute(struct guest_cpu *c, const u8 *bytes, size_t n, u64 rax)
{
	struct kvm_regs r = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rax = rax, .rsi = 0x9000,
			      .rflags = RFLAGS_ONE };

	memset(g.mem + GUEST_CODE, 0xf4, 16);
	memcpy(g.mem + GUEST_CODE, bytes, n);
	guest_set_regs(c, &r);
	guest_run(c);
	if (c->run->exit_reason == KVM_EXIT_HLT)
		return NO_EXCEPTION;
	if (c->run->exit_reason != KVM_EXIT_IO || c->run->io.port != GUEST_PORT_FAULT)
		FAIL("%s", guest_exit_text(c));
	return *(u8 *)guest_io_data(c);
}

static const struct {
	enum guest_mode mode;
	const char *name;
} modes[] = {
	{ MODE_REAL, "real mode" },
	{ MODE_PROTECTED, "protected mode" },
	{ MODE_PAGED32, "32-bit paging" },
	{ MODE_PAE, "PAE paging" },
	{ MODE_LONG, "long mode" },
};

/*
 * #UD, as where the processor has no such extension. For user programs the processor itself looks
 * at the privilege first, before anybody could intercept: #GP (APM vol. 3, VMRUN and its kind).
 */
static void all_instructions(struct guest_cpu *c, const char *mode, bool user)
{
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		const struct instruction *in = &instructions[i];
		int vector = execute(c, in->bytes, sizeof(in->bytes), 0x9000);

		if (vector == VECTOR_UD || (user && in->amd && !guest_intel && vector == VECTOR_GP))
			continue;
		FAIL("%s, %s, privilege %u: vector %d instead of #UD", in->name, mode,
		     user ? 3 : 0, vector);
	}
}

TEST_LIMIT(instructions_of_both_vendors_in_all_modes, 30)
{
	struct guest_cpu *c = setup();
	struct host_state host;

	look_at_host(&host);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		enter_mode(c, modes[i].mode, false);
		all_instructions(c, modes[i].name, false);
		if (modes[i].mode == MODE_REAL)
			continue;
		enter_mode(c, modes[i].mode, true);
		all_instructions(c, modes[i].name, true);
	}
	host_is_the_same(&host);
}

/* The vendor's own: an answer in RAX, and on; for user programs another answer. */
TEST(hypercalls_in_all_modes)
{
	static const u8 vmcall[] = { 0x0f, 0x01, 0xc1 }, vmmcall[] = { 0x0f, 0x01, 0xd9 };
	struct guest_cpu *c = setup();
	struct kvm_regs r;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(modes); i++) {
		bool user = i & 1;
		int vector;

		if (user && modes[i / 2].mode == MODE_REAL)
			continue;
		enter_mode(c, modes[i / 2].mode, user);
		vector = execute(c, guest_intel ? vmcall : vmmcall, 3, 0x7fff0000);
		/* A user's HLT is a fault: the one behind the call. */
		if (vector != (user ? VECTOR_GP : NO_EXCEPTION))
			FAIL("%s, privilege %u: vector %d", modes[i / 2].name, user ? 3 : 0, vector);
		guest_regs(c, &r);
		EQUAL((u32)r.rax & ~0xffu, 0xfffffc00 | (user ? 0x300 : 0));
	}
}

/* With physical addresses of the host's own in RAX, all of them below 4 GiB by and by. */
CODE64(save_everywhere, "1: vmsave\n hlt\n");

TEST(addresses_of_the_host)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { 0 };

	for (u64 at = 0; at < 1ull << 32; at += 0x2345000) {
		r.rax = at;
		EQUAL(TRY(c, save_everywhere, &r), VECTOR_UD);
	}
}

/* ---- MSRs ---- */

CODE64(do_wrmsr, "wrmsr\n");
CODE64(do_rdmsr, "rdmsr\n");

static int write_msr(struct guest_cpu *c, u64 rcx, u64 value)
{
	struct kvm_regs r = { .rcx = rcx, .rax = (u32)value, .rdx = value >> 32 };

	return TRY(c, do_wrmsr, &r);
}

static int read_msr(struct guest_cpu *c, u64 rcx)
{
	struct kvm_regs r = { .rcx = rcx };

	return TRY(c, do_rdmsr, &r);
}

/* There are none for a guest: neither SVM's nor VMX's, whatever stands above ECX. */
TEST(registers_of_the_extensions)
{
	static const u32 none[] = { AMD_VM_CR, AMD_VM_HSAVE_PA, 0xc0010115, 0xc0010118,
				    0xc0010111, 0xc0010112, 0xc0010113, IA32_VMX_BASIC,
				    IA32_VMX_EPT_VPID_CAP, IA32_SPEC_CTRL, IA32_PRED_CMD, IA32_XSS };
	static const u64 values[] = { 0, 1, 0x10, 0x1000, 0x9000, ~0ull };
	static const u64 above[] = { 0, 1ull << 32, 0xffffffffull << 32, 0x1234567ull << 33 };
	u64 efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
	struct guest_cpu *c = setup();
	struct host_state host;

	look_at_host(&host);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		/* In QEMU what stands above ECX counts in looking up the low MSRs' permissions. */
		bool low = none[i] < 0x2000 && !guest_intel;

		for (size_t k = 0; k < (low ? 1 : ARRAY_SIZE(above)); k++) {
			u64 rcx = none[i] | above[k];

			if (read_msr(c, rcx) != VECTOR_GP)
				FAIL("MSR %#llx can be read", rcx);
			for (size_t n = 0; n < ARRAY_SIZE(values); n++)
				if (write_msr(c, rcx, values[n]) != VECTOR_GP)
					FAIL("MSR %#llx can be written", rcx);
		}
	}
	EQUAL(write_msr(c, IA32_EFER, efer | EFER_SVME), VECTOR_GP);
	EQUAL(write_msr(c, IA32_EFER, ~0ull), VECTOR_GP);
	EQUAL(write_msr(c, IA32_EFER, efer), NO_EXCEPTION);
	EQUAL(guest_msr(c, IA32_EFER), efer);
	/* Nor may the caller have them. */
	CHECK(!guest_set_msr(c, AMD_VM_HSAVE_PA, 0x1000));
	CHECK(!guest_set_msr(c, AMD_VM_CR, 0));
	CHECK(!guest_set_msr(c, IA32_EFER, efer | EFER_SVME));
	host_is_the_same(&host);
}

/* Nonsense to all that are watched, and to any number near them. */
TEST_LIMIT(any_register_any_value, 60)
{
	static const u32 bases[] = { 0, 0x200, 0x480, 0x800, 0xc0000000, 0xc0000080, 0xc0000100,
				     0xc0010000, 0xc0010100, 0xc0011000 };
	struct guest_cpu *c = setup();
	struct kvm_sregs s;
	struct host_state host;

	srandom(1);
	guest_sregs(c, &s);
	look_at_host(&host);
	for (unsigned int round = 0; round < 3000; round++) {
		u32 msr = round & 1 ? watched[random() % ARRAY_SIZE(watched)] :
				      bases[random() % ARRAY_SIZE(bases)] + random() % 0x120;
		u64 value = (u64)random() << (random() % 34);

		if (msr != IA32_FS_BASE)
			write_msr(c, msr, random() & 1 ? value : 1ull << random() % 64);
		if (round % 64 == 63)
			host_is_the_same(&host);
		guest_set_sregs(c, &s);
	}
	host_is_the_same(&host);
}

/* ---- XCR0 ---- */

/* The guest begins with the host's own: nothing differs that would have to be put back. */
static void give_xcr0(struct guest_cpu *c, u64 value)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = value };
	struct kvm_sregs s;

	guest_sregs(c, &s);
	s.cr4 |= CR4_OSXSAVE;
	guest_set_sregs(c, &s);
	request(c->fd, KVM_SET_XCRS, &xcrs);
}

/* As many values as it takes, bad ones too, without an exit of its own on some processors. */
CODE64(xcr0_for_ever, "xor %ecx, %ecx\n xor %edx, %edx\n"
		      "1: mov $1, %eax\n xsetbv\n mov $3, %eax\n xsetbv\n"
		      "incq 0x9000\n jmp 1b\n");
static volatile bool enough;

static void *spin_guest(void *arg)
{
	struct guest_cpu *c = arg;

	on_processor(0);
	while (!enough)
		try_request(c->fd, KVM_RUN, 0);
	return NULL;
}

/* RBX is CR4 without OSXSAVE: nobody who looks at CR4 then sees that XCR0 was changed. */
CODE64(xcr0_and_away, "xor %ecx, %ecx\n xor %edx, %edx\n mov $1, %eax\n xsetbv\n"
		      "mov %rbx, %cr4\n nop\n out %al, $0x80\n");

TEST(xcr0_changed_behind_cr4)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = RFLAGS_ONE };
	struct kvm_xcrs xcrs;
	struct kvm_sregs s;
	u64 host = xcr0();

	if (!guest_has_cpuid(1, 0, 'c', 27))
		SKIP("no XSAVE");
	if (!guest_intel && guest_is_kvm(&g))
		SKIP("QEMU lets XSETBV pass, KVM counts on its exit");
	on_processor(0);
	give_xcr0(c, host);
	guest_sregs(c, &s);
	r.rbx = s.cr4 & ~(u64)CR4_OSXSAVE;
	LOAD(&g, xcr0_and_away);
	guest_set_regs(c, &r);
	guest_run_to(c, KVM_EXIT_IO);
	EQUAL(xcr0(), host);
	request(c->fd, KVM_GET_XCRS, &xcrs);
	EQUAL(xcrs.xcrs[0].value, 1);
}

/* The host's programs on the same processor meanwhile. */
TEST_LIMIT(xcr0_of_the_host_meanwhile, 30)
{
	struct guest_cpu *c = setup();
	struct kvm_regs r = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = RFLAGS_ONE | RFLAGS_IF };
	pthread_t thread;
	u64 host = xcr0();
	time_t end;

	if (!guest_has_cpuid(1, 0, 'c', 27))
		SKIP("no XSAVE");
	if (!guest_intel && guest_is_kvm(&g))
		SKIP("QEMU lets XSETBV pass, KVM counts on its exit");
	give_xcr0(c, host);
	LOAD(&g, xcr0_for_ever);
	guest_set_regs(c, &r);
	guest_interrupted_by(SIGUSR1);
	on_processor(0);
	CHECK(!pthread_create(&thread, NULL, spin_guest, c));
	end = time(NULL) + 2;
	while (time(NULL) < end) {
		EQUAL(xcr0(), host);
		if (host & XCR0_AVX)
			asm volatile("vpxor %%ymm1, %%ymm1, %%ymm1" : : : "xmm1");
		sched_yield();
	}
	CHECK(*(u64 *)(g.mem + 0x9000));
	enough = true;
	c->run->immediate_exit = 1;
	pthread_kill(thread, SIGUSR1);
	CHECK(!pthread_join(thread, NULL));
	EQUAL(xcr0(), host);
}

/* Bad values in one run, so that whatever is let through stays until the host takes over. */
CODE64(xcr0_bad, "xsetbv\n");

TEST(xcr0_bad_values)
{
	static const u64 bad[] = { 0, 2, 4, 5, 6, 8, 0x10, 0x18 | 7, 0x20 | 7, 0x60 | 7, 0x200 | 7,
				   0x100 | 7, 1ull << 17 | 7, 1ull << 18 | 7, 1ull << 62, 1ull << 63,
				   1ull << 32 | 7, ~0ull };
	struct guest_cpu *c = setup();
	struct host_state host;

	if (!guest_has_cpuid(1, 0, 'c', 27))
		SKIP("no XSAVE");
	look_at_host(&host);
	give_xcr0(c, host.xcr0[0] & 7);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		for (u32 index = 0; index < 3; index++) {
			struct kvm_regs r = { .rcx = index, .rax = (u32)bad[i], .rdx = bad[i] >> 32 };
			int vector = TRY(c, xcr0_bad, &r);

			if (vector != VECTOR_GP)
				FAIL("XCR%u = %#llx: vector %d", index, bad[i], vector);
		}
	host_is_the_same(&host);
}
